"""The hunts of Topic 39: files with one planted mistake each, drawn for one learner from the topics behind them.

What a learner hunts is kept in workspace/hunt/cases.json, under names that do not give it away. Where nothing has been
drawn yet, a hunt has the cases of number 0; the course's own solutions are judged on those.
"""

import ast
import difflib
import hashlib
import json
import math
import secrets
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from utils.course import catches, catching, mutants
from utils.course.catalog import WORKSPACE, catalog
from utils.course.checking import check
from utils.course.judging import Mismatch, Observation, observations, sentence_of
from utils.course.state import atomically

FOLDER = WORKSPACE / "hunt"
DRAWN = FOLDER / "cases.json"
CASES = 5  # of a hunt
OFFERED = 6  # kinds of mistakes to choose from
LETTERS = "ABCDEFGH"  # statements about PyTorch, half of them bugs
MOST = 10  # probes
LARGEST = 25  # lines of a mistake; one that is half a file is found at once
PATIENCE = 6.0  # seconds for one test of a case
# A case shows a wrong number or an exception; these show themselves in other ways.
WITHOUT_A_SYMPTOM = {"syntax", "contract", "not-written", "endless", "died", "cost", "memory", "recursion"}
# What level 3 is about: things that stay, or are shared, and should not be.
LEAKS = {"memory", "state", "inplace", "alias", "late"}


@dataclass(frozen=True)
class Case:
    """One file of a hunt: the mistake that is planted in it, the kinds to choose from, and what it looks like."""

    hunt: str
    number: int
    topic: object
    mutant: mutants.Mutant
    offered: tuple
    symptom: dict | None = None  # a failing row, once somebody has looked

    @property
    def path(self):
        return FOLDER / f"{self.hunt}-{self.number}.py"

    @property
    def given(self):
        """The text of the file, with its mistake."""
        return mutants.source(self.topic, self.mutant)

    @property
    def sound(self):
        """The text of the file without its mistake."""
        return self.topic.candidate_path(self.mutant.base).read_text(encoding="utf-8")

    @property
    def kind(self):
        return self.mutant.diagnosis

    @property
    def level(self):
        """The level of the file in which the mistake is planted."""
        return _level_of(self.mutant)

    def secret(self, number):
        """Its name in the cases.json of the learner with this number."""
        return _secret(number, self.topic, self.mutant)

    @property
    def lines(self):
        """The lines of the given file that are wrong; where something is missing, the two around the gap."""
        return _after(self.sound, self.given)

    def lines_now(self, text):
        """Where these lines are in a file that has been edited since."""
        found = set()
        for tag, i1, i2, j1, j2 in _opcodes(self.given, text):
            wrong = self.lines & set(range(i1 + 1, i2 + 1))
            found |= {line - i1 + j1 for line in wrong} if tag == "equal" else set()
            found |= set(range(j1 + 1, j2 + 1)) if wrong and tag == "replace" else set()
        return found


@dataclass(frozen=True)
class Statement:
    """What an engine does, in words; what PyTorch gives there; and whether one may do otherwise."""

    says: str
    asks: str
    verdict: str  # "bug" or "convention"
    torch: float
    why: str
    proof: str


def topic_of_hunts():
    """The topic of kind "hunt". Raises ValueError while it is only planned."""
    (topic,) = (topic for topic in catalog().ready if topic.kind == "hunt")
    return topic


def hunts():
    """The steps that are about cases, in the order of the road."""
    topic = topic_of_hunts()
    return [step for step in catalog().road if step.topic == topic.number and step.level < 4 and step.id != "catch"]


def cases(hunt):
    """The Cases of a hunt, by its name in the skeleton: those drawn for this learner, else those of number 0."""
    drawn = _drawn()
    if hunt not in drawn["hunts"]:
        return draw(hunt, drawn["number"])
    found = (_kept(hunt, drawn["number"], place, entry) for place, entry in enumerate(drawn["hunts"][hunt], 1))
    return [case for case in found if case]


@cache
def draw(hunt, number):
    """The Cases of a hunt for a learner's number: none that an earlier hunt has.

    The pool is what the road has passed before this hunt, and first of all what it has passed since the last one; it
    grows with every topic. Topics take turns, and kinds repeat only where there are no others.
    """
    every = hunts()
    at = next(place for place, step in enumerate(every) if step.about[0] == hunt)
    before = {(case.topic, case.mutant) for step in every[:at] for case in draw(step.about[0], number)}
    pool = _pool(every[at]) - before
    old = _pool(every[at - 1], every[at].level) if at else set()
    chosen = _turns(pool - old, number, hunt)[:CASES]
    chosen += _turns(pool - set(chosen), number, hunt)[: CASES - len(chosen)]
    return [Case(hunt, place, topic, mutant, _offered(topic, mutant, number, every[at].level))
            for place, (topic, mutant) in enumerate(chosen, 1)]  # fmt: skip


def begin(hunt):
    """Draw a hunt unless that has been done, look at what its files do, write those that are not there; the Cases.

    A file that is there is the learner's, and stays as it is.
    """
    drawn = _drawn()
    if hunt not in drawn["hunts"] or len(cases(hunt)) < len(drawn["hunts"][hunt]):
        drawn["number"] = drawn["number"] or secrets.randbelow(10**9) + 1
        chosen = draw(hunt, drawn["number"])
        with ThreadPoolExecutor(2) as pool:
            symptoms = list(pool.map(symptom_of, chosen))
        drawn["hunts"][hunt] = [
            {"case": _secret(drawn["number"], case.topic, case.mutant), "topic": case.topic.number,
             "offered": case.offered, "symptom": symptom}
            for case, symptom in zip(chosen, symptoms, strict=True)
        ]  # fmt: skip
        atomically(DRAWN, json.dumps(drawn, indent=1).encode())
    for case in cases(hunt):
        if not case.path.exists():
            atomically(case.path, case.given.encode())
    return cases(hunt)


def is_new(hunt):
    """Has nothing been drawn for this hunt yet?"""
    return hunt not in _drawn()["hunts"]


def symptom_of(case):
    """The first failing row of a case, short enough to be kept."""
    verdict = _judged(case, case.given, case.mutant.upto)
    row = verdict.row
    if row is None:  # stopped, or refused before a test: the cause says it, where there is one
        cause = verdict.diagnosis.cause if verdict.diagnosis else "nothing that can be seen every time"
        return {
            "sentence": sentence_of(case.mutant.kills),
            "message": cause,
            "observations": [],
        }
    wrong = next((seen for seen in row["observations"] if not seen["holds"]), None)
    shown = [seen for seen in row["observations"] if wrong and seen["given"] == wrong["given"]]
    return {"sentence": row["sentence"], "message": row["message"].partition("\nat ")[0], "observations": shown[:12]}


def statements(number=None):
    """letter -> Statement, those about PyTorch that a learner's number draws."""
    entries = tomllib.loads((topic_of_hunts().folder / "statements.toml").read_text(encoding="utf-8"))["statement"]
    number = _drawn()["number"] if number is None else number
    found = sorted((Statement(**entry) for entry in entries), key=lambda one: _rank(number, one.says))
    bugs = [one for one in found if one.verdict == "bug"][: len(LETTERS) // 2]
    chosen = bugs + [one for one in found if one.verdict == "convention"][: len(LETTERS) - len(bugs)]
    return dict(zip(LETTERS, sorted(chosen, key=lambda one: _rank(number, one.asks)), strict=True))


# Judging --------------------------------------------------------------------------------------------------------------


def expect_caught(probes, seed):
    """Expect at most ten probes, "a*b + a at a=2 b=-3", that give away every engine of the line-up with this seed."""
    form = 'at most 10 strings such as "a*b + a at a=2 b=-3"'
    fits = isinstance(probes, (list, tuple)) and all(isinstance(probe, str) for probe in probes)
    expect_choice("probes()", f"{len(probes)} probes" if fits else type(probes).__name__, fits and len(probes) <= MOST,
                  form, "answer")  # fmt: skip
    try:
        programs = [catches.parse_line(probe) for probe in probes]
        (engine,) = (topic for topic in catalog().ready if "Value" in topic.exports)
        suspects = catching.line_up(engine, seed)
        given_away = {one.letter for found in catching.evidences(engine, suspects, programs) for one in found}
    except ValueError as error:
        expect_choice("probes()", error, False, form, "answer")
    left = [one.letter for one in suspects if one.letter not in given_away]
    expect_choice("the engines still at large", " ".join(left), not left, "none of the sixteen", "at-large")


def expect_found(hunt, number, answers, mended):
    """Expect the right (line, kind) for a case in `answers`, and that mended(hunt, number) is its text, mended.

    Raises Mismatch at the first of the three that does not hold; what would be right is not said.
    """
    case = next((one for one in cases(hunt) if one.number == number), None)
    where = f"case {number} of {hunt}"
    expect_choice("the case", "gone with an update", case, f"drawn by python3 learn.py hunt {hunt}", "answer", where)
    where += f", from Topic {case.topic.number}"
    answer = answers.get(number) if isinstance(answers, dict) else None
    expect_choice(
        "the answer", answer, _is_pair(answer, int), '(line, kind), such as (44, "accumulate")', "answer", where
    )
    line, kind = answer
    text = case.path.read_text(encoding="utf-8") if case.path.exists() else case.given
    expect_choice("the line", line, line in case.lines | case.lines_now(text), "a line of the mistake", "place", where)
    expect_choice("the kind", kind, kind == case.kind, f"one of {', '.join(case.offered)}", "misnamed", where)
    trouble = _trouble(case, mended(hunt, number))
    expect_choice("the mended file", trouble, not trouble, "every test holds", "unmended", where)


def expect_judged(letter, answers):
    """Expect the right (verdict, PyTorch's number) for a statement; raises Mismatch without saying what is right."""
    statement = statements()[letter]
    answer = answers.get(letter) if isinstance(answers, dict) else None
    flipped = answer[::-1] if isinstance(answer, tuple) else answer
    expect_choice("the answer", answer, _is_pair(flipped, (int, float)), '(verdict, number), such as ("bug", 2.0)',
                  "answer", f"statement {letter}: {statement.says}")  # fmt: skip
    verdict, number = answer
    expect_choice("the verdict", verdict, verdict == statement.verdict, "bug or convention", "convention",
                  f"statement {letter}: {statement.says}")  # fmt: skip
    expect_choice(statement.asks, f"{number:g}", math.isclose(number, statement.torch, rel_tol=1e-4, abs_tol=1e-6),
                  "PyTorch's number", "convention", f"statement {letter}: {statement.says}")  # fmt: skip


def expect_choice(what, got, holds, wish, aim, given=""):
    """Record whether what was chosen is right; raise Mismatch if not. `wish` says the form, never the answer itself."""
    observations.append(Observation(what, given, wish, str(got), holds, "", aim))
    if not holds:
        raise Mismatch(observations[-1])


def _is_pair(answer, first):
    """Is this a tuple of a number of this class and a text?"""
    return (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], first)
            and not isinstance(answer[0], bool) and isinstance(answer[1], str))  # fmt: skip


def _trouble(case, text):
    """What is still wrong with a mended text, in words; "" for nothing."""
    if _same_code(text, case.sound):
        return ""
    if _same_code(text, case.given):
        return "the code is as it was given"
    verdict = _judged(case, text, max(case.mutant.upto, _level_of(case.mutant)))
    if verdict.verdict == "pass":
        return ""
    return f"not yet: {verdict.row['sentence']}" if verdict.row else verdict.diagnosis.cause


def _same_code(one, other):
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError):
        return False


def _judged(case, text, upto):
    """The Verdict on a text, by the tests of the topic that the case is from."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        path = Path(folder) / case.path.name
        path.write_text(text, encoding="utf-8")
        return check(case.topic, path, upto=upto, patience=PATIENCE)


def _opcodes(before, after):
    return difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()


def _after(before, after):
    """The lines of `after` that differ from `before`, counted from 1; of what is missing, the lines around the gap."""
    found = set()
    for tag, _, _, j1, j2 in _opcodes(before, after):
        if tag != "equal":
            found |= set(range(j1 + 1, j2 + 1)) or {j1, j1 + 1}
    return found


# Drawing --------------------------------------------------------------------------------------------------------------


def _drawn():
    """What has been drawn for this learner."""
    try:
        drawn = json.loads(DRAWN.read_text(encoding="utf-8"))
        return {"number": int(drawn["number"]), "hunts": dict(drawn["hunts"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"number": 0, "hunts": {}}


def _kept(hunt, number, place, entry):
    """The Case of an entry in cases.json, None where the course no longer has its mistake."""
    topic = catalog().topic(entry["topic"])
    mutant = next((one for one in _planted(topic) if _secret(number, topic, one) == entry["case"]), None)
    return mutant and Case(hunt, place, topic, mutant, tuple(entry["offered"]), entry["symptom"])


@cache
def _planted(topic):
    return tuple(mutants.mutants_of(topic))


def _pool(step, level=None):
    """(topic, mutant) of every mistake that a hunt at this step of the road may have."""
    level = level or step.level
    behind = {one.address for one in catalog().road[: catalog().road.index(step)]}
    return {(topic, mutant) for topic in catalog().ready if topic.kind != "hunt" for mutant in _planted(topic)
            if _fits(mutant, level) and behind >= _steps_of(topic, mutant)}  # fmt: skip


def _fits(mutant, level):
    fits = mutant.diagnosis in LEAKS if level == 3 else mutant.diagnosis not in WITHOUT_A_SYMPTOM
    return (
        fits
        and mutant.kills
        and mutant.base.startswith("level")
        and all(replace.count("\n") < LARGEST for _, replace in mutant.edits)
    )


def _steps_of(topic, mutant):
    """The steps that a learner has done who knows the file in which the mistake is planted."""
    return {step.address for step in topic.steps if step.level <= _level_of(mutant)}


def _level_of(mutant):
    return int(mutant.base.removeprefix("level"))


def _turns(pool, number, hunt):
    """The pool in the order in which a hunt draws."""
    left = {}
    for topic, mutant in sorted(pool, key=lambda pair: _rank(number, pair[0].number, pair[1].id)):
        left.setdefault(topic, []).append(mutant)
    found, kinds = [], set()
    while any(left.values()):
        for topic in sorted(left, key=lambda topic: _rank(number, hunt, topic.number)):
            if left[topic]:
                mutant = next((one for one in left[topic] if one.diagnosis not in kinds), left[topic][0])
                left[topic].remove(mutant)
                found.append((topic, mutant))
                kinds.add(mutant.diagnosis)
    return found


def _offered(topic, mutant, number, level):
    """The kinds to choose from: the right one, and others of the same topic, then of all; at level 3 the leaks."""
    if level == 3:
        return tuple(sorted(LEAKS))
    near = {one.diagnosis for one in _planted(topic)} - {mutant.diagnosis}
    far = {one.diagnosis for other in catalog().ready for one in _planted(other)} - near - {mutant.diagnosis}
    order = [*sorted(near, key=lambda id: _rank(number, mutant.id, id)), *sorted(far)]
    return tuple(sorted([mutant.diagnosis, *[id for id in order if id not in WITHOUT_A_SYMPTOM][: OFFERED - 1]]))


def _secret(number, topic, mutant):
    return _rank(number, topic.number, mutant.id)[:12]


def _rank(*words):
    """A number, as text, that looks like chance and is the same for the same words."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()
