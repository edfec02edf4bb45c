"""The questions of the benchmark: correct gradients, visibly wrong ones, broken contracts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import truth
from cases import CASES, Case
from corruptions import MISTAKES, broken_contracts, planted
from fresh import programs


@dataclass(frozen=True)
class Question:
    case: Case
    backward: Callable
    mistake: str = ""  # "" for a correct gradient

    def __str__(self):
        return f"{self.case.group} / {self.case.name} / {self.mistake or 'correct'}"


def fixed():
    """The functions of cases.py, correct and with every mistake that float64 can see."""
    for case in CASES:
        random = np.random.default_rng(1)
        if not truth.confirmed(case, random):
            raise SystemExit(f"The gradient of {case.group} / {case.name} is not confirmed in long double.")
        yield Question(case, case.backward)
        for mistake in MISTAKES:
            wrong = planted(case.backward, mistake)
            if truth.visible(case, wrong, random):
                yield Question(case, wrong, mistake)


def fresh(seed):
    """The random functions of one seed, as far as long double confirms them, and their visible mistakes."""
    for case, faults in programs(seed):
        random = np.random.default_rng(seed)
        if not truth.confirmed(case, random):
            continue
        yield Question(case, case.backward)
        wrong = {mistake: planted(case.backward, mistake) for mistake in MISTAKES} | faults
        for mistake, backward in wrong.items():
            if truth.visible(case, backward, random):
                yield Question(case, backward, mistake)


def broken():
    """Kind that must be named, and the question, for every broken contract."""
    for kind, name, f, inputs, backward in broken_contracts():
        yield kind, Question(Case("broken contract", name, f, inputs, backward), backward, kind)
