"""The hunts of Topic 39 handed in: what is right follows from the learner's number, and answers cannot be passed on."""

import json
import os
import zipfile

import pytest

from utils.course import catches, catching, hunting
from utils.course.catalog import catalog
from utils.course.loading import load
from utils.grading import hunts, intake, isolation, worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the grader forks")
NUMBER = 7


def handed_in(student, number=NUMBER, answers=None, texts=None, probes=(), line_up=0):
    """A Submission: a hunt in engines drawn by a number, with answers and mended files."""
    cases = hunting.draw("engines", number)
    right = {case.number: (min(case.lines), case.kind) for case in cases}
    one = intake.Submission(student, "made", line_up=line_up)
    told = {"engines": right if answers is None else answers, "probes": list(probes)}
    one.hunt["bug_hunt.py"] = "".join(
        f"def {name}():\n    return {value}\n\n\n" for name, value in told.items()
    ).encode()
    entries = [{"case": case.secret(number), "topic": case.topic.number} for case in cases]
    one.hunt["cases.json"] = json.dumps({"number": number, "hunts": {"engines": entries}}).encode()
    for case in cases:
        one.hunt[case.path.name] = (texts or {}).get(case.number, case.sound).encode()
    return one


@pytest.fixture(scope="module")
def grader():
    with worker.Grader(isolation.detect("auto", trust=True).kind) as grader:
        yield grader


def test_lines_kinds_and_repairs_are_counted_each_by_itself(grader):
    first, second, third, *_ = hunting.draw("engines", NUMBER)
    right = {case.number: (min(case.lines), case.kind) for case in hunting.draw("engines", NUMBER)}
    other = next(kind for kind in second.offered if kind != second.kind)
    answers = right | {1: (10**6, first.kind), 2: (right[2][0], other), 4: "no pair", 5: None}
    texts = {2: second.sound + "\n\nEXTRA = 1\n", 3: third.given, 4: "this is no Python", 5: "import os; os._exit(0)"}
    (found,) = hunts.grade([handed_in("ada", answers=answers, texts=texts)], grader, "seed")
    assert found.hunts == {"engines": (2, 2, 2, 0, 5)} and found.remarks == [] and found.whole == 0
    (whole,) = hunts.grade([handed_in("bob")], grader, "seed")
    assert whole.hunts == {"engines": (5, 5, 5, 5, 5)} and whole.whole == 5


def test_answers_that_were_passed_on_are_worth_little_and_equal_numbers_are_named(grader):
    ada, bob, eve = handed_in("ada"), handed_in("bob"), handed_in("eve", number=NUMBER + 1)
    eve.hunt["bug_hunt.py"] = ada.hunt["bug_hunt.py"]  # the answers of another learner's bugs
    found = hunts.grade([ada, bob, eve], grader, "seed")
    assert found[2].whole <= 1 and found[2].remarks == []
    assert [one.remarks for one in found[:2]] == [
        [f"the same bugs as {name}: every learner draws others, so ask"] for name in ("bob", "ada")]  # fmt: skip


def test_what_is_computed_changed_or_missing_counts_nothing(grader):
    computed, changed, nothing = handed_in("ada"), handed_in("bob", number=8), handed_in("eve", number=9)
    computed.hunt["bug_hunt.py"] = (
        b"from utils.course import hunting\n\n\ndef engines():\n    return dict(hunting.cases())\n"
    )
    told = json.loads(changed.hunt["cases.json"])
    told["hunts"]["engines"][0]["case"] = hunting.draw("engines", 8)[1].secret(8)
    changed.hunt["cases.json"] = json.dumps(told).encode()
    nothing.hunt["cases.json"] = b'{"number": true, "hunts": []}'
    found = hunts.grade([computed, changed, nothing, intake.Submission("no", "made")], grader, "seed")
    assert [one.whole for one in found] == [0, 0, 0, 0]
    assert found[1].hunts == found[2].hunts == {} and "not the bugs of its number" in found[1].remarks[0]
    assert "nothing says which bugs" in found[2].remarks[0] and found[3].remarks == ["no bug_hunt.py"]


def test_probes_are_thrown_at_the_student_s_own_line_up(grader):
    probes = load(hunting.topic_of_hunts().solution(1)).probes()
    few = [probes[0]]
    found = hunts.grade([handed_in("ada", probes=probes, line_up=3), handed_in("bob", 8, probes=few, line_up=4),
                         handed_in("eve", 9, probes=probes)], grader, "seed")  # fmt: skip
    (engine,) = (topic for topic in catalog().ready if "Value" in topic.exports)
    told = catching.evidences(engine, catching.line_up(engine, 4), [catches.parse_line(few[0])])
    assert [one.caught for one in found] == [(16, 16), (len(told[0]), 16), (0, 16)]
    assert list(hunts.rows(found))[1][:3] == ["ada", "5", "35"]


def test_submit_puts_the_hunt_into_the_archive_and_the_grader_reads_it(learner, tmp_path):
    learner.writes("bug_hunt.py", "def engines():\n    return {}\n")
    learner.writes("hunt/cases.json", '{"number": 5, "hunts": {}}')
    learner.writes("hunt/engines-1.py", "# half mended\n")
    assert learner("submit", str(tmp_path / "ada.zip")).code == 0
    found = intake.read(tmp_path / "ada.zip", "ada")
    assert set(found.hunt) == {"bug_hunt.py", "cases.json", "engines-1.py"}
    assert found.hunt["engines-1.py"] == b"# half mended\n" and found.files == {} and found.refused == []
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        told = json.loads(archive.read("submission.json"))
    assert "workspace/hunt/engines-1.py" in told["files"]
    with zipfile.ZipFile(tmp_path / "bob.zip", "w") as archive:
        archive.writestr("submission.json", json.dumps({"borrowed": [], "catch": {"seed": 12}}))
        archive.writestr("elsewhere/engines-1.py", "no file of a hunt\n")
    found = intake.read(tmp_path / "bob.zip", "bob")
    assert found.line_up == 12 and found.hunt == {}
