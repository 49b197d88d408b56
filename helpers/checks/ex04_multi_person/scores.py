"""Cases of `affinity_score`: what a field says of pairs.

The mistakes' hints lie in `hints.toml`, the mistakes as code in `grading/known_wrong/ex04_scores.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, ValueCall
from helpers.checks.engine.compare import Form, same
from helpers.checks.engine.judge import Fault, judge
from helpers.checks.engine.mistakes import Judged, Way
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints
from helpers.checks.engine.values import Array, Value, as_tensor, as_tensors
from helpers.checks.ex04_multi_person.readings import usual_ways

__all__ = ["TOLERANCE", "scores_along", "scores_border", "scores_pairs", "scores_short", "scores_values"]

HINTS = read_hints("ex04_multi_person")["affinity_score"]

# Where the points of a segment lie, and how a field is read between pixels, is left open. So fields are constant around
# all points of a segment, or change slowly, or a segment has very many points: all conventions then agree within 0.02,
# and the known mistakes are farther off.
TOLERANCE = 0.04

SCORES = Form("the leading shape of start and end, in the dtype of the field: one mean for each segment")
SCORE = Form("a tensor of shape (), in the dtype of the field: one mean")
NO_SCORES = Form("an empty tensor: the leading shape of start and end")


@dataclass(frozen=True)
class Score(ValueCall):
    """A call that is judged within TOLERANCE, and so are known mistakes: one must be as near at all calls."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        alike = Score.alike_to_the_dtype if fault.kind == "dtype" else Score.alike
        if fault.kind == "value":
            return [Nearest(Score.apart, "all")]
        return usual_ways(fault.kind, alike, lambda call, got: False, lambda call, got, right: None)

    def read(self, got: Value, right: Value) -> Fault | None:
        if not isinstance(got, Mapping) or got["changed"]:
            return super().read(got, right)
        came, best = as_tensors(got["value"]), right["value"]
        if isinstance(came, Tensor) and came.shape == best.shape and _apart(came, best) <= TOLERANCE:
            got = {**got, "value": _with_numbers(got["value"], best)}  # what is left is its kind and dtype
        return super().read(got, right)

    def apart(self, got: Value, wrong: Value, right: Value) -> float | None:
        """Return the distance from what a known wrong version gives, None beyond TOLERANCE."""
        distance = _distance(got, wrong)
        return distance if distance <= TOLERANCE else None


class Nearest(Way):
    """The way of an answer that is near that of a known wrong version, which is wrong at this call; but all zeros may
    come from any mistake."""

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the nearest of these versions."""
        right, versions = judged[index]
        if all(map(_is_zero, answers)):
            return None
        wrong = {name: value for name, value in versions.items() if _distance(value, right) > TOLERANCE}
        return super().nearest(index, calls, answers, [*judged[:index], (right, wrong), *judged[index + 1 :]])


def judge_scores(calls: Sequence[Call], ask: Ask, oracle: Oracle) -> None:
    """Judge as `judge_values` does, but within TOLERANCE; of the known mistakes as near as that, the nearest is named.

    Raises:
        Wrong: about the first call whose values are wrong.
    """
    judge([Score("affinity_score", HINTS, call, call.form or SCORES) for call in calls], ask, oracle)


def _distance(a: Any, b: Any) -> float:
    """Return the largest difference of two answers, relative to numbers in b above 1; infinite where more differs."""
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return 0.0 if same(a, b) else np.inf
    a, b = as_tensors(a["value"]), as_tensors(b["value"])
    fits = isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape
    return _apart(a, b) if fits else np.inf


def _apart(a: Tensor, b: Tensor) -> float:
    """Return the largest difference of two tensors of one shape, as `_distance` does; dtypes do not count."""
    if a.numel() == 0:
        return 0.0
    unlike = torch.where(a.isnan() & b.isnan(), 0.0, (a.double() - b).abs() / b.abs().clamp(min=1))
    return float(unlike.nan_to_num(nan=np.inf).max())


def _is_zero(got: Value) -> bool:
    value = as_tensors(got["value"]) if isinstance(got, Mapping) else None
    return isinstance(value, Tensor) and value.numel() > 0 and not value.any()


def _with_numbers(value: Value, numbers: Tensor) -> Value:
    """Return a tensor or array of the kind and dtype of `value`, with these numbers."""
    dtype = as_tensor(value).dtype
    return Array(numbers.to(dtype)) if isinstance(value, Array) else numbers.to(dtype)


def draw_vector(rng: np.random.RandomState, along: int | None = None) -> np.ndarray:
    """Return a vector shorter than 1, with components of different sizes; `along` is the axis of the larger one."""
    sizes = np.array([integers(rng, 5, 7, ()), integers(rng, 2, 4, ())]) / 8
    turned = integers(rng, 0, 2, ()) if along is None else along
    return (sizes[::-1] if turned else sizes) * (2 * integers(rng, 0, 2, (2,)) - 1)


def _quarter_turns(vector: np.ndarray) -> np.ndarray:
    x, y = vector
    return np.array([(x, y), (-y, x), (-x, -y), (y, -x)])


def _uniform(vector: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(vector[:, None, None], (2, *size)).copy()


def draw_segments(
    rng: np.random.RandomState, low: tuple[int, int], high: tuple[int, int], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends (count, 2) between the corners `low` and `high`, at least 3 apart in x and in y."""
    span: npt.NDArray[np.int64] = np.subtract(high, low)
    apart = np.maximum(span // 4, 3)
    start = integers(rng, 0, 8 * (span - apart) + 1, (count, 2)) / 8
    end = start + apart + integers(rng, 0, 8 * 64, (count, 2)) / 8 % (span - apart - start + 0.125)
    mirrored = integers(rng, 0, 2, (count, 2)) == 1
    start, end = (np.where(mirrored, span - place, place) for place in (start, end))
    return start + low, end + low


def _segments(
    field: np.ndarray,
    segments: tuple[np.ndarray, np.ndarray],
    num_samples: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """Return the arguments; without `num_samples` the answer's default counts."""
    values = dict(zip(("field", "start", "end"), (field, *segments), strict=True))
    batch: dict[str, Any] = {name: torch.tensor(value, dtype=dtype) for name, value in values.items()}
    return batch if num_samples is None else {**batch, "num_samples": num_samples}


def _quadrants(rng: np.random.RandomState, size: tuple[int, int]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return a field of four parts with a vector each, and segments that stay within one part, two for each."""
    height, width = size
    field = np.zeros((2, *size))
    starts, ends = [], []
    for part, vector in enumerate(_quarter_turns(draw_vector(rng))[rng.permutation(4)]):
        top, left = (height // 2) * (part // 2), (width // 2) * (part % 2)
        field[:, top : top + height // 2, left : left + width // 2] = vector[:, None, None]
        corners = (left + 1, top + 1), (left + width // 2 - 2, top + height // 2 - 2)
        start, end = draw_segments(rng, *corners, 2)
        starts.append(start)
        ends.append(end)
    return field, (np.concatenate(starts), np.concatenate(ends))


def _slope(rng: np.random.RandomState, size: tuple[int, int]) -> np.ndarray:
    """Return a field that grows by up to 1/64 a pixel, not as fast in x as in y, and from its middle column either way:
    what is best along a segment may lie at its start as well as at its end."""
    slopes = draw_vector(rng), draw_vector(rng)
    y, x = np.mgrid[: size[0], : size[1]]
    x = np.abs(x - size[1] // 2)
    return np.stack([v + (s[0] * x + s[1] * y) / 64 for v, s in zip(draw_vector(rng), slopes, strict=True)])


def scores_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    segments, others = (draw_segments(rng, (0, 0), (29, 17), count) for count in (6, 12))
    calls = [
        Call("call", _segments(_uniform(draw_vector(rng), (18, 30)), segments)),
        Call("call", _segments(*_quadrants(rng, (20, 32))), "a field of four parts, no segment leaves its part"),
        Call("call", _segments(4 * _uniform(draw_vector(rng), (18, 30)), segments), "vectors longer than 1"),
        Call("call", _segments(_slope(rng, (18, 30)), others, 64, torch.float64), "float64, a field with a slope"),
    ]
    judge_scores(calls, ask, oracle)


def _bands(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a field of three bands, its middle one against the others, and segments across all of them."""
    signs = np.ones(48)
    first = int(integers(rng, 11, 16, ()))
    signs[first : first + int(integers(rng, 18, 22, ()))] = -1
    return _across(rng, signs, 0, 256)


def _stripes(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a field of 24 stripes that point either way, and segments with very many points across nearly all."""
    return _across(rng, np.repeat(2 * integers(rng, 0, 2, (24,)) - 1, 4), 1, 500)


def _across(rng: np.random.RandomState, signs: np.ndarray, axis: int, num_samples: int) -> dict[str, Any]:
    """Return a field that changes along one axis, and six segments from one end of it to the other, either way."""
    field = _uniform(draw_vector(rng, axis), (14, len(signs))) * signs
    start = np.stack([integers(rng, 0, 32, (6,)) / 8, integers(rng, 0, 105, (6,)) / 8], axis=1)
    end = np.stack([len(signs) - 1 - integers(rng, 0, 32, (6,)) / 8, integers(rng, 0, 105, (6,)) / 8], axis=1)
    back = np.array([True, False, True, False, True, False])[:, None]
    start, end = np.where(back, end, start), np.where(back, start, end)
    if axis == 1:  # bands one above the other: rows and columns change places
        field, start, end = field.transpose(0, 2, 1).copy(), start[:, ::-1].copy(), end[:, ::-1].copy()
    return _segments(field, (start, end), num_samples)


def _on_one_line(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a field with one row and one column that point against it, and segments along these.

    They lie 1/128 of a pixel beside the centres, on either side, and do not come to where row and column cross.
    """
    size, vector = (30, 36), draw_vector(rng)
    row, column = integers(rng, 6, 10, (2,))
    field = _uniform(vector, size)
    field[:, row] = field[:, :, column] = -vector[:, None]
    first, last = integers(rng, 96, 128, (4,)) / 8, integers(rng, 168, 225, (4,)) / 8
    beside = np.array([row, row, column, column]) + np.array([1, -1, 1, -1]) / 128
    start, end = (np.where([[0], [0], [1], [1]], *_both_ways(beside, place)) for place in (first, last))
    return _segments(field, (start, end), 32)


def _both_ways(across: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places (n, 2) of points on columns, and on rows."""
    return np.stack([across, along], axis=1), np.stack([along, across], axis=1)


def _on_a_slant(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a slanted segment, there and back, in a field that points against it 3 pixels beside it or past its ends.

    Six points lie so far from each other that x of one and y of the next are together no point of the segment.
    """
    first, last = (low + integers(rng, 0, 17, (2,)) / 8 for low in (8, 40))
    if integers(rng, 0, 2, ()):  # downwards to the left
        first[0], last[0] = last[0], first[0]
    way, pixels = last - first, np.mgrid[:50, :52][::-1].transpose(1, 2, 0)
    share = ((pixels - first) @ way / (way @ way)).clip(0, 1)
    is_near = np.linalg.norm(pixels - first - share[..., None] * way, axis=-1) <= 3
    field = _uniform(np.abs(draw_vector(rng)) * np.sign(way), (50, 52)) * np.where(is_near, 1, -1)
    return _segments(field, (np.stack([first, last]), np.stack([last, first])), 6)


def scores_along(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", _bands(rng), "the middle of the field points against its ends"),
        Call("call", _stripes(rng), "stripes of 4 pixels that point either way"),
        Call("call", _on_one_line(rng), "one row and one column differ, and the segments run along them"),
        Call("call", _on_a_slant(rng), "7 pixels across a slanted segment point along it, all others against them"),
    ]
    judge_scores(calls, ask, oracle)


def _framed(rng: np.random.RandomState, size: tuple[int, int]) -> np.ndarray:
    """Return a field with another vector on each border, one pixel wide: right, top, left and bottom."""
    height, width = size
    vectors = _quarter_turns(draw_vector(rng))[rng.permutation(4)]
    field = _uniform(draw_vector(rng) / 2, size)
    field[:, :, -1], field[:, 0], field[:, :, 0], field[:, -1] = (
        np.broadcast_to(vector[:, None], (2, n)) for vector, n in zip(vectors, (height, width) * 2, strict=True)
    )
    return field


def _beyond(rng: np.random.RandomState, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return eight segments outside of the field, one on each side and one at each corner."""
    found = []
    for below in (-1, 0, 1):
        for right in (-1, 0, 1):
            if (right, below) != (0, 0):
                (x1, x2), (y1, y2) = _span(right, size[1]), _span(below, size[0])
                found.append(draw_segments(rng, (x1, y1), (x2, y2), 1))
    start, end = (np.concatenate(places) for places in zip(*found, strict=True))
    return start, end


def _span(where: int, length: int) -> tuple[int, int]:
    """Return the first and last pixel of a span before a field of this length (-1), inside its border, or after it."""
    return {-1: (-9, -1), 0: (2, length - 3), 1: (length, length + 8)}[where]


def _leaving_segments(rng: np.random.RandomState, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return segments from near the middle of the field to far beyond each of its sides, every other one turned."""
    height, width = size
    start = np.array([width // 2, height // 2]) + integers(rng, -16, 17, (4, 2)) / 8
    aside = integers(rng, 4, 16, (4,)) / 8
    far = [(-width, aside[0]), (aside[1], -height), (width, -aside[2]), (-aside[3], height)]
    end, turned = start + far, np.array([[False], [True], [False], [True]])
    return np.where(turned, end, start), np.where(turned, start, end)


def scores_border(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    size, oblong = (14, 19), (24, 20)
    calls = [
        Call("call", _segments(_framed(rng, oblong), _leaving_segments(rng, oblong), 256), "half of each is outside"),
        Call("call", _segments(_framed(rng, size), _beyond(rng, size)), "all outside of the field"),
        Call("call", _segments(_framed(rng, size), draw_segments(rng, (2, 2), (16, 11), 4)), "none outside"),
    ]
    judge_scores(calls, ask, oracle)


def _pairs(rng: np.random.RandomState, starts: tuple[int, ...], ends: tuple[int, ...]) -> dict[str, Any]:
    """Return segments from starts (*starts, 2) to ends (*ends, 2) in a field with a slope."""
    start = integers(rng, (0, 0), (49, 121), (*starts, 2)) / 8
    end = integers(rng, (80, 0), (161, 121), (*ends, 2)) / 8
    return _segments(_slope(rng, (16, 21)), (start, end), 64)


def scores_pairs(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", _pairs(rng, (), ()), "one segment", SCORE),
        Call("call", _pairs(rng, (4, 1), (1, 3)), "all pairs of four starts and three ends"),
        Call("call", _pairs(rng, (2, 3), (2, 3)), "two times three segments"),
        Call("call", _pairs(rng, (2, 1, 3), (4, 1)), "2 x 1 x 3 starts and 4 x 1 ends"),
        Call("call", _pairs(rng, (0, 1), (1, 3)), "no starts, three ends", NO_SCORES),
    ]
    judge_scores(calls, ask, oracle)


def scores_short(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """Ask for segments without length, and for some that are shorter than a pixel."""
    size = (15, 11)
    places = integers(rng, 16, 64, (4, 2)) / 8
    way = np.array([(0.1875, 0.25), (-0.25, 0.1875), (0.25, -0.1875), (-0.1875, -0.25)])
    field = _uniform(draw_vector(rng), size)
    calls = [
        Call("call", _segments(field, (places, places + way)), "segments shorter than a pixel"),
        Call("call", _segments(field, (places[:, None], places)), "the pairs of four points: from each to itself is 0"),
    ]
    judge_scores(calls, ask, oracle)
