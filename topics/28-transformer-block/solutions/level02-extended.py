"""Level 2, extended: GELU as an operation of its own, dropout before each sum, masks handed through.

What changed   the activation can be chosen; what attention and feed_forward make passes a Dropout before it is added;
               whoever calls the block says what a position may look at.
What it buys   the block that GPT is built from: causal, regularized, smooth.
What it costs  every block keeps all its arrays from forward to backward, 30 or so of the size of x.
"""

import math

import numpy as np

from utils.engine import Dropout, LayerNorm, Linear, Module, Parameter, SelfAttention, Tensor, operation


class Positions(Module):
    def __init__(self, size, width, rng=None):
        self.weight = Parameter(np.random.default_rng(rng).normal(0.0, 0.02, (size, width)))

    def forward(self, x):
        time, size = x.shape[-2], len(self.weight.data)
        if time > size:
            raise ValueError(f"there are vectors for {size} positions; this sequence has {time}")
        return x + self.weight[:time]


@operation
def gelu(x):
    scale = math.sqrt(2 / math.pi)
    t = np.tanh(scale * (x + 0.044715 * x * x * x))

    def back_to_x(g):
        inner = scale * (1 + 3 * 0.044715 * x * x)  # the slope of what tanh is taken of
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner)

    return 0.5 * x * (1 + t), (back_to_x,)


ACTIVATIONS = {"relu": Tensor.relu, "gelu": gelu}


class FeedForward(Module):
    def __init__(self, width, hidden, activation="relu", rng=None):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}")
        rng = np.random.default_rng(rng)  # one generator for both layers
        self.up, self.down = Linear(width, hidden, rng=rng), Linear(hidden, width, rng=rng)
        self.activation = activation

    def forward(self, x):
        return self.down(ACTIVATIONS[self.activation](self.up(x)))


class TransformerBlock(Module):
    def __init__(self, width, heads, hidden=None, activation="relu", dropout=0.0, rng=None):
        rng = np.random.default_rng(rng)
        self.norm1, self.attention = LayerNorm(width), SelfAttention(width, heads, rng=rng)
        self.norm2, self.feed_forward = LayerNorm(width), FeedForward(width, hidden or 4 * width, activation, rng=rng)
        self.dropout1, self.dropout2 = Dropout(dropout, rng=rng), Dropout(dropout, rng=rng)

    def forward(self, x, attn_mask=None, is_causal=False):
        x = x + self.dropout1(self.attention(self.norm1(x), attn_mask, is_causal))
        return x + self.dropout2(self.feed_forward(self.norm2(x)))
