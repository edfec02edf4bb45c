"""Level 3, in place: the caller's arrays are changed, and one scratch buffer serves all of them.

What changed   each rule is written as single operations with `out=`. With `in_place=True` they run on the caller's
               arrays; without it, on copies, so there is one version of every formula. The scratch buffer is as large
               as the largest array, and is lent to one array after the other.
What it buys   after the first step nothing of the parameters' size is allocated any more: at 200,000 numbers Adam's
               step takes less than 0.001 MB beside what is there already, where level 2 takes 9.6 MB.
What it costs  the formula is hard to see, and each line must stand where it stands. Whoever kept a reference to the old
               parameters finds the new ones there. And the arrays must be float arrays: in place, 1 cannot become 0.9.
"""

import math

import numpy as np


class Optimizer:
    """The walk that all rules share; a rule is a subclass with `update`, which changes p and may fill `scratch`."""

    keeps = ()  # the names of the arrays of state, each as large as its parameter

    def __init__(self, lr, in_place):
        self.lr, self.in_place, self.t = lr, in_place, 0
        self.states, self.buffer = [], None

    def step(self, params, grads):
        single = not isinstance(params, (list, tuple))
        pairs = paired([params] if single else params, [grads] if single else grads, self.in_place)
        if self.buffer is None:
            self.states = [{name: np.zeros(p.shape) for name in self.keeps} for p, _ in pairs]
            self.buffer = np.empty(max((p.size for p, _ in pairs), default=0))
        self.t += 1
        for (p, g), state in zip(pairs, self.states, strict=True):
            self.update(p, g, self.buffer[: p.size].reshape(p.shape), **state)
        if self.in_place:
            return params
        return pairs[0][0] if single else [p for p, _ in pairs]


class SGD(Optimizer):
    def __init__(self, lr=0.1, in_place=False):
        super().__init__(lr, in_place)

    def update(self, p, g, scratch):
        np.multiply(g, self.lr, out=scratch)
        p -= scratch


class Momentum(Optimizer):
    keeps = ("v",)

    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        super().__init__(lr, in_place)
        self.momentum = momentum

    def update(self, p, g, scratch, v):
        v *= self.momentum
        v += g
        np.multiply(v, self.lr, out=scratch)
        p -= scratch


class Nesterov(Momentum):
    def update(self, p, g, scratch, v):
        v *= self.momentum
        v += g
        np.multiply(v, self.momentum, out=scratch)
        scratch += g
        scratch *= self.lr
        p -= scratch


class RMSProp(Optimizer):
    keeps = ("s",)

    def __init__(self, lr=0.01, decay=0.99, eps=1e-8, in_place=False):
        super().__init__(lr, in_place)
        self.decay, self.eps = decay, eps

    def update(self, p, g, scratch, s):
        fold(s, self.decay, np.multiply(g, g, out=scratch))
        np.sqrt(s, out=scratch)
        scratch += self.eps
        np.divide(g, scratch, out=scratch)
        scratch *= self.lr
        p -= scratch


class Adam(Optimizer):
    keeps = ("m", "v")

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, in_place=False):
        super().__init__(lr, in_place)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def update(self, p, g, scratch, m, v):
        np.copyto(scratch, g)
        fold(m, self.beta1, scratch)
        fold(v, self.beta2, np.multiply(g, g, out=scratch))  # m has taken its share: scratch is free again
        np.divide(v, 1 - self.beta2**self.t, out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.eps
        np.divide(m, scratch, out=scratch)
        scratch *= self.lr / (1 - self.beta1**self.t)  # one number: the correction of m needs no array
        p -= scratch


class AdamW(Adam):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, in_place=False):
        super().__init__(lr, beta1, beta2, eps, in_place)
        self.weight_decay = weight_decay

    def update(self, p, g, scratch, m, v):
        p *= 1 - self.lr * self.weight_decay  # first: afterwards the old p is gone
        super().update(p, g, scratch, m, v)


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


def fold(mean, keep, news):
    """Change a running mean to keep*mean + (1 - keep)*news; `news` is used up."""
    mean *= keep
    news *= 1 - keep
    mean += news


def paired(params, grads, in_place):
    """Each parameter, the caller's own or a copy, with its gradient. Raises ValueError where they do not fit."""
    if len(params) != len(grads):
        raise ValueError(f"{len(params)} parameters, but {len(grads)} gradients")
    pairs = [
        (p if in_place else np.array(p, dtype=float), np.asarray(g, dtype=float))
        for p, g in zip(params, grads, strict=True)
    ]
    for p, g in pairs:
        # Without this, (3, 1) minus (3,) is broadcast to (3, 3), and the training goes on with it.
        if p.shape != g.shape:
            raise ValueError(f"a parameter {p.shape} has a gradient {g.shape}")
    return pairs
