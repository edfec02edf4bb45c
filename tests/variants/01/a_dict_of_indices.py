"""Another design: numbers are looked up by index in a dict, and every operation is written for one result at a time."""

import itertools
import math


class NDArray:
    def __init__(self, storage, shape, strides=None, offset=0):
        self.shape = tuple(shape)
        every = indices(self.shape)
        if len(every) != len(storage):
            raise ValueError("wrong number of numbers")
        self.storage, self.at = storage, dict(zip(every, storage, strict=True))

    @property
    def strides(self):
        return row_major_strides(self.shape)

    def _whole(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != len(self.shape):
            raise IndexError(index)
        full = tuple(i + size if i < 0 else i for i, size in zip(index, self.shape, strict=True))
        if full not in self.at:
            raise IndexError(index)
        return full

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) == len(self.shape) and not any(isinstance(pick, slice) for pick in index):
            return self.at[self._whole(index)]
        if len(index) > len(self.shape):
            raise IndexError(index)
        index += (slice(None),) * (len(self.shape) - len(index))
        choices, shape = [], []
        for pick, size in zip(index, self.shape, strict=True):
            chosen = list(range(size))[pick]
            choices.append(chosen if isinstance(chosen, list) else [chosen])
            shape += [len(chosen)] if isinstance(chosen, list) else []
        return NDArray([self.at[full] for full in itertools.product(*choices)], shape)

    def __setitem__(self, index, number):
        self.at[self._whole(index)] = number

    def tolist(self):
        if not self.shape:
            return self.at[()]
        rows = [self[i] for i in range(self.shape[0])]
        return [row.tolist() if isinstance(row, NDArray) else row for row in rows]

    def __add__(self, other):
        return each(lambda x, y: x + y, self, other)

    def __radd__(self, other):
        return each(lambda x, y: x + y, other, self)

    def __mul__(self, other):
        return each(lambda x, y: x * y, self, other)

    def __rmul__(self, other):
        return each(lambda x, y: x * y, other, self)

    def __sub__(self, other):
        return each(lambda x, y: x - y, self, other)

    def __rsub__(self, other):
        return each(lambda x, y: x - y, other, self)

    def __truediv__(self, other):
        return each(lambda x, y: x / y, self, other)

    def __rtruediv__(self, other):
        return each(lambda x, y: x / y, other, self)

    def _groups(self, axis, keepdims, reduce):
        count = len(self.shape)
        axes = range(count) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        for k in axes:
            if k not in range(-count, count):
                raise ValueError(axis)
        gone = [k % count for k in axes]
        if len(set(gone)) < len(gone):
            raise ValueError(axis)
        groups = {}
        for index in indices(tuple(1 if k in gone else size for k, size in enumerate(self.shape))):
            groups[index] = []
        for index, number in self.at.items():
            groups[tuple(0 if k in gone else i for k, i in enumerate(index))].append(number)
        shape = [1 if k in gone else size for k, size in enumerate(self.shape) if keepdims or k not in gone]
        return NDArray([reduce(numbers) for numbers in groups.values()], shape)

    def sum(self, axis=None, keepdims=False):
        return self._groups(axis, keepdims, math.fsum)

    def max(self, axis=None, keepdims=False):
        return self._groups(axis, keepdims, max)  # max([]) is a ValueError by itself

    def mean(self, axis=None, keepdims=False):
        return self._groups(axis, keepdims, lambda numbers: math.fsum(numbers) / len(numbers) if numbers else math.nan)

    def __matmul__(self, other):
        if min(len(self.shape), len(other.shape)) < 2:
            raise ValueError("no matrix")
        letters = "abcdefgh"
        batch = broadcast_shapes(self.shape[:-2], other.shape[:-2])
        names = letters[: len(batch)]
        left, right = self.broadcast_to(batch + self.shape[-2:]), other.broadcast_to(batch + other.shape[-2:])
        return einsum(f"{names}xy,{names}yz->{names}xz", left, right)

    def permute(self, axes):
        named = [range(len(self.shape))[k] if -len(self.shape) <= k < len(self.shape) else None for k in axes]
        if None in named or sorted(named) != list(range(len(self.shape))):
            raise ValueError(axes)
        out = {tuple(index[k] for k in named): number for index, number in self.at.items()}
        return NDArray([out[index] for index in sorted(out)], [self.shape[k] for k in named])

    def reshape(self, shape):
        numbers = [self.at[index] for index in indices(self.shape)]
        if -1 in shape:
            rest = math.prod(size for size in shape if size != -1)
            shape = [len(numbers) // rest if size == -1 else size for size in shape]
        return NDArray(numbers, shape)

    def broadcast_to(self, shape):
        if broadcast_shapes(self.shape, shape) != tuple(shape):
            raise ValueError(shape)
        kept = [index[len(shape) - len(self.shape) :] for index in indices(shape)]
        return NDArray([self.at[tuple(min(i, size - 1) for i, size in zip(index, self.shape, strict=True))] for index in kept],
                       shape)  # fmt: skip


def indices(shape):
    return list(itertools.product(*map(range, shape)))


def array(nested):
    if not isinstance(nested, list):
        return NDArray([float(nested)], ())
    rows = [array(part) for part in nested]
    if any(row.shape != rows[0].shape for row in rows):
        raise ValueError("ragged")
    return NDArray([x for row in rows for x in row.storage], (len(rows), *(rows[0].shape if rows else ())))


def row_major_strides(shape):
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    return tuple(strides) if shape else ()


def broadcast_shapes(*shapes):
    out = []
    for sizes in itertools.zip_longest(*map(reversed, shapes), fillvalue=1):
        size = next((size for size in sizes if size != 1), 1)
        if any(other not in (1, size) for other in sizes):
            raise ValueError(shapes)
        out.insert(0, size)
    return tuple(out)


def each(operation, left, right):
    left, right = (x if isinstance(x, NDArray) else NDArray([x], ()) for x in (left, right))
    shape = broadcast_shapes(left.shape, right.shape)
    left, right = left.broadcast_to(shape), right.broadcast_to(shape)
    return NDArray([operation(left.at[index], right.at[index]) for index in indices(shape)], shape)


def einsum(formula, *arrays):
    before, result = formula.split("->")  # without an arrow that is a ValueError by itself
    sizes = {}
    for group, a in zip(before.split(","), arrays, strict=True):
        for letter, size in zip(group, a.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ValueError(letter)
    if len(set(result)) < len(result) or set(result) - set(sizes):
        raise ValueError(result)
    totals = {index: [] for index in indices([sizes[letter] for letter in result])}
    for index in indices(list(sizes.values())):
        value = dict(zip(sizes, index, strict=True))
        product = math.prod(a.at[tuple(value[x] for x in g)] for g, a in zip(before.split(","), arrays, strict=True))
        totals[tuple(value[x] for x in result)].append(product)
    return NDArray([math.fsum(numbers) for numbers in totals.values()], [sizes[letter] for letter in result])
