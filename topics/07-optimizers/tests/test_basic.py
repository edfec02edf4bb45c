"""Levels 1 and 2 at ordinary points: each rule over several steps, against the same rule summed up from the start."""

import math

import numpy as np
import pytest

from utils.course.judging import expect, expect_all, expect_array

GRADIENTS = [[4.0, -0.5], [2.0, 1.5], [-6.0, 0.25], [1.0, -3.0], [0.5, 2.0]]
START = [1.0, -2.0]


def each(*names):
    """One test for each optimizer, about its own name."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.about(name)) for name in names])


def faded(past, keep):
    """The sum of past numbers, the last one whole, each earlier one `keep` times less."""
    return sum(g * keep ** (len(past) - 1 - k) for k, g in enumerate(past))


def direction(name, past, p, o):
    """What the learning rate multiplies, from all gradients so far: no state, only sums."""
    g = past[-1]
    if name == "SGD":
        return g
    if name == "Momentum":
        return faded(past, o["momentum"])
    if name == "Nesterov":
        return g + o["momentum"] * faded(past, o["momentum"])
    squares = [number * number for number in past]
    if name == "RMSProp":
        return g / (math.sqrt((1 - o["decay"]) * faded(squares, o["decay"])) + o["eps"])
    m = faded(past, o["beta1"]) / faded([1.0] * len(past), o["beta1"])  # a weighted mean: divided by its weights
    v = faded(squares, o["beta2"]) / faded([1.0] * len(past), o["beta2"])
    return m / (math.sqrt(v) + o["eps"]) + o.get("weight_decay", 0.0) * p


def road(name, start, gradients, lr, **options):
    """The parameters after each step, one number after the other; `lr` is a number or one for each step."""
    rates = lr if isinstance(lr, list) else [lr] * len(gradients)
    points, p = [], list(start)
    for t, rate in enumerate(rates):
        p = [x - rate * direction(name, [g[k] for g in gradients[: t + 1]], x, options) for k, x in enumerate(p)]
        points.append(p)
    return points


def expect_road(candidate, name, *, lr, step=None, **options):
    """Expect the parameters after each of five steps; to the end, then raise for the first that is off."""
    rates = lr if isinstance(lr, list) else [lr] * len(GRADIENTS)
    words = ", ".join([f"lr={rates[0]:g}", *(f"{key}={number:g}" for key, number in options.items())])
    points = road(name, START, GRADIENTS, rates, **options)
    opt, p = getattr(candidate, name)(lr=rates[0], **options), np.array(START)
    first = None
    for t, (g, rate, wanted) in enumerate(zip(GRADIENTS, rates, points, strict=True), start=1):
        if rate != rates[0]:
            opt.lr = rate
        p = opt.step(p, np.array(g))
        changed = f", then opt.lr = {rates[-1]:g}" if rates[-1] != rates[0] else ""
        try:
            expect_array("the parameters", lambda p=p: p, wanted, given=f"step {t} of {name}({words}){changed}")
        except Exception as error:
            first = first or error
            break  # what follows is computed from wrong numbers
    if first:
        raise first


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("SGD")
def test_a_step_goes_against_the_gradient(candidate):
    first = None
    for p, g, lr, wanted in (
        ([3.0, -4.0], [6.0, -8.0], 0.1, [2.4, -3.2]),
        ([0.0, 1.0, 2.0], [1.0, 0.0, -10.0], 0.5, [-0.5, 1.0, 7.0]),
        ([[1.0], [2.0]], [[1.0], [1.0]], 2.0, [[-1.0], [0.0]]),
    ):
        opt = candidate.SGD(lr=lr)
        try:
            expect_array("the parameters", lambda opt=opt, p=p, g=g: opt.step(np.array(p), np.array(g)), wanted,
                         given=f"SGD(lr={lr:g}).step({p}, {g})")  # fmt: skip
        except Exception as error:
            first = first or error
    if first:
        raise first


@pytest.mark.level1
@pytest.mark.about("SGD")
def test_five_steps_of_gradient_descent(candidate):
    expect_road(candidate, "SGD", lr=0.1)


@pytest.mark.level1
@pytest.mark.about("SGD")
def test_the_learning_rate_may_be_changed_between_two_steps(candidate):
    expect_road(candidate, "SGD", lr=[0.1, 0.1, 0.02, 0.02, 0.02])


@pytest.mark.level1
@pytest.mark.about("Momentum")
def test_the_velocity_gathers_the_gradients(candidate):
    expect_road(candidate, "Momentum", lr=0.1, momentum=0.9)


@pytest.mark.level1
@pytest.mark.about("Momentum")
def test_a_weaker_momentum_forgets_sooner(candidate):
    expect_road(candidate, "Momentum", lr=0.05, momentum=0.5)


@pytest.mark.level1
@pytest.mark.about("Momentum")
def test_a_new_learning_rate_counts_for_the_whole_velocity(candidate):
    expect_road(candidate, "Momentum", lr=[0.1, 0.1, 0.02, 0.02, 0.02], momentum=0.9)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Nesterov")
def test_nesterov_looks_ahead_along_its_velocity(candidate):
    expect_road(candidate, "Nesterov", lr=0.1, momentum=0.9)
    expect_road(candidate, "Nesterov", lr=0.05, momentum=0.5)


@pytest.mark.level2
@pytest.mark.about("RMSProp")
def test_rmsprop_divides_by_the_root_of_a_mean_of_squares(candidate):
    expect_road(candidate, "RMSProp", lr=0.01, decay=0.99, eps=1e-8)


@pytest.mark.level2
@pytest.mark.about("RMSProp")
def test_eps_stands_outside_of_the_root_of_rmsprop(candidate):
    expect_road(candidate, "RMSProp", lr=0.1, decay=0.9, eps=0.25)


@pytest.mark.level2
@pytest.mark.about("Adam")
def test_adam_divides_two_corrected_means(candidate):
    expect_road(candidate, "Adam", lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)


@pytest.mark.level2
@pytest.mark.about("Adam")
def test_eps_stands_outside_of_the_root_of_adam(candidate):
    expect_road(candidate, "Adam", lr=0.1, beta1=0.8, beta2=0.9, eps=0.25)


@pytest.mark.level2
@pytest.mark.about("AdamW")
def test_weight_decay_goes_past_the_means(candidate):
    expect_road(candidate, "AdamW", lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.5)


@pytest.mark.level2
@pytest.mark.about("AdamW")
def test_weight_decay_is_scaled_by_the_learning_rate_of_the_step(candidate):
    expect_road(candidate, "AdamW", lr=[0.1, 0.1, 0.02, 0.02, 0.02], beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.2)


@pytest.mark.level2
@each("SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "AdamW")
def test_a_list_moves_as_each_array_would_alone(candidate, name):
    make = getattr(candidate, name)
    starts = [np.array([1.0, -2.0]), np.array([0.5, 0.25]), np.array([[3.0]])]
    slopes = [[np.array([4.0, -1.0]), np.array([0.1, 7.0]), np.array([[2.0]])],
              [np.array([1.0, 1.0]), np.array([-5.0, 0.5]), np.array([[-1.0]])],
              [np.array([-2.0, 0.5]), np.array([3.0, 3.0]), np.array([[4.0]])]]  # fmt: skip
    alone = []
    for k, start in enumerate(starts):
        opt, p = make(lr=0.1), start
        for g in slopes:
            p = opt.step(p, g[k])
        alone.append(p)
    for count in (2, 3):  # two of one shape, so that what is mixed up has wrong numbers first, and then wrong shapes
        opt, together = make(lr=0.1), starts[:count]
        for g in slopes:
            together = opt.step(together, g[:count])
        given = f"three steps of {name}(lr=0.1), {count} arrays in one list"
        expect("the number of arrays that come back", lambda t=together: len(t), float(count), given=given)
        for k in range(count):
            expect_array(f"array {k}", lambda t=together, k=k: t[k], np.asarray(alone[k]), given=given)


@pytest.mark.level2
@pytest.mark.about("warmup_cosine")
def test_a_schedule_warms_up_and_comes_down_along_a_cosine(candidate):
    half = math.sqrt(0.5)
    rows = []
    for arguments, wanted in (
        ((1, 4, 12, 0.8), 0.2), ((3, 4, 12, 0.8), 0.6), ((4, 4, 12, 0.8), 0.8),
        ((6, 4, 12, 0.8), 0.4 * (1 + half)), ((8, 4, 12, 0.8), 0.4), ((12, 4, 12, 0.8), 0.0),
        ((4, 4, 12, 0.8, 0.2), 0.8), ((8, 4, 12, 0.8, 0.2), 0.5), ((12, 4, 12, 0.8, 0.2), 0.2),
    ):  # fmt: skip
        text = f"warmup_cosine({', '.join(f'{number:g}' for number in arguments)})"
        rows.append(("the learning rate", lambda a=arguments: candidate.warmup_cosine(*a), wanted, text))
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("clip_by_global_norm")
def test_one_factor_brings_all_gradients_to_the_limit(candidate):
    grads = [np.array([3.0, 0.0]), np.array([[4.0], [-12.0]])]
    found = candidate.clip_by_global_norm(grads, 6.5)
    given = "clip_by_global_norm([[3, 0], [[4], [-12]]], 6.5)"
    expect("the norm", lambda: found[1], 13.0, given=given)
    expect("the number of arrays that come back", lambda: len(found[0]), 2.0, given=given)
    first = None
    for k, wanted in enumerate(([1.5, 0.0], [[2.0], [-6.0]])):
        try:
            expect_array(f"clipped[{k}]", lambda k=k: found[0][k], wanted, given=given)
        except Exception as error:
            first = first or error
    if first:
        raise first
