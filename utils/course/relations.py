"""What wrong numbers have to do with the right ones: all twice as large, all off by 3, all 0, or each other's.

The last witness of the diagnosis. It says nothing about the reason, and what it says is true of the numbers seen.
"""

import math
import re

SAME = 1e-6  # relative: numbers that were computed in another order agree to more digits than that
# Different right numbers that must show a relation before it is believed. A factor of two is believed at once, a factor
# that is no whole number, nor 1 divided by one, only of more.
ENOUGH, MORE = 2, 3
MOST = 4  # results that are named as right, the last ones

# How a wrong number could be made of the right one, in words that go before "what it should be".
MADE = {
    "the square of": lambda right: right * right,
    "the square root of": lambda right: math.sqrt(right),
    "1 divided by": lambda right: 1 / right,
    "1 minus": lambda right: 1 - right,
    "the logarithm of": lambda right: math.log(right),
    "the exponential of": lambda right: math.exp(right),
}


def of(row):
    """(key in diagnosis.SENTENCES, facts for it) for the comparisons of a row that did not hold, or None."""
    wrong = [seen for seen in row["observations"] if not seen["holds"]]
    exchanged = _exchanged(wrong)
    if exchanged:
        return "exchanged", {"what": exchanged[0], "other": exchanged[1]}
    first = [seen for seen in wrong if seen["aim"] == wrong[0]["aim"]]
    for chosen in (wrong, first, wrong[:1]):
        pairs = [pair for seen in chosen for pair in _pairs(seen)]
        found = _of_pairs(pairs)
        if found:
            return found[0], found[1] | ({} if len(pairs) > 1 else {"numbers": "The number is"})
    return None


def held(row):
    """("partly", facts) where some results of the call that went wrong are right, or None."""
    wrong = next((seen for seen in row["observations"] if not seen["holds"]), None)
    if wrong is None:
        return None
    call = [seen for seen in row["observations"] if (seen["given"], _call(seen)) == (wrong["given"], _call(wrong))]
    right = list(dict.fromkeys(_result(seen) for seen in call if seen["holds"]))
    same = _result(wrong).partition("(")[0] + "(" if _result(wrong).endswith(")") else _result(wrong)
    right = [name for name in right if not name.startswith((same, "the number of"))][-MOST:]
    if not right:
        return None
    text = " and ".join(filter(None, [", ".join(right[:-1]), right[-1]])) + (
        " are right" if len(right) > 1 else " is right"
    )
    return "partly", {"held": text, "wrong": _result(wrong)}


def _result(seen):
    """What a comparison is about: of "the gradient of mse([1.0], [3.0])[0]" the gradient, of "neuron: dw" dw."""
    return re.sub(r"(\[[\d, ]*\])+$", "", seen["what"].partition(" of ")[0].rpartition(": ")[2])


def _call(seen):
    return re.sub(r"(\[[\d, ]*\])+$", "", seen["what"].partition(" of ")[2])


def _pairs(seen):
    """(got, expected) of every wrong entry that a comparison has kept."""
    return [tuple(pair) for pair in seen.get("pairs") or [(seen["got"], seen["expected"])]]


def _of_pairs(pairs):
    if not pairs or not all(isinstance(number, (int, float)) and math.isfinite(number)
                            for pair in pairs for number in pair):  # fmt: skip
        return None
    different = {f"{expected:.6g}" for _, expected in pairs}
    if all(got == 0 for got, _ in pairs):
        return "zeros", {}
    got, expected = max(pairs, key=lambda pair: abs(pair[1]))
    if expected and _all(pairs, lambda right: right * got / expected):
        factor = got / expected
        needed = 1 if abs(factor) in (2.0, 0.5) else ENOUGH if _is_whole(factor) or _is_whole(1 / factor) else MORE
        if len(different) >= needed:
            return ("factor", {"relation": _times(factor)}) if factor != -1 else ("sign", {})
    if len(different) < ENOUGH:
        return None
    if _all(pairs, lambda right: right + (got - expected)):
        gap = got - expected
        return "shifted", {"relation": f"{abs(gap):.4g} too {'large' if gap > 0 else 'small'}"}
    return next((("made", {"relation": words}) for words, way in MADE.items() if _all(pairs, way)), None)


def _all(pairs, way):
    """Is every number that came what `way` makes of the right one?"""
    try:
        return all(math.isclose(got, way(right), rel_tol=SAME, abs_tol=1e-12) for got, right in pairs)
    except (ValueError, ZeroDivisionError, OverflowError):
        return False


def _is_whole(number):
    return math.isclose(number, round(number), rel_tol=SAME)


def _times(factor):
    minus = ", with the other sign," if factor < 0 else ""
    size = abs(factor)
    if math.isclose(size, 0.5, rel_tol=SAME):
        return f"half of{minus}"
    if size < 1 and _is_whole(1 / size):
        return f"1/{round(1 / size)} of{minus}"
    return f"{size:.4g} times{minus}"


def _exchanged(wrong):
    """The names of two results of one call of which each is what the other should be, or None."""
    for seen in wrong:
        for other in wrong:
            numbers = (seen["got"], seen["expected"], other["got"], other["expected"])
            if seen["what"] != other["what"] and seen["given"] == other["given"] and all(
                isinstance(number, float) for number in numbers
            ):  # fmt: skip
                if _all([(seen["got"], other["expected"]), (other["got"], seen["expected"])], lambda right: right):
                    return seen["what"], other["what"]
    return None
