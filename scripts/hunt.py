"""Files with one bug each, drawn for you alone: puts them into workspace/hunt/ and shows what they do wrong.

python3 learn.py hunt engines
"""

from scripts import screen
from utils.course import hunting, progress
from utils.course.catalog import CatalogError


def add_arguments(parser):
    parser.add_argument("hunt", nargs="?", help="such as engines; without it, the first that is open")


def run(arguments):
    hunts = {step.about[0]: step for step in hunting.hunts()}
    name = (arguments.hunt or _first_open(hunts)).replace("-", "_")
    if name == "conventions":
        screen.out(statement_lines())
        return 0
    if name not in hunts:
        raise CatalogError(f"There is no hunt {name!r}. The hunts are {', '.join(hunts)} and conventions.")
    if hunting.is_new(name):
        screen.out(["Five files are drawn for you, and each is run once. A few seconds.", ""])
    screen.out(case_lines(hunts[name], hunting.begin(name)))
    return 0


def _first_open(hunts):
    return next((name for name, step in hunts.items() if progress.is_open(step)), "conventions")


def case_lines(step, cases):
    """What is wrong with each file, and which kinds of mistakes to choose from."""
    text = screen.wrapped(
        f"{step.title[:1].upper()}{step.title[1:]}. Each file has one mistake. This is what its own tests see first:"
    )
    for case in cases:
        topic = case.topic
        text += ["", *screen.wrapped(f"{case.number}  {screen.relative(case.path)}, from Topic {topic.number}")]
        text += screen.wrapped(f"Test: {case.symptom['sentence']}.", 3)
        for line in screen.case_lines(case.symptom, "it says"):
            text += screen.wrapped(line, 5) if len(line) > 77 else ["   " + line]
        text += screen.wrapped(", ".join(case.offered), 8, "   one of: ")
    answer = (
        f"{{1: (line, kind), …}} from `{step.about[0]}` in {screen.relative(hunting.topic_of_hunts().workspace_file)}"
    )
    return [*text, "", *screen.wrapped(f"Mend the files, and return {answer}. Then: python3 learn.py check 39")]


def statement_lines():
    """The statements about PyTorch, lettered."""
    text = screen.wrapped("Bug or convention? And what does PyTorch answer?")
    for letter, one in hunting.statements().items():
        text += ["", *screen.wrapped(one.says, 3, f"{letter}  "), *screen.wrapped(f"PyTorch: {one.asks}?", 3)]
    answer = f"`conventions` in {screen.relative(hunting.topic_of_hunts().workspace_file)}"
    return [*text, "", *screen.wrapped(f"Answer in {answer}. Then: python3 learn.py check 39 --level 4")]
