"""Predict three numbers before a level, and again after it; Enter skips one."""

from scripts import screen
from utils.course import predictions, progress
from utils.course.catalog import CatalogError, catalog


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, where you are on the road")
    parser.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="without it, the level you are at")


def run(arguments):
    topic, level = _asked(arguments)
    found = predictions.questions(topic, level, predictions.seed())
    if not found:
        raise CatalogError(f"Topic {topic.number} asks for no prediction at level {level}.")
    when = predictions.stage(topic, level) or "again"
    before = predictions.earlier(topic, level) if when != "before" else []
    screen.out([f"Topic {topic.number}, level {level}: three numbers. A guess is fine; Enter skips one."])
    numbers = []
    for place, question in enumerate(found):
        screen.out(["", *screen.wrapped(question.ask, 3, f"{place + 1}. ")])
        number = _number()
        numbers.append(number)
        screen.out(_reaction(question, number, when, before[place] if place < len(before) else None))
    if all(number is None for number in numbers):
        screen.out(["", "Skipped. They can be asked for at any time: python3 learn.py predict " + topic.number])
    if when != "again":
        predictions.record(topic, level, when, numbers)
    if when == "before":
        screen.out(["", "Now write it: python3 learn.py task"])
    return 0


def _asked(arguments):
    step = progress.here(catalog())
    if not arguments.topic and step is None and not arguments.level:
        raise CatalogError("You have reached the end of the road. Name a topic and a level to be asked again.")
    topic = catalog().topic(arguments.topic or step.topic)
    step = progress.first_open_in(topic)
    return topic, arguments.level or (step.level if step else topic.levels[-1])


def _number():
    """The number typed, None if it was skipped; what is no number is asked for once more."""
    while True:
        try:
            text = input("   ")
        except EOFError:
            return None
        number = predictions.number_in(text)
        if number is not None or not text.strip():
            return number
        screen.out(["   A number, please, such as 0.5 or -3; Enter skips."])


def _reaction(question, number, when, before):
    """What is said to a number. Before a level the answer is not given away: the level is about it."""
    if number is None and when == "before":
        return []
    lines = []
    if number is not None and predictions.is_right(question, number):
        lines = ["   Yes."]
    elif number is not None:
        says = predictions.misconception(question, number)
        lines = screen.wrapped(f"Not this number. {says}" if says else "Not this number; this level will show it.",
                               3, "   ")  # fmt: skip
    if when != "before":
        said = "" if before is None else f" Before the level you said {before:g}."
        lines.append(f"   It is {question.answer:.10g}.{said}")
    return lines
