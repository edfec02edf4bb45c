"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 14` copies this file to `workspace/normalization.py`. You work there. Nothing in it is ever
overwritten.

To *normalize* numbers is to subtract their mean and divide by their standard deviation. Afterwards each feature gets a
`gain` to be multiplied by and a `shift` to be added, which are learnt. PyTorch calls them weight and bias.

    normalized = (x - mean) / sqrt(var + eps)          var divides by n
    result     = normalized * gain + shift

Sizes: N examples, C features. All functions take and return tensors; gain and shift are tensors (C,).
"""

import numpy as np  # noqa: F401

from utils.engine import Module, Parameter, Tensor, operation  # noqa: F401  yours where you own them, else the stub's

# Level 1: from operations that are there ------------------------------------------------------------------------------


def normalize(x, axis, eps=1e-5):
    """(x - mean) / sqrt(var + eps) along an axis or a tuple of axes, shaped as x, out of the tensor's operations."""
    raise NotImplementedError("normalize")


def batch_norm(x, gain, shift, eps=1e-5):
    """x (N, C) normalized over the examples, one feature at a time, times gain, plus shift (Ioffe and Szegedy, 2015).

    Level 2: one operation with a backward of its own. Raises ValueError where N is 1: nothing can be said about spread.
    """
    raise NotImplementedError("batch_norm")


# Level 2: one operation each, with its backward by hand --------------------------------------------------------------


def layer_norm(x, gain, shift, eps=1e-5):
    """x (..., C) normalized over its last axis, times gain, plus shift (Ba, Kiros and Hinton, 2016)."""
    raise NotImplementedError("layer_norm")


def rms_norm(x, gain, eps=1e-5):
    """x / sqrt(mean of squares + eps) over the last axis, times gain: no mean is subtracted (Zhang, Sennrich 2019)."""
    raise NotImplementedError("rms_norm")


def group_norm(x, groups, gain, shift, eps=1e-5):
    """x (N, C, ...) normalized over each group of C / groups features and all further axes (Wu and He, 2018).

    gain and shift (C,). Raises ValueError unless C can be divided by `groups`.
    """
    raise NotImplementedError("group_norm")


class LayerNorm(Module):
    """layer_norm with its parameters `weight` (the gain), ones at first, and `bias` (the shift), zeros at first."""

    def __init__(self, features, eps=1e-5):
        raise NotImplementedError("LayerNorm.__init__")

    def forward(self, x):
        """x (..., features) -> the same shape."""
        raise NotImplementedError("LayerNorm.forward")


class BatchNorm1d(Module):
    """batch_norm in training; in eval mode the running statistics take the place of the batch's own.

    Parameters `weight` and `bias`; buffers `running_mean`, zeros at first, and `running_var`, ones at first, part of
    the state. Each batch in training moves them: running = (1 - momentum) * running + momentum * batch, where the
    batch's variance divides by N - 1 here, and by N when it normalizes.
    """

    def __init__(self, features, eps=1e-5, momentum=0.1):
        raise NotImplementedError("BatchNorm1d.__init__")

    def forward(self, x):
        """x (N, features) -> the same shape. In training ValueError where N is 1."""
        raise NotImplementedError("BatchNorm1d.forward")


# Level 3: the same names, which keep the normalized x and 1 / sqrt(var + eps) for backward, and nothing else ----------
