"""What the grader asks of a submission: small models with random weights, their losses, gradients and states."""

import tempfile
from pathlib import Path

import numpy as np

from utils.engine import AdamW, Momentum, cross_entropy
from utils.grading.cases import case, number_of, refuses


def model_of(candidate, draw, size=6, dropout=0.0, **more):
    """A small GPT and the number of its tokens; all its parameters are drawn anew."""
    heads, vocab = draw.integer(1, 3), draw.integer(9, 14)
    model = candidate.GPT(vocab, size, width=4 * heads, heads=heads, depth=draw.integer(1, 3), dropout=dropout,
                          rng=draw.integer(0, 10**6), **more)  # fmt: skip
    for parameter in model.parameters():
        parameter.data[...] = draw.array(*parameter.data.shape, scale=0.5)
    return model, vocab


def ids_of(draw, vocab, *shape):
    return np.random.default_rng(draw.integer(0, 10**9)).integers(0, vocab, shape)


def weights_of(model, draw):
    return [draw.along(parameter.data) for parameter in model.parameters()]


def plain(ids):
    return [number_of(one) for one in ids]


def trainer_of(candidate, draw, steps, rule, dropout=0.0, batch=2, **more):
    """A Trainer on few random ids, so that epochs are short, of a model with random weights."""
    model, vocab = model_of(candidate, draw, size=4, dropout=dropout)
    ids = ids_of(draw, vocab, (batch + 1) * 4 + draw.integer(5, 12))
    return candidate.Trainer(model, ids, rule, batch, steps, peak=0.02, warmup=3, seed=draw.integer(0, 999), **more)


class Remembering:
    """A rule that keeps a number for each place, in a dict by whole numbers, and moves less and less."""

    def __init__(self):
        self.lr, self.seen = 0.1, {}

    def step(self, params, grads):
        for k, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.seen[k] = 0.5 * self.seen.get(k, 0.0) + g
            p -= self.lr * self.seen[k]
        return params


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "GPT", step="model")
def fresh_models(candidate, draw):
    vocab, width = draw.integer(9, 20), 4 * draw.integer(1, 3)
    model = candidate.GPT(vocab, 5, width=width, heads=2, depth=2, rng=draw.integer(0, 10**6))
    x = ids_of(draw, vocab, 2, 5)
    parameters = model.parameters()
    return [number_of(model.block_size), float(len(parameters)), *weights_of(model, draw), draw.along(model(x).data)]


@case(1, "GPT", step="model")
def logits_and_gradients(candidate, draw):
    answers = []
    for length, dropout in ((6, 0.0), (draw.integer(1, 5), 0.0), (6, 0.4)):
        model, vocab = model_of(candidate, draw, dropout=dropout)
        x, y = ids_of(draw, vocab, 3, length), ids_of(draw, vocab, 3, length)
        loss = cross_entropy(model(x), y)
        loss.backward()
        answers += [number_of(loss.item()), draw.along(model.eval()(x).data)]
        answers += [draw.along(parameter.grad) for parameter in model.parameters()]
    return answers


@case(1, "memorize")
def one_batch_by_heart(candidate, draw):
    answers = []
    for rule in (AdamW(lr=0.03, in_place=True), Momentum(lr=0.1, in_place=True)):
        model, vocab = model_of(candidate, draw)
        model(ids_of(draw, vocab, 1, 2)).sum().backward()  # gradients of something else are there
        losses = candidate.memorize(model, ids_of(draw, vocab, 2, 6), ids_of(draw, vocab, 2, 6), rule, 4)
        answers += [plain(losses), *weights_of(model, draw)]
    return answers


@case(1, "continuation")
def likeliest_tokens(candidate, draw):
    answers = []
    for length in (1, 2, 7, 8, 9, 9, 9, 9):  # block_size is 6
        model, vocab = model_of(candidate, draw)
        ids = ids_of(draw, vocab, length).tolist()
        kept = list(ids)
        answers += [plain(candidate.continuation(model, ids, 3)), float(ids == kept)]
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "sample")
def drawn_tokens(candidate, draw):
    """Where only one token is left there is no chance; elsewhere the frequencies are those of the softmax."""
    model, vocab = model_of(candidate, draw, dropout=0.5)
    ids = ids_of(draw, vocab, 8).tolist()
    answers = [plain(candidate.sample(model, ids, 5, **how))
               for how in ({"temperature": 0}, {"top_k": 1, "rng": 1}, {"temperature": 1e-9, "rng": 2})]  # fmt: skip
    answers.append(float(model.training))
    model.eval()
    new = candidate.sample(model, ids, 60, temperature=1000.0, rng=draw.integer(0, 10**9))[8:]
    answers += [float(model.training), float(len(set(plain(new))) > 4), float(len(new))]
    for wrong in ({"temperature": -draw.number(signed=False)}, {"top_k": 0}):
        answers.append(refuses(ValueError, lambda how=wrong: candidate.sample(model, ids, 1, **how)))
    return [*answers, refuses(ValueError, lambda: candidate.sample(model, [], 1))]


@case(2, "sample", tolerance=0.12)
def frequencies(candidate, draw):
    model, vocab = model_of(candidate, draw, size=2)
    model.embedding.weight.data[...] *= 0.6
    ids, seeds = ids_of(draw, vocab, 1).tolist(), np.random.default_rng(draw.integer(0, 10**9))
    how = {"temperature": 2.0, "top_k": 5, "rng": seeds}
    found = [number_of(candidate.sample(model, ids, 1, **how)[-1]) for _ in range(300)]
    return (np.bincount(np.array(found, dtype=int), minlength=vocab)[:vocab] / 300).tolist()


@case(2, "validation_loss")
def every_token_once(candidate, draw):
    answers = []
    for length in (2, 7, 8, draw.integer(9, 40)):
        model, vocab = model_of(candidate, draw, dropout=0.3)
        answers += [number_of(candidate.validation_loss(model, ids_of(draw, vocab, length))), float(model.training)]
    model.embedding.weight.data[...] *= 1000.0
    return [*answers, number_of(candidate.validation_loss(model.eval(), ids_of(draw, vocab, 9))), float(model.training)]


@case(2, "Trainer.step")
def steps_of_a_training(candidate, draw):
    answers = []
    for rule in (AdamW(beta2=0.95, weight_decay=0.1, in_place=True), Momentum(in_place=True)):
        trainer = trainer_of(candidate, draw, 14, rule, dropout=0.2)
        trainer.model.eval()
        answers += [[number_of(trainer.step()), number_of(rule.lr)] for _ in range(14)]
        answers += [number_of(trainer.steps_done), plain(trainer.losses), *weights_of(trainer.model, draw)]
        answers.append(refuses(StopIteration, trainer.step))
    model, vocab = model_of(candidate, draw)
    few = ids_of(draw, vocab, 12)
    return [*answers, refuses(ValueError, lambda: candidate.Trainer(model, few, rule, 2, 5))]


@case(2, "Trainer.save", step="stop", tolerance=1e-10)
def training_taken_up_again(candidate, draw):
    """Dice, averages, losses: all that follows is the same as without a stop; the old file is not written into."""
    answers = []
    for rule in (lambda: AdamW(weight_decay=0.1, in_place=True), Remembering):
        seed = draw.integer(0, 10**9)

        def begun(rule=rule, seed=seed):
            draw.rng.seed(seed)
            return trainer_of(candidate, draw, 12, rule(), dropout=0.3)

        first = begun()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "saved"
            first.step()
            first.save(path)
            with path.open("rb") as old:
                before = path.read_bytes()
                for _ in range(4):
                    first.step()
                first.save(path)
                answers.append(float(old.read() == before))
            answers += [number_of(first.step()) for _ in range(4)]
            second = begun()
            for parameter in second.model.parameters():
                parameter.data[...] += 1.0
            second.step()
            second.load(path)
            answers += [number_of(second.steps_done), *[number_of(second.step()) for _ in range(4)]]
            answers.append(float(len(list(Path(folder).iterdir()))))
        answers += weights_of(second.model, draw)
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "GPT", step="again")
def recomputed_blocks(candidate, draw):
    answers, seed = [], draw.integer(0, 10**9)
    for recomputed in (False, True):
        draw.rng.seed(seed)
        model, vocab = model_of(candidate, draw, dropout=0.2, recomputed=recomputed)
        loss = cross_entropy(model(ids_of(draw, vocab, 2, 6)), ids_of(draw, vocab, 2, 6))
        loss.backward()
        answers += [number_of(loss.item()), *[draw.along(parameter.grad) for parameter in model.parameters()]]
    return answers


@case(3, "GPT", step="again", room=1.5)
def room_of_recomputed_blocks(candidate, draw):
    model = candidate.GPT(50, 48, width=48, heads=4, depth=8, rng=draw.integer(0, 10**6), recomputed=True)
    x = ids_of(draw, 50, 8, 48)
    loss = cross_entropy(model(x), x)
    loss.backward()
    return [number_of(loss.item()), *[draw.along(parameter.grad) for parameter in model.parameters()]]


@case(3, "Trainer.step", step="parts")
def batches_in_parts(candidate, draw):
    answers = []
    for parts in (2, 3, 9):
        trainer = trainer_of(candidate, draw, 4, Momentum(in_place=True), batch=5, parts=parts)
        answers += [number_of(trainer.step()) for _ in range(4)]
        answers += weights_of(trainer.model, draw)
    return answers
