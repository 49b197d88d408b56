"""COCO's format, on a small set of our own and, where it is at hand, on a part of the real one."""

import os
from pathlib import Path

import pytest
import torch

from helpers.data.coco import coco_annotations, coco_people
from helpers.data.skeletons import COCO, LSP, Skeleton
from helpers.tests import small_sets

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_COCO") or small_sets.SHARED / "coco-mini")
SAMPLES = small_sets.SHARED / "mmpose-samples"


@pytest.fixture
def folder(tmp_path):
    return small_sets.coco(tmp_path)


def read(folder, split="train", size=(60, 80), **more):
    return coco_people(folder, split, size, progress=False, **more)


def test_people_lie_where_the_file_says(folder):
    data = read(folder)
    assert len(data) == 3 and data.image_size == (60, 80) and data.skeleton is COCO and data.name == "COCO, train"
    assert data.present.sum(dim=1).tolist() == [2, 3, 1]
    assert data.keypoints[0, 0, :3].tolist() == [[10, 20], [30, 40], [0, 0]]
    assert data.visibility[0, 0, :3].tolist() == [2, 1, 0]
    assert data.boxes_xyxy[0, 0].tolist() == [10, 20, 40, 60] and data.areas[0, 0] == 600
    assert (data.images[0] > 0).nonzero().tolist() == [[c, y, x] for c in range(3) for y, x in ((5, 50), (20, 10))]


def test_people_without_keypoints_and_crowds_are_ignored(folder):
    data = read(folder)
    assert data.ignored.tolist() == [[False, False, False], [True, False, True], [False] * 3]
    assert data.crowd.nonzero().tolist() == [[1, 2]]


def test_val_and_test_take_turns(folder):
    """Photos 1, 3 and 6 are for val, 2 and 4 for test; 2 and 3 show nobody with keypoints."""
    (folder / "annotations" / "person_keypoints_train2017.json").unlink()
    assert read(folder, "val").present.sum(dim=1).tolist() == [2, 1]
    assert read(folder, "test").present.sum(dim=1).tolist() == [3]


def test_a_count_takes_the_first(folder):
    assert read(folder, count=2).present.sum(dim=1).tolist() == [2, 3]
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


def test_what_other_sets_leave_out_is_worked_out(tmp_path):
    """Without box: around the keypoints, 20 x 10; without area: 0.53 of the box; without num_keypoints: those known."""
    keypoints = small_sets.person(0, 0, [(10, 20, 2), (30, 30, 1)])["keypoints"]
    bare = {"id": 1, "image_id": 5, "category_id": 1, "keypoints": keypoints}
    nobody = {"id": 2, "image_id": 5, "category_id": 1}
    data = small_sets.coco_file(tmp_path, [bare, nobody])
    assert data.boxes_xyxy[0].tolist() == [[10, 20, 30, 30], [0, 0, 0, 0]]
    assert data.areas[0].tolist() == pytest.approx([106, 0]) and data.ignored.tolist() == [[False, True]]


def test_a_set_is_told_as_coco_tells_it(folder):
    """The file's own annotations come back, photo by photo, of those who are read."""
    told = coco_annotations(vars(read(folder)[:2]))
    assert told[:2] == [{**one, "id": number} for number, one in enumerate(small_sets.PEOPLE[1], 1)]
    assert [one["num_keypoints"] for one in told] == [2, 1, 0, 1, 0] and [one["iscrowd"] for one in told][4] == 1


def test_someone_ignored_whose_keypoints_are_known_stays_both(tmp_path):
    known = small_sets.person(2, 5, [(10, 20, 2)])
    data = small_sets.coco_file(tmp_path, [known, small_sets.person(1, 5, [(10, 20, 1)], num_keypoints=0)])
    assert data.ignored.tolist() == [[False, True]] and data.visible.sum() == 2
    assert [one["num_keypoints"] for one in coco_annotations(vars(data))] == [1, 0]


UNKNOWN = Skeleton("person", ("nose", "right_ear", "left_ear", "right_tail"), ((0, 1), (0, 2)), ((2, 1),))


@pytest.mark.parametrize("skeleton", [LSP, UNKNOWN], ids=["LSP", "unknown"])
def test_other_skeletons_are_read(tmp_path, skeleton):
    limbs = [[a + 1, b + 1] for a, b in skeleton.limbs]  # COCO counts keypoints from 1
    category = {**small_sets.CATEGORY, "keypoints": list(skeleton.keypoint_names), "skeleton": limbs}
    one = small_sets.person(1, 5, keypoints=[1, 2, 2] * skeleton.num_keypoints, num_keypoints=skeleton.num_keypoints)
    assert small_sets.coco_file(tmp_path, [one], category).skeleton == skeleton


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
    data = small_sets.people_in(SAMPLES / file, SAMPLES / photos, (96, 96))
    assert counts is None or sorted(data.present.sum(dim=1).tolist()) == sorted(counts)
    assert data.skeleton.num_keypoints == keypoints and (data.areas[~data.ignored & data.present] > 0).all()
    assert data.images.float().mean() > 20


def test_a_skeleton_that_is_none_is_named():
    """CrowdPose's file has COCO's limbs for its own fourteen keypoints."""
    file = SAMPLES / "crowdpose" / "test_crowdpose.json"
    if not file.is_file():
        pytest.skip(f"no samples in {SAMPLES}")
    with pytest.raises(ValueError, match="limbs of skeleton 'person' name a keypoint not in 0 ... 13"):
        small_sets.people_in(file, file.parent)
