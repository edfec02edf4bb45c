"""What every benchmark needs: its own environment, a fair stopwatch, ratios of interleaved pairs, tables, bars."""

import gc
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".benchmarks"  # ignored by git: the environment with the peers, and the figures of the last run
# One thread for every BLAS: with two, a ratio says more about the other jobs on the machine than about the code.
PINNED = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
# Linux's malloc gives memory back to the system and asks for it again; when, depends on all that ran before, and it can
# cost as much as the arithmetic. With these it keeps what it has, so that a ratio is about the code.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # `utils` and `scripts`, without installing the course into the peers' environment


def in_own_environment(arguments, requirements, *, torch, variables=PINNED):
    """Run this program again in the environment with the peers, which is made if need be; None if we are in it."""
    folder = KEPT / "env"
    if Path(sys.prefix).resolve() == folder.resolve():
        if torch:
            from scripts import environment

            environment.ensure_torch()
        return None
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "peers.txt"
    wanted = requirements.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing the peers into {folder.relative_to(ROOT)}, once.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
        stamp.write_text(wanted)
    return subprocess.call([str(python), *arguments], env=os.environ | variables)


def loaded(number, candidate, offers=None):
    """The module behind `mine`, `level02`, a path … of a topic. Ends the program where it cannot be measured."""
    from utils.course.catalog import catalog
    from utils.course.loading import load

    try:
        path = catalog().topic(number).candidate_path(candidate)
        module = load(path, "engine_" + "".join(c if c.isalnum() else "_" for c in candidate))
    except Exception as problem:  # a file that is missing, or not Python, or ends in an error
        sys.exit(f"{candidate} cannot be measured: {type(problem).__name__}: {problem}")
    if offers and not hasattr(module, offers):
        sys.exit(f"{candidate} cannot be measured: {path.name} has no {offers}")
    return module


def seconds(function, *, collector=True):
    """CPU seconds of this thread for function(), and its result. Starts from a collected heap."""
    gc.collect()
    if not collector:
        gc.disable()
    try:
        start = time.thread_time()  # not wall time: other jobs on the machine would be counted as ours
        result = function()
        return time.thread_time() - start, result
    finally:
        gc.enable()


def ratio(times, base):
    """How many times faster than `base`: the median of the ratios of the rounds that both took part in."""
    return statistics.median(slow / fast for slow, fast in zip(base, times, strict=False))


def exponent(sizes, costs):
    """The p of cost ~ size ** p that fits best: 1 is linear."""
    sizes, costs = ([math.log(number) for number in numbers] for numbers in (sizes, costs))
    return statistics.linear_regression(sizes, costs).slope


def peak_bytes():
    """The most memory that this process has held. What the system says of a child may be its parent's peak."""
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except OSError:  # no Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def child(script, *arguments, variables=PINNED):
    """What the script prints as JSON when run as a child with `--child arguments`; {"failed": why} if it does not."""
    return output_of(str(script), "--child", *map(str, arguments), variables=variables)


def output_of(*arguments, variables=PINNED):
    """What Python prints as JSON, last, when run with these arguments; {"failed": why} if it does not.

    `variables` are set in its environment, and KEEP_MEMORY is not.
    """
    environment = {name: text for name, text in os.environ.items() if name not in KEEP_MEMORY} | variables
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return {"failed": lines[-1].split(":")[0]}


@dataclass(frozen=True)
class Row:
    """One bar: a measured number that has to be at least or at most `bar`."""

    text: str
    got: float
    sign: str  # ">=" or "<="
    bar: float
    unit: str = "x"

    @property
    def holds(self):
        return self.got >= self.bar if self.sign == ">=" else self.got <= self.bar

    def cells(self):
        return self.text, f"{self.got:.4g} {self.unit}", f"{self.sign} {self.bar:g}", "holds" if self.holds else "short"


def table(heads, rows):
    """A Markdown table with aligned columns."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
             for row in [heads, ["-" * width for width in widths], *rows]]  # fmt: skip
    return "\n".join(lines)


def bars(title, numbers, width=50):
    """A plot in text: a bar for each label; each further column is a tenfold part of the way, since ratios multiply."""
    top = max(math.log10(max(number, 1.0)) for number in numbers.values()) or 1.0
    longest = max(map(len, numbers))
    lines = [title]
    for label, number in numbers.items():
        length = round(width * math.log10(max(number, 1.0)) / top)
        lines.append(f"  {label.ljust(longest)}  {'#' * max(length, 1)} {number:.3g}")
    return "\n".join(lines)


def machine():
    """Where the figures were made."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def keep(name, figures):
    """Put the figures into .benchmarks/NAME.json; parts that were not measured this time stay. The path."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | figures, indent=1) + "\n")
    return path
