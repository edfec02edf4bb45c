"""In a process of its own: the gradients of one function of a learner's file, checked; the report printed as JSON."""

import inspect
import json
import random
import sys

from utils.course.loading import load
from utils.finite_difference_checker import check_gradients

POINTS = 3  # at random, where none is given


def report(path, function, numbers, seed=0):
    """(verdict, text) for a function of Values in a file, at the given numbers or at a few of its own.

    The file's own class Value is used, or that of utils.engine. A function `NAME_gradient` of plain numbers in the same
    file is checked instead, if it is there.
    """
    module = load(path)
    f = getattr(module, function, None)
    if not callable(f):
        return "usage", f"There is no function {function} in the file."
    needed = [one for one in inspect.signature(f).parameters.values() if one.default is one.empty]
    if not needed or (numbers and len(numbers) != len(needed)):
        return "usage", f"{function} takes {len(needed)} numbers; give as many after --at."
    by_hand = getattr(module, f"{function}_gradient", None)
    if by_hand is None:
        from utils import engine

        value_class = getattr(module, "Value", None) or engine.Value
    dice = random.Random(seed)
    points = [numbers] if numbers else [[round(dice.uniform(-2, 2), 3) for _ in needed] for _ in range(POINTS)]
    texts, worst = [], "pass"
    for point in points:
        if by_hand is None:
            found = check_gradients(f, *point, value_class=value_class)
        else:
            gradients = by_hand(*point)
            found = check_gradients(f, *point, gradients=list(gradients) if isinstance(gradients, (list, tuple))
                                    else [gradients])  # fmt: skip
        at = ", ".join(f"{one.name} = {number:g}" for one, number in zip(needed, point, strict=True))
        texts.append(f"{function} at {at}\n{found}")
        worst = max(worst, found.verdict, key=("pass", "undecided", "fail").index)
    return worst, "\n".join(texts)


if __name__ == "__main__":
    path, function, numbers = sys.argv[1:]
    try:
        verdict, text = report(path, function, json.loads(numbers))
    except Exception as error:
        verdict, text = "error", f"{type(error).__name__}: {error}"
    print("\n" + json.dumps([verdict, text]))
