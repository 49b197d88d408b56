"""People cut out of photos by the protocol of simple-baselines, with the labels in pixels of the crop."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from helpers.data.photos import opened
from tools.photo_pack.people import Person, Photo

__all__ = ["Crop", "crops_of"]

PADDING = 1.25  # side of the crop over side of the box, once that has the crop's aspect
QUALITY = 90  # of JPEG


@dataclasses.dataclass(frozen=True)
class Crop:
    """One image of a pack.

    Args:
        jpeg: the file.
        keypoints: float64 (17, 2), x then y in pixels of the crop, pixel centres at integers; 0 where unknown.
        visibility: uint8 (17,): 0 unknown or outside the crop, 1 hidden, 2 seen.
        box_xyxy: float64 (4,), pixels of the crop.
    """

    jpeg: bytes
    keypoints: npt.NDArray[np.float64]
    visibility: npt.NDArray[np.uint8]
    box_xyxy: npt.NDArray[np.float64]


def crops_of(photo: Photo, side: int) -> list[Crop]:
    """Return a crop of `side` x `side` pixels of each person of a photo.

    Raises FileNotFoundError or ValueError, with the file's name: it is damaged, or of another size than its labels.
    """
    with opened(photo.path, "Download it again.", "Download it again.") as file:
        pixels = file.convert("RGB")
    if pixels.size != photo.size:
        (width, height), (w, h) = pixels.size, photo.size
        raise ValueError(
            f"{photo.path} has {height} x {width} pixels, its labels are for {h} x {w}. Download it again."
        )
    return [_crop(pixels, person, side) for person in photo.people]


def _crop(pixels: Image.Image, person: Person, side: int) -> Crop:
    """Return the crop of one person: the box, widened to a square and by a quarter; outside the photo it is black."""
    left, top, source = _window(person.box_xyxy)
    scale = side / source
    jpeg = io.BytesIO()
    _cut(pixels, left, top, source, side).save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    keypoints = (person.keypoints + 0.5 - (left, top)) * scale - 0.5
    inside = ((keypoints > -0.5) & (keypoints < side - 0.5)).all(axis=1)
    visibility = np.where(inside, person.visibility, 0).astype(np.uint8)
    keypoints[visibility == 0] = 0
    box = (person.box_xyxy + 0.5 - (left, top) * 2) * scale - 0.5
    return Crop(jpeg.getvalue(), keypoints, visibility, box)


def _window(box: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return left and top edge of the crop in the photo, pixel edges at integers, and its side there."""
    centre = (box[:2] + box[2:]) / 2 + 0.5  # from pixel centres to pixel edges
    side = PADDING * float(max(box[2:] - box[:2] + 1))
    return centre[0] - side / 2, centre[1] - side / 2, side


def _cut(pixels: Image.Image, left: float, top: float, source: float, side: int) -> Image.Image:
    """Return the square of the photo, smoothed where it shrinks, black where there is no photo."""
    x0, y0 = math.floor(left), math.floor(top)
    square = pixels.crop((x0, y0, math.ceil(left + source), math.ceil(top + source)))
    box = (left - x0, top - y0, left - x0 + source, top - y0 + source)
    return square.resize((side, side), Image.Resampling.BILINEAR, box=box)
