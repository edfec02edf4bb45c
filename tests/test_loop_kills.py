"""Commands killed at random moments, full disks and folders without rights: nothing is lost, and one sentence is said.

benchmarks/kill_test.py kills a thousand times; here are forty, with a seed.
"""

import errno
import os
import shutil
import stat

import pytest

from utils.course import attempts, carrying, progress, snapshots, state
from utils.course import catalog as places
from utils.course.catalog import ROOT, catalog
from utils.course.loading import load

TOPIC = catalog().topic("02")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and rights of POSIX systems")


def rights_are_kept(folder):
    """Is somebody without the right to write into a folder kept from it? The administrator is not."""
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        (folder / "probe").touch()
        return False
    except OSError:
        return True
    finally:
        folder.chmod(stat.S_IRWXU)


@needs_posix
def test_forty_kills_lose_nothing(tmp_path):
    kill_test = load(ROOT / "benchmarks" / "kill_test.py")
    counts = kill_test.run(tmp_path, 40, seed=7, commands_after=10, slow=0.6)
    assert sum(counts.values()) == 40 and min(counts.values()) >= 1


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "STATE", tmp_path / ".learn")
    monkeypatch.setattr(places, "WORKSPACE", tmp_path / "workspace")
    monkeypatch.setattr(carrying.places, "STATE", tmp_path / ".learn")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "autograd_engine.py").write_text("my = 'work'\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def full_disk(monkeypatch):
    """Every write fails as it does on a full disk; what is there can be read and moved."""

    def fails(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr(state.os, "fsync", fails)
    real = os.open

    def opened(path, flags, *arguments, **options):
        if flags & (os.O_CREAT | os.O_WRONLY) and ".new" in str(path):
            fails()
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(state.os, "open", opened)


def test_on_a_full_disk_a_reset_does_nothing(home, full_disk):
    file = home / "workspace" / "autograd_engine.py"
    with pytest.raises(OSError, match="No space left"):
        snapshots.replace(file, b"skeleton")
    assert file.read_bytes() == b"my = 'work'\n"
    assert not list(home.rglob("*.new"))


def test_on_a_full_disk_undo_does_nothing(home):
    file = home / "workspace" / "autograd_engine.py"
    snapshots.keep(file, b"before")
    snapshots.keep(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            snapshots.go_back(file)
    assert file.read_bytes() == b"my = 'work'\n"
    assert snapshots.go_back(file).content == b"before" and file.read_bytes() == b"before"


def test_on_a_full_disk_the_states_stay_as_they_were(home):
    state.write("settings", {"a": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state.os, "open", lambda *a, **k: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match="No space left"), state.updated("settings") as settings:
            settings["a"] = 2
    assert state.read("settings") == {"a": 1}


def test_on_a_full_disk_a_verdict_comes_all_the_same(home, full_disk, monkeypatch):
    topic = TOPIC
    monkeypatch.setattr(attempts, "check", lambda *arguments, **options: _Verdict())
    monkeypatch.setattr(type(topic), "workspace_file", property(lambda self: home / "workspace" / "autograd_engine.py"))
    attempt = attempts.judge(topic)
    assert "No copy of your file was kept: No space left on device." == attempt.trouble
    assert attempts.remember(topic, attempt).trouble == attempt.trouble


class _Verdict:
    """As little of a Verdict as remembering needs."""

    topic, level, verdict, passed, failed, seconds = "02", 1, "pass", 1, 0, 0.0
    states, row, problem, diagnosis, hint, file, line = {"box": "pass"}, None, None, None, "", "", 0


def test_in_a_folder_without_rights_each_command_says_one_sentence(learner, tmp_path):
    if not rights_are_kept(tmp_path):
        pytest.skip("whoever runs this may write anywhere")
    path = learner.writes("autograd_engine.py", "my = 'work'\n")
    learner("check", "02")
    folders = (learner.home, learner.workspace, learner.home / ".learn", learner.home / ".learn" / "snapshots")
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        for words in (("reset", "02"), ("undo", "02", "--to", "1"), ("start", "00"), ("skip", "02")):
            done = learner(*words)
            assert done.code in (1, 2) and "Traceback" not in done.text, done.text
        done = learner("check", "02")
        assert (
            done.code == 1
            and "There is no `Value`" in done.out
            and "not kept" in done.out.replace("No copy", "not kept")
        )
        assert learner().code == 0
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert path.read_text(encoding="utf-8") == "my = 'work'\n"


@pytest.mark.skipif(not shutil.which("unshare") or os.name != "posix", reason="needs a way to mount a small disk")
def test_on_a_disk_that_is_really_full(learner, tmp_path):
    import subprocess
    import sys

    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=96k none {disk} && mkdir -p {disk}/workspace && cd {ROOT} && "
        f"echo \"my = 'work'\" > {disk}/workspace/autograd_engine.py && "
        f"(head -c 200000 /dev/zero > {disk}/ballast 2>/dev/null; true) && "
        f"for words in 'check 02' 'reset 02' 'undo 02' 'start 00' 'history 02'; do "
        f'COURSE_HOME={disk} {sys.executable} learn.py $words; echo "code $?"; done; '
        f'rm {disk}/ballast; COURSE_HOME={disk} {sys.executable} learn.py reset 02; echo "code $?"; '
        f"COURSE_HOME={disk} {sys.executable} learn.py undo 02; cat {disk}/workspace/autograd_engine.py"
    )
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True,
                          env=learner.environment(), stdin=subprocess.DEVNULL)  # fmt: skip
    if "mount" in done.stderr:
        pytest.skip("this system does not let a user mount")
    assert "Traceback" not in done.stdout + done.stderr and "mistake of the course" not in done.stderr
    assert done.stdout.endswith("my = 'work'\n"), done.stdout + done.stderr
    assert set(line for line in done.stdout.splitlines() if line.startswith("code ")) <= {"code 0", "code 1", "code 2"}


def test_progress_never_names_a_file_it_did_not_judge(home):
    file = home / "workspace" / "autograd_engine.py"
    before = progress.key_of(TOPIC, file)
    file.write_text("saved while the check ran\n", encoding="utf-8")
    progress.record(TOPIC, file, {"box": "pass"}, key=before)
    assert progress.read("progress")["02"]["key"] != progress.key_of(TOPIC, file)
