"""The model question: how good is a trained pose network?

The same case serves the notebook, on the validation set, and grading, on held-out scenes; whoever asks scores the
predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.compare import show
from helpers.checks.pose_models import checked_keypoints
from helpers.checks.pose_probes import predict_with_weights
from helpers.checks.question import Ask, Oracle, Question, Wrong, read_hints
from helpers.checks.verdict import run_check

__all__ = [
    "MODEL",
    "MODEL_THRESHOLDS",
    "SOFTARGMAX_MODEL",
    "TrainedModel",
    "check_model",
    "mean_length",
    "points_at",
    "too_far",
]


class TrainedModel:
    """The model question of one exercise, for networks that answer keypoints (B, 17, 2), alone or first of a pair.

    Args:
        thresholds: MPJPE in pixels at 128 x 128 and the points that it earns, best last: the notebook's text, the
            visible check and the hidden one all read it here.
        hints: by the mistake's name.
    """

    def __init__(self, thresholds: tuple[tuple[float, int], ...], hints: Mapping[str, str]) -> None:
        self.thresholds, self.hints = thresholds, hints
        probes = {"predict_with_weights": predict_with_weights}
        self.question = Question("model", "", probes, {"predicts": self.predicts}, hints)

    def predicts(
        self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None, images: Tensor, weights: str
    ) -> Tensor:
        """Return the model's keypoints for uint8 `images` (N, 3, H, W); whoever asks scores them."""
        called = f"build_model(), with the weights of {weights}"
        got = ask("predict_with_weights", images=images, weights=weights)
        if isinstance(got, dict) and "problem" in got:
            mistake = got["problem"]
            raise Wrong(called, got["message"], "a network and a file of its weights", self.hints[mistake], mistake)
        if isinstance(got, Tensor) and got.ndim == 4 and "pair_swapped" in self.hints:
            expected = "a pair: keypoints (B, 17, 2) and scores (B, 17, h, w)"
            raise Wrong(called, show(got), expected, self.hints["pair_swapped"], "pair_swapped")
        return checked_keypoints(called, got, (len(images), 17, 2))

    @property
    def steps(self) -> list[tuple[float, int]]:
        """The thresholds in pixels, each with the points that it adds to those before."""
        before = [0, *(points for _, points in self.thresholds)]
        return [(threshold, points - less) for (threshold, points), less in zip(self.thresholds, before, strict=False)]

    def points_at(self, error: float) -> int:
        """Return the points that a model with this MPJPE, in pixels, earns."""
        return max((points for threshold, points in self.thresholds if error <= threshold), default=0)

    def too_far(self, error: float, threshold: float) -> Wrong:
        """Return the verdict on a model whose MPJPE, in pixels, is above a threshold that earns points."""
        hint = f"{error:.1f} px on held-out scenes; {threshold:g} px or less earn the next points. "
        hint += self.hints["too_far"]
        return Wrong(
            "build_model(), on held-out scenes", f"{error:.1f} px", f"at most {threshold:g} px", hint, "too_far"
        )

    def check(self, build_model: Any, weights_path: str) -> None:
        """Print the error of the trained model on the validation set and the points that it would earn there."""
        from helpers.data import rendered_people

        val = rendered_people("val")

        def sentence(pred: Tensor) -> str:
            error = mean_length((pred - val.keypoints)[val.visible])
            steps = ", ".join(f"{points} up to {threshold:g} px" for threshold, points in self.thresholds)
            return f"model: MPJPE {error:.2f} px on the validation set, {self.points_at(error)} points there ({steps})."

        run_check(self.question, build_model, None, {"images": val.images, "weights": str(weights_path)}, sentence)


def mean_length(offsets: Tensor) -> float:
    """Return the mean length of the vectors (N, 2), to about a thousandth.

    By Cauchy and Crofton: a length is pi / 2 times the mean length of its shadow over all directions. (The direct
    formula is the answer to a question.)
    """
    angles = (torch.arange(32) + 0.5) * (torch.pi / 32)
    shadows = offsets @ torch.stack([angles.cos(), angles.sin()])  # (N, 32)
    return float(shadows.abs().mean() * torch.pi / 2)


# Exercise 1, under the names that its check module and hidden checks know.
REGRESSION_MODEL = TrainedModel(((21.0, 2), (18.0, 4), (15.0, 6)), read_hints("ex01_pose_regression")["model"])
MODEL, MODEL_THRESHOLDS = REGRESSION_MODEL.question, REGRESSION_MODEL.thresholds
points_at, too_far, check_model = REGRESSION_MODEL.points_at, REGRESSION_MODEL.too_far, REGRESSION_MODEL.check

# Exercise 2.
SOFTARGMAX_MODEL = TrainedModel(((16.0, 2), (13.0, 4), (11.0, 6)), read_hints("softargmax_models")["model"])
