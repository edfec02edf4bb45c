"""What a learner hands in, in one archive: the files, what they are worth by the course's account, what is borrowed.

The event log goes along only if the learner says so. Nothing in the archive is believed by whoever grades it: files are
run again, and what the learner's own computer found out is shown beside that.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass

from utils.course import catalog as places
from utils.course import events, ownership, progress
from utils.course.state import read

WHEN = (1980, 1, 1, 0, 0, 0)  # equal work makes equal archives


@dataclass(frozen=True)
class Handed:
    """An archive, and what it holds: the numbers of its topics, and those that are borrowed."""

    content: bytes
    topics: tuple
    borrowed: tuple
    events: int


def pack(name="", log=False):
    """The Handed of this learner. Raises CatalogError without a file in workspace/."""
    topics = [topic for topic in places.catalog().ready if topic.workspace_file.is_file()]
    if not topics:
        raise places.CatalogError("There is nothing in workspace/ to hand in yet. Begin: python3 learn.py start")
    lines = events.events() if log else []
    told = {"format": 1, "course": places.catalog().title, "name": name, "files": {}, "verdicts": {}, "borrowed": []}
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for topic in topics:
            content = topic.workspace_file.read_bytes()
            place = f"workspace/{topic.workspace_file.name}"
            _add(archive, place, content)
            states, current = progress.states(topic)
            told["files"][place] = hashlib.sha256(content).hexdigest()
            told["verdicts"][topic.number] = {
                "steps": states, "of this very file": current,
                "whose": ownership.verdict(topic, topic.workspace_file).word,
            }  # fmt: skip
        for path in sorted((places.WORKSPACE / "hunt").glob("*")):  # mended files, and which bugs were drawn
            if path.is_file() and path.suffix in (".py", ".json"):
                content, place = path.read_bytes(), f"workspace/hunt/{path.name}"
                _add(archive, place, content)
                told["files"][place] = hashlib.sha256(content).hexdigest()
        lent = {number for number in progress.skipped_topics() if places.catalog().topic(number).exports}
        told["borrowed"] = sorted(
            lent | {number for number, verdict in told["verdicts"].items() if verdict["whose"] != "own"}
        )
        catch = read("catch")
        if catch:  # the line-up is this learner's own, so the expressions can be judged again
            told["catch"] = {"seed": catch.get("seed"), "caught": catch.get("caught", {})}
        if log:
            _add(archive, "events.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        _add(archive, "submission.json", json.dumps(told, indent=1).encode())
    return Handed(memory.getvalue(), tuple(topic.number for topic in topics), tuple(told["borrowed"]), len(lines))


def _add(archive, place, content):
    entry = zipfile.ZipInfo(place, WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
