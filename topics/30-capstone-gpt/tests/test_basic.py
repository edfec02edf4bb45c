"""Levels 1 and 2 at ordinary points: the model against its formula, sampling against chances, training by hand."""

import math

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_array, expect_refusals, expect_same, observations

VOCAB, BLOCK, WIDTH, HEADS, DEPTH = 11, 6, 8, 2, 2
SIZES = f"GPT({VOCAB}, {BLOCK}, width={WIDTH}, heads={HEADS}, depth={DEPTH})"


def gpt(candidate, seed=0, stirred=True, depth=DEPTH, **more):
    """A small model; stirred: with all parameters drawn anew, so that none of them is 0 or 1."""
    model = candidate.GPT(VOCAB, BLOCK, width=WIDTH, heads=HEADS, depth=depth, rng=seed, **more)
    if stirred:
        rng = np.random.default_rng([seed, 30])
        for parameter in model.parameters():
            parameter.data[...] = rng.normal(0.0, 0.5, parameter.data.shape)
    return model


def some_ids(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, VOCAB, shape)


def arrays_of(model):
    return {str(name): np.array(parameter.data, dtype=float) for name, parameter in model.named_parameters()}


def logits_by_hand(named, ids):
    """The formula of GPT in NumPy, head by head; ids (B, T)."""

    def normalized(x, name):
        centered = x - x.mean(axis=-1, keepdims=True)
        scaled = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
        return scaled * named[f"{name}.weight"] + named[f"{name}.bias"]

    def layer(x, name):
        return x @ named[f"{name}.weight"].T + named[f"{name}.bias"]

    time = ids.shape[1]
    x, k = named["embedding.weight"][ids] + named["positions.weight"][:time], 0
    while f"blocks.{k}.norm1.weight" in named:
        q, key, v = np.split(layer(normalized(x, f"blocks.{k}.norm1"), f"blocks.{k}.attention.qkv"), 3, axis=-1)
        mixed = np.empty_like(q)
        for head in range(HEADS):
            of = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
            scores = q[..., of] @ key[..., of].swapaxes(1, 2) / math.sqrt(WIDTH // HEADS)
            scores[:, np.triu(np.ones((time, time), dtype=bool), 1)] = -np.inf
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            mixed[..., of] = weights / weights.sum(axis=-1, keepdims=True) @ v[..., of]
        x = x + layer(mixed, f"blocks.{k}.attention.out")
        up = layer(normalized(x, f"blocks.{k}.norm2"), f"blocks.{k}.feed_forward.up")
        gelu = 0.5 * up * (1 + np.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
        x, k = x + layer(gelu, f"blocks.{k}.feed_forward.down"), k + 1
    return normalized(x, "norm") @ named["embedding.weight"].T


def surprise(logits, targets):
    """-log(probability) of each target."""
    top = logits.max(axis=-1, keepdims=True)
    logs = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(logs, np.asarray(targets)[..., None], axis=-1)[..., 0]


class Descent:
    """Gradient descent in place, the simplest rule of Topic 07; remembers with which rates."""

    def __init__(self, lr=0.1):
        self.lr, self.rates, self.norms = lr, [], []

    def step(self, params, grads):
        self.rates.append(float(self.lr))
        self.norms.append(math.sqrt(sum(float((np.asarray(g, dtype=float) ** 2).sum()) for g in grads)))
        for p, g in zip(params, grads, strict=True):
            p -= self.lr * g
        return params


class Adam(Descent):
    def __init__(self, lr):
        super().__init__(lr)
        self.t, self.m, self.v = 0, {}, {}

    def step(self, params, grads):
        self.t += 1
        for k, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.m[k] = 0.9 * self.m.get(k, 0.0) + 0.1 * g
            self.v[k] = 0.99 * self.v.get(k, 0.0) + 0.01 * g * g
            p -= self.lr * (self.m[k] / (1 - 0.9**self.t)) / (np.sqrt(self.v[k] / (1 - 0.99**self.t)) + 1e-8)
        return params


def descent_by_hand(candidate, model, pairs, rates, limit=math.inf):
    """The losses of steps on the pairs (x, y), one loss, one backward, one subtraction after the other."""
    losses = []
    for (x, y), rate in zip(pairs, rates, strict=True):
        loss = candidate.cross_entropy(model(x), y)
        for parameter in model.parameters():
            parameter.grad = None
        loss.backward()
        norm = math.sqrt(sum(float((parameter.grad**2).sum()) for parameter in model.parameters()))
        for parameter in model.parameters():
            parameter.data[...] -= rate * min(1.0, limit / norm) * parameter.grad
        losses.append(float(loss.data))
    return losses


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_the_parts_have_their_names_and_the_embedding_is_one_parameter(candidate):
    model = gpt(candidate, stirred=False)
    block = [f"{part}.{what}" for part in ("norm1", "attention.qkv", "attention.out", "norm2", "feed_forward.up",
                                           "feed_forward.down") for what in ("weight", "bias")]  # fmt: skip
    wanted = ["embedding.weight", "positions.weight", "norm.weight", "norm.bias"]
    wanted += [f"blocks.{k}.{name}" for k in range(DEPTH) for name in block]
    names = sorted(str(name) for name, _ in model.named_parameters())
    expect_same("parameters that are missing", lambda: sorted({*wanted} - {*names}), [], given=SIZES)
    expect_same("the names of the parameters, sorted", lambda: names, sorted(wanted), given=SIZES)
    count = VOCAB * WIDTH + BLOCK * WIDTH + DEPTH * (12 * WIDTH**2 + 13 * WIDTH) + 2 * WIDTH
    expect("the numbers in all parameters", lambda: sum(p.data.size for p in model.parameters()), count, given=SIZES)
    expect("block_size", lambda: model.block_size, BLOCK, given=SIZES)


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_logits_are_those_of_the_formula(candidate):
    model, ids = gpt(candidate), some_ids(2, 5)
    given = f"{SIZES} with other weights, two rows of 5 ids"
    expect_array("model(ids)", lambda: model(ids).data, logits_by_hand(arrays_of(model), ids), given=given)


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_at_first_every_token_is_about_as_likely_as_any_other(candidate):
    model = candidate.GPT(200, 16, width=32, heads=4, depth=2, rng=3)
    given = "GPT(200, 16, width=32, heads=4, depth=2)"
    drawn = candidate.Embedding(200, 32, rng=np.random.default_rng(3)).weight.data * 0.02
    expect_array("embedding.weight", lambda: model.embedding.weight.data, drawn, given=f"{given}, rng=3")
    ids = np.random.default_rng(0).integers(0, 200, (8, 17))
    logits = np.asarray(model(ids[:, :-1]).data, dtype=float)
    expect("the loss before any step", lambda: surprise(logits, ids[:, 1:]).mean(), math.log(200), given=given,
           tolerance=0.02)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("GPT")
def test_every_gradient_is_the_slope_of_the_loss(candidate):
    model, x, y = gpt(candidate), some_ids(2, 5), some_ids(2, 5, seed=2)
    candidate.cross_entropy(model(x), y).backward()
    rng = np.random.default_rng(4)
    for name, parameter in model.named_parameters():
        direction, values = rng.normal(size=parameter.data.shape), arrays_of(model)
        ends = [surprise(logits_by_hand({**values, name: values[name] + nudge * direction}, x), y).mean()
                for nudge in (1e-5, -1e-5)]  # fmt: skip
        expect(f"the slope of the loss along a direction of {name}",
               lambda p=parameter, d=direction: float((np.asarray(p.grad) * d).sum()), (ends[0] - ends[1]) / 2e-5,
               given=f"{SIZES} with other weights; two rows of 5 ids", tolerance=1e-6, aim="gradient")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("memorize")
def test_memorizing_takes_the_steps_written_out_by_hand(candidate):
    x, y = some_ids(2, 5), some_ids(2, 5, seed=2)
    losses = candidate.memorize(gpt(candidate), x, y, Descent(0.3), 4)
    wanted = descent_by_hand(candidate, gpt(candidate), [(x, y)] * 4, [0.3] * 4)
    given = f"four steps of 0.3 on two rows of 5 ids, {SIZES}"
    expect_array("the losses", lambda: losses, wanted, given=given)


SENTENCE = "to be or not to be"
LETTERS = "".join(sorted(set(SENTENCE)))
BY_HEART = f'40 steps of Adam(0.02) on "{SENTENCE}", one id a letter, depth=1'


def sentence_model(candidate):
    """A model for the letters of SENTENCE, and its ids."""
    ids = np.array([LETTERS.index(letter) for letter in SENTENCE])
    return candidate.GPT(len(LETTERS), len(ids), width=16, heads=2, depth=1, rng=0), ids


@pytest.mark.level1
@pytest.mark.about("memorize")
def test_a_sentence_is_learned_by_heart(candidate):
    model, ids = sentence_model(candidate)
    losses = candidate.memorize(model, ids[None, :-1], ids[None, 1:], Adam(0.02), 40)
    expect("the number of losses", lambda: len(losses), 40, given=BY_HEART)
    expect("the last loss", lambda: losses[-1], 0.0, given=BY_HEART, tolerance=0.1)
    likeliest = np.asarray(model(ids[None, :-1]).data)[0].argmax(axis=-1)
    expect_same("the likeliest letter after each", lambda: "".join(LETTERS[id] for id in likeliest), SENTENCE[1:],
                given=BY_HEART)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("continuation")
def test_a_sentence_is_said_back(candidate):
    model, ids = sentence_model(candidate)
    rule = Adam(0.02)
    for _ in range(40):
        loss = candidate.cross_entropy(model(ids[None, :-1]), ids[None, 1:])
        for parameter in model.parameters():
            parameter.grad = None
        loss.backward()
        rule.step([p.data for p in model.parameters()], [p.grad for p in model.parameters()])
    said = candidate.continuation(model, ids[:3].tolist(), len(ids) - 3)
    expect_same('what comes after "to "', lambda: "".join(LETTERS[int(id)] for id in said), SENTENCE, given=BY_HEART)


@pytest.mark.level1
@pytest.mark.about("continuation")
def test_each_new_id_is_the_likeliest_after_the_ones_before(candidate):
    model, start = gpt(candidate, seed=24), [3, 1, 4]  # one whose answers depend on more than the last id
    wanted = list(start)
    for _ in range(2 * BLOCK):
        last = np.array([wanted[-BLOCK:]])
        wanted.append(int(logits_by_hand(arrays_of(model), last)[0, -1].argmax()))
    given = f"{SIZES} with other weights, ids 3, 1, 4"
    expect_same("continuation(model, [3, 1, 4], 3)", lambda: candidate.continuation(model, start, 3), wanted[:6],
                given=given)  # fmt: skip
    expect_same("continuation(model, [3, 1, 4], 12), longer than a block",
                lambda: candidate.continuation(model, start, 2 * BLOCK), wanted, given=given)  # fmt: skip
    expect_same("the ids that were given, afterwards", lambda: start, [3, 1, 4], given=given)


# Level 2 --------------------------------------------------------------------------------------------------------------

CHANCES = (0.5, 0.3, 0.15, 0.05)


def loaded_die(candidate):
    """A model that gives ids 0 to 3 the probabilities CHANCES, whatever came before, and the others nearly none."""
    model = gpt(candidate, depth=1)
    named = dict(model.named_parameters())
    named["norm.weight"].data[...], named["norm.bias"].data[...] = 0.0, np.eye(WIDTH)[0]
    named["embedding.weight"].data[...] = 0.0
    named["embedding.weight"].data[:, 0] = -30.0
    named["embedding.weight"].data[:4, 0] = np.log(CHANCES)
    return model


def expect_shares(candidate, chances, count=200, **options):
    """Draw `count` ids from the loaded die, and expect about these shares of the ids 0 to 3."""
    ids = np.array(candidate.sample(loaded_die(candidate), [0], count, rng=5, **options))[1:]
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    given = f"{count} draws where ids 0 to 3 have the probabilities {', '.join(map(str, CHANCES))}; {words}"
    for id, chance in enumerate(np.array(chances) / sum(chances)):
        expect(f"the share of id {id}", lambda id=id: (ids == id).mean(), chance, given=given, tolerance=0.12)


@pytest.mark.level2
@pytest.mark.about("sample")
def test_ids_are_drawn_by_their_probability(candidate):
    expect_shares(candidate, CHANCES)


@pytest.mark.level2
@pytest.mark.about("sample")
def test_a_low_temperature_sharpens_and_a_high_one_flattens(candidate):
    expect_shares(candidate, [chance**2 for chance in CHANCES], temperature=0.5)
    expect_shares(candidate, [chance**0.5 for chance in CHANCES], temperature=2.0)


@pytest.mark.level2
@pytest.mark.about("sample")
def test_only_the_top_k_are_drawn_by_their_shares_among_themselves(candidate):
    for k in (1, 2, 3):
        ids = candidate.sample(loaded_die(candidate), [0], 60, temperature=2.0, top_k=k, rng=3)
        expect_same("the different ids that are drawn", lambda ids=ids: sorted(set(ids[1:])), list(range(k)),
                    given=f"60 draws, ids 0 to 3 with {CHANCES}, temperature=2.0, top_k={k}")  # fmt: skip
    expect_shares(candidate, [CHANCES[0], CHANCES[1], 0, 0], top_k=2)


@pytest.mark.level2
@pytest.mark.about("validation_loss")
def test_the_validation_loss_is_the_mean_surprise_of_every_id_but_the_first(candidate):
    model, half = gpt(candidate), BLOCK // 2
    for count in (2, BLOCK, BLOCK + 1, BLOCK + 2, BLOCK + half + 1, 23):
        ids = some_ids(count, seed=count)
        expect(f"validation_loss of {count} ids", lambda ids=ids: candidate.validation_loss(model, ids),
               scored_by_hand(model, ids), given=SIZES + " with other weights")  # fmt: skip


def scored_by_hand(model, ids):
    """The mean surprise, place by place, each after what the first window that holds it shows of the ids before."""
    named, size, total = arrays_of(model), model.block_size, 0.0
    half = max(1, size // 2)
    for place in range(1, len(ids)):
        start = 0 if place <= size else -(-(place - size) // half) * half
        total += surprise(logits_by_hand(named, ids[None, start:place])[0, -1:], ids[place : place + 1])[0]
    return total / (len(ids) - 1)


def batch_by_hand(ids, n, batch_size, size, seed):
    """The places in `ids` of the rows of x of step n; by the words of the contract."""
    per_epoch = ((len(ids) - (size - 1) - 1) // size) // batch_size
    epoch, k = divmod(n, per_epoch)
    shift = epoch % size
    order = np.random.default_rng([seed, epoch]).permutation((len(ids) - shift - 1) // size)
    return shift + order[k * batch_size : (k + 1) * batch_size, None] * size + np.arange(size)


def rate_by_hand(n, warmup, steps, peak):
    """warmup_cosine(n + 1, warmup, steps, peak, peak / 20)."""
    if n + 1 <= warmup:
        return peak * (n + 1) / warmup
    u = (n + 1 - warmup) / (steps - warmup)
    return peak / 20 + (peak - peak / 20) * (1 + math.cos(math.pi * u)) / 2


@pytest.mark.level2
@pytest.mark.about("Trainer.step")
def test_step_n_takes_batch_n_epoch_after_epoch(candidate):
    ids, model, seen = some_ids(58), gpt(candidate), []
    numbered = np.arange(58)
    trainer = candidate.Trainer(model, ids, Descent(), batch_size=3, steps=16, peak=0.01, warmup=3, seed=9)
    model.register_forward_hook(lambda module, inputs, output: seen.append(np.array(inputs[0])))
    for _ in range(16):
        trainer.step()
    given = f"58 ids, batch_size=3, seed=9, {SIZES}: epochs of two steps, from ids 0, 1, 2 and so on"
    expect("the number of batches", lambda: len(seen), 16, given=given)
    for n, x in enumerate(seen):
        places = numbered[batch_by_hand(ids, n, 3, BLOCK, 9)]
        expect_same(f"x of step {n}", lambda x=x: x, ids[places], given=given)


@pytest.mark.level2
@pytest.mark.about("Trainer.step")
def test_the_rate_rises_and_falls_and_gradients_are_clipped(candidate):
    rule = Descent()
    trainer = candidate.Trainer(gpt(candidate), some_ids(58), rule, batch_size=3, steps=12, peak=0.2, warmup=4)
    for _ in range(12):
        trainer.step()
    given = "12 steps with peak=0.2 and warmup=4"
    wanted = [rate_by_hand(n, 4, 12, 0.2) for n in range(12)]
    expect_array("the rate of each step", lambda: rule.rates, wanted, given=given)
    for n, norm in enumerate(rule.norms):
        expect(f"what the norm of all gradients in step {n} is beyond 1", lambda norm=norm: max(0.0, norm - 1), 0.0,
               given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Trainer.step")
def test_training_takes_the_steps_written_out_by_hand(candidate):
    ids, losses = some_ids(58), []
    trainer = candidate.Trainer(gpt(candidate), ids, Descent(), batch_size=3, steps=10, peak=0.2, warmup=4, seed=2)
    for _ in range(10):
        losses.append(trainer.step())
    places = [batch_by_hand(ids, n, 3, BLOCK, 2) for n in range(10)]
    rates = [rate_by_hand(n, 4, 10, 0.2) for n in range(10)]
    wanted = descent_by_hand(candidate, gpt(candidate), [(ids[at], ids[at + 1]) for at in places], rates, limit=1.0)
    given = f"10 steps, 58 ids, batch_size=3, seed=2, peak=0.2, warmup=4, {SIZES} with other weights"
    expect_array("what step() gives", lambda: losses, wanted, given=given)
    expect_array("trainer.losses", lambda: trainer.losses, wanted, given=given)
    expect("trainer.steps_done", lambda: trainer.steps_done, 10, given=given)
    expect_refusals(StopIteration, [("an eleventh step", trainer.step, given)])


class Keeper:
    """A rule that remembers things of many kinds: numbers, a dict by numbers, tuples of arrays, a list."""

    def __init__(self):
        self.lr, self.t, self.state, self.sizes = 0.1, 0, {}, []

    def step(self, params, grads):
        self.t += 1
        for k, (p, g) in enumerate(zip(params, grads, strict=True)):
            m, v = self.state.get(k, (np.zeros(p.shape), np.zeros(p.shape)))
            self.state[k] = m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g * g
            p -= self.lr * m / (np.sqrt(v) + 0.01) * (1 + 1 / self.t)
        self.sizes = [*self.sizes[-2:], np.float64(np.abs(m).max())]
        return params


def trainer_of(candidate, seed=0, dropout=0.3, steps=9):
    """A Trainer whose steps depend on all that a training can depend on: dropout, and a rule with a memory."""
    model = gpt(candidate, seed=seed, dropout=dropout)
    return candidate.Trainer(model, some_ids(58), Keeper(), batch_size=3, steps=steps, peak=0.05, warmup=2, seed=4)


@pytest.mark.level2
@pytest.mark.about("Trainer.load")
def test_a_loaded_training_goes_on_with_the_same_losses(candidate, tmp_path):
    whole = trainer_of(candidate)
    wanted = [whole.step() for _ in range(9)]
    for stopped in (1, 4, 9):
        path, first, second = tmp_path / f"after{stopped}", trainer_of(candidate), trainer_of(candidate, seed=7)
        for _ in range(stopped):
            first.step()
        first.save(path)
        second.load(path)
        given = f"9 steps with dropout, saved after step {stopped} and taken up by a new Trainer with other weights"
        expect("steps_done after load", lambda s=second: s.steps_done, stopped, given=given)
        while second.steps_done < 9:
            second.step()
        expect_array("all losses", lambda s=second: s.losses, wanted, given=given, tolerance=0)
        for (name, ours), theirs in zip(second.model.named_parameters(), whole.model.parameters(), strict=True):
            expect_array(f"{name} at the end", lambda p=ours: p.data, theirs.data, given=given, tolerance=0)


@pytest.mark.level2
@pytest.mark.about("Trainer.save")
def test_saving_writes_one_file_and_disturbs_nothing(candidate, tmp_path):
    path, trainer, undisturbed = tmp_path / "training", trainer_of(candidate), trainer_of(candidate)
    for _ in range(5):
        trainer.step()
        trainer.save(str(path))
    given = "5 steps, each followed by save(path)"
    expect_same("the files in the folder", lambda: sorted(file.name for file in tmp_path.iterdir()), ["training"],
                given=given)  # fmt: skip
    expect_array("the losses", lambda: trainer.losses, [undisturbed.step() for _ in range(5)], given=given, tolerance=0)


def expect_true(what, holds, *, given):
    """Record whether something holds; raise Mismatch if not."""
    observations.append(Observation(what, given, "True", str(bool(holds)), bool(holds)))
    if not holds:
        raise Mismatch(observations[-1])


@pytest.mark.level2
@pytest.mark.about("Trainer.save")
def test_a_save_that_is_stopped_leaves_the_old_file(candidate, tmp_path, monkeypatch):
    path, trainer = tmp_path / "training", trainer_of(candidate)
    trainer.step()
    trainer.save(path)
    before = path.read_bytes()
    trainer.step()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # the moment before a new file takes the old one's place
        patch.setattr("os.replace", killed)
        patch.setattr("os.rename", killed)
        try:
            trainer.save(path)
        except KeyboardInterrupt:
            pass
    given = "save(path) after step 1, and again after step 2, ended when the new file would replace the old one"
    expect_true("the file is as it was", path.read_bytes() == before, given=given)
    again = trainer_of(candidate, seed=7)
    again.load(path)
    expect("steps_done of the file", lambda: again.steps_done, 1, given=given)
    trainer.save(path)
    again.load(path)
    expect("steps_done after a save that nobody stops", lambda: again.steps_done, 2, given=given)
