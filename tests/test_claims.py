"""What `scripts/maintain.py check` proves, one test a claim. Mutants have a file of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import TOPICS
from utils.course import gallery, outcomes, proof
from utils.course.catalog import catalog
from utils.drawing import NoLayout


@pytest.fixture(scope="module")
def rows():
    """Every row of every topic, on every candidate of the outcome table; run once, two topics at a time."""
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda topic: outcomes.rows_of(topic, outcomes.CANDIDATES), TOPICS)
        return dict(zip((topic.number for topic in TOPICS), found, strict=True))


def test_every_topic_has_its_files_and_no_others():
    assert proof.file_findings(catalog()) == []


def test_every_level_offers_the_names_of_the_skeleton(topic):
    assert proof.contract_findings(topic) == []


def test_the_outcome_table_is_as_the_house_demands(topic, rows):
    assert outcomes.findings(topic, rows[topic.number]) == []


def test_every_candidate_ran_the_same_tests(topic, rows):
    counts = {
        candidate: sum(row["candidate"] == candidate and row["level"] > 0 for row in rows[topic.number])
        for candidate in outcomes.CANDIDATES
    }
    assert len(set(counts.values())) == 1 and min(counts.values()) > 0, counts


def test_tests_hints_steps_and_skeleton_use_the_same_names(topic, rows):
    assert proof.key_findings(topic, rows[topic.number]) == []


def test_texts_have_their_sections_links_and_commands():
    assert proof.text_findings(catalog()) == []


def test_the_pictures_in_the_texts_are_what_the_engine_draws_now():
    try:
        drawn = gallery.findings()
    except NoLayout:
        pytest.skip("Graphviz has no wheel for this system, so nothing can be laid out to compare with")
    assert gallery.pictures() and drawn == []


def test_levels_one_and_two_collect_few_enough_tests_for_a_quick_check(topic, rows):
    few = [row for row in rows[topic.number] if row["candidate"] == "skeleton" and row["level"] in (1, 2)]
    assert 0 < len(few) <= 65
