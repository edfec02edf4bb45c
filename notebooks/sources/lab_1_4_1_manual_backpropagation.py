# %% [markdown]
# # Lab 1.4.1: Manual backpropagation
#
# You go backward through a network by hand: one neuron first, then three layers with one line for each gradient. Every
# gradient agrees with PyTorch to 1e-6, and the network learns XOR. What you write is judged by the tests of
# [Topic 06](../topics/06-backpropagation/README.md), which goes on from here.
#
# About two hours. You need: what a slope is, and NumPy's `@`, `.T` and `sum`.
#
# include: 06/README.md, "Why anyone should care"
#
# ## Objectives
#
# include: 06/README.md, "Objectives"

# %% setup
import numpy as np

from scripts.visualization_utils import decision_boundary, loss_landscape, training_curves
from utils.lab import check, hint, keep, use

# %% [markdown]
# ## What a gradient says
#
# include: 06/intuition.md, "1. What a gradient says, and what it does not"
#
# ## Part 1: The chain rule
#
# include: 06/README.md, "chain: the chain rule, checked by numbers"

# %% your turn: 06 chain

# %% [markdown]
# **Checkpoint.** Slopes along a chain are multiplied, each taken at its own input.

# %% notes

# %% [markdown]
# ## Part 2: One neuron
#
# include: 06/README.md, "neuron: one neuron by hand"

# %% your turn: 06 neuron

# %% [markdown]
# PyTorch finds the same (needs `python3 -m pip install torch`):

# %%
import torch

neuron_here = use("06", "neuron")
w, b = (torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (0.5, 0.1))
loss = (torch.sigmoid(w * 2.0 + b) - 1.0) ** 2
loss.backward()
found = neuron_here(2.0, 1.0, 0.5, 0.1)
print(f"PyTorch   loss {loss.item():.6f}   dw {w.grad.item():.6f}   db {b.grad.item():.6f}")
print(f"by hand   loss {found['loss']:.6f}   dw {found['dw']:.6f}   db {found['db']:.6f}")

# %% [markdown]
# ### Try it yourself 1: the same with ReLU
#
# include: 06/README.md, "relu-neuron: the neuron with ReLU"
#
# Go back to your cell above, let `neuron` know `"relu"` as well, run that cell again, then this one:

# %%
check("06", "relu-neuron")

# %% [markdown]
# **Checkpoint.** Each line of backward is the line before it times one local slope. A sigmoid always lets something
# through; a ReLU that is off lets nothing through.

# %% notes

# %% [markdown]
# ## Part 3: Three layers
#
# include: 06/intuition.md, "5. Why layers?"
#
# ### Forward
#
# include: 06/README.md, "forward: forward through three layers"

# %% your turn: 06 forward

# %% [markdown]
# ### The loss
#
# include: 06/README.md, "loss: one number for how wrong it is"

# %% your turn: 06 loss

# %% [markdown]
# ### Backward
#
# include: 06/README.md, "backward: one line for each gradient" until "To see one caught"

# %% your turn: 06 backward

# %% [markdown]
# The four mistakes, caught: plant one of them in your `backward`, run the cell, read what it says, and take it out
# again. `hint("06", "ManualMLP.backward")` helps if you are stuck.
#
# **Checkpoint.** Forward keeps what came into each layer. Backward takes it out again: dW is what came in times dz, db is
# dz summed over the samples, and dh goes on through W and the mask.

# %% notes

# %% [markdown]
# ## Part 4: Beside PyTorch
#
# The data is XOR, which you will train on next: 1 where exactly one of two inputs is 1.

# %%
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
Network = use("06", "ManualMLP")

# %% [markdown]
# The same weights in both, every gradient, in float64. `nn.Linear` keeps its weights as (outputs, inputs), so a
# transpose stands between the two.

# %%
import torch.nn as nn

network = Network(rng=np.random.default_rng(4))
network.forward(X)
gradients = network.backward(y)

twin = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1), nn.Sigmoid()).double()
with torch.no_grad():
    for k, layer in enumerate((twin[0], twin[2], twin[4]), start=1):
        layer.weight.copy_(torch.from_numpy(getattr(network, f"W{k}").T))
        layer.bias.copy_(torch.from_numpy(getattr(network, f"b{k}").ravel()))
nn.functional.mse_loss(twin(torch.from_numpy(X)), torch.from_numpy(y)).backward()

for k, layer in enumerate((twin[0], twin[2], twin[4]), start=1):
    dW, db = layer.weight.grad.numpy().T, layer.bias.grad.numpy().reshape(1, -1)
    print(f"dW{k} differs by at most {np.abs(gradients[f'dW{k}'] - dW).max():.1e},"
          f"  db{k} by {np.abs(gradients[f'db{k}'] - db).max():.1e}")

# %% notes

# %% [markdown]
# ## Part 5: XOR, learnt
#
# include: 06/README.md, "train: XOR, learnt" until "Seed 4 gets"

# %% your turn: 06 train

# %%
train_here, Network = use("06", "train"), use("06", "ManualMLP")

network = Network(rng=np.random.default_rng(4))
losses = train_here(network, X, y, learning_rate=1.0, steps=1000)
for step in (0, 200, 400, 600, 800, 999):
    print(f"step {step:4}   loss {losses[step]:.6f}")
answers = network.forward(X)
print(f"\naccuracy {100 * np.mean((answers > 0.5) == (y > 0.5)):.0f} %")
for sample, said, wanted in zip(X, answers, y):
    print(f"{sample}  says {said[0]:.4f}, should say {wanted[0]:.0f}")

# %%
training_curves(losses, target=0.01)

# %%
decision_boundary(lambda points: network.forward(np.array(points)), X, y)

# %% [markdown]
# Blue is where the network says 1, orange where it says 0; the samples have the color of their target, and the black
# line is 0.5.
#
# ### Seeds that learn and seeds that die
#
# include: 06/README.md, "xor: seeds that learn and seeds that die" until "What helps is"

# %%
alive, dead = Network(rng=np.random.default_rng(4)), Network(rng=np.random.default_rng(3))
training_curves({f"seed {seed}": train_here(one, X, y, learning_rate=1.0, steps=300)
                 for seed, one in ((4, alive), (3, dead))}, target=0.01)

# %% [markdown]
# Where are the gradients? The largest of each array, at the beginning:

# %%
for seed in (4, 3):
    one = Network(rng=np.random.default_rng(seed))
    one.forward(X)
    print(f"seed {seed}:", {name: float(np.abs(g).max().round(4)) for name, g in one.backward(y).items()})

# %% [markdown]
# And the valley that seed 4 went down, seen along the two directions in which its parameters moved most:

# %%
names = ("W1", "b1", "W2", "b2", "W3", "b3")
one, way = Network(rng=np.random.default_rng(4)), []
for _ in range(200):
    way.append([getattr(one, name).copy() for name in names])
    one.forward(X)
    one.update_params(one.backward(y), 1.0)


def loss_of(parameters):
    for name, array in zip(names, parameters):
        setattr(one, name, array)
    return one.compute_loss(one.forward(X), y)


loss_landscape(loss_of, around=way[-1], paths={"gradient descent": way})

# %% notes

# %% [markdown]
# ## Try it yourself 2: a fourth layer
#
# include: 06/README.md, "fourth: a fourth layer, and then any number"

# %% your turn: 06 fourth

# %% [markdown]
# ## Challenge: binary cross-entropy
#
# include: 06/README.md, "bce: binary cross-entropy: ŷ − y"
#
# Extend your `MLP` in its cell, run it again, then:

# %%
check("06", "bce")

# %% notes

# %% [markdown]
# ## Recap
#
# - Forward keeps what backward needs. Backward multiplies by local slopes, from the right to the left.
# - A gradient has the shape of what it belongs to, and that settles the order of each product.
# - Where something was used several times, contributions add up; a bias was used by the whole batch.
# - A mean divides the loss, and so its gradient, once.
# - A network can have right gradients and not learn.
#
# Go on with the file that you have written here, and the rest of Topic 06:

# %%
keep("06")

# %% [markdown]
# ### Ready-made pieces
#
# `scripts/math_utils.py` holds finished activations, losses, optimizers and checks for projects of your own;
# `scripts/visualization_utils.py` the pictures of this notebook.

# %%
from scripts.math_utils import Adam, check_gradient, relu, sigmoid, softmax

numbers = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
print("sigmoid", sigmoid(numbers).round(4))
print("relu   ", relu(numbers))
print("softmax", softmax(numbers).round(4))
opt, params = Adam(lr=0.1), np.array([5.0, 5.0])
for _ in range(3):
    params = opt.step(params, 2 * params)
print("Adam, three steps down x² + y²:", params.round(4))

# %% [markdown]
# Next: [lab 1.4.2, optimizers](lab_1_4_2_optimizers.ipynb). Here are [questions](../topics/06-backpropagation/questions.md)
# as an interviewer would ask them, and a [refresher](../topics/06-backpropagation/math-refresh.md) on matrix products.
#
# include: 06/README.md, "Related topics" from "Further reading"
