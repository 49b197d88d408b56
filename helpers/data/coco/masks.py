"""Where people are in COCO's photos, pixel by pixel."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from helpers.data.batches import number_of
from helpers.data.coco.annotations import Annotations, Entry, annotations_of_split
from helpers.data.masks import SegmentationSet
from helpers.data.photos import Array, cut_out, reading, stacked, whole
from helpers.shapes import VOID

SMALL = 32 * 32  # square pixels of the photo: COCO's own border of small things
FAR = 1e5  # pixels from the photo: pycocotools takes memory for every pixel on the way to a corner


def coco_masks(
    root: str | Path, split: str, size: tuple[int, int] = (144, 192), count: int | None = None, progress: bool = True
) -> SegmentationSet:
    """Return the photos of COCO 2017 with people, and masks of two classes, background and person.

    A photo is scaled, by one factor for x and y, to be as large as fits into `size`, and lies in the top left corner.
    Void are groups that nobody took apart (iscrowd), people under 32 x 32 pixels, and what lies outside the photo. A
    label is never mixed from several: each pixel of a scaled mask has the label of one pixel of the original.

    Args:
        root, split: see `annotations_of_split`; the files instances_train2017.json and instances_val2017.json will do.
        size: (H, W).
        count: at most so many photos, those of the lowest numbers; None is 2048, 256 and 256.
    """
    most = number_of(count, split, "photos")
    coco = annotations_of_split(root, split, "person_keypoints", "instances")
    images = coco.images_with(_counts, f"people for {split}")[:most]
    photos, masks = stacked(_sample(coco, image, size) for image in reading(images, f"{split} masks", progress))
    return SegmentationSet(photos, masks, ("background", "person"), f"COCO people, {split}")


def _counts(person: Entry) -> bool:
    """Return whether a person is no group, and large enough to count."""
    return not person.get("iscrowd") and person.get("area", SMALL) >= SMALL


def _sample(coco: Annotations, image: Entry, size: tuple[int, int]) -> tuple[Array, Array]:
    """Return one photo (3, H, W) and its mask (H, W)."""
    photo, people = coco.photo(image), coco.people[image["id"]]
    mask = np.zeros((photo.height, photo.width), np.uint8)
    for label, counts in ((VOID, False), (1, True)):  # who counts lies over what does not
        mask[_region([one for one in people if _counts(one) is counts], photo, coco.what)] = label
    above = Image.fromarray(mask + np.uint8(1))  # void is 0 now, as is what lies outside
    part = whole(photo, size)
    return cut_out(photo, part, size), cut_out(above, part, size, Image.Resampling.NEAREST) - np.uint8(1)


def _region(people: list[Entry], photo: Image.Image, what: str) -> Array:
    """Return bool (H, W): the pixels of all of these people, drawn as polygons or kept as lengths of runs (RLE)."""
    from pycocotools import mask

    region, size = np.zeros((photo.height, photo.width), bool, "F"), [photo.height, photo.width]
    for person in people:
        runs: Any = person.get("segmentation")
        try:
            if isinstance(runs, list) and not (np.abs(np.hstack(runs)) < FAR).all():
                raise ValueError("a corner is no number, or far away")
            if not isinstance(runs, list) and isinstance(runs["counts"], list) and sum(runs["counts"]) != region.size:
                raise ValueError("the runs fill another photo")  # pycocotools leaves the rest to chance
            if isinstance(runs, list) or isinstance(runs["counts"], list):
                runs = mask.frPyObjects(runs, *size)
            drawn = mask.decode(mask.merge(runs) if isinstance(runs, list) else runs).astype(bool)
            if _counts(person) and not drawn.any():
                raise ValueError("all of it lies outside")
            region |= drawn  # raises where it is of another size
        except Exception as error:  # pycocotools raises many kinds
            problem = f"{what}: annotation {person['id']} has no mask of {size[0]} x {size[1]} pixels ({error})"
            raise ValueError(f"{problem}; expected polygons or RLE in segmentation.") from error
    return region
