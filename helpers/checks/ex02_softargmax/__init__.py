"""Checks of exercise 2: target maps and their loss, `argmax_decode`, `softargmax`, `SoftargmaxPose` and the model.

    from helpers.checks import ex02_softargmax as check
    check.softargmax(softargmax)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex02_softargmax.cases import QUESTIONS
from helpers.checks.networks import trained as trained_models

__all__ = [
    "QUESTIONS",
    "SoftargmaxPose",
    "argmax_decode",
    "gaussian_scoremaps",
    "inputs",
    "lean_softargmax",
    "model",
    "scoremap_loss",
    "softargmax",
]

EXERCISE = "ex02_softargmax"


@checking(EXERCISE, QUESTIONS)
def gaussian_scoremaps(answer: Any) -> None:
    """Print whether `answer` draws a Gaussian of peak 1 for every visible keypoint."""


@checking(EXERCISE, QUESTIONS)
def scoremap_loss(answer: Any) -> None:
    """Print whether `answer` is the squared L2 norm of the difference, with its gradient."""


@checking(EXERCISE, QUESTIONS)
def argmax_decode(answer: Any) -> None:
    """Print whether `answer` finds the place of the highest score of each map."""


@checking(EXERCISE, QUESTIONS)
def softargmax(answer: Any) -> None:
    """Print whether `answer` is the expected place of each map under its softmax, with its gradient."""


@checking(EXERCISE, QUESTIONS)
def lean_softargmax(answer: Any) -> None:
    """Print whether `answer` is `softargmax` with a backward pass that needs less memory."""


@checking(EXERCISE, QUESTIONS)
def SoftargmaxPose(answer: Any) -> None:  # noqa: N802, the check is called like the question
    """Print whether `answer` builds networks whose keypoints are the soft argmax of their scores, and that learn."""


def model(build_model: Any, weights_path: str) -> None:
    """Print the error of the trained model on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the network whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.SOFTARGMAX_MODEL.check(build_model, weights_path)
