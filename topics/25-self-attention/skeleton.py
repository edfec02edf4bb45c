"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 25` copies this file to `workspace/self_attention.py`. You work there. Nothing in it is ever
overwritten. The tensors, the layers and `operation` come from your engine: leave that import where it is.

Words used: a *query* is what a position asks for, a *key* what a position offers, a *value* what it hands over. The
*score* of a query and a key is their dot product divided by the square root of their length; the *weights* of a query
are the softmax of its scores: how much it takes from each position.

Sizes: T queries, S keys and as many values, d numbers in a query and in a key, C numbers in a value; B examples, H
heads.
"""

import math  # noqa: F401

import numpy as np  # noqa: F401

from utils.engine import Linear, Module, Tensor, operation  # noqa: F401  yours where you own them, else the stub's

# Level 1: one head, NumPy arrays, loops ------------------------------------------------------------------------------


def attention_weights(queries, keys, causal=False):
    """The weights, an array (T, S): row t is softmax over s of queries[t] . keys[s] / sqrt(d).

    queries (T, d), keys (S, d). `causal`: query t may look at positions 0 to t only; all later weights are exactly 0.
    """
    raise NotImplementedError("attention_weights")


def attention(queries, keys, values, causal=False):
    """The output, an array (T, C): row t is the sum over s of weights[t, s] * values[s]. values (S, C)."""
    raise NotImplementedError("attention")


# Level 2: any number of leading axes, masks, gradients ---------------------------------------------------------------


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False):
    """Attention of tensors, (..., T, d), (..., S, d), (..., S, C) -> (..., T, C), as one operation of the engine.

    The leading axes are batches and heads, equal in all three. `attn_mask` broadcasts to (..., T, S): an array of
    booleans, True where a query may look, or of floats, which are added to the scores; it gets no gradient.
    `is_causal` as in level 1. Raises ValueError for both at once, TypeError for a mask of whole numbers.

    A query that may look nowhere gets zeros, and gives no gradient. Scores of any size give finite weights. float32
    stays float32. For backward the graph keeps at most one array of the size of the weights.

    Level 3: none of that size, ever. Forward and backward work on some queries at a time; backward computes their
    weights again from q and k. Memory grows with T, no longer with T * S: for T = S = 4,096 and d = C = 64 the most
    that forward and backward hold together is at most 32 times as much as q.
    """
    raise NotImplementedError("scaled_dot_product_attention")


def padding_mask(lengths, size):
    """An array of booleans (B, 1, 1, size): True where a position lies within its example's length.

    lengths: B whole numbers from 0 to size, a list or an array. Raises ValueError for any other number.
    """
    raise NotImplementedError("padding_mask")


def split_heads(x, heads):
    """The tensor (B, T, H * d) as (B, H, T, d): head h takes the numbers h * d to h * d + d - 1 of each position.

    Raises ValueError unless the last axis can be divided by the number of heads.
    """
    raise NotImplementedError("split_heads")


def merge_heads(x):
    """The way back of split_heads: (B, H, T, d) -> (B, T, H * d)."""
    raise NotImplementedError("merge_heads")


class SelfAttention(Module):
    """Queries, keys and values of one and the same sequence: x (B, T, width) -> (B, T, width).

    `qkv` is one Linear(width, 3 * width) that makes the queries of all heads, then the keys, then the values; `out` a
    Linear(width, width) after the heads are merged. `rng`, as in Topic 09, draws the weights, of `qkv` first: one
    source for both. Raises ValueError where width cannot be divided by heads, here or at the first call.
    """

    def __init__(self, width, heads, rng=None):
        raise NotImplementedError("SelfAttention")

    def forward(self, x, attn_mask=None, is_causal=False):
        """x (B, T, width) -> (B, T, width); the mask broadcasts to (B, heads, T, T)."""
        raise NotImplementedError("SelfAttention")
