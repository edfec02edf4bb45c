"""Level 2, batched: matrix products over any number of leading axes, masks, and a backward of its own.

What changed   all scores at once, q @ k^T; a head is one more leading axis; a mask is an array of scores to take away;
               the gradient is four lines of algebra in one entry of the table of operations.
What it buys   batches and heads for nothing, at the speed of matrix products; rows that may look nowhere give zeros.
What it costs  the weights, T * S numbers for each head and example, are held from forward to backward, and backward
               makes three more arrays of that size: for 4,096 positions and one head in float32 271 MB.
"""

import math

import numpy as np

from utils.engine import Linear, Module, Tensor, operation


def attention_weights(queries, keys, causal=False):
    queries, keys = np.asarray(queries, dtype=float), np.asarray(keys, dtype=float)
    return weights_of(queries, keys, causal_mask(len(queries), len(keys)) if causal else None)


def attention(queries, keys, values, causal=False):
    return attention_weights(queries, keys, causal) @ values


@operation
def _attention(q, k, v, mask=None):
    p = weights_of(q, k, mask)  # (..., T, S)

    def vjps(g):  # g (..., T, C)
        dv = p.swapaxes(-1, -2) @ g
        dp = g @ v.swapaxes(-1, -2)
        # The softmax of a row: what all its weights have in common is taken away. Where p is 0, ds is 0.
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) / math.sqrt(q.shape[-1])
        return ds @ k, ds.swapaxes(-1, -2) @ q, dv

    return p @ v, vjps


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False):
    mask = checked_mask(attn_mask, is_causal)
    return _attention(q, k, v, mask=causal_mask(q.shape[-2], k.shape[-2]) if is_causal else mask)


def weights_of(q, k, mask=None):
    """The weights (..., T, S) of queries (..., T, d) and keys (..., S, d); rows of zeros where the mask hides all."""
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(q.dtype)
    largest = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isneginf(largest), 0, largest))  # -inf - -inf would be nan
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total == 0, 1, total)


def checked_mask(attn_mask, is_causal):
    """The mask as an array of booleans or floats, or None. Raises ValueError beside is_causal, TypeError for others."""
    if attn_mask is None:
        return None
    if is_causal:
        raise ValueError("give attn_mask or is_causal, not both; a causal mask may be part of attn_mask")
    mask = attn_mask.data if isinstance(attn_mask, Tensor) else np.asarray(attn_mask)
    if mask.dtype.kind not in "bf":  # 1 could mean "may look" or "add 1 to the score"
        raise TypeError(f"a mask holds booleans, True where a query may look, or floats to add; here is {mask.dtype}")
    return mask


def causal_mask(queries, keys):
    return np.tril(np.ones((queries, keys), dtype=bool))


def padding_mask(lengths, size):
    lengths = np.asarray(lengths)
    if lengths.dtype.kind not in "iu" or not all(0 <= length <= size for length in lengths):
        raise ValueError(f"lengths are whole numbers from 0 to {size}; here are {lengths.tolist()}")
    return (np.arange(size) < lengths[:, None])[:, None, None, :]  # (B, 1, 1, size)


def split_heads(x, heads):
    batch, time, width = x.shape
    if width % heads:
        raise ValueError(f"{width} numbers at a position cannot be divided among {heads} heads")
    return x.reshape(batch, time, heads, width // heads).transpose(0, 2, 1, 3)


def merge_heads(x):
    batch, heads, time, depth = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, time, heads * depth)


class SelfAttention(Module):
    def __init__(self, width, heads, rng=None):
        super().__init__()
        rng = np.random.default_rng(rng)  # one generator for both layers: a seed twice would make them alike
        self.heads = heads
        self.qkv = Linear(width, 3 * width, rng=rng)
        self.out = Linear(width, width, rng=rng)

    def forward(self, x, attn_mask=None, is_causal=False):
        width = x.shape[-1]
        together = self.qkv(x)  # (B, T, 3 * width)
        q, k, v = (split_heads(together[..., i * width : (i + 1) * width], self.heads) for i in range(3))
        return self.out(merge_heads(scaled_dot_product_attention(q, k, v, attn_mask, is_causal)))
