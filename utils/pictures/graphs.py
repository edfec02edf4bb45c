"""Read the graph behind a value into plain data: by the attributes of the candidate's objects, whatever their class.

`data`, `grad`, `label`, `_op` and `_prev` are read. `_backward` is called, one value at a time, to see its local
derivatives; every gradient is put back as it was.
"""

import hashlib
import inspect
import math
from dataclasses import dataclass, field

PARENT_NAMES = ("_prev", "_children", "_parents", "parents")
MOST_VALUES = 20_000
NAME_LENGTH = 24


class TooLarge(ValueError):
    """The graph has more values than any picture can show."""


class NotDrawable(TypeError):
    """The object has no `data`, so it is no value of an engine."""


@dataclass(frozen=True)
class Edge:
    """One use of a parent. `local` is d(user)/d(parent), None where the candidate's design does not tell it."""

    parent: int
    local: float | None = None
    uses: int = 1  # `local` is the sum over this many uses of the same parent
    lost: bool = False  # the operation used the parent, but `_prev` does not remember this use


@dataclass(frozen=True)
class Node:
    """One value, or in a folded graph a box of `count` values, with one Edge for each use of a parent."""

    index: int
    name: str
    data: object
    grad: object
    op: str = ""
    edges: tuple = ()
    labeled: bool = False
    count: int = 1


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which parents come first, so the last one is the root; `notes` are sentences to show."""

    nodes: tuple
    notes: tuple = ()
    places: dict = field(default_factory=dict, compare=False, repr=False)  # {id(value): index} of the values read

    @property
    def root(self):
        return self.nodes[-1]

    @property
    def folded(self):
        return any(node.count > 1 for node in self.nodes)


def read_graph(root, names=None, limit=MOST_VALUES):
    """The Graph that led to `root`. `names` names values, as in {"x": x}; a `label` on the value does the same.

    Raises NotDrawable for an object without `data`, TooLarge beyond `limit` values.
    """
    if not hasattr(root, "data"):
        raise NotDrawable(f"A picture starts from a value with `data`, as in draw(z); this is a {type(root).__name__}.")
    values, parents, notes = _collect(root, limit)
    place = {id(value): index for index, value in enumerate(values)}
    given = {id(value): name for name, value in (names or {}).items()}
    nodes = []
    for index, value in enumerate(values):
        op, inputs = _text(value, "_op"), parents[id(value)]
        edges = _edges(value, op, inputs, place)
        label = given.get(id(value)) or _text(value, "label")
        name = label or made_name(op, [nodes[edge.parent].name for edge in edges], _data(value))
        nodes.append(Node(index, name, _data(value), getattr(value, "grad", None), op, edges, bool(label)))
        if edges and edges[-1].lost:
            notes.append(f"{name} uses one value twice, but `_prev` is a set and keeps one use; the other is dotted.")
    return Graph(tuple(nodes), tuple(dict.fromkeys(notes)), place)


def parents_of(value):
    """The parents that a value remembers: a list, or a set where the design keeps a set."""
    found = (getattr(value, name, None) for name in PARENT_NAMES)
    return next((each for each in found if isinstance(each, (tuple, list, set, frozenset))), [])


def local_derivatives(value, parents):
    """{id(parent): d(value)/d(parent)}, summed over repeated uses, by calling the value's own `_backward` alone.

    Empty where the design does not allow it.
    """
    rule = getattr(value, "_backward", None)
    arguments = _upstream_arguments(rule)
    nodes = list({id(node): node for node in (*parents, value)}.values())
    if arguments is None or not all(is_number(getattr(node, "grad", None)) for node in nodes):
        return {}
    before = [(node, node.grad, _own_attribute(node, "_backward")) for node in nodes]
    known = {id(node) for node in nodes}
    further = []  # values that a rule has no business with, and their gradients
    try:
        value.grad = 1.0
        for parent in nodes[:-1]:
            parent.grad = 0.0
            try:
                parent._backward = _pass_nothing_on  # a rule that pushes further down could reach a parent twice
            except AttributeError:
                further += [(node, node.grad) for node in parents_of(parent) if id(node) not in known]
        rule(*arguments)
        # Where a parent could not be kept from passing on, the numbers count only if it did not.
        if any(node.grad != grad for node, grad in further):
            return {}
        return {id(parent): float(parent.grad) for parent in nodes[:-1]}
    except Exception:  # the learner's code may raise anything; then the edge stays bare
        return {}
    finally:
        for node, grad in further:
            node.grad = grad
        for node, grad, own_rule in before:
            node.grad = grad
            if own_rule is not _ABSENT:
                node._backward = own_rule
            elif _own_attribute(node, "_backward") is not _ABSENT:
                del node._backward


def made_name(op, parents, data):
    """A name for a value without a label: (x1*w1) from its parents, its number if it has none; bounded in length."""
    if not parents:
        return number(data)
    for shorten in (lambda name: name, lambda name: name if len(name) < 9 else "…", lambda name: "…"):
        name = _formula(op, [shorten(parent) for parent in parents])
        if len(name) <= NAME_LENGTH:
            return name
    return f"{op or 'f'}(…)"[:NAME_LENGTH]


def number(value, signed=False):
    """A number in at most four significant digits; an array by its shape; anything else by its type."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return "array " + "×".join(str(length) for length in shape)
    try:
        plain = float(value) + 0.0  # no -0 in pictures
    except Exception:
        return "none" if value is None else type(value).__name__
    return f"{plain:+.4g}" if signed and plain else f"{plain:.4g}"


def strip(value, most=24):
    """The signs of an array's entries, row by row: ▲ above zero, ▼ below, · for zero; "" for what is no array."""
    if not isinstance(getattr(value, "shape", None), tuple) or not value.shape:
        return ""
    entries = value.ravel().tolist()[:most]
    signs = ["▲" if entry > 0 else "▼" if entry < 0 else "·" for entry in entries]
    width = value.shape[-1] or 1
    rows = ["".join(signs[start : start + width]) for start in range(0, len(signs), width)]
    return " ".join(rows) + ("…" if value.size > most else "")


def is_number(value):
    """Whether a value is a plain int or float, NumPy's float64 included."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_strange(value):
    """ "not a number" or "infinite" for such a number, "" for any other."""
    if not is_number(value) or math.isfinite(value):
        return ""
    return "not a number" if math.isnan(value) else "infinite"


# Collecting -----------------------------------------------------------------------------------------------------------


def _collect(root, limit):
    """(values with parents first, {id(value): its parents in a stable order}, notes)."""
    parents = {}

    def remembered(value):
        if len(parents) >= limit:
            raise TooLarge(
                f"This graph has more than {limit:,} values, too many for a picture. "
                "Draw the loss of one sample instead of a whole batch."
            )
        return parents.setdefault(id(value), list(parents_of(value)))

    values, cycles = _parents_first(root, remembered)
    if any(isinstance(parents_of(value), (set, frozenset)) for value in values):
        # A set's order follows memory addresses; the same graph must give the same picture.
        digests = {}
        for value in values:
            digests[id(value)] = _digest(value, sorted(digests.get(id(p), "") for p in parents[id(value)]))
            if isinstance(parents_of(value), (set, frozenset)):
                parents[id(value)].sort(key=lambda parent: digests.get(id(parent), ""))
        values, cycles = _parents_first(root, lambda value: parents[id(value)])
    for user, parent in cycles:
        parents[id(user)] = [each for each in parents[id(user)] if each is not parent]
    notes = (
        ["A value is among its own inputs: this graph has a cycle, and `backward` has no last step."] if cycles else []
    )
    return values, parents, notes


def _parents_first(root, parents):
    """(all values below `root`, parents before users; the (user, parent) pairs that close a cycle), no recursion."""
    order, cycles, done, stack, under_way = [], [], set(), [(root, iter(parents(root)))], {id(root)}
    while stack:
        value, rest = stack[-1]
        for parent in rest:
            if id(parent) in under_way:
                cycles.append((value, parent))
            elif id(parent) not in done:
                stack.append((parent, iter(parents(parent))))
                under_way.add(id(parent))
                break
        else:
            stack.pop()
            under_way.discard(id(value))
            done.add(id(value))
            order.append(value)
    return order, cycles


def _digest(value, below):
    """A text that tells values apart by what they are and came from, the label first, never by their address."""
    told = (_text(value, "_op"), repr(_data(value))[:40], repr(getattr(value, "grad", None))[:40], *below)
    return _text(value, "label") + " " + hashlib.sha1("|".join(told).encode()).hexdigest()


def _data(value):
    return getattr(value, "data", value)  # some designs keep a plain number among the parents


def _text(value, name):
    found = getattr(value, name, "")
    return found.strip() if isinstance(found, str) else ""


# Edges and names ------------------------------------------------------------------------------------------------------

_ABSENT = object()


def _pass_nothing_on(*_):
    return None


def _own_attribute(node, name):
    """An attribute of the object itself, in its dict or in a slot, and not one that its class gives to all."""
    if name in getattr(node, "__dict__", ()):
        return node.__dict__[name]
    if inspect.ismemberdescriptor(inspect.getattr_static(type(node), name, None)):
        return getattr(node, name, _ABSENT)
    return _ABSENT


def _upstream_arguments(rule):
    """What to call a `_backward` with: nothing, or the upstream gradient 1; None if it is no such function."""
    code = getattr(rule, "__code__", None)
    if code is None:
        return None
    wanted = code.co_argcount - len(rule.__defaults__ or ()) - hasattr(rule, "__self__")
    return (1.0,) * wanted if wanted in (0, 1) else None


def _edges(value, op, parents, place):
    locals_ = local_derivatives(value, parents) if parents else {}
    ids = [id(parent) for parent in parents]
    edges = []
    for key in ids:
        local, uses = locals_.get(key), ids.count(key)
        if uses > 1 and op in ("+", "*") and local is not None:
            local, uses = local / uses, 1  # x + x and x * x treat both uses alike
        edges.append(Edge(place[key], local, uses))
    if len(edges) == 1 and isinstance(parents_of(value), (set, frozenset)):
        local = edges[0].local
        if _a_use_is_lost(op, _data(value), _data(parents[0]), local):
            half = None if local is None else local / 2
            edges = [Edge(edges[0].parent, half), Edge(edges[0].parent, half, lost=True)]
    return tuple(edges)


def _a_use_is_lost(op, result, data, local):
    """Whether a sum or product with one parent is really x + x or x * x, and not x with a plain number."""
    if op not in ("+", "*") or not (is_number(result) and is_number(data)):
        return False
    twice, local_of_both, local_of_one = (data + data, 2.0, 1.0) if op == "+" else (data * data, 2 * data, data)
    one_use = local is not None and math.isclose(local, local_of_one) and not math.isclose(local, local_of_both)
    return math.isclose(result, twice, abs_tol=1e-300) and not one_use


def _formula(op, parents):
    """The text of one operation: (a+b), (a**2), (2**a), tanh(a)."""
    if op[:1].isalpha() or not op:
        bare = len(parents) == 1 and parents[0].startswith("(") and parents[0].endswith(")")
        return f"{op or 'f'}{parents[0] if bare else '(' + ', '.join(parents) + ')'}"
    if len(parents) > 1:
        return f"({op.join(parents)})"
    return f"({op}{parents[0]})" if op[-1] in "+-*/" else f"({parents[0]}{op})"
