"""What is right, decided without any of the checkers.

A correct gradient is confirmed in long double (64 bits of mantissa) by Ridders' method,
written down once more here so that the referee shares nothing with the player. A planted
mistake counts if it changes a number by more than 1e-4 of it, and if a float64 central
difference at its best step could see that: its error and its rounding are both below a
quarter of the change.
"""

import numpy as np

LONG = np.longdouble
WORTH_NAMING = 1e-4  # a mistake changes some number by more than this part of it


def outputs(f, inputs, dtype=None):
    """The output of f as a flat vector; private copies go in, and a copy comes out."""
    arguments = [np.array(x, dtype=dtype)[()] if dtype else np.array(x) for x in inputs]
    arguments = [x if dtype else _as_given(x, original) for x, original in zip(arguments, inputs, strict=True)]
    with np.errstate(all="ignore"):
        try:
            return np.array(f(*arguments)).ravel()
        except ArithmeticError:  # plain Python numbers raise where arrays give nan
            return np.full(1, np.nan)


def _as_given(x, original):
    return float(x) if isinstance(original, (int, float)) else x if x.dtype.kind == "f" else x.astype(float)


def gradients(case, cotangent, backward=None):
    """The gradients which the backward pass gives for one cotangent, as one vector."""
    arguments = [_as_given(np.array(x), x) for x in case.inputs]
    with np.errstate(all="ignore"):
        output = np.array(case.f(*arguments))
        dtype = output.dtype if output.dtype.kind == "f" else float
        upstream = np.resize(cotangent, output.shape).astype(dtype)[()]
        result = (backward or case.backward)(upstream, *[_as_given(np.array(x), x) for x in case.inputs])
    return np.concatenate([np.empty(0), *(np.ravel(np.asarray(g, dtype=float)) for g in result)])


def cotangents(case, random):
    """Two random mixtures of all outputs, and a few outputs alone."""
    count = outputs(case.f, case.inputs).size
    if count <= 1:
        return np.ones((1, count))
    alone = np.eye(count)[random.choice(count, min(count, 6), replace=False)]
    return np.vstack([random.choice([-1, 1], (2, count)) * random.uniform(0.5, 1.5, (2, count)), alone])


def moved(inputs, i, step, dtype=None):
    """The inputs with flat element i moved by a step."""
    inputs = [
        np.array(x, dtype=dtype) if dtype or np.ndim(x) or np.asarray(x).dtype != float else float(x) for x in inputs
    ]
    inputs = [x if not isinstance(x, np.ndarray) or x.dtype.kind == "f" else x.astype(float) for x in inputs]
    for j, x in enumerate(inputs):
        if i < np.size(x):
            if isinstance(x, np.ndarray):
                x.flat[i] += step
            else:
                inputs[j] = x + step
            return inputs
        i -= np.size(x)
    raise IndexError(i)


def element(inputs, i, dtype=float):
    return np.concatenate([np.ravel(x).astype(dtype) for x in inputs])[i]


def ridders(f, inputs, i, rows):
    """The slopes of rows @ f along element i in long double, and their errors; shape (rows,)."""
    x = element(inputs, i)
    rounding = np.abs(rows) @ np.abs(outputs(f, inputs, LONG)) * np.finfo(LONG).eps
    best, error = np.full(len(rows), np.nan), np.full(len(rows), np.inf)
    settled = np.zeros(len(rows), bool)
    scales = {abs(x) or 1.0, 1.0}
    # From small steps up: the first table that settles describes the point, not its surroundings.
    for start in sorted({scale * 10.0**-k for scale in scales for k in range(8)}):
        table, value, bar = [], np.full(len(rows), np.nan), np.full(len(rows), np.inf)
        for order in range(7):
            h = LONG(start) / LONG(1.6) ** order
            above, below = moved(inputs, i, h, LONG), moved(inputs, i, -h, LONG)
            change = rows @ (outputs(f, above, LONG) - outputs(f, below, LONG))
            row = [change / (element(above, i, LONG) - element(below, i, LONG))]
            factor = LONG(1)
            for older in table[-1] if table else []:
                factor *= LONG(1.6) ** 2
                row.append((row[-1] * factor - older) / (factor - 1))
                change = np.maximum(abs(row[-1] - row[-2]), abs(row[-1] - older)) + 4 * rounding / h
                better = change < bar
                value[better], bar[better] = row[-1][better], change[better]
            table.append(row)
        better = ~settled & (bar < error)
        best[better], error[better] = value[better], bar[better]
        settled |= error <= 1e-8 * abs(best)
    return best, error


@np.errstate(all="ignore")
def confirmed(case, random, elements=12) -> bool:
    """Whether long double arithmetic agrees with the case's own gradient."""
    rows = cotangents(case, random)
    claims = np.array([gradients(case, row) for row in rows])
    if not np.isfinite(claims).all():
        return False
    single = any(np.asarray(x).dtype == np.float32 for x in case.inputs) or case.exact
    tolerance = 1e-4 if single else 1e-6
    count = claims.shape[1]
    f = case.exact or case.f
    size = np.abs(claims).max(axis=1, initial=0)
    for i in random.choice(count, min(elements, count), replace=False):
        slopes, errors = ridders(f, case.inputs, i, rows)
        gap = abs(slopes - claims[:, i])
        # A sum of terms that cancel is only as exact as its terms.
        values = np.abs(rows) @ np.abs(outputs(f, case.inputs)) / max(abs(element(case.inputs, i)), 1)
        rounding = (1e-6 if single else 1e-14) * (size + values)
        if case.at_kink:
            right, left = (one_sided(f, case.inputs, i, rows, sign) for sign in (1, -1))
            low, high = np.minimum(left, right), np.maximum(left, right)
            good = (low - 1e-6 * abs(low) <= claims[:, i]) & (claims[:, i] <= high + 1e-6 * abs(high))
        else:
            good = gap <= tolerance * abs(slopes) + np.minimum(2 * errors, 1e-3 * abs(slopes)) + rounding
        if not good.all():
            return False
    return True


def one_sided(f, inputs, i, rows, sign):
    h = LONG(1e-9) * sign
    change = outputs(f, moved(inputs, i, h, LONG), LONG) - outputs(f, inputs, LONG)
    return (rows @ (change / h)).astype(float)


@np.errstate(all="ignore")
def visible(case, wrong, random) -> bool:
    """Whether two neighbouring central differences in float64 tell `wrong` from the correct gradient."""
    rows = cotangents(case, random)
    for row in rows:
        right, off = gradients(case, row), gradients(case, row, wrong)
        gap = np.where(np.isfinite(off) & (abs(off - right) > WORTH_NAMING * abs(right)), abs(off - right), 0)
        relative = gap / (abs(right) + 1e-300)
        candidates = {*np.argsort(-gap)[:3], *np.argsort(-relative)[:3]} if gap.any() else ()
        if any(gap[i] > 0 and _seen(case, i, row, right[i], gap[i]) for i in candidates):
            return True
    return False


def _seen(case, i, row, right, gap) -> bool:
    """Whether two neighbouring steps come within a quarter of the gap, and not by luck with the rounding."""
    x, centre = element(case.inputs, i), outputs(case.f, case.inputs)
    eps = np.finfo(centre.dtype).eps if centre.dtype.kind == "f" else np.finfo(float).eps
    for scale in {abs(x) or 1.0, 1.0}:
        near = 0
        for k in range(27):
            h = scale * 3.0**-k
            above, below = moved(case.inputs, i, h), moved(case.inputs, i, -h)
            width = element(above, i) - element(below, i)
            change = outputs(case.f, above).astype(float) - outputs(case.f, below)
            slope = row @ change / width if width else np.nan
            rounding = eps * (np.abs(row) @ (np.abs(centre.astype(float)) * (change != 0)))
            near = near + 1 if max(abs(slope - right), rounding / h) <= gap / 4 else 0
            if near == 2:
                return True
    return False
