"""Make your own file the engine that everything after it runs on."""

from scripts import screen, status
from utils.course import events, ownership, progress
from utils.course.catalog import CatalogError, catalog
from utils.course.checking import check


def add_arguments(parser):
    parser.add_argument("topic", help="such as 02")


def run(arguments):
    topic = catalog().topic(arguments.topic)
    path = topic.workspace_file
    if not path.is_file():
        raise CatalogError(f"There is no {screen.relative(path)} yet. Make it: python3 learn.py start {topic.number}")
    verdict = ownership.verdict(topic, path)
    events.note("own", topic=topic.number, verdict=verdict.word)
    with progress.updated("settings") as settings:
        settings.get("skipped", {}).pop(topic.number, None)  # the way back is taken, whatever the file says
    if verdict.word != "own":
        status.remember()
        screen.out([f"Topic {topic.number}: {verdict.word}.", *screen.wrapped(verdict.reason)])
        return 1
    judged = check(topic, path, upto=1)
    progress.record(topic, path, judged.states)
    if judged.verdict != "pass":
        status.remember()
        screen.out([f"Topic {topic.number} is open again, and level 1 does not hold yet: python3 learn.py check"])
        return 1
    with progress.updated("settings") as settings:
        settings.setdefault("engines", {})[topic.slug] = "mine"
    status.remember()
    open_levels = [step.level for step in topic.steps if progress.is_open(step)]
    reached = max(1, min(open_levels, default=5) - 1)
    text = f"Topic {topic.number} is yours: it holds up to level {reached}, and every line is your own."
    if topic.exports:
        names = ", ".join(topic.exports)
        text += f"\nFrom now on `from utils.engine import {names}` gives {screen.relative(path)}."
    screen.out(screen.wrapped(text))
    return 0
