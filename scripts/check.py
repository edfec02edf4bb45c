"""Judge your file: the first level that fails, the first case in it, the likely mistake.

Exit code 0 pass, 1 fail, 2 usage, 3 a mistake of the course, 4 time limit.
"""

import json
from pathlib import Path

from scripts import environment, screen, status
from scripts.__main__ import our_fault
from utils.course import progress
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
    screen.add_plain(parser)


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
    if not arguments.file:
        progress.snapshot(path)
    verdict = check(topic, path, level=arguments.level, upto=arguments.upto, asked=asked or None)
    if verdict.verdict == "broken":
        return our_fault(verdict.broken)
    if not arguments.file:
        progress.record(topic, path, verdict.states, verdict.diagnosis.name if verdict.diagnosis else "")
        status.remember()
    if arguments.json:
        print(json.dumps(verdict.as_json()))
        return EXIT[verdict.verdict]
    screen.out(screen.verdict_lines(topic, verdict, path, screen.is_plain(arguments)))
    if verdict.verdict == "pass":
        screen.out(passed_lines(topic, verdict, own=not arguments.file))
    return EXIT[verdict.verdict]


def check_all(arguments):
    """Judge every topic that has a file; the worst exit code."""
    topics = [topic for topic in catalog().ready if topic.workspace_file.is_file()]
    if not topics:
        raise CatalogError("There is nothing in workspace/ yet. Begin: python3 learn.py start")
    return max(check_one(topic, arguments) for topic in topics)


def passed_lines(topic, verdict, *, own):
    """What was proved, and the next step on the road."""
    lines = [f"{verdict.passed} tests hold, in {verdict.seconds:.1f} s."]
    step = progress.first_open(catalog()) if own else None
    if step:
        where = "" if step.topic == topic.number else f"Topic {step.topic}, "
        lines += ["", *screen.wrapped(f"Next: {where}level {step.level}, {step.title} ({step.minutes} minutes)."),
                  "  python3 learn.py task" if step.topic == topic.number
                  else f"  python3 learn.py start {step.topic}"]  # fmt: skip
    return lines
