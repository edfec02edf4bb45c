"""Print a level's solution, and remember that you have seen it."""

from scripts import screen
from utils.course import events, notes, progress
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the topic you are at")
    parser.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="without it, the level you are at")
    parser.add_argument("--yes", action="store_true", help="do not ask first")


def run(arguments):
    topic = progress.topic_meant(catalog(), arguments.topic)
    known, _ = progress.states(topic)
    open_levels = [step.level for step in topic.steps if known.get(step.id) not in ("pass", "stale")]
    level = arguments.level or (open_levels[0] if open_levels else topic.levels[-1])
    if level not in topic.levels:
        raise CatalogError(f"Topic {topic.number} has the levels {', '.join(map(str, topic.levels))}.")
    if not arguments.yes and level in open_levels and not _agreed(topic, level):
        screen.out(["Not shown."])
        return 0
    path = topic.solution(level)
    with progress.updated("settings") as settings:
        shown = settings.setdefault("shown", {}).setdefault(topic.number, [])
        if level not in shown:
            shown.append(level)
    events.note("show", topic=topic.number, level=level)
    screen.out([path.read_text(encoding="utf-8"), f"# {screen.relative(path)}"])
    _ask_why(topic, level, path)
    return 0


def _ask_why(topic, level, path):
    """One question about what was read. Explaining a line to oneself is what makes a read solution one's own."""
    line, code = notes.line_to_explain(topic, level)
    title = f"Level {level}, line {line}: why is it there?"
    if notes.has(topic, title):
        return
    screen.out(["", f"Why is line {line} there?  {code}"])
    try:
        answer = input("One sentence; Enter keeps the question for later: ").strip()
    except EOFError:
        answer = ""
        screen.out([""])
    kept = notes.add(topic, title, code, answer)
    screen.out([f"{'Your answer' if answer else 'The question'} is in {screen.relative(kept)}."])


def _agreed(topic, level):
    screen.out(screen.wrapped(
        f"Level {level} of Topic {topic.number} is still open. A solution that is read is an idea that is not had; "
        "a hint may be enough: python3 learn.py hint"
    ))  # fmt: skip
    try:
        return input("Show it all the same? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # nobody there to ask
        screen.out(["", "Nobody answered. To show it without being asked, add --yes."])
        return False
