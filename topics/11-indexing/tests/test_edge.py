"""Levels 1 and 2 at the edges: what is refused, what stays as it was, nothing at all, dtypes."""

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_refusals
from utils.course.tensors import expect_refusal
from utils.engine import Tensor

RNG = np.random.default_rng(110)
TABLE = RNG.normal(size=(3, 2))


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_ids_outside_of_the_table_are_refused_and_named(candidate):
    table = Tensor(TABLE)
    expect_array(
        "embedding(table, [2])", lambda: candidate.embedding(table, [2]).data, TABLE[2:], given="a table (3, 2)"
    )
    expect_refusals(IndexError, [
        (f"embedding(table, {ids})", lambda ids=ids: candidate.embedding(table, ids), "a table of 3 rows")
        for ids in ([0, 3], [-1, 2])
    ])  # fmt: skip
    expect_refusals(TypeError, [
        ("embedding(table, [0.5])", lambda: candidate.embedding(table, [0.5]), "a table of 3 rows")
    ])  # fmt: skip
    expect_refusal(IndexError, lambda: candidate.embedding(table, [0, 17]), given="embedding(table, [0, 17])",
                   says=("17",))  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_no_ids_give_no_rows(candidate):
    table = Tensor(TABLE, requires_grad=True)
    rows = candidate.embedding(table, np.zeros((0,), dtype=int))
    expect_array("the shape of the rows", lambda: rows.shape, [0, 2], given="embedding of a table (3, 2), no ids")
    rows.sum().backward()
    expect_array("table.grad", lambda: table.grad, np.zeros((3, 2)), given="no ids", aim="gradient")


@pytest.mark.level1
@pytest.mark.about("embedding")
def test_a_row_is_a_copy_of_the_table(candidate):
    table = Tensor(TABLE.copy())
    rows = candidate.embedding(table, [0, 1])
    rows.data[...] = 99.0
    expect_array("table.data", lambda: table.data, TABLE, given="rows = embedding(table, [0, 1]); rows.data[...] = 99")


@pytest.mark.level1
@pytest.mark.about("concatenate")
def test_pieces_that_do_not_fit_are_refused(candidate):
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 4)))
    expect_array("concatenate([a, b], 1)", lambda: candidate.concatenate([a, b], 1).data, np.ones((2, 7)),
                 given="a (2, 3), b (2, 4)")  # fmt: skip
    expect_refusals(
        ValueError, [("concatenate([a, b], 0)", lambda: candidate.concatenate([a, b], 0), "a (2, 3), b (2, 4)")]
    )


@pytest.mark.level1
@pytest.mark.about("concatenate")
def test_the_same_tensor_twice_receives_twice(candidate):
    a = Tensor([1.0, 2.0], requires_grad=True)
    candidate.concatenate([a, a]).backward(np.array([1.0, 2.0, 10.0, 20.0]))
    expect_array(
        "a.grad", lambda: a.grad, [11, 22], given="concatenate([a, a]), upstream [1, 2, 10, 20]", aim="gradient"
    )


@pytest.mark.level1
@pytest.mark.about("concatenate")
def test_only_what_wants_a_gradient_gets_one(candidate):
    a, b = Tensor([1.0]), Tensor([2.0, 3.0], requires_grad=True)
    candidate.concatenate([a, b]).backward(np.array([1.0, 2.0, 3.0]))
    expect("a has a gradient", lambda: float(a.grad is not None), 0.0, given="concatenate([a, b]), only b wants one")
    expect_array("b.grad", lambda: b.grad, [2, 3], given="concatenate([a, b]), upstream [1, 2, 3]", aim="gradient")


@pytest.mark.level1
@pytest.mark.about("pad")
def test_float32_stays_float32(candidate):
    x = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
    for name, call in (("pad", lambda: candidate.pad(x, [(1, 1), (0, 0)])),
                       ("embedding", lambda: candidate.embedding(x, [1, 1])),
                       ("concatenate", lambda: candidate.concatenate([x, x]))):  # fmt: skip
        result = call()
        result.sum().backward()
        expect("bytes a number", lambda result=result: result.data.itemsize, 4.0, given=f"{name} of float32")
        expect("bytes a number of the gradient", lambda: x.grad.itemsize, 4.0, given=f"{name} of float32")


@pytest.mark.level2
@pytest.mark.about("split")
def test_sizes_must_add_up(candidate):
    x = Tensor(np.arange(6.0))
    expect_array("split(x, [2, 4])[1]", lambda: candidate.split(x, [2, 4])[1].data, [2, 3, 4, 5], given="x = [0 … 5]")
    expect_refusals(ValueError, [
        (f"split(x, {sizes})", lambda sizes=sizes: candidate.split(x, sizes), "x of 6 numbers")
        for sizes in ([2, 3], [4, 3])
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("stack")
def test_shapes_in_a_stack_must_be_equal(candidate):
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 1)))
    expect_array("the shape of stack([a, a])", lambda: candidate.stack([a, a]).shape, [2, 2, 3], given="a (2, 3)")
    expect_refusals(ValueError, [("stack([a, b])", lambda: candidate.stack([a, b]), "a (2, 3), b (2, 1)")])


@pytest.mark.level2
@pytest.mark.about("gather")
def test_an_index_outside_is_refused(candidate):
    x = Tensor(np.arange(6.0).reshape(2, 3))
    expect_array("gather(x, 1, [[2], [0]])", lambda: candidate.gather(x, 1, [[2], [0]]).data, [[2], [3]],
                 given="x = [[0, 1, 2], [3, 4, 5]]")  # fmt: skip
    expect_refusals(IndexError, [("gather(x, 1, [[3], [0]])", lambda: candidate.gather(x, 1, [[3], [0]]), "x (2, 3)")])


@pytest.mark.level2
@pytest.mark.about("index_add")
def test_what_is_given_stays_as_it_is(candidate):
    x, source = Tensor(np.zeros((2, 2)), requires_grad=True), Tensor(np.ones((3, 2)), requires_grad=True)
    result = candidate.index_add(x, 0, [1, 1, 0], source)
    expect_array("the result", lambda: result.data, [[1, 1], [2, 2]], given="zeros (2, 2), ones added at [1, 1, 0]")
    expect_array("x.data", lambda: x.data, np.zeros((2, 2)), given="after index_add(x, 0, [1, 1, 0], source)")


@pytest.mark.level2
@pytest.mark.about("select")
def test_gradients_do_not_share_their_memory(candidate):
    x, y = Tensor(np.arange(4.0), requires_grad=True), Tensor(np.arange(4.0), requires_grad=True)
    (candidate.select(x, slice(0, 4)) + candidate.select(y, slice(0, 4))).sum().backward()
    x.grad += 10.0
    expect_array("y.grad", lambda: y.grad, np.ones(4), given="(x[0:4] + y[0:4]).sum(); then x.grad += 10")
