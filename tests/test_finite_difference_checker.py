"""The gradient checker: what it accepts, what it refuses, and what it says."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from utils.finite_difference_checker import GradientError, check_gradients, numerical_gradient

ROOT = Path(__file__).resolve().parents[1]
X = np.array([0.5, -1.2, 2.0])
ONES = np.ones((2, 3))


class Value:
    """A scalar engine, small and correct: it remembers parents and local derivatives."""

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def relu(self):
        return Value(max(self.data, 0.0), ((self, float(self.data > 0)),))

    def backward(self):
        self.receive(1.0)

    def receive(self, upstream):
        self.grad += upstream
        for parent, local in self.parents:
            parent.receive(local * upstream)


class Tensor:
    """An array engine in the manner of PyTorch: `grad` is None until a gradient arrives."""

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = np.array(data, dtype=float), None, parents

    @property
    def shape(self):
        return self.data.shape

    def tanh(self):
        y = np.tanh(self.data)
        return Tensor(y, ((self, lambda u: u * (1 - y * y)),))

    def __matmul__(self, other):
        return Tensor(
            self.data @ other.data,
            ((self, lambda u: u @ other.data.T), (other, lambda u: self.data.T @ u)),
        )

    def sum(self):
        return Tensor(self.data.sum(), ((self, lambda u: np.full(self.shape, u)),))

    def backward(self, upstream=1.0):
        self.grad = upstream if self.grad is None else self.grad + upstream
        for parent, rule in self.parents:
            parent.backward(rule(upstream))


def square(x):
    return (x * x).sum()


def double(upstream, x):
    return (2 * x * upstream,)


def relu(x):
    return np.maximum(x, 0)


# The three ways to claim a gradient --------------------------------------------------


def test_a_gradient_given_as_a_number_is_checked():
    assert check_gradients(math.sin, 0.5, gradients=[math.cos(0.5)]).ok
    assert check_gradients(math.sin, 0.5, gradients=[math.sin(0.5)]).kind == "gradient"


def test_a_backward_function_is_checked_at_every_output():
    assert check_gradients(np.tanh, X, backward=lambda u, x: (u * (1 - np.tanh(x) ** 2),)).ok
    assert not check_gradients(np.tanh, X, backward=lambda u, x: (u * (1 - np.tanh(x)),)).ok


def test_a_scalar_engine_is_checked_with_numbers_and_with_nested_lists():
    assert check_gradients(lambda a, b: a * b + a, 2.0, 3.0, value_class=Value).ok
    report = check_gradients(
        lambda w: w[0][0] * w[1][1] + w[0][1].relu(), np.arange(4.0).reshape(2, 2), value_class=Value
    )
    assert report.ok, report


def test_every_output_of_a_scalar_engine_is_checked():
    assert check_gradients(lambda a, b: [a * b, a + b], 2.0, 3.0, value_class=Value).ok


def test_an_engine_of_arrays_is_checked_with_one_output_and_with_many():
    a, b = np.arange(6.0).reshape(2, 3) / 7, np.arange(6.0).reshape(3, 2) / 5
    assert check_gradients(lambda a, b: (a @ b).tanh().sum(), a, b, value_class=Tensor).ok
    assert check_gradients(lambda a, b: (a @ b).tanh(), a, b, value_class=Tensor).ok


def test_an_engine_that_overwrites_is_caught_and_explained():
    class Overwrites(Value):
        def receive(self, upstream):
            self.grad = upstream
            for parent, local in self.parents:
                parent.receive(local * upstream)

        def __add__(self, other):
            return Overwrites(self.data + other.data, ((self, 1.0), (other, 1.0)))

    report = check_gradients(lambda a: a + a, 3.0, value_class=Overwrites)
    assert report.kind == "gradient" and report.worst.ratio == pytest.approx(0.5)
    assert "+=" in report.hint


def test_exactly_one_claim_is_wanted():
    for claims in ({}, {"gradients": [1.0], "value_class": Value}):
        with pytest.raises(TypeError, match="exactly one claim"):
            check_gradients(math.sin, 0.5, **claims)
    with pytest.raises(TypeError, match="backward="):
        check_gradients(np.sin, X, gradients=[np.cos(X)])


def test_it_works_as_a_one_liner():
    line = (
        "from utils.finite_difference_checker import check_gradients; import math; "
        "print(check_gradients(math.exp, 1.0, gradients=[math.e]))"
    )
    result = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("pass:") and not result.stderr


# Inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        3, 3.0, np.float32(1.5), np.array(2.0), np.array([1, -2, 3]), np.empty((0, 3)), X[::-1],
        np.arange(12.0)[::2], np.asfortranarray(ONES), np.broadcast_to(X, (2, 3)), np.float32(X),
    ],
    ids=[
        "int", "float", "float32 number", "0-d", "integers", "empty", "reversed",
        "every second", "Fortran order", "broadcast", "float32",
    ],
)  # fmt: skip
def test_inputs_of_any_kind_are_accepted(x):
    report = check_gradients(lambda x: x * x, x, backward=lambda u, x: (2 * x * u,))
    assert report.ok, report


def test_read_only_data_are_accepted_and_nothing_of_the_caller_changes():
    x = X.copy()
    x.flags.writeable = False
    claim = 2 * x
    assert check_gradients(square, x, gradients=[claim]).ok
    assert np.array_equal(x, X) and np.array_equal(claim, 2 * X)


def test_the_same_array_may_be_passed_twice():
    assert check_gradients(lambda a, b: a * b, X, X, backward=lambda u, a, b: (u * b, u * a)).ok


def test_inputs_that_hold_no_real_numbers_are_refused():
    with pytest.raises(TypeError, match="real numbers"):
        check_gradients(square, np.array([1j]), backward=double)
    with pytest.raises(ValueError, match="nan or inf"):
        check_gradients(square, np.array([np.nan]), backward=double)


# Numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, slope, x",
    [
        (math.log, lambda x: 1 / x, 1e-10),
        (math.exp, math.exp, 1e-10),
        (lambda x: x * x, lambda x: 2 * x, 1e8),
        (lambda x: 1 + 1e-9 * x, lambda x: 1e-9, 1.5),
        (lambda x: math.sin(1e6 * x), lambda x: 1e6 * math.cos(1e6 * x), 0.37),
        (lambda x: (1e8 + x) - 1e8, lambda x: 1.0, 0.7),
        (math.tanh, lambda x: 1 / math.cosh(x) ** 2, 9.0),
        (lambda x: max(x, 0.0), lambda x: 1.0, 1e-9),
        (lambda x: float(np.sin(np.float32(x))), math.cos, 0.7),
    ],
    ids=[
        "tiny x", "tiny x, scale 1", "large x", "tiny slope", "fast", "cancellation", "saturated",
        "beside a kink", "float32 inside",
    ],
)  # fmt: skip
def test_a_difficult_slope_is_neither_refused_nor_taken_on_trust(f, slope, x):
    right = slope(x)
    assert check_gradients(f, x, gradients=[right]).ok
    for wrong in (0.0, -right, 2 * right, 1.001 * right):
        report = check_gradients(f, x, gradients=[wrong])
        assert report.kind == "gradient", (wrong, str(report))


def test_float32_is_judged_by_its_own_precision():
    x = X.astype(np.float32)
    assert check_gradients(np.exp, x, backward=lambda u, x: (u * np.exp(x),)).ok
    assert not check_gradients(np.exp, x, backward=lambda u, x: (u * np.exp(x) * np.float32(1.01),)).ok


def test_the_straight_through_gradient_of_round_is_not_its_slope():
    assert check_gradients(np.round, 1.2, gradients=[0.0]).ok
    assert check_gradients(np.round, 1.2, gradients=[1.0]).kind == "gradient"


@pytest.mark.parametrize("x", [-0.8642, -0.5, -2.0])
def test_a_flat_stretch_with_a_kink_further_on_has_slope_zero(x):
    def f(a, x):
        return a + abs(x) + x  # a adds a last stair of rounding, far from the point

    assert check_gradients(f, 0.7181, x, gradients=[1.0, 0.0]).ok
    assert check_gradients(f, 0.7181, x, gradients=[1.0, -1.0]).verdict == "fail"


def test_gradients_that_are_rounding_alone_are_not_blamed_for_it():
    def backward(upstream, x):
        return (1e-18 * np.sin(1000 * upstream * x),)  # what is left where everything cancels follows no rule

    x = np.array([-1.19, 1.22, 0.954, -0.0425])
    assert check_gradients(lambda x: 0.25 + 0 * x.sum(), x, backward=backward).ok
    assert check_gradients(lambda x: 0.25 + x.sum(), x, backward=backward).verdict == "fail"


def test_an_upstream_gradient_of_ones_would_not_have_seen_this():
    def softmax(x):
        e = np.exp(x - x.max())
        return e / e.sum()

    report = check_gradients(softmax, X, backward=lambda u, x: (2 * softmax(x) * (u - u @ softmax(x)),))
    assert report.kind == "gradient" and report.worst.ratio == pytest.approx(2)


def test_one_wrong_element_among_thousands_is_found_and_named():
    x = np.random.default_rng(0).standard_normal(4000)

    def almost(u, x):
        g = u * np.cos(x)
        g[1234] *= 1.1
        return (g,)

    report = check_gradients(lambda x: np.sin(x).sum(), x, backward=almost)
    assert report.worst.index == (1234,) and report.worst.ratio == pytest.approx(1.1)
    assert report.calls < 2 * x.size


def test_a_healthy_function_costs_little_more_than_a_central_difference():
    x = np.random.default_rng(0).standard_normal(50)
    report = check_gradients(lambda x: np.tanh(x).sum(), x, backward=lambda u, x: (u / np.cosh(x) ** 2,))
    assert report.ok and report.calls <= 1.1 * 2 * x.size


# Kinks -------------------------------------------------------------------------------


@pytest.mark.parametrize("slope_at_zero", [0.0, 0.25, 1.0])
def test_any_slope_between_the_two_passes_at_a_kink(slope_at_zero):
    report = check_gradients(relu, 0.0, backward=lambda u, x: (u * np.heaviside(x, slope_at_zero),))
    assert report.ok and "kink" in str(report), report


def test_a_slope_outside_is_undecided_and_the_advice_is_to_move_the_point():
    report = check_gradients(relu, 0.0, backward=lambda u, x: (u * np.heaviside(x, 2.0),))
    assert (report.verdict, report.kind) == ("undecided", "kink")
    assert "move the test point" in report.hint and not report.ok


def test_a_tie_counted_twice_is_undecided():
    x = np.array([2.0, 2.0, 1.0])
    report = check_gradients(lambda x: x.max(), x, backward=lambda u, x: (u * (x == x.max()),))
    assert report.verdict == "undecided", report


def test_a_rule_that_is_wrong_beside_the_kink_fails():
    assert check_gradients(relu, 0.0, backward=lambda u, x: (u * np.heaviside(x, 0.5) * 1.5,)).verdict == "fail"


# Contracts ---------------------------------------------------------------------------


def dropout():
    random = np.random.default_rng(0)
    return lambda x: (x * (random.random(x.shape) < 0.5)).sum()


def noisy_backward():
    random = np.random.default_rng(0)
    return lambda u, x: (2 * x * u * random.random(),)


def in_place(x):
    x[x < 0] = 0
    return x.sum()


@pytest.mark.parametrize(
    "kind, said, f, inputs, backward",
    [
        ("nondeterministic", "dropout", dropout(), [X], double),
        ("nondeterministic", "backward pass", square, [X], noisy_backward()),
        ("mutates", "in-place", in_place, [X], lambda u, x: (u * (x > 0),)),
        ("nonfinite", "overflow", np.exp, [1e4], lambda u, x: (u * np.exp(x),)),
        ("nonfinite", "gradient of x", np.sqrt, [0.0], lambda u, x: (u / (2 * np.sqrt(x)),)),
        ("shape", "sum over axis 0", lambda a, b: a + b, [ONES, X], lambda u, a, b: (u, u)),
        ("shape", "transposed", square, [ONES], lambda u, x: (2 * x.T * u,)),
        ("shape", "reshape", square, [X], lambda u, x: (2 * x[:, None] * u,)),
        ("missing", "no gradient for b", lambda a, b: (a * b).sum(), [X, X], lambda u, a, b: (u * b, None)),
        ("missing", "return", square, [X], lambda u, x: None),
        ("gradient", "ignores `upstream`", np.sin, [X], lambda u, x: (np.cos(x),)),
        ("gradient", "exactly once", np.sin, [X], lambda u, x: (u * u * np.cos(x),)),
    ],
)
def test_a_broken_contract_is_named(kind, said, f, inputs, backward):
    report = check_gradients(f, *inputs, backward=backward)
    assert (report.verdict, report.kind) == ("fail", kind), report
    assert said in report.hint, report


def test_a_function_that_changes_after_a_while_is_not_blamed_on_the_gradient():
    calls = []

    def f(x):
        calls.append(x)
        return (x * x).sum() * (1 if len(calls) < 4 else 2)

    assert check_gradients(f, X, backward=double).kind == "nondeterministic"


def test_a_lost_link_in_an_engine_is_missing():
    assert check_gradients(lambda a: (a * a).data, 3.0, value_class=Value).kind == "missing"
    report = check_gradients(lambda a, b: (a @ a).sum(), ONES[:, :2], ONES, value_class=Tensor)
    assert report.kind == "missing" and "b" in report.hint


def test_an_engine_that_changes_its_inputs_mutates():
    class InPlace(Value):
        def __add__(self, other):
            self.data += other.data
            return self

    assert check_gradients(lambda a, b: a + b, 2.0, 3.0, value_class=InPlace).kind == "mutates"


# Explanations ------------------------------------------------------------------------


def normal(*shape):
    return np.random.default_rng(3).standard_normal(shape)


def gather(x):
    return x[[0, 2, 0]]


def gather_once(u, x):
    g = np.zeros_like(x)
    g[[0, 2, 0]] += u  # NumPy keeps only the last of two equal indices
    return (g,)


@pytest.mark.parametrize(
    "said, f, inputs, backward",
    [
        ("2 times", np.sin, [0.3], lambda u, x: (2 * u * np.cos(x),)),
        ("a sign", np.cos, [normal(5)], lambda u, x: (u * np.sin(x),)),
        ("the 1/N of a mean is missing", lambda x: (x * x).mean(), [normal(5)], lambda u, x: (2 * x * u,)),
        ("divided by N once too often", lambda x: (x * x).sum(), [normal(5)], lambda u, x: (2 * x * u / 5,)),
        ("transpose", lambda a: (a @ a).sum() + 0 * a[0, 0], [normal(3, 3)],
         lambda u, a: (u * (a.sum(0)[None, :] + a.sum(1)[:, None]),)),
        ("swapped", lambda a, b: (a * b).sum(), [normal(4), 1 + normal(4)], lambda u, a, b: (u * a, u * b)),
        ("is zero", lambda a, b: a * b, [2.0, 3.0], lambda u, a, b: (u * b, 0.0)),
        ("x is negative", lambda x: np.where(x > 0, x, x / 10), [normal(6)],
         lambda u, x: (u * np.where(x > 0, 1, 0.5),)),
        ("counted once", gather, [normal(4)], gather_once),
        ("a term is missing; it is equal to b", lambda a, b: a * b + a * a, [2.0, 3.0],
         lambda u, a, b: (u * 2 * a, u * a)),
        ("by the output of f", np.exp, [0.7], lambda u, x: (u * np.exp(x) ** 2,)),
        ("by x itself", np.log, [2.3], lambda u, x: (u,)),
        ("mean of the measured gradient", lambda x: (x * x).sum(), [normal(5)],
         lambda u, x: (2 * x.mean() * u + 0 * x,)),
        ("own element of a alone", np.cumsum, [normal(5)], lambda u, x: (u,)),
        ("entries along axis 0 of x", lambda x, b: (x * b).sum(), [normal(7, 3), normal(3)],
         lambda u, x, b: (u * b + 0 * x, u * x.mean(0))),
        ("right numbers", lambda x: (x * x).sum(), [normal(5)], lambda u, x: (2 * x[::-1] * u,)),
        ("Only x[3] is off", lambda x: (x * x).sum(), [normal(5)], lambda u, x: (2 * x * u * [1, 1, 1, 1.3, 1],)),
    ],
)  # fmt: skip
def test_a_known_mistake_is_explained(said, f, inputs, backward):
    report = check_gradients(f, *inputs, backward=backward)
    assert report.kind == "gradient" and said in report.hint, report


# The report --------------------------------------------------------------------------


def test_the_report_names_the_worst_element_first():
    report = check_gradients(
        lambda a, b: (a * b).sum(), X, X + 1, backward=lambda u, a, b: (u * b * [1, 1, 1.1], u * a * [1, 3, 1])
    )
    assert (report.worst.name, report.worst.index) == ("b", (1,))
    assert report.worst.claimed == pytest.approx(3 * X[1]) and report.worst.measured == pytest.approx(X[1])
    assert [element.name for element in report.table] == ["b", "a"]
    assert report.worst.error < 1e-9


def test_of_several_outputs_the_report_names_the_one_that_is_off():
    report = check_gradients(lambda x: 3 * x, X, backward=lambda u, x: (3 * u * [1, 1, 2],))
    assert (report.worst.index, report.worst.output) == ((2,), (2,)) and "y[2] by x[2]" in str(report)


def test_names_come_from_f_or_from_the_caller():
    assert check_gradients(lambda weight: 2 * weight, 1.0, gradients=[1.0]).worst.name == "weight"
    assert check_gradients(np.sin, 1.0, gradients=[1.0], names=["angle"]).worst.name == "angle"


def test_the_same_question_gets_the_same_text():
    x = np.random.default_rng(0).standard_normal(300)
    texts = {str(check_gradients(square, x, backward=lambda u, x: (x * u,), seed=4)) for _ in range(2)}
    assert len(texts) == 1


def test_every_line_of_a_report_fits_80_columns():
    reports = [
        check_gradients(lambda a, b: a + b, ONES, X, backward=lambda u, a, b: (u, u)),
        check_gradients(square, normal(4, 5) * 1e-7, backward=lambda u, x: (x * u,)),
        check_gradients(relu, 0.0, backward=lambda u, x: (u * np.heaviside(x, 2.0),)),
    ]
    for report in reports:
        assert max(map(len, str(report).splitlines())) <= 80, report


def test_nothing_is_printed_and_a_failure_is_raised_only_on_request(capsys):
    assert not check_gradients(math.sin, 0.5, gradients=[1.0])
    assert capsys.readouterr().out == ""
    with pytest.raises(GradientError, match="claimed") as caught:
        check_gradients(math.sin, 0.5, gradients=[1.0], raise_on_fail=True)
    assert caught.value.report.kind == "gradient"


def test_an_error_raised_by_f_itself_comes_through():
    with pytest.raises(ZeroDivisionError):
        check_gradients(lambda x: 1 / x, 0.0, gradients=[0.0])


# Measured gradients ------------------------------------------------------------------


def test_the_numerical_gradient_is_shaped_like_the_inputs_and_exact_to_ten_digits():
    a, b = normal(3, 2), 0.7
    grad_a, grad_b = numerical_gradient(lambda a, b: (np.exp(a) * b).sum(), a, b)
    assert isinstance(grad_b, float) and grad_b == pytest.approx(np.exp(a).sum(), rel=1e-10)
    assert np.allclose(grad_a, np.exp(a) * b, rtol=1e-10, atol=0)


def test_the_numerical_gradient_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    a, b = normal(3, 4), normal(4, 2)
    functions = {
        "tanh": lambda m, a, b: m.tanh(a @ b).sum(),
        "log-sum-exp": lambda m, a, b: m.log(m.exp(a @ b).sum()),
        "a product": lambda m, a, b: (a @ b)[0].prod(),
    }
    for name, f in functions.items():
        tensors = [torch.tensor(x, requires_grad=True) for x in (a, b)]
        f(torch, *tensors).backward()
        for measured, tensor in zip(numerical_gradient(lambda a, b, f=f: f(np, a, b), a, b), tensors, strict=True):
            assert np.allclose(measured, tensor.grad.numpy(), rtol=1e-7, atol=1e-10), name
