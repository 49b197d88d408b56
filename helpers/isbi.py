"""Reads the training sections of ISBI 2012: the two TIFF stacks of the challenge, or 30 pairs of PNG made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
