"""The ten-minute training of Topic 30: killed and taken up again, refused, asked; what is to beat; the recorded run."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from utils.course.catalog import catalog
from utils.course.loading import load

TOPIC = catalog().topic("30")
TRAIN = TOPIC.folder / "train.py"
SMALL = ("--steps", "400", "--batch", "2", "--block", "8", "--width", "8", "--heads", "2", "--depth", "1",
         "--merges", "20", "--save-every", "7")  # fmt: skip


@pytest.fixture
def text(tmp_path):
    """A file with some kilobytes of text, and what names it on the command line."""
    path = tmp_path / "text.txt"
    path.write_text((TOPIC.folder / "README.md").read_text(encoding="utf-8")[:6000], encoding="utf-8")
    return ("--text", path)


def begun(learner, *words):
    """A training that runs by itself."""
    return subprocess.Popen([sys.executable, TRAIN, *SMALL, *map(str, words)], env=learner.environment(),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8")  # fmt: skip


def losses_in(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["losses"]


def until_report(process, count):
    """Read what the training says until it has reported so often."""
    for line in process.stdout:
        count -= line.startswith("step ")
        if not count:
            return


def test_a_training_killed_at_random_steps_goes_on_with_the_same_losses(learner, text, tmp_path):
    whole = learner.run(TRAIN, *SMALL, *text, "--out", tmp_path / "whole")
    assert whole.code == 0, whole.text
    chance, reached = random.Random(30), []
    for reports in (1, 1, 2):
        process = begun(learner, *text, "--out", tmp_path / "killed")
        until_report(process, reports)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.communicate()
        reached.append(len(losses_in(tmp_path / "killed")))
    # The step that was told may not be saved yet, but those before it are; and none got to the end.
    assert reached == sorted(reached) and 35 <= reached[0] < reached[-1] < 400, reached
    rest = learner.run(TRAIN, *SMALL, *text, "--out", tmp_path / "killed")
    assert f"going on after step {reached[-1]}" in rest.text
    assert losses_in(tmp_path / "killed") == losses_in(tmp_path / "whole")
    assert rest.text.splitlines()[-1] == "trained on: borrowed: 02, 07, 08, 09, 14, 25, 28, 29"


@pytest.mark.skipif(os.name == "nt", reason="another process cannot be sent a Ctrl-C there")
def test_ctrl_c_ends_after_the_step_and_says_how_to_go_on(learner, text, tmp_path):
    process = begun(learner, *text, "--out", tmp_path / "run")
    until_report(process, 1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    done = len(losses_in(tmp_path / "run"))
    assert process.returncode == 0 and 40 <= done < 400
    assert f"stopped after step {done}; the same command goes on from there" in said


def test_other_settings_are_refused_and_a_checkpoint_can_be_asked(learner, text, tmp_path):
    folder = ("--out", tmp_path / "run")
    first = learner.run(TRAIN, *SMALL, *text, *folder, "--steps", "20")
    assert first.code == 0 and first.text.count("validation ") == 10
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "checkpoint.npz", "run.json", "weights.npz", "curve.svg",
    }  # fmt: skip
    other = learner.run(TRAIN, *SMALL, *text, *folder, "--steps", "20", "--width", "16")
    assert other.code == 1 and "holds a training with other settings: width 8." in other.text
    said = [learner.run(TRAIN, *folder, "--sample", "The", "--count", "12", "--seed", seed).out for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2] and said[0].startswith("The")


def test_what_cannot_be_trained_on_is_told_in_a_sentence(learner, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("too short", encoding="utf-8")
    (tmp_path / "broken.txt").write_bytes(b"\xff" * 100)
    for name in ("short.txt", "broken.txt", "missing.txt"):
        done = learner.run(TRAIN, *SMALL, "--text", tmp_path / name)
        assert done.code == 1 and "Traceback" not in done.text and done.err.count("\n") == 1, done.text


def test_it_trains_on_files_in_the_workspace(learner, text, tmp_path):
    for number in ("30", "07"):
        topic = catalog().topic(number)
        learner.writes(f"{topic.module}.py", topic.solution(3).read_text(encoding="utf-8"))
    (learner.home / ".learn").mkdir()
    settings = json.dumps({"engines": {catalog().topic("07").slug: "mine"}})  # as `own 07` writes it
    (learner.home / ".learn" / "settings.json").write_text(settings, encoding="utf-8")
    done = learner.run(TRAIN, *SMALL, *text, "--steps", "3", "--out", tmp_path / "run")
    assert done.code == 0 and done.text.splitlines()[-1].startswith("trained on: your 07; borrowed: 02, 08"), done.text
    learner.writes(f"{TOPIC.module}.py", TOPIC.skeleton.read_text(encoding="utf-8"))
    done = learner.run(TRAIN, *SMALL, *text, "--out", tmp_path / "other")
    assert done.code == 0 and "not yet: GPT.__init__" in done.text


# What is to beat ------------------------------------------------------------------------------------------------------


def witten_bell(*arguments):
    return load(TOPIC.folder / "ngram.py").witten_bell(*arguments)


def test_counting_is_computed_as_by_hand():
    # After "abab": a twice, b twice, two kinds; one of three (a, b, anything else) below.
    one = (2 + 2 * (1 / 3)) / (4 + 2)
    assert witten_bell("abab", "a", 1) == pytest.approx(-math.log(one))
    assert witten_bell("abab", "z", 1) == pytest.approx(-math.log(2 * (1 / 3) / 6))
    two = (2 + 1 * one) / (2 + 1)  # after a came b, twice, and nothing else
    assert witten_bell("abab", "ab", 2, 1) == pytest.approx(-math.log(two))
    assert witten_bell("abab", "ab", 2) == pytest.approx(-(math.log(one) + math.log(two)) / 2)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_probabilities_of_all_characters_sum_to_one(order):
    train = "the cat sat on the mat and the rat sat on the cat"
    known = sorted(set(train))
    for context in ("the c", "qqqq", "at the", "xthe "):
        chances = [math.exp(-witten_bell(train, context + letter, order, len(context))) for letter in [*known, "Z"]]
        assert sum(chances) == pytest.approx(1)


def test_the_recorded_run_takes_less_than_ten_minutes_and_beats_counting():
    run = json.loads((TOPIC.folder / "recorded.json").read_text(encoding="utf-8"))
    assert run["command"] == "python3 learn.py run topics/30-capstone-gpt/train.py --record --fresh"
    assert run["minutes"] < 10 and run["cores"] == 2
    assert run["reports"][-1][0] == run["settings"]["steps"]
    assert run["reports"][-1][1] < min(run["counted"]) and len(run["counted"]) == 5
