"""Levels 3 and 4: the same training in a budget of memory; and PyTorch, logit by logit and loss by loss."""

import math

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import Mismatch, Observation, expect, expect_array, observations


def gpt(candidate, block=6, seed=0, stirred=True, **more):
    """A small model; stirred: with all parameters drawn anew, so that none of them is 0 or 1."""
    model = candidate.GPT(11, block, **{"width": 8, "heads": 2, "depth": 2, "rng": seed, **more})
    if stirred:
        rng = np.random.default_rng([seed, 30])
        for parameter in model.parameters():
            parameter.data[...] = rng.normal(0.0, 0.5, parameter.data.shape)
    return model


def some_ids(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 11, shape)


def expect_true(what, holds, *, given):
    """Record whether something holds; raise Mismatch if not."""
    observations.append(Observation(what, given, "True", str(bool(holds)), bool(holds)))
    if not holds:
        raise Mismatch(observations[-1])


@pytest.fixture
def torch():
    """torch, on one thread: for products as small as these, threads only wait for one another."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


class AdamW:
    """The rule of Topic 07, in place, as torch.optim has it."""

    def __init__(self, weight_decay=0.1):
        self.lr, self.weight_decay, self.t, self.m, self.v = 0.1, weight_decay, 0, {}, {}

    def step(self, params, grads):
        self.t += 1
        for k, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.m[k] = 0.9 * self.m.get(k, 0.0) + 0.1 * g
            self.v[k] = 0.95 * self.v.get(k, 0.0) + 0.05 * g * g
            p *= 1 - self.lr * self.weight_decay
            p -= self.lr * (self.m[k] / (1 - 0.9**self.t)) / (np.sqrt(self.v[k] / (1 - 0.95**self.t)) + 1e-8)
        return params


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("GPT")
def test_recomputed_blocks_give_the_same_logits_and_gradients(candidate):
    x, y, found = some_ids(2, 5), some_ids(2, 5, seed=2), {}
    for recomputed in (False, True):
        model = gpt(candidate, dropout=0.3, recomputed=recomputed)
        losses = []
        for _ in range(2):  # the second time, the Dropouts must go on where they would be
            model.zero_grad()
            loss = candidate.cross_entropy(model(x), y)
            loss.backward()
            losses.append(float(loss.data))
        found[recomputed] = losses, [(name, np.array(p.grad)) for name, p in model.named_parameters()]
    given = "GPT(11, 6, width=8, heads=2, depth=2, dropout=0.3), forward and backward twice; recomputed=True or not"
    expect_array("the two losses", lambda: found[True][0], found[False][0], given=given, tolerance=1e-12)
    for (name, gradient), (_, wanted) in zip(found[True][1], found[False][1], strict=True):
        expect_array(f"{name}.grad", lambda g=gradient: g, wanted, given=given, tolerance=1e-11, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("Trainer.step")
def test_parts_change_no_step(candidate):
    found = {}
    for parts in (1, 2, 3, 5, 9):
        trainer = candidate.Trainer(gpt(candidate), some_ids(64), AdamW(), batch_size=5, steps=6, peak=0.05, warmup=2,
                                    parts=parts)  # fmt: skip
        found[parts] = [trainer.step() for _ in range(6)]
    for parts in (2, 3, 5, 9):
        expect_array("the losses", lambda p=parts: found[p], found[1], tolerance=1e-9,
                     given=f"6 steps of batches of 5 windows, parts={parts}, against parts=1")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("GPT")
def test_recomputed_blocks_stay_within_a_budget(candidate):
    peaks = {}
    for recomputed in (False, True):
        model = gpt(candidate, block=32, width=16, depth=8, recomputed=recomputed)
        x, y = some_ids(8, 32), some_ids(8, 32, seed=2)

        def both_ways(model=model, x=x, y=y):
            candidate.cross_entropy(model(x), y).backward()

        both_ways()  # the gradients are there from now on
        peaks[recomputed] = peak_bytes(both_ways)
    expect_at_most("the bytes of forward and backward with recomputed=True, against those without,", 0.3, peaks[True],
                   peaks[False], given="8 blocks, 8 sequences of 32 positions of width 16")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Trainer.step")
def test_a_step_stays_within_a_sixth_of_what_it_took_whole(candidate):
    peaks = {}
    for recomputed, parts in ((False, 1), (False, 4), (True, 4)):
        model = gpt(candidate, block=32, width=16, depth=8, recomputed=recomputed)
        trainer = candidate.Trainer(model, some_ids(2100), AdamW(), batch_size=16, steps=9, parts=parts)
        trainer.step()
        peaks[recomputed, parts] = peak_bytes(trainer.step)
    given = "8 blocks, 16 sequences of 32 positions of width 16"
    for (recomputed, parts), limit in (((False, 4), 0.4), ((True, 4), 0.16)):
        expect_at_most(f"the bytes of a step with recomputed={recomputed}, parts={parts}, against the step as a whole,",
                       limit, peaks[recomputed, parts], peaks[False, 1], given=given)  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level4
@pytest.mark.about("in_pytorch")
def test_the_same_weights_in_torch_give_the_same_logits_and_gradients(candidate, torch):
    model, x, y = gpt(candidate, block=16, width=16, heads=4, depth=3), some_ids(3, 12), some_ids(3, 12, seed=2)
    twin, given = candidate.in_pytorch(model), "GPT(11, 16, width=16, heads=4, depth=3), three rows of 12 ids"
    expect_true("in_pytorch(model) is a torch.nn.Module", isinstance(twin, torch.nn.Module), given=given)
    logits = twin(torch.tensor(x))
    expect_array("the logits in torch", lambda: logits.detach().numpy(), np.array(model(x).data), given=given,
                 tolerance=1e-9)  # fmt: skip
    candidate.cross_entropy(model(x), y).backward()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(y).flatten()).backward()
    ours, theirs = list(model.named_parameters()), list(twin.parameters())
    expect("the number of parameters in torch", lambda: len(theirs), len(ours), given=given)
    for (name, parameter), other in zip(ours, theirs, strict=True):
        expect_array(f"the gradient in torch of {name}", lambda p=other: p.grad.numpy(), np.array(parameter.grad),
                     given=given, tolerance=1e-9, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("in_pytorch")
def test_the_model_in_torch_is_a_copy_with_the_same_dtype_and_mode(candidate, torch):
    model, x = gpt(candidate, dropout=0.5).to(np.float32), some_ids(2, 6)
    model.eval()
    before, twin, given = np.array(model(x).data), candidate.in_pytorch(model), "a model in float32 and in eval mode"
    expect_true("every parameter in torch is float32", {p.dtype for p in twin.parameters()} == {torch.float32},
                given=given)  # fmt: skip
    expect_true("the model in torch is in eval mode", twin.training is False, given=given)
    with torch.no_grad():
        expect_array("the logits in torch", lambda: twin(torch.tensor(x)).numpy(), before, given=given, tolerance=1e-4)
        for parameter in twin.parameters():
            parameter.zero_()
    expect_array("our logits, after all weights in torch were set to 0", lambda: model(x).data, before, given=given,
                 tolerance=0)  # fmt: skip
    model.train()
    expect_true("of a model in training mode the twin is too", candidate.in_pytorch(model).training, given=given)


@pytest.mark.level4
@pytest.mark.about("Trainer.step")
def test_the_first_twenty_losses_are_those_of_torch(candidate, torch):
    ids, steps, peak, warmup = some_ids(1400), 20, 0.01, 5
    model = gpt(candidate, block=16, width=16, depth=2, stirred=False)
    twin = candidate.in_pytorch(model)
    reference, wanted = torch.optim.AdamW(twin.parameters(), lr=0.1, betas=(0.9, 0.95), weight_decay=0.1), []
    trainer = candidate.Trainer(model, ids, AdamW(), batch_size=4, steps=steps, peak=peak, warmup=warmup, seed=3)
    losses = [trainer.step() for _ in range(steps)]
    order = np.random.default_rng([3, 0]).permutation((len(ids) - 1) // 16)
    for n in range(steps):
        places = order[4 * n : 4 * n + 4, None] * 16 + np.arange(16)
        u = (n + 1 - warmup) / (steps - warmup)
        rate = peak * (n + 1) / warmup if u <= 0 else peak / 20 + 0.95 * peak * (1 + math.cos(math.pi * u)) / 2
        for group in reference.param_groups:
            group["lr"] = rate
        loss = torch.nn.functional.cross_entropy(twin(torch.tensor(ids[places])).flatten(0, 1),
                                                 torch.tensor(ids[places + 1]).flatten())  # fmt: skip
        reference.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        reference.step()
        wanted.append(loss.item())
    given = "20 steps of AdamW on batches of 4 windows of 16 ids, beside torch.optim.AdamW, in float64"
    expect_array("the losses", lambda: losses, wanted, given=given, tolerance=1e-6)
