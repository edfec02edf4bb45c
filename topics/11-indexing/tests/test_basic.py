"""Levels 1 and 2 at ordinary points: where each number goes, and where its gradient comes back to."""

import numpy as np
import pytest

from utils.course.judging import expect_array
from utils.engine import Tensor

RNG = np.random.default_rng(11)


def expect_moved(operation, truth, *arrays, given):
    """Expect an operation on tensors to move the numbers as `truth` moves arrays, and every gradient to come back.

    Numbers that are only moved make the result linear in them, so a gradient is read off exactly: the slope for an
    entry is what the truth makes of a 1 in its place and 0 elsewhere, times the upstream gradient, summed.
    """
    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    result = operation(*tensors)
    wanted = truth(*arrays)
    expect_array("the result", lambda: result.data, wanted, given=given)
    upstream = np.random.default_rng(2).normal(size=wanted.shape)
    result.backward(upstream)
    still = truth(*map(np.zeros_like, arrays))  # what does not come from the inputs, such as a border
    for number, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        slope = np.zeros_like(array)
        for place in np.ndindex(*array.shape):
            ones = [np.zeros_like(other) for other in arrays]
            ones[number][place] = 1.0
            slope[place] = ((truth(*ones) - still) * upstream).sum()
        name = "grad" if len(arrays) == 1 else f"grad of input {number}"
        expect_array(name, lambda tensor=tensor: tensor.grad, slope, given=f"{given}, random upstream", aim="gradient")


TABLE = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_each_id_gets_its_row(candidate):
    rows = candidate.embedding(Tensor(TABLE), [2, 0, 2])
    expect_array("embedding(table, [2, 0, 2])", lambda: rows.data, [[3, 30], [1, 10], [3, 30]],
                 given="table = [[1, 10], [2, 20], [3, 30]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_a_row_that_is_looked_up_twice_receives_both_gradients(candidate):
    table = Tensor(TABLE, requires_grad=True)
    candidate.embedding(table, [2, 0, 2]).backward(np.array([[1.0, 2.0], [5.0, 6.0], [10.0, 20.0]]))
    expect_array("table.grad", lambda: table.grad, [[5, 6], [0, 0], [11, 22]],
                 given="embedding(table, [2, 0, 2]), upstream [[1, 2], [5, 6], [10, 20]]", aim="gradient")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_ids_may_have_any_shape(candidate):
    for shape in ((4,), (2, 3), (2, 1, 3)):
        ids = RNG.integers(0, 5, shape)
        expect_moved(lambda t, ids=ids: candidate.embedding(t, ids), lambda t, ids=ids: t[ids], RNG.normal(size=(5, 2)),
                     given=f"embedding of a table (5, 2), ids {shape}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("concatenate")
def test_tensors_stand_one_after_the_other(candidate):
    a, b = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0], [5.0, 6.0]])
    expect_array("concatenate([a, b])", lambda: candidate.concatenate([a, b]).data, [[1, 2], [3, 4], [5, 6]],
                 given="a = [[1, 2]], b = [[3, 4], [5, 6]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("concatenate")
def test_pieces_of_any_size_along_any_axis(candidate):
    for axis, shapes in ((0, [(1, 3), (2, 3), (4, 3)]), (1, [(2, 3), (2, 1), (2, 2)]), (-1, [(2, 2, 1), (2, 2, 3)])):
        expect_moved(lambda *parts, axis=axis: candidate.concatenate(list(parts), axis),
                     lambda *parts, axis=axis: np.concatenate(parts, axis), *[RNG.normal(size=s) for s in shapes],
                     given=f"concatenate of {shapes} along axis {axis}")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("pad")
def test_a_border_of_its_own_width_on_each_side(candidate):
    x = Tensor([[1.0, 2.0]])
    expect_array("pad(x, [(1, 0), (0, 2)])", lambda: candidate.pad(x, [(1, 0), (0, 2)]).data,
                 [[0, 0, 0, 0], [1, 2, 0, 0]], given="x = [[1, 2]]")  # fmt: skip
    expect_array("pad(x, [(1, 0), (0, 2)], 7)", lambda: candidate.pad(x, [(1, 0), (0, 2)], 7.0).data,
                 [[7, 7, 7, 7], [1, 2, 7, 7]], given="x = [[1, 2]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("pad")
def test_gradients_of_a_padded_tensor(candidate):
    for widths in ([(1, 2), (3, 0)], [(0, 0), (0, 1)]):
        expect_moved(lambda x, widths=widths: candidate.pad(x, widths, 0.5),
                     lambda x, widths=widths: np.pad(x, widths, constant_values=0.5), RNG.normal(size=(2, 3)),
                     given=f"pad(x, {widths}, 0.5), x (2, 3)")  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------

KEYS = {
    "2": 2,
    "-1": -1,
    "1:3": slice(1, 3),
    "::-2": slice(None, None, -2),
    "..., 1": (..., 1),
    "None, 0": (None, 0),
    "[0, 2, 2]": [0, 2, 2],
    "array [[3, 3], [3, 0]]": np.array([[3, 3], [3, 0]]),
    "[1, 1], [0, 0]": ([1, 1], [0, 0]),
    "1:3, [2, 0, 2]": (slice(1, 3), [2, 0, 2]),
    "booleans": np.array([True, False, True, True]),
    "booleans, [1]": (np.array([True, False, True, False]), 1),
}


@pytest.mark.level2
@pytest.mark.about("select")
def test_every_key_that_numpy_knows(candidate):
    for text, key in KEYS.items():
        expect_moved(lambda x, key=key: candidate.select(x, key), lambda x, key=key: x[key], RNG.normal(size=(4, 3)),
                     given=f"x[{text}], x (4, 3)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("stack")
def test_a_stack_has_one_more_axis(candidate):
    for axis in (0, 1, 2, -1):
        expect_moved(lambda *parts, axis=axis: candidate.stack(list(parts), axis),
                     lambda *parts, axis=axis: np.stack(parts, axis), *RNG.normal(size=(3, 2, 4)),
                     given=f"stack of three (2, 4) along axis {axis}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("split")
def test_a_tensor_is_cut_into_pieces(candidate):
    for axis, sizes in ((0, [1, 3]), (1, [2, 1, 3]), (-1, [6])):
        stops = np.cumsum(sizes)[:-1]
        for number in range(len(sizes)):
            expect_moved(lambda x, a=axis, s=sizes, n=number: candidate.split(x, s, a)[n],
                         lambda x, a=axis, c=stops, n=number: np.split(x, c, a)[n], RNG.normal(size=(4, 6)),
                         given=f"piece {number} of split(x, {sizes}, {axis}), x (4, 6)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("split")
def test_the_gradients_of_all_pieces_come_together(candidate):
    x = Tensor(np.arange(6.0), requires_grad=True)
    first, second = candidate.split(x, [2, 4])
    (first.sum() * 3.0 + second.sum() * 5.0).backward()
    expect_array("x.grad", lambda: x.grad, [3, 3, 5, 5, 5, 5], given="3 * first.sum() + 5 * second.sum()",
                 aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("roll")
def test_what_falls_off_comes_in_at_the_other_end(candidate):
    for shift, axis in ((1, 0), (-2, 1), (7, -1), (0, 0)):
        expect_moved(lambda x, s=shift, a=axis: candidate.roll(x, s, a), lambda x, s=shift, a=axis: np.roll(x, s, a),
                     RNG.normal(size=(3, 4)), given=f"roll(x, {shift}, {axis}), x (3, 4)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("gather")
def test_one_number_for_each_place(candidate):
    for axis, shape in ((0, (5, 4)), (1, (3, 6)), (-1, (3, 2))):
        index = RNG.integers(0, (3, 4)[axis], shape)
        expect_moved(lambda x, i=index, a=axis: candidate.gather(x, a, i),
                     lambda x, i=index, a=axis: np.take_along_axis(x, i, a), RNG.normal(size=(3, 4)),
                     given=f"gather(x, {axis}, index {shape}), x (3, 4)")  # fmt: skip


def added(x, axis, index, source):
    result = np.moveaxis(x.copy(), axis, 0)
    for place, piece in zip(index, np.moveaxis(source, axis, 0), strict=True):
        result[place] += piece
    return np.moveaxis(result, 0, axis)


@pytest.mark.level2
@pytest.mark.about("index_add")
def test_slices_are_added_where_the_index_says_also_twice(candidate):
    for axis, shape in ((0, (4, 3)), (1, (2, 4)), (-1, (2, 4))):
        size = (2, 3)[axis]
        index, source = RNG.integers(0, size, 4), RNG.normal(size=shape)
        expect_moved(lambda x, s, a=axis, i=index: candidate.index_add(x, a, i, s),
                     lambda x, s, a=axis, i=index: added(x, a, i, s), RNG.normal(size=(2, 3)), source,
                     given=f"index_add(x, {axis}, {index.tolist()}, source {shape}), x (2, 3)")  # fmt: skip
