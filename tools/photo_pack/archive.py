"""The zip file of a pack: the same crops and pages give the same bytes."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grading.entries.formulas import text_cell
from helpers.data.batches import SPLITS
from helpers.data.photos import Array
from helpers.data.skeletons import COCO
from helpers.files import atomically
from tools.photo_pack.crops import QUALITY, Crop
from tools.photo_pack.licences import LICENCES
from tools.photo_pack.pages import Page
from tools.photo_pack.people import Photo

__all__ = ["Taken", "write"]

COLUMNS = ("crops", "author", "title", "source", "licence", "licence text", "change", "looked up", "COCO photo")
TIME = (1980, 1, 1, 0, 0, 0)  # of every entry: a zip file knows none earlier
README = """\
A photo pack: {people} people of {photos} photos of COCO 2017, {side} x {side} pixels, for the exercises of
"Deep Learning Lab: Computer Vision" (helpers.photo_pack reads it).

The photos are other people's work. ATTRIBUTION.csv says of each crop who made the photo, where it is, under which
licence its page stood on which day, and what was changed. Whoever hands the pack on, or a picture out of it, hands that
on, too. Licences in it: {licences}.
{share_alike}
A licence is about copyright. It does not say that the people in a photo were asked.

The labels (train.json, val.json, test.json) come from the annotations of COCO 2017, https://cocodataset.org, by the
COCO Consortium, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); changed: moved into the pixels of the crops.
keypoints: x and y of the 17 keypoints, pixel centres at integers; visibility: 0 outside or unknown, 1 hidden, 2 seen;
boxes_xyxy: corners; photos: COCO's number of the photo. The n-th entry is of the file {{split}}/{{n, five digits}}.jpg.
"""
SHARE_ALIKE = "The crops of photos under CC BY-SA 2.0 are themselves under CC BY-SA 2.0.\n"


@dataclasses.dataclass(frozen=True)
class Taken:
    """A photo that is in the pack, with its page and the crops of its people."""

    photo: Photo
    page: Page
    crops: Sequence[Crop]


def write(path: Path, taken: Sequence[Taken], side: int) -> None:
    """Write the pack, whole or not at all. Raises OSError where it cannot be written."""
    with atomically(path) as part, zipfile.ZipFile(part, "w") as file:
        _add(file, "README.txt", _readme(taken, side))
        rows: list[Sequence[str]] = []
        for split in SPLITS:
            members = [one for one in taken if one.photo.split == split]
            rows += _rows(split, members, side)
            _add(file, f"{split}.json", json.dumps(_labels(members, side), separators=(",", ":")))
            for number, crop in enumerate(crop for one in members for crop in one.crops):
                _add(file, f"{split}/{number:05d}.jpg", crop.jpeg)
        _add(file, "ATTRIBUTION.csv", _table(rows))


def _add(file: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    """Add an entry that hangs on nothing but its name and content."""
    entry = zipfile.ZipInfo(name, TIME)
    entry.create_system, entry.external_attr = 3, 0o100644 << 16  # as on Linux, wherever it is written
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".jpg") else zipfile.ZIP_DEFLATED
    file.writestr(entry, content)


def _labels(members: Sequence[Taken], side: int) -> dict[str, Any]:
    """Return the labels of a split, to a hundredth of a pixel."""
    crops = [crop for one in members for crop in one.crops]
    return {
        "size": [side, side],
        "keypoint_names": COCO.keypoint_names,
        "photos": [one.photo.number for one in members for _ in one.crops],
        "keypoints": [_rounded(crop.keypoints) for crop in crops],
        "visibility": [crop.visibility.tolist() for crop in crops],
        "boxes_xyxy": [_rounded(crop.box_xyxy) for crop in crops],
    }


def _rounded(values: Array) -> list[Any]:
    """Return the values to a hundredth, as few digits as that takes."""
    rounded: list[Any] = values.astype(np.float64).round(2).tolist()
    return rounded


def _rows(split: str, members: Sequence[Taken], side: int) -> list[Sequence[str]]:
    """Return a row of ATTRIBUTION.csv for each photo of a split."""
    rows: list[Sequence[str]] = []
    first = 0
    change = f"cut out around one person, {side} x {side} pixels, JPEG of quality {QUALITY}"
    for one in members:
        assert one.page.licence is not None
        names = [f"{split}/{first + number:05d}.jpg" for number in range(len(one.crops))]
        first, licence = first + len(names), LICENCES[one.page.licence]
        author, title = one.page.author, one.page.title or "(without a title)"
        cells = (" ".join(names), author, title, one.page.source, licence.name, licence.url, change, one.page.looked_up)
        rows.append((*map(text_cell, cells), str(one.photo.number)))
    return rows


def _table(rows: Sequence[Sequence[str]]) -> bytes:
    """Return the table as spreadsheets open it with all its letters."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue().encode("utf-8-sig")


def _readme(taken: Sequence[Taken], side: int) -> str:
    """Return what the pack says of itself."""
    numbers = sorted({one.page.licence for one in taken if one.page.licence})
    names = ", ".join(f"{LICENCES[number].name} ({LICENCES[number].url})" for number in numbers)
    people = sum(len(one.crops) for one in taken)
    share_alike = SHARE_ALIKE if 5 in numbers else ""
    return README.format(people=people, photos=len(taken), side=side, licences=names, share_alike=share_alike)
