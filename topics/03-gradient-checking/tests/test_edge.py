"""Levels 1 and 2 where checkers go astray: integers, float32, views, borrowed arrays, zeros, nan, shapes, large x."""

import math

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, observations


def expect_refusal(what, call, *, given):
    """Record whether call() raises ValueError; raise Mismatch if it does not."""
    try:
        call()
        got = "no error"
    except Exception as error:
        got = type(error).__name__
    observations.append(Observation(what, given, "ValueError", got, got == "ValueError"))
    if got != "ValueError":
        raise Mismatch(observations[-1])


def same_bits(x, before):
    """1.0 if an array holds the very bits that it held before, as a number that can be judged."""
    return float(x.tobytes() == before)


@pytest.mark.level1
@pytest.mark.about("central_difference")
def test_whole_numbers_have_slopes_too(candidate):
    expect_all(
        [
            (
                "central_difference(f, 3)",
                lambda: round(candidate.central_difference(lambda x: x * x, 3), 6),
                6.0,
                "f = x*x",
            ),
            ("central_difference(f, 0)", lambda: round(candidate.central_difference(math.exp, 0), 6), 1.0, "f = exp"),
            (
                "forward_difference(f, -2)",
                lambda: candidate.forward_difference(lambda x: 4 * x, -2, h=1),
                4.0,
                "f = 4*x",
            ),
        ]
    )


@pytest.mark.level1
@pytest.mark.about("check_engine")
def test_while_one_input_moves_the_others_stand_still(candidate):
    pairs = candidate.check_engine(lambda a, b, c: a * b * c, [2.0, 3.0, 5.0], h=0.5)
    given = "f = a*b*c at [2.0, 3.0, 5.0], h = 0.5"
    for place, slope in enumerate((15.0, 10.0, 6.0)):
        expect(f"measured for input {place}", lambda p=place: pairs[p][1], slope, given=given)
    pairs = candidate.check_engine(lambda a, b: a * a * b, [2.0, 2.0], h=0.5)
    given = "f = a*a*b at [2.0, 2.0], h = 0.5: two inputs with the same number"
    for place, slope in enumerate((8.0, 4.0)):
        expect(f"measured for input {place}", lambda p=place: pairs[p][1], slope, given=given)
    cubed = candidate.check_engine(lambda a: a * a * a, [2.0], h=0.5)
    expect("measured for input 0", lambda: cubed[0][1], 12.25, given="f = a*a*a at [2.0], h = 0.5")
    expect("claimed for input 0", lambda: cubed[0][0], 12.0, given="f = a*a*a at [2.0], h = 0.5")


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_whole_numbers_and_lists_are_measured_as_floats(candidate):
    for name, x in (
        ("an int64 array", np.array([1, -2, 3])),
        ("a list", [1, -2, 3]),
        ("an int8 array", np.int8([1, -2, 3])),
    ):
        expect_array("numerical_gradient(f, x)", lambda x=x: candidate.numerical_gradient(lambda a: (a**2).sum(), x),
                     [2.0, -4.0, 6.0], given=f"f = (x**2).sum() at {name}", tolerance=1e-8)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_a_float32_array_is_measured_in_float64(candidate):
    x = np.array([0.3, -1.7, 2.5], dtype=np.float32)
    exact = np.cos(x.astype(np.float64))
    expect_array("numerical_gradient(f, x)", lambda: candidate.numerical_gradient(lambda a: np.sin(a).sum(), x), exact,
                 given="f = sin(x).sum() at a float32 array", tolerance=1e-8)  # fmt: skip
    expect("the bytes of one element of the gradient",
           lambda: candidate.numerical_gradient(lambda a: np.sin(a).sum(), x).itemsize, 8.0,
           given="f = sin(x).sum() at a float32 array")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_transposed_strided_and_read_only_arrays_are_ordinary_arrays(candidate):
    base = np.arange(12.0).reshape(3, 4) / 3
    locked = base.copy()
    locked.flags.writeable = False
    weights = np.arange(1.0, 13.0)
    for name, x in (
        ("transposed", base.T),
        ("every second column", base[:, ::2]),
        ("reversed", base[::-1]),
        ("read-only", locked),
        ("one row broadcast to three", np.broadcast_to(base[1], (3, 4))),
    ):
        w = weights[: x.size].reshape(x.shape)
        expect_array(
            "numerical_gradient(f, x)",
            lambda x=x, w=w: candidate.numerical_gradient(lambda a: (w * a**2).sum(), x),
            2 * w * x,
            given=f"f = (w * x**2).sum(), x {name}",
            tolerance=1e-8,
        )


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_the_callers_array_holds_the_same_numbers_afterwards(candidate):
    for x in (np.array([0.1, 1 / 3, -0.0, 1e-300, 7e15]), np.array([[0.1, 0.2], [0.3, 0.7]])):
        before, where = x.tobytes(), x.tolist()
        candidate.numerical_gradient(lambda a: np.sin(a).sum(), x)
        expect("whether x is bit for bit as before", lambda x=x, b=before: same_bits(x, b), 1.0, aim="inplace",
               given=f"numerical_gradient(f, x) at {where}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_two_gradients_do_not_share_memory(candidate):
    x = np.array([1.0, 2.0])
    first = candidate.numerical_gradient(lambda a: (a**2).sum(), x)
    second = candidate.numerical_gradient(lambda a: (3 * a).sum(), x)
    expect_array("the first gradient, after a second one was measured", lambda: first, [2.0, 4.0],
                 given="f = (x**2).sum(), then f = (3*x).sum()", tolerance=1e-8)  # fmt: skip
    expect_array("the second gradient", lambda: second, [3.0, 3.0], given="f = (x**2).sum(), then f = (3*x).sum()",
                 tolerance=1e-8)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="sweep")
def test_each_element_gets_a_step_that_fits_its_size(candidate):
    for size in (1e8, 1.0, -3e9, -1e12, 0.001):
        x = np.array([size, size / 2])
        expect_array("numerical_gradient(f, x) / (2*x)",
                     lambda x=x: candidate.numerical_gradient(lambda a: (a**2).sum(), x) / (2 * x), [1.0, 1.0],
                     given=f"f = (x**2).sum() at {x.tolist()}", tolerance=1e-6)  # fmt: skip
    x, scale = np.array([1e5, 1.0]), np.array([1e-5, 1.0])
    expect_array("numerical_gradient(f, x) * [100000, 1]",
                 lambda: candidate.numerical_gradient(lambda a: ((scale * a) ** 3).sum(), x) / scale, [3.0, 3.0],
                 given="f = (x[0] / 100000)**3 + x[1]**3 at [100000, 1]", tolerance=1e-6)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="sweep")
def test_a_step_that_is_given_is_used(candidate):
    expect_array("numerical_gradient(f, x, h=0.5)",
                 lambda: candidate.numerical_gradient(lambda a: (a**3).sum(), np.array([1.0, 100.0]), h=0.5),
                 [3.25, 30000.25], given="f = (x**3).sum() at [1, 100]")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("slope_with_error")
def test_the_true_slope_lies_within_the_error(candidate):
    table = (
        ("sin(x)", math.sin, 0.7, math.cos(0.7)),
        ("x*x*x", lambda x: x * x * x, 0.0, 0.0),
        ("(x - 1)**2", lambda x: (x - 1) ** 2, 1.0, 0.0),
        ("1e6 + sin(x)", lambda x: 1e6 + math.sin(x), 0.7, math.cos(0.7)),
        ("exp(9*x)", lambda x: math.exp(9 * x), 1.0, 9 * math.exp(9)),
        ("x*x", lambda x: x * x, 1e8, 2e8),
        ("cos(x)", math.cos, 0.0, 0.0),
    )
    for name, f, x, slope in table:
        measured, error = candidate.slope_with_error(f, x)
        given = f"f = {name} at {x:g}"
        expect("whether |slope - true slope| is at most the error",
               lambda m=measured, e=error, s=slope: float(abs(m - s) <= e), 1.0, given=given)  # fmt: skip
        expect("whether the error is less than a thousandth",
               lambda e=error, s=slope: float(e < 1e-3 * max(1.0, abs(s))), 1.0, given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_zeros_are_judged_by_the_error_and_not_by_a_fixed_limit(candidate):
    x = np.array([1.0, 0.0, -0.5])
    for name, f, right in (
        ("((x - 1)**2).sum()", lambda a: ((a - 1) ** 2).sum(), 2 * (x - 1)),
        ("(x**3).sum()", lambda a: (a**3).sum(), 3 * x**2),
        ("1e6 + x[0]", lambda a: 1e6 + a[0], np.array([1.0, 0.0, 0.0])),
    ):
        expect("len(check_gradient(f, x, claimed))", lambda f=f, g=right: len(candidate.check_gradient(f, x, g)), 0.0,
               given=f"f = {name} at {x.tolist()}, the right gradient")  # fmt: skip
    tiny = 1e-9 * np.cos(x)
    for words, claimed, rows in (
        ("doubled", 2 * tiny, 3.0),
        ("replaced by zeros", 0 * tiny, 3.0),
        ("as it is", tiny, 0.0),
    ):
        expect("len(check_gradient(f, x, claimed))",
               lambda c=claimed: len(candidate.check_gradient(lambda a: 1e-9 * np.sin(a).sum(), x, c)), rows,
               given=f"f = 1e-9 * sin(x).sum(), its gradient {words}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_a_claim_of_nan_or_infinity_gets_a_row(candidate):
    x = np.array([1.0, 2.0, 3.0])
    for bad in (math.nan, math.inf, -math.inf):
        rows = candidate.check_gradient(lambda a: (a**2).sum(), x, np.array([2.0, bad, 7.0]))
        given = f"f = (x**2).sum() at [1, 2, 3], claimed [2, {bad}, 7]"
        expect("the number of rows", lambda rows=rows: len(rows), 2.0, given=given)
        expect_array("the index in row 0", lambda rows=rows: list(rows[0][0]), [1], given=given)
        expect_array("the index in row 1", lambda rows=rows: list(rows[1][0]), [2], given=given)


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_a_gradient_of_another_shape_is_refused(candidate):
    x = np.ones((2, 3))
    f = np.sum
    expect("len(check_gradient(f, x, claimed))", lambda: len(candidate.check_gradient(f, x, np.ones((2, 3)))), 0.0,
           given="f = x.sum(), x and claimed of shape (2, 3)")  # fmt: skip
    for shape in ((3,), (1, 3), (3, 2), (6,), ()):
        expect_refusal("check_gradient(f, x, claimed)", lambda s=shape: candidate.check_gradient(f, x, np.ones(s)),
                       given=f"f = x.sum(), x of shape (2, 3), claimed of shape {shape}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_the_callers_arrays_are_as_before_after_a_check(candidate):
    x, claimed = np.array([[0.1, 0.2], [1 / 3, 0.7]]), np.array([[1.0, 0.0], [0.5, 0.25]])
    before, claimed_before = x.tobytes(), claimed.tobytes()
    rows = candidate.check_gradient(lambda a: np.exp(a).sum(), x, claimed)
    given = "check_gradient(f, x, claimed), f = exp(x).sum(), four wrong claims"
    expect("the number of rows", lambda: len(rows), 4.0, given=given)
    expect("whether x is bit for bit as before", lambda: same_bits(x, before), 1.0, given=given, aim="inplace")
    expect("whether claimed is bit for bit as before", lambda: same_bits(claimed, claimed_before), 1.0, given=given,
           aim="inplace")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_whole_numbers_lists_and_float32_are_checked_in_float64(candidate):
    for name, x in (
        ("an int64 array", np.array([1, -2, 3])),
        ("a list", [1, -2, 3]),
        ("a float32 array", np.float32([1, -2, 3])),
    ):
        expect("len(check_gradient(f, x, claimed))",
               lambda x=x: len(candidate.check_gradient(lambda a: (a**2).sum(), x, np.array([2.0, -4.0, 6.0]))), 0.0,
               given=f"f = (x**2).sum() at {name}, the right gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_a_backward_pass_that_is_wrong_in_one_place_is_named(candidate):
    x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    def backward(upstream, x):
        gradient = 2 * x * upstream
        gradient[2, 0] *= 1.5
        return gradient

    for seed in (0, 7):
        rows = candidate.check_backward(lambda x: x * x, backward, x, seed=seed)
        given = f"f = x*x, its gradient at (2, 0) multiplied by 1.5, seed={seed}"
        expect("the number of rows", lambda rows=rows: len(rows), 1.0, given=given)
        expect_array("the index in row 0", lambda rows=rows: list(rows[0][0]), [2, 0], given=given)
        expect("the gap in row 0", lambda rows=rows: rows[0][3], 1 / 3, given=given, tolerance=1e-6)


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_a_backward_pass_that_overwrites_its_upstream_does_not_change_the_verdict(candidate):
    def backward(upstream, x):
        upstream *= 2 * x  # in place: the array that was handed over is spoiled
        return upstream

    expect("len(check_backward(f, backward, x))",
           lambda: len(candidate.check_backward(lambda x: x * x, backward, np.array([1.0, -2.0, 0.5]))), 0.0,
           given="f = x*x, a right backward pass that multiplies its upstream in place")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_a_backward_pass_that_overwrites_its_input_does_not_change_the_verdict(candidate):
    def backward(upstream, x):
        x *= 2 * upstream  # in place
        return x

    expect("len(check_backward(f, backward, x))",
           lambda: len(candidate.check_backward(lambda x: x * x, backward, np.array([1.0, -2.0, 0.5]))), 0.0,
           given="f = x*x, a right backward pass that multiplies its input in place")  # fmt: skip
