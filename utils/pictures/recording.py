"""Run a small program on any candidate and keep every operation, whatever the candidate itself remembers.

The program's values are wrapped. The wrapper passes each public operator on to the candidate's own value and notes what
went in and what came out, so designs without `_prev` or `_backward` can be drawn and stepped through as well.
"""

import operator
import re
from dataclasses import dataclass

from utils.course.expressions import ARRAY_FUNCTIONS, FUNCTIONS, NotAnExpression, names, run
from utils.pictures.graphs import Edge, Graph, Node, made_name, number

NOT_OFFERED = re.compile("unsupported operand|bad operand|has no attribute|not supported between")


class NotOffered(Exception):
    """The candidate does not offer an operation of the program, or it raised in it; the text says which."""


@dataclass(frozen=True)
class Step:
    """One operation: `apply` takes the values of `parents` (places on the tape) and gave `value`."""

    op: str
    apply: object
    parents: tuple
    value: object
    name: str = ""


@dataclass(frozen=True)
class Recording:
    """The tape of a program: inputs first as steps without an `apply`, the result last."""

    program: str
    steps: tuple
    make: object  # the candidate's class, or what makes a leaf of it
    arrays: bool = False  # are its values tensors?

    @property
    def root(self):
        return self.steps[-1].value


def record(value_class, program, inputs, arrays=False):
    """The Recording of a program on `value_class`, with `inputs` as a dict of plain numbers.

    With `arrays` the class is a tensor's, inputs are nested lists, and the program ends in a single number. Raises
    NotAnExpression for what is no such program, NotOffered for what the candidate cannot do.
    """
    if arrays:
        from utils.pictures.tensors import leaf_of

        value_class = leaf_of(value_class)
    used = names(program)
    for name in inputs:
        if name not in used:
            raise NotAnExpression(f"`{name}` is not in `{program}`; its names are {', '.join(used) or 'none'}.")
    tape = []
    leaves = {}
    for name in used:
        if name in inputs:
            leaves[name] = _Wrapped(tape, Step("", None, (), _made(value_class, inputs[name]), name))
    result, scope = run(program, leaves, arrays)
    if not isinstance(result, _Wrapped):
        raise NotAnExpression(f"`{program}` uses no name, so there is nothing to differentiate; write a*b + a.")
    named = {}
    for name, wrapped in scope.items():
        if isinstance(wrapped, _Wrapped):
            named.setdefault(wrapped.place, name)
    # What does not lead to the result is not part of its graph.
    needed, kept = {result.place}, {}
    for place in reversed(range(result.place + 1)):
        if place in needed:
            needed.update(tape[place].parents)
    for place in sorted(needed):
        step = tape[place]
        kept[place] = len(kept), Step(step.op, step.apply, tuple(kept[p][0] for p in step.parents), step.value,
                                      named.get(place, ""))  # fmt: skip
    recording = Recording(program, tuple(step for _, step in kept.values()), value_class, arrays)
    if arrays and recording.root.data.size != 1:
        raise NotAnExpression(f"`{program}` gives several numbers; let it end in one, as in sum(x * y).")
    return recording


def graph_of(recording):
    """The Graph of a Recording, with the candidate's numbers and gradients as they are now.

    The local derivatives are the candidate's own: each operation is run again, alone, on fresh values.
    """
    if recording.arrays:
        from utils.pictures.tensors import trace_of_tensors

        return trace_of_tensors(recording)[1]
    grads = [getattr(step.value, "grad", None) for step in recording.steps]
    nodes = []
    for index, step in enumerate(recording.steps):
        locals_ = own_locals(recording, index)
        edges = tuple(Edge(parent, local) for parent, local in zip(step.parents, locals_, strict=True))
        data = getattr(step.value, "data", step.value)
        name = step.name or made_name(step.op, [nodes[parent].name for parent in step.parents], data)
        nodes.append(Node(index, name, data, grads[index], step.op, edges, bool(step.name)))
    for step, grad in zip(recording.steps, grads, strict=True):
        if hasattr(step.value, "grad"):
            step.value.grad = grad  # an engine with one tape for all values has felt the runs
    return Graph(tuple(nodes))


def own_locals(recording, index):
    """d(result)/d(operand) of one operation for each operand, as the candidate's own `backward` finds it.

    Each operand is a fresh value, so that a use more or less elsewhere cannot be felt. None for what it cannot do.
    """
    step = recording.steps[index]
    if not step.parents:
        return ()
    try:
        fresh = [recording.make(recording.steps[parent].value.data) for parent in step.parents]
        step.apply(*fresh).backward()
        return tuple(float(value.grad) for value in fresh)
    except Exception:  # the candidate may raise anything; then the edge stays bare
        return (None,) * len(step.parents)


def _made(value_class, data):
    try:
        return value_class(data)
    except NotImplementedError:
        raise NotOffered("Value is not written yet.") from None


class _Wrapped:
    """A candidate's value that notes every operation done with it."""

    def __init__(self, tape, step):
        self.tape, self.place = tape, len(tape)
        tape.append(step)

    def _record(self, op, apply, *others):
        values = [self.tape[wrapped.place].value for wrapped in (self, *others)]
        try:
            value = apply(*values)
        except Exception as error:
            if isinstance(error, NotImplementedError) or NOT_OFFERED.search(str(error)):
                raise NotOffered(f"Your engine has no {op} yet.") from error
            shown = ", ".join(number(getattr(value, "data", value)) for value in values)
            raise NotOffered(f"Your engine raised {type(error).__name__} in {op} at {shown}: {error}") from error
        if not hasattr(value, "data"):
            raise NotOffered(f"Your engine's {op} gave a {type(value).__name__}, which has no `data`.")
        return _Wrapped(self.tape, Step(op, apply, tuple(wrapped.place for wrapped in (self, *others)), value))


def _binary(sign, function):
    def forward(self, other):
        if isinstance(other, _Wrapped):
            return self._record(sign, function, other)
        return self._record(f"{sign}{number(other)}", lambda value: function(value, other))

    def reflected(self, other):
        return self._record(f"{number(other)}{sign}", lambda value: function(other, value))

    return forward, reflected


for _name, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("pow", "**"), ("matmul", "@")):
    _forward, _reflected = _binary(_sign, getattr(operator, _name))
    setattr(_Wrapped, f"__{_name}__", _forward)
    setattr(_Wrapped, f"__r{_name}__", _reflected)
_Wrapped.__neg__ = lambda self: self._record("-", operator.neg)
for _name in ARRAY_FUNCTIONS:
    setattr(_Wrapped, _name, lambda self, name=_name, **options: self._record(
        " ".join([name, *(f"{option} {value}" for option, value in options.items())]),
        operator.methodcaller(name, **options)))  # fmt: skip
for _name in FUNCTIONS:
    setattr(_Wrapped, _name, lambda self, name=_name: self._record(name, operator.methodcaller(name)))
