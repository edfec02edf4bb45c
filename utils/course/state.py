"""The files in .learn/: small JSON dicts that are replaced as a whole, by one process at a time.

A command may be killed at any moment and the disk may be full. Then the old content stays; a file that was cut short
by something else counts as its last good version, or as empty.
"""

import json
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.course import catalog as places

LOCK_PATIENCE = 10.0  # seconds to wait for another command that holds the lock
LEFTOVER_AGE = 60.0  # seconds after which a temporary file can only come from a command that was killed


class Busy(OSError):
    """Another command of the course has kept the lock for too long."""


class Changed(Exception):
    """The file was saved by somebody else in the meantime, and was left as it is."""


def read(name):
    """The dict in .learn/NAME.json, else its last good version, else {}."""
    for path in (places.STATE / f"{name}.json", places.STATE / f"{name}.before.json"):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, dict):
            return data
    return {}


def write(name, data):
    """Replace .learn/NAME.json as a whole: a reader sees the old or the new, never half of either."""
    path = places.STATE / f"{name}.json"

    def put_aside():
        with suppress(OSError, ValueError):
            if isinstance(json.loads(path.read_text(encoding="utf-8")), dict):  # never a broken one over a good one
                os.replace(path, path.with_name(f"{name}.before.json"))
        return True

    atomically(path, json.dumps(data, indent=1).encode(), still=put_aside)


@contextmanager
def updated(name):
    """The dict in .learn/NAME.json, written back at the end if it was changed; one process at a time.

    Raises Busy after LOCK_PATIENCE seconds.
    """
    places.STATE.mkdir(parents=True, exist_ok=True)
    with open(places.STATE / "lock", "a+b") as lock:
        _lock(lock)
        data = read(name)
        before = json.dumps(data)
        yield data
        if json.dumps(data) != before:
            write(name, data)


def atomically(path, content, *, still=lambda: True, durable=False):
    """Write bytes to a temporary file beside `path`, then put it in its place; a link is followed, rights are kept.

    `still` is asked just before: if it says no, Changed is raised and nothing happens. `durable`: it is on the disk
    when this returns, also if the power fails then; that costs some ten milliseconds.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        with open(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        with suppress(OSError):
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        if not still():
            raise Changed(path.name)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sweep(path)


def _sweep(path):
    """Remove what a killed command left behind beside `path`."""
    for old in path.parent.glob(f".{path.name}.*.new"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LEFTOVER_AGE:
                old.unlink()


def _lock(stream):
    """Wait for the advisory lock; where the system has none, writing atomically has to do."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        def attempt():
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:

        def attempt():
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    end = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > end:
                raise Busy(0, "Another learn.py command is still at work", str(places.STATE / "lock")) from None
            time.sleep(0.01)
