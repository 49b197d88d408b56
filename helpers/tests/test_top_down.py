"""Crops of people, and the loss and the certainty of a network for one person."""

import math

import pytest
import torch

from helpers.data.rendered import rendered_crowds
from helpers.models.top_down import certainty, person_crops, pose_loss


def cut_out(images, boxes, size):
    """Stand-in for `boxes_to_crops`: a crop pixel is two image pixels, from the box's corner on."""
    crops, transforms = [], []
    for image, of_image in zip(images, boxes, strict=True):
        for x, y, _, _ in of_image.tolist():
            x, y = int(x), int(y)
            crop = torch.zeros(3, *size)
            seen = image[:, y::2, x::2][:, : size[0], : size[1]]
            crop[:, : seen.shape[1], : seen.shape[2]] = seen
            crops.append(crop)
            transforms.append(torch.tensor([[2.0, 0, x], [0, 2, y]]))
    return torch.stack(crops), torch.stack(transforms)


@pytest.fixture(scope="module")
def scenes():
    return rendered_crowds("val", 4, cache=False, progress=False)


def test_every_person_gets_a_crop_with_their_keypoints(scenes):
    crops = person_crops(scenes, cut_out, (40, 30))
    wanted = scenes.present & ~scenes.ignored
    assert len(crops) == int(wanted.sum()) and crops.image_size == (40, 30) and crops.skeleton is scenes.skeleton
    corners = scenes.boxes_xyxy[wanted][:, None, :2].floor()
    torch.testing.assert_close(crops.keypoints, (scenes.keypoints[wanted] - corners) / 2)


def test_keypoints_outside_of_the_crop_are_not_visible(scenes):
    crops = person_crops(scenes, cut_out, (16, 12))
    inside = ((crops.keypoints >= 0) & (crops.keypoints <= torch.tensor([11.0, 15.0]))).all(dim=-1)
    assert not inside.all() and torch.equal(crops.visible, inside & scenes.visible[scenes.present & ~scenes.ignored])


def test_shaken_boxes_are_the_same_for_the_same_seed_and_stay_near(scenes):
    given = []

    def noting(images, boxes, size):
        given.append(torch.cat(boxes))
        return cut_out(images, [b.clamp(min=0) for b in boxes], size)

    for seed in (0, 0, 1):
        person_crops(scenes, noting, (40, 30), shaken=0.1, seed=seed)
    person_crops(scenes, noting, (40, 30))
    first, again, other, true = given
    assert torch.equal(first, again) and not torch.equal(first, other)
    extent = (true[:, 2:] - true[:, :2]).repeat(1, 2)
    moved = ((first - true) / extent).abs()
    assert 0.02 < float(moved.mean()) and float(moved.max()) <= 0.1 + 1e-5


def test_certainty_by_hand():
    """All weight on one pixel: 1. None anywhere: 25 of 9 x 8 pixels in the middle, 9 of them in a corner."""
    maps = torch.zeros(1, 3, 9, 8)
    maps[0, 0, 4, 4] = 50.0
    maps[0, 1, 4, 4] = 1e-3
    maps[0, 2, 0, 0] = 1e-3
    found = certainty(maps)
    assert found.shape == (1, 3, 1)
    assert found[0, :, 0].tolist() == pytest.approx([1, 25 / 72, 9 / 72], abs=1e-3)


def test_two_equal_peaks_leave_half_of_the_certainty():
    maps = torch.full((1, 1, 12, 20), -50.0)
    maps[0, 0, 5, 3] = maps[0, 0, 5, 15] = 50.0
    assert float(certainty(maps)) == pytest.approx(0.5)


def test_the_loss_of_coordinates_by_hand_and_maps_that_are_right():
    keypoints = torch.tensor([[[5.5, 1.5], [9.5, 5.5], [float("nan")] * 2]])
    visible = torch.tensor([[True, True, False]])
    batch = {"keypoints": keypoints, "visible": visible}
    scores = torch.full((1, 3, 3, 4), -60.0)
    scores[0, 0, 0, 1] = scores[0, 1, 1, 2] = 60.0  # pixel (1, 0) of the map is centred at (5.5, 1.5)
    wrong = keypoints.nan_to_num() + torch.tensor([[[1.0, -2.0], [0.0, 3.0], [7.0, 7.0]]])
    right = float(pose_loss((keypoints.nan_to_num(), scores), batch))
    assert float(pose_loss((wrong, scores), batch)) == pytest.approx(right + 0.9)  # 0.3 (3 + 3) / 2 keypoints
    assert math.isfinite(right)


def test_the_loss_is_finite_and_has_a_gradient_where_nobody_is_visible():
    keypoints, scores = torch.zeros(2, 17, 2, requires_grad=True), torch.zeros(2, 17, 6, 5, requires_grad=True)
    batch = {"keypoints": torch.full((2, 17, 2), float("nan")), "visible": torch.zeros(2, 17, dtype=torch.bool)}
    loss = pose_loss((keypoints, scores), batch)
    loss.backward()
    assert float(loss.detach()) == 0 and not keypoints.grad.any() and not scores.grad.any()


def test_keypoints_that_are_not_visible_leave_no_trace_in_the_gradient():
    keypoints, scores = torch.rand(2, 3, 2).requires_grad_(), torch.zeros(2, 3, 8, 6).requires_grad_()
    visible = torch.tensor([[True, False, True], [False, True, True]])
    right = torch.where(visible[..., None], torch.full((2, 3, 2), 9.0), torch.nan)
    loss = pose_loss((keypoints, scores), {"keypoints": right, "visible": visible})
    loss.backward()
    assert loss.isfinite() and scores.grad.isfinite().all()
    assert torch.allclose(keypoints.grad, torch.where(visible[..., None], -0.3 / 4, 0.0).expand(2, 3, 2))
