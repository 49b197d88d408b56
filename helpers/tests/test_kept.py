"""Sets of photos that are kept decoded: read once, and again when a file, an option or the code has changed."""

import os
import shutil

import pytest
import torch
from PIL import Image

from helpers.data import cache, load
from helpers.data.load import load_people, load_poses, load_segmentation
from helpers.tests import small_sets


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for variable, make in {
        "COCO": small_sets.coco,
        "LEEDS": small_sets.leeds,
        "CAMVID": small_sets.camvid,
        "ISBI": small_sets.isbi_pictures,
    }.items():
        (tmp_path / variable).mkdir()
        make(tmp_path / variable)
        monkeypatch.setenv(f"DEEP_LEARNING_LAB_{variable}", str(tmp_path / variable))
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def unread(monkeypatch):
    """From now on no image can be opened."""

    def forget():
        def opened(*_):
            raise AssertionError("an image was opened")

        monkeypatch.setattr(Image, "open", opened)

    return forget


LOADS = {
    "people": lambda: load_people("coco", "train", size=(30, 40), progress=False),
    "poses": lambda: load_poses("coco", "train", progress=False, keypoints=1, pixels=1),
    "leeds": lambda: load_poses("leeds_sports", "train", progress=False),
    "camvid": lambda: load_segmentation("camvid", "train", progress=False),
    "isbi": lambda: load_segmentation("isbi2012", "val", (10, 10), progress=False),
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_the_second_start_opens_no_image(folder, unread, load):
    first = load()
    unread()
    second = load()
    assert type(first) is type(second) and repr(first) == repr(second)
    for name, value in vars(first).items():
        other = getattr(second, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, name


def replaced(path, old, new):
    state = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # same size, same time: the content has to tell


def test_changed_labels_are_never_taken_for_the_old_ones(folder, capsys):
    before = LOADS["people"]()
    replaced(folder / "COCO" / "annotations" / "person_keypoints_train2017.json", "[10, 20, 2, ", "[11, 20, 2, ")
    after = LOADS["people"]()
    assert float(after.keypoints[0, 0, 0, 0] - before.keypoints[0, 0, 0, 0]) == 0.5  # at half the size
    assert "The files of COCO, train have changed; they are read again." in capsys.readouterr().out


def test_a_changed_photo_is_read_again(folder):
    before = LOADS["people"]()
    Image.new("RGB", (80, 60), "white").save(folder / "COCO" / "train2017" / "000000000001.png")
    assert LOADS["people"]().images[0].float().mean() > before.images[0].float().mean() + 100


def test_photos_and_lists_that_come_later_are_seen(folder):
    photo = folder / "LEEDS" / "images" / "im00003.jpg"
    photo.rename(folder / "later.jpg")
    count = len(LOADS["leeds"]())
    shutil.copy(folder / "later.jpg", photo)
    assert len(LOADS["leeds"]()) == count + 1
    (folder / "LEEDS" / "subset.txt").write_text("im00001\nim00003\n")
    assert len(LOADS["leeds"]()) == 2 < count


def test_other_options_splits_folders_and_readers_are_other_sets(folder, monkeypatch, capsys):
    one = LOADS["people"]()
    assert load_people("coco", "train", size=(60, 80), progress=False).image_size == (60, 80)
    assert len(load_people("coco", "train", size=(30, 40), count=1, progress=False)) == 1
    assert load_people("coco", "val", size=(30, 40), progress=False).name != one.name
    (folder / "elsewhere").mkdir()
    monkeypatch.setenv("DEEP_LEARNING_LAB_COCO", str(folder / "elsewhere"))
    with pytest.raises(FileNotFoundError):
        LOADS["people"]()
    monkeypatch.setenv("DEEP_LEARNING_LAB_COCO", str(folder / "COCO"))
    monkeypatch.setattr(load, "_readers", lambda: "another version")
    assert len(LOADS["people"]()) == len(one) and "another version of the course" in capsys.readouterr().out


def test_a_missing_photo_is_missed_though_the_set_is_kept(folder):
    LOADS["people"]()
    (folder / "COCO" / "train2017" / "000000000001.png").unlink()
    with pytest.raises(FileNotFoundError, match="000000000001.png is missing"):
        LOADS["people"]()


def test_what_is_kept_is_numbers_and_a_text(folder):
    LOADS["people"]()
    (path,) = (folder / "cache").iterdir()
    assert path.name.startswith("PeopleSet-coco-train-")
    tensors = cache.load(path.stem, load._readers())
    assert b"'COCO, train'" in bytes(tensors["told"].tolist())
