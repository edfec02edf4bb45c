"""A process that has everything imported and waits: `watch` gives it one run of pytest, then makes the next one.

It is spawned, never forked, so that it works on every system and after libraries that must not be forked. What it does
in advance is a session on the stub: modules are imported, tests are collected, expected values are computed. The run
itself is the one that `check` makes: same arguments, same tests, a process of its own that is killed at the end.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from utils.course.catalog import ROOT
from utils.course.running import OPTIONS, environment, kill


class Standby:
    """Keeps one process waiting for the tests of a topic; `start` takes the place of Popen in running.run."""

    def __init__(self, topic, level):
        self._topic, self._level = topic, min(level, 2)  # above, the tests are too heavy to be tried in advance
        self._waiting = None
        self.prepare()

    def prepare(self):
        """Have a process waiting, unless there is one."""
        if self._waiting is None or self._waiting.process.poll() is not None:
            self._waiting = _Waiting(self._topic, self._level)

    def start(self, command, *, cwd, env, stdout, **options):
        """As Popen for a command that is `python -m pytest …`; what it prints goes to the same file."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.course != _course(self._topic):  # the tests have been changed since
            if waiting:
                waiting.end()
            return subprocess.Popen(command, cwd=cwd, env=env, stdout=stdout, **options)
        try:
            waiting.give({"arguments": command[3:], "output": str(stdout.name)})
        except OSError:  # it is gone: something outside has ended it
            waiting.end()
            return subprocess.Popen(command, cwd=cwd, env=env, stdout=stdout, **options)
        return waiting.process

    def is_ready(self):
        """Has the process done all it can do in advance?"""
        return self._waiting is not None and self._waiting.ready.exists()

    def close(self):
        """End the process that waits."""
        if self._waiting:
            self._waiting.end()
            self._waiting = None


class _Waiting:
    """One process that waits for its job on its standard input."""

    def __init__(self, topic, level):
        self.course = _course(topic)
        self._folder = tempfile.TemporaryDirectory(prefix="course-")
        self.ready = Path(self._folder.name) / "ready"
        command = [sys.executable, "-m", "utils.course.standby", str(topic.tests), str(level), str(self.ready)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def give(self, job):
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.close()

    def end(self):
        kill(self.process)
        self._folder.cleanup()


def _course(topic):
    """What the tests and the judging are made of: a changed one must not be judged by the old."""
    files = [*topic.tests.glob("*"), *Path(__file__).parent.glob("*.py"), ROOT / "conftest.py"]
    return [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files) if file.is_file()]


def wait(tests, level, ready):
    """In the waiting process: prepare, wait for the job, do it; never returns."""
    import gc

    import pytest

    pytest.main([tests, *OPTIONS, "-p", "no:terminal", "--candidate", "stub", "--upto", level])
    gc.collect()
    gc.freeze()  # what is here already is not looked through again when the candidate makes garbage
    Path(ready).touch()
    line = sys.stdin.readline()
    if not line:  # whoever wanted it is gone
        os._exit(0)
    job = json.loads(line)
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(job["output"], os.O_WRONLY | os.O_APPEND)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os._exit(int(pytest.main(job["arguments"])))


if __name__ == "__main__":
    wait(*sys.argv[1:])
