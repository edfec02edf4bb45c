"""further/blocked of Topic 08 gives level 3's numbers, and holds no array beside the inputs and their gradients."""

import numpy as np
import pytest

from utils.course.catalog import catalog
from utils.course.costs import peak_bytes
from utils.course.loading import load_once
from utils.engine import Tensor

BLOCKED = load_once(catalog().topic("08").candidate_path("further/blocked"))


def chain(x, y):
    for _ in range(10):
        x = ((x * 1.01 + 0.01) * y - 0.2).relu()
    return x


def leaves(size, dtype=np.float32):
    rng = np.random.default_rng(3)
    return [Tensor(rng.random(size).astype(dtype), requires_grad=True) for _ in range(2)]


@pytest.mark.parametrize("shape", [(7,), (BLOCKED.BLOCK,), (3, BLOCKED.BLOCK + 5)])
def test_the_sum_and_its_gradients_are_those_of_the_plain_graph(shape):
    blocked, plain = leaves(shape, np.float64), leaves(shape, np.float64)
    total, wanted = BLOCKED.summed(chain)(*blocked), chain(*plain).sum()
    (total * 2.0).backward()
    (wanted * 2.0).backward()
    assert total.item() == pytest.approx(wanted.item(), rel=1e-12)
    for one, other in zip(blocked, plain, strict=True):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-12)


def test_an_input_that_the_function_does_not_use_gets_zeros():
    x, y = leaves(5)
    BLOCKED.summed(lambda x, y: x * 2.0)(x, y).backward()
    assert y.grad.tolist() == [0.0] * 5


def test_no_result_of_an_operation_is_in_main_memory():
    size = 40 * BLOCKED.BLOCK
    blocked, plain = leaves(size), leaves(size)

    def step(inputs, function):
        for leaf in inputs:
            leaf.grad = None
        function(*inputs).backward()

    array = 4 * size
    assert peak_bytes(lambda: step(blocked, BLOCKED.summed(chain))) <= 5 * array
    assert peak_bytes(lambda: step(plain, lambda x, y: chain(x, y).sum())) >= 20 * array
