"""Level 2, strides: broadcasting, reductions over any axes, other shapes, slices, batched matmul, einsum.

What changed   a position is a sum of index times stride, so it needs no loop over the sizes. Two arrays are first
               stretched to one shape; then the operations are the loops of level 1.
What it buys   shapes that fit by stretching, any axis or several, batches, and einsum from pieces that exist already:
               arrange the axes, stretch, multiply, sum.
What it costs  copies. Broadcasting 1 number to a million writes a million numbers, permute copies all that it is
               given, and einsum first builds every single product: for "ik,kj->ij" with 20 in each direction that are
               8,000 numbers on the way to a result of 400.
"""

import math
import operator


class NDArray:
    def __init__(self, storage, shape, strides=None, offset=0):
        if len(storage) != math.prod(shape):
            raise ValueError(f"the shape {tuple(shape)} asks for {math.prod(shape)} numbers, here are {len(storage)}")
        self.storage, self.shape = storage, tuple(shape)
        self.strides = row_major_strides(self.shape)

    def __getitem__(self, index):
        picks = picks_of(index, self.shape)
        kept = [pick for pick in picks if isinstance(pick, range)]
        if not kept:
            return self.storage[position(picks, self.strides)]
        out = zeros(tuple(map(len, kept)))
        for inner in indices(out.shape):
            places = iter(inner)
            outer = tuple(pick[next(places)] if isinstance(pick, range) else pick for pick in picks)
            out[inner] = self.storage[position(outer, self.strides)]
        return out

    def __setitem__(self, index, number):
        self.storage[position(picks_of(index, self.shape), self.strides)] = number

    def tolist(self):
        if not self.shape:
            return self[()]
        return [
            part.tolist() if isinstance(part, NDArray) else part for part in map(self.__getitem__, range(self.shape[0]))
        ]

    # Elementwise

    def _combine(self, other, operation):
        if isinstance(other, (int, float)):
            other = NDArray([float(other)], ())
        if not isinstance(other, NDArray):
            return NotImplemented
        shape = broadcast_shapes(self.shape, other.shape)
        a, b = self.broadcast_to(shape), other.broadcast_to(shape)
        return NDArray([operation(x, y) for x, y in zip(a.storage, b.storage, strict=True)], shape)

    def __add__(self, other):
        return self._combine(other, operator.add)

    def __sub__(self, other):
        return self._combine(other, operator.sub)

    def __mul__(self, other):
        return self._combine(other, operator.mul)

    def __truediv__(self, other):
        return self._combine(other, operator.truediv)

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return NDArray([float(other)], ()) - self

    def __rtruediv__(self, other):
        return NDArray([float(other)], ()) / self

    # Reductions

    def _fold(self, axis, keepdims, start, operation):
        """(result, how many numbers went into each of its numbers)."""
        axes = axes_of(axis, len(self.shape))
        kept = tuple(1 if k in axes else size for k, size in enumerate(self.shape))
        out = NDArray([start] * math.prod(kept), kept)
        for index in indices(self.shape):
            place = tuple(0 if k in axes else i for k, i in enumerate(index))
            out[place] = operation(out[place], self[index])
        if not keepdims:
            out = out.reshape(tuple(size for k, size in enumerate(kept) if k not in axes))
        return out, math.prod(self.shape[k] for k in axes)

    def sum(self, axis=None, keepdims=False):
        return self._fold(axis, keepdims, 0.0, operator.add)[0]

    def max(self, axis=None, keepdims=False):
        out, count = self._fold(axis, keepdims, -math.inf, max)
        if count == 0:
            raise ValueError("there is no largest of no numbers")
        return out

    def mean(self, axis=None, keepdims=False):
        out, count = self._fold(axis, keepdims, 0.0, operator.add)
        return out / count if count else out * math.nan

    # Matrices

    def __matmul__(self, other):
        if len(self.shape) < 2 or len(other.shape) < 2 or self.shape[-1] != other.shape[-2]:
            raise ValueError(f"{self.shape} @ {other.shape}: the inner sizes must be equal")
        batch = broadcast_shapes(self.shape[:-2], other.shape[:-2])
        a, b = self.broadcast_to(batch + self.shape[-2:]), other.broadcast_to(batch + other.shape[-2:])
        out = zeros((*batch, self.shape[-2], other.shape[-1]))
        for index in indices(out.shape):
            *front, i, j = index
            for k in range(self.shape[-1]):
                out[index] += a[(*front, i, k)] * b[(*front, k, j)]
        return out

    # Other shapes

    def permute(self, axes):
        axes = axes_of(axes, len(self.shape))
        if len(axes) != len(self.shape):
            raise ValueError(f"{axes} does not name each axis of {self.shape} once")
        out = zeros(tuple(self.shape[k] for k in axes))
        for index in indices(self.shape):
            out[tuple(index[k] for k in axes)] = self[index]
        return out

    def reshape(self, shape):
        return NDArray(list(self.storage), filled_in(shape, math.prod(self.shape)))

    def broadcast_to(self, shape):
        if broadcast_shapes(self.shape, shape) != tuple(shape):
            raise ValueError(f"{self.shape} does not stretch to {tuple(shape)}")
        new = len(shape) - len(self.shape)
        out = zeros(shape)
        for index in indices(shape):
            out[index] = self[tuple(0 if size == 1 else i for i, size in zip(index[new:], self.shape, strict=True))]
        return out


def indices(shape):
    if not shape:
        yield ()
        return
    for i in range(shape[0]):
        for rest in indices(shape[1:]):
            yield (i, *rest)


def array(nested):
    shape, storage = flattened(nested)
    return NDArray(storage, shape)


def row_major_strides(shape):
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def broadcast_shapes(*shapes):
    longest = max(map(len, shapes), default=0)
    out = []
    for sizes in zip(*((1,) * (longest - len(shape)) + tuple(shape) for shape in shapes), strict=True):
        wide = {size for size in sizes if size != 1}  # not the largest: 1 gives way to 0, too
        if len(wide) > 1:
            raise ValueError(f"the shapes {', '.join(map(str, shapes))} do not stretch to one")
        out.append(wide.pop() if wide else 1)
    return tuple(out)


def einsum(formula, *arrays):
    groups, result, sizes = letters_of(formula, arrays)
    letters = result + "".join(letter for letter in sizes if letter not in result)
    product = NDArray([1.0], ())
    for group, a in zip(groups, arrays, strict=True):
        # One axis for each letter, in the order of all letters; size 1 where this array does not have the letter.
        arranged = zeros(tuple(sizes[letter] if letter in group else 1 for letter in letters))
        for index in indices(arranged.shape):
            arranged[index] = a[tuple(index[letters.index(letter)] for letter in group)]
        product = product * arranged
    return product.sum(tuple(range(len(result), len(letters))))


# Shared ---------------------------------------------------------------------------------------------------------------


def zeros(shape):
    return NDArray([0.0] * math.prod(shape), shape)


def position(index, strides):
    return sum(i * stride for i, stride in zip(index, strides, strict=True))


def picks_of(index, shape):
    """For each axis a whole number, or the range of whole numbers that a slice picks. Raises IndexError."""
    index = index if isinstance(index, tuple) else (index,)
    if len(index) > len(shape):
        raise IndexError(f"{index} has more numbers than the shape {shape} has axes")
    index += (slice(None),) * (len(shape) - len(index))
    # A range knows already what -1 means, what a slice picks, and what lies outside.
    return [range(size)[pick] for pick, size in zip(index, shape, strict=True)]


def axes_of(axis, count):
    """The axes as a tuple of numbers from 0. Raises ValueError for one that is not there or stands twice."""
    if axis is None:
        return tuple(range(count))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(-count <= k < count for k in axes) or len({k % count for k in axes}) != len(axes):
        raise ValueError(f"{axis} does not name different axes out of {count}")
    return tuple(k % count for k in axes)


def filled_in(shape, count):
    """The shape with its -1 replaced. Raises ValueError unless it asks for exactly so many numbers."""
    known = math.prod(size for size in shape if size != -1)
    if tuple(shape).count(-1) == 1 and known and count % known == 0:
        shape = tuple(count // known if size == -1 else size for size in shape)
    if math.prod(shape) != count or min(shape, default=0) < 0:
        raise ValueError(f"{count} numbers do not fit into the shape {tuple(shape)}")
    return tuple(shape)


def letters_of(formula, arrays):
    """(letters of each array, letters of the result, letter -> size). Raises ValueError where they do not fit."""
    before, arrow, result = formula.partition("->")
    groups, sizes = before.split(","), {}
    if not arrow or len(groups) != len(arrays):
        raise ValueError(f"{formula} is not a formula for {len(arrays)} arrays")
    for group, a in zip(groups, arrays, strict=True):
        if len(group) != len(a.shape):
            raise ValueError(f"{group} does not fit the shape {a.shape}")
        for letter, size in zip(group, a.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ValueError(f"{letter} is {sizes[letter]} and {size}")
    if len(set(result)) != len(result) or not set(result) <= set(sizes):
        raise ValueError(f"the letters {result} must be different, and stand before the arrow")
    return groups, result, sizes


def flattened(nested):
    """(shape, flat list) of nested lists. Raises ValueError where they are ragged."""
    if not isinstance(nested, (list, tuple)):
        return (), [float(nested)]
    parts = [flattened(part) for part in nested]
    if len({shape for shape, _ in parts}) > 1:
        raise ValueError("the nested lists have different lengths")
    inner = parts[0][0] if parts else ()
    return (len(nested), *inner), [number for _, numbers in parts for number in numbers]
