"""Cases of `argmax_decode`, the hard way from score maps to keypoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, read_hints

__all__ = ["decode_negative_and_tied", "decode_values"]

HINTS = read_hints("ex02_softargmax")


def draw_ranks(
    rng: np.random.RandomState, shape: tuple[int, int, int, int], lowest: float, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return maps in which no two scores are equal: the multiples of 1/4 from `lowest` on, in any order.

    Every other map is 8 higher, so that the largest |score| is its highest score, which it is not in the rest.
    """
    images, keypoints, height, width = shape
    ranks = np.stack([rng.permutation(height * width) for _ in range(images * keypoints)])
    scores = ranks.reshape(shape) / 4 + lowest
    scores[:, 1::2] += 8
    return torch.tensor(scores, dtype=dtype)


def _in_corners(rng: np.random.RandomState, scoremaps: Tensor) -> Tensor:
    """Return the maps, (B, 4, H, W), with each highest score swapped into a corner of its map."""
    images, keypoints, height, width = scoremaps.shape
    swapped = scoremaps.flatten(2).clone()
    corners = np.array([0, width - 1, (height - 1) * width, height * width - 1])
    for image in range(images):
        for maps, corner in zip(swapped[image], corners[rng.permutation(keypoints)], strict=True):
            top = maps == maps.max()
            maps[top], maps[corner] = maps[corner].clone(), maps.max()
    return swapped.view_as(scoremaps)


def _tie(rng: np.random.RandomState, scoremaps: Tensor) -> Tensor:
    """Return the maps with one more place of the highest score, in another row and another column.

    The two lie on a falling line in every other map and on a rising one in the rest, so that x of one and y of the
    other make no place of the highest score, whichever is taken.
    """
    images, keypoints, height, width = scoremaps.shape
    tied = scoremaps.clone()
    for number, maps in enumerate(tied.flatten(0, 1)):
        (top, bottom), (left, right) = (np.sort(rng.permutation(side)[:2]) for side in (height, width))
        sides = (left, right) if number % 2 else (right, left)
        maps[top, sides[0]] = maps[bottom, sides[1]] = maps.max() + 1
    return tied


PRECISE_PLACES = Form("(B, K, 2), x then y of the highest score in whole pixels, in the dtype of the maps")
PLACES = Form(PRECISE_PLACES.text, dtype="any")


def decode_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 7, 12), -15.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (3, 2, 13, 6), -12.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (1, 1, 5, 9), -9.0)}, "one image with one keypoint"),
        Call(
            "call",
            {"scoremaps": _in_corners(rng, draw_ranks(rng, (2, 4, 4, 6), -4.0))},
            "every highest score lies in a corner",
        ),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 1, 8), -1.0)}, "maps of one row"),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 7, 1), -1.0)}, "maps of one column"),
        Call("call", {"scoremaps": 64 * draw_ranks(rng, (2, 3, 6, 8), -4.0)}, "scores of several hundreds"),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 5, 7), -4.0) / 1024}, "scores near 0"),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 5, 8), -7.0, torch.float64)}, "float64"),
    ]
    judge_values("argmax_decode", HINTS["argmax_decode"], calls, ask, oracle, PLACES)


def decode_negative_and_tied(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 7, 12), -15.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (3, 2, 9, 5), -30.0)}, "all scores are negative"),
        Call("call", {"scoremaps": draw_ranks(rng, (3, 2, 5, 9), -1e4)}, "all scores are near -10000"),
        Call("call", {"scoremaps": _tie(rng, draw_ranks(rng, (2, 3, 6, 9), -20.0))}, "two places share each maximum"),
        Call("call", {"scoremaps": torch.zeros(2, 1, 4, 3)}, "all scores are 0"),
        Call("call", {"scoremaps": 64 * draw_ranks(rng, (2, 3, 6, 5), -4.0)}, "scores of several hundreds"),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 5, 8), -7.0)}, "float32", PRECISE_PLACES),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 5, 8), -7.0, torch.float64)}, "float64", PRECISE_PLACES),
    ]
    judge_values("argmax_decode", HINTS["argmax_decode"], calls, _any_maximum(ask, oracle), oracle, PLACES)


def _any_maximum(ask: Ask, oracle: Oracle) -> Ask:
    """Return an ask in whose answers any place of a highest score reads as the one that the reference found."""

    def asking(step: str, **inputs: Any) -> Any:
        got, (right, _) = ask(step, **inputs), oracle(step, **inputs)
        if not isinstance(got, Mapping) or not isinstance(got.get("value"), Tensor):
            return got
        places, scoremaps = got["value"], inputs["scoremaps"]
        if places.shape != right["value"].shape:
            return got
        snapped = places.clone()
        for index in np.ndindex(tuple(places.shape[:2])):
            if tuple(places[index].tolist()) in _highest(scoremaps[index]):
                snapped[index] = right["value"][index].to(places.dtype)
        return {**got, "value": snapped}

    return asking


def _highest(scores: Tensor) -> set[tuple[int, int]]:
    """Return all places (x, y) of the highest score of one map (H, W)."""
    rows, columns = (scores == scores.max()).nonzero(as_tuple=True)
    return set(zip(columns.tolist(), rows.tolist(), strict=True))
