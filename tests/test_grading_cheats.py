"""The cheat zoo: each file in tests/cheats/ scores nothing and is named; honest files of any design score full.

A file says in its first line what it tries, and after `# named:` which words the report has for it.
"""

import os
import stat
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest

from utils.course.catalog import ROOT, catalog
from utils.grading import batch, container, intake, isolation, judge, worker
from utils.grading.sandbox import Limits

if not hasattr(os, "fork") or isolation.detect("namespaces").kind == "none":
    pytest.skip("this system offers no namespaces, so nothing here would be safe to run", allow_module_level=True)

TOPIC = catalog().topic("02")
CHEATS = sorted(path.stem for path in (ROOT / "tests" / "cheats").glob("*.py"))
HONEST = [("stub", 4), ("level02", 2), ("level01", 1)]
DESIGNS = sorted(path.stem for path in (ROOT / "tests" / "variants" / "02").glob("*.py"))
LIMITS = Limits(seconds=3.0, cpu=2, memory=512 << 20)


def unit_result(grader, name, source, levels):
    unit = batch.Unit("02", name, worker.seed_of("zoo", name, "02"), levels)
    return batch.grade_unit(grader, unit, source, batch.Settings("namespaces", levels, feedback=False))


@cache
def results():
    """name -> result of every cheat, two at a time."""
    mine, graders = threading.local(), []

    def one(name):
        if not hasattr(mine, "grader"):
            mine.grader = worker.Grader("namespaces", LIMITS)
            graders.append(mine.grader)
        return unit_result(mine.grader, name, (ROOT / "tests" / "cheats" / f"{name}.py").read_bytes(), (1, 2, 3))

    try:
        with ThreadPoolExecutor(2) as pool:
            return dict(zip(CHEATS, pool.map(one, CHEATS), strict=True))
    finally:
        for grader in graders:
            grader.close()


def words_of(result):
    """All that a report could say about a result."""
    found = [result["look"]["ownership"], *result["look"]["notes"]]
    for level in result["levels"].values():
        found += [level["ended"], level["trouble"]]
        found += [f"{judge.WORDS[case['outcome']]} {case['words']}" for case in level["cases"]]
    return "\n".join(found)


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_scores_nothing_and_is_named(name):
    result = results()[name]
    assert [step for level in result["levels"].values() for step, held in level["steps"].items() if held] == []
    (phrase,) = [
        line.removeprefix("# named: ")
        for line in (ROOT / "tests" / "cheats" / f"{name}.py").read_text(encoding="utf-8").splitlines()
        if line.startswith("# named: ")
    ]
    assert phrase and phrase in words_of(result), words_of(result)


@pytest.fixture(scope="module")
def grader():
    with worker.Grader("namespaces") as grader:
        yield grader


@pytest.mark.parametrize(("which", "upto"), HONEST)
def test_an_honest_file_scores_full(grader, which, upto):
    result = unit_result(grader, which, TOPIC.candidate_path(which).read_bytes(), tuple(range(1, upto + 1)))
    assert all(held for level in result["levels"].values() for held in level["steps"].values()), words_of(result)


@pytest.mark.parametrize("name", DESIGNS)
def test_an_honest_file_of_another_design_scores_full(grader, name):
    source = (ROOT / "tests" / "variants" / "02" / f"{name}.py").read_bytes()
    result = unit_result(grader, name, source, (1, 2))
    assert all(held for level in result["levels"].values() for held in level["steps"].values()), words_of(result)
    assert result["look"]["ownership"] == "own"


def zygotes():
    """The processes of graders that this process has; a fork keeps the command line of its zygote."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as stream:
                words = stream.read()
        except OSError:
            continue
        if b"utils.grading.zygote" in words and f'"grader": {os.getpid()},'.encode() in words:
            found.add(process)
    return found


def soon(holds):
    """Does this become true within a few seconds? A killed process needs a moment to be gone."""
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_what_a_submission_leaves_running_ends_with_it():
    before = zygotes()
    with worker.Grader("namespaces", LIMITS) as grader:
        for name in ("leaves_a_daemon", "fork_storm"):
            unit_result(grader, name, (ROOT / "tests" / "cheats" / f"{name}.py").read_bytes(), (1,))
        # For each of two kinds of work the zygote, and the process that stays outside; a fork may take a moment to end.
        assert soon(lambda: len(zygotes() - before) == 4)
    assert soon(lambda: zygotes() <= before)


def test_with_limits_only_nothing_is_left_running_either():
    before = zygotes()
    with worker.Grader("rlimits", LIMITS) as grader:
        for name in ("leaves_a_daemon", "fork_storm", "memory_bomb", "endless_print"):
            result = unit_result(grader, name, (ROOT / "tests" / "cheats" / f"{name}.py").read_bytes(), (1,))
            assert not any(result["levels"]["1"]["steps"].values())
            assert soon(lambda: len(zygotes() - before) <= 2)
    assert soon(lambda: zygotes() <= before)


def test_in_containers_no_two_submissions_share_a_process(monkeypatch):
    made = []

    class Pretended:
        def __init__(self, *words):
            made.append(words)

        def run(self, job, source, limits):
            return b"", {"ended": "exit", "code": 0}

        def end(self):
            made.append("end")

    monkeypatch.setattr(worker, "Zygote", Pretended)
    grader = worker.Grader("container")
    for source in (b"one", b"one", b"two"):
        grader.run("cases", TOPIC, {}, source, "x.py")
    assert [word if word == "end" else word[0] for word in made] == ["cases", "end", "cases"]


def test_a_container_has_no_network_no_rights_and_sees_what_a_submission_may_see(tmp_path, monkeypatch):
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert container.program() == "docker" and container.why_not("") == ""
    words = container.command("", {"files": worker.visible(TOPIC)}, {"A": "b"})
    text = " ".join(words)
    for wanted in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges", "--pids-limit",
                   "--memory 2g", "--user 65534:65534", "cases.py:ro"):  # fmt: skip
        assert wanted in text
    assert "02-autograd-engine/solutions" not in text and "answers.py" not in text
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert "does not answer" in container.why_not("")


# What `docker run` does, as far as this grader asks for it: a root with what the volumes show, a scratch folder, no
# network, and then the command. The real one adds its limits; that both are told apart by nothing else is the point.
STAND_IN = """#!{python}
import os, sys
words = sys.argv[1:]
if words[0] == "run":
    options = list(zip(words, words[1 : words.index("autograd-course-grader")]))
    os.environ.update(value.split("=", 1) for option, value in options if option == "--env")
    sys.path.insert(0, {root!r})
    from utils.grading import sandbox, zygote
    files = [value.split(":")[0] for option, value in options if option == "--volume"]
    sandbox.enter(sandbox.View(tuple(files)))
    sandbox.own_scratch(1 << 24)
    os.getuid = lambda: 65534  # as --user says
    zygote.main(words[-1])
"""


def test_a_container_judges_like_the_namespaces(tmp_path, monkeypatch):
    (tmp_path / "docker").write_text(STAND_IN.format(python=sys.executable, root=str(ROOT)), encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert isolation.detect("container").kind == "container"
    files = {path.name: path.read_bytes() for path in (TOPIC.solution(2), TOPIC.solution(1), TOPIC.skeleton)}
    files |= {name: (ROOT / "tests" / "cheats" / f"{name}.py").read_bytes() for name in CHEATS[:3]}
    found = {}
    for kind in ("container", "namespaces"):
        with worker.Grader(kind, LIMITS) as grader:
            for name, source in files.items():
                levels = unit_result(grader, name, source, (1, 2))["levels"].values()
                held = [step for level in levels for step, holds in level["steps"].items() if holds]
                found.setdefault(name, []).append(held)
    assert all(one == other for one, other in found.values()), found
    assert len(found[TOPIC.solution(2).name][0]) == len(TOPIC.steps_of(1)) + len(TOPIC.steps_of(2))
    assert [name for name, (held, _) in found.items() if held] == [TOPIC.solution(2).name, TOPIC.solution(1).name]


def test_a_lie_about_the_answers_cannot_break_the_judge():
    right = b'["a_box_keeps_its_number", "answers", [1, 0, 2, 0, 3, 0]]\n'
    lines = (
        b"\xff\xfe\n", b"[]\n", b"7\n", b'{"a": 1}\n', b'["x"]\n', b"[" * 200_000 + b"\n", b'["", 5, 6]\n',
        b'["a_box_keeps_its_number", "answers", {"0": 1}]\n', b'["a_box_keeps_its_number", "answers", [1e999]]\n',
        b'["a_box_keeps_its_number", "answers", [NaN, 0, Infinity, 0, 1, 0]]\n', right + right,
        b'["a_box_keeps_its_number", "answers", [true, false, "1", null, [], {}]]\n',
        b'["a_box_keeps_its_number", "answers", [' + b"9" * 400 + b", 0, 0, 0, 0, 0]]\n",
        b'["a_box_keeps_its_number", "answers", [' + b"9" * 9000 + b"]]\n",
        b'["a_box_keeps_its_number", "holds", ""]\n',
    )  # fmt: skip
    for line in lines:
        found, _ = judge.judge(TOPIC, 1, "seed", line)
        assert found and all(one.outcome != "holds" for one in found), line[:80]


# What is handed in ----------------------------------------------------------------------------------------------------


def test_a_folder_gives_the_files_of_the_catalogue_and_nothing_else(tmp_path):
    (tmp_path / "ada" / "workspace").mkdir(parents=True)
    (tmp_path / "secret.py").write_text("secret", encoding="utf-8")
    ada = tmp_path / "ada"
    (ada / "autograd_engine.py").write_text("old", encoding="utf-8")
    (ada / "workspace" / "autograd_engine.py").write_text("mine", encoding="utf-8")
    (ada / "losses.py").symlink_to(tmp_path / "secret.py")
    (ada / "linked").symlink_to(tmp_path)
    for name in ("conftest.py", "sitecustomize.py", "evil.pth", "fast.so", "data.pkl", "notes.txt"):
        (ada / name).write_bytes(b"x")
    (ada / "workspace" / "optimizers.py").write_bytes(b"x" * (intake.MOST_BYTES + 1))
    os.mkfifo(ada / "workspace" / "backpropagation.py")
    found = intake.read(ada, "ada")
    assert found.files == {"02": b"mine"}
    told = dict(found.refused)
    assert set(told) >= {"conftest.py", "sitecustomize.py", "evil.pth", "fast.so", "data.pkl", "losses.py", "linked",
                         "workspace/optimizers.py", "workspace/backpropagation.py"}  # fmt: skip
    assert told["losses.py"].startswith("a link") and "larger than" in told["workspace/optimizers.py"]


def test_two_different_files_for_one_topic_are_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / "ada" / folder).mkdir(parents=True)
        (tmp_path / "ada" / folder / "losses.py").write_text(folder, encoding="utf-8")
    found = intake.read(tmp_path / "ada", "ada")
    assert found.files == {} and found.refused == [
        ("one/losses.py, two/losses.py", "two different files for one topic")
    ]


def test_a_zip_file_is_read_without_unpacking_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "eve.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../autograd_engine.py", "out")
        archive.writestr("/losses.py", "absolute")
        archive.writestr("C:\\optimizers.py", "drive")
        link = zipfile.ZipInfo("work/backpropagation.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("gradient_checking.py", b"\0" * (200 << 20))
        archive.writestr("conftest.py", "flip = True")
        archive.writestr("work/mlp_and_initialization.py", "mine")
    found = intake.read(tmp_path / "eve.zip", "eve")
    assert found.files == {"05": b"mine"} and len(found.refused) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eve.zip"]


def test_a_size_that_lies_and_archives_that_are_broken_are_reported(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("losses.py", b"\0" * (intake.MOST_BYTES * 4))
    data = (tmp_path / "a.zip").read_bytes()
    size = (intake.MOST_BYTES * 4).to_bytes(4, "little")
    (tmp_path / "b.zip").write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    (tmp_path / "c.zip").write_bytes(data[: len(data) // 2])
    (tmp_path / "d.zip").write_bytes(b"")
    for name in "abcd":
        found = intake.read(tmp_path / f"{name}.zip", name)
        assert found.files == {} and len(found.refused) == 1


def test_random_bytes_are_reported_and_break_nothing(grader):
    import random

    rng = random.Random(10)
    for number in range(25):
        source = rng.randbytes(rng.randrange(2000))
        result = unit_result(grader, f"random {number}", source, (1, 2))
        assert all(case["outcome"] in judge.WORDS and case["outcome"] != "holds"
                   for level in result["levels"].values() for case in level["cases"])  # fmt: skip
    for source in (b"-" * 100_000 + b"1", b"(" * 100_000, b"a." * 100_000 + b"b", b"x = " + b"[" * 90 + b"]" * 90, b""):
        assert unit_result(grader, "deep", source, (1,))["levels"]["1"]["cases"]


def test_a_table_names_students_and_paths(tmp_path):
    (tmp_path / "repo-1").mkdir()
    (tmp_path / "repo-1" / "losses.py").write_text("one", encoding="utf-8")
    (tmp_path / "class.csv").write_text("student,path\nAda,repo-1\nBob,repo-2\n", encoding="utf-8")
    ada, bob = intake.collect(tmp_path / "class.csv")
    assert (ada.student, ada.files) == ("Ada", {"04": b"one"})
    assert bob.files == {} and bob.refused == [("repo-2", "it is not there")]
