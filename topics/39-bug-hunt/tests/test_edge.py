"""Level 2: twenty-five bugs, drawn from all topics that the road has passed."""

import pytest

from utils.course import hunting

NUMBERS = range(1, hunting.CASES + 1)


@pytest.mark.level2
@pytest.mark.about("measures")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_bug_where_slopes_are_measured_is_found_named_and_mended(candidate, number):
    hunting.expect_found("measures", number, candidate.measures(), candidate.mended)


@pytest.mark.level2
@pytest.mark.about("networks")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_bug_in_a_loss_or_a_network_is_found_named_and_mended(candidate, number):
    hunting.expect_found("networks", number, candidate.networks(), candidate.mended)


@pytest.mark.level2
@pytest.mark.about("training")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_bug_on_the_way_down_is_found_named_and_mended(candidate, number):
    hunting.expect_found("training", number, candidate.training(), candidate.mended)


@pytest.mark.level2
@pytest.mark.about("anywhere")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_bug_anywhere_is_found_named_and_mended(candidate, number):
    hunting.expect_found("anywhere", number, candidate.anywhere(), candidate.mended)


@pytest.mark.level2
@pytest.mark.about("once_more")
@pytest.mark.parametrize("number", NUMBERS)
def test_one_of_the_last_bugs_is_found_named_and_mended(candidate, number):
    hunting.expect_found("once_more", number, candidate.once_more(), candidate.mended)
