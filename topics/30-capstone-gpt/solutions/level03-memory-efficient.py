"""Level 3, memory-efficient: one block's activations at a time, one part of a batch at a time.

What changed   with `recomputed` each block keeps its input only, and is computed again on the way back; a batch may be
               taken in parts, whose gradients add up before the one step.
What it buys   recomputed and in four parts, a step of eight blocks of width 32 on 16 sequences of 32 positions takes
               2.6 MB at most instead of 31; that of the ten-minute model 11 MB instead of 40. What is left there is
               gradients, and their copies in float64 for AdamW.
What it costs  one more forward of every block, and smaller matrix products for each part: 1.4 times as much time for
               the first of the two, 1.1 times for the other.
"""

import json
import math
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
    cross_entropy,
    linear,
    no_grad,
    recompute,
    warmup_cosine,
)


class GPT(Module):
    def __init__(self, vocab_size, block_size, width=64, heads=4, depth=2, dropout=0.0, rng=None, recomputed=False):
        rng = np.random.default_rng(rng)  # one generator for all parts
        self.block_size, self.recomputed = block_size, recomputed
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
            x = recompute(block, x, is_causal=True) if self.recomputed else block(x, is_causal=True)
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
    def __init__(self, model, ids, rule, batch_size, steps, peak=0.002, warmup=100, seed=0, parts=1):
        self.model, self.ids, self.rule, self.batch_size = model, ids, rule, batch_size
        self.steps, self.peak, self.warmup, self.seed, self.parts = steps, peak, warmup, seed, parts
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
        loss = 0.0
        for rows in np.array_split(np.arange(len(x)), min(self.parts, len(x))):
            share = len(rows) / len(x)  # the mean over the batch is the mean over its parts, by their share
            part = cross_entropy(self.model(x[rows]), y[rows]) * share
            part.backward()  # adds to the gradients, and frees the graph before the next part
            loss += part.item()
        self._clip()
        self.optimizer.step()
        self.losses.append(loss)
        return loss

    def _batch(self, n):
        epoch, k = divmod(n, self.per_epoch)
        if epoch != self.epoch:
            self.epoch, self.stream = epoch, self._stream_of(epoch)
        return self.stream[k]

    def _stream_of(self, epoch):
        size = self.model.block_size
        return BatchStream(self.ids[epoch % size :], self.batch_size, size, seed=[self.seed, epoch], drop_last=True)

    def _clip(self):
        gradients = [parameter.grad for parameter in self.model.parameters()]
        # Sums in float64, as clip_by_global_norm has them, without its copies in float64: einsum casts bit by bit.
        squares = [np.einsum("i,i->", flat, flat, dtype=float) for flat in map(np.ravel, gradients)]
        norm = math.sqrt(sum(squares))
        if norm > 1:
            for gradient in gradients:
                gradient *= 1 / norm

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


# Back to PyTorch ------------------------------------------------------------------------------------------------------


def in_pytorch(model):
    import torch  # only here: everything above runs without it
    from torch import nn
    from torch.nn import functional as F  # noqa: N812  the name that everybody uses

    class Block(nn.Module):
        def __init__(self, width, heads, dropout):
            super().__init__()
            self.heads, self.dropout = heads, dropout
            self.norm1 = nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.norm2 = nn.LayerNorm(width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            def apart(part):
                return part.unflatten(-1, (self.heads, -1)).transpose(1, 2)

            q, k, v = map(apart, self.qkv(self.norm1(x)).chunk(3, dim=-1))
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
            x = x + F.dropout(self.out(mixed), self.dropout, self.training)
            made = self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))
            return x + F.dropout(made, self.dropout, self.training)

    class TorchGPT(nn.Module):
        def __init__(self, vocab_size, width, heads, depth, dropout):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, width)
            self.positions = nn.Embedding(model.block_size, width)
            self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(depth)])
            self.norm = nn.LayerNorm(width)

        def forward(self, ids):
            x = self.embedding(ids) + self.positions.weight[: ids.shape[1]]
            for block in self.blocks:
                x = block(x)
            return F.linear(self.norm(x), self.embedding.weight)

    vocab_size, width = model.embedding.weight.shape
    heads, dropout = model.blocks[0].attention.heads, model.blocks[0].dropout1.p
    twin = TorchGPT(vocab_size, width, heads, len(model.blocks), dropout).train(model.training)
    twin.to(torch.from_numpy(model.norm.weight.data).dtype)
    with torch.no_grad():
        for theirs, ours in zip(twin.parameters(), model.parameters(), strict=True):
            theirs.copy_(torch.from_numpy(ours.data))
    return twin
