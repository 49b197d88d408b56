"""What the backbone is baked from: scenes and crops whose labels move with their pixels."""

import pytest
import torch

import helpers
from grading.course.course import Course
from helpers.data.skeletons import COCO
from helpers.files import ROOT
from tools import bake_backbone as bake


def lights(count=6, height=64, width=96):
    """Return scenes of two people each, black but for a bright block around one keypoint, another in each scene."""
    generator = torch.Generator().manual_seed(3)
    keypoints = torch.rand(count, bake.PEOPLE, 17, 2, generator=generator) * torch.tensor([40.0, 30.0]) + 14
    present = torch.tensor([True, True, False, False]).expand(count, -1).clone()
    visibility = (2 * present[..., None].expand(-1, -1, 17)).to(torch.uint8)
    images = torch.zeros(count, 3, height, width, dtype=torch.uint8)
    for n in range(count):
        x, y = keypoints[n, 0, n].round().long().tolist()
        images[n, :, y - 3 : y + 4, x - 3 : x + 4] = 255
    corners = torch.cat([keypoints.amin(dim=2) - 4, keypoints.amax(dim=2) + 4], dim=-1) * present[..., None]
    labels = {"keypoints": keypoints, "visibility": visibility, "boxes_xyxy": corners, "present": present}
    return {"images": images, **labels, "ignored": torch.zeros_like(present)}


def at(image, place):
    x, y = place.round().long().tolist()
    return float(image[:, y, x].mean())


def test_labels_move_with_the_pixels():
    helpers.set_seed(0)
    before = lights()
    after = bake.moved(before)
    height, width = after["images"].shape[2:]
    for n in range(len(before["images"])):
        places = [after["keypoints"][n, 0, k] for k in {n, COCO.flip_order[n]}]
        inside = [p for p in places if 0 <= p[0] <= width - 1 and 0 <= p[1] <= height - 1]
        assert not inside or max(at(after["images"][n], p) for p in inside) > 0.3
    assert not after["visible"][:, 2:].any() and after["boxes_xyxy"][:, :2].diff(dim=-1).abs().sum() > 0
    assert torch.equal(before["images"], lights()["images"])  # what it was given stays


def test_a_crop_shows_its_person():
    helpers.set_seed(1)
    answers = Course(ROOT, bake.EXERCISE).reference_answers()
    data = lights()
    batch = {**data, "images": data["images"] / 255, "visible": data["visibility"] > 0}
    batch["present"][:, 1] = False  # so that the one with the light is chosen
    crops = bake.crops_of(batch, answers["boxes_to_crops"])
    assert crops["images"].shape == (6, 3, *bake.CROP)
    lit = [at(crops["images"][n], crops["keypoints"][n, n]) for n in range(6) if crops["visible"][n, n]]
    assert len(lit) >= 4 and min(lit) > 0.5


def test_sets_of_different_numbers_of_people_are_joined():
    one, three = (
        helpers.rendered_crowds(
            "test", 2, settings=helpers.crowd_settings(people=(count, count)), cache=False, progress=False
        )
        for count in (1, 3)
    )
    joined = bake.tensors([one, three])
    assert joined["keypoints"].shape == (4, 4, 17, 2) and joined["present"].sum(dim=1).tolist() == [1, 1, 3, 3]


def test_a_few_steps_teach_and_what_is_kept_is_the_backbone():
    kept = []
    helpers.set_seed(0)
    backbone = bake.bake(lights(8), steps=6, size=4, lr=1e-3, device="cpu", keep=kept.append)
    start = helpers.fine_backbone()
    assert kept == [] and backbone.state_dict().keys() == start.state_dict().keys()
    assert all(torch.isfinite(tensor).all() for tensor in backbone.state_dict().values())


@pytest.mark.parametrize("knobs", bake.KINDS)
def test_every_kind_of_scene_can_be_rendered(knobs):
    assert helpers.crowd_settings(**knobs).people[1] <= bake.PEOPLE
