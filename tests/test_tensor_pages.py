"""Pages and pictures of tensors: shapes, strips, the axis that is summed, and planted mistakes.

All on a small engine of its own, as somebody else might write it.
"""

import numpy as np
import pytest

from tests.test_steps import CONTRAST, browser, needs_browser, needs_layout  # noqa: F401  browser is a fixture
from utils import lab
from utils.course.catalog import catalog
from utils.course.expressions import NotAnExpression, run
from utils.course.lessons import lessons
from utils.course.loading import load
from utils.drawing import draw
from utils.pictures import steps
from utils.pictures.graphs import strip
from utils.pictures.recording import NotOffered, graph_of, record

LAYER = (
    "h = x @ W + b; a = relu(h); loss = mean(a * a); loss",
    {"x": [[1.0, 2.0], [-1.0, 0.5]], "W": [[1.0, 0.0, -1.0], [0.5, 1.0, 1.0]], "b": [0.0, 0.5, -0.25]},
)


class Tensor:
    """Another design: every result keeps (parent, function of the upstream gradient), and gradients go by recursion."""

    def __init__(self, data, requires_grad=False, edges=()):
        self.data, self.grad, self.edges = np.asarray(data, dtype=float), None, edges

    def __add__(self, other):
        return Tensor(self.data + other.data, edges=(
            (self, lambda g: fitted(g, self)), (other, lambda g: fitted(g, other)),
        ))  # fmt: skip

    def __mul__(self, other):
        return Tensor(self.data * other.data, edges=(
            (self, lambda g: fitted(g * other.data, self)), (other, lambda g: fitted(g * self.data, other)),
        ))  # fmt: skip

    def __matmul__(self, other):
        return Tensor(self.data @ other.data, edges=(
            (self, lambda g: g @ other.data.T), (other, lambda g: self.data.T @ g),
        ))  # fmt: skip

    def relu(self):
        return Tensor(self.data * (self.data > 0), edges=((self, lambda g: g * (self.data > 0)),))

    def sum(self, axis=None):
        def back(g):
            return np.broadcast_to(g if axis is None else np.expand_dims(g, axis), self.data.shape)

        return Tensor(self.data.sum(axis=axis), edges=((self, back),))

    def mean(self):
        return self.sum() * Tensor(1 / self.data.size)

    def backward(self):
        self.receive(np.ones(()))

    def receive(self, gradient):
        self.grad = gradient if self.grad is None else self.grad + gradient
        for parent, back in self.edges:
            parent.receive(back(gradient))


def fitted(gradient, tensor):
    """Summed over the axes along which a tensor was repeated."""
    shape = tensor.data.shape
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True).reshape(shape)


def played(tensor_class, program, inputs):
    recording = record(tensor_class, program, inputs, arrays=True)
    recording.root.backward()
    return steps.trace_of(recording, "the engine of the test")


def said(program, inputs):
    return [step["say"] for step in played(Tensor, program, inputs)[0]["steps"]]


# The trace ------------------------------------------------------------------------------------------------------------


def test_the_steps_say_which_axis_is_repeated_and_summed():
    assert said("y = sum(x + b); y", {"x": [[1.0, 2.0], [3.0, 4.0]], "b": [10.0, 20.0]}) == [
        "Forward: x (2×2) = [1, 2; 3, 4] is an input.",
        "Forward: b (2) = [10, 20] is an input.",
        "Forward: + takes x (2×2) and b (2) and gives (x+b) (2×2) = [11, 22; 13, 24]. "
        "To fit, b is repeated along axis 0.",
        "Forward: sum takes (x+b) (2×2) and gives y = 70.",
        "Backward begins at y, a single number, whose derivative with respect to itself is 1.",
        "Backward from y through sum to (x+b): upstream is a single number; "
        "each entry gets the upstream of the sum that it went into. The gradient of (x+b) is now [1, 1; 1, 1].",
        "Backward from (x+b) through + to x: upstream is 2×2; it is passed on as it is. "
        "The gradient of x is now [1, 1; 1, 1].",
        "Backward from (x+b) through + to b: upstream is 2×2; "
        "b was repeated along axis 0, so it is summed over axis 0. The gradient of b is now [2, 2].",
    ]


@pytest.mark.parametrize(
    ("program", "inputs", "says"),
    [
        (
            "sum(x * w)",
            {"x": [[1.0, 2.0]], "w": 3.0},
            "repeated along axes 0 and 1, so times the local derivatives it is",
        ),
        ("sum(x * w)", {"x": [[1.0, 2.0]], "w": [[3.0], [4.0]]}, "x was repeated along axis 0, so times the local"),
        ("sum(x @ w)", {"x": [[1.0, 2.0]], "w": [[3.0], [4.0]]}, "w gets x transposed @ upstream"),
        ("sum(sum(x, axis=1))", {"x": [[1.0, 2.0], [3.0, 4.0]]}, "through sum axis 1 to x: upstream is 2;"),
        ("mean(x)", {"x": [1.0, 2.0]}, "each entry gets the upstream of the sum that it went into"),
        ("sum(x * x)", {"x": [1.0, 2.0]}, "x already has a gradient, so add. The gradient of x is now [2, 4]."),
    ],
)
def test_what_happens_on_the_way_back_is_said(program, inputs, says):
    assert any(says in sentence for sentence in said(program, inputs))


def test_a_layer_agrees_with_the_chain_rule():
    trace, graph = played(Tensor, *LAYER)
    grads = {node["name"]: node["grad"] for node in trace["nodes"]}
    assert trace["verdict"] is None and len(graph.nodes) == 8
    # d(mean of a²)/db is the sum over the samples of 2a/6, and here a is [[2, 2.5, 0.75], [0, 1, 1.25]].
    assert grads["b"]["values"] == pytest.approx([2 / 3, 3.5 / 3, 2 / 3])
    assert grads["b"]["shape"] == [3] and grads["h"] is None  # leaves only, as in PyTorch


def tensor(data, *edges):
    return Tensor(data, edges=edges)


def replaced(self, gradient):
    self.grad = gradient
    for parent, back in self.edges:
        parent.receive(back(gradient))


# what is changed, how, the verdict's kind, the arrow (user, parent)
MISTAKES = {
    "the gradient keeps the shape of the result": ("fitted", lambda g, t: g, "local", ("h", "b")),
    "it is averaged over the axis": (
        "fitted", lambda g, t: g if g.shape == t.data.shape else g.mean(axis=0), "local", ("h", "b"),
    ),
    "only the first sample counts": (
        "fitted", lambda g, t: g if g.shape == t.data.shape else g[0], "local", ("h", "b"),
    ),
    "a product of matrices forgets to transpose": (
        "Tensor.__matmul__",
        lambda a, b: tensor(a.data @ b.data, (a, lambda g: g @ b.data.T), (b, lambda g: a.data @ g)),
        "local", ("(x@W)", "W"),
    ),
    "the mask is taken from the gradient": (
        "Tensor.relu", lambda a: tensor(a.data * (a.data > 0), (a, lambda g: g * (g > 0))), "local", ("a", "h"),
    ),
    "relu has no mask": (
        "Tensor.relu", lambda a: tensor(a.data * (a.data > 0), (a, lambda g: g)), "local", ("a", "h"),
    ),
    "the mean is not divided": (
        "Tensor.mean", lambda a: tensor(a.data.mean(), (a, lambda g: np.broadcast_to(g, a.data.shape))),
        "local", ("loss", "(a*h)"),
    ),
    "each factor gets itself": (
        "Tensor.__mul__",
        lambda a, b: tensor(a.data * b.data,
                            (a, lambda g: fitted(g * a.data, a)), (b, lambda g: fitted(g * b.data, b))),
        "local", ("loss", "(a*h)"),
    ),
    "the last path replaces the others": ("Tensor.receive", replaced, "sum", None),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_shown_at_the_right_arrow(name, monkeypatch):
    changed, function, kind, arrow = MISTAKES[name]
    monkeypatch.setattr(f"{__name__}.{changed}", function)
    trace, _ = played(Tensor, "h = x @ W + b; a = relu(h); loss = mean(a * h); loss", LAYER[1])
    verdict, names = trace["verdict"], [node["name"] for node in trace["nodes"]]
    assert verdict["kind"] == kind
    if arrow:
        (edge,) = (edge for edge in trace["edges"] if edge["id"] in verdict["edges"])
        assert (names[edge["user"]], names[edge["parent"]]) == arrow


def test_programs_of_arrays_are_told_what_is_wrong_with_them():
    with pytest.raises(NotAnExpression, match=r"gives several numbers; let it end in one, as in sum\(x \* y\)"):
        record(Tensor, "x + x", {"x": [1.0, 2.0]}, arrays=True)
    with pytest.raises(NotOffered, match="has no softmax yet"):
        record(Tensor, "sum(softmax(x))", {"x": [1.0, 2.0]}, arrays=True)
    with pytest.raises(NotAnExpression, match="not offered"):
        run("a @ b", {"a": 1.0, "b": 2.0})


# Pictures and pages ---------------------------------------------------------------------------------------------------


def test_a_strip_shows_signs_row_by_row():
    assert strip(np.array([[1.0, -2.0], [0.0, 3.0]])) == "▲▼ ·▲"
    assert strip(np.arange(30.0))[-2:] == "▲…" and strip(np.array(1.0)) == "" and strip(2.0) == ""


@needs_layout
def test_a_picture_of_tensors_shows_shapes_and_strips():
    recording = record(Tensor, *LAYER, arrays=True)
    recording.root.backward()
    svg = draw(graph_of(recording)).pipe("svg").decode()
    assert "data 2×3 ▲·▼ ▲▲▲" in svg and "grad 3 ▲▲▲" in svg


def test_a_notebook_plays_tensors_from_lists():
    page = lab.play("y = sum(x * x); y", Tensor, x=[1.0, 2.0])
    assert "The gradient of x is now [2, 4]." in str(page)


@needs_browser
@needs_layout
def test_the_page_tells_shapes_asks_for_them_and_shows_strips(tmp_path, browser):  # noqa: F811
    path = tmp_path / "page.html"
    path.write_text(steps.page(*played(Tensor, *LAYER)), encoding="utf-8")
    browser.open(path, "#step=17")
    assert browser.labels()["b"] == "data 3 [0, 0.5, −0.25], gradient 3 [0.6667, 1.167, 0.6667]"
    assert browser.run("return document.querySelector('#n1 text:nth-of-type(2)').textContent") == "data 2×3 ▲·▼ ▲▲▲"
    browser.open(path, "#mode=predict&step=15")
    assert browser.said().endswith("Which shape does the gradient of b have?")
    submit = "document.getElementById('number').value = arguments[0]; document.getElementById('answer').requestSubmit()"
    browser.run(submit, "2x3")
    assert browser.said().startswith("A gradient has the shape of what it belongs to.")
    browser.run(submit, "3")
    assert browser.said().startswith("Right. Backward from h through + to b")
    browser.open(path, "#mode=compare")
    assert browser.said() == "Your engine and the chain rule agree at all 8 values."
    assert browser.run(CONTRAST)[0] >= 4.5 and browser.logs("browser") == []


# Lessons --------------------------------------------------------------------------------------------------------------

TENSORS = [name for name, lesson in lessons().items() if lesson.arrays]


@pytest.mark.parametrize("name", TENSORS)
def test_a_lesson_of_tensors_agrees_with_the_chain_rule_on_level_3(name):
    lesson = lessons()[name]
    engine = load(catalog().topic("08").solution(3)).Tensor
    trace, _ = played(engine, lesson.program, lesson.inputs)
    assert trace["verdict"] is None and lesson.look.endswith((".", "?"))


def test_at_a_kink_no_rule_is_called_wrong():
    trace, _ = played(Tensor, "sum(relu(x))", {"x": [0.0, -1.0, 2.0]})
    assert trace["verdict"] is None
