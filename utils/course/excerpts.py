"""Pieces of the topics, for notebooks: sections of their pages, names of their skeletons, code of their levels."""

import ast
import re
import textwrap
import tomllib

from utils.course import texts
from utils.course.catalog import ROOT, catalog

ENGINE_IMPORT = re.compile(r"(?m)^from utils\.(engine|autograd_stub) import .*\n")
# Paragraphs that speak of `learn.py check`.
OF_A_TERMINAL = re.compile(r"(?ms)^\*\*(?:Level \d is done|Run\.)\*\*.*?(?:\n\n|\Z)")
# A fence, code within a line, a link to elsewhere; or a link within the course.
LINK = re.compile(r"(?s)```.*?```|`[^`\n]*`|\]\([a-z]+:[^)]*\)|\]\((?P<target>[^)#]*)(?P<place>#[^)]*)?\)")


class SourceError(ValueError):
    """A source asks for something that is not there; the text says what and where."""


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
    ran = False
    body = OF_A_TERMINAL.sub("", body)
    for prose, fence in _pieces(body):
        language, *flags = (fence.info.split() or [""]) if fence else [""]
        # What is typed into a terminal there is done by cells here, so the words that lead up to it go as well.
        if left_out := language == "console" and "learn.py" in fence.text:
            prose = re.sub(r"(?s)(\A|(?<=[.!?])\s)(?:(?![.!?]\s).)*:\Z", "", prose)
        yield {"kind": "markdown", "text": LINK.sub(lambda match: _link_from_here(path, match), prose)}
        if language == "python" and "no-run" not in flags:
            ran = True
            yield {"kind": "code", "text": _program(fence.text)}
        elif language == "text" and ran:
            ran = False  # the cell prints it
        elif fence and not left_out:
            yield {"kind": "markdown", "text": f"```{language}\n{fence.text.rstrip()}\n```"}


def your_turn(source, topic, id, names):
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


def code_of(source, where, *names):
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
            body = _joined([textwrap.indent(_source(text, part), "    ") for part in parts])
            pieces.append(f"class {name}:\n{body}")
        else:
            pieces.append(_source(text, node))
    return "\n\n\n".join(pieces) + "\n"


def version_tag():
    """The tag that a fetched copy of the course is at."""
    return "v" + tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def _program(text):
    """A program of a page, on the notebook's own Engine, since the class itself is what is being written there."""
    text = re.sub(r"\b(Value|Tensor)\(", "Engine(", ENGINE_IMPORT.sub("", text))
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


def _link_from_here(path, match):
    """A link of a topic's page, as it is found from a notebook; code stays as it is."""
    target, place = match["target"], match["place"] or ""
    if target is None:
        return match[0]
    there = (path.parent / target).resolve() if target else path
    there = there.relative_to(ROOT).as_posix() + place
    return f"]({catalog().url}/blob/{version_tag()}/{there})" if catalog().url else f"](../{there})"


def _class(text, node, names, goes_on):
    """The part of a class that is named; all of it where that is its own name alone; `class A(A)` if it `goes_on`.

    Where it begins, what the skeleton gives comes along.
    """
    wanted = {name.partition(".")[2] for name in names if name.split(".")[0] == node.name}
    begins, whole = "" in wanted, wanted == {""}
    parts = []
    for part in node.body:
        name = getattr(part, "name", "")
        given = "NotImplementedError" not in ast.dump(part) and not isinstance(part, ast.Expr)
        if (name and name in wanted) or (begins and (given or name == "__init__")) or (whole and name):
            parts.append(part)
    lines = [f"class {node.name}({node.name}):  # the same class, and more" if goes_on else f"class {node.name}:"]
    described = ast.get_docstring(node, clean=False)
    if described and not goes_on:
        lines += [f'    """{described}"""', ""]
    text = [textwrap.indent(_source(text, part), "    ") for part in parts]
    return "\n".join([*lines, _joined(text)])


def _joined(parts):
    """Members of a class, with an empty line beside each that has several lines."""
    found = ""
    for before, part in zip(["", *parts], parts, strict=False):
        found += part if not before else ("\n\n" if "\n" in before + part else "\n") + part
    return found


def _source(text, node):
    """The text of a definition, comments included, not indented."""
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))
