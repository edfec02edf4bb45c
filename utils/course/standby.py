"""A process that has everything imported and waits: `watch` gives it one run of pytest, then has the next one made.

It is spawned, never forked, so that it works on every system and after libraries that must not be forked. In advance
it runs one session on the stub, so that modules are imported and expected values computed, and then opens the session
of the run itself up to its first test. What follows is what `check` does: the same arguments, tests and rows, in a
process of its own that is killed at the end.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from utils.course.catalog import ROOT
from utils.course.running import OPTIONS, arguments, environment, kill


class Standby:
    """Keeps one process waiting for a run of the tests of a topic; `start` takes the place of Popen in running.run."""

    def __init__(self):
        self._waiting = self._at_work = None

    def prepare(self, topic, path, **chosen):
        """Have a process waiting for this run (see running.arguments), unless it is there already."""
        wanted = (arguments(topic, path, **chosen), _course(topic))
        waiting = self._waiting
        if waiting and waiting.process.poll() is None and (waiting.arguments, waiting.course) == wanted:
            return
        self.close()
        self._waiting = _Waiting(topic, *wanted)

    def start(self, command, *, cwd, env, stdout, **options):
        """As Popen for a command that is `python -m pytest …`."""
        if self._at_work:  # the run before: it has ended, or nobody waits for it any more
            self._at_work.end()
        self._at_work, self._waiting = self._waiting, None
        waiting = self._at_work
        if waiting and waiting.course == _course(waiting.topic):  # else the tests have been changed since
            try:
                waiting.give(command[3:])
                return waiting.process
            except OSError:  # something outside has ended it
                pass
        return subprocess.Popen(command, cwd=cwd, env=env, stdout=stdout, **options)

    def is_ready(self):
        """Has the process done all it can do in advance?"""
        return self._waiting is not None and self._waiting.ready.exists()

    def close(self):
        """End the process that waits, and what is left of the one before."""
        for one in filter(None, (self._waiting, self._at_work)):
            one.end()
        self._waiting = self._at_work = None


class _Waiting:
    """One process that waits for its job on its standard input."""

    def __init__(self, topic, arguments, course):
        self.topic, self.arguments, self.course = topic, arguments, course
        self.ready = Path(tempfile.mkdtemp(prefix="course-")) / "ready"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "utils.course.standby", str(self.ready), *arguments], cwd=ROOT, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def give(self, job):
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.close()

    def end(self):
        kill(self.process)
        with suppress(OSError):  # what was written to it cannot be delivered any more
            self.process.stdin.close()
        shutil.rmtree(self.ready.parent, ignore_errors=True)


def _course(topic):
    """What the tests and the judging are made of: a changed one must not be judged by the old."""
    files = [*topic.tests.glob("*"), *Path(__file__).parent.glob("*.py"), ROOT / "conftest.py"]
    return [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files) if file.is_file()]


def wait(ready, *prepared):
    """In the waiting process: prepare, wait for the job, do it; never returns."""
    import gc

    import pytest

    from utils.course import reporting

    given = os.fdopen(os.dup(0), "rb")  # pytest puts something else in the place of standard input
    job = []

    class Opened:
        """Holds the session at its first test until the job is there."""

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session):
            gc.collect()
            gc.freeze()  # what is here already is not looked through again when the candidate makes garbage
            Path(ready).touch()
            line = given.readline()
            if not line:  # whoever wanted it is gone
                os._exit(0)
            job[:] = json.loads(line)
            if job[:-4] != list(prepared):
                return True  # another one than expected: nothing of this session is run
            reporting.open_results(session.config, job[-3], job[-1])
            return None

    highest = min(int(prepared[prepared.index("--upto") + 1]), 2)  # above, tests are too heavy to be tried in advance
    pytest.main([prepared[0], *OPTIONS, "--candidate", "stub", "--upto", str(highest)])
    code = pytest.main(list(prepared), plugins=[Opened()])
    os._exit(int(code if job[:-4] == list(prepared) else pytest.main(job)))


if __name__ == "__main__":
    wait(*sys.argv[1:])
