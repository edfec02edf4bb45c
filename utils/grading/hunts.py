"""The hunts of Topic 39, graded: was the line found, the kind named, the file mended? And the probes of `catch`.

Every learner has drawn other bugs, by a number in workspace/hunt/cases.json. What is right follows from that number;
whoever takes over answers has to take over the number too, and two equal numbers are named. Answers are read from
bug_hunt.py as literals, and not run; mended files are run like any other submission, in the sandbox.
"""

import json
import math
from collections import Counter
from dataclasses import dataclass, field

from utils.course import catches, catching, hunting
from utils.course.catalog import catalog
from utils.grading import batch, worker

MOST_PROBE = 300  # characters
ROOM = 4000  # characters by which a mended file may be longer than the file that was given


@dataclass
class Hunted:
    """What one student has found: for each hunt how many lines, kinds and files are right, of how many."""

    student: str
    number: int = 0
    line_up: int = 0
    hunts: dict = field(default_factory=dict)  # name -> (lines, kinds, mended, whole, of)
    caught: tuple = (0, 0)  # engines that the probes give away, of how many
    judged: tuple = (0, 0)  # statements about PyTorch, of how many
    remarks: list = field(default_factory=list)

    @property
    def whole(self):
        """Bugs of which the line, the kind and the repair are right."""
        return sum(one[3] for one in self.hunts.values())


def grade(submissions, grader, seed, progress=lambda done, of: None):
    """The Hunted of every submission, in order."""
    found = []
    for one in submissions:
        found.append(_graded(one, grader, seed))
        progress(len(found), len(submissions))
    for what in ("number", "line_up"):
        counts = Counter(getattr(one, what) for one in found)
        for one in found:
            others = [
                other.student for other in found if other is not one and getattr(other, what) == getattr(one, what)
            ]
            if getattr(one, what) and counts[getattr(one, what)] > 1:
                words = "the same bugs" if what == "number" else "the same line-up of engines"
                one.remarks.append(f"{words} as {', '.join(others)}: every learner draws others, so ask")
    return found


def _graded(submission, grader, seed):
    found = Hunted(submission.student, line_up=submission.line_up)
    if "bug_hunt.py" not in submission.hunt:
        found.remarks.append("no bug_hunt.py")
        return found
    topic = hunting.topic_of_hunts()
    answers = grader.answers(topic, submission.hunt["bug_hunt.py"])
    found.number, drawn = _drawn(submission.hunt.get("cases.json", b""))
    if not found.number:
        found.remarks.append("no cases.json that `learn.py hunt` has written: nothing says which bugs were drawn")
    for step in hunting.hunts() if found.number else ():
        name = step.about[0]
        if name not in drawn:
            continue
        cases = hunting.draw(name, found.number)
        if [case.secret(found.number) for case in cases] != drawn[name]:
            found.remarks.append(
                f"{name}: not the bugs of its number; drawn by another version of the course, or changed"
            )
            continue
        found.hunts[name] = _hunt(submission, grader, seed, cases, _items(answers.get(name), 3))
    found.judged = _statements(found.number, _items(answers.get("conventions"), 3))
    found.caught = _probes(found, answers.get("probes"))
    return found


def _drawn(data):
    """(number, {hunt: the secret names of its cases}) from a cases.json that may hold anything; (0, {}) for none."""
    try:
        told = json.loads(data)
        number = told["number"]
        hunts = {str(name): [str(entry["case"]) for entry in entries] for name, entries in told["hunts"].items()}
        return (number, hunts) if type(number) is int and number > 0 else (0, {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 0, {}


def _items(value, length):
    """{key: the rest} of a literal dict as the sandbox has written it."""
    fitting = [one for one in value or () if isinstance(one, list) and len(one) == length]
    return {one[0]: one[1:] for one in fitting if isinstance(one[0], (int, str))}


def _hunt(submission, grader, seed, cases, answers):
    """(lines, kinds, mended, whole, of) of the cases of one hunt."""
    right = [0, 0, 0, 0]
    for case in cases:
        line, kind = answers.get(case.number, (None, None))
        text = submission.hunt.get(case.path.name, b"").decode("utf-8", "replace").replace("\r\n", "\n")
        places = case.lines | (case.lines_now(text) if len(text) <= len(case.given) + ROOM else set())
        three = (line in places, kind == case.kind, _is_mended(case, text, grader, seed))
        for place, holds in enumerate((*three, all(three))):
            right[place] += bool(holds)
    return (*right, len(cases))


def _is_mended(case, text, grader, seed):
    """Does a mended file hold the case programs of its topic, and the public tests by which its mistake was seen?"""
    if text.strip() in ("", case.given.strip()):
        return False
    if text.strip() == case.sound.strip():
        return True
    topic, source = case.topic, text.encode()
    asked = tuple(range(1, case.level + 1))
    unit = batch.Unit(topic.number, "a mended file", worker.seed_of(seed, text, topic.number), asked)
    told = batch.grade_unit(grader, unit, source, batch.Settings(grader.isolation, asked, feedback=False))
    if not all(level["steps"] and all(level["steps"].values()) for level in told["levels"].values()):
        return False
    # Some mistakes are seen only from inside the process: what stays in memory, say.
    public = [grader.feedback(topic, level, source, f"{topic.module}.py") for level in asked]
    return all(one and one["verdict"] == "pass" for one in public)


def _statements(number, answers):
    """(statements about PyTorch that are judged rightly, of how many)."""
    said = hunting.statements(number)
    right = 0
    for letter, statement in said.items():
        verdict, value = answers.get(letter, (None, None))
        fits = isinstance(value, (int, float)) and math.isclose(value, statement.torch, rel_tol=1e-4, abs_tol=1e-6)
        right += verdict == statement.verdict and fits
    return right, len(said)


def _probes(found, probes):
    """(engines of the student's line-up that the probes give away, of how many)."""
    (engine,) = (topic for topic in catalog().ready if "Value" in topic.exports)
    suspects = catching.line_up(engine, found.line_up)
    if not found.line_up or not isinstance(probes, list):
        return 0, len(suspects)
    fits = [one for one in probes if isinstance(one, str) and len(one) <= MOST_PROBE][: hunting.MOST]
    try:
        told = catching.evidences(engine, suspects, [catches.parse_line(probe) for probe in fits])
    except (ValueError, ArithmeticError, RecursionError) as error:
        found.remarks.append(f"probes: {str(error)[:120]}")
        return 0, len(suspects)
    return len({one.letter for evidence in told for one in evidence}), len(suspects)


def rows(found):
    """The table of a class: a header, and a row of texts for each student."""
    names = [step.about[0] for step in hunting.hunts()]
    yield ["student", "bugs", "of", *names, "probes", "conventions", "remarks"]
    for one in found:
        told = [one.hunts[name] if name in one.hunts else None for name in names]
        yield [
            one.student, str(one.whole), str(len(names) * hunting.CASES),
            *("" if hunt is None else f"{hunt[0]} lines, {hunt[1]} kinds, {hunt[2]} mended" for hunt in told),
            f"{one.caught[0]}/{one.caught[1]}", f"{one.judged[0]}/{one.judged[1]}", "; ".join(one.remarks),
        ]  # fmt: skip
