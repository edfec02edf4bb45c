"""Bring back your file as it was before; again, and it goes back further."""

from scripts import screen, status
from utils.course import events, progress, snapshots
from utils.course.catalog import CatalogError, catalog
from utils.course.state import Changed


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the file that was saved last")
    parser.add_argument("--to", metavar="VERSION", help="a version from `history`: its number or its letters")


def run(arguments):
    topic = catalog().topic(arguments.topic) if arguments.topic else progress.topic_edited_last(catalog())
    if topic is None:
        raise CatalogError("There is no file in workspace/ yet. Begin: python3 learn.py start")
    path = topic.workspace_file
    wanted = snapshots.find(path, arguments.to) if arguments.to else None
    if arguments.to and wanted is None:
        raise CatalogError(f"There is no version {arguments.to!r}. They are listed by: "
                           f"python3 learn.py history {topic.number}")  # fmt: skip
    try:
        version = snapshots.go_back(path, wanted)
    except Changed:
        raise CatalogError("The file was saved at this very moment, and stays as it is. Try again.") from None
    if version is None:
        screen.out(["There is no earlier version: this is the first one that was kept."])
        return 1
    events.note("undo", topic=topic.number, file=version.digest)
    status.remember()
    screen.out([
        f"{screen.relative(path)} is as it was at {screen.moment(version.when)} (version {version.digest[:6]}).",
        f"All versions: python3 learn.py history {topic.number}",
    ])  # fmt: skip
    return 0
