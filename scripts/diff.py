"""Show how your file differs from the skeleton, from an earlier version, or from a solution you have reached."""

import difflib

from scripts import screen
from utils.course import progress, snapshots
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the file that was saved last")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--version", help="a version from `history`: its number or its letters")
    other.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="the solution of a level that holds")


def run(arguments):
    topic = catalog().topic(arguments.topic) if arguments.topic else progress.topic_edited_last(catalog())
    if topic is None or not topic.workspace_file.is_file():
        raise CatalogError("There is no file in workspace/ yet. Begin: python3 learn.py start")
    mine = topic.workspace_file
    name, other = _other(topic, mine, arguments)
    lines = list(difflib.unified_diff(
        other.decode("utf-8", "replace").splitlines(), mine.read_bytes().decode("utf-8", "replace").splitlines(),
        name, screen.relative(mine), lineterm="", n=2,
    ))  # fmt: skip
    screen.out(lines or [f"{screen.relative(mine)} is the same as {name}."])
    return 0


def _other(topic, mine, arguments):
    """(what it is called, its content)"""
    if arguments.version:
        version = snapshots.find(mine, arguments.version)
        if version is None:
            raise CatalogError(f"There is no such version. They are listed by: python3 learn.py history {topic.number}")
        return f"version {version.digest[:6]}", version.content
    if not arguments.level:
        return "the skeleton", topic.skeleton.read_bytes()
    level = arguments.level
    known, _ = progress.states(topic)
    reached = all(known.get(step.id) in ("pass", "stale") for step in topic.steps_of(level))
    if not reached and level not in progress.read("settings").get("shown", {}).get(topic.number, []):
        raise CatalogError(f"Level {level} is still open. To see its solution: "
                           f"python3 learn.py show {topic.number} --level {level}")  # fmt: skip
    return screen.relative(topic.solution(level)), topic.solution(level).read_bytes()
