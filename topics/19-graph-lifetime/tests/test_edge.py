"""Levels 1 and 2 at the edges: errors, views, deep graphs, hidden references, refusals that leave everything alone."""

import gc

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_refusals, expect_same


class Node:
    def __init__(self, *parents, back=None):
        self.parents, self.back = list(parents), back

    def __repr__(self):
        return "Node()"

    def method(self):
        return self


def square(a):
    return a * a, (a,), lambda upstream, a: (upstream * 2 * a,)


def shift(a):
    return a + 1e-3, (), lambda upstream: (upstream,)


def total(a):
    shape = a.shape
    return a.sum(), (), lambda upstream: (np.broadcast_to(upstream, shape),)


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("survivors")
def test_the_collector_is_left_as_it_was_found(candidate):
    def broken():
        raise KeyError("work of its own")

    seen = []
    was_on = gc.isenabled()
    try:
        for on in (True, False):
            gc.enable() if on else gc.disable()
            candidate.survivors(lambda: seen.append(gc.isenabled()), Node)
            expect("the collector is on", lambda: float(gc.isenabled()), float(on), given=f"it was {on} before")
            expect_refusals(
                KeyError, [("survivors", lambda: candidate.survivors(broken, Node), "work raises KeyError")]
            )
            expect("the collector is on", lambda: float(gc.isenabled()), float(on), given=f"it was {on}; work raised")
        expect("the collector was on inside", lambda: float(sum(seen)), 0.0, given="survivors(work, Node)")
    finally:
        gc.enable() if was_on else gc.disable()


@pytest.mark.level1
@pytest.mark.about("survivors")
def test_what_work_returns_is_dropped_before_the_count(candidate):
    expect("survivors", lambda: candidate.survivors(lambda: [Node() for _ in range(7)], Node), 0.0,
           given="work returns a list of seven nodes")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("links")
def test_a_property_is_not_asked(candidate):
    class Loud:
        def __init__(self):
            self.array = np.zeros(4)

        @property
        def gradient(self):
            raise RuntimeError("nobody has asked for this")

    expect_same(
        "names", lambda: [name for name, _ in candidate.links(Loud())], [".array"], given="a class with a property"
    )


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("links")
def test_default_values_keys_and_methods_hold_as_well(candidate):
    array, node = np.zeros(3), Node()

    def bound(upstream, array=array, *, scale=node):
        return upstream

    def early():
        return later

    rows = [
        (bound, ["(array)", "(scale)"]), (early, []), ({node: array}, [f"[{node!r}]", "{}"]), ({node}, ["{}"]),
        (node.method, [".__func__", ".__self__"]),
    ]  # fmt: skip
    for thing, names in rows:
        expect_same("names", lambda thing=thing: sorted(name for name, _ in candidate.links(thing)), names,
                    given=f"links of a {type(thing).__name__}")  # fmt: skip
    later = array
    expect_same("names", lambda: [name for name, _ in candidate.links(early)], ["(later)"], given="once it is assigned")
    expect_same("path_to", lambda: candidate.path_to([bound], array), "[0](array)", given="a default value")
    expect(
        "bytes_held", lambda: candidate.bytes_held({node: bound}), 24.0 + later.nbytes - array.nbytes, given="the same"
    )


@pytest.mark.level2
@pytest.mark.about("bytes_held")
def test_a_view_counts_as_what_it_keeps_alive(candidate):
    large = np.zeros((1000, 8))
    for thing, size, given in (
        ([large[0]], 64_000.0, "one row of 1,000"),
        ([large[:500], large[250:], large], 64_000.0, "two views and their array"),
        (np.broadcast_to(np.ones(1), (1000, 1000)), 8.0, "one number, shown a million times"),
        ([large[0].copy()], 64.0, "a copy of one row"),
    ):
        expect("bytes_held", lambda thing=thing: candidate.bytes_held(thing), size, given=given)


@pytest.mark.level2
@pytest.mark.about("bytes_held")
def test_graphs_of_any_depth_are_measured(candidate):
    last = array = np.zeros(10)
    for _ in range(3000):
        last = Node(last)
    expect("bytes_held", lambda: candidate.bytes_held(last), 80.0, given="3,000 nodes in a row")
    expect("the length of path_to", lambda: len(candidate.path_to(last, array)), 3000.0 * len(".parents[0]"),
           given="3,000 nodes in a row")  # fmt: skip
    while isinstance(last, Node):  # taken apart by hand: it would be freed by a recursion
        last = last.parents.pop()


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_backward_goes_as_deep_as_the_graph(candidate):
    x = candidate.Variable([2.0])
    y = x
    for _ in range(2000):
        y = candidate.apply(shift, y)
    candidate.apply(square, y).backward()
    expect_array("x.grad", lambda: x.grad, [8.0], given="2,000 additions of 0.001, then a square; at 2",
                 tolerance=1e-9, aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_stacked_diamonds_are_walked_once(candidate):
    calls = []

    def double(a):
        def back(upstream):
            calls.append(1)
            if len(calls) > 2000:
                raise AssertionError("each node should be asked once")
            return upstream, upstream

        return a + a, (), back

    def twice(a, b):
        return a + b, (), lambda upstream: double(upstream)[2](upstream)

    x = candidate.Variable([1.0])
    y = x
    for _ in range(16):
        y = candidate.apply(twice, y, y)
    y.backward()
    expect_array("x.grad", lambda: x.grad, [2.0**16], given="y = y + y, 16 times", aim="gradient")
    expect("nodes that were asked", lambda: len(calls), 16.0, given="y = y + y, 16 times")


def _words(call):
    """What a RuntimeError says; whatever else happens passes."""
    try:
        call()
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_a_second_backward_is_refused_in_words(candidate):
    x = candidate.Variable([3.0])
    y = candidate.apply(square, candidate.apply(shift, x))
    y.backward()
    expect_array("x.grad", lambda: x.grad, [6.002], given="backward once", aim="gradient")
    said = _words(y.backward)
    expect("it raises RuntimeError", lambda: float(said.startswith("RuntimeError")), 1.0, given="backward twice")
    expect("the words retain_graph=True are in it", lambda: float("retain_graph=True" in said), 1.0, given=said[:60])
    expect_array("x.grad", lambda: x.grad, [6.002], given="after the refusal", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_a_part_that_two_graphs_share_goes_with_the_first(candidate):
    x = candidate.Variable([3.0])
    h = candidate.apply(square, x)
    first, second, third = (candidate.apply(rule, h) for rule in (total, square, square))
    first.backward(retain_graph=True)
    second.backward()
    expect_array(
        "x.grad", lambda: x.grad, [114.0], given="h = x * x at 3: sum of h, retained, then h * h", aim="gradient"
    )
    expect_refusals(RuntimeError, [("third.backward()", third.backward, "h belongs to it too, and was freed")])
    expect_array("x.grad", lambda: x.grad, [114.0], given="after the refusal", aim="gradient")


@pytest.mark.level2
@pytest.mark.about("Variable.backward")
def test_gradients_share_no_memory(candidate):
    def pair(a, b):
        return a + b, (), lambda upstream: (upstream, upstream)

    x, y = candidate.Variable([1.0]), candidate.Variable([2.0])
    candidate.apply(pair, x, y).backward()
    gradient = x.grad
    gradient += 10.0
    expect_array("y.grad", lambda: y.grad, [1.0], given="x + y; after 10 was added to x.grad in place", aim="gradient")


@pytest.mark.level2
@pytest.mark.resources
@pytest.mark.about("saved_bytes")
def test_a_graph_that_was_left_by_an_exception_is_not_counted(candidate):
    before = candidate.saved_bytes()

    def forward():
        h = candidate.apply(square, candidate.Variable(np.ones(1000)))
        expect("saved_bytes()", lambda: candidate.saved_bytes() - before, 8000.0, given="a square of 1,000 numbers")
        raise ZeroDivisionError(h.data.shape)

    try:
        forward()
    except ZeroDivisionError:
        pass
    expect("saved_bytes()", lambda: candidate.saved_bytes() - before, 0.0, given="the function ended by an exception")
