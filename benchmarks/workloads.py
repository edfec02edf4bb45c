"""The scalar workloads, written as a learner would write them: every engine runs the same source.

An engine needs Value(number), + and * (also with plain numbers), unary minus, relu, .data, .grad and .backward().
"""

import math
import random
from itertools import pairwise


def program(operations=100_000, leaves=1000, seed=0):
    """Numbers of the leaves, random (is_product, i, j) steps on all that came before, and what is left unused."""
    rng = random.Random(seed)
    numbers = [rng.uniform(-0.9, 0.9) for _ in range(leaves)]
    start = numbers[:]
    unused = set(range(leaves + operations))
    steps = []
    while len(steps) < operations:
        i, j, is_product = rng.randrange(len(numbers)), rng.randrange(len(numbers)), rng.random() < 0.5
        result = numbers[i] * numbers[j] if is_product else numbers[i] + numbers[j]
        if abs(result) <= 4:  # so that 100,000 steps do not run away
            steps.append((is_product, i, j))
            numbers.append(result)
            unused -= {i, j}
    return start, steps, sorted(unused)


def random_graph(value, program):
    """The root and the leaves of a program; the unused values are summed in a balanced tree, so that all matter."""
    start, steps, unused = program
    leaves = [value(number) for number in start]
    values = leaves[:]
    for is_product, i, j in steps:
        values.append(values[i] * values[j] if is_product else values[i] + values[j])
    layer = [values[k] for k in unused]
    while len(layer) > 1:
        odd = layer[-1:] if len(layer) % 2 else []
        layer = [layer[k] + layer[k + 1] for k in range(0, len(layer) - 1, 2)] + odd
    return layer[0], leaves


def fan_in(value, count=100_000):
    """The sum of many leaves, in rows of 500 so that engines which call themselves survive it."""
    leaves = [value(0.5) for _ in range(count)]
    rows = [_sum(leaves[k : k + 500]) for k in range(0, count, 500)]
    return _sum(rows), leaves


def chain(value, length):
    """A chain of + and *, and one leaf that it uses at every second link."""
    shift, scale = value(1e-6), value(0.9999999)
    result = value(1.0)
    for _ in range(length // 2):
        result = (result + shift) * scale
    return result, shift


def wide_graph(value, operations):
    """Chains of 400 operations, summed in a balanced tree: what a deep network's graph looks like to memory."""
    weight = value(0.5)
    rows = []
    for _ in range(operations // 400):
        result = value(0.25)
        for _ in range(200):
            result = (result + weight) * weight
        rows.append(result)
    while len(rows) > 1:
        odd = rows[-1:] if len(rows) % 2 else []
        rows = [rows[k] + rows[k + 1] for k in range(0, len(rows) - 1, 2)] + odd
    return rows[0]


# micrograd's demo: two half moons, a network 2-16-16-1, the largest-margin loss, a little decay -----------------------


def moons(count=100, noise=0.1, seed=1):
    """Points of two interleaved half circles, and their labels -1 and 1."""
    rng = random.Random(seed)
    points, labels = [], []
    for k in range(count):
        angle = math.pi * rng.random()
        x, y = (math.cos(angle), math.sin(angle)) if k % 2 else (1 - math.cos(angle), 0.5 - math.sin(angle))
        points.append((x + rng.gauss(0, noise), y + rng.gauss(0, noise)))
        labels.append(1.0 if k % 2 else -1.0)
    return points, labels


def start_numbers(sizes=(2, 16, 16, 1), seed=2):
    """Weights (layer, neuron, input) and biases (layer, neuron) to start from."""
    rng = random.Random(seed)
    weights = [[[rng.uniform(-1, 1) for _ in range(n)] for _ in range(m)] for n, m in pairwise(sizes)]
    return weights, [[0.0] * m for m in sizes[1:]]


def network(value, numbers):
    """Layers of (weights, bias) neurons, and all parameters in one list."""
    layers = [[([value(w) for w in ws], value(b)) for ws, b in zip(weights, biases, strict=True)]
              for weights, biases in zip(*numbers, strict=True)]  # fmt: skip
    return layers, [parameter for layer in layers for weights, bias in layer for parameter in (*weights, bias)]


def demo_loss(value, layers, parameters, points, labels):
    """The loss in plain + and *: 66,000 operations for 100 points."""
    losses = []
    for point, label in zip(points, labels, strict=True):
        activations = [value(x) for x in point]
        for layer in layers:
            sums = [sum((w * x for w, x in zip(weights, activations)), bias) for weights, bias in layer]  # noqa: B905
            activations = [s.relu() for s in sums] if layer is not layers[-1] else sums
        losses.append((1 + -label * activations[0]).relu())
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)


def fused_demo_loss(engine, layers, parameters, points, labels):
    """The same loss with further/fused's dot and total."""
    rows = [[(engine.Row(weights), bias) for weights, bias in layer] for layer in layers]
    losses = []
    for point, label in zip(points, labels, strict=True):
        activations = engine.Row([engine.Value(x) for x in point])
        for layer in rows[:-1]:
            activations = engine.Row([engine.dot(weights, activations, bias).relu() for weights, bias in layer])
        ((weights, bias),) = rows[-1]
        losses.append((1 + -label * engine.dot(weights, activations, bias)).relu())
    everything = engine.Row(parameters)
    decay = engine.dot(everything, everything, engine.Value(0.0))
    return engine.total(losses) * (1.0 / len(losses)) + 1e-4 * decay


def epoch(loss_of, parameters, backward, cleared=0.0, step=0.05):
    """One step of gradient descent; the loss before it."""
    loss = loss_of()
    for parameter in parameters:
        parameter.grad = cleared
    backward(loss)
    for parameter in parameters:
        parameter.data -= step * parameter.grad
    return loss


def _sum(values):
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
