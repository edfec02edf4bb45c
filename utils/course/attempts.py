"""An attempt: the learner's own file is judged, a copy of it is kept, and what came of it is remembered.

`check` and `watch` make attempts; `why`, `hint` and `history` read what they left. That nothing can be written (a full
disk, a folder without rights) never keeps a verdict from being shown.
"""

from dataclasses import asdict, dataclass

from utils.course import events, progress, snapshots
from utils.course.checking import check
from utils.course.state import read, write

MOST_OBSERVATIONS = 40  # of the failing case, kept for `why`


@dataclass(frozen=True)
class Attempt:
    """A Verdict with the key of what was judged, and the first thing that could not be kept, in words."""

    verdict: object
    key: str
    digest: str  # of the file, as in its copy's name
    trouble: str = ""


@dataclass(frozen=True)
class Remembered:
    """What an attempt changed: whether help is to be offered, and the first thing that could not be kept."""

    stuck: str  # see progress.stuck
    trouble: str


def judge(topic, *, asked=None, level=None, upto=None, **how):
    """The Attempt at the learner's file of a topic; a copy is kept first. `asked`, `how`: see checking.check."""
    path, trouble = topic.workspace_file, ""
    try:
        snapshots.keep(path)
    except OSError as error:
        trouble = f"No copy of your file was kept: {error.strerror or error}."
    key = progress.key_of(topic, path)
    verdict = check(topic, path, level=level, upto=upto, asked=asked, **how)
    return Attempt(verdict, key, snapshots.digest_of(path.read_bytes()), trouble)


def remember(topic, attempt):
    """Keep what an Attempt found, in the progress, for `why`, and in the event log; a Remembered."""
    verdict, stuck, trouble = attempt.verdict, "", attempt.trouble
    diagnosis = verdict.diagnosis
    failed_at = f"{verdict.row['test'] if verdict.row else ''}:{diagnosis.id}" if diagnosis else ""
    try:
        progress.record(topic, topic.workspace_file, verdict.states, diagnosis.name if diagnosis else "",
                        key=attempt.key, failure=failed_at)  # fmt: skip
        write("last", {topic.number: {"key": attempt.key, **_kept(verdict)}} | {
            number: old for number, old in read("last").items() if number != topic.number})  # fmt: skip
        stuck = progress.stuck(topic)
    except OSError as error:
        trouble = trouble or f"The result was not kept: {error.strerror or error}."
    events.note(
        "check", topic=topic.number, level=verdict.level, file=attempt.digest, verdict=verdict.verdict,
        passed=verdict.passed, failed=verdict.failed, seconds=round(verdict.seconds, 2),
        steps=sum(state == "pass" for state in (progress.states(topic)[0] | verdict.states).values()),
        diagnosis=diagnosis.id if diagnosis else "", name=diagnosis.name if diagnosis else "",
    )  # fmt: skip
    return Remembered(stuck, trouble)


def last(topic):
    """What the last attempt at a topic found, as a dict, if it was about the file as it is now; else {}."""
    found = read("last").get(topic.number, {})
    path = topic.workspace_file
    return found if path.exists() and found.get("key") == progress.key_of(topic, path) else {}


def _kept(verdict):
    row = dict(verdict.row) if verdict.row else None
    if row:
        wrong = next((seen for seen in row["observations"] if not seen["holds"]), None)
        case = [seen for seen in row["observations"] if wrong and seen["given"] == wrong["given"]]
        row["observations"] = case[:MOST_OBSERVATIONS]
    return {
        "verdict": verdict.verdict, "level": verdict.level, "row": row, "file": verdict.file, "line": verdict.line,
        "problem": asdict(verdict.problem) if verdict.problem else None, "hint": verdict.hint,
        "diagnosis": asdict(verdict.diagnosis) if verdict.diagnosis else None,
    }  # fmt: skip
