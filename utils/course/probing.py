"""In a process of its own: the slopes of a candidate's forward pass, by nudging each input; printed as JSON."""

import json
import sys

from utils.course.expressions import run
from utils.course.judging import plain
from utils.course.loading import load_candidate

STEP = 1e-5


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


if __name__ == "__main__":
    path, program, inputs = sys.argv[1:]
    result = slopes(load_candidate(path), program, json.loads(inputs))
    print("\n" + json.dumps(result))
