"""Backbones that ImageNet weights exist for: ResNet-18 and EfficientNet-Lite0."""

import contextlib
import socket
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from helpers.models.backbones import load_start, require_images
from helpers.models.efficientnet import efficientnet_lite0

RGB = tuple[float, float, float]


class WeightsUnavailable(RuntimeError):
    """Raised where no ImageNet weights can be had on this machine; says what is missing."""


class PretrainableBackbone(nn.Module):
    """Layers that ImageNet weights exist for, fed with the mean and spread that they were trained with."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: nn.Module, out_channels: int, stride: int, mean: RGB, std: RGB):
        super().__init__()
        self.name, self.layers, self.out_channels, self.stride = name, layers, out_channels, stride
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        require_images(images)
        features: Tensor = self.layers((images - self.mean) / self.std)
        return features


def pretrainable_backbone(pretrained: bool = False) -> PretrainableBackbone:
    """Return the backbone whose ImageNet weights the course brings, with or without them: EfficientNet-Lite0.

    So one network can be trained from both starts.
    """
    return efficientnet_lite0_backbone(pretrained)


def resnet18_backbone(pretrained: bool = False) -> PretrainableBackbone:
    """Return torchvision's ResNet-18 up to its last feature map: 512 channels, stride 32.

    Args:
        pretrained: start from ImageNet weights, which torchvision downloads once (45 MB).
    Raises:
        WeightsUnavailable: they are not on this machine and cannot be downloaded.
    """
    from torchvision.models import resnet18

    net = resnet18(weights=None)
    if pretrained:
        net.load_state_dict(_resnet18_weights())
    layers = nn.Sequential(*list(net.children())[:-2])  # without pooling and classifier
    return PretrainableBackbone("ResNet-18", layers, 512, 32, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def efficientnet_lite0_backbone(pretrained: bool = False) -> PretrainableBackbone:
    """Return EfficientNet-Lite0 up to its last map of stride 16: 112 channels; light enough for a CPU.

    Args:
        pretrained: start from the ImageNet weights in data/efficientnet_lite0.safetensors.
    """
    net = efficientnet_lite0()
    if pretrained:
        load_start(net, "efficientnet_lite0")
    return PretrainableBackbone("EfficientNet-Lite0", net, 112, 16, (0.498, 0.498, 0.498), (0.502, 0.502, 0.502))


def _resnet18_weights() -> dict[str, Tensor]:
    """Return ResNet-18's ImageNet weights from torch's cache, downloaded if need be."""
    from torchvision.models import ResNet18_Weights

    try:
        with patience():
            weights: dict[str, Tensor] = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network, or a download that was cut short
        raise WeightsUnavailable(
            f"ResNet-18's ImageNet weights are not on this machine and could not be downloaded ({error}). Connect to a "
            "network, or take helpers.efficientnet_lite0_backbone(pretrained=True), whose weights are here."
        ) from error
    return weights


@contextlib.contextmanager
def patience(seconds: float = 20) -> Iterator[None]:
    """Wait at most so long for each answer of a server."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
