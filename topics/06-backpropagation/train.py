"""Train XOR with your network: seeds 4 and 3 to look at, or many seeds to count.

python3 learn.py run topics/06-backpropagation/train.py
    seed 4, which learns, and seed 3, which is dead, with your ManualMLP, or level 3 before you start
python3 learn.py run topics/06-backpropagation/train.py --seeds 20
    how many of the first 20 seeds learn, with ManualMLP and with MLP((2, 8, 1)) and Adam
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
SAMPLES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = np.array([[0.0], [1.0], [1.0], [0.0]])


def chosen(name=None):
    """The candidate with this name; without one yours, or level 3 before you start."""
    topic = catalog().topic(TOPIC)
    return load_candidate(topic.candidate_path(name or ("mine" if topic.workspace_file.exists() else "level03")))


def right(y_hat):
    """How many of the four samples are on the right side of 0.5."""
    return int(((y_hat > 0.5) == (TARGETS > 0.5)).sum())


def by_the_document(candidate, rng, steps=1000):
    """A 2-3-2-1 network after gradient descent with learning rate 1, and its losses."""
    network = candidate.ManualMLP(rng=rng)
    return network, candidate.train(network, SAMPLES, TARGETS, learning_rate=1.0, steps=steps)


def with_adam(candidate, rng, steps=300, learning_rate=0.05):
    """A 2-8-1 network with tanh (so Xavier) and cross-entropy after full-batch Adam, and its losses.

    Adam keeps, for each parameter, a running mean of its gradient and one of its square, and divides the one by the
    root of the other; both begin at 0, which the two corrections make up for. Topic 07 takes it apart.
    """
    network, losses = candidate.MLP((2, 8, 1), hidden="tanh", loss="bce", rng=rng), []
    means = {name: np.zeros_like(p) for name, p in network.parameters.items()}
    squares = {name: np.zeros_like(p) for name, p in network.parameters.items()}
    for step in range(1, steps + 1):
        losses.append(network.compute_loss(network.forward(SAMPLES), TARGETS))
        grads = network.backward(TARGETS)
        for name in network.parameters:
            means[name] += 0.1 * (grads["d" + name] - means[name])
            squares[name] += 0.001 * (grads["d" + name] ** 2 - squares[name])
            size = np.sqrt(squares[name] / (1 - 0.999**step)) + 1e-8
            network.parameters[name] = network.parameters[name] - learning_rate * means[name] / (1 - 0.9**step) / size
    return network, losses


def count(candidate, recipe, seeds, generator=np.random.default_rng):
    """How many of the seeds 0, 1, ... get all four samples right."""
    return sum(right(recipe(candidate, generator(seed))[0].forward(SAMPLES)) == 4 for seed in range(seeds))


def story(candidate, seed):
    """Loss, accuracy and final predictions of one seed, in lines."""
    network, losses = by_the_document(candidate, np.random.default_rng(seed))
    y_hat = network.forward(SAMPLES)
    lines = [f"Seed {seed}"]
    lines += [f"  step {step:4}   loss {losses[step]:.6f}" for step in (0, 50, 100, 200, 500, 999)]
    lines += [f"  {x.astype(int)}  says {p[0]:.4f}, should say {int(y[0])}"
              for x, p, y in zip(SAMPLES, y_hat, TARGETS, strict=True)]  # fmt: skip
    largest = max(float(np.abs(gradient).max()) for gradient in network.backward(TARGETS).values())
    return "\n".join([*lines, f"  accuracy {right(y_hat) * 25} %, largest gradient {largest:.1e}"])


def main():
    parser = argparse.ArgumentParser(description="Train XOR with your network.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level04, or the path of a file")
    parser.add_argument("--seeds", type=int, help="count how many of the first SEEDS seeds learn")
    arguments = parser.parse_args()
    candidate = chosen(arguments.candidate)
    try:
        if not arguments.seeds:
            print(story(candidate, 4), story(candidate, 3), sep="\n\n")
            return
        learnt = count(candidate, by_the_document, arguments.seeds)
        print(f"2-3-2-1, ReLU, He, squared error, 1,000 steps: {learnt} of {arguments.seeds} seeds learn XOR")
        learnt = count(candidate, with_adam, arguments.seeds)
        print(f"2-8-1, tanh, Xavier, cross-entropy, 300 steps of Adam: {learnt} of {arguments.seeds} seeds learn XOR")
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
