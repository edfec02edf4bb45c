"""The hints of a topic, by name of the skeleton and rung; and the pages about a mistake, by diagnosis."""

import re

from utils.course.catalog import HINTS


def rungs(topic, name, step=""):
    """The hints about a name, in the order in which they give away more; [] if there are none.

    Hint files are read in order of their numbers; `## Name` opens a name, `### 1 a question` a rung. Where a name comes
    back at a later step the rung says so, `### 6 deep: a question`; with `step`, only its rungs are given, if it has any.
    """
    found = []
    for path in hint_files(topic):
        for heading, body in sections(path.read_text(encoding="utf-8"), "## "):
            if heading == name:
                found += sections(body, "### ")
    of_step = [(title, text) for title, text in found if re.match(rf"\d+ {re.escape(step)}: ", title)] if step else []
    return [f"{title.split(' ', 1)[-1].capitalize()}\n\n{text}" for title, text in of_step or found]


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
