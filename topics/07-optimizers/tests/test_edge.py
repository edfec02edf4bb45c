"""Levels 1 and 2 at the edges: what belongs to the caller and to an instance, zeros, shapes that nearly fit."""

import math

import numpy as np
import pytest

from utils.course.judging import Mismatch, Observation, expect, expect_all, expect_array, observations


def each(*names):
    """One test for each optimizer, about its own name."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.about(name)) for name in names])


def expect_untouched(make, name):
    """Two steps: the caller's two arrays and the parameters of the first step keep their numbers."""
    p, g = np.array([1.0, -2.0]), np.array([4.0, 0.5])
    opt = make(lr=0.1)
    middle = opt.step(p, g)
    kept = np.array(middle)
    opt.step(middle, np.array([1.0, 1.0]))
    given = f"two steps of {name}(lr=0.1)"
    expect_array(
        "the parameters given to the first step, afterwards", lambda: p, [1.0, -2.0], given=given, aim="inplace"
    )
    expect_array("the gradient given to the first step, afterwards", lambda: g, [4.0, 0.5], given=given, aim="inplace")
    expect_array("what the first step gave back, afterwards", lambda: middle, kept, given=given, aim="inplace")


def expect_own_state(make, name):
    """An optimizer that has worked before another one is made, and one whose caller reuses the gradient's array."""
    gradients = ([4.0, -1.0], [1.0, 1.0], [-2.0, 0.5])
    opt, p = make(lr=0.1), np.array([1.0, -2.0])
    for g in gradients:
        p = opt.step(p, np.array(g))
    other, q = make(lr=0.1), np.array([1.0, -2.0])
    for g in gradients:
        q = other.step(q, np.array(g))
    expect_array(
        "the parameters", lambda: q, np.asarray(p), given=f"three steps of a second {name}, made after a first"
    )
    third, r, buffer = make(lr=0.1), np.array([1.0, -2.0]), np.zeros(2)
    for g in gradients:
        buffer[:] = g
        r = third.step(r, buffer)
    expect_array("the parameters", lambda: r, np.asarray(p),
                 given=f"three steps of {name}, whose caller writes each gradient into the same array")  # fmt: skip


def expect_value_error(what, call, given):
    """Check that call() is refused with ValueError."""
    try:
        call()
        got = "no error"
    except NotImplementedError:
        raise
    except Exception as error:
        got = type(error).__name__
    observations.append(Observation(what, given, "ValueError", got, got == "ValueError", "", "silent"))
    if got != "ValueError":
        raise Mismatch(observations[-1])


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@each("SGD", "Momentum")
def test_a_simple_rule_gives_a_new_array_and_leaves_the_callers_as_they_are(candidate, name):
    expect_untouched(getattr(candidate, name), name)


@pytest.mark.level1
@pytest.mark.about("Momentum")
def test_a_velocity_belongs_to_one_instance(candidate):
    expect_own_state(candidate.Momentum, "Momentum")


@pytest.mark.level1
@pytest.mark.about("Momentum")
def test_without_momentum_it_is_gradient_descent(candidate):
    opt, p = candidate.Momentum(lr=0.5, momentum=0.0), np.array([1.0, 2.0])
    for _ in range(3):
        p = opt.step(p, np.array([1.0, -1.0]))
    expect_array("the parameters", lambda: p, [-0.5, 3.5], given="three steps of Momentum(lr=0.5, momentum=0)")


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@each("Nesterov", "RMSProp", "Adam", "AdamW")
def test_a_step_gives_a_new_array_and_leaves_the_callers_as_they_are(candidate, name):
    expect_untouched(getattr(candidate, name), name)


@pytest.mark.level2
@each("Nesterov", "RMSProp", "Adam", "AdamW")
def test_a_state_belongs_to_one_instance(candidate, name):
    expect_own_state(getattr(candidate, name), name)


@pytest.mark.level2
@each("SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "AdamW")
def test_a_gradient_of_another_shape_is_refused(candidate, name):
    make = getattr(candidate, name)
    column, flat = np.ones((3, 1)), np.ones(3)
    expect_array("the parameters", lambda: np.shape(make(lr=0.1).step(column, column)), [3, 1], given=f"{name}, (3, 1)")
    for what, params, grads in (
        ("a parameter (3, 1) with a gradient (3,)", column, flat),
        ("a list of two with a list of one", [flat, flat], [flat]),
        ("the second of two does not fit", [flat, column], [flat, flat]),
    ):
        expect_value_error("step", lambda p=params, g=grads: make(lr=0.1).step(p, g), f"{name}, {what}")


@pytest.mark.level2
@pytest.mark.about("Adam")
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_size_of_the_gradient(candidate):
    rows = []
    for g in (1e-3, 1.0, 1e6, -1e-3, -1e6):
        moved = candidate.Adam(lr=0.1).step(np.array([2.0]), np.array([g]))
        wanted = 2.0 - 0.1 * g / (abs(g) + 1e-8)
        rows.append(("the parameter", lambda m=moved: m[0], wanted, f"Adam(lr=0.1).step([2], [{g:g}])"))
    expect_all(rows)


@pytest.mark.level2
@each("RMSProp", "Adam", "AdamW")
def test_a_gradient_of_zero_divides_nothing_by_zero(candidate, name):
    p = getattr(candidate, name)(lr=0.1).step(np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    expect_array("the parameters", lambda: p, [0.0, 0.0], given=f"{name}(lr=0.1).step([0, 0], [0, 0])")


@pytest.mark.level2
@pytest.mark.about("AdamW")
def test_weight_decay_shrinks_a_parameter_that_has_no_gradient(candidate):
    opt, p = candidate.AdamW(lr=0.1, weight_decay=0.5), np.array([2.0, -4.0])
    for _ in range(2):
        p = opt.step(p, np.array([0.0, 0.0]))
    expect_array("the parameters", lambda: p, [1.805, -3.61],
                 given="two steps of AdamW(lr=0.1, weight_decay=0.5) from [2, -4], all gradients 0")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Adam")
def test_the_standard_settings_are_those_of_the_paper(candidate):
    opt, p = candidate.Adam(), np.array([1.0])
    other, q = candidate.Adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8), np.array([1.0])
    for g in (1.0, -3.0, 0.5):
        p, q = opt.step(p, np.array([g])), other.step(q, np.array([g]))
    expect_array("the parameter", lambda: p, np.asarray(q), given="three steps of Adam()", tolerance=1e-12)


@pytest.mark.level2
@pytest.mark.about("warmup_cosine")
def test_a_schedule_may_start_without_warming_up_and_stays_at_its_floor(candidate):
    rows = []
    for arguments, wanted in (
        ((1, 0, 10, 0.5), 0.25 * (1 + math.cos(math.pi / 10))),
        ((5, 0, 10, 0.5), 0.25),
        ((11, 0, 10, 0.5), 0.0),
        ((30, 4, 10, 0.5, 0.125), 0.125),
    ):
        text = f"warmup_cosine({', '.join(f'{number:g}' for number in arguments)})"
        rows.append(("the learning rate", lambda a=arguments: candidate.warmup_cosine(*a), wanted, text))
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("clip_by_global_norm")
def test_what_is_within_the_limit_keeps_its_numbers(candidate):
    rows = []
    for g, limit, wanted in (
        ([3.0, -4.0], 6.0, [3.0, -4.0]),
        ([0.0, 0.0], 1.0, [0.0, 0.0]),
        ([3.0, 4.0], 5.0, [3.0, 4.0]),
    ):
        clipped, norm = candidate.clip_by_global_norm(np.array(g), limit)
        given = f"clip_by_global_norm({g}, {limit:g})"
        rows.append(("the norm", lambda norm=norm: norm, float(np.hypot(*g)), given))
        rows += [(f"clipped[{k}]", lambda c=clipped, k=k: c[k], wanted[k], given) for k in range(2)]
    expect_all(rows)


@pytest.mark.level2
@pytest.mark.about("clip_by_global_norm")
def test_clipping_leaves_the_callers_gradients_as_they_are(candidate):
    for g, limit in (([3.0, 4.0], 1.0), ([0.3, 0.4], 1.0)):
        grads = [np.array(g)]
        clipped, _ = candidate.clip_by_global_norm(grads, limit)
        clipped[0] += 1.0
        given = f"clip_by_global_norm([{g}], {limit:g}), whose result is then changed"
        expect("the number of gradients", lambda grads=grads: len(grads), 1.0, given=given)
        expect_array("the gradient", lambda grads=grads: grads[0], g, given=given)
