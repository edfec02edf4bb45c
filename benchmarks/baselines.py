"""Engines to measure against, written here: naive closures, a microgpt-style engine, and the demo by hand in NumPy.

The two engines offer what the workloads use: + and * with plain numbers on either side, unary minus, relu, backward.
"""


class NaiveValue:
    """One closure for each operation, a set of parents, a recursive walk: what most first engines look like."""

    def __init__(self, data, parents=()):
        self.data = data
        self.grad = 0.0
        self.parents = set(parents)
        self.pass_on = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, NaiveValue) else NaiveValue(other)
        result = NaiveValue(self.data + other.data, (self, other))

        def pass_on():
            self.grad += result.grad
            other.grad += result.grad

        result.pass_on = pass_on
        return result

    def __mul__(self, other):
        other = other if isinstance(other, NaiveValue) else NaiveValue(other)
        result = NaiveValue(self.data * other.data, (self, other))

        def pass_on():
            self.grad += other.data * result.grad
            other.grad += self.data * result.grad

        result.pass_on = pass_on
        return result

    def relu(self):
        result = NaiveValue(max(0.0, self.data), (self,))

        def pass_on():
            self.grad += (result.data > 0) * result.grad

        result.pass_on = pass_on
        return result

    def __neg__(self):
        return self * -1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self):
        order, visited = [], set()

        def visit(value):
            if value not in visited:
                visited.add(value)
                for parent in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            value.pass_on()


class TupleValue:
    """microgpt's design in our words: slots, a tuple of parents, a tuple of local derivatives, a recursive walk."""

    __slots__ = ("data", "grad", "locals", "parents")

    def __init__(self, data, parents=(), local_derivatives=()):
        self.data = data
        self.grad = 0
        self.parents = parents
        self.locals = local_derivatives

    def __add__(self, other):
        other = other if isinstance(other, TupleValue) else TupleValue(other)
        return TupleValue(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, TupleValue) else TupleValue(other)
        return TupleValue(self.data * other.data, (self, other), (other.data, self.data))

    def relu(self):
        return TupleValue(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self):
        order, visited = [], set()

        def visit(value):
            if value not in visited:
                visited.add(value)
                for parent in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1
        for value in reversed(order):
            for parent, local in zip(value.parents, value.locals, strict=True):
                parent.grad += local * value.grad


class HandWrittenDemo:
    """The demo's epoch as matrix products, forward and backward by hand: what no engine on these values can beat."""

    def __init__(self, weights, biases, points, labels, decay=1e-4):
        import numpy as np

        self.np = np
        # (inputs, outputs), as the products below want them
        self.weights = [np.array(rows).T.copy() for rows in weights]
        self.biases = [np.array(row) for row in biases]
        self.points = np.array(points)
        self.labels = np.array(labels)[:, None]
        self.decay = decay
        self.gradients = []

    def epoch(self, step=0.05):
        """One step of gradient descent; the loss before it. The gradients stay in self.gradients."""
        np, activations = self.np, [self.points]
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = activations[-1] @ weight
            z += bias
            if depth < len(self.weights) - 1:
                np.maximum(z, 0.0, out=z)
            activations.append(z)
        margin = 1.0 - self.labels * activations[-1]
        active = margin > 0
        parameters = [*self.weights, *self.biases]
        loss = margin[active].sum() / len(margin) + self.decay * sum(np.vdot(p, p) for p in parameters)
        upstream = np.where(active, self.labels, 0.0) * (-1.0 / len(margin))
        weight_gradients, bias_gradients = [], []
        for depth in reversed(range(len(self.weights))):
            weight_gradients.insert(0, activations[depth].T @ upstream)
            bias_gradients.insert(0, upstream.sum(0))
            if depth:
                upstream = upstream @ self.weights[depth].T
                upstream *= activations[depth] > 0
        self.gradients = weight_gradients + bias_gradients
        for parameter, gradient in zip(parameters, self.gradients, strict=True):
            gradient += 2 * self.decay * parameter
            parameter -= step * gradient
        return float(loss)
