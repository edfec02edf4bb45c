import math

import numpy as np

from utils.engine import Value


def forward_difference(f, x, h=1e-6):
    rise = f(x + h) - f(x)
    return rise / h


def central_difference(f, x, h=1e-6):
    a = f(x + h)
    b = f(x - h)
    return (a - b) / ((x + h) - (x - h))


def relative_gap(claimed, measured):
    if not (np.isfinite(claimed) and np.isfinite(measured)):
        return np.inf
    biggest = max(abs(claimed), abs(measured))
    if biggest == 0:
        return 0.0
    return abs(claimed - measured) / biggest


def fine(c, m, e, rtol):
    return bool(np.isfinite(c)) and bool(abs(c - m) <= rtol * max(abs(c), abs(m)) + e)


def judge(f, x, claimed, rtol=1e-6):
    if is_kink(f, x):
        return "kink"
    m, e = slope_with_error(f, x)
    if fine(claimed, m, e, rtol):
        return "pass"
    return "fail"


def check_engine(f, numbers, value_class=Value, h=1e-6):
    result = []
    for i in range(len(numbers)):
        leaves = [value_class(n) for n in numbers]
        f(*leaves).backward()

        def one(number):
            others = list(numbers)
            others[i] = number
            return f(*[value_class(n) for n in others]).data

        result.append([leaves[i].grad, central_difference(one, numbers[i], h)])
    return result


def numerical_gradient(f, x, h=None):
    if not (isinstance(x, np.ndarray) and x.dtype == np.float64 and x.flags.writeable):
        x = np.array(x, dtype=float)
    g = np.empty_like(x)
    it = np.nditer(x, flags=["multi_index", "zerosize_ok"], order="C")
    for _ in it:
        i = it.multi_index
        old = x[i]
        s = good_step(old) if h is None else h
        try:
            x[i] = old + s
            up = f(x)
            x[i] = old - s
            down = f(x)
        finally:
            x[i] = old
        g[i] = (up - down) / (2 * s)
    return g


def sweep_errors(f, x, slope, steps, difference=central_difference):
    return [abs(difference(f, x, s) - slope) for s in steps]


def order(steps, errors):
    pairs = [(math.log(s), math.log(e)) for s, e in zip(steps, errors) if e != 0]
    a = np.array(pairs)
    return np.polyfit(a[:, 0], a[:, 1], 1)[0]


def good_step(x, dtype=np.float64):
    return np.cbrt(np.finfo(dtype).eps) * max(1, abs(x))


def slope_with_error(f, x, h=None):
    if h is None:
        h = good_step(x)
    u, d, uu, dd = f(x + h), f(x - h), f(x + 2 * h), f(x - 2 * h)
    s, s2 = (u - d) / (2 * h), (uu - dd) / (4 * h)
    return s, abs(s2 - s) + 4 * 2.0**-52 * max(abs(u), abs(d)) / h


def check_gradient(f, x, claimed, rtol=1e-6, most=10):
    claimed = np.array(claimed, dtype=float)
    if not (isinstance(x, np.ndarray) and x.dtype == np.float64 and x.flags.writeable):
        x = np.array(x, dtype=float)
    if np.shape(x) != claimed.shape:
        raise ValueError("shape")
    rows = []
    for i in np.ndindex(*x.shape):
        old = x[i]

        def g(n):
            x[i] = n
            try:
                return f(x)
            finally:
                x[i] = old

        m, e = slope_with_error(g, old)
        if not fine(claimed[i], m, e, rtol):
            rows.append((i, claimed[i], m, relative_gap(claimed[i], m)))
            rows.sort(key=lambda r: -r[3])
            del rows[most:]
    return rows


def check_backward(f, backward, x, seed=0, rtol=1e-6, most=10):
    x = np.array(x, dtype=float)
    v = np.random.default_rng(seed).uniform(-1, 1, np.shape(f(x)))
    return check_gradient(lambda a: (v * f(a)).sum(), x, backward(v.copy(), x.copy()), rtol, most)


def one_sided_slopes(f, x, h=1e-6):
    return [(f(x) - f(x - h)) / h, (f(x + h) - f(x)) / h]


def is_kink(f, x, h=1e-4):
    l1, r1 = one_sided_slopes(f, x, h)
    l2, r2 = one_sided_slopes(f, x, h / 10)
    return abs(r2 - l2) > 0.5 * abs(r1 - l1) and abs(r2 - l2) > 8 * 2.0**-52 * abs(f(x)) / (h / 10)


def directional_slopes(f, x, claimed, seed=0):
    v = np.random.default_rng(seed).choice([-1.0, 1.0], x.shape) * np.random.default_rng(seed + 1).uniform(
        0.5, 1, x.shape
    )
    v /= np.linalg.norm(v)
    return (np.asarray(claimed) * v).sum(), slope_with_error(lambda t: f(x + t * v), 0.0)[0]


def find_wrong(f, x, claimed, seed=0, rtol=1e-6):
    v = np.random.default_rng(seed).standard_normal(x.size)
    c = np.asarray(claimed, dtype=float).ravel()

    def wrong(part):
        d = np.zeros(x.size)
        d[part] = v[part]
        s, e = slope_with_error(lambda t: f(x + t * d.reshape(x.shape)), 0.0)
        return not abs((c * d).sum() - s) <= rtol * np.linalg.norm(c * d) + e

    part = np.arange(x.size)
    if not wrong(part):
        return None
    while part.size > 1:
        left, right = np.array_split(part, 2)
        part = left if wrong(left) else right
    return np.unravel_index(part[0], x.shape)
