"""The question of the warm-up, and its cases."""

from __future__ import annotations

import numpy as np
import torch

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, Question, by_name, integers
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

FORM = Form("keypoints (B, K, 2) of the mirrored image, x in [0, width - 1]")
HINTS = {
    "width_minus_x": "every x is one pixel too large: width - x sends the first column (x = 0) to x = width, which is "
    "outside the image. The last column is width - 1.",
    "flips_y": "y was flipped: keypoints are x first, then y, and a mirrored image keeps its rows.",
    "flips_both": "x and y were both flipped: a mirrored image keeps its rows.",
    "swaps_x_and_y": "x and y have changed places.",
    "negative": "x was only negated: the first column must become the last one.",
    "changes_its_arguments": "the argument was changed in place (`keypoints[..., 0] = ...`): use keypoints.clone().",
}


def values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """Draw oblong images of several widths; coordinates are multiples of a quarter, so every machine draws the same."""
    calls = []
    for width, height, shape in ((160, 90, (2, 5, 2)), (10, 31, (1, 3, 2))):
        points = integers(rng, 0, 4 * np.array([width, height]) - 3, shape) / 4
        calls.append(Call("call", {"keypoints": torch.tensor(points, dtype=torch.float32), "width": width}))
    judge_values("flip_keypoints", HINTS, calls, ask, oracle, FORM)


QUESTIONS = by_name(
    Question(
        "flip_keypoints",
        "flip_keypoints is right: the first column becomes the last one, and rows stay. (So does every check speak.)",
        {"call": calling("keypoints", "width")},
        {"values": values},
        HINTS,
    )
)
