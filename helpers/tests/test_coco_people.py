"""COCO's format, read and written, on a small set of our own and, where it is at hand, on a part of the real one."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.coco import coco_file, coco_people, from_coco, to_coco
from helpers.data.load import load_people
from helpers.data.people import PeopleSet
from helpers.data.rendered import rendered_crowds
from helpers.data.skeletons import COCO, LSP, Skeleton
from helpers.people import SceneSettings

SHARED = Path(os.environ.get("DEEP_LEARNING_LAB_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
REAL = Path(os.environ.get("DEEP_LEARNING_LAB_COCO") or SHARED / "coco-mini")
SAMPLES = SHARED / "mmpose-samples"
ROWS = ("keypoints", "visibility", "boxes_xyxy", "areas", "present", "ignored", "crowd")
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


@pytest.fixture
def folder(tmp_path):
    """The five photos, 60 x 80 but for photo 4, which is 90 x 60; each seen keypoint is a white pixel."""
    for part in ("train2017", "val2017"):
        (tmp_path / part).mkdir()
        images = []
        for number in (4, 1, 3, 2, 6):  # not in order, as in COCO
            height, width = (90, 60) if number == 4 else (60, 80)
            pixels = np.zeros((height, width, 3), np.uint8)
            for one in PEOPLE[number]:
                for x, y, v in np.reshape(one["keypoints"], (17, 3)):
                    pixels[y, x] = 255 * (v == 2)
            name = f"{number:012d}.png"
            Image.fromarray(pixels).save(tmp_path / part / name)
            images.append({"id": number, "file_name": name, "height": height, "width": width})
        (tmp_path / "annotations").mkdir(exist_ok=True)
        content = {
            "images": images,
            "annotations": [one for people in PEOPLE.values() for one in people],
            "categories": [CATEGORY],
        }
        written(content, tmp_path / "annotations" / f"person_keypoints_{part}.json")
    return tmp_path


def read(folder, split="train", size=(60, 80), **more):
    return coco_people(folder, split, size, progress=False, **more)


def test_people_lie_where_the_file_says(folder):
    data = read(folder)
    assert len(data) == 3 and data.image_size == (60, 80) and data.skeleton is COCO and data.name == "COCO, train"
    assert data.num_people.tolist() == [2, 3, 1]
    assert data.keypoints[0, 0, :3].tolist() == [[10, 20], [30, 40], [0, 0]]
    assert data.visibility[0, 0, :3].tolist() == [2, 1, 0]
    assert data.boxes_xyxy[0, 0].tolist() == [10, 20, 40, 60] and data.areas[0, 0] == 600
    assert (data.images[0] > 0).nonzero().tolist() == [[c, y, x] for c in range(3) for y, x in ((5, 50), (20, 10))]


def test_people_without_keypoints_and_crowds_are_ignored(folder):
    data = read(folder)
    assert data.ignored.tolist() == [[False, False, False], [True, False, True], [False] * 3]
    assert data.crowd.nonzero().tolist() == [[1, 2]]


def test_all_images_are_also_those_without_anybody(folder):
    data = read(folder, all_images=True)
    assert data.num_people.tolist() == [2, 1, 0, 3, 1] and data.ignored[1, 0]


@pytest.mark.parametrize(("all_images", "val", "test"), [(False, [2, 1], [3]), (True, [2, 0, 1], [1, 3])])
def test_val_and_test_take_turns(folder, all_images, val, test):
    """Photos 1, 3 and 6 are for val, 2 and 4 for test; whether those without keypoints are asked for or not."""
    (folder / "annotations" / "person_keypoints_train2017.json").unlink()
    assert read(folder, "val", all_images=all_images).num_people.tolist() == val
    assert read(folder, "test", all_images=all_images).num_people.tolist() == test


def test_a_count_takes_the_first(folder):
    assert read(folder, count=2).num_people.tolist() == [2, 3]
    with pytest.raises(ValueError, match="count is 0; expected a whole number of photos"):
        read(folder, count=0)


def test_half_the_size_by_hand(folder):
    """Pixel 10 has its centre 10.5 from the edge: at half the size 5.25, which is pixel 4.75. Areas are a quarter."""
    data = read(folder, size=(30, 40))
    assert data.keypoints[0, 0, :2].tolist() == [[4.75, 9.75], [14.75, 19.75]]
    assert data.boxes_xyxy[0, 0].tolist() == [4.75, 9.75, 19.75, 29.75] and data.areas[0, 0] == 150


@pytest.mark.parametrize("size", [(128, 160), (97, 61), (40, 120)], ids=str)
def test_keypoints_lie_on_what_the_photo_shows(folder, size):
    data = read(folder, size=size)
    for n, (height, width) in enumerate([(60, 80), (90, 60), (60, 80)]):
        scale = min(size[0] / height, size[1] / width)
        assert torch.allclose(data.areas[n, 0], torch.tensor(600 * scale**2))
        image = data.images[n, 0].float()
        rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        assert not image[(rows > scale * height) | (columns > scale * width)].any()
        seen = data.keypoints[n][data.visibility[n] == 2]
        for x, y in seen.tolist():
            near = ((columns - x).abs() < max(scale, 1) + 1) & ((rows - y).abs() < max(scale, 1) + 1)
            light = image * near
            assert light.sum() > 0
            assert float((light * columns).sum() / light.sum()) == pytest.approx(x, abs=0.05)
            assert float((light * rows).sum() / light.sum()) == pytest.approx(y, abs=0.05)


def test_what_other_sets_leave_out_is_worked_out():
    """Without box: around the keypoints, 20 x 10; without area: 0.53 of the box; without num_keypoints: those known."""
    keypoints = person(0, 0, [(10, 20, 2), (30, 30, 1)])["keypoints"]
    bare = {"id": 1, "image_id": 5, "category_id": 1, "keypoints": keypoints}
    nobody = {"id": 2, "image_id": 5, "category_id": 1}
    content = {
        "images": [{"id": 5, "file_name": "x.png", "height": 40, "width": 50}],
        "annotations": [bare, nobody],
        "categories": [CATEGORY],
    }
    data = from_coco(content)
    assert data.boxes_xyxy[0].tolist() == [[10, 20, 30, 30], [0, 0, 0, 0]]
    assert data.areas[0].tolist() == pytest.approx([106, 0]) and data.ignored.tolist() == [[False, True]]
    assert data.image_size == (40, 50) and data.name == "COCO"


def same(first: PeopleSet, second: PeopleSet) -> bool:
    rows = all(torch.equal(getattr(first, name), getattr(second, name)) for name in ROWS)
    return rows and first.skeleton == second.skeleton and first.name == second.name


def through_a_file(data, path):
    return json.loads(written(to_coco(data), path).read_text())


def test_to_coco_and_back_is_the_same(folder, tmp_path):
    data = read(folder, size=(51, 67), all_images=True)
    content = through_a_file(data, tmp_path / "people.json")
    assert same(from_coco(content), data)
    back = from_coco(content, data.images, max_people=5)
    assert torch.equal(back.images, data.images) and back.present.shape == (5, 5)


def test_rendered_people_come_back_but_for_keypoints_outside_the_image(tmp_path):
    settings = SceneSettings(size=(48, 64), people=(2, 4), truncation=0.5)
    data = rendered_crowds("val", 6, settings=settings, cache=False, progress=False)
    back = from_coco(through_a_file(data, tmp_path / "people.json"), data.images)
    assert not data.visible[data.present].all() and back.keypoints[~data.visible].abs().sum() == 0
    assert torch.equal(back.keypoints[data.visible], data.keypoints[data.visible])
    rest = {name: torch.equal(getattr(back, name), getattr(data, name)) for name in ROWS if name != "keypoints"}
    assert all(rest.values()), rest


def test_it_is_written_as_coco_writes_it():
    data = from_coco(
        {
            "images": [{"id": 7, "file_name": "x.jpg", "height": 40, "width": 50}],
            "annotations": [person(1, 7, [(10, 20, 2), (30, 40, 1)])],
            "categories": [CATEGORY],
        }
    )
    content = to_coco(data)
    assert content["images"] == [{"id": 1, "file_name": "000000000001.png", "height": 40, "width": 50}]
    assert content["annotations"] == [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "num_keypoints": 2,
            "bbox": [10, 20, 30, 40],
            "area": 600,
            "keypoints": [10, 20, 2, 30, 40, 1] + [0] * 45,
        }
    ]
    category = content["categories"][0]
    assert (category["id"], category["name"], category["keypoints"][0]) == (1, "person", "nose")
    assert [16, 14] in category["skeleton"] or [14, 16] in category["skeleton"]
    assert min(min(limb) for limb in category["skeleton"]) == 1


def test_someone_ignored_whose_keypoints_are_known_stays_both():
    data = from_coco(
        {
            "images": [{"id": 7, "height": 40, "width": 50}],
            "annotations": [person(1, 7, [(10, 20, 1)], num_keypoints=0)],
            "categories": [CATEGORY],
        }
    )
    assert data.ignored.all() and data.visible.sum() == 1
    assert to_coco(data)["annotations"][0]["num_keypoints"] == 0 and same(from_coco(to_coco(data)), data)


@pytest.mark.parametrize(
    "skeleton",
    [LSP, Skeleton("person", ("nose", "right_ear", "left_ear", "right_tail"), ((0, 1), (0, 2)), ((2, 1),))],
    ids=["LSP", "unknown"],
)
def test_other_skeletons_come_back(skeleton):
    count = skeleton.num_keypoints
    ones = torch.ones(2, 1, dtype=torch.bool)
    data = PeopleSet(
        torch.zeros(2, 3, 8, 9, dtype=torch.uint8),
        torch.rand(2, 1, count, 2),
        torch.full((2, 1, count), 2, dtype=torch.uint8),
        torch.tensor([0.0, 0, 1, 1]).expand(2, 1, 4),
        torch.ones(2, 1),
        ones,
        skeleton,
        "others",
    )
    assert same(from_coco(to_coco(data)), data)
    assert from_coco(to_coco(data), skeleton=COCO if count == 17 else skeleton).skeleton is skeleton


GOOD = {
    "images": [{"id": 1, "height": 40, "width": 50}],
    "annotations": [person(1, 1, [(1, 2, 2)])] * 2,
    "categories": [CATEGORY],
}


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({"images": [*GOOD["images"], {"id": 2, "height": 50, "width": 40}]}, {}, "images of 2 sizes; expected one"),
        ({"images": []}, {}, "images of 0 sizes"),
        ({"categories": [{"id": 1, "name": "person"}]}, {}, "coco says nothing of keypoints"),
        ({"categories": []}, {}, "coco says nothing of keypoints"),
        ({"annotations": [person(9, 1, keypoints=[1, 2, 2])]}, {}, "annotation 9 has 3 numbers of keypoints; .* of 17"),
        ({"annotations": [{"id": 1, "image_id": 1}]}, {}, "coco holds an entry without 'category_id'"),
        ({}, {"images": torch.zeros(1, 3, 50, 40, dtype=torch.uint8)}, r"images has shape .* \(N=1, 3, H=40, W=50\)"),
        ({}, {"max_people": 1}, "max_people is 1; an image has 2 people"),
    ],
    ids=["sizes", "empty", "instances", "no-category", "short", "entry", "images", "rows"],
)
def test_what_is_not_in_cocos_format_is_refused(change, more, message):
    with pytest.raises(ValueError, match=message):
        from_coco({**GOOD, **change}, **more)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_a_missing_list_is_named(key):
    with pytest.raises(ValueError, match=f"coco has no {key}; expected images, annotations and categories"):
        from_coco({name: value for name, value in GOOD.items() if name != key})


def test_a_missing_folder_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_COCO", str(tmp_path / "nowhere"))
    message = (
        r"nowhere.annotations.person_keypoints_val2017.json is missing. Download the photos of val2017 .* from "
        r"https://.*nowhere.val2017 exist"
    )
    with pytest.raises(FileNotFoundError, match=message):
        load_people("coco", "test")


def test_what_is_missing_or_damaged_is_named(folder):
    photo = folder / "train2017" / "000000000004.png"
    photo.write_bytes(photo.read_bytes()[:50])
    with pytest.raises(ValueError, match="000000000004.png is damaged"):
        read(folder)
    photo.unlink()
    with pytest.raises(FileNotFoundError, match="000000000004.png is missing. Put it there from https"):
        read(folder)
    file = folder / "annotations" / "person_keypoints_train2017.json"
    file.write_text(file.read_text()[:-100])
    with pytest.raises(ValueError, match="person_keypoints_train2017.json is damaged"):
        read(folder)
    with pytest.raises(FileNotFoundError, match="people.json is missing; expected a JSON file"):
        coco_file(folder / "people.json", folder)
    with pytest.raises(ValueError, match="list.json holds a list; expected a dictionary"):
        coco_file(written([], folder / "list.json"), folder)
    with pytest.raises(ValueError, match="empty.json names no photo of people with keypoints"):
        coco_file(written({**GOOD, "annotations": []}, folder / "empty.json"), folder)
    with pytest.raises(ValueError, match="expected 'train', 'val' or 'test'"):
        read(folder, "val2017")


@pytest.mark.skipif(not (REAL / "annotations" / "person_keypoints_val2017.json").is_file(), reason=f"no COCO in {REAL}")
def test_the_real_photos_are_read():
    data = coco_people(REAL, "train", count=16, progress=False)
    assert 0 < len(data) <= 16 and data.image_size == (96, 128) and data.skeleton is COCO
    counted = data.present & ~data.ignored
    assert (data.visible.any(-1) == counted).all() and counted.any(1).all()
    inside = (data.keypoints > -0.5) & (data.keypoints < torch.tensor([159.5, 127.5]))
    assert inside.all(-1)[data.visible].all()
    nose, ankles = data.keypoints[..., 0, 1], data.keypoints[..., 15:, 1].mean(-1)
    known = data.visible[..., [0, 15, 16]].all(-1)
    assert known.any() and (nose < ankles)[known].float().mean() > 0.9
    assert (data.areas[counted] < 128 * 160).all()
    assert same(from_coco(to_coco(data), data.images), data)


@pytest.mark.parametrize(
    ("file", "photos", "counts", "keypoints"),
    [
        ("coco/test_coco.json", "coco", [5, 5, 3, 1], 17),
        ("ochuman/test_ochuman.json", "ochuman", None, 17),
        ("jhmdb/test_jhmdb_sub1.json", "jhmdb", [1, 1, 1], 15),
        ("posetrack18/annotations/test_posetrack18_val.json", "posetrack18", None, 17),
    ],
    ids=["coco", "ochuman", "jhmdb", "posetrack"],
)
def test_files_of_other_sets_and_names_are_read(file, photos, counts, keypoints):
    """Some leave out areas, numbers of keypoints or iscrowd, and name their keypoints otherwise."""
    if not (SAMPLES / file).is_file():
        pytest.skip(f"no samples in {SAMPLES}")
    data = coco_file(SAMPLES / file, SAMPLES / photos, (96, 96), progress=False)
    assert counts is None or sorted(data.num_people.tolist()) == sorted(counts)
    assert data.skeleton.num_keypoints == keypoints and (data.areas[~data.ignored & data.present] > 0).all()
    assert data.images.float().mean() > 20


def test_crowdpose_is_read_with_a_skeleton_of_ours():
    file = SAMPLES / "crowdpose" / "test_crowdpose.json"
    if not file.is_file():
        pytest.skip(f"no samples in {SAMPLES}")
    with pytest.raises(ValueError, match="limbs of skeleton 'person' name a keypoint not in 0 ... 13"):
        coco_file(file, file.parent, progress=False)
    names = tuple(json.loads(file.read_text())["categories"][0]["keypoints"])
    skeleton = Skeleton("CrowdPose", names, ((0, 2),), ())
    assert coco_file(file, file.parent, skeleton=skeleton, progress=False).skeleton is skeleton
