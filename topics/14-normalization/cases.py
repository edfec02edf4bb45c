"""What the grader asks of a submission: normalized random numbers, and gradients of everything that went in."""

import numpy as np

from utils.autograd_stub import Tensor
from utils.grading.cases import NoNumber, case, refuses


def data_of(tensor):
    """The array in a tensor; NumPy's own class, or it is no answer."""
    if type(tensor.data) is not np.ndarray:
        raise NoNumber(f"{type(tensor.data).__name__} where an array belongs")
    return tensor.data


def walked(draw, make, *arrays):
    """Result and gradients of make(*tensors) from a random upstream; whether inputs and upstream are as they were."""
    kept = [array.copy() for array in arrays]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    result = make(*tensors)
    upstream = draw.array(*data_of(result).shape).astype(data_of(result).dtype)
    given = upstream.copy()
    result.backward(upstream)
    answers = [draw.along(data_of(result)), float(data_of(result).dtype == arrays[0].dtype)]
    for tensor in tensors:
        answers += [draw.along(tensor.grad), float(tensor.grad.dtype == tensor.data.dtype)]
    same = all((array == before).all() for array, before in zip(arrays, kept, strict=True))
    return [*answers, float(same and (upstream == given).all())]


def numbers(draw, *shape):
    """Numbers whose rows and columns have means and spreads of their own."""
    return draw.array(*shape) * draw.rng.uniform(0.5, 3.0) + draw.array(*shape[1:]) * 2 + draw.number()


def pieces(draw, *shape, features=-1):
    """x, gain and shift."""
    return numbers(draw, *shape), draw.array(shape[features]), draw.array(shape[features])


# Level 1 --------------------------------------------------------------------------------------------------------------


@case(1, "normalize")
def mean_0_and_variance_1(candidate, draw):
    answers = []
    for shape, axis in (((5,), 0), ((4, 3), 0), ((4, 3), 1), ((4, 3), -1), ((2, 3, 4), (0, 2)), ((2, 3, 4), (1, 2)),
                        ((2, 3, 4), -2)):  # fmt: skip
        for how in ({}, {"eps": draw.rng.uniform(0.05, 0.5)}):
            answers += walked(draw, lambda t, k=axis, h=how: candidate.normalize(t, k, **h), numbers(draw, *shape))
    return [*answers, *walked(draw, lambda t: candidate.normalize(t * 1e-3, 0), draw.array(6, 2))]


@case(1, "batch_norm")
def one_feature_at_a_time(candidate, draw):
    answers = []
    for shape in ((6, 3), (2, 4), (9, 1)):
        answers += walked(draw, candidate.batch_norm, *pieces(draw, *shape))
        eps = draw.rng.uniform(0.05, 0.5)
        answers += walked(draw, lambda x, g, s, e=eps: candidate.batch_norm(x, g, s, eps=e), *pieces(draw, *shape))
    return answers


# Level 2 --------------------------------------------------------------------------------------------------------------


@case(2, "batch_norm", tolerance=1e-6)
def its_backward_by_hand(candidate, draw):
    answers = []
    for shape in ((6, 3), (2, 2), (12, 4)):
        answers += walked(draw, candidate.batch_norm, *pieces(draw, *shape))
    x, gain, shift = (Tensor(part, requires_grad=True) for part in pieces(draw, 4, 2))
    result = candidate.batch_norm(x, gain, shift)
    answers.append(float({id(tensor) for tensor in result._prev} == {id(x), id(gain), id(shift)}))  # one operation
    for name, more in (("batch_norm", (shift,)), ("layer_norm", (shift,)), ("rms_norm", ())):
        far = Tensor(np.round(draw.array(6, 2), 3) + 2.0**20)  # a difference of squares has no digits left there
        answers.append(draw.along(np.round(data_of(getattr(candidate, name)(far, gain, *more)), 5)))
        narrow = [Tensor(tensor.data.astype(np.float32), requires_grad=True) for tensor in (x, gain, *more)]
        result = getattr(candidate, name)(*narrow)
        result.sum().backward()
        answers.append(float(all(array.dtype == np.float32 for array in (result.data, *(t.grad for t in narrow)))))
    return [*answers, refuses(ValueError, lambda: candidate.batch_norm(Tensor(draw.array(1, 2)), gain, shift))]


@case(2, "layer_norm")
def one_example_at_a_time(candidate, draw):
    answers = []
    for shape in ((4,), (3, 5), (2, 3, 4), (1, 6)):
        answers += walked(draw, candidate.layer_norm, *pieces(draw, *shape))
        eps = draw.rng.uniform(0.05, 0.5)
        answers += walked(draw, lambda x, g, s, e=eps: candidate.layer_norm(x, g, s, eps=e), *pieces(draw, *shape))
    return answers


@case(2, "rms_norm")
def by_the_root_mean_square(candidate, draw):
    answers = []
    for shape in ((4,), (3, 5), (2, 3, 4)):
        answers += walked(draw, candidate.rms_norm, *pieces(draw, *shape)[:2])
        eps = draw.rng.uniform(0.05, 0.5)
        answers += walked(draw, lambda x, g, e=eps: candidate.rms_norm(x, g, eps=e), *pieces(draw, *shape)[:2])
    return answers


@case(2, "group_norm")
def a_group_of_features(candidate, draw):
    answers = []
    for shape, groups in (((3, 6), 2), ((3, 6), 3), ((2, 6, 4), 2), ((2, 4, 3, 2), 4), ((2, 4, 3), 1), ((2, 6, 3), 6)):
        how = {"eps": draw.rng.uniform(0.05, 0.5)} if groups == 2 else {}
        make = lambda x, g, s, n=groups, h=how: candidate.group_norm(x, n, g, s, **h)  # noqa: E731
        answers += walked(draw, make, *pieces(draw, *shape, features=1))
    x, gain, shift = (Tensor(part) for part in pieces(draw, 2, 6, 3, features=1))
    return [*answers, *(refuses(ValueError, lambda n=n: candidate.group_norm(x, n, gain, shift)) for n in (4, 5))]


def told(draw, module):
    """Names, kinds and numbers of a module's state."""
    state = module.state_dict()
    names = sorted(map(str.__str__, state))
    words = [float(sum((k + 1) * ord(sign) for k, sign in enumerate(name))) for name in names]
    return [words, [draw.along(np.array(state[name])) for name in names], float(len(module.parameters()))]


def trained(draw, module):
    """The same module with other parameters."""
    for _, parameter in sorted(module.named_parameters()):
        parameter.data[...] = draw.array(*parameter.data.shape)
    return module


@case(2, "LayerNorm")
def a_module_with_gain_and_shift(candidate, draw):
    answers = [told(draw, candidate.LayerNorm(draw.integer(2, 9)))]
    for how in ({}, {"eps": draw.rng.uniform(0.05, 0.5)}):
        module = candidate.LayerNorm(4, **how)
        answers += walked(draw, module, numbers(draw, 3, 4))
        trained(draw, module)
        answers += walked(draw, module, numbers(draw, 2, 3, 4))
        answers += [draw.along(module.weight.grad), draw.along(module.bias.grad), told(draw, module)]
        answers.append(draw.along(data_of(module.eval()(Tensor(numbers(draw, 3, 4))))))
    return answers


@case(2, "BatchNorm1d")
def running_statistics(candidate, draw):
    answers = [told(draw, candidate.BatchNorm1d(draw.integer(2, 9)))]
    for how in ({}, {"eps": draw.rng.uniform(0.05, 0.5), "momentum": draw.rng.uniform(0.2, 0.6)}):
        module = trained(draw, candidate.BatchNorm1d(3, **how))
        for size in (5, 2, 8):
            answers += walked(draw, module, numbers(draw, size, 3))
            answers += [draw.along(module.running_mean), draw.along(module.running_var)]
        answers.append(refuses(ValueError, lambda m=module: m(Tensor(draw.array(1, 3)))))
        answers.append(told(draw, module))
        module.eval()
        module.zero_grad()
        for size in (1, 4):
            answers += walked(draw, module, numbers(draw, size, 3))
        answers += [draw.along(module.weight.grad), draw.along(module.bias.grad), told(draw, module)]
        answers += walked(draw, module.train(), numbers(draw, 4, 3))
        other = candidate.BatchNorm1d(3, **how)
        other.load_state_dict(module.state_dict())
        answers.append(draw.along(data_of(other.eval()(Tensor(numbers(draw, 2, 3))))))
    module = candidate.BatchNorm1d(2).to(np.float32)
    for x in (draw.array(4, 2), draw.array(4, 2)):
        answers.append(float(data_of(module(Tensor(x.astype(np.float32)))).dtype == np.float32))
        module.eval()
    return answers


# Level 3 --------------------------------------------------------------------------------------------------------------


def there_and_back(draw, make):
    """An array of 8 MB through an operation and back; what else it takes is measured from outside."""
    x = Tensor(draw.array(2000, 500), requires_grad=True)
    result = make(x, *(Tensor(draw.array(500), requires_grad=True) for _ in range(2)))
    result.backward(np.ones((2000, 500)))
    return [draw.along(data_of(result)[:3, :9]), draw.along(x.grad[:3, :9])]


@case(3, "layer_norm", room=1.12)
def layers_in_few_arrays(candidate, draw):
    return there_and_back(draw, candidate.layer_norm)


@case(3, "batch_norm", room=1.12)
def batches_in_few_arrays(candidate, draw):
    return there_and_back(draw, candidate.batch_norm)


@case(3, "rms_norm")
def a_second_way_back_is_as_the_first(candidate, draw):
    answers = []
    for name, others in (("batch_norm", 2), ("layer_norm", 2), ("rms_norm", 1), ("group_norm", 2)):
        x, *rest = (Tensor(draw.array(*shape), requires_grad=True) for shape in ((4, 6), *[(6,)] * others))
        result = getattr(candidate, name)(x, *([2] if name == "group_norm" else []), *rest)
        upstream = draw.array(4, 6)
        result.backward(upstream, retain_graph=True)
        answers.append(draw.along(x.grad))
        result.backward(upstream)
        answers += [draw.along(data_of(result)), *(draw.along(tensor.grad) for tensor in (x, *rest))]
    return answers


# Level 4 --------------------------------------------------------------------------------------------------------------


@case(4, "normalize", tolerance=1e-6)
def a_network_with_norms(candidate, draw):
    def network(x, w, gain, shift):
        h = candidate.layer_norm(x @ w, gain, shift)
        h = candidate.rms_norm(h.tanh() + candidate.normalize(h, 0), gain)
        return candidate.batch_norm(h, gain, shift) + candidate.group_norm(h, 2, gain, shift)

    answers = walked(draw, network, draw.array(7, 4), draw.array(4, 6), draw.array(6), draw.array(6))
    layer, batch = trained(draw, candidate.LayerNorm(4)), trained(draw, candidate.BatchNorm1d(4))
    for _ in range(4):
        answers += walked(draw, lambda x: batch(layer(x) * 2.0), numbers(draw, 6, 4))
        for parameter in (*layer.parameters(), *batch.parameters()):
            parameter.data[...] = parameter.data - 0.1 * parameter.grad
            parameter.grad = None
    return [*answers, told(draw, layer), told(draw, batch)]
