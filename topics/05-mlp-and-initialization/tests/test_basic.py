"""Levels 1 and 2 at ordinary points: neurons, layers, networks, matrices, and how weights are drawn."""

import cmath
import math
import random
from itertools import pairwise

import numpy as np
import pytest

from utils.course.judging import expect, expect_all, expect_array, expect_same, observations, raised

ACTIVATED = {
    "tanh": cmath.tanh,
    "relu": lambda z: z if z.real > 0 else 0.0,
    "linear": lambda z: z,
}


@pytest.fixture(autouse=True)
def the_same_numbers_at_each_run():
    """Whoever draws from the module `random` draws the same numbers again, so that a mistake shows the same face."""
    random.seed(0)


def outputs(x, inputs, sizes, activation, numbers):
    """What an MLP with these parameters says, neuron by neuron: one number for each output, complex if a number is."""
    remaining, last = iter(numbers), len(sizes) - 1
    for k, (n, m) in enumerate(pairwise([inputs, *sizes])):
        kind = activation if k < last else "linear"
        rows = [[next(remaining) for _ in range(n + 1)] for _ in range(m)]
        x = [ACTIVATED[kind](sum(w * xi for w, xi in zip(row, [*x, 1.0], strict=True))) for row in rows]
    return x


def slopes(x, inputs, sizes, activation, numbers):
    """d(first output)/d(each number) by complex steps: exact to the last digits, since nothing is subtracted."""
    found = []
    for k in range(len(numbers)):
        nudged = [*numbers[:k], numbers[k] + 1e-20j, *numbers[k + 1 :]]
        found.append(complex(outputs(x, inputs, sizes, activation, nudged)[0]).imag / 1e-20)
    return found


def kind_of(thing):
    """What is neither a list nor a Value, by the name of its type; the kinds of functions and of numbers are one."""
    if callable(thing):
        return "function"
    return "float" if isinstance(thing, (int, float)) else type(thing).__name__


def is_value(thing):
    return hasattr(thing, "data") and hasattr(thing, "grad")


def expect_values(rows):
    """expect_all for calls that give a Value: (what, call, its number, given). What is none is shown by its type."""
    answers, first = [], None
    for what, call, _, _ in rows:
        try:
            answers.append((call(), None))
        except Exception as error:
            answers.append((None, error))
        said = answers[-1][0]
        if said is not None and not is_value(said):
            expect_same(f"the type of {what}", lambda said=said: kind_of(said), "Value")
    for (what, _, number, given), (said, error) in zip(rows, answers, strict=True):
        if error:
            observations.append(raised(f"{what}.data", given, number, error, "value"))
        else:
            try:
                expect(f"{what}.data", lambda said=said: said.data, number, given=given)
            except Exception as mismatch:
                error = mismatch
        first = first or error
    if first:
        raise first


def with_numbers(network, numbers, given):
    """The network after its parameters were set to these numbers, in their order."""
    parameters = list(network.parameters())
    expect("the number of parameters", lambda: len(parameters), len(numbers), given=given)
    lists = sum(isinstance(p, (list, tuple)) for p in parameters)
    if lists:
        expect("the number of lists among them", lambda: lists, 0, given=given)
    strange = [k for k, p in enumerate(parameters) if not is_value(p)]
    if strange:
        what = f"the number of Values among them (parameters()[{strange[0]}] is none)"
        expect(what, lambda: len(parameters) - len(strange), len(numbers), given=given)
    for parameter, number in zip(parameters, numbers, strict=True):
        parameter.data = number
    return network


def some_numbers(count, seed=1):
    generator = random.Random(seed)
    return [round(generator.uniform(-1.5, 1.5), 2) for _ in range(count)]


class Dice:
    """A generator as the contract asks for it: `uniform` gives numbers in turn that everybody knows, and counts."""

    def __init__(self):
        self.asked, self.others = [], 0

    def uniform(self, a, b):  # as Python's own generators name them
        self.asked.append((a, b))
        return self.number(len(self.asked) - 1)

    @staticmethod
    def number(k):
        return round((0.37 * k + 0.2) % 2.0 - 1.0, 2)

    def __getattr__(self, name):
        def another(*_, **__):
            self.others += 1
            return 0.3

        return another


def expect_drawn_in_turn(what, make, inputs, sizes, given):
    """make(dice) has as many parameters as it should, no two the same object: each weight one call, each bias 0."""
    dice, counted = Dice(), iter(range(1000))
    wanted = []
    for n, m in pairwise([inputs, *sizes]):
        for _ in range(m):
            wanted += [Dice.number(next(counted)) for _ in range(n)] + [0.0]
    weights = next(counted)
    parameters = list(make(dice).parameters())
    expect("the number of parameters", lambda: len(parameters), len(wanted), given=given)
    different = len({id(p) for p in parameters})
    expect("the number of different objects among them", lambda: different, len(wanted), given=given)
    zeros = sum(p.data == 0 for p, number in zip(parameters, wanted, strict=True) if number)
    if zeros == weights:
        expect("the weights that are 0", lambda: zeros, 0, given=given)
    expect_all([
        ("the calls of dice.uniform", lambda: len(dice.asked), weights, given),
        ("the calls of other methods of dice", lambda: dice.others, 0, given),
    ])  # fmt: skip
    asked = sum(tuple(map(float, ends)) == (-1.0, 1.0) for ends in dice.asked)
    expect("the calls that ask for -1.0 and 1.0", lambda: asked, weights, given=given)
    biases = [p.data for p, number in zip(parameters, wanted, strict=True) if number == 0.0]
    expect("the biases that are 0", lambda: sum(bias == 0 for bias in biases), len(biases), given=given)
    expect_all([
        (f"{what}.parameters()[{k}].data", lambda k=k: parameters[k].data, number, given)
        for k, number in enumerate(wanted)
    ])  # fmt: skip


def expect_no_list(what, thing, given):
    """A list may hold the right numbers, and still the next function cannot compute with it."""
    if isinstance(thing, (list, tuple)):
        expect_same(f"the type of {what}", lambda: type(thing).__name__, "ndarray", given=given)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Neuron")
def test_a_neuron_is_the_activation_of_a_weighted_sum_plus_the_bias(candidate):
    rows = []
    for activation in ("linear", "tanh", "relu"):
        for x, numbers in (
            ([2.0], [0.5, 0.1]),
            ([1.0, -2.0], [0.5, 0.25, 0.3]),
            ([1.0, 2.0, 3.0], [-1.0, 0.5, 0.25, -1.0]),
        ):
            given = f"inputs {x}, weights {numbers[:-1]}, bias {numbers[-1]}, {activation}"
            neuron = with_numbers(candidate.Neuron(len(x), activation), numbers, given)
            wanted = ACTIVATED[activation](sum(w * xi for w, xi in zip(numbers, [*x, 1.0], strict=True)))
            rows.append(("neuron(x)", lambda neuron=neuron, x=x: neuron(x), complex(wanted).real, given))
    expect_values(rows)


@pytest.mark.level1
@pytest.mark.about("Neuron")
def test_a_new_neuron_has_drawn_weights_and_the_bias_zero(candidate):
    for inputs in (1, 4):
        given = f"Neuron({inputs}, rng=dice); dice counts its calls"
        expect_drawn_in_turn("neuron", lambda dice, n=inputs: candidate.Neuron(n, rng=dice), inputs, [1], given)


@pytest.mark.level1
@pytest.mark.about("Neuron")
def test_the_gradients_of_a_neuron_reach_every_parameter(candidate):
    rows = []
    for activation in ("linear", "tanh", "relu"):
        x, numbers = [1.0, -2.0, 0.5], [0.5, 0.25, -0.8, 0.7]
        given = f"inputs {x}, weights {numbers[:-1]}, bias {numbers[-1]}, {activation}"
        neuron = with_numbers(candidate.Neuron(3, activation), numbers, given)
        neuron(x).backward()
        z = sum(w * xi for w, xi in zip(numbers, [*x, 1.0], strict=True))
        slope = {"linear": 1.0, "tanh": 1 - math.tanh(z) ** 2, "relu": float(z > 0)}[activation]
        rows += [
            (f"neuron.parameters()[{k}].grad", lambda k=k, n=neuron: n.parameters()[k].grad, slope * factor, given)
            for k, factor in enumerate([*x, 1.0])
        ]
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("Layer")
def test_the_neurons_of_a_layer_read_the_same_inputs(candidate):
    lengths, rows, x = [], [], [0.5, -1.0]
    for activation in ("tanh", "linear"):
        numbers = [0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0.8, 0.9]
        given = f"Layer(2, 3, {activation!r}) with the parameters {numbers}, inputs {x}"
        results = with_numbers(candidate.Layer(2, 3, activation), numbers, given)(x)
        if is_value(results):
            expect_same("the type of layer(x)", lambda: "Value", "list", given=given)
        lengths.append(("len(layer(x))", lambda results=results: len(results), 3, given))
        for k in range(3):
            w1, w2, b = numbers[3 * k : 3 * k + 3]
            wanted = ACTIVATED[activation](w1 * x[0] + w2 * x[1] + b).real
            rows.append((f"layer(x)[{k}]", lambda r=results, k=k: r[k], wanted, given))
    expect_all(lengths)
    expect_values(rows)


@pytest.mark.level1
@pytest.mark.about("Layer")
def test_a_layer_of_one_neuron_gives_a_value_and_no_list(candidate):
    given = "Layer(2, 1) with the parameters [0.5, -0.5, 0.25], inputs [1.0, 2.0]"
    layer = with_numbers(candidate.Layer(2, 1), [0.5, -0.5, 0.25], given)
    expect_values([("layer(x)", lambda: layer([1.0, 2.0]), math.tanh(-0.25), given)])


@pytest.mark.level1
@pytest.mark.about("Layer")
def test_every_neuron_of_a_layer_has_weights_of_its_own(candidate):
    expect_drawn_in_turn(
        "layer", lambda dice: candidate.Layer(2, 3, rng=dice), 2, [3], "Layer(2, 3, rng=dice); dice counts its calls"
    )


@pytest.mark.level1
@pytest.mark.about("MLP")
def test_an_mlp_has_a_parameter_for_every_weight_and_every_bias(candidate):
    shapes = ((3, [4, 1], 21), (3, [4, 4, 1], 41), (2, [1, 1], 5), (5, [3], 18), (1, [2, 3, 2], 21))
    made = []
    for n, sizes, _ in shapes:
        mine = list(sizes)
        made.append(candidate.MLP(n, mine))
        if mine != sizes:
            expect_same("sizes afterwards", lambda mine=mine: mine, sizes, given=f"MLP({n}, {sizes})")
    expect_all([
        ("len(network.parameters())", lambda network=network: len(network.parameters()), count, f"MLP({n}, {s})")
        for network, (n, s, count) in zip(made, shapes, strict=True)
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("MLP")
def test_the_layers_of_an_mlp_draw_from_the_same_generator(candidate):
    given = "MLP(2, [2, 2, 1], rng=dice); dice counts its calls"
    expect_drawn_in_turn("network", lambda dice: candidate.MLP(2, [2, 2, 1], rng=dice), 2, [2, 2, 1], given)


@pytest.mark.level1
@pytest.mark.about("MLP")
def test_the_layers_follow_each_other_and_the_last_one_is_linear(candidate):
    rows = []
    for inputs, sizes in ((2, [3, 1]), (3, [2]), (2, [3, 2, 2])):
        for activation in ("tanh", "relu"):
            count = sum((n + 1) * m for n, m in pairwise([inputs, *sizes]))
            numbers, x = some_numbers(count), [1.0, -0.5, 2.0][:inputs]
            given = f"MLP({inputs}, {sizes}, {activation!r}) with the parameters {numbers}, inputs {x}"
            network = with_numbers(candidate.MLP(inputs, list(sizes), activation), numbers, given)
            for k, wanted in enumerate(outputs(x, inputs, sizes, activation, numbers)):
                what = "network(x)" + (f"[{k}]" if sizes[-1] > 1 else "")
                get = (lambda f=network, x=x, k=k: f(x)[k]) if sizes[-1] > 1 else (lambda f=network, x=x: f(x))
                rows.append((what, get, complex(wanted).real, given))
    expect_values(rows)


@pytest.mark.level1
@pytest.mark.about("MLP")
def test_the_gradients_of_an_mlp_reach_every_parameter(candidate):
    rows = []
    for sizes, activation in (([3, 1], "tanh"), ([3, 1], "relu"), ([2, 2, 1], "tanh")):
        count = sum((n + 1) * m for n, m in pairwise([2, *sizes]))
        numbers, x = some_numbers(count, seed=4), [0.5, -1.5]
        given = f"MLP(2, {sizes}, {activation!r}) with the parameters {numbers}, inputs {x}"
        network = with_numbers(candidate.MLP(2, sizes, activation), numbers, given)
        network(x).backward()
        rows += [
            (f"network.parameters()[{k}].grad", lambda k=k, n=network: n.parameters()[k].grad, wanted, given)
            for k, wanted in enumerate(slopes(x, 2, sizes, activation, numbers))
        ]
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("one_hidden_node")
def test_one_hidden_node_gives_the_numbers_that_pytorch_gave(candidate):
    rows = []
    for x, y, numbers, wanted in RECORDED:
        given, results = f"x = {x}, y = {y}, w1, w2, b, v, c = {numbers}", candidate.one_hidden_node(x, y, numbers)
        expect("the number of results", lambda results=results: len(results), 3, given=given)
        prediction, loss, gradients = results
        rows.append(("the prediction", lambda p=prediction: p, wanted[0], given))
        rows.append(("the loss", lambda loss=loss: loss, wanted[1], given))
        rows.append(("the number of gradients", lambda g=gradients: len(g), 5, given))
        rows += [
            (f"d(loss)/d({name})", lambda g=gradients, k=k: g[k], wanted[2][k], given)
            for k, name in enumerate(("w1", "w2", "b", "v", "c"))
        ]
    expect_all(rows)


# x, y, the five parameters, and (prediction, loss, gradients) as torch 2.13 computed them in float64.
RECORDED = (
    ([1.0, 2.0], 1.0, [0.5, -0.25, 0.1, 0.8, -0.3],
     (-0.22026560430003533, 1.4890481450377302,
      [-1.9330301451168732, -3.8660602902337464, -1.9330301451168732, -0.24324285138078877, -2.4405312086000706])),
    ([0.0, 1.5], -1.0, [-0.4, 0.9, 0.0, 1.2, 0.5],
     (1.5488639454632083, 6.496707412482271,
      [0.0, 2.165797884304955, 1.4438652562033034, 4.455685823812434, 5.097727890926416])),
    ([2.0, -1.0], 0.5, [0.3, 0.6, -0.2, -1.5, 0.25],
     (0.546062980337356, 0.002121798157559646,
      [-0.26561102416633314, 0.13280551208316657, -0.13280551208316657, -0.018183390989198196, 0.09212596067471202])),
)  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("as_matrices")
def test_a_column_of_a_matrix_holds_the_weights_of_one_neuron(candidate):
    cases, made, first = ((2, [3]), (2, [3, 1]), (3, [3, 2, 1])), [], None
    for inputs, sizes in cases:
        count = sum((n + 1) * m for n, m in pairwise([inputs, *sizes]))
        given = f"as_matrices([0.5, 1.5, ... {count - 0.5}], {inputs}, {sizes})"
        made.append((given, candidate.as_matrices([k + 0.5 for k in range(count)], inputs, sizes)))
    expect_all([
        ("the number of pairs (W, b)", lambda layers=layers: len(layers), len(sizes), given)
        for (given, layers), (_, sizes) in zip(made, cases, strict=True)
    ])  # fmt: skip
    for (given, layers), (inputs, sizes) in zip(made, cases, strict=True):
        start = 0.5
        for k, (n, m) in enumerate(pairwise([inputs, *sizes])):
            w, b = np.zeros((n, m)), np.zeros(m)
            for j in range(m):
                w[:, j], b[j] = start + np.arange(n), start + n
                start += n + 1
            for name, got, wanted in (("W", layers[k][0], w), ("b", layers[k][1], b)):
                try:
                    expect_array(f"{name} of layer {k}", lambda got=got: got, wanted, given=given)
                    expect_no_list(f"{name} of layer {k}", got, given)
                except Exception as error:
                    first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("forward")
def test_every_example_is_a_row_that_goes_through_the_layers(candidate):
    x = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]])
    w1, b1 = np.array([[1.0, -1.0, 0.5], [0.5, 0.25, -1.0]]), np.array([0.1, 0.0, -0.2])
    w2, b2 = np.array([[1.0, 2.0], [-1.0, 0.5], [0.25, 1.0]]), np.array([0.5, -4.0])
    square = [(np.array([[0.5, -1.0], [1.0, 0.25]]), np.array([0.1, -0.2])) for _ in range(3)]
    first = None
    for layers, sizes in (([(w1, b1)], [3]), ([(w1, b1), (w2, b2)], [3, 2]), (square, [2, 2, 2])):
        numbers = [n for w, b in layers for column, bias in zip(w.T, b, strict=True) for n in (*column, bias)]
        for activation in ("tanh", "relu"):
            wanted = [[complex(z).real for z in outputs(row, 2, sizes, activation, numbers)] for row in x.tolist()]
            given = f"three examples of two inputs, sizes {sizes}, {activation}"
            found = candidate.forward(x, layers, activation)
            try:
                expect_array("forward(x, layers)", lambda found=found: found, wanted, given=given)
                expect_no_list("forward(x, layers)", found, given)
            except Exception as error:
                first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("forward")
def test_the_matrices_say_what_the_network_of_values_says(candidate):
    network = candidate.MLP(3, [4, 2], "tanh", random.Random(2))
    x = [[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]]
    layers = candidate.as_matrices([p.data for p in network.parameters()], 3, [4, 2])
    wanted = [[out.data for out in network(row)] for row in x]
    found = candidate.forward(x, layers, "tanh")
    expect_array("forward(x, layers)", lambda: found, wanted, given="MLP(3, [4, 2]) and its matrices, two examples")


SCALES = {  # scheme -> (standard deviation, largest size or None), for n inputs and m outputs
    "xavier_uniform": lambda n, m: (math.sqrt(2 / (n + m)), math.sqrt(6 / (n + m))),
    "xavier_normal": lambda n, m: (math.sqrt(2 / (n + m)), None),
    "he_uniform": lambda n, m: (math.sqrt(2 / n), math.sqrt(6 / n)),
    "he_normal": lambda n, m: (math.sqrt(2 / n), None),
    "pytorch": lambda n, m: (math.sqrt(1 / (3 * n)), math.sqrt(1 / n)),
}


def scale_rows(w, scheme, inputs, outputs):
    """Rows for expect_all about a drawn matrix. Rounded: only the first digits of a sample are its scheme's."""
    deviation, bound = SCALES[scheme](inputs, outputs)
    given = f"init_weights({inputs}, {outputs}, {scheme!r}, np.random.default_rng(0))"
    rows = [
        ("the mean of W * sqrt(inputs), to one digit,", lambda: round(float(w.mean()) * inputs**0.5, 1) + 0, 0, given),
        ("the standard deviation of W, compared with its scheme's, to one digit,",
         lambda: round(float(w.std()) / deviation, 1), 1.0, given),
    ]  # fmt: skip
    if bound:
        rows.append(("the largest size in W, compared with its scheme's, to two digits,",
                     lambda: round(float(abs(w).max()) / bound, 2), 1.0, given))  # fmt: skip
    else:  # a normal distribution has tails: of 40,000 numbers some are beyond three deviations
        rows.append(("the largest size in W in standard deviations of its scheme, counted up to 3,",
                     lambda: min(round(float(abs(w).max()) / deviation, 1), 3.0), 3.0, given))  # fmt: skip
    return rows


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_xavier_looks_at_both_sides_of_a_layer(candidate):
    expect_drawn(candidate, "xavier_uniform")


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_xavier_from_a_bell_curve_is_as_wide(candidate):
    expect_drawn(candidate, "xavier_normal")


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_he_looks_at_the_inputs_and_is_twice_as_wide_in_variance(candidate):
    expect_drawn(candidate, "he_uniform")


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_he_from_a_bell_curve_is_as_wide(candidate):
    expect_drawn(candidate, "he_normal")


@pytest.mark.level2
@pytest.mark.about("init_weights")
def test_the_default_of_pytorch_is_neither(candidate):
    expect_drawn(candidate, "pytorch")


def expect_drawn(candidate, scheme):
    rows = []
    for inputs, outputs in ((400, 100), (100, 400)):
        w = candidate.init_weights(inputs, outputs, scheme, np.random.default_rng(0))
        given = f"init_weights({inputs}, {outputs}, {scheme!r}, np.random.default_rng(0))"
        expect_no_list("W", w, given)
        if np.shape(w) != (inputs, outputs):
            expect_array("W", lambda w=w: w, np.zeros((inputs, outputs)), given=given)
        rows += scale_rows(w, scheme, inputs, outputs)
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("activation_statistics")
def test_the_statistics_of_a_layer_are_those_of_all_its_examples_and_units(candidate):
    x = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5], [-2.0, -1.0]])
    w1, b1 = np.array([[1.0, -1.0, 0.5], [0.5, 0.25, -1.0]]), np.array([0.1, 0.0, -0.2])
    w2, b2 = np.array([[1.0, 2.0], [-1.0, 0.5], [0.25, 1.0]]), np.array([0.5, -4.0])
    layers = [(w1, b1), (w2, b2), (np.ones((2, 1)), np.zeros(1))]
    expect_statistics(candidate, x, layers, "tanh", "four examples, hidden layers of 3 and 2")
    expect_statistics(candidate, x, layers, "relu", "four examples, hidden layers of 3 and 2")


def expect_statistics(candidate, x, layers, activation, given):
    """The tuples of activation_statistics against the same numbers made example by example."""
    wanted, h = [], x.tolist()
    for w, b in layers[:-1]:
        columns = list(zip(w.T.tolist(), b.tolist(), strict=True))
        h = [[complex(ACTIVATED[activation](sum(a * c for a, c in zip(row, column, strict=True)) + bias)).real
              for column, bias in columns] for row in h]  # fmt: skip
        dead = sum(all(row[j] == 0.0 for row in h) for j in range(len(b)))
        wanted.append((np.mean(h), np.std(h), dead))
    found, given = candidate.activation_statistics(x, layers, activation), f"{given}, {activation}"
    if isinstance(found, (list, tuple)) and len(found) != len(wanted) and not isinstance(found[0], tuple):
        expect_same("the type of its first entry", lambda: kind_of(found[0]), "tuple", given=given)
    expect("the number of tuples", lambda: len(found), len(wanted), given=given)
    expect_all([
        (f"the {name} of hidden layer {k}", lambda k=k, j=j: found[k][j], wanted[k][j], given)
        for k in range(len(wanted)) for j, name in enumerate(("mean", "standard deviation", "number of dead units"))
    ])  # fmt: skip
