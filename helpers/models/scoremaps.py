"""What surrounds scoremaps: from image to map and back, losses on maps, and the small stacked hourglass."""

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.models.hourglass import StackedHourglass
from helpers.shapes import require, require_maps

__all__ = ["StackedHourglass", "focal_cross_entropy", "map_cross_entropy", "map_divergence", "to_image", "to_map"]


def to_map(keypoints: Tensor, stride: float) -> Tensor:
    """Return keypoints (..., 2) in pixels of a map whose pixels are `stride` wide, from pixels of the image.

    Pixel centres lie at whole numbers in both, so half a pixel is added before the division and taken off after it.
    """
    return (keypoints + 0.5) / stride - 0.5


def to_image(keypoints: Tensor, stride: float) -> Tensor:
    """Return keypoints (..., 2) in pixels of the image, from pixels of a map: the way back from `to_map`."""
    return (keypoints + 0.5) * stride - 0.5


def map_cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy between target maps, each taken as a distribution over its pixels, and the scores.

    Unlike a squared difference it cannot be made small by answering zero: the probabilities of a map sum to one.

    Args:
        scores: float (B, K, H, W), before any softmax.
        target: float (B, K, H, W), 0 or more; a map that is zero everywhere does not count.
    Returns:
        a scalar, the mean over the maps that count; 0, still attached to `scores`, if none does.
    """
    require("target", target, "B K H W", known=require_maps("scores", scores))
    wanted, known = _distributions(target)
    losses = -(wanted * F.log_softmax(scores.flatten(2), dim=-1)).sum(dim=-1)  # (B, K)
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def focal_cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of every pixel with its target in [0, 1], weighed by the square of its error.

    Most pixels of a map are empty and soon right: unweighed they would drown the few that are not.

    Scores before the sigmoid and targets are float of one shape, which the result has, too: it is not summed.
    Source: Li et al. 2020, "Generalized Focal Loss".
    """
    losses = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    return losses * (scores.sigmoid() - target).square()


def map_divergence(scores: Tensor, target: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence between the softmax of the scores and the targets as distributions, in nats.

    Args and what is returned: as for `map_cross_entropy`; from 0 for equal maps to ln 2.
    Source: Nibali et al. 2018, "Numerical Coordinate Regression with Convolutional Neural Networks", section 3.4.
    """
    require("target", target, "B K H W", known=require_maps("scores", scores))
    wanted, known = _distributions(target)
    found = torch.softmax(scores.flatten(2), dim=-1)
    middle = (wanted + found) / 2
    losses = (_relative_entropy(wanted, middle) + _relative_entropy(found, middle)) / 2
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def _distributions(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maps as distributions (B, K, H * W), and bool (B, K): those that are not zero everywhere."""
    flat = target.flatten(2)  # (B, K, H * W)
    total = flat.sum(dim=-1)
    return flat / total.clamp(min=torch.finfo(flat.dtype).tiny).unsqueeze(-1), total > 0


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    tiny = torch.finfo(p.dtype).tiny  # where p is 0 its logarithm does not count
    return (p * (p.clamp(min=tiny).log() - q.clamp(min=tiny).log())).sum(dim=-1)
