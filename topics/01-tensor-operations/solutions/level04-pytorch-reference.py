"""Level 4, the PyTorch reference: the same names, and every position is computed by torch.

What changed   an NDArray holds a tensor of float64, and nothing else. Views, strides and offsets are the tensor's own.
What it buys   an oracle that shares no line with the levels below. Run this file to see the strides of both side by
               side.
What it costs  torch, some hundreds of megabytes to install. And a few rules of the contract have to be put in front,
               where torch is more generous (einsum stretches sizes of 1, matmul takes vectors), or says RuntimeError.
"""

import functools

import torch


def refusing(function):
    """The same function; what torch refuses, it refuses with ValueError, as in the contract."""

    @functools.wraps(function)
    def wrapped(*arguments, **named):
        try:
            return function(*arguments, **named)
        except (RuntimeError, IndexError, TypeError) as error:
            raise ValueError(str(error)) from error

    return wrapped


class NDArray:
    @refusing
    def __init__(self, storage, shape, strides=None, offset=0):
        flat = torch.tensor(storage, dtype=torch.float64)
        self.tensor = flat.reshape(shape) if strides is None else torch.as_strided(flat, shape, strides, offset)

    shape = property(lambda self: tuple(self.tensor.shape))
    strides = property(lambda self: self.tensor.stride())
    offset = property(lambda self: self.tensor.storage_offset())

    def __getitem__(self, index):
        found = self.tensor[index]
        named = index if isinstance(index, tuple) else (index,)
        whole = len(named) == len(self.shape) and all(isinstance(one, int) for one in named)
        return found.item() if whole else of(found)

    def __setitem__(self, index, number):
        self.tensor[index] = number

    def tolist(self):
        return self.tensor.tolist()

    def _combine(self, other, operation):
        return of(refusing(operation)(self.tensor, other.tensor if isinstance(other, NDArray) else other))

    def __add__(self, other):
        return self._combine(other, torch.add)

    def __sub__(self, other):
        return self._combine(other, torch.sub)

    def __mul__(self, other):
        return self._combine(other, torch.mul)

    def __truediv__(self, other):
        return self._combine(other, torch.div)

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return of(other - self.tensor)

    def __rtruediv__(self, other):
        return of(other / self.tensor)

    @refusing
    def sum(self, axis=None, keepdims=False):
        if axis == ():  # torch takes this for all axes
            return of(self.tensor.clone())
        return of(self.tensor.sum(axis, keepdims))

    @refusing
    def max(self, axis=None, keepdims=False):
        return of(self.tensor.amax(tuple(range(self.tensor.dim())) if axis is None else axis, keepdims))

    @refusing
    def mean(self, axis=None, keepdims=False):
        return of(self.tensor.mean(axis, keepdims))

    @refusing
    def __matmul__(self, other):
        if self.tensor.dim() < 2 or other.tensor.dim() < 2:
            raise ValueError("torch multiplies vectors, too; the contract asks for matrices")
        return of(self.tensor @ other.tensor)

    @refusing
    def permute(self, axes):
        return of(self.tensor.permute(axes))

    @refusing
    def reshape(self, shape):
        return of(self.tensor.reshape(shape))

    @refusing
    def broadcast_to(self, shape):
        return of(self.tensor.broadcast_to(shape))

    def is_contiguous(self):
        return self.tensor.is_contiguous()

    @refusing
    def as_strided(self, shape, strides, offset=0):
        return of(self.tensor.as_strided(shape, strides, offset))


def of(tensor):
    """An NDArray around a tensor, which is not copied."""
    made = NDArray.__new__(NDArray)
    made.tensor = tensor
    return made


def indices(shape):
    return map(tuple, torch.ones(shape).nonzero().tolist())


@refusing
def array(nested):
    return of(torch.tensor(nested, dtype=torch.float64))


def row_major_strides(shape):
    return torch.empty(shape, device="meta").stride()  # a tensor without storage: only its shape and strides


@refusing
def broadcast_shapes(*shapes):
    return tuple(torch.broadcast_shapes(*shapes))


@refusing
def einsum(formula, *arrays):
    sizes = {}
    for group, a in zip(formula.partition("->")[0].split(","), arrays, strict=True):
        for letter, size in zip(group, a.shape, strict=True):
            if "->" not in formula or sizes.setdefault(letter, size) != size:
                raise ValueError(
                    "torch stretches sizes of 1 and guesses the letters of the result; the contract does not"
                )
    return of(torch.einsum(formula, *(a.tensor for a in arrays)))


def main():
    from pathlib import Path

    from utils.course.loading import load

    level3 = load(Path(__file__).with_name("level03-memory-efficient.py"))
    views = {
        "a, of shape (2, 3, 4)": lambda a: a,
        "a.permute((2, 0, 1))": lambda a: a.permute((2, 0, 1)),
        "a[1]": lambda a: a[1],
        "a[:, 1:, ::2]": lambda a: a[:, 1:, ::2],
        "a[1].reshape((4, 3))": lambda a: a[1].reshape((4, 3)),
        "a[0].broadcast_to((5, 3, 4))": lambda a: a[0].broadcast_to((5, 3, 4)),
    }
    print(f"{'':<30}{'level 3: strides, offset':<28}PyTorch")
    for words, view in views.items():
        rows = [view(kind([float(k) for k in range(24)], (2, 3, 4))) for kind in (level3.NDArray, NDArray)]
        print(f"{words:<30}" + "".join(f"{f'{row.strides}, {row.offset}':<28}" for row in rows).rstrip())


if __name__ == "__main__":
    main()
