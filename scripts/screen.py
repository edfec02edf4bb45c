"""How things look: lines of at most 80 columns, color only as an addition, nothing that a screen reader cannot say."""

import os
import re
import sys
import textwrap
import time
from pathlib import Path

from utils.course.catalog import HOME, ROOT
from utils.course.judging import show, show_both

WIDTH = 80
# A command with its options, numbers of topics and names of the skeleton: it stands on one line, to be copied.
COMMAND = re.compile(r"python3 learn\.py(?: [a-z]+)?(?: (?:--?[a-z-]+|\d[\w.]*\b|[A-Z]\w*\.\w+))*")
SIGNS = {"pass": (":)", "pass", "32"), "fail": (":(", "fail", "31"), "not judged": (":|", "not judged", "2")}


def add_plain(parser):
    words = "words instead of signs and color; with COURSE_PLAIN=1 in the environment, always"
    parser.add_argument("--plain", action="store_true", help=words)


def left_behind(topic):
    """What a skipped topic is: one that lends something is borrowed, the others only wait."""
    return "Borrowed" if topic.exports else "Left for later"


def way_out(topic):
    """What `skip` is offered for."""
    return (
        "borrow a finished engine, go on, and come back later"
        if topic.exports
        else "go on, nothing later imports this, and come back when you like"
    )


def is_plain(arguments=None):
    return getattr(arguments, "plain", False) or os.environ.get("COURSE_PLAIN", "") not in ("", "0")


def out(lines):
    """Print lines, whatever the terminal's encoding can show."""
    text = "\n".join(lines)
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def wrapped(text, indent=0, first=""):
    """A paragraph as lines of at most 80 columns; commands are not broken."""
    space = " " * indent
    lines = []
    for paragraph in COMMAND.sub(lambda match: match[0].replace(" ", "\0"), text).splitlines() or [""]:
        lines += textwrap.wrap(paragraph, WIDTH, initial_indent=first or space, subsequent_indent=space,
                               break_long_words=False, break_on_hyphens=False) or [""]  # fmt: skip
        first = ""
    return [line.replace("\0", " ") for line in lines]


def row(label, text):
    """`label` in a narrow column and a text beside it."""
    return wrapped(text, 10, f"{label:<10}")


def relative(path):
    """A path as a learner would type it."""
    for folder in (ROOT, HOME):
        try:
            return Path(path).resolve().relative_to(folder).as_posix()
        except ValueError:
            continue
    return str(path)


def check_command(step):
    """What to type to have a step judged; level 4 is asked for by name, because it needs PyTorch."""
    return f"python3 learn.py check {step.topic} --level 4" if step.level == 4 else "python3 learn.py check"


def duration(minutes):
    """70 as "1 h 10 min"."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"


def moment(when):
    """A time of today as "14:05:09", any other as "2026-03-14 14:05"."""
    then = time.localtime(when)
    same_day = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", then)


def bar(done, total, width=30):
    """A progress bar in plain characters."""
    filled = round(width * done / total) if total else 0
    return "[" + "#" * filled + "." * (width - filled) + "]"


def road_bar(catalog, plain):
    """The progress bar over the road: how many of its steps hold, or held once."""
    from utils.course import progress

    done, total = progress.along_the_road(catalog)
    words = f"{done} of {total} steps"
    return words if plain else f"{bar(done, total)} {words}"


def tests(count):
    """3 as "3 tests hold"."""
    return f"{count} tests hold" if count != 1 else "1 test holds"


def step_lines(steps, states, plain):
    """One line for each step: its sign, its title, and what it waits for."""
    titles = {step.id: step.title for step in steps}
    lines = []
    for step in steps:
        state = states.get(step.id, "not judged")
        sign, word, color = SIGNS[state]
        head = f"  {word:<10}  " if plain else f"  {_colored(sign, color)}  "
        waits = ""
        if state == "not judged":
            blockers = [titles[need] for need in step.needs if states.get(need) != "pass" and need in titles]
            waits = f"   waits for: {blockers[0]}" if blockers else "   not reached"
        if len(step.title) + len(waits) + (14 if plain else 6) > WIDTH:
            waits = "   waits"
        lines.append(head + step.title + waits)
    return lines


def verdict_lines(topic, verdict, path, plain):
    """The screen of a check: the steps, the first failing case as a table, the cause, one thing to do."""
    lines = [*wrapped(f"Topic {topic.number}, {topic.title}: {relative(path)}"), ""]
    shown = [step for step in topic.steps if step.id in verdict.states]
    if verdict.states and not verdict.problem:
        lines += [*step_lines(shown, verdict.states, plain), ""]
    return lines if verdict.verdict == "pass" else lines + failure_lines(verdict)


def failure_lines(verdict):
    """What failed first, and what is to be done about it."""
    lines = []
    if verdict.problem:
        lines += problem_lines(verdict)
    elif verdict.row:
        lines += [*case_lines(verdict.row), *because_lines(verdict.row), *printed_lines(verdict.row), ""]
    lines += row("Likely", verdict.diagnosis.cause)
    lines += row("Try", verdict.diagnosis.action)
    if verdict.file:
        lines += row("Look at", f"{relative(verdict.file)}:{verdict.line}" if verdict.line else relative(verdict.file))
    if verdict.hint not in verdict.diagnosis.action:
        lines += row("More", verdict.hint)
    return [*lines, f"[{verdict.diagnosis.id}]"]


def problem_lines(verdict):
    """The line that Python cannot read, with a caret."""
    problem = verdict.problem
    if not problem.text.strip():
        return []
    text = problem.text[: WIDTH - 6]
    lines = [f"{problem.line:>5} {text}"]
    if 0 < problem.column <= len(text) + 1:
        lines.append(" " * (5 + problem.column) + "^")
    return [*lines, ""]


def because_lines(failure):
    """The exception with which it began, where the learner's code has put another one in its place."""
    because = failure.get("because", "")
    return wrapped(f"because of {because.splitlines()[0]}", 4) if because else []


def printed_lines(failure, most=5):
    """The last lines that the learner's own code printed in the failing test."""
    printed = failure.get("printed", "").rstrip().splitlines()[-most:]
    return ["", "Your code printed:", *(f"  {line[: WIDTH - 2]}" for line in printed)] if printed else []


def case_lines(failure, whose="yours"):
    """The first failing case: what was asked, and a table of yours beside expected."""
    seen = failure["observations"]
    wrong = next((one for one in seen if not one["holds"]), None)
    if wrong is None:
        return wrapped(failure["message"].splitlines()[0] if failure["message"] else failure["sentence"])
    case = [one for one in seen if one["given"] == wrong["given"]]
    if len(case) > 6:  # a long table: what is wrong is what counts
        case = [one for one in case if not one["holds"]][:6]
    wide = max(12, *(len(one["what"]) for one in case))
    lines = wrapped(wrong["given"]) if wrong["given"] else []
    if wide > 40 or any(len(show(one["expected"])) > 14 for one in case):  # no room for columns
        for one in [one for one in case if not one["holds"]]:
            lines += wrapped(one["what"], 2, "  ")
            yours, expected = show_both(one["got"], one["expected"])
            lines += wrapped(yours, 15, f"    {whose:<10} ")
            lines += wrapped(expected, 15, "    expected   ")
        return lines
    lines.append(f"  {'':<{wide}}  {whose:>14}  {'expected':>14}")
    for one in case:
        mark = "" if one["holds"] else "   <-"
        yours, expected = show_both(one["got"], one["expected"]) if mark else (show(one["got"]), show(one["expected"]))
        if len(yours) > 14 and not isinstance(
            one["got"], float
        ):  # an exception, or an object: below the table, in full
            lines.append(f"  {one['what']:<{wide}}  {'see below':>14}  {expected:>14}{mark}")
            lines += wrapped(yours, 4)
        else:
            lines.append(f"  {one['what']:<{wide}}  {yours:>14}  {expected:>14}{mark}")
    return lines


def _colored(text, color):
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{color}m{text}\033[0m"
