"""Level 2, a table of vjps: a new operation is one entry, and everything else follows from it.

What changed   a rule on arrays says its result and, for each input, the way back; `operation` makes the rest of it.
               Broadcasting is undone in one place, errors are explained in one place, and the walk needs no recursion.
What it buys   the operations of a transformer, for arrays of any shape, in 24 entries of a few lines. Whatever arrives
               is copied, so that no two gradients can share memory.
What it costs  the copies, and patience: everything that was saved, every gradient of every result and every constant
               stays until the walk is over. A gradient that could be one array takes four at the peak.
"""

# ruff: noqa: N805 (a rule's first argument is an array, not self)

import contextlib
import math

import numpy as np

OPERATIONS = {}  # name -> its rule on arrays: the table of vjps
_FREED = ()  # stands for the vjps of a graph that a backward has taken apart
_recording = True  # False inside no_grad


# What turns a rule into an operation, and back again ------------------------------------------------------------------


def operation(rule):
    """The operation on tensors that a rule on arrays defines: rule(*arrays, **options) returns (result, vjps)."""

    name = rule.__name__.strip("_")

    def apply(*inputs, **options):
        try:
            data, vjps = rule(*[x.data if isinstance(x, Tensor) else x for x in inputs], **options)
        except (ValueError, IndexError) as error:
            raise type(error)(_explained(name, inputs, error)) from None
        result = Tensor(data)
        if _recording and any(_wants_gradient(x) for x in inputs):
            result.requires_grad = True
            result._op, result._parents, result._vjps = name, inputs, vjps
        return result

    apply.__name__, apply.__doc__ = rule.__name__, rule.__doc__
    OPERATIONS[name] = rule
    return apply


def _wants_gradient(x):
    return isinstance(x, Tensor) and x.requires_grad


def unbroadcast(gradient, shape):
    """The gradient of an array of this shape that was broadcast: summed over every axis along which it was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))  # axes that were put in front
    repeated = tuple(i for i, size in enumerate(shape) if size == 1)
    return np.asarray(gradient.sum(axis=repeated, keepdims=True))


# The tensor: a box for an array ---------------------------------------------------------------------------------------


class Tensor:
    __array_ufunc__ = None  # array * tensor: NumPy steps aside, and Python asks tensor.__rmul__

    def __init__(self, data, requires_grad=False):
        self.data = _array(data)
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"whole numbers have no slope: {self.data.dtype} cannot require gradients; "
                            "write 2.0 instead of 2, or Tensor(array.astype(float), requires_grad=True)")  # fmt: skip
        self.grad = None
        self.requires_grad = requires_grad
        self._op, self._parents, self._vjps = "", (), None

    def __repr__(self):
        text = np.array2string(self.data, precision=4, separator=", ", prefix="Tensor(")
        return f"Tensor({text}, requires_grad=True)" if self.requires_grad else f"Tensor({text})"

    # fmt: off
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())
    def __len__(self):   return len(self.data)
    def numpy(self):     return self.data
    def detach(self):    return Tensor(self.data)
    def zero_grad(self): self.grad = None
    # fmt: on

    @property
    def _prev(self):
        return tuple(parent for parent in self._parents if isinstance(parent, Tensor))  # for pictures

    def item(self):
        if self.data.size != 1:
            raise ValueError(f"item() is for one number; this tensor has shape {self.shape}. Index it, or reduce it.")
        return self.data.item()

    # Element by element: each result, and for each input the way back -------------------------------------------------

    @operation
    def __add__(a, b):
        return a + b, (lambda g: g, lambda g: g)

    @operation
    def __sub__(a, b):
        return a - b, (lambda g: g, lambda g: -g)

    @operation
    def __mul__(a, b):
        return a * b, (lambda g: g * b, lambda g: g * a)

    @operation
    def __truediv__(a, b):
        quotient = a / b
        return quotient, (lambda g: g / b, lambda g: -g * quotient / b)

    @operation
    def __neg__(a):
        return -a, (lambda g: -g,)

    @operation
    def __pow__(a, n):
        if isinstance(n, np.ndarray):
            raise TypeError("the exponent must be a plain number; for x ** y write (y * x.log()).exp()")
        if n == 0:  # the constant 1, also at 0, where 0 * 0 ** -1 would be nan
            return a**n, (np.zeros_like,)
        return a**n, (lambda g: g * (n * a ** (n - 1)),)

    @operation
    def __rpow__(a, base):
        if isinstance(base, np.ndarray):
            raise TypeError("the base must be a plain number; for x ** y write (y * x.log()).exp()")
        power = base**a
        return power, (lambda g: g * (power * math.log(base)),)

    @operation
    def exp(a):
        e = np.exp(a)
        return e, (lambda g: g * e,)

    @operation
    def log(a):
        return np.log(a), (lambda g: g / a,)

    @operation
    def sqrt(a):
        root = np.sqrt(a)
        return root, (lambda g: g / (2 * root),)

    @operation
    def abs(a):
        return np.abs(a), (lambda g: g * np.sign(a),)

    @operation
    def tanh(a):
        t = np.tanh(a)
        return t, (lambda g: g * (1 - t * t),)

    @operation
    def relu(a):
        r = np.maximum(a, 0)
        return r, (lambda g: g * (r > 0),)

    @operation
    def sigmoid(a):
        e = np.exp(-np.abs(a))  # at most 1: the exponential of a large positive number is never taken
        s = np.where(a >= 0, 1, e) / (1 + e)
        return s, (lambda g: g * (s * (1 - s)),)

    # fmt: off
    __radd__, __rmul__ = __add__, __mul__
    def __rsub__(self, other):     return Tensor.__sub__(other, self)
    def __rtruediv__(self, other): return Tensor.__truediv__(other, self)
    def __rmatmul__(self, other):  return Tensor.__matmul__(other, self)
    # fmt: on

    # Reductions -------------------------------------------------------------------------------------------------------

    @operation
    def sum(a, axis=None, keepdims=False):
        return a.sum(axis=axis, keepdims=keepdims), (lambda g: np.broadcast_to(_kept(g, a.ndim, axis), a.shape),)

    @operation
    def max(a, axis=None, keepdims=False):
        top = a.max(axis=axis, keepdims=True)

        def shared_by_the_largest(g):
            ties = a == top
            return _kept(g, a.ndim, axis) / ties.sum(axis=axis, keepdims=True, dtype=a.dtype) * ties

        return top if keepdims else _dropped(top, axis), (shared_by_the_largest,)

    def mean(self, axis=None, keepdims=False):
        return self.sum(axis, keepdims) / _count(self.shape, axis)

    def var(self, axis=None, keepdims=False):
        centered = self - self.mean(axis, keepdims=True)
        return (centered * centered).mean(axis, keepdims)

    @operation
    def softmax(a, axis=-1):
        p = _softmax(a, axis)
        return p, (lambda g: (g - (g * p).sum(axis=axis, keepdims=True)) * p,)

    @operation
    def log_softmax(a, axis=-1):
        shifted = a - a.max(axis=axis, keepdims=True)
        y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return y, (lambda g: g - np.exp(y) * g.sum(axis=axis, keepdims=True),)

    # Shape: the numbers stay, their places change; the way back puts them where they came from ------------------------

    @operation
    def _reshape(a, shape):
        return a.reshape(shape), (lambda g: g.reshape(a.shape),)

    @operation
    def _transpose(a, axes):
        return a.transpose(axes), (lambda g: g.transpose(np.argsort([axis % a.ndim for axis in axes])),)

    @operation
    def __getitem__(a, key):
        def back_to_its_place(g):
            whole = np.zeros(a.shape, g.dtype)
            np.add.at(whole, key, g)  # an entry that was taken twice receives twice
            return whole

        return a[key], (back_to_its_place,)

    def reshape(self, *shape):
        return self._reshape(shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes):
        axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
        return self._transpose(tuple(axes) or tuple(range(self.ndim))[::-1])

    def swapaxes(self, axis1, axis2):
        axes = list(range(self.ndim))
        axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
        return self._transpose(tuple(axes))

    def masked_fill(self, mask, value):
        return where(mask, value, self)

    # The matrix product -----------------------------------------------------------------------------------------------

    @operation
    def __matmul__(a, b):
        row, column = a.ndim == 1, b.ndim == 1  # NumPy gives a vector an axis, and takes it away afterwards
        left, right = a[None] if row else a, b[:, None] if column else b
        whole = (left @ right).shape

        def back_to_a(g):
            gradient = g.reshape(whole) @ right.swapaxes(-1, -2)
            return gradient[..., 0, :] if row else gradient

        def back_to_b(g):
            gradient = left.swapaxes(-1, -2) @ g.reshape(whole)
            return gradient[..., 0] if column else gradient

        return a @ b, (back_to_a, back_to_b)

    # The way back -----------------------------------------------------------------------------------------------------

    def backward(self, gradient=None, retain_graph=False):
        arrived = {self: _seed(self, gradient)}
        order = _users_first(self)
        for tensor in order:
            upstream, vjps = arrived[tensor], tensor._vjps
            if vjps is None:
                tensor.grad = upstream.copy() if tensor.grad is None else np.asarray(tensor.grad + upstream)
                continue
            together = vjps(upstream) if callable(vjps) else None
            for i, parent in enumerate(tensor._parents):
                if _wants_gradient(parent):
                    gradient = vjps[i](upstream) if together is None else together[i]
                    # A copy: what a vjp returns may be its upstream, a view of it, or what another parent gets as well.
                    gradient = np.array(unbroadcast(np.asarray(gradient), parent.shape), dtype=parent.dtype)
                    arrived[parent] = np.asarray(arrived[parent] + gradient) if parent in arrived else gradient
        if not retain_graph:
            for tensor in order:
                if tensor._vjps is not None:
                    tensor._parents, tensor._vjps = (), _FREED


def _users_first(root):
    """The root and every tensor behind it that wants a gradient, each after all of its users.

    Raises RuntimeError where the graph is gone.
    """
    order, visited, stack = [], set(), [(root, False)]
    while stack:
        tensor, parents_done = stack.pop()
        if parents_done:
            order.append(tensor)
        elif tensor not in visited:
            if tensor._vjps is _FREED:
                raise RuntimeError(
                    f"the graph behind this `{tensor._op}` of shape {tensor.shape} is gone: an earlier backward has "
                    "freed it. Compute the result again, or call the earlier backward with retain_graph=True."
                )
            visited.add(tensor)
            stack.append((tensor, True))  # comes back when its parents are on the list
            stack.extend((parent, False) for parent in tensor._parents if _wants_gradient(parent))
    return order[::-1]


def _seed(tensor, gradient):
    if not tensor.requires_grad:
        raise RuntimeError("nothing in this result requires gradients: make the inputs with requires_grad=True, "
                           "and compute outside of no_grad")  # fmt: skip
    if gradient is None:
        if tensor.data.size != 1:
            raise RuntimeError(f"backward() starts from one number, and this has shape {tensor.shape}: take .sum() or "
                               f".mean() first, or pass gradient=, an array of shape {tensor.shape}")  # fmt: skip
        return np.ones_like(tensor.data)
    gradient = np.asarray(gradient.data if isinstance(gradient, Tensor) else gradient, dtype=tensor.data.dtype)
    if gradient.shape != tensor.data.shape:
        raise ValueError(f"gradient has shape {gradient.shape}, the result has shape {tensor.shape}; they must agree")
    return gradient


# Functions ------------------------------------------------------------------------------------------------------------


@operation
def _where(a, b, condition):
    return np.where(condition, a, b), (lambda g: np.where(condition, g, 0), lambda g: np.where(condition, 0, g))


def where(condition, a, b):
    return _where(a, b, condition=condition.data if isinstance(condition, Tensor) else condition)


@operation
def cross_entropy(logits, labels):
    """The mean over rows of -log softmax(logits)[label]. logits (..., classes), labels (...) of whole numbers."""
    labels, shape = np.asarray(labels), logits.shape
    whole = labels.dtype.kind in "iu" and labels.shape == shape[:-1]
    if not whole or (labels.size and not 0 <= labels.min() <= labels.max() < shape[-1]):  # -1 would be the last class
        raise ValueError(f"labels {labels.shape} of {labels.dtype}; logits {shape} take one for each row, a whole "
                         f"number from 0 to {shape[-1] - 1}")  # fmt: skip
    rows, labels = _rows(logits), labels.reshape(-1)
    every = np.arange(len(rows))
    top = rows.max(axis=-1, keepdims=True)
    p = np.exp(rows - top)
    total = p.sum(axis=-1, keepdims=True)
    loss = (np.log(total) - (rows[every, labels][:, None] - top)).mean()
    p /= total  # one array of this size is made, and kept

    def back_to_logits(g):
        gradient = p * (g / len(every))
        gradient[every, labels] -= g / len(every)
        return gradient.reshape(shape)

    return loss, (back_to_logits,)


class no_grad(contextlib.ContextDecorator):  # noqa: N801 (PyTorch's name)
    """Inside, results do not remember how they were computed. Use it as `with no_grad():` or above a function."""

    def __init__(self):
        self._before = []  # one for each level of nesting: a decorated function may call itself

    def __enter__(self):
        global _recording
        self._before.append(_recording)
        _recording = False

    def __exit__(self, *_):
        global _recording
        _recording = self._before.pop()


# Small helpers --------------------------------------------------------------------------------------------------------


def _array(data):
    try:
        array = np.asarray(data)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a tensor holds numbers in rows of equal length; here is {str(data)[:60]}")
    return array


def _explained(name, inputs, error):
    shapes = " and ".join(str(x.shape) for x in inputs if isinstance(x, (Tensor, np.ndarray)))
    if name == "matmul":
        return (
            f"matmul: shapes {shapes} do not fit: the last axis of the left one must be as long as the second to last "
            "of the right one"
        )
    if "broadcast" in str(error):
        return f"{name}: shapes {shapes} do not fit: counted from the right, two sizes must be equal, or one of them 1"
    return f"{name} of shape {shapes}: {error}"


def _kept(g, ndim, axis):
    """A reduced gradient with the reduced axes back, of length 1."""
    if g.ndim == ndim:
        return g
    return np.expand_dims(g, tuple(range(ndim)) if axis is None else axis)


def _dropped(array, axis):
    return array.reshape(()) if axis is None else np.squeeze(array, axis)


def _count(shape, axis):
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[i] for i in (axis if isinstance(axis, tuple) else (axis,)))


def _softmax(a, axis):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _rows(array):
    return array.reshape(-1, array.shape[-1])
