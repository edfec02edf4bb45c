"""The lessons that are stepped through: entries of a topic's pictures.toml whose names end in .html.

Each has a program and its inputs, a title, and `look`: what to watch, or a number to predict. Finished pages, played on
level 3, lie beside the pictures; `python3 learn.py step NAME` plays the same on the learner's own engine.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from utils.course.catalog import catalog

ENGINES = {False: ("02", "Value"), True: ("08", "Tensor")}  # the topic and the class that play numbers, and arrays


@dataclass(frozen=True)
class Lesson:
    """One program with its inputs, where its finished page lies, and what to look for."""

    name: str
    path: Path
    title: str
    look: str
    program: str
    inputs: dict
    arrays: bool = False

    @property
    def engine(self):
        """The number of the topic whose engine plays it, and the name of its class."""
        return ENGINES[self.arrays]


@cache
def lessons():
    """Name -> Lesson, in the order of the topics."""
    found = {}
    for topic in catalog().ready:
        for file, entry in entries(topic).items():
            if file.endswith(".html"):
                name = file.removesuffix(".html")
                found[name] = Lesson(name, topic.folder / "pictures" / file, **entry)
    return found


def entries(topic):
    """What a topic's pictures.toml says, {} without one."""
    manifest = topic.folder / "pictures.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}


def finished_page(lesson):
    """The page of a lesson, played on level 3."""
    from utils.course.loading import load_candidate
    from utils.pictures import recording, steps

    number, name = lesson.engine
    engine = getattr(load_candidate(catalog().topic(number).solution(3)), name)
    record = recording.record(engine, lesson.program, lesson.inputs, lesson.arrays)
    record.root.backward()
    return steps.page(*steps.trace_of(record, f"level 3 of Topic {number}"), title=lesson.title, look=lesson.look)
