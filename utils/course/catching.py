"""The tables turned: engines with one planted mistake each, and expressions that give them away.

An engine is caught by a program on which its value or a gradient is wrong, or on which it raises or never ends.
"""

import json
import math
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from utils.course import expressions, mutants, running
from utils.course.catalog import ROOT
from utils.course.judging import NotANumber, plain

SIZE = 16
SECONDS = 5.0  # for one engine and one program; a right engine needs a thousandth of one
# Kinds that one expression cannot show: they need a file that does not load, a deep graph, a clock or a second run.
NOT_IN_A_PROGRAM = {"contract", "cost", "died", "endless", "memory", "not-written", "raised", "recursion", "syntax",
                    "overflow", "kind", "state"}  # fmt: skip


@dataclass(frozen=True)
class Suspect:
    """One engine of a line-up: its letter, and the mistake that is planted in it."""

    letter: str
    mutant: mutants.Mutant


@dataclass(frozen=True)
class Evidence:
    """What gave an engine away, in words."""

    letter: str
    words: str


def catchable(topic):
    """The planted mistakes that a single program can show."""
    return [m for m in mutants.mutants_of(topic) if m.base == "level02" and m.diagnosis not in NOT_IN_A_PROGRAM]


def line_up(topic, seed, size=SIZE):
    """The Suspects of a learner: of every kind one, then at random; the same for the same seed."""
    rng = random.Random(seed)
    pool = catchable(topic)
    rng.shuffle(pool)
    kinds = sorted({mutant.diagnosis for mutant in pool})
    chosen = [next(mutant for mutant in pool if mutant.diagnosis == kind) for kind in kinds]
    chosen += [mutant for mutant in pool if mutant not in chosen]
    chosen = chosen[:size]
    rng.shuffle(chosen)
    return [Suspect(chr(ord("A") + number), mutant) for number, mutant in enumerate(chosen)]


def evidence(topic, suspects, program, inputs):
    """The Evidence that a program yields against each suspect it gives away.

    Raises NotAnExpression for a program that cannot be read, and ValueError where it has no value at these inputs.
    """
    truth = _truth(program, inputs)
    wanted = {"the value": truth.value} | {f"{name}.grad": truth.gradients[name] for name in inputs}
    found = []
    for letter, said in _ask(topic, suspects, program, inputs).items():
        if isinstance(said, str):
            found.append(Evidence(letter, said))
            continue
        for what, expected in wanted.items():
            if not math.isclose(said[what], expected, rel_tol=1e-9, abs_tol=1e-9):
                found.append(Evidence(letter, f"{what} is {said[what]:.6g}; right is {expected:.6g}"))
                break
    return found


def _truth(program, inputs):
    try:
        return expressions.exact(program, inputs)
    except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, expressions.NotAnExpression):
            raise
        raise ValueError(f"At this point the expression has no value: {error}.") from None


def _ask(topic, suspects, program, inputs):
    """letter -> the numbers an engine gives (by name), or a few words where it gives none. Each is run with a limit."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        for suspect in suspects:
            (Path(folder) / f"{suspect.letter}.py").write_text(mutants.source(topic, suspect.mutant), encoding="utf-8")
        said, waiting = {}, [suspect.letter for suspect in suspects]
        while waiting:
            job = json.dumps([folder, waiting, program, inputs])
            try:
                output = subprocess.run(
                    [sys.executable, "-m", "utils.course.catching", job],
                    cwd=ROOT, env=running.environment(), text=True, capture_output=True, timeout=SECONDS,
                ).stdout  # fmt: skip
            except subprocess.TimeoutExpired as stopped:
                output = (stopped.stdout or b"").decode()
            answered = dict(json.loads(line) for line in output.splitlines())
            said |= answered
            waiting = [letter for letter in waiting if letter not in answered]
            if waiting:  # the first without an answer never ends, or ended Python; the others get another turn
                said[waiting.pop(0)] = "never comes to an end"
        return said


def _answer(path, program, inputs):
    """What the engine in a file says, for the process that _ask starts."""
    from utils.course.loading import load

    try:
        engine = load(path)
        leaves = {name: engine.Value(number) for name, number in inputs.items()}
        root, _ = expressions.run(program, leaves)
        root.backward()
        numbers = {"the value": plain(root.data)}
        return numbers | {f"{name}.grad": plain(leaf.grad) for name, leaf in leaves.items()}
    except NotANumber:
        return "gives something that is no number"
    except Exception as error:
        return f"raises {type(error).__name__}"


if __name__ == "__main__":
    place, letters, program, inputs = json.loads(sys.argv[1])
    for letter in letters:
        print(json.dumps([letter, _answer(Path(place) / f"{letter}.py", program, inputs)]), flush=True)
