"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 08` copies this file to `workspace/tensor_autograd.py`. You work there. Nothing in it is ever
overwritten.

Judged are the names below, and the attributes `.data` and `.grad`, which are NumPy arrays (`.grad` is None until
something has arrived), `.shape`, `.dtype` and `.requires_grad`. How a tensor remembers its inputs is your own design.

Words used: a *leaf* is a tensor that no operation has made. The *parents* of a result are the tensors it was computed
from. The *upstream* gradient of a result has the result's shape: for each entry, how much the output moves when this
entry moves. A *vjp* takes the upstream gradient of a result and returns the gradient of one parent.
"""

import numpy as np


def operation(rule):
    """Level 2. The operation on tensors that a rule on arrays defines; adding one touches nothing else.

    rule(*arrays, **options) returns (result, vjps): the result as an array, and for each input that may want a gradient
    a vjp, in order. A vjp takes the upstream gradient, of the shape of the result, and returns the gradient of its
    input, which may still have to be unbroadcast; that, the engine does. It never changes its upstream, and may return
    it as it is, or a view of it. Where all inputs share their work, `vjps` is one function that returns all gradients
    as a tuple.

    The operation is a function. Its positional inputs are tensors, arrays or plain numbers; only tensors that require
    gradients get one. Its keyword options are handed to the rule as they are. A ValueError or IndexError of the rule
    comes out as such; its message holds the rule's own words, and the operation's name or the shapes of the inputs.
    """
    raise NotImplementedError("operation")


def unbroadcast(gradient, shape):
    """Level 2. The gradient of an array of this shape that was broadcast to the shape of `gradient`.

    It is summed over every axis along which the array was repeated, and has exactly this shape.
    """
    raise NotImplementedError("unbroadcast")


class Tensor:
    """A NumPy array that remembers how it was computed, so that gradients can flow back to the leaves."""

    def __init__(self, data, requires_grad=False):
        # Level 1. Keep an array of floats as self.data, start with self.grad = None, and keep self.requires_grad.
        # Level 2. The dtype stays: float32 stays float32, whole numbers and booleans stay what they are; with
        # requires_grad=True whole numbers raise TypeError. The result of an operation requires gradients if one of its
        # parents does.
        raise NotImplementedError("Tensor.__init__")

    # Given ------------------------------------------------------------------------------------------------------------

    def __repr__(self):
        return f"Tensor({np.array2string(self.data, precision=4, separator=', ', prefix='Tensor(')})"

    # fmt: off
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())
    __array_ufunc__ = None  # array * tensor: NumPy steps aside, and Python asks tensor.__rmul__
    def __len__(self):             return len(self.data)
    def numpy(self):               return self.data
    def detach(self):              return Tensor(self.data)
    def item(self):                return self.data.item()
    def __radd__(self, other):     return self + other
    def __rmul__(self, other):     return self * other
    def __rsub__(self, other):     return Tensor.__sub__(other, self)
    def __rtruediv__(self, other): return Tensor.__truediv__(other, self)
    def __rmatmul__(self, other):  return Tensor.__matmul__(other, self)
    # fmt: on

    # Level 1: + and * entry by entry, a sum, and the way back ---------------------------------------------------------

    def __add__(self, other):
        """self + other. Level 1: two tensors of one shape. Level 2: also plain numbers, arrays, and broadcasting."""
        raise NotImplementedError("Tensor.__add__")

    def __mul__(self, other):
        """self * other, entry by entry. Level 1: two tensors of one shape. Level 2: as for `+`."""
        raise NotImplementedError("Tensor.__mul__")

    def sum(self, axis=None, keepdims=False):
        """The sum over all entries, a tensor of shape ().

        Level 2: over an axis, which may be negative, or a tuple of axes; keepdims=True keeps a summed axis as length 1.
        """
        raise NotImplementedError("Tensor.sum")

    def backward(self, gradient=None, retain_graph=False):
        """Add d(self)/d(leaf) to leaf.grad, for every leaf that requires gradients and led to self.

        Level 1: self holds one number. What a second call on the same graph does is not asked.

        Level 2: `gradient`, an array of self's shape, is where the walk starts; without it, self must hold one number.
        Any depth, under Python's own recursion limit. No two gradients share memory, and none shares it with an input,
        with `gradient` or with anything that is used later; all of these keep their numbers. A gradient has the dtype
        of its tensor. Afterwards the graph is gone, unless retain_graph=True; then each call adds the same once more.
        Raises RuntimeError if the graph is gone, if nothing requires gradients, or if self holds several numbers and
        there is no `gradient`; ValueError if `gradient` has another shape. The message names the shapes.

        Level 3: nothing is copied without need. A gradient that nobody else can see is taken as it is, and added to in
        place; what an operation has saved is let go as soon as the walk has passed it.
        """
        raise NotImplementedError("Tensor.backward")

    def zero_grad(self):
        """Set grad back to None."""
        raise NotImplementedError("Tensor.zero_grad")

    # Level 2: entry by entry. `other` is a tensor, an array or a plain number -----------------------------------------

    def __sub__(self, other):
        """self - other."""
        raise NotImplementedError("Tensor.__sub__")

    def __truediv__(self, other):
        """self / other."""
        raise NotImplementedError("Tensor.__truediv__")

    def __neg__(self):
        """-self."""
        raise NotImplementedError("Tensor.__neg__")

    def __pow__(self, exponent):
        """self ** exponent for a plain number; anything else raises TypeError. The slope of x ** 0 is 0, also at 0."""
        raise NotImplementedError("Tensor.__pow__")

    def __rpow__(self, base):
        """base ** self for a plain number base > 0."""
        raise NotImplementedError("Tensor.__rpow__")

    def exp(self):
        """e ** self."""
        raise NotImplementedError("Tensor.exp")

    def log(self):
        """Natural logarithm."""
        raise NotImplementedError("Tensor.log")

    def sqrt(self):
        """Square root."""
        raise NotImplementedError("Tensor.sqrt")

    def abs(self):
        """Distance from 0; its slope at 0 is 0."""
        raise NotImplementedError("Tensor.abs")

    def tanh(self):
        """Hyperbolic tangent."""
        raise NotImplementedError("Tensor.tanh")

    def relu(self):
        """max(0, self); its slope at 0 is 0."""
        raise NotImplementedError("Tensor.relu")

    def sigmoid(self):
        """1 / (1 + exp(-self)), without overflow, whatever the size of self."""
        raise NotImplementedError("Tensor.sigmoid")

    # Level 2: reductions. axis and keepdims as in `sum` ---------------------------------------------------------------

    def mean(self, axis=None, keepdims=False):
        """The mean over all entries, or over axes."""
        raise NotImplementedError("Tensor.mean")

    def max(self, axis=None, keepdims=False):
        """The largest entry. Several largest share the gradient in equal parts (as torch.amax)."""
        raise NotImplementedError("Tensor.max")

    def var(self, axis=None, keepdims=False):
        """The mean of the squared distances from the mean: divided by n, as in NumPy (torch.var divides by n - 1)."""
        raise NotImplementedError("Tensor.var")

    # Level 2: products and places -------------------------------------------------------------------------------------

    def __matmul__(self, other):
        """self @ other, as in NumPy: matrices, vectors on either side, stacks of matrices that broadcast."""
        raise NotImplementedError("Tensor.__matmul__")

    def reshape(self, *shape):
        """The same entries in another shape: reshape(2, 3), reshape((2, 3)), reshape(-1)."""
        raise NotImplementedError("Tensor.reshape")

    def transpose(self, *axes):
        """The axes in another order: transpose(2, 0, 1), transpose((2, 0, 1)); all in reverse without arguments.

        Negative axes count from the end.
        (torch calls this permute.)
        """
        raise NotImplementedError("Tensor.transpose")

    def swapaxes(self, axis1, axis2):
        """Two axes exchanged; negative ones count from the end."""
        raise NotImplementedError("Tensor.swapaxes")

    def __getitem__(self, key):
        """self[key] for all keys of NumPy: numbers, slices, ..., None, lists, arrays of numbers or of booleans.

        An entry that is taken twice gathers both gradients.
        """
        raise NotImplementedError("Tensor.__getitem__")

    def masked_fill(self, mask, value):
        """A plain number where the mask is true, else self. The mask is an array of booleans, and broadcasts."""
        raise NotImplementedError("Tensor.masked_fill")

    def softmax(self, axis=-1):
        """exp(self), divided by its sum over an axis. Without overflow, whatever the size of self."""
        raise NotImplementedError("Tensor.softmax")

    def log_softmax(self, axis=-1):
        """The logarithm of softmax. Finite for every finite self, whatever its size."""
        raise NotImplementedError("Tensor.log_softmax")


def where(condition, a, b):
    """Level 2. Entries of a where the condition (an array of booleans) is true, else of b; the three broadcast."""
    raise NotImplementedError("where")


def cross_entropy(logits, labels):
    """Level 2. The mean over all rows of -log softmax(logits)[label], one number, in one operation.

    logits (..., classes), labels (...) whole numbers from 0 to classes - 1; anything else raises ValueError.
    """
    raise NotImplementedError("cross_entropy")


class no_grad:  # noqa: N801
    """Level 2. `with no_grad():` inside, results require no gradients and remember nothing. It may be nested."""

    def __init__(self):
        raise NotImplementedError("no_grad")


class detect_changes:  # noqa: N801
    """Level 3. `with detect_changes():` guards what operations save.

    A result that is computed inside takes a checksum of every array that is saved for backward. If one of them has
    been changed in place when backward comes to it, RuntimeError is raised; its message names the operation (such as
    exp, mul, or a rule's own name) and the shape of the array. A change of an array that is not needed is no mistake.
    """

    def __init__(self):
        raise NotImplementedError("detect_changes")
