"""At size: XOR really learnt, nudges through random networks, the bytes of level 3, PyTorch, and a seed that dies."""

import math
import tracemalloc

import numpy as np
import pytest

from utils.course.costs import expect_at_most
from utils.course.judging import expect, expect_array, expect_same, plain_array

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


def right(y_hat, y=Y):
    """How many samples are on the right side of 0.5."""
    return int(((plain_array(y_hat) > 0.5) == (y > 0.5)).sum())


def bytes_of(call):
    """(bytes still held after call(), the most that was held during it), beyond what was held before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = call()  # noqa: F841  alive while the bytes are read
        kept, peak = tracemalloc.get_traced_memory()
        return kept - before, peak - before
    finally:
        tracemalloc.stop()


def adam(network, batch, y, learning_rate=0.05, steps=110):
    """Full-batch Adam on a network's parameters, as in the topic's train.py; Topic 07 takes it apart."""
    moments = {name: (np.zeros_like(p), np.zeros_like(p)) for name, p in network.parameters.items()}
    for step in range(1, steps + 1):
        network.forward(batch)
        grads = network.backward(y)
        for name, (first, second) in moments.items():
            gradient = plain_array(grads["d" + name])
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            scaled = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            network.parameters[name] = network.parameters[name] - learning_rate * scaled


# Level 1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level1
@pytest.mark.about("train")
def test_seed_4_learns_xor(candidate):
    network = candidate.ManualMLP(rng=np.random.default_rng(4))
    losses = candidate.train(network, X, Y, learning_rate=1.0, steps=200)
    given = "ManualMLP(rng=np.random.default_rng(4)), 200 steps with learning rate 1"
    expect("len(losses)", lambda: len(losses), 200, given=given)
    expect("the number of right predictions", lambda: right(network.forward(X)), 4, given=given)
    last = float(losses[-1])
    expect_same("the last loss", lambda: "at most 0.01" if last <= 0.01 else f"{last:.3g}", "at most 0.01", given=given)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="activations")
def test_every_gradient_is_what_a_nudge_finds(candidate):
    expect_what_nudges_find(candidate, ((3, 4, 2), "tanh", "mse"), ((2, 4, 2), "leaky_relu", "mse"))


@pytest.mark.level2
@pytest.mark.about("MLP.backward", step="bce")
def test_every_gradient_of_cross_entropy_is_what_a_nudge_finds(candidate):
    expect_what_nudges_find(candidate, ((2, 3, 3, 1), "tanh", "bce"), ((2, 4, 2), "leaky_relu", "bce"))


def expect_what_nudges_find(candidate, *networks):
    """Every gradient of some networks is (loss at +step - loss at -step) / 2 step."""
    rng = np.random.default_rng(3)
    for sizes, hidden, loss in networks:
        network = candidate.MLP(sizes, hidden=hidden, loss=loss, rng=rng)
        for name, p in list(network.parameters.items()):
            network.parameters[name] = p + 0.3 * rng.standard_normal(np.shape(p))
        batch, y = rng.standard_normal((4, sizes[0])), rng.integers(0, 2, (4, sizes[-1])).astype(float)
        network.forward(batch)
        grads = network.backward(y)
        for name, p in list(network.parameters.items()):
            slopes = np.empty(p.shape)
            for place in np.ndindex(p.shape):
                sides = []
                for step in (1e-5, -1e-5):
                    network.parameters[name] = p.copy()
                    network.parameters[name][place] += step
                    sides.append(network.compute_loss(network.forward(batch), y))
                slopes[place] = (sides[0] - sides[1]) / 2e-5
            network.parameters[name] = p
            expect_array(f'backward(y)["d{name}"]', lambda name=name, g=grads: g["d" + name], slopes, tolerance=1e-7,
                         given=f'MLP({sizes}, hidden="{hidden}", loss="{loss}"), nudged', aim="gradient")  # fmt: skip


# Level 3 --------------------------------------------------------------------------------------------------------------

ROWS, WIDTH, LAYERS = 2000, 100, 4
LAYER = ROWS * WIDTH * 8  # bytes of one array of one layer


def wide(candidate, hidden):
    rng = np.random.default_rng(0)
    network = candidate.MLP((WIDTH,) * (LAYERS + 1), hidden=hidden, rng=rng)
    batch = rng.standard_normal((ROWS, WIDTH))
    network.forward(batch[:2])  # whatever is made once is made
    network.backward((batch[:2] > 0).astype(float))
    return network, batch, (batch > 0).astype(float)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("MLP.forward")
def test_one_array_for_each_layer_is_kept_where_level_2_keeps_two(candidate):
    for hidden in ("relu", "tanh", "leaky_relu"):
        network, batch, _ = wide(candidate, hidden)
        kept, _ = bytes_of(lambda network=network, batch=batch: network.forward(batch))
        expect_at_most("the bytes kept after forward, compared with those of z and h of every layer,",
                       0.6, kept, 2 * LAYERS * LAYER, given=f'4 layers of 100, hidden="{hidden}"')  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("MLP.backward")
def test_backward_holds_two_arrays_of_a_layer_at_a_time(candidate):
    for hidden in ("relu", "tanh"):
        network, batch, y = wide(candidate, hidden)
        network.forward(batch)
        _, peak = bytes_of(lambda network=network, y=y: network.backward(y))
        expect_at_most("the most bytes held in backward, compared with two arrays of one layer,",
                       1.4, peak, 2 * LAYER, given=f'4 layers of 100 neurons, hidden="{hidden}"')  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("softmax_cross_entropy")
def test_loss_and_gradient_of_logits_need_one_array_of_their_size(candidate):
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((400, 500)), rng.integers(0, 500, 400)
    loss, _ = candidate.softmax_cross_entropy(logits, labels)
    shifted = logits - logits.max(axis=1, keepdims=True)
    truth = np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(400), labels])
    expect("the loss", lambda: loss, truth, given="400 samples of 500 classes")
    _, peak = bytes_of(lambda: candidate.softmax_cross_entropy(logits, labels))
    expect_at_most("the most bytes held, compared with the logits,", 1.5, peak, logits.nbytes,
                   given="400 samples of 500 classes; level 2 needs 4 times as many")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("MLP.backward")
def test_a_small_batch_after_a_large_one_is_computed_afresh(candidate):
    rng = np.random.default_rng(5)
    network = candidate.MLP((2, 4, 3, 1), rng=rng)
    for k in (1, 2, 3):
        network.parameters[f"b{k}"] = np.full((1, (4, 3, 1)[k - 1]), 0.1)
    large, small = rng.standard_normal((9, 2)), rng.standard_normal((3, 2))
    network.forward(small)
    y = np.array([[1.0], [0.0], [1.0]])
    first = {name: plain_array(gradient) for name, gradient in network.backward(y).items()}
    network.forward(large)
    network.backward(np.ones((9, 1)))
    y_hat = plain_array(network.forward(small))
    again = network.backward(y)
    dz = 2 * (y_hat - y) / 3 * y_hat * (1 - y_hat)
    expect_array('backward(y)["db3"]', lambda: again["db3"], dz.sum(axis=0, keepdims=True), given="3 samples after 9",
                 aim="gradient")  # fmt: skip
    for name, gradient in first.items():
        expect_array(f'backward(y)["{name}"]', lambda name=name: again[name], gradient,
                     given="3 samples, before and after another batch of 9", aim="gradient")  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


def torch_gradients(parameters, batch, y, hidden="relu", loss="mse"):
    """(predictions, loss, gradients by name) in float64."""
    import torch
    import torch.nn.functional as F  # noqa: N812  the name that everybody uses

    activation = {"relu": torch.relu, "leaky_relu": F.leaky_relu, "tanh": torch.tanh}[hidden]
    tensors = {name: torch.tensor(plain_array(p), requires_grad=True) for name, p in parameters.items()}
    h, layers = torch.tensor(batch), len(tensors) // 2
    for k in range(1, layers + 1):
        z = h @ tensors[f"W{k}"] + tensors[f"b{k}"]
        h = torch.sigmoid(z) if k == layers else activation(z)
    value = {"mse": F.mse_loss, "bce": F.binary_cross_entropy}[loss](h, torch.tensor(y))
    gradients = torch.autograd.grad(value, list(tensors.values()))
    named = {"d" + name: g.numpy() for name, g in zip(tensors, gradients, strict=True)}
    return h.detach().numpy(), value.item(), named


def expect_tensors(grads, truth, given):
    for name, gradient in truth.items():
        expect_array(f'backward(y)["{name}"]', lambda name=name: grads[name], gradient, given=given, tolerance=1e-6,
                     aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("ManualMLP.backward")
def test_manual_mlp_agrees_with_torch_tensor_by_tensor(candidate):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        network = candidate.ManualMLP(rng=rng)
        for name in ("b1", "b2", "b3"):
            setattr(network, name, 0.3 * rng.standard_normal(np.shape(getattr(network, name))))
        names = ("W1", "b1", "W2", "b2", "W3", "b3")
        y_hat, loss, truth = torch_gradients({name: getattr(network, name) for name in names}, X, Y)
        given = f"ManualMLP on XOR, seed {seed}"
        expect_array("forward(X)", lambda network=network: network.forward(X), y_hat, given=given)
        expect("compute_loss(y_hat, y)", lambda network=network, p=y_hat: network.compute_loss(p, Y), loss, given=given)
        expect_tensors(network.backward(Y), truth, given)


@pytest.mark.level4
@pytest.mark.about("MLP.backward")
def test_deep_networks_agree_with_torch_tensor_by_tensor(candidate):
    for seed, (sizes, hidden, loss) in enumerate((
        ((2, 4, 3, 2, 1), "relu", "mse"), ((5, 7, 3), "relu", "bce"), ((4, 6, 5, 2), "tanh", "mse"),
        ((2, 8, 1), "tanh", "bce"), ((3, 9, 9, 9, 4), "leaky_relu", "bce"), ((6, 1), "relu", "bce"),
    )):  # fmt: skip
        rng = np.random.default_rng(seed)
        network = candidate.MLP(sizes, hidden=hidden, loss=loss, rng=rng)
        for name, p in list(network.parameters.items()):
            network.parameters[name] = p + 0.2 * rng.standard_normal(np.shape(p))
        batch, y = rng.standard_normal((16, sizes[0])), rng.integers(0, 2, (16, sizes[-1])).astype(float)
        y_hat, value, truth = torch_gradients(network.parameters, batch, y, hidden, loss)
        given = f'MLP({sizes}, hidden="{hidden}", loss="{loss}") on 16 samples'
        expect_array("forward(X)", lambda network=network, b=batch: network.forward(b), y_hat, given=given)
        expect("compute_loss(y_hat, y)", lambda n=network, p=y_hat, y=y: n.compute_loss(p, y), value, given=given)
        expect_tensors(network.backward(y), truth, given)


@pytest.mark.level4
@pytest.mark.about("softmax_cross_entropy")
def test_softmax_cross_entropy_agrees_with_torch(candidate):
    import torch
    import torch.nn.functional as F  # noqa: N812  the name that everybody uses

    rng = np.random.default_rng(0)
    for samples, classes, scale in ((1, 2, 1.0), (8, 10, 1.0), (64, 5, 20.0), (3, 4, 300.0)):
        logits, labels = scale * rng.standard_normal((samples, classes)), rng.integers(0, classes, samples)
        tensor = torch.tensor(logits, requires_grad=True)
        value = F.cross_entropy(tensor, torch.tensor(labels))
        value.backward()
        loss, dlogits = candidate.softmax_cross_entropy(logits, labels)
        given = f"{samples} samples of {classes} classes, logits up to about {2 * scale:g}"
        expect("the loss", lambda loss=loss: loss, value.item(), given=given)
        expect_array("dlogits", lambda d=dlogits: d, tensor.grad.numpy(), given=given, aim="gradient")


@pytest.mark.level4
@pytest.mark.about("train")
def test_training_follows_torch_step_by_step(candidate):
    names = ("W1", "b1", "W2", "b2", "W3", "b3")
    network = candidate.ManualMLP(rng=np.random.default_rng(4))
    parameters = {name: plain_array(getattr(network, name)) for name in names}
    losses = candidate.train(network, X, Y, learning_rate=1.0, steps=100)
    truth = []
    for _ in range(100):
        _, loss, grads = torch_gradients(parameters, X, Y)
        truth.append(loss)
        parameters = {name: p - grads["d" + name] for name, p in parameters.items()}
    expect_array("train(network, X, y, 1.0, 100)", lambda: losses, truth, given="seed 4 on XOR", tolerance=1e-6)


@pytest.mark.level4
@pytest.mark.about("train")
def test_seed_3_dies_and_its_gradients_say_so(candidate):
    network = candidate.ManualMLP(rng=np.random.default_rng(3))
    losses = candidate.train(network, X, Y, learning_rate=1.0, steps=60)
    y_hat, grads = network.forward(X), network.backward(Y)
    given = "ManualMLP(rng=np.random.default_rng(3)) after 60 steps on XOR"
    expect("the last loss", lambda: losses[-1], 0.25, given=given, tolerance=1e-6)
    expect_array("forward(X)", lambda: y_hat, np.full((4, 1), 0.5), given=given, tolerance=1e-6)
    for name in ("W1", "b1", "W2", "b2", "W3"):
        expect_array(f'backward(y)["d{name}"]', lambda name=name: grads["d" + name],
                     np.zeros(np.shape(getattr(network, name))), given=given, aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("MLP.backward")
def test_eight_tanh_units_learn_xor_from_every_one_of_three_seeds(candidate):
    for seed in range(3):
        network = candidate.MLP((2, 8, 1), hidden="tanh", loss="bce", rng=np.random.default_rng(seed))
        adam(network, X, Y)
        y_hat = plain_array(network.forward(X))
        given = f"2-8-1, tanh, Xavier, BCE, 110 steps of Adam, seed {seed}"
        expect("the number of right predictions", lambda p=y_hat: right(p), 4, given=given)
        error = float(np.abs(y_hat - Y).max())
        said = "at most 0.01" if error <= 0.01 else f"{error:.3g}"
        expect_same("the largest error", lambda said=said: said, "at most 0.01", given=given)
    expect("ln 2, the loss of a network that always says 0.5",
           lambda: network.compute_loss(np.full((4, 1), 0.5), Y), math.log(2))  # fmt: skip
