"""Known wrong answers to exercise 4's questions about part affinity fields."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from grading.known_wrong import ex04_scores
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# part_affinity_fields


def _pixels(size, like):
    """Return x (W,) and y (H, 1) of all pixels."""
    height, width = size
    return torch.arange(width).to(like), torch.arange(height).to(like)[:, None]


def _there(visible, pair):
    return visible[:, :, pair[0]] & visible[:, :, pair[1]]


def _ends(keypoints, visible, pair):
    """Return start and end (B, P, 2), 0 where one of them is invisible."""
    there = _there(visible, pair)[..., None]
    return [torch.where(there, keypoints[:, :, k], 0.0) for k in pair]


def _frame(start, end, size):
    """Return the unit vectors (B, P, 2), their lengths (B, P, 1, 1), and where pixels lie along and across."""
    unit = F.normalize(end - start, dim=-1)
    length = (end - start).norm(dim=-1)[..., None, None]
    x, y = _pixels(size, start)
    dx, dy = x - start[:, :, 0, None, None], y - start[:, :, 1, None, None]
    ux, uy = unit[..., 0, None, None], unit[..., 1, None, None]
    return unit, length, dx * ux + dy * uy, dy * ux - dx * uy


def _inside(length, along, across, width):
    return (along >= 0) & (along <= length) & (across.abs() <= width / 2) & (length > 0)


def _covered(keypoints, visible, pair, size, width):
    """Return the unit vector (B, P, 2) of one limb of everybody, and the pixels (B, P, H, W) that it covers."""
    unit, length, along, across = _frame(*_ends(keypoints, visible, pair), size)
    return unit, _inside(length, along, across, width) & _there(visible, pair)[..., None, None]


def _drawn(unit, inside):
    """Return each limb alone: (B, P, 2, H, W)."""
    return inside[:, :, None] * unit[..., None, None]


def _count(inside):
    return inside.sum(dim=1, keepdim=True)


def _mean(unit, inside):
    return _drawn(unit, inside).sum(dim=1) / _count(inside).clamp(min=1)


def _in_box(low, high, size):
    x, y = _pixels(size, low)
    low, high = low[..., None, None], high[..., None, None]
    return (x >= low[:, :, 0]) & (x <= high[:, :, 0]) & (y >= low[:, :, 1]) & (y <= high[:, :, 1])


def _whoever(keypoints, pair, size, width, seen):
    """Return the field of one limb of the people `seen` (B, P), wherever their keypoints are."""
    unit, *parts = _frame(*(keypoints[:, :, k] for k in pair), size)
    return _mean(unit.nan_to_num(), _inside(*parts, width) & seen[..., None, None])


def _of_zeroed(at_zero, pair, size, width, there):
    start, end = (at_zero[:, :, k] * there[..., None] for k in pair)
    way = end - start
    unit = way / way.norm(dim=-1, keepdim=True)
    *_, along, across = _frame(start, end, size)
    inside = _inside(way.norm(dim=-1)[..., None, None], along, across, width)
    return (unit[..., None, None] * inside[:, :, None]).sum(dim=1) / _count(inside).clamp(min=1)


def _all_fields(keypoints, visible, limbs, size, width):
    return torch.stack([_mean(*_covered(keypoints, visible, pair, size, width)) for pair in limbs], dim=1)


def _painted(keypoints, visible, limbs, size, width, order):
    """Return fields in which people are painted over each other."""
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for index, pair in enumerate(limbs):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        for person in order(range(inside.shape[1])):
            here = inside[:, person, None]
            fields[:, index] = torch.where(here, unit[:, person, :, None, None], fields[:, index])
    return fields


def paf_all_limbs_in_one(keypoints, visible, limbs, size, width):
    """Divides by the number of all limbs, of any kind, that cover a pixel."""
    covered = [_covered(keypoints, visible, pair, size, width) for pair in limbs]
    count = sum(_count(inside) for _, inside in covered).clamp(min=1)
    return torch.stack([_drawn(unit, inside).sum(dim=1) / count for unit, inside in covered], dim=1)


def paf_whole_batch_in_one(keypoints, visible, limbs, size, width):
    """Draws the people of all images into each."""
    images = len(keypoints)
    together = _all_fields(keypoints.flatten(0, 1)[None], visible.flatten(0, 1)[None], limbs, size, width)
    return together.repeat(images, 1, 1, 1, 1)


def paf_running_mean(keypoints, visible, limbs, size, width):
    """Takes the mean of what is there and the next person, so that the last one counts half."""
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for index, pair in enumerate(limbs):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        for person in range(inside.shape[1]):
            here, old = inside[:, person, None], fields[:, index]
            new = unit[:, person, :, None, None]
            known = inside[:, :person].any(dim=1)[:, None]
            fields[:, index] = torch.where(here, torch.where(known, (old + new) / 2, new), old)
    return fields


def paf_no_length_raises(keypoints, visible, limbs, size, width):
    for a, b in limbs:
        start, end = _ends(keypoints, visible, (a, b))
        for there, vector in zip(_there(visible, (a, b)).flatten(), (end - start).flatten(0, 1), strict=True):
            if there:
                1 / math.hypot(*vector.tolist())
    return _all_fields(keypoints, visible, limbs, size, width)


def paf_changes_its_arguments(keypoints, visible, limbs, size, width):
    keypoints[~visible] = 0
    return _all_fields(keypoints, visible, limbs, size, width)


def paf_changes_its_arguments__visible(keypoints, visible, limbs, size, width):
    visible &= visible.all(dim=2, keepdim=True)
    return _all_fields(keypoints, visible, limbs, size, width)


LIMB_GIVEN = {
    "start, end": "_ends(keypoints, visible, pair)",
    "way": "end - start",
    "low, high": "torch.minimum(start, end), torch.maximum(start, end)",
    "unit, length, along, across": "_frame(start, end, size)",
    "raw_unit, *raw_parts": "_frame(*(keypoints[:, :, k] for k in pair), size)",
    "from_start, to_end": "along >= 0, along <= length",
    "in_width": "across.abs() <= width / 2",
    "there": "_there(visible, pair)[..., None, None]",
    "drawable": "there & (length > 0)",
    "inside": "_inside(length, along, across, width) & there",
    "count": "_count(inside)",
    "drawn": "_drawn(unit, inside)",
    "people": "drawn.shape[1]",
    "total": "drawn.sum(dim=1)",
    "everybody": "torch.ones_like(visible[:, :, 0])",
    "at_zero": "torch.where(visible[..., None], keypoints, 0.0)",
}


def limb(text):
    """Return an answer that stacks the fields of all limbs, of which `text` is one: (B, 2, H, W)."""
    field = answers("keypoints, visible, pair, size, width", {"limb": text}, globals(), LIMB_GIVEN)["limb"]

    def answer(keypoints, visible, limbs, size, width):
        return torch.stack([field(keypoints, visible, pair, size, width) for pair in limbs], dim=1)

    return answer


def covers(pixels):
    """Return an answer whose limbs are right but for the pixels that they cover."""
    return limb(f"_mean(unit, ({pixels}) & drawable)")


FIELDS_GIVEN = {
    "fields": "_all_fields(keypoints, visible, limbs, size, width)",
    "fx, fy": "fields.unbind(dim=2)",
    "corner": "torch.tensor([size[1] - 1, size[0] - 1]).to(keypoints)",
    "swapped": "keypoints.flip(-1)",
    "masked": "keypoints * visible[..., None]",
    "within": "((keypoints >= 0) & (keypoints <= corner)).all(dim=-1)",
    "whole": "visible.all(dim=2, keepdim=True).expand_as(visible)",
}

FIELDS = {
    "nothing_drawn": "torch.zeros_like(fields)",
    "not_unit_length": limb("_mean(way, inside)"),
    "not_unit_length.squared": limb("_mean(way / way.square().sum(dim=-1, keepdim=True).clamp(min=1e-9), inside)"),
    "not_unit_length.largest": limb("_mean(way / way.abs().amax(dim=-1, keepdim=True).clamp(min=1e-6), inside)"),
    "not_unit_length.sum_of_components": limb(
        "_mean(way / way.abs().sum(dim=-1, keepdim=True).clamp(min=1e-6), inside)"
    ),
    "whole_line": covers("in_width"),
    "whole_line.beyond_the_end": covers("from_start & in_width"),
    "whole_line.before_the_start": covers("to_end & in_width"),
    "round_ends": covers("(torch.hypot(along - along.clamp(min=0).minimum(length), across) <= width / 2)"),
    "round_ends.square": covers("(along >= -width / 2) & (along <= length + width / 2) & in_width"),
    # The line through the limb, in a box with a margin around its ends.
    "round_ends.in_a_box": limb("_mean(unit, in_width & _in_box(low - width / 2, high + width / 2, size) & drawable)"),
    "round_ends.half_a_pixel": covers("(along >= -0.5) & (along <= length + 0.5) & in_width"),
    "too_little_drawn": covers("_inside(length, along, across, width - 0.7)"),
    "width_as_half_width": covers("_inside(length, along, across, 2 * width)"),
    # As in the first bottom-up papers' code: that far across, in a box with a margin of the width around the ends.
    "width_as_half_width.openpose": limb(
        "_mean(unit, (across.abs() <= width) & _in_box(low - width, high + width, size) & drawable)"
    ),
    "half_of_half_width": covers("_inside(length, along, across, width / 2)"),
    "width_ignored": covers("_inside(length, along, across, 1)"),
    "width_ignored.whole_number": covers("_inside(length, along, across, 2 * (width // 2))"),
    "width_ignored.at_least_one": covers("_inside(length, along, across, max(width, 1))"),
    "width_ignored.rounded": covers("_inside(length, along, across, max(round(width), 1))"),
    "edge_left_out": covers("(along > 0) & (along < length) & (across.abs() < width / 2)"),
    "edge_left_out.sides": covers("from_start & to_end & (across.abs() < width / 2)"),
    "edge_left_out.ends": covers("(along > 0) & (along < length) & in_width"),
    "edge_left_out.start": covers("(along > 0) & to_end & in_width"),
    "edge_left_out.end": covers("from_start & (along < length) & in_width"),
    "one_side_only": covers("from_start & to_end & (across >= 0) & (across <= width / 2)"),
    "one_side_only.the_other": covers("from_start & to_end & (across <= 0) & (across >= -width / 2)"),
    "one_side_only.no_abs": covers("from_start & to_end & (across <= width / 2)"),
    "one_side_only.no_abs_there": covers("from_start & to_end & (across >= -width / 2)"),
    "bounding_box": limb("_mean(unit, _in_box(low, high, size) & there)"),
    "bounding_box.with_a_margin": limb("_mean(unit, _in_box(low - width / 2, high + width / 2, size) & drawable)"),
    "fades": limb("_drawn(unit, inside * (1 - across.abs() / (width / 2))).sum(dim=1) / count.clamp(min=1)"),
    "direction_reversed": "-fields",
    "x_y_swapped": "fields.flip(2)",
    "one_sign": "torch.stack([fx, -fy], dim=2)",
    "one_sign.x": "torch.stack([-fx, fy], dim=2)",
    "perpendicular": "torch.stack([-fy, fx], dim=2)",
    "unsigned": limb("_mean(unit.abs(), inside)"),
    "unsigned.from_the_left": limb("_mean(unit * torch.where(unit[..., :1] < 0, -1, 1), inside)"),
    "unsigned.from_the_lower_number": "_all_fields(keypoints, visible, [sorted(pair) for pair in limbs], size, width)",
    # Takes the first coordinate of a keypoint as its row.
    "row_and_column_swapped": "_all_fields(swapped, visible, limbs, size, width).flip(2)",
    "row_and_column_swapped.channels_too": "_all_fields(swapped, visible, limbs, size, width)",
    "map_transposed": "fields.transpose(-1, -2)",
    "size_taken_as_width_height": "_all_fields(keypoints, visible, limbs, (size[1], size[0]), width)",
    "channels_elsewhere": "fields.movedim(2, -1)",
    "channels_elsewhere.before_the_limbs": "fields.transpose(1, 2)",
    "channels_elsewhere.flat": "fields.flatten(1, 2)",
    "rounded_keypoints": "_all_fields(keypoints.round(), visible, limbs, size, width)",
    "rounded_keypoints.down": "_all_fields(keypoints.floor(), visible, limbs, size, width)",
    "half_a_pixel_off": "_all_fields(keypoints - 0.5, visible, limbs, size, width)",
    "half_a_pixel_off.the_other_way": "_all_fields(keypoints + 0.5, visible, limbs, size, width)",
    "keypoints_clamped": "_all_fields(keypoints.clamp(min=0).minimum(corner), visible, limbs, size, width)",
    "left_out_beyond_the_field": "_all_fields(keypoints, visible & within, limbs, size, width)",
    # Takes keypoints k and k + 1 as limb k, whatever the limbs are.
    "keypoints_in_a_row": "_all_fields(keypoints, visible, [(k, k + 1) for k in range(len(limbs))], size, width)",
    "limbs_sorted": "_all_fields(keypoints, visible, sorted(limbs), size, width)",
    "all_limbs_in_one": paf_all_limbs_in_one,
    "all_limbs_in_one.over_their_number": "fields / len(limbs)",
    "whole_batch_in_one": paf_whole_batch_in_one,
    "first_person_only": "_all_fields(keypoints[:, :1], visible[:, :1], limbs, size, width)",
    "divided_by_all_people": limb("drawn.mean(dim=1).nan_to_num()"),
    "divided_by_all_people.who_have_the_limb": limb("total / there.sum(dim=1, keepdim=True).clamp(min=1)"),
    "sum_on_overlap": limb("total"),
    "sum_on_overlap.clamped": limb("total.clamp(-1, 1)"),
    "renormalised": limb("F.normalize(total, dim=1)"),
    "renormalised.nan": limb("torch.where(count > 0, total / total.norm(dim=1, keepdim=True), 0.0)"),
    "last_person_wins": "_painted(keypoints, visible, limbs, size, width, iter)",
    "last_person_wins.first": "_painted(keypoints, visible, limbs, size, width, reversed)",
    "largest_on_overlap": limb("drawn.amax(dim=1) if people else total"),
    "largest_on_overlap.by_size": limb(
        "drawn.gather(1, drawn.abs().argmax(dim=1, keepdim=True))[:, 0] if people else total"
    ),
    "running_mean": paf_running_mean,
    # Counts, for each component, the people whose component is not 0.
    "counts_unlike_zero": limb("total / (drawn != 0).sum(dim=1).clamp(min=1)"),
    "not_covered_is_nan": limb("total / count"),
    "invisible_are_drawn": limb("_whoever(keypoints, pair, size, width, everybody)"),
    "invisible_are_drawn.either": limb(
        "_whoever(keypoints, pair, size, width, visible[:, :, pair[0]] | visible[:, :, pair[1]])"
    ),
    "invisible_are_drawn.start_asked": limb("_whoever(keypoints, pair, size, width, visible[:, :, pair[0]])"),
    "invisible_are_drawn.end_asked": limb("_whoever(keypoints, pair, size, width, visible[:, :, pair[1]])"),
    # Puts invisible keypoints into the corner (0, 0) and draws the limbs that lead there.
    "invisible_at_zero": limb("_whoever(at_zero, pair, size, width, everybody)"),
    "whole_person_skipped": "_all_fields(keypoints, whole, limbs, size, width)",
    "whole_image_skipped": limb(
        "_whoever(keypoints, pair, size, width, _there(visible, pair).all(dim=1, keepdim=True))"
    ),
    "nan_of_the_invisible": limb("_mean(raw_unit, _inside(*raw_parts, width) & there)"),
    "nan_of_the_invisible.coordinates": "_all_fields(masked, visible, limbs, size, width) + 0 * keypoints.sum()",
    # Puts invisible keypoints to 0 and divides by the length of their limb, which is 0.
    "zeroed_limb_is_nan": limb("_of_zeroed(at_zero, pair, size, width, _there(visible, pair))"),
    "nan_without_length": limb("_mean(torch.where(there[..., 0], way / way.norm(dim=-1, keepdim=True), 0.0), inside)"),
    "no_length_raises": paf_no_length_raises,
    "no_length_counts": limb("_mean(unit, from_start & to_end & in_width & there)"),
    "dtype_lost": "fields.float()",
    "dtype_lost.always_double": "_all_fields(keypoints.double(), visible, limbs, size, width)",
    "changes_its_arguments": paf_changes_its_arguments,
    "changes_its_arguments.visible": paf_changes_its_arguments__visible,
    "needs_people": limb("torch.stack(drawn.unbind(dim=1)).sum(dim=0) / count.clamp(min=1)"),
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "part_affinity_fields": answers("keypoints, visible, limbs, size, width", FIELDS, globals(), FIELDS_GIVEN),
    **ex04_scores.KNOWN_WRONG,
}
