"""A batch survives kills, lost workers and other people's systems; the pilot is what TEACHING.md shows."""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from utils.course.catalog import ROOT, catalog
from utils.course.loading import load
from utils.grading import batch, exporters, intake, isolation, judge, marks, reports, similarity, worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the grader forks")
BENCHMARK = load(ROOT / "benchmarks" / "grading.py", "grading_benchmark")


def grade(*words, **environment):
    command = [sys.executable, ROOT / "scripts" / "grade.py", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
                          encoding="utf-8")  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    """The report of the three submissions that TEACHING.md begins with."""
    report = tmp_path_factory.mktemp("pilot") / "report"
    code, text = grade(ROOT / "tests" / "pilot", "--out", report, "--trust", "--jobs", "1", "--seed", "pilot")
    assert code == 0, text
    return report


def test_the_pilot_says_what_teaching_says_it_says(pilot):
    teaching = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(student,total.*?)```", teaching, re.DOTALL)[1]
    assert (pilot / "grades.csv").read_text(encoding="utf-8") == shown


def test_a_student_reads_the_words_of_check(pilot):
    (page,) = (pilot / "students").glob("bela-*.html")
    text = page.read_text(encoding="utf-8")
    assert "the forgotten path" in text
    assert "Use `+=` wherever a gradient arrives at a parent, in every operation." in text
    assert "[accumulate]" in text and "/scratch" not in text and str(ROOT) not in text


def test_the_class_page_counts_misconceptions_and_names_clusters(pilot):
    told = json.loads((pilot / "class.json").read_text(encoding="utf-8"))
    assert {(m["diagnosis"], m["students"]) for m in told["misconceptions"]} == {
        ("accumulate", 1), ("borrowed", 1), ("recursion", 1)}  # fmt: skip
    assert [c["representative"] for c in told["clusters"]] == ["bela", "chen", "ada"]
    assert ["02", 3, "a_chain_of_a_hundred_thousand", 3] in told["cases"]["everybody failed"]
    assert told["similar"] == [] and told["graded twice"]["not steady"] == 0


def test_a_batch_that_is_killed_ends_in_the_report_of_one_that_is_not(tmp_path):
    told = BENCHMARK.killed(tmp_path, 2, submissions=6, seed=5, more=("--no-feedback",))
    assert told["same"], told["words"]


def test_a_ledger_that_was_cut_short_loses_only_its_last_line(tmp_path):
    settings = batch.Settings("rlimits", levels=(1,))
    ledger = batch.Ledger(tmp_path, settings, "seed")
    for number in range(3):
        ledger.add({"unit": f"02 {number}", "levels": {}})
        ledger.add({"unit": f"02 {number}", "levels": {"1": "a second result of one unit is dropped"}})
    ledger.close()
    data = ledger.path.read_bytes()
    for cut in (1, 20, len(data) // 2):
        ledger.path.write_bytes(data[:-cut])
        again = batch.Ledger(tmp_path, settings, "seed")
        assert all(again.results[unit] == {"unit": unit, "levels": {}} for unit in again.results)
        again.add({"unit": "02 9", "levels": {}})
        again.close()
        assert all(json.loads(line) for line in ledger.path.read_text(encoding="utf-8").splitlines())
    with pytest.raises(batch.OtherBatch):
        batch.Ledger(tmp_path, batch.Settings("rlimits", levels=(1, 2)), "seed")


def test_a_wrong_canary_stops_the_report():
    def result(held):
        return {"method": "cases", "levels": {"1": {"steps": {"box": held, "forward": True}}}}

    units = [batch.Unit("02", "reference02", "s", (1,)), batch.Unit("02", "skeleton02", "s", (1,))]
    results = {"02 reference02": result(False), "02 skeleton02": result(False)}
    assert marks.canary_findings(results, units) == [
        "Topic 02, level 1: the reference fails box.", "Topic 02, level 1: the skeleton passes something."]  # fmt: skip
    assert marks.canary_findings({}, units[:1]) == ["Topic 02: the reference was not graded."]


def test_names_and_texts_of_submissions_cannot_become_part_of_a_page_or_a_formula():
    one = intake.Submission("<script>alert(1)</script>", "made")
    one.refused.append(("=cmd()|x", "<b>why</b>"))
    whole = reports.Batch([one], [batch.Unit("02", "x", "s", (1,))], {}, {"seed": "", "isolation": "", "course": ""},
                          marks.Marks())  # fmt: skip
    page = reports.student_page(whole, one, reports.student_data(whole, one))
    assert "<script>" not in page and "<b>why" not in page and "&lt;script&gt;" in page
    (row,) = csv.DictReader(reports.grades_csv(whole).splitlines())
    assert row["total"] == "0.0" and not row["remarks"].startswith("=")
    assert not {"/", "<", ">"} & set(reports.file_name(one.student))


def test_what_is_alike_is_shown_in_pairs():
    common, own = list(range(100)), list(range(1000, 1040))
    prints = {"a": own, "b": [*own, 5000], "c": list(range(2000, 2050)), "d": list(range(3000, 3050))}
    found = similarity.pairs({name: [*marks_, *common] for name, marks_ in prints.items()}, given=common)
    assert found == [similarity.Pair("a", "b", 1.0)]


# Handing in -----------------------------------------------------------------------------------------------------------


def test_submit_makes_an_archive_that_the_grader_takes(learner, tmp_path):
    assert learner("submit", tmp_path / "s.zip").code == 2
    learner.writes("autograd_engine.py", (ROOT / "tests" / "variants" / "02" / "tape.py").read_text(encoding="utf-8"))
    learner.writes("losses.py", 'level3 = open("topics/04-losses/solutions/level03-fused.py")\n')
    learner("check", "02", "--upto", "1")
    done = learner("submit", tmp_path / "s.zip", "--name", "Ada")
    said = " ".join(done.out.split())
    assert done.code == 0 and "Topic 02, 04; your event log is not in it." in said, done.text
    assert "Topic 04 is named as borrowed" in said
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert sorted(archive.namelist()) == ["submission.json", "workspace/autograd_engine.py", "workspace/losses.py"]
        told = json.loads(archive.read("submission.json"))
    assert told["name"] == "Ada" and told["borrowed"] == ["04"]
    assert told["verdicts"]["02"]["steps"]["box"] == "pass" and told["verdicts"]["02"]["whose"] == "own"
    again = learner("submit", tmp_path / "t.zip", "--name", "Ada")
    assert again.code == 0 and (tmp_path / "t.zip").read_bytes() == (tmp_path / "s.zip").read_bytes()
    assert learner("submit", tmp_path / "s.zip").code == 2
    assert learner("submit", tmp_path / "s.zip", "--force", "--log").code == 0
    found = intake.read(tmp_path / "s.zip", "ada")
    assert set(found.files) == {"02", "04"} and found.borrowed == ("04",) and found.log["02"] == {"check": 1}


def test_what_an_archive_says_about_itself_may_be_anything(tmp_path):
    for content in (b"", b"[]", b'{"borrowed": 7}', b'{"borrowed": [[], {}, "02"]}', b"[" * 100_000):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("submission.json", content)
            archive.writestr("events.jsonl", content)
        found = intake.read(tmp_path / "a.zip", "a")
        assert found.files == {} and set(found.borrowed) <= {"02"}


# Other systems --------------------------------------------------------------------------------------------------------


def test_the_gradescope_bundle_grades_a_submission_where_gradescope_puts_it(tmp_path):
    (tmp_path / "autograder.zip").write_bytes(exporters.gradescope_bundle("--upto 1 --isolation auto"))
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        assert {"setup.sh", "run_autograder", "course/learn.py", "course/scripts/grade.py"} <= set(archive.namelist())
        archive.extractall(tmp_path / "source")
    (tmp_path / "submission").mkdir()
    for name in ("setup.sh", "run_autograder"):
        assert subprocess.run(["bash", "-n", tmp_path / "source" / name]).returncode == 0
    source = (ROOT / "tests" / "pilot" / "bela" / "workspace" / "autograd_engine.py").read_bytes()
    (tmp_path / "submission" / "autograd_engine.py").write_bytes(source)
    done = subprocess.run(["bash", tmp_path / "source" / "run_autograder"], capture_output=True, text=True,
                          env={**os.environ, "AUTOGRADER_ROOT": str(tmp_path), "PYTHON": sys.executable})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert told["score"] == 24.0 == round(sum(test["score"] for test in told["tests"]), 2)
    assert len(told["tests"]) == 5 and "the forgotten path" in told["output"]


def test_the_classroom_workflow_names_the_course_and_its_tag(tmp_path):
    file = tmp_path / "classroom.yml"
    code, text = grade("export", "classroom", "someone/course", "autumn", file, "--options", "--topics 02")
    assert code == 0, text
    workflow = file.read_text(encoding="utf-8")
    assert "repository: someone/course" in workflow and "ref: autumn" in workflow and "@" not in re.sub(
        r"actions/[\w-]+@v\d", "", workflow)  # fmt: skip
    words = re.search(r"python course/(scripts/grade.py submission .*)", workflow)[1]
    assert "--single" in words and "--topics 02" in words


def test_the_summary_of_a_report_is_markdown(pilot):
    text = exporters.summary(pilot)
    assert "## 24 of 100 points" in text and "### Topic 02, Autograd Engine: 24 of 100" in text


def test_every_student_gets_other_questions_and_the_same_ones_each_time():
    for topic in catalog().ready:
        first = exporters.oral(topic, "Ada")
        assert first == exporters.oral(topic, "Ada") and first.count("\n") >= 6
        assert len({exporters.oral(topic, f"student {n}").split("\n", 1)[1] for n in range(20)}) > 10
        assert "<details>" not in exporters.oral(topic, "Ada", answers=True)


def test_a_cluster_that_loses_a_worker_grades_everybody_exactly_once(tmp_path):
    pytest.importorskip("distributed", reason="dask.distributed is an optional extra")
    found = BENCHMARK.classroom(8, topics=("02",))
    ledger, units, _ = BENCHMARK.on_cluster(tmp_path, found, 2, kill_at=(3,))
    lines = [json.loads(line) for line in ledger.path.read_text(encoding="utf-8").splitlines()[1:]]
    assert sorted(line["unit"] for line in lines) == sorted(unit.key for unit in units)
    assert {line["method"] for line in lines} == {"cases"} and marks.canary_findings(ledger.results, units) == []


def test_where_no_scheduler_answers_a_sentence_says_so(tmp_path):
    code, text = grade(ROOT / "tests" / "pilot", "--out", tmp_path, "--trust", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 2 and "Traceback" not in text and ("scheduler" in text.lower())


def test_a_topic_without_case_programs_is_said_to_be_graded_by_its_tests(monkeypatch):
    kind = isolation.detect("auto", trust=True).kind
    topic = catalog().topic("07")
    monkeypatch.setattr(judge, "levels_of", lambda asked: ())
    with worker.Grader(kind) as grader:
        settings, unit = batch.Settings(kind, levels=(1,), feedback=False), batch.Unit("07", "x", "seed", (1,))
        result = batch.grade_unit(grader, unit, topic.solution(1).read_bytes(), settings)
    assert result["method"] == "public tests" and all(result["levels"]["1"]["steps"].values())
    one = intake.Submission("ada", "made")
    one.files["07"] = b"x"
    graded = marks.grade(one, "07", {**result, "look": {**result["look"], "ownership": "own"}}, (1,), marks.Marks())
    assert graded.earned == 40.0 and "graded by public tests in the sandbox only" in graded.remarks
