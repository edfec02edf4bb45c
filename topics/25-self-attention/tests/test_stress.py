"""Levels 3 and 4: thousands of positions in little memory, a layer that learns to look things up, and PyTorch."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from utils.course import costs
from utils.course.judging import expect, expect_array
from utils.course.loading import load
from utils.course.tensors import expect_text

TOPIC = Path(__file__).resolve().parents[1]
WIDTH = 64  # numbers in a query, a key and a value where memory is measured


def by_hand(q, k, v, g, seen=None, added=None):
    """Output and gradients of attention by the formulas of the math-refresh, with the whole matrix of weights."""
    root = np.sqrt(q.shape[-1])
    scores = q @ k.swapaxes(-1, -2) / root + (0.0 if added is None else added)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True)) * (1.0 if seen is None else seen)
    total = powers.sum(axis=-1, keepdims=True)
    p = powers / np.where(total == 0, 1.0, total)
    dp = g @ v.swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / root
    return p @ v, ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g


def positions(count, *leading, width=WIDTH, seed=0, kind=np.float32):
    return np.random.default_rng(seed).normal(size=(*leading, count, width)).astype(kind)


def expect_by_hand(candidate, q, k, v, given, seen=None, added=None, **options):
    """Compare output and gradients with by_hand."""
    g = np.random.default_rng(9).normal(size=(*q.shape[:-1], v.shape[-1]))
    leaves = [candidate.Tensor(array, requires_grad=True) for array in (q, k, v)]
    output = candidate.scaled_dot_product_attention(*leaves, **options)
    output.backward(g)
    wanted, *gradients = by_hand(q, k, v, g, seen, added)
    expect_array("the output", lambda: output.data, wanted, given=given)
    for what, leaf, gradient in zip("qkv", leaves, gradients, strict=True):
        expect_array(f"{what}.grad", lambda leaf=leaf: leaf.grad, gradient, given=given, aim="gradient")


def whole_way(candidate, count):
    """A function that goes forward and backward through causal attention of so many positions in float32."""
    leaves = [candidate.Tensor(positions(count, seed=seed), requires_grad=True) for seed in range(3)]
    g = positions(count, seed=3)

    def go():
        for leaf in leaves:
            leaf.zero_grad()
        candidate.scaled_dot_product_attention(*leaves, is_causal=True).backward(g)

    return go


# Level 3: some queries at a time --------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("scaled_dot_product_attention", step="blocks")
def test_between_forward_and_backward_the_output_is_kept_and_no_weights(candidate):
    q, k, v = (candidate.Tensor(positions(1024, seed=seed), requires_grad=True) for seed in range(3))
    for what, options in {"no mask": {}, "is_causal=True": {"is_causal": True}}.items():
        held = costs.held_bytes(lambda o=options: candidate.scaled_dot_product_attention(q, k, v, **o))
        costs.expect_at_most("the memory held between forward and backward", 1.6, held, q.data.nbytes,
                             given=f"1,024 positions of {WIDTH} numbers, {what}, against the output alone")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("scaled_dot_product_attention", step="blocks")
def test_forward_alone_never_holds_the_weights_of_all_queries(candidate):
    q, k, v = (candidate.Tensor(positions(2048, seed=seed)) for seed in range(3))
    for what, options in {"no mask": {}, "is_causal=True": {"is_causal": True}}.items():
        peak = costs.peak_bytes(lambda o=options: candidate.scaled_dot_product_attention(q, k, v, **o))
        costs.expect_at_most("the most memory of forward", 0.6, peak, 2048 * 2048 * 4,
                             given=f"2,048 positions, {what}, against 2,048 times 2,048 weights")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("scaled_dot_product_attention", step="blocks")
def test_every_number_is_right_however_many_queries(candidate):
    for count, keys in ((300, 300), (257, 130), (64, 700)):
        arrays = positions(count, 2, width=8, kind=float), positions(keys, 2, width=8, seed=1, kind=float)
        expect_by_hand(candidate, *arrays, positions(keys, 2, width=3, seed=2, kind=float),
                       f"2 times {count} queries and {keys} keys of 8 numbers")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("scaled_dot_product_attention", step="blocks")
def test_every_query_meets_its_own_part_of_a_mask(candidate):
    random, count = np.random.default_rng(5), 270
    q, k, v = (positions(count, 2, 2, width=4, seed=seed, kind=float) for seed in range(3))
    each = random.random((count, count)) < 0.5
    each[::7] = False
    lengths = (np.arange(count) < np.array([[100], [270]]))[:, None, None]
    tall = random.random((2, 1, count, 1)) < 0.8
    added = random.normal(size=(count, count))
    rows = (("a mask (270, 270), every seventh row of it empty", {"seen": each}, {"attn_mask": each}),
            ("a mask (2, 1, 1, 270)", {"seen": lengths}, {"attn_mask": lengths}),
            ("a mask (2, 1, 270, 1)", {"seen": tall}, {"attn_mask": tall}),
            ("a mask (270,)", {"seen": each[1]}, {"attn_mask": each[1]}),
            ("a mask (270, 270) of floats", {"added": added}, {"attn_mask": added}),
            ("is_causal=True", {"seen": np.tri(count)}, {"is_causal": True}))  # fmt: skip
    for what, truth, options in rows:
        expect_by_hand(candidate, q, k, v, f"q, k, v (2, 2, 270, 4), {what}", **truth, **options)


@pytest.mark.level3
@pytest.mark.about("scaled_dot_product_attention", step="blocks")
def test_causal_with_more_keys_or_more_queries(candidate):
    for count, keys in ((150, 400), (400, 150)):
        q, k, v = (positions(n, width=4, seed=n, kind=float) for n in (count, keys, keys + 1))
        expect_by_hand(candidate, q, k, v[:keys], f"{count} queries and {keys} keys of 4 numbers, is_causal=True",
                       seen=np.tri(count, keys), is_causal=True)  # fmt: skip


# Level 3: computed again ----------------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("scaled_dot_product_attention", step="again")
def test_memory_grows_with_the_number_of_positions_and_not_with_its_square(candidate):
    sizes = (1024, 2048, 4096)
    peak = costs.peak_bytes(whole_way(candidate, sizes[0]))
    for before, size in itertools.pairwise(sizes):
        peak, earlier = costs.peak_bytes(whole_way(candidate, size)), peak
        costs.expect_at_most(f"the most memory for {size:,} positions", 2.3, peak, earlier,
                             given=f"forward and backward, causal, against the same for {before:,}")  # fmt: skip
    costs.expect_at_most("the most memory for 4,096 positions", 32, peak, 4096 * WIDTH * 4,
                         given=f"forward and backward, causal, {WIDTH} numbers each, against q alone")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("scaled_dot_product_attention", step="again")
def test_backward_alone_never_holds_the_weights_of_all_queries(candidate):
    leaves = [candidate.Tensor(positions(1024, seed=seed), requires_grad=True) for seed in range(3)]
    mask, g = positions(1024, width=1024, seed=4) > -1, positions(1024, seed=3)
    output = candidate.scaled_dot_product_attention(*leaves, attn_mask=mask)
    peak = costs.peak_bytes(lambda: output.backward(g, retain_graph=True))
    costs.expect_at_most("the most memory of backward", 0.95, peak, 1024 * 1024 * 4,
                         given="1,024 positions, a mask of booleans, against 1,024 times 1,024 weights")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("scaled_dot_product_attention", step="again")
def test_many_queries_walked_twice_bring_twice_the_gradients(candidate):
    q, k, v = (positions(200, width=4, seed=seed, kind=float) for seed in range(3))
    leaves, g = (
        [candidate.Tensor(array, requires_grad=True) for array in (q, k, v)],
        positions(200, width=4, kind=float),
    )
    output = candidate.scaled_dot_product_attention(*leaves, is_causal=True)
    output.backward(g, retain_graph=True)
    output.backward(g)
    for what, leaf, gradient in zip("qkv", leaves, by_hand(q, k, v, g, np.tri(200))[1:], strict=True):
        expect_array(f"{what}.grad", lambda leaf=leaf: leaf.grad, 2 * gradient, aim="gradient",
                     given="200 positions, causal, backward twice with retain_graph=True")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given():
    """train.py of this topic: seven cards, seven questions, and the loop that trains on them."""
    return load(TOPIC / "train.py", "given_train")


@pytest.mark.level4
@pytest.mark.about("SelfAttention", step="recall")
def test_a_layer_learns_to_look_up_what_it_is_asked(candidate, given):
    random = np.random.default_rng(0)
    layer = candidate.SelfAttention(given.WIDTH, 1, rng=random)
    given.train(layer, 120, random)
    expect("the share of right answers", lambda: float(given.right(layer, np.random.default_rng(1))), 1.0,
           given="120 steps of training, then 100 new sequences with 7 questions each")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("SelfAttention", step="recall")
def test_a_layer_learns_step_by_step_as_in_pytorch(candidate, given):
    import torch
    import torch.nn.functional as F  # noqa: N812

    random = np.random.default_rng(0)
    layer = candidate.SelfAttention(given.WIDTH, 1, rng=random)
    weights = {name: torch.tensor(p.data.copy(), requires_grad=True) for name, p in layer.named_parameters()}
    optimizer = torch.optim.SGD(weights.values(), lr=1.0, momentum=0.9)
    mine, theirs = [], []

    def watch(x, digits, loss):
        q, k, v = F.linear(torch.tensor(x), weights["qkv.weight"], weights["qkv.bias"]).chunk(3, dim=-1)
        mixed = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        out = F.linear(mixed, weights["out.weight"], weights["out.bias"])[:, given.CARDS :, given.CARDS :]
        other = F.cross_entropy(out.reshape(-1, given.CARDS), torch.tensor(digits).reshape(-1))
        optimizer.zero_grad()
        other.backward()
        optimizer.step()
        mine.append(loss)
        theirs.append(other.item())

    given.train(layer, 50, random, watch)
    expect_array("the losses", lambda: np.array(mine), theirs, tolerance=1e-8,
                 given="50 steps of a SelfAttention on seven cards, and of PyTorch with the same weights")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("scaled_dot_product_attention", step="pytorch")
def test_value_and_gradients_beside_pytorch(candidate):
    import torch
    import torch.nn.functional as F  # noqa: N812

    random = np.random.default_rng(8)
    for number in range(24):
        leading = ((), (2,), (2, 3))[number % 3]
        count, keys, width, other = random.integers(1, 9, 4)
        shapes = [(*leading, count, width), (*leading, keys, width), (*leading, keys, other)]
        arrays = [random.normal(size=shape) for shape in shapes]
        mask = (None, None, random.random((count, keys)) < 0.5, random.normal(size=(count, keys)))[number % 4]
        causal = number % 4 == 1
        g = random.normal(size=(*leading, count, other))
        mine = [candidate.Tensor(array, requires_grad=True) for array in arrays]
        theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
        output = candidate.scaled_dot_product_attention(*mine, attn_mask=mask, is_causal=causal)
        output.backward(g)
        wanted = F.scaled_dot_product_attention(*theirs, None if mask is None else torch.tensor(mask), is_causal=causal)
        wanted.backward(torch.tensor(g))
        how = "is_causal=True" if causal else "no mask" if mask is None else f"a mask of {mask.dtype}"
        given = f"q {shapes[0]}, k {shapes[1]}, v {shapes[2]}, {how}, random numbers, beside PyTorch"
        expect_array("the output", lambda o=output: o.data, wanted.detach().numpy(), given=given, tolerance=1e-12)
        for what, leaf, torchs in zip("qkv", mine, theirs, strict=True):
            expect_array(f"{what}.grad", lambda leaf=leaf: leaf.grad, torchs.grad.numpy(), given=given, aim="gradient",
                         tolerance=1e-10)  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("scaled_dot_product_attention", step="pytorch")
def test_a_query_that_may_look_nowhere_gets_zeros_in_pytorch_too(candidate):
    import torch
    import torch.nn.functional as F  # noqa: N812

    arrays = [positions(3, 1, 1, width=2, seed=seed, kind=float) for seed in range(3)]
    mask = np.array([[True, False, True], [False, False, False], [True, True, True]])
    wanted = F.scaled_dot_product_attention(*map(torch.tensor, arrays), torch.tensor(mask)).numpy()
    given = "three queries, the mask hides everything from query 1"
    output = candidate.scaled_dot_product_attention(*map(candidate.Tensor, arrays), mask)
    expect_array("the output", lambda: output.data, wanted, given=given)
    expect_text("row 1 in PyTorch", lambda: wanted[0, 0, 1].tolist(), "[0.0, 0.0]", given=given)
