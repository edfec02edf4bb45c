"""The claims of the course that can be checked without running a candidate's tests: files, contracts, keys, texts.

Each function returns findings, one sentence each; an empty list means that the claim holds.
"""

import inspect
import re
import shlex
import subprocess
from collections import Counter
from pathlib import Path

from utils.course import contract, hinting, mutants, texts
from utils.course.catalog import ROOT, TOPICS, CatalogError
from utils.course.loading import load

FILES = (
    "README.md", "intuition.md", "math-refresh.md", "questions.md", "notes.md", "skeleton.py", "visualization.py",
    "hints/", "solutions/", "tests/test_basic.py", "tests/test_edge.py", "tests/test_stress.py",
)  # fmt: skip
NOT_OF_A_HUNT = {"math-refresh.md"}  # its mathematics is that of the topics whose bugs are hunted
# What a topic's folder may hold besides.
ALSO = (
    "hints/hint-*.md", "solutions/level0*-*.py", "solutions/further/*.py", "tests/test_exercises.py", "tests/record.py",
    "tests/recorded.json", "tests/test_catches.py", "signatures.json", "predictions.toml", "exercises.md", "nn.py",
    "train.py", "ngram.py", "recorded.json", "first_fit.py", "data/*", "pictures.toml", "pictures/*.svg",
    "pictures/*.html", "cases.py", "answers.py", "statements.toml",
)  # fmt: skip
README_SECTIONS = (
    "Why anyone should care", "Objectives", "Key concepts", "Files", "Success criteria", "When to use the escape hatch",
    "Related topics", "Key insight", "What changes when you go back to PyTorch",
)  # fmt: skip
SOURCES = ("*.md", "topics/**/*.md", "hints/*.md", "solutions/*.md", "benchmarks/**/*.md")


def file_findings(catalog):
    """Folders against the catalogue: nothing missing, nothing that is not known."""
    found = []
    folders = {topic.folder.name for topic in catalog.ready}
    for folder in sorted(path.name for path in TOPICS.iterdir() if path.is_dir() and path.name != "__pycache__"):
        if folder not in folders:
            found.append(f"topics/{folder} is not in topics/catalog.toml as a ready topic.")
    for topic in catalog.ready:
        found += lacks(topic)
        if topic.minutes != sum(step.minutes for step in topic.steps):
            found.append(f"Topic {topic.number} says {topic.minutes} minutes; its steps sum to another number.")
        found += [f"Topic {topic.number}: {name} is a stray file." for name in _strays(topic)]
    return found + _map_findings()


def _map_findings():
    """The map of the machinery names each of its modules once."""
    here = Path(__file__).parent
    modules = {path.stem for path in here.glob("*.py")} - {"__init__"} | {"template"}
    rows = [line for line in (here / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = Counter(re.findall(r"`(\w+)`", "\n".join(rows)))
    wrong = sorted(name for name in modules | set(named) if named[name] != (name in modules))
    return [f"utils/course/README.md must name {name} once, if there is such a module." for name in wrong]


def lacks(topic):
    """What a topic's folder does not hold yet."""
    needed = [name for name in FILES if topic.kind != "hunt" or name not in NOT_OF_A_HUNT]
    found = [f"Topic {topic.number} lacks {name}." for name in needed if not (topic.folder / name).exists()]
    for level in (1, 2, 3, 4):
        try:
            topic.solution(level)
        except CatalogError as error:
            found.append(str(error))
    if len(hinting.hint_files(topic)) < 3:
        found.append(f"Topic {topic.number} has {len(hinting.hint_files(topic))} hint files; three are needed.")
    return found


def contract_findings(topic):
    """Every level offers its own names and those below, callable as in the skeleton."""
    found = []
    wanted = contract.definitions(contract.read(topic.skeleton)[0])
    for level in (1, 2, 3):
        try:
            module = load(topic.solution(level))
        except (CatalogError, OSError):
            continue  # file_findings says so
        for name in topic.names_upto(level):
            if name not in wanted:
                found.append(f"Topic {topic.number}: the catalogue names {name}, the skeleton does not define it.")
                continue
            thing = module
            for part in name.split("."):
                thing = getattr(thing, part, None)
            if thing is None:
                found.append(f"Topic {topic.number}, level {level}: {name} is missing.")
            elif wanted[name] and not _callable_as(thing, wanted[name], method="." in name):
                found.append(f"Topic {topic.number}, level {level}: {name} cannot be called as the skeleton says.")
    return found


def key_findings(topic, rows):
    """One key, the name in the skeleton: tests, hint headings and steps all use it, and none is forgotten."""
    found, names = [], set(topic.names_upto(4))
    defined = contract.definitions(contract.read(topic.skeleton)[0])
    for heading in sorted(hinting.headings(topic) - set(defined)):
        found.append(f"Topic {topic.number}: a hint has the heading {heading}, which the skeleton does not define.")
    for name in sorted(names - hinting.headings(topic)):
        found.append(f"Topic {topic.number}: there is no hint about {name}.")
    for row in rows:
        if row["level"] and not row["step"]:
            found.append(f"Topic {topic.number}: {row['test']} belongs to no step.")
        if row["level"] and row["about"] not in defined:
            found.append(f"Topic {topic.number}: {row['test']} is about {row['about']}, which is not in the skeleton.")
    tested = {row["step"] for row in rows}
    found += [f"Topic {topic.number}: no test judges the step {s.id}." for s in topic.steps if s.id not in tested]
    about = {row["about"] for row in rows}
    found += [f"Topic {topic.number}: no test is about {name}." for name in sorted(names - about)]
    return sorted(set(found))


def text_findings(catalog):
    """README sections, links, quoted commands, and the topic table of the front page."""
    found = []
    for topic in catalog.ready:
        readme = topic.folder / "README.md"
        if not readme.exists():
            continue
        titles = [title for _, title in texts.headings(readme.read_text(encoding="utf-8"))]
        for step in topic.steps:
            if f"{step.id}: {step.title}" not in titles:
                found.append(f"Topic {topic.number}: README.md has no section `### {step.id}: {step.title}`.")
        for section in README_SECTIONS:
            if section not in titles:
                found.append(f"Topic {topic.number}: README.md has no section {section!r}.")
    for path in markdown_files():
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        found += [f"{name}: the link to {link} leads nowhere." for link in _broken_links(path, text)]
        found += [f"{name}: `{command}` is no command of learn.py." for command in _unknown_commands(text)]
    front = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""
    if topic_table(catalog) not in front:
        found.append(
            "README.md: the topic table differs from the catalogue; python3 scripts/maintain.py table prints it."
        )
    return found


def page_findings(catalog):
    """Every diagnosis to which a planted mistake leads has its page, hints/<diagnosis>.md."""
    found = []
    for topic in catalog.ready:
        ids = {mutant.diagnosis for mutant in mutants.mutants_of(topic)}
        found += [f"Topic {topic.number}: no page hints/{id}.md." for id in sorted(ids) if not hinting.page(id)]
    return found


def topic_table(catalog):
    """The table of topics on the front page."""
    lines = ["| | Topic | Time | |", "|---|---|---|---|"]
    for topic in sorted(catalog.topics, key=lambda topic: topic.number):
        if topic.status == "ready":
            title = f"[{topic.title}](topics/{topic.folder.name}/README.md)"
            hours = f"{topic.minutes // 60} h {topic.minutes % 60:02} min"
            lines.append(f"| {topic.number} | {title} | {hours} | {topic.difficulty} |")
    return "\n".join(lines)


def markdown_files():
    """Every Markdown file that the repository tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return sorted(ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists())
    return sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)})  # unpacked from an archive


def commands_in(text):
    """The argument lists of every `python3 learn.py …` that a text quotes in code."""
    quoted = [b.text for b in texts.blocks(text) if b.info.split(" ")[0] in ("console", "text", "")]
    quoted += re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text))
    found = []
    for piece in quoted:
        for line in piece.splitlines():
            match = re.match(r"\s*(?:\$ )?python3 learn\.py\b(.*)", line)
            if match:
                found.append(shlex.split(match[1].split("#")[0]))
    return found


def _unknown_commands(text):
    from scripts.__main__ import COMMANDS

    bad = []
    for words in commands_in(text):
        if words and not words[0].startswith(("-", "<", "COMMAND")) and words[0] not in COMMANDS:
            bad.append("python3 learn.py " + " ".join(words))
    return bad


def _broken_links(path, text):
    text = re.sub(r"(?ms)^```.*?^```", "", text)
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)", text)
    for link in (first or second for first, second in links):
        target = link.split("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
            yield link


def _strays(topic):
    known = {topic.folder / name for name in FILES}
    known |= {path for pattern in ALSO for path in topic.folder.glob(pattern)}
    for path in sorted(topic.folder.rglob("*")):
        if path.is_file() and path not in known and "__pycache__" not in path.parts:
            yield path.relative_to(topic.folder).as_posix()


def _callable_as(thing, wanted, *, method):
    if inspect.isclass(thing):
        return True
    try:
        inspect.signature(thing).bind(*[None] * (wanted.least + (1 if method else 0)))
    except (TypeError, ValueError):
        return False
    return True
