"""Level 1, naive: count what is left, list what a thing holds, add up arrays, look for a way.

What it is     four instruments, each as its sentence says it.
What it buys   a leak is a number, and the reference that makes it has a name.
What it costs  bytes_held calls itself, so a graph of some hundred operations in a row ends it; a view is counted as
               large as it looks; what functions hold as default values is not seen.
"""

import gc
import types
from collections import deque

import numpy as np


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
        return [(f"[{key!r}]", value) for key, value in thing.items()]
    if isinstance(thing, (list, tuple)):
        return [(f"[{place}]", item) for place, item in enumerate(thing)]
    if isinstance(thing, types.FunctionType):
        return [(f"({name})", cell.cell_contents)
                for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)]  # fmt: skip
    if isinstance(thing, np.ndarray):
        return [] if thing.base is None else [(".base", thing.base)]
    return [(f".{name}", value) for name, value in _attributes(thing)]


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
    seen, total = set(), 0

    def visit(thing):
        nonlocal total
        if id(thing) not in seen:
            seen.add(id(thing))
            if isinstance(thing, np.ndarray):
                total += thing.nbytes
            for _, held in links(thing):
                visit(held)

    visit(root)
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
