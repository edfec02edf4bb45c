"""Watching: seeing that a file was saved, whatever the editor and the file system, and judging it at once.

A file is looked at twenty times a second. That is as quick as being told by the system, costs next to nothing, and
works on network drives and in containers, where systems do not tell.
"""

import os
import time

from utils.course import attempts, progress
from utils.course.running import Superseded
from utils.course.snapshots import digest_of
from utils.course.standby import Standby

POLL = 0.05  # seconds between two looks
YOUNG = 2.0  # seconds during which a time of change does not tell two saves apart on every file system
SETTLING = 0.4  # an editor that empties a file before it writes is given so long


class Saves:
    """Whether a file has been saved since the last look: in place, by renaming, or after being emptied."""

    def __init__(self, path):
        self._path = path
        self._stamp, self._digest = self._look()
        self._empty_since = None

    def changed(self):
        """True once for each save. A file that is gone has not been saved."""
        stamp = _stamp(self._path)
        if stamp is None:
            return False
        if stamp == self._stamp and time.time() - stamp[0] / 1e9 > YOUNG:
            return False
        stamp, digest = self._look()
        if stamp is None or (stamp, digest) == (self._stamp, self._digest):
            return False
        if stamp[1] == 0 and not self._has_settled():
            return False
        self._stamp, self._digest, self._empty_since = stamp, digest, None
        return True

    def _has_settled(self):
        self._empty_since = self._empty_since or time.monotonic()
        return time.monotonic() - self._empty_since > SETTLING

    def _look(self):
        stamp = _stamp(self._path)
        try:
            with open(self._path, "rb") as stream:
                return stamp, digest_of(stream.read())
        except OSError:
            return None, ""


def _stamp(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


class Watch:
    """One step of the road and the file in which it is written; it moves on when it is told to, never by itself."""

    def __init__(self, catalog, step, chosen=None):
        """`chosen`: the topic that the learner asked for; without it, the road leads from topic to topic."""
        self._catalog, self._chosen, self._standby = catalog, chosen, Standby()
        self.stay_at(step)

    def stay_at(self, step):
        """Judge this step, and those before it in its topic, from now on."""
        self.step, self.topic = step, self._catalog.topic(step.topic)
        progress.start(self.topic.skeleton, self.topic.workspace_file)
        self._saves = Saves(self.topic.workspace_file)
        self.asked = self.topic.steps[: self.topic.steps.index(step) + 1]
        self.prepare()

    def prepare(self):
        """Have a process waiting for the next save."""
        self._standby.prepare(self.topic)

    def saved(self):
        """True once for each save."""
        return self._saves.changed()

    def judge(self, meanwhile):
        """The Attempt at the file as it is when it is no longer being saved; `meanwhile` is called while it runs."""

        def superseded():
            meanwhile()
            return self.saved()

        while True:
            try:
                found = attempts.judge(self.topic, asked=self.asked, upto=4 if self.step.level == 4 else None,
                                       start=self._standby.start, superseded=superseded)  # fmt: skip
            except (Superseded, FileNotFoundError):
                self.prepare()
                meanwhile()
                continue
            if found.verdict.problem is None:
                return found
            # It needed no tests: such a verdict may be about half a file, so it waits for one more look.
            time.sleep(POLL)
            if not self.saved():
                return found

    def remember(self, attempt):
        """Keep what came of an Attempt; a Remembered."""
        return attempts.remember(self.topic, attempt)

    def next_step(self):
        """The first step that is open, None if all hold: on the road, or in the topic that was chosen."""
        return progress.first_open_in(self._chosen) if self._chosen else progress.here(self._catalog)

    def close(self):
        self._standby.close()
