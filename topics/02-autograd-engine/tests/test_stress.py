"""Levels 2 to 4 in quantity: what a walk costs, in ratios and never in seconds; training; rows for pytest-benchmark."""

import gc
import math
import random
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from utils.course.costs import expect_at_most
from utils.course.judging import expect, expect_all
from utils.course.loading import load

TOPIC = Path(__file__).resolve().parents[1]

# CPU time is steadier than the clock on the wall, but on some systems it ticks too coarsely for a small graph.
_FINE = time.get_clock_info("process_time").resolution < 1e-5
clock = time.process_time if _FINE else time.perf_counter


def times_longer(many, few, limit):
    """How many times longer backward takes for many() than for few(), each at the shortest of several timings.

    Three timings where the ratio is far below the limit, up to seven elsewhere, one where that is long already.
    """
    shortest, ratio = {many: math.inf, few: math.inf}, math.inf
    for timing in range(7):
        for build in shortest:
            root = build()
            started = clock()
            root.backward()
            shortest[build] = max(1e-9, min(shortest[build], clock() - started))
        ratio = shortest[many] / shortest[few]
        if shortest[many] > 0.3 or (timing >= 2 and ratio < limit / 2):
            break
    return ratio


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
    ratio = times_longer(lambda: diamonds(candidate, 20)[1], lambda: diamonds(candidate, 10)[1], 30)
    expect_at_most(
        "the time of backward over 20 stacked diamonds, compared with 10", 30, ratio, 1,
        given="x = x * k + x, repeated; 10 diamonds have 1,024 paths, 20 have 1,048,576, but only 42 values",
    )  # fmt: skip
    first, x = diamonds(candidate, 22)
    x.backward()
    expect("the gradient of the first value", lambda: first.grad, 1.5**22,
           given="22 times x = x * k + x at k = 0.5", aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
@pytest.mark.resources
def test_eight_times_as_many_values_cost_about_eight_times_as_much(candidate):
    ratio = times_longer(lambda: tree(candidate, 1024), lambda: tree(candidate, 128), 28)
    expect_at_most(
        "the time of backward over 1,024 added products, compared with 128", 28, ratio, 1,
        given="3,072 values against 384; asking of each value whether it is in a list tends to 64 times",
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


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def default_recursion_limit(monkeypatch):
    """Python's usual limit of 1,000 calls, which the candidate may not raise for its own comfort."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)

    def refuse(limit):
        raise AssertionError(
            f"setrecursionlimit({limit}) is refused: backward is to work under Python's own limit of 1,000"
        )

    with monkeypatch.context() as patch:
        patch.setattr(sys, "setrecursionlimit", refuse)
        yield
    sys.setrecursionlimit(before)


@pytest.mark.level3
@pytest.mark.about("Value.backward", step="deep")
def test_a_chain_of_a_hundred_thousand_values_under_the_default_recursion_limit(candidate, default_recursion_limit):
    first = x = candidate.Value(0.5)
    k = candidate.Value(1.0 + 1e-5)
    for _ in range(50_000):
        x = x * k + first
    x.backward()
    slope = ((1.0 + 1e-5) ** 50_001 - 1.0) / 1e-5  # the sum of k**n for n from 0 to 50,000
    given = "x = a = 0.5, then 50,000 times: x = x * k + a at k = 1.00001"
    expect("the value at the end", lambda: x.data, 0.5 * slope, given=given)
    expect("a.grad", lambda: first.grad, slope, given=given, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("Value.backward", step="deep")
def test_a_deep_graph_of_diamonds_is_walked_in_the_right_order(candidate, default_recursion_limit):
    for long_first in (True, False):
        first = x = candidate.Value(0.5)
        k, m = candidate.Value(1e-4), candidate.Value(0.99995)
        for _ in range(5_000):
            long, short = x * k * m, x
            x = long + short if long_first else short + long
        x.backward()
        given = f"5,000 times x = {'x * k * m + x' if long_first else 'x + x * k * m'} at k = 0.0001, m = 0.99995"
        expect("the gradient of the first value", lambda first=first: first.grad, (1 + 1e-4 * 0.99995) ** 5_000,
               given=given, aim="gradient")  # fmt: skip


def wide_graph(value_class):
    """The result of 4,040 sums and products: 40 chains of 100, added up, so large but not deep."""
    k, total = value_class(0.999), value_class(0.0)
    for _ in range(40):
        x = k
        for _ in range(50):
            x = x * k + k
        total = total + x
    return total


def bytes_of_graph(value_class):
    """The bytes that wide_graph takes."""
    wide_graph(value_class)  # what is made only once, such as a cache, does not count
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        root = wide_graph(value_class)
        taken = tracemalloc.get_traced_memory()[0] - before
        del root
    finally:
        tracemalloc.stop()
    return taken


def objects_of_graph(value_class, walked):
    """(objects that wide_graph adds, objects left when its last name is gone), while the cycle collector is off."""
    wide_graph(value_class)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        root = wide_graph(value_class)
        taken = len(gc.get_objects()) - before
        if walked:
            root.backward()
        del root
        left = len(gc.get_objects()) - before
    finally:
        gc.enable()
    return taken, left


@pytest.mark.level3
@pytest.mark.about("Value", step="lean")
@pytest.mark.resources
def test_a_graph_takes_much_less_memory_than_at_level_1(candidate):
    naive = load(next((TOPIC / "solutions").glob("level01-*.py")), "level01_for_comparison")
    mine, level1 = bytes_of_graph(candidate.Value), bytes_of_graph(naive.Value)
    expect_at_most(
        "the memory of a graph, compared with level 1", 0.6, mine, level1,
        given=f"4,040 sums and products; {mine / 4040:.0f} bytes for each, {level1 / 4040:.0f} at level 1",
    )  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Value", step="lean")
@pytest.mark.resources
def test_a_graph_that_nobody_holds_is_gone_at_once(candidate):
    for walked in (False, True):
        taken, left = objects_of_graph(candidate.Value, walked)
        expect_at_most(
            "the objects that are left when the last name of a graph is gone", 0.02, left, taken,
            given=f"4,040 sums and products, {'after' if walked else 'without'} backward, with the cycle collector off",
        )  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def given(candidate, monkeypatch):
    """nn.py and train.py of this topic, standing on the candidate's Value whatever engine the learner has chosen."""
    monkeypatch.setitem(sys.modules, "utils.engine", SimpleNamespace(Value=candidate.Value))
    nn = load(TOPIC / "nn.py", "given_nn")
    monkeypatch.setitem(sys.modules, "nn", nn)
    return SimpleNamespace(nn=nn, train=load(TOPIC / "train.py", "given_train"))


@pytest.mark.level4
@pytest.mark.about("Value")
def test_a_perceptron_of_3_4_1_has_21_parameters_and_returns_one_value(candidate, given):
    net = given.nn.MLP(3, [4, 1], random.Random(3))
    expect("the number of parameters of MLP(3, [4, 1])", lambda: len(net.parameters()), 21)
    single = given.nn.Layer(3, 1, random.Random(3))
    neuron = single.neurons[0]
    expect("the result of a layer of one neuron", lambda: single([2.0, 3.0, -1.0]).data,
           neuron([2.0, 3.0, -1.0]).data)  # fmt: skip
    layer = given.nn.Layer(3, 2, random.Random(3))
    expect("the number of results of a layer of two neurons", lambda: len(layer([1.0, 0.5, -0.5])), 2)


@pytest.mark.level4
@pytest.mark.about("Value")
def test_the_four_samples_are_learned(candidate, given):
    net, losses = given.train.four_samples(report=lambda line: None)
    expect("the loss in epoch 1", lambda: losses[0], 4.060176556, given="four_samples()", tolerance=1e-6)
    expect("the loss in epoch 100", lambda: losses[-1], 0.006080699, given="four_samples()", tolerance=1e-6)
    for x, y in zip(given.train.SAMPLES, given.train.TARGETS, strict=True):
        expect("the prediction", lambda x=x: net(x).data, y, given=f"net({x}) after four_samples()", tolerance=0.1)


@pytest.mark.level4
@pytest.mark.about("Value")
def test_two_moons_are_told_apart(candidate, given):
    _, share = given.train.two_moons(report=lambda line: None)
    expect("at least 95 % of the points are on the right side", lambda: float(share >= 0.95), 1.0, given="two_moons()")


@pytest.mark.level4
@pytest.mark.about("Value")
def test_the_same_net_in_pytorch_takes_the_same_steps(candidate, given):
    import torch

    net = given.nn.MLP(3, [4, 4, 1], random.Random(5))
    mine = [given.train.step(net, given.train.SAMPLES, given.train.TARGETS, 0.05) for _ in range(20)]
    twin = given.nn.MLP(3, [4, 4, 1], random.Random(5))  # the weights before the first step
    rows = [[neuron.parameters() for neuron in layer.neurons] for layer in twin.layers]
    numbers = [[[value.data for value in row] for row in layer] for layer in rows]
    layers = [torch.tensor(layer, dtype=torch.float64, requires_grad=True) for layer in numbers]
    x = torch.tensor(given.train.SAMPLES, dtype=torch.float64)
    y = torch.tensor(given.train.TARGETS, dtype=torch.float64)
    optimizer = torch.optim.SGD(layers, lr=0.05)
    expectations = []
    for step, loss_here in enumerate(mine, 1):
        out = x
        for layer in layers:  # (outputs, inputs + 1): the last column holds the biases
            out = torch.tanh(out @ layer[:, :-1].T + layer[:, -1])
        loss = ((out[:, 0] - y) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        about = f"step {step} of 20 of MLP(3, [4, 4, 1]) on the four samples, beside torch.nn with the same weights"
        expectations.append(("the loss", lambda loss_here=loss_here: loss_here, loss.item(), about))
    expect_all(expectations)


# Rows for `pytest --benchmark-only topics/02-autograd-engine` ---------------------------------------------------------


def epoch_with_plus_and_times(value_class):
    """One forward and backward pass of a 3-4-4-1 net over four samples with x * x for tanh: level 1 can do it too."""
    rng = random.Random(1)
    sizes = (3, 4, 4, 1)
    layers = [[[value_class(rng.uniform(-1, 1)) for _ in range(n + 1)] for _ in range(m)] for n, m in pairwise(sizes)]
    minus_one = value_class(-1.0)
    loss = value_class(0.0)
    for _ in range(4):
        out = [value_class(rng.uniform(-1, 1)) for _ in range(3)]
        for layer in layers:
            results = []
            for *weights, bias in layer:
                total = bias
                for w, x in zip(weights, out, strict=True):
                    total = total + w * x
                results.append(total * total)
            out = results
        error = out[0] + minus_one
        loss = loss + error * error
    loss.backward()


def skip_unless_offered(run):
    """Skip the benchmark where the candidate has not written, or does not offer, an operation that it needs."""
    try:
        run()
    except (NotImplementedError, AttributeError, TypeError) as error:
        pytest.skip(f"this engine cannot run it yet: {error}")


@pytest.mark.benchmark(group="an epoch of a 3-4-4-1 net made of + and *")
def test_benchmark_plus_and_times(candidate, benchmark):
    skip_unless_offered(lambda: epoch_with_plus_and_times(candidate.Value))
    benchmark(epoch_with_plus_and_times, candidate.Value)


@pytest.mark.benchmark(group="an epoch of the four samples with nn.py")
def test_benchmark_four_samples(candidate, given, benchmark):
    def epoch():
        given.train.step(net, given.train.SAMPLES, given.train.TARGETS, 0.0)

    skip_unless_offered(lambda: given.nn.Neuron(1)([1.0]))
    net = given.nn.MLP(3, [4, 4, 1], random.Random(2))
    skip_unless_offered(epoch)
    benchmark(epoch)
