"""Levels 2 and 3 at the edges: shapes that do not fit, ties, extremes, whose memory it is, and what is refused."""

import itertools

import numpy as np
import pytest

from utils.course.judging import expect, expect_array
from utils.course.tensors import (
    case,
    exact,
    expect_all_tensors,
    expect_no_refusal,
    expect_refusal,
    expect_tensors,
    expect_text,
    run,
    shares_memory,
    some,
)

SHAPES = ((), (1,), (3,), (2, 3), (2, 1), (1, 3), (1, 1), (4, 2, 3), (4, 1, 1), (1, 2, 1), (0, 3), (2, 0, 3))


def fitting_pairs():
    """Every pair of SHAPES that broadcasts, with the shape of the result."""
    for a, b in itertools.product(SHAPES, SHAPES):
        try:
            yield a, b, np.broadcast_shapes(a, b)
        except ValueError:
            continue


# Broadcasting ---------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("unbroadcast")
def test_unbroadcast_sums_over_the_axes_that_were_repeated(candidate):
    first = None
    for shape, _, whole in fitting_pairs():
        gradient = some(*whole)
        kept = gradient.copy()
        padded = (1,) * (len(whole) - len(shape)) + shape
        axes = tuple(i for i, size in enumerate(padded) if size == 1)
        wanted = gradient.sum(axis=axes, keepdims=True).reshape(shape)
        given = f"a gradient of shape {whole} for an array of shape {shape}"
        try:
            expect_array("unbroadcast(gradient, shape)", lambda g=gradient, s=shape: candidate.unbroadcast(g, s),
                         wanted, given=given, aim="gradient")  # fmt: skip
            expect_array("the gradient afterwards", lambda g=gradient: g, kept, given=given)
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("Tensor.__mul__", step="broadcast")
def test_every_pair_of_shapes_that_fits_with_a_random_gradient_from_above(candidate):
    table = []
    for a, b, _ in fitting_pairs():
        x, y = some(*a, seed=1), some(*b, seed=2)
        table += [case(program, x=x, y=y, seed=3) for program in ("x + y", "x * y")]
    expect_all_tensors(candidate, *table)


@pytest.mark.level2
@pytest.mark.about("Tensor.__add__", step="broadcast")
def test_shapes_that_do_not_fit_are_named(candidate):
    x, y = candidate.Tensor(np.ones((2, 3))), candidate.Tensor(np.ones((2, 1)))
    expect_text("(x + y).shape", lambda: (x + y).shape, "(2, 3)", given="shapes (2, 3) and (2, 1)", aim="shape")
    for other in ((4,), (3, 2), (2, 3, 2)):
        z = candidate.Tensor(np.ones(other))
        for sign, call in (("+", lambda z=z: x + z), ("*", lambda z=z: z * x)):
            expect_refusal(ValueError, call, given=f"{sign} of shapes (2, 3) and {other}", says=("(2, 3)", str(other)))


@pytest.mark.level2
@pytest.mark.about("operation", step="broadcast")
def test_what_a_rule_says_in_its_own_errors_is_kept(candidate):
    def picky(kind):
        def rule(a):
            raise kind("the answer is 17, not this")

        return candidate.operation(rule)

    x = candidate.Tensor(np.ones((2, 3)))
    for kind in (ValueError, IndexError):
        expect_refusal(kind, lambda kind=kind: picky(kind)(x), says=("the answer is 17",),
                       given=f"a rule of our own on shape (2, 3) that raises {kind.__name__}")  # fmt: skip


# Reductions -----------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.max")
def test_several_largest_entries_share_the_gradient(candidate):
    tied = [[2.0, 1.0, 2.0], [3.0, 3.0, 3.0]]
    table = [("x.max()", {"x": tied}), ("x.max() * 6", {"x": [[5.0, 5.0, 5.0], [5.0, 5.0, 5.0]]})]
    table += [(f"x.max({options})", {"x": tied, "upstream": upstream}) for options, upstream in
              (("axis=1", [1.0, 6.0]), ("axis=-1, keepdims=True", [[1.0], [6.0]]), ("axis=0", [1.0, 2.0, 3.0]),
               ("axis=(0, 1)", 4.0))]  # fmt: skip
    expect_all_tensors(candidate, *table)


# Products and places --------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.__matmul__")
def test_products_with_vectors_and_of_stacks_of_matrices(candidate):
    vectors = (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((1,), (1, 4)), ((4, 1), (1,)), ((5, 2, 3), (3,)),
               ((3,), (5, 3, 2)), ((6, 5, 2, 3), (3,)))  # fmt: skip
    stacks = (((4, 2, 3), (4, 3, 5)), ((4, 2, 3), (3, 5)), ((2, 3), (4, 3, 5)), ((1, 2, 3), (4, 3, 5)),
              ((4, 2, 3), (1, 3, 5)), ((6, 1, 2, 3), (4, 3, 1)), ((2, 0, 3), (3, 2)), ((0, 2, 3), (3, 1)))  # fmt: skip
    expect_all_tensors(candidate, *(case("x @ y", x=some(*a, seed=1), y=some(*b, seed=2)) for a, b in vectors + stacks))


@pytest.mark.level2
@pytest.mark.about("Tensor.__matmul__")
def test_matrices_that_do_not_fit_are_named(candidate):
    x = candidate.Tensor(np.ones((2, 3)))
    expect_text("the shape", lambda: (x @ candidate.Tensor(np.ones((3, 4)))).shape, "(2, 4)", given="(2, 3) @ (3, 4)",
                aim="shape")  # fmt: skip
    for other in ((2, 3), (4,), (5, 2, 3)):
        expect_refusal(ValueError, lambda o=other: x @ candidate.Tensor(np.ones(o)), given=f"(2, 3) @ {other}",
                       says=("(2, 3)", str(other)))  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Tensor.__getitem__")
def test_an_entry_that_is_taken_twice_gathers_both_gradients(candidate):
    programs = ("x[[0, 0, 1, 0]]", "x[i]", "x[i, j]", "x[:, j]", "x[m]", "x[[1], [2, 2]]", "x[i][:, j]",
                "x[np.array([[0, 1], [1, 1]])]", "x[0, j]", "x[m[:, 0]]", "x[..., [-1, -1]]")  # fmt: skip
    constants = {"i": np.array([1, 1, 0, 1]), "j": np.array([2, 0, 2, 2]), "m": some(2, 3) > 0}
    expect_all_tensors(candidate, *(case(p, x=some(2, 3), constants=constants, seed=5) for p in programs))
    x = candidate.Tensor(some(2, 3))
    expect_refusal(IndexError, lambda: x[2], given="x[2] for a tensor of shape (2, 3)", says=("(2, 3)",))
    expect_refusal(ValueError, lambda: x.reshape(4), given="x.reshape(4) for shape (2, 3)", says=("(2, 3)",))


# Softmax and cross-entropy --------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("cross_entropy")
def test_labels_that_do_not_fit_are_refused(candidate):
    x = candidate.Tensor(some(2, 3))
    expect_text("the shape", lambda: candidate.cross_entropy(x, [0, 2]).shape, "()", given="labels [0, 2]", aim="shape")
    for labels in ([0, 3], [-1, 0], [1], [0, 1, 2], [[0, 1]], [0.0, 1.0]):
        expect_refusal(ValueError, lambda labels=labels: candidate.cross_entropy(x, np.array(labels)),
                       given=f"cross_entropy of logits (2, 3) and labels {labels}")  # fmt: skip


# The walk: what it begins with, and what it refuses -------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_a_walk_begins_with_one_or_with_the_gradient_that_is_given(candidate):
    x = candidate.Tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    expect_tensors(candidate, "x * y", x=[1.0, 2.0], y=[3.0, -1.0], upstream=[10.0, 0.5])
    (x * x).sum(keepdims=True).backward()
    expect_array("x.grad", lambda: x.grad, [[2.0, 4.0, 6.0]], aim="gradient",
                 given="(x * x).sum(keepdims=True).backward(), where the sum has shape (1, 1)")  # fmt: skip
    several = x * 2.0
    given = "(x * 2).backward() for x of shape (1, 3)"
    expect_refusal(RuntimeError, several.backward, given=given, says=("(1, 3)",))
    for shape in ((3,), (3, 1), (1, 1), ()):
        expect_refusal(ValueError, lambda shape=shape: several.backward(np.ones(shape)), says=("(1, 3)", str(shape)),
                       given=f"(x * 2).backward(gradient of shape {shape}) for x of shape (1, 3)")  # fmt: skip
    y = candidate.Tensor([1.0, 2.0], requires_grad=True)
    y.backward(np.array([3.0, 4.0]))
    expect_array("y.grad", lambda: y.grad, [3.0, 4.0], given="y.backward([3, 4]) for a leaf y", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_a_walk_without_anything_to_find_is_refused(candidate):
    c = candidate.Tensor([1.0, 2.0])
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    (x * c).sum().backward()
    expect_array("x.grad", lambda: x.grad, [1.0, 2.0], given="(x * c).sum().backward()", aim="gradient")
    expect_refusal(
        RuntimeError, lambda: (c * c).sum().backward(), given="(c * c).sum().backward(), nothing requires it"
    )
    expect_refusal(RuntimeError, lambda: c[0].backward(), given="c[0].backward(), c does not require gradients")
    z = x.detach() * 2.0
    expect_text("z.requires_grad", lambda: z.requires_grad, "False", given="z = x.detach() * 2")


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_a_graph_is_walked_once_unless_it_is_retained(candidate):
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    z = (h * h).sum()
    given = "h = x * x; z = (h * h).sum(); z.backward(retain_graph=True)"
    z.backward(retain_graph=True)
    expect_array("x.grad", lambda: x.grad, [4.0, 32.0], given=given, aim="gradient")
    expect_no_refusal(RuntimeError, z.backward, given=given + "; z.backward()")
    expect_array("x.grad", lambda: x.grad, [8.0, 64.0], given=given + "; z.backward()", aim="gradient")
    expect_refusal(RuntimeError, z.backward, given=given + "; z.backward(); z.backward()")
    expect_refusal(RuntimeError, lambda: (h * 3.0).sum().backward(), given="(h * 3).sum().backward() after all that")
    expect_array("x.grad", lambda: x.grad, [8.0, 64.0], given="a walk that was refused", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("no_grad")
def test_inside_no_grad_nothing_is_remembered(candidate):
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    expect_text("(x * 2).requires_grad", lambda: (x * 2).requires_grad, "True", given="before no_grad")
    with candidate.no_grad():
        y = x * 2.0
        with candidate.no_grad():
            expect_text("y.requires_grad", lambda: y.requires_grad, "False", given="with no_grad(): y = x * 2")
        expect_text("(x * 2).requires_grad", lambda: (x * 2).requires_grad, "False", given="after an inner no_grad")
        w = candidate.Tensor([1.0], requires_grad=True)
    expect_array("y.data", lambda: y.data, [2.0, 4.0], given="with no_grad(): y = x * 2")
    expect_text("w.requires_grad", lambda: w.requires_grad, "True", given="a leaf made inside no_grad")
    expect_text("(x * 2).requires_grad", lambda: (x * 2).requires_grad, "True", given="after no_grad")
    expect_refusal(ZeroDivisionError, lambda: divide_inside(candidate.no_grad()),
                   given="1 / 0 inside of no_grad: the exception comes out")  # fmt: skip
    (x * x + y).sum().backward()
    expect_array("x.grad", lambda: x.grad, [2.0, 4.0], given="y = x * 2 in no_grad; (x * x + y).sum().backward()",
                 aim="gradient")  # fmt: skip


def divide_inside(context):
    with context:
        return 1 / 0


# Whose memory it is ---------------------------------------------------------------------------------------------------

# Programs that hand an array on as it is: to two parents, to one parent twice, as a view, or straight to a leaf.
HANDED_ON = (
    "x", "x + y", "x + x + x + x", "x - y", "(x + y) + (x + y)", "x.reshape(6) + y.reshape(6)", "x.T + y.T",
    "(x + y).T.reshape(-1)", "where(m, x, y)", "x[:] + y[:]", "x * 1.0 + y", "x + 0.0",
    "(x + y).sum() + x.sum()", "x.sum() + y.sum()", "x.sum(axis=0) + y.sum(axis=0)",
    "(lambda h: h + h * y)(x + y)", "(lambda h: h * x + h)(x + y)", "(lambda h: h.T + (h * y).T)(x + y)",
    "(lambda h: h.T.reshape(6) + h.T.reshape(6) + x.reshape(6))(x + y)",
    "(lambda h: (lambda k: k * x + k + h)(h + y) + h * y)(x + y)",
)  # fmt: skip
XY = {"x": some(2, 3, seed=1), "y": some(2, 3, seed=2)}
MASK = np.array([[True, False, True], [False, False, True]])


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="own")
def test_no_two_gradients_share_memory_and_none_shares_it_with_an_input(candidate):
    first = None
    for program in HANDED_ON:
        _, options = case(program, **XY, constants={"m": MASK}, seed=3)
        arrays, upstream = {name: options[name].copy() for name in XY if name in options}, options["upstream"]
        upstream = np.array(1.0) if upstream is None else upstream
        leaves = {name: candidate.Tensor(array, requires_grad=True) for name, array in arrays.items()}
        run(candidate, program, leaves, {"m": MASK}).backward(upstream)
        others = {f"{n}.grad": leaf.grad for n, leaf in leaves.items()} | {f"{n}.data": a for n, a in arrays.items()}
        others |= {"the gradient that was handed in": upstream}
        for (name, a), (other, b) in itertools.combinations(others.items(), 2):
            if not name.endswith("grad"):
                continue
            try:
                expect(f"{name} and {other} share memory (1 is yes)", lambda a=a, b=b: float(shares_memory(a, b)), 0.0,
                       given=f"{program} with x, y of shape (2, 3), backward(gradient)", aim="alias")  # fmt: skip
            except Exception as error:
                first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="own")
def test_nothing_is_added_into_an_array_that_somebody_else_sees(candidate):
    expect_all_tensors(candidate, *(case(p, **XY, constants={"m": MASK}, seed=3) for p in HANDED_ON))
    x, y = candidate.Tensor([1.0, 2.0], requires_grad=True), candidate.Tensor([3.0, 4.0], requires_grad=True)
    (x + y).sum().backward()
    x.grad += 100.0
    given = "(x + y).sum().backward(); x.grad += 100"
    expect_array("y.grad", lambda: y.grad, [1.0, 1.0], given=given, aim="gradient")
    (x + y).sum().backward()
    expect_array("y.grad", lambda: y.grad, [2.0, 2.0], given=given + "; (x + y).sum().backward()", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="own")
def test_a_second_walk_over_a_retained_graph_finds_everything_as_it_was(candidate):
    first = None
    for program in ("x * y", "x / y", "x.exp()", "x.tanh()", "x.softmax()", "x.log_softmax()", "x.max(axis=0)",
                    "x @ y.T", "x.sigmoid()", "x.var(axis=1)", "x[[0, 0]]", "cross_entropy(x, [0, 2])"):  # fmt: skip
        _, options = case(program, **XY, seed=3)
        arrays = {name: options[name] for name in XY if name in options}
        leaves = {name: candidate.Tensor(array.copy(), requires_grad=True) for name, array in arrays.items()}
        result = run(candidate, program, leaves)
        upstream = np.array(1.0) if options["upstream"] is None else options["upstream"]
        _, gradients = exact(program, arrays, upstream)
        result.backward(upstream, retain_graph=True)
        result.backward(upstream)
        for name, leaf in leaves.items():
            try:
                expect_array(f"{name}.grad", lambda leaf=leaf: leaf.grad, 2 * gradients[name], aim="gradient",
                             given=f"{program} with x, y of shape (2, 3), two walks over it")  # fmt: skip
            except Exception as error:
                first = first or error
    if first:
        raise first


@pytest.mark.level2
@pytest.mark.about("Tensor")
def test_the_dtype_stays(candidate):
    single = np.float32
    for program in ("x + 1.5", "2 * x", "x / 3", "x ** 2", "2 ** x", "x.exp()", "x.sigmoid()", "x.tanh()", "x.relu()",
                    "x.mean(axis=0)", "x.var()", "x.max(axis=1)", "x.softmax()", "x.log_softmax()", "x @ x.T",
                    "x[[0, 0]]", "where(m, x, 0.0)", "x.masked_fill(m, -1e9)", "cross_entropy(x, [0, 2])",
                    "x.sum()"):  # fmt: skip
        x = candidate.Tensor(some(2, 3).astype(single), requires_grad=True)
        result = run(candidate, program, {"x": x}, {"m": np.array([True, False, True])})
        expect_text(
            "the dtype of the value", lambda r=result: r.dtype, "float32", aim="dtype", given=f"{program}, x in float32"
        )
        result.backward(np.ones(result.shape, single))
        expect_text(
            "the dtype of x.grad", lambda x=x: x.grad.dtype, "float32", aim="dtype", given=f"{program}, x in float32"
        )
    x, c = candidate.Tensor(some(2, 3).astype(single), requires_grad=True), candidate.Tensor(some(2, 3))
    (x * c).sum().backward()
    expect_text(
        "the dtype of x.grad", lambda: x.grad.dtype, "float32", aim="dtype", given="x in float32 times c in float64"
    )
    expect_text(
        "the dtype", lambda: candidate.Tensor(np.arange(3)).data.dtype.kind, "i", given="Tensor of whole numbers"
    )


@pytest.mark.level2
@pytest.mark.about("Tensor")
def test_whole_numbers_have_no_slope(candidate):
    expect_text("x.requires_grad", lambda: candidate.Tensor([1.0, 2.0], requires_grad=True).requires_grad, "True",
                given="Tensor([1.0, 2.0], requires_grad=True)")  # fmt: skip
    for data in ([1, 2], np.arange(3), np.array([True, False])):
        expect_refusal(TypeError, lambda data=data: candidate.Tensor(data, requires_grad=True),
                       given=f"Tensor({data}, requires_grad=True)")  # fmt: skip
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    (x * candidate.Tensor([3, -1])).sum().backward()
    expect_array("x.grad", lambda: x.grad, [3.0, -1.0], given="x times a tensor of whole numbers", aim="gradient")
