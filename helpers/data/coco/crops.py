"""One person after the other, cut out of COCO's photos: what top-down pose estimation learns from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from helpers.data.batches import number_of
from helpers.data.coco.annotations import Annotations, Entry, annotations_of_split, num_keypoints
from helpers.data.photos import Array, Size, cut_out, in_crop, reading, stacked, window
from helpers.data.poses import PoseSet

COUNT = {"train": 8192, "val": 512, "test": 512}  # people, where a caller gives no number


def coco_poses(
    root: str | Path, split: str, size: Size = (128, 128), count: int | None = None, progress: bool = True,
    keypoints: int = 8, pixels: int = 96,
) -> PoseSet:  # fmt: skip
    """Return the people of COCO 2017, one an image, cut out as for "Simple Baselines".

    A box is cut to the photo, widened to the aspect of `size`, and a quarter larger; what lies outside the photo is
    black. Groups (iscrowd) and people without an area are left out. Keypoints that COCO calls hidden (v = 1) count;
    those outside the crop or the photo do not.

    Args:
        root, split: see `annotations_of_split`: val and test by photo, never by person.
        size: (H, W) of the crops.
        count: at most so many people, those of the photos with the lowest numbers; None is 8192, 512 and 512.
        keypoints, pixels: leave out people of fewer known keypoints, or whose box has no side as long as that.
    Source: Xiao, Wu and Wei 2018, "Simple Baselines for Human Pose Estimation and Tracking".
    """
    most = number_of(count, split, "people", COUNT)
    coco = annotations_of_split(root, split, "person_keypoints")
    wanted = [
        (image, person, box)
        for image in coco.images
        for person in coco.people[image["id"]]
        if not person.get("iscrowd") and person.get("area", 1) > 0 and num_keypoints(person) >= max(keypoints, 1)
        if (box := box_of(person, image)) is not None and (box[1] - box[0]).max() + 1 >= pixels
    ][:most]
    if not wanted:
        asked = f"{keypoints} keypoints and a box of {pixels} pixels"
        raise ValueError(f"{coco.what} names nobody with {asked} for {split}. Add more of the photos of COCO.")
    images, places, visibility, boxes = stacked(samples(coco, reading(wanted, f"{split} people", progress), size))
    return PoseSet(images, places, visibility, boxes, coco.skeleton(), f"COCO people, {split}")


def box_of(person: Entry, image: Entry) -> Array | None:
    """Return the first and the last pixel (2, 2) of a person's box within the photo; None where nothing is."""
    if "bbox" not in person:
        return None
    corner, extent = np.array(person["bbox"], np.float64).reshape(2, 2)
    low = np.maximum(corner, 0)
    last = np.array([image.get("width", np.inf), image.get("height", np.inf)]) - 1
    high = np.minimum(low + np.maximum(extent - 1, 0), last)
    return np.stack([low, high]) if (high >= low).all() else None


def samples(coco: Annotations, wanted: Iterable[tuple[Entry, Entry, Array]], size: Size) -> Iterator[tuple[Array, ...]]:
    """Yield image, keypoints, visibility and box of each person; a photo is read once for all of its people."""
    shown = None
    for image, person, box in wanted:
        if image is not shown:
            photo, shown = coco.photo(image), image
        part = window(box[0], box[1], size)
        triples = np.array(person["keypoints"], np.float64).reshape(-1, 3)
        places = in_crop(triples[:, :2], part)
        for points, (width, height) in ((places, size[::-1]), (triples[:, :2], photo.size)):  # in crop and photo
            triples[:, 2] *= np.all((points > -0.5) & (points < np.array([width, height]) - 0.5), axis=1)
        visibility = triples[:, 2].astype(np.uint8)
        places[visibility == 0] = 0
        crop_box = in_crop(box, part).flatten()
        yield cut_out(photo, part, size), places.astype(np.float32), visibility, crop_box.astype(np.float32)
