"""One table: our gradient checker beside the others, on the same questions.

python3 benchmarks/gradient_checkers/run.py                 the fixed exam
python3 benchmarks/gradient_checkers/run.py --fresh 101 102 random functions from seeds
python3 benchmarks/gradient_checkers/run.py --ours          only our own row, with what went wrong
"""

import argparse
import contextlib
import io
import statistics
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import exam
from peers import PEERS, installed

from utils.finite_difference_checker import EVERY_ELEMENT, check_gradients


class Score:
    """The answers of one checker, counted."""

    def __init__(self, name):
        self.name, self.counts, self.calls, self.plain, self.ratios = name, Counter(), 0, 0, []
        self.faults = []

    def ask(self, question, check):
        """Ask, counting calls of f on healthy functions: not at a kink, nor so big that a sample would flatter us."""
        calls = 0

        def counted(*inputs):
            nonlocal calls
            calls += 1
            return question.case.f(*inputs)

        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            verdict, kind = check(counted, question.case.inputs, question.backward)
        size = sum(np.size(x) for x in question.case.inputs)
        if not question.mistake and not question.case.at_kink and size <= EVERY_ELEMENT:
            self.calls += calls
            self.plain += 2 * size
            self.ratios += [calls / (2 * size)] if size else []
        return verdict, kind

    def add(self, question, check):
        verdict, _ = self.ask(question, check)
        right = "correct" if not question.mistake else "wrong"
        self.counts[right] += 1
        if verdict == "undecided":
            self.counts["undecided"] += 1
            self.faults.append(f"undecided: {question}")
        elif (verdict == "pass") != (right == "correct"):
            self.counts[f"{right} misjudged"] += 1
            self.faults.append(f"{'false alarm' if right == 'correct' else 'miss'}: {question}")

    def add_broken(self, kind, question, check):
        verdict, named = self.ask(question, check)
        self.counts["contracts"] += 1
        self.counts["contracts refused"] += verdict == "fail"
        self.counts["contracts named"] += named == kind
        if named != kind:
            self.faults.append(f"contract named {named!r}: {question}")

    def row(self, seconds):
        c = self.counts
        share = [f"{c[f'{k} misjudged']} ({c[f'{k} misjudged'] / max(1, c[k]):.2%})" for k in ("correct", "wrong")]
        contracts = f"{c['contracts refused']}/{c['contracts']}, {c['contracts named']} named"
        cost = f"{self.calls / max(1, self.plain):.2f}, {statistics.median(self.ratios):.2f}"
        return [self.name, *share, str(c["undecided"]), contracts, cost, f"{seconds:.0f} s"]


def ours(f, inputs, backward):
    report = check_gradients(f, *inputs, backward=backward)
    return report.verdict, report.kind


def peer(check):
    def verdict(f, inputs, backward):
        try:
            return ("pass" if check(f, inputs, backward) else "fail"), ""
        except Exception:  # refusing to answer is how several of them say no
            return "fail", ""

    return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", type=int, nargs="+", metavar="SEED", help="ask random functions instead")
    parser.add_argument("--ours", action="store_true", help="only our row, with every question it got wrong")
    options = parser.parse_args()

    seeds = options.fresh or []
    questions = [q for seed in seeds for q in exam.fresh(seed)] if seeds else list(exam.fixed())
    correct = sum(not q.mistake for q in questions)
    print(f"{correct} correct gradients, {len(questions) - correct} wrong ones.\n")

    faults = []
    checkers = {"ours": (None, ours)}
    if not options.ours:
        checkers |= {name: (package, peer(check)) for name, (package, check) in PEERS.items()}
    head = [
        "checker",
        "false alarms",
        "misses",
        "undecided",
        "broken contracts refused",
        "calls / plain, median",
        "time",
    ]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    for name, (package, check) in checkers.items():
        if package and not installed(package):
            print(f"| {name} | not installed |" + " |" * (len(head) - 2), flush=True)
            continue
        score, start = Score(name), time.perf_counter()
        for question in questions:
            score.add(question, check)
        for kind, question in () if seeds else exam.broken():
            score.add_broken(kind, question, check)
        print("| " + " | ".join(score.row(time.perf_counter() - start)) + " |", flush=True)
        if name == "ours":
            faults += score.faults
    print("", *faults, sep="\n")


if __name__ == "__main__":
    main()
