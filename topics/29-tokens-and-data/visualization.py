"""See what this topic is about: words that grow out of bytes, and what a table of pairs makes of them.

    python3 learn.py run topics/29-tokens-and-data/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/29-tokens-and-data/visualization.py --candidate level02
        draws another one

The tokens of a small text are saved as tokens.svg in the current folder, or in --out; a column says after how many
merges. Then a table is printed for the documentation that comes with every Python (its text differs by version): more
merges make fewer ids, and the last columns say how well the next character is predicted by counting alone. What is not
written yet is left out.
"""

import argparse
import html
import math
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
SMALL = "low lower lowest new newer newest slow slower"
MOMENTS = (0, 1, 2, 3, 5, 7, 10)
COLORS = (
    "#cfe8ff", "#ffe3c2", "#d5f0d0", "#f3d6ee", "#fbf3c0", "#d9d2f5", "#ffd0cc", "#c6efe9", "#e3e9b8", "#dcc9b6",
)  # fmt: skip
BATCH, BLOCK = 16, 32


def tokens_of(candidate, text, merges):
    """The tokens of a text, as texts."""
    tokenizer = candidate.BytePairTokenizer(merges)
    return [tokenizer.decode([id]) for id in tokenizer.encode(text)]


def tokens_svg(rows):
    """One row of boxes for each (merges, tokens); a token keeps its color in all rows, a space is shown as a dot."""
    wide, step, tall, left = 15, 15, 30, 70
    length = max(sum(map(len, tokens)) for _, tokens in rows)
    size = (left + step * length + 12, tall * len(rows) + 40)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" font-family="monospace" font-size="14" role="img">',
        "<title>The tokens of a text after more and more merges</title>",
        f'<rect width="{size[0]}" height="{size[1]}" fill="#fff"/>',
        '<text x="8" y="20" font-size="12" fill="#555">merges</text>',
    ]
    colors = {}
    for row, (merges, tokens) in enumerate(rows):
        x, y = left, 30 + tall * row
        parts.append(f'<text x="{left - 24}" y="{y + 17}" text-anchor="end">{merges}</text>')
        for token in tokens:
            color = "#f4f4f4" if len(token) == 1 else colors.setdefault(token, COLORS[len(colors) % len(COLORS)])
            parts.append(
                f'<rect x="{x + 1}" y="{y}" width="{wide * len(token) - 2}" height="24" rx="4" fill="{color}" '
                'stroke="#999"/>'
            )
            for place, character in enumerate(token):
                shown = html.escape(character).replace(" ", "·")
                parts.append(f'<text x="{x + step * place + 7}" y="{y + 17}" text-anchor="middle">{shown}</text>')
            x += step * len(token)
    return "\n".join([*parts, "</svg>\n"])


def documentation():
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def surprise(candidate, tokenizer, train, validation):
    """(bits for each character of validation by a table of pairs, the same by how frequent ids are)."""
    size = tokenizer.vocab_size
    pairs = np.full((size, size), 0.02)  # no pair is impossible
    for x, y in candidate.batches(tokenizer.encode(train), BATCH, BLOCK, seed=0):
        np.add.at(pairs, (x, y), 1)
    by_pair = pairs / pairs.sum(axis=1, keepdims=True)
    alone = pairs.sum(axis=0) / pairs.sum()
    bits = np.zeros(2)
    characters = 0
    for x, y in candidate.batches(tokenizer.encode(validation), BATCH, BLOCK):
        bits -= np.log2(by_pair[x, y]).sum(), np.log2(alone[y]).sum()
        characters += sum(len(tokenizer.decode(row)) for row in y.tolist())
    return bits / characters


def table(candidate, text):
    """One line for characters and one for each number of merges."""
    train, validation = candidate.train_validation_split(text)
    yield f"{'tokens':<16}{'ids':>8}{'a id is':>14}{'by pairs':>12}{'alone':>10}   (bits for each character)"
    kinds = [("characters", lambda: candidate.CharTokenizer(text))]
    learned = []
    for count in (0, 50, 200, 800):
        kinds.append((f"{count} merges", lambda count=count: candidate.BytePairTokenizer(learned[:count])))
    for name, make in kinds:
        if not learned and name.startswith("50"):
            learned += candidate.learn_merges(train, 800)  # from train alone: validation is not to be learned from
        tokenizer = make()
        by_pair, alone = surprise(candidate, tokenizer, train, validation)
        each = len(text) / len(tokenizer.encode(text))
        yield f"{name:<16}{tokenizer.vocab_size:>8}{each:>8.2f} chars{by_pair:>12.2f}{alone:>10.2f}"
    yield f"even odds for each of the {len(set(text))} characters would be {math.log2(len(set(text))):.2f} bits"


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for tokens.svg")
    parser.add_argument("--characters", type=int, default=200_000, help="how much of the documentation is read")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        merges = candidate.learn_merges(SMALL, max(MOMENTS))
        rows = [(count, tokens_of(candidate, SMALL, merges[:count])) for count in MOMENTS]
        for count, tokens in rows:
            print(f"{count:>3} merges   " + "|".join(tokens))
        drawing = arguments.out / "tokens.svg"
        drawing.write_text(tokens_svg(rows), encoding="utf-8")
        print(f"drawn in {drawing}\n")
    except NotImplementedError as missing:
        print(f"not yet: {missing}\n")
    try:
        for line in table(candidate, documentation()[: arguments.characters]):
            print(line, flush=True)
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
