"""Your engine fits its first weight: ten lines that need nothing but + and * and backward.

python topics/02-autograd-engine/first_fit.py
"""

from utils.engine import Value

x, minus_y = 2.0, -6.0  # one example: the input 2 is to give 6, so the weight that is sought is 3
w = Value(0.5)
for step in range(1, 11):
    error = w * Value(x) + Value(minus_y)
    loss = error * error
    loss.backward()
    print(f"step {step:2}   w = {w.data:.4f}   loss = {loss.data:9.6f}   dloss/dw = {w.grad:9.5f}")
    w = Value(w.data - 0.05 * w.grad)  # a step against the slope, and a fresh value, whose gradient is 0
print(f"after 10 steps   w = {w.data:.4f}")
