"""Bringing a newer course: its files are replaced, the learner's never touched, and changed contracts are shown."""

import ast
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from utils.course import catalog as places
from utils.course import contract
from utils.course.state import atomically, updated

# Where a file that a newer course lacks is obsolete.
OURS = ("topics", "utils", "scripts", "tests", "hints", "solutions")
# What belongs to the learner, or to this machine.
UNTOUCHED = ("workspace", ".learn", ".venv", ".git", "wheelhouse", ".benchmarks", "__pycache__", "build")
MOST_BYTES = 200 * 2**20


class NotACourse(ValueError):
    """What was given cannot be used to update from; the text says why."""


@dataclass(frozen=True)
class Updated:
    """How many files of the course were replaced or added, and where changed ones of this copy are kept."""

    changed: int
    kept: Path | None


def from_git(root=None):
    """What `git pull --ff-only` says at its end. Raises NotACourse with the remedy where it cannot."""
    root = root or places.ROOT
    if not (root / ".git").exists():
        raise NotACourse("This copy did not come by git. Download the newer one, then: "
                         "python3 learn.py update --from FOLDER_OR_ZIP")  # fmt: skip
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "pull", "--ff-only"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=300, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise NotACourse("git is not here, or its server does not answer. Try again with a network.") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise NotACourse(f"git could not update this copy: {last[0]}")
    return (done.stdout.strip().splitlines() or ["Up to date."])[-1]


def from_copy(source, root=None):
    """Replace the files of this course by those of a folder or a zip file; an Updated.

    Each file is replaced as a whole, learn.py last, so that a command which is killed leaves a course that can be
    updated again. A file of the course that somebody has changed is kept in .learn/replaced/ first.
    """
    root = root or places.ROOT
    files = _files_of(Path(source))
    if "learn.py" not in files or "topics/catalog.toml" not in files:
        raise NotACourse(f"{source} holds no copy of this course: learn.py or topics/catalog.toml is not in it.")
    changed, kept = 0, None
    for name in sorted(files, key=lambda name: (name == "learn.py", name)):
        target, content = root / name, files[name]()
        before = target.read_bytes() if target.is_file() else None
        if before == content:
            continue
        if before is not None:
            kept = places.STATE / "replaced"
            atomically(kept / name, before)
        atomically(target, content, durable=True)
        changed += 1
    for path in [path for folder in OURS for path in (root / folder).rglob("*") if path.is_file()]:
        name = path.relative_to(root).as_posix()
        if _belongs(name) and name not in files:
            kept = places.STATE / "replaced"
            atomically(kept / name, path.read_bytes())
            path.unlink()
            changed += 1
    return Updated(changed, kept)


def _files_of(source):
    """path inside the course -> a function that reads it; nothing outside the course, nothing of a learner."""
    if source.is_dir():
        inside = {path.relative_to(source).as_posix(): path.read_bytes for path in source.rglob("*") if path.is_file()}
    elif zipfile.is_zipfile(source):
        archive = zipfile.ZipFile(source)
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise NotACourse(f"{source} is too large to be a copy of this course.")
        top = {entry.filename.split("/")[0] for entry in entries}
        prefix = f"{top.pop()}/" if len(top) == 1 else ""
        inside = {entry.filename.removeprefix(prefix): (lambda entry=entry: archive.read(entry)) for entry in entries}
    else:
        raise NotACourse(f"{source} is neither a folder nor a zip file.")
    return {name: read for name, read in inside.items() if _belongs(name)}


def _belongs(name):
    parts = name.replace("\\", "/").split("/")
    return not (set(parts) & set(UNTOUCHED) or ".." in parts or "" in parts or ":" in name or name.endswith(".pyc"))


def contract_changes(topic):
    """How the skeleton of a topic differs from the one that was copied for the learner, one sentence each."""
    path = places.STATE / "skeletons" / topic.workspace_file.name
    if not topic.workspace_file.exists() or not path.exists():
        return []
    try:
        before, now = (
            contract.definitions(ast.parse(file.read_text(encoding="utf-8"))) for file in (path, topic.skeleton)
        )
    except (SyntaxError, OSError):
        return []
    found = [f"`{name}` is new." for name in now if name not in before]
    found += [f"`{name}` is no longer asked for." for name in before if name not in now]
    for name in now.keys() & before.keys():
        old, new = before[name], now[name]
        if old and new and (old.least, old.most) != (new.least, new.most):
            arguments = "argument" if new.least == 1 else "arguments"
            found.append(f"`{name}` takes {new.least} {arguments} now; it took {old.least}.")
    return sorted(found)


def accept_contracts():
    """The learner has seen the changes: compare with the skeletons of today from now on."""
    with updated("settings"):  # one process at a time
        for topic in places.catalog().ready:
            path = places.STATE / "skeletons" / topic.workspace_file.name
            if path.exists():
                atomically(path, topic.skeleton.read_bytes())
