"""Levels 1 to 3 at the edges: wrong lengths, one neuron in the middle, dead units, whose array it is."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, expect_same, observations


@pytest.fixture(autouse=True)
def the_same_numbers_at_each_run():
    """Whoever draws from the module `random` draws the same numbers again, so that a mistake shows the same face."""
    random.seed(0)


def expect_value_error(rows):
    """Check a table of (what, call, given) to its end: each call must raise ValueError."""
    first = None
    for what, call, given in rows:
        try:
            call()
            observation = Observation(what, given, "ValueError", "no error", False)
        except ValueError:
            observation = Observation(what, given, "ValueError", "ValueError", True)
        except NotImplementedError:
            raise
        except Exception as error:
            observation = Observation(what, given, "ValueError", type(error).__name__, False)
        observations.append(observation)
        if not observation.holds:
            first = first or Mismatch(observation)
    if first:
        raise first


def some_layers(*widths, seed=0):
    generator = np.random.default_rng(seed)
    return [(generator.normal(size=(n, m)) / math.sqrt(n), generator.normal(size=m) * 0.3) for n, m in pairwise(widths)]


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Neuron")
def test_a_neuron_refuses_too_few_and_too_many_inputs(candidate):
    neuron = candidate.Neuron(2)
    neuron([1.0, 2.0])  # a length that fits
    expect_value_error([
        ("Neuron(2)([1.0])", lambda: neuron([1.0]), "one input for two weights"),
        ("Neuron(2)([1.0, 2.0, 3.0])", lambda: neuron([1.0, 2.0, 3.0]), "three inputs for two weights"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Neuron")
def test_a_relu_neuron_that_is_off_says_zero_and_learns_nothing(candidate):
    neuron, given = candidate.Neuron(2, "relu"), "inputs [1.0, 2.0], weights [-1.0, -0.5], bias 0.5, relu"
    for parameter, number in zip(neuron.parameters(), [-1.0, -0.5, 0.5], strict=True):
        parameter.data = number
    out = neuron([1.0, 2.0])
    expect("neuron(x).data", lambda: out.data, 0.0, given=given)
    out.backward()
    expect_all([
        (f"neuron.parameters()[{k}].grad", lambda k=k: neuron.parameters()[k].grad, 0.0, given) for k in range(3)
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("MLP")
def test_a_hidden_layer_of_one_neuron_is_read_by_the_next_layer(candidate):
    rows = []
    for sizes, numbers, wanted in (
        ([1, 1], [0.5, -0.5, 0.25, 2.0, 1.0], [2 * math.tanh(-0.25) + 1]),
        ([1, 2], [0.5, -0.5, 0.25, 2.0, 1.0, -1.0, 0.5], [2 * math.tanh(-0.25) + 1, -math.tanh(-0.25) + 0.5]),
    ):
        given = f"MLP(2, {sizes}) with the parameters {numbers}, inputs [1.0, 2.0]"
        network = candidate.MLP(2, list(sizes))
        for parameter, number in zip(network.parameters(), numbers, strict=True):
            parameter.data = number
        out = network([1.0, 2.0])
        for k, number in enumerate(wanted):
            get = (lambda out=out: out.data) if len(wanted) == 1 else (lambda out=out, k=k: out[k].data)
            rows.append((f"output {k}", get, number, given))
    expect_all(rows)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("as_matrices")
def test_numbers_that_do_not_fill_the_matrices_are_refused(candidate):
    candidate.as_matrices([0.0] * 21, 3, [4, 1])  # a count that fits
    expect_value_error([
        (f"as_matrices of {count} numbers", lambda count=count: candidate.as_matrices([0.0] * count, 3, [4, 1]),
         "MLP(3, [4, 1]), which has 21 parameters")
        for count in (20, 22, 16)
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("forward")
def test_whole_numbers_and_a_single_example_go_through_and_nothing_is_changed(candidate):
    layers = some_layers(3, 3, 3)
    kept = [(w.copy(), b.copy()) for w, b in layers]
    x = np.array([[1.0, -2.0, 0.5]])
    before = x.copy()
    for activation, f in (("tanh", np.tanh), ("relu", lambda z: z * (z > 0))):
        given = f"one example, sizes [3, 3], {activation}"
        found = candidate.forward(x, layers, activation)
        wanted = f(x @ kept[0][0] + kept[0][1]) @ kept[1][0] + kept[1][1]
        expect_array("forward(x, layers)", lambda found=found: found, wanted, given=given)
        expect_array("x afterwards", lambda: x, before, given=given)
        for k, (w, b) in enumerate(kept):
            expect_array(f"W of layer {k} afterwards", lambda k=k: layers[k][0], w, given=given)
            expect_array(f"b of layer {k} afterwards", lambda k=k: layers[k][1], b, given=given)
    found = candidate.forward([[1, -2, 0]], layers, "tanh")
    wanted = np.tanh(np.array([[1.0, -2.0, 0.0]]) @ kept[0][0] + kept[0][1]) @ kept[1][0] + kept[1][1]
    expect_array("forward([[1, -2, 0]], layers)", lambda: found, wanted, given="a list of whole numbers, tanh")


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_the_generator_decides_what_is_drawn_and_an_unknown_scheme_is_refused(candidate):
    for scheme in ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "pytorch"):
        one, again, other = (
            np.asarray(candidate.init_weights(5, 4, scheme, np.random.default_rng(seed))) for seed in (1, 1, 2)
        )
        given = f"init_weights(5, 4, {scheme!r}, rng), two generators with seed 1, one with seed 2"
        for seed, same, wanted in (
            ("the same seed", np.array_equal(one, again), "the same numbers"),
            ("another seed", bool((one == other).any()), "other numbers"),
        ):
            said = "the same numbers" if same else "other numbers"
            expect_same(f"what {seed} draws", lambda said=said: said, wanted, given=given)
        expect("how many of the 20 weights are different numbers", lambda w=one: len(np.unique(w)), 20, given=given)
    expect_value_error([
        (f"init_weights(5, 4, {name!r}, rng)",
         lambda name=name: candidate.init_weights(5, 4, name, np.random.default_rng(0)), "no scheme of the contract")
        for name in ("kaiming", "xavier", "he_", "")
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("activation_statistics")
def test_a_unit_is_dead_only_if_no_example_wakes_it(candidate):
    # Unit 0 is always on; unit 1 is on for one example; units 2 and 3 are never on.
    x = np.array([[1.0], [2.0], [-1.0]])
    layers = [
        (np.array([[1.0, -1.0, 1.0, 0.0]]), np.array([3.0, 0.0, -2.0, -1.0])),
        (np.ones((4, 1)), np.zeros(1)),
    ]
    wanted = np.array([[4.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0]])
    given = "relu, four units: always on, on for one example of three, never on, never on"
    found = candidate.activation_statistics(x, layers, "relu")
    expect_all([
        ("the number of tuples", lambda: len(found), 1, given),
        ("the number of dead units", lambda: found[0][2], 2, given),
        ("the mean", lambda: found[0][0], wanted.mean(), given),
        ("the standard deviation", lambda: found[0][1], wanted.std(), given),
    ])  # fmt: skip
    for given, examples, (w, b) in (
        ("tanh, one unit negative for every example", x, (np.array([[1.0, 1.0]]), np.array([-3.0, 0.0]))),
        ("tanh, one unit whose two numbers are opposite", np.array([[1.0], [-1.0]]), (np.ones((1, 1)), np.zeros(1))),
    ):
        found = candidate.activation_statistics(examples, [(w, b), (np.ones((len(b), 1)), np.zeros(1))], "tanh")
        expect("the number of dead units", lambda found=found: found[0][2], 0, given=given)


# Level 3 --------------------------------------------------------------------------------------------------------------


def plainly(x, layers, activation):
    """The MLP in two lines, for comparison."""
    for w, b in layers[:-1]:
        x = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0.0)}[activation](x @ w + b)
    return x @ layers[-1][0] + layers[-1][1]


@pytest.mark.level3
@pytest.mark.about("Inference")
def test_inference_says_what_forward_says(candidate):
    generator, first = np.random.default_rng(3), None
    for widths in ((3, 2), (3, 5, 2), (4, 4, 4, 4), (2, 7, 3, 6, 1), (5, 1, 8, 8, 8, 3)):
        layers = some_layers(*widths)
        for activation in ("tanh", "relu"):
            run = candidate.Inference(layers, 6, activation)
            for rows in (6, 1, 4):
                x = generator.normal(size=(rows, widths[0]))
                given = f"{widths[0]} inputs, sizes {list(widths[1:])}, {activation}, {rows} of at most 6 examples"
                found = run(x)
                wanted = plainly(x, layers, activation)
                try:
                    expect_array("run(x)", lambda found=found: found, wanted, given=given)
                    if isinstance(found, (list, tuple)):
                        expect_same("the type of run(x)", lambda found=found: type(found).__name__, "ndarray",
                                    given=given)  # fmt: skip
                except Exception as error:
                    first = first or error
    if first:
        raise first


@pytest.mark.level3
@pytest.mark.about("Inference")
def test_inputs_weights_and_earlier_results_stay_as_they_are(candidate):
    for widths in ((4, 4, 4, 4), (4, 4), (4, 4, 4)):
        layers = some_layers(*widths)
        kept = [(w.copy(), b.copy()) for w, b in layers]
        run = candidate.Inference(layers, 5, "relu")
        x, other = np.random.default_rng(4).normal(size=(2, 5, 4))
        before = x.copy()
        first = run(x)
        run(other)
        given = f"4 inputs, sizes {list(widths[1:])}, 5 examples, then 5 others"
        expect_array("x afterwards", lambda x=x: x, before, given=given)
        expect_array("the first result, after a second call,", lambda first=first: first,
                     plainly(before, kept, "relu"), given=given)  # fmt: skip
        for k, (w, b) in enumerate(kept):
            expect_array(f"W of layer {k} afterwards", lambda k=k, layers=layers: layers[k][0], w, given=given)
            expect_array(f"b of layer {k} afterwards", lambda k=k, layers=layers: layers[k][1], b, given=given)


@pytest.mark.level3
@pytest.mark.about("Inference")
def test_more_examples_than_the_buffers_hold_are_refused(candidate):
    rows = []
    for widths in ((3, 5, 4, 2), (3, 2)):
        run = candidate.Inference(some_layers(*widths), 4, "tanh")
        run(np.zeros((4, 3)))  # as many as fit
        given = f"sizes {list(widths[1:])}, 5 examples, made for 4"
        rows.append(("run(x)", lambda run=run: run(np.zeros((5, 3))), given))
    expect_value_error(rows)
