"""How well the borders between classes are met: a score that looks at outlines only."""

import torch
from torch import Tensor

from helpers.shapes import require, require_labels

EDGE = 2  # pixels from an edge pixel to another class at most: an edge is seen across a void line one pixel wide


def boundary_score(pred: Tensor, target: Tensor, num_classes: int, width: int = 1, ignore_index: int = 255) -> float:
    """Return how well the outlines of the classes agree: the boundary F-score, mean over the classes, in [0, 1].

    A measure over all pixels hardly sees a ragged outline. Here only edge pixels count: those of class c with a pixel
    of another class in a window of 5 x 5. Precision is the share of the predicted edge pixels of class c that lie
    within `width` pixels (rows and columns) of a true one, recall the share of the true ones within `width` of a
    predicted one, from one count over all images, and F = 2 * precision * recall / (precision + recall).

    Args:
        pred: int64 (N, H, W), classes in [0, num_classes).
        target: int64 (N, H, W), classes in [0, num_classes) or `ignore_index`.
        num_classes: C.
        width: how far off an outline may lie, pixels, 1 or more.
        ignore_index: pixels with this target are no edges and make none, whatever the prediction says there.
    Returns:
        the mean over the classes that have edges in `target` or in `pred`; NaN where none has.
    Example: one row, target 0000011111, prediction 0000000111. The edge of class 0 is pixels 3 and 4 in truth, 5 and 6
    in the prediction: 5 is near 4, 6 is too far off, so precision and recall are 1/2; the same for class 1: F = 1/2.
    Source: Csurka, Larlus and Perronnin 2013, "What is a good evaluation measure for semantic segmentation?".
    """
    sizes = require("pred", pred, "N H W", torch.int64)
    require("target", target, "N H W", torch.int64, known=sizes)
    if width < 1:
        raise ValueError(f"width is {width}; expected a whole number of pixels, 1 or more.")
    valid = target != ignore_index
    require_labels("pred", pred[valid], num_classes)
    require_labels("target", target[valid], num_classes)
    scores = [_f_score(_edges(pred, c, valid), _edges(target, c, valid), width) for c in range(num_classes)]
    return float(torch.tensor(scores).nanmean())


def _edges(labels: Tensor, c: int, counted: Tensor) -> Tensor:
    """Return bool (N, H, W): the edge pixels of class c."""
    inside = counted & (labels == c)
    return inside & dilate(counted & ~inside, EDGE)


def _f_score(pred: Tensor, target: Tensor, width: int) -> float:
    """Return the F-score of two sets of edge pixels; NaN where both are empty, 0 where one of them is."""
    predicted, true = int(pred.sum()), int(target.sum())
    if not (predicted and true):
        return 0.0 if predicted or true else float("nan")
    precision = int((pred & dilate(target, width)).sum()) / predicted
    recall = int((target & dilate(pred, width)).sum()) / true
    return 2 * precision * recall / max(precision + recall, 1e-12)


def dilate(mask: Tensor, by: int) -> Tensor:
    """Return bool (..., H, W): the pixels at most `by` rows and columns away from one where `mask` is true.

    The same as max pooling with a window of 2 * by + 1, but made of shifts by one pixel, which is faster on bool.
    """
    for axis in (-2, -1):
        for _ in range(by):
            before, mask = mask, mask.clone()
            mask.narrow(axis, 1, mask.shape[axis] - 1).logical_or_(before.narrow(axis, 0, mask.shape[axis] - 1))
            mask.narrow(axis, 0, mask.shape[axis] - 1).logical_or_(before.narrow(axis, 1, mask.shape[axis] - 1))
    return mask
