"""Levels 1 and 2 at ordinary points: each piece by itself, and trainings against the same steps written out by hand."""

import numpy as np
import pytest

from utils import engine
from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, observations
from utils.datasets import digits


def expect_same(what, got, expected, *, given):
    """Record whether two texts, shapes or truth values are the same; raise Mismatch if not."""
    same = type(got) is type(expected) and got == expected
    observations.append(Observation(what, given, str(expected), str(got), same))
    if not same:
        raise Mismatch(observations[-1])


def lent(candidate, name):
    """What the candidate has imported from its engine under this name; where it has not, the engine's."""
    try:
        return getattr(candidate, name)
    except NotImplementedError:
        return getattr(engine, name)


class Descent:
    """Gradient descent in place, the simplest rule of Topic 07."""

    def __init__(self, lr):
        self.lr = lr

    def step(self, params, grads):
        for p, g in zip(params, grads, strict=True):
            p -= self.lr * g
        return params


def rows_and_labels(count=60):
    """The first images as rows, and their labels; made without the candidate."""
    images, labels = digits()
    return images[:count].reshape(count, 64) / 16, labels[:count]


def losses_by_hand(state, x, labels, pieces, lr):
    """The losses of gradient descent on a net of two layers, a step for each index array in `pieces`; by formulas."""
    w1, b1, w2, b2 = (np.array(state[name]) for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    losses = []
    for rows in pieces:
        n, h = len(rows), np.maximum(x[rows] @ w1.T + b1, 0)
        z = h @ w2.T + b2
        z = z - z.max(axis=1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        losses.append(-logs[np.arange(n), labels[rows]].mean())
        dz = (np.exp(logs) - np.eye(10)[labels[rows]]) / n
        dh = dz @ w2 * (h > 0)
        w2, b2, w1, b1 = w2 - lr * dz.T @ h, b2 - lr * dz.sum(0), w1 - lr * dh.T @ x[rows], b1 - lr * dh.sum(0)
    return losses


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("prepare")
def test_images_become_rows_of_numbers_up_to_one(candidate):
    images = np.zeros((2, 8, 8), dtype=int)
    images[0, 0] = np.arange(8)
    images[1, 3, 5] = 16
    x = candidate.prepare(images)
    wanted = np.zeros((2, 64))
    wanted[0, :8] = np.arange(8) / 16
    wanted[1, 29] = 1.0
    given = "two images: the first row of the first is 0 to 7; the second has a 16 in row 3, column 5"
    expect_array("prepare(images)", lambda: x, wanted, given=given)
    expect_same("the kind of its numbers", np.asarray(x).dtype.kind, "f", given=given)
    expect_array("the images, afterwards", lambda: images[0, 0], np.arange(8.0), given=given)


@pytest.mark.level1
@pytest.mark.about("network")
def test_a_network_is_two_layers_with_a_relu_between(candidate):
    net = candidate.network(hidden=20, rng=3)
    state = net.state_dict()
    shapes = {str(name): array.shape for name, array in state.items()}
    wanted = {"0.weight": (20, 64), "0.bias": (20,), "2.weight": (10, 20), "2.bias": (10,)}
    expect_same("names and shapes", sorted(shapes.items()), sorted(wanted.items()), given="network(hidden=20)")
    x, _ = rows_and_labels(5)
    hidden = np.maximum(x @ state["0.weight"].T + state["0.bias"], 0)
    logits = hidden @ state["2.weight"].T + state["2.bias"]
    expect_array("net(x)", lambda: net(lent(candidate, "Tensor")(x)).data, logits,
                 given="net = network(hidden=20), x five images")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("network")
def test_a_dropout_stands_before_the_last_layer(candidate):
    net = candidate.network(hidden=20, rng=3, p=0.5)
    names = sorted(str(name) for name in net.state_dict())
    given = "net = network(hidden=20, p=0.5)"
    expect_same("names", names, ["0.bias", "0.weight", "3.bias", "3.weight"], given=given)
    seen = []
    net[2].register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].data, output.data)))
    x, _ = rows_and_labels(40)
    net(lent(candidate, "Tensor")(x))
    before, after = seen[0]
    kept = after[before > 0] != 0
    expect_same("no number below 0 arrives there", bool((before >= 0).all()), True, given=given)
    expect("the share that stays", lambda: float(kept.mean()), 0.5, given=f"{given}; net(x), 40 images", tolerance=0.1)


def which_pixel(candidate):
    """A network in which class k sees pixel 6 * (9 - k), and three rows."""
    net = candidate.network(hidden=10, rng=0)
    for p in net.parameters():
        p.data[...] = 0.0
    net[0].weight.data[np.arange(10), np.arange(10) * 6] = 1.0  # unit k sees pixel 6k
    net[2].weight.data[np.arange(10), np.arange(10)[::-1]] = 1.0  # class k sees unit 9 - k
    x = np.zeros((3, 64))
    x[0, 0], x[1, 54], x[2, [12, 18]] = 1.0, 0.5, (0.25, 0.5)
    return net, x


@pytest.mark.level1
@pytest.mark.about("predictions")
def test_a_prediction_is_the_class_of_the_largest_logit(candidate):
    net, x = which_pixel(candidate)
    given = "a network in which class k sees pixel 6 * (9 - k); the brightest pixels are 0, 54 and 18"
    expect_array("predictions", lambda: candidate.predictions(net, x), [9.0, 0.0, 6.0], given=given)


@pytest.mark.level1
@pytest.mark.about("accuracy")
def test_accuracy_is_the_share_of_right_answers(candidate):
    net, x = which_pixel(candidate)
    rows = []
    for labels, wanted in (([9, 0, 6], 1.0), ([9, 1, 6], 2 / 3), ([0, 9, 5], 0.0)):
        ask = lambda labels=labels: candidate.accuracy(net, x, np.array(labels))  # noqa: E731
        rows.append((f"accuracy with the labels {labels}", ask, wanted, "a network whose predictions are 9, 0, 6"))
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("train_full_batch")
def test_full_batch_steps_are_those_written_out_by_hand(candidate):
    x, labels = rows_and_labels()
    net = candidate.network(hidden=12, rng=1)
    state = net.state_dict()
    optimizer = lent(candidate, "Optimizer")(net.parameters(), Descent(0.5))
    losses = candidate.train_full_batch(net, x, labels, optimizer, 4)
    wanted = losses_by_hand(state, x, labels, [np.arange(60)] * 4, 0.5)
    expect_array("the losses", lambda: losses, wanted, given="four steps of 0.5 on 60 images, network(hidden=12)")


@pytest.mark.level1
@pytest.mark.about("train_full_batch")
def test_a_hundred_steps_learn_two_hundred_images_by_heart(candidate):
    x, labels = rows_and_labels(200)
    net = candidate.network(hidden=32, rng=0)
    optimizer = lent(candidate, "Optimizer")(net.parameters(), lent(candidate, "Adam")(lr=0.02, in_place=True))
    losses = candidate.train_full_batch(net, x, labels, optimizer, 100)
    given = "100 steps of Adam(lr=0.02) on 200 images, network(hidden=32)"
    expect("the number of losses", lambda: len(losses), 100.0, given=given)
    expect_same("the last loss is below 0.05", bool(losses[-1] < 0.05), True, given=given)
    expect("the accuracy on these images", lambda: candidate.accuracy(net, x, labels), 1.0, given=given, tolerance=0.02)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("stratified_split")
def test_a_fifth_of_every_class_is_kept_back(candidate):
    _, labels = digits()
    train, test = candidate.stratified_split(labels, rng=0)
    train, test = np.asarray(train), np.asarray(test)
    given = "the labels of 1,797 digits"
    expect_array("the places in both together, sorted", lambda: np.sort(np.concatenate([train, test])), np.arange(1797),
                 given=given)  # fmt: skip
    expect_array("of each class in test", lambda: np.bincount(labels[test], minlength=10),
                 [round(0.2 * count) for count in np.bincount(labels)], given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("batches")
def test_an_epoch_shows_every_row_once(candidate):
    for count, size, sizes in ((10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 5, [3])):
        pieces = [np.asarray(piece) for piece in candidate.batches(count, size, rng=2)]
        given = f"batches({count}, {size})"
        expect_same("the sizes of the pieces", [len(piece) for piece in pieces], sizes, given=given)
        expect_array("all numbers, sorted", lambda p=pieces: np.sort(np.concatenate(p)), np.arange(count), given=given)


@pytest.mark.level2
@pytest.mark.about("train")
def test_mini_batch_steps_are_those_written_out_by_hand(candidate):
    x, labels = rows_and_labels()
    net = candidate.network(hidden=12, rng=1)
    state, told = net.state_dict(), []
    optimizer = lent(candidate, "Optimizer")(net.parameters(), Descent(0.5))
    watch = lambda done, total, loss: told.append((done, total, loss))  # noqa: E731
    losses = candidate.train(net, x, labels, optimizer, epochs=3, size=16, rng=7, watch=watch)
    rng = np.random.default_rng(7)
    pieces = [np.asarray(piece) for _ in range(3) for piece in candidate.batches(60, 16, rng)]
    wanted = losses_by_hand(state, x, labels, pieces, 0.5)
    given = "three epochs of 60 images in pieces of 16, network(hidden=12), steps of 0.5"
    expect("the number of steps", lambda: len(losses), 12.0, given=given)
    expect_array("the losses", lambda: losses, wanted, given=given)
    expect_same("what watch was called with, but for the loss", [row[:2] for row in told], [(1, 3), (2, 3), (3, 3)],
                given=given)  # fmt: skip
    expect_array("the losses that watch was called with", lambda: [row[2] for row in told],
                 np.reshape(wanted, (3, 4)).mean(axis=1), given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("progress_bar")
def test_a_bar_grows_from_left_to_right(candidate):
    for done, total, loss, width, wanted in (
        (5, 7, 0.12341, 14, "[##########----] 5/7  loss 0.1234"),
        (0, 4, 2.3, 8, "[--------] 0/4  loss 2.3000"),
        (4, 4, 0.0, 8, "[########] 4/4  loss 0.0000"),
        (2, 3, 0.5, 10, "[#######---] 2/3  loss 0.5000"),
        (1, 30, 1.0, 30, "[#-----------------------------] 1/30  loss 1.0000"),
    ):
        text = candidate.progress_bar(done, total, loss, width)
        expect_same("progress_bar", str.__str__(text), wanted, given=f"progress_bar({done}, {total}, {loss}, {width})")


@pytest.mark.level2
@pytest.mark.about("confusion")
def test_confusion_counts_who_was_taken_for_whom(candidate):
    counts = candidate.confusion(np.array([0, 1, 1, 1, 2]), np.array([0, 2, 2, 1, 0]), classes=3)
    expect_array("confusion", lambda: counts, [[1, 0, 0], [0, 1, 2], [1, 0, 0]],
                 given="labels 0 1 1 1 2, predictions 0 2 2 1 0, three classes")  # fmt: skip
    expect_array("the shape for all ten digits", lambda: candidate.confusion([3], [4]).shape, [10, 10],
                 given="one label 3, taken for a 4")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("fit")
def test_a_recipe_reads_digits_that_it_has_never_seen(candidate):
    x, labels = rows_and_labels(600)
    net, losses, test = candidate.fit(x, labels, seed=0)
    given = "fit(x, labels, seed=0), the first 600 digits"
    share = float((np.asarray(candidate.predictions(net, x[test])) == labels[test]).mean())
    expect_same("90 % of the fifth that was kept back, or more", share >= 0.9, True, given=given)
    expect_same("the last losses are below a fifth of the first", bool(np.mean(losses[-20:]) < losses[0] / 5), True,
                given=given)  # fmt: skip
