"""Level 3: what stays or is shared and should not be. Level 4: bug or convention, with PyTorch as the judge."""

import pytest

from utils.course import hunting

NUMBERS = range(1, hunting.CASES + 1)


@pytest.mark.level3
@pytest.mark.about("leaks")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_leak_is_found_named_and_mended(candidate, number):
    hunting.expect_found("leaks", number, candidate.leaks(), candidate.mended)


@pytest.mark.level4
@pytest.mark.about("conventions")
@pytest.mark.parametrize("letter", hunting.LETTERS)
def test_a_bug_is_told_from_a_convention_and_pytorch_is_predicted(candidate, letter):
    hunting.expect_judged(letter, candidate.conventions())
