"""Writes weights that networks of the course start from into data/, small enough to be shipped."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.people.poses import DATA
from helpers.training.weights import save_weights

__all__ = ["write_start"]


def write_start(layers: nn.Module, name: str, **notes: object) -> Path:
    """Return the path of data/NAME.safetensors, which now holds the weights, and `notes` on where they come from.

    Convolutions are written as float16: three digits are enough to start from. What batch norm has counted stays
    float32, for its spreads may be larger than float16 can say.
    """
    tensors = {key: _short(tensor) for key, tensor in layers.state_dict().items()}
    return save_weights(tensors, DATA / f"{name}.safetensors", **notes)


def _short(tensor: Tensor) -> Tensor:
    short = tensor.to(torch.float16) if tensor.ndim > 1 else tensor
    if not bool(short.isfinite().all()):
        raise ValueError("A weight is too large for float16.")
    return short
