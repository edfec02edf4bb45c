"""Which kind of isolation this machine offers, tried out and not assumed.

namespaces  Linux namespaces and limits: read-only root, no network, own processes, no rights (sandbox.py)
container   docker or podman with the same limits, where an image of the course is at hand (container.py)
rlimits     a process with limits, as nobody if we are administrator; only with --trust
none        nothing is run, and nothing is graded
"""

import os
from dataclasses import dataclass

from utils.course.catalog import catalog

KINDS = ("namespaces", "container", "rlimits")
SAYS = {
    "namespaces": "Linux namespaces and limits (read-only root, no network, own processes, no rights)",
    "container": "a container for each submission (no network, read-only, no rights, limits)",
    "rlimits": "limits only, because of --trust: files of the account and the network can be reached",
    "none": "none: submissions are not run",
}


@dataclass(frozen=True)
class Found:
    """The kind of isolation to use, and why the stronger ones are not."""

    kind: str
    reasons: tuple = ()


def detect(wanted="auto", *, trust=False, image=""):
    """The Found for this machine: the kind that is wanted, with "auto" the first that works; `trust` allows rlimits."""
    reasons = []
    for kind in KINDS if wanted == "auto" else (wanted,):
        if kind == "rlimits" and not trust:
            reasons.append("rlimits: needs --trust")
            continue
        why = _why_not(kind, image)
        if not why:
            return Found(kind, tuple(reasons))
        reasons.append(f"{kind}: {why}")
    return Found("none", tuple(reasons))


def _why_not(kind, image):
    """ "" if this kind works here: a process is made and a job is run in it."""
    if not hasattr(os, "fork"):
        return "this system cannot copy processes; on Windows, use WSL"
    if kind == "container":
        from utils.grading import container

        why = container.why_not(image)
        if why:
            return why
    from utils.grading import judge, worker

    topic = next(topic for topic in catalog().ready if judge.levels_of(topic))
    try:
        with worker.Grader(kind, image=image) as grader:
            task = worker.Task(topic.number, 1, "probe", "probe")
            result = grader.grade(task, topic.skeleton.read_bytes(), f"{topic.module}.py")
    except (OSError, worker.NotIsolated) as error:
        return str(error)
    told = {case["outcome"] for case in result["cases"]}
    return "" if told == {"not written"} else f"the trial run said {result['ended'] or sorted(told)}"
