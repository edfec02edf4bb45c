"""The learner's own notes on a topic: the course only ever adds to them, and keeps a copy first."""

import ast
import random

from utils.course import snapshots

SHORTEST = 16  # characters of a line that is worth a question


def line_to_explain(topic, level):
    """(line number, code) of one line of a solution that no comment explains; the same one each time."""
    source = topic.solution(level).read_text(encoding="utf-8")
    lines = source.splitlines()
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Expr)):
                code = lines[node.lineno - 1].strip()
                explained = "#" in code or lines[node.lineno - 2].strip().startswith("#")
                if len(code) >= SHORTEST and not explained and not code.startswith(('"', "'")):
                    found.append((node.lineno, code))
    return random.Random(f"{topic.number} {level}").choice(sorted(set(found)))


def has(topic, title):
    """Is there a section with this title?"""
    path = topic.workspace_notes
    return path.exists() and f"## {title}\n" in path.read_text(encoding="utf-8", errors="replace")


def add(topic, title, code, answer):
    """Append a section with a line of code and what the learner says about it; the path of the notes."""
    path = topic.workspace_notes
    if path.exists():
        before = path.read_bytes()
    else:
        template = topic.folder / "notes.md"
        before = template.read_bytes() if template.exists() else b""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before)
    section = f"\n## {title}\n\n    {code}\n\n{answer or '(your answer)'}\n"
    snapshots.replace(path, before.rstrip() + b"\n" + section.encode())
    return path
