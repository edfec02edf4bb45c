"""Correct, and different: users are counted first; a node passes on when all of them have delivered."""

import math


class Value:
    __slots__ = ("data", "grad", "sources")

    def __init__(self, data, *sources):
        self.data, self.grad, self.sources = data, 0.0, sources  # sources: (node, local) pairs

    def backward(self):
        waiting_for, found = {self: 0}, [self]
        for node in found:
            for source, _ in node.sources:
                if source not in waiting_for:
                    waiting_for[source] = 0
                    found.append(source)
                waiting_for[source] += 1
        totals, ready = dict.fromkeys(found, 0.0), [self]
        totals[self] = 1.0
        while ready:
            node = ready.pop()
            node.grad += totals[node]
            for source, local in node.sources:
                totals[source] += local * totals[node]
                waiting_for[source] -= 1
                if not waiting_for[source]:
                    ready.append(source)

    def zero_grad(self):
        self.grad = 0.0

    def __add__(self, other):
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, 1.0), (other, 1.0))
        return Value(self.data + other, (self, 1.0))

    def __mul__(self, other):
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other.data), (other, self.data))
        return Value(self.data * other, (self, other))

    def __pow__(self, other):
        if isinstance(other, Value):
            y = self.data**other.data
            return Value(y, (self, other.data * y / self.data), (other, y * math.log(self.data)))
        return Value(self.data**other, (self, other * self.data ** (other - 1)))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, other):
        return self * -1 + other

    def __truediv__(self, other):
        return self * (1 / other)

    def __rtruediv__(self, other):
        return Value(other / self.data, (self, -other / self.data**2))

    __radd__, __rmul__ = __add__, __mul__

    def __rpow__(self, other):
        return (self * math.log(other)).exp()

    def relu(self):
        return Value(max(self.data, 0), (self, 1 if self.data > 0 else 0))

    def tanh(self):
        return 2 * (2 * self).sigmoid() - 1

    def sigmoid(self):
        return 1 / ((-self).exp() + 1)

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self, e))

    def log(self):
        return Value(math.log(self.data), (self, 1 / self.data))
