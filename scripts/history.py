"""The versions of a file that are kept, with what the checks said about them."""

from scripts import screen
from utils.course import events, progress, snapshots
from utils.course.catalog import CatalogError, catalog

SHOWN = 20


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the file that was saved last")
    parser.add_argument("--all", action="store_true", help=f"every version; without it, the last {SHOWN}")
    parser.add_argument("--log", choices=("on", "off"), help="whether checks, hints and the like are written down")


def run(arguments):
    if arguments.log:
        with progress.updated("settings") as settings:
            settings["events"] = arguments.log == "on"
        screen.out([f"The event log is {arguments.log}. What it holds and where it lies: PRIVACY.md"])
        return 0
    topic = catalog().topic(arguments.topic) if arguments.topic else progress.topic_edited_last(catalog())
    versions = snapshots.versions(topic.workspace_file) if topic else []
    if not versions:
        raise CatalogError("No version is kept yet: each check of a changed file keeps one.")
    said = {event["file"]: event for event in events.events() if event.get("file") and event["event"] == "check"}
    present = snapshots.present(topic.workspace_file)
    text = [f"{screen.relative(topic.workspace_file)}, oldest first:", ""]
    for number, version in list(enumerate(versions, 1))[0 if arguments.all else -SHOWN :]:
        lines = len(version.content.splitlines())
        said_here = _said(said.get(version.digest))
        line = f"{number:>4}  {version.digest[:6]}  {screen.moment(version.when)}  {lines:>4} lines  {said_here}"
        text.append(line.rstrip() + ("   <- now" if version.digest == present else ""))
    if present not in {version.digest for version in versions}:
        text.append("      not kept yet: the file as it is now")
    text += ["", f"To bring one back: python3 learn.py undo {topic.number} --to {len(versions)}"]
    screen.out(text)
    return 0


def _said(event):
    if not event:
        return ""
    steps = f"{event['steps']} steps hold" if event["steps"] != 1 else "1 step holds"
    return steps + (f" [{event['diagnosis']}]" if event.get("diagnosis") else "")
