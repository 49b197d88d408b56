"""A person detector that trains in a minute on two CPU cores: people as points, each with the box around it.

    >>> detector = PersonDetector()
    >>> helpers.fit(detector, train, val, loss=detection_loss, metrics={"F1": box_f1_metric}, mode="max", epochs=12,
    ...             batch_size=16, lr=3e-3, augment=augment())
    >>> found = detections(helpers.predict(detector, test))
    >>> boxes, scores = found[0]  # of the first image, (M, 4) and (M,)

Source: Zhou, Wang and Kraehenbuehl 2019, "Objects as Points" (CenterNet). Not as there: boxes are trained in a region
around each centre, not at one pixel, by their overlap with the right one; and double finds are removed by their
overlap.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helpers.data import augment as augmentation
from helpers.data.batches import Batch
from helpers.metrics.boxes import box_f1, box_precision, box_recall
from helpers.models.backbones import Backbone, ResidualBlock, conv_bn_relu, fine_backbone
from helpers.models.scoremaps import focal_cross_entropy, to_image
from helpers.shapes import require

# fmt: off
__all__ = [
    "PersonDetector", "augment", "box_f1", "box_f1_metric", "box_precision", "box_recall", "detection_loss",
    "detections",
]
# fmt: on

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
    from torchvision.ops import generalized_box_iou_loss

    scores, boxes = output["centres"].float()[:, 0], boxes_everywhere(output)
    present, ignored = batch["present"], batch["ignored"]
    heatmaps = _target_heatmaps(batch["boxes_xyxy"].float(), *scores.shape[-2:])  # (B, P, h, w)
    target, owner = (heatmaps * (present & ~ignored)[..., None, None]).max(dim=1)  # (B, h, w): the person who fits best
    may_be = (heatmaps * (present & ignored)[..., None, None]).amax(dim=1) > target

    losses = focal_cross_entropy(scores, target) * ~may_be
    people = (present & ~ignored).sum().clamp(min=1)

    image, y, x = ((target > 0) & ~may_be).nonzero(as_tuple=True)  # (R,) each: the pixels of all regions
    weight = target[image, y, x]
    right = batch["boxes_xyxy"].float()[image, owner[image, y, x]]
    apart: Tensor = generalized_box_iou_loss(boxes[image, :, y, x], right)
    return losses.sum() / people + BOXES * (apart * weight).sum() / weight.sum().clamp(min=1)


def boxes_everywhere(output: Output) -> Tensor:
    """Return the box that each pixel of the map predicts, float32 (B, 4, h, w): x1, y1, x2, y2 in pixels."""
    sizes = COMMON * output["sizes"].float().clamp(-5, 5).exp()  # an untrained network's exp could be infinite
    middle = to_image(_pixels(sizes.shape[-2:], sizes), STRIDE).permute(2, 0, 1) + STRIDE * output["offsets"].float()
    return torch.cat([middle - sizes / 2, middle + sizes / 2], dim=1)


def _pixels(size: Sequence[int], like: Tensor) -> Tensor:
    """Return the places (h, w, 2) of all pixels of a map, x then y, on the device of `like`."""
    y, x = torch.meshgrid(*(torch.arange(side).to(like) for side in size), indexing="ij")
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


def detections(
    output: Output, threshold: float = 0.35, overlap: float = 0.5, size: tuple[int, int] | None = None
) -> list[tuple[Tensor, Tensor]]:
    """Return the people found in each image: boxes float (M, 4) and scores (M,) in [0, 1], the surest first.

    Every pixel whose score is above `threshold` says a box; of boxes that overlap the surest stays.

    Args:
        output: as `PersonDetector` returns it, or `helpers.predict` for a whole set.
        overlap: the IoU from which two boxes are one person. More keeps people close together apart, and finds more
            people twice.
        size: (H, W) of the images, where 8 does not divide them; boxes end at the border.
    """
    from torchvision.ops import batched_nms

    require("centres", output["centres"], "B 1 h w")
    scores, boxes = output["centres"].detach().float()[:, 0].sigmoid(), boxes_everywhere(output).detach()
    height, width = size or [STRIDE * side for side in scores.shape[-2:]]
    image, y, x = (scores > threshold).nonzero(as_tuple=True)
    boxes, scores = boxes[image, :, y, x], scores[image, y, x]  # (N, 4), (N,)
    boxes = torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width - 1, height - 1] * 2))
    kept = batched_nms(boxes, scores, image, overlap)  # the surest first
    boxes, scores, image = boxes[kept], scores[kept], image[kept]
    return [(boxes[image == b], scores[image == b]) for b in range(len(output["centres"]))]


def box_f1_metric(output: Output, batch: Batch) -> float:
    """Return `box_f1` of a detector's output at its usual threshold: a metric for `helpers.fit`, with mode="max"."""
    return box_f1(detections(output), batch)


def augment(
    flip: float = 0.5, colour: float = 0.25, warped: float = 0.5, scale: tuple[float, float] = (0.75, 1.3),
    translation: float = 0.1,
) -> Callable[[Batch], Batch]:  # fmt: skip
    """Return a function that mirrors, recolours, scales and shifts the images of a batch, with their boxes.

    It returns a new batch with what `detection_loss` needs and nothing else: keypoints are left out. The random numbers
    are torch's, so `set_seed` decides on them.

    Args:
        flip, colour, warped, scale, translation: as for `helpers.data.augment.pose`.
    """
    if not (0 <= flip <= 1 and 0 <= warped <= 1 and 0 <= colour < 1):
        got = f"flip is {flip}, warped {warped}, colour {colour}"
        raise ValueError(f"{got}; expected shares in [0, 1], and colour below 1.")

    def augmented(batch: Batch) -> Batch:
        images, boxes = batch["images"].clone(), batch["boxes_xyxy"].clone()
        present, ignored = batch["present"], batch["ignored"].clone()
        count, _, height, width = images.shape
        mirrored = (torch.rand(count) < flip).to(images.device)
        images[mirrored] = images[mirrored].flip(-1)
        x1, y1, x2, y2 = boxes[mirrored].unbind(dim=-1)
        boxes[mirrored] = torch.stack([width - 1 - x2, y1, width - 1 - x1, y2], dim=-1)
        first = round(warped * count)
        if first:
            matrices = augmentation.random_affine(first, (height, width), 0.0, scale, translation)
            images[:first], boxes[:first], left = _moved(images[:first], boxes[:first], matrices)
            ignored[:first] |= left < LEFT
        if colour:
            factors = 1 + colour * (2 * torch.rand(3, count) - 1)
            images = augmentation.recolour(images, *factors.to(images.device))
        boxes[~present] = 0  # empty rows stay empty
        return {"images": images, "boxes_xyxy": boxes, "present": present, "ignored": ignored & present}

    return augmented


def _moved(images: Tensor, boxes: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return images and boxes (B, P, 4) moved by `matrices`, which do not turn, and the share (B, P) of each box that
    is still inside its image."""
    corners = boxes.unflatten(-1, (2, 2)).flatten(1, 2)  # (B, 2 P, 2)
    seen = torch.ones_like(corners[..., 0], dtype=torch.bool)
    moved = augmentation.warp({"images": images, "keypoints": corners, "visible": seen, "visibility": seen}, matrices)
    whole = moved["keypoints"].unflatten(1, (-1, 2))  # (B, P, 2, 2)
    limits = whole.new_tensor([images.shape[-1] - 1, images.shape[-2] - 1])
    inside = torch.minimum(whole.clamp(min=0), limits)
    areas, whole_areas = (part.diff(dim=2)[:, :, 0].prod(dim=-1) for part in (inside, whole))
    return moved["images"], inside.flatten(2), areas / whole_areas.clamp(min=1e-6)
