"""Hidden checks of exercise 3: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mean_iou_of, pictured
from grading.hidden_checks.rows import rows, steps
from helpers.checks.networks.trained import SEGMENTATION_MODEL

WEIGHTS = "ex03_segmentation.safetensors"

# Each check: the points that it is worth, and the cases that must all be right to earn them.
CHECKS = {
    "iou": [(1, "values"), (1, "empty")],
    "mean_iou": [(1, "values"), (1, "absent"), (1, "ignored"), (1, "few")],
    "convolution_matrix": [(2, "values"), (1, "stride"), (1, "padding")],
    "transposed_convolution": [(1, "values"), (1, "stride"), (1, "padding")],
    "unpool_with_indices": [(1, "values"), (1, "odd"), (1, "gradient")],
    "segmentation_loss": [(1, "values"), (1, "ignored"), (1, "gradient")],
    # one convolution and one upsampling; any size, and each image alone
    "UpsampleDecoder": [(2, "values"), (1, "sizes", "fitted", "trains", "alone")],
    # it learns the way up from the deepest features; any size; all its parameters count, and each image alone
    "TransposedDecoder": [(2, "learned"), (1, "sizes", "fitted"), (1, "trains", "alone")],
    # it joins every stage; as the row above; and has as many parameters as TransposedDecoder
    "UNetDecoder": [(2, "joins"), (1, "sizes"), (1, "fitted"), (1, "trains", "alone"), (1, "matched")],
}


@pytest.mark.parametrize(("question", "cases"), rows(CHECKS))
def test_answers(submission, question, cases):
    for case in cases:
        submission.examine(question, case)


@pytest.mark.parametrize("threshold", steps(SEGMENTATION_MODEL))
def test_model_on_held_out_scenes(submission, threshold):
    score = mean_iou_of(submission, WEIGHTS)
    if not SEGMENTATION_MODEL.reaches(score, threshold):
        raise pictured(SEGMENTATION_MODEL.too_far(score, threshold), submission, WEIGHTS)
