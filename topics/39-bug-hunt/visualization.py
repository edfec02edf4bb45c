"""See which probe gives away which engine of your line-up.

    python3 learn.py run topics/39-bug-hunt/visualization.py
        shows yours, or level 1's before you start
    python3 learn.py run topics/39-bug-hunt/visualization.py --candidate level01
        shows another one's

A row for each probe, a column for each engine. A column without a mark is an engine at large; a row whose marks all
stand in other rows as well could be left out.
"""

import argparse
from pathlib import Path

from utils.course import catches, catching
from utils.course.catalog import catalog
from utils.course.loading import load_candidate

TOPIC = Path(__file__).resolve().parent.name


def table(candidate, seed):
    """The marks, one row a probe; below them how many probes give away each engine."""
    (engine,) = (topic for topic in catalog().ready if "Value" in topic.exports)
    suspects = catching.line_up(engine, seed)
    letters = [one.letter for one in suspects]
    found = catching.evidences(engine, suspects, [catches.parse_line(probe) for probe in candidate.probes()])
    given_away = [{one.letter for one in evidence} for evidence in found]
    rows = [" ".join(["  ", *letters])]
    for number, marked in enumerate(given_away, 1):
        rows.append(" ".join([f"{number:>2}", *("x" if letter in marked else "." for letter in letters)]))
    rows.append(" ".join([" =", *(f"{sum(letter in marked for marked in given_away):x}" for letter in letters)]))
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description="Show which probe gives away which engine.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level01")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        print(table(candidate, catches.seed()))
        for number, probe in enumerate(candidate.probes(), 1):
            print(f"{number:>2} {probe}")
    except NotImplementedError as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
