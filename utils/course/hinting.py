"""The hints of a topic, by name of the skeleton and rung; and the pages about a mistake, by diagnosis."""

import ast
import random
import re

from utils.course.catalog import HINTS


def rungs(topic, name, step=""):
    """The hints about a name, in the order in which they give away more; [] if there are none.

    Hint files are read in order of their numbers; `## Name` opens a name, `### 1 a question` a rung. Where a name comes
    back at a later step the rung says so, `### 6 deep: a question`; with `step`, only its rungs are given, if there
    are any.
    """
    found = []
    for path in hint_files(topic):
        for heading, body in sections(path.read_text(encoding="utf-8"), "## "):
            if heading == name:
                found += sections(body, "### ")
    of_step = [(title, text) for title, text in found if re.match(rf"\d+ {re.escape(step)}: ", title)] if step else []
    return [f"{title.split(' ', 1)[-1].capitalize()}\n\n{text}" for title, text in of_step or found]


def ladder(topic, name, step=""):
    """The rungs up to the almost finished code; before that, the lines of a solution, shuffled."""
    found = rungs(topic, name, step)
    if found and step and not any(_is_almost_code(rung) for rung in found):
        # A step that only adds an idea to an earlier one shares the code with it.
        level = topic.step(step).level
        others = [one.id for one in topic.steps if one.level != level]
        found += [rung for rung in rungs(topic, name) if _is_almost_code(rung)
                  and rung.split(":")[0].lower() not in others][-1:]  # fmt: skip
    levels = [one.level for one in topic.steps if one.id == step] or [s.level for s in topic.steps if name in s.about]
    lines = shuffled_lines(topic, name, min(levels)) if found and levels else []
    if lines:
        text = (
            "Shuffled lines\n\nIn the right order, and indented as Python needs it, these lines do it:\n\n```python\n"
        )
        last = next((n for n in reversed(range(len(found))) if _is_almost_code(found[n])), len(found))
        found.insert(last, text + "\n".join(lines) + "\n```")
    return found


def _is_almost_code(rung):
    return "lmost code" in rung.splitlines()[0]


def shuffled_lines(topic, name, level):
    """The lines of a function in a level's solution, without comments, in another order; [] if there are few."""
    source = topic.solution(level).read_text(encoding="utf-8")
    found = ast.parse(source)
    for part in name.split("."):
        found = next((node for node in getattr(found, "body", ()) if getattr(node, "name", "") == part), None)
    if not isinstance(found, ast.FunctionDef):
        return []
    body = [node for node in found.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    lines = [line.strip() for line in "\n".join(map(ast.unparse, body)).splitlines() if line.strip()]
    if len(lines) < 3 or any(
        not _is_introduced(topic, helper) for helper in re.findall(r"\b_[a-z]\w*(?=\()", str(lines))
    ):
        return []
    right, order = list(lines), random.Random(f"{topic.number} {name} {level}")
    while lines == right and len(set(lines)) > 1:
        order.shuffle(lines)
    return lines


def _is_introduced(topic, helper):
    """Does the topic's page speak of this private function, or of its name without the underscore?"""
    page = (topic.folder / "README.md").read_text(encoding="utf-8")
    return re.search(rf"\b_?{helper.lstrip('_')}\b", page) is not None


def headings(topic):
    """Every name that has a heading in a hint file of the topic."""
    return {heading for path in hint_files(topic) for heading, _ in sections(path.read_text(encoding="utf-8"), "## ")}


def hint_files(topic):
    return sorted((topic.folder / "hints").glob("hint-*.md"))


def page(diagnosis_id):
    """The page about a mistake, hints/<id>.md, or None."""
    path = HINTS / f"{diagnosis_id}.md"
    return path if path.exists() else None


def sections(text, mark):
    """(heading, body) of each section that a line starting with `mark` opens."""
    parts = re.split(rf"(?m)^{re.escape(mark)}(.*)$", text)
    return [(heading.strip().strip("`"), body.strip()) for heading, body in zip(parts[1::2], parts[2::2], strict=True)]
