"""See what this topic is about: the error of a measured slope over its step, a U.

    python3 learn.py run topics/03-gradient-checking/visualization.py                       the level 2 solution's
    python3 learn.py run topics/03-gradient-checking/visualization.py --candidate mine      yours
    python3 learn.py run topics/03-gradient-checking/visualization.py --save u_curve.svg    as a picture as well

Each character stands at the size of an error: c for the central difference, f for the forward one.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from utils import plots
from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
STEPS = np.geomspace(1e-14, 1.0, 57)
FLOOR, TOP = 1e-14, 10.0  # errors outside are drawn on the border


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


def u_curve(candidate):
    """The picture of both curves."""
    return plots.curves(
        STEPS,
        {name: [min(max(error, FLOOR), TOP) for error in errors] for name, errors in curves(candidate).items()},
        title="Error of the slope of sin at 0.7", x_name="step h", y_name="error", x_log=True, y_log=True, width=480,
    )  # fmt: skip


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
        print("drawn in", u_curve(candidate).save(arguments.save))


if __name__ == "__main__":
    main()
