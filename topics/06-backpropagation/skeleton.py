"""The contract of this topic: write every name below, level by level.

`python3 learn.py start 06` copies this file to `workspace/backpropagation.py`. You work there. Nothing in it is ever
overwritten.

Shapes. n is the number of samples in a batch. Samples stand in rows, so every array of a layer has n rows:

    X       (n, inputs)          one sample in each row
    W       (inputs, outputs)    column j holds the weights of neuron j, and z = h @ W + b with no transpose
    b       (1, outputs)         one row, added to every sample
    z, h    (n, outputs)         before and after the activation
    dW, db  as W and b           a gradient always has the shape of what it belongs to

`dA` is short for dL/dA: how far the loss L moves for each unit that an entry of A moves. All numbers are float64.
ReLU has slope 0 at z = 0, as in PyTorch. No function changes an array that it is given.
"""

# ruff: noqa: F401, N803  np waits for your code; X is the name that the mathematics uses

import numpy as np

# Level 1: one neuron, then a network of three layers ------------------------------------------------------------------


def chain_rule(x):
    """The pair (y, dy/dx) of y = 2g + 1 with g = x²: the slope is the product of the two local slopes."""
    raise NotImplementedError("chain_rule")


def neuron(x, y, w, b, activation="sigmoid"):
    """Forward and backward of one neuron, by hand: a dict of numbers.

    Forward: "z" = w·x + b, "y_hat" = activation(z), "loss" = (y_hat - y)².
    Backward: "dy_hat", "dz", "dw" and "db", the slopes of the loss with respect to these.

    Level 1: activation "sigmoid".   Level 2: also "relu".
    """
    raise NotImplementedError("neuron")


class ManualMLP:
    """A network of three layers: ReLU after the first two, sigmoid after the last; mean squared error.

    Attributes W1, b1, W2, b2, W3, b3, which anyone may replace by other arrays of the same shape.
    """

    def __init__(self, input_size=2, hidden1_size=3, hidden2_size=2, output_size=1, rng=None):
        """Weights normal with standard deviation sqrt(2 / inputs of their layer) (He et al. 2015); biases zero.

        `rng` is a np.random.Generator, None for a fresh one. W1, W2 and W3 are drawn in this order, each by one
        `rng.standard_normal(shape)`.
        """
        raise NotImplementedError("ManualMLP")

    def forward(self, X):
        """The predictions y_hat for a batch X (n, inputs): shape (n, outputs). Keeps what `backward` needs."""
        raise NotImplementedError("ManualMLP.forward")

    def compute_loss(self, y_hat, y):
        """The mean of (y_hat - y)² over all entries, one float. Both have shape (n, outputs)."""
        raise NotImplementedError("ManualMLP.compute_loss")

    def backward(self, y):
        """The gradients of the loss of the last `forward`: a dict of "dW1", "db1", "dW2", "db2", "dW3", "db3".

        `y` has shape (n, outputs). The arrays are new each time; the parameters stay as they are.
        """
        raise NotImplementedError("ManualMLP.backward")

    def update_params(self, grads, learning_rate=0.01):
        """One step of gradient descent: each parameter moves by -learning_rate times its gradient in `grads`."""
        raise NotImplementedError("ManualMLP.update_params")


def train(network, X, y, learning_rate=1.0, steps=1000):
    """`steps` times forward, loss, backward, update on the whole batch; a list of the losses, one for each forward."""
    raise NotImplementedError("train")


# Level 2: any number of layers, other activations, other losses -------------------------------------------------------


class MLP:
    """A network of len(sizes) - 1 layers: `hidden` after all but the last, sigmoid after the last.

    `parameters` is a dict of "W1", "b1", ..., numbered from the input; anyone may replace them by others of
    the same shape.
    """

    def __init__(self, sizes, hidden="relu", loss="mse", rng=None):
        """`sizes` counts the neurons from input to output, as in (2, 4, 3, 2, 1).

        hidden: "relu"; "leaky_relu", which is z for z > 0 and 0.01·z elsewhere; or "tanh".
        loss: "mse", or "bce" for binary cross-entropy.
        Weights normal as in ManualMLP, W1 first; for "tanh" the standard deviation of a layer is sqrt(2 / (inputs +
        outputs)) (Glorot and Bengio 2010, called Xavier). Biases zero.
        """
        raise NotImplementedError("MLP")

    def forward(self, X):
        """As ManualMLP.forward. Level 3: keeps one array of shape (n, outputs) for each layer, and X itself."""
        raise NotImplementedError("MLP.forward")

    def compute_loss(self, y_hat, y):
        """One float. "mse": as in ManualMLP. "bce": the mean over all entries of
        -(y·ln(y_hat) + (1 - y)·ln(1 - y_hat)).

        A logarithm below -100 counts as -100, as in PyTorch, so the loss stays finite at y_hat = 0 and 1.
        Raises ValueError where y_hat and y differ in shape: NumPy would spread (n, 1) against (n,) to (n, n).
        """
        raise NotImplementedError("MLP.compute_loss")

    def backward(self, y):
        """As ManualMLP.backward, with "dW1" to "db<layers>". Raises ValueError where y has not the shape of y_hat.

        Level 3: works in the arrays it has made itself; holds two arrays of one layer at a time, and the gradients.
        """
        raise NotImplementedError("MLP.backward")

    def update_params(self, grads, learning_rate=0.01):
        """As ManualMLP.update_params."""
        raise NotImplementedError("MLP.update_params")


def softmax_cross_entropy(logits, labels):
    """The pair (loss, dlogits) of n samples with C classes; `logits` (n, C), `labels` n integers from 0 to C - 1.

    The loss is the mean over the samples of -ln(p[label]), where p = softmax(logits) of that row; dlogits is its
    gradient, shape (n, C). Right for logits of any size. Level 3: no more than one array of shape (n, C) is made.
    """
    raise NotImplementedError("softmax_cross_entropy")
