"""Checks of exercise 5: `offset_targets`, `group_pixels` and `panoptic_quality`.

    from helpers.checks import ex05_instances as check
    check.offset_targets(offset_targets)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex05_instances.cases import QUESTIONS

__all__ = ["QUESTIONS", "group_pixels", "inputs", "offset_targets", "panoptic_quality"]

EXERCISE = "ex05_instances"


@checking(EXERCISE, QUESTIONS)
def offset_targets(answer: Any) -> None:
    """Print whether `answer` gives each pixel the way to the centre of mass of its person."""


@checking(EXERCISE, QUESTIONS)
def group_pixels(answer: Any) -> None:
    """Print whether `answer` gives each pixel to the centre nearest to where it points."""


@checking(EXERCISE, QUESTIONS)
def panoptic_quality(answer: Any) -> None:
    """Print whether `answer` is the panoptic quality of all images together."""
