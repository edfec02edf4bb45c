"""Level 1, naive: a slope is two calls of f and a division; a claim is judged by its relative distance from it.

What it does   moves one number up and down by a fixed step. An engine is checked the same way: its backward claims, and
               its own forward pass, nudged, answers.
What it buys   a judge that shares no line with what it judges. With h = 1e-6 the slope of sin at 0.7 has a relative
               error of 2.9e-11, where the forward difference has 4.2e-7.
What it costs  two calls of f for each input. The step fits numbers around 1 only. A claimed slope of exactly 0 fails as
               soon as the measured one is 1e-17, since nothing is known about the error of the measurement.
"""

import math

from utils.engine import Value


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
    return "pass" if relative_gap(claimed, central_difference(f, x)) <= rtol else "fail"


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
