"""What the grader asks of a submission: blocks with weights drawn here, what they drop, and a second computation."""

import numpy as np

from utils.autograd_stub import Dropout, Linear, Module, Sequential, Tensor, no_grad
from utils.grading.cases import NoNumber, case, refuses


def data_of(tensor):
    """The array in a tensor; NumPy's own class, or it is no answer."""
    if type(tensor.data) is not np.ndarray:
        raise NoNumber(f"{type(tensor.data).__name__} where an array belongs")
    return tensor.data


def gradients(draw, module):
    """The gradients of a module's parameters, by name, along random directions."""
    named = sorted((str.__str__(name), p) for name, p in module.named_parameters())
    return [draw.along(p.grad) for _, p in named]


def walked(draw, make, *arrays, module=None):
    """Result and gradients of make(*tensors) and of a module from a random upstream; whether inputs are as before."""
    kept = [array.copy() for array in arrays]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    if module is not None:
        module.zero_grad()
    result = make(*tensors)
    upstream = draw.array(*data_of(result).shape).astype(data_of(result).dtype)
    given = upstream.copy()
    result.backward(upstream)
    answers = [draw.along(data_of(result)), *(draw.along(tensor.grad) for tensor in tensors)]
    answers += [float(array.dtype == arrays[0].dtype) for array in (result.data, *(tensor.grad for tensor in tensors))]
    same = all((array == before).all() for array, before in zip(arrays, kept, strict=True))
    return [*answers, float(same and (upstream == given).all()), *(gradients(draw, module) if module else [])]


def drawn(draw, module):
    """The same module with numbers that are drawn here, by the names in its state."""
    state = module.state_dict()
    module.load_state_dict({name: draw.array(*np.shape(state[name]), scale=0.7) for name in sorted(state)})
    return module


def words(draw, module):
    """The names and shapes in a module's state."""
    state = module.state_dict()
    names = sorted(map(str.__str__, state))
    found = [float(sum((k + 1) * ord(sign) for k, sign in enumerate(name))) for name in names]
    return [found, [[float(n) for n in np.shape(state[name])] for name in names]]


def block_of(candidate, draw, width=4, heads=2, **how):
    """A block whose weights are drawn here, and whose random numbers start anew from here."""
    rng = np.random.default_rng(1)
    block = drawn(draw, candidate.TransformerBlock(width, heads, rng=rng, **how))
    rng.bit_generator.state = np.random.default_rng(draw.integer(0, 10**9)).bit_generator.state
    return block


def equal(a, b):
    return float(np.array_equal(data_of(a), data_of(b)))


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "Positions")
def a_vector_for_each_position(candidate, draw):
    answers = []
    for size, width, time in ((5, 3, 5), (6, 2, 4), (4, 4, 1), (3, 2, 2)):
        positions = drawn(draw, candidate.Positions(size, width, rng=0))
        answers += walked(draw, positions, draw.array(2, time, width), module=positions)
        answers.append(words(draw, positions))
    for size in (1, 3):
        positions, x = candidate.Positions(size, 2, rng=0), Tensor(draw.array(1, 4, 2))
        answers.append(refuses(ValueError, lambda p=positions, t=x: p(t)))
    seed = draw.integer(0, 10**6)
    one, same, other, free = (candidate.Positions(300, 40, rng=r).weight for r in (seed, seed, seed + 1, None))
    answers += [equal(one, each) for each in (same, other, free)]
    w = data_of(one)
    answers += [
        float(0.019 < w.std() < 0.021),
        float(abs(w.mean()) < 0.001),
        float(0.66 < (np.abs(w) < 0.02).mean() < 0.71),
    ]
    return answers


@case(1, "FeedForward")
def two_layers_for_each_position(candidate, draw):
    answers = []
    for width, hidden, shape in ((3, 5, (2, 4, 3)), (4, 2, (4,)), (2, 6, (3, 2))):
        for how in ({}, {"activation": "relu"}):
            layers = drawn(draw, candidate.FeedForward(width, hidden, **how))
            answers += walked(draw, layers, draw.array(*shape), module=layers)
        answers.append(words(draw, layers))
    seed = draw.integer(0, 10**6)
    rng = np.random.default_rng(seed)
    layers, up, down = candidate.FeedForward(3, 3, rng=seed), Linear(3, 3, rng=rng), Linear(3, 3, rng=rng)
    answers += [equal(a, b) for a, b in ((layers.up.weight, up.weight), (layers.up.bias, up.bias),
                                         (layers.down.weight, down.weight), (layers.down.bias, down.bias))]  # fmt: skip
    answers.append(equal(*(candidate.FeedForward(3, 3).up.weight for _ in range(2))))
    return [
        *answers,
        *(refuses(ValueError, lambda a=a: candidate.FeedForward(2, 3, activation=a)) for a in ("swish", "")),
    ]


@case(1, "TransformerBlock", step="parts")
def the_parts_of_a_block(candidate, draw):
    answers = []
    for width, heads, how in ((4, 2, {}), (6, 3, {"hidden": draw.integer(2, 9)}), (3, 1, {"hidden": 3})):
        block = candidate.TransformerBlock(width, heads, rng=0, **how)
        answers += [words(draw, block), float(block.attention.heads), float(len(block.parameters()))]
        answers.append(float(len({id(p) for p in block.parameters()})))
    seed = draw.integer(0, 10**6)
    rng, block = np.random.default_rng(seed), candidate.TransformerBlock(3, 1, hidden=3, rng=seed)
    right = [Linear(3, size, rng=rng) for size in (9, 3, 3, 3)]
    mine = (block.attention.qkv, block.attention.out, block.feed_forward.up, block.feed_forward.down)
    for a, b in zip(mine, right, strict=True):
        answers += [equal(a.weight, b.weight), equal(a.bias, b.bias)]
    answers.append(equal(*(candidate.TransformerBlock(4, 2).feed_forward.down.weight for _ in range(2))))
    answers += [refuses(ValueError, lambda a=a: candidate.TransformerBlock(2, 1, activation=a)) for a in ("swish", "")]
    return [*answers, draw.along(data_of(block_of(candidate, draw)(Tensor(draw.array(1, 2, 4)))))]


@case(1, "TransformerBlock", step="sum")
def what_is_made_is_added(candidate, draw):
    answers = []
    for width, heads, how in ((4, 2, {}), (6, 3, {"hidden": 5}), (3, 1, {"hidden": 7, "activation": "relu"})):
        for scale in (1.0, 200.0):
            block = block_of(candidate, draw, width, heads, **how)
            answers += walked(draw, block, scale * draw.array(2, 3, width), module=block)
    block = block_of(candidate, draw).to(np.float32)
    x = Tensor(draw.array(1, 3, 4).astype(np.float32), requires_grad=True)
    block(x).sum().backward()
    kinds = [x.grad, *(p.grad for p in block.parameters())]
    return [*answers, float(all(array.dtype == np.float32 for array in kinds))]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "gelu", step="gelu")
def gelu_of_random_numbers(candidate, draw):
    answers = []
    for shape in ((), (1,), (7,), (3, 4), (2, 1, 3)):
        x = draw.array(*shape, scale=2.0)
        answers += [draw.along(data_of(candidate.gelu(Tensor(x)))), float(len(shape))]
    far = Tensor([-1e6, -50.0 + draw.number(), 50.0 + draw.number(), 1e6], requires_grad=True)
    y = candidate.gelu(far)
    y.backward(draw.array(4))
    small = candidate.gelu(Tensor(draw.array(3).astype(np.float32)))
    return [
        *answers,
        draw.along(data_of(y) * [1, 1, 1, 1e-6]),
        draw.along(far.grad),
        float(small.data.dtype == np.float32),
    ]


@case(2, "gelu", step="slope")
def the_slope_of_gelu(candidate, draw):
    answers = []
    for shape in ((9,), (3, 4), ()):
        answers += walked(draw, candidate.gelu, draw.array(*shape, scale=1.5))
    answers += walked(draw, candidate.gelu, draw.array(5).astype(np.float32))[2:]
    x = Tensor(draw.array(6), requires_grad=True)
    y, upstream = candidate.gelu(x), draw.array(6)
    value = data_of(y).copy()
    y.backward(upstream, retain_graph=True)
    once = draw.along(x.grad)
    y.backward(upstream)
    return [*answers, once, draw.along(x.grad), float((data_of(y) == value).all())]


@case(2, "FeedForward", step="activation")
def blocks_with_gelu(candidate, draw):
    answers = []
    for kind in ("gelu", "relu"):
        layers = drawn(draw, candidate.FeedForward(3, 5, kind))
        answers += walked(draw, layers, draw.array(2, 4, 3), module=layers)
        block = block_of(candidate, draw, activation=kind)
        answers += walked(draw, block, draw.array(2, 3, 4), module=block)
    return answers


@case(2, "TransformerBlock", step="dropout")
def what_is_made_is_dropped(candidate, draw):
    answers = []
    for share in (draw.rng.uniform(0.2, 0.7), 0.5, 1.0):
        block = block_of(candidate, draw, dropout=share)
        for _ in range(2):
            answers += walked(draw, block, draw.array(2, 3, 4), module=block)
        answers += walked(draw, block.eval(), draw.array(2, 3, 4), module=block)
        answers += walked(draw, block.train(), draw.array(1, 2, 4), module=block)
    seed, x = draw.integer(0, 10**6), Tensor(draw.array(2, 6, 4))
    one, same = (candidate.TransformerBlock(4, 2, dropout=0.5, rng=seed) for _ in range(2))
    first, second, again, after = one(x), one(x), same(x), same(x)
    answers += [equal(first, second), equal(first, again), equal(second, after)]
    block = candidate.TransformerBlock(8, 2, dropout=0.5, rng=seed)
    for p in block.parameters():
        p.data[...] = 0.0
    block.attention.out.bias.data[...], block.feed_forward.down.bias.data[...] = 1.0, 10.0
    added = data_of(block(Tensor(np.zeros((10, 25, 8)))))  # neither, the first, the second, or both, each to a quarter
    answers += [float(abs(np.isclose(added, number).mean() - 0.25) < 0.05) for number in (0, 2, 20, 22)]
    free = [drawn(draw, candidate.TransformerBlock(4, 2, dropout=0.5)) for _ in range(2)]
    free[1].load_state_dict(free[0].state_dict())
    return [*answers, equal(free[0](x), free[1](x))]


@case(2, "TransformerBlock", step="masks")
def masks_are_handed_on(candidate, draw):
    answers = []
    for how in ({"is_causal": True}, {"attn_mask": np.tri(4, k=1, dtype=bool)}, {"attn_mask": draw.array(4, 4)},
                {"attn_mask": (np.arange(4) < np.array([[2], [4]]))[:, None, None]}):  # fmt: skip
        block = block_of(candidate, draw, activation=draw.choice(("gelu", "relu")))
        answers += walked(draw, lambda x, m=block, h=how: m(x, **h), draw.array(2, 4, 4), module=block)
    block, x = block_of(candidate, draw), Tensor(draw.array(2, 4, 4))
    answers.append(draw.along(data_of(block(x, np.tri(4, dtype=bool)))))
    return [*answers, refuses(ValueError, lambda: block(x, attn_mask=np.ones((4, 4), bool), is_causal=True))]


# Level 3 --------------------------------------------------------------------------------------------------------------


class Counting(Module):
    """Counts how often it is computed, and whether somebody records it."""

    def __init__(self, draw):
        self.layer, self.calls, self.recorded = drawn(draw, Linear(3, 3)), 0, []

    def forward(self, x, times=1.0):
        self.calls += 1
        y = self.layer(x) * times
        self.recorded.append(float(bool(y.requires_grad)))
        return y


@case(3, "recompute", step="again")
def computed_a_second_time(candidate, draw):
    again, answers = candidate.recompute, []
    for module, shape in ((drawn(draw, Linear(4, 2)), (2, 3, 4)), (drawn(draw, candidate.FeedForward(4, 5)), (4,)),
                          (block_of(candidate, draw, activation="gelu"), (2, 3, 4))):  # fmt: skip
        answers += walked(draw, lambda x, m=module: again(m, x), draw.array(*shape), module=module)
    mask = np.array([[True, False, True], [True, True, False], [False, True, True]])
    for how in ({"is_causal": True}, {"attn_mask": mask}):
        block = block_of(candidate, draw)
        answers += walked(draw, lambda x, m=block, h=how: again(m, x, **h), draw.array(2, 3, 4), module=block)
        block.zero_grad()
        plain = Tensor(draw.array(2, 3, 4))  # which wants no gradient; the parameters do
        again(block, plain, **how).backward(draw.array(2, 3, 4))
        answers += [gradients(draw, block), float(plain.grad is None)]
    block, x = block_of(candidate, draw), Tensor(draw.array(1, 3, 4), requires_grad=True)
    y = again(block, again(block, x)) * x
    upstream = draw.array(1, 3, 4)
    y.backward(upstream, retain_graph=True)
    answers += [draw.along(data_of(y)), draw.along(x.grad), gradients(draw, block)]
    y.backward(upstream)
    answers += [draw.along(x.grad), gradients(draw, block)]
    module, x = Counting(draw), Tensor(draw.array(2, 3), requires_grad=True)
    options = {"times": draw.number()}
    y = again(module, x, **options)
    answers += [float(module.calls), module.recorded[:1]]
    options["times"] = 99.0
    y.backward(draw.array(2, 3))
    answers += [float(module.calls), draw.along(x.grad), gradients(draw, module), draw.along(data_of(y))]
    with no_grad():
        y = again(block_of(candidate, draw), Tensor(draw.array(1, 2, 4), requires_grad=True))
    block = block_of(candidate, draw).to(np.float32)
    narrow = walked(draw, lambda x: again(block, x), draw.array(1, 2, 4).astype(np.float32))[2:]
    return [*answers, float(bool(y.requires_grad)), draw.along(data_of(y)), narrow]


def told(rng):
    """The next random number of a generator; afterwards it is where it was."""
    state = rng.bit_generator.state
    number = float(rng.random())
    rng.bit_generator.state = state
    return number


@case(3, "recompute", step="replay")
def the_same_random_numbers(candidate, draw):
    again, answers = candidate.recompute, []
    for share in (0.5, draw.rng.uniform(0.2, 0.7)):
        dropout = Dropout(share, rng=draw.integer(0, 10**6))
        block = block_of(candidate, draw, dropout=share)
        for module, shape in ((dropout, (4, 10)), (block, (2, 5, 4)), (block, (1, 2, 4))):
            answers += walked(draw, lambda x, m=module: again(m, x), draw.array(*shape), module=module)
        answers += walked(draw, lambda x, m=block: again(m.eval(), x), draw.array(1, 2, 4), module=block)
        block.train()
        answers += [draw.along(data_of(again(block, Tensor(draw.array(1, 2, 4))))), float(bool(block.training))]
    rng = np.random.default_rng(draw.integer(0, 10**6))
    blocks = [drawn(draw, candidate.TransformerBlock(4, 2, dropout=0.3, rng=rng)) for _ in range(3)]
    rng.bit_generator.state = np.random.default_rng(draw.integer(0, 10**6)).bit_generator.state
    x = y = Tensor(draw.array(2, 4, 4), requires_grad=True)
    for block in blocks:
        y = again(block, y)
        answers.append(told(rng))
    y.backward(draw.array(2, 4, 4))
    answers += [draw.along(data_of(y)), draw.along(x.grad), told(rng), *(gradients(draw, block) for block in blocks)]
    tower = Sequential(*blocks[:2], Dropout(0.5, rng=draw.integer(0, 10**6)), drawn(draw, candidate.FeedForward(4, 4)))
    for _ in range(2):
        answers += walked(draw, lambda x: again(tower, x), draw.array(2, 3, 4), module=tower)
        answers.append(told(rng))
    np.random.seed(draw.integer(0, 1000))
    before = np.random.get_state()[1].copy()
    answers += walked(draw, lambda x: again(tower, x), draw.array(1, 3, 4), module=tower)
    return [*answers, float((np.random.get_state()[1] == before).all())]


@case(3, "recompute", step="stack", room=1.3, tolerance=1e-3)
def a_tower_in_the_room_of_a_block(candidate, draw):
    blocks = [block_of(candidate, draw, 32, 2, activation="gelu").to(np.float32) for _ in range(6)]
    x = y = Tensor(draw.array(8, 64, 32).astype(np.float32), requires_grad=True)
    for block in blocks:
        y = candidate.recompute(block, y, is_causal=True)
    y.backward(draw.array(8, 64, 32).astype(np.float32))
    return [float(number) for number in (*data_of(y)[0, 0, :6], *x.grad[1, 2, :6])]


@case(3, "recompute", step="stack", tolerance=1e-6)
def a_tower_gives_what_it_gave(candidate, draw):
    blocks, answers = [block_of(candidate, draw, dropout=0.2, activation="gelu") for _ in range(3)], []
    for _ in range(3):
        x = y = Tensor(draw.array(2, 3, 4), requires_grad=True)
        for block in blocks:
            y = candidate.recompute(block, y, is_causal=True)
        (y * y).mean().backward()
        answers += [draw.along(data_of(y)), draw.along(x.grad)]
        for block in blocks:
            for p in block.parameters():
                p.data -= 0.05 * p.grad
            block.zero_grad()
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "TransformerBlock", step="reverse", tolerance=1e-6)
def a_block_takes_its_steps(candidate, draw):
    positions, block = drawn(draw, candidate.Positions(5, 4)), block_of(candidate, draw, activation="gelu")
    x, wanted, answers = draw.array(4, 5, 4), draw.array(4, 5, 4), []
    for _ in range(10):
        error = block(positions(Tensor(x))) - wanted
        loss = (error * error).mean()
        loss.backward()
        answers.append(float(data_of(loss)))
        for p in (*positions.parameters(), *block.parameters()):
            p.data -= 0.05 * p.grad
            p.grad = None
    return answers


@case(4, "TransformerBlock", step="pytorch")
def a_larger_block(candidate, draw):
    block = block_of(candidate, draw, 12, 3, hidden=20, activation="gelu")
    answers = walked(draw, lambda x: block(x, is_causal=True), draw.array(3, 7, 12), module=block)
    again = lambda x: candidate.recompute(block, x, is_causal=True)  # noqa: E731
    return [*answers, *walked(draw, again, draw.array(3, 7, 12), module=block)]
