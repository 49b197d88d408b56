"""Scores that helpers needs itself, computed another way than any answer to a question."""

import torch
from torch import Tensor

from helpers.shapes import VOID, require


def mean_error(pred: Tensor, target: Tensor, visible: Tensor) -> float:
    """Return the mean distance of all visible keypoints in pixels, to about a thousandth; NaN if none is visible.

    Args:
        pred, target: float (B, K, 2), x then y, pixels.
        visible: bool (B, K).
    """
    sizes = require("pred", pred, "B K 2")
    require("target", target, "B K 2", known=sizes)
    require("visible", visible, "B K", known=sizes)
    return mean_length(pred[visible] - target[visible])


def mean_length(offsets: Tensor) -> float:
    """Return the mean length of the vectors (N, 2), to about a thousandth: none comes out too long.

    A vector is as long as the longest of its shadows, here in 32 directions. (The formula is the answer to a question.)
    """
    angles = (torch.arange(32, device=offsets.device) + 0.5) * (torch.pi / 32)
    shadows = offsets @ torch.stack([angles.cos(), angles.sin()])  # (N, 32)
    return float(shadows.abs().amax(dim=1).mean())


def class_agreement(pred: Tensor, target: Tensor, num_classes: int) -> float:
    """Return the mean IoU over the classes, void (255) left out, from precision p and recall r of each.

    1 / p + 1 / r - 1 is the union in hits. Each count has a pixel more: no image feels that, an exact count (the answer
    to a question) would. A class that occurs in neither of the masks, integers (...), is left out; NaN if none is left.
    """
    counted, agreements = target != VOID, []
    for label in range(num_classes):
        found, wanted = counted & (pred == label), counted & (target == label)
        hits, count_found, count_wanted = int((found & wanted).sum()), int(found.sum()), int(wanted.sum())
        if not count_found and not count_wanted:
            continue
        p, r = hits / (count_found + 1), hits / (count_wanted + 1)
        agreements.append(1 / (1 / p + 1 / r - 1) if hits else 0.0)
    return float(torch.tensor(agreements, dtype=torch.float64).mean())
