"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 11` copies this file to `workspace/indexing.py`. You work there. Nothing in it is ever
overwritten.

What all names of this topic have in common: numbers are picked up and put down elsewhere, none is computed. So each
derivative is 0 or 1, and the way back puts every gradient where its number came from. Where a number was picked up
twice, two gradients arrive, and they add up.

All functions take tensors and return a tensor, of the dtype of what they are given. Axes may be negative. What an index
array holds are whole numbers; it is an array or a list, never a tensor.
"""

import numpy as np  # noqa: F401

from utils.engine import Tensor, operation  # noqa: F401  yours where you own them, else the stub's

# Level 1: loops and assignments ---------------------------------------------------------------------------------------


def embedding(table, ids):
    """Row ids[...] of the table for every id: table (V, d), ids of any shape -> ids.shape + (d,).

    Raises IndexError that names the first id that is below 0 or not below V; TypeError for ids that are not whole.
    """
    raise NotImplementedError("embedding")


def concatenate(tensors, axis=0):
    """The tensors of a list, one after the other along an axis. Raises ValueError where other sizes differ."""
    raise NotImplementedError("concatenate")


def pad(x, widths, value=0.0):
    """x with `value` around it: widths holds a pair (before, after) for each axis, as in numpy.pad."""
    raise NotImplementedError("pad")


# Level 2: any key, and more ways to rearrange -------------------------------------------------------------------------


def select(x, key):
    """x[key] for every key that NumPy knows: numbers, slices, None, ..., booleans, arrays of whole numbers, tuples.

    An entry that is taken twice receives both gradients.
    """
    raise NotImplementedError("select")


def stack(tensors, axis=0):
    """The tensors of a list, all of one shape, along a new axis. Raises ValueError where shapes differ."""
    raise NotImplementedError("stack")


def split(x, sizes, axis=0):
    """A list of tensors: x cut along an axis into pieces of these sizes. Raises ValueError unless they add up."""
    raise NotImplementedError("split")


def roll(x, shift, axis):
    """x moved along an axis by `shift` places; what falls off one end comes in at the other."""
    raise NotImplementedError("roll")


def gather(x, axis, index):
    """One number of x for each place of `index`: for axis 1, result[i, j] = x[i, index[i, j]] (torch.gather).

    index has as many axes as x, and along all but `axis` the same sizes. Raises IndexError for an index outside.
    """
    raise NotImplementedError("gather")


def index_add(x, axis, index, source):
    """x with slices of `source` added to the slices of x that `index`, a list of S numbers, names (torch.index_add).

    For axis 0, result[index[s]] += source[s], one after the other; source has S slices along the axis.
    x stays as it is.
    """
    raise NotImplementedError("index_add")


# Level 3: the gradient of an embedding, as large as what was looked at ------------------------------------------------


def embedding_gradient(ids, upstream):
    """(rows, sums): the different ids, sorted, and for each the sum of its upstream gradients.

    ids of any shape, upstream ids.shape + (d,), arrays; rows (R,), sums (R, d). No array of the table's size is made.
    """
    raise NotImplementedError("embedding_gradient")


def update_rows(table, rows, sums, rate):
    """Gradient descent on the rows that have a gradient: table[rows] -= rate * sums, in place. All are arrays."""
    raise NotImplementedError("update_rows")
