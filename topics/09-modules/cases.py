"""What the grader asks of a submission: layers of random weights, modules in modules, states and hooks."""

import os

import numpy as np

from utils.autograd_stub import Tensor
from utils.grading.cases import NoNumber, array_of, case, number_of, refuses


def data_of(tensor):
    """The array in a tensor; NumPy's own class, or it is no answer."""
    if type(tensor.data) is not np.ndarray:
        raise NoNumber(f"{type(tensor.data).__name__} where an array belongs")
    return tensor.data


def walked(draw, call, x, *parameters):
    """What call(x) gives, and the gradients of x and of parameters from a random upstream."""
    x = Tensor(x, requires_grad=True)
    out = call(x)
    out.backward(draw.array(*data_of(out).shape))
    return [draw.along(data_of(out)), draw.along(x.grad), *(draw.along(p.grad) for p in parameters)]


def linear(candidate, draw, inputs, outputs, **how):
    """A layer whose numbers are drawn here, and not by the candidate."""
    layer = candidate.Linear(inputs, outputs, **how)
    data_of(layer.weight)[...] = draw.array(outputs, inputs)
    if layer.bias is not None:
        data_of(layer.bias)[...] = draw.array(outputs)
    return layer


def places(things, among):
    """Where each of some objects stands in a list of others, by identity; -1.0 for one that is not there."""
    among = list(among)
    return [float(next((k for k, other in enumerate(among) if other is thing), -1)) for thing in things]


def same(*arrays):
    first = np.asarray(arrays[0])
    return float(all(first.shape == np.shape(other) and (first == other).all() for other in arrays[1:]))


def words(names):
    """Names as numbers: their number, and each one's characters added up with its own weight; sorted."""
    found = sorted(str.__str__(name) for name in names)
    return [float(len(found)), [float(sum((k + 1) * ord(sign) for k, sign in enumerate(name))) for name in found]]


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "Parameter")
def parameters_are_tensors(candidate, draw):
    array = draw.array(2, 3)
    p = candidate.Parameter(array)
    answers = [draw.along(data_of(p)), float(isinstance(p, Tensor)), float(bool(p.requires_grad))]
    (p * p).sum().backward()
    answers.append(draw.along(p.grad))
    array += draw.number()
    return [*answers, draw.along(data_of(p)), draw.along(data_of(candidate.Parameter(draw.array(3).tolist())))]


@case(1, "Linear")
def weighted_sums(candidate, draw):
    answers = []
    for inputs, outputs, shape in (
        (3, 2, (3,)),
        (2, 4, (5, 2)),
        (3, 3, (2, 4, 3)),
        (4, 1, (2, 1, 3, 4)),
        (3, 2, (0, 3)),
    ):
        layer = linear(candidate, draw, inputs, outputs)
        plain = linear(candidate, draw, inputs, outputs, bias=False)
        answers += walked(draw, layer, draw.array(*shape), layer.weight, layer.bias)
        answers += walked(draw, plain, draw.array(*shape), plain.weight)
        answers += [float(plain.bias is None), float(len(plain.parameters())), float(len(layer.parameters()))]
        kinds = [isinstance(part, candidate.Parameter) for part in (layer.weight, layer.bias, plain.weight)]
        answers.append(float(all(kinds)))
    return answers


@case(1, "Linear")
def first_weights(candidate, draw):
    answers, inputs = [], draw.integer(300, 500)
    layer, bound = candidate.Linear(inputs, 120, rng=draw.integer(0, 10**6)), inputs**-0.5
    for parameter in (layer.weight, layer.bias):
        numbers = array_of(data_of(parameter)) / bound
        most, spread = float(np.abs(numbers).max()), float(numbers.std())
        answers += [*map(float, numbers.shape), float(0.9 < most <= 1.0), float(0.5 < spread < 0.65)]
        answers.append(float(abs(numbers.mean()) < 0.25 and np.unique(numbers).size == numbers.size))
    seed = draw.integer(0, 10**6)
    rng = np.random.default_rng(seed)
    one, two, first, second, other, free, also = (
        candidate.Linear(3, 4, rng=each) for each in (seed, seed, rng, rng, seed + 1, None, None)
    )
    for a, b in ((one, two), (one, first), (first, second), (one, other), (one, free), (free, also)):
        answers += [same(data_of(a.weight), data_of(b.weight)), same(data_of(a.bias), data_of(b.bias))]
    answers.append(float(np.intersect1d(data_of(one.weight), data_of(one.bias)).size))
    return [*answers, draw.along(data_of(linear(candidate, draw, 2, 2)(Tensor(draw.array(3, 2)))))]


@case(1, "Module")
def modules_in_modules(candidate, draw):
    class Inner(candidate.Module):
        def __init__(self):
            self.layer = linear(candidate, draw, 2, 2)
            self.scale = candidate.Parameter(draw.array(1))

    class Outer(candidate.Module):
        def __init__(self):
            self.width, self.word, self.none = 5, "outer", None
            self.first = linear(candidate, draw, 2, 3, bias=False)
            self.inner = Inner()
            self.input = Tensor(draw.array(1), requires_grad=True)

        def forward(self, x, y=0.0, *, factor=1.0):
            return x * self.inner.scale * factor + y

    one, two = Outer(), Outer()
    answers = []
    for module in (one, two):
        wanted = [module.first.weight, module.inner.layer.weight, module.inner.layer.bias, module.inner.scale]
        found = module.parameters()
        answers += [float(len(found)), sorted(places(wanted, found)), float(len(module.parameters()))]
        x, y = Tensor(draw.array(3)), Tensor(draw.array(3))
        answers += [draw.along(data_of(out)) for out in (module(x), module(x, y), module(x, y=y, factor=draw.number()))]
    answers.append(float(len({id(p) for p in [*one.parameters(), *two.parameters()]})))
    one.inner.layer = linear(candidate, draw, 2, 5, bias=False)
    found = one.parameters()
    return [*answers, float(len(found)), float(places([one.inner.layer.weight], found)[0] >= 0)]


@case(1, "Sequential")
def one_step_after_the_other(candidate, draw):
    first, last = linear(candidate, draw, 2, 3), linear(candidate, draw, 3, 2)
    inner = candidate.Sequential(last, Tensor.tanh)
    net = candidate.Sequential(first, Tensor.relu, inner, lambda x: x * 2.0)
    answers = walked(draw, net, draw.array(4, 2), first.weight, first.bias, last.weight, last.bias)
    answers += [
        float(len(net)),
        float(len(inner)),
        float(net[0] is first),
        float(net[2] is inner),
        float(net[-2] is inner),
    ]
    answers += [places((first, inner), net), float(len(net.parameters())), float(len(list(net)))]
    empty = candidate.Sequential()
    return [*answers, float(len(empty)), draw.along(data_of(empty(Tensor(draw.array(3)))))]


@case(1, "Module.zero_grad")
def four_lines_of_training(candidate, draw):
    net = candidate.Sequential(
        linear(candidate, draw, 2, 3), Tensor.tanh, candidate.Sequential(linear(candidate, draw, 3, 1))
    )
    x, wanted, answers = draw.array(8, 2), draw.array(8, 1), []
    for _ in range(6):
        error = net(Tensor(x)) - wanted
        net.zero_grad()
        answers.append(float(sum(p.grad is None for p in net.parameters())))
        loss = (error * error).sum()
        loss.backward()
        answers.append(number_of(data_of(loss)))
        for p in net.parameters():
            p.data -= 0.02 * p.grad
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


def tree(candidate, draw):
    """A module with lists, tuples and dicts of modules and parameters, and with what is neither."""

    class Tree(candidate.Module):
        def __init__(self):
            self.layer = linear(candidate, draw, 2, 2)
            self.blocks = [
                candidate.Sequential(linear(candidate, draw, 2, 2), Tensor.tanh),
                linear(candidate, draw, 2, 2),
            ]
            self.heads = {"left": linear(candidate, draw, 2, 1), "right": [linear(candidate, draw, 2, 1, bias=False)]}
            self.sizes = [1, "two", None, (3.0, {"four": 4})]
            self.last = Tensor(draw.array(1), requires_grad=True)
            self.mixed = (
                candidate.Parameter(draw.array(1)),
                [Tensor(draw.array(1)), candidate.Parameter(draw.array(2))],
            )
            self.scale = candidate.Parameter(draw.array(1))

    return Tree()


@case(2, "Module.named_parameters")
def the_road_to_every_parameter(candidate, draw):
    whole = tree(candidate, draw)
    named = list(whole.named_parameters())
    found = dict(named)
    answers = [words(found), places([p for _, p in named], whole.parameters())]
    for name in (
        "blocks.0.0.weight",
        "blocks.1.bias",
        "heads.left.weight",
        "heads.right.0.weight",
        "mixed.1.1",
        "scale",
    ):
        answers.append(draw.along(data_of(found[name])))
    answers.append(words(name for name, _ in candidate.Sequential(Tensor.relu, whole).named_parameters()))
    modules = list(whole.named_modules())
    answers += [words(name for name, _ in modules), float(dict(modules)[""] is whole)]
    answers += [
        float(dict(modules)["blocks.0.0"] is whole.blocks[0][0]),
        float(sum(m is whole.layer for _, m in modules)),
    ]
    equal = candidate.Sequential(candidate.Linear(1, 1, rng=0), candidate.Linear(1, 1, rng=0))
    return [*answers, words(name for name, _ in equal.named_parameters())]


@case(2, "Module.parameters", step="tied")
def one_parameter_at_several_places(candidate, draw):
    class Tied(candidate.Module):
        def __init__(self):
            self.first, self.second = linear(candidate, draw, 2, 2), linear(candidate, draw, 2, 2, bias=False)
            self.second.weight = self.first.weight
            self.again, self.owner = [self.first], self

        def forward(self, x):
            return self.second(self.first(x).tanh())

    tied = Tied()
    answers = [
        words(name for name, _ in tied.named_parameters()),
        float(len(tied.parameters())),
        words(tied.state_dict()),
    ]
    answers += walked(draw, tied, draw.array(3, 2), tied.first.weight, tied.first.bias)
    answers += [float(len(list(tied.named_modules()))), float(tied.eval() is tied)]
    tied.load_state_dict({"first.weight": draw.array(2, 2), "first.bias": draw.array(2)})
    return [*answers, float(tied.second.weight is tied.first.weight), draw.along(data_of(tied(Tensor(draw.array(2)))))]


@case(2, "Module.train")
def trained_or_used(candidate, draw):
    inner = candidate.Dropout(0.5, rng=1)
    net = candidate.Sequential(candidate.Linear(1, 1), candidate.Sequential(inner))
    other, answers = candidate.Sequential(candidate.Linear(1, 1)), []
    for switch in (lambda: net, net.eval, net.train, lambda: net.train(False), lambda: net.train(True)):
        answers.append(float(switch() is net))
        modules = (net, net[0], net[1], inner, other, candidate.Dropout(0.1))
        answers.append([float(bool(module.training)) for module in modules])
    return [*answers, draw.along(data_of(candidate.Dropout(0.9).eval()(Tensor(draw.array(4)))))]


@case(2, "Dropout")
def dropped_and_scaled(candidate, draw):
    answers, x = [], np.abs(draw.array(60, 50)) + 0.5
    for p in (0.0, 0.25, 0.5, 0.8, 1.0):
        dropout = candidate.Dropout(p, rng=draw.integer(0, 10**6))
        t = Tensor(x, requires_grad=True)
        y = dropout(t)
        kept = data_of(y) != 0
        upstream = draw.array(60, 50)
        y.backward(upstream)
        # Which numbers are dropped is the candidate's affair; what the others become is not.
        scaled = kept * x / max(1 - p, 1e-9)
        answers += [float(np.allclose(data_of(y), scaled)), draw.along(data_of(y) - scaled)]
        answers += [float(np.allclose(t.grad, kept * upstream / max(1 - p, 1e-9))), draw.along(t.data)]
        answers += [float(abs(kept.mean() - (1 - p)) < 0.05), float(kept.mean(axis=0).std() < 0.12)]
        answers += [float(kept.mean(axis=1).std() < 0.12), draw.along(data_of(dropout.eval()(Tensor(x))))]
    seed = draw.integer(0, 10**6)
    one, two, other = (
        candidate.Dropout(0.5, rng=seed),
        candidate.Dropout(0.5, rng=seed),
        candidate.Dropout(0.5, rng=seed + 1),
    )
    ones = Tensor(np.ones(64))
    first, second = np.array(one(ones).data), np.array(one(ones).data)
    answers += [
        same(first, second),
        same(first, two(ones).data),
        same(second, two(ones).data),
        same(first, other(ones).data),
    ]
    np.random.seed(seed % 1000)
    before = np.random.get_state()[1].copy()
    free = [candidate.Dropout(0.5)(ones).data for _ in range(2)]
    answers += [same(np.random.get_state()[1], before), same(*free)]
    small = candidate.Dropout(0.5, rng=1)(Tensor(np.ones(8, dtype=np.float32)))
    answers.append(float(data_of(small).dtype == np.float32))
    return [*answers, *(refuses(ValueError, lambda p=p: candidate.Dropout(p)) for p in (-0.1, 1.5))]


@case(2, "Embedding")
def rows_that_are_asked_for(candidate, draw):
    table = candidate.Embedding(6, 3, rng=0)
    data_of(table.weight)[...] = draw.array(6, 3)
    answers = []
    for ids in ([draw.integer(0, 5) for _ in range(4)], np.array([[1, 5, 1], [0, 2, draw.integer(0, 5)]]), [2]):
        table.weight.grad = None
        out = table(ids)
        out.backward(draw.array(*data_of(out).shape))
        answers += [draw.along(data_of(out)), draw.along(table.weight.grad)]
    answers.append(draw.along(data_of(table(Tensor(np.array([3, draw.integer(0, 5)]))))))
    for wrong in ([0, 6], [-1], [2, -6]):
        answers.append(refuses(IndexError, lambda w=wrong: table(w)))
    answers.append(refuses(TypeError, lambda: table([0.0, 1.0])))
    seed, rows = draw.integer(0, 10**6), draw.integer(400, 500)
    w = data_of(candidate.Embedding(rows, 40, rng=seed).weight)
    answers += [*map(float, w.shape), float(abs(w.mean()) < 0.05), float(abs(w.std() - 1) < 0.04)]
    answers += [
        float(abs((np.abs(w) < 1).mean() - 0.683) < 0.03),
        same(w, data_of(candidate.Embedding(rows, 40, rng=seed).weight)),
    ]
    return [*answers, words(name for name, _ in table.named_parameters())]


def counting(candidate, draw):
    """A module with a layer and two buffers that change."""

    class Counting(candidate.Module):
        def __init__(self):
            self.layer = linear(candidate, draw, 2, 1)
            self.register_buffer("calls", np.array(0))
            self.register_buffer("largest", np.zeros(2))

        def forward(self, x):
            self.calls = self.calls + 1
            self.largest = np.maximum(self.largest, x.data.max(axis=0))
            return self.layer(x)

    return Counting()


def told(draw, state):
    """A state: its names, and every array along random directions."""
    return [words(state), [draw.along(np.array(state[name])) for name in sorted(map(str.__str__, state))]]


@case(2, "Module.state_dict")
def a_state_is_a_snapshot(candidate, draw):
    module, other, plain = counting(candidate, draw), counting(candidate, draw), candidate.Linear(1, 1)
    for _ in range(3):
        module(Tensor(np.abs(draw.array(2, 2))))
    state = candidate.Sequential(module).state_dict()
    answers = [told(draw, state), told(draw, other.state_dict()), words(plain.state_dict())]
    module.layer.weight.data += 1.0
    module.largest += 1.0
    answers += [told(draw, state), told(draw, module.state_dict()), float(len(module.parameters()))]
    other.register_buffer("more", draw.array(2))
    return [
        *answers,
        words(other.state_dict()),
        words(module.state_dict()),
        words(n for n, _ in other.named_parameters()),
    ]


@case(2, "Module.load_state_dict")
def states_that_fit(candidate, draw):
    source, target = counting(candidate, draw), counting(candidate, draw)
    source(Tensor(np.abs(draw.array(2, 2))))
    state = source.state_dict()
    missing, unexpected = target.load_state_dict(state)
    answers = [float(len(missing)), float(len(unexpected)), told(draw, target.state_dict())]
    for array in state.values():
        array[...] = 0
    answers.append(told(draw, target.state_dict()))
    net = candidate.Sequential(linear(candidate, draw, 2, 3), Tensor.tanh, linear(candidate, draw, 3, 1))
    other = candidate.Sequential(linear(candidate, draw, 2, 3), Tensor.tanh, linear(candidate, draw, 3, 1))
    state = other.state_dict()
    state["head.bias"] = state.pop("2.bias")
    missing, unexpected = net.load_state_dict(state, strict=False)
    answers += [words(missing), words(unexpected), told(draw, net.state_dict())]
    narrow = {name: draw.array(*array.shape).astype(np.float32) for name, array in sorted(net.state_dict().items())}
    net.load_state_dict(narrow)
    return [*answers, told(draw, net.state_dict()), float(data_of(net[0].weight).dtype == np.float64)]


def said(call, *wanted):
    """1.0 for each of some words that a ValueError of call() says; nothing for another exception, or none."""
    try:
        call()
    except ValueError as error:
        text = str(error)
        return [1.0, *(float(word in text) for word in wanted)]
    return [0.0]


@case(2, "Module.load_state_dict")
def states_that_do_not_fit(candidate, draw):
    net = candidate.Sequential(linear(candidate, draw, 2, 3), Tensor.tanh, linear(candidate, draw, 3, 1))
    good = {name: draw.array(*array.shape) for name, array in sorted(net.state_dict().items())}
    without = {name: array for name, array in good.items() if name not in ("2.weight", "2.bias")}
    answers = []
    for state, wanted in (
        (without, ("2.weight", "2.bias")), (good | {"head.weight": np.ones(3)}, ("head.weight",)),
        (good | {"2.weight": good["2.weight"].T}, ("2.weight", "(1, 3)", "(3, 1)")),
        (good | {"0.bias": good["0.bias"][None]}, ("0.bias", "(3,)", "(1, 3)")),
        (good | {"0.bias": np.array(1.0)}, ("0.bias", "(3,)", "()")),
        (good | {"0.weight": np.ones((3, 3)), "2.bias": np.ones(2)}, ("0.weight", "2.bias")),
    ):  # fmt: skip
        answers += [said(lambda s=state: net.load_state_dict(s), *wanted), told(draw, net.state_dict())]
    answers.append(said(lambda: net.load_state_dict({"0.bias": np.ones(4)}, strict=False), "0.bias"))
    return [*answers, told(draw, net.state_dict())]


@case(2, "Module.save", tolerance=1e-11)
def a_file_of_exactly_this_name(candidate, draw):
    source, target = counting(candidate, draw), counting(candidate, draw)
    source(Tensor(np.abs(draw.array(3, 2))))
    source.save(draw.file("state"))
    answers = [float(os.path.exists(draw.file("state"))), float(os.path.exists(draw.file("state.npz")))]
    with np.load(draw.file("state"), allow_pickle=False) as archive:
        answers.append(told(draw, {name: archive[name] for name in archive.files}))
    target.load(draw.file("state"))
    answers.append(told(draw, target.state_dict()))
    other = {name: draw.array(*np.shape(array)) for name, array in sorted(source.state_dict().items())} | {
        "calls": np.array(7)
    }
    np.savez(draw.file("other.npz"), **other)
    target.load(draw.file("other.npz"))
    return [
        *answers,
        told(draw, target.state_dict()),
        refuses(ValueError, lambda: candidate.Linear(2, 1).load(draw.file("state"))),
    ]


@case(2, "Module.register_forward_hook")
def hooks_after_forward(candidate, draw):
    layer, other, seen = linear(candidate, draw, 2, 2), linear(candidate, draw, 2, 2), []
    x, plus, times = Tensor(draw.array(3, 2)), draw.number(), draw.number()

    def look(module, inputs, output):
        seen.append([float(module is layer), float(type(inputs) is tuple), float(inputs[0] is x), float(len(inputs)),
                     draw.along(data_of(output))])  # fmt: skip

    def once(module, inputs, output):
        seen.append(1.0)
        handle.remove()

    layer.register_forward_hook(look)
    handle = layer.register_forward_hook(once)
    layer.register_forward_hook(lambda module, inputs, output: output + plus)
    times_hook = layer.register_forward_hook(lambda module, inputs, output: output * times)
    layer.register_forward_hook(look)
    answers = [draw.along(data_of(layer(x))) for _ in range(2)]
    times_hook.remove()
    answers += [draw.along(data_of(layer(x))), draw.along(data_of(other(x))), seen]
    net = candidate.Sequential(layer, Tensor.tanh)
    return [*answers, draw.along(data_of(net(x))), float(len(net.parameters())), float(len(seen))]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "linear")
def one_operation_and_its_gradients(candidate, draw):
    answers = []
    for shape in ((4,), (3, 4), (2, 3, 4), (1, 2, 1, 4)):
        w, b = candidate.Parameter(draw.array(5, 4)), candidate.Parameter(draw.array(5))
        kept = w.data.copy(), b.data.copy()
        answers += walked(draw, lambda x, w=w, b=b: candidate.linear(x, w, b), draw.array(*shape), w, b)
        w.grad = None
        answers += walked(draw, lambda x, w=w: candidate.linear(x, w), draw.array(*shape), w)
        answers += [same(w.data, kept[0]), same(b.data, kept[1])]
    for shape in ((2, 5), (5,), (3, 1)):
        answers += said(lambda s=shape: candidate.linear(Tensor(np.ones(s)), w), str(shape), "(5, 4)")
    return answers


@case(3, "linear", room=1.25)
def a_graph_that_holds_its_output(candidate, draw):
    layer = linear(candidate, draw, 4, 256)
    out = layer(Tensor(draw.array(80, 100, 4)))  # 16 MB
    return draw.along(data_of(out)[:3, :3])


class Plain:
    """A rule that makes new arrays."""

    def __init__(self, rate):
        self.rate = rate

    def step(self, params, grads):
        return [p - self.rate * g for p, g in zip(params, grads, strict=True)]


class InPlace(Plain):
    """The same rule, in the caller's own arrays."""

    def step(self, params, grads):
        for p, g in zip(params, grads, strict=True):
            p -= self.rate * g
        return params


@case(3, "Optimizer")
def steps_in_the_arrays_that_are_there(candidate, draw):
    answers = []
    for rule in (Plain(0.1), InPlace(0.1)):
        net = candidate.Sequential(linear(candidate, draw, 2, 2), linear(candidate, draw, 2, 1))
        frozen = candidate.Parameter(draw.array(2))
        frozen.requires_grad = False
        parameters = [p for _, p in sorted(net.named_parameters())]
        held = [data_of(p) for p in parameters]
        optimizer = candidate.Optimizer([*net.parameters(), frozen], rule)
        for _ in range(3):
            optimizer.zero_grad()
            answers.append(float(sum(p.grad is None for p in net.parameters())))
            net(Tensor(draw.array(3, 2))).sum().backward()
            optimizer.step()
            answers += [draw.along(array) for array in held] + [draw.along(data_of(p)) for p in parameters]
            answers += [draw.along(data_of(frozen)), float(sum(p.grad is not None for p in net.parameters()))]
        net.parameters()[-1].grad = None
        answers += [refuses(RuntimeError, optimizer.step), *(draw.along(array) for array in held)]
    return answers


@case(3, "Module.load_state_dict", step="in-place")
def loading_keeps_the_arrays(candidate, draw):
    wide = np.zeros((2, 6))
    net = candidate.Sequential(linear(candidate, draw, 3, 2))
    net[0].weight = candidate.Parameter(wide[:, ::2])
    net[0].register_buffer("mean", np.zeros(2))
    bias, mean = net[0].bias.data, net[0].mean
    state = {"0.weight": draw.array(2, 3), "0.bias": draw.array(2), "0.mean": draw.array(2)}
    net.load_state_dict(state)
    answers = [draw.along(wide), draw.along(bias), draw.along(mean), float(net[0].bias.data is bias)]
    net[0].weight.data += 1.0
    return [*answers, draw.along(wide), draw.along(state["0.weight"]), draw.along(net.state_dict()["0.mean"])]


@case(3, "Module.save", step="in-place", room=1.2)
def a_file_one_array_at_a_time(candidate, draw):
    net = candidate.Sequential(*[candidate.Linear(600, 600, bias=False, rng=k) for k in range(5)])  # 14 MB
    net[0].weight.data[0, :9] = draw.array(9)
    net.save(draw.file("state"))
    net[0].weight.data[0, :9] = 0.0
    net.load(draw.file("state"))
    return draw.along(net[0].weight.data[0, :20])


@case(3, "Module.to")
def another_kind_of_floats(candidate, draw):
    net = candidate.Sequential(linear(candidate, draw, 2, 3))
    net[0].register_buffer("count", np.array([3]))
    net[0].register_buffer("mean", draw.array(2))
    net(Tensor(draw.array(4, 2))).sum().backward()
    answers = [float(net.to(np.float32) is net), float(sum(p.grad is not None for p in net.parameters()))]
    state = net.state_dict()
    kinds = [float(np.asarray(state[name]).dtype == kind) for name, kind in (
        ("0.weight", np.float32), ("0.bias", np.float32), ("0.mean", np.float32), ("0.count", int))]  # fmt: skip
    out = net(Tensor(draw.array(4, 2).astype(np.float32)))
    out.sum().backward()
    kinds += [float(data_of(out).dtype == np.float32), float(net[0].weight.grad.dtype == np.float32)]
    return [*answers, kinds, told(draw, state)]


# Level 4 --------------------------------------------------------------------------------------------------------------


class Ball(InPlace):
    """Momentum: a rule with a memory."""

    velocity = None

    def step(self, params, grads):
        self.velocity = self.velocity or [np.zeros(p.shape) for p in params]
        for p, g, v in zip(params, grads, self.velocity, strict=True):
            v *= 0.9
            v += g
            p -= self.rate * v
        return params


def trained(candidate, draw, net, rule, steps):
    x, wanted, answers = draw.array(20, 2), draw.array(20, 1), []
    optimizer = candidate.Optimizer(net.parameters(), rule)
    for _ in range(steps):
        error = net(Tensor(x)) - wanted
        loss = (error * error).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        answers.append(number_of(data_of(loss)))
    return answers


@case(4, "Module.load", tolerance=1e-6)
def a_training_goes_on(candidate, draw):
    def net():
        return candidate.Sequential(linear(candidate, draw, 2, 8), Tensor.tanh, linear(candidate, draw, 8, 1))

    first, second = net(), net()
    answers = trained(candidate, draw, first, Ball(0.02), 20)
    first.save(draw.file("half way"))
    second.load(draw.file("half way"))
    return [
        *answers,
        *trained(candidate, draw, second, Plain(0.02), 10),
        *trained(candidate, draw, first, Plain(0.02), 5),
    ]


@case(4, "Module.named_parameters", step="pytorch")
def a_larger_tree(candidate, draw):
    class Net(candidate.Module):
        def __init__(self):
            self.table = candidate.Embedding(7, 4, rng=0)
            self.blocks = [
                candidate.Sequential(candidate.Linear(4, 4), Tensor.tanh, candidate.Linear(4, 4)) for _ in range(2)
            ]
            self.register_buffer("seen", np.zeros(3))

        def forward(self, ids):
            x = self.table(ids)
            for block in self.blocks:
                x = x + block(x)
            return x

    net = Net()
    net.load_state_dict({name: draw.array(*array.shape) for name, array in sorted(net.state_dict().items())})
    out = net([[draw.integer(0, 6) for _ in range(3)] for _ in range(2)])
    out.backward(draw.array(2, 3, 4))
    gradients = {str.__str__(name): p.grad for name, p in net.named_parameters()}
    return [
        words(net.state_dict()),
        draw.along(data_of(out)),
        [draw.along(gradients[name]) for name in sorted(gradients)],
    ]
