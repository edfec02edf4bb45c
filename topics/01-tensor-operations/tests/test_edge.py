"""Levels 1 and 2 at the edges: no axis, sizes of 0 and 1, what lies outside, and arrays that must stay as they are."""

import math

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_indexed, expect_refusals


def counted(candidate, shape, start=0):
    """An NDArray whose numbers are 0, 1, 2, ..., and NumPy's array of them."""
    numbers = [float(start + k) for k in range(math.prod(shape))]
    return candidate.NDArray(numbers, shape), np.array(numbers).reshape(shape)


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


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("NDArray.__getitem__")
def test_an_index_behind_the_end_of_its_axis_is_refused(candidate):
    a, _ = counted(candidate, (2, 3))
    expect("a[1, 2]", lambda: a[1, 2], 5.0, given="a of shape (2, 3), counted")
    given = "a of shape (2, 3)"
    expect_refusals(
        IndexError, [(f"a[{i}, {j}]", lambda i=i, j=j: a[i, j], given) for i, j in ((0, 3), (2, 0), (0, 4))]
    )


@pytest.mark.level1
@pytest.mark.about("NDArray.__setitem__")
def test_nothing_is_written_behind_the_end_of_an_axis(candidate):
    a, x = counted(candidate, (2, 3))
    a[0, 0] = 0.0
    given = "a of shape (2, 3)"

    def put(i, j):
        a[i, j] = 9.0

    expect_refusals(IndexError, [("a[0, 3] = 9", lambda: put(0, 3), given), ("a[2, 0] = 9", lambda: put(2, 0), given)])
    expect_indexed("a, afterwards,", lambda: a, x, given=given)


@pytest.mark.level1
@pytest.mark.about("NDArray.__getitem__")
def test_one_axis_and_no_axis_have_indices_too(candidate):
    line, number = candidate.NDArray([5.0, 6.0, 7.0], (3,)), candidate.NDArray([4.0], ())
    expect("a[2]", lambda: line[2], 7.0, given="a = NDArray([5, 6, 7], (3,))")
    expect("a[()]", lambda: number[()], 4.0, given="a = NDArray([4], ())")


@pytest.mark.level1
@pytest.mark.about("NDArray")
def test_a_shape_that_asks_for_more_or_fewer_numbers_is_refused(candidate):
    expect("a[1]", lambda: candidate.NDArray([1.0, 2.0], (2,))[1], 2.0, given="a = NDArray([1, 2], (2,))")
    expect_refusals(ValueError, [
        (f"NDArray(storage, {shape})", lambda s=shape: candidate.NDArray([0.0] * 4, s), "a storage of 4 numbers")
        for shape in ((2, 3), (3,), (), (0,), (5,))
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("indices")
def test_no_axis_has_one_index_and_an_empty_axis_has_none(candidate):
    for shape, count in (((), 1), ((0,), 0), ((2, 0), 0), ((0, 3), 0), ((1, 1), 1)):
        expect(f"len(list(indices({shape})))", lambda s=shape: len(list(candidate.indices(s))), count)


@pytest.mark.level1
@pytest.mark.about("array")
def test_ragged_lists_are_refused_and_a_number_has_no_axis(candidate):
    expect_indexed("array([[1, 2], [3, 4]])", lambda: candidate.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    expect_indexed("array(5)", lambda: candidate.array(5), 5.0)
    expect_indexed("array([])", lambda: candidate.array([]), np.zeros(0))
    expect_indexed("array([[], []])", lambda: candidate.array([[], []]), np.zeros((2, 0)))
    expect_refusals(ValueError, [
        (f"array({nested})", lambda n=nested: candidate.array(n), "")
        for nested in ([[1, 2], [3]], [[1], 2], [1, [2]], [[[1], [2]], [[3, 4], [5, 6]]])
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("NDArray.tolist")
def test_a_number_without_axes_becomes_a_plain_number(candidate):
    expect("a.tolist()", lambda: candidate.NDArray([4.0], ()).tolist(), 4.0, given="a = NDArray([4], ())")
    expect_array(
        "a.tolist()", lambda: candidate.NDArray([], (2, 0)).tolist(), np.zeros((2, 0)), given="a of shape (2, 0)"
    )


@pytest.mark.level1
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.about(f"NDArray.__{n}__")) for n in ("add", "mul")])
def test_shapes_that_do_not_fit_are_refused_and_operands_stay_as_they_are(candidate, name):
    operation = getattr(np, {"add": "add", "mul": "multiply"}[name])
    (a, x), (b, y) = counted(candidate, (2, 3), 1), counted(candidate, (2, 3), 5)
    sign = {"add": "+", "mul": "*"}[name]
    combine = getattr(candidate.NDArray, f"__{name}__")
    given = "a, b of shape (2, 3)"
    expect_indexed(f"(a {sign} b)", lambda: combine(a, b), operation(x, y), given=given)
    expect_indexed(f"a after a {sign} b", lambda: a, x, given=given)
    expect_indexed(f"b after a {sign} b", lambda: b, y, given=given)
    expect_refusals(ValueError, [
        (f"a {sign} b", lambda s=shape: combine(a, counted(candidate, s)[0]), f"shapes (2, 3) and {shape}")
        for shape in ((3, 2), (6,), (2, 2))
    ])  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("NDArray.sum")
def test_a_sum_over_an_empty_axis_is_zero(candidate):
    a = candidate.NDArray([], (2, 0))
    expect_indexed("a.sum(1)", lambda: a.sum(1), np.zeros(2), given="a of shape (2, 0)")
    expect_indexed("a.sum(0)", lambda: a.sum(0), np.zeros(0), given="a of shape (2, 0)")
    expect_indexed("a.sum()", lambda: a.sum(), 0.0, given="a of shape (2, 0)")


@pytest.mark.level1
@pytest.mark.about("NDArray.__matmul__")
def test_inner_sizes_must_be_equal_and_operands_stay_as_they_are(candidate):
    (a, x), (b, y) = counted(candidate, (2, 2), 1), counted(candidate, (2, 2), 5)
    expect_indexed("(a @ b)", lambda: a @ b, x @ y, given="a (2, 2) from 1, b (2, 2) from 5")
    expect_indexed("a after a @ b", lambda: a, x, given="a (2, 2) from 1, b (2, 2) from 5")
    c, _ = counted(candidate, (2, 3), 1)
    expect_refusals(ValueError, [
        ("a @ b", lambda s=shape: c @ counted(candidate, s)[0], f"shapes (2, 3) and {shape}")
        for shape in ((2, 3), (4, 3), (1, 2))
    ])  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("NDArray.__getitem__")
def test_an_index_before_the_start_of_its_axis_is_refused(candidate):
    a, _ = counted(candidate, (2, 3))
    expect("a[-2, -3]", lambda: a[-2, -3], 0.0, given="a of shape (2, 3), counted")
    given = "a of shape (2, 3)"
    expect_refusals(
        IndexError, [(f"a[{i}, {j}]", lambda i=i, j=j: a[i, j], given) for i, j in ((0, -4), (-3, 0), (0, 3))]
    )
    expect_refusals(IndexError, [("a[0, 0, 0]", lambda: a[0, 0, 0], given)])


@pytest.mark.level2
@pytest.mark.about("NDArray.permute")
def test_an_order_that_does_not_name_every_axis_once_is_refused(candidate):
    a, x = counted(candidate, (2, 3, 4))
    expect_indexed("a.permute((2, 1, 0))", lambda: a.permute((2, 1, 0)), x.T, given="a (2, 3, 4), counted")
    expect_indexed("a after a.permute((2, 1, 0))", lambda: a, x, given="a (2, 3, 4), counted")
    expect_refusals(ValueError, [
        (f"a.permute({axes})", lambda k=axes: a.permute(k), "a of shape (2, 3, 4)")
        for axes in ((0, 1), (0, 1, 1), (0, 1, 3), (0, 1, -2), (0, 1, 5), (0, 1, -4))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.reshape")
def test_a_shape_with_another_number_of_places_is_refused(candidate):
    a, x = counted(candidate, (2, 3))
    expect_indexed("a.reshape((3, -1))", lambda: a.reshape((3, -1)), x.reshape(3, 2), given="a (2, 3), counted")
    expect_indexed("a after a.reshape((3, -1))", lambda: a, x, given="a (2, 3), counted")
    expect_indexed("a.reshape(())", lambda: candidate.NDArray([4.0], (1, 1)).reshape(()), 4.0, given="a = array([[4]])")
    expect_refusals(ValueError, [
        (f"a.reshape({shape})", lambda s=shape: a.reshape(s), "a of shape (2, 3)")
        for shape in ((2, 2), (7,), (4, -1), (-1, -1), ())
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.__getitem__", step="slices")
def test_slices_may_be_empty_or_reach_too_far(candidate):
    a, x = counted(candidate, (3, 4))
    given = "a of shape (3, 4), counted"
    expect_each([
        ("a[2:2]", lambda: a[2:2], x[2:2], given), ("a[1:99]", lambda: a[1:99], x[1:99], given),
        ("a[3:, 1]", lambda: a[3:, 1], x[3:, 1], given), ("a[()]", lambda: a[()], x[()], given),
        ("a[:, 1:][1, 1:]", lambda: a[:, 1:][1, 1:], x[:, 1:][1, 1:], given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("broadcast_shapes")
def test_one_gives_way_to_zero_and_other_sizes_must_agree(candidate):
    for shapes, expected in ((((1,), (0,)), (0,)), (((2, 1), (2, 0)), (2, 0))):
        text = ", ".join(map(str, shapes))
        expect_array(f"broadcast_shapes({text})", lambda s=shapes: candidate.broadcast_shapes(*s), expected)
    expect_refusals(ValueError, [
        (f"broadcast_shapes({', '.join(map(str, shapes))})", lambda s=shapes: candidate.broadcast_shapes(*s), "")
        for shapes in (((2,), (3,)), ((2, 3), (2,)), ((0,), (2,)), ((2, 4), (2, 2)), ((2, 1), (3,), (2, 4)))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.broadcast_to")
def test_stretching_never_shrinks(candidate):
    a, x = counted(candidate, (2, 3))
    expect_indexed("a.broadcast_to((2, 3))", lambda: a.broadcast_to((2, 3)), x, given="a (2, 3), counted")
    wide, given = np.broadcast_to(x, (2, 2, 3)), "a (2, 3), counted"
    expect_indexed("a.broadcast_to((2, 2, 3))", lambda: a.broadcast_to((2, 2, 3)), wide, given=given)
    expect_indexed("a after a.broadcast_to((2, 2, 3))", lambda: a, x, given=given)
    expect_refusals(ValueError, [
        (f"a.broadcast_to({shape})", lambda s=shape: a.broadcast_to(s), "a of shape (2, 3)")
        for shape in ((2, 1), (3,), (3, 2), (2, 3, 1), (1, 3))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.__add__")
def test_stretched_operands_stay_as_they_are(candidate):
    (a, x), (b, y) = counted(candidate, (2, 1), 1), counted(candidate, (3,), 5)
    expect_indexed("(a + b)", lambda: a + b, x + y, given="a (2, 1) from 1, b (3,) from 5")
    expect_indexed("a after a + b", lambda: a, x, given="a (2, 1), b (3,)")
    expect_indexed("b after a + b", lambda: b, y, given="a (2, 1), b (3,)")
    expect_refusals(ValueError, [
        ("a + b", lambda s=s: counted(candidate, s[0])[0] + counted(candidate, s[1])[0], f"shapes {s[0]} and {s[1]}")
        for s in (((2, 3), (2,)), ((3,), (4,)), ((0,), (2,)))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.sum")
def test_an_axis_that_is_not_there_or_named_twice_is_refused(candidate):
    a, x = counted(candidate, (2, 3))
    expect_indexed("a.sum(-2)", lambda: a.sum(-2), x.sum(-2), given="a (2, 3), counted")
    expect_refusals(ValueError, [
        (f"a.sum({axis})", lambda k=axis: a.sum(k), "a of shape (2, 3)") for axis in (2, -3, (0, 0), (1, -1), (0, 2))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.max")
def test_the_largest_of_no_numbers_is_refused(candidate):
    expect_indexed(
        "a.max(1)", lambda: candidate.NDArray([-3.0, -2.0], (1, 2)).max(1), [-2.0], given="a = array([[-3, -2]])"
    )
    a = candidate.NDArray([], (2, 0))
    expect_refusals(ValueError, [("a.max(1)", lambda: a.max(1), "a of shape (2, 0)"),
                                 ("a.max()", lambda: a.max(), "a of shape (2, 0)")])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.mean")
def test_the_mean_of_no_numbers_is_nan(candidate):
    a = candidate.NDArray([], (2, 0))
    expect_indexed("a.mean(1)", lambda: a.mean(1), [math.nan, math.nan], given="a of shape (2, 0)")
    expect_indexed("a.mean()", lambda: a.mean(), math.nan, given="a of shape (2, 0)")


@pytest.mark.level2
@pytest.mark.about("NDArray.__matmul__")
def test_batches_and_inner_sizes_that_do_not_fit_are_refused(candidate):
    (a, x), (b, y) = counted(candidate, (2, 1, 3)), counted(candidate, (3, 2))
    expect_indexed("(a @ b)", lambda: a @ b, x @ y, given="a (2, 1, 3), b (3, 2), counted")
    expect_indexed("(a @ b)", lambda: candidate.NDArray([], (2, 0)) @ candidate.NDArray([], (0, 3)), np.zeros((2, 3)),
                   given="a (2, 0), b (0, 3)")  # fmt: skip
    expect_refusals(ValueError, [
        ("a @ b", lambda s=s: counted(candidate, s[0])[0] @ counted(candidate, s[1])[0], f"shapes {s[0]} and {s[1]}")
        for s in (((2, 2, 3), (3, 3, 2)), ((2, 3), (2, 3)), ((2, 2, 3), (2, 2)), ((3,), (3, 2)), ((2, 1), (3, 2)))
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("einsum")
def test_a_formula_that_does_not_fit_is_refused(candidate):
    (a, x), (b, y) = counted(candidate, (2, 3)), counted(candidate, (3, 2))
    expect_indexed(
        'einsum("ik,kj->ij", a, b)', lambda: candidate.einsum("ik,kj->ij", a, b), x @ y, given="a (2, 3), b (3, 2)"
    )
    one = candidate.NDArray([1.0], (1, 1))
    expect_refusals(ValueError, [
        (f'einsum("{formula}", ...)', lambda f=formula, arrays=arrays: candidate.einsum(f, *arrays), words)
        for formula, arrays, words in (
            ("ik,kj->ij", (a, a), "shapes (2, 3) and (2, 3)"), ("ik,kj->ij", (a,), "one array"),
            ("ij->ij", (a, b), "two arrays"), ("i->i", (a,), "shape (2, 3)"), ("ijk->i", (a,), "shape (2, 3)"),
            ("ij->ik", (a,), "shape (2, 3)"), ("ij->ii", (a,), "shape (2, 3)"), ("ii->i", (a,), "shape (2, 3)"),
            ("ij", (a,), "shape (2, 3), and no arrow"), ("ij,ij->ij", (a, one), "shapes (2, 3) and (1, 1)"),
        )
    ])  # fmt: skip
