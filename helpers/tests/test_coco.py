"""COCO's format, read and written, on a small set of our own and, where it is at hand, on a part of the real one."""

import json
import os
from pathlib import Path

import pytest
import torch

from helpers.data.coco import coco_file, coco_people, from_coco, to_coco
from helpers.data.people import PeopleSet
from helpers.data.rendered import rendered_crowds
from helpers.data.skeletons import COCO, LSP, Skeleton
from helpers.people import SceneSettings
from helpers.tests import small_sets

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_COCO") or small_sets.SHARED / "coco-mini")
SAMPLES = small_sets.SHARED / "mmpose-samples"
ROWS = ("keypoints", "visibility", "boxes_xyxy", "areas", "present", "ignored", "crowd")


@pytest.fixture
def folder(tmp_path):
    return small_sets.coco(tmp_path)


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
    keypoints = small_sets.person(0, 0, [(10, 20, 2), (30, 30, 1)])["keypoints"]
    bare = {"id": 1, "image_id": 5, "category_id": 1, "keypoints": keypoints}
    nobody = {"id": 2, "image_id": 5, "category_id": 1}
    content = {
        "images": [{"id": 5, "file_name": "x.png", "height": 40, "width": 50}],
        "annotations": [bare, nobody],
        "categories": [small_sets.CATEGORY],
    }
    data = from_coco(content)
    assert data.boxes_xyxy[0].tolist() == [[10, 20, 30, 30], [0, 0, 0, 0]]
    assert data.areas[0].tolist() == pytest.approx([106, 0]) and data.ignored.tolist() == [[False, True]]
    assert data.image_size == (40, 50) and data.name == "COCO"


def same(first: PeopleSet, second: PeopleSet) -> bool:
    rows = all(torch.equal(getattr(first, name), getattr(second, name)) for name in ROWS)
    return rows and first.skeleton == second.skeleton and first.name == second.name


def through_a_file(data, path):
    return json.loads(small_sets.written(to_coco(data), path).read_text())


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
            "annotations": [small_sets.person(1, 7, [(10, 20, 2), (30, 40, 1)])],
            "categories": [small_sets.CATEGORY],
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
            "annotations": [small_sets.person(1, 7, [(10, 20, 1)], num_keypoints=0)],
            "categories": [small_sets.CATEGORY],
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
