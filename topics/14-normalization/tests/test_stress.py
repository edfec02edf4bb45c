"""Levels 3 and 4: what is kept for backward, and PyTorch."""

import numpy as np
import pytest

from utils.course.costs import expect_at_most, held_bytes, peak_bytes
from utils.course.judging import expect_array
from utils.engine import Tensor

SIZE = (256, 512)
RNG = np.random.default_rng(7)


def pieces(name, size=SIZE):
    """What an operation is called with: a function that makes x, which is kept nowhere else, and the other inputs."""
    features = size[-1]
    gain, shift = Tensor(np.ones(features), requires_grad=True), Tensor(np.zeros(features), requires_grad=True)
    others = {"rms_norm": (gain,), "group_norm": (8, gain, shift)}.get(name, (gain, shift))
    return lambda: Tensor(np.zeros(features), requires_grad=True) + RNG.normal(size=size), others


OPERATIONS = ("batch_norm", "layer_norm", "rms_norm", "group_norm")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.about("layer_norm")
def test_beside_x_one_array_of_its_size_is_kept(candidate, name):
    make, others = pieces(name)
    array = 8 * SIZE[0] * SIZE[1]
    kept = held_bytes(lambda: getattr(candidate, name)(make(), *others)) - 2 * array  # x, and the result
    expect_at_most(f"what {name} keeps for backward beside x", 1.1, kept, array, given=f"x {SIZE}")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.about("batch_norm")
def test_forward_makes_at_most_one_array_beside_what_it_keeps(candidate, name):
    make, others = pieces(name)
    x = make()
    peak = peak_bytes(lambda: getattr(candidate, name)(x, *others))
    expect_at_most(f"the memory of {name}, forward", 2.3, peak, x.data.nbytes, given=f"x {SIZE}")


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.about("rms_norm")
def test_backward_works_in_the_gradient_itself(candidate, name):
    make, others = pieces(name)
    upstream = RNG.normal(size=SIZE)

    def back():
        x = make()
        getattr(candidate, name)(x, *others).backward(upstream)

    expect_at_most(f"the memory of {name}, there and back", 5.2, peak_bytes(back), upstream.nbytes, given=f"x {SIZE}")


@pytest.mark.level3
@pytest.mark.about("group_norm")
def test_the_numbers_are_the_same_when_backward_is_called_twice(candidate):
    for name in OPERATIONS:
        _, others = pieces(name, (4, 16))
        x, upstream = Tensor(RNG.normal(size=(4, 16)), requires_grad=True), RNG.normal(size=(4, 16))
        result = getattr(candidate, name)(x, *others)
        result.backward(upstream, retain_graph=True)
        once = x.grad.copy()
        expect_array("the shape", lambda result=result: result.shape, [4, 16], given=f"{name} of x (4, 16)")
        result.backward(upstream)
        expect_array("x.grad", lambda x=x: x.grad, 2 * once, given=f"{name}; backward twice, retain_graph=True",
                     aim="gradient")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


def expect_like_torch(ours, theirs, arrays, *, given, tolerance=1e-10):
    import torch

    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, wanted = ours(*tensors), theirs(*leaves)
    expect_array("the result", lambda: result.data, wanted.detach().numpy(), given=given, tolerance=tolerance)
    upstream = np.random.default_rng(3).normal(size=result.shape)
    result.backward(upstream)
    wanted.backward(torch.tensor(upstream))
    for name, tensor, leaf in zip(("x", "gain", "shift"), tensors, leaves, strict=False):
        expect_array(f"{name}.grad", lambda tensor=tensor: tensor.grad, leaf.grad.numpy(), given=given,
                     tolerance=tolerance, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("layer_norm")
def test_operations_agree_with_torch(candidate):
    import torch.nn.functional as F  # noqa: N812

    gain, shift = RNG.normal(size=6), RNG.normal(size=6)
    for shape in ((5, 6), (2, 3, 6), (1, 6)):
        x = RNG.normal(3.0, 2.0, shape)
        expect_like_torch(candidate.layer_norm, lambda x, g, s: F.layer_norm(x, (6,), g, s), [x, gain, shift],
                          given=f"layer_norm of {shape}")  # fmt: skip
        expect_like_torch(candidate.rms_norm, lambda x, g: F.rms_norm(x, (6,), g, 1e-5), [x, gain],
                          given=f"rms_norm of {shape}")  # fmt: skip
    for shape in ((5, 6), (2, 6, 3), (2, 6, 2, 2)):
        expect_like_torch(lambda x, g, s: candidate.group_norm(x, 2, g, s), lambda x, g, s: F.group_norm(x, 2, g, s),
                          [RNG.normal(3.0, 2.0, shape), gain, shift], given=f"group_norm of {shape}")  # fmt: skip
    expect_like_torch(candidate.batch_norm, lambda x, g, s: F.batch_norm(x, None, None, g, s, True),
                      [RNG.normal(3.0, 2.0, (5, 6)), gain, shift], given="batch_norm of (5, 6)")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("BatchNorm1d")
def test_the_statistics_agree_with_torch_for_50_batches(candidate):
    import torch

    ours, theirs = candidate.BatchNorm1d(4), torch.nn.BatchNorm1d(4, dtype=torch.float64)
    for _ in range(50):
        x = RNG.normal(RNG.normal(size=4), 2.0, (8, 4))
        result, wanted = ours(Tensor(x)), theirs(torch.tensor(x))
        expect_array("the result", lambda result=result: result.data, wanted.detach().numpy(), given="BatchNorm1d(4)")
    given = "BatchNorm1d(4) after 50 batches of 8"
    expect_array("running_mean", lambda: ours.running_mean, theirs.running_mean.numpy(), given=given)
    expect_array("running_var", lambda: ours.running_var, theirs.running_var.numpy(), given=given)
    ours.eval(), theirs.eval()
    expect_array("one example in eval mode", lambda: ours(Tensor(x[:1])).data,
                 theirs(torch.tensor(x[:1])).detach().numpy(), given=given)  # fmt: skip
