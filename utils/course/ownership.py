"""Whose work is a file? It is the learner's unless it imports, subclasses or repeats the stub or a solution."""

import ast
from dataclasses import dataclass

from utils import engine
from utils.course import contract
from utils.course.catalog import catalog

ENGINES = ("utils.autograd_stub", "utils.engine")
LENT = ("topics", "utils.course.hunting")
TELLING = {ast.FunctionDef: 4, ast.ClassDef: 8}  # so many statements do not come out the same in two heads


@dataclass(frozen=True)
class Ownership:
    """own, borrowed (it uses the stub or another engine) or shown (it repeats a solution), and why."""

    word: str
    reason: str


def verdict(topic, path):
    """The Ownership of a learner's file. A file that cannot be read counts as own: the check says what is wrong."""
    tree, _ = contract.read(path)
    if tree is None:
        return Ownership("own", "")
    for node in ast.walk(tree):
        lent = [name for name in _imported(node) if _is_lent(name, topic)]
        if lent:
            return Ownership("borrowed", f"Line {node.lineno} takes `{lent[0]}`. Write it yourself to own it.")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "solutions/level0" in node.value:
            return Ownership("borrowed", f"Line {node.lineno} loads a solution by its path.")
    mine = _definitions(tree)
    for level in topic.levels:
        theirs = _definitions(ast.parse(topic.solution(level).read_text(encoding="utf-8")))
        same = [name for name, one in theirs.items() if name in mine and mine[name].text == one.text]
        telling = [name for name in same if theirs[name].telling] or (same if len(same) == len(theirs) else [])
        if telling:
            return Ownership("shown", f"`{telling[0]}` is the solution of level {level}, line by line. Rebuild it from "
                                      "blank, and it is yours.")  # fmt: skip
    return Ownership("own", "")


def trained_on(topic):
    """Whose engines stand behind a capstone: "trained on: your 08, 09; borrowed: 07". Only topics that lend something.

    It asks utils.engine, so a run with COURSE_ENGINE says what that run has used.
    """
    every, waiting, needed = {other.number: other for other in catalog().topics}, list(topic.needs), set()
    while waiting:
        number = waiting.pop()
        if number not in needed:
            needed.add(number)
            waiting += every[number].needs
    lending = [every[number] for number in sorted(needed) if every[number].exports]
    own = [other.number for other in lending if engine.choice(other.slug) == "mine"]
    borrowed = [other.number for other in lending if other.number not in own]
    parts = [f"your {', '.join(own)}" if own else "", f"borrowed: {', '.join(borrowed)}" if borrowed else ""]
    return "trained on: " + "; ".join(part for part in parts if part)


def _is_lent(name, topic):
    """Does an import bring what this topic asks for? What earlier topics made may come from wherever it is."""
    for door in ENGINES:
        if name == door or name == f"{door}.*":
            return bool(topic.exports)
        if name.startswith(door + "."):
            return name.removeprefix(door + ".") in topic.exports
    return any(name == lent or name.startswith(lent + ".") for lent in LENT)


def _imported(node):
    """What an import statement brings, with its module; [] for anything else."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@dataclass(frozen=True)
class _Definition:
    """A class or function as Python sees it, and whether it is too long to come out the same in two heads."""

    text: str
    telling: bool


def _definitions(tree):
    """name -> its _Definition, without docstrings: comments and spacing make no difference."""
    found = {}
    for node in tree.body:
        if type(node) in TELLING:
            for inner in ast.walk(node):
                body = getattr(inner, "body", None)
                if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                    if isinstance(body[0].value, ast.Constant) and len(body) > 1:
                        inner.body = body[1:]
            statements = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            found[node.name] = _Definition(ast.dump(node), statements >= TELLING[type(node)])
    return found
