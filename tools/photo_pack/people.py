"""The photos and people of COCO that come into question for a pack, in the order in which they are taken."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers.data.skeletons import COCO

__all__ = ["Person", "Photo", "photos_of"]

PARTS = ("train2017", "val2017")
MIN_KEYPOINTS = 8
MIN_BOX = 96  # pixels of the photo: the longer side of the box

Entry = dict[str, Any]  # of a list of COCO's format


@dataclasses.dataclass(frozen=True)
class Person:
    """One annotation of COCO.

    Args:
        keypoints: float64 (17, 2), x then y in pixels of the photo, pixel centres at integers.
        visibility: uint8 (17,), as COCO's v.
        box_xyxy: float64 (4,), cut to the photo.
    """

    keypoints: npt.NDArray[np.float64]
    visibility: npt.NDArray[np.uint8]
    box_xyxy: npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Photo:
    """One photo of COCO with the people that may come into a pack.

    Args:
        number: COCO's.
        path: where it lies.
        size: (W, H) by the annotations, pixels.
        licence: COCO's number of it.
        page: the number of the photo's page at the photo site.
        split: "train", "val" or "test".
    """

    number: int
    path: Path
    size: tuple[int, int]
    licence: int
    page: int
    split: str
    people: tuple[Person, ...]


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
    for part in reversed(PARTS):  # a photo that is in both counts as one of val2017
        if paths[part].is_file():
            found = {photo.page: photo for photo in _of_part(paths[part], root / part, licences)} | found
    return sorted(found.values(), key=lambda photo: _drawn("order", photo.page))


def _of_part(path: Path, folder: Path, licences: Sequence[int]) -> list[Photo]:
    """Return the photos of one file of annotations, in its order."""
    content = _read(path)
    people: dict[int, list[Entry]] = {}
    try:
        for person in content["annotations"]:
            people.setdefault(person["image_id"], []).append(person)
        found = []
        for entry in content["images"]:
            name = Path(entry["file_name"]).name  # of this folder, whatever the file says
            if entry.get("license") in licences and (folder / name).is_file():
                photo = _photo(entry, folder, people.get(entry["id"], []))
                found += [photo] if photo else []
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} holds an entry that is none of COCO's ({error!r}). Download it again.") from error
    return found


def _read(path: Path) -> Entry:
    """Return what the file holds, three lists and the keypoints' names that are COCO's."""
    try:
        content: Entry = json.loads(path.read_bytes())  # UTF-8, 16 or 32, with or without a mark
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Download it again.") from error
    lists = isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ("images", "annotations", "categories")
    )
    if not lists or tuple(content["categories"][0].get("keypoints", ())) != COCO.keypoint_names:
        raise ValueError(f"{path} is no file of COCO's people and their 17 keypoints. Download it again.")
    return content


def _photo(entry: Entry, folder: Path, annotations: Sequence[Entry]) -> Photo | None:
    """Return the photo, or None where nobody in it is large enough, or its page is not known."""
    size = (int(entry["width"]), int(entry["height"]))
    people = tuple(person for one in annotations if (person := _person(one, size)) is not None)
    page = re.search(r"/(\d+)_[^/]*$", entry.get("flickr_url") or "")
    if not people or not page:
        return None
    number = int(page[1])
    split = _split(number, folder.name)
    return Photo(
        int(entry["id"]), folder / Path(entry["file_name"]).name, size, entry["license"], number, split, people
    )


def _person(one: Entry, size: tuple[int, int]) -> Person | None:
    """Return the person of an annotation, or None where it is a crowd, too small, or has too few keypoints."""
    left, top, width, height = (float(number) for number in one["bbox"])
    corners = np.array([left, top, left + max(width - 1, 0), top + max(height - 1, 0)])
    box = np.clip(corners, 0, [size[0] - 1, size[1] - 1] * 2)
    triples = np.array(one.get("keypoints", [0] * 51), dtype=np.float64).reshape(17, 3)
    large = max(box[2] - box[0], box[3] - box[1]) + 1 >= MIN_BOX
    if one.get("iscrowd") or one["area"] <= 0 or not large or (triples[:, 2] > 0).sum() < MIN_KEYPOINTS:
        return None
    if not np.isfinite(triples).all() or triples[:, 2].max() > 2:
        raise ValueError(f"keypoints of person {one.get('id')}")
    return Person(triples[:, :2], triples[:, 2].astype(np.uint8), box)


def _split(page: int, part: str) -> str:
    """Return the split of a photo: of ten of train2017 eight are for training, one each for the others."""
    turn = _drawn("split", page) % 10
    if part == "val2017":
        return "val" if turn % 2 else "test"
    return {8: "val", 9: "test"}.get(turn, "train")


def _drawn(what: str, page: int) -> int:
    """Return a number that looks drawn at random, always the same one of the same page."""
    return int(hashlib.sha256(f"{what} {page}".encode()).hexdigest(), 16)
