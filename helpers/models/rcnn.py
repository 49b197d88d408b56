"""Mask R-CNN and Keypoint R-CNN as torchvision has them, trained on COCO: top-down at full size, to look at.

On a CPU an image takes seconds. The weights (178 and 237 MB) are downloaded once.
Source: He, Gkioxari, Dollar and Girshick 2017, "Mask R-CNN".
"""

import socket
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.shapes import require

__all__ = ["WeightsUnavailable", "detected_people", "find_people", "load_keypoint_rcnn", "load_mask_rcnn"]

KEYPOINT_RCNN = "https://download.pytorch.org/models/keypointrcnn_resnet50_fpn_coco-fc266e95.pth"
MASK_RCNN = "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
PERSON = 1  # the label of people, in COCO's numbering
CLEARLY_THERE = 2.0  # the keypoint score from which Detectron, where these networks come from, draws a keypoint


class WeightsUnavailable(RuntimeError):
    """Raised where no trained weights can be had on this machine; says what is missing."""


def load_keypoint_rcnn() -> nn.Module:
    """Return torchvision's Keypoint R-CNN with a ResNet-50 and feature pyramid, trained on COCO, in eval mode.

    Raises WeightsUnavailable: they are not on this machine and cannot be downloaded, or the file is damaged.
    """
    return _with_weights(keypoint_rcnn(), "Keypoint R-CNN", KEYPOINT_RCNN)


def load_mask_rcnn() -> nn.Module:
    """Return torchvision's Mask R-CNN, otherwise as `load_keypoint_rcnn` does."""
    return _with_weights(mask_rcnn(), "Mask R-CNN", MASK_RCNN)


def keypoint_rcnn(**options: object) -> nn.Module:
    """Return an untrained Keypoint R-CNN, people and background, 17 keypoints; `options` are torchvision's own."""
    from torchvision.models.detection import KeypointRCNN

    model: nn.Module = KeypointRCNN(_backbone(), num_classes=2, num_keypoints=17, **options)
    return model


def mask_rcnn(**options: object) -> nn.Module:
    """Return an untrained Mask R-CNN of COCO's 91 labels; `options` are those of torchvision's MaskRCNN."""
    from torchvision.models.detection import MaskRCNN

    model: nn.Module = MaskRCNN(_backbone(), num_classes=91, **options)
    return model


def _backbone() -> nn.Module:
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.ops import FrozenBatchNorm2d

    net: nn.Module = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=0)
    for module in net.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0  # as it was when the weights were trained (pytorch/vision, pull request 2933)
    return net


@torch.inference_mode()
def find_people(model: nn.Module, images: Tensor | Sequence[Tensor], threshold: float = 0.7) -> list[dict[str, Tensor]]:
    """Return the people that `model` finds in each image, see `detected_people`.

    Args:
        model: as `load_keypoint_rcnn` or `load_mask_rcnn` returns it.
        images: float (B, 3, H, W) in [0, 1], or a list of (3, H, W) of any sizes.
    """
    for number, image in enumerate(images):
        require(f"images[{number}]", image, "3 H W", torch.float32)
    return [detected_people(model([image])[0], threshold) for image in images]


def detected_people(output: dict[str, Tensor], threshold: float = 0.7) -> dict[str, Tensor]:
    """Return the people in what torchvision's R-CNN says of one image: other labels and low scores are left out.

    The scores of Keypoint R-CNN's keypoints are heights of maps before any softmax, no probabilities (pytorch/vision,
    issue 7063). Here a keypoint's score is sigmoid(height - 2) times that of its person: half of it at the height from
    which Detectron draws a keypoint. A confidence to rank and draw by, no more.

    Args:
        output: one entry of the list that the network returns.
        threshold: people with this score or less are left out.
    Returns:
        what `pictures.masks_and_boxes` draws: "boxes" float (M, 4), pixels, and "scores" (M,), the surest first;
        with Keypoint R-CNN "keypoints" (M, K, 3), x, y in pixels and score in (0, 1]; with Mask R-CNN "masks" bool
        (M, H, W).
    """
    scores = output["scores"]
    order = scores.argsort(descending=True, stable=True)
    kept = order[(output["labels"][order] == PERSON) & (scores[order] > threshold)]
    people = {"boxes": output["boxes"][kept], "scores": scores[kept]}
    if "keypoints" in output:
        surely = torch.sigmoid(output["keypoints_scores"][kept] - CLEARLY_THERE) * scores[kept, None]
        surely = surely.clamp(min=1e-6)  # 0 would be a keypoint that is missing
        people["keypoints"] = torch.cat([output["keypoints"][kept, :, :2], surely[:, :, None]], dim=2)
    if "masks" in output:
        people["masks"] = output["masks"][kept, 0] > 0.5
    return people


def _with_weights(model: nn.Module, name: str, url: str) -> nn.Module:
    """Return the model with the file at `url` from torch's cache, downloaded if need be."""
    from torch import hub

    path = Path(hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)  # seconds without a word of the server
    try:  # weights_only: no code of the file runs
        tensors = hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
    except Exception as error:  # of any kind, where the file is no pickle
        if path.exists():  # one that was there already, cut short or changed
            what_to_do = f"Delete it, and the next call downloads {name}'s weights anew."
            raise WeightsUnavailable(f"{path} is damaged ({str(error)[:100]}). {what_to_do}") from error
        problem = f"{name}'s COCO weights are not on this machine and could not be downloaded ({error})"
        ask = f"Connect to a network and try again, or put {url} into {path.parent}."
        raise WeightsUnavailable(f"{problem}. {ask}") from error
    finally:
        socket.setdefaulttimeout(patience)
    try:
        model.load_state_dict(tensors)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsUnavailable(f"The file holds other weights than {name}'s: {reason}") from error
    return model.eval()
