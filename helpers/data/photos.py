"""Opens photos and lists, says what to do about one that cannot be read, and cuts crops out of photos."""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

Array = npt.NDArray[Any]
Item = TypeVar("Item")
Size = tuple[int, int]  # height and width
Window = tuple[float, float, float]  # left and top edge in the photo, and how much larger the crop is
PADDING = 1.25  # side of a crop over side of the person's box
SMALLEST = 16  # pixels: no box is smaller, or a sliver of a photo would be blown up

_records: list[list[Path]] = []


@contextlib.contextmanager
def recorded() -> Iterator[list[Path]]:
    """Give a list that will hold the path of every file that is opened here within the `with` block."""
    _records.append([])
    try:
        yield _records[-1]
    finally:
        _records.pop()


def note(*paths: Path) -> None:
    """Remember, where somebody asked for it, that a set was read from these files or folders."""
    for record in _records:
        record.extend(paths)


@contextlib.contextmanager
def named(path: Path, if_missing: str, if_damaged: str) -> Iterator[None]:
    """Note a file that is read within the `with` block. Raise FileNotFoundError where it is missing, ValueError where
    it is damaged, with its name and, in the last sentence, what to do then."""
    note(path)
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing. {if_missing}") from None
    except Exception as error:  # libraries that read images, MATLAB files and JSON raise many kinds
        raise ValueError(f"{path} is damaged ({error}). {if_damaged}") from error


@contextlib.contextmanager
def opened(path: Path, if_missing: str, if_damaged: str) -> Iterator[Image.Image]:
    """Open an image file, to be read within the `with` block; see `named`."""
    with named(path, if_missing, if_damaged), Image.open(path) as file:
        yield file


def photo(path: Path, if_missing: str, if_damaged: str, size: tuple[Any, Any] | None = None) -> Image.Image:
    """Return a photo in RGB as its labels were made on it, of the `size` (width, height) that they name; see `named`.
    None: they say nothing of a side.

    A camera may note in the file (EXIF) that a photo is to be shown turned. Labels of COCO and of Leeds lie on the
    pixels as they are stored, so the note is left aside; where only the turned photo has the size that the labels name,
    they were made on what is shown, and it is turned.
    """
    with opened(path, if_missing, if_damaged) as file:
        stored = file.convert("RGB")
    sides = size or (None, None)
    for shown in (stored, ImageOps.exif_transpose(stored)):
        if all(wanted in (None, found) for wanted, found in zip(sides, shown.size, strict=True)):
            return shown
    got, named = (f"{width} x {height}" for width, height in (stored.size, sides))
    problem = f"{path} is {got} pixels, its labels are for {named}: they would lie beside what they are of"
    raise ValueError(f"{problem}. {if_damaged}")


def text_of(path: Path, if_missing: str, if_damaged: str) -> str:
    """Return the text of a file in UTF-8, UTF-16 or UTF-32, with a byte order mark or without; see `named`."""
    with named(path, if_missing, if_damaged):
        content = path.read_bytes()
        return content.decode(json.detect_encoding(content))


def inside(folder: Path, name: object, named_by: str) -> Path:
    """Return the path of a file by the name that a list gives it, or raise where that leads out of its folder."""
    parts = PureWindowsPath(name) if isinstance(name, str) else PureWindowsPath()  # which knows / and \\
    if not parts.parts or parts.anchor or ".." in parts.parts:
        expected = f"the name of a file within {folder}: not from the root, and without '..'."
        raise ValueError(f"{named_by} names the file {name!r}; expected {expected}")
    return folder.joinpath(*parts.parts)


def reading(items: Sequence[Item], title: str, progress: bool) -> Iterator[Item]:
    """Yield the items, with a progress bar."""
    from tqdm.auto import tqdm

    yield from tqdm(items, desc=f"reading {title}", unit="image", disable=not progress, mininterval=1)


def stacked(samples: Iterable[Sequence[Array]]) -> list[Tensor]:
    """Return the columns of samples, tuples of arrays, as tensors with a row for each; of no samples, no columns."""
    return [torch.from_numpy(np.stack(column)) for column in zip(*samples, strict=True)]


def window(low: Array, high: Array, size: Size) -> Window:
    """Return what to cut out around a person: a quarter larger than the box from pixel `low` (2,) to `high`, x then
    y, and of the aspect of `size` (H, W)."""
    height, width = size
    box_w, box_h = np.maximum(high - low + 1, SMALLEST)
    source_w = PADDING * max(box_w, box_h * width / height)  # the tighter side decides, the aspect stays
    centre = (low + high) / 2 + 0.5  # from pixel centres to pixel edges
    scale = width / source_w
    return centre[0] - width / scale / 2, centre[1] - height / scale / 2, scale


def whole(photo: Image.Image, size: Size) -> Window:
    """Return the window in which a photo is as large as fits into `size` (H, W), in its top left corner."""
    return 0.0, 0.0, min(size[0] / photo.height, size[1] / photo.width)


def cut_out(photo: Image.Image, part: Window, size: Size, how: Image.Resampling = Image.Resampling.BILINEAR) -> Array:
    """Return uint8 (H, W) or (3, H, W) of a grey or colour photo: the window, smoothed where it shrinks, 0 outside."""
    (left, top, scale), (height, width) = part, size
    x0, y0 = math.floor(left), math.floor(top)
    x1, y1 = math.ceil(left + width / scale), math.ceil(top + height / scale)
    plane = photo.crop((x0, y0, x1, y1))  # Pillow fills with black outside the photo
    box = (left - x0, top - y0, min(left - x0 + width / scale, x1 - x0), min(top - y0 + height / scale, y1 - y0))
    pixels = np.asarray(plane.resize((width, height), how, box=box))
    return pixels if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy()


def in_crop(points: Array, part: Window) -> Array:
    """Return points (..., 2) of a photo in pixels of the crop; pixel centres lie at whole numbers in both."""
    left, top, scale = part
    return (points + 0.5 - (left, top)) * scale - 0.5
