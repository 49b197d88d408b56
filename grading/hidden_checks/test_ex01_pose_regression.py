"""Hidden checks of exercise 1: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mpjpe_of
from helpers.checks.networks.trained import REGRESSION_MODEL

WEIGHTS = "ex01_pose_regression.safetensors"


@pytest.mark.points("mpjpe", 2)
def test_mpjpe_of_unequal_images(submission):
    submission.examine("mpjpe", "values")


@pytest.mark.points("mpjpe", 1)
def test_mpjpe_does_not_see_invisible_keypoints(submission):
    submission.examine("mpjpe", "invisible")


@pytest.mark.points("mpjpe", 1)
def test_mpjpe_of_nothing_is_nan(submission):
    submission.examine("mpjpe", "none_visible")


@pytest.mark.points("pck", 2)
def test_pck_with_one_threshold(submission):
    submission.examine("pck", "values")


@pytest.mark.points("pck", 1)
def test_pck_with_a_threshold_per_image(submission):
    submission.examine("pck", "per_image_threshold")


@pytest.mark.points("pck", 1)
def test_pck_at_its_edges(submission):
    submission.examine("pck", "edges")


@pytest.mark.points("masked_l2_loss", 1)
def test_masked_l2_loss_values(submission):
    submission.examine("masked_l2_loss", "values")


@pytest.mark.points("masked_l2_loss", 1)
def test_masked_l2_loss_gradient(submission):
    submission.examine("masked_l2_loss", "gradient")


@pytest.mark.points("masked_l2_loss", 1)
def test_masked_l2_loss_does_not_see_invisible_keypoints(submission):
    submission.examine("masked_l2_loss", "invisible")


@pytest.mark.points("masked_l2_loss", 1)
def test_masked_l2_loss_of_nothing_is_an_attached_zero(submission):
    submission.examine("masked_l2_loss", "none_visible")


@pytest.mark.points("PoseRegressor", 3)
def test_pose_regressor_learns_pixels(submission):
    submission.examine("PoseRegressor", "learns")


@pytest.mark.points("PoseRegressor", 1)
def test_pose_regressor_trains_its_backbone(submission):
    submission.examine("PoseRegressor", "backbone")


@pytest.mark.points("PoseRegressor", 1)
def test_pose_regressor_fits_all_sizes(submission):
    submission.examine("PoseRegressor", "sizes")


@pytest.mark.points("PoseRegressor", 1)
def test_pose_regressor_treats_each_image_alone(submission):
    submission.examine("PoseRegressor", "eval")


@pytest.mark.parametrize(
    "threshold",
    [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}px") for t, p in REGRESSION_MODEL.steps],
)
def test_model_on_held_out_scenes(submission, threshold):
    error = mpjpe_of(submission, WEIGHTS)
    if not REGRESSION_MODEL.reaches(error, threshold):
        raise REGRESSION_MODEL.too_far(error, threshold)
