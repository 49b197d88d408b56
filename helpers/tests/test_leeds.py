"""The reader of Leeds Sports Pose Extended, on a small set of our own and, where it is at hand, on the real one."""

import hashlib
import zipfile

import numpy as np
import pytest
import torch
from scipy.io import savemat

from helpers.data.leeds import leeds_sports
from helpers.data.skeletons import LSP
from helpers.tests import small_sets

REAL = small_sets.SHARED / "lspet"


@pytest.fixture
def folder(tmp_path):
    return small_sets.leeds(tmp_path)


def test_seven_train_one_val_two_test(folder):
    sizes = {split: len(leeds_sports(folder, split, progress=False)) for split in ("train", "val", "test")}
    assert sizes == {"train": 6, "val": 1, "test": 2}  # seven, but one photo has a single joint


def test_subset_decides_on_the_split_by_position(folder):
    (folder / "subset.txt").write_text("".join(f"im{n:05d}.jpg\n" for n in (10, 9, 8, 7, 6, 5, 4, 3)))
    sixth = leeds_sports(folder, "test", progress=False)  # position 4 is photo 6
    (folder / "subset.txt").unlink()
    (folder / "images" / "im00006.jpg").rename(folder / "images" / "im00015.jpg")
    assert len(sixth) == 1 and len(leeds_sports(folder, "train", progress=False)) == 5


@pytest.mark.parametrize("size", [(128, 128), (97, 161), (160, 64)], ids=str)
def test_joints_lie_on_what_the_photo_shows(folder, size):
    people = leeds_sports(folder, "train", size, progress=False)
    assert people.skeleton is LSP and people.image_size == size
    for image, joints, visible in zip(people.images, people.keypoints, people.visible, strict=True):
        light = image[0].float()
        light = light * (light > 24)  # JPEG leaves a faint ripple
        far = (
            (torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(1)[:, None] - joints[visible])
            .norm(dim=-1)
            .min(1)[0]
            .view(size)
        )
        assert light[far > 8].sum() == 0 and light.sum() > 0  # all that is bright is near a joint
        for x, y in joints[visible].tolist():
            near = light[max(round(y) - 4, 0) : round(y) + 5, max(round(x) - 4, 0) : round(x) + 5]
            assert near.max() > 30


def test_a_lone_pair_of_joints_is_in_the_exact_place(folder):
    """Joints at (20, 30) and (51, 30): a box 32 wide, a crop 40 wide about x = 36: 128 / 40 = 3.2 times as large.

    So x = 20 goes to (20.5 - 16) * 3.2 - 0.5 = 13.9, y = 30 to the middle, 63.5.
    """
    joints = np.zeros((14, 3, 1))
    joints[0, :, 0], joints[1, :, 0] = (21, 31, 1), (52, 31, 1)
    savemat(folder / "joints.mat", {"joints": joints})
    (folder / "subset.txt").write_text("im00001\n")
    people = leeds_sports(folder, "train", progress=False)
    assert people.keypoints[0, :2].flatten().tolist() == pytest.approx([13.9, 63.5, 113.1, 63.5], abs=1e-4)
    assert people.boxes_xyxy[0].tolist() == pytest.approx([13.9, 63.5, 113.1, 63.5], abs=1e-4)


def test_joints_that_are_not_visible_or_outside_the_photo_count_nowhere(folder):
    people = leeds_sports(folder, "train", progress=False)
    assert people.visibility[0].tolist() == [2, 2, 2, 0] + [2] * 10 and torch.isfinite(people.keypoints).all()
    joints = np.zeros((14, 3, 1))
    joints[:3, :, 0] = (10, 10, 1), (30, 30, 1), (200, 30, 1)
    savemat(folder / "joints.mat", {"joints": joints})
    (folder / "subset.txt").write_text("im00001\n")
    assert leeds_sports(folder, "train", progress=False).visibility[0, :3].tolist() == [2, 2, 0]


def test_it_is_downloaded_where_an_address_is_given(folder, server, tmp_path_factory):
    (address, served), home = server, tmp_path_factory.mktemp("home")
    with zipfile.ZipFile(served / "lspet.zip", "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder))
    right = hashlib.sha256((served / "lspet.zip").read_bytes()).hexdigest()
    people = leeds_sports(home, "val", progress=False, url=f"{address}/lspet.zip", sha256=right)
    assert len(people) == 1


@pytest.mark.skipif(not (REAL / "joints.mat").is_file(), reason=f"no Leeds Sports photos in {REAL}")
def test_the_real_photos_are_read():
    people = leeds_sports(REAL, "val", progress=False)
    assert len(people) == 111 and 0.8 < people.visible.float().mean() < 0.95
    inside = (people.keypoints >= -0.5) & (people.keypoints <= 127.5)
    assert inside.all(-1)[people.visible].all()
    neck, shoulders, hips = (people.keypoints[:, k].mean(1) for k in ([12], [8, 9], [2, 3]))
    known = people.visible[:, [12, 8, 9, 2, 3]].all(1)
    nearer = (neck - shoulders).norm(dim=1) < (neck - hips).norm(dim=1)
    assert nearer[known].float().mean() > 0.95
