"""How a test states what it expects from a candidate, so that a failure can be explained and a green cannot be faked.

    expect("x.grad after (x * x).backward()", lambda: x.grad, 6.0, given="x = Value(3.0)")
    expect_gradients(candidate, "c = a + b; c * a", a=2.0, b=3.0)

Every comparison, held or not, is recorded as an Observation; the diagnosis reads them.
"""

import math
import sys
from dataclasses import dataclass, field

from utils.course.expressions import exact, names, run

TOLERANCE = 1e-9
KEPT = 32  # wrong entries of an array that are kept for the diagnosis
observations = []  # of the test that is running; the pytest plugin empties it between tests


@dataclass(frozen=True)
class Observation:
    """One comparison: what was asked of the candidate, what it said, what it should have said."""

    what: str  # "a.grad"
    given: str  # "c = a + b; c * a at a = 2, b = 3"
    expected: object
    got: object  # a float, or the text of what was raised
    holds: bool
    raised: str = ""  # class name of what was raised, "" if nothing was
    aim: str = field(default="", compare=False)  # "value" or "gradient": what kind of quantity it is
    pairs: tuple = field(default=(), compare=False)  # (got, expected) of the first wrong entries of an array


def sentence_of(test):
    """What a test says by its name."""
    return test.removeprefix("test_").replace("pytorchs", "PyTorch's").replace("pytorch", "PyTorch").replace("_", " ")


class Mismatch(AssertionError):
    """An expectation that did not hold; carries the Observation."""

    def __init__(self, observation):
        self.observation = observation
        super().__init__(describe(observation))


class NotANumber(TypeError):
    """Where a number was asked for, the candidate gave something else."""


def plain(number):
    """The float behind a candidate's number, read through the base type's own slot: an object cannot lie about it.

    Raises NotANumber for anything but int, float and NumPy's scalar floats and integers.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        numpy = sys.modules.get("numpy")  # a candidate that uses NumPy has imported it
        if numpy and type(number) in (numpy.float64, numpy.float32, numpy.int64, numpy.int32):
            return float(numpy.asarray(number))
        if numpy and type(number) is numpy.ndarray and number.shape == ():
            return float(number)
        raise NotANumber(f"a plain number was expected, but here is {_briefly(number)}")
    return float.__float__(number) if isinstance(number, float) else float(int.__int__(number))


def expect(what, get, expected, *, given="", tolerance=TOLERANCE, aim="value"):
    """Record whether get() is the expected number; raise Mismatch if not. An exception of the candidate passes through.

    `tolerance` is relative to the larger of 1 and |expected|.
    """
    observation = _observe(what, get, expected, given, tolerance, aim)
    if not observation.holds:
        raise Mismatch(observation)


def expect_array(what, get, expected, *, given="", tolerance=TOLERANCE, aim="value"):
    """Record whether get() is the expected array: same shape, every entry equal; raise Mismatch for the worst entry.

    `tolerance` is relative to the larger of 1 and the largest |expected|. Accepts arrays of NumPy's own class, and
    nested lists of numbers.
    """
    import numpy as np

    expected = np.asarray(expected, dtype=float)
    try:
        got = plain_array(get())
    except NotANumber as error:
        said = str(error).replace("a plain number was expected", "an array was expected")
        observations.append(Observation(what, given, "an array", said, False, "NotANumber", aim))
        raise Mismatch(observations[-1]) from None
    except Exception as error:
        observations.append(raised(what, given, "an array", error, aim))
        raise
    if got.shape != expected.shape:
        observations.append(
            Observation(what, given, f"shape {expected.shape}", f"shape {got.shape}", False, "", "shape")
        )
        raise Mismatch(observations[-1])
    same_nan = np.isnan(got) & np.isnan(expected)
    with np.errstate(invalid="ignore"):
        gap = np.where(same_nan | (got == expected), 0.0, np.abs(got - expected))
    gap = np.where(np.isnan(gap), np.inf, gap)
    finite = np.abs(expected[np.isfinite(expected)])
    limit = tolerance * max(1.0, finite.max() if finite.size else 0.0)
    if gap.size and gap.max() > limit:
        worst = np.unravel_index(int(gap.argmax()), gap.shape)
        place = f"{what}[{', '.join(map(str, worst))}]" if worst else what
        wrong = np.argwhere(gap > limit)[:KEPT]
        pairs = tuple((float(got[tuple(at)]), float(expected[tuple(at)])) for at in wrong)
        observations.append(Observation(place, given, float(expected[worst]), float(got[worst]), False, "", aim, pairs))
        raise Mismatch(observations[-1])
    sides = (f"{expected.shape}", f"{got.shape}") if expected.shape else (float(expected), float(got))
    observations.append(Observation(what, given, *sides, True, "", aim))


def plain_array(thing):
    """A float64 copy of a candidate's array, read without asking the object's own methods.

    Raises NotANumber for anything but NumPy's own arrays and scalars of numbers, and (nested) lists of plain numbers.
    """
    import numpy as np

    if isinstance(thing, np.ndarray):
        if type(thing) is not np.ndarray or thing.dtype.kind not in "fiu":
            raise NotANumber(f"an array of numbers was expected, but here is {_briefly(thing)}")
        return np.array(thing, dtype=float)
    if type(thing) in (list, tuple):
        parts = [plain_array(part) for part in thing]
        if len({part.shape for part in parts}) > 1:
            raise NotANumber("the rows have different lengths")
        return np.array(parts, dtype=float)
    return np.array(plain(thing))


def expect_indexed(what, get, expected, *, given="", tolerance=TOLERANCE):
    """expect_array for a candidate's own kind of array, read one number at a time as `a[i, j]`, with `a.shape`."""
    expect_array(what, lambda: _indexed(get()), expected, given=given, tolerance=tolerance)


def _indexed(thing):
    """NumPy's array of what a candidate's array says at each index. Raises NotANumber for anything without a shape."""
    import numpy as np

    if not hasattr(thing, "shape") or not hasattr(thing, "__getitem__"):
        raise NotANumber(f"an array with a shape was expected, but here is {_briefly(thing)}")
    shape = thing.shape
    if type(shape) is not tuple:
        raise NotANumber(f"its shape should be a tuple, but is {_briefly(shape)}")
    out = np.empty(tuple(int(plain(size)) for size in shape))
    for index in np.ndindex(out.shape):
        out[index] = plain(thing[index])
    return out


def expect_refusals(kind, rows):
    """Check a table of (what, call, given) to its end: each call raises `kind`; then raise for the first that did not.

    What is not written yet refuses nothing: NotImplementedError passes through.
    """
    first = None
    for what, call, given in rows:
        try:
            call()
            got = "no error"
        except NotImplementedError:
            raise
        except Exception as error:
            got = kind.__name__ if isinstance(error, kind) else type(error).__name__
        observations.append(Observation(what, given, kind.__name__, got, got == kind.__name__))
        if not observations[-1].holds:
            first = first or Mismatch(observations[-1])
    if first:
        raise first


def expect_same(what, get, expected, *, given=""):
    """Record whether get() is the expected text, or (nested) list of whole numbers and texts; raise Mismatch if not.

    Tuples and NumPy's arrays of whole numbers count as lists. Of long ones the part around the first difference is
    shown. An exception of the candidate passes through.
    """
    expected = plain_thing(expected)
    try:
        got = plain_thing(get())
    except NotANumber as error:
        observations.append(Observation(what, given, _excerpt(expected, expected), str(error), False, "NotANumber"))
        raise Mismatch(observations[-1]) from None
    except Exception as error:
        observations.append(raised(what, given, _excerpt(expected, expected), error, "value"))
        raise
    observation = Observation(
        what, given, _excerpt(expected, got), _excerpt(got, expected), got == expected, "", "value"
    )
    observations.append(observation)
    if not observation.holds:
        raise Mismatch(observation)


def plain_thing(thing):
    """A text, whole number or (nested) list of them, rebuilt from the base types' own slots.

    Raises NotANumber for anything else, floats and bools among it.
    """
    if isinstance(thing, str):
        return str.__str__(thing)
    if type(thing) in (list, tuple):
        return [plain_thing(part) for part in thing]
    numpy = sys.modules.get("numpy")
    if numpy and type(thing) is numpy.ndarray and thing.dtype.kind in "iu":
        return thing.tolist()
    if isinstance(thing, int) and not isinstance(thing, bool):
        return int.__int__(thing)
    if numpy and isinstance(thing, numpy.integer):
        return int(thing)
    raise NotANumber(f"a text, a whole number or a list of them was expected, but here is {_briefly(thing)}")


def _excerpt(thing, other, width=72, before=2):
    """A thing as Python writes it; where that is long, its part around the first place that differs from `other`."""
    if len(repr(thing)) <= width or not isinstance(thing, (str, list)):
        return repr(thing)
    other = other if isinstance(other, (str, list)) else ()
    both = enumerate(zip(thing, other, strict=False))
    first = next((place for place, (mine, theirs) in both if mine != theirs), min(len(thing), len(other)))
    start, size = max(0, first - before), 16
    while size > 1 and len(repr(thing[start : start + size])) > width:
        size //= 2
    return f"from place {start} of {len(thing)}: {repr(thing[start : start + size])[:width]}"


def expect_all(expectations):
    """Check a table of (what, get, expected, given) rows to its end, then raise for the first that failed."""
    first = None
    for what, get, expected, given in expectations:
        try:
            expect(what, get, expected, given=given)
        except Exception as error:
            first = first or error
    if first:
        raise first


def expect_gradients(candidate, program, *, also=(), tolerance=TOLERANCE, **inputs):
    """Expect the value of a program, and the gradient of each input (and of the names in `also`), to be exact.

    The program runs on `candidate.Value`; the truth comes from dual numbers (utils/course/expressions.py).
    """
    truth = exact(program, inputs)
    given = program_text(program, inputs)
    leaves = {name: candidate.Value(number) for name, number in inputs.items()}
    try:
        root, scope = run(program, leaves)
        expect("the value", lambda: root.data, truth.value, given=given, tolerance=tolerance)
        root.backward()
    except Mismatch:
        raise
    except Exception as error:
        observations.append(raised("the value", given, truth.value, error, "value"))
        raise
    first = None
    for name in (*inputs, *also):
        try:
            expect(f"{name}.grad", lambda name=name: scope[name].grad, truth.gradients[name],
                   given=given, tolerance=tolerance, aim="gradient")  # fmt: skip
        except Mismatch as mismatch:
            first = first or mismatch
    if first:
        raise first


def expect_programs(candidate, *programs, **inputs):
    """expect_gradients for a table of programs over the same inputs, each to its end; the first failure is raised."""
    first = None
    for program in programs:
        used = {name: number for name, number in inputs.items() if name in names(program)}
        try:
            expect_gradients(candidate, program, **used)
        except Exception as error:
            first = first or error
    if first:
        raise first


def program_text(program, inputs):
    """The program and its inputs in a learner's words: "a*b + a at a = 2, b = -3"."""
    return f"{program} at " + ", ".join(f"{name} = {number:g}" for name, number in inputs.items())


def describe(observation):
    """The failure in three lines: what was asked, expected, got (with their ratio, where it tells something)."""
    lines = [f"{observation.what} of {observation.given}" if observation.given else observation.what]
    got, expected = show_both(observation.got, observation.expected)
    lines.append(f"expected: {expected}")
    lines.append(f"got:      {got}{_ratio(observation)}")
    return "\n".join(lines)


def show(number):
    """A number as a learner would write it; any other object briefly."""
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def show_both(got, expected):
    """A number and the one it should be, with as many digits as it takes to see that they differ."""
    texts = show(got), show(expected)
    if texts[0] == texts[1] and isinstance(got, float) and isinstance(expected, float):
        both = ((f"{got:.{digits}g}", f"{expected:.{digits}g}") for digits in range(7, 18))
        texts = next(((mine, theirs) for mine, theirs in both if mine != theirs), texts)
    return texts


def _observe(what, get, expected, given, tolerance, aim):
    expected = float(expected)
    try:
        got = plain(get())
    except NotANumber as error:
        observation = Observation(what, given, expected, str(error), False, "NotANumber", aim)
    except Exception as error:
        observations.append(raised(what, given, expected, error, aim))
        raise
    else:
        observation = Observation(what, given, expected, got, _close(got, expected, tolerance), "", aim)
    observations.append(observation)
    return observation


def raised(what, given, expected, error, aim):
    """The Observation of an exception that came instead of an answer."""
    return Observation(what, given, expected, _briefly(error), False, type(error).__name__, aim)


def _close(got, expected, tolerance):
    if math.isnan(expected) or math.isinf(expected):
        return got == expected or (math.isnan(got) and math.isnan(expected))
    return abs(got - expected) <= tolerance * max(1.0, abs(expected))


def _ratio(observation):
    got, expected = observation.got, observation.expected
    if not isinstance(got, float) or not expected or not got or got == expected:
        return ""
    return f"   ({got / expected:.4g} times what it should be)"


def _briefly(thing):
    """type and text of any object in at most 80 characters, even if its repr raises."""
    try:
        text = repr(thing)
    except Exception:
        text = "an object whose repr raises"
    text = f"{text}" if isinstance(thing, BaseException) else f"{text} ({type(thing).__name__})"
    return text if len(text) <= 80 else text[:77] + "..."
