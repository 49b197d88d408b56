"""The bonus question `add_offsets`: how it is judged, and its cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.changes import copied, names_of, same_items, unchanged
from helpers.checks.engine.compare import described, kind_of_no_tensor, row, same, show, with_first
from helpers.checks.engine.judge import AnyCall, Fault, call_line, changed_argument, judge, no_value
from helpers.checks.engine.mistakes import Way
from helpers.checks.engine.question import Ask, Memory, Oracle, integers, read_hints
from helpers.checks.engine.values import Value, as_tensors
from helpers.checks.ex04_multi_person.peaks import equal_in_any_order
from helpers.checks.ex04_multi_person.readings import usual_ways

__all__ = ["moving", "offsets_empty", "offsets_outside", "offsets_values"]

HINTS = read_hints("ex04_multi_person")["add_offsets"]


@dataclass(frozen=True)
class Offsets(AnyCall):
    """A call of `add_offsets`."""

    peaks: list[Tensor]
    offsets: Tensor
    note: str = ""

    hints = HINTS
    form = "a list of K tensors (N_k, 3): x, y and score of each peak, in the order in which they came"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"peaks": self.peaks, "offsets": self.offsets}

    @property
    def called(self) -> str:
        counts = ", ".join(str(len(found)) for found in self.peaks)
        arguments = f"peaks: {counts} of them, offsets: {described(self.offsets)}"
        return call_line("add_offsets", arguments, self.note)

    def ways(self, fault: Fault) -> Sequence[Way]:
        equal = Offsets.equal if fault.kind == "dtype" else Offsets.equal_but_for_the_dtype
        return usual_ways(fault.kind, equal, lambda call, got: False, lambda call, got, right: None)

    def read(self, got: Value, right: Value) -> Fault | None:
        if not isinstance(got, Mapping):
            return no_value(got, self.form, alone=self.form)
        return changed_argument(got["changed"]) or self.fault(got["value"], right["value"])

    def fault(self, value: Value, right: Value) -> Fault | None:
        """Return what is wrong with the moved peaks."""
        given, value = value, as_tensors(value)
        if not isinstance(value, list) or len(value) != len(right) or not all(isinstance(m, Tensor) for m in value):
            return Fault("type", with_first(given), self.form)
        for k, (before, moved, expected) in enumerate(zip(self.peaks, value, right, strict=True)):
            if moved.shape != expected.shape:
                return Fault("shape", f"{show(moved)} for keypoint {k}", f"{show(expected)}: {self.form}")
            if not same(moved, expected):
                i = int((moved.double() - expected).abs().nan_to_num(torch.inf).amax(dim=1).argmax())
                came = f"{row(moved[i])} for the peak {row(before[i])} of keypoint {k}"
                return Fault("value", came, f"{row(expected[i])}: {self.form}")
            if moved.dtype != expected.dtype:
                return Fault("dtype", f"{show(moved)} for keypoint {k}", f"{self.form}, in the dtype of the peaks")
        return Fault("numpy", with_first(given), self.form) if kind_of_no_tensor(given) == "numpy" else None

    def equal(self, got: Value, wrong: Value) -> bool:
        """Return whether a known wrong version gives the same, with peaks in any order; or raises the same error."""
        return equal_in_any_order(got, wrong, dtypes=True)

    def equal_but_for_the_dtype(self, got: Value, wrong: Value) -> bool:
        """Return the same where dtypes do not count: another one must not hide what else is wrong."""
        return equal_in_any_order(got, wrong)


# Places and offsets are multiples of 1/8, and no place is half-way between two pixels.


def draw_peaks(rng: np.random.RandomState, counts: Sequence[int], size: tuple[int, int], beyond: int) -> list[Tensor]:
    """Return so many peaks (n, 3) for each keypoint, in the pixels of a map (H, W) or up to `beyond` outside of it."""
    peaks = []
    for count in counts:
        pixel = np.stack([integers(rng, -beyond, size[axis] + beyond, (count,)) for axis in (1, 0)], axis=1)
        guess = integers(rng, -3, 4, (count, 2)) / 8
        score = (1 + rng.permutation(count)[:, None]) / 4
        peaks.append(torch.tensor(np.concatenate([pixel + guess, score], axis=1), dtype=torch.float32))
    return peaks


def draw_offsets(rng: np.random.RandomState, keypoints: int, size: tuple[int, int]) -> Tensor:
    """Return offsets (K, 2, H, W), no two alike."""
    shape = (keypoints, 2, *size)
    ranks = rng.permutation(np.prod(shape)).reshape(shape)
    return torch.tensor((ranks - ranks.size // 2) / 8, dtype=torch.float32)


def _moving(
    rng: np.random.RandomState, counts: Sequence[int], size: tuple[int, int], note: str = "", beyond: int = 0
) -> Offsets:
    return Offsets(draw_peaks(rng, counts, size, beyond), draw_offsets(rng, len(counts), size), note)


def offsets_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge([_moving(rng, (3, 5, 4), (5, 8)), _moving(rng, (4, 6), (9, 4))], ask, oracle)


def offsets_outside(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _moving(rng, (12, 14), (4, 7), "some peaks lie outside of the map", 3),
        _moving(rng, (9,), (1, 6), "a map of one row, and peaks above and below it", 2),
    ]
    judge(calls, ask, oracle)


def offsets_empty(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    double = _moving(rng, (2, 3), (4, 6))
    calls = [
        _moving(rng, (0, 4, 1), (5, 7), "a keypoint without a peak"),
        _moving(rng, (0, 0), (4, 3), "no peaks at all"),
        Offsets([peaks.double() for peaks in double.peaks], double.offsets.double(), "float64"),
    ]
    judge(calls, ask, oracle)


def moving(answer: Callable[..., Any], memory: Memory, peaks: list[Tensor], offsets: Tensor) -> dict[str, Any]:
    """Call `add_offsets`: its value, and the names of the arguments that it changed."""
    before, given = copied([peaks, offsets]), list(peaks)
    value = answer(given, offsets)
    kept = same_items(given, peaks) and unchanged(before[0], peaks)
    return {"value": value, "changed": names_of({"peaks": kept, "offsets": unchanged(before[1], offsets)})}
