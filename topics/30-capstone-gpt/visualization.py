"""See what this topic is about: a model that has one sentence by heart, the temperature, and the recorded training.

    python3 learn.py run topics/30-capstone-gpt/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/30-capstone-gpt/visualization.py --candidate level02
        draws another one

The sentence is printed as text. training.svg, from recorded.json, and temperature.svg are saved in the current folder,
or in --out.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.engine import Adam
from utils.plots import curves

HERE = Path(__file__).resolve().parent
SENTENCE = "to be or not to be"


def by_heart(candidate, steps=60):
    """What a model that has learned SENTENCE expects at each place: the letter that is there, and its best guesses."""
    letters = "".join(sorted(set(SENTENCE)))
    ids = np.array([letters.index(letter) for letter in SENTENCE])
    model = candidate.GPT(len(letters), len(ids), width=32, heads=4, depth=2, rng=0)
    before = np.asarray(model(ids[None, :-1]).data)[0]
    losses = candidate.memorize(model, ids[None, :-1], ids[None, 1:], Adam(lr=0.01, in_place=True), steps)
    after = np.asarray(model(ids[None, :-1]).data)[0]
    lines = [f"loss {losses[0]:.2f} -> {losses[-1]:.4f} in {steps} steps", "after                before        now"]
    for place, (first, now) in enumerate(zip(before, after, strict=True)):
        seen = repr(SENTENCE[: place + 1])
        lines.append(f"{seen:<21}{best(first, letters):<14}{best(now, letters)}".rstrip())
    return "\n".join(lines)


def best(logits, letters):
    """The likeliest letter and its probability."""
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return f"{letters[p.argmax()]!r} {100 * p.max():.0f} %"


def training(candidate=None):
    """The recorded training: loss of the batches and of the validation, beside what counting reaches."""
    run = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
    steps, losses = zip(*run["losses"], strict=True)
    each = run["characters"][0] / run["tokens"]  # characters a token
    lines = {"batches": [loss / each for loss in losses]}
    at, nats = zip(*run["reports"], strict=True)
    lines["validation"] = [np.interp(step, at, nats) if step >= at[0] else float("nan") for step in steps]
    for order in (1, 2, 3, 5):
        name = f"counting {order} in a row" if order > 1 else "counting characters"
        lines[name] = [run["counted"][order - 1]] * len(steps)
    return curves(steps, lines, title="Loss, nats a character", x_name="step", width=460)


def temperature(candidate=None):
    """The probabilities of twelve tokens with evenly falling logits, at three temperatures."""
    logits = -0.4 * np.arange(12)
    lines = {}
    for temperature in (0.5, 1.0, 2.0):
        powers = np.exp(logits / temperature)
        lines[f"temperature {temperature:g}"] = powers / powers.sum()
    return curves(range(1, 13), lines, title="Probability of the likeliest token, of the next one, and so on",
                  x_name="place", width=460)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for the pictures")
    arguments = parser.parse_args()
    topic = catalog().topic(HERE.name)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    try:
        print(by_heart(load_candidate(topic.candidate_path(chosen))))
    except NotImplementedError as missing:
        print(f"not yet: {missing}")
    print(f"\ndrawn in {training().save(arguments.out / 'training.svg')}")
    print(f"drawn in {temperature().save(arguments.out / 'temperature.svg')}")


if __name__ == "__main__":
    main()
