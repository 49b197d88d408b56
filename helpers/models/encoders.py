"""Networks that turn an image into feature maps of several sizes, and what joins them with a decoder.

Every encoder takes images, float (B, 3, H, W) in [0, 1], to a list of maps, high resolution first, and tells their
`out_channels` and `stride`, one of each for every map.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.backbones import ResidualBlock, conv_bn_relu, require_images, standardised
from helpers.shapes import require


class SmallEncoder(nn.Module):
    """A small residual network whose stages each halve the map and hand it out: strides 2, 4, 8, 16, ...

    Odd sizes are rounded up: 45 rows become 23, 12, 6 and 3. The first map, the largest, is made by one convolution;
    residual blocks look around on the smaller ones, where they cost little.

    Args:
        out_channels: channels of each stage's map, high resolution first.
    """

    def __init__(self, out_channels: Sequence[int] = (12, 24, 48, 96)):
        super().__init__()
        self.out_channels = list(out_channels)
        if not self.out_channels or min(self.out_channels) < 1:
            raise ValueError(f"out_channels is {tuple(out_channels)}; expected a number, 1 or more, for each stage.")
        self.stride = [2 ** (stage + 1) for stage in range(len(self.out_channels))]
        self.stages = nn.ModuleList()
        for stage, channels in enumerate(self.out_channels):
            below = self.out_channels[stage - 1] if stage else 3
            blocks = [ResidualBlock(channels)] if stage else []
            self.stages.append(nn.Sequential(conv_bn_relu(below, channels, stride=2), *blocks))

    def forward(self, images: Tensor) -> list[Tensor]:
        require_images(images)
        x, features = standardised(images), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def small_encoder() -> SmallEncoder:
    """Return the course's default encoder: four stages, made for images of about 128 x 128."""
    return SmallEncoder()


class Segmenter(nn.Module):
    """An encoder and a decoder in a row: images float (B, 3, H, W) in [0, 1] -> logits (B, C, H, W).

    A decoder gives twice the size of the first map; what that has more than an odd image, a last row or column, goes.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        given: dict[str, object] = {"encoder": encoder, "decoder": decoder}
        for name, module in given.items():
            if not isinstance(module, nn.Module):
                hint = ": call the class to build one." if isinstance(module, type) else "."
                raise TypeError(f"{name} is a {type(module).__name__}; expected an nn.Module{hint}")
        self.encoder, self.decoder = encoder, decoder

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder(images)
        logits = self.decoder(features)
        height, width = features[0].shape[-2:]
        if not isinstance(logits, Tensor) or logits.ndim != 4 or logits.shape[-2:] != (2 * height, 2 * width):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
            got = f"The decoder returned {got} for features of {height} x {width} and less"
            raise ValueError(f"{got}; expected logits (B, C, {2 * height}, {2 * width}), twice the first map.")
        return logits[..., : images.shape[-2], : images.shape[-1]]


def pad_or_crop(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return maps (B, C, *size): cropped where they are too large, padded with zeros where they are too small.

    As much is added or taken on either side; of an odd number, the last row or column more is added, the first more is
    taken.
    Example: rows 1, 2, 3 fitted to two are 2, 3; rows 1, 2 fitted to three are 1, 2, 0.
    """
    sizes = require("maps", maps, "B C H W")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {tuple(size)}; expected (H, W), each 1 or more.")
    more_h, more_w = size[0] - sizes["H"], size[1] - sizes["W"]
    return F.pad(maps, (more_w // 2, more_w - more_w // 2, more_h // 2, more_h - more_h // 2))


fit_to = pad_or_crop  # as the notebook of exercise 3 knows it
