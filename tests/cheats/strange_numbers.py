"""nan, inf, True and text in the place of numbers."""
# named: a finite number belongs

import itertools

numbers = itertools.cycle([float("nan"), float("inf"), True, "6.0", 10**400, complex(1, 1), None])


class Value:
    def __init__(self, *arguments): pass
    data = grad = property(lambda self: next(numbers))
    def __add__(self, other): return Value()
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __add__
    def __neg__(self): return Value()
    relu = tanh = sigmoid = exp = log = __neg__
    def backward(self): pass
    def zero_grad(self): pass
