"""Run a topic's tests on a candidate in a process of its own, with limits, and collect the rows."""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from utils.course.catalog import ROOT

# Seconds without a finished test after which a run is stopped. Generous: a test takes milliseconds, training seconds.
PATIENCE = {1: 10.0, 2: 10.0, 3: 30.0, 4: 120.0}
OUTPUT_LIMIT = 64_000  # bytes of a candidate's own prints that are kept
OPTIONS = (
    "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-p", "no:unraisableexception",
    "-p", "no:threadexception", "-W", "ignore", "--rootdir", str(ROOT),
    "-c", str(ROOT / "pyproject.toml"),  # said here, since pytest would look for it above the files of rows, too
)  # fmt: skip


class Superseded(Exception):
    """The file was saved again while it was being judged, so nobody waits for this verdict any more."""


@dataclass(frozen=True)
class Run:
    """What came of running tests: the rows, and how the process ended."""

    rows: tuple
    ending: str  # "done", "timeout", "died" (the process ended early) or "broken" (the harness itself failed)
    running: dict | None = None  # test, step and about of the test that was running when it ended early
    file: str = ""  # the line that was running, where it is known
    line: int = 0
    patience: float = 0.0
    output: str = ""  # the end of what was printed, for our own mistakes
    code: int = 0


def run(topic, path, *, level=None, upto=None, steps=(), upward=False, patience=None, start=subprocess.Popen,
        superseded=lambda: False):  # fmt: skip
    """The Run of the tests of `topic` on the file at `path`: of one level, or of all up to one.

    `steps`: only the tests of these. `upward`: nothing above the first level that fails. `start` makes the process:
    Popen from nothing, those of standby.py from one that has everything imported.
    `superseded` is asked every few milliseconds; when it says yes, the process is killed and Superseded raised.
    """
    chosen = arguments(topic, path, level=level, upto=upto, steps=steps, upward=upward, patience=patience)
    longest = max(float(limit) for limit in chosen[chosen.index("--patience") + 1].split(","))
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        rows, trace, output = (Path(folder) / name for name in ("rows", "trace", "output"))
        rows.touch()
        command = [sys.executable, "-m", "pytest", *chosen, "--rows", str(rows), "--trace-file", str(trace)]
        with open(output, "wb") as stream:
            process = start(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=stream,
                            stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
            try:
                stopped = _wait(process, rows, longest, superseded)
            finally:
                kill(process)
        found = _collect(rows, trace, output, process.returncode, stopped, longest)
    if found.ending == "broken" and start is not subprocess.Popen:  # a process from nothing says in words what is wrong
        return run(topic, path, level=level, upto=upto, steps=steps, upward=upward, patience=patience,
                   superseded=superseded)  # fmt: skip
    return found


def arguments(topic, path, *, level=None, upto=None, steps=(), upward=False, patience=None):
    """What pytest is told about a run, except where its results go."""
    highest = level or upto
    patience = patience or float(os.environ.get("COURSE_PATIENCE", 0))
    limits = [patience] if patience else [PATIENCE[number] for number in sorted(PATIENCE) if number <= highest]
    found = [str(topic.tests), *OPTIONS, "--candidate", str(path), "--level" if level else "--upto", str(highest),
             "--patience", ",".join(map(str, limits))]  # fmt: skip
    found += ["--steps", ",".join(step.id for step in steps)] if steps else []
    return found + (["--upward"] if upward else [])


def environment():
    """The environment variables of a run: none of the learner's settings for Python or pytest."""
    # Plugins of the learner's environment cost seconds and may change what a test means.
    variables = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT),
                 "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}  # fmt: skip
    # One thread computes the same last bits on every machine; and a copy of a process has none of its other threads.
    variables |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    variables.pop("PYTEST_ADDOPTS", None)
    return variables


def ask(module, *words, seconds):
    """The last line that `python -m module words…` prints in a process of its own; "" if it fails or takes longer."""
    process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, env=environment(), text=True,
                               encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return ""
    finally:
        kill(process)
        process.stdout.close()
    lines = text.splitlines()
    return lines[-1] if lines and process.returncode == 0 else ""


def _wait(process, rows, patience, superseded):
    """True if the process had to be stopped because no row came for longer than it may take."""
    seen, since = -1, time.monotonic()
    while process.poll() is None:
        size = rows.stat().st_size
        if size != seen:
            seen, since = size, time.monotonic()
            if _has_finished(rows, size):
                return False  # every row is written; how long the process takes to end is no part of the verdict
        if superseded():
            raise Superseded
        # The process stops itself and says where (reporting.py); this is for one that cannot. Start-up is not counted.
        if time.monotonic() - since > patience + (5 if seen > 0 else 30):
            return True
        time.sleep(0.004)
    return False


def _has_finished(rows, size):
    with open(rows, "rb") as stream:
        stream.seek(max(0, size - 100))
        return re.search(rb'{"finished": [01]}', stream.read()) is not None


def kill(process):
    """End the process and everything it started."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    elif process.poll() is None:
        process.kill()
    process.wait()


def read_rows(path):
    """The rows in a file, what held put back into those that passed, and the lines that tell of the run itself."""
    found, passed = [], {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # the process died while it wrote the line
            continue
        if "held_in" in entry:
            passed[entry["held_in"]]["observations"] = entry["observations"]
            continue
        if entry.get("outcome") == "pass":
            passed[entry["test"]] = entry
        found.append(entry)
    return found


def _collect(rows, trace, output, code, stopped, patience):
    found, running, finished = [], None, False
    for entry in read_rows(rows):
        if "running" in entry:
            running = {"test": entry["running"], "step": entry["step"], "about": entry["about"]}
            patience = entry["patience"] or patience
        elif "finished" in entry:
            finished, code = True, entry["finished"]
        else:
            found.append(entry)
    with open(output, "rb") as stream:
        stream.seek(max(0, output.stat().st_size - OUTPUT_LIMIT))
        tail = stream.read().decode("utf-8", "replace")
    text = trace.read_text(encoding="utf-8", errors="replace") if trace.exists() else ""
    common = {"rows": tuple(found), "patience": patience, "output": tail, "code": code}
    if finished and not stopped:
        return Run(ending="done" if code in (0, 1) else "broken", **common)
    if stopped or text:
        file, line = innermost(text)
        return Run(ending="timeout", running=running, file=file, line=line, **common)
    if running:
        return Run(ending="died", running=running, **common)
    return Run(ending="broken", **common)


def innermost(trace):
    """(file, line) of the innermost loop that faulthandler's text shows running in a judged file.

    Where it shows none, the innermost line that is not the course's or Python's own.
    """
    found = [
        (file, int(line)) for file, line in re.findall(r'File "(.+?)", line (\d+)', trace) if is_candidate(Path(file))
    ]
    loops = ((file, around) for file, line in found if (around := _loop_around(Path(file), line)))
    return next(loops, found[0] if found else ("", 0))


def _loop_around(path, line):
    """The line on which the innermost `while` around a line begins, 0 if there is none."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return 0
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.While))
    return max((node.lineno for node in loops if node.lineno <= line <= node.end_lineno), default=0)


def is_candidate(path):
    """Is this a file that is judged, and none of the course's machinery, of Python or of a package?"""
    if not path.is_absolute():  # <string>, <frozen ...>
        return False
    if "lib" + os.sep + "python" in str(path).lower() or "site-packages" in path.parts:
        return False
    try:
        parts = path.relative_to(ROOT).parts
    except ValueError:
        return True
    if parts[0] == "topics":
        return "solutions" in parts or path.name == "skeleton.py"
    return parts[0] not in ("utils", "scripts", "conftest.py") and path.parent.name != "tests"
