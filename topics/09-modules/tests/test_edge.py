"""Levels 1 and 2 at the edges: seeds, objects that share nothing, states that do not fit, hooks that change things."""

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


def expect_refused(what, call, kind, words=(), *, given):
    """Record whether call() raises this kind of error, with these words in its message; raise Mismatch if not."""
    try:
        call()
        got = "no error"
    except NotImplementedError:
        raise
    except kind as error:
        absent = [word for word in words if word not in str(error)]
        got = f"{kind.__name__}, whose message is without {absent[0]!r}" if absent else kind.__name__
    except Exception as error:
        got = type(error).__name__
    observations.append(Observation(what, given, kind.__name__, got, got == kind.__name__))
    if got != kind.__name__:
        raise Mismatch(observations[-1])


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Parameter")
def test_a_parameter_keeps_the_array_that_it_is_given(candidate):
    array = np.array([1.0, 2.0])
    p = candidate.Parameter(array)
    array += 1.0
    expect_array("p.data", lambda: p.data, [2.0, 3.0], given="p = Parameter(array), array = [1, 2]; array += 1")


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_a_layer_without_bias_has_one_parameter(candidate):
    layer = candidate.Linear(2, 3, bias=False, rng=0)
    given = "Linear(2, 3, bias=False)"
    expect_same("bias is None", layer.bias is None, True, given=given)
    expect("the Parameters among its attributes", lambda: sum(isinstance(part, candidate.Parameter) for part in vars(
        layer).values()), 1.0, given=given)  # fmt: skip
    expect_array("layer([[0, 0]])", lambda: layer(candidate.Tensor(np.zeros((1, 2)))).data, [[0.0] * 3], given=given)


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_a_layer_takes_one_vector_or_a_batch_of_batches(candidate):
    layer = candidate.Linear(3, 2, rng=0)
    w, b = np.array(layer.weight.data), np.array(layer.bias.data)
    random = np.random.default_rng(0)
    for shape in ((3,), (1, 3), (4, 5, 3), (2, 1, 4, 3), (0, 3)):
        x = random.normal(size=shape)
        expect_array("layer(x)", lambda x=x: layer(candidate.Tensor(x)).data, x @ w.T + b,
                     given=f"layer = Linear(3, 2), x of shape {shape}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Linear")
def test_a_seed_gives_the_same_layer_again_and_a_generator_goes_on(candidate):
    def alike(a, b):  # "all", "none" or "some", whatever the numbers are
        equal = [x == y for x, y in zip(a.parameters(), b.parameters(), strict=True) for x, y in [(x.data, y.data)]]
        return "all" if all(e.all() for e in equal) else "some" if any(e.any() for e in equal) else "none"

    rng = np.random.default_rng(7)
    one, first, second = candidate.Linear(3, 4, rng=7), candidate.Linear(3, 4, rng=rng), candidate.Linear(3, 4, rng=rng)
    for what, other, wanted in (
        ("with rng=7 again", candidate.Linear(3, 4, rng=7), "all"),
        ("with rng=default_rng(7)", first, "all"),
        ("with the same Generator again", second, "none"),
        ("with rng=8", candidate.Linear(3, 4, rng=8), "none"),
        ("without rng", candidate.Linear(3, 4), "none"),
    ):
        expect_same("numbers that are equal", alike(one, other), wanted, given=f"Linear(3, 4, rng=7), and one {what}")
    expect_same("numbers that are equal", alike(candidate.Linear(3, 4), candidate.Linear(3, 4)), "none",
                given="two layers without rng")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Module.parameters")
def test_two_modules_of_a_class_share_nothing(candidate):
    class Pair(candidate.Module):
        def __init__(self):
            self.a, self.b = candidate.Linear(1, 1), candidate.Parameter([0.0])

    one, two = Pair(), Pair()
    both = [*one.parameters(), *two.parameters()]
    given = "two modules of one class, each with a Linear and a Parameter"
    expect("the number of parameters of both", lambda: len(both), 6.0, given=given)
    expect("different ones among them", lambda: len({id(p) for p in both}), 6.0, given=given)


@pytest.mark.level1
@pytest.mark.about("Module.parameters")
def test_a_layer_that_is_exchanged_is_asked_for_its_new_parameters(candidate):
    class Net(candidate.Module):
        def __init__(self):
            self.head = candidate.Linear(2, 5)

    net = Net()
    given = "net.head = Linear(2, 5); net.head = Linear(2, 3, bias=False)"
    expect("the number of parameters", lambda: len(net.parameters()), 2.0, given="net.head = Linear(2, 5)")
    net.head = candidate.Linear(2, 3, bias=False)
    expect("the number of parameters", lambda: len(net.parameters()), 1.0, given=given)
    expect_same("it is the new weight", net.parameters()[0] is net.head.weight, True, given=given)


@pytest.mark.level1
@pytest.mark.about("Sequential")
def test_nothing_in_a_row_gives_the_input_back(candidate):
    x = candidate.Tensor(np.array([1.0, 2.0]))
    expect_array("Sequential()(x)", lambda: candidate.Sequential()(x).data, [1.0, 2.0], given="x = [1, 2]")
    expect("len(Sequential())", lambda: len(candidate.Sequential()), 0.0, given="no step")


# Level 2: who is counted ----------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Module.named_parameters")
def test_what_is_no_parameter_has_no_name(candidate):
    class Net(candidate.Module):
        def __init__(self):
            self.layer = candidate.Linear(1, 1)
            self.sizes = [1, "two", None, (3.0, {"four": 4})]
            self.last = candidate.Tensor([1.0], requires_grad=True)
            self.mixed = (candidate.Parameter([1.0]), [candidate.Tensor([2.0]), candidate.Parameter([2.0])])
            self.same = candidate.Parameter([1.0])

        def forward(self, x):
            self.last = self.layer(x)
            return self.last

    net = Net()
    net(candidate.Tensor([[1.0]]))
    given = (
        "layer, numbers and texts in a list, a tensor kept from forward, mixed = (Parameter, [Tensor, Parameter]), same"
    )
    expect_same("the names, sorted", sorted(str.__str__(name) for name, _ in net.named_parameters()),
                ["layer.bias", "layer.weight", "mixed.0", "mixed.1.1", "same"], given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Module.parameters")
def test_a_module_that_leads_back_to_its_owner_is_no_trouble(candidate):
    class Child(candidate.Module):
        def __init__(self, owner):
            self.owner, self.layer = owner, candidate.Linear(1, 1)

    class Owner(candidate.Module):
        def __init__(self):
            self.child = Child(self)

    owner = Owner()
    given = "owner.child.owner is owner, owner.child.layer is a Linear"
    expect("the number of parameters", lambda: len(owner.parameters()), 2.0, given=given)
    expect_same("owner.eval() is owner", owner.eval() is owner, True, given=given)


# Level 2: modes -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_a_seed_replays_the_masks_and_every_call_draws_a_new_one(candidate):
    x = candidate.Tensor(np.ones(64))
    one, same = candidate.Dropout(0.5, rng=4), candidate.Dropout(0.5, rng=4)
    first, second = np.array(one(x).data), np.array(one(x).data)
    given = "Dropout(0.5, rng=4) of 64 ones"
    expect_same("the second mask is the first", bool((first == second).all()), False, given=given)
    for what, wanted in (("first", first), ("second", second)):
        again = bool((same(x).data == wanted).all())
        expect_same(f"the {what} output of another with this seed is the same", again, True, given=given)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    candidate.Dropout(0.5)(x)
    expect_same("NumPy's global random numbers are as before", bool((np.random.get_state()[1] == before).all()), True,
                given="Dropout(0.5) of 64 ones")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_a_gradient_passes_where_the_number_has_passed(candidate):
    dropout = candidate.Dropout(0.5, rng=4)
    x = candidate.Tensor(np.linspace(1.0, 2.0, 40), requires_grad=True)
    y = dropout(x)
    kept = np.array(y.data) != 0
    y.sum().backward()
    expect_array("x.grad", lambda: x.grad, 2.0 * kept, given="Dropout(0.5, rng=4) of 40 numbers; sum, backward",
                 aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_nothing_and_everything_may_be_dropped(candidate):
    x = candidate.Tensor(np.array([1.0, -2.0, 3.0]), requires_grad=True)
    expect_array(
        "the value", lambda: candidate.Dropout(0.0)(x).data, [1.0, -2.0, 3.0], given="Dropout(0) of [1, -2, 3]"
    )
    expect_array("the value", lambda: candidate.Dropout(1.0)(x).data, [0.0, 0.0, 0.0], given="Dropout(1) of [1, -2, 3]")
    for p in (-0.1, 1.5):
        expect_refused("the constructor", lambda p=p: candidate.Dropout(p), ValueError, given=f"Dropout({p})")


@pytest.mark.level2
@pytest.mark.about("Dropout")
def test_float32_stays_float32(candidate):
    x = candidate.Tensor(np.ones(8, dtype=np.float32))
    expect_same("the dtype", str(candidate.Dropout(0.5, rng=1)(x).data.dtype), "float32",
                given="Dropout(0.5) of eight float32 numbers")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Embedding")
def test_the_first_rows_are_drawn_with_deviation_one(candidate):
    w = candidate.Embedding(500, 40, rng=2).weight.data
    given = "Embedding(500, 40, rng=2).weight"
    expect_array("its shape", lambda: w.shape, [500, 40], given=given)
    expect("the mean", lambda: w.mean(), 0.0, given=given, tolerance=0.03)
    expect("the deviation", lambda: w.std(), 1.0, given=given, tolerance=0.03)
    expect("the share within one deviation", lambda: float((np.abs(w) < 1).mean()), 0.683, given=given, tolerance=0.02)
    again = candidate.Embedding(500, 40, rng=2).weight.data
    expect_same("it is the same a second time", bool((again == w).all()), True, given=given)


@pytest.mark.level2
@pytest.mark.about("Embedding")
def test_a_row_that_is_not_there_is_refused(candidate):
    table = candidate.Embedding(4, 2, rng=0)
    expect_array("the shape of table([3])", lambda: table([3]).data.shape, [1, 2], given="Embedding(4, 2)")
    for indices, kind in (([0, 4], IndexError), ([-1], IndexError), ([0.0, 1.0], TypeError)):
        expect_refused(f"table({indices})", lambda i=indices: table(i), kind, given="Embedding(4, 2)")


# Level 2: states that do not fit --------------------------------------------------------------------------------------


def two_layers(candidate, seed=0):
    return candidate.Sequential(
        candidate.Linear(2, 3, rng=seed), candidate.Tensor.tanh, candidate.Linear(3, 1, rng=seed)
    )


@pytest.mark.level2
@pytest.mark.about("Module.load_state_dict")
def test_everything_that_does_not_fit_is_said_and_nothing_is_loaded(candidate):
    net = two_layers(candidate)
    good, before = two_layers(candidate, seed=1).state_dict(), net.state_dict()
    given = "net = Sequential(Linear(2, 3), tanh, Linear(3, 1))"
    expect("the number of arrays in its state", lambda: len(good), 4.0, given=given)
    without = {name: array for name, array in good.items() if name not in ("2.weight", "2.bias")}
    for what, state, words in (
        ("a state without 2.weight and 2.bias", without, ("2.weight", "2.bias")),
        ("a state with head.weight besides", good | {"head.weight": np.ones(3)}, ("head.weight",)),
        ("2.weight transposed", good | {"2.weight": good["2.weight"].T}, ("2.weight", "(1, 3)", "(3, 1)")),
        ("0.bias as one row of a matrix", good | {"0.bias": good["0.bias"][None]}, ("0.bias", "(3,)", "(1, 3)")),
        ("0.bias as one number", good | {"0.bias": np.array(1.0)}, ("0.bias", "(3,)", "()")),
        ("two shapes that differ", good | {"0.weight": np.ones((3, 3)), "2.bias": np.ones(2)}, ("0.weight", "2.bias")),
    ):
        expect_refused("load_state_dict", lambda s=state: net.load_state_dict(s), ValueError, words,
                       given=f"{given}, {what}")  # fmt: skip
        for name, array in before.items():
            expect_array(f"{name}, afterwards", lambda n=name: net.state_dict()[n], array, given=f"{given}, {what}")


@pytest.mark.level2
@pytest.mark.about("Module.load_state_dict")
def test_without_strictness_what_fits_is_loaded_and_the_rest_is_told(candidate):
    net, other = two_layers(candidate), two_layers(candidate, seed=1)
    state = other.state_dict()
    kept = np.array(net[2].bias.data)
    state["head.bias"] = state.pop("2.bias")
    missing, unexpected = net.load_state_dict(state, strict=False)
    given = "Sequential(Linear(2, 3), tanh, Linear(3, 1)), a state with head.bias instead of 2.bias, strict=False"
    expect_same("missing and unexpected", (list(missing), list(unexpected)), (["2.bias"], ["head.bias"]), given=given)
    expect_array("0.weight", lambda: net[0].weight.data, other[0].weight.data, given=given)
    expect_array("2.bias", lambda: net[2].bias.data, kept, given=given)
    expect_refused("load_state_dict", lambda: net.load_state_dict({"0.bias": np.ones(4)}, strict=False), ValueError,
                   ("0.bias",), given="a bias of another shape, strict=False")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Module.load_state_dict")
def test_tied_parameters_stay_tied_when_they_are_loaded(candidate):
    class Tied(candidate.Module):
        def __init__(self):
            self.table = candidate.Embedding(3, 2, rng=0)
            self.head = candidate.Linear(2, 3, bias=False, rng=0)
            self.head.weight = self.table.weight

    tied = Tied()
    given = "head.weight = table.weight, an Embedding(3, 2)"
    expect_same("the names in the state", sorted(map(str, tied.state_dict())), ["table.weight"], given=given)
    tied.load_state_dict({"table.weight": np.arange(6.0).reshape(3, 2)})
    expect_same("head.weight is table.weight", tied.head.weight is tied.table.weight, True, given=f"{given}, loaded")
    expect_array("head.weight.data", lambda: tied.head.weight.data, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
                 given=f"{given}, loaded with 0 to 5")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Module.load_state_dict")
def test_a_module_keeps_its_kind_of_floats(candidate):
    net = two_layers(candidate)
    state = {name: array.astype(np.float32) for name, array in two_layers(candidate, seed=1).state_dict().items()}
    net.load_state_dict(state)
    given = "Sequential of float64 layers, loaded with float32 arrays"
    expect_same("the dtype of 0.weight", str(net[0].weight.data.dtype), "float64", given=given)
    expect_array("0.weight", lambda: net[0].weight.data, state["0.weight"], given=given)


@pytest.mark.level2
@pytest.mark.about("Module.register_buffer")
def test_buffers_belong_to_one_module(candidate):
    class Plain(candidate.Module):
        def __init__(self, buffers):
            self.weight = candidate.Parameter([1.0])
            for name in buffers:
                self.register_buffer(name, np.zeros(2))

    one, two, none = Plain(["a"]), Plain(["b", "c"]), Plain([])
    given = "three modules of one class, with the buffers a; b and c; none"
    expect_same("their names", [sorted(map(str, module.state_dict())) for module in (one, two, none)],
                [["a", "weight"], ["b", "c", "weight"], ["weight"]], given=given)  # fmt: skip


# Level 2: hooks -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Module.register_forward_hook")
def test_hooks_change_the_output_in_their_order_and_belong_to_one_module(candidate):
    layer, other = candidate.Linear(1, 1, rng=0), candidate.Linear(1, 1, rng=0)
    x = candidate.Tensor([[2.0]])
    plain = float(np.array(other(x).data)[0, 0])
    layer.register_forward_hook(lambda module, inputs, output: output + 1.0)
    handle = layer.register_forward_hook(lambda module, inputs, output: output * 10.0)
    layer.register_forward_hook(lambda module, inputs, output: None)
    given = "hooks on one of two equal layers: output + 1, output * 10, None"
    expect_array("layer(x)", lambda: layer(x).data, [[(plain + 1) * 10]], given=given)
    expect_array("the other layer(x)", lambda: other(x).data, [[plain]], given=given)
    handle.remove()
    expect_array("layer(x)", lambda: layer(x).data, [[plain + 1]], given=f"{given}; the second removed")


@pytest.mark.level2
@pytest.mark.about("Module.register_forward_hook")
def test_a_hook_may_remove_itself(candidate):
    layer, calls = candidate.Linear(1, 1, rng=0), []

    def once(module, inputs, output):
        calls.append("once")
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda module, inputs, output: calls.append("each time"))
    for _ in range(2):
        layer(candidate.Tensor([[2.0]]))
    expect_same("what the hooks noted", calls, ["once", "each time", "each time"],
                given="a hook that removes itself, and another one; two calls")  # fmt: skip
