"""From what a candidate did to the mistake that makes exactly these numbers: one Diagnosis.

Planted mistakes (tests/mutants/) were run against the same tests; `signatures.json` in the topic keeps what each
computed. A candidate that computes the same wrong numbers has the same mistake. Where none fits, general rules about
ratios and exceptions speak, and where those are silent the diagnosis is honestly `unknown`.
"""

import json
import math
from dataclasses import dataclass

# How much of the wrong numbers must agree before a planted mistake is named.
ENOUGH = 0.7

SENTENCES = {
    "not-written": ("`{name}` is not written yet.", "Write `{name}` in {file}; for a first idea: {hint}"),
    "accumulate": ("A gradient that arrives a second time seems to replace the first one.",
                   "Look for `=` where `+=` is needed: contributions from different uses add up."),
    "sign": ("The number has the right size and the wrong sign.",
             "Look at the order of the operands, and at the sign of the local derivative."),
    "chain": ("The local derivative seems to arrive without the upstream gradient.",
              "Multiply the local derivative by the gradient of the result."),
    "links": ("No gradient arrives at all.",
              "Does the result of every operation know its parents, and does backward reach them?"),
    "missing-return": ("`{name}` gives back None.", "Every operation ends with `return` and the new Value."),
    "kind": ("Something that is not a plain number stands where a number belongs.",
             "Keep plain numbers in `.data` and `.grad`; wrap them in a Value only inside operations."),
    "constant": ("A plain number as operand is not accepted.",
                 "Turn a plain number into a Value at the start of the operation."),
    "recursion": ("Python's recursion limit was reached.",
                  "A function calls itself once for each value in a row; walk with a list and a loop instead."),
    "endless": ("The test of `{name}` did not come to an end within {patience:g} seconds.",
                "Look at {place}: what would make this loop stop?"),
    "died": ("Python stopped in the middle of the test, without a word.",
             "Remove exit(), quit() or os._exit() from your file; if there is none, ask for help with this screen."),
    "overflow": ("A number became too large for a float.", "Rewrite the formula so that no intermediate overflows."),
    "raised": ("Your code raised {raised} at {place}.", "{message}"),
    "value": ("The forward value differs.", "Compute this small example by hand, then compare with your code."),
    "unknown": ("The numbers differ in a way that fits no mistake we know.",
                "Compute this small example by hand, gradient by gradient: {hint}"),
}  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """One mistake, in words: what was seen, the likely cause, one thing to do next."""

    id: str
    name: str  # the skeleton's name it is about
    cause: str
    action: str
    certain: bool = False  # True where a planted mistake computes exactly these numbers


def diagnose(topic, run, row, path):
    """The Diagnosis for the first failing row of a run; for a run that ended early, of its ending."""
    name = row["about"] if row else (run.running or {}).get("about", "")
    facts = {"name": name, "file": path.name, "hint": "python3 learn.py hint", "patience": run.patience,
             "place": _place(run.file, run.line), "raised": "", "message": ""}  # fmt: skip
    if run.ending == "timeout":
        return _say("endless", facts)
    if run.ending == "died":
        return _say("died", facts)
    facts |= {"place": _place(row["file"], row["line"]), "raised": row["raised"],
              "message": row["message"].splitlines()[0] if row["message"] else ""}  # fmt: skip
    if row["outcome"] == "not-written":
        return _say("not-written", facts)
    known = _known_mistake(topic, run.rows, row)
    if known:
        return Diagnosis(known["diagnosis"], known.get("name") or name, known["says"], known["try"], True)
    return _say(_by_rule(row), facts)


def failing(rows):
    """key -> what was computed, for every comparison that did not hold; two candidates can be compared by it."""
    found = {}
    for row in rows:
        for seen in row["observations"]:
            if not seen["holds"]:
                found[f"{row['test']}|{seen['given']}|{seen['what']}"] = _rounded(seen)
        if row["outcome"] in ("error", "not-written") or (row["outcome"] == "fail" and not row["observations"]):
            found[f"{row['test']}||"] = "!" + row["raised"]
    return found


def agreement(observed, signature, tests):
    """How well two sets of wrong numbers agree, from 0 to 1, over the tests that were run."""
    signature = {key: got for key, got in signature.items() if key.split("|")[0] in tests}
    keys = observed.keys() | signature.keys()
    same = sum(observed.get(key) == signature.get(key) for key in keys)
    return same / len(keys) if keys else 0.0


def _known_mistake(topic, rows, first):
    path = topic.folder / "signatures.json"
    if not path.exists():
        return None
    observed, tests = failing(rows), {row["test"] for row in rows}
    at_first = failing([first])
    best, best_score = None, 0.0
    for entry in json.loads(path.read_text(encoding="utf-8")):
        # The smallest failing probe is the best witness: there the numbers must be the same, all of them.
        if any(entry["failing"].get(key) != got for key, got in at_first.items()):
            continue
        score = agreement(observed, entry["failing"], tests)
        if score > best_score:
            best, best_score = entry, score
    return best if best_score >= ENOUGH else None


def _by_rule(row):
    if row["raised"] == "RecursionError":
        return "recursion"
    if row["raised"] == "OverflowError":
        return "overflow"
    if "NoneType" in row["message"]:
        return "missing-return"
    wrong = [seen for seen in row["observations"] if not seen["holds"]]
    if row["outcome"] == "error":
        return "constant" if "'int' object" in row["message"] or "'float' object" in row["message"] else "raised"
    if not wrong:
        return "unknown"
    seen = wrong[0]
    if seen["raised"] == "NotANumber":
        return "kind"
    if not isinstance(seen["expected"], float):  # a cost, not a number
        return "unknown"
    if seen["aim"] == "value":
        return "sign" if _same(seen["got"], -seen["expected"]) else "value"
    if all(_same(other["got"], 0.0) for other in wrong):
        return "links"
    if _same(seen["got"], -seen["expected"]):
        return "sign"
    return "unknown"


def _same(got, expected):
    return isinstance(got, (int, float)) and math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)


def _rounded(seen):
    if seen["raised"]:
        return "!" + seen["raised"]
    got = seen["got"]
    return float(f"{got:.9g}") if isinstance(got, float) and math.isfinite(got) else str(got)


def _place(file, line):
    return f"line {line}" if line else "the place where it ran"


def _say(id, facts):
    cause, action = SENTENCES[id]
    return Diagnosis(id, facts["name"], cause.format(**facts), action.format(**facts))
