"""Run a topic's tests on a candidate in a process of its own, with limits, and collect the rows."""

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


def run(topic, path, *, level=None, upto=None, patience=None, start=subprocess.Popen):
    """The Run of the tests of `topic` on the file at `path`: of one level, or of all up to one.

    `start` makes the process; mutants.py, which needs hundreds of them, gives one that is quicker than Popen.
    """
    highest = level or upto
    patience = patience or float(os.environ.get("COURSE_PATIENCE", PATIENCE[highest]))
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        rows, trace, output = (Path(folder) / name for name in ("rows", "trace", "output"))
        rows.touch()
        command = [
            sys.executable, "-m", "pytest", str(topic.tests), "--candidate", str(path), "--rows", str(rows),
            "--level" if level else "--upto", str(highest), "--patience", str(patience), "--trace-file", str(trace),
            "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-W", "ignore", "--rootdir", str(ROOT),
        ]  # fmt: skip
        # Plugins of the learner's environment cost seconds and may change what a test means.
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT),
                       "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}  # fmt: skip
        environment.pop("PYTEST_ADDOPTS", None)
        with open(output, "wb") as stream:
            process = start(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stream,
                            stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
            try:
                stopped = _wait(process, rows, patience)
            finally:
                _kill(process)
        return _collect(rows, trace, output, process.returncode, stopped, patience)


def _wait(process, rows, patience):
    """True if the process had to be stopped because no row came for longer than it may take."""
    seen, since = -1, time.monotonic()
    while process.poll() is None:
        size = rows.stat().st_size
        if size != seen:
            seen, since = size, time.monotonic()
        # The process stops itself and says where (reporting.py); this is for one that cannot. Start-up is not counted.
        if time.monotonic() - since > patience + (5 if seen > 0 else 30):
            return True
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    return False


def _kill(process):
    """End the process and everything it started."""
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    elif process.poll() is None:
        process.kill()
    process.wait()


def _collect(rows, trace, output, code, stopped, patience):
    found, running, finished = [], None, False
    for line in rows.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # the process died while it wrote the line
            continue
        if "running" in entry:
            running = {"test": entry["running"], "step": entry["step"], "about": entry["about"]}
        elif "finished" in entry:
            finished = True
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
    """(file, line) of the innermost frame of faulthandler's text that is not the course's or Python's own."""
    for file, line in re.findall(r'File "(.+?)", line (\d+)', trace):
        own = Path(file).is_relative_to(ROOT / "utils") or "tests" in Path(file).parts
        if not own and "lib" + os.sep + "python" not in file.lower() and not file.startswith("<"):
            return file, int(line)
    return "", 0
