"""The verdict on a submission's answers, outside the sandbox, beside the expected values that were never in it."""

import json
import math
import os
import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache

from utils.course.loading import load, load_candidate, load_once
from utils.grading.cases import Case, Draw, cases_in, flat, seed_for

WORDS = {  # of an outcome, for reports
    "holds": "right",
    "wrong": "other numbers than expected",
    "raised": "it raised an exception",
    "not written": "it is not written yet",
    "no number": "something else where numbers were asked for",
    "too slow": "it computed for too long",
    "too large": "it took more memory than it may",
    "missing": "there was no answer",
    "forged": "there were answers that nobody had asked for, or several to one question",
}
ENDINGS = {  # how a process ended that did not come to the end of its cases
    "exit": "the file ended Python before all answers were given",
    "time": "it was stopped: it ran longer than {seconds:g} seconds",
    "cpu": "it was stopped: it computed for more than {cpu} seconds",
    "killed": "it was stopped by the system (signal {signal})",
    "flood": "it was stopped: it sent more than {answer} bytes",
    "lost": "the process was lost; nothing it said is counted",
}


@dataclass(frozen=True)
class Judged:
    """The verdict on one case."""

    case: str
    step: str
    about: str
    outcome: str  # a key of WORDS
    words: str  # what it raised, or which number differs

    def as_json(self):
        return asdict(self)


@lru_cache(maxsize=32)
def program_of(topic):
    """The module with the case programs of a topic, None if it has none."""
    path = topic.folder / "cases.py"
    return load(path, f"case_programs_{topic.number}") if path.exists() else None


def levels_of(topic):
    """The levels for which a topic has case programs."""
    module = program_of(topic)
    return tuple(level for level in topic.levels if module and all_cases(topic, level))


def all_cases(topic, level):
    """Every case of a level: those that share a process, then those that have one of their own."""
    module = program_of(topic)
    found = [thing for thing in vars(module).values() if isinstance(thing, Case) and thing.level == level]
    return sorted(found, key=lambda one: one.room > 0)


def step_of(topic, one):
    """The step that a case belongs to."""
    if one.step:
        return topic.step(one.step)
    return next(step for step in topic.steps_of(one.level) if one.about in step.about)


@lru_cache(maxsize=16)
def _reference(topic):
    os.environ["COURSE_ENGINE"] = "stub"
    return load_candidate(topic.solution(3))


@lru_cache(maxsize=4096)
def expected(topic, one, seed):
    """The numbers that the answers of a case must be, as a tuple."""
    path = topic.folder / "answers.py"
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        draw = Draw(seed, one.name, folder)
        if path.exists():
            return tuple(flat(load_once(path).oracle(one.name, program_of(topic))(draw)))
        return tuple(flat(one.ask(_reference(topic), draw)))


def judge(topic, level, seed, lines, alone=""):
    """(the Judged of every case, in order; what was wrong with the answers as a whole, "" for nothing).

    `lines` is what came out of the pipe. Nothing in it is trusted: not its form, not its size, not its order.
    """
    wanted = cases_in(program_of(topic), level, alone)
    answers, trouble = read(lines, {one.name for one in wanted})
    found = []
    for one in wanted:
        kind, content = answers.get(one.name, ("missing", ""))
        if "" in answers:  # the file could not be loaded, so nothing was asked
            kind, content = answers[""]
        if trouble == "forged":
            outcome, words = "forged", ""
        elif kind == "answers":
            outcome, words = _compare(content, expected(topic, one, seed_for(one, seed)), one.tolerance)
        else:
            outcome, words = kind, content
        found.append(Judged(one.name, step_of(topic, one).id, one.about, outcome, words))
    return found, trouble


def not_asked(topic, level, name):
    """The Judged of a case that was spared, since nothing else of its level holds."""
    (one,) = [one for one in all_cases(topic, level) if one.name == name]
    return Judged(name, step_of(topic, one).id, one.about, "missing", "not asked: nothing else of this level holds")


def not_run(topic, level, why):
    """The result of a level that was spared, because the file was stopped at a level below."""
    found = [Judged(one.name, step_of(topic, one).id, one.about, "missing", f"not run: at a lower level {why}")
             for one in all_cases(topic, level)]  # fmt: skip
    return {"cases": [one.as_json() for one in found], "steps": {one.step: False for one in found}, "ended": "",
            "trouble": "", "took": {}}  # fmt: skip


def read(data, names):
    """(name -> (kind, content), trouble) from the bytes of a pipe: "forged" where a name is unknown or comes twice."""
    answers = {}
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            name, kind, content = json.loads(line, parse_constant=_no_constant)
        except (ValueError, TypeError, RecursionError, MemoryError):
            continue  # cut short, or no JSON: no answer
        if type(name) is not str or type(kind) is not str:
            return {}, "forged"
        if name in answers or (name and name not in names):
            return {}, "forged"
        if kind == "answers":
            if type(content) is not list or not all(type(number) in (int, float) for number in content):
                kind, content = "no number", "the answer is no list of plain numbers"
        elif kind not in ("raised", "not written", "no number", "too slow") or type(content) is not str:
            return {}, "forged"
        answers[name] = (kind, content[:400] if isinstance(content, str) else content)
    return answers, ""


def _no_constant(word):
    raise ValueError(word)


def _compare(got, wanted, tolerance):
    if len(got) != len(wanted):
        return "wrong", f"{len(got)} numbers instead of {len(wanted)}"
    for place, (mine, right) in enumerate(zip(got, wanted, strict=True)):
        try:
            near = abs(float(mine) - right) <= tolerance * max(1.0, abs(right))
        except OverflowError:
            near = False
        if not near:  # the shape of the mistake, not the number that was expected
            return "wrong", f"number {place + 1} of {len(wanted)} {_difference(mine, right)}"
    return "holds", ""


def _difference(got, wanted):
    try:
        got = float(got)
    except OverflowError:
        return "is far too large"
    if got == 0:
        return "is 0 and should not be"
    if not wanted:
        return "should be 0 and is not"
    ratio = got / wanted
    if math.isclose(ratio, -1.0, rel_tol=1e-6):
        return "has the wrong sign"
    return f"is {ratio:.3g} times what it should be"


def ending_words(ended, code, limits):
    """A sentence about how a process ended."""
    signal = code & 0x7F if isinstance(code, int) else 0
    return ENDINGS[ended].format(seconds=limits.seconds, cpu=limits.cpu, answer=limits.answer, signal=signal)
