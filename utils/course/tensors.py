"""How a test states what it expects of tensors: the exact value of a program, and its exact gradients.

    expect_tensors(candidate, "(x * y).sum(axis=0)", x=[[1.0, 2.0]], y=[[3.0], [4.0]])

The program runs twice: on the candidate's tensors, and on `Exact`, arrays of complex numbers that know the same
operations. There a slope is read off the imaginary part: f(x + ih) = f(x) + ih f'(x), with a step so small that nothing
is rounded (the complex step; Squire and Trapp, SIAM Review 40, 1998).
"""

import ast
from functools import cache

import numpy as np

from utils.course.judging import Mismatch, Observation, expect_array, observations, plain_array, raised

STEP = 1e-100
MOST_SHOWN = 6  # entries; of larger arrays only the shape is told


class Exact:
    """An array of complex numbers with the operations of the contract; where it branches, the real part decides."""

    __array_ufunc__ = None

    def __init__(self, data):
        self.data = np.asarray(data, dtype=complex)

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    T = property(lambda self: Exact(self.data.T))

    # fmt: off
    def __add__(self, other):      return Exact(self.data + _raw(other))
    def __mul__(self, other):      return Exact(self.data * _raw(other))
    def __sub__(self, other):      return Exact(self.data - _raw(other))
    def __truediv__(self, other):  return Exact(self.data / _raw(other))
    def __matmul__(self, other):   return Exact(self.data @ _raw(other))
    def __rsub__(self, other):     return Exact(_raw(other) - self.data)
    def __rtruediv__(self, other): return Exact(_raw(other) / self.data)
    def __rmatmul__(self, other):  return Exact(_raw(other) @ self.data)
    def __rpow__(self, base):      return Exact(np.exp(self.data * np.log(base)))
    def __neg__(self):             return Exact(-self.data)
    def __getitem__(self, key):    return Exact(self.data[key])
    def exp(self):                 return Exact(np.exp(self.data))
    def log(self):                 return Exact(np.log(self.data))
    def sqrt(self):                return Exact(np.sqrt(self.data))
    def tanh(self):                return Exact(np.tanh(self.data))
    def abs(self):                 return Exact(self.data * np.sign(self.data.real))
    def relu(self):                return Exact(self.data * (self.data.real > 0))
    def sum(self, axis=None, keepdims=False):  return Exact(self.data.sum(axis=axis, keepdims=keepdims))
    def mean(self, axis=None, keepdims=False): return Exact(self.data.mean(axis=axis, keepdims=keepdims))
    def transpose(self, *axes):    return Exact(self.data.transpose(*axes))
    def reshape(self, *shape):     return Exact(self.data.reshape(*shape))
    def swapaxes(self, a, b):      return Exact(self.data.swapaxes(a, b))
    def masked_fill(self, mask, value): return Exact(np.where(mask, value, self.data))
    # fmt: on

    __radd__, __rmul__ = __add__, __mul__

    def __pow__(self, n):
        if n == int(n):  # by multiplication: the logarithm of a negative number has another branch
            power = np.ones_like(self.data)
            for _ in range(abs(int(n))):
                power = power * self.data
            return Exact(power if n >= 0 else 1 / power)
        return Exact(np.exp(n * np.log(self.data)))

    def sigmoid(self):
        e = np.exp(-self.data * np.where(self.data.real >= 0, 1, -1))
        return Exact(np.where(self.data.real >= 0, 1, e) / (1 + e))

    def max(self, axis=None, keepdims=False):
        largest = self.data.real == self.data.real.max(axis=axis, keepdims=True)
        return Exact((self.data * largest).sum(axis=axis, keepdims=keepdims)) / largest.sum(
            axis=axis, keepdims=keepdims
        )

    def var(self, axis=None, keepdims=False):
        centered = self - self.mean(axis, keepdims=True)
        return (centered * centered).mean(axis, keepdims)

    def softmax(self, axis=-1):
        return self.log_softmax(axis).exp()

    def log_softmax(self, axis=-1):
        shifted = self.data - self.data.real.max(axis=axis, keepdims=True)
        return Exact(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def _raw(thing):
    return thing.data if isinstance(thing, Exact) else thing


def _where(condition, a, b):
    return Exact(np.where(condition, _raw(a), _raw(b)))


def _cross_entropy(logits, labels):
    rows = logits.reshape(-1, logits.shape[-1]).log_softmax()
    labels = np.asarray(labels).reshape(-1)
    return -rows[np.arange(len(labels)), labels].mean()


def _attention(q, k, v, attn_mask=None, is_causal=False):
    scores = (q @ k.swapaxes(-1, -2)).data / np.sqrt(q.shape[-1])
    seen = np.ones(scores.shape, dtype=bool)
    if is_causal:
        seen = np.broadcast_to(np.tri(*scores.shape[-2:], dtype=bool), scores.shape)
    elif attn_mask is not None and np.asarray(attn_mask).dtype == bool:
        seen = np.broadcast_to(attn_mask, scores.shape)
    elif attn_mask is not None:
        seen = np.broadcast_to(np.asarray(attn_mask) > -np.inf, scores.shape)
        scores = scores + np.where(np.isneginf(attn_mask), 0.0, attn_mask)
    largest = np.where(seen, scores.real, -np.inf).max(axis=-1, keepdims=True)
    powers = np.where(seen, np.exp(np.where(seen, scores - np.where(np.isneginf(largest), 0.0, largest), 0.0)), 0.0)
    total = powers.sum(axis=-1, keepdims=True)
    return Exact(powers / np.where(total == 0, 1.0, total)) @ v


def _split_heads(x, heads):
    batch, time, width = x.shape
    return x.reshape(batch, time, heads, width // heads).transpose(0, 2, 1, 3)


def _merge_heads(x):
    batch, heads, time, depth = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, time, heads * depth)


FUNCTIONS = {
    "where": _where, "cross_entropy": _cross_entropy, "scaled_dot_product_attention": _attention,
    "split_heads": _split_heads, "merge_heads": _merge_heads,
}  # fmt: skip


def exact(program, inputs, upstream=None, constants=None):
    """(value, {name: gradient}) of a program over float arrays; `upstream` weighs the entries of the value."""
    key = (program, *map(_frozen, (inputs, constants or {}, {"upstream": upstream})))
    if None in key:
        return _exact(program, inputs, upstream, constants)
    if key not in _known:
        _known[key] = _exact(program, inputs, upstream, constants)
    return _known[key]


_known = {}  # the truth does not depend on who is judged; whoever judges many looks it up


def _frozen(things):
    """What a dict of arrays holds, as a key; None where there is something else."""
    if any(map(callable, things.values())):
        return None
    arrays = {name: np.asarray(0.0 if thing is None else thing) for name, thing in things.items()}
    return tuple((name, array.shape, array.tobytes()) for name, array in arrays.items())


def _exact(program, inputs, upstream, constants):
    value = _run_exact(program, inputs, constants)
    weights = np.ones(value.shape) if upstream is None else np.asarray(upstream, dtype=float)
    gradients = {}
    for name, array in inputs.items():
        gradient = np.zeros(array.shape)
        for place in np.ndindex(*array.shape):
            moved = array.astype(complex)
            moved[place] += 1j * STEP
            gradient[place] = (weights * _run_exact(program, {**inputs, name: moved}, constants).imag).sum() / STEP
        gradients[name] = gradient
    return value.real, gradients


def _run_exact(program, arrays, constants):
    names = {name: Exact(array) for name, array in arrays.items()}
    return eval(_compiled(program), {"np": np, **FUNCTIONS, **(constants or {}), **names}).data


@cache
def _compiled(program):
    return compile(program, "<program>", "eval")


def case(program, *, constants=None, seed=0, **arrays):
    """A row for expect_all_tensors: of the arrays those that the program names, and an upstream that fits its value."""
    names = {node.id for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)}
    inputs = {name: np.array(array, dtype=float) for name, array in arrays.items() if name in names}
    shape = _run_exact(program, inputs, constants).shape
    return program, {**inputs, "constants": constants, "upstream": some(*shape, seed=seed) if shape else None}


def some(*shape, seed=0):
    """Numbers with one decimal, of both signs, none of them 0: easy to read and to type."""
    random = np.random.default_rng([seed, *shape])
    return random.integers(1, 20, shape) / 10 * random.choice([-1.0, 1.0], shape)


def program_text(program, inputs):
    """The program and its inputs, as a learner can type them; of large arrays the shape."""
    return f"{program} with " + ", ".join(f"{name} = {shown(array)}" for name, array in inputs.items())


def shown(array):
    """A small array in full, of a large one the shape."""
    array = np.asarray(array)
    if array.size > MOST_SHOWN or array.size == 0:
        return f"an array of shape {array.shape}"
    return str([[f"{x:g}" for x in row] for row in array.tolist()] if array.ndim == 2 else
               [f"{x:g}" for x in array.tolist()] if array.ndim == 1 else
               array.tolist()).replace("'", "")  # fmt: skip


def expect_tensors(candidate, program, *, upstream=None, constants=None, wanted=None, tolerance=1e-9, **inputs):
    """Expect the value of a program over tensors and the gradient of each input to be exact, and the inputs untouched.

    `upstream` is handed to backward, as an array; without it a program ends in one number. `constants` are names of the
    program that want no gradients. `wanted`: the inputs that want one, all unless said.
    """
    arrays = {name: np.array(array, dtype=float) for name, array in inputs.items()}
    value, gradients = exact(program, arrays, upstream, constants)
    given = program_text(program, arrays)
    if upstream is not None:
        upstream = np.array(upstream, dtype=float)
        given += f", gradient {shown(upstream)}"
    wanted = tuple(arrays) if wanted is None else wanted
    leaves = {name: candidate.Tensor(array.copy(), name in wanted) for name, array in arrays.items()}
    kept = None if upstream is None else upstream.copy()
    result = []
    with np.errstate(all="ignore"):  # an overflow is told by the numbers that it leaves
        expect_array("the value", lambda: result.append(run(candidate, program, leaves, constants)) or result[0].data,
                     value, given=given, tolerance=tolerance)  # fmt: skip
        expect_walk(lambda: result[0].backward() if upstream is None else result[0].backward(upstream), given=given)
    first = None
    for name in wanted:
        if leaves[name].grad is None:
            first = first or refuse(f"{name}.grad", given, "an array", "None", aim="gradient")
            continue
        try:
            expect_array(f"{name}.grad", lambda n=name: leaves[n].grad, gradients[name], given=given,
                         tolerance=tolerance, aim="gradient")  # fmt: skip
        except Exception as error:
            first = first or error
    if first:
        raise first
    for name, array in arrays.items():
        expect_array(f"{name}.data afterwards", lambda n=name: leaves[n].data, array, given=given)
    if upstream is not None:
        expect_array("the gradient that was handed in, afterwards", lambda: upstream, kept, given=given)


def expect_walk(walk, *, given):
    """Call walk(), a backward; what it raises is recorded with its case, and passes through."""
    try:
        walk()
    except Exception as error:
        observations.append(raised("backward", given, "no error", error, "value"))
        raise


def expect_all_tensors(candidate, *rows):
    """expect_tensors for a table of (program, options), to its end; the first failure is raised."""
    first = None
    for program, options in rows:
        try:
            expect_tensors(candidate, program, **options)
        except Exception as error:
            first = first or error
    if first:
        raise first


def run(candidate, program, leaves, constants=None):
    """The result of a program on the candidate's tensors."""
    functions = {name: getattr(candidate, name) for name in FUNCTIONS if name in program}
    return eval(_compiled(program), {"np": np, **functions, **(constants or {}), **leaves})


def refuse(what, given, expected, got, aim=""):
    """A Mismatch of two texts, recorded."""
    observations.append(Observation(what, given, expected, got, False, "", aim))
    return Mismatch(observations[-1])


def expect_text(what, get, expected, *, given="", aim=""):
    """Record whether str(get()) is the expected text; raise Mismatch if not."""
    got = str(get())
    if got != expected:
        raise refuse(what, given, expected, got, aim)
    observations.append(Observation(what, given, expected, got, True, "", aim))


def expect_refusal(kind, call, *, given, says=()):
    """Expect call() to raise an exception of this class, whose message holds these texts (spaces do not count)."""
    try:
        call()
    except NotImplementedError:
        raise
    except Exception as error:
        got, message = type(error).__name__, str(error)
        if not isinstance(error, kind):
            raise refuse("what is raised", given, kind.__name__, got) from None
        observations.append(Observation("what is raised", given, kind.__name__, got, True))
        for text in says:
            if text.replace(" ", "") not in message.replace(" ", ""):
                raise refuse("the message", given, f"one that holds {text}", message[:120]) from None
        return
    raise refuse("what is raised", given, kind.__name__, "nothing", aim="silent")


def expect_no_refusal(kind, call, *, given):
    """Expect that call() does not raise an exception of this class: the candidate's own checks let it pass."""
    try:
        call()
    except kind as error:
        if isinstance(error, NotImplementedError):
            raise
        raise refuse("what is raised", given, "nothing", type(error).__name__) from None
    observations.append(Observation("what is raised", given, "nothing", "nothing", True))


def shares_memory(a, b):
    """Do two arrays of a candidate lie in the same memory? Empty ones never do."""
    plain_array(a), plain_array(b)
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.shares_memory(a, b)
