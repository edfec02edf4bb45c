"""Fold a large graph into few boxes that still tell how it is built."""

import math
from dataclasses import replace
from graphlib import TopologicalSorter

from utils.pictures.graphs import Edge, Graph, Node

LINEAR = ("+", "*", "-")


def fold(graph, scopes=None, boxes=60):
    """A Graph of boxes: by scope where scopes are given, else by use, else by distance from the inputs.

    `scopes` maps a name to the indices of the values that leave the scope, from the inputs onward; what leads to them
    and is in no earlier scope belongs to it.
    """
    count = f"{len(graph.nodes):,} values"
    if scopes:
        return _merged(graph, _by_scope(graph, scopes), f"{count}; a box is a scope.")
    groups = _by_use(graph)
    if 3 < len(set(groups)) <= boxes:
        return _merged(graph, groups, f"{count}; a box holds a value and the sums and products that only it uses.")
    return _merged(graph, _by_distance(graph), f"{count}; a box holds those equally many operations from the inputs.")


def _by_use(graph):
    """Each node's group: its only user's where that is a plain step of the way, else its own."""
    users = [[] for _ in graph.nodes]
    for node in graph.nodes:
        for edge in node.edges:
            users[edge.parent].append(node.index)
    groups = list(range(len(graph.nodes)))
    for node in reversed(graph.nodes):
        foldable = node.op in LINEAR or node.op.startswith("**") or not node.edges
        if foldable and len(users[node.index]) == 1:
            groups[node.index] = groups[users[node.index][0]]
    return groups


def _by_scope(graph, scopes):
    groups = [None] * len(graph.nodes)
    for name, leaving in scopes.items():
        stack = [index for index in leaving if groups[index] is None]
        while stack:
            index = stack.pop()
            if groups[index] is None:
                groups[index] = name
                stack += [edge.parent for edge in graph.nodes[index].edges]
    return [name or "rest" for name in groups]


def distances(graph):
    """How many operations each node lies behind the inputs; an input stands one before its first user."""
    distance = []
    for node in graph.nodes:
        distance.append(max((distance[edge.parent] + 1 for edge in node.edges), default=0))
    for node in reversed(graph.nodes):
        for edge in node.edges:
            if not graph.nodes[edge.parent].edges:
                near = distance[node.index] - 1
                distance[edge.parent] = min(near, distance[edge.parent] or near)
    return distance


def total_length(graph):
    """The length of all arrows together, in operations: what makes a picture slow to lay out and hard to read."""
    distance = distances(graph)
    return sum(distance[node.index] - distance[edge.parent] for node in graph.nodes for edge in node.edges)


def _by_distance(graph, bands=12):
    distance = distances(graph)
    farthest = max(distance)
    width = math.ceil((farthest + 1) / bands)
    firsts = [steps // width * width for steps in distance]
    if width == 1:
        return [f"step {first}" for first in firsts]
    return [f"steps {first} to {min(first + width - 1, farthest)}" for first in firsts]


def _merged(graph, groups, note):
    """The graph of the groups. A group with one value that others use shows that value's number and gradient."""
    members, outputs, inputs = {}, {groups[-1]: {graph.root.index: True}}, {}
    for node, group in zip(graph.nodes, groups, strict=True):
        members.setdefault(group, []).append(node)
        inputs.setdefault(group, {})
        for edge in node.edges:
            if groups[edge.parent] != group:
                outputs.setdefault(groups[edge.parent], {})[edge.parent] = True
                inputs[group][groups[edge.parent]] = True
    order = list(TopologicalSorter(inputs).static_order())
    place = {group: index for index, group in enumerate(order)}
    boxes = []
    for group in order:
        shown = graph.nodes[next(iter(outputs[group]))] if len(outputs[group]) == 1 else None
        edges = tuple(Edge(place[parent]) for parent in inputs[group])
        if len(members[group]) == 1:
            boxes.append(replace(members[group][0], index=place[group], edges=edges))
        elif isinstance(group, str) or not shown:
            boxes.append(Node(place[group], str(group), getattr(shown, "data", None), getattr(shown, "grad", None),
                              edges=edges, labeled=True, count=len(members[group])))  # fmt: skip
        else:
            boxes.append(replace(shown, index=place[group], edges=edges, count=len(members[group])))
    return Graph(tuple(boxes), (f"Folded: {note}", *graph.notes))
