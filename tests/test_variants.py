"""Engines that are right and different from ours: the tests judge behavior, so every one of them must pass."""

import pytest

from tests.conftest import TOPICS
from utils.course.catalog import ROOT, catalog
from utils.course.outcomes import rows_of

FOLDERS = {topic: ROOT / "tests" / "variants" / topic.number for topic in TOPICS}
VARIANTS = [(topic, path) for topic, folder in FOLDERS.items() for path in sorted(folder.glob("*.py"))]


@pytest.fixture(scope="module")
def rows():
    """Every row of levels 1 and 2 on every variant, one session a topic."""
    return {
        topic.number: rows_of(topic, [str(path) for t, path in VARIANTS if t is topic], "--upto", "2")
        for topic in {topic for topic, _ in VARIANTS}
    }


def test_there_are_enough_variants_to_mean_something():
    assert sum(topic.number == "02" for topic, _ in VARIANTS) >= 10


@pytest.mark.parametrize(("topic", "path"), VARIANTS, ids=lambda thing: getattr(thing, "stem", None))
def test_a_correct_design_of_another_kind_is_never_rejected(topic, path, rows):
    own = [row for row in rows[topic.number] if row["candidate"] == str(path)]
    assert len(own) > 40
    assert [(row["test"], row["message"]) for row in own if row["outcome"] != "pass"] == []


def test_micrograd_passes_what_it_offers_and_what_it_lacks_is_not_written(tmp_path):
    path = tmp_path / "micrograd_engine.py"
    path.write_text("from micrograd.engine import Value\n", encoding="utf-8")
    own = rows_of(catalog().topic("02"), [str(path)], "--upto", "2")
    outcomes = [row["outcome"] for row in own]
    assert {row["test"] for row in own if row["outcome"] not in ("pass", "not-written")} == set()
    assert outcomes.count("pass") >= 40 and 0 < outcomes.count("not-written") <= 10


def test_the_exercises_are_solved_by_their_solution_and_not_by_an_engine_alone():
    topic = catalog().topic("02")
    rows = rows_of(topic, ["further/exercises", "level03"], "-m", "exercise")
    assert {row["outcome"] for row in rows if row["candidate"] == "further/exercises"} == {"pass"}
    assert {row["outcome"] for row in rows if row["candidate"] == "level03"} == {"not-written"}
