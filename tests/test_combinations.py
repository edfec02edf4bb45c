"""Owned and borrowed topics in any mixture: each topic can be started, and its tests run on what lies before it.

A mixture says for each topic whether `utils.engine` hands out the learner's file or the stub. Every one is tried in a
process of its own, forked from one that has NumPy and the tests in memory and has loaded no engine: so nothing that one
mixture has loaded is seen by another, and two hundred take some seconds.
"""

import inspect
import json
import os
import random
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from types import ModuleType

import pytest

MIXTURES = 200

# In the tests ---------------------------------------------------------------------------------------------------------

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each mixture is a fork of one process")


def tried(home, *words):
    """What main() found, in a process of its own that has this folder for a home."""
    variables = {name: value for name, value in os.environ.items() if name != "COURSE_ENGINE"}
    done = subprocess.run([sys.executable, __file__, *map(str, words)], capture_output=True, text=True, timeout=900,
                          env={**variables, "COURSE_HOME": str(home), "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_topic_starts_and_runs_on_two_hundred_mixtures_of_owned_and_borrowed(tmp_path):
    found = tried(tmp_path, MIXTURES)
    assert found["wrong"] == []
    assert found["ran"] == found["there"]  # each basic test of each topic had its turn
    for number in {number for engines in found["engines"] for number in engines}:
        behind = Counter(engines.get(number) for engines in found["engines"])
        assert min(behind["mine"], behind["stub"]) > MIXTURES // 4, f"Topic {number}: {behind}"
    assert len(set(map(tuple, found["mixtures"]))) > MIXTURES * 0.8


def test_every_topic_starts_and_passes_its_basic_tests_with_stubs_for_all_others(tmp_path):
    found = tried(tmp_path, 1)
    assert found["wrong"] == [] and found["mixtures"] == [[]]
    assert found["ran"] == found["there"] and set(found["engines"][0].values()) == {"stub"}


def test_a_name_that_is_at_home_in_the_wrong_topic_is_found(tmp_path):
    found = tried(tmp_path, 1, "no_grad=optimizers")
    assert any("no_grad" in line for line in found["wrong"]), found["wrong"]


def test_an_engine_that_is_not_the_one_chosen_is_found(tmp_path):
    found = tried(tmp_path, 4, "choice=stub")
    assert any("stub where mine was chosen" in line for line in found["wrong"]), found["wrong"]


# In a process of its own ----------------------------------------------------------------------------------------------


def basic_tests(topic, code):
    """The tests of levels 1 and 2 in test_basic.py that need a candidate and nothing else, by name.

    The file is executed here and now: it imports the engine that is chosen here.
    """
    module = ModuleType(f"basic_{topic.number}")
    module.__file__ = code.co_filename
    exec(code, module.__dict__)
    return {name: function for name, function in vars(module).items() if name.startswith("test_") and _plain(function)}


def _plain(function):
    marks = {mark.name for mark in getattr(function, "pytestmark", ())}
    alone = list(inspect.signature(function).parameters) == ["candidate"]
    return alone and marks & {"level1", "level2"} and not marks & {"usefixtures", "catches", "exercise", "resources"}


def one_mixture(topics, codes, owned, turn, planted):
    """What goes wrong in one mixture, the tests that ran and that there are, the engines that were loaded.

    Each topic is started: its skeleton is copied and must load. Then it is written, as level 3 has it, and judged by
    one test in turn, or by all where turn is None. To be called in a fork.
    """
    from utils import autograd_stub, engine
    from utils.course import judging, progress
    from utils.course.loading import load, load_candidate

    if planted.startswith("choice="):
        engine.choice = lambda slug: planted.removeprefix("choice=")
    elif planted:
        autograd_stub.HOMES.update([planted.split("=")])
    wrong, ran, there = [], [], []
    for topic in topics:
        what, mine = f"Topic {topic.number}", topic.workspace_file
        written = mine.read_text(encoding="utf-8")
        try:
            mine.unlink()
            if not progress.start(topic.skeleton, mine):
                wrong.append(f"{what} was not started")
            load(mine)
            mine.write_text(written, encoding="utf-8")
            tests = basic_tests(topic, codes[topic.number])
            names = sorted(tests)
            there += [f"{topic.number} {name}" for name in names]
            for name in names if turn is None else [names[turn % len(names)]]:
                what = f"Topic {topic.number}, {name}"
                judging.observations.clear()
                tests[name](load_candidate(mine))
                ran.append(f"{topic.number} {name}")
        except Exception as error:
            wrong.append(f"{what}; owned: {', '.join(owned) or 'nothing'}: {type(error).__name__}: {error}"[:300])
        finally:
            mine.write_text(written, encoding="utf-8")
    engines = {topic.number: which for topic in topics for which in _loaded(topic)}
    for number, which in engines.items():
        asked = "mine" if number in owned else "stub"
        if which != asked:
            wrong.append(f"Topic {number}: {which} where {asked} was chosen")
    return {"wrong": wrong, "ran": ran, "there": there, "engines": engines}


def _loaded(topic):
    """Which files of a topic stand behind utils.engine in this process: "mine", "stub", both or none."""
    files = {module.__file__ for name, module in list(sys.modules.items()) if name.startswith("engine_")}
    paths = {"mine": topic.workspace_file, "stub": topic.solution(3)}
    return [which for which, path in paths.items() if os.path.realpath(path) in files]


def in_a_fork(call):
    """What call() returns, computed in a child of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as stream:
                json.dump(call(), stream)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read()
    os.waitpid(child, 0)
    return json.loads(told) if told else {"wrong": ["a process ended early"], "ran": [], "there": [], "engines": {}}


def main(count, planted=""):
    """Try so many mixtures, the first one of stubs only and with every test, and print what was found."""
    import numpy as np  # noqa: F401  in memory before the first fork, as all that is no engine

    from utils import engine, finite_difference_checker  # noqa: F401
    from utils.course import costs, judging, loading, progress  # noqa: F401
    from utils.course.catalog import STATE, WORKSPACE, catalog

    # Texts are compiled once for all forks; what they say is executed in each anew.
    loading._compiled = lru_cache(maxsize=None)(loading._compiled.__wrapped__)
    topics = [topic for topic in catalog().ready if topic.kind != "hunt"]  # a hunt uses no engine that was chosen
    codes = {}
    WORKSPACE.mkdir(parents=True)
    STATE.mkdir(parents=True)
    for topic in topics:
        basic = topic.tests / "test_basic.py"
        codes[topic.number] = compile(basic.read_text(encoding="utf-8"), str(basic), "exec")
        topic.workspace_file.write_text(topic.solution(3).read_text(encoding="utf-8"), encoding="utf-8")
        for content in (topic.skeleton.read_bytes(), topic.workspace_file.read_bytes()):
            loading._compiled(content, os.path.realpath(topic.workspace_file))
    rng = random.Random(19)
    told = {"mixtures": [], "wrong": [], "ran": [], "there": [], "engines": []}
    for turn in range(count):
        share = rng.random() if turn else 0.0
        owned = [topic.number for topic in topics if rng.random() < share]
        engines = {topic.slug: "mine" if topic.number in owned else "stub" for topic in topics}
        (STATE / "settings.json").write_text(json.dumps({"engines": engines}), encoding="utf-8")
        found = in_a_fork(lambda owned=owned, turn=turn: one_mixture(topics, codes, owned, turn or None, planted))
        told["mixtures"].append(owned)
        told["engines"].append(found.pop("engines"))
        for key, values in found.items():
            told[key] += values
    told |= {key: sorted(set(told[key])) for key in ("ran", "there")}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
