"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 19` copies this file to `workspace/graph_lifetime.py`. You work there. Nothing in it is ever
overwritten.

First come four instruments, which can be pointed at any engine; then a small engine in which you decide what lives how
long. Words used: *held* is what something refers to, directly or through others. A *cycle* is a way of references that
ends where it began. The *cycle collector* is the part of Python that looks for cycles now and then; whatever is in no
cycle goes at the moment when nobody holds it any more.

An operation is given by a *rule* on arrays. It says its result, what has to be saved, and the way back from both:

    def tanh(a):
        t = np.tanh(a)
        return t, (t,), lambda upstream, t: (upstream * (1 - t * t),)
"""

import gc  # noqa: F401
import types  # noqa: F401
import weakref  # noqa: F401
from collections import deque  # noqa: F401

import numpy as np  # noqa: F401

# Level 1: instruments -------------------------------------------------------------------------------------------------


def survivors(work, kind):
    """How many more objects of a class are alive after work() than before, its result dropped, no cycle collected.

    The cycle collector is off meanwhile; afterwards it is on or off as before, also where work raises (it passes).
    """
    raise NotImplementedError("survivors")


def links(thing):
    """What a thing itself holds: a list of (name, object), where root + name reads like Python.

    a dict               ("['w']", value) for each key 'w'
    a list or a tuple    ("[0]", item), ("[1]", item), ...
    a function           ("(b)", value) for each variable b that it has captured
    an array             (".base", array) if it is a view
    a class, a module    nothing: they hold the whole program
    anything else        (".data", value) for each attribute in its __dict__ or __slots__

    Level 2: captured variables that are still empty are left out; ("(b)", value) also for each argument b that has a
    default value; ("{}", key) for each key of a dict that is no text, and for each member of a set; a bound method
    holds its .__self__ and its .__func__.
    """
    raise NotImplementedError("links")


def bytes_held(root):
    """The bytes of all arrays that root leads to by links, itself included, each once; cycles are no obstacle.

    Level 2: arrays that share memory count once, as the one that owns it; graphs of any depth.
    """
    raise NotImplementedError("bytes_held")


def path_to(root, thing):
    """The shortest way of one or more links from root to that very thing, as one text of their names; None without one.

    path_to(loss, loss) is thus the shortest cycle through loss.
    """
    raise NotImplementedError("path_to")


# Level 2: a small engine ----------------------------------------------------------------------------------------------


class Variable:
    """An array that remembers how it was made. `.data` is an array of floats, `.grad` None until something arrives."""

    def __init__(self, data):
        # An array of floats is kept as it is, without a copy, so float32 stays float32; whole numbers become float64.
        # A variable that no rule has made is a leaf.
        raise NotImplementedError("Variable.__init__")

    def backward(self, retain_graph=False):
        """Add d(self)/d(leaf) to the .grad of every leaf that led to self, which holds one number.

        Afterwards nothing saved is held any more, unless retain_graph=True: then each call adds the same once more.
        RuntimeError where it comes to a part of the graph that has been freed; the message has retain_graph=True in it.
        No .grad shares its memory with another array.

        Level 3: each operation lets go of what it saved before the next one is asked.
        """
        raise NotImplementedError("Variable.backward")


def apply(rule, *parents):
    """The Variable that a rule makes of the .data of these Variables.

    rule(*arrays) returns (result, saved, back), saved a tuple of arrays. For backward the arrays in `saved` are kept,
    and back(upstream, *saved) returns a tuple with the gradient of each parent. No cycle is made: with the collector
    off, everything goes as soon as the last result is dropped.

    Level 3: of an inner result whose own name is gone, only what stands in `saved` is kept.
    """
    raise NotImplementedError("apply")


def saved_bytes():
    """The bytes of what all living results have in `saved` for backward, shared memory once. Keeps nobody alive.

    Level 3: of what is kept in its place, where it was packed.
    """
    raise NotImplementedError("saved_bytes")


# Level 3: packed until needed -----------------------------------------------------------------------------------------


class saved_tensors_hooks:  # noqa: N801 (PyTorch's name)
    """`with saved_tensors_hooks(pack, unpack):` inside, a node keeps pack(array) in the place of each saved array.

    Whenever backward needs it, wherever that is, unpack of what was kept is given to the rule. Of several blocks in
    each other the innermost counts; after a block, also one that was left by an exception, it is as before.
    """

    def __init__(self, pack, unpack):
        raise NotImplementedError("saved_tensors_hooks.__init__")


def pack_half(array):
    """An array of floats in about 2 bytes a number, for unpack_half. Whole numbers and booleans stay as they are.

    Every entry comes back with a relative error of at most 2**-11 if it is at least 1e-8 of the largest, whatever size
    that has; smaller ones to within 1e-11 of the largest; inf and nan as they are.
    """
    raise NotImplementedError("pack_half")


def unpack_half(packed):
    """The array, of its old shape and dtype, that pack_half(array) was made of."""
    raise NotImplementedError("unpack_half")
