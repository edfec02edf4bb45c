"""Levels 1 and 2 at ordinary points: values, local derivatives, and paths that add up, operation by operation."""

import ast
from functools import cache

import pytest

from utils.course.judging import expect, expect_gradients, expect_programs

# Distinct, of both signs and without coincidences such as 2 * 2 = 2 + 2; only `twin` repeats the number of `a`.
POINT = {"a": 1.5, "b": -0.7, "c": 2.3, "d": 0.6, "g": -1.2, "twin": 1.5}


def alone(operation):
    """Programs in which an operation, such as "{} - {}" or "tanh({})", lies on one path only."""
    f = _filled(operation)
    return _tidy(
        f("a", "b"),
        f"{f('a', 'b')} * g",  # upstream is not 1
        f"g * {f('a', 'b')}",
        f"{f('a * d', 'b + c')} * g",  # parents that are results themselves
        f"{f('a + d', 'b * c')} * g",
    )


def reused(operation):
    """Programs in which a parent of the operation has another user, before or after it, or is used twice by it.

    The other user is a sum, and nothing else here is used twice: what fails is the operation, or the sum.
    """
    f = _filled(operation)
    return _tidy(
        f"{f('a', 'b')} * g + a",
        f"a + {f('a', 'b')} * g",
        f"{f('b', 'a')} * g + a",
        f"a + {f('b', 'a')} * g",
        f"({f('a', 'b')} + {f('a', 'c')}) * g",
        f"({f('b', 'a')} + {f('c', 'a')}) * g",
        f"{f('a', 'a')} * g + a",
        f"{f('a', 'twin')} * g + twin",
        f"e = a + d; {f('e', 'c')} * g + e",
        f"e = a + d; e + {f('e', 'c')} * g",
        f"e = a + d; {f('c', 'e')} * g + e",
        f"e = a + d; {f('e', 'e')} * g + e",
    )


def entangled(operation):
    """Programs in which the operation shares its parents with products, and with another use of itself."""
    f = _filled(operation)
    return _tidy(
        f"{f('a', 'b')} * c + a * d",
        f"a * d + {f('a', 'b')} * c",
        f"{f('b', 'a')} * c + a * d",
        f"{f('a', 'b')} * {f('a', 'c')}",
        f"{f('b', 'a')} * {f('c', 'a')}",
        f"e = a * d; {f('e', 'c')} * b + e * c",
        f"e = a * d; e * c + {f('e', 'c')} * b",
        f"e = a * d; {f('c', 'e')} * e",
        f"e = a * d; e * {f('e', 'e')}",
    )


def everywhere(operation):
    """All three tables, so that the shortest program that goes wrong is seen first."""
    return alone(operation) + reused(operation) + entangled(operation)


def _filled(operation):
    places = operation.count("{}")
    return lambda *parts: "(" + operation.format(*(f"({part})" for part in parts[:places])) + ")"


@cache  # a process that waits for a save has made the tables before
def _tidy(*programs):
    """The programs without superfluous parentheses and without repetitions: this is what a learner is shown."""
    return tuple(dict.fromkeys(ast.unparse(ast.parse(p.replace("; ", "\n"))).replace("\n", "; ") for p in programs))


# Level 1: a box, two operations, and the way back ---------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Value")
def test_a_value_keeps_its_number_and_starts_without_gradient(candidate):
    x, y = candidate.Value(2.0), candidate.Value(-3.5)
    expect("x.data", lambda: x.data, 2.0, given="x = Value(2.0)")
    expect("x.grad", lambda: x.grad, 0.0, given="x = Value(2.0)")
    expect("y.data", lambda: y.data, -3.5, given="x = Value(2.0); y = Value(-3.5)")


@pytest.mark.level1
@pytest.mark.about("Value.__add__")
def test_addition_adds_the_numbers(candidate):
    a, b, c = candidate.Value(1.5), candidate.Value(-0.7), candidate.Value(2.25)
    expect("(a + b).data", lambda: (a + b).data, 0.8, given="a = Value(1.5); b = Value(-0.7)")
    expect("(a + b + c).data", lambda: (a + b + c).data, 3.05, given="a = Value(1.5); b = Value(-0.7); c = Value(2.25)")


@pytest.mark.level1
@pytest.mark.about("Value.__mul__")
def test_multiplication_multiplies_the_numbers(candidate):
    a, b, c = candidate.Value(1.5), candidate.Value(-0.5), candidate.Value(3.0)
    expect("(a * b).data", lambda: (a * b).data, -0.75, given="a = Value(1.5); b = Value(-0.5)")
    expect("(a * b * c).data", lambda: (a * b * c).data, -2.25, given="a = Value(1.5); b = Value(-0.5); c = Value(3.0)")


@pytest.mark.level1
@pytest.mark.about("Value.__mul__")
def test_results_can_be_added_and_multiplied_again(candidate):
    a, b, c = candidate.Value(2.0), candidate.Value(-3.0), candidate.Value(10.0)
    given = "a = Value(2.0); b = Value(-3.0); c = Value(10.0)"
    expect("(a * b + c).data", lambda: (a * b + c).data, 4.0, given=given)
    expect("((a + b) * c).data", lambda: ((a + b) * c).data, -10.0, given=given)
    expect("((a + b) * (b + c)).data", lambda: ((a + b) * (b + c)).data, -7.0, given=given)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_the_output_itself_receives_gradient_one(candidate):
    leaf = candidate.Value(2.5)
    leaf.backward()
    expect("x.grad", lambda: leaf.grad, 1.0, given="x = Value(2.5); x.backward()", aim="gradient")
    root = candidate.Value(2.5) * candidate.Value(-1.5)
    root.backward()
    given = "y = Value(2.5) * Value(-1.5); y.backward()"
    expect("y.grad", lambda: root.grad, 1.0, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_addition_hands_the_upstream_gradient_to_both_parents(candidate):
    expect_programs(candidate, *alone("{} + {}"), **POINT)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_multiplication_hands_each_parent_upstream_times_the_other_parent(candidate):
    expect_programs(candidate, *alone("{} * {}"), **POINT)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="backward")
def test_a_neuron_of_two_inputs_has_the_gradients_found_by_hand(candidate):
    inputs = {"x1": 2.0, "w1": -1.0, "x2": -3.0, "w2": 3.0, "b": 0.5}
    expect_gradients(candidate, "x1*w1 + x2*w2 + b", **inputs)
    expect_gradients(candidate, "(x1*w1 + x2*w2 + b) * one", **inputs, one=1.0)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_a_value_used_on_two_paths_collects_from_both(candidate):
    expect_gradients(candidate, "c = a + b; d = c * a; e = c * d; e", also=("c", "d"), a=2.0, b=3.0)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_addition_adds_to_gradients_that_are_already_there(candidate):
    expect_programs(candidate, "a + a", *reused("{} + {}"), **POINT)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="forgotten-path")
def test_multiplication_adds_to_gradients_that_are_already_there(candidate):
    expect_programs(candidate, "a * a", *reused("{} * {}"), *entangled("{} * {}"), **POINT)


@pytest.mark.level1
@pytest.mark.about("Value.backward", step="fit")
def test_one_weight_is_fitted_by_stepping_against_its_gradient(candidate):
    w, truth = candidate.Value(0.5), 0.5
    for step in range(1, 21):
        error = w * candidate.Value(2.0) + candidate.Value(-6.0)
        loss = error * error
        loss.backward()
        given = f"step {step} of: error = w * 2 - 6; loss = error * error; w = Value(w.data - 0.05 * w.grad)"
        expect("loss", lambda loss=loss: loss.data, (truth * 2.0 - 6.0) ** 2, given=given)
        slope = 2.0 * (truth * 2.0 - 6.0) * 2.0
        expect("w.grad", lambda w=w: w.grad, slope, given=given, aim="gradient")
        w, truth = candidate.Value(w.data - 0.05 * w.grad), truth - 0.05 * slope


# Level 2: every other operation, by itself and together with others ---------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Value.__neg__")
def test_negation_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("-{}"), **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__sub__")
def test_subtraction_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("{} - {}"), "a - a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__pow__")
def test_powers_wherever_they_stand_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("{} ** 3"), "a ** 2", "a ** 4 * b", "a ** -1", "a ** -2 * b", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__truediv__")
def test_division_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("{} / {}"), "a / a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__radd__")
def test_a_plain_number_on_the_right_of_plus(candidate):
    expect_programs(candidate, *everywhere("{} + 4"), "a + 0.25", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__radd__")
def test_a_plain_number_on_the_left_of_plus(candidate):
    expect_programs(candidate, *everywhere("4 + {}"), "0.25 + a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__radd__")
def test_sum_adds_a_list_of_values(candidate):
    expect_programs(candidate, "sum([a])", "sum([a, b, c])", "sum([a, b, a * b]) * c", "sum([a, a]) * a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rmul__")
def test_a_plain_number_on_the_right_of_times(candidate):
    expect_programs(candidate, *everywhere("{} * 4"), "a * -0.25", "a * 0", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rmul__")
def test_a_plain_number_on_the_left_of_times(candidate):
    expect_programs(candidate, *everywhere("4 * {}"), "-0.25 * a", "0 * a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rsub__")
def test_a_plain_number_on_the_right_of_minus(candidate):
    expect_programs(candidate, *everywhere("{} - 4"), "a - 0.25", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rsub__")
def test_a_plain_number_on_the_left_of_minus(candidate):
    expect_programs(candidate, *everywhere("4 - {}"), "0.25 - a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rtruediv__")
def test_a_plain_number_on_the_right_of_the_division_sign(candidate):
    expect_programs(candidate, *everywhere("{} / 4"), "a / -0.25", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rtruediv__")
def test_a_plain_number_on_the_left_of_the_division_sign(candidate):
    expect_programs(candidate, *everywhere("4 / {}"), "-0.25 / a", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.__rpow__")
def test_a_plain_number_raised_to_a_value(candidate):
    expect_programs(candidate, *everywhere("2.5 ** {}"), "3 ** a", "0.5 ** a * b", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.relu")
def test_relu_wherever_it_stands_in_a_graph(candidate):
    # Where the input lies strictly between 0 and 1, a mask such as `> 1` shows; where it is negative, a missing one.
    between = {"a": 0.4, "b": -0.7, "c": 2.3, "d": 0.6, "g": -1.2, "twin": 0.4}
    negative = {"p": -0.8, "q": 1.7}
    expect_programs(
        candidate, *everywhere("relu({})"), "relu(c) * b", "relu(c * d) * b + c * d",
        "relu(p)", "relu(p) * q", "relu(p) * q + p * q", "p * q + relu(p) * q", "relu(p * q) * q", "relu(q * p) + q",
        **between, **negative,
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Value.tanh")
def test_tanh_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("tanh({})"), "tanh(b)", "tanh(x*x + y*y)", **POINT, x=0.5, y=-1.0)


@pytest.mark.level2
@pytest.mark.about("Value.sigmoid")
def test_sigmoid_wherever_it_stands_in_a_graph(candidate):
    circuit = {"w0": 2.0, "w1": -3.0, "w2": -3.0, "x0": -1.0, "x1": -2.0}
    programs = (*everywhere("sigmoid({})"), "sigmoid(b)", "sigmoid(w0*x0 + w1*x1 + w2)")
    expect_programs(candidate, *programs, **POINT, **circuit)


@pytest.mark.level2
@pytest.mark.about("Value.exp")
def test_exp_wherever_it_stands_in_a_graph(candidate):
    expect_programs(candidate, *everywhere("exp({})"), "exp(b)", "exp(exp(b))", **POINT)


@pytest.mark.level2
@pytest.mark.about("Value.log")
def test_log_wherever_it_stands_in_a_graph(candidate):
    positive = {"a": 2.2, "b": 0.7, "c": 0.3, "d": 1.6, "g": -1.2, "twin": 2.2}
    expect_programs(candidate, *everywhere("log({})"), "log(c)", "log(log(a) * d)", **positive)


@pytest.mark.level2
@pytest.mark.about("Value.zero_grad")
def test_zero_grad_clears_the_gradient_of_one_value_only(candidate):
    a, b = candidate.Value(3.0), candidate.Value(-2.0)
    (a * b).backward()
    a.zero_grad()
    given = "a = Value(3.0); b = Value(-2.0); (a * b).backward(); a.zero_grad()"
    expect("a.grad", lambda: a.grad, 0.0, given=given, aim="gradient")
    expect("a.data", lambda: a.data, 3.0, given=given)
    expect("b.grad", lambda: b.grad, 3.0, given=given, aim="gradient")
    (a * candidate.Value(5.0)).backward()
    expect("a.grad", lambda: a.grad, 5.0, given=given + "; (a * Value(5.0)).backward()", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("Value.zero_grad")
def test_gradients_of_two_outputs_add_up_in_a_shared_value_until_it_is_cleared(candidate):
    a = candidate.Value(3.0)
    (a * candidate.Value(-2.0)).backward()
    (a * candidate.Value(7.0)).backward()
    given = "a = Value(3.0); (a * Value(-2.0)).backward(); (a * Value(7.0)).backward()"
    expect("a.grad", lambda: a.grad, 5.0, given=given, aim="gradient")
    a.zero_grad()
    expect("a.grad", lambda: a.grad, 0.0, given=given + "; a.zero_grad()", aim="gradient")
