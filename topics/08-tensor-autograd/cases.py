"""What the grader asks of a submission: results and gradients of random tensors, along random directions."""

import gc
import sys
import weakref

import numpy as np

from utils.grading.cases import NoNumber, array_of, case, number_of, refuses


def data_of(tensor):
    """The array in a tensor; NumPy's own class, or it is no answer."""
    if type(tensor.data) is not np.ndarray:
        raise NoNumber(f"{type(tensor.data).__name__} where an array belongs")
    return tensor.data


def walked(candidate, draw, make, *arrays, **how):
    """Result and gradients of make(*tensors), from a random upstream; whether the inputs are as they were."""
    kept = [array.copy() for array in arrays]
    tensors = [candidate.Tensor(array, requires_grad=True) for array in arrays]
    result = make(*tensors)
    upstream = draw.array(*data_of(result).shape)
    given = upstream.copy()
    result.backward(upstream, **how)
    answers = [draw.along(data_of(result))]
    answers += [draw.along(tensor.grad) for tensor in tensors]
    same = all((array == before).all() for array, before in zip(arrays, kept, strict=True))
    return [*answers, float(same and (upstream == given).all())]


def positive(draw, *shape):
    return np.abs(draw.array(*shape)) + 0.3


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "Tensor")
def a_tensor_keeps_its_numbers(candidate, draw):
    answers = []
    for shape in ((3,), (2, 4), ()):
        tensor = candidate.Tensor(draw.array(*shape), requires_grad=draw.choice((True, False)))
        answers += [draw.along(data_of(tensor)), float(tensor.grad is None), float(bool(tensor.requires_grad))]
    return [*answers, draw.along(data_of(candidate.Tensor([[1, 2], [3, draw.integer(4, 90)]])))]


@case(1, "Tensor.sum")
def sums_and_products_entry_by_entry(candidate, draw):
    a, b, c = (candidate.Tensor(draw.array(2, 3)) for _ in range(3))
    return [draw.along(data_of(a * b + c)), draw.along(data_of((a + b) * (b + c))), draw.along(data_of((a * b).sum()))]


@case(1, "Tensor.backward")
def gradients_on_several_paths(candidate, draw):
    answers = []
    for shape in ((4,), (2, 3)):
        a, b, c = (candidate.Tensor(draw.array(*shape), requires_grad=True) for _ in range(3))
        d = a * b
        ((d + c) * d + a * a * b).sum().backward()
        answers += [draw.along(leaf.grad) for leaf in (a, b, c)]
    quiet = candidate.Tensor(draw.array(3))
    loud = candidate.Tensor(draw.array(3), requires_grad=True)
    (quiet * loud).sum().backward()
    answers += [draw.along(loud.grad), float(quiet.grad is None)]
    numbers = draw.array(3)  # two tensors with the same numbers are two tensors
    twin, other = (candidate.Tensor(numbers.copy(), requires_grad=True) for _ in range(2))
    total = (twin * other).sum()
    (total * total + twin.sum() * other.sum()).backward()
    answers += [draw.along(twin.grad), draw.along(other.grad)]
    a, b = (candidate.Tensor(draw.array(2, 2), requires_grad=True) for _ in range(2))
    c = a + b
    ((c + a + b + a) * c + c).sum().backward()  # one array arrives at several tensors, and is added to in each
    answers += [draw.along(a.grad), draw.along(b.grad)]
    alone = candidate.Tensor(draw.array(2, 3), requires_grad=True)
    alone.sum().backward()
    answers += [draw.along(alone.grad)]
    return [
        *answers,
        *(float(bool(made.requires_grad)) for made in (quiet * loud, loud + quiet, quiet * quiet, loud.sum())),
    ]


@case(1, "Tensor.zero_grad")
def gradients_add_up_until_they_are_cleared(candidate, draw):
    a = candidate.Tensor(draw.array(3), requires_grad=True)
    (a * candidate.Tensor(draw.array(3))).sum().backward()
    (a * candidate.Tensor(draw.array(3))).sum().backward()
    answers = [draw.along(a.grad)]
    a.zero_grad()
    answers += [float(a.grad is None), draw.along(data_of(a))]
    (a * candidate.Tensor(draw.array(3))).sum().backward()
    return [*answers, draw.along(a.grad)]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "operation")
def rules_of_ones_own(candidate, draw):
    k = draw.number()

    def scaled_product(a, b, scale=1.0):
        return scale * a * b, (lambda g: scale * g * b, lambda g: scale * g * a)

    def hypotenuse(a, b):
        h = np.sqrt(a * a + b * b)
        return h, lambda g: (g * a / h, g * b / h)

    product, length = candidate.operation(scaled_product), candidate.operation(hypotenuse)
    answers = walked(candidate, draw, lambda x, y: product(x, y, scale=k), draw.array(2, 3), draw.array(3))
    answers += walked(candidate, draw, lambda x, y: length(x, y * 2.0), positive(draw, 2, 1), positive(draw, 4))
    return [*answers, *walked(candidate, draw, lambda x: product(x, x), draw.array(3))]


@case(2, "unbroadcast", step="broadcast")
def every_shape_that_stretches(candidate, draw):
    answers = []
    for large, small in (((2, 3), (3,)), ((2, 3), (2, 1)), ((4, 2, 3), (1, 1)), ((5,), ()), ((2, 1, 3), (2, 1, 3))):
        answers.append(draw.along(candidate.unbroadcast(draw.array(*large), small)))
        for make in (lambda x, y: x + y, lambda x, y: x * y, lambda x, y: y * x + y):
            answers += walked(candidate, draw, make, draw.array(*large), draw.array(*small))
    for plain in (draw.number(), draw.integer(2, 5), draw.array(3)):
        answers += walked(candidate, draw, lambda x, p=plain: p * x + p, draw.array(2, 3))
    return answers


@case(2, "Tensor.__sub__")
def differences_quotients_and_powers(candidate, draw):
    x, y, k = positive(draw, 2, 3), positive(draw, 3), draw.number(signed=False)
    programs = (
        lambda a, b: a - b, lambda a, b: a / b, lambda a, b: -a * b, lambda a, b: a**3 + b**-1, lambda a, b: a**k * b,
        lambda a, b: k**a + b, lambda a, b: (k - a) / (k / b), lambda a, b: a - a * b - b, lambda a, b: a**0 + b**2,
    )  # fmt: skip
    answers = [walked(candidate, draw, program, x, y) for program in programs]
    t = candidate.Tensor(x)
    answers += walked(candidate, draw, lambda a: a**0 + a**2, np.zeros(3))
    return [*answers, refuses(TypeError, lambda: t ** candidate.Tensor(y))]


@case(2, "Tensor.exp")
def functions_entry_by_entry(candidate, draw):
    answers = []
    for name in ("exp", "tanh", "relu", "sigmoid", "abs"):
        x = draw.array(3, 4)
        answers += walked(candidate, draw, lambda t, n=name: getattr(t, n)() * t, x)
    for name in ("log", "sqrt"):
        answers += walked(candidate, draw, lambda t, n=name: getattr(t * 2.0, n)() * t, positive(draw, 3, 4))
    for name in ("relu", "abs"):
        answers += walked(candidate, draw, lambda t, n=name: getattr(t, n)(), np.zeros(3))
    for name in ("sigmoid", "tanh"):
        answers += walked(candidate, draw, lambda t, n=name: getattr(t, n)(), 900.0 * draw.array(3))
    return answers


@case(2, "Tensor.mean")
def reductions_over_every_axis(candidate, draw):
    answers, x = [], draw.array(2, 3, 4)
    ties = np.round(x)
    for name in ("sum", "mean", "var", "max"):
        for axis in (None, 0, -1, (0, 2)):
            for keep in (True, False):
                make = lambda t, n=name, a=axis, k=keep: getattr(t, n)(axis=a, keepdims=k)  # noqa: E731
                answers += walked(candidate, draw, make, ties if name == "max" else x)
    return answers


@case(2, "Tensor.__matmul__")
def products_of_matrices_vectors_and_stacks(candidate, draw):
    answers = []
    for left, right in (((2, 3), (3, 4)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)),
                        ((5, 1, 2, 3), (4, 3, 2)), ((2, 3), (4, 3, 2)), ((4, 2, 3), (3,))):  # fmt: skip
        answers += walked(candidate, draw, lambda a, b: a @ b, draw.array(*left), draw.array(*right))
    return [*answers, *walked(candidate, draw, lambda a: a @ a, draw.array(3, 3))]


@case(2, "Tensor.reshape")
def other_shapes_and_places(candidate, draw):
    x, chosen = draw.array(2, 3, 4), np.array([draw.integer(0, 2) for _ in range(5)])
    mask = draw.array(2, 3) > 0
    programs = (
        lambda t: t.reshape(6, 4), lambda t: t.reshape((4, -1)), lambda t: t.transpose(2, 0, 1), lambda t: t.T,
        lambda t: t.transpose((0, 2, 1)), lambda t: t.swapaxes(0, -1), lambda t: t.transpose(-1, 0, 1),
        lambda t: t[1], lambda t: t[:, 1:, ::2],
        lambda t: t[..., None, 0], lambda t: t[:, chosen], lambda t: t[mask], lambda t: t[[0, 0, 1], chosen[:3]],
        lambda t: t.reshape(-1)[chosen] * t.sum(), lambda t: t[-1, :, [0, 0]],
    )  # fmt: skip
    return [walked(candidate, draw, program, x) for program in programs]


@case(2, "where")
def entries_that_are_chosen(candidate, draw):
    condition, mask = draw.array(2, 3) > 0, draw.array(3) > 0
    answers = walked(candidate, draw, lambda a, b: candidate.where(condition, a, b), draw.array(2, 3), draw.array(3))
    answers += walked(candidate, draw, lambda a: candidate.where(mask, a, 2.0) * a, draw.array(2, 3))
    return [*answers, *walked(candidate, draw, lambda a: a.masked_fill(mask, -7.5) * 2.0, draw.array(2, 3))]


@case(2, "Tensor.softmax")
def softmax_and_its_logarithm(candidate, draw):
    answers = []
    for scale in (1.0, 30.0, 900.0):
        for axis in (-1, 0):
            for name in ("softmax", "log_softmax"):
                x = draw.array(3, 4, scale=scale)
                answers += walked(candidate, draw, lambda t, n=name, a=axis: getattr(t, n)(axis=a), x)
    return answers


@case(2, "cross_entropy")
def the_mean_loss_of_labels(candidate, draw):
    answers = []
    for shape in ((5, 4), (2, 3, 6)):
        labels = np.array([draw.integer(0, shape[-1] - 1) for _ in range(int(np.prod(shape[:-1])))]).reshape(shape[:-1])
        for scale in (1.0, 600.0):
            x = draw.array(*shape, scale=scale)
            answers += walked(candidate, draw, lambda t, y=labels: candidate.cross_entropy(t, y), x)
    x, labels = candidate.Tensor(draw.array(3, 4), requires_grad=True), np.array([draw.integer(0, 3) for _ in range(3)])
    loss = candidate.cross_entropy(x, labels)
    loss.backward(retain_graph=True)
    loss.backward()
    answers.append(draw.along(x.grad))
    for labels in ([0, 4], [0, -1], [0.5, 1.0], [0]):
        logits = candidate.Tensor(draw.array(2, 4))
        answers.append(refuses(ValueError, lambda t=logits, y=labels: candidate.cross_entropy(t, np.array(y))))
    return answers


@case(2, "Tensor.backward", step="walk")
def deep_and_tangled_graphs(candidate, draw):
    x, k = candidate.Tensor(draw.array(3), requires_grad=True), 1.0 + draw.number(low=1e-5, high=1e-4)
    y = x
    for _ in range(2500):
        y = y * k + x
    y.sum().backward()
    answers = [draw.along(x.grad * 1e-3), float(sys.getrecursionlimit() <= 1000)]
    x, small = candidate.Tensor(draw.array(3), requires_grad=True), draw.number(low=0.05, high=0.2)
    y = x
    for _ in range(40):  # 2**40 paths
        y = y * small + y
    y.sum().backward()
    answers.append(draw.along(x.grad * 1e-2))

    def tangled(a, b):
        c = a * b
        d = c.exp() * 0.1 + a
        return (d * c + (d - b) * c) @ b.T + d.sum()

    return [*answers, *walked(candidate, draw, tangled, draw.array(2, 3), draw.array(2, 3))]


@case(2, "Tensor.backward", step="own")
def gradients_share_no_memory(candidate, draw):
    answers = []
    for make in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: (a + b).reshape(6), lambda a, b: (a.T + b.T).T):
        a, b = (candidate.Tensor(draw.array(2, 3), requires_grad=True) for _ in range(2))
        result = make(a, b)
        upstream = draw.array(*data_of(result).shape)
        result.backward(upstream)
        arrays = [a.grad, b.grad, upstream, data_of(a), data_of(b)]
        shared = [np.shares_memory(p, q) for n, p in enumerate(arrays) for q in arrays[n + 1 :]]
        answers += [draw.along(a.grad), draw.along(b.grad), float(any(shared))]
    x = candidate.Tensor(draw.array(3).astype(np.float32), requires_grad=True)
    (x * x.exp()).sum().backward()
    answers += [float(x.grad.dtype == np.float32), float(data_of(x).dtype == np.float32)]
    narrow, wide = (candidate.Tensor(draw.array(*shape).astype(np.float32), requires_grad=True)
                    for shape in ((3,), (2, 3)))  # fmt: skip
    (narrow * wide * draw.array(2, 3) + narrow.exp()).mean().backward()
    answers += [float(leaf.grad.dtype == np.float32) for leaf in (narrow, wide)]
    quiet, loud = candidate.Tensor(draw.array(3)), candidate.Tensor(draw.array(3), requires_grad=True)
    answers += [float(bool(made.requires_grad)) for made in (quiet * quiet, quiet * loud, loud + quiet, quiet.exp())]
    held = loud * loud
    upstream = draw.array(3)
    (held + held).backward(upstream, retain_graph=True)
    first = loud.grad
    (held + held).backward(upstream)
    answers += [draw.along(upstream), draw.along(loud.grad), float(np.shares_memory(first, upstream))]
    once = candidate.Tensor(draw.array(3), requires_grad=True)
    loss = (once * once).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    answers += [draw.along(once.grad), refuses(RuntimeError, loss.backward)]
    shared = once * once
    first, second = shared.sum(), (shared * 2.0).sum()
    first.backward()
    answers.append(refuses(RuntimeError, second.backward))  # what lies behind both is gone as well
    answers.append(refuses(RuntimeError, lambda: (once * 2.0).backward()))
    answers.append(refuses(ValueError, lambda: (once * 2.0).backward(np.ones((3, 1)))))
    answers.append(refuses(TypeError, lambda: candidate.Tensor([1, 2], requires_grad=True)))
    return [*answers, refuses(RuntimeError, lambda: candidate.Tensor([1.0]).sum().backward())]


def _raises_inside(candidate):
    with candidate.no_grad():
        raise ZeroDivisionError


@case(2, "no_grad")
def nothing_is_remembered_inside(candidate, draw):
    x = candidate.Tensor(draw.array(3), requires_grad=True)
    with candidate.no_grad():
        with candidate.no_grad():
            inner = x * 2.0
        y = x.exp()
    z = x * y
    z.sum().backward()
    refuses(ZeroDivisionError, lambda: _raises_inside(candidate))
    after = (x * 2.0).requires_grad
    flags = [float(bool(flag)) for flag in (after, inner.requires_grad, y.requires_grad, z.requires_grad)]
    return [draw.along(data_of(y)), draw.along(x.grad), flags, refuses(RuntimeError, lambda: y.sum().backward())]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "Tensor.backward", step="taken")
def further_gradients_are_added_in_place(candidate, draw):
    x, c = candidate.Tensor(draw.array(6), requires_grad=True), candidate.Tensor(draw.array(6))
    h = x * c
    total = h * c
    for _ in range(10):
        total = total + h * c
    total.backward(np.ones(6), retain_graph=True)
    once = draw.along(x.grad)
    total.backward(np.ones(6), retain_graph=True)
    total.backward(np.ones(6))
    return [once, draw.along(x.grad)]


@case(3, "Tensor.backward", step="taken", room=1.15)
def the_first_gradient_is_taken_as_it_is(candidate, draw):
    x, c = candidate.Tensor(draw.array(500_000), requires_grad=True), candidate.Tensor(draw.array(500_000))
    y = x
    with_upstream = np.ones(500_000)
    for _ in range(4):
        y = y + c
    y.backward(with_upstream)
    return [draw.along(array_of(x.grad[:9]))]


@case(3, "Tensor.backward", step="freed", room=1.4)
def a_training_step_lets_go_on_its_way(candidate, draw):
    weights = [candidate.Tensor(draw.array(80, 80, scale=0.1), requires_grad=True) for _ in range(12)]
    h = candidate.Tensor(draw.array(2000, 80))
    for w in weights:
        h = (h @ w).tanh() * 1.1
    (h * h).sum().backward()
    return [draw.along(w.grad) for w in (weights[0], weights[-1])]


@case(3, "Tensor.backward", step="freed", room=1.1)
def gradients_take_the_place_of_what_was_saved(candidate, draw):
    # 2 MB each: six weights, what forward saves beside them, and gradients that come as that goes.
    weights = [candidate.Tensor(draw.array(250_000), requires_grad=True) for _ in range(6)]
    h = candidate.Tensor(draw.array(250_000), requires_grad=True)
    for w in weights:
        h = h * w + h
    h.sum().backward()
    del h
    return [draw.along(array_of(w.grad[:9])) for w in weights]


@case(3, "Tensor.backward", step="freed")
def a_graph_that_nobody_holds_is_gone(candidate, draw):
    answers = []
    gc.disable()
    for back in (False, True):
        x = candidate.Tensor(draw.array(1, 2), requires_grad=True)
        h = x.exp() @ draw.array(2, 3)
        z = (h * h).sum()
        kept = [weakref.ref(data_of(tensor)) for tensor in (h, z)]
        value = number_of(data_of(z))
        if back:
            z.backward()
        del h, z
        answers += [value, *(float(reference() is None) for reference in kept)]
    return answers


@case(3, "operation")
def what_no_gradient_needs_is_let_go(candidate, draw):
    x, answers = candidate.Tensor(draw.array(2, 3), requires_grad=True), []
    for make in (
        lambda c: x + c,
        lambda c: c - x,
        lambda c: candidate.where(data_of(x) > 0, x, c),
        lambda c: c * c + x,
    ):
        c = candidate.Tensor(draw.array(2, 3))
        kept = weakref.ref(data_of(c))
        y = make(c)
        del c
        answers += [draw.along(data_of(y)), float(kept() is None)]
    return answers


@case(3, "detect_changes")
def changes_in_place_are_seen(candidate, draw):
    answers = []
    for make, hit in ((lambda t: t.exp(), "result"), (lambda t: t * t, "input"), (lambda t: t.log(), "input"),
                      (lambda t: t + t, "neither")):  # fmt: skip
        x = candidate.Tensor(positive(draw, 3, 3), requires_grad=True)
        with candidate.detect_changes():
            z = make(x)
        before = z.sum()
        before.backward(retain_graph=True)
        answers.append(draw.along(x.grad))
        changed = data_of(z) if hit == "result" else data_of(x)
        changed[...] = changed[::-1].copy()
        answers.append(refuses(RuntimeError, before.backward))
    return answers


@case(3, "detect_changes")
def changes_that_nobody_minds(candidate, draw):
    answers = []
    for make in (lambda t: t * candidate.Tensor(draw.array(3)), lambda t: t.sum(), lambda t: (t + t).mean()):
        x = candidate.Tensor(draw.array(3), requires_grad=True)
        with candidate.detect_changes():
            z = make(x).sum()
        data_of(x)[...] = 0.0
        z.backward()
        answers.append(draw.along(x.grad))
    x = candidate.Tensor(draw.array(3), requires_grad=True)
    z = x * x  # outside of any guard
    before = data_of(x).copy()
    data_of(x)[...] = 2 * before
    z.sum().backward()
    answers.append(draw.along(x.grad))
    with candidate.detect_changes():
        with candidate.detect_changes():
            pass
        z = (x * x).sum()
    data_of(x)[...] = before
    return [*answers, refuses(RuntimeError, z.backward), draw.along(x.grad)]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "Tensor", step="train", tolerance=1e-6)
def a_classifier_takes_its_steps(candidate, draw):
    w, b = candidate.Tensor(draw.array(4, 3), requires_grad=True), candidate.Tensor(np.zeros(3), requires_grad=True)
    x, labels = draw.array(12, 4), np.array([draw.integer(0, 2) for _ in range(12)])
    losses = []
    for _ in range(15):
        loss = candidate.cross_entropy(candidate.Tensor(x) @ w + b, labels)
        loss.backward()
        losses.append(number_of(data_of(loss)))
        w = candidate.Tensor(data_of(w) - 0.3 * w.grad, requires_grad=True)
        b = candidate.Tensor(data_of(b) - 0.3 * b.grad, requires_grad=True)
    return [losses, draw.along(data_of(w))]


@case(4, "Tensor.backward", step="pytorch")
def a_transformer_s_arithmetic(candidate, draw):
    def attention(q, k, v):
        scores = q @ k.swapaxes(-1, -2) / 2.0
        blocked = np.triu(np.ones((5, 5), dtype=bool), 1)
        return scores.masked_fill(blocked, -1e9).softmax() @ v

    arrays = [draw.array(2, 3, 5, 4) for _ in range(3)]
    answers = walked(candidate, draw, attention, *arrays)

    def normalized(t):
        return (t - t.mean(axis=-1, keepdims=True)) / (t.var(axis=-1, keepdims=True) + 1e-5).sqrt()

    return [*answers, *walked(candidate, draw, normalized, draw.array(3, 6))]
