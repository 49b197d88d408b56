"""The model question: how good is a trained pose network?

The same case serves the notebook, on the validation set, and grading, on held-out scenes; whoever asks scores the
predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.pose_models import checked_keypoints
from helpers.checks.pose_probes import predict_with_weights
from helpers.checks.question import Ask, Oracle, Question, Wrong, read_hints
from helpers.checks.verdict import run_check

__all__ = ["MODEL", "MODEL_THRESHOLDS", "check_model", "points_at", "predicts", "too_far"]

# MPJPE in pixels at 128 x 128 and the points that it earns, best last: the notebook's text, the visible check and the
# hidden one all read it here.
MODEL_THRESHOLDS: tuple[tuple[float, int], ...] = ((21.0, 2), (18.0, 4), (15.0, 6))

HINTS = read_hints("ex01_pose_regression")["model"]


def predicts(ask: Ask, rng: np.random.RandomState, oracle: Oracle | None, images: Tensor, weights: str) -> Tensor:
    """Return the model's keypoints for uint8 `images` (N, 3, H, W); whoever asks scores them."""
    called = f"build_model(), with the weights of {weights}"
    got = ask("predict_with_weights", images=images, weights=weights)
    if isinstance(got, dict):
        mistake = got["problem"]
        raise Wrong(called, got["message"], "a network and a file of its weights", HINTS[mistake], mistake)
    return checked_keypoints(called, got, (len(images), 17, 2))


MODEL = Question("model", "", {"predict_with_weights": predict_with_weights}, {"predicts": predicts}, HINTS)


def points_at(error: float) -> int:
    """Return the points that a model with this MPJPE, in pixels, earns."""
    return max((points for threshold, points in MODEL_THRESHOLDS if error <= threshold), default=0)


def too_far(error: float, threshold: float) -> Wrong:
    """Return the verdict on a model whose MPJPE, in pixels, is above a threshold that earns points."""
    hint = f"{error:.1f} px on held-out scenes; {threshold:g} px or less earn the next points. {HINTS['too_far']}"
    return Wrong("build_model(), on held-out scenes", f"{error:.1f} px", f"at most {threshold:g} px", hint, "too_far")


def check_model(build_model: Any, weights_path: str) -> None:
    """Print the error of the trained model on the validation set and the points that it would earn there."""
    from helpers.data import rendered_people

    val = rendered_people("val")

    def sentence(pred: Tensor) -> str:
        error = mean_length((pred - val.keypoints)[val.visible])
        steps = ", ".join(f"{points} up to {threshold:g} px" for threshold, points in MODEL_THRESHOLDS)
        return f"model: MPJPE {error:.2f} px on the validation set, {points_at(error)} points there ({steps})."

    run_check(MODEL, build_model, None, {"images": val.images, "weights": str(weights_path)}, sentence)


def mean_length(offsets: Tensor) -> float:
    """Return the mean length of the vectors (N, 2), to about a thousandth.

    By Cauchy and Crofton: a length is pi / 2 times the mean length of its shadow over all directions. (The direct
    formula is the answer to a question.)
    """
    angles = (torch.arange(32) + 0.5) * (torch.pi / 32)
    shadows = offsets @ torch.stack([angles.cos(), angles.sin()])  # (N, 32)
    return float(shadows.abs().mean() * torch.pi / 2)
