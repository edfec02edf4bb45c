"""The pictures that stand in texts: each is drawn from one line here, so that it can be drawn again and compared."""

import html
import re

from utils.course.catalog import TOPICS
from utils.course.expressions import run

# file below topics/ -> the program, and its inputs
PICTURES = {
    "02-autograd-engine/pictures/forgotten-path.svg": ("c = a + b; d = c * a; e = c * d; e", {"a": 2.0, "b": 3.0}),
}


def write():
    """Draw every picture into its place; the paths. Raises utils.drawing.NoLayout where nothing can lay it out."""
    from utils.drawing import draw

    for name in PICTURES:
        path = TOPICS / name
        path.parent.mkdir(exist_ok=True)
        draw(root_of(name), path)
    return [TOPICS / name for name in PICTURES]


def root_of(name):
    """The value that a picture shows, after backward, with every name as a label."""
    from utils.autograd_stub import Value

    program, inputs = PICTURES[name]
    root, scope = run(program, {label: Value(number) for label, number in inputs.items()})
    for label, value in scope.items():
        value.label = label
    root.backward()
    return root


def findings():
    """Pictures whose texts are not what the program gives now. Layout may differ between versions of Graphviz."""
    from utils.drawing import draw

    found = []
    for name in PICTURES:
        path = TOPICS / name
        if not path.exists():
            found.append(f"{name} is missing; python3 scripts/maintain.py pictures draws it.")
        elif _texts(path.read_text(encoding="utf-8")) != _texts(draw(root_of(name)).pipe("svg").decode()):
            found.append(f"{name} is out of date; python3 scripts/maintain.py pictures draws it again.")
    return found


def _texts(svg):
    """What can be read in a picture, in any order."""
    return sorted(html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg))
