"""See what this topic is about: one neuron at many weights, a row of logits and its gradient, two losses side by side.

    python3 learn.py run topics/04-losses/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/04-losses/visualization.py --candidate level02
        draws another one

Everything is printed as text; losses.svg is saved in the current folder, or in --out. A picture whose functions are not
written yet is left out.
"""

import argparse
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.plots import curves, side_by_side

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


def losses(candidate, left=-6.0, right=6.0):
    """For the target 1: squared loss and log loss of a sigmoid over its logit, and their slopes beside them."""
    logits = [left + (right - left) * k / 80 for k in range(81)]
    squares = [candidate.neuron(1.0, 1.0, z, 0.0) for z in logits]  # w is the logit: x is 1 and b is 0
    logs = [candidate.bce_with_logits([z], [1.0]) for z in logits]
    heights = {"squares": [loss for _, loss, _, _ in squares], "log loss": [loss for loss, _ in logs]}
    slopes = {"squares": [dw for _, _, dw, _ in squares], "log loss": [gradient[0] for _, gradient in logs]}
    return side_by_side(
        "Two losses of a sigmoid for the target 1, and their slopes",
        curves(logits, heights, title="Loss for the target 1", x_name="logit", width=260),
        curves(logits, slopes, title="Its slope", x_name="logit", width=260),
    )


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for losses.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))

    def drawn(candidate):
        return f"drawn in {losses(candidate).save(arguments.out / 'losses.svg')}"

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
