"""`catch`: the learner breaks our engines. Ten expressions suffice for nine in ten, and every kind is there."""

import json

import pytest

from utils.course import catches, catching
from utils.course.catalog import catalog
from utils.course.expressions import NotAnExpression

TOPIC = catalog().topic("02")
TEN = """\
(a*b + a) * c at a=1.5 b=-0.7 c=2.3
c = a*b; d = c + a; e = c*d + c; e*a at a=1.5 b=-0.7
((a - b) / (b - 3) + 2.5 / a + (5 - b)) * b * (4 + a) + 2.5*a at a=1.5 b=-0.7
(2**a * b + a**3 * b + (-b)**0.5 + 3**b) * a + a**2.5 at a=1.5 b=-0.7
a*b + relu(a) * 3 + relu(b) + a*2 + relu(a*b + 3) * a at a=1.5 b=-0.7
a*b + tanh(a) * 3 + sigmoid(a) * b + sigmoid(b) + tanh(a*b) at a=1.5 b=-0.7
a*b + exp(a) * 3 + log(a) * b + exp(a*b) + log(a - b) at a=1.5 b=-0.7
(a - a) + a / a + a*a + (b - a) / (a + b) - a + a*b at a=1.5 b=1.5
-(a*b) * a - -b + a*3 + (5 - a) * b + b / (a*2) at a=1.5 b=-0.7
(2.5*a + a*2.5 + 3 / (a*b)) * a + (a*b - a) * (a*b - b) + relu(-a) * 3 - 2.5**(a*b) at a=1.5 b=-0.7
"""


@pytest.fixture(scope="module")
def everybody():
    pool = catching.catchable(TOPIC)
    return [catching.Suspect(f"m{number}", mutant) for number, mutant in enumerate(pool)]


def test_ten_expressions_catch_nine_in_ten_of_the_planted_mistakes(everybody):
    at_large = {one.letter: one for one in everybody}
    for line in TEN.splitlines():
        program, inputs = catches.parse_line(line)
        for one in catching.evidence(TOPIC, list(at_large.values()), program, inputs):
            del at_large[one.letter]
    assert len(everybody) > 200
    assert len(at_large) <= len(everybody) / 10, sorted(one.mutant.id for one in at_large.values())


def test_a_line_up_has_every_kind_and_is_the_same_for_the_same_learner(everybody):
    kinds = {one.mutant.diagnosis for one in everybody}
    for seed in range(5):
        chosen = catching.line_up(TOPIC, seed)
        assert len(chosen) == catching.SIZE and {one.mutant.diagnosis for one in chosen} == kinds
        assert [one.mutant.id for one in chosen] == [one.mutant.id for one in catching.line_up(TOPIC, seed)]
    assert catching.line_up(TOPIC, 1) != catching.line_up(TOPIC, 2)


def test_a_right_engine_is_never_caught():
    programs = [catches.parse_line(line) for line in TEN.splitlines()]
    said = catching._ask(TOPIC, [], programs)[catching.SOUND]
    for (program, inputs), numbers in zip(programs, said, strict=True):
        truth = catching._truth(program, inputs)
        assert numbers["the value"] == pytest.approx(truth.value, rel=1e-12)
        assert [numbers[f"{name}.grad"] for name in inputs] == pytest.approx([truth.gradients[n] for n in inputs])


def test_a_learner_catches_and_the_catch_becomes_a_test_of_their_own(learner):
    first = learner("catch")
    assert first.code == 0 and "Caught 0 of 16." in first.out
    done = learner("catch", TEN.splitlines()[0].split(" at ")[0], "a=1.5", "b=-0.7", "c=2.3")
    assert done.code == 0 and "Caught 0" not in done.out, done.text
    kept = (learner.workspace / "catches.txt").read_text(encoding="utf-8")
    assert kept == "(a*b + a) * c at a=1.5 b=-0.7 c=2.3\n"
    wrong = TOPIC.solution(2).read_text(encoding="utf-8").replace("other.grad += self.data", "other.grad = self.data")
    learner.writes("autograd_engine.py", wrong)
    rows = learner("check", "02", "--level", "2", "--json")
    assert json.loads(rows.out)["verdict"] == "fail"
    learner.writes("autograd_engine.py", TOPIC.solution(2).read_text(encoding="utf-8"))
    with_catches = json.loads(learner("check", "02", "--level", "2", "--json").out)
    (learner.workspace / "catches.txt").unlink()
    without = json.loads(learner("check", "02", "--level", "2", "--json").out)
    assert with_catches["passed"] == without["passed"] + 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a +", "a=2"), "cannot be read"),
        (("a*b", "a=2"), "Say where: b=…"),
        (("a*b", "a=x", "b=2"), "is no point"),
        (("3 + 4",), "has no gradient"),
        (("log(a)", "a=-1"), "has no value"),
        (("a**b", "a=2", "b=3"), "proves nothing"),
        (("open('x')", "a=1"), "is not offered"),
    ],
)
def test_an_expression_that_is_none_gets_one_sentence(learner, words, says):
    done = learner("catch", *words)
    assert done.code == 2 and says in done.err and "Traceback" not in done.text, done.text


def test_lines_are_read_as_they_are_written():
    line = catches.line_of("a*b + a", {"a": 2.0, "b": -3.0})
    assert line == "a*b + a at a=2 b=-3" and catches.parse_line(line) == ("a*b + a", {"a": 2.0, "b": -3.0})
    with pytest.raises(NotAnExpression):
        catches.parse_line("a*b")
