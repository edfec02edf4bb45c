"""The tensor engines under one set of names, so that a workload is written once."""

import os

import common
import numpy as np


class Ours:
    """Level 3, with the fused operations of Topics 08, 09, 14 and 25."""

    def __init__(self):
        from utils import engine

        self._use(engine.Tensor)
        self.linear, self.layer_norm = engine.linear, engine.layer_norm
        self.attention, self.cross_entropy = engine.scaled_dot_product_attention, engine.cross_entropy

    def _use(self, tensor):
        self.constant = self.tensor = tensor
        self.relu, self.softmax, self.sum = (getattr(tensor, name, None) for name in ("relu", "softmax", "sum"))
        self.reshape = lambda x, shape: x.reshape(shape)
        self.transpose = lambda x, axes: x.transpose(axes)

    def leaf(self, array, is_weight):
        array = np.ascontiguousarray(array.T) if is_weight else array.copy()  # a weight is (out, in) here
        return self.tensor(array, requires_grad=True)

    def gradient(self, leaf, is_weight):
        return leaf.grad.T if is_weight else leaf.grad

    def summed(self, chain):
        return lambda *inputs: self.sum(chain(*inputs))

    def step(self, loss, leaves):
        for leaf in leaves:
            leaf.grad = None
        result = loss(*leaves)
        result.backward()
        return result.item()


class Blocked(Ours):
    """further/blocked of Topic 08: elementwise work a block at a time."""

    def summed(self, chain):
        from utils.course.catalog import catalog
        from utils.course.loading import load_once

        return load_once(catalog().topic("08").candidate_path("further/blocked")).summed(chain)


class Unfused(Ours):
    """A file of Topic 08 alone: everything from its tensor's own operations."""

    def __init__(self, candidate="level03"):
        self._use(common.loaded("08", candidate, "Tensor").Tensor)
        self.linear, self.layer_norm, self.attention = unfused_linear, unfused_layer_norm, unfused_attention
        self.cross_entropy = lambda z, y: -z.log_softmax()[np.arange(len(y)), y].mean()


def unfused_linear(x, weight, bias=None):
    return x @ weight.T if bias is None else x @ weight.T + bias


def unfused_layer_norm(x, gain, shift):
    c = x - x.mean(-1, keepdims=True)
    return c * ((c * c).mean(-1, keepdims=True) + 1e-5) ** -0.5 * gain + shift


def unfused_attention(q, k, v):
    return (q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5).softmax() @ v


class Torch:
    """PyTorch, with its own fused operations or without."""

    def __init__(self, fused=True):
        import torch
        from torch.nn import functional as F  # noqa: N812

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.torch = torch
        self.constant, self.relu, self.sum = torch.from_numpy, torch.relu, torch.sum
        self.reshape, self.transpose = torch.reshape, torch.permute
        self.softmax = lambda z: torch.softmax(z, -1)
        self.cross_entropy = lambda z, y: F.cross_entropy(z, torch.from_numpy(y))
        self.linear = F.linear
        self.layer_norm = lambda x, gain, shift: F.layer_norm(x, x.shape[-1:], gain, shift)
        self.attention = F.scaled_dot_product_attention
        if not fused:
            self.linear = unfused_linear
            self.layer_norm, self.attention = self._layer_norm, self._attention
            self.cross_entropy = self._cross_entropy

    def _layer_norm(self, x, gain, shift):
        c = x - x.mean(-1, keepdim=True)
        return c * ((c * c).mean(-1, keepdim=True) + 1e-5) ** -0.5 * gain + shift

    def _attention(self, q, k, v):
        return self.torch.softmax(q @ k.swapaxes(-1, -2) * q.shape[-1] ** -0.5, -1) @ v

    def _cross_entropy(self, z, y):
        return -self.torch.log_softmax(z, -1)[self.torch.arange(len(y)), self.torch.from_numpy(y)].mean()

    def leaf(self, array, is_weight):
        array = np.ascontiguousarray(array.T) if is_weight else array.copy()
        return self.torch.from_numpy(array).requires_grad_()

    def gradient(self, leaf, is_weight):
        return leaf.grad.numpy().T if is_weight else leaf.grad.numpy()

    summed, step = Ours.summed, Ours.step


class Autograd:
    """HIPS autograd."""

    def __init__(self):
        import autograd
        import autograd.numpy as anp

        self.autograd, self.np = autograd, anp
        self.sum, self.reshape, self.transpose = anp.sum, anp.reshape, anp.transpose

    # fmt: off
    def constant(self, array):      return array
    def leaf(self, array, _):       return array.copy()
    def relu(self, x):              return self.np.maximum(x, np.float32(0))
    # fmt: on

    def linear(self, x, weight, bias=None):
        y = self.np.dot(x, weight)
        return y if bias is None else y + bias

    def softmax(self, z):
        e = self.np.exp(z - z.max(axis=-1, keepdims=True))
        return e / self.np.sum(e, axis=-1, keepdims=True)

    def layer_norm(self, x, gain, shift):
        c = x - self.np.mean(x, axis=-1, keepdims=True)
        return c * (self.np.mean(c * c, axis=-1, keepdims=True) + np.float32(1e-5)) ** np.float32(-0.5) * gain + shift

    def attention(self, q, k, v):
        return self.np.matmul(self.softmax(self.np.matmul(q, self.np.swapaxes(k, -1, -2)) * np.float32(32**-0.5)), v)

    def cross_entropy(self, z, y):
        z = z - z.max(axis=-1, keepdims=True)
        log_p = z - self.np.log(self.np.sum(self.np.exp(z), axis=-1, keepdims=True))
        return -self.np.mean(log_p[np.arange(len(y)), y])

    def gradient(self, leaf, _):
        return self.gradients[id(leaf)]

    summed = Ours.summed

    def step(self, loss, leaves):
        if getattr(self, "prepared_for", None) is not loss:
            self.prepared_for = loss
            self.function = self.autograd.value_and_grad(lambda leaves: loss(*leaves))
        value, gradients = self.function(leaves)
        self.gradients = {id(leaf): gradient for leaf, gradient in zip(leaves, gradients, strict=True)}
        return float(value)


class Naive:
    """micrograd's design with arrays in it: a closure for each operation, gradients of zeros from the start."""

    class Tensor:
        def __init__(self, data, parents=()):
            self.data, self.grad = data, np.zeros_like(data)
            self.parents, self.way_back = parents, lambda: None

        def __add__(self, other):
            result = Naive.Tensor(self.data + other.data, (self, other))

            def way_back():
                self.grad += result.grad
                other.grad += result.grad.sum(axis=0) if other.data.ndim == 1 else result.grad

            result.way_back = way_back
            return result

        def __matmul__(self, other):
            result = Naive.Tensor(self.data @ other.data, (self, other))

            def way_back():
                self.grad += result.grad @ other.data.T
                other.grad += self.data.T @ result.grad

            result.way_back = way_back
            return result

        def relu(self):
            result = Naive.Tensor(np.maximum(self.data, 0), (self,))

            def way_back():
                self.grad += result.grad * (result.data > 0)

            result.way_back = way_back
            return result

        def sum(self):
            result = Naive.Tensor(np.asarray(self.data.sum()), (self,))

            def way_back():
                self.grad += result.grad

            result.way_back = way_back
            return result

        def backward(self):
            order, seen = [], set()

            def visit(tensor):
                if tensor not in seen:
                    seen.add(tensor)
                    for parent in tensor.parents:
                        visit(parent)
                    order.append(tensor)

            visit(self)
            self.grad = np.ones_like(self.data)
            for tensor in reversed(order):
                tensor.way_back()

    constant = Tensor
    relu, sum = staticmethod(Tensor.relu), staticmethod(Tensor.sum)

    # fmt: off
    def leaf(self, array, _):                 return self.Tensor(array.copy())
    def linear(self, x, weight, bias):        return x @ weight + bias
    def gradient(self, leaf, _):              return leaf.grad
    # fmt: on

    def step(self, loss, leaves):
        for leaf in leaves:
            leaf.grad = np.zeros_like(leaf.data)
        result = loss(*leaves)
        result.backward()
        return float(result.data)


ENGINES = {
    "level03": Ours,
    "unfused": Unfused,
    "blocked": Blocked,
    "torch": Torch,
    "torch-unfused": lambda: Torch(fused=False),
    "autograd": Autograd,
    "naive": Naive,
}


def engine(text):
    """(label, engine): one of ENGINES, or a file of Topic 08: mine, level01 to level04, a path, or LABEL=PATH."""
    if text in ENGINES:
        return text, ENGINES[text]()
    label, _, candidate = text.rpartition("=")
    return label or text, Unfused(candidate)
