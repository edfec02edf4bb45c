"""Levels 1 and 2 at the edges: zeros, ends, large logits, shapes that nearly fit, arrays that must stay as they are."""

import math

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, observations
from utils.engine import Value


def expect_value_error(rows):
    """Check that each (what, call, given) is refused with ValueError, to the end; raise for the first that is not."""
    first = None
    for what, call, given in rows:
        try:
            call()
            got = "no error"
        except NotImplementedError:
            raise
        except Exception as error:
            got = type(error).__name__
        observations.append(Observation(what, given, "ValueError", got, got == "ValueError"))
        if got != "ValueError":
            first = first or Mismatch(observations[-1])
    if first:
        raise first


@pytest.mark.level1
@pytest.mark.about("mse")
def test_the_lists_given_to_a_loss_stay_as_they_are(candidate):
    predictions, targets = [2.0, 0.0, 5.0], [1.0, 3.0, 5.0]
    _, gradient = candidate.mse(predictions, targets)
    expect("len(gradient)", lambda: len(gradient), 3.0, given="mse([2, 0, 5], [1, 3, 5])")
    expect_array("predictions afterwards", lambda: predictions, [2.0, 0.0, 5.0], given="mse([2, 0, 5], [1, 3, 5])")
    expect_array("targets afterwards", lambda: targets, [1.0, 3.0, 5.0], given="mse([2, 0, 5], [1, 3, 5])")


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_below_zero_a_relu_neuron_says_zero_and_learns_nothing(candidate):
    found = candidate.neuron(2.0, 1.0, -0.5, 0.1, "relu")
    given = 'neuron(2.0, 1.0, -0.5, 0.1, "relu"), where w*x + b = -0.9'
    expect_all(
        (name, lambda k=k: found[k], wanted, given)
        for k, (name, wanted) in enumerate({"prediction": 0.0, "loss": 1.0, "dw": 0.0, "db": 0.0}.items())
    )


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_sigmoid_is_what_a_neuron_uses_unless_it_is_told_otherwise(candidate):
    found = candidate.neuron(0.0, 0.0, 3.0, 0.0)
    expect_all(
        (name, lambda k=k: found[k], wanted, "neuron(0.0, 0.0, 3.0, 0.0), where w*x + b = 0")
        for k, (name, wanted) in enumerate({"prediction": 0.5, "loss": 0.25, "dw": 0.0, "db": 0.25}.items())
    )


@pytest.mark.level1
@pytest.mark.about("neuron_on_engine")
def test_the_gradients_come_from_the_engine_that_was_given(candidate):
    made = []

    class Seen(Value):
        """The engine, with a list of the numbers that were put into it."""

        def __init__(self, data, *rest, **others):
            super().__init__(data, *rest, **others)
            made.append(float(data))

    candidate.neuron_on_engine(2.0, 1.0, 0.5, 0.1, value_class=Seen)
    given = "neuron_on_engine(2.0, 1.0, 0.5, 0.1, value_class=...)"
    expect_all([
        ("whether w was made a value of that class (1 is yes)", lambda: float(0.5 in made), 1.0, given),
        ("whether b was made a value of that class (1 is yes)", lambda: float(0.1 in made), 1.0, given),
    ])  # fmt: skip
    again = candidate.neuron_on_engine(2.0, 1.0, 0.5, 0.1, value_class=Seen)
    prediction = 1 / (1 + math.exp(-1.1))
    dw = 2 * (prediction - 1) * prediction * (1 - prediction) * 2
    expect("dw of a second call", lambda: again[2], dw, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("log_loss")
def test_a_target_between_0_and_1_is_a_mixture_of_both_losses(candidate):
    loss, gradient = candidate.log_loss([0.8, 0.3], [0.8, 0.6])
    entropy = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))
    other = -(0.6 * math.log(0.3) + 0.4 * math.log(0.7))
    given = "log_loss([0.8, 0.3], [0.8, 0.6])"
    expect("the loss", lambda: loss, (entropy + other) / 2, given=given)
    expect_array("the gradient", lambda: gradient, [0.0, -0.3 / 0.21 / 2], given=given, aim="gradient")


@pytest.mark.level2
@pytest.mark.about("mse")
def test_a_column_and_a_row_are_not_broadcast_to_a_square(candidate):
    mse = candidate.mse
    mse(np.zeros((3, 2)), np.ones((3, 2)))  # shapes that do fit
    expect_value_error([
        ("mse(predictions, targets)", lambda: mse(np.zeros((3, 1)), np.ones(3)), "shapes (3, 1) and (3,)"),
        ("mse(predictions, targets)", lambda: mse(np.zeros((2, 3)), np.ones(3)), "shapes (2, 3) and (3,)"),
        ("mse(predictions, targets)", lambda: mse(np.zeros(4), 1.0), "shapes (4,) and ()"),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("mse")
def test_the_arrays_given_to_mse_stay_as_they_are(candidate):
    predictions, targets = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [5.0, 4.0]])
    candidate.mse(predictions, targets)
    given = "mse([[1, 2], [3, 4]], [[1, 1], [5, 4]])"
    expect_array("predictions afterwards", lambda: predictions, [[1.0, 2.0], [3.0, 4.0]], given=given)
    expect_array("targets afterwards", lambda: targets, [[1.0, 1.0], [5.0, 4.0]], given=given)


@pytest.mark.level2
@pytest.mark.about("log_sum_exp")
def test_log_sum_exp_of_large_logits_does_not_overflow(candidate):
    with np.errstate(all="ignore"):
        found = candidate.log_sum_exp(np.array([[1000.0, 1000.0], [-1000.0, -1000.0], [0.0, 2000.0], [-3000.0, 5.0]]))
        impossible = candidate.log_sum_exp(np.array([0.0, -math.inf, 0.0]))
    wanted = [1000 + math.log(2), -1000 + math.log(2), 2000.0, 5.0]
    expect_array("log_sum_exp(logits)", lambda: found, wanted,
                 given="logits [[1000, 1000], [-1000, -1000], [0, 2000], [-3000, 5]]", tolerance=1e-12)  # fmt: skip
    expect("log_sum_exp([0, -inf, 0])", lambda: impossible, math.log(2), given="one class is impossible")


@pytest.mark.level2
@pytest.mark.about("log_sum_exp")
def test_the_logits_given_to_log_sum_exp_stay_as_they_are(candidate):
    logits = np.array([[1.0, 2.0], [3.0, -1.0]])
    candidate.log_sum_exp(logits)
    expect_array("logits afterwards", lambda: logits, [[1.0, 2.0], [3.0, -1.0]], given="log_sum_exp([[1, 2], [3, -1]])")


@pytest.mark.level2
@pytest.mark.about("softmax")
def test_softmax_of_large_logits_does_not_overflow(candidate):
    with np.errstate(all="ignore"):
        found = candidate.softmax(np.array([[1000.0, 1000.0], [-1000.0, -1000.0], [0.0, 2000.0], [1000.0, 2000.0]]))
        shifted = candidate.softmax(np.array([[0, 1000, 0], [-900, -900, -900]]))
    expect_array("softmax(logits)", lambda: found, [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]],
                 given="logits [[1000, 1000], [-1000, -1000], [0, 2000], [1000, 2000]]")  # fmt: skip
    expect_array("softmax(logits)", lambda: shifted, [[0, 1, 0], [1 / 3, 1 / 3, 1 / 3]],
                 given="whole numbers [[0, 1000, 0], [-900, -900, -900]]")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("softmax")
def test_the_logits_given_to_softmax_stay_as_they_are(candidate):
    logits = np.array([[1.0, 2.0], [3.0, -1.0]])
    candidate.softmax(logits)
    expect_array("logits afterwards", lambda: logits, [[1.0, 2.0], [3.0, -1.0]], given="softmax([[1, 2], [3, -1]])")


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_a_confident_mistake_costs_its_whole_logit(candidate):
    def found(logits, targets):
        with np.errstate(all="ignore"):
            return candidate.cross_entropy(np.array(logits), np.array(targets), "sum")

    rows = [
        ([[0.0, 50.0]], [0], 50.0, [[-1.0, 1.0]]),
        ([[0.0, 1000.0]], [0], 1000.0, [[-1.0, 1.0]]),
        ([[0.0, 1000.0]], [1], 0.0, [[0.0, 0.0]]),
        ([[0.0, 1000.0]], [[1.0, 0.0]], 1000.0, [[-1.0, 1.0]]),
        ([[0.0, 1000.0]], [[0.5, 0.5]], 500.0, [[-0.5, 0.5]]),
    ]
    first = None
    for logits, targets, loss, gradient in rows:
        pair, given = found(logits, targets), f'cross_entropy({logits}, {targets}, "sum")'
        try:
            expect("the loss", lambda pair=pair: pair[0], loss, given=given)
            expect_array("the gradient", lambda pair=pair: pair[1], gradient, given=given, aim="gradient")
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_an_impossible_class_costs_nothing_where_it_was_not_asked_for(candidate):
    with np.errstate(all="ignore"):
        pair = candidate.cross_entropy(np.array([[-math.inf, 0.0, 0.0]]), np.array([1]))
    given = "cross_entropy([[-inf, 0, 0]], [1])"
    expect("the loss", lambda: pair[0], math.log(2.0), given=given)
    expect_array("the gradient", lambda: pair[1], [[0.0, -0.5, 0.5]], given=given, aim="gradient")


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_as_many_examples_as_classes_are_not_confused(candidate):
    logits = np.log(np.array([[1.0, 2.0, 5.0], [7.0, 1.0, 2.0], [1.0, 1.0, 2.0]]))
    probabilities = np.array([[0.125, 0.25, 0.625], [0.7, 0.1, 0.2], [0.25, 0.25, 0.5]])
    given = "three examples, three classes, targets [2, 0, 0]"
    one_hot = np.array([[0, 0, 1], [1, 0, 0], [1, 0, 0]])
    pairs = [candidate.cross_entropy(logits, targets) for targets in (np.array([2, 0, 0]), one_hot)]
    loss = -(math.log(0.625) + math.log(0.7) + math.log(0.25)) / 3
    for pair in pairs:
        expect("the loss", lambda pair=pair: pair[0], loss, given=given)
        expect_array("the gradient", lambda pair=pair: pair[1], (probabilities - one_hot) / 3, given=given,
                     aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_an_index_that_names_no_class_is_refused(candidate):
    ce, logits = candidate.cross_entropy, np.zeros((3, 4))
    ce(logits, np.array([0, 3, 1]))  # targets that do fit
    given = "logits of shape (3, 4)"
    expect_value_error([
        ("cross_entropy(logits, [0, -1, 1])", lambda: ce(logits, np.array([0, -1, 1])), given),
        ("cross_entropy(logits, [0, 4, 1])", lambda: ce(logits, np.array([0, 4, 1])), given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_targets_of_another_shape_are_refused(candidate):
    ce, logits, given = candidate.cross_entropy, np.zeros((3, 4)), "logits of shape (3, 4)"
    expect_value_error([
        ("cross_entropy(logits, [0, 3])", lambda: ce(logits, np.array([0, 3])), given),
        ("cross_entropy(logits, [[0], [3], [1]])", lambda: ce(logits, np.array([[0], [3], [1]])), given),
        ("cross_entropy(logits, rows of three)", lambda: ce(logits, np.full((3, 3), 1 / 3)), given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_indices_that_are_no_whole_numbers_are_refused(candidate):
    ce, logits, given = candidate.cross_entropy, np.zeros((3, 4)), "logits of shape (3, 4)"
    expect_value_error([
        ("cross_entropy(logits, [0.0, 3.0, 1.0])", lambda: ce(logits, np.array([0.0, 3.0, 1.0])), given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("bce_with_logits")
def test_a_sure_logit_neither_overflows_nor_is_rounded_before_the_logarithm(candidate):
    logits, targets = np.array([40.0, -40.0, 1000.0, -1000.0, 1000.0]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    with np.errstate(all="ignore"):
        pairs = [candidate.bce_with_logits(logits[k : k + 1], targets[k : k + 1]) for k in range(5)]
    first = None
    for k, (loss, gradient) in enumerate(((40.0, 1.0), (40.0, -1.0), (1000.0, 1.0), (1000.0, -1.0), (0.0, 0.0))):
        given = f"bce_with_logits([{logits[k]:g}], [{targets[k]:g}])"
        try:
            expect("the loss", lambda k=k: pairs[k][0], loss, given=given)
            expect_array("the gradient", lambda k=k: pairs[k][1], [gradient], given=given, aim="gradient")
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("bce_with_logits")
def test_logits_and_targets_of_another_shape_are_refused(candidate):
    bce = candidate.bce_with_logits
    bce(np.zeros((3, 1)), np.ones((3, 1)))  # shapes that do fit
    expect_value_error([
        ("bce_with_logits(logits, targets)", lambda: bce(np.zeros((3, 1)), np.ones(3)), "shapes (3, 1) and (3,)"),
        ("bce_with_logits(logits, targets)", lambda: bce(np.zeros((2, 3)), np.ones(3)), "shapes (2, 3) and (3,)"),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_the_arrays_given_to_cross_entropy_stay_as_they_are(candidate):
    kept = np.array([[1.0, 2.0], [3.0, -1.0]])
    for targets in (np.array([0, 1]), np.array([[1.0, 0.0], [0.5, 0.5]])):
        logits, before = kept.copy(), targets.copy()
        candidate.cross_entropy(logits, targets)
        given = f"cross_entropy([[1, 2], [3, -1]], {targets.tolist()})"
        expect_array("logits afterwards", lambda logits=logits: logits, kept, given=given)
        expect_array("targets afterwards", lambda targets=targets: targets, before, given=given)
