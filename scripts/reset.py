"""Begin a file again from the skeleton; what you wrote is kept, and `undo` brings it back."""

from scripts import screen, status
from utils.course import events, progress, snapshots
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("topic", nargs="?", help="such as 02")
    which.add_argument("--all", action="store_true", help="every file in workspace/")


def run(arguments):
    chosen = catalog().ready if arguments.all else [catalog().topic(arguments.topic)]
    topics = [topic for topic in chosen if topic.workspace_file.is_file()]
    if not topics:
        raise CatalogError("There is nothing to reset: workspace/ holds no such file.")
    for topic in topics:
        snapshots.replace(topic.workspace_file, topic.skeleton.read_bytes())
        progress.forget(topic)
        events.note("reset", topic=topic.number)
        screen.out([f"{screen.relative(topic.workspace_file)} is the skeleton again."])
    status.remember()
    screen.out(["What was in it is kept. To bring it back: python3 learn.py undo " + topics[-1].number])
    return 0
