"""People on whole photos, as COCO keeps them: a JSON file of keypoints, and a folder of photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.data.batches import number_of
from helpers.data.coco.annotations import Annotations, Entry, annotations_of_split, num_keypoints
from helpers.data.people import PeopleSet, box_areas
from helpers.data.photos import Size, Window, cut_out, in_crop, reading, whole


def coco_people(
    root: str | Path, split: str, size: Size = (96, 128), count: int | None = None, progress: bool = True
) -> PeopleSet:
    """Return the photos of COCO 2017 with people, and everyone's keypoints.

    A photo is scaled, by one factor for x and y, to be as large as fits into `size`, and lies in the top left corner;
    the rest is black. Keypoints, boxes and areas are scaled with it. A person without keypoints, too small or hidden
    for COCO to have any, and a group that nobody took apart (iscrowd) stay in the set as `ignored`, as they are in
    COCO's own evaluation. Keypoints that COCO calls hidden (v = 1) count.

    Args:
        root, split: see `annotations_of_split`.
        size: (H, W).
        count: at most so many photos, those of the lowest numbers; None is 2048, 256 and 256.
    Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context".
    """
    most = number_of(count, split, "photos")
    coco = annotations_of_split(root, split, "person_keypoints")
    images = coco.images_with(num_keypoints, f"people with keypoints for {split}")[:most]
    return people_of(coco, images, size, f"COCO, {split}", progress)


def people_of(coco: Annotations, images: Sequence[Entry], size: Size, name: str, progress: bool = False) -> PeopleSet:
    """Return the people of some images of any file in COCO's format; see `coco_people`."""
    skeleton = coco.skeleton()
    joints, shape = skeleton.num_keypoints, (len(images), max(len(coco.people[image["id"]]) for image in images))
    row = [("keypoints", "f4", (joints, 2)), ("visibility", "u1", joints), ("boxes_xyxy", "f4", 4), ("areas", "f4")]
    people = np.zeros(shape, [*row, ("present", "?"), ("ignored", "?"), ("crowd", "?")])
    pixels = []
    for n, image in enumerate(reading(images, name, progress)):
        photo = coco.photo(image)
        part = whole(photo, size)
        pixels.append(cut_out(photo, part, size))
        for p, person in enumerate(coco.people[image["id"]]):
            people[n, p] = _row(person, part, joints)
    labels: dict[str, Any] = {key: torch.from_numpy(people[key].copy()) for key in people.dtype.names or ()}
    return PeopleSet(torch.from_numpy(np.stack(pixels)), **labels, skeleton=skeleton, name=name)


def _row(person: Entry, part: Window, count: int) -> tuple[Any, ...]:
    """Return one row of a PeopleSet of one annotation. What other sets than COCO leave out is worked out.

    Without a box, or with an empty one: that of the keypoints; without an area: `box_areas`; without iscrowd: one.
    """
    triples = np.array(person.get("keypoints", [0] * 3 * count), np.float64).reshape(count, 3)
    places, visibility = triples[:, :2], triples[:, 2]
    seen, box = places[visibility > 0], np.array(person.get("bbox", [0] * 4), np.float64)  # x, y, width, height
    if box[2:].min() > 0:
        corners = np.stack([box[:2], box[:2] + box[2:]])
    else:
        corners = np.stack([seen.min(0), seen.max(0)]) if len(seen) else np.zeros((2, 2))
    area = person["area"] if "area" in person else float(box_areas(torch.from_numpy(corners.flatten())))
    crowd = bool(person.get("iscrowd"))
    known = np.where(visibility[:, None] > 0, in_crop(places, part), 0)
    ignored = crowd or num_keypoints(person) == 0
    return known, visibility, in_crop(corners, part).flatten(), area * part[2] ** 2, True, ignored, crowd


def coco_annotations(labels: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Return the people of N images, given by the labels of a PeopleSet, as COCO's annotations of images 1 to N."""
    visible = labels["visibility"] > 0
    places = torch.where(visible[..., None], labels["keypoints"], 0)
    triples = torch.cat([places, labels["visibility"][..., None]], dim=-1).flatten(-2)  # (N, P, 3 K)
    corners = labels["boxes_xyxy"].double()  # so that x1 + (x2 - x1) is x2 again
    boxes_xywh = torch.cat([corners[..., :2], corners[..., 2:] - corners[..., :2]], dim=-1)
    counted = visible.sum(dim=-1) * ~labels["ignored"]  # COCO ignores people of 0 keypoints
    return [
        {
            "id": number, "image_id": n + 1, "category_id": 1, "iscrowd": int(labels["crowd"][n, p]),
            "keypoints": triples[n, p].tolist(), "num_keypoints": int(counted[n, p]),
            "bbox": boxes_xywh[n, p].tolist(), "area": float(labels["areas"][n, p]),
        }
        for number, (n, p) in enumerate(labels["present"].nonzero().tolist(), 1)
    ]  # fmt: skip
