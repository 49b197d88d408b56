"""Masks of COCO's people, on a small set of our own and, where it is at hand, on a part of the real one."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.data.coco import coco_masks
from helpers.tests import small_sets
from helpers.tests.small_sets import person

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_COCO") or small_sets.SHARED / "coco-mini")


def box(x0, y0, x1, y1):
    """A polygon around the pixels from x0 to x1 - 1 and from y0 to y1 - 1."""
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def runs(height, width, x0, x1):
    """The columns from x0 to x1 - 1 as RLE, which runs down one column after another."""
    return {"size": [height, width], "counts": [height * x0, height * (x1 - x0), height * (width - x1)]}


def made(folder, *people, part="train2017", kind="person_keypoints", categories=(small_sets.CATEGORY,)):
    """One photo of 120 x 160, with these people."""
    (folder / part).mkdir(exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    Image.fromarray(np.full((120, 160, 3), 77, np.uint8)).save(folder / part / "1.png")
    images = [{"id": 1, "file_name": "1.png", "height": 120, "width": 160}]
    content = {"images": images, "annotations": list(people), "categories": list(categories)}
    small_sets.written(content, folder / "annotations" / f"{kind}_{part}.json")
    return folder


def read(folder, split="train", size=(120, 160)):
    return coco_masks(folder, split, size, progress=False)


LARGE = person(1, 1, segmentation=box(10, 20, 50, 60), area=1600)


def test_a_person_lies_where_the_polygon_says(tmp_path):
    data = read(made(tmp_path, LARGE))
    wanted = np.zeros((120, 160))
    wanted[20:60, 10:50] = 1
    assert data.class_names == ("background", "person") and (data.masks[0].numpy() == wanted).all()
    assert (data.images == 77).all()


def test_groups_and_small_people_are_void_but_not_over_a_person(tmp_path):
    group = person(2, 1, iscrowd=1, segmentation=runs(120, 160, 40, 100), area=7200)
    small = person(3, 1, segmentation=box(110, 0, 140, 30), area=900)
    mask = read(made(tmp_path, LARGE, group, small)).masks[0].numpy()
    assert (mask[20:60, 10:50] == 1).all() and (mask[:, 50:100] == 255).all() and (mask[:30, 110:140] == 255).all()
    assert (mask == 1).sum() == 1600 and (mask == 255).sum() == 60 * 120 - 10 * 40 + 900


def test_outside_the_photo_is_void(tmp_path):
    """120 x 160 fits into 60 x 100 at half the size, and fills 80 of 100 columns."""
    data = read(made(tmp_path, LARGE), size=(60, 100))
    wanted = np.zeros((60, 100))
    wanted[10:30, 5:25], wanted[:, 80:] = 1, 255
    assert (data.masks[0].numpy() == wanted).all() and not data.images[..., 81:].any()


def test_the_file_of_instances_serves_and_its_other_things_are_background(tmp_path):
    cat = person(2, 1, category_id=17, segmentation=box(60, 60, 100, 100), area=1600)
    kinds = [{"id": 17, "name": "cat"}, {"id": 1, "name": "person"}]
    data = read(made(tmp_path, LARGE, cat, kind="instances", categories=kinds))
    assert (data.masks == 1).sum() == 1600 and (data.masks == 0).sum() == 120 * 160 - 1600


NO_MASKS = {
    "none": None, "empty": [], "one corner": [[1, 2]], "text": "x", "null": [[10, 20, None, 20, 50, 60, 10, 60]],
    "infinite": [[10, 20, float("inf"), 20, 50, 60, 10, 60]], "far away": [[10, 20, 1e10, 20, 50, 60, 10, 60]],
    "beside the photo": box(200, 20, 250, 60),
    "another photo's": runs(60, 80, 1, 2), "too many": {"size": [120, 160], "counts": [30_000]},
    "too few": {"size": [120, 160], "counts": [5_000, 5_000]},
}  # fmt: skip


@pytest.mark.parametrize("mask", NO_MASKS.values(), ids=NO_MASKS)
def test_a_mask_that_cannot_be_drawn_is_named(tmp_path, mask):
    with pytest.raises(
        ValueError, match=r"train2017.json: annotation 7 has no mask of 120 x 160 pixels .*polygons or RLE"
    ):
        read(made(tmp_path, LARGE, person(7, 1, segmentation=mask, area=5000)))


def test_photos_of_nobody_who_counts_are_left_out(tmp_path):
    with pytest.raises(ValueError, match="names no photo of people for train"):
        read(made(tmp_path, person(3, 1, segmentation=box(0, 0, 9, 9), area=81)))


@pytest.mark.skipif(not (REAL / "annotations" / "person_keypoints_val2017.json").is_file(), reason=f"no COCO in {REAL}")
def test_the_real_people_are_where_pycocotools_says():
    from pycocotools.coco import COCO

    data = read(REAL, size=(480, 640))
    path = REAL / "annotations" / "person_keypoints_train2017.json"
    coco = COCO(str(path))
    names = sorted(image["id"] for image in json.loads(path.read_text())["images"])
    counted = [n for n in names if any(not a["iscrowd"] and a["area"] >= 1024 for a in coco.imgToAnns[n])]
    assert len(data) == len(counted)
    for place, number in enumerate(counted[:8]):
        image = coco.loadImgs(number)[0]
        if (image["height"], image["width"]) == (480, 640):
            people = [a for a in coco.imgToAnns[number] if not a["iscrowd"] and a["area"] >= 1024]
            assert ((data.masks[place].numpy() == 1) == np.any([coco.annToMask(a) for a in people], axis=0)).all()
    shares = data.class_shares()
    assert 0.05 < shares["person"] < 0.4
