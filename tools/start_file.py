"""Writes weights that networks of the course start from into data/, small enough to be shipped."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers.files import atomically
from helpers.people.poses import DATA

__all__ = ["write_start"]


def write_start(layers: nn.Module, name: str, **notes: object) -> Path:
    """Return the path of data/NAME.safetensors, which now holds the weights, and `notes` on where they come from.

    Convolutions are written as float16: three digits are enough to start from. What batch norm has counted stays
    float32, for its spreads may be larger than float16 can say.
    """
    path = DATA / f"{name}.safetensors"
    tensors = {key: _short(tensor.detach().cpu()) for key, tensor in layers.state_dict().items()}
    with atomically(path) as part:
        save_file(tensors, part, {key: str(value) for key, value in notes.items()})
    return path


def _short(tensor: Tensor) -> Tensor:
    short = tensor.to(torch.float16) if tensor.ndim > 1 else tensor
    if not bool(short.isfinite().all()):
        raise ValueError("A weight is too large for float16.")
    return short.contiguous()
