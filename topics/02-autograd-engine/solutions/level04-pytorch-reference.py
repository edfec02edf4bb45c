"""Level 4, PyTorch: the contract's names over torch tensors of one number each, as the oracle that decides.

What changed   nothing is derived here: every operation is torch's own, in double precision, and so is `backward`.
What it buys   an independent answer. `python solutions/level04-pytorch-reference.py` sets level 3 beside it.
What it costs  about 15 times the time of level 3 for an epoch of the four samples: torch is made for arrays, and the
               work of starting an operation is paid here for one multiplication.
"""

import torch


class Value:
    def __init__(self, data, _children=(), _op="", label=""):
        # float64, because a learner's engine computes in Python floats; torch's default is float32.
        tensor = data if isinstance(data, torch.Tensor) else torch.tensor(float(data), dtype=torch.float64)
        self._tensor = tensor if tensor.requires_grad else tensor.requires_grad_()
        if not tensor.is_leaf:
            tensor.retain_grad()  # torch forgets the gradients of results unless it is asked to keep them
        self._prev, self._op, self.label = _children, _op, label

    def __repr__(self):
        return f"Value(data={self.data:.4f}, grad={self.grad:.4f})"

    @property
    def data(self):
        return self._tensor.item()

    @data.setter
    def data(self, number):
        with torch.no_grad():  # a change by hand is no operation of the graph
            self._tensor.fill_(number)

    @property
    def grad(self):
        return 0.0 if self._tensor.grad is None else self._tensor.grad.item()  # torch: None until backward has run

    @grad.setter
    def grad(self, number):
        self._tensor.grad = torch.tensor(float(number), dtype=torch.float64)

    # fmt: off
    def __add__(self, other):      return self._result(self._tensor + _tensor(other), "+", other)
    def __mul__(self, other):      return self._result(self._tensor * _tensor(other), "*", other)
    def __sub__(self, other):      return self._result(self._tensor - _tensor(other), "-", other)
    def __truediv__(self, other):  return self._result(self._tensor / _tensor(other), "/", other)
    def __pow__(self, other):      return self._result(self._tensor ** _tensor(other), "**", other)
    def __radd__(self, other):     return self._result(other + self._tensor, "+")
    def __rmul__(self, other):     return self._result(other * self._tensor, "*")
    def __rsub__(self, other):     return self._result(other - self._tensor, "-")
    def __rtruediv__(self, other): return self._result(other / self._tensor, "/")
    def __rpow__(self, base):      return self._result(base ** self._tensor, "**")
    def __neg__(self):             return self._result(-self._tensor, "neg")
    def relu(self):                return self._result(torch.relu(self._tensor), "relu")
    def tanh(self):                return self._result(torch.tanh(self._tensor), "tanh")
    def sigmoid(self):             return self._result(torch.sigmoid(self._tensor), "sigmoid")
    def exp(self):                 return self._result(torch.exp(self._tensor), "exp")
    def log(self):                 return self._result(torch.log(self._tensor), "log")
    # fmt: on

    def backward(self):
        self._tensor.backward(retain_graph=True)  # without it, torch refuses a second call on the same graph

    def zero_grad(self):
        self._tensor.grad = None

    def _result(self, tensor, op, other=None):
        return Value(tensor, (self, other) if isinstance(other, Value) else (self,), op)


def _tensor(number):
    return number._tensor if isinstance(number, Value) else number


# Run as a script: level 3 and torch side by side ---------------------------------------------------------------------

PROGRAMS = (
    ("c = a + b; d = c * a; c * d", {"a": 2.0, "b": 3.0}),
    ("tanh(x**2 + y**2)", {"x": 0.5, "y": -1.0}),
    ("sigmoid(w0*x0 + w1*x1 + w2)", {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}),
    ("1 / (1 + exp(-z))", {"z": 1.0}),
    ("relu(a * b) - log(a) / b", {"a": 2.5, "b": 0.4}),
    ("2 ** a - 3 / a + sum([a, b, 1])", {"a": 1.5, "b": -0.5}),
    ("(a - b) ** 3 * a", {"a": -0.7, "b": 1.1}),
)


def main():
    """Print value and gradients of each program by the stub and by torch; exit with 1 if any two differ."""
    from utils.autograd_stub import Value as Stub
    from utils.course.expressions import run

    print(f"torch {torch.__version__} beside level 3 (the stub), all in double precision\n")
    print(f"{'':30}{'level 3':>14}{'torch':>14}{'difference':>13}")
    worst = 0.0
    for program, inputs in PROGRAMS:
        results = []
        for value_class in (Stub, Value):
            leaves = {name: value_class(number) for name, number in inputs.items()}
            root, _ = run(program, leaves)
            root.backward()
            results.append({"value": root.data, **{f"d/d{name}": leaf.grad for name, leaf in leaves.items()}})
        print(program)
        for name, here in results[0].items():
            there = results[1][name]
            worst = max(worst, abs(here - there))
            print(f"  {name:28}{here:14.8f}{there:14.8f}{abs(here - there):13.1e}")
    agree = worst <= 1e-5
    print(f"\nlargest difference {worst:.1e}: " + ("they agree within 1e-5" if agree else "more than 1e-5"))
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
