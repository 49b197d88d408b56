"""People cut out of COCO's photos, on a small set of our own and, where it is at hand, on a part of the real one."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.coco import coco_poses
from helpers.data.skeletons import COCO
from helpers.tests import small_sets
from helpers.tests.small_sets import person

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_COCO") or small_sets.SHARED / "coco-mini")
KNOWN = [(10 + 3 * k, 20 + 2 * k, 2) for k in range(8)]  # 8 keypoints, x from 10 to 31, y from 20 to 34
BOX = [10, 20, 22, 15]  # pixels 10 to 31 and 20 to 34


def made(folder, *people, part="train2017"):
    """Photos of 60 x 80, one for each list of people, with a white pixel on every keypoint; return the folder."""
    (folder / part).mkdir()
    (folder / "annotations").mkdir(exist_ok=True)
    images = []
    for number, of_photo in enumerate(people, 1):
        pixels = np.zeros((60, 80, 3), np.uint8)
        for one in of_photo:
            for x, y, v in np.reshape(one["keypoints"], (17, 3)).astype(int):
                if v and x < 80 and y < 60:
                    pixels[y, x] = 255
        Image.fromarray(pixels).save(folder / part / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": 60, "width": 80})
    annotations = [one for of_photo in people for one in of_photo]
    content = {"images": images, "annotations": annotations, "categories": [small_sets.CATEGORY]}
    small_sets.written(content, folder / "annotations" / f"person_keypoints_{part}.json")
    return folder


def read(folder, split="train", size=(64, 64), pixels=20, **more):
    return coco_poses(folder, split, size, progress=False, pixels=pixels, **more)


def test_one_person_by_hand(tmp_path):
    """A box of 22 x 15 makes a crop 27.5 wide about (21, 27.5): 64 / 27.5 as large, from (7.25, 13.75) on."""
    data = read(made(tmp_path, [person(1, 1, KNOWN, bbox=BOX)]))
    assert len(data) == 1 and data.skeleton is COCO and data.name == "COCO people, train"
    scale = 64 / 27.5
    first = [(10.5 - 7.25) * scale - 0.5, (20.5 - 13.75) * scale - 0.5]
    assert data.keypoints[0, 0].tolist() == pytest.approx(first, abs=1e-5)
    assert data.boxes_xyxy[0, :2].tolist() == pytest.approx(first, abs=1e-5)
    assert data.visibility[0].tolist() == [2] * 8 + [0] * 9 and not data.keypoints[0, 8:].any()


@pytest.mark.parametrize("size", [(64, 64), (96, 40), (33, 120)], ids=str)
def test_keypoints_lie_on_what_the_crop_shows(tmp_path, size):
    data = read(made(tmp_path, [person(1, 1, KNOWN, bbox=BOX)]), size=size)
    assert data.image_size == size
    light = data.images[0, 0].float()
    for x, y in data.keypoints[0][data.visible[0]].tolist():
        near = light[max(round(y) - 2, 0) : round(y) + 3, max(round(x) - 2, 0) : round(x) + 3]
        assert near.max() > 40


def test_hidden_keypoints_count_and_those_outside_the_crop_do_not(tmp_path):
    hidden, far = (20, 25, 1), (79, 59, 2)
    data = read(made(tmp_path, [person(1, 1, [*KNOWN, hidden, far], bbox=BOX)]))
    assert data.visibility[0].tolist() == [2] * 8 + [1] + [0] * 8 and data.visible[0, 8]


def test_a_box_is_cut_to_the_photo(tmp_path):
    """As "Simple Baselines" does: from x = -10 on 40 wide is cut to the pixels 0 to 39, down to the last row, 59."""
    data = read(made(tmp_path, [person(1, 1, KNOWN, bbox=[-10, 30, 40, 90])]), size=(60, 80))
    left, top, right, bottom = data.boxes_xyxy[0].tolist()
    assert (right - left) / (bottom - top) == pytest.approx(39 / 29, abs=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        person(2, 1, KNOWN, bbox=BOX, iscrowd=1),
        person(2, 1, KNOWN, bbox=BOX, area=0),
        person(2, 1, KNOWN[:7], bbox=BOX),
        person(2, 1, KNOWN, bbox=BOX, num_keypoints=0),
        person(2, 1, KNOWN, bbox=[10, 20, 19, 19]),
        person(2, 1, KNOWN, bbox=[100, 20, 40, 40]),
    ],
    ids=["crowd", "no area", "seven keypoints", "to be ignored", "too small", "outside the photo"],
)
def test_who_is_left_out(tmp_path, other):
    assert len(read(made(tmp_path, [person(1, 1, KNOWN, bbox=BOX), other]))) == 1


def test_all_people_of_a_photo_are_in_one_split(tmp_path):
    photos = [[person(10 * n + p, n, KNOWN, bbox=BOX) for p in range(n)] for n in range(1, 6)]
    made(tmp_path, *photos, part="val2017")
    assert len(read(tmp_path, "val")) == 1 + 3 + 5 and len(read(tmp_path, "test")) == 2 + 4
    assert len(read(tmp_path, "val", count=3)) == 3


def test_nobody_large_enough_is_a_sentence(tmp_path):
    made(tmp_path, [person(1, 1, KNOWN, bbox=BOX)])
    with pytest.raises(
        ValueError, match="train2017.json names nobody with 8 keypoints and a box of 96 pixels for train"
    ):
        coco_poses(tmp_path, "train", progress=False)


@pytest.mark.skipif(not (REAL / "annotations" / "person_keypoints_val2017.json").is_file(), reason=f"no COCO in {REAL}")
def test_the_real_people_are_cut_out():
    data = coco_poses(REAL, "train", progress=False)
    content = json.loads((REAL / "annotations" / "person_keypoints_train2017.json").read_text())
    wanted = [
        one for one in content["annotations"]
        if not one["iscrowd"] and one["num_keypoints"] >= 8 and max(one["bbox"][2:]) >= 97
    ]  # fmt: skip
    assert abs(len(data) - len(wanted)) <= 2  # boxes are cut to the photo
    assert (data.visible.sum(1) >= 6).all() and data.visible.sum(1).float().mean() > 10
    eyes, hips = data.keypoints[:, 1:3, 1].mean(1), data.keypoints[:, 11:13, 1].mean(1)
    known = data.visible[:, [1, 2, 11, 12]].all(1)
    assert known.sum() > 10 and (eyes < hips)[known].float().mean() > 0.9
    centre = ((data.boxes_xyxy[:, :2] + data.boxes_xyxy[:, 2:]) / 2 - 63.5).abs()
    assert centre.max() < 1e-3  # the box lies in the middle
    longest = (data.boxes_xyxy[:, 2:] - data.boxes_xyxy[:, :2] + data.boxes_xyxy.new_tensor(0)).amax(1)
    assert torch.allclose(longest, torch.full_like(longest, 128 / 1.25), atol=1.5)
