"""A person detector that trains in a minute on two CPU cores: people as points, each with the box around it.

Source: Zhou, Wang and Kraehenbuehl 2019, "Objects as Points" (CenterNet). Not as there: boxes are trained in a region
around each centre, not at one pixel, by their overlap with the right one; and double finds are removed by their
overlap.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helpers.data import augment as augmentation
from helpers.data.batches import Batch, constant
from helpers.metrics.boxes import box_f1, box_precision, box_recall
from helpers.models.backbones import Backbone, ResidualBlock, conv_bn_relu, fine_backbone
from helpers.models.scoremaps import focal_cross_entropy, to_image
from helpers.shapes import require

__all__ = [
    "PersonDetector", "augment", "box_f1", "box_f1_metric", "box_precision", "box_recall", "detection_loss",
    "detections",
]  # fmt: skip

Output = dict[str, Tensor]

STRIDE = 8
COMMON = 48.0  # pixels; sizes are predicted as logarithms, 0 is this size
REGION = 0.25  # a centre's region reaches over this share of the box's width and height, either way
BOXES = 4.0  # weight of the boxes in the loss, that of the centres being 1
LEFT = 0.25  # a person of whose box a transform leaves less than this share need not be found


class PersonDetector(nn.Module):
    """Images float (B, 3, H, W) in [0, 1] -> for every pixel of a map of stride 8, is it a person's centre, whose box?

    The output is a dict: "centres" (B, 1, h, w), scores before the sigmoid; "sizes" (B, 2, h, w), logarithms of width
    and height over 48 pixels; "offsets" (B, 2, h, w), from the pixel to the middle of the box, x then y, in pixels of
    the map. `detections` makes boxes of it.

    Args:
        backbone: module with `out_channels` and a `stride` that divides 8; None is a `fine_backbone` as it is drawn.
        features: channels of the layers behind it.
    """

    stride = STRIDE

    def __init__(self, backbone: Backbone | None = None, features: int = 32):
        super().__init__()
        self.backbone = fine_backbone() if backbone is None else backbone
        if STRIDE % self.backbone.stride:
            raise ValueError(f"The backbone's stride is {self.backbone.stride}; expected one that divides {STRIDE}.")
        self.heads = nn.Sequential(
            conv_bn_relu(self.backbone.out_channels, features, stride=STRIDE // self.backbone.stride),
            ResidualBlock(features),
            conv_bn_relu(features, features),
            nn.Conv2d(features, 5, 1),
        )
        *_, bias = self.heads.parameters()
        nn.init.constant_(bias[:1], -4.0)  # at the start centres are nowhere, which is almost right

    def forward(self, images: Tensor) -> Output:
        return self.from_features(self.backbone(images))

    def from_features(self, features: Tensor) -> Output:
        """Return the maps, from what the backbone has made of images."""
        maps = self.heads(features)
        return {"centres": maps[:, :1], "sizes": maps[:, 1:3], "offsets": maps[:, 3:]}


def detection_loss(output: Output, batch: Batch) -> Tensor:
    """Return the loss of a detector on a batch of a PeopleSet: are the centres right, and the boxes there?

    The target of a person is a bump over the middle of the box: 1 at the centre, 0 from a quarter of width and height
    away from it. Scores have a focal loss, for which pixels that are right already hardly count. Around a centre the
    boxes are compared with the person's by their generalised IoU. Ignored people need not be found and may be.

    Args:
        output: as `PersonDetector` returns it.
        batch: `boxes_xyxy` float (B, P, 4), `present` and `ignored` bool (B, P).
    Returns:
        a scalar in float32, whatever the precision of `output`.
    Source: Li et al. 2020, "Generalized Focal Loss"; Rezatofighi et al. 2019, "Generalized Intersection over Union".
    """
    scores, boxes = output["centres"].float()[:, 0], boxes_everywhere(output)
    present, ignored = batch["present"], batch["ignored"]
    heatmaps = _target_heatmaps(batch["boxes_xyxy"].float(), *scores.shape[-2:])  # (B, P, h, w)
    target, owner = (heatmaps * (present & ~ignored)[..., None, None]).max(dim=1)  # (B, h, w): the person who fits best
    may_be = (heatmaps * (present & ignored)[..., None, None]).amax(dim=1) > target

    losses = focal_cross_entropy(scores, target) * ~may_be
    people = (present & ~ignored).sum().clamp(min=1)

    weight = torch.where(may_be, 0, target)  # above 0 in the regions alone
    right = batch["boxes_xyxy"].float().gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4))  # (B, h * w, 4)
    apart = 1 - _generalised_iou(boxes, right.transpose(1, 2).view_as(boxes))  # (B, h, w)
    return losses.sum() / people + BOXES * (apart * weight).sum() / weight.sum().clamp(min=1)


def _generalised_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the IoU (B, h, w) of boxes (B, 4, h, w), less the share of both boxes' hull that neither of them fills."""
    (low, high), (other_low, other_high) = boxes.chunk(2, dim=1), others.chunk(2, dim=1)
    shared = _area((torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0))
    hull = _area(torch.maximum(high, other_high) - torch.minimum(low, other_low))
    union = _area(high - low) + _area(other_high - other_low) - shared
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def _area(sides: Tensor) -> Tensor:
    return sides[:, 0] * sides[:, 1]


def boxes_everywhere(output: Output) -> Tensor:
    """Return the box that each pixel of the map predicts, float32 (B, 4, h, w): x1, y1, x2, y2 in pixels."""
    sizes = COMMON * output["sizes"].float().clamp(-5, 5).exp()  # an untrained network's exp could be infinite
    middle = to_image(_pixels(sizes.shape[-2:], sizes), STRIDE).permute(2, 0, 1) + STRIDE * output["offsets"].float()
    return torch.cat([middle - sizes / 2, middle + sizes / 2], dim=1)


def _pixels(size: Sequence[int], like: Tensor) -> Tensor:
    """Return the places (h, w, 2) of all pixels of a map, x then y, on the device of `like`."""
    sides = (torch.arange(side, device=like.device, dtype=like.dtype) for side in size)
    y, x = torch.meshgrid(*sides, indexing="ij")
    return torch.stack([x, y], 2)


def _target_heatmaps(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return a target heatmap for each box, (B, P, h, w): 1 in its middle, falling to 0 as a parabola does.

    Its bump is at least a pixel of the map wide either way, so that each person has a pixel.
    """
    corners: Tensor = boxes.unflatten(-1, (2, 2))
    middle, reach = corners.mean(dim=-2), (REGION * corners.diff(dim=-2)[..., 0, :]).clamp(min=STRIDE)  # (B, P, 2)
    places = to_image(_pixels((height, width), boxes), STRIDE)
    x = (places[0, :, 0] - middle[..., :1]) / reach[..., :1]  # (B, P, w)
    y = (places[:, 0, 1] - middle[..., 1:]) / reach[..., 1:]  # (B, P, h)
    return (1 - x.square()[..., None, :] - y.square()[..., :, None]).clamp(min=0)


def detections(output: Output, threshold: float = 0.35, overlap: float = 0.5) -> list[tuple[Tensor, Tensor]]:
    """Return the people found in each image: boxes float (M, 4) and scores (M,) in [0, 1], the surest first.

    Every pixel scored above `threshold` says a box, which ends at the border; of boxes that overlap the surest stays.

    Args:
        output: as `PersonDetector` returns it, or `helpers.predict` for a whole set.
        overlap: the IoU from which two boxes are one person. More keeps people close together apart, and finds more
            people twice.
    """
    from torchvision.ops import batched_nms

    require("centres", output["centres"], "B 1 h w")
    scores, boxes = output["centres"].detach().float()[:, 0].sigmoid(), boxes_everywhere(output).detach()
    height, width = (STRIDE * side for side in scores.shape[-2:])
    image, y, x = (scores > threshold).nonzero(as_tuple=True)
    boxes, scores = boxes[image, :, y, x], scores[image, y, x]  # (N, 4), (N,)
    boxes = torch.minimum(boxes.clamp(min=0), constant((width - 1, height - 1) * 2, boxes.device))
    kept = batched_nms(boxes, scores, image, overlap)  # the surest first
    kept = kept[image[kept].argsort(stable=True)]  # image by image
    counts = image[kept].bincount(minlength=len(output["centres"])).tolist()
    return list(zip(boxes[kept].split(counts), scores[kept].split(counts), strict=True))


def box_f1_metric(output: Output, batch: Batch) -> float:
    """Return `box_f1` of a detector's output at its usual threshold: a metric for `helpers.fit`, with mode="max"."""
    output, batch = ({name: tensor.cpu() for name, tensor in part.items()} for part in (output, batch))
    return box_f1(detections(output), batch)  # of small maps: a GPU would be asked about every box


def augment(
    flip: float = 0.5, colour: float = 0.25, warped: float = 0.5, scale: tuple[float, float] = (0.75, 1.3),
    translation: float = 0.1,
) -> Callable[[Batch], Batch]:  # fmt: skip
    """Return a function that mirrors, recolours, scales and shifts the images of a batch, with their boxes.

    It returns a new batch with what `detection_loss` needs and nothing else: keypoints are left out. Arguments and
    random numbers are as for `helpers.data.augment.pose`.
    """
    return augmentation.augmentation(_mirror, _warp, flip, colour, warped, 0.0, scale, translation)


def _mirror(batch: Batch, mirrored: Tensor) -> Batch:
    """Return a new batch with images and boxes mirrored where `mirrored` (B,) is true; empty rows stay empty."""
    boxes, present, last = batch["boxes_xyxy"], batch["present"], batch["images"].shape[-1] - 1
    x1, y1, x2, y2 = boxes.unbind(dim=-1)
    turned = torch.stack([last - x2, y1, last - x1, y2], dim=-1)
    boxes = torch.where((mirrored[:, None] & present)[..., None], turned, boxes)
    images = augmentation.turned(batch["images"], mirrored)
    return {"images": images, "boxes_xyxy": boxes, "present": present.clone(), "ignored": batch["ignored"].clone()}


def _warp(batch: Batch, matrices: Tensor) -> Batch:
    """Return a new batch with images and boxes moved by `matrices`, which do not turn; whoever is lost is ignored."""
    images, present = batch["images"], batch["present"]
    corners = batch["boxes_xyxy"].unflatten(-1, (2, 2)).flatten(1, 2)  # (B, 2 P, 2)
    seen = torch.ones_like(corners[..., 0], dtype=torch.bool)
    moved = augmentation.warp({"images": images, "keypoints": corners, "visible": seen, "visibility": seen}, matrices)
    whole = moved["keypoints"].unflatten(1, (-1, 2))  # (B, P, 2, 2)
    limits = constant((images.shape[-1] - 1, images.shape[-2] - 1), whole.device)
    inside = torch.minimum(whole.clamp(min=0), limits)
    areas, whole_areas = (part.diff(dim=2)[:, :, 0].prod(dim=-1) for part in (inside, whole))
    left = areas / whole_areas.clamp(min=1e-6)
    boxes, ignored = torch.where(present[..., None], inside.flatten(2), 0), batch["ignored"] | (left < LEFT)
    return {"images": moved["images"], "boxes_xyxy": boxes, "present": present, "ignored": ignored & present}
