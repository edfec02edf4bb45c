"""A learner's work in one file, to be carried to another machine or kept where a hosted notebook forgets it."""

import io
import json
import re
import zipfile
from dataclasses import dataclass

from utils.course import catalog as places
from utils.course import snapshots
from utils.course.state import atomically, updated, write

STATES = ("progress", "settings", "hints", "predictions", "reviews", "catch")
FORM = re.compile(
    r"workspace/(hunt/)?[\w.-]+\.(py|md|txt|json)|state/[a-z]+\.json|events\.jsonl|snapshots/[\w.-]+-[0-9a-f]{12}\.(py|md)"
)
MOST_BYTES = 100 * 2**20


class NotAnExport(ValueError):
    """The file was not made by `export`, or was damaged; the text says so."""


@dataclass(frozen=True)
class Carried:
    """What an import brought: files of the learner, kept versions."""

    files: tuple
    versions: int


def pack():
    """The bytes of a zip file with workspace/, the states, the versions and the event log."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("course.json", json.dumps({"course": places.catalog().title, "format": 1}))
        files = sorted(places.WORKSPACE.glob("*")) + sorted(places.WORKSPACE.glob("hunt/*"))
        sources = [(path, path.relative_to(places.HOME).as_posix()) for path in files]
        sources += [(places.STATE / f"{name}.json", f"state/{name}.json") for name in STATES]
        sources += [(path, f"snapshots/{path.name}") for path in sorted((places.STATE / "snapshots").glob("*"))]
        sources += [(places.STATE / "events.jsonl", "events.jsonl")]
        for path, name in sources:
            if path.is_file() and FORM.fullmatch(name):
                archive.write(path, name)
    return memory.getvalue()


def unpack(content):
    """Put an export in place; a Carried. Files that are here and differ are kept as versions; `undo` brings them back.

    Raises NotAnExport, and then nothing has been changed.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
            raise NotAnExport("This file is too large to be an export of the course.")
        if json.loads(archive.read("course.json")).get("format") != 1:
            raise NotAnExport(
                "This export was made by another version of the course. Update the course, then try again."
            )
        found = {name: archive.read(name) for name in archive.namelist() if FORM.fullmatch(name)}
        states = {name[6:-5]: json.loads(data) for name, data in found.items() if name.startswith("state/")}
    except NotAnExport:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, AttributeError, EOFError):
        raise NotAnExport("This file was not made by export, or it was damaged on its way.") from None
    versions = 0
    for name, data in found.items():
        if name.startswith("snapshots/") and not (places.STATE / name).exists():
            atomically(places.STATE / name, data)
            versions += 1
    files = tuple(name[10:] for name in found if name.startswith("workspace/"))
    for name in files:
        snapshots.replace(places.WORKSPACE / name, found[f"workspace/{name}"])
    for name, data in states.items():
        if name in STATES and isinstance(data, dict):
            with updated("import-lock"):
                write(name, data)
    if "events.jsonl" in found and not (places.STATE / "events.jsonl").exists():
        atomically(places.STATE / "events.jsonl", found["events.jsonl"])
    return Carried(files, versions)
