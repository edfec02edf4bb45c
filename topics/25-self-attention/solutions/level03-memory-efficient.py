"""Level 3, memory-efficient: a block of queries at a time, and the weights computed again on the way back.

What changed   forward keeps q, k, v and the output, and no weights. Backward makes the weights of a block again from q
               and k, uses them, and forgets them. A causal block looks only at the keys up to its last query.
What it buys   forward and backward of one head of 64 numbers in float32, causal: 2.8, 5.6 and 11.4 MB for 1,024, 2,048
               and 4,096 positions, where level 2 takes 17, 68 and 271 MB (tests assert the growth, and at most 33 MB).
               And half of the time, since half of the causal scores are never made; without a mask the same time.
What it costs  one more matrix product and one more softmax on the way back. Not for a short sequence, all of whose
               queries are one block: its weights are kept.
"""

import math

import numpy as np

from utils.engine import Linear, Module, Tensor, operation

BLOCK = 128  # queries at a time: the scores held are BLOCK * S for each head and example


def attention_weights(queries, keys, causal=False):
    queries, keys = np.asarray(queries, dtype=float), np.asarray(keys, dtype=float)
    return _weights(queries, keys, _visible(None, causal, 0, len(queries), len(keys)))


def attention(queries, keys, values, causal=False):
    return attention_weights(queries, keys, causal) @ values


@operation
def _attention(q, k, v, mask=None, causal=False):
    output = np.empty((*q.shape[:-1], v.shape[-1]), dtype=q.dtype)  # (..., T, C)
    kept = None
    for rows, keys, seen in _blocks(q, k, mask, causal):
        p = _weights(q[..., rows, :], k[..., keys, :], seen)
        np.matmul(p, v[..., keys, :], out=output[..., rows, :])
        if p.shape[-2:] == (q.shape[-2], k.shape[-2]):  # one block is all: its weights take as much as a few k
            kept = p

    def vjps(g):  # g (..., T, C)
        # The sum over s of p * dp, for each query: dp = g . v and the sum of p * v is the output.
        common, scale = np.vecdot(g, output)[..., None], 1 / math.sqrt(q.shape[-1])  # (..., T, 1), a number
        if kept is not None:
            ds = _back_to_scores(kept, g, v, common, scale)
            return ds @ k, ds.swapaxes(-1, -2) @ q, kept.swapaxes(-1, -2) @ g
        dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
        for rows, keys, seen in _blocks(q, k, mask, causal):
            p = _weights(q[..., rows, :], k[..., keys, :], seen)
            dv[..., keys, :] += p.swapaxes(-1, -2) @ g[..., rows, :]
            ds = _back_to_scores(p, g[..., rows, :], v[..., keys, :], common[..., rows, :], scale)
            dq[..., rows, :] = ds @ k[..., keys, :]
            dk[..., keys, :] += ds.swapaxes(-1, -2) @ q[..., rows, :]
        return dq, dk, dv

    return output, vjps


def _back_to_scores(p, g, v, common, scale):
    """The gradient of q @ k.T, in one array (..., T, S)."""
    ds = g @ v.swapaxes(-1, -2)
    ds -= common
    ds *= p
    ds *= scale
    return ds


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False):
    return _attention(q, k, v, mask=_checked(attn_mask, is_causal), causal=is_causal)


def _checked(attn_mask, is_causal):
    """The mask as an array of booleans or floats, or None. Raises ValueError beside is_causal, TypeError for others."""
    if attn_mask is None:
        return None
    if is_causal:
        raise ValueError("give attn_mask or is_causal, not both; a causal mask may be part of attn_mask")
    mask = attn_mask.data if isinstance(attn_mask, Tensor) else np.asarray(attn_mask)
    if mask.dtype.kind not in "bf":  # 1 could mean "may look" or "add 1 to the score"
        raise TypeError(f"a mask holds booleans, True where a query may look, or floats to add; here is {mask.dtype}")
    return mask


def _blocks(q, k, mask, causal):
    """(slice of queries, slice of the keys they may look at, the mask between them), block after block."""
    for start in range(0, q.shape[-2], BLOCK):
        stop = min(start + BLOCK, q.shape[-2])
        size = min(stop, k.shape[-2]) if causal else k.shape[-2]
        yield slice(start, stop), slice(0, size), _visible(mask, causal, start, stop, size)


def _visible(mask, causal, start, stop, size):
    """What the queries start to stop - 1 see of the first `size` keys; None for everything."""
    if causal:
        return np.arange(start, stop)[:, None] >= np.arange(size)
    if mask is not None and mask.ndim > 1 and mask.shape[-2] > 1:
        return mask[..., start:stop, :]
    return mask


def _weights(q, k, seen=None):
    """The weights (..., T, S), in one array; rows of zeros where nothing is seen."""
    scores = q @ k.swapaxes(-1, -2)
    scores *= 1 / math.sqrt(q.shape[-1])
    if seen is not None and seen.dtype == bool:
        np.copyto(scores, -np.inf, where=~seen)
    elif seen is not None:
        scores += seen.astype(q.dtype, copy=False)
    largest = scores.max(axis=-1, keepdims=True)
    if seen is not None:
        largest[np.isneginf(largest)] = 0  # -inf - -inf would be nan
    scores -= largest
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    if seen is not None:
        total[total == 0] = 1
    scores /= total
    return scores


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
