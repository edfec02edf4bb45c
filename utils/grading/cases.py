"""Case programs: what a submission is asked to compute, with numbers drawn afresh for each submission.

A topic's `cases.py` holds functions of (candidate, draw) under the decorator `case`. The same function runs twice: in
the sandbox on the submission, and outside it on the reference (level 3), where its answers are the expected ones. Where
there is a better oracle than the reference, a second file, `answers.py`, knows the answers; it is never in the sandbox.

    @case(2, "softmax")
    def softmax_of_any_logits(candidate, draw):
        logits = draw.array(3, 4, scale=20.0)
        return draw.along(candidate.softmax(logits))

What a case returns, lists within lists, is flattened into plain numbers. That is all that leaves the sandbox: a number
that lies about itself is read by its base type, and anything that is no finite number counts as no answer.
"""

import math
import os
import random
import sys
from dataclasses import dataclass

MOST_NUMBERS = 4000  # in the answers of one case


class NoNumber(TypeError):
    """Where a number was asked for there is something else."""


@dataclass(frozen=True)
class Case:
    """One program: its name, the level and step it belongs to, and the function that asks."""

    name: str
    level: int
    about: str
    step: str  # "" where the name stands in only one step of the level
    ask: object
    tolerance: float = 1e-7  # relative to the larger of 1 and |expected|
    room: float = 0.0  # memory, in times of what the reference takes; such a case runs in a process of its own
    seconds: float = 1.0  # of computing, after which it is given up; the limits from outside hold as well


def case(level, about, *, step="", tolerance=1e-7, room=0.0, seconds=1.0):
    """Decorator that makes a function of (candidate, draw) a Case."""
    return lambda function: Case(function.__name__, level, about, step, function, tolerance, room, seconds)


def cases_in(module, level, alone=""):
    """The cases of a level in a loaded cases.py, in order: all that share a process, or the one that has its own."""
    found = [thing for thing in vars(module).values() if isinstance(thing, Case) and thing.level == level]
    if alone:
        return [one for one in found if one.name == alone]
    return [one for one in found if not one.room]


def seed_for(one, seed):
    """The seed of a case: that of the submission, or, where the case is about room, one of sixteen in a batch.

    A seed begins with eight digits of the batch. Large arrays are judged by numbers that need not be worked out anew
    for everybody; that they are right, other cases ask with numbers of one's own.
    """
    return seed[:9] if one.room else seed


class Draw:
    """The numbers of one case: the same seed and name give the same numbers on both sides."""

    def __init__(self, seed, name, folder=""):
        self.seed, self.name, self.folder = seed, name, folder
        self.rng = random.Random(f"{seed} {name}")

    def number(self, low=0.3, high=2.5, signed=True):
        """A number that is neither near 0 nor round, of either sign."""
        sign = self.rng.choice((-1.0, 1.0)) if signed else 1.0
        return sign * self.rng.uniform(low, high)

    def numbers(self, count, **how):
        return [self.number(**how) for _ in range(count)]

    def integer(self, low, high):
        """A whole number, both ends included."""
        return self.rng.randint(low, high)

    def choice(self, things):
        return self.rng.choice(things)

    def file(self, name):
        """The path of a file that the case may write: in the sandbox beside the submission, outside in a folder."""
        return os.path.join(self.folder, name)

    def array(self, *shape, scale=1.0):
        """A float64 array with normal entries of this standard deviation."""
        import numpy as np

        return np.random.default_rng(self.rng.getrandbits(64)).normal(0.0, scale, shape)

    def along(self, thing, directions=2):
        """An array (or nested list) as its shape and its inner products with random directions, plain numbers.

        Whoever knows one gradient cannot guess these for another; and they stay few, however large the array.
        """
        import numpy as np

        entries = array_of(thing)
        products = []
        for _ in range(directions):
            seed = self.rng.getrandbits(32)
            products.append(float(np.vdot(np.random.default_rng(seed).standard_normal(entries.shape), entries)))
        return [float(entries.ndim), *map(float, entries.shape), *products]


def number_of(thing):
    """The float behind a number, by the slot of its base type. Raises NoNumber for anything else, bool included."""
    if isinstance(thing, bool) or not isinstance(thing, (int, float)):
        numpy = sys.modules.get("numpy")
        if numpy and type(thing) in (numpy.float64, numpy.float32, numpy.int64, numpy.int32):
            return float(numpy.asarray(thing))
        if numpy and type(thing) is numpy.ndarray and thing.shape == () and thing.dtype.kind in "fiu":
            return float(thing)
        raise NoNumber(f"{type(thing).__name__} where a number belongs")
    return float.__float__(thing) if isinstance(thing, float) else float(int.__int__(thing))


def array_of(thing):
    """A float64 array from NumPy's own arrays of numbers, plain numbers, and lists of them. Raises NoNumber."""
    import numpy as np

    if isinstance(thing, np.ndarray):
        if type(thing) is not np.ndarray or thing.dtype.kind not in "fiu":
            raise NoNumber(f"{type(thing).__name__} of {thing.dtype} where an array of numbers belongs")
        return np.array(thing, dtype=float)
    if type(thing) in (list, tuple):
        parts = [array_of(part) for part in thing]
        if len({part.shape for part in parts}) > 1:
            raise NoNumber("rows of different lengths")
        return np.array(parts, dtype=float)
    return np.array(number_of(thing))


def flat(thing):
    """Plain finite numbers, in order, from what a case returned. Raises NoNumber."""
    found = []

    def visit(part):
        if type(part) in (list, tuple):
            for inner in part:
                visit(inner)
            return
        numpy = sys.modules.get("numpy")
        if numpy and type(part) is numpy.ndarray:
            found.extend([float(part.ndim), *map(float, part.shape), *array_of(part).ravel().tolist()])
            return
        found.append(number_of(part))

    visit(thing)
    if len(found) > MOST_NUMBERS:
        raise NoNumber(f"{len(found)} numbers, more than {MOST_NUMBERS}")
    for number in found:
        if not math.isfinite(number):
            raise NoNumber(f"{number} where a finite number belongs")
    return found


def refuses(kind, call):
    """1.0 if call() raises this kind of exception, else 0.0. Return other numbers besides, or it could be guessed."""
    try:
        call()
    except kind:
        return 1.0
    except Exception:
        return 0.0
    return 0.0
