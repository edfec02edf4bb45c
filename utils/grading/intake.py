"""What was handed in: folders, zip files or a table of both, read without unpacking or running anything.

Only files named in the catalogue are taken. What is refused is named, with the reason.
"""

import csv
import hashlib
import json
import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from utils.course import hunting
from utils.course.catalog import catalog

MOST_BYTES = 256 << 10  # of one file
MOST_ENTRIES = 5000  # of one folder or archive
MOST_ARCHIVE = 50 << 20  # bytes of one zip file
DEEPEST = 4  # folders
SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", "topics", "tests", "utils", "scripts", "solutions"}
# Files with which Python or pytest would run something unasked; they are not taken, and that they came is reported.
DANGEROUS = {"conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", "tox.ini", "setup.cfg"}
TOLD = {"submission.json": 256 << 10, "events.jsonl": 3 << 20}  # of `learn.py submit`, with the bytes they may have
ENDINGS = {".pth", ".so", ".pyd", ".dll", ".dylib", ".pyc", ".pkl", ".pickle"}
HUNTED = (
    "bug_hunt.py", "cases.json",
    *(f"{step.about[0]}-{place}.py" for step in hunting.hunts() for place in range(1, hunting.CASES + 1)),
)  # fmt: skip


class NoSubmissions(ValueError):
    """The folder or table holds nothing that could be graded; the text says what was looked for."""


@dataclass
class Submission:
    """What one person handed in."""

    student: str
    origin: str
    files: dict = field(default_factory=dict)  # number of the topic -> bytes of its file
    hunt: dict = field(default_factory=dict)  # "bug_hunt.py", "cases.json", "engines-1.py" … -> bytes
    line_up: int = 0  # the seed of `catch`, as an archive of `learn.py submit` names it
    refused: list = field(default_factory=list)  # (name, why)
    borrowed: tuple = ()  # topics that an archive of `learn.py submit` names as borrowed: what the learner says
    log: dict = field(default_factory=dict)  # topic -> {"check": how often, "hint": how often}, if the log went along

    def content(self, number):
        """The SHA-256 of the file of a topic."""
        return hashlib.sha256(self.files[number]).hexdigest()


def collect(place, single=False):
    """The Submissions in a folder (each of its folders and zip files is one) or in a CSV table, by name of student.

    Raises NoSubmissions. `single`: the folder or zip file is one submission.
    """
    place = Path(place)
    if single:
        return [read(place, place.stem or "submission")]
    if place.is_file() and place.suffix.lower() == ".csv":
        found = [read(path, student) for student, path in _table(place)]
    elif place.is_dir():
        entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
        found = [read(entry, _student(entry)) for entry in entries if entry.is_dir() or _is_zip(entry)]
    else:
        raise NoSubmissions(f"{place} is neither a folder nor a CSV file.")
    if not found:
        raise NoSubmissions(f"{place} holds no folder and no zip file. For one submission alone: --single")
    names = [one.student for one in found]
    for one in found:  # ada.zip and ada/ are two people until somebody says otherwise
        if names.count(one.student) > 1:
            one.student = f"{one.student} ({Path(one.origin).name})"
    return sorted(found, key=lambda one: one.student)


def _table(path):
    """(student, path) of each row of a CSV table with these two columns; paths are relative to the table."""
    with open(path, newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        if not {"student", "path"} <= set(rows.fieldnames or ()):
            raise NoSubmissions(f"{path.name} needs the columns student and path.")
        return [(_printable(row["student"]), path.parent / row["path"]) for row in rows]


def read(place, student):
    """The Submission in a folder or zip file; one that cannot be read has nothing but a reason."""
    found = Submission(student, str(place))
    try:
        if place.is_symlink():
            found.refused.append((place.name, "a link"))
        elif place.is_dir():
            _from_folder(place, found)
        elif place.is_file():
            _from_zip(place, found)
        else:
            found.refused.append((place.name, "it is not there"))
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, MemoryError) as error:
        found.refused.append((_printable(place.name), f"it cannot be read: {_printable(str(error))[:120]}"))
    except Exception as error:  # zlib, lzma and struct have exceptions of their own
        found.refused.append((_printable(place.name), f"it cannot be read: {type(error).__name__}"))
    return found


def _from_folder(folder, found):
    candidates, count = {}, 0
    for place, folders, files in os.walk(folder, followlinks=False):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if name not in SKIPPED and depth < DEEPEST)
        for name in [*folders]:
            if os.path.islink(os.path.join(place, name)):
                found.refused.append((_printable(name), "a link"))
                folders.remove(name)
        for name in sorted(files):
            count += 1
            if count > MOST_ENTRIES:
                found.refused.append(("…", f"more than {MOST_ENTRIES} files; the rest was not looked at"))
                return _take(candidates, found)
            path = Path(place, name)
            inner = path.relative_to(folder)
            topic = _key_of(inner)
            if _is_dangerous(name):
                found.refused.append((_printable(inner.as_posix()), "not taken: Python would run or load it unasked"))
            if topic is None:
                continue
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                found.refused.append((_printable(inner.as_posix()), "a link, or no file"))
            elif status.st_size > MOST_BYTES:
                found.refused.append((_printable(inner.as_posix()), f"larger than {MOST_BYTES} bytes"))
            else:
                # No link is followed, should one have been put there since.
                handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
                with open(handle, "rb") as stream:
                    candidates.setdefault(topic, []).append((inner.as_posix(), stream.read(MOST_BYTES)))
    _take(candidates, found)
    return None


def _told(name, content, found):
    """Keep what an archive of `learn.py submit` says about itself, as far as it has the form it should have."""
    known = {topic.number for topic in catalog().ready}
    try:
        if name == "submission.json":
            told = json.loads(content)
            found.borrowed = tuple(sorted(known & {str(number) for number in told["borrowed"]}))
            found.line_up = int((told.get("catch") or {}).get("seed") or 0)
            return
        for line in content.decode("utf-8", "replace").splitlines():
            entry = json.loads(line)
            if entry.get("topic") in known and entry.get("event") in ("check", "hint", "show", "skip"):
                counts = found.log.setdefault(entry["topic"], {})
                counts[entry["event"]] = counts.get(entry["event"], 0) + 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found.refused.append((name, "it has not the form that `learn.py submit` gives it"))


def _from_zip(path, found):
    if path.stat().st_size > MOST_ARCHIVE:
        found.refused.append((_printable(path.name), f"larger than {MOST_ARCHIVE} bytes"))
        return
    candidates = {}
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            found.refused.append((_printable(path.name), f"more than {MOST_ENTRIES} entries"))
            return
        for entry in entries:
            inner = PurePosixPath(entry.filename.replace("\\", "/"))
            name = _printable(entry.filename)
            if entry.is_dir():
                continue
            if inner.is_absolute() or ".." in inner.parts or ":" in entry.filename:
                found.refused.append((name, "a path that leads out of the archive"))
                continue
            if _is_dangerous(inner.name):
                found.refused.append((name, "not taken: Python would run or load it unasked"))
            if entry.filename in TOLD and entry.file_size <= TOLD[entry.filename]:
                with archive.open(entry) as stream:
                    _told(entry.filename, stream.read(TOLD[entry.filename]), found)
                continue
            if SKIPPED & set(inner.parts[:-1]) or len(inner.parts) > DEEPEST + 1 or _key_of(inner) is None:
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                found.refused.append((name, "a link"))
            elif entry.flag_bits & 1:
                found.refused.append((name, "it is encrypted"))
            elif entry.file_size > MOST_BYTES:
                found.refused.append((name, f"larger than {MOST_BYTES} bytes"))
            else:
                with archive.open(entry) as stream:  # the size that is announced may be a lie
                    content = stream.read(MOST_BYTES + 1)
                if len(content) > MOST_BYTES:
                    found.refused.append((name, f"larger than {MOST_BYTES} bytes"))
                else:
                    candidates.setdefault(_key_of(inner), []).append((inner.as_posix(), content))
    _take(candidates, found)


def _take(candidates, found):
    """Of several files of one name: the one in workspace/, else the one nearest to the top; two equals are refused."""
    for topic, places in sorted(candidates.items()):
        best = min(map(_rank, places))
        first, *others = sorted(place for place in places if _rank(place) == best)
        others = [place for place in others if place[1] != first[1]]
        if others:
            names = ", ".join(_printable(name) for name, _ in [first, *others])
            found.refused.append((names, "two different files for one topic"))
        elif topic in HUNTED:
            found.hunt[topic] = first[1]
        else:
            found.files[topic] = first[1]


def _rank(place):
    folders = place[0].split("/")
    return ("workspace" not in folders, len(folders))


def _key_of(path):
    """What a file is by its name: the number of its topic, its place in a hunt, or None for any other file.

    A hunt has other bugs for every learner, so its files are kept apart: `grade.py hunts` judges them.
    """
    if path.name in HUNTED:
        return path.name if path.name == HUNTED[0] or path.parent.name == "hunt" else None
    topics = (topic for topic in catalog().ready if topic.kind != "hunt")
    return next((topic.number for topic in topics if path.name == f"{topic.module}.py"), None)


def _is_dangerous(name):
    return name.lower() in DANGEROUS or Path(name).suffix.lower() in ENDINGS


def _is_zip(path):
    return path.is_file() and not path.is_symlink() and path.suffix.lower() == ".zip"


def _student(path):
    return _printable(path.stem if path.suffix.lower() == ".zip" else path.name)


def _printable(text):
    """A name as it may stand in a report: no control characters, at most 120 characters."""
    text = str(text).encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "?" for c in text)[:120] or "?"
