"""What to go over again: a question from two topics back, and old levels to rebuild from blank."""

import re
from dataclasses import dataclass

from utils.course import progress
from utils.course.catalog import WORKSPACE
from utils.course.hinting import sections

BACK = 2  # topics


@dataclass(frozen=True)
class Asked:
    """One question of a topic's questions.md, and its folded answer."""

    topic: str
    title: str
    text: str
    answer: str


def questions_of(topic):
    """The questions of a topic, in order."""
    path = topic.folder / "questions.md"
    found = []
    for heading, body in sections(path.read_text(encoding="utf-8"), "### ") if path.exists() else ():
        match = re.search(r"<details><summary>[^<]*</summary>(.*?)</details>", body, re.DOTALL)
        if match:
            title = re.sub(r"^\d+\. ", "", heading)
            found.append(Asked(topic.number, title, body[: match.start()].strip(), match[1].strip()))
    return found


def topics_reached(catalog):
    """The topics in which a step holds or held, in the order of the road."""
    data = progress.read("progress")
    order = dict.fromkeys(step.topic for step in catalog.road)
    held = {number for number, entry in data.items()
            if any(state in ("pass", "stale") for state in entry.get("steps", {}).values())}  # fmt: skip
    return [catalog.topic(number) for number in order if number in held]


def next_question(catalog):
    """The Asked that is due, from two topics back or as far back as the road goes; None if there is none."""
    reached = [topic for topic in topics_reached(catalog) if questions_of(topic)]
    if not reached:
        return None
    return next_question_of(reached[max(0, len(reached) - 1 - BACK)])


def next_question_of(topic):
    """The Asked of a topic whose turn it is; None if the topic asks nothing."""
    found = questions_of(topic)
    if not found:
        return None
    with progress.updated("reviews") as data:
        turn = data.get(topic.number, -1) + 1
        data[topic.number] = turn
    return found[turn % len(found)]


def level_to_rebuild(catalog):
    """(topic, level) of the first level on the road that holds as a whole; None without any."""
    for topic in topics_reached(catalog):
        known, _ = progress.states(topic)
        for level in topic.levels:
            if all(known.get(step.id) in ("pass", "stale") for step in topic.steps_of(level)):
                return topic, level
    return None


def scratch_file(topic):
    """Where a level is rebuilt: the learner's own file stays as it is."""
    return WORKSPACE / "review" / f"{topic.module}_again.py"
