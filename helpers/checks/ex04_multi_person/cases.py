"""The questions of exercise 4, each with its probes and cases.

Of some questions many answers are right (any order of peaks, pairs and people, any point within a crop pixel): their
calls say what is granted, in `crops.py`, `peaks.py`, `scores.py`, `pairs.py` and `groups.py`.
"""

from __future__ import annotations

from helpers.checks.engine.question import Question, by_name, read_hints
from helpers.checks.ex04_multi_person import (
    crop_cases,
    crop_points,
    crops,
    fields,
    group_cases,
    groups,
    offsets,
    pairs,
    peak_cases,
    scores,
)
from helpers.checks.networks import trained as trained_models
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex04_multi_person")
QUESTIONS = by_name(
    Question(
        "boxes_to_crops",
        "boxes_to_crops is right: place and scale of every crop, its transform, borders, and images without boxes.",
        {"crop": crops.cropping, "glance": crops.glancing},
        {"values": crop_cases.crops_values, "border": crop_cases.crops_border, "few": crop_cases.crops_few},
        HINTS["boxes_to_crops"],
    ),
    Question(
        "crops_to_image",
        "crops_to_image is right: every keypoint by the transform of its crop, whatever the affine map.",
        {"call": calling("keypoints", "transforms")},
        {"values": crop_points.points_values, "affine": crop_points.points_affine},
        HINTS["crops_to_image"],
    ),
    Question(
        "find_peaks",
        "find_peaks is right: every peak once and below the pixel, on plateaus, at borders and beside NaN.",
        {"call": calling("scoremaps", "threshold")},
        {
            "values": peak_cases.peaks_values,
            "many": peak_cases.peaks_many,
            "threshold": peak_cases.peaks_threshold,
            "nan": peak_cases.peaks_nan,
            "plateaus": peak_cases.peaks_plateaus,
            "border": peak_cases.peaks_border,
            "refined": peak_cases.peaks_refined,
        },
        HINTS["find_peaks"],
    ),
    Question(
        "add_offsets",
        "add_offsets is right: every peak where its pixel's offset points, also from outside of the map.",
        {"call": offsets.moving},
        {"values": offsets.offsets_values, "outside": offsets.offsets_outside, "empty": offsets.offsets_empty},
        HINTS["add_offsets"],
    ),
    Question(
        "part_affinity_fields",
        "part_affinity_fields is right: unit vectors in rectangles, what is invisible, and limbs that overlap.",
        {"draw": fields.drawing},
        {
            "values": fields.fields_values,
            "rectangle": fields.fields_rectangle,
            "unseen": fields.fields_unseen,
            "overlap": fields.fields_overlap,
        },
        HINTS["part_affinity_fields"],
    ),
    Question(
        "affinity_score",
        "affinity_score is right: all along each segment, at the border, any shape of pairs, and length 0.",
        {"call": calling("field", "start", "end", "num_samples")},
        {
            "values": scores.scores_values,
            "along": scores.scores_along,
            "border": scores.scores_border,
            "pairs": scores.scores_pairs,
            "short": scores.scores_short,
        },
        HINTS["affinity_score"],
    ),
    Question(
        "match_limbs",
        "match_limbs is right: the best pairs first, each candidate once, and only above the threshold.",
        {"call": calling("starts", "ends", "scores", "threshold")},
        {"values": pairs.pairs_values, "threshold": pairs.pairs_threshold, "few": pairs.pairs_few},
        HINTS["match_limbs"],
    ),
    Question(
        "group_people",
        "group_people is right: whole people, people in pieces, missing keypoints, false limbs, and nobody at all.",
        {"call": groups.grouping},
        {
            "whole": group_cases.people_whole,
            "limbs": group_cases.people_limbs,
            "missing": group_cases.people_missing,
            "affinity": group_cases.people_affinity,
            "few": group_cases.people_few,
            "many": group_cases.people_many,
        },
        HINTS["group_people"],
    ),
    trained_models.PEOPLE_MODEL.question,
)
