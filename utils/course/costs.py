"""What a candidate's code costs in memory, and how a test states that it must not cost more.

expect_at_most("the memory of Adam's step", 0.1, peak_bytes(step), array.nbytes, given="200,000 numbers")
"""

import gc
import tracemalloc

from utils.course.judging import Mismatch, Observation, observations


def peak_bytes(call, warm=True):
    """The most memory that Python and NumPy held during call(), beyond what they held before; its result counts.

    With `warm` it is called once before, so that caches are full; what can be called only once is measured cold.
    """
    return _bytes(call, warm, 1)


def held_bytes(call):
    """The memory that is still held after call(), while its result is."""
    return _bytes(call, False, 0)


def _bytes(call, warm, which):
    gc.collect()  # before the caches fill: it empties Python's store of used tuples
    if warm:
        call()
    tracemalloc.start()
    try:
        kept = call()
        found = tracemalloc.get_traced_memory()[which]
        del kept
        return found
    finally:
        tracemalloc.stop()


def expect_at_most(what, limit, large, small, *, given):
    """Record whether `large` is at most `limit` times `small`; raise Mismatch if not.

    A cost beyond the limit is not told more exactly: bytes differ between versions of Python and NumPy.
    """
    ratio = large / (small or 1)
    got = f"{ratio:.2g} times" if ratio <= limit else f"more than {limit} times"
    observations.append(Observation(what, given, f"at most {limit} times", got, ratio <= limit, aim="cost"))
    if ratio > limit:
        raise Mismatch(observations[-1])
