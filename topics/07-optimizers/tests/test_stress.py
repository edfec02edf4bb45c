"""Levels 2 to 4 at length and at size: a valley walked to its end, arrays changed in place, bytes, and PyTorch."""

import numpy as np
import pytest

from utils.course.costs import expect_at_most, held_bytes, peak_bytes
from utils.course.judging import expect, expect_array

RULES = ("SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "AdamW")


def each(*names):
    """One test for each optimizer, about its own name."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.about(name)) for name in names])


def textbook_adam(p, g, m, v, t):
    """One step of Adam as the formulas have it; what it allocates is what formulas cost."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    return p - 0.001 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Adam")
def test_adam_learns_two_weights_of_very_different_steepness(candidate):
    steep = np.array([1.0, 1e4])
    opt, p = candidate.Adam(lr=0.05), np.array([2.0, 2.0])
    for _ in range(600):
        p = opt.step(p, steep * p)
    given = "600 steps of Adam(lr=0.05) on (x**2 + 10000*y**2)/2 from (2, 2)"
    expect_array("the parameters", lambda: p, [0.0, 0.0], given=given, tolerance=0.02)


# Level 3 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level3
@each(*RULES)
def test_in_place_the_callers_own_arrays_are_changed_and_handed_back(candidate, name):
    random = np.random.default_rng(3)
    make = getattr(candidate, name)
    wide = random.normal(size=(4, 6))
    mine = [random.normal(size=(3, 2)), wide[:, ::2].T, random.normal(size=5)]  # the second is a view into `wide`
    plain = [p.copy() for p in mine]
    opt, other = make(lr=0.1, in_place=True), make(lr=0.1)
    given = f"four steps of {name}(lr=0.1, in_place=True), three arrays, one of them a view"
    for t in range(4):
        grads = [random.normal(size=p.shape) for p in mine]
        kept = [g.copy() for g in grads]
        back, plain = opt.step(mine, grads), other.step(plain, grads)
        for k, p in enumerate(mine):
            expect(
                f"array {k} is the caller's own (1 is yes)", lambda b=back, k=k, p=p: float(b[k] is p), 1.0, given=given
            )
            expect_array(f"array {k}", lambda p=p: p, plain[k], given=f"{given}; step {t + 1}")
            expect_array(f"gradient {k}, afterwards", lambda g=grads[k]: g, kept[k], given=given)
    expect_array("the array behind the view", lambda: wide[:, ::2], mine[1].T, given=given)
    one = np.array([1.0, 2.0])
    alone = make(lr=0.1, in_place=True).step(one, np.array([1.0, -1.0]))
    expect("one array is the caller's own (1 is yes)", lambda: float(alone is one), 1.0, given=f"{name}, one array")


@pytest.mark.level3
@pytest.mark.resources
@each(*RULES)
def test_after_its_first_step_an_optimizer_allocates_next_to_nothing(candidate, name):
    count = 200_000
    p, g = np.ones(count), np.linspace(-1.0, 1.0, count)
    opt = getattr(candidate, name)(lr=0.001, in_place=True)
    opt.step(p, g)
    mine = peak_bytes(lambda: opt.step(p, g))
    m, v = np.zeros(count), np.zeros(count)
    formulas = peak_bytes(lambda: textbook_adam(p, g, m, v, 1))
    given = f"the second step of {name} in place, {count} numbers"
    expect_at_most("bytes, against Adam as formulas", 0.05, mine, formulas, given=given)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Adam")
def test_one_scratch_buffer_serves_all_arrays(candidate):
    params = [np.ones(20_000) for _ in range(10)]
    grads = [np.ones(20_000) for _ in range(10)]
    opt = candidate.Adam(in_place=True)
    held = held_bytes(lambda: opt.step(params, grads))
    numbers = sum(p.nbytes for p in params)
    given = "after the first step of Adam in place, ten arrays of 20000 numbers"
    expect_at_most("bytes held, against the parameters", 2.2, held, numbers, given=given)


# Level 4 --------------------------------------------------------------------------------------------------------------


def torch_optimizer(torch, name, tensors, lr):
    """The optimizer of PyTorch that is meant by a name, with settings that are not the standard ones."""
    return {
        "SGD": lambda: torch.optim.SGD(tensors, lr),
        "Momentum": lambda: torch.optim.SGD(tensors, lr, momentum=0.8),
        "Nesterov": lambda: torch.optim.SGD(tensors, lr, momentum=0.8, nesterov=True),
        "RMSProp": lambda: torch.optim.RMSprop(tensors, lr, alpha=0.95, eps=1e-6),
        "Adam": lambda: torch.optim.Adam(tensors, lr, betas=(0.8, 0.99), eps=1e-6),
        "AdamW": lambda: torch.optim.AdamW(tensors, lr, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    }[name]()


OPTIONS = {
    "SGD": {}, "Momentum": {"momentum": 0.8}, "Nesterov": {"momentum": 0.8}, "RMSProp": {"decay": 0.95, "eps": 1e-6},
    "Adam": {"beta1": 0.8, "beta2": 0.99, "eps": 1e-6},
    "AdamW": {"beta1": 0.8, "beta2": 0.99, "eps": 1e-6, "weight_decay": 0.1},
}  # fmt: skip


@pytest.mark.level4
@each(*RULES)
def test_two_hundred_and_fifty_steps_go_where_torch_goes(candidate, name):
    import torch

    random = np.random.default_rng(7)
    mine = [random.normal(size=(3, 2)), random.normal(size=4)]
    tensors = [torch.tensor(p, requires_grad=True) for p in mine]
    steep = [np.exp(random.normal(size=p.shape)) for p in mine]
    opt = getattr(candidate, name)(lr=0.02, **OPTIONS[name])
    reference = torch_optimizer(torch, name, tensors, 0.02)
    for t in range(250):
        if t == 150:
            opt.lr = 0.005
            reference.param_groups[0]["lr"] = 0.005
        noise = [random.normal(size=p.shape) for p in mine]
        for tensor, a, n in zip(tensors, steep, noise, strict=True):
            tensor.grad = torch.tensor(a) * tensor.detach() + torch.tensor(n)
        mine = opt.step(mine, [a * p + n for a, p, n in zip(steep, mine, noise, strict=True)])
        reference.step()
        for k, tensor in enumerate(tensors):  # every step; the first that differs is told
            expect_array(f"array {k}", lambda p=mine[k]: p, tensor.detach().numpy(), given=f"{name}, step {t + 1}")


@pytest.mark.level4
@pytest.mark.about("AdamW")
def test_two_instances_do_what_two_parameter_groups_do(candidate):
    import torch

    random = np.random.default_rng(8)
    weight, bias = random.normal(size=(3, 2)), random.normal(size=2)
    w, b = torch.tensor(weight, requires_grad=True), torch.tensor(bias, requires_grad=True)
    reference = torch.optim.AdamW(
        [{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0, "lr": 0.1}], 0.01
    )
    for_weight = candidate.AdamW(lr=0.01, weight_decay=0.1)
    for_bias = candidate.AdamW(lr=0.1, weight_decay=0.0)
    for t in range(20):
        dw, db = random.normal(size=(3, 2)), random.normal(size=2)
        w.grad, b.grad = torch.tensor(dw), torch.tensor(db)
        reference.step()
        weight, bias = for_weight.step(weight, dw), for_bias.step(bias, db)
        given = f"two groups of AdamW, step {t + 1}"
        expect_array("the weight", lambda p=weight: p, w.detach().numpy(), given=given)
        expect_array("the bias", lambda p=bias: p, b.detach().numpy(), given=given)


@pytest.mark.level4
@pytest.mark.about("warmup_cosine")
def test_the_schedule_is_that_of_linear_and_cosine_schedulers_in_a_row(candidate):
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    schedulers = torch.optim.lr_scheduler
    up = schedulers.LinearLR(optimizer, start_factor=0.1, total_iters=9)  # 0.1, 0.2 ... 1 of the peak
    down = schedulers.CosineAnnealingLR(optimizer, T_max=30, eta_min=0.04)
    both = schedulers.SequentialLR(optimizer, [up, down], milestones=[9])
    for step in range(1, 41):
        rate = optimizer.param_groups[0]["lr"]
        expect(
            "the learning rate",
            lambda s=step: candidate.warmup_cosine(s, 10, 40, 0.4, 0.04),
            rate,
            given=f"step {step}",
        )
        optimizer.step()
        both.step()


@pytest.mark.level4
@pytest.mark.about("clip_by_global_norm")
def test_clipping_is_that_of_torch_but_for_its_millionth(candidate):
    import torch

    random = np.random.default_rng(9)
    for scale in (0.01, 1.0, 100.0):
        grads = [random.normal(size=(3, 2)) * scale, random.normal(size=4) * scale]
        tensors = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads]
        for tensor, g in zip(tensors, grads, strict=True):
            tensor.grad = torch.tensor(g)
        wanted = torch.nn.utils.clip_grad_norm_(tensors, 1.0).item()
        clipped, norm = candidate.clip_by_global_norm(grads, 1.0)
        given = f"two arrays of random numbers of size {scale:g}, limit 1"
        expect("the norm", lambda norm=norm: norm, wanted, given=given)
        for k, tensor in enumerate(tensors):  # torch divides by norm + 1e-6
            expect_array(f"clipped[{k}]", lambda c=clipped, k=k: c[k], tensor.grad.numpy(), given=given, tolerance=2e-6)
