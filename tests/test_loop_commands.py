"""why, predict, hint, show, diff, review, gradcheck, doctor, update, export and import, as a learner meets them."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from utils.course import catalog as places
from utils.course import explaining, hinting, notes, predictions, texts, updating
from utils.course.catalog import ROOT, catalog

TOPIC = catalog().topic("02")
LEVEL01 = TOPIC.solution(1).read_text(encoding="utf-8")
FORGOTTEN_PATH = LEVEL01.replace("self.grad += upstream", "self.grad = upstream")
WRONG_SUM = LEVEL01.replace("self.data + other.data", "self.data + 2 * other.data")
WITH_PREDICTIONS = [topic for topic in catalog().ready if (topic.folder / "predictions.toml").exists()]


def answered(learner, text, *words):
    """learn.py with lines typed into it."""
    return subprocess.run(
        [sys.executable, ROOT / "learn.py", *words], cwd=ROOT, env=learner.environment(), input=text,
        capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip


# why ------------------------------------------------------------------------------------------------------------------


def test_why_puts_yours_expected_and_the_nudged_slope_side_by_side(learner):
    learner.writes("autograd_engine.py", FORGOTTEN_PATH)
    assert "python3 learn.py check 02" in learner("why").text
    learner("check", "02")
    screen = learner("why").out
    lines = screen.splitlines()
    assert len(lines) <= 12 and max(len(line) for line in lines if str(learner.home) not in line) <= 80
    row = next(line for line in screen.splitlines() if line.strip().startswith("a.grad"))
    assert row.split()[:5] == ["a.grad", "25", "45", "45", "0.5556"]
    assert "the way back is at fault" in screen and "Likely" in screen and ":" in screen.split("Look at")[1]
    learner.writes("autograd_engine.py", LEVEL01)
    assert learner("why").code == 2


def test_why_tells_a_wrong_forward_pass_from_a_wrong_way_back(tmp_path):
    path = tmp_path / "file.py"
    path.write_text(WRONG_SUM, encoding="utf-8")
    slopes = explaining.measured(path, "a + b at a = 2, b = 3")
    assert slopes == {"a.grad": pytest.approx(1.0), "b.grad": pytest.approx(2.0)}
    wrong = [{"what": "b.grad", "expected": 1.0}]
    assert "forward value first" in explaining._note(wrong, slopes)


@pytest.mark.parametrize("given", ["x = Value(2.0)", "a + b at somewhere", "a + b at a = 2", ""])
def test_a_case_that_is_told_in_words_is_explained_without_nudging(given):
    assert explaining.case_in(given) is None


# predict --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", WITH_PREDICTIONS, ids=lambda topic: topic.number)
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_every_answer_is_computed_and_every_misconception_is_another_number(topic, level):
    found = predictions.questions(topic, level)
    assert len(found) in (0, 3)
    drawn = [one for seed in range(1, 9) for one in predictions.questions(topic, level, seed) if one.drawn]
    for question in [*found, *{one.ask + str(one.drawn): one for one in drawn}.values()]:
        scope = {"Value": __import__("utils.autograd_stub", fromlist=["Value"]).Value, **question.drawn}
        exec(question.proof, scope)
        assert abs(scope["answer"] - question.answer) <= question.tolerance / 2, question.ask
        for number, says in question.wrong:
            assert not predictions.is_right(question, number), question.ask
            assert predictions.misconception(question, number) == says
        assert predictions.misconception(question, 123.456) == ""


def test_learners_are_asked_in_other_numbers_and_each_in_the_same_again(learner):
    topic = catalog().topic("00")
    asked = {tuple(one.ask for one in predictions.questions(topic, 1, seed)) for seed in range(40)}
    assert len(asked) > 9
    screens = [" ".join(answered(learner, "", "predict", "00", "--level", "1").stdout.split()) for _ in range(2)]
    seed = json.loads((learner.home / ".learn" / "predictions.json").read_text(encoding="utf-8"))["seed"]
    assert all(one.ask in text for one in predictions.questions(topic, 1, seed) for text in screens)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0,004", 0.004), (" -3/2 ", -1.5), ("2**22", 2**22), ("2^22", 2**22), ("−1", -1.0), ("1e-3", 0.001),
     ("", None), ("four", None), ("1/0", None), ("inf", None), ("nan", None), ("9**999", None), ("1/2/3", None)],
)  # fmt: skip
def test_numbers_are_read_as_people_type_them(text, number):
    assert predictions.number_in(text) == number


def test_a_wrong_number_names_its_misconception_and_the_answer_comes_after_the_level(learner):
    learner.writes("autograd_engine.py", LEVEL01)
    (learner.home / ".learn").mkdir(exist_ok=True)
    (learner.home / ".learn" / "predictions.json").write_text('{"seed": 0}', encoding="utf-8")  # the README's numbers
    before = answered(learner, "0.003\nsix\n6\n\n", "predict", "02", "--level", "1").stdout
    assert "You forgot that x is used a second time." in before and "Yes." in before and "A number, please" in before
    assert "It is" not in before
    learner("check", "02", "--upto", "1")
    after = answered(learner, "0.004\n6\n1\n", "predict", "02", "--level", "1").stdout
    assert after.count("Yes.") == 3 and "It is 0.004. Before the level you said 0.003." in after
    kept = json.loads((learner.home / ".learn" / "predictions.json").read_text(encoding="utf-8"))
    assert kept["02"]["1"] == {"before": [0.003, 6.0, None], "after": [0.004, 6.0, 1.0]}


def test_a_prediction_is_skipped_by_enter_and_by_silence(learner):
    done = answered(learner, "\n\n\n", "predict", "02")
    assert done.returncode == 0 and "Skipped" in done.stdout
    done = answered(learner, "", "predict", "02", "--level", "2")
    assert done.returncode == 0 and "Traceback" not in done.stderr


# hint and show --------------------------------------------------------------------------------------------------------


def test_shuffled_lines_come_before_the_almost_finished_code():
    found = hinting.ladder(TOPIC, "Value.__mul__", "forward")
    titles = [rung.splitlines()[0] for rung in found]
    place = titles.index("Shuffled lines")
    assert 3 <= place and "lmost code" in titles[place + 1] and place + 2 == len(titles)
    lines = hinting.shuffled_lines(TOPIC, "Value.__mul__", 1)
    assert sorted(lines) != lines or len(lines) >= 3
    assert lines == hinting.shuffled_lines(TOPIC, "Value.__mul__", 1) and not any("#" in line for line in lines)


def test_shuffled_lines_stand_one_below_the_other_on_the_screen():
    found = hinting.ladder(TOPIC, "Value.__mul__", "forward")
    shown = texts.for_terminal(next(rung for rung in found if rung.startswith("Shuffled lines")))
    for line in hinting.shuffled_lines(TOPIC, "Value.__mul__", 1):
        assert f"    {line}" in shown.splitlines()


def test_every_ladder_goes_on_to_the_almost_finished_code():
    for step in TOPIC.steps:
        for name in step.about:
            found = hinting.ladder(TOPIC, name, step.id)
            assert len(found) >= 2 and sum("Shuffled lines" in rung for rung in found) <= 1, (step.id, name, len(found))


def test_show_ends_with_one_question_whose_answer_is_kept_in_the_notes(learner):
    number, code = notes.line_to_explain(TOPIC, 1)
    assert LEVEL01.splitlines()[number - 1].strip() == code
    learner.writes("autograd_engine-notes.md", "# My notes\n\nImportant.\n")
    done = answered(learner, "Because it is told twice.\n", "show", "02", "--level", "1", "--yes")
    assert f"Why is line {number} there?  {code}" in done.stdout
    kept = (learner.workspace / "autograd_engine-notes.md").read_text(encoding="utf-8")
    assert kept.startswith("# My notes\n\nImportant.\n") and "Because it is told twice." in kept and code in kept
    again = answered(learner, "Another one.\n", "show", "02", "--level", "1", "--yes")
    assert "Why is line" not in again.stdout
    assert (learner.workspace / "autograd_engine-notes.md").read_text(encoding="utf-8") == kept


# diff, review, gradcheck ----------------------------------------------------------------------------------------------


def test_diff_compares_with_the_skeleton_a_version_and_a_level_that_holds(learner):
    learner.writes("autograd_engine.py", LEVEL01)
    assert "+        self.grad += upstream" in learner("diff").out
    assert learner("diff", "--level", "1").code == 2
    learner("check", "02", "--upto", "1")
    assert "is the same as topics/02" in learner("diff", "--level", "1").out
    learner.writes("autograd_engine.py", FORGOTTEN_PATH)
    assert "-        self.grad += upstream" in learner("diff", "--version", "1").out


def test_review_asks_each_question_in_its_turn_and_rebuilds_beside_the_work(learner):
    learner.writes("autograd_engine.py", LEVEL01)
    assert learner("review").code == 2
    learner("check", "02", "--upto", "1")
    first, second = learner("review").out, learner("review").out
    assert first != second and first.startswith("Topic 02. Answer aloud")
    done = learner("review", "--rebuild")
    assert "--upto 1" in done.out
    assert (learner.workspace / "autograd_engine.py").read_text(encoding="utf-8") == LEVEL01
    scratch = learner.workspace / "review" / "autograd_engine_again.py"
    assert scratch.read_bytes() == TOPIC.skeleton.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("good",), 0, "pass"),
        (("wrong", "--at", "2"), 1, "0.6667"),
        (("crash",), 1, "ZeroDivisionError"),
        (("nothing",), 2, "There is no function nothing"),
        (("good", "--at", "1"), 2, "takes 2 numbers"),
        (("good", "--at", "one,two"), 2, "--at 2,-3"),
    ],
)
def test_gradcheck_checks_a_function_of_ones_own(learner, tmp_path, words, code, says):
    path = tmp_path / "mine.py"
    path.write_text(
        "def good(w, x):\n    return (w * x - 1) ** 2\n\ndef wrong(x):\n    return x**3\n\n"
        "def wrong_gradient(x):\n    return 2 * x**2\n\ndef crash(x):\n    return x / 0\n", encoding="utf-8",
    )  # fmt: skip
    done = learner("gradcheck", f"{path}:{words[0]}", *words[1:])
    assert (done.code, says in done.text, "Traceback" in done.text) == (code, True, False), done.text


# doctor, update, export and import ------------------------------------------------------------------------------------


def test_the_doctor_names_each_trouble_with_what_mends_it(learner):
    learner.writes("random.py", "x = 1\n")
    learner.writes("autograd_engine.py", LEVEL01)
    learner("check", "02", "--upto", "1")
    (learner.home / ".learn" / "progress.json").write_text("{", encoding="utf-8")
    done = learner("doctor", "--plain", COURSE_ENGINE="stub")
    text = done.out
    assert done.code == 1 and text.count("  mend  ") == 3
    assert "hides Python's own module random" in text and "unset COURSE_ENGINE" in text.replace("set C", "unset C", 0)
    assert "cut short" in text and "python3 learn.py check --all" in text


@pytest.fixture
def copy(tmp_path):
    """A small copy of the course's files, to be updated from."""
    folder = tmp_path / "newer"
    for name in ("learn.py", "topics/catalog.toml", "utils/engine.py", "topics/02-autograd-engine/skeleton.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_an_update_replaces_the_course_and_nothing_else(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "STATE", tmp_path / "mine" / ".learn")
    root = tmp_path / "mine"
    shutil.copytree(copy, root)
    for name, text in (("workspace/autograd_engine.py", "mine"), (".learn/progress.json", "{}"),
                       ("topics/old/gone.py", "x"), ("utils/engine.py", "changed by me")):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (copy / "workspace").mkdir()
    (copy / "workspace" / "autograd_engine.py").write_text("somebody else's", encoding="utf-8")
    (copy / "hints").mkdir()
    (copy / "hints" / "new.md").write_text("new", encoding="utf-8")
    done = updating.from_copy(copy, root)
    assert done.changed == 3
    assert (root / "workspace" / "autograd_engine.py").read_text(encoding="utf-8") == "mine"
    assert (root / "utils" / "engine.py").read_bytes() == (copy / "utils" / "engine.py").read_bytes()
    assert (root / "hints" / "new.md").exists() and not (root / "topics" / "old" / "gone.py").exists()
    assert (done.kept / "utils" / "engine.py").read_text(encoding="utf-8") == "changed by me"
    assert (done.kept / "topics" / "old" / "gone.py").read_text(encoding="utf-8") == "x"
    assert updating.from_copy(copy, root).changed == 0


def test_an_update_from_a_zip_takes_nothing_from_outside(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "STATE", tmp_path / "mine" / ".learn")
    archive = tmp_path / "course.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for path in copy.rglob("*"):
            if path.is_file():
                stream.write(path, f"course-main/{path.relative_to(copy)}")
        stream.writestr("course-main/../outside.py", "evil")
        stream.writestr("course-main/workspace/autograd_engine.py", "evil")
    assert updating.from_copy(archive, tmp_path / "mine").changed == 4
    assert not (tmp_path / "outside.py").exists() and not (tmp_path / "mine" / "workspace").exists()


@pytest.mark.parametrize("what", ["a folder without a course", "a text", "nothing"])
def test_what_is_no_course_is_refused_in_one_sentence(learner, tmp_path, what):
    path = tmp_path / "source"
    if what == "a text":
        path.write_text("hello", encoding="utf-8")
    elif what == "a folder without a course":
        path.mkdir()
    done = learner("update", "--from", path)
    assert done.code == 2 and len(done.text.strip().splitlines()) == 1, done.text


def test_whoever_begins_a_topic_further_on_is_there(learner):
    learner("start", "06")
    assert "Here      Topic 06" in learner().out
    assert learner("task").out.startswith("Topic 06, level 1: the chain rule")
    assert "About `chain_rule`" in learner("hint").out
    learner.writes("backpropagation.py", "def (\n")
    assert "Python cannot read line 1" in learner("check").out
    assert "Python cannot read line 1" in learner("check").out  # the same file again: still this topic
    learner("start", "00")
    assert learner("task").out.startswith("Topic 00, level 1")


def test_a_contract_that_changed_since_the_start_is_shown_once(learner):
    learner("start", "02")
    kept = learner.home / ".learn" / "skeletons" / "autograd_engine.py"
    text = kept.read_text(encoding="utf-8").replace("def zero_grad(self)", "def clear(self)")
    kept.write_text(text.replace("def __pow__(self, exponent)", "def __pow__(self)"), encoding="utf-8")
    done = learner("update", "--seen")
    assert "`Value.zero_grad` is new." in done.out and "`Value.clear` is no longer asked for." in done.out
    assert "`Value.__pow__` takes 1 argument now; it took 0." in done.out
    assert "zero_grad" not in learner("update", "--seen").out


def test_export_carries_everything_and_import_loses_nothing(learner, tmp_path):
    learner.writes("autograd_engine.py", LEVEL01)
    learner("check", "02", "--upto", "1")
    file = tmp_path / "work.zip"
    assert learner("export", file).code == 0 and learner("export", file).code == 2
    here, learner.home = learner.home, tmp_path / "elsewhere"
    other = learner.writes("autograd_engine.py", "# begun here as well\n")
    assert learner("import", file).code == 0
    assert other.read_text(encoding="utf-8") == LEVEL01
    assert "[x] level 1" in learner("list", "02").out
    learner("undo", "02")
    assert other.read_text(encoding="utf-8") == "# begun here as well\n"
    assert (here / "workspace" / "autograd_engine.py").read_text(encoding="utf-8") == LEVEL01


@pytest.mark.parametrize("damage", ["cut short", "another file", "paths that lead outside"])
def test_a_damaged_export_changes_nothing(learner, tmp_path, damage):
    file = tmp_path / "work.zip"
    learner.writes("autograd_engine.py", "mine\n")
    if damage == "paths that lead outside":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("course.json", '{"format": 1}')
            archive.writestr("workspace/../../outside.py", "evil")
            archive.writestr("/etc/outside.py", "evil")
        assert "0 files of yours" in learner("import", file).out
    else:
        learner("export", file)
        file.write_bytes(file.read_bytes()[:200] if damage == "cut short" else b"hello")
        done = learner("import", file)
        assert done.code == 2 and "Traceback" not in done.text
    assert (learner.workspace / "autograd_engine.py").read_text(encoding="utf-8") == "mine\n"
    assert list(tmp_path.rglob("outside.py")) == []
