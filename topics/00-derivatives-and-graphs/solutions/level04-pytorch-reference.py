"""Level 4, the PyTorch reference: the same names, with every slope taken from torch.autograd.grad.

What changed   no local derivative stands in this file: each operation is PyTorch's, in float64, and PyTorch says how
               it is differentiated. A sum over paths is one call of torch.autograd.grad.
What it buys   an oracle that shares no line with the levels below. Run this file to see the worked example:
               z = 8, dz/dx = 4, dz/dy = 2.
What it costs  torch, some hundreds of megabytes to install. On scalars it is slow: each number is a tensor of its own.
"""

import torch

OPERATIONS = {"+": torch.add, "-": torch.sub, "*": torch.mul, "neg": torch.neg, "exp": torch.exp}


def nudge(f, x, step):
    return f(x + step) - f(x)


def slope(f, x, step=1e-6):
    return nudge(f, x, step) / step


def evaluate(graph):
    return {name: tensor.item() for name, tensor in tensors(graph).items()}


def slopes(graph, output, step=1e-6):
    gradients = reverse_sweep(graph, output)
    return {name: gradients[name] for name, line in graph.items() if not isinstance(line, tuple)}


def local_derivatives(graph, values, name):
    line = graph[name]
    if not isinstance(line, tuple):
        return []
    # A fresh tensor for each position: with one tensor for a parent that stands there twice, the two would be added.
    parents = [leaf(values[parent]) for parent in line[1:]]
    return [number.item() for number in torch.autograd.grad(OPERATIONS[line[0]](*parents), parents)]


def paths(graph, values, output, source):
    # PyTorch never lists paths; only their sum exists there. The walk is Python, the local derivatives are PyTorch's.
    if output == source:
        yield []
        return
    for local, parent in zip(local_derivatives(graph, values, output), parents_of(graph[output]), strict=True):
        for rest in paths(graph, values, parent, source):
            yield [local, *rest]


def sum_over_paths(graph, output, source):
    return reverse_sweep(graph, output)[source]


def reverse_sweep(graph, output):
    nodes = tensors(graph)
    # Without materialize_grads PyTorch answers None for a name that the output does not depend on, and raises before
    # that unless allow_unused is set; with it the answer is 0.
    gradients = torch.autograd.grad(nodes[output], list(nodes.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient.item() for name, gradient in zip(nodes, gradients, strict=True)}


def count_paths(graph, output):
    # The sum of the parents has local derivative 1 at each of them, so a gradient is a number of paths.
    nodes = {}
    for name, line in graph.items():
        parents = parents_of(line)
        nodes[name] = sum((nodes[parent] for parent in parents[1:]), nodes[parents[0]] * 1) if parents else leaf(0.0)
    counts = torch.autograd.grad(nodes[output], list(nodes.values()), allow_unused=True, materialize_grads=True)
    return {name: int(count.item()) for name, count in zip(nodes, counts, strict=True)}


def tensors(graph):
    """One float64 tensor for each name, computed by PyTorch, which remembers how."""
    nodes = {}
    for name, line in graph.items():
        parents = [nodes[parent] for parent in parents_of(line)]
        nodes[name] = OPERATIONS[line[0]](*parents) if parents else leaf(line)
    return nodes


def leaf(number):
    return torch.tensor(number, dtype=torch.float64, requires_grad=True)


def parents_of(line):
    return line[1:] if isinstance(line, tuple) else ()


if __name__ == "__main__":
    graph = {"x": 2.0, "y": 3.0, "p": ("*", "x", "y"), "z": ("+", "p", "x")}
    gradients = reverse_sweep(graph, "z")
    print(f"z = {evaluate(graph)['z']:g}, dz/dx = {gradients['x']:g}, dz/dy = {gradients['y']:g}")
