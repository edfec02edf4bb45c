"""See what a view is: one list of twelve numbers, read in eight ways.

    python3 learn.py run topics/01-tensor-operations/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/01-tensor-operations/visualization.py --candidate level02
        draws another one

Each number says where it stands in the list, so an array shows by itself which places it reads. All is printed as text;
views.svg is saved in the current folder, or in --out. What is not written yet is left out.
"""

import argparse
import html
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name
SHAPE = (3, 4)
VIEWS = {
    "a": lambda a: a,
    "a[1:, ::2]": lambda a: a[1:, ::2],
    "a[:, 1]": lambda a: a[:, 1],
    "a.permute((1, 0))": lambda a: a.permute((1, 0)),
    "a.reshape((2, 6))": lambda a: a.reshape((2, 6)),
    "a.permute((1, 0)).reshape((2, 6))": lambda a: a.permute((1, 0)).reshape((2, 6)),
    "a[1].broadcast_to((3, 4))": lambda a: a[1].broadcast_to((3, 4)),
    "a.as_strided((4, 3), (1, 1))": lambda a: a.as_strided((4, 3), (1, 1)),
}
ROWS = ("#cfe3f3", "#fbe3c4", "#d5ecd8")  # one color for each row of a
CELL, GAP, COLUMNS, WIDE = 30, 34, 3, 290


def seen_by(candidate):
    """(words, rows of numbers, strides and offset in words) of each view that is written."""
    found = []
    for words, view in VIEWS.items():
        try:
            seen = view(candidate.NDArray([float(k) for k in range(12)], SHAPE))
            rows = seen.tolist()
        except Exception as missing:  # whatever a half-written file says
            print(f"not yet: {words} ({missing})")
            continue
        found.append((words, rows if isinstance(rows[0], list) else [rows], _facts(seen)))
    return found


def _facts(seen):
    facts = [f"shape {seen.shape}"]
    facts += [f"{name} {getattr(seen, name)}" for name in ("strides", "offset") if hasattr(seen, name)]
    return ", ".join(facts)


def text(found):
    """Every view as a small table of the places that it reads."""
    parts = []
    for words, rows, facts in found:
        table = "\n".join("  " + " ".join(f"{number:>3g}" for number in row) for row in rows)
        parts.append(f"{words}   {facts}\n{table}")
    return "\n\n".join(parts)


def svg(found):
    """The list on top, and below it each view, in the colors of the places that it reads."""
    parts, top = [], 40
    parts += _cells([[float(k) for k in range(12)]], GAP, top)
    parts.append(f'<text x="{GAP}" y="{top - 12}">the list, with the number of each place</text>')
    top += CELL + 60
    for start in range(0, len(found), COLUMNS):
        line = found[start : start + COLUMNS]
        for column, (words, rows, facts) in enumerate(line):
            left = GAP + column * WIDE
            parts.append(f'<text x="{left}" y="{top - 26}" font-weight="bold">{html.escape(words)}</text>')
            parts.append(f'<text x="{left}" y="{top - 10}" fill="#555">{html.escape(facts)}</text>')
            parts += _cells(rows, left, top)
        top += max(len(rows) for _, rows, _ in line) * CELL + 66
    width, height = GAP + COLUMNS * WIDE, top - 30
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" role="img">'
    )
    title = "<title>One list of twelve numbers, read through different shapes, strides and offsets</title>"
    return "\n".join([head, title, f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>\n"])


def views(candidate):
    """The picture of all views, for a candidate."""
    return svg(seen_by(candidate))


def _cells(rows, left, top):
    """Squares for rows of numbers; the color says from which row of a a number comes."""
    for i, row in enumerate(rows):
        for j, number in enumerate(row):
            x, y = left + j * CELL, top + i * CELL
            color = ROWS[int(number) // SHAPE[1] % len(ROWS)]
            yield f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{color}" stroke="#888"/>'
            yield f'<text x="{x + CELL / 2:g}" y="{y + CELL / 2 + 5:g}" text-anchor="middle">{number:g}</text>'


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for views.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    found = seen_by(load_candidate(topic.candidate_path(chosen)))
    if not found:
        return
    print(text(found))
    drawing = arguments.out / "views.svg"
    drawing.write_text(svg(found), encoding="utf-8")
    print(f"\ndrawn in {drawing}")


if __name__ == "__main__":
    main()
