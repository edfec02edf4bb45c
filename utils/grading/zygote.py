"""A process that has everything imported, stands in the sandbox already, and forks once for each (submission, level).

Three processes take part in a job. The *zygote* waits for jobs and never runs a submission. Its fork, the *warden*, is
trusted too: it separates processes, keeps the time, counts the bytes that come out, and reports how the submission
ended and what it took. The warden's fork gives up every right and then loads the submission; all it can do to the
outside is to write to one pipe.

    python -m utils.grading.zygote '{"kind": "cases", "topic": "02", ...}'   (started by worker.py)
"""

import gc
import json
import os
import select
import signal
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows, where no zygote is started; receive and send are used by those who would start one
    resource = None


def main(order):
    order = json.loads(order)
    # What anybody prints must not come between the messages.
    jobs, replies = os.dup(0), os.dup(1)
    for number in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    try:
        prepared = _prepare(order)
    except Exception as error:  # whatever it is: whoever asked is told, and chooses another kind of isolation
        send(replies, {"ready": False, "why": f"{type(error).__name__}: {error}"[:400]})
        return
    send(replies, {"ready": True})
    gc.collect()
    gc.freeze()  # what lives now is shared with every fork
    while True:
        job, source = receive(jobs)
        if job is None:  # whoever gave the orders is gone
            return
        warden = os.fork()
        if warden == 0:
            try:
                _warden(replies, order, prepared, job, source)
            finally:
                os._exit(1)
        _, status = os.waitpid(warden, 0)
        if status:
            send(replies, {"ended": "lost", "code": status})


def _prepare(order):
    """Enter the sandbox, then import what jobs need; whatever the kind of job needs to be given."""
    from utils.grading import sandbox

    if order["isolation"] == "namespaces":
        sandbox.enter(sandbox.View(tuple(order["files"]), tuple(order["packages"])))
        sandbox.own_tree()
    if order["kind"] == "tests":
        from utils.grading import feedback

        if order["isolation"] == "namespaces":
            sandbox.own_scratch(sandbox.Limits.file)  # pytest captures into files
            os.environ["TMPDIR"] = sandbox.SCRATCH
        return feedback.prepare(order["topic"])
    if order["kind"] == "look":
        from utils.grading import looking

        return looking.prepare()
    from utils.course.loading import load
    from utils.grading import inside  # noqa: F401

    with suppress(ImportError):
        import numpy.linalg
        import numpy.random  # noqa: F401
    return load(order["cases"], "case_programs")


def _warden(replies, order, prepared, job, source):
    """Start the process that runs the submission, watch it, report; never returns."""
    from utils.grading import sandbox

    limits, namespaces = sandbox.Limits(**job["limits"]), order["isolation"] == "namespaces"
    reading, writing = os.pipe()
    if namespaces:
        sandbox.own_processes()
    else:
        sandbox.adopt_orphans()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            if namespaces:
                sandbox.own_scratch(limits.file)
            os.chdir(job["folder"])
            os.environ.clear()
            os.environ.update(job["environment"])
            sandbox.fence(limits, namespaces=namespaces, keep=(writing,))
            _run(order["kind"], prepared, job, source, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    answers, ended, waited = _listen(child, reading, started + limits.seconds, limits.answer)
    if ended != "exit":
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    _, status, usage = waited or os.wait4(child, 0)
    with suppress(OSError):  # without a PID namespace, what it has started may still be there
        os.killpg(child, signal.SIGKILL)
    if not namespaces:
        sandbox.end_children()
        sandbox.empty(job["folder"])
    cpu = usage.ru_utime + usage.ru_stime
    if ended == "exit" and os.WIFSIGNALED(status):
        ended = "cpu" if cpu >= limits.cpu * 0.8 else "killed"
    unit = 1 if sys.platform == "darwin" else 1024
    report = {"ended": ended, "code": status, "seconds": round(time.monotonic() - started, 4), "cpu": round(cpu, 4),
              "grown": max(0, usage.ru_maxrss - before) * unit}  # fmt: skip
    send(replies, report, answers)
    os._exit(0)


def _listen(child, reading, end, most):
    """(bytes from the pipe; "exit", "time" or "flood": ended, its time is up, it says too much; from wait4, or None).

    Where the system has no handle on a process (macOS), it is asked again and again whether it has ended.
    """
    watch, waited = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None, None
    answers, waiting = b"", [reading] + ([watch] if watch is not None else [])
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return answers, "time", waited
        ready, _, _ = select.select(waiting, [], [], left if watch is not None else min(left, 0.005))
        if watch is None and waited is None:
            found = os.wait4(child, os.WNOHANG)
            waited = found if found[0] else None
        gone = watch in ready if watch is not None else waited is not None
        if reading in ready or (gone and reading in waiting):
            # What it wrote before its end is in the pipe; what something it started writes later does not count.
            while select.select([reading], [], [], 0)[0]:
                piece = os.read(reading, 65536)
                answers += piece
                if not piece:
                    waiting.remove(reading)
                    break
                if len(answers) > most:
                    return answers[:most], "flood", waited
                if not gone:
                    break
        if gone:
            return answers, "exit", waited


def _run(kind, prepared, job, source, writing):
    """What the innermost process does with the submission."""

    def write(line):
        while line:
            line = line[os.write(writing, line) :]

    if kind == "tests":
        from utils.grading import feedback

        feedback.inside(prepared, job, source, write)
    elif kind == "look":
        from utils.grading import looking

        looking.inside(prepared, job, source, write)
    else:
        from utils.grading import inside

        inside.answer(prepared, job, source, write)


def send(handle, message, payload=b""):
    """Write a message, a dict, and bytes that belong to it."""
    text = json.dumps(message).encode()
    data = struct.pack("!II", len(text), len(payload)) + text + payload
    while data:
        data = data[os.write(handle, data) :]


def receive(handle, end=None):
    """(message, payload) as `send` wrote them; (None, b"") where nothing comes any more, or not before `end`."""

    def exactly(count):
        parts, missing = [], count
        while missing:
            if end is not None and not select.select([handle], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            piece = os.read(handle, min(1 << 16, missing))
            if not piece:
                return None
            parts.append(piece)
            missing -= len(piece)
        return b"".join(parts)

    head = exactly(8)
    if head is None:
        return None, b""
    text, payload = (exactly(length) for length in struct.unpack("!II", head))
    return (None, b"") if text is None or payload is None else (json.loads(text), payload)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main(sys.argv[1])
    os._exit(0)
