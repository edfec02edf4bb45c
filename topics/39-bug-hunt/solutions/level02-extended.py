"""Level 2, extended: the five hunts along the road.

What changed   twenty-five more cases, drawn from every topic that the road has passed.
What it buys   the pool grows with each topic: whatever has planted mistakes and lies behind a hunt may turn up in it.
What it costs  nothing in code. In time about four minutes for a bug; with a symptom and a method, not with luck.
"""

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


def mended(hunt, case):
    return next(one.sound for one in hunting.cases(hunt) if one.number == case)


def found(hunt):
    return {case.number: (min(case.lines), case.kind) for case in hunting.cases(hunt)}
