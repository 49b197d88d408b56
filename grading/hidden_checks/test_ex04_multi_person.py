"""Hidden checks of exercise 4: the cases of the visible checks, drawn from a secret seed, and held-out scenes."""

from __future__ import annotations

import pytest

from grading.course.held_out import ap_of
from helpers.checks.networks.trained import PEOPLE_MODEL

WEIGHTS = "ex04_multi_person.safetensors"

# boxes_to_crops (4), crops_to_image (2)


@pytest.mark.points("boxes_to_crops", 2)
def test_boxes_to_crops_values(submission):
    submission.examine("boxes_to_crops", "values")


@pytest.mark.points("boxes_to_crops", 1)
def test_boxes_to_crops_at_the_border(submission):
    submission.examine("boxes_to_crops", "border")


@pytest.mark.points("boxes_to_crops", 1)
def test_boxes_to_crops_without_boxes_and_with_empty_ones(submission):
    submission.examine("boxes_to_crops", "few")


@pytest.mark.points("crops_to_image", 1)
def test_crops_to_image_by_scales_and_shifts(submission):
    submission.examine("crops_to_image", "values")


@pytest.mark.points("crops_to_image", 1)
def test_crops_to_image_by_any_affine_map(submission):
    submission.examine("crops_to_image", "affine")


# find_peaks (4)


@pytest.mark.points("find_peaks", 1)
def test_find_peaks_of_every_map(submission):
    submission.examine("find_peaks", "values")
    submission.examine("find_peaks", "many")


@pytest.mark.points("find_peaks", 1)
def test_find_peaks_above_the_threshold_and_beside_nan(submission):
    submission.examine("find_peaks", "threshold")
    submission.examine("find_peaks", "nan")


@pytest.mark.points("find_peaks", 1)
def test_find_peaks_once_on_every_plateau(submission):
    submission.examine("find_peaks", "plateaus")


@pytest.mark.points("find_peaks", 1)
def test_find_peaks_at_borders_and_below_the_pixel(submission):
    submission.examine("find_peaks", "border")
    submission.examine("find_peaks", "refined")


# part_affinity_fields (4), affinity_score (4)


@pytest.mark.points("part_affinity_fields", 1)
def test_part_affinity_fields_values(submission):
    submission.examine("part_affinity_fields", "values")


@pytest.mark.points("part_affinity_fields", 1)
def test_part_affinity_fields_end_where_the_rectangle_ends(submission):
    submission.examine("part_affinity_fields", "rectangle")


@pytest.mark.points("part_affinity_fields", 1)
def test_part_affinity_fields_of_what_is_invisible_or_has_no_length(submission):
    submission.examine("part_affinity_fields", "unseen")


@pytest.mark.points("part_affinity_fields", 1)
def test_part_affinity_fields_of_limbs_that_overlap(submission):
    submission.examine("part_affinity_fields", "overlap")


@pytest.mark.points("affinity_score", 1)
def test_affinity_score_values(submission):
    submission.examine("affinity_score", "values")


@pytest.mark.points("affinity_score", 1)
def test_affinity_score_all_along_the_segment(submission):
    submission.examine("affinity_score", "along")


@pytest.mark.points("affinity_score", 1)
def test_affinity_score_at_the_border(submission):
    submission.examine("affinity_score", "border")


@pytest.mark.points("affinity_score", 1)
def test_affinity_score_of_pairs_in_any_shape_and_of_length_0(submission):
    submission.examine("affinity_score", "pairs")
    submission.examine("affinity_score", "short")


# match_limbs (3), group_people (5)


@pytest.mark.points("match_limbs", 1)
def test_match_limbs_takes_the_best_pairs_first(submission):
    submission.examine("match_limbs", "values")


@pytest.mark.points("match_limbs", 1)
def test_match_limbs_above_the_threshold(submission):
    submission.examine("match_limbs", "threshold")


@pytest.mark.points("match_limbs", 1)
def test_match_limbs_of_few_candidates_and_nan(submission):
    submission.examine("match_limbs", "few")


@pytest.mark.points("group_people", 1)
def test_group_people_who_are_whole(submission):
    submission.examine("group_people", "whole")


@pytest.mark.points("group_people", 1)
def test_group_people_whatever_the_order_of_the_limbs(submission):
    submission.examine("group_people", "limbs")


@pytest.mark.points("group_people", 1)
def test_group_people_who_lack_keypoints(submission):
    submission.examine("group_people", "missing")


@pytest.mark.points("group_people", 1)
def test_group_people_along_clear_limbs_only(submission):
    submission.examine("group_people", "affinity")


@pytest.mark.points("group_people", 1)
def test_group_people_of_few_peaks_and_of_many(submission):
    submission.examine("group_people", "few")
    submission.examine("group_people", "many")


# add_offsets (bonus, 3)


@pytest.mark.bonus("add_offsets", 1)
def test_add_offsets_values(submission):
    submission.examine("add_offsets", "values")


@pytest.mark.bonus("add_offsets", 1)
def test_add_offsets_from_outside_of_the_map(submission):
    submission.examine("add_offsets", "outside")


@pytest.mark.bonus("add_offsets", 1)
def test_add_offsets_where_a_keypoint_has_no_peak(submission):
    submission.examine("add_offsets", "empty")


@pytest.mark.parametrize(
    "threshold", [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}") for t, p in PEOPLE_MODEL.steps]
)
def test_model_on_held_out_scenes(submission, threshold):
    score = ap_of(submission, WEIGHTS)
    if not PEOPLE_MODEL.reaches(score, threshold):
        raise PEOPLE_MODEL.too_far(score, threshold)
