"""Reads a photo pack: people cut out of photos that may be handed on, in one zip file made by `tools/photo_pack`."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from helpers.data.batches import require_split
from helpers.data.cache import folders
from helpers.data.photos import Size, note
from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO
from helpers.files import MOST_BYTES, checksum, fetch, opened_zip


def photo_pack(where: str | Path, sha256: str | None = None, split: str = "train", size: Size | None = None) -> PoseSet:
    """Return the people of a photo pack, one person per image, with COCO's 17 keypoints.

    Args:
        where: the file, or its address in the web: it is then downloaded, once, into the course's cache.
        sha256: the checksum that it must have; a download needs one.
        split: "train", "val" or "test".
        size: (H, W) that the images must have; None is any.
    Raises FileNotFoundError or ValueError, saying what to do.
    """
    require_split(split)
    path = Path(where).expanduser()
    if str(where).startswith(("http://", "https://")):
        path = fetch(str(where), sha256, folders()[0])
    note(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Put the photo pack of your course there: docs/photos.md.")
    if sha256 and checksum(path) != sha256.lower():
        raise ValueError(f"{path} is another file than expected (SHA-256 is not {sha256[:12]}...). Get it again.")
    with opened_zip(path) as file:
        try:
            labels = json.loads(file.read(f"{split}.json"))
            height, width = labels["size"]
            if size not in (None, (height, width)):
                raise ValueError(f"its people are {height} x {width} pixels, not {size[0]} x {size[1]}")
            people = len(labels["keypoints"])
            if not 0 < people * height * width * 3 < MOST_BYTES:
                raise ValueError(f"it has {people} people in the {split} split")
            images = [_crop(file.read(f"{split}/{n:05d}.jpg"), (width, height)) for n in range(people)]
            places, boxes = (torch.tensor(labels[key], dtype=torch.float32) for key in ("keypoints", "boxes_xyxy"))
            seen = torch.tensor(labels["visibility"], dtype=torch.uint8)
            return PoseSet(torch.from_numpy(np.stack(images)), places, seen, boxes, COCO, f"photo pack, {split}")
        except (KeyError, TypeError, ValueError, ArithmeticError, OSError, Image.DecompressionBombError) as error:
            problem = f"{path} is no photo pack that can be used here ({error})"
            raise ValueError(f"{problem}. Get it again, or build one: docs/photos.md.") from error


def _crop(jpeg: bytes, size: Size) -> Any:
    """Return uint8 (3, H, W), an image that must be of `size`, (W, H): what is larger is not even decoded."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as photo:
        if photo.size != size:
            raise ValueError(f"a crop is {photo.height} x {photo.width} pixels")
        return np.asarray(photo.convert("RGB")).transpose(2, 0, 1).copy()
