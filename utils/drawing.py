"""Pictures of the graph behind a value: `from utils.drawing import draw, draw_dot`.

    draw(z)                    in a notebook the picture, in a terminal print(draw(z)) the same as text
    draw(z).save("z.svg")      .svg and .png by Graphviz, .dot and .txt without any program
    draw_dot(z).render()       the same picture as a graphviz.Source; writes comp_graph.svg

A box is a value: its name, its number, its gradient. A circle is an operation. The number on an arrow is the local
derivative: what a gradient is multiplied by on its way back along that arrow.
"""

import html
import math
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from utils.pictures.folding import fold, total_length
from utils.pictures.graphs import Graph, is_number, is_strange, number, read_graph, strip

try:
    from graphviz import Source
except ImportError:  # the picture does not need this package; only draw_dot's return type does
    Source = object

MOST_BOXES = 200
MOST_LENGTH = 300  # of all arrows together; beyond it Graphviz may take minutes for curves that nobody can follow
MOST_EDGE_LABELS = 250
TOO_HARD = "Graphviz could not lay out this graph within a minute; draw a smaller part of it."
ADVICE = "For SVG and PNG pictures install Graphviz in one step: python3 -m pip install pygraphviz"
LEGEND = (
    "box: name, value, gradient  ·  arrow: local derivative\\n"
    "thick border: large gradient, dashed: negative, dotted: none"
)


class NoLayout(RuntimeError):
    """There is no Graphviz here, or it could not lay out this graph; the text says which."""


def draw(root, path=None, *, names=None, rankdir="LR", scopes=None, folded=None):
    """The Picture of the graph behind `root`, a value or a Graph; with `path` it is saved there as well.

    `names`: {"x": x} for values without a label. `scopes`: {"layer 1": [values that leave it], ...} from the inputs
    onward draws one box for each. What is too large to be read is folded unless `folded` is False.
    Raises ValueError for a graph that no picture can show, and for another rankdir than LR (left to right) or TB.
    """
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir is 'LR' (left to right) or 'TB' (top to bottom); here it is {rankdir!r}.")
    graph = root if isinstance(root, Graph) else read_graph(root, names)
    if scopes:
        graph = fold(
            graph, {name: [_place(graph, name, value) for value in leaving] for name, leaving in scopes.items()}
        )
    elif folded is not False and (len(graph.nodes) > MOST_BOXES or total_length(graph) > MOST_LENGTH):
        graph = fold(graph)
    picture = Picture(graph, rankdir)
    if path is not None:
        picture.save(path)
    return picture


def draw_dot(root, format="svg", rankdir="LR", **options):
    """The graph behind `root` as a graphviz.Source; its render() writes comp_graph.svg, or comp_graph.png.

    Without the Python package graphviz it is a Picture, which has the same render().
    """
    picture = draw(root, rankdir=rankdir, **options)
    return picture if Source is object else _Source(picture, format)


def _place(graph, scope, value):
    if id(value) not in graph.places:
        raise ValueError(f"The scope {scope!r} names a value that does not lead to the drawn one.")
    return graph.places[id(value)]


class Picture:
    """A graph as SVG, PNG, DOT text or a text tree."""

    def __init__(self, graph, rankdir="LR"):
        self.graph = graph
        self.source = dot_text(graph, rankdir)

    @property
    def text(self):
        """The text tree."""
        return text_tree(self.graph)

    def __str__(self):
        return self.text

    __repr__ = __str__

    def pipe(self, format="svg"):
        """The picture's bytes as svg or png. Raises NoLayout where nothing can lay it out."""
        image = lay_out(self.source, format)
        return _finished_svg(image.decode(), self.graph).encode() if format == "svg" else image

    def save(self, path):
        """Write the picture in the format of the suffix, and return the path written.

        Without Graphviz an .svg or .png becomes a text tree beside it, with one line of advice.
        """
        path = Path(path)
        format = path.suffix.lstrip(".").lower()
        if format not in ("svg", "png", "dot", "gv", "txt"):
            raise ValueError(f"A picture is saved as .svg, .png, .dot or .txt; `{path.name}` ends in {path.suffix!r}.")
        if format in ("svg", "png"):
            try:
                path.write_bytes(self.pipe(format))
                return path
            except NoLayout as reason:
                path = path.with_suffix(".txt")
                print(f"The picture is in {path.name} as text. {reason}")
        path.write_text((self.source if format in ("dot", "gv") else self.text) + "\n", encoding="utf-8")
        return path

    def render(self, filename="comp_graph", format="svg", **_):
        """Write `filename`.svg or .png; the path written, as text."""
        return str(self.save(f"{filename}.{format}"))

    def _repr_mimebundle_(self, include=None, exclude=None):
        try:
            return {"image/svg+xml": self.pipe("svg").decode(), "text/plain": self.text}
        except NoLayout as reason:
            return {"text/plain": f"{self.text}\n\n{reason}"}


class _Source(Source):
    """graphviz.Source that is laid out by whatever carries Graphviz here, the program or the package."""

    def __init__(self, picture, format):
        super().__init__(picture.source, filename="comp_graph", format=format)
        self.picture = picture

    def pipe(self, format=None, encoding=None, **_):
        image = self.picture.pipe(format or self.format)
        return image.decode(encoding) if encoding else image

    def render(self, filename=None, directory=None, view=False, cleanup=False, format=None, **_):
        """Write the picture, and beside it its DOT text unless `cleanup`; the path of the picture."""
        path = Path(directory or "", filename or "comp_graph")
        if not cleanup:
            path.write_text(self.source, encoding="utf-8")
        path = self.picture.save(f"{path}.{format or self.format}")
        if view:
            import webbrowser

            webbrowser.open(path.resolve().as_uri())
        return str(path)

    def _repr_mimebundle_(self, include=None, exclude=None, **_):
        return self.picture._repr_mimebundle_()


# Layout ---------------------------------------------------------------------------------------------------------------

BY_PACKAGE = """
import sys, warnings
warnings.simplefilter("ignore")
import pygraphviz
sys.stdout.buffer.write(pygraphviz.AGraph(string=sys.stdin.read()).draw(format=sys.argv[1], prog="dot"))
"""


def lay_out(source, format):
    """The image of a DOT text, by the program `dot`, else by pygraphviz, whose wheel carries Graphviz.

    Raises NoLayout where neither is here, or neither succeeds.
    """
    commands = []
    if shutil.which("dot"):
        commands.append(["dot", f"-T{format}"])
    if find_spec("pygraphviz"):
        # In a process of its own: a layout that runs away can be stopped, and its memory is given back.
        commands.append([sys.executable, "-c", BY_PACKAGE, format])
    for command in commands:
        try:
            done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
    raise NoLayout(TOO_HARD if commands else ADVICE)


STYLE = """<style>
.graph-of-values{max-width:100%;height:auto}
@media (prefers-color-scheme:dark){
.graph-of-values .graph>polygon{fill:#16191d}
.graph-of-values text{fill:#e8eaed}
.graph-of-values .edge path{stroke:#9aa0a6}
.graph-of-values .edge polygon{stroke:#9aa0a6;fill:#9aa0a6}
.graph-of-values .value :is(polygon,path){fill:#23272d}
.graph-of-values .value :is(polygon,path,polyline){stroke:#9aa0a6}
.graph-of-values .up :is(polygon,path){fill:#12324d}
.graph-of-values .up :is(polygon,path,polyline){stroke:#7cc0ff}
.graph-of-values .down :is(polygon,path){fill:#4a2c10}
.graph-of-values .down :is(polygon,path,polyline){stroke:#ffb067}
.graph-of-values .strange :is(polygon,path){fill:#57151c}
.graph-of-values .strange :is(polygon,path,polyline){stroke:#ff8a94}
.graph-of-values .op ellipse{fill:#33383f;stroke:#9aa0a6}
}
</style>"""


def _finished_svg(svg, graph):
    """Graphviz's SVG with a dark scheme, a description for screen readers and names in place of ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->\n?", "", svg)
    root = graph.root
    about = f"Graph of {len(graph.nodes)} boxes that leads to {root.name} = {number(root.data)}."
    svg = svg.replace("<svg ", '<svg class="graph-of-values" role="img" ', 1)
    svg = svg.replace(">", f">\n<title>{html.escape(about)}</title>\n{STYLE}", 1)
    svg = re.sub(r'(<polyline[^>]*) stroke-width="[^"]*"', r"\1", svg)  # only the frame of a box tells a size
    told = {f"n{node.index}": _line(node) for node in graph.nodes}
    told |= {f"o{node.index}": node.op for node in graph.nodes}

    def retitle(match):
        words = told.get(match[1])
        return f"<title>{html.escape(words)}</title>" if words else ""

    return re.sub(r"<title>(.*?)</title>\n", lambda m: m[0] if m[1] == html.escape(about) else retitle(m) + "\n", svg)


# DOT ------------------------------------------------------------------------------------------------------------------


def dot_text(graph, rankdir="LR", edge_texts=None):
    """The DOT text of a Graph: the same graph gives the same bytes, since ids are places in the order of the graph.

    `edge_texts` are other texts than the local derivative, by the id of the arrow; then there is no legend either.
    In an SVG, n2 is the box of node 2, o2 its operation, r2 the arrow between them, e2-0 that from its first parent.
    """
    largest = max(
        (abs(node.grad) for node in graph.nodes if is_number(node.grad) and math.isfinite(node.grad)), default=0
    )
    edges = sum(len(node.edges) for node in graph.nodes)
    # Where many arrows run side by side they need room and a thin line.
    far, thin = (1.6, ', penwidth=0.4, arrowhead=none, color="#9aa0a6"') if edges > 100 and graph.folded else (0.35, "")
    label = "\\n".join([LEGEND, *map(_quoted, graph.notes)]) if edge_texts is None else ""
    lines = [
        "digraph values {",
        f'  graph [rankdir={rankdir}, label="{label}", labelloc=b, fontsize=10, bgcolor="#ffffff", pad=0.2,'
        f' nodesep=0.25, ranksep={far}, fontname="Helvetica,Arial,sans-serif"]',
        '  node [fontname="Helvetica,Arial,sans-serif", fontsize=12, color="#5f6368"]',
        f'  edge [fontname="Helvetica,Arial,sans-serif", fontsize=11, color="#5f6368", arrowsize=0.7{thin}]',
    ]
    labels = edges <= MOST_EDGE_LABELS
    quick = total_length(graph) > MOST_LENGTH
    if quick:  # straight lines, and texts that take no part in the layout
        lines.append("  graph [splines=line, nslimit=0, mclimit=0.1]")
    for node in graph.nodes:
        lines.append(f"  n{node.index} [id=n{node.index}, {_box(node, graph, largest, rankdir)}]")
        target = f"n{node.index}"
        if node.op and node.edges and node.count == 1:
            target, shape = f"o{node.index}", "circle" if len(node.op) < 3 else "ellipse"
            lines.append(f'  {target} [id={target}, label="{_quoted(node.op)}", class=op, style=filled,'
                         f' fillcolor="#eceff1", shape={shape}, margin=0.03]')  # fmt: skip
            lines.append(f"  {target} -> n{node.index} [id=r{node.index}, arrowsize=0.5]")
        for place, edge in enumerate(node.edges):
            name = f"e{node.index}-{place}"
            text = (edge_texts or {}).get(name)
            style = _edge_style(edge, labels) if text is None else f', label=" {_quoted(text)} "'
            style = style.replace(" label=", " xlabel=") if quick else style
            lines.append(f'  n{edge.parent} -> {target} [id="{name}"{style}]')
    return "\n".join([*lines, "}"])


def _box(node, graph, largest, rankdir):
    strange = is_strange(node.data) or is_strange(node.grad)
    fields = [_name(node), f"data {_written(node.data)}", f"grad {_written(node.grad, signed=True)}"]
    if node.data is None:
        fields = [node.name]
    if node.count > 1:
        fields.append(f"{node.count:,} values")
    if strange:
        begins = is_strange(node.data) and not any(is_strange(graph.nodes[edge.parent].data) for edge in node.edges)
        fields.append(f"! {strange}{' from here on' if begins else ''} !")
    label = "|".join(_quoted(field, record=True) for field in fields)
    grad = node.grad if is_number(node.grad) and math.isfinite(node.grad) else 0
    # Two decades of size are told apart; whatever is smaller has the thinnest line.
    width = 0.8 + 2.2 * max(0.0, 1 + math.log10(abs(grad) / largest) / 2) if grad else 0.8
    kind, fill, color, style = "value", "#f8f9fa", "#5f6368", "dotted"
    if grad > 0:
        kind, fill, color, style = "value up", "#e3f0fc", "#1a5f9e", "solid"
    elif grad < 0:
        kind, fill, color, style = "value down", "#fdebd9", "#9a4a00", "dashed"
    if node.data is None:
        style = "solid"
    if strange:
        kind, fill, color, style, width = "value strange", "#fbdde0", "#b3261e", "solid", 4
    label = f"{{{label}}}" if rankdir == "TB" else label
    return (f'shape=record, class="{kind}", label="{label}", style="filled,{style}", fillcolor="{fill}",'
            f' color="{color}", penwidth={width:.2g}')  # fmt: skip


def _written(value, signed=False):
    text = number(value, signed).replace("-", "−")  # in a picture the minus is as wide as the plus
    return f"{text.removeprefix('array ')} {strip(value)}".rstrip()


def _edge_style(edge, labels):
    attributes = []
    if edge.local is not None and labels:
        total = f" for both of {edge.uses}" if edge.uses > 1 else ""
        attributes.append(f', label=" ×{_written(edge.local)}{total} "')
    if edge.lost:
        attributes.append(", style=dotted")
    return "".join(attributes)


def _quoted(text, record=False):
    """Text inside a DOT string; in a record also the signs that separate its fields."""
    text = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return re.sub(r"([{}|<>\[\] ])", r"\\\1", text) if record else text


# Text -----------------------------------------------------------------------------------------------------------------


def text_tree(graph, deepest=60):
    """The graph as lines from the root down to the inputs; what appears again is said to be shown above."""
    lines, shown = [], set()
    stack = [(graph.root, None, "", "")]
    while stack:
        node, edge, indent, branch = stack.pop()
        local = f"×{number(edge.local)}  " if edge and edge.local is not None else ""
        start = f"{indent}{branch}{local}"
        if node.index in shown:
            lines.append(f"{start}{node.name} (shown above)")
            continue
        shown.add(node.index)
        lines.append(f"{start}{_line(node)}")
        below = indent + {"": "", "|- ": "|  ", "'- ": "   "}[branch]
        if len(below) > 3 * deepest and node.edges:
            lines.append(f"{below}'- ... and further down")
            continue
        last = len(node.edges) - 1
        for place, use in reversed(list(enumerate(node.edges))):
            stack.append((graph.nodes[use.parent], use, below, "'- " if place == last else "|- "))
    return "\n".join([*lines, *graph.notes])


def _name(node):
    return node.name if node.labeled or node.edges else "number"


def _line(node):
    words = [_name(node)]
    if node.data is not None:
        words.append(f"data {number(node.data)}, grad {number(node.grad, signed=True)}")
    if node.count > 1:
        words.append(f"{node.count:,} values")
    if is_strange(node.data) or is_strange(node.grad):
        words.append(f"! {is_strange(node.data) or is_strange(node.grad)} !")
    return "  ".join(words)
