"""See what this topic is about: the graph that your engine builds, and the gradients it sends back along it.

    python3 topics/02-autograd-engine/visualization.py                        draws the engine you have chosen
    python3 topics/02-autograd-engine/visualization.py --candidate level01    draws another one

Two pictures are written to the current folder, and the same is printed as text:

    comp_graph.svg        z = x*y + x: the value x is used twice, so two arrows leave it and its gradient is 3 + 1
    forgotten_path.svg    c = a + b, d = c*a, e = c*d: a reaches e by three paths, and each adds to its gradient
"""

import argparse
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.drawing import draw, draw_dot  # `from visualization import draw_dot` works inside this folder

__all__ = ["comp_graph", "draw_dot", "forgotten_path"]

TOPIC = Path(__file__).resolve().parent.name


def comp_graph(engine):
    """(z, names) for z = x*y + x at x = 2, y = 3, after backward."""
    x, y = engine.Value(2.0), engine.Value(3.0)
    z = x * y + x
    z.backward()
    return z, {"x": x, "y": y, "z": z}


def forgotten_path(engine):
    """(e, names) for c = a + b, d = c*a, e = c*d at a = 2, b = 3, after backward.

    e = (a + b)²·a, so de/da = 2(a + b)·a + (a + b)² = 20 + 25 = 45. Whoever follows d alone finds 35 of it.
    """
    a, b = engine.Value(2.0), engine.Value(3.0)
    c = a + b
    d = c * a
    e = c * d
    e.backward()
    return e, {"a": a, "b": b, "c": c, "d": d, "e": e}


def main():
    parser = argparse.ArgumentParser(description="Draw the graphs of this topic.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level03, or the path of a file")
    arguments = parser.parse_args()
    if arguments.candidate:
        engine = load_candidate(catalog().topic(TOPIC).candidate_path(arguments.candidate))
    else:
        from utils import engine
    for build in (comp_graph, forgotten_path):
        root, names = build(engine)
        picture = draw(root, names=names)
        print(picture)
        print("drawn in", picture.save(f"{build.__name__}.svg"), end="\n\n")


if __name__ == "__main__":
    main()
