"""See what this topic is about: a stream through a tower of blocks, and the gradient on its way back.

    python3 learn.py run topics/28-transformer-block/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/28-transformer-block/visualization.py --candidate level02
        draws another one

A table is printed as text; stream.svg is saved in the current folder, or in --out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.engine import Tensor
from utils.plots import curves, side_by_side

TOPIC = Path(__file__).resolve().parent.name
DEPTH, WIDTH = 24, 32


def post_norm(block, x):
    x = block.norm1(x + block.attention(x))
    return block.norm2(x + block.feed_forward(x))


def without_sum(block, x):
    return block.feed_forward(block.norm2(block.attention(block.norm1(x))))


WAYS = {"pre-norm": lambda block, x: block(x), "post-norm": post_norm, "no sum": without_sum}


def journey(candidate, way):
    """(size of the stream, size of the gradient) before each block and after the last, as two lists."""
    rng = np.random.default_rng(0)
    blocks = [candidate.TransformerBlock(WIDTH, 4, rng=rng) for _ in range(DEPTH)]
    inputs, outputs = [Tensor(rng.normal(size=(2, 8, WIDTH)), requires_grad=True)], []
    for block in blocks:
        outputs.append(way(block, inputs[-1]))
        inputs.append(Tensor(outputs[-1].data, requires_grad=True))  # a graph for each block by itself
    gradients = [rng.normal(size=(2, 8, WIDTH))]
    for leaf, output in zip(inputs[-2::-1], outputs[::-1], strict=True):
        output.backward(gradients[-1])
        gradients.append(leaf.grad)
    return [size(leaf.data) for leaf in inputs], [size(gradient) for gradient in gradients[::-1]]


def size(array):
    """The root of the mean square."""
    return float(np.sqrt((array**2).mean()))


def table_text(journeys):
    """One line for each way and quantity, at every fourth block."""
    places = range(0, DEPTH + 1, 4)
    rows = [f"{'after block':<22}" + "".join(f"{place:>9}" for place in places)]
    for what, which in (("stream", 0), ("gradient", 1)):
        rows += [f"{what + ', ' + name:<22}" + "".join(f"{numbers[which][place]:>9.3g}" for place in places)
                 for name, numbers in journeys.items()]  # fmt: skip
    return "\n".join(rows)


def picture(journeys):
    depth = list(range(DEPTH + 1))
    stream, gradient = ({name: numbers[which] for name, numbers in journeys.items()} for which in (0, 1))
    return side_by_side(
        f"{DEPTH} blocks of width {WIDTH}, before training",
        curves(depth, stream, title="Stream", x_name="after block", y_name="size"),
        curves(depth, gradient, title="Gradient", x_name="after block", y_name="size", y_log=True),
    )


def stream(candidate):
    """The picture, from a candidate's blocks."""
    return picture({name: journey(candidate, way) for name, way in WAYS.items()})


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for stream.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        journeys = {name: journey(candidate, way) for name, way in WAYS.items()}
    except (NotImplementedError, AttributeError) as missing:
        print(f"not yet: {missing}")
        return
    print(table_text(journeys))
    print(f"drawn in {picture(journeys).save(arguments.out / 'stream.svg')}")


if __name__ == "__main__":
    main()
