"""Level 3, memory-efficient: elements are moved in place, only the worst rows are kept, directions find the culprit.

What changed   `along` writes into x and puts the old number back. The rows wait in a heap that never holds more than
               `most`. One random direction checks all elements at once; where it disagrees, halving names the element.
What it buys   `numerical_gradient` takes the memory of its result and not 3 times that, a check of 4,096 wrong claims
               0.15 times the memory of x and not 21 times. 2 calls of f say whether 1,000,000 claims are right, and
               56 name one wrong element among 4,096, where looking at each would take 16,384.
What it costs  while it runs, everybody who holds x sees it move, so f must get at x through its argument alone. A
               direction takes 3 arrays like x, halving 5. It mixes all claims: one that is off by less than about a
               millionth of their norm stays unseen.
"""

import heapq
import math
from contextlib import contextmanager

import numpy as np

from utils.engine import Value

EPS = float(np.finfo(np.float64).eps)


def forward_difference(f, x, h=1e-6):
    return (f(x + h) - f(x)) / h


def central_difference(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def relative_gap(claimed, measured):
    if claimed == measured == 0:
        return 0.0
    gap = abs(claimed - measured) / max(abs(claimed), abs(measured))
    return gap if math.isfinite(gap) else math.inf  # nan compares false with everything, so it would pass any test


def judge(f, x, claimed, rtol=1e-6):
    if is_kink(f, x):
        return "kink"
    measured, error = slope_with_error(f, x)
    return "pass" if agree(claimed, measured, error, rtol) else "fail"


def agree(claimed, measured, error, rtol):
    if not math.isfinite(claimed):
        return False  # a claim of infinity would be allowed an infinite gap
    return abs(claimed - measured) <= rtol * max(abs(claimed), abs(measured)) + error


def check_engine(f, numbers, value_class=Value, h=1e-6):
    leaves = [value_class(number) for number in numbers]
    f(*leaves).backward()
    pairs = []
    for place, number in enumerate(numbers):

        def data(moved, place=place):
            # Fresh Values each time: those of the run above keep a graph and gradients.
            return f(*(value_class(moved if i == place else other) for i, other in enumerate(numbers))).data

        pairs.append((leaves[place].grad, central_difference(data, number, h)))
    return pairs


# Arrays, moved in place -----------------------------------------------------------------------------------------------


def movable(x):
    """x itself if it can be moved in place, else a float64 copy."""
    if isinstance(x, np.ndarray) and x.dtype == np.float64 and x.flags.writeable:
        return x
    return np.array(x, dtype=np.float64)


def places(x):
    """Each index of x in turn. For a long x np.ndindex takes five times the memory of x: it lists every row number."""
    for position in range(x.size):
        yield tuple(int(i) for i in np.unravel_index(position, x.shape))


@contextmanager
def restored(x, index):
    """Whatever happens inside, x[index] holds the very same bits afterwards; adding and subtracting h would not do."""
    before = x[index].copy()
    try:
        yield before
    finally:
        x[index] = before


def along(f, x, index):
    """f as a function of the element at `index` alone."""

    def of_one_number(number):
        with restored(x, index):
            x[index] = number
            return float(f(x))

    return of_one_number


def numerical_gradient(f, x, h=None):
    x = movable(x)
    gradient = np.zeros(x.shape)
    for index in places(x):
        number = float(x[index])
        gradient[index] = central_difference(along(f, x, index), number, good_step(number) if h is None else h)
    return gradient


def sweep_errors(f, x, slope, steps, difference=central_difference):
    return np.array([abs(difference(f, x, step) - slope) for step in steps])


def order(steps, errors):
    steps, errors = np.asarray(steps, dtype=float), np.asarray(errors, dtype=float)
    seen = errors > 0
    exponent, _ = np.polyfit(np.log(steps[seen]), np.log(errors[seen]), 1)
    return float(exponent)


def good_step(x, dtype=np.float64):
    return float(np.finfo(dtype).eps) ** (1 / 3) * max(1.0, abs(float(x)))


def slope_with_error(f, x, h=None):
    h = good_step(x) if h is None else h
    above, below = f(x + h), f(x - h)
    slope = (above - below) / (2 * h)
    bend = abs(central_difference(f, x, 2 * h) - slope)  # three times what the bend of f spoils at step h
    return slope, bend + 4 * EPS * max(abs(above), abs(below)) / h


def check_gradient(f, x, claimed, rtol=1e-6, most=10):
    x, claimed = movable(x), np.asarray(claimed, dtype=np.float64)
    if claimed.shape != x.shape:  # NumPy would stretch one of them and compare all the same
        raise ValueError(f"the claimed gradient has shape {claimed.shape}, x has shape {x.shape}")
    worst = []  # a heap: its smallest gap lies on top, and goes first
    for count, index in enumerate(places(x)):
        measured, error = slope_with_error(along(f, x, index), float(x[index]))
        claim = float(claimed[index])
        if not agree(claim, measured, error, rtol):
            row = (index, claim, measured, relative_gap(claim, measured))
            # The count decides between equal gaps; rows themselves may hold nan, which has no order.
            heapq.heappush(worst, (row[3], -count, row))
            if len(worst) > most:
                heapq.heappop(worst)
    return [row for *_, row in sorted(worst, reverse=True)]


def check_backward(f, backward, x, seed=0, rtol=1e-6, most=10):
    x = np.array(x, dtype=np.float64)
    # Drawn once: a fresh cotangent in each call would compare the slopes of different functions.
    upstream = np.random.default_rng(seed).standard_normal(np.shape(f(x.copy())))
    claimed = backward(upstream.copy(), x.copy())
    return check_gradient(lambda moved: np.sum(upstream * f(moved)), x, claimed, rtol, most)


# Kinks ----------------------------------------------------------------------------------------------------------------


def one_sided_slopes(f, x, h=1e-6):
    middle = f(x)
    return (middle - f(x - h)) / h, (f(x + h) - middle) / h


def is_kink(f, x, h=1e-4):
    def apart(step):
        left, right = one_sided_slopes(f, x, step)
        return abs(right - left)

    # A smooth bend closes in proportion to the step; a kink stays as open as it is.
    return bool(apart(h / 10) > max(apart(h) / 2, 8 * EPS * abs(f(x)) / (h / 10)))


# Many elements at once ------------------------------------------------------------------------------------------------


def along_direction(f, x, direction):
    """f as a function of t, at x + t * direction."""

    def of_one_number(t):
        with restored(x, ...):
            x[...] += t * direction
            return float(f(x))

    return of_one_number


def random_direction(x, seed):
    """Random signs times random lengths, in proportion to x: errors of two elements do not cancel in all seeds."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(x.shape)
    direction *= np.maximum(1.0, np.abs(x))
    return direction


def directional_slopes(f, x, claimed, seed=0):
    x = movable(x)
    direction = random_direction(x, seed)
    measured = central_difference(along_direction(f, x, direction), 0.0, good_step(0.0))
    return float(np.sum(claimed * direction)), measured


def find_wrong(f, x, claimed, seed=0, rtol=1e-6):
    x, claimed = movable(x), np.asarray(claimed, dtype=np.float64)
    direction = random_direction(x, seed).ravel()
    parts = claimed.ravel() * direction

    def is_wrong(first, last):
        only = np.zeros(x.size)
        only[first:last] = direction[first:last]
        measured, error = slope_with_error(along_direction(f, x, only.reshape(x.shape)), 0.0)
        # Not |claimed slope|: parts of different signs cancel, and what is left says nothing about their size.
        size = np.linalg.norm(parts[first:last])
        return not abs(parts[first:last].sum() - measured) <= rtol * size + error

    first, last = 0, x.size
    if not is_wrong(first, last):
        return None
    while last - first > 1:
        middle = (first + last) // 2
        if is_wrong(first, middle):
            last = middle
        else:
            first = middle
    # Two halves may be just within what is allowed and their sum just outside: nobody is accused without a look.
    return tuple(int(i) for i in np.unravel_index(first, x.shape)) if is_wrong(first, last) else None
