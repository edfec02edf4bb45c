"""Level 4, PyTorch: the contract's names over torch tensors, as the oracle that decides.

What changed   no rule stands in this file: every operation is torch's own, and so is `backward`. A rule of yours
               becomes a torch.autograd.Function; changes in place are found by torch's hooks on what it saves.
What it buys   an independent answer. Run this file to see it beside level 3, on the operations of a transformer.
What it costs  torch, some hundreds of megabytes. And its errors are other ones: RuntimeError for shapes that do not
               fit, so they are translated here.
"""

import contextlib
import zlib

import numpy as np
import torch

_guarding = False  # True inside detect_changes


class Tensor:
    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False):
        array = np.asarray(data)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"a tensor holds numbers in rows of equal length; here is {str(data)[:60]}")
        if requires_grad and array.dtype.kind != "f":  # torch raises RuntimeError
            raise TypeError(f"only floats can require gradients; here is {array.dtype}")
        # torch has no negative strides, and warns of arrays that must not be written
        usable = array.flags.writeable and all(stride >= 0 for stride in array.strides)
        self._tensor = torch.from_numpy(array if usable else array.copy())
        self._tensor.requires_grad_(bool(requires_grad))
        if requires_grad:
            # torch may let two gradients share memory, as of x.reshape(6) + y.reshape(6); the contract does not.
            self._tensor.register_post_accumulate_grad_hook(_own_gradient)

    def __repr__(self):
        return repr(self._tensor).replace("tensor(", "Tensor(")

    @property
    def data(self):
        return self._tensor.detach().numpy()  # the same memory

    @data.setter
    def data(self, array):
        self._tensor.data = torch.from_numpy(np.asarray(array))

    @property
    def grad(self):
        grad = self._tensor.grad if self._tensor.is_leaf else None  # torch warns where a result is asked
        return None if grad is None else grad.numpy()

    @grad.setter
    def grad(self, array):
        self._tensor.grad = None if array is None else torch.from_numpy(np.asarray(array))

    # fmt: off
    requires_grad = property(lambda self: self._tensor.requires_grad)
    shape = property(lambda self: tuple(self._tensor.shape))
    ndim = property(lambda self: self._tensor.ndim)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.transpose())
    def __len__(self):   return len(self._tensor)
    def numpy(self):     return self.data
    def detach(self):    return _wrapped(self._tensor.detach())
    def item(self):      return self._tensor.item()
    def zero_grad(self): self._tensor.grad = None
    # fmt: on

    def backward(self, gradient=None, retain_graph=False):
        if not self.requires_grad:
            raise RuntimeError("nothing in this result requires gradients")
        if gradient is None and self._tensor.numel() != 1:  # torch's message does not say the shape
            raise RuntimeError(f"backward() starts from one number, and this has shape {self.shape}")
        if gradient is not None:
            gradient = torch.tensor(np.asarray(gradient), dtype=self._tensor.dtype)  # torch keeps what it is given
            if gradient.shape != self._tensor.shape:
                raise ValueError(f"gradient {tuple(gradient.shape)} for a result of shape {self.shape}")
        self._tensor.backward(gradient, retain_graph=retain_graph)


def _own_gradient(tensor):
    tensor.grad = tensor.grad.clone()


def _wrapped(tensor):
    result = object.__new__(Tensor)
    result._tensor = tensor
    return result


def _plain(x):
    return x._tensor if isinstance(x, Tensor) else torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x


def _offer(name, call):
    """The operation on Tensors that a call on torch's tensors is."""

    def apply(*inputs, **options):
        try:
            with _guard(name) if _guarding else contextlib.nullcontext():
                return _wrapped(call(*map(_plain, inputs), **options))
        except (RuntimeError, IndexError) as error:
            shapes = " and ".join(str(tuple(x.shape)) for x in inputs if hasattr(x, "shape"))
            kind = IndexError if isinstance(error, IndexError) else ValueError
            raise kind(f"{name}: shapes {shapes}: {error}") from None

    return apply


def _guard(name):
    """torch's own hooks on what an operation saves: a checksum goes in with it, and is compared when it comes out."""

    def pack(saved):
        return saved.detach(), _checksum(saved)

    def unpack(packed):
        saved, mark = packed
        if _checksum(saved) != mark:
            raise RuntimeError(f"`{name}` saved an array of shape {tuple(saved.shape)}, and it was changed in place")
        return saved

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


def _checksum(tensor):
    return zlib.crc32(np.ascontiguousarray(tensor.detach().numpy()))


def _axes(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def _rearranged(x, *axes):
    axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
    return x.permute(tuple(axes) or tuple(range(x.ndim))[::-1])


def _power(x, exponent):
    if isinstance(exponent, torch.Tensor):
        raise TypeError("the exponent must be a plain number")
    return x**exponent


def _getitem(x, key):
    # torch knows no negative steps: NumPy says which entries are meant, and torch takes them.
    key = key.numpy() if isinstance(key, torch.Tensor) else key
    return x.reshape(-1)[torch.from_numpy(np.array(np.arange(x.numel()).reshape(tuple(x.shape))[key]))]


def _cross_entropy(logits, labels):
    labels = torch.as_tensor(labels)
    if labels.shape != logits.shape[:-1] or labels.is_floating_point() or (labels < 0).any():
        raise RuntimeError(f"labels {tuple(labels.shape)}")  # torch skips rows whose label is -100
    try:
        return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
    except IndexError as error:
        raise RuntimeError(error) from None


METHODS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "truediv": lambda a, b: a / b,
    "matmul": lambda a, b: a @ b,
    "neg": lambda a: -a,
    "pow": _power,
    "rpow": lambda a, base: base**a,
    "getitem": _getitem,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "sum": lambda x, axis=None, keepdims=False: x.sum(_axes(x, axis), keepdims),
    "mean": lambda x, axis=None, keepdims=False: x.mean(_axes(x, axis), keepdims),
    "max": lambda x, axis=None, keepdims=False: x.amax(_axes(x, axis), keepdims),
    "var": lambda x, axis=None, keepdims=False: x.var(_axes(x, axis), correction=0, keepdim=keepdims),
    "softmax": lambda x, axis=-1: x.softmax(axis),
    "log_softmax": lambda x, axis=-1: x.log_softmax(axis),
    "masked_fill": lambda x, mask, value: x.masked_fill(torch.as_tensor(mask), value),
    "reshape": lambda x, *shape: x.reshape(*shape),
    "transpose": _rearranged,
    "swapaxes": lambda x, axis1, axis2: x.swapaxes(axis1, axis2),
}

for _name, _call in METHODS.items():
    _special = _name in ("add", "sub", "mul", "truediv", "matmul", "neg", "pow", "rpow", "getitem")
    setattr(Tensor, f"__{_name}__" if _special else _name, _offer(_name, _call))

Tensor.__radd__, Tensor.__rmul__ = Tensor.__add__, Tensor.__mul__
Tensor.__rsub__ = lambda self, other: Tensor.__sub__(other, self)
Tensor.__rtruediv__ = lambda self, other: Tensor.__truediv__(other, self)
Tensor.__rmatmul__ = lambda self, other: Tensor.__matmul__(other, self)

_where = _offer("where", lambda a, b, condition: torch.where(torch.as_tensor(condition), a, b))
cross_entropy = _offer("cross_entropy", _cross_entropy)
no_grad = torch.no_grad


def where(condition, a, b):
    return _where(a, b, condition=condition)


def unbroadcast(gradient, shape):
    return torch.as_tensor(gradient).sum_to_size(shape).numpy().copy()  # torch's own, by the same rule


def operation(rule):
    name = rule.__name__.strip("_")

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx, options, *inputs):
            arrays = [x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in inputs]
            data, ctx.vjps = rule(*arrays, **options)
            ctx.inputs = [(tuple(x.shape), x.dtype) if isinstance(x, torch.Tensor) else None for x in inputs]
            return torch.tensor(np.asarray(data))

        @staticmethod
        def backward(ctx, upstream):
            g = upstream.numpy()
            wanted = [i for i, wants in enumerate(ctx.needs_input_grad[1:]) if wants]
            every = ctx.vjps(g) if callable(ctx.vjps) else {i: ctx.vjps[i](g) for i in wanted}
            gradients = [None] * len(ctx.inputs)
            for i in wanted:
                shape, dtype = ctx.inputs[i]
                gradients[i] = torch.tensor(unbroadcast(np.array(every[i]), shape), dtype=dtype)
            return None, *gradients

    Rule.__name__ = name
    return _offer(name, lambda *inputs, **options: Rule.apply(options, *inputs))


class detect_changes(contextlib.ContextDecorator):  # noqa: N801
    def __init__(self):
        self._before = []

    def __enter__(self):
        global _guarding
        self._before.append(_guarding)
        _guarding = True

    def __exit__(self, *_):
        global _guarding
        _guarding = self._before.pop()


EXPRESSIONS = (
    "x + r",
    "(x * x).mean(axis=0)",
    "x.max(axis=1)",
    "x @ w",
    "(x @ w).tanh().sum()",
    "x.softmax()",
    "x.log_softmax()[0]",
    "x[[0, 0, 1]]",
    "x.transpose(1, 0).reshape(-1)",
    "where(x.data > 0, x, r)",
    "cross_entropy(x, [0, 2])",
)


def main():
    """Print value and gradients of each expression by level 3 and by torch, and by how much they differ."""
    from pathlib import Path

    from utils.course.loading import load

    level3 = load(next(Path(__file__).parent.glob("level03-*.py")))
    arrays = {
        "x": np.array([[0.5, -1.5, 2.0], [1.0, 0.3, -0.7]]),
        "w": np.array([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]]),
        "r": np.array([1.0, -2.0, 0.5]),
    }
    print(f"{'':<32} {'shape':>8} {'value differs by':>18} {'gradients by':>14}")
    for expression in EXPRESSIONS:
        results = []
        for module in (level3.__dict__, globals()):
            leaves = {name: module["Tensor"](array.copy(), requires_grad=True) for name, array in arrays.items()}
            result = eval(expression, {name: module[name] for name in ("where", "cross_entropy")}, leaves)
            result.backward(np.linspace(1, 2, max(1, result.data.size)).reshape(result.shape))
            results.append((result.data, [leaf.grad for leaf in leaves.values() if leaf.grad is not None]))
        (mine, slopes), (torchs, others) = results
        gap = max(np.abs(a - b).max() for a, b in zip(slopes, others, strict=True))
        print(f"{expression:<32} {mine.shape!s:>8} {np.abs(mine - torchs).max():>18.0e} {gap:>14.0e}")


if __name__ == "__main__":
    main()
