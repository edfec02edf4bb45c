"""Judge your file at every save, until you press q."""

import time
from argparse import Namespace

from scripts import environment, hint, screen, status, task
from scripts.__main__ import our_fault
from utils.course import predictions, progress
from utils.course.catalog import CatalogError, catalog
from utils.course.keys import Keys
from utils.course.watching import POLL, Watch

KEYS = (("n", "next step"), ("h", "hint"), ("w", "why"), ("s", "what the step asks"), ("c", "check"), ("q", "quit"))
SOON = 0.3  # seconds after which it is said that a check is running


class Quit(Exception):
    """The learner pressed q."""


def add_arguments(parser):
    parser.add_argument("topic", nargs="?", help="such as 02; without it, where you are on the road")


def run(arguments):
    chosen = catalog().topic(arguments.topic) if arguments.topic else None
    step = progress.first_open_in(chosen) or chosen.steps[-1] if chosen else progress.here(catalog())
    if step is None:
        raise CatalogError("You have reached the end of the road. To watch a topic: python3 learn.py watch 02")
    if step.level == 4:
        environment.ensure_torch()
    watch = Watch(catalog(), step, chosen)
    try:
        with Keys() as keys:
            return _Loop(watch, keys, arguments).run()
    finally:
        watch.close()


class _Loop:
    """What is shown, and what each key does."""

    def __init__(self, watch, keys, arguments):
        self.watch, self.keys, self.arguments = watch, keys, arguments
        self.hinted = False  # the last key was h: pressed again, it is the next hint that is wanted

    def run(self):
        self.open()
        self.check()
        try:
            while True:
                key = self.keys.pressed(POLL)
                if self.watch.saved():
                    self.check()
                elif key:
                    self.act(key)
        except Quit:
            screen.out(["", "Stopped watching. Where you are: python3 learn.py"])
            return 0

    def open(self):
        where = screen.relative(self.watch.topic.workspace_file)
        how = "Keys" if self.keys.single else "Keys, each with Enter"
        screen.out([
            f"Watching {where}. Save it, and it is judged.", *screen.row("Step", self.watch.step.title),
            *screen.wrapped(f"{how}: " + ", ".join(f"{key} {word}" for key, word in KEYS)),
        ])  # fmt: skip

    def check(self):
        """Judge the file and show what came of it."""
        self.hinted, started, said = False, time.monotonic(), []

        def meanwhile():
            if self.keys.pressed(0) == "q":
                raise Quit
            if not said and time.monotonic() - started > SOON:
                said.append(screen.out(["checking ..."]))

        attempt = self.watch.judge(meanwhile)
        verdict = attempt.verdict
        if verdict.verdict == "broken":
            our_fault(verdict.broken)
            return
        screen.out(["", *self.verdict_lines(verdict)])
        screen.out(self.closing_lines(verdict, self.watch.remember(attempt)))
        # Nobody waits for the rest.
        self.watch.prepare()
        status.remember()

    def verdict_lines(self, verdict):
        plain, states = screen.is_plain(self.arguments), verdict.states
        held = [step for step in self.watch.asked if states.get(step.id) == "pass"]
        rest = [step for step in self.watch.asked if step.id in states and step not in held]
        lines = [f"{screen.moment(time.time())}  {screen.relative(self.watch.topic.workspace_file)}"]
        if held and not verdict.problem:
            title = held[-1].title if len(held) == 1 else f"{len(held)} steps, the last one: {held[-1].title}"
            lines += [line.replace(held[-1].title, title) for line in screen.step_lines(held[-1:], states, plain)]
        if not verdict.problem:
            lines += screen.step_lines(rest, states, plain)
        return lines if verdict.verdict == "pass" else [*lines, "", *screen.failure_lines(verdict)]

    def closing_lines(self, verdict, remembered):
        """What can be done now, and the progress bar over the road."""
        following, lines = self.watch.next_step(), []
        if verdict.verdict == "pass" and following:
            lines += screen.wrapped(f"{screen.tests(verdict.passed)}. Press n for the next step: {following.title}.")
        elif verdict.verdict == "pass":
            lines.append(f"{screen.tests(verdict.passed)}, and with them every step.")
        elif remembered.stuck:
            lines.append("You have been here for a while. Press h for a hint; once more for the next one.")
        offer = predictions.offer(self.watch.topic, following) if verdict.verdict == "pass" and following else ""
        lines += screen.wrapped(offer) if offer else []
        if remembered.trouble:
            lines += screen.wrapped(remembered.trouble)
        return [*lines, screen.road_bar(catalog(), screen.is_plain(self.arguments))]

    def act(self, key):
        """Do what a key stands for."""
        if key == "q":
            raise Quit
        again, self.hinted = self.hinted, key == "h"
        if key == "n":
            self.go_on()
        elif key == "h":
            self.ask(lambda: hint.run(Namespace(name=None, more=again, topic=self.watch.topic.number)))
        elif key == "w":
            from scripts import why

            self.ask(lambda: why.run(Namespace(topic=self.watch.topic.number, plain=self.arguments.plain)))
        elif key == "s":
            self.ask(lambda: task.print_step(self.watch.topic, self.watch.step))
        elif key == "c":
            self.check()
        else:
            screen.out(["Keys: " + ", ".join(f"{key} {word}" for key, word in KEYS)])

    def ask(self, command):
        """Run a command in between; what it refuses is said, and watching goes on."""
        try:
            command()
        except CatalogError as error:
            screen.out([str(error)])

    def go_on(self):
        following = self.watch.next_step()
        if following is None:
            screen.out(["You have reached the end of the road: every step holds."])
        elif following == self.watch.step:
            screen.out([f"This step does not hold yet: {following.title}. Press h for a hint."])
        else:
            if following.level == 4:
                environment.ensure_torch()
            self.watch.stay_at(following)
            screen.out(
                ["", *screen.row("Step", f"{following.title} ({following.minutes} min)"), "Press s for what it asks."]
            )
            self.check()
