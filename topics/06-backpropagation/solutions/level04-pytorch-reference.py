"""Level 4, the PyTorch reference: the same names, with every gradient taken from torch.autograd.grad.

What changed   no line of a backward pass stands here. Forward is written in PyTorch's operations, in float64, and
               PyTorch goes back through them.
What it buys   an oracle that shares no formula with the levels below. Run this file to see both side by side.
What it costs  torch, some hundreds of megabytes to install; for four samples of XOR most of the time is overhead.
"""

# ruff: noqa: N803  X is the name that the mathematics uses

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses

ACTIVATIONS = {"relu": torch.relu, "leaky_relu": F.leaky_relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def leaf(thing):
    return torch.tensor(np.asarray(thing, dtype=float), requires_grad=True)


def chain_rule(x):
    x = leaf(x)
    y = 2 * x**2 + 1
    return y.item(), torch.autograd.grad(y, x)[0].item()


def neuron(x, y, w, b, activation="sigmoid"):
    w, b = leaf(w), leaf(b)
    z = w * x + b
    y_hat = ACTIVATIONS[activation](z)
    loss = (y_hat - y) ** 2
    gradients = torch.autograd.grad(loss, (y_hat, z, w, b))
    numbers = zip(("z", "y_hat", "loss", "dy_hat", "dz", "dw", "db"), (z, y_hat, loss, *gradients), strict=True)
    return {name: number.item() for name, number in numbers}


class Network:
    """What both networks share; a subclass says where its parameters are."""

    hidden, loss = "relu", "mse"

    def forward(self, X):
        self.tensors = {name: leaf(array) for name, array in self.arrays().items()}
        h, layers = torch.tensor(np.asarray(X, dtype=float)), len(self.tensors) // 2
        for k in range(1, layers + 1):
            activation = ACTIVATIONS["sigmoid" if k == layers else self.hidden]
            z = h @ self.tensors[f"W{k}"] + self.tensors[f"b{k}"]
            h = activation(z)
        self.z, self.y_hat = z, h
        return h.detach().numpy().copy()

    def compute_loss(self, y_hat, y):
        return self.criterion(torch.tensor(np.asarray(y_hat, dtype=float)), y).item()

    def criterion(self, y_hat, y):
        y = torch.tensor(np.asarray(y, dtype=float))
        if y.shape != y_hat.shape:  # F.mse_loss would only warn
            raise ValueError(f"The predictions have shape {tuple(y_hat.shape)}, the targets {tuple(y.shape)}.")
        return F.binary_cross_entropy(y_hat, y) if self.loss == "bce" else F.mse_loss(y_hat, y)

    def backward(self, y):
        loss = self.criterion(self.y_hat, y)
        if self.loss == "bce":
            # From z: the gradient of F.binary_cross_entropy fades where the sigmoid rounds to 0 or 1.
            loss = F.binary_cross_entropy_with_logits(self.z, torch.tensor(np.asarray(y, dtype=float)))
        # Kept, because the contract allows a second backward after the same forward.
        gradients = torch.autograd.grad(loss, list(self.tensors.values()), retain_graph=True)
        return {"d" + name: gradient.numpy() for name, gradient in zip(self.tensors, gradients, strict=True)}


class ManualMLP(Network):
    def __init__(self, input_size=2, hidden1_size=3, hidden2_size=2, output_size=1, rng=None):
        sizes = (input_size, hidden1_size, hidden2_size, output_size)
        for name, array in new_parameters(sizes, "relu", rng).items():
            setattr(self, name, array)

    def arrays(self):
        return {name: getattr(self, name) for name in ("W1", "b1", "W2", "b2", "W3", "b3")}

    def update_params(self, grads, learning_rate=0.01):
        for name, array in self.arrays().items():
            setattr(self, name, array - learning_rate * grads["d" + name])


class MLP(Network):
    def __init__(self, sizes, hidden="relu", loss="mse", rng=None):
        self.hidden, self.loss, self.parameters = hidden, loss, new_parameters(sizes, hidden, rng)

    def arrays(self):
        return self.parameters

    def update_params(self, grads, learning_rate=0.01):
        for name in self.parameters:
            self.parameters[name] = self.parameters[name] - learning_rate * grads["d" + name]


def new_parameters(sizes, hidden, rng):
    rng = rng or np.random.default_rng()
    parameters = {}
    for k, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        variance = 2 / (inputs + outputs) if hidden == "tanh" else 2 / inputs
        parameters[f"W{k}"] = rng.standard_normal((inputs, outputs)) * np.sqrt(variance)
        parameters[f"b{k}"] = np.zeros((1, outputs))
    return parameters


def train(network, X, y, learning_rate=1.0, steps=1000):
    losses = []
    for _ in range(steps):
        losses.append(network.compute_loss(network.forward(X), y))
        network.update_params(network.backward(y), learning_rate)
    return losses


def softmax_cross_entropy(logits, labels):
    logits = leaf(logits)
    loss = F.cross_entropy(logits, torch.tensor(np.asarray(labels), dtype=torch.long))
    return loss.item(), torch.autograd.grad(loss, logits)[0].numpy()


if __name__ == "__main__":
    from utils.course.catalog import catalog
    from utils.course.loading import load_candidate

    by_hand = load_candidate(catalog().topic("06").candidate_path("level03"))
    X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    grads = []
    for network in (by_hand.ManualMLP(rng=np.random.default_rng(4)), ManualMLP(rng=np.random.default_rng(4))):
        network.forward(X)
        grads.append(network.backward(y))
    print("tensor   shape    largest gradient   largest difference")
    for name, ours in grads[0].items():
        theirs = grads[1][name]
        print(f"{name:<8} {ours.shape!s:<8} {np.abs(theirs).max():>16.6f}   {np.abs(ours - theirs).max():>18.1e}")
