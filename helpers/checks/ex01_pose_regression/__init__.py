"""Checks of exercise 1: `mpjpe`, `pck`, `masked_l2_loss`, `PoseRegressor` and the model question.

    from helpers.checks import ex01_pose_regression as check
    check.mpjpe(mpjpe)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex01_pose_regression.cases import QUESTIONS
from helpers.checks.networks.trained import REGRESSION_MODEL

__all__ = ["QUESTIONS", "PoseRegressor", "inputs", "masked_l2_loss", "model", "mpjpe", "pck"]

EXERCISE = "ex01_pose_regression"


@checking(EXERCISE, QUESTIONS)
def mpjpe(answer: Any) -> None:
    """Print whether `answer` is the mean Euclidean error over all visible keypoints."""


@checking(EXERCISE, QUESTIONS)
def pck(answer: Any) -> None:
    """Print whether `answer` is the share of visible keypoints within a threshold."""


@checking(EXERCISE, QUESTIONS)
def masked_l2_loss(answer: Any) -> None:
    """Print whether `answer` is the mean squared distance over all visible keypoints, with its gradient."""


@checking(EXERCISE, QUESTIONS)
def PoseRegressor(answer: Any) -> None:  # noqa: N802, the check is called like the question
    """Print whether `answer` builds networks that can learn to regress all keypoints in pixels."""


def model(build_model: Any, weights_path: str) -> None:
    """Print the error of the trained model on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the network whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    REGRESSION_MODEL.check(build_model, weights_path)
