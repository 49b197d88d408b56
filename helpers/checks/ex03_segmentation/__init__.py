"""Checks of exercise 3: IoU, convolutions as matrices, decoders, unpooling and the loss of a segmentation network.

    from helpers.checks import ex03_segmentation as check
    check.mean_iou(mean_iou)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from typing import Any

from helpers.checks.engine.judge import checking, inputs
from helpers.checks.ex03_segmentation.cases import QUESTIONS
from helpers.checks.networks import trained as trained_models

__all__ = [
    "QUESTIONS",
    "TransposedDecoder",
    "UNetDecoder",
    "UpsampleDecoder",
    "convolution_matrix",
    "inputs",
    "iou",
    "mean_iou",
    "model",
    "segmentation_loss",
    "transposed_convolution",
    "unpool_with_indices",
]

EXERCISE = "ex03_segmentation"


@checking(EXERCISE, QUESTIONS)
def iou(answer: Any) -> None:
    """Print whether `answer` is the intersection over union of two masks."""


@checking(EXERCISE, QUESTIONS)
def mean_iou(answer: Any) -> None:
    """Print whether `answer` is the mean IoU over the classes, and the IoU of each."""


@checking(EXERCISE, QUESTIONS)
def convolution_matrix(answer: Any) -> None:
    """Print whether `answer` is the matrix of a convolution."""


@checking(EXERCISE, QUESTIONS)
def transposed_convolution(answer: Any) -> None:
    """Print whether `answer` is the transposed matrix of a convolution times an image."""


@checking(EXERCISE, QUESTIONS)
def UpsampleDecoder(answer: Any) -> None:  # noqa: N802, the check is called like the question
    """Print whether `answer` builds decoders that classify and enlarge the deepest features."""


@checking(EXERCISE, QUESTIONS)
def TransposedDecoder(answer: Any) -> None:  # noqa: N802
    """Print whether `answer` builds decoders that learn the way up from the deepest features."""


@checking(EXERCISE, QUESTIONS)
def UNetDecoder(answer: Any) -> None:  # noqa: N802
    """Print whether `answer` builds decoders that join all features, as large as those of the `TransposedDecoder` that
    is defined beside it."""


@checking(EXERCISE, QUESTIONS)
def unpool_with_indices(answer: Any) -> None:
    """Print whether `answer` puts every value back to where max pooling took it from."""


@checking(EXERCISE, QUESTIONS)
def segmentation_loss(answer: Any) -> None:
    """Print whether `answer` is the mean cross-entropy of the pixels that count, with its gradient."""


def model(build_model: Any, weights_path: str) -> None:
    """Print the mean IoU of the trained model on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the network whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.SEGMENTATION_MODEL.check(build_model, weights_path)
