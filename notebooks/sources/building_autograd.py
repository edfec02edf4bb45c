# %% [markdown]
# # Building autograd
#
# From differentiating by hand to a class that does it, and from there to a network that learns on it. PyTorch stands
# beside it at the end.
#
# About two hours, on a CPU. [Lab 09](09_lab_autograd_from_scratch.ipynb) lets you write `+`, `*` and `backward`
# yourself; here they are given, and you write the rest.

# %% setup
from utils.drawing import draw, draw_dot
from utils.lab import check, hint, peak_memory, play, use
from utils.plots import training_curves

# %% [markdown]
# ## 1. The idea
#
# include: 02/intuition.md, "2. Three ways to get the factors"
#
# include: 02/intuition.md, "3. An expression is a graph already"

# %% notes

# %% [markdown]
# ### An example, and a path that is easily forgotten
#
# include: 02/README.md, "forgotten-path: the forgotten path" until "**Run your engine"

# %% notes

# %% [markdown]
# ## 2. The class
#
# A value knows four things: its number, its gradient, the values it was made from, and how to pass a gradient on to
# them. `backward` lists the graph so that parents come first, and goes through the list from its end: a value passes
# its gradient on only when it is complete.

# %% code: 02/level02 Value.__init__ Value.__repr__ Value.__add__ Value.__mul__ Value.__pow__ Value._unary Value.__neg__ Value.__sub__ Value.__truediv__ Value.__radd__ Value.__rmul__ Value.__rsub__ Value.__rtruediv__ Value.__rpow__ Value.backward Value.zero_grad _as_value

# %%
import math

a, b = Value(2.0, label="a"), Value(3.0, label="b")
c = a + b
d = c * a
e = c * d
e.backward()
print("e", e.data, "  de/dc", c.grad, "  de/da", a.grad, "  de/db", b.grad)

# %% [markdown]
# 45 and 20, as you found by following all paths. Three small operations of the class, minus, division and the sign, have
# no way back of their own: they are put together from others, and the graph has it.
#
# ## 3. Your turn: the activations
#
# include: 02/README.md, "activations: relu tanh sigmoid exp log" until "**Own"
#
# One warning before you write tanh. The formula (e^2x − 1) / (e^2x + 1) is right, and a program that computes it so is
# not: at x = 400 the exponential overflows, although tanh is 1 there. `math.tanh` does not.

# %% your turn: 02 activations

# %%
Engine = use("02", "Value")

x, y = Engine(0.5, label="x"), Engine(-1.0, label="y")
w = (x**2 + y**2).tanh()
w.backward()
print(f"w {w.data:.4f}   dw/dx {x.grad:.4f}   dw/dy {y.grad:.4f}")

h = 1e-6
f = lambda x, y: math.tanh(x**2 + y**2)
print(f"nudged:      dw/dx {(f(0.5 + h, -1) - f(0.5 - h, -1)) / (2 * h):.4f}"
      f"   dw/dy {(f(0.5, -1 + h) - f(0.5, -1 - h)) / (2 * h):.4f}")

# %% notes

# %% [markdown]
# ## 4. A network
#
# include: 05/README.md, "neuron: a neuron of Values" until "**Own"
#
# **Your turn**, three classes, one after the other. `Neuron` draws its weights one by one with `rng.uniform(-1.0, 1.0)`,
# and its bias starts at 0.0. A `Layer` of one neuron gives back its value and no list. The last layer of an `MLP` has
# no activation.

# %% your turn: 05 neuron

# %% your turn: 05 layer

# %% your turn: 05 network

# %% [markdown]
# ### Training
#
# Four samples with three numbers each. You may have seen them called "XOR-like"; a plane separates the two kinds, so
# one neuron could do it. They are good for seeing every gradient point the right way. And the loss below is a *sum* of
# squares. Divided by four it would be their mean.

# %%
import random

Network = use("05", "MLP")

samples = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
targets = [1.0, -1.0, -1.0, 1.0]
print("MLP(3, [4, 1]) has", len(Network(3, [4, 1]).parameters()), "parameters")
net = Network(3, [4, 4, 1], rng=random.Random(3))
print("MLP(3, [4, 4, 1]) has", len(net.parameters()), "parameters\n")

losses = []
for epoch in range(100):
    loss = sum((net(x) - y) ** 2 for x, y in zip(samples, targets))
    for parameter in net.parameters():
        parameter.zero_grad()  # gradients add up, and those of the last round are still there
    loss.backward()
    for parameter in net.parameters():
        parameter.data -= 0.05 * parameter.grad
    losses.append(loss.data)
    if epoch % 10 == 0 or epoch == 99:
        print(f"epoch {epoch:3}   loss {loss.data:.6f}")

# %%
training_curves(losses, target=0.01, x_name="epoch")

# %%
print("wanted   predicted")
for x, y in zip(samples, targets):
    print(f"{y:6.1f}   {net(x).data:9.4f}")
print(f"\nThis notebook has needed at most {peak_memory():.0f} MB so far.")

# %% notes

# %% [markdown]
# ## 5. Beside PyTorch
#
# Needs PyTorch: `python3 -m pip install torch`. A comparison proves something only where both have something to say.
# One that has been copied often compares tanh(x² + y²) at (2, 3): that is tanh(13), where PyTorch's float32 gradient is
# exactly 0. An engine that always returned 0 would pass it. So, at points that are not flat, in float64:

# %%
import torch

print("      x     y    engine                 PyTorch                float32")
for x0, y0 in ((0.5, -1.0), (0.3, 0.8), (-0.7, 0.1), (2.0, 3.0)):
    x, y = Engine(x0), Engine(y0)
    (x**2 + y**2).tanh().backward()
    found = []
    for kind in (torch.float64, torch.float32):
        tx, ty = (torch.tensor(number, dtype=kind, requires_grad=True) for number in (x0, y0))
        torch.tanh(tx**2 + ty**2).backward()
        found.append(tx.grad.item())
    print(f"{x0:7.1f} {y0:5.1f}    {x.grad:<20.14g}   {found[0]:<20.14g}   {found[1]:.7g}")

# %% [markdown]
# In the last row float32 says 0, and an engine that always said 0 would look right. The columns in float64 agree there
# as well, to ten digits or so, and that does prove something.

# %% notes

# %% [markdown]
# ## 6. The graph as a picture
#
# `draw_dot` draws what leads to a value and `render` writes `comp_graph.svg`; without Graphviz it becomes a text file,
# and says so.

# %%
x, y = Engine(2.0, label="x"), Engine(3.0, label="y")
z = x * y
z.label = "z"
w = z + x
w.label = "w"
w.backward()
draw(w, rankdir="TB")

# %%
import tempfile

with tempfile.TemporaryDirectory() as folder:
    print(Path(draw_dot(w, format="svg", rankdir="LR").render(f"{folder}/comp_graph")).name)

# %%
play("z = x*y; w = z + x", Engine, x=2, y=3)

# %% [markdown]
# ## 7. What PyTorch does beyond this
#
# include: 02/README.md, "What changes when you go back to PyTorch" from "**Different.**"

# %% notes

# %% [markdown]
# ## 8. What to add to it
#
# | extension | where the course builds it |
# |---|---|
# | arrays of n dimensions, broadcasting, matrix products | Topics 01 and 08 |
# | convolution, normalization, attention | Topics 12, 14 and 25 |
# | softmax with cross-entropy | [Topic 04](../topics/04-losses/README.md), [Topic 06](../topics/06-backpropagation/README.md) |
# | operations in place; memory | Topics 18 and 19 |
# | static and dynamic graphs; a GPU | Topics 23 and 35 |
#
# Topics that are not linked are planned; the [front page](../README.md) lists those that are here.
#
# ## Exercises
#
# relu and sigmoid you have written. [exercises.md](../topics/02-autograd-engine/exercises.md) goes on with matrix
# products, a convolution in seven loops and a value of n dimensions, all made of single Values, with tests.

# %% notes
