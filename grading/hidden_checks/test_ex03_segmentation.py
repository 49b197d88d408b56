"""Hidden checks of exercise 3: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import mean_iou_of
from helpers.checks.networks.trained import SEGMENTATION_MODEL

WEIGHTS = "ex03_segmentation.safetensors"


@pytest.mark.points("iou", 1)
def test_iou_of_masks_of_any_shape(submission):
    submission.examine("iou", "values")


@pytest.mark.points("iou", 1)
def test_iou_of_masks_that_are_empty_or_do_not_meet(submission):
    submission.examine("iou", "empty")


@pytest.mark.points("mean_iou", 1)
def test_mean_iou_values(submission):
    submission.examine("mean_iou", "values")


@pytest.mark.points("mean_iou", 1)
def test_mean_iou_of_absent_classes(submission):
    submission.examine("mean_iou", "absent")


@pytest.mark.points("mean_iou", 1)
def test_mean_iou_ignores_what_does_not_count(submission):
    submission.examine("mean_iou", "ignored")


@pytest.mark.points("mean_iou", 1)
def test_mean_iou_where_few_pixels_count_or_none(submission):
    submission.examine("mean_iou", "few")


@pytest.mark.points("convolution_matrix", 2)
def test_convolution_matrix_values(submission):
    submission.examine("convolution_matrix", "values")


@pytest.mark.points("convolution_matrix", 1)
def test_convolution_matrix_with_stride(submission):
    submission.examine("convolution_matrix", "stride")


@pytest.mark.points("convolution_matrix", 1)
def test_convolution_matrix_with_padding(submission):
    submission.examine("convolution_matrix", "padding")


@pytest.mark.points("transposed_convolution", 1)
def test_transposed_convolution_values(submission):
    submission.examine("transposed_convolution", "values")


@pytest.mark.points("transposed_convolution", 1)
def test_transposed_convolution_with_stride(submission):
    submission.examine("transposed_convolution", "stride")


@pytest.mark.points("transposed_convolution", 1)
def test_transposed_convolution_with_padding(submission):
    submission.examine("transposed_convolution", "padding")


@pytest.mark.points("unpool_with_indices", 1)
def test_unpool_with_indices_values(submission):
    submission.examine("unpool_with_indices", "values")


@pytest.mark.points("unpool_with_indices", 1)
def test_unpool_with_indices_to_odd_sizes(submission):
    submission.examine("unpool_with_indices", "odd")


@pytest.mark.points("unpool_with_indices", 1)
def test_unpool_with_indices_gradient(submission):
    submission.examine("unpool_with_indices", "gradient")


@pytest.mark.points("segmentation_loss", 1)
def test_segmentation_loss_values(submission):
    submission.examine("segmentation_loss", "values")


@pytest.mark.points("segmentation_loss", 1)
def test_segmentation_loss_ignores_what_does_not_count(submission):
    submission.examine("segmentation_loss", "ignored")


@pytest.mark.points("segmentation_loss", 1)
def test_segmentation_loss_gradient(submission):
    submission.examine("segmentation_loss", "gradient")


@pytest.mark.points("UpsampleDecoder", 2)
def test_upsample_decoder_is_one_convolution_and_one_upsampling(submission):
    submission.examine("UpsampleDecoder", "values")


@pytest.mark.points("UpsampleDecoder", 1)
def test_upsample_decoder_fits_all_sizes_and_treats_each_image_alone(submission):
    submission.examine("UpsampleDecoder", "sizes")
    submission.examine("UpsampleDecoder", "fitted")
    submission.examine("UpsampleDecoder", "trains")
    submission.examine("UpsampleDecoder", "alone")


@pytest.mark.points("TransposedDecoder", 2)
def test_transposed_decoder_learns_the_way_up_from_the_deepest_features(submission):
    submission.examine("TransposedDecoder", "learned")


@pytest.mark.points("TransposedDecoder", 1)
def test_transposed_decoder_fits_all_sizes(submission):
    submission.examine("TransposedDecoder", "sizes")
    submission.examine("TransposedDecoder", "fitted")


@pytest.mark.points("TransposedDecoder", 1)
def test_transposed_decoder_uses_its_parameters_and_treats_each_image_alone(submission):
    submission.examine("TransposedDecoder", "trains")
    submission.examine("TransposedDecoder", "alone")


@pytest.mark.points("UNetDecoder", 2)
def test_unet_decoder_joins_every_stage(submission):
    submission.examine("UNetDecoder", "joins")


@pytest.mark.points("UNetDecoder", 1)
def test_unet_decoder_works_for_all_arguments(submission):
    submission.examine("UNetDecoder", "sizes")


@pytest.mark.points("UNetDecoder", 1)
def test_unet_decoder_fits_what_was_rounded_about_the_centre(submission):
    submission.examine("UNetDecoder", "fitted")


@pytest.mark.points("UNetDecoder", 1)
def test_unet_decoder_uses_its_parameters_and_treats_each_image_alone(submission):
    submission.examine("UNetDecoder", "trains")
    submission.examine("UNetDecoder", "alone")


@pytest.mark.points("UNetDecoder", 1)
def test_unet_decoder_has_as_many_parameters_as_transposed_decoder(submission):
    submission.examine("UNetDecoder", "matched")


@pytest.mark.parametrize(
    "threshold",
    [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}") for t, p in SEGMENTATION_MODEL.steps],
)
def test_model_on_held_out_scenes(submission, threshold):
    score = mean_iou_of(submission, WEIGHTS)
    if not SEGMENTATION_MODEL.reaches(score, threshold):
        raise SEGMENTATION_MODEL.too_far(score, threshold)
