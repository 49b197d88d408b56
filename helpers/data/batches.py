"""Batches of a set of images: what a network, a loss and a metric get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self

import torch
from torch import Tensor

__all__ = ["Batch", "ImageSet", "batches"]

Batch = dict[str, Tensor]
Rows = slice | list[int] | Tensor  # which images: what gives a set of them


class ImageSet(Protocol):
    """What training asks of a set of N images: a PoseSet, a PeopleSet, a SegmentationSet, or one of your own."""

    @property
    def images(self) -> Tensor: ...  # uint8 (N, 3, H, W)
    @property
    def name(self) -> str: ...
    @property
    def image_size(self) -> tuple[int, int]: ...  # (H, W)
    def __len__(self) -> int: ...
    def __getitem__(self, index: int | Rows, /) -> Self: ...
    def batch(self, index: Rows = ..., device: torch.device | str = ...) -> Batch: ...


def keep_batch_axis(index: int | slice | list | Tensor, count: int, name: str) -> slice | list | Tensor:
    """Return an index that gives a set of images also where one image of `count` is asked for, by its number."""
    if not isinstance(index, int):
        return index
    if not -count <= index < count:
        raise IndexError(f"image {index} of {name!r} was asked for; it has {count} images.")
    return slice(index, index + 1 or None)


def rows(images: Tensor, index: slice | list | Tensor) -> Tensor:
    """Return `images[index]`; a shuffled batch through index_select, which copies whole images, twice as fast."""
    if isinstance(index, Tensor) and index.dtype is torch.int64 and index.ndim == 1 and not (index < 0).any():
        return images.index_select(0, index.to(images.device))
    return images[index]


def batches(
    data: ImageSet,
    batch_size: int = 32,
    device: torch.device | str = "cpu",
    shuffle: bool = False,
    generator: torch.Generator | None = None,
) -> Iterator[Batch]:
    """Yield `data` in batches; the last one may be shorter.

    The images lie in memory as uint8, so a batch is an index and a division: no worker processes are needed.

    Args:
        shuffle: in a new order, drawn from `generator` (a CPU generator; None is torch's own).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more.")
    order = torch.randperm(len(data), generator=generator) if shuffle else torch.arange(len(data))
    for index in order.split(batch_size):
        yield data.batch(index, device)
