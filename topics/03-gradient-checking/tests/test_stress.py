"""Levels 3 and 4: bits put back, memory against level 2, a few calls for many claims, and torch.autograd.gradcheck."""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from utils.course.costs import expect_at_most
from utils.course.judging import expect, expect_array
from utils.course.loading import load

TOPIC = Path(__file__).resolve().parents[1]
AWKWARD = np.array([[0.1, -0.0, 1 / 3], [1e-310, 7e15, -2.5]])  # adding a step and subtracting it would change them


def peak_bytes(call):
    """The most memory that Python held during call(), beyond what it held before."""
    gc.disable()  # a collection empties Python's store of used tuples, and refilling it would look like memory taken
    try:
        used = [tuple([None] * size) for size in (1, 2, 3, 4) for _ in range(3000)]
        del used  # fills that store
        call()  # caches fill at the first call
        tracemalloc.start()
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


def sum_of_squares(a):
    return float(np.vdot(a, a))  # makes no array of its own, so that what is measured is the checker's memory


def counting(f):
    """f, and a list that grows by one entry with each call."""
    calls = []

    def counted(a):
        calls.append(None)
        return f(a)

    return counted, calls


def sum_of_sines(a):
    return float(np.sin(a).sum())


def named(found):
    """The numbers of an index that find_wrong gave back; [-1] stands for None."""
    return [-1] if found is None else list(found)


# Level 3 --------------------------------------------------------------------------------------------------------------


def expect_every_bit_back(what, task):
    """Expect x bit for bit as before after task(f, x), also where f raises in one of its first calls."""
    for last in (10_000, 1, 2):
        x, calls = AWKWARD.copy(), []

        def f(a, calls=calls, last=last):
            calls.append(None)
            if len(calls) > last:
                raise ZeroDivisionError("f raises, as a test")
            return float(np.tanh(a).sum())

        try:
            task(f, x)
        except ZeroDivisionError:
            pass
        given = what if last == 10_000 else f"{what}, f raises in call {last + 1}"
        expect("whether x is bit for bit as before", lambda x=x: float(x.tobytes() == AWKWARD.tobytes()), 1.0,
               given=given, aim="inplace")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("check_gradient")
def test_every_bit_is_put_back_even_when_the_function_raises(candidate):
    expect_every_bit_back("numerical_gradient(f, x)", lambda f, x: candidate.numerical_gradient(f, x))
    expect_every_bit_back("check_gradient(f, x, claimed)",
                          lambda f, x: candidate.check_gradient(f, x, np.ones(x.shape)))  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("directional_slopes")
def test_after_a_direction_every_bit_is_put_back(candidate):
    expect_every_bit_back("directional_slopes(f, x, claimed)",
                          lambda f, x: candidate.directional_slopes(f, x, np.ones(x.shape)))  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("find_wrong")
def test_after_a_search_every_bit_is_put_back(candidate):
    expect_every_bit_back("find_wrong(f, x, claimed)",
                          lambda f, x: candidate.find_wrong(f, x, np.ones(x.shape)))  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("numerical_gradient")
@pytest.mark.resources
def test_measuring_a_gradient_needs_no_second_array_of_that_size(candidate):
    level2 = load(next((TOPIC / "solutions").glob("level02-*.py")), "level02_for_comparison")
    x = np.linspace(-1.0, 1.0, 576).reshape(24, 24)
    mine, theirs = (peak_bytes(lambda m=m: m.numerical_gradient(sum_of_squares, x)) for m in (candidate, level2))
    expect_at_most("the memory of numerical_gradient(f, x), compared with level 2", 0.6, mine, theirs,
                   given="x of shape (24, 24)")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("check_gradient")
@pytest.mark.resources
def test_a_check_keeps_the_worst_rows_and_no_others(candidate):
    level2 = load(next((TOPIC / "solutions").glob("level02-*.py")), "level02_for_comparison")
    x = np.linspace(-1.0, 1.0, 576).reshape(24, 24)
    claimed = 4 * x + 1
    mine, theirs = (peak_bytes(lambda m=m: m.check_gradient(sum_of_squares, x, claimed)) for m in (candidate, level2))
    expect_at_most("the memory of check_gradient(f, x, claimed), compared with level 2", 0.4, mine, theirs,
                   given="x of shape (24, 24), 576 wrong claims")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("check_gradient")
def test_among_many_wrong_claims_the_worst_are_still_the_ones_that_are_kept(candidate):
    x = np.linspace(1.0, 2.0, 60).reshape(6, 10)
    factors = 1 + 0.01 * ((np.arange(60) * 37) % 60 + 1).reshape(6, 10)  # 1.01 to 1.60, shuffled
    rows = candidate.check_gradient(lambda a: (a**2).sum(), x, 2 * x * factors, most=3)
    given = "60 claims, 1 % to 60 % too large, most=3"
    expect("the number of rows", lambda: len(rows), 3.0, given=given)
    for place, factor in enumerate((1.60, 1.59, 1.58)):
        expect(f"claimed / measured in row {place}", lambda p=place: rows[p][1] / rows[p][2], factor, given=given,
               tolerance=1e-6)  # fmt: skip
        expect_array(f"the index in row {place}", lambda p=place: list(rows[p][0]),
                     [int(i) for i in np.argwhere(np.isclose(factors, factor))[0]], given=given)  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("directional_slopes")
def test_right_claims_agree_along_a_random_direction(candidate):
    for shape in ((100,), (8, 9), (3, 4, 5), (1,)):
        x = np.linspace(-2.0, 2.0, np.prod(shape)).reshape(shape)
        for seed in (0, 7):
            claimed, measured = candidate.directional_slopes(sum_of_sines, x, np.cos(x), seed=seed)
            expect("measured - claimed", lambda c=claimed, m=measured: float(m) - float(c), 0.0,
                   given=f"f = sin(x).sum(), x of shape {shape}, seed={seed}", tolerance=1e-7)  # fmt: skip
    x = np.linspace(-2.0, 2.0, 10)
    pair = candidate.directional_slopes(sum_of_sines, x, np.zeros(10))
    expect("claimed", lambda: float(pair[0]), 0.0, given="f = sin(x).sum(), ten claims of 0")


def seen_somewhere(candidate, claimed, x, right):
    """1.0 if for one of three seeds the two slopes differ, and with the right claims would not."""
    for seed in (0, 1, 2):
        c, m = candidate.directional_slopes(sum_of_sines, x, claimed, seed=seed)
        good, _ = candidate.directional_slopes(sum_of_sines, x, right, seed=seed)
        if abs(float(c) - float(m)) > 1e-6 and abs(float(good) - float(m)) < 1e-6:
            return 1.0
    return 0.0


@pytest.mark.level3
@pytest.mark.about("directional_slopes")
def test_a_random_direction_sees_every_element_and_lets_no_two_errors_cancel(candidate):
    x = np.linspace(-2.0, 2.0, 100)
    right = np.cos(x)
    for place in (0, 1, 50, 99):
        claimed = right.copy()
        claimed[place] += 0.1
        expect("whether the two slopes differ", lambda c=claimed: seen_somewhere(candidate, c, x, right), 1.0,
               given=f"f = sin(x).sum(), 100 claims, the one at {place} too large by 0.1")  # fmt: skip
    for one, other in ((3, 96), (45, 54), (10, 60)):  # the first two at numbers of the same size
        claimed = right.copy()
        claimed[one] += 0.1
        claimed[other] -= 0.1
        expect("whether the two slopes differ", lambda c=claimed: seen_somewhere(candidate, c, x, right), 1.0,
               given=f"f = sin(x).sum(), claims too large at {one} and too small at {other} by 0.1")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("directional_slopes")
@pytest.mark.resources
def test_one_direction_costs_a_handful_of_calls(candidate):
    x = np.linspace(-2.0, 2.0, 1000)
    f, calls = counting(sum_of_sines)
    candidate.directional_slopes(f, x, np.cos(x))
    expect_at_most("how often directional_slopes calls f", 4, len(calls), 1, given="1,000 elements")


@pytest.mark.level3
@pytest.mark.about("find_wrong")
def test_the_wrong_element_is_named(candidate):
    for shape in ((64,), (5, 7), (3, 4, 5)):
        x = np.linspace(-2.0, 2.0, np.prod(shape)).reshape(shape)
        for place in (0, x.size // 3, x.size - 1):
            claimed = np.cos(x)
            index = np.unravel_index(place, shape)
            claimed[index] += 0.01
            expect_array(
                "find_wrong(f, x, claimed)",
                lambda x=x, c=claimed: named(candidate.find_wrong(sum_of_sines, x, c)),
                [int(i) for i in index],
                given=f"f = sin(x).sum(), x of shape {shape}, the claim at {tuple(map(int, index))} too large by 0.01",
            )
    only = candidate.find_wrong(sum_of_sines, np.array([0.5]), np.array([1.0]))
    expect_array("find_wrong(f, x, claimed)", lambda: named(only), [0], given="f = sin(x).sum(), one claim, wrong")


@pytest.mark.level3
@pytest.mark.about("find_wrong")
def test_nobody_is_named_where_every_claim_is_right(candidate):
    for shape in ((100,), (5, 7), (1,)):
        x = np.linspace(-2.0, 2.0, np.prod(shape)).reshape(shape)
        wrong = np.cos(x)
        wrong.flat[0] += 1.0
        given = f"f = sin(x).sum(), x of shape {shape}"
        for seed in (0, 7):
            found = candidate.find_wrong(sum_of_sines, x, wrong, seed=seed)
            expect("the number of indices of a wrong claim", lambda f=found: len(f or ()), len(shape), given=given)
            found = candidate.find_wrong(sum_of_sines, x, np.cos(x), seed=seed)
            expect("whether find_wrong(f, x, claimed) is None", lambda f=found: float(f is None), 1.0,
                   given=f"{given}, right claims, seed={seed}")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("find_wrong")
def test_a_claim_that_is_no_number_is_found_and_rtol_says_how_far_one_may_be_off(candidate):
    x = np.linspace(-2.0, 2.0, 16)
    claimed = np.cos(x)
    claimed[11] = np.nan
    expect_array("find_wrong(f, x, claimed)", lambda: named(candidate.find_wrong(sum_of_sines, x, claimed)),
                 [11], given="f = sin(x).sum(), 16 claims, the one at 11 is nan")  # fmt: skip
    one, off = np.array([0.5]), 1.01 * np.cos([0.5])
    for rtol, place in ((0.1, -1.0), (1e-3, 0.0)):
        expect_array(f"find_wrong(f, x, claimed, rtol={rtol})",
                     lambda r=rtol: named(candidate.find_wrong(sum_of_sines, one, off, rtol=r)), [place],
                     given="f = sin(x).sum(), one claim, 1 % too large; -1 stands for None")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("find_wrong")
def test_two_opposite_mistakes_do_not_hide_each_other(candidate):
    x = np.linspace(-2.0, 2.0, 64)
    for pair in ((3, 4), (0, 63), (10, 50)):
        claimed = np.cos(x)
        claimed[pair[0]] += 0.25
        claimed[pair[1]] -= 0.25
        found = candidate.find_wrong(sum_of_sines, x, claimed)
        expect(
            "whether find_wrong names one of the two",
            lambda f=found, p=pair: float(f is not None and f[0] in p),
            1.0,
            given=f"f = sin(x).sum(), claims too large at {pair[0]} and too small at {pair[1]} by 0.25",
        )


@pytest.mark.level3
@pytest.mark.about("find_wrong")
@pytest.mark.resources
def test_one_wrong_claim_among_4096_is_found_in_few_calls(candidate):
    x = np.linspace(-2.0, 2.0, 4096).reshape(64, 64)
    claimed = np.cos(x)
    claimed[20, 41] *= 1.01
    f, calls = counting(sum_of_sines)
    found = candidate.find_wrong(f, x, claimed)
    given = "4,096 claims, the one at (20, 41) 1 % too large"
    expect_array("find_wrong(f, x, claimed)", lambda: named(found), [20, 41], given=given)
    expect_at_most("how often find_wrong calls f", 120, len(calls), 1, given=given)


# Level 4 --------------------------------------------------------------------------------------------------------------


def torch_function(f, backward):
    """A function of tensors that computes with the NumPy function f, and whose backward pass is `backward`."""
    import torch

    class Bridge(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.as_tensor(np.array(f(x.detach().numpy().copy())))

        @staticmethod
        def backward(ctx, upstream):
            (x,) = ctx.saved_tensors
            return torch.as_tensor(np.array(backward(upstream.numpy().copy(), x.detach().numpy().copy())))

    return Bridge.apply


def both_verdicts(candidate, backward, x, **options):
    """(1.0 if the candidate has no objection to this backward pass of x*x, 1.0 if gradcheck has none)."""
    import torch

    torch.manual_seed(0)
    t = torch.tensor(x, requires_grad=True)
    passed = torch.autograd.gradcheck(torch_function(lambda a: a * a, backward), (t,), raise_exception=False, **options)
    return float(not candidate.check_backward(lambda a: a * a, backward, x)), float(passed)


def off_by(factor, place=...):
    """A backward pass of x*x whose gradients at `place` are off by a factor."""

    def backward(upstream, x):
        gradient = 2 * x * upstream
        gradient[place] *= factor
        return gradient

    return backward


@pytest.mark.level4
@pytest.mark.about("check_gradient")
def test_the_gradients_of_torch_leave_no_rows(candidate):
    import torch

    x = np.array([[0.4, -1.1, 2.0], [0.8, 1.5, -0.3]])
    table = {
        "tanh(x).sum()": (lambda a: np.tanh(a).sum(), lambda t: torch.tanh(t).sum()),
        "logsumexp": (lambda a: np.log(np.exp(a).sum()), lambda t: torch.logsumexp(t.ravel(), 0)),
        "the norm": (lambda a: np.sqrt((a**2).sum()), torch.linalg.norm),
        "the product": (np.prod, torch.prod),
        "the largest": (np.max, torch.max),
    }
    for name, (f, torch_f) in table.items():
        t = torch.tensor(x, requires_grad=True)
        (gradient,) = torch.autograd.grad(torch_f(t), t)
        gradient = gradient.numpy()
        expect(
            "len(check_gradient(f, x, claimed))",
            lambda f=f, g=gradient: len(candidate.check_gradient(f, x, g)),
            0.0,
            given=f"f = {name}, claimed by torch",
        )
        expect("len(check_gradient(f, x, claimed))",
               lambda f=f, g=gradient: len(candidate.check_gradient(f, x, g + 0.01)), 6.0,
               given=f"f = {name}, claimed by torch and then made larger by 0.01")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("check_backward")
def test_gradcheck_agrees_on_what_is_right_and_on_what_is_plainly_wrong(candidate):
    x = np.linspace(0.5, 1.5, 20)
    for words, backward, verdict in (("right", off_by(1), 1.0), ("doubled", off_by(2), 0.0),
                                     ("wrong in one place by 10 %", off_by(1.1, 5), 0.0)):  # fmt: skip
        mine, theirs = both_verdicts(candidate, backward, x)
        expect("whether gradcheck passes it", lambda t=theirs: t, verdict, given=f"a backward pass of x*x, {words}")
        expect(
            "whether your check_backward passes it", lambda m=mine: m, verdict, given=f"a backward pass of x*x, {words}"
        )


@pytest.mark.level4
@pytest.mark.about("check_backward")
def test_gradcheck_passes_three_wrong_backward_passes_that_you_catch(candidate):
    beside = np.linspace(0.5, 1.5, 100)
    for words, backward, x, options in (
        ("0.05 % too large", off_by(1.0005), beside, {}),
        ("doubled, at x of about 1e-6", off_by(2), 1e-6 * beside, {}),
        ("one of 100 elements 10 % too large, in fast_mode", off_by(1.1, 5), beside, {"fast_mode": True}),
    ):
        mine, theirs = both_verdicts(candidate, backward, x, **options)
        given = f"a backward pass of x*x, {words}"
        expect("whether gradcheck passes it", lambda t=theirs: t, 1.0, given=given)
        expect("whether your check_backward passes it", lambda m=mine: m, 0.0, given=given)
