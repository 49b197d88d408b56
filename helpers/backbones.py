"""Networks that turn an image into a feature map; what comes after it is the exercise.

Every backbone takes images, float (B, 3, H, W) in [0, 1], to one feature map (B, out_channels, H / stride, W / stride),
and tells `out_channels` and `stride`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SmallBackbone(nn.Module):
    """A small residual network that trains in a minute on two CPU cores.

    Three times the map is halved and the channels double; between, residual blocks look around.
    """

    stride = 8

    def __init__(self, out_channels: int = 128):
        super().__init__()
        if out_channels < 8 or out_channels % 4:
            raise ValueError(f"out_channels is {out_channels}; expected a multiple of 4, 8 or more.")
        self.out_channels = out_channels
        c1, c2, c3 = out_channels // 4, out_channels // 2, out_channels
        self.layers = nn.Sequential(
            conv_bn_relu(3, c1, stride=2),
            conv_bn_relu(c1, c2, stride=2), ResidualBlock(c2),
            conv_bn_relu(c2, c3, stride=2), ResidualBlock(c3), ResidualBlock(c3),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(_centred(images))


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to their input (He et al. 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn_relu(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def conv_bn_relu(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution, batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True),
    )


def _centred(images: Tensor) -> Tensor:
    """Return images with about zero mean and unit spread; refuses what is no batch of float images."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, 3, H, W). One image needs a "
                         "batch axis: images[None].")
    if not images.is_floating_point():
        raise TypeError(f"images have dtype {images.dtype}; expected float in [0, 1]: images.float() / 255.")
    return (images - 0.45) / 0.25


def small_backbone(out_channels: int = 128) -> SmallBackbone:
    """Return the course's default backbone: stride 8, made for images of about 128 x 128."""
    return SmallBackbone(out_channels)


class Pretrainable(nn.Module):
    """A network trained for ImageNet without its last layers, fed with ImageNet's mean and spread."""

    def __init__(self, layers: nn.Module, out_channels: int, stride: int):
        super().__init__()
        self.layers, self.out_channels, self.stride = layers, out_channels, stride
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        _centred(images[:1])  # the same refusals
        return self.layers((images - self.mean) / self.std)


def resnet18_backbone(pretrained: bool = False) -> Pretrainable:
    """Return torchvision's ResNet-18 up to its last feature map: 512 channels, stride 32.

    Args:
        pretrained: start from ImageNet weights, which torchvision downloads once (45 MB).
    Raises:
        ConnectionError: the weights are not on this machine and cannot be downloaded.
    """
    from torchvision.models import ResNet18_Weights, resnet18

    try:
        net = resnet18(weights=ResNet18_Weights.IMAGENET1K_V1 if pretrained else None)
    except (OSError, RuntimeError) as error:  # no network, or a download that was cut short
        raise ConnectionError(
            f"ResNet-18's ImageNet weights are not on this machine and could not be downloaded ({error}). Connect to "
            "a network, or take helpers.efficientnet_lite0_backbone(): its weights come as a Python package.") from error
    return Pretrainable(nn.Sequential(*list(net.children())[:-2]), 512, 32)
