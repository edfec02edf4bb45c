"""Bring in what `export` made; a file of yours that is here already is kept as a version."""

from pathlib import Path

from scripts import screen, status
from utils.course import carrying
from utils.course.catalog import CatalogError


def add_arguments(parser):
    parser.add_argument("file", type=Path)


def run(arguments):
    if not arguments.file.is_file():
        raise CatalogError(f"There is no file {arguments.file}.")
    try:
        brought = carrying.unpack(arguments.file.read_bytes())
    except carrying.NotAnExport as reason:
        raise CatalogError(str(reason)) from None
    status.remember()
    files = len(brought.files)
    screen.out([f"Here now: {files} {'file' if files == 1 else 'files'} of yours, {brought.versions} earlier versions.",
                "Where you are: python3 learn.py"])  # fmt: skip
    return 0
