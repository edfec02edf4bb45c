"""Level 2, let go: an operation says what it saves, and the graph gives it back when it has served.

What changed   a small engine of its own. A result points to its node, a node to the parents and to what was saved;
               nothing points back. After the walk each node is emptied. Nodes are listed by weak references only.
What it buys   no cycle: with the collector off nothing survives. A second backward is refused in words, before anything
               moves. The instruments see default values, dict keys and sets, go as deep as the graph, and count what a
               view keeps alive.
What it costs  whatever was saved stays to the end of the walk, all of it at full precision.
"""

import gc
import types
import weakref
from collections import deque

import numpy as np

# Instruments ----------------------------------------------------------------------------------------------------------


def survivors(work, kind):
    was_on = gc.isenabled()
    gc.disable()
    try:
        before = _alive(kind)
        work()  # its result is kept by nobody
        return _alive(kind) - before
    finally:
        if was_on:
            gc.enable()


def _alive(kind):
    return sum(issubclass(type(thing), kind) for thing in gc.get_objects())


def links(thing):
    if isinstance(thing, (type, types.ModuleType)):
        return []
    if isinstance(thing, dict):
        return [(f"[{key!r}]", value) for key, value in thing.items()] + [
            ("{}", key) for key in thing if not isinstance(key, str)
        ]
    if isinstance(thing, (list, tuple)):
        return [(f"[{place}]", item) for place, item in enumerate(thing)]
    if isinstance(thing, (set, frozenset)):
        return [("{}", member) for member in thing]
    if isinstance(thing, types.FunctionType):
        return [(f"({name})", value) for name, value in _captured(thing)]
    if isinstance(thing, types.MethodType):
        return [(".__self__", thing.__self__), (".__func__", thing.__func__)]
    if isinstance(thing, np.ndarray):
        return [] if thing.base is None else [(".base", thing.base)]
    return [(f".{name}", value) for name, value in _attributes(thing)]


def _captured(function):
    """(name, value) of a function's captured variables, and of its arguments that have default values."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # nothing has been assigned to it yet
            pass
    defaults = function.__defaults__ or ()
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    yield from zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _attributes(thing):
    """(name, value) of what stands in an object's __dict__ and in its slots. Properties are not asked."""
    found = dict(getattr(thing, "__dict__", {}))
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                found[name] = getattr(thing, name)
    return found.items()


def bytes_held(root):
    seen, stack, total = {id(root)}, [root], 0
    while stack:
        thing = stack.pop()
        if isinstance(thing, np.ndarray) and not isinstance(thing.base, np.ndarray):
            total += thing.nbytes  # it owns its memory; a view leads to its owner, and that is what it keeps alive
        for _, held in links(thing):
            if id(held) not in seen:
                seen.add(id(held))
                stack.append(held)
    return total


def path_to(root, thing):
    ways, seen = deque([("", root)]), set()
    while ways:
        way, here = ways.popleft()  # the oldest first: so the shortest way is found first
        for name, held in links(here):
            if held is thing:
                return way + name
            if id(held) not in seen:
                seen.add(id(held))
                ways.append((way + name, held))
    return None


# A small engine -------------------------------------------------------------------------------------------------------

_living = weakref.WeakSet()  # every node that somebody still holds; the set itself holds none


class _Node:
    """How a result was made. Once freed it has no parents and nothing saved, and `back` is None."""

    __slots__ = ("__weakref__", "back", "name", "parents", "saved")

    def __init__(self, name, parents, saved, back):
        self.name, self.parents, self.saved, self.back = name, parents, saved, back
        _living.add(self)

    def free(self):
        self.parents, self.saved, self.back = (), (), None


class Variable:
    def __init__(self, data):
        data = np.asarray(data)
        self.data = data if data.dtype.kind == "f" else data.astype(float)
        self.grad = None
        self._node = None

    def backward(self, retain_graph=False):
        order = _order(self)
        arrived = {self: np.ones_like(self.data)}
        for variable in reversed(order):
            upstream, node = arrived[variable], variable._node
            if node is None:
                # An array of its own: a rule may have handed one and the same to two parents, or a view.
                variable.grad = np.array(upstream) if variable.grad is None else variable.grad + upstream
                continue
            for parent, gradient in zip(node.parents, node.back(upstream, *node.saved), strict=True):
                arrived[parent] = arrived[parent] + gradient if parent in arrived else gradient
        if not retain_graph:
            for variable in order:
                if variable._node is not None:
                    variable._node.free()


def apply(rule, *parents):
    result, saved, back = rule(*[parent.data for parent in parents])
    variable = Variable(result)
    variable._node = _Node(rule.__name__, parents, saved, back)
    return variable


def _order(root):
    """Everything behind root, parents before their users. Raises RuntimeError where a node has been freed.

    A loop with its own stack: a function inside this one that calls itself would hold itself, and with it the graph.
    """
    order, visited, stack = [], set(), [(root, False)]
    while stack:
        variable, parents_are_done = stack.pop()
        if parents_are_done:
            order.append(variable)
            continue
        if variable in visited:
            continue
        visited.add(variable)
        node = variable._node
        if node is not None and node.back is None:
            raise RuntimeError(
                f"the graph behind this `{node.name}` of shape {variable.data.shape} is gone: an earlier backward has "
                "freed it. Compute the result again, or call the earlier backward with retain_graph=True."
            )
        stack.append((variable, True))
        stack.extend((parent, False) for parent in (node.parents if node else ()))
    return order


def saved_bytes():
    return bytes_held([node.saved for node in _living])
