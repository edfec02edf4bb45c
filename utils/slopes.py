"""Slopes measured along lines: a ladder of steps, extrapolated, with an error bar.

A central difference at step h is off by two errors that pull against each other:
truncation, about h**2 f'''/6, and rounding, about noise/h. One step cannot tell
them apart, so a mismatch at one step proves nothing. A ladder of steps can: where
neighbouring rungs agree the slope is known, and how well they agree is the error bar.

Sources: L. F. Richardson (1911) for removing h**2, h**4, ...; C. J. F. Ridders,
"Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4 (1982), for
the table with its error estimate; "Numerical Recipes", section 5.7, for the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

RATIO = 4.0  # each rung is a quarter of the one above it
ORDERS = 5  # columns of the table: h**2, h**4, ... removed one by one
GOOD_ENOUGH = 0.02  # a relative error bar below this makes a slope "measured"


@dataclass(frozen=True)
class Slope:
    """A measured slope: `value` +- `error`, and the one-sided slopes at a kink."""

    value: float
    error: float
    left: float
    right: float
    noise: float = 0.0  # rounding error of one value, as large as it was seen to be
    kink: bool = False


UNKNOWN = Slope(np.nan, np.inf, np.nan, np.nan)


def ladder(largest: float, smallest: float) -> np.ndarray:
    """Steps from `largest` down to `smallest`, each a quarter of the one before."""
    rungs = max(4, int(np.ceil(np.log(largest / smallest) / np.log(RATIO))) + 1)
    return largest * RATIO ** -np.arange(rungs, dtype=float)


def measure(up, down, plus, minus, centre, noise, reach=1.0) -> Slope:
    """The slope of a line of values: `centre` at 0, `plus` at +up, `minus` at -down.

    `up`, `down`, `plus`, `minus`: shape (rungs,), largest step first, at ratio 4;
    `noise`: rounding error of one value; `reach`: the natural length of the line,
    which tells a rounding staircase (narrow treads) from a flat stretch (wide ones).
    """
    bad = np.flatnonzero(~(np.isfinite(plus) & np.isfinite(minus)))
    start = bad[-1] + 1 if bad.size else 0  # large steps may leave the domain of f
    up, down, plus, minus = (values[start:] for values in (up, down, plus, minus))
    if len(plus) < 3:
        return UNKNOWN

    moved = np.flatnonzero((plus != centre) | (minus != centre))
    if not moved.size:
        return Slope(0.0, noise / up[0], 0.0, 0.0, noise)
    end = moved[-1] + 1
    if end == len(plus):
        # On the smallest rungs the slope and the curvature cancel out of the second
        # difference; what is left there is the noise f really has.
        noise = max(noise, np.abs(plus - 2 * centre + minus)[-2:].max())
        return _from_ladder(up, down, plus, minus, centre, noise)

    # Below `tread` nothing moves. Either values are rounded to stairs, and only
    # larger steps can see the slope, or f is flat here.
    tread = up[end]
    rise = max(abs(plus[end - 1] - centre), abs(minus[end - 1] - centre))
    if end < 3:
        return Slope(0.0, max(noise, rise) / up[0] if rise <= 8 * noise else noise / tread, 0.0, 0.0, noise)
    if rise <= 8 * noise or tread <= 1e-4 * reach:
        climb = (values[:end] for values in (up, down, plus, minus))
        slope = _from_ladder(*climb, centre, max(noise, rise))
        if slope.error <= GOOD_ENOUGH * abs(slope.value) and not slope.kink:
            return slope
        # A last stair of rounding may lie far out, beyond a kink even: what no step below it
        # moved has no slope that would have climbed a stair within one tread.
        if rise <= 8 * noise and slope.error <= max(noise, rise) / tread:
            return slope
    return Slope(0.0, max(noise, rise if rise <= 8 * noise else 0.0) / tread, 0.0, 0.0, noise)


def _from_ladder(up, down, plus, minus, centre, noise) -> Slope:
    """The slope from rungs which all moved the value."""
    right, left = (plus - centre) / up, (centre - minus) / down
    central = (plus - minus) / (up + down)
    jump = np.abs(right - left)
    rounding = noise / up

    rung = _kink(jump, 8 * rounding + 1e-5 * np.abs(central))
    if rung is not None:
        spread = max(abs(right[rung] - right[rung - 1]), abs(left[rung] - left[rung - 1]))
        return Slope(
            central[rung],
            spread + rounding[rung],
            left[rung] + (left[rung] - left[rung - 1]) / (RATIO - 1),
            right[rung] + (right[rung] - right[rung - 1]) / (RATIO - 1),
            noise,
            kink=True,
        )
    best = _best_entry(central, jump, rounding)
    return Slope(*best, left[-1], right[-1], noise)


def _kink(jump, least) -> int | None:
    """The smallest rung at which the jump between the one-sided slopes stays open.

    A smooth f closes the jump in proportion to the step; a kink keeps it. Jumps up to
    `least` are not told from rounding.
    """
    seen = np.flatnonzero(jump > least)
    if not seen.size or seen[-1] < 2:
        return None
    last = seen[-1]
    if last + 1 < len(jump) and jump[last] > 2 * least[last + 1]:
        return None  # the next rung would have shown it: the kink is elsewhere
    before, here = jump[last - 2 : last], jump[last - 1 : last + 1]
    stays_open = np.all((here > 0.6 * before) & (here < 1.7 * before))
    return int(last) if stays_open else None


def _best_entry(central, jump, rounding) -> tuple[float, float]:
    """Value and error bar of the most trustworthy entry of the Richardson table."""
    # Where the two one-sided slopes do not come together, here and on the next rung, half
    # the jump between them is doubt.
    closing = np.append(False, jump[1:] <= 0.6 * jump[:-1])
    goes_on = np.append((closing | (jump <= 8 * rounding))[1:], True)
    doubt = rounding + np.where(closing & goes_on, 0, jump / 2)
    entries, columns = [], [central]
    for order in range(min(ORDERS, len(central) - 1)):
        if order:
            older, newer = columns[-1][:-1], columns[-1][1:]
            columns.append(newer + (newer - older) / (RATIO ** (2 * order) - 1))
        for rung in range(max(order, 1), len(central)):
            value = columns[-1][rung - order]
            before = columns[-2][rung - order : rung - order + 2] if order else central[rung - 1]
            error = np.max(np.abs(value - before)) + doubt[rung]
            if rung + 1 < len(central):  # what the next rung says against it, beyond its own errors
                truncation = abs(central[rung] - value) / RATIO
                error = max(error, abs(central[rung + 1] - value) - truncation - rounding[rung + 1])
            entries.append((value, error, rung))
    holding = partial(_holds, central=central, rounding=rounding)
    for entry in sorted(entries, key=lambda entry: entry[1] / max(abs(entry[0]), 1e-300)):
        if entry[1] > GOOD_ENOUGH * abs(entry[0]):
            break
        if holding(*entry):
            return entry[:2]
    by_error = sorted(entries, key=lambda entry: entry[1])
    return next((entry[:2] for entry in by_error if holding(*entry)), by_error[0][:2])


def _holds(value, error, rung, central, rounding) -> bool:
    """Whether this entry describes the centre and not the landscape far away."""
    # Smaller steps come closer to the centre: two of them in a row that are off to the same
    # side, by more than they can be by rounding and by what truncation remains, overrule it.
    off = central[rung + 1 :] - value
    truncation = abs(central[rung] - value) / RATIO ** np.arange(1, len(off) + 1)
    allowed = 2 * truncation + error + 2 * rounding[rung + 1 :]
    side = np.sign(off) * (np.abs(off) > allowed)
    return not np.any(side[1:] * side[:-1] > 0)


# Inputs as one long vector -----------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A direction in which a point moves: `weights` says how far each of its `indices` goes per unit."""

    indices: np.ndarray
    weights: np.ndarray

    @property
    def reach(self) -> float:
        """The units after which x is far from where it was: by its own size, and at least by 1."""
        return max(1.0, 1.0 / np.abs(self.weights).max())


class Point:
    """Private copies of the inputs of f, and the same numbers as one vector `flat`."""

    def __init__(self, inputs, names):
        self.names = list(names)
        self.plain = [isinstance(x, (int, float)) and not isinstance(x, np.generic) for x in inputs]
        self.arrays = [_real_array(x, name) for x, name in zip(inputs, names, strict=True)]
        self.offsets = np.cumsum([0] + [x.size for x in self.arrays])
        self.size = int(self.offsets[-1])
        self.flat = np.concatenate([[], *(x.ravel() for x in self.arrays)])
        self.scale = np.concatenate([[], *(_natural_scale(x) for x in self.arrays)])
        self.eps = float(max([np.finfo(float).eps, *(np.finfo(x.dtype).eps for x in self.arrays)]))

    def split(self, flat) -> list[np.ndarray]:
        """The numbers of `flat` in fresh arrays, shaped like the inputs."""
        flat = np.array(flat)
        ends = zip(self.offsets, self.offsets[1:], self.arrays, strict=False)
        return [flat[start:end].reshape(x.shape) for start, end, x in ends]

    def arguments(self, flat) -> list:
        """What f is called with: the inputs' own dtypes, and plain numbers where plain numbers came in."""
        parts = zip(self.split(flat), self.arrays, self.plain, strict=True)
        return [float(part) if plain else part.astype(x.dtype) for part, x, plain in parts]

    def line(self, indices, signs=1.0) -> Line:
        indices = np.asarray(indices)
        return Line(indices, signs * self.scale[indices])

    def moved(self, line: Line, t: float) -> np.ndarray:
        """`flat` moved by `t` along the line, as the dtypes of the inputs can hold it."""
        flat = self.flat.copy()
        flat[line.indices] += t * line.weights
        if self.eps == np.finfo(float).eps:
            return flat
        return np.concatenate([np.ravel(x) for x in self.arguments(flat)]).astype(float)

    def moved_to(self, flat) -> Point:
        return Point(self.arguments(flat), self.names)

    def place(self, i: int) -> tuple[str, tuple[int, ...]]:
        """The input that holds `flat[i]`, and the index in it."""
        which = int(np.searchsorted(self.offsets, i, side="right")) - 1
        index = np.unravel_index(i - self.offsets[which], self.arrays[which].shape)
        return self.names[which], tuple(map(int, index))


def _real_array(x, name) -> np.ndarray:
    array = np.array(x, order="C")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; it holds {array.dtype}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds nan or inf; there is no slope to measure at such a point.")
    return array if array.dtype in (np.float16, np.float32) else array.astype(float)


def _natural_scale(x) -> np.ndarray:
    """|x|, and for a zero the typical size of its neighbours, or 1."""
    size = np.abs(x.ravel()).astype(float)
    typical = np.median(size[size > 0]) if size.any() else 1.0
    return np.where(size > 0, size, typical)
