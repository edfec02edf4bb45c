"""The grader at size: what isolation costs, twenty thousand gradings, kills at random moments, random bytes, Dask.

python3 benchmarks/grading.py cost
python3 benchmarks/grading.py scale --gradings 20000
python3 benchmarks/grading.py kills --kills 50
python3 benchmarks/grading.py bytes --submissions 1000
python3 benchmarks/grading.py dask
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utils.course import mutants
from utils.course.catalog import ROOT, catalog
from utils.grading import batch, intake, isolation, judge, marks, worker

TOPICS = tuple(topic.number for topic in catalog().ready if judge.levels_of(topic))
# Mistakes that only cost time would make the class wait for its slowest member; they are in the cheat zoo.
SLOW = {"cost", "endless", "recursion", "memory", "died"}


def sources(number):
    """(name, text) of files as a class hands them in: right ones of every level, and planted mistakes."""
    topic = catalog().topic(number)
    right = [(f"level{level}", topic.solution(level).read_text(encoding="utf-8")) for level in (1, 2, 3)]
    variants = ROOT / "tests" / "variants" / number
    right += [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(variants.glob("*.py"))]
    wrong = [(mutant.id, mutants.source(topic, mutant)) for mutant in mutants.mutants_of(topic)
             if mutant.kills and mutant.diagnosis not in SLOW]  # fmt: skip
    return right, wrong


def classroom(count, seed=0, topics=TOPICS):
    """`count` Submissions to the topics in turn, no two with the same content; two thirds are right at some level."""
    rng, found = random.Random(seed), []
    material = {number: sources(number) for number in topics}
    for place in range(count):
        number = topics[place % len(topics)]
        right, wrong = material[number]
        _, text = rng.choice(right if rng.random() < 2 / 3 else wrong)
        one = intake.Submission(f"student {place:05}", "made")
        one.files[number] = f"{text}\n# student {place}\n".encode()
        found.append(one)
    return found


def write(folder, submissions):
    """The submissions as folders."""
    for one in submissions:
        place = folder / one.student
        place.mkdir(parents=True)
        for number, content in one.files.items():
            (place / f"{catalog().topic(number).module}.py").write_bytes(content)


def cost(arguments):
    """What one (submission, level) costs on one core: isolation alone, and with its case programs."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    kind = isolation.detect("auto", trust=True).kind
    print(f"Isolation: {kind}; one core; {arguments.submissions} submissions to Topics {', '.join(TOPICS)}")
    found = classroom(arguments.submissions)
    with worker.Grader(kind) as grader:
        topic = catalog().topic("02")
        for number in TOPICS:  # the zygotes are there from the second submission on
            first = catalog().topic(number)
            grader.grade(worker.Task(number, 1, "first", "0"), first.skeleton.read_bytes(), f"{first.module}.py")
        started, rounds, before = time.monotonic(), 200, computed_by(grader)
        for _ in range(rounds):
            grader.run("cases", topic, {"level": 1, "seed": "0", "alone": "no such case"}, b"", "autograd_engine.py")
        alone, spent = (time.monotonic() - started) / rounds, (computed_by(grader) - before) / rounds
        started, gradings, computing = time.monotonic(), 0, 0.0
        for one in found:
            ((number, source),) = one.files.items()
            content, module = one.content(number), catalog().topic(number).module
            for level in judge.levels_of(catalog().topic(number)):
                task = worker.Task(number, level, content, worker.seed_of("cost", content, number))
                told = grader.grade(task, source, f"{module}.py")
                gradings, computing = gradings + 1, computing + told["took"]["cpu"] + told["took"]["judge"]
        whole, computing = (time.monotonic() - started) / gradings, computing / gradings
    load = os.getloadavg()[0]
    print(f"isolation alone               {1000 * spent:6.1f} ms of computing       bar 50")
    print(f"isolation alone               {1000 * alone:6.1f} ms of the clock, under a load of {load:.1f}")
    print(f"isolation, cases and judging  {1000 * whole:6.1f} ms of the clock")
    print(f"case programs and judging     {1000 * computing:6.1f} ms of computing       bar 70   ({gradings} gradings)")
    print(f"case programs and judging     {1000 * (whole - alone):6.1f} ms of the clock, under a load of {load:.1f}")
    return 0 if spent <= 0.050 and computing <= 0.070 else 1


def computed_by(grader):
    """Seconds of computing of a grader's zygotes and all that they have forked and seen end; 0.0 where unknown."""
    total = 0.0
    for zygote in grader._zygotes.values():
        waiting = [zygote.process.pid]
        while waiting:
            process = waiting.pop()
            try:
                fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
                waiting += map(int, Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split())
            except OSError:
                continue
            total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def scale(arguments):
    """A real run of many gradings: the cost of each further one must be what the first cost."""
    kind = isolation.detect("auto", trust=True).kind
    settings = batch.Settings(kind, tuple(range(1, arguments.upto + 1)), arguments.feedback)
    found = classroom(arguments.gradings // arguments.upto + 1)
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        ledger = batch.Ledger(folder, settings, "scale")
        units, contents = batch.units_of(found, "scale", settings.levels)
        random.Random(0).shuffle(units)  # topics differ in cost, and here it is the count that matters
        total = sum(len(unit.levels) for unit in units)
        print(f"{len(found)} submissions, {total} gradings, {arguments.jobs} processes, {kind}", flush=True)
        started, points = time.monotonic(), []

        def progress(done, of, left):
            points.append((done, time.monotonic() - started))
            if len(points) % 40 == 0:
                print(f"  {done} of {of} units in {points[-1][1]:.0f} s", flush=True)

        batch.run(units, contents, ledger, settings, jobs=arguments.jobs, progress=progress)
        ledger.close()
        wrong = marks.canary_findings(ledger.results, units)
        results = list(ledger.results.values())
    slope, fit = line(points)
    work = computing(results)
    per = total / len(units)
    print(
        f"{total} gradings in {points[-1][1]:.0f} s: {1000 * slope / per:.1f} ms of the clock for each, R² = {fit:.5f}"
    )
    print(f"case programs and judging: {1000 * line(work)[0] / per:.1f} ms of computing each, R² = {line(work)[1]:.5f}")
    halves = [line(half)[0] for half in (work[: len(work) // 2], work[len(work) // 2 :])]
    print(f"a unit of the second half costs {halves[1] / halves[0]:.2f} times what one of the first half costs")
    print("canaries:", "as they should be" if not wrong else wrong)
    straight = line(work)[1] >= 0.99 or total < 5000  # topics differ in cost, which evens out in many only
    return 1 if wrong or not straight else 0


def computing(results):
    """(units done, seconds of computing so far) after each unit of a ledger, in the order in which they were done."""
    points, so_far = [], 0.0
    for done, result in enumerate(results, 1):
        so_far += sum(level["took"].get("cpu", 0.0) + level["took"].get("judge", 0.0)
                      for level in result["levels"].values())  # fmt: skip
        points.append((done, so_far))
    return points


def line(points):
    """(slope, R²) of the least-squares line through points."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mean_x) ** 2 for x, _ in points)
    sxy = sum((x - mean_x) * (y - mean_y) for x, y in points)
    syy = sum((y - mean_y) ** 2 for _, y in points)
    return sxy / sxx, sxy**2 / (sxx * syy) if syy else 1.0


def grade(*words):
    return [sys.executable, str(ROOT / "scripts" / "grade.py"), *map(str, words)]


def kills(arguments):
    """A batch that is killed again and again ends in the report of one that was left alone."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        more = () if arguments.feedback else ("--no-feedback",)
        told = killed(Path(folder), arguments.kills, arguments.submissions, arguments.seed, more=more)
    print(told["words"])
    return 0 if told["same"] else 1


def killed(folder, count, submissions, seed=1, topics=("02",), more=()):
    """Grade a class twice, the second time with `count` kills; whether both reports are the same, byte for byte."""
    rng = random.Random(seed)
    write(folder / "class", classroom(submissions, seed, topics))
    words = ("--jobs", "2", "--trust", "--seed", "kills", "--upto", "3", *more)
    subprocess.run(grade(folder / "class", "--out", folder / "calm", *words), check=True, capture_output=True)
    ledger, done = folder / "killed" / "ledger.jsonl", 0
    while done < count:
        lines = ledger.read_bytes().count(b"\n") if ledger.exists() else 0
        process = subprocess.Popen(grade(folder / "class", "--out", folder / "killed", *words), start_new_session=True,
                                   env={**os.environ, "COURSE_KILLED": str(folder)},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        # At any moment: before anything is graded, or some units and a little time later.
        wanted, end = lines + rng.randrange(4), time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end:
            if (ledger.read_bytes().count(b"\n") if ledger.exists() else 0) >= wanted:
                time.sleep(rng.uniform(0.0, 1.0))
                break
            time.sleep(0.01)
        if process.poll() is not None:
            ledger.unlink(missing_ok=True)  # it was done: from the beginning again
            continue
        with contextlib.suppress(ProcessLookupError):
            if rng.random() < 0.5:
                os.kill(process.pid, signal.SIGKILL)  # the grader alone: its processes have to see to themselves
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done += 1
    subprocess.run(grade(folder / "class", "--out", folder / "killed", *words), check=True, capture_output=True)
    both = [contents(folder / name) for name in ("calm", "killed")]
    lines = (folder / "killed" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    units = [json.loads(text)["unit"] for text in lines]
    other = sorted(name for name in both[0] | both[1] if both[0].get(name) != both[1].get(name))
    left = survivors(folder)
    other += [f"{left} processes are left"] if left else []
    same = not other and len(units) == len(set(units))
    verdict = "the same" if same else f"ANOTHER ({', '.join(other[:9])})"
    words = f"{done} kills, {len(units)} units, each once: {verdict} report, byte for byte."
    return {"same": same, "words": words, "units": len(units)}


def survivors(folder):
    """How many processes of killed batches still run, after they have had some seconds to notice."""
    end = time.monotonic() + 10
    while True:
        count = 0
        for process in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else ()):
            with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as stream:
                count += f"COURSE_KILLED={folder}\0".encode() in stream.read()
        if not count or time.monotonic() > end:
            return count
        time.sleep(0.2)


def contents(report):
    """name -> bytes of every file of a report but the ledger, which has the order and the times of the work."""
    files = [path for path in report.rglob("*") if path.is_file() and path.name != "ledger.jsonl"]
    return {path.relative_to(report).as_posix(): path.read_bytes() for path in files}


def random_bytes(arguments):
    """Submissions of random bytes, as files and as zip files: all are reported, none breaks anything."""
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="course-") as name:
        folder = Path(name)
        for place in range(arguments.submissions):
            data = rng.randbytes(rng.choice((0, 1, 50, 3000, 100_000)))
            if place % 3 == 0:
                (folder / "class").mkdir(exist_ok=True)
                (folder / "class" / f"student{place}.zip").write_bytes(b"PK\x03\x04" * rng.randrange(2) + data)
            else:
                (folder / "class" / f"student{place}").mkdir(parents=True)
                (folder / "class" / f"student{place}" / "autograd_engine.py").write_bytes(data)
        done = subprocess.run(grade(folder / "class", "--out", folder / "report", "--trust", "--no-feedback"),
                              capture_output=True, text=True)  # fmt: skip
        rows = (folder / "report" / "grades.csv").read_text(encoding="utf-8").splitlines()[1:]
        zeros = sum(row.split(",")[1] == "0.0" for row in rows)
    print(
        f"exit code {done.returncode}; {len(rows)} rows for {arguments.submissions} submissions, {zeros} with 0 points"
    )
    return 0 if done.returncode == 0 and len(rows) == zeros == arguments.submissions else 1


def strength(arguments):
    """How many of the planted mistakes the case programs notice: those of the tests' own list."""
    kind, whole = isolation.detect("auto", trust=True).kind, [0, 0]
    wanted = {catalog().topic(word).number for word in arguments.topics.split(",")} if arguments.topics else set()
    print("| topic | planted | noticed | without those that only cost | not noticed |\n|---|---|---|---|---|")
    for topic in (topic for topic in catalog().ready if judge.levels_of(topic)):
        if wanted and topic.number not in wanted:
            continue
        planted = [mutant for mutant in mutants.mutants_of(topic) if mutant.kills]
        chosen = random.Random(arguments.seed).sample(planted, min(arguments.most or len(planted), len(planted)))
        alive = unnoticed(topic, chosen, kind)
        whole = [whole[0] + len(chosen), whole[1] + len(alive)]
        numbers = [mutant.id for mutant in chosen if mutant.diagnosis not in SLOW]
        seen = (
            f"{len(chosen)} | {len(chosen) - len(alive)} | {sum(id not in alive for id in numbers)} of {len(numbers)}"
        )
        print(f"| {topic.number} | {seen} | {', '.join(alive)} |", flush=True)
    print(f"{whole[0] - whole[1]} of {whole[0]}, {1 - whole[1] / whole[0]:.1%}")
    return 0


def unnoticed(topic, planted, kind):
    """The ids of mutants that pass every case of the levels at which the tests notice them."""
    alive = []
    with worker.Grader(kind) as grader:
        for mutant in planted:
            base = int(mutant.base[-1]) if mutant.base.startswith("level0") else 3
            levels = tuple(level for level in judge.levels_of(topic) if level <= min(mutant.upto, base))
            source = mutants.source(topic, mutant).encode()
            unit = batch.Unit(topic.number, mutant.id, worker.seed_of("strength", mutant.id, topic.number), levels)
            told = batch.grade_unit(grader, unit, source, batch.Settings(kind, levels, feedback=False))
            if all(held for level in told["levels"].values() for held in level["steps"].values()):
                alive.append(mutant.id)
    return alive


class Cluster:
    """A Dask scheduler and its workers on the loopback interface, each a process that can be killed."""

    def __init__(self, folder, workers):
        self.folder, self.processes, self.workers = Path(folder), [], []
        file = self.folder / "scheduler.json"
        self._start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                    "--scheduler-file", str(file))  # fmt: skip
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text(encoding="utf-8").strip():
            if time.monotonic() > end:
                raise TimeoutError("the Dask scheduler did not start")
            time.sleep(0.05)
        self.address = json.loads(file.read_text(encoding="utf-8"))["address"]
        for _ in range(workers):
            self.add()

    def _start(self, module, *words):
        process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, start_new_session=True,
                                   env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.processes.append(process)
        return process

    def add(self):
        """One more worker, of one process and one thread."""
        self.workers.append(
            self._start("distributed.cli.dask_worker", self.address, "--host", "127.0.0.1", "--nthreads", "1",
                        "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        )  # fmt: skip

    def kill(self):
        """One worker fewer, without a word; the oldest."""
        process = self.workers.pop(0)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def on_cluster(folder, submissions, workers, kill_at=()):
    """(ledger, units, seconds) of a class graded on a cluster, where workers are killed after so many units."""
    kind = isolation.detect("auto", trust=True).kind
    settings = batch.Settings(kind, levels=(1, 2), feedback=False)
    ledger = batch.Ledger(folder / f"report{workers}", settings, "dask")
    units, contents = batch.units_of(submissions, "dask", settings.levels)
    cluster, waiting = Cluster(folder, workers), sorted(kill_at)

    def progress(done, of, left):
        if waiting and done >= waiting[0]:
            waiting.pop(0)
            cluster.kill()
            cluster.add()

    try:
        started = time.monotonic()
        batch.run(units, contents, ledger, settings, progress=progress, scheduler=cluster.address)
        return ledger, units, time.monotonic() - started
    finally:
        ledger.close()
        cluster.close()


def dask(arguments):
    """One worker against two, and two of which some are killed: every unit comes back exactly once."""
    found, taken = classroom(arguments.submissions, topics=("02", "07")), {}
    for workers, kill_at in ((1, ()), (2, ()), (2, tuple(range(20, arguments.submissions, 40)))):
        with tempfile.TemporaryDirectory(prefix="course-") as name:
            ledger, units, seconds = on_cluster(Path(name), found, workers, kill_at)
            lines = ledger.path.read_text(encoding="utf-8").splitlines()[1:]
        done = sorted(json.loads(text)["unit"] for text in lines)
        graded = sum(json.loads(text)["method"] == "cases" for text in lines)
        once = done == sorted(unit.key for unit in units)
        taken[workers, bool(kill_at)] = seconds
        print(f"{workers} workers, {len(kill_at)} killed: {seconds:.1f} s, {graded} of {len(units)} units graded, "
              f"each exactly once: {'yes' if once else 'NO'}", flush=True)  # fmt: skip
    print(f"two workers are {taken[1, False] / taken[2, False]:.2f} times as fast as one")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("cost")
    one.add_argument("--submissions", type=int, default=150)
    one = commands.add_parser("scale")
    one.add_argument("--gradings", type=int, default=20_000)
    one.add_argument("--jobs", type=int, default=os.cpu_count())
    one.add_argument("--upto", type=int, choices=(1, 2, 3, 4), default=4, help="the highest level")
    one.add_argument("--feedback", action="store_true", help="run the public tests as well")
    one = commands.add_parser("kills")
    one.add_argument("--kills", type=int, default=50)
    one.add_argument("--feedback", action="store_true", help="with the public tests: each kill then costs seconds")
    one.add_argument("--submissions", type=int, default=120)
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("bytes")
    one.add_argument("--submissions", type=int, default=1000)
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("strength")
    one.add_argument("--most", type=int, default=0, help="of each topic; 0 for all")
    one.add_argument("--topics", default="", metavar="02,03", help="these only")
    one.add_argument("--seed", type=int, default=1)
    one = commands.add_parser("dask")
    one.add_argument("--submissions", type=int, default=200)
    arguments = parser.parse_args()
    commands = {"cost": cost, "scale": scale, "kills": kills, "bytes": random_bytes, "dask": dask,
                "strength": strength}  # fmt: skip
    return commands[arguments.command](arguments)


if __name__ == "__main__":
    sys.exit(main())
