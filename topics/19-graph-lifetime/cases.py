"""What the grader asks of a submission: counts, bytes and ways of random graphs, gradients, and what is still alive."""

import contextlib
import gc
import weakref

import numpy as np

from utils.grading.cases import NoNumber, case, number_of, refuses


class Part:
    """An object of a random graph."""

    def __init__(self, *held):
        self.held, self.back, self.array = list(held), None, None


class Lean:
    __slots__ = ("array", "later", "parents")

    def __init__(self, array, parents):
        self.array, self.parents = array, parents


def holding(thing):
    """A function that has captured a thing."""
    return lambda: thing


def letters(text):
    """A text as numbers, or NoNumber."""
    if type(text) is not str or len(text) > 200:
        raise NoNumber(f"{type(text).__name__} where a text belongs")
    return [float(len(text)), *map(float, map(ord, text))]


@contextlib.contextmanager
def collector_off():
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def tanh(a):
    t = np.tanh(a)
    return t, (t,), lambda upstream, t: (upstream * (1 - t * t),)


def mul(a, b):
    return a * b, (a, b), lambda upstream, a, b: (upstream * b, upstream * a)


def total(a):
    shape = a.shape
    return a.sum(), (), lambda upstream: (np.broadcast_to(upstream, shape),)


def gradients(draw, *leaves):
    return [draw.along(leaf.grad) for leaf in leaves]


def tangled(candidate, draw, leaves, steps):
    """A random graph over the leaves, of products and tanh, down to one number."""
    made = list(leaves)
    for _ in range(steps):
        made.append(candidate.apply(mul, draw.choice(made), draw.choice(made[-3:])))
        made.append(candidate.apply(tanh, made[-1]))
    return candidate.apply(total, candidate.apply(mul, made[-1], made[-2]))


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "survivors")
def what_random_work_leaves_behind(candidate, draw):
    answers = []
    for _ in range(4):
        circles, trees = draw.integer(0, 6), draw.integer(0, 6)

        def work(circles=circles, trees=trees):
            for _ in range(circles):
                part = Part(Part())
                part.back = holding(part)
            return [Part(Part()) for _ in range(trees)]

        answers.append(number_of(candidate.survivors(work, Part)))
    was_on = gc.isenabled()
    with collector_off():
        answers += [refuses(ZeroDivisionError, lambda: candidate.survivors(lambda: 1 / 0, Part)), float(gc.isenabled())]
    return [*answers, float(gc.isenabled() == was_on)]


class Kind(Part):
    """A class of its own, for what asks about Part."""

    def method(self):
        return self.held


@case(1, "survivors")
def the_collector_is_left_as_it_was(candidate, draw):
    answers, was_on = [], gc.isenabled()

    def circles(count):
        for _ in range(count):
            part = Kind()
            part.back = holding(part)
        answers.append(float(gc.isenabled()))

    try:
        for switch in (gc.enable, gc.disable):
            switch()
            answers.append(number_of(candidate.survivors(lambda: circles(draw.integer(1, 9)), Part)))
            answers.append(float(gc.isenabled()))
            answers.append(refuses(ZeroDivisionError, lambda: candidate.survivors(lambda: 1 / 0, Part)))
            answers.append(float(gc.isenabled()))
    finally:
        (gc.enable if was_on else gc.disable)()
    return answers


@case(1, "links")
def what_things_hold(candidate, draw):
    array, other = draw.array(draw.integer(1, 9)), Part()
    word = "".join(draw.choice("abcdefgh") for _ in range(5))

    def function():
        return array, other

    answers = []
    for thing in (
        {word: array},
        [array, other] * draw.integer(1, 3),
        function,
        array[:1],
        other,
        Lean(array, [other]),
        Part,
        gc,
    ):
        found = candidate.links(thing)
        answers += [
            letters("|".join(sorted(name for name, _ in found))),
            float(sum(held is array for _, held in found)),
        ]
    return answers


@case(1, "bytes_held")
def bytes_of_random_graphs(candidate, draw):
    answers = []
    for _ in range(3):
        arrays = [draw.array(draw.integer(1, 60)) for _ in range(4)]
        parts = [Part() for _ in range(6)]
        for part in parts:
            part.held = [draw.choice(parts) for _ in range(2)]  # cycles, and parts that nobody leads to
            part.array, part.back = draw.choice(arrays), holding(draw.choice(arrays))
        answers.append(number_of(candidate.bytes_held(parts[0])))
        answers.append(number_of(candidate.bytes_held(Lean(arrays[0], [arrays[1]]))))
        answers.append(number_of(candidate.bytes_held([arrays[2], {"again": arrays[2], "copy": arrays[2].copy()}])))
    return answers


@case(1, "path_to")
def ways_through_random_graphs(candidate, draw):
    answers = []
    for _ in range(4):
        target, depth = draw.array(3), draw.integer(1, 4)
        part = Part()
        part.array = target
        for _ in range(depth):
            part = draw.choice((Part(part), {"way": part}, [None, part]))
        far = part
        for _ in range(5):
            far = [far]
        root = {"near": [part], "far": far}
        answers.append(letters(candidate.path_to(root, target)))
        answers.append(letters(candidate.path_to({"near": part, "far": far}, target)))
        answers.append(float(candidate.path_to(root, target.copy()) is None))
    part = Part()
    part.held.append({"me": part})
    return [*answers, letters(candidate.path_to(part, part)), float(candidate.path_to(Part(), Part()) is None)]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "links", step="hidden")
def references_that_do_not_show(candidate, draw):
    array, other = draw.array(draw.integer(1, 9)), Part()

    def function(first, second=array, *, third=other):
        return first

    def with_an_empty_cell():
        def inner():
            return later, array

        answers.append(letters("|".join(sorted(name for name, _ in candidate.links(inner)))))
        later = inner
        answers.append(letters("|".join(sorted(name for name, _ in candidate.links(later)))))

    answers = [letters("|".join(sorted(name for name, _ in candidate.links(function))))]
    with_an_empty_cell()
    kind = Kind(array)
    found = dict(candidate.links(kind.method))
    answers += [letters("|".join(sorted(found))), float(found[".__self__"] is kind)]
    for thing in ({array.tobytes(): 1.0}, {other}, function):
        answers.append(float(len(candidate.links(thing))))
    return answers


@case(2, "bytes_held", step="hidden")
def views_and_deep_graphs(candidate, draw):
    large, answers = draw.array(draw.integer(50, 90), 4), []
    for thing in ([large[3]], [large[:9], large[5:], large.T], [large[3].copy()], (lambda g, row=large[0]: g * row)):
        answers.append(number_of(candidate.bytes_held(thing)))
    deep = large
    for _ in range(2500):
        deep = [deep]
    answers.append(number_of(candidate.bytes_held(deep)))
    while isinstance(deep, list):
        deep = deep.pop()
    return answers


@case(2, "apply")
def results_of_random_rules(candidate, draw):
    x, y = candidate.Variable(draw.array(2, 3)), candidate.Variable(draw.array(2, 3))
    h = candidate.apply(tanh, candidate.apply(mul, x, y))
    whole = candidate.Variable([1, draw.integer(2, 9)])
    return [draw.along(h.data), float(x.grad is None), draw.along(whole.data), float(whole.data.dtype.kind == "f")]


@case(2, "Variable.backward")
def gradients_of_random_graphs(candidate, draw):
    answers = []
    for _ in range(3):
        leaves = [candidate.Variable(draw.array(4)) for _ in range(3)]
        for _ in range(2):
            tangled(candidate, draw, leaves, draw.integer(2, 6)).backward()
        answers += [draw.along(np.zeros(4) if leaf.grad is None else leaf.grad) for leaf in leaves]
    return answers


@case(2, "Variable.backward")
def graphs_that_are_kept_or_refused(candidate, draw):
    x, times = candidate.Variable(draw.array(3)), draw.integer(1, 3)
    loss = tangled(candidate, draw, [x], 3)
    for _ in range(times):
        loss.backward(retain_graph=True)
    answers = [draw.along(x.grad)]
    loss.backward()
    answers.append(draw.along(x.grad))
    try:
        loss.backward()
        advice = False
    except RuntimeError as error:
        advice = "retain_graph=True" in str(error)
    return [*answers, float(advice), draw.along(x.grad)]


def both(a, b):
    return a + b, (), lambda upstream: (upstream, upstream)


@case(2, "Variable.backward")
def gradients_of_ones_own(candidate, draw):
    x, y = candidate.Variable(draw.array(3)), candidate.Variable(draw.array(3))
    h = candidate.apply(both, candidate.apply(tanh, x), y)
    loss = candidate.apply(total, candidate.apply(mul, h, h))
    loss.backward()
    answers = gradients(draw, x, y)
    answers.append(refuses(RuntimeError, candidate.apply(total, candidate.apply(mul, h, h)).backward))
    x, y = candidate.Variable(draw.array(3)), candidate.Variable(draw.array(3))
    candidate.apply(total, candidate.apply(both, x, y)).backward()
    answers += [float(np.shares_memory(x.grad, y.grad)), *gradients(draw, x, y)]
    narrow = candidate.Variable(draw.array(3).astype(np.float32))
    candidate.apply(total, candidate.apply(tanh, narrow)).backward()
    return [*answers, float(narrow.data.dtype == np.float32), float(narrow.grad.dtype == np.float32)]


@case(2, "Variable.backward")
def what_is_alive_at_each_moment(candidate, draw):
    alive, answers = [], []

    def watched(a):
        t = np.tanh(a) + 0.0
        alive.append(weakref.ref(t))
        return t.copy(), (t,), lambda upstream, t: (upstream * (1 - t * t),)

    def count():
        answers.append(float(sum(reference() is not None for reference in alive)))

    with collector_off():
        for retain in (False, True):
            h = candidate.Variable(draw.array(4))
            for _ in range(draw.integer(2, 7)):
                h = candidate.apply(watched, h)
            loss = candidate.apply(total, h)
            del h
            count()
            loss.backward(retain_graph=retain)
            count()
            del loss
            count()
    return answers


@case(2, "saved_bytes")
def bytes_that_wait(candidate, draw):
    before, answers = candidate.saved_bytes(), []

    def note():
        answers.append(number_of(candidate.saved_bytes() - before))

    h = candidate.apply(tanh, candidate.Variable(draw.array(draw.integer(10, 50))))
    note()
    loss = candidate.apply(total, candidate.apply(mul, h, h))
    note()
    loss.backward()  # h has still a name
    note()
    loss = candidate.apply(total, candidate.apply(tanh, candidate.Variable(draw.array(draw.integer(10, 50)))))
    del h
    note()
    loss.backward()
    note()
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "apply")
def results_that_nobody_saved(candidate, draw):
    def scaled(a):
        return a * factor, (), lambda upstream: (upstream * factor,)

    answers = []
    with collector_off():
        for _ in range(3):
            factor, arrays = draw.number(), []
            h = leaf = candidate.Variable(draw.array(3))
            for _ in range(draw.integer(2, 6)):
                h = candidate.apply(scaled, h)
                arrays.append(weakref.ref(h.data))
            answers.append(float(sum(array() is not None for array in arrays)))
            candidate.apply(total, h).backward()
            answers += [draw.along(h.data), *gradients(draw, leaf)]
    return answers


@case(3, "Variable.backward")
def bytes_that_wait_on_the_way(candidate, draw):
    before, seen = candidate.saved_bytes(), []

    def watched(a):
        def back(upstream):
            seen.append(number_of(candidate.saved_bytes() - before))
            return (upstream,)

        return a + 0.0, (), back

    h = candidate.Variable(draw.array(draw.integer(10, 50)))
    for _ in range(draw.integer(3, 6)):
        h = candidate.apply(watched, candidate.apply(tanh, h))
    candidate.apply(total, h).backward()
    return seen


@case(3, "saved_tensors_hooks")
def hooks_in_and_around_each_other(candidate, draw):
    def times(factor):
        return lambda array: (array, factor), lambda packed: packed[0] * packed[1]

    x, y = candidate.Variable(draw.array(2)), candidate.Variable(draw.array(2))
    made = [candidate.apply(mul, x, y)]
    with candidate.saved_tensors_hooks(*times(draw.number())):
        made.append(candidate.apply(mul, x, y))
        with contextlib.suppress(KeyError), candidate.saved_tensors_hooks(*times(draw.number())):
            made.append(candidate.apply(mul, x, y))
            raise KeyError
        made.append(candidate.apply(mul, x, y))
        candidate.apply(total, made[0]).backward()
        answers = gradients(draw, x, y)

    def raising():
        with candidate.saved_tensors_hooks(*times(2.0)):
            raise KeyError

    answers.append(refuses(KeyError, raising))
    for result in made[1:]:
        candidate.apply(total, result).backward()
        answers += [draw.along(result.data), *gradients(draw, x, y)]
    return answers


@case(3, "pack_half", tolerance=1e-9)
def numbers_that_come_back(candidate, draw):
    answers = []
    for _ in range(6):
        array = draw.array(40, scale=10.0 ** draw.integer(-25, 25)) * 10.0 ** draw.integer(-3, 3)
        packed = candidate.pack_half(array.copy())
        back = candidate.unpack_half(packed)
        error = np.abs(back / array - 1)[np.abs(array) > 1e-8 * np.abs(array).max()].max()
        answers += [float(error <= 2.0**-11), float(error > 0), float(back.dtype == array.dtype)]
    for largest in (1.0, 1e6, 1e-9):
        array = draw.array(60) * largest * 10.0 ** np.linspace(-7.5, 0.0, 60)
        array[-1] = 9 * largest
        back = candidate.unpack_half(candidate.pack_half(array.copy()))
        answers.append(float(np.abs(back / array - 1)[np.abs(array) > 1e-8 * np.abs(array).max()].max() <= 2.0**-11))
    odd = np.array([np.inf, 1e6 * draw.number(), np.nan, -np.inf, 1e3 * draw.number()])
    back = candidate.unpack_half(candidate.pack_half(odd.copy()))
    answers += [float(np.isnan(back[2])), float(back[0] == np.inf), float(back[3] == -np.inf)]
    answers.append(float(np.abs(back[[1, 4]] / odd[[1, 4]] - 1).max() <= 2.0**-11))
    answers += [float(size) for size in candidate.unpack_half(candidate.pack_half(np.zeros((0, 3)))).shape]
    whole = np.array([draw.integer(60_000, 99_999) for _ in range(3)])
    return [*answers, draw.along(candidate.unpack_half(candidate.pack_half(whole)))]


@case(3, "saved_tensors_hooks")
def packed_graphs_and_their_bytes(candidate, draw):
    answers = []
    for kind in (np.float32, np.float64):
        before = candidate.saved_bytes()
        x = candidate.Variable(draw.array(draw.integer(100, 200)).astype(kind))
        with candidate.saved_tensors_hooks(candidate.pack_half, candidate.unpack_half):
            h = x
            for _ in range(draw.integer(2, 5)):
                h = candidate.apply(tanh, h)
        answers.append(number_of(candidate.saved_bytes() - before))
        candidate.apply(total, h).backward()
        answers.append(float(x.grad.dtype == kind))
        del h
    return answers
