"""Levels 1 and 2 at ordinary points: layers against formulas, modules that hold modules, names, modes and states."""

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_array, observations


def expect_same(what, got, expected, *, given):
    """Record whether two texts, names or truth values are the same; raise Mismatch if not."""
    observations.append(
        Observation(what, given, str(expected), str(got), type(got) is type(expected) and got == expected)
    )
    if not observations[-1].holds:
        raise Mismatch(observations[-1])


def names_of(module):
    """The names of a module's parameters, as plain text."""
    return sorted(str.__str__(name) for name, _ in module.named_parameters())


def set_to(parameter, numbers):
    parameter.data[...] = numbers


def small_linear(candidate):
    """A layer from 2 numbers to 3, with known weights."""
    layer = candidate.Linear(2, 3)
    set_to(layer.weight, [[1.0, 2.0], [-1.0, 0.5], [0.0, -3.0]])
    set_to(layer.bias, [0.25, 0.5, -1.0])
    return layer


LINEAR = "Linear(2, 3), weight [[1, 2], [-1, 0.5], [0, -3]], bias [0.25, 0.5, -1]"


# Level 1: Parameter ---------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Parameter")
def test_a_parameter_is_a_tensor_that_wants_a_gradient(candidate):
    p = candidate.Parameter([[1.0, -2.0]])
    given = "p = Parameter([[1, -2]])"
    expect_array("p.data", lambda: p.data, [[1.0, -2.0]], given=given)
    expect_same("isinstance(p, Tensor)", isinstance(p, candidate.Tensor), True, given=given)
    expect_same("p.requires_grad", bool(p.requires_grad), True, given=given)
    (p * p).sum().backward()
    expect_array("p.grad", lambda: p.grad, [[2.0, -4.0]], given=f"{given}; (p * p).sum().backward()", aim="gradient")


# Level 1: Linear ------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_a_weight_has_a_row_for_each_output(candidate):
    layer = candidate.Linear(2, 3)
    expect_array("the shape of weight", lambda: layer.weight.data.shape, [3, 2], given="Linear(2, 3)")
    expect_array("the shape of bias", lambda: layer.bias.data.shape, [3], given="Linear(2, 3)")
    expect_same("weight is a Parameter", isinstance(layer.weight, candidate.Parameter), True, given="Linear(2, 3)")
    expect_same("bias is a Parameter", isinstance(layer.bias, candidate.Parameter), True, given="Linear(2, 3)")


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_a_layer_gives_weighted_sums(candidate):
    layer = small_linear(candidate)
    for x, wanted in (
        ([[1.0, 1.0]], [[3.25, 0.0, -4.0]]),
        ([[1.0, 0.0], [0.0, 2.0]], [[1.25, -0.5, -1.0], [4.25, 1.5, -7.0]]),
    ):
        given = f"{LINEAR}, called with {x}"
        expect_array("the value", lambda x=x: layer(candidate.Tensor(np.array(x))).data, wanted, given=given)


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_backward_reaches_weight_bias_and_input_of_a_layer(candidate):
    layer = small_linear(candidate)
    x = candidate.Tensor(np.array([[1.0, 2.0], [3.0, -1.0]]), requires_grad=True)
    upstream = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])
    (layer(x) * upstream).sum().backward()
    given = f"{LINEAR}, x = [[1, 2], [3, -1]]; (layer(x) * [[1, 0, 2], [0.5, -1, 0]]).sum().backward()"
    for what, tensor, wanted in (
        ("weight", layer.weight, upstream.T @ x.data),
        ("bias", layer.bias, upstream.sum(axis=0)),
        ("x", x, upstream @ layer.weight.data),
    ):
        expect_array(f"{what}.grad", lambda t=tensor: t.grad, wanted, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_the_first_weights_are_drawn_evenly_between_two_bounds_that_the_inputs_set(candidate):
    layer = candidate.Linear(400, 100, rng=1)
    bound = 1 / 20
    for what, numbers, many in (("weight", layer.weight.data, 40_000), ("bias", layer.bias.data, 100)):
        given = f"Linear(400, 100, rng=1).{what}, in units of 1/sqrt(400)"
        expect("the largest number", lambda n=numbers: np.abs(n).max() / bound, 1.0, given=given, tolerance=0.05)
        expect("the mean", lambda n=numbers: n.mean() / bound, 0.0, given=given, tolerance=4 * 0.577 / many**0.5)
        expect("the deviation", lambda n=numbers: n.std() / bound, 0.577, given=given, tolerance=0.1)


# Level 1: Module and Sequential ---------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Module")
def test_calling_a_module_calls_its_forward(candidate):
    class Scale(candidate.Module):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x, plus=0.0):
            return x * self.factor + plus

    x = candidate.Tensor(np.array([1.0, 2.0]))
    given = "a module whose forward(x, plus=0) is x * 3 + plus"
    expect_array("module(x)", lambda: Scale(3.0)(x).data, [3.0, 6.0], given=f"{given}; x = [1, 2]")
    expect_array("module(x, plus=1.0)", lambda: Scale(3.0)(x, plus=1.0).data, [4.0, 7.0], given=f"{given}; x = [1, 2]")


@pytest.mark.level1
@pytest.mark.about("Module.parameters")
def test_a_module_finds_its_parameters_and_those_of_the_modules_in_it(candidate):
    class Inner(candidate.Module):
        def __init__(self):
            self.layer = candidate.Linear(2, 2)
            self.scale = candidate.Parameter([1.0])

    class Outer(candidate.Module):
        def __init__(self):
            self.width = 5
            self.word = "outer"
            self.first = candidate.Linear(2, 3, bias=False)
            self.inner = Inner()
            self.input = candidate.Tensor([1.0], requires_grad=True)

    outer = Outer()
    wanted = [outer.first.weight, outer.inner.layer.weight, outer.inner.layer.bias, outer.inner.scale]
    found = list(outer.parameters())
    given = "a module with a Linear without bias, and a module in it with a Linear and a Parameter"
    expect("the number of parameters", lambda: len(found), 4.0, given=given)
    names = ("first.weight", "inner.layer.weight", "inner.layer.bias", "inner.scale")
    for what, parameter in zip(names, wanted, strict=True):
        expect_same(f"{what} is among them", any(p is parameter for p in found), True, given=given)
    expect("the number of parameters, asked a second time", lambda: len(outer.parameters()), 4.0, given=given)


@pytest.mark.level1
@pytest.mark.about("Module.zero_grad")
def test_zero_grad_clears_every_parameter(candidate):
    net = candidate.Sequential(candidate.Linear(2, 2), candidate.Sequential(candidate.Linear(2, 1)))
    net(candidate.Tensor(np.ones((3, 2)))).sum().backward()
    given = "net = Sequential(Linear(2, 2), Sequential(Linear(2, 1))), after one backward"
    expect("parameters with a gradient", lambda: sum(p.grad is not None for p in net.parameters()), 4.0, given=given)
    net.zero_grad()
    expect("parameters with a gradient", lambda: sum(p.grad is not None for p in net.parameters()), 0.0,
           given=f"{given} and net.zero_grad()")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Sequential")
def test_steps_are_called_in_a_row_and_may_be_functions(candidate):
    first, last = small_linear(candidate), candidate.Linear(3, 1)
    set_to(last.weight, [[1.0, -1.0, 2.0]])
    set_to(last.bias, [0.5])
    net = candidate.Sequential(first, candidate.Tensor.relu, last)
    given = "net = Sequential(Linear(2, 3), Tensor.relu, Linear(3, 1)), all weights set"
    expect_array("net(x)", lambda: net(candidate.Tensor(np.array([[1.0, 1.0], [2.0, -2.0]]))).data,
                 [[3.75], [10.5]], given=f"{given}; x = [[1, 1], [2, -2]]")  # fmt: skip
    expect("len(net)", lambda: len(net), 3.0, given=given)
    expect_same("net[2] is the last layer", net[2] is last, True, given=given)
    steps = (first, candidate.Tensor.relu, last)
    expect_same("[step for step in net]", [a is b for a, b in zip(net, steps, strict=True)], [True] * 3, given=given)
    expect("the number of parameters", lambda: len(net.parameters()), 4.0, given=given)


@pytest.mark.level1
@pytest.mark.about("Module.zero_grad")
def test_four_lines_of_training_fit_a_line(candidate):
    net = candidate.Sequential(candidate.Linear(1, 1, rng=0))
    x = np.linspace(-1.0, 1.0, 8).reshape(8, 1)
    for _ in range(200):
        error = net(candidate.Tensor(x)) - (3 * x - 0.5)
        net.zero_grad()
        (error * error).sum().backward()
        for p in net.parameters():
            p.data -= 0.05 * p.grad
    given = "200 steps of 0.05 on the squares of Linear(1, 1)(x) - (3x - 0.5), eight x from -1 to 1"
    expect_array("weight", lambda: net[0].weight.data, [[3.0]], given=given, tolerance=1e-6)
    expect_array("bias", lambda: net[0].bias.data, [-0.5], given=given, tolerance=1e-6)


# Level 2: names -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Module.named_parameters")
def test_every_parameter_has_the_road_to_it_as_its_name(candidate):
    class Tree(candidate.Module):
        def __init__(self):
            self.blocks = [candidate.Sequential(candidate.Linear(2, 2), candidate.Tensor.tanh), candidate.Linear(2, 2)]
            self.heads = {"left": candidate.Linear(2, 1), "right": candidate.Linear(2, 1, bias=False)}
            self.scale = candidate.Parameter([1.0])

    tree = Tree()
    wanted = ["blocks.0.0.bias", "blocks.0.0.weight", "blocks.1.bias", "blocks.1.weight", "heads.left.bias",
              "heads.left.weight", "heads.right.weight", "scale"]  # fmt: skip
    given = "blocks = [Sequential(Linear, tanh), Linear], heads = {left: Linear, right: Linear without bias}, scale"
    expect_same("the names, sorted", names_of(tree), wanted, given=given)
    named, listed = list(tree.named_parameters()), list(tree.parameters())
    same = len(named) == len(listed) and all(p is q for (_, p), q in zip(named, listed, strict=True))
    expect_same("named_parameters() has those of parameters(), in their order", same, True, given=given)
    found = dict(named)
    for name, parameter in (
        ("blocks.0.0.weight", tree.blocks[0][0].weight),
        ("blocks.1.bias", tree.blocks[1].bias),
        ("heads.right.weight", tree.heads["right"].weight),
    ):
        expect_same(f"{name} is that parameter", found[name] is parameter, True, given=given)


@pytest.mark.level2
@pytest.mark.about("Module.named_modules")
def test_every_module_has_a_name_and_the_whole_has_none(candidate):
    net = candidate.Sequential(candidate.Linear(1, 2), candidate.Sequential(candidate.Dropout(0.1)))
    found = sorted((str.__str__(name), type(module).__name__) for name, module in net.named_modules())
    expect_same("names and classes, sorted", found,
                [("", "Sequential"), ("0", "Linear"), ("1", "Sequential"), ("1.0", "Dropout")],
                given="Sequential(Linear(1, 2), Sequential(Dropout(0.1)))")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Module.parameters")
def test_a_tied_parameter_is_counted_once_and_gathers_from_both_places(candidate):
    class Tied(candidate.Module):
        def __init__(self):
            self.first = candidate.Linear(2, 2)
            self.second = candidate.Linear(2, 2, bias=False)
            self.second.weight = self.first.weight
            self.again = self.first

        def forward(self, x):
            return self.second(self.first(x))

    tied = Tied()
    set_to(tied.first.weight, [[1.0, 2.0], [3.0, 4.0]])
    set_to(tied.first.bias, [0.0, 0.0])
    given = "first = Linear(2, 2), second.weight = first.weight, again = first"
    expect("the number of parameters", lambda: len(tied.parameters()), 2.0, given=given)
    expect_same("the names, sorted", names_of(tied), ["first.bias", "first.weight"], given=given)
    tied(candidate.Tensor(np.array([[1.0, -1.0]]))).sum().backward()
    given = f"{given}, weight [[1, 2], [3, 4]], bias 0; second(first([[1, -1]])).sum().backward()"
    expect_array("first.weight.grad", lambda: tied.first.weight.grad, [[3.0, -5.0], [5.0, -7.0]], given=given,
                 aim="gradient")  # fmt: skip


# Level 2: modes -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Module.train")
def test_train_and_eval_reach_every_module_inside(candidate):
    inner = candidate.Dropout(0.5)
    net = candidate.Sequential(candidate.Linear(1, 1), candidate.Sequential(inner))
    given = "net = Sequential(Linear(1, 1), Sequential(Dropout(0.5)))"
    expect_same("net.training, the Dropout's", (bool(net.training), bool(inner.training)), (True, True), given=given)
    expect_same("net.eval() is net", net.eval() is net, True, given=given)
    expect_same("net.training, the Dropout's", (bool(net.training), bool(inner.training)), (False, False),
                given=f"{given}; net.eval()")  # fmt: skip
    expect_same("net.train() is net", net.train() is net, True, given=given)
    expect_same("net.training, the Dropout's", (bool(net.training), bool(inner.training)), (True, True),
                given=f"{given}; net.eval(); net.train()")  # fmt: skip
    net.train(False)
    other = candidate.Dropout(0.5)
    expect_same("net.training, that of a new Dropout", (bool(net.training), bool(other.training)), (False, True),
                given=f"{given}; net.train(False)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_dropout_drops_a_share_and_scales_the_rest_up(candidate):
    for p, factor in ((0.25, 4 / 3), (0.5, 2.0), (0.9, 10.0)):
        y = candidate.Dropout(p, rng=3)(candidate.Tensor(np.ones((200, 100)))).data
        given = f"Dropout({p}, rng=3) of 20,000 ones"
        expect("the share of zeros", lambda y=y: float((y == 0).mean()), p, given=given, tolerance=0.02)
        expect("the largest number", lambda y=y: y.max(), factor, given=given)
        expect("the smallest number that is not 0", lambda y=y: y[y != 0].min(), factor, given=given)
        expect("the spread over the columns' shares", lambda y=y: float((y == 0).mean(axis=0).std()),
               (p * (1 - p) / 200) ** 0.5, given=given, tolerance=0.02)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_in_eval_dropout_changes_nothing(candidate):
    dropout = candidate.Dropout(0.5, rng=3)
    x = candidate.Tensor(np.arange(1.0, 7.0))
    expect_same("some are 0", bool((dropout(x).data == 0).any()), True, given="Dropout(0.5, rng=3) of 1 to 6")
    expect_array("the value", lambda: dropout.eval()(x).data, np.arange(1.0, 7.0),
                 given="Dropout(0.5, rng=3).eval() of 1 to 6")  # fmt: skip


# Level 2: Embedding ---------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Embedding")
def test_an_embedding_gives_the_rows_that_are_asked_for(candidate):
    table = candidate.Embedding(4, 2, rng=0)
    set_to(table.weight, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
    given = "Embedding(4, 2), weight [[0, 1], [2, 3], [4, 5], [6, 7]]"
    expect_array("table([3, 0])", lambda: table([3, 0]).data, [[6.0, 7.0], [0.0, 1.0]], given=given)
    expect_array(
        "table([[1], [2]])", lambda: table(np.array([[1], [2]])).data, [[[2.0, 3.0]], [[4.0, 5.0]]], given=given
    )
    expect_array("table(Tensor([1]))", lambda: table(candidate.Tensor(np.array([1]))).data, [[2.0, 3.0]], given=given)


@pytest.mark.level2
@pytest.mark.about("Embedding")
def test_a_row_that_is_used_twice_gets_both_gradients(candidate):
    table = candidate.Embedding(4, 2, rng=0)
    (table([1, 3, 1]) * np.array([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]])).sum().backward()
    expect_array("weight.grad", lambda: table.weight.grad, [[0.0, 0.0], [11.0, 22.0], [0.0, 0.0], [3.0, 4.0]],
                 given="table([1, 3, 1]), upstream [[1, 2], [3, 4], [10, 20]]", aim="gradient")  # fmt: skip


# Level 2: the state ---------------------------------------------------------------------------------------------------


def counting(candidate):
    """A module with a Linear and a buffer: how often it was called, and the largest number so far."""

    class Counting(candidate.Module):
        def __init__(self):
            self.layer = candidate.Linear(2, 1, rng=5)
            self.register_buffer("calls", np.array(0))
            self.register_buffer("largest", np.array([0.0, 0.0]))

        def forward(self, x):
            self.calls = self.calls + 1
            self.largest = np.maximum(self.largest, x.data.max(axis=0))
            return self.layer(x)

    return Counting()


COUNTING = "a module with layer = Linear(2, 1) and the buffers calls and largest"


@pytest.mark.level2
@pytest.mark.about("Module.register_buffer")
def test_a_buffer_is_part_of_the_state_and_no_parameter(candidate):
    module = counting(candidate)
    for numbers in ([[1.0, 4.0]], [[2.0, 3.0]]):
        module(candidate.Tensor(np.array(numbers)))
    given = f"{COUNTING}, called twice"
    expect("the number of parameters", lambda: len(module.parameters()), 2.0, given=given)
    state = candidate.Sequential(module).state_dict()
    expect_same("the names in the state of Sequential(module), sorted", sorted(map(str, state)),
                ["0.calls", "0.largest", "0.layer.bias", "0.layer.weight"], given=given)  # fmt: skip
    expect("0.calls", lambda: state["0.calls"], 2.0, given=given)
    expect_array("0.largest", lambda: state["0.largest"], [2.0, 4.0], given=given)


@pytest.mark.level2
@pytest.mark.about("Module.state_dict")
def test_a_state_is_a_snapshot(candidate):
    module = counting(candidate)
    before = np.array(module.layer.weight.data)
    state = module.state_dict()
    module.layer.weight.data += 1.0
    module.largest += 1.0
    given = f"state = module.state_dict() of {COUNTING}; then weight.data and largest grow by 1"
    expect_array("state['layer.weight']", lambda: state["layer.weight"], before, given=given)
    expect_array("state['largest']", lambda: state["largest"], [0.0, 0.0], given=given)


@pytest.mark.level2
@pytest.mark.about("Module.load_state_dict")
def test_a_loaded_state_makes_the_same_module(candidate):
    source, target = counting(candidate), counting(candidate)
    set_to(source.layer.weight, [[5.0, 6.0]])
    source(candidate.Tensor(np.array([[7.0, 8.0]])))
    state = source.state_dict()
    missing, unexpected = target.load_state_dict(state)
    given = f"{COUNTING}; target.load_state_dict(source.state_dict())"
    expect_same("missing and unexpected", (list(missing), list(unexpected)), ([], []), given=given)
    expect_array("target.layer.weight.data", lambda: target.layer.weight.data, [[5.0, 6.0]], given=given)
    expect("target.calls", lambda: np.array(target.calls), 1.0, given=given)
    expect_array("target.largest", lambda: target.largest, [7.0, 8.0], given=given)
    state["layer.weight"][...] = 0.0
    expect_array("target.layer.weight.data", lambda: target.layer.weight.data, [[5.0, 6.0]],
                 given=f"{given}; then the arrays of the state are overwritten")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Module.load")
def test_what_is_saved_can_be_loaded(candidate, tmp_path):
    source, target = counting(candidate), counting(candidate)
    set_to(source.layer.weight, [[0.1, 1e-300]])
    source.save(tmp_path / "a state")
    given = f"{COUNTING}; source.save('a state'); target.load('a state')"
    expect_same("the files there", sorted(path.name for path in tmp_path.iterdir()), ["a state"], given=given)
    target.load(str(tmp_path / "a state"))
    expect_array(
        "target.layer.weight.data", lambda: target.layer.weight.data, [[0.1, 1e-300]], given=given, tolerance=0
    )
    expect_array(
        "target.layer.bias.data", lambda: target.layer.bias.data, source.layer.bias.data, given=given, tolerance=0
    )


@pytest.mark.level2
@pytest.mark.about("Module.save")
def test_a_saved_state_is_an_npz_that_numpy_reads(candidate, tmp_path):
    module = counting(candidate)
    module.save(tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz") as archive:
        given = f"np.load('state.npz') after {COUNTING} was saved there"
        expect_same(
            "the names, sorted", sorted(archive.files), ["calls", "largest", "layer.bias", "layer.weight"], given=given
        )
        expect_array(
            "layer.weight", lambda: archive["layer.weight"], module.layer.weight.data, given=given, tolerance=0
        )


# Level 2: hooks -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Module.register_forward_hook")
def test_a_hook_sees_what_goes_in_and_what_comes_out(candidate):
    layer, seen = small_linear(candidate), []
    net = candidate.Sequential(layer)
    handle = layer.register_forward_hook(lambda module, inputs, output: seen.append((module, inputs, output)))
    x = candidate.Tensor(np.array([[1.0, 1.0]]))
    out = net(x)
    given = f"a hook on {LINEAR}, in a Sequential that is called with [[1, 1]]"
    expect("calls of the hook", lambda: len(seen), 1.0, given=given)
    module, inputs, output = seen[0]
    expect_same("the module is the layer", module is layer, True, given=given)
    expect_same(
        "inputs is a tuple of x", type(inputs) is tuple and len(inputs) == 1 and inputs[0] is x, True, given=given
    )
    expect_array("the output", lambda: output.data, [[3.25, 0.0, -4.0]], given=given)
    expect_array("what comes out of the net", lambda: out.data, [[3.25, 0.0, -4.0]], given=given)
    handle.remove()
    net(x)
    expect("calls of the hook", lambda: len(seen), 1.0, given=f"{given} twice, removed in between")
