"""The outcome table of a topic: every level, the skeleton and the stub against every test, in one pytest session."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from utils.course.catalog import ROOT
from utils.course.running import environment

CANDIDATES = ("skeleton", "level01", "level02", "level03", "level04", "stub")


@dataclass(frozen=True)
class Cell:
    """How many tests of one level (or that are no step: level 0) a candidate passes."""

    passed: int
    total: int


def rows_of(topic, candidates, *options):
    """Every row of the topic's tests on the given candidates. Raises RuntimeError if pytest itself fails."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        rows = Path(folder) / "rows"
        command = [sys.executable, "-m", "pytest", str(topic.tests), "--rows", str(rows), "-q", "--tb=no",
                   "-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin", "--benchmark-disable",
                   "-W", "ignore", *options]  # fmt: skip
        for candidate in candidates:
            command += ["--candidate", candidate]
        variables = {**environment(), "COURSE_ENGINE": "stub"}
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
        return [row for row in map(json.loads, rows.read_text(encoding="utf-8").splitlines()) if "test" in row]


def table(rows):
    """(candidate, level) -> Cell."""
    cells = {}
    for row in rows:
        key = (row["candidate"], row["level"])
        old = cells.get(key, Cell(0, 0))
        cells[key] = Cell(old.passed + (row["outcome"] == "pass"), old.total + 1)
    return cells


def findings(topic, rows):
    """What in the outcome table is not as the house demands, one sentence each."""
    found = []
    correctness = [row for row in rows if not row["resources"]]

    def failed(candidate, levels, among=rows):
        return [
            r["test"] for r in among if r["candidate"] == candidate and r["level"] in levels and r["outcome"] != "pass"
        ]

    def say(candidate, tests, wish):
        found.append(f"Topic {topic.number}, {candidate}: {wish}, but {', '.join(sorted(set(tests))[:5])}")

    passed = [row["test"] for row in rows if row["candidate"] == "skeleton" and row["outcome"] == "pass"]
    if passed:
        say("skeleton", passed, "no test may pass")
    highest = max(topic.levels)
    for level in (n for n in topic.levels if n < 4):
        upto = 4 if level == 3 else level
        wrong = failed(f"level{level:02}", range(1, upto + 1))
        if wrong:
            say(f"level{level:02}", wrong, f"passes levels 1 to {upto}")
        if level < 3 and level + 1 <= highest and not failed(f"level{level:02}", [level + 1]):
            found.append(
                f"Topic {topic.number}, level{level:02}: fails no test of level {level + 1}, so that level asks nothing"
            )
    if failed("stub", range(1, 5)):
        say("stub", failed("stub", range(1, 5)), "passes everything")
    if failed("level04", range(1, 5), correctness):
        say("level04", failed("level04", range(1, 5), correctness), "passes every correctness test")
    return found


def lines(topic, rows):
    """The table in text, for people and for the README."""
    cells, text = table(rows), []
    levels = sorted({level for _, level in cells if level})
    text.append("| candidate | " + " | ".join(f"level {level}" for level in levels) + " |")
    text.append("|---" * (len(levels) + 1) + "|")
    for candidate in dict.fromkeys(candidate for candidate, _ in cells):
        shown = [cells[candidate, level] for level in levels]
        text.append(f"| {candidate} | " + " | ".join(f"{cell.passed} of {cell.total}" for cell in shown) + " |")
    return text
