"""Mistakes to plant in a correct backward pass, and contracts to break.

A mistake takes the correct gradients (a list of arrays), the upstream gradient and the
inputs, and returns the wrong gradients; or None where it does not apply.
"""

import numpy as np


def _each(change):
    """The same change to the gradient of every input."""
    return lambda gradients, u, inputs: [change(g) for g in gradients]


def _last(change):
    """A change to the gradient of the last input only."""
    return lambda gradients, u, inputs: [*gradients[:-1], change(gradients[-1])]


def _one_element(g, i, factor):
    g = np.array(g)
    g.flat[i] *= factor
    return g


def _smallest_doubled(g):
    g = np.array(g)
    size = np.where(g == 0, np.inf, np.abs(g))
    return _one_element(g, int(np.argmin(size)), 2.0) if g.size > 1 and np.isfinite(size).any() else None


def _where(condition, factor):
    """Wrong only where the input meets a condition."""
    return lambda gradients, u, inputs: [
        np.where(condition(x), factor * g, g) if np.size(x) > 1 else None
        for g, x in zip(gradients, inputs, strict=True)
    ]


def _swapped(gradients, u, inputs):
    if len(gradients) < 2 or np.shape(gradients[0]) != np.shape(gradients[1]):
        return None
    return [gradients[1], gradients[0], *gradients[2:]]


MISTAKES = {
    "twice as large": _each(lambda g: 2 * g),
    "sign": _each(lambda g: -g),
    "zero": _each(lambda g: 0 * g),
    "half": _each(lambda g: g / 2),
    "off by 1e-3": _each(lambda g: 1.001 * g),
    "last input doubled": lambda gs, u, xs: _last(lambda g: 2 * g)(gs, u, xs) if len(gs) > 1 else None,
    "last input missing": lambda gs, u, xs: _last(lambda g: 0 * g)(gs, u, xs) if len(gs) > 1 else None,
    "one element 10 % off": _each(lambda g: _one_element(g, np.size(g) // 2, 1.1) if np.size(g) > 1 else None),
    "smallest element doubled": _each(_smallest_doubled),
    "transposed": _each(lambda g: g.T if np.ndim(g) == 2 and g.shape[0] == g.shape[1] else None),
    "reversed": _each(lambda g: g[::-1] if np.ndim(g) and len(g) > 1 else None),
    "inputs swapped": _swapped,
    "times N": _each(lambda g: g * np.size(g) if np.size(g) > 1 else None),
    "averaged": _each(lambda g: np.mean(g) + 0 * g if np.size(g) > 1 else None),
    "negative x wrong": _where(lambda x: x < 0, -1.0),
    "large x missing": _where(lambda x: np.abs(x) > 1, 0.0),
    "upstream ignored": lambda gs, u, xs: "ignore upstream" if np.size(u) > 1 else None,
}


def planted(backward, name):
    """`backward` with the mistake planted; gradients it does not apply to stay right."""

    def wrong(u, *inputs):
        change = MISTAKES[name]
        if name == "upstream ignored":
            return backward(np.ones_like(u), *inputs)
        right = [np.asarray(g, dtype=np.result_type(g, 1.0 * u)) for g in backward(u, *inputs)]
        changed = change(right, u, inputs)
        return tuple(r if c is None else c for r, c in zip(right, changed or right, strict=True))

    return wrong


# Broken contracts: (kind that must be named, what is wrong, f, inputs, backward) -------

_X = np.array([0.5, -1.2, 2.0])
_B = np.ones((2, 3))
_EDGE = np.array([4.0, 0.0])


class _Noise:
    """Functions that are not the same from call to call."""

    def __init__(self, seed=0):
        self.random, self.calls = np.random.default_rng(seed), 0

    def dropout(self, x):
        return (x * (self.random.random(x.shape) < 0.5)).sum()

    def jitter(self, x):
        return (x * x).sum() + 1e-9 * self.random.standard_normal()

    def counter(self, x):
        self.calls += 1
        return (x * x).sum() * (1 + 0.001 * self.calls)

    def warm_up(self, x):
        self.calls += 1
        return (x * x).sum() * (1 if self.calls < 4 else 2)

    def gradient(self, u, x):
        return (2 * x * u * (1 + 1e-3 * self.random.standard_normal()),)

    def accumulated(self, u, x):
        self.calls += 1
        return (2 * x * u * self.calls,)


def _square(x):
    return (x * x).sum()


def _in_place_relu(x):
    x[x < 0] = 0
    return x.sum()


def _centre_in_place(x):
    x -= x.mean()
    return (x * x).sum()


def _sort_in_place(x):
    x.sort()
    return x[-1] * 2


def _scale_in_backward(u, x):
    x *= 2
    return (x * u,)


def _double(u, x):
    return (2 * x * u,)


def _zero_times_infinity(u, x):
    return (2 * x * u + 0 * np.exp(1e6 * np.abs(x)),)


BROKEN = [
    ("nondeterministic", "dropout", lambda n: n.dropout, (_X,), _double),
    ("nondeterministic", "noise of 1e-9", lambda n: n.jitter, (_X,), _double),
    ("nondeterministic", "counts its calls", lambda n: n.counter, (_X,), _double),
    ("nondeterministic", "changes after a while", lambda n: n.warm_up, (_X,), _double),
    ("nondeterministic", "noisy backward", lambda n: _square, (_X,), "gradient"),
    ("nondeterministic", "gradient kept between calls", lambda n: _square, (_X,), "accumulated"),
    ("mutates", "relu in place", lambda n: _in_place_relu, (_X,), lambda u, x: ((x > 0) * u,)),
    ("mutates", "centres in place", lambda n: _centre_in_place, (_X,), lambda u, x: (2 * (x - x.mean()) * u,)),
    ("mutates", "sorts in place", lambda n: _sort_in_place, (_X,), lambda u, x: (2 * u * (x == x.max()),)),
    ("mutates", "backward scales in place", lambda n: _square, (_X,), _scale_in_backward),
    ("nonfinite", "exp overflows", lambda n: lambda x: np.exp(x).sum(), (_X * 1e3,), lambda u, x: (u * np.exp(x),)),
    ("nonfinite", "log of 0", lambda n: lambda x: np.log(x).sum(), (_EDGE,), lambda u, x: (u / x,)),
    ("nonfinite", "log of a negative", lambda n: lambda x: np.log(x).sum(), (_X,), lambda u, x: (u / x,)),
    ("nonfinite", "sqrt at 0", lambda n: lambda x: np.sqrt(x).sum(), (_EDGE,), lambda u, x: (u / (2 * np.sqrt(x)),)),
    ("nonfinite", "0 times inf in backward", lambda n: _square, (_X,), _zero_times_infinity),
    ("shape", "bias not summed", lambda n: lambda a, b: a + b, (_B, _X), lambda u, a, b: (u, u)),
    ("shape", "summed over the wrong axis", lambda n: lambda a, b: a + b, (_B, _X), lambda u, a, b: (u, u.sum(axis=1))),
    ("shape", "keepdims left over", lambda n: lambda a, b: a + b, (_B, _X), lambda u, a, b: (u, u[:1])),
    ("shape", "one number for an array", lambda n: lambda x: x.sum(), (_X,), lambda u, x: (u,)),
    ("shape", "flattened", lambda n: _square, (_B,), lambda u, x: (2 * x.ravel() * u,)),
    ("shape", "transposed", lambda n: _square, (_B,), lambda u, x: (2 * x.T * u,)),
    ("shape", "(1,) for a number", lambda n: lambda x: x * x, (3.0,), lambda u, x: (np.array([2 * x * u]),)),
    ("shape", "column for a vector", lambda n: _square, (_X,), lambda u, x: (2 * x[:, None] * u,)),
    ("missing", "None for an input", lambda n: lambda a, b: (a * b).sum(), (_X, _X), lambda u, a, b: (u * b, None)),
    ("missing", "one gradient for two", lambda n: lambda a, b: (a * b).sum(), (_X, _X), lambda u, a, b: (u * b,)),
    ("missing", "one gradient too many", lambda n: _square, (_X,), lambda u, x: (2 * x * u, x)),
    ("missing", "forgot to return", lambda n: _square, (_X,), lambda u, x: None),
]  # fmt: skip


def broken_contracts():
    """Fresh (kind, name, f, inputs, backward) for every broken contract; some of them keep state."""
    for kind, name, make, inputs, backward in BROKEN:
        noise = _Noise()
        yield kind, name, make(noise), inputs, getattr(noise, backward) if isinstance(backward, str) else backward
