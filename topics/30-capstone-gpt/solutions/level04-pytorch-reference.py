"""Level 4, the PyTorch reference: the same names; forward, backward, sampling, scoring and saving are torch's.

What changed   the whole model is one operation: its forward is written in torch.nn.functional, its vjps ask
               torch.autograd.grad, and torch.utils.checkpoint recomputes. Tokens are drawn by torch.multinomial, the
               validation is F.cross_entropy, a checkpoint is written by torch.save.
What it buys   an oracle that shares no formula with the levels below. Run this file to see the first losses of level 3
               beside those of a plain PyTorch training with torch.optim.AdamW.
What it costs  torch, some hundreds of megabytes to install. The parts of the model are kept for their parameters, their
               names and the masks of their Dropouts, which NumPy draws, so that both sides drop the same numbers.
"""

import os

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses
from torch import nn
from torch.utils.checkpoint import checkpoint

from utils.engine import (
    BatchStream,
    Embedding,
    LayerNorm,
    Module,
    Optimizer,
    Positions,
    Tensor,
    TransformerBlock,
    cross_entropy,
    operation,
    warmup_cosine,
)


class GPT(Module):
    def __init__(self, vocab_size, block_size, width=64, heads=4, depth=2, dropout=0.0, rng=None, recomputed=False):
        rng = np.random.default_rng(rng)
        self.block_size, self.heads, self.recomputed = block_size, heads, recomputed
        self.embedding = Embedding(vocab_size, width, rng=rng)
        self.embedding.weight.data *= 0.02
        self.positions = Positions(block_size, width, rng=rng)
        self.blocks = [
            TransformerBlock(width, heads, activation="gelu", dropout=dropout, rng=rng) for _ in range(depth)
        ]
        self.norm = LayerNorm(width)

    def forward(self, ids):
        names, parameters = zip(*self.named_parameters(), strict=True)
        return _logits(*parameters, names=names, model=self, ids=torch.as_tensor(np.asarray(ids)))


@operation
def _logits(*parameters, names, model, ids):
    leaves = [torch.tensor(array, requires_grad=True) for array in parameters]
    masks = _masks(model, (*ids.shape, leaves[0].shape[1]), leaves[0].dtype)
    result = logits(dict(zip(names, leaves, strict=True)), ids, model.heads, masks, model.recomputed)

    def vjps(g):
        return [gradient.numpy().copy() for gradient in torch.autograd.grad(result, leaves, torch.tensor(g))]

    return result.detach().numpy(), vjps


def logits(named, ids, heads, masks, recomputed=False):
    """The formula of GPT in torch: `named` are tensors by the names of the parameters, `masks` two for each block."""
    x = F.embedding(ids, named["embedding.weight"]) + named["positions.weight"][: ids.shape[1]]
    for k, pair in enumerate(masks):
        prefix = f"blocks.{k}."
        part = {name.removeprefix(prefix): one for name, one in named.items() if name.startswith(prefix)}
        if recomputed:
            x = checkpoint(block, x, part, heads, pair, use_reentrant=False)
        else:
            x = block(x, part, heads, pair)
    return F.linear(normalized(x, named, "norm"), named["embedding.weight"])


def block(x, named, heads, masks):
    def apart(part):
        return part.unflatten(-1, (heads, -1)).transpose(1, 2)

    def layer(x, name):
        return F.linear(x, named[f"{name}.weight"], named[f"{name}.bias"])

    q, k, v = map(apart, layer(normalized(x, named, "norm1"), "attention.qkv").chunk(3, dim=-1))
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
    x = x + layer(mixed, "attention.out") * masks[0]
    made = F.gelu(layer(normalized(x, named, "norm2"), "feed_forward.up"), approximate="tanh")
    return x + layer(made, "feed_forward.down") * masks[1]


def normalized(x, named, name):
    return F.layer_norm(x, x.shape[-1:], named[f"{name}.weight"], named[f"{name}.bias"])


def _masks(model, shape, dtype):
    """For each block what its two Dropouts multiply by, drawn in the order in which the levels below draw."""
    ones = Tensor(np.ones(shape))
    return [[torch.tensor(dropout(ones).data, dtype=dtype) for dropout in (one.dropout1, one.dropout2)]
            for one in model.blocks]  # fmt: skip


def memorize(model, x, y, rule, steps):
    optimizer = Optimizer(model.parameters(), rule)
    return [_step(model, x, y, optimizer) for _ in range(steps)]


def _step(model, x, y, optimizer, parts=1, limit=None):
    """One step on a batch, in parts; with a limit, the gradients are clipped to that global norm."""
    optimizer.zero_grad()
    model.train()
    x, y, loss = torch.as_tensor(np.asarray(x)), torch.as_tensor(np.asarray(y)), 0.0
    for some, wanted in zip(x.tensor_split(min(parts, len(x))), y.tensor_split(min(parts, len(y))), strict=True):
        part = cross_entropy(model(some.numpy()), wanted.numpy()) * (len(some) / len(x))
        part.backward()
        loss += part.item()
    if limit is not None:
        norm = torch.linalg.vector_norm(torch.cat([torch.tensor(p.grad).flatten() for p in model.parameters()])).item()
        for parameter in model.parameters():  # nn.utils.clip_grad_norm_ adds 1e-6 to the norm
            parameter.grad = parameter.grad * min(1.0, limit / norm)
    optimizer.step()
    return loss


def continuation(model, ids, count):
    return sample(model, ids, count, temperature=0)


def sample(model, ids, count, temperature=1.0, top_k=None, rng=None):
    ids = [int(id) for id in ids]
    if not ids or temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError("give at least one id, a temperature of at least 0, and top_k of at least 1")
    generator = torch.Generator().manual_seed(int(np.random.default_rng(rng).integers(2**62)))
    before, twin = model.training, in_pytorch(model).eval()
    with torch.inference_mode():
        for _ in range(count):
            last = twin(torch.tensor([ids[-model.block_size :]]))[0, -1].double()
            if temperature == 0:
                ids.append(int(last.argmax()))
                continue
            largest = last.topk(min(top_k or len(last), len(last)))
            drawn = torch.multinomial((largest.values / temperature).softmax(-1), 1, generator=generator)
            ids.append(int(largest.indices[drawn]))
    model.train(before)
    return ids


def validation_loss(model, ids):
    ids, size = torch.as_tensor(np.asarray(ids)), model.block_size
    twin, total, scored = in_pytorch(model).eval(), 0.0, 1
    with torch.inference_mode():
        for start in range(0, len(ids), max(1, size // 2)):
            window = ids[start : start + size + 1]
            new = start + len(window) - scored  # ids that no window has scored
            if new > 0:
                last = twin(window[None, :-1])[0, -new:].double()
                total += F.cross_entropy(last, window[-new:], reduction="sum").item()
                scored += new
    return total / (len(ids) - 1)


class Trainer:
    def __init__(self, model, ids, rule, batch_size, steps, peak=0.002, warmup=100, seed=0, parts=1):
        self.model, self.rule, self.optimizer = model, rule, Optimizer(model.parameters(), rule)
        self.steps, self.peak, self.warmup, self.parts, self.losses = steps, peak, warmup, parts, []
        size = model.block_size

        def stream(epoch):
            return BatchStream(ids[epoch % size :], batch_size, size, seed=[seed, epoch], drop_last=True)

        self.stream, self.per_epoch = stream, len(stream(size - 1))
        if not self.per_epoch:
            raise ValueError(f"{len(ids)} ids are too few for a batch")

    steps_done = property(lambda self: len(self.losses))

    def step(self):
        if self.steps_done >= self.steps:
            raise StopIteration
        epoch, k = divmod(self.steps_done, self.per_epoch)
        self.rule.lr = warmup_cosine(self.steps_done + 1, self.warmup, self.steps, self.peak, self.peak / 20)
        self.losses.append(_step(self.model, *self.stream(epoch)[k], self.optimizer, self.parts, limit=1.0))
        return self.losses[-1]

    def save(self, path):
        state = {"model": self.model.state_dict(), "rule": vars(self.rule), "losses": self.losses}
        state["generators"] = [one.rng.bit_generator.state for one in self._dropouts()]
        torch.save(state, f"{path}.part")
        os.replace(f"{path}.part", path)

    def load(self, path):
        state = torch.load(path, weights_only=False)  # a file of our own: it may hold any object
        self.model.load_state_dict(state["model"])
        vars(self.rule).update(state["rule"])
        self.losses = state["losses"]
        for one, generator in zip(self._dropouts(), state["generators"], strict=True):
            one.rng.bit_generator.state = generator

    def _dropouts(self):
        return [part for _, part in self.model.named_modules() if hasattr(part, "rng")]


def in_pytorch(model):
    return Twin(model).train(model.training)


class Twin(nn.Module):
    """Copies of a model's parameters, in its order; forward is `logits` above."""

    def __init__(self, model):
        super().__init__()
        self.names, self.heads = [name for name, _ in model.named_parameters()], model.heads
        self.rates = [(block.dropout1.p, block.dropout2.p) for block in model.blocks]
        self.copies = nn.ParameterList(torch.tensor(parameter.data) for parameter in model.parameters())

    def forward(self, ids):
        named = dict(zip(self.names, self.copies, strict=True))
        ones = torch.ones(*ids.shape, self.copies[0].shape[1], dtype=self.copies[0].dtype)
        masks = [[F.dropout(ones, rate, self.training) for rate in pair] for pair in self.rates]
        return logits(named, ids, self.heads, masks)


def main():
    from pathlib import Path

    from utils.course.loading import load
    from utils.engine import AdamW

    level3 = load(Path(__file__).with_name("level03-memory-efficient.py"))
    ids = np.random.default_rng(0).integers(0, 60, 4000)
    model = level3.GPT(60, 32, width=32, heads=4, depth=2, rng=1)
    twin = level3.in_pytorch(model)
    trainer = level3.Trainer(model, ids, AdamW(), batch_size=4, steps=20, peak=0.01, warmup=5)
    reference = torch.optim.AdamW(twin.parameters(), weight_decay=0.01)
    print(f"{'step':>5} {'level 3':>18} {'PyTorch':>18}   differ by")
    for n, (x, y) in enumerate(list(BatchStream(ids, 4, 32, seed=[0, 0], drop_last=True))[:20], start=1):
        for group in reference.param_groups:
            group["lr"] = warmup_cosine(n, 5, 20, 0.01, 0.0005)
        loss = F.cross_entropy(twin(torch.tensor(x)).flatten(0, 1), torch.tensor(y).flatten())
        reference.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        reference.step()
        ours = trainer.step()
        print(f"{n:>5} {ours:>18.14f} {loss.item():>18.14f}   {abs(ours - loss.item()):.0e}")


if __name__ == "__main__":
    main()
