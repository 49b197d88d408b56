"""What is wrong with the peaks of an answer, told from the peaks themselves: the mistake that all of them show.

A known wrong version explains an answer that makes its mistake alone. Here two mistakes may meet, or one be made in a
way that nobody has seen yet: which pixels were taken for peaks and which were not says why, however each was refined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Ground", "mistake_in"]

SHARE = 1e-4  # of the largest score of a map: two scores are one
SMALL, HALF = 1e-3, 0.501  # pixels
SLOPE = 0.15  # pixels off the centre from which on the way of a refinement is told
FAR = 6.5  # pixels: no usual window is wider
SURE = {"four_neighbours", "plateaus_several_times", "steps_count", "threshold_after_zeroing", "threshold_unused"}


@dataclass(frozen=True)
class Ground:
    """A map (H, W): pixels as high as each other that touch are one ground, and have one number."""

    scores: Tensor

    @cached_property
    def filled(self) -> Tensor:
        return torch.where(self.scores.isnan(), -torch.inf, self.scores.double())

    @cached_property
    def tolerance(self) -> float:
        """Return how far apart two equal scores of this map may be."""
        known = self.scores[self.scores.isfinite()].abs().double()
        return SHARE * float(known.max()) if known.numel() else SHARE

    @cached_property
    def around(self) -> Tensor:
        """Return the eight neighbours of each pixel, (8, H, W), -inf beyond the border; the straight ones first."""
        height, width = self.scores.shape
        padded = F.pad(self.filled, (1, 1, 1, 1), value=-torch.inf)
        places = [(0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)]
        return torch.stack([padded[i : i + height, j : j + width] for i, j in places])

    @cached_property
    def numbers(self) -> Tensor:
        """Return the number of the ground of each pixel, (H, W): that of its first pixel."""
        height, width = self.scores.shape
        numbers = torch.arange(height * width, dtype=torch.float64).view(height, width)
        equal = self.around == self.filled
        while True:
            beside = torch.where(equal, Ground(numbers).around, torch.inf).amin(dim=0)
            if not (beside < numbers).any():
                return numbers.long()
            numbers = torch.minimum(numbers, beside)

    def pixels(self, peaks: Tensor) -> list[tuple[int, int] | None]:
        """Return the pixel (y, x) of each peak (N, 3): of those with its score the nearest, None if there is none."""
        found: list[tuple[int, int] | None] = []
        for x, y, score in peaks.double().nan_to_num(-1e9, 1e9, -1e9).tolist():
            rows, columns = ((self.filled - score).abs() <= self.tolerance).nonzero(as_tuple=True)
            away = (rows - y).square() + (columns - x).square()
            nearest = int(away.argmin()) if len(away) else -1
            found.append(None if nearest < 0 else (int(rows[nearest]), int(columns[nearest])))
        return found

    def grounds(self, peaks: Tensor) -> list[int]:
        """Return the numbers of the grounds of peaks (N, 3), sorted; -1 where no pixel has the score."""
        return sorted(-1 if at is None else int(self.numbers[at]) for at in self.pixels(peaks))


def mistake_in(maps: Sequence[tuple[Tensor, Tensor, Tensor]], threshold: float, within: float | None) -> str | None:
    """Return the mistake that all wrong peaks show, None where they show several or none that is known.

    Args:
        maps: for each map the scores (H, W), the peaks (N, 3) that came and the right ones (M, 3).
        within: how exactly a place is asked for, None where anywhere in its pixel will do.
    """
    maps = [(scores, got.double(), right.double()) for scores, got, right in maps]
    came, wanted = (sum(len(one[side]) for one in maps) for side in (1, 2))
    if not came:
        return "nothing_found" if wanted else None
    grounds = [(Ground(scores), got, right) for scores, got, right in maps]
    if all(ground.grounds(got) == ground.grounds(right) for ground, got, right in grounds):
        return _displaced(grounds, within is not None)
    extra, missed = _odd_ones(grounds, threshold)
    if extra and not missed:
        return _common(extra)
    if missed and not extra:
        return _common(missed)
    told = (
        _common(extra) if len(extra) > 1 else None
    )  # with peaks that are missing too, a pixel below its neighbour may come from anywhere
    return told if told in SURE else None


def _common(reasons: Sequence[Sequence[str]]) -> str | None:
    """Return the first reason that all have."""
    return next((reason for reason in reasons[0] if all(reason in other for other in reasons)), None)


Grounds = Sequence[tuple[Ground, Tensor, Tensor]]


def _odd_ones(grounds: Grounds, threshold: float) -> tuple[list[list[str]], list[list[str]]]:
    """Return for each peak too many, and for each that is missing, which mistakes explain it."""
    extra, missed = [], []
    for ground, got, right in grounds:
        came, wanted = Counter(ground.grounds(got)), Counter(ground.grounds(right))
        taken: Counter[int] = Counter()
        for peak, at in zip(got, ground.pixels(got), strict=True):
            number = -1 if at is None else int(ground.numbers[at])
            taken[number] += 1
            if at is None:
                extra.append(_why_unknown(ground, peak))
            elif taken[number] > wanted[number]:
                extra.append(_why_extra(ground, at, threshold, wanted[number] > 0))
        left_out = wanted - came
        for peak, at in zip(right, ground.pixels(right), strict=True):
            if at is not None and left_out[int(ground.numbers[at])] > 0:
                missed.append(_why_missed(ground, peak, at, got, right))
    return extra, missed


def _why_unknown(ground: Ground, peak: Tensor) -> list[str]:
    """Return why there may be a peak whose score no pixel has."""
    height, width = ground.scores.shape
    x, y = (int(number) for number in peak[:2].nan_to_num(-1, -1, -1).round().tolist())
    if 0 <= x < width and 0 <= y < height and ground.scores[y, x].isnan():
        return ["nan_as_zero"]
    return ["threshold_after_zeroing", "score_missing"] if peak[2] == 0 else ["score_missing"]


def _why_extra(ground: Ground, at: tuple[int, int], threshold: float, is_one: bool) -> list[str]:
    here, size = ground.filled[at], int((ground.numbers == ground.numbers[at]).sum())
    if is_one:
        return ["plateaus_several_times"] if size > 1 else []
    higher = ground.around[:, at[0], at[1]] > here
    if here <= threshold and not higher.any():
        return ["threshold_included"] if here == threshold else ["threshold_unused"]
    zeroed = ["threshold_after_zeroing"] if threshold < 0 else []  # 0 is above
    if here <= threshold and higher.any():
        return zeroed
    if higher[:4].any():
        return ["no_suppression", *zeroed]
    if higher.any():
        return ["four_neighbours", "no_suppression", *zeroed]
    return ["steps_count"] if size > 1 else []


def _why_missed(ground: Ground, peak: Tensor, at: tuple[int, int], got: Tensor, right: Tensor) -> list[str]:
    height, width = ground.scores.shape
    found = torch.cat([got, right]).double()
    beside = ground.scores[max(at[0] - 1, 0) : at[0] + 2, max(at[1] - 1, 0) : at[1] + 2]
    away = (found[:, :2] - peak[:2]).norm(dim=1)
    as_high = found[:, 2] >= peak[2] - ground.tolerance
    reasons = {
        "nan_hides_neighbours": bool(beside.isnan().any()),
        "plateaus_lost": int((ground.numbers == ground.numbers[at]).sum()) > 1,
        "border_left_out": at[0] in (0, height - 1) or at[1] in (0, width - 1),
        "best_only": len(got) > 0 and bool((got[:, 2] > peak[2]).all()),
        "window_too_wide": bool((as_high & (away > 1) & (away < FAR)).any()),
    }
    return [reason for reason, holds in reasons.items() if holds]


def _displaced(grounds: Grounds, is_exact: bool) -> str | None:
    """Return why peaks that are all found lie beside their places."""
    places, pixels, tips, borders = [], [], [], []
    for ground, got, right in grounds:
        last = torch.tensor([ground.scores.shape[1] - 1, ground.scores.shape[0] - 1])
        tip_of = {at: peak for at, peak in zip(ground.pixels(right), right.double(), strict=True)}
        for at, peak in zip(ground.pixels(got), got.double(), strict=True):
            if at in tip_of and at is not None and int((ground.numbers == ground.numbers[at]).sum()) == 1:
                pixel = torch.tensor([at[1], at[0]], dtype=torch.float64)
                places.append(peak[:2])
                pixels.append(pixel)
                tips.append(tip_of[at][:2] - pixel)
                borders.append((pixel == 0) | (pixel == last))
    if not places:
        return None
    return _way_of(torch.stack(places), torch.stack(pixels), torch.stack(tips), torch.stack(borders), is_exact)


def _way_of(place: Tensor, pixel: Tensor, tip: Tensor, at_border: Tensor, is_exact: bool) -> str | None:
    """Return what is wrong with places (N, 2) of peaks at these pixels; `tip` is the right way from pixel to place."""
    off = place - pixel
    if off.isnan().any():
        return "nan_place"
    if (off - off[0]).abs().max() < SMALL and off[0].abs().max() > SMALL and len(off) > 2:
        return "padding_shifts"
    if (place.flip(1) - pixel).abs().max() <= HALF:
        return "x_y_swapped"
    clear = tip.abs() > SLOPE
    ratio = off[clear] / tip[clear]
    if off.abs().max() > HALF:
        if _are_scaled(place.flatten(), pixel.flatten()):
            return "normalised"
        return "refined_too_far" if (off.abs() <= HALF).double().mean() > 0.5 or (ratio > 0).all() else None
    if (off[at_border].abs() > SMALL).any() and not is_exact:
        return "refined_at_the_border"
    if not is_exact:
        return None
    if (off.abs() < SMALL).all(dim=0).any():
        return "unrefined"
    if (off.abs() - off.abs().max()).abs().max() < SMALL:
        return "fixed_step"
    tests: list[tuple[str, Callable[[], bool]]] = [
        ("refined_backwards", lambda: bool((ratio < 0).all())),
        ("refined_too_little", lambda: bool((ratio < 0.75).all() and (ratio >= 0).all())),
        ("refined_too_far", lambda: bool(ratio.median() > 1.2 and (ratio > 0).all())),
    ]
    return next((mistake for mistake, holds in tests if holds()), None)


def _are_scaled(place: Tensor, pixel: Tensor) -> bool:
    """Return whether places lie on a line over the pixels, but for refining, that is not as steep as it should be."""
    apart = pixel - pixel.mean()
    size = (apart * place).sum() / apart.square().sum().clamp(min=SMALL)
    rest = place - place.mean() - size * apart
    return bool((size - 1).abs() > 0.1 and rest.abs().max() <= HALF * size.abs() + SMALL)
