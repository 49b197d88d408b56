"""The reader of photo packs, on one that `tools/photo_pack` builds of a small COCO with a local photo site."""

import hashlib
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import files
from helpers.data.load import load_poses
from helpers.data.pack import photo_pack
from helpers.data.skeletons import COCO
from helpers.tests.photo_packs import built

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The path of a pack of 20 people, built once."""
    return built(tmp_path_factory.mktemp("pack"))


@pytest.fixture
def pack(made, tmp_path):
    """A copy of it, to be harmed."""
    return shutil.copy(made, tmp_path / "photos.zip")


def rewritten(path, change):
    """Write the pack again; `change(name, content)` gives what an entry holds instead, or None to leave it out."""
    with zipfile.ZipFile(path) as file:
        entries = {name: change(name, file.read(name)) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            if content is not None:
                file.writestr(name, content)
    return path


def test_every_split_is_a_set_of_one_person_an_image(made):
    sets = {split: photo_pack(made, split=split) for split in SPLITS}
    assert sum(map(len, sets.values())) == 20 and len(sets["train"]) > 5
    for split, data in sets.items():
        assert data.image_size == (64, 64) and data.skeleton is COCO and data.name == f"photo pack, {split}"
        assert data.images.is_contiguous() and (data.visible.sum(1) >= 8).all()


def test_keypoints_lie_on_what_the_photo_shows(made):
    """The small COCO has a white square on each keypoint that is seen, and a dark grey ground."""
    for split in SPLITS:
        data = photo_pack(made, split=split)
        for image, places, visibility in zip(data.images, data.keypoints, data.visibility, strict=True):
            for x, y in places[visibility == 2].round().long().tolist():
                assert image[:, y, x].min() > 120, (x, y)


def test_the_word_finds_it_and_says_where_it_should_be(made, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_PHOTOS", str(made))
    assert torch.equal(load_poses("photo_pack", "val", size=(64, 64)).images, photo_pack(made, split="val").images)
    with pytest.raises(ValueError, match=r"photos\.zip .*its people are 64 x 64 pixels, not 128 x 128"):
        load_poses("photo_pack", "val")
    monkeypatch.setenv("DEEP_LEARNING_LAB_PHOTOS", str(tmp_path / "no.zip"))
    with pytest.raises(FileNotFoundError, match=r"no\.zip is missing\. Put the photo pack .* there: docs/photos\.md"):
        load_poses("photo_pack", "val")
    monkeypatch.delenv("DEEP_LEARNING_LAB_PHOTOS")
    if not (files.ROOT / "data/photo_pack").exists():
        with pytest.raises(FileNotFoundError, match=r"data/photo_pack/photos\.zip is missing"):
            load_poses("photo_pack", "val")


def test_it_is_downloaded_once_with_its_checksum(made, server, tmp_path, monkeypatch):
    address, served = server
    shutil.copy(made, served / "photos.zip")
    right = hashlib.sha256(made.read_bytes()).hexdigest()
    monkeypatch.setenv("DEEP_LEARNING_LAB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="came without sha256"):
        photo_pack(f"{address}/photos.zip")
    with pytest.raises(ValueError, match="another file than expected"):
        photo_pack(f"{address}/photos.zip", "0" * 64)
    first = photo_pack(f"{address}/photos.zip", right, split="test")
    (served / "photos.zip").unlink()
    assert torch.equal(photo_pack(f"{address}/photos.zip", right, split="test").images, first.images)
    assert [path.name for path in tmp_path.iterdir()] == ["photos.zip"]


def test_a_file_with_another_checksum_is_refused(pack):
    assert len(photo_pack(pack, hashlib.sha256(pack.read_bytes()).hexdigest().upper(), split="val"))
    with pytest.raises(ValueError, match=r"photos\.zip is another file than expected"):
        photo_pack(pack, "0" * 64)


def test_a_name_that_is_no_text_is_a_sentence(pack):
    content = pack.read_bytes()
    place = content.rindex(b"test/00000.jpg")
    pack.write_bytes(
        content[: place - 46 + 9] + b"\x08" + content[place - 46 + 10 : place] + b"\xbd" + content[place + 1 :]
    )
    with pytest.raises(ValueError, match=r"photos\.zip is damaged"):
        photo_pack(pack)


@pytest.mark.parametrize("keep", [0, 100, 0.5, -30])
def test_half_a_pack_is_refused(pack, keep):
    content = pack.read_bytes()
    pack.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match=r"photos\.zip is damaged, or no zip file"):
        photo_pack(pack)


def test_a_changed_byte_is_found(pack):
    with zipfile.ZipFile(pack) as file:
        place = file.getinfo("train/00000.jpg").header_offset + 300
    content = bytearray(pack.read_bytes())
    content[place] ^= 1
    pack.write_bytes(content)
    with pytest.raises(ValueError, match=r"photos\.zip is damaged.*CRC"):
        photo_pack(pack)


def jpeg(side, kind="JPEG"):
    """Return a black image as JPEG."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(file, kind)
    return file.getvalue()


def vast():
    """Return a JPEG whose head says 60,000 x 60,000 pixels."""
    content = jpeg(64)
    place = content.index(b"\xff\xc0\x00\x11\x08") + 5
    return content[:place] + (60_000).to_bytes(2, "big") * 2 + content[place + 4 :]


def labels(**more):
    """Return a change of the labels of the training split."""
    return lambda name, content: json.dumps(json.loads(content) | more) if name == "train.json" else content


FOREIGN = {
    "no labels": lambda name, content: None if name == "train.json" else content,
    "no crop": lambda name, content: None if name == "train/00003.jpg" else content,
    "a crop of another size": lambda name, content: jpeg(70) if name == "train/00003.jpg" else content,
    "a PNG": lambda name, content: jpeg(64, "PNG") if name == "train/00003.jpg" else content,
    "a vast crop": lambda name, content: vast() if name == "train/00003.jpg" else content,
    "no image": lambda name, content: b"GIF89a" if name == "train/00003.jpg" else content,
    "no JSON": lambda name, content: b"{" if name == "train.json" else content,
    "a list": lambda name, content: b"[]" if name == "train.json" else content,
    "nobody": labels(keypoints=[], visibility=[], boxes_xyxy=[]),
    "too few boxes": labels(boxes_xyxy=[[0, 0, 9, 9]]),
    "14 keypoints": labels(keypoints=[[[0, 0]] * 14] * 14),
    "a visibility of 7": lambda name, content: content.replace(b"[2,", b"[7,") if name == "train.json" else content,
    "huge": labels(size=[60_000, 60_000]),
    "no size": labels(size=None),
    "a number of 400 digits": labels(keypoints=[[[10**400, 0]] * 17] * 14),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_a_zip_file_that_is_no_pack_is_refused(pack, change):
    with pytest.raises(ValueError, match=r"photos\.zip is no photo pack that can be used here .*docs/photos\.md"):
        photo_pack(rewritten(pack, change))


def test_a_pack_that_would_leave_its_folder_is_refused(pack):
    with zipfile.ZipFile(pack, "a") as file:
        file.writestr("../../.bashrc", "curl")
    with pytest.raises(ValueError, match=r"photos\.zip .*leads elsewhere"):
        photo_pack(pack)


def test_a_bomb_is_refused_before_it_is_read(pack, monkeypatch):
    with zipfile.ZipFile(pack, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(40 << 20))
    monkeypatch.setattr(files, "MOST_BYTES", 30 << 20)
    with pytest.raises(ValueError, match=r"photos\.zip .*unpacked it is larger"):
        photo_pack(pack)
