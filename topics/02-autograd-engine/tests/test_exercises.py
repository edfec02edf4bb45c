"""The exercises of exercises.md: they belong to no level, and run when this file is named.

pytest topics/02-autograd-engine/tests/test_exercises.py --candidate further/exercises
"""

import random

import pytest

from utils.course.judging import expect, expect_all

pytestmark = pytest.mark.exercise


def numbers(rng, *shape):
    """Nested lists of random numbers."""
    if not shape:
        return round(rng.uniform(-2.0, 2.0), 2)
    return [numbers(rng, *shape[1:]) for _ in range(shape[0])]


def mapped(function, nested):
    """The same nesting, with function(x) for each number x."""
    return [mapped(function, part) for part in nested] if isinstance(nested, (list, tuple)) else function(nested)


def flat(nested, address=()):
    """(address, number) for each number, such as ((0, 2), 1.5)."""
    if not isinstance(nested, (list, tuple)):
        return [(address, nested)]
    return [pair for n, part in enumerate(nested) for pair in flat(part, (*address, n))]


def at(nested, address):
    for n in address:
        nested = nested[n]
    return nested


def replaced(nested, address, number):
    """A copy of nested lists with one number exchanged."""
    if not address:
        return number
    return [replaced(part, address[1:], number) if n == address[0] else part for n, part in enumerate(nested)]


def weighted_sum(nested):
    """The numbers added with weights 1.0, 1.25, 1.5, …, so that each result receives a different upstream gradient."""
    return sum(number * (1.0 + 0.25 * n) for n, (_, number) in enumerate(flat(nested)))


def expect_bilinear(candidate, name, function, truth, left, right):
    """Expect value and gradients of function(left, right), a function that is linear in each single number.

    The exact derivative of such a function with respect to one number is its change when that number goes from 0 to 1.
    """
    a, b = mapped(candidate.Value, left), mapped(candidate.Value, right)
    results = function(a, b)
    wanted = truth(left, right)
    expect_all(
        (f"{name}(a, b){list(address)}.data", lambda address=address: at(results, address).data, number, "")
        for address, number in flat(wanted)
    )
    expect(f"the number of results of {name}", lambda: len(flat(results)), len(flat(wanted)))
    weighted_sum(results).backward()
    rows = []
    for argument, leaves, plain in (("a", a, left), ("b", b, right)):
        for address, _ in flat(plain):
            ends = []
            for number in (0.0, 1.0):
                changed = replaced(plain, address, number)
                ends.append(weighted_sum(truth(changed, right) if argument == "a" else truth(left, changed)))
            what = f"{argument}{list(address)}.grad"
            rows.append((what, lambda leaves=leaves, address=address: at(leaves, address).grad, ends[1] - ends[0],
                         f"the sum of all results of {name}(a, b), weighted by 1, 1.25, 1.5, …"))  # fmt: skip
    expect_all(rows)


def expect_value_error(what, call):
    """Expect that a call raises ValueError."""
    try:
        call()
    except ValueError:
        return
    raise AssertionError(f"{what} was expected to raise ValueError")


# matmul ---------------------------------------------------------------------------------------------------------------


def plain_matmul(a, b):
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a]


def test_matmul_multiplies_rows_by_columns(candidate):
    rng = random.Random(1)
    for rows, inner, columns in ((1, 1, 1), (2, 3, 4), (3, 2, 1)):
        left, right = numbers(rng, rows, inner), numbers(rng, inner, columns)
        expect_bilinear(candidate, "matmul", candidate.matmul, plain_matmul, left, right)


def test_matmul_of_a_matrix_by_itself_collects_from_both_places(candidate):
    a = mapped(candidate.Value, [[1.0, 2.0], [3.0, 5.0]])
    weighted_sum(candidate.matmul(a, a)).backward()
    for address, slope in zip(((0, 0), (0, 1), (1, 0), (1, 1)), (9.0, 15.75, 14.5, 24.5), strict=True):
        expect(f"a{list(address)}.grad", lambda address=address: at(a, address).grad, slope,
               given="the weighted sum of matmul(a, a) at a = [[1, 2], [3, 5]]")  # fmt: skip


def test_matmul_refuses_matrices_that_do_not_fit(candidate):
    a = mapped(candidate.Value, [[1.0, 2.0]])
    expect("matmul(a, b)[0][0].data", lambda: candidate.matmul(a, [[3.0], [4.0]])[0][0].data, 11.0,
           given="a = [[Value(1.0), Value(2.0)]], b = [[3.0], [4.0]]")  # fmt: skip
    expect_value_error("matmul of (1, 2) by (3, 1)", lambda: candidate.matmul(a, [[1.0], [1.0], [1.0]]))


# conv2d ---------------------------------------------------------------------------------------------------------------


def plain_conv2d(images, kernels, stride, padding):
    """The same function the other way round: every product of a pixel and a weight is sent to where it belongs."""
    height, width = len(images[0][0]), len(images[0][0][0])
    rows = (height + 2 * padding - len(kernels[0][0])) // stride + 1
    columns = (width + 2 * padding - len(kernels[0][0][0])) // stride + 1
    out = [[[[0.0] * columns for _ in range(rows)] for _ in kernels] for _ in images]
    weights = flat(kernels)
    for (n, channel, y, x), pixel in flat(images):
        for (k, of, i, j), weight in weights:
            row, row_rest = divmod(y + padding - i, stride)
            column, column_rest = divmod(x + padding - j, stride)
            if of == channel and not row_rest and not column_rest and 0 <= row < rows and 0 <= column < columns:
                out[n][k][row][column] += pixel * weight
    return out


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (1, 1), (2, 1), (3, 2)])
def test_conv2d_slides_each_kernel_over_each_image(candidate, stride, padding):
    rng = random.Random(stride + 10 * padding)
    images, kernels = numbers(rng, 2, 2, 3, 4), numbers(rng, 2, 2, 2, 3)
    expect_bilinear(
        candidate, f"conv2d with stride {stride} and padding {padding}",
        lambda a, b: candidate.conv2d(a, b, stride=stride, padding=padding),
        lambda a, b: plain_conv2d(a, b, stride, padding), images, kernels,
    )  # fmt: skip


def test_conv2d_takes_a_stride_of_one_and_no_padding_unless_told(candidate):
    images = mapped(candidate.Value, [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]])
    kernels = mapped(candidate.Value, [[[[1.0, 0.0], [0.0, -2.0]]]])
    results = candidate.conv2d(images, kernels)
    given = "an image of 1 to 9 and the kernel [[1, 0], [0, -2]]"
    for address, number in flat([[-9.0, -10.0], [-12.0, -13.0]]):
        expect(f"the result at {list(address)}", lambda address=address: at(results[0][0], address).data, number,
               given=given)  # fmt: skip


# NDValue --------------------------------------------------------------------------------------------------------------


def test_an_ndvalue_knows_its_shape_and_its_numbers(candidate):
    for nested, shape in ((2.5, ()), ([1.0, 2.0, 3.0], (3,)), ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], (3, 2)),
                          ([[[1.0], [2.0]]], (1, 2, 1))):  # fmt: skip
        x = candidate.NDValue(nested)
        assert tuple(x.shape) == shape, f"NDValue({nested}).shape\nexpected: {shape}\ngot:      {x.shape}"
        for address, number in flat(nested):
            place = "".join(f"[{n}]" for n in address)
            expect(f"NDValue({nested}).data{place}", lambda x=x, address=address: at(x.data, address), number)
            expect(f"NDValue({nested}).grad{place}", lambda x=x, address=address: at(x.grad, address), 0.0)


def test_an_ndvalue_adds_multiplies_and_sums_element_by_element(candidate):
    rng = random.Random(4)
    for shape in ((), (3,), (2, 3), (2, 1, 2)):
        left, right = numbers(rng, *shape), numbers(rng, *shape)
        a, b = candidate.NDValue(left), candidate.NDValue(right)
        y = ((a + b) * a + b).sum()
        pairs = list(zip([x for _, x in flat(left)], [x for _, x in flat(right)], strict=True))
        given = f"y = ((a + b) * a + b).sum() with shape {shape}"
        expect("y.data", lambda y=y: y.data, sum((p + q) * p + q for p, q in pairs), given=given)
        y.backward()
        rows = []
        for (address, p), (_, q) in zip(flat(left), flat(right), strict=True):
            rows.append((f"a.grad{list(address)}", lambda a=a, n=address: at(a.grad, n), 2 * p + q, given))
            rows.append((f"b.grad{list(address)}", lambda b=b, n=address: at(b.grad, n), p + 1, given))
        expect_all(rows)


def test_an_ndvalue_refuses_ragged_lists_and_shapes_that_differ(candidate):
    a, b = candidate.NDValue([1.0, 2.0]), candidate.NDValue([3.0, -1.0])
    expect("(a * b).sum().data", lambda: (a * b).sum().data, 1.0, given="a = NDValue([1, 2]), b = NDValue([3, -1])")
    expect_value_error("NDValue([[1, 2], [3]])", lambda: candidate.NDValue([[1.0, 2.0], [3.0]]))
    expect_value_error("adding shapes (2,) and (3,)", lambda: a + candidate.NDValue([1.0, 2.0, 3.0]))
    expect_value_error("multiplying shapes (2,) and (2, 1)", lambda: a * candidate.NDValue([[1.0], [2.0]]))
    expect_value_error("backward from shape (2,)", lambda: (a + b).backward())
