"""Read the Markdown of the course: sections of a topic's README, and the code blocks that tests execute."""

import re
import textwrap
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


def for_terminal(markdown, width=80):
    """Markdown as plain text: answers stay folded, fences and emphasis go, a link keeps its words, prose is filled."""
    text = re.sub(r"(?s)<details>.*?</details>", "\n(The answer is folded in README.md.)\n", markdown)
    lines, prose = [], []

    def flush():
        if prose:
            lines.extend(_filled(" ".join(prose), width))
            prose.clear()

    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            flush()
            inside = not inside
        elif inside:
            lines.append("    " + line if line else "")
        elif not line.strip():
            flush()
            lines.append("")
        elif line.startswith("    ") and not prose:  # an indented block is code, too
            lines.append(line.rstrip())
        elif re.match(r"\s*([->|]|\* |\d+\. )", line):
            flush()
            prose.append(line.rstrip())
        else:
            prose.append(line.strip())
    flush()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _filled(paragraph, width):
    """A paragraph or list item without Markdown's marks, in lines of at most `width` columns; a table row as it is."""
    plain = re.sub(r"\[([^\]]+)\]\(([^)#]*)[^)]*\)", _link, paragraph)
    # `**` inside `code` is a power, outside it is emphasis.
    plain = "`".join(part if place % 2 else part.replace("**", "") for place, part in enumerate(plain.split("`")))
    if plain.lstrip().startswith("|"):
        return [plain]
    mark = re.match(r"\s*([-*>]|\d+\.)? *", plain)[0]
    return textwrap.wrap(plain, width, subsequent_indent=" " * len(mark), break_long_words=False,
                         break_on_hyphens=False) or [""]  # fmt: skip


def _link(match):
    """A link as words, with its file where the words do not name it."""
    words, file = match[1], match[2]
    return words if not file or file in words or ":" in file else f"{words} ({file})"


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
