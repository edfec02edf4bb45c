"""What can be wrong around the course, each with the command that mends it."""

import importlib.metadata
import json
import os
import shutil
import sys
from dataclasses import dataclass

from utils.course import catalog as places
from utils.course import events, progress, updating

LEAST_FREE = 200 * 2**20  # bytes


@dataclass(frozen=True)
class Finding:
    """One thing: whether it is in order, what was found, and what mends it."""

    fine: bool
    what: str
    mend: str = ""


def findings():
    """All Findings, those that are in order among them."""
    return [*_python(), *_packages(), *_folders(), *_workspace(), *_state(), *_surroundings()]


def _python():
    version = ".".join(map(str, sys.version_info[:3]))
    fine = (3, 11) <= sys.version_info[:2]
    yield Finding(fine, f"Python {version}", "Install Python 3.11 or newer from https://www.python.org/downloads")


def _packages():
    for line in (places.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        name = line.split("#")[0].strip().split("=")[0].split("<")[0].split(">")[0]
        if not name or name.startswith("-"):
            continue
        try:
            yield Finding(True, f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if name == "torch":
                yield Finding(True, "torch is not installed; level 4 brings it when it is first asked for")
            else:
                yield Finding(False, f"{name} is not installed", f'"{sys.executable}" -m pip install {name}')


def _folders():
    for folder in (places.WORKSPACE, places.STATE):
        there = folder if folder.exists() else folder.parent
        mend = f'chmod u+rwx "{there}"' if os.name == "posix" else f'icacls "{there}" /grant "%USERNAME%":F'
        yield Finding(os.access(there, os.W_OK), f"{folder.name}/ can be written to" if os.access(there, os.W_OK)
                      else f"{folder} cannot be written to", mend)  # fmt: skip
    free = shutil.disk_usage(places.HOME if places.HOME.exists() else places.ROOT).free
    yield Finding(free >= LEAST_FREE, f"{free // 2**20:,} MB are free on the disk", "Delete what you no longer need.")


def _workspace():
    if not places.WORKSPACE.is_dir():
        return
    own = {topic.workspace_file.name for topic in places.catalog().ready}
    for path in sorted(places.WORKSPACE.glob("*.py")):
        if path.stem in sys.stdlib_module_names and path.name not in own:
            yield Finding(False, f"{path.name} in workspace/ hides Python's own module {path.stem}",
                          f'mv "{path}" "{path.with_stem("my_" + path.stem)}"')  # fmt: skip
    for topic in places.catalog().ready:
        for sentence in updating.contract_changes(topic):
            yield Finding(False, f"Topic {topic.number}: {sentence}", "python3 learn.py update --seen")


def _state():
    for name in ("settings", "progress", "hints", "predictions"):
        path = places.STATE / f"{name}.json"
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            mend = "python3 learn.py check --all" if name == "progress" else f'rm "{path}"'
            yield Finding(False, f"{path.name} was cut short; its last good version is used", mend)
    current = [topic for topic in places.catalog().ready if topic.workspace_file.exists()]
    stale = [topic.number for topic in current if progress.states(topic)[0] and not progress.states(topic)[1]]
    if stale:
        yield Finding(True, f"Topics {', '.join(stale)}: the file or the tests have changed since the last check; "
                            "python3 learn.py check --all judges them")  # fmt: skip
    yield Finding(True, f"{len(events.events())} lines are in the event log")


def _surroundings():
    for variable in ("COURSE_ENGINE", "COURSE_PATIENCE", "PYTHONSTARTUP", "PYTHONOPTIMIZE"):
        if os.environ.get(variable):
            unset = f"unset {variable}" if os.name == "posix" else f"set {variable}="
            yield Finding(False, f"The environment variable {variable} is set and changes what Python does", unset)
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    mend = "export PYTHONIOENCODING=utf-8" if os.name == "posix" else "set PYTHONIOENCODING=utf-8"
    yield Finding(encoding == "utf8", f"The screen's encoding is {encoding or 'unknown'}", mend)
    if shutil.which("dot"):
        yield Finding(True, "Graphviz's program dot is here, for pictures")
    else:
        yield Finding(True, "Graphviz's program dot is not here; pictures come as text")
