"""Levels 2 and 3 in quantity, and rows for pytest-benchmark: what a walk costs, in ratios and never in seconds."""

import gc
import math
import sys
import time

import pytest

from utils.course.judging import Mismatch, Observation, expect, observations

# CPU time is steadier than the clock on the wall, but on some systems it ticks too coarsely for a small graph.
_FINE = time.get_clock_info("process_time").resolution < 1e-5
clock = time.process_time if _FINE else time.perf_counter


def expect_at_most(what, ratio, limit, *, given):
    """Record whether a cost, as a ratio, stays within its limit; raise Mismatch if not."""
    observation = Observation(what, given, f"at most {limit:g} times", f"{ratio:.3g} times", ratio <= limit, aim="cost")
    observations.append(observation)
    if not observation.holds:
        raise Mismatch(observation)


def seconds_of_backward(build):
    """The shortest of several timings of build().backward(); a single one where that is long already."""
    shortest = math.inf
    for _ in range(7):
        root = build()
        started = clock()
        root.backward()
        shortest = min(shortest, clock() - started)
        if shortest > 0.3:
            break
    return max(shortest, 1e-9)


def diamonds(candidate, count):
    """The first value and the result of `count` times x = x * k + x."""
    first = x = candidate.Value(1.0)
    k = candidate.Value(0.5)
    for _ in range(count):
        x = x * k + x
    return first, x


def tree(candidate, leaves):
    """The sum of `leaves` products as a balanced tree: wide, and only as deep as the logarithm."""
    k = candidate.Value(0.5)
    row = [candidate.Value(0.01 * n) * k for n in range(leaves)]
    while len(row) > 1:
        row = [left + right for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
@pytest.mark.resources
def test_twice_as_many_stacked_diamonds_cost_about_twice_as_much(candidate):
    ten = seconds_of_backward(lambda: diamonds(candidate, 10)[1])
    twenty = seconds_of_backward(lambda: diamonds(candidate, 20)[1])
    expect_at_most(
        "the time of backward over 20 stacked diamonds, compared with 10", twenty / ten, 30,
        given="x = x * k + x, repeated; 10 diamonds have 1,024 paths, 20 have 1,048,576, but only 42 values",
    )  # fmt: skip
    first, x = diamonds(candidate, 22)
    x.backward()
    expect("the gradient of the first value", lambda: first.grad, 1.5**22,
           given="22 times x = x * k + x at k = 0.5", aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
@pytest.mark.resources
def test_four_times_as_many_values_cost_about_four_times_as_much(candidate):
    few = seconds_of_backward(lambda: tree(candidate, 128))
    many = seconds_of_backward(lambda: tree(candidate, 512))
    expect_at_most(
        "the time of backward over 512 products, compared with 128", many / few, 9,
        given="1,536 values against 384: asking of each value whether it is in a list makes this ratio 16",
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
def test_a_chain_of_two_hundred_values(candidate):
    first = x = candidate.Value(0.5)
    k = candidate.Value(1.01)
    for _ in range(100):
        x = x * k + first
    given = "x = a = 0.5, then 100 times: x = x * k + a at k = 1.01"
    expect("the value at the end", lambda: x.data, 0.5 * sum(1.01**n for n in range(101)), given=given)
    x.backward()
    expect("a.grad", lambda: first.grad, sum(1.01**n for n in range(101)), given=given, aim="gradient")
