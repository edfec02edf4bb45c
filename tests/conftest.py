"""What the course's own tests share: a learner of their own, and the ready topics."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from utils.course.catalog import ROOT, catalog

TOPICS = catalog().ready


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self):
        return self.out + self.err


@dataclass
class Learner:
    """Somebody with an empty workspace of their own, who types commands."""

    home: Path

    def __call__(self, *arguments, **environment):
        """Run `learn.py` with the given words."""
        return self.run(ROOT / "learn.py", *arguments, **environment)

    def run(self, *command, folder=ROOT, **environment):
        """Run Python with the given words, in a folder."""
        done = subprocess.run(
            [sys.executable, *map(str, command)], cwd=folder, env=self.environment(**environment),
            capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self, **more):
        """The environment of a learner: nothing of the developer's settings or of selftest, everything in UTF-8."""
        ours = ("COURSE_ENGINE", "COURSE_PATIENCE", "COURSE_PLAIN", "NO_COLOR", "PYTEST_XDIST")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "COURSE_HOME": str(self.home), "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **more}

    @property
    def workspace(self):
        return self.home / "workspace"

    def writes(self, name, text):
        """Put a file into the workspace."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def learner(tmp_path):
    return Learner(tmp_path / "home")


@pytest.fixture(params=TOPICS, ids=lambda topic: topic.folder.name)
def topic(request):
    return request.param
