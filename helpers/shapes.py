"""One check for shapes and dtypes, so that every function refuses bad input with the same kind of sentence."""

from collections.abc import Sequence

import torch
from torch import Tensor

Sizes = dict[str, int]  # by the letters of a shape

VOID = 255  # in a mask: a pixel that counts nowhere


def require(name: str, tensor: object, shape: str, *dtypes: torch.dtype, known: Sizes | None = None) -> Sizes:
    """Return the sizes bound to the letters of `shape`, after checking that `tensor` fits it.

    Args:
        name: what the caller calls the tensor, for the message.
        shape: sizes split by spaces: a number must match, a letter stands for any size but for one size only.
        dtypes: those allowed; none means any.
        known: letters that are bound already, from an earlier call.
    Raises TypeError: not a tensor, or another dtype; ValueError: another shape.
    Example: require("images", images, "N 3 H W", torch.uint8) returns {"N": 8, "H": 128, "W": 128}.
    """
    sizes, letters = dict(known or {}), shape.split()
    tensor = require_tensor(name, tensor, *dtypes, of_shape=f" of shape ({', '.join(letters)})")
    fits = tensor.ndim == len(letters)
    for size, letter in zip(tensor.shape, letters, strict=False):
        expected = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        fits = fits and size == expected
    if not fits:
        with_numbers = ", ".join(f"{x}={known[x]}" if known and x in known else x for x in letters)
        hint = " Add a batch axis: x[None]." if tensor.ndim == len(letters) - 1 else ""
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; expected ({with_numbers}).{hint}")
    return sizes


def require_tensor(name: str, value: object, *dtypes: torch.dtype, of_shape: str = "") -> Tensor:
    """Return `value`, after checking that it is a tensor of one of these dtypes; none means any."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a tensor{of_shape}.")
    if dtypes and value.dtype not in dtypes:
        got, *wanted = (str(dtype).removeprefix("torch.") for dtype in (value.dtype, *dtypes))
        raise TypeError(f"{name} has dtype {got}; expected {' or '.join(wanted)}.")
    return value


def require_maps(name: str, maps: Tensor) -> Sizes:
    """Return the sizes B, K, H, W of scoremaps or fields, after checking that something can be computed from them.

    Raises TypeError unless they are float32 or float64, for half precision is too coarse for places; ValueError if
    they have not four axes or are empty.
    """
    sizes = require(name, maps, "B K H W", torch.float32, torch.float64)
    if maps.numel() == 0:
        got = f"{name} has shape {tuple(maps.shape)}, so there is nothing in it"
        raise ValueError(f"{got}; expected at least one image, one keypoint and one pixel.")
    return sizes


def require_positive(name: str, value: float) -> None:
    """Check that `value` is a number above 0."""
    if not 0 < float(value) < float("inf"):
        raise ValueError(f"{name} is {float(value):g}; expected a number above 0.")


def refuse_nan(name: str, *results: Tensor) -> None:
    """Check that `results`, computed from the tensor called `name`, hold no NaN: then it holds none either. (On a GPU
    Python would have to wait for the answer, so that is left to `fit`, which watches the loss.)"""
    if any(result.isnan().any() for result in results if result.device.type == "cpu"):
        raise ValueError(f"{name} holds NaN: look for a division by zero or a training that diverged.")


def require_same(first: str, a: Tensor, second: str, b: Tensor, dtype: torch.dtype) -> None:
    """Check that two tensors are of the same shape, else ValueError, and of this dtype, else TypeError."""
    for name, tensor in ((first, a), (second, b)):
        require_tensor(name, tensor, dtype)
    if a.shape != b.shape:
        raise ValueError(f"{first} has shape {tuple(a.shape)} and {second} {tuple(b.shape)}; expected the same shape.")


def require_labels(name: str, labels: Tensor, count: int) -> None:
    """Check that whole numbers lie in [0, count): labels of `count` classes, or indices into `count` places. (On a GPU
    Python would have to wait for the answer, so they are taken as they are: sets check their labels once.)"""
    if labels.numel() == 0 or labels.device.type != "cpu":
        return
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= count:
        raise ValueError(f"{name} holds {low if low < 0 else high}; expected whole numbers from 0 to {count - 1}.")


def require_pyramid(name: str, features: object, channels: Sequence[int]) -> None:
    """Check that `features` are the maps of an encoder, one (B, channels[i], h, w) for each of its stages.

    Raises TypeError for what is no list of tensors, ValueError for another number of maps or another shape.
    """
    if isinstance(features, Tensor) or not isinstance(features, Sequence):
        raise TypeError(f"{name} is a {type(features).__name__}; expected a list of {len(channels)} feature maps.")
    if len(features) != len(channels):
        expected = f"{len(channels)}, one for each stage of the encoder, high resolution first."
        raise ValueError(f"{name} holds {len(features)} maps; expected {expected}")
    for index, (maps, count) in enumerate(zip(features, channels, strict=True)):
        require(f"{name}[{index}]", maps, f"B {count} h w")
