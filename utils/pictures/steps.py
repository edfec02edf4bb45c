"""A trace of forward and backward, step by step on the candidate's own engine, and the page that plays it.

Each local derivative is taken by running one operation's backward alone. Multiplied and added up by the chain rule they
must give the gradients that the whole `backward` left; where they do not, the first such place is named.

The trace is JSON (version 1):
    nodes    id, name, op, data, grad (the engine's, null if it has none), chain (by the chain rule from the locals)
    edges    id, user, parent, local (used), own (the engine's), exact, upstream, product
    steps    kind forward, seed or backward; node; edge; say (what happens); ask (a question); answer; before
    verdict  null, or kind, node, edges, text: the first place where engine and chain rule disagree
In a trace of tensors (tensors.py) data, grad, chain, upstream, product and answer are numbers, or objects with a shape
and the first values; an edge has a note instead of local, own and exact.
NaN and infinity are the texts "nan", "inf" and "-inf".
"""

import html
import itertools
import json
import math
import re
import textwrap
from pathlib import Path

from utils.course.expressions import Dual
from utils.drawing import NoLayout, dot_text, lay_out
from utils.pictures.graphs import TooLarge, is_number, number
from utils.pictures.recording import graph_of
from utils.pictures.verdicts import first_difference

VERSION = 1
MOST_VALUES = 200
TEMPLATE = Path(__file__).with_name("step_page.html")


def trace_of(recording, engine="your engine"):
    """(the trace of a Recording after `backward` as a dict of plain data, its Graph).

    Raises TooLarge beyond 200 values, or 60 tensors.
    """
    if recording.arrays:
        from utils.pictures.tensors import trace_of_tensors

        return trace_of_tensors(recording, engine)
    graph = graph_of(recording)
    if len(graph.nodes) > MOST_VALUES:
        raise TooLarge(f"A page plays at most {MOST_VALUES} values; this has {len(graph.nodes)}. Take a smaller part.")
    nodes = [
        {"id": node.index, "name": node.name, "op": node.op, "data": node.data,
         "grad": node.grad if is_number(node.grad) else None, "chain": 0.0}
        for node in graph.nodes
    ]  # fmt: skip
    edges = []
    for node in graph.nodes:
        truth = _exact_locals(recording, node)
        for place, (edge, exact) in enumerate(zip(node.edges, truth, strict=True)):
            edges.append({"id": f"e{node.index}-{place}", "user": node.index, "parent": edge.parent,
                          "local": exact if edge.local is None else edge.local, "own": edge.local, "exact": exact,
                          "upstream": None, "product": None})  # fmt: skip
    steps = [*_forward_steps(graph), *_backward_steps(graph, nodes, edges)]
    trace = {"trace": VERSION, "program": recording.program, "engine": engine,
             "nodes": nodes, "edges": edges, "steps": steps}  # fmt: skip
    trace["verdict"] = first_difference(trace, [_exact_data(recording, node) for node in graph.nodes])
    return trace, graph


def trace_text(trace):
    """The trace as JSON text."""
    return json.dumps(_plain(trace), ensure_ascii=False, allow_nan=False)


def page(trace, graph, *, title="", look=""):
    """One HTML file that plays the trace, with nothing to load from anywhere; `look` says what to watch."""
    rows = "\n".join(f"<li>{html.escape(step['say'])}</li>" for step in trace["steps"])
    parts = {
        "TITLE": html.escape(title or textwrap.shorten(trace["program"], 100, placeholder=" …")),
        "LOOK": f"<p>{html.escape(look)}</p>\n<p><code>{html.escape(trace['program'])}</code></p>" if look else "",
        "ENGINE": html.escape(trace["engine"]),
        "PICTURE": _picture(trace, graph),
        "STEPS": rows,
        "TRACE": trace_text(trace).replace("<", "\\u003c"),
    }
    return re.sub(r"__([A-Z]+)__", lambda match: parts[match[1]], TEMPLATE.read_text(encoding="utf-8"))


# The steps ------------------------------------------------------------------------------------------------------------


def _forward_steps(graph):
    for node in graph.nodes:
        inputs = " and ".join(
            f"{graph.nodes[e.parent].name} = {number(graph.nodes[e.parent].data)}" for e in node.edges
        )
        if not node.edges:
            yield {
                "kind": "forward",
                "node": node.index,
                "say": f"Forward: {node.name} = {number(node.data)} is an input.",
            }
            continue
        yield {
            "kind": "forward", "node": node.index, "answer": node.data,
            "say": f"Forward: {node.op} takes {inputs} and gives {node.name} = {number(node.data)}.",
            "ask": f"Forward: {node.op} takes {inputs}. What does it give?",
        }  # fmt: skip


def _backward_steps(graph, nodes, edges):
    """The seed, then each edge after all that arrives at its user; fills in chain, upstream and product."""
    root = graph.root
    nodes[-1]["chain"] = 1.0
    yield {"kind": "seed", "node": root.index, "answer": 1.0, "before": 0.0,
           "say": f"Backward begins at {root.name}, whose derivative with respect to itself is 1. Its gradient is 1.",
           "ask": f"Backward begins at {root.name}. What is its derivative with respect to itself?"}  # fmt: skip
    waiting = [0] * len(nodes)
    for edge in edges:
        waiting[edge["parent"]] += 1
    seen = [0] * len(nodes)
    of_user = {user: list(group) for user, group in itertools.groupby(edges, key=lambda edge: edge["user"])}
    for node in reversed(graph.nodes):
        for edge in of_user.get(node.index, ()):
            parent, before = nodes[edge["parent"]], nodes[edge["parent"]]["chain"]
            if edge["local"] is None:
                edge["local"] = math.nan
            edge["upstream"] = nodes[node.index]["chain"]
            edge["product"] = edge["upstream"] * edge["local"]
            parent["chain"] = before + edge["product"]
            seen[parent["id"]] += 1
            upstream, local, product = (number(edge[key]) for key in ("upstream", "local", "product"))
            where = f"Backward from {node.name} through {node.op} to {parent['name']}"
            say = f"{where}: upstream {upstream} times local {_bracketed(local)} is {product}. "
            if seen[parent["id"]] == 1:
                say += f"The gradient of {parent['name']} is now {number(parent['chain'])}."
            else:
                say += (f"{parent['name']} already has {number(before)}, so add: {number(before)} + "
                        f"{_bracketed(product)} = {number(parent['chain'])}.")  # fmt: skip
            if 1 < waiting[parent["id"]] == seen[parent["id"]]:
                say += f" That was the last of its {waiting[parent['id']]} uses."
            yield {"kind": "backward", "node": parent["id"], "edge": edge["id"], "before": before,
                   "answer": parent["chain"], "say": say,
                   "ask": f"{where}. Upstream is {upstream}; {parent['name']} has {number(before)} so far. "
                          f"What is the gradient of {parent['name']} after this step?"}  # fmt: skip


def _bracketed(text):
    return f"({text})" if text.startswith("-") else text


# The truth ------------------------------------------------------------------------------------------------------------


def _exact_locals(recording, node):
    """d(result)/d(operand) of one operation for each operand, by dual numbers; None where they do not tell."""
    return tuple(_dual(recording, node, place, "slope") for place in range(len(node.edges)))


def _exact_data(recording, node):
    return _dual(recording, node, -1, "value") if node.edges else None


def _dual(recording, node, place, wanted):
    data = [float(recording.steps[edge.parent].value.data) for edge in node.edges]
    try:
        duals = [Dual(number, 1.0 if here == place else 0.0) for here, number in enumerate(data)]
        return float(getattr(recording.steps[node.index].apply(*duals), wanted))
    except (ArithmeticError, ValueError, TypeError):
        return None


# The page -------------------------------------------------------------------------------------------------------------


def _picture(trace, graph):
    """Graphviz's SVG without styles of its own, its numbers to be filled in by the page; "" without Graphviz."""
    # Each arrow gets the room for the whole product that the page writes on it.
    texts = {edge["id"]: edge.get("note") or
             f"{number(edge['upstream'])} × {_bracketed(number(edge['local']))} = {number(edge['product'])}"
             for edge in trace["edges"]}  # fmt: skip
    try:
        svg = lay_out(dot_text(graph, edge_texts=texts), "svg").decode()
    except NoLayout:
        return ""
    svg = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?", "", svg[svg.index("<svg") :], flags=re.S)
    # The template has one style for everything that is drawn.
    return re.sub(r' (fill|stroke|stroke-width|stroke-dasharray|font-family|xml:space)="[^"]*"', "", svg)


def _plain(thing):
    """The same data with NaN and infinity as texts, which JSON has no numbers for."""
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_plain(value) for value in thing]
    if isinstance(thing, float):
        return float(thing) if math.isfinite(thing) else str(float(thing))
    return thing if thing is None or isinstance(thing, (str, int)) else str(thing)
