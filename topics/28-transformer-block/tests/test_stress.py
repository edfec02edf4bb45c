"""Levels 3 and 4: blocks that are computed twice, random numbers that are replayed, memory, and PyTorch."""

import numpy as np
import pytest

from utils.course import costs
from utils.course.judging import expect, expect_array, expect_same
from utils.course.tensors import some


def gradients(module, x=None):
    """{name: gradient}, of x too."""
    found = {str(name): p.grad for name, p in module.named_parameters()}
    return found if x is None else {"x": x.grad, **found}


def expect_the_same(candidate, make, given, shape=(2, 3, 4), wants=True, calls=1, **options):
    """recompute(module, x) and module(x) on two modules that make() makes: values and gradients, after each call."""
    plain, lean = make(), make()
    xs = [candidate.Tensor(some(*shape), requires_grad=wants) for _ in range(2)]
    for call in range(calls):
        wanted, got = plain(xs[0], **options), candidate.recompute(lean, xs[1], **options)
        g = some(*wanted.shape, seed=call)
        when = f"{given}, call {call + 1}" if calls > 1 else given
        expect_array("the value", lambda y=got: y.data, np.array(wanted.data), given=when, tolerance=1e-12)
        wanted.backward(g)
        got.backward(g)
        for (name, right), other in zip(gradients(plain, xs[0]).items(), gradients(lean, xs[1]).values(), strict=True):
            if name == "x" and not wants:
                expect_same("x.grad is None", lambda o=other: int(o is None), 1, given=when)
            else:
                expect_array(f"{name}.grad", lambda o=other: o, np.array(right), given=when, aim="gradient",
                             tolerance=1e-12)  # fmt: skip


# Level 3: computed a second time --------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_a_layer_computed_twice_gives_the_same(candidate):
    from utils.engine import Linear

    expect_the_same(candidate, lambda: Linear(4, 2, rng=0), "recompute(Linear(4, 2), x), x (2, 3, 4)")
    expect_the_same(candidate, lambda: candidate.FeedForward(4, 5, rng=0), "recompute(FeedForward(4, 5), x)")


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_a_block_computed_twice_gives_the_same_also_with_options(candidate):
    def make():
        return candidate.TransformerBlock(4, 2, activation="gelu", rng=1)

    mask = np.array([[True, False, True], [True, True, False], [False, True, True]])
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}):
        expect_the_same(candidate, make, f"recompute(block, x, {', '.join(options)})", **options)


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_parameters_learn_where_x_wants_no_gradient(candidate):
    expect_the_same(candidate, lambda: candidate.TransformerBlock(4, 2, rng=1),
                    "recompute(block, x), x without requires_grad", wants=False)  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_gradients_add_up_over_calls(candidate):
    expect_the_same(candidate, lambda: candidate.TransformerBlock(4, 2, rng=1), "recompute(block, x), backward",
                    calls=2)  # fmt: skip
    block, x = candidate.FeedForward(4, 3, rng=1), candidate.Tensor(some(2, 4), requires_grad=True)
    y = candidate.recompute(block, x)
    y.backward(np.ones((2, 4)), retain_graph=True)
    once = {name: np.array(gradient) for name, gradient in gradients(block, x).items()}
    y.backward(np.ones((2, 4)))
    for name, gradient in gradients(block, x).items():
        expect_array(f"{name}.grad", lambda g=gradient: g, 2 * once[name], aim="gradient",
                     given="y = recompute(FeedForward(4, 3), x); backward twice, with retain_graph")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_a_module_used_twice_and_an_input_used_twice(candidate):
    results = []
    for call in (lambda module, x: module(x), candidate.recompute):
        block, x = candidate.TransformerBlock(4, 2, rng=1), candidate.Tensor(some(1, 3, 4), requires_grad=True)
        y = call(block, call(block, x)) * x
        y.backward(some(1, 3, 4, seed=2))
        results.append({"the value": y.data, **gradients(block, x)})
    for name, wanted in results[0].items():
        expect_array(name, lambda n=name: results[1][n], np.array(wanted), tolerance=1e-12, aim="gradient",
                     given="f = recompute; f(block, f(block, x)) * x")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("recompute", step="again")
def test_forward_runs_once_on_the_way_there_and_once_on_the_way_back(candidate):
    from utils.engine import Linear, Module

    class Counting(Module):
        def __init__(self):
            self.layer, self.calls = Linear(3, 3, rng=0), 0

        def forward(self, x, times=1):
            self.calls += 1
            return self.layer(x) * times

    module, x = Counting(), candidate.Tensor(some(2, 3), requires_grad=True)
    y = candidate.recompute(module, x, times=2)
    expect_same("calls of forward", lambda: module.calls, 1, given="y = recompute(module, x, times=2)")
    expect_array("the value", lambda: y.data, 2 * module.layer(x).data, given="y = recompute(module, x, times=2)")
    y.backward(np.ones((2, 3)))
    costs.expect_at_most(
        "the calls of forward", 2, module.calls, 1, given="y = recompute(module, x, times=2); y.backward(g)"
    )


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_nothing_that_was_given_is_changed_and_float32_stays(candidate):
    block = candidate.TransformerBlock(4, 2, activation="gelu", rng=1).to(np.float32)
    numbers, g = some(2, 3, 4).astype(np.float32), some(2, 3, 4, seed=1).astype(np.float32)
    x, upstream = candidate.Tensor(numbers.copy(), requires_grad=True), g.copy()
    y = candidate.recompute(block, x)
    value = np.array(y.data)
    y.backward(upstream)
    given = "recompute(block, x) in float32, and backward"
    expect_same("the dtypes", lambda: [str(y.data.dtype), str(x.grad.dtype)], ["float32", "float32"], given=given)
    for what, array, wanted in (("x.data", x.data, numbers), ("y.data", y.data, value), ("upstream", upstream, g)):
        expect_array(f"{what}, afterwards", lambda a=array: a, wanted, given=given)


@pytest.mark.level3
@pytest.mark.about("recompute", step="again")
def test_where_nothing_is_recorded_recompute_records_nothing(candidate):
    from utils.engine import no_grad

    block, x = candidate.TransformerBlock(4, 2, rng=1), candidate.Tensor(some(1, 3, 4), requires_grad=True)
    wanted = np.array(block(x).data)
    with no_grad():
        y = candidate.recompute(block, x)
    expect_array("the value", lambda: y.data, wanted, given="with no_grad(): y = recompute(block, x)")
    expect_same("y.requires_grad", lambda: int(y.requires_grad), 0, given="with no_grad(): y = recompute(block, x)")


# Level 3: the same random numbers -------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("recompute", step="replay")
def test_what_is_dropped_is_the_same_both_times(candidate):
    from utils.engine import Dropout

    expect_the_same(candidate, lambda: Dropout(0.5, rng=3), "recompute(Dropout(0.5), x), x (4, 10)", shape=(4, 10))
    expect_the_same(candidate, lambda: candidate.TransformerBlock(4, 2, dropout=0.4, rng=1),
                    "recompute(block, x), dropout 0.4", shape=(2, 5, 4), calls=2)  # fmt: skip


def tower(candidate, depth=3, rng=5):
    """Blocks that share one source of random numbers, also for what they drop."""
    from utils.engine import Sequential

    rng = np.random.default_rng(rng)
    return Sequential(*[candidate.TransformerBlock(4, 2, dropout=0.3, rng=rng) for _ in range(depth)]), rng


@pytest.mark.level3
@pytest.mark.about("recompute", step="replay")
def test_blocks_that_share_a_generator(candidate):
    results = []
    for call in (lambda module, x: module(x), candidate.recompute):
        blocks, rng = tower(candidate)
        x = candidate.Tensor(some(2, 4, 4), requires_grad=True)
        y = x
        for block in blocks:
            y = call(block, y)
        y.backward(some(2, 4, 4, seed=1))
        results.append({"the value": y.data, **gradients(blocks, x), "the next random number": rng.random(1)})
    given = "three blocks with dropout 0.3 and one Generator, each by recompute"
    for name, wanted in results[0].items():
        expect_array(name, lambda n=name: results[1][n], np.array(wanted), given=given, tolerance=1e-12, aim="gradient")


@pytest.mark.level3
@pytest.mark.about("recompute", step="replay")
def test_a_whole_tower_at_once_with_several_generators_in_it(candidate):
    from utils.engine import Dropout, Sequential

    def make():
        return Sequential(tower(candidate, 2)[0], Dropout(0.5, rng=9), candidate.FeedForward(4, 4, rng=1))

    expect_the_same(candidate, make, "recompute(Sequential(two blocks, Dropout, FeedForward), x)", calls=2)


@pytest.mark.level3
@pytest.mark.about("recompute", step="replay")
def test_the_generator_goes_on_as_if_nothing_had_been_computed_twice(candidate):
    blocks, rng = tower(candidate, 1)
    x = candidate.Tensor(some(2, 4, 4), requires_grad=True)
    y = candidate.recompute(blocks, x)
    plain, plain_rng = tower(candidate, 1)
    plain(x)
    expect_array("three random numbers after forward", lambda: rng.random(3), plain_rng.random(3),
                 given="recompute(block, x), and module(x)")  # fmt: skip
    y.backward(np.ones((2, 4, 4)))
    expect_array("three more after backward", lambda: rng.random(3), plain_rng.random(3),
                 given="recompute(block, x), three random numbers drawn, then backward")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("recompute", step="replay")
def test_in_eval_no_random_number_is_drawn(candidate):
    blocks, rng = tower(candidate, 1)
    blocks.eval()
    state = rng.bit_generator.state["state"]["state"]
    x = candidate.Tensor(some(2, 4, 4), requires_grad=True)
    y = candidate.recompute(blocks, x)
    expect_array("the value", lambda: y.data, blocks(x).data, given="recompute(block, x) in eval")
    y.backward(np.ones((2, 4, 4)))
    expect_same("the state of the Generator", lambda: str(rng.bit_generator.state["state"]["state"]), str(state),
                given="recompute(block, x) in eval, and backward")  # fmt: skip


# Level 3: a tower of blocks -------------------------------------------------------------------------------------------

DEPTH, SIZE = 8, (1, 96, 32)


def deep(candidate):
    """(forward, whole way) of eight blocks; both take how a block is called."""
    blocks = [candidate.TransformerBlock(32, 4, activation="gelu", rng=k).to(np.float32) for k in range(DEPTH)]
    x = candidate.Tensor(some(*SIZE).astype(np.float32), requires_grad=True)

    def forward(call):
        y = x
        for block in blocks:
            y = call(block, y, is_causal=True)
        return y

    def whole(call):
        for leaf in (x, *(p for block in blocks for p in block.parameters())):
            leaf.grad = None
        forward(call).backward(np.ones(SIZE, dtype=np.float32))

    return forward, whole


def plainly(module, x, **options):
    return module(x, **options)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("recompute", step="stack")
def test_forward_keeps_one_array_of_each_block(candidate):
    forward, _ = deep(candidate)
    held = costs.held_bytes(lambda: forward(candidate.recompute))
    costs.expect_at_most("the memory held after forward", 2, held, DEPTH * np.prod(SIZE) * 4,
                         given="eight blocks by recompute, against one array of x's size for each")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("recompute", step="stack")
def test_the_whole_way_takes_far_less_memory(candidate):
    _, whole = deep(candidate)
    lean, plain = (costs.peak_bytes(lambda c=call: whole(c)) for call in (candidate.recompute, plainly))
    costs.expect_at_most("the most memory of forward and backward", 0.5, lean, plain,
                         given="eight blocks of width 32 by recompute, against the same blocks without")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("recompute", step="stack")
def test_of_a_tower_at_once_nothing_but_its_input_is_kept(candidate):
    from utils.engine import Sequential

    blocks = Sequential(*[candidate.TransformerBlock(32, 4, rng=k).to(np.float32) for k in range(4)])
    x = candidate.Tensor(some(8, 64, 32).astype(np.float32), requires_grad=True)
    held = costs.held_bytes(lambda: candidate.recompute(blocks, x))
    costs.expect_at_most("the memory held after forward", 2, held, x.data.nbytes,
                         given="recompute(Sequential(four blocks), x), against the output")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------

LETTERS, LENGTH, WIDTH = 8, 6, 32


def reversing(candidate, positions=True):
    """A network from letters (B, 6) to scores (B, 6, 8): a table, positions, one block, a head."""
    from utils.engine import Embedding, Linear, Module

    class Reverse(Module):
        def __init__(self, rng):
            self.table = Embedding(LETTERS, WIDTH, rng=rng)
            self.positions = candidate.Positions(LENGTH, WIDTH, rng=rng) if positions else None
            self.block = candidate.TransformerBlock(WIDTH, 2, activation="gelu", rng=rng)
            self.head = Linear(WIDTH, LETTERS, rng=rng)

        def forward(self, letters):
            x = self.table(letters)
            return self.head(self.block(self.positions(x) if self.positions else x))

    return Reverse(np.random.default_rng(0))


def train(net, steps, watch=None):
    """Adam on random words, each to be written backward; watch(letters, loss) is called with each batch."""
    from utils.engine import cross_entropy

    random, rate, parameters = np.random.default_rng(1), 0.01, net.parameters()
    first, second = ([np.zeros(p.data.shape) for p in parameters] for _ in range(2))
    for step in range(1, steps + 1):
        letters = random.integers(0, LETTERS, (16, LENGTH))
        net.zero_grad()
        loss = cross_entropy(net(letters), letters[:, ::-1])
        loss.backward()
        if watch:
            watch(letters, loss.item())
        for p, m, v in zip(parameters, first, second, strict=True):
            m += 0.1 * (p.grad - m)
            v += 0.01 * (p.grad**2 - v)
            p.data -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)


@pytest.mark.level4
@pytest.mark.about("TransformerBlock", step="reverse")
def test_one_block_learns_to_write_words_backward(candidate):
    net, letters = reversing(candidate), np.random.default_rng(2).integers(0, LETTERS, (100, LENGTH))
    train(net, 200)
    right = (net(letters).data.argmax(axis=-1) == letters[:, ::-1]).mean()
    expect("the share of right letters", lambda: float(right), 1.0, tolerance=0.02,
           given="200 steps on random words of six letters, then 100 new words")  # fmt: skip


def pytorch():
    """torch on one thread: for arrays this small several would only wait for one another."""
    import torch

    torch.set_num_threads(1)
    return torch


# The course's names -> those of nn.TransformerEncoderLayer.
THEIRS = {
    "norm1": "norm1", "attention.qkv.weight": "self_attn.in_proj_weight",
    "attention.qkv.bias": "self_attn.in_proj_bias", "attention.out": "self_attn.out_proj",
    "norm2": "norm2", "feed_forward.up": "linear1",
    "feed_forward.down": "linear2",
}  # fmt: skip


def their_name(name):
    start = next(start for start in THEIRS if name.startswith(start))
    return THEIRS[start] + name.removeprefix(start)


def their_layer(block, heads, activation):
    """nn.TransformerEncoderLayer with the weights of a block."""
    torch = pytorch()
    import torch.nn.functional as F  # noqa: N812

    named = {str(name): p.data for name, p in block.named_parameters()}
    hidden, width = named["feed_forward.up.weight"].shape
    bend = F.relu if activation == "relu" else lambda z: F.gelu(z, approximate="tanh")
    layer = torch.nn.TransformerEncoderLayer(width, heads, hidden, 0.0, bend, batch_first=True, norm_first=True,
                                             dtype=torch.float64)  # fmt: skip
    layer.load_state_dict({their_name(name): torch.tensor(array) for name, array in named.items()})
    return layer


@pytest.mark.level4
@pytest.mark.about("TransformerBlock", step="reverse")
def test_the_losses_are_those_of_pytorch(candidate):
    torch = pytorch()

    net = reversing(candidate)
    layer = their_layer(net.block, 2, "gelu")
    table, places, head, bias = (torch.tensor(p.data.copy(), requires_grad=True) for p in
                                 (net.table.weight, net.positions.weight, net.head.weight, net.head.bias))  # fmt: skip
    optimizer = torch.optim.Adam([table, places, head, bias, *layer.parameters()], lr=0.01, betas=(0.9, 0.99))
    mine, theirs = [], []

    def watch(letters, loss):
        scores = layer(table[torch.tensor(letters)] + places) @ head.T + bias
        other = torch.nn.functional.cross_entropy(scores.reshape(-1, LETTERS),
                                                  torch.tensor(letters[:, ::-1].copy()).reshape(-1))  # fmt: skip
        optimizer.zero_grad()
        other.backward()
        optimizer.step()
        mine.append(loss)
        theirs.append(other.item())

    train(net, 30, watch)
    expect_array("the losses", lambda: np.array(mine), theirs, tolerance=1e-6,
                 given="30 steps of Adam from the same weights, here and in PyTorch")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("TransformerBlock", step="pytorch")
def test_blocks_and_their_gradients_beside_pytorch(candidate):
    torch = pytorch()

    random = np.random.default_rng(3)
    masks = (None, np.tri(5, dtype=bool), random.random((5, 5)) < 0.6, random.normal(size=(5, 5)))
    for number, mask in enumerate(masks * 2):
        heads, activation = (1, 2, 4)[number % 3], ("relu", "gelu")[number % 2]
        block = candidate.TransformerBlock(8, heads, 12, activation=activation, rng=number)
        layer = their_layer(block, heads, activation)
        if mask is not None and mask.dtype == bool:
            mask[:, 0] = True
        options = {"is_causal": True} if number == 1 else {} if mask is None else {"attn_mask": mask}
        hidden = None if mask is None else torch.tensor(~mask if mask.dtype == bool else mask)
        array, g = random.normal(size=(2, 5, 8)), random.normal(size=(2, 5, 8))
        x, z = candidate.Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        y, wanted = block(x, **options), layer(z, src_mask=hidden)
        given = f"TransformerBlock(8, {heads}, 12, {activation!r}), x (2, 5, 8), {', '.join(options) or 'no mask'}"
        expect_array("the value", lambda y=y: y.data, wanted.detach().numpy(), given=given, tolerance=1e-12)
        y.backward(g)
        wanted.backward(torch.tensor(g))
        expect_array("x.grad", lambda x=x: x.grad, z.grad.numpy(), given=given, tolerance=1e-10, aim="gradient")
        theirs = dict(layer.named_parameters())
        for name, p in block.named_parameters():
            expect_array(f"{name}.grad", lambda p=p: p.grad, theirs[their_name(str(name))].grad.numpy(), given=given,
                         tolerance=1e-10, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("gelu", step="pytorch")
def test_gelu_beside_pytorch(candidate):
    torch = pytorch()
    import torch.nn.functional as F  # noqa: N812

    points, g = np.linspace(-8, 8, 200), some(200)
    x, z = candidate.Tensor(points, requires_grad=True), torch.tensor(points, requires_grad=True)
    y, wanted = candidate.gelu(x), F.gelu(z, approximate="tanh")
    y.backward(g)
    wanted.backward(torch.tensor(g))
    given = 'gelu of 200 points from -8 to 8, and F.gelu(x, approximate="tanh")'
    expect_array("the value", lambda: y.data, wanted.detach().numpy(), given=given, tolerance=1e-14)
    expect_array("x.grad", lambda: x.grad, z.grad.numpy(), given=given, tolerance=1e-13, aim="gradient")


@pytest.mark.level4
@pytest.mark.about("recompute", step="pytorch")
def test_recompute_beside_torchs_checkpoint(candidate):
    torch = pytorch()
    from torch.utils.checkpoint import checkpoint

    block, array, g = candidate.TransformerBlock(8, 2, activation="gelu", rng=1), some(2, 5, 8), some(2, 5, 8, seed=1)
    layer = their_layer(block, 2, "gelu")
    x, z = candidate.Tensor(array.copy(), requires_grad=True), torch.tensor(array, requires_grad=True)
    y, wanted = candidate.recompute(block, x), checkpoint(layer, z, use_reentrant=False)
    y.backward(g)
    wanted.backward(torch.tensor(g))
    given = "recompute(block, x), and torch.utils.checkpoint with the same weights"
    expect_array("the value", lambda: y.data, wanted.detach().numpy(), given=given, tolerance=1e-12)
    expect_array("x.grad", lambda: x.grad, z.grad.numpy(), given=given, tolerance=1e-10, aim="gradient")
    theirs = dict(layer.named_parameters())
    for name, p in block.named_parameters():
        expect_array(f"{name}.grad", lambda p=p: p.grad, theirs[their_name(str(name))].grad.numpy(), given=given,
                     tolerance=1e-10, aim="gradient")  # fmt: skip
