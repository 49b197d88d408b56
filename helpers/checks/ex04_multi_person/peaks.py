"""How peaks are judged, the answers to `find_peaks`.

Peaks come in any order, and one parabola is not another, so `find_peaks` is judged under the freedom that its task
grants: a peak is known by its score, and lies somewhere in its pixel, or on its plateau.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import described, kind_of_no_tensor, row, same, show, with_first
from helpers.checks.engine.judge import AnyCall, Fault, call_line, changed_argument, no_value, refuse_too_many
from helpers.checks.engine.mistakes import Way, alike_by
from helpers.checks.engine.question import read_hints
from helpers.checks.engine.values import Array, Value

__all__ = ["ITS_PIXEL", "ITS_PLATEAU", "ON_THE_LINE", "Peaks", "REFINED", "equal_in_any_order"]

HINTS = read_hints("ex04_multi_person")["find_peaks"]
PIXELS, SHARE = 1e-3, 1e-4  # of a place, and of a score: far more than rounding, far less than any mistake
ON_THE_LINE = 0.0
ITS_PIXEL = 1.0  # two places of one pixel, however refined, are at most so far apart
ITS_PLATEAU = 6.0  # no drawn plateau is larger, and other ground of its height is farther away
REFINED = 0.3  # as the task says, from the true centre


@dataclass(frozen=True)
class Peaks(AnyCall):
    """A call of `find_peaks`: its arguments, and how far from the right answer's place a peak may lie, in pixels.

    `at_border` is the same for a coordinate at the border, where there is nothing to refine it from. With `centres`
    (B, K, n, 2), the nearest of them is the right place.
    """

    scoremaps: Tensor
    threshold: float
    note: str = ""
    within: float = ITS_PIXEL
    at_border: float = ITS_PIXEL
    centres: Tensor | None = None

    hints = HINTS
    form = "a list with one list for each image, of one tensor (N, 3) for each keypoint: x, y, score"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"scoremaps": self.scoremaps, "threshold": self.threshold}

    @property
    def called(self) -> str:
        arguments = f"scoremaps: {described(self.scoremaps)}, threshold: {self.threshold:g}"
        return call_line("find_peaks", arguments, self.note)

    def ways(self, fault: Fault) -> Sequence[Way]:
        """Return the same numbers; else the same peaks, each refined in a way of its own."""
        return alike_by(Peaks.equal), alike_by(Peaks.meant)

    def refuse(self, got: Value) -> None:
        """Raise `Wrong` if a map has more peaks than pixels."""
        if isinstance(got, Mapping) and _is_nested(got["value"], self.scoremaps):
            for (b, k), peaks in _each_map(got["value"]):
                what = f"peaks for image {b}, keypoint {k}: a pixel has one"
                refuse_too_many(self.called, peaks, self.scoremaps[b, k].numel(), what, self.inputs)

    def read(self, got: Value, right: Value) -> Fault | None:
        if not isinstance(got, Mapping):
            return no_value(got, self.form, alone=self.form)
        return self.fault(got["value"], right["value"]) or changed_argument(got["changed"])

    def fault(self, value: Value, right: Value) -> Fault | None:
        """Return what is wrong with the peaks, or with their form."""
        if not _is_nested(value, self.scoremaps):
            return Fault(kind_of_no_tensor(value), with_first(value), self.form)
        for (b, k), peaks in _each_map(value):
            here = f"for image {b}, keypoint {k}"
            if peaks.ndim != 2 or peaks.shape[1] != 3:
                return Fault("shape", f"{show(peaks)} {here}", self.form)
            expected = right[b][k] if self.centres is None else _moved(right[b][k], self.centres[b, k])
            pairs = self.pairs(peaks, expected, self.scoremaps[b, k])
            if not _one_to_one(pairs):
                extra, missed = peaks[~pairs.any(dim=1)], expected[~pairs.any(dim=0)]
                return Fault("value", f"{_count(peaks, extra)} {here}", _count(expected, missed))
            if peaks.dtype != self.scoremaps.dtype:
                return Fault("dtype", f"{show(peaks)} {here}", f"{self.form}, in the dtype of the maps")
        return None

    def pairs(self, got: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return which peaks of `got` (N, 3) are which of `right` (M, 3), in one map (H, W): bool (N, M).

        Two are one if their scores are the same, and their places nearly so; and the first must lie on the ground of
        this height that is around the second, or half a pixel beside it. Drawn maps leave no doubt which is which.
        """
        got, right = got.double(), right.double()
        last = torch.tensor([scores.shape[1] - 1, scores.shape[0] - 1])
        at_border = (right[:, :2] == 0) | (right[:, :2] == last)
        away = (got[:, None] - right).abs()  # (N, M, 3)
        near = (away[..., :2] <= torch.where(at_border, self.at_border, self.within) + PIXELS).all(dim=2)
        boxes = torch.stack([self.ground(peak, scores) for peak in right]) if len(right) else torch.zeros(0, 4)
        inside = ((got[:, None, :2] >= boxes[:, :2]) & (got[:, None, :2] <= boxes[:, 2:])).all(dim=2)
        return near & inside & (away[..., 2] <= _tolerance(right[:, 2]))

    def ground(self, peak: Tensor, scores: Tensor) -> Tensor:
        """Return the box x1, y1, x2, y2 around the pixels that are near a peak and as high, half a pixel wider."""
        y, x = torch.nonzero((scores.double() - peak[2]).abs() <= _tolerance(peak[2]), as_tuple=True)
        place = torch.stack([x, y], dim=1).double()
        place = place[((place - peak[:2]).abs() <= max(self.within, ITS_PIXEL)).all(dim=1)]
        if not len(place):  # no right peak has none
            return torch.cat([peak[:2], peak[:2]])
        return torch.cat([place.amin(dim=0) - 0.5 - PIXELS, place.amax(dim=0) + 0.5 + PIXELS])

    def equal(self, got: Value, wrong: Value) -> bool:
        """Return whether a known wrong version gives the same, with peaks in any order; or raises the same error."""
        return equal_in_any_order(got, wrong)

    def meant(self, got: Value, wrong: Value) -> bool:
        """Return whether a known mistake finds the same peaks, whichever way each was refined."""
        both = isinstance(got, Mapping) and isinstance(wrong, Mapping)
        return both and got["changed"] == wrong["changed"] and self._same_peaks(got["value"], wrong["value"])

    def _same_peaks(self, value: Value, wrong: Value) -> bool:
        fits = all(
            _is_nested(v, self.scoremaps) and all(p.ndim == 2 and p.shape[1] == 3 for _, p in _each_map(v))
            for v in (value, wrong)
        )
        return fits and all(self.alike(peaks, wrong[b][k], self.scoremaps[b, k]) for (b, k), peaks in _each_map(value))

    def alike(self, peaks: Tensor, others: Tensor, scores: Tensor) -> bool:
        """Return whether two lists of peaks of one map are equally long, and every peak has a partner in the other: a
        mistake may find several on one plateau."""
        if len(peaks) != len(others):
            return False
        pairs = self.pairs(peaks, others, scores)
        return bool(pairs.any(dim=0).all() and pairs.any(dim=1).all())


def equal_in_any_order(got: Value, wrong: Value) -> bool:
    """Return whether two answers are the same, the rows of each of their matrices in any order."""
    if not isinstance(got, Mapping) or not isinstance(wrong, Mapping):
        return same(got, wrong)
    return bool(got["changed"] == wrong["changed"]) and _same_trees(got["value"], wrong["value"])


def _same_trees(a: Value, b: Value) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same_trees, a, b))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        alike = (a.dtype, a.shape) == (b.dtype, b.shape)  # first: to sort 64 MB takes seconds
        return alike and same(_in_order(a), _in_order(b))
    return isinstance(a, Array) == isinstance(b, Array) and same(a, b)


def _in_order(peaks: Tensor) -> Tensor:
    """Return the rows of a matrix in an order that the last digits do not decide; anything else as it is."""
    if peaks.ndim != 2 or not peaks.numel():
        return peaks
    return peaks[np.lexsort((peaks.double() * 256).round().nan_to_num(1e9).T.numpy())]


def _is_nested(value: Value, maps: Tensor) -> bool:
    """Return whether a value is a list with a list for each image, of a tensor for each keypoint."""
    return (
        isinstance(value, list)
        and len(value) == maps.shape[0]
        and all(isinstance(image, list) and len(image) == maps.shape[1] for image in value)
        and all(isinstance(peaks, Tensor) for image in value for peaks in image)
    )


def _each_map(value: list[list[Tensor]]) -> list[tuple[tuple[int, int], Tensor]]:
    return [((b, k), peaks) for b, image in enumerate(value) for k, peaks in enumerate(image)]


def _moved(peaks: Tensor, centres: Tensor) -> Tensor:
    """Return the peaks (N, 3) at the nearest of these places (n, 2)."""
    nearest = torch.cdist(peaks[:, :2].double(), centres).argmin(dim=1)
    return torch.cat([centres[nearest], peaks[:, 2:]], dim=1)


def _one_to_one(pairs: Tensor) -> bool:
    return bool((pairs.sum(dim=0) == 1).all() and (pairs.sum(dim=1) == 1).all())


def _tolerance(score: Tensor) -> Tensor:
    return SHARE * score.abs().clamp(min=1)


def _count(peaks: Tensor, odd: Tensor) -> str:
    """Return the number of peaks, and one that has no partner."""
    number = f"{len(peaks)} peak{'s' if len(peaks) != 1 else ''}"
    return number + (f", among them {row(odd[0])}" if len(odd) else "")
