"""Levels 1 and 2 at ordinary points: values, local derivatives, paths that add up."""

import pytest

from utils.course.judging import expect, expect_gradients, expect_programs


@pytest.mark.level1
@pytest.mark.about("Value")
def test_a_value_keeps_its_number_and_starts_without_gradient(candidate):
    x = candidate.Value(2.0)
    expect("x.data", lambda: x.data, 2.0, given="x = Value(2.0)")
    expect("x.grad", lambda: x.grad, 0.0, given="x = Value(2.0)")


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_a_value_used_on_two_paths_collects_from_both(candidate):
    expect_gradients(candidate, "c = a + b; d = c * a; e = c * d; e", a=2.0, b=3.0)


@pytest.mark.level2
@pytest.mark.about("Value.__sub__")
def test_subtraction_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, "(a - b) * 3", "c = a - b; (c - a) * 3", "(a - a) * 3 + a", a=1.5, b=-0.7)
