"""Pretrained builders, built without their weights.

`build_model` may start from `resnet18(weights=...)`. Where a weights file takes the place of all weights, what the
builder would download is for nothing, and in grading nothing can be downloaded. So there, and in the notebook's check
of the model, builders find no weights and leave the network as it was drawn.

torch.hub's functions are replaced in their code alone: whoever has imported one by name has the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Building", "build_untrained", "built_untrained"]


@dataclass
class Building:
    """`chosen` says whether a backbone was chosen by what this machine has; with `other_backbone` it is chosen as by a
    machine that has what this one lacks."""

    chosen: bool = False
    other_backbone: bool = False


_for_good: list[Building] = []  # in a worker, where what is replaced is watched over


@contextlib.contextmanager
def built_untrained(other_backbone: bool = False) -> Iterator[Building]:
    """Let builders find no pretrained weights, and torch.hub no code but torchvision's."""
    building = _for_good[0] if _for_good else Building()
    building.chosen, building.other_backbone = False, other_backbone
    replaced = [] if _for_good else _replacements(building)
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    try:
        _put(replaced)
        yield building
    finally:
        _put(before)
        building.other_backbone = False


def build_untrained() -> None:
    """Do so for good: in a worker, where nothing can be downloaded."""
    _for_good.append(Building())
    _put(_replacements(_for_good[0]))


Replaced: TypeAlias = list[tuple[Any, str, Any]]  # whose attribute, its name, what it is


def _put(attributes: Replaced) -> None:
    for owner, name, value in attributes:
        setattr(owner, name, value)


def _replacements(building: Building) -> Replaced:
    import safetensors.torch
    import torch

    from helpers.models import efficientnet, pretrained

    package_file: Callable[[], str | None] = vars(pretrained)["package_file"]

    def chosen_package() -> str | None:
        building.chosen = True
        there = package_file()
        return there if not building.other_backbone else "" if there is None else None

    return [
        (torch.nn.Module, "load_state_dict", _unless_empty(torch.nn.Module.load_state_dict)),
        (torch, "load", _unless_missing(torch.load)),
        (safetensors.torch, "load_file", _unless_missing(safetensors.torch.load_file)),
        (pretrained, "package_file", chosen_package),
        (pretrained, "read_package", _no_weights),
        (pretrained, "load_lite0", lambda net, tensors: efficientnet.load_lite0(net, tensors) if tensors else None),
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
