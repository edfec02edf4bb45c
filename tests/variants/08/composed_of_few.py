"""Another design: eight operations as classes, everything else composed of them; gradients wait on the results, and a
result has its turn when the last of its users has served it."""

import contextlib
import math

import numpy as np

remember = [True]


class Tensor:
    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False, made_by=None):
        self.data = np.array(data) if not isinstance(data, np.ndarray) else data
        if self.data.dtype == object:
            raise TypeError("numbers, please")
        if requires_grad and not np.issubdtype(self.data.dtype, np.floating):
            raise TypeError("only floats have slopes")
        self.requires_grad, self.grad = bool(requires_grad), None
        self.made_by, self.waiting, self.done = made_by, [], False

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())

    def item(self):
        return self.data.item()

    def numpy(self):
        return self.data

    def detach(self):
        return Tensor(self.data)

    def zero_grad(self):
        self.grad = None

    def __add__(self, other):
        return Add.of(self, other)

    def __mul__(self, other):
        return Mul.of(self, other)

    def __matmul__(self, other):
        return MatMul.of(self, other)

    def __rmatmul__(self, other):
        return MatMul.of(other, self)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other if isinstance(other, Tensor) else -np.asarray(other) if np.ndim(other) else -other)

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __pow__(self, n):
        if not isinstance(n, (int, float)):
            raise TypeError("a plain number")
        return Map.of(self, f=lambda a: a**n, slope=lambda a: n * a ** (n - 1) if n else 0 * a)

    def __rpow__(self, base):
        return (self * math.log(base)).exp()

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Tensor) else 1 / np.asarray(other, dtype=self.dtype))

    def __rtruediv__(self, other):
        return self**-1 * other

    def exp(self):
        return Map.of(self, f=np.exp, slope=np.exp)

    def log(self):
        return Map.of(self, f=np.log, slope=lambda a: 1 / a)

    def sqrt(self):
        return self**0.5

    def tanh(self):
        return Map.of(self, f=np.tanh, slope=lambda a: 1 - np.tanh(a) ** 2)

    def sigmoid(self):
        return (self * 0.5).tanh() * 0.5 + 0.5

    def abs(self):
        return self * np.sign(self.data)

    def relu(self):
        return self * (self.data > 0)

    def sum(self, axis=None, keepdims=False):
        return Sum.of(self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        total = self.sum(axis, keepdims)
        return total * (max(1, total.data.size) / max(1, self.data.size))

    def var(self, axis=None, keepdims=False):
        return ((self - self.mean(axis, True)) ** 2).mean(axis, keepdims)

    def max(self, axis=None, keepdims=False):
        largest = self.data == self.data.max(axis=axis, keepdims=True)
        share = largest / largest.sum(axis=axis, keepdims=True, dtype=self.dtype)
        return (self * share.astype(self.dtype)).sum(axis, keepdims)

    def softmax(self, axis=-1):
        return self.log_softmax(axis).exp()

    def log_softmax(self, axis=-1):
        shifted = self - self.data.max(axis=axis, keepdims=True)
        return shifted - shifted.exp().sum(axis, True).log()

    def masked_fill(self, mask, value):
        return where(mask, value, self)

    def reshape(self, *shape):
        return Rearranged.of(self, how=lambda a: a.reshape(*shape))

    def transpose(self, *axes):
        return Rearranged.of(self, how=lambda a: a.transpose(*axes))

    def swapaxes(self, first, second):
        return Rearranged.of(self, how=lambda a: a.swapaxes(first, second))

    def __getitem__(self, key):
        return Rearranged.of(self, how=lambda a: a[key])

    def backward(self, gradient=None, retain_graph=False):
        if not self.requires_grad:
            raise RuntimeError("nothing requires gradients")
        if gradient is None:
            if self.data.size != 1:
                raise RuntimeError(f"several numbers, of shape {self.shape}")
            gradient = np.ones(self.shape)
        if np.shape(gradient) != self.shape:
            raise ValueError(f"a gradient of shape {np.shape(gradient)} for {self.shape}")
        users, stack, known = {}, [self], [self]
        while stack:
            result = stack.pop()
            if result.done:
                raise RuntimeError("walked already")
            for parent in result.parents():
                if parent not in users:
                    stack.append(parent)
                    known.append(parent)
                users[parent] = users.get(parent, 0) + 1
        self.waiting = [np.array(gradient, dtype=self.dtype)]
        ready = [self]
        while ready:
            result = ready.pop()
            upstream, result.waiting = sum(result.waiting, np.zeros(result.shape, result.dtype)), []
            if result.made_by is None:
                result.grad = upstream + (0 if result.grad is None else result.grad)
                result.grad = np.array(result.grad)
                continue
            for parent, share in result.made_by.shares(np.asarray(upstream)):
                parent.waiting.append(unbroadcast(np.asarray(share), parent.shape).astype(parent.dtype))
                users[parent] -= 1
                if not users[parent]:
                    ready.append(parent)
        if not retain_graph:
            for result in known:
                result.done, result.made_by = result.made_by is not None, None

    def parents(self):
        return [x for x in self.made_by.inputs if wants(x)] if self.made_by else []


def wants(x):
    return isinstance(x, Tensor) and x.requires_grad


def raw(x):
    return x.data if isinstance(x, Tensor) else x


def unbroadcast(gradient, shape):
    while gradient.ndim > len(shape):
        gradient = gradient.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient


class Operation:
    """A class for each operation; an instance for each result, which keeps the inputs."""

    def __init__(self, inputs, options):
        self.inputs = inputs
        self.__dict__.update(options)

    @classmethod
    def of(cls, *inputs, **options):
        made_by = cls(inputs, options)
        try:
            data = np.asarray(made_by.forward(*map(raw, inputs)))
        except (ValueError, IndexError) as error:
            kind = IndexError if isinstance(error, IndexError) else ValueError
            raise kind(
                f"{cls.__name__} of shapes {[x.shape for x in inputs if hasattr(x, 'shape')]}: {error}"
            ) from error
        linked = remember[-1] and any(map(wants, inputs))
        return Tensor(data, linked, made_by if linked else None)

    def shares(self, g):
        gradients = self.backward(g, *map(raw, self.inputs))
        return [(x, gradients[i]) for i, x in enumerate(self.inputs) if wants(x)]


class Add(Operation):
    def forward(self, a, b):
        return a + b

    def backward(self, g, a, b):
        return g, g


class Mul(Operation):
    def forward(self, a, b):
        return a * b

    def backward(self, g, a, b):
        return g * b, g * a


class Map(Operation):
    def forward(self, a):
        return self.f(a)

    def backward(self, g, a):
        return (g * self.slope(a),)


class Sum(Operation):
    def forward(self, a):
        return a.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, g, a):
        kept = a.sum(axis=self.axis, keepdims=True).shape
        return (np.ones(a.shape, a.dtype) * g.reshape(kept),)


class Rearranged(Operation):
    def forward(self, a):
        return self.how(a)

    def backward(self, g, a):
        places = self.how(np.arange(a.size).reshape(a.shape))
        return (np.bincount(np.ravel(places), np.ravel(g), a.size).reshape(a.shape),)


class Where(Operation):
    def forward(self, a, b):
        return np.where(self.condition, a, b)

    def backward(self, g, a, b):
        return g * self.condition, g * ~np.asarray(self.condition)


class MatMul(Operation):
    def forward(self, a, b):
        return np.matmul(a, b)

    def backward(self, g, a, b):
        if a.ndim == 1 and b.ndim == 1:
            return g * b, g * a
        if a.ndim == 1:
            return (b * g[..., None, :]).sum(axis=-1), a[:, None] * g[..., None, :]
        if b.ndim == 1:
            return g[..., None] * b, (a * g[..., None]).reshape(-1, b.size).sum(axis=0)
        return np.einsum("...im,...km->...ik", g, b), np.einsum("...ik,...im->...km", a, g)


class OfRule(Operation):
    def forward(self, *arrays):
        data, self.vjps = self.rule(*arrays, **self.options)
        return data

    def backward(self, g, *arrays):
        if callable(self.vjps):
            return self.vjps(g)
        return [vjp(g) if wants(x) else None for vjp, x in zip(self.vjps, self.inputs, strict=False)]


def operation(rule):
    return lambda *inputs, **options: OfRule.of(*inputs, rule=rule, options=options)


def where(condition, a, b):
    return Where.of(a, b, condition=raw(condition))


def cross_entropy(logits, labels):
    labels, classes = np.asarray(raw(labels)), logits.shape[-1]
    if labels.shape != logits.shape[:-1] or labels.dtype.kind != "i" or np.any((labels < 0) | (labels >= classes)):
        raise ValueError("labels")
    rows = logits.log_softmax().reshape(-1, classes)
    return -rows[np.arange(labels.size), labels.reshape(-1)].mean()


@contextlib.contextmanager
def no_grad():
    remember.append(False)
    try:
        yield
    finally:
        remember.pop()
