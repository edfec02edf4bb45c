"""What the grader asks of a submission: gradients of random networks on random batches, along random directions."""

import numpy as np

from utils.grading.cases import case, number_of, refuses


def generator(draw):
    return np.random.default_rng(draw.integer(0, 10**9))


def binary(draw, *shape):
    return (draw.array(*shape) > 0).astype(float)


def manual(candidate, draw, *sizes):
    """A ManualMLP whose biases are no zeros, so that they matter."""
    network = candidate.ManualMLP(*sizes, rng=generator(draw))
    for name in ("b1", "b2", "b3"):
        setattr(network, name, draw.array(*np.shape(getattr(network, name)), scale=0.5))
    return network


def deep(candidate, draw, sizes, **how):
    network = candidate.MLP(sizes, rng=generator(draw), **how)
    for name in sorted(network.parameters):
        if name.startswith("b"):
            network.parameters[name] = draw.array(*np.shape(network.parameters[name]), scale=0.5)
    return network


def gradients(draw, found):
    """The names of the gradients as their number, and each along random directions."""
    return [float(len(found)), *(draw.along(found[name]) for name in sorted(found))]


def dict_of_numbers(found):
    return [number_of(found[name]) for name in ("z", "y_hat", "loss", "dy_hat", "dz", "dw", "db")]


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "chain_rule")
def the_chain_rule(candidate, draw):
    return [candidate.chain_rule(draw.number()) for _ in range(4)]


@case(1, "neuron")
def a_sigmoid_neuron(candidate, draw):
    return [dict_of_numbers(candidate.neuron(*draw.numbers(4, high=1.5))) for _ in range(4)]


@case(1, "ManualMLP.forward")
def forward_through_three_layers(candidate, draw):
    return [draw.along(manual(candidate, draw, *sizes).forward(draw.array(5, sizes[0])))
            for sizes in ((2, 3, 2, 1), (4, 5, 3, 2))]  # fmt: skip


@case(1, "ManualMLP.compute_loss")
def the_mean_of_the_squares(candidate, draw):
    return [manual(candidate, draw).compute_loss(draw.array(n, m), draw.array(n, m)) for n, m in ((4, 1), (3, 5))]


@case(1, "ManualMLP.backward")
def every_gradient_of_three_layers(candidate, draw):
    answers = []
    for sizes in ((2, 3, 2, 1), (4, 5, 3, 2)):
        network = manual(candidate, draw, *sizes)
        x, y = draw.array(6, sizes[0]), binary(draw, 6, sizes[-1])
        network.forward(x)
        answers += [*gradients(draw, network.backward(y)), draw.along(x), draw.along(y)]
        answers += [draw.along(getattr(network, name)) for name in ("W1", "W2", "W3", "b3")]
        answers += gradients(draw, network.backward(y))  # a second time the same
    return answers


@case(1, "train")
def a_few_steps_of_training(candidate, draw):
    network, rate = manual(candidate, draw), draw.rng.uniform(0.2, 0.8)
    losses = candidate.train(network, draw.array(4, 2), binary(draw, 4, 1), learning_rate=rate, steps=12)
    learned = [draw.along(getattr(network, name)) for name in ("W1", "b1", "W2", "b2", "W3", "b3")]
    return [[number_of(loss) for loss in losses], learned]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "neuron")
def a_relu_neuron(candidate, draw):
    return [dict_of_numbers(candidate.neuron(*draw.numbers(4, high=1.5), "relu")) for _ in range(6)]


def whole(candidate, draw, sizes, **how):
    """Predictions, loss and gradients of a network, and its parameters after one step."""
    network, y = deep(candidate, draw, sizes, **how), binary(draw, 6, sizes[-1])
    y_hat = network.forward(draw.array(6, sizes[0]))
    found = network.backward(y)
    names = sorted(network.parameters)
    answers = [draw.along(y_hat), network.compute_loss(y_hat, y), *gradients(draw, found), draw.along(y)]
    answers += [draw.along(network.parameters[name]) for name in names]  # as they were
    network.update_params(found, draw.number(signed=False))
    answers += [draw.along(network.parameters[name]) for name in names]
    network.forward(draw.array(3, sizes[0]))  # a smaller batch, after the large one
    return [*answers, *gradients(draw, network.backward(binary(draw, 3, sizes[-1])))]


@case(2, "MLP", step="fourth")
def networks_of_any_depth(candidate, draw):
    return [whole(candidate, draw, sizes) for sizes in ((2, 4, 3, 2, 1), (3, 2), (2, 3, 3, 3, 3, 2))]


@case(2, "MLP.backward", step="activations")
def other_activations(candidate, draw):
    return [whole(candidate, draw, (3, 4, 4, 2), hidden=hidden) for hidden in ("tanh", "leaky_relu")]


@case(2, "MLP.backward", step="bce")
def binary_cross_entropy(candidate, draw):
    answers = [whole(candidate, draw, (3, 4, 2), hidden=hidden, loss="bce") for hidden in ("relu", "tanh")]
    network = deep(candidate, draw, (2, 1), loss="bce")
    sure = network.compute_loss(np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]]))
    network.forward(900.0 * draw.array(4, 2))  # where the sigmoid is flat
    answers += gradients(draw, network.backward(binary(draw, 4, 1)))
    return [*answers, sure, refuses(ValueError, lambda: network.compute_loss(np.ones((3, 1)) / 2, np.ones(3)))]


@case(2, "softmax_cross_entropy")
def softmax_and_cross_entropy_in_one(candidate, draw):
    answers = []
    for scale in (1.0, 40.0, 900.0):
        labels = np.array([draw.integer(0, 3) for _ in range(5)])
        logits = draw.array(5, 4, scale=scale)
        loss, dlogits = candidate.softmax_cross_entropy(logits, labels)
        answers += [number_of(loss), *draw.along(dlogits), *draw.along(logits)]
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "MLP.forward", step="keep", room=1.15)
def one_array_is_kept_for_each_layer(candidate, draw):
    # With X and six layers of 1.6 MB, level 3 grows by 21 MB and level 2 by 29.
    network = deep(candidate, draw, (100, 100, 100, 100, 100, 100, 100))
    return draw.along(network.forward(draw.array(2000, 100)))


@case(3, "MLP.backward", step="reuse", room=1.22)
def backward_works_in_the_arrays_it_has(candidate, draw):
    network = deep(candidate, draw, (100, 100, 100, 100, 100, 100, 100), hidden="tanh")
    network.forward(draw.array(2000, 100))
    return gradients(draw, network.backward(binary(draw, 2000, 100)))


@case(3, "softmax_cross_entropy", room=1.3)
def logits_and_one_array_of_their_size(candidate, draw):
    # 8 MB of logits and 8 of gradient; an array more would make 24 and the rest.
    labels = np.array([draw.integer(0, 999) for _ in range(1000)])
    loss, dlogits = candidate.softmax_cross_entropy(draw.array(1000, 1000), labels)
    return [number_of(loss), *draw.along(dlogits[:2])]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "MLP.backward", step="pytorch")
def wide_networks(candidate, draw):
    return [whole(candidate, draw, (8, 20, 20, 5), hidden=hidden, loss=loss)
            for hidden, loss in (("relu", "mse"), ("tanh", "bce"), ("leaky_relu", "bce"))]  # fmt: skip


@case(4, "train", step="xor")
def training_on_xor(candidate, draw):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    losses = candidate.train(manual(candidate, draw), x, y, learning_rate=1.0, steps=60)
    return [number_of(loss) for loss in losses]
