"""Which known mistake makes exactly these numbers?

`likely_mistake` compares the claimed gradients with the measured ones under a list of
explanations, from the most to the least telling. Each explanation is a small function
that returns a sentence or None; the first sentence wins. A sentence says what was seen,
the likely mistake and one thing to try.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

CLOSE = 2e-3  # relative; the mistakes looked for differ by far more


@dataclass(frozen=True)
class Evidence:
    """Claimed and measured gradients, one array per input; nan where nothing was measured."""

    names: list[str]
    inputs: list[np.ndarray]
    claimed: list[np.ndarray]
    measured: list[np.ndarray]
    error: list[np.ndarray]  # of `measured`
    output: np.ndarray
    only_own: bool = False  # each output is claimed to depend on its own input alone, and does not

    def each(self) -> Iterator[One]:
        for i, name in enumerate(self.names):
            yield One(self, i, name, self.inputs[i].astype(float), self.claimed[i], self.measured[i], self.error[i])


@dataclass(frozen=True)
class One:
    """The evidence for one input: arrays of its shape."""

    all: Evidence
    position: int
    name: str
    x: np.ndarray
    claimed: np.ndarray
    measured: np.ndarray
    error: np.ndarray

    def matches(self, guess) -> bool:
        """Whether the claim is what `guess` would be, on every measured element."""
        guess = np.broadcast_to(guess, self.x.shape)
        seen = np.isfinite(self.measured) & np.isfinite(guess)
        return bool(seen.any() and self.right(guess)[seen].all())

    def right(self, guess) -> np.ndarray:
        allowed = CLOSE * np.maximum(np.abs(self.claimed), np.abs(guess)) + 3 * np.nan_to_num(self.error)
        return np.abs(self.claimed - guess) <= allowed

    @cached_property
    def wrong(self) -> np.ndarray:
        """Where the claim is not the measured slope."""
        return np.isfinite(self.measured) & ~self.right(self.measured)

    @cached_property
    def fine(self) -> np.ndarray:
        return np.isfinite(self.measured) & ~self.wrong


def likely_mistake(*views: Evidence) -> str:
    """The sentence of the first explanation that fits one of the views; otherwise how to look further.

    A view is the same check under one upstream gradient: random ones tell mistakes apart
    best, ones show how often an element was counted.
    """
    suspects = [one for view in views for one in view.each() if one.wrong.any()]
    for explanation in EXPLANATIONS:
        for one in suspects:
            if sentence := explanation(one):
                return sentence
    return (
        "No known mistake makes exactly these numbers.\nTry: check each operation of f alone, with one number as input."
    )


# Explanations ------------------------------------------------------------------------


def only_own(one: One) -> str | None:
    if not one.all.only_own:
        return None
    return (
        f"Each output is claimed to depend on its own element of {one.name} alone; it depends on others too.\n"
        "Likely: an operation with a sum inside (softmax, a norm) is treated like an element-wise one.\n"
        "Try: its whole Jacobian for two elements, by hand: what does y[0] do when x[1] moves?"
    )


def swapped(one: One) -> str | None:
    for other in one.all.each():
        if other.position > one.position and other.x.shape == one.x.shape:
            if one.matches(other.measured) and other.matches(one.measured):
                return (
                    f"The gradients of {one.name} and {other.name} are swapped.\n"
                    "Likely: each received its own factor instead of the other's, or the order of return is wrong.\n"
                    f"Try: derive d/d{one.name} alone, with {other.name} held constant."
                )
    return None


def zero(one: One) -> str | None:
    if not one.wrong.any() or np.any(one.claimed != 0):
        return None
    return (
        f"The claimed gradient of {one.name} is zero, the measured slope is not.\n"
        "Likely: a path back to it is missing: a parent not linked, a rule not written, .data taken in between.\n"
        f"Try: follow one path from the output back to {one.name} and print what arrives at each step."
    )


def known_factor(one: One) -> str | None:
    ratio = _ratio(one)
    for factor, meaning in _factors(one):
        if abs(ratio - factor) <= CLOSE * abs(factor):
            return f"The claimed gradient of {one.name} is {ratio:.4g} times the measured slope.\n{meaning}"
    return None


def some_factor(one: One) -> str | None:
    ratio = _ratio(one)
    if not np.isfinite(ratio):
        return None
    return (
        f"The claimed gradient of {one.name} is {ratio:.4g} times the measured slope.\n"
        "Likely: one constant factor of the rule.\n"
        "Try: derive the rule again, factor by factor."
    )


def _ratio(one: One) -> float:
    """Claimed over measured where that is one number for all elements, else nan."""
    used = np.isfinite(one.measured) & (np.abs(one.measured) > 3 * np.nan_to_num(one.error))
    if not used.any():
        return np.nan
    ratio = float(np.median(one.claimed[used] / one.measured[used]))
    return ratio if one.matches(ratio * one.measured) else np.nan


def _factors(one: One) -> Iterator[tuple[float, str]]:
    yield (
        -1,
        "Likely: a sign: the minus of a subtraction, a division or cos.\nTry: the derivative by the second operand.",
    )
    counts = {one.x.size: f"the {one.x.size} elements of {one.name}"}
    counts |= {n: f"the {n} entries along axis {axis} of {one.name}" for axis, n in enumerate(one.x.shape)}
    counts |= {one.all.output.size: f"the {one.all.output.size} outputs"}
    for other in one.all.each():
        for axis, n in enumerate(other.x.shape):
            counts.setdefault(n, f"the {n} entries along axis {axis} of {other.name}")
    for n, what in counts.items():
        if n > 1:
            likely = "the 1/N of a mean is missing" if n > 2 else "a path counted twice, or a 1/2 or 1/N is missing"
            yield n, f"Likely: {likely}; N = {n} counts {what}.\nTry: compare mean and sum in f and in its rule."
            likely = "divided by N once too often" if n > 2 else "one of two paths is lost, or divided by N too often"
            yield 1 / n, f"Likely: {likely}; N = {n} counts {what}.\nTry: look for = where += belongs, and for 1/N."
    yield (
        2,
        "Likely: one path is counted twice, or the 1/2 of the formula is missing.\n"
        "Try: call backward once, on fresh values, and count how often each rule runs.",
    )
    yield (
        0.5,
        "Likely: of two paths only one arrives (grad = overwrites; it should be +=), or a factor 2 is lost.\n"
        "Try: f = x + x; its gradient is 2.",
    )


def transposed(one: One) -> str | None:
    if one.x.ndim != 2 or one.x.shape[0] != one.x.shape[1] or not one.matches(one.measured.T):
        return None
    return (
        f"The claimed gradient of {one.name} is the transpose of the measured one.\n"
        "Likely: a .T too many or too few, or the two factors of a product in the wrong order.\n"
        "Try: for c = a @ b, a's gradient is upstream @ b.T and b's is a.T @ upstream."
    )


def shuffled(one: One) -> str | None:
    claimed, measured = one.claimed.ravel(), one.measured.ravel()
    if measured.size < 3 or not np.isfinite(measured).all():
        return None
    order = "reversed"
    if not one.matches(one.measured[::-1]) and not one.matches(measured[::-1].reshape(one.x.shape)):
        order = "in another order"
        allowed = CLOSE * np.abs(np.sort(measured)) + 3 * np.max(one.error, initial=0.0)
        if np.any(np.abs(np.sort(claimed) - np.sort(measured)) > allowed):
            return None
    return (
        f"The claimed gradient of {one.name} has the right numbers, {order}.\n"
        "Likely: a reshape, a flip or an index that is not undone on the way back.\n"
        "Try: an input with distinct numbers, and follow where one of them goes."
    )


def counted_once(one: One) -> str | None:
    """Some elements are right, the others an integer too small: the mark of a gather."""
    if not one.fine.any():
        return None
    missing = one.claimed[one.wrong]
    if np.any(missing == 0):
        return None
    times = one.measured[one.wrong] / missing
    if np.any(np.abs(times - np.round(times)) > CLOSE * np.abs(times)) or np.any(np.round(times) < 2):
        return None
    return (
        f"Some gradients in {one.name} are 2, 3, ... times too small, the others are right.\n"
        "Likely: an element used several times (a repeated index, a reused value) is counted once: = for +=.\n"
        "Try: np.add.at(grad, index, upstream), or grad += in place of grad =."
    )


def only_where(one: One) -> str | None:
    if not one.fine.any() or one.x.size < 2:
        return None
    measured = np.isfinite(one.measured)
    regions = {
        f"where {one.name} is negative": one.x < 0,
        f"where {one.name} is positive": one.x > 0,
        f"where {one.name} is zero": one.x == 0,
        f"where |{one.name}| > 1": np.abs(one.x) > 1,
        f"where |{one.name}| < 1": np.abs(one.x) < 1,
        f"where {one.name} holds equal numbers": _repeated(one.x),
    }
    for axis, length in enumerate(one.x.shape):
        place = np.arange(length).reshape([-1 if a == axis else 1 for a in range(one.x.ndim)])
        for label, at in (("first", 0), ("last", length - 1)):
            region = np.broadcast_to(place == at, one.x.shape)
            regions[f"at the {label} index of axis {axis}"] = region
            regions[f"everywhere but at the {label} index of axis {axis}"] = ~region
    for where, region in regions.items():
        if np.array_equal(one.wrong, region & measured & (one.wrong | (one.measured != 0) | (one.claimed != 0))):
            gone = " and zero there" if not one.claimed[one.wrong].any() else ""
            return (
                f"The claim for {one.name} is off{gone} only {where}.\n"
                "Likely: a mask or a branch of the rule, or a border.\n"
                "Try: one element inside and one outside of that region; compare their rules."
            )
    return None


def _repeated(x) -> np.ndarray:
    values, counts = np.unique(x, return_counts=True)
    return np.isin(x, values[counts > 1])


def extra_factor(one: One) -> str | None:
    known = {"the output of f": one.all.output, f"{one.name} itself": one.x}
    known |= {other.name: other.x for other in one.all.each() if other.position != one.position}
    for what, factor in known.items():
        if factor.size != 1 and factor.shape != one.x.shape:
            continue
        factor = (factor.reshape(()) if factor.size == 1 else factor).astype(float)
        for guess, verb in ((one.measured * factor, "multiplied"), (one.measured / factor, "divided")):
            if one.matches(guess):
                return (
                    f"The claim for {one.name} is the measured slope {verb} by {what}.\n"
                    "Likely: the local derivative uses the wrong one of input and output, or a factor slipped in.\n"
                    "Try: write the rule once with x and once with y = f(x), and compare."
                )
    return None


def lost_term(one: One) -> str | None:
    known = {"1": np.ones(())} | {other.name: other.x.astype(float) for other in one.all.each()}
    for what, term in known.items():
        if term.size != 1 and term.shape != one.x.shape:
            continue
        term = term.reshape(()) if term.size == 1 else term
        for guess, verb in ((one.measured - term, "missing"), (one.measured + term, "too much")):
            if term.any() and one.matches(guess):
                return (
                    f"In the gradient of {one.name} a term is {verb}; it is equal to {what}.\n"
                    f"Likely: {one.name} reaches the output by two paths, and one of them is lost or doubled.\n"
                    "Try: grad += local * upstream in every rule, never grad =."
                )
    return None


def along_an_axis(one: One) -> str | None:
    if not np.isfinite(one.measured).all():
        return None
    for axis in (None, *range(one.x.ndim)) if one.x.size > 1 else ():
        of = "all of it" if axis is None else f"axis {axis}"
        for name, reduce in (("sum", np.sum), ("mean", np.mean)):
            if one.matches(reduce(one.measured, axis=axis, keepdims=True)):
                return (
                    f"The claim for {one.name} is the {name} of the measured gradient over {of}, spread out again.\n"
                    "Likely: a reduction in the rule that f does not have.\n"
                    "Try: sum only over axes along which the input was broadcast."
                )
    return None


def one_alone(one: One) -> str | None:
    if one.wrong.sum() != 1 or not one.fine.any():
        return None
    place = ", ".join(str(int(i)) for i in np.argwhere(one.wrong)[0])
    return (
        f"Only {one.name}[{place}] is off; everything else that was measured is right.\n"
        "Likely: an index off by one, a border, or a special case for exactly this number.\n"
        f"Try: other numbers in {one.name}; see whether the place or the number decides."
    )


EXPLANATIONS = (
    only_own,
    zero,
    swapped,
    known_factor,
    transposed,
    counted_once,
    only_where,
    extra_factor,
    lost_term,
    along_an_axis,
    shuffled,
    some_factor,
    one_alone,
)
