"""Levels 1 and 2 at ordinary points: differences, verdicts, engines, arrays, steps, reports, cotangents, kinks."""

import math

import numpy as np
import pytest

from utils.course.judging import (
    Mismatch,
    Observation,
    expect,
    expect_all,
    expect_array,
    observations,
    plain,
    plain_array,
)


def square(x):
    return x * x


def cube(x):
    return x * x * x


def expect_words(rows):
    """Check a table of (what, get, word, given) rows to its end, then raise for the first that was another word."""
    first = None
    for what, get, word, given in rows:
        try:
            got = get()
        except Exception as error:
            observations.append(Observation(what, given, word, type(error).__name__, False, type(error).__name__))
            first = first or error
            continue
        if got is None:
            said = "a word was expected, but here is None (NoneType)"
            observations.append(Observation(what, given, word, said, False, "NotANumber"))
            first = first or Mismatch(observations[-1])
            continue
        holds = isinstance(got, (str, bool, np.bool_)) and str(got) == word
        observations.append(Observation(what, given, word, str(got), holds))
        if not holds:
            first = first or Mismatch(observations[-1])
    if first:
        raise first


# Level 1: one number --------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("forward_difference")
def test_the_forward_difference_is_the_slope_from_x_to_x_plus_h(candidate):
    forward = candidate.forward_difference
    expect_all([
        ("forward_difference(f, 3.0, h=0.5)", lambda: forward(square, 3.0, h=0.5), 6.5, "f = x*x"),
        ("forward_difference(f, -1.0, h=0.5)", lambda: forward(square, -1.0, h=0.5), -1.5, "f = x*x"),
        ("forward_difference(f, 2.0, h=1.0)", lambda: forward(cube, 2.0, h=1.0), 19.0, "f = x*x*x"),
        ("forward_difference(f, 3.0, h=0.25)", lambda: forward(lambda x: 4 - 2 * x, 3.0, h=0.25), -2.0, "f = 4 - 2*x"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("central_difference")
def test_the_central_difference_is_the_slope_from_x_minus_h_to_x_plus_h(candidate):
    central = candidate.central_difference
    expect_all([
        ("central_difference(f, 3.0, h=0.5)", lambda: central(square, 3.0, h=0.5), 6.0, "f = x*x"),
        ("central_difference(f, 2.0, h=0.5)", lambda: central(cube, 2.0, h=0.5), 12.25, "f = x*x*x"),
        ("central_difference(f, 2.0, h=1.0)", lambda: central(cube, 2.0, h=1.0), 13.0, "f = x*x*x"),
        ("central_difference(f, -1.0, h=0.5)", lambda: central(cube, -1.0, h=0.5), 3.25, "f = x*x*x"),
        ("central_difference(f, 3.0, h=0.25)", lambda: central(lambda x: 4 - 2 * x, 3.0, h=0.25), -2.0, "f = 4 - 2*x"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("central_difference")
def test_without_a_step_the_slopes_of_curves_come_out_to_many_digits(candidate):
    table = [(math.sin, 0.7, math.cos(0.7), "sin"), (math.exp, -0.4, math.exp(-0.4), "exp"),
             (lambda x: 1 / x, 1.3, -1 / 1.69, "1/x"), (cube, -0.6, 1.08, "x*x*x")]  # fmt: skip
    for f, x, slope, name in table:
        expect(f"central_difference(f, {x})", lambda f=f, x=x: candidate.central_difference(f, x), slope,
               given=f"f = {name}", tolerance=1e-8)  # fmt: skip
        expect(f"forward_difference(f, {x})", lambda f=f, x=x: candidate.forward_difference(f, x), slope,
               given=f"f = {name}", tolerance=1e-5)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("central_difference")
@pytest.mark.resources
def test_each_difference_calls_the_function_at_two_places(candidate):
    for name, places in (("forward_difference", [2.0, 2.5]), ("central_difference", [1.5, 2.5])):
        seen = []

        def f(x, seen=seen):
            seen.append(plain(x))
            return 10.0 * x

        getattr(candidate, name)(f, 2.0, h=0.5)
        expect_array(
            f"the places at which f was called by {name}(f, 2.0, h=0.5)", lambda seen=seen: sorted(seen), places
        )


@pytest.mark.level1
@pytest.mark.about("relative_gap")
def test_the_relative_gap_is_a_fraction_of_the_larger_number(candidate):
    rows = ((2.0, 2.0, 0.0), (1.0, 2.0, 0.5), (2.0, 1.0, 0.5), (-1.0, -4.0, 0.75), (-3.0, 3.0, 2.0), (0.0, 5.0, 1.0),
            (5.0, 0.0, 1.0), (0.0, 0.0, 0.0), (1e-9, 4e-9, 0.75), (3e12, 4e12, 0.25))  # fmt: skip
    expect_all(
        [
            (
                f"relative_gap({claimed:g}, {measured:g})",
                lambda c=claimed, m=measured: candidate.relative_gap(c, m),
                gap,
                "",
            )
            for claimed, measured, gap in rows
        ]
    )


@pytest.mark.level1
@pytest.mark.about("relative_gap")
def test_the_relative_gap_of_what_is_no_number_is_infinite(candidate):
    rows = ((math.nan, 1.0), (1.0, math.nan), (math.nan, 0.0), (math.inf, 1.0), (-math.inf, math.inf), (0.0, math.inf))
    expect_all(
        [
            (
                f"relative_gap({claimed}, {measured})",
                lambda c=claimed, m=measured: candidate.relative_gap(c, m),
                math.inf,
                "",
            )
            for claimed, measured in rows
        ]
    )


# (f, x, its slope there, name)
CURVES = (
    (math.sin, 0.7, math.cos(0.7), "sin"),
    (cube, -2.0, 12.0, "x*x*x"),
    (lambda x: 3e8 * square(x), 1.5, 9e8, "3e8 * x*x"),
    (lambda x: 1e-9 * math.exp(x), 0.3, 1e-9 * math.exp(0.3), "1e-9 * exp(x)"),
    (lambda x: 7 - 4 * x, 0.25, -4.0, "7 - 4*x"),
    (lambda x: math.exp(5 * x), 0.4, 5 * math.exp(2.0), "exp(5*x)"),  # bends so much that a forward difference fails
)


def verdicts(candidate, word, factors):
    return [
        (f"judge(f, {x}, {slope * factor:.9g})", lambda f=f, x=x, c=slope * factor: candidate.judge(f, x, c), word,
         f"f = {name}, slope {slope:.9g}")
        for f, x, slope, name in CURVES for factor in factors
    ]  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("judge")
def test_a_right_claim_passes_whatever_its_size(candidate):
    expect_words(verdicts(candidate, "pass", (1.0, 1 + 1e-8)))


@pytest.mark.level1
@pytest.mark.about("judge")
def test_a_wrong_claim_fails_whatever_its_size(candidate):
    expect_words(verdicts(candidate, "fail", (2.0, -1.0, 0.5, 1.001, 0.9999, 0.0)))


@pytest.mark.level1
@pytest.mark.about("judge")
def test_a_claim_that_is_no_number_fails(candidate):
    rows = [(f"judge(sin, 0.7, {claim})", lambda c=claim: candidate.judge(math.sin, 0.7, c), "fail", "")
            for claim in (math.nan, math.inf, -math.inf)]  # fmt: skip
    expect_words(rows)


@pytest.mark.level1
@pytest.mark.about("judge")
def test_rtol_says_how_far_a_claim_may_be_off(candidate):
    rows = [
        (
            f"judge(f, 2.0, {claim}, rtol={rtol})",
            lambda c=claim, r=rtol: candidate.judge(cube, 2.0, c, rtol=r),
            word,
            "f = x*x*x, slope 12",
        )
        for claim, rtol, word in (
            (12.1, 0.01, "pass"),
            (12.1, 0.001, "fail"),
            (11.9, 0.01, "pass"),
            (12.001, 1e-3, "pass"),
            (20.0, 0.5, "pass"),  # two fifths of 20, two thirds of 12
            (6.1, 0.5, "pass"),
        )
    ]
    expect_words(rows)


def planted(times=lambda a, b: (b, a), collect=lambda old, new: old + new):
    """A class Value with + and * only, into which a mistake can be planted: in the locals of *, or in the adding up."""

    class Value:
        def __init__(self, data, parents=()):
            self.data, self.grad, self.parents = data, 0.0, parents

        def __add__(self, other):
            return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

        def __mul__(self, other):
            mine, others = times(self.data, other.data)
            return Value(self.data * other.data, ((self, mine), (other, others)))

        def backward(self, upstream=1.0):
            self.grad = collect(self.grad, upstream)
            for parent, local in self.parents:
                parent.backward(local * upstream)

    return Value


def expect_pairs(candidate, f, numbers, pairs, *, engine, text, **options):
    found = candidate.check_engine(f, list(numbers), **options)
    given = f"f = {text} at {numbers}, {engine}"
    expect("the number of pairs", lambda: len(found), len(pairs), given=given)
    for place, (claimed, measured) in enumerate(pairs):
        expect(f"claimed for input {place}", lambda p=place: found[p][0], claimed, given=given)
        expect(f"measured for input {place}", lambda p=place: found[p][1], measured, given=given, tolerance=1e-7)


@pytest.mark.level1
@pytest.mark.about("check_engine")
def test_the_engine_in_use_claims_what_is_measured(candidate):
    engine = "the engine of utils.engine"
    expect_pairs(candidate, lambda x: x * x + x, [3.0], [(7.0, 7.0)], text="x*x + x", engine=engine)
    expect_pairs(candidate, lambda a, b, c: a * b + c, [2.0, -3.0, 0.5], [(-3.0, -3.0), (2.0, 2.0), (1.0, 1.0)],
                 text="a*b + c", engine=engine)  # fmt: skip
    expect_pairs(candidate, lambda a, b: (a + b) * (a + b) * a, [2.0, 3.0], [(45.0, 45.0), (20.0, 20.0)],
                 text="(a + b)*(a + b)*a", engine=engine)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("check_engine")
def test_a_wrong_engine_claims_one_thing_and_its_own_numbers_say_another(candidate):
    own = planted(times=lambda a, b: (a, b))
    expect_pairs(candidate, lambda a, b: a * b, [2.0, 5.0], [(2.0, 5.0), (5.0, 2.0)], text="a*b", value_class=own,
                 engine="an engine in which each factor receives its own number")  # fmt: skip
    last = planted(collect=lambda old, new: new)
    expect_pairs(candidate, lambda a, b: a * b + a, [2.0, 3.0], [(1.0, 4.0), (2.0, 2.0)], text="a*b + a",
                 value_class=last, engine="an engine in which the last message erases the others")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("check_engine")
def test_checking_twice_gives_the_same_pairs(candidate):
    engine = planted()
    for _ in range(2):
        expect_pairs(candidate, lambda a, b: a * b + b, [1.5, 4.0], [(4.0, 4.0), (2.5, 2.5)], text="a*b + b",
                     value_class=engine, engine="a right engine")  # fmt: skip


# Level 2: arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_a_vector_gets_one_slope_for_each_element(candidate):
    x = np.array([0.5, -1.0, 2.0, 0.0])
    w = np.array([3.0, -2.0, 0.25, 1.0])
    where = x.tolist()
    for name, f, gradient in (
        ("w @ x", lambda a: w @ a, w),
        ("(x**3).sum()", lambda a: (a**3).sum(), 3 * x**2),
        ("sin(x) @ w", lambda a: np.sin(a) @ w, np.cos(x) * w),
        ("x[0] * x[2]", lambda a: a[0] * a[2], np.array([2.0, 0.0, 0.5, 0.0])),
    ):
        expect_array("numerical_gradient(f, x)", lambda f=f: candidate.numerical_gradient(f, x.copy()), gradient,
                     given=f"f = {name} at x = {where}", tolerance=1e-8)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_a_gradient_has_the_shape_of_its_array(candidate):
    for shape in ((2, 3), (3, 1), (2, 2, 2), (1,), ()):
        x = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape) / 4
        expect_array("numerical_gradient(f, x)", lambda x=x: candidate.numerical_gradient(lambda a: (a**2).sum(), x),
                     2 * x, given=f"f = (x**2).sum(), x of shape {shape}", tolerance=1e-8)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("numerical_gradient", step="arrays")
def test_each_element_moves_alone(candidate):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    before, moved = x.copy(), []

    def f(a):
        moved.append(np.count_nonzero(plain_array(a) != before))
        return np.prod(a)

    gradient = candidate.numerical_gradient(f, x, h=0.25)
    expect_array("numerical_gradient(f, x, h=0.25)", lambda: gradient, [[24.0, 12.0], [8.0, 6.0]],
                 given="f = the product of all elements of [[1, 2], [3, 4]]")  # fmt: skip
    expect("the most elements that differed from x in one call of f", lambda: max(moved), 1.0,
           given="numerical_gradient(f, x, h=0.25), x of shape (2, 2)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("sweep_errors")
def test_a_sweep_tells_the_error_at_each_step(candidate):
    steps = [1.0, 0.5, 0.25]
    for name, f, slope, options, errors in (
        ("x*x*x", cube, 12.0, {}, [1.0, 0.25, 0.0625]),
        ("-x*x*x", lambda x: -cube(x), -12.0, {}, [1.0, 0.25, 0.0625]),
        ("x*x", square, 4.0, {"difference": candidate.forward_difference}, [1.0, 0.5, 0.25]),
    ):
        said = ", difference=forward_difference" if options else ""
        expect_array(f"sweep_errors(f, 2.0, {slope}, [1.0, 0.5, 0.25]{said})",
                     lambda f=f, s=slope, o=options: candidate.sweep_errors(f, 2.0, s, steps, **o), errors,
                     given=f"f = {name}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("order")
def test_the_order_is_the_exponent_of_the_step(candidate):
    steps = np.geomspace(1e-1, 1e-4, 7)
    broken = np.where(np.arange(7) == 6, 0.0, 5 * steps**2)
    expect_all([
        ("order(steps, errors)", lambda: candidate.order(steps, 3 * steps**2), 2.0, "errors = 3 * steps**2"),
        ("order(steps, errors)", lambda: candidate.order(steps, 0.01 * steps), 1.0, "errors = 0.01 * steps"),
        ("order(steps, errors)", lambda: candidate.order(steps, 1e-16 / steps), -1.0, "errors = 1e-16 / steps"),
        ("order(steps, errors)", lambda: candidate.order(steps, broken), 2.0, "errors = 5 * steps**2, one of them 0"),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("order")
def test_both_branches_of_the_u_have_their_exponents(candidate):
    large, small = np.geomspace(1e-1, 1e-3, 9), np.geomspace(1e-8, 1e-12, 60)

    def exponent(steps, difference):
        return candidate.order(steps, candidate.sweep_errors(math.sin, 0.7, math.cos(0.7), steps, difference))

    central, forward = candidate.central_difference, candidate.forward_difference
    given = "f = sin at 0.7, order(steps, sweep_errors(...))"
    expect("the exponent of the central difference for large steps", lambda: exponent(large, central), 2.0,
           given=given, tolerance=0.02)  # fmt: skip
    expect("the exponent of the forward difference for large steps", lambda: exponent(large, forward), 1.0,
           given=given, tolerance=0.02)  # fmt: skip
    expect("the exponent of the central difference for tiny steps", lambda: exponent(small, central), -1.0,
           given=given, tolerance=0.3)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("good_step")
def test_a_good_step_follows_the_size_of_x_and_the_precision_of_its_type(candidate):
    root, root32 = 2.220446049250313e-16 ** (1 / 3), 1.1920928955078125e-07 ** (1 / 3)
    steps = ((0.0, root), (1.0, root), (0.001, root), (-8.0, 8 * root), (1e6, 1e6 * root), (-1e-9, root))
    expect_all(
        (f"good_step({x}) / good_step(0.0)", lambda x=x: candidate.good_step(x) / root, h / root, "") for x, h in steps
    )
    for x in (0.5, -20.0):  # whoever takes the root of a float32 has seven digits of it, which is enough for a step
        what = f"good_step({x}, np.float32) / good_step(0.0, np.float32)"
        expect(what, lambda x=x: candidate.good_step(x, np.float32) / root32, max(1.0, abs(x)), tolerance=1e-6)


@pytest.mark.level2
@pytest.mark.about("slope_with_error")
def test_the_error_is_what_the_double_step_reveals_plus_rounding(candidate):
    given = "f = x*x*x at 1, h = 0.5: the slopes 3.25 and, with the double step, 4"
    expect("the slope", lambda: candidate.slope_with_error(cube, 1.0, h=0.5)[0], 3.25, given=given)
    expect("the error", lambda: candidate.slope_with_error(cube, 1.0, h=0.5)[1], 0.75, given=given)
    for sign in (1, -1):
        result = candidate.slope_with_error(lambda x, s=sign: s * 1e10 * x, 1.0, h=2.0**-20)
        given = (
            f"f = {'-' if sign < 0 else ''}1e10 * x at 1, h = 2**-20: a straight line, so the error is rounding alone"
        )
        rounding = 4 * 2.220446049250313e-16 * 1e10 * (1 + 2.0**-20) / 2.0**-20
        expect("the error", lambda r=result: r[1], rounding, given=given)
    # Where the value above is small, the one below decides how large the rounding is.
    result = candidate.slope_with_error(lambda x: 1e10 * (x - 2.0), 1.0, h=0.5)
    rounding = 4 * 2.220446049250313e-16 * 1.5e10 / 0.5
    expect(
        "the error, in units of its rounding",
        lambda: result[1] / rounding,
        1.0,
        given="f = 1e10 * (x - 2) at 1, h = 0.5",
    )


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_right_gradients_leave_no_rows(candidate):
    x = np.array([[0.5, -1.2, 2.0], [0.1, 0.9, -0.4]])
    for name, f, gradient in (
        ("(x**3).sum()", lambda a: (a**3).sum(), 3 * x**2),
        ("1e-12 * sin(x).sum()", lambda a: 1e-12 * np.sin(a).sum(), 1e-12 * np.cos(x)),
        ("1e12 * exp(x).sum()", lambda a: 1e12 * np.exp(a).sum(), 1e12 * np.exp(x)),
        ("x[0] @ x[1]", lambda a: a[0] @ a[1], x[::-1]),
    ):
        for factor, words in ((1.0, "the right gradient"), (1 + 1e-7, "the right gradient but for the eighth digit")):
            expect("len(check_gradient(f, x, claimed))",
                   lambda f=f, g=gradient * factor: len(candidate.check_gradient(f, x, g)), 0.0,
                   given=f"f = {name}, {words}")  # fmt: skip


def expect_row(rows, place, index, claimed, measured, gap, *, given):
    """Expect a row (index, claimed, measured, gap) at a place of a report."""
    expect_array(f"the index in row {place}", lambda: list(rows[place][0]), list(index), given=given)
    for k, (word, number) in enumerate((("claimed", claimed), ("measured", measured), ("the gap", gap)), 1):
        expect(f"{word} in row {place}", lambda k=k: rows[place][k], number, given=given, tolerance=1e-6)


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_a_wrong_element_is_named_with_both_numbers_and_their_gap(candidate):
    x = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
    for index, factor, gap in (((0, 2), 1.1, 1 / 11), ((1, 0), 0.5, 0.5), ((1, 1), -1.0, 2.0), ((0, 0), 1.0001, 1e-4)):
        claimed = 2 * x
        claimed[index] *= factor
        rows = candidate.check_gradient(lambda a: (a**2).sum(), x, claimed)
        given = f"f = (x**2).sum(), the claim at {index} multiplied by {factor}"
        expect("the number of rows", lambda rows=rows: len(rows), 1.0, given=given)
        expect("the number of things in row 0", lambda rows=rows: len(rows[0]), 4.0, given=given)
        expect_row(rows, 0, index, claimed[index], 2 * x[index], gap, given=given)
        expect("x at the index in row 0", lambda rows=rows: x[rows[0][0]], x[index], given=given)


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_rtol_is_a_fraction_of_the_larger_of_claim_and_measurement(candidate):
    x = np.array([1.0, 2.0, 3.0])
    claimed = 2 * x * np.array([1.6, 0.6, 2.5])
    given = "f = (x**2).sum(), the claims multiplied by 1.6, 0.6, 2.5: gaps of 3/8, 2/5, 3/5"
    wrong = {0.7: [], 0.5: [2], 0.39: [2, 1], 0.1: [2, 1, 0]}
    found = {rtol: candidate.check_gradient(lambda a: (a**2).sum(), x, claimed, rtol=rtol) for rtol in wrong}
    expect_all(
        (f"the number of rows with rtol={rtol}", lambda rows=rows: len(rows), float(len(wrong[rtol])), given)
        for rtol, rows in found.items()
    )
    for rtol, rows in found.items():
        expect_array(f"the places in the rows with rtol={rtol}", lambda rows=rows: [row[0][0] for row in rows],
                     wrong[rtol], given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_gradient")
def test_the_worst_claims_come_first_and_no_more_than_asked_for(candidate):
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    claimed = 2 * x * np.array([1.0, 0.5, 1.25, -1.0, 0.9])
    order = ((3, 2.0), (1, 0.5), (2, 0.2), (4, 0.1))
    given = "f = (x**2).sum(), the claims at 1, 2, 3, 4 multiplied by 0.5, 1.25, -1, 0.9"
    for most in (10, 2):
        rows = candidate.check_gradient(lambda a: (a**2).sum(), x, claimed, most=most)
        said = given if most == 10 else f"{given}, most=2"
        expect("the number of rows", lambda rows=rows: len(rows), min(most, 4), given=said)
        for place, (index, gap) in enumerate(order[:most]):
            expect_row(rows, place, (index,), claimed[index], 2 * x[index], gap, given=said)


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def softmax_backward(upstream, x):
    s = softmax(x)
    return s * (upstream - (upstream * s).sum(axis=-1, keepdims=True))


SCORES = np.array([[1.0, -0.5, 0.3], [0.2, 2.0, -1.0]])
MATRIX = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25]])
RIGHT = (
    ("softmax along the rows", softmax, softmax_backward),
    ("x*x", lambda x: x * x, lambda upstream, x: 2 * x * upstream),
    ("x @ matrix", lambda x: x @ MATRIX, lambda upstream, x: upstream @ MATRIX.T),
    ("the sum of each column", lambda x: x.sum(axis=0), lambda upstream, x: np.ones(x.shape) * upstream),
    ("the sum of all", lambda x: x.sum(), lambda upstream, x: np.full(x.shape, upstream)),
)


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_right_backward_passes_leave_no_rows(candidate):
    for name, f, backward in RIGHT:
        for seed in (0, 7):
            expect(f"len(check_backward(f, backward, x, seed={seed}))",
                   lambda f=f, b=backward, s=seed: len(candidate.check_backward(f, b, SCORES, seed=s)), 0.0,
                   given=f"f = {name}, the right backward pass")  # fmt: skip


def expect_rows(candidate, table):
    """Expect that check_backward objects to each (words, f, backward) of a table; each is asked with two seeds."""
    first = None
    for words, f, backward in table:
        for seed in (0, 7):
            rows = candidate.check_backward(f, backward, SCORES, seed=seed)
            try:
                expect(f"whether check_backward(f, backward, x, seed={seed}) has rows",
                       lambda rows=rows: float(len(rows) > 0), 1.0, given=words)  # fmt: skip
            except Mismatch as mismatch:
                first = first or mismatch
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_a_softmax_whose_gradient_is_doubled_does_not_pass(candidate):
    expect_rows(candidate, [
        ("softmax, its gradient doubled", softmax, lambda upstream, x: 2 * softmax_backward(upstream, x)),
        ("softmax, its gradient negated", softmax, lambda upstream, x: -softmax_backward(upstream, x)),
        ("softmax, a gradient of zeros", softmax, lambda upstream, x: np.zeros(x.shape)),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_a_backward_pass_that_ignores_or_mixes_up_its_upstream_does_not_pass(candidate):
    expect_rows(candidate, [
        ("x*x, the upstream ignored", square, lambda upstream, x: 2 * x),
        ("x*x, only the sum of the upstream used", square, lambda upstream, x: 2 * x * upstream.mean()),
        ("x*x, only the first upstream used", square, lambda upstream, x: 2 * x * upstream.flat[0]),
        ("x*x, the last element of the upstream lost", square,
         lambda upstream, x: 2 * x * np.append(upstream.ravel()[:-1], 0.0).reshape(x.shape)),
        ("x*x, the upstream in the wrong order", square, lambda upstream, x: 2 * x * upstream[::-1]),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_the_upstream_has_the_shape_of_the_output_and_no_two_equal_elements(candidate):
    seen = {}
    for when, seed in ((0, 0), (7, 7), ("again", 0)):

        def backward(upstream, x, when=when):
            seen[when] = np.array(upstream)
            return upstream @ MATRIX.T

        candidate.check_backward(lambda x: x @ MATRIX, backward, SCORES, seed=seed)
    given = "f = x @ matrix, from shape (2, 3) to shape (2, 2)"
    expect_array("the shape of the upstream gradient", lambda: seen[0].shape, (2, 2), given=given)
    expect("how many different elements it has", lambda: len(np.unique(seen[0])), 4.0, given=given)
    expect("whether another seed gives another one", lambda: float(not np.array_equal(seen[0], seen[7])), 1.0,
           given=given)  # fmt: skip
    expect("whether the same seed gives the same one", lambda: float(np.array_equal(seen[0], seen["again"])), 1.0,
           given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("check_backward")
def test_rtol_and_most_are_those_that_are_given(candidate):
    for options, rows in (({}, 6.0), ({"most": 2}, 2.0), ({"rtol": 0.2}, 0.0)):
        said = "".join(f", {name}={value}" for name, value in options.items())
        expect(f"len(check_backward(f, backward, x{said}))",
               lambda o=options: len(candidate.check_backward(square, lambda u, x: 2.2 * x * u, SCORES, **o)), rows,
               given="f = x*x, six elements, every gradient 10 % too large")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("one_sided_slopes")
def test_the_two_one_sided_slopes(candidate):
    table = (
        ("abs(x)", abs, 0.0, (-1.0, 1.0)),
        ("x*x", square, 3.0, (5.5, 6.5)),
        ("max(x, 0)", lambda x: max(x, 0.0), 0.0, (0.0, 1.0)),
        ("5 - 2*x", lambda x: 5 - 2 * x, 1.0, (-2.0, -2.0)),
        ("-abs(x)", lambda x: -abs(x), 0.0, (1.0, -1.0)),
    )
    found = [candidate.one_sided_slopes(f, x, h=0.5) for _, f, x, _ in table]
    expect_all(
        (f"one_sided_slopes(f, {x}, h=0.5)[{side}]", lambda pair=pair, side=side: pair[side], slope, f"f = {name}")
        for pair, (name, _, x, slopes) in zip(found, table, strict=True)
        for side, slope in enumerate(slopes)
    )


KINKS = (
    ("abs(x)", abs, 0.0),
    ("max(x, 0)", lambda x: max(x, 0.0), 0.0),
    ("max(x, 1)", lambda x: max(x, 1.0), 1.0),
    ("0.001 * abs(x - 2)", lambda x: 0.001 * abs(x - 2), 2.0),
    ("exp(-abs(x))", lambda x: math.exp(-abs(x)), 0.0),
    ("1000 + abs(x)", lambda x: 1000 + abs(x), 0.0),
)
SMOOTH = (
    ("x*x", square, 3.0),
    ("x*x*x", cube, 0.0),
    ("cos(x)", math.cos, 0.0),
    ("exp(x)", math.exp, 3.0),
    ("x*abs(x)", lambda x: x * abs(x), 0.0),
    ("5 - 2*x", lambda x: 5 - 2 * x, 0.3),
    ("1e6 + x", lambda x: 1e6 + x, 0.3),
    ("100 * sin(20*x)", lambda x: 100 * math.sin(20 * x), 0.1),
    ("max(x, 0)", lambda x: max(x, 0.0), 0.5),
    ("7", lambda x: 7.0, 0.0),
)


@pytest.mark.level2
@pytest.mark.about("is_kink")
def test_at_a_kink_the_one_sided_slopes_stay_apart(candidate):
    expect_words([(f"is_kink(f, {x})", lambda f=f, x=x: candidate.is_kink(f, x), "True", f"f = {name}")
                  for name, f, x in KINKS])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("is_kink")
def test_a_smooth_function_has_no_kink_however_much_it_bends(candidate):
    expect_words([(f"is_kink(f, {x})", lambda f=f, x=x: candidate.is_kink(f, x), "False", f"f = {name}")
                  for name, f, x in SMOOTH])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("judge")
def test_at_a_kink_the_verdict_is_neither_pass_nor_fail(candidate):
    expect_words([(f"judge(f, {x}, {claim})", lambda f=f, x=x, c=claim: candidate.judge(f, x, c), "kink", f"f = {name}")
                  for name, f, x in KINKS[:3] for claim in (0.0, 0.5, 1.0)])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("judge")
def test_a_slope_of_zero_is_judged_by_the_error_of_the_measurement(candidate):
    def bowl(x):
        return (x - 1) ** 2

    rows = [
        ("judge(f, 1.0, 0.0)", lambda: candidate.judge(bowl, 1.0, 0.0), "pass", "f = (x - 1)**2"),
        ("judge(f, 0.0, 0.0)", lambda: candidate.judge(cube, 0.0, 0.0), "pass", "f = x*x*x"),
        ("judge(f, 1.0, 0.001)", lambda: candidate.judge(bowl, 1.0, 0.001), "fail", "f = (x - 1)**2"),
        ("judge(f, pi/2, 0.0)", lambda: candidate.judge(math.sin, math.pi / 2, 0.0), "pass", "f = sin"),
        ("judge(f, 0.3, 1.0)", lambda: candidate.judge(lambda x: 1e6 + x, 0.3, 1.0), "pass", "f = 1e6 + x"),
        ("judge(f, 0.3, 1.01)", lambda: candidate.judge(lambda x: 1e6 + x, 0.3, 1.01), "fail", "f = 1e6 + x"),
    ]
    expect_words(rows)
