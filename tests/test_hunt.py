"""Topic 39: every learner hunts other bugs, all of them can be found, and what is answered is judged case by case."""

import ast
import json

import pytest

from utils.course import catches, catching, hunting, mutants
from utils.course.catalog import catalog
from utils.course.judging import Mismatch
from utils.course.loading import load

TOPIC = catalog().topic("39")
ENGINE = catalog().topic("02")
NAMES = [step.about[0] for step in hunting.hunts()]


def test_every_case_has_a_mistake_in_a_line_and_its_kind_among_those_offered():
    for number in (0, 1, 2):
        for name in NAMES:
            found = hunting.draw(name, number)
            assert len(found) == hunting.CASES
            for case in found:
                ast.parse(case.given)
                assert case.given != case.sound and case.lines
                assert case.kind in case.offered and len(set(case.offered)) == len(case.offered) >= len(hunting.LEAKS)
                assert max(case.lines) <= len(case.given.splitlines()) + 1


def test_no_bug_comes_twice_for_one_learner_and_two_learners_have_different_ones():
    drawn = {
        number: [(case.topic.number, case.mutant.id) for name in NAMES for case in hunting.draw(name, number)]
        for number in (1, 2)
    }
    assert all(len(set(cases)) == len(cases) for cases in drawn.values())
    assert len(set(drawn[1]) & set(drawn[2])) <= len(drawn[1]) / 4


def test_a_hunt_asks_only_about_what_the_road_has_passed_and_first_about_what_is_new():
    assert {case.topic.number for case in hunting.draw("engines", 5)} == {"02"}
    assert all(case.mutant.base in ("level01", "level02") for case in hunting.draw("engines", 5))
    assert {case.topic.number for case in hunting.draw("training", 5)} <= {"06", "07"}
    assert len({case.topic.number for case in hunting.draw("anywhere", 5)}) == hunting.CASES
    assert all(case.kind in hunting.LEAKS for case in hunting.draw("leaks", 5))


def test_the_pool_has_every_kind_of_mistake_that_shows_itself():
    last = next(step for step in hunting.hunts() if step.about == ("once_more",))
    kinds = {mutant.diagnosis for _, mutant in hunting._pool(last)}
    planted = {m.diagnosis for topic in catalog().ready if topic.kind != "hunt" for m in mutants.mutants_of(topic)}
    assert kinds >= planted - hunting.WITHOUT_A_SYMPTOM - {"raised"}


def test_lines_are_found_again_in_a_file_that_was_edited():
    case = next(case for number in range(9) for case in hunting.draw("engines", number) if len(case.lines) == 1)
    (line,) = case.lines
    lines = case.given.splitlines()
    assert case.lines_now(case.given) == {line}
    assert case.lines_now("\n".join(["import sys", "", *lines])) == {line + 2}
    assert case.lines_now("\n".join([*lines[: line - 1], "pass", *lines[line:]])) == {line}


def test_the_ten_probes_of_level_1_catch_everything_that_can_be_caught():
    probes = load(TOPIC.solution(1)).probes()
    everybody = [catching.Suspect(f"m{n}", mutant) for n, mutant in enumerate(catching.catchable(ENGINE))]
    assert len(probes) == hunting.MOST and len(everybody) == 243  # as its header says
    found = catching.evidences(ENGINE, everybody, [catches.parse_line(probe) for probe in probes])
    assert {one.letter for evidence in found for one in evidence} == {one.letter for one in everybody}
    first = catching.evidence(ENGINE, everybody, "a*b + a", {"a": 2.0, "b": -3.0})
    assert round(len(first) / len(everybody), 1) == 0.2


def test_what_pytorch_says_about_the_statements_is_computed():
    import torch

    said = hunting.statements(0).values()
    assert [one.verdict for one in said].count("bug") == 4 and len(said) == len(hunting.LETTERS)
    assert list(hunting.statements(1).values()) != list(hunting.statements(2).values())
    every = {one.says: one for number in range(30) for one in hunting.statements(number).values()}
    assert len(every) == 16
    for one in every.values():
        scope = {"torch": torch}
        exec(one.proof, scope)
        assert float(scope["answer"]) == pytest.approx(one.torch, rel=1e-5), one.says


def aim(check):
    with pytest.raises(Mismatch) as caught:
        check()
    return caught.value.observation.aim


def test_the_first_thing_that_does_not_hold_is_named_and_the_answer_is_not():
    case = hunting.draw("engines", 0)[0]
    right = {case.number: (min(case.lines), case.kind)}
    other = next(kind for kind in case.offered if kind != case.kind)

    def judged(answers, text=case.sound):
        return lambda: hunting.expect_found("engines", case.number, answers, lambda hunt, number: text)

    judged(right)()
    assert aim(judged({})) == aim(judged({case.number: case.kind})) == aim(judged([right])) == "answer"
    assert aim(judged({case.number: (1, case.kind)})) == "place"
    assert aim(judged({case.number: (min(case.lines), other)})) == "misnamed"
    assert aim(judged(right, case.given)) == aim(judged(right, "this is no Python")) == "unmended"
    with pytest.raises(Mismatch) as caught:
        judged({case.number: (1, case.kind)})()
    assert str(min(case.lines)) not in str(caught.value)


def test_a_repair_of_another_kind_is_accepted_if_every_test_holds():
    case = hunting.draw("engines", 0)[0]
    text = case.sound.replace(
        "self.grad += other.data * result.grad", "self.grad = self.grad + other.data * result.grad"
    )
    assert text != case.sound
    hunting.expect_found("engines", 1, {1: (min(case.lines), case.kind)}, lambda hunt, number: text)


def test_a_learner_hunts_mends_and_holds_the_step(learner):
    first = learner("hunt", "engines")
    assert first.code == 0 and "one of:" in first.out and max(map(len, first.out.splitlines())) <= 80, first.text
    kept = json.loads((learner.workspace / "hunt" / "cases.json").read_text(encoding="utf-8"))
    files = sorted((learner.workspace / "hunt").glob("engines-*.py"))
    assert len(files) == 5 and kept["number"] > 0
    answers, cases = {}, kept["hunts"]["engines"]
    for place, (file, entry) in enumerate(zip(files, cases, strict=True), 1):
        mutant = next(
            one for one in mutants.mutants_of(ENGINE) if hunting._secret(kept["number"], ENGINE, one) == entry["case"]
        )
        assert mutant.id not in json.dumps(kept)
        case = hunting.Case("engines", place, ENGINE, mutant, ())
        assert file.read_text(encoding="utf-8") == case.given
        answers[place] = (min(case.lines), mutant.diagnosis)
        if place < 5:
            file.write_text(case.sound, encoding="utf-8")
    learner("start", "39")
    path = learner.workspace / "bug_hunt.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace('raise NotImplementedError("engines")', f"return {answers}"), "utf-8"
    )
    judged = json.loads(learner("check", "39", "--level", "1", "--json").out)
    assert judged["passed"] == 4 and judged["steps"]["engines"] == "fail"
    files[4].write_text(case.sound, encoding="utf-8")
    judged = json.loads(learner("check", "39", "--level", "1", "--json").out)
    assert judged["steps"] == {"catch": "fail", "engines": "pass"}
    again = learner("hunt", "engines")
    assert again.out.splitlines()[-3:] == first.out.splitlines()[-3:]
    assert files[4].read_text(encoding="utf-8") == case.sound


def test_a_hunt_that_is_not_there_and_the_statements(learner):
    wrong = learner("hunt", "dragons")
    assert wrong.code == 2 and "There is no hunt 'dragons'" in wrong.err
    shown = learner("hunt", "conventions")
    assert shown.code == 0 and shown.out.count("PyTorch: ") == 8
    assert not learner.workspace.exists()


def test_a_hunt_travels_with_an_export(learner, tmp_path):
    kept = learner.writes("hunt/cases.json", '{"number": 5, "hunts": {}}')
    learner.writes("hunt/engines-1.py", "# half mended\n")
    assert learner("export", str(tmp_path / "work.zip")).code == 0
    kept.unlink()
    assert learner("import", str(tmp_path / "work.zip")).code == 0
    assert json.loads(kept.read_text(encoding="utf-8"))["number"] == 5
