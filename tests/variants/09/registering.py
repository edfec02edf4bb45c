"""As PyTorch does it: every attribute is sorted into a register when it is set, and walks go over the registers."""

import numpy as np

from utils.engine import Tensor


class Parameter(Tensor):
    def __init__(self, data):
        Tensor.__init__(self, data, True)


class Ticket:
    def __init__(self, register, key):
        self.register, self.key = register, key

    def remove(self):
        self.register.pop(self.key, None)


class Module:
    def __new__(cls, *_, **__):
        self = object.__new__(cls)
        for register in ("_own", "_inner", "_kept", "_watchers"):
            object.__setattr__(self, register, {})
        self.training = True
        return self

    def __setattr__(self, name, thing):
        for register in (self._own, self._inner):
            register.pop(name, None)
        if isinstance(thing, Parameter):
            self._own[name] = thing
        elif isinstance(thing, Module):
            self._inner[name] = thing
        elif isinstance(thing, (list, tuple, dict)):
            self._inner[name] = Group(thing)
        elif name in self._kept:
            self._kept[name] = np.asarray(thing)
        object.__setattr__(self, name, thing)

    def __call__(self, *inputs, **options):
        output = self.forward(*inputs, **options)
        for watcher in tuple(self._watchers.values()):
            answer = watcher(self, inputs, output)
            if answer is not None:
                output = answer
        return output

    def every(self, road=(), seen=None):
        seen = seen if seen is not None else {}
        if id(self) not in seen:
            seen[id(self)] = self
            yield road, self
            for name, module in self._inner.items():
                yield from module.every((*road, name), seen)

    def named_modules(self):
        return [(".".join(road), module) for road, module in self.every() if not isinstance(module, Group)]

    def named_parameters(self):
        found = {}
        for road, module in self.every():
            for name, parameter in module._own.items():
                found.setdefault(id(parameter), (".".join((*road, name)), parameter))
        return list(found.values())

    def parameters(self):
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode=True):
        for _, module in self.every():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self):
        return self.train(mode=False)

    def register_buffer(self, name, array):
        self._kept[name] = None
        setattr(self, name, array)

    def state_dict(self):
        state = {name: parameter.data.copy() for name, parameter in self.named_parameters()}
        for road, module in self.every():
            state |= {".".join((*road, name)): array.copy() for name, array in module._kept.items()}
        return state

    def load_state_dict(self, state, strict=True):
        mine = self.state_dict()
        missing, unexpected = sorted(mine.keys() - set(state)), sorted(set(state) - mine.keys())
        wrong = [f"{name}: {mine[name].shape} and {np.shape(state[name])}" for name in mine
                 if name in state and mine[name].shape != np.shape(state[name])]  # fmt: skip
        if wrong or (strict and (missing or unexpected)):
            raise ValueError(f"missing {missing}, unexpected {unexpected}, shapes {wrong}")
        for name, parameter in self.named_parameters():
            if name in state:
                parameter.data[...] = state[name]
        for road, module in self.every():
            for name in module._kept:
                if ".".join((*road, name)) in state:
                    setattr(module, name, np.array(state[".".join((*road, name))]))
        return missing, unexpected

    def save(self, path):
        with open(path, "wb") as stream:
            np.savez_compressed(stream, **self.state_dict())

    def load(self, path):
        with np.load(path) as archive:
            self.load_state_dict({name: archive[name] for name in archive.files})

    def register_forward_hook(self, hook):
        key = object()
        self._watchers[key] = hook
        return Ticket(self._watchers, key)


class Group(Module):
    """What a list, a tuple or a dict holds."""

    def __init__(self, things):
        for name, thing in things.items() if isinstance(things, dict) else enumerate(things):
            setattr(self, str(name), thing)


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, rng=None):
        rng = np.random.default_rng(rng)
        bound = in_features**-0.5
        self.bias = Parameter(bound * (2 * rng.random(out_features) - 1)) if bias else None
        self.weight = Parameter(bound * (2 * rng.random((out_features, in_features)) - 1))

    def forward(self, x):
        y = x @ self.weight.T
        return y + self.bias if self.bias is not None else y


class Sequential(Module):
    def __init__(self, *steps):
        for place, step in enumerate(steps):
            setattr(self, str(place), step)
        self.long = len(steps)

    def __iter__(self):
        return (getattr(self, str(place)) for place in range(self.long))

    def __len__(self):
        return self.long

    def __getitem__(self, place):
        return list(self)[place]

    def forward(self, x):
        for step in self:
            x = step(x)
        return x


class Dropout(Module):
    def __init__(self, p=0.5, rng=None):
        if p < 0 or p > 1:
            raise ValueError(p)
        self.p, self.generator = p, np.random.default_rng(rng)

    def forward(self, x):
        if self.training:
            mask = self.generator.binomial(1, 1 - self.p, x.shape).astype(x.dtype)
            return x * (mask / x.dtype.type(1 - self.p if self.p < 1 else 1))
        return x


class Embedding(Module):
    def __init__(self, rows, features, rng=None):
        self.weight = Parameter(np.random.default_rng(rng).standard_normal((rows, features)))

    def forward(self, indices):
        indices = np.array(getattr(indices, "data", indices) if not isinstance(indices, np.ndarray) else indices)
        if indices.dtype.kind == "f":
            raise TypeError(indices.dtype)
        if (indices < 0).any() or (indices >= len(self.weight.data)).any():
            raise IndexError(indices)
        return self.weight[indices]
