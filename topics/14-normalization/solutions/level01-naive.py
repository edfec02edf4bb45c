"""Level 1, naive: normalization out of operations that are there, so that backward comes by itself.

What it is     the definition, line by line, on tensors: mean, variance, a quotient.
What it buys   nothing has to be derived.
What it costs  batch_norm is eleven operations: four arrays of the size of x wait for backward beside x itself, and a
               forward and backward hold nine at once.
"""


def normalize(x, axis, eps=1e-5):
    centered = x - x.mean(axis=axis, keepdims=True)
    variance = (centered * centered).mean(axis=axis, keepdims=True)
    return centered / (variance + eps).sqrt()


def batch_norm(x, gain, shift, eps=1e-5):
    return normalize(x, 0, eps) * gain + shift
