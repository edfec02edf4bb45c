"""Levels 2 to 4 in quantity: deep and tangled graphs, bytes, what is let go and when, changes in place, and PyTorch."""

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from utils.course.costs import expect_at_most, peak_bytes
from utils.course.judging import Mismatch, expect, expect_array
from utils.course.loading import load
from utils.course.tensors import case, expect_all_tensors, expect_no_refusal, expect_refusal, expect_text, run, some

TOPIC = Path(__file__).resolve().parents[1]
MANY = 50_000  # entries of an array whose copies are counted


@pytest.fixture
def default_recursion_limit(monkeypatch):
    """Python's usual limit of 1,000 calls, which the candidate may not raise for its own comfort."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)

    def refuse(limit):
        raise AssertionError(
            f"setrecursionlimit({limit}) is refused: backward is to work under Python's own limit of 1,000"
        )

    with monkeypatch.context() as patch:
        patch.setattr(sys, "setrecursionlimit", refuse)
        yield
    sys.setrecursionlimit(before)


def large(candidate, requires_grad=True):
    """A tensor of MANY entries near 1."""
    return candidate.Tensor(np.linspace(0.9, 1.1, MANY), requires_grad=requires_grad)


# Level 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_a_chain_of_five_thousand_results_under_the_default_recursion_limit(candidate, default_recursion_limit):
    x = candidate.Tensor([0.5, -1.0], requires_grad=True)
    y = x
    for _ in range(2_500):
        y = y * 1.0002 + x
    y.sum().backward()
    slope = (1.0002**2_501 - 1.0) / 0.0002
    expect_array("x.grad", lambda: x.grad, [slope, slope], aim="gradient",
                 given="y = x, then 2,500 times: y = y * 1.0002 + x; y.sum().backward()")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_forty_stacked_diamonds_in_either_order(candidate):
    for long_first in (True, False):
        x = candidate.Tensor([0.5, -1.0], requires_grad=True)
        y = x
        for _ in range(40):
            long, short = y * 0.5 * 0.2, y
            y = long + short if long_first else short + long
        y.sum().backward()
        expect_array("x.grad", lambda x=x: x.grad, [1.1**40, 1.1**40], aim="gradient",
                     given=f"40 times y = {'y * 0.5 * 0.2 + y' if long_first else 'y + y * 0.5 * 0.2'}")  # fmt: skip


@pytest.mark.level2
@pytest.mark.about("Tensor.backward", step="walk")
def test_random_tangles_of_operations(candidate):
    expect_all_tensors(candidate, *(case(tangle(seed), x=some(2, 3), y=some(3), z=some(2, 1)) for seed in range(12)))


FORMS = ("{} + {}", "{} * {}", "{} - {}", "{}.tanh() * {}", "{} + {}.sum(axis=0)", "{} * {}.mean()",
         "{}.sigmoid() + {}", "{} + {}.max(axis=-1, keepdims=True)", "{}[..., ::-1] - {}")  # fmt: skip


def tangle(seed):
    """A program of seven results, each made of two earlier ones, which may be used again and again."""
    random = np.random.default_rng(seed)
    known, made = ["x", "y", "z"], []
    for name in "abcdefg":
        made.append((name, FORMS[random.integers(len(FORMS))].format(*random.choice(known[-4:], 2))))
        known.append(name)
    program = "f * g + a + x * y * z"
    for name, expression in reversed(made):
        program = f"(lambda {name}: {program})({expression})"
    return program


# Level 3: taken, not copied -------------------------------------------------------------------------------------------


def bytes_of_backward(result, upstream=None):
    """The most memory that a walk takes, beyond what the graph held, in arrays of MANY entries."""
    return peak_bytes(lambda: result.backward(upstream), warm=False) / (8 * MANY)


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Tensor.backward", step="taken")
def test_the_first_gradient_is_taken_as_it_is(candidate):
    x, c = large(candidate), large(candidate, requires_grad=False)
    expect_at_most("the memory of backward, in arrays,", 1.3, bytes_of_backward((x * c).sum()), 1,
                   given=f"(x * c).sum().backward() for {MANY} entries: one array is x.grad")  # fmt: skip
    y = x
    for _ in range(20):
        y = y + c
    x.zero_grad()
    expect_at_most("the memory of backward, in arrays,", 1.3, bytes_of_backward(y.sum()), 1,
                   given="20 times y = y + c, then y.sum().backward(): + hands on its upstream as it is")  # fmt: skip
    expect_array("x.grad", lambda: x.grad, np.ones(MANY), given="20 times y = y + c, then y.sum().backward()",
                 aim="gradient")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Tensor.backward", step="taken")
def test_further_gradients_are_added_in_place(candidate):
    x, c = large(candidate), large(candidate, requires_grad=False)
    h = x * c
    total = h * c
    for _ in range(10):
        total = total + h * c
    expect_at_most("the memory of backward, in arrays,", 2.4, bytes_of_backward(total.sum()), 1,
                   given="h = x * c, and the sum of 11 times h * c: one array gathers, one arrives")  # fmt: skip
    expect_array("x.grad", lambda: x.grad, 11 * c.data**2, given="h = x * c, and the sum of 11 times h * c",
                 aim="gradient")  # fmt: skip


@pytest.mark.level3
@pytest.mark.about("Tensor.backward", step="taken")
def test_taking_and_adding_in_place_change_no_number(candidate):
    programs = [tangle(seed) for seed in range(100, 106)]
    expect_all_tensors(candidate, *(case(p, x=some(2, 3), y=some(3), z=some(2, 1)) for p in programs))
    for program in programs[:3]:
        _, options = case(program, x=some(2, 3), y=some(3), z=some(2, 1))
        upstream = options["upstream"]
        leaves = {name: candidate.Tensor(options[name], requires_grad=True) for name in "xyz" if name in options}
        result = run(candidate, program, leaves)
        result.backward(upstream, retain_graph=True)
        once = {name: leaf.grad.copy() for name, leaf in leaves.items()}
        result.backward(upstream, retain_graph=True)
        result.backward(upstream)
        for name, leaf in leaves.items():
            expect_array(f"{name}.grad", lambda leaf=leaf: leaf.grad, 3 * once[name], aim="gradient",
                         given=f"{program}, backward three times with retain_graph")  # fmt: skip


# Level 3: let go on the way -------------------------------------------------------------------------------------------


def network(module, depth=12):
    """The loss of a network of `depth` layers, each a product, a bias and tanh, for 200 rows of 60."""
    x = module.Tensor(np.linspace(-1, 1, 12_000).reshape(200, 60))
    for _ in range(depth):
        w = module.Tensor(np.eye(60) * 0.9, requires_grad=True)
        b = module.Tensor(np.full(60, 0.01), requires_grad=True)
        x = (x @ w + b).tanh() * 1.1
    return (x * x).mean()


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Tensor.backward", step="freed")
def test_a_training_step_takes_much_less_memory_than_at_level_2(candidate):
    level2 = load(next((TOPIC / "solutions").glob("level02-*.py")), "level02_for_comparison")
    mine, before = (peak_bytes(lambda module=module: network(module).backward()) for module in (candidate, level2))
    expect_at_most("the most memory of a step, compared with level 2,", 0.6, mine, before,
                   given="12 layers (x @ w + b).tanh() * 1.1, x of shape (200, 60), forward and backward")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Tensor.backward", step="freed")
def test_what_an_operation_saved_is_let_go_as_soon_as_the_walk_has_passed_it(candidate):
    found = []

    def look(a):
        def back(g):
            found.append(saved() is None)
            return g

        return a * 1.0, (back,)

    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    h = candidate.operation(look)(x)
    y = h.exp()
    saved = weakref.ref(y.data)
    z = (y * 3.0).sum()
    del y
    gc.disable()
    try:
        z.backward()
    finally:
        gc.enable()
    expect("what exp had saved is gone (1 is yes)", lambda: float(found[0]), 1.0, aim="memory",
           given="x -> look -> exp -> times 3 -> sum, when backward has come to look")  # fmt: skip


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("Tensor.backward", step="freed")
def test_a_graph_that_nobody_holds_is_gone_at_once(candidate):
    for walked in (False, True):
        x = candidate.Tensor([[1.0, 2.0]], requires_grad=True)
        gc.collect()
        gc.disable()
        try:
            h = x.exp() @ np.ones((2, 3))
            z = (h * h).sum()
            kept = [weakref.ref(tensor.data) for tensor in (h, z)]
            if walked:
                z.backward()
            del h, z
            left = sum(reference() is not None for reference in kept)
        finally:
            gc.enable()
        expect("arrays of the graph that are left", lambda left=left: left, 0.0, aim="memory",
               given=f"h = x.exp() @ w; z = (h * h).sum(); {'z.backward(); ' if walked else ''}del h, z, with the "
                     "cycle collector off")  # fmt: skip


# Level 3: keep what is needed -----------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.resources
@pytest.mark.about("operation")
def test_an_operand_that_no_gradient_needs_is_let_go(candidate):
    x = candidate.Tensor(np.ones((2, 3)), requires_grad=True)
    rows = {
        "x + c": lambda c: x + c,
        "c - x": lambda c: c - x,
        "where(m, x, c)": lambda c: candidate.where(x.data > 0, x, c),
        "(c * c) + x": lambda c: (c * c) + x,
        "x.sum() + c.sum()": lambda c: x.sum() + c.sum(),
    }
    first = None
    for program, make in rows.items():
        c = candidate.Tensor(np.full((2, 3), 2.0))
        kept = weakref.ref(c.data)
        y = make(c)
        del c
        try:
            expect("c is gone (1 is yes)", lambda kept=kept: float(kept() is None), 1.0, aim="memory",
                   given=f"y = {program} for x that requires gradients and c that does not; then del c")  # fmt: skip
        except Mismatch as mismatch:
            first = first or mismatch
        del y
    if first:
        raise first


# Level 3: who changed my array? ---------------------------------------------------------------------------------------


@pytest.mark.level3
@pytest.mark.about("detect_changes")
def test_a_saved_array_that_was_changed_is_named(candidate):
    def change(array):
        array[...] = array[::-1].copy()  # the same numbers in other places

    rows = {
        "exp": lambda x, y: x.exp(), "mul": lambda x, y: x * y, "matmul": lambda x, y: x @ y.T,
        "softmax": lambda x, y: x.softmax(), "tanh": lambda x, y: x.tanh(), "log": lambda x, y: x.log(),
    }  # fmt: skip
    for name, make in rows.items():
        for victim in ("the operands", "the result"):
            if (victim == "the result") != (name in ("exp", "softmax", "tanh")):
                continue
            x, y = (candidate.Tensor(np.abs(some(3, 3, seed=k)), requires_grad=True) for k in (1, 2))
            given = (f"with detect_changes(): z = {name} of (3, 3); z.sum().backward(retain_graph=True); then {victim} "
                     "in place, rows in reverse; z.sum().backward()")  # fmt: skip
            with candidate.detect_changes():
                z = make(x, y)
            z.sum().backward(retain_graph=True)
            expect_text("x.grad.shape", lambda x=x: x.grad.shape, "(3, 3)", given=f"{name}, before anything is changed")
            change(z.data if victim == "the result" else x.data)
            change(y.data)
            expect_refusal(RuntimeError, z.sum().backward, given=given, says=(name, "(3, 3)"))


@pytest.mark.level3
@pytest.mark.about("detect_changes")
def test_a_change_of_what_nobody_needs_is_no_mistake(candidate):
    rows = {
        "x + y": (lambda x, y: x + y, [[1.0] * 3] * 2),
        "x.sum(axis=0)": (lambda x, y: x.sum(axis=0), [[1.0] * 3] * 2),
        "x * c for a constant c": (lambda x, y: x * np.full(3, 2.0), [[2.0] * 3] * 2),
        "x.T": (lambda x, y: x.T, [[1.0] * 3] * 2),
        "x.reshape(6)[1:]": (lambda x, y: x.reshape(6)[1:], [[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    }
    for program, (make, wanted) in rows.items():
        x, y = (candidate.Tensor(some(2, 3, seed=k), requires_grad=True) for k in (1, 2))
        with candidate.detect_changes():
            z = make(x, y)
        x.data[...] = 5.0
        given = f"with detect_changes(): z = {program}; x.data[...] = 5; z.sum().backward()"
        expect_no_refusal(RuntimeError, lambda z=z: z.sum().backward(), given=given)
        expect_array("x.grad", lambda x=x: x.grad, wanted, aim="gradient", given=given)
    x = candidate.Tensor([1.0, 2.0], requires_grad=True)
    with candidate.detect_changes():
        with candidate.detect_changes():
            pass
        y = x.exp()
    z = x.exp()
    z.data[...] = 0.0
    z.sum().backward()
    expect_array("x.grad", lambda: x.grad, [0.0, 0.0], given="z = x.exp() outside; z.data[...] = 0", aim="gradient")
    y.data[...] = 0.0
    expect_refusal(RuntimeError, y.sum().backward, given="y = x.exp() after an inner detect_changes; y.data[...] = 0",
                   says=("exp", "(2,)"))  # fmt: skip


# Level 4 --------------------------------------------------------------------------------------------------------------


@pytest.mark.level4
@pytest.mark.about("Tensor")
def test_a_classifier_follows_pytorch_step_by_step(candidate):
    import torch

    random = np.random.default_rng(9)
    classes = np.arange(90) % 3
    angles = 2 * np.pi * (np.arange(90) % 6) / 6  # six clouds in a circle, each class two that lie opposite
    points = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + random.normal(size=(90, 2)) * 0.3
    shapes = ((2, 8), (8,), (8, 3), (3,))
    mine = [candidate.Tensor(random.normal(size=shape) * 0.5, requires_grad=True) for shape in shapes]
    theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in mine]

    def loss_of(parameters, x, cross_entropy, labels):
        w1, b1, w2, b2 = parameters
        return cross_entropy((x @ w1 + b1).tanh() @ w2 + b2, labels)

    optimizer = torch.optim.SGD(theirs, lr=1.0)
    for step in range(40):
        loss = loss_of(mine, candidate.Tensor(points), candidate.cross_entropy, classes)
        reference = loss_of(theirs, torch.tensor(points), torch.nn.functional.cross_entropy, torch.tensor(classes))
        given = f"a network 2-8-3 on 90 points of three classes, step {step + 1}"
        expect("the loss", lambda loss=loss: loss.item(), reference.item(), given=given)
        for p in mine:
            p.zero_grad()
        loss.backward()
        for p in mine:
            p.data -= 1.0 * p.grad
        optimizer.zero_grad()
        reference.backward()
        optimizer.step()
    for k, p in enumerate(theirs):
        expect_array(f"parameter {k}", lambda k=k: mine[k].data, p.detach().numpy(), given="after 40 steps")
    with candidate.no_grad():
        scores = (candidate.Tensor(points) @ mine[0] + mine[1]).tanh() @ mine[2] + mine[3]
    right = (scores.data.argmax(axis=1) == classes).mean()
    expect("the share of points that are classified rightly, at least 0.95 (1 is yes)", lambda: float(right >= 0.95),
           1.0, given="after 40 steps")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("Tensor.backward")
def test_random_expressions_have_the_gradients_of_pytorch(candidate):
    import torch

    random = np.random.default_rng(10)
    programs = (
        ("x * w + b", "x * w + b"), ("(x @ w.T).softmax()", "(x @ w.T).softmax(-1)"), ("x.max(axis=1)", "x.amax(1)"),
        ("(x @ w.T).log_softmax(0)", "(x @ w.T).log_softmax(0)"), ("x.var(axis=0)", "x.var(0, correction=0)"),
        ("x[[0, 2, 2]] - b", "x[[0, 2, 2]] - b"), ("x.transpose(1, 0) @ w", "x.permute(1, 0) @ w"),
        ("(x / (w * w + 1)).tanh()", "(x / (w * w + 1)).tanh()"), ("(x * x + 1).log().mean(axis=(0, 1))",
        "(x * x + 1).log().mean((0, 1))"), ("(x - x.mean(axis=1, keepdims=True)) * b", "(x - x.mean(1, True)) * b"),
        ("(x * x + 1).sqrt().reshape(-1)[1::2]", "(x * x + 1).sqrt().reshape(-1)[1::2]"),
        ("2 ** x - x ** 3", "2 ** x - x ** 3"),
    )  # fmt: skip
    for program, torchs in programs:
        arrays = {"x": random.normal(size=(3, 4)), "w": random.normal(size=(3, 4)), "b": random.normal(size=4)}
        tensors = {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
        leaves = {name: candidate.Tensor(array.copy(), requires_grad=True) for name, array in arrays.items()}
        result, reference = run(candidate, program, leaves), eval(torchs, dict(tensors))
        upstream = random.normal(size=tuple(reference.shape))
        given = f"{program}, against PyTorch"
        expect_array("the value", lambda r=result: r.data, reference.detach().numpy(), given=given)
        result.backward(upstream)
        reference.backward(torch.tensor(upstream))
        for name, tensor in tensors.items():
            if tensor.grad is not None:
                expect_array(f"{name}.grad", lambda leaf=leaves[name]: leaf.grad, tensor.grad.numpy(), given=given,
                             aim="gradient")  # fmt: skip


@pytest.mark.level4
@pytest.mark.about("operation")
def test_a_rule_of_your_own_agrees_with_the_same_formula_in_pytorch(candidate):
    import torch

    def softplus(a):
        y = np.log1p(np.exp(-np.abs(a))) + np.maximum(a, 0)
        return y, (lambda g: g * (1 - np.exp(-y)),)

    x = np.linspace(-30, 30, 13)
    leaf, tensor = candidate.Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y, reference = candidate.operation(softplus)(leaf), torch.nn.functional.softplus(tensor, threshold=1000)
    expect_array("the value", lambda: y.data, reference.detach().numpy(), given="softplus, against F.softplus")
    (y * y).sum().backward()
    (reference * reference).sum().backward()
    expect_array("x.grad", lambda: leaf.grad, tensor.grad.numpy(), given="the squares of softplus, against F.softplus",
                 aim="gradient")  # fmt: skip
