# %% [markdown]
# # The mechanics of backprop
#
# You open the box. One neuron with a sigmoid goes forward and backward in small steps, each a *local* gradient times
# the one that comes from *upstream*; then in one large step; then in PyTorch. In between you add an operation to a
# living class.
#
# About 45 minutes, on a CPU. Before: what `+` and `*` do on the way back, as in
# [lab 09](09_lab_autograd_from_scratch.ipynb) or [Topic 02](../topics/02-autograd-engine/README.md).

# %% setup
from utils.drawing import draw
from utils.lab import check, hint, peak_memory, play

# %% [markdown]
# ## 1. Upstream times local
#
# include: 02/intuition.md, "4. Upstream times local"

# %% notes

# %% [markdown]
# ## 2. A small engine
#
# The class can add, multiply and go backward. Read it once from top to bottom: every operation keeps its parents, and
# puts the function that passes a gradient on into its result. `self.grad +=` and not `=`, because a value may be used
# twice.

# %% code: 02/level02 Value.__init__ Value.__repr__ Value.__add__ Value.__mul__ Value.__neg__ Value.__radd__ Value.backward _as_value

# %% [markdown]
# ## 3. Your turn: two operations for a living class
#
# The circuit below needs two operations that this class does not have. `exp`: the local derivative is the result
# itself. And the power, for `d**-1`: the local of `a ** n` is n·a^(n−1). Here is one operation in full, to copy the form
# from:

# %%
def square(self):
    result = Value(self.data**2, (self,), "square")

    def _backward():
        self.grad += 2 * self.data * result.grad  # local times upstream

    result._backward = _backward
    return result


Value.square = square

x = Value(3.0)
y = x.square()
y.backward()
print(y.data, x.grad)

# %% [markdown]
# Now yours. The check asks for `-` and `/` as well; with a power and a sign each of them is one line.

# %% your turn: 02 arithmetic Value.__sub__ Value.__truediv__ Value.__pow__

# %%
class Value(Value):
    def exp(self):
        """e ** self."""
        raise NotImplementedError("Value.exp")

# %% notes

# %% [markdown]
# ## 4. The sigmoid circuit
#
# Every step of it is an operation of its own. It runs on a finished engine; when your class has `exp` and `sigmoid`, say
# `Engine = Value` instead.

# %%
from utils.engine import Value as Engine

# %% [markdown]
# include: 02/math-refresh.md, "7. The sigmoid circuit, twice" until "**Then, in one piece.**"

# %%
draw(out, names={"a": a, "b": b, "s": s, "z": z, "m": m, "e": e, "d": d, "out": out})

# %% [markdown]
# The whole way, step by step, with every number. Choose *predict* and compute each product before you look.

# %%
play("z = w0*x0 + w1*x1 + w2; m = -z; e = exp(m); d = 1 + e; out = d**-1", w0=2, x0=-1, w1=-3, x1=-2, w2=-3)

# %% [markdown]
# include: 02/math-refresh.md, "7. The sigmoid circuit, twice" from "**Then, in one piece.**" until "In PyTorch, again"

# %%
print(f"This notebook has needed at most {peak_memory():.0f} MB so far.")

# %% notes

# %% [markdown]
# ## 5. In PyTorch
#
# Needs PyTorch: `python3 -m pip install torch`.

# %%
import torch

# %% [markdown]
# include: 02/math-refresh.md, "7. The sigmoid circuit, twice" from "In PyTorch, again" until "So how large"

# %% [markdown]
# ## 6. Three things one hears about PyTorch, tried
#
# **The graph is dynamic.** It is made anew by each forward pass, from the operations that really ran. An `if` may
# choose another one each time:

# %%
for number in (2.0, -2.0):
    x = torch.tensor(number, requires_grad=True)
    y = x * x if x > 0 else -3 * x
    y.backward()
    print(number, type(y.grad_fn).__name__, x.grad.item())

# %% [markdown]
# **Memory.** It is said that every tensor with `requires_grad=True` stores the graph. A leaf stores none; what refers
# to the graph is the *result* of an operation, and what it holds are the arrays that backward will need. Under
# `torch.no_grad()` nothing is recorded, so nothing is held:

# %%
x = torch.ones(1000, requires_grad=True)
y = (x * x).sum()
with torch.no_grad():
    z = (x * x).sum()
print("leaf", x.grad_fn, "  result", type(y.grad_fn).__name__, "  under no_grad", z.grad_fn)

# %% [markdown]
# **Accumulation.** It is said that a second `backward()` doubles the gradients. On the same graph it raises, because
# the first one freed what the graph had saved. If the graph is kept, a leaf holds twice its gradient afterwards; and
# after two forward passes as well, which is why a training loop calls `zero_grad`.

# %%
x = torch.tensor(3.0, requires_grad=True)
y = x * x
y.backward()
try:
    y.backward()
except RuntimeError as error:
    print("raises:", str(error).split(".")[0])

x.grad = None
y = x * x
y.backward(retain_graph=True)
y.backward()
print("the graph kept, backward twice:", x.grad.item())

x.grad = None
for _ in range(2):
    (x * x).backward()
print("two graphs, no zero_grad:      ", x.grad.item())

# %% notes

# %% [markdown]
# ## Recap
#
# - A node multiplies what comes from upstream by its local gradient. It needs to know nothing else.
# - Cut an operation small or leave it whole: the gradient at its inputs is the same.
# - Gradients add up, over uses and over calls. Clear them between steps.
#
# On from here: [Topic 02](../topics/02-autograd-engine/README.md) builds the whole engine, test by test.
