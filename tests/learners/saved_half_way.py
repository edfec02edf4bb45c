"""The editor was killed while it wrote."""


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
            other.take_in(