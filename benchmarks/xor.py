"""How many of 200 seeds learn XOR: python3 benchmarks/xor.py [--candidate level02] [--seeds 200]

Counted are the seeds 0, 1, ... after which all four samples are on the right side of 0.5. Not a test: some hundreds of
thousands of steps. The three recipes are functions of topics/06-backpropagation/train.py.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from utils.course.loading import load  # noqa: E402  the checkout must be on the path first

train = load(ROOT / "topics" / "06-backpropagation" / "train.py", "backpropagation_train")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidate", default="level03")
    parser.add_argument("--seeds", type=int, default=200)
    arguments = parser.parse_args()
    candidate = train.chosen(arguments.candidate)
    for name, recipe, generator in (
        ("2-3-2-1 ReLU, He, MSE, rate 1, 1,000 steps", train.by_the_document, np.random.default_rng),
        ("the same, weights from RandomState(seed)", train.by_the_document, np.random.RandomState),
        ("2-8-1 tanh, Xavier, BCE, Adam, 300 steps", train.with_adam, np.random.default_rng),
    ):
        learnt = train.count(candidate, recipe, arguments.seeds, generator)
        print(f"{name:<44} {learnt:>3} of {arguments.seeds} seeds learn", flush=True)


if __name__ == "__main__":
    main()
