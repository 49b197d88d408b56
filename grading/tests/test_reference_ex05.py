"""The reference answers to exercise 5 against numbers worked out by hand, and what its texts say of a table."""

from __future__ import annotations

import contextlib
import io
import math

import pytest
import torch

import helpers
from benchmarks.cells import code_of
from grading.course.course import Course
from helpers.files import ROOT

pytestmark = pytest.mark.usefixtures("one_thread")
ANSWERS = Course(ROOT, "ex05_instances").reference_answers()
offset_targets, group_pixels = ANSWERS["offset_targets"], ANSWERS["group_pixels"]
panoptic_quality = ANSWERS["panoptic_quality"]


def rows(*numbers: list[int]) -> torch.Tensor:
    """Return masks of one image."""
    return torch.tensor(numbers)[None]


def test_the_pixel_of_the_task_points_at_the_mean_of_its_person():
    mask = torch.zeros(1, 4, 5, dtype=torch.int64)
    for x, y in ((1, 0), (2, 0), (3, 3)):
        mask[0, y, x] = 7
    offsets = offset_targets(mask)
    assert offsets[0, :, 3, 3].tolist() == [-1, -2] and offsets[0, :, 0, 1].tolist() == [1, 1]
    assert offsets.sum() == 0 and int((offsets != 0).any(dim=1).sum()) == 2 + 1


def test_offsets_of_a_person_sum_to_zero_and_do_not_know_the_number():
    masks = helpers.rendered_instances("val", 3, cache=False, progress=False).masks.long()
    offsets = offset_targets(masks)
    for mask, offset in zip(masks, offsets, strict=True):
        for person in mask[mask > 0].unique():
            assert offset[:, mask == person].sum(dim=1).abs().max() < 0.05
    assert torch.equal(offset_targets(torch.where(masks > 0, 50 - 3 * masks, 0)), offsets)


def test_the_pixel_of_the_task_goes_where_it_points_and_not_where_it_is():
    offsets, person = torch.zeros(2, 3, 9), torch.zeros(3, 9, dtype=torch.bool)
    offsets[:, 1, 6], person[1, 6], person[1, 7] = torch.tensor([-3.0, 0.0]), True, True
    groups = group_pixels(offsets, person, torch.tensor([[2.0, 1.0], [8.0, 1.0]]))
    assert groups[1].tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 0] and groups.sum() == 3
    assert not group_pixels(offsets, person, torch.zeros(0, 2)).any()


def test_true_offsets_group_every_pixel_rightly_whatever_the_people():
    masks = helpers.rendered_instances("val", 4, cache=False, progress=False).masks.long()
    for mask, offset in zip(masks, offset_targets(masks), strict=True):
        y, x = torch.stack([(mask == n).nonzero().float().mean(dim=0) for n in range(1, int(mask.max()) + 1)]).T
        assert torch.equal(group_pixels(offset, mask > 0, torch.stack([x, y], dim=1)), mask)


def test_the_example_of_the_task_scores_four_tenths():
    target = rows([1] * 10 + [0] * 10, [2] * 6 + [0] * 14)
    pred = rows([5] * 8 + [0] * 12, [0] * 15 + [3] * 5)
    assert float(panoptic_quality(pred, target)) == pytest.approx(0.4)


def test_quality_is_one_for_the_truth_under_other_numbers_and_symmetric():
    masks = helpers.rendered_instances("val", 3, cache=False, progress=False).masks.long()
    assert float(panoptic_quality(torch.where(masks > 0, 9 - masks, 0), masks)) == pytest.approx(1)
    shifted = masks.roll(3, dims=2)
    one, other = float(panoptic_quality(shifted, masks)), float(panoptic_quality(masks, shifted))
    assert 0 < one < 1 and one == pytest.approx(other)


def test_half_is_no_pair_and_nobody_is_nothing_to_score():
    assert float(panoptic_quality(rows([1, 1, 0]), rows([2, 0, 0]))) == 0
    assert float(panoptic_quality(rows([1, 1, 1]), rows([2, 2, 0]))) == pytest.approx(2 / 3)
    assert math.isnan(panoptic_quality(rows([0, 0, 0]), rows([0, 0, 0])))


def test_the_table_of_the_true_mask_is_as_the_texts_say():
    """Pieces lose two people of five, the nearest centre one pixel of many, offsets nothing but a centre or two."""
    some = helpers.rendered_instances("test", 24, cache=False, progress=False)
    cells = ("pieces", "offset-targets", "group-pixels", "centres", "people-of", "panoptic-quality")
    names = {"__name__": "cells", "truth": some.masks.long()}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code_of("ex05_instances", ("setup", *cells), {}), names)
    truth, there = names["truth"], names["truth"] > 0
    offsets = names["offset_targets"](truth)
    near = names["nearness"](offsets, there)
    ways = [names["pieces_of"](there), names["people_of"](0 * offsets, there, near)]
    ways.append(names["people_of"](offsets, there, near))
    pieces, nearest, pointed = (float(names["panoptic_quality"](masks, truth)) for masks in ways)
    assert pieces < 0.7 < nearest < 0.95 < 0.98 < pointed <= 1
