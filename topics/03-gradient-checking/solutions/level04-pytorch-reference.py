"""Level 4, the PyTorch reference: every slope is taken by the code behind torch.autograd.gradcheck.

What changed   the central differences are torch's own: it moves the elements (`numerical`) and runs the backward pass
               (`torch_function`). What gradcheck does not offer stays ours: rows, error bars, three verdicts.
What it buys   an oracle for the levels below. Run this file to see gradcheck, its fast mode and level 3 on the same
               backward passes, right and wrong.
What it costs  torch, some hundreds of megabytes to install, and 13 times level 3's time for a gradient of 400 elements:
               each call of f travels through an autograd Function.
"""

import math
import sys

import numpy as np
import torch

from utils.engine import Value

EPS = torch.finfo(torch.float64).eps
# `torch.autograd.gradcheck` is the function; the module of the same name, where the numbers are made, hides behind it.
MODULE = sys.modules[torch.autograd.gradcheck.__module__]


def tensor(x):
    return torch.tensor(np.array(x, dtype=np.float64))


def numerical(f, x, h):
    """The Jacobian of a NumPy function by torch's central differences, one row for each element of x."""
    x = x.detach().requires_grad_()  # torch measures only where a gradient is wanted

    def of_tensor(t):
        return torch.as_tensor(np.array(f(t.detach().numpy().copy()), dtype=np.float64))

    return MODULE._get_numerical_jacobian(of_tensor, (x,), eps=h)[0][0]


def of_one_number(f):
    return lambda array: f(float(array))


def forward_difference(f, x, h=1e-6):
    return ((tensor(f(x + h)) - tensor(f(x))) / h).item()


def central_difference(f, x, h=1e-6):
    return numerical(of_one_number(f), tensor(x), float(h)).item()


def relative_gap(claimed, measured):
    pair = torch.tensor([claimed, measured], dtype=torch.float64)
    largest = pair.abs().max()
    if largest == 0:
        return 0.0
    return torch.nan_to_num((pair[0] - pair[1]).abs() / largest, nan=torch.inf).item()


def judge(f, x, claimed, rtol=1e-6):
    if is_kink(f, x):
        return "kink"
    measured, error = slope_with_error(f, x)
    return "pass" if agree(claimed, measured, error, rtol) else "fail"


def agree(claimed, measured, error, rtol):
    if not math.isfinite(claimed):
        return False  # a claim of infinity would be allowed an infinite gap
    return abs(claimed - measured) <= rtol * max(abs(claimed), abs(measured)) + error


def check_engine(f, numbers, value_class=Value, h=1e-6):
    leaves = [value_class(number) for number in numbers]
    f(*leaves).backward()
    measured = numerical(lambda array: f(*map(value_class, array.tolist())).data, tensor(numbers), h)
    return [(leaf.grad, slope.item()) for leaf, slope in zip(leaves, measured, strict=True)]


def numerical_gradient(f, x, h=None):
    x, original = tensor(x), np.shape(x)
    if h is not None:
        return numerical(f, x, h).reshape(original).numpy()
    gradient = np.zeros(original)
    for index in np.ndindex(original):  # torch takes one step for all elements; here each needs its own
        gradient[index] = central_difference(along(f, x.numpy(), index), x[index].item(), good_step(x[index]))
    return gradient


def along(f, x, index):
    def moved(number):
        copy = x.copy()
        copy[index] = number
        return float(f(copy))

    return moved


def sweep_errors(f, x, slope, steps, difference=central_difference):
    return torch.tensor([abs(difference(f, x, step) - slope) for step in steps], dtype=torch.float64).numpy()


def order(steps, errors):
    steps, errors = tensor(steps), tensor(errors)
    points = torch.stack([torch.log(steps), torch.ones_like(steps)], 1)[errors > 0]
    return torch.linalg.lstsq(points, torch.log(errors[errors > 0])[:, None]).solution[0].item()


def good_step(x, dtype=np.float64):
    eps = torch.finfo(torch.from_numpy(np.zeros(1, dtype)).dtype).eps
    return eps ** (1 / 3) * max(1.0, abs(float(x)))


def slope_with_error(f, x, h=None):
    h = good_step(x) if h is None else h
    slope = central_difference(f, x, h)
    bend = abs(central_difference(f, x, 2 * h) - slope)
    return slope, bend + 4 * EPS * max(abs(float(f(x + h))), abs(float(f(x - h)))) / h


def check_gradient(f, x, claimed, rtol=1e-6, most=10):
    x, claimed = tensor(x).numpy(), tensor(claimed).numpy()
    if claimed.shape != x.shape:
        raise ValueError(f"the claimed gradient has shape {claimed.shape}, x has shape {x.shape}")
    rows = []
    for index in np.ndindex(x.shape):
        claim = claimed[index].item()
        measured, error = slope_with_error(along(f, x, index), x[index].item())
        if not agree(claim, measured, error, rtol):
            rows.append((index, claim, measured, relative_gap(claim, measured)))
    return sorted(rows, key=lambda row: -row[3])[:most]


def check_backward(f, backward, x, seed=0, rtol=1e-6, most=10):
    x = tensor(x)
    output = torch_function(f, backward)(x.requires_grad_())
    upstream = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    (claimed,) = torch.autograd.grad(output, x, upstream)
    weights = upstream.numpy()
    return check_gradient(lambda moved: np.sum(weights * f(moved)), x.detach().numpy(), claimed.numpy(), rtol, most)


def torch_function(f, backward):
    """A function of tensors that computes with the NumPy function f, and whose backward is `backward`."""

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.as_tensor(np.array(f(x.detach().numpy().copy()), dtype=np.float64))

        @staticmethod
        def backward(ctx, upstream):
            (x,) = ctx.saved_tensors
            return torch.as_tensor(np.array(backward(upstream.numpy().copy(), x.detach().numpy().copy())))

    return Bridge.apply


def one_sided_slopes(f, x, h=1e-6):
    below, middle, above = (tensor(f(place)) for place in (x - h, x, x + h))
    return ((middle - below) / h).item(), ((above - middle) / h).item()


def is_kink(f, x, h=1e-4):
    wide, narrow = (abs(right - left) for left, right in (one_sided_slopes(f, x, h), one_sided_slopes(f, x, h / 10)))
    return narrow > max(wide / 2, 8 * EPS * abs(float(f(x))) / (h / 10))


def directional_slopes(f, x, claimed, seed=0):
    direction, measured, _ = measured_along(f, x, seed, slice(None))
    return (tensor(claimed).ravel() @ direction).item(), measured


def measured_along(f, x, seed, part):
    """(direction, slope, error): a random direction in which only a part of the elements moves."""
    x = tensor(x)
    every = torch.randn(x.numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    direction = torch.zeros_like(every)
    direction[part] = every[part] * x.ravel().abs().clamp(min=1.0)[part]
    slope, error = slope_with_error(lambda t: float(f((x + t * direction.reshape(x.shape)).numpy())), 0.0)
    return direction, slope, error


def find_wrong(f, x, claimed, seed=0, rtol=1e-6):
    claims = tensor(claimed).ravel()

    def is_wrong(first, last):
        direction, slope, error = measured_along(f, x, seed, slice(first, last))
        parts = (claims * direction)[first:last]  # nan elsewhere says nothing about this part
        return not (parts.sum() - slope).abs() <= rtol * torch.linalg.norm(parts) + error

    first, last = 0, claims.numel()
    if not is_wrong(first, last):
        return None
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (first, middle) if is_wrong(first, middle) else (middle, last)
    return tuple(int(i) for i in np.unravel_index(first, np.shape(x))) if is_wrong(first, last) else None


# Run as a script: gradcheck, its fast mode and level 3 side by side ---------------------------------------------------


def off_by(factor, place=...):
    """A backward pass of x*x, elementwise, with the gradients at `place` off by a factor."""

    def backward(upstream, x):
        gradient = 2 * x * upstream
        gradient[place] *= factor
        return gradient

    return backward


BESIDE = np.linspace(0.5, 1.5, 100)
CASES = (
    # words, backward of x*x, x
    ("right", off_by(1), BESIDE),
    ("all twice too large", off_by(2), BESIDE),
    ("all 0.05 % too large", off_by(1.0005), BESIDE),
    ("one of 100 is 10 % too large", off_by(1.1, 5), BESIDE),
    ("gradients of 1e-6, twice too large", off_by(2), BESIDE * 1e-6),
)


def main():
    """Print which checker passes what; exit with 1 if level 3 does not pass exactly the first case."""
    from pathlib import Path

    from utils.course.loading import load

    (path,) = Path(__file__).parent.glob("level03-*.py")
    level3, passed = load(path), []
    torch.manual_seed(0)
    print(f"torch {torch.__version__}: who passes which backward pass of x*x?\n")
    print(f"{'the backward pass is':38}{'gradcheck':>11}{'fast_mode':>11}{'level 3':>10}")
    for words, backward, x in CASES:
        f = torch_function(lambda array: array * array, backward)
        t = tensor(x).requires_grad_()
        slow = torch.autograd.gradcheck(f, (t,), raise_exception=False)
        fast = torch.autograd.gradcheck(f, (t,), raise_exception=False, fast_mode=True)
        passed.append(not level3.check_backward(lambda array: array * array, backward, x))
        slow, fast, ours = ("pass" if ok else "fail" for ok in (slow, fast, passed[-1]))
        print(f"{words:38}{slow:>11}{fast:>11}{ours:>10}")
    return 0 if passed == [True] + [False] * (len(CASES) - 1) else 1


if __name__ == "__main__":
    sys.exit(main())
