"""`utils.engine` and `utils.autograd_stub`: one visible line, the right class behind it, nothing heavy loaded."""

import json

import pytest

from utils import autograd_stub
from utils.course import ownership
from utils.course.catalog import ROOT, catalog

USE = (
    "from utils.{module} import Value; x, y = Value(2.0), Value(3.0); z = x*y + x; z.backward(); "
    "print(z.data, x.grad, y.grad)"
)


@pytest.mark.parametrize("folder", [ROOT, ROOT / "topics", ROOT / "topics" / "02-autograd-engine" / "tests"])
def test_the_stub_can_be_imported_in_any_folder_of_the_checkout(learner, folder):
    done = learner.run("-c", USE.format(module="autograd_stub"), folder=folder)
    assert (done.code, done.out) == (0, "8.0 4.0 2.0\n"), done.text


def test_the_stub_loads_no_numpy(learner):
    done = learner.run("-c", "import sys; from utils.autograd_stub import Value; print('numpy' in sys.modules)")
    assert done.out == "False\n", done.text


def test_the_stub_offers_what_the_catalogue_says():
    said = {name: topic.slug for topic in catalog().ready for name in topic.exports}
    assert autograd_stub.HOMES == said


def test_the_stub_refuses_by_name_what_it_does_not_have():
    with pytest.raises(AttributeError, match="the stub has no 'Conv2d'; it offers Value"):
        _ = autograd_stub.Conv2d


def test_the_checker_works_as_one_line(learner):
    line = "from utils.finite_difference_checker import check_gradients; import math; " \
           "print(check_gradients(math.sin, 1.0, gradients=[math.cos(1.0)]).verdict)"  # fmt: skip
    assert learner.run("-c", line).out == "pass\n"


def test_the_engine_is_the_stub_until_something_else_is_chosen(learner):
    line = "from utils import engine, autograd_stub; print(engine.Value is autograd_stub.Value)"
    assert learner.run("-c", line).out == "True\n"


def test_the_environment_variable_chooses_a_level_or_a_file(learner):
    where = "from utils.engine import Value; import sys; print(sys.modules[Value.__module__].__file__)"
    assert learner.run("-c", where, COURSE_ENGINE="level01").out.strip().endswith("level01-naive.py")
    mine = learner.writes("autograd_engine.py", "class Value:\n    pass\n")
    assert learner.run("-c", where, COURSE_ENGINE="mine").out.strip() == str(mine)
    assert learner.run("-c", where, COURSE_ENGINE=str(mine)).out.strip() == str(mine)


def test_owning_makes_the_engine_the_learners_and_skipping_the_stub(learner):
    where = "from utils.engine import Value; import sys; print(sys.modules[Value.__module__].__file__)"
    level01 = catalog().topic("02").solution(1).read_text(encoding="utf-8")
    mine = learner.writes("autograd_engine.py", level01.replace("_receive", "_take"))  # the same idea, written again
    done = learner("own", "02")
    assert done.code == 0, done.text
    assert learner.run("-c", where).out.strip() == str(mine)
    done = learner("skip", "02")
    assert done.code == 0 and "python3 learn.py own 02" in done.out, done.text
    assert "level03" in learner.run("-c", where).out
    assert mine.read_text(encoding="utf-8") == level01.replace("_receive", "_take")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("from utils.autograd_stub import Value\n", "borrowed"),
        ("import utils.autograd_stub as s\n\n\nclass Value(s.Value):\n    pass\n", "borrowed"),
        ("from utils import autograd_stub\nValue = autograd_stub.Value\n", "borrowed"),
        ("from utils.engine import Value\n", "borrowed"),
    ],
)
def test_a_file_that_leans_on_the_stub_is_borrowed(learner, text, word):
    learner.writes("autograd_engine.py", text)
    done = learner("own", "02")
    assert done.code == 1 and f"Topic 02: {word}." in done.out, done.text


def test_what_an_earlier_topic_made_may_come_from_the_stub(tmp_path):
    path = tmp_path / "losses.py"
    path.write_text("from utils.engine import Value\n\n\ndef mse(predictions, targets):\n    return 0, 0\n")
    assert ownership.verdict(catalog().topic("04"), path).word == "own"
    path.write_text("from topics import losses\n")
    assert ownership.verdict(catalog().topic("04"), path).word == "borrowed"


def test_a_function_of_a_solution_is_shown_and_a_short_one_is_anybodys(tmp_path):
    path = tmp_path / "losses.py"
    path.write_text(catalog().topic("04").solution(1).read_text(encoding="utf-8"))
    assert ownership.verdict(catalog().topic("04"), path).word == "shown"
    path.write_text("def reduced(total):\n    return total\n")
    assert ownership.verdict(catalog().topic("04"), path).word == "own"


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_file_that_repeats_a_solution_is_shown_also_with_other_comments(learner, level):
    text = catalog().topic("02").solution(level).read_text(encoding="utf-8")
    learner.writes("autograd_engine.py", "# all mine\n" + text)
    done = learner("own", "02")
    assert done.code == 1 and "Topic 02: shown." in done.out, done.text


def test_settings_cut_short_leave_the_stub(learner):
    (learner.home / ".learn").mkdir(parents=True)
    (learner.home / ".learn" / "settings.json").write_text(json.dumps({"engines": {"autograd-engine": "mine"}})[:9])
    assert learner.run("-c", USE.format(module="engine")).out == "8.0 4.0 2.0\n"


def test_a_capstone_says_whose_engines_it_was_trained_on(learner):
    lines = ("import dataclasses", "from utils.course import ownership", "from utils.course.catalog import catalog",
             "topic = dataclasses.replace(catalog().topic('09'), needs=('07', '09'))",
             "print(ownership.trained_on(topic))")  # fmt: skip
    assert learner.run("-c", "; ".join(lines)).out == "trained on: borrowed: 02, 07, 08, 09\n"
    settings = {"engines": {"tensor-autograd": "mine", "optimizers": "mine", "modules": "stub"}}
    (learner.home / ".learn").mkdir(parents=True, exist_ok=True)
    (learner.home / ".learn" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    assert learner.run("-c", "; ".join(lines)).out == "trained on: your 07, 08; borrowed: 02, 09\n"


def test_a_short_class_that_is_the_same_as_ours_is_still_the_learners_and_a_whole_level_is_not(learner):
    topic = catalog().topic("07")
    text = topic.solution(1).read_text(encoding="utf-8")
    mine = learner.writes("optimizers.py", text.replace("velocity", "speed"))
    assert ownership.verdict(topic, mine).word == "own"  # SGD is the same, line by line
    mine.write_text(text, encoding="utf-8")
    assert ownership.verdict(topic, mine).word == "shown"


def test_what_is_missing_in_an_owned_engine_is_said_to_be_missing_there(learner):
    (learner.home / ".learn").mkdir(parents=True, exist_ok=True)
    settings = {"engines": {"modules": "mine"}}
    (learner.home / ".learn" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    learner.writes("modules.py", catalog().topic("09").skeleton.read_text(encoding="utf-8"))
    learner.writes("capstone_digits.py", catalog().topic("10").solution(1).read_text(encoding="utf-8"))
    done = learner("check", "10", "--level", "1")
    assert "Linear: this is not written in modules.py, which is your engine here." in done.out, done.text
    assert "python3 learn.py skip 09" in done.out, done.text
