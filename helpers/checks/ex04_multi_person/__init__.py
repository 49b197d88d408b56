"""Checks of exercise 4: crops, peaks, part affinity fields and the grouping of people.

    from helpers.checks import ex04_multi_person as check
    check.find_peaks(find_peaks)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. The cases lie in `crop_cases.py`, `peak_cases.py`, `field_cases.py` and `group_cases.py`. How
checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import inputs, run_check
from helpers.checks.engine.table import table_oracle
from helpers.checks.ex04_multi_person import crops as crop_cases
from helpers.checks.ex04_multi_person import fields as field_cases
from helpers.checks.ex04_multi_person import groups as group_cases
from helpers.checks.ex04_multi_person import peaks as peak_cases
from helpers.checks.networks import trained as trained_models

__all__ = [
    "QUESTIONS",
    "add_offsets",
    "affinity_score",
    "boxes_to_crops",
    "crops_to_image",
    "find_peaks",
    "group_people",
    "inputs",
    "match_limbs",
    "model",
    "part_affinity_fields",
]

EXERCISE = "ex04_multi_person"

QUESTIONS = {
    **crop_cases.QUESTIONS,
    **peak_cases.QUESTIONS,
    **field_cases.QUESTIONS,
    **group_cases.QUESTIONS,
    "model": trained_models.PEOPLE_MODEL.question,
}


def boxes_to_crops(answer: Any) -> None:
    """Print whether `answer` cuts out a crop for each box, with the transform that leads back."""
    run_check(QUESTIONS["boxes_to_crops"], answer, table_oracle(EXERCISE, "boxes_to_crops"))


def crops_to_image(answer: Any) -> None:
    """Print whether `answer` brings keypoints from their crops back to their images."""
    run_check(QUESTIONS["crops_to_image"], answer, table_oracle(EXERCISE, "crops_to_image"))


def find_peaks(answer: Any) -> None:
    """Print whether `answer` finds every peak of a map, once and to a fraction of a pixel."""
    run_check(QUESTIONS["find_peaks"], answer, table_oracle(EXERCISE, "find_peaks"))


def part_affinity_fields(answer: Any) -> None:
    """Print whether `answer` draws the direction of every limb of every person."""
    run_check(QUESTIONS["part_affinity_fields"], answer, table_oracle(EXERCISE, "part_affinity_fields"))


def affinity_score(answer: Any) -> None:
    """Print whether `answer` says how well a field agrees with segments."""
    run_check(QUESTIONS["affinity_score"], answer, table_oracle(EXERCISE, "affinity_score"))


def match_limbs(answer: Any) -> None:
    """Print whether `answer` matches starts with ends, greedily from the best score."""
    run_check(QUESTIONS["match_limbs"], answer, table_oracle(EXERCISE, "match_limbs"))


def group_people(answer: Any) -> None:
    """Print whether `answer` puts peaks together to people."""
    run_check(QUESTIONS["group_people"], answer, table_oracle(EXERCISE, "group_people"))


def add_offsets(answer: Any) -> None:
    """Print whether `answer` moves every peak to where the offset of its pixel points."""
    run_check(QUESTIONS["add_offsets"], answer, table_oracle(EXERCISE, "add_offsets"))


def model(build_model: Any, weights_path: str) -> None:
    """Print the AP of the trained system on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the system whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.PEOPLE_MODEL.check(build_model, weights_path)
