"""A set of images of several people each, with everyone's keypoints."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from helpers.data.batches import Batch, Images, Rows, rows
from helpers.data.poses import require_known
from helpers.data.skeletons import Skeleton
from helpers.shapes import require, require_tensor

__all__ = ["PeopleSet", "box_areas"]

FILLED = 0.53  # the share of its box that a person's mask fills in COCO, on average
PEOPLE = ("keypoints", "visibility", "boxes_xyxy", "areas", "present", "ignored", "crowd")  # (N, P, ...) each


@dataclasses.dataclass(frozen=True, repr=False)
class PeopleSet(Images):
    """N images of up to P people each, in memory. An image of fewer people has empty rows behind them: zeros.

    Args:
        images: uint8 (N, 3, H, W).
        keypoints: float32 (N, P, K, 2), x then y, pixels of the image, pixel centres at integers.
        visibility: uint8 (N, P, K): 0 outside the image or unknown, 1 hidden, 2 seen.
        boxes_xyxy: float32 (N, P, 4), pixels.
        areas: float32 (N, P), square pixels: how large OKS takes each person to be.
        present: bool (N, P): the rows that hold someone; people come first, empty rows last.
        skeleton: names, limbs and left-right pairs of the K keypoints.
        name: what to call the set in tables and pictures.
        ignored: bool (N, P): people whom a network need not find and may find, so that an evaluation counts neither a
            miss nor a false alarm. Default: those without any visible keypoint, and these always have to be in it.
        crowd: bool (N, P): rows that stand for a group nobody took apart (COCO's iscrowd), ignored as well. Default:
            none.
        targets: what a loss compares with besides, by name: tensors of N rows. See `with_targets`.
    """

    LABELS: ClassVar = PEOPLE

    keypoints: Tensor
    visibility: Tensor
    boxes_xyxy: Tensor
    areas: Tensor
    present: Tensor
    skeleton: Skeleton
    name: str = "images"
    ignored: Tensor = None  # type: ignore[assignment]  # None is for callers: a set has it
    crowd: Tensor = None  # type: ignore[assignment]  # likewise
    targets: dict[str, Tensor] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        sizes = require("images", self.images, "N 3 H W", torch.uint8)
        sizes |= {"K": self.skeleton.num_keypoints}
        sizes = require("present", self.present, "N P", torch.bool, known=sizes)
        require("keypoints", self.keypoints, "N P K 2", torch.float32, known=sizes)
        require("visibility", self.visibility, "N P K", torch.uint8, known=sizes)
        require("boxes_xyxy", self.boxes_xyxy, "N P 4", torch.float32, known=sizes)
        require("areas", self.areas, "N P", torch.float32, known=sizes)
        unseen, nobody = self.present & ~self.visible.any(dim=-1), torch.zeros_like(self.present)
        for name, default in (("ignored", unseen), ("crowd", nobody)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)  # as a frozen dataclass sets what it works out itself
            require(name, getattr(self, name), "N P", torch.bool, known=sizes)
        self._check_people()
        for name, target in self.targets.items():
            self._check_target(name, target)

    def _check_people(self) -> None:
        """Check that the values can be those of people."""
        require_known(self.keypoints, self.visibility)
        if (self.present[:, 1:] & ~self.present[:, :-1]).any():
            raise ValueError("present is False in front of a person; expected people first and empty rows last.")
        for name in PEOPLE:
            if getattr(self, name)[~self.present].any():
                raise ValueError(f"{name} holds something in a row that is not present; expected zeros there.")
        boxes = self.boxes_xyxy
        if not (torch.isfinite(boxes).all() and (boxes[..., 2:] >= boxes[..., :2]).all()):
            raise ValueError("boxes_xyxy holds a box that is no box; expected x1 <= x2 and y1 <= y2.")
        if not (torch.isfinite(self.areas).all() and (self.areas >= 0).all()):
            raise ValueError("areas holds NaN, infinity or a negative area; expected square pixels, 0 or more.")
        if (self.present & ~self.ignored & ~self.visible.any(dim=-1)).any():
            reason = "nothing of such a person can be compared with, so it has to be True."
            raise ValueError(f"ignored is False for a person without any visible keypoint; {reason}")
        if (self.crowd & ~self.ignored).any():
            raise ValueError("ignored is False where crowd is True; expected True: a group is no person to be found.")

    def _check_target(self, name: str, target: Tensor) -> None:
        """Check that `target` can be handed out in a batch under this name."""
        if name in ("images", "visible", *PEOPLE):
            raise ValueError(f"a target is called {name!r}, as a part of every batch is; choose another name.")
        require_tensor(f"target {name!r}", target)
        if target.ndim == 0 or len(target) != len(self):
            expected = f"({len(self)}, ...): one row for each image."
            raise ValueError(f"target {name!r} has shape {tuple(target.shape)}; expected {expected}")

    @property
    def visible(self) -> Tensor:
        """Return bool (N, P, K): the keypoints that losses and metrics count, hidden ones included (COCO's v = 1)."""
        return self.visibility > 0

    def _each(self, change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        return super()._each(change) | {"targets": {name: change(target) for name, target in self.targets.items()}}

    def _contents(self) -> str:
        return f" with {int(self.present.sum())} people, {self.skeleton.name} keypoints"

    def with_targets(self, **targets: Tensor) -> Self:
        """Return the same set with these targets besides those it has; every batch hands them out under their names.

        So scoremaps and fields of a set are computed once. Targets are tensors of N rows; floating-point numbers are
        kept as float16, to three digits and up to 65504, and a batch has them as float32.
        """
        for name, target in targets.items():
            self._check_target(name, target)
            if target.is_floating_point() and target.isfinite().all() and not target.half().isfinite().all():
                limit = "float16, in which targets are kept, ends at 65504. Divide it by its scale."
                raise ValueError(f"target {name!r} holds {float(target.abs().max()):g}; {limit}")
        kept = {name: t.half() if t.is_floating_point() else t for name, t in targets.items()}
        return dataclasses.replace(self, targets=self.targets | kept)

    def batch(self, index: Rows = slice(None), device: torch.device | str = "cpu") -> Batch:
        """Return what a network, a loss and a metric get, all on `device`.

        `images` float32 in [0, 1] (B, 3, H, W); `keypoints` float32 (B, P, K, 2); `visible` bool and `visibility` uint8
        (B, P, K); `boxes_xyxy` float32 (B, P, 4); `areas` float32 and `present`, `ignored`, `crowd` bool (B, P); and
        the targets, float32 where they are floating-point numbers.
        """
        parts = {name: getattr(self, name)[index].to(device, copy=True) for name in PEOPLE}
        targets = {}
        for name, target in self.targets.items():
            dtype = torch.float32 if target.is_floating_point() else target.dtype
            targets[name] = rows(target, index).to(device, dtype, copy=True)
        return {"images": self.pixels(index, device), **parts, "visible": parts["visibility"] > 0, **targets}


def labels_of(data: PeopleSet | Batch, names: Sequence[str] = PEOPLE) -> dict[str, Tensor]:
    """Return what a set, or a batch of it, knows of its people: the tensors of these names."""
    if not isinstance(data, (PeopleSet, Mapping)):
        raise TypeError(f"data is a {type(data).__name__}; expected a PeopleSet or a batch of one.")
    known = data if isinstance(data, Mapping) else vars(data)
    if missing := [name for name in names if name not in known]:
        raise ValueError(f"data has no {missing[0]!r}; expected a PeopleSet or a batch of one.")
    return {name: known[name] for name in names}


def box_areas(boxes_xyxy: Tensor) -> Tensor:
    """Return float (...): 0.53 times width times height of boxes (..., 4), for OKS where no mask says a person's area.

    So does CrowdPose, which has no masks; COCO's fill 0.53 of the box on average (slim rendered people about 0.36).
    """
    return FILLED * (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).prod(dim=-1)
