"""Build the notebooks from their sources, notebooks/sources/*.py, and from the texts of the topics.

A source is in the percent format: `# %% [markdown]` opens a cell of text, `# %%` one of code. Besides:

    # include: 06/README.md, "neuron: one neuron by hand"     in a text cell: the body of a section, its programs as
                                                              cells; also  from "…"  and  until "…", where lines begin
    # %% notes                     a cell for the learner's own notes
    # %% setup                     finds the course, or fetches it on Colab
    # %% your turn: 06 neuron      the skeleton of a step's names, or of those that follow, and the line that judges
    # %% code: 02/level02 Value.__init__ Value.__add__    a piece of a solution

Standard library only, so that `maintain.py check` needs nothing installed; cells are numbered, so that the same source
gives the same bytes, which a notebook written by other tools does not.
"""

import json
import re

from utils.course.catalog import ROOT, catalog
from utils.course.excerpts import SourceError, code_of, included, version_tag, your_turn

FOLDER = ROOT / "notebooks"
NOTES = "**Your notes**\n\n*Double-click here and write.*"
INCLUDE = re.compile(r'^include: (\S+), "([^"]+)"(?: from "([^"]+)")?(?: until "([^"]+)")?$')
SETUP = """\
# Finds the course in this folder or one above it.
import sys
from pathlib import Path

folders = [Path.cwd(), *Path.cwd().parents, Path("autograd-course").resolve()]
course = next((folder for folder in folders if (folder / "learn.py").exists()), None)
COLABif course is None:
    raise SystemExit("Put this notebook into the folder of the course, or a folder inside it, and run it again.")
sys.path.insert(0, str(course))
"""
COLAB = """\
if course is None and "google.colab" in sys.modules:  # there it is fetched first
    import subprocess

    course = folders[-1]
    subprocess.run(["git", "clone", "-q", "--depth", "1", "--branch", "TAG", "URL", str(course)], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "pytest>=8.4,<10", "numpy"], check=True)
"""
COLAB_SITE = "https://colab.research.google.com"


def sources():
    """The sources of all notebooks."""
    return sorted((FOLDER / "sources").glob("*.py"))


def target(source):
    """Where the notebook of a source lies."""
    return FOLDER / f"{source.stem}.ipynb"


def title(source):
    """The heading of a notebook, and what it says about its subject."""
    return re.search(r"(?m)^# # (.+)", source.read_text(encoding="utf-8"))[1]


def write():
    """Build every notebook into its place; the paths."""
    for source in sources():
        target(source).write_text(built(source), encoding="utf-8")
    return [target(source) for source in sources()]


def findings():
    """Notebooks that are not what their sources give, and such that have none."""
    found = []
    for source in sources():
        name = target(source).relative_to(ROOT).as_posix()
        try:
            wanted = built(source)
        except SourceError as error:
            found.append(str(error))
            continue
        if not target(source).exists() or target(source).read_text(encoding="utf-8") != wanted:
            found.append(f"{name} is out of date; python3 scripts/maintain.py notebooks builds it.")
    known = {target(source) for source in sources()}
    strays = [path for path in sorted(FOLDER.glob("*.ipynb")) if path not in known]
    return found + [f"notebooks/{path.name} has no source." for path in strays]


def built(source):
    """The text of a notebook. Raises SourceError."""
    link = badge(catalog().url, target(source).name)
    found = [{"kind": "markdown", "text": link}] if link else []
    for head, body in _parts(source.read_text(encoding="utf-8")):
        for cell in _cells(source, head, body):
            if not cell["text"].strip():
                continue
            if found and cell["kind"] == found[-1]["kind"] == "markdown" and "metadata" not in (cell | found[-1]):
                found[-1]["text"] += "\n\n" + cell["text"]
            else:
                found.append(cell)
    entries = [_entry(number, cell) for number, cell in enumerate(found)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": entries, "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
                "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _entry(number, cell):
    common = {"cell_type": cell["kind"], "id": f"cell-{number:03}", "metadata": cell.get("metadata", {})}
    lines = cell["text"].strip("\n").splitlines(keepends=True)
    return common | ({"source": lines} if cell["kind"] == "markdown" else
                     {"execution_count": None, "outputs": [], "source": lines})  # fmt: skip


def _parts(text):
    """(what follows `# %%`, the body) of each cell of a source."""
    pieces = re.split(r"(?m)^# %%(.*)\n", text)
    return zip((head.strip() for head in pieces[1::2]), pieces[2::2], strict=True)


def _cells(source, head, body):
    if head == "[markdown]":
        yield from _text_cells(source, "".join(re.sub(r"(?m)^# ?", "", body)))
    elif head == "notes":
        yield {"kind": "markdown", "text": NOTES, "metadata": {"tags": ["notes"]}}
    elif head == "setup":
        yield {"kind": "code", "text": setup(catalog().url) + body}
    elif head.startswith("your turn: "):
        number, step, *names = head.removeprefix("your turn: ").split()
        yield your_turn(source, catalog().topic(number), step, names)
    elif head.startswith("code: "):
        yield {"kind": "code", "text": code_of(source, *head.removeprefix("code: ").split()) + body}
    elif not head:
        yield {"kind": "code", "text": body}
    else:
        raise SourceError(f"{source.name}: `# %% {head}` is no kind of cell.")


def _text_cells(source, text):
    """Text cells, with each include in its place."""
    prose = []
    for line in text.strip().splitlines():
        match = INCLUDE.match(line)
        if not match:
            prose.append(line)
            continue
        yield {"kind": "markdown", "text": "\n".join(prose).strip()}
        prose = []
        yield from included(source, *match.groups())
    yield {"kind": "markdown", "text": "\n".join(prose).strip()}


def setup(url):
    """The lines that find the course; with an address also those that fetch it on Colab, at the tag of this version."""
    return SETUP.replace("COLAB", COLAB.replace("TAG", version_tag()).replace("URL", url) if url else "")


def badge(url, name):
    """A link that opens a notebook in Colab; "" without an address on GitHub, which is where Colab reads from."""
    match = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?", url)
    if not match:
        return ""
    image = f"![Open in Colab]({COLAB_SITE}/assets/colab-badge.svg)"
    return f"[{image}]({COLAB_SITE}/github/{match[1]}/blob/{version_tag()}/notebooks/{name})"
