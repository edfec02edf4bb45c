"""Check gradients against slopes measured by finite differences.

    from utils.finite_difference_checker import check_gradients

    print(check_gradients(lambda a, b: a * b + a, 2.0, 3.0, value_class=Value))
    print(check_gradients(np.sin, 0.5, gradients=[np.cos(0.5)]))
    print(check_gradients(f, x, w, backward=lambda upstream, x, w: (..., ...)))

The checker asks, in this order:
- Does f keep its contract: the same value twice, inputs untouched, finite, exact
  shapes, linear in the upstream gradient? (utils/gradient_claims.py)
- Does every claim agree with a central difference?
- Where it does not: what is the slope, and how sure are we? (utils/slopes.py)
- Is the gap larger than that error bar? Only then it fails. No tolerance is absolute.
- Which known mistake makes exactly these numbers? (utils/gradient_patterns.py)
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from utils.gradient_claims import Broken, Engine, Formula, Subject
from utils.gradient_patterns import Evidence, likely_mistake
from utils.slopes import Line, Point, Slope, ladder, measure

RTOL = 2e-5
EVERY_ELEMENT = 256  # up to so many input elements each one is moved alone
SAMPLED, BLOCKS = 64, 96  # above: so many alone, and all of them in so many blocks
ENOUGH_FAILURES = 4  # then the verdict is settled, and measuring more only costs time


# What comes back ---------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """One number of a gradient: what was claimed, and what was measured, ± error."""

    name: str  # of the input
    index: tuple[int, ...]
    claimed: float
    measured: float
    error: float
    output: tuple[int, ...] | None = None  # of f, where f has several and this is about one of them

    @property
    def ratio(self) -> float:
        """Claimed over measured; nan where the measured slope is zero."""
        return self.claimed / self.measured if self.measured else float("nan")

    def __str__(self) -> str:
        place = _indexed(self.name, self.index)
        if self.output is not None:
            place = f"{_indexed('y', self.output)} by {place}"
        measured = f"{self.measured:.7g} ± {self.error:.0e}"
        return f"  {place:<14} {self.claimed:<14.7g} {measured:<23} {self.ratio + 0:.4g}"


def _indexed(name, index) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


@dataclass(frozen=True)
class Report:
    """The outcome of `check_gradients`; `print(report)` shows what a person wants to know."""

    verdict: str  # "pass", "fail" or "undecided"
    kind: str = ""  # "gradient", "nondeterministic", "mutates", "nonfinite", "shape", "missing", "kink" or ""
    hint: str = ""
    worst: Element | None = None
    table: tuple[Element, ...] = ()  # worst first; when the verdict is "fail", only what is off
    notes: tuple[str, ...] = ()
    calls: int = field(default=0, compare=False)  # of f

    @property
    def ok(self) -> bool:
        return self.verdict == "pass"

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [f"{self.verdict} [{self.kind}]" if self.kind else self.verdict]
        if self.ok:
            count = len(self.table)
            lines = [f"pass: the claimed gradients agree with the slopes measured ({count} of {count})"]
        elif self.table:
            lines.append(f"  {'':<14} {'claimed':<14} {'measured':<23} claimed/measured")
            lines += map(str, self.table[:5])
            if len(self.table) > 5:
                lines.append(f"  and {len(self.table) - 5} more")
        text = [line for part in (self.hint, *self.notes) for line in part.splitlines()]
        return "\n".join(lines + [textwrap.fill(line, 80, subsequent_indent="  ") for line in text])


class GradientError(AssertionError):
    """Raised by `check_gradients(..., raise_on_fail=True)`; carries the `report`."""

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report


# What is asked -----------------------------------------------------------------------


def check_gradients(
    f: Callable,
    *inputs,
    backward: Callable | None = None,
    gradients: Sequence | None = None,
    value_class: Callable | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    names: Sequence[str] | None = None,
    raise_on_fail: bool = False,
) -> Report:
    """Whether the claimed gradients of `f` at `inputs` are the slopes of `f` there.

    `inputs` are numbers or arrays of any shape, order, stride and dtype; integers
    become float64. f and backward get private copies, so the caller's data are never
    touched. `f(*inputs)` returns a number or an array.

    Exactly one of these makes the claim:
      gradients    one per input, shaped like it; f returns a single number
      backward     `backward(upstream, *inputs)` returns one gradient per input;
                   `upstream` is shaped like the output of f
      value_class  the engine itself: f is called on wrapped inputs, and `.backward()`
                   is run. A class whose objects have a `shape` wraps whole arrays.
                   Any other is a scalar engine: an array reaches f as nested lists
                   of Values, and f returns a Value or nested lists of Values.

    `rtol`: a smaller relative gap is never held against a gradient (1000 eps if that
    is more, so float32 has 1.2e-4). The same inputs and seed give the same text.

    Raises TypeError unless exactly one claim is made, GradientError on request, and
    whatever f or backward raise at the point itself.
    """
    if not inputs or sum(claim is not None for claim in (backward, gradients, value_class)) != 1:
        raise TypeError(
            "check_gradients needs f, at least one input, and exactly one claim to check.\n"
            "Try check_gradients(f, 2.0, 3.0, value_class=Value),\n"
            "or gradients=[...], or backward=your_function instead of value_class."
        )
    point = Point(inputs, names or _names(f, len(inputs)))
    source = Engine(f, value_class) if value_class is not None else Formula(f, backward, gradients)
    with np.errstate(all="ignore"):  # large steps may overflow; the ladder leaves them out
        report = _Check(Subject(source, point, seed), rtol).report()
    if raise_on_fail and report.verdict == "fail":
        raise GradientError(report)
    return report


def numerical_gradient(f: Callable, *inputs) -> list:
    """The gradient of `f`, measured: one float or array per input, shaped like it.

    Two extrapolations that agree for a well-behaved element, a whole ladder for a
    difficult one; at a kink, the mean of the two slopes. f must return one number.
    """
    point = Point(inputs, _names(f, len(inputs)))
    subject = Subject(Formula(f, None, [np.zeros(x.shape) for x in point.arrays]), point, seed=0)
    check = _Check(subject, RTOL)
    slopes = np.zeros(point.size)
    with np.errstate(all="ignore"):
        check.start()
        for i in range(point.size):
            line = point.line([i])
            (slope,), (near,) = (check.extrapolated(line, t * check.step)[0] for t in (64, 8))
            if not abs(slope - near) <= 1e-7 * abs(slope):
                slope = check.climb(line, [0])[0].value
            slopes[i] = slope / line.weights[0]
    return [gradient if gradient.ndim else float(gradient) for gradient in point.split(slopes)]


def _names(f, count) -> list[str]:
    """The names of f's parameters, where they can be known."""
    try:
        parameters = list(inspect.signature(f).parameters.values())[:count]
    except (TypeError, ValueError):  # many built-in functions have no signature
        parameters = []
    if len(parameters) == count and all(p.kind <= p.POSITIONAL_OR_KEYWORD for p in parameters):
        return [p.name for p in parameters]
    return [f"input {i}" for i in range(count)]


# The check ---------------------------------------------------------------------------

_OUTCOMES = ("agrees", "inside", "outside", "differs")  # inside or outside of the two slopes at a kink


class _Check:
    """One check at one point: a look along every line, and a ladder of steps where in doubt."""

    def __init__(self, subject: Subject, rtol: float):
        self.subject, self.point, self.rtol = subject, subject.point, rtol
        self.random = np.random.default_rng(subject.seed)
        self.in_proportion = True  # which of the quick steps to try first: the kind that served last

    def report(self, beside_a_kink=False) -> Report:
        try:
            self.start()
            report = self.compare(beside_a_kink)
        except Broken as broken:
            table = (Element(*broken.element),) if broken.element else ()
            report = Report("fail", broken.kind, broken.hint, *table, table=table)
        return replace(report, calls=self.subject.calls)

    def start(self):
        """Hold f to its contract; settle precision and steps; nothing is measured yet."""
        self.subject.keep_contract()
        self.claims, self.cotangents = self.subject.claimed, self.subject.cotangents
        self.output, self.eps = self.subject.output, self.subject.eps
        self.rtol = max(self.rtol, 1000 * self.eps)
        self.step = 4 * np.cbrt(self.eps)  # where truncation and rounding are about equal
        self.measured = np.full(self.claims.shape, np.nan)
        self.error = np.full(self.claims.shape, np.nan)

    def compare(self, beside_a_kink) -> Report:
        if not self.claims.size:
            return Report("pass", notes=("Nothing to compare: there are no elements.",))

        unseen, doubtful, self.far_only = [], [], []
        for line in self.lines():
            agrees, too_small = self.look(line)
            if not np.all(agrees | too_small):
                doubtful.append((line, np.flatnonzero(~agrees)))
            elif not np.all(agrees):
                unseen.append((line, np.flatnonzero(~agrees)))
        if unseen and self.something_hidden([line for line, _ in unseen]):
            doubtful, unseen = doubtful + unseen, []
        if self.something_between(self.far_only):
            doubtful += [(line, np.arange(len(self.claims))) for line in self.far_only]
        if doubtful:
            self.subject.demand_repeatability(1)

        failed, kinked = [], []
        for line, rows in doubtful:
            outcome, worst = self.settle(line, rows)
            if outcome == "differs":
                failed.append(worst if len(line.indices) == 1 else self.narrowed(line, worst))
                if len(failed) == ENOUGH_FAILURES:
                    break
            elif outcome != "agrees":
                kinked.append((line, outcome))
        if failed or kinked:
            self.subject.demand_repeatability(3)
        if failed:
            return self.failure(failed)
        notes = ()
        if any(np.abs(self.claims[:, line.indices]).any() for line, _ in unseen):
            notes = (f"Too small to see beside the rounding of f: {len(unseen)} of the claimed gradients.",)
        if kinked:
            return self.judged_at_kinks(kinked, beside_a_kink, notes)
        table = self.elements()
        return Report("pass", worst=table[0] if table else None, table=table, notes=notes)

    def lines(self) -> list[Line]:
        """Every element alone; of many elements a sample, and all of them in random signed sums."""
        size = self.point.size
        if size <= EVERY_ELEMENT:
            return [self.point.line([i]) for i in range(size)]
        sample = np.sort(self.random.choice(size, SAMPLED, replace=False))
        # Elements of like size share a block, so that a small one is not drowned by a large one.
        order = np.argsort(np.abs(self.claims).max(axis=0) * self.point.scale, kind="stable")
        return [self.point.line([i]) for i in sample] + [
            self.point.line(block, self.random.choice([-1, 1], block.size) * self.random.uniform(0.5, 1, block.size))
            for block in np.array_split(order, BLOCKS)
        ]

    def claimed(self, line):
        """The claimed slopes along a line, and the size of their parts; both of shape (rows,)."""
        parts = self.claims[:, line.indices] * line.weights
        return parts.sum(axis=1), np.sqrt((parts**2).sum(axis=1))

    def sides(self, line, t):
        """The changes of the output at +t and -t along the line, and the steps really taken."""
        plus, minus = self.point.moved(line, t), self.point.moved(line, -t)
        up = down = t
        if len(line.indices) == 1:
            i, weight = line.indices[0], line.weights[0]
            up, down = (plus[i] - self.point.flat[i]) / weight, (self.point.flat[i] - minus[i]) / weight
        return self.subject.value(plus) - self.output, self.subject.value(minus) - self.output, up, down

    def noise(self, moved) -> np.ndarray:
        """The rounding error in each row's sum over the outputs that moved; over all where none did."""
        size = np.abs(self.cotangents) * np.abs(self.output)
        moving = size @ moved
        return self.eps * np.where(moving > 0, moving, size.sum(axis=1))

    def slopes(self, line, t):
        """Central differences along the line, one per row, and four times their rounding error."""
        plus, minus, up, down = self.sides(line, t)
        noise = self.noise((plus != 0) | (minus != 0))
        return self.cotangents @ (plus - minus) / (up + down), 4 * noise / t

    def extrapolated(self, line, t):
        """The same from two steps, t and t/4, with the truncation of order t**2 removed."""
        (coarse, _), (fine, rounding) = self.slopes(line, t), self.slopes(line, t / 4)
        return fine + (fine - coarse) / 15, rounding

    def look(self, line):
        """Which rows of claims agree with one central difference, and which are too small to be seen by it."""
        claimed, size = self.claimed(line)
        unseen, unmoved, tried = np.ones(len(claimed), bool), np.ones(len(claimed), bool), {}
        attempts = [(t, self.slopes) for t in self.quick_steps(line)]
        for t, slopes_at in attempts:
            slopes, rounding = slopes_at(line, t)
            gap, allowed = np.abs(claimed - slopes), self.rtol * size
            # Agreement by mere chance is rare as long as rounding is below 100 rtol.
            tried[t] = (gap <= allowed) & (rounding <= 100 * allowed), gap <= allowed + rounding
            unseen &= (np.abs(claimed) <= rounding) & (np.abs(slopes) <= rounding)
            unmoved &= (claimed == 0) & (slopes == 0) & (slopes.any() or not rounding.any())
            if len(line.indices) == 1:
                i, weight = line.indices[0], line.weights[0]
                self.measured[:, i], self.error[:, i] = slopes / weight, np.abs(rounding / weight)
            agrees, possible = False, True
            for smaller in sorted(tried):  # a smaller step is closer to the point; no larger one overrules it
                agrees, possible = agrees | (possible & tried[smaller][0]), possible & tried[smaller][1]
            last = len(tried) == len(attempts)
            agrees = np.where(unmoved, last, agrees)
            if agrees.all():
                self.in_proportion = t <= self.step
                break
            if last and len(attempts) < 3 and not (agrees | unseen).all():
                noisy = np.any(~agrees & (rounding > allowed))
                far = t / self.step * self.eps**0.125  # large steps need their truncation removed
                attempts.append((far, self.extrapolated) if noisy else (t / 64, self.slopes))
        if agrees.all() and min(tried) > self.step:
            self.far_only.append(line)
        return agrees, unseen & ~agrees

    def quick_steps(self, line) -> list[float]:
        """A step in proportion to x; and one of fixed size where that is very different."""
        weight = np.abs(line.weights).max()
        if 1e-2 <= weight <= 1e2:
            return [self.step]
        steps = [self.step, self.step / weight]
        return steps if self.in_proportion else steps[::-1]

    def something_between(self, lines) -> bool:
        """Whether smaller steps along all `lines` at once contradict what large ones said about each."""
        if not lines:
            return False
        indices = np.concatenate([line.indices for line in lines])
        line = self.point.line(indices, self.random.choice([-1.0, 1.0], indices.size))
        claimed, size = self.claimed(line)
        for t in np.geomspace(self.step, self.step / np.abs(line.weights).max(), 4)[:3]:
            slopes, rounding = self.slopes(line, t)
            if np.any(np.abs(claimed - slopes) > 10 * self.rtol * size + 2 * rounding):
                return True
        return False

    def something_hidden(self, lines) -> bool:
        """Whether large steps along all `lines` at once show slopes which small steps could not."""
        indices = np.concatenate([line.indices for line in lines])
        signs = self.random.choice([-1.0, 1.0], indices.size)
        far = np.maximum(np.abs(self.point.flat[indices]), 1.0)
        for line, t in ((self.point.line(indices, signs), 0.5), (Line(indices, signs * far), 1.0)):
            plus, minus, _, _ = self.sides(line, t)
            noise = self.noise(np.ones_like(self.output))
            change, expected = self.cotangents @ (plus - minus) / 2, t * self.claimed(line)[0]
            # A slope that hid at the small step cannot change f by more than this;
            # a larger change is f bending on the way.
            at_most = 8 * noise / self.step * indices.size * max(1.0, t / self.point.scale[indices].min())
            if np.any((np.abs(change - expected) > 8 * noise) & (np.abs(change) <= at_most)):
                return True
        return False

    def climb(self, line, rows) -> list[Slope]:
        """The slopes along a line, measured with a whole ladder of steps, for some rows of cotangents."""
        # From far away down to where only rounding is left, in either precision.
        steps = ladder(8 * line.reach, 0.03 * self.eps**0.6)
        plus, minus, up, down = map(np.array, zip(*(self.sides(line, t) for t in steps), strict=True))
        noise = self.noise(np.any((plus != 0) | (minus != 0), axis=0))
        return [
            measure(up, down, plus @ self.cotangents[k], minus @ self.cotangents[k], 0.0, noise[k], line.reach)
            for k in rows
        ]

    def settle(self, line, rows):
        """The outcome for one line - agrees, differs, inside, outside (a kink) - and its worst element."""
        claimed, size = self.claimed(line)
        judged = []
        for k, slope in zip(rows, self.climb(line, rows), strict=True):
            # Rounding alone may put a claim this far off, however well its slope is measured.
            error = max(slope.error, 2 * slope.noise / line.reach)
            allowed = max(self.rtol * max(size[k], abs(slope.value)), 2 * error)
            gap = abs(claimed[k] - slope.value)
            if slope.kink:
                low, high = sorted((slope.left, slope.right))
                outcome = "inside" if low - allowed <= claimed[k] <= high + allowed else "outside"
                error += (high - low) / 2
            else:
                outcome = "agrees" if gap <= allowed else "differs" if np.isfinite(gap) else "outside"
            judged.append((_OUTCOMES.index(outcome), gap / allowed, k, slope.value, error))
            if len(line.indices) == 1:
                i, weight = line.indices[0], line.weights[0]
                self.measured[k, i], self.error[k, i] = slope.value / weight, error / abs(weight)
        outcome, _, k, value, error = max(judged)
        if len(line.indices) == 1:
            worst = self.element(k, line.indices[0])
        else:
            worst = Element("a direction", (), claimed[k], value, error)
        return _OUTCOMES[outcome], worst

    def narrowed(self, line, worst) -> Element:
        """The single element behind a line that differs, by halving; `worst` itself if none stands out."""
        while len(line.indices) > 1:
            middle = len(line.indices) // 2
            halves = (
                Line(line.indices[:middle], line.weights[:middle]),
                Line(line.indices[middle:], line.weights[middle:]),
            )
            line = max(halves, key=self.suspicion)
        outcome, element = self.settle(line, range(len(self.cotangents)))
        return element if outcome == "differs" else worst

    def suspicion(self, line) -> float:
        claimed, size = self.claimed(line)
        slopes, rounding = self.slopes(line, self.quick_steps(line)[0])
        return float(np.nan_to_num(np.abs(claimed - slopes) / (size + rounding), nan=np.inf).max())

    def judged_at_kinks(self, kinked, beside_a_kink, notes) -> Report:
        """At a kink any slope between the two one-sided ones will do; what else is claimed decides nothing."""
        within = all(outcome == "inside" for _, outcome in kinked)
        indices = np.unique(np.concatenate([line.indices for line, _ in kinked]))
        if within and len(indices) > 1:
            # Each element may be within its slopes, and all together not: a tie in max counted twice.
            signs = [np.ones(len(indices)), *self.random.choice([-1.0, 1.0], (3, len(indices)))]
            rows = range(len(self.cotangents))
            together = [self.settle(self.point.line(indices, sign), rows)[0] for sign in signs]
            within = all(outcome in ("agrees", "inside") for outcome in together)
        elif not within and not self.subject.source.claims_elsewhere and not beside_a_kink:
            outside = [self.worst_row(line.indices[0]) for line, outcome in kinked if outcome == "outside"]
            return self.failure(outside)
        place = self.worst_row(indices[0])
        if not beside_a_kink and self.subject.source.claims_elsewhere:
            for beside in self.beside():
                if beside.verdict == "fail" and beside.kind == "gradient":
                    note = "Measured right beside the given point, which sits on a kink of f."
                    return replace(beside, notes=(note, *beside.notes))
        if within:
            note = (
                f"At a kink of f in {len(indices)} of {self.point.size} directions; the claims lie between the slopes."
            )
            table = self.elements()
            return Report("pass", worst=table[0], table=table, notes=(*notes, note))
        where = _indexed(place.name, place.index)
        hint = (
            f"f has a kink or an edge at this point, along {where}: there is no single slope.\n"
            "The claim is not between the two slopes; right beside the point nothing is wrong.\n"
            "Try: move the test point a little, away from ties, zeros of relu and borders."
        )
        return Report("undecided", "kink", hint, place, (place,), notes)

    def beside(self) -> Iterator[Report]:
        """The same check at points a little further on, on either side."""
        step = self.random.choice([-1, 1], self.point.size) * self.random.uniform(1e-3, 2e-3, self.point.size)
        for side in (step, -step):
            point = self.point.moved_to(self.point.flat + side * self.point.scale)
            check = _Check(Subject(self.subject.source, point, self.subject.seed), self.rtol)
            report = check.report(beside_a_kink=True)
            self.subject.calls += report.calls
            yield report

    # The report

    def element(self, k, i) -> Element:
        numbers = (float(array[k, i]) for array in (self.claims, self.measured, self.error))
        output = None
        if self.output.size > 1 and np.count_nonzero(self.cotangents[k]) == 1:
            output = tuple(map(int, np.unravel_index(np.argmax(self.cotangents[k]), self.subject.shape)))
        return Element(*self.point.place(i), *numbers, output)

    def off(self) -> np.ndarray:
        """How far each claim is off, in units of what is allowed; -1 where nothing was measured."""
        allowed = np.maximum(self.rtol * np.abs(self.measured), 2 * self.error)
        gap = np.abs(self.claims - self.measured)
        return np.nan_to_num(np.where(gap > 0, gap / allowed, 0 * gap), nan=-1.0, posinf=1e300)

    def worst_row(self, i) -> Element:
        return self.element(int(np.argmax(self.off()[:, i])), i)

    def elements(self, off_only=False) -> tuple[Element, ...]:
        """Each measured input element at its worst output, worst first."""
        worst = self.off().max(axis=0)
        order = np.argsort(-worst, kind="stable")
        return tuple(self.worst_row(i) for i in order if worst[i] > off_only - 0.5)

    def failure(self, failed) -> Report:
        table = self.elements(off_only=True)
        directions = tuple(element for element in failed if element.name == "a direction")
        table = table or directions
        hint = likely_mistake(*(self.evidence(mix) for mix in self.mixtures()))
        return Report("fail", "gradient", hint, table[0], table)

    def mixtures(self) -> list[np.ndarray]:
        """Two upstream gradients, random and ones, in terms of the rows that were claimed."""
        rows = len(self.cotangents)
        if rows == self.output.size:
            return [np.random.default_rng(self.subject.seed).uniform(0.5, 1.5, rows), np.ones(rows)][rows == 1 :]
        return [np.eye(rows)[1], np.eye(rows)[0]]

    def only_own(self) -> bool:
        """Whether the claimed Jacobian is diagonal and the measured one is not."""
        if not 1 < self.point.size == self.output.size == len(self.cotangents):
            return False
        elsewhere = ~np.eye(self.point.size, dtype=bool)
        found = np.abs(self.measured) > 2 * self.error
        return bool(not self.claims[elsewhere].any() and found[elsewhere].any())

    def evidence(self, mix) -> Evidence:
        return Evidence(
            names=self.point.names,
            inputs=self.point.arrays,
            claimed=self.point.split(mix @ self.claims),
            measured=self.point.split(mix @ self.measured),
            error=self.point.split(mix @ self.error),
            output=self.output.reshape(self.subject.shape),
            only_own=self.only_own(),
        )
