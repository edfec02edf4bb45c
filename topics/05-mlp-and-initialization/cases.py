"""What the grader asks of a submission: networks of random sizes and weights, as Values and as matrices."""

import random
from itertools import pairwise

import numpy as np

from utils.grading.cases import case, number_of, refuses

ACTIVATIONS = ("tanh", "relu")


def told(network, x, draw):
    """What a network of Values says, and the gradients of its parameters along random directions."""
    out = network(x)
    out = out if isinstance(out, list) else [out]
    total = out[0] * out[0]
    for one in out[1:]:
        total = total + one * one
    total.backward()
    parameters = network.parameters()
    said = [number_of(one.data) for one in out]
    slopes, numbers = [number_of(p.grad) for p in parameters], [number_of(p.data) for p in parameters]
    return [*said, float(len(parameters)), *draw.along(slopes), *draw.along(numbers)]


def dice(draw):
    return random.Random(draw.integer(0, 10**9))


def matrices(draw, *widths):
    return [(draw.array(n, m, scale=0.7), draw.array(m, scale=0.3)) for n, m in pairwise(widths)]


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "Neuron")
def neurons(candidate, draw):
    answers = [told(candidate.Neuron(n, kind, dice(draw)), draw.numbers(n), draw)
               for n, kind in ((1, "tanh"), (3, "relu"), (4, "linear"))]  # fmt: skip
    neuron = candidate.Neuron(3, "tanh", dice(draw))
    return [*answers, refuses(ValueError, lambda: neuron(draw.numbers(2)))]


@case(1, "Layer")
def layers(candidate, draw):
    return [told(candidate.Layer(n, m, kind, dice(draw)), draw.numbers(n), draw)
            for n, m, kind in ((2, 3, "tanh"), (3, 1, "linear"), (2, 4, "relu"))]  # fmt: skip


@case(1, "MLP")
def networks(candidate, draw):
    return [told(candidate.MLP(n, sizes, kind, dice(draw)), draw.numbers(n), draw)
            for n, sizes, kind in ((3, [4, 1], "tanh"), (2, [3, 3, 2], "relu"))]  # fmt: skip


@case(1, "one_hidden_node")
def one_hidden_node_by_hand(candidate, draw):
    answers = []
    for _ in range(4):
        prediction, loss, gradients = candidate.one_hidden_node(draw.numbers(2), draw.number(), draw.numbers(5))
        answers += [number_of(prediction), number_of(loss), *draw.along(gradients)]
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "forward")
def layers_are_matrices(candidate, draw):
    answers = []
    for inputs, sizes in ((3, [4, 1]), (2, [3, 3, 2])):
        count = sum((n + 1) * m for n, m in zip([inputs, *sizes], sizes, strict=False))
        numbers = draw.numbers(count)
        for w, b in candidate.as_matrices(numbers, inputs, sizes):
            answers += [draw.along(w), draw.along(b)]
        answers.append(refuses(ValueError, lambda n=numbers, i=inputs, s=sizes: candidate.as_matrices(n[1:], i, s)))
    for kind in ACTIVATIONS:
        x, layers = draw.array(6, 3), matrices(draw, 3, 5, 4, 2)
        kept = x.copy()
        answers += [draw.along(candidate.forward(x, layers, kind)), float((x == kept).all())]
        answers.append(draw.along(candidate.forward([[1, 2, 3], [0, -1, 1]], matrices(draw, 3, 3), kind)))
    return answers


@case(2, "init_weights")
def weights_are_drawn_as_wide_as_they_should(candidate, draw):
    answers = []
    for scheme in ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "pytorch"):
        inputs, outputs = draw.integer(60, 90), draw.integer(160, 190)
        # The same numbers may be drawn in more ways than one; their spread is what the scheme says.
        w = candidate.init_weights(inputs, outputs, scheme, np.random.default_rng(draw.integer(0, 10**9)))
        variance = {"x": 2 / (inputs + outputs), "h": 2 / inputs, "p": 1 / (3 * inputs)}[scheme[0]]
        answers += [*map(float, w.shape), float(abs(np.array(w).std() / variance**0.5 - 1) < 0.08)]
        answers.append(float(np.unique(w).size == inputs * outputs))
        bounded = float(np.abs(w).max()) <= (3 * variance) ** 0.5 * 1.0001
        answers.append(float(bounded == (not scheme.endswith("normal"))))
    unknown = refuses(ValueError, lambda: candidate.init_weights(2, 2, "zeros", np.random.default_rng(0)))
    same = [candidate.init_weights(4, 3, "he_normal", np.random.default_rng(7)) for _ in range(2)]
    rng = np.random.default_rng(7)
    other = [candidate.init_weights(4, 3, "he_normal", rng) for _ in range(2)]
    equal = [float((np.array(a) == np.array(b)).all()) for a, b in (same, other, (same[0], other[0]))]
    return [*answers, unknown, *equal]


@case(2, "activation_statistics")
def statistics_of_deep_networks(candidate, draw):
    answers = []
    for kind in ACTIVATIONS:
        layers = matrices(draw, 6, 12, 12, 12, 2)
        layers[0][1][:3] -= 50.0  # three units that no example wakes
        found = candidate.activation_statistics(draw.array(3, 6), layers, kind)
        answers += [[number_of(part) for part in layer] for layer in found]
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "Inference", room=1.1)
def inference_in_two_buffers(candidate, draw):
    # Two buffers of 16 MB each: level 3 grows by 55 MB, new arrays for each layer make it 68.
    layers = matrices(draw, 20, 250, 250, 250, 5)
    run = candidate.Inference(layers, 8000, "relu")
    x = draw.array(8000, 20)
    first = run(x)
    kept = first.copy()
    second = run(draw.array(100, 20))
    return [draw.along(first), draw.along(second), float((first == kept).all()),
            refuses(ValueError, lambda: run(draw.array(8001, 20)))]  # fmt: skip


@case(3, "Inference")
def inference_says_what_forward_says(candidate, draw):
    answers = []
    for kind in ACTIVATIONS:
        layers = matrices(draw, 4, 4, 3, 6, 2)
        run = candidate.Inference(layers, 9, kind)
        for size in (9, 1, 5):
            x = draw.array(size, 4)
            kept = x.copy()
            answers += [draw.along(run(x)), float((x == kept).all())]
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "forward")
def wide_networks(candidate, draw):
    layers = matrices(draw, 10, 30, 30, 30, 4)
    x = draw.array(50, 10)
    return [draw.along(candidate.forward(x, layers, kind)) for kind in ACTIVATIONS] + [
        draw.along(candidate.Inference(layers, 50, "tanh")(x))
    ]
