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
import tensor_engines
from common import Row
from tensor_workloads import WORKLOADS

BY_HAND = "NumPy by hand"
PEERS = ("level03", "unfused", "blocked", "torch", "torch-unfused", "autograd")
TIMED = ("mlp", "norm", "block", "chain", "tiny")
PARTS = (*TIMED, "alone", "sizes", "threads", "memory")
AT_LEAST = 0.03  # seconds a sample: a short step is repeated
LINEAR = 1.15  # an exponent: 1, and what it adds that large arrays leave the processor's cache
WRONG = 1e-4  # a gradient that differs by more, relative to its array's largest entry, is not rounding


def sample(step, clock=time.thread_time, at_least=AT_LEAST):
    """Seconds of one step: of this thread, since other jobs on the machine would be counted on the wall's clock."""
    count, start = 0, clock()
    while True:
        step()
        count += 1
        seconds = clock() - start
        if seconds > at_least:
            return seconds / count


def prepared(workload, engine):
    """(a function that does one step, what gives its gradients)."""
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


def steps_of(workload, engines):
    """({engine: a function that does one step}, {engine: its disagreement}). Ends the program where a peer is wrong.

    An engine that somebody has named is left out where it lacks an operation, or has another gradient.
    """
    steps, errors = {BY_HAND: workload.by_hand}, {}
    for label, engine in engines.items():
        if label == "blocked" and not hasattr(workload, "elementwise"):
            continue
        try:
            step, gradients = prepared(workload, engine)
            error = disagreement(workload, step, gradients)
            why = f"a gradient is off by {error:.1e}" if not error < WRONG else ""
        except Exception as problem:  # somebody's own file, at any stage
            if label in PEERS:
                raise
            why = f"{type(problem).__name__}: {problem}"
        if why:
            print(f"{label} takes no part in {workload.name}: {why}", file=sys.stderr)
            if label in PEERS:
                sys.exit(1)
            continue
        steps[label], errors[label] = step, error
    return steps, errors


def rounds_of(steps, rounds, ends=float("inf"), name="", clock=time.thread_time):
    """{engine: seconds, one a round}; every engine once in each round."""
    times = {label: [] for label in steps}
    for step in steps.values():
        step()
    gc.collect()
    gc.freeze()  # what the imports brought is nobody's graph: a collection need not look through it
    for number in range(rounds):
        if time.monotonic() > ends:
            break
        for label, step in steps.items():
            times[label].append(sample(step, clock))
        if name:
            print(f"\r{name}: round {number + 1} of {rounds}   ", end="", file=sys.stderr, flush=True)
    gc.unfreeze()
    if name:
        print(file=sys.stderr)
    return times


def measure(names, engines, rounds, minutes):
    """times[workload][engine]: seconds, one a round. errors[workload][engine]: how far the gradients are off."""
    times, errors, ends = {}, {}, time.monotonic() + 60 * minutes
    for name in names:
        workload = WORKLOADS[name]()
        steps, errors[name] = steps_of(workload, engines)
        times[name] = rounds_of(steps, rounds, ends, workload.name)
    return times, errors


def measure_sizes(engines, rounds):
    """costs[workload][engine]: {size: seconds, the median}."""
    costs = {}
    for name in TIMED:
        at, able = {}, engines
        for size in WORKLOADS[name].sizes:
            at[size], _ = steps_of(WORKLOADS[name](size), able)
            able = {label: engine for label, engine in able.items() if label in at[size]}
        # All sizes in each round, so that a slow minute slows them all.
        steps = {(label, size): step for size, steps in at.items() for label, step in steps.items()}
        times = rounds_of(steps, rounds, name=f"{name} in three sizes")
        costs[name] = {label: {size: statistics.median(times[label, size]) for size in at} for label in at[size]}
    return costs


# In processes of their own --------------------------------------------------------------------------------------------


def child_memory(label, layers):
    """The peak of one step of the deep network, of what was asked of Python; torch does not ask Python for memory."""
    import tracemalloc

    step, _ = prepared(WORKLOADS["deep"](int(layers)), tensor_engines.engine(label)[1])
    if label == "torch":
        return {"traced MB": None}
    tracemalloc.start()
    step()
    return {"traced MB": tracemalloc.get_traced_memory()[1] / 2**20}


def child_resident(label, layers):
    """The peak of the process that does one step of the deep network."""
    step, _ = prepared(WORKLOADS["deep"](int(layers)), tensor_engines.engine(label)[1])
    step()
    return {"resident MB": common.peak_bytes() / 2**20}


def child_times(names, labels, rounds, clock):
    """times[workload][engine]: of some engines on some workloads."""
    engines = dict(map(tensor_engines.engine, labels.split(",")))
    return {name: rounds_of(steps_of(WORKLOADS[name](), engines)[0], int(rounds), clock=getattr(time, clock))
            for name in names.split(",")}  # fmt: skip


CHILDREN = {"memory": child_memory, "resident": child_resident, "times": child_times}


def in_child(*arguments, variables=common.PINNED):
    figures = common.child(Path(__file__).resolve(), *arguments, variables=variables)
    if "failed" in figures:
        sys.exit(f"tensor.py --child {' '.join(map(str, arguments))} failed: {figures['failed']}")
    return figures


def measure_memory(labels):
    layers = WORKLOADS["deep"].sizes[1]
    memory = {label: in_child("memory", label, layers) | in_child("resident", label, layers) for label in labels}
    memory["level03"]["sizes"] = {n: in_child("memory", "level03", n)["traced MB"] for n in WORKLOADS["deep"].sizes}
    return memory


def measure_threads(rounds):
    """times[threads][workload][engine]: seconds on the wall's clock, on one thread and on two."""
    times = {}
    for threads in (1, 2):
        variables = common.KEEP_MEMORY | dict.fromkeys(common.PINNED, str(threads))
        what = "times", "mlp,norm,block", "level03,torch", rounds, "perf_counter"
        times[threads] = in_child(*what, variables=variables)
    return times


# The verdict ----------------------------------------------------------------------------------------------------------


def part(times, label, base=BY_HAND):
    """The median over the rounds of this engine's time, divided by that of the other."""
    return statistics.median(a / b for a, b in zip(times[label], times[base], strict=True))


def rows_of(figures):
    """The rows whose figures there are."""
    rows, times = [], figures.get("times", {})
    title = {name: workload.name for name, workload in WORKLOADS.items()}
    for name, bar in {"mlp": 1.05, "block": 1.05, "norm": 1.20}.items():
        if name in times:
            got = part(times[name], "level03")
            rows.append(Row(f"{title[name]}, of NumPy by hand", got, "<=", bar, "of its time"))
    for name in ("mlp", "block"):
        if name in times:
            got = part(times[name], "level03", "torch-unfused")
            rows.append(Row(f"{title[name]}, of unfused torch", got, "<=", 1.0, "of its time"))
    if "tiny" in times:
        rows.append(Row("tiny operations, against torch", part(times["tiny"], "torch", "level03"), ">=", 3))
    for name, bar in {"mlp": 2.5, "block": 2.5, "norm": 2.5, "tiny": 10}.items():
        if name in times:
            got = part(times[name], "autograd", "level03")
            rows.append(Row(f"{title[name]}, against HIPS autograd", got, ">=", bar))
    if "alone" in figures:
        got = part(figures["alone"]["chain"], "blocked")
        text = f"{title['chain']}, alone in a process: further/blocked, of NumPy by hand"
        rows.append(Row(text, got, "<=", 0.75, "of its time"))
    if "memory" in figures:
        level3, naive, torch = (figures["memory"][label] for label in ("level03", "naive", "torch"))
        text = f"{title['deep']}: peak"
        rows.append(Row(f"{text}, of the naive engine's", level3["traced MB"] / naive["traced MB"], "<=", 0.56, ""))
        rows.append(Row(f"{text} of the process, of torch's", level3["resident MB"] / torch["resident MB"], "<=", 1.0,
                        ""))  # fmt: skip
        rows.append(Row(f"{text}, exponent of its growth with the layers",
                        common.exponent(*zip(*level3["sizes"].items(), strict=True)), "<=", LINEAR, ""))  # fmt: skip
    for name, costs in figures.get("sizes", {}).items():
        label = "blocked" if "blocked" in costs else "level03"
        got = common.exponent(*zip(*costs[label].items(), strict=True))
        what = f"{WORKLOADS[name].unit}, {label}"
        text = f"{title[name].split(',')[0]}: exponent of the time's growth with the {what}"
        rows.append(Row(text, got, "<=", LINEAR, ""))
    return rows


def show_times(times, errors):
    labels = list(dict.fromkeys(label for row in times.values() for label in row))
    lines = []
    for label in labels:
        cells = [label]
        for name, row in times.items():
            unit, factor = ("us", 1e6 / WORKLOADS["tiny"]().operations) if name == "tiny" else ("ms", 1e3)
            median = factor * statistics.median(row[label]) if label in row else None
            cells.append("" if median is None else f"{median:.3g} {unit} ({part(row, label):.3g})")
        lines.append(cells)
    print("\nMedian time of forward and backward, and in brackets the part of NumPy by hand\n")
    print(common.table(["engine", *(WORKLOADS[name].name for name in times)], lines))
    for name, row in times.items():
        speed = {label: part(row, label) for label in row}
        print("\n" + common.bars(f"{WORKLOADS[name].name}: times NumPy by hand, logarithmic", speed))
    worst = max(error for row in errors.values() for error in row.values())
    print(f"\nAll gradients agree with those by hand: they differ by {worst:.1e} of an array's largest entry at most.")


def show_sizes(sizes):
    """A table of the exponents, and a picture of the costs."""
    from utils.plots import curves, side_by_side

    lines, pictures = [], []
    for name, costs in sizes.items():
        workload, engines = WORKLOADS[name], list(costs)
        at = list(costs[BY_HAND])
        ms = {label: [1e3 * seconds for seconds in row.values()] for label, row in costs.items()}
        pictures.append(curves(at, ms, title=name, x_name=workload.unit, y_name="ms", x_log=True, y_log=True))
        for label in engines:
            grows = f"{common.exponent(at, ms[label]):.2f}"
            lines.append([name, label, *(f"{number:.3g} ms" for number in ms[label]), grows])
        lines[-len(engines)][0] += f": {', '.join(f'{size:,}' for size in at)} {workload.unit}"
    print("\nCost against size: p in time ~ size ** p\n")
    print(common.table(["workload", "engine", "small", "middle", "large", "p"], lines))
    common.KEPT.mkdir(exist_ok=True)
    path = common.KEPT / "tensor-sizes.svg"
    side_by_side("Cost against size, both logarithmic: a straight line of slope 1 is linear", *pictures).save(path)
    print(f"\nDrawn in {path.relative_to(common.ROOT)}")


def show_threads(threads):
    print("\nOn one thread and on two, on the wall's clock: median time, and the part of one thread's\n")
    lines = []
    for name, row in threads[1].items():
        for label in row:
            one, two = (statistics.median(threads[count][name][label]) for count in (1, 2))
            lines.append([WORKLOADS[name].name, label, f"{1e3 * one:.3g} ms", f"{1e3 * two:.3g} ms ({two / one:.2f})"])
    print(common.table(["workload", "engine", "one", "two"], lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", help="files of Topic 08 to join: mine, level02, a file, or LABEL=FILE")
    parser.add_argument("--rounds", type=int, default=30, help="interleaved rounds (30)")
    parser.add_argument("--minutes", type=float, default=30, help="begin no further round after this long (30)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--check", action="store_true", help="say which rows fall short; exit code 1 if any does")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, *arguments = options.child
        print(json.dumps(CHILDREN[kind](*arguments)))
        return 0
    wanted = options.only.split(",")
    if not set(wanted) <= set(PARTS):
        parser.error(f"--only takes some of {', '.join(PARTS)}")
    requirements, variables = Path(__file__).with_name("requirements-peers.txt"), common.PINNED | common.KEEP_MEMORY
    code = common.in_own_environment(sys.argv, requirements, torch=True, variables=variables)
    if code is not None:
        return code

    figures, guests = {"machine": common.machine()}, dict(map(tensor_engines.engine, options.engines))
    names = [name for name in TIMED if name in wanted]
    if names:
        engines = dict(map(tensor_engines.engine, PEERS)) | guests
        figures["times"], figures["errors"] = measure(names, engines, options.rounds, options.minutes)
        show_times(figures["times"], figures["errors"])
    if "alone" in wanted:
        figures["alone"] = in_child("times", "chain", "blocked", options.rounds, "thread_time")
        milliseconds = {label: 1e3 * statistics.median(times) for label, times in figures["alone"]["chain"].items()}
        print("\nThe chain in a process that does nothing else, and where malloc is as it always is: "
              + ", ".join(f"{label} {ms:.3g} ms" for label, ms in milliseconds.items()))  # fmt: skip
    if "sizes" in wanted:
        engines = dict(map(tensor_engines.engine, ("level03", "blocked"))) | guests
        figures["sizes"] = measure_sizes(engines, min(options.rounds, 10))
        show_sizes(figures["sizes"])
    if "threads" in wanted:
        figures["threads"] = measure_threads(min(options.rounds, 10))
        show_threads(figures["threads"])
    if "memory" in wanted:
        figures["memory"] = measure_memory(("level03", "naive", "torch"))
        print("\n" + common.table([WORKLOADS["deep"].name, "traced peak MB", "process peak MB"], [
            [label, f"{m['traced MB']:.0f}" if m["traced MB"] else "", f"{m['resident MB']:.0f}"]
            for label, m in figures["memory"].items()]))  # fmt: skip
    rows = rows_of(figures)
    short = [row for row in rows if not row.holds]
    print("\n" + common.table(["row", "measured", "bar", ""], [r.cells() for r in (short if options.check else rows)]))
    print(f"\n{len(rows) - len(short)} of {len(rows)} rows hold. {figures['machine']}.")
    print(f"All figures: {common.keep('tensor', figures).relative_to(common.ROOT)}")
    return 1 if options.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
