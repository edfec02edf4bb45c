"""In a process of its own: questions to a candidate's operations, one at a time; the answers are printed as JSON.

python -m utils.course.probing FILE slopes PROGRAM INPUTS     the forward pass, by nudging each input
python -m utils.course.probing FILE operations INSTANCES      each operation alone: what it hands to its parents
"""

import json
import operator
import sys

from utils.course.expressions import run
from utils.course.judging import plain
from utils.course.loading import load_candidate

STEP = 1e-5
UPSTREAM = -1.3  # what arrives at an operation that is asked whether it multiplies by it
KINDS = ("alone", "passed", "reused", "beyond")
PARTS = [0.37, 0.61]  # of operands that are results: all numbers differ, as engines may confuse equal ones
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow}


def slopes(candidate, program, inputs):
    """name -> (f(x + h) - f(x - h)) / 2h for every input."""

    def value(**changed):
        leaves = {name: candidate.Value(number) for name, number in {**inputs, **changed}.items()}
        return plain(run(program, leaves)[0].data)

    found = {}
    for name, number in inputs.items():
        step = STEP * max(1.0, abs(number))
        found[name] = (value(**{name: number + step}) - value(**{name: number - step})) / (2 * step)
    return found


def operations(candidate, instances):
    """For each (operation, numbers) four lists of what its parents receive, None where it cannot be asked.

    alone    the operation is the output, so upstream is 1 and no walk is needed
    passed   its result is multiplied once more, so UPSTREAM arrives
    reused   each operand is added to the result, so something has arrived at it before
    beyond   its operands are results themselves, and what counts is what arrives at *their* parents
    """

    def asked(kind, name, numbers):
        try:
            parts = PARTS[: len(numbers)] if kind == "beyond" else [0.0] * len(numbers)
            leaves = [candidate.Value(number - part) for number, part in zip(numbers, parts, strict=True)]
            parents = [leaf + candidate.Value(part) if part else leaf for leaf, part in zip(leaves, parts, strict=True)]
            result = _apply(name, parents, numbers)
            if kind == "passed":
                result = result * candidate.Value(UPSTREAM)
            for leaf in leaves if kind == "reused" else ():
                result = result + leaf
            result.backward()
            return [plain(leaf.grad) for leaf in leaves]
        except Exception:  # whatever it is, the tests have said so
            return None

    return [{kind: asked(kind, name, numbers) for kind in KINDS} for name, numbers in instances]


def _apply(name, parents, numbers):
    """One operation by the name it has in suspects.py: "+", "number /", "- number", "neg", "tanh"."""
    left, _, right = name.partition(" ")
    if left == "number":
        return SIGNS[right](numbers[0], parents[1])
    if right == "number" or (left == "**" and len(numbers) == 2):
        return SIGNS[left](parents[0], _whole(numbers[1]))
    if left in SIGNS:
        return SIGNS[left](*parents)
    return -parents[0] if left == "neg" else getattr(parents[0], left)()


def _whole(number):
    return int(number) if number == int(number) else number


if __name__ == "__main__":
    path, what, *words = sys.argv[1:]
    arguments = [json.loads(word) if word[:1] in "[{" else word for word in words]
    result = {"slopes": slopes, "operations": operations}[what](load_candidate(path), *arguments)
    print("\n" + json.dumps(result))
