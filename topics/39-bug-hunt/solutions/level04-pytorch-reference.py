"""Level 4, PyTorch: the numbers of the statements are computed by PyTorch while you wait.

What changed   `conventions` runs the program that stands beside each statement; level 3 reads the recorded number.
What it buys   the oracle itself. If a new version of PyTorch chooses otherwise, this level says so.
What it costs  importing PyTorch. And it cannot give the other half of the answer: whether there was a choice at all
               is no question for a computer.
"""

import torch

from utils.course import hunting


def probes():
    return [
        "a at a=1.5",
        "(a*b + a) * c at a=1.5 b=-0.7 c=2.3",
        "c = a*b; d = c + a; e = c*d + c; e*a at a=1.5 b=-0.7",
        "((a - b) / (b - 3) + 2.5 / a + (5 - b) + a/4 + b/(a*2)) * b * (4 + a) + 2.5*a at a=1.5 b=-0.7",
        "(2**a * b + a**3 * b + (-b)**0.5 + 3**b) * a + a**2.5 + c**2 at a=1.5 b=-0.7 c=0",
        "a*b + relu(a) * 3 + relu(b) + relu(c*3) + relu(a*b + 3) * a + relu(-a) at a=1.5 b=-0.7 c=0.2",
        "a*b + tanh(a) * 3 + sigmoid(a) * b + sigmoid(b) + tanh(a*b) + sigmoid(a*b) at a=1.5 b=-0.7",
        "a*b + exp(a) * 3 + log(a) * b + exp(a*b) + log(a - b) at a=1.5 b=-0.7",
        # Equal numbers in two leaves, and one leaf on both sides: engines that compare by value stumble here.
        "(a - b) + a / b + a*b + (a - a) * c + c / a * (a / a) + (a + b) * c + (a + a) * c - c*c at a=1.5 b=1.5 c=-0.7",
        "-(a*b) * a - -b + (2.5*a + a*2.5 + 3 / (a*b)) * a + (a*b - a) * (a*b - b) - 2.5**(a*b) at a=1.5 b=-0.7",
    ]


def engines():
    return found("engines")


def measures():
    return found("measures")


def networks():
    return found("networks")


def training():
    return found("training")


def anywhere():
    return found("anywhere")


def once_more():
    return found("once_more")


def leaks():
    return found("leaks")


def conventions():
    return {letter: (one.verdict, computed(one)) for letter, one in hunting.statements().items()}


def computed(statement):
    """PyTorch's answer, by the program that stands beside the statement."""
    scope = {"torch": torch}
    exec(statement.proof, scope)
    return float(scope["answer"])


def mended(hunt, case):
    return next(one.sound for one in hunting.cases(hunt) if one.number == case)


def found(hunt):
    return {case.number: (min(case.lines), case.kind) for case in hunting.cases(hunt)}
