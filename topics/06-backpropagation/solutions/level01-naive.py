"""Level 1, naive: one neuron, and a network of three layers written out, one line for each gradient.

What changed   nothing; this is where it starts. Every intermediate result has a name, and `cache` keeps all of them.
What it buys   each line of `backward` can be read beside the line of `forward` that it belongs to.
What it costs  the number of layers is in the text of the program: a fourth one means writing eight more lines.
               z and h of each layer are both kept, though one would do.
"""

# ruff: noqa: N803, N806  X, W1 and dW1 are the names that the mathematics uses

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(0, z)


def chain_rule(x):
    g = x**2
    dg_dx = 2 * x
    dy_dg = 2
    return 2 * g + 1, dy_dg * dg_dx


def neuron(x, y, w, b, activation="sigmoid"):
    z = w * x + b
    y_hat = sigmoid(z)
    loss = (y_hat - y) ** 2
    dy_hat = 2 * (y_hat - y)
    dz = dy_hat * y_hat * (1 - y_hat)
    dw = dz * x
    db = dz
    return {"z": z, "y_hat": y_hat, "loss": loss, "dy_hat": dy_hat, "dz": dz, "dw": dw, "db": db}


class ManualMLP:
    def __init__(self, input_size=2, hidden1_size=3, hidden2_size=2, output_size=1, rng=None):
        rng = rng or np.random.default_rng()
        self.W1 = rng.standard_normal((input_size, hidden1_size)) * np.sqrt(2 / input_size)
        self.b1 = np.zeros((1, hidden1_size))
        self.W2 = rng.standard_normal((hidden1_size, hidden2_size)) * np.sqrt(2 / hidden1_size)
        self.b2 = np.zeros((1, hidden2_size))
        self.W3 = rng.standard_normal((hidden2_size, output_size)) * np.sqrt(2 / hidden2_size)
        self.b3 = np.zeros((1, output_size))
        self.cache = {}

    def forward(self, X):
        z1 = X @ self.W1 + self.b1  # (n, hidden1)
        h1 = relu(z1)
        z2 = h1 @ self.W2 + self.b2  # (n, hidden2)
        h2 = relu(z2)
        z3 = h2 @ self.W3 + self.b3  # (n, outputs)
        y_hat = sigmoid(z3)
        self.cache = {"X": X, "z1": z1, "h1": h1, "z2": z2, "h2": h2, "y_hat": y_hat}
        return y_hat

    def compute_loss(self, y_hat, y):
        return float(np.mean((y_hat - y) ** 2))

    def backward(self, y):
        X, z1, h1, z2, h2, y_hat = (self.cache[name] for name in ("X", "z1", "h1", "z2", "h2", "y_hat"))
        dy_hat = 2 * (y_hat - y) / y_hat.size  # by the number of entries, because the loss is their mean
        dz3 = dy_hat * y_hat * (1 - y_hat)
        dW3 = h2.T @ dz3
        db3 = dz3.sum(axis=0, keepdims=True)  # the one b3 was used by every sample of the batch: its uses add up
        dh2 = dz3 @ self.W3.T
        dz2 = dh2 * (z2 > 0)
        dW2 = h1.T @ dz2
        db2 = dz2.sum(axis=0, keepdims=True)
        dh1 = dz2 @ self.W2.T
        dz1 = dh1 * (z1 > 0)
        dW1 = X.T @ dz1
        db1 = dz1.sum(axis=0, keepdims=True)
        return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2, "dW3": dW3, "db3": db3}

    def update_params(self, grads, learning_rate=0.01):
        self.W1 = self.W1 - learning_rate * grads["dW1"]
        self.b1 = self.b1 - learning_rate * grads["db1"]
        self.W2 = self.W2 - learning_rate * grads["dW2"]
        self.b2 = self.b2 - learning_rate * grads["db2"]
        self.W3 = self.W3 - learning_rate * grads["dW3"]
        self.b3 = self.b3 - learning_rate * grads["db3"]


def train(network, X, y, learning_rate=1.0, steps=1000):
    losses = []
    for _ in range(steps):
        y_hat = network.forward(X)
        losses.append(network.compute_loss(y_hat, y))
        network.update_params(network.backward(y), learning_rate)
    return losses
