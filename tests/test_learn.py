"""The front door as a learner uses it: what each command says, its exit code, and that no work is ever lost."""

import json
import re

import pytest

from scripts.__main__ import COMMANDS, dispatch
from utils.course.catalog import ROOT, catalog

TOPIC = catalog().topic("02")
LEVEL01 = TOPIC.solution(1).read_text(encoding="utf-8")
PLANNED = [topic.number for topic in catalog().topics if topic.status == "planned"]
KEYS = {"topic", "level", "verdict", "passed", "failed", "not_judged", "first_failure", "diagnosis"}


def judged(learner, path, *options):
    """The JSON verdict on a file, and the exit code."""
    done = learner("check", "02", "--file", path, "--json", *options)
    return json.loads(done.out), done.code


def test_without_a_command_it_says_where_you_are_and_one_thing_to_type(learner):
    done = learner()
    assert done.code == 0
    assert "every test fails now. That is the start." in done.out
    assert done.out.count("python3 learn.py") == 1 and done.out.rstrip().endswith("python3 learn.py start 00")


def test_every_screen_keeps_to_eighty_columns(learner):
    typed = ["", "start", "check", "start 02", "check 02", "task", "list", "nonsense"]
    screens = [learner(*words.split()).text for words in typed]
    assert [line for text in screens for line in text.splitlines() if len(line) > 120] == []
    # Texts of a README may be wider; what the tools themselves say is not.
    assert [line for text in (screens[0], screens[2], screens[4], screens[6]) for line in text.splitlines()
            if len(line) > 80] == []  # fmt: skip


def test_start_copies_the_skeleton_once_and_never_again(learner):
    assert learner("start", "02").code == 0
    mine = learner.workspace / "autograd_engine.py"
    assert mine.read_text(encoding="utf-8") == TOPIC.skeleton.read_text(encoding="utf-8")
    mine.write_text("# my work\n", encoding="utf-8")
    done = learner("start", "02")
    assert "stays as it is" in done.out and mine.read_text(encoding="utf-8") == "# my work\n"


def test_the_road_leads_from_the_first_nudge_to_the_second_topic(learner):
    learner("start")
    path = learner.workspace / "derivatives_and_graphs.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace('raise NotImplementedError("nudge")', "return f(x + step) - f(x)"),
        encoding="utf-8",
    )
    done = learner("check")
    assert done.code == 0 and ":)  a nudge" in done.out and "python3 learn.py start 02" in done.out, done.text
    assert "Topic 02" in learner().out


def test_whoever_begins_ahead_of_the_road_goes_on_from_there(learner):
    learner("start", "08")
    assert "Topic 08" in learner().out and "a box for an array" in learner().out
    assert "Topic 08, level 1: a box" in learner("task").out
    mine = learner.workspace / "tensor_autograd.py"
    mine.write_text(catalog().topic("08").solution(1).read_text(encoding="utf-8"), encoding="utf-8")
    done = learner("check")
    assert "Level 1 of Topic 08 is done" in done.out and "Next: level 2, a table of rules" in done.out, done.text
    assert "workspace/tensor_autograd.py" in learner("check").out
    learner("start", "09")
    assert "Topic 09" in learner().out
    learner("skip", "08")
    learner("skip", "09")
    assert "Topic 00" in learner().out


def test_what_holds_counts_after_its_topic_was_left_for_later(learner):
    learner("start", "04")
    mine = learner.workspace / "losses.py"
    mine.write_text(catalog().topic("04").solution(1).read_text(encoding="utf-8"), encoding="utf-8")
    assert learner("check", "workspace/losses.py", "--level", "1").code == 0
    before = int(re.search(r"(\d+) of \d+ steps", learner().out)[1])
    left = learner("skip")
    assert "Left for later: Topic 04" in left.out and "borrow" not in left.out.lower(), left.text
    now = learner().out
    assert int(re.search(r"(\d+) of \d+ steps", now)[1]) == before == 4, now
    assert "Left for later: Topic 04. To come back: python3 learn.py start 04" in now
    learner("start", "04")
    assert "Left for later" not in learner().out and "Topic 04" in learner().out


def test_a_skeleton_is_not_written_yet_and_never_wrong(learner):
    verdict, code = judged(learner, TOPIC.skeleton, "--level", "1")
    assert set(verdict) >= KEYS
    assert (code, verdict["verdict"], verdict["passed"], verdict["diagnosis"]["id"]) == (1, "fail", 0, "not-written")


def test_a_level_one_solution_passes_level_one_and_not_level_two(learner):
    verdict, code = judged(learner, TOPIC.solution(1), "--level", "1")
    assert (code, verdict["verdict"], verdict["failed"]) == (0, "pass", 0) and verdict["passed"] > 0
    verdict, code = judged(learner, TOPIC.solution(1), "--upto", "2")
    assert (code, verdict["verdict"], verdict["level"]) == (1, "fail", 2)


def test_check_with_a_file_leaves_the_workspace_alone(learner):
    judged(learner, TOPIC.solution(1), "--level", "1")
    assert not learner.home.exists()


def test_a_file_may_have_any_name(learner, tmp_path):
    path = tmp_path / "my answer-2 (final).py"
    path.write_text(LEVEL01, encoding="utf-8")
    assert judged(learner, path, "--level", "1")[1] == 0


def test_an_endless_loop_ends_at_the_limit_and_the_line_is_named(learner, tmp_path):
    path = tmp_path / "endless.py"
    path.write_text(
        LEVEL01.replace("        self._receive(1.0)", "        while True:\n            pass"), encoding="utf-8"
    )
    done = learner("check", "02", "--file", path, "--level", "1", "--json", COURSE_PATIENCE="2")
    verdict = json.loads(done.out)
    assert (done.code, verdict["verdict"], verdict["diagnosis"]["id"]) == (4, "timeout", "endless")
    assert verdict["steps"]["box"] == "pass" and verdict["steps"]["backward"] == "fail"
    screen = learner("check", "02", "--file", path, "--level", "1", COURSE_PATIENCE="2").out
    line = path.read_text(encoding="utf-8").splitlines().index("        while True:") + 1
    assert f":{line}" in screen or f":{line + 1}" in screen, screen


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("chekc",), 2, "Did you mean check?"),
        (("check", "99"), 2, "There is no topic '99'"),
        (("start", "mlp"), 2, "Did you mean 05 (mlp-and-initialization)?"),
        (("skip", "losse"), 2, "Did you mean 04 (losses)?"),
        (("check", "02"), 2, "python3 learn.py start 02"),
        (("check", "02", "--file", "nowhere.py"), 2, "There is no file nowhere.py."),
        *[(("check", number), 2, "planned") for number in PLANNED[:1]],
        (("check", "02", "--level", "7"), 2, "invalid choice"),
        (("task", "02.nonsense"), 2, "has the steps box, forward"),
        (("hint", "Value.nonsense"), 2, "No topic has a hint about"),
        (("own", "02"), 2, "python3 learn.py start 02"),
    ],
)
def test_a_mistyped_command_gets_one_sentence_and_exit_code_two(learner, words, code, says):
    done = learner(*words)
    assert done.code == code and says in done.text and "Traceback" not in done.text, done.text


def test_hints_come_one_at_a_time_and_the_next_needs_a_changed_file(learner):
    learner("start", "02")
    first = learner("hint", "Value.__mul__").out
    assert learner("hint", "Value.__mul__").out == first
    second = learner("hint", "Value.__mul__", "--more").out
    assert second != first and "About `Value.__mul__`" in second
    path = learner.workspace / "autograd_engine.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# tried something\n", encoding="utf-8")
    assert learner("hint", "Value.__mul__").out not in (first, second)


def test_show_asks_before_it_gives_away_an_open_level(learner):
    done = learner("show", "02", "--level", "1")
    assert "class Value" not in done.out and "--yes" in done.out
    assert "class Value" in learner("show", "02", "--level", "1", "--yes").out


def test_plain_mode_uses_words_and_no_color(learner):
    done = learner("check", "02", "--file", TOPIC.solution(1), "--upto", "2", "--plain")
    assert "not judged" in done.out and ":(" not in done.out and "\033" not in done.out


def test_every_command_has_a_plain_mode_and_it_can_be_had_for_good(learner, capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            dispatch([command, "--help"])
        assert "--plain" in capsys.readouterr().out, command
    plain = learner("--plain").out
    assert "#" not in plain and "[" not in plain and "Next: python3 learn.py" in plain
    assert learner(COURSE_PLAIN="1").out == plain != learner().out
    done = learner("check", "02", "--file", TOPIC.solution(1), "--upto", "2", COURSE_PLAIN="1")
    assert "not judged" in done.out and ":(" not in done.out


def test_progress_cut_short_is_progress_lost_and_nothing_else(learner):
    learner("start", "02")
    learner("check", "02")
    state = learner.home / ".learn" / "progress.json"
    state.write_bytes(state.read_bytes()[:20])
    assert learner("check", "02").code == 1
    assert learner().code == 0


def test_every_check_of_a_changed_file_keeps_a_copy(learner):
    learner("start", "02")
    path = learner.workspace / "autograd_engine.py"
    for text in ("x = 1\n", "x = 2\n", "x = 2\n"):
        path.write_text(text, encoding="utf-8")
        learner("check", "02")
    kept = {file.read_text(encoding="utf-8") for file in (learner.home / ".learn" / "snapshots").glob("*.py")}
    assert {"x = 1\n", "x = 2\n"} <= kept


def test_plain_pytest_is_a_way_in_from_the_root_and_from_the_topic(learner):
    root = learner.run("-m", "pytest", "topics/02-autograd-engine", "--level", "1", "--candidate", "level01", "-q")
    assert root.code == 0, root.text
    marked = learner.run("-m", "pytest", "topics/02-autograd-engine", "-m", "level1", "--candidate", "level01", "-q")
    assert root.out.split(" in ")[0] == marked.out.split(" in ")[0]
    inside = learner.run("-m", "pytest", "tests/test_basic.py", "-v", "--candidate", "level03", folder=TOPIC.folder)
    assert inside.code == 0 and " passed" in inside.out, inside.text


def test_plain_pytest_without_a_file_says_how_to_make_one(learner):
    done = learner.run("-m", "pytest", "topics/02-autograd-engine", "--level", "1", "-q")
    assert done.code == 1 and "python3 learn.py start 02" in done.out and "Traceback" not in done.out


def test_benchmarks_put_the_levels_side_by_side(learner):
    options = ("--benchmark-only", "-q", "--benchmark-min-rounds=1", "--benchmark-max-time=0.01")
    done = learner.run("-m", "pytest", "topics/02-autograd-engine", *options)
    assert "level01" in done.out and "level03" in done.out, done.text


@pytest.mark.parametrize("topic", catalog().ready, ids=lambda topic: topic.folder.name)
def test_every_picture_program_runs(learner, topic, tmp_path):
    done = learner.run(ROOT / "learn.py", "run", topic.folder / "visualization.py", folder=tmp_path)
    assert done.code == 0 and done.out.strip(), done.text


def test_the_first_fit_runs_on_a_level_one_engine_and_the_loss_falls(learner):
    done = learner("run", TOPIC.folder / "first_fit.py", COURSE_ENGINE="level01")
    losses = [float(number) for number in re.findall(r"loss = +([\d.]+)", done.out)]
    assert done.code == 0 and len(losses) >= 10 and losses[-1] < losses[0] / 100, done.text


def test_the_training_program_learns_the_four_samples(learner):
    done = learner("run", TOPIC.folder / "train.py", COURSE_ENGINE="stub")
    table = re.findall(r"\] +(-?1\.0) +(-?[\d.]+)", done.out)
    assert done.code == 0 and len(table) == 4, done.text
    assert all(abs(float(wanted) - float(predicted)) < 0.1 for wanted, predicted in table)


@pytest.mark.parametrize("folder", [ROOT, TOPIC.folder])
def test_the_pytorch_file_runs_as_a_program(learner, folder):
    path = TOPIC.solution(4).relative_to(folder)
    done = learner.run(path, folder=folder)
    assert done.code == 0 and done.out.strip(), done.text
