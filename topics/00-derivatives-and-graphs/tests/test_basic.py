"""Levels 1 and 2 at ordinary points: nudges, values, local derivatives, paths and their sum."""

import math

import pytest

from utils.course.expressions import exact
from utils.course.judging import expect, expect_all, plain

WORKED = {"x": 2.0, "y": 3.0, "p": ("*", "x", "y"), "z": ("+", "p", "x")}
FORGOTTEN_PATH = {"a": 2.0, "b": 3.0, "c": ("+", "a", "b"), "d": ("*", "c", "a"), "e": ("*", "c", "d")}
MIXED = {
    "u": 1.5, "v": -0.7, "m": ("-", "u", "v"), "n": ("neg", "m"), "k": ("exp", "n"), "out": ("*", "k", "m"),
}  # fmt: skip
FORMS = {"+": "{} + {}", "-": "{} - {}", "*": "{} * {}", "neg": "-{}", "exp": "exp({})"}


def leaves(graph):
    return {name: line for name, line in graph.items() if not isinstance(line, tuple)}


def program(graph, output):
    """The graph as the program that the exact derivatives are taken of: "p = x * y; z = p + x; z"."""
    lines = [f"{name} = {FORMS[line[0]].format(*line[1:])}" for name, line in graph.items() if isinstance(line, tuple)]
    return "; ".join([*lines, output])


def given(graph, output):
    return program(graph, output) + " at " + ", ".join(f"{name} = {line:g}" for name, line in leaves(graph).items())


def values_of(graph):
    return {name: exact(program(graph, name), leaves(graph)).value for name in graph}


def expect_sorted_paths(candidate, graph, output, source, *expected):
    """The paths as lists of numbers, sorted, because their order is free."""
    listed = list(candidate.paths(graph, values_of(graph), output, source))  # all of them, before one is looked at
    found = sorted([plain(local) for local in path] for path in listed)
    what, where = f'paths(graph, values, "{output}", "{source}")', given(graph, output)
    expect(f"the number of paths in {what}", lambda: len(found), len(expected), given=where)
    for path, wanted in zip(found, sorted(expected), strict=True):
        expect(f"the number of edges in {path} in {what}", lambda path=path: len(path), len(wanted), given=where)
        expect_all(
            (f"edge {k} from {output} on in {path} in {what}", lambda path=path, k=k: path[k], wanted[k], where)
            for k in range(len(wanted))
        )


def expect_slopes(what, slope_at, graph, output, names, tolerance=1e-9):
    """All slopes of `output` with respect to `names` against dual numbers, to the end; then the first that is off."""
    truth, first = exact(program(graph, output), leaves(graph)).gradients, None
    for name in names:
        try:
            expect(
                what.format(name), lambda name=name: slope_at(name), truth.get(name, float(name == output)),
                given=given(graph, output), tolerance=tolerance, aim="gradient",
            )  # fmt: skip
        except Exception as error:
            first = first or error
    if first:
        raise first


def expect_slopes_of_all(what, slopes, graphs):
    """The slopes with respect to every name of every graph, all compared before the first that is off is raised.

    On the smallest graph several mistakes give the same numbers; it takes the others to tell them apart.
    """
    first = None
    for found, (graph, output) in zip(slopes, graphs, strict=True):
        try:
            expect_slopes(what.format(output), lambda name, found=found: found[name], graph, output, graph)
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level1
@pytest.mark.about("nudge")
def test_a_nudge_of_x_travels_to_z(candidate):
    grown = candidate.nudge(lambda x: x * 3.0 + x, 2.0, 0.001)
    expect("nudge(f, 2.0, 0.001)", lambda: grown, 0.004, given="f = x*y + x with y = 3")


@pytest.mark.level1
@pytest.mark.about("nudge")
def test_a_nudge_is_the_new_result_minus_the_old(candidate):
    table = [
        ("2*y + 2", lambda y: 2.0 * y + 2.0, 3.0, 0.1, 0.2),
        ("x*x", lambda x: x * x, 3.0, 1.0, 7.0),
        ("x*x", lambda x: x * x, 3.0, -1.0, -5.0),
        ("x*x", lambda x: x * x, -3.0, 1.0, -5.0),
        ("x*x", lambda x: x * x, 3.0, 0.0001, 0.00060001),
        ("7, whatever x is", lambda x: 7.0, 5.0, 1.0, 0.0),
    ]
    # Called before anything is expected: what is not written yet says so, without a table.
    found = [candidate.nudge(f, x, step) for _, f, x, step, _ in table]
    expect_all(
        (f"nudge(f, {x}, {step})", lambda number=number: number, expected, f"f = {text}")
        for number, (text, _, x, step, expected) in zip(found, table, strict=True)
    )


@pytest.mark.level1
@pytest.mark.about("slope")
def test_a_straight_line_has_the_same_slope_for_every_step(candidate):
    found = {step: candidate.slope(lambda x: 4.5 * x - 1.0, 2.0, step) for step in (1.0, 0.5, 0.001, -0.25)}
    expect_all(
        (f"slope(f, 2.0, {step})", lambda number=number: number, 4.5, "f = 4.5*x - 1") for step, number in found.items()
    )


@pytest.mark.level1
@pytest.mark.about("slope")
def test_on_a_curve_the_slope_depends_on_the_step(candidate):
    found = {step: candidate.slope(lambda x: x * x * x, 2.0, step) for step in (1.0, 0.1)}
    expect_all(
        (f"slope(f, 2.0, {step})", lambda number=found[step]: number, expected, "f = x*x*x")
        for step, expected in ((1.0, 19.0), (0.1, 12.61))
    )


@pytest.mark.level1
@pytest.mark.about("slope")
def test_a_small_step_gives_the_slope_of_a_curve(candidate):
    table = [
        ("x*x", lambda x: x * x, 3.0, 6.0),
        ("x*x", lambda x: x * x, -3.0, -6.0),
        ("x*x*x", lambda x: x**3, 2.0, 12.0),
        ("sin(x)", math.sin, 0.0, 1.0),
    ]
    for text, f, x, expected in table:
        found = candidate.slope(f, x)
        expect(f"slope(f, {x})", lambda found=found: found, expected, given=f"f = {text}", tolerance=1e-4)


@pytest.mark.level1
@pytest.mark.about("evaluate")
def test_every_name_of_a_graph_gets_its_number(candidate):
    for graph in (WORKED, FORGOTTEN_PATH):
        values = candidate.evaluate(graph)
        last = list(graph)[-1]
        expect_all(
            (f'evaluate(graph)["{name}"]', lambda name=name, v=values: v[name], number, given(graph, last))
            for name, number in values_of(graph).items()
        )


@pytest.mark.level1
@pytest.mark.about("slopes")
def test_nudging_one_leaf_after_the_other_finds_all_slopes(candidate):
    for graph, output in ((WORKED, "z"), (FORGOTTEN_PATH, "e"), (FORGOTTEN_PATH, "d")):
        found = candidate.slopes(graph, output)
        what = f'slopes(graph, "{output}")["{{}}"]'
        expect_slopes(what, lambda name, found=found: found[name], graph, output, leaves(graph), tolerance=1e-4)


@pytest.mark.level2
@pytest.mark.about("evaluate")
@pytest.mark.parametrize("operation, expected", [("-", 5.0), ("neg", -3.0), ("exp", math.exp(3.0))])
def test_an_operation_of_level_2_has_its_value(candidate, operation, expected):
    line = (operation, "a", "b") if operation == "-" else (operation, "a")
    graph = {"a": 3.0, "b": -2.0, "c": line, "d": ("+", "c", "c")}
    values = candidate.evaluate(graph)
    expect('evaluate(graph)["c"]', lambda: values["c"], expected, given=given(graph, "c"))
    expect('evaluate(graph)["d"]', lambda: values["d"], 2 * expected, given=given(graph, "d"))


@pytest.mark.level2
@pytest.mark.about("local_derivatives")
@pytest.mark.parametrize(
    "operation, expected",
    [("+", [1.0, 1.0]), ("-", [1.0, -1.0]), ("*", [-2.0, 3.0]), ("neg", [-1.0]), ("exp", [math.exp(3.0)])],
)
def test_a_line_has_one_local_derivative_for_each_parent(candidate, operation, expected):
    graph = {"a": 3.0, "b": -2.0, "c": (operation, *("a", "b")[: len(expected)])}
    found = candidate.local_derivatives(graph, values_of(graph), "c")
    expect('len(local_derivatives(graph, values, "c"))', lambda: len(found), len(expected), given=given(graph, "c"))
    expect_all(
        (f'local_derivatives(graph, values, "c")[{k}]', lambda k=k: found[k], expected[k], given(graph, "c"))
        for k in range(len(expected))
    )


@pytest.mark.level2
@pytest.mark.about("paths")
def test_two_ways_from_z_to_x_are_two_paths(candidate):
    expect_sorted_paths(candidate, WORKED, "z", "x", [1.0, 3.0], [1.0])
    expect_sorted_paths(candidate, WORKED, "z", "y", [1.0, 2.0])


@pytest.mark.level2
@pytest.mark.about("paths")
def test_a_path_through_a_reused_name_is_walked_once_for_each_use(candidate):
    expect_sorted_paths(candidate, FORGOTTEN_PATH, "e", "a", [10.0, 1.0], [5.0, 2.0, 1.0], [5.0, 5.0])
    expect_sorted_paths(candidate, FORGOTTEN_PATH, "e", "b", [10.0, 1.0], [5.0, 2.0, 1.0])


@pytest.mark.level2
@pytest.mark.about("sum_over_paths")
def test_products_along_paths_add_up_to_the_slope(candidate):
    graphs = [(WORKED, "z"), (FORGOTTEN_PATH, "e"), (MIXED, "out")]
    summed = [{name: candidate.sum_over_paths(graph, output, name) for name in graph} for graph, output in graphs]
    expect_slopes_of_all('sum_over_paths(graph, "{}", "{{}}")', summed, graphs)


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_one_sweep_gives_the_slope_for_every_name(candidate):
    graphs = [(WORKED, "z"), (FORGOTTEN_PATH, "e"), (MIXED, "out")]
    swept = [candidate.reverse_sweep(graph, output) for graph, output in graphs]
    expect_slopes_of_all('reverse_sweep(graph, "{}")["{{}}"]', swept, graphs)
