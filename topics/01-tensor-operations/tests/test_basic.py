"""Levels 1 and 2 at ordinary points. Where it can be, a number says where it stands in the flat list."""

import math

import numpy as np
import pytest

from utils.course.judging import expect, expect_all, expect_array, expect_indexed, expect_same


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


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("NDArray")
def test_an_array_remembers_its_shape(candidate):
    for shape in ((2, 3), (6,), (3, 1, 2)):
        a = candidate.NDArray([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], shape)
        expect_array("a.shape", lambda a=a: a.shape, shape, given=f"a = NDArray([0, 1, 2, 3, 4, 5], {shape})")


@pytest.mark.level1
@pytest.mark.about("NDArray.__getitem__")
def test_an_index_finds_its_number_in_the_flat_list(candidate):
    a, _ = counted(candidate, (2, 3))
    b, _ = counted(candidate, (2, 3, 4))
    rows = []
    for index, place in (((0, 0), 0), ((0, 2), 2), ((1, 0), 3), ((1, 2), 5)):
        text = ", ".join(map(str, index))
        rows.append((f"a[{text}]", lambda i=index: a[i], float(place), "a = NDArray([0, 1, 2, 3, 4, 5], (2, 3))"))
    for index, place in (((0, 0, 3), 3), ((0, 1, 0), 4), ((1, 0, 0), 12), ((1, 2, 3), 23)):
        text = ", ".join(map(str, index))
        rows.append((f"b[{text}]", lambda i=index: b[i], float(place), "b = NDArray([0, 1, ..., 23], (2, 3, 4))"))
    c = candidate.NDArray([10.0, 20.0, 30.0, 40.0], (2, 2))  # here the numbers are not their places
    rows.append(("c[1, 1]", lambda: c[1, 1], 40.0, "c = NDArray([10, 20, 30, 40], (2, 2))"))
    expect_all(rows)


@pytest.mark.level1
@pytest.mark.about("NDArray.__setitem__")
def test_a_number_can_be_put_where_an_index_points(candidate):
    a, expected = counted(candidate, (2, 3))
    a[1, 0] = 50.0
    a[0, 2] = 20.0
    expected[1, 0], expected[0, 2] = 50.0, 20.0
    expect_indexed(
        "a", lambda: a, expected, given="a = NDArray([0, 1, 2, 3, 4, 5], (2, 3)); a[1, 0] = 50; a[0, 2] = 20"
    )


@pytest.mark.level1
@pytest.mark.about("indices")
def test_the_last_axis_runs_fastest(candidate):
    for shape in ((2, 3), (4,), (2, 1, 2)):
        expect_array(f"list(indices({shape}))", lambda s=shape: list(candidate.indices(s)), list(np.ndindex(shape)))
    kind = lambda: type(next(iter(candidate.indices((2, 3))))).__name__  # noqa: E731
    expect_same("type(list(indices((2, 3)))[0])", kind, "tuple")


@pytest.mark.level1
@pytest.mark.about("array")
def test_nested_lists_become_an_array(candidate):
    for nested in ([[1, 2, 3], [4, 5, 6]], [7, 8], [[[1], [2]], [[3], [4]], [[5], [6]]]):
        expect_indexed(f"array({nested})", lambda n=nested: candidate.array(n), np.array(nested))
    expect_same("type(array([7, 8])[0])", lambda: type(candidate.array([7, 8])[0]).__name__, "float")


@pytest.mark.level1
@pytest.mark.about("NDArray.tolist")
def test_an_array_becomes_nested_lists(candidate):
    for shape in ((2, 3), (4,), (3, 2, 2)):
        a, expected = counted(candidate, shape)
        expect_array("a.tolist()", a.tolist, expected, given=f"a = NDArray([0, 1, ...], {shape})")
    given = "a = NDArray([0, 1, ...], (3, 2, 2))"
    expect_same("type(a.tolist())", lambda: type(a.tolist()).__name__, "list", given=given)
    expect_same("type(a.tolist()[0])", lambda: type(a.tolist()[0]).__name__, "list", given=given)


@pytest.mark.level1
@pytest.mark.about("NDArray.__add__")
def test_equal_shapes_are_added_number_by_number(candidate):
    for shape in ((2, 3), (5,), (2, 1, 3)):
        (a, x), (b, y) = counted(candidate, shape), counted(candidate, shape, 10)
        expect_indexed("(a + b)", lambda a=a, b=b: a + b, x + y, given=f"shape {shape}, a counts from 0, b from 10")


@pytest.mark.level1
@pytest.mark.about("NDArray.__mul__")
def test_equal_shapes_are_multiplied_number_by_number(candidate):
    for shape in ((2, 3), (5,)):
        (a, x), (b, y) = counted(candidate, shape), counted(candidate, shape, 10)
        expect_indexed("(a * b)", lambda a=a, b=b: a * b, x * y, given=f"shape {shape}, a counts from 0, b from 10")


@pytest.mark.level1
@pytest.mark.about("NDArray.sum")
def test_the_axis_that_is_summed_disappears(candidate):
    rows = []
    for shape in ((2, 3), (2, 3, 4)):
        a, x = counted(candidate, shape, 1)
        for axis in range(len(shape)):
            given = f"a = NDArray([1, 2, ...], {shape})"
            rows.append((f"a.sum({axis})", lambda a=a, k=axis: a.sum(k), x.sum(axis), given))
    expect_each(rows)


@pytest.mark.level1
@pytest.mark.about("NDArray.sum")
def test_without_an_axis_everything_is_summed_into_one_number_without_axes(candidate):
    a, x = counted(candidate, (2, 3), 1)
    expect_indexed("a.sum()", lambda: a.sum(), x.sum(), given="a = NDArray([1, 2, 3, 4, 5, 6], (2, 3))")


@pytest.mark.level1
@pytest.mark.about("NDArray.__matmul__")
def test_two_by_two_is_as_in_the_picture(candidate):  # no index lies outside, so each mistake gives numbers of its own
    a, b = candidate.NDArray([1.0, 2.0, 3.0, 4.0], (2, 2)), candidate.NDArray([5.0, 6.0, 7.0, 8.0], (2, 2))
    given = "a = array([[1, 2], [3, 4]]), b = array([[5, 6], [7, 8]])"
    expect_indexed("(a @ b)", lambda: a @ b, [[19, 22], [43, 50]], given=given)


@pytest.mark.level1
@pytest.mark.about("NDArray.__matmul__")
def test_a_row_and_a_column_make_one_number(candidate):
    a, b = candidate.NDArray([1.0, 2.0], (1, 2)), candidate.NDArray([3.0, 4.0], (2, 1))
    expect_indexed("(a @ b)", lambda: a @ b, [[11]], given="a = array([[1, 2]]), b = array([[3], [4]])")


@pytest.mark.level1
@pytest.mark.about("NDArray.__matmul__")
def test_rows_meet_columns(candidate):
    rows = []
    for left, right in (((2, 3), (3, 4)), ((1, 2), (2, 1)), ((3, 1), (1, 2)), ((2, 2), (2, 2))):
        (a, x), (b, y) = counted(candidate, left, 1), counted(candidate, right, 5)
        rows.append(("(a @ b)", lambda a=a, b=b: a @ b, x @ y, f"a {left} counts from 1, b {right} from 5"))
    expect_each(rows)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("row_major_strides")
def test_the_last_stride_is_one_and_the_others_are_products_of_the_sizes_behind(candidate):
    for shape, strides in (((2, 3), (3, 1)), ((2, 3, 4), (12, 4, 1)), ((7,), (1,)), ((3, 1, 5, 2), (10, 10, 2, 1))):
        expect_array(f"row_major_strides({shape})", lambda s=shape: candidate.row_major_strides(s), strides)
        made = candidate.NDArray([0.0] * math.prod(shape), shape)
        expect_array("a.strides", lambda a=made: a.strides, strides, given=f"a of shape {shape}")
    name = lambda: type(candidate.row_major_strides((2, 3))).__name__  # noqa: E731
    expect_same("type(row_major_strides((2, 3)))", name, "tuple")


@pytest.mark.level2
@pytest.mark.about("NDArray.__getitem__")
def test_numbers_below_zero_count_from_the_end(candidate):
    a, x = counted(candidate, (2, 3))
    given = "a = NDArray([0, 1, 2, 3, 4, 5], (2, 3))"
    expect_all((f"a[{i}, {j}]", lambda i=i, j=j: a[i, j], x[i, j], given)
               for i, j in ((-1, -1), (0, -3), (-2, 0), (1, -2)))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.permute")
def test_axes_of_a_cube_change_their_order(candidate):  # every index lies inside, so each mistake gives its own numbers
    a, x = counted(candidate, (2, 2, 2))
    expect_each([(f"a.permute({axes})", lambda k=axes: a.permute(k), x.transpose(axes), "a (2, 2, 2), counted")
                 for axes in ((1, 0, 2), (2, 0, 1), (1, 2, 0))])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.permute")
def test_axes_change_their_order(candidate):
    rows = []
    for shape, axes in (((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (1, 2, 0)), ((2, 3, 4), (0, -1, 1))):
        a, x = counted(candidate, shape)
        rows.append((f"a.permute({axes})", lambda a=a, k=axes: a.permute(k), x.transpose(axes), f"a {shape}, counted"))
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.about("NDArray.reshape")
def test_the_numbers_keep_their_order_in_another_shape(candidate):
    rows = []
    for shape, new in (((2, 6), (3, 4)), ((2, 6), (12,)), ((2, 6), (2, 3, 2)), ((2, 6), (4, -1)), ((2, 6), (-1,)),
                       ((2, 6), (-1, 4)), ((2, 6), (2, -1, 3))):  # fmt: skip
        a, x = counted(candidate, shape)
        rows.append((f"a.reshape({new})", lambda a=a, n=new: a.reshape(n), x.reshape(new), f"a {shape}, counted"))
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.about("NDArray.reshape")
def test_a_permuted_array_is_reshaped_in_the_order_in_which_it_is_read(candidate):
    a, x = counted(candidate, (2, 3))
    given = "a = array([[0, 1, 2], [3, 4, 5]])"
    expect_each([
        ("a.permute((1, 0)).reshape((6,))", lambda: a.permute((1, 0)).reshape((6,)), x.T.reshape(6), given),
        ("a.permute((1, 0)).reshape((2, 3))", lambda: a.permute((1, 0)).reshape((2, 3)), x.T.reshape(2, 3), given),
    ])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.__getitem__", step="slices")
def test_a_slice_keeps_its_axis_and_a_number_removes_it(candidate):
    a, x = counted(candidate, (3, 4))
    given = "a of shape (3, 4), counted"
    expect_each([
        ("a[1]", lambda: a[1], x[1], given),
        ("a[:, 2]", lambda: a[:, 2], x[:, 2], given),
        ("a[1:3]", lambda: a[1:3], x[1:3], given),
        ("a[0:2, 1:4]", lambda: a[0:2, 1:4], x[0:2, 1:4], given),
        ("a[:, ::2]", lambda: a[:, ::2], x[:, ::2], given),
        ("a[-1, 1::2]", lambda: a[-1, 1::2], x[-1, 1::2], given),
        ("a[-2:, :-1]", lambda: a[-2:, :-1], x[-2:, :-1], given),
        ("a[1:2, 3]", lambda: a[1:2, 3], x[1:2, 3], given),
    ])  # fmt: skip
    expect("a[2, 3]", lambda: a[2, 3], 11.0, given=given)


@pytest.mark.level2
@pytest.mark.about("broadcast_shapes")
def test_a_row_meets_a_column(candidate):  # sizes that fit on either side, so each mistake gives a shape of its own
    for shapes in (((3, 1), (3,)), ((3,), (3, 1))):
        text = ", ".join(map(str, shapes))
        expect_array(f"broadcast_shapes({text})", lambda s=shapes: candidate.broadcast_shapes(*s), (3, 3))
    name = lambda: type(candidate.broadcast_shapes((3,), (3,))).__name__  # noqa: E731
    expect_same("type(broadcast_shapes((3,), (3,)))", name, "tuple")


@pytest.mark.level2
@pytest.mark.about("broadcast_shapes")
def test_shapes_are_aligned_at_the_last_axis(candidate):
    for shapes, expected in (
        (((2, 3), (3,)), (2, 3)), (((3,), (2, 3)), (2, 3)), (((2, 1), (1, 3)), (2, 3)), (((2, 3), ()), (2, 3)),
        (((4, 1, 3), (2, 1)), (4, 2, 3)), (((5,), (5,)), (5,)), (((2, 1), (3,), (4, 1, 1)), (4, 2, 3)),
        (((1,), (1, 1)), (1, 1)), (((0,), (3, 1)), (3, 0)),
    ):  # fmt: skip
        text = ", ".join(map(str, shapes))
        expect_array(f"broadcast_shapes({text})", lambda s=shapes: candidate.broadcast_shapes(*s), expected)


@pytest.mark.level2
@pytest.mark.about("NDArray.broadcast_to")
def test_a_row_and_a_column_fill_a_square(candidate):
    expect_each([(f"a.broadcast_to({wide})", lambda a=a, w=wide: a.broadcast_to(w), np.broadcast_to(x, wide), given)
                 for (a, x), wide, given in ((counted(candidate, shape, 1), (2, 2), f"a {shape}, counted from 1")
                                             for shape in ((2,), (1, 2), (2, 1), ()))])  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("NDArray.broadcast_to")
def test_axes_of_size_one_are_repeated_and_new_ones_come_in_front(candidate):
    rows = []
    for shape, wide in (((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3), (2, 3)), ((2, 1, 3), (2, 2, 4, 3)), ((), (2, 2))):
        a, x = counted(candidate, shape, 1)
        expected = np.broadcast_to(x, wide)
        rows.append((f"a.broadcast_to({wide})", lambda a=a, w=wide: a.broadcast_to(w), expected, f"a {shape}, counted"))
    expect_each(rows)


OPERATIONS = {"+": "add", "-": "sub", "*": "mul", "/": "truediv"}
EACH = [pytest.param(sign, marks=pytest.mark.about(f"NDArray.__{name}__")) for sign, name in OPERATIONS.items()]
EACH_REFLECTED = [
    pytest.param(sign, marks=pytest.mark.about(f"NDArray.__r{name}__")) for sign, name in OPERATIONS.items()
]
APPLY = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


@pytest.mark.level2
@pytest.mark.parametrize("sign", EACH)
def test_arrays_of_different_shapes_are_stretched_and_combined(candidate, sign):
    rows = []
    for left, right in (((2, 3), (3,)), ((2, 1), (3,)), ((3,), (2, 1)), ((2, 3), (2, 3)), ((2, 1, 2), (3, 1))):
        (a, x), (b, y) = counted(candidate, left, 2), counted(candidate, right, 4)
        given = f"a {left} counts from 2, b {right} from 4"
        rows.append((f"(a {sign} b)", lambda a=a, b=b: APPLY[sign](a, b), APPLY[sign](x, y), given))
    a, x = counted(candidate, (2, 2), 2)
    rows.append((f"(a {sign} 4)", lambda: APPLY[sign](a, 4), APPLY[sign](x, 4), "a = array([[2, 3], [4, 5]])"))
    rows.append((f"(a {sign} 0.5)", lambda: APPLY[sign](a, 0.5), APPLY[sign](x, 0.5), "a = array([[2, 3], [4, 5]])"))
    single = candidate.NDArray([2.0], ())
    rows.append((f"(a {sign} 4)", lambda: APPLY[sign](single, 4), APPLY[sign](np.array(2.0), 4), "a = array(2)"))
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.parametrize("sign", EACH_REFLECTED)
def test_a_plain_number_may_stand_on_the_left(candidate, sign):
    a, x = counted(candidate, (2, 2), 2)
    expect_indexed(f"(7 {sign} a)", lambda: APPLY[sign](7, a), APPLY[sign](7, x), given="a = array([[2, 3], [4, 5]])")


@pytest.mark.level2
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.about(f"NDArray.{n}")) for n in ("sum", "max", "mean")]
)
def test_any_axes_are_reduced_and_kept_if_asked_for(candidate, name):
    numbers = np.random.default_rng(1).permutation(24).reshape(2, 3, 4) - 12.0
    a, rows = of(candidate, numbers), []
    for axis in (None, 0, 1, 2, -1, -3, (0, 1), (2, 0), (-1, 1), (0, 1, 2)):
        for keepdims in (False, True):
            reduced = getattr(numbers, name)(axis=axis, keepdims=keepdims)
            call = f"a.{name}({axis}{', keepdims=True' if keepdims else ''})"
            rows.append((call, lambda k=axis, d=keepdims: getattr(a, name)(k, keepdims=d), reduced,
                         "a of shape (2, 3, 4), the whole numbers from -12 to 11 mixed"))  # fmt: skip
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.about("NDArray.__matmul__")
def test_axes_in_front_of_a_matrix_are_a_batch(candidate):
    rows = []
    for left, right in (((2, 3, 4), (2, 4, 2)), ((2, 3, 4), (4, 2)), ((3, 4), (2, 4, 2)),
                        ((2, 1, 2, 3), (3, 3, 2)), ((2, 1, 2, 2), (1, 3, 2, 2))):  # fmt: skip
        (a, x), (b, y) = counted(candidate, left, 1), counted(candidate, right, 5)
        rows.append(("(a @ b)", lambda a=a, b=b: a @ b, x @ y, f"a {left} counts from 1, b {right} from 5"))
    expect_each(rows)


def expect_formulas(candidate, *cases):
    """Check einsum on (formula, shapes) pairs; each array counts from another number."""
    rows = []
    for formula, shapes in cases:
        arrays, numbers = zip(*(counted(candidate, shape, 1 + 3 * k) for k, shape in enumerate(shapes)), strict=True)
        given = ", ".join(f"{shape} counts from {1 + 3 * k}" for k, shape in enumerate(shapes))
        get = lambda f=formula, a=arrays: candidate.einsum(f, *a)  # noqa: E731
        rows.append((f'einsum("{formula}", ...)', get, np.einsum(formula, *numbers), given))
    expect_each(rows)


@pytest.mark.level2
@pytest.mark.about("einsum")
def test_letters_of_a_square_are_kept_reordered_or_summed(candidate):
    expect_formulas(candidate, ("ij->ij", [(2, 2)]), ("ij->ji", [(2, 2)]), ("ij->i", [(2, 2)]), ("ij->j", [(2, 2)]),
                    ("ij->", [(2, 2)]))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("einsum")
def test_letters_of_one_array_are_kept_reordered_or_summed(candidate):
    expect_formulas(candidate, ("ij->ij", [(2, 3)]), ("ij->ji", [(2, 3)]), ("ij->i", [(2, 3)]), ("ij->j", [(2, 3)]),
                    ("ij->", [(2, 3)]), ("abc->ca", [(2, 3, 4)]))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("einsum")
def test_letters_that_two_arrays_share_move_together(candidate):
    expect_formulas(
        candidate, ("ik,kj->ij", [(2, 3), (3, 4)]), ("i,j->ij", [(2,), (3,)]), ("i,j->ji", [(2,), (3,)]),
        ("i,i->", [(3,), (3,)]), ("ij,ij->ij", [(2, 3), (2, 3)]), ("ij,j->i", [(2, 3), (3,)]), ("i,j->", [(2,), (3,)]),
        ("bqd,bkd->bqk", [(2, 2, 3), (2, 4, 3)]), ("aib,iab->ba", [(2, 3, 2), (3, 2, 2)]),
        ("ij,jk,kl->li", [(2, 2), (2, 3), (3, 2)]),
    )  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("einsum")
def test_a_letter_that_one_array_has_twice_walks_its_diagonal(candidate):
    expect_formulas(candidate, ("ii->", [(3, 3)]), ("ii->i", [(3, 3)]), ("iij,i->j", [(2, 2, 3), (2,)]),
                    ("iji->j", [(2, 3, 2)]))  # fmt: skip
