"""The reader of ISBI 2012, on small sections of our own and, where they are at hand, on the real ones."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.isbi import isbi2012
from helpers.data.load import load_segmentation

SHARED = Path(os.environ.get("DEEP_LEARNING_LAB_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
REAL = Path(os.environ.get("DEEP_LEARNING_LAB_ISBI") or SHARED / "isbi2012-em")


def sections() -> tuple[list[Image.Image], list[Image.Image]]:
    """Thirty sections of 20 x 26; image n is grey n on membrane and 100 + n in a cell."""
    rng = np.random.default_rng(0)
    cells = rng.random((30, 20, 26)) < 0.7
    images = np.arange(30)[:, None, None] + 100 * cells
    return (
        [Image.fromarray(image.astype(np.uint8)) for image in images],
        [Image.fromarray((255 * cell).astype(np.uint8)) for cell in cells],
    )


@pytest.fixture(params=["pictures", "stacks"])
def folder(tmp_path, request):
    """The thirty sections, as PNG or as the two TIFF stacks."""
    images, labels = sections()
    if request.param == "stacks":
        for name, pages in (("train-volume.tif", images), ("train-labels.tif", labels)):
            pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        return tmp_path
    return pictures(tmp_path)


def pictures(root: Path) -> Path:
    for name, pages in zip(("image", "label"), sections(), strict=True):
        (root / "train" / name).mkdir(parents=True)
        for number, page in enumerate(pages):
            page.save(root / "train" / name / f"{number}.png")
    return root


def test_sections_are_split_in_blocks(folder):
    """The darkest pixel of a section is its number: 0 to 23, 24 to 26, 27 to 29."""
    numbers = {
        split: isbi2012(folder, split, None).images[:, 0].amin((1, 2)).tolist() for split in ("train", "val", "test")
    }
    assert numbers == {"train": list(range(24)), "val": [24, 25, 26], "test": [27, 28, 29]}


def test_images_and_masks_lie_on_each_other(folder):
    data = isbi2012(folder, "val", None)
    assert data.image_size == (20, 26) and data.class_names == ("membrane", "cell")
    assert torch.equal(data.images[:, 0] > 99, data.masks == 1) and set(data.masks.unique().tolist()) == {0, 1}
    assert torch.equal(data.images[:, 0], data.images[:, 1]) and torch.equal(data.images[:, 0], data.images[:, 2])


def test_tiles_lie_side_by_side_and_what_is_left_over_is_left_out(folder):
    """Of 20 x 26, tiles of 9 x 8: two rows, three columns; the last 2 rows and columns are in none."""
    whole, tiles = isbi2012(folder, "val", None), isbi2012(folder, "val", (9, 8))
    assert len(tiles) == 3 * 6 and tiles.image_size == (9, 8)
    for name in ("images", "masks"):
        section, parts = getattr(whole, name)[1], getattr(tiles, name)[6:12]
        rows = [torch.cat(list(parts[row : row + 3]), dim=-1) for row in (0, 3)]
        assert torch.equal(torch.cat(rows, dim=-2), section[..., :18, :24])


@pytest.mark.parametrize("size", [(21, 8), (9, 27), (0, 8)], ids=str)
def test_tiles_that_cannot_be_cut_are_refused(folder, size):
    with pytest.raises(ValueError, match=f"tiles of {size[0]} x {size[1]} cannot be cut from sections of 20 x 26"):
        isbi2012(folder, "val", size)


@pytest.mark.parametrize("missing", ["image", "label"])
def test_a_missing_picture_is_named(tmp_path, missing):
    path = pictures(tmp_path) / "train" / missing / "25.png"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{missing}.25.png is missing. Download"):
        isbi2012(tmp_path, "val", None)


def test_a_missing_stack_is_named(tmp_path):
    images, _ = sections()
    images[0].save(tmp_path / "train-volume.tif", save_all=True, append_images=images[1:])
    with pytest.raises(FileNotFoundError, match="train-labels.tif is missing"):
        isbi2012(tmp_path, "val", None)


def test_a_short_stack_is_named(tmp_path):
    for name, pages in zip(("train-volume.tif", "train-labels.tif"), sections(), strict=True):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:28])
    with pytest.raises(ValueError, match="train-volume.tif has no section 28; expected 30"):
        isbi2012(tmp_path, "test", None)


def test_a_missing_folder_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_ISBI", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere.*is missing. Download .*so that train-volume.tif"):
        load_segmentation("isbi2012", "val")


def test_a_damaged_picture_is_named(tmp_path):
    path = pictures(tmp_path) / "train" / "label" / "25.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="25.png is damaged"):
        isbi2012(tmp_path, "val", None)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((20, 27), np.uint8), "25.png is 20 x 27, .*25.png 20 x 26; expected one size"),
        (np.full((20, 26), 128, np.uint8), "25.png holds 128; expected 0 .membrane. and 255"),
    ],
    ids=["size", "grey"],
)
def test_a_mask_that_does_not_fit_is_named(tmp_path, labels, message):
    Image.fromarray(labels).save(pictures(tmp_path) / "train" / "label" / "25.png")
    with pytest.raises(ValueError, match=message):
        isbi2012(tmp_path, "val", None)


@pytest.mark.skipif(
    not ((REAL / "train" / "image" / "0.png").is_file() or (REAL / "train-volume.tif").is_file()),
    reason=f"no sections of ISBI 2012 in {REAL}",
)
def test_the_real_sections_are_read():
    whole, tiles = isbi2012(REAL, "val", None), isbi2012(REAL, "val")
    assert len(whole) == 3 and whole.image_size == (512, 512) and len(tiles) == 48
    assert tiles.class_shares() == whole.class_shares() and 0.15 < whole.class_shares()["membrane"] < 0.3
    light = whole.images[:, 0].float()
    assert light[whole.masks == 0].mean() < light[whole.masks == 1].mean() - 30  # membrane is dark
