"""What ties keypoints to scores: are they the soft argmax of exactly these maps, in pixels of the image?

The formula is one, so a thousandth of a pixel is all that may be missing. Where more is, the cause is sought in this
order: another way from map to image, which is a straight line on each axis; places that a known mistake would make of
the scores; an inverse temperature other than 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Ties", "explain", "is_hard"]

PRECISION = 1e-3  # pixels of the image
TOLERANCE = 2e-3  # of a straight line, as a share of how far the keypoints spread
HOPELESS = 0.5  # left on both axes at the best beta of a coarse grid, where a straight line leaves about a tenth
SCORES, PLACES = 100_000, 8  # compared, at most and at least: of large maps a few images tell enough


@dataclass(frozen=True)
class Line:
    """keypoint = slope * place + start, on one axis; `loose` is what that leaves, as a share of the spread."""

    slope: float
    start: float
    loose: float

    def __str__(self) -> str:
        start = round(self.start, 3)
        return f"{self.slope:.4g} * place {'-' if start < 0 else '+'} {abs(start):.4g}"


@dataclass(frozen=True)
class Ties:
    """How keypoints follow from scores: the mistake in it, and the lines from map to image where there are two."""

    mistake: str
    lines: tuple[Line, Line] | None = None


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


def weighted_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected places under the scores themselves, as if they were the probabilities."""
    return expected_places(scores.clamp(min=0))


def row_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over rows gives for x, and one over columns for y."""
    return expected_places(scores.softmax(dim=3))[0], expected_places(scores.softmax(dim=2))[1]


def channel_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over the keypoints gives."""
    return expected_places(scores.softmax(dim=1))


def marginal_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over the means of columns gives for x, and of rows for y."""
    columns, rows = scores.mean(dim=2, keepdim=True), scores.mean(dim=3, keepdim=True)
    return soft_places(columns)[0], soft_places(rows)[1]


def summed_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a softmax over the sums of columns gives for x, and of rows for y."""
    columns, rows = scores.sum(dim=2, keepdim=True), scores.sum(dim=3, keepdim=True)
    return soft_places(columns)[0], soft_places(rows)[1]


def reshaped_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected x and y where height and width were mixed up in reshaping."""
    batch, keypoints, height, width = scores.shape
    return soft_places(scores.reshape(batch, keypoints, width, height))


def scrambled_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected x and y where height and width were mixed up twice, so that the shape is right again."""
    return soft_places(scores.transpose(2, 3).reshape(scores.shape))


def flat_places(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected number of a pixel in the flattened map, taken apart as if it were a pixel's."""
    x, y = soft_places(scores)
    index, width = y * scores.shape[3] + x, scores.shape[3]
    return index % width, index // width


def flat_places_with_fraction(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same, the row with its fraction."""
    x, y = soft_places(scores)
    index, width = y * scores.shape[3] + x, scores.shape[3]
    return index % width, index / width


Places = Callable[[Tensor], tuple[Tensor, Tensor]]

# What keypoints may follow from instead, with the mistake, and whether x of one is compared with y of the other.
OTHERWISE: tuple[tuple[Places, bool, str], ...] = (
    (soft_places, True, "x_y_swapped"),
    (weighted_places, False, "softmaxed_maps"),
    (reshaped_places, False, "axes_mixed"),
    (reshaped_places, True, "axes_mixed"),
    (scrambled_places, False, "axes_mixed"),
    (row_places, False, "softmax_over_one_axis"),
    (marginal_places, False, "softmax_over_one_axis"),
    (summed_places, False, "softmax_over_one_axis"),
    (channel_places, False, "softmax_over_one_axis"),
    (flat_places, False, "flat_index"),
    (flat_places_with_fraction, False, "flat_index"),
)


def lines_at(
    beta: float, scores: Tensor, keypoints: Tensor, places: Places, swapped: bool = False
) -> tuple[Line, Line]:
    """Return the lines for x and y at an inverse temperature.

    Args:
        scores: float64 (B, K, h, w).
        keypoints: float64 (B, K, 2).
        swapped: compare x of the keypoints with y of the map, and the other way round.
    """
    x, y = keypoints.flatten(0, 1).unbind(dim=-1)
    across, down = places(beta * scores)
    return (fit_line(down, x), fit_line(across, y)) if swapped else (fit_line(across, x), fit_line(down, y))


def fit(scores: Tensor, keypoints: Tensor, places: Places, swapped: bool = False) -> tuple[Line, Line]:
    """Return the lines for x and y at the inverse temperature that fits best, one for both axes."""
    scores = scores / scores.std().clamp(min=1e-12)  # beta in units that do not depend on the network

    def loose(exponent: float) -> float:
        return sum(min(line.loose, 1.0) for line in lines_at(10.0**exponent, scores, keypoints, places, swapped))

    low, high = -3.0, 3.0
    for _ in range(6):  # a fine grid, again and again: six digits of beta, and no local minimum to get stuck in
        grid = np.linspace(low, high, 41)
        best = float(min(grid, key=loose))
        if min(line.loose for line in lines_at(10.0**best, scores, keypoints, places, swapped)) > HOPELESS:
            break
        low, high = best - (grid[1] - grid[0]), best + (grid[1] - grid[0])
    return lines_at(10.0**best, scores, keypoints, places, swapped)


def explain(keypoints: Tensor, scores: Tensor, size: tuple[int, int], stride: int) -> Ties | None:
    """Return which mistake lies between scores (B, K, h, w) and keypoints (B, K, 2), None if there is none.

    Args:
        size: (H, W) of the images.
        stride: of the maps; their pixel centres lie at (x + 0.5) * stride - 0.5 in the image.
    """
    images = max(-(-PLACES // scores.shape[1]), SCORES // scores[0].numel())
    keypoints, scores = keypoints[:images].double(), scores[:images].double()
    if _sum_to_one(scores):
        return Ties("softmaxed_maps")
    right = (torch.stack(soft_places(scores), dim=-1).view_as(keypoints) + 0.5) * stride - 0.5
    if (keypoints - right).abs().max() < PRECISION:
        return None
    lines = lines_at(1.0, scores, keypoints, soft_places)
    if max(line.loose for line in lines) < TOLERANCE:
        return Ties(_explain_mapping(lines, (scores.shape[2], scores.shape[3]), size, stride), lines)
    return _explain_places(keypoints, scores)


def _explain_places(keypoints: Tensor, scores: Tensor) -> Ties:
    """Return which mistake makes places of scores that are not those of the soft argmax."""
    for places, swapped, mistake in OTHERWISE:
        if _fits(lines_at(1.0, scores, keypoints, places, swapped), mistake):
            return Ties(mistake)
    if _fits(fit(scores, keypoints, soft_places), "other_beta"):
        return Ties("other_beta")
    for places, swapped, mistake in OTHERWISE:
        if _fits(fit(scores, keypoints, places, swapped), mistake):
            return Ties(mistake)
    return Ties("rounds" if torch.equal(keypoints, keypoints.round()) else "other_maps")


def _fits(lines: tuple[Line, Line], mistake: str) -> bool:
    """Return whether both lines are straight; a softmax over one axis may leave but one of them so."""
    loose = [line.loose for line in lines]
    return (min(loose) if mistake == "softmax_over_one_axis" else max(loose)) < TOLERANCE


def _explain_mapping(lines: tuple[Line, Line], map_size: tuple[int, int], size: tuple[int, int], stride: int) -> str:
    """Return which mistake the lines from map to image show."""
    (across, down), (rows, columns), (height, width) = lines, map_size, size

    def slopes(x: float, y: float) -> bool:
        return abs(across.slope / x - 1) < 2e-3 and abs(down.slope / y - 1) < 2e-3

    def slopes_to(x: float, y: float) -> bool:
        """Whether the map's width becomes x and its height y, by either convention of where its border lies."""
        return any(
            columns > less and rows > less and slopes((x - out) / (columns - less), (y - out) / (rows - less))
            for out in (0, 1)
            for less in (0, 1)
        )

    if slopes(1, 1):
        return "map_pixels"
    if slopes(1 / stride, 1 / stride):
        return "divided_by_stride"
    if slopes(stride, stride):
        return _explain_starts([line.start for line in lines], stride)
    if any(slopes(share / max(columns - less, 1), share / max(rows - less, 1)) for share in (1, 2) for less in (0, 1)):
        return "normalised_output"
    if slopes_to(width, height):
        return "corners_aligned"
    if any(slopes_to(x, y) for x, y in ((height, width), (height, height), (width, width))) or slopes(
        width / rows, height / columns
    ):
        return "height_for_width"
    if any(slopes(other, other) for other in (2, 4, 8, 16, 32)) or slopes_to(128, 128):
        return "fixed_stride"
    return "other_scale" if slopes(across.slope, across.slope) else "other_mapping"


def _explain_starts(starts: list[float], stride: int) -> str:
    """Return which mistake lines of the right slope show, by where they start instead of at (stride - 1) / 2."""

    def start_at(*places: float) -> bool:
        return any(all(abs(start - place) < 2e-3 * stride for start in starts) for place in places)

    if start_at(0.0):
        return "half_pixel_forgotten"
    return "half_pixel_left" if start_at(stride / 2) else "offset"


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
