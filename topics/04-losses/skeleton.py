"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 04` copies this file to `workspace/losses.py`. You work there. Nothing in it is ever
overwritten.

Every loss returns a pair (loss, gradient): one number, and d(loss)/d(first argument), shaped like that argument.
Nothing that is given to a function is changed by it.

Words used: a *prediction* is what the model says, a *target* what it should have said. A *logit* is a score before it
has become a probability: any number, from minus to plus infinity. log is the natural logarithm.
"""

import math  # noqa: F401  exp and log, from the second step on

import numpy as np  # noqa: F401  from level 2 on

from utils.engine import Value  # the engine that you have chosen: yours, or the stub

# Level 1: plain numbers and lists of numbers --------------------------------------------------------------------------


def mse(predictions, targets, reduction="mean"):
    """The mean of the squares (prediction - target)**2, no factor 1/2, and its gradient for the predictions.

    Level 1: two lists of floats, equally long; the gradient is a list. `reduction` is not asked for yet.
    Level 2: lists or arrays of any shape. "mean" divides by the number of entries, "sum" does not divide. The gradient
    may be an array. Raises ValueError unless both shapes are equal: nothing is broadcast.
    """
    raise NotImplementedError("mse")


def neuron(x, y, w, b, activation="sigmoid"):
    """(prediction, loss, dw, db) of one neuron: prediction = activation(w*x + b), loss = (prediction - y)**2.

    dw is d(loss)/dw, db is d(loss)/db, by hand. `activation` is "sigmoid", 1 / (1 + exp(-z)), or "relu", max(0, z).
    """
    raise NotImplementedError("neuron")


def neuron_on_engine(x, y, w, b, activation="sigmoid", value_class=Value):
    """The same four numbers as plain floats, with w and b as `value_class` and the gradients by its `backward`."""
    raise NotImplementedError("neuron_on_engine")


def log_loss(probabilities, targets):
    """The mean of -(y log p + (1 - y) log(1 - p)) over two lists of floats, and its gradient for p, a list.

    p lies between 0 and 1, both excluded; y between 0 and 1, both included.
    """
    raise NotImplementedError("log_loss")


# Level 2: NumPy, from logits ------------------------------------------------------------------------------------------
#
# N examples, C classes. Logits may be arrays or nested lists, of whole numbers too; all computing is done in float64.


def log_sum_exp(logits):
    """log(sum(exp(logits))) along the last axis: (..., C) -> (...). No overflow, however large the logits.

    A logit may be minus infinity (that class is impossible) as long as another one in its row is finite.
    """
    raise NotImplementedError("log_sum_exp")


def softmax(logits):
    """exp(logits) divided by its sum along the last axis: (..., C) -> (..., C). No overflow."""
    raise NotImplementedError("softmax")


def cross_entropy(logits, targets, reduction="mean"):
    """The cross-entropy of softmax(logits) and the targets, and its gradient for the logits. Logits: (N, C).

    Targets are class indices, whole numbers of shape (N,); or one-hot rows or probabilities, shape (N, C), each row
    summing to 1. "mean" divides by N, the number of examples, whatever the form; "sum" does not divide.
    The loss of one example is -log of the probability of its class, or -sum(target * log(probability)).
    A logit may be minus infinity where its target is 0: that class is impossible, and was not asked for.
    Raises ValueError for any other shape, for indices that are not whole numbers, and for an index outside 0 ... C - 1.
    Level 3: beyond the gradient, at most a quarter of its size is needed in memory, at any moment.
    """
    raise NotImplementedError("cross_entropy")


def bce_with_logits(logits, targets, reduction="mean"):
    """The log loss of sigmoid(logits) and targets, computed from the logits, and its gradient for the logits.

    Any shape, equal for both; ValueError otherwise. "mean" divides by the number of entries, "sum" does not divide.
    No overflow, and no probability is rounded to 0 or 1 before its logarithm is taken.
    """
    raise NotImplementedError("bce_with_logits")
