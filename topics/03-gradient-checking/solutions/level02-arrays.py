"""Level 2, arrays: one element at a time is a function of one number, and every measurement has an error bar.

What changed   `along` turns a function of an array into one of a single number, so arrays need no other way to measure.
               Steps follow the size of x. A measured slope comes with its error: the bend of f, seen by doubling the
               step, plus rounding. Outputs that are arrays are checked with a random cotangent.
What it buys   no fixed absolute tolerance, hence no blind spot: gradients of 1e-12 are judged as those of 1e+12 are. A
               claim of 0 at a minimum passes. At a kink the verdict says so instead of guessing.
What it costs  four calls of f for each element, each with a copy of x. `numerical_gradient` takes 3 times the memory of
               x, a check of 4,096 wrong claims 21 times: every row is kept until the worst ten are known.
"""

import math

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


# Arrays ---------------------------------------------------------------------------------------------------------------


def along(f, x, index):
    """f as a function of the element at `index` alone. It moves a copy: whoever else holds x sees nothing."""

    def of_one_number(number):
        moved = x.copy()
        moved[index] = number
        return float(f(moved))

    return of_one_number


def numerical_gradient(f, x, h=None):
    x = np.array(x, dtype=np.float64)  # an integer array would round each nudge away, a float32 one most of it
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = good_step(x[index]) if h is None else h
        gradient[index] = central_difference(along(f, x, index), x[index], step)
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
    x, claimed = np.array(x, dtype=np.float64), np.asarray(claimed, dtype=np.float64)
    if claimed.shape != x.shape:  # NumPy would stretch one of them and compare all the same
        raise ValueError(f"the claimed gradient has shape {claimed.shape}, x has shape {x.shape}")
    rows = []
    for index in np.ndindex(x.shape):
        measured, error = slope_with_error(along(f, x, index), float(x[index]))
        claim = float(claimed[index])
        if not agree(claim, measured, error, rtol):
            rows.append((index, claim, measured, relative_gap(claim, measured)))
    rows.sort(key=lambda row: row[3], reverse=True)
    return rows[:most]


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
