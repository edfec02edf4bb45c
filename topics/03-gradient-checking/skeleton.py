"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 03` copies this file to `workspace/gradient_checking.py`. You work there. Nothing in it is ever
overwritten.

Words used: *claimed* is a gradient that somebody says is right: a formula, an engine, a backward pass. *measured* is a
slope that was found by moving an input by a step `h` and looking at the output. *eps*, 2.2e-16 for float64, is the
relative error of one rounding: np.finfo(float).eps.

`f` is always a function without memory: called twice with the same numbers, it gives the same result.
"""

import numpy as np

from utils.engine import Value  # the engine that you have chosen: yours, or the stub

# Level 1: one number --------------------------------------------------------------------------------------------------


def forward_difference(f, x, h=1e-6):
    """The slope of f between x and x + h. Two calls of f."""
    raise NotImplementedError("forward_difference")


def central_difference(f, x, h=1e-6):
    """The slope of f between x - h and x + h. Two calls of f."""
    raise NotImplementedError("central_difference")


def relative_gap(claimed, measured):
    """|claimed - measured| as a fraction of the larger of |claimed| and |measured|; 0.0 where both are 0.

    math.inf where that is no number, as it is when one of the two is nan or infinite.
    """
    raise NotImplementedError("relative_gap")


def judge(f, x, claimed, rtol=1e-6):
    """The verdict on a claimed slope of f at x, one word.

    Level 1: "pass" if the relative gap to the central difference is at most rtol, "fail" otherwise.
    Level 2: "kink" if f has a kink at x (`is_kink`), whatever is claimed. Otherwise "pass" if |claimed - measured| is
    at most rtol times the larger of the two, plus the error; measured and error come from `slope_with_error`.
    At every level a claim of nan or infinity fails.
    """
    raise NotImplementedError("judge")


def check_engine(f, numbers, value_class=Value, h=1e-6):
    """A list with one pair (claimed, measured) for each number; `f` takes as many Values and returns a Value.

    claimed: the gradient that the engine's own backward leaves in that input. measured: the central difference of
    f's data when that number alone moves. Every run of f gets fresh Values from `value_class`.
    """
    raise NotImplementedError("check_engine")


# Level 2: arrays ------------------------------------------------------------------------------------------------------
#
# From here on x is a NumPy array of any shape (or a nested list of numbers), and f takes an array of that shape. All
# measuring is done in float64, whatever the dtype of x. The caller's x holds the same numbers afterwards.


def numerical_gradient(f, x, h=None):
    """A float64 array shaped like x: for each element the central difference when that element alone moves by h.

    `f` returns one number. h=None: 1e-6 at first; from step `sweep` on, `good_step` of each element.
    """
    raise NotImplementedError("numerical_gradient")


def sweep_errors(f, x, slope, steps, difference=central_difference):
    """An array with one error for each step: |difference(f, x, step) - slope|. x is one number, slope is the truth."""
    raise NotImplementedError("sweep_errors")


def order(steps, errors):
    """The exponent p of errors = c * steps**p: the slope of the straight line through the points in log-log.

    A least-squares fit (np.polyfit). Points with an error of exactly 0 are left out: they have no logarithm.
    """
    raise NotImplementedError("order")


def good_step(x, dtype=np.float64):
    """The step for a central difference at x, as a float: the cube root of the eps of `dtype`, times max(1, |x|)."""
    raise NotImplementedError("good_step")


def slope_with_error(f, x, h=None):
    """(slope, error) of f at the number x: the central difference with step h, and how far it may be off.

    error = |central difference with step 2h - slope| + 4 * eps * m / h, where m is the larger of |f(x + h)| and
    |f(x - h)|: what is left of the bend of f, plus what rounding can do. h=None: good_step(x).
    """
    raise NotImplementedError("slope_with_error")


def check_gradient(f, x, claimed, rtol=1e-6, most=10):
    """The elements whose claim is wrong, worst first, at most `most`; an empty list means that all agree.

    `f` returns one number. A row is a tuple (index, claimed, measured, gap): `index` is the element's place as a tuple
    of ints, `gap` is the relative gap. A claim agrees if |claimed - measured| is at most rtol times the larger of the
    two, plus the error of `slope_with_error`; nan and infinity never agree. Level 3: never keeps more than `most` rows.
    Raises ValueError unless `claimed` has exactly the shape of x.
    """
    raise NotImplementedError("check_gradient")


def check_backward(f, backward, x, seed=0, rtol=1e-6, most=10):
    """The rows of `check_gradient` for a function f from an array to an array, and its backward pass.

    `backward(upstream, x)` returns the gradient of (upstream * f(x)).sum(), shaped like x; `upstream` is shaped like
    f(x). The upstream gradient for the check is drawn once from np.random.default_rng(seed): no two of its elements are
    equal.
    """
    raise NotImplementedError("check_backward")


def one_sided_slopes(f, x, h=1e-6):
    """(left, right): the slopes of f between x - h and x, and between x and x + h. x is one number."""
    raise NotImplementedError("one_sided_slopes")


def is_kink(f, x, h=1e-4):
    """True if the two one-sided slopes at the number x stay apart when the step shrinks, else False.

    They stay apart if their distance at h/10 is more than half of their distance at h, and more than rounding explains:
    8 * eps * |f(x)| / (h/10).
    """
    raise NotImplementedError("is_kink")


# Level 3: large arrays ------------------------------------------------------------------------------------------------
#
# `numerical_gradient` and `check_gradient` now move the elements of x itself, if it is a float64 array that may be
# written to, and put every bit back, also when f raises. Extra memory: the result, and nothing else as large as x.


def directional_slopes(f, x, claimed, seed=0):
    """(claimed, measured): the slope of f along one random direction, from the claimed gradient and from f itself.

    The direction is drawn from np.random.default_rng(seed) and moves every element. At most four calls of f, however
    large x is. x itself may be moved, and is put back bit for bit.
    """
    raise NotImplementedError("directional_slopes")


def find_wrong(f, x, claimed, seed=0, rtol=1e-6):
    """The index (a tuple of ints) of an element whose claim is wrong, or None if none is seen.

    By halving: a direction that moves half of the elements says whether that half is wrong. About 4 * log2(x.size)
    calls of f; at most 120 for 4,096 elements. Where several claims are wrong, the index of any one of them.
    """
    raise NotImplementedError("find_wrong")
