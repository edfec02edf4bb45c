"""The scalar engines against their peers: python3 benchmarks/scalar.py. What is measured, and how: README.md."""

import argparse
import gc
import importlib
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import baselines
import common
import workloads
from common import Row

STEP = 0.05
LINEAR = 1.25  # an exponent: 1, and what it adds that a large graph leaves the processor's cache; 2 would be quadratic
SIZES = {"dag": (25_000, 50_000, 100_000), "fan-in": (25_000, 50_000, 100_000), "demo": (25, 50, 100)}
MEMORY_NODES = DEPTH = 1_000_000


@dataclass(frozen=True)
class Engine:
    """An engine under the name it has in the table. A guest takes part in the first rounds only: no bar needs it."""

    label: str
    value: object
    module: object = None
    guest: bool = False
    cleared: object = 0.0

    def backward(self, root):
        # PyTorch would free the graph, and then refuse to go backward a second time.
        root.backward(retain_graph=True) if self.label == "torch" else root.backward()


def engine(text, guest=False):
    """The engine named micrograd, microgpt, naive, torch, stub, mine, level01 …, further/NAME, FILE or LABEL=FILE."""
    if text == "micrograd":
        module = importlib.import_module("micrograd.engine")
    elif text in ("microgpt", "naive"):
        value = {"microgpt": baselines.TupleValue, "naive": baselines.NaiveValue}[text]
        return Engine(text, value, baselines, guest)
    elif text == "torch":
        import torch

        torch.set_num_threads(1)
        return Engine(text, lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True), torch, True, None)
    else:
        label, _, candidate = text.rpartition("=")
        module = common.loaded("02", candidate, None if candidate.startswith("further/") else "Value")
        return Engine(label or text, getattr(module, "Value", None), module, guest)
    return Engine(text, module.Value, module, guest)


# Time: one round measures every engine once on every workload ---------------------------------------------------------


class Times:
    """times[row, collector][label]: seconds, one a round. checks[row][label]: a sum over the gradients, to compare."""

    def __init__(self):
        self.times, self.checks, self.other, self.rounds = {}, {}, {}, 0

    def add(self, row, collector, label, seconds, check=None):
        self.times.setdefault((row, collector), {}).setdefault(label, []).append(seconds)
        if check is not None:
            self.checks.setdefault(row, {}).setdefault(label, check)

    def ratio(self, row, collector, label, base="micrograd"):
        times = self.times[row, collector]
        return common.ratio(times[label], times[base])

    def disagreements(self):
        """Rows where two engines' gradients differ by more than rounding explains."""
        for row, checks in self.checks.items():
            first = next(iter(checks.values()))
            wrong = {k: v for k, v in checks.items() if abs(v - first) > 1e-9 * max(1.0, abs(first))}
            if wrong:
                yield row, first, wrong


def measure_times(engines, rounds, guest_rounds, further, minutes):
    result, began = Times(), time.monotonic()
    program, (points, labels), numbers = workloads.program(), workloads.moons(), workloads.start_numbers()
    fused = engine("further/fused") if further else None
    replays = _replays(engine("further/replay").module, program, points, labels, numbers, result) if further else {}
    gc.collect()
    # Collections look through the whole heap. What the imports brought (PyTorch: 400,000 objects) would be charged to
    # whoever makes most collections happen; frozen, it is left out, and each engine meets a small heap.
    gc.freeze()
    for round_number in range(rounds):
        if time.monotonic() - began > 60 * minutes:
            break
        for collector in (True, False):
            for each in engines:
                if each.guest and round_number >= guest_rounds:
                    continue
                _graph_rows(result, each, collector, program)
                _demo_row(result, each, collector, points, labels, numbers)
            if further:
                _demo_row(result, fused, collector, points, labels, numbers, fused=True)
                _replay_rows(result, replays, collector)
                demo = baselines.HandWrittenDemo(*numbers, points, labels)
                demo.epoch()
                demo = baselines.HandWrittenDemo(*numbers, points, labels)
                seconds, _ = common.seconds(lambda demo=demo: demo.epoch(STEP), collector=collector)
                result.add("demo", collector, "NumPy by hand", seconds, sum(abs(g).sum() for g in demo.gradients))
        result.rounds = round_number + 1
        print(f"\rround {result.rounds} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return result


def measure_sizes(engines, rounds):
    """costs[workload][engine]: {size: seconds, the median}, build + backward, the collector off."""
    numbers, times = workloads.start_numbers(), {}
    programs = {size: workloads.program(size) for size in SIZES["dag"]}

    def built(name, size, value):
        if name == "dag":
            return workloads.random_graph(value, programs[size])[0]
        if name == "fan-in":
            return workloads.fan_in(value, size)[0]
        return workloads.demo_loss(value, *workloads.network(value, numbers), *workloads.moons(size))

    for number in range(rounds):
        for each in engines:
            for name, sizes in SIZES.items():
                for size in sizes:
                    way = lambda n=name, s=size, e=each: e.backward(built(n, s, e.value))  # noqa: E731
                    seconds, _ = common.seconds(way, collector=False)
                    times.setdefault((name, each.label, size), []).append(seconds)
        print(f"\rsizes: round {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: {each.label: {size: statistics.median(times[name, each.label, size]) for size in sizes}
                   for each in engines} for name, sizes in SIZES.items()}  # fmt: skip


def _graph_rows(result, each, collector, program):
    build, (root, leaves) = common.seconds(lambda: workloads.random_graph(each.value, program), collector=collector)
    backward, _ = common.seconds(lambda: each.backward(root), collector=collector)
    check = sum(abs(float(leaf.grad)) for leaf in leaves)
    again, _ = common.seconds(lambda: each.backward(root), collector=collector)
    result.add("dag", collector, each.label, build + backward, check)
    result.add("again", collector, each.label, again)
    del root, leaves
    build, (root, leaves) = common.seconds(lambda: workloads.fan_in(each.value), collector=collector)
    backward, _ = common.seconds(lambda: each.backward(root), collector=collector)
    result.add("fan-in", collector, each.label, build + backward, sum(float(leaf.grad) for leaf in leaves))


def _demo_row(result, each, collector, points, labels, numbers, fused=False):
    layers, parameters = workloads.network(each.value, numbers)

    def loss_of():
        if fused:
            return workloads.fused_demo_loss(each.module, layers, parameters, points, labels)
        return workloads.demo_loss(each.value, layers, parameters, points, labels)

    seconds, _ = common.seconds(
        lambda: workloads.epoch(loss_of, parameters, each.backward, each.cleared, STEP), collector=collector
    )
    check = sum(abs(float(parameter.grad)) for parameter in parameters)
    result.add("demo", collector, each.label, seconds, check)


def _replays(module, program, points, labels, numbers, result):
    """The two traced programs and their leaves' numbers; result.other receives what preparing cost, and the errors."""
    level3, replays = engine("level03"), {}
    layers, parameters = workloads.network(level3.value, numbers)
    demo = workloads.demo_loss(level3.value, layers, parameters, points, labels)
    for name, (root, leaves) in {
        "demo": (demo, parameters),
        "dag": workloads.random_graph(level3.value, program),
    }.items():
        seconds, replay = common.seconds(lambda root=root, leaves=leaves: module.Replay(root, leaves))
        root.backward()
        start = [leaf.data for leaf in leaves]
        _, gradients = replay.run(start)
        error = max(abs(g - leaf.grad) / max(1.0, abs(leaf.grad)) for g, leaf in zip(gradients, leaves, strict=True))
        result.other[f"{name} prepared in s"], result.other[f"{name} gradients off by"] = seconds, error
        replays[name] = replay, start
    return replays


def _replay_rows(result, replays, collector):
    replay, start = replays["dag"]
    for leaf in replay.leaves:
        leaf.grad = 0.0
    seconds, _ = common.seconds(replay, collector=collector)
    check = sum(abs(leaf.grad) for leaf in replay.leaves)
    result.add("dag", collector, "further/replay", seconds, check)
    replay, start = replays["demo"]
    for leaf, number in zip(replay.leaves, start, strict=True):
        leaf.data = number
    run = lambda: workloads.epoch(lambda: replay, replay.leaves, lambda replay: replay(), 0.0, STEP)  # noqa: E731
    seconds, _ = common.seconds(run, collector=collector)
    check = sum(abs(leaf.grad) for leaf in replay.leaves)
    result.add("demo", collector, "further/replay", seconds, check)


# Memory, depth and import: each in a process of its own ---------------------------------------------------------------


def child_memory(name, nodes):
    value = engine(name).value
    gc.collect()
    base = _resident()
    root = workloads.wide_graph(value, int(nodes))
    root.backward()
    after = _resident()
    return {"bytes a node": (after - base) / int(nodes), "peak MB": common.peak_bytes() / 2**20}


def child_freed(name):
    """How much of the demo's graph goes away with `del loss`, in percent, when the cycle collector is off."""
    import tracemalloc

    value, (points, labels) = engine(name).value, workloads.moons(40)
    layers, parameters = workloads.network(value, workloads.start_numbers())
    gc.collect()
    gc.disable()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    loss = workloads.demo_loss(value, layers, parameters, points, labels)
    loss.backward()
    full = tracemalloc.get_traced_memory()[0]
    del loss
    return {"freed %": 100 * (full - tracemalloc.get_traced_memory()[0]) / (full - before)}


def child_depth(name, length, limit):
    value = engine(name).value
    if int(limit):
        sys.setrecursionlimit(int(limit))
    start = time.thread_time()
    root, _ = workloads.chain(value, int(length))
    root.backward()
    del root
    gc.collect()
    return {"seconds": time.thread_time() - start}


def child_lab():
    """Peak memory of the scalar lab: the stub trains the demo for three epochs."""
    from utils.autograd_stub import Value

    points, labels = workloads.moons()
    layers, parameters = workloads.network(Value, workloads.start_numbers())
    for _ in range(3):
        workloads.epoch(
            lambda: workloads.demo_loss(Value, layers, parameters, points, labels), parameters, Value.backward
        )
    return {"peak MB": common.peak_bytes() / 2**20, "numpy": "numpy" in sys.modules}


def _resident():
    import os

    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


CHILDREN = {"memory": child_memory, "freed": child_freed, "depth": child_depth, "lab": child_lab}


def measure_children(names, repeats):
    script, figures = Path(__file__).resolve(), {}
    for name in names:
        figures[name] = common.child(script, "memory", name, MEMORY_NODES) | common.child(script, "freed", name)
        figures[name]["default limit"] = common.child(script, "depth", name, DEPTH, 0)
    deep = {name: [] for name in ("micrograd", "level03")}
    for _ in range(repeats):
        for name, runs in deep.items():
            runs.append(common.child(script, "depth", name, DEPTH, 10 * DEPTH)["seconds"])
    imports = [common.output_of("-I", "-c", IMPORT.format(root=str(common.ROOT))) for _ in range(5 * repeats)]
    return {"engines": figures, "deep": deep, "import": imports, "lab": common.child(script, "lab")}


# Nothing but Python itself is loaded before: what this file imports would be missing from the bill.
IMPORT = """
import os, sys, time
sys.path.insert(0, {root!r})
pages = lambda: int(open("/proc/self/statm").read().split()[1])
before, start = pages(), time.process_time()
from utils.autograd_stub import Value
seconds = time.process_time() - start
added = (pages() - before) * os.sysconf("SC_PAGE_SIZE")
import json
print(json.dumps(dict(ms=1e3 * seconds, MB=added / 2**20, numpy="numpy" in sys.modules)))
"""


# The verdict ----------------------------------------------------------------------------------------------------------


def time_rows(times, engine_label, further):
    rows = []
    wanted = [
        ("100k-node random graph, build + backward", "dag", engine_label, 6, 3.3),
        ("demo epoch", "demo", engine_label, 12, 4),
        ("fan-in of 100k", "fan-in", engine_label, 6, 3.3),
        ("backward again on the same graph", "again", engine_label, 2.5, 2.5),
    ]
    if further:
        wanted += [
            ("demo epoch", "demo", "further/fused", 40, 12),
            ("demo epoch", "demo", "further/replay", 400, 130),
            ("random graph", "dag", "further/replay", 150, 50),
        ]
    for text, row, label, on, off in wanted:
        for collector, bar in ((True, on), (False, off)):
            said = f"{label}: {text}, collector {'on' if collector else 'off'}, against micrograd"
            rows.append(Row(said, times.ratio(row, collector, label), ">=", bar))
    got = times.ratio("dag", False, engine_label, "microgpt")
    rows.append(Row(f"{engine_label}: random graph, collector off, against microgpt's design", got, ">=", 2.3))
    if further:
        got = 1 / times.ratio("demo", True, "further/replay", "NumPy by hand")
        rows.append(Row("further/replay: demo epoch, of NumPy by hand", got, "<=", 10, "of its time"))
        for name in ("demo", "dag"):
            rows.append(Row(f"further/replay: {name} prepared", times.other[f"{name} prepared in s"], "<=", 1.5, "s"))
            error = times.other[f"{name} gradients off by"]
            rows.append(Row(f"further/replay: {name}, largest relative error of a gradient", error, "<=", 1e-12, ""))
    return rows


def size_rows(costs, label):
    what = {"dag": "random graph, with its operations", "fan-in": "fan-in, with its leaves",
            "demo": "demo, with its points"}  # fmt: skip
    return [Row(f"{label}: exponent of the cost of the {what[name]}",
                common.exponent(*zip(*by_engine[label].items(), strict=True)), "<=", LINEAR, "")
            for name, by_engine in costs.items()]  # fmt: skip


def child_rows(figures, label):
    mine = figures["engines"][label]
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(figures["deep"]["level03"], figures["deep"]["micrograd"], strict=True)
    )
    reached = DEPTH if "seconds" in mine["default limit"] else 0
    return [
        Row(f"{label}: memory after backward", mine["bytes a node"], "<=", 180, "B a node"),
        Row(f"{label}: peak for a million nodes", mine["peak MB"], "<=", 195, "MB"),
        Row(f"{label}: freed by `del loss`, collector disabled", mine["freed %"], ">=", 99, "%"),
        Row(f"{label}: depth under the default recursion limit", reached, ">=", DEPTH, "nodes"),
        Row("level03: depth 1,000,000, build + backward + free, of micrograd's time", ratio, "<=", 0.3, ""),
        Row("stub: import", statistics.median(run["ms"] for run in figures["import"]), "<=", 5, "ms"),
        Row(
            "stub: memory added by its import", statistics.median(run["MB"] for run in figures["import"]), "<=", 2, "MB"
        ),
        Row("stub: imports of NumPy", sum(run["numpy"] for run in figures["import"]), "<=", 0, ""),
        Row("scalar lab: peak memory", figures["lab"]["peak MB"], "<=", 100, "MB"),
    ]


def show_times(times):
    heads = ["engine", *(f"{row}, {'on' if on else 'off'}" for row, on in times.times)]
    labels = list(dict.fromkeys(label for row in times.times.values() for label in row))
    lines = []
    for label in labels:
        cells = [label]
        for row, collector in times.times:
            runs = times.times[row, collector].get(label)
            cells.append(
                f"{1e3 * statistics.median(runs):.3g} ms ({times.ratio(row, collector, label):.3g}x)" if runs else ""
            )
        lines.append(cells)
    print("\nMedian CPU time, and times faster than micrograd; the cycle collector on or off\n")
    print(common.table(heads, lines))
    speed = {label: times.ratio("demo", True, label) for label in labels}
    print("\n" + common.bars("Demo epoch, times faster than micrograd (collector on, logarithmic)", speed))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", help="more engines: mine, level02, a file, or LABEL=FILE")
    parser.add_argument("--rounds", type=int, default=30, help="interleaved rounds (30)")
    parser.add_argument("--minutes", type=float, default=60, help="begin no further round after this long (60)")
    parser.add_argument("--guest-rounds", type=int, default=3, help="rounds for engines no bar needs, torch among them")
    parser.add_argument("--only", default="time,sizes,children",
                        help="some of time, sizes, and children (memory, depth, import)")  # fmt: skip
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--without-further", action="store_true")
    parser.add_argument("--check", action="store_true", help="say which rows fall short; exit code 1 if any does")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, *arguments = options.child
        import json

        print(json.dumps(CHILDREN[kind](*arguments)))
        return 0
    requirements = Path(__file__).with_name("requirements-peers.txt")
    code = common.in_own_environment(sys.argv, requirements, torch=not options.without_torch)
    if code is not None:
        return code

    rows, kept = [], {"machine": common.machine()}
    if "time" in options.only:
        engines = [engine("micrograd"), engine("microgpt"), engine("level03")]
        engines += [engine(text) for text in options.engines] + [engine("naive", guest=True)]
        if not options.without_torch:
            engines.append(engine("torch"))
        times = measure_times(
            engines, options.rounds, options.guest_rounds, not options.without_further, options.minutes
        )
        for row, first, wrong in times.disagreements():
            print(f"The gradients of {row} differ: {first} and {wrong}", file=sys.stderr)
            return 1
        show_times(times)
        rows += time_rows(times, "level03", not options.without_further)
        kept["times"] = {f"{row}, collector {'on' if on else 'off'}": runs for (row, on), runs in times.times.items()}
        kept["replay"], kept["rounds"] = times.other, times.rounds
    if "sizes" in options.only:
        named = [engine(text) for text in ("micrograd", "level03", *options.engines)]
        kept["sizes"] = measure_sizes(named, min(options.rounds, 7))
        print("\nCost against size: p in time ~ size ** p\n")
        print(common.table(["workload", "engine", "small", "middle", "large", "p"], [
            [f"{name}: {', '.join(f'{size:,}' for size in costs)}", label,
             *(f"{1e3 * seconds:.3g} ms" for seconds in costs.values()),
             f"{common.exponent(*zip(*costs.items(), strict=True)):.2f}"]
            for name, by_engine in kept["sizes"].items() for label, costs in by_engine.items()]))  # fmt: skip
        rows += size_rows(kept["sizes"], "level03")
    if "children" in options.only:
        figures = measure_children(["micrograd", "microgpt", "level03", *options.engines], 3)
        print("\nMemory of a million nodes, and depth\n")
        heads = ["engine", "B a node", "peak MB", "freed by del, collector disabled", "a million in a row"]
        print(common.table(heads, [
            [name, f"{f['bytes a node']:.0f}", f"{f['peak MB']:.0f}", f"{f['freed %']:.0f} %",
             f["default limit"].get("failed") or f"{f['default limit']['seconds']:.2f} s"]
            for name, f in figures["engines"].items() if "peak MB" in f]))  # fmt: skip
        rows += child_rows(figures, "level03")
        kept["children"] = figures
    short = [row for row in rows if not row.holds]
    print(
        "\n" + common.table(["row", "measured", "bar", ""], [row.cells() for row in (short if options.check else rows)])
    )
    kept[f"rows of {options.only}"] = [row.cells() for row in rows]
    print(f"\n{len(rows) - len(short)} of {len(rows)} rows hold. {kept['machine']}.")
    print(f"All figures: {common.keep('scalar', kept).relative_to(common.ROOT)}")
    return 1 if options.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
