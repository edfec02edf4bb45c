"""The contract of this capstone: write every name below, level by level.

`python3 learn.py start 10` copies this file to `workspace/capstone_digits.py`. You work there. Nothing in it is ever
overwritten.

Everything that computes comes from your engine: leave the imports where they are. `python3 learn.py own 08`, `own 09`
and `own 07` make them yours, `skip` lends them.

Letters: n images of 8 times 8 pixels; x are n rows of 64 numbers. `labels` are n whole numbers from 0 to 9. `rng` is
None, a seed, or a NumPy Generator, as in Topic 09.
"""

import numpy as np  # noqa: F401

from utils.engine import Adam, Dropout, Linear, Optimizer, Sequential, Tensor, cross_entropy, no_grad  # noqa: F401

# Level 1: a network that learns, all images at once -------------------------------------------------------------------


def prepare(images):
    """Rows for the network: images (n, 8, 8) of whole numbers 0 to 16 become floats (n, 64) from 0 to 1."""
    raise NotImplementedError("prepare")


def network(hidden=128, rng=None, p=0.0):
    """A Sequential: Linear from 64 to `hidden`, relu, Linear from `hidden` to 10; x in, logits (n, 10) out.

    With p > 0 a Dropout(p) stands between relu and the last layer. All first numbers, and the masks, come from `rng`.
    """
    raise NotImplementedError("network")


def predictions(net, x):
    """The class with the largest logit for each row: (n,) whole numbers.

    Computed in evaluation mode and without a graph. Afterwards the net is in the mode in which it was.
    """
    raise NotImplementedError("predictions")


def accuracy(net, x, labels):
    """The share of rows whose prediction is the label, from 0 to 1, as a float."""
    raise NotImplementedError("accuracy")


def train_full_batch(net, x, labels, optimizer, steps):
    """The losses, a list of floats: in each step the cross-entropy of all rows, taken before the step moves anything.

    The net is in training mode afterwards. Gradients left over from before count for nothing.
    """
    raise NotImplementedError("train_full_batch")


# Level 2: mini-batches, an honest score, and a recipe -----------------------------------------------------------------


def stratified_split(labels, share=0.2, rng=None):
    """(train, test): two arrays of places in `labels`, which together hold every place once.

    Of each class round(share * count) places, drawn at random, are in test. The same seed gives the same two.
    """
    raise NotImplementedError("stratified_split")


def batches(count, size, rng=None):
    """An iterable of index arrays: the numbers 0 to count - 1 in random order, each once, cut into pieces of `size`.

    The last piece holds what is left, and may be shorter. Raises ValueError unless size is at least 1.
    """
    raise NotImplementedError("batches")


def train(net, x, labels, optimizer, epochs, size, rng=None, watch=None, micro=None):
    """The losses of every step, a list of floats; one step for each of batches(len(x), size, rng), epoch by epoch.

    One Generator, default_rng(rng), serves all epochs and draws nothing but batches. After each epoch
    watch(done, epochs, loss) is called, if it is not None: done counts from 1, loss is the mean of the epoch's losses.

    Level 3: with `micro`, each batch is accumulated in pieces of at most so many rows. Losses and steps are the same up
    to rounding, unless the net has a Dropout. Until then `micro` is not asked for.
    """
    raise NotImplementedError("train")


def progress_bar(done, total, loss, width=30):
    """One line such as "[##########----] 5/7  loss 0.1234", with `width` characters between the brackets.

    Of them round(width * done / total) are "#", the others "-". The loss has four decimals.
    """
    raise NotImplementedError("progress_bar")


def confusion(labels, predicted, classes=10):
    """Counts (classes, classes) of whole numbers: row r, column c says how often an r was taken for a c."""
    raise NotImplementedError("confusion")


def fit(x, labels, seed=0, watch=None):
    """(net, losses, test): your recipe, from a seed. Split off a stratified fifth, train on the rest, never on test.

    Everything random comes from the seed, so the same seed gives the same losses again. Over the seeds 0 to 4 the mean
    accuracy on the test fifths must be 97 % or more, and one fit must not take a minute. `watch` as in `train`.
    """
    raise NotImplementedError("fit")


# Level 3: more rows than fit ------------------------------------------------------------------------------------------


def accumulate(net, x, labels, size):
    """The cross-entropy of all rows, as a float; adds its gradient to the parameters, as one backward would.

    Works on pieces of at most `size` rows, in order. Of the graphs of two pieces never more than one is held.
    """
    raise NotImplementedError("accumulate")
