"""Who claims a gradient, and the contract that every claim must keep.

`Formula` and `Engine` say how to ask for values and gradients. `Subject` asks at one
point, from private copies, and raises `Broken` where a comparison would mean nothing.
"""

from __future__ import annotations

import numpy as np

from utils.slopes import Point

FULL_JACOBIAN = 32  # up to so many outputs each one is judged alone


class Broken(Exception):
    """A broken contract: its kind, and what to tell a person.

    `element`, where there is one: name, index, claimed, measured, error.
    """

    def __init__(self, kind: str, hint: str, element: tuple | None = None):
        super().__init__(hint)
        self.kind, self.hint, self.element = kind, hint, element


# Who makes the claim -----------------------------------------------------------------


class Formula:
    """Numbers in, numbers out. The gradients are given, or `backward` computes them."""

    one_output_at_a_time = False

    def __init__(self, f, backward, gradients):
        self.f, self.backward, self.gradients = f, backward, gradients
        self.claims_elsewhere = backward is not None  # can the point be moved?

    def value(self, arguments):
        return self.f(*arguments)

    def run(self, arguments, upstream_for):
        """Value and gradients; `upstream_for(output)` makes the upstream gradient."""
        output = np.array(self.f(*arguments))  # copied at once: f may use its buffer again
        return output, self.vjp(arguments, upstream_for(output))

    def vjp(self, arguments, upstream):
        return self.gradients if self.backward is None else self.backward(upstream, *arguments)

    def takes_upstream(self, output) -> bool:
        return self.backward is not None


class Engine:
    """Wrapped inputs go through f, and the engine's own backward pass makes the claim."""

    claims_elsewhere = True
    gradients = None

    def __init__(self, f, value_class):
        self.f, self.value_class = f, value_class
        self.tensors = hasattr(value_class(np.float64(1.0)), "shape")
        self.one_output_at_a_time = not self.tensors

    def wrapped(self, x):
        if self.tensors:
            return self.value_class(np.asarray(x))
        return [self.wrapped(row) for row in x] if np.ndim(x) else self.value_class(float(x))

    def value(self, arguments):
        return _numbers(self.f(*map(self.wrapped, arguments)))

    def run(self, arguments, upstream_for):
        leaves = [self.wrapped(x) for x in arguments]
        before = [_numbers(leaf) for leaf in leaves]
        output = self.f(*leaves)
        value = np.array(_numbers(output))
        self.backward(output, upstream_for(value))
        if not all(np.array_equal(_numbers(leaf), old) for leaf, old in zip(leaves, before, strict=True)):
            raise Broken("mutates", _MUTATES.format("The .data of an input"))
        return value, [_numbers(leaf, "grad") for leaf in leaves]

    def vjp(self, arguments, upstream):
        return self.run(arguments, lambda output: upstream)[1]

    def takes_upstream(self, output) -> bool:
        return self.tensors and np.size(output) > 1

    def backward(self, output, upstream):
        if self.takes_upstream(upstream):
            return output.backward(np.array(upstream))
        chosen = _leaves(output)[int(np.argmax(upstream))]
        if not hasattr(chosen, "backward"):
            raise Broken(
                "missing",
                f"f returned a plain {type(chosen).__name__}, so no gradient can flow back.\n"
                "Likely: an operation went on with .data or float() and never wrapped its result.\n"
                "Try: let every operation return an object of the engine.",
            )
        return chosen.backward()


def _numbers(x, attribute="data"):
    """The plain numbers in an engine object or in nested lists of them; None where there are none."""
    if _is_nested(x):
        numbers = [_numbers(item, attribute) for item in x]
        return None if any(number is None for number in numbers) else np.array(numbers)
    plain = isinstance(x, int | float | np.ndarray | np.generic) and not hasattr(x, "backward")
    number = (x if attribute == "data" else None) if plain else getattr(x, attribute, None)
    return None if number is None else np.asarray(number).copy()


def _leaves(x) -> list:
    return [leaf for item in x for leaf in _leaves(item)] if _is_nested(x) else [x]


def _is_nested(x) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype == object and x.ndim > 0
    return isinstance(x, list | tuple) and not hasattr(x, "backward")


# The contract ------------------------------------------------------------------------

_MUTATES = (
    "{} changed while f or its backward pass ran.\n"
    "Likely: an in-place operation (+=, x[...] =, x.sort()) works on the caller's array.\n"
    "Try: x = x + y in place of x += y, or a copy first."
)
_RANDOM = (
    "{} gave two different results for equal inputs.\n"
    "Likely: dropout, shuffled data, unseeded noise, or state kept from call to call.\n"
    "Try: evaluation mode, or one mask fixed outside of f."
)


class Subject:
    """f and its claimed gradients at one point.

    After `keep_contract`: `output` (outputs,), `cotangents` (rows, outputs), `claimed`
    (rows, elements): the gradient claimed for each upstream gradient of `cotangents`.
    """

    def __init__(self, source: Formula | Engine, point: Point, seed: int):
        self.source, self.point, self.seed = source, point, seed
        self.calls = 0  # of f

    def keep_contract(self):
        """Ask twice and compare; raises Broken. TypeError if f returns anything but real numbers."""
        first, claimed = self.run()
        again, claimed_again = self.run()
        if not np.array_equal(first, again):
            raise Broken("nondeterministic", _RANDOM.format("f"))
        if not np.array_equal(claimed, claimed_again):
            raise Broken("nondeterministic", _RANDOM.format("The backward pass"))
        self.shape, self.dtype = first.shape, first.dtype if first.dtype.kind == "f" else np.dtype(float)
        self.output = first.ravel().astype(float)
        self.eps = max(self.point.eps, float(np.finfo(self.dtype).eps))
        self.cotangents = self.cotangents_for(first)
        if self.source.takes_upstream(first) and first.size:
            self.demand_linearity()
        rows = [claimed, *map(self.claim, self.cotangents[1:])]
        self.claimed = np.array(rows)[: len(self.cotangents)]

    def run(self):
        """Output and claimed gradients, from fresh copies of the inputs which must stay as they are."""
        arguments = self.point.arguments(self.point.flat)
        self.calls += 1
        output, gradients = self.source.run(arguments, lambda y: _shaped(self.cotangents_for(y)[:1], y.shape, y.dtype))
        self.demand_untouched(arguments)
        if output.dtype.kind not in "biuf":
            raise TypeError(f"f must return real numbers; it returned {output.dtype} of shape {output.shape}.")
        if self.source.gradients is not None and output.size != 1:
            raise TypeError(f"gradients=... is for one number; f returned shape {output.shape}. Try backward=...")
        if not np.isfinite(output).all():
            raise Broken(
                "nonfinite",
                f"f returned {output[~np.isfinite(output)][0]} at the point itself.\n"
                "Likely: an overflow in exp, or a log or a division at 0.\n"
                "Try: a smaller input first; then the stable form of the formula.",
            )
        return output, self.exact(gradients)

    def claim(self, cotangent) -> np.ndarray:
        """The gradients claimed for one cotangent, as one vector."""
        arguments = self.point.arguments(self.point.flat)
        self.calls += isinstance(self.source, Engine)
        gradients = self.source.vjp(arguments, _shaped(cotangent, self.shape, self.dtype))
        self.demand_untouched(arguments)
        return self.exact(gradients)

    def value(self, flat) -> np.ndarray:
        """The output at another point; nan where f has none."""
        self.calls += 1
        nowhere = np.full_like(self.output, np.nan)
        try:
            value = np.array(self.source.value(self.point.arguments(flat)), dtype=float).ravel()
        except Exception:  # outside of its domain f may raise whatever it likes
            return nowhere
        return value if value.size == self.output.size else nowhere

    def exact(self, gradients) -> np.ndarray:
        """The gradients as one vector: one per input, finite, and of exactly its shape."""
        arrays, names = self.point.arrays, self.point.names
        if len(arrays) == 1 and not isinstance(gradients, list | tuple):
            gradients = [gradients]
        if gradients is None or len(gradients) != len(arrays) or any(g is None for g in gradients):
            lost = [name for name, g in zip(names, gradients or [], strict=False) if g is None]
            count = "none" if gradients is None else len(gradients)
            raise Broken(
                "missing",
                (f"There is no gradient for {lost[0]}." if lost else f"Inputs: {len(arrays)}. Gradients: {count}.")
                + "\nLikely: a path back to an input is not linked, or a return is forgotten.\n"
                "Try: one gradient per input, in order; zeros where f does not depend on it.",
            )
        flat = [np.empty(0)]
        for x, gradient, name in zip(arrays, gradients, names, strict=True):
            gradient = np.asarray(gradient).astype(float)  # a copy: buffers may be used again
            if gradient.shape != x.shape:
                raise Broken("shape", _shape_hint(name, x.shape, gradient.shape))
            if not np.isfinite(gradient).all():
                raise Broken(
                    "nonfinite",
                    f"The gradient of {name} holds {gradient[~np.isfinite(gradient)].flat[0]}, though f is finite.\n"
                    "Likely: 0 * inf or a division by 0 in the derivative, or an overflow on the way.\n"
                    "Try: print the local derivatives at this point; use the stable form.",
                )
            flat.append(gradient.ravel())
        return np.concatenate(flat)

    def cotangents_for(self, output) -> np.ndarray:
        """The upstream gradients to try, one per row: each output alone, or random mixtures of many."""
        count, random = output.size, np.random.default_rng(self.seed)
        if count <= FULL_JACOBIAN:
            return np.eye(count)
        if self.source.one_output_at_a_time:
            return np.eye(count)[random.choice(count, FULL_JACOBIAN, replace=False)]
        # Ones alone would hide a softmax, whose outputs sum to 1 whatever happens.
        # Balanced rows let small outputs count as much as large ones.
        mixtures = random.choice([-1.0, 1.0], (4, count)) * random.uniform(0.5, 1.5, (4, count))
        size = np.abs(output.ravel().astype(float))
        typical = np.median(size[size > 0]) if size.any() else 1.0
        balance = 1 / np.where(size > 0, size, typical)
        return np.vstack([np.ones(count), mixtures[:2], mixtures[2:] * balance])

    def demand_untouched(self, arguments):
        for x, original, name in zip(arguments, self.point.arrays, self.point.names, strict=True):
            if not np.array_equal(x, original):
                raise Broken("mutates", _MUTATES.format(f"The input {name}"))

    def demand_repeatability(self, times):
        """Before a gradient is blamed, ask f again: rare noise may have stayed away until now."""
        if any(not np.array_equal(self.value(self.point.flat), self.output) for _ in range(times)):
            raise Broken("nondeterministic", _RANDOM.format("f"))

    def demand_linearity(self):
        """The gradients for v - 2 w must be those for v minus twice those for w."""
        v, w = np.random.default_rng(self.seed).uniform(0.5, 1.5, (2, self.output.size))
        at_v, at_w, mixed = self.claim(v), self.claim(w), self.claim(v - 2 * w)
        expected, size = at_v - 2 * at_w, np.abs(at_v) + 2 * np.abs(at_w)
        gap = np.abs(mixed - expected)
        # Where everything cancels, gradients are rounding alone, and rounding is not linear.
        rounding = 4 * self.eps * ((np.abs(v) + 2 * np.abs(w)) @ np.abs(self.output).ravel()) / self.point.scale
        if np.all(gap <= np.maximum(np.sqrt(self.eps) * size.max(initial=0), rounding)):
            return
        i = int(np.argmax(gap))
        raise Broken(
            "gradient",
            "The gradients are the same whatever upstream gradient arrives.\n"
            "Likely: the backward pass ignores `upstream`, as if every output counted once.\n"
            "Try: multiply each local derivative by the upstream gradient."
            if np.array_equal(at_v, at_w)
            else "The gradients do not follow the upstream gradient in proportion.\n"
            "Likely: `upstream` is used twice, added, or only by its sign.\n"
            "Try: multiply each local derivative by the upstream gradient exactly once.",
            (*self.point.place(i), float(mixed[i]), float(expected[i]), 0.0),
        )


def _shaped(cotangent, shape, dtype):
    """A cotangent as an upstream gradient: shaped like the output, a plain number for a number."""
    return np.resize(cotangent, shape).astype(dtype if dtype.kind == "f" else float)[()]


def _shape_hint(name, wanted, got) -> str:
    """What is wrong with a gradient of shape `got` for an input of shape `wanted`."""
    seen = f"The gradient of {name} has shape {got}; {name} has shape {wanted}.\n"
    if got == wanted[::-1]:
        return seen + "Likely: it is transposed.\nTry: .T, or the other order of the matrix product."
    if int(np.prod(got)) == int(np.prod(wanted)):
        return seen + "Likely: the numbers are there, in another shape.\nTry: gradient.reshape(x.shape)."
    if len(got) < len(wanted):
        likely = "Likely: a sum too many, or one number for all elements.\n"
        return seen + likely + "Try: one number for each element of the input."
    extra = len(got) - len(wanted)
    axes = [*range(extra), *(extra + i for i, n in enumerate(wanted) if n == 1 != got[extra + i])]
    axes = axes or [i for i, n in enumerate(wanted) if n != got[i]]
    which = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    likely = f"Likely: {name} was broadcast, and the sum over {which} is missing.\n"
    return seen + likely + f"Try: sum the gradient over {which}."
