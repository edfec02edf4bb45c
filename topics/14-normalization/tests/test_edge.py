"""Levels 1 and 2 at the edges: what is refused, what stays as it was, dtypes, numbers that hardly differ."""

import numpy as np
import pytest

from utils.course.judging import expect, expect_array, expect_refusals
from utils.engine import Tensor, no_grad

RNG = np.random.default_rng(41)


@pytest.mark.level1
@pytest.mark.about("normalize")
def test_numbers_that_are_all_equal_become_0(candidate):
    x = Tensor(np.full((3, 2), 5.0), requires_grad=True)
    result = candidate.normalize(x, 0)
    expect_array("normalize(x, 0)", lambda: result.data, np.zeros((3, 2)), given="x is 5 everywhere")
    (result * Tensor([[1.0, 2.0], [0.0, -1.0], [-1.0, 3.0]])).sum().backward()
    expect("the largest entry of x.grad", lambda: float(np.abs(x.grad).max()), (7 / 3) / 1e-5**0.5,
           given="x is 5 everywhere; backward")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("batch_norm")
def test_what_is_given_stays_as_it_is(candidate):
    arrays = [RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=3)]
    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    candidate.batch_norm(*tensors).sum().backward()
    for name, tensor, array in zip(("x", "gain", "shift"), tensors, arrays, strict=True):
        expect_array(f"{name}.data", lambda tensor=tensor: tensor.data, array, given="after batch_norm and backward")


@pytest.mark.level1
@pytest.mark.about("batch_norm")
def test_a_sum_of_normalized_numbers_has_no_slope(candidate):
    x = Tensor(RNG.normal(size=(5, 3)), requires_grad=True)
    result = candidate.batch_norm(x, Tensor([1.0, -2.0, 0.5]), Tensor([0.0, 1.0, 2.0]))
    result.sum().backward()
    expect_array("x.grad", lambda: x.grad, np.zeros((5, 3)), given="batch_norm(x, ...).sum().backward()",
                 aim="gradient")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("batch_norm")
def test_a_batch_of_one_is_refused(candidate):
    gain, shift = Tensor([1.0, 1.0]), Tensor([0.0, 0.0])
    two, one = Tensor([[1.0, 3.0], [3.0, 1.0]]), Tensor(np.ones((1, 2)))
    expect_array("batch_norm(x, 1, 0)", lambda: candidate.batch_norm(two, gain, shift, eps=1e-20).data,
                 [[-1.0, 1.0], [1.0, -1.0]], given="x = [[1, 3], [3, 1]]")  # fmt: skip
    expect_refusals(ValueError, [("batch_norm", lambda: candidate.batch_norm(one, gain, shift), "x of shape (1, 2)")])


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_the_layers_own_eps_is_used_in_training(candidate):
    layer = candidate.BatchNorm1d(1, eps=3.0)
    expect_array("the result", lambda: layer(Tensor([[1.0], [3.0]])).data, [[-0.5], [0.5]],
                 given="BatchNorm1d(1, eps=3) of x = [[1], [3]], whose variance is 1")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_a_batch_of_one_is_refused_in_training_and_moves_nothing(candidate):
    layer = candidate.BatchNorm1d(2)
    layer(Tensor([[1.0, 2.0], [3.0, 5.0]]))
    before = np.array(layer.running_mean)
    expect_refusals(
        ValueError, [("layer(x)", lambda: layer(Tensor(np.ones((1, 2)))), "x of shape (1, 2), in training")]
    )
    expect_array("running_mean", lambda: layer.running_mean, before, given="after a batch of one was refused")


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_the_statistics_are_part_of_the_state_and_no_parameters(candidate):
    layer = candidate.BatchNorm1d(2)
    layer(Tensor([[1.0, 2.0], [3.0, 6.0]]))
    state = layer.state_dict()
    given = "BatchNorm1d(2) after one batch"
    expect("the number of parameters", lambda: len(layer.parameters()), 2.0, given=given)
    expect_array("state_dict()['running_mean']", lambda: state["running_mean"], [0.2, 0.4], given=given)
    other = candidate.BatchNorm1d(2)
    other.load_state_dict(state)
    expect_array("running_var of another one", lambda: other.running_var, layer.running_var,
                 given=f"{given}; other.load_state_dict(layer.state_dict())")  # fmt: skip
    expect("gradients of the statistics", lambda: sum(type(s) is not np.ndarray for s in (
        layer.running_mean, layer.running_var)), 0.0, given=f"{given}: they are arrays, not tensors")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_the_statistics_move_without_a_graph_too(candidate):
    layer = candidate.BatchNorm1d(1)
    with no_grad():
        layer(Tensor([[1.0], [3.0]]))
    expect_array("running_mean", lambda: layer.running_mean, [0.2], given="BatchNorm1d(1) in training, inside no_grad")


@pytest.mark.level2
@pytest.mark.about("group_norm")
def test_groups_that_do_not_come_out_even_are_refused(candidate):
    x, gain, shift = Tensor(RNG.normal(size=(2, 6))), Tensor(np.ones(6)), Tensor(np.zeros(6))
    expect_array("the shape of group_norm(x, 3, ...)", lambda: candidate.group_norm(x, 3, gain, shift).shape, [2, 6],
                 given="x (2, 6)")  # fmt: skip
    expect_refusals(
        ValueError, [("group_norm", lambda: candidate.group_norm(x, 4, gain, shift), "4 groups of 6 features")]
    )


@pytest.mark.level2
@pytest.mark.about("layer_norm")
def test_float32_stays_float32(candidate):
    x = Tensor(RNG.normal(size=(4, 3)).astype(np.float32), requires_grad=True)
    gain, shift = (
        Tensor(np.ones(3, np.float32), requires_grad=True),
        Tensor(np.zeros(3, np.float32), requires_grad=True),
    )
    for name in ("layer_norm", "batch_norm"):
        result = getattr(candidate, name)(x, gain, shift)
        result.sum().backward()
        expect("bytes a number", lambda result=result: result.data.itemsize, 4.0, given=f"{name} of float32 tensors")
        expect("bytes a number of x.grad", lambda: x.grad.itemsize, 4.0, given=f"{name} of float32 tensors")


@pytest.mark.level2
@pytest.mark.about("layer_norm")
def test_numbers_far_from_0_lose_nothing(candidate):
    x = np.array([[1e6, 1e6 + 1, 1e6 + 2]])
    one, zero = Tensor(np.ones(3)), Tensor(np.zeros(3))
    expect_array("layer_norm(x, 1, 0)", lambda: candidate.layer_norm(Tensor(x), one, zero, eps=1e-20).data,
                 [[-(1.5**0.5), 0.0, 1.5**0.5]], given="x = [[1000000, 1000001, 1000002]]")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("LayerNorm")
def test_only_what_wants_a_gradient_gets_one(candidate):
    layer, x = candidate.LayerNorm(3), Tensor(RNG.normal(size=(4, 3)))
    (layer(x) * Tensor(RNG.normal(size=(4, 3)))).sum().backward()
    expect("gradients of inputs without requires_grad", lambda: float(x.grad is not None), 0.0, given="LayerNorm(3)(x)")
    expect_array("the shape of weight.grad", lambda: layer.weight.grad.shape, [3], given="LayerNorm(3)(x), x (4, 3)")
