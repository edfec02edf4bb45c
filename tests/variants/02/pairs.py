"""Correct, and different: each node holds (parent, local derivative) pairs, and an inner function walks recursively."""

import math


class Value:
    def __init__(self, data, pairs=(), label=None):
        self.data = float(data)
        self.grad = 0.0
        self.pairs = list(pairs)
        self.label = label

    def __add__(self, other):
        if not isinstance(other, Value):
            return Value(self.data + other, [(self, 1.0)])
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        if not isinstance(other, Value):
            return Value(self.data * other, [(self, float(other))])
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        assert isinstance(exponent, (int, float)), "only plain numbers"
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def __rpow__(self, base):
        y = base**self.data
        return Value(y, [(self, y * math.log(base))])

    def __neg__(self):
        return Value(-self.data, [(self, -1.0)])

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return (-self) + other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1

    def relu(self):
        return Value(self.data, [(self, 1.0)]) if self.data > 0 else Value(0.0, [(self, 0.0)])

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, [(self, 1 - t**2)])

    def sigmoid(self):
        return 1 / (1 + (-self).exp())

    def exp(self):
        e = math.exp(self.data)
        return Value(e, [(self, e)])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def backward(self, upstream=1.0):
        order, seen = [], set()

        def visit(node):
            if id(node) in seen:
                return
            seen.add(id(node))
            for parent, _ in node.pairs:
                visit(parent)
            order.append(node)

        visit(self)
        self.grad += upstream
        for node in reversed(order):
            for parent, local in node.pairs:
                parent.grad += node.grad * local
        return self.grad

    def zero_grad(self):
        self.grad = 0.0
