"""Imported once, in the server from which mutants.py forks its runs: everything is imported there, and tried once.

A run that starts as a copy of this process begins with its first test. A process of its own would spend most of its
time on starting Python, importing pytest and reading the tests.
"""

import gc
import os

import pytest

from utils.course.catalog import ROOT, catalog

_wanted = os.environ.get("COURSE_WARM")  # set by mutants.warm_for; else every topic
for _topic in catalog().ready:
    if _wanted and _topic.number not in _wanted.split(","):
        continue
    if (ROOT / "tests" / "mutants" / f"{_topic.folder.name}.toml").exists():
        pytest.main([
            str(_topic.tests), "--candidate", "level02", "--upto", "2", "--rootdir", str(ROOT),
            "-p", "no:terminal", "-p", "no:cacheprovider", "-W", "ignore",
        ])  # fmt: skip
gc.freeze()  # what lives now is shared with every copy; a collector that touched it would make them copy it


def run_pytest(arguments, folder, environment, output):
    """In the copy: pytest with these arguments, all that it prints in the file `output`; never returns."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    written = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os._exit(pytest.main(arguments))
