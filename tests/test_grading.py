"""Grading a class: the sandbox runs, the judge decides, the ledger survives. Cheats have a file of their own."""

import csv
import os
import random
import subprocess
import sys

import pytest

from tests.conftest import TOPICS
from utils.course import mutants
from utils.course.catalog import ROOT, catalog
from utils.course.loading import load
from utils.grading import isolation, judge, worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the grader forks")
ASKED = [topic for topic in TOPICS if judge.levels_of(topic)]
VARIANTS = [path for topic in ASKED for path in sorted((ROOT / "tests" / "variants" / topic.number).glob("*.py"))]


@pytest.fixture(scope="module")
def kind():
    """The best isolation that this machine offers; where it offers none, the files of this test are trusted."""
    return isolation.detect("auto", trust=True).kind


@pytest.fixture(scope="module")
def grader(kind):
    with worker.Grader(kind) as grader:
        yield grader


def graded(grader, topic, level, source, seed="a seed"):
    return grader.grade(worker.Task(topic.number, level, "content", seed), source, f"{topic.module}.py")


@pytest.mark.parametrize("topic", ASKED, ids=lambda topic: topic.number)
def test_the_reference_holds_everywhere_and_the_skeleton_nowhere(grader, topic):
    for level in judge.levels_of(topic):
        for seed in ("one", "two"):
            told = graded(grader, topic, level, topic.solution(3).read_bytes(), seed)
            wrong = [case for case in told["cases"] if case["outcome"] != "holds"]
            assert wrong == [] and set(told["steps"]) <= {step.id for step in topic.steps_of(level)}
        told = graded(grader, topic, level, topic.skeleton.read_bytes())
        assert told["cases"] and all(case["outcome"] != "holds" for case in told["cases"])


@pytest.mark.parametrize("topic", ASKED, ids=lambda topic: topic.number)
def test_every_step_of_a_topic_with_case_programs_is_judged_by_one(topic):
    judged = {judge.step_of(topic, one).id for level in topic.levels for one in judge.all_cases(topic, level)}
    assert judged <= {step.id for step in topic.steps}
    assert judged >= {step.id for step in topic.steps if step.level < 4}  # level 4 may be about PyTorch alone


@pytest.mark.parametrize("topic", ASKED, ids=lambda topic: topic.number)
def test_a_level_holds_its_own_cases_and_misses_some_of_the_next(grader, topic):
    for level in (1, 2):
        source = topic.solution(level).read_bytes()
        for below in range(1, level + 1):
            assert all(graded(grader, topic, below, source)["steps"].values())
        if level + 1 in judge.levels_of(topic):
            assert not all(graded(grader, topic, level + 1, source)["steps"].values())


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_a_correct_design_of_another_kind_holds_levels_1_and_2(grader, path):
    topic = catalog().topic(path.parent.name)
    for level in (1, 2):
        told = graded(grader, topic, level, path.read_bytes())
        assert [case for case in told["cases"] if case["outcome"] != "holds"] == []


@pytest.mark.parametrize("topic", ASKED, ids=lambda topic: topic.number)
def test_planted_mistakes_are_noticed(kind, topic):
    benchmark = load(ROOT / "benchmarks" / "grading.py", "grading_benchmark")  # `strength` tries all of them
    planted = [one for one in mutants.mutants_of(topic) if one.kills and one.diagnosis not in benchmark.SLOW]
    chosen = random.Random(3).sample(planted, 6)
    assert len(benchmark.unnoticed(topic, chosen, kind)) <= 1


def grade(*words):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "grade.py", *map(str, words)], cwd=ROOT,
                          capture_output=True, text=True, encoding="utf-8")  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def rows_of(report):
    with open(report / "grades.csv", newline="", encoding="utf-8") as stream:
        return {row["student"]: row for row in csv.DictReader(stream)}


@pytest.fixture
def classroom(tmp_path):
    """Three submissions to Topic 02, one without and two with mistakes."""
    for name, source in (("ada", ROOT / "tests" / "variants" / "02" / "tape.py"),
                         ("bob", catalog().topic("02").skeleton),
                         ("eve", ROOT / "tests" / "variants" / "02" / "tape.py")):  # fmt: skip
        folder = tmp_path / "class" / name
        folder.mkdir(parents=True)
        (folder / "autograd_engine.py").write_bytes(source.read_bytes())
    (tmp_path / "class" / "eve" / "conftest.py").write_text("raise SystemExit\n", encoding="utf-8")
    return tmp_path / "class"


def test_a_class_is_graded_and_graded_again_without_work(classroom, tmp_path, kind):
    code, text = grade(classroom, "--out", tmp_path / "report", "--trust", "--upto", "2", "--jobs", "1")
    assert code == 0, text
    rows = rows_of(tmp_path / "report")
    assert [rows[name]["total"] for name in ("ada", "bob", "eve")] == ["70.0", "0.0", "70.0"]
    assert "conftest.py" in rows["eve"]["remarks"] and rows["ada"]["remarks"] == ""
    assert "Isolation: " in text and f"{kind}" not in ("none",)
    before = (tmp_path / "report" / "class.html").read_bytes()
    code, text = grade(classroom, "--out", tmp_path / "report", "--trust", "--upto", "2", "--jobs", "1")
    assert code == 0 and "4 to grade, of which 4 are done" in text
    assert (tmp_path / "report" / "class.html").read_bytes() == before


def test_without_isolation_nothing_is_graded(classroom, tmp_path):
    code, text = grade(classroom, "--out", tmp_path / "report", "--isolation", "rlimits")
    assert code == 4 and "Nothing was graded" in text and "needs --trust" in text
    assert {row["total"] for row in rows_of(tmp_path / "report").values()} == {"not graded"}
