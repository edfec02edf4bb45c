"""What the grader asks of a submission: attention of random queries, keys and values, and all gradients."""

import numpy as np

from utils.autograd_stub import Linear, Tensor
from utils.grading.cases import NoNumber, case, refuses


def data_of(tensor):
    """The array in a tensor; NumPy's own class, or it is no answer."""
    if type(tensor.data) is not np.ndarray:
        raise NoNumber(f"{type(tensor.data).__name__} where an array belongs")
    return tensor.data


def walked(draw, make, *arrays):
    """Result and gradients of make(*tensors) from a random upstream; whether inputs and upstream are as they were."""
    kept = [array.copy() for array in arrays]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    result = make(*tensors)
    upstream = draw.array(*data_of(result).shape).astype(data_of(result).dtype)
    given = upstream.copy()
    result.backward(upstream)
    answers = [draw.along(data_of(result)), *(draw.along(tensor.grad) for tensor in tensors)]
    answers += [float(array.dtype == arrays[0].dtype) for array in (result.data, *(tensor.grad for tensor in tensors))]
    same = all((array == before).all() for array, before in zip(arrays, kept, strict=True))
    return [*answers, float(same and (upstream == given).all())]


def three(draw, *leading, queries=4, keys=5, depth=3, width=2):
    """Queries, keys and values."""
    return [draw.array(*leading, queries, depth), draw.array(*leading, keys, depth), draw.array(*leading, keys, width)]


# Level 1 --------------------------------------------------------------------------------------------------------------


SIZES = ((3, 3, 2, 2), (2, 5, 4, 3), (5, 2, 3, 4), (1, 1, 1, 1), (4, 4, 6, 1))


@case(1, "attention_weights", step="weights")
def a_softmax_for_each_query(candidate, draw):
    answers = []
    for queries, keys, depth, _ in SIZES:
        q, k = draw.array(queries, depth), draw.array(keys, depth)
        kept = q.copy(), k.copy()
        answers += [draw.along(candidate.attention_weights(q, k)), draw.along(candidate.attention_weights(2 * q, k))]
        answers.append(float((q == kept[0]).all() and (k == kept[1]).all()))
    return answers


@case(1, "attention", step="mix")
def values_in_these_shares(candidate, draw):
    answers = []
    for queries, keys, depth, width in SIZES:
        q, k, v = three(draw, queries=queries, keys=keys, depth=depth, width=width)
        kept = [array.copy() for array in (q, k, v)]
        answers.append(draw.along(candidate.attention(q, k, v)))
        answers.append(float(all((a == b).all() for a, b in zip((q, k, v), kept, strict=True))))
    return answers


@case(1, "attention", step="causal")
def nobody_looks_ahead(candidate, draw):
    answers = []
    for queries, keys, depth, width in SIZES:
        q, k, v = three(draw, queries=queries, keys=keys, depth=depth, width=width)
        weights = candidate.attention_weights(q, k, causal=True)
        answers += [draw.along(weights), float((np.asarray(weights) == 0).sum())]
        answers += [
            draw.along(candidate.attention(q, k, v, causal=True)),
            draw.along(candidate.attention(q, k, v, True)),
        ]
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "scaled_dot_product_attention", step="together")
def heads_and_examples_at_once(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    for leading in ((), (2,), (2, 3), (1, 2, 1)):
        q, k, v = map(Tensor, three(draw, *leading))
        answers += [draw.along(data_of(attend(q, k, v))), draw.along(data_of(attend(q, k, v, is_causal=True)))]
    with np.errstate(all="ignore"):
        for large in (1e3, -1e5, 1e6):
            q, k, v = three(draw, 2, queries=2)
            answers += walked(draw, attend, q * large, k, v)[:4:3]  # the output, and what comes to v
        apart = np.array([[1000.0], [-2000.0], [0.5]]) * draw.array(3, 1)
        answers += walked(draw, attend, apart, 1.0 + 1e-3 * draw.array(3, 1), draw.array(3, 2))
        answers += walked(
            draw, attend, np.full((1, 1), 1000.0), -1000.0 - 1e-3 * np.abs(draw.array(2, 1)), draw.array(2, 1)
        )
    small = [array.astype(np.float32) for array in three(draw)]
    for how in ({}, {"is_causal": True}, {"attn_mask": np.tri(4, 5)}, {"attn_mask": np.tri(4, 5, dtype=bool)}):
        answers += walked(draw, lambda q, k, v, h=how: attend(q, k, v, **h), *small)[4:]
    plain = attend(*map(Tensor, three(draw)))
    return [*answers, float(bool(plain.requires_grad)), draw.along(data_of(plain))]


@case(2, "scaled_dot_product_attention", step="back")
def the_way_back(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    for leading in ((), (2,), (2, 3)):
        for sizes in (
            {},
            {"queries": 3, "keys": 3, "depth": 3, "width": 3},
            {"queries": 6, "keys": 2, "depth": 1, "width": 4},
        ):
            answers += walked(draw, attend, *three(draw, *leading, **sizes))
            answers += walked(draw, lambda q, k, v: attend(q, k, v, is_causal=True), *three(draw, *leading, **sizes))
    leaves = [Tensor(array, requires_grad=True) for array in three(draw)]
    out, upstream = attend(*leaves), draw.array(4, 2)
    out.backward(upstream, retain_graph=True)
    answers += [draw.along(leaf.grad) for leaf in leaves]
    out.backward(upstream)
    answers += [draw.along(leaf.grad) for leaf in leaves]
    arrays = [array for leaf in leaves for array in (leaf.grad, leaf.data)]
    answers.append(float(sum(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[k + 1 :])))
    x = Tensor(draw.array(3, 4), requires_grad=True)
    attend(x, x, x).backward(draw.array(3, 4))
    q, k, v = map(Tensor, three(draw))
    alone = Tensor(k.data, requires_grad=True)
    attend(q, alone, v).backward(draw.array(4, 2))
    return [*answers, draw.along(x.grad), draw.along(alone.grad), float(q.grad is None and v.grad is None)]


def masks(draw, *leading):
    """Masks for 4 queries and 5 keys, in which each query may look somewhere."""
    found = []
    for shape in ((4, 5), (5,), (1, 5), (*leading, 4, 5), (*leading[:1], *[1] * len(leading[1:]), 1, 5)):
        seen = draw.array(*shape) > -0.3
        seen[..., draw.integer(0, 4)] = True
        found += [seen, draw.array(*shape)]
    hidden = np.where(draw.array(4, 5) > 0.4, -np.inf, 0.0)
    hidden[:, draw.integer(0, 4)] = draw.number()
    return [*found, hidden, draw.array(4, 1) > -9]


@case(2, "scaled_dot_product_attention", step="masks")
def masks_of_booleans_and_of_numbers(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    for leading in ((), (2, 3)):
        for mask in masks(draw, *leading):
            kept = mask.copy()
            answers += walked(draw, lambda q, k, v, m=mask: attend(q, k, v, attn_mask=m), *three(draw, *leading))
            answers.append(float(np.array_equal(mask, kept)))
    q, k, v = map(Tensor, three(draw))
    answers.append(draw.along(data_of(attend(q, k, v, np.tri(4, 5, dtype=bool)))))
    answers.append(refuses(ValueError, lambda: attend(q, k, v, np.tri(4, 5, dtype=bool), is_causal=True)))
    for kind in (int, np.uint8):
        answers.append(refuses(TypeError, lambda whole=kind: attend(q, k, v, np.tri(4, 5, dtype=whole))))
    return answers


@case(2, "scaled_dot_product_attention", step="nowhere")
def queries_that_may_look_nowhere(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    with np.errstate(all="ignore"):
        for leading in ((), (2,)):
            seen = draw.array(*leading, 4, 5) > 0
            seen[..., draw.integer(0, 3), :] = False
            lonely = np.zeros(5, dtype=bool)
            lonely[draw.integer(0, 4)] = True  # keys that nobody looks at get no gradient
            for mask in (seen, np.where(seen, 0.0, -np.inf), np.zeros((4, 5), dtype=bool), lonely,
                         np.array([[-np.inf], [0.0], [1.0], [-np.inf]])):  # fmt: skip
                answers += walked(draw, lambda q, k, v, m=mask: attend(q, k, v, m), *three(draw, *leading))
        answers.append(draw.along(data_of(attend(*map(Tensor, three(draw)), lonely))))
    return answers


@case(2, "padding_mask")
def lengths_of_examples(candidate, draw):
    answers = []
    for size in (1, 4, 7):
        lengths = [draw.integer(0, size) for _ in range(4)] + [0, size]
        for given in (lengths, np.array(lengths)):
            mask = candidate.padding_mask(given, size)
            if type(mask) is not np.ndarray or mask.dtype != bool:
                raise NoNumber("an array of booleans belongs here")
            answers += [[float(n) for n in mask.shape], [float(seen) for seen in mask.ravel()]]
    for wrong in ([4], [2, -1], [1.5], [3, 3, 7]):
        answers.append(refuses(ValueError, lambda w=wrong: candidate.padding_mask(w, 3)))
    return answers


@case(2, "split_heads")
def heads_apart_and_together(candidate, draw):
    answers = []
    for batch, heads, time, depth in ((2, 3, 4, 2), (1, 2, 3, 3), (3, 1, 2, 5), (2, 4, 5, 1), (2, 2, 2, 2)):
        answers += walked(draw, lambda t, h=heads: candidate.split_heads(t, h), draw.array(batch, time, heads * depth))
        answers += walked(draw, candidate.merge_heads, draw.array(batch, heads, time, depth))
        back = lambda t, h=heads: candidate.merge_heads(candidate.split_heads(t, h) * 2.0)  # noqa: E731
        answers += walked(draw, back, draw.array(batch, time, heads * depth))
    x = Tensor(draw.array(1, 2, 6))
    return [*answers, *(refuses(ValueError, lambda h=heads: candidate.split_heads(x, h)) for heads in (4, 5, 12))]


def layer_of(candidate, draw, width, heads):
    """A layer whose numbers are drawn here."""
    layer = candidate.SelfAttention(width, heads, rng=0)
    state = layer.state_dict()
    layer.load_state_dict({name: draw.array(*state[name].shape) for name in sorted(state)})
    return layer


@case(2, "SelfAttention")
def a_layer_of_heads(candidate, draw):
    answers = []
    for width, heads in ((4, 2), (6, 3), (5, 1), (4, 4)):
        for how in (
            {},
            {"is_causal": True},
            {"attn_mask": np.tri(3, k=1, dtype=bool)},
            {"attn_mask": draw.array(2, 1, 1, 3)},
        ):
            layer = layer_of(candidate, draw, width, heads)
            answers += walked(draw, lambda x, m=layer, h=how: m(x, **h), draw.array(2, 3, width))
            answers += [draw.along(p.grad) for _, p in sorted(layer.named_parameters())]
        answers += [[float(n) for n in p.data.shape] for _, p in sorted(layer.named_parameters())]
    seed = draw.integer(0, 10**6)
    rng = np.random.default_rng(seed)
    qkv, out, layer = Linear(4, 12, rng=rng), Linear(4, 4, rng=rng), candidate.SelfAttention(4, 2, rng=seed)
    pairs = ((layer.qkv.weight, qkv.weight), (layer.qkv.bias, qkv.bias), (layer.out.weight, out.weight))
    answers += [float((data_of(mine) == data_of(right)).all()) for mine, right in pairs]
    free = [candidate.SelfAttention(4, 2).qkv.weight.data for _ in range(2)]
    answers.append(float((free[0] == free[1]).all()))
    x = Tensor(draw.array(1, 2, 6))
    return [*answers, refuses(ValueError, lambda: candidate.SelfAttention(6, 4, rng=0)(x)), draw.along(x.data)]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "scaled_dot_product_attention", step="blocks")
def many_queries_and_any_mask(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    for queries, keys in ((300, 7), (draw.integer(129, 280), 40)):
        sizes = {"queries": queries, "keys": keys}
        answers += walked(draw, attend, *three(draw, 2, **sizes))
        answers += walked(draw, lambda q, k, v: attend(q, k, v, is_causal=True), *three(draw, **sizes))
        for shape in ((queries, keys), (2, queries, keys), (keys,), (queries, 1), (2, 1, keys)):
            for mask in (draw.array(*shape) > 0, draw.array(*shape)):
                answers += walked(draw, lambda q, k, v, m=mask: attend(q, k, v, m), *three(draw, 2, **sizes))
    answers += walked(draw, lambda q, k, v: attend(q, k, v, is_causal=True), *three(draw, queries=150, keys=300))
    return answers


@case(3, "scaled_dot_product_attention", step="again", room=1.5, tolerance=1e-4)
def no_weights_of_all_queries(candidate, draw):
    # 1,400 times 1,400 weights in float32 take 8 MB; level 3 holds some blocks of them.
    leaves = [Tensor(array.astype(np.float32), requires_grad=True)
              for array in three(draw, queries=1400, keys=1400, depth=16, width=16)]  # fmt: skip
    out = candidate.scaled_dot_product_attention(*leaves)
    out.backward(np.ones((1400, 16), dtype=np.float32))
    return [float(bool(np.isfinite(data_of(out)).all())), [float(x) for x in data_of(out)[0, :4]]]


@case(3, "scaled_dot_product_attention", step="again")
def walked_twice(candidate, draw):
    leaves = [Tensor(array, requires_grad=True) for array in three(draw, queries=260, keys=9)]
    out, upstream = candidate.scaled_dot_product_attention(*leaves), draw.array(260, 2)
    out.backward(upstream, retain_graph=True)
    answers = [draw.along(leaf.grad) for leaf in leaves]
    out.backward(upstream)
    return [*answers, *(draw.along(leaf.grad) for leaf in leaves), draw.along(upstream)]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "SelfAttention", tolerance=1e-6)
def a_layer_takes_its_steps(candidate, draw):
    layer, answers = layer_of(candidate, draw, 6, 2), []
    x, wanted = draw.array(4, 5, 6), draw.array(4, 5, 6)
    for _ in range(12):
        error = layer(Tensor(x), is_causal=True) - wanted
        loss = (error * error).mean()
        layer.zero_grad()
        loss.backward()
        for p in layer.parameters():
            p.data -= 0.1 * p.grad
        answers.append(float(data_of(loss)))
    return [*answers, *(draw.along(p.data) for _, p in sorted(layer.named_parameters()))]


@case(4, "scaled_dot_product_attention", step="pytorch")
def random_sizes(candidate, draw):
    attend, answers = candidate.scaled_dot_product_attention, []
    for number in range(8):
        sizes = {name: draw.integer(1, 8) for name in ("queries", "keys", "depth", "width")}
        arrays = three(draw, *((), (2,), (2, 3))[number % 3], **sizes)
        mask = (None, draw.array(sizes["queries"], sizes["keys"]) > -0.5, draw.array(sizes["keys"]))[number % 3]
        answers += walked(draw, lambda q, k, v, m=mask: attend(q, k, v, m), *arrays)
    return answers
