"""Hidden checks of exercise 2: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mpjpe_of
from helpers.checks.networks.trained import SOFTARGMAX_MODEL

WEIGHTS = "ex02_softargmax.safetensors"

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "gaussian_scoremaps": [(2, "values"), (1, "outside"), (1, "invisible")],
    "scoremap_loss": [(2, "values"), (1, "gradient")],
    "argmax_decode": [(2, "values"), (1, "negative_and_tied")],
    "softargmax": [(2, "values"), (1, "beta"), (1, "large"), (2, "gradient")],
    "lean_softargmax": [(1, "values"), (1, "gradcheck"), (1, "memory")],
    # its keypoints are the soft argmax of its scores; it learns; it trains its backbone; any size, each image alone
    "SoftargmaxPose": [(2, "consistent"), (2, "learns"), (1, "backbone"), (1, "sizes", "eval")],
}


def worth(question, points):
    """Return the mark of a check: the points of a bonus question are extra ones, beyond the maximum."""
    return (pytest.mark.bonus if question == "lean_softargmax" else pytest.mark.points)(question, points)


@pytest.mark.parametrize(
    ("question", "cases"),
    [
        pytest.param(q, cases, marks=worth(q, points), id="-".join([q, *cases]))
        for q, checks in CHECKS.items()
        for points, *cases in checks
    ],
)
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)


@pytest.mark.parametrize(
    "threshold",
    [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}px") for t, p in SOFTARGMAX_MODEL.steps],
)
def test_model_on_held_out_scenes(submission, threshold):
    error = mpjpe_of(submission, WEIGHTS)
    if not SOFTARGMAX_MODEL.reaches(error, threshold):
        raise SOFTARGMAX_MODEL.too_far(error, threshold)
