"""See what a network has learnt: the loss on a logarithmic scale, and its answers over the whole square.

    python3 learn.py run topics/06-backpropagation/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/06-backpropagation/visualization.py --candidate level02 --seed 3
        draws another one, with another seed

The numbers are printed; xor.svg is saved in the current folder, or in --out. Blue is 1 and orange is 0, for the answers
and for the targets alike.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from utils.course.loading import load

train = load(Path(__file__).resolve().with_name("train.py"), "backpropagation_train")

ONE, ZERO = (0, 114, 178), (230, 159, 0)  # blue and orange, told apart by nearly everyone
SIDE, GAP, MARGIN = 280, 60, 58
LOW, HIGH = -0.5, 1.5  # of both inputs
CELLS = 24  # answers in each direction
TARGET_LOSS = 0.01


def color(p):
    """The color of an answer: orange at 0, white at 0.5, blue at 1."""
    full, part = (ONE, 2 * p - 1) if p > 0.5 else (ZERO, 1 - 2 * p)
    return "#" + "".join(f"{round(255 + (channel - 255) * part):02x}" for channel in full)


def answers(network):
    """(CELLS + 1, CELLS + 1) answers: row i for the second input, column j for the first."""
    ticks = np.linspace(LOW, HIGH, CELLS + 1)
    first, second = np.meshgrid(ticks, ticks)
    return np.asarray(network.forward(np.column_stack([first.ravel(), second.ravel()]))).reshape(first.shape)


def contour(grid, level=0.5):
    """Segments ((x, y), (x, y)) of the line where the grid crosses the level, in cells, found cell by cell."""
    segments = []
    for i in range(len(grid) - 1):
        for j in range(len(grid) - 1):
            corners = [(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1)]
            crossings = []
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                a, b = grid[y0, x0] - level, grid[y1, x1] - level
                if (a > 0) != (b > 0):
                    part = a / (a - b)
                    crossings.append((x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
            segments += list(zip(crossings[::2], crossings[1::2], strict=True))
    return segments


def loss_panel(losses, left):
    """The losses as a line over the steps; decades on the vertical axis."""
    top = math.ceil(math.log10(max(losses)))
    bottom = min(math.floor(math.log10(max(min(losses), 1e-8))), -3)

    def at(step, loss):
        height = (math.log10(max(loss, 10.0**bottom)) - bottom) / (top - bottom)
        return left + step / (len(losses) - 1) * SIDE, MARGIN + (1 - height) * SIDE

    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(k, loss) for k, loss in enumerate(losses)))
    parts = [f'<rect x="{left}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>']
    for decade in range(bottom, top + 1):
        _, y = at(0, 10.0**decade)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>')
        parts.append(f'<line x1="{left}" x2="{left + SIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e5e5"/>')
    _, y = at(0, TARGET_LOSS)
    parts += [
        f'<line x1="{left}" x2="{left + SIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d55e00" stroke-dasharray="5 4"/>',
        f'<text x="{left + SIDE - 4}" y="{y - 5:.1f}" text-anchor="end" fill="#b34d00">target {TARGET_LOSS:g}</text>',
        f'<polyline points="{points}" fill="none" stroke="#222" stroke-width="1.5"/>',
        f'<text x="{left}" y="{MARGIN - 12}">loss at each step, logarithmic</text>',
        f'<text x="{left + SIDE}" y="{MARGIN + SIDE + 18}" text-anchor="end">{len(losses):,} steps</text>',
    ]
    return parts


def boundary_panel(grid, left):
    """The answers as colored squares, the line at 0.5, and the four samples in the color of their target."""
    cell = SIDE / CELLS
    side = cell + 0.4  # a little larger, so that no white line shows between two of them

    def at(x, y):  # from cells; the second input grows upward
        return left + x * cell, MARGIN + SIDE - y * cell

    parts = []
    for i in range(CELLS):
        for j in range(CELLS):
            x, y = at(j, i + 1)
            middle = grid[i : i + 2, j : j + 2].mean()
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{color(middle)}"/>'
            )
    path = "".join("M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*at(*a), *at(*b)) for a, b in contour(grid))
    if path:
        parts.append(f'<path d="{path}" fill="none" stroke="#000" stroke-width="2"/>')
    for (first, second), (target,) in zip(train.SAMPLES, train.TARGETS, strict=True):
        x, y = at(*((value - LOW) / (HIGH - LOW) * CELLS for value in (first, second)))
        fill = color(target)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{fill}" stroke="#000" stroke-width="2"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle" fill="#fff">{int(target)}</text>')
    parts.append(f'<text x="{left}" y="{MARGIN - 12}">says 1: blue; says 0: orange; black line: 0.5</text>')
    return parts


def picture(network, losses, title):
    """Both panels as an SVG text."""
    width, height = 2 * SIDE + GAP + 2 * MARGIN, SIDE + 2 * MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *loss_panel(losses, MARGIN),
        *boundary_panel(answers(network), MARGIN + SIDE + GAP),
        "</svg>\n",
    ])  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="Draw what a network has learnt of XOR.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level04, or the path of a file")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for the SVG file")
    arguments = parser.parse_args()
    candidate = train.chosen(arguments.candidate)
    try:
        print(train.story(candidate, arguments.seed))
        network, losses = train.by_the_document(candidate, np.random.default_rng(arguments.seed))
        path = arguments.out / "xor.svg"
        path.write_text(picture(network, losses, f"XOR, 2-3-2-1, seed {arguments.seed}"), encoding="utf-8")
        print("drawn in", path)
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
