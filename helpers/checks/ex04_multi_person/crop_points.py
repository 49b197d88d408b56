"""Cases of `crops_to_image`: keypoints that come back from their crops to their images."""

from __future__ import annotations

import numpy as np
import torch

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints

__all__ = ["points_affine", "points_values"]

HINTS = read_hints("ex04_multi_person")

# Keypoints are multiples of 1/4 and transforms of 1/8, so that sums are exact in any order.


def draw_transforms(rng: np.random.RandomState, count: int, upright: bool) -> np.ndarray:
    """Return affine maps (count, 2, 3): two scales and a shift, or any matrix whose four numbers differ in size."""
    shift = integers(rng, -320, 321, (count, 2, 1)) / 8
    if upright:
        scales = 5 + rng.permutation(4 * count)[: 2 * count].reshape(count, 2, 1)
        matrix = scales / 8 * np.eye(2)
    else:
        sizes = 4 + np.stack([rng.permutation(12)[:4] for _ in range(count)]).reshape(count, 2, 2)
        matrix = sizes / 8 * (1 - 2 * integers(rng, 0, 2, (count, 2, 2)))
    return np.concatenate([matrix, shift], axis=2)


def _found(
    rng: np.random.RandomState,
    count: int,
    keypoints: int,
    upright: bool,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> Call:
    """Return a call with keypoints inside and outside of their crops."""
    places = integers(rng, -40, 200, (count, keypoints, 2)) / 4
    transforms = draw_transforms(rng, count, upright)
    inputs = {"keypoints": torch.tensor(places, dtype=dtype), "transforms": torch.tensor(transforms, dtype=dtype)}
    return Call("call", inputs, note)


POINTS = Form("(N, K, 2) in the dtype of the keypoints: x and y in the image")


def points_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _found(rng, 1, 4, True, "one crop; two scales and a shift"),
        _found(rng, 3, 4, True, "scales and shifts"),
        _found(rng, 4, 1, True, "one keypoint in each crop"),
        _found(rng, 2, 3, True, "float64", torch.float64),
        _found(rng, 0, 3, True, "no crops"),
    ]
    judge_values("crops_to_image", HINTS["crops_to_image"], calls, ask, oracle, POINTS)


def points_affine(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _found(rng, 1, 3, False, "one crop, turned and sheared"),
        _found(rng, 3, 5, False, "crops that are turned and sheared"),
        _found(rng, 2, 2, False, "two crops of two keypoints, turned and sheared"),
    ]
    judge_values("crops_to_image", HINTS["crops_to_image"], calls, ask, oracle, POINTS)
