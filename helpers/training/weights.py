"""Weights on disk, as safetensors only: a file of numbers, which cannot run code when it is opened."""

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers.files import atomically


def save_weights(
    model: nn.Module | dict[str, Tensor], path: str | os.PathLike[str], aside: Path | None = None, **notes: object
) -> Path:
    """Return the path of the file that now holds the weights of `model`, written whole or not at all.

    Args:
        model: or what its `state_dict` had returned.
        aside: the name that the file gets which is there now.
        notes: what to remember beside the weights (metric, epoch, ...), kept as text; `read_tensors` gives it back.
    """
    path = safetensors_path(path)
    tensors = model.state_dict() if isinstance(model, nn.Module) else model
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        with atomically(path) as part:
            save_file(tensors, part, {name: str(value) for name, value in notes.items()})
            if aside is not None:
                os.replace(path, aside)
    except (OSError, SafetensorError) as error:  # the latter of a full disk
        ask = "Is there such a folder, may you write to it, and is the disk full?"
        raise OSError(f"{path} cannot be written ({getattr(error, 'strerror', None) or error}). {ask}") from error
    return path


def load_weights(model: nn.Module, path: str | os.PathLike[str]) -> nn.Module:
    """Return `model` with the weights of the file: every name and shape must fit, or nothing is changed.

    Raises FileNotFoundError: no such file; ValueError: no safetensors file, damaged, or of another model, told in what.
    """
    tensors, _ = read_tensors(path)
    if wrong := differences(model.state_dict(), tensors):
        problem = f"The weights in {path} are of another model: {wrong}"
        raise ValueError(f"{problem}. Train and save this model again, or build the one that was saved.")
    model.load_state_dict(tensors)
    return model


def differences(own: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> str:
    """Return in what the tensors of a file differ from a model's own, by name and shape; "" where they fit."""
    wrong = [f"{name} is missing" for name in own if name not in theirs]
    wrong += [f"{name} is unknown to the model" for name in theirs if name not in own]
    both = [(name, tuple(theirs[name].shape), tuple(own[name].shape)) for name in own if name in theirs]
    wrong += [f"{name} is {their}, the model's {ours}" for name, their, ours in both if their != ours]
    return "; ".join(wrong[:4]) + (f"; and {len(wrong) - 4} more" if len(wrong) > 4 else "")


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a safetensors file, by name, and the notes that were saved with them."""
    path = safetensors_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {path}. Run the cell that trains and saves it first.")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable safetensors file ({error}). Train and save again.") from error


def safetensors_path(path: str | os.PathLike[str]) -> Path:
    """Return `path`, after checking that its name is that of a safetensors file."""
    path = Path(path)
    if path.suffix != ".safetensors":
        why = "a pickle (.pt, .pth, .ckpt) can run code when it is opened. Save with helpers.save_weights."
        raise ValueError(f"{path} does not end in .safetensors, the one kind of weights file used here: {why}")
    return path
