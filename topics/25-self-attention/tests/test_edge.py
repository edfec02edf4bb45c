"""Level 2 where it hurts: queries that may look nowhere, large scores, float32, refusals, what must stay as it is."""

import numpy as np
import pytest

from utils.course import costs
from utils.course.judging import expect, expect_array
from utils.course.tensors import (
    case,
    expect_all_tensors,
    expect_refusal,
    expect_tensors,
    expect_text,
    shares_memory,
    some,
)


def tensors(candidate, *arrays, dtype=float):
    return [candidate.Tensor(np.array(array, dtype=dtype), requires_grad=True) for array in arrays]


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("attention", step="mix")
def test_loops_leave_their_inputs_as_they_are(candidate):
    arrays = [some(3, 2), some(3, 2, seed=1), some(3, 2, seed=2)]
    kept = [array.copy() for array in arrays]
    output = candidate.attention(*arrays, causal=True)
    expect_text("the shape", lambda: np.shape(output), "(3, 2)", given="attention of three positions, causal")
    for what, array, before in zip(("queries", "keys", "values"), arrays, kept, strict=True):
        expect_array(f"{what}, afterwards", lambda a=array: a, before, given="attention of three positions, causal")


@pytest.mark.level1
@pytest.mark.about("attention_weights", step="causal")
def test_causal_where_queries_and_keys_differ_in_number(candidate):
    for queries, keys in ((2, 4), (4, 2)):
        scores = some(queries, 3) @ some(keys, 3).T / np.sqrt(3)
        powers = np.exp(scores) * np.tri(queries, keys)
        expect_array("the weights", lambda n=queries, m=keys: candidate.attention_weights(some(n, 3), some(m, 3), True),
                     powers / powers.sum(axis=1, keepdims=True),
                     given=f"{queries} queries, {keys} keys, causal: query t looks at keys 0 to t")  # fmt: skip


# Level 2: sizes and kinds of numbers ----------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_scores_of_any_size_give_finite_numbers(candidate):
    with np.errstate(all="ignore"):
        for large in (1e3, 1e6, -1e6):
            q, k, v = tensors(candidate, [[large, 0.0]], [[1.0, 0.0], [1.0, 5.0], [-1.0, 0.0]],
                              [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])  # fmt: skip
            output = candidate.scaled_dot_product_attention(q, k, v)
            output.backward(np.array([[1.0, -1.0]]))
            given = f"q [[{large:g}, 0]], k [[1, 0], [1, 5], [-1, 0]], v [[1, 2], [3, 4], [5, 6]], gradient [[1, -1]]"
            weights = np.array([0.5, 0.5, 0.0] if large > 0 else [0.0, 0.0, 1.0])
            expect_array("the output", lambda o=output: o.data, weights @ v.data[None], given=given)
            expect_array("v.grad", lambda v=v: v.grad, weights[:, None] * [1.0, -1.0], given=given, aim="gradient")
            expect_array("q.grad", lambda q=q: q.grad, [[0.0, 0.0]], given=given, aim="gradient")
            # Whoever makes weights from the logarithm of their sum rounds at the size of the scores; q is as large.
            expect_array("k.grad", lambda k=k: k.grad, np.zeros((3, 2)), given=given, aim="gradient",
                         tolerance=max(1e-9, 1e-15 * large**2))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_every_row_is_safe_by_itself(candidate):
    expect_tensors(candidate, "scaled_dot_product_attention(q, k, v)", q=[[1000.0], [-2000.0], [0.5]],
                   k=[[1.0], [1.001]], v=[[1.0], [3.0]], upstream=[[1.0], [1.0], [1.0]], tolerance=1e-7)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_scores_that_are_all_very_negative_are_no_empty_row(candidate):
    expect_tensors(candidate, "scaled_dot_product_attention(q, k, v)", q=[[1000.0]], k=[[-1000.0], [-1000.001]],
                   v=[[1.0], [3.0]], upstream=[[1.0]], tolerance=1e-7)  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_single_precision_stays_single(candidate):
    booleans = np.tri(3, dtype=bool)
    for what, options in {
        "no mask": {}, "is_causal=True": {"is_causal": True},
        "a mask of booleans": {"attn_mask": booleans}, "a mask of float64": {"attn_mask": booleans.astype(float)},
    }.items():  # fmt: skip
        leaves = tensors(candidate, some(3, 3), some(3, 3, seed=1), some(3, 2), dtype=np.float32)
        output = candidate.scaled_dot_product_attention(*leaves, **options)
        output.backward(np.ones((3, 2), dtype=np.float32))
        kinds = [output.data.dtype, *(leaf.grad.dtype for leaf in leaves)]
        expect_text("the kinds of output, q.grad, k.grad and v.grad", lambda kinds=kinds: ", ".join(map(str, kinds)),
                    "float32, float32, float32, float32", given=f"q, k, v of float32, {what}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="together")
def test_without_gradients_asked_for_nothing_is_remembered(candidate):
    q, k, v = map(candidate.Tensor, (some(2, 3), some(2, 3, seed=1), some(2, 3, seed=2)))
    output = candidate.scaled_dot_product_attention(q, k, v)
    expect_text("requires_grad of the output", lambda: output.requires_grad, "False", given="q, k, v without gradients")
    q = candidate.Tensor(some(2, 3), requires_grad=True)
    output = candidate.scaled_dot_product_attention(q, k, v)
    output.sum().backward()
    expect_text("k.grad and v.grad", lambda: (k.grad, v.grad), "(None, None)", given="only q wants a gradient")


# Level 2: the way back ------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_a_second_walk_brings_the_same_gradients_again(candidate):
    leaves = tensors(candidate, some(3, 2), some(3, 2, seed=1), some(3, 2, seed=2))
    output = candidate.scaled_dot_product_attention(*leaves)
    output.backward(some(3, 2, seed=3), retain_graph=True)
    once = [leaf.grad.copy() for leaf in leaves]
    output.backward(some(3, 2, seed=3))
    for what, leaf, grad in zip("qkv", leaves, once, strict=True):
        expect_array(f"{what}.grad", lambda leaf=leaf: leaf.grad, 2 * grad, aim="gradient",
                     given="backward twice, the first time with retain_graph=True")  # fmt: skip
    expect_tensors(candidate, "scaled_dot_product_attention(q, k, v)", q=some(3, 2), k=some(3, 2, seed=1),
                   v=some(3, 2, seed=2), upstream=some(3, 2, seed=3))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_the_gradients_share_no_memory(candidate):
    leaves = tensors(candidate, some(2, 2), some(2, 2, seed=1), some(2, 2, seed=2))
    upstream = some(2, 2, seed=3)
    candidate.scaled_dot_product_attention(*leaves).backward(upstream)
    pairs = [(leaf, other) for leaf in leaves for other in leaves if leaf is not other]
    shared = sum(shares_memory(a.grad, b.grad) for a, b in pairs) + sum(shares_memory(a.grad, a.data) for a in leaves)
    expect("pairs of arrays that share memory", lambda: float(shared), 0.0, given="the gradients of q, k and v")


@pytest.mark.level2
@pytest.mark.resources
@pytest.mark.about("scaled_dot_product_attention", step="back")
def test_one_array_of_weights_is_kept_and_no_more(candidate):
    leaves = tensors(candidate, *(np.linspace(-1, 1, 256 * 4).reshape(256, 4) for _ in range(3)))
    candidate.scaled_dot_product_attention(*leaves)
    held = costs.held_bytes(lambda: candidate.scaled_dot_product_attention(*leaves))
    costs.expect_at_most("the memory held between forward and backward", 1.3, held, 256 * 256 * 8,
                         given="256 queries and keys of 4 numbers, against 256 times 256 weights")  # fmt: skip


# Level 2: masks -------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_masks_that_say_nothing_clear_are_refused(candidate):
    q, k, v = tensors(candidate, some(2, 2), some(2, 2, seed=1), some(2, 2, seed=2))
    attend = candidate.scaled_dot_product_attention
    expect_text("the shape", lambda: attend(q, k, v, is_causal=True).shape, "(2, 2)", given="is_causal=True")
    expect_refusal(ValueError, lambda: attend(q, k, v, np.tri(2, dtype=bool), is_causal=True),
                   given="attn_mask=np.tri(2, dtype=bool), is_causal=True")  # fmt: skip
    for mask in (np.array([[1, 0], [1, 1]]), np.array([1, 0], dtype=np.uint8)):
        expect_refusal(TypeError, lambda mask=mask: attend(q, k, v, mask), given=f"a mask of {mask.dtype}, 0 and 1")


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="masks")
def test_a_mask_is_not_changed(candidate):
    for mask in (np.tri(3, dtype=bool), np.array([0.5, -np.inf, 0.0])):
        kept = mask.copy()
        leaves = tensors(candidate, some(3, 2), some(3, 2, seed=1), some(3, 2, seed=2))
        candidate.scaled_dot_product_attention(*leaves, attn_mask=mask).sum().backward()
        expect_array("the mask, afterwards", lambda m=mask: m.astype(float), kept.astype(float),
                     given=f"a mask of {mask.dtype}, forward and backward")  # fmt: skip


# Level 2: nowhere -----------------------------------------------------------------------------------------------------

HIDDEN = "np.array([[True, False, True], [False, False, False], [False, True, True]])"


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="nowhere")
def test_a_query_that_may_look_nowhere_gets_zeros(candidate):
    q, k, v = tensors(candidate, some(3, 2), some(3, 2, seed=1), some(3, 2, seed=2))
    masks = {"booleans": np.array([[True, True, True], [False] * 3, [True, True, True]]),
             "floats": np.array([[0.0] * 3, [-np.inf] * 3, [0.0] * 3])}  # fmt: skip
    scores = q.data @ k.data.T / np.sqrt(2)
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True) @ v.data
    wanted[1] = 0.0
    with np.errstate(all="ignore"):
        for kind, mask in masks.items():
            expect_array("the output", lambda m=mask: candidate.scaled_dot_product_attention(q, k, v, m).data, wanted,
                         given=f"three queries, and a mask of {kind} in which row 1 hides everything")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="nowhere")
def test_a_query_that_may_look_nowhere_gives_no_gradient(candidate):
    arrays = {"q": some(3, 2), "k": some(3, 2, seed=1), "v": some(3, 2, seed=2)}
    rows = [
        case(f"scaled_dot_product_attention(q, k, v, {HIDDEN})", **arrays),
        case("scaled_dot_product_attention(q, k, v, np.zeros((3, 3), dtype=bool))", **arrays),
        case("scaled_dot_product_attention(q, k, v, np.array([[-np.inf], [0.0], [1.0]]))", **arrays),
        case("scaled_dot_product_attention(q, k, v, np.array([[[True, True, False]], [[False, False, False]]]))",
             q=some(2, 2, 2), k=some(2, 3, 2), v=some(2, 3, 2, seed=1)),
    ]  # fmt: skip
    expect_all_tensors(candidate, *rows)


@pytest.mark.level2
@pytest.mark.about("scaled_dot_product_attention", step="nowhere")
def test_what_nobody_looks_at_gets_no_gradient(candidate):
    q, k, v = tensors(candidate, some(2, 2), some(3, 2), some(3, 2, seed=1))
    with np.errstate(all="ignore"):
        candidate.scaled_dot_product_attention(q, k, v, np.array([True, False, True])).backward(some(2, 2, seed=2))
    given = "three keys, of which a mask hides key 1 from everybody"
    expect_array("k.grad[1]", lambda: k.grad[1], [0.0, 0.0], given=given, aim="gradient")
    expect_array("v.grad[1]", lambda: v.grad[1], [0.0, 0.0], given=given, aim="gradient")
    expect("gradients that are not 0", lambda: float((v.grad[[0, 2]] != 0).sum()), 4.0, given=given, aim="gradient")


# Level 2: padding, heads, layer ---------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("padding_mask")
def test_lengths_from_nothing_to_everything_and_no_others(candidate):
    expect_array("the mask", lambda: np.asarray(candidate.padding_mask([0, 3], 3)).astype(float),
                 np.array([[0, 0, 0], [1, 1, 1]])[:, None, None], given="padding_mask([0, 3], 3)")  # fmt: skip
    for lengths in ([4], [2, -1], [1.5], [3, 3, 7]):
        expect_refusal(ValueError, lambda n=lengths: candidate.padding_mask(n, 3), given=f"padding_mask({lengths}, 3)")


@pytest.mark.level2
@pytest.mark.about("split_heads")
def test_a_width_that_heads_do_not_divide_is_refused(candidate):
    x = candidate.Tensor(some(1, 2, 6))
    expect_text(
        "the shape", lambda: candidate.split_heads(x, 6).shape, "(1, 6, 2, 1)", given="split_heads(x, 6), x (1, 2, 6)"
    )
    for heads in (4, 5, 12):
        expect_refusal(
            ValueError, lambda h=heads: candidate.split_heads(x, h), given=f"split_heads(x, {heads}), x (1, 2, 6)"
        )


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_layer_whose_heads_do_not_divide_its_width_is_refused(candidate):
    x = candidate.Tensor(some(1, 2, 6))
    expect_text(
        "the shape", lambda: candidate.SelfAttention(6, 3, rng=0)(x).shape, "(1, 2, 6)", given="SelfAttention(6, 3)"
    )
    expect_refusal(
        ValueError, lambda: candidate.SelfAttention(6, 4, rng=0)(x), given="SelfAttention(6, 4), and its first call"
    )


@pytest.mark.level2
@pytest.mark.about("SelfAttention")
def test_a_causal_layer_does_not_hear_of_what_comes_later(candidate):
    layer, x = candidate.SelfAttention(4, 2, rng=0), some(1, 4, 4)
    changed = x.copy()
    changed[0, 3] += 5.0
    before, after = (layer(candidate.Tensor(a), is_causal=True).data for a in (x, changed))
    given = "SelfAttention(4, 2), is_causal=True, and another token at position 3"
    expect_array("positions 0 to 2", lambda: after[:, :3], before[:, :3], given=given)
    expect("numbers of position 3 that changed", lambda: float((after[0, 3] != before[0, 3]).sum()), 4.0, given=given)
