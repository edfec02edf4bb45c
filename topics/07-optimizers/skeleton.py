"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 07` copies this file to `workspace/optimizers.py`. You work there. Nothing in it is ever
overwritten.

Every optimizer is used in the same way:

    opt = Adam(lr=0.1)
    params = opt.step(params, grads)  # once for each gradient

`params` are what is learned, `grads` the gradient of the loss for each of them. Level 1: one array of floats, and its
gradient of the same shape. From level 2 on: one array, or a list of arrays with a list of gradients in the same order;
you get back what you gave, an array or a list. `step` raises ValueError if a gradient has another shape than its
parameter, or if the lists differ in length.

Levels 1 and 2: new arrays come back; the caller's parameters and gradients stay as they are. Level 3: with
`in_place=True` the caller's own arrays are changed and handed back (gradients never are), and everything an optimizer
needs is allocated in its first step. Until then `in_place` is not asked for; leave it where it is.

Each instance keeps a state of its own, one for each array of the list, by its place. `lr`, the learning rate, is an
attribute that may be set to another number between two steps.

Words used: t counts the steps of an instance, from 1. g is a gradient, p a parameter; every formula holds for each of
their numbers alone.
"""

import math  # noqa: F401

import numpy as np  # noqa: F401  from level 2 on

# Level 1: one array, two rules ----------------------------------------------------------------------------------------


class SGD:
    """Gradient descent: p - lr*g."""

    def __init__(self, lr=0.1, in_place=False):
        raise NotImplementedError("SGD")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("SGD")


class Momentum:
    """A velocity v that starts at 0: v becomes momentum*v + g, then p - lr*v (Polyak 1964, as in torch.optim.SGD)."""

    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        raise NotImplementedError("Momentum")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("Momentum")


# Level 2: an array or a list of arrays, and what real training uses ---------------------------------------------------


class Nesterov:
    """Momentum that looks ahead: v becomes momentum*v + g, then p - lr*(g + momentum*v), with the new v."""

    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        raise NotImplementedError("Nesterov")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("Nesterov")


class RMSProp:
    """A mean s of the squares, from 0: s becomes decay*s + (1 - decay)*g**2, then p - lr*g / (sqrt(s) + eps)."""

    def __init__(self, lr=0.01, decay=0.99, eps=1e-8, in_place=False):
        raise NotImplementedError("RMSProp")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("RMSProp")


class Adam:
    """Means of the gradients and of their squares, both corrected for starting at 0 (Kingma and Ba 2015).

    m becomes beta1*m + (1 - beta1)*g, v becomes beta2*v + (1 - beta2)*g**2; then, at step t,
    p - lr * m/(1 - beta1**t) / (sqrt(v/(1 - beta2**t)) + eps).
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, in_place=False):
        raise NotImplementedError("Adam")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("Adam")


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    The step of Adam, and besides, from the parameters before the step: - lr*weight_decay*p. The decay never enters m
    or v.
    """

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, in_place=False):
        raise NotImplementedError("AdamW")

    def step(self, params, grads):
        """The parameters after one step."""
        raise NotImplementedError("AdamW")


def warmup_cosine(step, warmup, total, peak, floor=0.0):
    """The learning rate for a step, counted from 1: up in a straight line, then down along half a cosine.

    peak * step/warmup while step <= warmup; then floor + (peak - floor) * (1 + cos(pi*u))/2, where u goes from 0 at
    `warmup` to 1 at `total`; and floor after `total`. warmup may be 0, and lies below total.
    """
    raise NotImplementedError("warmup_cosine")


def clip_by_global_norm(grads, limit):
    """(clipped, norm): all gradients times one factor, so that their common norm is at most `limit`.

    norm is the square root of the sum of all squares, over every array of the list, before the clipping. Where it does
    not exceed `limit`, the numbers stay the same. An array gives an array, a list a list; always new arrays.
    """
    raise NotImplementedError("clip_by_global_norm")
