"""Levels 1 and 2 at ordinary points: the chain, the neuron, each gradient of each network against PyTorch's numbers."""

# ruff: noqa: N806  X and W are the names that the mathematics uses

import json
import math
from pathlib import Path

import numpy as np
import pytest

from utils.course.judging import expect, expect_all, expect_array

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-6  # of every gradient against PyTorch
WHERE = {
    "xor": "ManualMLP() on the four samples of XOR, weights of tests/recorded.json",
    "four layers": "MLP((2, 4, 3, 2, 1)) on 6 samples",
    "tanh": 'MLP((2, 4, 3, 1), hidden="tanh") on 5 samples',
    "leaky": 'MLP((2, 4, 3, 1), hidden="leaky_relu") on 5 samples',
    "bce": 'MLP((2, 4, 3, 1), loss="bce") on 6 samples',
}


def by_hand(candidate, name="xor"):
    """(network with the recorded weights, X, y, the record)."""
    case = RECORDED[name]
    network = candidate.ManualMLP(*case["sizes"])
    for parameter, numbers in case["parameters"].items():
        setattr(network, parameter, np.array(numbers))
    return network, np.array(case["X"]), np.array(case["y"]), case


def deep(candidate, name):
    case = RECORDED[name]
    network = candidate.MLP(tuple(case["sizes"]), hidden=case["hidden"], loss=case["loss"])
    for parameter, numbers in case["parameters"].items():
        network.parameters[parameter] = np.array(numbers)
    return network, np.array(case["X"]), np.array(case["y"]), case


def expect_gradients(grads, case, names, given):
    """Each of these gradients to its end; then the first that failed is raised."""
    first = None
    for name in names:
        try:
            expect_array(f'backward(y)["{name}"]', lambda name=name: grads[name], case["gradients"][name], given=given,
                         tolerance=TOLERANCE, aim="gradient")  # fmt: skip
        except Exception as error:
            first = first or error
    if first:
        raise first


def expect_network(candidate, name):
    """Predictions, loss and every gradient of a recorded MLP, from the last layer to the first."""
    network, X, y, case = deep(candidate, name)
    y_hat = network.forward(X)
    expect_array("forward(X)", lambda: y_hat, case["y_hat"], given=WHERE[name])
    expect("compute_loss(y_hat, y)", lambda: network.compute_loss(y_hat, y), case["value"], given=WHERE[name])
    expect_gradients(network.backward(y), case, reversed(case["gradients"]), WHERE[name])


def expect_parameters(candidate, hidden, spread):
    """A new MLP has four layers, weights of this spread, and biases of zeros."""
    network = candidate.MLP((2, 4, 3, 2, 1), hidden=hidden, rng=np.random.default_rng(1))
    rng, given = np.random.default_rng(1), f'MLP((2, 4, 3, 2, 1), hidden="{hidden}", rng=np.random.default_rng(1))'
    expect("len(parameters)", lambda: len(network.parameters), 8, given=given)
    again = candidate.MLP((2, 4, 3, 2, 1), hidden=hidden, rng=np.random.default_rng(1))
    expect("made twice from one seed, the networks differ (1 is yes)",
           lambda: float(not np.array_equal(network.parameters["W1"], again.parameters["W1"])), 0.0,
           given=given)  # fmt: skip
    for k, (inputs, outputs) in enumerate(((2, 4), (4, 3), (3, 2), (2, 1)), start=1):
        W = rng.standard_normal((inputs, outputs)) * spread(inputs, outputs)
        expect_array(f'parameters["W{k}"]', lambda k=k: network.parameters[f"W{k}"], W, given=given)
        expect_array(f'parameters["b{k}"]', lambda k=k: network.parameters[f"b{k}"], np.zeros((1, outputs)),
                     given=given)  # fmt: skip


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("chain_rule")
def test_two_local_slopes_multiply_to_12_at_3(candidate):
    found = {x: candidate.chain_rule(x) for x in (3.0, 0.5, -2.0)}
    rows = []
    for x, y, slope in ((3.0, 19.0, 12.0), (0.5, 1.5, 2.0), (-2.0, 9.0, -8.0)):
        rows += [
            (f"chain_rule({x})[0]", lambda x=x: found[x][0], y, "y = 2g + 1, g = x²"),
            (f"chain_rule({x})[1]", lambda x=x: found[x][1], slope, "y = 2g + 1, g = x²"),
        ]
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_the_neuron_goes_forward(candidate):
    found = candidate.neuron(2.0, 1.0, 0.5, 0.1)
    given = "neuron(x=2.0, y=1.0, w=0.5, b=0.1)"
    y_hat = 1 / (1 + math.exp(-1.1))
    expect_all([
        ('["z"]', lambda: found["z"], 1.1, given),
        ('["y_hat"]', lambda: found["y_hat"], y_hat, given),
        ('["loss"]', lambda: found["loss"], (y_hat - 1) ** 2, given),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_the_neuron_goes_backward(candidate):
    rows = []
    for x, y, w, b in ((2.0, 1.0, 0.5, 0.1), (-1.5, 0.0, 0.8, 0.3)):
        found = candidate.neuron(x, y, w, b)
        y_hat = 1 / (1 + math.exp(-(w * x + b)))
        dy_hat = 2 * (y_hat - y)
        dz = dy_hat * y_hat * (1 - y_hat)
        for name, slope in (("dy_hat", dy_hat), ("dz", dz), ("dw", dz * x), ("db", dz)):
            rows.append((f'["{name}"]', lambda f=found, n=name: f[n], slope, f"neuron(x={x}, y={y}, w={w}, b={b})"))
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("ManualMLP")
def test_a_new_network_has_he_weights_and_no_bias(candidate):
    network, rng = candidate.ManualMLP(rng=np.random.default_rng(0)), np.random.default_rng(0)
    given = "ManualMLP(rng=np.random.default_rng(0))"
    again = candidate.ManualMLP(rng=np.random.default_rng(0))
    expect("made twice from one seed, the networks differ (1 is yes)",
           lambda: float(not np.array_equal(network.W1, again.W1)), 0.0, given=given)  # fmt: skip
    for k, shape in enumerate(((2, 3), (3, 2), (2, 1)), start=1):
        W = rng.standard_normal(shape) * math.sqrt(2 / shape[0])
        expect_array(f"W{k}", lambda k=k: getattr(network, f"W{k}"), W, given=given)
        expect_array(f"b{k}", lambda k=k: getattr(network, f"b{k}"), np.zeros((1, shape[1])), given=given)


@pytest.mark.level1
@pytest.mark.about("ManualMLP.forward")
def test_forward_gives_pytorchs_predictions(candidate):
    network, X, _, case = by_hand(candidate)
    expect_array("forward(X)", lambda: network.forward(X), case["y_hat"], given=WHERE["xor"])


@pytest.mark.level1
@pytest.mark.about("ManualMLP.forward")
def test_each_layer_alone_does_its_part(candidate):
    network = candidate.ManualMLP(1, 1, 1, 1)
    rows = []
    for x, (w1, b1, w2, b2, w3, b3), z, what in (
        (2.0, (1.0, 0.0, 1.0, 0.0, 1.0, 0.0), 2.0, "all weights 1, all biases 0"),
        (-2.0, (1.0, 0.0, 1.0, 1.0, 1.0, 0.0), 1.0, "W1 = 1, so h1 = relu(-2) = 0; b2 = 1"),
        (2.0, (1.0, 0.0, -1.0, 0.0, 1.0, 0.5), 0.5, "W2 = -1, so h2 = relu(-2) = 0; b3 = 0.5"),
        (2.0, (1.0, 0.5, 1.0, 0.0, -1.0, 0.0), -2.5, "b1 = 0.5, W3 = -1: the last layer has no ReLU"),
    ):
        for name, number in zip(("W1", "b1", "W2", "b2", "W3", "b3"), (w1, b1, w2, b2, w3, b3), strict=True):
            setattr(network, name, np.array([[number]]))
        y_hat = network.forward(np.array([[x]]))
        rows.append((f"forward([[{x}]])[0][0]", lambda y=y_hat: y[0][0], 1 / (1 + math.exp(-z)), what))
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("ManualMLP.compute_loss")
def test_the_loss_is_the_mean_of_the_squares(candidate):
    network = candidate.ManualMLP()
    rows = (
        ([[0.5]], [[1.0]], 0.25),
        ([[0.0], [1.0]], [[1.0], [1.0]], 0.5),
        ([[0.2], [0.4], [0.9], [0.5]], [[0.0], [1.0], [1.0], [0.0]], 0.165),
        ([[0.5, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], 0.3125),
    )
    expect_all([
        (f"compute_loss({y_hat}, {y})", lambda p=y_hat, y=y: network.compute_loss(np.array(p), np.array(y)), loss, "")
        for y_hat, y, loss in rows
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_the_gradients_of_the_last_layer_are_pytorchs(candidate):
    network, X, y, case = by_hand(candidate)
    network.forward(X)
    expect_gradients(network.backward(y), case, ("dW3", "db3"), WHERE["xor"])


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_the_gradients_of_the_middle_layer_are_pytorchs(candidate):
    network, X, y, case = by_hand(candidate)
    network.forward(X)
    expect_gradients(network.backward(y), case, ("dW2", "db2"), WHERE["xor"])


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_the_gradients_of_the_first_layer_are_pytorchs(candidate):
    network, X, y, case = by_hand(candidate)
    network.forward(X)
    expect_gradients(network.backward(y), case, ("dW1", "db1"), WHERE["xor"])


@pytest.mark.level1
@pytest.mark.about("ManualMLP.update_params")
def test_every_parameter_moves_against_its_gradient(candidate):
    network, _, _, case = by_hand(candidate)
    grads = {f"d{name}": np.full(np.shape(p), k + 1.0) for k, (name, p) in enumerate(case["parameters"].items())}
    network.update_params(grads, 0.1)
    for k, (name, before) in enumerate(case["parameters"].items()):
        expect_array(f"{name} after update_params(grads, 0.1)", lambda n=name: getattr(network, n),
                     np.array(before) - 0.1 * (k + 1), given=f"every entry of d{name} is {k + 1}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("train")
def test_five_steps_are_pytorchs_five_steps(candidate):
    network, X, y, _ = by_hand(candidate)
    history = RECORDED["history"]
    losses = candidate.train(network, X, y, learning_rate=0.5, steps=5)
    expect_array("train(network, X, y, learning_rate=0.5, steps=5)", lambda: losses, history["losses"],
                 given=WHERE["xor"])  # fmt: skip
    for name, numbers in history["parameters"].items():
        expect_array(f"{name} after train", lambda name=name: getattr(network, name), numbers, given=WHERE["xor"])


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("neuron")
def test_the_neuron_with_relu_hands_the_slope_on_or_stops_it(candidate):
    rows = []
    for x, y, w, b, wanted in (
        (2.0, 1.0, 0.5, 0.1, {"y_hat": 1.1, "loss": 0.01, "dy_hat": 0.2, "dz": 0.2, "dw": 0.4, "db": 0.2}),
        (2.0, 1.0, -0.5, 0.1, {"y_hat": 0.0, "loss": 1.0, "dy_hat": -2.0, "dz": 0.0, "dw": 0.0, "db": 0.0}),
    ):
        found = candidate.neuron(x, y, w, b, activation="relu")
        given = f'neuron(x={x}, y={y}, w={w}, b={b}, activation="relu")'
        rows += [(f'["{name}"]', lambda f=found, n=name: f[n], number, given) for name, number in wanted.items()]
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("MLP")
def test_sizes_say_how_many_layers_there_are(candidate):
    expect_parameters(candidate, "relu", lambda inputs, outputs: math.sqrt(2 / inputs))


@pytest.mark.level2
@pytest.mark.about("MLP.forward")
def test_four_layers_give_pytorchs_predictions(candidate):
    network, X, _, case = deep(candidate, "four layers")
    expect_array("forward(X)", lambda: network.forward(X), case["y_hat"], given=WHERE["four layers"])


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="fourth")
def test_four_layers_give_pytorchs_gradients(candidate):
    expect_network(candidate, "four layers")


@pytest.mark.level2
@pytest.mark.about("MLP.update_params")
def test_every_parameter_of_four_layers_moves(candidate):
    network, _, _, case = deep(candidate, "four layers")
    grads = {f"d{name}": np.full(np.shape(p), k + 1.0) for k, (name, p) in enumerate(case["parameters"].items())}
    network.update_params(grads, 0.1)
    for k, (name, before) in enumerate(case["parameters"].items()):
        expect_array(f'parameters["{name}"] after update_params(grads, 0.1)', lambda n=name: network.parameters[n],
                     np.array(before) - 0.1 * (k + 1), given=f"every entry of d{name} is {k + 1}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("MLP", step="activations")
def test_with_tanh_the_weights_are_xaviers_and_with_leaky_relu_still_hes(candidate):
    expect_parameters(candidate, "leaky_relu", lambda inputs, outputs: math.sqrt(2 / inputs))
    expect_parameters(candidate, "tanh", lambda inputs, outputs: math.sqrt(2 / (inputs + outputs)))


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="activations")
def test_tanh_gives_pytorchs_gradients(candidate):
    expect_network(candidate, "tanh")


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="activations")
def test_leaky_relu_gives_pytorchs_gradients(candidate):
    expect_network(candidate, "leaky")


@pytest.mark.level2
@pytest.mark.about("MLP.compute_loss", step="bce")
def test_binary_cross_entropy_is_the_mean_of_minus_the_logarithms(candidate):
    network = candidate.MLP((2, 3, 1), loss="bce")
    rows = (
        ([[0.5]], [[1.0]], math.log(2)),
        ([[0.2]], [[0.0]], -math.log(0.8)),
        ([[0.9], [0.2], [0.6]], [[1.0], [0.0], [0.0]], -(math.log(0.9) + math.log(0.8) + math.log(0.4)) / 3),
        ([[0.25]], [[0.5]], -(math.log(0.25) + math.log(0.75)) / 2),
    )
    expect_all([
        (f"compute_loss({y_hat}, {y})", lambda p=y_hat, y=y: network.compute_loss(np.array(p), np.array(y)), loss,
         'loss="bce"')
        for y_hat, y, loss in rows
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="bce")
def test_binary_cross_entropy_gives_pytorchs_gradients(candidate):
    expect_network(candidate, "bce")


@pytest.mark.level2
@pytest.mark.about("softmax_cross_entropy")
def test_softmax_cross_entropy_gives_pytorchs_loss_and_gradient(candidate):
    case = RECORDED["softmax"]
    loss, dlogits = candidate.softmax_cross_entropy(np.array(case["logits"]), np.array(case["labels"]))
    given = f"logits {case['logits']}, labels {case['labels']}"
    expect("the loss", lambda: loss, case["value"], given=given)
    expect_array("dlogits", lambda: dlogits, case["gradient"], given=given, aim="gradient")
