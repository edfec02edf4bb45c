"""Level 1, naive: the model, and one sentence by heart.

What it is     every part of the course in one class of ten lines; a loop that trains on the same batch again and again.
What it buys   the shortest proof that all parts work together: a sentence comes back letter by letter.
What it costs  it knows one sentence. Choosing always the likeliest token, it would repeat itself on any real text.
"""

import numpy as np

from utils.engine import (
    Embedding,
    LayerNorm,
    Module,
    Optimizer,
    Positions,
    TransformerBlock,
    cross_entropy,
    linear,
    no_grad,
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
    ids = list(map(int, ids))
    with no_grad():
        for _ in range(count):
            logits = model(np.array([ids[-model.block_size :]]))  # (1, T, vocab_size)
            ids.append(int(logits.data[0, -1].argmax()))
    return ids
