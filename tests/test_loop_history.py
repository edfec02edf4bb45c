"""Nothing that a learner wrote is lost: versions, reset, undo, history, state files, and the event log."""

import json
import os
import stat

import pytest

from utils.course import catalog as places
from utils.course import events, progress, snapshots, state
from utils.course.catalog import catalog

TOPIC = catalog().topic("02")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A .learn/ and a file of one's own, in this process."""
    monkeypatch.setattr(places, "STATE", tmp_path / ".learn")
    monkeypatch.setattr(places, "WORKSPACE", tmp_path / "workspace")
    (tmp_path / "workspace").mkdir()
    return tmp_path


@pytest.fixture
def file(home):
    return home / "workspace" / "autograd_engine.py"


def write_and_keep(file, *texts):
    for text in texts:
        file.write_text(text, encoding="utf-8")
        snapshots.keep(file)


# Versions -------------------------------------------------------------------------------------------------------------


def test_going_back_brings_each_earlier_version_and_then_says_that_there_is_none(file):
    write_and_keep(file, "one", "two", "three")
    file.write_text("not kept yet", encoding="utf-8")
    seen = []
    while snapshots.go_back(file):
        seen.append(file.read_text(encoding="utf-8"))
    assert seen == ["three", "two", "one"]
    assert [version.content for version in snapshots.versions(file)] == [b"one", b"two", b"three", b"not kept yet"]


def test_a_version_that_comes_again_is_the_latest_and_is_kept_once(file):
    write_and_keep(file, "one", "two", "one")
    assert [version.content for version in snapshots.versions(file)] == [b"two", b"one"]
    snapshots.go_back(file)
    assert file.read_text(encoding="utf-8") == "two"


def test_the_order_holds_although_the_clock_goes_backwards(file, monkeypatch):
    write_and_keep(file, "one")
    monkeypatch.setattr(snapshots.time, "time_ns", lambda: 10**18)
    write_and_keep(file, "two", "three")
    assert [version.content for version in snapshots.versions(file)] == [b"one", b"two", b"three"]


def test_old_versions_are_forgotten_beyond_the_bounds_and_never_the_last_ten(file, monkeypatch):
    monkeypatch.setattr(snapshots, "MOST", 30)
    write_and_keep(file, *(f"version {number}" for number in range(40)))
    kept = [version.content.decode() for version in snapshots.versions(file)]
    assert kept == [f"version {number}" for number in range(10, 40)]
    monkeypatch.setattr(snapshots, "MOST_BYTES", 5)
    write_and_keep(file, "the last one")
    assert [version.content.decode() for version in snapshots.versions(file)] == [*kept[-9:], "the last one"]


def test_versions_of_a_file_and_of_its_notes_do_not_mix(file):
    write_and_keep(file, "code")
    notes = file.with_name("autograd_engine-notes.md")
    write_and_keep(notes, "notes")
    assert [version.content for version in snapshots.versions(file)] == [b"code"]
    assert [version.content for version in snapshots.versions(notes)] == [b"notes"]


def test_a_save_in_the_very_moment_of_a_reset_is_kept_too(file, monkeypatch):
    write_and_keep(file, "before")
    real, saves = snapshots.keep, iter(["saved in between"])

    def keep(path, content=None, **options):
        found = real(path, content, **options)
        if content == b"before":
            file.write_text(next(saves), encoding="utf-8")
        return found

    monkeypatch.setattr(snapshots, "keep", keep)
    snapshots.replace(file, b"skeleton")
    assert file.read_bytes() == b"skeleton"
    assert b"saved in between" in [version.content for version in snapshots.versions(file)]


@pytest.mark.skipif(os.name != "posix", reason="rights and links of POSIX systems")
def test_rights_stay_and_a_link_is_followed(file, home):
    real = home / "elsewhere.py"
    real.write_text("mine", encoding="utf-8")
    real.chmod(0o600)
    file.symlink_to(real)
    snapshots.replace(file, b"skeleton")
    assert file.is_symlink() and real.read_bytes() == b"skeleton" and stat.S_IMODE(real.stat().st_mode) == 0o600


# State ----------------------------------------------------------------------------------------------------------------


def test_a_state_file_cut_short_gives_its_last_good_version(home):
    state.write("settings", {"a": 1})
    state.write("settings", {"a": 2})
    (places.STATE / "settings.json").write_text('{"a":', encoding="utf-8")
    assert state.read("settings") == {"a": 1}
    state.write("settings", {"a": 3})  # a broken one never takes the place of the good one
    assert json.loads((places.STATE / "settings.before.json").read_text(encoding="utf-8")) == {"a": 1}
    assert state.read("settings") == {"a": 3} and state.read("nothing") == {}


def test_what_a_killed_command_left_behind_is_removed(home):
    state.write("settings", {"a": 1})
    old = places.STATE / ".settings.json.12345.new"
    old.write_text("half", encoding="utf-8")
    os.utime(old, (0, 0))
    state.write("settings", {"a": 2})
    assert not old.exists()


def test_the_lock_is_waited_for_and_not_for_ever(home, monkeypatch):
    monkeypatch.setattr(state, "LOCK_PATIENCE", 0.05)
    with state.updated("settings"):
        with pytest.raises(state.Busy, match="Another"):
            with state.updated("settings"):
                pass


def test_a_verdict_is_stale_when_the_file_the_tests_or_the_engines_change(home, file, monkeypatch):
    file.write_text("x = 1\n", encoding="utf-8")
    key = progress.key_of(TOPIC, file)
    file.write_text("x = 2\n", encoding="utf-8")
    other = progress.key_of(TOPIC, file)
    with state.updated("settings") as settings:
        settings["engines"] = {"derivatives-and-graphs": "mine"}
    assert len({key, other, progress.key_of(TOPIC, file)}) == 3


def test_equal_failures_are_counted_only_for_changed_files(home, file):
    def fails(text, failure="test_x:sign"):
        file.write_text(text, encoding="utf-8")
        progress.record(TOPIC, file, {"box": "fail"}, "Value", failure=failure)
        return progress.stuck(TOPIC)

    assert [fails("1"), fails("1"), fails("2"), fails("3"), fails("4"), fails("5", "test_y:sign")] == [
        "", "", "", "equal", "", ""]  # fmt: skip


def test_a_long_time_without_a_new_step_is_noticed(home, file, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "time", lambda: now[0])
    found = []
    for number in range(12):
        file.write_text(str(number), encoding="utf-8")
        progress.record(TOPIC, file, {"box": "fail"}, "Value", failure=f"test_{number}:sign")
        found.append(progress.stuck(TOPIC))
        now[0] += 9 * 60 if number != 1 else 5 * 3600  # a night in between is no work
    assert found == [""] * 5 + ["long"] * 7


# Event log ------------------------------------------------------------------------------------------------------------


def test_the_log_is_bounded_and_survives_a_line_cut_short(home, monkeypatch):
    monkeypatch.setattr(events, "MOST_BYTES", 2000)
    for number in range(100):
        events.note("hint", rung=number)
    log = places.STATE / "events.jsonl"
    assert log.stat().st_size <= 2000 and (places.STATE / "events.1.jsonl").stat().st_size <= 2000
    log.write_bytes(log.read_bytes()[:-7])
    events.note("hint", rung=100)
    assert [event["rung"] for event in events.events()][-2:] == [98, 100]


def test_the_log_is_off_by_one_setting(home):
    with state.updated("settings") as settings:
        settings["events"] = False
    events.note("check", topic="02")
    assert events.events() == []


def test_every_field_of_the_log_is_on_the_privacy_page():
    page = (places.ROOT / "PRIVACY.md").read_text(encoding="utf-8")
    assert [field for field in events.FIELDS if f"| `{field}` |" not in page] == []
    with pytest.raises(ValueError, match="PRIVACY"):
        events.note("check", favorite_color="blue")


# The commands ---------------------------------------------------------------------------------------------------------


def test_reset_keeps_the_work_and_undo_brings_it_back(learner):
    path = learner.writes("autograd_engine.py", "my = 'work'\n")
    done = learner("reset", "02")
    assert done.code == 0 and "python3 learn.py undo 02" in done.out, done.text
    assert path.read_bytes() == TOPIC.skeleton.read_bytes()
    assert learner("undo").code == 0 and path.read_text(encoding="utf-8") == "my = 'work'\n"
    done = learner("undo", "02")
    assert done.code == 1 and "no earlier version" in done.out
    history = learner("history", "02").out
    assert "<- now" in history.splitlines()[2] and history.count(" lines") == 2
    assert learner("undo", "--to", "2").code == 0 and path.read_bytes() == TOPIC.skeleton.read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("reset", "02"), "nothing to reset"),
        (("undo",), "no file in workspace/"),
        (("history", "02"), "No version is kept yet"),
    ],
)
def test_without_a_file_there_is_one_sentence(learner, words, says):
    done = learner(*words)
    assert done.code == 2 and says in done.text and "Traceback" not in done.text


def test_an_unknown_version_is_refused_with_the_command_that_lists_them(learner):
    learner.writes("autograd_engine.py", "x = 1\n")
    done = learner("undo", "02", "--to", "nonsense")
    assert done.code == 2 and "python3 learn.py history 02" in done.text


@pytest.mark.skipif(os.name != "posix", reason="the lock of POSIX systems")
def test_a_command_that_finds_another_one_at_work_says_so(learner):
    import fcntl

    learner.writes("autograd_engine.py", "x = 1\n")
    (learner.home / ".learn").mkdir()
    patience = "import utils.course.state as state; state.LOCK_PATIENCE = 0.1; "
    with open(learner.home / ".learn" / "lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = learner.run("-c", patience + "from scripts.__main__ import dispatch; print(dispatch(['skip', '02']))")
    assert done.out.strip() == "2" and "Another command" in done.err, done.text
