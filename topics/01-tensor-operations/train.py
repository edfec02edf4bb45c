"""Fit a plane through 20 points, on your own arrays: the first thing here that learns.

python3 learn.py run topics/01-tensor-operations/train.py
    with your NDArray, or level 3 before you start
"""

import argparse
import random
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
POINTS, STEPS, RATE = 20, 60, 0.2


def samples(candidate, seed=1):
    """(x, y): POINTS points, (POINTS, 2), and their heights 2*x0 - 3*x1 + 1 with a little noise, (POINTS, 1)."""
    dice = random.Random(seed)
    x = [[dice.gauss(0, 1), dice.gauss(0, 1)] for _ in range(POINTS)]
    y = [[2 * x0 - 3 * x1 + 1 + dice.gauss(0, 0.1)] for x0, x1 in x]
    return candidate.array(x), candidate.array(y)


def fit(candidate, x, y):
    """(weights (2, 1), bias (1,), the loss before each step), by gradient descent on the mean of the squared errors."""
    w, b, losses = candidate.array([[0.0], [0.0]]), candidate.array([0.0]), []
    for _ in range(STEPS):
        error = x @ w + b - y  # (20, 2) @ (2, 1) + (1,): the bias is stretched
        losses.append((error * error).mean()[()])
        # The slope of the loss for each weight, by hand: 2 * mean(error * x). Topic 04 derives it.
        w = w - RATE * 2 * (x.permute((1, 0)) @ error) / POINTS
        b = b - RATE * 2 * error.mean(0)
    return w, b, losses


def main():
    parser = argparse.ArgumentParser(description="Fit a plane on your own arrays.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level04, or the path of a file")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        w, b, losses = fit(candidate, *samples(candidate))
    except (NotImplementedError, AttributeError, TypeError, ValueError) as missing:
        print(f"not yet: {missing}. This needs level 2.")
        return
    for step in (0, 5, 10, 20, 40, STEPS - 1):
        print(f"step {step:>2}   loss {losses[step]:.5f}")
    print(f"weights {w[0, 0]:.3f} and {w[1, 0]:.3f}, bias {b[0]:.3f}; the points were made with 2, -3 and 1")


if __name__ == "__main__":
    main()
