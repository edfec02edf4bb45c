"""Sixteen engines, one mistake in each: type expressions until every wrong one has given itself away.

python3 learn.py catch "a*b + a" a=2 b=-3
"""

import secrets

from scripts import screen
from utils.course import catches, catching, hinting, progress
from utils.course.catalog import CatalogError, catalog
from utils.course.expressions import NotAnExpression


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", default="02", help="a topic with an engine; without it, 02")
    parser.add_argument("expression", nargs="?", help='such as "a*b + a", or "c = a + b; c * a"')
    parser.add_argument("points", nargs="*", metavar="NAME=NUMBER", help="such as a=2 b=-3")
    parser.add_argument("--new", action="store_true", help="a new line-up of engines")


def run(arguments):
    words = [word for word in (arguments.topic, arguments.expression, *arguments.points) if word]
    # The topic may be left out: what is no number of a topic is the expression.
    topic = catalog().topic(words.pop(0) if words and words[0].isdigit() else "02")
    if not catching.catchable(topic):
        raise CatalogError(f"Topic {topic.number} has no engines to catch; Topic 02 has.")
    with progress.updated("catch") as state:
        if arguments.new or "seed" not in state:
            state.clear()
            state.update(seed=secrets.randbelow(10**9), caught={})
    suspects = catching.line_up(topic, state["seed"])
    if not words:
        screen.out(overview(suspects, state["caught"]))
        return 0
    return throw(topic, suspects, state["caught"], words[0], words[1:])


def throw(topic, suspects, caught, program, points):
    """Run one expression on every engine that is still at large, and show what it brought."""
    try:
        inputs = catches.parse_points(points, program)
        found = catching.evidence(topic, [one for one in suspects if one.letter not in caught], program, inputs)
    except (NotAnExpression, ValueError) as error:
        raise CatalogError(str(error)) from None
    line = catches.line_of(program, inputs)
    if not found:
        screen.out([f"{line}: no engine that is still at large gets this wrong.", "", *overview(suspects, caught)])
        return 1
    with progress.updated("catch") as state:
        state.setdefault("caught", {}).update({one.letter: line for one in found})
        caught = state["caught"]
    catches.keep(line)
    mutants = {one.letter: one.mutant for one in suspects}
    text = [line, ""]
    for one in found:
        text += screen.wrapped(f"{one.words}.", 6, f"  {one.letter}   ")
        text += screen.wrapped(mutants[one.letter].says, 6)
        page = hinting.page(mutants[one.letter].diagnosis)
        text += screen.wrapped(f"Read: hints/{page.name}", 6) if page else []
    screen.out([*text, "", *overview(suspects, caught)])
    return 0


def overview(suspects, caught):
    """Who is still at large, and what to type next."""
    at_large = [one.letter for one in suspects if one.letter not in caught]
    text = [f"Caught {len(suspects) - len(at_large)} of {len(suspects)}."]
    if not at_large:
        text += screen.wrapped(
            "All of them. Your expressions are in workspace/catches.txt, and from now on `check` runs them on your own "
            "engine too. Topic 39 begins with them: at most ten that still give away everybody. "
            "Next: python3 learn.py start 39"
        )
        return [*text, *screen.wrapped("Another line-up: python3 learn.py catch --new")]
    text += [f"Still at large: {' '.join(at_large)}", ""]
    if not caught:
        text += screen.wrapped(
            "Each of these engines computes like a Value and has one mistake. It is in an operation, in the way back, "
            "with numbers, or with a value that is used twice. Type an expression and its point. Those that get the "
            "value or a gradient wrong are caught."
        )
        text.append("")
    return [*text, 'Next: python3 learn.py catch "a*b + a" a=2 b=-3']
