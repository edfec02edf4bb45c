"""Levels 1 and 2 at ordinary points: results against formulas, gradients against measured slopes."""

import gc
from functools import partial
from types import CellType, FunctionType, MethodType

import numpy as np
import pytest

from utils.course.judging import expect, expect_array
from utils.engine import Tensor
from utils.finite_difference_checker import numerical_gradient

RNG = np.random.default_rng(14)
X = RNG.normal(2.0, 3.0, (4, 3))
GAIN, SHIFT = np.array([0.5, 2.0, -1.0]), np.array([1.0, 0.0, 0.3])
EPS = 1e-5


def formula(x, axis, eps=EPS):
    """What normalizing means, in NumPy."""
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + eps)


def expect_operation(operation, truth, arrays, *, given):
    """Expect the result of an operation on tensors, and every gradient under a random upstream, to be the truth's.

    `truth` computes the same from arrays; its slopes are measured.
    """
    tensors = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    result = operation(*tensors)
    expect_array("the result", lambda: result.data, truth(*arrays), given=given)
    upstream = np.random.default_rng(1).normal(size=np.shape(truth(*arrays)))
    result.backward(upstream)
    measured = numerical_gradient(lambda *xs: float((truth(*xs) * upstream).sum()), *arrays)
    for name, tensor, slope in zip(("x", "gain", "shift"), tensors, measured, strict=False):
        expect_array(f"{name}.grad", lambda tensor=tensor: tensor.grad, slope, given=f"{given}, random upstream",
                     tolerance=1e-6, aim="gradient")  # fmt: skip


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("normalize")
def test_every_column_gets_mean_0_and_spread_1(candidate):
    x = Tensor([[1.0, 10.0], [3.0, 30.0]])
    expect_array("normalize(x, 0)", lambda: candidate.normalize(x, 0, eps=1e-20).data, [[-1.0, -1.0], [1.0, 1.0]],
                 given="x = [[1, 10], [3, 30]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("normalize")
def test_the_variance_divides_by_n_and_eps_stands_under_the_root(candidate):
    x = Tensor([[0.0], [1.0], [2.0], [5.0]])  # mean 2, variance 14/4
    for eps in (0.5, 1e-5):
        expect_array(f"normalize(x, 0, eps={eps})", lambda eps=eps: candidate.normalize(x, 0, eps=eps).data,
                     (np.array([[0.0], [1.0], [2.0], [5.0]]) - 2) / np.sqrt(3.5 + eps),
                     given="x = [[0], [1], [2], [5]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("normalize")
def test_any_axis_or_several_can_be_normalized_over(candidate):
    x = RNG.normal(size=(2, 3, 4))
    for axis in (0, 1, -1, (0, 2), (-2, -1)):
        expect_array(f"normalize(x, {axis})", lambda axis=axis: candidate.normalize(Tensor(x), axis).data,
                     formula(x, axis), given="x of shape (2, 3, 4)")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("normalize")
def test_gradients_go_back_through_mean_and_spread(candidate):
    expect_operation(
        lambda x: candidate.normalize(x, 0), lambda x: formula(x, 0), [X], given="normalize(x, 0), x (4, 3)"
    )
    expect_operation(lambda x: candidate.normalize(x, (0, 1)), lambda x: formula(x, (0, 1)), [X],
                     given="normalize(x, (0, 1)), x (4, 3)")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("batch_norm")
def test_a_feature_has_its_own_gain_and_shift(candidate):
    x = Tensor([[1.0, 10.0], [3.0, 30.0]])
    result = candidate.batch_norm(x, Tensor([2.0, 0.5]), Tensor([0.0, 7.0]), eps=1e-20)
    expect_array("batch_norm(x, [2, 0.5], [0, 7])", lambda: result.data, [[-2.0, 6.5], [2.0, 7.5]],
                 given="x = [[1, 10], [3, 30]]")  # fmt: skip


@pytest.mark.level1
@pytest.mark.about("batch_norm")
def test_all_three_gradients_of_batch_norm(candidate):
    expect_operation(candidate.batch_norm, lambda x, g, s: formula(x, 0) * g + s, [X, GAIN, SHIFT],
                     given="batch_norm of x (4, 3)")  # fmt: skip


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("batch_norm")
def test_batch_norm_is_one_operation(candidate):
    x, gain, shift = (Tensor(array, requires_grad=True) for array in (X, GAIN, SHIFT))
    result = candidate.batch_norm(x, gain, shift)
    expect("how many results does its graph hold", lambda: len(tensors_behind(result)) - 3, 1.0,
           given="result = batch_norm(x, gain, shift)")  # fmt: skip


def tensors_behind(root):
    """Every tensor that a result holds on to, itself among them, however the engine remembers its graph."""
    found, seen, stack = [], set(), [root]
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Tensor):
            found.append(thing)
        elif not isinstance(thing, (tuple, list, dict, set, frozenset, CellType, FunctionType, MethodType, partial)):
            continue
        # A function would lead to all names of its module; what it holds is in its cells.
        stack += (thing.__closure__ or ()) if isinstance(thing, FunctionType) else gc.get_referents(thing)
    return found


@pytest.mark.level2
@pytest.mark.about("batch_norm")
def test_all_three_gradients_of_batch_norm_by_hand(candidate):
    for x in (X, RNG.normal(1.0, 2.0, (5, 3))):
        expect_operation(candidate.batch_norm, lambda x, g, s: formula(x, 0) * g + s, [x, GAIN, SHIFT],
                         given=f"batch_norm of x {x.shape}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("layer_norm")
def test_layer_norm_looks_along_the_last_axis(candidate):
    x = RNG.normal(1.0, 2.0, (2, 4, 3))
    expect_operation(candidate.layer_norm, lambda x, g, s: formula(x, -1) * g + s, [x, GAIN, SHIFT],
                     given="layer_norm of x (2, 4, 3)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("layer_norm")
def test_an_example_does_not_depend_on_its_neighbors(candidate):
    alone = candidate.layer_norm(Tensor(X[:1]), Tensor(GAIN), Tensor(SHIFT)).data
    beside = candidate.layer_norm(Tensor(X), Tensor(GAIN), Tensor(SHIFT)).data[:1]
    expect_array("the first row, normalized alone", lambda: alone, beside, given="layer_norm of x (4, 3)")


@pytest.mark.level2
@pytest.mark.about("rms_norm")
def test_rms_norm_divides_by_the_root_of_the_mean_square(candidate):
    x = Tensor([[3.0, 4.0], [0.0, 2.0]])
    expect_array("rms_norm(x, [1, 10])", lambda: candidate.rms_norm(x, Tensor([1.0, 10.0]), eps=1e-20).data,
                 [[3 / 12.5**0.5, 40 / 12.5**0.5], [0.0, 20 / 2**0.5]], given="x = [[3, 4], [0, 2]]")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("rms_norm")
def test_gradients_of_rms_norm(candidate):
    def truth(x, gain):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPS) * gain

    expect_operation(candidate.rms_norm, truth, [X.reshape(2, 2, 3), GAIN], given="rms_norm of x (2, 2, 3)")


def grouped(x, groups, gain, shift):
    apart = x.reshape(len(x), groups, -1)
    features = (1, -1, *[1] * (x.ndim - 2))
    return formula(apart, -1).reshape(x.shape) * gain.reshape(features) + shift.reshape(features)


@pytest.mark.level2
@pytest.mark.about("group_norm")
def test_group_norm_takes_neighboring_features_together(candidate):
    x = RNG.normal(1.0, 2.0, (2, 6, 2, 3))
    gain, shift = RNG.normal(size=6), RNG.normal(size=6)
    for groups in (1, 2, 3, 6):
        expect_operation(lambda x, g, s, groups=groups: candidate.group_norm(x, groups, g, s),
                         lambda x, g, s, groups=groups: grouped(x, groups, g, s), [x, gain, shift],
                         given=f"group_norm of x (2, 6, 2, 3) in {groups} groups")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("LayerNorm")
def test_a_layer_starts_as_normalizing_alone_and_can_learn(candidate):
    layer = candidate.LayerNorm(3)
    expect_array("LayerNorm(3)(x)", lambda: layer(Tensor(X)).data, formula(X, -1), given="x (4, 3), nothing learnt yet")
    layer.weight.data[...], layer.bias.data[...] = GAIN, SHIFT
    expect_array("layer(x)", lambda: layer(Tensor(X)).data, formula(X, -1) * GAIN + SHIFT,
                 given="weight [0.5, 2, -1], bias [1, 0, 0.3]")  # fmt: skip
    expect("the number of parameters", lambda: len(layer.parameters()), 2.0, given="LayerNorm(3)")
    expect_array("layer(x)", lambda: candidate.LayerNorm(3, eps=0.5)(Tensor(X)).data, formula(X, -1, 0.5),
                 given="LayerNorm(3, eps=0.5)")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_in_training_the_batch_is_normalized_by_itself(candidate):
    layer = candidate.BatchNorm1d(3)
    layer.weight.data[...], layer.bias.data[...] = GAIN, SHIFT
    expect_operation(
        lambda x: layer(x), lambda x: formula(x, 0) * GAIN + SHIFT, [X], given="BatchNorm1d(3) of x (4, 3)"
    )


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_each_batch_in_training_moves_the_statistics(candidate):
    layer = candidate.BatchNorm1d(2, momentum=0.25)
    given = "BatchNorm1d(2, momentum=0.25), in training: x = [[1, 10], [3, 30]]"
    expect_array("running_mean at first", lambda: layer.running_mean, [0.0, 0.0], given="BatchNorm1d(2)")
    expect_array("running_var at first", lambda: layer.running_var, [1.0, 1.0], given="BatchNorm1d(2)")
    layer(Tensor([[1.0, 10.0], [3.0, 30.0]]))
    expect_array("running_mean", lambda: layer.running_mean, [0.5, 5.0], given=given)
    expect_array("running_var", lambda: layer.running_var, [0.75 + 0.25 * 2, 0.75 + 0.25 * 200], given=given)
    layer(Tensor([[2.0, 0.0], [4.0, 0.0]]))
    expect_array("running_mean", lambda: layer.running_mean, [0.75 * 0.5 + 0.25 * 3, 3.75], given=f"{given}, then more")


@pytest.mark.level2
@pytest.mark.about("BatchNorm1d")
def test_in_eval_mode_the_statistics_take_the_place_of_the_batch(candidate):
    layer = candidate.BatchNorm1d(3)
    layer.weight.data[...], layer.bias.data[...] = GAIN, SHIFT
    for seed in range(3):
        layer(Tensor(np.random.default_rng(seed).normal(2.0, 3.0, (8, 3))))
    mean, variance = np.array(layer.running_mean), np.array(layer.running_var)
    layer.eval()

    def truth(x):
        return (x - mean) / np.sqrt(variance + EPS) * GAIN + SHIFT

    given = "BatchNorm1d(3) after three batches, in eval mode"
    expect_operation(lambda x: layer(x), truth, [X], given=given)
    expect_array("one example", lambda: layer(Tensor(X[:1])).data, truth(X[:1]), given=given)
    expect_array("running_mean", lambda: layer.running_mean, mean, given=f"{given}, and it does not move")
    expect_array("running_var", lambda: layer.running_var, variance, given=f"{given}, and it does not move")
