"""Maps whose sizes differ by a pixel or two, because an encoder rounded: fitted about their centre."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from .shapes import require

__all__ = ["fit_to"]


def fit_to(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return maps (B, C, *size): cropped where they are too large, padded with zeros where they are too small.

    As much is added or taken on either side; of an odd number, the last row or column more is added, the first more is
    taken.

    Args:
        maps: (B, C, H, W).
        size: (H, W) wanted.
    Example: rows 1, 2, 3 fitted to two are 2, 3; rows 1, 2 fitted to three are 1, 2, 0.
    """
    sizes = require("maps", maps, "B C H W")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {tuple(size)}; expected (H, W), each 1 or more.")
    more_h, more_w = size[0] - sizes["H"], size[1] - sizes["W"]
    return F.pad(maps, (more_w // 2, more_w - more_w // 2, more_h // 2, more_h - more_h // 2))
