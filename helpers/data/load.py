"""Data sets by their names, so that one changed word trains a notebook on other images."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from helpers.data.cache import folders
from helpers.data.camvid import camvid
from helpers.data.coco import coco_masks, coco_people, coco_poses
from helpers.data.isbi import isbi2012
from helpers.data.kept import kept
from helpers.data.leeds import leeds_sports
from helpers.data.masks import SegmentationSet
from helpers.data.pack import photo_pack
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.files import ROOT

__all__ = ["load_people", "load_poses", "load_segmentation"]

Set = TypeVar("Set", PoseSet, PeopleSet, SegmentationSet)
Read = Callable[..., Any]  # a set, of a split and its options

# Where the photos of each word lie: in this folder of `data`, or where DEEP_LEARNING_LAB_ and this variable say.
PLACES = {
    "camvid": ("camvid", "CAMVID"),
    "coco": ("coco2017", "COCO"),
    "isbi2012": ("isbi2012", "ISBI"),
    "leeds_sports": ("leeds_sports", "LEEDS"),
    "photo_pack": ("photo_pack/photos.zip", "PHOTOS"),
}
# What each word reads: for rendered images without a folder.
POSES: dict[str, Read] = {
    "rendered_people": rendered_people, "coco": coco_poses, "leeds_sports": leeds_sports,
    "photo_pack": lambda path, split, **options: photo_pack(path, split=split, **options),
}  # fmt: skip
PEOPLE: dict[str, Read] = {"rendered_crowds": rendered_crowds, "coco": coco_people}
MASKS: dict[str, Read] = {
    "rendered_people": rendered_segmentation, "coco": coco_masks, "camvid": camvid, "isbi2012": isbi2012,
}  # fmt: skip


def load_poses(name: str, split: str, size: tuple[int, int] = (128, 128), **options: Any) -> PoseSet:
    """Return a data set of one person an image by its name.

    Args:
        name: "rendered_people", "coco", "leeds_sports" or "photo_pack". Where photos have to lie says data/README.md,
            and the error of who does not find them.
        split: "train", "val" or "test".
        size: (H, W).
        options: what the reader of the set takes besides, such as `count` and `progress`.
    """
    return _loaded(PoseSet, POSES, name, split, size=size, **options)


def load_people(name: str, split: str, **options: Any) -> PeopleSet:
    """Return a data set of several people an image by its name, "rendered_crowds" or "coco"; see `load_poses`."""
    return _loaded(PeopleSet, PEOPLE, name, split, **options)


def load_segmentation(name: str, split: str, size: tuple[int, int] | None = None, **options: Any) -> SegmentationSet:
    """Return a data set with a class for every pixel by its name: "rendered_people", "coco", "camvid", "isbi2012"; see
    `load_poses`. The size None is 128 x 128, for photos 144 x 192."""
    return _loaded(SegmentationSet, MASKS, name, split, **({"size": size} if size else {}), **options)


def _loaded(kind: type[Set], readers: dict[str, Read], name: str, split: str, **options: Any) -> Set:
    """Return the set of this name: photos are decoded once, and kept as tensors. Raise with the names there are."""
    if name not in readers:
        *others, last = map(repr, readers)
        raise ValueError(f"There is no data set {name!r}; expected {', '.join(others)} or {last}.")
    if name not in PLACES:
        rendered: Set = readers[name](split, **options)
        return rendered
    folder, variable = PLACES[name]
    home = ROOT / "data" if (ROOT / "data").is_dir() else folders()[-1]
    root = Path(os.environ.get(f"DEEP_LEARNING_LAB_{variable}") or home / folder).expanduser().absolute()
    read = partial(readers[name], root, split, **options)
    return kept(kind, f"{name}-{split}", [str(root), {**options, "progress": None}], read)
