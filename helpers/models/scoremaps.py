"""What surrounds scoremaps: from image to map and back, losses on maps, and a network made of maps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.backbones import ResidualBlock, conv_bn_relu, require_images, standardised
from helpers.shapes import require, require_maps

__all__ = ["StackedHourglass", "focal_cross_entropy", "map_cross_entropy", "map_divergence", "to_image", "to_map"]


def to_map(keypoints: Tensor, stride: float) -> Tensor:
    """Return keypoints (..., 2) in pixels of a map whose pixels are `stride` wide, from pixels of the image.

    Pixel centres lie at whole numbers in both, so half a pixel is added before the division and taken off after it.
    """
    return (keypoints + 0.5) / stride - 0.5


def to_image(keypoints: Tensor, stride: float) -> Tensor:
    """Return keypoints (..., 2) in pixels of the image, from pixels of a map: the way back from `to_map`."""
    return (keypoints + 0.5) * stride - 0.5


def map_cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy between target maps, each taken as a distribution over its pixels, and the scores.

    Unlike a squared difference it cannot be made small by answering zero: the probabilities of a map sum to one.

    Args:
        scores: float (B, K, H, W), before any softmax.
        target: float (B, K, H, W), 0 or more; a map that is zero everywhere does not count.
    Returns:
        a scalar, the mean over the maps that count; 0, still attached to `scores`, if none does.
    """
    require("target", target, "B K H W", known=require_maps("scores", scores))
    wanted, known = _distributions(target)
    losses = -(wanted * F.log_softmax(scores.flatten(2), dim=-1)).sum(dim=-1)  # (B, K)
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def focal_cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of every pixel with its target in [0, 1], weighed by the square of its error.

    Most pixels of a map are empty and soon right: unweighed they would drown the few that are not.

    Scores before the sigmoid and targets are float of one shape, which the result has, too: it is not summed.
    Source: Li et al. 2020, "Generalized Focal Loss".
    """
    losses = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    return losses * (scores.sigmoid() - target).square()


def map_divergence(scores: Tensor, target: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence between the softmax of the scores and the targets as distributions, in nats.

    Args and what is returned: as for `map_cross_entropy`; from 0 for equal maps to ln 2.
    Source: Nibali et al. 2018, "Numerical Coordinate Regression with Convolutional Neural Networks", section 3.4.
    """
    require("target", target, "B K H W", known=require_maps("scores", scores))
    wanted, known = _distributions(target)
    found = torch.softmax(scores.flatten(2), dim=-1)
    middle = (wanted + found) / 2
    losses = (_relative_entropy(wanted, middle) + _relative_entropy(found, middle)) / 2
    return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)


def _distributions(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maps as distributions (B, K, H * W), and bool (B, K): those that are not zero everywhere."""
    flat = target.flatten(2)  # (B, K, H * W)
    total = flat.sum(dim=-1)
    return flat / total.clamp(min=torch.finfo(flat.dtype).tiny).unsqueeze(-1), total > 0


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    tiny = torch.finfo(p.dtype).tiny  # where p is 0 its logarithm does not count
    return (p * (p.clamp(min=tiny).log() - q.clamp(min=tiny).log())).sum(dim=-1)


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
        require_images(images, multiple=self.stride * 2**self.depth)
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
