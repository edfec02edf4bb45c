"""Level 4, the PyTorch reference: autograd.Function, save_for_backward, and torch.autograd.graph.saved_tensors_hooks.

What changed   the graph is torch's: it frees what it saved, refuses a second backward, and calls the hooks. A rule
               becomes an autograd.Function, whose saved arrays go through save_for_backward.
What it buys   an oracle for lifetime and hooks that shares no line with the levels below.
What it costs  torch, some hundreds of megabytes to install. What its nodes save is out of Python's sight, so
               saved_bytes has nothing to count; the four instruments are those of level 3.
"""

import numpy as np
import torch

from utils.autograd_stub import bytes_held, links, path_to, survivors  # noqa: F401  nothing in torch does the same


class Variable:
    def __init__(self, data):
        data = np.asarray(data)
        self._tensor = torch.tensor(data if data.dtype.kind == "f" else data.astype(float), requires_grad=True)

    data = property(lambda self: self._tensor.detach().numpy())

    @property
    def grad(self):
        return None if self._tensor.grad is None else self._tensor.grad.numpy()

    def backward(self, retain_graph=False):
        self._tensor.backward(retain_graph=retain_graph)


def apply(rule, *parents):
    class Operation(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            result, saved, ctx.back = rule(*[tensor.numpy() for tensor in tensors])
            ctx.save_for_backward(*[torch.as_tensor(array) for array in saved])
            return torch.tensor(result)

        @staticmethod
        def backward(ctx, upstream):
            gradients = ctx.back(upstream.numpy(), *[tensor.numpy() for tensor in ctx.saved_tensors])
            return tuple(torch.tensor(gradient) for gradient in gradients)  # copies: no two share memory

    variable = Variable.__new__(Variable)
    variable._tensor = Operation.apply(*[parent._tensor for parent in parents])
    return variable


def saved_bytes():
    raise NotImplementedError("saved_bytes: PyTorch has no such count on the CPU; on a GPU torch.cuda.memory_allocated")


def saved_tensors_hooks(pack, unpack):
    return torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: pack(tensor.detach().numpy()), lambda packed: torch.as_tensor(unpack(packed))
    )


def pack_half(array):
    tensor = torch.as_tensor(array)
    if not tensor.is_floating_point() or tensor.dtype == torch.float16:
        return array
    finite = tensor[tensor.isfinite()].abs()
    largest = finite.max() if finite.numel() else torch.zeros(())
    shift = 15 - int(torch.frexp(largest).exponent)
    # Scaled in float64, in two steps: one power of two may itself be out of range.
    return ((tensor.double() * 2.0 ** (shift // 2)) * 2.0 ** (shift - shift // 2)).half(), shift, tensor.dtype


def unpack_half(packed):
    if isinstance(packed, np.ndarray):
        return packed
    half, shift, dtype = packed
    return ((half.double() * 2.0 ** (-shift // 2)) * 2.0 ** (-shift - (-shift // 2))).to(dtype).numpy()
