"""Reads and writes people as COCO keeps them, on whole photos: a JSON file of keypoints, and a folder of photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from helpers.data.coco.annotations import Annotations, Entry, annotations_of_split, checked, num_keypoints, read
from helpers.data.people import PeopleSet, box_areas
from helpers.data.photos import cut_out, reading, whole
from helpers.data.skeletons import Skeleton
from helpers.data.splits import SPLITS, require_count
from helpers.shapes import require

__all__ = ["coco_annotations", "coco_file", "coco_people", "from_coco", "to_coco"]


def coco_people(
    root: str | Path, split: str, size: tuple[int, int] = (96, 128), count: int | None = None,
    all_images: bool = False, progress: bool = True,
) -> PeopleSet:  # fmt: skip
    """Return the photos of COCO 2017 with people and their keypoints; see `coco_file` for all that is not said here.

    Args:
        root, split: see `annotations_of_split`.
        count: at most so many photos; None is 2048, 256 and 256, as of rendered people, which are read within a minute.
        size, all_images, progress: see `coco_file`.
    Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context".
    """
    coco = annotations_of_split(root, split, "person_keypoints")
    count = SPLITS[split] if count is None else count
    return _on_photos(coco, size, count, all_images, progress, coco.skeleton(), f"COCO, {split}")


def coco_file(
    path: str | Path, photos: str | Path, size: tuple[int, int] = (96, 128), count: int | None = None,
    all_images: bool = False, progress: bool = True, skeleton: Skeleton | None = None, name: str | None = None,
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
        skeleton: None is what the file says. (CrowdPose's file has COCO's limbs for its own keypoints: give yours.)
        name: what to call the set; None is the name of the file.
    Raises:
        FileNotFoundError: a photo that is missing, by name.
        ValueError: a damaged file, by name, or one without keypoints.
    """
    coco = read(Path(path).expanduser(), Path(photos).expanduser())
    return _on_photos(coco, size, count, all_images, progress, coco.skeleton(skeleton), name or Path(path).stem)


def _on_photos(
    coco: Annotations, size: tuple[int, int], count: int | None, all_images: bool, progress: bool, skeleton: Skeleton,
    name: str,
) -> PeopleSet:  # fmt: skip
    """Return the set of the photos of a file; see `coco_file`."""
    if count is not None:
        require_count(count, "photos")
    images = [image for image in coco.images if all_images or any(map(num_keypoints, coco.people[image["id"]]))][:count]
    if not images:
        raise ValueError(f"{coco.what} names no photo of people with keypoints for this set.")
    pixels, scales = [], []
    for image in reading(images, name, progress):
        photo = coco.photo(image)
        part = whole(photo, size)
        pixels.append(torch.from_numpy(cut_out(photo, part, size)))
        scales.append(part[2])
    people = [coco.people[image["id"]] for image in images]
    return _people_set(torch.stack(pixels), people, scales, skeleton, None, name)


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
    read_in = checked(coco, "coco")
    sizes = {(image["height"], image["width"]) for image in read_in.images}
    if len(sizes) != 1:
        raise ValueError(f"coco holds images of {len(sizes)} sizes; expected one. coco_file reads photos of any size.")
    height, width = sizes.pop()
    if images is None:
        images = torch.zeros(len(read_in.images), 3, height, width, dtype=torch.uint8)
    require("images", images, "N 3 H W", torch.uint8, known={"N": len(read_in.images), "H": height, "W": width})
    people = [read_in.people[image["id"]] for image in read_in.images]
    name = name or coco.get("info", {}).get("description", "COCO")
    return _people_set(images, people, [1.0] * len(people), read_in.skeleton(skeleton), max_people, name)


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

    Without a box, or with an empty one: that of the keypoints; without an area: `box_areas`; without iscrowd: one.
    """
    triples = torch.tensor(person.get("keypoints", [0] * 3 * count), dtype=torch.float64)
    places, visibility = triples.view(count, 3).split([2, 1], dim=1)
    visible = visibility > 0
    crowd = bool(person.get("iscrowd", 0))
    if min(person.get("bbox", [0])[2:], default=0) > 0:
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
        "present": True, "ignored": crowd or num_keypoints(person) == 0, "crowd": crowd,
    }  # fmt: skip
