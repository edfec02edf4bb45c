"""The expressions with which a learner caught wrong engines: workspace/catches.txt, tests of the learner's own."""

from utils.course.catalog import WORKSPACE, catalog
from utils.course.expressions import NotAnExpression, names
from utils.course.state import atomically, read

CATCHES = WORKSPACE / "catches.txt"


def keep(line):
    """Add a catch to workspace/catches.txt, once."""
    lines = CATCHES.read_text(encoding="utf-8").splitlines() if CATCHES.exists() else []
    if line not in lines:
        atomically(CATCHES, ("\n".join([*lines, line]) + "\n").encode())


def seed():
    """The seed of the learner's line-up of engines, 0 before there is one."""
    return read("catch").get("seed", 0)


def judges_own_file(candidates):
    """Is it the learner's own engine that is judged, and are there catches to judge it by?"""
    own = {"mine"} | {str(topic.workspace_file) for topic in catalog().ready if topic.exports}
    return CATCHES.exists() and set(candidates or ["mine"]) <= own


def line_of(program, inputs):
    """A catch as it stands in catches.txt: "a*b + a at a=2 b=-3"."""
    return f"{program} at " + " ".join(f"{name}={number:g}" for name, number in inputs.items())


def parse_line(line):
    """(program, inputs) of a line of catches.txt. Raises NotAnExpression for a line of another form."""
    program, _, points = line.partition(" at ")
    return program.strip(), parse_points(points.replace(",", " ").split(), program)


def parse_points(words, program):
    """The inputs from words such as a=2. Raises NotAnExpression where one is missing, is no number or is not used."""
    inputs = {}
    for word in words:
        name, _, number = word.partition("=")
        try:
            inputs[name.strip()] = float(number)
        except ValueError:
            raise NotAnExpression(f"`{word}` is no point; write a name and a number: a=2.") from None
    missing = [name for name in names(program) if name not in inputs]
    if missing:
        raise NotAnExpression(f"Say where: {' '.join(f'{name}=…' for name in missing)}")
    if not inputs:
        raise NotAnExpression("An expression without a name has no gradient; use a and b, say.")
    return {name: inputs[name] for name in names(program)}
