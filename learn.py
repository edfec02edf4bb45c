"""The one front door: `python3 learn.py` says where you are, `python3 learn.py COMMAND` does something about it.

This file runs under any Python, so it uses no new syntax and no packages. It sees to it that the course's environment
is there (scripts/environment.py), then hands over to scripts/.
"""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))


def main(arguments):
    if sys.version_info < (3, 11):
        print("This course needs Python 3.11 or newer; this is Python %d.%d." % sys.version_info[:2])
        print("Get a newer one from https://www.python.org/downloads and start this again with it.")
        return 2
    # Whatever the current folder holds, `utils` and `scripts` are the course's.
    sys.path.insert(0, ROOT)
    from scripts import environment

    try:
        if not environment.is_ready():
            environment.set_up()
        if not arguments:
            from scripts import status

            return status.show_quickly()
        if environment.is_current():
            from scripts.__main__ import dispatch

            return dispatch(arguments)
        return environment.hand_over([os.path.join(ROOT, "learn.py")] + arguments)
    except environment.Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost; the same command goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is no mistake.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
