"""Levels 1 and 2 at ordinary points: positions, the network of each position, the block, GELU, dropout, masks."""

import functools

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_same
from utils.course.tensors import some

NAMES = ("norm1.weight", "norm1.bias", "attention.qkv.weight", "attention.qkv.bias", "attention.out.weight",
         "attention.out.bias", "norm2.weight", "norm2.bias", "feed_forward.up.weight", "feed_forward.up.bias",
         "feed_forward.down.weight", "feed_forward.down.bias")  # fmt: skip


def part(module, name):
    """The parameter at the end of a road such as "attention.qkv.weight"."""
    return functools.reduce(getattr, name.split("."), module)


def shape_of(name, width, hidden):
    rows = {"attention.qkv": 3 * width, "feed_forward.up": hidden}.get(name.rpartition(".")[0], width)
    columns = hidden if "down" in name else width
    return (rows, columns) if name.endswith("weight") and "norm" not in name else (rows,)


def set_up(candidate, width=4, heads=2, hidden=6, still=(), **options):
    """(block, {name: array}): a block whose parameters are known; those whose names hold a word of `still` are 0."""
    block, numbers = candidate.TransformerBlock(width, heads, hidden, rng=0, **options), {}
    for seed, name in enumerate(NAMES):
        numbers[name] = 0.3 * some(*shape_of(name, width, hidden), seed=seed)
        numbers[name] *= not any(word in name for word in still)
        part(block, name).data[...] = numbers[name]
    return block, numbers


# The block in plain NumPy; it also computes with complex numbers, whose imaginary parts are slopes (complex step).


def norm(x, weight, bias):
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5) * weight + bias


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def relu(x):
    return x * (x.real > 0)


def network(x, up, up_bias, down, down_bias, bend=relu):
    return bend(x @ up.T + up_bias) @ down.T + down_bias


def attention(x, qkv, qkv_bias, out, out_bias, heads, seen):
    (batch, time, width), together = x.shape, x @ qkv.T + qkv_bias
    q, k, v = np.moveaxis(together.reshape(batch, time, 3, heads, width // heads), (2, 3), (0, 2))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads)
    scores = np.where(np.broadcast_to(seen, scores.shape), scores, -1e9) if seen is not None else scores
    powers = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    mixed = powers / powers.sum(axis=-1, keepdims=True) @ v
    return mixed.swapaxes(1, 2).reshape(batch, time, width) @ out.T + out_bias


def by_hand(x, numbers, heads=2, bend=relu, seen=None):
    n1, b1, qkv, qkv_bias, out, out_bias, n2, b2, *rest = (numbers[name] for name in NAMES)
    x = x + attention(norm(x, n1, b1), qkv, qkv_bias, out, out_bias, heads, seen)
    return x + network(norm(x, n2, b2), *rest, bend=bend)


def slopes(function, arrays, upstream):
    """{name: gradient of (function(arrays) * upstream).sum()}, each entry by a complex step."""
    found = {}
    for name, array in arrays.items():
        found[name] = np.zeros(array.shape)
        for place in np.ndindex(*array.shape):
            moved = array.astype(complex)
            moved[place] += 1e-100j
            found[name][place] = (function({**arrays, name: moved}).imag * upstream).sum() * 1e100
    return found


@functools.cache
def slopes_of_a_block(bend):
    """The gradients of the block that set_up makes, for X and G."""
    numbers = {name: 0.3 * some(*shape_of(name, 4, 6), seed=seed) for seed, name in enumerate(NAMES)}
    return slopes(lambda named: by_hand(named["x"], named, bend=bend), {"x": X, **numbers}, G)


X, G = some(2, 3, 4), some(2, 3, 4, seed=1)
KNOWN = "TransformerBlock(4, 2, hidden=6) with known parameters, x (2, 3, 4)"


def expect_slopes(candidate, bend, **options):
    block, _ = set_up(candidate, **options)
    x = candidate.Tensor(X.copy(), requires_grad=True)
    block(x).backward(G)
    for name, wanted in slopes_of_a_block(bend).items():
        leaf = x if name == "x" else part(block, name)
        expect_array(f"{name}.grad", lambda t=leaf: t.grad, wanted, aim="gradient",
                     given=f"{KNOWN}{', gelu' if options else ''}; block(x).backward(g)")  # fmt: skip


# Level 1: positions ---------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Positions", step="positions")
def test_each_position_gets_its_own_vector_in_every_sequence(candidate):
    positions = candidate.Positions(4, 2, rng=0)
    positions.weight.data[...] = [[1.0, 2.0], [10.0, 20.0], [100.0, 200.0], [7.0, 7.0]]
    x = np.array([[[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]], [[3.0, 3.0], [4.0, 4.0], [5.0, 5.0]]])
    given = "vectors [1, 2], [10, 20], [100, 200], [7, 7]; two sequences of three positions"
    wanted = [[[1.5, 2.0], [10.0, 20.5], [100.0, 200.0]], [[4.0, 5.0], [14.0, 24.0], [105.0, 205.0]]]
    expect_array("the value", lambda: positions(candidate.Tensor(x)).data, wanted, given=given)
    expect_array("the value of a second call", lambda: positions(candidate.Tensor(x)).data, wanted, given=given)
    one = np.zeros((1, 1, 2))
    expect_array("the value", lambda: positions(candidate.Tensor(one)).data, [[[1.0, 2.0]]], given="one position, of 0")


@pytest.mark.level1
@pytest.mark.about("Positions", step="positions")
def test_every_sequence_teaches_the_vectors_of_the_positions_it_has(candidate):
    positions, g = candidate.Positions(5, 3, rng=0), some(4, 2, 3)
    x = candidate.Tensor(some(4, 2, 3, seed=1), requires_grad=True)
    positions(x).backward(g)
    given = "5 vectors, four sequences of two positions, a random upstream gradient"
    wanted = np.zeros((5, 3))
    wanted[:2] = g.sum(axis=0)
    expect_array("weight.grad", lambda: positions.weight.grad, wanted, given=given, aim="gradient")
    expect_array("x.grad", lambda: x.grad, g, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("Positions", step="positions")
def test_the_first_vectors_are_small(candidate):
    numbers = candidate.Positions(300, 40, rng=1).weight.data
    given = "Positions(300, 40, rng=1).weight"
    expect_same("the shape", lambda: numbers.shape, [300, 40], given=given)
    expect("the deviation, in units of 0.02", lambda: float(numbers.std() / 0.02), 1.0, given=given, tolerance=0.05)
    expect("the mean, in units of 0.02", lambda: float(numbers.mean() / 0.02), 0.0, given=given, tolerance=0.05)


# Level 1: the network of each position --------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("FeedForward", step="network")
def test_up_then_relu_then_down(candidate):
    layers = candidate.FeedForward(2, 3, rng=0)
    layers.up.weight.data[...], layers.up.bias.data[...] = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0.0, 0.5, 1.0]
    layers.down.weight.data[...], layers.down.bias.data[...] = [[1.0, 10.0, 100.0], [1.0, 1.0, -1.0]], [0.25, -0.25]
    given = "up [[1, 0], [0, 1], [-1, -1]] + [0, 0.5, 1], down [[1, 10, 100], [1, 1, -1]] + [0.25, -0.25]"
    for x, wanted in (([2.0, -3.0], [202.25, -0.25]), ([-1.0, 1.0], [115.25, 0.25]), ([0.0, -1.0], [200.25, -2.25])):
        expect_array("the value", lambda x=x: layers(candidate.Tensor([[x]])).data, [[wanted]],
                     given=f"{given}, x = {x}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("FeedForward", step="network")
def test_the_gradients_of_the_two_layers(candidate):
    layers, names = candidate.FeedForward(4, 6, rng=0), NAMES[-4:]
    arrays = {name: some(*shape_of(name, 4, 6), seed=seed) for seed, name in enumerate(names)}
    for name, array in arrays.items():
        part(layers, name.partition(".")[2]).data[...] = array
    x = candidate.Tensor(X.copy(), requires_grad=True)
    layers(x).backward(G)
    wanted = slopes(lambda named: network(named["x"], *(named[name] for name in names)), {"x": X, **arrays}, G)
    for name, gradient in wanted.items():
        leaf = x if name == "x" else part(layers, name.partition(".")[2])
        expect_array(f"{name.removeprefix('feed_forward.')}.grad", lambda t=leaf: t.grad, gradient, aim="gradient",
                     given="FeedForward(4, 6) with known parameters, x (2, 3, 4), a random gradient")  # fmt: skip


# Level 1: parts -------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="parts")
def test_the_parts_of_a_block_by_name_and_shape(candidate):
    for hidden, how in ((6, "TransformerBlock(4, 2, hidden=6)"), (16, "TransformerBlock(4, 2)")):
        block = candidate.TransformerBlock(4, 2, hidden=6) if hidden == 6 else candidate.TransformerBlock(4, 2)
        found = {str(name): list(p.data.shape) for name, p in block.named_parameters()}
        expect_same("parameters that are missing", lambda f=found: sorted({*NAMES} - {*f}), [], given=how)
        expect_same("the names", lambda f=found: sorted(f), sorted(NAMES), given=how)
        for name in NAMES:
            expect_same(f"the shape of {name}", lambda f=found, n=name: f[n], shape_of(name, 4, hidden), given=how)


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="parts")
def test_the_weights_are_drawn_in_order_from_one_source(candidate):
    from utils.engine import SelfAttention

    block, same, other = (candidate.TransformerBlock(4, 2, 4, rng=seed) for seed in (7, 7, 8))
    rng = np.random.default_rng(7)
    first, second = SelfAttention(4, 2, rng=rng), candidate.FeedForward(4, 4, rng=rng)
    pairs = {
        "attention, with that of default_rng(7)": (block.attention.qkv, first.qkv),
        "feed_forward, with the next of that Generator": (block.feed_forward.up, second.up),
        "the attentions of two blocks with seed 7": (block.attention.qkv, same.attention.qkv),
        "the networks of two blocks with seed 7": (block.feed_forward.up, same.feed_forward.up),
        "the attentions of seed 7 and seed 8": (block.attention.qkv, other.attention.qkv),
    }
    found = ["same" if np.array_equal(a.weight.data, b.weight.data) else "other" for a, b in pairs.values()]
    expect_same("are they the same", lambda: found, ("same", "same", "same", "same", "other"),
                given=f"weights of TransformerBlock(4, 2, hidden=4, rng=7); {'; '.join(pairs)}")  # fmt: skip


# Level 1: the sum -----------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_a_block_whose_layers_make_nothing_hands_on_what_came_in(candidate):
    block, _ = set_up(candidate, still=("out", "down"))
    x = candidate.Tensor(X.copy(), requires_grad=True)
    y = block(x)
    given = "a block whose attention.out and feed_forward.down are all 0"
    expect_array("block(x) against x", lambda: y.data, X, given=given)
    y.backward(G)
    expect_array("x.grad against the upstream gradient", lambda: x.grad, G, given=given, aim="gradient")


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_what_attention_makes_of_the_normalized_input_is_added(candidate):
    block, numbers = set_up(candidate, still=("down",))
    expect_array("block(x)", lambda: block(candidate.Tensor(X)).data, by_hand(X, numbers),
                 given=f"{KNOWN}, feed_forward.down all 0")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_what_the_network_makes_of_the_normalized_sum_is_added(candidate):
    block, numbers = set_up(candidate, still=("out",))
    expect_array("block(x)", lambda: block(candidate.Tensor(X)).data, by_hand(X, numbers),
                 given=f"{KNOWN}, attention.out all 0")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_a_whole_block(candidate):
    for width, heads, hidden, shape in ((4, 2, 6, (2, 3, 4)), (6, 3, 5, (1, 4, 6)), (4, 1, 4, (3, 1, 4))):
        block, numbers = set_up(candidate, width, heads, hidden)
        x = some(*shape)
        expect_array("block(x)", lambda b=block, x=x: b(candidate.Tensor(x)).data, by_hand(x, numbers, heads),
                     given=f"TransformerBlock({width}, {heads}, {hidden}), known parameters, x {shape}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_the_gradients_of_a_whole_block(candidate):
    expect_slopes(candidate, relu)


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_a_gradient_reaches_every_parameter_of_a_tower(candidate):
    positions, x = candidate.Positions(3, 4, rng=0), candidate.Tensor(X)
    blocks = [candidate.TransformerBlock(4, 2, rng=seed) for seed in range(4)]
    y = positions(x)
    for block in blocks:
        y = block(y)
    y.backward(G)
    for number, module in enumerate([positions, *blocks]):
        given = f"positions, then four blocks; {f'block {number}' if number else 'the positions'}"
        for name, p in module.named_parameters():
            expect_same(
                f"{name}.grad is an array of its shape", lambda p=p: np.shape(p.grad), p.data.shape, given=given
            )


# Level 2: gelu --------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("gelu", step="gelu")
def test_gelu_against_its_formula(candidate):
    for x, wanted in ((0.0, 0.0), (1.0, 0.8411919906082768), (-1.0, -0.15880800939172324), (3.0, 2.996362607918227)):
        expect("the value", lambda x=x: float(candidate.gelu(candidate.Tensor([x])).data[0]), wanted,
               given=f"gelu({x:g})")  # fmt: skip
    x = np.linspace(-6, 6, 97)
    expect_array("the value", lambda: candidate.gelu(candidate.Tensor(x)).data, gelu(x), given="97 points, -6 to 6")


@pytest.mark.level2
@pytest.mark.about("gelu", step="slope")
def test_the_slope_of_gelu_is_the_slope_that_is_measured(candidate):
    for point in (0.0, 1.0, -1.0, 2.0, -0.5):
        x = candidate.Tensor([point], requires_grad=True)
        candidate.gelu(x).sum().backward()
        expect("x.grad", lambda x=x: float(x.grad[0]), float(gelu(point + 1e-100j).imag * 1e100),
               given=f"gelu(x) at x = {point:g}", aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("gelu", step="slope")
def test_the_gradient_of_gelu_is_its_slope_times_upstream(candidate):
    points, g = np.linspace(-4, 4, 60).reshape(3, 4, 5), some(3, 4, 5)
    x = candidate.Tensor(points.copy(), requires_grad=True)
    candidate.gelu(x).backward(g)
    expect_array("x.grad", lambda: x.grad, gelu(points + 1e-100j).imag * 1e100 * g, aim="gradient",
                 given="60 points from -4 to 4 as (3, 4, 5), a random upstream gradient")  # fmt: skip


# Level 2: activation --------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("FeedForward", step="activation")
def test_a_network_with_gelu(candidate):
    arrays = {name: some(*shape_of(name, 4, 6), seed=seed) for seed, name in enumerate(NAMES[-4:])}
    for bend, options in ((gelu, {"activation": "gelu"}), (relu, {"activation": "relu"}), (relu, {})):
        layers = candidate.FeedForward(4, 6, rng=0, **options)
        for name, array in arrays.items():
            part(layers, name.partition(".")[2]).data[...] = array
        expect_array("the value", lambda f=layers: f(candidate.Tensor(X)).data, network(X, *arrays.values(), bend=bend),
                     given=f"FeedForward(4, 6, **{options}) with known parameters, x (2, 3, 4)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="activation")
def test_a_block_with_gelu_and_its_gradients(candidate):
    block, numbers = set_up(candidate, activation="gelu")
    expect_array("block(x)", lambda: block(candidate.Tensor(X)).data, by_hand(X, numbers, bend=gelu),
                 given=f"{KNOWN}, gelu")  # fmt: skip
    expect_slopes(candidate, gelu, activation="gelu")


# Level 2: dropout -----------------------------------------------------------------------------------------------------


def ones_and_tens(candidate, dropout, rng=3):
    """A block that adds 1 by its attention and 10 by its network, whatever x is."""
    block = candidate.TransformerBlock(8, 2, 4, dropout=dropout, rng=rng)
    for name, number in (("attention.out", 1.0), ("feed_forward.down", 10.0)):
        part(block, f"{name}.weight").data[...] = 0.0
        part(block, f"{name}.bias").data[...] = number
    return block


ADDED = "a block that adds 1 by its attention and 10 by its network"


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_what_is_added_is_dropped_and_what_came_in_never(candidate):
    for p in (0.5, 0.2):
        block, x = ones_and_tens(candidate, p), some(20, 25, 8)
        added = block(candidate.Tensor(x)).data - x
        given = f"{ADDED}, dropout={p}, in training, 4,000 numbers"
        kept = 1 / (1 - p)
        one = (1 - p) * p  # the share to which one of the two was added, and not the other
        for what, number, share in (("neither", 0, p * p), ("the first", 1, one), ("the second", 10, one),
                                    ("both", 11, (1 - p) ** 2)):  # fmt: skip
            expect(f"the share of numbers to which {what} was added",
                   lambda a=added, n=number * kept: float(np.isclose(a, n).mean()), share, given=given,
                   tolerance=0.04)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_in_eval_nothing_is_dropped(candidate):
    x = some(2, 3, 8)
    block = ones_and_tens(candidate, 0.5).eval()
    expect_array("block(x)", lambda: block(candidate.Tensor(x)).data, x + 11, given=f"{ADDED}, dropout=0.5, in eval")
    block.train()
    expect_same("in training again, something is dropped",
                lambda: int(not np.isclose(block(candidate.Tensor(x)).data, x + 11).all()), 1, given=ADDED)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_a_gradient_passes_where_a_number_did(candidate):
    block, x = ones_and_tens(candidate, 0.5), candidate.Tensor(some(2, 5, 8), requires_grad=True)
    y, g = block(x), some(2, 5, 8, seed=1)
    added = np.round(y.data - x.data).astype(int)  # 0, 2, 20 or 22
    y.backward(g)
    given = f"{ADDED}, dropout=0.5, in training"
    expect_array("x.grad", lambda: x.grad, g, given=given, aim="gradient")
    expect_array("attention.out.bias.grad", lambda: block.attention.out.bias.grad, (g * (added % 10)).sum(axis=(0, 1)),
                 given=given, aim="gradient")  # fmt: skip
    expect_array("feed_forward.down.bias.grad", lambda: block.feed_forward.down.bias.grad,
                 (g * (added // 10)).sum(axis=(0, 1)), given=given, aim="gradient")  # fmt: skip


# Level 2: masks -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_a_causal_block(candidate):
    block, numbers = set_up(candidate)
    x = some(2, 5, 4)
    expect_array("block(x, is_causal=True)", lambda: block(candidate.Tensor(x), is_causal=True).data,
                 by_hand(x, numbers, seen=np.tri(5, dtype=bool)), given="the known block, x (2, 5, 4)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_the_gradient_of_a_causal_block(candidate):
    block, numbers = set_up(candidate)
    x = candidate.Tensor(X.copy(), requires_grad=True)
    block(x, is_causal=True).backward(G)
    seen = np.tri(3, dtype=bool)
    wanted = slopes(lambda named: by_hand(named["x"], numbers, seen=seen), {"x": X}, G)["x"]
    expect_array("x.grad", lambda: x.grad, wanted, aim="gradient",
                 given=f"{KNOWN}; block(x, is_causal=True).backward(g)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_a_block_with_a_mask(candidate):
    block, numbers = set_up(candidate)
    x = some(2, 4, 4)
    banded = np.abs(np.arange(4)[:, None] - np.arange(4)) < 2
    padded = (np.arange(4) < np.array([[2], [4]]))[:, None, None]
    for what, seen in (("each sees its neighbors", banded), ("the first example is 2 long, the other 4", padded)):
        given = f"the known block, x (2, 4, 4), a mask {seen.shape}: {what}"
        expect_array("block(x, attn_mask=mask)", lambda s=seen: block(candidate.Tensor(x), attn_mask=s).data,
                     by_hand(x, numbers, seen=seen), given=given)  # fmt: skip
        added = np.where(seen, 0.0, -np.inf)
        expect_array("the same with 0 and -inf", lambda a=added: block(candidate.Tensor(x), attn_mask=a).data,
                     by_hand(x, numbers, seen=seen), given=given)  # fmt: skip
