"""See what this topic is about: the error of a measured slope over its step, a U.

    python3 learn.py run topics/03-gradient-checking/visualization.py                       the level 2 solution's
    python3 learn.py run topics/03-gradient-checking/visualization.py --candidate mine      yours
    python3 learn.py run topics/03-gradient-checking/visualization.py --save u_curve.svg    as a picture as well

Each character stands at the size of an error: c for the central difference, f for the forward one.
"""

import argparse
import html
import math
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
STEPS = np.geomspace(1e-14, 1.0, 57)
FLOOR, TOP = 1e-14, 10.0  # errors outside are drawn on the border
WIDTH, HEIGHT, MARGIN = 640, 400, 60  # of the picture, in points


def curves(candidate):
    """name -> the errors of the slope of sin at 0.7 at STEPS, by the candidate's own sweep_errors."""
    return {
        name: candidate.sweep_errors(math.sin, 0.7, math.cos(0.7), STEPS, difference)
        for name, difference in (("forward", candidate.forward_difference), ("central", candidate.central_difference))
    }


def position(number, low, high):
    """Where a number lies between low and high on a logarithmic scale, from 0 to 1."""
    share = math.log(max(number, low) / low) / math.log(high / low)
    return min(share, 1.0)


def as_text(errors, rows=16):
    """The curves as lines of text, steps to the right and errors upward."""
    grid = [[" "] * len(STEPS) for _ in range(rows)]
    for name, curve in errors.items():
        for column, error in enumerate(curve):
            row = round((1 - position(error, FLOOR, TOP)) * (rows - 1))
            taken = grid[row][column]
            grid[row][column] = name[0] if taken in (" ", name[0]) else "*"
    decades = round(math.log10(TOP / FLOOR))
    lines = []
    for row, characters in enumerate(grid):
        exponent = math.log10(TOP) - row * decades / (rows - 1)
        label = f"1e{round(exponent):+03}" if row % 2 else ""
        lines.append(f"{label:>6} |{''.join(characters)}".rstrip())
    lines.append("       +" + "-" * len(STEPS))
    lines.append("        " + "".join(f"{f'1e-{k:02}':<8}" for k in range(14, 0, -2)) + "1")
    lines.append("error, over the step h     f forward   c central   * both")
    return "\n".join(lines)


def as_svg(errors):
    """The curves as an SVG picture with both branches named."""
    colors = {"forward": "#b3541e", "central": "#1f5fa8"}

    def point(step, error):
        right = MARGIN + position(step, STEPS[0], STEPS[-1]) * (WIDTH - 2 * MARGIN)
        down = MARGIN / 2 + (1 - position(error, FLOOR, TOP)) * (HEIGHT - 1.5 * MARGIN)
        return right, down

    def words(text, place, anchor="middle", color="#333"):
        x, y = place
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{html.escape(text)}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for exponent in range(-14, 1, 2):
        x, y = point(10.0**exponent, FLOOR)
        parts.append(f'<line x1="{x:.1f}" y1="{MARGIN / 2}" x2="{x:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(words(f"1e{exponent}" if exponent else "1", (x, y + 18)))
        x, y = point(STEPS[0], 10.0**exponent)
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - MARGIN}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(words(f"1e{exponent}" if exponent else "1", (x - 8, y + 4), "end"))
    for name, curve in errors.items():
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(point, STEPS, curve))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colors[name]}" stroke-width="2"/>')
    parts.append(words("rounding: eps/h", point(3e-13, 3e-1)))
    parts.append(words("forward: h", point(5e-3, 0.3), "middle", colors["forward"]))
    parts.append(words("central: h²", point(2e-2, 1e-8), "middle", colors["central"]))
    parts.append(words("step h", (WIDTH / 2, HEIGHT - 12)))
    parts.append(words("error of the slope of sin at 0.7", (WIDTH / 2, 20)))
    return "\n".join([*parts, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description="Draw the error of a measured slope over its step.")
    parser.add_argument("--candidate", default="level02", help="mine, level02, level03, level04, or the path of a file")
    parser.add_argument("--save", metavar="FILE", help="write an SVG picture as well")
    arguments = parser.parse_args()
    candidate = load_candidate(catalog().topic(TOPIC).candidate_path(arguments.candidate))
    errors = curves(candidate)
    print(as_text(errors))
    for name, curve in errors.items():
        best = int(np.argmin(curve))
        print(f"{name}: the smallest error, {curve[best]:.0e}, at h = {STEPS[best]:.0e}")
    if arguments.save:
        Path(arguments.save).write_text(as_svg(errors), encoding="utf-8")
        print("drawn in", arguments.save)


if __name__ == "__main__":
    main()
