"""Data sets by their names, so that one changed word trains a notebook on other images.

Photos are decoded once and kept as tensors, so that the next start takes seconds.
"""

import ast
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from helpers.data import cache
from helpers.data.camvid import camvid
from helpers.data.coco import coco_masks, coco_people, coco_poses
from helpers.data.isbi import isbi2012
from helpers.data.leeds import leeds_sports
from helpers.data.masks import SegmentationSet
from helpers.data.pack import photo_pack
from helpers.data.people import PeopleSet
from helpers.data.photos import recorded
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.data.skeletons import Skeleton
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
    home = ROOT / "data" if (ROOT / "data").is_dir() else cache.folders()[-1]
    root = Path(os.environ.get(f"DEEP_LEARNING_LAB_{variable}") or home / folder).expanduser().absolute()
    read = functools.partial(readers[name], root, split, **options)
    return kept(kind, f"{name}-{split}", [str(root), {**options, "progress": None}], read)


def kept(kind: type[Set], name: str, options: object, read: Callable[[], Set]) -> Set:
    """Return the set that `read` returns, from the cache where none of the files that it was read from has changed.

    Args:
        kind, name: what `read` returns, and how the name of its file in the cache begins.
        options: what else decides on the set, to be told by its `repr`.
        read: called where the cache has no such set. What it opens through `helpers.data.photos` is noted.
    """
    name = f"{kind.__name__}-{name}-{hashlib.sha256(repr(options).encode()).hexdigest()[:16]}"
    fields: dict[str, Any]
    if (tensors := cache.load(name, _readers())) is not None:
        files, fields = ast.literal_eval(bytes(tensors.pop("told").tolist()).decode())
        if all(_state(Path(path)) == state for path, state in files.items()):
            fields |= {"skeleton": Skeleton(**fields["skeleton"])} if "skeleton" in fields else {}
            return kind(**{**fields, **tensors})
        print(f"The files of {fields['name']} have changed; they are read again.")
    with recorded() as paths:
        data = read()
    if not paths:  # nothing would tell that it has changed
        return data
    values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.name != "targets"}
    tensors = {name: value.contiguous() for name, value in values.items() if isinstance(value, Tensor)}
    fields = {name: value for name, value in values.items() if name not in tensors}
    fields |= {"skeleton": dataclasses.asdict(fields["skeleton"])} if "skeleton" in fields else {}
    told = repr(({str(path): _state(path) for path in paths}, fields)).encode()
    cache.store(name, _readers(), {**tensors, "told": torch.tensor(list(told), dtype=torch.uint8)})
    return data


def _state(path: Path) -> object:
    """Return what changes when a file does: of labels the content, of photos and folders the time and size."""
    if path.suffix in (".json", ".mat", ".txt") and path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


@functools.cache
def _readers() -> str:
    """Return the hash of the code that reads sets: another version of it may read them otherwise."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    return hashlib.sha256(b"".join(code)).hexdigest()
