"""Reads the training sections of ISBI 2012: the two TIFF stacks of the challenge, or 30 pairs of PNG made from them."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.data.batches import require_split
from helpers.data.masks import SegmentationSet
from helpers.data.photos import Array, Size, note, opened, reading

CLASSES = ("membrane", "cell")
SECTIONS = 30
BLOCKS = {"train": range(24), "val": range(24, 27), "test": range(27, 30)}
WHERE_FROM = "https://imagej.net/events/isbi-2012-segmentation-challenge"


def isbi2012(root: str | Path, split: str, size: Size | None = (128, 128), progress: bool = True) -> SegmentationSet:
    """Return ISBI 2012: sections through a fly's nerve cord under the electron microscope, membrane (0) or cell (1).

    The 30 sections lie on top of each other and neighbours look alike, so they are split in blocks: 24 for train, then
    3 for val, 3 for test. (The challenge's own test sections have no public labels.)

    Args:
        root: the folder with `train-volume.tif` and `train-labels.tif`, or with `train/image/0.png` ... `29.png` and
            `train/label/0.png` ... `29.png`.
        split: "train", "val" or "test".
        size: (H, W) of tiles side by side that the sections of 512 x 512 are cut into, what is left over at the right
            and at the bottom is left out; None keeps the sections whole.
    Source: Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for
    connectomics"; the U-Net of Ronneberger, Fischer and Brox 2015 was made for it.
    """
    require_split(split)
    root = Path(root).expanduser()
    note(root)  # stacks may come later
    sections = [_section(root, number) for number in reading(BLOCKS[split], split, progress)]
    images, masks = (torch.cat([_tiles(one, size) for one in kind]) for kind in zip(*sections, strict=True))
    grey = images[:, None].repeat(1, 3, 1, 1)  # (N, 3, H, W)
    return SegmentationSet(grey, masks, CLASSES, f"ISBI 2012, {split}")


def _section(root: Path, number: int) -> tuple[Array, Array]:
    """Return image and mask of one section, checked: from the stacks where there is one, else from its PNGs."""
    paths, page, where = (root / "train-volume.tif", root / "train-labels.tif"), number, f"section {number} of "
    if not any(path.is_file() for path in paths):
        png = f"{number}.png"
        paths, page, where = (root / "train" / "image" / png, root / "train" / "label" / png), 0, ""
    image, labels = (_grey(path, page) for path in paths)
    if image.shape != labels.shape:
        sizes = [" x ".join(map(str, array.shape)) for array in (labels, image)]
        raise ValueError(f"{where}{paths[1]} is {sizes[0]}, {paths[0]} {sizes[1]}; expected one size.")
    if (others := np.setdiff1d(labels, (0, 255))).size:
        hint = "a copy that was resized or saved as JPEG has greys in between."
        raise ValueError(f"{where}{paths[1]} holds {others[0]}; expected 0 (membrane) and 255 (cell) only: {hint}")
    return image, (labels > 0).astype(np.uint8)


def _grey(path: Path, page: int) -> Array:
    """Return one page of an image file."""
    files = "train-volume.tif and train-labels.tif, or train/image/0.png to 29.png and train/label/0.png to 29.png"
    ask = f"Download the training data of ISBI 2012 from {WHERE_FROM} and put it so that {files}, lie in one folder."
    with opened(path, ask, f"Download it again from {WHERE_FROM}.") as file:
        if page < getattr(file, "n_frames", 1):
            file.seek(page)
            return np.array(file.convert("L"))
    raise ValueError(f"{path} has no section {page}; expected {SECTIONS} of them, from 0.")


def _tiles(section: Array, size: Size | None) -> Tensor:
    """Return the tiles (T, h, w) of an image or a mask, row by row; what does not fill one is left out."""
    rows, columns = section.shape
    height, width = size or (rows, columns)
    if not (1 <= height <= rows and 1 <= width <= columns):
        raise ValueError(f"tiles of {height} x {width} cannot be cut from sections of {rows} x {columns}.")
    return torch.from_numpy(section).unfold(0, height, height).unfold(1, width, width).reshape(-1, height, width)
