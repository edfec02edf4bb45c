# %% [markdown]
# # Lab: An engine for arrays
#
# The engine of [lab 09](09_lab_autograd_from_scratch.ipynb) keeps one number in a box. Now the box holds an array. You
# write it for arrays of one shape, then for arrays that are stretched to fit, then for matrix products, and train a
# classifier on it. What you write is judged by the tests of [Topic 08](../topics/08-tensor-autograd/README.md), which
# goes on from here.
#
# About two and a half hours, on a CPU. You need: `+`, `*` and `backward` as in lab 09, and NumPy as far as `sum(axis=0)`.
#
# include: 08/README.md, "Why anyone should care"

# %% setup
import numpy as np

from scripts.visualization_utils import confusion_map, training_curves
from utils.drawing import draw
from utils.engine import Tensor as Engine
from utils.lab import check, hint, keep, play, use

# %% [markdown]
# `Engine` is a finished one, or yours after `python3 learn.py own 08`; the examples run on it.
#
# ## Part 1: A box for an array
#
# include: 08/README.md, "box: a box for an array"
#
# The lines above `__init__` and below it are given.

# %% your turn: 08 box Tensor Tensor.__init__

# %% [markdown]
# ## Part 2: Forward
#
# include: 08/README.md, "forward: + * and a sum"

# %% your turn: 08 forward

# %% [markdown]
# ## Part 3: Backward
#
# include: 08/README.md, "backward: the way back, one array at a time"
#
# Write the three operations once more, with their way back:

# %% your turn: 08 backward Tensor.__add__ Tensor.__mul__ Tensor.sum Tensor.backward

# %% notes

# %% [markdown]
# ### See it
#
# In each box the shape, and a sign for each entry: up for above zero, down for below, paler where it is small. `predict`
# asks for shapes.

# %%
play("h = x * w; y = sum(h + x); y", use("08", "Tensor"), x=[[1.0, -2.0], [0.5, 3.0]], w=[[2.0, 1.0], [-1.0, 0.5]])

# %% [markdown]
# ### Again
#
# include: 08/README.md, "again: gradients add up until you clear them"

# %% your turn: 08 again

# %% notes

# %% [markdown]
# ## Part 4: A table of rules

# %%
from utils.engine import operation  # a finished one, for the examples; yours comes below

# %% [markdown]
# include: 08/README.md, "table: a table of rules"

# %% your turn: 08 table

# %% [markdown]
# ## Part 5: What was repeated is summed
#
# include: 08/README.md, "broadcast: what was repeated is summed"
#
# Write `unbroadcast` here, and call it in your `backward`; if `+`, `*` and `sum` are not rules yet, make them rules.

# %% your turn: 08 broadcast unbroadcast

# %% [markdown]
# The same, one step at a time, on a finished engine. Where the arrow goes back to `b`, it says over which axis is summed:

# %%
play("h = x + b; a = relu(h); loss = sum(a * a); loss", x=[[1.0, 2.0], [3.0, -4.0], [0.5, 1.5]], b=[0.5, -1.0])

# %% notes

# %% [markdown]
# ## Part 6: The matrix product
#
# include: 08/README.md, "matmul: the matrix product"

# %% your turn: 08 matmul

# %%
play("h = x @ w + b; loss = mean(h * h); loss", x=[[1.0, 2.0], [3.0, -4.0]], w=[[0.5, 1.0, 0.0], [-1.0, 0.5, 2.0]],
     b=[0.0, 0.5, -0.5])

# %% notes

# %% [markdown]
# ## Part 7: A classifier

# %%
from utils.engine import cross_entropy, no_grad

# %% [markdown]
# include: 08/README.md, "train: a classifier beside PyTorch" until "The test runs"

# %%
predictions = scores.data.argmax(axis=1)
confusion_map(classes.tolist(), predictions.tolist(), classes=[0, 1, 2])

# %% [markdown]
# The loss on its way, from the beginning, with three step sizes. The smallest is slow; the largest jumps about at first,
# and is lucky to settle:

# %%
def losses_with(rate, steps=40):
    random = np.random.default_rng(9)
    random.normal(size=(90, 2))  # the points above took these
    weights = [Engine(random.normal(size=shape) * 0.5, requires_grad=True) for shape in shapes]
    found = []
    for _ in range(steps):
        loss = cross_entropy((Engine(points) @ weights[0] + weights[1]).tanh() @ weights[2] + weights[3], classes)
        for w in weights:
            w.zero_grad()
        loss.backward()
        for w in weights:
            w.data -= rate * w.grad
        found.append(loss.item())
    return found


training_curves({f"step size {rate:g}": losses_with(rate) for rate in (0.1, 1.0, 10.0)})

# %% notes

# %% [markdown]
# ## Part 8: Beside PyTorch
#
# Needs PyTorch: `python3 -m pip install torch`.
#
# include: 08/README.md, "What changes when you go back to PyTorch"

# %% notes

# %% [markdown]
# ## Recap
#
# include: 08/README.md, "Key insight"

# %%
keep("08")
