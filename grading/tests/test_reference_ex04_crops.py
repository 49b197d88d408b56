"""The reference answers of ex04's crops: numbers by hand, SciPy and torchvision, invariants, bad input."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torchvision.ops import roi_align

from grading.course.course import Course
from grading.course.release import ROOT

ANSWERS = Course(ROOT, "ex04_multi_person").reference_answers()
boxes_to_crops, crops_to_image = ANSWERS["boxes_to_crops"], ANSWERS["crops_to_image"]
NAN = float("nan")

seeds = pytest.mark.parametrize("seed", range(5))
sizes = pytest.mark.parametrize("crop_size", [(9, 13), (14, 6), (1, 1)])


def generator(seed):
    return torch.Generator().manual_seed(seed)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=generator(seed), dtype=dtype)


def random_boxes(*counts, size, seed=0, beyond=6):
    """Return boxes in and around images of this size, one list item for each count."""
    height, width = size
    whole = torch.tensor([width, height], dtype=torch.float64) + 2 * beyond
    corners = random(sum(counts), 2, 2, seed=seed) * whole - beyond
    return list(torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1).split(counts))


# boxes_to_crops.


def test_boxes_to_crops_by_hand():
    """The example of the task."""
    images, boxes = torch.zeros(1, 3, 30, 40), [torch.tensor([[0.0, 0, 10, 20]])]
    crops, transforms = boxes_to_crops(images, boxes, 16, 1.0)
    assert crops.shape == (1, 3, 16, 16)
    assert (transforms[0] @ torch.tensor([7.5, 7.5, 1])).tolist() == [5, 10]
    assert transforms[0].tolist() == [[1.25, 0, -4.375], [0, 1.25, 0.625]]


def test_a_box_of_the_crops_size_gives_the_pixels_themselves():
    """The box around the pixels 2 to 4 and 1 to 2, from edge to edge."""
    images = torch.arange(120.0).view(1, 3, 5, 8)
    crops, transforms = boxes_to_crops(images, [torch.tensor([[1.5, 0.5, 4.5, 2.5]])], (2, 3), 1.0)
    torch.testing.assert_close(crops[0], images[0, :, 1:3, 2:5])
    assert transforms[0].tolist() == [[1, 0, 2], [0, 1, 1]]


def test_half_a_pixel_further_is_the_mean_of_two_pixels():
    images = random(1, 3, 5, 8)
    crops, _ = boxes_to_crops(images, [torch.tensor([[2.0, 0.5, 5.0, 2.5]], dtype=torch.float64)], (2, 3), 1.0)
    torch.testing.assert_close(crops[0], (images[0, :, 1:3, 2:5] + images[0, :, 1:3, 3:6]) / 2)


@seeds
@sizes
def test_crops_agree_with_scipy_by_their_transforms(seed, crop_size):
    """SciPy knows nothing of boxes: it looks where the transform leads, with zeros around the image."""
    images = random(3, 3, 17, 23, seed=seed)
    counts = (2, 0, 3)
    crops, transforms = boxes_to_crops(images, random_boxes(*counts, size=(17, 23), seed=seed), crop_size, 1.5)
    owners = np.repeat(np.arange(3), counts)
    for crop, transform, owner in zip(crops.numpy(), transforms.numpy(), owners, strict=True):
        for channel, image in zip(crop, images[owner].numpy(), strict=True):
            expected = ndimage.affine_transform(
                np.pad(image, 1),
                [transform[1, 1], transform[0, 0]],
                [transform[1, 2] + 1, transform[0, 2] + 1],
                crop_size,
                order=1,
            )
            np.testing.assert_allclose(channel, expected, atol=1e-9)


@seeds
@sizes
def test_crops_agree_with_scipy_where_the_rules_lead(seed, crop_size):
    """Places by the task's four rules alone."""
    (h, w), images = crop_size, random(1, 3, 17, 23, seed=seed)
    boxes = random_boxes(4, size=(17, 23), seed=seed)
    crops, _ = boxes_to_crops(images, boxes, crop_size, 1.25)
    rows, columns = np.mgrid[:h, :w]
    for crop, (x1, y1, x2, y2) in zip(crops.numpy(), boxes[0].tolist(), strict=True):
        scale = 1.25 * max((x2 - x1) / w, (y2 - y1) / h)
        places = [(y1 + y2) / 2 + scale * (rows - (h - 1) / 2), (x1 + x2) / 2 + scale * (columns - (w - 1) / 2)]
        for channel, image in zip(crop, images[0].numpy(), strict=True):
            expected = ndimage.map_coordinates(image, places, order=1, mode="grid-constant")
            np.testing.assert_allclose(channel, expected, atol=1e-9)


@seeds
@sizes
def test_crops_agree_with_torchvisions_roi_align(seed, crop_size):
    """One sample in the middle of each crop pixel; torchvision counts from outer edges: half a pixel more. It repeats
    the border for one pixel more, so there must be zeros."""
    h, w = crop_size
    images = torch.nn.functional.pad(random(2, 3, 15, 21, seed=seed), (1, 1, 1, 1))
    boxes = random_boxes(3, 2, size=(17, 23), seed=seed)
    crops, transforms = boxes_to_crops(images, boxes, crop_size, 1.5)
    half = transforms[:, [0, 1], [0, 1]] * torch.tensor([w, h]) / 2
    centre = torch.cat(boxes).view(-1, 2, 2).mean(dim=1)
    grown = torch.cat([centre - half, centre + half], dim=1) + 0.5
    expected = roi_align(images, list(grown.split([3, 2])), crop_size, sampling_ratio=1, aligned=True)
    torch.testing.assert_close(crops, expected)


@seeds
def test_centre_comes_to_centre_and_the_padded_box_just_fits(seed):
    boxes = random_boxes(6, size=(30, 40), seed=seed)
    (h, w), padding = (11, 16), 1.5
    _, transforms = boxes_to_crops(random(1, 3, 30, 40), boxes, (h, w), padding)
    middle = torch.tensor([[(w - 1) / 2, (h - 1) / 2]], dtype=torch.float64).expand(6, 1, 2)
    torch.testing.assert_close(crops_to_image(middle, transforms)[:, 0], boxes[0].view(-1, 2, 2).mean(dim=1))
    shares = padding * (boxes[0][:, 2:] - boxes[0][:, :2]) / (transforms[:, [0, 1], [0, 1]] * torch.tensor([w, h]))
    torch.testing.assert_close(shares.amax(dim=1), torch.ones(6, dtype=torch.float64))
    assert not transforms[:, [0, 1], [1, 0]].any() and torch.equal(transforms[:, 0, 0], transforms[:, 1, 1])


@seeds
def test_a_crop_does_not_depend_on_the_other_boxes_and_images(seed):
    images, boxes = random(3, 3, 20, 30, seed=seed), random_boxes(2, 3, 1, size=(20, 30), seed=seed)
    crops, transforms = boxes_to_crops(images, boxes, (9, 12))
    n = 0
    for i, of_image in enumerate(boxes):
        for box in of_image:
            crop, transform = boxes_to_crops(images[i : i + 1], [box[None]], (9, 12))
            torch.testing.assert_close(crop[0], crops[n])
            torch.testing.assert_close(transform[0], transforms[n])
            n += 1
    assert n == len(crops) == len(transforms) == 6


@seeds
def test_turned_images_and_boxes_give_turned_crops(seed):
    images, boxes = random(1, 3, 20, 30, seed=seed), random_boxes(4, size=(20, 30), seed=seed)
    crops, _ = boxes_to_crops(images, boxes, (9, 12))
    transposed, _ = boxes_to_crops(images.transpose(2, 3), [boxes[0][:, [1, 0, 3, 2]]], (12, 9))
    torch.testing.assert_close(transposed, crops.transpose(2, 3))
    x1, y1, x2, y2 = boxes[0].unbind(dim=1)
    mirrored, _ = boxes_to_crops(images.flip(3), [torch.stack([29 - x2, y1, 29 - x1, y2], dim=1)], (9, 12))
    torch.testing.assert_close(mirrored, crops.flip(3))


@seeds
def test_moving_the_image_by_whole_pixels_moves_only_the_transform(seed):
    images, boxes = random(1, 3, 20, 30, seed=seed), random_boxes(4, size=(20, 30), seed=seed)
    crops, transforms = boxes_to_crops(images, boxes, (9, 12))
    wide = torch.nn.functional.pad(images, (5, 2, 3, 4))
    moved, other = boxes_to_crops(wide, [boxes[0] + torch.tensor([5, 3] * 2)], (9, 12))
    torch.testing.assert_close(moved, crops)
    torch.testing.assert_close(other[:, :, 2] - transforms[:, :, 2], torch.tensor([5.0, 3.0]).double().expand(4, 2))


def test_one_number_is_a_square_and_padding_is_a_quarter():
    images, boxes = random(1, 3, 20, 30), random_boxes(4, size=(20, 30))
    for one, other in zip(boxes_to_crops(images, boxes, 8), boxes_to_crops(images, boxes, (8, 8), 1.25), strict=True):
        assert torch.equal(one, other)


def test_outside_of_the_image_there_is_nothing():
    boxes = [torch.tensor([[-50.0, 5, -30, 15], [60, 5, 80, 15], [5, -40, 15, -20], [5, 50, 15, 70]])]
    crops, transforms = boxes_to_crops(torch.ones(1, 3, 20, 30), boxes, (8, 6))
    assert not crops.any()
    torch.testing.assert_close(transforms[:, 0, 0], torch.tensor([20 / 6, 20 / 6, 20 / 8, 20 / 8]) * 1.25)


@pytest.mark.parametrize("counts", [(0,), (0, 0, 0), (0, 2), (2, 0, 1)])
def test_images_may_have_no_boxes(counts):
    boxes = random_boxes(*counts, size=(20, 30))
    crops, transforms = boxes_to_crops(random(len(counts), 3, 20, 30), boxes, (5, 7))
    assert crops.shape == (sum(counts), 3, 5, 7) and transforms.shape == (sum(counts), 2, 3)
    assert crops.dtype == transforms.dtype == torch.float64


def test_a_box_that_is_a_point_gets_a_small_scale_and_a_line_that_of_its_length():
    boxes = [torch.tensor([[9.0, 7, 9, 7], [9, 7, 9, 17], [4, 7, 12, 7]])]
    images = random(1, 3, 20, 30, dtype=torch.float32)
    crops, transforms = boxes_to_crops(images, boxes, (10, 8), 1.5)
    assert transforms[:, 0, 0].tolist() == pytest.approx([1.5e-3, 1.5, 1.5])
    assert crops.isfinite().all() and torch.linalg.det(transforms[:, :, :2]).min() > 0
    torch.testing.assert_close(crops[0], images[0, :, 7, 9][:, None, None].expand(3, 10, 8), atol=0.02, rtol=0)


def test_arguments_are_left_as_they_were():
    images, boxes = random(2, 3, 20, 30), random_boxes(1, 2, size=(20, 30))
    before = [tensor.clone() for tensor in (images, *boxes)]
    boxes_to_crops(images, boxes, 8)
    assert all(map(torch.equal, before, (images, *boxes)))


# crops_to_image.


def test_crops_to_image_by_hand():
    keypoints, transforms = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[[2.0, 0, 10], [0, 2, 20]]])
    assert crops_to_image(keypoints, transforms).tolist() == [[[14, 26]]]


@seeds
def test_crops_to_image_agrees_with_a_loop(seed):
    keypoints, transforms = random(4, 5, 2, seed=seed), random(4, 2, 3, seed=seed + 100) - 0.5
    found = crops_to_image(keypoints, transforms)
    for n, k in np.ndindex(4, 5):
        (a, b, c), (d, e, f) = transforms[n].tolist()
        x, y = keypoints[n, k].tolist()
        assert found[n, k].tolist() == pytest.approx([a * x + b * y + c, d * x + e * y + f])


@seeds
def test_what_a_crop_shows_is_found_in_its_image(seed):
    """Two slopes for an image: a crop's pixels say where they looked."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    images = torch.stack([x, y, torch.ones_like(x)])[None].double()
    boxes = [random_boxes(5, size=(20, 30), seed=seed, beyond=0)[0] + torch.tensor([15, 10] * 2)]
    crops, transforms = boxes_to_crops(images, boxes, (6, 9), 1.0)
    pixels = torch.cartesian_prod(torch.arange(9.0), torch.arange(6.0)).double().expand(5, -1, -1)
    looked = crops[:, :2].permute(0, 3, 2, 1).flatten(1, 2)
    inside = (crops[:, 2] > 0.999).permute(0, 2, 1).flatten(1)
    assert inside.sum() > 100
    torch.testing.assert_close(crops_to_image(pixels, transforms)[inside], looked[inside])


@seeds
def test_the_inverse_transform_leads_back_into_the_crop(seed):
    keypoints, boxes = 20 * random(5, 17, 2, seed=seed), random_boxes(5, size=(20, 30), seed=seed)
    _, transforms = boxes_to_crops(random(1, 3, 20, 30), boxes, (16, 12))
    whole = torch.cat([transforms, torch.tensor([0.0, 0, 1]).double().expand(5, 1, 3)], dim=1)
    back = crops_to_image(crops_to_image(keypoints, transforms), torch.linalg.inv(whole)[:, :2])
    torch.testing.assert_close(back, keypoints)


def test_no_crops_no_keypoints_and_nan():
    assert crops_to_image(torch.zeros(0, 17, 2), torch.zeros(0, 2, 3)).shape == (0, 17, 2)
    assert crops_to_image(torch.zeros(3, 0, 2), torch.zeros(3, 2, 3)).shape == (3, 0, 2)
    keypoints, transforms = random(2, 3, 2), random(2, 2, 3)
    whole = crops_to_image(keypoints, transforms)
    keypoints[1, 2] = NAN
    found = crops_to_image(keypoints, transforms)
    assert found[1, 2].isnan().all() and torch.equal(found[0], whole[0]) and torch.equal(found[1, :2], whole[1, :2])


# Bad input.

IMAGES, BOXES = torch.zeros(2, 3, 8, 9), [torch.zeros(1, 4), torch.zeros(2, 4)]
KEYPOINTS, TRANSFORMS = torch.zeros(3, 17, 2), torch.zeros(3, 2, 3)


@pytest.mark.parametrize(("answer", "arguments", "error", "message"), [
    pytest.param(boxes_to_crops, (IMAGES[0], BOXES, 8), ValueError, "images has .* Add a batch axis", id="no-batch"),
    pytest.param(boxes_to_crops, (IMAGES[:, :1], BOXES, 8), ValueError, r"expected \(B, 3, H, W\)", id="grey"),
    pytest.param(boxes_to_crops, ([IMAGES], BOXES, 8), TypeError, "images is a list; expected a tensor", id="list"),
    pytest.param(boxes_to_crops, (IMAGES, BOXES[:1], 8), ValueError,
                 "boxes_xyxy has boxes of 1 images; expected those of 2", id="too-few-lists"),
    pytest.param(boxes_to_crops, (IMAGES, [b[:, :3] for b in BOXES], 8), ValueError,
                 r"boxes_xyxy has shape \(3, 3\); expected \(N, 4\)", id="three-numbers"),
    pytest.param(boxes_to_crops, (IMAGES, [b.double() for b in BOXES], 8), TypeError,
                 "boxes_xyxy has dtype float64; expected float32", id="two-dtypes"),
    pytest.param(boxes_to_crops, (IMAGES, [b.long() for b in BOXES], 8), TypeError,
                 "boxes_xyxy has dtype int64; expected float32", id="whole-numbers"),
    pytest.param(boxes_to_crops, (IMAGES, [BOXES[0], BOXES[1] * NAN], 8), ValueError, "boxes_xyxy holds NaN", id="nan"),
    pytest.param(crops_to_image, (KEYPOINTS[0], TRANSFORMS), ValueError,
                 r"keypoints has shape \(17, 2\); expected \(N, K, 2\)", id="one-crop"),
    pytest.param(crops_to_image, (torch.zeros(3, 17, 3), TRANSFORMS), ValueError,
                 r"keypoints has shape \(3, 17, 3\)", id="with-visibility"),
    pytest.param(crops_to_image, (KEYPOINTS, TRANSFORMS[:2]), ValueError,
                 r"transforms has shape \(2, 2, 3\); expected \(N=3, 2, 3\)", id="too-few-transforms"),
    pytest.param(crops_to_image, (KEYPOINTS, torch.zeros(3, 3, 3)), ValueError,
                 r"transforms has shape \(3, 3, 3\)", id="three-rows"),
])  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(answer, arguments, error, message):
    with pytest.raises(error, match=message):
        answer(*arguments)
