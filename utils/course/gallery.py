"""The pictures that stand in texts: each is drawn from a program in its topic's pictures.toml, so that it can be drawn
again and compared.
"""

import html
import re
import tomllib

from utils.course.catalog import ROOT, catalog
from utils.course.expressions import run


def pictures():
    """Path of each picture -> its program and inputs."""
    found = {}
    for topic in catalog().ready:
        manifest = topic.folder / "pictures.toml"
        if manifest.exists():
            for name, entry in tomllib.loads(manifest.read_text(encoding="utf-8")).items():
                found[topic.folder / "pictures" / name] = (entry["program"], entry["inputs"])
    return found


def write():
    """Draw every picture into its place; the paths. Raises utils.drawing.NoLayout where nothing can lay it out."""
    from utils.drawing import draw

    for path, (program, inputs) in pictures().items():
        path.parent.mkdir(exist_ok=True)
        draw(root_of(program, inputs), path)
    return list(pictures())


def root_of(program, inputs):
    """The value that a picture shows, after backward, with every name as a label."""
    from utils.autograd_stub import Value

    root, scope = run(program, {label: Value(number) for label, number in inputs.items()})
    for label, value in scope.items():
        value.label = label
    root.backward()
    return root


def findings():
    """Pictures whose texts are not what the program gives now. Layout may differ between versions of Graphviz."""
    from utils.drawing import draw

    found = []
    for path, (program, inputs) in pictures().items():
        name = path.relative_to(ROOT).as_posix()
        if not path.exists():
            found.append(f"{name} is missing; python3 scripts/maintain.py pictures draws it.")
        elif _texts(path.read_text(encoding="utf-8")) != _texts(draw(root_of(program, inputs)).pipe("svg").decode()):
            found.append(f"{name} is out of date; python3 scripts/maintain.py pictures draws it again.")
    return found


def _texts(svg):
    """What can be read in a picture, in any order."""
    return sorted(html.unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg))
