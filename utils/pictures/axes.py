"""The axes of a plot: a range of numbers, or the names of rows and columns."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A range of numbers, on a linear or a logarithmic scale, and what stands beside it."""

    low: float
    high: float
    name: str = ""
    log: bool = False

    def share(self, number):
        """Where a number lies, from 0 at `low` to 1 at `high`; numbers outside lie on the border."""
        if self.log:
            number = math.log(max(number, self.low) / self.low) / math.log(self.high / self.low)
        else:
            number = (number - self.low) / (self.high - self.low)
        return min(max(number, 0.0), 1.0)

    def ticks(self, most=6):
        """The round numbers to write along the axis."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**k for k in range(first, last + 1, max(1, math.ceil((last - first) / most)))]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (m * step) <= most)
        return [k * step for k in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]

    def written(self, tick):
        """A number at a tick: -0.5 as −0.5, 0.00001 as 1e−5."""
        text = f"{tick + 0.0:.6g}" if abs(tick) < 1e5 else f"{tick:.0e}"
        return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


@dataclass(frozen=True)
class Names:
    """An axis with one name for each row or column of a table; `downward` from the top."""

    names: tuple
    name: str = ""
    downward: bool = False

    def share(self, place):
        share = (place + 0.5) / len(self.names)
        return 1 - share if self.downward else share

    def ticks(self):
        return range(len(self.names))

    def written(self, tick):
        return self.names[tick]


def around(numbers, name="", log=False, snug=False):
    """The Axis that shows all of `numbers`, up to the next tick or decade; `snug`: and nothing else.

    Raises ValueError where there is none to show.
    """
    known = [n for n in numbers if math.isfinite(n) and (n > 0 or not log)]
    if not known:
        raise ValueError(f"There is no {'positive ' if log else ''}finite number to draw.")
    low, high = min(known), max(known)
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 1.0, high + 1.0)
    if snug:
        return Axis(low, high, name, log)
    if log:
        return Axis(10.0 ** math.floor(math.log10(low) + 1e-9), 10.0 ** math.ceil(math.log10(high) - 1e-9), name, True)
    first, second, *_ = Axis(low, high).ticks()
    step = second - first
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, name)
