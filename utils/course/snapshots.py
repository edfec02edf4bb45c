"""Copies of the learner's files, kept under the hash of their content in .learn/snapshots/.

Nothing that the learner wrote is overwritten or deleted by the course before a copy of it lies here.
"""

import hashlib
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from utils.course import catalog as places
from utils.course.state import Changed, atomically

MOST = 200  # copies of one file
MOST_BYTES = 20 * 2**20  # of one file's copies together
ALWAYS = 10  # the last ones are kept whatever they weigh


@dataclass(frozen=True)
class Version:
    """One kept version of a file, with the time at which it was last the current one."""

    digest: str
    when: float
    path: Path

    @property
    def content(self):
        return self.path.read_bytes()


def digest_of(content):
    """The name under which a content is kept: twelve hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:12]


def keep(path, content=None, *, durable=False):
    """Keep what is in the file, or `content` as a version of it; the copy's path, None without a file.

    Raises OSError where it cannot be kept.
    """
    path = Path(path)
    if content is None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    kept = _folder() / f"{path.stem}-{digest_of(content)}{path.suffix}"
    known = versions(path)
    if known and known[-1].path == kept and known[-1].content == content:
        return kept
    if not kept.exists() or kept.read_bytes() != content:
        atomically(kept, content, durable=durable)
    # The order of versions is the order of these times, also where the clock of the machine goes backwards.
    now = max(time.time_ns(), known[-1].path.stat().st_mtime_ns + 1 if known else 0)
    os.utime(kept, ns=(now, now))
    _prune(path)
    return kept


def present(path):
    """The digest of the file as it is now, "" without a file."""
    content = _content(path)
    return "" if content is None else digest_of(content)


def versions(path):
    """Every kept Version of a file, oldest first."""
    path = Path(path)
    form = re.compile(re.escape(path.stem) + r"-([0-9a-f]{12})" + re.escape(path.suffix))
    found = []
    for kept in _folder().glob(f"{path.stem}-*{path.suffix}"):
        match = form.fullmatch(kept.name)
        if match:
            found.append((kept.stat().st_mtime_ns, Version(match[1], kept.stat().st_mtime, kept)))
    return [version for _, version in sorted(found, key=lambda pair: pair[0])]


def find(path, text):
    """The Version that a person means by its number in `history` or by the beginning of its letters; else None."""
    known = versions(path)
    if text.isdigit() and 1 <= int(text) <= len(known):
        return known[int(text) - 1]
    found = [version for version in known if len(text) >= 4 and version.digest.startswith(text)]
    return found[0] if len(found) == 1 else None


def replace(path, content):
    """Put `content` in the place of a file, after keeping what is there; both are versions of it then."""
    for _ in range(100):
        before = _content(path)
        if before == content:
            return
        if before is not None:
            keep(path, before, durable=True)
        keep(path, content)
        try:
            return atomically(path, content, durable=True, still=lambda before=before: _content(path) == before)
        except Changed:
            continue  # saved in this very moment: keep that version too, then try again
    raise Changed(path.name)


def go_back(path, to=None):
    """Bring back the version before the present one, or `to`; the Version, None if there is no earlier one.

    Going back twice goes back further. A present content that is not kept yet is kept first.
    """
    before = _content(path)
    known = versions(path)
    if before is not None and digest_of(before) not in {version.digest for version in known}:
        keep(path, before, durable=True)
        known = versions(path)
    wanted = to
    if wanted is None:
        digests = [version.digest for version in known]
        place = digests.index(digest_of(before)) if before is not None else len(known)
        if place == 0:
            return None
        wanted = known[place - 1]
    # The order of the versions stays as it is, or going back again would come back here.
    atomically(path, wanted.content, durable=True, still=lambda: _content(path) == before)
    return wanted


def _content(path):
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


def _folder():
    return places.STATE / "snapshots"


def _prune(path):
    """Forget the oldest versions beyond the bounds, never the last ten."""
    known = versions(path)
    total = sum(version.path.stat().st_size for version in known)
    for number, version in enumerate(known[:-ALWAYS]):
        if len(known) - number <= MOST and total <= MOST_BYTES:
            return
        total -= version.path.stat().st_size
        with suppress(OSError):
            version.path.unlink()
