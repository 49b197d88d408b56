"""Checks of exercise 4: crops, peaks, part affinity fields and the grouping of people.

    from helpers.checks import ex04_multi_person as check
    check.find_peaks(find_peaks)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. The questions and their cases: `cases.py` beside this file. How checks work, and how an exercise
joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex04_multi_person.cases import QUESTIONS
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


@checking(EXERCISE, QUESTIONS)
def boxes_to_crops(answer: Any) -> None:
    """Print whether `answer` cuts out a crop for each box, with the transform that leads back."""


@checking(EXERCISE, QUESTIONS)
def crops_to_image(answer: Any) -> None:
    """Print whether `answer` brings keypoints from their crops back to their images."""


@checking(EXERCISE, QUESTIONS)
def find_peaks(answer: Any) -> None:
    """Print whether `answer` finds every peak of a map, once and to a fraction of a pixel."""


@checking(EXERCISE, QUESTIONS)
def part_affinity_fields(answer: Any) -> None:
    """Print whether `answer` draws the direction of every limb of every person."""


@checking(EXERCISE, QUESTIONS)
def affinity_score(answer: Any) -> None:
    """Print whether `answer` says how well a field agrees with segments."""


@checking(EXERCISE, QUESTIONS)
def match_limbs(answer: Any) -> None:
    """Print whether `answer` matches starts with ends, greedily from the best score."""


@checking(EXERCISE, QUESTIONS)
def group_people(answer: Any) -> None:
    """Print whether `answer` puts peaks together to people."""


@checking(EXERCISE, QUESTIONS)
def add_offsets(answer: Any) -> None:
    """Print whether `answer` moves every peak to where the offset of its pixel points."""


def model(build_model: Any, weights_path: str) -> None:
    """Print the AP of the trained system on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the system whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.PEOPLE_MODEL.check(build_model, weights_path)
