"""Level 2, from logits: arrays, classes, and no probability before its logarithm.

What changed   `mse` takes arrays of one shape. The losses of classes start from logits: softmax and logarithm are one
               formula, and the largest logit of a row is subtracted before anything is raised to a power.
What it buys   no overflow and no log(0): a logit of 1000 for the wrong class is a loss of 1000. The two slopes cancel,
               and the gradient is "probability minus target" in every form of the targets.
What it costs  memory: `cross_entropy` of 4,000 examples and 50 classes holds 3 arrays of 1.6 MB at its peak, of which
               one, the gradient, is wanted.
"""

import math

import numpy as np

from utils.engine import Value


def mse(predictions, targets, reduction="mean"):
    predictions, targets = equally_shaped(predictions, targets)
    gaps = predictions - targets
    return reduced((gaps * gaps).sum(), 2 * gaps, gaps.size, reduction)


def neuron(x, y, w, b, activation="sigmoid"):
    z = w * x + b
    if activation == "sigmoid":
        prediction = 1 / (1 + math.exp(-z))
        slope = prediction * (1 - prediction)
    else:
        prediction = max(0.0, z)
        slope = 1.0 if z > 0 else 0.0
    loss = (prediction - y) ** 2
    dz = 2 * (prediction - y) * slope  # each factor is the slope of one line; upstream comes first
    return prediction, loss, dz * x, dz


def neuron_on_engine(x, y, w, b, activation="sigmoid", value_class=Value):
    w, b = value_class(w), value_class(b)
    z = w * x + b
    prediction = z.sigmoid() if activation == "sigmoid" else z.relu()
    loss = (prediction - y) ** 2
    loss.backward()
    return prediction.data, loss.data, w.grad, b.grad


def log_loss(probabilities, targets):
    count = len(probabilities)
    pairs = list(zip(probabilities, targets, strict=True))
    loss = sum(-(y * math.log(p) + (1 - y) * math.log(1 - p)) for p, y in pairs) / count
    return loss, [(p - y) / (p * (1 - p)) / count for p, y in pairs]


def log_sum_exp(logits):
    logits = np.asarray(logits, dtype=float)  # (..., C)
    largest = logits.max(axis=-1, keepdims=True)  # (..., 1)
    # exp(a) / exp(m) = exp(a - m), and no difference is above 0; the m is added again outside of the logarithm.
    return np.log(np.exp(logits - largest).sum(axis=-1)) + largest[..., 0]


def softmax(logits):
    logits = np.asarray(logits, dtype=float)  # (..., C)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def cross_entropy(logits, targets, reduction="mean"):
    logits = np.asarray(logits, dtype=float)  # (N, C)
    targets = one_hot(targets, logits.shape)  # (N, C)
    # Minus infinity times 0 is no number, and an impossible class that is not asked for costs 0.
    wanted = (targets * np.where(targets > 0, logits, 0.0)).sum()
    return reduced(log_sum_exp(logits).sum() - wanted, softmax(logits) - targets, len(logits), reduction)


def bce_with_logits(logits, targets, reduction="mean"):
    logits, targets = equally_shaped(logits, targets)
    power = np.exp(-np.abs(logits))  # of a number that is never positive, so it never overflows
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(power)
    probabilities = np.where(logits >= 0, 1.0, power) / (1 + power)
    return reduced(losses.sum(), probabilities - targets, losses.size, reduction)


# Shared ---------------------------------------------------------------------------------------------------------------


def reduced(total, gradient, count, reduction):
    """(loss, gradient) of a total: what divides the loss divides its gradient as well."""
    divisor = count if reduction == "mean" else 1
    return float(total) / divisor, gradient / divisor


def equally_shaped(predictions, targets):
    predictions, targets = np.asarray(predictions, dtype=float), np.asarray(targets, dtype=float)
    # Without this, (N, 1) minus (N,) is broadcast to (N, N), and the mean of that trains on without a word.
    if predictions.shape != targets.shape:
        raise ValueError(f"shapes {predictions.shape} and {targets.shape} differ")
    return predictions, targets


def one_hot(targets, shape):
    """Targets in either form as rows of numbers, (N, C)."""
    targets = np.asarray(targets)
    count, classes = shape
    if targets.shape == shape:
        return targets.astype(float)
    if targets.shape != (count,) or targets.dtype.kind not in "iu":
        raise ValueError(f"targets must be {count} whole numbers or an array {shape}, not {targets.shape}")
    # NumPy would take -1 for the last class.
    if count and not 0 <= targets.min() <= targets.max() < classes:
        raise ValueError(f"a class index lies outside 0 ... {classes - 1}")
    rows = np.zeros(shape)
    rows[np.arange(count), targets] = 1.0
    return rows
