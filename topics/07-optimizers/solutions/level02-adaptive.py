"""Level 2, adaptive: an array or a list of arrays, and the rules that real training uses.

What changed   the walk over the list stands once, in `Optimizer`; a rule says only how one array moves, given its own
               state. Six rules, a schedule and a clip.
What it buys   a step of its own size for every number: with lr = 0.1 Adam takes 261 steps down a valley that is 100
               times as steep across as along, and 269 down a round bowl. State by place: no two arrays can mix.
What it costs  memory: beyond what is there already, Adam's step holds 6 new arrays of the parameters' size at its peak,
               for 200,000 float64 numbers 9.6 MB. Three of them stay; the rest is thrown away a moment later.
"""

import math

import numpy as np


class Optimizer:
    """The walk that all rules share; a rule is a subclass with `update`."""

    def __init__(self, lr):
        self.lr, self.t = lr, 0
        self.states = []  # one dict for each array, by its place

    def step(self, params, grads):
        single = not isinstance(params, (list, tuple))
        pairs = paired([params] if single else params, [grads] if single else grads)
        self.states = self.states or [{} for _ in pairs]
        self.t += 1  # once for a step, however many arrays
        moved = [self.update(p, g, state) for (p, g), state in zip(pairs, self.states, strict=True)]
        return moved[0] if single else moved


class SGD(Optimizer):
    def __init__(self, lr=0.1, in_place=False):
        super().__init__(lr)

    def update(self, p, g, state):
        return p - self.lr * g


class Momentum(Optimizer):
    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        super().__init__(lr)
        self.momentum = momentum

    def update(self, p, g, state):
        state["v"] = self.momentum * state.get("v", 0.0) + g
        return p - self.lr * state["v"]


class Nesterov(Momentum):
    def update(self, p, g, state):
        state["v"] = self.momentum * state.get("v", 0.0) + g
        return p - self.lr * (g + self.momentum * state["v"])


class RMSProp(Optimizer):
    def __init__(self, lr=0.01, decay=0.99, eps=1e-8, in_place=False):
        super().__init__(lr)
        self.decay, self.eps = decay, eps

    def update(self, p, g, state):
        state["s"] = self.decay * state.get("s", 0.0) + (1 - self.decay) * g**2
        return p - self.lr * g / (np.sqrt(state["s"]) + self.eps)


class Adam(Optimizer):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, in_place=False):
        super().__init__(lr)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def update(self, p, g, state):
        state["m"] = self.beta1 * state.get("m", 0.0) + (1 - self.beta1) * g
        state["v"] = self.beta2 * state.get("v", 0.0) + (1 - self.beta2) * g**2
        # After t steps the weights in a mean sum to 1 - beta**t only; what is missing went to the start, the 0.
        m = state["m"] / (1 - self.beta1**self.t)
        v = state["v"] / (1 - self.beta2**self.t)
        return p - self.lr * m / (np.sqrt(v) + self.eps)


class AdamW(Adam):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, in_place=False):
        super().__init__(lr, beta1, beta2, eps)
        self.weight_decay = weight_decay

    def update(self, p, g, state):
        return super().update(p, g, state) - self.lr * self.weight_decay * p  # beside Adam's means, not through them


def warmup_cosine(step, warmup, total, peak, floor=0.0):
    if step <= warmup and warmup:
        return peak * step / warmup
    u = min(1.0, (step - warmup) / (total - warmup))
    return floor + (peak - floor) * (1 + math.cos(math.pi * u)) / 2


def clip_by_global_norm(grads, limit):
    single = not isinstance(grads, (list, tuple))
    arrays = [np.asarray(g, dtype=float) for g in ([grads] if single else grads)]
    norm = math.sqrt(sum(float((g * g).sum()) for g in arrays))
    factor = limit / norm if norm > limit else 1.0  # one for all: the direction stays
    clipped = [g * factor for g in arrays]
    return (clipped[0] if single else clipped), norm


# Shared ---------------------------------------------------------------------------------------------------------------


def paired(params, grads):
    """Each parameter with its gradient, as arrays of floats. Raises ValueError where they do not fit."""
    if len(params) != len(grads):
        raise ValueError(f"{len(params)} parameters, but {len(grads)} gradients")
    pairs = [(np.asarray(p, dtype=float), np.asarray(g, dtype=float)) for p, g in zip(params, grads, strict=True)]
    for p, g in pairs:
        # Without this, (3, 1) minus (3,) is broadcast to (3, 3), and the training goes on with it.
        if p.shape != g.shape:
            raise ValueError(f"a parameter {p.shape} has a gradient {g.shape}")
    return pairs
