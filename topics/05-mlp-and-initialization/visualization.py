"""See what this topic is about: what arrives at each depth, scheme by scheme, and how many units are dead.

    python3 learn.py run topics/05-mlp-and-initialization/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/05-mlp-and-initialization/visualization.py --candidate level02
        draws another one

Everything is printed as text; depth.svg is saved in the current folder, or in --out. A picture whose functions are not
written yet is left out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.plots import curves, side_by_side

TOPIC = Path(__file__).resolve().parent.name
WIDTH, DEPTH, EXAMPLES = 100, 10, 200
SCHEMES = ("he_normal", "xavier_normal", "pytorch")


def statistics(candidate, scheme, activation):
    """activation_statistics of a random network whose weights are drawn by the scheme; biases are 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, WIDTH))
    layers = [(candidate.init_weights(WIDTH, WIDTH, scheme, rng), np.zeros(WIDTH)) for _ in range(DEPTH + 1)]
    return candidate.activation_statistics(x, layers, activation)


def depth_text(candidate, activation):
    """A table: the standard deviation of each hidden layer's output, one column for each scheme."""
    columns = [statistics(candidate, scheme, activation) for scheme in SCHEMES]
    rows = [f"{'layer':>5}" + "".join(f"{scheme:>15}" for scheme in SCHEMES)]
    rows += [f"{k + 1:>5}" + "".join(f"{column[k][1]:>15.5f}" for column in columns) for k in range(DEPTH)]
    return "\n".join(rows)


def dead_text(candidate, shifts=(0.0, -0.5, -1.0, -2.0)):
    """A table: dead units in a layer of 100 relu units with he_normal weights, for biases that were pushed down."""
    rng = np.random.default_rng(1)
    x, last = rng.normal(size=(20, 5)), (np.zeros((WIDTH, 1)), np.zeros(1))
    w = candidate.init_weights(5, WIDTH, "he_normal", rng)
    rows = []
    for shift in shifts:
        ((_, _, dead),) = candidate.activation_statistics(x, [(w, np.full(WIDTH, shift)), last], "relu")
        rows.append(f"bias {shift:>4}: {dead:>3} of {WIDTH}  {'#' * dead}".rstrip())
    return "\n".join(rows)


def depth(candidate):
    """The standard deviation of each layer's output over its depth, on a logarithmic scale: relu and tanh."""
    layers = range(1, DEPTH + 1)
    return side_by_side(
        "Standard deviation of the activations over depth, for three schemes, with relu and with tanh",
        *(
            curves(
                layers,
                {scheme: [spread for _, spread, _ in statistics(candidate, scheme, activation)] for scheme in SCHEMES},
                title=f"Spread of the outputs, {activation}", x_name="hidden layer", y_log=True, width=260,
            )
            for activation in ("relu", "tanh")
        ),
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for depth.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))

    def drawn(candidate):
        return f"drawn in {depth(candidate).save(arguments.out / 'depth.svg')}"

    for heading, text in (
        (f"Standard deviation after each of {DEPTH} layers of {WIDTH}, relu", lambda c: depth_text(c, "relu")),
        (f"Standard deviation after each of {DEPTH} layers of {WIDTH}, tanh", lambda c: depth_text(c, "tanh")),
        ("Dead relu units, when all biases are pushed down: 5 inputs, 20 examples", dead_text),
        ("Spread over depth", drawn),
    ):
        print(heading)
        try:
            print(text(candidate))
        except (NotImplementedError, AttributeError) as missing:
            print(f"not yet: {missing}")
        print()


if __name__ == "__main__":
    main()
