"""One check from beginning to end: contract, tests, states of the steps, diagnosis, hint. Returns a Verdict."""

from dataclasses import dataclass, replace

from utils.course import contract, hinting, running
from utils.course.diagnosis import Diagnosis, diagnose


@dataclass(frozen=True)
class Verdict:
    """What a check found, ready to be shown or turned into JSON."""

    topic: str
    level: int
    verdict: str  # pass, fail, error (it cannot be loaded, or it raised) or timeout
    passed: int  # tests
    failed: int
    not_judged: int
    states: dict  # step id -> "pass", "fail" or "not judged"
    row: dict | None = None  # the first failing test
    problem: contract.Problem | None = None
    diagnosis: Diagnosis | None = None
    hint: str = ""
    file: str = ""  # where to look
    line: int = 0
    seconds: float = 0.0
    broken: str = ""  # what the harness printed when the mistake is ours

    def as_json(self):
        """The object that `check --json` prints; other programs build on it."""
        failure = {}
        if self.row:
            wrong = next((seen for seen in self.row["observations"] if not seen["holds"]), {})
            failure = {
                "test": self.row["test"], "step": self.row["step"], "name": self.row["about"],
                "what": wrong.get("what", ""), "given": wrong.get("given", ""), "expected": wrong.get("expected"),
                "got": wrong.get("got"), "message": self.row["message"], "file": self.file, "line": self.line,
            }  # fmt: skip
        elif self.problem:
            failure = {"test": "", "step": "", "name": self.problem.name, "message": self.problem.seen,
                       "file": self.file, "line": self.problem.line}  # fmt: skip
        diagnosis = self.diagnosis
        return {
            "topic": self.topic, "level": self.level, "verdict": self.verdict, "passed": self.passed,
            "failed": self.failed, "not_judged": self.not_judged, "steps": self.states, "first_failure": failure,
            "diagnosis": {"id": diagnosis.id, "name": diagnosis.name, "hint": self.hint} if diagnosis else {},
        }  # fmt: skip


def check(topic, path, *, level=None, upto=None, asked=None, **how):
    """The Verdict on the file at `path`: for one level, for all up to one, or upwards to the first that fails.

    Without either, level 4 is left out: it needs PyTorch, and is asked for by name. `asked` limits the judgement to
    some of the topic's steps: what comes later on the road is not asked for yet. `how`: see running.run.
    """
    asked = topic.steps if asked is None else asked
    if level or upto:
        return _judge(topic, path, asked, level=level, upto=upto, **how)
    levels = sorted({step.level for step in asked} - {4})
    flawed = next((number for number in levels if contract.problem_of(topic, path, number)), None)
    below = [number for number in levels if flawed is None or number < flawed]
    verdict = None
    if below:  # one process for all of them: it stops by itself above the first level that fails
        run = running.run(topic, path, upto=below[-1], steps=asked, upward=True, **how)
        for highest in below:
            verdict = judge_rows(topic, path, asked, _upto(topic, run, highest), upto=highest)
            if verdict.verdict != "pass":
                return verdict
    return _judge(topic, path, asked, upto=flawed) if flawed else verdict


def _upto(topic, run, level):
    """The run as it would have ended without the levels above `level`."""
    stopped_in = (run.running or {}).get("step")
    above = any(step.id == stopped_in and step.level > level for step in topic.steps)
    return replace(run, ending="done") if above and run.ending in ("timeout", "died") else run


def _judge(topic, path, asked, *, level=None, upto=None, **how):
    problem = contract.problem_of(topic, path, level or upto)
    if problem:
        states = {step.id: "not judged" for step in _steps(asked, level, upto)}
        return Verdict(topic.number, level or upto, "error", 0, 0, 0, states, problem=problem,
                       diagnosis=Diagnosis(problem.id, problem.name, problem.seen, problem.action),
                       hint=_hint(topic, problem.name, problem.id), file=str(path), line=problem.line)  # fmt: skip
    run = running.run(topic, path, level=level, upto=upto, **how)
    return judge_rows(topic, path, asked, run, level=level, upto=upto)


def judge_rows(topic, path, asked, run, *, level=None, upto=None):
    """The Verdict on what a Run of the file at `path` brought."""
    if run.ending == "broken":
        return Verdict(topic.number, level or upto, "broken", 0, 0, 0, {}, broken=run.output)
    steps = _steps(asked, level, upto)
    chosen = {step.id for step in steps}
    rows = [row for row in run.rows if row["step"] in chosen]
    states = judge_steps(steps, rows, run)
    first = _first_failing(steps, rows, states)
    judged = {step.id for step in steps if states[step.id] != "not judged"}
    passed = sum(row["outcome"] == "pass" for row in rows)
    failed = sum(row["outcome"] != "pass" and row["step"] in judged for row in rows)
    common = {
        "states": states, "passed": passed, "failed": failed, "not_judged": len(rows) - passed - failed,
        "seconds": sum(row["seconds"] for row in rows),
    }  # fmt: skip
    if run.ending == "done" and first is None:
        return Verdict(topic.number, level or upto, "pass", **common)
    # A run that was stopped says so only if nothing failed before the place where it stopped.
    if run.ending != "done" and first and steps.index(topic.step(first["step"])) < _stopping_place(topic, steps, run):
        run = replace(run, ending="done")
    elif run.ending != "done":
        first = None
    diagnosis = diagnose(topic, run, first, path)
    word = {"timeout": "timeout", "died": "error"}.get(run.ending)
    word = word or ("error" if first["outcome"] == "error" else "fail")
    lowest = next((step.level for step in steps if states[step.id] != "pass"), level or upto)
    file, line = (first["file"], first["line"]) if first else (run.file, run.line)
    if not line and diagnosis.name:
        file, line = str(path), line_of(path, diagnosis.name)
    return Verdict(topic.number, lowest, word, **common, row=first,
                   diagnosis=diagnosis, hint=_hint(topic, diagnosis.name, diagnosis.id),
                   file=file, line=line)  # fmt: skip


def _steps(asked, level, upto):
    return [step for step in asked if (step.level == level if level else step.level <= upto)]


def _stopping_place(topic, steps, run):
    """The index of the step whose test was running when the run was stopped; beyond the end if it is not asked for."""
    ids = [step.id for step in steps]
    stopped_in = (run.running or {}).get("step")
    return ids.index(stopped_in) if stopped_in in ids else len(ids)


def judge_steps(steps, rows, run):
    """step id -> "pass", "fail" or "not judged": a step is judged only if what it needs holds."""
    states = {}
    stopped_in = (run.running or {}).get("step") if run.ending in ("timeout", "died") else None
    chosen = {step.id for step in steps}
    for step in steps:
        own = [row for row in rows if row["step"] == step.id]
        if any(states.get(need) != "pass" for need in step.needs if need in chosen):
            states[step.id] = "not judged"
        elif step.id == stopped_in or any(row["outcome"] != "pass" for row in own):
            states[step.id] = "fail"
        else:
            states[step.id] = "pass" if own else "not judged"
    return states


def line_of(path, name):
    """The line on which a name of the skeleton is defined in a file, 0 if it is not."""
    tree, _ = contract.read(path)
    signature = contract.definitions(tree).get(name) if tree else None
    if signature:
        return signature.line
    return next((node.lineno for node in tree.body if getattr(node, "name", "") == name), 0) if tree else 0


def _first_failing(steps, rows, states):
    for step in steps:
        if states[step.id] == "fail":
            own = [row for row in rows if row["step"] == step.id and row["outcome"] != "pass"]
            # A wrong answer says more than a missing one; within a kind, the tests stand from small to large.
            return min(own, key=lambda row: row["outcome"] == "not-written", default=None)
    return None


def _hint(topic, name, id):
    page = hinting.page(id)
    if page:
        return f"hints/{page.name}"
    return f"python3 learn.py hint {name}" if name in hinting.headings(topic) else "python3 learn.py task"
