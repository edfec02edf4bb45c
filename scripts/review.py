"""One question from two topics back; or, with --rebuild, an old level from blank in a file beside yours."""

from scripts import screen
from utils.course import progress, reviewing, snapshots
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, two topics back")
    parser.add_argument("--rebuild", action="store_true", help="write an old level again, from the skeleton")
    parser.add_argument("--level", type=int, choices=(1, 2, 3), help="with --rebuild: which level")


def run(arguments):
    return _rebuild(arguments) if arguments.rebuild else _question(arguments)


def _question(arguments):
    if arguments.topic:
        topic = catalog().topic(arguments.topic)
        asked = reviewing.next_question_of(topic)
    else:
        asked = reviewing.next_question(catalog())
    if asked is None:
        raise CatalogError("There is nothing to go over yet. Where you are: python3 learn.py")
    screen.out([f"Topic {asked.topic}. Answer aloud, in two or three sentences.", "", *screen.wrapped(asked.title)])
    if asked.text:
        screen.out(["", asked.text])
    try:
        input("\nEnter shows the answer: ")
    except EOFError:
        screen.out([""])
    screen.out([asked.answer])
    return 0


def _rebuild(arguments):
    if arguments.topic:
        topic = catalog().topic(arguments.topic)
        found = topic, arguments.level or topic.levels[0]
    else:
        found = reviewing.level_to_rebuild(catalog())
    if found is None:
        raise CatalogError("No level holds yet, so there is none to rebuild. Where you are: python3 learn.py")
    topic, level = found
    path = reviewing.scratch_file(topic)
    if not progress.start(topic.skeleton, path):
        snapshots.replace(path, topic.skeleton.read_bytes())
    screen.out([
        f"Level {level} of Topic {topic.number}, from blank: {screen.relative(path)}",
        f"Your own {screen.relative(topic.workspace_file)} stays as it is. When you have written it:",
        f"  python3 learn.py check {topic.number} --file {screen.relative(path)} --upto {level}",
    ])  # fmt: skip
    return 0
