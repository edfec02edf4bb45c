"""The diagnosis on rows made by hand: every witness it hears, and every sentence it can say.

What it says about whole engines is tested beside the planted mistakes (test_mutants.py).
"""

import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest

from utils.course import contract, diagnosis, mishaps, reporting, suspects
from utils.course.catalog import HINTS, catalog
from utils.course.diagnosis import BELONGS_TO, DEEDS, ELSEWHERE, SENTENCES, diagnose, fingerprints
from utils.course.expressions import exact
from utils.course.judging import program_text
from utils.course.loading import load
from utils.course.running import Run

TOPIC = catalog().topic("02")


# Rules, on rows made by hand ------------------------------------------------------------------------------------------


def observation(what="a.grad", given="a * b at a = 2, b = 3", expected=3.0, got=0.0, raised="", aim="gradient"):
    return {
        "what": what,
        "given": given,
        "expected": expected,
        "got": got,
        "holds": got == expected,
        "raised": raised,
        "aim": aim,
    }


def row(*observations, test="test_it", about="Value.__mul__", outcome="fail", raised="Mismatch", message="", line=0):
    return {
        "test": test,
        "step": "backward",
        "about": about,
        "outcome": outcome,
        "raised": raised,
        "message": message,
        "file": "",
        "line": line,
        "observations": list(observations),
    }


def judged(monkeypatch, *rows, code="class Value:\n    pass\n", path=None, ending="done", running=None, tmp_path=None):
    """The Diagnosis of made rows, without any planted mistake."""
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path = tmp_path / "autograd_engine.py"
    path.write_text(code, encoding="utf-8")
    return diagnose(TOPIC, Run(tuple(rows), ending, running, patience=10.0), rows[0] if rows else None, path)


def healthy(*texts):
    """A row that passed: programs with the right gradients."""
    inputs = {"a": 1.5, "b": -0.7, "c": 2.3}
    made = [
        observation(f"{name}.grad", program_text(text, inputs), slope, slope)
        for text in texts
        for name, slope in exact(text, inputs).gradients.items()
    ]
    return row(*made, test="test_healthy", outcome="pass", raised="")


def programs(values):
    """Observations from {given: {what: (expected, got)}}."""
    return [
        observation(what, given, expected, got)
        for given, seen in values.items()
        for what, (expected, got) in seen.items()
    ]


NUMBERS = [
    # one of the two uses of a is lost where the product brings it
    ({"a * b at a = 2, b = 3": {"a.grad": (3.0, 3.0), "b.grad": (2.0, 2.0)},
      "a * b + a at a = 2, b = 3": {"a.grad": (4.0, 3.0), "b.grad": (2.0, 2.0)},
      "a + a * b at a = 2, b = 3": {"a.grad": (4.0, 3.0), "b.grad": (2.0, 2.0)}},
     "accumulate", "Value.__mul__"),
    # what arrives does not depend on what the result is multiplied with
    ({"log(a) at a = 2": {"a.grad": (0.5, 0.5)},
      "log(a) * c at a = 2, c = 3": {"a.grad": (1.5, 0.5), "c.grad": (0.6931471805599453, 0.6931471805599453)}},
     "chain", "Value.log"),
    # a formula of its own, but passed on rightly
    ({"exp(a) at a = 2": {"a.grad": (7.38905609893065, 2.1)},
      "exp(a) * c at a = 2, c = 3": {"a.grad": (22.16716829679195, 6.3)}},
     "local", "Value.exp"),
    # each parent receives the other's derivative
    ({"a * b at a = 2, b = 3": {"a.grad": (3.0, 2.0), "b.grad": (2.0, 3.0)},
      "a * b * c at a = 2, b = 3, c = 5": {"a.grad": (15.0, 12.0), "b.grad": (10.0, 18.0), "c.grad": (6.0, 5.0)}},
     "local", "Value.__mul__"),
    ({"a - b at a = 2, b = 3": {"a.grad": (1.0, 1.0), "b.grad": (-1.0, 1.0)}}, "sign", "Value.__sub__"),
    # nothing arrives below tanh
    ({"tanh(a) at a = 0.5": {"a.grad": (0.7864477329659274, 0.7864477329659274)},
      "tanh(a * b) * c at a = 0.5, b = 1, c = 3":
      {"a.grad": (2.359343198897782, 0.0), "b.grad": (1.179671599448891, 0.0)}},
     "links", "Value.tanh"),
    # level by level: e passes on before the longer path has arrived
    ({"e = a * d; e * c + (e + c) * b at a = 1.5, b = -0.7, c = 2.3, d = 0.6":
      {"a.grad": (0.96, 1.38), "d.grad": (2.4, 3.45), "b.grad": (3.2, 3.2), "c.grad": (0.2, 0.2)}},
     "topo", "Value.__mul__"),
    ({"(a - b) * c + a at a = 2, b = 3, c = 5": {"a.grad": (6.0, 6.0), "b.grad": (-5.0, -5.0)},
      "(b - a) * c + a at a = 2, b = 3, c = 5": {"a.grad": (-4.0, -4.0), "b.grad": (5.0, 5.0)},
      "a - a at a = 2": {"a.grad": (0.0, -1.0)}},
     "identity", "Value.__sub__"),
]  # fmt: skip


@pytest.mark.parametrize(("numbers", "id", "name"), NUMBERS)
def test_numbers_lead_to_the_mistake_that_makes_them(numbers, id, name, monkeypatch, tmp_path):
    broken = name == "Value.__mul__" and id != "topo"  # else + and * are known to be right
    plain = [] if broken else [healthy("(a + b) * c + a", "(a + a) * c", "a * b * c * a", "(a * b + c) * (a * b)")]
    told = judged(monkeypatch, row(*programs(numbers)), *plain, tmp_path=tmp_path)
    assert (told.id, told.name) == (id, name), told
    assert not told.certain


SOUND = TOPIC.solution(2).read_text(encoding="utf-8")
ALONE = [
    ("", "", None),
    ("self.grad += other.data * result.grad", "self.grad += 3 * other.data * result.grad", ("local", "*", (0,))),
    ("other.grad += self.data * result.grad", "other.grad = self.data * result.grad", ("accumulate", "*", (1,))),
    ("other.grad += self.data * result.grad", "other.grad -= self.data * result.grad", ("sign", "*", (1,))),
    ("other.grad += self.data * result.grad", "other.grad += self.data", ("chain", "*", (1,))),
    ("other.grad += self.data * result.grad", "other.grad += self.data * result.data", ("chain", "*", (1,))),
    ("other.grad += self.data * result.grad", "pass", ("links", "*", (1,))),
    ("self.data * other.data, (self, other)", "self.data * other.data, (self,)", ("links", "*", (1,))),
    ("self.grad = 1.0", "self.grad = 2.0", None),  # nobody is right: it is the walk
    ("self.grad = 1.0", "self.grad = 2.0 if 'used' in vars(Value) else 1.0; Value.used = True", ("state", "", (0, 1))),
]  # fmt: skip


@pytest.mark.parametrize(("find", "replace", "verdict"), ALONE)
def test_operations_that_are_asked_alone_give_themselves_away(find, replace, verdict, tmp_path):
    path = tmp_path / "autograd_engine.py"
    path.write_text(SOUND.replace(find, replace) if find else SOUND, encoding="utf-8")
    failed = {"(a * b + c) * a at a = 1.5, b = -0.7, c = 2.3": {"a.grad": observation(got=17.0)}}
    suspect = suspects._odd_one_out(failed, lambda instances: diagnosis._asked_alone(path, instances))
    assert (suspect and (suspect.id, suspect.operation, suspect.sides)) == verdict, suspect


def test_a_file_that_cannot_answer_is_not_accused(tmp_path):
    path = tmp_path / "autograd_engine.py"
    path.write_text("raise SystemExit(1)\n", encoding="utf-8")
    assert diagnosis._asked_alone(path, [["+", [1.0, 2.0]]]) is None
    path.write_text("class Value:\n    pass\n", encoding="utf-8")
    assert diagnosis._asked_alone(path, [["+", [1.0, 2.0]]]) == [dict.fromkeys(suspects.KINDS)]


def test_numbers_that_fit_nothing_are_called_unknown(monkeypatch, tmp_path):
    numbers = {
        "a * b at a = 2, b = 3": {"a.grad": (3.0, 17.3), "b.grad": (2.0, -0.4)},
        "a * b * c at a = 2, b = 3, c = 5": {"a.grad": (15.0, 1.7), "b.grad": (10.0, 9.1), "c.grad": (6.0, 3.3)},
    }
    assert judged(monkeypatch, row(*programs(numbers)), tmp_path=tmp_path).id == "unknown"


def value(what, given, expected, got, about="Value.__mul__"):
    """A row with one wrong number that is no gradient."""
    return row(observation(what, given, expected, got, aim="value"), about=about)


def error(message, about="Value.__mul__", outcome="error", line=0):
    """A row in which the candidate raised."""
    return row(outcome=outcome, raised=message.partition(":")[0], message=message, about=about, line=line)


UNTOUCHED = row(
    observation("a.data", "a + b at a = 1, b = 2, without backward", 1.0, 3.0, aim="value"),
    observation("a.data", "a * b at a = 1, b = 2, without backward", 1.0, 1.0, aim="value"),
)
RULES = [
    (value("the value", "a - b at a = 2, b = 3", -1.0, 1.0, "Value.__sub__"), "sign"),
    (value("the value", "a - b at a = 2, b = 3", -1.0, 5.0, "Value.__sub__"), "forward"),
    (value("the value", "4 / a at a = 2.0", 2.0, 0.5, "Value.__rtruediv__"), "reflected"),
    (value("x.grad", "x = Value(2.0)", 0.0, 1.0, "Value"), "seed"),
    (value("the value", "tanh(p) at p = 1000", 1.0, float("nan"), "Value.tanh"), "overflow"),
    (value("nudge(f, 2.0)", "f = x * x", 1.0, 2.0, "nudge"), "scale"),
    (value("nudge(f, 2.0)", "f = x * x", 1.0, 2.7, "nudge"), "unknown"),
    (row(observation("x.grad", "x = Value(2.5); x.backward()", 1.0, 0.0)), "seed"),
    (row(observation("a.grad", "y.backward(); y.backward()", 4.0, 6.0), about="Value.backward"), "state"),
    (row(observation("the time of backward", "22 diamonds", "at most 30 times", "900 times", aim="cost")), "cost"),
    (row(observation("the memory of a graph", "4,040", "at most 0.6 times", "1 times", aim="cost")), "memory"),
    (UNTOUCHED, "inplace"),
    (error("RecursionError: maximum recursion depth exceeded", "Value.backward"), "recursion"),
    (error("RecursionError: maximum recursion depth exceeded", "Value.__rmul__"), "reflected"),
    (error("OverflowError: math range error"), "overflow"),
    (error("ZeroDivisionError: division by zero"), "local"),
    (error("TypeError: unhashable type: 'Value'"), "identity"),
    (error("TypeError: 'NoneType' object is not callable"), "links"),
    (error("TypeError: must be real number, not Value"), "kind"),
    (error("AttributeError: 'int' object has no attribute 'data'", line=1), "constant"),
    (error("AttributeError: 'NoneType' object has no attribute 'data'", outcome="not-written"), "missing-return"),
    (error("TypeError: f() missing 1 required positional argument: 'x'"), "contract"),
    (error("NameError: name 'math' is not defined"), "raised"),
    (error("NotImplementedError: Value.tanh", outcome="not-written"), "not-written"),
]


@pytest.mark.parametrize(("made", "id"), RULES)
def test_rules(made, id, monkeypatch, tmp_path):
    assert judged(monkeypatch, made, tmp_path=tmp_path).id == id


def pairs(*pairs):
    """A row with one wrong array, of which these (got, expected) are the entries that differ."""
    got, expected = pairs[0]
    return row(observation("f(x)[0]", "x", expected, got, aim="value") | {"pairs": pairs}, about="f")


RELATED = [
    (pairs((4.0, 2.0), (6.0, 3.0)), "scale", "Every number that differs is 2 times what"),
    (pairs((1.0, 2.0)), "scale", "The number is half of what"),
    (pairs((-0.5, 1.5), (-1.0, 3.0)), "scale", "1/3 of, with the other sign, what"),
    (pairs((1.7, 1.0), (3.4, 2.0), (5.1, 3.0)), "scale", "1.7 times what"),
    (pairs((1.7, 1.0), (3.4, 2.0)), "unknown", ""),  # two numbers may do so by chance
    (pairs((3.0, 1.0)), "unknown", ""),
    (pairs((-1.5, 1.5), (3.0, -3.0)), "sign", ""),
    (pairs((1.5, 1.0), (2.5, 2.0)), "offset", "0.5 too large"),
    (pairs((1.0, 3.0), (4.0, 6.0)), "offset", "2 too small"),
    (pairs((0.0, 3.0), (0.0, 6.0)), "forward", "is 0."),
    (pairs((9.0, 3.0), (4.0, 2.0)), "forward", "the square of what"),
    (pairs((3.0, 9.0), (2.0, 4.0)), "forward", "the square root of what"),
    (pairs((0.25, 4.0), (0.2, 5.0)), "forward", "1 divided by what"),
    (pairs((0.8, 0.2), (0.9, 0.1)), "forward", "1 minus what"),
    (pairs((math.log(3.0), 3.0), (0.0, 1.0)), "forward", "the logarithm of what"),
    (pairs((math.e, 1.0), (1.0, 0.0)), "forward", "the exponential of what"),
    (pairs((4.0, 2.0), (7.0, 3.0)), "unknown", ""),
    (pairs((math.inf, 2.0), (6.0, 3.0)), "overflow", ""),
]


@pytest.mark.parametrize(("made", "id", "says"), RELATED)
def test_what_wrong_numbers_have_to_do_with_the_right_ones_is_said(made, id, says, monkeypatch, tmp_path):
    told = judged(monkeypatch, made, tmp_path=tmp_path)
    assert told.id == id and says in told.cause


def test_two_results_that_have_changed_places_are_named(monkeypatch, tmp_path):
    wrong = [observation("dw", "f(2)", 3.0, 7.0, aim="value"), observation("db", "f(2)", 7.0, 3.0, aim="value")]
    told = judged(monkeypatch, row(*wrong, about="f"), tmp_path=tmp_path)
    assert told.id == "order" and "`dw` is what `db` should be" in told.cause
    wrong[1]["given"] = "f(3)"
    assert judged(monkeypatch, row(*wrong, about="f"), tmp_path=tmp_path).id == "unknown"


def seen_in(case, what, right=True):
    return observation(what, case, 3.0, 3.0 if right else 4.3, aim="value")


PARTS = [
    ([("loss", True), ("dw", False)], "loss is right, and dw is not. The test: "),
    ([("the loss of f(x)", True), ("the gradient of f(x)[2]", False)], "the loss is right, and the gradient is not."),
    ([('back(y)["b"]', True), ('back(y)["c"]', True), ('back(y)["a"]', False)], 'and back(y)["c"] are right'),
    ([("f(2)", True), ("f(3)", False)], "no mistake that we know. The test: "),  # the same function
    ([("the loss of f(x)", True), ("the gradient of f(z)", False)], "no mistake that we know"),  # another call
    ([("the number of parameters", True), ("dw", False)], "no mistake that we know"),
]


@pytest.mark.parametrize(("results", "says"), PARTS)
def test_what_is_right_beside_the_wrong_number_is_said(results, says, monkeypatch, tmp_path):
    made = row(*(seen_in("f at 2", what, right) for what, right in results), about="f")
    told = judged(monkeypatch, made, tmp_path=tmp_path)
    assert told.id == "unknown" and says in told.cause


ANSWERS = [
    ("AttributeError: 'function' object has no attribute 'data'", "kind", "itself, and not what it computes"),
    ("AttributeError: 'list' object has no attribute 'data'", "kind", "A list comes back"),
    ("AttributeError: 'float' object has no attribute 'grad'", "kind", "One number comes back"),
    ("ValueError: too many values to unpack (expected 3)", "answer", "more things than the 3"),
    ("ValueError: not enough values to unpack (expected 3, got 2)", "answer", "fewer things than the 3"),
]


@pytest.mark.parametrize(("message", "id", "says"), ANSWERS)
def test_what_comes_back_is_named_where_the_test_cannot_use_it(message, id, says, monkeypatch, tmp_path):
    told = judged(monkeypatch, error(message, "f", "not-written"), tmp_path=tmp_path)
    assert told.id == id and says in told.cause


LINES = [
    ("    return max(x, 0.0)", "ValueError: The truth value of an array with more than one element is ambiguous.",
     "np.maximum"),
    ("    return np.max(x, 0.0)", "TypeError: 'float' object cannot be interpreted as an integer", "np.maximum"),
    ("    return np.exp(x)", "TypeError: operand 'Value' does not support ufuncs (__array_ufunc__=None)", "z.exp()"),
    ("    return math.exp(x)", "TypeError: must be real number, not Value", "z.exp()"),
    ("    return max(0, x)", "TypeError: '>' not supported between instances of 'Value' and 'int'", "z.relu()"),
    ("    return sum(x)", "TypeError: unsupported operand type(s) for +: 'int' and 'list'", "for row in rows"),
    ("    return x - y", "TypeError: unsupported operand type(s) for -: 'list' and 'list'", "one entry after"),
    ("    return [w * v for v in x]", "TypeError: 'float' object is not iterable", "has an index taken one entry out"),
    ("    a, b = x", "ValueError: too many values to unpack (expected 2)", "how many names"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message", "says"), LINES)
def test_a_function_that_is_given_what_it_does_not_know_is_named(line, message, says, monkeypatch, tmp_path):
    made = error(message, "f", line=2)
    told = judged(monkeypatch, made, code=f"def f(x, y):\n{line}\n", tmp_path=tmp_path)
    assert says in told.action


def test_an_attribute_that_nothing_sets_is_answered_with_those_that_are_set(monkeypatch, tmp_path):
    code = (
        "class F:\n    def __init__(self):\n        self.w, self.b = 1, 2\n    def f(self):\n        return self.bias\n"
    )
    made = error("AttributeError: 'F' object has no attribute 'bias'", "F", line=5)
    told = judged(monkeypatch, made, code=code, tmp_path=tmp_path)
    spaced = code.replace("return self.bias", "return zip(self.bias, [1], strict=True)")
    assert "nothing sets it" in judged(monkeypatch, made, code=spaced, tmp_path=tmp_path).cause
    assert "nothing sets it" in told.cause and "`F` sets `self.w`, `self.b`." in told.action


ASKED_WRONGLY = """
def entry(rows, i):
    if i >= len(rows):
        raise IndexError(f"{i} of {len(rows)}")
    return rows[i]


def total(rows):
    return sum(entry(rows, i) for i in range(len(rows) + 1))
"""


def test_what_another_function_of_the_file_refuses_is_said_of_the_line_that_asked(monkeypatch, tmp_path):
    path = tmp_path / "mlp_and_initialization.py"
    path.write_text(ASKED_WRONGLY, encoding="utf-8")
    with pytest.raises(IndexError) as raised:
        load(path, "asked_wrongly").total([1, 2])
    caller = reporting.caller_of(raised.value, str(path), "entry")
    made = error("IndexError: 2 of 2", "total", line=4) | {"function": "entry", "own_words": True, "caller": caller}
    told = judged(monkeypatch, made, code=ASKED_WRONGLY, tmp_path=tmp_path)
    assert told.cause == "`entry` refuses what line 9 hands over to it."
    told = judged(monkeypatch, made | {"about": "entry"}, code=ASKED_WRONGLY, tmp_path=tmp_path)
    assert "Your own check at line 4 raises" in told.cause


def test_what_is_refused_is_the_same_in_everybodys_words():
    one, other = (error(f"ValueError: {words}", line=4) | {"own_words": True} for words in ("no", "too long"))
    assert fingerprints([one]) == fingerprints([other])
    assert fingerprints([one | {"own_words": False}]) != fingerprints([other | {"own_words": False}])


def test_a_mistake_whose_own_test_holds_is_not_named_for_its_other_tests(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: known)
    wrong = value("the loss", "six ids", 1.0, 3.7, "total") | {"test": "test_later"}
    earlier = row(test="test_entry", outcome="pass", about="entry")
    failing = {**fingerprints([wrong]), "test_entry": "00000000"}
    known = [{"id": "one", "kills": "test_entry", "diagnosis": "state", "says": "One.", "try": "Do one.",
              "failing": failing}]  # fmt: skip
    assert diagnose(TOPIC, Run((earlier, wrong), "done"), wrong, tmp_path / "mine.py").id == "unknown"


def test_a_function_without_a_graph_is_not_told_to_look_for_parents(monkeypatch, tmp_path):
    made = row(observation("the gradient[0]", "f([1.0])", 0.25, 0.0, aim="gradient"), about="f")
    assert "parents" not in judged(monkeypatch, made, code="def f(x):\n    return x\n", tmp_path=tmp_path).action
    code = "def f(x):\n    return Value(x)\n"
    assert "parents" in judged(monkeypatch, made, code=code, tmp_path=tmp_path).action


def test_a_misspelled_special_method_is_named(monkeypatch, tmp_path):
    made = row(
        outcome="not-written",
        raised="TypeError",
        about="Value.__rtruediv__",
        message="TypeError: unsupported operand type(s) for /: 'int' and 'Value'",
    )
    code = "class Value:\n    def __rtruedev__(self, other):\n        pass\n"
    told = judged(monkeypatch, made, code=code, tmp_path=tmp_path)
    assert told.id == "not-written"
    assert "`__rtruedev__`" in told.cause


def test_a_hidden_backward_is_named(monkeypatch, tmp_path):
    made = row(observation("x.grad", "x = Value(2.5); x.backward()", 1.0, 0.0))
    code = "class Value:\n    def __init__(self):\n        self.backward = lambda: None\n"
    told = judged(monkeypatch, made, code=code, tmp_path=tmp_path)
    assert told.id == "seed"
    assert "hides the method" in told.cause


@pytest.mark.parametrize(("test", "id"), [("test_costs_twice_as_much", "cost"), ("test_a_chain", "endless")])
def test_a_test_that_does_not_end(test, id, monkeypatch, tmp_path):
    running = {"test": test, "step": "sweep", "about": "Value.backward"}
    told = judged(monkeypatch, ending="timeout", running=running, tmp_path=tmp_path)
    assert told.id == id
    assert "10 seconds" in told.cause


# Planted mistakes -----------------------------------------------------------------------------------------------------


def test_of_two_mistakes_the_first_on_the_road_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: known)
    first = row(observation(got=7.0), test="test_first")
    second = row(observation("the value", got=9.0, aim="value"), test="test_second")
    known = [
        {"id": "one", "diagnosis": "late", "says": "One.", "try": "Do one.", "failing": fingerprints([first])},
        {"id": "two", "diagnosis": "state", "says": "Two.", "try": "Do two.", "failing": fingerprints([second])},
    ]
    told = diagnose(TOPIC, Run((first, second), "done"), first, tmp_path / "mine.py")
    assert (told.id, told.cause, told.action, told.certain) == ("late", "One.", "Do one.", True)


def test_where_two_mistakes_make_the_same_numbers_the_file_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: known)
    made = row(observation(got=7.0))
    known = [
        {"id": "usual", "diagnosis": "seed", "says": "A.", "try": "A.", "failing": fingerprints([made])},
        {
            "id": "rare",
            "diagnosis": "links",
            "says": "B.",
            "try": "B.",
            "failing": fingerprints([made]),
            "looks": r"self\.backward =",
        },
    ]
    path = tmp_path / "mine.py"
    path.write_text("# self.backward = None: a comment is no code\n")
    assert diagnose(TOPIC, Run((made,), "done"), made, path).id == "seed"
    path.write_text("self.backward = None\n")
    assert diagnose(TOPIC, Run((made,), "done"), made, path).id == "links"


def test_a_planted_mistake_is_not_named_where_a_test_passes_that_it_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: known)
    made = row(observation(got=7.3), test="test_later")
    earlier = row(test="test_earlier", outcome="pass")
    known = [
        {
            "id": "one",
            "diagnosis": "late",
            "says": "One.",
            "try": "Do one.",
            "failing": {**fingerprints([made]), "test_earlier": "00000000"},
        }
    ]
    assert diagnose(TOPIC, Run((earlier, made), "done"), made, tmp_path / "mine.py").id != "late"


def test_where_a_name_alone_shows_a_planted_mistake_the_other_names_may_be_right(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: known)
    wrong = value("the loss", "six ids", 1.0, 3.7, "validation_loss") | {"test": "test_later"}
    earlier = row(test="test_earlier", outcome="pass", about="sample")
    failing = {**fingerprints([wrong]), "test_earlier": "00000000"}  # planted in lines that both names share
    known = [{"id": "one", "diagnosis": "state", "says": "One.", "try": "Do one.", "failing": failing}]
    assert diagnose(TOPIC, Run((earlier, wrong), "done"), wrong, tmp_path / "mine.py").cause == "One."
    same = earlier | {"about": "validation_loss"}
    assert diagnose(TOPIC, Run((same, wrong), "done"), wrong, tmp_path / "mine.py").id == "unknown"


SEARCH = """def nudge(f, x):
    for step in (1, 2):
        if f(step):
            continue
        return step
"""


@pytest.mark.parametrize(("code", "id"), [
    ("def nudge(f, x):\n    for step in (1, 2):\n        x += step\n        return x\n", "missing-return"),
    ("def nudge(f, x):\n    for step in (1, 2):\n        if f(x):\n            return x\n    return 0\n", "unknown"),
    (SEARCH, "unknown"),
])  # fmt: skip
def test_a_return_that_ends_a_loop_in_its_first_turn_is_named(code, id, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path = tmp_path / "mine.py"
    path.write_text(code)
    wrong = value("nudge(f, 2.0)", "f = x * x", 1.0, 2.7, "nudge")
    told = diagnose(TOPIC, Run((wrong,), "done"), wrong, path)
    assert told.id == id and ("line 4" in told.cause) == (id != "unknown")


def test_a_check_does_not_wait_for_numpy(learner):
    done = learner.run("-c", "import sys; import utils.course.checking; print('numpy' in sys.modules)")
    assert done.out.strip() == "False", done.text


def test_what_is_computed_and_kept_nowhere_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path, made = tmp_path / "mlp_and_initialization.py", row(observation("h", "x", 1.0, 2.7), about="f")
    for line, thrown in (
        ("np.tanh(z)", True),
        ("np.tanh(z, out=z)", False),
        ("np.tanh(z, z)", False),
        ("rng.normal(0.0, 1.0, shape)", True),
        ("rng.shuffle(z)", False),
        ("w = np.exp(z)", False),
    ):
        path.write_text(f"def f(z, rng, shape):\n    {line}\n    return z\n", encoding="utf-8")
        told = diagnose(catalog().topic("05"), Run((made,), "done"), made, path)
        assert ("thrown away" in told.cause) == thrown, (line, told)


def test_fingerprints_do_not_depend_on_rounding_places_or_addresses():
    one = row(
        observation(got=0.1 + 0.2), observation("b", got=1e-17, expected=1.0), message="TypeError: at /tmp/a.py:3"
    )
    two = row(observation(got=0.3), observation("b", got=0.0, expected=1.0), message="TypeError: at /home/b.py:99")
    assert fingerprints([one]) == fingerprints([two])
    raised = [
        row(outcome="error", raised="E", message=f"E: <Value object at 0x{address}>") for address in ("7f12", "aa01")
    ]
    assert fingerprints(raised[:1]) == fingerprints(raised[1:])


# Words ----------------------------------------------------------------------------------------------------------------


def test_every_sentence_is_short_and_can_be_filled():
    facts = dict.fromkeys(
        (
            "name",
            "short",
            "file",
            "hint",
            "place",
            "raised",
            "message",
            "advice",
            "near",
            "operation",
            "there",
            "borrow",
            "owner",
            "missing",
            "inner",
            "got",
            "expected",
            "wanted",
            "what",
            "other",
            "relation",
            "held",
            "wrong",
            "asked",
            "numbers",
            "line",
            "kind",
            "Kind",
            "sizes",
            "printed",
        ),
        "x",
    )
    for cause, action in [*SENTENCES.values(), *ELSEWHERE.values(), *DEEDS.values()]:
        for sentence in (cause, action):
            text = sentence.format(**facts, patience=10.0, side="")
            assert len(text.split()) <= 27, text
            assert text.endswith((".", "?", "x")), text


def test_a_topic_of_arrays_is_not_told_about_values(monkeypatch, tmp_path):
    wrong = value("nudge(f, 2.0)", "f = x * x", 1.0, 2.7, "nudge")
    told = judged(monkeypatch, wrong, tmp_path=tmp_path)
    assert told.id == "unknown" and "gradient" not in told.action
    assert ELSEWHERE.keys() <= SENTENCES.keys()
    assert not [words for words in ELSEWHERE.values() if "Value" in " ".join(words) or "graph" in " ".join(words)]


def test_every_deed_of_a_suspect_has_words():
    kinds = {suspect.kind.removesuffix(suspects.RIGHT).removesuffix(",") for suspect in suspects.suspects({"+"})}
    kinds |= {"another formula", "lost", "too early", "counted again"}
    said_by_id = {"equal numbers once", "nobody passes on"}  # the words of their diagnosis say it all
    assert sorted(kinds - DEEDS.keys() - said_by_id) == []


def test_every_id_has_a_page_with_the_same_heading_and_stands_in_the_index():
    ids = {BELONGS_TO.get(key, key) for key in SENTENCES}
    index = (HINTS / "README.md").read_text(encoding="utf-8")
    for id in sorted(ids):
        page = HINTS / f"{id}.md"
        assert page.exists(), id
        assert re.match(rf"# `{id}`: ", page.read_text(encoding="utf-8")), id
        assert f"[{id}]({id}.md)" in index, id
    listed = re.findall(r"\]\(([\w-]+)\.md\)", index)
    assert [id for id, times in Counter(listed).items() if times > 1] == []
    assert {path.stem for path in HINTS.glob("*.md")} - {"README"} == set(listed)


def test_signatures_are_small():
    for topic in catalog().ready:
        path = Path(topic.folder / "signatures.json")
        if path.exists():
            assert path.stat().st_size < 300_000
            assert all(len(mark) == 8 for entry in json.loads(path.read_text()) for mark in entry["failing"].values())


def test_a_name_that_is_asked_for_itself_is_never_taken_for_a_misspelling_of_another(tmp_path):
    topic, path = catalog().topic("10"), tmp_path / "capstone_digits.py"
    text = topic.solution(3).read_text(encoding="utf-8")
    path.write_text(text.replace("def accumulate(", "def other(").replace("accumulate(", "other("), encoding="utf-8")
    assert "Write `accumulate`" in contract.problem_of(topic, path, 3).action  # `accuracy` is near, and asked for
    path.write_text(text.replace("accumulate(", "acumulate("), encoding="utf-8")
    assert contract.problem_of(topic, path, 3).action == "Rename `acumulate` to `accumulate`."


# Mishaps: exceptions and objects in topics with arrays ----------------------------------------------------------------

TENSORS = catalog().topic("08")
MISHAPS = [
    ("AttributeError: 'memoryview' object has no attribute 'size'", "return x", "kind", "raw memory"),
    ("ValueError: The truth value of an array with more than one element is ambiguous.", "if x:", "kind", "one answer"),
    ("TypeError: operand 'Tensor' does not support ufuncs (__array_ufunc__=None)", "np.sqrt(x)", "kind", "Tensor"),
    ("AttributeError: 'numpy.ndarray' object has no attribute 'requires_grad'", "x", "kind", "only a Tensor has"),
    ("AttributeError: 'numpy.ndarray' object has no attribute 'exp'", "a.exp()", "kind", "np.exp"),
    ("AttributeError: 'list' object has no attribute 'shape'", "a.shape", "kind", "A list or tuple"),
    ("AttributeError: 'Tensor' object has no attribute 'argmax'", "z.argmax()", "kind", "the array inside"),
    ("AttributeError: 'function' object has no attribute 'forward'", "step.forward(x)", "kind", "A function stands"),
    ("TypeError: unsupported operand type(s) for +: 'NoneType' and 'float'", "t.grad += g", "accumulate", "None until"),
    ("TypeError: tuple indices must be integers or slices, not NoneType", "a.shape[axis]", "axis", "is None"),
    ("TypeError: 'NoneType' object is not callable", "cube(x)", "missing-return", "None is called"),
    ("KeyError: Tensor(5.5)", "arrived[t]", "order", "nothing has arrived"),
    ("NameError: name 'self' is not defined", "np.log(self)", "raised", "no argument"),
    ("NameError: name 'math' is not defined", "math.log(2)", "raised", "never imported"),
    ("ValueError: too many values to unpack (expected 2)", "data, vjps = rule(a)", "answer", "taken apart"),
    ("TypeError: 'int' object is not callable", "vjp(g)", "links", "called like a function"),
    ("TypeError: 'function' object is not iterable", "for vjp in vjps", "links", "One function stands"),
    ("ValueError: operands could not be broadcast together with shapes (2,3) (2,)", "a - b", "axis", "a summed axis"),
    ("ValueError: operands could not be broadcast together with shapes (2,3) (4,)", "a - b", "shape", "do not fit"),
    ("TypeError: f() missing 1 required positional argument: 'a'", "f()", "contract", "called with other arguments"),
    ("RuntimeError: 2 of 4 parameters have no gradient", "opt.step()", "order", "no gradient yet"),
    ("RuntimeError: nothing in this result requires gradients", "y.backward()", "links", "no way back"),
    ("RecursionError: maximum recursion depth exceeded", "return a * b", "recursion", "without end"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code", "id", "says"), MISHAPS)
def test_a_mishap_is_explained_in_words_of_its_own(message, code, id, says, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path = tmp_path / "tensor_autograd.py"
    path.write_text(f"def operation(rule): {code}\n", encoding="utf-8")
    made = error(message, about="Tensor.__mul__", line=1)
    told = diagnose(TENSORS, Run((made,), "done"), made, path)
    assert told.id == id and says in told.cause, told


@pytest.mark.parametrize("one", [*mishaps.MISHAPS, *mishaps.MISCALLED, *mishaps.OBJECTS], ids=lambda one: one.pattern)
def test_what_a_mishap_says_is_short_and_has_a_page(one):
    filled = ["x"] * 4
    for text in (one.cause, one.action):
        for sentence in re.split(r"(?<=[.?]) ", text.format(*filled, place="line 7", import_line="import x")):
            assert len(sentence.split()) <= 20, sentence
    assert (HINTS / f"{one.id}.md").exists()


def test_the_line_in_which_a_comma_is_lost():
    assert mishaps.lost_comma("def f(a):\n    return -a, (lambda g: -g)\n") == 2
    assert mishaps.lost_comma("def f(a):\n    return -a, (lambda g: -g,)\n") == 0
    assert mishaps.lost_comma("def f(a, b):\n    return a, lambda g: (g, g)\n") == 0
    assert mishaps.lost_comma("x = Tensor(1.0, False, (), lambda g: g)\n") == 1


def test_wrong_numbers_of_arrays_speak_for_themselves(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path = tmp_path / "tensor_autograd.py"
    path.write_text("def f(a):\n    return -a, (lambda g: -g)\n", encoding="utf-8")

    def told(*seen, about="Tensor.tanh", **how):
        made = row(observation(*seen, **how), about=about)
        return diagnose(TENSORS, Run((made,), "done"), made, path)

    given = "x.tanh() with x = [1, 2], gradient [0.5, 3]"
    assert told("x.grad[1]", given, 3.0, 1.0).id == "chain"
    assert told("x.grad", given, "an array", "None").id == "links"
    assert told("x.grad[0]", given, 1.0, float("nan")).id == "nan"
    assert told("x.grad", given, "shape (2, 3)", "shape (3,)", aim="shape").id == "links"
    assert told("weight.grad", "linear", "shape (5, 4)", "shape (4, 5)", about="linear", aim="shape").id == "transpose"
    assert told("x.data afterwards[0]", given, 1.0, 2.0, aim="value").id == "inplace"
    assert told("what is raised", "x.backward()", "RuntimeError", "ValueError", aim="").id == "contract"
    assert told("what is raised", "x.backward()", "nothing", "RuntimeError", aim="").id == "constant"
    assert "(2, 3)" in told("the message", "x[7]", "one that holds (2, 3)", "no", aim="").action


NETWORK = catalog().topic("06")
HALF = """import numpy as np

class ManualMLP:
    def __init__(self, rng=None):
        self.W1 = rng.standard_normal(3)
        b1 = np.zeros(3)

    def forward(self, X):
        if X is None:
            z = 0
        return np.maximum(z, 0)

    def backward(self, y):
        print(y)

class Gate:
    def _init_(self, width):
        self.width = width

    def open(x):
        return [y for y in row for row in x]
"""


@pytest.mark.parametrize(
    "message, line, says, tries",
    [
        ("NameError: name '____' is not defined", 9, "The gap `____`", "what is missing"),
        ("NameError: name 'W1' is not defined", 9, "keeps it on `self`", "Write `self.W1`"),
        ("NameError: name 'mean' is not defined", 9, "belongs to NumPy", "Write `np.mean`"),
        ("NameError: name 'sefl' is not defined", 9, "but `self` is", "spelling"),
        ("NameError: name 'x' is not defined", 9, "but `X` is", "spelling"),
        ("UnboundLocalError: cannot access local variable 'z' where", 11, "`z` never gets a value", "each `if`"),
        ("AttributeError: 'NoneType' object has no attribute 'standard_normal'", 5, "`rng` is None", "if rng is None"),
        ("AttributeError: 'ManualMLP' object has no attribute 'b1'", 0, "not on `self`", "self.b1 = ..."),
        ("AttributeError: 'ManualMLP' object has no attribute 'forwards'", 0, "but `forward` is", "to `forwards`"),
        ("KeyError: 'dW2'", 0, "no entry 'dW2'", "this name"),
        ("NameError: name 'Value' is not defined", 9, "never imported", "from utils.engine import Value"),
        ("NameError: name 'row' is not defined", 21, "before its own `for`", "outer loop stands first"),
        ("AttributeError: 'Value' object has no attribute 'tahn'", 11, "but `.tanh` is", "spelling"),
        ("AttributeError: module 'numpy' has no attribute 'tahn'", 11, "but `np.tanh` is", "spelling"),
        ("TypeError: Gate() takes no arguments", 0, "but `_init_` is", "to `__init__`"),
        (
            "TypeError: Gate.open() takes 1 positional argument but 2 were given",
            0,
            "no `self`",
            "`def open(self, ...)`",
        ),
        ("ValueError: zip() argument 2 is longer than argument 1", 11, "`zip` at line 11", "lengths"),
        ("TypeError: list.append() takes exactly one argument (3 given)", 11, "it is given 3", "one tuple"),
        ("IndexError: list index out of range", 11, "behind the last entry", "length minus 1"),
        ("ValueError: cannot reshape array of size 18 into shape (6,5)", 11, "18 numbers do not fill", "Print"),
        ("TypeError: tuple indices must be integers or slices, not str", 0, "a tuple", "`return`"),
        ("TypeError: 'NoneType' object is not subscriptable", 0, "no `return`", "`return`"),
        ("TypeError: can't multiply sequence by non-int of type 'float'", 11, "a list stands", "one entry after"),
        ("TypeError: unsupported operand type(s) for ^: 'float' and 'int'", 11, "no power", "`**`"),
        ("TypeError: only 0-dimensional arrays can be converted to Python scalars", 11, "one number", "np.sqrt"),
        (
            "ValueError: operands could not be broadcast together with shapes (4,3) (4,2)",
            11,
            "(4, 3) and (4, 2)",
            "Print",
        ),
        (
            "ValueError: a mismatch in its core dimension 0 (size 3 is different from 4)",
            11,
            "product are 4 and 3",
            "Print",
        ),
    ],
)
def test_an_exception_whose_words_say_what_is_wrong(message, line, says, tries, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [])
    path = tmp_path / "backpropagation.py"
    path.write_text(HALF, encoding="utf-8")
    made = error(message, about="ManualMLP.backward", line=line)
    if not line and message.startswith("AttributeError"):
        made["outcome"] = "not-written"  # the test asks for it
    told = diagnose(NETWORK, Run((made,), "done"), made, path)
    assert says in told.cause and tries in told.action, told
    assert (HINTS / f"{told.id}.md").exists()


def test_a_mistake_is_named_where_what_comes_after_it_is_not_begun(monkeypatch, tmp_path):
    path = tmp_path / "backpropagation.py"
    path.write_text("", encoding="utf-8")
    here = {**row(observation("dz", "x = 1", 2.0, 1.0), test="test_now", about="neuron"), "step": "neuron"}
    later = {**row(observation("h", "x = 2", 5.0, 4.0), test="test_then", about="MLP"), "step": "fourth"}
    other = {**later, "observations": [observation("h", "x = 2", 5.0, 1.0)]}
    entry = {"id": "one", "diagnosis": "chain", "says": "One.", "try": "Do.", "failing": fingerprints([here, later])}
    monkeypatch.setattr(diagnosis, "known_mistakes", lambda topic: [entry])
    assert diagnose(NETWORK, Run((here, other), "done"), here, path).cause == "One."


def test_a_test_for_several_names_has_a_fingerprint_for_each():
    first = row(observation("p", "SGD", 2.0, 1.0), test="test_rules", about="SGD")
    second = row(observation("p", "Adam", 2.0, 1.0), test="test_rules", about="Adam")
    missing = row(test="test_rules", about="Adam", outcome="not-written", raised="NotImplementedError")
    both, half = fingerprints([first, second]), fingerprints([first, missing])
    assert both.keys() == {"test_rules of SGD", "test_rules of Adam"}
    assert half["test_rules of SGD"] == both["test_rules of SGD"]
