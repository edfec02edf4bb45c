"""In the sandbox: load a submission, put the case programs of one level to it, write the answers to a pipe.

From the moment the submission is loaded this process belongs to it: it may have replaced any function here. So what is
written is not believed; it is compared, outside, with numbers that were never here.
"""

import json
import os
import signal

from utils.course.loading import load_candidate
from utils.grading import cases as asking
from utils.grading.cases import Draw, cases_in, flat, seed_for


class OutOfTime(BaseException):
    """One case has computed for too long. No Exception, so that `except Exception` does not swallow it."""


def answer(module, job, source, write):
    """Write one line of JSON for each case of a level: [name, "answers", numbers] or [name, what happened, words]."""

    def say(*words):
        write(json.dumps(words).encode() + b"\n")

    path = os.path.join(job["folder"], job["name"])
    try:
        with open(path, "wb") as stream:
            stream.write(source)
        candidate = load_candidate(path)
    except BaseException as error:  # SystemExit, too
        say("", "raised", _words(error))
        return
    signal.signal(signal.SIGPROF, _out_of_time)
    for one in cases_in(module, job["level"], job["alone"]):
        try:
            signal.setitimer(signal.ITIMER_PROF, one.seconds)
            try:
                numbers = flat(one.ask(candidate, Draw(seed_for(one, job["seed"]), one.name)))
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except asking.NoNumber as error:
            say(one.name, "no number", _words(error))
        except NotImplementedError as error:
            say(one.name, "not written", _words(error))
        except OutOfTime:
            say(one.name, "too slow", f"more than {one.seconds:g} seconds of computing")
        except BaseException as error:
            say(one.name, "raised", _words(error))
        else:
            say(one.name, "answers", numbers)


def _out_of_time(number, frame):
    raise OutOfTime


def _words(error):
    try:
        return f"{type(error).__name__}: {error}"[:200]
    except BaseException:
        return "an exception that cannot be shown"
