"""Topic 08's level 3, on which later topics stand: random expressions beside PyTorch, every rule by the checker."""

from collections import Counter

import numpy as np
import pytest
import torch

from utils.course import mutants
from utils.course.catalog import catalog
from utils.course.loading import load
from utils.finite_difference_checker import check_gradients

EXPRESSIONS = 2_000
ROUNDING = 1e-14
ENGINE = load(catalog().topic("tensor-autograd").solution(3), "tensor_engine_under_test")
Tensor = ENGINE.Tensor


# Random expressions: each is computed by the engine and by PyTorch ----------------------------------------------------


class Unsuitable(Exception):
    """This operation does not fit the shapes that were drawn."""


class Drawing:
    """What an expression is drawn from, and the leaves (tensor, torch's tensor) that it has so far."""

    def __init__(self, random):
        self.random, self.leaves = random, []

    def below(self, n, start=0):
        return int(self.random.integers(start, n))

    def happens(self, share):
        return self.random.random() < share

    def leaf(self, shape=None):
        """One random array: of 0 to 3 axes, some of length 1 or 0, in memory in any order."""
        if shape is None:
            shape = self.random.choice([0, 1, 2, 3, 4], p=[0.03, 0.27, 0.3, 0.3, 0.1], size=self.below(4))
        array = self.random.normal(size=tuple(shape))
        kind = self.below(4) if array.ndim else 0
        if kind == 1:
            array = np.asfortranarray(array)
        elif kind == 2:
            array = np.repeat(array, 2, axis=-1)[..., ::2]  # not contiguous
        elif kind == 3:
            array = array[::-1]
        self.leaves.append((Tensor(array, requires_grad=True), torch.tensor(array.copy(), requires_grad=True)))
        return self.leaves[-1]

    def fitting(self, shape):
        """A shape that broadcasts with `shape`."""
        return tuple(1 if self.happens(0.3) else size for size in shape[self.below(len(shape) + 1) :])

    def axis(self, x, least=1):
        """An axis, positive or negative, of at least this length."""
        axes = [axis for axis in range(x.ndim) if x.shape[axis] >= least]
        if not axes:
            raise Unsuitable
        return int(self.random.choice(axes)) - x.ndim * self.below(2)

    def axes(self, x):
        """None, an axis, or a tuple of axes."""
        if not x.ndim or self.happens(0.3):
            return None
        if self.happens(0.5):
            return self.axis(x, 0)
        chosen = self.random.choice(x.ndim, self.below(x.ndim + 1, 1), replace=False)
        return tuple(int(axis) - x.ndim * self.below(2) for axis in chosen)


def elementwise(ours):
    return lambda draw, x, t: (ours(x), ours(t))


def binary(combine):
    def apply(draw, x, t):
        y, u = draw.leaf(draw.fitting(x.shape))
        return (combine(x, y), combine(t, u)) if draw.happens(0.5) else (combine(y, x), combine(u, t))

    return apply


def reduction(name, theirs, of_nothing=False):
    def apply(draw, x, t):
        if 0 in x.shape and not of_nothing:
            raise Unsuitable
        axis, keepdims = draw.axes(x), draw.happens(0.5)
        axes = tuple(range(x.ndim)) if axis is None else axis
        return getattr(x, name)(axis=axis, keepdims=keepdims), theirs(t, axes, keepdims)

    return apply


def along(name):
    def apply(draw, x, t):
        axis = draw.axis(x)
        return getattr(x, name)(axis=axis), getattr(t, name)(axis)

    return apply


def product(draw, x, t):
    if x.ndim == 0:
        raise Unsuitable
    if draw.happens(0.5):
        inner, batch, other = x.shape[-1], x.shape[:-2], draw.below(4, 1)
        shapes = [(inner,), (inner, other), (*batch, inner, other), (2, *(1,) * len(batch), inner, other)]
        y, u = draw.leaf(shapes[draw.below(4)])
        return x @ y, t @ u
    inner = x.shape[-2] if x.ndim > 1 else x.shape[0]
    y, u = draw.leaf([(inner,), (3, inner), (*x.shape[:-2], 2, inner)][draw.below(3)])
    return y @ x, u @ t


def reshaped(draw, x, t):
    sizes = [int(size) for size in draw.random.permutation(x.shape)]
    shape = [(x.size,), (1, *sizes), tuple(sizes), (*sizes, 1)][draw.below(4)]
    return x.reshape(shape), t.reshape(shape)


def transposed(draw, x, t):
    if draw.happens(0.2):
        return x.T, t.permute(tuple(range(t.ndim))[::-1])
    axes = [int(axis) - x.ndim * draw.below(2) for axis in draw.random.permutation(x.ndim)]
    return x.transpose(*axes), t.permute(axes)


def swapped(draw, x, t):
    a, b = draw.axis(x, 0), draw.axis(x, 0)
    return x.swapaxes(a, b), t.swapaxes(a, b)


def indexed(draw, x, t):
    if draw.happens(0.2):
        key = (..., None) if draw.happens(0.5) else (None, ...)
        return x[key], t[key]
    axis = draw.axis(x)
    size, before = x.shape[axis], (slice(None),) * (axis % x.ndim)
    key = [draw.below(size, -size), slice(1, None), slice(None, None, 2),
           draw.random.integers(-size, size, draw.below(5)), draw.random.random(size) < 0.6][draw.below(5)]  # fmt: skip
    return x[(*before, key)], t[(*before, torch.from_numpy(key) if isinstance(key, np.ndarray) else key)]


def one_or_the_other(draw, x, t):
    mask = draw.random.random(draw.fitting(x.shape)) < 0.5
    if draw.happens(0.3):
        return x.masked_fill(mask, 0.5), t.masked_fill(torch.tensor(mask), 0.5)
    y, u = draw.leaf(draw.fitting(x.shape))
    return ENGINE.where(mask, x, y), torch.where(torch.tensor(mask), t, u)


def classified(draw, x, t):
    if x.ndim == 0 or x.size == 0:
        raise Unsuitable
    labels = draw.random.integers(0, x.shape[-1], x.shape[:-1])
    theirs = torch.nn.functional.cross_entropy(t.reshape(-1, x.shape[-1]), torch.tensor(labels).reshape(-1))
    return ENGINE.cross_entropy(x, labels), theirs


LARGEST = reduction("max", lambda t, axes, keep: t.amax(axes, keep))

# The operation of the table that each is there for -> what is drawn. Some stand on more than one operation.
DRAWN = {
    "add": [binary(lambda a, b: a + b), elementwise(lambda x: 2 + x), elementwise(lambda x: x + x)],
    "sub": [binary(lambda a, b: a - b), elementwise(lambda x: 1.5 - x)],
    "mul": [binary(lambda a, b: a * b), elementwise(lambda x: x * -0.5), elementwise(lambda x: x * x)],
    "truediv": [binary(lambda a, b: a / (b * b + 0.5)), elementwise(lambda x: 2 / (x * x + 1))],
    "neg": [elementwise(lambda x: -x)],
    "pow": [elementwise(lambda x: x**2), elementwise(lambda x: x**3), elementwise(lambda x: (x * x + 0.1) ** -1.5)],
    "rpow": [elementwise(lambda x: 2.0**x), elementwise(lambda x: 0.5**x)],
    "exp": [elementwise(lambda x: x.exp())],
    "log": [elementwise(lambda x: (x * x + 0.1).log())],
    "sqrt": [elementwise(lambda x: (x * x + 0.1).sqrt())],
    "abs": [elementwise(lambda x: x.abs())],
    "tanh": [elementwise(lambda x: x.tanh())],
    "relu": [elementwise(lambda x: x.relu())],
    "sigmoid": [elementwise(lambda x: x.sigmoid()), elementwise(lambda x: (x * 300).sigmoid())],
    "sum": [
        reduction("sum", lambda t, axes, keep: t.sum(axes, keep), of_nothing=True),
        reduction("mean", lambda t, axes, keep: t.mean(axes, keep)),
        reduction("var", lambda t, axes, keep: t.var(axes, correction=0, keepdim=keep)),
    ],
    "max": [LARGEST, lambda draw, x, t: LARGEST(draw, x.relu(), t.relu())],  # the second has ties
    "softmax": [along("softmax")],
    "log_softmax": [along("log_softmax")],
    "reshape": [reshaped],
    "transpose": [transposed, swapped],
    "getitem": [indexed],
    "matmul": [product],
    "where": [one_or_the_other],
    "cross_entropy": [classified],
}


def expression(random, used):
    """(leaves, root, torch's root) of one to five operations that may use earlier results again."""
    draw = Drawing(random)
    known = [draw.leaf(), draw.leaf()]
    for _ in range(draw.below(6, 1)):
        name = str(random.choice(list(DRAWN)))
        apply = DRAWN[name][draw.below(len(DRAWN[name]))]
        try:
            known.append(apply(draw, *known[draw.below(len(known), max(0, len(known) - 3))]))
        except Unsuitable:
            continue
        used[name] += 1
    return draw.leaves, *known[-1]


def gap(ours, theirs):
    """How far two arrays are apart, relative to the largest entry; where that is rounding alone, not at all."""
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    assert ours.shape == theirs.shape
    largest = max(np.abs(ours).max(initial=0), np.abs(theirs).max(initial=0))
    if largest < ROUNDING:  # as of the sum of a softmax: two ways to miss a zero
        return 0.0
    return float(np.abs(ours - theirs).max() / largest)


@pytest.fixture
def one_thread():
    """PyTorch without threads, which cost more than they bring for arrays of ten numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_random_expressions_agree_with_pytorch(one_thread):
    random, used, redrawn, done = np.random.default_rng(8), Counter(), 0, 0
    worst = {"forward": 0.0, "gradient": 0.0}
    with np.errstate(all="ignore"):
        while done < EXPRESSIONS:
            leaves, root, reference = expression(random, used)
            if not torch.isfinite(reference).all():
                redrawn += 1
                continue
            worst["forward"] = max(worst["forward"], gap(root.data, reference))
            upstream = random.normal(size=root.shape)
            root.backward(upstream)
            reference.backward(torch.tensor(upstream))
            gradients = [(x.grad, t.grad) for x, t in leaves if t.grad is not None]
            assert all((x.grad is None) == (t.grad is None) for x, t in leaves)
            if not all(torch.isfinite(theirs).all() for _, theirs in gradients):
                redrawn += 1
                continue
            worst["gradient"] = max([worst["gradient"], *(gap(*pair) for pair in gradients)])
            assert worst["forward"] <= 1e-12 and worst["gradient"] <= 1e-10, (worst, done)
            done += 1
    assert redrawn <= 0.05 * EXPRESSIONS, redrawn
    assert set(DRAWN) == set(ENGINE.OPERATIONS)
    assert min(used.values()) >= 60, used


# Every rule by the checker --------------------------------------------------------------------------------------------

POINT = np.array([[0.5, -1.2, 2.0], [1.5, 0.3, -0.7]])
POSITIVE = np.abs(POINT)
CHECKED = {
    "add": (lambda a, b: a + b, POINT, POINT[0]),
    "sub": (lambda a, b: a - b, POINT[:, :1], POINT),
    "mul": (lambda a, b: a * b, POINT, POINT[:, :1]),
    "truediv": (lambda a, b: a / b, POINT[0], POINT),
    "neg": (lambda a: -a, POINT),
    "pow": (lambda a: a**3, POINT),
    "rpow": (lambda a: 2.0**a, POINT),
    "exp": (lambda a: a.exp(), POINT),
    "log": (lambda a: a.log(), POSITIVE),
    "sqrt": (lambda a: a.sqrt(), POSITIVE),
    "abs": (lambda a: a.abs(), POINT),
    "tanh": (lambda a: a.tanh(), POINT),
    "relu": (lambda a: a.relu(), POINT),
    "sigmoid": (lambda a: a.sigmoid(), POINT),
    "sum": (lambda a: a.sum(axis=0), POINT),
    "max": (lambda a: a.max(axis=1), POINT),
    "softmax": (lambda a: a.softmax(), POINT),
    "log_softmax": (lambda a: a.log_softmax(), POINT),
    "reshape": (lambda a: a.reshape(3, 2), POINT),
    "transpose": (lambda a: a.transpose(1, 0), POINT),
    "getitem": (lambda a: a[[0, 0, 1], [2, 2, 0]], POINT),
    "matmul": (lambda a, b: a @ b, POINT, POINT.T.copy()),
    "where": (lambda a, b: ENGINE.where(POINT > 0, a, b), POINT, POINT[0]),
    "cross_entropy": (lambda a: ENGINE.cross_entropy(a, np.array([0, 2])), POINT),
}


def test_there_is_a_check_for_every_rule():
    assert set(CHECKED) == set(ENGINE.OPERATIONS)


@pytest.mark.parametrize("name", CHECKED)
def test_every_rule_has_the_slopes_that_the_checker_measures(name):
    f, *inputs = CHECKED[name]
    check_gradients(f, *inputs, value_class=lambda x: Tensor(x, requires_grad=True), raise_on_fail=True)


# What no learner is asked -------------------------------------------------------------------------------------------


def test_a_subclass_is_a_tensor_with_gradients():
    class Parameter(Tensor):
        pass

    p = Parameter([1.0, 2.0], requires_grad=True)
    (p * p).sum().backward()
    assert p.grad.tolist() == [2.0, 4.0]


def test_one_array_for_two_inputs_belongs_to_neither():
    @ENGINE.operation
    def both(a, b):
        return a + b, lambda g: (lambda same: (same, same))(g * 1.0)

    x, y = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    both(x, y).sum().backward()
    assert not np.shares_memory(x.grad, y.grad)
    del ENGINE.OPERATIONS["both"]


def test_a_vjp_of_the_wrong_shape_is_named():
    @ENGINE.operation
    def halved(a):
        return a * 0.5, (lambda g: g[0],)

    with pytest.raises(ValueError, match=r"a vjp of `halved` returned a gradient of shape \(3,\)"):
        halved(Tensor(POINT, requires_grad=True)).sum().backward()
    del ENGINE.OPERATIONS["halved"]


def test_no_grad_in_a_function_that_calls_itself_ends_with_it():
    @ENGINE.no_grad()
    def down(n):
        return down(n - 1) if n else 0

    down(3)
    assert (Tensor([1.0], requires_grad=True) * 2).requires_grad


def test_pytorch_lets_two_gradients_share_memory_where_this_engine_does_not():
    shared = []
    for make in (lambda: torch.ones(2, 3, requires_grad=True), lambda: Tensor(np.ones((2, 3)), requires_grad=True)):
        x, y = make(), make()
        h = x.reshape(6) + y.reshape(6)
        (h * h).sum().backward()
        (x * 100).sum().backward()  # nothing that y has to do with
        shared.append(float(y.grad[0, 0]))
    assert shared == [
        104.0,
        4.0,
    ]  # pytorch issue 34082, open since 2020; if this changes, change the README of Topic 08


# Mistakes that nobody has planted -------------------------------------------------------------------------------------

UNSEEN = {  # what is done in the engine of another design, and what a rule calls it
    ("return g * b, g * a\n\n\nclass Map", "return g * b, -g * a\n\n\nclass Map"): "sign",
    ("return (g * self.slope(a),)", "return (g * self.slope(a) * 2,)"): "local",
    ("gradient = gradient.sum(axis=axis, keepdims=True)", "gradient = gradient.sum(axis=axis)"): "unbroadcast",
    ("if self.data.size != 1:", "if False:"): "silent",
    (".astype(parent.dtype))", ".astype(float))"): "dtype",
    ("result.grad = np.array(result.grad)", "result.grad = result.grad[None]"): "shape",
}


def test_mistakes_in_an_engine_of_another_design_are_named_by_rules():
    topic = catalog().topic("tensor-autograd")
    base = "tests/variants/08/composed_of_few.py"
    planted = [mutants.Mutant(f"unseen-{k}", base, (edit,), "", id) for k, (edit, id) in enumerate(UNSEEN.items())]
    runs = mutants.run_all(topic, planted)
    found = {m.id: mutants.diagnosis_of(topic, m, runs[m.id]) for m in planted}
    assert found == {m.id: m.diagnosis for m in planted}
