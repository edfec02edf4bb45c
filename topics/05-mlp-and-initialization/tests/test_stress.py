"""Levels 2 to 4 at size: depth, bytes, and PyTorch."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import expect, expect_all, expect_array


def some_layers(*widths, seed=0):
    generator = np.random.default_rng(seed)
    return [
        (generator.normal(size=(n, m)) * math.sqrt(2 / n), generator.normal(size=m) * 0.1) for n, m in pairwise(widths)
    ]


def plainly(x, layers):
    """The MLP with relu as the formulas have it: a product, a sum and a maximum in each layer."""
    for w, b in layers[:-1]:
        z = x @ w
        a = z + b
        x = np.maximum(a, 0.0)
    return x @ layers[-1][0] + layers[-1][1]


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_with_he_and_relu_twenty_layers_keep_the_size_of_the_numbers(candidate):
    generator = np.random.default_rng(5)
    x, rows = generator.normal(size=(100, 200)), []
    for scheme, low, high in (("he_normal", 0.4, 2.5), ("he_uniform", 0.4, 2.5), ("xavier_normal", 1e-4, 1e-2)):
        h = x
        for _ in range(20):
            h = np.maximum(h @ candidate.init_weights(200, 200, scheme, generator), 0.0)
        size, given = math.sqrt((h * h).mean()), f"20 layers of 200 with relu, {scheme}"
        what = f"the mean size after the last one (what lies between {low:g} and {high:g} counts as 1)"
        rows.append((what, lambda size=1.0 if low < size < high else size: size, 1.0, given))
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("activation_statistics")
def test_the_statistics_of_a_deep_network_count_its_dead_units(candidate):
    layers, x = some_layers(20, *[30] * 8, 2, seed=6), np.random.default_rng(7).normal(size=(15, 20))
    found, h, rows = candidate.activation_statistics(x, layers, "relu"), x, []
    given = "15 examples through 8 hidden layers of 30, relu"
    expect("the number of tuples", lambda: len(found), 8, given=given)
    for k, (w, b) in enumerate(layers[:-1]):
        h = np.maximum(h @ w + b, 0.0)
        wanted = (h.mean(), h.std(), np.count_nonzero(h.max(axis=0) == 0))
        rows += [
            (f"the {name} of hidden layer {k}", lambda k=k, j=j: found[k][j], wanted[j], given)
            for j, name in enumerate(("mean", "standard deviation", "number of dead units"))
        ]
    expect_all(rows)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Inference")
def test_a_call_makes_no_array_but_its_result(candidate):
    layers = some_layers(64, *[128] * 6, 8)
    x = np.random.default_rng(8).normal(size=(256, 64))
    plain = peak_bytes(lambda: plainly(x, layers))
    for activation in ("relu", "tanh"):
        given = f"256 examples, 64 inputs, sizes [128, 128, 128, 128, 128, 128, 8], {activation}"
        run = candidate.Inference(layers, 256, activation)
        held = peak_bytes(lambda run=run: run(x))
        expect_at_most("the memory of a call, compared with level 2's formulas,", 0.1, held, plain, given=given)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Inference")
def test_there_are_two_buffers_however_many_layers_there_are(candidate):
    x = np.random.default_rng(9).normal(size=(256, 64))
    for depth in (3, 9):
        layers = some_layers(64, *[128] * depth, 8)
        held = peak_bytes(lambda layers=layers: candidate.Inference(layers, 256, "relu")(x))
        given = f"256 examples, 64 inputs, {depth} hidden layers of 128"
        what = "the memory of the buffers and a call, compared with one layer's output,"
        expect_at_most(what, 2.3, held, 256 * 128 * 8, given=given)


# Level 4: PyTorch -----------------------------------------------------------------------------------------------------


def sequential(layers, activation):
    """nn.Sequential with the given weights, in float64."""
    import torch

    modules = []
    for w, b in layers:
        linear = torch.nn.Linear(*w.shape, dtype=torch.float64)
        linear.load_state_dict({"weight": torch.tensor(np.array(w).T), "bias": torch.tensor(np.array(b))})
        modules += [linear, {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]()]
    return torch.nn.Sequential(*modules[:-1])


@pytest.mark.level4
@pytest.mark.about("forward")
def test_the_same_weights_in_linear_modules_give_the_same_outputs(candidate):
    import torch

    for widths in ((3, 2), (3, 5, 2), (10, 30, 20, 4)):
        layers, x = some_layers(*widths, seed=10), np.random.default_rng(11).normal(size=(7, widths[0]))
        for activation in ("tanh", "relu"):
            wanted = sequential(layers, activation)(torch.tensor(x)).detach().numpy()
            given = f"{widths[0]} inputs, sizes {list(widths[1:])}, {activation}, against nn.Linear"
            found = candidate.forward(x, layers, activation)
            expect_array("forward(x, layers)", lambda found=found: found, wanted, given=given)


@pytest.mark.level4
@pytest.mark.about("MLP")
def test_a_network_of_values_has_the_gradients_of_pytorch(candidate):
    import torch

    network, x = candidate.MLP(3, [4, 4, 1], "tanh", random.Random(12)), [0.5, -1.0, 2.0]
    numbers = [p.data for p in network.parameters()]
    layers, start = [], 0
    for n, m in ((3, 4), (4, 4), (4, 1)):
        block = np.array(numbers[start : start + (n + 1) * m]).reshape(m, n + 1)
        layers.append((block[:, :-1].T, block[:, -1]))
        start += (n + 1) * m
    reference = sequential(layers, "tanh")
    out = reference(torch.tensor([x], dtype=torch.float64)).sum()
    out.backward()
    found = network(x)
    found.backward()
    given = "MLP(3, [4, 4, 1]), inputs [0.5, -1.0, 2.0], against nn.Linear"
    wanted = []
    for w, b in ((module.weight, module.bias) for module in reference if hasattr(module, "weight")):
        for row, bias in zip(w.grad.tolist(), b.grad.tolist(), strict=True):
            wanted += [*row, bias]
    expect("network(x).data", lambda: found.data, out.item(), given=given)
    expect_array("the gradients of all parameters", lambda: [p.grad for p in network.parameters()], wanted,
                 given=given, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("init_weights")
def test_weights_are_as_widely_drawn_as_by_nn_init(candidate):
    import torch
    from torch.nn import init

    schemes = {
        "xavier_uniform": init.xavier_uniform_,
        "xavier_normal": init.xavier_normal_,
        "he_uniform": lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
        "he_normal": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
        "pytorch": lambda w: torch.nn.Linear(w.shape[1], w.shape[0]).weight,
    }
    rows = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for scheme, draw in schemes.items():
            for inputs, outputs in ((500, 200), (200, 500)):
                reference = draw(torch.empty(outputs, inputs)).detach()
                mine = np.asarray(candidate.init_weights(inputs, outputs, scheme, np.random.default_rng(13)))
                given = f"{scheme}, {inputs} inputs, {outputs} outputs, against PyTorch"
                rows.append(
                    (
                        "the standard deviation, compared with PyTorch's, to one digit,",
                        lambda m=mine, r=reference: round(float(m.std()) / r.std().item(), 1),
                        1.0,
                        given,
                    )
                )
                if not scheme.endswith("normal"):
                    rows.append(
                        (
                            "the largest size, compared with PyTorch's, to two digits,",
                            lambda m=mine, r=reference: round(float(abs(m).max()) / r.abs().max().item(), 2),
                            1.0,
                            given,
                        )
                    )
    expect_all(rows)  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("Inference")
def test_inference_agrees_with_inference_mode(candidate):
    import torch

    layers, x = some_layers(10, 40, 40, 20, 5, seed=14), np.random.default_rng(15).normal(size=(32, 10))
    for activation in ("tanh", "relu"):
        with torch.inference_mode():
            wanted = sequential(layers, activation)(torch.tensor(x)).numpy()
        found = candidate.Inference(layers, 32, activation)(x)
        expect_array(
            "run(x)", lambda found=found: found, wanted, given=f"32 examples, sizes [40, 40, 20, 5], {activation}"
        )
