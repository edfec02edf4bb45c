"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 28` copies this file to `workspace/transformer_block.py`. You work there. Nothing in it is ever
overwritten. The tensors, the layers and `operation` come from your engine: leave that import where it is.

A *residual* connection adds what a layer makes to what came in: x + layer(x). *Pre-norm* means that a layer sees its
input normalized, while the sum does not pass through any normalization.

`rng` is, as in Topic 09, None, a seed or a Generator. Sizes: B sequences, T positions, width numbers at each position.
"""

import numpy as np  # noqa: F401

from utils.engine import (  # noqa: F401  yours where you own them, else the stub's
    Dropout,
    LayerNorm,
    Linear,
    Module,
    Parameter,
    SelfAttention,
    Tensor,
    no_grad,
    operation,
)  # fmt: skip

# Level 1: the block ---------------------------------------------------------------------------------------------------


class Positions(Module):
    """Adds a learned vector to each position: x (B, T, width) -> x + weight[:T].

    `weight` is a Parameter (size, width), drawn from `rng` with standard deviation 0.02. Raises ValueError where T is
    larger than `size`.
    """

    def __init__(self, size, width, rng=None):
        raise NotImplementedError("Positions")

    def forward(self, x):
        """x (B, T, width) -> the same shape."""
        raise NotImplementedError("Positions")


class FeedForward(Module):
    """Two layers for each position by itself: down(activation(up(x))).

    `up` is a Linear(width, hidden), `down` a Linear(hidden, width), drawn from `rng` in this order. `activation` is
    "relu", and from level 2 on also "gelu"; ValueError for another.
    """

    def __init__(self, width, hidden, activation="relu", rng=None):
        raise NotImplementedError("FeedForward")

    def forward(self, x):
        """x (..., width) -> the same shape."""
        raise NotImplementedError("FeedForward")


class TransformerBlock(Module):
    """A pre-norm block: x = x + attention(norm1(x)), then x = x + feed_forward(norm2(x)) (Vaswani et al. 2017).

    Its parts are `norm1`, `attention` (a SelfAttention), `norm2` and `feed_forward`; `hidden` is 4 * width unless
    given. `rng` draws the weights, those of the attention first. From level 2 on: `dropout`, the share of what
    attention and feed_forward make that is dropped in training before it is added; both Dropouts draw from `rng`.
    """

    def __init__(self, width, heads, hidden=None, activation="relu", dropout=0.0, rng=None):
        raise NotImplementedError("TransformerBlock")

    def forward(self, x, attn_mask=None, is_causal=False):
        """x (B, T, width) -> the same shape. From level 2 on the mask, as in SelfAttention, is handed on."""
        raise NotImplementedError("TransformerBlock")


# Level 2: a smooth activation, dropout, masks -------------------------------------------------------------------------


def gelu(x):
    """x times about the share of a normal distribution below x: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    One operation on a tensor of any shape; this is the tanh form (Hendrycks and Gimpel, 2016). float32 stays float32.
    """
    raise NotImplementedError("gelu")


# Level 3: one block's activations at a time ---------------------------------------------------------------------------


def recompute(module, x, **options):
    """module(x, **options), of which nothing but x is kept: backward computes it a second time (Chen et al., 2016).

    Random numbers drawn inside come out the same both times, and the Generators that the module and its parts hold as
    attributes end where they would have. The gradients of x and of the parameters are those of module(x, **options).
    """
    raise NotImplementedError("recompute")
