"""Three numbers to predict before a level, and again after it: questions from a topic's predictions.toml.

A question may `draw` its numbers, one of several for each name, so that what one learner was asked is not what the next
one is asked. Its text then has names in braces, and `answer`, `wrong` and `proof` compute with them. The first number
of each name is the one that the README asks.
"""

import math
import random
import secrets
import tomllib
from dataclasses import dataclass

from utils.course import events, progress

KEYS = {"level", "ask", "answer", "tolerance", "wrong", "proof"}
MATHEMATICS = {"__builtins__": {}, "exp": math.exp, "log": math.log, "tanh": math.tanh}


@dataclass(frozen=True)
class Question:
    """One number to predict; `wrong` has (number, what it shows) for the misconceptions we know."""

    level: int
    ask: str
    answer: float
    tolerance: float
    wrong: tuple
    proof: str
    drawn: dict  # name -> number, for the proof


def questions(topic, level, seed=0):
    """The questions of a level, () if there are none; with a seed of a learner's own, in that learner's numbers.

    Raises ValueError for a key that is not known.
    """
    path = topic.folder / "predictions.toml"
    if not path.exists():
        return ()
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("question", []):
        if set(entry) - {"draw"} != KEYS:
            raise ValueError(f"{path.parent.name}/{path.name}: the keys of a question are {', '.join(sorted(KEYS))}.")
        found.append(_question(entry, f"{seed} {topic.number} {entry['level']}" if seed else ""))
    return tuple(question for question in found if question.level == level)


def _question(entry, source):
    """The Question of an entry; without a source of chance, in the first of its numbers.

    A name that stands in several questions of a level has the same number in all of them.
    """
    drawn = {name: random.Random(f"{source} {name}").choice(numbers) if source else numbers[0]
             for name, numbers in entry.get("draw", {}).items()}  # fmt: skip

    def number(value):
        return float(eval(value, dict(MATHEMATICS), drawn) if isinstance(value, str) else value)

    def words(text):
        return text.format(**drawn) if drawn else text

    answer, tolerance = number(entry["answer"]), float(entry["tolerance"])
    wrong = tuple((number(value), words(says)) for value, says in entry["wrong"])
    if source:  # by chance a misconception may give the right number
        wrong = tuple((value, says) for value, says in wrong if abs(value - answer) > tolerance)
    return Question(entry["level"], words(entry["ask"]), answer, tolerance, wrong, entry["proof"], drawn)


def seed():
    """The number by which this learner's questions are drawn; made when first asked for."""
    with progress.updated("predictions") as data:
        return data.setdefault("seed", secrets.randbelow(10**9) + 1)


def number_in(text):
    """The number that somebody typed, or None: "0,004", "-3/2" and "2**22" are numbers, too."""
    text = text.strip().replace(",", ".").replace("−", "-").replace("^", "**").replace("_", "")
    for sign, combine in (("**", pow), ("/", lambda a, b: a / b)):
        if sign in text:
            parts = [number_in(part) for part in text.split(sign)]
            try:
                return float(combine(*parts)) if len(parts) == 2 and None not in parts else None
            except (ArithmeticError, TypeError):
                return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_right(question, number):
    return abs(number - question.answer) <= question.tolerance


def misconception(question, number):
    """What a wrong number shows, "" if nobody knows: the nearest known one, if it is near."""
    near = [(abs(number - wrong), says) for wrong, says in question.wrong if math.isclose(number, wrong, rel_tol=0.02)]
    return min(near)[1] if near else ""


def stage(topic, level):
    """What it is time for: "before" the level, "after" it, or "" if both have been answered or it does not ask."""
    if not questions(topic, level):
        return ""
    answered = progress.read("predictions").get(topic.number, {}).get(str(level), {})
    known, _ = progress.states(topic)
    passed = all(known.get(step.id) in ("pass", "stale") for step in topic.steps_of(level))
    if passed:
        return "" if "after" in answered else "after"
    return "" if "before" in answered else "before"


def record(topic, level, when, numbers):
    """Keep the numbers, None where one was skipped."""
    with progress.updated("predictions") as data:
        data.setdefault(topic.number, {}).setdefault(str(level), {})[when] = numbers
    events.note("predict", topic=topic.number, level=level, answers=numbers)


def earlier(topic, level):
    """The numbers given before the level; [] if there are none."""
    return progress.read("predictions").get(topic.number, {}).get(str(level), {}).get("before", [])


def offer(topic, step):
    """One line that offers a prediction where one is due at this step, else ""."""
    if step.topic == topic.number and stage(topic, step.level) == "before":
        return f"First predict three numbers, two minutes: python3 learn.py predict {topic.number}"
    done = [level for level in topic.levels if stage(topic, level) == "after" and earlier(topic, level)]
    return f"What would you predict now? python3 learn.py predict {topic.number} --level {done[-1]}" if done else ""
