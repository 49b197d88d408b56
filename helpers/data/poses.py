"""A set of images of one person each, with their keypoints."""

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor

from helpers.data.batches import Batch, Images, Rows
from helpers.data.skeletons import Skeleton
from helpers.shapes import require

__all__ = ["PoseSet"]


@dataclasses.dataclass(frozen=True, repr=False)
class PoseSet(Images):
    """N images of one person each, with their keypoints, in memory.

    Args:
        images: uint8 (N, 3, H, W).
        keypoints: float32 (N, K, 2), x then y, pixels of the image, pixel centres at integers.
        visibility: uint8 (N, K): 0 outside the image or unknown, 1 hidden, 2 seen.
        boxes_xyxy: float32 (N, 4), pixels.
        skeleton: names, limbs and left-right pairs of the K keypoints.
        name: what to call the set in tables and pictures.
    """

    LABELS: ClassVar = ("keypoints", "visibility", "boxes_xyxy")

    keypoints: Tensor
    visibility: Tensor
    boxes_xyxy: Tensor
    skeleton: Skeleton
    name: str = "images"

    def __post_init__(self) -> None:
        sizes = require("images", self.images, "N 3 H W", torch.uint8)
        sizes |= {"K": self.skeleton.num_keypoints}
        require("keypoints", self.keypoints, "N K 2", torch.float32, known=sizes)
        require("visibility", self.visibility, "N K", torch.uint8, known=sizes)
        require("boxes_xyxy", self.boxes_xyxy, "N 4", torch.float32, known=sizes)
        require_known(self.keypoints, self.visibility)

    @property
    def visible(self) -> Tensor:
        """Return bool (N, K): the keypoints that losses and metrics count, hidden ones included (COCO's v = 1)."""
        return self.visibility > 0

    def mean_pose(self) -> Tensor:
        """Return float32 (K, 2): the mean place of each keypoint over the images where it is visible.

        A guess that looks at no image, so what a network must beat. A keypoint that is never visible gets the centre.
        """
        seen = torch.where(self.visible[:, :, None], self.keypoints, torch.nan)
        height, width = self.image_size
        centre = seen.new_tensor([(width - 1) / 2, (height - 1) / 2])
        mean = seen.nanmean(dim=0)
        return torch.where(mean.isnan(), centre, mean)

    def _contents(self) -> str:
        return f", {self.skeleton.name} keypoints"

    def batch(self, index: Rows = slice(None), device: torch.device | str = "cpu") -> Batch:
        """Return what a network, a loss and a metric get: `images` float32 in [0, 1] (B, 3, H, W), `keypoints`
        float32 (B, K, 2), `visible` bool (B, K) and `visibility` uint8 (B, K), all on `device`."""
        visibility, keypoints = self.visibility[index].to(device), self.keypoints[index].to(device, copy=True)
        parts = {"keypoints": keypoints, "visible": visibility > 0, "visibility": visibility}
        return {"images": self.pixels(index, device), **parts}


def require_known(keypoints: Tensor, visibility: Tensor) -> None:
    """Check that `visibility` (..., K) holds 0, 1 and 2 only, and that visible `keypoints` (..., K, 2) are known."""
    if visibility.numel() and int(visibility.max()) > 2:
        raise ValueError(f"visibility holds {int(visibility.max())}; expected 0 (outside), 1 (hidden), 2 (seen).")
    if not torch.isfinite(keypoints[visibility > 0]).all():
        raise ValueError("keypoints of visible joints hold NaN or infinity; set their visibility to 0.")
