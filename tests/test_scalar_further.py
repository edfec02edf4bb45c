"""further/fused and further/replay give level 3's gradients, to 1e-12, and refuse what they cannot do."""

import gc
import random

import pytest

from utils.course.catalog import catalog
from utils.course.loading import load_once

LEVEL3, FUSED, REPLAY = (
    load_once(catalog().topic("02").candidate_path(name)) for name in ("level03", "further/fused", "further/replay")
)
Value, Replay = LEVEL3.Value, REPLAY.Replay


def close(got, wanted):
    return got == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def count_of(kind):
    """How many objects of this class are alive."""
    # type, not isinstance: that one asks objects for their class, and torch's deprecated ones answer with a warning.
    return sum(type(thing) is kind for thing in gc.get_objects())


def random_program(Value, seed, shift=0.0, steps=60):  # noqa: N803 (a class)
    """The root and the leaves of a random program over every operation; `shift` moves the leaves' numbers."""
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-1, 1) + shift) for _ in range(6)]
    values = leaves[:]
    for _ in range(steps):
        a, b, number = rng.choice(values), rng.choice(values), rng.uniform(-2, 2)
        makers = [
            lambda a, b, n: a + b, lambda a, b, n: a - b, lambda a, b, n: (a * b).tanh(), lambda a, b, n: a + a,
            lambda a, b, n: a / (b * b + 1.5), lambda a, b, n: n / (a * a + 2), lambda a, b, n: a / n,
            lambda a, b, n: -a, lambda a, b, n: n * a, lambda a, b, n: n - b,
            lambda a, b, n: a.relu(), lambda a, b, n: a.sigmoid(),
            lambda a, b, n: a.tanh().exp(), lambda a, b, n: (a * a + 1).log(), lambda a, b, n: 2 ** a.tanh(),
            lambda a, b, n: (b * b + 1) ** (1 / 3), lambda a, b, n: a.tanh() ** 3, lambda a, b, n: a ** 0,
        ]  # fmt: skip
        values.append(rng.choice(makers)(a, b, number))
    return sum(value.tanh() for value in values), leaves


def network(engine, hidden=5, seed=3):
    """Parameters and inputs of a small network, as the engine's values."""
    rng = random.Random(seed)
    layers = [[([engine.Value(rng.uniform(-1, 1)) for _ in range(n)], engine.Value(rng.uniform(-1, 1)))
               for _ in range(m)] for n, m in ((2, hidden), (hidden, hidden), (hidden, 1))]  # fmt: skip
    return layers, [parameter for layer in layers for weights, bias in layer for parameter in (*weights, bias)]


POINTS = [(0.5, -1.0), (1.5, 2.0), (-0.3, 0.8)]


def plain_loss(engine, layers):
    losses = []
    for point in POINTS:
        activations = [engine.Value(x) for x in point]
        for layer in layers:
            activations = [
                sum((w * x for w, x in zip(weights, activations, strict=True)), bias).relu() for weights, bias in layer
            ]
        losses.append((activations[0] - 1) ** 2)
    return sum(losses)


def fused_loss(layers):
    rows = [[(FUSED.Row(weights), bias) for weights, bias in layer] for layer in layers]
    losses = []
    for point in POINTS:
        activations = FUSED.Row([FUSED.Value(x) for x in point])
        for layer in rows:
            activations = FUSED.Row([FUSED.dot(weights, activations, bias).relu() for weights, bias in layer])
        losses.append((activations[0] - 1) ** 2)
    return FUSED.total(losses)


class TestFused:
    @pytest.mark.parametrize("seed", range(5))
    def test_random_programs_have_level_3s_gradients(self, seed):
        (root, leaves), (wanted_root, wanted) = random_program(FUSED.Value, seed), random_program(Value, seed)
        root.backward()
        wanted_root.backward()
        assert close(root.data, wanted_root.data)
        assert close([leaf.grad for leaf in leaves], [leaf.grad for leaf in wanted])

    def test_a_network_of_dot_and_total_has_the_gradients_of_one_of_plus_and_times(self):
        (layers, parameters), (wanted_layers, wanted) = network(FUSED), network(LEVEL3)
        loss, wanted_loss = fused_loss(layers), plain_loss(LEVEL3, wanted_layers)
        for _ in range(2):  # a second backward adds the same once more
            loss.backward()
            wanted_loss.backward()
            assert close(loss.data, wanted_loss.data)
            assert close([p.grad for p in parameters], [p.grad for p in wanted])

    def test_a_value_may_stand_in_a_dot_several_times(self):
        x, y = FUSED.Value(3.0), FUSED.Value(2.0)
        row = FUSED.Row([x, y, x * y])
        FUSED.dot(row, row, x).backward()  # x² + y² + x²y² + x
        assert (x.grad, y.grad) == (2 * 3 + 2 * 3 * 4 + 1, 2 * 2 + 2 * 9 * 2)

    def test_interior_weights_and_biases_pass_gradients_on(self):
        x = FUSED.Value(2.0)
        FUSED.dot([x * x, x], [x, FUSED.Value(5.0)], x**2).backward()  # x³ + 5x + x²
        assert close(x.grad, 3 * 4 + 5 + 4)

    def test_rows_of_different_lengths_are_refused(self):
        x = FUSED.Value(1.0)
        with pytest.raises(ValueError, match="2 weights do not fit 1 inputs"):
            FUSED.dot([x, x], [x], x)

    def test_data_changed_after_the_forward_pass_do_not_reach_the_gradients(self):
        w, x = FUSED.Value(3.0), FUSED.Value(2.0)
        y = FUSED.dot([w], [x], FUSED.Value(0.0))
        w.data = x.data = 100.0
        y.backward()
        assert (w.grad, x.grad) == (2.0, 3.0)

    def test_a_graph_with_dots_is_freed_without_the_cycle_collector(self):
        layers, _ = network(FUSED)
        before = count_of(FUSED.Value)
        gc.disable()
        try:
            loss = fused_loss(layers)
            loss.backward()
            del loss
            assert count_of(FUSED.Value) == before
        finally:
            gc.enable()

    def test_100_000_values_in_a_row_are_no_problem(self):
        x = y = FUSED.Value(1.0)
        for _ in range(50_000):
            y = FUSED.dot([y], [FUSED.Value(1.0)], x) * 1.0
        y.backward()
        assert x.grad == 50_001


class TestReplay:
    @pytest.mark.parametrize("seed", range(12))
    def test_random_programs_have_level_3s_gradients_also_at_new_numbers(self, seed):
        replay = Replay(*random_program(Value, seed))
        for shift in (0.0, 0.3, -0.7):
            root, leaves = random_program(Value, seed, shift)
            root.backward()
            value, gradients = replay.run([leaf.data for leaf in leaves])
            assert close(value, root.data)
            assert close(list(gradients), [leaf.grad for leaf in leaves])

    def test_training_by_replay_and_training_by_level_3_take_the_same_steps(self):
        (layers, parameters), (wanted_layers, wanted) = network(LEVEL3), network(LEVEL3)
        replay = Replay(plain_loss(LEVEL3, layers), parameters)
        for _ in range(5):
            for p in (*parameters, *wanted):
                p.zero_grad()
            value, loss = replay(), plain_loss(LEVEL3, wanted_layers)
            loss.backward()
            assert close(value, loss.data)
            assert close([p.grad for p in parameters], [p.grad for p in wanted])
            for p in (*parameters, *wanted):
                p.data -= 0.05 * p.grad

    def test_gradients_add_up_over_calls_as_over_backwards(self):
        x = Value(3.0)
        replay = Replay(x * x, [x])
        assert (replay(), replay(), x.grad) == (9.0, 9.0, 12.0)

    def test_a_leaf_that_does_not_matter_receives_zero(self):
        x, unused = Value(3.0), Value(1.0)
        replay = Replay(2 * x + 1, [unused, x])
        assert replay() == 7.0
        assert (x.grad, unused.grad) == (2.0, 0.0)

    def test_what_is_not_among_the_leaves_stays_as_it_was(self):
        x, c = Value(3.0), Value(5.0)
        replay = Replay((c * c + 1) * x + c.exp().log(), [x])
        c.data = 0.0
        assert close(replay(), 26 * 3 + 5)
        assert (close(x.grad, 26.0), c.grad) == (True, 0.0)

    def test_an_if_is_replayed_as_it_went_when_traced(self):
        def absolute(x):
            return x if x.data > 0 else -x

        x = Value(3.0)
        replay = Replay(absolute(x) * 2, [x])
        x.data = -3.0
        assert replay() == -6.0  # and not 6: the trace holds the operations, not the question
        assert (absolute(x) * 2).data == 6.0

    def test_the_traced_graph_may_go_away(self):
        before = count_of(Value)
        x = Value(3.0)
        replay = Replay(x * 2 * x, [x])
        assert count_of(Value) == before + 1  # x alone
        assert replay() == 18.0

    def test_it_refuses_with_a_reason(self):
        x, y = Value(3.0), Value(2.0)
        with pytest.raises(ValueError, match="does not depend on any of the leaves"):
            Replay(x * 2, [y])
        with pytest.raises(ValueError, match="one of the leaves"):
            Replay(x, [x])
        with pytest.raises(ValueError, match="'cosh' is not one that can be replayed"):
            Replay(Value(1.0, (x,), "cosh") + 1, [x])

    def test_the_slope_of_a_root_at_zero_and_the_power_zero_are_level_3s(self):
        x, y = Value(0.0), Value(0.0)
        root = x**0.5 + y**0
        root.backward()
        wanted = x.grad, y.grad
        _, gradients = Replay(root, [x, y]).run([0.0, 0.0])
        assert tuple(gradients) == wanted
