"""The public tests of one level, run in the sandbox: not for the mark, but for the words that the learner knows.

The tests share their process with the submission, so a submission could make them say anything. That is why they decide
nothing where a topic has case programs; where it has none, the report says by what the topic was graded.
"""

import json
import os
import re
from pathlib import Path

from utils.course import checking, contract, running
from utils.course.catalog import catalog

MOST_TEXT = 4000  # characters of the screen


def prepare(number):
    """Import pytest, read the tests of the topic and run them once on a solution; the topic."""
    os.chdir("/")
    from utils.course import warm

    topic = catalog().topic(number)
    warm.rehearse(topic.tests)
    return topic


def inside(topic, job, source, write):
    """In the sandbox: judge a file as `check` does, and write the verdict as one line of JSON."""
    from scripts import screen

    path = Path(job["folder"]) / job["name"]
    path.write_bytes(source)
    level, rows = job["level"], []
    if contract.problem_of(topic, path, level):
        verdict = checking.check(topic, path, level=level)
    else:
        run = running.run(topic, path, level=level, patience=job.get("patience", 8.0), start=Fork)
        verdict = checking.judge_rows(topic, path, topic.steps, run, level=level)
        rows = [[row["test"], row["step"], row["outcome"]] for row in run.rows if row["level"] == level]
    text = "\n".join(screen.verdict_lines(topic, verdict, path, True)).replace(str(path), f"workspace/{path.name}")
    # What a clock has found differs from run to run, and a report that is made again must be the same.
    text = re.sub(r"(?m)^(\s+yours\s+)[\d.e+]+ times$", r"\1more than that", text)
    cause = verdict.diagnosis.cause if verdict.diagnosis else ""
    told = {"verdict": verdict.as_json(), "screen": text[:MOST_TEXT], "tests": rows[:500], "cause": cause}
    write(json.dumps(told).encode() + b"\n")


class Fork:
    """A fork of this process that runs pytest, with the methods of Popen that running.py uses."""

    def __init__(self, command, *, cwd, env, stdout, **_):
        self.returncode = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                import pytest

                os.setsid()
                os.chdir(cwd)
                os.environ.clear()
                os.environ.update(env)
                for stream in (1, 2):
                    os.dup2(stdout.fileno(), stream)
                code = pytest.main(command[3:])
            finally:
                os._exit(code)

    def poll(self):
        if self.returncode is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def read(lines):
    """What `inside` wrote, if it has the form it should have; else None. Nothing in it is trusted."""
    try:
        told = json.loads(lines.split(b"\n")[0])
        verdict = told["verdict"]
        diagnosis = verdict["diagnosis"] or {}
        tests = [(str(test)[:200], str(step)[:40], str(outcome)[:20]) for test, step, outcome in told["tests"]]
        return {
            "verdict": str(verdict["verdict"])[:20],
            "steps": {str(step)[:40]: str(state)[:20] for step, state in dict(verdict["steps"]).items()},
            "first_failure": str((verdict["first_failure"] or {}).get("test", ""))[:200],
            "diagnosis": str(diagnosis.get("id", ""))[:40], "name": str(diagnosis.get("name", ""))[:80],
            "cause": str(told["cause"])[:400], "screen": str(told["screen"])[:MOST_TEXT], "tests": tests,
        }  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
