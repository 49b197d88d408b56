"""ECRU at a size for a laptop: an encoder that keeps where its maxima came from, and a decoder that puts them back."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.backbones import conv_bn_relu, require_images, standardised

Unpool = Callable[[Tensor, Tensor, tuple[int, int]], Tensor]


class Ecru(nn.Module):
    """An encoder like VGG's and a decoder that is its mirror image; no map is handed over, only pooling indices.

    Images float (B, 3, H, W) in [0, 1], each side 16 pixels or more -> logits (B, C, H, W). Four times a block of two
    3 x 3 convolutions (the first, where they cost most, of one) is followed by 2 x 2 max pooling that also returns
    indices; on the way back each step unpools with them and convolves the map, three quarters of it zero, until dense.

    Args:
        num_classes: C.
        unpool: `unpool(features, indices, output_size)` -> the large map, such as `unpool_with_indices`.
        width: channels of the first block; the next ones have 2, 4 and 8 times as many.
    Source: Yasrab 2018, "ECRU: An Encoder-Decoder Based Convolution Neural Network (CNN) for Road-Scene Understanding",
    which has the 16 convolutions of VGG-19; the indices are from Badrinarayanan, Kendall and Cipolla 2017, "SegNet".
    """

    def __init__(self, num_classes: int, unpool: Unpool, width: int = 8):
        super().__init__()
        if min(num_classes, width) < 1:
            raise ValueError(f"num_classes is {num_classes}, width {width}; expected 1 or more of each.")
        if not callable(unpool):
            raise TypeError(f"unpool is a {type(unpool).__name__}; expected a function such as unpool_with_indices.")
        self.unpool = unpool
        widths = [width, 2 * width, 4 * width, 8 * width]
        steps = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList([conv_bn_relu(3, width), *(block(a, b) for a, b in steps)])
        self.up = nn.ModuleList([*(block(b, a) for a, b in reversed(steps)), conv_bn_relu(width, width)])
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        require_images(images)
        if min(images.shape[-2:]) < 2 ** len(self.down):
            height, width = images.shape[-2:]
            raise ValueError(f"images have {height} x {width} pixels; each side needs {2 ** len(self.down)} or more.")
        x, pooled = standardised(images), []
        for stage in self.down:
            large = stage(x)
            x, indices = F.max_pool2d(large, 2, return_indices=True)
            pooled.append((indices, (large.shape[-2], large.shape[-1])))
        for stage, (indices, size) in zip(self.up, reversed(pooled), strict=True):
            x = stage(self.unpool(x.float(), indices, size))  # x is half as precise where training is
        logits: Tensor = self.classify(x)
        return logits


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return two 3 x 3 convolutions with batch norm and ReLU."""
    return nn.Sequential(conv_bn_relu(in_channels, out_channels), conv_bn_relu(out_channels, out_channels))
