"""Correct, and different: one method matches the name of the operation; data and grad are properties."""

import math


class Value:
    def __init__(self, number, operation=None, *operands):
        self.number, self.gradient = number, 0
        self.operation, self.operands = operation, operands

    @property
    def data(self):
        return self.number

    @data.setter
    def data(self, number):
        self.number = number

    @property
    def grad(self):
        return self.gradient

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.number + other.number, "add", self, other)

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.number * other.number, "mul", self, other)

    def __pow__(self, n):
        if isinstance(n, Value):
            raise NotImplementedError("a Value as exponent")
        return Value(self.number**n, "power", self, n)

    def __neg__(self):
        return Value(-self.number, "negate", self)

    def __sub__(self, other):
        return self + -Value.of(other)

    def __truediv__(self, other):
        return self * Value.of(other) ** -1

    def __radd__(self, other):
        return Value.of(other) + self

    def __rmul__(self, other):
        return Value.of(other) * self

    def __rsub__(self, other):
        return Value.of(other) - self

    def __rtruediv__(self, other):
        return Value.of(other) / self

    def __rpow__(self, base):
        return (self * Value(math.log(base))).exp()

    def relu(self):
        return Value(self.number if self.number > 0 else 0, "relu", self)

    def tanh(self):
        return Value(math.tanh(self.number), "tanh", self)

    def sigmoid(self):
        return Value(1 / (1 + math.exp(-self.number)), "sigmoid", self)

    def exp(self):
        return Value(math.exp(self.number), "exp", self)

    def log(self):
        return Value(math.log(self.number), "log", self)

    @staticmethod
    def of(x):
        return x if isinstance(x, Value) else Value(x)

    def send(self):
        g, y = self.gradient, self.number
        match self.operation, self.operands:
            case "add", (a, b):
                a.gradient += g
                b.gradient += g
            case "mul", (a, b):
                a.gradient += g * b.number
                b.gradient += g * a.number
            case "power", (a, n):
                a.gradient += g * n * a.number ** (n - 1)
            case "negate", (a,):
                a.gradient -= g
            case "relu", (a,):
                a.gradient += g if y > 0 else 0
            case "tanh", (a,):
                a.gradient += g * (1 - y**2)
            case "sigmoid", (a,):
                a.gradient += g * y * (1 - y)
            case "exp", (a,):
                a.gradient += g * y
            case "log", (a,):
                a.gradient += g / a.number

    def backward(self):
        self.gradient = 1
        for node in self.order():
            node.send()

    def order(self):
        seen, postorder, stack = {self}, [], [(self, iter(self.operands))]
        while stack:
            node, rest = stack[-1]
            for operand in rest:
                if isinstance(operand, Value) and operand not in seen:
                    seen.add(operand)
                    stack.append((operand, iter(operand.operands)))
                    break
            else:
                postorder.append(node)
                stack.pop()
        return reversed(postorder)

    def zero_grad(self):
        self.gradient = 0
