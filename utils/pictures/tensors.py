"""The trace of a program of tensors, for the same page: shapes, entries as a strip, and which axis is summed.

What one operation sends back is asked of the candidate itself: it runs again on fresh tensors, and goes back from there
with the upstream gradient; where `backward` takes none, from the sum of the result times that gradient. It is judged by
the course's gradient checker, on the candidate's own forward pass.
"""

import math

import numpy as np

from utils.finite_difference_checker import check_gradients, numerical_gradient
from utils.pictures.graphs import Edge, Graph, Node, TooLarge, made_name, number

VERSION = 1
MOST_VALUES, MOST_ENTRIES = 60, 64
ELEMENTWISE = ("+", "-", "*", "/")


def trace_of_tensors(recording, engine="your engine"):
    """(the trace of a Recording of tensors as a dict of plain data, its Graph). Raises TooLarge beyond 60 tensors."""
    tape = recording.steps
    if len(tape) > MOST_VALUES:
        raise TooLarge(f"A page plays at most {MOST_VALUES} tensors; this program has {len(tape)}.")
    data = [np.asarray(step.value.data, dtype=float) for step in tape]
    names = []
    for step, array in zip(tape, data, strict=True):
        names.append(step.name or made_name(step.op, [names[parent] for parent in step.parents], array))
    chain, edges, back, wrong = _sent_back(recording, data, names)
    grads = [None if step.parents else getattr(step.value, "grad", None) for step in tape]
    nodes = [
        {"id": k, "name": names[k], "op": step.op, "data": _plain(data[k]), "chain": _plain(chain[k]),
         "grad": None if grads[k] is None else _plain(np.asarray(grads[k], dtype=float))}
        for k, step in enumerate(tape)
    ]  # fmt: skip
    steps = [*_forward(tape, data, names), *back]
    trace = {"trace": VERSION, "program": recording.program, "engine": engine, "nodes": nodes, "edges": edges,
             "steps": steps, "verdict": wrong or _wrong_leaf(names, edges, grads, chain)}  # fmt: skip
    graph = Graph(tuple(
        Node(k, names[k], data[k], chain[k], step.op, tuple(Edge(parent) for parent in step.parents), bool(step.name))
        for k, step in enumerate(tape)
    ))  # fmt: skip
    return trace, graph


# Backward -------------------------------------------------------------------------------------------------------------


def _sent_back(recording, data, names):
    """(the gradient of each tensor by what the operations send, the edges, the steps, the first wrong rule or None)."""
    tape, root = recording.steps, len(recording.steps) - 1
    chain = [np.zeros_like(array) for array in data]
    chain[root] = np.ones_like(data[root])
    begins = f"Backward begins at {names[root]}, a single number, whose derivative with respect to itself is 1."
    steps = [{"kind": "seed", "node": root, "answer": 1.0, "before": 0.0, "say": begins}]
    edges, touched, wrong = [], set(), None
    for user in reversed(range(len(tape))):
        for place, parent in enumerate(tape[user].parents):
            operands, upstream = [data[p] for p in tape[user].parents], chain[user]
            name = f"e{user}-{place}"
            problem = _problem(recording, tape[user], operands, place, data[user].shape)
            if problem and not wrong:
                text = f"Backward from {names[user]} through {tape[user].op} to {names[parent]}, {problem}."
                wrong = {"kind": "local", "node": parent, "edges": [name], "text": text}
            # After a wrong rule the page goes on with what should have been sent.
            ask = _measured if problem else _vjp
            sent = ask(recording, tape[user], operands, place, upstream)
            chain[parent] = chain[parent] + sent
            told, note = _words(tape[user].op, operands, place, data[user], [names[p] for p in tape[user].parents])
            edges.append({"id": name, "user": user, "parent": parent, "note": note,
                          "upstream": _plain(upstream), "product": _plain(sent)})  # fmt: skip
            where = f"Backward from {names[user]} through {tape[user].op} to {names[parent]}"
            again = f"{names[parent]} already has a gradient, so add. " if parent in touched else ""
            touched.add(parent)
            say = f"{where}: upstream is {_shape(upstream)}; {told}. {again}"
            say += f"The gradient of {names[parent]} is now {_told(chain[parent])}."
            step = {"kind": "backward", "node": parent, "edge": name, "answer": _plain(chain[parent]), "say": say}
            if data[parent].shape:
                step["ask"] = f"{where}. Upstream is {_shape(upstream)}. "
                step["ask"] += f"Which shape does the gradient of {names[parent]} have?"
            steps.append(step)
    return chain, edges, steps, wrong


def _problem(recording, step, operands, place, shape):
    """What is wrong with what an operation sends to one operand, in words; None where it is right, or has no slope."""
    # Judged by an upstream without zeros and with both signs: the real one may hide a mistake.
    probe = np.cos(np.arange(1.0, math.prod(shape) + 1)).reshape(shape)
    got, operand = _vjp(recording, step, operands, place, probe), operands[place]
    if got is None:
        return "your engine's rule fails"
    if got.shape != operand.shape:
        return f"your engine sends the shape {_shape(got)}; it should send {_shape(operand)}"
    if check_gradients(_felt(recording, step, operands, place, probe), operand, gradients=[got]).verdict != "fail":
        return None
    due = _measured(recording, step, operands, place, probe)
    return (f"your engine's rule is wrong: for the upstream gradient {_told(probe)} it sends {_told(got)}; "
            f"it should send {_told(due)}")  # fmt: skip


def _vjp(recording, step, operands, place, upstream):
    """What the candidate's operation sends to one operand for an upstream gradient; None where it cannot be asked."""
    try:
        fresh = [recording.make(array) for array in operands]
        try:
            step.apply(*fresh).backward(upstream)
        except TypeError:  # a backward that takes no gradient yet
            fresh = [recording.make(array) for array in operands]
            (step.apply(*fresh) * recording.make(upstream)).sum().backward()
        return np.asarray(fresh[place].grad, dtype=float)
    except Exception:  # the candidate may raise anything
        return None


def _measured(recording, step, operands, place, upstream):
    """The same, from nudges of the operand and the candidate's forward pass alone."""
    return np.asarray(numerical_gradient(_felt(recording, step, operands, place, upstream), operands[place])[0])


def _felt(recording, step, operands, place, upstream):
    """The function from one operand to what the output feels of the result, by this upstream gradient."""

    def felt(moved):
        arrays = [moved if k == place else array for k, array in enumerate(operands)]
        return float((np.asarray(step.apply(*map(recording.make, arrays)).data) * upstream).sum())

    return felt


def _wrong_leaf(names, edges, grads, chain):
    """The first leaf that holds another gradient than what the operations send to it, as a verdict; else None."""
    for node, (grad, due) in enumerate(zip(grads, chain, strict=True)):
        if grad is None:
            continue
        grad = np.asarray(grad, dtype=float)
        if grad.shape != due.shape or not np.allclose(grad, due, rtol=1e-5, atol=1e-9):
            text = f"The gradient of {names[node]} is {_told(grad)}; what the operations send adds up to {_told(due)}."
            arriving = [edge["id"] for edge in edges if edge["parent"] == node]
            return {"kind": "sum", "node": node, "edges": arriving, "text": text}
    return None


# Words ----------------------------------------------------------------------------------------------------------------


def _forward(tape, data, names):
    for k, step in enumerate(tape):
        if not step.parents:
            yield {"kind": "forward", "node": k, "say": f"Forward: {_named(names[k], data[k])} is an input."}
            continue
        inputs = " and ".join(f"{names[parent]} ({_shape(data[parent])})" for parent in step.parents)
        repeated = ""
        if step.op in ELEMENTWISE:
            for parent in step.parents:
                axes = _repeated(data[parent].shape, data[k].shape)
                if axes:
                    repeated += f" To fit, {names[parent]} is repeated along {_axes(axes)}."
        say = f"Forward: {step.op} takes {inputs} and gives {_named(names[k], data[k])}.{repeated}"
        yield {"kind": "forward", "node": k, "answer": _plain(data[k]), "say": say}


def _words(op, operands, place, result, names):
    """(what happens to the upstream on its way to an operand, the same in a few words for the arrow)."""
    mine, shape = names[place], operands[place].shape
    if op == "@":
        other = names[1 - place]
        return (f"{mine} gets upstream @ {other} transposed", f"@ {other}.T") if place == 0 else (
            f"{mine} gets {other} transposed @ upstream", f"{other}.T @")  # fmt: skip
    if op in ELEMENTWISE and (axes := _repeated(shape, result.shape)):
        times = "" if op == "+" else "times the local derivatives "
        return (f"{mine} was repeated along {_axes(axes)}, so {times}it is summed over {_axes(axes)}",
                f"sum over {_axes(axes)}")  # fmt: skip
    if op.split()[0] in ("sum", "mean"):
        share = "" if op.startswith("sum") else f", divided by {operands[place].size // max(1, result.size)}"
        return f"each entry gets the upstream of the sum that it went into{share}", "repeat" + share
    if op == "+":
        return "it is passed on as it is", "× 1"
    if op.split()[0] in ("softmax", "log_softmax", "max"):
        return f"it goes back by the rule of {op.split()[0]}", f"{op.split()[0]}'s rule"
    return "it is multiplied by the local derivatives, entry by entry", "× local"


def _repeated(shape, result):
    """The axes of the result along which an operand of this shape was repeated."""
    padded = (1,) * (len(result) - len(shape)) + tuple(shape)
    return [axis for axis, (own, full) in enumerate(zip(padded, result, strict=True))
            if axis < len(result) - len(shape) or own < full]  # fmt: skip


def _axes(axes):
    return f"axis {axes[0]}" if len(axes) == 1 else "axes " + " and ".join(map(str, axes))


def _shape(array):
    return "×".join(map(str, array.shape)) or "a single number"


def _named(name, array):
    """A tensor in words: h (2×3) = [1, 2, 3; 4, 5, 6]."""
    return f"{name} ({_shape(array)}) = {_told(array)}" if array.shape else f"{name} = {_told(array)}"


def _told(array):
    """The entries of an array, row by row: [1, 2, 3; 4, 5, 6]."""
    if not array.shape:
        return number(float(array))
    rows = array.reshape(-1, array.shape[-1])[:4]
    text = "; ".join(", ".join(number(entry) for entry in row[:6]) + (", …" if len(row) > 6 else "") for row in rows)
    return f"[{text}" + ("; …]" if len(rows) * array.shape[-1] < array.size else "]")


# Plain data -----------------------------------------------------------------------------------------------------------


def _plain(array):
    """A number, or the shape of an array with its first entries."""
    if not array.shape:
        return float(array)
    entries = array.ravel().tolist()
    return {"shape": list(array.shape), "values": entries[:MOST_ENTRIES], "more": len(entries) > MOST_ENTRIES}


def leaf_of(tensor_class):
    """What makes a leaf that wants a gradient, from nested lists."""
    return lambda data: tensor_class(np.array(data, dtype=float), requires_grad=True)
