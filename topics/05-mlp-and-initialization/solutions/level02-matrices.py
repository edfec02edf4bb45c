"""Level 2, NumPy: a layer is one matrix, and the matrix is drawn so that numbers keep their size through depth.

What changed   the same MLP as pairs (W, b), one example a row; five named ways to draw W; statistics of what the hidden
               layers say.
What it buys   all examples at once: 1,000 of them through MLP(3, [4, 4, 1]) take 0.1 milliseconds, where the Values
               take 0.7 seconds. And a network of 20 layers whose last hidden layer still says something.
What it costs  no gradients: arrays do not remember where they come from (Topics 06 and 08). And `forward` makes three
               new arrays for each layer: with 512 examples and 9 layers of 256 it holds 3.2 MB at its peak.
"""

import math
import random
from itertools import pairwise

import numpy as np

from utils.engine import Value

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0.0)}


class Neuron:
    def __init__(self, inputs, activation="tanh", rng=random):
        self.weights = [Value(rng.uniform(-1.0, 1.0)) for _ in range(inputs)]
        self.bias = Value(0.0)
        self.activation = activation

    def __call__(self, x):
        # strict: zip would otherwise stop at the shorter of the two, and leave weights or inputs out without a word.
        z = sum((w * xi for w, xi in zip(self.weights, x, strict=True)), self.bias)
        return z if self.activation == "linear" else getattr(z, self.activation)()

    def parameters(self):
        return [*self.weights, self.bias]


class Layer:
    def __init__(self, inputs, outputs, activation="tanh", rng=random):
        self.neurons = [Neuron(inputs, activation, rng) for _ in range(outputs)]

    def __call__(self, x):
        results = [neuron(x) for neuron in self.neurons]
        return results[0] if len(results) == 1 else results

    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    def __init__(self, inputs, sizes, activation="tanh", rng=random):
        kinds = [activation] * (len(sizes) - 1) + ["linear"]
        steps = zip(pairwise([inputs, *sizes]), kinds, strict=True)
        self.layers = [Layer(n, m, kind, rng) for (n, m), kind in steps]

    def __call__(self, x):
        for layer in self.layers:
            # A hidden layer of one neuron gives a bare Value, and the next layer reads a list.
            x = layer(x if isinstance(x, list) else [x])
        return x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]


def one_hidden_node(x, y, numbers):
    network = MLP(2, [1, 1])
    parameters = network.parameters()
    for parameter, number in zip(parameters, numbers, strict=True):
        parameter.data = number
    prediction = network(x)
    loss = (prediction - y) ** 2
    loss.backward()
    return prediction.data, loss.data, [parameter.grad for parameter in parameters]


def as_matrices(numbers, inputs, sizes):
    numbers = np.array(numbers, dtype=float)
    wanted = sum((n + 1) * m for n, m in pairwise([inputs, *sizes]))
    if numbers.shape != (wanted,):
        raise ValueError(f"{wanted} numbers are needed, not an array of shape {numbers.shape}")
    layers, start = [], 0
    for n, m in pairwise([inputs, *sizes]):
        rows = numbers[start : start + (n + 1) * m].reshape(m, n + 1)  # one row a neuron: its weights, then its bias
        layers.append((rows[:, :-1].T.copy(), rows[:, -1].copy()))
        start += (n + 1) * m
    return layers


def forward(x, layers, activation="tanh"):
    *hidden, (last_w, last_b) = layers
    h = np.asarray(x, dtype=float)  # (examples, inputs)
    for w, b in hidden:
        h = ACTIVATIONS[activation](h @ w + b)
    return h @ last_w + last_b


def init_weights(inputs, outputs, scheme, rng):
    shape = (inputs, outputs)
    if scheme == "pytorch":
        return uniform(rng, 1 / math.sqrt(inputs), shape)
    # The variance that each scheme asks for; a uniform distribution on (-bound, bound) has the variance bound**2 / 3.
    variances = {"xavier": 2 / (inputs + outputs), "he": 2 / inputs}
    name, _, kind = scheme.partition("_")
    if name not in variances or kind not in ("uniform", "normal"):
        raise ValueError(f"no scheme is called {scheme!r}")
    if kind == "normal":
        return rng.normal(0.0, math.sqrt(variances[name]), shape)
    return uniform(rng, math.sqrt(3 * variances[name]), shape)


def uniform(rng, bound, shape):
    return rng.uniform(-bound, bound, shape)


def activation_statistics(x, layers, activation="tanh"):
    found, h = [], np.asarray(x, dtype=float)
    for w, b in layers[:-1]:
        h = ACTIVATIONS[activation](h @ w + b)
        # A unit is a column: it is dead if no row, that is no example, wakes it.
        found.append((float(h.mean()), float(h.std()), int((h == 0).all(axis=0).sum())))
    return found
