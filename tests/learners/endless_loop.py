"""A loop whose list never becomes shorter."""


class Value:
    def __init__(self, data, _children=(), _op="", label=""):
        self.data = data
        self.grad = 0.0
        self._prev = _children
        self._op = _op
        self.label = label
        self._backward = lambda upstream: None  # a leaf has nobody to pass a gradient to

    def __repr__(self):
        return f"Value(data={self.data:.4f}, grad={self.grad:.4f})"

    def __add__(self, other):
        result = Value(self.data + other.data, (self, other), "+")

        def _backward(upstream):
            self.take_in(upstream)
            other.take_in(upstream)

        result._backward = _backward
        return result

    def __mul__(self, other):
        result = Value(self.data * other.data, (self, other), "*")

        def _backward(upstream):
            self.take_in(other.data * upstream)
            other.take_in(self.data * upstream)

        result._backward = _backward
        return result

    def backward(self):
        todo = [self]
        while todo: self.grad = 1.0

    def take_in(self, upstream):
        # += and not =: a value used twice receives two gradients, one for each path, and the derivative is their sum.
        self.grad += upstream
        # Only the increment goes on. Passing self.grad on would count what an earlier path brought a second time.
        self._backward(upstream)
