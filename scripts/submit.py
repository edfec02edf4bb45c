"""Put what you hand in into one file: your code, what holds, what is borrowed."""

from pathlib import Path

from scripts import screen
from utils.course import submitting
from utils.course.catalog import CatalogError
from utils.course.state import atomically


def add_arguments(parser):
    parser.add_argument("file", nargs="?", type=Path, default=Path("submission.zip"))
    parser.add_argument("--name", default="", help="your name, as your teacher knows it")
    parser.add_argument("--log", action="store_true", help="the event log goes along: your checks and hints")
    parser.add_argument("--force", action="store_true", help="in the place of a file that is there")


def run(arguments):
    if arguments.file.exists() and not arguments.force:
        raise CatalogError(f"There is a file {arguments.file} already. Name another one, or add --force.")
    handed = submitting.pack(arguments.name, arguments.log)
    atomically(arguments.file.resolve(), handed.content)
    text = f"{arguments.file} is ready to be handed in. It holds your files for Topic {', '.join(handed.topics)}"
    text += f", and {handed.events} lines of your event log." if arguments.log else "; your event log is not in it."
    lines = screen.wrapped(text)
    if handed.borrowed:
        words = f"Topic {', '.join(handed.borrowed)} is named as borrowed. That is no failure; to make it your own:"
        lines += ["", *screen.wrapped(words), f"  python3 learn.py own {handed.borrowed[0]}"]
    screen.out([*lines, "", *screen.wrapped("What is in it, word for word: submission.json, inside the file.")])
    return 0
