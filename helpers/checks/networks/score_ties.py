"""What ties keypoints to scores: are they the soft argmax of these maps, in pixels of the image?

The expected places on the maps, under softmax(beta * scores), must be a straight line away from the keypoints, x from x
and y from y, for one beta above 0 that is found by search; and the line must be that from map to image, within a
stride. Where they are not, the same is tried with what known mistakes would make of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["explain", "is_hard"]

TOLERANCE = 2e-3  # of a straight line, as a share of how far the keypoints spread
HOPELESS = 0.5  # left on both axes at the best beta of a coarse grid, where a straight line leaves about a tenth
SCORES, PLACES = 100_000, 8  # compared, at most and at least: of large maps a few images tell enough


@dataclass(frozen=True)
class Line:
    """keypoint = slope * place + start, on one axis; `loose` is what that leaves, as a share of the spread."""

    slope: float
    start: float
    loose: float


def fit_line(places: Tensor, keypoints: Tensor) -> Line:
    """Return the straight line from `places` (N,) to `keypoints` (N,), by least squares; float64."""
    from_places, from_keypoints = places - places.mean(), keypoints - keypoints.mean()
    spread = float(from_keypoints.square().mean().sqrt())
    if spread < 1e-6 or not from_places.any():
        return Line(0.0, float(keypoints.mean()), float("inf"))
    slope = float(from_places @ from_keypoints / from_places.square().sum())
    loose = float((from_keypoints - slope * from_places).square().mean().sqrt())
    return Line(slope, float(keypoints.mean() - slope * places.mean()), loose / spread)


def expected_places(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean x and y, pixels of the map, (B * K,) each, under weights (B, K, h, w) of any sum."""
    total = weights.sum(dim=(2, 3))
    x = weights.sum(dim=2) @ torch.arange(weights.shape[3], dtype=weights.dtype) / total
    y = weights.sum(dim=3) @ torch.arange(weights.shape[2], dtype=weights.dtype) / total
    return x.flatten(), y.flatten()


def soft_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected x and y of maps (B, K, h, w) under one softmax over all pixels of a map."""
    return expected_places(scores.flatten(2).softmax(dim=-1).view_as(scores))


def row_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over rows gives for x, and one over columns for y."""
    return expected_places(scores.softmax(dim=3))[0], expected_places(scores.softmax(dim=2))[1]


def channel_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over the keypoints gives."""
    return expected_places(scores.softmax(dim=1))


def marginal_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over the sums of columns gives for x, and of rows for y."""
    columns, rows = scores.mean(dim=2, keepdim=True), scores.mean(dim=3, keepdim=True)
    return soft_places(columns)[0], soft_places(rows)[1]


def reshaped_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected x and y where height and width were mixed up in reshaping."""
    batch, keypoints, height, width = scores.shape
    return soft_places(scores.reshape(batch, keypoints, width, height))


Places = Callable[[Tensor], tuple[Tensor, Tensor]]


def fit(scores: Tensor, keypoints: Tensor, places: Places, swapped: bool = False) -> tuple[Line, Line]:
    """Return the lines for x and y at the inverse temperature that fits best, one for both axes.

    Args:
        scores: float64 (B, K, h, w).
        keypoints: float64 (B, K, 2).
        swapped: compare x of the keypoints with y of the map, and the other way round.
    """
    x, y = keypoints.flatten(0, 1).unbind(dim=-1)
    scores = scores / scores.std().clamp(min=1e-12)  # beta in units that do not depend on the network

    def lines(beta: float) -> tuple[Line, Line]:
        across, down = places(beta * scores)
        return (fit_line(down, x), fit_line(across, y)) if swapped else (fit_line(across, x), fit_line(down, y))

    def loose(exponent: float) -> float:
        return sum(min(line.loose, 1.0) for line in lines(10.0**exponent))

    low, high = -3.0, 3.0
    for _ in range(6):  # a fine grid, again and again: six digits of beta, and no local minimum to get stuck in
        grid = np.linspace(low, high, 41)
        best = float(min(grid, key=loose))
        if min(line.loose for line in lines(10.0**best)) > HOPELESS:
            break
        low, high = best - (grid[1] - grid[0]), best + (grid[1] - grid[0])
    return lines(10.0**best)


def explain(keypoints: Tensor, scores: Tensor, size: tuple[int, int], stride: int) -> str | None:
    """Return which mistake lies between scores (B, K, h, w) and keypoints (B, K, 2), None if there is none.

    Args:
        size: (H, W) of the images.
        stride: of the backbone; the mapping from map to image may be off by so many pixels.
    """
    images = max(math.ceil(PLACES / scores.shape[1]), SCORES // scores[0].numel())
    keypoints, scores = keypoints[:images].double(), scores[:images].double()
    if _sum_to_one(scores):
        return "softmaxed_maps"
    for places, swapped, mistake in (
        (soft_places, False, None),
        (soft_places, True, "x_y_swapped"),
        (reshaped_places, False, "axes_mixed"),
        (row_places, False, "softmax_over_one_axis"),
        (marginal_places, False, "softmax_over_one_axis"),
        (channel_places, False, "softmax_over_one_axis"),
    ):
        across, down = fit(scores, keypoints, places, swapped)
        one_axis = mistake == "softmax_over_one_axis" and min(across.loose, down.loose) < TOLERANCE
        if one_axis or max(across.loose, down.loose) < TOLERANCE:
            return mistake or _explain_mapping(across, down, (scores.shape[2], scores.shape[3]), size, stride)
    return "rounds" if torch.equal(keypoints, keypoints.round()) else "other_maps"


def _explain_mapping(
    across: Line, down: Line, map_size: tuple[int, int], size: tuple[int, int], stride: int
) -> str | None:
    """Return which mistake the lines from map to image show, None if they are within a stride of the right ones."""
    (rows, columns), (height, width) = map_size, size
    right = (width / columns, height / rows)
    if all(
        abs(line.slope * place + line.start - ((place + 0.5) * step - 0.5)) <= stride * 1.001
        for line, step, count in zip((across, down), right, (columns, rows), strict=True)
        for place in (0, count - 1)
    ):
        return None

    def slopes(x: float, y: float) -> bool:
        return abs(across.slope / x - 1) < 0.02 and abs(down.slope / y - 1) < 0.02

    def slopes_to(x: float, y: float) -> bool:
        """Whether the map's width becomes x and its height y, by either convention of where its border lies."""
        return any(slopes((x - out) / (columns - less), (y - out) / (rows - less)) for out in (0, 1) for less in (0, 1))

    if slopes(1, 1):
        return "map_pixels"
    if slopes(1 / right[0], 1 / right[1]) or slopes(1 / stride, 1 / stride):
        return "divided_by_stride"
    if any(
        slopes(*(part / count for part, count in zip((share, share), less, strict=True)))
        for share in (1, 2)
        for less in ((columns, rows), (columns - 1, rows - 1))
    ):
        return "normalised_output"
    if slopes(*right):
        return "offset"
    if slopes(stride, stride):
        return "stride_of_other_maps"
    if any(slopes_to(x, y) for x, y in ((height, width), (height, height), (width, width))) or slopes(
        width / rows, height / columns
    ):
        return "height_for_width"
    return "other_mapping"


def is_hard(keypoints: Tensor, scores: Tensor) -> bool:
    """Return whether keypoints (B, K, 2) follow from the highest score of each map (B, K, h, w) alone."""
    x, y = keypoints.double().flatten(0, 1).unbind(dim=-1)
    index, columns = scores.flatten(2).argmax(dim=-1).flatten(), scores.shape[3]
    return all(
        fit_line(places.double(), where).loose < TOLERANCE
        for places, where in ((index % columns, x), (index // columns, y))
    )


def _sum_to_one(scores: Tensor) -> bool:
    return bool((scores >= 0).all()) and bool(((scores.sum(dim=(2, 3)) - 1).abs() < 1e-3).all())
