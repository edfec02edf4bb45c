"""Print what the current step asks for."""

from scripts import screen
from utils.course import progress, texts
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("step", nargs="?", help="a topic such as 02, or a step such as 02.backward")


def run(arguments):
    if arguments.step and "." in arguments.step:
        number, id = arguments.step.split(".", 1)
        topic = catalog().topic(number)
        step = next((step for step in topic.steps if step.id == id), None)
        if step is None:
            raise CatalogError(f"Topic {topic.number} has the steps {', '.join(step.id for step in topic.steps)}.")
        return print_step(topic, step)
    if arguments.step:
        return print_task(catalog().topic(arguments.step))
    step = progress.here(catalog())
    if step is None:
        screen.out(["You have reached the end of the road: every step holds."])
        return 0
    return print_step(catalog().topic(step.topic), step)


def print_task(topic):
    """Print the first step of a topic that is still open, on the road or off it."""
    known, _ = progress.states(topic)
    step = next((step for step in topic.steps if known.get(step.id) not in ("pass", "stale")), None)
    if step is None:
        screen.out([f"Every step of Topic {topic.number} holds. Next: python3 learn.py"])
        return 0
    return print_step(topic, step)


def print_step(topic, step):
    """Print one step: its section of the topic's README."""
    where = screen.relative(topic.workspace_file)
    edit = f"edit {where}, then {screen.check_command(step)}"
    screen.out([
        f"Topic {topic.number}, level {step.level}: {step.title} ({step.minutes} minutes)", "",
        texts.for_terminal(texts.step_section(topic, step)), "",
        *screen.row("All of it", screen.relative(topic.folder / "README.md")),
        *screen.row("Next", edit if topic.workspace_file.exists() else f"python3 learn.py start {topic.number}"),
    ])  # fmt: skip
    return 0
