"""Begin a topic: copy its skeleton to workspace/, never over a file of yours."""

from scripts import screen, status, task
from utils.course import progress
from utils.course.catalog import catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the next one on the road")


def run(arguments):
    step = progress.first_open(catalog())
    if not arguments.topic and not step:
        screen.out(["You have reached the end of the road. Any topic can be started: python3 learn.py list"])
        return 0
    topic = catalog().topic(arguments.topic or step.topic)
    made = progress.start(topic.skeleton, topic.workspace_file)
    if not topic.exports:  # nothing was borrowed, so to begin is to be back
        with progress.updated("settings") as settings:
            settings.get("skipped", {}).pop(topic.number, None)
    notes = topic.folder / "notes.md"
    if notes.exists():
        progress.start(notes, topic.workspace_notes)
    status.remember()
    where = screen.relative(topic.workspace_file)
    said = f"Your file: {where}" if made else f"Your file is there already and stays as it is: {where}"
    screen.out([*screen.wrapped(said), ""])
    return task.print_task(topic)
