"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 05` copies this file to `workspace/mlp_and_initialization.py`. You work there. Nothing in it is
ever overwritten.

Words used: a *layer* is a row of neurons that all read the same inputs. A *multi-layer perceptron*, MLP, is layers one
after another. Its *sizes* are the numbers of neurons of its layers, the inputs not counted. Every layer but the last is
*hidden*. The activation is "tanh" or "relu", max(0, z).
"""

import random

import numpy as np  # noqa: F401  from level 2 on

from utils.engine import Value  # noqa: F401  the engine that you have chosen: yours, or the stub

# Level 1: neurons made of Values --------------------------------------------------------------------------------------


class Neuron:
    """activation(w1*x1 + ... + wn*xn + b), with weights and bias as Values.

    The weights are drawn by rng.uniform(-1.0, 1.0), one call for each, in the order of the inputs; the bias starts at
    0.0. `activation` is "tanh", "relu" or "linear", which is none at all. Any object with a method `uniform` will do as
    `rng`: the module `random`, or random.Random(seed), which draws the same numbers again.
    """

    def __init__(self, inputs, activation="tanh", rng=random):
        raise NotImplementedError("Neuron")

    def __call__(self, x):
        """One Value, for a list of numbers or Values, one for each input. Raises ValueError for another length."""
        raise NotImplementedError("Neuron")

    def parameters(self):
        """The Values that are learned: the weights in the order of the inputs, then the bias."""
        raise NotImplementedError("Neuron")


class Layer:
    """`outputs` neurons that all read the same inputs; each has weights of its own."""

    def __init__(self, inputs, outputs, activation="tanh", rng=random):
        raise NotImplementedError("Layer")

    def __call__(self, x):
        """The list of what the neurons say; for a layer of one neuron the Value itself, not a list."""
        raise NotImplementedError("Layer")

    def parameters(self):
        """The parameters of all neurons in one flat list, neuron after neuron."""
        raise NotImplementedError("Layer")


class MLP:
    """Layers one after another: MLP(3, [4, 1]) has 3 inputs, 4 hidden neurons and 1 output.

    The hidden layers have the activation, the last one is "linear": it gives scores of any size. All layers draw from
    the same `rng`, the first layer first. The list `sizes` stays as it is.
    """

    def __init__(self, inputs, sizes, activation="tanh", rng=random):
        raise NotImplementedError("MLP")

    def __call__(self, x):
        """What the last layer says: a list of Values, or one Value if its size is 1."""
        raise NotImplementedError("MLP")

    def parameters(self):
        """The parameters of all layers in one flat list, layer after layer, the first layer first."""
        raise NotImplementedError("MLP")


def one_hidden_node(x, y, numbers):
    """(prediction, loss, gradients) of two inputs, one hidden node with tanh and one linear output: MLP(2, [1, 1]).

    x is a list of two floats, y a float. `numbers` are the five parameters in the order of MLP.parameters():
    w1, w2, b of the hidden node, then v and c of the output, so that prediction = v*tanh(w1*x1 + w2*x2 + b) + c.
    The loss is (prediction - y)**2; gradients are d(loss)/d(each number) as five floats in the same order.
    """
    raise NotImplementedError("one_hidden_node")


# Level 2: the same as matrices ----------------------------------------------------------------------------------------
#
# The convention: one example is one ROW. X has the shape (examples, inputs), W has (inputs, outputs), b has (outputs,),
# and a layer computes X @ W + b. Column j of W holds the weights of neuron j. A network is a list of pairs (W, b).
# All numbers are float64, and nothing that is given to a function is changed by it.


def as_matrices(numbers, inputs, sizes):
    """The list of pairs (W, b), arrays both, of an MLP with these parameters.

    `numbers` are plain numbers, in the order of MLP.parameters().
    Raises ValueError unless there are exactly as many numbers as an MLP of these sizes has parameters.
    """
    raise NotImplementedError("as_matrices")


def forward(x, layers, activation="tanh"):
    """What the MLP of these pairs (W, b) says: (examples, inputs) -> (examples, outputs). The last layer is linear."""
    raise NotImplementedError("forward")


def init_weights(inputs, outputs, scheme, rng):
    """A W of shape (inputs, outputs), drawn by `rng`, which is a np.random.Generator. n stands for `inputs`.

    "xavier_uniform"  uniform between -bound and bound, bound = sqrt(6 / (inputs + outputs))      Glorot & Bengio, 2010
    "xavier_normal"   normal with mean 0 and standard deviation sqrt(2 / (inputs + outputs))      Glorot & Bengio, 2010
    "he_uniform"      uniform, bound = sqrt(6 / n)                                                He et al., 2015
    "he_normal"       normal, standard deviation sqrt(2 / n)                                      He et al., 2015
    "pytorch"         uniform, bound = 1 / sqrt(n), as nn.Linear draws its weights
    Raises ValueError for any other scheme.
    """
    raise NotImplementedError("init_weights")


def activation_statistics(x, layers, activation="tanh"):
    """For each hidden layer, after its activation: a tuple (mean, standard deviation, number of dead units).

    Mean and standard deviation are taken over all examples and all units of the layer, as np.mean and np.std do.
    A unit is dead if it says exactly 0 for every example of x.
    """
    raise NotImplementedError("activation_statistics")


# Level 3: two buffers -------------------------------------------------------------------------------------------------


class Inference:
    """The function `forward` for at most `rows` examples at a time, in two buffers that are made once.

    A buffer holds `rows` times the size of the widest hidden layer, at most. A call makes no new array but its result.
    """

    def __init__(self, layers, rows, activation="tanh"):
        raise NotImplementedError("Inference")

    def __call__(self, x):
        """forward(x, layers, activation), in an array of its own: a later call does not change it. x stays as it is.

        Raises ValueError for more than `rows` examples.
        """
        raise NotImplementedError("Inference")
