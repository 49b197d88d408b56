"""Sets of images with masks: rendered people, and CamVid and ISBI 2012 for who has them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .camvid import CLASSES as CAMVID_CLASSES
from .camvid import camvid_arrays
from .data import SEEDS, VOID, Batch, keep_batch_axis, rendered, require_split, rows, scenes
from .isbi import CLASSES as ISBI_CLASSES
from .isbi import isbi_arrays
from .shapes import require

if TYPE_CHECKING:
    from .people import Scene, SceneSettings

__all__ = [
    "VOID",
    "SegmentationSet",
    "camvid",
    "isbi2012",
    "load_segmentation",
    "rendered_scene",
    "rendered_segmentation",
    "three_masks",
]

RENDERED_CLASSES = ("background", "skin", "hair", "top", "trousers", "shoes")
# The class of each of `helpers.people.CLOTHES`: skirts and dresses count as trousers, hats as hair.
MERGED = {"background": 0, "skin": 1, "hair": 2, "top": 3, "trousers": 4, "skirt": 4, "shoes": 5, "hat": 2}


@dataclasses.dataclass(frozen=True)
class SegmentationSet:
    """N images with the class of each of their pixels, in memory.

    Args:
        images: uint8 (N, 3, H, W).
        masks: uint8 (N, H, W): the class of each pixel, or 255 (void) where a pixel counts nowhere.
        class_names: one for each of the C classes.
        name: what to call the set in tables and pictures.

    `data[3]`, `data[:8]`, `data[[4, 1]]` and `data[mask]` give the SegmentationSet of those images.
    """

    images: Tensor
    masks: Tensor
    class_names: tuple[str, ...]
    name: str = "images"

    def __post_init__(self) -> None:
        sizes = require("images", self.images, "N 3 H W", torch.uint8)
        require("masks", self.masks, "N H W", torch.uint8, known=sizes)
        if not 1 <= self.num_classes <= VOID:
            raise ValueError(f"class_names has {self.num_classes} names; expected 1 to {VOID}.")
        counts = self._counts()
        counts[VOID] = 0
        highest = int(counts.nonzero().max()) if counts.any() else 0
        if highest >= self.num_classes:
            raise ValueError(f"masks hold {highest}; expected 0 to {self.num_classes - 1}, or {VOID} for void.")

    @property
    def num_classes(self) -> int:
        """Return C."""
        return len(self.class_names)

    @property
    def image_size(self) -> tuple[int, int]:
        """Return (H, W)."""
        return tuple(self.images.shape[-2:])

    def class_shares(self) -> dict[str, float]:
        """Return the share of each class, by name, in the pixels that count."""
        counts = self._counts()[: self.num_classes].double()
        return dict(zip(self.class_names, (counts / counts.sum().clamp(min=1)).tolist(), strict=True))

    def _counts(self) -> Tensor:
        """Return int64 (256,): how many pixels have each label. One image at a time, or it would take much memory."""
        counts = torch.zeros(256, dtype=torch.int64)
        for mask in self.masks:
            counts += torch.bincount(mask.flatten().cpu(), minlength=256)
        return counts

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | slice | list | Tensor) -> SegmentationSet:
        index = keep_batch_axis(index, len(self), self.name)
        return dataclasses.replace(self, images=self.images[index], masks=self.masks[index])

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"SegmentationSet {self.name!r}: {len(self)} images of {height} x {width}, {self.num_classes} classes"

    def batch(self, index: slice | list | Tensor = slice(None), device: torch.device | str = "cpu") -> Batch:
        """Return what a network, a loss and a metric get: `images` float32 in [0, 1] (B, 3, H, W) and `masks` int64
        (B, H, W), both on `device`."""
        return {"images": rows(self.images, index).to(device) / 255, "masks": rows(self.masks, index).to(device).long()}


def rendered_segmentation(
    split: str,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    settings=None,
    cache: bool | str | Path | None = None,
    progress: bool = True,
    seed: int | None = None,
) -> SegmentationSet:
    """Return a set of rendered people with exact masks of six classes: background, skin, hair, top, trousers, shoes.

    Hats are hair, skirts and dresses are trousers. A background pixel that touches a person (above, below, left or
    right) is void, 255: there the camera sees a mixture of both, so no answer is the right one. Things in front of a
    person are background.

    The first call renders the images and keeps them in one file; later calls read that file. What else is known of an
    image, such as where a hand is, `rendered_scene` tells.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is 128 x 128 with one to three people, larger than
            those of the pose exercises: a quarter of the pixels shows people instead of a tenth, so that a minute of
            training suffices.
        cache: a folder of your own; None finds one (see `helpers.cache.folders`), False keeps nothing.
        progress: show a progress bar.
        seed: draw the scenes from this seed instead of the split's own.
    """
    settings = settings or default_settings()
    tensors = rendered("masks", _render, split, count, size, settings, cache, progress, seed)
    return SegmentationSet(**tensors, class_names=RENDERED_CLASSES, name=f"rendered people, {split}")


def rendered_scene(split: str, index: int, settings: SceneSettings | None = None) -> Scene:
    """Return the scene, with all its labels, that image `index` of `rendered_segmentation(split)` shows."""
    from .people import render_scene

    require_split(split)
    return render_scene(SEEDS[split], index, settings or default_settings())


def default_settings() -> SceneSettings:
    """Return the knobs of the scenes of `rendered_segmentation`."""
    from .people import SceneSettings

    return SceneSettings(people=(1, 3), scale=(0.7, 1.0))


def _render(seed: int, count: int, settings, title: str | None) -> dict[str, Tensor]:
    """Render `count` scenes, as tensors."""
    images = torch.empty(count, 3, *settings.size, dtype=torch.uint8)
    masks = torch.empty(count, *settings.size, dtype=torch.uint8)
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        images[index] = torch.from_numpy(scene.image).permute(2, 0, 1)
        masks[index] = semantic_mask(scene)
    return {"images": images, "masks": masks}


def semantic_mask(scene: Scene) -> Tensor:
    """Return uint8 (H, W): the class of each pixel of a rendered scene, 255 where background touches a person."""
    from .people import CLOTHES

    mask = np.array([MERGED[name] for name in CLOTHES], np.uint8)[scene.clothes]
    person = np.pad(mask > 0, 1)
    touched = person[:-2, 1:-1] | person[2:, 1:-1] | person[1:-1, :-2] | person[1:-1, 2:]
    mask[touched & (mask == 0)] = VOID
    return torch.from_numpy(mask)


def three_masks(scene: Scene) -> dict[str, Tensor]:
    """Return the three kinds of masks of one rendered scene, uint8 (H, W) each.

    "binary" is 1 on every person; "semantic" has the six classes of `rendered_segmentation`, with void; "instance" has
    1, 2, ... for the first, the second person. All are 0 on the background.
    """
    instances = torch.from_numpy(scene.instances)
    return {"binary": (instances > 0).to(torch.uint8), "semantic": semantic_mask(scene), "instance": instances.clone()}


def camvid(
    root: str | Path, split: str, size: tuple[int, int] | None = (144, 192), progress: bool = True
) -> SegmentationSet:
    """Return CamVid: road scenes from a driving car, 11 classes, in the version that came with SegNet.

    Args:
        root: the folder with `train.txt`, `val.txt`, `test.txt` and the folders `train`, `trainannot` and so on. What
            the lists leave out is not read, so some lines of them will do for a try.
        split: "train", "val" or "test".
        size: (H, W) that images and masks are resized to; None keeps the originals, 360 x 480. A label is never mixed
            from several: each pixel of a resized mask has the label of one pixel of the original.
        progress: show a progress bar.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, or a mask that does not fit its image, by name.
    Source: Brostow, Fauqueur and Cipolla 2009, "Semantic Object Classes in Video"; the 11 classes and the splits of
    Badrinarayanan, Kendall and Cipolla 2017, "SegNet".
    """
    require_split(split)
    arrays = camvid_arrays(Path(root).expanduser(), split, size and tuple(size), progress)
    return _set_of(arrays, CAMVID_CLASSES, f"CamVid, {split}")


def isbi2012(root: str | Path, split: str, size: tuple[int, int] | None = (128, 128)) -> SegmentationSet:
    """Return ISBI 2012: sections through a fly's nerve cord under the electron microscope, membrane (0) or cell (1).

    The 30 sections lie on top of each other and neighbours look alike, so they are split in blocks: 24 for train, then
    3 for val, 3 for test. (The challenge's own test sections have no public labels.)

    Args:
        root: the folder with `train-volume.tif` and `train-labels.tif`, or with `train/image/0.png` ... `29.png` and
            `train/label/0.png` ... `29.png`.
        split: "train", "val" or "test".
        size: (H, W) of tiles side by side that the sections of 512 x 512 are cut into, what is left over at the right
            and at the bottom is left out; None keeps the sections whole.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, or a mask that does not fit its image, by name.
    Source: Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for
    connectomics"; the U-Net of Ronneberger, Fischer and Brox 2015 was made for it.
    """
    require_split(split)
    arrays = isbi_arrays(Path(root).expanduser(), split, size and tuple(size))
    return _set_of(arrays, ISBI_CLASSES, f"ISBI 2012, {split}")


def _set_of(arrays: dict[str, np.ndarray], class_names: tuple[str, ...], name: str) -> SegmentationSet:
    return SegmentationSet(
        **{key: torch.from_numpy(array) for key, array in arrays.items()}, class_names=class_names, name=name
    )


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
    course = Path(__file__).resolve().parent.parent
    return Path(os.environ.get(variable) or course / "data" / name)
