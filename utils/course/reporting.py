"""A pytest plugin: one Row for each test, as data for learn.py and as three plain lines for people.

With --rows FILE each row is written as it is known, one JSON object a line, so that a run which dies says where.
"""

import faulthandler
import json
import linecache
import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from utils.course import judging
from utils.course.catalog import ROOT, catalog
from utils.course.running import is_candidate

FILE_LIMIT = 64 * 2**20  # bytes that a candidate may print or write
MEMORY_LIMIT = 6 * 2**30  # bytes of address space, where the system can limit it
PRINTED = 400  # characters of a candidate's own prints that are shown
NOT_OFFERED = re.compile(
    r"(unsupported operand type|bad operand type for unary|not callable|not subscriptable|no len\(\))"
)


@dataclass(frozen=True)
class Row:
    """The verdict of one test: pass, fail, error (the candidate raised) or not-written."""

    test: str
    candidate: str
    outcome: str
    level: int
    resources: bool
    step: str
    about: str
    seconds: float
    sentence: str  # the test's name, read as a sentence
    message: str = ""  # what is shown to people, "" if it passed
    raised: str = ""  # class name of what the candidate raised
    because: str = ""  # the first exception, where the candidate has raised another one because of it
    function: str = ""  # the function of the candidate that ran
    file: str = ""  # where in the candidate's file
    line: int = 0
    own_words: bool = False  # a `raise` or `assert` of the candidate's own stands on that line
    caller: int = 0  # the line of the candidate's that called the function in which that line stands
    observations: tuple = ()  # every comparison the test made
    printed: str = ""  # the end of what the candidate printed, where the test failed


rows_key = pytest.StashKey()
held_key = pytest.StashKey()  # observations of tests that passed, until one fails
step_key, level_key = pytest.StashKey(), pytest.StashKey()  # of a test, found once
armed_key = pytest.StashKey()  # when the time limit was set, and to what
failed_key = pytest.StashKey()  # the levels in which a test failed
trace_key = pytest.StashKey()


def pytest_addoption(parser):
    group = parser.getgroup("course")
    group.addoption("--rows", metavar="FILE", help="write one JSON row a test to FILE")
    group.addoption("--trace-file", metavar="FILE", help="where to write the line that ran when patience ended")
    group.addoption(
        "--patience",
        metavar="SECONDS[,…]",
        help="stop the run when one test takes longer; one number for each level, the last for the rest",
    )
    group.addoption("--steps", metavar="ID[,…]", help="run the tests of these steps of a topic only")
    group.addoption("--upward", action="store_true", help="run no test above the lowest level in which one failed")


def pytest_configure(config):
    config.addinivalue_line("markers", "benchmark: rows of pytest-benchmark, which a check does without")
    config.stash[failed_key], config.stash[held_key] = set(), []
    open_results(config, config.getoption("--rows"), config.getoption("--trace-file"))


def open_results(config, rows, trace):
    """Where the rows and the line that ran too long go; None for nowhere."""
    config.stash[rows_key] = open(rows, "a", encoding="utf-8") if rows else None
    config.stash[trace_key] = open(trace, "w", encoding="utf-8") if trace else None
    if rows:
        _limit_resources()


def pytest_unconfigure(config):
    faulthandler.cancel_dump_traceback_later()
    for key in (rows_key, trace_key):
        if config.stash.get(key, None):
            config.stash[key].close()


def pytest_collection_modifyitems(items):
    """Smallest steps first: a test that never ends then hides nothing that comes before it on the road."""
    order = {step.address: number for topic in catalog().ready for number, step in enumerate(topic.steps)}

    def place_of(item):
        step = step_of(item)
        return order.get(step.address, len(order)) if step else len(order)

    items.sort(key=place_of)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """Pass the tests over that --steps does not name; here, because every other choice has been made by now."""
    wanted = session.config.getoption("--steps")
    if wanted:
        keep = [item for item in session.items if (step := step_of(item)) and step.id in wanted.split(",")]
        session.config.hook.pytest_deselected(items=[item for item in session.items if item not in keep])
        session.items[:] = keep


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """With --upward, say that a test above the lowest failing level has been dealt with, without running it."""
    failed = item.config.stash[failed_key]
    return True if item.config.getoption("--upward") and failed and level_of(item) > min(failed) else None


def pytest_runtest_setup(item):
    judging.observations.clear()
    _rewind(item)
    about, step = item.get_closest_marker("about"), step_of(item)
    name = getattr(item, "originalname", item.name)
    patience = _patience(item)
    _write(item.config, {"running": name, "step": step.id if step else "", "about": about.args[0] if about else "",
                         "patience": patience})  # fmt: skip
    _stop_after(patience, item.config)


def _rewind(item):
    """Set the Generator of a test file, RNG, back to where it was before the first test.

    What a test draws, and so its fingerprint, must not depend on which tests ran before it.
    """
    random = getattr(item.module, "RNG", None)
    if random is not None:  # kept beside it: a process that waits for a run has rehearsed these very tests
        random.bit_generator.state = vars(item.module).setdefault("RNG_BEFORE", random.bit_generator.state)


def _stop_after(patience, config):
    """End the process when the test that begins now takes longer than `patience` seconds, or up to a tenth more."""
    (since, of), now = config.stash.get(armed_key, (0.0, 0.0)), time.monotonic()
    if not patience or (patience == of and now - since < patience / 10):
        return  # setting the clock makes a thread; for a test that takes a millisecond that is much
    config.stash[armed_key] = (now, patience)
    # From a thread in C: it also ends a loop that swallows every exception, and it works on every system.
    faulthandler.dump_traceback_later(1.1 * patience, exit=True, file=config.stash[trace_key])


def _patience(item):
    """The seconds that a test may take, 0 where nothing limits it."""
    limits = [float(limit) for limit in (item.config.getoption("--patience") or "0").split(",")]
    level = level_of(item)
    return limits[level - 1] if 1 <= level <= len(limits) else limits[-1]


def pytest_sessionfinish(session, exitstatus):
    faulthandler.cancel_dump_traceback_later()
    _write(session.config, {"finished": int(exitstatus)})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if "candidate" not in getattr(item, "fixturenames", ()):
        return report
    if not report.skipped and (call.when == "call" or call.excinfo):
        row = make_row(item, call, printed=report.capstdout[-PRINTED:])
        if row.outcome != "pass":
            report.longrepr = row.message
            item.config.stash[failed_key].add(row.level)
        _write_row(item.config, row)
    return report


def step_of(item):
    """The catalogue's step that a test belongs to: its marker says the name, and the step if a level has several."""
    if step_key not in item.stash:
        item.stash[step_key] = _find_step(item)
    return item.stash[step_key]


def _find_step(item):
    topic = catalog().topic_of_file(item.path)
    about, level = item.get_closest_marker("about"), level_of(item)
    if not (topic and about and level):
        return None
    if "step" in about.kwargs:
        return topic.step(about.kwargs["step"])
    return next((step for step in topic.steps_of(level) if about.args[0] in step.about), None)


def level_of(item):
    """The number N of a test's levelN marker, 0 if it has none."""
    if level_key not in item.stash:
        found = (int(mark.name[5]) for mark in item.iter_markers() if re.fullmatch(r"level\d", mark.name))
        item.stash[level_key] = next(found, 0)
    return item.stash[level_key]


def make_row(item, call, printed=""):
    """The Row of a test that has just been called."""
    about, step = item.get_closest_marker("about"), step_of(item)
    name = getattr(item, "originalname", item.name)
    common = {
        "test": name,
        "candidate": item.callspec.params["candidate"],
        "level": level_of(item),
        "resources": item.get_closest_marker("resources") is not None,
        "step": step.id if step else "",
        "about": about.args[0] if about else "",
        "seconds": round(call.duration, 4),
        "sentence": judging.sentence_of(name),
        "observations": tuple(dict(vars(seen)) for seen in judging.observations),
    }
    if not call.excinfo:
        return Row(outcome="pass", **common)
    error = call.excinfo.value
    first = first_of(error)
    judged = "" if isinstance(first, NotImplementedError) else getattr(item.funcargs.get("candidate"), "_path", "")
    places = [place(one, judged) for one in (first, error)]
    file, line, function = next((found for found in places if judged and found[0] == judged), places[0])
    because = "" if first is error else f"{type(first).__name__}: {first}"
    own_words = re.match(r"\s*(raise|assert)\b", linecache.getline(file, line)) is not None
    return Row(outcome=outcome_of(error), message=message_of(error, file, line), raised=type(error).__name__,
               because=because, function=function, file=file, line=line, own_words=own_words,
               caller=caller_of(error, file, function), printed=printed, **common)  # fmt: skip


def outcome_of(error):
    """fail for an expectation that did not hold, not-written for what is not offered, error for all else it raised."""
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return "fail"
    if isinstance(error, NotImplementedError):
        return "not-written"
    if isinstance(error, TypeError) and NOT_OFFERED.search(str(error)) and re.search("Value|Tensor", str(error)):
        return "not-written"
    if isinstance(error, AttributeError) and not place(error)[0]:
        return "not-written"  # the test asked for it, not the candidate's own code
    return "error"


def caller_of(error, file, function):
    """The line of `file` that called the innermost run of one of its functions, 0 if none of its lines did."""
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return next((frame.lineno or 0 for frame in reversed(lines) if frame.name != function), 0)


def first_of(error):
    """The exception with which it began, where the candidate caught one and raised another in its place."""
    cause = error.__cause__ or error.__context__  # also where `from None` hides it
    if isinstance(error, (AssertionError, pytest.fail.Exception)) or cause is None or not place(cause)[0]:
        return error
    return first_of(cause)


def place(error, judged=""):
    """(file, line, function) of the innermost frame outside the course's machinery, ("", 0, "") if there is none.

    Where a frame of the judged file is among them, it is the innermost of that file: what a learner's own engine
    raises is mostly about how it was called.
    """
    frames = [
        frame for frame in reversed(traceback.extract_tb(error.__traceback__)) if is_candidate(Path(frame.filename))
    ]
    own = [frame for frame in frames if judged and Path(frame.filename) == Path(judged)]
    for frame in own or frames:
        return frame.filename, frame.lineno or 0, frame.name
    return "", 0, ""


def message_of(error, file, line):
    """The words for one failing test: what was seen, without the harness's own frames."""
    if isinstance(error, (judging.Mismatch, AssertionError, pytest.fail.Exception)):
        return str(error) or "the expectation does not hold"
    where = f"\nat {_relative(file)}:{line}" if file else ""
    if isinstance(error, OSError) and "reading from stdin" in str(error):
        error = "input() asks for something, and while the tests run nobody is there to type"
        return f"OSError: {error}{where}"
    return f"{type(error).__name__}: {error}{where}"


def _relative(file):
    try:
        return str(Path(file).relative_to(ROOT))
    except ValueError:
        return file


def _write_row(config, row):
    """Write a row; what held in tests that passed is most of all there is, and is needed only beside a failure."""
    held, failed = config.stash[held_key], config.stash[failed_key]
    if not failed:
        held.append({"held_in": row.test, "observations": row.observations})
        _write(config, {**vars(row), "observations": ()})
        return
    for one in held:
        _write(config, one)
    held.clear()
    _write(config, vars(row))


def _write(config, data):
    stream = config.stash.get(rows_key, None)
    if stream:
        stream.write(json.dumps(data, default=str) + "\n")
        stream.flush()


def _limit_resources():
    """Bound what a candidate may write and allocate: a runaway file ends in a sentence and not in a full disk."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time limit still holds
        return
    for kind, amount in ((resource.RLIMIT_FSIZE, FILE_LIMIT), (resource.RLIMIT_AS, MEMORY_LIMIT)):
        try:
            resource.setrlimit(kind, (amount, resource.getrlimit(kind)[1]))
        except (ValueError, OSError):  # a stricter limit is in force already
            pass
