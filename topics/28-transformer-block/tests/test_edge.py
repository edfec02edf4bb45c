"""Levels 1 and 2 at the edges: refusals, seeds, what must stay as it is, far numbers, float32, the future."""

import math

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_refusals, expect_same
from utils.course.tensors import some


def expect_equal(pairs, wanted, given):
    """Which of {what: (array, array)} are equal, as words: what was drawn without a seed differs from run to run."""
    found = ["same" if np.array_equal(a, b) else "other" for a, b in pairs.values()]
    expect_same("are they the same", lambda: found, wanted, given=f"{given}; {'; '.join(pairs)}")


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Positions", step="positions")
def test_more_positions_than_there_are_vectors_are_refused(candidate):
    positions = candidate.Positions(3, 2, rng=0)

    def of(count):
        return positions(candidate.Tensor(np.zeros((1, count, 2)))).data

    expect_array("the value", lambda: of(3), positions.weight.data[None], given="Positions(3, 2), a sequence of three")
    one = candidate.Positions(1, 2, rng=0)
    expect_refusals(ValueError, [
        ("what is raised", lambda: of(4), "Positions(3, 2), a sequence of 4"),
        ("what is raised", lambda: of(6), "Positions(3, 2), a sequence of 6"),
        ("what is raised", lambda: one(candidate.Tensor(np.zeros((1, 3, 2)))), "Positions(1, 2), a sequence of 3"),
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Positions", step="positions")
def test_a_seed_replays_the_vectors_and_they_are_learned(candidate):
    one, same, other = (candidate.Positions(5, 3, rng=seed) for seed in (1, 1, 2))
    expect_same("the names of its parameters", lambda: [str(name) for name, _ in one.named_parameters()], ["weight"],
                given="Positions(5, 3)")  # fmt: skip
    pairs = {"with seed 1, twice": (one.weight.data, same.weight.data),
             "with seed 1 and seed 2": (one.weight.data, other.weight.data)}  # fmt: skip
    expect_equal(pairs, ("same", "other"), "the weights of two Positions(5, 3)")


@pytest.mark.level1
@pytest.mark.about("FeedForward", step="network")
def test_up_is_drawn_before_down_from_one_source(candidate):
    from utils.engine import Linear

    rng, (layers, same, other) = np.random.default_rng(5), (candidate.FeedForward(3, 3, rng=seed) for seed in (5, 5, 6))
    up, down = Linear(3, 3, rng=rng), Linear(3, 3, rng=rng)
    pairs = {
        "up, with the first Linear of default_rng(5)": (layers.up.weight.data, up.weight.data),
        "its bias": (layers.up.bias.data, up.bias.data),
        "down, with the second": (layers.down.weight.data, down.weight.data),
        "up, with seed 5 twice": (layers.up.weight.data, same.up.weight.data),
        "up, with seed 5 and seed 6": (layers.up.weight.data, other.up.weight.data),
    }
    expect_equal(pairs, ("same", "same", "same", "same", "other"), "FeedForward(3, 3, rng=5)")


@pytest.mark.level1
@pytest.mark.about("FeedForward", step="network")
def test_an_activation_that_is_not_known_is_refused(candidate):
    candidate.FeedForward(2, 3, activation="relu")(candidate.Tensor(np.zeros((1, 2))))
    for make in (candidate.FeedForward, candidate.TransformerBlock):
        expect_refusals(ValueError, [
            ("what is raised", lambda m=make, a=a: m(2, 1, activation=a), f"{make.__name__}(2, 1, activation={a!r})")
            for a in ("swish", "")
        ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("FeedForward", step="network")
def test_a_position_does_not_see_the_others(candidate):
    layers, x = candidate.FeedForward(3, 5, rng=1), some(2, 4, 3)
    whole = layers(candidate.Tensor(x)).data
    for example, time in ((0, 0), (1, 2)):
        expect_array(f"position {time} by itself", lambda e=example, t=time: layers(candidate.Tensor(x[e, t])).data,
                     whole[example, time], given="FeedForward(3, 5) on (2, 4, 3), and on one position")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_the_sum_is_not_normalized_however_large_it_is(candidate):
    block, x = candidate.TransformerBlock(4, 2, rng=0), some(1, 3, 4)
    near, far = (block(candidate.Tensor(size * x)).data - size * x for size in (1000.0, 1e6))
    expect_array("what is added to 1e6 * x, against 1000 * x", lambda: far, near, tolerance=1e-4,
                 given="a block makes the same of x whatever its size, and adds it")  # fmt: skip
    expect_same("what is added is small", lambda: int(np.abs(near).max() < 20), 1, given="x of size 1000")


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_a_block_leaves_its_input_as_it_is(candidate):
    block, positions, array = candidate.TransformerBlock(4, 2, rng=0), candidate.Positions(3, 4, rng=0), some(2, 3, 4)
    for module, what in ((positions, "Positions(3, 4)"), (block, "TransformerBlock(4, 2)")):
        x = candidate.Tensor(array.copy(), requires_grad=True)
        y = module(x)
        expect_array("x.data, afterwards", lambda x=x: x.data, array, given=f"{what}, forward")
        y.backward(np.ones((2, 3, 4)))
        expect_array("x.data, afterwards", lambda x=x: x.data, array, given=f"{what}, forward and backward")


@pytest.mark.level1
@pytest.mark.about("TransformerBlock", step="sum")
def test_float32_stays_float32_through_positions_and_block(candidate):
    positions, block = (module.to(np.float32) for module in (candidate.Positions(3, 4, rng=0),
                                                             candidate.TransformerBlock(4, 2, rng=0)))  # fmt: skip
    x = candidate.Tensor(some(2, 3, 4).astype(np.float32), requires_grad=True)
    y = block(positions(x))
    y.backward(np.ones((2, 3, 4), dtype=np.float32))
    given = "positions and a block in float32"
    expect_same("the dtype of the value", lambda: str(y.data.dtype), "float32", given=given)
    for name, p in (("x", x), *positions.named_parameters(), *block.named_parameters()):
        expect_same(f"the dtype of {name}.grad", lambda p=p: str(p.grad.dtype), "float32", given=given)


# Level 2: gelu --------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("gelu", step="gelu")
def test_gelu_lies_close_to_the_share_of_a_normal_distribution(candidate):
    points = np.linspace(-5, 5, 101)
    exact = [0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in points]
    expect_array("the value", lambda: candidate.gelu(candidate.Tensor(points)).data, exact, tolerance=1e-4,
                 given="101 points, -5 to 5, against x times the normal distribution function")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("gelu", step="gelu")
def test_what_gelu_takes_away_on_the_right_it_lets_through_on_the_left(candidate):
    x = np.linspace(0, 4, 41)
    right, left = (candidate.gelu(candidate.Tensor(points)).data for points in (x, -x))
    expect_array("gelu(x) - gelu(-x)", lambda: right - left, x, given="41 points, 0 to 4: the two shares make 1")


@pytest.mark.level2
@pytest.mark.about("gelu", step="gelu")
def test_gelu_of_any_shape_and_far_away(candidate):
    for shape in ((), (1,), (0, 3), (2, 1, 3)):
        x = np.full(shape, 2.0)
        expect_array("the value", lambda x=x: candidate.gelu(candidate.Tensor(x)).data,
                     np.full(shape, 1.954597694087775), given=f"2s of shape {shape}")  # fmt: skip
    x = candidate.Tensor([-1e6, -50.0, 50.0, 1e6], requires_grad=True)
    y = candidate.gelu(x)
    y.backward(np.ones(4))
    expect_array("the value", lambda: y.data, [0.0, 0.0, 50.0, 1e6], given="-1e6, -50, 50, 1e6")
    expect_array("x.grad", lambda: x.grad, [0.0, 0.0, 1.0, 1.0], given="-1e6, -50, 50, 1e6", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("gelu", step="slope")
def test_float32_stays_float32_and_gelu_changes_nothing_that_it_was_given(candidate):
    numbers, g = some(3, 4).astype(np.float32), some(3, 4, seed=1).astype(np.float32)
    x = candidate.Tensor(numbers.copy(), requires_grad=True)
    y, upstream = candidate.gelu(x), g.copy()
    y.backward(upstream, retain_graph=True)
    given = "gelu of float32 numbers (3, 4), and backward"
    expect_same("the dtype of the value", lambda: str(y.data.dtype), "float32", given=given)
    expect_same("the dtype of x.grad", lambda: str(x.grad.dtype), "float32", given=given)
    expect_array("x.data, afterwards", lambda: x.data, numbers, given=given)
    expect_array("the upstream gradient, afterwards", lambda: upstream, g, given=given)
    once = np.array(x.grad)
    y.backward(upstream)
    expect_array("x.grad after a second backward", lambda: x.grad, 2 * once, given=given, aim="gradient",
                 tolerance=1e-6)  # fmt: skip


# Level 2: dropout and masks -------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_a_seed_replays_what_is_dropped_and_no_two_calls_are_alike(candidate):
    x = candidate.Tensor(some(2, 6, 8))
    one, same = (candidate.TransformerBlock(8, 2, dropout=0.5, rng=4) for _ in range(2))
    first, second, again = (np.array(block(x).data) for block in (one, one, same))
    pairs = {"two calls of one block": (first, second), "the first calls of two": (first, again),
             "the second calls of two": (second, np.array(same(x).data))}  # fmt: skip
    expect_equal(pairs, ("other", "same", "same"), "TransformerBlock(8, 2, dropout=0.5, rng=4), in training")


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_where_everything_is_dropped_the_stream_goes_through(candidate):
    block, x = candidate.TransformerBlock(4, 2, dropout=1.0, rng=4), some(2, 3, 4)
    expect_array("block(x)", lambda: block(candidate.Tensor(x)).data, x, given="TransformerBlock(4, 2, dropout=1.0)")
    expect_same("in eval something is added", lambda: int((block.eval()(candidate.Tensor(x)).data != x).any()), 1,
                given="TransformerBlock(4, 2, dropout=1.0)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="dropout")
def test_without_dropout_training_and_eval_are_the_same(candidate):
    block, x = candidate.TransformerBlock(4, 2, rng=4), candidate.Tensor(some(2, 3, 4))
    training = np.array(block(x).data)
    expect_array("block.eval()(x)", lambda: block.eval()(x).data, training, given="TransformerBlock(4, 2, rng=4)")
    dropping = candidate.TransformerBlock(4, 2, dropout=0.9, rng=4).eval()
    expect_array("the same weights with dropout=0.9, in eval", lambda: dropping(x).data, training,
                 given="TransformerBlock(4, 2, rng=4)")  # fmt: skip
    expect_same("and in training they differ", lambda: int(not np.allclose(dropping.train()(x).data, training)), 1,
                given="dropout=0.9")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_no_gradient_comes_from_the_future(candidate):
    block = candidate.TransformerBlock(4, 2, activation="gelu", rng=2)
    x = candidate.Tensor(some(1, 5, 4), requires_grad=True)
    g = np.zeros((1, 5, 4))
    g[0, 2] = [1.0, -2.0, 3.0, 0.5]
    block(x, is_causal=True).backward(g)
    given = "a causal block, an upstream gradient at position 2 alone"
    expect_array("x.grad at positions 3 and 4", lambda: x.grad[0, 3:], np.zeros((2, 4)), given=given, aim="gradient")
    expect_same("x.grad at positions 0 to 2 is not 0", lambda: int((x.grad[0, :3] != 0).all()), 1, given=given)
    short = block(candidate.Tensor(x.data[:, :3]), is_causal=True).data
    expect_array("the first three of five positions", lambda: block(x, is_causal=True).data[:, :3], short,
                 given="a causal block on five positions, and on the first three")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_padding_changes_nothing_for_those_who_do_not_see_it(candidate):
    block, x = candidate.TransformerBlock(4, 2, rng=2), some(2, 4, 4)
    mask = (np.arange(4) < np.array([[2], [4]]))[:, None, None]
    before = np.array(block(candidate.Tensor(x), mask).data)
    x[0, 2:] = 99.0
    after = block(candidate.Tensor(x), mask).data
    given = "two examples, the first is 2 long; then its padding is set to 99"
    expect_array("the first two positions", lambda: after[0, :2], before[0, :2], given=given)
    expect_array("the other example", lambda: after[1], before[1], given=given)
    expect("the largest change of a padded position", lambda: float(np.abs(after[0, 2:] - 99).max() > 0.0), 1.0,
           given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("TransformerBlock", step="masks")
def test_a_mask_and_is_causal_together_are_refused_as_by_the_attention(candidate):
    block, x = candidate.TransformerBlock(4, 2, rng=2), candidate.Tensor(some(1, 3, 4))
    everything = np.ones((3, 3), dtype=bool)
    expect_array("a mask that hides nothing", lambda: block(x, attn_mask=everything).data, block(x).data,
                 given="a block on three positions")  # fmt: skip
    expect_refusals(ValueError, [
        ("what is raised", lambda: block(x, attn_mask=everything, is_causal=True), "attn_mask and is_causal=True"),
    ])  # fmt: skip
