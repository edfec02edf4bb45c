"""Which mistake in an engine makes exactly these gradients? Known mistakes, tried out on the very programs that failed.

A program such as "e = a * d; e * c + e" is built as a graph here and walked backward once for every suspect: an engine
in which one operation overwrites, forgets upstream, is not linked, or whose walk goes in a wrong order. A suspect is
guilty if it makes every number that the candidate made, the right ones as well as the wrong ones. That holds for
engines of any design, since only numbers are compared.
"""

import ast
import math
from dataclasses import dataclass
from functools import cache

from utils.course import expressions
from utils.course.probing import KINDS, UPSTREAM

SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
INNOCENT = "innocent"
MOST_PROBED = 4  # programs whose operations are asked alone
LONGEST = 40  # nodes; larger programs say nothing that smaller ones do not


@dataclass(frozen=True)
class Suspect:
    """A mistake that can be tried out: `kind` says what is done wrong, `operation` where ("" for the walk itself)."""

    id: str  # the diagnosis it leads to
    kind: str
    operation: str = ""
    sides: tuple = (0, 1)  # the parents it concerns


@dataclass(frozen=True)
class Node:
    """One result of a program: which operation made it, of which earlier nodes, and the local derivatives."""

    operation: str  # "+", "tanh"; with a plain number beside it "+ number" or "number +"; "" for a leaf
    parents: tuple
    locals: tuple
    value: float
    number: bool = False  # a plain number of the program


@dataclass(frozen=True)
class Graph:
    """A program at a point: its nodes, parents before results, and which of them have names."""

    nodes: tuple
    names: dict


def suspects(operations):
    """Every Suspect that can be tried out on programs with these operations, the simplest first."""
    found = []
    for operation in sorted(operations):
        found += [Suspect(id, kind, operation, sides) for id, kind in ON_OPERATIONS for sides in ((0, 1), (0,), (1,))]
        found += [
            Suspect(id, kind + RIGHT, operation, sides)
            for id, kind in ON_OPERATIONS[:4]
            for sides in ((0, 1), (0,), (1,))
        ]
    # Each of several operations may have it: a learner who wrote `=` once often wrote it everywhere.
    found += [Suspect(id, kind, "every") for id, kind in ON_OPERATIONS]
    found += [Suspect(id, kind + RIGHT, "every") for id, kind in ON_OPERATIONS[:4]]
    walks = [Suspect(id, kind) for id, kind in ON_WALKS]
    # Of two with the same numbers the first is accused: a slip in one operation is likelier than a wrong walk.
    return [*walks[:1], *found, *walks[1:]]


RIGHT = " from the right"  # the walk visits the last parent first
# The first four depend on the order in which values pass on.
ON_OPERATIONS = (
    ("accumulate", "overwrites"), ("accumulate", "keeps the first"), ("links", "knows no parent"),
    ("links", "attached to its operand"), ("chain", "without upstream"), ("links", "serves no parent"),
    ("sign", "negated"), ("local", "without local"), ("local", "swapped"), ("chain", "upstream added"),
    ("links", "leads nowhere"), ("identity", "keyed by parent"), ("identity", "equal numbers are one"),
    ("identity", "equal numbers lead nowhere"),
)  # fmt: skip
ON_WALKS = (
    ("seed", "everybody starts with 1"),
    ("links", "output only"), ("links", "two generations"), ("links", "first parent only"),
    ("topo", "breadth first"), ("topo", "breadth first from the right"), ("topo", "parents last"),
    ("topo", "parents last from the right"), ("topo", "stack"), ("topo", "stack from the right"),
    ("topo", "leaves first"), ("topo", "twice"), ("topo", "twice from the right"), ("topo", "queue twice"),
    ("topo", "stack twice"), ("topo", "at once"), ("topo", "at once from the right"), ("topo", "at once, never again"),
    ("topo", "at once, never again, from the right"), ("topo", "total passed on"),
    ("topo", "total passed on from the right"), ("accumulate", "each path overwrites"),
    ("accumulate", "each path overwrites from the right"), ("accumulate", "the first path counts"),
    ("accumulate", "the first path counts from the right"), ("identity", "equal numbers once"),
    ("identity", "keyed by parent"), ("links", "nobody passes on"),
)  # fmt: skip


@cache
def graph(given):
    """The Graph behind "e = a * d; e * c at a = 1.5, c = 2, d = 0.6", or None if this text is no program at a point."""
    program, _, point = given.rpartition(" at ")
    try:
        inputs = {name.strip(): float(number) for name, number in (pair.split("=") for pair in point.split(","))}
        return _build(program, inputs)
    except (ValueError, KeyError, SyntaxError, ZeroDivisionError, OverflowError, TypeError, NotImplementedError):
        return None


def _build(program, inputs):
    if program.startswith("y ") or "backward" in program:
        return None
    nodes, names = [], {}

    def add(*fields):
        nodes.append(Node(*fields))
        return len(nodes) - 1

    def visit(tree):
        match tree:
            case ast.Constant(value=int() | float()):
                return add("", (), (), float(tree.value), True)
            case ast.UnaryOp(ast.USub(), ast.Constant()):
                return add("", (), (), -float(tree.operand.value), True)
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(ast.USub(), operand):
                return result("neg", visit(operand))
            case ast.BinOp(left, op, right):
                return result(SYMBOLS[type(op)], visit(left), visit(right))
            case ast.Call(ast.Name(id="sum"), [ast.List(elements)]):
                total = add("", (), (), 0.0, True)
                for element in elements:
                    total = result("+", total, visit(element))
                return total
            case ast.Call(ast.Name(id=name), [argument]):
                return result(name, visit(argument))
        raise NotImplementedError(ast.unparse(tree))

    def result(operation, *parents):
        numbers = [nodes[parent].number for parent in parents]
        label = operation
        if numbers == [False, True] and operation != "**":
            label = f"{operation} number"
        elif numbers == [True, False]:
            label = f"number {operation}"
        value, local = _evaluate(operation, *(nodes[parent].value for parent in parents))
        if operation == "**" and numbers[1]:
            local = (local[0], 0.0)
        return add(label, parents, local, value)

    for name, number in inputs.items():
        names[name] = add("", (), (), number)
    for statement in expressions._parse(program).body:
        last = visit(statement.value)
        if isinstance(statement, ast.Assign):
            names[statement.targets[0].id] = last
    if last != len(nodes) - 1 or len(nodes) > LONGEST:
        return None
    return Graph(tuple(nodes), names)


def _evaluate(operation, a, b=None):
    """The value of one operation, and its local derivatives."""
    match operation:
        case "+":
            return a + b, (1.0, 1.0)
        case "-":
            return a - b, (1.0, -1.0)
        case "*":
            return a * b, (b, a)
        case "/":
            return a / b, (1 / b, -a / b**2)
        case "**":
            return a**b, (b * a ** (b - 1) if b else 0.0, math.log(a) * a**b if a > 0 else 0.0)
        case "neg":
            return -a, (-1.0,)
        case "relu":
            return max(a, 0.0), (1.0 if a > 0 else 0.0,)
        case "tanh":
            return math.tanh(a), (1 - math.tanh(a) ** 2,)
        case "sigmoid":
            return 1 / (1 + math.exp(-a)), (math.exp(-a) / (1 + math.exp(-a)) ** 2,)
        case "exp":
            return math.exp(a), (math.exp(a),)
        case "log":
            return math.log(a), (1 / a,)
    raise NotImplementedError(operation)


@cache
def gradients(given, suspect):
    """name -> the gradient that an engine with this mistake would give it."""
    return _gradients(graph(given), suspect)


def _gradients(made, suspect, fitted=None):
    nodes = made.nodes
    grads = [1.0 if suspect.kind.startswith("everybody") else 0.0] * len(nodes)
    grads[-1] = 1.0
    order = _order(nodes, suspect)
    if order is None:
        _pass_at_once(nodes, suspect, grads)
        order = ()
    attached = {}  # operand -> the result whose way back was stored on it, in place of its own
    if suspect.kind.startswith("attached"):
        attached = {node.parents[0]: n for n, node in enumerate(nodes) if _is_guilty(node, suspect)}
    for index in order:
        if index in attached:
            _pass_on(nodes, attached[index], suspect, grads, grads[attached[index]])
        elif not attached or not _is_guilty(nodes[index], suspect):
            _pass_on(nodes, index, suspect, grads, grads[index], fitted)
    return {name: grads[index] for name, index in made.names.items()}


def _pass_on(nodes, index, suspect, grads, upstream, fitted=None):
    """Let one node hand its gradient to its parents, with the mistake if it is one of those who make it."""
    node = nodes[index]
    guilty = _is_guilty(node, suspect)
    local = fitted.get(_instance(nodes, node), node.locals) if fitted else node.locals
    pairs = list(zip(node.parents, local, strict=True))
    equal = len(pairs) == 2 and nodes[node.parents[0]].value == nodes[node.parents[1]].value
    if suspect.kind == "keyed by parent" and (guilty or not suspect.operation):
        pairs = list(dict(pairs).items())
    elif guilty and suspect.kind == "swapped":
        pairs = list(zip(node.parents, reversed(local), strict=True))
    elif guilty and suspect.kind == "equal numbers are one" and equal:
        pairs = [(node.parents[0], slope) for slope in local]
    elif guilty and suspect.kind == "equal numbers lead nowhere" and equal:
        pairs = []
    for side, (parent, slope) in enumerate(pairs):
        sent, kind = slope * upstream, suspect.kind.removesuffix(RIGHT) if guilty and side in suspect.sides else ""
        if kind in ("serves no parent", "leads nowhere"):
            continue
        if kind == "without upstream":
            sent = slope
        elif kind == "without local":
            sent = upstream
        elif kind == "negated":
            sent = -sent
        elif kind == "upstream added":
            sent = slope + upstream
        if kind == "overwrites":
            grads[parent] = sent
        elif kind == "keeps the first":
            grads[parent] = grads[parent] or sent
        else:
            grads[parent] += sent


def _is_guilty(node, suspect):
    return bool(node.operation) and suspect.operation in (node.operation, "every")


def _known_parents(nodes, index, suspect):
    """The parents that the walk finds from a node."""
    node = nodes[index]
    known = node.parents
    if suspect.kind.startswith(("knows no parent", "leads nowhere")) and _is_guilty(node, suspect):
        known = tuple(parent for side, parent in enumerate(known) if side not in suspect.sides)
    if suspect.kind == "first parent only":
        known = known[:1]
    return known[::-1] if suspect.kind.endswith(RIGHT) else known


def _order(nodes, suspect):
    """The indices of the nodes in the order in which they pass on; None where nodes pass on as they are met."""
    last, kind = len(nodes) - 1, suspect.kind.removesuffix(RIGHT).removesuffix(",")

    def parents(index):
        return _known_parents(nodes, index, suspect)

    if kind in ("at once", "at once, never again", "total passed on", "each path overwrites", "the first path counts"):
        return None
    if kind == "nobody passes on":
        return []
    if kind == "output only":
        return [last]
    if kind == "two generations":
        return [last, *parents(last)]
    if kind in ("breadth first", "queue twice", "stack", "stack twice"):
        waiting, order, seen = [last], [], {last}
        while waiting:
            index = waiting.pop(0 if kind in ("breadth first", "queue twice") else -1)
            order.append(index)
            for parent in parents(index):
                if parent not in seen or "twice" in kind:
                    seen.add(parent)
                    waiting.append(parent)
        return order
    order, seen = [], set()

    def visit(index):
        key = nodes[index].value if kind == "equal numbers once" else index
        if key in seen and kind != "twice":
            return
        seen.add(key)
        if kind == "parents last":
            order.append(index)
        for parent in parents(index):
            visit(parent)
        if kind != "parents last":
            order.append(index)

    visit(last)
    return order if kind in ("parents last", "leaves first") else order[::-1]


def _pass_at_once(nodes, suspect, grads):
    """The walks without a list: a node passes on as soon as it is met, by every path or only the first time."""
    seen = set()
    if "path" in suspect.kind or "total" in suspect.kind:
        grads[-1] = 0.0

        def receive(index, sent):
            """What arrives is passed on at once; rightly, `+=` stands here and `sent` is passed on."""
            if "overwrites" in suspect.kind:
                grads[index] = sent
            elif "first" in suspect.kind:
                grads[index] = grads[index] or sent
            else:
                grads[index] += sent
            node, upstream = nodes[index], grads[index] if "total" in suspect.kind else sent
            pairs = list(zip(node.parents, node.locals, strict=True))
            for parent, local in reversed(pairs) if "right" in suspect.kind else pairs:
                receive(parent, local * upstream)

        return receive(len(nodes) - 1, 1.0)

    def walk(index):
        if index in seen and "never" in suspect.kind:
            return
        seen.add(index)
        _pass_on(nodes, index, suspect, grads, grads[index])
        for parent in _known_parents(nodes, index, suspect):
            walk(parent)

    walk(len(nodes) - 1)


def _instance(nodes, node):
    """An operation at a point: what its local derivatives depend on."""
    return (node.operation, *(nodes[parent].value for parent in node.parents))


def locals_from(observations):
    """Local derivatives as the candidate computes them: read where an operation is the whole program, on leaves.

    (operation, numbers) -> derivatives. With them in place of the right ones, an engine that is wrong in nothing but
    this formula is explained in all other programs.
    """
    found = {}
    for given, seen in by_program(observations).items():
        made = graph(given)
        node = made and made.nodes[-1]
        if not node or not node.operation or any(made.nodes[parent].operation for parent in node.parents):
            continue
        names = {index: name for name, index in made.names.items()}
        if len(set(node.parents)) == len(node.parents) and all(
            made.nodes[parent].number or f"{names.get(parent)}.grad" in seen for parent in node.parents
        ):
            found[_instance(made.nodes, node)] = tuple(
                0.0 if made.nodes[parent].number else seen[f"{names[parent]}.grad"]["got"] for parent in node.parents
            )
    return found


def swapped_value(given):
    """What the last operation of a program makes of its operands the wrong way round, None if it has not two."""
    made = graph(given)
    if not made or len(made.nodes[-1].parents) != 2:
        return None
    operation = made.nodes[-1].operation.replace("number", "").strip()
    left, right = (made.nodes[parent].value for parent in made.nodes[-1].parents)
    try:
        return _evaluate(operation, right, left)[0]
    except (ValueError, ArithmeticError):
        return None


def by_program(observations):
    """given -> {what: observation} of the gradients that were read, in the order of the test."""
    found = {}
    for seen in observations:
        if seen["aim"] == "gradient" and seen["what"].endswith(".grad") and isinstance(seen["got"], (int, float)):
            found.setdefault(seen["given"], {})[seen["what"]] = seen
    return found


def explained(observations, suspect, fitted=None):
    """(wrong numbers explained, wrong numbers, right numbers contradicted) of the programs that can be tried out."""
    hits = wrong = contradicted = 0
    for given, seen in by_program(observations).items():
        made = graph(given)
        if made is None:
            continue
        if fitted is not None and any(
            node.operation == suspect.operation and _instance(made.nodes, node) not in fitted for node in made.nodes
        ):
            continue
        computed = gradients(given, suspect) if fitted is None else _gradients(made, suspect, fitted)
        for what, one in seen.items():
            same = _same(one["got"], computed[what.removesuffix(".grad")])
            if one["holds"]:
                contradicted += not same
            else:
                wrong += 1
                hits += same
    return hits, wrong, contradicted


def _same(got, computed):
    return math.isclose(got, computed, rel_tol=1e-7, abs_tol=1e-9)


def guilty(first, rows, probe=lambda instances: None):
    """The Suspect that explains the wrong gradients of the first failing row and nothing that is right, or None.

    `rows`: all of the run; whom one that passed contradicts is innocent. `probe` asks the candidate's operations, each
    alone, as probing.operations does; it is called only where the rows leave a doubt.
    """
    programs = by_program(first["observations"])
    others = [row for row in rows if row["outcome"] == "pass"]
    of_step = [seen for row in rows if row["step"] == first["step"] for seen in row["observations"]]
    operations = {node.operation for given in programs if graph(given) for node in graph(given).nodes} - {""}
    return (
        _best(first, others, programs, operations, 1.0)
        or _other_formula(first, others)
        or _odd_one_out(programs, probe)
        or _unsettled(by_program(of_step))
        or _best(first, others, programs, operations, 0.6)
    )


def _best(first, others, programs, operations, enough):
    """The Suspect that explains most of the wrong numbers, at least this share, and the smallest program entirely."""
    best, best_share = None, 0.0
    for suspect in suspects(operations):
        if not _first_explained(programs, suspect):
            continue
        hits, wrong, contradicted = explained(first["observations"], suspect)
        if contradicted or hits < enough * wrong or hits / wrong <= best_share:
            continue
        if not any(explained(row["observations"], suspect)[2] for row in others):
            best, best_share = suspect, hits / wrong
    return best


def _other_formula(first, others):
    """The operation whose local derivative is wrong in a way of its own, and nothing else."""
    fitted = locals_from(first["observations"])
    for operation in dict.fromkeys(instance[0] for instance in fitted):
        suspect = Suspect("local", "another formula", operation)
        hits, wrong, contradicted = explained(first["observations"], suspect, fitted)
        if not hits or hits < wrong or contradicted or not _is_confirmed(first, operation):
            continue
        if not any(explained(row["observations"], suspect, fitted)[2] for row in others):
            return suspect
    return None


def _odd_one_out(programs, probe):
    """The operation that is wrong even when it is asked alone, while others are right: then it is no fault of the walk.

    Its own derivative counts first; then what it does with upstream, and with what has arrived before; then whether it
    knows its parents.
    """
    asked = {("+", 1.5, -0.7): ((1.0, 1.0), 0.8), ("*", 1.5, -0.7): ((-0.7, 1.5), -1.05)}
    failed = [given for given, seen in programs.items() if not all(one["holds"] for one in seen.values())]
    for given in failed[:MOST_PROBED]:
        made = graph(given)
        for node in made.nodes if made else ():
            instance = _instance(made.nodes, node)
            numbers = [*instance[1:], node.value] if node.operation != "relu" else instance[1:]
            if node.operation and len(set(numbers)) == len(numbers):  # equal numbers are a question of their own
                asked.setdefault(instance, (node.locals, node.value))
    questions = [(operation, numbers) for operation, *numbers in asked]
    answers = probe([*questions, questions[0]])
    if answers and answers[0]["alone"] == [1.0, 1.0] != answers[-1]["alone"]:
        return Suspect("state", "right only once")
    for kind in KINDS if answers else ():
        verdicts = [
            (operation, _verdict_on(kind, operation, local, value, answer[kind]))
            for ((operation, *_), (local, value)), answer in zip(asked.items(), answers[:-1], strict=True)
            if answer[kind] is not None
        ]
        wrong = [(operation, suspect) for operation, suspect in verdicts if suspect != INNOCENT]
        if wrong:  # where nobody is right it is the walk
            several = kind != "alone" and len({operation for operation, _ in wrong}) > 1
            return wrong[0][1] if len(wrong) < len(verdicts) and not several else None
    return None


def _verdict_on(kind, operation, local, value, got):
    """The Suspect for what one operation hands to its parents: INNOCENT if that is right, None if no mistake fits."""
    numbers = operation.split() if "number" in operation else ()
    sides = [side for side in range(len(local)) if not numbers or numbers[side] != "number"]
    sides = sides[:1] if operation == "**" else sides
    upstream = UPSTREAM if kind == "passed" else 1.0
    before = 1.0 if kind == "reused" else 0.0
    wrong = tuple(side for side in sides if not _same(got[side], before + upstream * local[side]))
    if not wrong:
        return INNOCENT
    if kind == "alone":
        usual = (("links", "serves no parent", 0.0), ("sign", "negated", -1.0), ("chain", "number as upstream", value))
        for id, deed, factor in usual:
            if all(_same(got[side], factor * local[side]) for side in wrong):
                return Suspect(id, deed, operation, wrong)
        return Suspect("local", "another formula", operation, wrong)
    if kind == "passed":
        forgotten = all(_same(got[side], local[side]) for side in wrong)
        return Suspect(*(("chain", "without upstream") if forgotten else ("local", "with upstream")), operation, wrong)
    if kind == "reused":
        replaced = all(_same(got[side], local[side]) for side in wrong)
        return Suspect("accumulate", "overwrites", operation, wrong) if replaced else None
    lost = all(_same(got[side], 0.0) for side in wrong)
    return Suspect("links", "knows no parent", operation, wrong) if lost else None


def _is_confirmed(first, operation):
    """Did a program fail in which this operation is not the last one, so that it could not be used for the fit?"""
    return any(
        not seen["holds"] and graph(given) and graph(given).nodes[-1].operation != operation
        for given, observations in by_program(first["observations"]).items()
        for seen in observations.values()
    )


def _unsettled(programs):
    """Where every wrong number is a sum of right contributions, with some lost or some counted again: which of the two.

    In which order an engine visits its values is its own affair, so what is lost differs from design to design.
    """
    for most in (1, 3):
        seen_at_leaf = seen = False
        for given, observations in programs.items():
            if all(one["holds"] for one in observations.values()):
                continue
            made = graph(given)
            sums = made and _possible(given, most)
            if not sums or not all(
                any(_same(one["got"], number) for number in sums[made.names[what.removesuffix(".grad")]])
                for what, one in observations.items()
            ):
                break
            uses = [sum(node.parents.count(index) for node in made.nodes) for index in range(len(made.nodes))]
            inner = [index for index, node in enumerate(made.nodes) if node.operation and uses[index] > 1]
            seen, seen_at_leaf = True, seen_at_leaf or not inner
        else:
            if seen and most == 1:
                return Suspect("accumulate", "lost") if seen_at_leaf else Suspect("topo", "too early")
            if seen and not seen_at_leaf:
                return Suspect("topo", "counted again")
    return None


@cache
def _possible(given, most):
    """For each node the gradients it can have if each contribution arrives up to `most` times; None if too many."""
    made = graph(given)
    found = [set() for _ in made.nodes]
    found[-1] = {1.0}
    for index in range(len(made.nodes) - 1, -1, -1):
        edges = [
            {local * upstream for upstream in found[user]}
            for user, node in enumerate(made.nodes)
            for parent, local in zip(node.parents, node.locals, strict=True)
            if parent == index
        ]
        sums = set()  # of one contribution or more: something arrives in any case
        for options in edges if index < len(made.nodes) - 1 else ():
            parts = {times * part for part in options for times in range(1, most + 1)}
            sums |= parts | {one + part for one in sums for part in parts}
            if len(sums) > 400:
                return None
        if edges:
            found[index] = edges[0] if len(edges) == 1 and most == 1 else sums
    return found


def _first_explained(programs, suspect):
    """Does it explain all of the smallest program that failed? That is the best witness."""
    for given, seen in programs.items():
        if graph(given) and not all(one["holds"] for one in seen.values()):
            computed = gradients(given, suspect)
            return all(_same(one["got"], computed[what.removesuffix(".grad")]) for what, one in seen.items())
    return False
