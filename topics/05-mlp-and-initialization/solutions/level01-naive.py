"""Level 1, naive: neurons, layers and networks, every weight a Value.

What changed   nothing yet: this is the start. A neuron is a sum of products, a layer a list of neurons, an MLP a list
               of layers.
What it buys   backward for nothing: the output is a Value, and each parameter has its gradient after one call.
What it costs  a Value for every product and every sum: the graph of one example through MLP(3, [4, 4, 1]) holds 125 of
               them, 41 of which are the parameters. 1,000 examples take about 0.7 seconds.
"""

import random
from itertools import pairwise

from utils.engine import Value


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
