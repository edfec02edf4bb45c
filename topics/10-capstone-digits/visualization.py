"""See what this topic is about: some of the digits, the losses of a training, and who is taken for whom.

    python3 learn.py run topics/10-capstone-digits/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/10-capstone-digits/visualization.py --candidate level02
        draws another one

The digits are printed as text; digits.svg is saved in the current folder, or in --out. What is not written yet is left
out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load, load_candidate
from utils.datasets import digits
from utils.plots import confusion_map, side_by_side, training_curves

HERE = Path(__file__).resolve().parent


def some_digits(many=5):
    """The first images in a row, with their labels."""
    images, labels = digits()
    train = load(HERE / "train.py")
    return train.side_by_side(images[:many], [f"a {label}" for label in labels[:many]])


def learned(candidate):
    """Two panels: the mean loss of each epoch, and for the fifth that was kept back who was taken for whom."""
    images, labels = digits()
    x, means = candidate.prepare(images), []
    net, _, test = candidate.fit(x, labels, seed=0, watch=lambda done, total, loss: means.append(float(loss)))
    guessed = np.asarray(candidate.predictions(net, x[test]))
    return side_by_side(
        "What a network has learnt",
        training_curves(means, title="Mean loss of each epoch", x_name="epoch"),
        confusion_map(
            labels[test].tolist(), guessed.tolist(), classes=list(range(10)), title="Digit, and what it read"
        ),
    )


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for digits.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(HERE.name)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    print(some_digits())
    try:
        print(f"\ndrawn in {learned(candidate).save(arguments.out / 'digits.svg')}")
    except NotImplementedError as missing:
        print(f"\nnot yet: {missing}")


if __name__ == "__main__":
    main()
