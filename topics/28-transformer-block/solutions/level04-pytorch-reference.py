"""Level 4, the PyTorch reference: nn.TransformerEncoderLayer, F.gelu and torch.utils.checkpoint behind the same names.

What changed   no residual sum and no derivative stands in this file. A block hands its input and its parameters to a
               TransformerEncoderLayer; its vjps ask torch.autograd.grad.
What it buys   an oracle that shares no line with the levels below. Run this file to see both side by side.
What it costs  torch, some hundreds of megabytes to install. It drops other numbers than NumPy would; `rng` seeds it.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from utils.engine import LayerNorm, Linear, Module, Parameter, SelfAttention, Tensor, operation

torch.set_num_threads(1)  # for arrays as small as here several threads only wait for one another

ACTIVATIONS = {"relu": F.relu, "gelu": lambda z: F.gelu(z, approximate="tanh")}

# The course's names -> those of nn.TransformerEncoderLayer
NAMES = {
    "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias",
    "attention.qkv.weight": "self_attn.in_proj_weight", "attention.qkv.bias": "self_attn.in_proj_bias",
    "attention.out.weight": "self_attn.out_proj.weight", "attention.out.bias": "self_attn.out_proj.bias",
    "norm2.weight": "norm2.weight", "norm2.bias": "norm2.bias",
    "feed_forward.up.weight": "linear1.weight", "feed_forward.up.bias": "linear1.bias",
    "feed_forward.down.weight": "linear2.weight", "feed_forward.down.bias": "linear2.bias",
}  # fmt: skip


def by_torch(function, *arrays):
    """(result, vjps) of a torch function of these arrays, as a rule returns them."""
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = function(*leaves)

    def vjps(g):
        gradients = torch.autograd.grad(result, leaves, torch.tensor(g), retain_graph=True)
        return [gradient.numpy().copy() for gradient in gradients]

    return result.detach().numpy(), vjps


@operation
def gelu(x):
    return by_torch(ACTIVATIONS["gelu"], x)


class Positions(Module):
    def __init__(self, size, width, rng=None):
        self.weight = Parameter(np.random.default_rng(rng).normal(0.0, 0.02, (size, width)))

    def forward(self, x):
        if x.shape[-2] > len(self.weight.data):
            raise ValueError(
                f"there are vectors for {len(self.weight.data)} positions; this sequence has {x.shape[-2]}"
            )
        return _positions(x, self.weight)


@operation
def _positions(x, weight):
    return by_torch(lambda x, weight: x + F.embedding(torch.arange(x.shape[-2]), weight), x, weight)


class FeedForward(Module):
    def __init__(self, width, hidden, activation="relu", rng=None):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)}, not {activation!r}")
        rng = np.random.default_rng(rng)
        self.up, self.down = Linear(width, hidden, rng=rng), Linear(hidden, width, rng=rng)
        self.activation = activation

    def forward(self, x):
        parameters = (self.up.weight, self.up.bias, self.down.weight, self.down.bias)
        return _feed_forward(x, *parameters, activation=self.activation)


@operation
def _feed_forward(x, up, up_bias, down, down_bias, activation):
    def function(x, up, up_bias, down, down_bias):
        return F.linear(ACTIVATIONS[activation](F.linear(x, up, up_bias)), down, down_bias)

    return by_torch(function, x, up, up_bias, down, down_bias)


class TransformerBlock(Module):
    def __init__(self, width, heads, hidden=None, activation="relu", dropout=0.0, rng=None):
        rng, hidden = np.random.default_rng(rng), hidden or 4 * width
        self.norm1, self.attention = LayerNorm(width), SelfAttention(width, heads, rng=rng)
        self.norm2, self.feed_forward = LayerNorm(width), FeedForward(width, hidden, activation, rng=rng)
        self.dropout, self.rng = dropout, rng
        self.layer = torch.nn.TransformerEncoderLayer(
            width, heads, hidden, dropout, ACTIVATIONS[activation], batch_first=True, norm_first=True
        )
        self.layer.self_attn.dropout = self.layer.dropout.p = 0.0  # PyTorch drops at these two places besides

    def forward(self, x, attn_mask=None, is_causal=False):
        parameters = dict(self.named_parameters())
        options = {"block": self, "attn_mask": attn_mask, "is_causal": is_causal}
        return _block(x, *[parameters[name] for name in NAMES], **options)


@operation
def _block(x, *parameters, block, attn_mask, is_causal):
    return by_torch(_layer_of(block, x.shape, attn_mask, is_causal), x, *parameters)


def _layer_of(block, shape, attn_mask, is_causal):
    """The torch function of x and of the parameters in the order of NAMES."""
    if is_causal and attn_mask is not None:
        raise ValueError("give attn_mask or is_causal, not both")
    batch, time, _ = shape
    seen = np.tril(np.ones((time, time), dtype=bool)) if is_causal else attn_mask
    hidden = None
    if seen is not None:  # here True means hidden, and every head has a mask of its own
        each = np.broadcast_to(seen, (batch, block.attention.heads, time, time)).reshape(-1, time, time)
        hidden = torch.tensor(~each if each.dtype == bool else each)

    block.layer.train(block.training)
    seed = int(block.rng.integers(2**63)) if block.training and block.dropout else 0

    def function(x, *parameters):
        named = dict(zip(NAMES.values(), parameters, strict=True))
        with torch.random.fork_rng(devices=()):  # its own global generator stays as it is
            torch.manual_seed(seed)  # a second time it drops the same numbers
            return functional_call(block.layer, named, (x,), {"src_mask": hidden})

    return function


def recompute(module, x, **options):
    if not isinstance(module, TransformerBlock):
        return module(x, **options)  # only a block is made of torch
    parameters = dict(module.named_parameters())
    x = x if x.requires_grad else Tensor(x.data, requires_grad=True)
    return _recompute(x, *[parameters[name] for name in NAMES], module=module, options=options)


@operation
def _recompute(x, *parameters, module, options):
    layer = _layer_of(module, x.shape, options.get("attn_mask"), options.get("is_causal", False))
    return by_torch(lambda *leaves: checkpoint(layer, *leaves, use_reentrant=False), x, *parameters)


def main():
    from pathlib import Path

    from utils.course.loading import load

    level3 = load(Path(__file__).with_name("level03-memory-efficient.py"))
    random = np.random.default_rng(0)
    array, g = random.normal(size=(2, 5, 16)), random.normal(size=(2, 5, 16))
    ours, theirs = (
        level3.TransformerBlock(16, 4, activation="gelu", rng=0),
        TransformerBlock(16, 4, activation="gelu", rng=0),
    )
    results = []
    for block in (ours, theirs):
        x = Tensor(array, requires_grad=True)
        y = block(x, is_causal=True)
        y.backward(g)
        results.append({"value": y.data, "x": x.grad, **{name: p.grad for name, p in block.named_parameters()}})
    print("one causal block with gelu: level 3 and PyTorch, the largest difference")
    for name, number in results[0].items():
        print(f"  {name:<26} {np.abs(number - results[1][name]).max():.0e}")


if __name__ == "__main__":
    main()
