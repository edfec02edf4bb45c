"""Level 4, the PyTorch reference: F.embedding, torch.cat, torch.gather, Tensor.index_add and their like.

What changed   nothing is picked up or put down in this file: a rule hands the arrays to torch, and its vjps ask
               torch.autograd.grad.
What it buys   an oracle that shares no line with the levels below. Run this file to see both side by side.
What it costs  torch, some hundreds of megabytes to install. An id outside of the table is an IndexError there as well,
               but PyTorch does not say which.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody uses

from utils.engine import operation


def by_torch(function, *arrays):
    """(result, vjps) of a torch function of these arrays, as a rule returns them."""
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = function(*leaves)

    def vjps(g):
        gradients = torch.autograd.grad(result, leaves, torch.tensor(g), retain_graph=True)
        return [gradient.numpy().copy() for gradient in gradients]

    return result.detach().numpy(), vjps


def whole(index):
    index = torch.as_tensor(index)
    if index.numel() and (index.is_floating_point() or index.dtype == torch.bool):
        raise TypeError(f"ids are whole numbers; here is a tensor of {index.dtype}")
    return index.long()


@operation
def embedding(table, ids):
    ids = whole(ids)
    wrong = ids[(ids < 0) | (ids >= len(table))]
    if wrong.numel():
        raise IndexError(f"there is no row {wrong[0].item()}")
    return by_torch(lambda table: F.embedding(ids, table), table)


def concatenate(tensors, axis=0):
    return _concatenate(*tensors, axis=axis)


@operation
def _concatenate(*arrays, axis):
    try:
        return by_torch(lambda *parts: torch.cat(parts, axis), *arrays)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


@operation
def pad(x, widths, value=0.0):
    flat = [width for pair in reversed(widths) for width in pair]  # the last axis comes first
    return by_torch(lambda x: F.pad(x, flat, value=value), x)


@operation
def select(x, key):
    def in_torch(part):
        return torch.as_tensor(part) if isinstance(part, (list, np.ndarray)) else part

    if isinstance(key, slice) and (key.step or 1) < 0:  # torch knows no slices that go backward
        key = list(range(*key.indices(len(x))))
    key = tuple(map(in_torch, key)) if isinstance(key, tuple) else in_torch(key)
    return by_torch(lambda x: x[key], x)


def stack(tensors, axis=0):
    return _stack(*tensors, axis=axis)


@operation
def _stack(*arrays, axis):
    try:
        return by_torch(lambda *parts: torch.stack(parts, axis), *arrays)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def split(x, sizes, axis=0):
    if sum(sizes) != x.shape[axis]:
        raise ValueError(f"pieces of {sizes} do not make {x.shape[axis]}")
    return [_part(x, sizes=list(sizes), axis=axis, number=number) for number in range(len(sizes))]


@operation
def _part(x, sizes, axis, number):
    return by_torch(lambda x: torch.split(x, sizes, axis)[number], x)


@operation
def roll(x, shift, axis):
    return by_torch(lambda x: torch.roll(x, shift, axis), x)


@operation
def gather(x, axis, index):
    index = whole(index)
    try:
        return by_torch(lambda x: torch.gather(x, axis, index), x)
    except RuntimeError as error:
        raise IndexError(str(error)) from None


def index_add(x, axis, index, source):
    return _index_add(x, source, axis=axis, index=index)


@operation
def _index_add(x, source, axis, index):
    index = whole(index)
    return by_torch(lambda x, source: torch.index_add(x, axis, index, source), x, source)


def embedding_gradient(ids, upstream):
    ids, upstream = whole(ids).reshape(-1), torch.as_tensor(upstream)
    table = torch.zeros(int(ids.max()) + 1 if len(ids) else 0, upstream.shape[-1], dtype=upstream.dtype)
    table.requires_grad_()
    F.embedding(ids, table, sparse=True).backward(upstream.reshape(len(ids), -1))
    gradient = table.grad.coalesce()
    return gradient.indices()[0].numpy(), gradient.values().numpy()


def update_rows(table, rows, sums, rate):
    inside = torch.from_numpy(table)  # the same memory
    inside.index_add_(0, whole(rows), torch.as_tensor(sums), alpha=-rate)
