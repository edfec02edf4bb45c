"""Levels 1 and 2 at the edges: one sample, two outputs, a second backward, saturation, targets of another shape."""

# ruff: noqa: N806  X and W are the names that the mathematics uses

import json
import math
from pathlib import Path

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, observations

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-6  # of every gradient against PyTorch


def network_of(candidate, name, kind):
    """(a network of this kind with the recorded weights, X, y, the record)."""
    case = RECORDED[name]
    if kind == "ManualMLP":
        network = candidate.ManualMLP(*case["sizes"])
        for parameter, numbers in case["parameters"].items():
            setattr(network, parameter, np.array(numbers))
    else:
        network = candidate.MLP(tuple(case["sizes"]), hidden=case["hidden"], loss=case["loss"])
        for parameter, numbers in case["parameters"].items():
            network.parameters[parameter] = np.array(numbers)
    return network, np.array(case["X"]), np.array(case["y"]), case


def expect_gradients(grads, case, given):
    first = None
    for name in reversed(case["gradients"]):
        try:
            expect_array(f'backward(y)["{name}"]', lambda name=name: grads[name], case["gradients"][name], given=given,
                         tolerance=TOLERANCE, aim="gradient")  # fmt: skip
        except Exception as error:
            first = first or error
    if first:
        raise first


def expect_refusal(what, call, *, given):
    """Record whether call() raises ValueError; raise Mismatch if not."""
    try:
        call()
        got = "no error"
    except ValueError as error:
        got = type(error).__name__
    observations.append(Observation(what, given, "ValueError", got, got == "ValueError", "", "refusal"))
    if got != "ValueError":
        raise Mismatch(observations[-1])


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_a_batch_of_one_sample_gives_pytorchs_gradients(candidate):
    network, X, y, case = network_of(candidate, "one sample", "ManualMLP")
    network.forward(X)
    expect_gradients(network.backward(y), case, "ManualMLP() on one sample")


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_with_two_outputs_the_mean_is_over_all_entries(candidate):
    network, X, y, case = network_of(candidate, "two outputs", "ManualMLP")
    y_hat = network.forward(X)
    given = "ManualMLP(3, 4, 3, 2) on 5 samples: 10 entries"
    expect("compute_loss(y_hat, y)", lambda: network.compute_loss(y_hat, y), case["value"], given=given)
    expect_gradients(network.backward(y), case, given)


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_a_unit_at_exactly_0_lets_nothing_back(candidate):
    network = candidate.ManualMLP(1, 1, 1, 1)
    for name in ("W1", "b1", "W2", "b2", "W3", "b3"):
        setattr(network, name, np.array([[{"b1": 0.0, "b3": 0.0}.get(name, 1.0)]]))
    network.forward(np.array([[0.0]]))
    grads = network.backward(np.array([[1.0]]))
    y_hat = 1 / (1 + math.exp(-1.0))
    dz3 = 2 * (y_hat - 1) * y_hat * (1 - y_hat)
    given = "x = 0, b1 = 0, so z1 is exactly 0; z2 = b2 = 1, all other weights 1"
    expect_array('backward(y)["db2"]', lambda: grads["db2"], [[dz3]], given=given, aim="gradient")
    expect_array('backward(y)["db1"]', lambda: grads["db1"], [[0.0]], given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_backward_changes_no_parameter_and_no_array_of_the_caller(candidate):
    network, X, y, case = network_of(candidate, "xor", "ManualMLP")
    y_hat = network.forward(X)
    expect_array("y_hat", lambda: y_hat, case["y_hat"], given="forward(X) on XOR")
    network.backward(y)
    for name, numbers in case["parameters"].items():
        expect_array(
            f"{name} after backward(y)", lambda n=name: getattr(network, n), numbers, given="ManualMLP() on XOR",
            aim="inplace",
        )  # fmt: skip
    expect_array("X after backward(y)", lambda: X, case["X"], given="ManualMLP() on XOR", aim="inplace")
    expect_array("y after backward(y)", lambda: y, case["y"], given="ManualMLP() on XOR", aim="inplace")
    expect_array("y_hat after backward(y)", lambda: y_hat, case["y_hat"], given="ManualMLP() on XOR", aim="inplace")


@pytest.mark.level1
@pytest.mark.about("ManualMLP.backward")
def test_a_second_forward_and_backward_start_afresh(candidate):
    network, X, y, case = network_of(candidate, "xor", "ManualMLP")
    network.forward(X[::-1] * 0.5)
    network.backward(y)
    network.forward(X)
    network.backward(y)
    expect_gradients(network.backward(y), case, "XOR, after another batch and another backward")


@pytest.mark.level1
@pytest.mark.about("ManualMLP.update_params")
def test_an_update_leaves_the_gradients_as_they_are_and_steps_by_a_hundredth(candidate):
    network, _, _, case = network_of(candidate, "xor", "ManualMLP")
    grads = {f"d{name}": np.ones(np.shape(p)) for name, p in case["parameters"].items()}
    network.update_params(grads)
    expect_array("W1 after update_params(grads)", lambda: network.W1, np.array(case["parameters"]["W1"]) - 0.01,
                 given="every gradient is 1, and no learning rate is given")  # fmt: skip
    for name in grads:
        expect_array(f'grads["{name}"] after update_params', lambda name=name: grads[name], np.ones(grads[name].shape),
                     aim="inplace")  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="fourth")
def test_many_layers_with_two_outputs_give_pytorchs_gradients(candidate):
    network, X, y, case = network_of(candidate, "four layers, two outputs", "MLP")
    network.forward(X)
    expect_gradients(network.backward(y), case, "MLP((3, 5, 4, 3, 2)) on 5 samples: 10 entries")


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="fourth")
def test_three_layers_in_a_loop_are_the_three_layers_by_hand(candidate):
    network, X, y, case = network_of(candidate, "xor", "MLP")
    network.forward(X)
    expect_gradients(network.backward(y), case, "MLP((2, 3, 2, 1)) on XOR")


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="fourth")
def test_a_network_without_a_hidden_layer_has_two_gradients(candidate):
    network = candidate.MLP((2, 1))
    network.parameters["W1"], network.parameters["b1"] = np.array([[0.5], [-1.0]]), np.array([[0.1]])
    network.forward(np.array([[2.0, 0.5]]))
    grads = network.backward(np.array([[1.0]]))
    y_hat = 1 / (1 + math.exp(-0.6))
    dz = 2 * (y_hat - 1) * y_hat * (1 - y_hat)
    given = "MLP((2, 1)) with z = 2·0.5 - 0.5 + 0.1 = 0.6 and y = 1"
    expect("len(grads)", lambda: len(grads), 2, given=given)
    expect_array('backward(y)["dW1"]', lambda: grads["dW1"], [[dz * 2.0], [dz * 0.5]], given=given, aim="gradient")
    expect_array('backward(y)["db1"]', lambda: grads["db1"], [[dz]], given=given, aim="gradient")


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="fourth")
def test_backward_of_many_layers_leaves_its_arrays_alone(candidate):
    network, X, y, case = network_of(candidate, "four layers", "MLP")
    network.forward(X)
    network.backward(y)
    expect_gradients(network.backward(y), case, "a second backward after one forward of MLP((2, 4, 3, 2, 1))")
    for name, numbers in case["parameters"].items():
        expect_array(f'parameters["{name}"] after backward', lambda n=name: network.parameters[n], numbers,
                     aim="inplace")  # fmt: skip
    expect_array("X after backward(y)", lambda: X, case["X"], aim="inplace")
    expect_array("y after backward(y)", lambda: y, case["y"], aim="inplace")


@pytest.mark.level2
@pytest.mark.about("MLP.compute_loss", step="fourth")
def test_targets_of_another_shape_are_refused(candidate):
    network = candidate.MLP((2, 3, 1), rng=np.random.default_rng(0))
    X, y = np.array([[0.5, 1.0], [1.5, -0.5], [0.0, 2.0]]), np.array([[1.0], [0.0], [1.0]])
    y_hat = network.forward(X)
    given = "predictions of shape (3, 1), targets of shape (3,)"
    expect("compute_loss(y_hat, y)", lambda: network.compute_loss(y_hat, y), np.mean((np.array(y_hat) - y) ** 2),
           given="both of shape (3, 1)")  # fmt: skip
    expect_refusal("compute_loss(y_hat, y)", lambda: network.compute_loss(y_hat, y[:, 0]), given=given)
    expect_refusal("backward(y)", lambda: network.backward(y[:, 0]), given=given)


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="bce")
def test_cross_entropy_over_two_outputs_divides_by_all_entries(candidate):
    network, X, y, case = network_of(candidate, "bce, two outputs", "MLP")
    y_hat = network.forward(X)
    given = 'MLP((3, 4, 2), hidden="tanh", loss="bce") on 5 samples: 10 entries'
    expect("compute_loss(y_hat, y)", lambda: network.compute_loss(y_hat, y), case["value"], given=given)
    expect_gradients(network.backward(y), case, given)


@pytest.mark.level2
@pytest.mark.about("MLP.compute_loss", step="bce")
def test_a_sure_and_wrong_prediction_costs_100_and_not_infinity(candidate):
    network = candidate.MLP((2, 1), loss="bce")
    expect_all([
        (f"compute_loss({p}, {y})", lambda p=p, y=y: network.compute_loss(np.array(p), np.array(y)), loss, 'loss="bce"')
        for p, y, loss in (([[0.0]], [[1.0]], 100.0), ([[1.0]], [[0.0]], 100.0), ([[1.0]], [[1.0]], 0.0),
                           ([[0.0], [0.5]], [[0.0], [1.0]], math.log(2) / 2))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="bce")
def test_cross_entropy_still_pulls_where_the_sigmoid_is_flat(candidate):
    network = candidate.MLP((1, 1), loss="bce")
    network.parameters["W1"], network.parameters["b1"] = np.array([[1.0]]), np.array([[0.0]])
    rows = []
    for z, y, slope in ((-40.0, 1.0, -1.0), (40.0, 0.0, 1.0), (-1000.0, 1.0, -1.0), (1000.0, 0.0, 1.0)):
        network.forward(np.array([[z]]))
        grads = network.backward(np.array([[y]]))
        rows.append(('backward(y)["db1"]', lambda g=grads: g["db1"][0][0], slope, f'loss="bce", z = {z:g}, y = {y:g}'))
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("softmax_cross_entropy")
def test_huge_logits_overflow_nothing(candidate):
    first = None
    for logits, labels, loss, gradient in (
        ([[1000.0, 1000.0]], [0], math.log(2), [[-0.5, 0.5]]),
        ([[-1000.0, -1000.0]], [1], math.log(2), [[0.5, -0.5]]),
        ([[1000.0, 0.0]], [1], 1000.0, [[1.0, -1.0]]),
        ([[0.0, 0.0], [1000.0, 0.0]], [0, 0], math.log(2) / 2, [[-0.25, 0.25], [0.0, 0.0]]),
    ):
        found, dlogits = candidate.softmax_cross_entropy(np.array(logits), np.array(labels))
        given = f"softmax_cross_entropy({logits}, {labels})"
        try:
            expect("the loss", lambda found=found: found, loss, given=given)
            expect_array("dlogits", lambda d=dlogits: d, gradient, given=given, aim="gradient")
        except Mismatch as mismatch:
            first = first or mismatch
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("softmax_cross_entropy")
def test_adding_a_number_to_a_row_changes_nothing_and_the_logits_stay(candidate):
    logits, labels = np.array([[0.5, -1.0, 2.0], [1.0, 1.5, -0.5]]), np.array([2, 0])
    before = logits.copy()
    loss, dlogits = candidate.softmax_cross_entropy(logits, labels)
    moved, dmoved = candidate.softmax_cross_entropy(before + np.array([[7.0], [-3.0]]), labels)
    exp = np.exp(before)
    p = exp / exp.sum(axis=1, keepdims=True)
    expect("the loss", lambda: loss, -(np.log(p[0, 2]) + np.log(p[1, 0])) / 2, given="two samples, labels [2, 0]")
    expect("the loss after 7 and -3 were added to the rows", lambda: moved, float(loss))
    expect_array("dlogits after 7 and -3 were added to the rows", lambda: dmoved, np.array(dlogits))
    expect_array("the sum of dlogits along each row", lambda: np.array(dlogits).sum(axis=1), [0.0, 0.0])
    expect_array("logits after the call", lambda: logits, before, aim="inplace")
