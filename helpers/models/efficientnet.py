"""EfficientNet-Lite0 up to stride 16, whose ImageNet weights the course brings (Tan and Le 2019)."""

import torch.nn.functional as F
from torch import Tensor, nn

from helpers.models.backbones import load_start, require_images

# how much wider inside, kernel size, stride of the first block, output channels, number of blocks
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3))


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow does it, where these weights come from: with stride 2 and an even size the
    odd pixel of padding goes to the right and to the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []  # the last axis first, as F.pad wants them
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class InvertedResidual(nn.Module):
    """Widen with 1 x 1, look around channel by channel, narrow with 1 x 1 (Sandler et al. 2018)."""

    def __init__(self, in_channels: int, expand: int, kernel: int, stride: int, out_channels: int):
        super().__init__()
        wide = in_channels * expand
        self.layers = nn.Sequential(
            *(conv_bn(in_channels, wide, 1) if expand > 1 else []),
            *conv_bn(wide, wide, kernel, stride, groups=wide),
            *conv_bn(wide, out_channels, 1)[:2],
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        narrow: Tensor = self.layers(x)
        return x + narrow if self.adds else narrow


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Return a convolution, batch norm and ReLU6."""
    convolution = Conv(in_channels, out_channels, kernel, stride, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01), nn.ReLU6()]


def efficientnet_lite0() -> nn.Sequential:
    """Return the layers from image to stride 16: 112 channels."""
    blocks, channels = [], 32
    for expand, kernel, stride, out_channels, count in STAGES:
        for number in range(count):
            blocks.append(InvertedResidual(channels, expand, kernel, stride if number == 0 else 1, out_channels))
            channels = out_channels
    return nn.Sequential(*conv_bn(3, 32, 3, 2), *blocks)


class PretrainableBackbone(nn.Module):
    """The layers, fed with the mean and spread that they were trained with."""

    name, out_channels, stride = "EfficientNet-Lite0", 112, 16

    def __init__(self) -> None:
        super().__init__()
        self.layers = efficientnet_lite0()

    def forward(self, images: Tensor) -> Tensor:
        require_images(images)
        features: Tensor = self.layers((images - 0.498) / 0.502)
        return features


def pretrainable_backbone(pretrained: bool = False) -> PretrainableBackbone:
    """Return EfficientNet-Lite0 up to its last map of stride 16: 112 channels; light enough for a CPU.

    Args:
        pretrained: start from the ImageNet weights in data/efficientnet_lite0.safetensors. So one network can be
            trained from both starts.
    """
    backbone = PretrainableBackbone()
    if pretrained:
        load_start(backbone.layers, "efficientnet_lite0")
    return backbone
