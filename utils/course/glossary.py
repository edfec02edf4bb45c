"""GLOSSARY.md: every word of the course in one sentence, every sign with the way to say it.

python3 -m utils.course.glossary writes it anew from glossary.toml.
"""

import tomllib
from pathlib import Path

from utils.course.catalog import ROOT

SOURCE = Path(__file__).with_suffix(".toml")
TARGET = ROOT / "GLOSSARY.md"


def text():
    """The whole page."""
    data = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    lines = ["# Glossary", "", "One sentence for each word, and for each sign how to say it.", "", "## Words", ""]
    lines += ["| Word | What it means |", "|---|---|"]
    lines += [f"| **{term}** | {meaning} |" for term, meaning in sorted(data["term"].items())]
    lines += ["", "## Signs", "", "| Sign | Say | What it means |", "|---|---|---|"]
    lines += [f"| {sign} | {say} | {meaning} |" for sign, (say, meaning) in data["sign"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
