"""Given, to read and to run: neuron, layer and multi-layer perceptron made of Values. In Topic 05 you write them."""

import random
from itertools import pairwise

from utils.engine import Value


class Neuron:
    """tanh(w1*x1 + … + wn*xn + b); the weights start between -1 and 1, the bias at 0."""

    def __init__(self, inputs, rng=random):
        self.weights = [Value(rng.uniform(-1.0, 1.0)) for _ in range(inputs)]
        self.bias = Value(0.0)

    def __call__(self, x):
        return sum((w * xi for w, xi in zip(self.weights, x, strict=True)), self.bias).tanh()

    def parameters(self):
        return [*self.weights, self.bias]


class Layer:
    """Neurons side by side, all reading the same inputs; a layer of one neuron returns its value, not a list."""

    def __init__(self, inputs, outputs, rng=random):
        self.neurons = [Neuron(inputs, rng) for _ in range(outputs)]

    def __call__(self, x):
        results = [neuron(x) for neuron in self.neurons]
        return results[0] if len(results) == 1 else results

    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    """Layers one after another: MLP(3, [4, 4, 1]) has three inputs, two hidden layers of four, and one output.

    `rng` draws the weights; random.Random(seed) draws the same ones again.
    """

    def __init__(self, inputs, sizes, rng=random):
        self.layers = [Layer(n, m, rng) for n, m in pairwise([inputs, *sizes])]

    def __call__(self, x):
        for layer in self.layers:
            # The last layer may return one Value, a hidden one of a single neuron as well: the next expects a list.
            x = layer(x if isinstance(x, (list, tuple)) else [x])
        return x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]
