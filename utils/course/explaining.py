"""The failing case of the last check, explained: yours and expected beside what nudging your own forward pass gives."""

import json
import math
from dataclasses import dataclass

from utils.course.expressions import NotAnExpression, names
from utils.course.judging import show
from utils.course.running import ask

MOST_ROWS = 4
SECONDS = 5.0  # for nudging the learner's own forward pass


@dataclass(frozen=True)
class Line:
    """One number of the case; `measured` and `ratio` are None where there is none."""

    what: str
    yours: str
    expected: str
    measured: float | None
    ratio: float | None
    holds: bool


@dataclass(frozen=True)
class Explanation:
    """What is known about a failing case, in pieces small enough for one screen."""

    given: str
    lines: tuple
    note: str  # what the comparison with the finite differences says
    cause: str
    action: str
    file: str
    line: int


def explain(topic, last, *, measure=True):
    """The Explanation of what attempts.last gave for a topic."""
    row, diagnosis = last.get("row"), last["diagnosis"]
    common = {"cause": diagnosis["cause"], "action": diagnosis["action"], "file": last["file"], "line": last["line"]}
    if not row:
        return Explanation(given=diagnosis["name"], lines=(), note="", **common)
    seen = row["observations"]
    wrong = [one for one in seen if not one["holds"]]
    if not wrong:
        first = row["message"].splitlines()[0] if row["message"] else row["sentence"]
        return Explanation(given=row["sentence"], lines=(), note=first, **common)
    given = wrong[0]["given"]
    slopes = measured(topic.workspace_file, given) if measure else {}
    shown = (wrong + [one for one in seen if one["holds"]])[:MOST_ROWS]
    lines = tuple(_line(one, slopes) for one in sorted(shown, key=seen.index))
    return Explanation(given=given, lines=lines, note=_note(wrong, slopes), **common)


def case_in(given):
    """(program, inputs) of a case such as "c = a + b; c * a at a = 2, b = 3"; None if it is told in another way."""
    program, at, values = given.rpartition(" at ")
    try:
        inputs = {part.split("=")[0].strip(): float(part.split("=")[1]) for part in values.split(", ")}
        return (program, inputs) if at and set(names(program)) <= set(inputs) else None
    except (IndexError, ValueError, NotAnExpression):
        return None


def measured(path, given):
    """For "a.grad" the slope found by nudging a in the file's own forward pass; {} where that cannot be done."""
    case = case_in(given)
    if case is None:
        return {}
    text = ask("utils.course.probing", str(path), "slopes", case[0], json.dumps(case[1]), seconds=SECONDS)
    try:
        return {f"{name}.grad": slope for name, slope in json.loads(text).items()}
    except ValueError:
        return {}


def _line(seen, slopes):
    got, expected = seen["got"], seen["expected"]
    numbers = all(isinstance(number, (int, float)) and math.isfinite(number) for number in (got, expected))
    ratio = got / expected if numbers and expected else None
    return Line(seen["what"], show(got), show(expected), slopes.get(seen["what"]), ratio, seen["holds"])


def _note(wrong, slopes):
    """Where to look: the forward pass and the way back can be told apart by nudging."""
    both = [(slopes[one["what"]], one["expected"]) for one in wrong if one["what"] in slopes]
    if not both or any(not isinstance(expected, (int, float)) for _, expected in both):
        return ""
    if all(math.isclose(slope, expected, rel_tol=1e-3, abs_tol=1e-5) for slope, expected in both):
        return "Nudging your own forward pass gives what is expected: the way back is at fault."
    return "Nudging your own forward pass gives other slopes than expected: look at the forward value first."
