"""Correct, and different: one method matches on the operation's name, and gradients stand in a table meanwhile."""

import math


class Value:
    __slots__ = ("data", "grad", "op", "args")

    def __init__(self, data, op="leaf", args=()):
        self.data = data
        self.grad = 0.0
        self.op = op
        self.args = args

    def __add__(self, other):
        other = wrap(other)
        return Value(self.data + other.data, "add", (self, other))

    def __mul__(self, other):
        other = wrap(other)
        return Value(self.data * other.data, "mul", (self, other))

    def __truediv__(self, other):
        other = wrap(other)
        return Value(self.data / other.data, "div", (self, other))

    def __sub__(self, other):
        other = wrap(other)
        return Value(self.data - other.data, "sub", (self, other))

    def __pow__(self, k):
        if isinstance(k, Value):
            raise TypeError("plain exponent")
        out = Value(self.data**k, "pow", (self, Value(k)))
        return out

    def __rpow__(self, base):
        return Value(base**self.data, "rpow", (Value(base), self))

    def __neg__(self):
        return Value(-self.data, "neg", (self,))

    def __radd__(self, other):
        return wrap(other) + self

    def __rmul__(self, other):
        return wrap(other) * self

    def __rsub__(self, other):
        return wrap(other) - self

    def __rtruediv__(self, other):
        return wrap(other) / self

    def relu(self):
        return Value(max(self.data, 0.0), "relu", (self,))

    def tanh(self):
        return Value(math.tanh(self.data), "tanh", (self,))

    def sigmoid(self):
        return Value(1 / (1 + math.exp(-self.data)), "sigmoid", (self,))

    def exp(self):
        return Value(math.exp(self.data), "exp", (self,))

    def log(self):
        return Value(math.log(self.data), "log", (self,))

    def pull(self, u):
        y, x = self.data, [a.data for a in self.args]
        match self.op:
            case "add":
                return u, u
            case "mul":
                return u * x[1], u * x[0]
            case "div":
                return u / x[1], -u * x[0] / x[1] ** 2
            case "sub":
                return u, -u
            case "pow":
                return (u * x[1] * x[0] ** (x[1] - 1) if x[1] else 0.0), 0.0
            case "rpow":
                return 0.0, u * y * math.log(x[0])
            case "neg":
                return (-u,)
            case "relu":
                return (u if x[0] > 0 else 0.0,)
            case "tanh":
                return (u * (1 - y * y),)
            case "sigmoid":
                return (u * y * (1 - y),)
            case "exp":
                return (u * y,)
            case "log":
                return (u / x[0],)
        return ()

    def backward(self):
        order, state, stack = [], {}, [(self, False)]
        while stack:
            v, done = stack.pop()
            if done:
                order.append(v)
            elif id(v) not in state:
                state[id(v)] = v
                stack.append((v, True))
                stack.extend((a, False) for a in v.args)
        adjoint = {id(v): 0.0 for v in order}
        adjoint[id(self)] = 1.0
        for v in order[::-1]:
            for a, g in zip(v.args, v.pull(adjoint[id(v)])):
                adjoint[id(a)] += g
        for v in order:
            v.grad += adjoint[id(v)]

    def zero_grad(self):
        self.grad = 0.0


def wrap(x):
    return x if isinstance(x, Value) else Value(x)
