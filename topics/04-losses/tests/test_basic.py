"""Levels 1 and 2 at ordinary points: squares, one neuron, probabilities, logits, labels in every form."""

import math

import numpy as np
import pytest

from utils.course.expressions import exact
from utils.course.judging import expect, expect_all, expect_array

ACTIVATED = {"sigmoid": "1/(1 + exp(-(w*x + b)))", "relu": "relu(w*x + b)"}
# Three logits whose powers are 1, 2 and 5: probabilities 1/8, 2/8 and 5/8.
EIGHTHS = [0.0, math.log(2.0), math.log(5.0)]


def expect_losses(rows):
    """Check a table of (what, call, loss, gradient, given) to its end, then raise for the first that failed."""
    first = None
    for what, call, loss, gradient, given in rows:
        try:
            pair = call()
        except NotImplementedError:
            raise
        except Exception as error:
            first = first or error
            continue
        for check in (
            lambda what=what, pair=pair, loss=loss, given=given: expect(
                f"the loss of {what}", lambda: pair[0], loss, given=given
            ),
            lambda what=what, pair=pair, gradient=gradient, given=given: expect_array(
                f"the gradient of {what}", lambda: pair[1], gradient, given=given, aim="gradient"
            ),
        ):
            try:
                check()
            except Exception as error:
                first = first or error
    if first:
        raise first


def expect_neuron(call, what, activation, points):
    """The four numbers of a neuron against exact dual numbers."""
    rows = []
    for x, y, w, b in points:
        inputs = {"x": x, "y": y, "w": w, "b": b}
        prediction = exact(ACTIVATED[activation], inputs).value
        truth = exact(f"({ACTIVATED[activation]} - y)**2", inputs)
        found = call(x, y, w, b, activation)
        given = f'x = {x:g}, y = {y:g}, w = {w:g}, b = {b:g}, "{activation}"'
        wanted = (prediction, truth.value, truth.gradients["w"], truth.gradients["b"])
        rows += [
            (f"{what}: {name}", lambda f=found, k=k: f[k], wanted[k], given)
            for k, name in enumerate(("prediction", "loss", "dw", "db"))
        ]
    expect_all(rows)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("mse")
def test_the_loss_is_the_mean_of_the_squares_and_the_gradient_is_divided_like_it(candidate):
    mse = candidate.mse
    expect_losses([
        ("mse([5.0], [3.0])", lambda: mse([5.0], [3.0]), 4.0, [4.0], ""),
        ("mse([1.0], [3.0])", lambda: mse([1.0], [3.0]), 4.0, [-4.0], ""),
        ("mse([2.0, 0.0], [1.0, 3.0])", lambda: mse([2.0, 0.0], [1.0, 3.0]), 5.0, [1.0, -3.0], ""),
        ("mse([0.5, 1.0, 4.0, -2.0], [0.5, 2.0, 1.0, 0.0])",
         lambda: mse([0.5, 1.0, 4.0, -2.0], [0.5, 2.0, 1.0, 0.0]), 3.5, [0.0, -0.5, 1.5, -1.0], ""),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_a_neuron_with_sigmoid_has_the_gradients_of_the_chain_rule(candidate):
    points = [(2.0, 1.0, 0.5, 0.1), (2.0, 0.0, 0.5, 0.1), (-3.0, 1.0, 0.4, 0.5), (0.5, 0.3, -1.0, 2.0)]
    expect_neuron(candidate.neuron, "neuron", "sigmoid", points)


@pytest.mark.level1
@pytest.mark.about("neuron")
def test_a_neuron_with_relu_has_other_gradients_at_the_same_place(candidate):
    points = [(2.0, 1.0, 0.5, 0.1), (2.0, 3.0, 0.5, 0.1), (-3.0, 1.0, -0.4, 0.5)]
    expect_neuron(candidate.neuron, "neuron", "relu", points)


@pytest.mark.level1
@pytest.mark.about("neuron_on_engine")
def test_the_engine_finds_the_same_four_numbers(candidate):
    points = [(2.0, 1.0, 0.5, 0.1), (-3.0, 0.0, 0.4, 0.5)]
    expect_neuron(candidate.neuron_on_engine, "neuron_on_engine", "sigmoid", points)
    points = [(2.0, 1.0, 0.5, 0.1), (2.0, 3.0, 0.5, 0.1), (-3.0, 1.0, 0.4, 0.5)]
    expect_neuron(candidate.neuron_on_engine, "neuron_on_engine", "relu", points)


@pytest.mark.level1
@pytest.mark.about("log_loss")
def test_the_log_loss_is_the_surprise_and_its_slope_is_steep_where_the_surprise_is_large(candidate):
    log_loss, log = candidate.log_loss, math.log
    expect_losses([
        ("log_loss([0.5], [1.0])", lambda: log_loss([0.5], [1.0]), log(2), [-2.0], ""),
        ("log_loss([0.5], [0.0])", lambda: log_loss([0.5], [0.0]), log(2), [2.0], ""),
        ("log_loss([0.25], [1.0])", lambda: log_loss([0.25], [1.0]), log(4), [-4.0], ""),
        ("log_loss([0.25], [0.0])", lambda: log_loss([0.25], [0.0]), -log(0.75), [4 / 3], ""),
        ("log_loss([0.25, 0.2], [1.0, 0.0])", lambda: log_loss([0.25, 0.2], [1.0, 0.0]),
         (log(4) - log(0.8)) / 2, [-2.0, 0.625], ""),
    ])  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("mse")
def test_the_mean_divides_by_every_entry(candidate):
    mse = candidate.mse
    predictions, targets = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[1.0, 1.0, 1.0], [4.0, 4.0, 9.0]])
    gaps = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, -3.0]])
    given = "predictions [[1, 2, 3], [4, 5, 6]], targets [[1, 1, 1], [4, 4, 9]]"
    expect_losses([
        ("mse(predictions, targets)", lambda: mse(predictions.copy(), targets.copy()), 2.5, gaps / 3, given),
        ("mse of nested lists", lambda: mse(predictions.tolist(), targets.tolist(), "mean"), 2.5, gaps / 3, given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("mse")
def test_the_sum_divides_neither_the_loss_nor_its_gradient(candidate):
    mse = candidate.mse
    predictions, targets = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[1.0, 1.0, 1.0], [4.0, 4.0, 9.0]])
    gaps = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, -3.0]])
    given = "predictions [[1, 2, 3], [4, 5, 6]], targets [[1, 1, 1], [4, 4, 9]]"
    expect_losses([
        ('mse(predictions, targets, "sum")', lambda: mse(predictions.copy(), targets.copy(), "sum"), 15.0, 2 * gaps,
         given),
        ('mse([2.0, 0.0], [1.0, 3.0], "sum")', lambda: mse([2.0, 0.0], [1.0, 3.0], "sum"), 10.0, [2.0, -6.0], ""),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("log_sum_exp")
def test_log_sum_exp_is_taken_along_the_last_axis(candidate):
    logits = np.array([EIGHTHS, [0.0, 0.0, 0.0], [math.log(7.0), 0.0, math.log(2.0)]])
    wanted = np.log([8.0, 3.0, 10.0])
    given = "rows whose powers are [1, 2, 5], [1, 1, 1], [7, 1, 2]"
    found = [candidate.log_sum_exp(logits.copy()), candidate.log_sum_exp(np.stack([logits, -logits]))]
    opposite = np.log([1.7, 3.0, 1 / 7 + 1.5])
    expect_array("log_sum_exp(logits)", lambda: found[0], wanted, given=given)
    expect_array("log_sum_exp(logits) for shape (2, 3, 3)", lambda: found[1], np.stack([wanted, opposite]), given=given)
    expect_array("log_sum_exp([0, 0])", lambda: candidate.log_sum_exp([0, 0]), math.log(2.0), given="a single row")


@pytest.mark.level2
@pytest.mark.about("softmax")
def test_every_row_of_a_softmax_is_its_powers_divided_by_their_sum(candidate):
    logits = np.array([EIGHTHS, [0.0, 0.0, 0.0], [math.log(7.0), 0.0, math.log(2.0)]])
    wanted = np.array([[0.125, 0.25, 0.625], [1 / 3, 1 / 3, 1 / 3], [0.7, 0.1, 0.2]])
    given = "rows whose powers are [1, 2, 5], [1, 1, 1], [7, 1, 2]"
    expect_array("softmax(logits)", lambda: candidate.softmax(logits.copy()), wanted, given=given)
    expect_array("softmax of one row", lambda: candidate.softmax(EIGHTHS), wanted[0], given="powers [1, 2, 5]")
    stacked = candidate.softmax(np.stack([logits, logits[::-1]]))
    expect_array("softmax(logits) for shape (2, 3, 3)", lambda: stacked, np.stack([wanted, wanted[::-1]]), given=given)


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_the_loss_of_a_class_is_minus_the_log_of_its_probability(candidate):
    ce, log = candidate.cross_entropy, math.log
    one, two = np.array([EIGHTHS]), np.array([EIGHTHS, [0.0, 0.0, 0.0]])
    powers = "a row of logits whose powers are 1, 2, 5"
    expect_losses([
        ("cross_entropy(logits, [2])", lambda: ce(one, [2]), log(8 / 5), [[0.125, 0.25, -0.375]], powers),
        ("cross_entropy(logits, [0])", lambda: ce(one, [0]), log(8), [[-0.875, 0.25, 0.625]], powers),
        ("cross_entropy(logits, [0, 1])", lambda: ce(two, np.array([0, 1])), (log(8) + log(3)) / 2,
         [[-7 / 16, 2 / 16, 5 / 16], [1 / 6, -1 / 3, 1 / 6]], f"{powers}, and a row of zeros"),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_one_hot_rows_say_the_same_as_class_indices(candidate):
    ce, log = candidate.cross_entropy, math.log
    logits, given = np.array([EIGHTHS, [0.0, 0.0, 0.0]]), "a row of logits whose powers are 1, 2, 5, and a row of zeros"
    loss = (log(8 / 5) + log(3)) / 2
    gradient = [[1 / 16, 2 / 16, -3 / 16], [-1 / 3, 1 / 6, 1 / 6]]
    rows = [[0, 0, 1], [1, 0, 0]]
    expect_losses([
        ("cross_entropy(logits, [2, 0])", lambda: ce(logits, np.array([2, 0])), loss, gradient, given),
        ("cross_entropy(logits, rows of floats)", lambda: ce(logits, np.array(rows, float)), loss, gradient, given),
        ("cross_entropy(logits, rows of whole numbers)", lambda: ce(logits, np.array(rows)), loss, gradient, given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_probabilities_as_targets_weigh_the_losses_of_the_classes(candidate):
    ce, log = candidate.cross_entropy, math.log
    logits = np.array([EIGHTHS])
    powers = "a row of logits whose powers are 1, 2, 5"
    half = 0.5 * log(8) + 0.5 * log(8 / 5)
    same = 0.125 * log(8) + 0.25 * log(4) + 0.625 * log(8 / 5)
    expect_losses([
        ("cross_entropy(logits, [[0.5, 0, 0.5]])", lambda: ce(logits, np.array([[0.5, 0.0, 0.5]])), half,
         [[-0.375, 0.25, 0.125]], powers),
        ("cross_entropy(logits, [[1/8, 2/8, 5/8]])", lambda: ce(logits, np.array([[0.125, 0.25, 0.625]])), same,
         [[0.0, 0.0, 0.0]], powers),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_a_sum_of_cross_entropies_is_not_divided(candidate):
    ce, log = candidate.cross_entropy, math.log
    logits, given = np.array([EIGHTHS, [0.0, 0.0, 0.0]]), "a row of logits whose powers are 1, 2, 5, and a row of zeros"
    loss, gradient = log(8) + log(3), [[-7 / 8, 2 / 8, 5 / 8], [1 / 3, -2 / 3, 1 / 3]]
    expect_losses([
        ('cross_entropy(logits, [0, 1], "sum")', lambda: ce(logits, np.array([0, 1]), "sum"), loss, gradient, given),
        ('cross_entropy(logits, [[1, 0, 0], [0, 1, 0]], "sum")',
         lambda: ce(logits, np.array([[1, 0, 0], [0, 1, 0]]), "sum"), loss, gradient, given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("bce_with_logits")
def test_the_gradient_of_a_logit_is_its_probability_minus_the_target(candidate):
    bce, log = candidate.bce_with_logits, math.log
    z = log(3.0)  # its sigmoid is 3/4
    expect_losses([
        ("bce_with_logits([0.0], [1.0])", lambda: bce(np.array([0.0]), np.array([1.0])), log(2), [-0.5], ""),
        ("bce_with_logits([log 3], [1.0])", lambda: bce(np.array([z]), np.array([1.0])), log(4 / 3), [-0.25], ""),
        ("bce_with_logits([log 3], [0.0])", lambda: bce(np.array([z]), np.array([0.0])), log(4), [0.75], ""),
        ("bce_with_logits([-log 3], [0.5])", lambda: bce(np.array([-z]), np.array([0.5])),
         (log(4) + log(4 / 3)) / 2, [-0.25], ""),
        ("bce_with_logits([[log 3, 0], [-log 3, 0]], [[1, 0], [1, 1]])",
         lambda: bce(np.array([[z, 0.0], [-z, 0.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])),
         (log(4 / 3) + log(4) + 2 * log(2)) / 4, [[-1 / 16, 2 / 16], [-3 / 16, -2 / 16]], ""),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("bce_with_logits")
def test_a_sum_over_logits_is_not_divided(candidate):
    bce, z = candidate.bce_with_logits, math.log(3.0)
    expect_losses([
        ('bce_with_logits([log 3, 0], [0, 1], "sum")', lambda: bce([z, 0.0], [0.0, 1.0], "sum"), math.log(8),
         [0.75, -0.5], ""),
    ])  # fmt: skip
