"""Correct, and different: nothing is pushed down; each node asks its users for what they pass on, with a memory."""

import math
from functools import partial


class Value:
    def __init__(self, data, _children=(), _op="", label=""):
        self.data, self.grad, self._children = data, 0.0, tuple(_children)

    def _links(self, users):
        """Note the users of every node below this one, each node once."""
        for child, local in self._children:
            fresh = child not in users
            users.setdefault(child, []).append((self, local))
            if fresh:
                child._links(users)

    def backward(self):
        users = {}
        self._links(users)
        gradients = {self: 1.0}

        def gradient(node):
            if node not in gradients:
                gradients[node] = math.fsum(gradient(user) * local for user, local in users[node])
            return gradients[node]

        for node in (self, *users):
            node.grad += gradient(node)

    def zero_grad(self):
        self.grad = 0.0

    def __add__(self, other):
        return _join(self, other, lambda a, b: (a + b, 1.0, 1.0))

    def __radd__(self, other):
        return _join(other, self, lambda a, b: (a + b, 1.0, 1.0))

    def __sub__(self, other):
        return _join(self, other, lambda a, b: (a - b, 1.0, -1.0))

    def __rsub__(self, other):
        return _join(other, self, lambda a, b: (a - b, 1.0, -1.0))

    def __mul__(self, other):
        return _join(self, other, lambda a, b: (a * b, b, a))

    def __rmul__(self, other):
        return _join(other, self, lambda a, b: (a * b, b, a))

    def __truediv__(self, other):
        return _join(self, other, lambda a, b: (a / b, 1 / b, -a / b**2))

    def __rtruediv__(self, other):
        return _join(other, self, lambda a, b: (a / b, 1 / b, -a / b**2))

    def __pow__(self, n):
        if isinstance(n, Value):
            return NotImplemented
        return Value(self.data**n, [(self, n * self.data ** (n - 1))])

    def __rpow__(self, base):
        return Value(base**self.data, [(self, math.log(base) * base**self.data)])

    def __neg__(self):
        return Value(-self.data, [(self, -1.0)])

    def __getattr__(self, name):
        if name not in FUNCTIONS:
            raise AttributeError(name)
        return partial(_apply, self, *FUNCTIONS[name])


def _sigmoid(x):
    return 1 / (1 + math.exp(-x))


FUNCTIONS = {
    "relu": (lambda x: max(x, 0.0), lambda x, y: float(x > 0)),
    "tanh": (math.tanh, lambda x, y: 1 - y * y),
    "sigmoid": (_sigmoid, lambda x, y: y * (1 - y)),
    "exp": (math.exp, lambda x, y: y),
    "log": (math.log, lambda x, y: 1 / x),
}


def _apply(value, function, local):
    result = function(value.data)
    return Value(result, [(value, local(value.data, result))])


def _join(left, right, rule):
    a = left.data if isinstance(left, Value) else left
    b = right.data if isinstance(right, Value) else right
    data, to_left, to_right = rule(a, b)
    links = [(left, to_left), (right, to_right)]
    return Value(data, [(parent, local) for parent, local in links if isinstance(parent, Value)])
