"""Run a program in the course's environment, on the engine you have chosen."""

import argparse
import subprocess
import sys
from pathlib import Path

from scripts import environment
from utils.course.catalog import CatalogError


def add_arguments(parser):
    parser.add_argument("-i", "--interactive", action="store_true", help="stay in Python afterwards, to try things")
    parser.add_argument("program", type=Path, help="such as the first_fit.py of a topic")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the program")


def run(arguments):
    if not arguments.program.is_file():
        raise CatalogError(f"There is no file {arguments.program}.")
    if "import torch" in arguments.program.read_text(encoding="utf-8", errors="replace"):
        environment.ensure_torch()
    stay = ["-i"] if arguments.interactive else []
    return subprocess.call([sys.executable, *stay, str(arguments.program), *arguments.arguments])
