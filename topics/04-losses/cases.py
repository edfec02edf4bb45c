"""What the grader asks of a submission: losses of random numbers, and their gradients along random directions."""

import numpy as np

from utils.grading.cases import array_of, case, number_of, refuses


def pair(draw, found):
    """The loss, and its gradient along random directions."""
    loss, gradient = found
    return [number_of(loss), *draw.along(gradient)]


def probabilities(draw, *shape):
    return [draw.rng.uniform(0.05, 0.95) for _ in range(shape[0])]


def rows(draw, examples, classes):
    """Rows of probabilities."""
    found = np.exp(draw.array(examples, classes))
    return found / found.sum(axis=1, keepdims=True)


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "mse")
def squares_of_lists(candidate, draw):
    return [pair(draw, candidate.mse(draw.numbers(size), draw.numbers(size))) for size in (1, 4, 7)]


@case(1, "neuron")
def one_neuron_by_hand(candidate, draw):
    found = [candidate.neuron(*draw.numbers(4, high=1.5), kind) for kind in ("sigmoid", "relu") * 4]
    return [[number_of(part) for part in four] for four in found]


@case(1, "neuron_on_engine")
def one_neuron_on_the_engine(candidate, draw):
    from utils.engine import Value

    made = []

    class Seen(Value):
        """The engine, with a list of what was put into it."""

        def __init__(self, data, *rest, **others):
            super().__init__(data, *rest, **others)
            made.append(float(data))

    answers = []
    for kind in ("sigmoid", "relu") * 3:
        x, y, w, b = draw.numbers(4, high=1.5)
        four = candidate.neuron_on_engine(x, y, w, b, kind, value_class=Seen)
        answers += [[number_of(part) for part in four], float(w in made), float(b in made)]
    return answers


@case(1, "log_loss")
def surprises(candidate, draw):
    return [pair(draw, candidate.log_loss(probabilities(draw, size), probabilities(draw, size))) for size in (1, 5)]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "mse")
def sums_and_means_of_arrays(candidate, draw):
    answers = []
    for shape in ((3,), (2, 5), (2, 1, 3)):
        for reduction in ("mean", "sum"):
            answers.append(pair(draw, candidate.mse(draw.array(*shape), draw.array(*shape), reduction)))
    return [*answers, refuses(ValueError, lambda: candidate.mse(np.zeros((3, 1)), np.ones(3)))]


@case(2, "softmax")
def powers_that_do_not_overflow(candidate, draw):
    answers = []
    for scale in (1.0, 30.0, 900.0):
        logits = draw.array(3, 4, scale=scale)
        answers += [draw.along(candidate.log_sum_exp(logits)), draw.along(candidate.softmax(logits))]
        answers.append(draw.along(candidate.softmax(logits[0])))
    apart = draw.array(3, 4) + np.array([[-1000.0], [0.0], [1000.0]])  # each row has a largest logit of its own
    return [*answers, draw.along(candidate.softmax(apart)), draw.along(candidate.log_sum_exp(apart))]


@case(2, "cross_entropy")
def labels_in_three_forms(candidate, draw):
    answers = []
    for reduction in ("mean", "sum"):
        logits = draw.array(5, 4, scale=3.0)
        indices = np.array([draw.integer(0, 3) for _ in range(5)])
        for targets in (indices, np.eye(4)[indices], rows(draw, 5, 4)):
            answers.append(pair(draw, candidate.cross_entropy(logits, targets, reduction)))
    large = draw.array(2, 3, scale=800.0)
    answers.append(pair(draw, candidate.cross_entropy(large, np.array([0, 2]))))
    square, one_hot = draw.array(3, 3), np.eye(3, dtype=int)[[draw.integer(0, 2) for _ in range(3)]]
    kept = square.copy()
    answers += [pair(draw, candidate.cross_entropy(square, one_hot)), float((square == kept).all())]
    for targets in ([0, 4, 1], [0, -1, 1], [0.5, 1.0, 2.0], [[0], [3], [1]], [0, 3]):
        answers.append(refuses(ValueError, lambda t=targets: candidate.cross_entropy(np.zeros((3, 4)), np.array(t))))
    return answers


@case(2, "bce_with_logits")
def yes_or_no_from_a_logit(candidate, draw):
    answers = []
    for scale in (1.0, 50.0, 900.0):
        for reduction in ("mean", "sum"):
            targets = np.array([[draw.rng.random() for _ in range(3)] for _ in range(2)])
            answers.append(pair(draw, candidate.bce_with_logits(draw.array(2, 3, scale=scale), targets, reduction)))
    return [*answers, refuses(ValueError, lambda: candidate.bce_with_logits(np.zeros((3, 1)), np.ones(3)))]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "cross_entropy", room=1.22)
def one_array_and_it_is_the_gradient(candidate, draw):
    # The logits take 8 MB and the gradient 8; a quarter of that is allowed besides, and what the file imports.
    logits = draw.array(1000, 1000)
    targets = np.array([draw.integer(0, 999) for _ in range(1000)])
    loss, gradient = candidate.cross_entropy(logits, targets)
    entries = array_of(gradient[:3]) if type(gradient) is np.ndarray else np.zeros(0)
    return [number_of(loss), *draw.along(entries)]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "cross_entropy")
def many_examples(candidate, draw):
    logits = draw.array(64, 10, scale=4.0)
    indices = np.array([draw.integer(0, 9) for _ in range(64)])
    targets = np.array([[draw.rng.random() for _ in range(10)] for _ in range(64)])
    found = [candidate.cross_entropy(logits, indices), candidate.bce_with_logits(logits, targets)]
    return [pair(draw, one) for one in (*found, candidate.mse(logits, targets))]
