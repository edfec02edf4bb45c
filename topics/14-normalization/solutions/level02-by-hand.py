"""Level 2, by hand: one operation for each normalization, with the backward derived once and used by all.

What changed   gradients are three terms: upstream times gain, less its mean, less its part along the normalized x.
               Batch, layer and group normalization differ only in the axes; RMS has no mean to take away.
What it buys   one entry of the table instead of eleven operations, and one array kept beside x instead of four; running
               statistics for the time after training.
What it costs  the formula has to be derived, and checked; every step of it makes an array of the size of x,
               four at once on the way there and seven there and back.
"""

import numpy as np

from utils.engine import Module, Parameter, operation


def normalize(x, axis, eps=1e-5):
    centered = x - x.mean(axis=axis, keepdims=True)
    variance = (centered * centered).mean(axis=axis, keepdims=True)
    return centered / (variance + eps).sqrt()


def rule(x, gain, shift, axis, eps, subtract_mean=True):
    """(result, vjps) of normalization over `axis`; gain and shift broadcast to x."""
    centered = x - x.mean(axis=axis, keepdims=True) if subtract_mean else x
    spread = np.sqrt((centered**2).mean(axis=axis, keepdims=True) + eps)
    normalized = centered / spread

    def back_to_x(g):
        t = g * gain  # what arrives at the normalized numbers
        along = normalized * (t * normalized).mean(axis=axis, keepdims=True)
        common = t.mean(axis=axis, keepdims=True) if subtract_mean else 0.0
        return (t - common - along) / spread

    return normalized * gain + shift, (back_to_x, lambda g: g * normalized, lambda g: g)


@operation
def batch_norm(x, gain, shift, eps=1e-5):
    if len(x) == 1:
        raise ValueError("a batch of one has no spread: each feature would become exactly 0; give more, or use eval()")
    return rule(x, gain, shift, 0, eps)


@operation
def layer_norm(x, gain, shift, eps=1e-5):
    return rule(x, gain, shift, -1, eps)


@operation
def rms_norm(x, gain, eps=1e-5):
    result, vjps = rule(x, gain, 0.0, -1, eps, subtract_mean=False)
    return result, vjps[:2]


@operation
def _group_norm(x, gain, shift, eps):
    return rule(x, gain, shift, tuple(range(2, x.ndim)), eps)


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
