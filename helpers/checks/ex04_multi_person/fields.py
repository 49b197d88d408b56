"""Cases of `part_affinity_fields`: what a network should learn of limbs.

The mistakes' hints lie in `hints.toml`, the mistakes as code in `grading/known_wrong/ex04_fields.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, ValueCall
from helpers.checks.engine.compare import Form
from helpers.checks.engine.judge import Fault, judge
from helpers.checks.engine.mistakes import Way
from helpers.checks.engine.question import Ask, Memory, Oracle, integers, read_hints
from helpers.checks.engine.values import Value, as_tensors
from helpers.checks.ex04_multi_person.field_evidence import mistake_in
from helpers.checks.ex04_multi_person.readings import usual_ways
from helpers.checks.probes.calling import calling

__all__ = ["drawing", "fields_overlap", "fields_rectangle", "fields_unseen", "fields_values"]

HINTS = read_hints("ex04_multi_person")

# No pixel may lie on the edge of a rectangle by rounding only. So keypoints are odd numbers of eighths, the way from
# one end of a limb to the other is a whole number of quarters along a right triangle with whole sides, and widths are
# whole numbers of halves: no edge then comes closer than 0.007 pixels to the centre of a pixel. Only two limbs that run
# to the right from whole pixels have edges on pixels, and only on such as any formula gets exactly: those straight
# above and below the start, and the two ends. Elsewhere cos(pi / 2), which is 6e-17, moves an edge.
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


@dataclass(frozen=True)
class Fields(ValueCall):
    """A call of `part_affinity_fields`."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        alike = Fields.alike_to_the_dtype if fault.kind == "dtype" else Fields.alike
        return usual_ways(fault.kind, alike, Fields.says_nothing, Fields.evidence)

    def says_nothing(self, got: Value) -> bool:
        """Return whether nothing is drawn."""
        value = as_tensors(got["value"]) if isinstance(got, Mapping) else None
        return isinstance(value, Tensor) and not value.any()

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return the mistake that fields show by themselves."""
        return mistake_in(as_tensors(got["value"]), right["value"], dict(self.inputs))


def judge_fields(calls: Sequence[Call], ask: Ask, oracle: Oracle) -> None:
    """Judge plain calls, as `judge_values` does.

    Raises:
        Wrong: about the first call whose fields are wrong.
    """
    hints = HINTS["part_affinity_fields"]
    judge([Fields("part_affinity_fields", hints, call, call.form or FIELDS) for call in calls], ask, oracle)


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
    judge_fields(calls, ask, oracle)


def _to_the_right(x: float, y: float, length: float, size: tuple[int, int], width: float) -> dict[str, Any]:
    """Return a limb from a whole pixel."""
    return _people(np.array([[[(x, y), (x + length, y)]]]), ((0, 1),), size, width)


def _narrow(x: int, y: int) -> dict[str, Any]:
    """Return two limbs half a pixel wide: from pixel to pixel, and farther beside all pixels than a quarter."""
    keypoints = np.array([[[(x, row), (x + 4, row)] for row in (y, y + 1.375)]])
    return _people(keypoints, ((0, 1),), (4, 8), 0.5, dtype=torch.float64)


def _leaving(rng: np.random.RandomState) -> dict[str, Any]:
    """Return a limb that reaches over the right border of the field."""
    inside = (4, 2) + _odd_eighths(rng)
    ends = np.stack([inside, inside + (4, 3 - 6 * int(integers(rng, 0, 2, ())))])
    return _people(ends[None, None, rng.permutation(2)], ONE_LIMB, (6, 7), 2.5)


def fields_rectangle(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    x, y = integers(rng, 1, 3, (2,)).tolist()
    calls = [
        Call("draw", _one_limb(rng, (6, 5), 3.0)),
        Call("draw", _to_the_right(x, y + 1, 0.5, (6, 5), 2.0), "a limb shorter than a pixel; three pixels on edges"),
        Call("draw", _narrow(x, y), "float64; the ends of one limb are pixels, the other one covers none"),
        Call("draw", _leaving(rng), "one end lies outside of the field"),
    ]
    judge_fields(calls, ask, oracle)


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
    judge_fields(calls, ask, oracle)


def _crossing(
    rng: np.random.RandomState, images: int, ways: Sequence[tuple[float, float]], size: tuple[int, int], width: float
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
    judge_fields(calls, ask, oracle)


def drawing(answer: Any, memory: Memory, limbs: Sequence[Sequence[int]], **inputs: Any) -> dict[str, Any]:
    """Call an answer as `calling` does, with limbs that are tuples on either side of the worker."""
    probe = calling("keypoints", "visible", "limbs", "size", "width")
    got: dict[str, Any] = probe(answer, memory, limbs=tuple(map(tuple, limbs)), **inputs)
    return got
