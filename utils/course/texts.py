"""Read the Markdown of the course: sections of a topic's README, and the code blocks that tests execute."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """One fenced block: its language and flags ("python no-run"), its text, the line it starts on."""

    info: str
    text: str
    line: int


def step_section(topic, step):
    """The body of the README section `### <id>: <title>` of a step, "" if there is none."""
    text = (topic.folder / "README.md").read_text(encoding="utf-8")
    match = re.search(rf"(?ms)^### {re.escape(step.id)}: [^\n]*\n(.*?)(?=^#{{1,3}} |\Z)", _without_code_comments(text))
    # Positions are those of the original, where code comments are still in place.
    return text[match.start(1) : match.end(1)].strip() if match else ""


def for_terminal(markdown):
    """Markdown as plain text: answers stay folded, fences and emphasis go, a link keeps its words."""
    text = re.sub(r"(?s)<details>.*?</details>", "    (The answer is folded in README.md.)", markdown)
    lines, inside = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
            continue
        if inside:
            lines.append("    " + line)
        else:
            lines.append(re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", line.replace("**", "")))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def blocks(text):
    """The fenced code blocks of a Markdown text, in order."""
    found = []
    for match in re.finditer(r"(?ms)^([ \t]*)```([^\n`]*)\n(.*?)^\1```[ \t]*$", text):
        found.append(Block(match[2].strip(), match[3], text[: match.start()].count("\n") + 1))
    return found


def headings(text):
    """The headings of a Markdown text as (level, title)."""
    return [(len(m[1]), m[2].strip()) for m in re.finditer(r"(?m)^(#{1,6}) (.*)$", _without_code_comments(text))]


def _without_code_comments(text):
    """The text with every # inside a code block blanked, length unchanged: there it opens a comment, not a heading."""
    return re.sub(r"(?ms)^\s*```.*?^\s*```[ \t]*$", lambda match: match[0].replace("#", " "), text)
