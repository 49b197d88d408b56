"""Data sets by their names, so that one changed word trains a notebook on other images."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from helpers.data.cache import folders
from helpers.data.camvid import camvid
from helpers.data.coco import coco_people
from helpers.data.isbi import isbi2012
from helpers.data.leeds import leeds_sports
from helpers.data.masks import SegmentationSet
from helpers.data.pack import photo_pack
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.files import ROOT

__all__ = ["load_people", "load_poses", "load_segmentation"]

Set = TypeVar("Set")


def load_poses(name: str, split: str, size: tuple[int, int] = (128, 128)) -> PoseSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_people"; or "leeds_sports", which lies in data/leeds_sports of the course's folder, or where the
            environment variable DEEP_LEARNING_LAB_LEEDS says; or "photo_pack", data/photo_pack/photos.zip or the file
            that DEEP_LEARNING_LAB_PHOTOS names.
        split: "train", "val" or "test".
        size: (H, W).
    """
    known = {
        "rendered_people": lambda: rendered_people(split, size=size),
        "leeds_sports": lambda: leeds_sports(_folder("LEEDS", "leeds_sports"), split, size),
        "photo_pack": lambda: photo_pack(_folder("PHOTOS", "photo_pack/photos.zip"), split=split, size=size),
    }
    return _called(name, known)


def load_people(name: str, split: str, **options: Any) -> PeopleSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_crowds"; or "coco", which lies in data/coco2017 of the course's folder, or where the environment
            variable DEEP_LEARNING_LAB_COCO says.
        split: "train", "val" or "test".
        options: what `rendered_crowds` or `helpers.data.coco.coco_people` takes besides; both know `count`, `size`
            and `progress`.
    """
    known = {
        "rendered_crowds": lambda: rendered_crowds(split, **options),
        "coco": lambda: coco_people(_folder("COCO", "coco2017"), split, **options),
    }
    return _called(name, known)


def load_segmentation(name: str, split: str, size: tuple[int, int] | None = None) -> SegmentationSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_people"; or "camvid" or "isbi2012", which lie in data/camvid and data/isbi2012 of the course's
            folder, or where the environment variables DEEP_LEARNING_LAB_CAMVID and DEEP_LEARNING_LAB_ISBI say.
        split: "train", "val" or "test".
        size: (H, W); None is 128 x 128, for CamVid 144 x 192.
    """
    known = {
        "rendered_people": lambda: rendered_segmentation(split, size=size),
        "camvid": lambda: camvid(_folder("CAMVID", "camvid"), split, size or (144, 192)),
        "isbi2012": lambda: isbi2012(_folder("ISBI", "isbi2012"), split, size or (128, 128)),
    }
    return _called(name, known)


def _called(name: str, known: dict[str, Callable[[], Set]]) -> Set:
    """Return the data set of this name, or raise with the names there are."""
    if name not in known:
        *others, last = map(repr, known)
        raise ValueError(f"There is no data set {name!r}; expected {', '.join(others)} or {last}.")
    return known[name]()


def _folder(variable: str, name: str) -> Path:
    """Return where a data set lies: where the course's variable says, or in the folder data, if there is one."""
    home = ROOT / "data" if (ROOT / "data").is_dir() else folders()[-1]
    return Path(os.environ.get(f"DEEP_LEARNING_LAB_{variable}") or home / name)
