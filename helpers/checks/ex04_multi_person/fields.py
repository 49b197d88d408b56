"""Exercise 4, the cases of part affinity fields: what a network should learn of limbs, and what a field says of pairs.

The mistakes' hints lie in `field_cases.toml`, the mistakes as code in `grading/known_wrong/ex04_fields.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import Form
from helpers.checks.engine.judge import Call, judge
from helpers.checks.engine.question import Ask, Oracle, Question, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex04_multi_person")

# part_affinity_fields

# No pixel may lie on the edge of a rectangle by rounding only. So keypoints are odd numbers of eighths, the way from
# one end of a limb to the other is a whole number of quarters along a right triangle with whole sides, and widths are
# whole numbers of halves: no edge then comes closer than 0.007 pixels to the centre of a pixel. Only limbs that run to
# the right from whole or half pixels have edges on pixels, where any formula is exact.
QUARTERS = ((3, 4, 2), (3, 4, 3), (3, 4, 4), (5, 12, 1), (8, 15, 1))  # two sides, and how often: 2.5 to 5 pixels
STEPS = np.array(
    [
        (right * times * x / 4, down * times * y / 4)
        for a, b, times in QUARTERS
        for x, y in ((a, b), (b, a))
        for right in (1, -1)
        for down in (1, -1)
    ]
)
ONE_LIMB = ((1, 0),)
# One limb goes up in numbers and one down, they do not stand in order, and no turn makes (0, 1), (1, 2) of them.
TWO_LIMBS = (((2, 0), (1, 2)), ((2, 1), (0, 2)), ((2, 1), (0, 1)), ((1, 0), (0, 2)), ((2, 0), (0, 1)))

FIELDS = Form("(B, L, 2, H, W) in the dtype of the keypoints: the unit vector of each limb, x then y, in its rectangle")
NOTHING = Form("(B, L, 2, H, W), zeros everywhere")

Limbs = tuple[tuple[int, int], ...]


def two_limbs(rng: np.random.RandomState) -> Limbs:
    """Return two limbs that share one of three keypoints."""
    return TWO_LIMBS[int(integers(rng, 0, len(TWO_LIMBS), ()))]


def shared(limbs: Limbs) -> int:
    """Return a keypoint that all limbs have."""
    return next(k for k in limbs[0] if all(k in pair for pair in limbs))


def draw_people(
    rng: np.random.RandomState, images: int, people: int, limbs: Limbs, size: tuple[int, int]
) -> np.ndarray:
    """Return keypoints (images, people, len(limbs) + 1, 2) inside the field, each limb 2.5 to 5 pixels long."""
    corner, first = np.array(size[::-1]) - 1, shared(limbs)
    keypoints = np.zeros((images, people, len(limbs) + 1, 2))
    for person in keypoints.reshape(-1, len(limbs) + 1, 2):
        person[first] = integers(rng, 0, corner, (2,)) + _odd_eighths(rng)
        for pair in limbs:
            ends = person[first] + STEPS[rng.permutation(len(STEPS))]
            person[sum(pair) - first] = ends[((ends > 0) & (ends < corner)).all(axis=1)][0]
    return keypoints


def _odd_eighths(rng: np.random.RandomState) -> np.ndarray:
    """Return x and y between 0 and 1."""
    return (2 * integers(rng, 0, 4, (2,)) + 1) / 8


def _people(
    keypoints: np.ndarray,
    limbs: Limbs,
    size: tuple[int, int],
    width: float,
    visible: np.ndarray | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    seen = np.ones(keypoints.shape[:-1], dtype=bool) if visible is None else visible
    return {
        "keypoints": torch.tensor(keypoints, dtype=dtype),
        "visible": torch.tensor(seen),
        "limbs": limbs,
        "size": size,
        "width": width,
    }


def _one_limb(rng: np.random.RandomState, size: tuple[int, int], width: float) -> dict[str, Any]:
    """Return one image of one person of one limb."""
    return _people(draw_people(rng, 1, 1, ONE_LIMB, size), ONE_LIMB, size, width)


def _two_images(rng: np.random.RandomState, size: tuple[int, int], width: float) -> dict[str, Any]:
    """Return two images of one person of two limbs each."""
    limbs = two_limbs(rng)
    return _people(draw_people(rng, 2, 1, limbs, size), limbs, size, width)


def _side_by_side(rng: np.random.RandomState, a_point: bool = False) -> dict[str, Any]:
    """Return one image of two people, one in its left and one in its right part, who do not meet.

    With `a_point`, there is a third one, whose keypoints are all in one place, between the others.
    """
    people = [draw_people(rng, 1, 1, ONE_LIMB, (5, 5)) + (left, 0) for left in rng.permutation((0, 6))]
    if a_point:
        point = np.mean(people, axis=(0, 3), keepdims=True)[0].repeat(2, axis=2)
        people.insert(int(integers(rng, 0, 3, ())), point)
    return _people(np.concatenate(people, axis=1), ONE_LIMB, (5, 11), 2.0)


def fields_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("draw", _one_limb(rng, (5, 7), 4.0)),
        Call("draw", _two_images(rng, (6, 5), 1.5), "one person in each image"),
        Call("draw", _side_by_side(rng), "two people, who do not meet"),
    ]
    judge("part_affinity_fields", HINTS["part_affinity_fields"], calls, ask, oracle, FIELDS)


def _to_the_right(
    x: float, y: float, length: float, size: tuple[int, int], width: float, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Return a limb of whole or half numbers."""
    return _people(np.array([[[(x, y), (x + length, y)]]]), ((0, 1),), size, width, dtype=dtype)


def _leaving(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a limb that reaches over the right border of the field."""
    inside = (4, 2) + _odd_eighths(rng)
    ends = np.stack([inside, inside + (4, 3 - 6 * integers(rng, 0, 2, ()))])
    return _people(ends[None, None, rng.permutation(2)], ONE_LIMB, (6, 7), 2.5)


def fields_rectangle(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    x, y = integers(rng, 1, 3, (2,)).tolist()
    calls = [
        Call("draw", _one_limb(rng, (6, 5), 3.0)),
        Call("draw", _to_the_right(x, y, 4, (5, 8), 2.0), "the rectangle's edges pass through pixels"),
        Call("draw", _to_the_right(x + 0.5, y + 0.5, 2, (4, 6), 1.0, torch.float64), "float64; so do two of its edges"),
        Call("draw", _leaving(rng), "one end lies outside of the field"),
    ]
    judge("part_affinity_fields", HINTS["part_affinity_fields"], calls, ask, oracle, FIELDS)


def _partly_seen(rng: np.random.RandomState, size: tuple[int, int]) -> dict[str, Any]:
    """Return four people: one with both ends of the limb visible, two with one, and one with none."""
    visible = np.array([(True, True), (True, False), (False, True), (False, False)])[rng.permutation(4)]
    return _people(draw_people(rng, 1, 4, ONE_LIMB, size), ONE_LIMB, size, 2.0, visible[None])


def _one_end_is_nan(rng: np.random.RandomState, size: tuple[int, int]) -> dict[str, Any]:
    """Return one person with two limbs, the end of one of them invisible and NaN."""
    limbs = two_limbs(rng)
    visible = np.arange(3) != sum(limbs[int(integers(rng, 0, 2, ()))]) - shared(limbs)
    keypoints = np.where(visible[:, None], draw_people(rng, 1, 1, limbs, size), np.nan)
    return _people(keypoints, limbs, size, 2.5, visible[None, None])


def fields_unseen(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    nobody = np.full((1, 2, 2, 2), np.nan), ONE_LIMB, (5, 6), 2.0, np.zeros((1, 2, 2), dtype=bool)
    calls = [
        Call("draw", _partly_seen(rng, (5, 6)), "one person of four has both keypoints visible"),
        Call("draw", _one_end_is_nan(rng, (6, 5)), "one keypoint is invisible, and NaN"),
        Call("draw", _side_by_side(rng, a_point=True), "the limb of one person has length 0"),
        Call("draw", _people(*nobody), "no keypoint is visible", NOTHING),
    ]
    judge("part_affinity_fields", HINTS["part_affinity_fields"], calls, ask, oracle, FIELDS)


def _crossing(
    rng: np.random.RandomState, images: int, ways: list, size: tuple[int, int], width: float
) -> dict[str, Any]:
    """Return images of people whose limbs go these ways, in any order, and cross near the middle of the field."""
    keypoints = []
    for _ in range(images):
        turned = np.array(ways)[rng.permutation(len(ways))] * (1 - 2 * integers(rng, 0, 2, ()))
        starts = np.array([size[1] // 2, size[0] // 2]) - np.round(turned / 2)
        starts += np.stack([_odd_eighths(rng) - 0.5 for _ in ways])
        keypoints.append(np.stack([starts, starts + turned], axis=1))
    return _people(np.stack(keypoints), ((0, 1),), size, width)


def _opposite(rng: np.random.RandomState, size: tuple[int, int]) -> dict[str, Any]:
    """Return two people with their limbs in one place, in opposite directions."""
    one = draw_people(rng, 1, 1, ONE_LIMB, size)
    return _people(np.concatenate([one, one[:, :, ::-1]], axis=1), ONE_LIMB, size, 2.0)


def fields_overlap(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("draw", _crossing(rng, 2, [(2.5, 0), (0, -2.5)], (6, 5), 2.0), "two limbs cross in each image"),
        Call("draw", _crossing(rng, 1, [(3, 4), (-4, 3), (3.75, -2)], (7, 6), 2.5), "three limbs cross"),
        Call("draw", _opposite(rng, (5, 6)), "two limbs in one place, in opposite directions"),
        Call("draw", _people(np.zeros((2, 0, 3, 2)), two_limbs(rng), (3, 4), 2.0), "no people", NOTHING),
    ]
    judge("part_affinity_fields", HINTS["part_affinity_fields"], calls, ask, oracle, FIELDS)


# affinity_score

# Where the points of a segment lie, and how a field is read between pixels, is left open. So fields are constant around
# all points of a segment, or change slowly, or a segment has very many points: all conventions then agree within 0.02,
# and the known mistakes are farther off.
TOLERANCE = 0.04

SCORES = Form("the leading shape of start and end, in the dtype of the field: one mean for each segment")
SCORE = Form("a tensor of shape (), in the dtype of the field: one mean")
NO_SCORES = Form("an empty tensor: the leading shape of start and end")


def judge_scores(calls: Sequence[Call], ask: Ask, oracle: Oracle) -> None:
    """Judge as `judge` does, but within TOLERANCE; of the known mistakes as near as that, the nearest is named.

    Raises:
        Wrong: about the first call whose values are wrong.
    """
    answers = [ask(call.step, **call.inputs) for call in calls]
    judged = [oracle(call.step, **call.inputs) for call in calls]
    pairs = enumerate(zip(answers, judged, strict=True))
    bad = next((k for k, (answer, (right, _)) in pairs if _distance(answer, right) > TOLERANCE), None)
    if bad is not None:
        mistake = _nearest(answers, [wrong for _, wrong in judged], bad)
        known = {} if mistake is None else {mistake: answers[bad]}
        name, right = "affinity_score", judged[bad][0]
        judge(name, HINTS[name], [calls[bad]], lambda *_, **__: answers[bad], lambda *_, **__: (right, known), SCORES)


def _distance(a: Any, b: Any) -> float:
    """Return the largest difference of two answers, relative to numbers in b above 1; infinite where more differs."""
    if isinstance(a, Raised) and isinstance(b, Raised):
        return 0.0 if a.type_name == b.type_name else np.inf
    if not isinstance(a, Mapping) or not isinstance(b, Mapping) or a["changed"] != b["changed"]:
        return np.inf
    a, b = a["value"], b["value"]
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or a.dtype != b.dtype:
        return np.inf
    if a.numel() == 0:
        return 0.0
    unlike = torch.where(a.isnan() & b.isnan(), 0.0, (a.double() - b).abs() / b.abs().clamp(min=1))
    return float(unlike.nan_to_num(nan=np.inf).max())


def _nearest(answers: Sequence[Any], wrong: Sequence[Mapping[str, Any]], bad: int) -> str | None:
    """Return the known mistake that explains all answers, the bad one among them: the nearest of several."""
    here = [name for name, value in wrong[bad].items() if _distance(answers[bad], value) <= TOLERANCE]
    found = {name: [_distance(a, w[name]) for a, w in zip(answers, wrong, strict=True)] for name in here}
    everywhere = [name for name in here if max(found[name]) <= TOLERANCE]
    return min(everywhere, key=lambda name: sum(found[name]), default=None)


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
    span = np.array(high) - low
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
    """Return a field that grows by up to 1/64 a pixel, not as fast in x as in y."""
    slopes = draw_vector(rng), draw_vector(rng)
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([v + (s[0] * x + s[1] * y) / 64 for v, s in zip(draw_vector(rng), slopes, strict=True)])


def scores_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    segments, others = (draw_segments(rng, (0, 0), (29, 17), count) for count in (6, 12))
    calls = [
        Call("call", _segments(_uniform(draw_vector(rng), (18, 30)), segments)),
        Call("call", _segments(*_quadrants(rng, (20, 32))), "a field of four parts, no segment leaves its part"),
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


def scores_along(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", _bands(rng), "the middle of the field points against its ends"),
        Call("call", _stripes(rng), "stripes of 4 pixels that point either way"),
        Call("call", _on_one_line(rng), "one row and one column differ, and the segments run along them"),
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
                spans = [_span(where, length) for where, length in ((right, size[1]), (below, size[0]))]
                found.append(draw_segments(rng, *zip(*spans, strict=True), 1))
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


def drawing(answer: Any, memory: dict, limbs: Sequence[Sequence[int]], **inputs: Any) -> dict[str, Any]:
    """Call an answer as `calling` does, with limbs that are tuples on either side of the worker."""
    probe = calling("keypoints", "visible", "limbs", "size", "width")
    return probe(answer, memory, limbs=tuple(map(tuple, limbs)), **inputs)


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "part_affinity_fields",
            "part_affinity_fields is right: unit vectors in rectangles, what is invisible, and limbs that overlap.",
            {"draw": drawing},
            {
                "values": fields_values,
                "rectangle": fields_rectangle,
                "unseen": fields_unseen,
                "overlap": fields_overlap,
            },
            HINTS["part_affinity_fields"],
        ),
        Question(
            "affinity_score",
            "affinity_score is right: all along each segment, at the border, any shape of pairs, and length 0.",
            {"call": calling("field", "start", "end", "num_samples")},
            {
                "values": scores_values,
                "along": scores_along,
                "border": scores_border,
                "pairs": scores_pairs,
                "short": scores_short,
            },
            HINTS["affinity_score"],
        ),
    )
}
