"""Level 3, memory-efficient: a layer is one operation, and a state is read into the arrays that are there.

What changed   `linear` is one entry of the table of operations, and works on rows however many axes a batch has;
               loading copies one array after the other into the module's own; an Optimizer steps in place.
What it buys   the graph of Linear(8, 256) on 2,000 rows holds 1.0 times the bytes of its output, at level 2 2.0 times.
               Loading six layers of 2 MB takes 2.5 MB beyond the network, at level 2 24 MB; saving 2 MB instead of 14.
               And whoever holds an array of the network sees what was loaded into it.
What it costs  a file is read twice, for its shapes and for its numbers, so that nothing is loaded where something does
               not fit. `linear` has its gradients written by hand, and they have to be checked like any others.
"""

import difflib
import math

import numpy as np

from utils.engine import Tensor, operation


class Parameter(Tensor):
    """A tensor that is learnt: modules find it, and count it once."""

    __slots__ = ()

    def __init__(self, data):
        super().__init__(data, requires_grad=True)


# A module: what it holds, how it is called, what it remembers ---------------------------------------------------------


class Module:
    training = True

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def __call__(self, *inputs, **options):
        output = self.forward(*inputs, **options)
        for hook in list(vars(self).get("_hooks", {}).values()):  # a list: a hook may remove itself
            changed = hook(self, inputs, output)
            output = output if changed is None else changed
        return output

    def __repr__(self):
        lines = [f"({name}): {part!r}".replace("\n", "\n  ") for name, part in _parts(self) if isinstance(part, Module)]
        inside = "\n  ".join(["", *lines]) + "\n" if lines else self._sizes()
        return f"{type(self).__name__}({inside})"

    def _sizes(self):
        return ", ".join(f"{name}={part.shape}" for name, part in _parts(self) if isinstance(part, Parameter))

    # What is in it ----------------------------------------------------------------------------------------------------

    def named_modules(self):
        """(name, module) of itself, named "", and of every module inside, each once under its first name."""
        return _modules_of(self, "", set())

    def named_parameters(self):
        """(name, parameter) of every parameter inside, each once under its first name."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, part in _parts(module):
                if isinstance(part, Parameter) and id(part) not in seen:
                    seen.add(id(part))
                    yield _dotted(prefix, name), part

    def parameters(self):
        return [parameter for _, parameter in self.named_parameters()]  # a list: it may be walked twice

    def register_buffer(self, name, array):
        vars(self).setdefault("_buffers", []).append(name)
        setattr(self, name, np.asarray(array))

    def _places(self):
        """(name, (owner, attribute)) for every array of the state: getattr(owner, attribute) is the array."""
        for name, parameter in self.named_parameters():
            yield name, (parameter, "data")
        for prefix, module in self.named_modules():
            for name in vars(module).get("_buffers", ()):
                yield _dotted(prefix, name), (module, name)

    # What is done to all of it ----------------------------------------------------------------------------------------

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode=True):
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self):
        return self.train(False)

    def to(self, dtype):
        for _, (owner, attribute) in self._places():
            array = np.asarray(getattr(owner, attribute))
            if array.dtype.kind == "f":  # a count stays a whole number
                setattr(owner, attribute, array.astype(dtype))
        self.zero_grad()
        return self

    def register_forward_hook(self, hook):
        return _Handle(vars(self).setdefault("_hooks", {}), hook)

    # Its state, as arrays with names ----------------------------------------------------------------------------------

    def state_dict(self):
        return {name: np.array(getattr(*place)) for name, place in self._places()}

    def load_state_dict(self, state, strict=True):
        places = dict(self._places())
        missing = [name for name in places if name not in state]
        unexpected = [name for name in state if name not in places]
        # Everything is compared before anything is changed. A file is asked for one array at a time.
        shapes = {name: np.shape(state[name]) for name in state}
        problems = _problems({name: np.shape(getattr(*place)) for name, place in places.items()}, shapes, strict)
        if problems:
            raise ValueError("\n  ".join(["this state does not fit the module; nothing was loaded:", *problems]))
        for name, (owner, attribute) in places.items():
            if name in shapes:
                array = getattr(owner, attribute)
                if type(array) is not np.ndarray:  # arithmetic turns a buffer without axes into a scalar
                    array = np.array(array)
                    setattr(owner, attribute, array)
                np.copyto(array, state[name], casting="same_kind")
        return missing, unexpected

    def save(self, path):
        with open(path, "wb") as stream:  # a stream, since to a name savez would add an ending
            np.savez(stream, **{name: getattr(*place) for name, place in self._places()})

    def load(self, path):
        with np.load(path) as archive:  # arrays are read when they are asked for
            self.load_state_dict(archive)


class _Handle:
    def __init__(self, hooks, hook):
        self._hooks = hooks
        hooks[self] = hook

    def remove(self):
        self._hooks.pop(self, None)


def _parts(module):
    """(name, part) of the parameters and modules directly in a module, in the order in which they were set."""
    waiting = list(vars(module).items())[::-1]
    while waiting:
        name, part = waiting.pop()
        if isinstance(part, (Parameter, Module)):
            yield name, part
        elif isinstance(part, (list, tuple, dict)):
            inside = part.items() if isinstance(part, dict) else enumerate(part)
            waiting += [(f"{name}.{key}", inner) for key, inner in inside][::-1]


def _modules_of(module, prefix, seen):
    if id(module) not in seen:
        seen.add(id(module))
        yield prefix, module
        for name, part in _parts(module):
            if isinstance(part, Module):
                yield from _modules_of(part, _dotted(prefix, name), seen)


def _dotted(prefix, name):
    return f"{prefix}.{name}" if prefix else name


def _problems(ours, theirs, strict):
    """One line for each array that is missing, unexpected, or of another shape."""
    found = []
    missing = [name for name in ours if name not in theirs]
    unexpected = [name for name in theirs if name not in ours]
    if strict:
        for name in missing:
            found.append(f"missing: {name} {ours[name]} is in the module, not in the state")
        for name in unexpected:
            near = difflib.get_close_matches(name, missing, 1)
            hint = f"; is it {near[0]}?" if near else ""
            found.append(f"unexpected: {name} {theirs[name]} is in the state, not in the module{hint}")
    for name in ours:
        if name in theirs and ours[name] != theirs[name]:
            hint = ": transposed? a weight is (out, in)" if ours[name] == theirs[name][::-1] else ""
            found.append(f"shape: {name} is {ours[name]} in the module, {theirs[name]} in the state{hint}")
    return found


# Layers ---------------------------------------------------------------------------------------------------------------


@operation
def linear(x, weight, bias=None):
    """x @ weight.T + bias in one operation. x (..., in), weight (out, in), bias (out,) or None; result (..., out)."""
    if x.ndim == 0 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"the last axis of x {x.shape} must be as long as the last of the weight (out, in), "
                         f"{weight.shape}")  # fmt: skip
    out, shape = len(weight), x.shape
    rows = x.reshape(-1, shape[-1])  # (rows, in): one large product, however many axes x has
    y = rows @ weight.T
    if bias is not None:
        y += bias
    return y.reshape(*shape[:-1], out), (
        lambda g: (g.reshape(-1, out) @ weight).reshape(shape),
        lambda g: g.reshape(-1, out).T @ rows,
        lambda g: g.reshape(-1, out).sum(axis=0),
    )


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, rng=None):
        rng, bound = np.random.default_rng(rng), 1 / math.sqrt(in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Parameter(rng.uniform(-bound, bound, out_features)) if bias else None

    def forward(self, x):
        return linear(x, self.weight, self.bias)


class Embedding(Module):
    def __init__(self, rows, features, rng=None):
        self.weight = Parameter(np.random.default_rng(rng).normal(size=(rows, features)))

    def forward(self, indices):
        indices = np.asarray(indices.data if isinstance(indices, Tensor) else indices)
        rows = len(self.weight.data)
        if indices.dtype.kind not in "iu":
            raise TypeError(f"rows are asked for by whole numbers; here is an array of {indices.dtype}")
        if indices.size and not 0 <= indices.min() <= indices.max() < rows:
            raise IndexError(
                f"there are {rows} rows, 0 to {rows - 1}; asked for are {indices.min()} to {indices.max()}"
            )
        return self.weight[indices]


class Dropout(Module):
    def __init__(self, p=0.5, rng=None):
        if not 0 <= p <= 1:
            raise ValueError(f"p is the share that is dropped, from 0 to 1; here it is {p}")
        self.p, self.rng = p, np.random.default_rng(rng)

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = self.rng.random(x.shape) >= self.p
        # What stays is scaled up, so that the mean of the output does not depend on p, and eval has nothing to do.
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        return x * (kept * scale).astype(x.dtype)

    def _sizes(self):
        return f"p={self.p}"


class Sequential(Module):
    def __init__(self, *steps):
        for place, step in enumerate(steps):
            setattr(self, str(place), step)  # so names are "0.weight", as in PyTorch
        self._length = len(steps)

    def __len__(self):
        return self._length

    def __getitem__(self, place):
        return getattr(self, str(range(self._length)[place]))

    def forward(self, x):
        for step in self:
            x = step(x)
        return x


# The bridge to the rules of Topic 07 ----------------------------------------------------------------------------------


class Optimizer:
    def __init__(self, parameters, rule):
        self.parameters, self.rule = [p for p in parameters if p.requires_grad], rule

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        without = [p for p in self.parameters if p.grad is None]
        if without:
            raise RuntimeError(f"{len(without)} of {len(self.parameters)} parameters have no gradient, the first of "
                               f"shape {without[0].shape}: has backward run, and is it used in the loss?")  # fmt: skip
        moved = self.rule.step([p.data for p in self.parameters], [p.grad for p in self.parameters])
        for parameter, array in zip(self.parameters, moved, strict=True):
            if array is not parameter.data:
                np.copyto(parameter.data, array)  # the array stays the one that everybody holds
