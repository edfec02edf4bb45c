"""The event log, .learn/events.jsonl: one JSON object a line for each thing the learner asked for; never sent anywhere.

PRIVACY.md lists the fields. `python3 learn.py history --log off` switches it off.
"""

import json
import os
import time
from contextlib import suppress

from utils.course import catalog as places
from utils.course import state

MOST_BYTES = 2**20  # then the file is put aside as events.1.jsonl, in the place of the one put aside before

FIELDS = {
    "when": "date and time in UTC, to the second",
    "event": "what was asked for: check, hint, show, skip, own, reset, undo, predict or why",
    "topic": "number of the topic",
    "level": "level, where the event has one",
    "file": "first twelve digits of the SHA-256 of your file at that moment; the file cannot be read back from it",
    "verdict": "of a check: pass, fail, error or timeout; of own: own, borrowed or shown",
    "passed": "tests that held",
    "failed": "tests that did not hold",
    "steps": "number of steps that hold",
    "diagnosis": "id of the diagnosis, such as accumulate",
    "name": "the name in the skeleton that the check stumbled on, or that the hint is about",
    "rung": "which hint, counted from 1",
    "more": "true if the hint was asked for without a changed file",
    "seconds": "how long the tests took",
    "answers": "of a prediction: the three numbers typed, null where one was skipped",
}


def note(event, **fields):
    """Append one line, unless the log is switched off; a log that cannot be written never stops a command."""
    if state.read("settings").get("events") is False:
        return
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise ValueError(f"PRIVACY.md does not list the fields {sorted(unknown)}")
    entry = {"when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}
    with suppress(OSError):
        _append(places.STATE / "events.jsonl", json.dumps(entry).encode() + b"\n")


def events():
    """Every event that is still kept, oldest first; a line cut short is passed over."""
    found = []
    for name in ("events.1.jsonl", "events.jsonl"):
        with suppress(OSError):
            for line in (places.STATE / name).read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    entry = json.loads(line)
                    if isinstance(entry, dict) and "event" in entry:
                        found.append(entry)
    return found


def _append(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size + len(line) > MOST_BYTES:
            os.replace(path, path.with_name("events.1.jsonl"))
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
    try:
        size = os.fstat(handle).st_size
        if size:
            os.lseek(handle, size - 1, os.SEEK_SET)
            if os.read(handle, 1) != b"\n":  # a command was killed while it wrote: its line stays a line of its own
                line = b"\n" + line
        os.write(handle, line)  # one call: two commands at once cannot mix their lines
    finally:
        os.close(handle)
