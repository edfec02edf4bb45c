"""See what this topic is about: where each gradient comes back to.

python3 learn.py run topics/11-indexing/visualization.py
    draws yours, or level 3 before you start
python3 learn.py run topics/11-indexing/visualization.py --candidate level02
    draws another one
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.engine import Tensor

TOPIC = Path(__file__).resolve().parent.name


def lookup_text(candidate, ids=(2, 0, 2, 3), rows=5):
    """One line for each row of a table: who looked it up, and what comes back to it."""
    table = Tensor(np.arange(1.0, rows + 1)[:, None] * 10, requires_grad=True)
    upstream = 10.0 ** np.arange(len(ids))[:, None]  # so that every sum tells its parts
    candidate.embedding(table, list(ids)).backward(upstream)
    lines = [f"ids {list(ids)}, upstream {[int(g) for g in upstream[:, 0]]}", "", "row  looked up at      gradient"]
    for row in range(rows):
        places = [str(place) for place, id in enumerate(ids) if id == row]
        lines.append(f"{row:>3}  {', '.join(places) or 'nowhere':<15} {table.grad[row, 0]:>10g}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        print(lookup_text(candidate))
    except NotImplementedError:
        print("embedding is not written yet: this shows where its gradients come back to.")


if __name__ == "__main__":
    main()
