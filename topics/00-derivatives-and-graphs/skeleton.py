"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 00` copies this file to `workspace/derivatives_and_graphs.py`. You work there. Nothing in it is
ever overwritten.

A *graph* is a dict, one line of a calculation after the other. A line is a number (then its name is a *leaf*) or a
tuple (operation, parent, ...). A line uses only names that stand above it, so the lines are in a good order already:

    graph = {
        "x": 2.0,
        "y": 3.0,
        "p": ("*", "x", "y"),
        "z": ("+", "p", "x"),
    }

The *parents* of a name are the names in its line, in order; the same name may stand there twice, as in ("*", "x", "x").
A *local* derivative is the slope of one line with respect to one of its parents, all other parents held still.
No function changes a graph that it is given.
"""

# Level 1: nudges, slopes, a graph as a dict ---------------------------------------------------------------------------


def nudge(f, x, step):
    """By how much f grows when x grows by step; `f` is a function of one number. A step may be negative."""
    raise NotImplementedError("nudge")


def slope(f, x, step=1e-6):
    """How much f grows per unit of x near x: a nudge by `step`, divided by that step."""
    raise NotImplementedError("slope")


def evaluate(graph):
    """A new dict: the number behind every name of the graph.

    Level 1: "+" and "*" of two parents.
    Level 2: also "-" of two parents, and "neg" and "exp" of one.
    """
    raise NotImplementedError("evaluate")


def slopes(graph, output, step=1e-6):
    """A dict: for every leaf, the slope of `output` with respect to it, found by nudging that leaf alone.

    A leaf that `output` does not depend on has slope 0. Exact to about six digits is enough.
    """
    raise NotImplementedError("slopes")


# Level 2: the chain rule over paths, and one sweep for all ------------------------------------------------------------


def local_derivatives(graph, values, name):
    """A list with one local derivative for each parent in the line of `name`, in the order of the parents.

    `values` is what `evaluate(graph)` gives. A leaf has no parents: an empty list.
    """
    raise NotImplementedError("local_derivatives")


def paths(graph, values, output, source):
    """Every path from `output` down to `source`, in any order: a list, or anything else that can be looped over.

    A path is a list of its own: the local derivatives met on the way, first the one at `output`. Two positions in one
    line are two paths, even when the same name stands there. From a name to itself there is one path, the empty list.
    """
    raise NotImplementedError("paths")


def sum_over_paths(graph, output, source):
    """d(output)/d(source): along each path the product of its local derivatives, and over all paths their sum.

    Level 3: without holding all paths in memory at once.
    """
    raise NotImplementedError("sum_over_paths")


def reverse_sweep(graph, output):
    """A dict: d(output)/d(name) for every name in the graph, in one sweep from `output` back to the leaves.

    `output` itself has 1; a name that `output` does not depend on has 0.
    """
    raise NotImplementedError("reverse_sweep")


# Level 3: the count ---------------------------------------------------------------------------------------------------


def count_paths(graph, output):
    """A dict: for every name in the graph, the number of paths from `output` down to it, without walking them.

    `output` itself has 1; a name that `output` does not depend on has 0.
    """
    raise NotImplementedError("count_paths")
