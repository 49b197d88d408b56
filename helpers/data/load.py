"""Data sets by their names, so that one changed word trains a notebook on other images."""

from __future__ import annotations

import os
from pathlib import Path

from helpers.data.camvid import camvid
from helpers.data.coco import coco_people
from helpers.data.isbi import isbi2012
from helpers.data.leeds import leeds_sports
from helpers.data.masks import SegmentationSet
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.files import ROOT

__all__ = ["load_people", "load_poses", "load_segmentation"]


def load_poses(name: str, split: str, size: tuple[int, int] = (128, 128)) -> PoseSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_people"; or "leeds_sports", which lies in data/leeds_sports of the course's folder, or where the
            environment variable DEEP_LEARNING_LAB_LEEDS says.
        split: "train", "val" or "test".
        size: (H, W).
    """
    if name == "rendered_people":
        return rendered_people(split, size=size)
    if name == "leeds_sports":
        return leeds_sports(_folder("DEEP_LEARNING_LAB_LEEDS", name), split, size)
    raise ValueError(f"There is no data set {name!r}; expected 'rendered_people' or 'leeds_sports'.")


def load_people(name: str, split: str, **options) -> PeopleSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_crowds"; or "coco", which lies in data/coco2017 of the course's folder, or where the environment
            variable DEEP_LEARNING_LAB_COCO says.
        split: "train", "val" or "test".
        options: what `rendered_crowds` or `helpers.data.coco.coco_people` takes besides; both know `count`, `size`
            and `progress`.
    """
    if name == "rendered_crowds":
        return rendered_crowds(split, **options)
    if name == "coco":
        return coco_people(_folder("DEEP_LEARNING_LAB_COCO", "coco2017"), split, **options)
    raise ValueError(f"There is no data set {name!r}; expected 'rendered_crowds' or 'coco'.")


def load_segmentation(name: str, split: str, size: tuple[int, int] | None = None) -> SegmentationSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_people"; or "camvid" or "isbi2012", which lie in data/camvid and data/isbi2012 of the course's
            folder, or where the environment variables DEEP_LEARNING_LAB_CAMVID and DEEP_LEARNING_LAB_ISBI say.
        split: "train", "val" or "test".
        size: (H, W); None is 128 x 128, for CamVid 144 x 192.
    """
    if name == "rendered_people":
        return rendered_segmentation(split, size=size)
    if name == "camvid":
        return camvid(_folder("DEEP_LEARNING_LAB_CAMVID", name), split, size or (144, 192))
    if name == "isbi2012":
        return isbi2012(_folder("DEEP_LEARNING_LAB_ISBI", name), split, size or (128, 128))
    raise ValueError(f"There is no data set {name!r}; expected 'rendered_people', 'camvid' or 'isbi2012'.")


def _folder(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or ROOT / "data" / name)
