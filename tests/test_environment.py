"""Setting up on machines that are not as they should be: one sentence with the remedy, whatever goes wrong."""

import os
import subprocess
import sys

import pytest

from scripts import environment
from utils.course.catalog import ROOT


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [Errno 30] Read-only file system: '.venv'", "Copy the course to a folder of your own"),
        ("NewConnectionError: Failed to establish a new connection: Network is unreachable", "Connect to a network"),
        ("ERROR: Could not find a version that satisfies the requirement torch==2.13.*", "not offered for this Python"),
        ("error: externally-managed-environment", "makes its own .venv"),
        ("something new\nERROR: boom", "ERROR: boom"),
    ],
)
def test_each_failure_of_an_installer_becomes_a_sentence_with_the_remedy(output, says):
    assert says in environment._explain(output)


def test_an_old_python_is_told_so_before_anything_else(tmp_path):
    # The version is a fact of the interpreter; here it is pretended, in a copy of the front door.
    text = (ROOT / "learn.py").read_text(encoding="utf-8").replace("sys.version_info", "(3, 8, 1)", 1)
    (tmp_path / "learn.py").write_text(text.replace("% sys.version_info[:2]", "% (3, 8)"), encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "learn.py"], capture_output=True, text=True)
    assert done.returncode == 2 and "needs Python 3.11 or newer; this is Python 3.8" in done.stdout


def test_an_old_python_can_read_the_front_door():
    import ast

    ast.parse((ROOT / "learn.py").read_text(encoding="utf-8"), feature_version=(3, 4))


def test_an_active_environment_is_used_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/somewhere/conda")
    monkeypatch.setenv("CONDA_PREFIX", "/somewhere/conda")
    assert environment.chosen_prefix() == "/somewhere/conda"


def test_without_an_active_environment_the_course_makes_its_own(monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    assert environment.chosen_prefix() == os.path.join(str(ROOT), ".venv")


def test_an_interrupted_set_up_is_not_taken_for_a_finished_one(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "chosen_prefix", lambda: str(tmp_path))
    monkeypatch.setattr(environment, "python_of", lambda prefix: sys.executable)
    assert not environment.is_ready()
    (tmp_path / "autograd-course-ready.txt").write_text("pytest\n")
    assert not environment.is_ready()
    (tmp_path / "autograd-course-ready.txt").write_text(environment._wanted())
    assert environment.is_ready()


def test_the_wheelhouse_replaces_the_network(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "WHEELHOUSE", str(tmp_path))
    ran = []

    def record(command, **options):
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(environment.subprocess, "run", record)
    environment._pip_install(sys.prefix, ["numpy>=1.26,<3", "-e ."], quiet=True)
    assert ran[0][-7:] == ["--no-index", "--find-links", str(tmp_path), "numpy>=1.26,<3", "-e", ".", "--quiet"]


def test_requirements_give_every_package_a_reason():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert all("#" in line and len(line.split("#")[1].split()) > 2 for line in lines if line.strip())
    assert lines[-1].startswith("-e .")
