"""Levels 1 and 2 at the edges: what may not be seen, modes, seeds, windows of odd sizes, and what is refused."""

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_array, expect_refusals, expect_same, observations


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


class Descent:
    """Gradient descent in place, the simplest rule of Topic 07."""

    def __init__(self, lr=0.1):
        self.lr = lr

    def step(self, params, grads):
        for p, g in zip(params, grads, strict=True):
            p -= self.lr * g
        return params


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_a_later_token_changes_no_earlier_logit(candidate):
    model, ids = gpt(candidate), some_ids(1, 6)
    before = np.array(model(ids).data)
    for place in range(6):
        other = ids.copy()
        other[0, place] = (other[0, place] + 1) % 11
        after = np.array(model(other).data)
        given = f"GPT(11, 6, width=8, heads=2, depth=2), 6 ids, of which that at place {place} is changed"
        expect_array(f"the logits at the places before {place}", lambda a=after, p=place: a[:, :p], before[:, :place],
                     given=given)  # fmt: skip
        expect_true(f"the logits from place {place} on are others", (after != before)[:, place:].any(axis=-1).all(),
                    given=given)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_the_same_token_at_another_place_is_another_question(candidate):
    model = gpt(candidate)
    logits = np.array(model(np.zeros((1, 6), dtype=int)).data)[0]
    given = "GPT(11, 6, width=8, heads=2, depth=2), six times id 0"
    for place in range(1, 6):
        expect_true(f"the logits at places {place - 1} and {place} differ",
                    np.abs(logits[place] - logits[place - 1]).max() > 1e-6, given=given)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_a_seed_replays_a_model_and_no_block_repeats_another(candidate):
    one, again, other = (gpt(candidate, seed=seed, stirred=False) for seed in (5, 5, 6))
    pairs = list(zip(one.named_parameters(), again.parameters(), other.parameters(), strict=True))
    for (name, first), second, third in pairs:
        expect_array(name, lambda p=first: p.data, second.data, given="rng=5, twice", tolerance=0)
        if first.data.std() > 0:
            expect_true(f"{name} with rng=6 is another", (first.data != third.data).all(), given="rng=5 and rng=6")
    weights = [np.array(block.attention.qkv.weight.data) for block in one.blocks]
    expect_true("the two blocks have different weights", (weights[0] != weights[1]).all(), given="rng=5")
    generator = np.random.default_rng(5)
    drawn = candidate.GPT(11, 6, width=8, heads=2, depth=2, rng=generator)
    last, wanted = drawn.blocks[1].feed_forward.down, one.blocks[1].feed_forward.down
    expect_array("a weight of the last block", lambda: last.weight.data, wanted.weight.data,
                 given="rng=default_rng(5) and rng=5", tolerance=0)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_dropout_drops_in_training_and_not_in_eval(candidate):
    calm, model, ids = gpt(candidate), gpt(candidate, dropout=0.5), some_ids(2, 6)
    given = "GPT(11, 6, width=8, heads=2, depth=2, dropout=0.5)"
    first, second = (np.array(model(ids).data) for _ in range(2))
    expect_true("in training two forwards differ", (first != second).all(), given=given)
    model.eval()
    expect_array("the logits in eval mode", lambda: model(ids).data, np.array(calm(ids).data),
                 given=f"{given}, and the same weights without dropout")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("memorize")
def test_gradients_left_over_count_for_nothing(candidate):
    x, y = some_ids(2, 5), some_ids(2, 5, seed=2)
    wanted = candidate.memorize(gpt(candidate), x, y, Descent(0.3), 3)
    used = gpt(candidate)
    for parameter in used.parameters():
        parameter.grad = np.ones(parameter.data.shape)
    losses = candidate.memorize(used, x, y, Descent(0.3), 3)
    given = "three steps of 0.3 by a model whose gradients are all 1 before"
    expect_array("the losses", lambda: losses, np.asarray(wanted), given=given)


@pytest.mark.level1
@pytest.mark.about("continuation")
def test_nothing_is_added_where_nothing_is_asked_for(candidate):
    model = gpt(candidate)
    given = "GPT(11, 6, width=8, heads=2, depth=2)"
    expect_same("continuation(model, [7, 2], 0)", lambda: candidate.continuation(model, [7, 2], 0), [7, 2], given=given)
    expect_same("continuation(model, an array 7, 2, 1), 1)[:3]",
                lambda: candidate.continuation(model, np.array([7, 2, 1]), 1)[:3], [7, 2, 1], given=given)  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("sample")
def test_at_temperature_zero_the_likeliest_is_taken(candidate):
    model = gpt(candidate)
    given = "GPT(11, 6, width=8, heads=2, depth=2), ids 3, 1, 4"
    wanted = candidate.continuation(model, [3, 1, 4], 12)
    expect_same("sample at temperature 0", lambda: candidate.sample(model, [3, 1, 4], 12, temperature=0), wanted,
                given=given)  # fmt: skip
    expect_same("sample with top_k=1", lambda: candidate.sample(model, [3, 1, 4], 12, top_k=1, rng=2), wanted,
                given=given)  # fmt: skip
    expect_same("sample at temperature 0.0001", lambda: candidate.sample(model, [3, 1, 4], 12, 0.0001, rng=2), wanted,
                given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("sample")
def test_a_seed_replays_a_sample_and_a_generator_goes_on(candidate):
    model, start = gpt(candidate), [3, 1]
    first, again, other = (list(candidate.sample(model, start, 30, 2.0, rng=seed)) for seed in (5, 5, 6))
    given = "30 ids at temperature 2"
    expect_true("rng=5, twice, draws the same ids", again == first, given=given)
    expect_true("rng=6 gives others", other != first, given=given)
    generator = np.random.default_rng(5)
    expect_same("rng=default_rng(5)", lambda: candidate.sample(model, start, 30, 2.0, rng=generator), first,
                given=given)  # fmt: skip
    more = list(candidate.sample(model, start, 30, 2.0, rng=generator))
    expect_true("the same generator, a second time, gives others", more != first, given=given)
    expect_same("the ids that were given, afterwards", lambda: start, [3, 1], given=given)


@pytest.mark.level2
@pytest.mark.about("sample")
def test_sampling_drops_nothing_and_leaves_the_mode_as_it_was(candidate):
    model = gpt(candidate, dropout=0.5)
    model.eval()
    wanted, seen = candidate.sample(model, [3], 20, temperature=0), []
    model.register_forward_hook(lambda module, inputs, output: seen.append(bool(output.requires_grad)))
    for mode in (True, False):
        model.train(mode)
        given = f"a model with dropout=0.5 in {'training' if mode else 'eval'} mode"
        expect_same("sample at temperature 0", lambda: candidate.sample(model, [3], 20, temperature=0), wanted,
                    given=given)  # fmt: skip
        expect_true(f"model.training is {mode} afterwards", model.training is mode, given=given)
        modes = {bool(part.training) for _, part in model.named_modules()}
        expect_true("and so is that of all its parts", modes == {mode}, given=given)
    expect_true("no graph is recorded", not any(seen), given="sample")


@pytest.mark.level2
@pytest.mark.about("sample")
def test_what_makes_no_sense_is_refused(candidate):
    model = gpt(candidate)
    given = "GPT(11, 6, width=8, heads=2, depth=2)"
    expect("the ids of sample(model, [0], 2, top_k=100)",
           lambda: len(candidate.sample(model, [0], 2, top_k=100, rng=0)), 3, given=given)  # fmt: skip
    expect_refusals(ValueError, [
        ("a temperature of -1", lambda: candidate.sample(model, [0], 2, temperature=-1.0), given),
        ("top_k=0", lambda: candidate.sample(model, [0], 2, top_k=0), given),
        ("top_k=-1", lambda: candidate.sample(model, [0], 2, top_k=-1), given),
        ("no id to begin with", lambda: candidate.sample(model, [], 2), given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("validation_loss")
def test_windows_of_any_size_score_every_id_once(candidate):
    for block in (1, 2, 5, 7):
        model = gpt(candidate, block=block)
        ids = some_ids(3 * block + 4, seed=block)
        half, total = max(1, block // 2), 0.0
        for place in range(1, len(ids)):
            start = 0 if place <= block else -(-(place - block) // half) * half
            last = np.asarray(model(ids[None, start:place]).data, dtype=float)[0, -1]
            total += np.log(np.exp(last - last.max()).sum()) + last.max() - last[ids[place]]
        expect("validation_loss", lambda m=model, i=ids: candidate.validation_loss(m, i), total / (len(ids) - 1),
               given=f"block_size {block}, {len(ids)} ids")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("validation_loss")
def test_scoring_drops_nothing_records_nothing_and_leaves_the_mode_as_it_was(candidate):
    model, ids = gpt(candidate, dropout=0.5), some_ids(20).tolist()
    model.eval()
    wanted, seen = float(candidate.validation_loss(model, ids)), []
    model.register_forward_hook(lambda module, inputs, output: seen.append(bool(output.requires_grad)))
    for mode in (True, False):
        model.train(mode)
        given = f"a model with dropout=0.5 in {'training' if mode else 'eval'} mode, 20 ids"
        expect("validation_loss", lambda: candidate.validation_loss(model, ids), wanted, given=given)
        expect_true(f"model.training is {mode} afterwards", model.training is mode, given=given)
    expect_true("no graph is recorded", not any(seen), given="validation_loss")


@pytest.mark.level2
@pytest.mark.about("validation_loss")
def test_large_logits_make_no_infinities(candidate):
    model = gpt(candidate)
    for name, parameter in model.named_parameters():
        if name == "norm.weight":
            parameter.data *= 5000.0
    expect_true("validation_loss is finite", np.isfinite(candidate.validation_loss(model, some_ids(12))),
                given="a model whose logits are thousands apart")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Trainer.step")
def test_a_step_is_taken_in_training_mode(candidate):
    model, modes = gpt(candidate, dropout=0.2), []
    trainer = candidate.Trainer(model, some_ids(58), Descent(), batch_size=3, steps=4, warmup=2)
    model.register_forward_hook(lambda module, inputs, output: modes.append(bool(module.training)))
    trainer.step()
    model.eval()
    trainer.step()
    expect_same("model.training during the two steps", lambda: [int(mode) for mode in modes], [1, 1],
                given="two steps, with model.eval() between them")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Trainer.step")
def test_too_few_ids_for_a_batch_are_refused(candidate):
    model = gpt(candidate)

    def trainer(count):
        return candidate.Trainer(model, some_ids(count), Descent(), batch_size=3, steps=4)

    expect("steps_done", lambda: trainer(24).steps_done, 0, given="24 ids, block_size 6, batch_size 3")
    trainer(24).step()
    expect_refusals(ValueError, [
        ("a trainer", lambda: trainer(23), "23 ids, block_size 6, batch_size 3: from id 5 on there are two windows"),
    ])  # fmt: skip
