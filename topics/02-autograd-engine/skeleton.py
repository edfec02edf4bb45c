"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 02` copies this file to `workspace/autograd_engine.py`. You work there. Nothing in it is ever
overwritten.

Only `Value`, its methods and the attributes `.data` and `.grad` are judged. How you remember the inputs of an operation
is your own design; `_children`, `_prev`, `_op` and `_backward` are the customary names, and the pictures read them.

Words used: the *parents* of a value are the inputs it was computed from; the *upstream* gradient is what arrives at a
value from above, d(output)/d(value); a *local* derivative is d(result)/d(parent) of one operation.
"""


class Value:
    """A number that remembers how it was computed, so that gradients can flow back to its parents.

    `data` is the number. `grad` is d(output)/d(this value), 0.0 until `backward` has run. `label` is for pictures.
    """

    def __init__(self, data, _children=(), _op="", label=""):
        # Level 1. Keep the number as self.data and start with self.grad = 0.0.
        # A fresh Value has no parents; an operation passes its inputs as _children and its sign as _op.
        raise NotImplementedError("Value.__init__")

    def __repr__(self):
        # Given, so that you can print a Value from the first minute.
        return f"Value(data={self.data:.4f}, grad={self.grad:.4f})"

    # Level 1: two operations and the way back ------------------------------------------------------------------------

    def __add__(self, other):
        """self + other, a new Value. Level 1: `other` is a Value. Level 2: a plain number works too."""
        raise NotImplementedError("Value.__add__")

    def __mul__(self, other):
        """self * other, a new Value. Level 1: `other` is a Value. Level 2: a plain number works too."""
        raise NotImplementedError("Value.__mul__")

    def backward(self):
        """Add d(self)/d(v) to v.grad for every value v that self was computed from; self itself receives 1.

        Level 1: any correct way. Level 2: each value passes its gradient on once, so 22 stacked diamonds take no time.
        Level 3: also on a chain of 100,000 values, and a second call adds the same gradients to the leaves once more.
        """
        raise NotImplementedError("Value.backward")

    # Level 2: the other operations -----------------------------------------------------------------------------------

    def __neg__(self):
        """-self."""
        raise NotImplementedError("Value.__neg__")

    def __sub__(self, other):
        """self - other; `other` is a Value or a plain number."""
        raise NotImplementedError("Value.__sub__")

    def __truediv__(self, other):
        """self / other; `other` is a Value or a plain number. Dividing by zero may raise ZeroDivisionError."""
        raise NotImplementedError("Value.__truediv__")

    def __pow__(self, exponent):
        """self ** exponent for a plain number, int or float. A Value as exponent may be refused with TypeError."""
        raise NotImplementedError("Value.__pow__")

    def __radd__(self, other):
        """number + self. With it, sum([...]) works, because sum starts from the plain number 0."""
        raise NotImplementedError("Value.__radd__")

    def __rmul__(self, other):
        """number * self."""
        raise NotImplementedError("Value.__rmul__")

    def __rsub__(self, other):
        """number - self."""
        raise NotImplementedError("Value.__rsub__")

    def __rtruediv__(self, other):
        """number / self."""
        raise NotImplementedError("Value.__rtruediv__")

    def __rpow__(self, base):
        """base ** self for a plain number base > 0; d/dx base**x = log(base) * base**x."""
        raise NotImplementedError("Value.__rpow__")

    def relu(self):
        """max(0, self)."""
        raise NotImplementedError("Value.relu")

    def tanh(self):
        """Hyperbolic tangent. Level 3: no overflow, whatever the size of self."""
        raise NotImplementedError("Value.tanh")

    def sigmoid(self):
        """1 / (1 + exp(-self)). Level 3: no overflow, whatever the size of self."""
        raise NotImplementedError("Value.sigmoid")

    def exp(self):
        """e ** self."""
        raise NotImplementedError("Value.exp")

    def log(self):
        """Natural logarithm; self must be positive."""
        raise NotImplementedError("Value.log")

    def zero_grad(self):
        """Set this value's gradient, and only this value's, back to 0.0."""
        raise NotImplementedError("Value.zero_grad")
