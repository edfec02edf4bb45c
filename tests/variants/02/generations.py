"""Correct, and different: a heap serves the youngest generation first; no list is sorted before."""

import heapq
import math
from itertools import count

tie = count()


class Value:
    def __init__(self, value, inputs=(), rule=None):
        self.data = value
        self.grad = 0.0
        self.inputs = inputs
        self.rule = rule  # upstream -> one gradient for each input
        self.generation = 1 + max((x.generation for x in inputs), default=-1)

    def backward(self):
        self.grad = 1.0
        waiting, known = [(-self.generation, next(tie), self)], {id(self)}
        while waiting:
            _, _, node = heapq.heappop(waiting)
            if node.rule is None:
                continue
            for parent, gradient in zip(node.inputs, node.rule(node.grad), strict=True):
                parent.grad = parent.grad + gradient
                if id(parent) not in known:
                    known.add(id(parent))
                    heapq.heappush(waiting, (-parent.generation, next(tie), parent))

    def zero_grad(self):
        self.grad = 0.0

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), lambda g: (g, g))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), lambda g: (g * other.data, g * self.data))

    def __neg__(self):
        return Value(-self.data, (self,), lambda g: (-g,))

    def __sub__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data - other.data, (self, other), lambda g: (g, -g))

    def __truediv__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        y = self.data / other.data
        return Value(y, (self, other), lambda g: (g / other.data, -g * y / other.data))

    def __pow__(self, n):
        if isinstance(n, Value):
            raise TypeError("exponents are plain numbers")
        return Value(self.data**n, (self,), lambda g: (g * n * self.data ** (n - 1),))

    def __radd__(self, other):
        return Value(other) + self

    def __rmul__(self, other):
        return Value(other) * self

    def __rsub__(self, other):
        return Value(other) - self

    def __rtruediv__(self, other):
        return Value(other) / self

    def __rpow__(self, base):
        y = base**self.data
        return Value(y, (self,), lambda g: (g * y * math.log(base),))

    def relu(self):
        return Value(0 if self.data < 0 else self.data, (self,), lambda g: (g if self.data >= 0 else 0,))

    def tanh(self):
        y = math.tanh(self.data)
        return Value(y, (self,), lambda g: (g * (1 + y) * (1 - y),))

    def sigmoid(self):
        y = 0.5 * (1 + math.tanh(self.data / 2))
        return Value(y, (self,), lambda g: (g * y * (1 - y),))

    def exp(self):
        y = math.exp(self.data)
        return Value(y, (self,), lambda g: (g * y,))

    def log(self):
        return Value(math.log(self.data), (self,), lambda g: (g / self.data,))
