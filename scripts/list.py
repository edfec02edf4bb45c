"""All topics with their steps: what holds, what is open, what is borrowed."""

import json

from scripts import screen
from utils.course import progress
from utils.course.catalog import catalog

SIGNS = {"pass": "x", "stale": "~"}


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="only this one")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the list")


def run(arguments):
    topics = [catalog().topic(arguments.topic)] if arguments.topic else catalog().topics
    if arguments.json:
        print(json.dumps({topic.number: states_of(topic) for topic in topics if topic.status == "ready"}))
        return 0
    text, skipped = [], progress.skipped_topics()
    for topic in topics:
        if topic.status != "ready":
            text += [f"{topic.number}  {topic.title} (planned)"]
            continue
        note = f", {screen.left_behind(topic).lower()}" if topic.number in skipped else ""
        text += [f"{topic.number}  {topic.title} ({screen.duration(topic.minutes)}{note})"]
        states = states_of(topic)
        for step in topic.steps:
            state = states[step.id]
            sign = f"{state:<6}" if arguments.plain else f"[{SIGNS.get(state, ' ')}]"
            text.append(f"      {sign} level {step.level}  {step.title} ({step.minutes} min)")
        text.append("")
    if not arguments.plain:
        text.append("[x] holds   [~] held, the file has changed since   [ ] open")
    screen.out(text)
    return 0


def states_of(topic):
    """step id -> pass, stale or open, for the learner's file as it is now."""
    known, current = progress.states(topic)
    words = {"pass": "pass" if current else "stale", "stale": "stale"}
    return {step.id: words.get(known.get(step.id), "open") for step in topic.steps}
