"""Level 3, memory-efficient: a block keeps its input and nothing else; backward computes it a second time.

What changed   `recompute` runs a module without recording, and hands backward one function: record the module now, with
               the same random numbers, and go back through it at once. GELU works in two arrays.
What it buys   eight blocks of width 64 with 4 heads on 8 sequences of 64 positions, in float32: forward keeps 1.1 MB
               instead of 31, forward and backward hold 7.7 MB at most instead of 33; 1.6 of them are the weights'
               gradients.
What it costs  one more forward of each block: about a third more time.
"""

import math

import numpy as np

from utils.engine import (
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
    # Steps in one array instead of one array a step: the numbers are as many as in all of the block's other arrays.
    scale = math.sqrt(2 / math.pi)
    t = np.square(x, out=np.empty_like(x))  # an array also where x has no axes
    t *= 0.044715
    t += 1
    t *= x
    t *= scale
    np.tanh(t, out=t)
    y = t + 1
    y *= x
    y *= 0.5

    def back_to_x(g):
        slope = x * x
        slope *= 3 * 0.044715
        slope += 1
        slope *= x
        slope *= scale  # x times the slope of what tanh is taken of
        slope *= 1 - t * t
        slope += t
        slope += 1
        slope *= 0.5
        slope *= g
        return slope

    return y, (back_to_x,)


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


def recompute(module, x, **options):
    if not x.requires_grad:  # the module's parameters do: without an edge to x backward would never come by
        x = Tensor(x.data, requires_grad=True)
    return _recompute(x, module=module, options=options)


@operation
def _recompute(x, module, options):
    generators = _generators(module)
    before = [generator.bit_generator.state for generator in generators]
    with no_grad():
        y = module(Tensor(x), **options).data

    def back_to_x(g):
        after = [generator.bit_generator.state for generator in generators]
        _set(generators, before)
        again = Tensor(x, requires_grad=True)
        module(again, **options).backward(g)  # the parameters receive their gradients here
        _set(generators, after)
        return again.grad

    return y, (back_to_x,)


def _generators(module):
    """The generators of random numbers in a module, each once: two Dropouts may share one."""
    things = [thing for _, part in module.named_modules() for thing in vars(part).values()]
    return list({id(thing): thing for thing in things if isinstance(thing, np.random.Generator)}.values())


def _set(generators, states):
    for generator, state in zip(generators, states, strict=True):
        generator.bit_generator.state = state
