"""Whose work is a file? It is the learner's unless it imports, subclasses or repeats the stub or a solution."""

import ast
from dataclasses import dataclass

from utils.course import contract

LENT = ("utils.autograd_stub", "utils.engine", "topics", "utils.course.hunting")


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
        source = _imported(node)
        if any(module == lent or module.startswith(lent + ".") for module in source for lent in LENT):
            return Ownership("borrowed", f"Line {node.lineno} takes `{source[0]}`. Write the class yourself to own it.")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "solutions/level0" in node.value:
            return Ownership("borrowed", f"Line {node.lineno} loads a solution by its path.")
    mine = _classes(tree)
    for level in topic.levels:
        theirs = _classes(ast.parse(topic.solution(level).read_text(encoding="utf-8")))
        for name, body in theirs.items():
            if mine.get(name) == body:
                return Ownership("shown", f"`{name}` is the solution of level {level}, line by line. Rebuild it from "
                                          "blank, and it is yours.")  # fmt: skip
    return Ownership("own", "")


def _imported(node):
    """The modules that an import statement names; [] for anything else."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
    return []


def _classes(tree):
    """name -> the class as Python sees it, without docstrings, so that comments and spacing make no difference."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in ast.walk(node):
                body = getattr(inner, "body", None)
                if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                    if isinstance(body[0].value, ast.Constant) and len(body) > 1:
                        inner.body = body[1:]
            found[node.name] = ast.dump(node)
    return found
