"""See what this topic is about: the tree of a network, and what it answers after it has been trained.

    python3 learn.py run topics/09-modules/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/09-modules/visualization.py --candidate level02
        draws another one

The tree is printed as text; spirals.svg is saved in the current folder, or in --out. What is not written yet is left
out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.plots import decision_boundary

TOPIC = Path(__file__).resolve().parent.name
STEPS = 600


def network(candidate):
    """Three layers from two numbers to one."""
    wide = [candidate.Linear(2, 24, rng=3), candidate.Linear(24, 24, rng=4), candidate.Linear(24, 1, rng=5)]
    return candidate.Sequential(wide[0], candidate.Tensor.tanh, wide[1], candidate.Tensor.tanh, wide[2])


def tree_text(candidate):
    """One line for each module and each of its parameters: name, shape, how many numbers, and a bar for its share."""
    net = network(candidate)
    total = sum(p.data.size for p in net.parameters())
    named = list(net.named_parameters())
    rows = []
    for name, module in net.named_modules():
        depth = name.count(".") + 1 if name else 0
        rows.append(f"{'  ' * depth}{name or 'the whole'} ({type(module).__name__})")
        for own, p in named:
            road, _, attribute = own.rpartition(".")
            if road == name:
                share = "#" * max(1, round(40 * p.data.size / total))
                rows.append(f"{'  ' * (depth + 1)}{attribute:<8} {p.shape!s:<10} {p.data.size:>5}  {share}")
    return "\n".join([*rows, f"{total} numbers, {8 * total / 1000:g} kB in float64"])


def two_spirals():
    """120 points on two spirals that wind round each other, and for each 1 or -1."""
    t = np.linspace(0.5, 2.0, 60)
    one = np.stack([t * np.cos(3 * t), t * np.sin(3 * t)], axis=1)
    return np.concatenate([one, -one]), np.repeat([1.0, -1.0], 60)


def spirals(candidate):
    """What the network answers over the square, after so many steps of momentum on two spirals."""
    points, labels = two_spirals()
    net = network(candidate)
    velocity = [np.zeros(p.shape) for p in net.parameters()]
    for _ in range(STEPS):
        error = net(candidate.Tensor(points)) - labels[:, None]
        net.zero_grad()
        (error * error).mean().backward()
        for p, v in zip(net.parameters(), velocity, strict=True):
            v *= 0.9
            v += p.grad
            p.data -= 0.05 * v

    def answers(asked):
        return net(candidate.Tensor(np.array(asked))).data[:, 0].tolist()

    few = slice(None, None, 6)  # drawn; it has learnt all of them
    return decision_boundary(
        answers, points[few].tolist(), labels[few].tolist(), level=0.0, title=f"After {STEPS} steps", cells=30
    )


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for spirals.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))

    def drawn(candidate):
        return f"drawn in {spirals(candidate).save(arguments.out / 'spirals.svg')}"

    for heading, text in (("The tree of a network", tree_text), ("What it answers, trained on two spirals", drawn)):
        print(heading)
        try:
            print(text(candidate))
        except (NotImplementedError, AttributeError) as missing:
            print(f"not yet: {missing}")
        print()


if __name__ == "__main__":
    main()
