"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 01` copies this file to `workspace/tensor_operations.py`. You work there. Nothing in it is ever
overwritten.

Plain Python, no NumPy: this is about what NumPy and PyTorch do inside.

Words used: an *axis* is one direction of an array, its *size* how many steps there are along it; the *shape* is the
tuple of all sizes. An *index* is a tuple with one whole number for each axis, counted from 0. *Row-major* order lets
the last axis run fastest, as when you read a page. A *view* is an array that reads the numbers of another one.

No operation changes the arrays that it is given.
"""

import math  # noqa: F401  math.prod(shape) is the number of numbers

# Level 1: index tuples and nested loops -------------------------------------------------------------------------------


class NDArray:
    """Numbers along any number of axes, kept in one flat list in row-major order.

    `storage` is the flat list of floats; it is kept, not copied. `shape` is a tuple; a size may be 0, and the shape ()
    has no axis and one number. Raises ValueError unless the shape asks for exactly len(storage) numbers.

    Level 2: `strides`, a tuple: how many places of the list lie between neighbors along each axis.
    Level 3: with `strides` and `offset` given, element (i, j, ...) stands at position offset + i*strides[0]
    + j*strides[1] + ..., and the list may be longer or shorter than the shape asks for. Both are attributes.
    """

    def __init__(self, storage, shape, strides=None, offset=0):
        raise NotImplementedError("NDArray")

    def __getitem__(self, index):
        """a[1, 2], the number at an index. For one axis a[1] will do; for none a[()].

        Raises IndexError where a number of the index is its axis' size or more.
        Level 2: numbers from -1 down count from the end; below -size is an IndexError too. A slice such as a[1:3, 0] or
        a[:, ::2] keeps its axis, a number removes it, axes that are not named stay whole: another NDArray, unless there
        is a number for every axis. Steps are positive. More numbers than axes: IndexError.
        Level 3: what a slice gives is a view.
        """
        raise NotImplementedError("NDArray.__getitem__")

    def __setitem__(self, index, number):
        """a[1, 2] = 5.0. The index has one number for each axis; IndexError as above."""
        raise NotImplementedError("NDArray.__setitem__")

    def tolist(self):
        """The numbers as nested lists, one level for each axis; for the shape () the number itself."""
        raise NotImplementedError("NDArray.tolist")

    def __add__(self, other):
        """a + b, number by number, for two arrays of one shape; ValueError otherwise.

        Level 2: shapes are broadcast; `other` may be a plain number.
        """
        raise NotImplementedError("NDArray.__add__")

    def __mul__(self, other):
        """a * b, number by number, for two arrays of one shape; ValueError otherwise. Level 2: as for a + b."""
        raise NotImplementedError("NDArray.__mul__")

    def sum(self, axis=None, keepdims=False):
        """The sum along one axis, which disappears from the shape; with axis=None of all numbers, of shape ().

        Level 1: axis is None or 0, 1, ... and keepdims is not asked for. A sum of no numbers is 0.
        Level 2: -1 is the last axis; a tuple names several; keepdims=True leaves an axis of size 1 in each one's place.
        Raises ValueError for an axis that is not there, or that is named twice.
        """
        raise NotImplementedError("NDArray.sum")

    def __matmul__(self, other):
        """a @ b: (n, k) and (k, m) give (n, m), the sum over k of a[i, k] * b[k, j]. ValueError for any other shapes.

        Level 2: (..., n, k) and (..., k, m) give (..., n, m); the axes in front are broadcast. Each has at least two.
        Level 3: nothing is copied; beyond the result hardly any memory is needed.
        """
        raise NotImplementedError("NDArray.__matmul__")

    # Level 2: strides, broadcasting, other shapes --------------------------------------------------------------------
    #
    # Copies are allowed. Level 3: `permute` and `broadcast_to` give views, and so does `reshape` of a contiguous array.

    def permute(self, axes):
        """The axes in another order: axis k of the result is axis axes[k] of this array.

        `axes` is a tuple that names every axis once; -1 is the last one. Raises ValueError otherwise.
        """
        raise NotImplementedError("NDArray.permute")

    def reshape(self, shape):
        """The same numbers, in row-major order of this array, in another shape.

        One size may be -1: whatever fits. Raises ValueError if the numbers do not fit, or if there are two -1.
        """
        raise NotImplementedError("NDArray.reshape")

    def broadcast_to(self, shape):
        """This array stretched to a shape: new axes in front, and axes of size 1 repeated.

        Raises ValueError where that does not lead to exactly this shape.
        """
        raise NotImplementedError("NDArray.broadcast_to")

    def __sub__(self, other):
        """a - b; shapes are broadcast, and `other` may be a plain number."""
        raise NotImplementedError("NDArray.__sub__")

    def __truediv__(self, other):
        """a / b, as a - b."""
        raise NotImplementedError("NDArray.__truediv__")

    def __radd__(self, other):
        """number + a."""
        raise NotImplementedError("NDArray.__radd__")

    def __rmul__(self, other):
        """number * a."""
        raise NotImplementedError("NDArray.__rmul__")

    def __rsub__(self, other):
        """number - a."""
        raise NotImplementedError("NDArray.__rsub__")

    def __rtruediv__(self, other):
        """number / a."""
        raise NotImplementedError("NDArray.__rtruediv__")

    def max(self, axis=None, keepdims=False):
        """The largest number; axis and keepdims as for sum. Raises ValueError where the axes hold no number."""
        raise NotImplementedError("NDArray.max")

    def mean(self, axis=None, keepdims=False):
        """The sum divided by how many numbers went into it; axis and keepdims as for sum. Of no numbers it is nan."""
        raise NotImplementedError("NDArray.mean")

    # Level 3: views --------------------------------------------------------------------------------------------------

    def is_contiguous(self):
        """Do the numbers stand side by side in the list, in row-major order?

        An axis of size 1 is never walked along, so its stride does not matter; an array without numbers is contiguous.
        """
        raise NotImplementedError("NDArray.is_contiguous")

    def as_strided(self, shape, strides, offset=0):
        """A view of this array's storage with any strides. offset counts from the start of the storage.

        Raises ValueError if an element would lie outside of the storage.
        """
        raise NotImplementedError("NDArray.as_strided")


def indices(shape):
    """Every index of a shape, as tuples, one after the other in row-major order. A list or a generator.

    (2, 2) gives (0, 0), (0, 1), (1, 0), (1, 1). () gives one index, (). A size of 0 gives none.
    """
    raise NotImplementedError("indices")


def array(nested):
    """An NDArray of floats from nested lists of numbers; a plain number gives the shape ().

    Raises ValueError if lists at the same depth differ in length, or if numbers and lists stand side by side.
    """
    raise NotImplementedError("array")


# Level 2 --------------------------------------------------------------------------------------------------------------


def row_major_strides(shape):
    """The strides of an array whose numbers stand in row-major order: (2, 3, 4) gives (12, 4, 1). Sizes are not 0."""
    raise NotImplementedError("row_major_strides")


def broadcast_shapes(*shapes):
    """The shape to which all shapes stretch: aligned at the last axis, missing axes and sizes of 1 give way.

    Raises ValueError if two other sizes differ. A size of 1 gives way to 0 as well.
    """
    raise NotImplementedError("broadcast_shapes")


def einsum(formula, *arrays):
    """Products summed as a formula says: einsum("ik,kj->ij", a, b) is a @ b.

    Before the arrow each array has a letter for each axis, a-z, groups separated by commas; behind it stand the letters
    of the result, in its order. Equal letters move together, also within one array ("ii->i" is the diagonal). Letters
    that are not in the result are summed over. No spaces; the arrow is always there.
    Raises ValueError if the number of groups or letters does not fit, a letter has two sizes, or a letter of the result
    stands there twice or in no array.
    Level 3: without an array of all the products; beyond the result hardly any memory is needed.
    """
    raise NotImplementedError("einsum")
