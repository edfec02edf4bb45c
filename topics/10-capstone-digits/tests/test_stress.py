"""Levels 3 and 4: a large batch in the memory of a small one; five splits; and PyTorch, loss by loss."""

import numpy as np
import pytest

from utils import engine
from utils.course.costs import expect_at_most, peak_bytes
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


def rows_and_labels(count=1797):
    """The first images as rows, and their labels; made without the candidate."""
    images, labels = digits()
    return images[:count].reshape(count, 64) / 16, labels[:count]


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("accumulate")
def test_pieces_give_the_gradient_of_the_whole(candidate):
    x, labels = rows_and_labels(100)
    net = candidate.network(hidden=12, rng=1)
    loss = lent(candidate, "cross_entropy")(net(lent(candidate, "Tensor")(x)), labels)
    loss.backward()
    whole = [np.array(p.grad) for p in net.parameters()]
    for size in (100, 25, 32, 7, 1000):
        net.zero_grad()
        given = f"accumulate(net, x, labels, {size}), 100 images"
        expect("the loss", lambda s=size: candidate.accumulate(net, x, labels, s), float(loss.data), given=given)
        for (name, p), wanted in zip(net.named_parameters(), whole, strict=True):
            expect_array(f"{name}.grad", lambda p=p: p.grad, wanted, given=given, tolerance=1e-12, aim="gradient")
    candidate.accumulate(net, x, labels, 32)
    given = "accumulate a second time, without zero_grad"
    expect_array("0.bias.grad", lambda: net[0].bias.grad, 2 * whole[1], given=given, tolerance=1e-12, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("train")
def test_micro_batches_change_no_step(candidate):
    x, labels = rows_and_labels(90)
    runs, seen = {}, []
    for micro in (None, 40, 16, 7):
        net = candidate.network(hidden=12, rng=1)
        net.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0].data)))
        seen.clear()
        optimizer = lent(candidate, "Optimizer")(net.parameters(), Descent(0.5))
        runs[micro] = candidate.train(net, x, labels, optimizer, epochs=2, size=40, rng=5, micro=micro)
        if micro:
            given = f"two epochs of 90 images in batches of 40, micro={micro}"
            expect_same("no more rows go in at once", max(seen) <= micro, True, given=given)
            expect_same("at least once as many do", max(seen) == micro, True, given=given)
    for micro in (40, 16, 7):
        given = f"two epochs of 90 images in batches of 40, micro={micro}"
        expect("the number of steps", lambda m=micro: len(runs[m]), 6.0, given=given)
        expect_array("the losses", lambda m=micro: runs[m], runs[None], given=f"{given}, against micro=None",
                     tolerance=1e-11)  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("accumulate")
def test_a_large_batch_takes_the_memory_of_a_small_one(candidate):
    x, labels = rows_and_labels()
    net = candidate.network(hidden=512, rng=1)
    candidate.accumulate(net, x[:64], labels[:64], 64)  # the gradients are there from now on
    small = peak_bytes(lambda: candidate.accumulate(net, x[:64], labels[:64], 64))
    large = peak_bytes(lambda: candidate.accumulate(net, x, labels, 64))
    expect_at_most("the bytes held at the peak, against those for 64 images", 1.3, large, small,
                 given="accumulate(net, x, labels, 64), 1,797 images, network(hidden=512)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("train")
def test_a_step_on_all_images_takes_the_memory_of_its_pieces(candidate):
    x, labels = rows_and_labels(1280)
    net = candidate.network(hidden=512, rng=1)
    optimizer = lent(candidate, "Optimizer")(net.parameters(), Descent(0.1))
    step = lambda micro: candidate.train(net, x, labels, optimizer, epochs=1, size=1280, rng=5, micro=micro)  # noqa: E731
    step(64)
    whole, pieces = peak_bytes(lambda: step(None)), peak_bytes(lambda: step(64))
    expect_at_most("the bytes held at the peak with micro=64, against micro=None", 0.4, pieces, whole,
                 given="one step on 1,280 images, network(hidden=512)")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level4
@pytest.mark.about("fit")
def test_five_splits_have_a_mean_of_ninety_seven_percent(candidate):
    x, labels = rows_and_labels()
    shares = []
    for seed in range(5):
        net, _, test = candidate.fit(x, labels, seed=seed)
        shares.append(float((np.asarray(candidate.predictions(net, x[test])) == labels[test]).mean()))
    told = ", ".join(f"{100 * share:.1f}" for share in shares)
    expect_same("the mean is 97 % or more", sum(shares) / 5 >= 0.97, True, given=f"fit with the seeds 0 to 4: {told} %")


@pytest.mark.level4
@pytest.mark.about("fit")
def test_a_saved_network_answers_as_before(candidate, tmp_path):
    x, labels = rows_and_labels(150)
    net, _, test = candidate.fit(x, labels, seed=1)
    net.save(tmp_path / "digits.npz")
    again = candidate.fit(x, labels, seed=2)[0]
    again.load(tmp_path / "digits.npz")
    logits = [module.eval()(lent(candidate, "Tensor")(x[test])).data for module in (net, again)]
    expect_array("the logits on test", lambda: logits[1], logits[0], tolerance=0,
                 given="fit(x, labels, seed=1), saved, and loaded into the net of seed 2")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("train")
def test_a_hundred_losses_are_those_of_torch(candidate):
    import torch

    x, labels = rows_and_labels(1437)
    net = candidate.network(hidden=128, rng=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)).double()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in net.state_dict().items()})
    optimizer = lent(candidate, "Optimizer")(net.parameters(), lent(candidate, "Adam")(lr=0.003, in_place=True))
    losses = candidate.train(net, x, labels, optimizer, epochs=3, size=32, rng=11)
    reference = torch.optim.Adam(theirs.parameters(), lr=0.003)
    rng, wanted, threads = np.random.default_rng(11), [], torch.get_num_threads()
    torch.set_num_threads(1)  # such small products only wait for one another
    for _ in range(3):
        for rows in candidate.batches(1437, 32, rng):
            loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x[rows])), torch.tensor(labels[rows]))
            reference.zero_grad()
            loss.backward()
            reference.step()
            wanted.append(loss.item())
    torch.set_num_threads(threads)
    given = "the first 100 steps of Adam(lr=0.003) on batches of 32, network(hidden=128), against PyTorch in float64"
    expect_array("the losses", lambda: losses[:100], wanted[:100], given=given, tolerance=1e-10)
