"""See what this topic is about: a nudge, a graph with its slopes, and how paths outnumber names.

    python3 learn.py run topics/00-derivatives-and-graphs/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/00-derivatives-and-graphs/visualization.py --candidate level02
        draws another one

Everything is printed as text; nudge.svg and graph.svg are saved in the current folder, or in --out. Without Graphviz
the graph is saved as text. A picture whose functions are not written yet is left out.
"""

import argparse
from pathlib import Path

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.drawing import draw
from utils.pictures.graphs import Edge, Graph, Node

TOPIC = Path(__file__).resolve().parent.name

GRAPH = {"a": 2.0, "b": 3.0, "c": ("+", "a", "b"), "d": ("*", "c", "a"), "e": ("*", "c", "d")}


def square(x):
    return x * x


def diamonds(number):
    """`number` stacked diamonds: 3 * number + 1 names, 2 ** number paths from the last to the first."""
    graph = {"x0": 1.0}
    for k in range(number):
        graph |= {f"l{k}": ("neg", f"x{k}"), f"r{k}": ("neg", f"x{k}"), f"x{k + 1}": ("+", f"l{k}", f"r{k}")}
    return graph


def parents_of(line):
    return line[1:] if isinstance(line, tuple) else ()


def nudge_text(candidate, f=square, x=3.0, steps=(1.0, 0.1, 0.001)):
    """A table: how far f moves for smaller and smaller nudges of x, and the slope each of them gives."""
    rows = [f"{'step':>8} {'nudge':>10} {'slope':>8}"]
    rows += [f"{step:>8g} {candidate.nudge(f, x, step):>10.6f} {candidate.slope(f, x, step):>8.4f}" for step in steps]
    return "\n".join(rows)


def nudge_svg(candidate, f=square, x=3.0, step=1.0, left=0.0, right=5.0):
    """The curve of f, and on it the triangle of one nudge: step along, nudge up, slope = up / along."""
    width, height, margin = 420, 300, 30
    points = [left + (right - left) * k / 60 for k in range(61)]
    top = max(map(f, points))

    def at(u, v):
        return margin + (u - left) / (right - left) * (width - 2 * margin), height - margin - v / top * (
            height - 2 * margin
        )

    (x0, y0), (x1, y1) = at(x, f(x)), at(x + step, f(x) + candidate.nudge(f, x, step))
    curve = " ".join(f"{u:.1f},{v:.1f}" for u, v in (at(p, f(p)) for p in points))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        f"<title>The curve x*x and a nudge of {step:g} at x = {x:g}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<polyline points="{curve}" fill="none" stroke="#222" stroke-width="1.5"/>',
        f'<polyline points="{x0:.1f},{y0:.1f} {x1:.1f},{y0:.1f} {x1:.1f},{y1:.1f} {x0:.1f},{y0:.1f}" fill="none" '
        'stroke="#0072b2" stroke-width="2"/>',
        f'<text x="{(x0 + x1) / 2:.1f}" y="{y0 + 16:.1f}" text-anchor="middle">step {step:g}</text>',
        f'<text x="{x1 + 6:.1f}" y="{(y0 + y1) / 2:.1f}">nudge {candidate.nudge(f, x, step):g}</text>',
        f'<text x="{x0 - 8:.1f}" y="{(y0 + y1) / 2:.1f}" text-anchor="end">'
        f"slope {candidate.slope(f, x, step):g}</text>",
        "</svg>\n",
    ])  # fmt: skip


def graph_text(candidate, graph=GRAPH, output="e"):
    """One line for each name: its value, its slope, and what it passes on to each parent."""
    values, gradients = candidate.evaluate(graph), candidate.reverse_sweep(graph, output)
    rows = [f"{'name':<5} {'line':<8} {'value':>6} {'d' + output + '/d.':>6}   passes on"]
    for name in reversed(graph):
        line = graph[name]
        text = f" {line[0]} ".join(line[1:]) if isinstance(line, tuple) else "leaf"
        passed = ", ".join(
            f"{gradients[name]:g}*{local:g} to {parent}"
            for local, parent in zip(candidate.local_derivatives(graph, values, name), parents_of(line), strict=True)
        )
        rows.append(f"{name:<5} {text:<8} {values[name]:>6g} {gradients[name]:>6g}   {passed}".rstrip())
    return "\n".join(rows)


def graph_picture(candidate, graph=GRAPH, output="e"):
    """The Picture of a graph: value and slope in each box, the local derivative on each arrow."""
    values, gradients = candidate.evaluate(graph), candidate.reverse_sweep(graph, output)
    place = {name: index for index, name in enumerate(graph)}
    nodes = []
    for name, line in graph.items():
        locals_here = candidate.local_derivatives(graph, values, name)
        edges = tuple(Edge(place[parent], local) for local, parent in zip(locals_here, parents_of(line), strict=True))
        op = line[0] if isinstance(line, tuple) else ""
        nodes.append(Node(place[name], name, values[name], gradients[name], op, edges, labeled=True))
    return draw(Graph(tuple(nodes)))


def count_text(candidate, numbers=(1, 2, 5, 10, 20, 40)):
    """A table: names, edges and paths of stacked diamonds."""
    rows = [f"{'diamonds':>8} {'names':>6} {'edges':>6} {'paths':>18}"]
    for number in numbers:
        graph = diamonds(number)
        edges = sum(len(parents_of(line)) for line in graph.values())
        paths = candidate.count_paths(graph, f"x{number}")["x0"]
        rows.append(f"{number:>8} {len(graph):>6} {edges:>6} {paths:>18,}")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for the SVG files")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    for heading, text, name, picture in (
        ("A nudge of x*x at x = 3", nudge_text, "nudge.svg", nudge_svg),
        ("The forgotten path, swept", graph_text, "graph.svg", graph_picture),
        ("Stacked diamonds", count_text, None, None),
    ):
        print(heading)
        try:
            print(text(candidate))
            if name:
                print("drawn in", _save(picture(candidate), arguments.out / name))
        except NotImplementedError as missing:
            print(f"not yet: {missing}")
        print()


def _save(picture, path):
    if isinstance(picture, str):
        path.write_text(picture, encoding="utf-8")
        return path
    return picture.save(path)


if __name__ == "__main__":
    main()
