"""Reads and writes people as COCO keeps them: a JSON file of keypoints, and a folder of photos."""

import contextlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from helpers.data.people import PeopleSet, box_areas
from helpers.data.photos import opened
from helpers.data.skeletons import COCO, LSP, Skeleton
from helpers.data.splits import SPLITS, require_split
from helpers.shapes import require

__all__ = ["coco_annotations", "coco_file", "coco_people", "from_coco", "indexed", "to_coco"]

WHERE_FROM = "https://cocodataset.org/#download"
FILES = {"train": "train2017", "val": "val2017", "test": "val2017"}  # the labels of test2017 are not public
LISTS = ("images", "annotations", "categories")  # of a dictionary in COCO's format

Entry = Mapping[str, Any]  # of a list of COCO's format: an image, a person
Index = Any  # pycocotools' COCO, which has no types: `dataset`, and `imgToAnns`, the people by the image's number


def coco_people(
    root: str | Path, split: str, size: tuple[int, int] = (96, 128), count: int | None = None,
    all_images: bool = False, progress: bool = True,
) -> PeopleSet:  # fmt: skip
    """Return the photos of COCO 2017 with people and their keypoints.

    "train" is train2017. The labels of test2017 are not public, so the photos of val2017, in the order of their
    numbers, take turns: the first is for "val", the second for "test", and so on. See `coco_file` for all else.

    Args:
        root: the folder with `annotations/person_keypoints_train2017.json`, `annotations/person_keypoints_val2017.json`
            and the photos in the folders `train2017` and `val2017`. For "val" and "test" those of val2017 will do. What
            the files leave out is not read, so a part of COCO will do for a try.
        split: "train", "val" or "test".
        count: at most so many photos; None is 2048, 256 and 256, as of rendered people, which are read within a minute.
        size, all_images, progress: see `coco_file`.
    Raises:
        FileNotFoundError: saying what to put where.
        ValueError: a damaged file, by name.
    Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context".
    """
    require_split(split)
    root, part = Path(root).expanduser(), FILES[split]
    path, photos = root / "annotations" / f"person_keypoints_{part}.json", root / part
    if not path.is_file():
        what_to_do = f"Download the photos of {part} and the annotations of 2017 from {WHERE_FROM} and unpack them"
        raise FileNotFoundError(f"{path} is missing. {what_to_do} so that {path} and {photos} exist.")
    turns = {"train": slice(None), "val": slice(0, None, 2), "test": slice(1, None, 2)}[split]
    count = SPLITS[split] if count is None else count
    return coco_file(path, photos, size, count, all_images, progress, turns, name=f"COCO, {split}")


def coco_file(
    path: str | Path, photos: str | Path, size: tuple[int, int] = (96, 128), count: int | None = None,
    all_images: bool = False, progress: bool = True, part: slice = slice(None), skeleton: Skeleton | None = None,
    name: str | None = None,
) -> PeopleSet:  # fmt: skip
    """Return the people of any file in COCO's format of keypoints, whatever it is called.

    A photo is scaled, by one factor for x and y, to be as large as fits into `size`, and lies in the top left corner;
    the rest is black. Keypoints, boxes and areas are scaled with it. A person without keypoints, too small or hidden
    for COCO to have any, and a group that nobody took apart (iscrowd) stay in the set as `ignored`, as they are in
    COCO's own evaluation. Keypoints that COCO calls hidden (v = 1) count.

    Args:
        path: the JSON file.
        photos: the folder that the names of photos in the file start from.
        size: (H, W).
        count: at most so many photos, those of the lowest numbers; None is all.
        all_images: also the photos without a person whose keypoints are known. COCO's own evaluation has them: they can
            hold false alarms.
        progress: show a progress bar.
        part: which of the photos, in the order of their numbers; of these `count`.
        skeleton: None is what the file says. (CrowdPose's file has COCO's limbs for its own keypoints: give yours.)
        name: what to call the set; None is the name of the file.
    Raises:
        FileNotFoundError: a photo that is missing, by name.
        ValueError: a damaged file, by name, or one without keypoints.
    """
    from tqdm.auto import tqdm

    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"count is {count!r}; expected a whole number of photos, 1 or more.")
    path, photos = Path(path).expanduser(), Path(photos).expanduser()
    coco = _read(path)
    by_number = sorted(coco.dataset["images"], key=lambda entry: entry["id"])
    entries = [
        entry for entry in by_number[part] if all_images or any(map(_num_keypoints, coco.imgToAnns[entry["id"]]))
    ][:count]
    if not entries:
        raise ValueError(f"{path} names no photo of people with keypoints for this set.")
    photographs = [
        _letterboxed(photos / entry["file_name"], size)
        for entry in tqdm(entries, desc=f"reading {path.stem}", unit="photo", disable=not progress)
    ]
    images, scales = zip(*photographs, strict=True)
    people = [coco.imgToAnns[entry["id"]] for entry in entries]
    skeleton = skeleton or _skeleton(coco.dataset)
    return _people_set(torch.from_numpy(np.stack(images)), people, scales, skeleton, None, name or path.stem)


def to_coco(data: PeopleSet) -> dict[str, Any]:
    """Return the labels of a set in COCO's format, ready for `json.dump`: images 1 to N, one category, the people.

    What a keypoint of visibility 0 holds is written as 0, as in COCO; `num_keypoints` is 0 for ignored people, which is
    how COCO's evaluation knows them. Images are named 000000000001.png and so on; they are not written.
    """
    height, width = data.image_size
    numbers = range(1, len(data) + 1)
    limbs = [[a + 1, b + 1] for a, b in data.skeleton.limbs]  # COCO counts keypoints from 1
    names = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(data.skeleton.keypoint_names)}
    return {
        "info": {"description": data.name},
        "images": [{"id": n, "file_name": f"{n:012d}.png", "height": height, "width": width} for n in numbers],
        "annotations": coco_annotations(vars(data)),
        "categories": [{**names, "skeleton": limbs}],
    }


def coco_annotations(labels: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Return the people of N images as COCO's annotations of images 1 to N.

    Args:
        labels: `keypoints`, `visibility`, `boxes_xyxy`, `areas`, `present`, `ignored` and `crowd` of a PeopleSet.
    """
    visible = labels["visibility"] > 0
    places, marks = torch.where(visible[..., None], labels["keypoints"], 0).tolist(), labels["visibility"].tolist()
    corners = labels["boxes_xyxy"].double()  # so that x1 + (x2 - x1) is x2 again
    boxes_xywh = torch.cat([corners[..., :2], corners[..., 2:] - corners[..., :2]], dim=-1)
    counted = visible.sum(dim=-1) * ~labels["ignored"]  # COCO ignores people of 0 keypoints
    return [
        {
            "id": number, "image_id": n + 1, "category_id": 1,
            "iscrowd": int(labels["crowd"][n, p]), "num_keypoints": int(counted[n, p]),
            "keypoints": [value for (x, y), v in zip(places[n][p], marks[n][p], strict=True) for value in (x, y, v)],
            "bbox": boxes_xywh[n, p].tolist(), "area": float(labels["areas"][n, p]),
        }
        for number, (n, p) in enumerate(labels["present"].nonzero().tolist(), 1)
    ]  # fmt: skip


def from_coco(
    coco: Entry, images: Tensor | None = None, max_people: int | None = None, skeleton: Skeleton | None = None,
    name: str | None = None,
) -> PeopleSet:  # fmt: skip
    """Return the people of a dictionary in COCO's format, in pixels as they are in it: what `to_coco` came from.

    Args:
        coco: "images", "annotations" and "categories", as `to_coco` gives or as `json.load` reads them.
        images: uint8 (N, 3, H, W), in the order of the images' numbers; None is black images of the size in `coco`.
        max_people: P, the rows for the people of each image; None is the most that an image has.
        skeleton: None is what `coco` says.
        name: what to call the set; None is the description in `coco`.
    Raises:
        ValueError: something that COCO's format needs is missing, or `images` of another number or size.
    """
    index = _checked(coco, "coco")
    entries = sorted(coco["images"], key=lambda entry: entry["id"])
    sizes = {(entry["height"], entry["width"]) for entry in entries}
    if len(sizes) != 1:
        raise ValueError(f"coco holds images of {len(sizes)} sizes; expected one. coco_file reads photos of any size.")
    height, width = sizes.pop()
    if images is None:
        images = torch.zeros(len(entries), 3, height, width, dtype=torch.uint8)
    require("images", images, "N 3 H W", torch.uint8, known={"N": len(entries), "H": height, "W": width})
    people = [index.imgToAnns[entry["id"]] for entry in entries]
    name = name or coco.get("info", {}).get("description", "COCO")
    return _people_set(images, people, [1.0] * len(entries), skeleton or _skeleton(coco), max_people, name)


def _read(path: Path) -> Index:
    """Return pycocotools' COCO of a file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; expected a JSON file in COCO's format of keypoints.") from None
    except ValueError as error:  # of JSON or of UTF-8
        raise ValueError(f"{path} is damaged ({error}). Download it again.") from error
    return _checked(content, str(path))


def _checked(content: object, what: str) -> Index:
    """Return pycocotools' COCO of a dictionary that holds the three lists of COCO's format."""
    wanted = "images, annotations and categories, as in COCO's person_keypoints_val2017.json."
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} holds a {type(content).__name__}; expected a dictionary with {wanted}")
    missing = [key for key in LISTS if key not in content]
    if missing:
        raise ValueError(f"{what} has no {missing[0]}; expected {wanted}")
    if not any("keypoints" in category for category in content["categories"][:1]):
        expected = "COCO's file person_keypoints_..., not its file instances_..."
        raise ValueError(f"{what} says nothing of keypoints; expected {expected}")
    try:
        return indexed(content)
    except KeyError as error:
        raise ValueError(f"{what} holds an entry without {error}; expected it as in COCO's files.") from None


def indexed(dataset: Entry) -> Index:
    """Return pycocotools' COCO of a dictionary in COCO's format, which it would read from a file only."""
    from pycocotools import coco

    index = coco.COCO()
    index.dataset = dataset
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        index.createIndex()
    return index


def _skeleton(coco: Entry) -> Skeleton:
    """Return the skeleton of a dictionary in COCO's format: one of ours where it has the same keypoints."""
    category = coco["categories"][0]
    names = tuple(category["keypoints"])
    for ours in (COCO, LSP):
        if names == ours.keypoint_names:
            return ours
    pairs = [(f"left_{name.removeprefix('right_')}", name) for name in names if name.startswith("right_")]
    return Skeleton(
        name=category["name"],
        keypoint_names=names,
        limbs=tuple((a - 1, b - 1) for a, b in category.get("skeleton", ())),
        swaps=tuple((names.index(left), names.index(right)) for left, right in pairs if left in names),
    )


def _letterboxed(path: Path, size: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], float]:
    """Return uint8 (3, H, W), the photo as large as fits, in the top left corner of black; and by how much it is scaled
    (below 1: made smaller)."""
    from PIL.Image import Resampling

    if_missing = f"Put it there from {WHERE_FROM}, or leave it out of the JSON file."
    with opened(path, if_missing, "Download it again.") as file:
        photo = file.convert("RGB")
    height, width = size
    scale = min(height / photo.height, width / photo.width)
    # the part of the plane that fills the result: the photo and, where Pillow finds nothing, black
    region = (0, 0, width / scale, height / scale)
    plane = photo.crop((0, 0, math.ceil(region[2]), math.ceil(region[3])))
    image = plane.resize((width, height), Resampling.BILINEAR, box=region)
    return np.asarray(image).transpose(2, 0, 1), scale


def _people_set(
    images: Tensor, people: Sequence[list[Entry]], scales: Sequence[float], skeleton: Skeleton,
    max_people: int | None, name: str,
) -> PeopleSet:  # fmt: skip
    """Return the set of these images, each with the annotations of its people and the factor that it was scaled by."""
    most = max(map(len, people))
    max_people = most if max_people is None else max_people
    if max_people < most:
        raise ValueError(f"max_people is {max_people}; an image has {most} people.")
    shape, count = (len(people), max_people), skeleton.num_keypoints
    parts: dict[str, Any] = {key: torch.zeros(shape, dtype=torch.bool) for key in ("present", "ignored", "crowd")}
    parts |= {"keypoints": torch.zeros(*shape, count, 2), "areas": torch.zeros(shape)}
    parts |= {"visibility": torch.zeros(*shape, count, dtype=torch.uint8), "boxes_xyxy": torch.zeros(*shape, 4)}
    for n, (annotated, scale) in enumerate(zip(people, scales, strict=True)):
        for p, person in enumerate(annotated):
            for key, value in _person(person, scale, count).items():
                parts[key][n, p] = value
    return PeopleSet(images, **parts, skeleton=skeleton, name=name)


def _person(person: Entry, scale: float, count: int) -> dict[str, Tensor | bool]:
    """Return one row of a PeopleSet of one annotation. What other sets than COCO leave out is worked out.

    Without a box: that of the keypoints; without an area: `box_areas`; without iscrowd: one person.
    """
    triples = torch.tensor(person.get("keypoints", [0] * 3 * count), dtype=torch.float64)
    if len(triples) != 3 * count:
        got = f"annotation {person.get('id')} has {len(triples)} numbers of keypoints"
        raise ValueError(f"{got}; expected x, y and visibility of {count}.")
    places, visibility = triples.view(count, 3).split([2, 1], dim=1)
    visible = visibility > 0
    crowd = bool(person.get("iscrowd", 0))
    if "bbox" in person:
        box = torch.tensor(person["bbox"], dtype=torch.float64)  # x, y, width, height
        corners = torch.stack([box[:2], box[:2] + box[2:]])
    else:
        seen = places[visible[:, 0]]
        corners = torch.stack([seen.min(0)[0], seen.max(0)[0]]) if len(seen) else torch.zeros(2, 2, dtype=torch.float64)
    area = torch.tensor(person["area"], dtype=torch.float64) if "area" in person else box_areas(corners.flatten())
    shift = (scale - 1) / 2  # pixel centres are at integers before and after
    return {
        "keypoints": torch.where(visible, places * scale + shift, 0), "visibility": visibility[:, 0],
        "boxes_xyxy": (corners * scale + shift).flatten(), "areas": area * scale**2,
        "present": True, "ignored": crowd or _num_keypoints(person) == 0, "crowd": crowd,
    }  # fmt: skip


def _num_keypoints(person: Entry) -> int:
    """Return how many keypoints of a person are known, or 0 where the file says to count none."""
    known = sum(v > 0 for v in person.get("keypoints", ())[2::3])
    return int(min(known, person.get("num_keypoints", known)))
