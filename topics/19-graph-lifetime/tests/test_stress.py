"""Levels 3 and 4: let go on the way, hooks, half precision with its budget of error, and PyTorch."""

import gc
import weakref

import numpy as np
import pytest

from utils.course.costs import expect_at_most, held_bytes, peak_bytes
from utils.course.judging import expect, expect_array

RNG = np.random.default_rng(19)


def tanh(a):
    t = np.tanh(a)
    return t, (t,), lambda upstream, t: (upstream * (1 - t * t),)


def mul(a, b):
    return a * b, (a, b), lambda upstream, a, b: (upstream * b, upstream * a)


def relu(a):
    positive = a > 0
    return a * positive, (positive,), lambda upstream, positive: (upstream * positive,)


def matmul(a, b):
    return a @ b, (a, b), lambda upstream, a, b: (upstream @ b.T, a.T @ upstream)


def total(a):
    shape = a.shape
    return a.sum(), (), lambda upstream: (np.broadcast_to(upstream, shape),)


def chain(candidate, x, length, *rules):
    h = candidate.Variable(x)
    for _ in range(length):
        h = candidate.apply(tanh, h)
    for rule in rules:
        h = candidate.apply(rule, h)
    return candidate.apply(total, h)


def same(array):
    return array


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Variable.backward")
def test_backward_lets_go_on_the_way(candidate):
    x, seen = RNG.normal(size=1000), []
    before = candidate.saved_bytes()

    def watched(a):
        def back(upstream):
            seen.append(candidate.saved_bytes() - before)
            return (upstream,)

        return a + 0.0, (), back

    h = candidate.apply(watched, candidate.Variable(x))
    for _ in range(8):
        h = candidate.apply(watched, candidate.apply(tanh, h))
    candidate.apply(total, h).backward()
    expect("saved_bytes() at the first step of backward", lambda: float(seen[0]), 64_000.0, given="eight tanh of 1,000")
    expect("saved_bytes() at the last step of backward", lambda: float(seen[-1]), 0.0, given="eight tanh of 1,000")
    expect(
        "saved_bytes() on the way", lambda: float(seen[4]), 32_000.0, given="eight tanh of 1,000, after four of them"
    )


def shift(a):
    return a + 1.0, (), lambda upstream: (upstream,)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("apply")
def test_inner_results_that_nobody_saved_are_gone(candidate):
    x = candidate.Variable(RNG.normal(size=20_000))

    def shifted():
        h = x
        for _ in range(10):
            h = candidate.apply(shift, h)
        return h

    expect_at_most("the memory of a graph", 1.2, held_bytes(shifted), x.data.nbytes,
                   given="ten additions of 1, which save nothing; beside the last result")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("saved_tensors_hooks")
def test_what_is_saved_goes_through_pack_and_comes_from_unpack(candidate):
    shelf = []

    def pack(array):
        shelf.append(array.copy())
        return len(shelf) - 1

    x, y = candidate.Variable([1.0, 2.0]), candidate.Variable([3.0, 4.0])
    with candidate.saved_tensors_hooks(pack, lambda number: shelf[number] * 10.0):
        product = candidate.apply(mul, x, y)
    expect("arrays that pack was given", lambda: len(shelf), 2.0, given="x * y saves x and y")
    expect_array("the result", lambda: product.data, [3.0, 8.0], given="hooks change nothing on the way there")
    candidate.apply(total, product).backward()
    expect_array("x.grad", lambda: x.grad, [30.0, 40.0], given="unpack gives ten times of what was packed")
    expect_array("y.grad", lambda: y.grad, [10.0, 20.0], given="unpack gives ten times of what was packed")


@pytest.mark.level3
@pytest.mark.about("saved_tensors_hooks")
def test_hooks_belong_to_where_an_array_was_saved(candidate):
    def times(factor):
        return lambda array: (array, factor), lambda packed: packed[0] * packed[1]

    x, y = candidate.Variable([2.0]), candidate.Variable([3.0])
    outside = candidate.apply(mul, x, y)
    with candidate.saved_tensors_hooks(*times(10.0)):
        inside = candidate.apply(mul, x, y)
        with candidate.saved_tensors_hooks(*times(100.0)):
            innermost = candidate.apply(mul, x, y)
        after = candidate.apply(mul, x, y)
        outside.backward()
        expect_array("x.grad", lambda: x.grad, [3.0], given="saved before the block, backward inside of it")
    for result, wanted, given in (
        (inside, 33.0, "saved in the block, backward after it"),
        (innermost, 333.0, "saved in a block inside a block"),
        (after, 363.0, "saved after the inner block"),
        (candidate.apply(mul, x, y), 366.0, "saved after both blocks"),
    ):
        result.backward()
        expect_array("x.grad", lambda: x.grad, [wanted], given=f"{given}; gradients add up")


@pytest.mark.level3
@pytest.mark.about("saved_tensors_hooks")
def test_an_exception_takes_the_hooks_away(candidate):
    x, seen = candidate.Variable([2.0]), []

    def pack(array):
        seen.append(array.shape)
        return array

    passed = 0.0
    try:
        with candidate.saved_tensors_hooks(pack, same):
            candidate.apply(mul, x, x)
            raise KeyError("on the way")
    except KeyError:
        passed = 1.0
    expect("the exception comes out of the block", lambda: passed, 1.0, given="KeyError inside of it")
    candidate.apply(mul, x, x).backward()
    expect(
        "arrays that pack was given", lambda: len(seen), 2.0, given="one x * x inside, an exception, one x * x after"
    )
    expect_array("x.grad", lambda: x.grad, [4.0], given="x * x at 2, after the block")


@pytest.mark.level3
@pytest.mark.about("saved_tensors_hooks")
def test_a_retained_graph_is_unpacked_each_time(candidate):
    class Parcel:
        def __init__(self, array):
            self.array = array

    parcels = []

    def pack(array):
        parcel = Parcel(array.copy())
        parcels.append(weakref.ref(parcel))
        return parcel

    gc.collect()
    gc.disable()
    try:
        x = candidate.Variable([3.0])
        with candidate.saved_tensors_hooks(pack, lambda parcel: parcel.array):
            y = candidate.apply(mul, x, x)
        y.backward(retain_graph=True)
        expect_array("x.grad", lambda: x.grad, [6.0], given="x * x at 3, once")
        y.backward()
        expect_array("x.grad", lambda: x.grad, [12.0], given="x * x at 3, twice")
        expect("packed things alive", lambda: sum(parcel() is not None for parcel in parcels), 0.0,
               given="after the last backward; collector off")  # fmt: skip
    finally:
        gc.enable()


@pytest.mark.level3
@pytest.mark.about("pack_half")
def test_every_entry_comes_back_to_one_part_in_2048(candidate):
    for size in (1.0, 1e5, 1e-7, 1e30, 1e-30):
        array = RNG.choice([-1.0, 1.0], 2000) * 10.0 ** RNG.uniform(-7.0, 0.0, 2000) * size
        back = candidate.unpack_half(candidate.pack_half(array))
        error = float(np.abs(back / array - 1).max() * 2**11)
        expect("entries within one part in 2,048", lambda error=error: float(error <= 1.0), 1.0,
               given=f"numbers up to {size:g}")  # fmt: skip
    array = np.array([1.0, 1e-3, 3e-9, -2e-12, 0.0])
    back = candidate.unpack_half(candidate.pack_half(array))
    expect_array("the numbers", lambda: back[2:], array[2:], given="small beside the largest, which is 1",
                 tolerance=1e-11)  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("unpack_half")
def test_shape_and_kind_of_number_come_back(candidate):
    for array in (
        np.float64([[1.5, -2.0]]), np.float32([[0.25], [8.0]]), np.array(3.0), np.zeros((2, 0)), np.zeros(3),
        np.array([1, 70_000, -3]), np.array([True, False]), np.array([np.inf, -np.inf, 2.0**20]),
    ):  # fmt: skip
        back = candidate.unpack_half(candidate.pack_half(array))
        given = f"{array.dtype} of shape {array.shape}"
        expect("the same kind of number", lambda back=back, a=array: float(back.dtype == a.dtype), 1.0, given=given)
        expect_array("the numbers", lambda back=back: back * 1.0, array, given=given)
    back = candidate.unpack_half(candidate.pack_half(np.array([np.nan, 2.0**20])))
    expect_array("the numbers", lambda: back, [np.nan, 2.0**20], given="nan and 2**20")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("pack_half")
def test_a_packed_array_takes_two_bytes_a_number(candidate):
    for dtype, part in ((np.float64, 0.27), (np.float32, 0.54)):
        array = RNG.normal(size=50_000).astype(dtype)
        kept = held_bytes(lambda array=array: candidate.pack_half(array))
        expect_at_most("the memory of pack_half(array)", part, kept, array.nbytes, given=f"50,000 {dtype.__name__}")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("saved_tensors_hooks")
def test_packed_graphs_keep_a_quarter_or_a_half(candidate):
    for dtype, part in ((np.float64, 4.0), (np.float32, 2.0)):
        _expect_part(candidate, RNG.normal(size=1000).astype(dtype), part)


def _expect_part(candidate, x, part):
    before = candidate.saved_bytes()
    plain = chain(candidate, x, 6)
    whole = candidate.saved_bytes() - before
    with candidate.saved_tensors_hooks(candidate.pack_half, candidate.unpack_half):
        packed = chain(candidate, x, 6)
    expect("saved bytes, plain to packed", lambda: whole / (candidate.saved_bytes() - before - whole), part,
           given=f"six tanh of 1,000 {x.dtype}")  # fmt: skip
    del plain, packed
    expect("saved_bytes()", lambda: candidate.saved_bytes() - before, 0.0, given="after `del` of both")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("saved_tensors_hooks")
def test_a_graph_waits_in_less_than_half_of_the_memory(candidate):
    x = RNG.normal(size=40_000)

    def packed():
        with candidate.saved_tensors_hooks(candidate.pack_half, candidate.unpack_half):
            return chain(candidate, x, 12)

    expect_at_most(
        "the memory of a packed graph", 0.3, held_bytes(packed), 12 * x.nbytes, given="twelve tanh of 40,000"
    )
    loss = packed()
    peak = peak_bytes(lambda: loss.backward(retain_graph=True))
    expect_at_most("the memory of its backward", 6.0, peak, x.nbytes, given="twelve tanh; beside one array")


@pytest.mark.level3
@pytest.mark.about("pack_half")
def test_gradients_of_a_packed_network_stay_within_the_budget(candidate):
    def gradients(pack, unpack):
        rng = np.random.default_rng(3)
        weights = [candidate.Variable(rng.normal(size=(32, 32)) / 32**0.5) for _ in range(8)]
        with candidate.saved_tensors_hooks(pack, unpack):
            h = candidate.Variable(rng.normal(size=(64, 32)))
            for number, w in enumerate(weights):
                h = candidate.apply((tanh, relu)[number % 2], candidate.apply(matmul, h, w))
            loss = candidate.apply(total, candidate.apply(mul, h, h))
        loss.backward()
        return loss.data, [w.grad for w in weights]

    loss, exact = gradients(same, same)
    packed_loss, found = gradients(candidate.pack_half, candidate.unpack_half)
    given = "eight layers of 32, packed to float16"
    expect_array("the loss", lambda: packed_loss, loss, given=given, tolerance=1e-15)
    for number, (wanted, got) in enumerate(zip(exact, found, strict=True)):
        error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
        expect("gradients within a thousandth", lambda error=error: float(error <= 1e-3), 1.0,
               given=f"{given}, layer {number}, beside the largest one")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


def _in_torch(torch, x, weights, hooks):
    leaves = [torch.tensor(x, requires_grad=True), *[torch.tensor(w, requires_grad=True) for w in weights]]
    with torch.autograd.graph.saved_tensors_hooks(*hooks):
        h = leaves[0]
        for w in leaves[1:]:
            h = torch.tanh(h @ w)
        loss = (h * h).sum()
    return loss, leaves


def _ours(candidate, x, weights, hooks):
    leaves = [candidate.Variable(x), *[candidate.Variable(w) for w in weights]]
    with candidate.saved_tensors_hooks(*hooks):
        h = leaves[0]
        for w in leaves[1:]:
            h = candidate.apply(tanh, candidate.apply(matmul, h, w))
        loss = candidate.apply(total, candidate.apply(mul, h, h))
    return loss, leaves


@pytest.mark.level4
@pytest.mark.about("saved_tensors_hooks")
def test_the_same_hooks_give_the_same_gradients_in_torch(candidate):
    import torch

    torch.set_num_threads(1)
    x, weights = RNG.normal(size=(16, 8)), [RNG.normal(size=(8, 8)) / 8**0.5 for _ in range(4)]
    ours = candidate.pack_half, candidate.unpack_half
    in_torch = (lambda tensor: ours[0](tensor.detach().numpy()), lambda packed: torch.as_tensor(ours[1](packed)))
    for name, mine, theirs in (("hooks that do nothing", (same, same), (same, same)), ("float16", ours, in_torch)):
        loss, leaves = _ours(candidate, x, weights, mine)
        wanted, their_leaves = _in_torch(torch, x, weights, theirs)
        loss.backward()
        wanted.backward()
        expect_array("the loss", lambda loss=loss: loss.data, wanted.detach().numpy(), given=name, tolerance=1e-12)
        for number, (leaf, other) in enumerate(zip(leaves, their_leaves, strict=True)):
            expect_array(f"the gradient of leaf {number}", lambda leaf=leaf: leaf.grad, other.grad.numpy(), given=name,
                         tolerance=1e-10, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("Variable.backward")
def test_graphs_are_kept_and_refused_as_in_torch(candidate):
    import torch

    x, weights = RNG.normal(size=(4, 3)), [RNG.normal(size=(3, 3))]
    both = _ours(candidate, x, weights, (same, same)), _in_torch(torch, x, weights, (same, same))
    grads = []
    for loss, leaves in both:
        loss.backward(retain_graph=True)
        loss.backward()
        try:
            loss.backward()
            refused = 0.0
        except RuntimeError as error:
            refused = float("retain_graph=True" in str(error))
        expect("the third backward names retain_graph=True", lambda refused=refused: refused, 1.0,
               given="backward(retain_graph=True), backward(), backward()")  # fmt: skip
        grads.append(np.asarray(leaves[0].grad))
    expect_array("x.grad", lambda: grads[0], grads[1], given="after two walks, beside torch's", aim="gradient")
