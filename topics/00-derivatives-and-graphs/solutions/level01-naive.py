"""Level 1, naive: a slope is a nudge divided by its step, one nudge for each input.

What it does   evaluates the graph line by line, and once more for each leaf, with that leaf a little larger.
What it buys   no mathematics at all: whatever can be computed has slopes.
What it costs  one evaluation for each leaf and one more: 101 for 100 leaves. And the slopes are rounded: x*x at 3 has
               slope 6.000001 with a step of 1e-6, and 5.329 with a step of 1e-15.
"""


def nudge(f, x, step):
    return f(x + step) - f(x)


def slope(f, x, step=1e-6):
    return nudge(f, x, step) / step


def evaluate(graph):
    values = {}
    for name, line in graph.items():
        if isinstance(line, tuple):
            operation, a, b = line
            if operation == "+":
                values[name] = values[a] + values[b]
            elif operation == "*":
                values[name] = values[a] * values[b]
            else:
                raise NotImplementedError(f"the operation {operation!r}")
        else:
            values[name] = line
    return values


def slopes(graph, output, step=1e-6):
    before = evaluate(graph)[output]
    found = {}
    for name, line in graph.items():
        if not isinstance(line, tuple):
            # A new dict each time: the leaf nudged before must be back at its old number, and the caller's graph stays.
            nudged = {**graph, name: line + step}
            found[name] = (evaluate(nudged)[output] - before) / step
    return found
