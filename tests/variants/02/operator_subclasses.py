"""Correct, and different: each operation is a subclass of Value that knows how to pass its gradient on."""

import math


class Value:
    parents = ()

    def __init__(self, data, label=""):
        self.data, self.grad, self.label = data, 0.0, label

    def pass_on(self):
        """A leaf has nobody to pass a gradient to."""

    def backward(self):
        seen, order = set(), []

        def visit(node):
            if node in seen:
                return
            seen.add(node)
            for parent in reversed(node.parents):
                visit(parent)
            order.append(node)

        visit(self)
        self.grad = 1.0
        while order:
            order.pop().pass_on()

    def zero_grad(self):
        self.grad = 0.0

    def __add__(self, other):
        return Add(self, other)

    def __mul__(self, other):
        return Mul(self, other)

    def __pow__(self, other):
        return Power(self, other) if not isinstance(other, Value) else NotImplemented

    def __neg__(self):
        return Mul(self, -1)

    def __sub__(self, other):
        return Add(self, Mul(lift(other), -1))

    def __truediv__(self, other):
        return Mul(self, Power(lift(other), -1))

    def __radd__(self, other):
        return Add(other, self)

    def __rmul__(self, other):
        return Mul(other, self)

    def __rsub__(self, other):
        return Add(other, Mul(self, -1))

    def __rtruediv__(self, other):
        return Mul(other, Power(self, -1))

    def __rpow__(self, other):
        return Map(self, other**self.data, math.log(other) * other**self.data)

    def relu(self):
        return Map(self, self.data * (self.data > 0), self.data > 0)

    def tanh(self):
        return Map(self, math.tanh(self.data), 1 - math.tanh(self.data) ** 2)

    def sigmoid(self):
        s = math.exp(self.data) / (1 + math.exp(self.data))
        return Map(self, s, s - s * s)

    def exp(self):
        return Map(self, math.exp(self.data), math.exp(self.data))

    def log(self):
        return Map(self, math.log(self.data), 1 / self.data)


def lift(number):
    return number if isinstance(number, Value) else Value(number)


class Add(Value):
    def __init__(self, left, right):
        self.parents = (lift(left), lift(right))
        super().__init__(self.parents[0].data + self.parents[1].data)

    def pass_on(self):
        for parent in self.parents:
            parent.grad += self.grad


class Mul(Value):
    def __init__(self, left, right):
        self.parents = (lift(left), lift(right))
        super().__init__(self.parents[0].data * self.parents[1].data)

    def pass_on(self):
        left, right = self.parents
        left.grad += self.grad * right.data
        right.grad += self.grad * left.data


class Power(Value):
    def __init__(self, base, exponent):
        self.parents, self.exponent = (base,), exponent
        super().__init__(base.data**exponent)

    def pass_on(self):
        self.parents[0].grad += self.grad * self.exponent * self.parents[0].data ** (self.exponent - 1)


class Map(Value):
    def __init__(self, parent, data, local):
        self.parents, self.local = (parent,), local
        super().__init__(data)

    def pass_on(self):
        self.parents[0].grad += self.local * self.grad
