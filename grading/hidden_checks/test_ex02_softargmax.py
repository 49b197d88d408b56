"""Hidden checks of exercise 2: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mpjpe_of, pictured
from grading.hidden_checks.rows import rows, steps
from helpers.checks.networks.trained import SOFTARGMAX_MODEL

WEIGHTS = "ex02_softargmax.safetensors"

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "gaussian_scoremaps": [(2, "values"), (1, "outside"), (1, "invisible")],
    "scoremap_loss": [(2, "values"), (1, "gradient")],
    "argmax_decode": [(2, "values"), (1, "negative_and_tied")],
    "softargmax": [(2, "values"), (1, "beta"), (1, "large"), (2, "gradient")],
    "lean_softargmax": [(1, "values"), (1, "gradcheck"), (1, "memory")],
    # its keypoints are the soft argmax of its scores; each image alone, any size; it trains its backbone; it learns
    "SoftargmaxPose": [(2, "consistent"), (1, "eval", "sizes"), (1, "backbone"), (2, "learns")],
}


@pytest.mark.parametrize(("question", "cases"), rows(CHECKS, bonus=("lean_softargmax",)))
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)


@pytest.mark.parametrize("threshold", steps(SOFTARGMAX_MODEL))
def test_model_on_held_out_scenes(submission, threshold):
    error = mpjpe_of(submission, WEIGHTS)
    if not SOFTARGMAX_MODEL.reaches(error, threshold):
        raise pictured(SOFTARGMAX_MODEL.too_far(error, threshold), submission, WEIGHTS)
