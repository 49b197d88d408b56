"""People cut out of photos, exactly as `helpers.data.coco.coco_poses` does it, and kept as JPEG."""

from __future__ import annotations

import dataclasses
import io

from PIL import Image

from helpers.data.coco.crops import samples
from helpers.data.photos import Array
from tools.photo_pack.people import Photo

__all__ = ["Crop", "crops_of"]

QUALITY = 90  # of JPEG


@dataclasses.dataclass(frozen=True)
class Crop:
    """One image of a pack.

    Args:
        jpeg: the file.
        keypoints: float32 (17, 2), x then y in pixels of the crop, pixel centres at integers; 0 where unknown.
        visibility: uint8 (17,): 0 unknown or outside the crop, 1 hidden, 2 seen.
        box_xyxy: float32 (4,), pixels of the crop.
    """

    jpeg: bytes
    keypoints: Array
    visibility: Array
    box_xyxy: Array


def crops_of(photo: Photo, side: int) -> list[Crop]:
    """Return a crop of `side` x `side` pixels of each person of a photo.

    Raises FileNotFoundError or ValueError, with the file's name: it is damaged, or of another size than its labels.
    """
    return [Crop(_jpeg(image), *labels) for image, *labels in samples(photo.coco, photo.people, (side, side))]


def _jpeg(image: Array) -> bytes:
    """Return a JPEG of an image, uint8 (3, H, W)."""
    file = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()
