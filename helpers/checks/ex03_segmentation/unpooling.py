"""Cases of `unpool_with_indices`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, read_hints
from helpers.checks.ex03_segmentation.convolutions import draw_numbers

__all__ = ["unpool_gradient", "unpool_odd", "unpool_values"]

HINTS = read_hints("ex03_segmentation")


def draw_pooled(
    rng: np.random.RandomState, images: int, channels: int, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Return the indices of a 2 x 2 max pooling of maps of this size, and features that are not what was pooled."""
    ranks = torch.stack([torch.tensor(rng.permutation(math.prod(size))) for _ in range(images * channels)])
    maps = ranks.view(images, channels, *size).to(torch.float32)
    indices = F.max_pool2d(maps, 2, return_indices=True)[1]
    return {"features": draw_numbers(rng, *indices.shape, dtype=dtype), "indices": indices, "output_size": size}


def _with_zeros(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with zeros among the features, as after a ReLU."""
    return {**batch, "features": batch["features"].clamp(min=0)}


UNPOOLED = Form("(B, C, H, W) in the dtype of the features: each value at its index y * W + x in its plane, else 0")
ANY_UNPOOLED = Form(UNPOOLED.text, dtype="any")  # dtypes are the gradient's case


def unpool_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_pooled(rng, 2, 3, (6, 10))),
        Call("call", draw_pooled(rng, 3, 2, (8, 4))),
        Call("call", draw_pooled(rng, 1, 1, (4, 4)), "one image with one channel"),
        Call("call", draw_pooled(rng, 2, 2, (2, 8)), "one row of windows"),
        Call("call", _with_zeros(draw_pooled(rng, 2, 2, (4, 6))), "some features are 0"),
    ]
    judge_values("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, ANY_UNPOOLED)


def unpool_odd(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_pooled(rng, 2, 2, (6, 8))),
        Call("call", draw_pooled(rng, 2, 3, (7, 4)), "an odd number of rows"),
        Call("call", draw_pooled(rng, 2, 3, (4, 9)), "an odd number of columns"),
        Call("call", draw_pooled(rng, 2, 2, (5, 7)), "both are odd"),
        Call("call", draw_pooled(rng, 1, 2, (3, 3)), "one window"),
    ]
    judge_values("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, ANY_UNPOOLED)


def unpool_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("gradient", draw_pooled(rng, 2, 3, (4, 6))),
        Call("gradient", draw_pooled(rng, 3, 2, (6, 4))),
        Call("gradient", draw_pooled(rng, 2, 2, (4, 8), torch.float64), "float64"),
    ]
    judge_values("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, UNPOOLED)
