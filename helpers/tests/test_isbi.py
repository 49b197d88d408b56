"""The reader of ISBI 2012, on small sections of our own and, where they are at hand, on the real ones."""

import os
from pathlib import Path

import pytest
import torch

from helpers.data.isbi import isbi2012
from helpers.tests import small_sets

REAL = Path(os.environ.get("DEEP_LEARNING_LAB_ISBI") or small_sets.SHARED / "isbi2012-em")


@pytest.fixture(params=[small_sets.isbi_pictures, small_sets.isbi_stacks], ids=["pictures", "stacks"])
def folder(tmp_path, request):
    """The thirty sections, as PNG or as the two TIFF stacks."""
    return request.param(tmp_path)


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
