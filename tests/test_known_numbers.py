"""The numbers that learners meet in other material, on our engine; where other material is wrong, what is right."""

import math

import pytest

from utils.autograd_stub import Value
from utils.course.catalog import catalog
from utils.course.loading import load

TOPIC = catalog().topic("02")


def test_the_first_example_has_gradients_four_and_two():
    x, y = Value(2.0), Value(3.0)
    z = x * y + x
    z.backward()
    assert (z.data, x.grad, y.grad) == (8.0, 4.0, 2.0)


def test_the_forgotten_path_gives_45_and_20_and_not_35_and_10():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    c = a + b
    d = c * a
    e = c * d
    e.backward()
    assert (e.data, a.grad, b.grad, c.grad, d.grad) == (50.0, 45.0, 20.0, 20.0, 5.0)


def test_tanh_of_a_sum_of_squares():
    x, y = Value(0.5), Value(-1.0)
    w = (x**2 + y**2).tanh()
    w.backward()
    assert (round(w.data, 4), round(x.grad, 4), round(y.grad, 4)) == (0.8483, 0.2804, -0.5608)


def test_the_sigmoid_circuit_as_one_operation_and_in_pieces():
    expected = [-0.197, 0.393, -0.393, -0.590, 0.197]
    for whole in (True, False):
        w0, x0, w1, x1, w2 = (Value(number) for number in (2.0, -1.0, -3.0, -2.0, -3.0))
        z = w0 * x0 + w1 * x1 + w2
        out = z.sigmoid() if whole else 1 / (1 + (-z).exp())
        out.backward()
        assert round(out.data, 3) == 0.731
        assert [round(value.grad, 3) for value in (w0, x0, w1, x1, w2)] == expected


def test_the_neuron_with_a_product_by_one_as_its_activation():
    x1, x2, w1, w2, b = (Value(number) for number in (2.0, -3.0, -1.0, 3.0, 0.5))
    out = (x1 * w1 + x2 * w2 + b) * 1.0
    out.backward()
    assert [value for value in (out.data, x1.grad, x2.grad, w1.grad, w2.grad)] == [-10.5, -1.0, 3.0, 2.0, -3.0]


def test_a_value_prints_itself_to_four_decimals():
    assert repr(Value(2 / 3)) == "Value(data=0.6667, grad=0.0000)"
    assert repr(Value(1, (), "", label="x")) == "Value(data=1.0000, grad=0.0000)"


@pytest.mark.parametrize("level", [1, 2, 3])
def test_every_level_has_the_customary_attributes(level):
    engine = load(TOPIC.solution(level))
    a, b = engine.Value(2.0, label="a"), engine.Value(3.0)
    c = a * b
    assert [len(list(value._prev)) for value in (a, c)] == [0, 2]
    assert (c._op, a.label, c.grad, callable(c._backward)) == ("*", "a", 0.0, True)


def test_parameters_are_counted_as_the_texts_say_and_one_neuron_gives_one_value():
    nn = load(TOPIC.folder / "nn.py")
    assert len(nn.MLP(3, [4, 1]).parameters()) == 21
    assert len(nn.MLP(3, [4, 4, 1]).parameters()) == 41
    assert isinstance(nn.MLP(3, [4, 1])([1.0, -0.5, 0.3]), nn.Value)


def test_the_overflowing_formula_for_tanh_overflows_and_ours_does_not():
    with pytest.raises(OverflowError):
        _ = (math.exp(2 * 400.0) - 1) / (math.exp(2 * 400.0) + 1)
    assert Value(400.0).tanh().data == 1.0


def test_a_match_with_pytorch_at_a_saturated_point_proves_nothing():
    import torch

    x = torch.tensor([2.0, 3.0], requires_grad=True)
    torch.tanh((x**2).sum()).backward()
    assert x.grad.tolist() == [0.0, 0.0]  # in float32; any engine that returns 0 would agree
    a, b = Value(2.0), Value(3.0)
    (a**2 + b**2).tanh().backward()
    assert 0 < a.grad < 1e-9


def test_a_second_backward_raises_in_pytorch_and_doubles_the_leaves_if_the_graph_is_kept():
    import torch

    a = torch.tensor(3.0, requires_grad=True)
    y = a * a
    y.backward(retain_graph=True)
    y.backward()
    assert a.grad.item() == 12.0
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
