"""Level 1, naive: numbers are carried one after the other, there and back.

What it is     forward assigns, and backward goes through the same loop and adds in the other direction.
What it buys   the way back can be read off the way there: swap both sides, and write += for =.
What it costs  a turn of a Python loop for every row, or every number.
"""

import numpy as np

from utils.engine import operation


@operation
def embedding(table, ids):
    ids = _checked(ids, len(table))
    result = np.zeros((*ids.shape, table.shape[1]), dtype=table.dtype)
    for place, id in np.ndenumerate(ids):
        result[place] = table[id]

    def back_to_table(g):
        gradient = np.zeros(table.shape, dtype=g.dtype)
        for place, id in np.ndenumerate(ids):
            gradient[id] += g[place]  # +=: an id may occur twice
        return gradient

    return result, (back_to_table,)


def _checked(ids, count):
    ids = np.asarray(ids)
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"ids are whole numbers; here is an array of {ids.dtype}")
    for id in ids.reshape(-1):
        if not 0 <= id < count:
            raise IndexError(f"there is no row {id}: the table has {count}, from 0 to {count - 1}")
    return ids.astype(int)


def concatenate(tensors, axis=0):
    return _concatenate(*tensors, axis=axis)


@operation
def _concatenate(*arrays, axis):
    axis = axis % arrays[0].ndim
    shapes = [array.shape[:axis] + array.shape[axis + 1 :] for array in arrays]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("along every other axis the sizes must agree")
    shape = list(arrays[0].shape)
    shape[axis] = sum(array.shape[axis] for array in arrays)
    result = np.zeros(shape, dtype=np.result_type(*arrays))
    places, start = [], 0
    for array in arrays:
        stop = start + array.shape[axis]
        places.append((slice(None),) * axis + (slice(start, stop),))
        result[places[-1]] = array
        start = stop
    return result, [lambda g, place=place: g[place].copy() for place in places]


@operation
def pad(x, widths, value=0.0):
    shape = [size + before + after for size, (before, after) in zip(x.shape, widths, strict=True)]
    result = np.full(shape, value, dtype=x.dtype)
    for place in np.ndindex(*x.shape):
        result[tuple(i + before for i, (before, _) in zip(place, widths, strict=True))] = x[place]

    def back_to_x(g):
        gradient = np.zeros(x.shape, dtype=g.dtype)
        for place in np.ndindex(*x.shape):
            gradient[place] = g[tuple(i + before for i, (before, _) in zip(place, widths, strict=True))]
        return gradient

    return result, (back_to_x,)
