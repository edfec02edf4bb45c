"""For the notebooks: judge what stands in their cells, lend what is not written yet, play a graph step by step.

check("06", "neuron")          the tests of one step, on what you wrote in this notebook, and the likely mistake
hint("06", "neuron")           the next hint about a name; each gives away more
use("06", "ManualMLP")         yours if all its checks here passed, else a finished one
play("a*b + a", a=2, b=-3)     a page that goes forward and backward through a graph, one step at a time
keep("06")                     what you wrote here, as a file of workspace/; one that is there stays as it is
peak_memory()                  how much memory this notebook has needed so far, in MB
"""

import dataclasses
import html
import re

from utils.course import cells, checking, hinting, texts
from utils.course.catalog import STATE, catalog
from utils.course.loading import load_candidate

_passed = {}  # (topic number, step id) -> whether its last check here passed
_hints = {}  # (topic number, name) -> how many were shown
_told = {}  # (topic number, name) -> whose it was when it was last said


def check(topic, step, written=None):
    """Judge one step of a topic on the cells run so far (or on the texts `written`), and print what was found."""
    topic = catalog().topic(topic)
    step = next((one for one in topic.steps if one.id == step), None) or _unknown(topic, step)
    written = _cells() if written is None else written
    from scripts import screen

    if not cells.is_written(topic, step, written):
        _passed[topic.number, step.id] = False
        screen.out(screen.wrapped(f":|  {step.title}: not written yet. Fill in the cell, and run it again."))
        return
    path = _candidate_file(topic, written)
    verdict = checking.check(topic, path, level=step.level, asked=(step,), steps=(step,))
    _passed[topic.number, step.id] = verdict.verdict == "pass"
    if verdict.verdict == "broken":
        screen.out(["This is a mistake of the course, not yours:", verdict.broken])
        return
    if verdict.verdict == "pass":
        screen.out([f":)  {step.title}: {screen.tests(verdict.passed)}."])
        return
    screen.out([f":(  {step.title}", "", *screen.failure_lines(_said_here(topic, verdict))])


def hint(topic, name):
    """Print the next hint about a name of a topic."""
    topic = catalog().topic(topic)
    rungs = hinting.ladder(topic, name)
    if not rungs:
        print(f"There is no hint about {name}. Hints are about: {', '.join(sorted(hinting.headings(topic)))}.")
        return
    place = min(_hints.get((topic.number, name), 0), len(rungs) - 1)
    _hints[topic.number, name] = place + 1
    last = " (the last one)" if place == len(rungs) - 1 else ""
    print(f"About {name}, hint {place + 1} of {len(rungs)}{last}\n\n{texts.for_terminal(rungs[place])}")


def use(topic, name):
    """What a topic's name stands for: yours where every check of it in this notebook passed, else level 3's."""
    topic = catalog().topic(topic)
    steps = {step.id for step in topic.steps for about in step.about if about.split(".")[0] == name}
    verdicts = [passed for (number, step), passed in _passed.items() if number == topic.number and step in steps]
    yours = bool(verdicts) and all(verdicts)
    if _told.get((topic.number, name)) != yours:
        _told[topic.number, name] = yours
        print(f"{name}: yours." if yours else f"{name}: a finished one, until the checks of yours pass.")
    return getattr(load_candidate(_candidate_file(topic, _cells()) if yours else topic.solution(3)), name)


def keep(topic):
    """Save what this notebook's cells hold of a topic to workspace/, unless there is a file of it already."""
    topic = catalog().topic(topic)
    path, written = topic.workspace_file, _cells()
    if not any(cells.is_written(topic, step, written) for step in topic.steps):
        print("Nothing is written here yet, so there is nothing to keep.")
        return
    if path.exists():
        print(f"workspace/{path.name} is there already and stays as it is.")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(cells.candidate_source(topic, written), encoding="utf-8")
    print(f"Saved as workspace/{path.name}. Go on there: python3 learn.py check {topic.number}")


def play(program, value=None, **inputs):
    """A page that plays forward and backward through `program`, on the class `value` or a finished engine.

    Inputs are numbers, or nested lists for a class of tensors.
    """
    from utils import autograd_stub
    from utils.pictures import recording, steps

    arrays = any(hasattr(given, "__len__") for given in inputs.values())
    engine = value or getattr(autograd_stub, "Tensor" if arrays else "Value")
    record = recording.record(engine, program, inputs, arrays)
    record.root.backward()
    return _Page(*steps.trace_of(record, "your engine" if value else "a finished engine"))


def peak_memory():
    """The most memory this process has held at any time, in MB."""
    try:
        # Linux. getrusage would not do there: it begins with what the process that started this one held.
        with open("/proc/self/status", encoding="ascii") as stream:
            return int(re.search(r"VmHWM:\s*(\d+)", stream.read())[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows, where a kernel brings psutil along
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS


class _Page:
    """A trace, as a page in a frame of its own in a notebook, as sentences elsewhere."""

    def __init__(self, trace, graph):
        self.trace, self.graph = trace, graph

    def __str__(self):
        return "\n".join(step["say"] for step in self.trace["steps"])

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        from utils.pictures import steps

        page = html.escape(steps.page(self.trace, self.graph), quote=True)
        frame = f'<iframe sandbox="allow-scripts" srcdoc="{page}" width="100%" height="760" style="border:0"></iframe>'
        return {"text/html": frame, "text/plain": str(self)}


def _cells():
    """The sources of the cells run so far, of the notebook that asks; none outside of one."""
    from IPython import get_ipython

    shell = get_ipython()
    return list(shell.user_ns.get("In", ())) if shell else []


def _candidate_file(topic, written):
    path = STATE / "notebook" / f"{topic.module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(cells.candidate_source(topic, written), encoding="utf-8")
    return path


def _said_here(topic, verdict):
    """A verdict in the words of a notebook: no file and line, since there are only cells, and calls for commands."""
    about = verdict.row["about"] if verdict.row else verdict.diagnosis.name
    call = f'hint("{topic.number}", "{about}")'
    action = verdict.diagnosis.action.replace("python3 learn.py hint", call).replace(f"{topic.module}.py", "your cell")
    diagnosis = dataclasses.replace(verdict.diagnosis, action=action)
    page = call if about in hinting.headings(topic) else verdict.hint
    return dataclasses.replace(verdict, file="", line=0, hint=page, diagnosis=diagnosis)


def _unknown(topic, step):
    known = ", ".join(one.id for one in topic.steps)
    raise ValueError(f"Topic {topic.number} has no step {step!r}; it has {known}.")
