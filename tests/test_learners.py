"""A museum of sad files: each gets exactly the screen that is kept beside it.

tests/learners/NAME.py is what somebody wrote, NAME.txt the screen of `check 02 --file NAME.py --plain`, its exit code,
and what `own 02` says if that is not "own". When a screen becomes better, write them anew and read the difference:

    python3 -m tests.test_learners
"""

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from scripts import check as command
from scripts import screen
from utils.course import ownership, running
from utils.course.catalog import ROOT, catalog
from utils.course.checking import check
from utils.course.standby import Copies

TOPIC = catalog().topic("02")
FOLDER = ROOT / "tests" / "learners"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
PATIENCE = 4.0  # seconds, for the files that never end
ASKED = TOPIC.steps_of(1)


def screen_of(name, start):
    """What a learner with this file reads, with everything that changes from run to run taken out."""
    path = FOLDER / f"{name}.py"
    verdict = check(TOPIC, path, asked=ASKED, patience=PATIENCE, start=start)
    assert verdict.verdict != "broken", verdict.broken
    lines = screen.verdict_lines(TOPIC, verdict, path, True)
    if verdict.verdict == "pass":
        lines += command.passed_lines(TOPIC, verdict, own=False)
    whose = ownership.verdict(TOPIC, path)
    lines += ["", f"exit code {command.EXIT[verdict.verdict]}"]
    if whose.word != "own":
        lines += [f"own 02: {whose.word}.", *screen.wrapped(whose.reason)]
    text = re.sub(r"in \d+\.\d s\.", "in N s.", "\n".join(lines))
    return re.sub(r"[\d.e+]+ times$", "N times", text, flags=re.MULTILINE) + "\n"


@cache
def all_screens():
    """name -> screen, several at a time; a file that cannot be judged has the reason instead."""

    def one(name):
        try:
            return screen_of(name, copies.start)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    # In copies of one process; that all processes judge alike is tested in test_loop_watch.py.
    with Copies() as copies, ThreadPoolExecutor(2) as pool:
        return dict(zip(NAMES, pool.map(one, NAMES), strict=True))


PRINTS = """
import time

class Value:
    def __init__(self, data):
        print({0})
        time.sleep(0.01)
"""


def test_copies_that_work_at_the_same_time_keep_apart_what_they_print(tmp_path):
    def printed_by(number):
        path = tmp_path / f"engine{number}.py"
        path.write_text(PRINTS.format(number), encoding="utf-8")
        rows = running.run(TOPIC, path, level=1, steps=TOPIC.steps_of(1)[:1], start=copies.start).rows
        return {line for row in rows for line in row["printed"].split()}

    with Copies() as copies, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(printed_by, range(20))) == [{str(number)} for number in range(20)]


def kept(name):
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_screen_is_the_one_that_is_kept(name):
    assert all_screens()[name] == kept(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_screen_can_be_read_by_everybody(name):
    lines = kept(name).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "Traceback" not in kept(name) and "\033" not in kept(name)
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(_prose(lines)))
    assert [sentence for sentence in sentences if len(sentence.split()) > 20] == []


def _prose(lines):
    """The lines that are sentences, not tables, commands or places."""
    inside = False
    for line in lines:
        if re.match(r"(Likely|Try|own 02)", line):
            inside = True
        elif not line.startswith("          "):
            inside = False
        if inside:
            yield line[10:].strip() if line[:10].strip() in ("Likely", "Try", "") else line


def test_the_command_says_the_same(learner):
    for name in ("syntax_error", "forgotten_self"):
        done = learner("check", "02", "--file", FOLDER / f"{name}.py", "--plain")
        assert kept(name).startswith(done.out.rstrip("\n")) and f"exit code {done.code}\n" in kept(name)


def test_every_file_has_a_screen_and_every_screen_a_file():
    assert NAMES == sorted(path.stem for path in FOLDER.glob("*.txt")) and len(NAMES) >= 20


def write():
    """Write every screen anew."""
    for name, text in all_screens().items():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(NAMES)} screens in {FOLDER.relative_to(ROOT)}. Read the difference: git diff tests/learners")


if __name__ == "__main__":
    write()
