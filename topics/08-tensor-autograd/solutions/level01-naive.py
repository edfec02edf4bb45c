"""Level 1, naive: Topic 02's engine, with an array where the number was.

What changed   nothing yet: this is the start. Each operation makes a closure that turns the upstream gradient into one
               gradient for each parent; backward lists the graph once and walks it in reverse.
What it buys   one node for a whole array: the sum of a million products is 3 nodes here, and 3 million with Values.
What it costs  operands must have one shape; + * and sum are all there is; a new operation repeats everything by hand;
               recursion ends a walk of a thousand results in a row. And each arrival makes a new array.
"""

import numpy as np


class Tensor:
    def __init__(self, data, requires_grad=False, _parents=(), _op=""):
        self.data = np.asarray(data, dtype=float)
        self.grad = None
        self.requires_grad = requires_grad or any(parent.requires_grad for parent in _parents)
        self._prev, self._op = _parents, _op
        self._backward = None  # a leaf has nobody to tell

    def __repr__(self):
        return f"Tensor({np.array2string(self.data, precision=4, separator=', ', prefix='Tensor(')})"

    # fmt: off
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    def __len__(self):   return len(self.data)
    def numpy(self):     return self.data
    def detach(self):    return Tensor(self.data)
    def item(self):      return self.data.item()
    def zero_grad(self): self.grad = None
    # fmt: on

    def __add__(self, other):
        result = Tensor(self.data + other.data, _parents=(self, other), _op="add")
        result._backward = lambda upstream: (upstream, upstream)
        return result

    def __mul__(self, other):
        result = Tensor(self.data * other.data, _parents=(self, other), _op="mul")
        result._backward = lambda upstream: (upstream * other.data, upstream * self.data)
        return result

    def sum(self):
        result = Tensor(self.data.sum(), _parents=(self,), _op="sum")
        # Each entry moves the sum as far as it moves itself: all of them receive the same number.
        result._backward = lambda upstream: (np.full(self.data.shape, upstream),)
        return result

    def backward(self):
        order, visited = [], set()

        def visit(tensor):
            if tensor not in visited:
                visited.add(tensor)
                for parent in tensor._prev:
                    visit(parent)
                order.append(tensor)  # after its parents: in reverse, everybody comes after all of its users

        visit(self)
        arrived = {self: np.ones_like(self.data)}
        for tensor in reversed(order):
            upstream = arrived[tensor]
            if tensor._backward is None:
                if tensor.requires_grad:
                    tensor.grad = np.asarray(upstream + (0.0 if tensor.grad is None else tensor.grad))
                continue
            for parent, gradient in zip(tensor._prev, tensor._backward(upstream), strict=True):
                arrived[parent] = arrived.get(parent, 0.0) + gradient
