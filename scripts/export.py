"""Put your files, your progress and your history into one file."""

from pathlib import Path

from scripts import screen
from utils.course import carrying
from utils.course.catalog import CatalogError
from utils.course.state import atomically


def add_arguments(parser):
    parser.add_argument("file", nargs="?", type=Path, default=Path("my-autograd-course.zip"))
    parser.add_argument("--force", action="store_true", help="in the place of a file that is there")


def run(arguments):
    if arguments.file.exists() and not arguments.force:
        raise CatalogError(f"There is a file {arguments.file} already. Name another one, or add --force.")
    atomically(arguments.file.resolve(), carrying.pack())
    screen.out([f"Everything of yours is in {arguments.file}.",
                f"On the other machine: python3 learn.py import {arguments.file.name}"])  # fmt: skip
    return 0
