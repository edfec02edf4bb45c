"""A whole class: done by several processes, written down line by line, taken up again after a crash.

The ledger (OUT/ledger.jsonl) has one line for each *unit*, a content for a topic. Equal contents are one unit, so
nothing is graded twice; a line that was cut short is dropped and its unit done again. Everything in a report is
computed from the ledger and the submissions, so a batch that was killed ends in the same report as one that was not.
"""

import hashlib
import json
import multiprocessing
import os
import secrets
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from utils.course.catalog import ROOT, catalog
from utils.grading import judge, worker
from utils.grading.sandbox import Limits

AGAIN = 50  # of so many units one is graded twice
ATTEMPTS = 3  # after so many lost processes a unit is given up
AHEAD = 4  # units that wait for each process


class OtherBatch(ValueError):
    """The folder holds another batch, or one made by another version of the course."""


@dataclass(frozen=True)
class Unit:
    """A file of one topic, whoever handed it in."""

    topic: str
    content: str  # SHA-256, or "reference" and "skeleton" for the canaries
    seed: str
    levels: tuple
    again: bool = False

    @property
    def key(self):
        return f"{self.topic} {self.content}"


@dataclass(frozen=True)
class Settings:
    """What every process of a batch has to know."""

    isolation: str
    levels: tuple = (1, 2, 3, 4)
    feedback: bool = True
    image: str = ""
    limits: Limits = field(default_factory=Limits)


def fingerprint():
    """A hash of all that a verdict depends on besides the submission."""
    digest = hashlib.sha256()
    files = [
        *(ROOT / "utils" / "grading").glob("*.py"),
        ROOT / "topics" / "catalog.toml",
        *(ROOT / "utils" / "course").glob("*.py"),
    ]
    for topic in catalog().ready:
        files += [
            *topic.folder.glob("*.py"),
            *(topic.folder / "solutions").glob("level0*.py"),
            *topic.tests.glob("*.py"),
        ]
    for path in sorted(path for path in files if path.is_file()):
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class Ledger:
    """The results so far, in a file that only grows."""

    def __init__(self, folder, settings, seed=""):
        self.path = Path(folder) / "ledger.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wanted = {"course": fingerprint(), "isolation": settings.isolation, "levels": list(settings.levels),
                  "feedback": settings.feedback}  # fmt: skip
        self.results, lines = {}, self._whole_lines()
        if lines:
            head = lines[0].get("batch", {})
            if any(head.get(name) != value for name, value in wanted.items()) or (seed and seed != head.get("seed")):
                raise OtherBatch(
                    f"{self.path.parent} holds a batch made with other settings, or by another version of the course. "
                    "Name another folder after --out, or remove that one."
                )
            for line in lines[1:]:
                self.results.setdefault(line["unit"], line)
        else:
            head = {**wanted, "seed": seed or secrets.token_hex(8), "begun": time.strftime("%Y-%m-%d %H:%M:%S")}
        self.head = head
        self._stream = open(self.path, "ab", buffering=0)
        if not lines:
            self._append({"batch": head})

    def _whole_lines(self):
        """The lines that were written whole; what was cut short is cut off."""
        if not self.path.exists():
            return []
        data, lines, good = self.path.read_bytes(), [], 0
        for line in data.splitlines(keepends=True):
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n") or not isinstance(entry, dict):
                break
            lines.append(entry)
            good += len(line)
        if good < len(data):
            with open(self.path, "r+b") as stream:
                stream.truncate(good)
        return lines

    def add(self, result):
        """Keep a result, once."""
        if result["unit"] not in self.results:
            self.results[result["unit"]] = result
            self._append(result)

    def _append(self, entry):
        data = json.dumps(entry).encode() + b"\n"
        written = os.write(self._stream.fileno(), data)
        if written != len(data):
            raise OSError(28, "The disk is full", str(self.path))

    def close(self):
        self._stream.close()


def units_of(submissions, seed, levels):
    """(the Units of a batch, canaries first; content hash -> (source, file name) of those that are not canaries)."""
    sources, units, seen = {}, [], set()
    topics = sorted({number for one in submissions for number in one.files})
    for number in topics:
        topic = catalog().topic(number)
        for canary, path in (("reference", topic.solution(3)), ("skeleton", topic.skeleton)):
            sources[canary + number] = path.read_bytes()
            units.append(Unit(number, canary + number, worker.seed_of(seed, canary, number), _levels(topic, levels)))
    for number in topics:
        topic = catalog().topic(number)
        for one in submissions:
            if number in one.files:
                content = one.content(number)
                sources[content] = one.files[number]
                if (number, content) not in seen:
                    seen.add((number, content))
                    own_seed = worker.seed_of(seed, content, number)
                    again = int(own_seed[8:], 16) % AGAIN == 0
                    units.append(Unit(number, content, own_seed, _levels(topic, levels), again))
    return units, sources


def _levels(topic, levels):
    """The levels of a topic that are graded: those with case programs, else those that need no PyTorch."""
    return tuple(level for level in judge.levels_of(topic) or (1, 2, 3) if level in levels and level in topic.levels)


def grade_unit(grader, unit, source, settings):
    """The result of a unit as a dict, ready for the ledger."""
    topic, canary = catalog().topic(unit.topic), unit.content[:-2] in ("reference", "skeleton")
    name = f"{topic.module}.py"
    result = {"unit": unit.key, "topic": unit.topic, "seed": unit.seed, "method": "cases", "levels": {}}
    result["look"] = {} if canary else grader.look(topic, source, name)
    if not judge.levels_of(topic):
        result["method"] = "public tests"
    stopped = ""
    for level in unit.levels:
        if stopped:  # who never comes to an end at one level would not at the next
            result["levels"][str(level)] = judge.not_run(topic, level, stopped)
        elif result["method"] == "cases":
            graded = grader.grade(worker.Task(unit.topic, level, unit.content, unit.seed), source, name)
            result["levels"][str(level)] = {key: graded[key] for key in ("cases", "steps", "ended", "trouble", "took")}
            if graded["ended"] and not any(graded["steps"].values()):
                stopped = graded["ended"]
        else:
            result["levels"][str(level)] = _by_public_tests(grader, topic, level, source, name)
    if unit.again and result["method"] == "cases":
        result["steady"] = True
        for level in unit.levels if not stopped else unit.levels[:1]:
            twice = grader.grade(worker.Task(unit.topic, level, unit.content, unit.seed), source, name)
            result["steady"] &= _outcomes(twice) == _outcomes(result["levels"][str(level)])
    lowest = next((level for level in unit.levels if not _holds(result["levels"][str(level)])), None)
    if settings.feedback and not canary and lowest and lowest < 4:
        told = result["levels"][str(lowest)].get("feedback") or grader.feedback(topic, lowest, source, name)
        result["feedback"] = {"level": lowest, **told} if told else {"level": lowest}
    for level in result["levels"].values():
        level.pop("feedback", None)
    return result


def _outcomes(graded):
    return [(one["case"], one["outcome"]) for one in graded["cases"]]


def _holds(level):
    return bool(level["steps"]) and all(level["steps"].values())


def _by_public_tests(grader, topic, level, source, name):
    """The verdict on a level without case programs: what the public tests said, in the sandbox."""
    told = grader.feedback(topic, level, source, name)
    if told is None:
        steps = {step.id: False for step in topic.steps_of(level)}
        return {"cases": [], "steps": steps, "ended": "the public tests came to no end", "trouble": "", "took": {}}
    steps = {step.id: told["steps"].get(step.id) == "pass" for step in topic.steps_of(level)}
    return {"cases": [], "steps": steps, "ended": "", "trouble": "", "took": {}, "feedback": told}


# The processes of a batch ---------------------------------------------------------------------------------------------

_grader = None


def _begin(settings, parent):
    """In a process of the pool: a grader of its own, and an end when the batch has been killed, even before this."""
    global _grader

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    _grader = worker.Grader(settings.isolation, settings.limits, settings.image)


def _do(unit, source, settings):
    return grade_unit(_grader, unit, source, settings)


def run(units, sources, ledger, settings, *, jobs=1, progress=lambda done, total, left: None, scheduler=""):
    """Grade every unit that the ledger does not hold yet; `progress` hears (units done, of how many, seconds left)."""
    waiting = [unit for unit in units if unit.key not in ledger.results]
    clock = _Clock(len(units), len(units) - len(waiting), progress)
    clock.tick(0)
    if scheduler:
        from utils.grading import remote

        results = remote.results(scheduler, waiting, sources, settings)
    elif jobs == 1:
        results = _alone(waiting, sources, settings)
    else:
        results = _together(waiting, sources, settings, jobs)
    for result in results:
        ledger.add(result)
        clock.tick(1)


def _alone(units, sources, settings):
    with worker.Grader(settings.isolation, settings.limits, settings.image) as grader:
        for unit in units:
            yield grade_unit(grader, unit, sources[unit.content], settings)


def _together(units, sources, settings, jobs):
    """Results as they come, from `jobs` processes; a process that dies is replaced, and its unit tried again."""
    waiting, attempts = list(reversed(units)), {}
    while waiting:
        running = {}
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (settings, os.getpid()))
        try:
            while waiting or running:
                while waiting and len(running) < jobs * AHEAD:
                    unit = waiting.pop()
                    running[pool.submit(_do, unit, sources[unit.content], settings)] = unit
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    running.pop(future)
                    yield result
        except BrokenProcessPool:
            for unit in running.values():
                attempts[unit] = attempts.get(unit, 0) + 1
                if attempts[unit] < ATTEMPTS * AHEAD:
                    waiting.append(unit)
                else:
                    yield given_up(unit, "the grading process was killed again and again")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def given_up(unit, why):
    """The result of a unit that could not be graded: said as such, never a zero in silence."""
    return {"unit": unit.key, "topic": unit.topic, "seed": unit.seed, "method": "not graded", "levels": {},
            "look": {}, "why": why}  # fmt: skip


class _Clock:
    """Says how far a batch is, at most a few times a second."""

    def __init__(self, total, done, progress):
        self.total, self.done, self.progress = total, done, progress
        self.started, self.before, self.said = time.monotonic(), done, 0.0

    def tick(self, count):
        self.done += count
        now = time.monotonic()
        if now - self.said < 0.3 and self.done < self.total:
            return
        self.said, fresh = now, self.done - self.before
        left = (self.total - self.done) * (now - self.started) / fresh if fresh else None
        self.progress(self.done, self.total, left)
