# %% [markdown]
# # Lab 09: Autograd from scratch
#
# You build the engine that `loss.backward()` is made of: one class, in plain Python, that computes like a number and
# can then say how every input moves the result. You chain gradients by hand first, then let the class do it, watch it
# go forward and backward, and put it beside PyTorch.
#
# About 90 minutes. A CPU is enough, no library is needed until PyTorch at the very end, and the whole scalar part stays
# below 100 MB of memory; a cell measures it. Cells that begin with `# Your turn` are judged by the same tests as the
# course's [Topic 02](../topics/02-autograd-engine/README.md), and say which mistake makes exactly the number you got.
#
# - [ ] chain gradients by hand
# - [ ] write the forward and the backward pass of `+` and `*`
# - [ ] say why a value that is used twice collects twice
# - [ ] see the graph, and step through it
# - [ ] get the same numbers as PyTorch

# %% setup
from utils.lab import check, hint, keep, peak_memory, play, use

# %% [markdown]
# ## 1. A nudge
#
# include: 02/intuition.md, "1. A nudge"

# %% notes

# %% [markdown]
# ## 2. Chained by hand
#
# include: 02/intuition.md, "7. A neuron, chained by hand" until "Notice how mechanical"
#
# Notice how mechanical it was. Every line says *upstream times local*, in the reverse order of the forward lines. The
# rest of this lab is the machine that writes these lines for you.

# %% notes

# %% [markdown]
# ## 3. A box for a number
#
# A plain number cannot remember where it came from. So it goes into a box: `data` is the number, `grad` starts at 0.0.
# `_children` are the values it was computed from, `_op` is the sign, `label` a name for pictures; keep them as `_prev`,
# `_op` and `label`. Replace the `raise`.

# %% your turn: 02 box Value Value.__init__

# %% [markdown]
# ## 4. Forward: + and * build a graph
#
# include: 02/README.md, "forward: + and * build a graph" until "**Own"
#
# **Your turn.** `class Value(Value)` goes on with the class you have: everything from above stays, the two methods are
# added. If you like intermediates that name themselves, give the result `label=f"({self.label}+{other.label})"`.

# %% your turn: 02 forward

# %% [markdown]
# ## 5. Backward
#
# include: 02/README.md, "backward: backward along a chain" until "**Own"
#
# **Your turn.** Write `+` and `*` once more, now with their way back, and `backward`, which starts it all with a 1.
# For each operation ask twice: if this parent grows by a nudge, how many nudges does the result grow? Stuck? Run
# `hint("02", "Value.backward")` in a cell of its own.

# %% your turn: 02 backward Value.__add__ Value.__mul__ Value.backward

# %% notes

# %% [markdown]
# ## 6. The forgotten path
#
# include: 02/README.md, "forgotten-path: the forgotten path" until "**Run your engine"
#
# Now ask your engine. `use` takes yours if its checks here have passed, and lends you a finished one until then.

# %%
Engine = use("02", "Value")

a, b = Engine(2.0, label="a"), Engine(3.0, label="b")
c = a + b
d = c * a
e = c * d
e.backward()
print("de/da", a.grad, "  de/db", b.grad, "  de/dc", c.grad)

# %%
check("02", "forgotten-path")

# %% [markdown]
# ## 7. See it
#
# A box is a value with its gradient, a circle an operation; the number on an arrow is the local derivative, where the
# engine keeps its way back under the name `_backward`. Two arrows leave `a`, and two leave `c`.

# %%
from utils.drawing import draw

draw(e)

# %% [markdown]
# And one step at a time, by the buttons or, after a click into the frame, by the arrow keys. Choose *predict* and type
# each number before you see it. If your engine has a mistake, *compare* points at the arrow where it happens.

# %%
play("c = a + b; d = c*a; e = c*d", Engine, a=2, b=3)

# %% [markdown]
# ## 8. The neuron, by machine
#
# The neuron of section 2 on the engine; the product by 1.0 stands where an activation will be.

# %%
x1, x2 = Engine(2.0, label="x1"), Engine(-3.0, label="x2")
w1, w2 = Engine(-1.0, label="w1"), Engine(3.0, label="w2")
b, one = Engine(0.5, label="b"), Engine(1.0, label="one")
out = (x1 * w1 + x2 * w2 + b) * one
out.backward()
print("out", out.data)
for value in (x1, x2, w1, w2, b):
    print(f"{value.label:3} forward {value.data:5.1f}   backward {value.grad:5.1f}")

# %%
draw(out)

# %% [markdown]
# Read the numbers in the boxes from left to right: forward. Then the gradients from right to left: backward.

# %% notes

# %% [markdown]
# ## 9. Why the order matters
#
# include: 02/intuition.md, "8. Why the order matters"
#
# **Your turn, if you have the time**: a `backward` that visits each value once, parents after all their users. Its `+`
# and `*` pass the whole gradient on, so they look a little different. The check runs it on 22 stacked diamonds, which
# is no time at all for one sweep, and more than four million paths for the other way.

# %%
# Your turn: one sweep in the right order. Write class Value(Value): with its `+`, `*` and `backward` above the check.


check("02", "sweep")


# %% [markdown]
# ## 10. What it cost

# %%
print(f"This notebook has needed at most {peak_memory():.0f} MB so far.")

# %% [markdown]
# ## 11. Beside PyTorch
#
# The same neuron. This part needs PyTorch: `python3 -m pip install torch` if the next cell says that there is none.

# %%
import torch

leaves = {"x1": 2.0, "x2": -3.0, "w1": -1.0, "w2": 3.0, "b": 0.5}
t = {name: torch.tensor(number, requires_grad=True) for name, number in leaves.items()}
result = (t["x1"] * t["w1"] + t["x2"] * t["w2"] + t["b"]) * 1.0
result.backward()
print("out", result.item())
for name, value in zip(leaves, (x1, x2, w1, w2, b)):
    print(f"{name:3} PyTorch {t[name].grad.item():5.1f}   the engine {value.grad:5.1f}")

# %% [markdown]
# ## 12. Your turn: a tiny network
#
# Two inputs, one hidden node, one output, with a real activation. Forward, backward, and compared with numbers that
# PyTorch computed.
#
# include: 05/README.md, "your-turn: two inputs, one hidden node, one output" until "**Worked"
#
# First teach your engine tanh. Its local derivative is 1 − t², where t is the result. A living class can learn a new
# operation: write a function, and put it into the class.

# %%
import math


def tanh(self):
    raise NotImplementedError("Value.tanh")


Value.tanh = tanh

# %% [markdown]
# Then the network, with nothing but your `Value`. If yours cannot subtract, add `Value(-y)`; a square is a product.

# %% your turn: 05 your-turn

# %% notes

# %% [markdown]
# ## Summary
#
# include: 02/intuition.md, "10. The engine in four sentences"
#
# Your engine can become a file of the course, where levels 2 to 4 wait for it; a file that is there is not touched.

# %%
keep("02")
