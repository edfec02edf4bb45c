"""The same work on a Dask cluster that is there already: each worker keeps a grader, units come back as they are done.

`dask.distributed` is an optional extra: pip install "autograd-written-by-you[dask]". A unit depends on nothing but its
file and its seed, so a worker that dies costs only the units it was at, which Dask gives to another; the ledger takes
each result once.
"""

import socket

from utils.grading import batch, worker

RETRIES = 3
PATIENCE = 8  # seconds for the scheduler to answer
AHEAD = 32  # units that are on their way for each thread of a worker


class NoCluster(ValueError):
    """The cluster cannot be used; the text says why."""


def results(address, units, sources, settings):
    """The results of units, in the order in which the cluster finishes them. Raises NoCluster."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise NoCluster('--scheduler needs dask.distributed: pip install "distributed>=2024"') from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, TimeoutError) as error:
        raise NoCluster(f"No Dask scheduler answers at {address}: {error}") from None
    with client:
        isolation = settings.isolation if settings.isolation != "none" else "namespaces"
        waiting, known = list(reversed(units)), {}

        def send():
            unit = waiting.pop()
            future = client.submit(
                grade_there, unit, sources[unit.content], settings, isolation, batch.fingerprint(), pure=False,
                key=f"grade-{unit.key}", retries=RETRIES,
            )  # fmt: skip
            known[future.key] = unit
            return future

        most = max(1, sum(client.nthreads().values())) * AHEAD
        pool = as_completed([send() for _ in range(min(most, len(waiting)))], raise_errors=False)
        for future in pool:
            unit = known.pop(future.key)
            if future.status == "finished":
                yield future.result()
            else:
                yield batch.given_up(unit, f"the cluster gave it up: {type(future.exception()).__name__}")
            future.release()
            if waiting:
                pool.add(send())


_graders = {}


def grade_there(unit, source, settings, isolation, fingerprint):
    """On a worker: the result of one unit. Raises RuntimeError where the worker has another version of the course."""
    if batch.fingerprint() != fingerprint:
        raise RuntimeError(f"the worker {socket.gethostname()} has another version of the course")
    import os
    import threading

    key = (os.getpid(), threading.get_ident(), isolation)
    if key not in _graders:
        _graders[key] = worker.Grader(isolation, settings.limits, settings.image)
    return batch.grade_unit(_graders[key], unit, source, settings)
