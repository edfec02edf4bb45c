"""Functions with their correct gradients, grouped by what makes them hard to check.

Every formula works in any floating dtype, so that truth.py can verify it in long double.
`backward(upstream, *inputs)` returns one gradient per input.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    group: str
    name: str
    f: Callable
    inputs: tuple
    backward: Callable
    exact: Callable | None = None  # f without its deliberate rounding, where it has one

    @property
    def at_kink(self) -> bool:
        return self.group == "at a kink"


CASES: list[Case] = []


def case(group, name, f, inputs, backward, exact=None):
    CASES.append(Case(group, name, f, inputs, backward, exact))


def pointwise(group, name, f, derivative, *points, exact=None):
    """One case for each point of an element-wise function."""
    for point in points:
        label = f"{point:.4g}" if np.ndim(point) == 0 else f"array {np.shape(point)}"
        case(group, f"{name} at {label}", f, (point,), lambda u, x: (u * derivative(x),), exact)


def normal(*shape, seed=0, scale=1.0, dtype=float):
    return (scale * np.random.default_rng([seed, *shape]).standard_normal(shape)).astype(dtype)


def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def spread(g, shape):
    """The gradient of a sum is the same number everywhere."""
    return np.zeros(shape) + g


# Ordinary ----------------------------------------------------------------------------

X = normal(7)
pointwise("ordinary", "sin", np.sin, np.cos, 0.7, X)
pointwise("ordinary", "exp", np.exp, np.exp, 1.3, X)
pointwise("ordinary", "log", np.log, lambda x: 1 / x, 2.5, np.abs(X) + 0.2)
pointwise("ordinary", "tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, 0.4, X)
pointwise("ordinary", "cube", lambda x: x**3, lambda x: 3 * x**2, -1.7, X)
pointwise("ordinary", "1/x", lambda x: 1 / x, lambda x: -1 / x**2, 0.3)
pointwise("ordinary", "sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), 3.0)
pointwise("ordinary", "sigmoid", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), X)
pointwise("ordinary", "softplus", lambda x: np.logaddexp(0 * x, x), sigmoid, X)
pointwise("ordinary", "x sin x", lambda x: x * np.sin(x), lambda x: np.sin(x) + x * np.cos(x), 2.2)
pointwise("ordinary", "sin exp", lambda x: np.sin(np.exp(x)), lambda x: np.cos(np.exp(x)) * np.exp(x), 0.9)
case("ordinary", "a b + a", lambda a, b: a * b + a, (2.0, -3.5), lambda u, a, b: (u * (b + 1), u * a))
case("ordinary", "a / b", lambda a, b: a / b, (2.0, -3.5), lambda u, a, b: (u / b, -u * a / b**2))
case("ordinary", "a ** b", lambda a, b: a**b, (1.4, 2.3), lambda u, a, b: (u * b * a ** (b - 1), u * a**b * np.log(a)))
case(
    "ordinary", "hypot", lambda a, b: np.sqrt(a * a + b * b), (3.0, -4.5),
    lambda u, a, b: (u * a / np.hypot(a, b), u * b / np.hypot(a, b)),
)  # fmt: skip
case("ordinary", "sum of squares", lambda x: (x * x).sum(), (X,), lambda u, x: (u * 2 * x,))
case("ordinary", "variance", lambda x: x.var(), (X,), lambda u, x: (u * 2 * (x - x.mean()) / x.size,))
case("ordinary", "product", lambda x: x.prod(), (np.array([0.5, -1.5, 2.0, 3.0]),), lambda u, x: (u * x.prod() / x,))

# Badly scaled inputs -----------------------------------------------------------------

SCALED = "badly scaled"
pointwise(SCALED, "log", np.log, lambda x: 1 / x, 1e-10, 1e-6, 1e8)
pointwise(SCALED, "exp", np.exp, np.exp, 1e-10, 3e-5)
pointwise(SCALED, "x squared", lambda x: x * x, lambda x: 2 * x, 1e-10, 1e8, np.array([1e-9, -1e-3, 1.0, 1e5]))
pointwise(SCALED, "sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-8, 1e8)
pointwise(SCALED, "1/x", lambda x: 1 / x, lambda x: -1 / x**2, 1e-7, 1e7)
pointwise(SCALED, "sin", np.sin, np.cos, 1e6 + 0.3)
case(SCALED, "tiny times huge", lambda a, b: a * b, (3e-9, 4e8), lambda u, a, b: (u * b, u * a))
case(SCALED, "a exp b", lambda a, b: a * np.exp(b), (2e7, 1e-6), lambda u, a, b: (u * np.exp(b), u * a * np.exp(b)))
case(
    SCALED, "quadratic, mixed units", lambda x: 0.5 * (np.array([1e8, 1.0, 1e-8]) * x * x).sum(),
    (np.array([1e-4, 1.0, 1e4]),), lambda u, x: (u * np.array([1e8, 1.0, 1e-8]) * x,),
)  # fmt: skip

# Tiny and large gradients ------------------------------------------------------------

TINY = "tiny gradients"
pointwise(TINY, "1e-9 sin", lambda x: 1e-9 * np.sin(x), lambda x: 1e-9 * np.cos(x), 0.8, X)
pointwise(TINY, "exp(-x)", lambda x: np.exp(-x), lambda x: -np.exp(-x), 30.0)
pointwise(TINY, "x ** 8", lambda x: x**8, lambda x: 8 * x**7, 0.02)
case(TINY, "mean of 1e-8 x squared", lambda x: 1e-8 * (x * x).mean(), (X,), lambda u, x: (u * 2e-8 * x / x.size,))
pointwise(TINY, "1 + 1e-9 x", lambda x: 1 + 1e-9 * x, lambda x: 1e-9 + 0 * x, 1.5)
pointwise(TINY, "1000 + 1e-6 sin", lambda x: 1000 + 1e-6 * np.sin(x), lambda x: 1e-6 * np.cos(x), 0.8)
pointwise("large gradients", "1e8 tanh", lambda x: 1e8 * np.tanh(x), lambda x: 1e8 * (1 - np.tanh(x) ** 2), 0.6, X)
pointwise("large gradients", "exp", np.exp, np.exp, 25.0)
pointwise("large gradients", "1e10 x ** 4", lambda x: 1e10 * x**4, lambda x: 4e10 * x**3, -2.1)

# High curvature ----------------------------------------------------------------------

CURVED = "high curvature"
pointwise(CURVED, "sin 1e4 x", lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), 0.37, X)
pointwise(CURVED, "sin 1e6 x", lambda x: np.sin(1e6 * x), lambda x: 1e6 * np.cos(1e6 * x), 0.37)
pointwise(CURVED, "tanh 1e4 x", lambda x: np.tanh(1e4 * x), lambda x: 1e4 / np.cosh(1e4 * x) ** 2, 1e-4)
pointwise(
    CURVED, "bump of width 1e-4", lambda x: np.exp(-(((x - 1) * 1e4) ** 2)),
    lambda x: -2e8 * (x - 1) * np.exp(-(((x - 1) * 1e4) ** 2)), 1.00005,
)  # fmt: skip
pointwise(
    CURVED, "x + fast ripple", lambda x: x + 1e-5 * np.sin(1e5 * x), lambda x: 1 + np.cos(1e5 * x), 0.7, 1.3
)  # fmt: skip
pointwise(CURVED, "exp 200 x", lambda x: np.exp(200 * x), lambda x: 200 * np.exp(200 * x), 0.9)
pointwise(
    CURVED, "sin 1/x", lambda x: np.sin(1 / x), lambda x: -np.cos(1 / x) / x**2, 0.003
)  # fmt: skip

# Cancellation and saturation ---------------------------------------------------------

LOST = "cancellation"
pointwise(LOST, "(1e8 + x) - 1e8", lambda x: (1e8 + x) - 1e8, lambda x: 1 + 0 * x, 0.7, exact=lambda x: x)
pointwise(LOST, "(1e6 + x) ** 2 - 1e12", lambda x: (1e6 + x) ** 2 - 1e12, lambda x: 2 * (1e6 + x), 0.7)
pointwise(LOST, "1 - cos", lambda x: 1 - np.cos(x), np.sin, 1e-3)
pointwise(LOST, "1e10 + 1e3 sin", lambda x: 1e10 + 1e3 * np.sin(x), lambda x: 1e3 * np.cos(x), 0.4)
case(LOST, "sum of a softmax", lambda x: softmax(x).sum(), (X,), lambda u, x: (0 * x,))
case(
    LOST, "naive variance", lambda x: (x * x).mean() - x.mean() ** 2, (X + 1000,),
    lambda u, x: (u * 2 * (x - x.mean()) / x.size,),
)  # fmt: skip
case(LOST, "1e6 (a - b)", lambda a, b: 1e6 * (a - b), (1.0, 1.0 + 1e-9), lambda u, a, b: (1e6 * u, -1e6 * u))
pointwise("saturation", "tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, 9.0, -7.0)
pointwise(
    "saturation", "sigmoid", lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2, -30.0, 12.0
)
pointwise("saturation", "log sigmoid", lambda x: -np.logaddexp(0 * x, -x), lambda x: 1 / (1 + np.exp(x)), 15.0, -50.0)
pointwise(
    "saturation", "1e-3 tanh 1e3 x", lambda x: 1e-3 * np.tanh(1e3 * x), lambda x: 1 / np.cosh(1e3 * x) ** 2, 0.002
)

# Kinks: beside one, and exactly on one -----------------------------------------------

BESIDE, AT = "beside a kink", "at a kink"
RAGGED = np.array([-1.5, -1e-3, 1e-5, 0.3, -2e-8, 2.0])
relu = (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0)
pointwise(BESIDE, "relu", *relu, RAGGED, -1e-6, 1e-9)
pointwise(BESIDE, "abs", np.abs, np.sign, RAGGED, -1e-7)
pointwise(BESIDE, "leaky relu", lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1), RAGGED)
pointwise(BESIDE, "clip", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0, RAGGED * 1.0001)
pointwise(BESIDE, "round", np.round, lambda x: 0 * x, 1.2)
pointwise(
    BESIDE, "sqrt x squared + 1e-12", lambda x: np.sqrt(x * x + 1e-12), lambda x: x / np.sqrt(x * x + 1e-12), 3e-7
)
case(
    BESIDE, "sum of relu", lambda x: np.maximum(x, 0).sum(), (normal(40),), lambda u, x: (u * (x > 0),)
)  # fmt: skip
case(
    BESIDE, "max", lambda x: x.max(), (np.array([1.0, 3.0, 3.0 - 1e-6, -2.0]),), lambda u, x: (u * (x == x.max()),)
)  # fmt: skip
pointwise(AT, "relu", *relu, 0.0, np.array([-1.0, 0.0, 2.0, 0.0]))
pointwise(AT, "relu with slope 1", relu[0], lambda x: (x >= 0) * 1.0, np.array([-1.0, 0.0, 2.0]))
pointwise(AT, "relu with slope 1/2", relu[0], lambda x: np.heaviside(x, 0.5), 0.0)
pointwise(AT, "abs", np.abs, np.sign, 0.0, np.array([0.0, -2.0, 0.0]))
pointwise(AT, "abs(x - 3)", lambda x: np.abs(x - 3), lambda x: np.sign(x - 3), 3.0)
pointwise(AT, "clip", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0, np.array([1.0, 0.5, -1.0]))
case(
    AT,
    "max, tie to the first",
    lambda x: x.max(),
    (np.array([2.0, 2.0, 1.0]),),
    lambda u, x: (u * np.eye(3)[np.argmax(x)],),
)
case(
    AT,
    "max, tie shared",
    lambda x: x.max(),
    (np.array([2.0, 2.0, 1.0]),),
    lambda u, x: (u * (x == x.max()) / (x == x.max()).sum(),),
)
case(
    AT, "maximum(a, b)", np.maximum, (1.5, 1.5),
    lambda u, a, b: (u * np.heaviside(a - b, 0.5), u * np.heaviside(b - a, 0.5)),
)  # fmt: skip
pointwise(
    AT,
    "exp of relu",
    lambda x: np.exp(relu[0](x)),
    lambda x: relu[1](x) * np.exp(relu[0](x)),
    np.array([0.0, 1.0, -1.0]),
)

# float32 -----------------------------------------------------------------------------

SINGLE = "float32"
X32 = normal(6, dtype=np.float32)
pointwise(SINGLE, "sin", np.sin, np.cos, X32, np.float32(0.7))
pointwise(SINGLE, "exp", np.exp, np.exp, X32)
pointwise(SINGLE, "tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, X32)
pointwise(SINGLE, "log", np.log, lambda x: 1 / x, np.float32(1e-6))
case(SINGLE, "mean of squares", lambda x: (x * x).mean(), (X32,), lambda u, x: (u * 2 * x / x.dtype.type(x.size),))
case(
    SINGLE, "matmul", lambda a, b: a @ b, (normal(3, 4, dtype=np.float32), normal(4, 2, dtype=np.float32)),
    lambda u, a, b: (u @ b.T, a.T @ u),
)  # fmt: skip
for point in (0.7, 123.4):
    pointwise(
        SINGLE, "sin, rounded inside", lambda x: float(np.sin(np.float32(x) / np.float32(50))),
        lambda x: np.cos(x / 50) / 50, point, exact=lambda x: np.sin(x / 50),
    )  # fmt: skip

# Tensor operations -------------------------------------------------------------------

TENSOR = "tensor"


def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)


def layer_norm_backward(u, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    y = centred / deviation
    return ((u - u.mean(axis=-1, keepdims=True) - y * (u * y).mean(axis=-1, keepdims=True)) / deviation,)


def softmax_backward(u, x):
    p = softmax(x)
    return (p * (u - (u * p).sum(axis=-1, keepdims=True)),)


def cross_entropy(x):
    logits = x - x.max(axis=-1, keepdims=True)
    return (np.log(np.exp(logits).sum(axis=-1)) - logits[np.arange(len(x)), TARGETS[: len(x)]]).mean()


def cross_entropy_backward(u, x):
    return (u * (softmax(x) - np.eye(x.shape[1])[TARGETS[: len(x)]]) / len(x),)


def attention(q, k, v):
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def attention_backward(u, q, k, v):
    p = softmax(q @ k.T / np.sqrt(q.shape[1]))
    dp = u @ v.T
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ u


def convolution(x, w):
    return sum(w[i] * x[i : i + len(x) - len(w) + 1] for i in range(len(w)))


def convolution_backward(u, x, w):
    dx = np.zeros(x.shape)
    for i in range(len(w)):
        dx[i : i + len(u)] += w[i] * u
    return dx, np.array([(u * x[i : i + len(u)]).sum() for i in range(len(w))])


def gather_backward(u, x):
    g = np.zeros(x.shape)
    np.add.at(g, ROWS, u)
    return (g,)


def two_layers(x, w, b, v):
    return ((np.tanh(x @ w + b) @ v) ** 2).mean()


def two_layers_backward(u, x, w, b, v):
    h = np.tanh(x @ w + b)
    out = h @ v
    dout = u * 2 * out / out.size
    dz = (dout @ v.T) * (1 - h * h)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0), h.T @ dout


TARGETS, ROWS = np.array([2, 0, 1, 1, 3, 0]), np.array([1, 0, 1, 3, 1])
A, B, S = normal(3, 4), normal(4, 2), normal(3, 3)
case(TENSOR, "matmul", lambda a, b: a @ b, (A, B), lambda u, a, b: (u @ b.T, a.T @ u))
case(TENSOR, "matmul, square", lambda a, b: a @ b, (S, S + 1), lambda u, a, b: (u @ b.T, a.T @ u))
case(TENSOR, "add with broadcasting", lambda a, b: a + b, (A, normal(4)), lambda u, a, b: (u, u.sum(axis=0)))
case(
    TENSOR, "mul, column", lambda a, b: a * b, (A, normal(3, 1)), lambda u, a, b: (u * b, (u * a).sum(1, keepdims=True))
)
case(TENSOR, "div, 0-d", lambda a, b: a / b, (A, np.array(1.7)), lambda u, a, b: (u / b, -(u * a).sum() / b**2))
case(TENSOR, "softmax", softmax, (A,), softmax_backward)
case(TENSOR, "softmax, wide logits", softmax, (20 * A,), softmax_backward)
case(TENSOR, "layer norm", layer_norm, (A,), layer_norm_backward)
case(TENSOR, "cross entropy", cross_entropy, (normal(6, 4),), cross_entropy_backward)
case(TENSOR, "attention", attention, (normal(4, 3), normal(5, 3), normal(5, 2)), attention_backward)
case(TENSOR, "convolution", convolution, (normal(9), normal(3)), convolution_backward)
case(TENSOR, "gather with repeats", lambda x: x[ROWS], (normal(4, 3),), gather_backward)
case(TENSOR, "transpose", lambda x: x.T * np.arange(3), (A,), lambda u, x: ((u * np.arange(3)).T,))
case(TENSOR, "reshape", lambda x: x.reshape(2, 6) ** 2, (A,), lambda u, x: (2 * x * u.reshape(3, 4),))
case(
    TENSOR,
    "slice",
    lambda x: x[1:, ::2] ** 3,
    (A,),
    lambda u, x: (np.insert(np.zeros((2, 4)), 0, 0, 0) + _scatter(u, x),),
)
case(
    TENSOR,
    "concatenate",
    lambda a, b: np.concatenate([a, b]) ** 2,
    (X, X[:2]),
    lambda u, a, b: (2 * a * u[:7], 2 * b * u[7:]),
)
case(TENSOR, "cumulative sum", lambda x: np.cumsum(x), (X,), lambda u, x: (np.cumsum(u[::-1])[::-1],))
case(TENSOR, "mean over rows", lambda x: x.mean(axis=0), (A,), lambda u, x: (np.ones(x.shape) * u / len(x),))
case(
    TENSOR, "max over rows", lambda x: x.max(axis=1), (A,), lambda u, x: (u[:, None] * (x == x.max(1, keepdims=True)),)
)
case(TENSOR, "outer", np.outer, (X[:3], X[3:]), lambda u, a, b: (u @ b, u.T @ a))
case(TENSOR, "log-sum-exp", lambda x: np.log(np.exp(x).sum(axis=1)), (A,), lambda u, x: (u[:, None] * softmax(x),))
case(TENSOR, "two layers", two_layers, (normal(5, 3), normal(3, 4), normal(4), normal(4, 1)), two_layers_backward)
case(TENSOR, "trace of a b", lambda a, b: (a * b.T).sum(), (S, S + 1), lambda u, a, b: (u * b.T, u * a.T))
case(
    TENSOR, "outputs of many sizes", lambda x: x * np.array([1e-8, 1.0, 1e8]), (normal(3),),
    lambda u, x: (u * np.array([1e-8, 1.0, 1e8]),),
)  # fmt: skip
case("big", "sum of sin, 4000", lambda x: np.sin(x).sum(), (normal(4000),), lambda u, x: (u * np.cos(x),))
case("big", "tanh, 2000 outputs", np.tanh, (normal(2000),), lambda u, x: (u * (1 - np.tanh(x) ** 2),))
case(
    "big",
    "matmul 20 x 30 x 20",
    lambda a, b: a @ b,
    (normal(20, 30), normal(30, 20)),
    lambda u, a, b: (u @ b.T, a.T @ u),
)


def _scatter(u, x):
    g = np.zeros(x.shape)
    g[1:, ::2] = u * 3 * x[1:, ::2] ** 2
    return g


# Healthy, but awkward to handle ------------------------------------------------------

PLUMBING = "awkward plumbing"
_buffer = np.empty(7)


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def _square_into_buffer(x):
    if x.dtype != _buffer.dtype:
        return x * x
    return np.multiply(x, x, out=_buffer)


def _doubled(u, x):
    return (2 * x * u,)


case(PLUMBING, "read-only", lambda x: (x * x).sum(), (_read_only(X),), _doubled)
case(PLUMBING, "every second element", lambda x: (x * x).sum(), (normal(12)[::2],), _doubled)
case(PLUMBING, "reversed", lambda x: (x * x).sum(), (X[::-1],), _doubled)
case(PLUMBING, "Fortran order", lambda x: x * x, (np.asfortranarray(A),), _doubled)
case(PLUMBING, "broadcast view", lambda x: (x * x).sum(), (np.broadcast_to(X[:3], (2, 3)),), _doubled)
case(PLUMBING, "same array twice", lambda a, b: a * b, (X, X), lambda u, a, b: (u * b, u * a))
case(PLUMBING, "integers", lambda x: (x * x).sum(), (np.array([1, -2, 3]),), _doubled)
case(PLUMBING, "a Python int", lambda x: x * x, (3,), _doubled)
case(PLUMBING, "0-d array", lambda x: x * x, (np.array(1.5),), _doubled)
case(PLUMBING, "empty array", lambda x: (x * x).sum(), (np.empty((0, 3)),), _doubled)
case(PLUMBING, "output buffer used again", _square_into_buffer, (X,), _doubled)
case(PLUMBING, "returns its input", lambda x: x, (X,), lambda u, x: (u,))
case(PLUMBING, "does not depend on b", lambda a, b: (a * a).sum(), (X, A), lambda u, a, b: (2 * a * u, 0 * b))
case(
    PLUMBING,
    "edge of the domain near",
    lambda x: np.sqrt(x).sum(),
    (np.array([1e-6, 1.0]),),
    lambda u, x: (u / (2 * np.sqrt(x)),),
)
