"""Draw the graph that your engine builds for an expression, with its gradients.

python3 learn.py draw 02 "a*b + a" a=2 b=-3
python3 learn.py draw forgotten-path
"""

import json
from contextlib import contextmanager
from pathlib import Path

from scripts import screen
from utils.course.catalog import WORKSPACE, CatalogError, catalog
from utils.course.expressions import NotAnExpression, names
from utils.course.lessons import lessons
from utils.course.loading import NotWritten, load_candidate
from utils.drawing import draw
from utils.engine import choice
from utils.pictures.graphs import TooLarge
from utils.pictures.recording import NotOffered, graph_of, record


def add_arguments(parser):
    add_program(parser)
    parser.add_argument("--output", type=Path, help="a file that ends in .svg, .png, .dot or .txt")
    parser.add_argument("--rankdir", choices=("LR", "TB"), default="LR", help="left to right, or top to bottom")


def run(arguments):
    with refusals():
        recording, engine = recorded(arguments)
        picture = draw(graph_of(recording), rankdir=arguments.rankdir)
        path = arguments.output or WORKSPACE / "comp_graph.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        screen.out([str(picture), ""])
        screen.out([f"Drawn from {engine}: {screen.relative(picture.save(path))}"])
    return 0


@contextmanager
def refusals():
    """What a person typed, or an engine lacks, is told in a sentence."""
    try:
        yield
    except (NotAnExpression, NotOffered, NotWritten, TooLarge, ValueError) as error:
        raise CatalogError(str(error)) from error


def add_program(parser):
    """The arguments that say what runs on which engine."""
    parser.add_argument("topic", help="a topic with an engine, such as 02, or a lesson: " + ", ".join(lessons()))
    parser.add_argument("program", nargs="?", metavar="EXPRESSION", help='such as "a*b + a", or "c = a + b; c * a"')
    parser.add_argument("inputs", nargs="*", metavar="NAME=NUMBER", help="such as a=2 b=-3")
    parser.add_argument(
        "--candidate", help="mine, stub, level01 to level04, or a file; without it, yours if it is there"
    )


def recorded(arguments):
    """(the Recording of the program after backward, the name of the engine's file)."""
    lesson = lessons().get(arguments.topic)
    topic = catalog().topic(lesson.engine[0] if lesson else arguments.topic)
    if not lesson and not arguments.program:
        raise CatalogError(f'Say what to compute, as in "a*b + a" a=2 b=-3, or name a lesson: {", ".join(lessons())}.')
    arrays = "Tensor" in topic.exports
    if not arrays and "Value" not in topic.exports:
        raise CatalogError(f"Topic {topic.number}, {topic.title}, has no Value to draw. Topic 02 has.")
    chosen = arguments.candidate or ("mine" if topic.workspace_file.is_file() else choice(topic.slug))
    path = topic.candidate_path(chosen)
    if not path.is_file():
        raise CatalogError(f"There is no {screen.relative(path)} yet. Make it: python3 learn.py start {topic.number}")
    program = lesson.program if lesson else arguments.program
    inputs = lesson.inputs if lesson else numbers(program, arguments.inputs, arrays)
    try:
        value_class = getattr(load_candidate(path), "Tensor" if arrays else "Value")
    except NotWritten:
        raise
    except Exception as error:  # a learner's file in the making may raise anything
        raise _broken(path, "cannot be run", error, topic) from error
    recording = record(value_class, program, inputs, arrays)
    try:
        recording.root.backward()
    except NotImplementedError:
        pass  # before backward is written the picture shows the forward pass
    except Exception as error:
        raise _broken(path, "raised in backward", error, topic) from error
    return recording, screen.relative(path)


def _broken(path, what, error, topic):
    return CatalogError(f"{screen.relative(path)} {what}: {type(error).__name__}: {error}. "
                        f"To see where: python3 learn.py check {topic.number}")  # fmt: skip


def numbers(program, inputs, arrays=False):
    """{"a": 2.0} from ["a=2"]; with `arrays` also {"x": [1, 2]} from ["x=[1,2]"].

    Raises CatalogError for what is not NAME=NUMBER, or where a name is left without one.
    """
    found = {}
    for text in inputs:
        name, equals, number = text.partition("=")
        try:
            found[name.strip()] = json.loads(number) if arrays else float(number)
        except ValueError:
            equals = ""
        if not equals or not name.strip().isidentifier():
            raise CatalogError(
                f"`{text}` should be a name and {'rows, as in x=[[1,2],[3,4]]' if arrays else 'a number, as in a=2'}."
            )
    missing = [name for name in names(program) if name not in found]
    if missing:
        raise CatalogError(f"A number is missing for {', '.join(missing)}; add " + " ".join(f"{m}=2" for m in missing))
    return found
