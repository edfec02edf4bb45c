"""Functions that nobody has tuned for: random programs over a table of primitives, from a seed.

Each program has inputs of random shape, scale and offset, some steps, and a gain. Its
gradient comes from the table, step by step backwards, and truth.py confirms it. Besides
the mistakes of corruptions.py, one step's rule can be wrong, or overwrite for accumulate.
"""

import numpy as np
from cases import Case, layer_norm, layer_norm_backward, sigmoid, softmax, softmax_backward

# name: (value, vjp(upstream, x, y)) for one input x and its result y
UNARY = {
    "sin": (np.sin, lambda u, x, y: u * np.cos(x)),
    "tanh": (np.tanh, lambda u, x, y: u * (1 - y * y)),
    "exp": (np.exp, lambda u, x, y: u * y),
    "sigmoid": (sigmoid, lambda u, x, y: u * y * (1 - y)),
    "square": (lambda x: x * x, lambda u, x, y: 2 * u * x),
    "cube": (lambda x: x**3, lambda u, x, y: 3 * u * x * x),
    "relu": (lambda x: np.maximum(x, 0), lambda u, x, y: u * (x > 0)),
    "abs": (np.abs, lambda u, x, y: u * np.sign(x)),
    "leaky relu": (lambda x: np.where(x > 0, x, x / 8), lambda u, x, y: np.where(x > 0, u, u / 8)),
    "log(1 + x x)": (lambda x: np.log(1 + x * x), lambda u, x, y: 2 * u * x / (1 + x * x)),
    "sqrt(1 + x x)": (lambda x: np.sqrt(1 + x * x), lambda u, x, y: u * x / y),
    "reciprocal": (lambda x: 1 / (2 + x * x), lambda u, x, y: -2 * u * x * y * y),
    "ripple": (lambda x: x + np.sin(300 * x) / 300, lambda u, x, y: u * (1 + np.cos(300 * x))),
    "steep": (lambda x: np.tanh(50 * x), lambda u, x, y: u * 50 * (1 - y * y)),
}
BY_ROW = {
    "softmax": (softmax, lambda u, x, y: softmax_backward(u, x)[0]),
    "layer norm": (layer_norm, lambda u, x, y: layer_norm_backward(u, x)[0]),
    "cumulative sum": (lambda x: np.cumsum(x, -1), lambda u, x, y: np.cumsum(u[..., ::-1], -1)[..., ::-1]),
    "reverse": (lambda x: x[..., ::-1], lambda u, x, y: u[..., ::-1]),
    "row maximum": (lambda x: x.max(-1, keepdims=True) + 0 * x, lambda u, x, y: (x == y) * u.sum(-1, keepdims=True)),
}
# value(a, b), vjp(upstream, a, b, y) -> for a, for b (before summing over broadcast axes)
BINARY = {
    "add": (lambda a, b: a + b, lambda u, a, b, y: (u, u)),
    "mul": (lambda a, b: a * b, lambda u, a, b, y: (u * b, u * a)),
    "sub": (lambda a, b: a - b, lambda u, a, b, y: (u, -u)),
    "ratio": (lambda a, b: a / (2 + b * b), lambda u, a, b, y: (u / (2 + b * b), -2 * u * y * b / (2 + b * b))),
    "maximum": (np.maximum, lambda u, a, b, y: (u * (a >= b), u * (b > a))),
}
HEADS = {
    "none": (lambda x: x, lambda u, x: u),
    "sum": (lambda x: x.sum(), lambda u, x: u + np.zeros_like(x)),
    "mean": (lambda x: x.mean(), lambda u, x: u / x.size + np.zeros_like(x)),
}


def unbroadcast(g, shape):
    g = np.asarray(g)
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] > 1), keepdims=True)


class Program:
    """A random function with its backward pass; `fault` plants a mistake in that pass."""

    def __init__(self, random):
        width = int(random.integers(1, 6))
        shapes = [(), (width,), (int(random.integers(1, 5)), width)]
        kind = int(random.integers(0, 3))
        count = int(random.integers(1, 4))
        self.shapes = [shapes[int(random.integers(0, kind + 1))] for _ in range(count)]
        self.shapes[0] = shapes[kind]
        self.units, self.centres, inputs = [], [], []
        for shape in self.shapes:
            scale = 10.0 ** random.uniform(-8, 5) if random.random() < 0.5 else 1.0
            centre = scale * 10.0 ** random.uniform(0, 3) if random.random() < 0.2 else 0.0
            inputs.append(centre + scale * random.standard_normal(shape))
            # f varies over the inputs' own scale, or over 1 where they are smaller.
            self.units.append(scale if scale > 3 or random.random() < 0.7 else 1.0)
            self.centres.append(centre)
        self.gain = 10.0 ** random.uniform(-9, 8) if random.random() < 0.5 else 1.0
        self.offset = self.gain * 10.0 ** random.uniform(0, 4) if random.random() < 0.2 else 0.0
        self.head = str(random.choice([*HEADS]))
        self.steps, sizes = [], list(self.shapes)  # (name, indices of operands); shapes so far
        for _ in range(int(random.integers(1, 6))):
            known = count + len(self.steps)
            recent = int(random.integers(max(0, known - 3), known))
            if random.random() < 0.45:
                self.steps.append((str(random.choice([*BINARY])), (known - 1, recent)))
                sizes.append(np.broadcast_shapes(sizes[-1], sizes[recent]))
            else:
                table = BY_ROW if sizes[-1] and random.random() < 0.25 else UNARY
                self.steps.append((str(random.choice([*table])), (known - 1,)))
                sizes.append(sizes[-1])
        for i in range(count):  # every input takes part
            self.steps.append(("add", (count + len(self.steps) - 1, i)))
        self.single = random.random() < 0.1
        dtype = np.float32 if self.single else float
        self.inputs = tuple(x.astype(dtype) if np.ndim(x) else float(x) for x in map(np.asarray, inputs))
        if self.single:
            self.inputs = tuple(np.asarray(x, dtype=dtype) for x in self.inputs)

    def values(self, inputs):
        one = np.result_type(*(np.asarray(x).dtype for x in inputs)).type
        known = [(x - one(c)) / one(s) for x, c, s in zip(inputs, self.centres, self.units, strict=True)]
        for name, operands in self.steps:
            rule = UNARY.get(name) or BY_ROW.get(name) or BINARY[name]
            known.append(rule[0](*(np.asarray(known[i]) for i in operands)))
        return known, one

    def f(self, *inputs):
        known, one = self.values(inputs)
        return one(self.offset) + one(self.gain) * HEADS[self.head][0](np.asarray(known[-1]))

    def backward(self, upstream, *inputs, fault=None, at=0):
        known, one = self.values(inputs)
        upward = [np.zeros(np.shape(x), dtype=np.asarray(x).dtype) for x in known]
        upward[-1] = upward[-1] + HEADS[self.head][1](upstream * one(self.gain), np.asarray(known[-1]))
        count = len(inputs)
        for step in reversed(range(len(self.steps))):
            name, operands = self.steps[step]
            y, u = known[count + step], upward[count + step]
            xs = [np.asarray(known[i]) for i in operands]
            rule = UNARY.get(name) or BY_ROW.get(name) or BINARY[name]
            sent = rule[1](u, *xs, y)
            sent = sent if isinstance(sent, tuple) else (sent,)
            for k, (i, g, x) in enumerate(zip(operands, sent, xs, strict=True)):
                if step == at:
                    g = FAULTS.get(fault, lambda g, u, k: g)(g, u, k)
                g = unbroadcast(g, x.shape)
                upward[i] = g if fault == "overwrites" else upward[i] + g
        return tuple(g / one(s) for g, s in zip(upward[:count], self.units, strict=True))


FAULTS = {
    "a rule has the wrong sign": lambda g, u, k: -g,
    "a rule is missing": lambda g, u, k: 0 * g,
    "a rule is doubled": lambda g, u, k: 2 * g,
    "a rule passes upstream on": lambda g, u, k: u + 0 * g,
    "a rule forgets one operand": lambda g, u, k: 0 * g if k else g,
}


def programs(seed, count=140):
    """`count` cases from a seed, each with the mistakes that its own steps can have."""
    for number in range(count):
        random = np.random.default_rng([seed, number])
        program = Program(random)
        at = int(random.integers(0, len(program.steps)))
        faults = {
            fault: lambda u, *xs, p=program, fault=fault, at=at: p.backward(u, *xs, fault=fault, at=at)
            for fault in [*FAULTS, "overwrites"]
        }
        yield Case("fresh", f"seed {seed} number {number}", program.f, program.inputs, program.backward), faults
