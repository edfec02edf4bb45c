"""Kill the commands of the course at random moments, and see that nothing of the learner's is ever lost.

    python3 benchmarks/kill_test.py --kills 1000 --seed 1

Somebody saves, types a command, and the power goes: SIGKILL after a random time, to the command and all it started. A
journal of every byte that was ever saved is kept outside. After each kill it is compared with what is there:

- the file in workspace/ is as a whole something that was saved, or the skeleton; never half of anything,
- what was saved last, and the ten versions kept last, are in workspace/ or among the versions,
- every file of the course is as a whole the old or the new one of a killed update,
- the states can be read, and the next command works.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COURSE = ("learn.py", "conftest.py", "pyproject.toml", "requirements.txt", "scripts", "utils", "topics", "hints")
COMMANDS = ("check", "watch", "reset", "start", "undo", "update")
LONGEST = {"check": 1.2, "watch": 2.0, "reset": 0.35, "start": 0.35, "undo": 0.35, "update": 1.0}  # seconds to a kill
FILE = "autograd_engine.py"


class Lost(AssertionError):
    """Something is not as it must be; the text says what."""


class Ordeal:
    """A copy of the course, a learner in it, and the journal of what they saved."""

    def __init__(self, folder, seed, *, slow=1.0):
        self.dice, self.slow = random.Random(seed), slow
        self.course, self.newer, self.home = folder / "course", folder / "newer", folder / "home"
        for target in (self.course, self.newer):
            for name in COURSE:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    target.mkdir(exist_ok=True)
                    shutil.copy(source, target / name)
        self.older = folder / "older"  # not this checkout itself: somebody may be at work in it
        shutil.copytree(self.course, self.older)
        self.versions = {}  # file of the course -> every content that it may have
        for path in sorted(self.newer.rglob("*.py")):
            if "topics" in path.parts:
                path.write_bytes(path.read_bytes() + b"# newer\n")
        for path in self.course.rglob("*"):
            if path.is_file():
                name = path.relative_to(self.course)
                self.versions[name] = {path.read_bytes(), (self.newer / name).read_bytes()}
        self.file = self.home / "workspace" / FILE
        self.skeletons = self.versions[Path("topics/02-autograd-engine/skeleton.py")]
        self.solution = next(self.course.glob("topics/02-*/solutions/level01-*.py")).read_text(encoding="utf-8")
        self.journal, self.last, self.kept_before = [], None, []

    def environment(self):
        return {**os.environ, "COURSE_HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", "COURSE_PATIENCE": "5"}

    def save(self):
        """The learner saves something that was never there before, in one of the ways in which editors do it."""
        self.last = f"{self.solution}\n# version {len(self.journal)} {self.dice.random()}\n".encode()
        self.journal.append(self.last)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_name(FILE + "~")
        if self.dice.random() < 0.5:
            beside.write_bytes(self.last)
            os.replace(beside, self.file)
        else:
            self.file.write_bytes(self.last)

    def strike(self, command):
        """Type a command, and kill it and all it started after a random time."""
        words = {"check": ["check", "02", "--upto", "1"], "watch": ["watch", "02"], "undo": ["undo", "02"],
                 "update": ["update", "--from", str(self.newer)]}.get(command, [command, "02"])  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, self.course / "learn.py", *words], cwd=self.course, env=self.environment(),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(self.dice.uniform(0.0, LONGEST[command] * self.slow))
        if command == "watch" and self.dice.random() < 0.5:
            self.save()
            time.sleep(self.dice.uniform(0.0, 0.3 * self.slow))
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdin.close()

    def kept(self):
        """The content of every version that is kept, oldest first."""
        paths = (self.home / ".learn" / "snapshots").glob(f"{Path(FILE).stem}-*.py")
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]

    def inspect(self):
        """Compare with the journal. Raises Lost."""
        kept = self.kept()
        known = set(self.journal) | self.skeletons
        if self.file.exists() and self.file.read_bytes() not in known:
            raise Lost(f"{self.file} holds what nobody saved")
        if set(kept) - known:
            raise Lost("a version is kept that nobody saved")
        there = {*kept, self.file.read_bytes() if self.file.exists() else b""}
        if self.last is not None and self.last not in there:
            raise Lost("what was saved last is nowhere")
        if set(self.kept_before[-10:]) - there:
            raise Lost("one of the last ten versions has gone")
        self.kept_before = kept
        for name, contents in self.versions.items():
            path = self.course / name
            if not path.is_file() or path.read_bytes() not in contents:
                raise Lost(f"{name} of the course is neither the old nor the new one")

    def next_command(self, *words):
        """Run a command to its end. Raises Lost if it does not work."""
        done = subprocess.run([sys.executable, self.course / "learn.py", *words], cwd=self.course, text=True,
                              env=self.environment(), capture_output=True, stdin=subprocess.DEVNULL)  # fmt: skip
        if done.returncode not in (0, 1) or "Traceback" in done.stderr:
            raise Lost(f"{' '.join(words) or 'learn.py'} ends with {done.returncode}: {done.stdout}{done.stderr}")

    def old_course(self):
        """Bring the old course back, so that the next update has something to do."""
        for name in self.versions:
            if "topics" in name.parts:
                shutil.copy(self.older / name, self.course / name)


def run(folder, kills, seed, *, commands=COMMANDS, commands_after=1, slow=1.0, tell=lambda text: None):
    """So many kills; how often each command was killed. Raises Lost with the number of the kill."""
    ordeal, counts = Ordeal(folder, seed, slow=slow), dict.fromkeys(commands, 0)
    for number in range(1, kills + 1):
        command = ordeal.dice.choice(commands)
        counts[command] += 1
        if ordeal.dice.random() < 0.7:
            ordeal.save()
        elif command == "start" and ordeal.file.exists() and ordeal.dice.random() < 0.5:
            os.replace(ordeal.file, ordeal.file.with_name("moved-away.py"))  # the learner's own doing
            ordeal.last = None
        if command == "update":
            ordeal.old_course()
        try:
            ordeal.strike(command)
            ordeal.inspect()
            if number % commands_after == 0:
                ordeal.next_command()
                ordeal.next_command(*([] if not ordeal.kept() else ["history", "02"]))
            if number % (25 * commands_after) == 0 and ordeal.file.exists():
                ordeal.next_command("check", "02", "--upto", "1")
                ordeal.inspect()
        except Lost as reason:
            raise Lost(f"kill {number} ({command}, seed {seed}): {reason}") from None
        if number % 50 == 0:
            tell(f"{number} kills, {len(ordeal.journal)} saves, {len(ordeal.kept())} versions kept: nothing lost")
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        counts = run(Path(folder), arguments.kills, arguments.seed, commands_after=3,
                     tell=lambda text: print(text, flush=True))  # fmt: skip
    print(
        f"{arguments.kills} kills, nothing lost: " + ", ".join(f"{count} of {name}" for name, count in counts.items())
    )


if __name__ == "__main__":
    main()
