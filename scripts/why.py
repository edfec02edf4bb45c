"""The failing case of the last check, explained on a dozen lines."""

from scripts import screen
from utils.course import attempts, events, explaining, progress
from utils.course.catalog import CatalogError, catalog

MOST_LINES = 12


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, the file that was saved last")


def run(arguments):
    topic = catalog().topic(arguments.topic) if arguments.topic else progress.topic_edited_last(catalog())
    if topic is None or not topic.workspace_file.is_file():
        raise CatalogError("There is no file in workspace/ yet. Begin: python3 learn.py start")
    last = attempts.last(topic)
    if not last:
        raise CatalogError(f"The file has not been judged as it is now. First: python3 learn.py check {topic.number}")
    events.note("why", topic=topic.number, diagnosis=(last["diagnosis"] or {}).get("id", ""))
    if not last["diagnosis"]:
        screen.out([f"The last check of Topic {topic.number} passed: there is nothing to explain."])
        return 0
    screen.out(lines(explaining.explain(topic, last)))
    return 0


def lines(found):
    """The explanation on at most twelve lines; what does not fit is the table's end, never the cause."""
    head = screen.wrapped(found.given)[:2] if found.given else []
    tail = screen.row("Likely", found.cause) + screen.row("Try", found.action)
    if found.file:
        tail += screen.row("Look at", f"{screen.relative(found.file)}:{found.line}" if found.line else found.file)
    note = screen.wrapped(found.note) if found.note else []
    table = _table(found.lines)
    room = MOST_LINES - len(head) - len(tail) - len(note)
    return head + (table[:room] if room > 1 else []) + (note if room >= 0 else []) + tail


def _table(rows):
    if not rows:
        return []
    wide = max(12, *(len(row.what) for row in rows))
    measured = any(row.measured is not None for row in rows)
    text = [
        f"  {'':<{wide}}  {'yours':>13}  {'expected':>13}"
        + (f"  {'by nudging':>13}" if measured else "")
        + "     ratio"
    ]
    for row in rows:
        cells = [f"{_short(row.yours):>13}", f"{_short(row.expected):>13}"]
        if measured:
            cells.append(f"{'' if row.measured is None else format(row.measured, '.5g'):>13}")
        cells.append(f"{'' if row.ratio is None else format(row.ratio, '.4g'):>8}")
        text.append(f"  {row.what:<{wide}}  {'  '.join(cells)}{'' if row.holds else '  <-'}"[: screen.WIDTH].rstrip())
    return text


def _short(text):
    return text if len(text) <= 13 else text[:10] + "..."
