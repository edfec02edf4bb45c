"""Levels 1 and 2 at ordinary points: every operation forward and backward, against slopes by the complex step."""

import numpy as np
import pytest

from utils.course.judging import expect, expect_array
from utils.course.tensors import (
    case,
    exact,
    expect_all_tensors,
    expect_refusal,
    expect_text,
    expect_walk,
    run,
    shown,
    some,
)

X, Y = [[1.5, -0.5, 2.0], [3.0, 0.5, -1.0]], [[0.5, 2.0, -1.5], [1.0, -3.0, 0.2]]
ROW, COLUMN = [0.5, -2.0, 1.5], [[2.0], [-0.5]]
TALL = [[1.0, -0.5], [2.0, 0.3], [-1.5, 0.7]]
POSITIVE = [[0.5, 2.0, 1.5], [3.0, 0.7, 0.2]]
LARGE = [[1000.0, 0.0, -1000.0], [-800.0, -800.0, -799.0]]  # each row has a largest entry of its own
MASK = np.array([[True, False, True], [False, False, True]])


def rows(*programs, **options):
    """One case for each program."""
    return [case(program, **options) for program in programs]


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("Tensor")
def test_a_tensor_keeps_its_array_and_has_no_gradient_yet(candidate):
    for data, shape in (([[1.0, -2.0, 0.5], [3.0, 0.0, 4.0]], "(2, 3)"), ([7.0], "(1,)"), (2.5, "()")):
        x = candidate.Tensor(data)
        given = f"x = Tensor({data})"
        expect_array("x.data", lambda x=x: x.data, data, given=given)
        expect_text("x.shape", lambda x=x: x.shape, shape, given=given, aim="shape")
        expect_text("x.grad", lambda x=x: x.grad, "None", given=given)
        expect_text("x.requires_grad", lambda x=x: x.requires_grad, "False", given=given)
    given = "x = Tensor([1.0, 2.0], requires_grad=True)"
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    expect_text("x.requires_grad", lambda: x.requires_grad, "True", given=given)
    expect_text("x.grad", lambda: x.grad, "None", given=given)


@pytest.mark.level1
@pytest.mark.about("Tensor.__add__")
def test_a_sum_is_taken_entry_by_entry(candidate):
    x, y = candidate.Tensor(X), candidate.Tensor(Y)
    expect_array("(x + y).data", lambda: (x + y).data, np.add(X, Y), given=f"x = {X}, y = {Y}")
    a, b = candidate.Tensor(2.0), candidate.Tensor(-0.5)
    expect_array("(a + b).data", lambda: (a + b).data, 1.5, given="a = 2, b = -0.5, both of shape ()")
    expect_array("x.data afterwards", lambda: x.data, X, given=f"x + y for x = {X}, y = {Y}")
    p = candidate.Tensor(X, requires_grad=True)
    given = "p requires gradients, y does not"
    expect_text("(p + y).requires_grad", lambda: (p + y).requires_grad, "True", given=given)
    expect_text("(y + p).requires_grad", lambda: (y + p).requires_grad, "True", given=given)
    expect_text("(y + y).requires_grad", lambda: (y + y).requires_grad, "False", given=given)


@pytest.mark.level1
@pytest.mark.about("Tensor.__mul__")
def test_a_product_is_taken_entry_by_entry(candidate):
    x, y = candidate.Tensor(X), candidate.Tensor(Y)
    expect_array("(x * y).data", lambda: (x * y).data, np.multiply(X, Y), given=f"x = {X}, y = {Y}")
    square = candidate.Tensor([[1.0, 2.0], [3.0, 4.0]])
    expect_array("(x * x).data", lambda: (square * square).data, [[1.0, 4.0], [9.0, 16.0]],
                 given="x = [[1, 2], [3, 4]]: not the matrix product")  # fmt: skip
    expect_array("x.data afterwards", lambda: x.data, X, given=f"x * y for x = {X}, y = {Y}")


@pytest.mark.level1
@pytest.mark.about("Tensor.sum")
def test_the_sum_of_all_entries_is_a_tensor_of_shape_nothing(candidate):
    for data, total in ((X, 5.5), ([[[1.0]], [[2.5]]], 3.5), (4.0, 4.0)):
        result = candidate.Tensor(data).sum()
        expect_array("x.sum().data", lambda r=result: r.data, total, given=f"x = {data}")


@pytest.mark.level1
@pytest.mark.about("Tensor.backward")
def test_every_entry_of_a_sum_has_the_slope_one(candidate):
    expect_all_tensors(candidate, ("x.sum()", {"x": X}), ("x.sum()", {"x": 2.0}), ("x.sum()", {"x": [[[1.0], [2.0]]]}))


@pytest.mark.level1
@pytest.mark.about("Tensor.backward")
def test_plus_and_times_hand_on_upstream_times_local(candidate):
    programs = ("(x + y).sum()", "(x * y).sum()", "((x * y) * z).sum()", "((x + y) * z).sum()", "(z * (x + y)).sum()",
                "(x * y + z).sum()", "(x * y).sum() * c", "c * (x + y).sum()")  # fmt: skip
    table = rows(*programs, x=X, y=Y, z=POSITIVE, c=-2.5)
    expect_all_tensors(candidate, *table)


@pytest.mark.level1
@pytest.mark.about("Tensor.backward")
def test_what_arrives_on_several_paths_is_added(candidate):
    table = rows(
        "(x * x).sum()",
        "(x + x).sum()",
        "(x * y + x).sum()",
        "(x + x * y).sum()",
        "(x * x * x).sum()",
        "(x + x + x + x).sum()",
        "x.sum() * x.sum()",
        "(x * y).sum() * x.sum()",
        x=[1.5, -0.5],
        y=[2.0, 3.0],
    )
    shared = (  # h is a result, and has two users or three: the walk must wait for all
        "(lambda h: (h * z + h).sum())(x * y)", "(lambda h: (h + h * z).sum())(x * y)",
        "(lambda h: (h * h * z).sum())(x + y)", "(lambda h: h.sum() * (h * z).sum())(x + y)",
        "(lambda h: (lambda k: (k * h + k).sum())(h * z))(x + y)", "(lambda h: (h * z + h * y + h).sum())(x * y)",
    )  # fmt: skip
    expect_all_tensors(candidate, *table, *rows(*shared, x=[1.5, -0.5], y=[2.0, 3.0], z=[-1.0, 0.7]))


@pytest.mark.level1
@pytest.mark.about("Tensor.backward")
def test_only_leaves_that_require_gradients_get_one(candidate):
    x, c = candidate.Tensor([1.0, 2.0], requires_grad=True), candidate.Tensor([3.0, -1.0])
    y = x * c + c
    given = "x = [1, 2] requires gradients, c = [3, -1] does not; (x * c + c).sum().backward()"
    expect_text("y.requires_grad", lambda: y.requires_grad, "True", given="y = x * c + c, x requires gradients")
    expect_text("z.requires_grad", lambda: (c * c).requires_grad, "False", given="z = c * c, c does not")
    y.sum().backward()
    expect_array("x.grad", lambda: x.grad, [3.0, -1.0], given=given, aim="gradient")
    expect_text("c.grad", lambda: c.grad, "None", given=given)


@pytest.mark.level1
@pytest.mark.about("Tensor.backward")
def test_a_chain_of_a_hundred_products(candidate):
    x, k = candidate.Tensor([0.5, 1.0], requires_grad=True), candidate.Tensor([1.01, 0.99])
    y = x
    for _ in range(100):
        y = y * k
    y.sum().backward()
    expect_array("x.grad", lambda: x.grad, [1.01**100, 0.99**100], aim="gradient",
                 given="x = [0.5, 1]; 100 times: y = y * k at k = [1.01, 0.99]; y.sum().backward()")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("Tensor.zero_grad")
def test_gradients_of_two_walks_add_up_until_they_are_cleared(candidate):
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    (x * candidate.Tensor([3.0, 4.0])).sum().backward()
    (x * candidate.Tensor([5.0, -1.0])).sum().backward()
    given = "x = [1, 2]; (x * [3, 4]).sum().backward(); (x * [5, -1]).sum().backward()"
    expect_array("x.grad", lambda: x.grad, [8.0, 3.0], given=given, aim="gradient")
    x.zero_grad()
    expect_text("x.grad", lambda: x.grad, "None", given=given + "; x.zero_grad()")
    expect_array("x.data", lambda: x.data, [1.0, 2.0], given=given + "; x.zero_grad()")
    (x * candidate.Tensor([3.0, 4.0])).sum().backward()
    expect_array("x.grad", lambda: x.grad, [3.0, 4.0], given="x.zero_grad(), then once more", aim="gradient")


# Level 2: a table of rules --------------------------------------------------------------------------------------------


def cube(a):
    return a**3, (lambda g: 3 * g * a * a,)


def lean(a, b, slope=1.0):
    return a - slope * b, (lambda g: g, lambda g: -slope * g)


def polar(a, b):
    """Two inputs whose gradients share their work."""
    r = np.sqrt(a * a + b * b)

    def both(g):
        share = g / r
        return share * a, share * b

    return r, both


FORMULAS = {"cube": lambda a: a**3, "lean": lambda a, b, slope=1.0: a - slope * b,
            "polar": lambda a, b: (a * a + b * b).sqrt()}  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("operation")
def test_a_rule_is_all_that_a_new_operation_needs(candidate):
    new = {"cube": candidate.operation(cube), "lean": candidate.operation(lean), "polar": candidate.operation(polar)}
    inputs = {"x": [1.5, -0.5], "y": [2.0, 3.0]}
    for program in ("cube(x)", "cube(x * y)", "lean(x, y)", "lean(x, y, slope=2.5)", "polar(x, y)", "polar(y * y, x)",
                    "polar(cube(x), y) * x", "lean(x, x)", "polar(x, x)"):  # fmt: skip
        expect_new(candidate, program, new, FORMULAS, inputs)


@pytest.mark.level2
@pytest.mark.about("operation")
def test_a_rule_may_be_given_arrays_and_numbers(candidate):
    new = {"lean": candidate.operation(lean), "polar": candidate.operation(polar), "v": np.array([0.5, -1.0, 2.0])}
    for program in ("lean(x, v)", "lean(x, 2.0)", "lean(v, x)", "polar(x, v)"):
        expect_new(candidate, program, new, {**FORMULAS, "v": new["v"]}, {"x": [1.5, -0.5, 1.0]})


@pytest.mark.level2
@pytest.mark.about("unbroadcast", step="broadcast")
def test_the_engine_unbroadcasts_for_every_rule(candidate):
    new = {"lean": candidate.operation(lean), "polar": candidate.operation(polar)}
    for program in ("lean(x, y)", "lean(y, x, slope=0.5)", "polar(x, y)", "polar(y, x)"):
        expect_new(candidate, program, new, FORMULAS, {"x": [1.5, -0.5, 1.0], "y": [[2.0], [3.0]]})


def expect_new(candidate, program, new, truth, inputs):
    """As expect_tensors, for a program over new operations."""
    used = {name: np.array(array) for name, array in inputs.items() if name in program.replace("polar", "")}
    value, _ = exact(program, used, constants=truth, upstream=None)
    upstream = some(*value.shape, seed=4)
    _, gradients = exact(program, used, constants=truth, upstream=upstream)
    leaves = {name: candidate.Tensor(array.copy(), True) for name, array in used.items()}
    given = f"{program} for rules of our own, with " + ", ".join(f"{n} = {a.tolist()}" for n, a in used.items())
    given += f", gradient {shown(upstream)}"
    result = []
    expect_array("the value", lambda: result.append(run(candidate, program, leaves, new)) or result[0].data, value,
                 given=given)  # fmt: skip
    expect_walk(lambda: result[0].backward(upstream), given=given)
    for name in used:
        expect_array(f"{name}.grad", lambda n=name: leaves[n].grad, gradients[name], given=given, aim="gradient")


# Level 2: entry by entry ----------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.__sub__")
def test_minus_and_its_reflection(candidate):
    expect_all_tensors(candidate, *rows("x - y", "x * (x - y)", "x - 2.5", "2.5 - x", "x - x * y", x=X, y=Y))


@pytest.mark.level2
@pytest.mark.about("Tensor.__truediv__")
def test_a_quotient_and_its_reflection(candidate):
    expect_all_tensors(candidate, *rows("x / y", "y / x", "x * (x / y)", "x / 2.5", "2.5 / x", "x / (x * y)",
                                        x=X, y=Y))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Tensor.__neg__")
def test_a_tensor_with_its_sign_changed(candidate):
    expect_all_tensors(candidate, *rows("-x", "x * -x", "-(-x)", x=X))


@pytest.mark.level2
@pytest.mark.about("Tensor.__pow__")
def test_powers_with_plain_exponents(candidate):
    expect_all_tensors(candidate, *rows("x ** 2", "x ** 3", "x ** 1", "x ** -1", "x ** -2", "x * x ** 3", x=X),
                       *rows("p ** 0.5", "p ** 2.5", "p ** -1.5", p=POSITIVE),
                       *rows("x ** 0", "x ** 1", "x ** 2", "x ** 3", x=[0.0, 2.0, -1.5]))  # fmt: skip
    x = candidate.Tensor([1.0, 2.0])
    expect_refusal(TypeError, lambda: x**x, given="x ** x for a tensor x")


@pytest.mark.level2
@pytest.mark.about("Tensor.__rpow__")
def test_a_plain_base_with_a_tensor_as_exponent(candidate):
    expect_all_tensors(candidate, *rows("2 ** x", "0.5 ** x", "x * 3.5 ** x", x=X))


@pytest.mark.level2
@pytest.mark.about("Tensor.__add__", step="arithmetic")
def test_plain_numbers_and_arrays_on_either_side(candidate):
    programs = ("x + 2", "2 + x", "x * -1.5", "-1.5 * x", "x + v", "v + x", "x * v", "v * x", "x - v", "v - x",
                "v / x", "x / v", "x * np.float64(2.0)", "np.float64(2.0) * x")  # fmt: skip
    expect_all_tensors(candidate, *rows(*programs, x=X, constants={"v": np.array([0.5, -2.0, 1.5])}))


def each(*names):
    """One test for each function, about its own name."""
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.about(f"Tensor.{name}")) for name in names]
    )


@pytest.mark.level2
@each("exp", "log", "sqrt", "abs", "tanh", "relu", "sigmoid")
def test_a_function_of_every_entry(candidate, name):
    table = rows(f"x.{name}()", f"x * x.{name}()", f"(x * 0.5).{name}()",
                 x=POSITIVE if name in ("log", "sqrt") else X)  # fmt: skip
    if name in ("abs", "relu"):  # the slope at a kink
        table += rows(f"x.{name}()", x=[0.0, 2.0, -2.0, 1e-300])
    if name in ("tanh", "sigmoid"):
        table += rows(f"x.{name}()", x=[-1000.0, -30.0, 0.0, 30.0, 1000.0])
    expect_all_tensors(candidate, *table)


# Level 2: broadcasting ------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.__add__", step="broadcast")
def test_a_row_and_a_column_are_repeated_and_their_gradients_summed(candidate):
    table = rows("x + r", "r + x", "x + c", "c + x", "r + c", "c + r", "x * r", "r * x", "x * c", "c * x", "r * c",
                 "c * r", "x + s", "s * x", "x * r + c", "x * t", "t + x", "r * r * c", x=X, r=ROW, c=COLUMN, s=1.5,
                 t=[[0.5]])  # fmt: skip
    expect_all_tensors(candidate, *table)


# Level 2: reductions --------------------------------------------------------------------------------------------------

AXES = ("", "axis=0", "axis=1", "axis=-1", "axis=0, keepdims=True", "axis=-1, keepdims=True", "keepdims=True",
        "axis=(0, 1)", "axis=(-1,), keepdims=True")  # fmt: skip
DEEP = some(2, 3, 2).tolist()


@pytest.mark.level2
@each("sum", "mean", "var", "max")
def test_a_reduction_over_axes(candidate, name):
    table = rows(*(f"x.{name}({options})" for options in AXES), f"x * x.{name}(axis=1, keepdims=True)",
                 f"x * x.{name}(axis=0)", f"(x * x).{name}(axis=-1)", f"(x * x.{name}()).{name}()", x=X)  # fmt: skip
    table += rows(*(f"z.{name}({options})" for options in ("axis=1", "axis=(0, 2)", "axis=-2, keepdims=True",
                    "axis=(-1, 0), keepdims=True", "axis=(0, 1, 2)")), z=DEEP)  # fmt: skip
    expect_all_tensors(candidate, *table)


# Level 2: products and places -----------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.__matmul__")
def test_the_product_of_two_matrices(candidate):
    inputs = {"x": X, "w": TALL, "q": [[1.0, 2.0], [-0.5, 0.3]]}
    table = rows("x @ w", "w @ x", "q @ x", "w @ q", "q @ q", "x @ w @ q", "(x @ w) * q", "x @ x.T", **inputs)
    table += rows("x @ k", "k @ x", x=X, constants={"k": np.array(TALL)})
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.reshape")
def test_the_same_entries_in_another_shape(candidate):
    table = rows("x.reshape(3, 2)", "x.reshape((3, 2))", "x.reshape(6)", "x.reshape(-1)", "x.reshape(1, 2, -1)",
                 "x.reshape(3, 2) * w", "x.reshape(-1, 2).sum(axis=0)", x=X, w=TALL)  # fmt: skip
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.transpose")
def test_axes_in_another_order(candidate):
    table = rows("x.T", "x.transpose()", "x.transpose(1, 0)", "x.T * w", "z.transpose(1, 2, 0)",
                 "z.transpose(2, 0, 1)", "z.transpose((1, 0, 2))", "z.transpose(-1, 0, 1)", "z.transpose()",
                 x=X, w=TALL, z=some(2, 3, 4))  # fmt: skip
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.swapaxes")
def test_two_axes_exchanged(candidate):
    table = rows("x.swapaxes(0, 1)", "z.swapaxes(0, 2)", "z.swapaxes(-1, -2)", "z.swapaxes(1, 1)", "z.swapaxes(0, 1)",
                 x=X, z=some(2, 3, 4))  # fmt: skip
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.__getitem__")
def test_entries_and_slices_are_taken(candidate):
    table = rows("x[0]", "x[-1]", "x[0, 1]", "x[:, 1]", "x[1:]", "x[:, ::2]", "x[::-1]", "x[..., 0]", "x[None]",
                 "x[:, None]", "x[0] * x[1]", "x[:, :2] + x[:, 1:]", "x[1][2]", "z[:, 1, None]", "z[..., ::-1, 1:]",
                 x=X, z=some(2, 3, 2))  # fmt: skip
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("where")
def test_entries_of_one_or_the_other(candidate):
    programs = ("where(m, x, y)", "where(m, x, 0.5)", "where(m, 0.5, x)", "where(m, x, r)", "where(m, c, x)",
                "where(m[0], x, y)", "where(m, x * x, x)", "where(m[:, :1], x, r)", "where(m, s, x)")  # fmt: skip
    expect_all_tensors(candidate, *rows(*programs, x=X, y=Y, r=ROW, c=COLUMN, s=1.5, constants={"m": MASK}))


@pytest.mark.level2
@pytest.mark.about("Tensor.masked_fill")
def test_a_number_in_the_place_of_masked_entries(candidate):
    programs = ("x.masked_fill(m, 0.0)", "x.masked_fill(m, -2.5)", "(x * x).masked_fill(m[0], 1)",
                "x * x.masked_fill(m, 3.0)", "x.masked_fill(m, -1e9).softmax()")  # fmt: skip
    expect_all_tensors(candidate, *rows(*programs, x=X, constants={"m": MASK}))


@pytest.mark.level2
@pytest.mark.about("Tensor.softmax")
def test_softmax_over_an_axis(candidate):
    table = rows("x.softmax()", "x.softmax(axis=-1)", "x.softmax(axis=0)", "x * x.softmax()", "z.softmax(axis=1)",
                 "x.softmax(0).sum(axis=1)", x=X, z=DEEP) + rows("x.softmax()", x=LARGE)  # fmt: skip
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.log_softmax")
def test_the_logarithm_of_softmax(candidate):
    table = rows("x.log_softmax()", "x.log_softmax(axis=-1)", "x.log_softmax(axis=0)", "x * x.log_softmax()",
                 "z.log_softmax(axis=1)", "x.log_softmax()[0]", x=X, z=DEEP)  # fmt: skip
    table += rows("x.log_softmax()", x=LARGE)
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_the_mean_of_the_cross_entropies(candidate):
    table = rows("cross_entropy(x, l)", "cross_entropy(x, l) * 2.5", "cross_entropy(x, list(l))",
                 "cross_entropy(x * x, l) + x.sum()", x=X, constants={"l": np.array([2, 0])})  # fmt: skip
    table += rows("cross_entropy(x[:1], l)", x=X, constants={"l": np.array([1])})
    table += rows("cross_entropy(z, l)", z=DEEP, constants={"l": np.array([[1, 0, 1], [0, 0, 1]])})
    table += rows("cross_entropy(x, l)", x=LARGE, constants={"l": np.array([2, 2])})
    expect_all_tensors(candidate, *table)
    loss = candidate.cross_entropy(candidate.Tensor([[0.0, 0.0, 0.0]]), np.array([1]))
    expect("the loss", lambda: loss.item(), float(np.log(3.0)), given="cross_entropy of [[0, 0, 0]] and the label 1")
