"""Levels 2 to 4 at size: random arrays against sums made one number at a time, bytes, and PyTorch."""

import math

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import Mismatch, expect, expect_all, expect_array


def slowly(logits, rows):
    """The sum of the cross-entropies and its gradient, by one loop for each example, with exactly rounded sums."""
    total, gradient = [], []
    for z, t in zip(logits.tolist(), rows.tolist(), strict=True):
        largest = max(z)
        whole = math.fsum(math.exp(a - largest) for a in z)
        total += [b * (largest + math.log(whole) - a) for a, b in zip(z, t, strict=True) if b]
        gradient.append([math.exp(a - largest) / whole - b for a, b in zip(z, t, strict=True)])
    return math.fsum(total), np.array(gradient).reshape(logits.shape)


def textbook(logits, indices):
    """The cross-entropy as the formulas have it: shifted logits, powers, probabilities, one-hot rows, gradient."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    one_hot = np.eye(logits.shape[1])[indices]
    return -(one_hot * np.log(probabilities)).sum() / len(logits), (probabilities - one_hot) / len(logits)


def expect_pairs(rows):
    """Check a table of (what, pair, loss, gradient) to its end, then raise for the first that failed."""
    first = None
    for what, pair, loss, gradient in rows:
        try:
            expect("the loss", lambda pair=pair: pair[0], loss, given=what)
            expect_array("the gradient", lambda pair=pair: pair[1], gradient, given=what, aim="gradient")
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_random_logits_with_targets_of_every_form(candidate):
    random, rows = np.random.default_rng(4), []
    for count, classes in ((1, 2), (7, 3), (5, 5), (20, 11)):
        logits = random.normal(size=(count, classes)) * 10
        indices = random.integers(0, classes, count)
        soft = random.random((count, classes))
        soft /= soft.sum(axis=1, keepdims=True)
        for form, targets, weights in (("indices", indices, np.eye(classes)[indices]), ("probabilities", soft, soft)):
            total, gradient = slowly(logits, weights)
            what = f"random logits ({count}, {classes}), {form} as targets"
            rows += [
                (f"{what}, mean", candidate.cross_entropy(logits, targets), total / count, gradient / count),
                (f"{what}, sum", candidate.cross_entropy(logits, targets, "sum"), total, gradient),
            ]
    expect_pairs(rows)


@pytest.mark.level3
@pytest.mark.about("cross_entropy")
def test_every_row_counts_once_whatever_the_number_of_rows(candidate):
    random, rows = np.random.default_rng(5), []
    for count, classes in ((1, 1), (3, 4000), (2, 9000), (257, 40), (1000, 7), (4099, 2)):
        logits = random.normal(size=(count, classes)) * 5 + random.normal(size=(count, 1)) * 400
        indices = random.integers(0, classes, count)
        one_hot = np.zeros((count, classes), dtype=int)
        one_hot[np.arange(count), indices] = 1
        total, gradient = slowly(logits, one_hot)
        for form, targets in (("indices", indices), ("one-hot rows", one_hot)):
            what = f"random logits ({count}, {classes}), {form} as targets"
            rows.append((what, candidate.cross_entropy(logits, targets), total / count, gradient / count))
    expect_pairs(rows)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("cross_entropy")
def test_beyond_the_gradient_a_quarter_of_its_size_is_enough(candidate):
    random = np.random.default_rng(6)
    logits = random.normal(size=(4000, 50))
    kept = logits.copy()
    indices = random.integers(0, 50, 4000)
    one_hot = np.zeros((4000, 50), dtype=int)
    one_hot[np.arange(4000), indices] = 1
    first = None
    plain = peak_bytes(lambda: textbook(logits, indices))
    for form, targets in (("indices", indices), ("one-hot rows", one_hot), ("probabilities", one_hot * 1.0)):
        given = f"cross_entropy of logits (4000, 50), {form} as targets"
        held = peak_bytes(lambda targets=targets: candidate.cross_entropy(logits, targets))
        for what, limit, small in (
            ("the memory, compared with the gradient alone,", 1.25, logits.nbytes),
            ("the memory, compared with the textbook's formulas,", 0.4, plain),
        ):
            try:
                expect_at_most(what, limit, held, small, given=given)
            except Mismatch as mismatch:
                first = first or mismatch
    if first:
        raise first
    expect_array("logits afterwards", lambda: logits, kept, given="cross_entropy of logits (4000, 50)")


@pytest.mark.level4
@pytest.mark.about("cross_entropy")
def test_cross_entropy_agrees_with_torch(candidate):
    import torch
    import torch.nn.functional as F  # noqa: N812

    random, rows = np.random.default_rng(7), []
    for count, classes in ((3, 2), (8, 5), (64, 10)):
        logits = random.normal(size=(count, classes)) * 20
        indices = random.integers(0, classes, count)
        soft = random.dirichlet(np.ones(classes), count)
        for form, targets in (("indices", indices), ("probabilities", soft)):
            for reduction in ("mean", "sum"):
                z = torch.tensor(logits, requires_grad=True)
                loss = F.cross_entropy(z, torch.tensor(targets), reduction=reduction)
                loss.backward()
                pair = candidate.cross_entropy(logits, targets, reduction)
                what = f'random logits ({count}, {classes}), {form}, "{reduction}", against F.cross_entropy'
                rows.append((what, pair, loss.item(), z.grad.numpy()))
    expect_pairs(rows)


@pytest.mark.level4
@pytest.mark.about("neuron")
def test_the_neuron_agrees_with_torch(candidate):
    import torch

    rows = []
    for x, y, w, b in ((2.0, 1.0, 0.5, 0.1), (-1.5, 0.0, 0.8, 0.3), (0.7, 2.0, -1.1, 1.4)):
        for activation in ("sigmoid", "relu"):
            leaves = torch.tensor([w, b], dtype=torch.float64, requires_grad=True)
            prediction = getattr(torch, activation)(leaves[0] * x + leaves[1])
            loss = (prediction - y) ** 2
            loss.backward()
            wanted = (prediction.item(), loss.item(), *leaves.grad.tolist())
            found = candidate.neuron(x, y, w, b, activation)
            given = f'x = {x:g}, y = {y:g}, w = {w:g}, b = {b:g}, "{activation}", against PyTorch'
            rows += [
                (f"neuron: {name}", lambda f=found, k=k: f[k], wanted[k], given)
                for k, name in enumerate(("prediction", "loss", "dw", "db"))
            ]
    expect_all(rows)


@pytest.mark.level4
@pytest.mark.about("mse")
def test_mse_agrees_with_torch(candidate):
    expect_like_torch(candidate.mse, "mse_loss", lambda random, shape: random.normal(size=shape))


@pytest.mark.level4
@pytest.mark.about("bce_with_logits")
def test_bce_with_logits_agrees_with_torch(candidate):
    expect_like_torch(
        candidate.bce_with_logits, "binary_cross_entropy_with_logits", lambda random, shape: random.random(shape)
    )


def expect_like_torch(loss_of, name, targets_of):
    """Loss and gradient of a function of arrays of one shape against the function of that name in PyTorch."""
    import torch

    random, rows = np.random.default_rng(8), []
    for shape in ((5,), (4, 3), (2, 3, 4)):
        predictions, targets = random.normal(size=shape) * 15, targets_of(random, shape)
        for reduction in ("mean", "sum"):
            z = torch.tensor(predictions, requires_grad=True)
            loss = getattr(torch.nn.functional, name)(z, torch.tensor(targets), reduction=reduction)
            loss.backward()
            pair = loss_of(predictions, targets, reduction)
            rows.append((f'random numbers {shape}, "{reduction}", against F.{name}', pair, loss.item(), z.grad.numpy()))
    expect_pairs(rows)


@pytest.mark.level4
@pytest.mark.about("cross_entropy")
def test_a_classifier_trained_with_this_gradient_follows_pytorch_step_by_step(candidate):
    import torch

    random = np.random.default_rng(9)
    centers = np.array([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
    classes = np.arange(60) % 3
    points = np.hstack([centers[classes] + random.normal(size=(60, 2)) * 0.6, np.ones((60, 1))])  # a 1 for the bias
    weights, reference = np.zeros((3, 3)), torch.zeros((3, 3), dtype=torch.float64, requires_grad=True)
    rows = []
    for step in range(40):
        pair = candidate.cross_entropy(points @ weights, classes)
        loss = torch.nn.functional.cross_entropy(torch.tensor(points) @ reference, torch.tensor(classes))
        (gradient,) = torch.autograd.grad(loss, reference)
        if step % 8 == 0 or step == 39:
            rows.append((step, pair, loss.item(), gradient))
        weights = weights - 0.5 * points.T @ np.asarray(pair[1])
        reference = (reference - 0.5 * gradient).detach().requires_grad_()
    for step, pair, loss, gradient in rows:
        given = f"three clouds of points, 3 classes, step {step}"
        expect("the loss", lambda pair=pair: pair[0], loss, given=given)
        expect_array("the gradient of the weights", lambda pair=pair: points.T @ np.asarray(pair[1]), gradient.numpy(),
                     given=given, aim="gradient")  # fmt: skip
    right = (np.argmax(points @ weights, axis=1) == classes).mean()
    expect("the share of points that are classified rightly, at least 0.95 (1 is yes)", lambda: float(right >= 0.95),
           1.0, given="three clouds of points after 40 steps")  # fmt: skip
