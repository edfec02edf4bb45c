"""Borrow a finished engine for a topic and go on; a return ticket says how to come back."""

from scripts import screen, status
from utils.course import events, progress
from utils.course.catalog import catalog


def add_arguments(parser):
    parser.add_argument("topic", help="such as 02")


def run(arguments):
    topic = catalog().topic(arguments.topic)
    kept = progress.snapshot(topic.workspace_file)
    known, _ = progress.states(topic)
    left = [step for step in topic.steps if known.get(step.id) not in ("pass", "stale")]
    later = [other for other in catalog().topics if topic.number in other.needs]
    ticket = {"step": left[0].id if left else "", "minutes": sum(step.minutes for step in left),
              "back": f"python3 learn.py own {topic.number}"}  # fmt: skip
    with progress.updated("settings") as settings:
        settings.setdefault("engines", {})[topic.slug] = "stub"
        settings.setdefault("skipped", {})[topic.number] = ticket
    events.note("skip", topic=topic.number)
    status.remember()
    text = screen.wrapped(f"Borrowed: Topic {topic.number}, {topic.title}. From here on the stub stands in for it.")
    if topic.exports:
        text.append(f"  from utils.engine import {', '.join(topic.exports)}")
    text += ["", "Your return ticket:"]
    if left:
        text.append(f"  open there   {left[0].title}, {screen.duration(ticket['minutes'])} in all")
    if later:
        text += screen.wrapped(", ".join(f"{other.number} {other.title}" for other in later), 15, "  needed in    ")
    if kept:
        text += screen.wrapped(f"{screen.relative(kept)} (your file itself stays where it is)", 15, "  a copy       ")
    text.append(f"  come back    {ticket['back']}")
    screen.out(text)
    return 0
