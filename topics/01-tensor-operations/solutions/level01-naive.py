"""Level 1, naive: a flat list, index tuples, and loops over all of them.

One function says where an index stands in the list, one says which indices there are; everything else is a loop over
`indices(shape)`. It works for any number of axes, since no loop is written for an axis of its own.
"""

import math


class NDArray:
    def __init__(self, storage, shape, strides=None, offset=0):
        if len(storage) != math.prod(shape):
            raise ValueError(f"the shape {tuple(shape)} asks for {math.prod(shape)} numbers, here are {len(storage)}")
        self.storage, self.shape = storage, tuple(shape)

    def _position(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != len(self.shape):
            raise IndexError(f"{index} is no index of the shape {self.shape}")
        position = 0
        for i, size in zip(index, self.shape, strict=True):
            # Without this check a[0, 3] of the shape (2, 3) would quietly be a[1, 0].
            if not 0 <= i < size:
                raise IndexError(f"{index} lies outside of the shape {self.shape}")
            position = position * size + i
        return position

    def __getitem__(self, index):
        return self.storage[self._position(index)]

    def __setitem__(self, index, number):
        self.storage[self._position(index)] = number

    def tolist(self):
        def below(index):
            """The nested lists of all elements whose index begins like this."""
            if len(index) == len(self.shape):
                return self[index]
            return [below((*index, i)) for i in range(self.shape[len(index)])]

        return below(())

    def __add__(self, other):
        same_shape(self, other)
        out = zeros(self.shape)
        for index in indices(self.shape):
            out[index] = self[index] + other[index]
        return out

    def __mul__(self, other):
        same_shape(self, other)
        out = zeros(self.shape)
        for index in indices(self.shape):
            out[index] = self[index] * other[index]
        return out

    def sum(self, axis=None, keepdims=False):
        if axis is None:
            return NDArray([float(sum(self.storage))], ())
        out = zeros(self.shape[:axis] + self.shape[axis + 1 :])
        for index in indices(self.shape):
            out[index[:axis] + index[axis + 1 :]] += self[index]
        return out

    def __matmul__(self, other):
        if len(self.shape) != 2 or len(other.shape) != 2 or self.shape[1] != other.shape[0]:
            raise ValueError(f"{self.shape} @ {other.shape}: the inner sizes must be equal")
        (n, inner), m = self.shape, other.shape[1]
        out = zeros((n, m))
        for i in range(n):
            for j in range(m):
                for k in range(inner):
                    out[i, j] += self[i, k] * other[k, j]
        return out


def indices(shape):
    if not shape:
        yield ()  # the one index of a single number
        return
    for i in range(shape[0]):
        for rest in indices(shape[1:]):
            yield (i, *rest)


def array(nested):
    shape, storage = flattened(nested)
    return NDArray(storage, shape)


# Shared ---------------------------------------------------------------------------------------------------------------


def zeros(shape):
    return NDArray([0.0] * math.prod(shape), shape)


def same_shape(a, b):
    if a.shape != b.shape:
        raise ValueError(f"the shapes {a.shape} and {b.shape} differ")


def flattened(nested):
    """(shape, flat list) of nested lists. Raises ValueError where they are ragged."""
    if not isinstance(nested, (list, tuple)):
        return (), [float(nested)]
    parts = [flattened(part) for part in nested]
    if len({shape for shape, _ in parts}) > 1:
        raise ValueError("the nested lists have different lengths")
    inner = parts[0][0] if parts else ()
    return (len(nested), *inner), [number for _, numbers in parts for number in numbers]
