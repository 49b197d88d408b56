"""Hidden checks of exercise 2: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mpjpe_of
from helpers.checks.networks.trained import SOFTARGMAX_MODEL

WEIGHTS = "ex02_softargmax.safetensors"


@pytest.mark.points("gaussian_scoremaps", 2)
def test_gaussian_scoremaps_between_pixels(submission):
    submission.examine("gaussian_scoremaps", "values")


@pytest.mark.points("gaussian_scoremaps", 1)
def test_gaussian_scoremaps_of_centres_outside(submission):
    submission.examine("gaussian_scoremaps", "outside")


@pytest.mark.points("gaussian_scoremaps", 1)
def test_gaussian_scoremaps_of_invisible_keypoints_are_zero(submission):
    submission.examine("gaussian_scoremaps", "invisible")


@pytest.mark.points("scoremap_loss", 2)
def test_scoremap_loss_values(submission):
    submission.examine("scoremap_loss", "values")


@pytest.mark.points("scoremap_loss", 1)
def test_scoremap_loss_gradient(submission):
    submission.examine("scoremap_loss", "gradient")


@pytest.mark.points("argmax_decode", 2)
def test_argmax_decode_of_oblong_maps(submission):
    submission.examine("argmax_decode", "values")


@pytest.mark.points("argmax_decode", 1)
def test_argmax_decode_of_negative_and_tied_scores(submission):
    submission.examine("argmax_decode", "negative_and_tied")


@pytest.mark.points("softargmax", 2)
def test_softargmax_values(submission):
    submission.examine("softargmax", "values")


@pytest.mark.points("softargmax", 1)
def test_softargmax_beta_is_an_inverse_temperature(submission):
    submission.examine("softargmax", "beta")


@pytest.mark.points("softargmax", 1)
def test_softargmax_of_large_scores_is_finite(submission):
    submission.examine("softargmax", "large")


@pytest.mark.points("softargmax", 2)
def test_softargmax_gradient(submission):
    submission.examine("softargmax", "gradient")


@pytest.mark.bonus("lean_softargmax", 1)
def test_lean_softargmax_values_and_gradients(submission):
    submission.examine("lean_softargmax", "values")


@pytest.mark.bonus("lean_softargmax", 1)
def test_lean_softargmax_passes_gradcheck(submission):
    submission.examine("lean_softargmax", "gradcheck")


@pytest.mark.bonus("lean_softargmax", 1)
def test_lean_softargmax_needs_less_memory(submission):
    submission.examine("lean_softargmax", "memory")


@pytest.mark.points("SoftargmaxPose", 2)
def test_softargmax_pose_takes_the_soft_argmax_of_its_scores(submission):
    submission.examine("SoftargmaxPose", "consistent")


@pytest.mark.points("SoftargmaxPose", 2)
def test_softargmax_pose_learns(submission):
    submission.examine("SoftargmaxPose", "learns")


@pytest.mark.points("SoftargmaxPose", 1)
def test_softargmax_pose_trains_its_backbone(submission):
    submission.examine("SoftargmaxPose", "backbone")


@pytest.mark.points("SoftargmaxPose", 1)
def test_softargmax_pose_fits_all_sizes_and_treats_each_image_alone(submission):
    submission.examine("SoftargmaxPose", "sizes")
    submission.examine("SoftargmaxPose", "eval")


@pytest.mark.parametrize(
    "threshold",
    [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}px") for t, p in SOFTARGMAX_MODEL.steps],
)
def test_model_on_held_out_scenes(submission, threshold):
    error = mpjpe_of(submission, WEIGHTS)
    if not SOFTARGMAX_MODEL.reaches(error, threshold):
        raise SOFTARGMAX_MODEL.too_far(error, threshold)
