"""The course's mathematics, ready for a notebook or a script of your own: activations, losses, optimizers, checks.

    from scripts.math_utils import Adam, check_gradient, softmax

Nothing is taught here and next to nothing implemented: the pieces come from the finished levels of the topics that do
teach them, so they are the ones that the tests of the course judge.

    sigmoid, relu                            Topic 06, level 3
    softmax, mse_loss, cross_entropy_loss    Topic 04, level 3
    SGD, SGDMomentum, Adam, AdamW            Topic 07, level 3
    numerical_gradient, check_gradient       utils/finite_difference_checker.py

All functions take numbers, lists or NumPy arrays, compute in float64, and change nothing that they are given.

The optimizers are used in one way, on an array or on a list of arrays, and give back new arrays:

    opt = Adam(lr=0.1)
    params = opt.step(params, grads)

`SGD(lr)`, `SGDMomentum(lr, momentum)`, `Adam(lr, beta1, beta2, eps)`, `AdamW(lr, beta1, beta2, eps, weight_decay)`; the
formulas are in the skeleton of Topic 07. With `in_place=True` the caller's own arrays are changed instead.
"""

import numpy as np

from utils import finite_difference_checker
from utils.course.catalog import catalog
from utils.course.loading import load_once

__all__ = [  # noqa: RUF022  in the order of the table above
    "sigmoid", "sigmoid_derivative", "relu", "relu_derivative", "softmax", "mse_loss", "cross_entropy_loss",
    "SGD", "SGDMomentum", "Adam", "AdamW", "numerical_gradient", "check_gradient",
]  # fmt: skip

_losses, _backpropagation, _optimizers = (
    load_once(catalog().topic(number).solution(3)) for number in ("04", "06", "07")
)

SGD, SGDMomentum, Adam, AdamW = _optimizers.SGD, _optimizers.Momentum, _optimizers.Adam, _optimizers.AdamW


def sigmoid(z):
    """1 / (1 + exp(-z)), shaped like z, without overflow."""
    return _backpropagation.sigmoid(np.asarray(z, dtype=float))


def sigmoid_derivative(z):
    """The slope of the sigmoid at z (not at sigmoid(z)), shaped like z."""
    s = sigmoid(z)
    return s * (1 - s)


def relu(z):
    """max(0, z), shaped like z."""
    return _backpropagation.relu(np.asarray(z, dtype=float))


def relu_derivative(z):
    """1 where z is above 0, otherwise 0 (at exactly 0 too, as in PyTorch), shaped like z."""
    return np.where(np.asarray(z) > 0, 1.0, 0.0)


def softmax(logits):
    """exp(logits) divided by its sum along the last axis, without overflow: (..., C) -> (..., C)."""
    return _losses.softmax(logits)


def mse_loss(predictions, targets):
    """The mean of the squares (prediction - target)**2, one float. Raises ValueError unless both shapes are equal."""
    return _losses.mse(predictions, targets)[0]


def cross_entropy_loss(logits, targets):
    """The mean over the examples of -log softmax(logits) at the target, one float. Logits: (N, C).

    Targets are class indices, (N,), or rows of probabilities, (N, C). Raises ValueError for anything else.
    """
    return _losses.cross_entropy(logits, targets)[0]


def numerical_gradient(f, x):
    """The gradient of f at x by finite differences, shaped like x. f takes such an x and gives back one number."""
    return finite_difference_checker.numerical_gradient(f, x)[0]


def check_gradient(f, x, gradient):
    """A report on whether `gradient` is that of f at x: true if it is, and `print(report)` says what is off."""
    return finite_difference_checker.check_gradients(f, x, gradients=[gradient])
