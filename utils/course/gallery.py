"""The pictures in texts: each is drawn from what its topic says in pictures.toml, to be drawn again and compared.

An entry holds a program and its inputs, for a graph or for a page (lessons.py), or for a plot the name of a function of
visualization.py, which is given the level 3 candidate.
"""

import html
import re
from functools import partial

from utils.course.catalog import ROOT, catalog
from utils.course.expressions import run
from utils.course.lessons import entries, finished_page, lessons
from utils.course.loading import load, load_candidate

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")  # whose last digits are the machine's own
POINTS = 3.0  # how far a line may lie elsewhere: machines round differently, and training makes more of it


def pictures():
    """Path of each picture and page -> a function that gives its text."""
    found = {}
    for topic in catalog().ready:
        for name, entry in entries(topic).items():
            found[topic.folder / "pictures" / name] = partial(_text, topic, name, entry)
    return found


def write():
    """Draw every picture into its place; the paths. Raises utils.drawing.NoLayout where nothing can lay a graph out."""
    for path, text in pictures().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(), encoding="utf-8")
    return list(pictures())


def _text(topic, name, entry):
    """The text of a picture or page."""
    if name.endswith(".html"):
        return finished_page(lessons()[name.removesuffix(".html")])
    if "plot" in entry:
        drawn = getattr(load(topic.folder / "visualization.py"), entry["plot"])(load_candidate(topic.solution(3)))
        return drawn if isinstance(drawn, str) else drawn.svg
    from utils.drawing import draw

    return draw(root_of(entry["program"], entry["inputs"])).pipe("svg").decode()


def root_of(program, inputs):
    """The value that a picture shows, after backward, with every name as a label."""
    from utils.autograd_stub import Value

    root, scope = run(program, {label: Value(number) for label, number in inputs.items()})
    for label, value in scope.items():
        value.label = label
    root.backward()
    return root


def findings():
    """Pictures and pages that are not what would be made now: other texts, or for a plot a line that runs elsewhere.

    How Graphviz lays out a graph may differ between its versions.
    """
    found = []
    for path, text in pictures().items():
        name = path.relative_to(ROOT).as_posix()
        if not path.exists():
            found.append(f"{name} is missing; python3 scripts/maintain.py pictures draws it.")
        elif not alike(path.read_text(encoding="utf-8"), text()):
            found.append(f"{name} is out of date; python3 scripts/maintain.py pictures draws it again.")
    return found


def alike(picture, other):
    """Do two pictures say the same, do their lines run alike, and is whatever is no picture in them equal?"""
    return (
        _texts(picture) == _texts(other)
        and NUMBER.sub("", _rest(picture)) == NUMBER.sub("", _rest(other))
        and _close([_numbers(_rest(picture))], [_numbers(_rest(other))], 1e-6)
        and _close(_lines(picture), _lines(other), POINTS)
    )


def _close(lines, others, far):
    return [len(line) for line in lines] == [len(line) for line in others] and all(
        abs(a - b) <= far for line, other in zip(lines, others, strict=True) for a, b in zip(line, other, strict=True)
    )


def _texts(svg):
    """What can be read in a picture, in any order."""
    return sorted(html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def _rest(page):
    """A page without its graph, "" for a picture."""
    return re.sub(r"(?s)<svg.*</svg>", "", page) if page.startswith("<!doctype") else ""


def _lines(svg):
    """The numbers of every line of a plot, which has the class; a graph has none that are compared."""
    if 'class="plot"' not in svg:
        return []
    return [_numbers(points) for points in re.findall(r'<polyline points="([^"]*)"', svg)]


def _numbers(text):
    return [float(number) for number in NUMBER.findall(text)]
