"""Feature maps for decoders: of several encoders, in sizes that were rounded up or down, the same bits everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.question import integers

__all__ = [
    "DOUBLING",
    "FIVE",
    "IMAGES",
    "LARGE",
    "LEAN",
    "OTHERWISE",
    "ROUNDED_DOWN",
    "ROUNDED_UP",
    "SIZE",
    "draw_features",
    "size_of",
    "sizes_of",
    "with_stage",
]

DOUBLING, OTHERWISE, FIVE, LEAN = (16, 32, 64, 128), (16, 24, 8, 40), (8, 16, 32, 64, 128), (8, 16, 32, 64)
SIZE, LARGE, IMAGES = (32, 48), (48, 80), 3  # the larger for five stages
ROUNDED_UP, ROUNDED_DOWN = (65, 81), (63, 79)  # odd at every stage of four, if rounded that way


def sizes_of(size: tuple[int, int], stages: int, up: bool = False) -> list[tuple[int, int]]:
    """Return the sizes (h, w) of an encoder's stages, the first of which is `size`, odd ones rounded up or down."""
    sizes = [size]
    for _ in range(stages - 1):
        height, width = sizes[-1]
        sizes.append(((height + up) // 2, (width + up) // 2))
    return sizes


def draw_features(
    rng: np.random.RandomState, channels: Sequence[int], sizes: Sequence[tuple[int, int]], images: int = IMAGES
) -> list[Tensor]:
    """Return feature maps (images, channels, h, w) of every stage, multiples of 1/16 from -2 to 2."""
    return [
        torch.tensor(integers(rng, -32, 33, (images, c, h, w)) / 16, dtype=torch.float32)
        for c, (h, w) in zip(channels, sizes, strict=True)
    ]


def size_of(maps: Tensor) -> tuple[int, int]:
    """Return the size (h, w) of maps (B, C, h, w)."""
    height, width = maps.shape[2:]
    return height, width


def with_stage(features: list[Tensor], stage: int, others: list[Tensor]) -> list[Tensor]:
    """Return the features with those of one stage replaced by `others`."""
    return [*features[:stage], others[stage], *features[stage + 1 :]]
