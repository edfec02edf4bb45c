"""Look for what is wrong around the course, and say what mends it."""

from scripts import screen
from utils.course import doctoring


def add_arguments(parser):
    """It needs none."""


def run(arguments):
    found = doctoring.findings()
    text = []
    for one in found:
        sign = ("fine" if one.fine else "mend") if screen.is_plain(arguments) else (":)" if one.fine else ":(")
        text += screen.wrapped(one.what, 4 + len(sign), f"  {sign}  ")
        text += [] if one.fine else [f"      {one.mend}"]
    wrong = sum(not one.fine for one in found)
    text += ["", "Nothing is wrong." if not wrong else f"{wrong} to mend, each with its command."]
    screen.out(text)
    return 1 if wrong else 0
