"""Write recorded.json: networks with what PyTorch finds for them, so that levels 1 to 3 need no torch.

    python topics/06-backpropagation/tests/record.py

The same seed gives the same file. Kept are only networks that can tell a right backward from a wrong one: no z near the
kink of ReLU, every hidden layer with units that are on and units that are off, no gradient of zeros.
"""

# ruff: noqa: N803, N806  X and W are the names that the mathematics uses

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses

XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
ACTIVATIONS = {"relu": torch.relu, "leaky_relu": F.leaky_relu, "tanh": torch.tanh}
# name -> sizes, hidden, loss, number of samples (0: the four of XOR)
CASES = {
    "xor": ((2, 3, 2, 1), "relu", "mse", 0),
    "one sample": ((2, 3, 2, 1), "relu", "mse", 1),
    "two outputs": ((3, 4, 3, 2), "relu", "mse", 5),
    "four layers": ((2, 4, 3, 2, 1), "relu", "mse", 6),
    "four layers, two outputs": ((3, 5, 4, 3, 2), "relu", "mse", 5),
    "tanh": ((2, 4, 3, 1), "tanh", "mse", 5),
    "leaky": ((2, 4, 3, 1), "leaky_relu", "mse", 5),
    "bce": ((2, 4, 3, 1), "relu", "bce", 6),
    "bce, two outputs": ((3, 4, 2), "tanh", "bce", 5),
}


def run(sizes, hidden, loss, X, y, parameters):
    """(z of each hidden layer, y_hat, loss, gradients) in double precision."""
    tensors = {name: torch.tensor(p, dtype=torch.float64, requires_grad=True) for name, p in parameters.items()}
    h, zs = torch.tensor(X, dtype=torch.float64), []
    for k in range(1, len(sizes)):
        z = h @ tensors[f"W{k}"] + tensors[f"b{k}"]
        h = torch.sigmoid(z) if k == len(sizes) - 1 else ACTIVATIONS[hidden](z)
        zs.append(z.detach().numpy())
    target = torch.tensor(y, dtype=torch.float64)
    value = F.binary_cross_entropy(h, target) if loss == "bce" else F.mse_loss(h, target)
    value.backward()
    return zs[:-1], h.detach().numpy(), value.item(), {f"d{name}": p.grad.numpy() for name, p in tensors.items()}


def telling(hidden, zs, gradients):
    mixed = all(0 < (z > 0).sum() < z.size and np.abs(z).min() > 0.02 for z in zs)
    per_sample = len(zs[0]) == 1 or all(((z > 0).any(axis=0)).all() for z in zs)
    return ((mixed and per_sample) or hidden == "tanh") and all(np.abs(g).max() > 0.005 for g in gradients.values())


def case(sizes, hidden, loss, samples, rng):
    while True:
        X = XOR if not samples else np.round(rng.uniform(-1.5, 1.5, (samples, sizes[0])), 1).tolist()
        y = (
            [[0.0], [1.0], [1.0], [0.0]]
            if not samples
            else rng.integers(0, 2, (samples, sizes[-1])).astype(float).tolist()
        )
        parameters = {}
        for k in range(1, len(sizes)):
            parameters[f"W{k}"] = np.round(rng.uniform(-1.5, 1.5, (sizes[k - 1], sizes[k])), 1).tolist()
            parameters[f"b{k}"] = np.round(rng.uniform(-0.6, 0.6, (1, sizes[k])), 1).tolist()
        zs, y_hat, value, gradients = run(sizes, hidden, loss, X, y, parameters)
        if telling(hidden, zs, gradients):
            break
    return {
        "sizes": sizes, "hidden": hidden, "loss": loss, "X": X, "y": y, "parameters": parameters,
        "y_hat": y_hat.tolist(), "value": value, "gradients": {name: g.tolist() for name, g in gradients.items()},
    }  # fmt: skip


def history(start, learning_rate, steps):
    """The losses of full-batch gradient descent, one for each forward, and the parameters at the end."""
    parameters, losses = {name: np.array(p) for name, p in start["parameters"].items()}, []
    for _ in range(steps):
        *_, value, gradients = run(start["sizes"], start["hidden"], start["loss"], start["X"], start["y"], parameters)
        losses.append(value)
        parameters = {name: p - learning_rate * gradients[f"d{name}"] for name, p in parameters.items()}
    return {
        "learning_rate": learning_rate,
        "losses": losses,
        "parameters": {n: p.tolist() for n, p in parameters.items()},
    }


def softmax(rng):
    logits, labels = np.round(rng.uniform(-3, 3, (4, 3)), 1), rng.integers(0, 3, 4)
    tensor = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(tensor, torch.tensor(labels))
    loss.backward()
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "value": loss.item(),
        "gradient": tensor.grad.tolist(),
    }


def main():
    rng = np.random.default_rng(6)
    recorded = {name: case(*settings, rng) for name, settings in CASES.items()}
    recorded["history"] = history(recorded["xor"], 0.5, 5)
    recorded["softmax"] = softmax(rng)
    Path(__file__).with_name("recorded.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
