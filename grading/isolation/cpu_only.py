"""Code written for a GPU, run on the CPU."""

from __future__ import annotations

import functools
import re
from typing import Any

__all__ = ["make_factories_gentle", "run_gently_without_gpu"]

FACTORIES = (
    "arange as_tensor empty empty_like empty_strided eye full full_like linspace load logspace ones ones_like rand "
    "rand_like randint randint_like randn randn_like randperm tensor zeros zeros_like"
).split()
DEVICE = re.compile(r"(cuda|mps|xpu)(:\d+)?")
NEW = ("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros")


def run_gently_without_gpu() -> None:
    """Let `.cuda()`, `.to("cuda")`, `.to("mps")` stay on the CPU: code for a GPU is judged for what it computes.

    torch.compile gives back what it was given, for there is no compiler here.
    """
    import torch

    _replace(torch, compile=lambda model=None, **options: (lambda function: function) if model is None else model)
    if torch.cuda.is_available():
        return
    for kind in (torch.Tensor, torch.nn.Module):
        _replace(kind, to=_gentle(kind.to), cuda=lambda self, *args, **kwargs: self)
    nothing = dict.fromkeys(("synchronize", "reset_peak_memory_stats"), lambda *args, **kwargs: None)
    _replace(torch.cuda, **nothing)
    _replace(torch.mps, synchronize=nothing["synchronize"], empty_cache=nothing["synchronize"])


@functools.cache
def make_factories_gentle() -> None:
    """Let `device="cuda"` and `map_location="cuda"` mean the CPU wherever tensors are made.

    Done once a cell speaks of it, since torch.jit.script knows torch's own functions only.
    """
    import torch

    if not torch.cuda.is_available():
        for owner, names in ((torch, FACTORIES), (torch.Tensor, NEW)):
            _replace(owner, **{name: _gentle(getattr(owner, name)) for name in names})


def _replace(owner: Any, **functions: Any) -> None:
    """Put functions of our own in the places of a module's or a class's."""
    for name, function in functions.items():
        setattr(owner, name, function)


def _gentle(function: Any) -> Any:
    """Return the function with every argument that says "cuda" or "mps" turned into "cpu"."""

    @functools.wraps(function)
    def gentle(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_here, args), **{key: _here(value) for key, value in kwargs.items()})

    return gentle


def _here(value: Any) -> Any:
    """Return a value, with a device that is not here turned into the CPU."""
    import torch

    if isinstance(value, (str, torch.device)):
        return "cpu" if DEVICE.fullmatch(str(value)) else value  # and not a file called cuda.pt
    return value
