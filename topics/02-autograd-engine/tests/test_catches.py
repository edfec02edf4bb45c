"""The expressions with which you caught our engines (`python3 learn.py catch`), on your own. Judges only your file."""

import pytest

from utils.course.catches import CATCHES, parse_line
from utils.course.judging import Mismatch, expect, expect_gradients


@pytest.mark.level2
@pytest.mark.catches
@pytest.mark.about("Value.backward", step="sweep")
def test_the_expressions_that_gave_our_engines_away(candidate):
    expect("x.data", lambda: candidate.Value(2.0).data, 2.0, given="x = Value(2.0)")
    for line in CATCHES.read_text(encoding="utf-8").splitlines():
        program, inputs = parse_line(line)
        try:
            expect_gradients(candidate, program, **inputs)
        except Mismatch:
            raise
        except (TypeError, AttributeError, NotImplementedError):
            continue  # an operation that is not written yet; its own tests say so
