"""How peaks are judged, the answers to `find_peaks`.

Peaks come in any order, and one parabola is not another, so `find_peaks` is judged under the freedom that its task
grants: a peak is known by its score, and lies somewhere in its pixel, or on its plateau.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import described, kind_of_no_tensor, row, same, show, with_first
from helpers.checks.engine.judge import AnyCall, Fault, call_line, changed_argument, no_value, refuse_too_many
from helpers.checks.engine.mistakes import Judged, Way
from helpers.checks.engine.question import read_hints
from helpers.checks.engine.values import Value, as_tensors
from helpers.checks.ex04_multi_person.peak_evidence import Ground, mistake_in
from helpers.checks.ex04_multi_person.readings import usual_ways

__all__ = ["ITS_PIXEL", "ITS_PLATEAU", "ON_THE_LINE", "Peaks", "REFINED", "equal_in_any_order"]

HINTS = read_hints("ex04_multi_person")["find_peaks"]
PIXELS = 1e-3  # of a place: far more than rounding, far less than any mistake
ON_THE_LINE = 0.0
ITS_PIXEL = 1.0  # two places of one pixel, however refined, are at most so far apart
ITS_PLATEAU = 6.0  # no drawn plateau is larger, and other ground of its height is farther away
REFINED = 0.3  # as the task says, the distance from the true centre


@dataclass(frozen=True)
class Peaks(AnyCall):
    """A call of `find_peaks`: its arguments, and how far from the right answer's place a peak may lie, in pixels.

    `at_border` is the same for a coordinate at the border, where there is nothing to refine it from. With `centres`
    (B, K, n, 2), the nearest of them is the right place, and the distance to it counts.
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
        """Return the same numbers, or the same pixels taken for peaks, each refined in a way of its own; else what the
        peaks show by themselves."""
        equal = Peaks.equal if fault.kind == "dtype" else Peaks.equal_but_for_the_dtype
        ways = usual_ways(fault.kind, equal, Peaks.says_nothing, Peaks.evidence)
        if fault.kind != "value":
            return ways
        same_pixels, _, same_pixels_here = usual_ways(fault.kind, Peaks.meant, Peaks.says_nothing, Peaks.evidence)
        everywhere, evident, here = ways
        return [everywhere, Detected(same_pixels.apart, "all"), evident, here, Detected(same_pixels_here.apart, "one")]

    def refuse(self, got: Value) -> None:
        """Raise `Wrong` if a map has more peaks than pixels."""
        value = _value(got)
        if _is_nested(value, self.scoremaps):
            for (b, k), peaks in _each_map(value):
                what = f"peaks for image {b}, keypoint {k}: a pixel has one"
                refuse_too_many(self.called, peaks, self.scoremaps[b, k].numel(), what, self.inputs)

    def read(self, got: Value, right: Value) -> Fault | None:
        if not isinstance(got, Mapping):
            return no_value(got, self.form, alone=self.form)
        return changed_argument(got["changed"]) or self.fault(got["value"], right["value"])

    def fault(self, value: Value, right: Value) -> Fault | None:
        """Return what is wrong with the peaks, or with their form."""
        given, value = value, as_tensors(value)
        if not _is_nested(value, self.scoremaps):
            return Fault("type", with_first(given), self.form)
        for (b, k), peaks in _each_map(value):
            here = f"for image {b}, keypoint {k}"
            if not _is_table(peaks):
                return Fault("shape", f"{show(peaks)} {here}", self.form)
            expected = self._expected(right, b, k)
            pairs = self.pairs(peaks, expected, self.scoremaps[b, k])
            if not _one_to_one(pairs):
                extra, missed = peaks[~pairs.any(dim=1)], expected[~pairs.any(dim=0)]
                return Fault("value", f"{_count(peaks, extra)} {here}", _count(expected, missed))
            if peaks.dtype != self.scoremaps.dtype:
                return Fault("dtype", f"{show(peaks)} {here}", f"{self.form}, in the dtype of the maps")
        return Fault("numpy", with_first(given), self.form) if kind_of_no_tensor(given) == "numpy" else None

    def pairs(self, got: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return which peaks of `got` (N, 3) are which of `right` (M, 3), in one map (H, W): bool (N, M).

        Two are one if their scores are the same, and their places nearly so; and, where no centre is known, the first
        must lie on the ground of this height that is around the second, or half a pixel beside it. Drawn maps leave no
        doubt which is which.
        """
        got, right = got.double(), right.double()
        tolerance = Ground(scores).tolerance
        same_score = (got[:, None, 2] - right[:, 2]).abs() <= tolerance
        if self.centres is not None:
            return same_score & (torch.cdist(got[:, :2], right[:, :2]) <= self.within + PIXELS)
        last = torch.tensor([scores.shape[1] - 1, scores.shape[0] - 1])
        at_border = (right[:, :2] == 0) | (right[:, :2] == last)
        away = (got[:, None, :2] - right[:, :2]).abs()  # (N, M, 2)
        near = (away <= torch.where(at_border, self.at_border, self.within) + PIXELS).all(dim=2)
        boxes = torch.stack([right.new_empty(4), *(self.ground(peak, scores, tolerance) for peak in right)])[1:]
        inside = ((got[:, None, :2] >= boxes[:, :2]) & (got[:, None, :2] <= boxes[:, 2:])).all(dim=2)
        return near & inside & same_score

    def ground(self, peak: Tensor, scores: Tensor, tolerance: float) -> Tensor:
        """Return the box x1, y1, x2, y2 around the pixels that are near a peak and as high, half a pixel wider."""
        y, x = torch.nonzero((scores.double() - peak[2]).abs() <= tolerance, as_tuple=True)
        place = torch.stack([x, y], dim=1).double()
        place = place[((place - peak[:2]).abs() <= max(self.within, ITS_PIXEL)).all(dim=1)]
        if not len(place):  # no right peak has none
            return torch.cat([peak[:2], peak[:2]])
        return torch.cat([place.amin(dim=0) - 0.5 - PIXELS, place.amax(dim=0) + 0.5 + PIXELS])

    def equal(self, got: Value, wrong: Value) -> bool:
        """Return whether a known wrong version gives the same, with peaks in any order; or raises the same error."""
        return equal_in_any_order(got, wrong, dtypes=True)

    def equal_but_for_the_dtype(self, got: Value, wrong: Value) -> bool:
        """Return the same where dtypes do not count: another one must not hide what else is wrong."""
        return equal_in_any_order(got, wrong)

    def meant(self, got: Value, wrong: Value) -> bool:
        """Return whether a known mistake takes the same pixels for peaks, whichever way each was refined."""
        if self.counts(got) is None or self.counts(got) != self.counts(wrong):  # first: to look up each peak takes long
            return False
        return self.taken(got) == self.taken(wrong)

    def counts(self, got: Value) -> list[int] | None:
        """Return how many peaks each map has, None in another form."""
        value = _value(got)
        if not _is_nested(value, self.scoremaps) or any(not _is_table(peaks) for _, peaks in _each_map(value)):
            return None
        return [len(peaks) for _, peaks in _each_map(value)]

    def taken(self, got: Value) -> list[list[int]] | None:
        """Return the pixels that were taken for peaks in each map, a plateau's by its number; None in another form."""
        if self.counts(got) is None:
            return None
        return [self._grounds[b][k].grounds(peaks) for (b, k), peaks in _each_map(_value(got))]

    @cached_property
    def _grounds(self) -> list[list[Ground]]:
        return [[Ground(scores) for scores in image] for image in self.scoremaps]

    def says_nothing(self, got: Value) -> bool:
        """Return whether there are no peaks at all."""
        return self.counts(got) is not None and not any(self.counts(got) or ())

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return the mistake that the peaks show by themselves."""
        if self.taken(got) is None:
            return None
        maps = [
            (self.scoremaps[b, k], peaks, self._expected(right["value"], b, k))
            for (b, k), peaks in _each_map(_value(got))
        ]
        return mistake_in(maps, self.threshold, None if self.centres is None else self.within)

    def _expected(self, right: Value, b: int, k: int) -> Tensor:
        """Return the right peaks (N, 3) of a map, at its centres where these are known."""
        peaks: Tensor = right[b][k]
        return peaks if self.centres is None else _moved(peaks, self.centres[b, k])


class Detected(Way):
    """The way of an answer that takes the same pixels for peaks as a known wrong version, not those that are right."""

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the known wrong version that takes the same pixels."""
        taken = calls[index].taken(answers[index])
        if taken is None or any(-1 in numbers for numbers in taken) or taken == calls[index].taken(judged[index][0]):
            return None
        return super().nearest(index, calls, answers, judged)


def _value(got: Value) -> Value:
    """Return what an answer returned, arrays as tensors; None where it raised."""
    return as_tensors(got["value"]) if isinstance(got, Mapping) else None


def equal_in_any_order(got: Value, wrong: Value, dtypes: bool = False) -> bool:
    """Return whether two answers are the same, the rows of each of their matrices in any order."""
    if not isinstance(got, Mapping) or not isinstance(wrong, Mapping):
        return same(got, wrong)
    return _same_trees(_value(got), _value(wrong), dtypes)


def _same_trees(a: Value, b: Value, dtypes: bool = False) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same_trees(one, other, dtypes) for one, other in zip(a, b, strict=True))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        alike = a.shape == b.shape and (a.dtype == b.dtype or not dtypes)  # first: to sort 64 MB takes seconds
        return alike and same(_in_order(a), _in_order(b))
    return same(a, b)


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


def _is_table(peaks: Tensor) -> bool:
    return peaks.ndim == 2 and peaks.shape[1] == 3


def _count(peaks: Tensor, odd: Tensor) -> str:
    """Return the number of peaks, and one that has no partner."""
    number = f"{len(peaks)} peak{'s' if len(peaks) != 1 else ''}"
    return number + (f", among them {row(odd[0])}" if len(odd) else "")
