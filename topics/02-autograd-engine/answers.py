"""What is right, for the case programs of cases.py: by forward-mode differentiation and closed forms.

This file is never in the sandbox. `oracle` gives, for the name of a case, the function of its draw that knows the
answers; it shares no mistake with an engine that carries derivatives backward.
"""

import math

from utils.course.expressions import Dual, exact


def oracle(name, cases):
    """A function of (draw) for the case of this name."""
    if name in cases.PROGRAMS:
        return lambda draw: of_programs(draw, cases, cases.PROGRAMS[name](draw))
    return lambda draw: globals()[name](draw, cases)


def of_programs(draw, cases, programs):
    """Value and gradients along random directions of each program, as cases.ask returns them."""
    answers = []
    for program, inputs in programs:
        truth = differentiated(program, inputs, cases)
        scope = cases.play(Dual, program, inputs)[1]
        numbers = [value.value for value in scope if isinstance(value, Dual)]
        answers += [truth.value, 1.0, *cases.along(draw, numbers)]
        answers += cases.along(draw, [truth.gradients[f"v{place}"] for place in range(len(inputs))])
    return answers


def differentiated(program, inputs, cases):
    """The Outcome of a program, from the text "v2 = v0 * v1; v3 = v2 + v0; v3"."""
    lines = []
    for place, (operation, *operands) in enumerate(program, len(inputs)):
        got = [f"({operand[1]!r})" if isinstance(operand, tuple) else f"v{operand}" for operand in operands]
        if operation in cases.SIGNS:
            right = f"{got[0]} {operation} {got[1]}"
        elif operation == "neg":
            right = f"-{got[0]}"
        elif operation == "sum":
            right = f"sum([{', '.join(got)}])"
        else:
            right = f"{operation}({got[0]})"
        lines.append(f"v{place} = {right}")
    text = "; ".join([*lines, f"v{len(inputs) + len(program) - 1}"])
    return exact(text, {f"v{place}": value for place, value in enumerate(inputs)})


def a_box_keeps_its_number(draw, cases):
    return [part for value in draw.numbers(3) for part in (value, 0.0)]


def the_output_itself_receives_one(draw, cases):
    leaf, a, b = draw.numbers(3)
    return [leaf, 1.0, a * b, 1.0]


def sums_and_products_have_their_numbers(draw, cases):
    return [cases.play(float, program, inputs)[1][-1] for program, inputs in cases.graphs(draw, "+*", count=6)]


def a_weight_is_fitted(draw, cases):
    slope, target, w, rate = cases.fitted(draw)
    numbers = []
    for _ in range(8):
        error = w * slope - target
        numbers += [error * error, 2 * error * slope]
        w -= rate * numbers[-1]
    return numbers


def stacked_diamonds_take_no_time(draw, cases):
    k = draw.number(low=0.05, high=0.3)
    return [(1 + k) ** 40, (1 + k) ** 40, 40 * (1 + k) ** 39]


def twelve_thousand_values_take_no_time(draw, cases):
    numbers = draw.numbers(4096)
    total = math.fsum(numbers)
    return [total * draw.number(), total]


def names_that_are_given_new_values(draw, cases):
    a, b, c = draw.numbers(3)
    truth = exact("(a + b) * c", {"a": a, "b": b, "c": c})
    return [truth.value, a, b, c, *(truth.gradients[name] for name in "abc")]


def gradients_add_up_until_they_are_cleared(draw, cases):
    a, b, c = draw.numbers(3)
    return [b + c, a, 0.0, a, a, c]


def a_chain_of_a_hundred_thousand(draw, cases):
    start, factor = draw.number(), 1.0 + draw.number(low=1e-6, high=1e-5)
    slope = math.expm1(50_001 * math.log1p(factor - 1.0)) / (factor - 1.0)
    return [start * slope, slope, 1.0]


def huge_inputs_do_not_overflow(draw, cases):
    answers = []
    large = draw.number(low=800, high=2000)
    for value in (large, -large, draw.number(low=0.5, high=3.0)):
        t, s = math.tanh(value), (1 + math.tanh(value / 2)) / 2
        answers += [t, 1 - t * t, s, s * (1 - s)]
    return answers


def a_second_backward_adds_the_same_to_the_leaves(draw, cases):
    answers = []
    for program, inputs in cases.graphs(draw, "+*-", count=3):
        gradients = differentiated(program, inputs, cases).gradients
        answers += cases.along(draw, [2 * gradients[f"v{place}"] for place in range(len(inputs))])
    return answers


def a_graph_of_fifty_thousand_values_is_small(draw, cases):
    start, factor = draw.number(), 1.0 + draw.number(low=1e-6, high=1e-5)
    slope = 250 * math.fsum(factor**n for n in range(100))
    return [start * slope, slope, start * slope, 0.0, start * slope, slope]


def the_given_network_learns(draw, cases):
    """By the engine of level 3, of which the course's own tests show that it takes PyTorch's steps."""
    from utils.course.catalog import catalog
    from utils.course.loading import load_once
    from utils.grading.cases import Draw

    engine = load_once(catalog().topic("02").solution(3))
    return cases.the_given_network_learns.ask(engine, Draw(draw.seed, draw.name))
