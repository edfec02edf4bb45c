"""What has been reached, kept in .learn/: verdicts that know which file they are about, choices, and hints shown.

Everything here can be computed again (`python3 learn.py check --all`); a missing or broken file is an empty one. A
verdict whose key does not match the file as it is now is *stale*, never *done*.
"""

import hashlib
import time

from utils.course import catalog as places
from utils.course import snapshots
from utils.course.state import Changed, atomically, read, updated, write  # noqa: F401  (one door to .learn/ for the scripts)

snapshot = snapshots.keep
ENOUGH_EQUAL = 3  # equal failures after which help is offered
ENOUGH_SECONDS = 45 * 60  # of work without a new step that holds
LONGEST_PAUSE = 10 * 60  # between two checks; what lies beyond it is no work
JUDGES = ("judging.py", "expressions.py", "reporting.py", "contract.py")


def key_of(topic, path):
    """A hash of everything a verdict depends on: the file, the tests, the judging, the engines it runs on."""
    digest = hashlib.sha256()
    tests = sorted(file for file in topic.tests.iterdir() if file.is_file())
    cases = sorted((places.WORKSPACE / "hunt").glob("*")) if topic.kind == "hunt" else ()
    for file in [path, topic.skeleton, *tests, *cases, *(places.ROOT / "utils" / "course" / name for name in JUDGES)]:
        digest.update(file.read_bytes() if file.exists() else b"missing")
        digest.update(b"\0")
    slugs = {other.number: other.slug for other in places.catalog().topics}
    digest.update(repr([(number, engine(slugs[number])) for number in topic.needs]).encode())
    return digest.hexdigest()[:16]


def record(topic, path, states, stumbled="", *, key=None, failure=""):
    """Keep the states of steps ("pass", "fail", "not judged") that a check found, and the name it stumbled on.

    `key` is key_of before the check: if the file was saved while it ran, the verdict is stale at once. `failure`
    names what failed; equal ones in a row are counted.
    """
    key, now = key or key_of(topic, path), time.time()
    with updated("progress") as data:
        entry = data.setdefault(topic.number, {})
        same_file = entry.get("key") == key
        before = entry.get("steps", {}) if same_file else _demoted(entry.get("steps", {}))
        _count_equal(entry, failure, same_file)
        _count_work(entry, before, states, now)
        entry.update(key=key, steps=before | states, stumbled=stumbled, when=now)


def _count_equal(entry, failure, same_file):
    if not failure or entry.get("failure") != failure:
        entry.update(failure=failure, equal=1 if failure else 0)
    elif not same_file:  # the same file again is no new attempt
        entry["equal"] = entry.get("equal", 1) + 1


def _count_work(entry, before, states, now):
    """Seconds of work since a step was reached that had never held before."""
    new = any(state == "pass" and before.get(id) not in ("pass", "stale") for id, state in states.items())
    pause = min(max(0.0, now - entry.get("when", now)), LONGEST_PAUSE)
    entry["worked"] = 0.0 if new else entry.get("worked", 0.0) + pause


def stuck(topic):
    """Why help is to be offered now: "equal" failures in a row, "long" without a new step, or "" for neither."""
    entry = read("progress").get(topic.number, {})
    if entry.get("equal", 0) and entry["equal"] % ENOUGH_EQUAL == 0:  # not at every check from then on
        return "equal"
    return "long" if entry.get("failure") and entry.get("worked", 0.0) >= ENOUGH_SECONDS else ""


def forget(topic):
    """Every step of a topic is open again."""
    with updated("progress") as data:
        data.pop(topic.number, None)


def states(topic):
    """(step id -> "pass", "fail", …; whether they are about the learner's file as it is now)."""
    entry = read("progress").get(topic.number, {})
    current = topic.workspace_file.exists() and entry.get("key") == key_of(topic, topic.workspace_file)
    return entry.get("steps", {}), current


def first_open(catalog):
    """The first step on the road that has not passed, or None at the end of the road; what was skipped is passed over.

    Whoever has begun a topic ahead of the road, and was at it last, goes on from there. A stale pass still says where
    the learner was; the next check judges it again.
    """
    data, skipped = read("progress"), skipped_topics()
    open_steps = [(place, step) for place, step in enumerate(catalog.road)
                  if step.topic not in skipped and _state(data, step) not in ("pass", "stale")]  # fmt: skip
    if not open_steps:
        return None
    begun = topic_edited_last(catalog)
    ahead = begun and begun.number not in skipped
    start = next((place for place, step in enumerate(catalog.road) if ahead and step.topic == begun.number), 0)
    return next((step for place, step in open_steps if place >= start), open_steps[0][1])


def here(catalog):
    """The step at which the learner is, or None at the end of the road.

    That is the first open step on the road; but whoever has begun a topic further on, and not touched the road's own
    file since, is there.
    """
    step = first_open(catalog)
    if step is None:
        return None
    before = {one.topic for one in catalog.road[: catalog.road.index(step) + 1]}
    edited = topic_edited_last(catalog)
    if edited is None or edited.number in before or edited.number in skipped_topics():
        return step
    data = read("progress")
    ahead = (one for one in catalog.road if one.topic == edited.number and _state(data, one) not in ("pass", "stale"))
    return next(ahead, step)


def asked_of(catalog, topic):
    """The steps of a topic that the road has reached: those before the first open step of another topic.

    Of them, those up to the level at which the learner is: a level that is done is a place to stop and look around.
    """
    data, skipped, reached = read("progress"), skipped_topics(), []
    for step in catalog.road:
        if step.topic == topic.number:
            reached.append(step)
        elif step.topic not in skipped and _state(data, step) not in ("pass", "stale"):
            break
    reached = reached or list(topic.steps)  # begun before the road comes to it
    level = next((step.level for step in reached if _state(data, step) not in ("pass", "stale")), 4)
    return tuple(step for step in reached if step.level <= level)


def along_the_road(catalog):
    """(how many steps of the road hold or held once, how many there are), without the open ones of skipped topics."""
    data, skipped = read("progress"), skipped_topics()
    held = [_state(data, step) in ("pass", "stale") for step in catalog.road]
    road = [holds for step, holds in zip(catalog.road, held, strict=True) if holds or step.topic not in skipped]
    return sum(road), len(road)


def first_open_in(topic):
    """The first step of a topic that has not passed, on the road or off it; None if there is none."""
    known, _ = states(topic)
    return next((step for step in topic.steps if known.get(step.id) not in ("pass", "stale")), None)


def topic_at_hand(catalog):
    """The topic that a bare `check` means: the file edited last since its verdict, else where the learner is."""
    edited = [t for t in catalog.ready if t.workspace_file.exists() and not states(t)[1]]
    if edited:
        return max(edited, key=lambda topic: topic.workspace_file.stat().st_mtime)
    step = here(catalog)
    return catalog.topic(step.topic) if step else None


def topic_meant(catalog, name):
    """The topic of this name, or without one the topic at hand. Raises CatalogError where there is none."""
    topic = catalog.topic(name) if name else topic_at_hand(catalog)
    if topic is None:
        raise places.CatalogError("Every step of the road holds. Say which topic you mean, such as 02.")
    return topic


def topic_edited_last(catalog):
    """The topic whose file in workspace/ was saved last, or None without any file."""
    there = [topic for topic in catalog.ready if topic.workspace_file.exists()]
    return max(there, key=lambda topic: topic.workspace_file.stat().st_mtime, default=None)


def skipped_topics():
    """number -> the return ticket of each skipped topic."""
    return read("settings").get("skipped", {})


def engine(slug):
    """What utils.engine gives for a topic: "stub" or "mine"."""
    return read("settings").get("engines", {}).get(slug, "stub")


def start(source, target):
    """Copy `source` to `target` unless there is a file already; True if it was copied."""
    if target.exists():
        return False
    content = source.read_bytes()
    try:
        atomically(target, content, still=lambda: not target.exists())
    except Changed:
        return False
    if source.name == "skeleton.py":
        atomically(places.STATE / "skeletons" / target.name, content)  # `update` says what a newer one has changed
    return True


def is_open(step):
    """Has a step never held?"""
    return _state(read("progress"), step) not in ("pass", "stale")


def _state(data, step):
    return data.get(step.topic, {}).get("steps", {}).get(step.id)


def _demoted(steps):
    # Passed once, with another version of the file: the place on the road stays, the claim does not.
    return {id: "stale" if state in ("pass", "stale") else "open" for id, state in steps.items()}
