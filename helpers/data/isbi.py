"""Reads the training sections of ISBI 2012: the two TIFF stacks of the challenge, or 30 pairs of PNG made from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers.data.masks import SegmentationSet, _set_of
from helpers.data.rendered import require_split

if TYPE_CHECKING:
    pass


__all__ = ["isbi2012"]


def isbi2012(root: str | Path, split: str, size: tuple[int, int] | None = (128, 128)) -> SegmentationSet:
    """Return ISBI 2012: sections through a fly's nerve cord under the electron microscope, membrane (0) or cell (1).

    The 30 sections lie on top of each other and neighbours look alike, so they are split in blocks: 24 for train, then
    3 for val, 3 for test. (The challenge's own test sections have no public labels.)

    Args:
        root: the folder with `train-volume.tif` and `train-labels.tif`, or with `train/image/0.png` ... `29.png` and
            `train/label/0.png` ... `29.png`.
        split: "train", "val" or "test".
        size: (H, W) of tiles side by side that the sections of 512 x 512 are cut into, what is left over at the right
            and at the bottom is left out; None keeps the sections whole.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, or a mask that does not fit its image, by name.
    Source: Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for
    connectomics"; the U-Net of Ronneberger, Fischer and Brox 2015 was made for it.
    """
    require_split(split)
    arrays = isbi_arrays(Path(root).expanduser(), split, size and tuple(size))
    return _set_of(arrays, CLASSES, f"ISBI 2012, {split}")


CLASSES = ("membrane", "cell")
SECTIONS = 30
SPLITS = {"train": range(24), "val": range(24, 27), "test": range(27, 30)}
WHERE_FROM = "https://imagej.net/events/isbi-2012-segmentation-challenge"


def isbi_arrays(root: Path, split: str, size: tuple[int, int] | None) -> dict[str, np.ndarray]:
    """Return `images` uint8 (N, 3, H, W) and `masks` uint8 (N, H, W) of one split; see `isbi2012`."""
    stacks = root / "train-volume.tif", root / "train-labels.tif"
    read = _from_stacks if any(path.is_file() for path in stacks) else _from_pngs
    pairs = [pair for number in SPLITS[split] for pair in _tiles(*read(root, number), size)]
    images, masks = (np.stack(column) for column in zip(*pairs, strict=True))
    return {"images": np.repeat(images[:, None], 3, axis=1), "masks": masks}


def _from_stacks(root: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    paths = root / "train-volume.tif", root / "train-labels.tif"
    return _checked(*paths, *(_grey(path, number) for path in paths), f"section {number} of ")


def _from_pngs(root: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    paths = root / "train" / "image" / f"{number}.png", root / "train" / "label" / f"{number}.png"
    return _checked(*paths, *(_grey(path) for path in paths))


def _grey(path: Path, page: int = 0) -> np.ndarray:
    """Return uint8 (H, W): one page of an image file."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            file.seek(page)
            return np.asarray(file.convert("L"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing. Download the training data of ISBI 2012 from {WHERE_FROM} and put it so that "
            "train-volume.tif and train-labels.tif, or train/image/0.png to 29.png and train/label/0.png to 29.png, "
            "lie in one folder."
        ) from None
    except EOFError:
        raise ValueError(f"{path} has no section {page}; expected {SECTIONS} of them, from 0.") from None
    except (OSError, SyntaxError) as error:  # Pillow raises the latter for a broken PNG
        raise ValueError(f"{path} is damaged ({error}). Download it again from {WHERE_FROM}.") from error


def _checked(
    image_path: Path, label_path: Path, image: np.ndarray, labels: np.ndarray, where: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Return image and mask, after checking that the labels are of the same size, and black and white only."""
    if image.shape != labels.shape:
        sizes = [" x ".join(map(str, array.shape)) for array in (labels, image)]
        raise ValueError(f"{where}{label_path} is {sizes[0]}, {image_path} {sizes[1]}; expected one size.")
    others = np.setdiff1d(labels, (0, 255))
    if others.size:
        raise ValueError(
            f"{where}{label_path} holds {others[0]}; expected 0 (membrane) and 255 (cell) only: a copy "
            "that was resized or saved as JPEG has greys in between."
        )
    return image, (labels > 0).astype(np.uint8)


def _tiles(image: np.ndarray, mask: np.ndarray, size: tuple[int, int] | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the pairs of tiles of image and mask, row by row; what does not fill a tile is left out."""
    height, width = size or image.shape
    if not (1 <= height <= image.shape[0] and 1 <= width <= image.shape[1]):
        raise ValueError(
            f"tiles of {height} x {width} cannot be cut from sections of {image.shape[0]} x {image.shape[1]}."
        )
    return [
        (image[y : y + height, x : x + width], mask[y : y + height, x : x + width])
        for y in range(0, image.shape[0] - height + 1, height)
        for x in range(0, image.shape[1] - width + 1, width)
    ]
