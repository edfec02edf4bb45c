"""A pytest plugin: one Row for each test, as data for learn.py and as three plain lines for people.

With --rows FILE each row is written as it is known, one JSON object a line, so that a run which dies says where.
"""

import json
import re
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from utils.course import judging
from utils.course.catalog import ROOT, catalog

PRODUCT = ("learn.py", "conftest.py")
NOT_OFFERED = re.compile(r"(unsupported operand type|bad operand type for unary|not callable|no len\(\))")


@dataclass(frozen=True)
class Row:
    """The verdict of one test: pass, fail, error (the candidate raised) or not-written."""

    test: str
    outcome: str
    level: int
    step: str
    about: str
    seconds: float
    sentence: str  # the test's name, read as a sentence
    message: str = ""  # what is shown to people, "" if it passed
    raised: str = ""  # class name of what the candidate raised
    file: str = ""  # where in the candidate's file
    line: int = 0
    observations: tuple = ()  # every comparison the test made


def pytest_addoption(parser):
    parser.getgroup("course").addoption("--rows", metavar="FILE", help="write one JSON row a test to FILE")


def pytest_configure(config):
    path = config.getoption("--rows")
    config.stash[rows_key] = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115 (closed at the end)


def pytest_unconfigure(config):
    stream = config.stash.get(rows_key, None)
    if stream:
        stream.close()


rows_key = pytest.StashKey()


def pytest_runtest_setup(item):
    judging.observations.clear()
    _write(item.config, {"running": item.name})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if "candidate" not in getattr(item, "fixturenames", ()):
        return report
    if call.when == "call" or call.excinfo:
        row = make_row(item, call)
        if row.outcome != "pass":
            report.longrepr = row.message
        _write(item.config, asdict(row))
    return report


def step_of(item):
    """The catalogue's step that a test belongs to: its marker says the name, and the step if a level has several."""
    topic = catalog().topic_of_file(item.path)
    about, level = item.get_closest_marker("about"), level_of(item)
    if not (topic and about and level):
        return None
    if "step" in about.kwargs:
        return topic.step(about.kwargs["step"])
    return next((step for step in topic.steps_of(level) if about.args[0] in step.about), None)


def level_of(item):
    """The number N of a test's levelN marker, 0 if it has none."""
    return next((int(mark.name[5]) for mark in item.iter_markers() if re.fullmatch(r"level\d", mark.name)), 0)


def make_row(item, call):
    """The Row of a test that has just been called."""
    about, step = item.get_closest_marker("about"), step_of(item)
    name = getattr(item, "originalname", item.name)
    common = {
        "test": name,
        "level": level_of(item),
        "step": step.id if step else "",
        "about": about.args[0] if about else "",
        "seconds": round(call.duration, 4),
        "sentence": name.removeprefix("test_").replace("_", " "),
        "observations": tuple(asdict(seen) for seen in judging.observations),
    }
    if not call.excinfo:
        return Row(outcome="pass", **common)
    error = call.excinfo.value
    file, line = place(error)
    return Row(outcome=outcome_of(error), message=message_of(error, file, line), raised=type(error).__name__,
               file=file, line=line, **common)  # fmt: skip


def outcome_of(error):
    """fail for an expectation that did not hold, not-written for what is not offered, error for all else it raised."""
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return "fail"
    if isinstance(error, NotImplementedError):
        return "not-written"
    if isinstance(error, TypeError) and NOT_OFFERED.search(str(error)) and "Value" in str(error):
        return "not-written"
    if isinstance(error, AttributeError) and not place(error)[0]:
        return "not-written"  # the test asked for it, not the candidate's own code
    return "error"


def place(error):
    """(file, line) of the innermost frame outside the course's own machinery, ("", 0) if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if _is_candidate(path):
            return str(path), frame.lineno or 0
    return "", 0


def message_of(error, file, line):
    """The words for one failing test: what was seen, without the harness's own frames."""
    if isinstance(error, (judging.Mismatch, AssertionError, pytest.fail.Exception)):
        return str(error) or "the expectation does not hold"
    where = f"\nat {_relative(file)}:{line}" if file else ""
    return f"{type(error).__name__}: {error}{where}"


def _is_candidate(path):
    if not path.is_absolute():  # <string>, <frozen ...>
        return False
    try:
        parts = path.relative_to(ROOT).parts
    except ValueError:
        return "site-packages" not in path.parts and "python3" not in str(path).lower().rsplit("/lib/", 1)[-1]
    return parts[0] not in {"utils", "tests", ".venv", *PRODUCT} and not (
        parts[0] == "topics" and "solutions" not in parts and path.name != "skeleton.py"
    )


def _relative(file):
    try:
        return str(Path(file).relative_to(ROOT))
    except ValueError:
        return file


def _write(config, data):
    stream = config.stash.get(rows_key, None)
    if stream:
        stream.write(json.dumps(data, default=str) + "\n")
        stream.flush()
