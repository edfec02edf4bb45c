"""What can be said about a submission from its text alone: whose it is, what is unusual in it, what it is like.

The text is parsed in the sandbox, since a parser can be brought to its knees too; nothing of it is run.
"""

import ast
import hashlib
import json
import zlib
from pathlib import Path

from utils.course import contract, ownership
from utils.course.catalog import catalog

# Modules that a file of this course does not need, and what somebody might want with them.
UNUSUAL = {
    "pytest": "the test runner", "_pytest": "the test runner", "unittest": "the test runner", "inspect": "frames",
    "gc": "other people's objects", "ctypes": "memory", "socket": "the network", "urllib": "the network",
    "http": "the network", "requests": "the network", "subprocess": "other programs", "multiprocessing": "processes",
    "threading": "threads", "signal": "signals", "pickle": "objects from bytes", "marshal": "objects from bytes",
    "importlib": "loading files", "builtins": "Python's own functions", "torch": "another engine",
    "micrograd": "another engine", "jax": "another engine", "autograd": "another engine", "sympy": "another engine",
}  # fmt: skip
CALLS = {"_exit", "_getframe", "fork", "forkpty", "kill", "killpg", "settrace", "setprofile", "set_start_method",
         "exec", "eval", "compile", "__import__", "exit", "quit", "setrlimit", "sethandler"}  # fmt: skip
OWN_NUMBERS = {"float", "int", "bool", "str", "complex", "ndarray"}
RUN = 12  # nodes in one fingerprint
MOST_NOTES, MOST_FINGERPRINTS = 12, 3000


def prepare():
    return None


def inside(prepared, job, source, write):
    """In the sandbox: write one line of JSON about a file."""
    topic = catalog().topic(job["topic"])
    path = Path(job["folder"]) / job["name"]
    path.write_bytes(source)
    found = answers(path) if job.get("answers") else look(topic, path)
    write(json.dumps(found).encode() + b"\n")


def answers(path):
    """{function: what it returns} for each function of a hunt's file that ends in `return` and a literal.

    A dict becomes a list of its items, as lists; nothing is run, so what is computed is no answer.
    """
    tree, _ = contract.read(path)
    found = {}
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return) and node.body[-1].value:
            try:
                value = ast.literal_eval(node.body[-1].value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
            if isinstance(value, dict):
                value = [[key, *one] if isinstance(one, (tuple, list)) else [key, one] for key, one in value.items()]
            if isinstance(value, (list, tuple)):
                found[node.name] = plain(value)
    return found


def plain(value):
    """Lists within lists of texts, whole numbers and floats; anything else becomes None."""
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (str, int, float)) else None


def look(topic, path):
    """{ownership, reason, notes, fingerprints, shape} of a file that may hold anything."""
    tree, problem = contract.read(path)
    if tree is None:
        return {"ownership": "own", "reason": "", "notes": [f"{problem.seen}"], "fingerprints": [], "shape": ""}
    whose = ownership.verdict(topic, path)
    marks = fingerprints(tree)
    return {"ownership": whose.word, "reason": whose.reason, "notes": notes(tree), "fingerprints": marks,
            "shape": hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:12]}  # fmt: skip


def notes(tree):
    """Unusual things in a file, with their lines: leads for whoever reads it, never a score."""
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [(line, f"imports {a.name} ({UNUSUAL[a.name.split('.')[0]]})") for a in node.names
                      if a.name.split(".")[0] in UNUSUAL]  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNUSUAL:
            found.append((line, f"imports {node.module} ({UNUSUAL[node.module.split('.')[0]]})"))
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS:
                found.append((line, f"calls {name}"))
            elif name == "open":
                found.append((line, "opens a file"))
        elif isinstance(node, ast.Attribute) and node.attr in ("__subclasses__", "f_locals", "f_back", "__globals__"):
            found.append((line, f"asks for {node.attr}"))
        elif isinstance(node, ast.Attribute) and node.attr == "testing" and isinstance(node.ctx, ast.Load):
            found.append((line, "uses numpy.testing"))
        elif isinstance(node, ast.ClassDef):
            bases = {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
            if bases & OWN_NUMBERS:
                found.append((line, f"{node.name} is a {', '.join(sorted(bases & OWN_NUMBERS))} of its own"))
    return [f"line {line}: {words}" for line, words in dict.fromkeys(sorted(found))][:MOST_NOTES]


def fingerprints(tree):
    """A sample of hashes of runs of RUN nodes, blind to names, numbers and comments; chosen by value, as in MOSS."""
    kinds = [type(node).__name__ for node in _in_order(tree) if not isinstance(node, (ast.Load, ast.Store, ast.Del))]
    hashes = {zlib.crc32(" ".join(kinds[place : place + RUN]).encode()) for place in range(len(kinds) - RUN + 1)}
    return sorted(value for value in hashes if value % 3 == 0)[:MOST_FINGERPRINTS]


def _in_order(tree):
    """Every node, parents before children, without recursion; docstrings left out."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        children = list(ast.iter_child_nodes(node))
        waiting += [child for child in reversed(children)
                    if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))]  # fmt: skip
