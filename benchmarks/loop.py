"""From a save to its verdict: `watch` beside a cold `check`, on the same file, in turns.

    python3 benchmarks/loop.py --rounds 15
    python3 benchmarks/loop.py --soak 30        thirty minutes of a learner who saves all the time

Times are from just before the file is put in place until the last line of the verdict has arrived, so the poll of 50 ms
is in them (25 ms on average). The bar is 150 ms plus the poll, as a median, for levels 1 and 2.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from utils.course.catalog import catalog  # noqa: E402

TOPIC = catalog().topic("02")
PAUSE = 2.5  # seconds between two saves: the next process gets ready meanwhile
LIMIT = 120.0
WAYS = ("rename", "in place", "empty", "backup")  # in which editors save


class Learner:
    """A folder of one's own, a file in it, and a `watch` that looks at it."""

    def __init__(self, folder, level):
        self.home, self.level = Path(folder), level
        self.file = self.home / "workspace" / TOPIC.workspace_file.name
        self.text = TOPIC.solution(max(level, 2)).read_text(encoding="utf-8")
        self.wrong = self.text.replace("self.data + other.data", "self.data - other.data")
        self.environment = {**os.environ, "COURSE_HOME": str(self.home), "PYTHONIOENCODING": "utf-8"}
        self.saves = 0
        self.file.parent.mkdir(parents=True)
        self.save()
        # Every step before the last one of the level holds, so that this one is watched.
        last = TOPIC.steps_of(level)[-1]
        held = [step.id for step in TOPIC.steps[: TOPIC.steps.index(last)]]
        (self.home / ".learn").mkdir()
        progress = {TOPIC.number: {"key": "", "steps": dict.fromkeys(held, "stale")}}
        (self.home / ".learn" / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-u", ROOT / "learn.py", "watch", TOPIC.number], cwd=ROOT, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        self._lines = queue.Queue()
        threading.Thread(target=lambda: [self._lines.put(line) for line in self.process.stdout], daemon=True).start()
        self.verdict()

    def save(self, way="rename", wrong=False):
        """Save something new: by renaming, in place, after emptying the file, or with the old one as a backup."""
        self.saves += 1
        text = f"{self.wrong if wrong else self.text}\n# save {self.saves}\n"
        if way == "rename":
            beside = self.file.with_suffix(".swp")
            beside.write_text(text, encoding="utf-8")
            started = time.perf_counter()
            os.replace(beside, self.file)
            return started
        started = time.perf_counter()
        if way == "empty":
            self.file.write_text("", encoding="utf-8")
            time.sleep(0.03)
        if way == "backup":
            os.replace(self.file, self.file.with_suffix(".py~"))
        self.file.write_text(text, encoding="utf-8")
        return started

    def verdict(self):
        """Wait for the last line of the next verdict; when it came."""
        self.failed = False
        while " steps" not in (line := self._lines.get(timeout=LIMIT)) or "of" not in line:
            self.failed |= ":(" in line
        return time.perf_counter()

    def cold(self):
        """Seconds of a `check` from nothing."""
        started = time.perf_counter()
        words = ["check", TOPIC.number, "--upto", str(self.level)]
        subprocess.run([sys.executable, ROOT / "learn.py", *words], cwd=ROOT,
                       env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
        return time.perf_counter() - started

    def held(self):
        """(kilobytes, open files) that the watching process holds."""
        folder = Path(f"/proc/{self.process.pid}")
        text = (folder / "status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0]), len(list((folder / "fd").iterdir()))

    def close(self):
        self.process.kill()
        self.process.wait()


def latencies(level, rounds):
    """(seconds from save to verdict in `watch`, seconds of a cold check), in turns."""
    warm, cold = [], []
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        learner = Learner(folder, level)
        try:
            for _ in range(rounds):
                time.sleep(PAUSE)
                started = learner.save()
                warm.append(learner.verdict() - started)
                cold.append(learner.cold())
        finally:
            learner.close()
    return warm, cold


def soak(minutes):
    """Print, five times, what a learner has seen who saves in every way, right and wrong in turns, for so long."""
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        learner, saves = Learner(folder, 1), 0
        try:
            started = time.monotonic()
            for part in range(1, 6):
                while time.monotonic() < started + 60 * minutes * part / 5:
                    wrong = saves % 2 == 1
                    learner.save(WAYS[saves // 2 % len(WAYS)], wrong)
                    saves += 1
                    learner.verdict()
                    if learner.failed != wrong:
                        raise AssertionError(f"save {saves} got the verdict on another one")
                    time.sleep(0.5)
                kilobytes, files = learner.held()
                print(f"{minutes * part / 5:g} minutes: {saves} saves, each with its verdict; "
                      f"watch holds {kilobytes:,} kB and {files} open files", flush=True)  # fmt: skip
        finally:
            learner.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="watch a learner for so long instead")
    arguments = parser.parse_args()
    if arguments.soak:
        soak(arguments.soak)
        return
    print("| level | save to verdict: median | fastest | slowest | cold check: median | fastest | slowest | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for level in (1, 2):
        warm, cold = latencies(level, arguments.rounds)
        cells = [f"{1000 * pick(times):.0f} ms" for times in (warm, cold) for pick in (statistics.median, min, max)]
        ratio = statistics.median(cold) / statistics.median(warm)
        print(f"| {level} | {' | '.join(cells)} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
