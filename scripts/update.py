"""Bring a newer version of the course; your files in workspace/ are not touched."""

import subprocess
import sys
from pathlib import Path

from scripts import environment, screen
from utils.course import updating
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("--from", dest="source", type=Path, metavar="FOLDER_OR_ZIP", help="a newer copy of the course")
    parser.add_argument("--seen", action="store_true", help="only say what changed in the contracts, for the last time")


def run(arguments):
    if arguments.seen:
        return _show_contracts()
    try:
        if arguments.source:
            done = updating.from_copy(arguments.source)
            screen.out([f"{done.changed} files of the course are new." if done.changed else "Nothing is new."])
            if done.kept:
                screen.out([f"What stood in their places: {screen.relative(done.kept)}"])
        else:
            screen.out(["git pull --ff-only", updating.from_git()])
    except updating.NotACourse as reason:
        raise CatalogError(str(reason)) from None
    # The rest is said by the new course, in a process of its own.
    return subprocess.call([sys.executable, str(Path(environment.ROOT) / "learn.py"), "update", "--seen"])


def _show_contracts():
    found = [(topic, sentence) for topic in catalog().ready for sentence in updating.contract_changes(topic)]
    for topic, sentence in found:
        screen.out(screen.wrapped(f"Topic {topic.number}: {sentence}"))
    if found:
        screen.out(screen.wrapped("Your file stays as it is. The new form: python3 learn.py diff"))
        updating.accept_contracts()
    screen.out(["Steps whose tests have changed are judged again by: python3 learn.py check --all"])
    return 0
