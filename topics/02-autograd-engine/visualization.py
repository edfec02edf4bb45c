"""See what this topic is about: the graph that an engine builds, and the gradients it sends back along it.

    python3 learn.py run topics/02-autograd-engine/visualization.py                        the engine you have chosen
    python3 learn.py run topics/02-autograd-engine/visualization.py --candidate level01    another one

Each program below is printed as text and drawn as NAME.svg in the current folder. For your own values there is
`from utils.drawing import draw, draw_dot`.
"""

import argparse
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.drawing import draw, draw_dot
from utils.pictures.recording import graph_of, record

__all__ = ["PROGRAMS", "draw", "draw_dot", "graph"]

TOPIC = Path(__file__).resolve().parent.name

PROGRAMS = {
    # x is used twice: two arrows leave it, and its gradient is the sum of what comes back along both, 3 + 1 = 4.
    "comp_graph": ("z = x*y + x", {"x": 2.0, "y": 3.0}),
    # c is used twice as well. Whoever follows d alone finds 35 for a; the path that skips d brings the other 10.
    "forgotten_path": ("c = a + b; d = c*a; e = c*d", {"a": 2.0, "b": 3.0}),
}


def graph(engine, name):
    """The Graph of one of PROGRAMS on an engine, after backward."""
    program, inputs = PROGRAMS[name]
    recording = record(engine.Value, program, inputs)
    recording.root.backward()
    return graph_of(recording)


def main():
    parser = argparse.ArgumentParser(description="Draw the graphs of this topic.")
    parser.add_argument("--candidate", help="mine, stub, level01 to level04, or the path of a file")
    arguments = parser.parse_args()
    if arguments.candidate:
        engine = load_candidate(catalog().topic(TOPIC).candidate_path(arguments.candidate))
    else:
        from utils import engine
    for name in PROGRAMS:
        picture = draw(graph(engine, name))
        print(picture)
        print("drawn in", picture.save(f"{name}.svg"), end="\n\n")


if __name__ == "__main__":
    main()
