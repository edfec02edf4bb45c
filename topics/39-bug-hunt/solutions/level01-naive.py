"""Level 1, naive: ten expressions that give away every engine of every line-up, and the five bugs in engines.

What it does   the probes are a list. The bugs differ from learner to learner, so no list of answers could stand here:
               this file asks whoever planted them. How to find them yourself is the subject of the README.
What it buys   the ten probes give away all 243 planted mistakes that one expression can show, of which a line-up has
               sixteen. `a*b + a` alone gives away a fifth of them.
What it costs  long expressions. Each of the ten holds several questions, and says less clearly than a short one which
               operation was wrong: good for catching, bad for explaining.
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


def mended(hunt, case):
    return next(one.sound for one in hunting.cases(hunt) if one.number == case)


def found(hunt):
    return {case.number: (min(case.lines), case.kind) for case in hunting.cases(hunt)}
