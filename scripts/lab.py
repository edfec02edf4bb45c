"""Copy a lab notebook to workspace/, where it is yours; without a name, list them."""

import os
import sys
from importlib.util import find_spec

from scripts import screen
from utils.course import notebooks
from utils.course.catalog import WORKSPACE, CatalogError


def add_arguments(parser):
    parser.add_argument(
        "name", nargs="?", help="the name of a notebook, or the beginning of it, such as 09 or building"
    )


def run(arguments):
    labs = {notebooks.target(source).stem: notebooks.title(source) for source in notebooks.sources()}
    if not arguments.name:
        wide = max(map(len, labs))
        screen.out([*(f"  {name:<{wide}}  {title}" for name, title in labs.items()), "", "python3 learn.py lab NAME"])
        return 0
    found = [name for name in labs if name.startswith(arguments.name.removesuffix(".ipynb"))]
    if len(found) != 1:
        raise CatalogError(f"There is no one notebook {arguments.name!r}; there are {', '.join(found or labs)}.")
    path = WORKSPACE / f"{found[0]}.ipynb"
    if path.exists():
        screen.out(screen.wrapped(f"{screen.relative(path)} is there already and stays as it is."))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((notebooks.FOLDER / path.name).read_bytes())
        screen.out(screen.wrapped(f"{screen.relative(path)} is yours: outputs and notes stay in it."))
    screen.out(["", *screen.wrapped(how_to_open(screen.relative(path)))])
    return 0


def how_to_open(path):
    """What to do with a notebook, on this machine."""
    python = os.path.relpath(sys.executable)
    here = f"{python} -m jupyter lab {path}"
    if find_spec("jupyterlab"):
        return f"Open it: {here}"
    return (
        f"Open it in an editor that shows notebooks, such as VS Code, and choose {python} as its kernel.\n"
        f"Or in a browser. Once: {python} -m pip install jupyterlab\nThen: {here}"
    )
