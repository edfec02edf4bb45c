"""Planted mistakes: one replacement in a file each, or a few, caught by a named test and explained by a diagnosis."""

import json
import os
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from utils.course import contract, running
from utils.course.catalog import ROOT
from utils.course.checking import judge_rows
from utils.course.diagnosis import fingerprints
from utils.course.standby import Copies

PATIENCE = (2.0, 30.0)  # seconds for one test, and for one that is given another chance
WITHOUT_FINGERPRINTS = {"cost", "answer", "place", "misnamed", "unmended", "at-large", "convention"}
KEYS = {"id", "base", "find", "replace", "edits", "kills", "diagnosis", "says", "try", "name", "upto", "looks"}


@dataclass(frozen=True)
class Mutant:
    """A mistake as a learner might make it, with the test that must catch it and the words that explain it."""

    id: str
    base: str
    edits: tuple  # (find, replace) pairs
    kills: str  # "" where the file cannot even be judged: syntax and contract
    diagnosis: str
    says: str = ""
    advice: str = ""
    name: str = ""
    upto: int = 2
    looks: str = ""  # a regular expression: where other mistakes make the same numbers, the file must look like this


def mutants_of(topic):
    """The mutants of a topic, from tests/mutants/<topic>.toml. Raises ValueError for an entry that is not in order."""
    path = ROOT / "tests" / "mutants" / f"{topic.folder.name}.toml"
    return read(path) if path.exists() else []


def read(path):
    """The mutants in a file. Raises ValueError for an unknown key and for an id that stands twice."""
    found = [_mutant(path, entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])]
    twice = [id for id, count in Counter(mutant.id for mutant in found).items() if count > 1]
    if twice:
        raise ValueError(f"{path.name}: {', '.join(twice)} stands there twice.")
    return found


def _mutant(path, entry):
    if set(entry) - KEYS or ("edits" in entry) == ("find" in entry):
        raise ValueError(f"{path.name}, mutant {entry.get('id')}: unknown keys {sorted(set(entry) - KEYS)}, "
                         "or not exactly one of `find` and `edits`.")  # fmt: skip
    edits = entry.pop("edits", None) or [[entry.pop("find"), entry.pop("replace")]]
    return Mutant(edits=tuple(map(tuple, edits)), advice=entry.pop("try", ""), **{"kills": "", **entry})


def source(topic, mutant):
    """The text of the mutant's file. Raises ValueError unless each replacement fits exactly once."""
    text = topic.candidate_path(mutant.base).read_text(encoding="utf-8")
    for find, replace in mutant.edits:
        if text.count(find) != 1:
            raise ValueError(f"Mutant {mutant.id} fits {text.count(find)} places of {mutant.base}; it must be one.")
        text = text.replace(find, replace)
    return text


def run_all(topic, mutants):
    """mutant id -> its Run; for a file that cannot be judged an empty one, which ends with the id of its problem.

    Each in a process of its own, since some of them never end.
    """
    with (
        tempfile.TemporaryDirectory(prefix="course-") as folder,
        Copies() as copies,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):

        def one(mutant):
            path = Path(folder) / f"{mutant.id}.py"
            path.write_text(source(topic, mutant), encoding="utf-8")
            problem = contract.problem_of(topic, path, mutant.upto)
            if problem:
                return mutant.id, running.Run((), problem.id)
            for patience in PATIENCE:
                run = running.run(topic, path, upto=mutant.upto, patience=patience, start=copies.start)
                if run.ending != "timeout" or mutant.diagnosis in ("endless", "cost"):
                    break  # else it is the machine that was slow, and not the mutant
            return mutant.id, run

        return dict(pool.map(one, mutants))


def findings(topic, mutants, runs):
    """What is wrong with the mutants: those that live, and those that get another diagnosis than their own."""
    found = []
    for mutant in mutants:
        if mutant.kills and mutant.kills not in dead(runs[mutant.id]):
            found.append(f"Mutant {mutant.id} of Topic {topic.number} lives: {mutant.kills} does not fail on it.")
            continue
        said = diagnosis_of(topic, mutant, runs[mutant.id])
        if said != mutant.diagnosis:
            found.append(f"Mutant {mutant.id} of Topic {topic.number} is called {said}, not {mutant.diagnosis}.")
    return found


def dead(run):
    """The tests that fail in a run."""
    tests = {row["test"] for row in run.rows if row["outcome"] != "pass"}
    return tests | {run.running["test"]} if run.ending in ("timeout", "died") else tests


def diagnosis_of(topic, mutant, run):
    """The id of the diagnosis that a mutant gets, "none" if it passes."""
    if run.ending in ("syntax", "contract"):
        return run.ending
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        path = Path(folder) / f"{mutant.id}.py"
        path.write_text(source(topic, mutant), encoding="utf-8")
        verdict = judge_rows(topic, path, topic.steps, run, upto=mutant.upto)
    return verdict.diagnosis.id if verdict.diagnosis else "none"


def signatures(mutants, runs):
    """What each mutant computes, as the diagnosis reads it (signatures.json).

    A mistake that only costs time has no entry: what a clock finds differs from run to run, and a rule speaks about it.
    Nor has a wrong answer in a hunt, whose cases differ from learner to learner.
    """
    found = []
    for mutant in mutants:
        if mutant.diagnosis in WITHOUT_FINGERPRINTS or runs[mutant.id].ending != "done":
            continue
        entry = {"id": mutant.id, "diagnosis": mutant.diagnosis, "name": mutant.name, "says": mutant.says}
        entry |= {"try": mutant.advice, "kills": mutant.kills, "failing": fingerprints(runs[mutant.id].rows)}
        found.append({**entry, "looks": mutant.looks} if mutant.looks else entry)
    return found


def as_text(entries):
    """signatures.json: one mutant a line, so that a change shows as one line."""
    return "[\n" + ",\n".join(json.dumps(entry, sort_keys=True, ensure_ascii=False) for entry in entries) + "\n]\n"
