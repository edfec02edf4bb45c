"""What the grader asks of a submission: random programs on its Values. What is right, answers.py knows, outside.

A program is a list of lines (operation, operands); an operand is the number of an earlier line, or a plain number of
the program. `play` computes it on any class.
"""

import gc
import operator
import sys

from utils.grading.cases import case as any_case
from utils.grading.cases import number_of

SHOWN = ("nn.py", "train.py")

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow}
EXACT = 1e-9
DIRECTIONS = 2  # along which the gradients are asked for
PROGRAMS = {}  # name of a case -> the function that draws its programs


def case(*words, tolerance=EXACT, **more):
    """A Case that is as exact as the tests."""
    return any_case(*words, tolerance=tolerance, **more)


def number(value):
    """A plain number as operand."""
    return ("number", value)


def play(make, program, inputs):
    """(leaves, all values) of a program: `make` turns an input into a Value."""
    values = [make(value) for value in inputs]
    leaves = list(values)
    for operation, *operands in program:
        got = [operand[1] if isinstance(operand, tuple) else values[operand] for operand in operands]
        if operation in SIGNS:
            values.append(SIGNS[operation](*got))
        elif operation == "neg":
            values.append(-got[0])
        elif operation == "sum":
            values.append(sum(got))
        else:
            values.append(getattr(got[0], operation)())
    return leaves, values


def ask(candidate, draw, programs):
    """Numbers and gradients of all programs along random directions, read when the last of them has been walked.

    What a later graph does to an earlier one, or an operation to its operands, shows.
    """
    played = [play(candidate.Value, program, inputs) for program, inputs in programs]
    for _, values in played:
        values[-1].backward()
    answers = []
    for leaves, values in played:
        answers += [number_of(values[-1].data), number_of(values[-1].grad)]
        answers += along(draw, [number_of(value.data) for value in values if type(value) not in (int, float)])
        answers += along(draw, [number_of(leaf.grad) for leaf in leaves])
    return answers


def along(draw, gradients):
    """Inner products of the gradients with random directions."""
    directions = [[draw.rng.gauss(0.0, 1.0) for _ in gradients] for _ in range(DIRECTIONS)]
    return [sum(d * g for d, g in zip(direction, gradients, strict=True)) for direction in directions]


def programs_case(level, about, name, make, step=""):
    """A Case from `make`, a function of (draw) that gives a list of (program, inputs)."""

    def asked(candidate, draw):
        return ask(candidate, draw, make(draw))

    asked.__name__ = name
    PROGRAMS[name] = make
    return case(level, about, step=step)(asked)


def trees(draw, operations, count=4, leaves=5):
    """Programs in which every value is used at most once."""
    found = []
    for _ in range(count):
        program, free = [], list(range(leaves))
        while len(free) > 1:
            first, second = (free.pop(draw.rng.randrange(len(free))) for _ in range(2))
            program.append((draw.choice(operations), first, second))
            free.append(leaves + len(program) - 1)
        found.append((program, draw.numbers(leaves)))
    return found


def graphs(draw, operations, count=4, leaves=3, lines=8):
    """Programs in which values are used again, anywhere, the same one twice included; no value is left over."""
    found = []
    for _ in range(count):
        program, used = [], set()
        for place in range(leaves, leaves + lines):
            operands = [draw.integer(max(0, place - 4), place - 1), draw.integer(0, place - 1)]
            draw.rng.shuffle(operands)
            used |= set(operands)
            program.append((draw.choice(operations), *operands))
        last = leaves + len(program) - 1
        for loose in [place for place in range(last) if place not in used]:
            program.append(("+", leaves + len(program) - 1, loose))
        inputs = draw.numbers(leaves, low=0.4, high=1.4)
        if len(found) % 2:  # two values with one number are still two values
            inputs[-1] = inputs[0]
        found.append((program, inputs))
    return found


def twins(draw):
    """Two values with one number, multiplied and added."""
    value, other = draw.numbers(2)
    return [("*", 0, 1), ("*", 3, 2), ("+", 0, 1), ("+", 4, 5), ("*", 6, 1)], [value, value, other]


def around(draw, *line, values=None, **how):
    """An operation wherever it may stand: alone, beside another use of its parents, on results, on equal numbers.

    `line` is the operation on the inputs 0 and 1; in every program its result meets an upstream that is not 1.
    """
    operation, *operands = line
    places = [operand for operand in operands if not isinstance(operand, tuple)]
    found = []
    for kind in ("alone", "before", "after", "results before", "results after", "equal", "the same"):
        inputs = list(values or draw.numbers(2, **how))
        weight, shift = draw.number(), draw.number(signed=False)
        if kind == "equal":
            inputs[1] = inputs[0]
        given = [*inputs, weight, shift]  # at the places 0, 1, 2 and 3
        program, moved = [], {0: 0, 1: 1}
        if kind.startswith("results"):
            program += [("+", 0, 3), ("*", 1, 3)]
            moved = {0: 4, 1: 5}
        if kind == "the same":
            moved = {0: 0, 1: 0}
        result = 4 + len(program)
        program += [(operation, *(moved.get(o, o) if not isinstance(o, tuple) else o for o in operands)),
                    ("*", result, 2)]  # fmt: skip
        if kind != "alone":
            again = moved[places[-1]]
            program += [("*", again, 3), ("+", result + 1, result + 2) if kind.endswith("before") else
                        ("+", result + 2, result + 1), ("*", result + 3, result)]  # fmt: skip
        found.append((program, given))
    return found


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "Value")
def a_box_keeps_its_number(candidate, draw):
    boxes = [candidate.Value(value) for value in draw.numbers(3)]
    return [[box.data, box.grad] for box in boxes]


@case(1, "Value.backward", step="backward")
def the_output_itself_receives_one(candidate, draw):
    leaf = candidate.Value(draw.number())
    leaf.backward()
    product = candidate.Value(draw.number()) * candidate.Value(draw.number())
    product.backward()
    return [leaf.data, leaf.grad, product.data, product.grad]


@case(1, "Value.__add__")
def sums_and_products_have_their_numbers(candidate, draw):
    return [play(candidate.Value, program, inputs)[1][-1].data for program, inputs in graphs(draw, "+*", count=6)]


@case(1, "Value.__add__")
def names_that_are_given_new_values(candidate, draw):
    a, b, c = (candidate.Value(value) for value in draw.numbers(3))
    x = a
    x += b
    x *= c
    x.backward()
    return [x.data, *(value.data for value in (a, b, c)), *(value.grad for value in (a, b, c))]


a_tree_hands_gradients_back = programs_case(
    1, "Value.backward", "a_tree_hands_gradients_back", lambda draw: trees(draw, "+*"), step="backward"
)
values_used_again_collect_from_all_paths = programs_case(
    1,
    "Value.backward",
    "values_used_again_collect_from_all_paths",
    lambda draw: [*graphs(draw, "+*"), twins(draw)],
    "forgotten-path",
)


@case(1, "Value.backward", step="fit")
def a_weight_is_fitted(candidate, draw):
    return _fit(draw, candidate.Value)


def fitted(draw):
    return draw.number(), draw.number(), draw.number(), 0.02


def _fit(draw, make):
    slope, target, w, rate = fitted(draw)
    numbers = []
    for _ in range(8):
        weight = make(w)
        error = weight * make(slope) + make(-target)
        loss = error * error
        loss.backward()
        numbers += [number_of(loss.data), number_of(weight.grad)]
        w -= rate * numbers[-1]
    return numbers


# Level 2 --------------------------------------------------------------------------------------------------------------


def _stacked(count):
    """`count` times x = x * k + x: as many paths as 2**count, with the value 1 + 2*count nodes."""
    program, x = [], 0
    for _ in range(count):
        program += [("*", x, 1), ("+", len(program) + 2, x)]
        x = len(program) + 1
    return program


@case(2, "Value.backward", step="sweep")
def stacked_diamonds_take_no_time(candidate, draw):
    k = draw.number(low=0.05, high=0.3)
    leaves, values = play(candidate.Value, _stacked(40), [1.0, k])
    values[-1].backward()
    return [values[-1].data, *(leaf.grad for leaf in leaves)]


every_order_of_the_walk_is_right = programs_case(
    2,
    "Value.backward",
    "every_order_of_the_walk_is_right",
    lambda draw: graphs(draw, "+*", count=12, lines=12),
    "sweep",
)


@case(2, "Value.backward", step="sweep")
def twelve_thousand_values_take_no_time(candidate, draw):
    numbers = [draw.number() for _ in range(4096)]
    k = candidate.Value(draw.number())
    row = [candidate.Value(number) * k for number in numbers]
    while len(row) > 1:
        row = [left + right for left, right in zip(row[::2], row[1::2], strict=True)]
    row[0].backward()
    return [row[0].data, k.grad]


negation = programs_case(2, "Value.__neg__", "negation", lambda draw: around(draw, "neg", 0))
subtraction = programs_case(
    2, "Value.__sub__", "subtraction", lambda draw: [*around(draw, "-", 0, 1), *graphs(draw, "+-*")]
)
division = programs_case(
    2, "Value.__truediv__", "division", lambda draw: [*around(draw, "/", 0, 1), *trees(draw, "/*+")]
)
powers = programs_case(
    2, "Value.__pow__", "powers",
    lambda draw: [one for n in (2, 3, -1, -2) for one in around(draw, "**", 0, number(n))]
    + around(draw, "**", 0, number(draw.number()), signed=False)
    + around(draw, "**", 0, number(draw.choice((2, 3))), values=(0.0, draw.number()))[:1],
)  # fmt: skip


def _mixed(sign):
    """A plain number on either side of an operation."""
    return lambda draw: [
        *around(draw, sign, 0, number(round(draw.number(), 2))),
        *around(draw, sign, number(round(draw.number(), 2)), 0),
        *around(draw, sign, 0, number(draw.integer(2, 5))),
        *around(draw, sign, number(draw.integer(2, 5)), 0),
    ]


plain_numbers_beside_plus = programs_case(2, "Value.__radd__", "plain_numbers_beside_plus", _mixed("+"))
plain_numbers_beside_times = programs_case(2, "Value.__rmul__", "plain_numbers_beside_times", _mixed("*"))
plain_numbers_beside_minus = programs_case(2, "Value.__rsub__", "plain_numbers_beside_minus", _mixed("-"))
plain_numbers_beside_division = programs_case(2, "Value.__rtruediv__", "plain_numbers_beside_division", _mixed("/"))
a_plain_number_to_a_power = programs_case(
    2, "Value.__rpow__", "a_plain_number_to_a_power",
    lambda draw: around(draw, "**", number(draw.number(signed=False)), 0),
)  # fmt: skip
a_sum_of_a_list = programs_case(
    2, "Value.__radd__", "a_sum_of_a_list", lambda draw: [([("sum", 0, 1, 0, 2), ("*", 3, 1)], draw.numbers(3))]
)
relu = programs_case(2, "Value.relu", "relu", lambda draw: [o for _ in range(3) for o in around(draw, "relu", 0)])
tanh = programs_case(2, "Value.tanh", "tanh", lambda draw: around(draw, "tanh", 0))
sigmoid = programs_case(2, "Value.sigmoid", "sigmoid", lambda draw: around(draw, "sigmoid", 0))
exp = programs_case(2, "Value.exp", "exp", lambda draw: around(draw, "exp", 0))
log = programs_case(2, "Value.log", "log", lambda draw: around(draw, "log", 0, signed=False))


@case(2, "Value.zero_grad")
def gradients_add_up_until_they_are_cleared(candidate, draw):
    a, b, c = (candidate.Value(value) for value in draw.numbers(3))
    (a * b).backward()
    (a * c).backward()
    first = [number_of(a.grad), number_of(b.grad)]
    a.zero_grad()
    cleared = [number_of(a.grad), number_of(b.grad), number_of(a.data)]
    (a * c).backward()
    return [first, cleared, a.grad]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "Value.backward", step="deep")
def a_chain_of_a_hundred_thousand(candidate, draw):
    start, factor = draw.number(), 1.0 + draw.number(low=1e-6, high=1e-5)
    first = x = candidate.Value(start)
    k = candidate.Value(factor)
    for _ in range(50_000):
        x = x * k + first
    x.backward()
    return [x.data, first.grad, float(sys.getrecursionlimit() <= 1000)]


@case(3, "Value.tanh")
def huge_inputs_do_not_overflow(candidate, draw):
    answers = []
    large = draw.number(low=800, high=2000)
    for value in (large, -large, draw.number(low=0.5, high=3.0)):
        for name in ("tanh", "sigmoid"):
            x = candidate.Value(value)
            result = getattr(x, name)()
            result.backward()
            answers += [number_of(result.data), number_of(x.grad)]
    return answers


@case(3, "Value.backward", step="again")
def a_second_backward_adds_the_same_to_the_leaves(candidate, draw):
    answers = []
    for program, inputs in graphs(draw, "+*-", count=3):
        leaves, values = play(candidate.Value, program, inputs)
        values[-1].backward()
        values[-1].backward()
        answers += along(draw, [number_of(leaf.grad) for leaf in leaves])
    return answers


@case(3, "Value", step="lean", room=2.2)
def a_graph_of_fifty_thousand_values_is_small(candidate, draw):
    # Level 1 takes 29 MB for one, level 3 takes 8, and the first is gone when the third is made, without a collector.
    gc.disable()
    start, factor = draw.number(), 1.0 + draw.number(low=1e-6, high=1e-5)
    answers = []
    for walked in (True, False, True):
        first, k, total = candidate.Value(start), candidate.Value(factor), candidate.Value(0.0)
        for _ in range(250):
            x = first
            for _ in range(99):
                x = x * k + first
            total = total + x
        if walked:
            total.backward()
        answers += [number_of(total.data), number_of(first.grad)]
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "Value", step="train", tolerance=1e-6)
def the_given_network_learns(candidate, draw):
    import random
    from pathlib import Path
    from types import SimpleNamespace

    from utils.course.loading import load

    folder, before = Path(__file__).parent, {name: sys.modules.get(name) for name in ("utils.engine", "nn")}
    try:
        sys.modules["utils.engine"] = SimpleNamespace(Value=candidate.Value)
        nn = sys.modules["nn"] = load(folder / "nn.py", "given_nn")
        train = load(folder / "train.py", "given_train")
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
    samples = [draw.numbers(3) for _ in range(4)]
    targets = [draw.choice((-1.0, 1.0)) for _ in range(4)]
    net = nn.MLP(3, [4, 4, 1], random.Random(draw.integer(0, 10**6)))
    losses = [number_of(train.step(net, samples, targets, 0.02)) for _ in range(15)]
    return [losses, [number_of(net(x).data) for x in samples]]
