"""Which keypoints a data set has, how they are joined and which are a left-right pair."""

from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.shapes import require


@dataclass(frozen=True)
class Skeleton:
    """The keypoints of one data set.

    Args:
        name: "COCO", "LSP", ...
        keypoint_names: K names, "left_..." and "right_..." from the person's own point of view.
        limbs: pairs of keypoint numbers that a picture joins by a line.
        swaps: (left, right) pairs of keypoint numbers that trade places when an image is mirrored.
    """

    name: str
    keypoint_names: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    swaps: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        count = len(self.keypoint_names)
        for kind, pairs in (("limbs", self.limbs), ("swaps", self.swaps)):
            if any(not 0 <= k < count for pair in pairs for k in pair):
                raise ValueError(f"{kind} of skeleton {self.name!r} name a keypoint not in 0 ... {count - 1}: {pairs}.")
        swapped = [k for pair in self.swaps for k in pair]
        if len(set(swapped)) != len(swapped):
            raise ValueError(f"swaps of skeleton {self.name!r} name a keypoint twice: {self.swaps}.")

    @property
    def num_keypoints(self) -> int:
        """Return K."""
        return len(self.keypoint_names)

    @property
    def flip_order(self) -> tuple[int, ...]:
        """Return, for each keypoint of a mirrored image, the number of the keypoint that it was before."""
        order = list(range(self.num_keypoints))
        for left, right in self.swaps:
            order[left], order[right] = right, left
        return tuple(order)

    def index(self, keypoint_name: str) -> int:
        """Return the number of a keypoint, or raise with the names there are."""
        if keypoint_name not in self.keypoint_names:
            raise ValueError(f"{self.name} has no keypoint {keypoint_name!r}; it has {', '.join(self.keypoint_names)}.")
        return self.keypoint_names.index(keypoint_name)

    def torso_length(self, keypoints: Tensor, visible: Tensor) -> Tensor:
        """Return float (B,): the length of each torso in pixels, the yardstick of PCK.

        It is the mean of two diagonals, left shoulder to right hip and right shoulder to left hip, which from the side
        do not shrink to zero as the distance of the hips does. One alone serves where an end of the other is not
        visible; with neither, the length is NaN, and no error is <= NaN: leave such a person out.

        Args:
            keypoints: float (B, K, 2), x then y.
            visible: bool (B, K).
        """
        sizes = require("keypoints", keypoints, f"B {self.num_keypoints} 2")
        require("visible", visible, f"B {self.num_keypoints}", torch.bool, known=sizes)
        names = [("left_shoulder", "right_hip"), ("right_shoulder", "left_hip")]
        ends = torch.tensor([[self.index(name) for name in pair] for pair in names], device=keypoints.device)
        lengths = (keypoints[:, ends[:, 0]] - keypoints[:, ends[:, 1]]).norm(dim=-1)  # (B, 2)
        usable = visible[:, ends].all(dim=-1)  # (B, 2)
        return torch.where(usable, lengths, torch.nan).nanmean(dim=1)


COCO = Skeleton(
    name="COCO",
    keypoint_names=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    limbs=(
        (0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6),  # head
        (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),  # arms
        (5, 11), (6, 12), (11, 12),  # trunk
        (11, 13), (13, 15), (12, 14), (14, 16),  # legs
    ),
    swaps=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
)  # fmt: skip

LSP = Skeleton(
    name="LSP",
    keypoint_names=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
        "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
    ),
    limbs=(
        (12, 13), (12, 8), (12, 9),  # head and collar bones
        (8, 7), (7, 6), (9, 10), (10, 11),  # arms
        (8, 2), (9, 3), (2, 3),  # trunk
        (2, 1), (1, 0), (3, 4), (4, 5),  # legs
    ),
    swaps=((5, 0), (4, 1), (3, 2), (11, 6), (10, 7), (9, 8)),
)  # fmt: skip
