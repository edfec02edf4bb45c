"""See what this topic is about: what arrives at each depth, scheme by scheme, and how many units are dead.

    python3 learn.py run topics/05-mlp-and-initialization/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/05-mlp-and-initialization/visualization.py --candidate level02
        draws another one

Everything is printed as text; depth.svg is saved in the current folder, or in --out. A picture whose functions are not
written yet is left out.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
WIDTH, DEPTH, EXAMPLES = 100, 10, 200
SCHEMES = ("he_normal", "xavier_normal", "pytorch")
COLORS = {"he_normal": "#0072b2", "xavier_normal": "#d55e00", "pytorch": "#009e73"}


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


def depth_svg(candidate):
    """The standard deviation of each layer's output over its depth, on a logarithmic scale: relu above, tanh below."""
    width, height, margin, decades = 460, 460, 44, 5
    half = (height - 3 * margin) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Standard deviation of the activations over depth, for three schemes, with relu and with tanh</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">hidden layer, 1 to {DEPTH}</text>',
    ]
    for place, activation in enumerate(("relu", "tanh")):
        top = margin + place * (margin + half)
        parts.append(f'<text x="{margin}" y="{top - 12}">{activation}: spread, from 10 down to 0.0001</text>')
        parts.append(f'<path d="M{margin} {top:.1f}V{top + half:.1f}H{width - margin}" fill="none" stroke="#999"/>')
        ends = []
        for scheme in SCHEMES:
            found = statistics(candidate, scheme, activation)
            points = []
            for k, (_, spread, _) in enumerate(found):
                level = min(max(1 - math.log10(max(spread, 1e-9)), 0.0), decades) / decades
                points.append((margin + k / (DEPTH - 1) * (width - 2 * margin - 110), top + level * half))
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{COLORS[scheme]}" stroke-width="2"/>')
            ends.append([points[-1][1], points[-1][0], scheme])
        below = -math.inf
        for y, x, scheme in sorted(ends):
            below = max(y + 4, below + 15)  # labels must not lie on each other
            parts.append(f'<text x="{x + 8:.1f}" y="{below:.1f}" fill="{COLORS[scheme]}">{scheme}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for depth.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))

    def drawn(candidate):
        path = arguments.out / "depth.svg"
        path.write_text(depth_svg(candidate), encoding="utf-8")
        return f"drawn in {path}"

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
