"""Hidden checks of exercise 5: the cases of the visible checks, drawn from a secret seed."""

from __future__ import annotations

import pytest

from grading.hidden_checks.rows import rows

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "offset_targets": [(3, "values"), (1, "numbers"), (1, "few")],
    "group_pixels": [(2, "values"), (1, "outside"), (1, "nobody"), (1, "few")],
    "panoptic_quality": [(2, "values"), (1, "half"), (1, "images"), (1, "numbers"), (1, "none")],
}


@pytest.mark.parametrize(("question", "cases"), rows(CHECKS))
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)
