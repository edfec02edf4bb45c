"""What the grader asks of a submission: numbers put down at random places, and gradients on the way back."""

import numpy as np

from utils.autograd_stub import Tensor
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
    results = make(*tensors)
    results = results if isinstance(results, list) else [results]
    answers, total, upstreams = [], None, []
    for result in results:
        upstreams.append(draw.array(*data_of(result).shape).astype(data_of(result).dtype))
        part = (result * upstreams[-1]).sum()
        total = part if total is None else total + part
        answers += [draw.along(data_of(result)), float(data_of(result).dtype == arrays[0].dtype)]
    total.backward()
    for tensor in tensors:
        answers += [draw.along(tensor.grad), float(tensor.grad.dtype == tensor.data.dtype)]
    same = all((array == before).all() for array, before in zip(arrays, kept, strict=True))
    return [*answers, float(same)]


def small(array):
    return array.astype(np.float32)


def ids_of(draw, size, *shape):
    """Random whole numbers below `size`, of which one stands there twice at least."""
    ids = np.array([draw.integer(0, size - 1) for _ in range(int(np.prod(shape)))]).reshape(shape)
    ids.flat[-1] = ids.flat[0]
    return ids


def said(kind, call, *wanted):
    """1.0 for each of some words that such an exception of call() says; nothing for another one, or none."""
    try:
        call()
    except kind as error:
        return [1.0, *(float(word in str(error)) for word in wanted)]
    except Exception:
        return [0.0]
    return [0.0]


# Level 1 --------------------------------------------------------------------------------------------------------------


def looked_up(candidate, draw):
    answers = []
    for ids in (ids_of(draw, 7, 5), ids_of(draw, 7, 2, 3), ids_of(draw, 7, 4).tolist(), [[6, 6], [6, 0]], 3, []):
        answers += walked(draw, lambda t, i=ids: candidate.embedding(t, i), draw.array(7, 4))
    return [*answers, *walked(draw, lambda t: candidate.embedding(t, [1, 2]) * t[3], draw.array(5, 2))]


@case(1, "embedding")
def rows_of_a_table(candidate, draw):
    table = Tensor(draw.array(7, 4), requires_grad=True)
    answers = looked_up(candidate, draw)
    for wrong, word in (([0, 7], "7"), ([3, -1, 0], "-1"), ([[2], [19]], "19"), ([-7], "-7")):
        answers += said(IndexError, lambda w=wrong: candidate.embedding(table, w), word)
    for wrong in ([0.5, 1.0], [1.0, 2.0], np.array([0.0])):
        answers += said(TypeError, lambda w=wrong: candidate.embedding(table, w))
    return answers


JOINED = (
    ((2, 3), (4, 3), 0),
    ((2, 3), (2, 1), 1),
    ((2, 3), (2, 2), -1),
    ((2, 2, 3), (2, 5, 3), 1),
    ((4,), (2,), 0),
    ((2, 3, 1), (2, 3, 3), -1),
    ((2, 1, 3), (2, 4, 3), -2),
)


def joined(candidate, draw):
    answers = []
    for left, right, axis in JOINED:
        make = lambda a, b, k=axis: candidate.concatenate([a, b], axis=k)  # noqa: E731
        answers += walked(draw, make, draw.array(*left), draw.array(*right))
        make = lambda a, b, k=axis: candidate.concatenate([a, b, a], axis=k)  # noqa: E731
        answers += walked(draw, make, draw.array(*left), draw.array(*right))
    arrays = [draw.array(k, 2) for k in (1, 3, 2)]
    answers += walked(draw, lambda *parts: candidate.concatenate(list(parts)), *arrays)
    return [*answers, *walked(draw, lambda a: candidate.concatenate([a]), draw.array(3, 2))]


@case(1, "concatenate")
def end_to_end(candidate, draw):
    answers = joined(candidate, draw)
    for left, right, axis in (((2, 3), (2, 4), 0), ((2, 3), (3, 3), 1), ((2, 3), (2,), 0)):
        parts = [Tensor(draw.array(*left)), Tensor(draw.array(*right))]
        answers.append(refuses(ValueError, lambda p=parts, k=axis: candidate.concatenate(p, axis=k)))
    return answers


@case(1, "pad")
def a_border(candidate, draw):
    answers, some = [], draw.number()
    for shape, widths in (((3,), [(1, 2)]), ((2, 3), [(0, 1), (2, 0)]), ((2, 3), [(0, 0), (0, 0)]),
                          ((2, 1, 2), ((1, 0), (3, 1), (0, 2)))):  # fmt: skip
        answers += walked(draw, lambda t, w=widths: candidate.pad(t, w), draw.array(*shape))
        answers += walked(draw, lambda t, w=widths: candidate.pad(t, w, some), draw.array(*shape))
        answers += walked(draw, lambda t, w=widths: candidate.pad(t, w, value=some), draw.array(*shape))
    return [*answers, *walked(draw, lambda t: candidate.pad(t, [(1, 1)]), small(draw.array(3)))]


# Level 2 --------------------------------------------------------------------------------------------------------------


def selected(candidate, draw):
    x, answers = draw.array(4, 5, 3), []
    rows, columns, mask = ids_of(draw, 4, 6), ids_of(draw, 5, 6), draw.array(4, 5) > 0
    mask[0, 0] = True
    for key in (
        2, -1, (1, 2, 0), slice(1, 3), (slice(None, None, 2), slice(1, None)), (..., 0), (None, 1), (0, ..., None),
        rows, rows.tolist(), (rows, columns), (slice(None), columns), (rows, slice(None), 1), mask, (mask[:, 0],),
        (rows[:, None], columns), (..., ids_of(draw, 3, 2, 2)), (rows, 2), -1 - rows, slice(2, 2),
        ([0, 0, 1], slice(None), [2, 2, 0]),
    ):  # fmt: skip
        answers += walked(draw, lambda t, k=key: candidate.select(t, k), x)
    return answers


@case(2, "select")
def every_key_that_numpy_knows(candidate, draw):
    answers = selected(candidate, draw)
    answers += walked(draw, lambda t: candidate.select(t, [0, 0, 1]), small(draw.array(3)))
    return [
        *answers,
        *looked_up(candidate, draw),
        *walked(draw, lambda t: candidate.select(t, 1) * t, draw.array(3, 3)),
    ]


@case(2, "stack", step="new-axis")
def along_a_new_axis(candidate, draw):
    answers = []
    for shape in ((3,), (2, 3), ()):
        for axis in range(-len(shape) - 1, len(shape) + 1):
            arrays = [draw.array(*shape) for _ in range(3)]
            answers += walked(draw, lambda *t, k=axis: candidate.stack(list(t), axis=k), *arrays)
    answers += walked(draw, lambda a, b: candidate.stack([a, b, a]), draw.array(2), draw.array(2))
    parts = [Tensor(draw.array(2, 3)), Tensor(draw.array(3, 2))]
    return [*answers, refuses(ValueError, lambda: candidate.stack(parts))]


@case(2, "split")
def cut_into_pieces(candidate, draw):
    answers = []
    for shape, sizes, axis in (((6, 2), [1, 3, 2], 0), ((2, 5), [4, 1], 1), ((2, 5), [2, 3], -1), ((3, 6, 2), [6], 1),
                               ((4,), [1, 0, 3], 0)):  # fmt: skip
        answers += walked(draw, lambda t, s=sizes, k=axis: candidate.split(t, s, axis=k), draw.array(*shape))
        last = lambda t, s=sizes, k=axis: candidate.split(t, s, axis=k)[-1]  # noqa: E731
        answers += walked(draw, last, draw.array(*shape))
    x = Tensor(draw.array(4, 6))
    for sizes, axis in (([1, 2], 0), ([3, 2], 0), ([2, 2], 1), ([4, 4], -1)):
        answers.append(refuses(ValueError, lambda s=sizes, k=axis: candidate.split(x, s, axis=k)))
    return answers


@case(2, "roll")
def moved_around(candidate, draw):
    answers = []
    for shape, axis in (((5,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 5, 2), -2)):
        for shift in (1, -2, draw.integer(1, 9), 0):
            answers += walked(draw, lambda t, s=shift, k=axis: candidate.roll(t, s, k), draw.array(*shape))
    return answers


@case(2, "gather")
def one_number_for_each_place(candidate, draw):
    answers = []
    for shape, axis, size in (((4, 3), 1, 5), ((4, 3), 0, 2), ((4, 3), -1, 1), ((2, 3, 4), 1, 6), ((2, 3, 4), -3, 2)):
        index = ids_of(draw, shape[axis], *(size if k == axis % len(shape) else n for k, n in enumerate(shape)))
        answers += walked(draw, lambda t, k=axis, i=index: candidate.gather(t, k, i), draw.array(*shape))
        answers += walked(draw, lambda t, k=axis, i=index: candidate.gather(t, k, i.tolist()), draw.array(*shape))
    x = Tensor(draw.array(2, 3))
    return [*answers, *(refuses(IndexError, lambda i=i: candidate.gather(x, 1, i)) for i in ([[3], [0]], [[0], [7]]))]


@case(2, "index_add")
def added_at_places(candidate, draw):
    answers = []
    for shape, axis, count in (((4, 3), 0, 6), ((3, 4), 1, 5), ((2, 3, 4), -2, 4), ((2, 3, 2), -1, 3), ((5,), 0, 1)):
        index = ids_of(draw, shape[axis], count)
        source = draw.array(*(count if k == axis % len(shape) else n for k, n in enumerate(shape)))
        for places in (index, index.tolist()):
            make = lambda x, s, k=axis, i=places: candidate.index_add(x, k, i, s)  # noqa: E731
            answers += walked(draw, make, draw.array(*shape), source)
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "embedding_gradient")
def rows_that_were_looked_at(candidate, draw):
    answers = []
    for ids in (ids_of(draw, 9, 8), ids_of(draw, 1000, 3, 4), [5], np.array([2, 2, 2]), np.zeros((0,), int)):
        upstream = draw.array(*np.shape(ids), 3)
        kept = upstream.copy()
        rows, sums = candidate.embedding_gradient(ids, upstream)
        answers += [[float(row) for row in rows], draw.along(sums), float((upstream == kept).all())]
        table = draw.array(1000, 3)
        candidate.update_rows(table, rows, sums, draw.rng.uniform(0.1, 2.0))
        answers += [draw.along(table), draw.along(sums)]
    return answers


@case(3, "embedding_gradient", room=1.2)
def no_array_of_the_size_of_the_table(candidate, draw):
    ids = [draw.integer(0, 10**9) for _ in range(2000)]
    rows, sums = candidate.embedding_gradient(ids, draw.array(2000, 8))
    table = np.ones((200_000, 8))  # 13 MB, and once more for who works with a whole gradient
    candidate.update_rows(table, np.asarray(rows) % 200_000, sums, draw.number())
    return [draw.along(sums), draw.along(table[:1000])]


@case(3, "embedding", step="no-copies")
def the_same_answers_as_before(candidate, draw):
    return [looked_up(candidate, draw), joined(candidate, draw), selected(candidate, draw)]


@case(3, "concatenate", step="no-copies", room=1.07)
def gradients_that_are_views(candidate, draw):
    leaf, upstream = Tensor(draw.array(1000), requires_grad=True), np.ones((2000, 1000))
    pieces = [leaf + np.ones((1000, 1000)) for _ in range(2)]  # 8 MB each
    result = candidate.concatenate(pieces)
    del pieces
    result.backward(upstream)
    return [draw.along(leaf.grad[:50]), draw.along(data_of(result)[990:1010, :50])]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "embedding")
def all_of_them_in_a_row(candidate, draw):
    ids, picks = ids_of(draw, 6, 2, 4), ids_of(draw, 5, 2, 4, 1)

    def program(table, more):
        x = candidate.embedding(table, ids)  # (2, 4, 3)
        x = candidate.pad(candidate.concatenate([x, more], axis=-1), [(0, 0), (0, 0), (0, 1)])  # (2, 4, 6)
        left, right = candidate.split(x, [5, 1], axis=-1)
        x = candidate.roll(left * left, 1, 1) + right
        x = candidate.stack([x, candidate.select(x, (slice(None), [3, 3, 0, 1]))], axis=1)
        chosen = candidate.gather(candidate.select(x, (slice(None), 0)), 2, picks)
        return candidate.index_add(chosen, 1, [0, 2, 0, 3], chosen * chosen)

    return walked(draw, program, draw.array(6, 3), draw.array(2, 4, 2))
