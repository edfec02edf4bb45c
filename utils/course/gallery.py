"""The pictures in texts: each is drawn from what its topic says in pictures.toml, to be drawn again and compared.

An entry holds a program and its inputs, for a graph, or for a plot the name of a function of visualization.py, which is
given the level 3 candidate.
"""

import html
import re
import tomllib

from utils.course.catalog import ROOT, catalog
from utils.course.expressions import run
from utils.course.loading import load, load_candidate

POINTS = 3.0  # how far a line may lie elsewhere: machines round differently, and training makes more of it


def pictures():
    """Path of each picture -> a function that draws it."""
    found = {}
    for topic in catalog().ready:
        manifest = topic.folder / "pictures.toml"
        if manifest.exists():
            for name, entry in tomllib.loads(manifest.read_text(encoding="utf-8")).items():
                found[topic.folder / "pictures" / name] = _drawing(topic, **entry)
    return found


def write():
    """Draw every picture into its place; the paths. Raises utils.drawing.NoLayout where nothing can lay a graph out."""
    for path, drawn in pictures().items():
        path.parent.mkdir(exist_ok=True)
        drawn().save(path)
    return list(pictures())


def _drawing(topic, program=None, inputs=None, plot=None):
    if plot:
        return lambda: getattr(load(topic.folder / "visualization.py"), plot)(load_candidate(topic.solution(3)))

    def graph():
        from utils.drawing import draw

        return draw(root_of(program, inputs))

    return graph


def root_of(program, inputs):
    """The value that a picture shows, after backward, with every name as a label."""
    from utils.autograd_stub import Value

    root, scope = run(program, {label: Value(number) for label, number in inputs.items()})
    for label, value in scope.items():
        value.label = label
    root.backward()
    return root


def findings():
    """Pictures that are not what would be drawn now: other texts, or for a plot a line that runs elsewhere.

    How Graphviz lays out a graph may differ between its versions.
    """
    found = []
    for path, drawn in pictures().items():
        name = path.relative_to(ROOT).as_posix()
        if not path.exists():
            found.append(f"{name} is missing; python3 scripts/maintain.py pictures draws it.")
        elif not alike(path.read_text(encoding="utf-8"), _svg(drawn())):
            found.append(f"{name} is out of date; python3 scripts/maintain.py pictures draws it again.")
    return found


def alike(svg, other):
    """Do two pictures say the same, and do their lines run alike?"""
    if _texts(svg) != _texts(other) or len(_lines(svg)) != len(_lines(other)):
        return False
    return all(
        len(line) == len(second) and all(abs(a - b) <= POINTS for a, b in zip(line, second, strict=True))
        for line, second in zip(_lines(svg), _lines(other), strict=True)
    )


def _svg(picture):
    return picture.svg if hasattr(picture, "svg") else picture.pipe("svg").decode()


def _texts(svg):
    """What can be read in a picture, in any order."""
    return sorted(html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def _lines(svg):
    """The numbers of every line of a plot, which has the class; a graph has none that are compared."""
    if 'class="plot"' not in svg:
        return []
    return [[float(n) for n in re.split("[ ,]", points)] for points in re.findall(r'<polyline points="([^"]*)"', svg)]
