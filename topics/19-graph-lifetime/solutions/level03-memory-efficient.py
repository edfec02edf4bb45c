"""Level 3, memory-efficient: what waits for backward is packed, and let go one by one.

What changed   a node points to the nodes of its parents, no more to the parents: an inner result goes unless it was
               saved. What is saved passes through `pack` on its way in and through `unpack` on its way out; the walk
               empties each node before the next.
What it buys   with pack_half a saved float64 array takes a quarter of its bytes, a float32 array half; gradients are
               right to about one part in a thousand. In a backward, one node's arrays are unpacked at a time.
What it costs  time for packing twice over; three digits of the gradients; an array that two operations save is packed
               twice, where unpacked it was one and the same.
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
    """How a result was made, without the result. Once freed it has no sources, nothing packed, and `back` is None.

    The sources are the nodes of the parents, or the parents themselves where they are leaves: an inner result's own
    array is held by nobody here, unless it was saved.
    """

    __slots__ = ("__weakref__", "back", "name", "packed", "sources", "unpack")

    def __init__(self, name, parents, saved, back):
        pack, self.unpack = _hooks[-1]  # a pair stays together: what this pack made, this unpack understands
        self.name, self.back = name, back
        self.sources = [_source(parent) for parent in parents]
        self.packed = tuple(pack(array) for array in saved)
        _living.add(self)

    def saved(self):
        return [self.unpack(packed) for packed in self.packed]

    def free(self):
        self.sources, self.packed, self.back, self.unpack = (), (), None, None


class Variable:
    __slots__ = ("_node", "data", "grad")

    def __init__(self, data):
        data = np.asarray(data)
        self.data = data if data.dtype.kind == "f" else data.astype(float)
        self.grad = None
        self._node = None

    def backward(self, retain_graph=False):
        order = _order(_source(self))
        arrived = {order[-1]: np.ones_like(self.data)}
        while order:
            node = order.pop()
            upstream = arrived.pop(node)
            if isinstance(node, Variable):
                # An array of its own: a rule may have handed one and the same to two parents, or a view.
                node.grad = np.array(upstream) if node.grad is None else node.grad + upstream
                continue
            sources, gradients = node.sources, node.back(upstream, *node.saved())
            if not retain_graph:
                node.free()
            for source, gradient in zip(sources, gradients, strict=True):
                arrived[source] = arrived[source] + gradient if source in arrived else gradient
            del upstream, gradients, gradient  # or they would outlive their turn


def _source(variable):
    return variable if variable._node is None else variable._node


def apply(rule, *parents):
    result, saved, back = rule(*[parent.data for parent in parents])
    variable = Variable(result)
    variable._node = _Node(rule.__name__, parents, saved, back)
    return variable


def _order(root):
    """All nodes and leaves behind a node, itself last. Raises RuntimeError where a node has been freed.

    A loop with its own stack: a function inside this one that calls itself would hold itself, and with it the graph.
    """
    order, visited, stack = [], set(), [(root, False)]
    while stack:
        node, sources_are_done = stack.pop()
        if sources_are_done:
            order.append(node)
            continue
        if node in visited:
            continue
        visited.add(node)
        stack.append((node, True))
        if isinstance(node, _Node):
            if node.back is None:
                raise RuntimeError(
                    f"the graph behind this `{node.name}` is gone: an earlier backward has freed it. Compute the "
                    "result again, or call the earlier backward with retain_graph=True."
                )
            stack.extend((source, False) for source in node.sources)
    return order


def saved_bytes():
    return bytes_held([node.packed for node in _living])


# Hooks ----------------------------------------------------------------------------------------------------------------

_hooks = [(lambda array: array, lambda packed: packed)]  # the last pair counts; the first one changes nothing


class saved_tensors_hooks:  # noqa: N801 (PyTorch's name)
    def __init__(self, pack, unpack):
        self._pair = (pack, unpack)

    def __enter__(self):
        _hooks.append(self._pair)

    def __exit__(self, *_):
        _hooks.pop()


def pack_half(array):
    if array.dtype.kind != "f" or array.dtype.itemsize <= 2:
        return array
    largest = np.abs(array[np.isfinite(array)]).max(initial=0.0)
    # A power of two costs no digit. It brings the largest to at least 2**14 and below 2**15, under the 65,504 at which
    # float16 ends, and so everything else as far as can be from the small numbers at which float16 runs out of digits.
    shift = 15 - int(np.frexp(largest)[1])
    return np.ldexp(array, shift).astype(np.float16), shift, array.dtype


def unpack_half(packed):
    if isinstance(packed, np.ndarray):
        return packed
    half, shift, dtype = packed
    return np.asarray(np.ldexp(half.astype(dtype), -shift))
