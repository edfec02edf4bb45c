"""Level 4, the PyTorch reference: F.batch_norm, F.layer_norm, F.rms_norm and F.group_norm as entries of the table.

What changed   no mean, no variance and no backward stands in this file: a rule hands the arrays to torch, and its vjps
               ask torch.autograd.grad.
What it buys   an oracle that shares no line with the levels below. Run this file to see both side by side.
What it costs  torch, some hundreds of megabytes to install.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses

from utils.engine import Module, Parameter, operation


def by_torch(function, *arrays):
    """(result, vjps) of a torch function of these arrays, as a rule returns them."""
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = function(*leaves)

    def vjps(g):
        gradients = torch.autograd.grad(result, leaves, torch.tensor(g), retain_graph=True)
        return [gradient.numpy().copy() for gradient in gradients]

    return result.detach().numpy(), vjps


@operation
def _normalize(x, axis, eps):
    def function(x):
        variance, mean = torch.var_mean(x, axis, correction=0, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + eps)

    return by_torch(function, x)


def normalize(x, axis, eps=1e-5):
    return _normalize(x, axis=axis, eps=eps)


@operation
def batch_norm(x, gain, shift, eps=1e-5):
    return by_torch(lambda x, gain, shift: F.batch_norm(x, None, None, gain, shift, True, eps=eps), x, gain, shift)


@operation
def layer_norm(x, gain, shift, eps=1e-5):
    return by_torch(lambda x, gain, shift: F.layer_norm(x, x.shape[-1:], gain, shift, eps), x, gain, shift)


@operation
def rms_norm(x, gain, eps=1e-5):
    return by_torch(lambda x, gain: F.rms_norm(x, x.shape[-1:], gain, eps), x, gain)


@operation
def _group_norm(x, gain, shift, groups, eps):
    return by_torch(lambda x, gain, shift: F.group_norm(x, groups, gain, shift, eps), x, gain, shift)


def group_norm(x, groups, gain, shift, eps=1e-5):
    if x.shape[1] % groups:
        raise ValueError(f"{x.shape[1]} features cannot be divided into {groups} groups")  # PyTorch: RuntimeError
    return _group_norm(x, gain, shift, groups=groups, eps=eps)


class LayerNorm(Module):
    def __init__(self, features, eps=1e-5):
        self.weight, self.bias, self.eps = Parameter(np.ones(features)), Parameter(np.zeros(features)), eps

    def forward(self, x):
        return layer_norm(x, self.weight, self.bias, eps=self.eps)


@operation
def _batch_norm(x, gain, shift, mean, variance, training, momentum, eps):
    """F.batch_norm, which changes the running statistics `mean` and `variance` in place."""
    mean, variance = torch.from_numpy(mean), torch.from_numpy(variance)
    return by_torch(
        lambda x, gain, shift: F.batch_norm(x, mean, variance, gain, shift, training, momentum, eps), x, gain, shift
    )


class BatchNorm1d(Module):
    def __init__(self, features, eps=1e-5, momentum=0.1):
        self.weight, self.bias = Parameter(np.ones(features)), Parameter(np.zeros(features))
        self.eps, self.momentum = eps, momentum
        self.register_buffer("running_mean", np.zeros(features))
        self.register_buffer("running_var", np.ones(features))

    def forward(self, x):
        options = {"mean": self.running_mean, "variance": self.running_var, "momentum": self.momentum, "eps": self.eps}
        return _batch_norm(x, self.weight, self.bias, training=self.training, **options)
