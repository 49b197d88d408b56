"""Sets of images in memory: their splits, what they share, and the batches that a network, a loss and a metric get."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

Batch = dict[str, Tensor]
Rows = slice | list[int] | Tensor  # which images: what gives a set of them
SPLITS = {"train": 2048, "val": 256, "test": 256}  # number of images where a caller gives none


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


@dataclasses.dataclass(frozen=True)
class Images:
    """N images, uint8 (N, 3, H, W): what our sets share. Each adds its labels, its `name` and its `batch`.

    `data[3]`, `data[:8]`, `data[[4, 1]]` and `data[mask]` give the set of those images.
    """

    images: Tensor

    LABELS: ClassVar[tuple[str, ...]]  # the fields with a row for each image, besides `images`

    @property
    def name(self) -> str:
        """Return what to call the set in tables and pictures."""
        raise NotImplementedError  # each set has a field of this name

    @property
    def image_size(self) -> tuple[int, int]:
        """Return (H, W)."""
        height, width = self.images.shape[-2:]
        return height, width

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | Rows) -> Self:
        if isinstance(index, int):  # keeps the batch axis
            if not -len(self) <= index < len(self):
                raise IndexError(f"image {index} of {self.name!r} was asked for; it has {len(self)} images.")
            index = slice(index, index + 1 or None)
        return dataclasses.replace(self, **self._each(lambda part: part[index]))

    def to(self, device: torch.device | str) -> Self:
        """Return the set with images and labels on `device`: batches that are made there wait for no copy."""
        return dataclasses.replace(self, **self._each(lambda part: part.to(device)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        """Return the fields that have a row for each image, changed."""
        return {name: change(getattr(self, name)) for name in ("images", *self.LABELS)}

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"{type(self).__name__} {self.name!r}: {len(self)} images of {height} x {width}{self._contents()}"

    def _contents(self) -> str:
        """Return how the line that describes the set ends: what its labels are."""
        raise NotImplementedError

    def pixels(self, index: Rows, device: torch.device | str) -> Tensor:
        """Return the `images` of a batch, float32 (B, 3, H, W) in [0, 1]."""
        return rows(self.images, index).to(device) / 255


def rows(values: Tensor, index: Rows) -> Tensor:
    """Return `values[index]`; a shuffled batch through index_select, which copies whole images, twice as fast."""
    if isinstance(index, Tensor) and index.device.type == "cpu" and index.dtype is torch.int64 and index.ndim == 1:
        if not (index < 0).any():
            return values.index_select(0, index.to(values.device))
    return values[index]


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return `values` on `device`. What a GPU is doing need not be over: from pinned memory the copy waits its turn."""
    if values.device.type != "cpu" or device.type in ("cpu", "mps"):
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


@functools.lru_cache(maxsize=64)
def constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return these numbers on `device`, the same tensor each time, not to be changed: a GPU waits for each new one."""
    with torch.inference_mode(False):  # it may serve in a training afterwards
        return torch.tensor(values, device=device)


def batches(
    data: ImageSet, batch_size: int = 32, device: torch.device | str = "cpu", shuffle: bool = False,
    generator: torch.Generator | None = None,
) -> Iterator[Batch]:  # fmt: skip
    """Yield `data` in batches; the last one may be shorter.

    The images lie in memory as uint8, so a batch is an index and a division: no worker processes are needed.

    Args:
        shuffle: in a new order, drawn from `generator` (a CPU generator; None is torch's own).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected 1 or more.")
    order = torch.randperm(len(data), generator=generator) if shuffle else torch.arange(len(data))
    for index in sent(order, data.images.device).split(batch_size):
        yield data.batch(index, device)


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")


def number_of(count: int | None, split: str, what: str = "images", usual: Mapping[str, int] = SPLITS) -> int:
    """Return `count`, or for None what is `usual` for a split, after checking both: `count` is a whole number > 0."""
    require_split(split)
    if count is None:
        return usual[split]
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; expected a whole number of {what}, 1 or more.")
    return count
