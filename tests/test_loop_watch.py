"""The edit loop: saves are seen, one runner judges in three ways, a newer save wins, and nothing moves on by itself."""

import os
import queue
import subprocess
import sys
import threading
import time

import pytest

from utils.course import running
from utils.course.catalog import ROOT, catalog
from utils.course.checking import check, judge_rows
from utils.course.standby import Standby
from utils.course.watching import Saves

TOPIC = catalog().topic("02")
LEVEL01 = TOPIC.solution(1).read_text(encoding="utf-8")
FORGOTTEN_PATH = LEVEL01.replace("self.grad += upstream", "self.grad = upstream")
LIMIT = 60.0  # seconds that a busy machine may take to say something


# Seeing a save --------------------------------------------------------------------------------------------------------


def in_place(path, text):
    path.write_text(text, encoding="utf-8")


def by_renaming(path, text):
    other = path.with_name(path.name + "~")
    other.write_text(text, encoding="utf-8")
    os.replace(other, path)


def by_way_of_a_backup(path, text):
    os.replace(path, path.with_name(path.name + ".bak"))
    path.write_text(text, encoding="utf-8")


def with_time_and_size_as_before(path, text):
    before = path.stat()
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("save", [in_place, by_renaming, by_way_of_a_backup, with_time_and_size_as_before])
def test_each_save_is_seen_once_whatever_the_editor_does(save, tmp_path):
    path = tmp_path / "file.py"
    path.write_text("x = 0\n", encoding="utf-8")
    saves = Saves(path)
    assert not saves.changed()
    for number in range(1, 6):
        save(path, f"x = {number}\n")
        assert saves.changed(), number
        assert not saves.changed()


def test_a_file_that_is_gone_or_emptied_for_a_moment_is_no_save(tmp_path):
    path = tmp_path / "file.py"
    path.write_text("x = 0\n", encoding="utf-8")
    saves = Saves(path)
    path.unlink()
    assert not saves.changed()
    path.write_text("", encoding="utf-8")
    assert not saves.changed()
    path.write_text("x = 1\n", encoding="utf-8")
    assert saves.changed()


def test_a_file_that_stays_empty_has_been_saved(tmp_path, monkeypatch):
    monkeypatch.setattr("utils.course.watching.SETTLING", 0.0)
    path = tmp_path / "file.py"
    path.write_text("x = 0\n", encoding="utf-8")
    saves = Saves(path)
    path.write_text("", encoding="utf-8")
    assert any(saves.changed() for _ in range(3))


# One runner, three ways in --------------------------------------------------------------------------------------------


LEVEL02 = TOPIC.solution(2).read_text(encoding="utf-8")
CANDIDATES = {
    "level02": (LEVEL02, 2),
    "wrong-tanh": (LEVEL02.replace("1 - t * t", "1 + t * t"), 2),
    "forgotten-path": (FORGOTTEN_PATH, 1),
    "raises": (LEVEL01 + "\n1 / 0\n", 1),
}


def plain_pytest(path, steps, upto):
    """The verdict from the rows of an ordinary `pytest topics/02-…`."""
    rows = path.with_suffix(".rows")
    subprocess.run(
        [sys.executable, "-m", "pytest", TOPIC.folder, "--candidate", path, "--upto", str(upto), "--rows", rows, "-q"],
        cwd=ROOT, env=running.environment(), capture_output=True,
    )  # fmt: skip
    done = running.Run(tuple(row for row in running.read_rows(rows) if "outcome" in row), "done")
    verdicts = [judge_rows(TOPIC, path, steps, done, upto=level) for level in range(1, upto + 1)]
    return next((verdict for verdict in verdicts if verdict.verdict != "pass"), verdicts[-1])


@pytest.mark.parametrize("name", CANDIDATES)
def test_cold_standby_and_plain_pytest_give_the_same_verdict(name, tmp_path):
    text, upto = CANDIDATES[name]
    path = tmp_path / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    steps = [step for step in TOPIC.steps if step.level <= upto]
    standby = Standby()
    try:
        standby.prepare(TOPIC)
        warm = check(TOPIC, path, asked=steps, start=standby.start)
    finally:
        standby.close()
    cold = check(TOPIC, path, asked=steps)
    assert warm.as_json() == cold.as_json() == plain_pytest(path, steps, upto).as_json()
    assert cold.verdict == {"level02": "pass", "raises": "error"}.get(name, "fail")


def test_a_standby_that_expected_another_run_does_the_one_it_is_given(tmp_path):
    path = tmp_path / "file.py"
    path.write_text(LEVEL01, encoding="utf-8")
    standby = Standby()
    try:
        standby.prepare(catalog().topic("00"))
        verdict = check(TOPIC, path, asked=TOPIC.steps[:2], start=standby.start)
        assert verdict.verdict == "pass" and set(verdict.states) == {step.id for step in TOPIC.steps[:2]}
        # And where none is waiting, a process is started from nothing.
        assert check(TOPIC, path, asked=TOPIC.steps[:2], start=standby.start).as_json() == verdict.as_json()
    finally:
        standby.close()


def test_a_newer_save_ends_a_running_check_at_once(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text(LEVEL01.replace("        self._receive(1.0)", "        while True: pass"), encoding="utf-8")
    asked, started = [], time.monotonic()

    def superseded():
        asked.append(time.monotonic() - started)
        return len(asked) > 50

    with pytest.raises(running.Superseded):
        check(TOPIC, path, level=1, superseded=superseded, patience=100.0)
    assert len(asked) == 51


# The loop itself ------------------------------------------------------------------------------------------------------


class Session:
    """A `watch` in a process of its own, whose screen is read line by line."""

    def __init__(self, learner, *words, stdin=subprocess.PIPE, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-u", ROOT / "learn.py", "watch", *words], cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=learner.environment(**environment), text=True, encoding="utf-8",
        )  # fmt: skip
        self.seen, self._lines = [], queue.Queue()
        threading.Thread(target=lambda: [self._lines.put(line) for line in self.process.stdout], daemon=True).start()

    def until(self, text):
        """The lines up to the one that has `text`."""
        found, end = [], time.monotonic() + LIMIT
        while not found or text not in found[-1]:
            try:
                found.append(self._lines.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{text!r} did not come; the screen:\n{''.join(self.seen + found)}") from None
        self.seen += found
        return "".join(found)

    def types(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        for stream in filter(None, (self.process.stdin, self.process.stdout)):
            stream.close()


def test_a_session_from_the_first_save_to_the_next_step(learner):
    path = learner.writes("autograd_engine.py", TOPIC.skeleton.read_text(encoding="utf-8"))
    with Session(learner, "02", "--plain", COURSE_PATIENCE="2") as watch:
        assert "[not-written]" in watch.until(" steps\n")
        by_renaming(path, FORGOTTEN_PATH)
        held = watch.until(" steps\n")
        assert "a box for a number" in held and "Press n for the next step: + and * build a graph" in held
        assert "the forgotten path" not in held  # it never jumps ahead
        for _ in range(3):
            watch.types("n")
            held = watch.until(" steps\n")
        assert "[" in held and "the forgotten path" in held, held
        watch.types("n")
        assert "does not hold yet" in watch.until("\n")
        watch.types("w")
        assert "a.grad" in watch.until("Look at")
        watch.types("h")
        assert "About `Value.backward`" in watch.until("About")
        endless = LEVEL01.replace("        self._receive(1.0)", "        while True:\n            pass")
        in_place(path, endless)
        line = endless.splitlines().index("        while True:") + 1
        screen = watch.until("[endless]")
        assert f":{line}" in screen or f":{line + 1}" in screen, screen
        in_place(path, endless.replace("pass", "1 + 1"))
        time.sleep(0.3)
        in_place(path, LEVEL01)  # before the limit: nobody waits for the verdict on the file before
        assert "[endless]" not in watch.until("Press n")
        watch.types("s")
        assert "the forgotten path" in watch.until("Next")
        watch.types("q")
        assert "python3 learn.py" in watch.until("Stopped watching")
        assert watch.process.wait(LIMIT) == 0
    assert learner("history", "02").out.count("lines") >= 5


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals of POSIX systems")
def test_where_there_is_a_terminal_a_key_needs_no_enter(learner):
    import pty
    import termios

    learner.writes("autograd_engine.py", LEVEL01)
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    try:
        with Session(learner, "02", stdin=theirs) as watch:
            watch.until(" steps\n")
            os.write(ours, b"q")
            watch.until("Stopped watching")
            assert watch.process.wait(LIMIT) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)


def test_without_anybody_to_type_it_goes_on_watching(learner):
    path = learner.writes("autograd_engine.py", LEVEL01)
    with Session(learner, "02", stdin=subprocess.DEVNULL) as watch:
        watch.until(" steps\n")
        by_way_of_a_backup(path, FORGOTTEN_PATH)
        watch.until(" steps\n")
