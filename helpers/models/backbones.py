"""Networks that turn an image into a feature map; what comes after it is the exercise.

Every backbone takes images, float (B, 3, H, W) in [0, 1], to one feature map (B, out_channels, H / stride, W / stride),
and tells `out_channels` and `stride`.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.people.poses import DATA


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
        first = conv_bn_relu(channels, channels)
        second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.layers = nn.Sequential(first, second, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def conv_bn_relu(in_channels: int, out_channels: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a `size` x `size` convolution, batch norm and ReLU."""
    convolution = nn.Conv2d(in_channels, out_channels, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def standardised(images: Tensor) -> Tensor:
    """Return images in [0, 1] with about zero mean and unit spread."""
    return (images - 0.45) / 0.25


def require_images(images: Tensor, multiple: int = 1) -> None:
    """Check that `images` are a batch of images, float (B, 3, H, W), of sides that are divisible by `multiple`."""
    if images.ndim != 4 or images.shape[1] != 3:
        hint = "One image needs a batch axis: images[None]."
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, 3, H, W). {hint}")
    if not images.is_floating_point():
        raise TypeError(f"images have dtype {images.dtype}; expected float in [0, 1]: images.float() / 255.")
    if images.shape[-2] % multiple or images.shape[-1] % multiple:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected height and width divisible by {multiple}.")


class FineBackbone(nn.Module):
    """A small network that goes down to stride 16 to see much and comes back to stride 4 to see where.

    Made for people about 50 pixels tall: crops of 64 x 48, scenes of 96 x 128. Work at stride 4 is dear, so nearly all
    of it is done further down, and what is known there is added on the way back. Height and width must be divisible
    by 16.
    """

    stride = 4

    def __init__(self, out_channels: int = 48):
        super().__init__()
        if out_channels < 1:
            raise ValueError(f"out_channels is {out_channels}; expected 1 or more.")
        self.out_channels = out_channels
        c2, c4, c8, c16 = 16, 32, 64, 96  # channels, by stride
        self.down4 = nn.Sequential(conv_bn_relu(3, c2, stride=2), conv_bn_relu(c2, c4, stride=2), ResidualBlock(c4))
        self.down8 = nn.Sequential(conv_bn_relu(c4, c8, stride=2), ResidualBlock(c8))
        self.down16 = nn.Sequential(conv_bn_relu(c8, c16, stride=2), ResidualBlock(c16))
        self.back8, self.mix8 = conv_bn_relu(c16, c8, size=1), ResidualBlock(c8)
        self.back4, self.mix4 = conv_bn_relu(c8, c4, size=1), conv_bn_relu(c4, out_channels)

    def forward(self, images: Tensor) -> Tensor:
        require_images(images, multiple=16)
        x4 = self.down4(standardised(images))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x8 = self.mix8(x8 + F.interpolate(self.back8(x16), scale_factor=2))
        features: Tensor = self.mix4(x4 + F.interpolate(self.back4(x8), scale_factor=2))
        return features


def fine_backbone(out_channels: int = 48, pretrained: bool = False) -> FineBackbone:
    """Return the backbone of exercise 4: stride 4, made for people about 50 pixels tall.

    Args:
        pretrained: start from the weights in data/fine_backbone.safetensors, which have learned from 24,000 rendered
            scenes (tools/bake_backbone.py); they have 48 output channels.
    """
    backbone = FineBackbone(out_channels)
    if pretrained:
        load_start(backbone, "fine_backbone")
    return backbone


def load_start(layers: nn.Module, name: str) -> None:
    """Give the layers the weights of data/NAME.safetensors, which the course brings.

    Raises FileNotFoundError: the file is missing; ValueError: it is damaged, or the layers are of other shapes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = DATA / f"{name}.safetensors"
    try:
        layers.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; it is a part of the course: unpack its bundle again.") from None
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"The weights in {path} do not fit, or are damaged: {reason}") from error


def small_backbone(out_channels: int = 128) -> SmallBackbone:
    """Return the course's default backbone: stride 8, made for images of about 128 x 128."""
    return SmallBackbone(out_channels)
