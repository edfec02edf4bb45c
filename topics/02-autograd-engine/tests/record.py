"""Write recorded.json: random expressions with the values and gradients that PyTorch finds: level 3 needs no torch.

    python topics/02-autograd-engine/tests/record.py

The same seed gives the same file.
"""

import json
import math
import random
from pathlib import Path

import torch

from utils.course.expressions import run

SEED, CASES, LINES = 2, 30, 6
BINARY = ("{} + {}", "{} - {}", "{} * {}", "{} / ({} ** 2 + 1)", "{} * 3 - {}", "2 - {} * {}")
UNARY = (
    "tanh({})", "sigmoid({})", "relu({})", "relu(-{})", "relu({} + 1)", "exp(tanh({}))", "log({} ** 2 + 0.5)", "-{}",
    "{} ** 3", "0.3 * {} ** 2", "({} ** 2 + 0.5) ** -1.5", "1.5 / ({} ** 2 + 1)", "1.7 ** sigmoid({})",
    "sum([{}, 1, 0.25])",
)  # fmt: skip


def random_program(rng):
    """A few named steps over a, b and c, each using earlier ones; the last step uses the four newest names."""
    names, lines = ["a", "b", "c"], []
    for number in range(LINES):
        if rng.random() < 0.5:
            line = rng.choice(UNARY).format(rng.choice(names[-3:]))
        else:
            line = rng.choice(BINARY).format(rng.choice(names[-3:]), rng.choice(names))
        names.append(f"v{number}")
        lines.append(f"v{number} = {line}")
    w, x, y, z = names[-4:]
    return "; ".join([*lines, f"{w} * {x} + {y} * {z}"])


def outcome(program, inputs):
    """(value, gradients) of a program in PyTorch, in double precision."""
    leaves = {name: torch.tensor(number, dtype=torch.float64, requires_grad=True) for name, number in inputs.items()}
    result, _ = run(program, leaves)
    result.backward()
    return result.item(), {name: 0.0 if leaf.grad is None else leaf.grad.item() for name, leaf in leaves.items()}


def telling(value, gradients):
    """Whether a case can tell a right engine from a wrong one: nothing huge, no gradient that is nearly zero."""
    return abs(value) < 100 and all(math.isfinite(g) and 1e-2 < abs(g) < 100 for g in gradients.values())


def main():
    rng, cases = random.Random(SEED), []
    while len(cases) < CASES:
        program = random_program(rng)
        inputs = {name: round(rng.choice((-1, 1)) * rng.uniform(0.2, 1.8), 2) for name in "abc"}
        value, gradients = outcome(program, inputs)
        if telling(value, gradients):
            cases.append({"program": program, "inputs": inputs, "value": value, "gradients": gradients})
    text = json.dumps({"made_by": "record.py", "seed": SEED, "torch": torch.__version__.split("+")[0], "cases": cases},
                      indent=1)  # fmt: skip
    Path(__file__).with_name("recorded.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
