"""The reference answers of ex04's part affinity fields: numbers by hand, slow loops, invariants, bad input."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from grading.course.course import Course
from grading.course.release import ROOT

ANSWERS = Course(ROOT, "ex04_multi_person").reference_answers()
part_affinity_fields, affinity_score = ANSWERS["part_affinity_fields"], ANSWERS["affinity_score"]
NAN = float("nan")

seeds = pytest.mark.parametrize("seed", range(5))


def uniform(*shape, low=0.0, high=1.0, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=dtype)


def seen(*shape, share=1.0, seed=0):
    return uniform(*shape, seed=seed + 1000) < share


def fields_of(*ends, size=(5, 6), width=1.0, visible=None):
    """Return the fields (2, H, W) of people of one limb each."""
    keypoints = torch.tensor([list(ends)], dtype=torch.float64)
    there = torch.ones(1, len(ends), 2, dtype=torch.bool) if visible is None else torch.tensor([visible])
    return part_affinity_fields(keypoints, there, [(0, 1)], size, width)[0, 0]


def slow_fields(keypoints, visible, limbs, size, width):
    """Return the fields pixel by pixel: the foot of the perpendicular lies between the ends, and is near enough."""
    fields = np.zeros((len(keypoints), len(limbs), 2, *size))
    for image, index, row, column in np.ndindex(len(keypoints), len(limbs), *size):
        a, b = limbs[index]
        found = []
        for person, there in zip(keypoints[image].double().numpy(), visible[image].tolist(), strict=True):
            start, end, pixel = person[a], person[b], np.array([column, row])
            if there[a] and there[b] and (start != end).any():
                share = (pixel - start) @ (end - start) / ((end - start) @ (end - start))
                foot = start + share * (end - start)
                if 0 <= share <= 1 and np.hypot(*(pixel - foot)) <= width / 2:
                    found.append((end - start) / np.hypot(*(end - start)))
        if found:
            fields[image, index, :, row, column] = np.mean(found, axis=0)
    return torch.from_numpy(fields)


# part_affinity_fields.


def test_fields_of_the_example():
    x, y = fields_of([(1, 1), (3, 1)], size=(3, 5))
    assert x.tolist() == [[0] * 5, [0, 1, 1, 1, 0], [0] * 5] and not y.any()


def test_fields_of_an_oblique_limb_by_hand():
    """From (1, 1) along (3, 4) / 5 for 5 pixels: 1 across is a step of (-0.8, 0.6)."""
    fields = fields_of([(1, 1), (4, 5)], size=(7, 6), width=1.5)
    inside = fields.any(dim=0)
    torch.testing.assert_close(fields[:, inside].T, torch.tensor([0.6, 0.8]).double().expand(int(inside.sum()), 2))
    assert inside.nonzero().tolist() == [[1, 1], [2, 1], [2, 2], [3, 2], [3, 3], [4, 3], [4, 4], [5, 4]]


def test_pixels_on_every_edge_belong_to_the_rectangle():
    inside = fields_of([(1, 2), (4, 2)], width=2.0)[0] != 0
    assert inside.nonzero().tolist() == [[row, column] for row in (1, 2, 3) for column in (1, 2, 3, 4)]
    assert not (fields_of([(1.01, 2), (3.99, 2)], width=1.99)[0, :, [1, 4]]).any()


def test_limbs_in_one_place_are_averaged_and_not_renormalised():
    right, down = [(0, 2), (4, 2)], [(2, 0), (2, 4)]
    assert fields_of(right, down)[:, 2, 2].tolist() == [0.5, 0.5]
    assert fields_of(right, right, down)[:, 2, 2].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert not fields_of(right, right[::-1]).any()
    assert fields_of(right, down)[:, 2, 3].tolist() == [1, 0] and fields_of(right, down)[:, 0, 2].tolist() == [0, 1]


@seeds
@pytest.mark.parametrize("width", [0.7, 2.3, 6.0])
def test_fields_agree_with_a_slow_loop(seed, width):
    """Limbs of any direction and length, some outside of the field, some invisible, some NaN, some without length."""
    keypoints = uniform(3, 4, 5, 2, low=-3, high=14, seed=seed)
    keypoints[0, 1, 2] = keypoints[0, 1, 4]
    visible = seen(3, 4, 5, share=0.8, seed=seed)
    limbs, size = [(0, 1), (4, 2), (3, 1), (2, 0)], (9, 13)
    expected = slow_fields(keypoints, visible, limbs, size, width)
    keypoints[~visible] = NAN
    torch.testing.assert_close(part_affinity_fields(keypoints, visible, limbs, size, width), expected)


@seeds
def test_a_vector_is_as_long_as_the_people_agree(seed):
    fields = part_affinity_fields(uniform(2, 3, 4, 2, high=20, seed=seed), seen(2, 3, 4), [(0, 1), (2, 3)], (21, 23), 3)
    alone = part_affinity_fields(uniform(2, 3, 4, 2, high=20, seed=seed)[:, :1], seen(2, 1, 4), [(0, 1)], (21, 23), 3)
    assert fields.norm(dim=2).max() <= 1 + 1e-9
    length = alone.norm(dim=2)
    torch.testing.assert_close(length, (length > 0.5).double())


@seeds
def test_fields_do_not_depend_on_the_order_of_people_images_and_limbs(seed):
    keypoints, visible = uniform(3, 4, 3, 2, high=9, seed=seed), seen(3, 4, 3, share=0.8, seed=seed)
    limbs, size = [(0, 1), (1, 2)], (10, 8)
    fields = part_affinity_fields(keypoints, visible, limbs, size, 2.5)
    torch.testing.assert_close(part_affinity_fields(keypoints.flip(1), visible.flip(1), limbs, size, 2.5), fields)
    torch.testing.assert_close(part_affinity_fields(keypoints[1:2], visible[1:2], limbs, size, 2.5), fields[1:2])
    torch.testing.assert_close(part_affinity_fields(keypoints, visible, limbs[::-1], size, 2.5), fields.flip(1))


@seeds
def test_turning_a_limb_turns_its_vectors_and_moving_it_moves_them(seed):
    keypoints, visible, size = uniform(1, 2, 2, 2, low=3, high=9, seed=seed), seen(1, 2, 2), (14, 13)
    fields = part_affinity_fields(keypoints, visible, [(0, 1)], size, 2.5)
    turned = part_affinity_fields(keypoints, visible, [(1, 0)], size, 2.5)
    moved = part_affinity_fields(keypoints + torch.tensor([2, 1]), visible, [(0, 1)], size, 2.5)
    mirrored = part_affinity_fields(keypoints.flip(-1), visible, [(0, 1)], size[::-1], 2.5)
    torch.testing.assert_close(turned, -fields)
    torch.testing.assert_close(moved[..., 1:, 2:], fields[..., :-1, :-2])
    torch.testing.assert_close(mirrored.flip(2).transpose(-1, -2), fields)


@pytest.mark.parametrize("visible", [(False, True), (True, False), (False, False)])
def test_a_limb_needs_both_of_its_keypoints(visible):
    other, right = [(0, 2), (4, 2)], [(0, 2), (4, 2)]
    there = [(True, True), visible]
    assert torch.equal(fields_of(right, other, visible=there), fields_of(right))
    gone = [end if v else (NAN, NAN) for end, v in zip(other, visible, strict=True)]
    assert torch.equal(fields_of(right, gone, visible=there), fields_of(right))


def test_a_limb_without_length_is_left_out():
    right, point = [(0, 2), (4, 2)], [(2.0, 2.0), (2.0, 2.0)]
    assert torch.equal(fields_of(right, point, width=2.0), fields_of(right, width=2.0))
    assert torch.equal(fields_of(point), torch.zeros(2, 5, 6).double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nobody_nothing_and_no_limbs_give_zeros_in_the_dtype_of_the_keypoints(dtype):
    for images, people, limbs in ((2, 0, [(0, 1)]), (0, 3, [(0, 1)]), (2, 3, [])):
        keypoints = torch.full((images, people, 2, 2), NAN, dtype=dtype)
        fields = part_affinity_fields(keypoints, torch.zeros(images, people, 2, dtype=torch.bool), limbs, (3, 4), 2)
        assert torch.equal(fields, torch.zeros(images, len(limbs), 2, 3, 4, dtype=dtype)) and fields.dtype == dtype


def test_fields_leave_their_arguments_alone():
    keypoints, visible = uniform(1, 2, 3, 2, high=5), torch.tensor([[[True, True, False], [False, True, True]]])
    before = keypoints.clone(), visible.clone()
    part_affinity_fields(keypoints, visible, [(0, 1), (1, 2)], (6, 6), 2)
    assert torch.equal(keypoints, before[0]) and torch.equal(visible, before[1])


# affinity_score.


def straight(x, y, size=(6, 9)):
    return torch.tensor([x, y], dtype=torch.float64)[:, None, None].expand(2, *size)


def place(*coordinates):
    return torch.tensor(coordinates, dtype=torch.float64)


@pytest.mark.parametrize(
    ("start", "end", "score"), [((2, 3), (7, 3), 1), ((7, 3), (2, 3), -1), ((0, 0), (3, 4), 0.6), ((4, 5), (4, 1), 0)]
)
def test_scores_of_the_example(start, end, score):
    assert affinity_score(straight(1, 0), place(*start), place(*end)).item() == pytest.approx(score)


def test_every_point_counts():
    """Ten points on ten pixels in a row, of which three say 1 and one says -1; the rest say nothing."""
    field = torch.zeros(2, 3, 10).double()
    field[0, 1, [0, 4, 5]], field[0, 1, 9] = 1, -1
    assert affinity_score(field, place(0, 1), place(9, 1)).item() == pytest.approx(0.2)
    assert affinity_score(field, place(9, 1), place(0, 1)).item() == pytest.approx(-0.2)


def test_points_outside_are_taken_at_the_border():
    field = torch.zeros(2, 4, 5).double()
    field[0, :, 0], field[1, -1] = 0.5, 0.25
    assert affinity_score(field, place(-9, 1), place(-4, 1)).item() == pytest.approx(0.5)
    assert affinity_score(field, place(2, 5), place(2, 90)).item() == pytest.approx(0.25)
    assert affinity_score(field, place(99, -3), place(99, -4)).item() == 0


def test_a_segment_without_length_scores_0():
    scores = affinity_score(straight(1, 0), place(2, 3), place([2, 3], [3, 3], [2.25, 3]))
    assert scores.tolist() == [0, 1, 1]


@seeds
def test_scores_agree_with_scipy_between_the_pixels_of_a_smooth_field(seed):
    """Bilinear and 2000 points, against the nearest pixels and 200 points."""
    field = uniform(2, 4, 5, low=-1, seed=seed)
    field = torch.from_numpy(ndimage.zoom(field.numpy(), (1, 12, 12), order=1))
    start, end = uniform(6, 2, low=-5, high=60, seed=seed), uniform(6, 2, low=-5, high=60, seed=seed + 1)
    share = np.linspace(0, 1, 2000)[:, None, None]
    points = (1 - share) * start.numpy() + share * end.numpy()  # (2000, 6, 2)
    parts = [ndimage.map_coordinates(part, points.T[::-1], order=1, mode="nearest").mean(-1) for part in field.numpy()]
    vector = (end - start).numpy()
    expected = (np.stack(parts, axis=-1) * vector).sum(axis=-1) / np.hypot(*vector.T)
    np.testing.assert_allclose(affinity_score(field, start, end, 200), expected, atol=0.02)


@seeds
def test_a_limb_scores_1_in_its_own_field_and_less_beside_it(seed):
    keypoints = uniform(1, 1, 2, 2, low=5, high=35, seed=seed)
    field = part_affinity_fields(keypoints, seen(1, 1, 2), [(0, 1)], (40, 40), 4)[0, 0]
    start, end = keypoints[0, 0]
    assert affinity_score(field, start + (end - start) * 0.02, end).item() > 0.8
    across = (end - start).flip(0) * torch.tensor([-1, 1])
    assert abs(affinity_score(field, start, start + across).item()) < 0.5
    assert affinity_score(field, start + across, end + across).item() == pytest.approx(0, abs=0.2)


@seeds
def test_scores_are_linear_in_the_field_and_turn_with_the_segment(seed):
    fields, (start, end) = uniform(2, 2, 9, 8, low=-1, seed=seed), uniform(2, 7, 2, high=8, seed=seed)
    one, other = (affinity_score(field, start, end) for field in fields)
    torch.testing.assert_close(affinity_score(2 * fields[0] - fields[1], start, end), 2 * one - other)
    mirrored = affinity_score(fields[0].flip(0).transpose(1, 2), start.flip(-1), end.flip(-1))
    torch.testing.assert_close(mirrored, one)


@pytest.mark.parametrize(
    ("starts", "ends", "shape"),
    [
        ((), (), ()), ((5,), (5,), (5,)), ((4, 1), (1, 3), (4, 3)), ((2, 3), (2, 3), (2, 3)), ((), (4,), (4,)),
        ((2, 1, 3), (4, 1), (2, 4, 3)), ((0,), (0,), (0,)), ((0, 1), (1, 3), (0, 3)), ((2, 1), (1, 0), (2, 0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_leading_shapes_broadcast(starts, ends, shape, dtype):
    field = uniform(2, 9, 8, low=-1, dtype=dtype)
    start, end = uniform(*starts, 2, high=8, dtype=dtype), uniform(*ends, 2, high=8, seed=1, dtype=dtype)
    scores = affinity_score(field, start, end)
    assert scores.shape == shape and scores.dtype == dtype
    for index in np.ndindex(*shape):
        a, b = (p.expand(*shape, 2)[index] for p in (start, end))
        torch.testing.assert_close(scores[index], affinity_score(field, a, b))


# Bad input.

KEYPOINTS, VISIBLE, FIELD = torch.zeros(1, 2, 3, 2), torch.ones(1, 2, 3, dtype=torch.bool), torch.zeros(2, 4, 5)


@pytest.mark.parametrize(("answer", "arguments", "error", "message"), [
    pytest.param(part_affinity_fields, (KEYPOINTS[0], VISIBLE[0], [(0, 1)], (4, 5), 2), ValueError,
                 r"keypoints has shape \(2, 3, 2\); expected \(B, P, K, 2\). Add a batch axis", id="one-image"),
    pytest.param(part_affinity_fields, (KEYPOINTS.numpy(), VISIBLE, [(0, 1)], (4, 5), 2), TypeError,
                 "keypoints is a ndarray; expected a tensor", id="array"),
    pytest.param(part_affinity_fields, (KEYPOINTS, VISIBLE.long(), [(0, 1)], (4, 5), 2), TypeError,
                 "visible has dtype int64; expected bool", id="visibility"),
    pytest.param(part_affinity_fields, (KEYPOINTS, VISIBLE[:, :1], [(0, 1)], (4, 5), 2), ValueError,
                 r"visible has shape \(1, 1, 3\); expected \(B=1, P=2, K=3\)", id="other-people"),
    pytest.param(affinity_score, (FIELD[None], FIELD[:, 0, 0], FIELD[:, 1, 1]), ValueError,
                 r"field has shape \(1, 2, 4, 5\); expected \(2, H, W\)", id="batch-of-fields"),
    pytest.param(affinity_score, (FIELD.numpy(), FIELD[:, 0, 0], FIELD[:, 1, 1]), TypeError,
                 "field is a ndarray", id="field-as-array"),
])  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(answer, arguments, error, message):
    with pytest.raises(error, match=message):
        answer(*arguments)


def test_a_keypoint_that_does_not_exist_is_refused():
    with pytest.raises(IndexError):
        part_affinity_fields(KEYPOINTS, VISIBLE, [(0, 3)], (4, 5), 2)


def test_the_length_of_a_short_limb_does_not_matter():
    short, long = fields_of([(2, 2), (2 + 3e-3, 2 + 4e-3)], width=9.0), place(0.6, 0.8)
    torch.testing.assert_close(short[:, 2, 2], long)
    score = affinity_score(straight(0.6, 0.8), place(2, 2), place(2 + 3e-6, 2 + 4e-6))
    assert score.item() == pytest.approx(1) and math.isfinite(score)
