"""The judge itself: exact derivatives by dual numbers, no number that lies, messages in three lines."""

import math
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from utils.course import reporting
from utils.course.expressions import NotAnExpression, exact, names, run
from utils.course.judging import (
    Mismatch,
    NotANumber,
    describe,
    expect,
    expect_array,
    expect_gradients,
    expect_indexed,
    expect_refusals,
    expect_same,
    observations,
    plain,
)
from utils.course.loading import load_candidate


@pytest.fixture(scope="module")
def stub():
    from utils.course.catalog import catalog

    return load_candidate(catalog().topic("02").solution(3))


PROGRAMS = [
    "a * b + a", "c = a + b; d = c * a; c * d", "(a - b) / (a + 3)", "a ** 3 - a ** -1 + a ** 0.5", "2 ** a",
    "exp(a) * log(b) + tanh(a * b)", "sigmoid(a - b) * relu(b)", "sum([a, b, a * b])", "5 - a / b", "-a",
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_dual_numbers_agree_with_central_differences(program):
    inputs = {name: number for name, number in {"a": 0.7, "b": 1.3}.items() if name in names(program)}
    truth = exact(program, inputs)
    for name in inputs:
        h = 1e-6
        up, down = (run(program, {**inputs, name: inputs[name] + step})[0] if not _has_function(program) else
                    exact(program, {**inputs, name: inputs[name] + step}).value for step in (h, -h))  # fmt: skip
        assert math.isclose(truth.gradients[name], (up - down) / (2 * h), rel_tol=1e-7, abs_tol=1e-8)


def _has_function(program):
    return any(word in program for word in ("exp", "log", "tanh", "sigmoid", "relu"))


def test_dual_numbers_agree_with_pytorch():
    import torch

    a, b = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.7, 1.3))
    y = (a.exp() * b.log() + (a * b).tanh()) / (1 + (a - b).sigmoid()) ** 2
    y.backward()
    truth = exact("(exp(a) * log(b) + tanh(a * b)) / (1 + sigmoid(a - b)) ** 2", {"a": 0.7, "b": 1.3})
    assert math.isclose(truth.value, y.item(), rel_tol=1e-12)
    assert math.isclose(truth.gradients["a"], a.grad.item(), rel_tol=1e-12)
    assert math.isclose(truth.gradients["b"], b.grad.item(), rel_tol=1e-12)


def test_intermediate_names_have_derivatives_too():
    truth = exact("c = a + b; d = c * a; e = c * d; e", {"a": 2.0, "b": 3.0})
    assert truth.gradients == {"a": 45.0, "b": 20.0, "c": 20.0, "d": 5.0, "e": 1.0}


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "a[0]", "lambda: a", "a if a else b", "import os", "f(a)", "", "a +", "True"]
)
def test_only_arithmetic_is_run(text):
    with pytest.raises(NotAnExpression):
        run(text, {"a": 1.0, "b": 2.0})


class Liar(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    def __abs__(self):
        return 0.0

    def __float__(self):
        return 4.0

    __hash__ = float.__hash__


def test_an_object_that_lies_is_read_by_its_base_type():
    assert plain(Liar(1.0)) == 1.0
    with pytest.raises(Mismatch):
        expect("x.grad", lambda: Liar(1.0), 4.0)


class Agreeable:
    def __eq__(self, other):
        return Agreeable()

    __hash__ = None


@pytest.mark.parametrize("thing", [Agreeable(), None, "1.0", True, 1 + 0j, [1.0]])
def test_what_is_no_number_is_never_accepted_as_one(thing):
    with pytest.raises(NotANumber):
        plain(thing)


def test_numbers_of_numpy_and_int_are_numbers():
    import numpy as np

    assert [plain(x) for x in (3, 3.0, np.float64(3), np.float32(3), np.int64(3), np.array(3.0))] == [3.0] * 6


def test_a_mismatch_says_what_was_asked_expected_and_got():
    with pytest.raises(Mismatch) as caught:
        expect("x.grad", lambda: 3.0, 6.0, given="x * x at x = 3")
    assert str(caught.value).splitlines() == [
        "x.grad of x * x at x = 3", "expected: 6", "got:      3   (0.5 times what it should be)",
    ]  # fmt: skip


def test_every_comparison_is_recorded_also_after_the_first_that_failed(stub):
    observations.clear()
    wrong = load_candidate(stub.Value.backward.__code__.co_filename)
    wrong._module.Value.backward = lambda self: None
    with pytest.raises(Mismatch):
        expect_gradients(wrong, "a * b", a=2.0, b=3.0)
    found = [(seen.what, seen.holds) for seen in observations]
    assert found == [("the value", True), ("a.grad", False), ("b.grad", False)]
    assert "expected: 3" in describe(observations[1])


def test_an_array_is_compared_in_shape_and_in_every_entry():
    import numpy as np

    expect_array("y", lambda: np.eye(2), [[1, 0], [0, 1]])
    with pytest.raises(Mismatch, match=r"y\[1, 0\]\nexpected: 0\ngot:      0.5"):
        expect_array("y", lambda: np.array([[1, 0], [0.5, 1]]), [[1, 0], [0, 1]])
    with pytest.raises(Mismatch, match=r"expected: shape \(2, 1\)\ngot:      shape \(2,\)"):
        expect_array("y", lambda: np.zeros(2), np.zeros((2, 1)))
    with pytest.raises(Mismatch):
        expect_array("y", lambda: np.array([np.nan]), [0.0])
    expect_array("y", lambda: [[1.0, 2.0]], [[1.0, 2.0]])


def test_an_array_that_lies_is_no_array():
    import numpy as np

    class Lying(np.ndarray):
        def __sub__(self, other):
            return np.zeros(self.shape)

    with pytest.raises(Mismatch, match="an array of numbers was expected"):
        expect_array("y", lambda: np.ones(2).view(Lying), [1.0, 1.0])


class Grid:
    """An array of a candidate's own kind: a list, a shape, and `a[i, j]`."""

    def __init__(self, numbers, shape):
        self.numbers, self.shape = numbers, shape

    def __getitem__(self, index):
        return self.numbers[sum(i * (3, 1)[k] for k, i in enumerate(index))]


def test_a_candidates_own_array_is_read_one_number_at_a_time():
    expect_indexed("a", lambda: Grid([0, 1, 2, 3, 4, 5], (2, 3)), [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(Mismatch, match=r"a\[1, 0\]\nexpected: 9\ngot:      3"):
        expect_indexed("a", lambda: Grid([0, 1, 2, 3, 4, 5], (2, 3)), [[0, 1, 2], [9, 4, 5]])
    with pytest.raises(Mismatch, match=r"shape \(3, 2\)"):
        expect_indexed("a", lambda: Grid([0, 1, 2, 3, 4, 5], (2, 3)), [[0, 1], [2, 3], [4, 5]])


@pytest.mark.parametrize("thing", [None, 3.0, [1.0, 2.0], Grid([1.0], [1]), Grid([None], (1, 1))])
def test_what_is_no_array_is_named_and_not_read(thing):
    with pytest.raises(Mismatch):
        expect_indexed("a", lambda: thing, [[1.0]])


def test_a_table_of_refusals_is_checked_to_its_end():
    def wrong_kind():
        raise KeyError("x")

    def unwritten():
        raise NotImplementedError("einsum")

    observations.clear()
    refused, taken = lambda: [][0], lambda: 1
    expect_refusals(IndexError, [("a[9]", refused, "a of shape (3,)")])
    with pytest.raises(Mismatch, match="expected: IndexError\ngot:      no error"):
        expect_refusals(IndexError, [("a[3]", taken, ""), ("a[4]", wrong_kind, "")])
    assert [seen.got for seen in observations] == ["IndexError", "no error", "KeyError"]
    with pytest.raises(NotImplementedError):
        expect_refusals(IndexError, [("a[3]", unwritten, "")])


# Texts and lists ------------------------------------------------------------------------------------------------------


def test_texts_and_lists_of_whole_numbers_are_compared_as_what_they_are():
    import numpy as np

    expect_same("text", lambda: "aé", "aé")
    expect_same("ids", lambda: np.array([[1, 2], [3, 4]], dtype=np.uint16), [[1, 2], [3, 4]])
    expect_same("pairs", lambda: [(1, 2)], [[1, 2]])
    expect_same("nothing", lambda: [], [])


class SaysYes(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


@pytest.mark.parametrize("thing", [SaysYes("b"), ["a"], 1, None, True, 1.0, b"a"])
def test_what_is_no_such_text_is_told_apart_even_if_it_claims_to_be_equal(thing):
    with pytest.raises(Mismatch):
        expect_same("text", lambda: thing, "a")


def test_of_a_long_list_the_part_around_the_first_difference_is_shown():
    with pytest.raises(Mismatch) as caught:
        expect_same("ids", lambda: [*range(500), -1, *range(501, 1000)], list(range(1000)), given="a long text")
    assert "ids of a long text" in str(caught.value)
    assert "expected: from place 498 of 1000: [498, 499, 500, 501" in str(caught.value)
    assert "got:      from place 498 of 1000: [498, 499, -1, 501" in str(caught.value)


def test_a_text_with_half_a_surrogate_pair_can_be_shown():
    with pytest.raises(Mismatch) as caught:
        expect_same("text", lambda: "\ud800", "\ud801")
    assert str(caught.value).encode("utf-8")


def test_what_a_test_draws_does_not_depend_on_the_tests_before_it():
    module = ModuleType("a_test_file")
    module.RNG = np.random.default_rng(3)
    first = []
    for _ in range(3):
        reporting._rewind(SimpleNamespace(module=module))
        first.append(module.RNG.normal())
    assert len(set(first)) == 1 and module.RNG.normal() != first[0]
    reporting._rewind(SimpleNamespace(module=ModuleType("another")))  # a file without a Generator
