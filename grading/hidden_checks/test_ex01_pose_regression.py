"""Hidden checks of exercise 1: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mpjpe_of, pictured
from grading.hidden_checks.rows import rows, steps
from helpers.checks.networks.trained import REGRESSION_MODEL

WEIGHTS = "ex01_pose_regression.safetensors"

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "mpjpe": [(2, "values"), (1, "invisible"), (1, "none_visible")],
    "pck": [(2, "values"), (1, "per_image_threshold"), (1, "edges")],
    "masked_l2_loss": [(1, "values"), (1, "gradient"), (1, "invisible"), (1, "none_visible")],
    # each image alone; it trains its backbone; any size; it learns pixels
    "PoseRegressor": [(1, "eval"), (1, "backbone"), (1, "sizes"), (3, "learns")],
}


@pytest.mark.parametrize(("question", "cases"), rows(CHECKS))
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)


@pytest.mark.parametrize("threshold", steps(REGRESSION_MODEL))
def test_model_on_held_out_scenes(submission, threshold):
    error = mpjpe_of(submission, WEIGHTS)
    if not REGRESSION_MODEL.reaches(error, threshold):
        raise pictured(REGRESSION_MODEL.too_far(error, threshold), submission, WEIGHTS)
