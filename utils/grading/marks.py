"""From results to marks: one table of points, applied to every student in the same way."""

from dataclasses import dataclass

LEVEL_POINTS = (40.0, 30.0, 20.0, 10.0)
WHOSE = {"own": "own work", "borrowed": "borrowed", "shown": "a shown solution"}


@dataclass(frozen=True)
class Marks:
    """What a level is worth, and what share of it a file earns that borrows or repeats a solution."""

    points: tuple = LEVEL_POINTS
    borrowed: float = 0.0


@dataclass(frozen=True)
class TopicGrade:
    """The marks of one student in one topic."""

    topic: str
    method: str  # "cases", "public tests", "not graded" or "not handed in"
    levels: dict  # level -> (earned, of)
    whose: str
    remarks: tuple

    @property
    def earned(self):
        return round(sum(earned for earned, _ in self.levels.values()), 2)

    @property
    def of(self):
        return round(sum(of for _, of in self.levels.values()), 2)


def grade(submission, number, result, levels, marks):
    """The TopicGrade of a submission from the result of its unit; None stands for a topic that was not handed in."""
    points = {level: marks.points[level - 1] for level in levels}
    if result is None:
        return TopicGrade(number, "not handed in", {level: (0.0, of) for level, of in points.items()}, "", ())
    remarks = [result["why"]] if result.get("why") else []
    if result["method"] == "not graded":
        return TopicGrade(number, "not graded", {level: (0.0, of) for level, of in points.items()}, "", tuple(remarks))
    look, earned = result["look"], {}
    share = 1.0 if look["ownership"] == "own" else marks.borrowed
    for level, of in points.items():
        told = result["levels"][str(level)]
        held = sum(told["steps"].values())
        earned[level] = (round(share * of * held / max(1, len(told["steps"])), 2), of)
        remarks += [f"level {level}: {words}" for words in (told["ended"], told["trouble"]) if words]
    if look["ownership"] != "own":
        remarks.append(f"{WHOSE[look['ownership']]}: {look['reason']}")
    if result["method"] == "public tests":
        remarks.append("graded by public tests in the sandbox only")
    if result.get("steady") is False:
        remarks.append("not steady: graded twice, with two results")
    remarks += [f"notable: {note}" for note in look["notes"]]
    return TopicGrade(number, result["method"], earned, look["ownership"], tuple(dict.fromkeys(remarks)))


def canary_findings(results, units):
    """What is wrong with the canaries: the reference must hold everywhere, the skeleton nowhere."""
    found = []
    for unit in units:
        word = unit.content[: -len(unit.topic)]
        if word not in ("reference", "skeleton"):
            continue
        result = results.get(unit.key)
        if result is None or result["method"] == "not graded":
            found.append(f"Topic {unit.topic}: the {word} was not graded.")
            continue
        for level, told in result["levels"].items():
            steps = told["steps"]
            if word == "reference" and not (steps and all(steps.values())):
                failed = ", ".join(step for step, holds in steps.items() if not holds)
                found.append(f"Topic {unit.topic}, level {level}: the reference fails {failed or 'everything'}.")
            if word == "skeleton" and any(steps.values()):
                found.append(f"Topic {unit.topic}, level {level}: the skeleton passes something.")
    return found
