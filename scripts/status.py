"""Where the learner is, and the one next command. Kept ready in .learn/status.json, so that asking costs nothing."""

import json
import os

from scripts.environment import ROOT

MEMO = os.path.join(os.environ.get("COURSE_HOME", ROOT), ".learn", "status.json")


def show_quickly():
    """Print the status, from the memo where it still holds; exit code 0."""
    if os.environ.get("COURSE_PLAIN", "") not in ("", "0"):
        return show(plain=True)
    memo = _read()
    if memo is None or memo["course"] != _stamp([os.path.join(ROOT, "topics", "catalog.toml")]):
        memo = remember()
    work = _stamp(memo["files"])
    if any(memo["work"][n] != work[n] for n, file in enumerate(memo["files"]) if file != memo["here"]):
        memo = remember()  # another file was saved: the learner may be elsewhere now
    changed = memo["work"] != work
    print(memo["changed" if changed else "unchanged"])
    return 0


def show(plain):
    """Print the status as it is now; exit code 0."""
    from scripts import screen
    from utils.course import progress
    from utils.course.catalog import catalog

    print("\n".join(lines(screen, progress, catalog(), changed=False, plain=plain)))
    return 0


def remember():
    """Compute the status and keep it, with what it depends on; where nothing can be written, it is only returned."""
    from scripts import screen
    from utils.course import progress
    from utils.course.catalog import TOPICS, catalog

    files = [str(topic.workspace_file) for topic in catalog().ready]
    texts = {
        name: "\n".join(lines(screen, progress, catalog(), changed=changed))
        for name, changed in (("unchanged", False), ("changed", True))
    }
    step = progress.here(catalog())
    file = str(catalog().topic(step.topic).workspace_file) if step else ""
    memo = {
        "course": _stamp([str(TOPICS / "catalog.toml")]),
        "files": files,
        "work": _stamp(files),
        "here": file,
        **texts,
    }
    try:
        progress.write("status", memo)
    except OSError:
        pass
    return memo


def lines(screen, progress, catalog, *, changed, plain=False):
    """The status screen; `changed`: the learner's file is not the one that was checked last."""
    step, skipped = progress.here(catalog), progress.skipped_topics()
    done, _ = progress.along_the_road(catalog)
    left = sum(one.minutes for one in catalog.road if one.topic not in skipped and progress.is_open(one))
    reached = screen.road_bar(catalog, plain)
    text = [catalog.title, "", f"{reached}, {screen.duration(left)} to go"]
    for number, ticket in skipped.items():
        text.append(f"{screen.left_behind(catalog.topic(number))}: Topic {number}. To come back: {ticket['back']}")
    text.append("")
    if step is None:
        return [*text, "You have reached the end of the road: every step holds.", "", "Next: python3 learn.py list"]
    topic = catalog.topic(step.topic)
    text += screen.row("Here", f"Topic {topic.number}, {topic.title}")
    text += screen.row("Step", f"{step.title} (level {step.level}, {step.minutes} min)")
    if not topic.workspace_file.exists():
        if not done:
            text += ["", *screen.wrapped("Nothing is written yet, so every test fails now. That is the start.")]
        return [*text, "", f"Next: python3 learn.py start {topic.number}"]
    known, current = progress.states(topic)
    text += screen.row("File", screen.relative(topic.workspace_file))
    if (changed or not current) and step.level < 4:
        return [*text, "", "Next: python3 learn.py check"]
    if known.get(step.id) == "fail":
        return [*text, "", f"The last check failed here. Edit the file, then: {screen.check_command(step)}"]
    return [*text, "", "Next: python3 learn.py task"]


def _read():
    try:
        with open(MEMO, encoding="utf-8") as stream:
            memo = json.load(stream)
        return memo if {"course", "files", "work", "here", "changed", "unchanged"} <= set(memo) else None
    except (OSError, ValueError):
        return None


def _stamp(paths):
    stamp = []
    for path in paths:
        try:
            found = os.stat(path)
            stamp.append([found.st_mtime_ns, found.st_size])
        except OSError:
            stamp.append(None)
    return stamp
