"""Levels 1 and 2 at ordinary points: weights and mixtures, tensors and their gradients, masks, heads, the layer."""

import numpy as np
import pytest

from utils.course.judging import expect, expect_array
from utils.course.tensors import case, expect_all_tensors, expect_tensors, expect_text, some

SENTENCE = (
    "three tokens: queries [[0, 1, 1, 0], [1, 0, 0, 1], [2, 1, 0, 0]], keys [[0, 0, 1, 0], [2, 0, 0, 1], [0, 2, 0, 0]]"
)
QUERIES = np.array([[0.0, 1, 1, 0], [1, 0, 0, 1], [2, 1, 0, 0]])
KEYS = np.array([[0.0, 0, 1, 0], [2, 0, 0, 1], [0, 2, 0, 0]])
VALUES = np.array([[1.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
LAST = np.exp([0.0, 2.0, 1.0]) / np.exp([0.0, 2.0, 1.0]).sum()  # of the last query: scores 0, 2 and 1


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# Level 1: weights -----------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("attention_weights", step="weights")
def test_weights_are_the_softmax_of_scaled_dot_products(candidate):
    expect_array("the last row", lambda: candidate.attention_weights(QUERIES, KEYS)[-1], LAST, given=SENTENCE)
    expect_array("the weights", lambda: candidate.attention_weights(QUERIES, KEYS), softmax(QUERIES @ KEYS.T / 2),
                 given=SENTENCE)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("attention_weights", step="weights")
def test_a_row_for_each_query_and_a_column_for_each_key(candidate):
    for queries, keys in ((some(2, 3), some(5, 3)), (some(4, 2), some(1, 2)), (some(1, 9), some(3, 9))):
        given = f"queries {queries.shape}, keys {keys.shape}"
        weights = candidate.attention_weights(queries, keys)
        expect_text("the shape", lambda w=weights: np.shape(w), str((len(queries), len(keys))), given=given)
        wanted = softmax(queries @ keys.T / np.sqrt(queries.shape[1]))
        expect_array("the weights", lambda w=weights: w, wanted, given=given)


@pytest.mark.level1
@pytest.mark.about("attention_weights", step="weights")
def test_a_query_that_fits_all_keys_alike_takes_the_same_from_each(candidate):
    for queries, keys in ((np.zeros((2, 3)), some(4, 3)), (some(2, 3), np.ones((4, 3)))):
        given = "queries of zeros" if not queries.any() else "four equal keys"
        expect_array("the weights", lambda q=queries, k=keys: candidate.attention_weights(q, k),
                     np.full((2, 4), 0.25), given=given)  # fmt: skip


# Level 1: mixtures ----------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("attention", step="mix")
def test_the_output_is_the_weighted_sum_of_the_values(candidate):
    given = f"{SENTENCE}, values [[1, 0], [10, 0], [0, 10]]"
    wanted = [LAST[0] * 1 + LAST[1] * 10, LAST[2] * 10]
    expect_array("the last row", lambda: candidate.attention(QUERIES, KEYS, VALUES)[-1], wanted, given=given)
    expect_array("the output", lambda: candidate.attention(QUERIES, KEYS, VALUES),
                 softmax(QUERIES @ KEYS.T / 2) @ VALUES, given=given)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("attention", step="mix")
def test_a_value_may_have_another_length_than_a_key(candidate):
    for queries, keys, values in ((some(2, 3), some(5, 3), some(5, 4)), (some(3, 4), some(2, 4), some(2, 1))):
        given = f"queries {queries.shape}, keys {keys.shape}, values {values.shape}"
        wanted = softmax(queries @ keys.T / np.sqrt(queries.shape[1])) @ values
        expect_array("the output", lambda q=queries, k=keys, v=values: candidate.attention(q, k, v), wanted,
                     given=given)  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("attention", step="mix")
def test_one_key_that_fits_far_better_hands_over_its_value(candidate):
    queries, keys = np.array([[50.0, 0.0]]), np.array([[0.0, 1.0], [4.0, 0.0], [-1.0, 2.0]])
    expect_array("the output", lambda: candidate.attention(queries, keys, some(3, 4)), some(3, 4)[1:2],
                 given="query [50, 0], keys [[0, 1], [4, 0], [-1, 2]], three values of length 4")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("attention", step="mix")
def test_the_order_of_keys_does_not_matter_if_the_values_go_with_them(candidate):
    queries, keys, values, order = some(2, 3), some(4, 3), some(4, 2), [2, 0, 3, 1]
    straight = np.array(candidate.attention(queries, keys, values), dtype=float)
    expect_array("the output", lambda: candidate.attention(queries, keys[order], values[order]), straight,
                 given="keys and values in the order 2, 0, 3, 1")  # fmt: skip
    wanted = softmax(queries @ keys.T / np.sqrt(3)) @ values
    expect_array("the output", lambda: straight, wanted, given="queries (2, 3), keys (4, 3), values (4, 2)")


# Level 1: causal ------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("attention_weights", step="causal")
def test_a_causal_query_looks_at_itself_and_at_what_came_before(candidate):
    weights = candidate.attention_weights(QUERIES, KEYS, causal=True)
    given = f"{SENTENCE}, causal=True"
    scores = QUERIES @ KEYS.T / 2
    expect_array("row 2", lambda: weights[2], LAST, given=given)  # first: the one that is the same without `causal`
    expect_array("row 0", lambda: weights[0], [1.0, 0.0, 0.0], given=given)
    expect_array("row 1", lambda: weights[1], [*softmax(scores[1, :2]), 0.0], given=given)


@pytest.mark.level1
@pytest.mark.about("attention", step="causal")
def test_what_comes_later_changes_nothing_that_came_before(candidate):
    queries, keys, values = some(6, 4), some(6, 4), some(6, 3)
    whole = np.array(candidate.attention(queries, keys, values, causal=True), dtype=float)
    for size in (1, 3, 5):
        expect_array(f"the first {size} rows", lambda size=size: whole[:size],
                     candidate.attention(queries[:size], keys[:size], values[:size], causal=True),
                     given=f"causal attention of six positions, and of their first {size}")  # fmt: skip
    scores = np.where(np.tri(6, dtype=bool), queries @ keys.T / 2, -np.inf)
    expect_array("the output", lambda: whole, softmax(scores) @ values, given="six positions, d = 4, causal=True")


# Level 2: all queries at once -----------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_tensors_give_what_the_loops_gave(candidate):
    output = candidate.scaled_dot_product_attention(*(candidate.Tensor(a) for a in (QUERIES, KEYS, VALUES)))
    expect_text("it is a Tensor", lambda: isinstance(output, candidate.Tensor), "True", given=SENTENCE)
    expect_array("the output", lambda: output.data, softmax(QUERIES @ KEYS.T / 2) @ VALUES,
                 given=f"{SENTENCE}, values [[1, 0], [10, 0], [0, 10]], as tensors")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_leading_axes_are_computed_side_by_side(candidate):
    for leading in ((2,), (2, 3), (1, 2, 1)):
        q, k, v = some(*leading, 4, 3), some(*leading, 5, 3), some(*leading, 5, 2)
        wanted = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(3)) @ v
        output = candidate.scaled_dot_product_attention(*(candidate.Tensor(a) for a in (q, k, v)))
        expect_array("the output", lambda o=output: o.data, wanted, given=f"q {q.shape}, k {k.shape}, v {v.shape}")


# Level 2: the way back ------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_the_values_get_the_weights_times_upstream(candidate):
    expect_tensors(candidate, "scaled_dot_product_attention(q, k, v)", q=[[2.0, 1.0]], k=[[0.0, 1.0], [2.0, 0.5]],
                   v=[[1.0, -1.0], [3.0, 0.5]], upstream=[[1.0, -2.0]], wanted=("v",))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_the_gradients_of_one_query_and_two_keys(candidate):
    expect_tensors(candidate, "scaled_dot_product_attention(q, k, v)", q=[[2.0, 1.0]], k=[[0.0, 1.0], [2.0, 0.5]],
                   v=[[1.0, -1.0], [3.0, 0.5]], upstream=[[1.0, -2.0]])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_the_gradients_for_every_number_of_queries_keys_and_axes(candidate):
    program = "scaled_dot_product_attention(q, k, v)"
    expect_all_tensors(
        candidate,
        case(program, q=some(3, 4), k=some(3, 4, seed=1), v=some(3, 4, seed=2)),
        case(program, q=some(2, 3), k=some(4, 3), v=some(4, 2)),
        case(program, q=some(2, 3, 3), k=some(2, 2, 3), v=some(2, 2, 4)),
        case(program, q=some(2, 2, 3, 2), k=some(2, 2, 3, 2, seed=1), v=some(2, 2, 3, 2, seed=2)),
    )


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_one_tensor_in_all_three_roles_gathers_three_gradients(candidate):
    expect_all_tensors(
        candidate,
        case("scaled_dot_product_attention(x, x, x)", x=some(3, 2)),
        case("scaled_dot_product_attention(x, y, y)", x=some(3, 2), y=some(2, 2)),
        case("(scaled_dot_product_attention(x * 2, x.tanh(), x) ** 2).sum()", x=some(2, 3, 2)),
    )


# Level 2: masks -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_true_in_a_mask_means_may_look(candidate):
    arrays = {"q": some(3, 4), "k": some(3, 4, seed=1), "v": some(3, 2)}
    expect_all_tensors(
        candidate,
        case("scaled_dot_product_attention(q, k, v, np.array([[True, False, False], [True, True, False], "
             "[False, True, True]]))", **arrays),
        case("scaled_dot_product_attention(q, k, v, attn_mask=np.array([False, True, True]))", **arrays),
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_a_mask_of_floats_is_added_to_the_scores(candidate):
    arrays = {"q": some(2, 4), "k": some(3, 4), "v": some(3, 2)}
    expect_all_tensors(
        candidate,
        case("scaled_dot_product_attention(q, k, v, np.array([[0.5, -1.0, 2.0], [0.0, 0.0, -3.0]]))", **arrays),
        case("scaled_dot_product_attention(q, k, v, np.array([1.0, -np.inf, 0.0]))", **arrays),
    )


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_is_causal_hides_what_comes_later(candidate):
    program = "scaled_dot_product_attention(q, k, v, is_causal=True)"
    expect_all_tensors(
        candidate,
        case(program, q=some(4, 2), k=some(4, 2, seed=1), v=some(4, 3)),
        case(program, q=some(2, 2, 3, 2), k=some(2, 2, 3, 2, seed=1), v=some(2, 2, 3, 2, seed=2)),
        case(program, q=some(2, 3), k=some(4, 3), v=some(4, 2)),
        case(program, q=some(4, 3), k=some(2, 3), v=some(2, 2)),
    )


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_a_mask_is_stretched_over_batch_and_heads(candidate):
    arrays = {"q": some(2, 2, 3, 2), "k": some(2, 2, 3, 2, seed=1), "v": some(2, 2, 3, 2, seed=2)}
    program = "scaled_dot_product_attention(q, k, v, mask)"
    rows = {
        "mask (3, 3)": np.tri(3, dtype=bool),
        "mask (2, 1, 1, 3), one for each example": np.array([[True, True, False], [True, False, True]])[:, None, None],
        "mask (2, 1, 1), one for each head": np.array([0.5, -0.5])[:, None, None] * np.array([1.0, 0.0, -1.0]),
        "mask (2, 1, 3, 3)": np.stack([np.tri(3), np.tri(3).T])[:, None] > 0,
    }
    expect_all_tensors(candidate, *(case(program, constants={"mask": mask}, **arrays) for mask in rows.values()))


# Level 2: padding -----------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("padding_mask")
def test_a_padding_mask_is_true_within_each_length(candidate):
    for lengths in ([2, 4, 1], np.array([2, 4, 1])):
        mask = candidate.padding_mask(lengths, 4)
        given = f"padding_mask({'[2, 4, 1]' if isinstance(lengths, list) else 'np.array([2, 4, 1])'}, 4)"
        expect_text("its kind", lambda m=mask: np.asarray(m).dtype, "bool", given=given)
        expect_array("the mask", lambda m=mask: np.asarray(m).astype(float),
                     np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]])[:, None, None], given=given)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("padding_mask")
def test_what_stands_in_the_padding_does_not_matter(candidate):
    q, k, v = some(2, 2, 3, 2), some(2, 2, 3, 2, seed=1), some(2, 2, 3, 2, seed=2)
    mask = candidate.padding_mask([2, 3], 3)
    other = [k.copy(), v.copy()]
    for array in other:
        array[0, :, 2] += 100.0
    first, second = (
        candidate.scaled_dot_product_attention(*map(candidate.Tensor, (q, keys, values)), attn_mask=mask).data
        for keys, values in ((k, v), other)
    )
    given = "lengths [2, 3], and key and value 2 of example 0 replaced by others"
    expect_array("the output", lambda: second, first, given=given)
    short = softmax(q[0] @ k[0, :, :2].swapaxes(-1, -2) / np.sqrt(2)) @ v[0, :, :2]
    expect_array("example 0", lambda: first[0], short, given="lengths [2, 3], and example 0 without its padding")


# Level 2: heads -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("split_heads")
def test_a_head_takes_its_part_of_every_position(candidate):
    x = np.arange(24.0).reshape(2, 2, 6)
    heads = candidate.split_heads(candidate.Tensor(x), 3)
    given = "split_heads of 0 to 23 in (2, 2, 6), 3 heads"
    expect_text("the shape", lambda: heads.data.shape, "(2, 3, 2, 2)", given=given)
    expect_array("head 0 of example 0", lambda: heads.data[0, 0], [[0, 1], [6, 7]], given=given)
    expect_array("head 2 of example 1", lambda: heads.data[1, 2], [[16, 17], [22, 23]], given=given)


@pytest.mark.level2
@pytest.mark.about("merge_heads")
def test_merging_puts_the_heads_of_a_position_side_by_side(candidate):
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    merged = candidate.merge_heads(candidate.Tensor(x))
    given = "merge_heads of 0 to 23 in (2, 3, 2, 2)"
    expect_array("example 0", lambda: merged.data[0], [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]], given=given)
    for heads in (1, 2, 6):
        x = candidate.Tensor(some(2, 3, 6))
        expect_array("the numbers", lambda x=x, h=heads: candidate.merge_heads(candidate.split_heads(x, h)).data,
                     some(2, 3, 6), given=f"merge_heads(split_heads(x, {heads})), x (2, 3, 6)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("split_heads")
def test_gradients_find_their_way_through_heads(candidate):
    expect_all_tensors(
        candidate,
        case("split_heads(x, 2)", x=some(2, 3, 4)),
        case("merge_heads(x)", x=some(2, 2, 3, 2)),
        case("merge_heads(split_heads(x, 3) * split_heads(y, 3))", x=some(1, 2, 6), y=some(1, 2, 6, seed=1)),
    )


# Level 2: the layer ---------------------------------------------------------------------------------------------------


def layer_by_hand(x, wqkv, bqkv, wout, bout, heads, seen=None):
    """What SelfAttention computes, in NumPy and one head after the other."""
    width = x.shape[-1]
    together, parts = x @ wqkv.T + bqkv, []
    for h in range(heads):
        part = slice(h * width // heads, (h + 1) * width // heads)
        q, k, v = (together[..., i * width : (i + 1) * width][..., part] for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads)
        largest = scores.real.max(axis=-1, keepdims=True)
        powers = np.exp(scores - largest) * (1 if seen is None else seen)
        parts.append(powers / powers.sum(axis=-1, keepdims=True) @ v)
    return np.concatenate(parts, axis=-1) @ wout.T + bout


def arrays_of(layer):
    return [p.data for p in (layer.qkv.weight, layer.qkv.bias, layer.out.weight, layer.out.bias)]


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_layer_holds_two_linear_layers(candidate):
    layer = candidate.SelfAttention(6, 2, rng=0)
    shapes = {name: p.data.shape for name, p in layer.named_parameters()}
    expect_text("the parameters", lambda: sorted(shapes.items()),
                "[('out.bias', (6,)), ('out.weight', (6, 6)), ('qkv.bias', (18,)), ('qkv.weight', (18, 6))]",
                given="SelfAttention(6, 2)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_layer_lets_every_head_look_and_mixes_what_they_bring(candidate):
    for heads in (1, 2, 3):
        layer, x = candidate.SelfAttention(6, heads, rng=1), some(2, 4, 6)
        wanted = layer_by_hand(x, *arrays_of(layer), heads)
        expect_array("the output", lambda n=layer, x=x: n(candidate.Tensor(x)).data, wanted,
                     given=f"SelfAttention(6, {heads}), x (2, 4, 6)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_layer_hands_its_masks_on(candidate):
    layer, x = candidate.SelfAttention(4, 2, rng=2), some(2, 3, 4)
    expect_array("the output", lambda: layer(candidate.Tensor(x), is_causal=True).data,
                 layer_by_hand(x, *arrays_of(layer), 2, np.tri(3)),
                 given="SelfAttention(4, 2), x (2, 3, 4), is_causal=True")  # fmt: skip
    mask = np.array([[True, True, False], [True, True, True]])[:, None, None]
    expect_array("the output", lambda: layer(candidate.Tensor(x), attn_mask=mask).data,
                 layer_by_hand(x, *arrays_of(layer), 2, mask[:, 0]),
                 given="SelfAttention(4, 2), x (2, 3, 4), a padding mask for lengths 2 and 3")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_backward_reaches_every_parameter_and_the_input(candidate):
    layer, x, upstream = candidate.SelfAttention(4, 2, rng=3), some(1, 3, 4), some(1, 3, 4, seed=7)
    tensor = candidate.Tensor(x, requires_grad=True)
    layer(tensor, is_causal=True).backward(upstream)
    given = "SelfAttention(4, 2), x (1, 3, 4), is_causal=True, a random upstream gradient"
    inputs = [x, *(array.copy() for array in arrays_of(layer))]
    found = [tensor, layer.qkv.weight, layer.qkv.bias, layer.out.weight, layer.out.bias]
    for i, (what, leaf) in enumerate(
        zip(("x", "qkv.weight", "qkv.bias", "out.weight", "out.bias"), found, strict=True)
    ):
        slopes = np.zeros(inputs[i].shape)
        for place in np.ndindex(*slopes.shape):
            moved = [array.astype(complex) for array in inputs]
            moved[i][place] += 1e-100j  # the complex step, see Topic 08
            slopes[place] = (layer_by_hand(*moved, 2, np.tri(3)).imag * upstream).sum() / 1e-100
        expect_array(f"{what}.grad", lambda leaf=leaf: leaf.grad, slopes, given=given, aim="gradient")


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_seed_replays_a_layer(candidate):
    def numbers(rng):
        return np.concatenate([array.ravel() for array in arrays_of(candidate.SelfAttention(4, 2, rng=rng))])

    given = "two layers SelfAttention(4, 2)"
    expect_array("the weights of the second", lambda: numbers(5), numbers(5), given=f"{given}, rng=5 twice")
    source = np.random.default_rng(5)
    expect("weights that are equal", lambda: float((numbers(source) == numbers(source)).sum()), 0.0,
           given=f"{given} from one Generator")  # fmt: skip
    expect("weights that are equal", lambda: float((numbers(5) == numbers(6)).sum()), 0.0,
           given=f"{given}, rng=5 and rng=6")  # fmt: skip
    source = np.random.default_rng(5)
    first, second = candidate.Linear(4, 12, rng=source), candidate.Linear(4, 4, rng=source)
    wanted = [p.data.ravel() for p in (first.weight, first.bias, second.weight, second.bias)]
    expect_array("the weights", lambda: numbers(5), np.concatenate(wanted),
                 given="SelfAttention(4, 2, rng=5), against Linear(4, 12) and Linear(4, 4) of one source")  # fmt: skip
