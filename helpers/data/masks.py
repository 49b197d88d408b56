"""A set of images with a class for every pixel."""

import dataclasses
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from helpers.data.batches import Batch, Images, Rows, rows
from helpers.people import CLOTHES, Scene
from helpers.shapes import VOID, require

__all__ = ["SegmentationSet", "VOID", "three_masks"]

RENDERED_CLASSES = ("background", "skin", "hair", "top", "trousers", "shoes")
# The class of each of `helpers.people.CLOTHES`: skirts and dresses count as trousers, hats as hair.
MERGED = {"background": 0, "skin": 1, "hair": 2, "top": 3, "trousers": 4, "skirt": 4, "shoes": 5, "hat": 2}


@dataclasses.dataclass(frozen=True, repr=False)
class SegmentationSet(Images):
    """N images with the class of each of their pixels, in memory.

    Args:
        images: uint8 (N, 3, H, W).
        masks: uint8 (N, H, W): the class of each pixel, or 255 (void) where a pixel counts nowhere.
        class_names: one for each of the C classes.
        name: what to call the set in tables and pictures.
    """

    LABELS: ClassVar = ("masks",)

    masks: Tensor
    class_names: tuple[str, ...]
    name: str = "images"

    def __post_init__(self) -> None:
        sizes = require("images", self.images, "N 3 H W", torch.uint8)
        require("masks", self.masks, "N H W", torch.uint8, known=sizes)
        if not 1 <= self.num_classes <= VOID:
            raise ValueError(f"class_names has {self.num_classes} names; expected 1 to {VOID}.")
        wrong = self._counts()[self.num_classes : VOID].nonzero()
        if len(wrong):
            highest, last = self.num_classes + int(wrong.max()), self.num_classes - 1
            raise ValueError(f"masks hold {highest}; expected 0 to {last}, or {VOID} for void.")

    @property
    def num_classes(self) -> int:
        """Return C."""
        return len(self.class_names)

    def class_shares(self) -> dict[str, float]:
        """Return the share of each class, by name, in the pixels that count."""
        counts = self._counts()[: self.num_classes].double()
        return dict(zip(self.class_names, (counts / counts.sum().clamp(min=1)).tolist(), strict=True))

    def _counts(self) -> Tensor:
        """Return int64 (256,): how many pixels have each label."""
        return torch.bincount(self.masks.flatten().cpu(), minlength=256)

    def _contents(self) -> str:
        return f", {self.num_classes} classes"

    def batch(self, index: Rows = slice(None), device: torch.device | str = "cpu") -> Batch:
        """Return what a network, a loss and a metric get: `images` float32 in [0, 1] (B, 3, H, W) and `masks` int64
        (B, H, W), both on `device`."""
        return {"images": self.pixels(index, device), "masks": rows(self.masks, index).to(device).long()}


def semantic_mask(scene: Scene) -> Tensor:
    """Return uint8 (H, W): the class of each pixel of a rendered scene, 255 where background touches a person."""
    mask = np.array([MERGED[name] for name in CLOTHES], np.uint8)[scene.clothes]
    person = np.pad(mask > 0, 1)
    touched = person[:-2, 1:-1] | person[2:, 1:-1] | person[1:-1, :-2] | person[1:-1, 2:]
    mask[touched & (mask == 0)] = VOID
    return torch.from_numpy(mask)


def three_masks(scene: Scene) -> dict[str, Tensor]:
    """Return the three kinds of masks of one rendered scene, uint8 (H, W) each, 0 on the background.

    "binary" is 1 on every person, "semantic" has the six classes of `rendered_segmentation` and void, "instance"
    numbers the people from 1.
    """
    instances = torch.from_numpy(scene.instances)
    return {"binary": (instances > 0).to(torch.uint8), "semantic": semantic_mask(scene), "instance": instances.clone()}
