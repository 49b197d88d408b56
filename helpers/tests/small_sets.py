"""Small copies of the data sets that the course reads, in their own layouts, and where the real ones may lie."""

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from helpers.data.coco.annotations import num_keypoints, read
from helpers.data.coco.people import people_of
from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO

SHARED = Path(os.environ.get("DEEP_LEARNING_LAB_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")


def leeds(folder: Path) -> Path:
    """Ten photos of 60 x 80 in the original layout; on each visible joint one white pixel, to check the crops by.

    joints.mat counts pixels from 1, and holds nonsense where a joint is not visible.
    """
    rng = np.random.default_rng(0)
    joints = np.full((14, 3, 15), -777.0)
    (folder / "images").mkdir()
    for number in range(1, 11):
        pixels = np.zeros((60, 80, 3), np.uint8)
        places = rng.permutation(50 * 70)[:14]
        x, y = places % 70 + 5, places // 70 + 5
        pixels[y, x] = 255
        if number == 1:
            pixels[y[3], x[3]] = 0  # the joint that is not visible
        Image.fromarray(pixels).save(folder / "images" / f"im{number:05d}.jpg", quality=100, subsampling=0)
        joints[:, :, number - 1] = np.stack([x + 1, y + 1, np.ones(14)], 1)
    joints[3, :, 0] = (-777, -777, 0)
    joints[1:, 2, 1] = 0  # photo 2 has one joint: left out
    savemat(folder / "joints.mat", {"joints": joints})
    return folder


def camvid(folder: Path) -> Path:
    """Three pairs of 30 x 40 for train, one for val: blocks of 2 x 2 pixels of one class, whose image is 20 * class."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 1)):
        (folder / split).mkdir()
        (folder / f"{split}annot").mkdir()
        lines = []
        for number in range(count):
            labels = rng.integers(0, 12, (15, 20)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
            name = f"seq_{number:03d}.png"
            Image.fromarray(np.repeat(20 * labels[:, :, None], 3, 2)).save(folder / split / name)
            Image.fromarray(labels).save(folder / f"{split}annot" / name)
            lines.append(f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def sections() -> tuple[list[Image.Image], list[Image.Image]]:
    """Thirty sections of 20 x 26; image n is grey n on membrane and 100 + n in a cell."""
    rng = np.random.default_rng(0)
    cells = rng.random((30, 20, 26)) < 0.7
    images = np.arange(30)[:, None, None] + 100 * cells
    return (
        [Image.fromarray(image.astype(np.uint8)) for image in images],
        [Image.fromarray((255 * cell).astype(np.uint8)) for cell in cells],
    )


def isbi_pictures(folder: Path) -> Path:
    """The thirty sections as PNG."""
    for name, pages in zip(("image", "label"), sections(), strict=True):
        (folder / "train" / name).mkdir(parents=True)
        for number, page in enumerate(pages):
            page.save(folder / "train" / name / f"{number}.png")
    return folder


def isbi_stacks(folder: Path, count: int = 30) -> Path:
    """The first sections as the two TIFF stacks."""
    for name, pages in zip(("train-volume.tif", "train-labels.tif"), sections(), strict=True):
        pages[0].save(folder / name, save_all=True, append_images=pages[1:count])
    return folder


CATEGORY = {"id": 1, "name": "person", "keypoints": list(COCO.keypoint_names), "skeleton": [[16, 14]]}


def person(number, image, places=None, **more):
    """An annotation; `places` are x, y, v of the first keypoints, the others are unknown."""
    places = list(places or ())
    keypoints = [value for place in places + [(0, 0, 0)] * (17 - len(places)) for value in place]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [10, 20, 30, 40],
        "area": 600.0,
        "iscrowd": 0,
        "num_keypoints": len(places),
        "keypoints": keypoints,
        **more,
    }


# By number of the photo. Photo 1 has two people, photo 4 someone too small and a crowd besides, photo 2 only such.
PEOPLE = {
    1: [person(11, 1, [(10, 20, 2), (30, 40, 1)]), person(12, 1, [(50, 5, 2)])],
    2: [person(21, 2)],
    3: [],
    4: [person(41, 4), person(42, 4, [(8, 9, 2)]), person(43, 4, iscrowd=1, bbox=[0, 0, 60, 30])],
    6: [person(61, 6, [(7, 7, 2)])],
}


def written(content, path):
    path.write_text(json.dumps(content))
    return path


def coco(folder: Path) -> Path:
    """The five photos, 60 x 80 but for photo 4, which is 90 x 60; each seen keypoint is a white pixel."""
    for part in ("train2017", "val2017"):
        (folder / part).mkdir()
        images = []
        for number in (4, 1, 3, 2, 6):  # not in order, as in COCO
            height, width = (90, 60) if number == 4 else (60, 80)
            pixels = np.zeros((height, width, 3), np.uint8)
            for one in PEOPLE[number]:
                for x, y, v in np.reshape(one["keypoints"], (17, 3)):
                    pixels[y, x] = 255 * (v == 2)
            name = f"{number:012d}.png"
            Image.fromarray(pixels).save(folder / part / name)
            images.append({"id": number, "file_name": name, "height": height, "width": width})
        (folder / "annotations").mkdir(exist_ok=True)
        content = {
            "images": images,
            "annotations": [one for people in PEOPLE.values() for one in people],
            "categories": [CATEGORY],
        }
        written(content, folder / "annotations" / f"person_keypoints_{part}.json")
    return folder


def people_in(file: Path, photos: Path, size: tuple[int, int] = (96, 128)) -> PeopleSet:
    """The people of any file in COCO's format, whatever it is called."""
    coco = read(file, photos)
    return people_of(coco, coco.images_with(num_keypoints, "people with keypoints"), size, file.stem)


def coco_file(folder: Path, people: list[dict], category: dict = CATEGORY) -> PeopleSet:
    """These people of photo 5, which is black, 40 x 50, read from a file that holds nothing else."""
    Image.new("RGB", (50, 40)).save(folder / "x.png")
    images = [{"id": 5, "file_name": "x.png", "height": 40, "width": 50}]
    content = {"images": images, "annotations": people, "categories": [category]}
    return people_in(written(content, folder / "people.json"), folder, (40, 50))
