"""Level 4, the PyTorch reference: the same names, and everything that computes is torch's.

What changed   tensors, layers and optimizer come from the level 4 files of Topics 09 and 07, which are boxes around
               torch.nn and torch.optim; the loss is F.cross_entropy, the batches are a DataLoader's.
What it buys   the proof that nothing in the levels below is peculiar to our engine. Run this file to see the first
               losses of level 3 beside those of plain PyTorch.
What it costs  torch, some hundreds of megabytes to install. On networks as small as this one most of its time is spent
               on the way from one operation to the next.
"""

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import BatchSampler, RandomSampler

from utils.course.catalog import catalog
from utils.course.loading import load_once

_modules, _optimizers = (load_once(catalog().topic(number).solution(4)) for number in ("09", "07"))
Tensor, Linear, Dropout, Sequential = _modules.Tensor, _modules.Linear, _modules.Dropout, _modules.Sequential
Optimizer, Adam = _modules.Optimizer, _optimizers.Adam
torch.set_num_threads(1)  # for products as small as these, threads only wait for one another


def cross_entropy(logits, labels):
    return Tensor._around(functional.cross_entropy(logits.inner, torch.as_tensor(np.asarray(labels))))


def prepare(images):
    return torch.as_tensor(np.asarray(images)).double().div(16).flatten(1).numpy()


def network(hidden=128, rng=None, p=0.0):
    rng = np.random.default_rng(rng)
    dropout = [Dropout(p, rng=rng)] if p else []
    return Sequential(Linear(64, hidden, rng=rng), Tensor.relu, *dropout, Linear(hidden, 10, rng=rng))


def predictions(net, x):
    before = net.training
    with torch.inference_mode():
        found = net.eval()(Tensor(x)).inner.argmax(dim=1).numpy()
    net.train(before)
    return found


def accuracy(net, x, labels):
    right = torch.as_tensor(predictions(net, x)) == torch.as_tensor(np.asarray(labels))
    return right.double().mean().item()


def train_full_batch(net, x, labels, optimizer, steps):
    net.train()
    return [_step(net, x, labels, optimizer, len(x)) for _ in range(steps)]


def stratified_split(labels, share=0.2, rng=None):
    generator, labels = _generator(np.random.default_rng(rng)), torch.as_tensor(np.asarray(labels))
    test = torch.zeros(len(labels), dtype=torch.bool)
    for one in labels.unique():
        places = torch.nonzero(labels == one).flatten()
        drawn = torch.randperm(len(places), generator=generator)[: round(share * len(places))]
        test[places[drawn]] = True
    return torch.nonzero(~test).flatten().numpy(), torch.nonzero(test).flatten().numpy()


def batches(count, size, rng=None):
    generator = _generator(np.random.default_rng(rng))
    sampler = RandomSampler(range(count), generator=generator)
    return [np.array(rows) for rows in BatchSampler(sampler, size, drop_last=False)]


def train(net, x, labels, optimizer, epochs, size, rng=None, watch=None, micro=None):
    rng, losses = np.random.default_rng(rng), []
    net.train()
    for epoch in range(1, epochs + 1):
        before = len(losses)
        for rows in batches(len(x), size, rng):
            losses.append(_step(net, x[rows], labels[rows], optimizer, micro or size))
        if watch:
            watch(epoch, epochs, float(np.mean(losses[before:])))
    return losses


def progress_bar(done, total, loss, width=30):
    full = round(width * done / total)
    return f"[{'#' * full}{'-' * (width - full)}] {done}/{total}  loss {loss:.4f}"


def confusion(labels, predicted, classes=10):
    pairs = torch.as_tensor(np.asarray(labels)) * classes + torch.as_tensor(np.asarray(predicted))
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).numpy()


def fit(x, labels, seed=0, watch=None):
    rng = np.random.default_rng(seed)
    rest, test = stratified_split(labels, rng=rng)
    net = network(hidden=128, rng=rng, p=0.4)
    optimizer = Optimizer(net.parameters(), Adam(lr=0.003, in_place=True))
    losses = train(net, x[rest], labels[rest], optimizer, epochs=40, size=32, rng=rng, watch=watch)
    return net, losses, test


def accumulate(net, x, labels, size):
    total = 0.0
    pieces = zip(
        torch.as_tensor(np.asarray(x)).split(size), torch.as_tensor(np.asarray(labels)).split(size), strict=True
    )
    for rows, wanted in pieces:
        loss = functional.cross_entropy(net(Tensor._around(rows)).inner, wanted, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    return total


def _step(net, x, labels, optimizer, size):
    optimizer.zero_grad()
    loss = accumulate(net, x, labels, size)
    optimizer.step()
    return loss


def _generator(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def main():
    from pathlib import Path

    from utils import engine
    from utils.course.loading import load
    from utils.datasets import digits

    level3 = load(Path(__file__).with_name("level03-accumulated.py"))
    images, labels = digits()
    x = level3.prepare(images)
    ours = level3.network(rng=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)).double()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    optimizer = engine.Optimizer(ours.parameters(), engine.Adam(lr=0.003, in_place=True))
    found = level3.train(ours, x, labels, optimizer, epochs=2, size=32, rng=1)
    reference, rng = torch.optim.Adam(theirs.parameters(), lr=0.003), np.random.default_rng(1)
    print(f"{'step':>5} {'level 3':>18} {'PyTorch':>18}   differ by")
    for step, rows in enumerate((rows for _ in range(2) for rows in level3.batches(len(x), 32, rng)), start=1):
        loss = functional.cross_entropy(theirs(torch.tensor(x[rows])), torch.tensor(labels[rows]))
        reference.zero_grad()
        loss.backward()
        reference.step()
        if step in (1, 2, 5, 10, 20, 50, 100):
            gap = abs(found[step - 1] - loss.item())
            print(f"{step:>5} {found[step - 1]:>18.14f} {loss.item():>18.14f}   {gap:.0e}")


if __name__ == "__main__":
    main()
