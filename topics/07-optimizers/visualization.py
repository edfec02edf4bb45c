"""See what this topic is about: the paths of six optimizers down one narrow valley.

    python3 learn.py run topics/07-optimizers/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/07-optimizers/visualization.py --candidate level02
        draws another one

A table and a schedule are printed as text; optimizers.svg is saved in the current folder, or in --out. An optimizer
that is not written yet is left out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.plots import loss_landscape

TOPIC = Path(__file__).resolve().parent.name
STEEP = np.array([1.0, 25.0])  # the valley (x**2 + 25*y**2) / 2
START = np.array([-10.0, 2.0])
STEPS = 60
RUNS = (  # name, learning rate
    ("SGD", 0.07), ("Momentum", 0.02), ("Nesterov", 0.02), ("RMSProp", 0.3), ("Adam", 0.5), ("AdamW", 0.5),
)  # fmt: skip


def height(point):
    return float((STEEP * point**2).sum() / 2)


def path_of(candidate, name, lr):
    """The points of an optimizer's way, the start included."""
    opt, points = getattr(candidate, name)(lr=lr), [START]
    for _ in range(STEPS):
        points.append(np.asarray(opt.step(points[-1], STEEP * points[-1])))
    return points


def paths_of(candidate):
    """name -> points, for those optimizers that are written."""
    found = {}
    for name, lr in RUNS:
        try:
            found[name] = path_of(candidate, name, lr)
        except NotImplementedError as missing:
            print(f"not yet: {missing}")
    return found


def table_text(paths):
    """One line for each optimizer: how high it still is after so many steps."""
    moments = [step for step in (1, 5, 10, 20, 40, 60) if step <= STEPS]
    rows = [f"{'height after':<20}" + "".join(f"{step:>10}" for step in moments) + "   steps"]
    for name, lr in RUNS:
        if name in paths:
            cells = "".join(f"{height(paths[name][step]):>10.2g}" for step in moments)
            rows.append(f"{name:<10} lr {lr:<6g} {cells}")
    return "\n".join(rows)


def paths_picture(paths, names=None):
    """The valley from above, and the paths upon it."""
    shown = {f"{name}, lr {lr:g}": paths[name] for name, lr in RUNS if name in (names or paths)}
    return loss_landscape(
        lambda x, y: height(np.array([x, y])), (-12, 8), (-3, 3), paths=shown, width=560, height=300,
        title=f"(x² + 25y²)/2, {STEPS} steps from ({START[0]:g}, {START[1]:g})",
    )  # fmt: skip


def valley(candidate):
    """The paths of three optimizers, few enough to be followed."""
    return paths_picture(paths_of(candidate), ("SGD", "Momentum", "Adam"))


def schedule_text(candidate, warmup=5, total=30):
    """A bar for the learning rate of each step."""
    rates = [candidate.warmup_cosine(step, warmup, total, 1.0) for step in range(1, total + 1)]
    return "\n".join(f"step {step:>3} {rate:.3f} {'#' * round(40 * rate)}" for step, rate in enumerate(rates, start=1))


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for optimizers.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    paths = paths_of(candidate)
    print(table_text(paths))
    print(f"drawn in {paths_picture(paths).save(arguments.out / 'optimizers.svg')}\n")
    try:
        print(schedule_text(candidate))
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
