"""Judge your file: the first level that fails, the first case in it, the likely mistake.

Exit code 0 pass, 1 fail, 2 usage, 3 a mistake of the course, 4 time limit.
"""

import json
from pathlib import Path

from scripts import environment, screen, status
from scripts.__main__ import our_fault
from utils.course import attempts, predictions, progress
from utils.course.catalog import CatalogError, catalog
from utils.course.checking import check

EXIT = {"pass": 0, "fail": 1, "error": 1, "timeout": 4}


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, where you are on the road")
    parser.add_argument("--file", type=Path, help="judge this file and leave workspace/ alone")
    levels = parser.add_mutually_exclusive_group()
    levels.add_argument("--level", type=int, choices=(1, 2, 3, 4), help="exactly this level")
    levels.add_argument("--upto", type=int, choices=(1, 2, 3, 4), help="this level and all below")
    parser.add_argument("--all", action="store_true", help="every file in workspace/, from the beginning")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the screen")


def run(arguments):
    if arguments.all:
        return check_all(arguments)
    if arguments.topic:
        return check_one(catalog().topic(arguments.topic), arguments)
    topic = progress.topic_at_hand(catalog())
    if topic is None:
        screen.out(["You have reached the end of the road: every step holds."])
        return 0
    # Only what the road has reached; a topic that is left early and finished later does not fail in between.
    asked = progress.asked_of(catalog(), topic)
    return check_one(topic, arguments, None if arguments.level or arguments.upto or arguments.file else asked)


def check_one(topic, arguments, asked=None):
    path = arguments.file.resolve() if arguments.file else topic.workspace_file
    if not path.is_file():
        if arguments.file:
            raise CatalogError(f"There is no file {arguments.file}.")
        raise CatalogError(f"There is no {screen.relative(path)} yet. Make it: python3 learn.py start {topic.number}")
    highest = arguments.level or arguments.upto
    if highest and highest not in topic.levels:
        raise CatalogError(f"Topic {topic.number} has the levels {', '.join(map(str, topic.levels))}.")
    if highest == 4:
        environment.ensure_torch()
    chosen = {"level": arguments.level, "upto": arguments.upto, "asked": asked or None}
    attempt = None if arguments.file else attempts.judge(topic, **chosen)
    verdict = attempt.verdict if attempt else check(topic, path, **chosen)
    if verdict.verdict == "broken":
        return our_fault(verdict.broken)
    remembered = attempts.remember(topic, attempt) if attempt else None
    if attempt:
        status.remember()
    if arguments.json:
        print(json.dumps(verdict.as_json()))
        return EXIT[verdict.verdict]
    screen.out(screen.verdict_lines(topic, verdict, path, screen.is_plain(arguments)))
    if verdict.verdict == "pass":
        screen.out(passed_lines(topic, verdict, own=attempt is not None))
    elif remembered and remembered.stuck:
        screen.out(help_lines(topic, remembered.stuck))
    if remembered and remembered.trouble:
        screen.out(["", *screen.wrapped(remembered.trouble)])
    return EXIT[verdict.verdict]


def help_lines(topic, stuck):
    """An offer for somebody who has been at one place for long."""
    seen = "Three checks have ended at this place." if stuck == "equal" else "This has taken a while."
    return ["", *screen.wrapped(
        f"{seen} The next hint is there: python3 learn.py hint --more\n"
        f"Or {screen.way_out(topic)}: python3 learn.py skip {topic.number}"
    )]  # fmt: skip


def check_all(arguments):
    """Judge every topic that has a file; the worst exit code."""
    topics = [topic for topic in catalog().ready if topic.workspace_file.is_file()]
    if not topics:
        raise CatalogError("There is nothing in workspace/ yet. Begin: python3 learn.py start")
    return max(check_one(topic, arguments) for topic in topics)


def passed_lines(topic, verdict, *, own):
    """What was proved, what to do with it, and the next step on the road."""
    lines = [f"{verdict.passed} tests hold, in {verdict.seconds:.1f} s."]
    step = progress.here(catalog()) if own else None
    if not step:
        return lines
    held = [one for one in topic.steps if one.id in verdict.states]
    later = [one for one in topic.steps if progress.is_open(one)]
    if not later or later[0].level > held[-1].level:
        lines[0] += f" Level {held[-1].level} of Topic {topic.number} is done."
    if held[-1].after:
        lines += ["", *screen.wrapped(held[-1].after)]
    same = step.topic == topic.number
    where = "" if same else f"Topic {step.topic}, "
    lines += ["", *screen.wrapped(f"Next: {where}level {step.level}, {step.title} ({step.minutes} minutes).")]
    begun = same or catalog().topic(step.topic).workspace_file.exists()
    lines.append("  python3 learn.py task" if begun else f"  python3 learn.py start {step.topic}")
    if not same and later and later[0].level > held[-1].level:
        stay = f"python3 learn.py check {topic.number} --level {later[0].level}"
        lines += ["", *screen.wrapped(f"To stay with Topic {topic.number} instead: {stay}")]
    offer = predictions.offer(topic, step)
    return lines + (["", *screen.wrapped(offer)] if offer else [])
