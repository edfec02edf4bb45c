"""Level 2, extended: NumPy carries whole arrays, and the way back is again one line for each.

What changed   slices and index arrays instead of loops. Where a key may name an entry twice, `np.add.at` adds one
               contribution after the other; `gradient[key] += g` would keep only the last of them.
What it buys   any key that NumPy knows; the speed of copying memory.
What it costs  the gradient of an embedding is an array of the table's size, nearly all of it zeros.
"""

import numpy as np

from utils.engine import operation


@operation
def embedding(table, ids):
    ids, shape = _checked(ids, len(table)), table.shape

    def back_to_table(g):
        gradient = np.zeros(shape, dtype=g.dtype)
        np.add.at(gradient, ids, g)
        return gradient

    return table[ids], (back_to_table,)


def _checked(ids, count):
    ids = np.asarray(ids)
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"ids are whole numbers; here is an array of {ids.dtype}")
    wrong = ids[(ids < 0) | (ids >= count)]
    if wrong.size:
        raise IndexError(f"there is no row {wrong.flat[0]}: the table has {count}, from 0 to {count - 1}")
    return ids.astype(int)


def concatenate(tensors, axis=0):
    return _concatenate(*tensors, axis=axis)


@operation
def _concatenate(*arrays, axis):
    borders = np.cumsum([array.shape[axis] for array in arrays])
    return np.concatenate(arrays, axis), [
        lambda g, start=stop - array.shape[axis], stop=stop: np.take(g, np.arange(start, stop), axis)
        for array, stop in zip(arrays, borders, strict=True)
    ]


@operation
def pad(x, widths, value=0.0):
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape, widths, strict=True))
    return np.pad(x, widths, constant_values=value), (lambda g: g[inside],)


@operation
def select(x, key):
    shape = x.shape

    def back_to_x(g):
        gradient = np.zeros(shape, dtype=g.dtype)
        np.add.at(gradient, key, g)
        return gradient

    return x[key], (back_to_x,)


def stack(tensors, axis=0):
    return _stack(*tensors, axis=axis)


@operation
def _stack(*arrays, axis):
    return np.stack(arrays, axis), [lambda g, i=i: np.take(g, i, axis) for i in range(len(arrays))]


def split(x, sizes, axis=0):
    if sum(sizes) != x.shape[axis]:
        raise ValueError(f"pieces of {sizes} make {sum(sizes)}; axis {axis} of {x.shape} has {x.shape[axis]}")
    stops = np.cumsum(sizes)
    before = (slice(None),) * (axis % x.ndim)
    return [select(x, (*before, slice(stop - size, stop))) for size, stop in zip(sizes, stops, strict=True)]


@operation
def roll(x, shift, axis):
    return np.roll(x, shift, axis), (lambda g: np.roll(g, -shift, axis),)


@operation
def gather(x, axis, index):
    index, shape = np.asarray(index), x.shape

    def back_to_x(g):
        gradient = np.zeros(shape, dtype=g.dtype)
        places = list(np.indices(index.shape, sparse=True))
        places[axis] = index
        np.add.at(gradient, tuple(places), g)
        return gradient

    return np.take_along_axis(x, index, axis), (back_to_x,)


def index_add(x, axis, index, source):
    return _index_add(x, source, axis=axis, index=index)


@operation
def _index_add(x, source, axis, index):
    index = np.asarray(index)
    result = x.copy()
    np.add.at(np.moveaxis(result, axis, 0), index, np.moveaxis(source, axis, 0))
    return result, (lambda g: g, lambda g: np.take(g, index, axis))
