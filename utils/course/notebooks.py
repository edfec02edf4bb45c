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

import ast
import json
import re
import textwrap
import tomllib

from utils.course import texts
from utils.course.catalog import ROOT, catalog

FOLDER = ROOT / "notebooks"
NOTES = "**Your notes**\n\n*Double-click here and write.*"
ENGINE_IMPORT = re.compile(r"(?m)^from utils\.(engine|autograd_stub) import Value\n")
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


class SourceError(ValueError):
    """A source asks for something that is not there; the text says what and where."""


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
        yield _your_turn(source, catalog().topic(number), step, names)
    elif head.startswith("code: "):
        yield {"kind": "code", "text": _code(source, *head.removeprefix("code: ").split()) + body}
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


def included(source, page, title, start=None, end=None):
    """The cells of a section of a topic's page: prose, and its programs as code, without what they print."""
    topic = catalog().topic(page.split("/")[0])
    path = topic.folder / page.split("/", 1)[1]
    if not path.exists():
        raise SourceError(f"{source.name}: there is no page {page}.")
    body = _section(path.read_text(encoding="utf-8"), title)
    for mark in filter(None, (start, end)):
        if body is None or not re.search(rf"(?m)^{re.escape(mark)}", body):
            raise SourceError(f"{source.name}: {page}, {title!r} has no line that begins with {mark!r}.")
    if body is None:
        raise SourceError(f"{source.name}: {page} has no section {title!r}.")
    if start:
        body = body[re.search(rf"(?m)^{re.escape(start)}", body).start() :]
    if end:
        body = body[: re.search(rf"(?m)^{re.escape(end)}", body).start()]
    body = re.sub(r"(\]\()(?![a-z]+:|#)([^)]+)\)", lambda m: f"{m[1]}{_address(path, m[2])})", body)
    body = re.sub(r"(\]\()(#[^)]+)\)", lambda m: f"{m[1]}{_address(path, path.name)}{m[2]})", body)
    ran = False
    for prose, fence in _pieces(body):
        language, *flags = (fence.info.split() or [""]) if fence else [""]
        # What is typed into a terminal there is done by cells here, so the words that lead up to it go as well.
        if left_out := language == "console" and "learn.py" in fence.text:
            prose = re.sub(r"(?s)(\A|(?<=[.!?])\s)(?:(?![.!?]\s).)*:\Z", "", prose)
        yield {"kind": "markdown", "text": prose}
        if language == "python" and "no-run" not in flags:
            ran = True
            yield {"kind": "code", "text": _program(fence.text)}
        elif language == "text" and ran:
            ran = False  # the cell prints it
        elif fence and not left_out:
            yield {"kind": "markdown", "text": f"```{language}\n{fence.text.rstrip()}\n```"}


def _program(text):
    """A program of a page, on the notebook's own Engine, since Value is what is being written there."""
    text = re.sub(r"\bValue\(", "Engine(", ENGINE_IMPORT.sub("", text))
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n")


def _pieces(body):
    """(text, the fenced block that follows it or None); a folded answer stays whole."""
    place = 0
    for match in re.finditer(r"(?ms)^<details>.*?^</details>|^```[^\n`]*\n.*?^```[ \t]*$", body):
        if match[0].startswith("```"):
            (block,) = texts.blocks(match[0])
            yield body[place : match.start()].strip(), block
            place = match.end()
    yield body[place:].strip(), None


def _section(text, title):
    """The body under a heading of any depth, up to the next one of that depth or above; None without it."""
    plain = re.sub(r"(?ms)^```.*?^```[ \t]*$", lambda m: m[0].replace("#", " "), text)
    match = re.search(rf"(?m)^(#+) {re.escape(title)}[ \t]*\n", plain)
    if not match:
        return None
    following = re.search(rf"(?m)^#{{1,{len(match[1])}}} ", plain[match.end() :])
    return text[match.end() : match.end() + following.start() if following else len(text)].strip()


def _address(path, link):
    """A link of a topic's page, as it is found from a notebook."""
    target, _, place = link.partition("#")
    there = (path.parent / target).resolve().relative_to(ROOT).as_posix() + (f"#{place}" if place else "")
    return f"{catalog().url}/blob/{_tag()}/{there}" if catalog().url else f"../{there}"


def _your_turn(source, topic, id, names):
    """The names of a step as the skeleton has them, to be filled in, and the line that judges them."""
    if id not in {step.id for step in topic.steps}:
        raise SourceError(f"{source.name}: Topic {topic.number} has no step {id}.")
    step = topic.step(id)
    text = topic.skeleton.read_text(encoding="utf-8")
    tree = ast.parse(text)
    earlier = {about.split(".")[0] for one in topic.steps[: topic.steps.index(step)] for about in one.about}
    pieces = [f"# Your turn: {step.title}. Write it, run this cell, read what it says, try again."]
    wanted = names or step.about
    for name in dict.fromkeys(about.split(".")[0] for about in wanted):
        node = next(node for node in tree.body if getattr(node, "name", "") == name)
        goes_on = name in earlier and name not in wanted
        pieces.append(_class(text, node, wanted, goes_on) if isinstance(node, ast.ClassDef) else _source(text, node))
    code = "\n\n\n".join([pieces[0] + "\n" + "\n\n\n".join(pieces[1:]), f'check("{topic.number}", "{id}")'])
    return {"kind": "code", "text": code, "metadata": {"your-turn": f"{topic.number} {id}"}}


def _class(text, node, names, goes_on):
    """The part of a class that is named; all of it where that is its own name alone; `class A(A)` if it `goes_on`."""
    wanted = {name.partition(".")[2] for name in names if name.split(".")[0] == node.name}
    methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    wanted |= methods if wanted == {""} else {"__init__", "__repr__"} if "" in wanted else set()
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name in wanted]
    lines = [f"class {node.name}({node.name}):  # the same class, and more" if goes_on else f"class {node.name}:"]
    described = ast.get_docstring(node, clean=False)
    if described and not goes_on:
        lines += [f'    """{described}"""', ""]
    return "\n".join([*lines, "\n\n".join(textwrap.indent(_source(text, part), "    ") for part in methods)])


def _code(source, where, *names):
    """Definitions of a level's file; of a class the methods that are named."""
    number, level = where.split("/")
    path = catalog().topic(number).candidate_path(level)
    text = path.read_text(encoding="utf-8")
    pieces = []
    for name in dict.fromkeys(name.split(".")[0] for name in names):
        node = next((node for node in ast.parse(text).body if getattr(node, "name", "") == name), None)
        if node is None:
            raise SourceError(f"{source.name}: {path.name} has no {name}.")
        if isinstance(node, ast.ClassDef) and name not in names:
            wanted = [one.partition(".")[2] for one in names if one.startswith(f"{name}.")]
            parts = [part for part in node.body if getattr(part, "name", "") in wanted]
            body = "\n\n".join(textwrap.indent(_source(text, part), "    ") for part in parts)
            pieces.append(f"class {name}:\n{body}")
        else:
            pieces.append(_source(text, node))
    return "\n\n\n".join(pieces) + "\n"


def _source(text, node):
    """The text of a definition, comments included, not indented."""
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))


def setup(url):
    """The lines that find the course; with an address also those that fetch it on Colab, at the tag of this version."""
    return SETUP.replace("COLAB", COLAB.replace("TAG", _tag()).replace("URL", url) if url else "")


def badge(url, name):
    """A link that opens a notebook in Colab; "" without an address on GitHub, which is where Colab reads from."""
    match = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?/?", url)
    if not match:
        return ""
    image = f"![Open in Colab]({COLAB_SITE}/assets/colab-badge.svg)"
    return f"[{image}]({COLAB_SITE}/github/{match[1]}/blob/{_tag()}/notebooks/{name})"


def _tag():
    """The tag that a fetched copy of the course is at."""
    return "v" + tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
