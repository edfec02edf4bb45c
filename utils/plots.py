"""Plots of training, as SVG: `from utils.plots import training_curves, spark`.

    training_curves(losses, target=0.01)      in a notebook the picture, in a terminal its numbers in words
    training_curves(losses).save("loss.svg")  .svg, or .txt for the words

    curves                 lines over a common axis, linear or logarithmic
    training_curves        losses over steps, on a logarithmic scale
    decision_boundary      what a network answers over a square, and the line where it is undecided
    loss_landscape         a loss over two numbers, and the ways optimizers took on it
    gradient_histograms    how large the gradients of each layer are
    singular_values        the singular values of a matrix, and how much of it the first few hold
    confusion_map          how often each class was taken for which
    attention_map          where each query looks
    side_by_side           one picture of several
    spark                  numbers as a line of characters, for a terminal

Numbers may come as lists or as NumPy arrays. Standard library only: a notebook that draws with it stays small, where an
inline picture of matplotlib costs 35 MB, and the same numbers give the same bytes, so that pictures can be compared.
"""

import bisect
import math

from utils.pictures.axes import Axis, Names, around
from utils.pictures.figures import HIGH, MIDDLE, Figure, Panel, diverging, mixed

BARS = "▁▂▃▄▅▆▇█"
BANDS = 10  # areas of one color in a field
SMALLEST = 1e-12  # what a logarithmic scale shows of a zero


def curves(x, lines, *, title="", x_name="", y_name="", x_log=False, y_log=False, points=(), width=380, height=240):
    """A Figure of lines over x: `lines` is {name: numbers}. `points`: ((x, y, name), ...) are marked by a dot.

    Raises ValueError where a line has another length than x, or nothing finite is left to draw.
    """
    x, lines = _numbers(x), {name: _numbers(y) for name, y in lines.items()}
    for name, y in lines.items():
        if len(y) != len(x):
            raise ValueError(f"{name or 'A line'} has {len(y)} numbers over {len(x)} places.")
    every = [number for y in lines.values() for number in y] + [y for _, y, _ in points]
    panel = Panel(title, around(x, x_name, x_log, snug=True), around(every, y_name, y_log), width, height)
    for series, (name, y) in enumerate(lines.items()):
        panel.line(zip(x, y, strict=True), series, name)
    for place, y, name in points:
        panel.dot(place, y, "#0072b2", radius=4)
        panel.note(name)
    return Figure(title, [panel], "\n".join([title, *(_told(name, y, y_log) for name, y in lines.items())]).strip())


def training_curves(losses, *, target=None, title="Loss", x_name="step", log=True):
    """A Figure of losses over steps: a list of numbers, or {name: list} for several runs.

    `target` is drawn as a line. Where a loss stops being finite, the curve ends and the words below say at which step.
    Raises ValueError where there is no loss to draw.
    """
    runs = {name: _numbers(run) for name, run in losses.items()} if isinstance(losses, dict) else {"": _numbers(losses)}
    longest = max(map(len, runs.values()), default=0)
    highest = 100 * max((abs(n) for run in runs.values() for n in run[:1] if math.isfinite(n)), default=math.inf)
    finite = [max(n, SMALLEST) if log else n for run in runs.values() for n in run if math.isfinite(n)]
    # A run that explodes leaves the picture on top, where it would else press all others flat.
    y = around([*(min(n, highest) for n in finite), *([target] if target else [])], log=log)
    panel = Panel(title, Axis(0.0, max(longest - 1, 1), x_name), y, 380)
    text = [title]
    for series, (name, run) in enumerate(runs.items()):
        every = max(1, len(run) // 400)  # more points than the picture is wide would only cost room
        panel.line([(step, run[step]) for step in range(len(run)) if step % every == 0 or step == len(run) - 1],
                   series, name)  # fmt: skip
        text.append(_told(name, run, log))
        broken = next((step for step, number in enumerate(run) if not math.isfinite(number)), None)
        if broken is not None:
            panel.note(f"{name or 'the loss'} is {run[broken]} from step {broken} on")
    if target is not None:
        panel.rule(target, f"target {target:g}")
        text += [_reached(name, run, target) for name, run in runs.items()]
    return Figure(title, [panel], "\n".join(text))


def decision_boundary(predict, samples, targets, *, level=0.5, title="Answers", cells=22, low=None, high=None):
    """A Figure of what `predict` answers over a square: blue above `level`, orange below, black where it is equal.

    `predict` takes a list of [x1, x2] and gives as many numbers. `samples` are pairs, `targets` their wanted answers;
    both are drawn in the same two colors. The square reaches half a unit beyond the samples unless `low`, `high` say.
    """
    samples, targets = [_numbers(sample) for sample in samples], _numbers(targets)
    spread = [number for sample in samples for number in sample]
    low = min(spread) - 0.5 if low is None else low
    high = max(spread) + 0.5 if high is None else high
    ticks = [low + (high - low) * k / cells for k in range(cells + 1)]
    answers = _numbers(predict([[x1, x2] for x2 in ticks for x1 in ticks]))
    grid = [answers[row * len(ticks) : (row + 1) * len(ticks)] for row in range(len(ticks))]
    far = max(abs(number - level) for number in [*answers, *targets]) or 1.0
    shares = [k / BANDS for k in range(1, BANDS)]
    panel = Panel(title, Axis(low, high, "first input"), Axis(low, high, "second input"), 260, 260, frame=False)
    panel.field(grid, [level + far * (2 * share - 1) for share in shares],
                [diverging((k + 0.5) / BANDS) for k in range(BANDS)], ticks, ticks)  # fmt: skip
    panel.contour(grid, level, ticks, ticks)
    right = 0
    for (x1, x2), target, said in zip(samples, targets, _numbers(predict(samples)), strict=True):
        panel.dot(x1, x2, diverging(1.0 if target > level else 0.0), f"{target:g}".replace("-", "−"), radius=11)
        right += (said > level) == (target > level)
    panel.note(f"blue: above {level:g}; orange: below; black line: {level:g}")
    return Figure(title, [panel], f"{title}: {right} of {len(samples)} samples on the right side of {level:g}")


def loss_landscape(loss, x, y, *, paths=None, title="Loss", names=("x", "y"), cells=30, width=420, height=280):
    """A Figure of loss(x, y) over the ranges x = (low, high) and y = (low, high), dark where it is low.

    `paths` is {name: points}: the ways of optimizers, drawn upon it; what leaves the picture runs along its border.
    Each of the ten colors covers as much of the picture as any other, whatever the heights.
    """
    across = [x[0] + (x[1] - x[0]) * k / cells for k in range(cells + 1)]
    up = [y[0] + (y[1] - y[0]) * k / cells for k in range(cells + 1)]
    grid = [[_number(loss(a, b)) for a in across] for b in up]
    heights = sorted(number for row in grid for number in row if math.isfinite(number))
    if not heights:
        raise ValueError("The loss is nowhere finite in this part.")
    grid = [[number if math.isfinite(number) else heights[-1] for number in row] for row in grid]
    levels = sorted({heights[len(heights) * k // BANDS] for k in range(1, BANDS)} - {heights[0]})
    panel = Panel(title, Axis(*x, names[0]), Axis(*y, names[1]), width, height, frame=False)
    panel.field(grid, levels, [_depth(k, len(levels)) for k in range(len(levels) + 1)], across, up)
    text = [f"{title}: from {heights[0]:.4g} to {heights[-1]:.4g}"]
    panel.note(f"dark is low: {heights[0]:.3g}; light is high: {heights[-1]:.3g}")
    for series, (name, points) in enumerate((paths or {}).items()):
        points = [_numbers(point) for point in points]
        panel.line(points, series, name)
        panel.dot(*points[-1], "#ffffff", radius=3)
        first, last = (_number(loss(*points[k])) for k in (0, -1))
        text.append(f"{name}: {first:.4g} -> {last:.4g} on this surface, {len(points) - 1} steps")
    return Figure(title, [panel], "\n".join(text))


def gradient_histograms(gradients, *, title="Size of the gradients"):
    """A Figure with one histogram for each layer: `gradients` is {layer: numbers or an array of any shape}.

    The axis is |gradient|, logarithmic, three bars a decade; zeros are counted in words. Side by side, layers whose
    gradients vanish stand further left. Raises ValueError where no gradient is finite.
    """
    layers = {name: [abs(n) for n in _flat(numbers)] for name, numbers in gradients.items()}
    axis = around([n for numbers in layers.values() for n in numbers], "|gradient|", log=True)
    axis = Axis(max(axis.low, axis.high * 1e-12), axis.high, axis.name, True)
    edges = [axis.low * 10 ** (k / 3) for k in range(round(3 * math.log10(axis.high / axis.low)) + 1)]
    panels, text = [], [title]
    counts = {}
    for name, numbers in layers.items():
        counts[name] = [0] * (len(edges) - 1)
        for number in numbers:
            if number > 0 and math.isfinite(number):
                counts[name][min(max(bisect.bisect(edges, number) - 1, 0), len(edges) - 2)] += 1
    most = max(count for row in counts.values() for count in row)
    for name, numbers in layers.items():
        panel = Panel(f"{name}: {len(numbers)} gradients", axis, Axis(0, most), 180, 150)
        for left, right, count in zip(edges, edges[1:], counts[name], strict=False):
            if count:
                panel.bar(left, right, count)
        zeros = sum(number == 0 for number in numbers)
        strange = sum(not math.isfinite(number) for number in numbers)
        panel.note(f"zeros: {zeros}" + (f", not finite: {strange}" if strange else ""))
        panels.append(panel)
        known = sorted(number for number in numbers if number > 0 and math.isfinite(number))
        middle = f"median {known[len(known) // 2]:.2g}" if known else "all zero"
        text.append(f"{name}: {spark(counts[name])} {middle}, zeros: {zeros} of {len(numbers)}")
    return Figure(title, panels, "\n".join(text))


def singular_values(values, *, title="Singular values"):
    """A Figure of singular values, largest first, and of the share of the squares that the first k hold.

    Raises ValueError where none is above zero.
    """
    values = sorted(_numbers(values), reverse=True)
    whole = sum(value**2 for value in values)
    if not whole > 0:
        raise ValueError("There is no singular value above zero to draw.")
    shares = [sum(value**2 for value in values[: k + 1]) / whole for k in range(len(values))]
    places = range(1, len(values) + 1)
    ends = Axis(0.5, len(values) + 0.5, "k")
    # Below rounding there is nothing to see: what stands there is zero.
    floor = values[0] * 1e-16
    size = Panel(title, ends, around([max(v, floor) for v in values], log=True), 260)
    size.line([(k, max(v, floor)) for k, v in zip(places, values, strict=True)])
    share = Panel("Share of the squares, first k", ends, Axis(0.0, 1.0), 260)
    share.line([(k, s) for k, s in zip(places, shares, strict=True)])
    for k, (value, held) in enumerate(zip(values, shares, strict=True), start=1):
        if len(values) <= 40:
            size.dot(k, max(value, floor), "#0072b2", radius=3)
            share.dot(k, held, "#0072b2", radius=3)
    enough = next(k for k, held in enumerate(shares, start=1) if held >= 0.9)
    size.note(f"{len(values)} values, from {values[0]:.3g} to {values[-1]:.3g}")
    share.note(f"the first {enough} hold 90 %")
    text = f"{title}: {spark(values, log=True)} {values[0]:.4g} to {values[-1]:.4g}; the first {enough} hold 90 %"
    return Figure(title, [size, share], text)


def confusion_map(targets, predictions, *, classes=None, title="Confusion"):
    """A Figure that counts how often each class (row) was taken for which (column).

    Raises ValueError where the two lists differ in length, or hold a class that `classes` does not.
    """
    targets, predictions = list(targets), list(predictions)
    if len(targets) != len(predictions):
        raise ValueError(f"There are {len(targets)} targets and {len(predictions)} predictions.")
    classes = sorted({*targets, *predictions}) if classes is None else list(classes)
    if not {*targets, *predictions} <= {*classes}:
        raise ValueError(f"Not among the classes: {sorted({*targets, *predictions} - {*classes})}.")
    counts = [[0] * len(classes) for _ in classes]
    for target, prediction in zip(targets, predictions, strict=True):
        counts[classes.index(target)][classes.index(prediction)] += 1
    right = sum(counts[k][k] for k in range(len(classes)))
    names = [str(name) for name in classes]
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    written = [[str(count) if count else "" for count in row] for row in counts]
    panel = _table(title, names, names, shares, written, "predicted", "is")
    panel.note(f"{right} of {len(targets)} on the diagonal are right")
    wide = max(len(name) for name in [*names, str(len(targets))]) + 2
    text = [f"{title}: {right} of {len(targets)} right", " " * wide + "".join(f"{name:>{wide}}" for name in names)]
    text += [
        f"{name:<{wide}}" + "".join(f"{count:>{wide}}" for count in row)
        for name, row in zip(names, counts, strict=True)
    ]
    return Figure(title, [panel], "\n".join(text))


def attention_map(weights, tokens=None, *, queries=None, title="Attention"):
    """A Figure of attention weights (queries, keys): each row says where one query looks, and sums to 1.

    `tokens` name the keys, and the queries unless `queries` do. A weight of exactly 0 is crossed: it was masked out.
    Raises ValueError where the names do not fit the weights.
    """
    weights = [_numbers(row) for row in weights]
    keys = [str(k) for k in range(len(weights[0]))] if tokens is None else [str(token) for token in tokens]
    rows = [str(name) for name in queries] if queries is not None else keys
    if len(rows) != len(weights) or any(len(row) != len(keys) for row in weights):
        raise ValueError(f"{len(rows)} queries and {len(keys)} keys do not fit weights of "
                         f"{len(weights)} rows and {len(weights[0])} columns.")  # fmt: skip
    written = [["×" if w == 0 else f"{w:.2f}"[1:] if w < 0.995 else "1" for w in row] for row in weights]
    panel = _table(title, rows, keys, weights, written if len(keys) <= 12 else None, "key", "query")
    panel.note("dark: looked at; ×: masked")
    text = [title]
    for name, row in zip(rows, weights, strict=True):
        most = max(range(len(keys)), key=row.__getitem__)
        text.append(f"{name}: {spark(row, low=0.0)} most at {keys[most]} ({row[most]:.2f})")
    return Figure(title, [panel], "\n".join(text))


def side_by_side(title, *figures):
    """One Figure of the panels of several."""
    return Figure(title, [panel for figure in figures for panel in figure.panels], "\n".join(map(str, figures)))


def spark(numbers, width=40, *, log=False, low=None):
    """Numbers as at most `width` characters, the lowest and the highest as ▁ and █; "!" stands for nan and infinity."""
    numbers = _numbers(numbers)
    if len(numbers) > width:  # the last of each group, so that the line ends where the numbers end
        numbers = [numbers[(k + 1) * len(numbers) // width - 1] for k in range(width)]
    if log:
        numbers = [math.log(max(n, SMALLEST)) if math.isfinite(n) else n for n in numbers]
    known = [n for n in numbers if math.isfinite(n)]
    low = min(known, default=0.0) if low is None else low
    span = max(known, default=0.0) - low
    places = [round((n - low) / span * (len(BARS) - 1)) if span and math.isfinite(n) else 0 for n in numbers]
    return "".join(BARS[place] if math.isfinite(n) else "!" for n, place in zip(numbers, places, strict=True))


# Numbers and words ----------------------------------------------------------------------------------------------------


def _number(thing):
    """A number from a number or an array that holds one."""
    return float(thing.item()) if hasattr(thing, "item") else float(thing)


def _numbers(things):
    return [_number(thing) for thing in things]


def _flat(thing):
    """All numbers of a number, of nested lists or of an array."""
    thing = thing.tolist() if hasattr(thing, "tolist") else thing
    return [n for part in thing for n in _flat(part)] if isinstance(thing, (list, tuple)) else [float(thing)]


def _told(name, numbers, log):
    """A line of characters for a curve, with its first and its last number."""
    ends = f"{numbers[0]:.4g} -> {numbers[-1]:.4g}" if numbers else "nothing"
    return f"{name + ': ' if name else ''}{spark(numbers, log=log)} {ends}"


def _reached(name, run, target):
    step = next((step for step, number in enumerate(run) if number <= target), None)
    where = "never reached" if step is None else f"reached at step {step}"
    return f"{name + ': ' if name else ''}target {target:g} {where}"


def _depth(k, last):
    """A shade of blue-gray for the k-th area: dark at 0, light at `last`."""
    return mixed(1 - k / max(1, last), (244, 246, 248), (120, 140, 162))


def _table(title, rows, columns, shares, written, x_name, y_name):
    """A Panel of cells, the darker the larger their share of 1; at most 26 points wide where there are many."""
    side = max(26, min(52, 420 // max(len(columns), 1)))
    panel = Panel(title, Names(tuple(columns), x_name), Names(tuple(rows), y_name, downward=True),
                  side * len(columns), side * len(rows), frame=False)  # fmt: skip
    for row, line in enumerate(shares):
        for column, share in enumerate(line):
            text = written[row][column] if written else ""
            panel.cell(column, row, len(columns), len(rows), mixed(min(max(share, 0.0), 1.0), MIDDLE, HIGH), text)
    return panel
