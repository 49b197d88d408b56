"""Reads files in COCO's format: which photos there are, whose people, and what is wrong with a file, by its name."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL.Image import Image

from helpers.data.batches import require_split
from helpers.data.photos import inside, named, note, photo
from helpers.data.skeletons import COCO, LSP, Skeleton

WHERE_FROM = "https://cocodataset.org/#download"
FILES = {"train": "train2017", "val": "val2017", "test": "val2017"}  # the labels of test2017 are not public
TURNS = {"train": slice(None), "val": slice(0, None, 2), "test": slice(1, None, 2)}
HUGE = 1e12  # of pixels, whatever is counted: more of them is a mistake, infinity, or no number (NaN)
KEYS = {"images": ("id",), "annotations": ("id", "image_id", "category_id"), "categories": ("id",)}

Entry = Mapping[str, Any]  # of a list of COCO's format: an image, a person


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a file in COCO's format says: `images` in the order of their numbers, `people` by the number of theirs."""

    what: str  # the file, for messages
    folder: Path  # of the photos
    images: list[Entry]
    people: dict[Any, list[Entry]]
    category: Entry  # the people's

    def images_with(self, counts: Callable[[Entry], object], who: str) -> list[Entry]:
        """Return the images with somebody who `counts`; raise, and name `who` is wanted, where there is none."""
        images = [image for image in self.images if any(map(counts, self.people[image["id"]]))]
        if not images:
            raise ValueError(f"{self.what} names no photo of {who}. Add more of the photos of COCO.")
        return images

    def photo(self, image: Entry) -> Image:
        """Return the photo of an image, of the size that the file says."""
        path = inside(self.folder, image.get("file_name"), self.what)
        size = image.get("width"), image.get("height")
        if_missing = f"Put it there from {WHERE_FROM}, or leave it out of the JSON file."
        return photo(path, if_missing, "Put the original there, or leave it out.", size)

    def skeleton(self) -> Skeleton:
        """Return the skeleton: one of ours where it has the same keypoints, else what the file says."""
        names = tuple(self.category["keypoints"])
        if names in (COCO.keypoint_names, LSP.keypoint_names):
            return COCO if names == COCO.keypoint_names else LSP
        with named(Path(self.what), "", "Download it again."):
            pairs = [(f"left_{name.removeprefix('right_')}", name) for name in names if name.startswith("right_")]
            return Skeleton(
                name=self.category.get("name", "person"),
                keypoint_names=names,
                limbs=tuple((a - 1, b - 1) for a, b in self.category.get("skeleton") or ()),
                swaps=tuple((names.index(left), names.index(right)) for left, right in pairs if left in names),
            )


def annotations_of_split(root: str | Path, split: str, *kinds: str) -> Annotations:
    """Return the annotations of a split of COCO 2017, of the first of these kinds of files that is there.

    "train" is train2017. The labels of test2017 are not public, so the photos of val2017, in the order of their
    numbers, take turns: the first is for "val", the second for "test", and so on. No photo is in two splits.

    Args:
        root: the folder with `annotations/person_keypoints_train2017.json`, `annotations/person_keypoints_val2017.json`
            and the photos in the folders `train2017` and `val2017`. For "val" and "test" those of val2017 will do. What
            the files leave out is not read, so a part of COCO will do for a try.
        kinds: "person_keypoints", "instances".
    """
    require_split(split)
    root, part = Path(root).expanduser(), FILES[split]
    note(root / "annotations")  # a better file may come later
    paths = [root / "annotations" / f"{kind}_{part}.json" for kind in kinds]
    path = next((path for path in paths if path.is_file()), paths[0])
    whole = read(path, root / part, "instances" not in kinds)
    return dataclasses.replace(whole, images=whole.images[TURNS[split]])


def read(path: Path, folder: Path, keypoints: bool = True) -> Annotations:
    """Return what a file in COCO's format says of a folder of photos; its category must have `keypoints` if asked for.

    Raises FileNotFoundError; ValueError: something that the format needs is missing, is there twice or is no number.
    """
    if_missing = f"Expected labels as COCO keeps them there, and photos in {folder}: download both from {WHERE_FROM}."
    what = str(path)
    with named(path, if_missing, "Download it again."):
        content = json.loads(path.read_bytes())  # in any Unicode
    _check_lists(content, what)
    category = _category(content["categories"], what, keypoints)
    people: dict[Any, list[Entry]] = {}
    for image in content["images"]:
        _check_numbers(image, {"width": 1, "height": 1}, f"{what}: image {image['id']}")
        people[image["id"]] = []
    for entry in content["annotations"]:
        if entry["category_id"] == category["id"] and entry["image_id"] in people:
            _check_person(entry, len(category.get("keypoints") or ()), f"{what}: annotation {entry['id']}")
            people[entry["image_id"]].append(entry)
    images = sorted(content["images"], key=lambda image: (isinstance(image["id"], str), image["id"]))
    return Annotations(what, folder, images, people, category)


def _check_lists(content: object, what: str) -> None:
    """Check that there are the three lists, and in them what names each entry, once."""
    wanted = "images, annotations and categories, as in COCO's person_keypoints_val2017.json."
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} holds a {type(content).__name__}; expected a dictionary with {wanted}")
    for name, keys in KEYS.items():
        if not isinstance(content.get(name), list):
            raise ValueError(f"{what} has no {name}; expected {wanted}")
        for key in keys:
            if not all(isinstance(entry, Mapping) and isinstance(entry.get(key), int | str) for entry in content[name]):
                raise ValueError(f"{what} holds an entry of {name} without '{key}'; expected it as in COCO's files.")
        for key in ("id", "file_name"):  # a photo of two numbers could be in two splits
            known = Counter(entry[key] for entry in content[name] if isinstance(entry.get(key), int | str))
            if twice := [value for value, count in known.items() if count > 1]:
                raise ValueError(f"{what} holds the {key} {twice[0]!r} twice in {name}. Was it joined from two files?")


def _category(categories: list[Entry], what: str, keypoints: bool) -> Entry:
    """Return the category of people: the one that has keypoints or, of several or where none need be, "person"."""
    able = [category for category in categories if category.get("keypoints") or not keypoints]
    if not able:
        expected = "COCO's file person_keypoints_..., not its file instances_..."
        raise ValueError(f"{what} says nothing of keypoints; expected {expected}")
    people = able if len(able) == 1 else [category for category in able if category.get("name") == "person"]
    if len(people) != 1:
        names = ", ".join(str(category.get("name")) for category in able[:5])
        raise ValueError(f"{what} has several categories ({names}); expected one, or one that is called 'person'.")
    return people[0]


def _check_person(person: Entry, count: int, who: str) -> None:
    """Check that an annotation can be that of a person of `count` keypoints; 0 where nobody asks for them."""
    lengths = {"bbox": 4, "area": 1, "iscrowd": 1, "num_keypoints": 1}
    _check_numbers(person, {**lengths, "keypoints": 3 * count} if count else lengths, who)
    if count and not {*person.get("keypoints", ())[2::3]} <= {0, 1, 2}:
        raise ValueError(f"{who} has another visibility of a keypoint than 0 (unknown), 1 (hidden) and 2 (seen).")
    if min(person.get("area", 0), *person.get("bbox", [0] * 4)[2:]) < 0:
        raise ValueError(f"{who} has a negative size; expected bbox as x, y, width, height, and area, 0 or more.")


def _check_numbers(entry: Entry, lengths: dict[str, int], who: str) -> None:
    """Check that each of these values, if the entry has it, is one finite number or a list of so many."""
    for key, length in lengths.items():
        values = entry.get(key, [0] * length)
        values = values if isinstance(values, list) else [values]
        if not all(isinstance(x, int | float) and abs(x) < HUGE for x in values):
            raise ValueError(f"{who} has {str(entry[key])[:60]} for {key}; expected finite numbers.")
        if len(values) != length:
            raise ValueError(f"{who} has {len(values)} numbers of {key}; expected {length}.")


def num_keypoints(person: Entry) -> int:
    """Return how many keypoints of a person are known, or 0 where the file says to count none."""
    known = sum(v > 0 for v in person.get("keypoints", ())[2::3])
    return int(min(known, person.get("num_keypoints", known)))
