"""Top-down pose estimation: what lies between boxes and a network for one person.

What cuts out crops and leads back from them, `boxes_to_crops` and `crops_to_image`, is the exercise; it is handed in.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.data.batches import Batch
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.models.bottom_up import target_heatmaps
from helpers.models.scoremaps import map_cross_entropy, to_map

BoxesToCrops = Callable[[Tensor, list[Tensor], tuple[int, int]], tuple[Tensor, Tensor]]


def person_crops(
    data: PeopleSet, boxes_to_crops: BoxesToCrops, crop_size: tuple[int, int], shaken: float = 0.0, seed: int = 0
) -> PoseSet:
    """Return one image for each person of a set, cut out along the person's box, with keypoints in pixels of the crop.

    Keypoints that fall outside of the crop count as not visible. People who are `ignored` are left out.

    Args:
        boxes_to_crops: the exercise's.
        crop_size: (h, w).
        shaken: move each side of a box by up to this share of its width or height, as a detector's errors would; how is
            decided by the seed.
    """
    wanted = data.present & ~data.ignored
    extent = (data.boxes_xyxy[..., 2:] - data.boxes_xyxy[..., :2]).repeat(1, 1, 2)  # (N, P, 4): w, h, w, h
    moves = torch.rand(extent.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    boxes = data.boxes_xyxy + shaken * moves.to(extent.device) * extent

    cut_out, ways_back = [], []
    for rows in torch.arange(len(data)).split(64):
        of_images = [b[there] for b, there in zip(boxes[rows], wanted[rows], strict=True)]
        images, back = boxes_to_crops(data.images[rows].float(), of_images, crop_size)
        cut_out.append(images.round().clamp(0, 255).to(torch.uint8))
        ways_back.append(back)
    crops, transforms = torch.cat(cut_out), torch.cat(ways_back)  # (M, 3, h, w), (M, 2, 3)

    matrix, shift = transforms[..., :2], transforms[..., 2:]  # (M, 2, 2) and (M, 2, 1)
    # a transform leads from the crop to the image; solving it leads from the image to the crop
    keypoints = torch.linalg.solve(matrix, data.keypoints[wanted].transpose(1, 2) - shift).transpose(1, 2).contiguous()
    last = keypoints.new_tensor([crop_size[1] - 1, crop_size[0] - 1])
    inside = ((keypoints >= 0) & (keypoints <= last)).all(dim=-1)
    visibility = torch.where(inside, data.visibility[wanted], 0)
    whole = torch.cat([torch.zeros_like(last), last]).expand(len(crops), 4).contiguous()
    return PoseSet(crops, keypoints, visibility, whole, data.skeleton, f"people of {data.name}")


def pose_loss(output: tuple[Tensor, Tensor], batch: Batch, stride: int = 4) -> Tensor:
    """Return the loss of a network that answers with the keypoints of one person and with scoremaps.

    It is 0.3 times the mean of |dx| + |dy| in pixels, and the cross-entropy of the maps with a bump at each keypoint.

    Args:
        output: (keypoints (B, K, 2) in pixels of the image, scoremaps (B, K, h, w)), before the softmax.
        stride: pixels of the image for one of the maps.
    """
    keypoints, scoremaps = output
    visible = batch["visible"]
    apart = torch.where(visible[..., None], keypoints - batch["keypoints"], 0).abs()  # (B, K, 2)
    on_keypoints = 0.3 * apart.sum() / visible.sum().clamp(min=1)
    height, width = scoremaps.shape[-2:]
    centres = to_map(batch["keypoints"], stride)
    target = target_heatmaps(centres[:, None], visible[:, None], (height, width))
    return on_keypoints + map_cross_entropy(scoremaps, target)


def certainty(scoremaps: Tensor) -> Tensor:
    """Return float (N, K, 1) in [0, 1], how sure a network is of each keypoint.

    It is the share of the softmax in the 5 x 5 pixels around the highest one: where there is nobody, or the keypoint is
    hidden, the map is wide or has several peaks. Average precision begins with the most confident people.

    Args:
        scoremaps: float (N, K, h, w), before the softmax.
    """
    shares = torch.softmax(scoremaps.flatten(2), dim=-1)  # (N, K, h * w)
    highest = shares.argmax(dim=-1, keepdim=True)
    around = 25 * F.avg_pool2d(shares.view_as(scoremaps), 5, stride=1, padding=2)  # zeros outside, counted
    return around.flatten(2).gather(2, highest)
