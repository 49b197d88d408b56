"""The photos and people of COCO that come into question for a pack, in the order in which they are taken."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from helpers.data.coco.annotations import Annotations, Entry, num_keypoints, read
from helpers.data.coco.crops import box_of
from helpers.data.photos import Array, inside
from helpers.data.skeletons import COCO

__all__ = ["Photo", "photos_of"]

PARTS = ("train2017", "val2017")
MIN_KEYPOINTS = 8
MIN_BOX = 96  # pixels of the photo: the longer side of the box

People = tuple[tuple[Entry, Entry, Array], ...]  # the photo's entry, the person's, and the box within the photo


@dataclasses.dataclass(frozen=True)
class Photo:
    """One photo of COCO with the people that may come into a pack.

    Args:
        number: COCO's.
        licence: COCO's number of it.
        page: the number of the photo's page at the photo site.
        split: "train", "val" or "test".
        coco: the file that names it.
        people: as `helpers.data.coco.crops.samples` takes them.
    """

    number: int
    licence: int
    page: int
    split: str
    coco: Annotations
    people: People


def photos_of(root: Path, licences: Sequence[int]) -> list[Photo]:
    """Return the photos under these licences that lie in `root` and show people large enough, in a shuffled order.

    The order and the splits hang on nothing but the number of each photo's page, so that a larger pack holds a smaller
    one. Photos of val2017 are never for training, for whoever compares on val2017.

    Raises:
        FileNotFoundError: no annotations at all.
        ValueError: damaged annotations, by name.
    """
    paths = {part: root / "annotations" / f"person_keypoints_{part}.json" for part in PARTS}
    if not any(path.is_file() for path in paths.values()):
        wanted = "and the photos in train2017 and val2017 beside the folder annotations"
        raise FileNotFoundError(f"{root} has neither {' nor '.join(map(str, paths.values()))}; expected one, {wanted}.")
    found: dict[int, Photo] = {}
    for part in PARTS:  # a photo that is in both counts as one of val2017
        if paths[part].is_file():
            found |= {photo.page: photo for photo in _of_part(read(paths[part], root / part), licences)}
    return sorted(found.values(), key=lambda photo: _drawn("order", photo.page))


def _of_part(coco: Annotations, licences: Sequence[int]) -> list[Photo]:
    """Return the photos of one file of annotations."""
    if coco.skeleton() is not COCO:
        raise ValueError(f"{coco.what} has other keypoints than COCO's 17. Download it again.")
    found = []
    for image in coco.images:
        page = re.search(r"/(\d+)_[^/]*$", str(image.get("flickr_url")))
        if image.get("license") not in licences or page is None:
            continue
        people = _large_enough(coco, image)
        if people and inside(coco.folder, image.get("file_name"), coco.what).is_file():
            number = int(page[1])
            split = _split(number, coco.folder.name)
            found.append(Photo(image["id"], image["license"], number, split, coco, people))
    return found


def _large_enough(coco: Annotations, image: Entry) -> People:
    """Return the people of a photo that are no crowd, large enough, and have enough keypoints."""
    return tuple(
        (image, person, box)
        for person in coco.people[image["id"]]
        if not person.get("iscrowd") and person.get("area", 1) > 0 and num_keypoints(person) >= MIN_KEYPOINTS
        if (box := box_of(person, image)) is not None and (box[1] - box[0]).max() + 1 >= MIN_BOX
    )


def _split(page: int, part: str) -> str:
    """Return the split of a photo: of ten of train2017 eight are for training, one each for the others."""
    turn = _drawn("split", page) % 10
    if part == "val2017":
        return "val" if turn % 2 else "test"
    return {8: "val", 9: "test"}.get(turn, "train")


def _drawn(what: str, page: int) -> int:
    """Return a number that looks drawn at random, always the same one of the same page."""
    return int(hashlib.sha256(f"{what} {page}".encode()).hexdigest(), 16)
