"""Three numbers to predict before a level, and again after it: questions from a topic's predictions.toml."""

import math
import tomllib
from dataclasses import dataclass

from utils.course import events, progress

KEYS = {"level", "ask", "answer", "tolerance", "wrong", "proof"}


@dataclass(frozen=True)
class Question:
    """One number to predict; `wrong` has (number, what it shows) for the misconceptions we know."""

    level: int
    ask: str
    answer: float
    tolerance: float
    wrong: tuple
    proof: str


def questions(topic, level):
    """The questions of a level, () if there are none. Raises ValueError for a key that is not known."""
    path = topic.folder / "predictions.toml"
    if not path.exists():
        return ()
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("question", []):
        if set(entry) != KEYS:
            raise ValueError(f"{path.parent.name}/{path.name}: the keys of a question are {', '.join(sorted(KEYS))}.")
        wrong = tuple((float(number), says) for number, says in entry["wrong"])
        found.append(Question(entry["level"], entry["ask"], float(entry["answer"]), float(entry["tolerance"]), wrong,
                              entry["proof"]))  # fmt: skip
    return tuple(question for question in found if question.level == level)


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
