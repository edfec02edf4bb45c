"""See what this topic is about: one neuron at many weights, a row of logits and its gradient, two losses side by side.

    python3 learn.py run topics/04-losses/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/04-losses/visualization.py --candidate level02
        draws another one

Everything is printed as text; losses.svg is saved in the current folder, or in --out. A picture whose functions are not
written yet is left out.
"""

import argparse
import math
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
WIDE = 40  # characters for a probability of 1


def neuron_text(candidate, x=2.0, y=1.0, b=0.1, weights=(-2.0, -1.0, 0.0, 0.5, 1.0, 2.0)):
    """A table: one neuron at several weights, with either activation."""
    rows = [f"{'w':>5}   {'sigmoid':>8} {'loss':>8} {'dw':>9}   {'relu':>8} {'loss':>8} {'dw':>9}"]
    for w in weights:
        cells = [candidate.neuron(x, y, w, b, activation) for activation in ("sigmoid", "relu")]
        rows.append(f"{w:>5g}   " + "   ".join(f"{p:>8.4f} {loss:>8.4f} {dw + 0.0:>9.4f}" for p, loss, dw, _ in cells))
    return "\n".join(rows)


def classes_text(candidate, logits=(2.0, 1.0, -1.0, 0.5), target=1):
    """One line for each class: its logit, its probability as a bar, and its gradient; then the loss."""
    probabilities = candidate.softmax([list(logits)])[0]
    loss, gradient = candidate.cross_entropy([list(logits)], [target])
    rows = [f"{'class':<7} {'logit':>6} {'probability':>12} {'gradient':>9}"]
    for k, (logit, p, slope) in enumerate(zip(logits, probabilities, gradient[0], strict=True)):
        mark = "*" if k == target else " "
        rows.append(f"{k}{mark:<6} {logit:>6g} {p:>12.4f} {slope:>9.4f}  {'#' * round(WIDE * float(p))}")
    return "\n".join([*rows, f"it was class {target}: loss {loss:.4f}"])


def losses_svg(candidate, left=-6.0, right=6.0):
    """For the target 1: the squared loss and the log loss of a sigmoid, over its logit, and their slopes below."""
    width, height, margin = 460, 420, 40
    logits = [left + (right - left) * k / 80 for k in range(81)]
    squares = [candidate.neuron(1.0, 1.0, z, 0.0) for z in logits]  # w is the logit: x is 1 and b is 0
    logs = [candidate.bce_with_logits([z], [1.0]) for z in logits]
    curves = (
        ("#d55e00", [loss for _, loss, _, _ in squares], [dw for _, _, dw, _ in squares], "squares"),
        ("#0072b2", [loss for loss, _ in logs], [float(gradient[0]) for _, gradient in logs], "log loss"),
    )
    half = (height - 3 * margin) / 2

    def line(color, numbers, low, high, top):
        points = " ".join(
            f"{margin + (z - left) / (right - left) * (width - 2 * margin):.1f},"
            f"{top + half - (number - low) / (high - low) * half:.1f}"
            for z, number in zip(logits, numbers, strict=True)
        )
        return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>'

    top = math.ceil(max(max(losses) for _, losses, _, _ in curves))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Two losses of a sigmoid for the target 1, and their slopes, over the logit</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{margin}" y="{margin - 14}">loss, from 0 to {top}</text>',
        f'<text x="{margin}" y="{2 * margin + half - 14}">slope, from -1 to 0</text>',
        f'<text x="{width / 2}" y="{height - 10}" text-anchor="middle">logit, from {left:g} to {right:g}</text>',
    ]
    for row, (color, losses, slopes, name) in enumerate(curves):
        parts.append(line(color, losses, 0.0, top, margin))
        parts.append(line(color, slopes, -1.0, 0.0, 2 * margin + half))
        parts.append(
            f'<text x="{width - margin}" y="{margin + 16 * row}" text-anchor="end" fill="{color}">{name}</text>'
        )
    for edge in (margin + half, 2 * margin + 2 * half):
        parts.append(f'<path d="M{margin} {edge:.1f}H{width - margin}" stroke="#999"/>')
    return "\n".join([*parts, "</svg>\n"])


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for losses.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))

    def drawn(candidate):
        path = arguments.out / "losses.svg"
        path.write_text(losses_svg(candidate), encoding="utf-8")
        return f"drawn in {path}"

    for heading, text in (
        ("One neuron, x = 2, y = 1, b = 0.1", neuron_text),
        ("A row of logits; the star is the class that it was", classes_text),
        ("Squares and log loss of a sigmoid, for a yes", drawn),
    ):
        print(heading)
        try:
            print(text(candidate))
        except NotImplementedError as missing:
            print(f"not yet: {missing}")
        print()


if __name__ == "__main__":
    main()
