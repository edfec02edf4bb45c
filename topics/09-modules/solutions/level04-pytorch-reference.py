"""Level 4, the PyTorch reference: the same names, and torch.nn does what they promise.

What changed   every module has a twin of torch.nn.Module, which finds, names, switches, saves and calls; every
               tensor is a box around one of torch. What stands here is only the translation.
What it buys   an oracle that shares no walk and no formula with the levels below. Run this file to see it beside
               level 3.
What it costs  torch, some hundreds of megabytes to install. And in four places torch is not what the contract says, so
               that it has to be helped: plain lists and dicts, tied names in a state, states that are no copies, and
               loads that change the first arrays before they find that the last one does not fit.
"""

import numpy as np
import torch
from torch import nn


def unwrapped(thing):
    """A tensor of torch for a box or an array; anything else as it is."""
    if isinstance(thing, Tensor):
        return thing.inner
    return torch.as_tensor(thing) if isinstance(thing, np.ndarray) else thing


class Tensor:
    """A box around a tensor of torch, with arrays of NumPy for `data` and `grad`."""

    __array_ufunc__ = None

    def __init__(self, data, requires_grad=False):
        self.inner = torch.as_tensor(np.asarray(data)).requires_grad_(requires_grad)

    @classmethod
    def _around(cls, inner):
        box = object.__new__(cls)
        box.inner = inner
        return box

    def _get_data(self):
        return self.inner.detach().numpy()

    def _set_data(self, array):
        self.inner.data = torch.as_tensor(array)

    def _get_grad(self):
        return None if self.inner.grad is None else self.inner.grad.numpy()

    def _set_grad(self, gradient):
        self.inner.grad = None if gradient is None else torch.as_tensor(gradient)

    def _set_requires_grad(self, wanted):
        self.inner.requires_grad_(wanted)

    data, grad = property(_get_data, _set_data), property(_get_grad, _set_grad)
    requires_grad = property(lambda self: self.inner.requires_grad, _set_requires_grad)
    shape = property(lambda self: tuple(self.inner.shape))

    def __getattr__(self, name):
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        return lambda *inputs: _apply(getattr(torch.Tensor, name), self, *inputs)

    def backward(self, gradient=None):
        self.inner.backward(None if gradient is None else torch.as_tensor(gradient))


def _apply(function, *inputs):
    return Tensor._around(function(*map(unwrapped, inputs)))


def _operator(name):
    return lambda *inputs: _apply(getattr(torch.Tensor, name), *inputs)


for name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "matmul", "rmatmul", "neg"):
    setattr(Tensor, f"__{name}__", _operator(f"__{name}__"))
for name in ("tanh", "relu"):
    setattr(Tensor, name, _operator(name))


class Parameter(Tensor):
    def __init__(self, data):
        self.inner = nn.Parameter(torch.as_tensor(np.asarray(data)))
        self.inner.box = self  # the way back, for when torch has found it


class Twin(nn.Module):
    """What torch knows of a module of ours; its forward is ours."""

    def forward(self, *inputs, **options):
        return self.ours.forward(*inputs, **options)


class Module:
    def __new__(cls, *_, **__):
        module = object.__new__(cls)
        twin = Twin()
        object.__setattr__(module, "twin", twin)
        object.__setattr__(twin, "ours", module)  # past torch's own bookkeeping, which knows modules only
        return module

    def __setattr__(self, name, thing):
        object.__setattr__(self, name, thing)
        if name in self.twin._buffers:
            self.twin._buffers[name] = torch.as_tensor(np.asarray(thing))
        elif name != "training":
            _register(self.twin, name, thing)

    training = property(lambda self: self.twin.training)

    def __call__(self, *inputs, **options):
        return self.twin(*inputs, **options)

    def parameters(self):
        return [inner.box for inner in self.twin.parameters()]

    def named_parameters(self):
        return [(name, inner.box) for name, inner in self.twin.named_parameters()]

    def named_modules(self):
        return [(name, twin.ours) for name, twin in self.twin.named_modules() if isinstance(twin, Twin)]

    def zero_grad(self):
        self.twin.zero_grad(set_to_none=True)

    def train(self, mode=True):
        for twin in self.twin.modules():  # torch's own train() goes round in circles where a child holds its owner
            twin.training = mode
        return self

    def eval(self):
        return self.train(False)

    def register_buffer(self, name, array):
        self.twin.register_buffer(name, torch.as_tensor(np.asarray(array)))
        setattr(self, name, np.asarray(array))

    def _names(self):
        """Of the names in torch's state those that are no second name of a tied parameter."""
        once = dict(self.twin.named_parameters()) | dict(self.twin.named_buffers())
        return [name for name in self.twin.state_dict() if name in once]

    def state_dict(self):
        state = self.twin.state_dict()
        return {name: state[name].numpy().copy() for name in self._names()}

    def load_state_dict(self, state, strict=True):
        theirs = self.twin.state_dict()
        before = {name: tensor.clone() for name, tensor in theirs.items()}
        new = {name: torch.tensor(np.asarray(array)) for name, array in state.items()}
        first = {tensor.data_ptr(): name for name, tensor in reversed(theirs.items())}
        for name, tensor in theirs.items():  # torch asks for the second names as well
            if name not in self._names() and first[tensor.data_ptr()] in new:
                new[name] = new[first[tensor.data_ptr()]]
        try:
            missing, unexpected = self.twin.load_state_dict(new, strict)
            if any(new[name].shape != before[name].shape for name in new if name in before):
                raise RuntimeError(_shapes(before, new))  # torch takes (1,) for (), for the sake of old files
        except RuntimeError as error:
            self.twin.load_state_dict(before)
            raise ValueError(f"{error}\n{_shapes(before, new)}") from None
        for _, module in self.named_modules():
            for name, buffer in module.twin._buffers.items():
                object.__setattr__(module, name, buffer.numpy())
        return missing, unexpected

    def save(self, path):
        with open(path, "wb") as stream:
            np.savez(stream, **self.state_dict())

    def load(self, path):
        with np.load(path) as archive:
            self.load_state_dict(archive)

    def register_forward_hook(self, hook):
        return self.twin.register_forward_hook(lambda twin, inputs, output: hook(twin.ours, inputs, output))

    def to(self, dtype):
        self.twin.to(torch.as_tensor(np.empty(0, dtype)).dtype)
        self.zero_grad()
        return self


def _shapes(ours, theirs):
    """Every shape that differs, as tuples: torch writes torch.Size([3])."""
    return "; ".join(f"{name} {tuple(ours[name].shape)} {tuple(array.shape)}" for name, array in theirs.items()
                     if name in ours and ours[name].shape != array.shape)  # fmt: skip


def _register(twin, name, thing):
    """Tell torch of a parameter or module; lists, tuples and dicts become the containers that torch looks into."""
    twin._parameters.pop(name, None)
    twin._modules.pop(name, None)
    if isinstance(thing, Parameter):
        twin.register_parameter(name, thing.inner)
    elif isinstance(thing, Module):
        twin.add_module(name, thing.twin)
    elif isinstance(thing, (list, tuple, dict)):
        container = nn.Module()
        for key, part in thing.items() if isinstance(thing, dict) else enumerate(thing):
            _register(container, str(key), part)
        if any(True for _ in container.parameters()) or len(container._modules):
            twin.add_module(name, container)


# Layers ---------------------------------------------------------------------------------------------------------------


def _generator(rng):
    """A generator of torch, whose seed is drawn from `rng`."""
    return torch.Generator().manual_seed(int(np.random.default_rng(rng).integers(2**62)))


def linear(x, weight, bias=None):
    if unwrapped(x).shape[-1] != weight.shape[1]:
        raise ValueError(f"x {x.shape} and weight {weight.shape} do not fit")
    return _apply(nn.functional.linear, x, weight, bias)


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, rng=None):
        generator, bound = _generator(rng), in_features**-0.5
        weight = torch.empty(out_features, in_features, dtype=torch.float64)
        # a = sqrt(5) is what nn.Linear says; it comes to the bound 1/sqrt(in)
        self.weight = Parameter(nn.init.kaiming_uniform_(weight, a=5**0.5, generator=generator).numpy())
        if bias:
            drawn = torch.empty(out_features, dtype=torch.float64).uniform_(-bound, bound, generator=generator)
            self.bias = Parameter(drawn.numpy())
        else:
            self.bias = None

    def forward(self, x):
        return linear(x, self.weight, self.bias)


class Sequential(Module):
    def __init__(self, *steps):
        for place, step in enumerate(steps):
            setattr(self, str(place), step)
        self.steps = lambda: steps  # a function, so that nobody looks into it

    def __len__(self):
        return len(self.steps())

    def __getitem__(self, place):
        return self.steps()[place]

    def forward(self, x):
        for step in self:
            x = step(x)
        return x


class Dropout(Module):
    def __init__(self, p=0.5, rng=None):
        self.function = nn.Dropout(p)  # raises ValueError itself
        self.rng = np.random.default_rng(rng)

    def forward(self, x):
        with torch.random.fork_rng(devices=[]):  # nn.Dropout draws from torch's global numbers
            torch.manual_seed(int(self.rng.integers(2**62)))
            return _apply(self.function.train(self.training), x)


class Embedding(Module):
    def __init__(self, rows, features, rng=None):
        drawn = nn.init.normal_(torch.empty(rows, features, dtype=torch.float64), generator=_generator(rng))
        self.weight = Parameter(drawn.numpy())

    def forward(self, indices):
        indices = torch.as_tensor(indices.data if isinstance(indices, Tensor) else indices)
        if indices.is_floating_point():
            raise TypeError("rows are asked for by whole numbers")
        return Tensor._around(nn.functional.embedding(indices, self.weight.inner))


class Optimizer:
    def __init__(self, parameters, rule):
        self.parameters, self.rule = [p for p in parameters if p.requires_grad], rule

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        if any(parameter.grad is None for parameter in self.parameters):
            raise RuntimeError("a parameter has no gradient")
        with torch.no_grad():
            moved = self.rule.step([p.data for p in self.parameters], [p.grad for p in self.parameters])
            for parameter, array in zip(self.parameters, moved, strict=True):
                parameter.inner.copy_(torch.as_tensor(array))


def main():
    from pathlib import Path

    from utils.course.loading import load
    from utils.engine import Tensor as OurTensor

    level3 = load(Path(__file__).with_name("level03-memory-efficient.py"))
    theirs = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    ours = level3.Sequential(level3.Linear(4, 6), OurTensor.tanh, level3.Linear(6, 3))
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(5, 4))
    ours(OurTensor(x)).sum().backward()
    theirs(torch.tensor(x)).sum().backward()
    gradients = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    print("one state, two networks; the gradients of level 3 and of PyTorch")
    for name, p in ours.named_parameters():
        print(f"  {name:<10} {p.shape!s:<8} differ by {np.abs(p.grad - gradients[name]).max():.0e}")


if __name__ == "__main__":
    main()
