"""Correct, and different: a class for each operation, with saved numbers in a context; users are counted first."""

import math


class Context:
    def __init__(self):
        self.saved = ()


class Add:
    def forward(ctx, a, b):
        return a + b

    def backward(ctx, g):
        return (g, g)


class Mul:
    def forward(ctx, a, b):
        ctx.saved = (a, b)
        return a * b

    def backward(ctx, g):
        a, b = ctx.saved
        return (b * g, a * g)


class Inverse:
    def forward(ctx, a):
        ctx.saved = (a,)
        return 1 / a

    def backward(ctx, g):
        (a,) = ctx.saved
        return (-g / (a * a),)


class Negative:
    def forward(ctx, a):
        return -a

    def backward(ctx, g):
        return (-g,)


class Power:
    def forward(ctx, a, n):
        ctx.saved = (a, n)
        return a**n

    def backward(ctx, g):
        a, n = ctx.saved
        return (g * n * a ** (n - 1) if n else 0.0, None)


class Exponential:
    def forward(ctx, a, base=math.e):
        y = math.exp(a) if base == math.e else base**a
        ctx.saved = (y, base)
        return y

    def backward(ctx, g):
        y, base = ctx.saved
        return (g * y * math.log(base), None)


class Relu:
    def forward(ctx, a):
        ctx.saved = (a,)
        return max(a, 0.0)

    def backward(ctx, g):
        (a,) = ctx.saved
        return (g if a > 0 else 0.0,)


class Tanh:
    def forward(ctx, a):
        t = math.tanh(a)
        ctx.saved = (t,)
        return t

    def backward(ctx, g):
        (t,) = ctx.saved
        return (g * (1 - t * t),)


class Sigmoid:
    def forward(ctx, a):
        s = 1 / (1 + math.exp(-a))
        ctx.saved = (s,)
        return s

    def backward(ctx, g):
        (s,) = ctx.saved
        return (g * s * (1 - s),)


class Log:
    def forward(ctx, a):
        ctx.saved = (a,)
        return math.log(a)

    def backward(ctx, g):
        (a,) = ctx.saved
        return (g / a,)


class Value:
    def __init__(self, data, fn=None, ctx=None, inputs=()):
        self.data, self.grad = data, 0.0
        self.fn, self.ctx, self.inputs = fn, ctx, inputs

    @staticmethod
    def apply(fn, *inputs, **more):
        ctx = Context()
        numbers = [i.data if isinstance(i, Value) else i for i in inputs]
        return Value(fn.forward(ctx, *numbers, **more), fn, ctx, inputs)

    def __add__(self, other):
        return Value.apply(Add, self, other)

    def __mul__(self, other):
        return Value.apply(Mul, self, other)

    def __neg__(self):
        return Value.apply(Negative, self)

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * (Value.apply(Inverse, other) if isinstance(other, Value) else 1 / other)

    def __pow__(self, n):
        if isinstance(n, Value):
            raise TypeError("a plain number, please")
        return Value.apply(Power, self, n)

    def __rpow__(self, base):
        return Value.apply(Exponential, self, base=base)

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return Value.apply(Inverse, self) * other

    def relu(self):
        return Value.apply(Relu, self)

    def tanh(self):
        return Value.apply(Tanh, self)

    def sigmoid(self):
        return Value.apply(Sigmoid, self)

    def exp(self):
        return Value.apply(Exponential, self)

    def log(self):
        return Value.apply(Log, self)

    def backward(self):
        # children are counted first, then each is served when the last of its users has been
        users = {id(self): 0}
        stack = [self]
        while stack:
            v = stack.pop()
            for p in v.inputs:
                if isinstance(p, Value):
                    if id(p) not in users:
                        users[id(p)] = 0
                        stack.append(p)
                    users[id(p)] += 1
        self.grad = self.grad + 1.0
        ready = [self]
        while ready:
            v = ready.pop()
            if v.fn is None:
                continue
            for p, g in zip(v.inputs, v.fn.backward(v.ctx, v.grad)):
                if isinstance(p, Value):
                    p.grad = p.grad + g
                    users[id(p)] -= 1
                    if users[id(p)] == 0:
                        ready.append(p)

    def zero_grad(self):
        self.grad = 0.0
