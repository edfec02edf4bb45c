"""See what this topic is about: where each query looks, in a worked example and in a layer that has learned to look.

    python3 learn.py run topics/25-self-attention/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/25-self-attention/visualization.py --candidate level02
        draws another one

The maps are printed as text; worked.svg and recall.svg are saved in the current folder, or in --out. What is not
written yet is left out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load, load_candidate
from utils.plots import attention_map, side_by_side

FOLDER = Path(__file__).resolve().parent
TOKENS = ("the", "cat", "sleeps")
QUERIES = np.array([[0.0, 1, 1, 0], [1, 0, 0, 1], [2, 1, 0, 0]])  # of the worked example in README.md
KEYS = np.array([[0.0, 0, 1, 0], [2, 0, 0, 1], [0, 2, 0, 0]])
STEPS = 120  # of training, for the picture of what a layer has learned


def worked(candidate):
    """Where three words look, freely and causally."""
    figures = [
        attention_map(np.asarray(candidate.attention_weights(QUERIES, KEYS, causal=causal)), TOKENS, title=title)
        for causal, title in ((False, "free"), (True, "causal"))
    ]
    return side_by_side("Where three words look", *figures)


def weights_of(candidate, layer, x):
    """The weights (B, heads, T, T) of a layer: what attention hands on where position s offers the s-th unit vector."""
    width = x.shape[-1]
    together = layer.qkv(candidate.Tensor(x)).data
    q, k = (candidate.split_heads(candidate.Tensor(together[..., i * width : (i + 1) * width]), 1) for i in (0, 1))
    units = np.broadcast_to(np.eye(x.shape[1]), (*q.shape[:-1], x.shape[1])).copy()
    return candidate.scaled_dot_product_attention(q, k, candidate.Tensor(units)).data


def recall(candidate):
    """Where seven questions look among seven cards, before training and after it."""
    given = load(FOLDER / "train.py", "given_train")
    x, digits = given.recall(np.random.default_rng(1), 1)
    cards, asked = (part.split() for part in given.words(x[0], digits[0]).split(" -> ")[0].split(" | "))
    random, figures = np.random.default_rng(0), []
    layer = candidate.SelfAttention(given.WIDTH, 1, rng=random)
    for steps in (0, STEPS):
        given.train(layer, steps, random)
        weights = weights_of(candidate, layer, x)[0, 0, given.CARDS :]
        figures.append(
            attention_map(
                weights, cards + [f"{letter}?" for letter in asked], queries=[f"{letter}?" for letter in asked],
                title=f"after {steps} steps",
            )
        )  # fmt: skip
    return side_by_side("Where seven questions look", *figures)


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for worked.svg and recall.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(FOLDER.name)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    for name, draw in (("worked", worked), ("recall", recall)):
        try:
            figure = draw(candidate)
        except (NotImplementedError, AttributeError) as missing:
            print(f"not yet: {missing}\n")
            continue
        print(figure)
        print(f"drawn in {figure.save(arguments.out / f'{name}.svg')}\n")


if __name__ == "__main__":
    main()
