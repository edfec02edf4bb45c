"""Train your network on the digits: a bar while it learns, its score, whom it takes for whom, and a file to keep.

python3 learn.py run topics/10-capstone-digits/train.py
    one split, with your file, or level 3 before you start
python3 learn.py run topics/10-capstone-digits/train.py --seeds 0 1 2 3 4
    five splits, and the mean of their scores

digits-net.npz, losses.svg and confusion.svg of the first seed are saved in the current folder, or in --out.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from utils.course import ownership
from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.datasets import digits, picture
from utils.plots import confusion_map, spark, training_curves

TOPIC = Path(__file__).resolve().parent.name


def chosen(name=None):
    """The candidate with this name; without one yours, or level 3 before you start."""
    topic = catalog().topic(TOPIC)
    return load_candidate(topic.candidate_path(name or ("mine" if topic.workspace_file.exists() else "level03")))


def bar_of(candidate, out):
    """What `fit` may call after each epoch: one line that is written again and again, or lines where nobody watches."""

    def watch(done, total, loss):
        end = "\n" if done == total or not out.isatty() else "\r"
        if out.isatty() or done == total or done % 10 == 0:
            print(candidate.progress_bar(done, total, loss), end=end, file=out, flush=True)

    return watch


def side_by_side(images, words):
    """Pictures of digits in a row, each under its words."""
    blocks = [[text, *picture(image).splitlines()] for image, text in zip(images, words, strict=True)]
    return "\n".join("   ".join(line.ljust(20) for line in lines).rstrip() for lines in zip(*blocks, strict=True))


def report(candidate, net, losses, test, images, labels, out):
    """The score of a trained network on its test fifth, in words and pictures, and the network in a file."""
    x = candidate.prepare(images[test])
    guessed = np.asarray(candidate.predictions(net, x))
    wrong = np.flatnonzero(guessed != labels[test])
    print(f"loss     {spark(losses, log=True)}")
    print(
        f"accuracy {100 * candidate.accuracy(net, x, labels[test]):.1f} % of {len(test)} images that it has never seen"
    )
    counts = np.array(candidate.confusion(labels[test], guessed))
    np.fill_diagonal(counts, 0)
    pairs = sorted(((int(counts[pair]), pair) for pair in zip(*np.nonzero(counts), strict=True)), reverse=True)
    print("mistakes " + ", ".join(f"{r} for {c}: {many}" for many, (r, c) in pairs[:6]))
    if len(wrong):
        words = [f"a {labels[test[k]]}, taken for {guessed[k]}" for k in wrong[:4]]
        print("\n" + side_by_side(images[test[wrong[:4]]], words) + "\n")
    net.save(out / "digits-net.npz")
    training_curves(losses, title="Loss of each batch").save(out / "losses.svg")
    confusion_map(labels[test].tolist(), guessed.tolist(), classes=list(range(10))).save(out / "confusion.svg")
    print(f"saved    digits-net.npz, losses.svg, confusion.svg in {out.resolve().name}/")


def main():
    parser = argparse.ArgumentParser(description="Train your network on the digits.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one split and one training for each")
    parser.add_argument("--out", type=Path, default=Path(), help="where the network and the pictures are saved")
    arguments = parser.parse_args()
    candidate = chosen(arguments.candidate)
    images, labels = digits()
    try:
        x, shares = candidate.prepare(images), []
        for seed in arguments.seeds:
            print(f"seed {seed}")
            net, losses, test = candidate.fit(x, labels, seed=seed, watch=bar_of(candidate, sys.stdout))
            shares.append(candidate.accuracy(net, x[test], labels[test]))
            if seed == arguments.seeds[0]:
                report(candidate, net, losses, test, images, labels, arguments.out)
        if len(shares) > 1:
            print("accuracy " + ", ".join(f"{100 * share:.1f}" for share in shares), "%")
            print(f"mean     {100 * np.mean(shares):.2f} %")
    except NotImplementedError as missing:
        print(f"not yet: {missing}")
    else:
        print(ownership.trained_on(catalog().topic(TOPIC)))


if __name__ == "__main__":
    main()
