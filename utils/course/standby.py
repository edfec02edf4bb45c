"""Processes that have everything imported and wait with a topic's tests: a run begins at once with its first test.

A process from nothing spends most of its time on starting Python, importing pytest and reading the tests. Here that is
done in advance, and one session is run on the stub, so that modules are imported and expected values computed. What
follows is what `check` does: the same arguments choose among the same tests, and write the same rows, in a process of
its own that is killed at the end.

`Standby` gives one process to each save that `watch` sees: spawned, never forked, so that it works on every system and
after libraries that must not be forked. `Copies` judges many files, such as all planted mistakes: each run is a copy of
one waiting process, where the system can copy processes. What such a process does stands in warm.py.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from utils.course.catalog import ROOT
from utils.course.running import environment, kill


class Standby:
    """Keeps one process waiting for a run of the tests of a topic; `start` takes the place of Popen in running.run."""

    def __init__(self):
        self._waiting = self._at_work = None

    def prepare(self, topic):
        """Have a process waiting for a run of the tests of this topic, unless it is there already."""
        if self._waiting and self._waiting.is_for(topic.tests):
            return
        self.close()
        self._waiting = _Waiting(topic.tests)

    def start(self, command, **options):
        """As Popen for a command that is `python -m pytest TESTS …`."""
        if self._at_work:  # the run before: it has ended, or nobody waits for it any more
            self._at_work.end()
        self._at_work, self._waiting = self._waiting, None
        if self._at_work and self._at_work.is_for(command[3]):
            with suppress(OSError):  # something outside has ended it
                self._at_work.give(command, options["env"])
                return self._at_work.process
        return subprocess.Popen(command, **options)

    def close(self):
        """End the process that waits, and what is left of the one before."""
        for one in filter(None, (self._waiting, self._at_work)):
            one.end()
        self._waiting = self._at_work = None


class Copies:
    """Runs each command in a copy of a process that waits for its topic; as a context, ends these processes with it."""

    def __init__(self):
        self._waiting, self._lock = {}, threading.Lock()

    def start(self, command, **options):
        """As Popen for a command that is `python -m pytest TESTS …`."""
        if not hasattr(os, "fork"):
            return subprocess.Popen(command, **options)
        with self._lock:
            if command[3] not in self._waiting:
                self._waiting[command[3]] = _Waiting(command[3], copies=True)
        return _Copy(self._waiting[command[3]], command, options["env"])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for one in self._waiting.values():
            one.end()


class _Waiting:
    """One process that waits for its job, or for many."""

    def __init__(self, tests, *, copies=False):
        self._tests, self._course, self._lock = str(tests), _course(tests), threading.Lock()
        words = [sys.executable, "-m", "utils.course.warm", self._tests, *(["--copies"] if copies else [])]
        self.process = subprocess.Popen(
            words, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdout=subprocess.PIPE if copies else subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def is_for(self, tests):
        """Does it still wait, for these tests as they are now? A changed one must not be judged by the old."""
        return (self.process.poll(), self._tests, self._course) == (None, str(tests), _course(tests))

    def give(self, command, variables):
        """Hand over the one job."""
        self._write([command[3:], variables])
        self.process.stdin.close()

    def answer(self, *question):
        """What the process answers: to a job, the id of the copy that does it; to an id, how that copy has ended."""
        with self._lock:
            self._write(question)
            return json.loads(self.process.stdout.readline())

    def _write(self, data):
        self.process.stdin.write(json.dumps(data).encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        kill(self.process)
        for stream in filter(None, (self.process.stdin, self.process.stdout)):
            with suppress(OSError):  # what was written to it cannot be delivered any more
                stream.close()


class _Copy:
    """A copy of a waiting process at work, with the methods of Popen that running.py uses."""

    def __init__(self, waiting, command, variables):
        self._waiting, self.returncode = waiting, None
        self.pid = waiting.answer(command[3:], variables)

    def poll(self):
        if self.returncode is None:
            self.returncode = self._waiting.answer(self.pid)
        return self.returncode

    def wait(self):
        while self.poll() is None:
            time.sleep(0.001)
        return self.returncode


def _course(tests):
    """What the tests and the judging are made of, as it is now."""
    files = [*Path(tests).glob("*"), *Path(__file__).parent.glob("*.py"), ROOT / "conftest.py"]
    return [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files) if file.is_file()]
