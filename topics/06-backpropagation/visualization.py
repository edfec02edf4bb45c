"""See what a network has learnt: the loss on a logarithmic scale, and its answers over the whole square.

    python3 learn.py run topics/06-backpropagation/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/06-backpropagation/visualization.py --candidate level02 --seed 3
        draws another one, with another seed

The numbers are printed; xor.svg is saved in the current folder, or in --out. Blue is 1 and orange is 0, for the answers
and for the targets alike.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.loading import load
from utils.plots import decision_boundary, side_by_side, training_curves

train = load(Path(__file__).resolve().with_name("train.py"), "backpropagation_train")


def picture(network, losses, seed):
    """The losses over the steps, and the answers over the square with the line at 0.5."""
    return side_by_side(
        f"XOR, 2-3-2-1, seed {seed}",
        training_curves(losses, target=0.01, title=f"Loss at each step, seed {seed}"),
        decision_boundary(
            lambda points: network.forward(np.array(points)),
            train.SAMPLES,
            train.TARGETS,
            title="Answers to both inputs",
        ),
    )


def xor(candidate, seed=4):
    """The picture of a seed, trained on the spot."""
    return picture(*train.by_the_document(candidate, np.random.default_rng(seed)), seed)


def main():
    parser = argparse.ArgumentParser(description="Draw what a network has learnt of XOR.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level04, or the path of a file")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for the SVG file")
    arguments = parser.parse_args()
    candidate = train.chosen(arguments.candidate)
    try:
        print(train.story(candidate, arguments.seed))
        print("drawn in", xor(candidate, arguments.seed).save(arguments.out / "xor.svg"))
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
