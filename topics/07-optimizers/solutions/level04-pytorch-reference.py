"""Level 4, the PyTorch reference: the same names, every step taken by torch.optim.

What changed   no rule stands in this file. Each optimizer owns tensors beside the caller's arrays: the numbers are
               copied in, torch.optim takes its step, the numbers are copied out.
What it buys   an oracle that shares no line with the levels below. Run this file to see it beside level 3.
What it costs  torch, some hundreds of megabytes to install, and two copies a step. And torch's clip divides by
               norm + 1e-6, so the clip of the contract has to be computed here from torch's norm.
"""

import numpy as np
import torch


class Optimizer:
    """`make(tensors)` gives the optimizer of torch; `lr` is handed on at each step."""

    def __init__(self, lr, in_place, make):
        self.lr, self.in_place, self.make = lr, in_place, make
        self.tensors, self.inner = [], None

    def step(self, params, grads):
        single = not isinstance(params, (list, tuple))
        arrays, slopes = ([params], [grads]) if single else (params, grads)
        if [np.shape(p) for p in arrays] != [np.shape(g) for g in slopes]:
            raise ValueError("the parameters and their gradients have different shapes")
        if self.inner is None:
            self.tensors = [torch.zeros(np.shape(p), dtype=torch.float64, requires_grad=True) for p in arrays]
            self.inner = self.make(self.tensors)
        self.inner.param_groups[0]["lr"] = self.lr
        for tensor, p, g in zip(self.tensors, arrays, slopes, strict=True):
            tensor.data.copy_(torch.tensor(np.array(p, dtype=float)))
            tensor.grad = torch.tensor(np.array(g, dtype=float))
        self.inner.step()
        moved = [tensor.detach().numpy().copy() for tensor in self.tensors]
        if self.in_place:
            for p, new in zip(arrays, moved, strict=True):
                np.copyto(p, new)
            return params
        return moved[0] if single else moved


class SGD(Optimizer):
    def __init__(self, lr=0.1, in_place=False):
        super().__init__(lr, in_place, lambda tensors: torch.optim.SGD(tensors, lr))


class Momentum(Optimizer):
    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        super().__init__(lr, in_place, lambda tensors: torch.optim.SGD(tensors, lr, momentum=momentum))


class Nesterov(Optimizer):
    def __init__(self, lr=0.1, momentum=0.9, in_place=False):
        # torch refuses Nesterov without momentum; without momentum it is SGD.
        super().__init__(
            lr, in_place, lambda tensors: torch.optim.SGD(tensors, lr, momentum=momentum, nesterov=momentum > 0)
        )


class RMSProp(Optimizer):
    def __init__(self, lr=0.01, decay=0.99, eps=1e-8, in_place=False):
        super().__init__(lr, in_place, lambda tensors: torch.optim.RMSprop(tensors, lr, alpha=decay, eps=eps))


class Adam(Optimizer):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, in_place=False):
        super().__init__(lr, in_place, lambda tensors: torch.optim.Adam(tensors, lr, (beta1, beta2), eps))


class AdamW(Optimizer):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, in_place=False):
        super().__init__(
            lr, in_place, lambda tensors: torch.optim.AdamW(tensors, lr, (beta1, beta2), eps, weight_decay)
        )


def warmup_cosine(step, warmup, total, peak, floor=0.0):
    if step <= warmup and warmup:
        return peak * step / warmup
    rate = torch.optim.SGD([torch.zeros(1, requires_grad=True)], peak)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(rate, total - warmup, eta_min=floor)
    rate.step()  # torch wants to see a step of the optimizer before one of the schedule
    for _ in range(min(step, total) - warmup):
        schedule.step()
    return rate.param_groups[0]["lr"]


def clip_by_global_norm(grads, limit):
    single = not isinstance(grads, (list, tuple))
    arrays = [np.array(g, dtype=float) for g in ([grads] if single else grads)]
    norm = torch.nn.utils.get_total_norm([torch.tensor(g) for g in arrays]).item()
    clipped = [g * (limit / norm) if norm > limit else g for g in arrays]
    return (clipped[0] if single else clipped), norm


def main():
    from pathlib import Path

    from utils.course.loading import load

    level3 = load(Path(__file__).with_name("level03-in-place.py"))
    start, steep = np.array([10.0, 1.0]), np.array([1.0, 25.0])  # the valley (x**2 + 25*y**2) / 2
    print(f"{'200 steps, lr = 0.01':<22} {'level 3':>24} {'PyTorch':>24}   differ by")
    for name in ("SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "AdamW"):
        ends = []
        for module in (level3.__dict__, globals()):
            opt, p = module[name](lr=0.01), start
            for _ in range(200):
                p = opt.step(p, steep * p)
            ends.append(p)
        shown = [f"{p[0]:>12.8f}{p[1]:>12.8f}" for p in ends]
        print(f"{name:<22} {shown[0]:>24} {shown[1]:>24}   {np.abs(ends[0] - ends[1]).max():.0e}")


if __name__ == "__main__":
    main()
