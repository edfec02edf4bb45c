"""`scripts.math_utils` offers what its documentation says, and hands out the course's own pieces."""

import math

import numpy as np
import pytest

from scripts import math_utils
from utils.course.catalog import catalog

POINTS = np.array([-1000.0, -2.0, -1.0, 1.0, 2.0, 1000.0])


def test_every_name_is_offered_and_documented():
    for name in math_utils.__all__:
        assert callable(getattr(math_utils, name))
        assert name in math_utils.__doc__ or getattr(math_utils, name).__doc__, name


def test_activations_have_the_right_numbers_at_every_size():
    assert math_utils.sigmoid(POINTS) == pytest.approx([0, 0.119203, 0.268941, 0.731059, 0.880797, 1], abs=1e-6)
    assert math_utils.relu(POINTS).tolist() == [0, 0, 0, 1, 2, 1000]
    assert math_utils.relu_derivative([-1, 0, 1]).tolist() == [0, 0, 1]
    assert math_utils.sigmoid_derivative(0) == 0.25
    assert math_utils.softmax([1000, 1000]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_derivatives_are_the_slopes_of_their_functions(name):
    function, derivative = getattr(math_utils, name), getattr(math_utils, f"{name}_derivative")
    report = math_utils.check_gradient(lambda z: float(np.sum(function(z))), POINTS[1:-1], derivative(POINTS[1:-1]))
    assert report, report


def test_losses_are_one_number():
    assert math_utils.mse_loss([2.0, 0.0], [1.0, 3.0]) == 5.0
    logits = [[0.0, math.log(2.0), math.log(5.0)]]
    assert math_utils.cross_entropy_loss(logits, [2]) == pytest.approx(-math.log(5 / 8))
    assert math_utils.cross_entropy_loss(logits, [[0, 0, 1]]) == pytest.approx(-math.log(5 / 8))
    with pytest.raises(ValueError):
        math_utils.mse_loss([[1.0], [2.0]], [1.0, 2.0])


@pytest.mark.parametrize("name", ["SGD", "SGDMomentum", "Adam", "AdamW"])
def test_optimizers_go_down_a_bowl_and_leave_the_callers_arrays_alone(name):
    opt, start = getattr(math_utils, name)(lr=0.1), np.array([5.0, 5.0])
    params = start
    for _ in range(200):
        params = opt.step(params, 2 * params)
    assert start.tolist() == [5.0, 5.0]
    assert np.abs(params).max() < 0.1
    several = getattr(math_utils, name)(lr=0.1).step([start, start[:1]], [start, start[:1]])
    assert [p.shape for p in several] == [(2,), (1,)]


def test_three_steps_of_adam_are_those_of_the_rule():
    opt, params = math_utils.Adam(lr=0.1), np.array([5.0, 5.0])
    x, m, v = 5.0, 0.0, 0.0
    for t in (1, 2, 3):
        params = opt.step(params, 2 * params)
        m, v = 0.9 * m + 0.1 * 2 * x, 0.999 * v + 0.001 * (2 * x) ** 2
        x -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert params == pytest.approx([x, x], rel=1e-12)


def test_gradients_are_measured_and_checked():
    point = np.array([1.0, -2.0, 3.0])
    assert math_utils.numerical_gradient(lambda p: float((p**2).sum()), point) == pytest.approx(2 * point, rel=1e-8)
    assert math_utils.check_gradient(lambda p: float((p**2).sum()), point, 2 * point)
    assert not math_utils.check_gradient(lambda p: float((p**2).sum()), point, point)


def test_there_is_no_second_implementation():
    assert math_utils.SGDMomentum.__init__.__code__.co_filename == str(catalog().topic("07").solution(3))
