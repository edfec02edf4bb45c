"""Whose work is a file? It is the learner's unless it imports, subclasses or repeats the stub or a solution."""

import ast
from dataclasses import dataclass

from utils.course import contract

ENGINES = ("utils.autograd_stub", "utils.engine")
LENT = ("topics", "utils.course.hunting")
TELLING = 4  # statements: a shorter function may come out the same in two heads


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
        for name, body in theirs.items():
            if mine.get(name) == body:
                return Ownership("shown", f"`{name}` is the solution of level {level}, line by line. Rebuild it from "
                                          "blank, and it is yours.")  # fmt: skip
    return Ownership("own", "")


def _is_lent(name, topic):
    """Does an import bring what this topic asks for? What earlier topics made may come from wherever it is."""
    for engine in ENGINES:
        if name == engine or name == f"{engine}.*":
            return bool(topic.exports)
        if name.startswith(engine + "."):
            return name.removeprefix(engine + ".") in topic.exports
    return any(name == lent or name.startswith(lent + ".") for lent in LENT)


def _imported(node):
    """What an import statement brings, with its module; [] for anything else."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _definitions(tree):
    """name -> the class or function as Python sees it, without docstrings: comments and spacing make no difference.

    Functions of a few statements only are left out.
    """
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            for inner in ast.walk(node):
                body = getattr(inner, "body", None)
                if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                    if isinstance(body[0].value, ast.Constant) and len(body) > 1:
                        inner.body = body[1:]
            statements = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            if isinstance(node, ast.ClassDef) or statements >= TELLING:
                found[node.name] = ast.dump(node)
    return found
