"""What has been reached, kept in .learn/: verdicts that know which file they are about, choices, and hints shown.

Everything here can be computed again (`python3 learn.py check --all`); a missing or broken file is an empty one. A
verdict whose key does not match the file as it is now is *stale*, never *done*.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from utils.course import catalog as places

SNAPSHOTS_KEPT = 200


def read(name):
    """The dict in .learn/NAME.json; {} if it is missing or cut short."""
    try:
        data = json.loads((places.STATE / f"{name}.json").read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}
    except (OSError, ValueError):
        return {}


def write(name, data):
    """Replace .learn/NAME.json as a whole: a reader sees the old or the new, never half of either."""
    atomically(places.STATE / f"{name}.json", json.dumps(data, indent=1).encode())


@contextmanager
def updated(name):
    """The dict in .learn/NAME.json, written back at the end; one process at a time."""
    places.STATE.mkdir(parents=True, exist_ok=True)
    with open(places.STATE / "lock", "a+b") as lock:
        _lock(lock)
        data = read(name)
        yield data
        write(name, data)


def atomically(path, content):
    """Write bytes to a temporary file beside `path`, then put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def key_of(topic, path):
    """A hash of everything a verdict depends on: the file, the topic's tests and the judging."""
    digest = hashlib.sha256()
    for file in [path, *sorted(topic.tests.glob("*.py")), places.ROOT / "utils" / "course" / "judging.py"]:
        digest.update(file.read_bytes() if file.exists() else b"missing")
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def record(topic, path, states, stumbled=""):
    """Keep the states of steps ("pass", "fail", "not judged") that a check found, and the name it stumbled on."""
    key = key_of(topic, path)
    with updated("progress") as data:
        entry = data.setdefault(topic.number, {})
        steps = entry.get("steps", {}) if entry.get("key") == key else _demoted(entry.get("steps", {}))
        entry.update(key=key, steps=steps | states, stumbled=stumbled, when=time.time())


def states(topic):
    """(step id -> "pass", "fail", …; whether they are about the learner's file as it is now)."""
    entry = read("progress").get(topic.number, {})
    current = topic.workspace_file.exists() and entry.get("key") == key_of(topic, topic.workspace_file)
    return entry.get("steps", {}), current


def first_open(catalog):
    """The first step on the road that has not passed, or None at the end of the road; what was skipped is passed over.

    A stale pass still says where the learner was; the next check judges it again.
    """
    data, skipped = read("progress"), skipped_topics()
    for step in catalog.road:
        if step.topic in skipped:
            continue
        if _state(data, step) not in ("pass", "stale"):
            return step
    return None


def asked_of(catalog, topic):
    """The steps of a topic that the road has reached: those before the first open step of another topic."""
    data, skipped, reached = read("progress"), skipped_topics(), []
    for step in catalog.road:
        if step.topic == topic.number:
            reached.append(step)
        elif step.topic not in skipped and _state(data, step) not in ("pass", "stale"):
            break
    return tuple(reached)


def topic_at_hand(catalog):
    """The topic that a bare `check` means: the file edited last since its verdict, else the next on the road."""
    edited = [t for t in catalog.ready if t.workspace_file.exists() and not states(t)[1]]
    if edited:
        return max(edited, key=lambda topic: topic.workspace_file.stat().st_mtime)
    step = first_open(catalog)
    return catalog.topic(step.topic) if step else None


def skipped_topics():
    """number -> the return ticket of each skipped topic."""
    return read("settings").get("skipped", {})


def engine(slug):
    """What utils.engine gives for a topic: "stub" or "mine"."""
    return read("settings").get("engines", {}).get(slug, "stub")


def snapshot(path):
    """Keep a copy of a learner's file under the hash of its content; the copy's path, None without a file."""
    if not path.exists():
        return None
    content = path.read_bytes()
    kept = places.STATE / "snapshots" / f"{path.stem}-{hashlib.sha256(content).hexdigest()[:12]}.py"
    if not kept.exists():
        atomically(kept, content)
        _prune(kept.parent, path.stem)
    return kept


def _prune(folder, stem):
    copies = sorted(folder.glob(f"{stem}-*.py"), key=lambda file: file.stat().st_mtime)
    for old in copies[:-SNAPSHOTS_KEPT]:
        old.unlink(missing_ok=True)


def start(source, target):
    """Copy `source` to `target` unless there is a file already; True if it was copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return False
    atomically(target, source.read_bytes())
    shutil.copymode(source, target)
    return True


def _state(data, step):
    return data.get(step.topic, {}).get("steps", {}).get(step.id)


def _demoted(steps):
    # Passed once, with another version of the file: the place on the road stays, the claim does not.
    return {id: "stale" if state in ("pass", "stale") else "open" for id, state in steps.items()}


def _lock(stream):
    """Wait for the advisory lock; where the system has none, writing atomically has to do."""
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX)
    except ImportError:
        import msvcrt

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
