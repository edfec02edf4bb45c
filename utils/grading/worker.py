"""One grader: keeps a zygote for each topic, hands submissions to it, and judges what comes back.

This process holds the expected values and never runs a submission. A batch has one or several such processes, on one
machine or, with Dask, on many.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from utils.course.catalog import ROOT, TOPICS, catalog
from utils.grading import feedback, judge
from utils.grading.sandbox import SCRATCH, Limits
from utils.grading.zygote import receive, send

# Of the course, what every submission can see; of the grader, what runs beside it.
SHOWN = (
    "__init__.py", "engine.py", "autograd_stub.py", "drawing.py", "finite_difference_checker.py",
    "gradient_claims.py", "gradient_patterns.py", "slopes.py", "pictures",
    "course/__init__.py", "course/catalog.py", "course/loading.py",
    "grading/__init__.py", "grading/cases.py", "grading/inside.py", "grading/sandbox.py", "grading/zygote.py",
)  # fmt: skip
WHOLE = ("utils", "topics", "hints", "scripts", "tests", "conftest.py", "pyproject.toml", "solutions")  # for the tests
PACKAGES = ["numpy", "pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments"]
MOST_ZYGOTES = 16
SLACK = 3 << 19  # bytes of memory that a file may take for what it imports
START_SECONDS = 60.0
GRACE = 5.0  # seconds beyond its own limit after which a warden is given up


class NotIsolated(RuntimeError):
    """A process that may run submissions could not be made here; the text says why."""


@dataclass(frozen=True)
class Task:
    """One thing to grade: a file, on one level of a topic."""

    topic: str
    level: int
    content: str  # SHA-256 of the source, or the name of a canary
    seed: str


def seed_of(batch_seed, content, topic):
    """The seed of a submission: fresh for each batch and content, and computed again from the recorded batch seed."""
    words = str(batch_seed), f"{batch_seed} {content} {topic}"
    return "".join(hashlib.sha256(text.encode()).hexdigest()[:8] for text in words)


def needed(topic):
    """The topics whose solutions a topic's files may borrow: its needs, and theirs."""
    ready = {other.number: other for other in catalog().ready}
    found, waiting = {}, list(topic.needs)
    while waiting:
        number = waiting.pop()
        if number in ready and number not in found:
            found[number] = ready[number]
            waiting += ready[number].needs
    found.pop(topic.number, None)
    return list(found.values())


def visible(topic):
    """The course's files that a submission to this topic can see: not its own solutions, no tests, no oracles."""
    module = judge.program_of(topic)
    hidden = getattr(module, "HIDDEN", ())
    found = [str(ROOT / "utils" / name) for name in SHOWN if f"utils/{name}" not in hidden]
    found += [str(TOPICS / "catalog.toml"), str(topic.folder / "cases.py")]
    found += [str(topic.folder / name) for name in getattr(module, "SHOWN", ())]
    return [*found, *(str(other.solution(3)) for other in needed(topic))]


class Grader:
    """Grades tasks one after the other; `close` ends the processes it keeps."""

    def __init__(self, isolation, limits=None, image=""):
        self.isolation, self.limits, self.image = isolation, limits or Limits(), image
        self._zygotes, self._growth = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for zygote in self._zygotes.values():
            zygote.end()
        self._zygotes.clear()

    def grade(self, task, source, name):
        """The result of a task as a dict: the cases and their outcomes, the steps, how it ended, what it took.

        Raises NotIsolated.
        """
        topic = catalog().topic(task.topic)
        cases, shared, endings, trouble, took = [], [], [], "", {"seconds": 0.0, "cpu": 0.0, "judge": 0.0}
        for alone in ["", *(one.name for one in judge.all_cases(topic, task.level) if one.room)]:
            if alone and shared and not any(one.outcome == "holds" for one in shared):
                cases.append(judge.not_asked(topic, task.level, alone))
                continue
            job = {"level": task.level, "seed": task.seed, "alone": alone}
            lines, ended = self.run("cases", topic, job, source, name)
            started = time.process_time()
            if ended["ended"] == "lost":
                lines = b""
            found, wrong = judge.judge(topic, task.level, task.seed, lines, alone)
            if alone:
                found = [self._within(one, topic, task.level, ended) for one in found]
            took["judge"] += time.process_time() - started
            took["seconds"] += ended.get("seconds", 0.0)
            took["cpu"] += ended.get("cpu", 0.0)
            shared = shared if alone else found
            cases, trouble = cases + found, trouble or wrong
            stopped = any(one.outcome == "missing" for one in found)
            if stopped or ended["ended"] != "exit":
                endings.append(judge.ending_words(ended["ended"], ended.get("code", 0), self.limits))
        steps = {}
        for one in cases:
            steps[one.step] = steps.get(one.step, True) and one.outcome == "holds"
        return {
            "task": asdict(task), "method": "cases", "cases": [one.as_json() for one in cases], "steps": steps,
            "ended": endings[0] if endings else "", "trouble": judge.WORDS.get(trouble, ""),
            "took": {name: round(number, 4) for name, number in took.items()},
        }  # fmt: skip

    def _within(self, judged, topic, level, ended):
        """The verdict on a case that is about memory, with what was measured from outside."""
        if judged.outcome != "holds":
            return judged
        (one,) = [one for one in judge.all_cases(topic, level) if one.name == judged.case]
        most = one.room * self._growth_of_reference(topic, one) + SLACK
        if "grown" in ended and ended["grown"] <= most:
            return judged
        words = (
            f"more than {one.room:g} times what the reference takes"  # without what was measured: it varies a little
        )
        return judge.Judged(judged.case, judged.step, judged.about, "too large", words)

    def _growth_of_reference(self, topic, one):
        """The bytes by which a process grows when the reference does a case; measured, since it differs by machine."""
        key = (topic.number, one.name)
        if key not in self._growth:
            job = {"level": one.level, "seed": "0" * 16, "alone": one.name}
            source, name = topic.solution(3).read_bytes(), f"{topic.module}.py"
            self._growth[key] = max(self.run("cases", topic, job, source, name)[1].get("grown", 0) for _ in range(2))
        return self._growth[key]

    def look(self, topic, source, name):
        """What the text of a submission says about it (looking.py); a dict with a note where even that fails."""
        lines, _ = self.run("look", topic, {"topic": topic.number}, source, name)
        try:
            told = json.loads(lines)
            return {"ownership": str(told["ownership"])[:20], "reason": str(told["reason"])[:200],
                    "notes": [str(note)[:200] for note in told["notes"]][:20], "shape": str(told["shape"])[:20],
                    "fingerprints": [int(value) for value in told["fingerprints"]]}  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            return {"ownership": "own", "reason": "", "notes": ["Python's parser gave up on this file."], "shape": "",
                    "fingerprints": []}  # fmt: skip

    def answers(self, topic, source):
        """{name: list} of the literals that the functions of a hunt's file return; {} where there are none."""
        lines, _ = self.run("look", topic, {"topic": topic.number, "answers": True}, source, f"{topic.module}.py")
        try:
            told = json.loads(lines)
            return {str(name): list(value) for name, value in told.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def feedback(self, topic, level, source, name):
        """What the public tests of a level say about a submission (feedback.py); None where they came to no end."""
        limits = replace(self.limits, seconds=90.0, cpu=60, memory=4 << 30, answer=1 << 20)
        lines, _ = self.run("tests", topic, {"level": level}, source, name, limits)
        return feedback.read(lines)

    def run(self, kind, topic, job, source, name, limits=None):
        """(bytes that came out of the sandbox, dict with `ended`) of one job; a lost zygote is made again, once."""
        limits = limits or self.limits
        job = {**job, "name": name, "limits": asdict(limits)}
        for attempt in (1, 2):
            zygote = self._zygote(kind, topic, source)
            lines, ended = zygote.run(job, source, limits)
            if ended["ended"] != "lost":
                return lines, ended
            self._zygotes.pop(self._key(kind, topic, source)).end()
            if attempt == 2 or lines:
                break
        return lines, ended

    def _key(self, kind, topic, source):
        # In a container the zygote has the same user as what it forks, so no two submissions may share it.
        own = hashlib.sha256(source).hexdigest() if self.isolation == "container" else ""
        return (kind, topic.number, own)

    def _zygote(self, kind, topic, source):
        key = self._key(kind, topic, source)
        for other in [other for other in self._zygotes if other[2] != key[2]]:
            self._zygotes.pop(other).end()
        if key not in self._zygotes:
            if len(self._zygotes) >= MOST_ZYGOTES:
                self._zygotes.pop(next(iter(self._zygotes))).end()
            self._zygotes[key] = Zygote(kind, topic, self.isolation, self.image)
        return self._zygotes[key]


class Zygote:
    """The process of zygote.py, seen from the side that trusts itself."""

    def __init__(self, kind, topic, isolation, image=""):
        self._own = None if isolation in ("namespaces", "container") else tempfile.TemporaryDirectory(prefix="course-")
        self.folder = self._own.name if self._own else SCRATCH
        if self._own and os.getuid() == 0:
            os.chmod(self.folder, 0o733)  # a submission runs as nobody there
        files = visible(topic) if kind == "cases" else [str(ROOT / name) for name in WHOLE if (ROOT / name).exists()]
        order = {
            "grader": os.getpid(), "kind": kind, "topic": topic.number, "isolation": isolation, "files": files,
            "packages": ["numpy"] if kind == "cases" else PACKAGES, "cases": str(topic.folder / "cases.py"),
        }  # fmt: skip
        variables = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1",
                     "OMP_NUM_THREADS": "1", "COURSE_ENGINE": "stub", "PYTHONIOENCODING": "utf-8",
                     "COURSE_WARM": topic.number, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # fmt: skip
        command = [sys.executable, "-m", "utils.grading.zygote", json.dumps(order)]
        if isolation == "container":
            from utils.grading import container

            command = container.command(image, order, variables)
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=variables if isolation != "container" else None, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True,
        )  # fmt: skip
        said, _ = receive(self.process.stdout.fileno(), time.monotonic() + START_SECONDS)
        if not (said and said.get("ready")):
            self.end()
            raise NotIsolated((said or {}).get("why", "the process did not start"))

    def run(self, job, source, limits):
        """(answers, ending) of one job; waits no longer than it must."""
        job = {**job, "folder": self.folder, "environment": {
            "COURSE_ENGINE": "stub", "COURSE_HOME": self.folder, "HOME": self.folder, "TMPDIR": self.folder,
            "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8",
        }}  # fmt: skip
        try:
            send(self.process.stdin.fileno(), job, source)
            said, answers = receive(self.process.stdout.fileno(), time.monotonic() + limits.seconds + GRACE)
        except (OSError, ValueError):
            said, answers = None, b""
        return (answers, said) if said else (b"", {"ended": "lost"})

    def end(self):
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                stream.close()
        if self._own:
            self._own.cleanup()
