"""The question `match_limbs`: how it is judged, and its cases. Pairs come in any order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import described, number, show, with_first
from helpers.checks.engine.judge import call_line, judge
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints
from helpers.checks.engine.values import Value
from helpers.checks.ex04_multi_person.readings import FreeCall, Reading, listed

__all__ = ["Pairs", "pairs_few", "pairs_threshold", "pairs_values"]

HINTS = read_hints("ex04_multi_person")["match_limbs"]


@dataclass(frozen=True)
class Pairs(FreeCall):
    """A call of `match_limbs`."""

    given: Mapping[str, Any]
    note: str = ""

    hints = HINTS
    form = "pairs (i, j), number of the start and of the end: a list, or a tensor (k, 2)"
    takes_arrays = True

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.given

    @property
    def called(self) -> str:
        numbers = [f"{name}: {described(self.inputs[name])}" for name in ("starts", "ends", "scores")]
        threshold = [f"threshold: {self.inputs['threshold']:g}"] if "threshold" in self.inputs else []
        return call_line("match_limbs", ", ".join([*numbers, *threshold]), self.note)

    @property
    def most(self) -> tuple[int, str]:
        """How many pairs an answer can have, be it wrong, and why."""
        return self.inputs["scores"].numel(), "pairs, one for each start with each end"

    def reading(self, value: Value) -> Reading:
        """Return the pairs, sorted."""
        rows = value.reshape(-1, 2) if isinstance(value, Tensor) and not value.numel() else value
        if isinstance(rows, Tensor) and (rows.ndim != 2 or rows.shape[1] != 2):
            return Reading(value, show(value), "shape")
        if isinstance(rows, Tensor) and rows.dtype is not torch.bool:
            rows = rows.tolist()
        found = [_pair(row) for row in rows] if isinstance(rows, list) else [None]
        pairs = sorted(pair for pair in found if pair is not None)
        if len(pairs) < len(found):
            return Reading(value, with_first(value), "type")
        return Reading(pairs, f"{len(pairs)} pairs: {listed(pairs)}" if pairs else "no pair")

    def says_nothing(self, got: Value) -> bool:
        """Return whether there is no pair."""
        return isinstance(got, Mapping) and self._reading_of(got).value == []

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return the mistake that the pairs show by themselves."""
        pairs, best = self._reading_of(got).value, self._reading_of(right).value
        scores, threshold = self.inputs["scores"], self.inputs.get("threshold", 0.0)
        n, m = scores.shape
        if not pairs:
            return "no_pair"
        if not all(0 <= i < n and 0 <= j < m for i, j in pairs):
            return "no_such_candidate"
        if any(scores[pair].isnan() for pair in pairs):
            return "nan_matched"
        if any(scores[pair] < threshold for pair in pairs):
            return "threshold_ignored"
        if any(len(set(side)) < len(pairs) for side in zip(*pairs, strict=True)):
            return "never_removed"
        if any(scores[pair] == threshold for pair in pairs):
            return "threshold_inclusive"
        lost, kept = [[float(scores[p]) for p in best if (p in pairs) == there] for there in (False, True)]
        if lost and set(lost) <= set(kept):
            return "equal_scores_lost"
        return "pairs_missing" if set(pairs) < set(best) else None

    def told_apart(self, got: Reading, right: Reading) -> tuple[str, str]:
        """Return the lines `returned` and `expected`."""
        return got.text, right.text


def _pair(row: Value) -> tuple[int, int] | None:
    """Return a pair of whole numbers, None for anything else."""
    row = row.tolist() if isinstance(row, Tensor) and row.shape == (2,) else row
    numbers = [number(item) for item in row] if isinstance(row, list) and len(row) == 2 else []
    whole = [int(value) for value in numbers if value is not None and value.is_integer()]
    return (whole[0], whole[1]) if len(whole) == 2 else None


# Scores are multiples of 1/64 (or whole numbers), and no two are equal where that would leave open who is matched.


def _candidates(rng: np.random.RandomState, count: int, dtype: torch.dtype) -> Tensor:
    """Return so many candidates (x, y, score) somewhere in 40 x 40 pixels."""
    columns = [integers(rng, 0, 320, (count,)) / 8, integers(rng, 0, 320, (count,)) / 8, rng.permutation(count) / 32]
    return torch.tensor(np.stack(columns, axis=1), dtype=dtype)


def _with_scores(rng: np.random.RandomState, scores: np.ndarray, dtype: torch.dtype, **settings: Any) -> dict[str, Any]:
    starts, ends = (_candidates(rng, count, dtype) for count in scores.shape)
    return {"starts": starts, "ends": ends, "scores": torch.tensor(scores, dtype=dtype), **settings}


def draw_scores(
    rng: np.random.RandomState,
    starts: int,
    ends: int,
    lowest: int = 1,
    dtype: torch.dtype = torch.float32,
    **settings: Any,
) -> dict[str, Any]:
    """Return the arguments for scores from `lowest / 64` on."""
    scores = (lowest + rng.permutation(starts * ends).reshape(starts, ends)) / 64
    return _with_scores(rng, scores, dtype, **settings)


def _scaled(batch: dict[str, Any], by: float) -> dict[str, Any]:
    return {**batch, "scores": batch["scores"] * by}


def _greedy_pays(rng: np.random.RandomState) -> dict[str, Any]:
    """Return the arguments for two and two, where the best pair of all leaves the worst for the others."""
    low, middle, high, best = integers(rng, [1, 36, 44, 52], [8, 44, 52, 60], (4,)) / 64
    scores = np.array([[best, high], [middle, low]])
    return _with_scores(rng, np.roll(scores, integers(rng, 0, 2, ()), axis=0), torch.float32)


def _best_left(rng: np.random.RandomState, starts: int, ends: int, above: int) -> dict[str, Any]:
    """Return the arguments for scores of which a diagonal holds the best, and `above` of these are above the threshold;
    the next is as high as that."""
    count = min(starts, ends)
    scores = np.empty((starts, ends), dtype=np.int64)
    diagonal = np.eye(starts, ends, dtype=bool)
    scores[~diagonal] = -40 - rng.permutation(starts * ends - count)
    scores[diagonal] = (5 + above - rng.permutation(count)) * 4
    rows, columns = rng.permutation(starts), rng.permutation(ends)
    return _with_scores(rng, scores[rows][:, columns] / 64, torch.float32, threshold=5 * 4 / 64)


def _some_equal(rng: np.random.RandomState) -> dict[str, Any]:
    """Return the arguments for the best scores on a diagonal, all equal but the last: whichever is first, they all are
    matched."""
    scores = (1 + rng.permutation(30).reshape(5, 6)) / 64
    scores[np.arange(5), np.arange(5)] = [0.75, 0.75, 0.75, 0.75, 0.625]
    rows, columns = rng.permutation(5), rng.permutation(6)
    return _with_scores(rng, scores[rows][:, columns], torch.float32)


def pairs_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Pairs(draw_scores(rng, 5, 7)),
        Pairs(draw_scores(rng, 6, 4), "more starts than ends"),
        Pairs(_greedy_pays(rng), "the best pair of all, and then what is left"),
        Pairs(_best_left(rng, 4, 6, 4), "the best pairs do not meet"),
        Pairs(draw_scores(rng, 6, 6, dtype=torch.float64), "float64"),
        Pairs(draw_scores(rng, 1, 5), "one start"),
        Pairs(draw_scores(rng, 4, 1), "one end"),
        Pairs(_some_equal(rng), "the four best scores are equal, each with a start and an end of its own"),
        Pairs(_scaled(draw_scores(rng, 4, 4), 2.0**-24), "all scores are below 1 / 100000"),
    ]
    judge(calls, ask, oracle)


def pairs_threshold(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    zero = draw_scores(rng, 5, 6, lowest=-18)
    calls = [
        Pairs(draw_scores(rng, 5, 4, threshold=0.125)),
        Pairs(zero, "half of the scores are 0 or less, which is the default threshold"),
        Pairs(_best_left(rng, 5, 6, 3), "three pairs are above the threshold, and the next is as high as that"),
        Pairs(draw_scores(rng, 4, 5, lowest=-30, threshold=-0.25), "a negative threshold"),
        Pairs(_scaled(draw_scores(rng, 5, 4, lowest=-24, threshold=-12.5), 64), "scores down to -24"),
        Pairs(draw_scores(rng, 4, 6, lowest=-30, threshold=0.75), "no score is above the threshold"),
        Pairs(draw_scores(rng, 3, 4, lowest=-20), "no score is above the default threshold"),
    ]
    judge(calls, ask, oracle)


def _with_nan(rng: np.random.RandomState, starts: int, ends: int, **settings: Any) -> dict[str, Any]:
    """Return the arguments for scores of which a third are NaN, those of one start all."""
    batch = draw_scores(rng, starts, ends, lowest=-8, **settings)
    gone = torch.tensor(rng.permutation(starts * ends).reshape(starts, ends) % 3 == 0)
    gone[int(integers(rng, 0, starts, ()))] = True
    batch["scores"].masked_fill_(gone, torch.nan)
    return batch


def pairs_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Pairs(draw_scores(rng, 4, 5)),
        Pairs(draw_scores(rng, 0, 4), "no start"),
        Pairs(draw_scores(rng, 3, 0), "no end"),
        Pairs(draw_scores(rng, 0, 0), "no candidate at all"),
        Pairs(draw_scores(rng, 1, 1, lowest=7), "one start and one end"),
        Pairs(_with_nan(rng, 5, 6), "some scores are NaN"),
        Pairs(_with_nan(rng, 6, 4, threshold=-0.5), "some scores are NaN, and the threshold is negative"),
        Pairs(_with_scores(rng, np.full((2, 3), np.nan), torch.float32), "all scores are NaN"),
    ]
    judge(calls, ask, oracle)
