"""Level 1, naive: losses on lists of floats, and one neuron by hand and on the engine.

What changed   nothing yet: this is the start. A loss returns its value and its gradient together.
What it buys   each formula stands there as it is derived: outer slope times inner slope, divided by the count.
What it costs  Python's floats one by one: the mean of 100,000 squares takes about 150 times as long as with NumPy. And
               probabilities have ends: sigmoid(40.0) is exactly 1.0, and the logarithm of 1 - 1.0 raises.
"""

import math

from utils.engine import Value


def mse(predictions, targets, reduction="mean"):
    count = len(predictions)
    gaps = [prediction - target for prediction, target in zip(predictions, targets, strict=True)]
    return sum(gap * gap for gap in gaps) / count, [2 * gap / count for gap in gaps]


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
