"""Level 3, accumulated: a batch of any size in the memory of a small one.

What changed   the rows of a batch go through the network piece by piece; each piece's loss counts by its share of the
               rows, and its graph is gone before the next one is built.
What it buys   for 1,797 images and 512 hidden units a loss with its gradient takes 30 MB at the peak, in pieces of 64
               1.2 MB, as much as for 64 images alone. The gradient is the same to the last digits.
What it costs  many small products instead of one large one. A net with Dropout draws a mask for each piece instead of
               one for all, so there the losses differ. And whatever looks at a whole batch, such as a normalization by
               its mean, sees only the piece.
"""

import numpy as np

from utils.engine import Adam, Dropout, Linear, Optimizer, Sequential, Tensor, cross_entropy, no_grad


def prepare(images):
    return np.asarray(images, dtype=float).reshape(len(images), 64) / 16


def network(hidden=128, rng=None, p=0.0):
    rng = np.random.default_rng(rng)  # one Generator for all layers, or two of equal shape would start alike
    dropout = [Dropout(p, rng=rng)] if p else []
    return Sequential(Linear(64, hidden, rng=rng), Tensor.relu, *dropout, Linear(hidden, 10, rng=rng))


def predictions(net, x):
    before = net.training
    net.eval()
    with no_grad():
        logits = net(Tensor(x)).data
    net.train(before)
    return logits.argmax(axis=1)


def accuracy(net, x, labels):
    return float((predictions(net, x) == labels).mean())


def train_full_batch(net, x, labels, optimizer, steps):
    net.train()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        losses.append(accumulate(net, x, labels, len(x)))
        optimizer.step()
    return losses


def accumulate(net, x, labels, size):
    total = 0.0
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        # A mean over all rows is the sum of the pieces' means, each by its share: the last piece may be shorter.
        part = cross_entropy(net(Tensor(x[rows])), labels[rows]) * (len(x[rows]) / len(x))
        part.backward()
        total += part.item()
        del part  # and with it whatever is left of its graph, before the next one is built
    return total


# Mini-batches ---------------------------------------------------------------------------------------------------------


def stratified_split(labels, share=0.2, rng=None):
    rng, test = np.random.default_rng(rng), []
    for one in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == one))
        test.append(places[: round(share * len(places))])
    test = np.concatenate(test)
    return np.setdiff1d(np.arange(len(labels)), test), test


def batches(count, size, rng=None):
    if size < 1:
        raise ValueError(f"a batch holds at least one row; size is {size}")
    order = np.random.default_rng(rng).permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]


def train(net, x, labels, optimizer, epochs, size, rng=None, watch=None, micro=None):
    rng, losses = np.random.default_rng(rng), []
    net.train()
    for epoch in range(1, epochs + 1):
        for rows in batches(len(x), size, rng):
            optimizer.zero_grad()
            losses.append(accumulate(net, x[rows], labels[rows], micro or size))
            optimizer.step()
        if watch:
            steps = -(-len(x) // size)  # of one epoch
            watch(epoch, epochs, float(np.mean(losses[-steps:])))
    return losses


def progress_bar(done, total, loss, width=30):
    full = round(width * done / total)
    return f"[{'#' * full}{'-' * (width - full)}] {done}/{total}  loss {loss:.4f}"


def confusion(labels, predicted, classes=10):
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predicted), 1)  # counts[labels, predicted] += 1 would count a pair once
    return counts


# The recipe -----------------------------------------------------------------------------------------------------------


def fit(x, labels, seed=0, watch=None):
    rng = np.random.default_rng(seed)
    rest, test = stratified_split(labels, rng=rng)
    net = network(hidden=128, rng=rng, p=0.4)
    optimizer = Optimizer(net.parameters(), Adam(lr=0.003, in_place=True))
    losses = train(net, x[rest], labels[rest], optimizer, epochs=40, size=32, rng=rng, watch=watch)
    return net, losses, test
