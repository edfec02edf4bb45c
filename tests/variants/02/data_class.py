"""Correct, and different: a dataclass with slots, compared by identity; every operation is a table entry."""

import math
from dataclasses import dataclass, field

LOCALS = {
    "+": lambda a, b: (1.0, 1.0),
    "*": lambda a, b: (b, a),
    "-": lambda a, b: (1.0, -1.0),
    "/": lambda a, b: (1 / b, -a / b / b),
    "**": lambda a, n: (n * a ** (n - 1),),
    "r**": lambda a, base: (math.log(base) * base**a,),
    "neg": lambda a: (-1.0,),
    "relu": lambda a: (1.0 if a > 0 else 0.0,),
    "tanh": lambda a: (1 / math.cosh(a) ** 2,),
    "sigmoid": lambda a: (math.exp(-a) / (1 + math.exp(-a)) ** 2,),
    "exp": lambda a: (math.exp(a),),
    "log": lambda a: (1 / a,),
}


@dataclass(eq=False, slots=True)
class Value:
    data: float
    _prev: list = field(default_factory=list, repr=False)
    _op: str = ""
    label: str = ""
    grad: float = 0.0
    extra: tuple = ()

    def _with(self, other, op, data):
        other = other if isinstance(other, Value) else Value(other)
        return Value(data(self.data, other.data), [self, other], op)

    def __add__(self, other):
        return self._with(other, "+", lambda a, b: a + b)

    def __radd__(self, other):
        return Value(other) + self

    def __mul__(self, other):
        return self._with(other, "*", lambda a, b: a * b)

    def __rmul__(self, other):
        return Value(other) * self

    def __sub__(self, other):
        return self._with(other, "-", lambda a, b: a - b)

    def __rsub__(self, other):
        return Value(other) - self

    def __truediv__(self, other):
        return self._with(other, "/", lambda a, b: a / b)

    def __rtruediv__(self, other):
        return Value(other) / self

    def __pow__(self, n):
        if isinstance(n, Value):
            return (n * self.log()).exp()
        return Value(self.data**n, [self], "**", extra=(n,))

    def __rpow__(self, base):
        return Value(base**self.data, [self], "r**", extra=(base,))

    def __neg__(self):
        return Value(-self.data, [self], "neg")

    def relu(self):
        return Value(max(self.data, 0.0), [self], "relu")

    def tanh(self):
        return Value(math.tanh(self.data), [self], "tanh")

    def sigmoid(self):
        return Value(1 / (1 + math.exp(-self.data)), [self], "sigmoid")

    def exp(self):
        return Value(math.exp(self.data), [self], "exp")

    def log(self):
        return Value(math.log(self.data), [self], "log")

    def backward(self):
        order, visited, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in visited:
                visited.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent in node._prev)
        self.grad = 1.0
        for node in reversed(order):
            if node._op:
                local = LOCALS[node._op](*(parent.data for parent in node._prev), *node.extra)
                for parent, slope in zip(node._prev, local, strict=True):
                    parent.grad += slope * node.grad

    def zero_grad(self):
        self.grad = 0.0
