"""Leave a topic for later, with a finished engine in its place where one is needed; a ticket says how to come back."""

from scripts import screen, status
from utils.course import events, progress
from utils.course.catalog import catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the topic you are at")


def run(arguments):
    topic = progress.topic_meant(catalog(), arguments.topic)
    kept = progress.snapshot(topic.workspace_file)
    known, _ = progress.states(topic)
    left = [step for step in topic.steps if known.get(step.id) not in ("pass", "stale")]
    later = [other for other in catalog().topics if topic.exports and topic.number in other.needs]
    ticket = {"step": left[0].id if left else "", "minutes": sum(step.minutes for step in left),
              "back": f"python3 learn.py {'own' if topic.exports else 'start'} {topic.number}"}  # fmt: skip
    with progress.updated("settings") as settings:
        settings.setdefault("engines", {})[topic.slug] = "stub"
        settings.setdefault("skipped", {})[topic.number] = ticket
    events.note("skip", topic=topic.number)
    status.remember()
    text = screen.wrapped(
        f"{screen.left_behind(topic)}: Topic {topic.number}, {topic.title}. "
        + (
            "From here on the stub stands in for it."
            if topic.exports
            else "Nothing later imports what you write there."
        )
    )
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
