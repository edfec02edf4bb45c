"""What the grader asks of a submission: arrays of random numbers, read element by element, and random directions."""

import math
from itertools import product

from utils.grading.cases import case, number_of, refuses


def made(candidate, draw, *shape):
    """An NDArray of random numbers."""
    return candidate.NDArray(draw.numbers(math.prod(shape)), shape)


def told(draw, array):
    """The shape of an NDArray, and its numbers, read one by one, along random directions."""
    shape = array.shape
    entries = [number_of(array[index]) for index in product(*map(range, shape))]
    return [float(type(shape) is tuple), float(len(shape)), *map(float, shape), *draw.along(entries)]


def listed(draw, array):
    """What `tolist` gives, along random directions; plain lists with the shape of the array."""
    return draw.along(array.tolist())


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "NDArray")
def one_flat_list(candidate, draw):
    answers = []
    for shape in ((5,), (2, 3), (3, 2, 4), (), (0, 3)):
        numbers = draw.numbers(math.prod(shape))
        a = candidate.NDArray(numbers, shape)
        answers.append(told(draw, a))
        if numbers:
            place, number = tuple(draw.integer(0, size - 1) for size in shape), draw.number()
            a[place] = number
            answers.append(told(draw, a))
    a, row = made(candidate, draw, 3, 2), made(candidate, draw, 4)
    answers += [number_of(row[k]) for k in range(4)]
    answers += [refuses(IndexError, lambda i=index: a[i]) for index in ((3, 0), (0, 2), (1, 7), (4, 0), (2, 2), (7, 1))]
    answers += [refuses(IndexError, lambda k=k: row[k]) for k in (4, 9)]
    answers.append(refuses(IndexError, lambda: a.__setitem__((0, 2), 1.0)))
    for count, shape in ((5, (2, 3)), (7, (2, 3)), (4, (3,)), (1, (2,)), (0, ())):
        answers.append(refuses(ValueError, lambda c=count, s=shape: candidate.NDArray([1.0] * c, s)))
    return answers


@case(1, "indices")
def every_index(candidate, draw):
    shapes = ((3,), (draw.integer(2, 4), draw.integer(2, 4)), (2, draw.integer(1, 3), 3), (), (2, 0), (0,))
    answers = []
    for shape in shapes:
        found = list(candidate.indices(shape))
        answers += [float(len(found)), float(all(type(index) is tuple for index in found)), [list(i) for i in found]]
    return answers


@case(1, "array")
def nested_lists(candidate, draw):
    answers = []
    for shape in ((4,), (2, 3), (2, 1, 3), (3, 2, 2), (1, 4)):
        nested = draw.array(*shape).tolist()
        a = candidate.array(nested)
        answers += [told(draw, a), listed(draw, a), listed(draw, made(candidate, draw, *shape))]
    number = draw.number()
    answers += [told(draw, candidate.array(number)), number_of(candidate.array(number).tolist())]
    whole = candidate.array([[draw.integer(2, 9), 1], [0, 3]])
    answers += [told(draw, whole), float(type(whole[0, 0]) is float)]
    empty = candidate.NDArray([], (2, 0)).tolist()
    answers.append(float(empty == [[], []]))
    for ragged in ([[1.0, 2.0], [3.0]], [1.0, [2.0]], [[1.0], 2.0], [[[1.0], [2.0]], [[3.0], [4.0, 5.0]]], [[], [1.0]]):
        answers.append(refuses(ValueError, lambda r=ragged: candidate.array(r)))
    return answers


@case(1, "NDArray.__add__")
def number_by_number(candidate, draw):
    answers = []
    for shape in ((4,), (2, 3), (2, 3, 2), ()):
        a, b = made(candidate, draw, *shape), made(candidate, draw, *shape)
        total, both = a + b, a * b
        answers += [told(draw, total), told(draw, both)]
        total[tuple(0 for _ in shape)] = draw.number()  # the result has a list of its own
        answers += [told(draw, a), told(draw, b)]
    for left, right in (((2, 3), (3, 2)), ((2, 3), (6,)), ((3,), (4,)), ((4,), (3,))):
        a, b = made(candidate, draw, *left), made(candidate, draw, *right)
        answers += [refuses(ValueError, lambda a=a, b=b: a + b), refuses(ValueError, lambda a=a, b=b: a * b)]
    return answers


@case(1, "NDArray.sum")
def an_axis_disappears(candidate, draw):
    answers = []
    for shape in ((5,), (2, 3), (3, 2, 4)):
        a = made(candidate, draw, *shape)
        answers += [told(draw, a.sum(axis)) for axis in (None, *range(len(shape)))]
        answers += [told(draw, a.sum()), told(draw, a)]
    empty = candidate.NDArray([], (0, 3))
    return [*answers, told(draw, empty.sum(0)), told(draw, empty.sum()), told(draw, made(candidate, draw).sum())]


@case(1, "NDArray.__matmul__")
def rows_meet_columns(candidate, draw):
    answers = []
    for n, k, m in ((2, 3, 4), (3, 3, 3), (1, 4, 2), (4, 1, 3), (3, 2, 1)):
        a, b = made(candidate, draw, n, k), made(candidate, draw, k, m)
        answers += [told(draw, a @ b), told(draw, a), told(draw, b)]
    for left, right in (((2, 3), (2, 3)), ((2, 3), (4, 3)), ((3,), (3, 2))):
        a, b = made(candidate, draw, *left), made(candidate, draw, *right)
        answers.append(refuses(ValueError, lambda a=a, b=b: a @ b))
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "row_major_strides")
def how_far_to_the_neighbor(candidate, draw):
    answers = []
    for axes in (0, 1, 2, 3, 4):
        shape = tuple(draw.integer(1, 4) for _ in range(axes))
        answers.append([float(step) for step in candidate.row_major_strides(shape)])
        answers.append([float(step) for step in made(candidate, draw, *shape).strides])
    a = made(candidate, draw, 3, 4)
    answers += [number_of(a[i, j]) for i in range(-3, 3) for j in range(-4, 4)]
    a[-1, -4] = draw.number()
    answers.append(told(draw, a))
    wrong = ((-4, 0), (0, -5), (3, 0), (0, 4), (-9, 1))
    return [*answers, *(refuses(IndexError, lambda i=index: a[i]) for index in wrong)]


@case(2, "NDArray.permute")
def axes_in_another_order(candidate, draw):
    answers = []
    for shape, orders in (((2, 3), ((1, 0), (0, 1), (-1, 0))), ((2, 3, 4), ((2, 0, 1), (1, 2, 0), (0, -1, 1)))):
        a = made(candidate, draw, *shape)
        answers += [told(draw, a.permute(order)) for order in orders]
        answers += [listed(draw, a.permute(orders[0]).permute(orders[-1])), told(draw, a)]
        for wrong in ((0, 0), (0,), (0, 1, 2, 3), (0, 5), (0, -1, 2)[: len(shape) + 1]):
            answers.append(refuses(ValueError, lambda a=a, w=wrong: a.permute(w)))
    return answers


@case(2, "NDArray.reshape")
def the_same_numbers_in_another_shape(candidate, draw):
    a = made(candidate, draw, 2, 3, 4)
    answers = [told(draw, a.reshape(shape)) for shape in ((24,), (4, 6), (6, -1), (-1,), (2, 2, -1, 3), (1, 24))]
    answers += [told(draw, a.permute((2, 0, 1)).reshape((4, 6))), told(draw, a[:, 1].reshape((8,)))]
    answers.append(told(draw, made(candidate, draw, 1).reshape(())))
    for wrong in ((5, 5), (23,), (-1, -1), (7, -1), (5, -1), (2, 3)):
        answers.append(refuses(ValueError, lambda w=wrong: a.reshape(w)))
    return [*answers, told(draw, a)]


@case(2, "NDArray.__getitem__", step="slices")
def a_part_of_an_array(candidate, draw):
    a, keys = made(candidate, draw, 4, 5, 3), slice(None)
    cut, step = slice(draw.integer(0, 2), draw.integer(3, 4)), slice(None, None, 2)
    chosen = (1, (2,), (keys, 3), (keys, keys, 1), cut, (cut, step), (step, cut, 0), (0, keys, slice(1, None)),
              (-1, 2), (keys, slice(-3, -1)), (slice(3, 99), slice(2, 2)), (slice(1, 4, 2), -2, slice(None, -1)),
              ())  # fmt: skip
    answers = [told(draw, a[key]) for key in chosen] + [listed(draw, a[1:][:, 2:][0])]
    answers += [number_of(a[0, 1, 2]), told(draw, a[1:, ::2][1])]
    for wrong in ((0, 0, 0, 0), (4,), (keys, 5), (keys, keys, -4)):
        answers.append(refuses(IndexError, lambda w=wrong: a[w]))
    return answers


@case(2, "broadcast_shapes")
def shapes_that_give_way(candidate, draw):
    answers = []
    for _ in range(8):
        whole = [draw.integer(0, 4) for _ in range(draw.integer(1, 4))]
        parts = [tuple(draw.choice((size, size, 1)) for size in whole)[draw.integer(0, len(whole)) :] for _ in range(3)]
        for shapes in (parts[:1], parts[:2], parts):
            found = candidate.broadcast_shapes(*shapes)
            answers += [float(len(found)), *map(float, found), float(type(found) is tuple)]
    for wrong in (((2,), (3,)), ((2, 3), (2,)), ((4, 1), (3, 2)), ((1, 3), (2, 1), (2, 4)), ((0,), (2,))):
        answers.append(refuses(ValueError, lambda w=wrong: candidate.broadcast_shapes(*w)))
    return answers


@case(2, "NDArray.broadcast_to")
def arrays_that_are_stretched(candidate, draw):
    answers = []
    for shape, wide in (((3,), (2, 3)), ((2, 1), (2, 4)), ((2, 1), (3, 2, 4)), ((), (2, 2)), ((1, 3, 1), (2, 3, 2)),
                        ((2, 3), (2, 3)), ((1,), (0,)), ((4,), (1, 4))):  # fmt: skip
        answers.append(told(draw, made(candidate, draw, *shape).broadcast_to(wide)))
    for shape, wide in (((3,), (3, 2)), ((2, 3), (3,)), ((2,), (4,)), ((2, 3), (1, 3)), ((3,), (1,)), ((2, 1), (2,))):
        a = made(candidate, draw, *shape)
        answers.append(refuses(ValueError, lambda a=a, w=wide: a.broadcast_to(w)))
    return answers


@case(2, "NDArray.__sub__")
def plus_minus_times_and_divided_by(candidate, draw):
    answers, signs = [], (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b)
    for left, right in (((2, 3), (2, 3)), ((2, 3), (3,)), ((4, 1), (3,)), ((), (2, 2)), ((2, 1, 3), (4, 1))):
        a, b = made(candidate, draw, *left), made(candidate, draw, *right)
        answers += [told(draw, sign(a, b)) for sign in signs] + [told(draw, a), told(draw, b)]
    a = made(candidate, draw, 2, 3)
    for number in (draw.number(), draw.integer(2, 5)):
        answers += [told(draw, part) for sign in signs for part in (sign(a, number), sign(number, a))]
    wrong = made(candidate, draw, 2)
    return [*answers, told(draw, a), *(refuses(ValueError, lambda s=sign: s(a, wrong)) for sign in signs)]


@case(2, "NDArray.max")
def any_axes_and_keepdims(candidate, draw):
    a = made(candidate, draw, 2, 3, 4)
    minus = candidate.NDArray([-abs(number) for number in draw.numbers(6)], (2, 3))
    answers = []
    for fold in ("sum", "max", "mean"):
        for axis in (None, 0, 1, -1, -3, (0, 2), (1, 0), (-1, 0), (0, 1, 2)):
            for keep in (False, True):
                answers.append(told(draw, getattr(a, fold)(axis, keepdims=keep)))
        answers += [told(draw, getattr(a.permute((2, 0, 1)), fold)((0, 1))), told(draw, getattr(minus, fold)(1))]
        for wrong in (3, -4, (0, 0), (0, -3), (0, 5)):
            answers.append(refuses(ValueError, lambda f=fold, w=wrong: getattr(a, f)(w)))
    empty = candidate.NDArray([], (2, 0))
    answers += [refuses(ValueError, lambda: empty.max(1)), refuses(ValueError, empty.max)]
    answers += [float(math.isnan(number_of(empty.mean(1)[k]))) for k in range(2)]
    return [*answers, told(draw, empty.sum(1)), told(draw, empty.max(0)), told(draw, a)]


@case(2, "NDArray.__matmul__", step="batch")
def a_product_for_each_in_a_batch(candidate, draw):
    answers = []
    for left, right in (((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)),
                        ((2, 2, 2), (2, 2, 2)), ((3, 1, 2), (1, 2, 4))):  # fmt: skip
        answers.append(told(draw, made(candidate, draw, *left) @ made(candidate, draw, *right)))
    answers.append(told(draw, made(candidate, draw, 3, 2).permute((1, 0)) @ made(candidate, draw, 3, 2)))
    for left, right in (((2, 3), (2, 3)), ((2, 2, 3), (3, 3, 2)), ((2, 1), (3, 2)), ((2, 3), (1, 2))):
        a, b = made(candidate, draw, *left), made(candidate, draw, *right)
        answers.append(refuses(ValueError, lambda a=a, b=b: a @ b))
    return answers


FORMULAS = (
    ("ik,kj->ij", (2, 3), (3, 4)), ("ik,kj->ji", (2, 3), (3, 2)), ("ii->i", (3, 3)), ("ii->", (4, 4)),
    ("ij->ji", (2, 3)), ("ij->j", (2, 3)), ("i,j->ij", (2,), (3,)), ("i,i->", (4,), (4,)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("zq,q,q->z", (2, 3), (3,), (3,)), ("i,j,k->kji", (2,), (3,), (2,)),
    ("iij,j->i", (2, 2, 3), (3,)), ("abc->cab", (2, 3, 4)), ("ij->", (2, 3)), ("ij,ij->ij", (2, 2), (2, 2)),
)  # fmt: skip


@case(2, "einsum")
def letters_instead_of_loops(candidate, draw):
    answers = []
    for formula, *shapes in FORMULAS:
        arrays = [made(candidate, draw, *shape) for shape in shapes]
        answers.append(told(draw, candidate.einsum(formula, *arrays)))
    a = made(candidate, draw, 2, 3)
    for wrong in ("ij,jk->ik", "i->i", "ijk->ij", "ij->ik", "ij->ii", "ii->i", "ij->iji"):
        answers.append(refuses(ValueError, lambda w=wrong: candidate.einsum(w, a)))
    return [*answers, refuses(ValueError, lambda: candidate.einsum("ij,jk->ik", a, a))]


# Level 3 --------------------------------------------------------------------------------------------------------------


def views(draw):
    """Functions that make a view, in turn of each kind, for an array of (3, 4, 2)."""
    k = draw.integer(1, 2)
    return [lambda a: a.permute((2, 0, 1)), lambda a: a[1:, ::2], lambda a: a[k], lambda a: a[:, 1:].permute((1, 2, 0)),
            lambda a: a[:, k:][::2, :, 1], lambda a: a.permute((1, 0, 2))[k:, :2]]  # fmt: skip


@case(3, "NDArray.permute", step="views")
def the_same_list_under_other_strides(candidate, draw):
    answers = []
    for view in views(draw):
        a = made(candidate, draw, 3, 4, 2)
        seen = view(a)
        answers.append(told(draw, seen))
        for place in product((1, 2), (1, 3), (0, 1)):
            a[place] = draw.number()
        answers.append(told(draw, seen))
        for place in product(*map(range, seen.shape)):
            seen[place] = draw.number()
        answers += [told(draw, seen), told(draw, a), listed(draw, seen)]
        answers += [told(draw, seen.sum(0)), told(draw, seen + seen)]
    return answers


@case(3, "NDArray.broadcast_to", step="views")
def one_number_seen_many_times(candidate, draw):
    a = made(candidate, draw, 2, 3, 1)
    part = a[:, 1:]
    wide = part.broadcast_to((2, 2, 2, 4))
    answers = [told(draw, wide), [float(step) for step in part.strides]]
    a[1, 2, 0] = draw.number()
    answers.append(told(draw, wide))
    wide[0, 1, 0, 3] = draw.number()
    b = candidate.NDArray(draw.numbers(9), (2, 2), (4, 1), 2)  # with strides and offset of one's own
    answers += [told(draw, a), told(draw, wide), told(draw, b), float(b.offset), [float(step) for step in b.strides]]
    b[1, 0] = draw.number()
    return [*answers, told(draw, b), told(draw, b.permute((1, 0))), told(draw, b[1:]), told(draw, b @ b)]


@case(3, "NDArray.is_contiguous")
def side_by_side_or_not(candidate, draw):
    a, answers = made(candidate, draw, 3, 4, 2), []
    for view in (
        a, a[1], a[1:], a[:, 1], a[:, :2], a[::2], a.permute((1, 0, 2)), a[:1].permute((1, 0, 2)), a[:, 1:2][1],
        a[0, :, 1:], a[:, :0], a.permute((2, 1, 0))[:, :0], a.broadcast_to((2, 3, 4, 2)), a.broadcast_to((1, 3, 4, 2)),
        made(candidate, draw, 1, 3, 1).permute((2, 1, 0)), candidate.NDArray(draw.numbers(9), (2, 2), (4, 1)),
        candidate.NDArray(draw.numbers(9), (2, 3), (3, 1), 3), candidate.NDArray(draw.numbers(9), (3, 2), (2, 2)),
        candidate.NDArray(draw.numbers(9), (4,), (2,), 0), candidate.NDArray(draw.numbers(9), (1, 2), (7, 1), 4),
        candidate.NDArray(draw.numbers(9), (1, 3), (5, 2), 1),
    ):  # fmt: skip
        answers += [float(view.is_contiguous() is True), float(view.is_contiguous() is False), told(draw, view)]
    return answers


@case(3, "NDArray.reshape", step="contiguous")
def reshaped_without_copying_where_it_can_be(candidate, draw):
    answers = []
    for view, shape in ((lambda a: a, (6, 4)), (lambda a: a[1:], (4, -1)), (lambda a: a[2], (2, 4)),
                        (lambda a: a.permute((1, 0, 2)), (8, 3)), (lambda a: a[:, ::2], (12,)),
                        (lambda a: a[1:].permute((2, 1, 0)), (4, 4))):  # fmt: skip
        a = made(candidate, draw, 3, 4, 2)
        seen = view(a)
        other = seen.reshape(shape)
        answers.append(told(draw, other))
        for place in product((1, 2), (1, 2), (0, 1)):
            a[place] = draw.number()
        answers.append(told(draw, other))
        other[(1,) * len(shape) if len(shape) > 1 else 5] = draw.number()
        answers.append(told(draw, a))
    return answers


@case(3, "NDArray.as_strided")
def strides_of_ones_own(candidate, draw):
    a, answers = made(candidate, draw, 12), []
    for shape, strides, offset in (((3, 4), (4, 1), 0), ((4, 3), (1, 4), 0), ((9, 4), (1, 1), 0), ((3, 2), (3, 2), 3),
                                   ((2, 3), (0, 1), 9), ((2, 6), (6, 1), 0), ((), (), 11), ((0, 5), (9, 9), 0),
                                   ((12,), (1,), 0), ((3,), (-2,), 8)):  # fmt: skip
        answers.append(told(draw, a.as_strided(shape, strides, offset)))
    part = a[3:]
    window = part.as_strided((2, 2), (2, 1), draw.integer(0, 4))  # counted from the start of the storage
    answers.append(told(draw, window))
    window[1, 1] = draw.number()
    answers += [told(draw, a), told(draw, part)]
    for shape, strides, offset in (((3, 4), (4, 1), 1), ((13,), (1,), 0), ((2, 2), (11, 1), 0), ((2,), (-1,), 0),
                                   ((1,), (1,), 12), ((1,), (1,), -1)):  # fmt: skip
        answers.append(refuses(ValueError, lambda s=shape, t=strides, o=offset: a.as_strided(s, t, o)))
    return answers


@case(3, "NDArray.__matmul__", step="no-copy", room=1.3)
def a_product_lists_no_products(candidate, draw):
    # 64,000 products as floats take 2 MB, and lists of them more; the result takes 0.1.
    a = made(candidate, draw, 40, 40)
    return told(draw, a @ a.permute((1, 0)))


@case(3, "einsum", step="lean", room=1.1)
def a_formula_lists_no_products(candidate, draw):
    a = made(candidate, draw, 48, 50)
    return told(draw, candidate.einsum("ik,jk->ij", a, a))


@case(3, "einsum", step="lean")
def formulas_on_views(candidate, draw):
    answers = []
    for formula, *shapes in FORMULAS:
        arrays = []
        for shape in shapes:
            last = len(shape)
            arrays.append(made(candidate, draw, *shape, 2).permute((last, *range(last)))[1])
        answers.append(told(draw, candidate.einsum(formula, *arrays)))
    return answers


@case(3, "NDArray.sum", step="no-copy")
def views_in_every_operation(candidate, draw):
    answers = []
    for view in views(draw):
        a, b = view(made(candidate, draw, 3, 4, 2)), view(made(candidate, draw, 3, 4, 2))
        answers += [
            told(draw, a * b - a),
            told(draw, a.max(-1)),
            told(draw, a.mean(keepdims=True)),
            told(draw, a.sum(0)),
        ]
        if len(a.shape) > 1:
            other = b.permute((*range(len(b.shape) - 2), -1, -2))
            answers += [told(draw, a @ other), told(draw, other @ a)]
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "NDArray.as_strided")
def a_convolution_by_strides(candidate, draw):
    image, kernel = made(candidate, draw, 6, 7), made(candidate, draw, 3, 2)
    windows = image.as_strided((4, 6, 3, 2), (7, 1, 7, 1))
    scores = candidate.einsum("yxij,ij->yx", windows, kernel)
    weights = made(candidate, draw, 2, 6, 5)
    return [told(draw, scores), told(draw, scores @ weights), told(draw, (scores @ weights).permute((2, 0, 1)).sum(0))]
