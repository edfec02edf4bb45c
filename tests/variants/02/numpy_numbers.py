"""Correct, and different: NumPy scalars inside, sets of children, closures; a second backward adds everywhere."""

import numpy as np


class Value:
    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to this class

    def __init__(self, data, _children=(), _op=""):
        self.data = np.float64(data)
        self.grad = np.float64(0)
        self._prev = set(_children)
        self._op = _op
        self._backward = lambda: None

    def _result(self, data, *pairs):
        out = Value(data, [parent for parent, _ in pairs])

        def _backward():
            for parent, local in pairs:
                parent.grad += local * out.grad

        out._backward = _backward
        return out

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return self._result(self.data + other.data, (self, 1), (other, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return self._result(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent):
        assert isinstance(exponent, (int, float))
        return self._result(self.data**exponent, (self, exponent * self.data ** (exponent - 1.0)))

    def __rpow__(self, base):
        return self._result(base**self.data, (self, np.log(base) * base**self.data))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * (other if isinstance(other, Value) else Value(other)) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return other + (-self)

    def __rtruediv__(self, other):
        return other * self**-1

    def relu(self):
        return self._result(np.maximum(self.data, 0), (self, np.heaviside(self.data, 0.5)))

    def tanh(self):
        return self._result(np.tanh(self.data), (self, 1 - np.tanh(self.data) ** 2))

    def sigmoid(self):
        s = 1 / (1 + np.exp(-self.data))
        return self._result(s, (self, s * (1 - s)))

    def exp(self):
        return self._result(np.exp(self.data), (self, np.exp(self.data)))

    def log(self):
        return self._result(np.log(self.data), (self, 1 / self.data))

    def backward(self):
        topo, visited = [], set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build(child)
                topo.append(v)

        build(self)
        self.grad = np.float64(1)
        for v in topo[::-1]:
            v._backward()

    def zero_grad(self):
        self.grad = np.float64(0)
