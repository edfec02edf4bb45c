"""The pictures of graphs: utils/drawing.py, utils/pictures/ and the topic's visualization.py."""

import argparse
import math
import subprocess
import sys
from importlib.util import find_spec
from shutil import which
from typing import ClassVar

import pytest

from scripts import draw as draw_command
from utils import drawing
from utils.course.catalog import ROOT, CatalogError, catalog
from utils.course.loading import load
from utils.drawing import ADVICE, draw, draw_dot
from utils.pictures.graphs import NotDrawable, TooLarge
from utils.pictures.recording import graph_of, record

TOPIC = catalog().topic("autograd-engine")
LEVELS = ("level01", "level02", "level03")
needs_graphviz = pytest.mark.skipif(
    not (which("dot") or find_spec("pygraphviz")), reason="neither dot nor pygraphviz is installed"
)


def engine(level="level02"):
    return load(TOPIC.candidate_path(level)).Value


class SetValue:
    """A value that keeps its parents in a set, as many small engines do, so that a + a remembers one use of a."""

    def __init__(self, data, parents=(), op="", label=""):
        self.data, self.grad, self._prev, self._op, self.label = data, 0.0, set(parents), op, label
        self._backward = lambda: None

    def __add__(self, other):
        result = SetValue(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += result.grad
            other.grad += result.grad

        result._backward = _backward
        return result

    def __mul__(self, other):
        result = SetValue(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * result.grad
            other.grad += self.data * result.grad

        result._backward = _backward
        return result


def two_uses(value):
    """z = x*y + x at x = 2, y = 3."""
    x, y = value(2.0, label="x"), value(3.0, label="y")
    z = x * y + x
    z.label = "z"
    return x, y, z


@pytest.fixture
def no_graphviz(monkeypatch):
    monkeypatch.setattr(drawing.shutil, "which", lambda name: None)
    monkeypatch.setattr(drawing, "find_spec", lambda name: None)


# What a picture tells -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_the_text_tree_shows_values_gradients_local_derivatives_and_shared_values_once(level):
    z = two_uses(engine(level))[2]
    z.backward()
    assert str(draw(z)).splitlines() == [
        "z  data 8, grad +1",
        "|- ×1  (x*y)  data 6, grad +1",
        "|  |- ×3  x  data 2, grad +4",
        "|  '- ×2  y  data 3, grad +2",
        "'- ×1  x (shown above)",
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_drawing_leaves_every_gradient_and_every_rule_as_it_was(level):
    x, y, z = two_uses(engine(level))
    z.backward()
    rules = [getattr(value, "_backward", None) for value in (x, y, z)]
    draw(z)
    assert (x.grad, y.grad, z.grad) == (4.0, 2.0, 1.0)
    assert [getattr(value, "_backward", None) for value in (x, y, z)] == rules


def test_a_box_is_a_record_of_name_data_and_gradient_and_an_operation_a_node_of_its_own():
    source = draw_dot(two_uses(engine())[2]).source
    assert 'shape=record, class="value", label="x|data\\ 2|grad\\ 0"' in source
    assert 'o2 [id=o2, label="*"' in source and 'o3 [id=o3, label="+"' in source
    assert 'n0 -> o2 [id="e2-0", label=" ×3 "' in source and "o2 -> n2" in source


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_the_direction_is_left_to_right_or_top_to_bottom(rankdir):
    assert f"rankdir={rankdir}" in draw_dot(two_uses(engine())[2], rankdir=rankdir).source


def test_another_direction_is_refused_with_both_named():
    with pytest.raises(ValueError, match="'LR' \\(left to right\\) or 'TB'"):
        draw_dot(two_uses(engine())[2], rankdir="up")


def test_sign_and_size_of_a_gradient_are_readable_without_color():
    value = engine()
    x, y = value(2.0, label="x"), value(-30.0, label="y")
    (x * y).backward()
    boxes = [line for line in draw(x * y, names={"x": x, "y": y}).source.splitlines() if "record" in line]
    large, small = (next(box for box in boxes if f'label="{name}|' in box) for name in "xy")
    assert "dashed" in large and "grad\\ −30" in large
    assert "solid" in small and "grad\\ +2" in small
    assert float(large.split("penwidth=")[1].rstrip("]")) > float(small.split("penwidth=")[1].rstrip("]"))


def test_a_product_of_a_value_with_itself_shows_two_uses():
    for value in (engine("level01"), engine("level02"), SetValue):
        a = value(3.0, label="a")
        graph = draw(a * a).graph
        assert [(edge.parent, edge.local) for edge in graph.root.edges] == [(0, 3.0), (0, 3.0)]


def test_a_set_that_lost_a_second_use_is_said_so_and_drawn_dotted():
    a = SetValue(3.0, label="a")
    picture = draw(a + a)
    assert "`_prev` is a set and keeps one use" in str(picture)
    assert "style=dotted" in picture.source
    b = SetValue(3.0, label="b")
    assert "set" not in str(draw(a + b))


def test_not_a_number_and_infinity_are_marked_where_they_begin():
    value = engine()
    x, y = value(math.inf, label="x"), value(0.0, label="y")
    source = draw((x * y) + value(1.0)).source
    assert "!\\ infinite\\ from\\ here\\ on\\ !" in source
    assert source.count("!\\ not\\ a\\ number\\ !") == 2
    assert "! not a number !" in str(draw(x * y))


def test_intermediates_without_a_label_name_themselves_within_24_characters():
    value = engine()
    x1, w1 = value(2.0, label="x1"), value(-1.0, label="w1")
    product = x1 * w1
    names = [node.name for node in draw((product + product.tanh()) ** 2).graph.nodes]
    assert names[2:5] == ["(x1*w1)", "tanh(x1*w1)", "((x1*w1)+tanh(x1*w1))"]
    long = value(1.0, label="a")
    for _ in range(12):
        long = (long + product).tanh()
    assert max(len(node.name) for node in draw(long).graph.nodes) <= 24


def test_a_label_with_any_sign_in_it_is_shown_as_it_is():
    x = engine()(1.0, label='<a|b> {"c"} \\ \n')
    assert '\\<a\\|b\\>\\ \\{\\"c\\"\\}\\ \\\\' in draw(x).source


def test_a_value_that_is_its_own_input_is_said_so_instead_of_walked_for_ever():
    a = SetValue(1.0, label="a")
    b = a + a
    a._prev = {b}
    assert "cycle" in str(draw(b))


def test_an_object_without_data_is_refused_in_words():
    with pytest.raises(NotDrawable, match="this is a str"):
        draw("z")


def test_designs_that_do_not_show_their_rules_get_bare_edges():
    class Slotted:
        __slots__ = ("_prev", "data", "grad")

        def __init__(self, data, parents=()):
            self.data, self.grad, self._prev = data, 0.0, parents

    a = Slotted(2.0)
    assert draw(Slotted(4.0, (a, a))).graph.root.edges[0].local is None


def test_a_rule_that_raises_leaves_its_edges_bare_and_the_gradients_as_they_were():
    x, y, z = two_uses(engine())
    z.backward()
    z._backward = lambda: 1 / 0
    assert [edge.local for edge in draw(z).graph.root.edges] == [None, None]
    assert (x.grad, y.grad, z.grad) == (4.0, 2.0, 1.0)


# Large graphs ---------------------------------------------------------------------------------------------------------


def network(value, sizes):
    """(output, the values of each layer) of a tanh network with the weight (i - j)/10 from neuron i to neuron j."""
    layers = [[value(0.5), value(-1.0)]]
    for count in sizes:
        layer = []
        for j in range(count):
            total = value(0.1)
            for i, x in enumerate(layers[-1]):
                total = total + x * value((i - j) / 10)
            layer.append(total.tanh())
        layers.append(layer)
    return layers[-1][0], layers


def test_more_than_200_values_are_folded_into_neurons_and_the_picture_says_so():
    output, _ = network(engine(), (8, 8, 1))
    picture = draw(output)
    assert len(picture.graph.nodes) == 2 + 8 + 8 + 1
    assert "Folded: 300 values" in str(picture)
    assert len(draw(output, folded=False).graph.nodes) == 300


def test_scopes_are_drawn_as_one_box_each():
    output, layers = network(engine(), (8, 8, 1))
    scopes = {f"layer {place}": layer for place, layer in enumerate(layers[1:], 1)}
    graph = draw(output, scopes=scopes).graph
    assert [node.name for node in graph.nodes] == ["layer 1", "layer 2", "layer 3"]
    assert [node.count for node in graph.nodes] == [66, 208, 26]


def test_a_scope_with_a_value_from_elsewhere_is_refused():
    output, _ = network(engine(), (2, 1))
    with pytest.raises(ValueError, match="does not lead to the drawn one"):
        draw(output, scopes={"layer 1": [engine()(1.0)]})


def test_a_chain_of_5000_values_is_drawn_in_a_dozen_boxes():
    value = engine()
    x = value(1.0, label="x")
    for _ in range(5000):
        x = x + value(1.0)
    assert len(draw(x).graph.nodes) == 12
    assert len(str(draw(x, folded=False)).splitlines()) < 200


def test_a_loss_over_a_whole_batch_is_refused_with_advice():
    value = engine()
    total = value(0.0)
    for _ in range(10_001):
        total = total + value(1.0)
    with pytest.raises(TooLarge, match="loss of one sample instead of a whole batch"):
        draw(total)


# Files ----------------------------------------------------------------------------------------------------------------


def test_the_same_graph_gives_the_same_bytes_in_every_process():
    program = (
        "import sys; sys.path.insert(0, 'tests'); from test_drawing import *\n"
        "a, b, c = SetValue(1.0, label='a'), SetValue(2.0), SetValue(3.0)\n"
        "print(draw((b * c + a) * (a + b * c)).source)"
    )
    runs = {  # the number of other objects moves the addresses, and with them the order of a set
        subprocess.run([sys.executable, "-c", f"x = [object() for _ in range({count})]\n{program}"],
                       capture_output=True, check=True, cwd=ROOT).stdout
        for count in (1, 1000, 5000)
    }  # fmt: skip
    assert len(runs) == 1


@needs_graphviz
def test_svg_png_dot_and_text_are_chosen_by_the_suffix(tmp_path):
    z = two_uses(engine())[2]
    for name, start in (("z.svg", b"<svg"), ("z.png", b"\x89PNG"), ("z.dot", b"digraph"), ("z.txt", b"z  data 8")):
        assert draw(z, tmp_path / name).save(tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(ValueError, match=r"saved as \.svg, \.png, \.dot or \.txt"):
        draw(z, tmp_path / "z.pdf")


@needs_graphviz
def test_render_saves_comp_graph_as_svg_or_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    z = two_uses(engine())[2]
    assert draw_dot(z).render(view=False, cleanup=True) == "comp_graph.svg"
    assert draw_dot(z, format="png").render("other", cleanup=True) == "other.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comp_graph.svg", "other.png"]


@needs_graphviz
def test_an_svg_has_a_size_a_description_and_a_dark_scheme():
    svg = draw(two_uses(engine())[2]).pipe("svg").decode()
    assert 'role="img"' in svg and 'width="' in svg and "max-width:100%" in svg
    assert "<title>Graph of 4 boxes that leads to z = 8.</title>" in svg
    assert "<title>x  data 2, grad 0</title>" in svg
    assert "prefers-color-scheme:dark" in svg


@needs_graphviz
def test_a_notebook_shows_the_svg_and_a_text_for_where_pictures_are_not_shown():
    for picture in (draw(two_uses(engine())[2]), draw_dot(two_uses(engine())[2])):
        bundle = picture._repr_mimebundle_()
        assert bundle["image/svg+xml"].startswith("<svg") and bundle["text/plain"].startswith("z  data 8")


def test_without_graphviz_there_is_a_text_tree_and_one_line_of_advice(tmp_path, capsys, no_graphviz):
    z = two_uses(engine())[2]
    written = draw(z).save(tmp_path / "z.svg")
    assert written.name == "z.txt" and written.read_text(encoding="utf-8").startswith("z  data 8")
    assert capsys.readouterr().out == f"The picture is in z.txt as text. {ADVICE}\n"
    assert draw_dot(z).render(tmp_path / "comp_graph").endswith("comp_graph.txt")
    assert draw(z)._repr_mimebundle_().keys() == {"text/plain"}


@pytest.mark.parametrize("level", LEVELS)
def test_the_visualization_of_the_topic_runs(level, tmp_path):
    program = TOPIC.folder / "visualization.py"
    done = subprocess.run([sys.executable, program, "--candidate", level], cwd=tmp_path, capture_output=True,
                          text=True, encoding="utf-8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "e  data 50, grad +1" in done.stdout
    assert {path.stem for path in tmp_path.iterdir()} >= {"comp_graph", "forgotten_path"}


# Drawing a program on any design --------------------------------------------------------------------------------------


class TapeValue:
    """An engine without `_prev` and `_backward`: one tape for all, as (result, ((operand, local), ...))."""

    tape: ClassVar[list] = []

    def __init__(self, data):
        self.data, self.grad = data, 0.0

    def _noted(self, data, *operands):
        result = TapeValue(data)
        self.tape.append((result, operands))
        return result

    def __add__(self, other):
        return self._noted(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return self._noted(self.data * other.data, (self, other.data), (other, self.data))

    def backward(self):
        self.grad = 1.0
        for result, operands in reversed(self.tape):
            for operand, local in operands:
                operand.grad += local * result.grad


def drawn(value, program, **inputs):
    recording = record(value, program, inputs)
    recording.root.backward()
    return draw(graph_of(recording))


def test_a_program_is_drawn_for_a_design_that_remembers_no_parents():
    assert str(drawn(TapeValue, "z = x*y + x", x=2.0, y=3.0)).splitlines() == [
        "z  data 8, grad +1",
        "|- ×1  (x*y)  data 6, grad +1",
        "|  |- ×3  x  data 2, grad +4",
        "|  '- ×2  y  data 3, grad +2",
        "'- ×1  x (shown above)",
    ]


def test_plain_numbers_belong_to_the_operation_and_composed_operators_are_one():
    graph = drawn(engine(), "2 - (a - b)/4 + -a**2", a=3.0, b=1.0).graph
    assert [node.op for node in graph.nodes] == ["", "", "-", "/4", "2-", "**2", "-", "+"]
    assert [edge.local for edge in graph.nodes[2].edges] == [1.0, -1.0]


def test_a_value_times_itself_has_its_local_derivative_on_each_arrow():
    graph = drawn(engine(), "a*a", a=3.0).graph
    assert [edge.local for edge in graph.root.edges] == [3.0, 3.0]


def test_what_does_not_lead_to_the_result_is_not_drawn():
    assert [node.name for node in drawn(engine(), "c = a*b; a + a", a=1.0, b=2.0).graph.nodes] == ["a", "(a+a)"]


def command(*arguments):
    """What a subcommand does with arguments, as (exit code, text printed or refusal)."""
    parser = argparse.ArgumentParser()
    draw_command.add_arguments(parser)
    return draw_command.run(parser.parse_args(arguments))


def test_the_command_prints_the_tree_and_saves_the_picture(tmp_path, capsys):
    path = tmp_path / "out.dot"
    assert command("02", "a*b + a", "a=2", "b=-3", "--candidate", "level01", "--output", str(path)) == 0
    assert capsys.readouterr().out.startswith("((a*b)+a)  data -4, grad +1\n|- ×1  (a*b)  data -6")
    assert path.read_text(encoding="utf-8").startswith("digraph")


REFUSED = {
    ("a*b", "a=1"): "A number is missing for b; add b=2",
    ("a*b", "a=1", "b=2", "c=3"): "`c` is not in `a*b`; its names are a, b.",
    ("a*b", "a=1", "b"): "`b` should be a name and a number, as in a=2.",
    ("a.__class__", "a=1"): "`a.__class__` is not offered",
    ("a - a", "a=1"): "Your engine has no - yet.",
    ("2 + 3",): "uses no name, so there is nothing to differentiate",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_the_command_refuses_in_words(arguments, tmp_path):
    with pytest.raises(CatalogError) as refusal:
        command("02", *arguments, "--candidate", "level01", "--output", str(tmp_path / "out.txt"))
    assert REFUSED[arguments] in str(refusal.value)
