"""Write a page that plays forward and backward on your engine, one step at a time.

python3 learn.py step 02 "a*b + a" a=2 b=-3
python3 learn.py step forgotten-path
"""

import webbrowser
from pathlib import Path

from scripts import draw, screen
from utils.course.catalog import WORKSPACE, CatalogError
from utils.course.lessons import lessons
from utils.pictures import steps


def add_arguments(parser):
    draw.add_program(parser)
    parser.add_argument(
        "--output", type=Path, help="where to write: .html the page, .json the trace, .txt the sentences"
    )
    parser.add_argument("--text", action="store_true", help="print the steps here instead of writing a page")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def run(arguments):
    with draw.refusals():
        recording, engine = draw.recorded(arguments)
        trace, graph = steps.trace_of(recording, engine)
    if arguments.text:
        screen.out([step["say"] for step in trace["steps"]])
    else:
        path = arguments.output or WORKSPACE / "steps.html"
        write(trace, graph, path, lessons().get(arguments.topic))
        screen.out([f"The page is {screen.relative(path)}: {len(trace['steps'])} steps. Open it in a browser."])
        if arguments.open:
            webbrowser.open(path.resolve().as_uri())
    screen.out(["", *screen.wrapped(trace["verdict"]["text"] if trace["verdict"] else agreed(trace))])
    return 0


def write(trace, graph, path, lesson=None):
    """Write a trace in the form that the suffix asks for. Raises CatalogError for any other suffix."""
    said = {"title": lesson.title, "look": lesson.look} if lesson else {}
    forms = {
        ".html": lambda: steps.page(trace, graph, **said),
        ".json": lambda: steps.trace_text(trace) + "\n",
        ".txt": lambda: "".join(f"{step['say']}\n" for step in trace["steps"]),
    }
    if path.suffix not in forms:
        raise CatalogError(f"The steps are written as .html, .json or .txt; `{path.name}` is none of them.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(forms[path.suffix](), encoding="utf-8")


def agreed(trace):
    if all(node["grad"] is None for node in trace["nodes"]):
        return "Your backward is not written yet, so the steps show the chain rule alone."
    return f"Your engine and the chain rule agree at all {len(trace['nodes'])} values."
