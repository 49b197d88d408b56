"""The reader of CamVid, on a small set of our own and, where it is at hand, on the real one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.camvid import camvid
from helpers.tests import small_sets

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_CAMVID") or small_sets.SHARED / "camvid" / "CamVid")


@pytest.fixture
def folder(tmp_path):
    return small_sets.camvid(tmp_path)


def read(folder, split="train", size=None):
    return camvid(folder, split, size, progress=False)


def test_images_and_masks_lie_on_each_other(folder):
    data = read(folder)
    assert len(data) == 3 and data.image_size == (30, 40) and data.num_classes == 11
    shown = data.images[:, 0] // 20
    assert torch.equal(shown[data.masks != 255], data.masks[data.masks != 255])
    assert (shown[data.masks == 255] == 11).all() and (data.masks == 255).any()


def test_the_lists_decide_and_empty_lines_do_not_count(folder):
    lines = (folder / "train.txt").read_text().splitlines()
    (folder / "train.txt").write_text(f"{lines[2]}\n\n{lines[0]}\n")
    data = read(folder)
    assert len(data) == 2 and len(read(folder, "val")) == 1
    (folder / "train.txt").write_text(lines[2])
    assert torch.equal(read(folder).masks[0], data.masks[0])


def test_at_half_the_size_each_block_is_one_pixel(folder):
    whole, half = read(folder), read(folder, size=(15, 20))
    assert torch.equal(half.masks, whole.masks[:, ::2, ::2])


@pytest.mark.parametrize("size", [(16, 32), (64, 96)], ids=str)
def test_a_resized_mask_holds_no_class_that_was_not_near(folder, size):
    """Each pixel has the label of the pixel of the original that its centre falls on, so no new class at an edge."""
    whole, resized = read(folder), read(folder, size=size)
    assert resized.image_size == size
    rows = ((torch.arange(size[0]) + 0.5) * 30 / size[0]).long()
    columns = ((torch.arange(size[1]) + 0.5) * 40 / size[1]).long()
    assert torch.equal(resized.masks, whole.masks[:, rows][:, :, columns])


def test_images_of_several_sizes_need_a_size(folder):
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(folder / "train" / "seq_001.png")
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / "trainannot" / "seq_001.png")
    assert read(folder, size=(10, 12)).image_size == (10, 12)


@pytest.mark.skipif(not (REAL / "val.txt").is_file(), reason=f"no CamVid in {REAL}")
def test_the_real_scenes_are_read():
    data = camvid(REAL, "val", (72, 96), progress=False)
    assert len(data) == len((REAL / "val.txt").read_text().splitlines())
    shares = data.class_shares()
    assert 0.2 < shares["road"] < 0.4 and 0.1 < shares["building"] < 0.4 and 0 < shares["bicyclist"] < 0.05
    void = (data.masks == 255).float().mean()
    assert 0 < void < 0.1
    rows = torch.arange(72).view(-1, 1).expand(72, 96)
    heights = {
        name: rows[None].expand_as(data.masks)[data.masks == data.class_names.index(name)].double().mean()
        for name in ("sky", "road")
    }
    assert heights["sky"] < 30 < 45 < heights["road"]
