"""Correct, and different: one tape of all results in the order of their birth; no node knows its parents."""

import math
import sys

TAPE = []  # (result, ((parent, local), ...)); a result always stands after its parents


class Value:
    def __init__(self, data):
        self.data, self.grad, self.position, self.oldest = data, 0, -1, sys.maxsize

    def __add__(self, other):
        other = wrap(other)
        return record(self.data + other.data, (self, 1), (other, 1))

    def __mul__(self, other):
        other = wrap(other)
        return record(self.data * other.data, (self, other.data), (other, self.data))

    def __sub__(self, other):
        other = wrap(other)
        return record(self.data - other.data, (self, 1), (other, -1))

    def __truediv__(self, other):
        other = wrap(other)
        return record(self.data / other.data, (self, 1 / other.data), (other, -self.data / other.data**2))

    def __pow__(self, exponent):
        if isinstance(exponent, Value):
            raise NotImplementedError("a Value as exponent")
        return record(self.data**exponent, (self, exponent * self.data ** (exponent - 1)))

    def __neg__(self):
        return record(-self.data, (self, -1))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return wrap(other) - self

    def __rtruediv__(self, other):
        return wrap(other) / self

    def __rpow__(self, base):
        return record(base**self.data, (self, math.log(base) * base**self.data))

    def relu(self):
        return record(max(0, self.data), (self, int(self.data >= 0)))

    def tanh(self):
        e = math.exp(2 * self.data)
        return record((e - 1) / (e + 1), (self, 4 * e / (e + 1) ** 2))

    def sigmoid(self):
        s = 1 / (1 + math.exp(-self.data))
        return record(s, (self, s * (1 - s)))

    def exp(self):
        return record(math.e**self.data, (self, math.e**self.data))

    def log(self):
        return record(math.log(self.data), (self, self.data**-1))

    def backward(self):
        arriving = {id(self): 1}
        for result, parents in reversed(TAPE[self.oldest : self.position + 1]):
            upstream = arriving.pop(id(result), 0)
            result.grad += upstream
            for parent, local in parents:
                arriving[id(parent)] = arriving.get(id(parent), 0) + local * upstream
                if parent.position < 0:
                    parent.grad += local * upstream
        if self.position < 0:
            self.grad += 1

    def zero_grad(self):
        self.grad = 0


def wrap(number):
    return number if isinstance(number, Value) else Value(number)


def record(data, *parents):
    result = Value(data)
    result.position = len(TAPE)
    result.oldest = min(result.position, *(parent.oldest for parent, _ in parents))  # its graph begins there
    TAPE.append((result, parents))
    return result
