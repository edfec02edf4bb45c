"""What the grader asks of a submission: slopes of random cubics; values, paths and sweeps of random graphs."""

from utils.grading.cases import case, number_of

HIDDEN = (
    "utils/slopes.py",
    "utils/finite_difference_checker.py",
    "utils/gradient_claims.py",
    "utils/gradient_patterns.py",
)
COARSE = 1e-4  # slopes by nudging, with whatever step


def cubic(draw):
    a, b, c, d = draw.numbers(4)
    return lambda x: a * x**3 + b * x * x + c * x + d


def graph_of(draw, operations, leaves=3, lines=6):
    """A random graph that uses every line, and the name of its output."""
    names = [f"n{draw.integer(10, 99)}_{place}" for place in range(leaves + 2 * lines)]
    graph = {name: draw.number(low=0.4, high=1.3) for name in names[:leaves]}
    used = set()
    for place in range(leaves, leaves + lines):
        operation = draw.choice(operations)
        parents = [names[draw.integer(max(0, place - 3), place - 1)], names[draw.integer(0, place - 1)]]
        parents = parents[:1] if operation in ("neg", "exp") else parents
        used |= set(parents)
        graph[names[place]] = (operation, *parents)
    last, place = names[leaves + lines - 1], leaves + lines
    for name in [name for name in graph if name not in used and name != last]:
        graph[names[place]] = ("+", last, name)
        last, place = names[place], place + 1
    return graph, last


def exponential_free(draw, lines=6):
    """A graph in which no exponential is taken of an exponential: numbers stay small."""
    return graph_of(draw, ("+", "-", "*", "neg"), lines=lines)


def leaves_of(graph):
    return [name for name, line in graph.items() if not isinstance(line, tuple)]


def by_name(found, graph):
    return [number_of(found[name]) for name in graph]


def diamonds(draw, count):
    """`count` stacked diamonds x = x*k + x, and the name of the last."""
    graph, x = {"x": draw.number(low=0.5, high=1.0), "k": draw.number(low=0.05, high=0.2)}, "x"
    for place in range(count):
        graph[f"p{place}"] = ("*", x, "k")
        graph[f"s{place}"] = ("+", f"p{place}", x)
        x = f"s{place}"
    return graph, x


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "nudge")
def a_nudge_is_the_new_result_minus_the_old(candidate, draw):
    return [candidate.nudge(cubic(draw), draw.number(), draw.number(low=0.1, high=0.5)) for _ in range(6)]


@case(1, "slope", tolerance=COARSE)
def slopes_of_cubics(candidate, draw):
    answers = []
    for _ in range(2):
        a, b = draw.numbers(2)
        answers.append(candidate.slope(lambda x, a=a, b=b: a * x + b, draw.number(), 0.25))
    answers += [candidate.slope(cubic(draw), draw.number(), step) for step in (0.5, -0.3)]  # a step that is seen
    return [*answers, *(candidate.slope(cubic(draw), draw.number(high=1.5)) for _ in range(5))]


@case(1, "evaluate")
def values_of_sums_and_products(candidate, draw):
    graphs = [graph_of(draw, "+*")[0] for _ in range(4)]
    graphs.append(graphs[0] | {leaves_of(graphs[0])[0]: draw.number()})  # the same names, another number
    found = [candidate.evaluate(graph) for graph in graphs]  # all of them, before one is looked at
    return [by_name(one, graph) for one, graph in zip(found, graphs, strict=True)]


@case(1, "slopes", tolerance=COARSE)
def slopes_by_nudging_each_leaf(candidate, draw):
    answers = []
    for _ in range(3):
        graph, output = graph_of(draw, "+*", lines=4)
        graph[leaves_of(graph)[0]] = 1.0  # 1.0 + 1e-6 - 1e-6 is another number
        graph[leaves_of(graph)[1]] = 2
        graph |= {"idle": draw.number()}
        before = dict(graph)
        found = candidate.slopes(graph, output)
        answers += [by_name(found, leaves_of(graph)), float(len(found))]
        answers.append(float(list(graph.items()) == list(before.items())))
    x, y, w = draw.numbers(3)
    # In each of its leaves this one is a straight line: a coarse step shows only whether a nudge is taken back.
    straight = {"x": x, "y": y, "w": w, "p": ("*", "x", "y"), "q": ("+", "w", "w"), "z": ("*", "p", "q")}
    return [*answers, by_name(candidate.slopes(straight, "z", 0.5), "xyw")]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "evaluate")
def values_of_every_operation(candidate, draw):
    graphs = [exponential_free(draw)[0] for _ in range(3)]
    graphs.append(
        {"a": draw.number(), "e": ("exp", "a"), "n": ("neg", "e"), "d": ("-", "n", "a"), "q": ("*", "d", "e")}
    )
    return [by_name(candidate.evaluate(graph), graph) for graph in graphs]


@case(2, "local_derivatives")
def local_derivatives_of_every_line(candidate, draw):
    a, b = draw.numbers(2)
    import math

    graph = {"a": a, "b": b, "s": ("+", "a", "b"), "d": ("-", "a", "b"), "m": ("*", "a", "b"), "q": ("*", "b", "b"),
             "n": ("neg", "a"), "e": ("exp", "b")}  # fmt: skip
    values = {"a": a, "b": b, "s": a + b, "d": a - b, "m": a * b, "q": b * b, "n": -a, "e": math.exp(b)}
    found = [list(candidate.local_derivatives(graph, values, name)) for name in graph]
    return [[float(len(one)), *one] for one in found]


def values_in(graph):
    """The values of a graph of + - * and neg, worked out here."""
    rules = {"+": sum, "-": lambda p: p[0] - p[1], "*": lambda p: p[0] * p[1], "neg": lambda p: -p[0]}
    values = {}
    for name, line in graph.items():
        values[name] = rules[line[0]]([values[parent] for parent in line[1:]]) if isinstance(line, tuple) else line
    return values


@case(2, "paths")
def every_path_once(candidate, draw):
    answers = []
    for _ in range(2):
        graph, last = exponential_free(draw, lines=5)
        output = "twice"
        graph[output] = ("-", last, last)
        values = values_in(graph)
        for source in leaves_of(graph):
            listed = list(candidate.paths(graph, values, output, source))  # all of them, before one is looked at
            found = sorted([number_of(local) for local in path] for path in listed)
            answers.append(float(len(found)))
            answers += [float(len(path)) + 0.5 * sum(path) for path in found]
    return answers


@case(2, "sum_over_paths")
def sums_over_paths(candidate, draw):
    answers = []
    for _ in range(3):
        graph, output = exponential_free(draw)
        answers += [candidate.sum_over_paths(graph, output, name) for name in graph]
    return answers


@case(2, "reverse_sweep")
def one_sweep_for_all(candidate, draw):
    answers = []
    for _ in range(4):
        graph, output = exponential_free(draw)
        answers += [by_name(candidate.reverse_sweep(graph, name), graph) for name in (output, list(graph)[4], output)]
    graph = {"a": draw.number(), "e": ("exp", "a"), "d": ("-", "e", "a"), "q": ("*", "d", "e"), "idle": ("neg", "q")}
    return [*answers, by_name(candidate.reverse_sweep(graph, "q"), graph)]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "sum_over_paths", step="lean", room=2.0)
def fourteen_diamonds_in_little_memory(candidate, draw):
    graph, output = diamonds(draw, 14)
    return [candidate.sum_over_paths(graph, output, "x"), *by_name(candidate.reverse_sweep(graph, output), graph)]


@case(3, "reverse_sweep")
def a_sweep_passes_each_line_once(candidate, draw):
    graph, output = diamonds(draw, 40)  # 2**40 paths
    return by_name(candidate.reverse_sweep(graph, output), graph)


@case(3, "count_paths")
def paths_are_counted_without_being_walked(candidate, draw):
    graph, output = diamonds(draw, 40)
    other, last = exponential_free(draw, lines=9)
    found = [by_name(candidate.count_paths(other, name), other) for name in (last, list(other)[6])]
    return [by_name(candidate.count_paths(graph, output), graph), *found]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "reverse_sweep")
def a_large_graph(candidate, draw):
    graph, output = exponential_free(draw, lines=40)
    return by_name(candidate.reverse_sweep(graph, output), graph)
