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
# And these, each for a reason of its own: they need `+=`, a second output, zero_grad, or a power that may be refused.
NOT_IN_A_PROGRAM_EITHER = {
    "backward-clears-the-leaves", "iadd-writes-into-the-value", "imul-writes-into-the-value", "mul-clears-gradients",
    "pow-drops-the-exponents-gradient", "zero-grad-clears-both", "zero-grad-clears-the-number",
}  # fmt: skip
SOUND = "sound"  # the letter of the engine without a mistake, which is asked beside the others


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
    unfit = NOT_IN_A_PROGRAM | NOT_IN_A_PROGRAM_EITHER
    return [m for m in mutants.mutants_of(topic) if m.base == "level02" and not {m.diagnosis, m.id} & unfit]


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

    Raises NotAnExpression for a program that cannot be read, and ValueError where it proves nothing: it has no value at
    these inputs, or an engine without a mistake cannot compute it.
    """
    return evidences(topic, suspects, [(program, inputs)])[0]


def evidences(topic, suspects, programs):
    """For each (program, inputs) a list of Evidence; raises as `evidence` does. Every engine is started once."""
    truths = [_truth(program, inputs) for program, inputs in programs]
    said = _ask(topic, suspects, programs)
    found = []
    for number, ((program, inputs), truth) in enumerate(zip(programs, truths, strict=True)):
        wanted = {"the value": truth.value} | {f"{name}.grad": truth.gradients[name] for name in inputs}
        flawed = _flaw(said[SOUND][number], wanted)
        if flawed:
            raise ValueError(f"`{program}` proves nothing: an engine without a mistake does the same; {flawed}.")
        against = [(one.letter, _flaw(said[one.letter][number], wanted)) for one in suspects]
        found.append([Evidence(letter, words) for letter, words in against if words])
    return found


def _flaw(said, wanted):
    """What is wrong with the numbers that an engine gave, in words; "" for nothing."""
    if isinstance(said, str):
        return said
    wrong = (what for what in wanted if not math.isclose(said[what], wanted[what], rel_tol=1e-9, abs_tol=1e-9))
    return next((f"{what} is {said[what]:.6g}; right is {wanted[what]:.6g}" for what in wrong), "")


def _truth(program, inputs):
    try:
        return expressions.exact(program, inputs)
    except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, expressions.NotAnExpression):
            raise
        raise ValueError(f"At this point the expression has no value: {error}.") from None


def _ask(topic, suspects, programs):
    """letter -> for each program the numbers an engine gives (by name), or a few words where it gives none."""
    texts = {one.letter: mutants.source(topic, one.mutant) for one in suspects}
    texts[SOUND] = topic.solution(2).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        for letter, text in texts.items():
            (Path(folder) / f"{letter}.py").write_text(text, encoding="utf-8")
        said, waiting = {}, list(texts)
        while waiting:
            job = json.dumps([folder, waiting, programs])
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
                said[waiting.pop(0)] = ["it never comes to an end"] * len(programs)
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
        return "it gives something that is no number"
    except Exception as error:
        return f"it raises {type(error).__name__}"


if __name__ == "__main__":
    place, letters, programs = json.loads(sys.argv[1])
    for letter in letters:
        said = [_answer(Path(place) / f"{letter}.py", program, inputs) for program, inputs in programs]
        print(json.dumps([letter, said]), flush=True)
