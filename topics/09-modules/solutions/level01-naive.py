"""Level 1, naive: a module is asked for its parameters, and asks the modules that it holds.

What changed   nothing yet: this is the start. `parameters` looks at every attribute once.
What it buys   the whole idea in ten lines: what is learnt says so by its class, and a tree of modules is walked by
               asking each for its own. Nobody keeps a list of weights by hand.
What it costs  a parameter that stands at two places is found twice, and would be moved twice. A plain list of modules
               is not looked into. Nothing has a name, so nothing can be saved; and there is one mode only.
"""

import math

import numpy as np

from utils.engine import Tensor


class Parameter(Tensor):
    def __init__(self, data):
        super().__init__(data, requires_grad=True)


class Module:
    def __call__(self, *inputs, **options):
        return self.forward(*inputs, **options)

    def parameters(self):
        found = []
        for part in vars(self).values():
            if isinstance(part, Parameter):
                found.append(part)
            elif isinstance(part, Module):
                found += part.parameters()
        return found

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, rng=None):
        rng, bound = np.random.default_rng(rng), 1 / math.sqrt(in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Parameter(rng.uniform(-bound, bound, out_features)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class Sequential(Module):
    def __init__(self, *steps):
        self.steps = list(steps)

    def __len__(self):
        return len(self.steps)

    def __getitem__(self, place):
        return self.steps[place]

    def parameters(self):
        return [p for step in self.steps if isinstance(step, Module) for p in step.parameters()]

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x
