"""Levels 1 and 2: what the instruments say of known graphs and known engines, and a graph that lets go."""

import gc
import weakref

import numpy as np
import pytest

from utils.course.catalog import catalog
from utils.course.judging import expect, expect_array, expect_same
from utils.course.loading import load


class Node:
    """A result of some engine: it holds its parents, and a function if it is given one."""

    def __init__(self, *parents, back=None):
        self.parents, self.back = list(parents), back


class Slim:
    __slots__ = ("array", "parents", "unset")

    def __init__(self, array, *parents):
        self.array, self.parents = array, parents


def circular():
    node = Node(Node())
    node.back = lambda: node
    return node


def level(number, name):
    """A level of another topic, loaded for this test alone: whoever has chosen it as an engine has another copy."""
    return load(catalog().topic(number).candidate_path(name), f"measured_{number}_{name}")


def tanh(a):
    t = np.tanh(a)
    return t, (t,), lambda upstream, t: (upstream * (1 - t * t),)


def mul(a, b):
    return a * b, (a, b), lambda upstream, a, b: (upstream * b, upstream * a)


def total(a):
    shape = a.shape
    return a.sum(), (), lambda upstream: (np.broadcast_to(upstream, shape),)


def matmul(a, b):
    return a @ b, (a, b), lambda upstream, a, b: (upstream @ b.T, a.T @ upstream)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("survivors")
def test_a_cycle_survives_and_a_tree_does_not(candidate):
    expect("survivors", lambda: candidate.survivors(circular, Node), 2.0, given="a node that holds itself, its parent")
    expect("survivors", lambda: candidate.survivors(lambda: Node(Node(), Node()), Node), 0.0, given="a node of two")


@pytest.mark.level1
@pytest.mark.about("survivors")
def test_only_the_class_that_was_asked_for_is_counted(candidate):
    class Special(Node):
        pass

    def work():
        special = Special(Node())
        special.parents.append(special)

    expect("survivors of Special", lambda: candidate.survivors(work, Special), 1.0, given="a Special that holds a Node")
    expect("survivors of Node", lambda: candidate.survivors(work, Node), 2.0, given="a Special is a Node as well")
    kept = [Node() for _ in range(5)]
    expect("survivors", lambda: candidate.survivors(circular, Node), 2.0, given=f"{len(kept)} others were there before")


@pytest.mark.level1
@pytest.mark.about("survivors")
def test_what_the_naive_levels_leave_behind(candidate):
    def scalar(engine):
        def work():
            x = y = engine.Value(1.0)
            for _ in range(10):
                y = y * x
            y.backward()

        return work

    def tensor(engine, walk):
        def work():
            x = y = engine.Tensor(np.ones(3), requires_grad=True)
            for _ in range(10):
                y = y * x
            y = y.sum()
            if walk:
                y.backward()

        return work

    for name, left in (("level02", 11.0), ("level03", 0.0)):
        engine = level("02", name)
        expect("survivors", lambda engine=engine: candidate.survivors(scalar(engine), engine.Value), left,
               given=f"eleven Values of Topic 02, {name}")  # fmt: skip
    for name, walk, left in (("level01", False, 0.0), ("level01", True, 12.0), ("level03", True, 0.0)):
        engine = level("08", name)
        expect("survivors", lambda engine=engine, walk=walk: candidate.survivors(tensor(engine, walk), engine.Tensor),
               left, given=f"twelve Tensors of Topic 08, {name}, {'with' if walk else 'without'} backward")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("links")
def test_each_kind_of_thing_says_what_it_holds(candidate):
    a, b = np.zeros(2), Node()

    def function(upstream):
        return upstream, a, b

    def named(thing):
        return [name for name, _ in candidate.links(thing)]

    for thing, names in (
        ({"w": a, "b": b}, ["['w']", "['b']"]),
        ([a, b], ["[0]", "[1]"]),
        ((a,), ["[0]"]),
        (function, ["(a)", "(b)"]),
        (a, []),
        (a[:1], [".base"]),
        (b, [".back", ".parents"]),
        (Slim(a), [".array", ".parents"]),
        (Node, []),
        (np, []),
        (2.5, []),
    ):
        expect_same("names", lambda thing=thing: sorted(named(thing)), sorted(names), given=f"links({_said(thing)})")
    held = dict(candidate.links(Slim(a, b)))
    expect(
        "links", lambda: float(held[".array"] is a and held[".parents"][0] is b), 1.0, given="the objects themselves"
    )


def _said(thing):
    return getattr(thing, "__name__", type(thing).__name__)


@pytest.mark.level1
@pytest.mark.about("bytes_held")
def test_every_array_behind_the_root_counts_once(candidate):
    a, b = np.zeros(100), np.zeros(50, np.float32)
    root = Node(Slim(a, Node(back=lambda: a)), Node(back=lambda: b))
    expect("bytes_held", lambda: candidate.bytes_held(root), 1000.0, given="100 float64, held twice, and 50 float32")
    expect(
        "bytes_held", lambda: candidate.bytes_held({"w": a, "copy": [a.copy()]}), 1600.0, given="an array and its copy"
    )
    expect("bytes_held", lambda: candidate.bytes_held(a), 800.0, given="an array itself")
    root.parents.append(root)
    expect("bytes_held", lambda: candidate.bytes_held(root), 1000.0, given="the same, in a cycle")


@pytest.mark.level1
@pytest.mark.about("bytes_held")
def test_functions_do_not_lead_to_the_whole_program(candidate):
    small = np.zeros(10)
    expect("bytes_held", lambda: candidate.bytes_held(Node(back=lambda: (small, LARGE))), 80.0,
           given="a function that captures 10 numbers; 100,000 stand in its module")  # fmt: skip


LARGE = np.zeros(100_000)


@pytest.mark.level1
@pytest.mark.about("path_to")
def test_the_shortest_way_is_written_as_python_would(candidate):
    array, other = np.zeros(3), np.zeros(3)
    near = Node(back=lambda: array)
    root = Node({"w": near}, Node(Node(near)))
    for thing, way in (
        (array, ".parents[0]['w'].back(array)"),
        (near, ".parents[0]['w']"),
        (root.parents, ".parents"),
    ):
        expect_same("path_to", lambda thing=thing: candidate.path_to(root, thing), way, given="a graph with two ways")
    expect("no way", lambda: float(candidate.path_to(root, other) is None), 1.0, given="equal numbers, another array")


@pytest.mark.level1
@pytest.mark.about("path_to")
def test_a_cycle_is_a_way_back_to_itself(candidate):
    node = circular()
    expect_same("path_to(node, node)", lambda: candidate.path_to(node, node), ".back(node)", given="back captures node")
    tree = Node(Node())
    expect("no way", lambda: float(candidate.path_to(tree, tree) is None), 1.0, given="path_to(tree, tree)")
    y = level("02", "level02").Value(2.0) * 3.0
    expect_same("path_to(y, y)", lambda: candidate.path_to(y, y), "._backward(result)", given="Topic 02, level 2")


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("apply")
def test_a_rule_makes_a_result_and_its_gradients(candidate):
    x, w = candidate.Variable([[0.5, -1.0]]), candidate.Variable([[2.0, 1.0], [0.0, 3.0]])
    h = candidate.apply(tanh, candidate.apply(matmul, x, w))
    t = np.tanh([[1.0, -2.5]])
    expect_array("h.data", lambda: h.data, t, given="h = tanh(x @ w)")
    expect("leaves without a gradient", lambda: float(x.grad is None) + float(w.grad is None), 2.0, given="before")
    candidate.apply(total, h).backward()
    slope = 1 - t * t
    expect_array("x.grad", lambda: x.grad, slope @ np.array([[2.0, 0.0], [1.0, 3.0]]), given="sum of tanh(x @ w)",
                 aim="gradient")  # fmt: skip
    expect_array("w.grad", lambda: w.grad, np.array([[0.5], [-1.0]]) @ slope, given="sum of tanh(x @ w)",
                 aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_gradients_of_several_paths_add_up(candidate):
    x = candidate.Variable([3.0])
    y = candidate.apply(mul, x, x)
    z = candidate.apply(mul, candidate.apply(mul, y, x), y)  # x ** 5
    z.backward()
    expect_array("x.grad", lambda: x.grad, [405.0], given="x ** 5 at 3", aim="gradient")
    candidate.apply(mul, x, x).backward()
    expect_array("x.grad", lambda: x.grad, [411.0], given="x ** 5 at 3, and then x ** 2", aim="gradient")
    expect_array("x.data", lambda: x.data, [3.0], given="after both")


@pytest.mark.level2
@pytest.mark.about("Variable")
def test_the_kind_of_number_stays(candidate):
    for dtype, size in ((np.float32, 4.0), (np.float64, 8.0)):
        x = candidate.Variable(np.ones((2, 3), dtype))
        h = candidate.apply(tanh, x)
        candidate.apply(total, h).backward()
        expect("bytes a number", lambda h=h: h.data.itemsize, size, given=f"tanh of {dtype.__name__}")
        expect("bytes a number of x.grad", lambda x=x: x.grad.itemsize, size, given=f"tanh of {dtype.__name__}")
    whole = candidate.Variable([1, 2])
    expect_same("kind of number", lambda: str(whole.data.dtype), "float64", given="Variable([1, 2])")


@pytest.mark.level2
@pytest.mark.resources
@pytest.mark.about("Variable")
def test_an_array_of_floats_is_kept_without_a_copy(candidate):
    array, made = np.ones(3), []

    def doubled(a):
        made.append(a + a)
        return made[0], (made[0],), lambda upstream, result: (2 * upstream,)

    x = candidate.Variable(array)
    y = candidate.apply(doubled, x)
    expect("shared with the array", lambda: float(np.shares_memory(x.data, array)), 1.0, given="Variable(array)")
    expect("shared with the result", lambda: float(np.shares_memory(y.data, made[0])), 1.0, given="apply(rule, x)")


class Watch:
    """A rule whose saved arrays are watched by weak references: how many of them are alive?"""

    def __init__(self):
        self.references = []

    def tanh(self, a):
        t = np.tanh(a) + 0.0
        self.references.append(weakref.ref(t))
        return t.copy(), (t,), lambda upstream, t: (upstream * (1 - t * t),)

    def alive(self):
        return sum(reference() is not None for reference in self.references)

    def chain(self, candidate, inner=None):
        h = candidate.Variable(np.linspace(-1.0, 1.0, 5))
        for _ in range(4):
            h = candidate.apply(self.tanh, h)
            if inner is not None:
                inner.append(h)
        return candidate.apply(total, h)


@pytest.fixture
def collector_off():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.level2
@pytest.mark.usefixtures("collector_off")
@pytest.mark.about("apply")
def test_a_graph_that_is_dropped_goes_at_once(candidate):
    watch = Watch()
    loss = watch.chain(candidate)
    expect("saved arrays alive", watch.alive, 4.0, given="four tanh in a row; collector off")
    del loss
    expect("saved arrays alive", watch.alive, 0.0, given="the same, after `del loss`")


@pytest.mark.level2
@pytest.mark.usefixtures("collector_off")
@pytest.mark.about("Variable.backward")
def test_backward_frees_what_was_saved(candidate):
    watch = Watch()
    loss = watch.chain(candidate)
    expect("saved arrays alive", watch.alive, 4.0, given="four tanh in a row; collector off")
    loss.backward()
    expect("saved arrays alive", watch.alive, 0.0, given="the same, after backward; `loss` is still held")
    watch, inner = Watch(), []
    watch.chain(candidate, inner).backward()
    expect("saved arrays alive", watch.alive, 0.0, given=f"after backward; {len(inner)} inner results are still held")


@pytest.mark.level2
@pytest.mark.usefixtures("collector_off")
@pytest.mark.about("Variable.backward")
def test_a_retained_graph_goes_with_its_last_name(candidate):
    watch = Watch()
    loss = watch.chain(candidate)
    loss.backward(retain_graph=True)
    expect("saved arrays alive", watch.alive, 4.0, given="backward(retain_graph=True); collector off")
    del loss
    expect("saved arrays alive", watch.alive, 0.0, given="the same, after `del loss`")


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_a_retained_graph_can_be_walked_again(candidate):
    x = candidate.Variable([3.0])
    y = candidate.apply(mul, candidate.apply(mul, x, x), x)
    for times in (1, 2, 3):
        y.backward(retain_graph=times < 3)
        expect_array("x.grad", lambda: x.grad, [27.0 * times], given=f"x ** 3 at 3, backward {times} times",
                     aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.resources
@pytest.mark.about("saved_bytes")
def test_saved_bytes_counts_what_waits_for_backward(candidate):
    def saved():
        return candidate.saved_bytes()

    before = saved()
    x = candidate.Variable(np.ones(100))
    h = candidate.apply(tanh, x)
    expect("saved_bytes()", lambda: saved() - before, 800.0, given="tanh of 100 numbers")
    loss = candidate.apply(total, candidate.apply(mul, h, h))
    expect("saved_bytes()", lambda: saved() - before, 800.0, given="h = tanh(x), then h * h: the same array")
    other = candidate.apply(mul, candidate.Variable(np.ones(50)), candidate.Variable(np.ones(50)))
    expect("saved_bytes()", lambda: saved() - before, 1600.0, given="and another graph, of two arrays of 50")
    loss.backward()
    expect("saved_bytes()", lambda: saved() - before, 800.0, given="after backward of the first graph")
    del other
    expect("saved_bytes()", lambda: saved() - before, 0.0, given="after `del` of the other one")
