"""Further: elementwise work a block at a time, so that nothing but inputs and gradients is ever in main memory.

    summed(function)(x, y)      the sum over all entries of function(x, y), for a function that works entry by entry

What changed   each operation on a large array reads it from main memory and writes another one there, and backward does
               so once more. Here a block of entries goes through all operations, forward and back, while it is in the
               processor's cache; then comes the next block.
What it buys   of 50 operations on a large array no result is ever in main memory: one step holds 4 arrays as large as
               an input at its peak (two gradients, and what backward makes of them), where level 3 holds 51.
What it costs  the function must treat every entry by itself: no sums, no matrix products, one shape for all inputs. The
               gradients are made on the way there, whether backward comes by or not.
"""

import numpy as np

from utils.engine import Tensor, operation

BLOCK = 32_768  # entries: 50 operations keep 6 MB of them, which a processor's last cache holds. Less is more Python


def summed(function):
    """The tensor function (*inputs) -> sum of function(*inputs) over all entries."""

    @operation
    def sum_in_blocks(*arrays):
        flat = [array.reshape(-1) for array in arrays]
        gradients = [np.empty(array.shape, array.dtype) for array in arrays]
        total = 0.0
        for start in range(0, flat[0].size, BLOCK):
            part = slice(start, start + BLOCK)
            leaves = [Tensor(array[part], requires_grad=True) for array in flat]
            result = function(*leaves).sum()
            result.backward()  # at once, while the block's arrays are still in the cache
            total += result.item()
            for gradient, leaf in zip(gradients, leaves, strict=True):
                gradient.reshape(-1)[part] = 0 if leaf.grad is None else leaf.grad
        return np.asarray(total, arrays[0].dtype), [lambda g, d=gradient: g * d for gradient in gradients]

    return sum_in_blocks
