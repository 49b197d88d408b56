"""What all readers share: photos as their labels see them, texts in any Unicode, names that stay in their folder."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.camvid import camvid
from helpers.data.leeds import leeds_sports
from helpers.data.photos import cut_out, in_crop, inside, photo, window
from helpers.tests import small_sets

TURN_RIGHT = 6  # what a camera notes (EXIF) where the photo is to be shown turned by 90 degrees


def noted(path, pixels, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, quality=100, subsampling=0)
    return path


@pytest.fixture
def turned(tmp_path):
    """A photo of 40 x 30, to be shown as 30 x 40; its one white spot at (5, 8) is shown at (29 - 8, 5)."""
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[7:10, 4:7] = 255
    return noted(tmp_path / "turned.jpg", pixels, TURN_RIGHT)


def brightest(image):
    grey = np.asarray(image).astype(float).sum(-1)
    y, x = np.indices(grey.shape)
    return round(float((grey * x).sum() / grey.sum())), round(float((grey * y).sum() / grey.sum()))


SIZES = [(None, (5, 8)), ((40, 30), (5, 8)), ((30, 40), (21, 5)), ((40, None), (5, 8)), ((30, None), (21, 5))]


@pytest.mark.parametrize(("size", "spot"), SIZES, ids=str)
def test_a_turned_photo_is_read_as_its_labels_were_made(turned, size, spot):
    assert brightest(photo(turned, "", "", size)) == spot


def test_a_photo_of_neither_size_is_refused(turned):
    with pytest.raises(
        ValueError, match=r"turned.jpg is 40 x 30 pixels, its labels are for 80 x 60: .* beside .* Mend"
    ):
        photo(turned, "", "Mend it.", (80, 60))


def test_one_side_that_the_labels_name_is_enough_to_see_another_photo(turned):
    image = {"id": 1, "file_name": turned.name, "height": 60}
    labels = {"images": [image], "annotations": [small_sets.person(1, 1, [(5, 8, 2)])]}
    file = small_sets.written(labels | {"categories": [small_sets.CATEGORY]}, turned.with_name("people.json"))
    with pytest.raises(ValueError, match="turned.jpg is 40 x 30 pixels, its labels are for None x 60: "):
        small_sets.people_in(file, turned.parent, (60, 80))


@pytest.mark.parametrize(("size", "spot"), [((40, 30), (5, 8)), ((30, 40), (21, 5))], ids=["as stored", "as shown"])
def test_keypoints_lie_on_a_turned_photo_whichever_way_it_was_labelled(turned, size, spot):
    labels = {
        "images": [{"id": 1, "file_name": turned.name, "width": size[0], "height": size[1]}],
        "annotations": [small_sets.person(1, 1, [(*spot, 2)])],
        "categories": [small_sets.CATEGORY],
    }
    file = small_sets.written(labels, turned.with_name("people.json"))
    data = small_sets.people_in(file, turned.parent, (size[1], size[0]))
    x, y = data.keypoints[0, 0, 0].long().tolist()
    assert data.images[0, :, y, x].min() > 200 and data.images.float().mean() < 10


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_labels_and_lists_are_read_in_any_unicode(tmp_path, code):
    for name in ("coco", "camvid", "leeds"):
        (tmp_path / name).mkdir()
        getattr(small_sets, name)(tmp_path / name)
    labels = tmp_path / "coco" / "annotations" / "person_keypoints_val2017.json"
    (tmp_path / "leeds" / "subset.txt").write_bytes("im00001.jpg\nim00003.jpg\n".encode(code))
    for path in (labels, tmp_path / "camvid" / "val.txt"):
        path.write_bytes(path.read_text().encode(code))
    assert len(small_sets.people_in(labels, tmp_path / "coco" / "val2017")) == 3
    assert len(camvid(tmp_path / "camvid", "val", None, progress=False)) == 1
    assert len(leeds_sports(tmp_path / "leeds", "train", progress=False)) == 2


@pytest.mark.parametrize("name", ["a/b.png", "a\\b.png", "./a/b.png"])
def test_names_may_be_written_on_any_machine(tmp_path, name):
    assert inside(tmp_path, name, "list") == tmp_path / "a" / "b.png"


@pytest.mark.parametrize(
    "name", ["/b.png", "\\b.png", "C:\\b.png", "C:b.png", "..", "a/../b", "..\\b", "", ".", None, 3]
)
def test_names_that_leave_their_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="list names the file .*; expected the name of a file within"):
        inside(tmp_path, name, "list")


def test_a_window_by_hand():
    """Pixels 10 to 29 of x, 20 to 29 of y: 20 x 10, wider than 1:1; a quarter more is 25, centre (20, 25)."""
    left, top, scale = window(np.array([10.0, 20]), np.array([29.0, 29]), (50, 50))
    assert (left, top, scale) == (7.5, 12.5, 2)
    assert in_crop(np.array([10.0, 20]), (left, top, scale)).tolist() == [5.5, 15.5]


def test_a_crop_shows_the_window_and_black_beside_the_photo():
    pixels = np.full((4, 6), 9, np.uint8)
    crop = cut_out(Image.fromarray(pixels), (-2.0, -1.0, 1.0), (7, 5))
    assert torch.equal(torch.from_numpy(crop == 9).sum(), torch.tensor(12)) and (crop[1:5, 2:] == 9).all()


def test_a_label_file_that_nests_too_deep_is_named(tmp_path):
    (tmp_path / "people.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="people.json is damaged"):
        small_sets.people_in(tmp_path / "people.json", tmp_path)
