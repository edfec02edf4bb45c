"""The subcommands of learn.py, in the order of --help; each is a module of its own, imported when it is asked for."""

import argparse
import difflib
import importlib
import sys
import traceback

from scripts import screen, status
from scripts.environment import Trouble
from utils.course.catalog import STATE, CatalogError
from utils.course.state import Busy

COMMANDS = (
    "start", "predict", "task", "check", "watch", "why", "hint", "list", "show", "diff", "review", "skip", "own", "run",
    "catch", "hunt", "draw", "step", "lab", "gradcheck", "reset", "undo", "history", "doctor", "update", "export",
    "import", "submit", "selftest",
)  # fmt: skip


def dispatch(arguments):
    """Run one subcommand; its exit code: 0 pass, 1 fail, 2 usage, 3 our fault, 4 time limit."""
    name = arguments[0]
    if name == "help":
        arguments, name = ["--help"], "--help"
    if not name.startswith("-") and name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1, 0.6)
        print(f"There is no command {name!r}." + (f" Did you mean {near[0]}?" if near else ""), file=sys.stderr)
        print("All commands: python3 learn.py --help", file=sys.stderr)
        return 2
    modules = {command: importlib.import_module(f"scripts.{command}") for command in (
        [name] if name in COMMANDS else COMMANDS)}  # fmt: skip
    parser = argparse.ArgumentParser(
        prog="python3 learn.py",
        description="Without a command: where you are, and the one next thing to type.",
    )
    screen.add_plain(parser)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    for command, module in modules.items():
        summary = module.__doc__.splitlines()[0]
        of_command = commands.add_parser(command, help=summary, description=summary)
        module.add_arguments(of_command)
        screen.add_plain(of_command)
    parsed = parser.parse_args(arguments)
    try:
        return modules[parsed.command].run(parsed) if parsed.command else status.show(screen.is_plain(parsed))
    except (CatalogError, Trouble) as error:
        print(error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Busy:
        print("Another command of the course is still at work. Wait for it, then try again.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"The system refused: {error.strerror or error} ({error.filename or 'no file named'}).", file=sys.stderr)
        print("Free some disk space, or make the folder writable, then run the same command again.", file=sys.stderr)
        return 2
    except Exception:
        return our_fault(traceback.format_exc())


def our_fault(report):
    """Say that the mistake is the course's, keep the report, return exit code 3."""
    STATE.mkdir(parents=True, exist_ok=True)
    path = STATE / "last-error.txt"
    path.write_text(report, encoding="utf-8")
    print(f"This is a mistake of the course, not yours. The report is in {path}.", file=sys.stderr)
    print("Your files are untouched. Please send the report to whoever gave you the course.", file=sys.stderr)
    return 3
