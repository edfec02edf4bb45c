"""Level 1, naive: the block as its formula says, out of modules that are there.

What it is     two residual connections around attention and a small network, each of which sees its input normalized.
What it buys   the whole block is four lines of forward.
What it costs  no dropout, no smooth activation, no mask; everything that is computed waits for backward.
"""

import numpy as np

from utils.engine import LayerNorm, Linear, Module, Parameter, SelfAttention, Tensor


class Positions(Module):
    def __init__(self, size, width, rng=None):
        self.weight = Parameter(np.random.default_rng(rng).normal(0.0, 0.02, (size, width)))

    def forward(self, x):
        time, size = x.shape[-2], len(self.weight.data)
        if time > size:
            raise ValueError(f"there are vectors for {size} positions; this sequence has {time}")
        return x + self.weight[:time]


class FeedForward(Module):
    def __init__(self, width, hidden, activation="relu", rng=None):
        if activation != "relu":
            raise ValueError(f"activation is 'relu', not {activation!r}")
        rng = np.random.default_rng(rng)  # one generator for both layers
        self.up, self.down = Linear(width, hidden, rng=rng), Linear(hidden, width, rng=rng)

    def forward(self, x):
        return self.down(Tensor.relu(self.up(x)))


class TransformerBlock(Module):
    def __init__(self, width, heads, hidden=None, activation="relu", rng=None):
        rng = np.random.default_rng(rng)
        self.norm1, self.attention = LayerNorm(width), SelfAttention(width, heads, rng=rng)
        self.norm2, self.feed_forward = LayerNorm(width), FeedForward(width, hidden or 4 * width, activation, rng=rng)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))
