"""The tensor engine against its peers: python3 benchmarks/tensor.py. What is measured, and how: README.md."""

import argparse
import gc
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import common
import numpy as np
from common import Row
from tensor_engines import ENGINES
from tensor_workloads import WORKLOADS

BY_HAND = "NumPy by hand"
TIMED = ("mlp", "norm", "block", "chain", "tiny")
AT_LEAST = 0.03  # seconds a sample: a short step is repeated


def sample(step, at_least=AT_LEAST):
    """Seconds of one step, on the clock; every library is pinned to one thread, so that the clock counts its work."""
    count, start = 0, time.perf_counter()
    while True:
        step()
        count += 1
        seconds = time.perf_counter() - start
        if seconds > at_least:
            return seconds / count


def prepared(workload, engine):
    """(a function that does one step, what checks it): loss and gradients as the program by hand gives them."""
    loss = workload.on(engine)
    leaves = [engine.leaf(array, i in workload.weights) for i, array in enumerate(workload.parameters)]

    def gradients():
        return [engine.gradient(leaf, i in workload.weights) for i, leaf in enumerate(leaves)]

    return lambda: engine.step(loss, leaves), gradients


def disagreement(workload, step, gradients):
    """The largest difference of a gradient from the one by hand, relative to its array's largest entry."""
    step()
    _, wanted = workload.by_hand()
    return max(float(np.abs(got - by_hand).max() / (np.abs(by_hand).max() + 1e-12))
               for got, by_hand in zip(gradients(), wanted, strict=True))  # fmt: skip


def measure(names, labels, rounds, minutes):
    """times[workload][engine]: seconds, one a round; every engine once in each round. errors[workload][engine]."""
    engines = {label: ENGINES[label]() for label in labels}
    times, errors, began = {}, {}, time.monotonic()
    for name in names:
        workload = WORKLOADS[name]()
        steps, times[name], errors[name] = {BY_HAND: workload.by_hand}, {BY_HAND: []}, {}
        for label, engine in engines.items():
            if label == "blocked" and name != "chain":
                continue
            step, gradients = prepared(workload, engine)
            errors[name][label] = disagreement(workload, step, gradients)
            steps[label], times[name][label] = step, []
        for step in steps.values():
            step()
        gc.collect()
        gc.freeze()  # what the imports brought is nobody's graph: a collection need not look through it
        for number in range(rounds):
            if time.monotonic() - began > 60 * minutes:
                break
            for label, step in steps.items():
                times[name][label].append(sample(step))
            print(f"\r{workload.name}: round {number + 1} of {rounds}   ", end="", file=sys.stderr, flush=True)
        gc.unfreeze()
        print(file=sys.stderr)
    return times, errors


def child_memory(label):
    """The peak of one step of the 32 layers, of what was asked of Python; torch does not ask Python for its memory."""
    import tracemalloc

    step, _ = prepared(WORKLOADS["deep"](), ENGINES[label]())
    if label == "torch":
        return {"traced MB": None}
    tracemalloc.start()
    step()
    return {"traced MB": tracemalloc.get_traced_memory()[1] / 2**20}


def child_resident(label):
    """The peak of the process that does one step of the 32 layers."""
    import resource

    step, _ = prepared(WORKLOADS["deep"](), ENGINES[label]())
    step()
    return {"resident MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


CHILDREN = {"memory": child_memory, "resident": child_resident}


# The verdict ----------------------------------------------------------------------------------------------------------


def rows_of(times, memory):
    def part(name, label, base=BY_HAND):
        return statistics.median(a / b for a, b in zip(times[name][label], times[name][base], strict=True))

    rows = []
    if times:
        bars = {"mlp": 1.05, "block": 1.05, "norm": 1.20}
        for name, bar in bars.items():
            rows.append(
                Row(f"{WORKLOADS[name].name}, of NumPy by hand", part(name, "level03"), "<=", bar, "of its time")
            )
        for name in ("mlp", "block"):
            got = part(name, "level03", "torch-unfused")
            rows.append(Row(f"{WORKLOADS[name].name}, of unfused torch", got, "<=", 1.0, "of its time"))
        rows.append(Row(f"{WORKLOADS['chain'].name}, further/blocked, of NumPy by hand", part("chain", "blocked"), "<=",
                        0.75, "of its time"))  # fmt: skip
        rows.append(Row("tiny operations, against torch", 1 / part("tiny", "level03", "torch"), ">=", 3))
        for name, bar in {"mlp": 2.5, "block": 2.5, "norm": 2.5, "tiny": 10}.items():
            got = 1 / part(name, "level03", "autograd")
            rows.append(Row(f"{WORKLOADS[name].name}, against HIPS autograd", got, ">=", bar))
    if memory:
        traced = {label: memory[label]["traced MB"] for label in ("level03", "naive")}
        rows.append(Row(f"{WORKLOADS['deep'].name}: peak, of the naive engine's", traced["level03"] / traced["naive"],
                        "<=", 0.56, ""))  # fmt: skip
        resident = {label: memory[label]["resident MB"] for label in ("level03", "torch")}
        rows.append(Row(f"{WORKLOADS['deep'].name}: peak of the process, of torch's",
                        resident["level03"] / resident["torch"], "<=", 1.0, ""))  # fmt: skip
    return rows


def show(times, errors):
    labels = list(dict.fromkeys(label for row in times.values() for label in row))
    lines = []
    for label in labels:
        cells = [label]
        for name, row in times.items():
            if label not in row:
                cells.append("")
                continue
            unit, factor = ("us", 1e6 / WORKLOADS[name].operations) if name == "tiny" else ("ms", 1e3)
            ratio = statistics.median(a / b for a, b in zip(row[label], row[BY_HAND], strict=True))
            cells.append(f"{factor * statistics.median(row[label]):.3g} {unit} ({ratio:.3g})")
        lines.append(cells)
    print("\nMedian time of forward and backward, and in brackets the part of NumPy by hand\n")
    print(common.table(["engine", *(WORKLOADS[name].name for name in times)], lines))
    worst = max(error for row in errors.values() for error in row.values())
    print(
        f"\nAll gradients agree with those by hand: the largest difference is {worst:.1e} of an array's largest entry."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="interleaved rounds (30)")
    parser.add_argument("--minutes", type=float, default=30, help="begin no further round after this long (30)")
    parser.add_argument("--only", default=",".join((*TIMED, "memory")), help="some of the workloads, or memory")
    parser.add_argument("--check", action="store_true", help="say which rows fall short; exit code 1 if any does")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, label = options.child
        print(json.dumps(CHILDREN[kind](label)))
        return 0
    requirements = Path(__file__).with_name("requirements-peers.txt")
    code = common.in_own_environment(sys.argv, requirements, torch=True)
    if code is not None:
        return code
    names = [name for name in options.only.split(",") if name in TIMED]
    labels = ["level03", "unfused", "blocked", "torch", "torch-unfused", "autograd"]
    times, errors = measure(names, labels, options.rounds, options.minutes) if names else ({}, {})
    if times:
        worst = max(error for row in errors.values() for error in row.values())
        if worst > 1e-4:
            print(f"The gradients differ, by {worst:.1e}: {errors}", file=sys.stderr)
            return 1
        show(times, errors)
    memory, script = {}, Path(__file__).resolve()
    if "memory" in options.only:
        for label in ("level03", "naive", "torch"):
            memory[label] = common.child(script, "memory", label) | common.child(script, "resident", label)
        print("\n" + common.table(["engine, 32 layers of 512", "traced peak MB", "process peak MB"], [
            [label, f"{m['traced MB']:.0f}" if m["traced MB"] else "", f"{m['resident MB']:.0f}"]
            for label, m in memory.items()]))  # fmt: skip
    rows = rows_of(times, memory) if len(names) == len(TIMED) else rows_of({}, memory)
    short = [row for row in rows if not row.holds]
    print("\n" + common.table(["row", "measured", "bar", ""], [r.cells() for r in (short if options.check else rows)]))
    print(f"\n{len(rows) - len(short)} of {len(rows)} rows hold. {common.machine()}.")
    kept = {"times": times, "errors": errors, "memory": memory, "machine": common.machine()}
    print(f"All figures: {common.keep('tensor', kept).relative_to(common.ROOT)}")
    return 1 if options.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
