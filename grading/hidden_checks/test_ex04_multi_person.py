"""Hidden checks of exercise 4: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import ap_of, pictured
from grading.hidden_checks.rows import rows, steps
from helpers.checks.networks.trained import PEOPLE_MODEL

WEIGHTS = "ex04_multi_person.safetensors"

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "boxes_to_crops": [(2, "values"), (1, "border"), (1, "few")],
    "crops_to_image": [(1, "values"), (1, "affine")],
    "find_peaks": [(1, "values", "many"), (1, "threshold", "nan"), (1, "plateaus"), (1, "border", "refined")],
    "part_affinity_fields": [(1, "values"), (1, "rectangle"), (1, "unseen"), (1, "overlap")],
    "affinity_score": [(1, "values"), (1, "along"), (1, "border"), (1, "pairs", "short")],
    "match_limbs": [(1, "values"), (1, "threshold"), (1, "few")],
    "group_people": [(1, "whole"), (1, "limbs"), (1, "missing"), (1, "affinity"), (1, "few", "many")],
    "add_offsets": [(1, "values"), (1, "outside"), (1, "empty")],
}


@pytest.mark.parametrize(("question", "cases"), rows(CHECKS, bonus=("add_offsets",)))
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)


@pytest.mark.parametrize("threshold", steps(PEOPLE_MODEL))
def test_model_on_held_out_scenes(submission, threshold):
    score = ap_of(submission, WEIGHTS)
    if not PEOPLE_MODEL.reaches(score, threshold):
        raise pictured(PEOPLE_MODEL.too_far(score, threshold), submission, WEIGHTS)
