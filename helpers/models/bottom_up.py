"""Bottom-up pose estimation: a network that draws scoremaps, fields and offsets, what it learns from, and its people.

What turns maps into people, `find_peaks` and `group_people`, is the exercise; it is handed in.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helpers.data.batches import Batch, Rows
from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO, Skeleton
from helpers.models.backbones import Backbone, conv_bn_relu
from helpers.models.scoremaps import focal_cross_entropy, to_image, to_map
from helpers.shapes import require

__all__ = ["BottomUp", "caps", "field_loss", "offsets_to", "target_heatmaps", "with_maps"]

Maps = dict[str, Tensor]
Limbs = Sequence[tuple[int, int]]
FindPeaks = Callable[[Tensor, float], list[list[Tensor]]]
GroupPeople = Callable[[list[Tensor], Tensor, Limbs], Tensor]
Refine = Callable[[list[Tensor], Tensor], list[Tensor]]
DrawFields = Callable[[Tensor, Tensor, Limbs, tuple[int, int], float], Tensor]
RADIUS = 1.5  # of a target heatmap's bump, in pixels of the map
WIDTH = 1.5  # of a limb's field, in pixels of the map
MOST_BYTES = 1 << 30  # of maps that are kept with their set, as float16: some 7,800 scenes of 96 x 128


class BottomUp(nn.Module):
    """A backbone and one head for everything: where keypoints are, where limbs lead, what the stride has cost.

    Images float (B, 3, H, W) in [0, 1] -> a dict of maps, `backbone.stride` times smaller: `scoremaps` (B, K, h, w),
    before the sigmoid; `fields` (B, L, 2, h, w); `offsets` (B, K, 2, h, w), from each pixel to the keypoint near it.

    Args:
        backbone: module with `out_channels` and `stride`.
        find_peaks: `find_peaks(scoremaps, threshold)`, the exercise's.
        group_people: `group_people(peaks, fields, limbs)`, the exercise's.
        skeleton: whose keypoints and limbs.
    Sources: Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"; the offsets: Kreiss
    et al. 2019, "PifPaf: Composite Fields for Human Pose Estimation".
    """

    threshold = 0.2  # what a peak's probability has to exceed
    most_peaks = 40  # per map; an untrained network shows hundreds, and all their pairs would be tried

    def __init__(self, backbone: Backbone, find_peaks: FindPeaks, group_people: GroupPeople, skeleton: Skeleton = COCO):
        super().__init__()
        self.backbone, self.skeleton, self.stride = backbone, skeleton, backbone.stride
        self.find_peaks, self.group_people = find_peaks, group_people
        self.K, self.L = skeleton.num_keypoints, len(skeleton.limbs)
        maps = self.K + 2 * self.L + 2 * self.K
        self.heads = nn.Sequential(conv_bn_relu(backbone.out_channels, 64), nn.Conv2d(64, maps, kernel_size=1))
        *_, bias = self.heads.parameters()
        nn.init.constant_(bias[: self.K], -4.0)  # nearly every pixel is far from every keypoint

    def forward(self, images: Tensor) -> Maps:
        return self.from_features(self.backbone(images))

    def from_features(self, features: Tensor) -> Maps:
        """Return the maps, from what the backbone has made of images."""
        maps: Tensor = self.heads(features).float()  # mixed precision ends here: places need float32
        scoremaps, fields, offsets = maps.split([self.K, 2 * self.L, 2 * self.K], dim=1)
        fields, offsets = fields.unflatten(1, (-1, 2)), offsets.unflatten(1, (-1, 2))  # (B, L or K, 2, h, w)
        return {"scoremaps": scoremaps, "fields": fields, "offsets": offsets}

    @torch.no_grad()
    def peaks(self, maps: Maps) -> list[list[Tensor]]:
        """Return the peaks of every image: a list of K tensors (N, 3), in pixels of the maps, the highest first."""
        found = self.find_peaks(torch.sigmoid(maps["scoremaps"]), self.threshold)
        return [[p[p[:, 2].argsort(descending=True)[: self.most_peaks]] for p in peaks] for peaks in found]

    @torch.no_grad()
    def people(self, images: Tensor, refine: Refine | None = None) -> list[Tensor]:
        """Return the people of each image, float (N, K, 3): x, y in pixels of the image and the score; 0, 0, 0 where a
        keypoint is missing.

        Args:
            images: float (B, 3, H, W) in [0, 1].
            refine: `refine(peaks, offsets)` -> peaks of one image, before they are grouped; None leaves them.
        """
        return self.people_of(self(images), refine)

    def people_of(self, maps: Maps, refine: Refine | None = None) -> list[Tensor]:
        """Return the people of maps that `forward` returned, as `people` does."""
        found = []
        for peaks, fields, offsets in zip(self.peaks(maps), maps["fields"], maps["offsets"], strict=True):
            people = self.group_people(peaks if refine is None else refine(peaks, offsets), fields, self.skeleton.limbs)
            there = people[..., 2:] != 0  # (N, K, 1)
            places = torch.where(there, to_image(people[..., :2], self.stride), 0)
            found.append(torch.cat([places, people[..., 2:]], dim=-1))
        return found


def target_heatmaps(keypoints: Tensor, visible: Tensor, size: tuple[int, int], radius: float = RADIUS) -> Tensor:
    """Return target scoremaps for several people: a round bump, max(0, 1 - d^2 / radius^2), over each keypoint.

    Where the bumps of two people meet the higher one counts, so that there stay two peaks.

    Args:
        keypoints: float (B, P, K, 2), x then y, pixels of the map; arbitrary where not visible.
        visible: bool (B, P, K).
        size: (H, W) of the maps.
        radius: in pixels of the map; below that of a pixel's corner, 0.71, a keypoint could fall between all pixels.
    Returns:
        float (B, K, H, W) in [0, 1].
    """
    dx, dy = _from_keypoints(keypoints, visible, size)
    squared = dx.square() + dy.square()  # (B, P, K, H, W), infinite where not visible
    return (1 - squared.amin(dim=1) / radius**2).clamp(min=0)


caps = target_heatmaps  # as the notebook of exercise 4 knows it


def offsets_to(keypoints: Tensor, visible: Tensor, size: tuple[int, int], radius: float = RADIUS) -> Tensor:
    """Return target offsets: from each pixel's centre to the nearest keypoint of its kind, within `radius` of it.

    Args: as for `target_heatmaps`.
    Returns:
        float (B, K, 2, H, W), x then y, pixels of the map; 0 farther away.
    """
    dx, dy = _from_keypoints(keypoints, visible, size)
    squared, nearest = (dx.square() + dy.square()).min(dim=1, keepdim=True)
    dx, dy = (
        -torch.take_along_dim(d.expand(squared.shape[0], keypoints.shape[1], *squared.shape[2:]), nearest, dim=1)
        for d in (dx, dy)
    )
    return torch.where(squared < radius**2, torch.cat([dx, dy], dim=1), 0).transpose(1, 2)


def _from_keypoints(keypoints: Tensor, visible: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return how far columns (B, P, K, 1, W) and rows (B, P, K, H, 1) are from visible keypoints; else infinite."""
    sizes = require("keypoints", keypoints, "B P K 2")
    require("visible", visible, "B P K", torch.bool, known=sizes)
    x, y = torch.where(visible[..., None], keypoints, torch.inf)[..., None, None].unbind(dim=3)  # (B, P, K, 1, 1)
    height, width = size
    columns, rows = (torch.arange(side, device=x.device, dtype=x.dtype) for side in (width, height))
    return columns - x, rows[:, None] - y


@dataclasses.dataclass(frozen=True, repr=False)
class MappedPeople(PeopleSet):
    """A PeopleSet whose batches hold target maps too, drawn when a batch is asked for; see `with_maps`."""

    part_affinity_fields: DrawFields = None  # type: ignore[assignment]  # fields of a PeopleSet before it have defaults
    stride: int = 4

    def batch(self, index: Rows = slice(None), device: torch.device | str = "cpu") -> Batch:
        return super().batch(index, device) | self.maps(index, device)

    def maps(self, index: Rows, device: torch.device | str = "cpu") -> Maps:
        """Return the target maps of some images, drawn on `device`."""
        keypoints, visible = self.keypoints[index], self.visible[index]
        if visible.device.type == "cpu":  # each row of people costs a map of each limb, and most are empty
            counted = visible.any(dim=2)
            most = max(1, int(counted.sum(dim=1).max())) if len(counted) else 1
            order = counted.byte().argsort(dim=1, descending=True, stable=True)[:, :most, None]
            keypoints, visible = keypoints.take_along_dim(order[..., None], 1), visible.take_along_dim(order, 1)
        places = keypoints.to(device), visible.to(device)
        return target_maps(*places, self.image_size, self.skeleton, self.part_affinity_fields, self.stride)


def target_maps(
    keypoints: Tensor, visible: Tensor, image_size: tuple[int, int], skeleton: Skeleton,
    part_affinity_fields: DrawFields, stride: int = 4,
) -> Maps:  # fmt: skip
    """Return what a `BottomUp` network is to draw for people: keypoints (B, P, K, 2) in pixels of the image."""
    centres, size = to_map(keypoints, stride), (image_size[0] // stride, image_size[1] // stride)
    return {
        "scoremaps": target_heatmaps(centres, visible, size),
        "fields": part_affinity_fields(centres, visible, skeleton.limbs, size, WIDTH),
        "offsets": offsets_to(centres, visible, size),
    }


def with_maps(data: PeopleSet, part_affinity_fields: DrawFields, stride: int = 4, progress: bool = True) -> PeopleSet:
    """Return the set with its target maps: `scoremaps`, `fields` and `offsets`, in pixels of `stride`.

    They are drawn once where they fit into MOST_BYTES: training then waits for nothing, however slow
    `part_affinity_fields` is. Those of a larger set are drawn for each batch, on its device.
    """
    from tqdm.auto import tqdm

    parts = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    drawn = MappedPeople(**parts, part_affinity_fields=part_affinity_fields, stride=stride)
    kinds = 3 * data.skeleton.num_keypoints + 2 * len(data.skeleton.limbs)
    if 2 * len(data) * kinds * math.prod(data.image_size) / stride**2 > MOST_BYTES:
        return drawn
    maps: dict[str, list[Tensor]] = {"scoremaps": [], "fields": [], "offsets": []}
    for rows in tqdm(torch.arange(len(data)).split(32), desc="drawing target maps", unit="batch", disable=not progress):
        for name, drawn_maps in drawn.maps(rows).items():
            maps[name].append(drawn_maps.half())
    return data.with_targets(**{name: torch.cat(kept) for name, kept in maps.items()})


def field_loss(output: Maps, batch: Batch) -> Tensor:
    """Return the loss of a `BottomUp` network: on scoremaps, fields and offsets.

    Scoremaps have a focal loss; fields and offsets count where they lead somewhere, fields a little elsewhere too.
    Fields are compared by squares: where the network hesitates it then answers a short vector, while with absolute
    values it would answer none.

    Args:
        output: of the network, for the batch.
        batch: of a set from `with_maps`.
    """
    scores, target = output["scoremaps"], batch["scoremaps"]
    on_scores = focal_cross_entropy(scores, target).sum() / (target > 0.8).sum().clamp(min=1)

    limb = (batch["fields"] != 0).any(dim=2, keepdim=True)  # (B, L, 1, h, w)
    apart = (output["fields"] - batch["fields"]).square()
    on_fields = 3 * (apart * torch.where(limb, 1.0, 0.1)).sum() / limb.sum().clamp(min=1)

    near = (target > 0)[:, :, None]  # (B, K, 1, h, w)
    apart = (output["offsets"] - batch["offsets"]).abs()
    on_offsets = (apart * near).sum() / near.sum().clamp(min=1)
    return on_scores + on_fields + 0.2 * on_offsets
