"""Levels 1 and 2 at the edges: seeds that replay, modes, gradients left over, and images that are really kept back."""

import numpy as np
import pytest

from utils import engine
from utils.course.judging import Mismatch, Observation, expect, expect_array, observations
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


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("network")
def test_a_seed_replays_a_network_and_no_layer_repeats_another(candidate):
    one, again, other = (candidate.network(hidden=64, rng=seed) for seed in (5, 5, 6))
    weights = [np.array(net[0].weight.data) for net in (one, again, other)]
    given = "network(hidden=64, rng=5), and others"
    expect_same(
        "with rng=5 again the first weights are equal", bool((weights[0] == weights[1]).all()), True, given=given
    )
    expect_same("with rng=6 none of them is", bool((weights[0] == weights[2]).any()), False, given=given)
    repeats = bool((one[2].weight.data == weights[0][:10]).any())
    expect_same("the last layer repeats numbers of the first", repeats, False, given=given)


@pytest.mark.level1
@pytest.mark.about("predictions")
def test_asking_drops_nothing_and_leaves_the_mode_as_it_was(candidate):
    x, labels = rows_and_labels()
    net = candidate.network(hidden=20, rng=3, p=0.9)
    calm = np.array(candidate.predictions(net.eval(), x))
    given = "net = network(hidden=20, p=0.9); net.train()"
    net.train()
    for turn in ("first", "second"):
        expect_array(f"the {turn} predictions", lambda: candidate.predictions(net, x), calm, given=given)
    expect_same("net.training, after predictions", bool(net.training), True, given=given)
    candidate.accuracy(net, x, labels)
    expect_same("net.training, after accuracy", bool(net.training), True, given=given)
    net.eval()
    candidate.predictions(net, x)
    expect_same("net.training, after net.eval() and predictions", bool(net.training), False, given="the same net")


@pytest.mark.level1
@pytest.mark.about("predictions")
def test_asking_builds_no_graph(candidate):
    x, _ = rows_and_labels(5)
    net, seen = candidate.network(hidden=20, rng=3), []
    net.register_forward_hook(lambda module, inputs, output: seen.append(bool(output.requires_grad)))
    candidate.predictions(net, x)
    expect_same("the logits require gradients", seen, [False], given="predictions(network(hidden=20), five images)")


@pytest.mark.level1
@pytest.mark.about("train_full_batch")
def test_gradients_left_over_count_for_nothing_and_training_is_switched_on(candidate):
    x, labels = rows_and_labels()
    fresh, used = candidate.network(hidden=12, rng=1), candidate.network(hidden=12, rng=1)
    used.load_state_dict(fresh.state_dict())
    wanted = candidate.train_full_batch(
        fresh, x, labels, lent(candidate, "Optimizer")(fresh.parameters(), Descent(0.5)), 3
    )
    for p in used.parameters():
        p.grad = np.ones(p.data.shape)
    used.eval()
    losses = candidate.train_full_batch(
        used, x, labels, lent(candidate, "Optimizer")(used.parameters(), Descent(0.5)), 3
    )
    given = "three steps on 60 images, by a net whose gradients are all 1 and whose mode is eval"
    expect_array("the losses", lambda: losses, np.asarray(wanted), given=given)
    expect_same("net.training, afterwards", bool(used.training), True, given=given)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("stratified_split")
def test_a_split_is_drawn_by_its_seed_and_takes_any_share(candidate):
    labels = np.repeat([3, 1, 8], [10, 20, 5])
    for share, wanted in ((0.2, [4, 2, 1]), (0.5, [10, 5, 2]), (0.0, [0, 0, 0])):
        train, test = candidate.stratified_split(labels, share, rng=0)
        test = np.asarray(test, dtype=int)
        given = f"ten 3, twenty 1 and five 8, share {share}"
        counts = [int((labels[test] == one).sum()) for one in (1, 3, 8)]
        expect_same("of 1, 3 and 8 in test", counts, wanted, given=given)
        expect("the number of the others", lambda t=train: len(t), 35.0 - sum(wanted), given=given)
    sets = [sorted(np.asarray(candidate.stratified_split(labels, rng=seed)[1]).tolist()) for seed in (4, 4, 5, 6, 7)]
    expect_same("rng=4 twice gives the same test", sets[0] == sets[1], True, given="ten 3, twenty 1 and five 8")
    different = len({tuple(places) for places in sets[1:]})
    expect("different tests of rng = 4, 5, 6, 7", lambda: different, 4.0, given="ten 3, twenty 1 and five 8")


@pytest.mark.level2
@pytest.mark.about("batches")
def test_batches_are_drawn_anew_for_each_epoch(candidate):
    flat = lambda pieces: np.concatenate([np.asarray(piece) for piece in pieces]).tolist()  # noqa: E731
    rng = np.random.default_rng(3)
    first, second = flat(candidate.batches(50, 8, rng)), flat(candidate.batches(50, 8, rng))
    given = "batches(50, 8, rng) with one Generator, twice"
    expect_same("the first epoch is in order", first == list(range(50)), False, given=given)
    expect_same("the second epoch is as the first", first == second, False, given=given)
    expect_same("the seed replays it", flat(candidate.batches(50, 8, 3)) == first, True, given="batches(50, 8, 3)")
    try:
        list(candidate.batches(5, 0))
        got = "no error"
    except NotImplementedError:
        raise
    except Exception as error:
        got = type(error).__name__
    expect_same("batches(5, 0) raises", got, "ValueError", given="a size of 0")


@pytest.mark.level2
@pytest.mark.about("train")
def test_training_switches_dropout_on_and_the_seed_replays_it(candidate):
    x, labels = rows_and_labels()

    def losses(p, rng):
        net = candidate.network(hidden=12, rng=1, p=p).eval()
        optimizer = lent(candidate, "Optimizer")(net.parameters(), Descent(0.1))
        found = candidate.train(net, x, labels, optimizer, epochs=1, size=20, rng=rng)
        return [float(loss) for loss in found], bool(net.training)

    (plain, _), (dropped, mode), (again, _), (other, _) = losses(0.0, 2), losses(0.5, 2), losses(0.5, 2), losses(0.5, 3)
    given = "an epoch of 60 images in pieces of 20, network(hidden=12) in eval mode before"
    expect_same("the losses with p = 0.5 are those with p = 0", dropped == plain, False, given=given)
    expect_same("net.training, afterwards", mode, True, given=given)
    expect_same("the same seeds give the same losses", dropped == again, True, given=given)
    expect_same("another seed for the batches gives the same losses", dropped == other, False, given=given)


@pytest.mark.level2
@pytest.mark.about("train")
def test_training_leaves_the_rows_and_labels_as_they_are(candidate):
    x, labels = rows_and_labels()
    kept, names = x.copy(), labels.copy()
    net = candidate.network(hidden=12, rng=1)
    losses = candidate.train(net, x, labels, lent(candidate, "Optimizer")(net.parameters(), Descent(0.1)), 1, 20, rng=2)
    expect("the number of steps", lambda: len(losses), 3.0, given="an epoch of 60 images in pieces of 20")
    expect_array("x, afterwards", lambda: x, kept, given="an epoch of 60 images in pieces of 20")
    expect_array("labels, afterwards", lambda: labels, names, given="an epoch of 60 images in pieces of 20")


@pytest.mark.level2
@pytest.mark.about("confusion")
def test_every_pair_counts_as_often_as_it_comes(candidate):
    counts = candidate.confusion(np.array([7] * 5 + [2]), np.array([1] * 5 + [2]))
    given = "five 7 taken for a 1, and a 2 taken for a 2"
    expect("row 7, column 1", lambda: counts[7][1], 5.0, given=given)
    expect("row 1, column 7", lambda: counts[1][7], 0.0, given=given)
    expect("all together", lambda: np.asarray(counts).sum(), 6.0, given=given)
    expect_same("the kind of its numbers", np.asarray(counts).dtype.kind in "iu", True, given=given)


@pytest.mark.level2
@pytest.mark.about("fit")
def test_a_seed_replays_the_whole_recipe(candidate):
    x, labels = rows_and_labels(150)
    told = []
    runs = [candidate.fit(x, labels, seed=seed, watch=lambda *words: told.append(words)) for seed in (2, 2, 3)]
    given = "fit(x, labels, seed), 150 digits"
    expect_same("seed 2 twice gives the same losses", list(runs[0][1]) == list(runs[1][1]), True, given=given)
    expect_same("seed 3 gives the same losses", list(runs[0][1]) == list(runs[2][1]), False, given=given)
    apart = sorted(np.asarray(runs[0][2]).tolist()) != sorted(np.asarray(runs[2][2]).tolist())
    expect_same("seed 3 keeps others back", apart, True, given=given)
    expect_same("watch was called", bool(told) and told[-1][0] == told[-1][1], True, given=given)


@pytest.mark.level2
@pytest.mark.about("fit")
def test_a_recipe_never_learns_from_what_it_keeps_back(candidate):
    x, labels = rows_and_labels(150)
    _, losses, test = candidate.fit(x, labels, seed=1)
    test = np.asarray(test)
    given = "fit(x, labels, seed=1), 150 digits"
    expect_array("of each class in test", lambda: np.bincount(labels[test], minlength=10),
                 [round(0.2 * count) for count in np.bincount(labels, minlength=10)], given=given)  # fmt: skip
    without = x.copy()
    without[test] = 0.5
    again = candidate.fit(without, labels, seed=1)[1]
    expect_same("the losses are the same with other images at the places of test", list(again) == list(losses), True,
                given=given)  # fmt: skip
