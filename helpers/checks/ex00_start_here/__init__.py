"""The check of the warm-up: `flip_keypoints`."""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex00_start_here.cases import QUESTIONS

__all__ = ["QUESTIONS", "flip_keypoints", "inputs"]

EXERCISE = "ex00_start_here"


@checking(EXERCISE, QUESTIONS)
def flip_keypoints(answer: Any) -> None:
    """Print whether `answer` mirrors keypoints."""
