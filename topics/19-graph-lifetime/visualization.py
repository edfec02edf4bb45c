"""See what this topic is about: what engines leave behind, and the bytes that wait for backward over a training step.

    python3 learn.py run topics/19-graph-lifetime/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/19-graph-lifetime/visualization.py --candidate level02
        draws another one

A table is printed; waiting.svg, the saved bytes after each operation there and back, is saved in the current folder, or
in --out.
"""

import argparse
import contextlib
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate, load_once
from utils.plots import curves

TOPIC = Path(__file__).resolve().parent.name
LAYERS, SIZE = 8, 1000


def leaks(candidate):
    """One line for each naive and each finished engine: what survives, and the shortest cycle through a result."""
    rows = [f"{'engine':<22} {'alive after del':>15}   a cycle through the result"]
    for number, level, make in (
        ("02", "level02", lambda engine: engine.Value(1.0)),
        ("02", "level03", lambda engine: engine.Value(1.0)),
        ("08", "level01", lambda engine: engine.Tensor(np.ones(3), requires_grad=True)),
        ("08", "level03", lambda engine: engine.Tensor(np.ones(3), requires_grad=True)),
    ):
        engine = load_once(catalog().topic(number).candidate_path(level))

        def result(make=make, engine=engine):
            x = y = make(engine)
            for _ in range(10):
                y = y * x
            y = y.sum() if hasattr(y, "sum") else y
            y.backward()
            return y

        alive = candidate.survivors(result, type(make(engine)))
        way = candidate.path_to(*[result()] * 2) or ("none" if not alive else "none: it is elsewhere, in backward")
        rows.append(f"Topic {number}, {level:<12} {alive:>15}   {way}")
    return "\n".join(rows)


def waiting(candidate, packed):
    """saved_bytes after each operation of a forward and a backward of eight tanh, beside what there was before."""
    bytes_now, before = [], candidate.saved_bytes()

    def note():
        bytes_now.append(candidate.saved_bytes() - before)

    def tanh(a):
        t = np.tanh(a)

        def back(upstream, t):
            note()
            return (upstream * (1 - t * t),)

        return t, (t,), back

    def total(a):
        return a.sum(), (), lambda upstream: (np.broadcast_to(upstream, a.shape),)

    hooks = candidate.saved_tensors_hooks(candidate.pack_half, candidate.unpack_half) if packed else None
    with hooks or contextlib.nullcontext():
        h = candidate.Variable(np.linspace(-1.0, 1.0, SIZE))
        for _ in range(LAYERS):
            h = candidate.apply(tanh, h)
            note()
    candidate.apply(total, h).backward()
    note()
    return bytes_now


def picture(candidate):
    """The bytes that wait for backward, operation by operation, as they are and packed."""
    plain, packed = waiting(candidate, False), waiting(candidate, True)
    return curves(list(range(1, len(plain) + 1)), {"as they are": plain, "packed to float16": packed},
                  title="Bytes that wait for backward", x_name="operation, there and back", width=420)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for waiting.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        print(leaks(candidate))
        picture(candidate).save(arguments.out / "waiting.svg")
        print("\nSaved: waiting.svg")
    except NotImplementedError:
        print("The rest is drawn when survivors, path_to, saved_bytes and the hooks are written.")


if __name__ == "__main__":
    main()
