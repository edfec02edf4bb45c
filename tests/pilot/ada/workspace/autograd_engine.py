"""Ada: levels 1 and 2 are right; the walk is recursive, so a long chain is too much for it."""

import math


class Value:
    def __init__(self, data, _children=(), _op="", label=""):
        self.data = data
        self.grad = 0.0
        self.label = label
        self._prev = _children
        self._op = _op
        self._slopes = ()

    def __repr__(self):
        return f"Value(data={self.data:.4f}, grad={self.grad:.4f})"

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    @staticmethod
    def result(data, op, parents, slopes):
        out = Value(data, parents, op)
        out._slopes = slopes
        return out

    def __add__(self, other):
        other = Value.wrap(other)
        return Value.result(self.data + other.data, "+", (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value.result(self.data * other.data, "*", (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        if isinstance(exponent, Value):
            raise TypeError("the exponent must be a plain number")
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return Value.result(self.data**exponent, "**", (self,), (slope,))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    def __rpow__(self, base):
        y = base**self.data
        return Value.result(y, "rpow", (self,), (y * math.log(base),))

    def relu(self):
        return Value.result(max(0.0, self.data), "relu", (self,), (1.0 if self.data > 0 else 0.0,))

    def tanh(self):
        t = math.tanh(self.data)
        return Value.result(t, "tanh", (self,), (1 - t * t,))

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return Value.result(s, "sigmoid", (self,), (s * (1 - s),))

    def exp(self):
        e = math.exp(self.data)
        return Value.result(e, "exp", (self,), (e,))

    def log(self):
        return Value.result(math.log(self.data), "log", (self,), (1 / self.data,))

    def zero_grad(self):
        self.grad = 0.0

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if id(value) in seen:
                return
            seen.add(id(value))
            for parent in value._prev:
                visit(parent)
            order.append(value)

        visit(self)
        arrived = {id(self): 1.0}
        for value in reversed(order):
            upstream = arrived.get(id(value), 0.0)
            value.grad += upstream
            for parent, slope in zip(value._prev, value._slopes):
                arrived[id(parent)] = arrived.get(id(parent), 0.0) + upstream * slope
