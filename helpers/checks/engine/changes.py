"""What a call did to its arguments: a copy before, and a look after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["copied", "names_of", "same_items", "unchanged"]


def copied(value: Any) -> Any:
    """Return an argument as it is now, to compare it with later: tensors are cloned, lists copied item by item."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return [copied(item) for item in value] if isinstance(value, list) else value


def unchanged(before: Any, now: Any) -> bool:
    """Return whether an argument is what `copied` found."""
    if isinstance(before, Tensor):
        return (
            isinstance(now, Tensor)
            and (before.dtype, before.shape) == (now.dtype, now.shape)
            and torch.equal(before, now)
        )
    if isinstance(before, list):
        return isinstance(now, list) and len(before) == len(now) and all(map(unchanged, before, now))
    return bool(before == now)


def same_items(given: Sequence[Any], items: Sequence[Any]) -> bool:
    """Return whether a list that was handed out still holds the very same objects."""
    return len(given) == len(items) and all(a is b for a, b in zip(given, items, strict=True))


def names_of(kept: dict[str, bool]) -> list[str]:
    """Return the arguments that were not kept, as a probe names them."""
    return [name for name, is_kept in kept.items() if not is_kept]
