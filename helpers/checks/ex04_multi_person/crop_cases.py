"""Cases of `boxes_to_crops`: what is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.judge import judge
from helpers.checks.engine.question import Ask, Oracle, integers
from helpers.checks.ex04_multi_person.crops import Crops

__all__ = ["crops_border", "crops_few", "crops_values"]

# Boxes are multiples of 1/4 and colours of 1/64: every machine draws the same bits.


def draw_images(rng: np.random.RandomState, count: int, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Return images (count, 3, H, W) in [0, 1]: the first channel rises or falls by 1/64 with every column, the second
    with every row, and the third is one colour, another in each image. Neither size may be above 48."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    colours = 4 + rng.permutation(12)[:count]
    images = []
    for colour in colours:
        ramps = [integers(rng, 2, 16, ()) + place for place in (columns, rows)]
        turned = [64 - ramp if integers(rng, 0, 2, ()) else ramp for ramp in ramps]
        images.append(np.stack([*turned, np.full(size, 4 * colour)]) / 64)
    return torch.tensor(np.stack(images), dtype=dtype)


def draw_sides(
    rng: np.random.RandomState, crop: tuple[int, int], scale: float, padding: float, wide: bool
) -> np.ndarray:
    """Return width and height of a box whose crop pixels are about `scale` image pixels wide, by its longer side: it is
    wide or tall for its crop, and the other side asks for a half to a third of that."""
    asked = np.full(2, scale) * (16 + integers(rng, 0, 3, ())) / 16
    asked[int(wide)] /= integers(rng, 4, 7, ()) / 2
    return np.maximum(np.round(4 * asked * crop[::-1] / padding), 1) / 4


def _boxes(centres: Iterable[np.ndarray], sides: Iterable[np.ndarray], dtype: torch.dtype) -> Tensor:
    """Return boxes (n, 4) from their centres and sides."""
    corners = [np.concatenate([np.subtract(c, s / 2), np.add(c, s / 2)]) for c, s in zip(centres, sides, strict=True)]
    return torch.tensor(np.array(corners), dtype=dtype).reshape(-1, 4)


def _off_the_pixels(centre: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return the centre moved so that the first corner lies three quarters of a pixel beyond one: that is more than a
    crop pixel of a small box, so whoever rounds down is found out."""
    first = np.floor(centre - sides / 2)
    return np.where(first < 1, 0.75, first - 0.25) + sides / 2


def _inside(
    rng: np.random.RandomState,
    size: tuple[int, int],
    scales: Sequence[Sequence[float]],
    crop_size: int | tuple[int, int],
    padding: float | None = None,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> Crops:
    """Return a call with one image for each item of `scales`, and a box inside it for each of its numbers."""
    crop = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    boxes, wide = [], int(integers(rng, 0, 2, ()))
    for numbers in scales:
        sides = [draw_sides(rng, crop, n, padding or 1.25, (i + wide) % 2 == 0) for i, n in enumerate(numbers)]
        rooms = [np.array(size[::-1]) - 1 - side for side in sides]
        centres = [s / 2 + integers(rng, 0, 5, (2,)) / 4 * r // 0.25 / 4 for s, r in zip(sides, rooms, strict=True)]
        drawn = zip(numbers, centres, sides, strict=True)
        centres = [_off_the_pixels(centre, side) if n < 0.7 else centre for n, centre, side in drawn]
        boxes.append(_boxes(centres, sides, dtype))
    return Crops(draw_images(rng, len(scales), size, dtype), boxes, crop_size, padding, note)


def _between_pixels(rng: np.random.RandomState) -> Crops:
    """Return a call with a box of 11/4 pixels that shrinks to 2 if its corners are rounded to the nearest pixels: more
    than a crop pixel at the crop's edge, while half an image pixel, which is a convention, is less."""
    first, sides = 2 * integers(rng, 4, 10, (2,)) + 1.5, rng.permutation([2.75, 1.0])
    boxes = torch.tensor(np.concatenate([first, first + sides])[None], dtype=torch.float32)
    return Crops(draw_images(rng, 1, (30, 34), torch.float32), [boxes], 12, 2.5, "a small box between the pixels")


def crops_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    three = [[1.0, 1.75, 0.75], [1.25, 0.75, 1.5]][int(integers(rng, 0, 2, ()))]  # neither up nor down in size
    calls = [
        _inside(rng, (34, 44), [[1.25]], (14, 14), 1.0, "one box"),
        _inside(rng, (36, 46), [three, [1.25]], (10, 15), 1.5, "oblong crops"),
        _inside(rng, (46, 35), [[1.0], three, [1.25, 1.75]], (16, 11)),
        _inside(rng, (33, 40), [[1.0], [0.625, 1.5]], 12, 2.0, "crop_size is one number; float64", torch.float64),
        _between_pixels(rng),
    ]
    judge(calls, ask, oracle)


def _over_the_border(rng: np.random.RandomState, size: tuple[int, int], crop: tuple[int, int]) -> Crops:
    """Return a call with two images and a box over each border of one, about half of its longer side outside."""
    height, width = size
    borders = [(0, height / 2), (width - 1, height / 2), (width / 2, 0), (width / 2, height - 1)]
    order = rng.permutation(4)
    sides = [draw_sides(rng, crop, 1.25, 1.5, wide=k < 2) for k in order]
    boxes = _boxes([borders[k] + integers(rng, -4, 5, (2,)) / 4 for k in order], sides, torch.float32)
    images = draw_images(rng, 2, size, torch.float32)
    return Crops(images, [boxes[:3], boxes[3:]], crop, 1.5, "boxes that reach over the border of their image")


def _far_away(rng: np.random.RandomState) -> Crops:
    """Return a call with a box around an image, and a box on each side of another, none of which meets it."""
    size, crop = (20, 27), (12, 13)
    around = np.array([[0, 0, 26, 19]]) + integers(rng, 16, 40, (4,)) / 4 * (-1, -1, 1, 1)
    sides = [draw_sides(rng, crop, 1.0, 1.25, wide) for wide in (True, False, True, False)]
    centres = [way + integers(rng, -8, 9, (2,)) / 4 for way in ((-26, 8), (53, 12), (14, -26), (10, 46))]
    boxes = [torch.tensor(around, dtype=torch.float32), _boxes(centres, sides, torch.float32)]
    note = "a box around its image, and four outside of theirs"
    return Crops(draw_images(rng, 2, size, torch.float32), boxes, crop, 1.25, note)


def crops_border(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge([_over_the_border(rng, (36, 44), (13, 11)), _far_away(rng)], ask, oracle)


def _points(rng: np.random.RandomState) -> Crops:
    """Return a call with a box that is a point, two that are lines, and an ordinary one, in any order."""
    size, crop = (30, 36), (14, 11)
    sides = [draw_sides(rng, crop, 1.25, 1.5, wide=True), np.array([18.0, 0]), np.array([0, 18.0]), np.zeros(2)]
    centres = (14, 12) + integers(rng, 0, 32, (4, 2)) / 4
    order = rng.permutation(4)
    boxes = _boxes(centres, [sides[k] for k in order], torch.float32)
    note = "one box is a point and two are lines"
    return Crops(draw_images(rng, 1, size, torch.float32), [boxes], crop, 1.5, note)


def crops_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    some, none = [1.25, 1.0], list[float]()
    empty = [none, some, none, [1.0]] if integers(rng, 0, 2, ()) else [none, none, [1.0], some]
    calls = [
        _inside(rng, (30, 36), [[1.25]], (12, 14), 1.5, "one box"),
        _inside(rng, (33, 38), empty, (12, 14), 1.5, "two images have no boxes"),
        _inside(rng, (20, 26), [none, none], (9, 12), 1.5, "no image has a box"),
        _points(rng),
    ]
    judge(calls, ask, oracle)
