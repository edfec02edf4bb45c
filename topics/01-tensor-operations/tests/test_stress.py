"""Levels 2 to 4 at size: random shapes against NumPy, views that share their storage, bytes, and PyTorch."""

import math

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import expect, expect_array, expect_indexed, expect_refusals


def counted(candidate, shape, start=0):
    """An NDArray whose numbers are 0, 1, 2, ..., and NumPy's array of them."""
    numbers = [float(start + k) for k in range(math.prod(shape))]
    return candidate.NDArray(numbers, shape), np.array(numbers).reshape(shape)


def of(candidate, numbers):
    """An NDArray with the numbers of a NumPy array."""
    return candidate.NDArray(numbers.ravel().tolist(), numbers.shape)


def expect_each(rows):
    """expect_indexed for a table of (what, get, expected, given) to its end, then raise for the first that failed."""
    first = None
    for what, get, expected, given in rows:
        try:
            expect_indexed(what, get, expected, given=given)
        except Exception as error:
            first = first or error
    if first:
        raise first


def plain_bytes(count):
    """The memory of a list of so many floats."""
    return peak_bytes(lambda: [k * 0.5 for k in range(count)])


def random_view(random, a, x):
    """Some permutes, slices and stretches in a row: (the view, the same of NumPy, the calls in words)."""
    words = f"a {x.shape}"
    for _ in range(3):
        kind = random.integers(3)
        if kind == 0:
            axes = tuple(random.permutation(x.ndim).tolist())
            a, x, words = a.permute(axes), x.transpose(axes), f"{words}.permute({axes})"
        elif kind == 1 and max(x.shape, default=0) > 1:
            axis = int(np.argmax(x.shape))
            first, step = int(random.integers(2)), int(random.integers(1, 3))
            index = (slice(None),) * axis + (slice(first, None, step),)
            a, x, words = a[index], x[index], f"{words}[{':, ' * axis}{first}::{step}]"
        else:
            shape = (2, *x.shape)
            a, x, words = a.broadcast_to(shape), np.broadcast_to(x, shape), f"{words}.broadcast_to({shape})"
    return a, x, words


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("NDArray.__mul__")
def test_random_shapes_are_stretched_as_numpy_does(candidate):
    random, rows = np.random.default_rng(1), []
    for _ in range(25):
        shape = random.integers(0, 4, size=random.integers(1, 4))
        left, right = (tuple(np.where(random.random(len(shape)) < 0.35, 1, shape).tolist()) for _ in range(2))
        right = right[int(random.integers(len(right) + 1)) :]
        x, y = random.normal(size=left), random.normal(size=right)
        rows.append(("(a * b)", lambda x=x, y=y: of(candidate, x) * of(candidate, y), x * y,
                     f"random numbers of shapes {left} and {right}"))  # fmt: skip
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.about("NDArray.sum")
def test_random_axes_of_permuted_arrays_are_summed_as_numpy_does(candidate):
    random, rows = np.random.default_rng(2), []
    for _ in range(15):
        shape = tuple(random.integers(1, 4, size=random.integers(1, 5)).tolist())
        order = tuple(random.permutation(len(shape)).tolist())
        axes = tuple(random.permutation(len(shape))[: random.integers(1, len(shape) + 1)].tolist())
        axes, keepdims = tuple(k - len(shape) if random.random() < 0.5 else k for k in axes), bool(random.integers(2))
        x = random.normal(size=shape)
        rows.append((f"a.permute({order}).sum({axes}, keepdims={keepdims})",
                     lambda x=x, o=order, k=axes, d=keepdims: of(candidate, x).permute(o).sum(k, keepdims=d),
                     x.transpose(order).sum(axes, keepdims=keepdims), f"a random {shape}"))  # fmt: skip
    expect_each(rows)


# Level 3 --------------------------------------------------------------------------------------------------------------


def expect_shared(candidate, shape, words, view, index, place):
    """What is written into the array is read through the view, and the other way round."""
    a, x = counted(candidate, shape)
    seen, mirror = view(a), view(x)
    given = f"a {shape}, counted; v = {words}"
    expect_indexed("v", lambda: seen, mirror, given=given)
    a[place] = 100.0
    where, there = ", ".join(map(str, index)), ", ".join(map(str, place))
    expect(f"v[{where}]", lambda: seen[index], 100.0, given=f"{given}; a[{there}] = 100")
    seen[index] = 200.0
    expect(f"a[{there}]", lambda: a[place], 200.0, given=f"{given}; v[{where}] = 200")


def permuted(order):
    return lambda a: a.permute(order) if hasattr(a, "permute") else a.transpose(order)


def stretched(shape):
    return lambda a: a.broadcast_to(shape) if hasattr(a, "broadcast_to") else np.broadcast_to(a, shape)


@pytest.mark.level3
@pytest.mark.about("NDArray.permute", step="views")
def test_a_permuted_array_reads_and_writes_the_same_numbers(candidate):
    expect_shared(candidate, (2, 3), "a.permute((1, 0))", permuted((1, 0)), (2, 0), (0, 2))
    expect_shared(candidate, (2, 3, 4), "a.permute((2, 0, 1))", permuted((2, 0, 1)), (3, 1, 0), (1, 0, 3))


@pytest.mark.level3
@pytest.mark.about("NDArray.__getitem__", step="views")
def test_a_slice_reads_and_writes_the_same_numbers(candidate):
    expect_shared(candidate, (3, 4), "a[1]", lambda a: a[1], (2,), (1, 2))
    expect_shared(candidate, (3, 4), "a[:, 1]", lambda a: a[:, 1], (2,), (2, 1))
    expect_shared(candidate, (3, 4), "a[1:, ::2]", lambda a: a[1:, ::2], (1, 1), (2, 2))
    expect_shared(candidate, (3, 4), "a[1:][:, 2:][1]", lambda a: a[1:][:, 2:][1], (0,), (2, 2))


@pytest.mark.level3
@pytest.mark.about("NDArray.broadcast_to", step="views")
def test_a_stretched_array_repeats_a_number_without_copying_it(candidate):
    a, x = counted(candidate, (2, 1))
    wide = a.broadcast_to((3, 2, 4))
    given = "a (2, 1), counted; v = a.broadcast_to((3, 2, 4))"
    expect_indexed("v", lambda: wide, np.broadcast_to(x, (3, 2, 4)), given=given)
    a[1, 0] = 100.0
    x[1, 0] = 100.0
    expect_indexed("v", lambda: wide, np.broadcast_to(x, (3, 2, 4)), given=f"{given}; a[1, 0] = 100")


@pytest.mark.level3
@pytest.mark.about("NDArray", step="views")
def test_a_view_is_a_shape_strides_and_an_offset(candidate):
    a, _ = counted(candidate, (2, 3, 4))
    given = "a of shape (2, 3, 4)"
    for words, view, strides, offset in (
        ("a", a, (12, 4, 1), 0),
        ("a.permute((2, 0, 1))", a.permute((2, 0, 1)), (1, 12, 4), 0),
        ("a[1]", a[1], (4, 1), 12),
        ("a[:, 1:, ::2]", a[:, 1:, ::2], (12, 4, 2), 4),
        ("a[1].permute((1, 0))[2:]", a[1].permute((1, 0))[2:], (1, 4), 14),
        ("a[0].broadcast_to((5, 3, 4))", a[0].broadcast_to((5, 3, 4)), (0, 4, 1), 0),
        ("a[:, :1].broadcast_to((2, 3, 4))", a[:, :1].broadcast_to((2, 3, 4)), (12, 0, 1), 0),
    ):
        expect_array(f"{words}.strides", lambda v=view: v.strides, strides, given=given)
        expect(f"{words}.offset", lambda v=view: v.offset, offset, given=given)
    expect_indexed("NDArray(storage, (2, 2), (3, 1), 4)",
                   lambda: candidate.NDArray([float(k) for k in range(10)], (2, 2), (3, 1), 4),
                   [[4.0, 5.0], [7.0, 8.0]], given="storage = [0, 1, ..., 9]")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("NDArray", step="views")
def test_every_operation_reads_any_view(candidate):
    random, rows = np.random.default_rng(3), []
    for _ in range(12):
        shape = tuple(random.integers(2, 4, size=2).tolist())
        a, x, words = random_view(random, *counted(candidate, shape, 1))
        b, y, more = random_view(random, *counted(candidate, shape, 1))
        b, y = b.reshape((-1,)), y.reshape(-1)
        rows += [
            ("v", lambda a=a: a, x, f"v = {words}"),
            ("v.tolist()", lambda a=a: candidate.array(a.tolist()), x, f"v = {words}"),
            ("(v * v)", lambda a=a: a * a, x * x, f"v = {words}"),
            ("v.sum(0)", lambda a=a: a.sum(0), x.sum(0), f"v = {words}"),
            ("v.max(-1)", lambda a=a: a.max(-1), x.max(-1), f"v = {words}"),
            ("v.reshape((-1,))", lambda b=b: b, y, f"v = {more}"),
        ]
        if x.ndim >= 2:
            turned, other = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2), np.swapaxes(x, -1, -2)
            rows.append(
                (f"(v @ v.permute({turned}))", lambda a=a, t=turned: a @ a.permute(t), x @ other, f"v = {words}")
            )
        letters = "abcdefgh"[: x.ndim]
        rows.append((f'einsum("{letters},{letters}->{letters[::-1]}", v, v)',
                     lambda a=a, k=letters: candidate.einsum(f"{k},{k}->{k[::-1]}", a, a), (x * x).T,
                     f"v = {words}"))  # fmt: skip
    expect_each(rows)


@pytest.mark.level3
@pytest.mark.about("NDArray.is_contiguous")
def test_contiguous_means_side_by_side_in_row_major_order(candidate):
    a, row = counted(candidate, (3, 4))[0], counted(candidate, (3, 1, 4))[0]
    for words, view, expected in (
        ("a", a, True), ("a.permute((1, 0))", a.permute((1, 0)), False), ("a[1:]", a[1:], True), ("a[1]", a[1], True),
        ("a[:, 1:]", a[:, 1:], False), ("a[::2]", a[::2], False), ("a[:, 1]", a[:, 1], False),
        ("a[1, 1:3]", a[1, 1:3], True), ("a[1:2, 1:]", a[1:2, 1:], True), ("a[:0, 1:]", a[:0, 1:], True),
        ("a[0].broadcast_to((2, 4))", a[0].broadcast_to((2, 4)), False), ("a + a", a + a, True),
    ):  # fmt: skip
        expect(f"{words}.is_contiguous(), 1 for True,", lambda v=view: float(bool(v.is_contiguous())), float(expected),
               given="a of shape (3, 4)")  # fmt: skip
    expect("a.permute((1, 0, 2)).is_contiguous(), 1 for True,",
           lambda: float(bool(row.permute((1, 0, 2)).is_contiguous())), 1.0, given="a of shape (3, 1, 4)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("NDArray.reshape", step="contiguous")
def test_reshape_is_a_view_where_the_numbers_stand_side_by_side(candidate):
    expect_shared(candidate, (2, 6), "a.reshape((3, 4))", lambda a: a.reshape((3, 4)), (2, 1), (1, 3))
    expect_shared(candidate, (4, 3), "a[1:3].reshape((6,))", lambda a: a[1:3].reshape((6,)), (4,), (2, 1))
    a, x = counted(candidate, (3, 4))
    given = "a (3, 4), counted"
    expect_each([
        ("a.permute((1, 0)).reshape((2, 6))", lambda: a.permute((1, 0)).reshape((2, 6)), x.T.reshape(2, 6), given),
        ("a[:, 1:3].reshape((6,))", lambda: a[:, 1:3].reshape((6,)), x[:, 1:3].reshape(6), given),
        ("a[1].broadcast_to((2, 4)).reshape((8,))", lambda: a[1].broadcast_to((2, 4)).reshape((8,)),
         np.broadcast_to(x[1], (2, 4)).reshape(8), given),
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("NDArray.as_strided")
def test_windows_are_an_axis_that_is_walked_twice(candidate):
    a, x = counted(candidate, (6,), 10)
    given = "a = array([10, 11, 12, 13, 14, 15])"
    grid, y = counted(candidate, (3, 4))
    expect_each([
        ("a.as_strided((4, 3), (1, 1))", lambda: a.as_strided((4, 3), (1, 1)),
         np.lib.stride_tricks.sliding_window_view(x, 3), given),
        ("a.as_strided((3,), (2,), 1)", lambda: a.as_strided((3,), (2,), 1), x[1::2], given),
        ("a.as_strided((2, 2), (0, 5))", lambda: a.as_strided((2, 2), (0, 5)), [[10, 15], [10, 15]], given),
        ("a.as_strided((3,), (5,))", lambda: grid.as_strided((3,), (5,)), np.diagonal(y), "a (3, 4), counted"),
        ("a[1:].as_strided((2,), (1,), 2)", lambda: grid[1:].as_strided((2,), (1,), 2), [2, 3], "a (3, 4), counted"),
    ])  # fmt: skip
    windows = a.as_strided((4, 3), (1, 1))
    a[2] = 100.0
    expect("v[1, 1]", lambda: windows[1, 1], 100.0, given=f"{given}; v = a.as_strided((4, 3), (1, 1)); a[2] = 100")


@pytest.mark.level3
@pytest.mark.about("NDArray.as_strided")
def test_strides_that_lead_out_of_the_storage_are_refused(candidate):
    a, x = counted(candidate, (6,))
    given = "a of shape (6,)"
    expect_indexed("a.as_strided((2, 3), (3, 1))", lambda: a.as_strided((2, 3), (3, 1)), x.reshape(2, 3), given=given)
    expect_indexed("a.as_strided((0, 3), (9, 9))", lambda: a.as_strided((0, 3), (9, 9)), np.zeros((0, 3)), given=given)
    expect_refusals(ValueError, [
        (f"a.as_strided({', '.join(map(str, arguments))})", lambda w=arguments: a.as_strided(*w), given)
        for arguments in (((5, 3), (1, 1)), ((2, 4), (3, 1)), ((3,), (3,)), ((2, 3), (3, 1), 1), ((1,), (1,), 6))
    ])  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("NDArray.permute", step="views")
def test_a_view_of_a_large_array_needs_hardly_any_memory(candidate):
    a = candidate.NDArray([0.5] * 10_000, (100, 100))
    one = candidate.NDArray([0.5], (1, 1))
    copied = peak_bytes(lambda: [0.5] * 10_000)
    for words, view in (
        ("a.permute((1, 0))", lambda: a.permute((1, 0))), ("a[1:, :-1]", lambda: a[1:, :-1]),
        ("a.reshape((200, 50))", lambda: a.reshape((200, 50))),
        ("one.broadcast_to((100, 100))", lambda: one.broadcast_to((100, 100))),
    ):  # fmt: skip
        expect_at_most(f"the memory of {words}, compared with a copy of the list,", 0.05, peak_bytes(view), copied,
                       given="a of shape (100, 100)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("NDArray.__matmul__", step="no-copy")
def test_a_product_with_a_transposed_operand_holds_its_result_and_little_else(candidate):
    random = np.random.default_rng(5)
    x = random.normal(size=(120, 15))
    a, b = of(candidate, x), of(candidate, random.normal(size=(10, 15, 8)))
    held = peak_bytes(lambda: a.permute((1, 0)) @ a)
    expect_at_most("the memory of a.permute((1, 0)) @ a, compared with the result,", 4, held, plain_bytes(225),
                   given="a of shape (120, 15)")  # fmt: skip
    few = of(candidate, x[:2])
    held = peak_bytes(lambda: few @ b)
    expect_at_most("the memory of a @ b, compared with the result,", 6, held, plain_bytes(160),
                   given="a (2, 15), b (10, 15, 8)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("NDArray.__add__", step="no-copy")
def test_stretched_operands_are_not_written_out(candidate):
    a, b = counted(candidate, (100, 1))[0], counted(candidate, (1, 100))[0]
    held = peak_bytes(lambda: a + b)
    expect_at_most("the memory of a + b, compared with the result,", 1.25, held, plain_bytes(10_000),
                   given="a (100, 1), b (1, 100)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("NDArray.sum", step="no-copy")
def test_a_stretched_array_is_summed_without_being_written_out(candidate):
    one = candidate.NDArray([0.5], (1, 1))
    expect_indexed("v.sum(0)", lambda: one.broadcast_to((100, 100)).sum(0), [50.0] * 100,
                   given="v = array([[0.5]]).broadcast_to((100, 100))")  # fmt: skip
    held = peak_bytes(lambda: one.broadcast_to((100, 100)).sum(0))
    expect_at_most("the memory of the sum, compared with a list of what is summed,", 0.05, held, plain_bytes(10_000),
                   given="v = array([[0.5]]).broadcast_to((100, 100)), v.sum(0)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("einsum", step="lean")
def test_einsum_never_holds_all_products(candidate):
    random = np.random.default_rng(6)
    x, y = random.normal(size=(14, 14)), random.normal(size=(14, 14))
    a, b = of(candidate, x), of(candidate, y)
    expect_indexed('einsum("ik,kj->ij", a, b)', lambda: candidate.einsum("ik,kj->ij", a, b), x @ y,
                   given="random (14, 14)")  # fmt: skip
    for formula, count in (("ik,kj->ij", 196), ("ik,jk->ji", 196), ("ij,jk->i", 196)):
        held = peak_bytes(lambda f=formula: candidate.einsum(f, a, b))
        expect_at_most(f'the memory of einsum("{formula}", a, b), compared with one of its arrays,',
                       5, held, plain_bytes(count), given="random (14, 14)")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level4
@pytest.mark.about("NDArray.permute")
def test_views_have_the_strides_and_offsets_of_torch(candidate):
    import torch

    random = np.random.default_rng(7)
    for _ in range(20):
        a, t, words = candidate.NDArray([float(k) for k in range(60)], (3, 4, 5)), torch.arange(60.0), "a (3, 4, 5)"
        t = t.reshape(3, 4, 5)
        for _ in range(3):
            kind = random.integers(4)
            if kind == 0:
                axes = tuple(random.permutation(t.dim()).tolist())
                a, t, words = a.permute(axes), t.permute(axes), f"{words}.permute({axes})"
            elif kind == 1 and t.dim() > 1:
                a, t, words = a[1], t[1], f"{words}[1]"
            elif kind == 2:
                a, t, words = (
                    a[1:, ::2] if t.dim() > 1 else a[1:],
                    t[1:, ::2] if t.dim() > 1 else t[1:],
                    f"{words}[1:, ::2]",
                )
            else:
                shape = (2, *t.shape)
                a, t, words = a.broadcast_to(shape), t.broadcast_to(shape), f"{words}.broadcast_to({tuple(shape)})"
            if t.shape[0] < 2:
                break
        expect_array("the shape", lambda a=a: a.shape, tuple(t.shape), given=words)
        if t.numel():  # the stride of an axis with one place is never used
            used = [k for k, size in enumerate(t.shape) if size > 1]
            expect_array("the strides, where the size is not 1,", lambda a=a, used=used: [a.strides[k] for k in used],
                         [t.stride(k) for k in used], given=words)  # fmt: skip
            expect("the offset", lambda a=a: a.offset, t.storage_offset(), given=words)
            expect("is_contiguous(), 1 for True,", lambda a=a: float(bool(a.is_contiguous())), float(t.is_contiguous()),
                   given=words)  # fmt: skip
        expect_indexed("the numbers", lambda a=a: a, t.numpy(), given=words)


@pytest.mark.level4
@pytest.mark.about("NDArray.as_strided")
def test_as_strided_is_that_of_torch(candidate):
    import torch

    a, t = candidate.NDArray([float(k) for k in range(60)], (60,)), torch.arange(60.0)
    rows = []
    for shape, strides, offset in (
        ((4, 5), (5, 1), 0),
        ((3, 3), (1, 1), 7),
        ((2, 3, 4), (0, 20, 3), 2),
        ((6,), (11,), 4),
    ):
        words = f"a.as_strided({shape}, {strides}, {offset})"
        rows.append((words, lambda s=shape, k=strides, o=offset: a.as_strided(s, k, o),
                     t.as_strided(shape, strides, offset).numpy(), "a = [0, 1, ..., 59]"))  # fmt: skip
    expect_each(rows)


@pytest.mark.level4
@pytest.mark.about("einsum")
def test_einsum_and_matmul_agree_with_torch(candidate):
    import torch

    random, rows = np.random.default_rng(8), []
    for formula, shapes in (
        ("ik,kj->ij", [(3, 4), (4, 2)]), ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 3, 4)]), ("ii->", [(4, 4)]),
        ("ij,ik,jl->kl", [(2, 3), (2, 4), (3, 2)]), ("bij,bij->b", [(3, 2, 4), (3, 2, 4)]),
    ):  # fmt: skip
        numbers = [random.normal(size=shape) for shape in shapes]
        expected = torch.einsum(formula, *map(torch.tensor, numbers)).numpy()
        arrays = [of(candidate, x) for x in numbers]
        rows.append((f'einsum("{formula}", ...)', lambda f=formula, a=arrays: candidate.einsum(f, *a), expected,
                     "random numbers, against torch.einsum"))  # fmt: skip
    x, y = random.normal(size=(3, 1, 4, 2)), random.normal(size=(2, 2, 5))
    rows.append(("(a @ b)", lambda: of(candidate, x) @ of(candidate, y), (torch.tensor(x) @ torch.tensor(y)).numpy(),
                 "random numbers of shapes (3, 1, 4, 2) and (2, 2, 5), against torch"))  # fmt: skip
    expect_each(rows)


@pytest.mark.level4
@pytest.mark.about("NDArray.__matmul__")
def test_a_plane_fitted_on_your_arrays_follows_torch_step_by_step(candidate):
    import torch

    random = np.random.default_rng(9)
    points = random.normal(size=(20, 2))
    heights = points @ [[2.0], [-3.0]] + 1.0 + 0.1 * random.normal(size=(20, 1))
    x, y, w, b = (of(candidate, n) for n in (points, heights, np.zeros((2, 1)), np.zeros((1,))))
    tx, ty = torch.tensor(points), torch.tensor(heights)
    tw, tb = torch.zeros((2, 1), dtype=torch.float64), torch.zeros((1,), dtype=torch.float64)
    for step in range(1, 31):
        error = x @ w + b - y
        w, b = w - 0.1 * (x.permute((1, 0)) @ error) / 20, b - 0.1 * error.mean((0, 1))
        difference = tx @ tw + tb - ty
        tw, tb = tw - 0.1 * (tx.T @ difference) / 20, tb - 0.1 * difference.mean()
        if step % 10 == 0:
            given = f"a plane through 20 points, step {step}"
            expect_indexed("the weights", lambda w=w: w, tw.numpy(), given=given)
            expect_indexed("the bias", lambda b=b: b, tb.numpy(), given=given)
