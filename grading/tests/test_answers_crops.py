"""What is special to `boxes_to_crops` and `crops_to_image`: conventions, numbers by hand, what the inputs promise."""

import numpy as np
import pytest
import torch
from answer_bank import REFERENCES, drawn, hidden_marks
from local_submission import said, seeds

from grading.known_wrong.ex04_crops import KNOWN_WRONG
from helpers.checks import ex04_multi_person as check
from helpers.checks.engine.question import Wrong, live_oracle
from helpers.checks.engine.values import Other
from helpers.checks.ex04_multi_person.crops import SLOPE, glance

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("one_thread")


# What a student reads.


@pytest.mark.parametrize("mistake", ["padding_twice", "half_pixel", "list_of_crops", "channels_last"])
def test_a_verdict_has_four_lines_and_inputs_to_try(mistake, capsys):
    wrong = KNOWN_WRONG["boxes_to_crops"][mistake]
    lines = said(check, "boxes_to_crops", wrong, capsys).splitlines()
    assert lines[0] == "boxes_to_crops is not right yet."
    assert [line.split()[0] for line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert len(wrong(**check.inputs)) == 2


def moved(by, answer):
    """Return an answer with a convention of its own: crops and transforms lie `by` crop pixels beside."""

    def variant(images, boxes_xyxy, crop_size, padding=1.25):
        transforms = answer(images, boxes_xyxy, crop_size, padding)[1].clone()
        transforms[:, :, 2] += by * transforms[:, [0, 1], [0, 1]]
        size = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
        pixels = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(1).to(images)
        places = (pixels @ transforms[:, :, :2].mT + transforms[:, None, :, 2]).unflatten(1, size)
        grid = (2 * places + 1) / images.new_tensor([images.shape[3], images.shape[2]]) - 1
        owners = [i for i, boxes in enumerate(boxes_xyxy) for _ in boxes]
        return torch.nn.functional.grid_sample(images[owners], grid, align_corners=False), transforms

    return variant


@pytest.mark.parametrize("by", [-0.99, -0.5, 0.5, 0.99])
def test_one_crop_pixel_is_a_convention(by):
    assert hidden_marks("boxes_to_crops", moved(by, REFERENCES["boxes_to_crops"]), 0) == (4, [])


@pytest.mark.parametrize("by", [-1.5, 1.5])
def test_more_than_one_crop_pixel_is_none(by):
    assert hidden_marks("boxes_to_crops", moved(by, REFERENCES["boxes_to_crops"]), 0)[0] < 2


@pytest.mark.parametrize("by", [-0.4, 0.4])
@pytest.mark.parametrize(
    "mistake", ["stretched", "smaller_scale", "padding_forgotten", "padding_twice", "boxes_as_xywh", "starts_at_corner"]
)
def test_a_mistake_is_named_in_any_convention(mistake, by):
    assert hidden_marks("boxes_to_crops", moved(by, KNOWN_WRONG["boxes_to_crops"][mistake]), 0)[1][0] == mistake


def test_a_transform_that_is_a_fifth_of_a_pixel_off_is_found_out():
    def off(images, boxes_xyxy, crop_size, padding=1.25):
        crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
        return crops, transforms + 0.2 * transforms[:, :1, :1] * torch.eye(3)[2].to(images)

    assert hidden_marks("boxes_to_crops", off, 0)[0] == 0


@pytest.mark.parametrize("small", [0.01, 0.5, 1.0])
def test_a_line_has_the_scale_of_its_length(small):
    """A box without width is no point: it went through with any small scale, where that was near its own by chance."""

    def point_or_line(images, boxes_xyxy, crop_size, padding=1.25):
        sides = torch.cat(boxes_xyxy)[:, 2:] - torch.cat(boxes_xyxy)[:, :2]
        crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
        size = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
        middle = transforms.new_tensor([(size[1] - 1) / 2, (size[0] - 1) / 2, 1])
        other = torch.cat([small * torch.eye(2), torch.zeros(2, 1)], dim=1).repeat(len(sides), 1, 1)
        other[:, :, 2] += (transforms - other) @ middle
        return crops, torch.where((sides > 0).all(dim=1)[:, None, None], transforms, other.to(transforms))

    assert hidden_marks("boxes_to_crops", point_or_line, 0) == (3, ["line_as_a_point"])


def test_where_crops_looked_tells_what_is_wrong_with_them():
    """Whatever comes of a grid in other numbers, a crop that looks a little beside, or is black, shows that."""

    def beside(images, boxes_xyxy, crop_size, padding=1.25):
        return moved(0.3, REFERENCES["boxes_to_crops"])(images, boxes_xyxy, crop_size, padding)[0], REFERENCES[
            "boxes_to_crops"
        ](images, boxes_xyxy, crop_size, padding)[1]

    def black(images, boxes_xyxy, crop_size, padding=1.25):
        crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
        return torch.zeros_like(crops), transforms

    assert hidden_marks("boxes_to_crops", beside, 0)[1] == ["half_pixel"] * 3
    assert hidden_marks("boxes_to_crops", black, 0)[1] == ["grid_not_normalised"] * 3


def test_an_unknown_error_is_passed_on(capsys):
    def failing(*_):
        raise RuntimeError("The size of tensor a (7) must match")

    for question in ("boxes_to_crops", "crops_to_image"):
        assert hidden_marks(question, failing, 0) == (0, ["raised_shapes"] * len(check.QUESTIONS[question].cases))
        assert "The size of tensor a (7) must match" in said(check, question, failing, capsys)


@pytest.mark.parametrize("got", [None, 3.0, [1, 2], {}, {"value": None}, {"value": [], "changed": 1}, Other("x")])
def test_what_no_probe_returns_is_wrong_too(got):
    question = check.QUESTIONS["boxes_to_crops"]
    oracle = live_oracle(question, REFERENCES["boxes_to_crops"], KNOWN_WRONG["boxes_to_crops"])
    for case in question.cases.values():
        with pytest.raises(Wrong, match="is something returned at all"):
            case(lambda *_, **__: got, np.random.RandomState(0), oracle)


# Numbers by hand.


@pytest.mark.parametrize(
    ("mistake", "scale", "left", "top"),
    [
        ("stretched", (5 / 8, 5 / 4), 5 / 16, 5 / 8), ("smaller_scale", 5 / 8, 5 / 16, 85 / 16),
        ("padding_in_pixels", 11 / 8, -85 / 16 + 0, -5 / 16), ("starts_at_corner", 5 / 4, 0, 0),
        ("centred_on_corner", 5 / 4, -75 / 8, -75 / 8), ("boxes_as_xywh", 5 / 4, -35 / 8, 5 / 8),
        ("boxes_as_cxcywh", 5 / 4, -75 / 8, -75 / 8), ("boxes_y_first", 5 / 4, 5 / 8, -35 / 8),
        ("transform_of_the_centre", 5 / 4, 5, 10), ("transform_of_the_corner", 5 / 4, 0, 0),
    ],
)  # fmt: skip
def test_mistakes_give_the_transforms_worked_out_by_hand(mistake, scale, left, top):
    """The example of the task: right is a scale of 1.25, and a crop that starts at (-4.375, 0.625)."""
    images, boxes = torch.zeros(1, 3, 30, 40), [torch.tensor([[0.0, 0, 10, 20]])]
    right = REFERENCES["boxes_to_crops"](images, boxes, 16, 1.0)[1]
    assert right[0].flatten().tolist() == [1.25, 0, -4.375, 0, 1.25, 0.625]
    wrong = KNOWN_WRONG["boxes_to_crops"][mistake](images, boxes, 16, 1.0)[1]
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    assert wrong[0].flatten().tolist() == pytest.approx([across, 0, left, 0, down, top])


@pytest.mark.parametrize(
    ("mistake", "place"),
    [
        ("inverse", (2 / 2 - 5, 3 / 4 - 5)), ("shift_forgotten", (4, 12)), ("shift_before_matrix", (24, 92)),
        ("shift_subtracted", (-6, -8)), ("shift_swapped", (24, 22)), ("x_y_swapped", (16, 28)),
        ("one_scale", (14, 26)), ("one_first", (10 * 3 + 2, 20 * 3 + 4 * 2)), ("half_pixel", (15, 34)),
    ],
)  # fmt: skip
def test_points_mistakes_give_the_places_worked_out_by_hand(mistake, place):
    """Keypoint (2, 3), scales 2 and 4, shift (10, 20): right is (14, 32)."""
    keypoints, transforms = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[[2.0, 0, 10], [0, 4, 20]]])
    assert REFERENCES["crops_to_image"](keypoints, transforms).flatten().tolist() == [14, 32]
    wrong = KNOWN_WRONG["crops_to_image"][mistake](keypoints, transforms)
    assert wrong.flatten().tolist() == pytest.approx(place)


# What the inputs promise.


ten_seeds = pytest.mark.parametrize("seed", seeds(10))


@ten_seeds
def test_images_are_slopes_in_the_range_of_images(seed):
    for case in check.QUESTIONS["boxes_to_crops"].cases:
        for call in drawn("boxes_to_crops", case, seed):
            images = call["images"]
            assert images.min() >= 0 and images.max() <= 1 and images.shape[2] != images.shape[3]
            assert (images[:, 0].diff(dim=2).abs() == SLOPE).all() and not images[:, 0].diff(dim=1).any()
            assert (images[:, 1].diff(dim=1).abs() == SLOPE).all() and not images[:, 1].diff(dim=2).any()
            assert images[:, 2, 0, 0].unique().numel() == len(images) and images[:, 2].min() > 0


@ten_seeds
def test_sides_ask_for_different_scales_and_boxes_are_not_in_order_of_size(seed):
    for call in drawn("boxes_to_crops", "values", seed):
        size = call["crop_size"]
        h, w = (size, size) if isinstance(size, int) else size
        boxes = torch.cat(call["boxes_xyxy"])
        asked = (boxes[:, 2:] - boxes[:, :2]) / torch.tensor([w, h])
        assert (asked.amax(dim=1) / asked.amin(dim=1) > 1.6).all()
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= torch.tensor(call["images"].shape[:1:-1]) - 1).all()
    sizes = [asked.tolist() for asked in map(area, drawn("boxes_to_crops", "values", seed)[1]["boxes_xyxy"])][0]
    assert sizes not in (sorted(sizes), sorted(sizes, reverse=True))


def area(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


@ten_seeds
def test_four_borders_are_reached_over_and_all_sides_are_left(seed):
    over, away = drawn("boxes_to_crops", "border", seed)
    boxes, (height, width) = torch.cat(over["boxes_xyxy"]), over["images"].shape[2:]
    beyond = torch.cat([boxes[:, :2] < 0, boxes[:, 2:] > torch.tensor([width - 1, height - 1])], dim=1)
    assert beyond.any(dim=0).all() and (beyond.sum(dim=1) >= 1).all()
    crops, _ = REFERENCES["boxes_to_crops"](**away)
    assert crops[0].any() and not crops[1:].any()


# More than there can be.


@pytest.mark.parametrize(
    ("crops", "transforms"),
    [((2, 3, 14, 14), (2, 2, 5000)), ((2, 3, 14, 14), (2, 5000, 3)), ((2, 5000, 4, 4), (2, 2, 3))],
)
def test_a_glance_at_crops_is_short_whatever_comes(crops, transforms):
    """Else every known mistake is compared with all of 64 MB."""
    *fingerprints, numbers = glance({"value": [torch.zeros(crops), torch.zeros(transforms)], "changed": []})
    assert all(isinstance(text, str) for text in fingerprints) and numbers is None
