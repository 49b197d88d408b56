"""One check for shapes and dtypes, so that every function refuses bad input with the same kind of sentence."""

from __future__ import annotations

import torch
from torch import Tensor


def require(name: str, tensor: Tensor, shape: str, *dtypes: torch.dtype, known: dict[str, int] | None = None) -> dict:
    """Return the sizes bound to the letters of `shape`, after checking that `tensor` fits it.

    Args:
        name: what the caller calls the tensor, for the message.
        shape: sizes split by spaces: a number must match, a letter stands for any size but for one size only.
        dtypes: those allowed; none means any.
        known: letters that are bound already, from an earlier call.
    Raises:
        TypeError: not a tensor, or another dtype.
        ValueError: another shape.
    Example: require("images", images, "N 3 H W", torch.uint8) returns {"N": 8, "H": 128, "W": 128}.
    """
    if not isinstance(tensor, Tensor):
        wanted = shape.replace(" ", ", ")
        raise TypeError(f"{name} is a {type(tensor).__name__}; expected a tensor of shape ({wanted}).")
    if dtypes and tensor.dtype not in dtypes:
        wanted = " or ".join(str(d).removeprefix("torch.") for d in dtypes)
        raise TypeError(f"{name} has dtype {str(tensor.dtype).removeprefix('torch.')}; expected {wanted}.")
    sizes, letters = dict(known or {}), shape.split()
    fits = tensor.ndim == len(letters)
    for size, letter in zip(tensor.shape, letters, strict=False):
        expected = int(letter) if letter.isdigit() else sizes.setdefault(letter, size)
        fits = fits and size == expected
    if not fits:
        with_numbers = ", ".join(f"{x}={known[x]}" if known and x in known else x for x in letters)
        hint = " Add a batch axis: x[None]." if tensor.ndim == len(letters) - 1 else ""
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}; expected ({with_numbers}).{hint}")
    return sizes
