"""Cases of `find_peaks`: what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.judge import judge
from helpers.checks.engine.question import Ask, Oracle, integers
from helpers.checks.ex04_multi_person.peaks import ITS_PLATEAU, ON_THE_LINE, REFINED, Peaks

__all__ = [
    "peaks_border",
    "peaks_many",
    "peaks_nan",
    "peaks_plateaus",
    "peaks_refined",
    "peaks_threshold",
    "peaks_values",
]

# Scores are whole numbers times a power of 2, or multiples of 1/4096: every machine draws the same bits. But for
# plateaus the pixels of a map are of different heights, so that a peak is known by its score.
TINY, HUGE = 2.0**-20, 2.0**20


def draw_heights(rng: np.random.RandomState, *shape: int, lowest: int = 0) -> Tensor:
    """Return maps (B, K, H, W) of whole numbers from `lowest` on, each once in a map and anywhere."""
    count = shape[2] * shape[3]
    maps = np.stack([lowest + rng.permutation(count) for _ in range(shape[0] * shape[1])])
    return torch.tensor(maps.reshape(shape), dtype=torch.float32)


def draw_inner(rng: np.random.RandomState, *shape: int, lowest: int = 0) -> Tensor:
    """Return maps like those of `draw_heights`, with the lowest numbers in a line around: no peak is at the border."""
    maps = draw_heights(rng, *shape, lowest=lowest)
    rim = torch.ones(shape[2:], dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    for scores in maps.flatten(0, 1):
        in_order = torch.cat([scores[rim], scores[~rim]]).sort().values
        scores[rim] = in_order[: rim.sum()][scores[rim].argsort()]
        scores[~rim] = in_order[rim.sum() :][scores[~rim].argsort()]
    return maps


def peaks_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    several = draw_inner(rng, 2, 3, 6, 9)
    several.flatten(0, 1)[int(integers(rng, 0, 6, ()))] -= 100
    small = draw_inner(rng, 1, 2, 8, 6).double() / 32
    tiny, huge = draw_inner(rng, 1, 1, 6, 7) * TINY, draw_inner(rng, 1, 1, 7, 5, lowest=-15) * HUGE
    calls = [
        Peaks(several, 28.5, "one of the six maps has no peak"),
        Peaks(small, 0.65, "float64"),
        Peaks(tiny, 20.5 * TINY, "all scores are below 1 / 20000"),
        Peaks(huge, 2.5 * HUGE, "scores of millions"),
    ]
    judge(calls, ask, oracle)


def peaks_many(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """A peak at every second pixel of every second row."""
    height, width = 21, 25
    scores = rng.permutation(height * width).reshape(height, width) % 20
    places = height // 2, width // 2
    scores[1::2, 1::2] = 21 + rng.permutation(places[0] * places[1]).reshape(places)
    maps = torch.tensor(scores, dtype=torch.float32)[None, None]
    judge([Peaks(maps, 20.0, f"{places[0] * places[1]} peaks in one map")], ask, oracle)


def peaks_threshold(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    level = draw_inner(rng, 2, 2, 6, 9)
    level += 10 * torch.tensor(rng.permutation(4)).view(2, 2, 1, 1)
    level[level.amax(dim=(2, 3)) == 53] = 63.0  # the map that was too low anyway
    negative = draw_inner(rng, 1, 2, 9, 6, lowest=-70)
    negative[0, int(integers(rng, 0, 2, ()))] -= 100
    calls = [
        Peaks(level, 63.0, "one map is as high as the threshold at its highest, and one all over"),
        Peaks(negative, -40.0, "a negative threshold; one map has no peak"),
    ]
    judge(calls, ask, oracle)


def peaks_nan(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    maps = draw_inner(rng, 1, 3, 9, 8, lowest=-40)
    gone = torch.tensor(rng.permutation(maps.numel()).reshape(maps.shape) % 10 == 0)
    gone[0, int(integers(rng, 0, 3, ()))] = True
    judge([Peaks(maps.masked_fill(gone, torch.nan), -10.5, "some scores are NaN, in one map all")], ask, oracle)


# Level ground, row by row: # is as high everywhere, + one higher, and . is low. The first have one peak, whatever its
# place; of the last only what is higher counts.
PLATEAUS = [
    "#", "##", "# #", "#. .#", "#. #. ##", "### ### ###", ".#. ### .#.", "### #.# ###", "#.# .#.", ".#. #.#",
    "#. .# #.", "#..# #..# .##.",
]  # fmt: skip
STEPS = ["##+", "+ # #", "####+", "#.... #.... ####+", "### #+# ###", "###. #..+ ##..", "#.. .#. ..+", "#.# .+."]
CELL = 7  # pixels; shapes are at most 5 wide, and do not touch
LOW = -8


def draw_ground(rng: np.random.RandomState, shapes: Sequence[str], rows: int) -> Tensor:
    """Return a map (H, W) with each of these shapes in a cell of its own, mirrored or not, no two of one height."""
    columns = len(shapes) // rows
    scores = np.full((rows * CELL, columns * CELL), LOW)
    heights = 3 * (1 + rng.permutation(len(shapes)))
    for cell, which in enumerate(rng.permutation(len(shapes))):
        shape = np.array([[".#+".index(sign) for sign in row] for row in shapes[which].split()])
        shape = shape[:, :: 1 if integers(rng, 0, 2, ()) else -1]
        y, x = (int(integers(rng, 0, CELL - size, ())) for size in shape.shape)  # the last line stays free
        top, left = CELL * (cell // columns) + y, CELL * (cell % columns) + x
        ground = np.where(shape > 0, heights[cell] + shape, LOW)
        scores[top : top + shape.shape[0], left : left + shape.shape[1]] = ground
    return torch.tensor(scores, dtype=torch.float32)


def _anywhere(scoremaps: Tensor, threshold: float, note: str) -> Peaks:
    """Return the call whose peaks may lie anywhere on their plateaus."""
    return Peaks(scoremaps, threshold, note, within=ITS_PLATEAU, at_border=ITS_PLATEAU)


def peaks_plateaus(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    plateaus, steps = draw_ground(rng, PLATEAUS, 3), draw_ground(rng, STEPS, 2)
    twins = torch.full((1, 1, 4, 15), -1.0)
    for x in (1, 11):
        twins[0, 0, int(integers(rng, 1, 3, ())), x + int(integers(rng, 0, 3, ()))] = 4
    levels = torch.tensor(rng.permutation([2.0, 5.0]), dtype=torch.float32).view(1, 2, 1, 1).repeat(1, 1, 3, 5)
    calls = [
        _anywhere(plateaus[None, None], 0.0, "plateaus"),
        _anywhere(steps.repeat(2, 2, 1, 1), LOW - 2.0, "level ground beside something higher, four equal maps"),
        _anywhere(levels, 3.0, "each map is level all over"),
        Peaks(twins, 0.0, "two peaks of one height"),
    ]
    judge(calls, ask, oracle)


def peaks_border(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    corners = draw_heights(rng, 1, 1, 5, 7)
    corners[..., :: corners.shape[2] - 1, :: corners.shape[3] - 1] += 100
    calls = [
        Peaks(corners, 24.5, "a peak in every corner", at_border=ON_THE_LINE),
        Peaks(draw_heights(rng, 1, 2, 6, 8, lowest=-60), -44.5, "negative scores", at_border=ON_THE_LINE),
        Peaks(draw_heights(rng, 1, 1, 1, 11), 2.5, "a map of one row", at_border=ON_THE_LINE),
        Peaks(draw_heights(rng, 1, 1, 9, 1), 2.5, "a map of one column", at_border=ON_THE_LINE),
    ]
    judge(calls, ask, oracle)


# How far the centres of Gaussians lie beside their pixels, in 64ths of a pixel and before they change places or signs.
# A step of a quarter leads more than 0.3 pixels astray near corner and middle, one twice as long as right half-way.
NEAR_THE_CORNER, NEAR_THE_MIDDLE, HALF_WAY, UNLIKE = (31, 31), (1, 1), (16, 16), (28, 4)


def draw_gaussians(rng: np.random.RandomState, sigmas: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return maps (1, K, 15, 27) with two Gaussians each, and their centres (1, K, 2, 2), x then y.

    They are of unlike heights; each map has its sigma. In each map the centre of one is `UNLIKE`, those of the others
    are one of the other kinds each.
    """
    y, x = np.mgrid[:15, :27]
    maps, centres = np.zeros((len(sigmas), *x.shape)), np.zeros((len(sigmas), 2, 2))
    kinds = [NEAR_THE_CORNER, NEAR_THE_MIDDLE, HALF_WAY]
    for k, sigma in enumerate(sigmas):
        pair = np.array([UNLIKE, kinds[k]])[rng.permutation(2)]
        for n, height in enumerate(rng.permutation([5, 6, 7, 8])[:2] / 8):
            pixel = np.array([5 + 14 * n, 6]) + integers(rng, 0, 4, (2,))
            off = pair[n] * (1 - 2 * integers(rng, 0, 2, (2,))) / 64
            centres[k, n] = pixel + off[:: 1 if integers(rng, 0, 2, ()) else -1]
            bump = height * np.exp(-((x - centres[k, n, 0]) ** 2 + (y - centres[k, n, 1]) ** 2) / (2 * sigma**2))
            maps[k] = np.maximum(maps[k], np.round(bump * 4096) / 4096)
    return torch.tensor(maps[None], dtype=torch.float32), torch.tensor(centres[None])


def peaks_refined(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    narrow, wide = [[1.0, 2.0], [2.0, 1.0]][int(integers(rng, 0, 2, ()))], 3.0  # twice the step is too far if wide
    maps, centres = draw_gaussians(rng, [*narrow, wide])
    note = "two Gaussians in each map, and their centres lie between pixels"
    small = maps * TINY, 0.25 * TINY, "the same maps, every score divided by a million"
    judge([Peaks(*one, within=REFINED, centres=centres) for one in ((maps, 0.25, note), small)], ask, oracle)
