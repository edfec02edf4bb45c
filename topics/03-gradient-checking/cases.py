"""What the grader asks of a submission: slopes of random functions, and verdicts on claims that are right or wrong."""

import math

import numpy as np

from utils.grading.cases import case, number_of, refuses

HIDDEN = (
    "utils/slopes.py",
    "utils/finite_difference_checker.py",
    "utils/gradient_claims.py",
    "utils/gradient_patterns.py",
)
VERDICTS = {"fail": 1.0, "pass": 2.0, "kink": 3.0}
MEASURED = 1e-5  # relative: how far two good measurements may differ


def smooth(draw):
    """(f, its slope): a sum of a sine and a square with random numbers."""
    a, b, c = draw.numbers(3, high=1.5)
    return lambda x: a * math.sin(b * x) + c * x * x, lambda x: a * b * math.cos(b * x) + 2 * c * x


def of_arrays(draw, *shape):
    """(f, its gradient) of an array of this shape, with random weights."""
    weights, power = draw.array(*shape), draw.number(low=0.5, high=1.2)
    return (lambda a: float((weights * np.sin(power * np.asarray(a))).sum()),
            lambda a: weights * power * np.cos(power * np.asarray(a)))  # fmt: skip


def word(verdict):
    return VERDICTS.get(verdict, 0.0) if type(verdict) is str else 0.0


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "central_difference")
def differences_with_a_coarse_step(candidate, draw):
    answers = []
    for _ in range(4):
        (f, _), x, h = smooth(draw), draw.number(), draw.number(low=0.05, high=0.3, signed=False)
        answers += [candidate.forward_difference(f, x, h), candidate.central_difference(f, x, h)]
        answers.append(candidate.central_difference(f, x))
    return answers


@case(1, "relative_gap")
def gaps_and_verdicts(candidate, draw):
    answers = []
    for _ in range(4):
        a, b = draw.numbers(2)
        answers += [candidate.relative_gap(a, b), candidate.relative_gap(0.0, b), candidate.relative_gap(a, a)]
    answers += [float(candidate.relative_gap(*pair) == math.inf) for pair in ((math.nan, a), (a, math.nan))]
    answers += [candidate.relative_gap(a, 0.0), candidate.relative_gap(a * 1e-12, b * 1e-12)]
    for _ in range(6):
        (f, slope), x = smooth(draw), draw.number()
        claimed = slope(x) * draw.choice((1.0, 1.001, -1.0, 1.0))
        answers.append(word(candidate.judge(f, x, claimed)))
    answers.append(float(candidate.relative_gap(0.0, 0.0)))
    (f, slope), x = smooth(draw), draw.number()
    for factor in (1.105, 0.905, 1.12, 0.88):  # a tenth of the larger of the two
        answers.append(word(candidate.judge(f, x, slope(x) * factor, 0.1)))
    tiny, slope, x = draw.number() * 1e-9, draw.number(), draw.number()
    for claimed, rtol in ((1.01, 0.1), (1.2, 0.1), (1.0, 1e-6), (1.01, 1e-6)):
        answers.append(word(candidate.judge(lambda t: tiny * slope * t, x, tiny * slope * claimed, rtol)))
    return [
        *answers,
        *(word(candidate.judge(lambda t: t * t, 1.0, claim)) for claim in (math.nan, math.inf, -math.inf)),
    ]


@case(1, "check_engine", tolerance=MEASURED)
def an_engine_in_the_witness_box(candidate, draw):
    from utils.engine import Value

    answers = []
    for _ in range(3):
        a, b, c = draw.numbers(3, high=1.4)

        def f(x, y, z):
            return x * y + (x * z).tanh() + y * y * z

        for claimed, measured in candidate.check_engine(f, [a, b, c], Value):
            answers += [number_of(claimed), number_of(measured)]

    made = []

    class Seen(Value):
        """The engine, with a list of what was put into it."""

        def __init__(self, data, *rest, **named):
            super().__init__(data, *rest, **named)
            made.append(float(data))

    for h in (1e-6, 0.25):  # with a coarse step it shows at which places f was called
        numbers = draw.numbers(2)
        kinds = []

        def product(x, y, kinds=kinds):
            kinds.append(isinstance(x, Seen) and isinstance(y, Seen))
            return x * x * x * y

        for claimed, measured in candidate.check_engine(product, numbers, Seen, h):
            answers += [number_of(claimed), number_of(measured), float(set(numbers) <= set(made) and all(kinds))]
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "numerical_gradient", step="arrays", tolerance=MEASURED)
def gradients_of_arrays(candidate, draw):
    answers = []
    for shape in ((4,), (2, 3), (2, 1, 3)):
        (f, _), x = of_arrays(draw, *shape), draw.array(*shape)
        before = x.copy()
        answers += [draw.along(candidate.numerical_gradient(f, x)), float((x == before).all())]
    whole = [draw.integer(2, 5), draw.integer(2, 5)]
    for x in (whole, np.array(whole), np.array(draw.numbers(2), dtype=np.float32)):
        found = candidate.numerical_gradient(lambda a: float((np.asarray(a) ** 3).sum()), x)
        answers += [draw.along(found), float(found.dtype == np.float64)]
    first = candidate.numerical_gradient(lambda a: float(a.sum()), np.zeros(2))
    second = candidate.numerical_gradient(lambda a: float((2 * a).sum()), np.zeros(2))
    coarse = candidate.numerical_gradient(lambda a: float((a**3).sum()), draw.array(3), h=0.25)
    # The second number is 10**8 times the first: each has a step of its own.
    apart = candidate.numerical_gradient(lambda a: float(np.sin(a / 1e8).sum() * 1e8), [draw.number(), 1e8])
    return [*answers, draw.along(first), draw.along(second), draw.along(coarse), draw.along(apart)]


@case(2, "good_step", step="sweep", tolerance=1e-6)  # a root taken in float32 is right to seven digits
def steps_and_their_errors(candidate, draw):
    (f, slope), x, power = smooth(draw), draw.number(), draw.choice((2.0, 3.0))
    steps = [10.0**-k for k in range(1, 4)]
    errors = [draw.number(signed=False) * 0 + 3.0 * step**power for step in steps]
    answers = [draw.along(candidate.sweep_errors(f, x, slope(x), steps)), candidate.order(steps, errors)]
    answers += [candidate.good_step(x * size) * 1e4 for size in (1.0, 1000.0)]
    forward = candidate.sweep_errors(lambda t: t**3, x, 3 * x * x, steps, candidate.forward_difference)
    answers += [draw.along(forward), candidate.order([*steps, 1e-5], [*errors, 0.0])]
    answers.append(candidate.good_step(x, np.float32) * 1e2)
    wide = candidate.numerical_gradient(lambda a: float(np.sin(a / 1e6).sum()) * 1e6, 1e6 * draw.array(3))
    return [*answers, draw.along(wide)]


@case(2, "check_gradient", step="report", tolerance=MEASURED)
def a_report_on_wrong_claims(candidate, draw):
    shape = (3, 5)
    (f, gradient), x = of_arrays(draw, *shape), draw.array(*shape)
    claimed = gradient(x)
    rows = [candidate.check_gradient(f, x, claimed)]
    for place, factor in zip(draw.rng.sample(range(15), 6), (1.5, -1.0, 1.01, 0.5, 3.0, 1.2), strict=True):
        claimed.flat[place] *= factor
    rows += [candidate.check_gradient(f, x, claimed), candidate.check_gradient(f, x, claimed, most=1)]
    answers = [float(len(found)) for found in rows]
    for found in rows:
        for index, claim, measured, gap in found:
            answers += [*map(float, index), claim, measured, gap, float(type(index) is tuple)]
    for factor, rtol in ((1.105, 0.1), (0.905, 0.1), (1.12, 0.1), (1.001, 0.01), (1.001, 1e-4)):
        answers.append(float(len(candidate.check_gradient(f, x, gradient(x) * factor, rtol))))
    answers.append(float(len(candidate.check_gradient(lambda a: float((a**3).sum()), np.array([2, 3]), [12.0, 27.0]))))
    answers.append(refuses(ValueError, lambda: candidate.check_gradient(f, x, claimed[:2])))
    for h in (0.125, 0.125, 0.25, 0.25):
        slope, error = candidate.slope_with_error(smooth(draw)[0], draw.number(), h)
        answers += [slope, error * 100]
    # A constant has no bend, so only the rounding is left; powers of two make it exact.
    answers += candidate.slope_with_error(lambda t: 2.0**40, 0.5, 2.0**-10)
    for zero in (0.0, 2.0**-9):  # where f is 0: at the lower end, at the upper end
        slope, error = candidate.slope_with_error(lambda t, z=zero: 2.0**40 * (t - z), 2.0**-10, 2.0**-10)
        answers += [slope / 2.0**40, error * 100]
    for claim in (math.nan, math.inf, 1e-4):
        answers.append(float(len(candidate.check_gradient(lambda a: float((a * a).sum()), np.zeros(2), [0.0, claim]))))
    flat = candidate.check_gradient(lambda a: float((1e6 + np.cos(a)).sum()), np.zeros(3), np.full(3, 1e-7))
    return [*answers, float(len(flat))]


@case(2, "check_backward")
def wrong_backward_passes_are_seen(candidate, draw):
    answers = []
    for factor in (1.0, 2.0, -1.0, 1.0):
        a, x = draw.number(), draw.array(5)
        rows = candidate.check_backward(lambda v, a=a: a * v**3, lambda u, v, a=a, k=factor: 3 * a * k * u * v * v, x)
        answers.append(float(len(rows)))
        answers.append(float(len(candidate.check_backward(lambda v: v * v, lambda u, v: 2 * v, x))))
    for factor, rtol, most in ((1.05, 0.1, 10), (1.05, 0.01, 10), (2.0, 1e-6, 2)):
        back = lambda u, v, k=factor: 2 * k * u * v  # noqa: E731
        answers.append(float(len(candidate.check_backward(lambda v: v * v, back, draw.array(5), 0, rtol, most))))
    seen = []

    def softmax(v):
        return np.exp(v) / np.exp(v).sum()

    def doubled(u, v):
        seen.append(np.array(u))
        p = softmax(v)
        return 2 * p * (u - (u * p).sum())

    def greedy(u, v):
        u *= 2 * v
        return u

    for seed in (0, 0, 1):
        answers.append(float(len(candidate.check_backward(softmax, doubled, draw.array(4), seed=seed)) > 0))
    answers += [float((seen[0] == seen[1]).all()), float((seen[0] != seen[2]).any()), float(len(set(seen[0])) == 4)]
    return [*answers, float(len(candidate.check_backward(lambda v: v * v, greedy, draw.array(4))))]


@case(2, "is_kink", tolerance=MEASURED)
def kinks_are_found(candidate, draw):
    answers = []
    for _ in range(3):
        left, x = draw.numbers(2)
        right = left + draw.number()
        bent = lambda t, left=left, right=right, x=x: (left if t < x else right) * (t - x)  # noqa: E731
        f, slope = smooth(draw)
        answers += [*candidate.one_sided_slopes(bent, x), float(bool(candidate.is_kink(bent, x)))]
        answers += [*candidate.one_sided_slopes(math.exp, x, 0.25), float(type(candidate.is_kink(bent, x)) is not str)]
        answers += [float(bool(candidate.is_kink(f, x))), word(candidate.judge(bent, x, left))]
        answers.append(word(candidate.judge(f, x, slope(x))))
    bends = (lambda t: 1e4 * t * t, lambda t: 1e8 + t, lambda t: math.exp(20 * t), lambda t: abs(t) + 1e6)
    answers += [float(bool(candidate.is_kink(f, x))) for f in bends for x in (0.0, draw.number(high=1.0))]
    for _ in range(4):  # a slope that drowns in rounding: nobody can call the claim wrong
        x = draw.number()
        answers.append(word(candidate.judge(lambda t: 1e8 + 1e-3 * t, x, 1e-3)))
    return [*answers, word(candidate.judge(math.cos, 0.0, 0.0))]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "check_gradient", step="in-place")
def every_bit_is_put_back(candidate, draw):
    answers = []
    for task in ("numerical_gradient", "check_gradient", "directional_slopes", "find_wrong"):
        x = draw.array(3, 4) * 10.0 ** draw.integer(-8, 8)
        before, more = x.tobytes(), () if task == "numerical_gradient" else (np.ones((3, 4)),)
        seen = []

        def f(a, x=x, seen=seen):
            seen.append(float(np.shares_memory(a, x)))
            return float(np.tanh(a).sum())

        getattr(candidate, task)(f, x, *more)
        answers += [float(x.tobytes() == before), float(bool(seen))]
        awkward = np.array([0.1, -0.0, 1 / 3, 1e-310, 7e15, draw.number()])
        bits = awkward.tobytes()

        def fails(a, calls=[]):  # noqa: B006
            calls.append(1)
            if len(calls) % 3 == 0:
                raise ZeroDivisionError
            return float(np.tanh(a).sum())

        call, claims = getattr(candidate, task), [np.ones(6) for _ in more]
        for _ in range(3):
            refuses(ZeroDivisionError, lambda c=call, f=fails, x=awkward, m=claims: c(f, x, *m))
            answers.append(float(awkward.tobytes() == bits))
        if not more:
            answers.append(max(seen))
    return [*answers, draw.number() * 0 + float(len(answers))]


@case(3, "directional_slopes", tolerance=1e-6)
def one_direction_for_all_claims(candidate, draw):
    (f, gradient), x = of_arrays(draw, 40, 25), draw.array(40, 25)
    calls = []

    def counted(a):
        calls.append(1)
        return f(a)

    right = candidate.directional_slopes(counted, x, gradient(x), seed=3)
    count = len(calls)
    wrong = gradient(x)
    wrong[draw.integer(0, 39), draw.integer(0, 24)] += 1.0
    off = candidate.directional_slopes(f, x, wrong, seed=3)
    # Whoever draws another direction has other slopes: what is asked is whether they agree.
    answers = [float(abs(right[0] - right[1]) < 1e-4), float(abs(off[0] - off[1]) > 1e-3), float(count <= 4)]
    claimed, measured = candidate.directional_slopes(f, x, np.zeros_like(x), seed=3)
    answers += [float(abs(claimed) < 1e-12), float(abs(measured) > 1e-6)]
    for _ in range(4):  # two mistakes that would cancel, if every element moved by as much
        opposite, places = gradient(x), draw.rng.sample(range(1000), 2)
        opposite.flat[places[0]] += 1.0
        opposite.flat[places[1]] -= 1.0
        apart = [candidate.directional_slopes(f, x, opposite, seed=seed) for seed in (1, 2)]
        answers.append(float(any(abs(claimed - measured) > 1e-3 for claimed, measured in apart)))
    return answers


@case(3, "find_wrong")
def the_wrong_claim_is_found_by_halving(candidate, draw):
    answers = []
    for shape in ((64, 64), (500,)):
        (f, gradient), x = of_arrays(draw, *shape), draw.array(*shape)
        claimed, place = gradient(x), tuple(draw.integer(0, size - 1) for size in shape)
        claimed[place] += 1.0
        calls = []

        def counted(a, f=f, calls=calls):
            calls.append(1)
            return f(a)

        found = candidate.find_wrong(counted, x, claimed)
        answers += [*map(float, found), float(len(calls) <= 120)]
        answers.append(float(candidate.find_wrong(f, x, gradient(x)) is None))
        answers += [float(candidate.find_wrong(f, x, 1.01 * gradient(x), 0, rtol) is None) for rtol in (0.1, 1e-4)]
        claimed = gradient(x)
        claimed[place] = math.nan
        answers.append(float(candidate.find_wrong(f, x, claimed) == place))
    (f, gradient), x = of_arrays(draw, 64), draw.array(64)
    for _ in range(3):
        claimed, places = gradient(x), draw.rng.sample(range(64), 2)
        claimed[places[0]] += 0.5
        claimed[places[1]] -= 0.5
        found = candidate.find_wrong(f, x, claimed)
        answers.append(float(found is not None and found[0] in places))
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "check_backward")
def gradients_of_many_shapes(candidate, draw):
    answers = []
    for shape in ((6, 6), (3, 2, 4), (20,)):
        (f, gradient), x = of_arrays(draw, *shape), draw.array(*shape)
        claimed = gradient(x)
        answers.append(float(len(candidate.check_gradient(f, x, claimed))))
        wrong = draw.integer(1, 5)
        claimed.flat[:wrong] *= 1.1
        answers.append(float(len(candidate.check_gradient(f, x, claimed))))
        answers.append(float(len(candidate.check_backward(np.tanh, lambda u, v: u * (1 - np.tanh(v) ** 2), x))))
    return answers
