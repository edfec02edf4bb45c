"""See what this topic is about: the size of the numbers in twenty layers, with and without normalization.

    python3 learn.py run topics/14-normalization/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/14-normalization/visualization.py --candidate level02
        draws another one

A table is printed; sizes.svg, the size of numbers and gradients layer by layer, is saved in the current folder, or in
--out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.engine import Tensor
from utils.plots import curves, side_by_side

TOPIC = Path(__file__).resolve().parent.name
DEPTH, WIDTH = 20, 32


def sizes(candidate, factor, normalized, seed=0):
    """(spread of the numbers after each layer, spread of their gradients), where each layer scales by a factor."""
    rng = np.random.default_rng(seed)
    h = Tensor(rng.normal(size=(64, WIDTH)), requires_grad=True)
    ones, zeros, kept = Tensor(np.ones(WIDTH)), Tensor(np.zeros(WIDTH)), []
    probes = []
    for _ in range(DEPTH):
        h = h @ Tensor(rng.normal(size=(WIDTH, WIDTH)) * factor / WIDTH**0.5)
        if normalized:
            h = candidate.batch_norm(h, ones, zeros)
        probe = Tensor(np.zeros(h.shape), requires_grad=True)  # a leaf whose gradient is that of h
        h = h + probe
        kept.append(float(h.data.std()))
        probes.append(probe)
    (h * Tensor(rng.normal(size=h.shape))).sum().backward()
    return kept, [float(probe.grad.std()) for probe in probes]


def picture(candidate):
    """Two panels: the spread of numbers and of gradients by depth, for a factor of 1.5, with and without."""
    layers = list(range(1, DEPTH + 1))
    plain, normal = sizes(candidate, 1.5, False), sizes(candidate, 1.5, True)
    return side_by_side(
        "Twenty layers that each scale by 1.5",
        curves(layers, {"plain": plain[0], "batch norm": normal[0]}, title="Spread of the numbers", x_name="layer",
               y_log=True, width=270),
        curves(layers, {"plain": plain[1], "batch norm": normal[1]}, title="Spread of the gradients", x_name="layer",
               y_log=True, width=270),
    )  # fmt: skip


def table(candidate):
    rows = [f"{'factor':>6}  {'':<10} {'layer 1':>9} {'layer 10':>9} {'layer 20':>9}   {'gradient at 1':>13}"]
    for factor in (0.8, 1.5):
        for name, normalized in (("plain", False), ("batch norm", True)):
            numbers, gradients = sizes(candidate, factor, normalized)
            rows.append(f"{factor:>6}  {name:<10} {numbers[0]:>9.3g} {numbers[9]:>9.3g} {numbers[19]:>9.3g}   "
                        f"{gradients[0]:>13.3g}")  # fmt: skip
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for sizes.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        print(table(candidate))
        picture(candidate).save(arguments.out / "sizes.svg")
        print("\nSaved: sizes.svg")
    except NotImplementedError:
        print("batch_norm is not written yet: this draws what it does to twenty layers.")


if __name__ == "__main__":
    main()
