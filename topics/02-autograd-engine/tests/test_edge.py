"""Levels 1 to 3 where engines go astray: the order of the walk, equal numbers, several graphs, signs, huge inputs."""

import json
import random
from pathlib import Path

import pytest

from utils.course.expressions import run
from utils.course.judging import Mismatch, expect, expect_all, expect_gradients, expect_programs, program_text

# One value reached by a short and by a long path. A wrong order of the walk may pass one spelling and fail its mirror
# image, so each shape stands here with its operands both ways round.
LOPSIDED = (
    "b = a * k; s = b * m; l = b * b; l = l * k; l * s",
    "b = a * k; s = b * m; l = b * b; l = l * k; s * l",
    "b = a * k; b * b + b",
    "b = a * k; b + b * b",
    "b = a * k; c = b * m; d = c * k; e = d * m; e + b",
    "b = a * k; c = b * m; d = c * k; e = d * m; b + e",
    "b = a * k; c = b + m; d = c * b; e = d + c; e * b",
    "b = a * k; c = m + b; d = b * c; e = c + d; b * e",
    "b = a * k; c = b * b; d = c * c; (d + c) * b",
    "b = a * k; c = b * b; d = c * c; b * (c + d)",
)


def leaves_and_result(candidate, program, inputs):
    """Fresh values for the inputs, and what the program makes of them."""
    leaves = {name: candidate.Value(number) for name, number in inputs.items()}
    return leaves, run(program, leaves)[0]


def expect_parents_untouched(candidate, programs, **inputs):
    """Expect that computing a program changes neither data nor grad of its inputs."""
    rows = []
    for program in programs:
        used = {name: number for name, number in inputs.items() if name in program}
        leaves, _ = leaves_and_result(candidate, program, used)
        given = f"{program_text(program, used)}, without backward"
        for name, leaf in leaves.items():
            rows.append((f"{name}.data", lambda leaf=leaf: leaf.data, used[name], given))
            rows.append((f"{name}.grad", lambda leaf=leaf: leaf.grad, 0.0, given))
    expect_all(rows)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Value.__mul__")
def test_adding_and_multiplying_leave_the_parents_as_they_were(candidate):
    expect_parents_untouched(candidate, ("a + b", "a * b", "a + a", "a * a", "(a + b) * a"), a=1.5, b=-0.7)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_whole_numbers_zeros_and_negative_numbers_have_gradients_too(candidate):
    expect_programs(candidate, "a * b + c", "(a + c) * b", "z * b", "b * z", "(z + n) * b", a=3, b=-4, c=5, z=0, n=-1)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_a_chain_of_a_hundred_values_carries_the_gradient_to_its_start(candidate):
    start, factor, term = candidate.Value(0.5), 1.01, -0.02
    x, value = start, 0.5
    for _ in range(50):
        x = x * candidate.Value(factor) + candidate.Value(term)
        value = value * factor + term
    given = "x = Value(0.5), then 50 times: x = x * Value(1.01) + Value(-0.02)"
    expect("the value at the end", lambda: x.data, value, given=given)
    x.backward()
    expect("the gradient at the start", lambda: start.grad, factor**50, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_a_long_and_a_short_path_to_the_same_value(candidate):
    expect_programs(candidate, *LOPSIDED, a=1.3, k=-0.7, m=2.1)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_below_a_diamond_each_gradient_is_counted_once(candidate):
    expect_programs(
        candidate, "b = a * k; c = b + m; c * b", "e = a + k; b = e * m; b * k + b * e", "b = (a + k) * m; b * b",
        "e = a * k; b = e + m; c = b * b; c * b", "x = a * k; x = x * m + x; x = x * m + x; x * m + x",
        a=1.3, k=-0.7, m=2.1,
    )  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_values_with_equal_numbers_stay_different_values(candidate):
    expect_programs(
        candidate, "a + b", "(a + b) * k", "a * b + a * k", "(a * k) * (b * k) + b", "c = a * k; d = b * k; c * a + d",
        "c = a + b; d = b + a; c * d + d * a", a=1.5, b=1.5, k=-0.7,
    )  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_a_second_graph_knows_nothing_of_the_first(candidate):
    for a, b in ((1.5, -0.7), (-2.5, 0.3), (1.5, -0.7)):
        expect_gradients(candidate, "c = a * b; c * a + c", a=a, b=b)
        expect_gradients(candidate, "a + b", a=a, b=b)
    # Both built before either is walked.
    first, y = leaves_and_result(candidate, "a * b + a", {"a": 2.0, "b": 3.0})
    second, z = leaves_and_result(candidate, "a * b + b", {"a": -5.0, "b": 7.0})
    y.backward()
    z.backward()
    given = "y = a*b + a at a = 2, b = 3; z = p*q + q at p = -5, q = 7; y.backward(); z.backward()"
    expect_all(
        (f"{name}.grad", lambda leaf=leaf: leaf.grad, expected, given)
        for name, leaf, expected in (
            ("a", first["a"], 4.0), ("b", first["b"], 2.0), ("p", second["a"], 7.0), ("q", second["b"], -4.0),
        )
    )  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_a_name_that_is_given_a_new_value_keeps_the_old_one_in_the_graph(candidate):
    a, b = candidate.Value(1.5), candidate.Value(-0.7)
    first = total = a * b
    total += a
    total *= b
    given = "first = total = a * b; total += a; total *= b at a = 1.5, b = -0.7"
    expect("first.data", lambda: first.data, -1.05, given=given)
    expect("total.data", lambda: total.data, -0.315, given=given)
    total.backward()
    expect("a.grad", lambda: a.grad, -0.21, given=given, aim="gradient")
    expect("b.grad", lambda: b.grad, -0.6, given=given, aim="gradient")


# Level 2 --------------------------------------------------------------------------------------------------------------


def random_program(rng):
    """Ten sums and products of leaves and earlier results; the last one uses every result that has no user yet."""
    names, idle, lines = ["a", "b", "k", "m"], [], []
    for number in range(10):
        left, right = rng.choice(names[-5:]), rng.choice(names)
        result = f"v{number}"
        lines.append(f"{result} = {left} {rng.choice('+*')} {right}")
        idle = [name for name in idle if name not in (left, right)] + [result]
        names.append(result)
    rng.shuffle(idle)
    return "; ".join(lines) + "; " + " + ".join(idle)


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
def test_random_graphs_of_sums_and_products(candidate):
    rng = random.Random(2)
    expect_programs(candidate, *(random_program(rng) for _ in range(40)), a=1.1, b=-0.7, k=0.6, m=-1.3)


@pytest.mark.level2
@pytest.mark.about("Value.backward", step="sweep")
def test_a_ladder_whose_rungs_reach_back_by_one_and_by_two(candidate):
    # Fibonacci's recurrence with weights: every value has a near and a far user.
    for program in ("; ".join(f"x{n} = x{n - 1} * k + x{n - 2} * m" for n in range(2, 14)) + "; x13",
                    "; ".join(f"x{n} = x{n - 2} * m + x{n - 1} * k" for n in range(2, 14)) + "; x13"):  # fmt: skip
        expect_gradients(candidate, program, x0=0.4, x1=1.3, k=0.9, m=-0.7)


@pytest.mark.level2
@pytest.mark.about("Value.__sub__")
def test_order_matters_in_differences_and_quotients(candidate):
    expect_programs(
        candidate, "a - b", "b - a", "a - b - c", "a - (b - c)", "(a - b) * (b - a)", a=3, b=5, c=-2,
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.__truediv__")
def test_quotients_of_whole_numbers_and_of_quotients(candidate):
    expect_programs(candidate, "a / b", "b / a", "a / b / c", "a / (b / c)", "(a / b) * (b / c)", a=3, b=5, c=-2)


@pytest.mark.level2
@pytest.mark.about("Value.__pow__")
def test_exponents_may_be_fractions_and_bases_negative(candidate):
    expect_programs(
        candidate, "a ** 2.5", "a ** 0.5 * b", "a ** -1.5", "a ** 1", "a ** 0 * b + a", "b ** 3", "b ** 2 * a",
        "b ** 3.0", "b ** -1", "b ** -2 * a", "(a * b) ** 3 + b", "(b ** 3) ** 2 * a", "z ** 2 * a + z", "z ** 3 + z",
        a=1.7, b=-0.6, z=0.0,
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.__pow__")
def test_a_value_as_exponent_is_refused_or_has_a_gradient_too(candidate):
    expect_gradients(candidate, "a ** 3", a=1.7)
    a, b = candidate.Value(1.7), candidate.Value(2.5)
    try:
        a**b
    except Exception:
        return  # refused: a learner sees at once that it is not offered
    expect_gradients(candidate, "a ** b", a=1.7, b=2.5)


@pytest.mark.level2
@pytest.mark.about("Value.__sub__")
def test_arithmetic_leaves_the_parents_as_they_were(candidate):
    programs = ("a - b", "-a", "a / b", "a ** 3", "a - a", "a / a", "(a - b) / a")
    expect_parents_untouched(candidate, programs, a=1.5, b=-0.7)


@pytest.mark.level2
@pytest.mark.about("Value.__rsub__")
def test_plain_numbers_leave_the_value_beside_them_as_it_was(candidate):
    programs = ("a + 4", "4 + a", "a * 4", "4 * a", "a - 4", "4 - a", "a / 4", "4 / a", "sum([a, a])")
    expect_parents_untouched(candidate, programs, a=1.5)


@pytest.mark.level2
@pytest.mark.about("Value.relu")
def test_activations_leave_their_parent_as_it_was(candidate):
    programs = ("relu(a)", "tanh(a)", "sigmoid(a)", "exp(a)", "log(a)")
    expect_parents_untouched(candidate, programs, a=0.4)


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("Value.tanh")
def test_tanh_of_huge_numbers_is_flat_and_does_not_overflow(candidate):
    expect_programs(
        candidate, "tanh(p) * k", "tanh(n) * k", "tanh(p * k)", "tanh(p) + tanh(n) * k + tanh(k)", "tanh(h)",
        p=1000.0, n=-1000.0, h=400.0, k=0.7,
    )  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Value.sigmoid")
def test_sigmoid_of_huge_numbers_is_flat_and_does_not_overflow(candidate):
    expect_programs(
        candidate, "sigmoid(p) * k", "sigmoid(n) * k", "sigmoid(n * k)", "sigmoid(p) + sigmoid(n) * k + sigmoid(k)",
        p=1000.0, n=-1000.0, k=0.7,
    )  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Value.tanh")
def test_exp_underflows_to_zero_and_log_takes_tiny_numbers(candidate):
    expect_programs(candidate, "exp(n) * k + k", "exp(n * k) + k", "log(t) * k", n=-1000.0, t=1e-3, k=0.7)


@pytest.mark.level3
@pytest.mark.about("Value.sigmoid")
def test_a_sigmoid_built_from_exp_has_the_gradients_of_the_whole(candidate):
    circuit = {"w0": 2.0, "w1": -3.0, "w2": -3.0, "x0": -1.0, "x1": -2.0}
    expect_programs(
        candidate, "1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))", "sigmoid(w0*x0 + w1*x1 + w2)",
        "z = w0*x0 + w1*x1 + w2; 1 / (1 + exp(-z)) - sigmoid(z)", **circuit,
    )  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Value.tanh")
def test_random_expressions_have_the_gradients_that_pytorch_found(candidate):
    recorded = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
    first = None
    for case in recorded["cases"]:
        leaves, root = leaves_and_result(candidate, case["program"], case["inputs"])
        given = program_text(case["program"], case["inputs"])
        try:
            expect("the value", lambda root=root: root.data, case["value"], given=given, tolerance=1e-5)
            root.backward()
            for name, leaf in leaves.items():
                expected = case["gradients"][name]
                expect(f"{name}.grad", lambda leaf=leaf: leaf.grad, expected,
                       given=given, tolerance=1e-5, aim="gradient")  # fmt: skip
        except Mismatch as mismatch:
            first = first or mismatch
    if first:
        raise first


@pytest.mark.level3
@pytest.mark.about("Value.backward", step="again")
def test_a_second_backward_doubles_the_gradients_of_the_leaves(candidate):
    programs = (
        # (program, inputs, d/da by hand)
        ("a * b + 1", {"a": 3.0, "b": 2.0}, 2.0),
        ("c = a + b; d = c * a; c * d", {"a": 2.0, "b": 3.0}, 45.0),
        ("c = a * b; (c * c + c) * a", {"a": 0.5, "b": 2.0}, 5.0),
    )
    for program, inputs, slope in programs:
        leaves, root = leaves_and_result(candidate, program, inputs)
        for times in (1, 2, 3):
            root.backward()
            given = f"y = {program_text(program, inputs)}; y.backward() called {times} times"
            expect("a.grad", lambda leaves=leaves: leaves["a"].grad, times * slope, given=given, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("Value.backward", step="again")
def test_cleared_leaves_receive_the_same_gradients_again(candidate):
    leaves, root = leaves_and_result(candidate, "c = a * b; (c + a) * c", {"a": 1.5, "b": -0.7})
    root.backward()
    for leaf in leaves.values():
        leaf.zero_grad()
    root.backward()
    given = "y = (c + a) * c with c = a * b at a = 1.5, b = -0.7; y.backward(); zero_grad on a and b; y.backward()"
    expect("a.grad", lambda: leaves["a"].grad, 2 * 1.5 * 0.49 + 2 * 1.5 * -0.7, given=given, aim="gradient")
    expect("b.grad", lambda: leaves["b"].grad, 2 * 2.25 * -0.7 + 2.25, given=given, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("Value.backward", step="again")
def test_two_outputs_that_share_a_result_each_pass_only_their_own_gradient(candidate):
    a, b = candidate.Value(3.0), candidate.Value(-2.0)
    shared = a * b
    (shared * candidate.Value(5.0)).backward()
    (shared * a).backward()
    shared.backward()
    given = "c = a * b; (c * Value(5.0)).backward(); (c * a).backward(); c.backward() at a = 3, b = -2"
    expect("a.grad", lambda: a.grad, 5 * -2.0 + 2 * 3.0 * -2.0 + -2.0, given=given, aim="gradient")
    expect("b.grad", lambda: b.grad, 5 * 3.0 + 9.0 + 3.0, given=given, aim="gradient")
