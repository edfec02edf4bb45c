"""Level 1: the probes for your line-up of engines, and five bugs in engines. What is right depends on whose it is."""

import pytest

from utils.course import catches, hunting

NUMBERS = range(1, hunting.CASES + 1)


@pytest.mark.level1
@pytest.mark.about("probes")
def test_the_probes_give_away_every_engine_of_the_line_up(candidate):
    hunting.expect_caught(candidate.probes(), catches.seed())


@pytest.mark.level1
@pytest.mark.about("engines")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_bug_in_an_engine_is_found_named_and_mended(candidate, number):
    hunting.expect_found("engines", number, candidate.engines(), candidate.mended)
