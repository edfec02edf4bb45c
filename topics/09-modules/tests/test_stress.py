"""Levels 3 and 4: layers as one operation, states without copies, steps in place, and PyTorch."""

import numpy as np
import pytest

from utils.course.costs import expect_at_most, held_bytes, peak_bytes
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


# Level 3: linear ------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("linear")
def test_linear_and_its_gradients_on_every_shape_of_batch(candidate):
    random = np.random.default_rng(1)
    for shape in ((4,), (3, 4), (2, 3, 4), (2, 1, 3, 4), (0, 4), (1, 4)):
        for biased in (True, False):
            x = candidate.Tensor(random.normal(size=shape), requires_grad=True)
            w = candidate.Parameter(random.normal(size=(5, 4)))
            b = candidate.Parameter(random.normal(size=5)) if biased else None
            upstream = random.normal(size=(*shape[:-1], 5))
            given = (
                f"linear(x, weight{', bias' if biased else ''}), x {shape}, weight (5, 4), a random upstream gradient"
            )
            out = candidate.linear(x, w, b) if biased else candidate.linear(x, w)
            expect_array(
                "the value", lambda o=out: o.data, x.data @ w.data.T + (b.data if biased else 0.0), given=given
            )
            (out * upstream).sum().backward()
            rows, g = x.data.reshape(-1, 4), upstream.reshape(-1, 5)
            expect_array("weight.grad", lambda w=w: w.grad, g.T @ rows, given=given, aim="gradient")
            expect_array("x.grad", lambda x=x: x.grad, upstream @ w.data, given=given, aim="gradient")
            if biased:
                expect_array("bias.grad", lambda b=b: b.grad, g.sum(axis=0), given=given, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("linear")
def test_inputs_that_do_not_fit_are_refused_with_both_shapes(candidate):
    x, w = candidate.Tensor(np.ones((2, 4))), candidate.Parameter(np.ones((5, 4)))
    expect_array("the shape", lambda: candidate.linear(x, w).data.shape, [2, 5], given="x (2, 4), weight (5, 4)")
    for shape in ((2, 5), (5,), (3, 1)):
        x = candidate.Tensor(np.ones(shape))
        expect_refused("linear(x, weight)", lambda x=x: candidate.linear(x, w), ValueError, (str(shape), "(5, 4)"),
                       given=f"x {shape}, weight (5, 4)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("linear")
def test_linear_changes_none_of_its_inputs(candidate):
    arrays = [np.ones((2, 4)), np.ones((5, 4)), np.ones(5)]
    out = candidate.linear(*[candidate.Tensor(a, requires_grad=True) for a in arrays])
    out.backward(np.ones((2, 5)))
    for what, array in zip(("x", "weight", "bias"), arrays, strict=True):
        expect_array(
            f"{what}, afterwards", lambda a=array: a, np.ones(array.shape), given="linear of ones, and backward"
        )


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("linear")
def test_a_layer_holds_its_output_and_no_array_of_that_size_besides(candidate):
    layer, x = candidate.Linear(8, 256, rng=0), candidate.Tensor(np.ones((40, 50, 8)))
    layer(x)
    held = held_bytes(lambda: layer(x))
    expect_at_most("the bytes held, against the output", 1.2, held, 2000 * 256 * 8,
                 given="the graph of Linear(8, 256) on 40 times 50 rows")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("linear")
def test_a_gradient_that_nobody_wants_is_not_computed(candidate):
    weight, x = candidate.Parameter(np.ones((2, 400))), candidate.Tensor(np.ones((2000, 400)))
    candidate.linear(x, weight).sum().backward()
    loss = candidate.linear(x, weight).sum()
    peak = peak_bytes(loss.backward, warm=False)
    expect_at_most("the bytes held at the peak of backward, against x", 0.1, peak, x.data.nbytes,
                 given="linear(x, weight), x (2000, 400) without gradients, weight (2, 400)")  # fmt: skip


# Level 3: Optimizer ---------------------------------------------------------------------------------------------------


class Plain:
    """A rule that makes new arrays."""

    def __init__(self, lr):
        self.lr = lr

    def step(self, params, grads):
        return [p - self.lr * g for p, g in zip(params, grads, strict=True)]


class InPlace(Plain):
    """The same rule, in the caller's own arrays."""

    def step(self, params, grads):
        for p, g in zip(params, grads, strict=True):
            p -= self.lr * g
        return params


@pytest.mark.level3
@pytest.mark.about("Optimizer")
def test_a_step_moves_every_parameter_in_its_own_array(candidate):
    for rule in (Plain, InPlace):
        net = candidate.Sequential(candidate.Linear(2, 2, rng=0), candidate.Linear(2, 1, rng=1))
        held = [p.data for p in net.parameters()]
        optimizer = candidate.Optimizer(net.parameters(), rule(0.5))
        net(candidate.Tensor(np.ones((3, 2)))).sum().backward()
        wanted = [p.data - 0.5 * p.grad for p in net.parameters()]
        optimizer.step()
        words = "new arrays" if rule is Plain else "the arrays it was given"
        given = f"one step of Optimizer(net.parameters(), rule), p - 0.5 * g, where the rule gives back {words}"
        for k, (p, array) in enumerate(zip(net.parameters(), held, strict=True)):
            expect_array(f"parameter {k}", lambda p=p: p.data, wanted[k], given=given)
            expect_array(f"the array that parameter {k} had before", lambda a=array: a, wanted[k], given=given)
        optimizer.zero_grad()
        expect("parameters with a gradient", lambda n=net: sum(p.grad is not None for p in n.parameters()), 0.0,
               given=f"{given}; optimizer.zero_grad()")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Optimizer")
def test_a_parameter_without_gradient_stops_the_step_and_nothing_has_moved(candidate):
    used, unused, frozen = (candidate.Parameter([1.0, 2.0]) for _ in range(3))
    frozen.requires_grad = False
    optimizer = candidate.Optimizer([used, unused, frozen], InPlace(0.5))
    used.grad, unused.grad = np.ones(2), np.ones(2)
    optimizer.step()
    given = "Optimizer([used, unused, frozen], rule)"
    for what, p, wanted in (("used", used, [0.5, 1.5]), ("unused", unused, [0.5, 1.5]), ("frozen", frozen, [1.0, 2.0])):
        expect_array(what, lambda p=p: p.data, wanted, given=f"{given}; a step with gradients 1 for the first two")
    unused.grad = None
    expect_refused("step", optimizer.step, RuntimeError, given=f"{given}; unused.grad is None")
    expect_array("used, afterwards", lambda: used.data, [0.5, 1.5], given=f"{given}; unused.grad is None")


# Level 3: states without copies ---------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("Module.load_state_dict")
def test_loading_keeps_the_arrays_that_are_there(candidate):
    wide = np.zeros((2, 6))
    net = candidate.Sequential(candidate.Linear(3, 2, rng=0))
    net[0].weight = candidate.Parameter(wide[:, ::2])  # a view into an array that somebody else holds
    weight, bias = net[0].weight.data, net[0].bias.data
    net.load_state_dict({"0.weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "0.bias": np.array([7.0, 8.0])})
    given = "weight.data is a view into another array; load_state_dict"
    for what, array, now in (("weight", weight, net[0].weight.data), ("bias", bias, net[0].bias.data)):
        expect_same(f"{what}.data is the array it was", bool(np.shares_memory(array, now)), True, given=given)
    expect_array("the array behind the view", lambda: wide[:, ::2], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], given=given)
    expect_array("bias.data", lambda: bias, [7.0, 8.0], given=given)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Module.load")
def test_loading_takes_the_room_of_one_array(candidate, tmp_path):
    net = candidate.Sequential(*[candidate.Linear(500, 500, bias=False, rng=k) for k in range(6)])
    net.save(tmp_path / "state")
    peak = peak_bytes(lambda: net.load(tmp_path / "state"))
    expect_at_most("the bytes held at the peak, against the largest array", 1.5, peak, 500 * 500 * 8,
                 given="six layers of equal size; net.load")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Module.save")
def test_saving_takes_the_room_of_one_array(candidate, tmp_path):
    net = candidate.Sequential(*[candidate.Linear(500, 500, bias=False, rng=k) for k in range(6)])
    net.save(tmp_path / "first")
    peak = peak_bytes(lambda: net.save(tmp_path / "state"))
    expect_at_most("the bytes held at the peak, against the largest array", 2.5, peak, 500 * 500 * 8,
                 given="six layers of equal size; net.save")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Module.to")
def test_a_module_goes_over_to_float32(candidate):
    net = candidate.Sequential(candidate.Linear(2, 1, rng=0))
    net[0].register_buffer("count", np.array([3]))
    net[0].register_buffer("mean", np.array([0.5]))
    before = np.array(net[0].weight.data)
    net(candidate.Tensor(np.ones((1, 2)))).sum().backward()
    given = "net = Sequential(Linear(2, 1)) with the buffers count [3] and mean [0.5]; net.to(np.float32)"
    expect_same("net.to(np.float32) is net", net.to(np.float32) is net, True, given=given)
    kinds = {str(name): str(array.dtype) for name, array in net.state_dict().items() if name != "0.count"}
    expect_same("the dtypes", kinds, dict.fromkeys(kinds, "float32"), given=given)
    expect_same("count is still of whole numbers", net.state_dict()["0.count"].dtype.kind, "i", given=given)
    expect_array("weight", lambda: net[0].weight.data, before.astype(np.float32), given=given)
    expect_same("weight.grad is None", net[0].weight.grad is None, True, given=given)
    x = candidate.Tensor(np.ones((4, 2), dtype=np.float32))
    expect_same("the dtype of net(x)", str(net(x).data.dtype), "float32", given=f"{given}, x in float32")
    net(x).sum().backward()
    expect_same("the dtype of weight.grad", str(net[0].weight.grad.dtype), "float32", given=f"{given}, x in float32")


# Level 4: something real, and PyTorch ---------------------------------------------------------------------------------


def spirals():
    """Two spirals that wind round each other: 120 points (x, y), and which spiral each is on."""
    t = np.linspace(0.5, 2.0, 60)
    one = np.stack([t * np.cos(3 * t), t * np.sin(3 * t)], axis=1)
    return np.concatenate([one, -one]), np.repeat([1.0, -1.0], 60)[:, None]


class Ball(Plain):
    """Momentum, in place: a rule with a memory."""

    velocity = None

    def step(self, params, grads):
        self.velocity = self.velocity or [np.zeros(p.shape) for p in params]
        for p, g, v in zip(params, grads, self.velocity, strict=True):
            v *= 0.9
            v += g
            p -= self.lr * v
        return params


def train(candidate, net, rule, steps):
    """The losses of so many steps on the spirals."""
    points, labels = spirals()
    optimizer, losses = candidate.Optimizer(net.parameters(), rule), []
    for _ in range(steps):
        error = net(candidate.Tensor(points)) - labels
        loss = (error * error).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.data))
    return losses


def net_for_spirals(candidate, seed):
    layers = [
        candidate.Linear(2, 24, rng=seed),
        candidate.Linear(24, 24, rng=seed + 1),
        candidate.Linear(24, 1, rng=seed + 2),
    ]
    return candidate.Sequential(layers[0], candidate.Tensor.tanh, layers[1], candidate.Tensor.tanh, layers[2])


@pytest.mark.level4
@pytest.mark.about("Module.load")
def test_a_training_that_was_saved_goes_on_as_if_it_had_not_been_stopped(candidate, tmp_path):
    net = net_for_spirals(candidate, 3)
    losses = train(candidate, net, Ball(0.02), 400)
    given = "400 steps on two spirals, three layers, momentum 0.9, lr 0.02"
    points, labels = spirals()
    right = lambda: float((np.sign(net(candidate.Tensor(points)).data) == labels).mean())  # noqa: E731
    expect("the share of points on the right side", right, 1.0, given=given, tolerance=0.1)
    net.save(tmp_path / "half way")
    on = train(candidate, net, Plain(0.02), 20)
    again = net_for_spirals(candidate, 10)
    again.load(tmp_path / "half way")
    expect_array("20 more losses", lambda: train(candidate, again, Plain(0.02), 20), on,
                 given=f"{given}; saved, loaded into a new net, 20 steps without momentum", tolerance=0)  # fmt: skip
    expect_same("the loss has fallen", on[-1] < losses[0] / 2, True, given=given)


@pytest.mark.level4
@pytest.mark.about("Module.named_parameters")
def test_names_and_shapes_are_those_of_torch(candidate):
    import torch
    from torch import nn

    class Theirs(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(7, 4)
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)) for _ in range(2)])
            self.heads = nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 3, bias=False)})
            self.scale = nn.Parameter(torch.ones(4))
            self.register_buffer("seen", torch.zeros(3))

    class Ours(candidate.Module):
        def __init__(self):
            self.table = candidate.Embedding(7, 4)
            self.blocks = [
                candidate.Sequential(candidate.Linear(4, 4), candidate.Tensor.tanh, candidate.Linear(4, 4))
                for _ in range(2)
            ]
            self.heads = {"a": candidate.Linear(4, 2), "b": candidate.Linear(4, 3, bias=False)}
            self.scale = candidate.Parameter(np.ones(4))
            self.register_buffer("seen", np.zeros(3))

    ours = {str(name): array.shape for name, array in Ours().state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in Theirs().state_dict().items()}
    expect_same("names and shapes", sorted(ours.items()), sorted(theirs.items()), given="the same network in PyTorch")


@pytest.mark.level4
@pytest.mark.about("Module.load_state_dict")
def test_a_state_of_torch_gives_the_numbers_and_gradients_of_torch(candidate):
    import torch
    from torch import nn

    torch.manual_seed(0)
    theirs = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    ours = candidate.Sequential(candidate.Linear(4, 6), candidate.Tensor.tanh, candidate.Linear(6, 3))
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    random = np.random.default_rng(0)
    x, upstream = random.normal(size=(2, 5, 4)), random.normal(size=(2, 5, 3))
    wanted, got = theirs(torch.tensor(x)), ours(candidate.Tensor(x))
    given = "Sequential(Linear(4, 6), tanh, Linear(6, 3)) with the state of PyTorch's, x (2, 5, 4)"
    expect_array("the value", lambda: got.data, wanted.detach().numpy(), given=given, tolerance=1e-12)
    wanted.backward(torch.tensor(upstream))
    got.backward(upstream)
    gradients = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    for name, p in ours.named_parameters():
        expect_array(f"{name}.grad", lambda p=p: p.grad, gradients[name], given=given, tolerance=1e-12, aim="gradient")


@pytest.mark.level4
@pytest.mark.about("Linear")
def test_first_weights_spread_as_those_of_torch(candidate):
    import torch

    torch.manual_seed(0)
    theirs, ours = torch.nn.Linear(100, 300), candidate.Linear(100, 300, rng=0)
    for what in ("weight", "bias"):
        a, b = getattr(theirs, what).detach().numpy(), getattr(ours, what).data
        given = f"Linear(100, 300).{what}, against PyTorch's"
        expect(
            "the largest number, as a multiple",
            lambda a=a, b=b: float(b.max() / a.max()),
            1.0,
            given=given,
            tolerance=0.03,
        )
        expect(
            "the deviation, as a multiple", lambda a=a, b=b: float(b.std() / a.std()), 1.0, given=given, tolerance=0.1
        )
