"""See what this topic is about: a graph of tensors with their shapes, and what broadcasting sums on the way back.

    python3 learn.py run topics/08-tensor-autograd/visualization.py
        draws yours, or level 3 before you start
    python3 learn.py run topics/08-tensor-autograd/visualization.py --candidate level02
        draws another one

The graph and the three ways to sum are printed as text; tensor_gradients.svg, the arrays of one network and their
gradients as colored sheets, is saved in the current folder, or in --out.
"""

import argparse
from pathlib import Path

import numpy as np

from utils.course.catalog import catalog
from utils.course.loading import load_candidate
from utils.pictures.graphs import parents_of

TOPIC = Path(__file__).resolve().parent.name
CELL, GAP = 22, 34  # of the picture, in pixels


def tensors(candidate):
    """name -> tensor: a row of weights beside a table, both with gradients, and every result on the way to the loss."""
    x = candidate.Tensor([[1.0, -2.0, 0.5], [0.3, 1.5, -1.0], [2.0, 0.1, 0.7], [-0.5, 0.9, 1.2]])
    w = candidate.Tensor([[0.5, -0.3], [0.8, 0.2], [-0.6, 1.0]], requires_grad=True)
    b = candidate.Tensor([0.1, -0.2], requires_grad=True)
    h = (x @ w + b).tanh()
    loss = (h * h).mean()
    loss.backward(retain_graph=True)
    return {"x": x, "w": w, "b": b, "h": h, "loss": loss}


def tree_text(root, names, indent="", seen=None):
    """The graph behind a tensor as an indented list: operation, shape, and the name where it has one."""
    seen = set() if seen is None else seen
    parents = [parent for parent in parents_of(root) if hasattr(parent, "grad")]
    op = getattr(root, "_op", "") or ("result" if parents else "leaf")
    line = f"{indent}{op} {root.shape}   {names.get(id(root), '')}".rstrip()
    if id(root) in seen and parents:
        return f"{line} (see above)"
    seen.add(id(root))
    return "\n".join([line, *(tree_text(parent, names, indent + "    ", seen) for parent in parents)])


def broadcast_text(candidate):
    """What arrives at (3, 4), and what of it comes back to a row, a column, and a single number."""
    g = np.arange(1.0, 13.0).reshape(3, 4)
    lines = ["upstream (3, 4)"] + ["   " + " ".join(f"{x:4g}" for x in row) for row in g]
    for shape in ((4,), (3, 1), ()):
        back = np.asarray(candidate.unbroadcast(g, shape))
        lines.append(f"back to {shape!s:7}: " + " ".join(f"{x:g}" for x in back.ravel()))
    return "\n".join(lines)


def color(number, largest):
    """Blue for negative, white for 0, red for positive."""
    strength = round(200 * min(1.0, abs(number) / largest)) if largest else 0
    return (
        f"rgb(255,{255 - strength},{255 - strength})" if number > 0 else f"rgb({255 - strength},{255 - strength},255)"
    )


def sheet_svg(array, left, top):
    """One array as colored cells with its numbers; 1-d arrays as a row."""
    rows = np.atleast_2d(array)
    largest = float(np.abs(rows).max(initial=0.0))
    parts = []
    for i, row in enumerate(rows):
        for j, number in enumerate(row):
            x, y = left + j * 2 * CELL, top + i * CELL
            parts.append(
                f'<rect x="{x}" y="{y}" width="{2 * CELL}" height="{CELL}" stroke="#999" '
                f'fill="{color(number, largest)}"/>'
                f'<text x="{x + CELL}" y="{y + 15}" text-anchor="middle">{number:.2f}</text>'
            )
    return "".join(parts)


def sheets_svg(named):
    """Each tensor above its gradient: two sheets of one shape."""
    left, parts = GAP, []
    tall = 2 * max(np.atleast_2d(tensor.data).shape[0] for tensor in named.values()) * CELL + 130
    for name, tensor in named.items():
        wide = np.atleast_2d(tensor.data).shape[1] * 2 * CELL
        parts.append(f'<text x="{left}" y="24">{name} {tensor.shape}</text>' + sheet_svg(tensor.data, left, 34))
        middle = tall // 2 + 14
        has = tensor.grad is not None
        parts.append(f'<text x="{left}" y="{middle}">{name}.grad{"" if has else ": None"}</text>')
        parts.append(sheet_svg(tensor.grad, left, middle + 10) if has else "")
        left += max(wide, 110) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left} {tall}" width="{left}" height="{tall}" '
        'font-family="sans-serif" font-size="12" role="img"><title>Tensors and their gradients, one shape each</title>'
        f'<rect width="{left}" height="{tall}" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


def main():
    parser = argparse.ArgumentParser(description="Draw what this topic is about.")
    parser.add_argument("--candidate", help="mine, stub, skeleton, level01 to level04, or the path of a file")
    parser.add_argument("--out", type=Path, default=Path(), help="the folder for tensor_gradients.svg")
    arguments = parser.parse_args()
    topic = catalog().topic(TOPIC)
    chosen = arguments.candidate or ("mine" if topic.workspace_file.exists() else "level03")
    candidate = load_candidate(topic.candidate_path(chosen))
    try:
        named = tensors(candidate)
        print(tree_text(named["loss"], {id(tensor): name for name, tensor in named.items()}), end="\n\n")
        drawing = arguments.out / "tensor_gradients.svg"
        drawing.write_text(sheets_svg(named), encoding="utf-8")
        print(f"drawn in {drawing}\n")
        print(broadcast_text(candidate))
    except (NotImplementedError, AttributeError, TypeError) as missing:
        print(f"not yet: {missing}")


if __name__ == "__main__":
    main()
