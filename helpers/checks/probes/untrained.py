"""Pretrained builders, built without their weights.

`build_model` may start from `resnet18(weights=...)`. Where a weights file takes the place of all weights, what the
builder would download is for nothing, and in grading nothing can be downloaded. So there, and in the notebook's check
of the model, builders find no weights and leave the network as it was drawn.

torch.hub's functions are replaced in their code alone: whoever has imported one by name has the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

__all__ = ["build_untrained", "built_untrained"]


_for_good: list[bool] = []  # in a worker, where what is replaced is watched over


@contextlib.contextmanager
def built_untrained() -> Iterator[None]:
    """Let builders find no pretrained weights, and torch.hub no code but torchvision's."""
    replaced = [] if _for_good else _replacements()
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    try:
        _put(replaced)
        yield
    finally:
        _put(before)


def build_untrained() -> None:
    """Do so for good: in a worker, where nothing can be downloaded."""
    _for_good.append(True)
    _put(_replacements())


Replaced: TypeAlias = list[tuple[Any, str, Any]]  # whose attribute, its name, what it is


def _put(attributes: Replaced) -> None:
    for owner, name, value in attributes:
        setattr(owner, name, value)


def _replacements() -> Replaced:
    import safetensors.torch
    import torch

    return [
        (torch.nn.Module, "load_state_dict", _unless_empty(torch.nn.Module.load_state_dict)),
        (torch, "load", _unless_missing(torch.load)),
        (safetensors.torch, "load_file", _unless_missing(safetensors.torch.load_file)),
        (torch.hub.load_state_dict_from_url, "__code__", _no_weights.__code__),
        (torch.hub.download_url_to_file, "__code__", _nothing.__code__),
        (torch.hub.load, "__code__", _of_torchvision.__code__),
    ]


def _unless_empty(load_state_dict: Callable[..., Any]) -> Callable[..., Any]:
    """Return a module's method that loads weights, doing nothing where there are none."""

    def load(self: Any, state_dict: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(state_dict, Mapping) and not state_dict:
            from torch.nn.modules.module import _IncompatibleKeys

            return _IncompatibleKeys([], [])
        return load_state_dict(self, state_dict, *arguments, **options)

    return load


def _unless_missing(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that reads a file, giving no weights where it is not there: it was not handed in."""

    def loaded(*arguments: Any, **options: Any) -> Any:
        try:
            return load(*arguments, **options)
        except (FileNotFoundError, PermissionError):
            return _no_weights()

    return loaded


# --- code that stands in for that of torch.hub: it finds no name of this module ---------------------------------------


def _no_weights(*arguments: Any, **options: Any) -> Any:
    """Return a state dict without anything in it, from which anything may be taken out."""

    class NoWeights(dict[str, Any]):
        def pop(self, key: str, default: Any = None) -> Any:
            return default

        def __delitem__(self, key: str) -> None:
            pass

    return NoWeights()


def _nothing(*arguments: Any, **options: Any) -> None:
    """Download nothing."""


def _of_torchvision(repo: Any, model: str, *arguments: Any, **options: Any) -> Any:
    """Return a network of torchvision's; the code of others would have to be downloaded."""
    from torchvision.models import get_model_builder

    if not str(repo).startswith("pytorch/vision"):
        raise RuntimeError(
            f"torch.hub.load({repo!r}, ...) needs code that is not there in grading, where nothing is downloaded: "
            "build the network from torchvision.models, or write it into the cell."
        )
    for name in ("source", "trust_repo", "force_reload", "verbose", "skip_validation"):
        options.pop(name, None)
    return get_model_builder(model)(*arguments, **options)
