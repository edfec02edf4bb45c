"""The solution of level 3, with another first line."""


import math

_blank = object.__new__  # an object whose slots are still empty: results skip __init__, which would double their cost


class Value:
    # Slots instead of a dictionary and a closure. Parents never refer back to their users, so no cycle can arise, and
    # counting references is enough to free a graph.
    __slots__ = ("_local1", "_local2", "_op", "_parent1", "_parent2", "data", "grad", "label")
    __array_ufunc__ = None  # np.float64(2) * x: NumPy steps aside, and Python asks x.__rmul__

    def __init__(self, data, _children=(), _op="", label=""):
        self.data = float(data)  # a NumPy scalar would turn all that is computed from it into slower NumPy scalars
        self.grad = 0.0
        self._parent1 = self._parent2 = None
        self._local1 = self._local2 = 0.0
        self._op = _op
        self.label = label
        if _children:
            self._parent1, self._parent2 = _children if len(_children) == 2 else (*_children, None)
            self._local1 = self._local2 = math.nan  # nobody has said what they are; better nan than a wrong number

    def __repr__(self):
        return f"Value(data={self.data:.4f}, grad={self.grad:.4f})"

    # Every operation: its value, and for each parent the local derivative, computed now ------------------------------

    def __add__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        # + and * write out what _result does: saving that call makes an epoch of training a sixth shorter.
        result = _blank(Value)
        result.data, result.grad = self.data + other.data, 0.0
        result._parent1, result._local1 = self, 1.0
        result._parent2, result._local2 = other, 1.0
        result._op, result.label = "+", ""
        return result

    def __mul__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        result = _blank(Value)
        result.data, result.grad = self.data * other.data, 0.0
        result._parent1, result._local1 = self, other.data
        result._parent2, result._local2 = other, self.data
        result._op, result.label = "*", ""
        return result

    def __sub__(self, other):
        other = _as_value(other)
        return _result("-", self.data - other.data, self, 1.0, other, -1.0)

    def __truediv__(self, other):
        other = _as_value(other)
        quotient = self.data / other.data
        return _result("/", quotient, self, 1.0 / other.data, other, -quotient / other.data)

    def __pow__(self, exponent):
        try:
            n = float(exponent)
        except (TypeError, ValueError):
            raise TypeError("the exponent must be a plain number; write (y * x.log()).exp() for x ** y") from None
        power = self.data**n
        if isinstance(power, complex):
            raise ValueError(f"{self.data} ** {exponent} is not a real number")
        if n == 0:
            local = 0.0  # the constant 1, also at x = 0, where 0 * x**-1 would divide by zero
        elif self.data == 0 and n < 1:
            local = math.inf  # a root starts vertically; PyTorch says inf as well
        else:
            local = n * self.data ** (n - 1)
        return _result(f"**{exponent}", power, self, local)

    def __rpow__(self, base):
        slope = math.log(base)
        power = float(base) ** self.data
        return _result(f"{base}**", power, self, slope * power)

    def __neg__(self):
        return _result("neg", -self.data, self, -1.0)

    def relu(self):
        off = self.data <= 0  # and not `> 0`, so that nan stays nan and is noticed
        return _result("relu", 0.0 if off else self.data, self, 0.0 if off else 1.0)

    def tanh(self):
        t = math.tanh(self.data)
        return _result("tanh", t, self, 1 - t * t)

    def sigmoid(self):
        e = math.exp(-abs(self.data))  # at most 1: the exponential of a large positive number is never taken
        return _result("sigmoid", (1.0 if self.data >= 0 else e) / (1 + e), self, e / (1 + e) ** 2)

    def exp(self):
        e = math.exp(self.data)
        return _result("exp", e, self, e)

    def log(self):
        return _result("log", math.log(self.data), self, 1.0 / self.data)

    # fmt: off
    __radd__ = __add__  # both commute
    __rmul__ = __mul__
    def __rsub__(self, other):     return Value(other) - self
    def __rtruediv__(self, other): return Value(other) / self
    # fmt: on

    # The way back ----------------------------------------------------------------------------------------------------

    def backward(self):
        if self._parent1 is None:
            self.grad += 1.0  # a leaf: d(self)/d(self) is all there is
            return
        # A zero that is an object of its own. Put into .grad it means two things at once: cleared, and already visited.
        cleared = float("0")
        self.grad = cleared
        order, path, value = [], [], self
        while True:
            # Leaves are never visited: they have nothing to pass on, and must keep what earlier calls brought them.
            parent = value._parent1
            if parent.grad is cleared or parent._parent1 is None:
                parent = value._parent2
                if parent is None or parent.grad is cleared or parent._parent1 is None:
                    order.append(value)  # after its parents, so reversed: before them
                    if not path:
                        break
                    value = path.pop()
                    continue
            parent.grad = cleared
            path.append(value)  # the way back up: a list instead of the call stack, which ends after a thousand calls
            value = parent
        self.grad = 1.0
        # All users of a value come before it, so its gradient is complete when its turn comes.
        for value in reversed(order):
            upstream = value.grad
            value._parent1.grad += value._local1 * upstream
            parent = value._parent2
            if parent is not None:
                parent.grad += value._local2 * upstream

    def zero_grad(self):
        self.grad = 0.0

    # For pictures and experiments ------------------------------------------------------------------------------------

    @property
    def _prev(self):
        if self._parent1 is None:
            return ()
        return (self._parent1,) if self._parent2 is None else (self._parent1, self._parent2)

    def _backward(self):
        if self._parent1 is not None:
            self._parent1.grad += self._local1 * self.grad
        if self._parent2 is not None:
            self._parent2.grad += self._local2 * self.grad


def _result(op, data, parent1, local1, parent2=None, local2=0.0):
    result = _blank(Value)
    result.data, result.grad = data, 0.0
    result._parent1, result._local1 = parent1, local1
    result._parent2, result._local2 = parent2, local2
    result._op, result.label = op, ""
    return result


def _as_value(number):
    return number if isinstance(number, Value) else Value(number)
