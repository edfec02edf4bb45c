"""Three vjps instead of one function, weights made again from their log-sums, every mask as an array to add."""

import numpy as np

from utils.engine import Linear, Module, Tensor, operation


def attention_weights(queries, keys, causal=False):
    scores = np.asarray(queries) @ np.asarray(keys).T / len(queries[0]) ** 0.5
    return _weights(scores + (_causal(*scores.shape) if causal else 0.0))


def attention(queries, keys, values, causal=False):
    mixed = np.einsum("ts,sc->tc", attention_weights(queries, keys, causal), values)
    return [[float(number) for number in row] for row in mixed]  # lists of numbers are welcome, too


def _causal(queries, keys):
    return np.where(np.arange(queries)[:, None] < np.arange(keys), -np.inf, 0.0)


def _log_sums(z):
    """log(sum(exp)) of each row; plus infinity for an empty one, so that its weights become 0."""
    top = np.maximum(z.max(axis=-1, keepdims=True), np.finfo(z.dtype).min)
    total = np.exp(z - top).sum(axis=-1, keepdims=True)
    return np.where(total == 0, np.inf, top + np.log(np.where(total == 0, 1, total))).astype(z.dtype)


def _weights(z):
    return np.exp(z - _log_sums(z))


@operation
def attend(q, k, v, added):
    factor = q.shape[-1] ** -0.5

    def scores():
        return np.einsum("...td,...sd->...ts", q * factor, k) + added

    sums = _log_sums(scores())
    output = np.einsum("...ts,...sc->...tc", np.exp(scores() - sums), v)

    def back_to_scores(g):
        rows = np.einsum("...tc,...tc->...t", g, output)[..., None]
        return np.exp(scores() - sums) * (np.einsum("...tc,...sc->...ts", g, v) - rows) * factor

    return output, (
        lambda g: np.einsum("...ts,...sd->...td", back_to_scores(g), k),
        lambda g: np.einsum("...ts,...td->...sd", back_to_scores(g), q),
        lambda g: np.einsum("...ts,...tc->...sc", np.exp(scores() - sums), g),
    )


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False):
    added = np.zeros(())
    if is_causal:
        added = _causal(q.shape[-2], k.shape[-2])
    if attn_mask is not None:
        if is_causal:
            raise ValueError("one mask at a time")
        kind = np.asarray(attn_mask).dtype
        if np.issubdtype(kind, np.integer):
            raise TypeError(f"what would a mask of {kind} mean?")
        added = np.where(attn_mask, 0.0, -np.inf) if kind.kind == "b" else np.asarray(attn_mask)
    return attend(q, k, v, added=added.astype(q.data.dtype))


def padding_mask(lengths, size):
    mask = np.zeros((len(lengths), 1, 1, size), dtype=bool)
    for row, length in zip(mask, lengths, strict=True):
        if length not in range(size + 1):
            raise ValueError(f"no length: {length}")
        row[..., : int(length)] = True
    return mask


def split_heads(x, heads):
    examples, positions, width = x.shape
    return x.reshape((examples, positions, heads, width // heads)).swapaxes(1, 2)  # a width that does not fit raises


def merge_heads(x):
    examples, heads, positions, each = x.shape
    return x.swapaxes(-2, -3).reshape((examples, positions, heads * each))


class SelfAttention(Module):
    def __init__(self, width, heads, rng=None):
        if width % heads:
            raise ValueError(f"{heads} heads for {width} numbers")
        source = np.random.default_rng(rng)
        self.qkv, self.out, self.heads = Linear(width, 3 * width, rng=source), Linear(width, width, rng=source), heads

    def forward(self, x, attn_mask=None, is_causal=False):
        every = split_heads(self.qkv(x if isinstance(x, Tensor) else Tensor(x)), 3 * self.heads)
        q, k, v = (every[:, role * self.heads : (role + 1) * self.heads] for role in range(3))
        return self.out(merge_heads(scaled_dot_product_attention(q, k, v, attn_mask, is_causal)))
