"""A small COCO whose photos have licences and pages, and the pack that is built of it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.tests.photo_site import photo, photo_site, said
from helpers.tests.small_sets import CATEGORY, written
from tools.photo_pack.__main__ import main

PAGES = 6_255_190_000  # the number of the first photo's page, as long as the photo site's own


def small_coco(folder: Path, photos: int = 12, part: str = "train2017", licences: tuple[int, ...] = (4,)) -> Path:
    """Photos of 200 x 240 in turn under these licences, two people each; each seen keypoint is a white square.

    The people's boxes are 100 x 120, the second one sticks out of the photo.
    """
    rng = np.random.default_rng(len(part))
    (folder / part).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images, people = [], []
    first = 1 if part == "train2017" else 1001
    for number in range(first, first + photos):
        pixels = np.full((200, 240, 3), 40, np.uint8)
        for left, top in ((10, 20), (130, 95)):
            places = rng.integers(0, 85, (17, 2)) + (left, top)
            visibility = np.where(np.arange(17) % 5 == 4, 1, 2) * (np.arange(17) % 7 != 6)
            for x, y in places[visibility == 2]:
                pixels[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5] = 255
            triples = np.concatenate([places, visibility[:, None]], axis=1) * (visibility > 0)[:, None]
            people.append({
                "id": len(people), "image_id": number, "category_id": 1, "bbox": [left, top, 100, 120], "iscrowd": 0,
                "area": 6000.0, "num_keypoints": int((visibility > 0).sum()), "keypoints": triples.flatten().tolist(),
            })  # fmt: skip
        name = f"{number:012d}.jpg"
        Image.fromarray(pixels).save(folder / part / name, quality=95)
        images.append({
            "id": number, "file_name": name, "height": 200, "width": 240, "license": licences[number % len(licences)],
            "flickr_url": f"http://farm7.staticflickr.com/6116/{PAGES + number}_da26cf2c9e_z.jpg",
        })  # fmt: skip
    content = {"images": images, "annotations": people, "categories": [CATEGORY]}
    written(content, folder / "annotations" / f"person_keypoints_{part}.json")
    return folder


def licences_of(coco: Path) -> dict[int, int]:
    """Return COCO's licence of each page."""
    found = {}
    for path in sorted((coco / "annotations").glob("*.json")):
        for entry in json.loads(path.read_text())["images"]:
            found[int(entry["flickr_url"].rsplit("/", 1)[1].split("_")[0])] = entry["license"]
    return found


def built(folder: Path, *words: str) -> Path:
    """Return the path of a pack of the small COCO, of 64 pixels and 20 people, whose photos are all still there."""
    coco, out = small_coco(small_coco(folder / "coco"), 4, "val2017"), folder / "photos.zip"
    licences = licences_of(coco)
    with photo_site(lambda number: said(photo(number, licences[number]))) as (site, _):
        words = ("--people", "20", "--size", "64", "--pause", "0", *words)
        assert main(["--coco", str(coco), "--out", str(out), "--site", site, *words]) == 0
    return out
