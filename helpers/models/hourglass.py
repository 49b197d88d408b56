"""A small stacked hourglass."""

import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.backbones import ResidualBlock, conv_bn_relu, standardised

__all__ = ["StackedHourglass"]


class StackedHourglass(nn.Module):
    """Two or more hourglasses, each of which looks at the image's features and at the maps of the one before it.

    Images float (B, 3, H, W) in [0, 1] -> a tuple of scoremaps (B, K, H / 4, W / 4), one per hourglass, the last one
    the best. The loss is taken on all of them, or the first would not know that its maps are to be maps.

    Args:
        num_keypoints: K.
        stacks: number of hourglasses.
        channels: of the features in between.
        depth: how often a hourglass halves its map; H and W must be divisible by 4 * 2 ** depth.
    Source: Newell, Yang and Deng 2016, "Stacked Hourglass Networks for Human Pose Estimation", at a size for a laptop.
    """

    stride = 4

    def __init__(self, num_keypoints: int, stacks: int = 2, channels: int = 48, depth: int = 3):
        super().__init__()
        if min(num_keypoints, stacks, channels, depth) < 1:
            got = f"num_keypoints is {num_keypoints}, stacks {stacks}, channels {channels}, depth {depth}"
            raise ValueError(f"{got}; expected 1 or more of each.")
        self.depth = depth
        self.stem = nn.Sequential(conv_bn_relu(3, 16, stride=2), conv_bn_relu(16, channels, stride=2))
        self.hourglasses = nn.ModuleList(Hourglass(channels, depth) for _ in range(stacks))
        self.back = nn.ModuleList(nn.Conv2d(num_keypoints, channels, 1) for _ in range(stacks - 1))
        self.heads = nn.ModuleList(nn.Conv2d(channels, num_keypoints, 1) for _ in range(stacks))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        multiple = self.stride * 2**self.depth
        if images.shape[-2] % multiple or images.shape[-1] % multiple:
            got = f"images have shape {tuple(images.shape)}"
            raise ValueError(f"{got}; expected height and width divisible by {multiple}.")
        features, maps = self.stem(standardised(images)), []
        for index, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            seen = hourglass(features)
            maps.append(head(seen))
            if index < len(self.back):
                features = features + seen + self.back[index](maps[-1])
        return tuple(maps)


class Hourglass(nn.Module):
    """Halves a map `depth` times and puts it together again, with a residual block on each size on the way down."""

    def __init__(self, channels: int, depth: int):
        super().__init__()
        self.here = ResidualBlock(channels)
        self.below = Hourglass(channels, depth - 1) if depth > 1 else ResidualBlock(channels)

    def forward(self, x: Tensor) -> Tensor:
        here: Tensor = self.here(x)
        return here + F.interpolate(self.below(F.max_pool2d(x, 2)), scale_factor=2)
