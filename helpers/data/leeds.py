"""Reads Leeds Sports Pose Extended in its original layout: joints.mat and images/im00001.jpg ... im10000.jpg."""

import re
from pathlib import Path

import numpy as np

from helpers.data.batches import require_split
from helpers.data.photos import Array, cut_out, in_crop, named, note, photo, reading, stacked, text_of, window
from helpers.data.poses import PoseSet
from helpers.data.skeletons import LSP
from helpers.files import fetch, unpack

NAME = re.compile(r"im[0-9]{5}")
KINDS = {4: "test", 9: "test", 8: "val"}  # of ten positions; the others are for train
WHERE_FROM = "http://sam.johnson.io/research/lspet.html"


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
    Source: Johnson and Everingham 2011, "Learning Effective Human Pose Estimation from Inaccurate Annotation".
    """
    require_split(split)
    root = Path(root).expanduser()
    if url and not (root / "joints.mat").is_file():
        unpack(fetch(url, sha256, root), root)
    joints = _joints(root)
    numbers = _numbers(root, joints.shape[2])
    known = [
        number for position, number in numbers
        if KINDS.get(position % 10, "train") == split and joints[:, 2, number - 1].sum() >= 2
    ]  # fmt: skip
    if not known:
        what_there_is = f"{root} has no photo for the {split} split: it has {len(numbers)} in all."
        raise FileNotFoundError(f"{what_there_is} Add more of the images of {WHERE_FROM}.")
    samples = (_sample(root, number, joints[:, :, number - 1], size) for number in reading(known, split, progress))
    images, keypoints, visibility, boxes = stacked(samples)
    return PoseSet(images, keypoints, visibility, boxes, LSP, f"Leeds sports, {split}")


def _joints(root: Path) -> Array:
    """Return float64 (14, 3, N): x, y (pixel centres at integers from 0) and 1 where visible, image im00001 first."""
    from scipy.io import loadmat

    path, first = root / "joints.mat", root / "images" / "im00001.jpg"
    if_missing = f"Download Leeds Sports Pose Extended from {WHERE_FROM} and unpack it: {path} and {first} must exist."
    with named(path, if_missing, f"Download it again from {WHERE_FROM}."), path.open("rb") as file:
        joints = np.asarray(loadmat(file)["joints"], dtype=np.float64)
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        expected = "(14, 3, 10000), the Extended set. The original LSP has (3, 14, 2000): it is another file."
        raise ValueError(f"{path} holds joints of shape {joints.shape}; expected {expected}")
    joints[:, :2] -= 1  # MATLAB counts pixels from 1
    return joints


def _numbers(root: Path, count: int) -> list[tuple[int, int]]:
    """Return (position, image number) of every photo, of `count` in joints.mat; positions decide on the split."""
    subset, images = root / "subset.txt", root / "images"
    note(root, images)  # a list or photos may come later
    if listed := subset.is_file():
        lines = text_of(subset, "", "Write one name, im00001.jpg, in each line.").splitlines()
        names = [Path(line.strip()).stem for line in lines if line.strip()]
    else:
        names = [path.stem for path in sorted(images.glob("im?????.jpg")) if NAME.fullmatch(path.stem)]
        if not names:
            raise FileNotFoundError(f"{images} holds no im00001.jpg ...; put the photos of {WHERE_FROM} there.")
    for name in names:
        if not (NAME.fullmatch(name) and 1 <= int(name[2:]) <= count):
            expected = f"im00001 to im{count:05d}, as joints.mat has them."
            raise ValueError(f"{subset if listed else images} names {name!r}; expected {expected}")
    if len(set(names)) < len(names):
        raise ValueError(f"{subset} names a photo twice; expected each once: it could be in two splits.")
    numbers = [int(name[2:]) for name in names]
    return list(enumerate(numbers)) if listed else [(number - 1, number) for number in numbers]


def _sample(root: Path, number: int, joints: Array, size: tuple[int, int]) -> tuple[Array, ...]:
    """Return image, keypoints, visibility and box of one photo, cropped and resized to `size`."""
    path, if_missing = root / "images" / f"im{number:05d}.jpg", "Put it there, or delete its line in subset.txt."
    picture = photo(path, if_missing, "Download it again, or delete it.")
    places, seen = joints[:, :2], joints[:, 2] > 0
    if not np.isfinite(places[seen]).all():
        raise ValueError(f"{root / 'joints.mat'} has no number for a visible joint of {path.name}. Download it again.")
    part = window(places[seen].min(0), places[seen].max(0), size)
    keypoints = in_crop(places, part)
    inside = np.all((places > -0.5) & (places < np.array(picture.size) - 0.5), axis=1)
    if inside[seen].mean() < 0.5:
        width, height = picture.size
        problem = f"{path} is {width} x {height} pixels, and most visible joints of joints.mat lie outside of it"
        raise ValueError(f"{problem}. Put the original photo there, neither turned nor of another size, or delete it.")
    keypoints[~seen] = 0  # their coordinates mean nothing
    box = np.concatenate([keypoints[seen].min(0), keypoints[seen].max(0)])
    visibility = np.where(seen & inside, 2, 0).astype(np.uint8)
    return cut_out(picture, part, size), keypoints.astype(np.float32), visibility, box.astype(np.float32)
