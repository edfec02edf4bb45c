"""Run all tests of the course itself: levels, mutants, texts, tools."""

import subprocess
import sys

from scripts import environment
from scripts.environment import ROOT

BESIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")  # a file of tests a process; with -n 0, none


def add_arguments(parser):
    parser.add_argument("pytest_arguments", nargs="*", metavar="ARGUMENT", help="passed on to pytest, after --")


def run(arguments):
    environment.ensure_torch()
    environment.ensure_selftest()
    return subprocess.call([sys.executable, "-m", "pytest", "-q", *BESIDE, *arguments.pytest_arguments], cwd=ROOT)
