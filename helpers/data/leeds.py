"""Reads Leeds Sports Pose Extended in its original layout: joints.mat and images/im00001.jpg ... im10000.jpg."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image, Resampling

from helpers.data.photos import opened
from helpers.data.poses import PoseSet
from helpers.data.skeletons import LSP
from helpers.data.splits import require_split
from helpers.files import fetch, unpack

__all__ = ["leeds_sports"]

PADDING = 1.25  # side of the crop over side of the box of the keypoints
SMALLEST = 16  # pixels: no box is smaller, or a sliver of a photo would be blown up
WHERE_FROM = "http://sam.johnson.io/research/lspet.html"

Array = npt.NDArray[Any]


def leeds_sports(
    root: str | Path, split: str, size: tuple[int, int] = (128, 128), progress: bool = True, url: str | None = None,
    sha256: str | None = None,
) -> PoseSet:  # fmt: skip
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
    from tqdm.auto import tqdm

    require_split(split)
    root = Path(root).expanduser()
    if url and not (root / "joints.mat").is_file():
        unpack(fetch(url, sha256, root), root)
    joints, numbers = _joints(root), _numbers(root)
    samples = [
        _sample(root, number, joints[:, :, number - 1], size)
        for number in tqdm(_of_split(numbers, split), desc=f"reading {split}", unit="photo", disable=not progress)
        if joints[:, 2, number - 1].sum() >= 2
    ]
    if not samples:
        what_there_is = f"{root} has no photo for the {split} split: it has {len(numbers)} in all."
        raise FileNotFoundError(f"{what_there_is} Add more of the images of {WHERE_FROM}.")
    images, keypoints, visibility, boxes = (torch.from_numpy(np.stack(c)) for c in zip(*samples, strict=True))
    return PoseSet(images, keypoints, visibility, boxes, LSP, f"Leeds sports, {split}")


def _joints(root: Path) -> npt.NDArray[np.float64]:
    """Return float64 (14, 3, N): x, y (pixel centres at integers from 0) and 1 where visible, image im00001 first."""
    path = root / "joints.mat"
    if not path.is_file():
        what_to_do = f"Download Leeds Sports Pose Extended from {WHERE_FROM} and unpack it"
        first = root / "images" / "im00001.jpg"
        raise FileNotFoundError(f"{path} is missing. {what_to_do} so that {path} and {first} exist.")
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError("joints.mat is a MATLAB file: pip install scipy to read it.") from error
    try:
        joints = np.asarray(loadmat(path)["joints"], dtype=np.float64)
    except Exception as error:  # scipy raises many kinds for a damaged file
        raise ValueError(f"{path} cannot be read ({error}). Download it again from {WHERE_FROM}.") from error
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        hint = "The original LSP has (3, 14, 2000): it is another file."
        raise ValueError(
            f"{path} holds joints of shape {joints.shape}; expected (14, 3, 10000), the Extended set. {hint}"
        )
    joints[:, :2] -= 1  # MATLAB counts pixels from 1
    return joints


def _numbers(root: Path) -> list[tuple[int, int]]:
    """Return (position, image number) of every photo there is; positions decide on the split."""
    subset = root / "subset.txt"
    if subset.is_file():
        names = [Path(line.strip()).stem for line in subset.read_text().splitlines() if line.strip()]
        return [(position, int(name.removeprefix("im"))) for position, name in enumerate(names)]
    present = sorted((root / "images").glob("im?????.jpg"))
    if not present:
        raise FileNotFoundError(f"{root / 'images'} holds no im00001.jpg ...; put the photos of {WHERE_FROM} there.")
    return [(int(path.stem[2:]) - 1, int(path.stem[2:])) for path in present]


def _of_split(numbers: list[tuple[int, int]], split: str) -> list[int]:
    """Return the image numbers of one split: of ten positions 4 and 9 are test, 8 is val, the others train."""
    kinds = {4: "test", 9: "test", 8: "val"}
    return [number for position, number in numbers if kinds.get(position % 10, "train") == split]


def _sample(root: Path, number: int, joints: Array, size: tuple[int, int]) -> tuple[Array, ...]:
    """Return image, keypoints, visibility and box of one photo, cropped and resized to `size`."""
    path, if_missing = root / "images" / f"im{number:05d}.jpg", "Put it there, or delete its line in subset.txt."
    with opened(path, if_missing, "Download it again, or delete it.") as file:
        photo = file.convert("RGB")
    seen = joints[:, 2] > 0
    left, top, scale = _window(joints[seen, :2], size)
    image = _crop(photo, left, top, scale, size)
    keypoints = (joints[:, :2] + 0.5 - (left, top)) * scale - 0.5
    inside = ((joints[:, :2] > -0.5) & (joints[:, :2] < np.array(photo.size) - 0.5)).all(1)
    keypoints[~seen] = 0  # their coordinates mean nothing
    box = np.concatenate([keypoints[seen].min(0), keypoints[seen].max(0)])
    visibility = np.where(seen & inside, 2, 0).astype(np.uint8)
    return image, keypoints.astype(np.float32), visibility, box.astype(np.float32)


def _window(points: Array, size: tuple[int, int]) -> tuple[float, float, float]:
    """Return left and top edge of the crop in the photo, and by how much the crop is enlarged."""
    height, width = size
    low, high = points.min(0), points.max(0)
    box_w, box_h = np.maximum(high - low + 1, SMALLEST)
    source_w = PADDING * max(box_w, box_h * width / height)  # the tighter side decides, the aspect stays
    centre = (low + high) / 2 + 0.5  # from pixel centres to pixel edges
    scale = width / source_w
    return centre[0] - width / scale / 2, centre[1] - height / scale / 2, scale


def _crop(photo: Image, left: float, top: float, scale: float, size: tuple[int, int]) -> Array:
    """Return uint8 (3, H, W): the window that starts at (left, top), smoothed where it shrinks, black outside."""
    height, width = size
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = math.ceil(left + width / scale), math.ceil(top + height / scale)
    window = photo.crop((x0, y0, x1, y1))  # Pillow fills with black outside the photo
    box = (left - x0, top - y0, min(left - x0 + width / scale, x1 - x0), min(top - y0 + height / scale, y1 - y0))
    return np.asarray(window.resize((width, height), Resampling.BILINEAR, box=box)).transpose(2, 0, 1).copy()
