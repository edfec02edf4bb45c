"""Level 4, the PyTorch reference: F.scaled_dot_product_attention and F.linear as entries of the table of operations.

What changed   no score, no softmax and no backward stands in this file: a rule hands the arrays to torch, and its vjps
               ask torch.autograd.grad.
What it buys   an oracle that shares no line with the levels below. Run this file to see both side by side.
What it costs  torch, some hundreds of megabytes to install.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses

from utils.engine import Linear, Module, Tensor, operation


def by_torch(function, *arrays):
    """(result, vjps) of a torch function of these arrays, as a rule returns them."""
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = function(*leaves)

    def vjps(g):
        gradients = torch.autograd.grad(result, leaves, torch.tensor(g), retain_graph=True, materialize_grads=True)
        return [gradient.numpy().copy() for gradient in gradients]

    return result.detach().numpy(), vjps


@operation
def _attention(q, k, v, mask=None, causal=False):
    if mask is not None:  # torch wants two axes at least, and floats of the queries' own kind
        mask = torch.atleast_2d(torch.tensor(mask if mask.dtype == bool else mask.astype(q.dtype)))
    return by_torch(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal), q, k, v)


@operation
def _linear(x, weight, bias):
    return by_torch(F.linear, x, weight, bias)


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False):
    mask = attn_mask.data if isinstance(attn_mask, Tensor) else attn_mask
    mask = None if mask is None else np.asarray(mask)
    if is_causal and mask is not None:
        raise ValueError("give attn_mask or is_causal, not both")
    if mask is not None and mask.dtype.kind not in "bf":
        raise TypeError(f"a mask holds booleans or floats; here is {mask.dtype}")
    return _attention(q, k, v, mask=mask, causal=is_causal)


def attention_weights(queries, keys, causal=False):
    return attention(queries, keys, np.eye(len(keys)), causal)  # each key hands over its own unit vector


def attention(queries, keys, values, causal=False):
    queries, keys, values = (np.asarray(array, dtype=float) for array in (queries, keys, values))
    return _attention(queries, keys, values, causal=causal).data


def padding_mask(lengths, size):
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or bool(((lengths < 0) | (lengths > size)).any()):
        raise ValueError(f"lengths are whole numbers from 0 to {size}")
    return (torch.arange(size) < lengths[:, None])[:, None, None, :].numpy()


def split_heads(x, heads):
    if x.shape[-1] % heads:
        raise ValueError(f"{x.shape[-1]} numbers at a position cannot be divided among {heads} heads")
    return _unflatten(x, heads=heads)


@operation
def _unflatten(x, heads):
    return by_torch(lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2), x)


@operation
def merge_heads(x):
    return by_torch(lambda x: x.transpose(1, 2).flatten(2), x)


class SelfAttention(Module):
    def __init__(self, width, heads, rng=None):
        super().__init__()
        rng = np.random.default_rng(rng)
        self.heads = heads
        self.qkv = Linear(width, 3 * width, rng=rng)
        self.out = Linear(width, width, rng=rng)

    def forward(self, x, attn_mask=None, is_causal=False):
        together = _linear(x, self.qkv.weight, self.qkv.bias)
        q, k, v = (split_heads(part, self.heads) for part in _chunks(together))
        mixed = merge_heads(scaled_dot_product_attention(q, k, v, attn_mask, is_causal))
        return _linear(mixed, self.out.weight, self.out.bias)


def _chunks(x):
    width = x.shape[-1] // 3
    return [x[..., i * width : (i + 1) * width] for i in range(3)]


CASES = (  # what is told, shape of q, shape of k and v, options
    ("no mask", (5, 8), (7, 8), {}),
    ("four heads", (2, 4, 6, 8), (2, 4, 6, 8), {}),
    ("causal", (2, 4, 6, 8), (2, 4, 6, 8), {"is_causal": True}),
    ("booleans", (6, 8), (6, 8), {"attn_mask": np.tri(6, dtype=bool) & (np.arange(6) > 1)}),
    ("floats", (6, 8), (6, 8), {"attn_mask": -np.abs(np.arange(6.0)[:, None] - np.arange(6))}),
    ("300 queries", (300, 8), (300, 8), {"is_causal": True}),
)


def main():
    """Print by how much value and gradients of level 3 and of torch differ, and where each says NaN, if anywhere."""
    from pathlib import Path

    from utils.course.loading import load

    level3 = load(next(Path(__file__).parent.glob("level03-*.py")))
    print(f"{'':<12} {'q':>13} {'value differs by':>18} {'gradients by':>14} {'NaN':>5}")
    for told, q_shape, k_shape, options in CASES:
        results = []
        for module in (level3.scaled_dot_product_attention, scaled_dot_product_attention):
            random = np.random.default_rng(0)
            leaves = [Tensor(random.normal(size=s), requires_grad=True) for s in (q_shape, k_shape, k_shape)]
            output = module(*leaves, **options)
            output.backward(random.normal(size=output.shape))
            results.append([output.data, *(leaf.grad for leaf in leaves)])
        gaps = [np.abs(mine - torchs).max() for mine, torchs in zip(*results, strict=True)]
        nan = any(np.isnan(array).any() for arrays in results for array in arrays)
        print(f"{told:<12} {q_shape!s:>13} {gaps[0]:>18.0e} {max(gaps[1:]):>14.0e} {'yes' if nan else 'no':>5}")


if __name__ == "__main__":
    main()
