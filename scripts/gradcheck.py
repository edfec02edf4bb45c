"""Check the gradients of a function of your own: FILE.py:FUNCTION, with plain numbers in and out."""

import json
from pathlib import Path

from scripts import screen
from utils.course.catalog import CatalogError
from utils.course.running import ask

SECONDS = 30.0
EXIT = {"pass": 0, "fail": 1, "undecided": 1, "error": 1, "usage": 2}


def add_arguments(parser):
    parser.add_argument("function", metavar="FILE:FUNCTION", help="such as my.py:loss, for `def loss(w, x): …`")
    parser.add_argument("--at", metavar="NUMBERS", help="such as 2,-3; without it, at three points of its own")


def run(arguments):
    file, colon, function = arguments.function.rpartition(":")
    if not colon or not Path(file).is_file():
        raise CatalogError("Give a file and a function in it, such as python3 learn.py gradcheck my.py:loss")
    try:
        numbers = [float(part) for part in arguments.at.split(",")] if arguments.at else []
    except ValueError:
        raise CatalogError("After --at come numbers with commas between them, such as --at 2,-3") from None
    text = ask("utils.course.own_function", str(Path(file).resolve()), function, json.dumps(numbers), seconds=SECONDS)
    if not text:
        screen.out([f"{function} did not come to an end within {SECONDS:g} seconds, or it stopped Python."])
        return 4
    verdict, report = json.loads(text)
    screen.out([report])
    return EXIT[verdict]
