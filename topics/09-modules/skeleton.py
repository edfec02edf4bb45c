"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 09` copies this file to `workspace/modules.py`. You work there. Nothing in it is ever
overwritten.

A module is an object that holds arrays which are learnt, and computes something from its inputs with them. Modules hold
modules. You write the class that finds all of it, names it, saves it and loads it, and the layers that everything after
this topic is made of. The tensors come from your engine: leave its import where it is.

`rng`, wherever it stands, is None, a whole number as seed, or a NumPy Generator: numpy.random.default_rng(rng) takes
all three. The same seed gives the same numbers again; a Generator that is handed to several layers goes on from one to
the next. NumPy's global random numbers are not used.

Words used: the *state* of a module is all arrays that must be saved, each with a name. A *buffer* is an array of the
state that is not learnt. A *tied* parameter is one parameter that stands at several places.
"""

import math  # noqa: F401

import numpy as np  # noqa: F401

from utils.engine import Tensor, operation  # noqa: F401  the engine that you have chosen: yours, or the stub

# Level 1: what is learnt, and who holds it ----------------------------------------------------------------------------


class Parameter(Tensor):
    """A tensor that is learnt. It requires gradients, and it is how a module tells its weights from other tensors."""

    def __init__(self, data):
        """data: an array of floats, which is kept and not copied, or (nested) lists of floats."""
        raise NotImplementedError("Parameter")


class Module:
    """Holds parameters and modules as its attributes; subclasses write `forward`, callers call the module.

    A subclass sets its attributes in an `__init__` of its own, and need not call this class's.

    Level 1: an attribute may be a Parameter or a Module. Level 2: a list, a tuple or a dict of them as well, to any
    depth; every other object is passed over, among them tensors that are no Parameter.
    """

    training = True  # level 2: is it being trained, or used?

    def __call__(self, *inputs, **options):
        """What `forward` gives for these inputs. From level 2 on also calls the hooks."""
        raise NotImplementedError("Module")

    def parameters(self):
        """A list of every Parameter in it and in the modules in it, to any depth.

        Level 2: each parameter once, however often it is found (it is tied, or a module stands at two places). A module
        that leads back to one that holds it is no trouble.
        """
        raise NotImplementedError("Module.parameters")

    def zero_grad(self):
        """Set the `grad` of every parameter to None."""
        raise NotImplementedError("Module.zero_grad")

    # Level 2: names, modes, state -------------------------------------------------------------------------------------

    def named_parameters(self):
        """An iterable of (name, parameter), the parameters as in `parameters()` and in the same order.

        A name is the road to it, with dots: the attribute, then the place in a list or the key in a dict, as far as it
        goes: "head.weight", "blocks.0.weight", "0.bias" in a Sequential. Tied parameters have the name found first.
        """
        raise NotImplementedError("Module.named_parameters")

    def named_modules(self):
        """An iterable of (name, module): itself under the name "", then every module in it, each once."""
        raise NotImplementedError("Module.named_modules")

    def train(self, mode=True):
        """Set `training` to `mode` in it and in every module in it; returns itself."""
        raise NotImplementedError("Module.train")

    def eval(self):
        """train(False): from now on it is used, not trained; returns itself."""
        raise NotImplementedError("Module.train")

    def register_buffer(self, name, array):
        """Set the attribute `name` to the array, which is part of the state from now on, but no parameter.

        What is assigned to the attribute later is the buffer then.
        """
        raise NotImplementedError("Module.register_buffer")

    def state_dict(self):
        """name -> array for every parameter and every buffer in it, under dotted names; tied parameters once.

        The arrays are copies: training on does not change them.
        """
        raise NotImplementedError("Module.state_dict")

    def load_state_dict(self, state, strict=True):
        """Set every parameter and buffer to the numbers of its name in `state`; returns (missing, unexpected).

        state: any mapping from names to arrays, a dict or an opened .npz; afterwards no array is shared with it.
        missing, unexpected: the lists of names that only the module has, and that only the state has. Raises ValueError
        where a shape differs, or with strict=True where a list is not empty; the message gives every such name, and for
        shapes both of them. Then nothing has been loaded.

        Level 3: the arrays of the module stay the same objects and only their numbers change. At most one array of
        `state` is held at a time.
        """
        raise NotImplementedError("Module.load_state_dict")

    def save(self, path):
        """Write the state to a file of exactly this name, in NumPy's .npz format. Level 3: without copies of arrays."""
        raise NotImplementedError("Module.save")

    def load(self, path):
        """Load the state that `save` has written: load_state_dict, from a file."""
        raise NotImplementedError("Module.load")

    def register_forward_hook(self, hook):
        """From now on call hook(module, inputs, output) after each forward; inputs is a tuple.

        What the hook returns takes the place of the output, unless it is None. Hooks are called in the order in which
        they were registered. Returns an object whose method remove() ends it.
        """
        raise NotImplementedError("Module.register_forward_hook")

    # Level 3 ----------------------------------------------------------------------------------------------------------

    def to(self, dtype):
        """Change all floats of the state to another kind, such as np.float32, and forget gradients; returns itself.

        Arrays of whole numbers stay as they are.
        """
        raise NotImplementedError("Module.to")


class Linear(Module):
    """x @ weight.T + bias: every output is a weighted sum of the inputs. x (..., in), result (..., out).

    weight: Parameter (out, in), bias: Parameter (out,), or None with bias=False. Both are drawn evenly from
    -1/sqrt(in) to 1/sqrt(in), PyTorch's default (Topic 05).
    """

    def __init__(self, in_features, out_features, bias=True, rng=None):
        raise NotImplementedError("Linear")

    def forward(self, x):
        """The Tensor of the outputs. Level 3: by `linear`."""
        raise NotImplementedError("Linear")


class Sequential(Module):
    """Calls its steps one after the other. A step is a module, or any function of one tensor, such as Tensor.tanh.

    len(), indexing by a whole number, and iteration give the steps. Level 2: a step's name is its place, so the names
    are "0.weight", "2.weight" and so on; a function takes a place too.
    """

    def __init__(self, *steps):
        raise NotImplementedError("Sequential")

    def forward(self, x):
        """The output of the last step."""
        raise NotImplementedError("Sequential")


# Level 2: two more layers ---------------------------------------------------------------------------------------------


class Dropout(Module):
    """In training each number is 0 with probability p, else divided by 1 - p; in eval all stay as they are.

    Each call draws a new mask from `rng`. p = 1 drops everything. Raises ValueError unless 0 <= p <= 1.
    """

    def __init__(self, p=0.5, rng=None):
        raise NotImplementedError("Dropout")

    def forward(self, x):
        """A Tensor of x's shape and dtype."""
        raise NotImplementedError("Dropout")


class Embedding(Module):
    """A table from whole numbers to rows that are learnt: weight, a Parameter (rows, features), normal, deviation 1."""

    def __init__(self, rows, features, rng=None):
        raise NotImplementedError("Embedding")

    def forward(self, indices):
        """The rows asked for: indices (...), an array, list or tensor of whole numbers; result (..., features).

        Raises IndexError for a number below 0 or beyond the last row, TypeError for numbers that are not whole.
        """
        raise NotImplementedError("Embedding")


# Level 3: one operation, one step, no copies --------------------------------------------------------------------------


def linear(x, weight, bias=None):
    """x @ weight.T + bias as one operation of the engine. x (..., in), weight (out, in), bias (out,) or None.

    The graph keeps no array of the output's size besides the output. Raises ValueError where `in` differs; the message
    gives both shapes.
    """
    raise NotImplementedError("linear")


class Optimizer:
    """A rule of Topic 07 on the parameters of a module: the bridge between opt.step(arrays, gradients) and tensors.

    rule: any object with step(params, grads), which gives the new arrays; params and grads are lists of arrays.
    Parameters that do not require gradients are left out.
    """

    def __init__(self, parameters, rule):
        raise NotImplementedError("Optimizer")

    def zero_grad(self):
        """Set the `grad` of its parameters to None."""
        raise NotImplementedError("Optimizer")

    def step(self):
        """Move every parameter by the rule. Each keeps its array; whoever holds it sees the new numbers.

        Raises RuntimeError, and moves nothing, where a parameter has no gradient.
        """
        raise NotImplementedError("Optimizer")
