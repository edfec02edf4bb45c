"""Level 4, the PyTorch reference: the same names over torch tensors, nn.Linear and nn.init.

What changed   the Values of level 1 are torch tensors of one number (Topic 02's level 4), a layer of level 2 is
               nn.Linear, and the weights are drawn by nn.init.
What it buys   an oracle that shares no formula with the levels below. Run this file to see the five schemes beside
               level 3.
What it costs  torch, some hundreds of megabytes to install; and a transposition in each place where a matrix goes in or
               out, since nn.Linear keeps its weights as (outputs, inputs).
"""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from utils.course.loading import load

HERE = Path(__file__).resolve()
Value = load(HERE.parents[2] / "02-autograd-engine" / "solutions" / "level04-pytorch-reference.py").Value
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
SCHEMES = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "he_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "pytorch": lambda w: nn.Linear(w.shape[1], w.shape[0], dtype=w.dtype).weight,
}


class Neuron:
    def __init__(self, inputs, activation="tanh", rng=random):
        self.weights = [Value(rng.uniform(-1.0, 1.0)) for _ in range(inputs)]
        self.bias = Value(0.0)
        self.activation = activation

    def __call__(self, x):
        z = self.bias
        for w, xi in zip(self.weights, x, strict=True):
            z = w * xi + z
        return z if self.activation == "linear" else getattr(z, self.activation)()

    def parameters(self):
        return [*self.weights, self.bias]


class Layer:
    def __init__(self, inputs, outputs, activation="tanh", rng=random):
        self.neurons = [Neuron(inputs, activation, rng) for _ in range(outputs)]

    def __call__(self, x):
        results = [neuron(x) for neuron in self.neurons]
        return results if len(results) > 1 else results[0]

    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    def __init__(self, inputs, sizes, activation="tanh", rng=random):
        widths = list(pairwise([inputs, *sizes]))
        self.layers = [Layer(n, m, activation, rng) for n, m in widths[:-1]]
        self.layers.append(Layer(*widths[-1], "linear", rng))

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x if isinstance(x, list) else [x])
        return x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]


def one_hidden_node(x, y, numbers):
    hidden, output = numbers[:3], numbers[3:]
    network = module_of(as_matrices([*hidden, *output], 2, [1, 1]), "tanh")
    prediction = network(torch.tensor([x], dtype=torch.float64)).squeeze()
    loss = (prediction - y) ** 2
    loss.backward()
    gradients = torch.cat([p.grad.flatten() for p in network.parameters()])
    return prediction.item(), loss.item(), gradients.tolist()


def as_matrices(numbers, inputs, sizes):
    numbers = torch.tensor(np.array(numbers, dtype=float))
    widths = list(pairwise([inputs, *sizes]))
    if numbers.ndim != 1 or len(numbers) != sum((n + 1) * m for n, m in widths):
        raise ValueError(f"the count of numbers does not fit {inputs} inputs and the sizes {list(sizes)}")
    pieces = numbers.split([(n + 1) * m for n, m in widths])
    rows = [piece.reshape(m, n + 1) for piece, (n, m) in zip(pieces, widths, strict=True)]
    return [(r[:, :-1].T.clone().numpy(), r[:, -1].clone().numpy()) for r in rows]


def module_of(layers, activation):
    """nn.Sequential of nn.Linear modules that hold copies of the given weights and biases, in float64."""
    modules = []
    for w, b in layers:
        linear = nn.Linear(*w.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(np.array(w, dtype=float)).T)  # (outputs, inputs)
            linear.bias.copy_(torch.tensor(np.array(b, dtype=float)))
        modules += [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*modules[:-1])


def forward(x, layers, activation="tanh"):
    with torch.inference_mode():
        return module_of(layers, activation)(torch.tensor(np.array(x, dtype=float))).numpy()


def init_weights(inputs, outputs, scheme, rng):
    if scheme not in SCHEMES:
        raise ValueError(f"no scheme is called {scheme!r}")
    with torch.random.fork_rng():  # torch has a generator of its own; rng only chooses where it starts
        torch.manual_seed(int(rng.integers(2**31)))
        return SCHEMES[scheme](torch.empty(outputs, inputs, dtype=torch.float64)).detach().T.numpy().copy()


def activation_statistics(x, layers, activation="tanh"):
    found, h = [], torch.tensor(np.array(x, dtype=float))
    with torch.inference_mode():
        for module in module_of(layers, activation)[:-1]:
            h = module(h)
            if not isinstance(module, nn.Linear):
                dead = (h == 0).all(dim=0).sum().item()
                found.append((h.mean().item(), h.std(correction=0).item(), dead))
    return found


class Inference:
    """torch.inference_mode allocates as it likes, and frees each layer's output at once."""

    def __init__(self, layers, rows, activation="tanh"):
        self.module, self.rows = module_of(layers, activation), rows

    def __call__(self, x):
        if len(x) > self.rows:
            raise ValueError(f"{len(x)} examples, but {self.rows} were announced")
        with torch.inference_mode():
            return self.module(torch.tensor(np.array(x, dtype=float))).numpy()


def main():
    level3 = load(HERE.with_name("level03-memory-efficient.py"))
    inputs, outputs = 400, 100
    print(f"{inputs} inputs, {outputs} outputs      std * sqrt(inputs)        largest weight")
    print(f"{'':<18} {'level 3':>12} {'PyTorch':>10} {'level 3':>12} {'PyTorch':>10}")
    for scheme in SCHEMES:
        mine, torchs = (
            m(inputs, outputs, scheme, np.random.default_rng(0)) for m in (level3.init_weights, init_weights)
        )
        scale = inputs**0.5
        print(f"{scheme:<18} {mine.std() * scale:>12.3f} {torchs.std() * scale:>10.3f} "
              f"{abs(mine).max():>12.4f} {abs(torchs).max():>10.4f}")  # fmt: skip
    layers = [(level3.init_weights(n, m, "he_normal", np.random.default_rng(n)), np.full(m, 0.1))
              for n, m in pairwise([10, 30, 20, 3])]  # fmt: skip
    x = np.random.default_rng(1).normal(size=(5, 10))
    for activation in ACTIVATIONS:
        gap = np.abs(level3.forward(x, layers, activation) - forward(x, layers, activation)).max()
        print(f"the same weights, {activation}: outputs differ by {gap:.0e}")


if __name__ == "__main__":
    main()
