"""Level 3, memory-efficient: of all that forward computes, backward needs the normalized x and one number a row.

What changed   centering, squaring and dividing work in one array, which becomes the normalized x. Mean and variance are
               forgotten; kept are that array and 1 / sqrt(var + eps). Sums of products need no array of products.
What it buys   two arrays of the size of x at once on the way there instead of level 2's four, five there and back
               instead of seven; still one is kept beside x.
What it costs  each line changes what the next one reads: their order cannot be changed.
"""

import numpy as np

from utils.engine import Module, Parameter, operation


def normalize(x, axis, eps=1e-5):
    return _normalize(x, axis=axis, eps=eps)


@operation
def _normalize(x, axis, eps):
    normalized, inverse = _normalized(x, axis, eps)
    return normalized.copy(), (lambda g: _back(g.copy(), normalized, inverse, axis),)


def _normalized(x, axis, eps, subtract_mean=True):
    """x normalized, in a new array, and 1 / sqrt(var + eps), of length 1 along the axis."""
    normalized = x - x.mean(axis=axis, keepdims=True) if subtract_mean else x.copy()
    inverse = 1 / np.sqrt(_mean_of_products(normalized, normalized, axis) + eps)
    normalized *= inverse
    return normalized, inverse


def _back(t, normalized, inverse, axis, subtract_mean=True):
    """The gradient of x, in the array t, which brings the gradient of the normalized x."""
    along = _mean_of_products(t, normalized, axis)
    if subtract_mean:
        t -= t.mean(axis=axis, keepdims=True)
    t -= normalized * along
    t *= inverse
    return t


def _mean_of_products(a, b, axis):
    """The mean of a * b along the axis, kept with length 1; along the last axis without an array of products."""
    if axis == -1:
        return np.vecdot(a, b)[..., None] / np.asarray(a.shape[-1], a.dtype)
    return (a * b).mean(axis=axis, keepdims=True)


def _rule(x, gain, shift, axis, eps, subtract_mean=True):
    """(result, vjps) of normalization over `axis`; gain and shift broadcast to x."""
    normalized, inverse = _normalized(x, axis, eps, subtract_mean)
    result = normalized * gain
    result += shift

    def back_to_gain(g):  # summed here, over all leading axes, so that no array of products is made
        if gain.ndim == 1:
            return np.einsum("ij,ij->j", g.reshape(-1, len(gain)), normalized.reshape(-1, len(gain)))
        return g * normalized

    return result, (lambda g: _back(g * gain, normalized, inverse, axis, subtract_mean), back_to_gain, lambda g: g)


@operation
def batch_norm(x, gain, shift, eps=1e-5):
    if len(x) == 1:
        raise ValueError("a batch of one has no spread: each feature would become exactly 0; give more, or use eval()")
    return _rule(x, gain, shift, 0, eps)


@operation
def layer_norm(x, gain, shift, eps=1e-5):
    return _rule(x, gain, shift, -1, eps)


@operation
def rms_norm(x, gain, eps=1e-5):
    result, vjps = _rule(x, gain, np.zeros((), x.dtype), -1, eps, subtract_mean=False)
    return result, vjps[:2]


@operation
def _group_norm(x, gain, shift, eps):
    return _rule(x, gain, shift, tuple(range(2, x.ndim)), eps)


def group_norm(x, groups, gain, shift, eps=1e-5):
    examples, features, *rest = x.shape
    if features % groups:
        raise ValueError(f"{features} features cannot be divided into {groups} groups")
    inside = (groups, features // groups, *[1] * len(rest))
    apart = x.reshape(examples, groups, features // groups, *rest)
    return _group_norm(apart, gain.reshape(*inside), shift.reshape(*inside), eps=eps).reshape(*x.shape)


class LayerNorm(Module):
    def __init__(self, features, eps=1e-5):
        self.weight, self.bias, self.eps = Parameter(np.ones(features)), Parameter(np.zeros(features)), eps

    def forward(self, x):
        return layer_norm(x, self.weight, self.bias, eps=self.eps)


class BatchNorm1d(Module):
    def __init__(self, features, eps=1e-5, momentum=0.1):
        self.weight, self.bias = Parameter(np.ones(features)), Parameter(np.zeros(features))
        self.eps, self.momentum = eps, momentum
        self.register_buffer("running_mean", np.zeros(features))
        self.register_buffer("running_var", np.ones(features))

    def forward(self, x):
        if not self.training:
            scale = self.weight / np.sqrt(self.running_var + self.eps).astype(x.dtype)
            return (x - self.running_mean.astype(x.dtype)) * scale + self.bias
        result = batch_norm(x, self.weight, self.bias, eps=self.eps)  # refuses a batch of one before anything moves
        # The spread of all data is estimated with N - 1; the batch itself is divided by the spread that it has.
        m = self.momentum
        self.running_mean = (1 - m) * self.running_mean + m * x.data.mean(axis=0)
        self.running_var = (1 - m) * self.running_var + m * x.data.var(axis=0, ddof=1)
        return result
