"""The traces of utils/pictures/steps.py, and the page they are played on, in headless Chromium where there is one."""

import argparse
import html
import json
import math
import re
import subprocess
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from shutil import which

import pytest

from scripts import step as step_command
from utils.course.catalog import CatalogError, catalog
from utils.course.lessons import lessons
from utils.course.loading import load
from utils.pictures import steps
from utils.pictures.graphs import TooLarge
from utils.pictures.recording import record

TOPIC = catalog().topic("autograd-engine")
LEVELS = ("level01", "level02", "level03")
FORGOTTEN_PATH = ("c = a + b; d = c*a; e = c*d", {"a": 2.0, "b": 3.0})
SIGMOID = ("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))", {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0})
needs_layout = pytest.mark.skipif(
    not (which("dot") or find_spec("pygraphviz")), reason="neither dot nor pygraphviz is installed"
)


def played(value, program, inputs):
    """(trace, graph) of a program on an engine, after its backward."""
    recording = record(value, program, inputs)
    recording.root.backward()
    return steps.trace_of(recording, "the engine of the test")


def level(name):
    return load(TOPIC.candidate_path(name)).Value


# The trace ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEVELS)
def test_the_steps_multiply_upstream_and_local_and_add_at_each_use(name):
    trace, _ = played(level(name), *FORGOTTEN_PATH)
    assert [step["say"] for step in trace["steps"]][4:] == [
        "Forward: * takes c = 5 and d = 10 and gives e = 50.",
        "Backward begins at e, whose derivative with respect to itself is 1. Its gradient is 1.",
        "Backward from e through * to c: upstream 1 times local 10 is 10. The gradient of c is now 10.",
        "Backward from e through * to d: upstream 1 times local 5 is 5. The gradient of d is now 5.",
        "Backward from d through * to c: upstream 5 times local 2 is 10. "
        "c already has 10, so add: 10 + 10 = 20. That was the last of its 2 uses.",
        "Backward from d through * to a: upstream 5 times local 5 is 25. The gradient of a is now 25.",
        "Backward from c through + to a: upstream 20 times local 1 is 20. "
        "a already has 25, so add: 25 + 20 = 45. That was the last of its 2 uses.",
        "Backward from c through + to b: upstream 20 times local 1 is 20. The gradient of b is now 20.",
    ]


@pytest.mark.parametrize("name", LEVELS)
def test_the_chain_rule_from_the_engines_own_local_derivatives_gives_the_engines_gradients(name):
    programs = [FORGOTTEN_PATH, ("a*a + a", {"a": 3.0})]
    if name != "level01":
        programs += [SIGMOID, ("tanh(x**2 + y**2)", {"x": 0.5, "y": -1.0}), ("relu(x) - x/2", {"x": 0.0})]
    for program, inputs in programs:
        trace, _ = played(level(name), program, inputs)
        assert trace["verdict"] is None
        for node in trace["nodes"]:
            assert node["grad"] == pytest.approx(node["chain"], abs=1e-12), (program, node["name"])


def test_the_trace_is_versioned_json_without_numbers_that_json_has_not():
    trace, _ = played(level("level02"), "x*y", {"x": math.inf, "y": 0.0})
    text = json.loads(steps.trace_text(trace))
    assert text["trace"] == 1 and set(text) == {"trace", "program", "engine", "nodes", "edges", "steps", "verdict"}
    assert [node["data"] for node in text["nodes"]] == ["inf", 0.0, "nan"]


def test_more_than_200_values_are_refused():
    with pytest.raises(TooLarge, match="at most 200 values; this has 201"):
        played(level("level02"), " + ".join(["a"] * 201), {"a": 1.0})


# Planted mistakes -----------------------------------------------------------------------------------------------------

ADD = "self.grad += result.grad\n            other.grad += result.grad"
VISIT = "                for parent in value._prev:\n                    visit(parent)\n"
# what is changed in level 2, the program that shows it, the verdict's kind, the arrows it points at as (user, parent)
MISTAKES = {
    "a sum sets the gradient": (ADD, ADD.replace("+=", "="), *FORGOTTEN_PATH, "lost", [("d", "a")]),
    "a product sets the gradient": (
        "self.grad += other.data * result.grad", "self.grad = other.data * result.grad",
        "c = a + b; d = c*b; e = a*d; e + a*b", {"a": 2.0, "b": 3.0}, "lost", None,
    ),
    "a sum forgets its second input": (
        ADD, "self.grad += result.grad", "s = a + b; s*a", {"a": 2.0, "b": 3.0}, "local", [("s", "b")],
    ),
    "a product passes on its own number": (
        "self.grad += other.data * result.grad", "self.grad += self.data * result.grad",
        "p = a*b; p + a", {"a": 2.0, "b": 3.0}, "local", [("p", "a")],
    ),
    "the power rule keeps the exponent": (
        "exponent * self.data ** (exponent - 1)", "exponent * self.data ** exponent",
        "p = x**3; p*2", {"x": 2.0}, "local", [("p", "x")],
    ),
    "tanh forgets the square": (
        "1 - t * t", "1 - t", "t = tanh(x*w); t*w", {"x": 0.5, "w": 2.0}, "local", [("t", "(x*w)")],
    ),
    "exp takes its input for its slope": (
        'self._unary(e, e, "exp")', 'self._unary(e, self.data, "exp")', "y = exp(x); y*y", {"x": 0.5},
        "local", [("y", "x")],
    ),
    "minus keeps the sign": ("return self * -1.0", "return self * 1.0", "n = -x; n*x", {"x": 3.0}, "value", []),
    "backward has no 1 to begin with": ("self.grad = 1.0", "pass", *FORGOTTEN_PATH, "seed", []),
    "the walk is not reversed": ("in reversed(order)", "in order", *FORGOTTEN_PATH, "order", None),
    "values are visited once for each use": (
        "if value not in visited:", "if True:", "c = a*b; d = c + c; d*c", {"a": 2.0, "b": 3.0}, "repeated", None,
    ),
    "parents come before their users are done": (
        VISIT + "                order.append(value)", "                order.insert(0, value)\n" + VISIT.rstrip(),
        *FORGOTTEN_PATH, "order", None,
    ),
}  # fmt: skip


def mistaken(tmp_path, name):
    """Level 2 with one mistake in it."""
    right, wrong = MISTAKES[name][:2]
    text = TOPIC.solution(2).read_text(encoding="utf-8")
    assert right in text, name
    path = tmp_path / "mistaken.py"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    return load(path).Value


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_shown_at_the_right_arrow(name, tmp_path):
    _, _, program, inputs, kind, arrows = MISTAKES[name]
    trace, _ = played(mistaken(tmp_path, name), program, inputs)
    verdict = trace["verdict"]
    names = [node["name"] for node in trace["nodes"]]
    shown = [(names[edge["user"]], names[edge["parent"]]) for edge in trace["edges"] if edge["id"] in verdict["edges"]]
    assert verdict["kind"] == kind
    if arrows is not None:
        assert shown == arrows


# The page -------------------------------------------------------------------------------------------------------------


def written(path, value, program, inputs):
    """The page of a program, as a file."""
    path.write_text(steps.page(*played(value, program, inputs)), encoding="utf-8")
    return path


def test_the_template_is_at_most_25_kb_and_asks_for_nothing_from_elsewhere():
    template = steps.TEMPLATE.read_text(encoding="utf-8")
    assert len(template.encode()) <= 25_000
    assert set(re.findall(r"https?://[^\"]*", template)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script[^>]+src|<link[^>]+stylesheet|@import|url\(", template)


def test_without_javascript_all_steps_are_in_the_page(tmp_path):
    page = written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH).read_text(encoding="utf-8")
    assert page.count("<li>") == 12 and "<noscript>" in page
    assert "<li>Backward from c through + to a: upstream 20 times local 1 is 20." in page


def test_a_name_cannot_end_the_script_it_is_written_in(tmp_path):
    trace, graph = played(level("level02"), "a*a", {"a": 2.0})
    trace["engine"] = "</script><b>"
    page = steps.page(trace, graph)
    assert "</script><b>" not in page and "\\u003c/script>" in page


@pytest.mark.parametrize("suffix", [".html", ".json", ".txt"])
def test_the_command_writes_the_page_the_trace_or_the_sentences(suffix, tmp_path, capsys):
    path = tmp_path / f"steps{suffix}"
    assert command("02", "a*b + a", "a=2", "b=-3", "--candidate", "level01", "--output", str(path)) == 0
    assert "Your engine and the chain rule agree at all 4 values." in capsys.readouterr().out
    assert path.read_text(encoding="utf-8")[:12] in ("<!doctype ht", '{"trace": 1,', "Forward: a =")


def test_the_command_prints_the_steps_for_a_terminal(capsys):
    assert command("02", "a*b", "a=2", "b=-3", "--candidate", "level01", "--text") == 0
    assert "Forward: * takes a = 2 and b = -3 and gives (a*b) = -6." in capsys.readouterr().out


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"as \.html, \.json or \.txt"):
        command("02", "a*b", "a=2", "b=-3", "--candidate", "level01", "--output", str(tmp_path / "steps.pdf"))


def test_an_engine_that_raises_in_backward_is_told_in_words(tmp_path):
    path = tmp_path / "mine.py"
    text = TOPIC.solution(2).read_text(encoding="utf-8")
    path.write_text(text.replace("        visit(self)", "        visti(self)"), encoding="utf-8")
    with pytest.raises(CatalogError, match="raised in backward: NameError: name 'visti'"):
        command("02", "a*b", "a=2", "b=-3", "--candidate", str(path))


def command(*arguments):
    parser = argparse.ArgumentParser()
    step_command.add_arguments(parser)
    return step_command.run(parser.parse_args(arguments))


# In a browser ---------------------------------------------------------------------------------------------------------

needs_browser = pytest.mark.skipif(
    not (which("chromedriver") and which("chromium")), reason="the programs chromium and chromedriver are not installed"
)
KEYS = {"right": "\ue014", "left": "\ue012", "home": "\ue011", "end": "\ue010"}


class Browser:
    """Headless Chromium by the WebDriver protocol: as much of it as these tests need."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/session"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,1000"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments},
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}  # fmt: skip
        self.base += "/" + self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, path, fragment=""):
        self.ask("POST", "/url", {"url": "about:blank"})
        self.logs("browser"), self.logs("performance")
        self.ask("POST", "/url", {"url": path.as_uri() + fragment})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def logs(self, kind):
        return self.ask("POST", "/se/log", {"type": kind})

    def tell(self, command, **parameters):
        self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def press(self, *keys):
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def said(self):
        return self.run("return document.getElementById('say').textContent")

    def labels(self):
        """{name: what a screen reader says} of all values."""
        told = self.run("return [...document.querySelectorAll('g[role=img]')].map(g => g.getAttribute('aria-label'))")
        return dict(label.split(": ", 1) for label in told)


@contextmanager
def chromedriver():
    with subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            starts = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
            yield next(start[1] for start in starts if start)
        finally:
            driver.kill()


@pytest.fixture(scope="module")
def browser():
    with chromedriver() as port:
        browser = Browser(port)
        yield browser
        browser.ask("DELETE", "")


@needs_browser
@needs_layout
@pytest.mark.parametrize("program", [FORGOTTEN_PATH, SIGMOID, ("a*a + a", {"a": -3.0})], ids=lambda p: p[0])
def test_the_right_arrow_key_walks_to_the_engines_gradients_without_error_or_request(program, tmp_path, browser):
    path = written(tmp_path / "page.html", level("level02"), *program)
    trace, _ = played(level("level02"), *program)
    browser.open(path)
    for _ in trace["steps"][1:]:
        browser.press("right")
    wanted = {n["name"]: f"data {n['data']:.4g}, gradient {n['grad']:+.4g}".replace("-", "−") for n in trace["nodes"]}
    assert browser.labels() == wanted
    assert browser.said() == trace["steps"][-1]["say"]
    assert browser.logs("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.logs("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert set(urls) <= {path.as_uri(), "data:,"}


@needs_browser
@needs_layout
def test_home_end_b_left_and_space_move_and_play(tmp_path, browser):
    browser.open(written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH))
    count = "return document.getElementById('count').textContent"
    seen = []
    for key in ("end", "left", "home", "b", "right"):
        browser.press(key)
        seen.append(browser.run(count))
    assert seen == ["12 / 12", "11 / 12", "1 / 12", "6 / 12", "7 / 12"]
    browser.press(" ")
    assert browser.run("return document.getElementById('play').textContent") == "Pause"
    browser.press(" ")
    assert browser.run("return document.getElementById('play').textContent") == "Play"
    browser.run("const s = document.getElementById('slider'); s.value = 3; s.dispatchEvent(new Event('input'))")
    assert browser.run(count) == "4 / 12"


@needs_browser
@needs_layout
def test_predict_hides_the_number_until_it_is_typed_and_says_which_factor_was_off(tmp_path, browser):
    browser.open(written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH), "#mode=predict&step=11")
    assert browser.said().endswith("Upstream is 20; a has 25 so far. What is the gradient of a after this step?")
    visible = "return [...document.querySelectorAll('#steps li')].filter(li => !li.hidden).length"
    assert browser.run(visible) == 10 and browser.labels()["a"].endswith("gradient +25")
    answers = {
        "20": "There was already 25: gradients of several uses add up.",
        "-45": "The size is right; look at the sign.",
        "21": "Upstream and local were added; the chain rule multiplies them.",
        "many": "Type a number, such as 2 or -0.25.",
        "3": "Two factors: upstream is 20.",
        "45": "Right. Backward from c through + to a",
    }
    for typed, reply in answers.items():
        browser.run(
            "document.getElementById('number').value = arguments[0]; document.getElementById('answer').requestSubmit()",
            typed,
        )
        assert reply in browser.said()
    assert browser.run(visible) == 11 and browser.labels()["a"].endswith("gradient +45")


@needs_browser
@needs_layout
@pytest.mark.parametrize("name", MISTAKES)
def test_compare_points_at_the_planted_mistake(name, tmp_path, browser):
    _, _, program, inputs, *_ = MISTAKES[name]
    value = mistaken(tmp_path, name)
    verdict = played(value, program, inputs)[0]["verdict"]
    browser.open(written(tmp_path / "page.html", value, program, inputs), "#mode=compare")
    assert browser.said() == verdict["text"]
    marked = browser.run("return [...document.querySelectorAll('svg .differs')].map(g => g.id)")
    assert sorted(marked) == sorted([f"n{verdict['node']}", *verdict["edges"]])
    assert browser.logs("browser") == []


CONTRAST = r"""
const light = (c) => {
  const v = c.map((x) => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const parse = (text) => text.match(/[\d.]+/g).map(Number);
const worst = [];
for (const element of document.querySelectorAll("h1,h2,p,button,label,legend,li,th,td,span,#say,kbd,svg text")) {
  if (!element.textContent.trim() || !element.getClientRects().length || element.closest("noscript")) continue;
  const style = getComputedStyle(element), drawn = element instanceof SVGElement;
  const ink = parse(drawn ? style.fill : style.color);
  let paper = null;
  const box = drawn && element.closest(".node")?.querySelector("polygon,path,ellipse");
  if (box) paper = parse(getComputedStyle(box).fill);
  for (let up = element; !paper && up; up = up.parentElement) {
    const color = parse(getComputedStyle(up).backgroundColor);
    if (color.length === 3 || color[3] > 0) paper = color;
  }
  let [a, b] = [light(ink), light(paper)];
  if (a < b) [a, b] = [b, a];
  const opacity = Number(style.opacity);
  worst.push([(a + .05) / (b + .05) * (opacity < 1 ? 0 : 1), element.textContent.trim().slice(0, 40)]);
}
return worst.sort((x, y) => x[0] - y[0])[0];
"""


@needs_browser
@needs_layout
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["#step=3", "#step=12", "#mode=predict&step=9", "#mode=compare"])
def test_every_text_has_a_contrast_of_at_least_4_5(scheme, fragment, tmp_path, browser):
    path = written(tmp_path / "page.html", mistaken(tmp_path, "a sum sets the gradient"), *FORGOTTEN_PATH)
    browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(path, fragment)
    ratio, text = browser.run(CONTRAST)
    assert ratio >= 4.5, text


@needs_browser
@needs_layout
def test_on_a_phone_nothing_but_the_picture_scrolls_sideways(tmp_path, browser):
    path = written(tmp_path / "page.html", level("level02"), *SIGMOID)
    browser.tell("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    try:
        browser.open(path, "#step=20")
        assert browser.run("return document.documentElement.scrollWidth") <= 360
        assert browser.run("const p = document.getElementById('picture'); return p.scrollWidth > p.clientWidth")
    finally:
        browser.tell("Emulation.clearDeviceMetricsOverride")


@needs_browser
@needs_layout
def test_reduced_motion_lets_no_dot_run_and_otherwise_one_runs(tmp_path, browser):
    path = written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH)
    for wish, dots in (("reduce", 0), ("no-preference", 1)):
        browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": wish}])
        browser.open(path, "#step=7")
        assert browser.run("return document.querySelectorAll('#token').length") == dots


@needs_browser
def test_without_graphviz_the_page_plays_its_sentences(tmp_path, browser, monkeypatch):
    def nothing_here(*_):
        raise steps.NoLayout("no Graphviz")

    monkeypatch.setattr(steps, "lay_out", nothing_here)
    browser.open(written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH))
    browser.press("end")
    assert browser.said().startswith("Backward from c through + to b")
    assert browser.logs("browser") == []


@needs_browser
@needs_layout
def test_the_page_works_in_a_sandboxed_frame(tmp_path, browser):
    page = written(tmp_path / "page.html", level("level02"), *FORGOTTEN_PATH).read_text(encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page)}"></iframe>', encoding="utf-8")
    browser.open(outer)
    browser.ask("POST", "/frame", {"id": 0})
    assert browser.run("return document.getElementById('count').textContent") == "1 / 12"
    assert [entry for entry in browser.logs("browser") if entry["level"] == "SEVERE"] == []


@needs_browser
@needs_layout
def test_a_step_at_200_values_changes_only_what_must_change(tmp_path, browser):
    browser.open(written(tmp_path / "page.html", level("level02"), " + ".join(["a*b"] * 99), {"a": 1.0, "b": 2.0}))
    changes = browser.run("""
        const seen = new MutationObserver(() => {});
        seen.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
        document.getElementById("next").click();
        return seen.takeRecords().length;
    """)
    assert changes <= 60


# Lessons --------------------------------------------------------------------------------------------------------------

GRADIENTS = {
    "expression": {"a": 6.0, "b": -4.0, "c": -2.0, "f": 4.0},
    "reuse": {"a": 7.0},
    "forgotten-path": {"a": 45.0, "b": 20.0, "c": 20.0},
    "sigmoid-circuit": {"w0": -0.1966, "x0": 0.3932, "w1": -0.3932, "x1": -0.5898, "w2": 0.1966},
    "network": {"v0": -3.5232, "h1": -7.0464, "h2": -1.7616, "h4": 3.5232},
    "softmax-cross-entropy": {"a": 0.09003, "b": 0.24473, "c": 0.66524 - 1},
    "saturated-tanh": {"error": 4.0, "w": 4 * 2.4576e-05 * 2},
    "dead-relu": {"w": 0.0, "b": 0.0, "v": 0.0, "c": -4.0},
}
NUMBERS = [name for name, lesson in lessons().items() if not lesson.arrays]  # tensors: test_tensor_pages.py


@pytest.mark.parametrize("name", NUMBERS)
def test_a_lesson_shows_the_gradients_that_it_is_about(name):
    lesson = lessons()[name]
    trace, _ = played(level("level03"), lesson.program, lesson.inputs)
    grads = {node["name"]: node["grad"] for node in trace["nodes"]}
    assert trace["verdict"] is None and lesson.look.endswith((".", "?"))
    assert {node: grads[node] for node in GRADIENTS[name]} == pytest.approx(GRADIENTS[name], rel=1e-4)


@pytest.mark.parametrize("name", lessons())
def test_a_lesson_is_linked_from_a_text_of_its_topic(name):
    path = lessons()[name].path
    texts = [page.read_text(encoding="utf-8") for page in path.parents[1].glob("*.md")]
    assert any(f"(pictures/{path.name})" in text for text in texts)


def test_a_lesson_is_played_on_the_learners_own_engine(tmp_path, capsys):
    path = tmp_path / "steps.html"
    assert command("reuse", "--candidate", "level01", "--output", str(path)) == 0
    page = path.read_text(encoding="utf-8")
    assert "One value, used three times" in page and "level01" in page
    assert "agree at all 3 values" in capsys.readouterr().out


def test_a_topic_without_a_program_and_an_unknown_lesson_are_told_what_there_is():
    with pytest.raises(CatalogError, match=r"name a lesson: expression, reuse, forgotten-path"):
        command("02")
    with pytest.raises(CatalogError, match="no topic 'forgotten'"):
        command("forgotten")


@needs_browser
@needs_layout
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NUMBERS)
def test_the_finished_page_of_a_lesson_can_be_read_on_a_phone_and_ends_at_its_gradients(name, scheme, browser):
    browser.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.tell("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    try:
        browser.open(lessons()[name].path)
        browser.press("end")
        labels = browser.labels()
        for node, gradient in GRADIENTS[name].items():
            told = float(labels[node].split("gradient ")[1].replace("−", "-"))
            assert told == pytest.approx(gradient, rel=1e-3), node
        assert browser.run("return document.documentElement.scrollWidth") <= 360
        assert browser.run(CONTRAST)[0] >= 4.5
        assert browser.logs("browser") == []
    finally:
        browser.tell("Emulation.clearDeviceMetricsOverride")
