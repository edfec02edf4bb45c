"""Levels 3 and 4: gradients as large as what was looked at, ways back without copies, and PyTorch."""

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import expect_array
from utils.engine import Tensor

RNG = np.random.default_rng(111)


@pytest.mark.level3
@pytest.mark.about("embedding_gradient")
def test_rows_are_sorted_and_each_stands_once_with_its_sum(candidate):
    upstream = np.array([[1.0, 2.0], [5.0, 6.0], [10.0, 20.0], [100.0, 200.0]])
    given = "embedding_gradient([7, 2, 7, 2], [[1, 2], [5, 6], [10, 20], [100, 200]])"
    expect_array("rows", lambda: candidate.embedding_gradient([7, 2, 7, 2], upstream)[0], [2, 7], given=given)
    expect_array("sums", lambda: candidate.embedding_gradient([7, 2, 7, 2], upstream)[1], [[105, 206], [11, 22]],
                 given=given, aim="gradient")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("embedding_gradient")
def test_it_is_the_part_of_the_whole_gradient_that_is_not_0(candidate):
    for shape in ((1,), (40,), (5, 8)):
        ids, upstream = RNG.integers(0, 12, shape), RNG.normal(size=(*shape, 3))
        whole = np.zeros((12, 3))
        np.add.at(whole, ids, upstream)
        rows, sums = candidate.embedding_gradient(ids, upstream)
        expect_array("rows", lambda rows=rows: rows, np.unique(ids), given=f"ids {shape}")
        expect_array("sums", lambda sums=sums: sums, whole[np.unique(ids)], given=f"ids {shape}", aim="gradient")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("embedding_gradient")
def test_no_array_of_the_tables_size_is_made(candidate):
    ids, upstream = RNG.integers(0, 50_000, 1000), RNG.normal(size=(1000, 16))
    table = 50_000 * 16 * 8
    peak = peak_bytes(lambda: candidate.embedding_gradient(ids, upstream))
    expect_at_most("the memory of embedding_gradient", 0.08, peak, table,
                   given="1,000 ids; beside a table of 50,000 rows")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("update_rows")
def test_only_rows_with_a_gradient_move_and_in_place(candidate):
    table = np.arange(8.0).reshape(4, 2)
    before = table
    candidate.update_rows(table, np.array([1, 3]), np.array([[1.0, 0.0], [2.0, 4.0]]), 0.5)
    expect_array("table", lambda: before, [[0, 1], [1.5, 3], [4, 5], [5, 5]],
                 given="update_rows(table, [1, 3], [[1, 0], [2, 4]], 0.5), table = [[0, 1], … [6, 7]]")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.parametrize("name", ["concatenate", "stack"])
@pytest.mark.about("concatenate")
def test_backward_of_pieces_makes_no_copy_of_a_piece(candidate, name):
    upstream = RNG.normal(size=(512, 256) if name == "concatenate" else (2, 256, 256))
    leaf = Tensor(np.zeros(256), requires_grad=True)

    def back():
        pieces = [leaf + RNG.normal(size=(256, 256)) for _ in range(2)]
        result = getattr(candidate, name)(pieces)
        del pieces
        return peak_bytes(lambda: result.backward(upstream, retain_graph=True))

    expect_at_most(f"the memory of backward of {name}", 0.2, back(), upstream.nbytes / 2,
                   given="two pieces (256, 256), beside one of them")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


def expect_like_torch(ours, theirs, *arrays, given):
    import torch

    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, wanted = ours(*tensors), theirs(*leaves)
    expect_array("the result", lambda: result.data, wanted.detach().numpy(), given=given)
    upstream = np.random.default_rng(3).normal(size=result.shape)
    result.backward(upstream)
    wanted.backward(torch.tensor(upstream))
    for tensor, leaf in zip(tensors, leaves, strict=True):
        expect_array("grad", lambda tensor=tensor: tensor.grad, leaf.grad.numpy(), given=given, aim="gradient")


@pytest.mark.level4
@pytest.mark.about("gather")
def test_everything_is_picked_up_and_put_down_as_in_torch(candidate):
    import torch
    import torch.nn.functional as F  # noqa: N812

    ids, index = RNG.integers(0, 5, (3, 4)), RNG.integers(0, 4, (5, 7))
    x, y = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))
    whole, places = torch.tensor(ids), torch.tensor(index)
    rows = RNG.integers(0, 5, 6)
    for name, ours, theirs, arrays in (
        ("embedding", lambda t: candidate.embedding(t, ids), lambda t: F.embedding(whole, t), [x]),
        ("concatenate", lambda a, b: candidate.concatenate([a, b], 1), lambda a, b: torch.cat([a, b], 1), [x, y]),
        ("stack", lambda a, b: candidate.stack([a, b], -1), lambda a, b: torch.stack([a, b], -1), [x, y]),
        ("pad", lambda a: candidate.pad(a, [(1, 2), (3, 0)], 0.5), lambda a: F.pad(a, (3, 0, 1, 2), value=0.5), [x]),
        ("split", lambda a: candidate.split(a, [1, 3], 1)[1], lambda a: torch.split(a, [1, 3], 1)[1], [x]),
        ("roll", lambda a: candidate.roll(a, 3, 0), lambda a: torch.roll(a, 3, 0), [x]),
        ("gather", lambda a: candidate.gather(a, 1, index), lambda a: torch.gather(a, 1, places), [x]),
        ("select", lambda a: candidate.select(a, (slice(1, 4), [0, 0, 2])), lambda a: a[1:4, [0, 0, 2]], [x]),
        ("index_add", lambda a, s: candidate.index_add(a, 0, rows, s),
         lambda a, s: torch.index_add(a, 0, torch.tensor(rows), s), [x, RNG.normal(size=(6, 4))]),
    ):  # fmt: skip
        expect_like_torch(ours, theirs, *arrays, given=f"{name} beside PyTorch")
