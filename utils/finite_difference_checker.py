"""Check gradients against slopes measured by finite differences.

    from utils.finite_difference_checker import check_gradients

    print(check_gradients(lambda a, b: a * b + a, 2.0, 3.0, value_class=Value))
    print(check_gradients(np.sin, 0.5, gradients=[np.cos(0.5)]))
    print(check_gradients(f, x, w, backward=lambda upstream, x, w: (..., ...)))

The checker asks in this order. Does f keep its contract: same value twice, inputs
untouched, finite, exact shapes, linear in the upstream gradient? Does every claim
agree with a central difference? Where it does not: what is the slope really, and how
sure are we (utils/slopes.py)? A gradient fails only when it is further away than the
error bar; there is no absolute tolerance. And when it fails: which known mistake makes
exactly these numbers (utils/gradient_patterns.py)?
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from utils.gradient_patterns import Evidence, likely_mistake
from utils.slopes import Line, Point, Slope, ladder, measure

RTOL = 2e-5
FULL_JACOBIAN = 32  # up to so many outputs each one is judged alone
EVERY_ELEMENT = 256  # up to so many input elements each one is moved alone
SAMPLED, BLOCKS = 64, 96  # above: so many alone, and all of them in so many blocks
ENOUGH_FAILURES = 8  # then the verdict is settled, and measuring more only costs time


# What comes back ---------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """One number of a gradient: what was claimed, and what was measured, ± error."""

    name: str  # of the input
    index: tuple[int, ...]
    claimed: float
    measured: float
    error: float

    @property
    def ratio(self) -> float:
        """Claimed over measured; nan where the measured slope is zero."""
        return self.claimed / self.measured if self.measured else float("nan")

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
        measured = f"{self.measured:.7g} ± {self.error:.0e}"
        return f"  {place:<14} {self.claimed:<14.7g} {measured:<23} {self.ratio:.4g}"


@dataclass(frozen=True)
class Report:
    """The outcome of `check_gradients`; `print(report)` shows what a person wants to know."""

    verdict: str  # "pass", "fail" or "undecided"
    kind: str = ""  # "gradient", "nondeterministic", "mutates", "nonfinite", "shape", "missing", "kink" or ""
    hint: str = ""
    worst: Element | None = None
    table: tuple[Element, ...] = ()  # worst first; when the verdict is "fail", only what is off
    notes: tuple[str, ...] = ()
    calls: int = field(default=0, compare=False)  # of f

    @property
    def ok(self) -> bool:
        return self.verdict == "pass"

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [f"{self.verdict} [{self.kind}]" if self.kind else self.verdict]
        if self.ok:
            lines = [f"pass: the claimed gradients agree with the slopes measured ({len(self.table)} of {len(self.table)})"]
        elif self.table:
            lines.append(f"  {'':<14} {'claimed':<14} {'measured':<23} claimed/measured")
            lines += map(str, self.table[:5])
            if len(self.table) > 5:
                lines.append(f"  and {len(self.table) - 5} more")
        return "\n".join([*lines, *filter(None, [self.hint]), *self.notes])


class GradientError(AssertionError):
    """Raised by `check_gradients(..., raise_on_fail=True)`; carries the `report`."""

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report


class _Broken(Exception):
    """A broken contract: there is no point in comparing numbers."""

    def __init__(self, kind: str, hint: str, table: Sequence[Element] = ()):
        self.kind, self.hint, self.table = kind, hint, tuple(table)


# What is asked -----------------------------------------------------------------------


def check_gradients(
    f: Callable,
    *inputs,
    backward: Callable | None = None,
    gradients: Sequence | None = None,
    value_class: Callable | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    names: Sequence[str] | None = None,
    raise_on_fail: bool = False,
) -> Report:
    """Whether the claimed gradients of `f` at `inputs` are the slopes of `f` there.

    `inputs` are numbers or arrays of any shape, order, stride and dtype; integers
    become float64. f and backward get private copies, so the caller's data are never
    touched. `f(*inputs)` returns a number or an array.

    Exactly one of these makes the claim:
      gradients    one per input, shaped like it; f returns a single number
      backward     `backward(upstream, *inputs)` returns one gradient per input;
                   `upstream` is shaped like the output of f
      value_class  the engine itself: f is called on wrapped inputs, and `.backward()`
                   is run. A class whose objects have a `shape` wraps whole arrays.
                   Any other is a scalar engine: an array reaches f as nested lists
                   of Values, and f returns a Value or nested lists of Values.

    `rtol`: a smaller relative gap is never held against a gradient (1000 eps if that
    is more, so float32 has 1.2e-4). The same inputs and seed give the same text.

    Raises TypeError unless exactly one claim is made, GradientError on request, and
    whatever f or backward raise at the point itself.
    """
    if not inputs or sum(claim is not None for claim in (backward, gradients, value_class)) != 1:
        raise TypeError(
            "check_gradients needs f, at least one input, and exactly one claim to check.\n"
            "Try check_gradients(f, 2.0, 3.0, value_class=Value),\n"
            "or gradients=[...], or backward=your_function instead of value_class."
        )
    point = Point(inputs, names or _names(f, len(inputs)))
    source = _Engine(f, value_class) if value_class is not None else _Formula(f, backward, gradients)
    with np.errstate(all="ignore"):  # large steps may overflow; the ladder leaves them out
        report = _Check(source, point, rtol, seed).report()
    if raise_on_fail and report.verdict == "fail":
        raise GradientError(report)
    return report


def numerical_gradient(f: Callable, *inputs) -> list:
    """The gradient of `f`, measured: one float or array per input, shaped like it.

    Two extrapolations that agree for a well-behaved element, a whole ladder for a
    difficult one; at a kink, the mean of the two slopes. f must return one number.
    """
    point = Point(inputs, _names(f, len(inputs)))
    check = _Check(_Formula(f, None, [np.zeros(x.shape) for x in point.arrays]), point, RTOL, seed=0)
    slopes = np.zeros(point.size)
    with np.errstate(all="ignore"):
        check.keep_contract()
        for i in range(point.size):
            line = point.line([i])
            (slope,), (near,) = (check.extrapolated(line, t * check.step)[0] for t in (64, 8))
            if not abs(slope - near) <= 1e-7 * abs(slope):
                slope = check.climb(line, [0])[0].value
            slopes[i] = slope / line.weights[0]
    return [gradient if gradient.ndim else float(gradient) for gradient in point.split(slopes)]


def _names(f, count) -> list[str]:
    """The names of f's parameters, where they can be known."""
    try:
        parameters = list(inspect.signature(f).parameters.values())[:count]
    except (TypeError, ValueError):  # many built-in functions have no signature
        parameters = []
    if len(parameters) == count and all(p.kind <= p.POSITIONAL_OR_KEYWORD for p in parameters):
        return [p.name for p in parameters]
    return [f"input {i}" for i in range(count)]


# Who makes the claim -----------------------------------------------------------------


class _Formula:
    """Numbers in, numbers out. The gradients are given, or `backward` computes them."""

    one_output_at_a_time = False

    def __init__(self, f, backward, gradients):
        self.f, self.backward, self.gradients = f, backward, gradients
        self.claims_elsewhere = backward is not None

    def value(self, arguments):
        return self.f(*arguments)

    def run(self, arguments, upstream_for):
        """Value and raw gradients; `upstream_for(output)` is the upstream gradient to use."""
        output = np.array(self.f(*arguments))  # copied at once: f may use its buffer again
        return output, self.vjp(arguments, upstream_for(output))

    def vjp(self, arguments, upstream):
        return self.gradients if self.backward is None else self.backward(upstream, *arguments)

    def takes_upstream(self, output) -> bool:
        return self.backward is not None


class _Engine:
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
        output = self.f(*leaves)
        value = np.array(_numbers(output))
        self.backward(output, upstream_for(value))
        for x, leaf in zip(arguments, leaves, strict=True):
            if not np.array_equal(_numbers(leaf), x):
                raise _Broken("mutates", _MUTATES.format("The .data of an input"))
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
            raise _Broken(
                "missing",
                f"f returned a plain {type(chosen).__name__}, so no gradient can flow back.\n"
                "Likely: an operation went on with .data or float() and never wrapped its result.\n"
                "Try: let every operation return an object of the engine.",
            )
        return chosen.backward()


def _numbers(x, attribute="data"):
    """The plain numbers in an engine object or in nested lists of them; None where there are none."""
    if isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object):
        numbers = [_numbers(item, attribute) for item in x]
        return None if any(number is None for number in numbers) else np.array(numbers)
    if isinstance(x, int | float | np.ndarray | np.generic):
        return x if attribute == "data" else None
    number = getattr(x, attribute, None)
    return None if number is None else np.asarray(number).copy()


def _leaves(x) -> list:
    if isinstance(x, np.ndarray) and x.dtype == object:
        x = x.ravel().tolist()
    return [leaf for item in x for leaf in _leaves(item)] if isinstance(x, list | tuple) else [x]


# The check ---------------------------------------------------------------------------

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

_OUTCOMES = ("agrees", "inside", "outside", "differs")  # inside or outside of the two slopes at a kink


def _shape_hint(name, wanted, got) -> str:
    """What is wrong with a gradient of shape `got` for an input of shape `wanted`."""
    seen = f"The gradient of {name} has shape {got}; {name} has shape {wanted}."
    if got == wanted[::-1]:
        cause = "Likely: it is transposed.\nTry: .T, or the other order of the matrix product."
    elif int(np.prod(got)) == int(np.prod(wanted)):
        cause = "Likely: the numbers are there, in another shape.\nTry: gradient.reshape(x.shape)."
    elif len(got) >= len(wanted):
        extra = len(got) - len(wanted)
        axes = [*range(extra), *(extra + i for i, n in enumerate(wanted) if n == 1 != got[extra + i])]
        axes = axes or [i for i, n in enumerate(wanted) if n != got[i]]
        which = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
        cause = f"Likely: {name} was broadcast, and the sum over {which} is missing.\nTry: sum the gradient over {which}."
    else:
        cause = "Likely: a sum too many, or one number for all elements.\nTry: one number for each element of the input."
    return f"{seen}\n{cause}"


class _Check:
    """One check at one point: the contract, a look along every line, a ladder where in doubt."""

    def __init__(self, source, point: Point, rtol: float, seed: int):
        self.source, self.point, self.rtol, self.seed = source, point, rtol, seed
        self.calls = 0
        self.random = np.random.default_rng(seed)
        self.in_proportion = True  # which of the quick steps to try first: the kind that served last

    def report(self, beside_a_kink=False) -> Report:
        try:
            self.keep_contract()
            report = self.compare(beside_a_kink)
        except _Broken as broken:
            worst = broken.table[0] if broken.table else None
            report = Report("fail", broken.kind, broken.hint, worst, broken.table)
        return replace(report, calls=self.calls)

    # The contract

    def keep_contract(self):
        """Set `output`, `cotangents` (rows, outputs) and `claims` (rows, elements), or raise _Broken."""
        first, gradients = self.run()
        self.shape, floating = first.shape, first.dtype.kind == "f"
        self.dtype = first.dtype if floating else np.dtype(float)
        self.output = first.ravel().astype(float)
        if not np.isfinite(self.output).all():
            raise _Broken(
                "nonfinite",
                f"f returned {self.output[~np.isfinite(self.output)][0]} at the point itself.\n"
                "Likely: an overflow in exp, or a log or a division at 0.\n"
                "Try: a smaller input first; then the stable form of the formula.",
            )
        again, gradients_again = self.run()
        if not np.array_equal(first, again):
            raise _Broken("nondeterministic", _RANDOM.format("f"))
        if not np.array_equal(self.exact(gradients), self.exact(gradients_again)):
            raise _Broken("nondeterministic", _RANDOM.format("The backward pass"))
        self.eps = max(self.point.eps, float(np.finfo(self.dtype).eps))
        self.step = 4 * np.cbrt(self.eps)  # where truncation and rounding are about equal
        self.rtol = max(self.rtol, 1000 * self.eps)
        self.cotangents = self.cotangents_for(first)
        if self.source.takes_upstream(first) and first.size:
            self.demand_linearity()
        rows = [self.exact(gradients), *(self.claim(row) for row in self.cotangents[1:])]
        self.claims = np.array(rows)[: len(self.cotangents)]

    def run(self):
        """Output and raw gradients at the point, from fresh copies that must stay as they are."""
        arguments = self.point.arguments(self.point.flat)
        self.calls += 1
        output, gradients = self.source.run(arguments, lambda y: self.shaped(self.cotangents_for(y)[:1], y))
        self.untouched(arguments)
        if output.dtype.kind not in "biuf":
            raise TypeError(f"f must return real numbers; it returned {output.dtype} of shape {output.shape}.")
        if self.source.gradients is not None and output.size != 1:
            raise TypeError(f"gradients=... is for one number; f returned shape {output.shape}. Try backward=...")
        return output, gradients

    def claim(self, cotangent) -> np.ndarray:
        """The claimed gradients for one cotangent, as one vector."""
        arguments = self.point.arguments(self.point.flat)
        self.calls += isinstance(self.source, _Engine)
        gradients = self.source.vjp(arguments, self.shaped(cotangent, np.empty(self.shape, self.dtype)))
        self.untouched(arguments)
        return self.exact(gradients)

    def shaped(self, cotangent, output):
        dtype = output.dtype if output.dtype.kind == "f" else float
        return np.resize(cotangent, output.shape).astype(dtype)[()]

    def untouched(self, arguments):
        for x, original, name in zip(arguments, self.point.arrays, self.point.names, strict=True):
            if not np.array_equal(x, original):
                raise _Broken("mutates", _MUTATES.format(f"The input {name}"))

    def exact(self, gradients) -> np.ndarray:
        """The gradients as one vector, if there is one per input, finite, of exactly its shape."""
        arrays, names = self.point.arrays, self.point.names
        if len(arrays) == 1 and not isinstance(gradients, list | tuple):
            gradients = [gradients]
        if gradients is None or len(gradients) != len(arrays) or any(g is None for g in gradients):
            lost = [name for name, g in zip(names, gradients or [], strict=False) if g is None]
            count = "none" if gradients is None else len(gradients)
            raise _Broken(
                "missing",
                (f"There is no gradient for {lost[0]}." if lost else f"{len(arrays)} inputs, {count} gradients.")
                + "\nLikely: a path back to an input is not linked, or a return is forgotten.\n"
                "Try: one gradient per input, in order; zeros where f does not depend on it.",
            )
        flat = [np.empty(0)]
        for x, gradient, name in zip(arrays, gradients, names, strict=True):
            gradient = np.array(gradient, dtype=float)  # copied at once: buffers may be used again
            if gradient.shape != x.shape:
                raise _Broken("shape", _shape_hint(name, x.shape, gradient.shape))
            if not np.isfinite(gradient).all():
                raise _Broken(
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
        signs = random.choice([-1.0, 1.0], (4, count)) * random.uniform(0.5, 1.5, (4, count))
        size = np.abs(output.ravel().astype(float))
        typical = np.median(size[size > 0]) if size.any() else 1.0
        balance = 1 / np.where(size > 0, size, typical)
        return np.vstack([np.ones(count), signs[:2], signs[2:] * balance])

    def demand_linearity(self):
        v, w = self.random.uniform(0.5, 1.5, (2, self.output.size))
        at_v, at_w, mixed = self.claim(v), self.claim(w), self.claim(v - 2 * w)
        expected, size = at_v - 2 * at_w, np.abs(at_v) + 2 * np.abs(at_w)
        gap = np.abs(mixed - expected)
        if np.all(gap <= np.sqrt(self.eps) * size.max(initial=0)):
            return
        i = int(np.argmax(gap))
        ignored = np.array_equal(at_v, at_w)
        raise _Broken(
            "gradient",
            "The gradients are the same whatever upstream gradient arrives.\n"
            "Likely: the backward pass ignores `upstream`, as if every output counted once.\n"
            "Try: multiply each local derivative by the upstream gradient."
            if ignored
            else "The gradients do not follow the upstream gradient in proportion.\n"
            "Likely: `upstream` is used twice, added, or only by its sign.\n"
            "Try: multiply each local derivative by the upstream gradient exactly once.",
            [Element(*self.point.place(i), mixed[i], expected[i], 0.0)],
        )

    # The comparison

    def compare(self, beside_a_kink) -> Report:
        rows = (len(self.cotangents), self.point.size)
        self.measured, self.error = np.full(rows, np.nan), np.full(rows, np.nan)
        if not self.claims.size:
            return Report("pass", notes=("Nothing to compare: there are no elements.",))

        unseen, doubtful, self.far_only = [], [], []
        for line in self.lines():
            agrees, too_small = self.look(line)
            if not np.all(agrees | too_small):
                doubtful.append((line, np.flatnonzero(~agrees)))
            elif not np.all(agrees):
                unseen.append((line, np.flatnonzero(~agrees)))
        if unseen and self.something_hidden([line for line, _ in unseen]):
            doubtful, unseen = doubtful + unseen, []
        if self.something_between(self.far_only):
            doubtful += [(line, np.arange(len(self.claims))) for line in self.far_only]
        if doubtful:
            self.demand_repeatability()

        failed, kinked = [], []
        for line, rows in doubtful:
            outcome, worst = self.settle(line, rows)
            if outcome == "differs":
                failed.append(worst if len(line.indices) == 1 else self.narrowed(line, worst))
                if len(failed) == ENOUGH_FAILURES:
                    break
            elif outcome != "agrees":
                kinked.append((line, outcome))
        if failed:
            return self.failure(failed)
        notes = ()
        if any(np.abs(self.claims[:, line.indices]).any() for line, _ in unseen):
            notes = (f"Too small to see beside the rounding of f: {len(unseen)} of the claimed gradients.",)
        if kinked:
            return self.judged_at_kinks(kinked, beside_a_kink, notes)
        table = self.elements()
        return Report("pass", worst=table[0] if table else None, table=table, notes=notes)

    def lines(self) -> list[Line]:
        """Every element alone; of many elements a sample, and all of them in random signed sums."""
        size = self.point.size
        if size <= EVERY_ELEMENT:
            return [self.point.line([i]) for i in range(size)]
        sample = np.sort(self.random.choice(size, SAMPLED, replace=False))
        # Elements of like size share a block, so that a small one is not drowned by a large one.
        order = np.argsort(np.abs(self.claims).max(axis=0) * self.point.scale, kind="stable")
        return [self.point.line([i]) for i in sample] + [
            self.point.line(block, self.random.choice([-1, 1], block.size) * self.random.uniform(0.5, 1, block.size))
            for block in np.array_split(order, BLOCKS)
        ]

    def claimed(self, line):
        """The claimed slopes along a line, and the size of their parts; both of shape (rows,)."""
        parts = self.claims[:, line.indices] * line.weights
        return parts.sum(axis=1), np.sqrt((parts**2).sum(axis=1))

    def value(self, flat) -> np.ndarray:
        """The output at another point; nan where f has none."""
        self.calls += 1
        try:
            value = np.array(self.source.value(self.point.arguments(flat)), dtype=float).ravel()
        except Exception:  # outside of its domain f may raise whatever it likes
            return np.full_like(self.output, np.nan)
        return value if value.size == self.output.size else np.full_like(self.output, np.nan)

    def sides(self, line, t):
        """The changes of the output at +t and -t along the line, and the steps really taken."""
        plus, minus = self.point.moved(line, t), self.point.moved(line, -t)
        up = down = t
        if len(line.indices) == 1:
            i, weight = line.indices[0], line.weights[0]
            up, down = (plus[i] - self.point.flat[i]) / weight, (self.point.flat[i] - minus[i]) / weight
        return self.value(plus) - self.output, self.value(minus) - self.output, up, down

    def noise(self, moved) -> np.ndarray:
        """The rounding error in each row's sum over the outputs that moved; over all where none did."""
        size = np.abs(self.cotangents) * np.abs(self.output)
        moving = size @ moved
        return self.eps * np.where(moving > 0, moving, size.sum(axis=1))

    def slopes(self, line, t):
        """Central differences along the line, one per row, and four times their rounding error."""
        plus, minus, up, down = self.sides(line, t)
        noise = self.noise((plus != 0) | (minus != 0))
        return self.cotangents @ (plus - minus) / (up + down), 4 * noise / t

    def extrapolated(self, line, t):
        """The same from two steps, t and t/4, with the truncation of order t**2 removed."""
        (coarse, _), (fine, rounding) = self.slopes(line, t), self.slopes(line, t / 4)
        return fine + (fine - coarse) / 15, rounding

    def look(self, line):
        """Which rows of claims agree with one central difference, and which are too small to be seen by it."""
        claimed, size = self.claimed(line)
        unseen, unmoved, tried = np.ones(len(claimed), bool), np.ones(len(claimed), bool), {}
        attempts = [(t, self.slopes) for t in self.quick_steps(line)]
        for t, slopes_at in attempts:
            slopes, rounding = slopes_at(line, t)
            gap, allowed = np.abs(claimed - slopes), self.rtol * size
            # Agreement by mere chance is rare as long as rounding is below 100 rtol.
            tried[t] = (gap <= allowed) & (rounding <= 100 * allowed), gap <= allowed + rounding
            unseen &= (np.abs(claimed) <= rounding) & (np.abs(slopes) <= rounding)
            unmoved &= (claimed == 0) & (slopes == 0) & (slopes.any() or not rounding.any())
            if len(line.indices) == 1:
                i, weight = line.indices[0], line.weights[0]
                self.measured[:, i], self.error[:, i] = slopes / weight, np.abs(rounding / weight)
            agrees, possible = False, True
            for smaller in sorted(tried):  # a smaller step is closer to the point; no larger one overrules it
                agrees, possible = agrees | (possible & tried[smaller][0]), possible & tried[smaller][1]
            last = len(tried) == len(attempts)
            agrees = np.where(unmoved, last, agrees)
            if agrees.all():
                self.in_proportion = t <= self.step
                break
            if last and len(attempts) < 3 and not (agrees | unseen).all():
                noisy = np.any(~agrees & (rounding > allowed))
                far = t / self.step * self.eps**0.125  # large steps need their truncation removed
                attempts.append((far, self.extrapolated) if noisy else (t / 64, self.slopes))
        if agrees.all() and min(tried) > self.step:
            self.far_only.append(line)
        return agrees, unseen & ~agrees

    def quick_steps(self, line) -> list[float]:
        """A step in proportion to x; and one of fixed size where that is very different."""
        weight = np.abs(line.weights).max()
        if 1e-2 <= weight <= 1e2:
            return [self.step]
        steps = [self.step, self.step / weight]
        return steps if self.in_proportion else steps[::-1]

    def something_between(self, lines) -> bool:
        """Whether smaller steps along all `lines` at once contradict what large ones said about each."""
        if not lines:
            return False
        indices = np.concatenate([line.indices for line in lines])
        line = self.point.line(indices, self.random.choice([-1.0, 1.0], indices.size))
        claimed, size = self.claimed(line)
        for t in np.geomspace(self.step, self.step / np.abs(line.weights).max(), 4)[:3]:
            slopes, rounding = self.slopes(line, t)
            if np.any(np.abs(claimed - slopes) > 10 * self.rtol * size + 2 * rounding):
                return True
        return False

    def something_hidden(self, lines) -> bool:
        """Whether large steps along all `lines` at once show slopes which small steps could not."""
        indices = np.concatenate([line.indices for line in lines])
        signs = self.random.choice([-1.0, 1.0], indices.size)
        far = np.maximum(np.abs(self.point.flat[indices]), 1.0)
        for line, t in ((self.point.line(indices, signs), 0.5), (Line(indices, signs * far), 1.0)):
            plus, minus, _, _ = self.sides(line, t)
            noise = self.noise(np.ones_like(self.output))
            change, expected = self.cotangents @ (plus - minus) / 2, t * self.claimed(line)[0]
            # A slope that hid at the small step cannot change f by more than this;
            # a larger change is f bending on the way.
            at_most = 8 * noise / self.step * indices.size * max(1.0, t / self.point.scale[indices].min())
            if np.any((np.abs(change - expected) > 8 * noise) & (np.abs(change) <= at_most)):
                return True
        return False

    def demand_repeatability(self):
        """Before a gradient is blamed, ask f again: rare noise may have stayed away until now."""
        if any(not np.array_equal(self.value(self.point.flat), self.output) for _ in range(3)):
            raise _Broken("nondeterministic", _RANDOM.format("f"))

    def climb(self, line, rows) -> list[Slope]:
        """The slopes along a line, measured with a whole ladder of steps, for some rows of cotangents."""
        steps = ladder(8 * line.reach, self.eps**0.75)
        plus, minus, up, down = map(np.array, zip(*(self.sides(line, t) for t in steps), strict=True))
        noise = self.noise(np.any((plus != 0) | (minus != 0), axis=0))
        return [
            measure(up, down, plus @ self.cotangents[k], minus @ self.cotangents[k], 0.0, noise[k], line.reach)
            for k in rows
        ]

    def settle(self, line, rows):
        """The outcome for one line - agrees, differs, inside, outside (a kink) - and its worst element."""
        claimed, size = self.claimed(line)
        judged = []
        for k, slope in zip(rows, self.climb(line, rows), strict=True):
            # Rounding alone may put a claim this far off, however well its slope is measured.
            error = max(slope.error, 2 * slope.noise / line.reach)
            allowed = max(self.rtol * max(size[k], abs(slope.value)), 2 * error)
            gap = abs(claimed[k] - slope.value)
            if slope.kink:
                low, high = sorted((slope.left, slope.right))
                outcome = "inside" if low - allowed <= claimed[k] <= high + allowed else "outside"
                error += (high - low) / 2
            else:
                outcome = "agrees" if gap <= allowed else "differs" if np.isfinite(gap) else "outside"
            judged.append((_OUTCOMES.index(outcome), gap / allowed, k, slope.value, error))
            if len(line.indices) == 1:
                i, weight = line.indices[0], line.weights[0]
                self.measured[k, i], self.error[k, i] = slope.value / weight, error / abs(weight)
        outcome, _, k, value, error = max(judged)
        if len(line.indices) == 1:
            worst = self.element(k, line.indices[0])
        else:
            worst = Element("a direction", (), claimed[k], value, error)
        return _OUTCOMES[outcome], worst

    def narrowed(self, line, worst) -> Element:
        """The single element behind a line that differs, by halving; `worst` itself if none stands out."""
        while len(line.indices) > 1:
            middle = len(line.indices) // 2
            halves = Line(line.indices[:middle], line.weights[:middle]), Line(line.indices[middle:], line.weights[middle:])
            line = max(halves, key=self.suspicion)
        outcome, element = self.settle(line, range(len(self.cotangents)))
        return element if outcome == "differs" else worst

    def suspicion(self, line) -> float:
        claimed, size = self.claimed(line)
        slopes, rounding = self.slopes(line, self.quick_steps(line)[0])
        return float(np.nan_to_num(np.abs(claimed - slopes) / (size + rounding), nan=np.inf).max())

    def judged_at_kinks(self, kinked, beside_a_kink, notes) -> Report:
        """At a kink any slope between the two one-sided ones will do; what else is claimed decides nothing."""
        within = all(outcome == "inside" for _, outcome in kinked)
        indices = np.unique(np.concatenate([line.indices for line, _ in kinked]))
        if within and len(indices) > 1:
            # Each element may be within its slopes, and all together not: a tie in max counted twice.
            signs = [np.ones(len(indices)), *self.random.choice([-1.0, 1.0], (3, len(indices)))]
            rows = range(len(self.cotangents))
            together = [self.settle(self.point.line(indices, sign), rows)[0] for sign in signs]
            within = all(outcome in ("agrees", "inside") for outcome in together)
        elif not within and not self.source.claims_elsewhere and not beside_a_kink:
            outside = [self.worst_row(line.indices[0]) for line, outcome in kinked if outcome == "outside"]
            return self.failure(outside)
        place = self.worst_row(indices[0])
        if not beside_a_kink and self.source.claims_elsewhere:
            for beside in self.beside():
                if beside.verdict == "fail" and beside.kind == "gradient":
                    note = "Measured right beside the given point, which sits on a kink of f."
                    return replace(beside, notes=(note, *beside.notes))
        if within:
            note = f"At a kink of f: {len(indices)} inputs. Each claim there lies between the two slopes."
            table = self.elements()
            return Report("pass", worst=table[0], table=table, notes=(*notes, note))
        where = f"{place.name}[{', '.join(map(str, place.index))}]" if place.index else place.name
        hint = (
            f"f has a kink or an edge at this point, along {where}: there is no single slope.\n"
            "The claim is not between the two slopes; right beside the point nothing is wrong.\n"
            "Try: move the test point a little, away from ties, zeros of relu and borders."
        )
        return Report("undecided", "kink", hint, place, (place,), notes)

    def beside(self) -> Iterator[Report]:
        """The same check at points a little further on, on either side."""
        step = self.random.choice([-1, 1], self.point.size) * self.random.uniform(1e-3, 2e-3, self.point.size)
        for side in (step, -step):
            point = self.point.moved_to(self.point.flat + side * self.point.scale)
            check = _Check(self.source, point, self.rtol, self.seed)
            yield check.report(beside_a_kink=True)
            self.calls += check.calls

    # The report

    def element(self, k, i) -> Element:
        return Element(*self.point.place(i), *(float(a[k, i]) for a in (self.claims, self.measured, self.error)))

    def off(self) -> np.ndarray:
        """How far each claim is off, in units of what is allowed; -1 where nothing was measured."""
        allowed = np.maximum(self.rtol * np.abs(self.measured), 2 * self.error)
        gap = np.abs(self.claims - self.measured)
        return np.nan_to_num(np.where(gap > 0, gap / allowed, 0 * gap), nan=-1.0, posinf=1e300)

    def worst_row(self, i) -> Element:
        return self.element(int(np.argmax(self.off()[:, i])), i)

    def elements(self, off_only=False) -> tuple[Element, ...]:
        """Each measured input element at its worst output, worst first."""
        worst = self.off().max(axis=0)
        order = np.argsort(-worst, kind="stable")
        return tuple(self.worst_row(i) for i in order if worst[i] > off_only - 0.5)

    def failure(self, failed) -> Report:
        table = self.elements(off_only=True)
        directions = tuple(element for element in failed if element.name == "a direction")
        table = table or directions
        mix = np.random.default_rng(self.seed).uniform(0.5, 1.5, len(self.cotangents))
        if len(mix) == 1:
            mix[:] = 1.0
        evidence = Evidence(
            names=self.point.names,
            inputs=self.point.arrays,
            claimed=self.point.split(mix @ self.claims),
            measured=self.point.split(mix @ self.measured),
            error=self.point.split(mix @ self.error),
            output=self.output.reshape(self.shape),
        )
        return Report("fail", "gradient", likely_mistake(evidence), table[0], table)
