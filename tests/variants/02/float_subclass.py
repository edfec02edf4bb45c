"""Correct, and different: a Value is a float, so values compare and hash by number; the walk goes by identity."""

import math


class Value(float):
    def __new__(cls, data, *parents):
        return super().__new__(cls, data)

    def __init__(self, data, *parents):
        self.data = float(data)
        self.grad = 0
        self.parents = parents  # (parent, local) pairs; a plain number is no parent

    def __add__(self, other):
        return Value(self.data + float(other), *links((self, 1), (other, 1)))

    def __mul__(self, other):
        return Value(self.data * float(other), *links((self, float(other)), (other, self.data)))

    def __sub__(self, other):
        return Value(self.data - float(other), *links((self, 1), (other, -1)))

    def __truediv__(self, other):
        c = float(other)
        return Value(self.data / c, *links((self, 1 / c), (other, -self.data / (c * c))))

    def __pow__(self, other):
        n = float(other)
        locals_ = [(self, n * self.data ** (n - 1))]
        if isinstance(other, Value):
            locals_.append((other, math.log(self.data) * self.data**n))
        return Value(self.data**n, *links(*locals_))

    def __rsub__(self, other):
        return Value(other) - self

    def __rtruediv__(self, other):
        return Value(other) / self

    def __rpow__(self, other):
        return Value(other) ** self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1.0

    def relu(self):
        return self if self.data > 0 else self * 0.0

    def tanh(self):
        t = math.tanh(self)
        return Value(t, (self, 1 - t * t))

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return Value(s, (self, s * (1 - s)))

    def exp(self):
        return Value(math.exp(self), (self, math.exp(self)))

    def log(self):
        return Value(math.log(self), (self, 1 / self.data))

    def backward(self):
        totals, order, seen = {id(self): 1}, [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in reversed(order):
            total = totals.get(id(node), 0)
            node.grad += total
            for parent, local in node.parents:
                totals[id(parent)] = totals.get(id(parent), 0) + local * total

    def zero_grad(self):
        self.grad = 0


def links(*pairs):
    return [(parent, local) for parent, local in pairs if isinstance(parent, Value)]
