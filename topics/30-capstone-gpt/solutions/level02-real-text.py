"""Level 2, real text: sampling, a validation loss that scores every token once, training that can be taken up again.

What changed   a Trainer keeps what a long training needs: which batch comes next, the rate of the step, and one file
               from which all goes on as if nothing had happened.
What it buys   a model of text that nobody has typed; ten minutes of it are not lost when the computer goes to sleep.
What it costs  every block keeps all its arrays from forward to backward, for the whole batch at once.
"""

import json
import os

import numpy as np

from utils.engine import (
    BatchStream,
    Embedding,
    LayerNorm,
    Module,
    Optimizer,
    Positions,
    TransformerBlock,
    clip_by_global_norm,
    cross_entropy,
    linear,
    no_grad,
    warmup_cosine,
)


class GPT(Module):
    def __init__(self, vocab_size, block_size, width=64, heads=4, depth=2, dropout=0.0, rng=None):
        rng = np.random.default_rng(rng)  # one generator for all parts
        self.block_size = block_size
        self.embedding = Embedding(vocab_size, width, rng=rng)
        self.embedding.weight.data *= 0.02  # logits near 0 at first: every token about as likely as any other
        self.positions = Positions(block_size, width, rng=rng)
        self.blocks = [
            TransformerBlock(width, heads, activation="gelu", dropout=dropout, rng=rng) for _ in range(depth)
        ]
        self.norm = LayerNorm(width)

    def forward(self, ids):
        x = self.positions(self.embedding(ids))
        for block in self.blocks:
            x = block(x, is_causal=True)
        return linear(self.norm(x), self.embedding.weight)


def memorize(model, x, y, rule, steps):
    optimizer, losses = Optimizer(model.parameters(), rule), []
    for _ in range(steps):
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def continuation(model, ids, count):
    return sample(model, ids, count, temperature=0)


def sample(model, ids, count, temperature=1.0, top_k=None, rng=None):
    ids, rng = list(map(int, ids)), np.random.default_rng(rng)
    if not ids:
        raise ValueError("a text needs a beginning: give at least one id")
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature is at least 0 and top_k at least 1; here they are {temperature} and {top_k}")
    with evaluated(model):
        for _ in range(count):
            logits = model(np.array([ids[-model.block_size :]])).data[0, -1].astype(float)
            ids.append(drawn(logits, temperature, top_k, rng))
    return ids


def drawn(logits, temperature, top_k, rng):
    """One id: the place of the largest logit at temperature 0, else drawn from the softmax of logits / temperature."""
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        logits = np.where(logits >= np.partition(logits, -top_k)[-top_k], logits, -np.inf)
    powers = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(logits), p=powers / powers.sum()))


def validation_loss(model, ids):
    ids, size = np.asarray(ids), model.block_size
    half, total, start = max(1, size // 2), 0.0, 0
    with evaluated(model):
        while start + 1 < len(ids):
            window = ids[start : start + size + 1]
            known = 0 if start == 0 else size - half  # places that the window before has scored
            logits = model(window[None, :-1]).data[0, known:].astype(float)
            targets = window[1 + known :]
            top = logits.max(axis=-1)
            normalizer = np.log(np.exp(logits - top[:, None]).sum(axis=-1)) + top
            total += float((normalizer - logits[np.arange(len(targets)), targets]).sum())
            if start + size + 1 >= len(ids):
                break
            start += half
    return total / (len(ids) - 1)


class evaluated:  # noqa: N801  read as a phrase: with evaluated(model)
    """Inside, the model is in eval mode and no graph is recorded; afterwards it is in the mode in which it was."""

    def __init__(self, model):
        self.model, self.off = model, no_grad()

    def __enter__(self):
        self.before = self.model.training
        self.model.eval()
        self.off.__enter__()

    def __exit__(self, *error):
        self.off.__exit__(*error)
        self.model.train(self.before)


# Training that can be taken up again ----------------------------------------------------------------------------------


class Trainer:
    def __init__(self, model, ids, rule, batch_size, steps, peak=0.002, warmup=100, seed=0):
        self.model, self.ids, self.rule, self.batch_size = model, ids, rule, batch_size
        self.steps, self.peak, self.warmup, self.seed = steps, peak, warmup, seed
        self.optimizer, self.losses = Optimizer(model.parameters(), rule), []
        self.per_epoch, self.epoch, self.stream = len(self._stream_of(model.block_size - 1)), None, None
        if not self.per_epoch:
            raise ValueError(f"{len(ids)} ids do not make one batch of {batch_size} windows of {model.block_size}")

    @property
    def steps_done(self):
        return len(self.losses)

    def step(self):
        if self.steps_done >= self.steps:
            raise StopIteration(f"all {self.steps} steps are done")
        n = self.steps_done
        x, y = self._batch(n)
        self.rule.lr = warmup_cosine(n + 1, self.warmup, self.steps, self.peak, self.peak / 20)
        self.model.train()
        self.optimizer.zero_grad()
        loss = cross_entropy(self.model(x), y)
        loss.backward()
        self._clip()
        self.optimizer.step()
        self.losses.append(loss.item())
        return self.losses[-1]

    def _batch(self, n):
        epoch, k = divmod(n, self.per_epoch)
        if epoch != self.epoch:
            self.epoch, self.stream = epoch, self._stream_of(epoch)
        return self.stream[k]

    def _stream_of(self, epoch):
        size = self.model.block_size
        return BatchStream(self.ids[epoch % size :], self.batch_size, size, seed=[self.seed, epoch], drop_last=True)

    def _clip(self):
        parameters = self.model.parameters()
        clipped, _ = clip_by_global_norm([parameter.grad for parameter in parameters], 1.0)
        for parameter, gradient in zip(parameters, clipped, strict=True):
            parameter.grad = gradient

    def save(self, path):
        arrays = {}
        rest = {"rule": packed(vars(self.rule), arrays), "losses": self.losses}
        rest["generators"] = [generator.bit_generator.state for generator in self._generators()]
        arrays |= {f"model.{name}": array for name, array in self.model.state_dict().items()}
        part = f"{path}.part"
        with open(part, "wb") as stream:
            np.savez(stream, rest=np.array(json.dumps(rest)), **arrays)
        os.replace(part, path)  # at no moment is there half a file under this name

    def load(self, path):
        with np.load(path) as saved:
            arrays = {name: saved[name] for name in saved.files}
        rest = json.loads(str(arrays.pop("rest")))
        model = {name.removeprefix("model."): arrays[name] for name in arrays if name.startswith("model.")}
        self.model.load_state_dict(model)
        vars(self.rule).update(unpacked(rest["rule"], arrays))
        self.losses = rest["losses"]
        for generator, state in zip(self._generators(), rest["generators"], strict=True):
            generator.bit_generator.state = state

    def _generators(self):
        things = [thing for _, part in self.model.named_modules() for thing in vars(part).values()]
        found = [thing for thing in things if isinstance(thing, np.random.Generator)]
        return list({id(generator): generator for generator in found}.values())  # Dropouts may share one


def packed(thing, arrays):
    """What a rule remembers as JSON can write it; its arrays are added to the dict `arrays`, under numbers."""
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, np.ndarray):
        arrays[str(len(arrays))] = thing
        return {"array": str(len(arrays) - 1)}
    if isinstance(thing, dict):  # as pairs: in JSON every key would become a text
        return {"dict": [[packed(part, arrays) for part in pair] for pair in thing.items()]}
    if isinstance(thing, (list, tuple)):
        return {type(thing).__name__: [packed(part, arrays) for part in thing]}
    return thing


def unpacked(thing, arrays):
    """The way back of packed."""
    if not isinstance(thing, dict):
        return thing
    ((kind, inside),) = thing.items()
    if kind == "array":
        return arrays[inside]
    if kind == "dict":
        return {unpacked(key, arrays): unpacked(part, arrays) for key, part in inside}
    return (tuple if kind == "tuple" else list)(unpacked(part, arrays) for part in inside)
