# %% [markdown]
# # Lab 1.4.2: Optimizers
#
# A gradient says which way is downhill. An optimizer decides how far to go, and what to remember. You write six of
# them, from gradient descent to AdamW, and watch them walk. What you write is judged by the tests of
# [Topic 07](../topics/07-optimizers/README.md), which goes on from here.
#
# About two hours. You need: what a gradient is, and NumPy arrays as far as `a * b` and `a.shape`.
#
# include: 07/README.md, "Why anyone should care"

# %% setup
import numpy as np

from scripts.visualization_utils import curves, loss_landscape, training_curves
from utils.engine import Value as Engine
from utils.lab import check, hint, keep, use

# %% [markdown]
# ## Part 1: One step downhill
#
# include: 07/README.md, "downhill: one step downhill"

# %% your turn: 07 downhill

# %% notes

# %% [markdown]
# ## Part 2: A heavy ball
#
# include: 07/README.md, "velocity: a heavy ball"

# %% your turn: 07 velocity

# %% [markdown]
# Both, down a valley that is 25 times as steep across as along:

# %%
STEEP, START = np.array([1.0, 25.0]), np.array([-10.0, 2.0])


def height(x, y):
    return (x**2 + 25 * y**2) / 2


def way_of(opt, steps=60):
    """The points of an optimizer's way down the valley."""
    points = [START]
    for _ in range(steps):
        points.append(opt.step(points[-1], STEEP * points[-1]))
    return points


ways = {"SGD, lr 0.07": way_of(use("07", "SGD")(lr=0.07)), "Momentum, lr 0.02": way_of(use("07", "Momentum")(lr=0.02))}
loss_landscape(height, (-12, 8), (-3, 3), paths=ways, title="(x² + 25y²)/2")

# %% notes

# %% [markdown]
# ## Part 3: An array or a list of arrays
#
# include: 07/README.md, "lists: an array or a list of arrays"
#
# Write both anew below, in whatever form you like:

# %%
# Your turn: an array or a list of arrays. Write SGD and Momentum above the check.


check("07", "lists")


# %% [markdown]
# ## Part 4: Looking ahead
#
# include: 07/README.md, "ahead: looking ahead"

# %% your turn: 07 ahead

# %% [markdown]
# ## Part 5: A step size for every number
#
# include: 07/README.md, "scale: a step size for every number"

# %% your turn: 07 scale

# %% [markdown]
# ## Part 6: Adam
#
# include: 07/README.md, "adam: Adam, and its first steps"

# %% your turn: 07 adam

# %% notes

# %% [markdown]
# ## Part 7: Weight decay
#
# include: 07/README.md, "decay: weight decay beside the means"

# %% your turn: 07 decay

# %% [markdown]
# ## Part 8: A schedule and a clip
#
# include: 07/README.md, "steer: a schedule and a clip"

# %% your turn: 07 steer

# %%
schedule = use("07", "warmup_cosine")
steps = range(1, 101)
curves(steps, {"warm-up 10, then half a cosine": [schedule(step, 10, 100, 1.0) for step in steps]},
       title="Learning rate", x_name="step")

# %% notes

# %% [markdown]
# ## Part 9: All of them
#
# The height over the steps, on a logarithmic scale. Each has its own learning rate, so this is no race.

# %%
chosen = {"SGD": 0.07, "Momentum": 0.02, "Nesterov": 0.02, "RMSProp": 0.3, "Adam": 0.5, "AdamW": 0.5}
ways = {f"{name}, lr {lr:g}": way_of(use("07", name)(lr=lr)) for name, lr in chosen.items()}
training_curves({name: [height(*point) for point in way] for name, way in ways.items()}, title="Height in the valley")

# %%
loss_landscape(height, (-12, 8), (-3, 3), title="(x² + 25y²)/2",
               paths={name: way for name, way in ways.items() if name.split(",")[0] in ("SGD", "Momentum", "Adam")})

# %% [markdown]
# ## Part 10: Beside PyTorch
#
# Needs PyTorch: `python3 -m pip install torch`. Sixty steps each, in float64; the largest difference on the way:

# %%
import torch

twins = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "Momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "RMSProp": lambda p, lr: torch.optim.RMSprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
    "AdamW": lambda p, lr: torch.optim.AdamW(p, lr),
}
for name, lr in chosen.items():
    point = torch.tensor(START, requires_grad=True)
    opt, worst = twins[name]([point], lr), 0.0
    for ours in ways[f"{name}, lr {lr:g}"][1:]:
        opt.zero_grad()
        (point**2 * torch.tensor(STEEP)).sum().div(2).backward()
        opt.step()
        worst = max(worst, np.abs(point.detach().numpy() - ours).max())
    print(f"{name:9} {worst:.1e}")

# %% [markdown]
# include: 07/README.md, "What changes when you go back to PyTorch" from "**Different.**"

# %% notes

# %% [markdown]
# ## Recap
#
# include: 07/README.md, "Key insight"

# %%
keep("07")
