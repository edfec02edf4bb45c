"""The process that waits for a run (standby.py): it reads a topic's tests, waits for a job, and does it.

    python -m utils.course.warm TESTS [--copies]

A job is the arguments of pytest and the environment variables, one line of JSON. With --copies there may be many: each
is done by a copy of this process, whose id is the answer; asked for an id, it answers how that copy has ended.
"""

import argparse
import gc
import json
import os
import sys
from contextlib import suppress

import pytest

from utils.course import reporting
from utils.course.running import OPTIONS


def main(tests, *how):
    """Never returns."""
    # pytest puts something else in the place of these two; and what is printed must not be taken for an answer.
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    rehearse(tests)
    plugin = _Opened(given, answers, copies="--copies" in how)
    os._exit(int(pytest.main([tests, *OPTIONS, "--candidate", "stub"], plugins=[plugin])))


def rehearse(tests):
    """Run tests once, so that everything is imported, and expected values are computed."""
    pytest.main([str(tests), *OPTIONS, "--candidate", "stub", "--upto", "2"])  # above, they are too heavy


class _Opened:
    """A plugin that holds a session at its first test until there is a job, and then does that one."""

    def __init__(self, given, answers, *, copies):
        self._given, self._answers, self._copies = given, answers, copies

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session, items):
        if not hasattr(self, "_tests"):
            self._tests = list(items)  # before any are left out

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        gc.collect()
        gc.freeze()  # what is here already is not looked through again when the candidate makes garbage
        arguments, variables = self._first_in_a_copy() if self._copies else self._line()
        self._given.close()
        self._answers.close()
        if self._copies:  # what copies print would be mixed up: they have inherited one and the same temporary file
            capture = session.config.pluginmanager.getplugin("capturemanager")
            capture.stop_global_capturing()
            capture.start_global_capturing()
        os.environ.clear()
        os.environ.update(variables)
        self._choose(session, arguments)

    def _line(self):
        line = self._given.readline()
        if not line:  # whoever wanted something is gone
            os._exit(0)
        return json.loads(line)

    def _first_in_a_copy(self):
        """Answer each line; comes back with its job in each copy."""
        while True:
            asked = self._line()
            if len(asked) == 1:
                ended, status = os.waitpid(asked[0], os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
            else:
                answer = os.fork()
                with suppress(OSError):  # in both, since nobody knows which comes first; it may have ended already
                    os.setpgid(answer, 0)
                if answer == 0:
                    return asked
            self._answers.write(json.dumps(answer).encode() + b"\n")
            self._answers.flush()

    def _choose(self, session, arguments):
        """Make of the session what it would be had it begun with these arguments."""
        config, options = session.config, _options(arguments)
        vars(config.option).update(vars(options))
        for test in self._tests:
            if "candidate" in test.fixturenames:
                test.callspec.params["candidate"] = options.candidate[0]
        session.items[:] = self._tests
        config.hook.pytest_collection_modifyitems(session=session, config=config, items=session.items)
        config.hook.pytest_collection_finish(session=session)
        session.testscollected = len(session.items)
        reporting.open_results(config, options.rows, options.trace_file)


def _options(arguments):
    """The options of a run, of which there are these (see running.arguments)."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--candidate", action="append")
    for name in ("--level", "--upto"):
        parser.add_argument(name, type=int)
    for name in ("--steps", "--patience", "--rows", "--trace-file"):
        parser.add_argument(name)
    parser.add_argument("--upward", action="store_true")
    return parser.parse_known_args(arguments)[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
