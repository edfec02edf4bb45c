"""Levels 1 and 2 where things coincide: one parent twice, an output in the middle, names that do not matter."""

import copy
import math

import pytest

from utils.course.judging import expect, expect_all, plain

TWICE = "t = x * x; d = x - x; s = t + d at x = 3"
SAME_PARENT_TWICE = {"x": 3.0, "t": ("*", "x", "x"), "d": ("-", "x", "x"), "s": ("+", "t", "d")}
BESIDE = "p = x * y; z = p + x; w = z * idle at x = 2, y = 3, idle = 7"
OUTPUT_IN_THE_MIDDLE = {
    "x": 2.0, "idle": 7.0, "y": 3.0, "p": ("*", "x", "y"), "z": ("+", "p", "x"), "w": ("*", "z", "idle"),
}  # fmt: skip


def same(graph, before):
    """1.0 if a graph is what it was before, line for line and in the same order; a number, so that it can be judged."""
    return float(list(graph.items()) == list(before.items()))


@pytest.mark.level1
@pytest.mark.about("nudge")
def test_the_function_is_called_at_the_new_place_and_at_the_old_one(candidate):
    places = []

    def f(x):
        places.append(plain(x))
        return 10.0 * x

    result = candidate.nudge(f, 2.0, 0.5)
    expect("nudge(f, 2.0, 0.5)", lambda: result, 5.0, given="f = 10*x")
    expect("the largest x at which f was called", lambda: max(places), 2.5, given="nudge(f, 2.0, 0.5)")
    expect("the smallest x at which f was called", lambda: min(places), 2.0, given="nudge(f, 2.0, 0.5)")


@pytest.mark.level1
@pytest.mark.about("evaluate")
def test_a_graph_may_be_evaluated_again_with_other_numbers(candidate):
    graph = {"x": 2.0, "y": 3.0, "z": ("*", "x", "y")}
    first = candidate.evaluate(graph)
    again = candidate.evaluate({**graph, "x": 5.0})
    alone = candidate.evaluate({"q": 1.0})
    expect_all([
        ('evaluate(graph)["z"]', lambda: first["z"], 6.0, "z = x * y at x = 2, y = 3"),
        ('evaluate(graph)["z"]', lambda: again["z"], 15.0, "z = x * y at x = 5, y = 3, after x = 2"),
        ("len(evaluate(graph))", lambda: len(alone), 1.0, "a graph of one leaf, q = 1"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("evaluate")
def test_one_parent_may_stand_twice_in_a_line(candidate):
    values = candidate.evaluate({"x": 3, "t": ("*", "x", "x"), "s": ("+", "t", "t"), "n": -1.5})
    expect_all([
        ('evaluate(graph)["t"]', lambda: values["t"], 9.0, "t = x * x; s = t + t at x = 3"),
        ('evaluate(graph)["s"]', lambda: values["s"], 18.0, "t = x * x; s = t + t at x = 3"),
        ('evaluate(graph)["n"]', lambda: values["n"], -1.5, "a leaf below the other lines, n = -1.5"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("evaluate")
def test_evaluating_leaves_the_graph_as_it_was(candidate):
    graph = {"x": 2.0, "y": 3.0, "z": ("*", "x", "y")}
    before = copy.deepcopy(graph)
    values = candidate.evaluate(graph)
    expect('evaluate(graph)["z"]', lambda: values["z"], 6.0, given="z = x * y at x = 2, y = 3")
    expect("the graph is unchanged (1 = yes)", lambda: same(graph, before), 1.0, given="evaluate(graph)", aim="inplace")


@pytest.mark.level1
@pytest.mark.about("slopes")
def test_nudging_leaves_the_graph_as_it_was(candidate):
    # 1.0 + 1e-6 - 1e-6 is not 1.0: adding a step and subtracting it again does not always give the number back.
    graph = {"x": 1.0, "y": 3.0, "z": ("*", "x", "y")}
    before = copy.deepcopy(graph)
    found = candidate.slopes(graph, "z")
    expect('slopes(graph, "z")["x"]', lambda: found["x"], 3.0, given="z = x * y at x = 1, y = 3", tolerance=1e-4)
    expect(
        "the graph is unchanged (1 = yes)", lambda: same(graph, before), 1.0, given='slopes(graph, "z")', aim="inplace"
    )


@pytest.mark.level1
@pytest.mark.about("slopes")
def test_each_leaf_is_nudged_alone(candidate):
    # With a coarse step a nudge that has not been taken back is easy to see in the next slope.
    graph = {"x": 2.0, "y": 3.5, "w": 5.0, "p": ("*", "x", "y"), "z": ("*", "p", "w")}
    found = candidate.slopes(graph, "z", 0.5)
    where = "p = x * y; z = p * w at x = 2, y = 3.5, w = 5"
    expect_all([
        ('slopes(graph, "z", 0.5)["x"]', lambda: found["x"], 17.5, where),
        ('slopes(graph, "z", 0.5)["y"]', lambda: found["y"], 10.0, where),
        ('slopes(graph, "z", 0.5)["w"]', lambda: found["w"], 7.0, where),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("slopes")
def test_every_leaf_has_a_slope_and_nothing_else_has(candidate):
    found = candidate.slopes({"x": 3, "y": 2.5, "z": ("*", "x", "y")}, "z", 0.5)
    where = "z = x * y at x = 3, y = 2.5; 3 is a whole number"
    expect_all([
        ('slopes(graph, "z", 0.5)["x"]', lambda: found["x"], 2.5, where),
        ('slopes(graph, "z", 0.5)["y"]', lambda: found["y"], 3.0, where),
        ('len(slopes(graph, "z", 0.5))', lambda: len(found), 2.0, where),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("slopes")
def test_a_leaf_that_the_output_does_not_use_has_slope_zero(candidate):
    found = candidate.slopes(OUTPUT_IN_THE_MIDDLE, "z")
    for name, expected in (("x", 4.0), ("y", 2.0), ("idle", 0.0)):
        expect(f'slopes(graph, "z")["{name}"]', lambda name=name: found[name], expected, given=BESIDE, tolerance=1e-4)


@pytest.mark.level2
@pytest.mark.about("evaluate")
def test_the_order_of_the_parents_matters_in_a_difference(candidate):
    values = candidate.evaluate({"a": 2.0, "b": 7.0, "c": ("-", "a", "b"), "d": ("-", "b", "a"), "e": ("neg", "c")})
    where = "c = a - b; d = b - a; e = -c at a = 2, b = 7"
    expect_all([
        ('evaluate(graph)["c"]', lambda: values["c"], -5.0, where),
        ('evaluate(graph)["d"]', lambda: values["d"], 5.0, where),
        ('evaluate(graph)["e"]', lambda: values["e"], 5.0, where),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("local_derivatives")
def test_a_local_derivative_is_taken_at_the_values_of_the_parents(candidate):
    graph = {"x": 0.5, "y": ("exp", "x"), "z": ("exp", "y"), "w": ("*", "z", "y")}
    values = {"x": 0.5, "y": math.exp(0.5), "z": math.exp(math.exp(0.5))}
    values["w"] = values["z"] * values["y"]
    where = "y = exp(x); z = exp(y); w = z * y at x = 0.5"
    found = {name: candidate.local_derivatives(graph, values, name) for name in ("y", "z", "w")}
    expect_all([
        ('local_derivatives(graph, values, "y")[0]', lambda: found["y"][0], values["y"], where),
        ('local_derivatives(graph, values, "z")[0]', lambda: found["z"][0], values["z"], where),
        ('local_derivatives(graph, values, "w")[0]', lambda: found["w"][0], values["y"], where),
        ('local_derivatives(graph, values, "w")[1]', lambda: found["w"][1], values["z"], where),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("local_derivatives")
def test_a_parent_that_stands_twice_has_two_local_derivatives_and_a_leaf_has_none(candidate):
    values = {"x": 3.0, "t": 9.0, "d": 0.0, "s": 9.0}
    found = {name: candidate.local_derivatives(SAME_PARENT_TWICE, values, name) for name in ("t", "d", "x")}
    expect_all([
        ('local_derivatives(graph, values, "t")[0]', lambda: found["t"][0], 3.0, TWICE),
        ('local_derivatives(graph, values, "t")[1]', lambda: found["t"][1], 3.0, TWICE),
        ('local_derivatives(graph, values, "d")[0]', lambda: found["d"][0], 1.0, TWICE),
        ('local_derivatives(graph, values, "d")[1]', lambda: found["d"][1], -1.0, TWICE),
        ('len(local_derivatives(graph, values, "x"))', lambda: len(found["x"]), 0.0, TWICE),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("paths")
def test_two_positions_in_one_line_are_two_paths(candidate):
    values = {"x": 3.0, "t": 9.0, "d": 0.0, "s": 9.0}
    found = [[plain(local) for local in path] for path in candidate.paths(SAME_PARENT_TWICE, values, "s", "x")]
    what = 'paths(graph, values, "s", "x")'
    expect(f"the number of paths in {what}", lambda: len(found), 4.0, given=TWICE)
    expect_all(
        (f"how often [1, {local:g}] is in {what}", lambda n=local: found.count([1.0, n]), times, TWICE)
        for local, times in ((3.0, 2.0), (1.0, 1.0), (-1.0, 1.0))
    )


@pytest.mark.level2
@pytest.mark.about("paths")
def test_from_a_name_to_itself_there_is_one_path_and_up_the_graph_none(candidate):
    values = {"x": 2.0, "idle": 7.0, "y": 3.0, "p": 6.0, "z": 8.0, "w": 56.0}

    expected = {("z", "z"): 1.0, ("z", "p"): 1.0, ("p", "z"): 0.0, ("z", "idle"): 0.0}
    found = {pair: len(list(candidate.paths(OUTPUT_IN_THE_MIDDLE, values, *pair))) for pair in expected}
    expect_all(
        (f'the number of paths in paths(graph, values, "{output}", "{source}")',
         lambda pair=(output, source): found[pair], number, BESIDE)
        for (output, source), number in expected.items()
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("sum_over_paths")
def test_a_sum_over_no_path_is_zero_and_to_itself_one(candidate):
    expected = {("z", "x"): 4.0, ("z", "z"): 1.0, ("z", "idle"): 0.0, ("p", "z"): 0.0}
    found = {pair: candidate.sum_over_paths(OUTPUT_IN_THE_MIDDLE, *pair) for pair in expected}
    twice = candidate.sum_over_paths(SAME_PARENT_TWICE, "s", "x")
    rows = [
        (f'sum_over_paths(graph, "{output}", "{source}")', lambda n=found[output, source]: n, number, BESIDE)
        for (output, source), number in expected.items()
    ]
    expect_all([*rows, ('sum_over_paths(graph, "s", "x")', lambda: twice, 6.0, TWICE)])


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_the_sweep_starts_at_the_output_wherever_it_stands(candidate):
    found = candidate.reverse_sweep(OUTPUT_IN_THE_MIDDLE, "z")
    expected = {"x": 4.0, "y": 2.0, "p": 1.0, "z": 1.0, "idle": 0.0, "w": 0.0}
    expect_all(
        (f'reverse_sweep(graph, "z")["{name}"]', lambda name=name: found[name], number, BESIDE)
        for name, number in expected.items()
    )


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_a_parent_that_stands_twice_receives_twice(candidate):
    found = candidate.reverse_sweep(SAME_PARENT_TWICE, "s")
    expect_all(
        (f'reverse_sweep(graph, "s")["{name}"]', lambda name=name: found[name], number, TWICE)
        for name, number in {"x": 6.0, "t": 1.0, "d": 1.0}.items()
    )


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_a_second_sweep_starts_from_zero_and_leaves_the_graph_as_it_was(candidate):
    graph = {"x": 2.0, "y": 3.0, "z": ("*", "x", "y"), "w": ("+", "z", "x")}
    before = copy.deepcopy(graph)
    first = candidate.reverse_sweep(graph, "w")
    again = candidate.reverse_sweep(graph, "w")
    where = "z = x * y; w = z + x at x = 2, y = 3"
    expect_all([
        ('reverse_sweep(graph, "w")["x"]', lambda: first["x"], 4.0, where),
        ('reverse_sweep(graph, "w")["x"], the second time', lambda: again["x"], 4.0, where),
        ("the graph is unchanged (1 = yes)", lambda: same(graph, before), 1.0, 'reverse_sweep(graph, "w")'),
    ])  # fmt: skip
