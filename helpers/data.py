"""Sets of images with poses: rendered people, and Leeds Sports Pose Extended for who has it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import cache as cache_files
from .cache import fetch
from .leeds import leeds_sports_arrays
from .shapes import require
from .skeletons import COCO, LSP, Skeleton

if TYPE_CHECKING:
    from .people import Scene

__all__ = ["PoseSet", "batches", "fetch", "leeds_sports", "load_poses", "rendered_people"]

Batch = dict[str, Tensor]

SPLITS = {"train": 2048, "val": 256, "test": 256}  # default number of images
SEEDS = {"train": 11, "val": 22, "test": 33}  # each split draws its scenes from a seed of its own
VOID = 255  # in a mask: a pixel that counts nowhere


@dataclasses.dataclass(frozen=True)
class PoseSet:
    """N images of one person each, with their keypoints, in memory.

    Args:
        images: uint8 (N, 3, H, W).
        keypoints: float32 (N, K, 2), x then y, pixels of the image, pixel centres at integers.
        visibility: uint8 (N, K): 0 outside the image or unknown, 1 hidden, 2 seen.
        boxes_xyxy: float32 (N, 4), pixels.
        skeleton: names, limbs and left-right pairs of the K keypoints.
        name: what to call the set in tables and pictures.

    `data[3]`, `data[:8]`, `data[[4, 1]]` and `data[mask]` give the PoseSet of those images.
    """

    images: Tensor
    keypoints: Tensor
    visibility: Tensor
    boxes_xyxy: Tensor
    skeleton: Skeleton
    name: str = "images"

    def __post_init__(self) -> None:
        sizes = require("images", self.images, "N 3 H W", torch.uint8)
        sizes |= {"K": self.skeleton.num_keypoints}
        require("keypoints", self.keypoints, "N K 2", torch.float32, known=sizes)
        require("visibility", self.visibility, "N K", torch.uint8, known=sizes)
        require("boxes_xyxy", self.boxes_xyxy, "N 4", torch.float32, known=sizes)
        if self.visibility.numel() and int(self.visibility.max()) > 2:
            highest = int(self.visibility.max())
            raise ValueError(f"visibility holds {highest}; expected 0 (outside), 1 (hidden), 2 (seen).")
        if not torch.isfinite(self.keypoints[self.visible]).all():
            raise ValueError("keypoints of visible joints hold NaN or infinity; set their visibility to 0.")

    @property
    def visible(self) -> Tensor:
        """Return bool (N, K): the keypoints that losses and metrics count, hidden ones included (COCO's v = 1)."""
        return self.visibility > 0

    def mean_pose(self) -> Tensor:
        """Return float32 (K, 2): the mean place of each keypoint over the images where it is visible.

        A guess that looks at no image, so what a network must beat. A keypoint that is never visible gets the centre.
        """
        seen = torch.where(self.visible[:, :, None], self.keypoints, torch.nan)
        height, width = self.image_size
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
        mean = seen.nanmean(dim=0)
        return torch.where(mean.isnan(), centre, mean)

    @property
    def image_size(self) -> tuple[int, int]:
        """Return (H, W)."""
        return tuple(self.images.shape[-2:])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | slice | list | Tensor) -> PoseSet:
        index = keep_batch_axis(index, len(self), self.name)
        parts = {f: getattr(self, f)[index] for f in ("images", "keypoints", "visibility", "boxes_xyxy")}
        return dataclasses.replace(self, **parts)

    def __repr__(self) -> str:
        height, width = self.image_size
        return f"PoseSet {self.name!r}: {len(self)} images of {height} x {width}, {self.skeleton.name} keypoints"

    def batch(self, index: slice | list | Tensor = slice(None), device: torch.device | str = "cpu") -> Batch:
        """Return what a network, a loss and a metric get: `images` float32 in [0, 1] (B, 3, H, W), `keypoints`
        float32 (B, K, 2), `visible` bool (B, K) and `visibility` uint8 (B, K), all on `device`."""
        visibility = self.visibility[index].to(device)
        return {
            "images": rows(self.images, index).to(device) / 255,
            "keypoints": self.keypoints[index].to(device, copy=True),
            "visible": visibility > 0,
            "visibility": visibility,
        }


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
    data: PoseSet,
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


def rendered_people(
    split: str,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    settings=None,
    cache: bool | str | Path | None = None,
    progress: bool = True,
    seed: int | None = None,
) -> PoseSet:
    """Return a set of rendered people with exact labels, one person per image.

    The first call renders the images and keeps them in one file; later calls read that file.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is its defaults, 128 x 128.
        cache: a folder of your own; None finds one (see `helpers.cache.folders`), False keeps nothing.
        progress: show a progress bar.
        seed: draw the scenes from this seed instead of the split's own.
    """
    tensors = rendered("people", _render, split, count, size, settings, cache, progress, seed, people=(1, 1))
    return PoseSet(**tensors, skeleton=COCO, name=f"rendered people, {split}")


def rendered(
    kind: str,
    render: Callable[..., dict[str, Tensor]],
    split: str,
    count: int | None,
    size: tuple[int, int] | None,
    settings,
    cache: bool | str | Path | None,
    progress: bool,
    seed: int | None,
    **fixed: object,
) -> dict[str, Tensor]:
    """Return the tensors of a set of rendered scenes, from the cache or from `render`, which are then stored.

    Args:
        kind: with what the name of the file in the cache begins.
        render: `render(seed, count, settings, title)` -> the tensors; a title of None shows no progress bar.
        split, count, size, settings, cache, progress, seed: see `rendered_people`.
        fixed: knobs that the kind decides on, whatever `settings` says.
    """
    from .people import SceneSettings

    require_split(split)
    count = SPLITS[split] if count is None else count
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; expected a whole number of images, 1 or more.")
    settings = settings or SceneSettings()
    settings = dataclasses.replace(settings, size=tuple(size or settings.size), **fixed)
    recipe = (SEEDS[split] if seed is None else seed, count, settings)

    def make() -> dict[str, Tensor]:
        return render(*recipe, f"rendering {split}" if progress else None)

    return make() if cache is False else _cached(f"{kind}-{split}", recipe, cache, make)


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")


def _cached(kind: str, recipe: tuple, folder: str | Path | None, make) -> dict[str, Tensor]:
    """Return the tensors of `recipe` from the cache, or from `make`, which are then stored."""
    from .people import renderer_version

    count, (height, width) = recipe[1], recipe[2].size
    name = f"{kind}-{count}-{height}x{width}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]}"
    where = [Path(folder)] if folder else None
    renderer = renderer_version()
    tensors = cache_files.load(name, renderer, where)
    if tensors is None:
        tensors = make()
        cache_files.store(name, renderer, tensors, where)
    return tensors


def scenes(seed: int, count: int, settings, title: str | None) -> Iterator[Scene]:
    """Yield scenes 0 to `count` - 1 of a seed, with a progress bar where there is a title."""
    from tqdm.auto import tqdm

    from .people import render_scene

    # Every two seconds: who runs a notebook without a browser (nbval) reads nothing until the cell is done, and of some
    # two thousand messages in the queue the last are lost, the one that says that it is done among them.
    for index in tqdm(range(count), desc=title, unit="image", disable=title is None, mininterval=2):
        yield render_scene(seed, index, settings)


def _render(seed: int, count: int, settings, title: str | None) -> dict[str, Tensor]:
    """Render `count` scenes of one person, as tensors."""
    height, width = settings.size
    tensors = {
        "images": torch.empty(count, 3, height, width, dtype=torch.uint8),
        "keypoints": torch.empty(count, COCO.num_keypoints, 2),
        "visibility": torch.empty(count, COCO.num_keypoints, dtype=torch.uint8),
        "boxes_xyxy": torch.empty(count, 4),
    }
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        tensors["images"][index] = torch.from_numpy(scene.image).permute(2, 0, 1)
        for name in ("keypoints", "visibility", "boxes_xyxy"):
            tensors[name][index] = torch.from_numpy(getattr(scene, name)[0])
    return tensors


def leeds_sports(
    root: str | Path,
    split: str,
    size: tuple[int, int] = (128, 128),
    progress: bool = True,
    url: str | None = None,
    sha256: str | None = None,
) -> PoseSet:
    """Return Leeds Sports Pose Extended: photos of sports people, 14 keypoints, cropped around the person.

    A crop is centred on the box of the visible keypoints, a quarter larger, of the aspect of `size`; what lies outside
    the photo is black. There is no official split: of ten images in a row (of subset.txt where there is one, of the
    numbering otherwise) the 5th and 10th are for test, the 9th for val, seven for train. Photos with fewer than two
    visible keypoints are left out. The labels are crowd-sourced: some are wrong.

    Args:
        root: the folder with `joints.mat` and `images/im00001.jpg` ..., all 10,000 or some of them.
        split: "train", "val" or "test".
        size: (H, W) of the crops.
        url, sha256: where the zip of the original layout can be had, if it is to be downloaded into `root`.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, by name.
    Source: Johnson and Everingham 2011, "Learning Effective Human Pose Estimation from Inaccurate Annotation".
    """
    require_split(split)
    arrays = leeds_sports_arrays(Path(root).expanduser(), split, tuple(size), progress, url, sha256)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return PoseSet(**tensors, skeleton=LSP, name=f"Leeds sports, {split}")


def load_poses(name: str, split: str, size: tuple[int, int] = (128, 128)) -> PoseSet:
    """Return a data set by its name, so that one changed word trains a notebook on other images.

    Args:
        name: "rendered_people"; or "leeds_sports", which lies in data/leeds_sports of the course's folder, or where the
            environment variable DEEP_LEARNING_LAB_LEEDS says.
        split: "train", "val" or "test".
        size: (H, W).
    """
    if name == "rendered_people":
        return rendered_people(split, size=size)
    if name == "leeds_sports":
        course = Path(__file__).resolve().parent.parent
        return leeds_sports(os.environ.get("DEEP_LEARNING_LAB_LEEDS") or course / "data" / "leeds_sports", split, size)
    raise ValueError(f"There is no data set {name!r}; expected 'rendered_people' or 'leeds_sports'.")
