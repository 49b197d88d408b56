"""The course's own measure of a pose, for an exercise whose student has none of their own yet."""

from __future__ import annotations

from torch import Tensor

from .shapes import require


def mean_error(pred: Tensor, target: Tensor, visible: Tensor) -> float:
    """Return the mean distance of all visible keypoints in pixels, to about a thousandth; NaN if none is visible.

    Args:
        pred, target: float (B, K, 2), x then y, pixels.
        visible: bool (B, K).
    """
    from .checks.trained_models import mean_length

    sizes = require("pred", pred, "B K 2")
    require("target", target, "B K 2", known=sizes)
    require("visible", visible, "B K", known=sizes)
    return mean_length(pred[visible] - target[visible])
