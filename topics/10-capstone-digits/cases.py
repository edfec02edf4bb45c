"""What the grader asks of a submission: real digits, drawn and named anew, and trainings from weights drawn here.

The order in which a file shows the rows, and its recipe, are its own. So steps are compared where no order matters:
with all rows in one batch, or with rows that are all alike; and the recipe by what it must keep.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from utils.autograd_stub import Adam, Optimizer, Tensor
from utils.grading.cases import NoNumber, case, number_of, refuses

SHOWN = ("data/digits.npz",)
A_RECIPE = 4.0  # seconds: a recipe that takes the allowed minute for all digits takes that long for 100


@lru_cache(maxsize=1)
def digits():
    with np.load(Path(__file__).parent / "data" / "digits.npz") as archive:
        return archive["images"].astype(int), archive["labels"].astype(int)


def some(draw, count):
    """Rows and labels of digits drawn at random, whose names are exchanged at random."""
    images, labels = digits()
    rng = np.random.default_rng(draw.integer(0, 10**9))
    chosen, names = rng.permutation(len(labels))[:count], rng.permutation(10)
    return images[chosen].reshape(count, 64) / 16, names[labels[chosen]]


def network(candidate, draw, hidden=12, **how):
    """A network whose numbers are drawn here."""
    net = candidate.network(hidden=hidden, **how)
    state = net.state_dict()
    net.load_state_dict({name: draw.array(*state[name].shape, scale=0.3) for name in sorted(state)})
    return net


class Descent:
    """Gradient descent in place."""

    def __init__(self, rate):
        self.rate = rate

    def step(self, params, grads):
        for p, g in zip(params, grads, strict=True):
            p -= self.rate * g
        return params


def optimizer(net, rate):
    return Optimizer(net.parameters(), Descent(rate))


def told(draw, net):
    """Every array of a network's state along random directions, by name."""
    state = net.state_dict()
    return [draw.along(np.array(state[name])) for name in sorted(map(str.__str__, state))]


def losses(found):
    """A list of plain numbers, or it is no answer."""
    if type(found) is not list or not all(type(loss) is float or isinstance(loss, np.floating) for loss in found):
        raise NoNumber("losses are a list of floats")
    return [number_of(loss) for loss in found]


def places(found):
    """An array of whole numbers from whatever kind of index array."""
    found = np.asarray(found)
    if type(found) is not np.ndarray or found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise NoNumber("places are whole numbers")
    return found.astype(int)


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "prepare")
def rows_of_pixels(candidate, draw):
    images = np.array([[[draw.integer(0, 16) for _ in range(8)] for _ in range(8)] for _ in range(3)])
    images[2] //= 3  # an image that nowhere reaches 16
    kept = images.copy()
    x = candidate.prepare(images)
    return [draw.along(x), float(x.dtype.kind == "f"), float((images == kept).all()),
            draw.along(candidate.prepare(images[2:] // 2))]  # fmt: skip


@case(1, "network")
def two_layers_with_a_relu_between(candidate, draw):
    answers, x = [], some(draw, 6)[0]
    for p in (0.0, 0.5):
        net = network(candidate, draw, rng=1, p=p)
        answers += [float(len(net)), float(len(net.state_dict())), draw.along(net.eval()(Tensor(x)).data)]
        answers += [[float(size) for size in array.shape] for _, array in sorted(net.state_dict().items())]
    seen = []
    net = network(candidate, draw, rng=draw.integer(0, 10**6), p=0.7)
    net[2].register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].data, output.data)))
    net(Tensor(some(draw, 60)[0]))
    before, after = seen[0]
    answers += [
        float((before >= 0).all()),
        float(abs((after[before > 0] != 0).mean() - 0.3) < 0.12),
        draw.along(before),
    ]
    hidden, seed = draw.integer(30, 60), draw.integer(0, 10**6)
    one, again, other, free = (candidate.network(hidden=hidden, rng=rng) for rng in (seed, seed, seed + 1, None))
    weights = [net[0].weight.data for net in (one, again, other, free)]
    answers += [float((weights[0] == w).all()) for w in weights] + [[float(size) for size in weights[0].shape]]
    square = candidate.network(hidden=64, rng=seed)  # both layers have equal bounds: does one repeat the other?
    answers.append(float((square[2].weight.data == square[0].weight.data[:10]).any()))
    masks = [candidate.network(hidden=30, rng=seed, p=0.5) for _ in range(2)]
    outs = [[net(Tensor(x)).data for _ in range(2)] for net in masks]
    answers += [float((outs[0][k] == outs[1][k]).all()) for k in range(2)] + [float((outs[0][0] == outs[0][1]).all())]
    return [*answers, float(candidate.network()[0].weight.data.shape[0])]


@case(1, "predictions")
def the_class_of_the_largest_logit(candidate, draw):
    answers, (x, labels) = [], some(draw, 25)
    net, seen = network(candidate, draw, rng=1, p=0.9), []
    net[-1].register_forward_hook(lambda module, inputs, output: seen.append(float(bool(output.requires_grad))))
    for mode in (True, False, True):
        net.train(mode)
        answers += [[float(k) for k in places(candidate.predictions(net, x))], float(bool(net.training))]
        answers += [
            number_of(candidate.accuracy(net, x, labels)),
            float(bool(net.training)),
            float(bool(net[2].training)),
        ]
    guesses = candidate.predictions(net, x)
    labels = np.where(np.arange(25) < draw.integer(5, 20), guesses, (guesses + 1) % 10)
    return [*answers, number_of(candidate.accuracy(net, x, labels)), seen, float(bool(net(Tensor(x)).requires_grad))]


@case(1, "train_full_batch")
def steps_on_all_rows(candidate, draw):
    x, labels = some(draw, 40)
    kept, answers = x.copy(), []
    for leftover in (False, True):
        net = network(candidate, draw, rng=1)
        if leftover:
            for p in net.parameters():
                p.grad = draw.array(*p.data.shape)
            net.eval()
        answers.append(losses(candidate.train_full_batch(net, x, labels, optimizer(net, 0.3), 4)))
        answers += [told(draw, net), float(bool(net.training))]
    net = network(candidate, draw, rng=1)
    found = candidate.train_full_batch(net, x, labels, Optimizer(net.parameters(), Adam(lr=0.02)), 30)
    return [*answers, losses(found), number_of(candidate.accuracy(net, x, labels)), float((x == kept).all())]


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "stratified_split")
def a_share_of_every_class(candidate, draw):
    counts = [draw.integer(4, 25) for _ in range(4)]
    names = np.random.default_rng(draw.integer(0, 10**9)).permutation(10)[:4]
    labels = np.repeat(names, counts)[np.random.default_rng(draw.integer(0, 10**9)).permutation(sum(counts))]
    answers = []
    for share in (0.2, round(draw.rng.uniform(0.3, 0.7), 2), 0.0):
        train, test = map(places, candidate.stratified_split(labels, share, rng=draw.integer(0, 10**6)))
        answers += [[float(k) for k in np.sort(np.concatenate([train, test]))], float(len(test))]
        answers.append([float((labels[test] == name).sum()) for name in names])
    answers.append(float(len(candidate.stratified_split(labels)[1])))
    seed = draw.integer(0, 10**6)
    sets = [
        sorted(places(candidate.stratified_split(labels, rng=s)[1])) for s in (seed, seed, seed + 1, seed + 2, 0, 1)
    ]
    return [*answers, float(sets[0] == sets[1]), float(len({tuple(found) for found in sets}))]


@case(2, "batches")
def every_row_once(candidate, draw):
    answers = []
    for count, size in ((draw.integer(20, 40), draw.integer(3, 7)), (24, 8), (3, 5), (7, 1)):
        pieces = [places(piece) for piece in candidate.batches(count, size, rng=draw.integer(0, 10**6))]
        answers += [[float(len(piece)) for piece in pieces], [float(k) for k in np.sort(np.concatenate(pieces))]]
    seed = draw.integer(0, 10**6)
    rng = np.random.default_rng(seed)
    first, second, again, other = (
        np.concatenate([places(piece) for piece in candidate.batches(60, 8, source)]).tolist()
        for source in (rng, rng, seed, seed + 1)
    )
    answers += [float(first == second), float(first == again), float(first == other), float(first == sorted(first))]
    return [*answers, *(refuses(ValueError, lambda s=size: list(candidate.batches(5, s))) for size in (0, -2))]


def by_hand(state, x, labels, pieces, rate):
    """The losses of gradient descent on two layers, a step for each index array in `pieces`."""
    w1, b1, w2, b2 = (np.array(state[name]) for name in ("0.weight", "0.bias", "2.weight", "2.bias"))
    found = []
    for rows in pieces:
        n, h = len(rows), np.maximum(x[rows] @ w1.T + b1, 0)
        z = h @ w2.T + b2
        z = z - z.max(axis=1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        found.append(-logs[np.arange(n), labels[rows]].mean())
        dz = (np.exp(logs) - np.eye(10)[labels[rows]]) / n
        dh = dz @ w2 * (h > 0)
        w2, b2, w1, b1 = w2 - rate * dz.T @ h, b2 - rate * dz.sum(0), w1 - rate * dh.T @ x[rows], b1 - rate * dh.sum(0)
    return found


@case(2, "train")
def small_steps(candidate, draw):
    answers, (x, labels) = [], some(draw, 40)
    seen = []

    def watch(*words):
        seen.append([number_of(word) for word in words])

    for size, epochs in ((40, 3), (64, 2)):  # one batch: whatever the order
        net = network(candidate, draw, rng=1)
        found = candidate.train(net.eval(), x, labels, optimizer(net, 0.3), epochs, size, rng=3, watch=watch)
        answers += [losses(found), told(draw, net), float(bool(net.training))]
    net = network(candidate, draw, rng=1)  # rows that are all alike, in pieces of 7, 7 and 4
    same, label = np.repeat(x[:1], 18, axis=0), np.repeat(labels[:1], 18)
    for p in net.parameters():
        p.grad = draw.array(*p.data.shape)
    found = candidate.train(net, same, label, optimizer(net, 0.05), 2, 7, rng=3, watch=watch)
    answers += [losses(found), seen, told(draw, net)]
    seed, net, kept = draw.integer(0, 10**6), network(candidate, draw, rng=1), (x.copy(), labels.copy())
    state = {str.__str__(name): np.array(array) for name, array in net.state_dict().items()}
    found = losses(candidate.train(net, x, labels, optimizer(net, 0.3), 3, 12, rng=seed))
    rng = np.random.default_rng(seed)
    pieces = [places(piece) for _ in range(3) for piece in candidate.batches(40, 12, rng)]
    wanted = by_hand(state, x, labels, pieces, 0.3)
    answers += [float(len(found)), [a - b for a, b in zip(found, wanted, strict=True)]]
    answers += [float((x == kept[0]).all() and (labels == kept[1]).all()), float(len({tuple(p) for p in pieces}))]
    seed, runs = draw.integer(0, 10**6), []
    for p, rng in ((0.0, seed), (0.5, seed), (0.5, seed), (0.5, seed + 1)):
        net = candidate.network(hidden=12, rng=1, p=p).eval()
        runs.append(losses(candidate.train(net, x, labels, optimizer(net, 0.1), 1, 20, rng=rng)))
    return [*answers, *(float(runs[1] == run) for run in runs)]


@case(2, "confusion")
def bars_and_counts(candidate, draw):
    answers = []
    for _ in range(8):
        total, width = draw.integer(2, 40), draw.integer(5, 50)
        done, loss = draw.integer(0, total), abs(draw.number())
        text = str.__str__(candidate.progress_bar(done, total, loss, width))
        answers.append([float(ord(sign)) for sign in text])
    answers.append([float(ord(sign)) for sign in candidate.progress_bar(1, 2, 0.0)])
    for classes in (10, draw.integer(3, 6)):
        labels, guesses = (np.array([draw.integer(0, classes - 1) for _ in range(40)]) for _ in range(2))
        counts = candidate.confusion(labels, guesses, classes)
        answers += [draw.along(counts), float(np.asarray(counts).dtype.kind in "iu")]
    return [*answers, draw.along(candidate.confusion([draw.integer(0, 9)], [draw.integer(0, 9)]))]


def fitted(candidate, x, labels, seed, **how):
    """(net, losses, test) of a recipe, read by their base types."""
    net, found, test = candidate.fit(x, labels, seed=seed, **how)
    return net, losses(list(found)), places(test)


@case(2, "fit", seconds=3 * A_RECIPE)
def a_recipe_reads_digits(candidate, draw):
    x, labels = some(draw, 220)
    net, found, test = fitted(candidate, x, labels, draw.integer(0, 99))
    with_logits = net.eval()(Tensor(x[test])).data
    share = float((np.array(with_logits).argmax(axis=1) == labels[test]).mean())
    kept = [float((labels[test] == name).sum()) for name in range(10)]
    return [float(share >= 0.65), float(np.mean(found[-10:]) < found[0] / 3), kept, float(len(set(test.tolist())))]


@case(2, "fit", seconds=2 * A_RECIPE)
def a_recipe_replays_and_keeps_a_fifth_back(candidate, draw):
    x, labels = some(draw, 60)
    seed, said = draw.integer(0, 10**6), []
    one, again, other = (
        fitted(candidate, x, labels, s, watch=lambda *words: said.append(words)) for s in (seed, seed, seed + 1)
    )
    without = x.copy()
    without[one[2]] = draw.rng.uniform(2.0, 5.0)  # whoever looks at the test rows learns something else
    blind = fitted(candidate, without, labels, seed)
    kept = [float((labels[one[2]] == name).sum()) for name in range(10)]
    return [kept, float(one[1] == again[1]), float(one[1] == other[1]), float(one[1] == blind[1]),
            float(sorted(one[2]) == sorted(other[2])), float(bool(said) and said[-1][0] == said[-1][1]),
            float(sorted(one[2]) == sorted(again[2])), *steps_of(one[0], again[0], blind[0])]  # fmt: skip


def steps_of(*nets):
    """Do these networks hold the same numbers?"""
    states = [net.state_dict() for net in nets]
    return [float(all((state[name] == states[0][name]).all() for name in states[0])) for state in states[1:]]


# Level 3 --------------------------------------------------------------------------------------------------------------


@case(3, "accumulate")
def pieces_give_the_gradient_of_the_whole(candidate, draw):
    x, labels = some(draw, 50)
    net, answers = network(candidate, draw, rng=1), []
    for size in (50, draw.integer(3, 9), 16, 1000, 25):
        if size != 25:  # the last one adds to what is there
            net.zero_grad()
        answers.append(number_of(candidate.accumulate(net, x, labels, size)))
        answers += [draw.along(p.grad) for p in net.parameters()]
    return answers


@case(3, "accumulate", room=1.3)
def the_memory_of_a_small_batch(candidate, draw):
    x, labels = some(draw, 1600)
    net = network(candidate, draw, hidden=512, rng=1)
    loss = candidate.accumulate(net, x, labels, 64)  # all at once would hold 20 MB
    return [number_of(loss), [draw.along(p.grad) for p in net.parameters()]]


@case(3, "train")
def micro_batches_change_no_step(candidate, draw):
    x, labels = some(draw, 40)
    answers, seen = [], []
    for micro in (None, 40, 16, draw.integer(3, 9)):
        net = network(candidate, draw, rng=1)
        seen.clear()
        net.register_forward_hook(lambda module, inputs, output: seen.append(float(len(inputs[0].data))))
        found = candidate.train(net, x, labels, optimizer(net, 0.3), 2, 40, rng=5, micro=micro)
        answers += [losses(found), told(draw, net), sorted(seen)]
    net = network(candidate, draw, rng=1)  # rows that are all alike: steps of 15, 15 and 10 rows
    same, label = np.repeat(x[:1], 40, axis=0), np.repeat(labels[:1], 40)
    seen.clear()
    net.register_forward_hook(lambda module, inputs, output: seen.append(float(len(inputs[0].data))))
    found = candidate.train(net, same, label, optimizer(net, 0.05), 2, 15, rng=5, micro=7)
    return [*answers, losses(found), told(draw, net), max(seen)]


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "fit", seconds=2 * A_RECIPE)
def splits_of_more_digits(candidate, draw):
    x, labels = some(draw, 250)
    net, found, test = fitted(candidate, x, labels, draw.integer(0, 99))
    share = number_of(candidate.accuracy(net, x[test], labels[test]))
    return [float(share >= 0.65), float(np.mean(found[-10:]) < found[0] / 3), *sorted(map(float, labels[test]))]


@case(4, "train")
def losses_with_adam(candidate, draw):
    x, labels = some(draw, 100)
    net = network(candidate, draw, rng=1)
    rule = Optimizer(net.parameters(), Adam(lr=0.003, in_place=True))
    return [losses(candidate.train(net, x, labels, rule, 12, 100, rng=2)), told(draw, net)]
