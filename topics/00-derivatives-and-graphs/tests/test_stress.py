"""Levels 2 to 4 at size: random graphs, 20 stacked diamonds by counting, and PyTorch's answers."""

import math
import random
import sys
import tracemalloc

import pytest

from utils.course.costs import expect_at_most
from utils.course.expressions import exact
from utils.course.judging import expect, expect_all

FORMS = {"+": "{} + {}", "-": "{} - {}", "*": "{} * {}", "neg": "-{}", "exp": "exp({})"}

# Pairs (seed, size) of random graphs in which every leaf has a slope that is not 0; the smallest first, since the first
# that fails is what a learner sees.
SMALL = ((1, 4), (12, 4), (2, 5), (13, 5), (15, 6), (23, 6), (8, 8), (12, 8))
MIDDLING = ((0, 8), (1, 8), (13, 8), (22, 8))
LARGE = ((13, 12), (23, 12), (31, 12), (37, 12), (2, 20), (12, 20), (6, 36), (20, 36))


def diamonds(number):
    """`number` stacked diamonds: x0 splits into two and is joined as x1, and so on. 3 * number + 1 names.

    Each joins -x and -x, so it multiplies the slope by -2 and the number of paths by 2.
    """
    graph = {"x0": 1.0}
    for k in range(number):
        graph |= {f"l{k}": ("neg", f"x{k}"), f"r{k}": ("neg", f"x{k}"), f"x{k + 1}": ("+", f"l{k}", f"r{k}")}
    return graph


def random_graph(seed, size):
    """Three leaves, `size` lines that use the lines just above them, and "out", the product of the last two.

    exp is taken of leaves only, and one factor of the other products is a leaf, so that no number becomes large.
    """
    rng = random.Random(seed)
    graph = {name: round(rng.uniform(-1.2, 1.2), 2) for name in "abc"}
    for k in range(size):
        near, far = list(graph)[-2:], list(graph)[-4:]
        operation = rng.choice(["+", "-", "*", "neg", "exp"])
        graph[f"n{k}"] = {
            "+": ("+", rng.choice(near), rng.choice(far)),
            "-": ("-", rng.choice(far), rng.choice(near)),
            "*": ("*", rng.choice(near), rng.choice("abc")),
            "neg": ("neg", rng.choice(near)),
            "exp": ("exp", rng.choice("abc")),
        }[operation]
    graph["out"] = ("*", *list(graph)[-2:])
    return graph


def leaves(graph):
    return {name: line for name, line in graph.items() if not isinstance(line, tuple)}


def program(graph, output):
    lines = [f"{name} = {FORMS[line[0]].format(*line[1:])}" for name, line in graph.items() if isinstance(line, tuple)]
    return "; ".join([*lines, output])


def torch_slopes(graph, output):
    """d(output)/d(leaf) by torch.autograd.grad in float64."""
    import torch

    operations = {"+": torch.add, "-": torch.sub, "*": torch.mul, "neg": torch.neg, "exp": torch.exp}
    nodes = {}
    for name, line in graph.items():
        if isinstance(line, tuple):
            nodes[name] = operations[line[0]](*(nodes[parent] for parent in line[1:]))
        else:
            nodes[name] = torch.tensor(line, dtype=torch.float64, requires_grad=True)
    wanted = [nodes[name] for name in leaves(graph)]
    gradients = torch.autograd.grad(nodes[output], wanted, allow_unused=True, materialize_grads=True)
    return {name: gradient.item() for name, gradient in zip(leaves(graph), gradients, strict=True)}


def lines_run(call, budget=math.inf):
    """How many lines of the candidate's own code run in call(), at most `budget`: a count is the same on every machine.

    A walk over all paths is cut off when the budget is spent, so it costs no minutes to find it out.
    """
    count = 0

    class Spent(Exception):
        pass

    def trace(frame, event, arg):
        nonlocal count
        if frame.f_globals.get("__name__", "").startswith("candidate_"):
            count += event == "line"
            if count >= budget:
                raise Spent
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Spent:
        pass
    finally:
        sys.settrace(before)
    return count


def peak_bytes(call):
    """The most memory that Python held during call(), beyond what it held before.

    Without a collection first: that would empty Python's store of used tuples, and count them among these few bytes.
    """
    call()  # caches fill at the first call
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_the_sweep_is_exact_on_random_graphs(candidate):
    rows = []
    for seed, size in SMALL:
        graph = random_graph(seed, size)
        output = "out"
        found = candidate.reverse_sweep(graph, output)
        truth = exact(program(graph, output), leaves(graph)).gradients
        where = program(graph, output) + " at " + ", ".join(f"{n} = {v:g}" for n, v in leaves(graph).items())
        rows += [
            (f'reverse_sweep(graph, "{output}")["{n}"]', lambda f=found, n=n: f[n], truth[n], where) for n in "abc"
        ]
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("sum_over_paths")
def test_eight_stacked_diamonds_have_256_paths(candidate):
    graph = diamonds(8)
    slope = candidate.sum_over_paths(graph, "x8", "x0")
    values = {name: exact(program(graph, name), leaves(graph)).value for name in graph}
    listed = list(candidate.paths(graph, values, "x8", "x0"))
    expect_all([
        ('sum_over_paths(graph, "x8", "x0")', lambda: slope, 256.0, "8 stacked diamonds, each x -> (-x) + (-x)"),
        ('the number of paths in paths(graph, values, "x8", "x0")', lambda: len(listed), 256.0, "8 stacked diamonds"),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("reverse_sweep")
def test_the_slope_through_a_long_chain_is_the_product_of_all_lines(candidate):
    graph = {"x0": 1.0, "w": 1.01}
    for k in range(300):
        graph[f"x{k + 1}"] = ("*", f"x{k}", "w")
    found = candidate.reverse_sweep(graph, "x300")
    where = "300 lines x1 = x0 * w, x2 = x1 * w, ... at x0 = 1, w = 1.01"
    expect_all([
        ('reverse_sweep(graph, "x300")["x0"]', lambda: found["x0"], 1.01**300, where),
        ('reverse_sweep(graph, "x300")["w"]', lambda: found["w"], 300 * 1.01**299, where),
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("count_paths")
def test_each_diamond_doubles_the_number_of_paths(candidate):
    counts = {number: candidate.count_paths(diamonds(number), f"x{number}") for number in (1, 2, 10)}
    expect_all([
        ('count_paths(graph, "x1")["x0"]', lambda: counts[1]["x0"], 2, "1 diamond"),
        ('count_paths(graph, "x2")["x0"]', lambda: counts[2]["x0"], 4, "2 stacked diamonds"),
        ('count_paths(graph, "x10")["x10"]', lambda: counts[10]["x10"], 1, "10 stacked diamonds"),
        ('count_paths(graph, "x10")["l0"]', lambda: counts[10]["l0"], 512, "10 stacked diamonds"),
        ('count_paths(graph, "x10")["x0"]', lambda: counts[10]["x0"], 1024, "10 stacked diamonds"),
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("count_paths")
def test_paths_are_counted_for_any_output_and_any_line(candidate):
    graph = {
        "x": 0.0, "idle": 7.0, "t": ("*", "x", "x"), "e": ("exp", "t"), "z": ("-", "e", "x"), "w": ("*", "z", "z"),
    }  # fmt: skip
    counts = candidate.count_paths(graph, "z")
    where = "t = x * x; e = exp(t); z = e - x; w = z * z at x = 0"
    expect_all(
        (f'count_paths(graph, "z")["{name}"]', lambda name=name: counts[name], number, where)
        for name, number in {"x": 3, "t": 1, "e": 1, "z": 1, "idle": 0, "w": 0}.items()
    )


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("count_paths")
def test_1048576_paths_are_counted_with_61_numbers(candidate):
    ten = lines_run(lambda: candidate.count_paths(diamonds(10), "x10"))
    twenty = lines_run(lambda: candidate.count_paths(diamonds(20), "x20"), budget=4 * ten)
    expect_at_most(
        "the lines of your file that run, compared with 10 diamonds,", 3, twenty, ten,
        given="count_paths on 20 stacked diamonds; they have 1,024 times as many paths",
    )  # fmt: skip
    # Only now: walking the paths of 50 diamonds would take years.
    twenty, fifty = candidate.count_paths(diamonds(20), "x20"), candidate.count_paths(diamonds(50), "x50")
    expect_all([
        ('count_paths(graph, "x20")["x0"]', lambda: twenty["x0"], 1048576, "20 stacked diamonds"),
        ('len(count_paths(graph, "x20"))', lambda: len(twenty), 61, "20 stacked diamonds"),
        ('count_paths(graph, "x50")["x0"]', lambda: fifty["x0"], 2**50, "50 stacked diamonds"),
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("reverse_sweep")
def test_the_sweep_looks_at_61_numbers_where_there_are_1048576_paths(candidate):
    ten = lines_run(lambda: candidate.reverse_sweep(diamonds(10), "x10"))
    twenty = lines_run(lambda: candidate.reverse_sweep(diamonds(20), "x20"), budget=4 * ten)
    expect_at_most(
        "the lines of your file that run, compared with 10 diamonds,", 3, twenty, ten,
        given="reverse_sweep on 20 stacked diamonds; they have 1,024 times as many paths",
    )  # fmt: skip
    found = candidate.reverse_sweep(diamonds(20), "x20")
    expect_all([
        ('reverse_sweep(graph, "x20")["x0"]', lambda: found["x0"], 1048576, "20 stacked diamonds"),
        ('len(reverse_sweep(graph, "x20"))', lambda: len(found), 61, "20 stacked diamonds"),
    ])  # fmt: skip
    small, large = diamonds(20), diamonds(40)
    held = peak_bytes(lambda: candidate.reverse_sweep(small, "x20"))
    more = peak_bytes(lambda: candidate.reverse_sweep(large, "x40"))
    expect_at_most(
        "the memory, compared with 20 diamonds,", 3, more, held, given="reverse_sweep on 40 stacked diamonds"
    )


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("sum_over_paths")
def test_summing_over_64_times_as_many_paths_takes_at_most_4_times_the_memory(candidate):
    few, many = diamonds(4), diamonds(10)
    slope = candidate.sum_over_paths(many, "x10", "x0")
    expect('sum_over_paths(graph, "x10", "x0")', lambda: slope, 1024, given="10 stacked diamonds", aim="gradient")
    little = peak_bytes(lambda: candidate.sum_over_paths(few, "x4", "x0"))
    much = peak_bytes(lambda: candidate.sum_over_paths(many, "x10", "x0"))
    expect_at_most(
        "the memory, compared with 16 paths,", 4, much, little, given="sum_over_paths on a graph with 1,024 paths"
    )


@pytest.mark.level3
@pytest.mark.about("sum_over_paths")
def test_the_sum_over_paths_is_the_sweep_on_random_graphs(candidate):
    rows = []
    for seed, size in MIDDLING:
        graph = random_graph(seed, size)
        output = "out"
        found = {name: candidate.sum_over_paths(graph, output, name) for name in leaves(graph)}
        truth = exact(program(graph, output), leaves(graph)).gradients
        rows += [
            (f'sum_over_paths(graph, "{output}", "{name}")', lambda f=found, n=name: f[n], truth[name],
             program(graph, output))
            for name in leaves(graph)
        ]  # fmt: skip
    expect_all(rows)


@pytest.mark.level4
@pytest.mark.about("reverse_sweep")
def test_the_sweep_agrees_with_torch_autograd_grad(candidate):
    graphs = [
        {"x": 2.0, "y": 3.0, "p": ("*", "x", "y"), "z": ("+", "p", "x")},
        {"a": 2.0, "b": 3.0, "c": ("+", "a", "b"), "d": ("*", "c", "a"), "e": ("*", "c", "d")},
        {"u": 1.5, "v": -0.7, "m": ("-", "u", "v"), "n": ("neg", "m"), "k": ("exp", "n"), "g": ("*", "k", "m")},
        diamonds(20),
        *(random_graph(seed, size) for seed, size in LARGE),
    ]  # fmt: skip
    rows = []
    for graph in graphs:
        output = list(graph)[-1]
        found, reference = candidate.reverse_sweep(graph, output), torch_slopes(graph, output)
        rows += [
            (f'reverse_sweep(graph, "{output}")["{name}"]', lambda f=found, n=name: f[n], reference[name],
             program(graph, output)[:200])
            for name in reference
        ]  # fmt: skip
    expect_all(rows)


@pytest.mark.level4
@pytest.mark.about("reverse_sweep")
def test_a_line_fitted_with_the_sweep_follows_pytorch_step_by_step(candidate):
    import torch

    points = [(0.0, 1.0), (1.0, 3.2), (2.0, 4.8), (3.0, 7.0)]
    graph = {"w": 0.0, "b": 0.0}
    for k, (x, y) in enumerate(points):
        graph |= {
            f"x{k}": x, f"y{k}": y, f"wx{k}": ("*", "w", f"x{k}"), f"guess{k}": ("+", f"wx{k}", "b"),
            f"error{k}": ("-", f"guess{k}", f"y{k}"), f"square{k}": ("*", f"error{k}", f"error{k}"),
        }  # fmt: skip
    graph |= {"s1": ("+", "square0", "square1"), "s2": ("+", "s1", "square2"), "loss": ("+", "s2", "square3")}

    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # w and b
    xs, ys = torch.tensor(points, dtype=torch.float64).T
    rows = []
    for step in range(60):
        found = candidate.reverse_sweep(graph, "loss")
        (gradient,) = torch.autograd.grad(((weights[0] * xs + weights[1] - ys) ** 2).sum(), weights)
        rows += [
            (f'reverse_sweep(graph, "loss")["{name}"] at step {step}', lambda f=found, n=name: f[n],
             gradient[k].item(), "the squared errors of w*x + b on four points")
            for k, name in enumerate("wb")
        ]  # fmt: skip
        graph |= {name: graph[name] - 0.03 * float(found[name]) for name in "wb"}
        weights = (weights - 0.03 * gradient).detach().requires_grad_()
    expect_all(rows)
    loss = candidate.evaluate(graph)["loss"]
    expect("the loss after 60 steps, rounded down to tenths", lambda: math.floor(loss * 10) / 10, 0.0,
           given="the squared errors of w*x + b on four points; it starts at 83.28")  # fmt: skip
