"""The only module that knows where files lie: it reads topics/catalog.toml and answers with paths."""

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOPICS = ROOT / "topics"
HOME = Path(os.environ.get("COURSE_HOME", ROOT))  # where the learner's own files are; tests put it elsewhere
WORKSPACE = HOME / "workspace"
STATE = HOME / ".learn"
HINTS = ROOT / "hints"

LEVELS = (1, 2, 3, 4)
TOPIC_KEYS = {
    "number", "slug", "module", "kind", "status", "title", "part", "needs", "minutes", "difficulty", "exports", "step",
}  # fmt: skip
STEP_KEYS = {"id", "level", "title", "minutes", "needs", "about", "after"}


class CatalogError(Exception):
    """topics/catalog.toml, or a name given by a person, does not fit the catalogue."""


@dataclass(frozen=True)
class Step:
    """One piece of a topic, 5 to 25 minutes: a few names at one level, with their own tests."""

    topic: str
    id: str
    level: int
    title: str
    minutes: int
    needs: tuple
    about: tuple
    after: str = ""  # what to do once it holds, where that is more than to go on

    @property
    def address(self):
        return f"{self.topic}.{self.id}"


@dataclass(frozen=True)
class Topic:
    """One topic: its entry in the catalogue and the places of its files."""

    number: str
    slug: str
    module: str
    kind: str
    status: str
    title: str
    part: str
    needs: tuple
    minutes: int
    difficulty: str
    exports: tuple
    steps: tuple

    @property
    def folder(self):
        return TOPICS / f"{self.number}-{self.slug}"

    @property
    def skeleton(self):
        return self.folder / "skeleton.py"

    @property
    def tests(self):
        return self.folder / "tests"

    @property
    def workspace_file(self):
        """Where the learner writes this topic."""
        return WORKSPACE / f"{self.module}.py"

    @property
    def workspace_notes(self):
        """Where the learner's own notes on this topic stand."""
        return WORKSPACE / f"{self.module}-notes.md"

    @property
    def levels(self):
        """The levels that have steps, in order."""
        return tuple(sorted({step.level for step in self.steps}))

    def steps_of(self, level):
        return tuple(step for step in self.steps if step.level == level)

    def step(self, id):
        return next(step for step in self.steps if step.id == id)

    def names_upto(self, level):
        """The skeleton's names that are asked for at this level and below."""
        return tuple(dict.fromkeys(name for step in self.steps if step.level <= level for name in step.about))

    def solution(self, level):
        """The file of a level. Raises CatalogError if it is missing."""
        found = sorted((self.folder / "solutions").glob(f"level{level:02}-*.py"))
        if len(found) != 1:
            raise CatalogError(f"Topic {self.number} has {len(found)} files for level {level}; one is needed.")
        return found[0]

    def candidate_path(self, candidate):
        """The file behind `mine`, `stub`, `skeleton`, `level01`…`level04`, `further/NAME` or a path.

        Raises CatalogError for any other text.
        """
        if candidate == "mine":
            return self.workspace_file
        if candidate == "skeleton":
            return self.skeleton
        if candidate == "stub":
            return self.solution(3)  # the stub hands out level 3; that the two agree is tested in tests/
        if candidate.startswith("level") and candidate[5:].isdigit():
            return self.solution(int(candidate[5:]))
        if candidate.startswith("further/"):
            return self.folder / "solutions" / f"{candidate}.py"
        path = Path(candidate)
        if path.suffix == ".py" or path.exists():
            return path.resolve()
        raise CatalogError(
            f"There is no candidate {candidate!r}: give mine, stub, skeleton, level01 to level04, or a file."
        )


@dataclass(frozen=True, eq=False)  # there is one of it; it is the key of a cache below
class Catalog:
    """All topics, and the road through their steps."""

    title: str
    url: str
    topics: tuple
    road: tuple

    @property
    def ready(self):
        return tuple(topic for topic in self.topics if topic.status == "ready")

    def topic(self, text):
        """The ready topic that a person means by its number, slug, module or folder name.

        Raises CatalogError with the nearest names otherwise.
        """
        wanted = str(text).strip().strip("/").removeprefix("topics/").removeprefix("workspace/").removesuffix(".py")
        for topic in self.topics:
            if wanted in (topic.number, topic.number.lstrip("0"), topic.slug, topic.module, topic.folder.name) or (
                wanted.isdigit() and int(wanted) == int(topic.number)
            ):
                if topic.status != "ready":
                    raise CatalogError(f"Topic {topic.number}, {topic.title}, is planned and not here yet.")
                return topic
        near = self._near(wanted.lower())
        here = ", ".join(topic.number for topic in self.ready)
        raise CatalogError(
            f"There is no topic {wanted!r}. " + (f"Did you mean {near}?" if near else f"The topics here are {here}.")
        )

    def _near(self, wanted):
        """The topics whose name holds a word, or is nearly it, such as "05 (mlp-and-initialization)"; or ""."""
        import difflib  # here, since nearly all commands come to no such question and need not wait for it

        known = {topic.slug: topic for topic in self.ready}
        found = [slug for slug, topic in known.items() if len(wanted) > 2 and wanted in f"{slug} {topic.title.lower()}"]
        found = found or difflib.get_close_matches(wanted, known, 3, 0.6)
        return " or ".join(f"{known[slug].number} ({slug})" for slug in found)

    def topic_of_file(self, path):
        """The topic whose folder holds `path`, or None."""
        return _topic_of_file(self, str(path))


@cache  # asked several times for each test
def _topic_of_file(catalog, path):
    return next((topic for topic in catalog.ready if topic.folder in Path(path).resolve().parents), None)


@cache
def catalog():
    """The catalogue, read once. Raises CatalogError where topics/catalog.toml is not as it should be."""
    return parse((TOPICS / "catalog.toml").read_text(encoding="utf-8"))


def parse(text):
    """A Catalog from the text of catalog.toml. Raises CatalogError naming the entry and the key that is off."""
    data = tomllib.loads(text)
    if data.get("schema") != 1:
        raise CatalogError("topics/catalog.toml must say schema = 1.")
    topics = tuple(_topic(entry) for entry in data["topic"])
    steps = {step.address: step for topic in topics for step in topic.steps}
    ready = {topic.number for topic in topics if topic.status == "ready"}
    # A step on the road whose topic is not written yet is passed over.
    road = tuple(steps[address] for address in data["first_path"] if address in steps and address[:2] in ready)
    return Catalog(data["course"]["title"], data["course"]["url"], topics, road)


def _topic(entry):
    label = f"topic {entry.get('number', '?')} in topics/catalog.toml"
    _check_keys(label, entry, TOPIC_KEYS, optional={"exports", "step"})
    steps = tuple(_step(label, entry["number"], step) for step in entry.get("step", ()))
    known = set()
    for step in steps:
        for need in step.needs:
            if need not in known:
                raise CatalogError(f"Step {step.id} of {label} needs {need!r}, which is no earlier step.")
        known.add(step.id)
    fields = {key: entry[key] for key in TOPIC_KEYS - {"step", "needs", "exports"}}
    return Topic(**fields, needs=tuple(entry["needs"]), exports=tuple(entry.get("exports", ())), steps=steps)


def _step(label, number, entry):
    _check_keys(f"step {entry.get('id', '?')} of {label}", entry, STEP_KEYS, optional={"after"})
    if entry["level"] not in LEVELS:
        raise CatalogError(f"Step {entry['id']} of {label} has level {entry['level']}; levels are 1 to 4.")
    return Step(number, entry["id"], entry["level"], entry["title"], entry["minutes"],
                tuple(entry["needs"]), tuple(entry["about"]), entry.get("after", ""))  # fmt: skip


def _check_keys(label, entry, keys, optional):
    unknown, missing = set(entry) - keys, keys - set(entry) - set(optional)
    if unknown or missing:
        problem = f"does not know {sorted(unknown)}" if unknown else f"lacks {sorted(missing)}"
        raise CatalogError(f"The entry of {label} {problem}.")
