"""Known wrong answers to exercise 4's questions about part affinity fields."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from grading.known_wrong import ex04_scores
from grading.known_wrong.table import answers, framed

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


def _fields(limbs, field):
    """Return `field(pair)` of all limbs, (B, L, 2, H, W)."""
    return torch.stack([field(pair) for pair in limbs], dim=1)


def _where(keypoints, visible, limbs, size, condition):
    """Return the fields of limbs that cover what `condition(length, along, across)` says."""

    def field(pair):
        unit, length, along, across = _frame(*_ends(keypoints, visible, pair), size)
        there = _there(visible, pair)[..., None, None] & (length > 0)
        return _mean(unit, condition(length, along, across) & there)

    return _fields(limbs, field)


def _all_fields(keypoints, visible, limbs, size, width):
    return _fields(limbs, lambda pair: _mean(*_covered(keypoints, visible, pair, size, width)))


def _painted(keypoints, visible, limbs, size, width, order):
    """Return fields in which people are painted over each other."""
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for index, pair in enumerate(limbs):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        for person in order(range(inside.shape[1])):
            here = inside[:, person, None]
            fields[:, index] = torch.where(here, unit[:, person, :, None, None], fields[:, index])
    return fields


def _with_ends(keypoints, limbs, size, width, seen):
    """Return the fields of the limbs for which `seen(pair)` says so, wherever their keypoints are."""

    def field(pair):
        start, end = (keypoints[:, :, k] for k in pair)
        unit, length, along, across = _frame(start, end, size)
        inside = _inside(length, along, across, width) & seen(pair)[..., None, None]
        return _drawn(unit.nan_to_num(), inside).sum(dim=1) / _count(inside).clamp(min=1)

    return _fields(limbs, field)


def paf_not_unit_length(keypoints, visible, limbs, size, width):
    def field(pair):
        start, end = _ends(keypoints, visible, pair)
        return _mean(end - start, _covered(keypoints, visible, pair, size, width)[1])

    return _fields(limbs, field)


def paf_not_unit_length__sum_of_components(keypoints, visible, limbs, size, width):
    def field(pair):
        start, end = _ends(keypoints, visible, pair)
        vector = end - start
        unit = vector / vector.abs().sum(dim=-1, keepdim=True).clamp(min=1e-6)
        return _mean(unit, _covered(keypoints, visible, pair, size, width)[1])

    return _fields(limbs, field)


def paf_bounding_box(keypoints, visible, limbs, size, width):
    def field(pair):
        start, end = _ends(keypoints, visible, pair)
        x, y = _pixels(size, keypoints)
        low, high = torch.minimum(start, end)[..., None, None], torch.maximum(start, end)[..., None, None]
        inside = (x >= low[:, :, 0]) & (x <= high[:, :, 0]) & (y >= low[:, :, 1]) & (y <= high[:, :, 1])
        return _mean(F.normalize(end - start, dim=-1), inside & _there(visible, pair)[..., None, None])

    return _fields(limbs, field)


def paf_bounding_box__with_a_margin(keypoints, visible, limbs, size, width):
    def field(pair):
        start, end = _ends(keypoints, visible, pair)
        x, y = _pixels(size, keypoints)
        low = (torch.minimum(start, end) - width / 2)[..., None, None]
        high = (torch.maximum(start, end) + width / 2)[..., None, None]
        inside = (x >= low[:, :, 0]) & (x <= high[:, :, 0]) & (y >= low[:, :, 1]) & (y <= high[:, :, 1])
        there = _there(visible, pair) & (start != end).any(dim=-1)
        return _mean(F.normalize(end - start, dim=-1), inside & there[..., None, None])

    return _fields(limbs, field)


def paf_fades(keypoints, visible, limbs, size, width):
    """Weighs by the distance from the limb."""

    def field(pair):
        unit, length, along, across = _frame(*_ends(keypoints, visible, pair), size)
        inside = _inside(length, along, across, width) & _there(visible, pair)[..., None, None]
        weight = inside * (1 - across.abs() / (width / 2))
        return _drawn(unit, weight).sum(dim=1) / _count(inside).clamp(min=1)

    return _fields(limbs, field)


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


def paf_divided_by_all_people__who_have_the_limb(keypoints, visible, limbs, size, width):
    def field(pair):
        people = _there(visible, pair).sum(dim=1).clamp(min=1)
        return _drawn(*_covered(keypoints, visible, pair, size, width)).sum(dim=1) / people[:, None, None, None]

    return _fields(limbs, field)


def paf_renormalised__nan(keypoints, visible, limbs, size, width):
    total = paf_sum_on_overlap(keypoints, visible, limbs, size, width)
    covered = _fields(limbs, lambda pair: _count(_covered(keypoints, visible, pair, size, width)[1]))
    return torch.where(covered > 0, total / total.norm(dim=2, keepdim=True), 0.0)


def paf_largest_on_overlap(keypoints, visible, limbs, size, width):
    def field(pair):
        drawn = _drawn(*_covered(keypoints, visible, pair, size, width))
        return drawn.amax(dim=1) if drawn.shape[1] else drawn.sum(dim=1)

    return _fields(limbs, field)


def paf_largest_on_overlap__by_size(keypoints, visible, limbs, size, width):
    def field(pair):
        drawn = _drawn(*_covered(keypoints, visible, pair, size, width))
        if not drawn.shape[1]:
            return drawn.sum(dim=1)
        return drawn.gather(1, drawn.abs().argmax(dim=1, keepdim=True))[:, 0]

    return _fields(limbs, field)


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


def paf_whole_image_skipped(keypoints, visible, limbs, size, width):
    def seen(pair):
        return _there(visible, pair).all(dim=1, keepdim=True).expand_as(visible[:, :, 0])

    return _with_ends(keypoints, limbs, size, width, seen)


def paf_nan_of_the_invisible(keypoints, visible, limbs, size, width):
    """Multiplies NaN by 0."""

    def field(pair):
        start, end = (keypoints[:, :, k] for k in pair)
        unit, length, along, across = _frame(start, end, size)
        inside = _inside(length, along, across, width) & _there(visible, pair)[..., None, None]
        return _mean(unit, inside)

    return _fields(limbs, field)


def paf_nan_without_length(keypoints, visible, limbs, size, width):
    def field(pair):
        start, end = _ends(keypoints, visible, pair)
        _, length, along, across = _frame(start, end, size)
        inside = _inside(length, along, across, width) & _there(visible, pair)[..., None, None]
        unit = (end - start) / (end - start).norm(dim=-1, keepdim=True)
        unit = torch.where(_there(visible, pair)[..., None], unit, 0.0)
        return _mean(unit, inside)

    return _fields(limbs, field)


def paf_no_length_raises(keypoints, visible, limbs, size, width):
    for a, b in limbs:
        start, end = _ends(keypoints, visible, (a, b))
        for there, vector in zip(_there(visible, (a, b)).flatten(), (end - start).flatten(0, 1), strict=True):
            if there:
                1 / math.hypot(*vector.tolist())
    return _all_fields(keypoints, visible, limbs, size, width)


def paf_no_length_counts(keypoints, visible, limbs, size, width):
    """A limb of length 0 has the vector 0, covers every pixel and takes part in the mean."""

    def field(pair):
        unit, length, along, across = _frame(*_ends(keypoints, visible, pair), size)
        inside = (along >= 0) & (along <= length) & (across.abs() <= width / 2)
        return _mean(unit, inside & _there(visible, pair)[..., None, None])

    return _fields(limbs, field)


def paf_changes_its_arguments(keypoints, visible, limbs, size, width):
    keypoints[~visible] = 0
    return _all_fields(keypoints, visible, limbs, size, width)


def paf_changes_its_arguments__visible(keypoints, visible, limbs, size, width):
    visible &= visible.all(dim=2, keepdim=True)
    return _all_fields(keypoints, visible, limbs, size, width)


def paf_needs_people(keypoints, visible, limbs, size, width):
    def field(pair):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        drawn = torch.stack([inside[:, p, None] * unit[:, p, :, None, None] for p in range(inside.shape[1])])
        return drawn.sum(dim=0) / _count(inside).clamp(min=1)

    return _fields(limbs, field)


FIELDS_GIVEN = {
    "fields": "_all_fields(keypoints, visible, limbs, size, width)",
    "fx, fy": "fields.unbind(dim=2)",
    "corner": "torch.tensor([size[1] - 1, size[0] - 1]).to(keypoints)",
    "total": "_total(keypoints, visible, limbs, size, width)",
    "swapped": "keypoints.flip(-1)",
    "masked": "keypoints * visible[..., None]",
    "at_zero": "torch.where(visible[..., None], keypoints, 0.0)",
    "everybody": "torch.ones_like(visible[:, :, 0])",
    "within": "((keypoints >= 0) & (keypoints <= corner)).all(dim=-1)",
    "whole": "visible.all(dim=2, keepdim=True).expand_as(visible)",
}

COVERED = {
    "whole_line": "across.abs() <= width / 2",
    "whole_line.beyond_the_end": "(along >= 0) & (across.abs() <= width / 2)",
    "whole_line.before_the_start": "(along <= length) & (across.abs() <= width / 2)",
    "round_ends": "torch.hypot(along - along.clamp(min=0).minimum(length), across) <= width / 2",
    "round_ends.square": "(along >= -width / 2) & (along <= length + width / 2) & (across.abs() <= width / 2)",
    "width_as_half_width": "_inside(length, along, across, 2 * width)",
    "half_of_half_width": "_inside(length, along, across, width / 2)",
    "width_ignored": "_inside(length, along, across, 1)",
    "width_ignored.whole_number": "_inside(length, along, across, 2 * (width // 2))",
    "edge_left_out": "(along > 0) & (along < length) & (across.abs() < width / 2)",
    "edge_left_out.sides": "(along >= 0) & (along <= length) & (across.abs() < width / 2)",
    "edge_left_out.ends": "(along > 0) & (along < length) & (across.abs() <= width / 2)",
    "edge_left_out.start": "(along > 0) & (along <= length) & (across.abs() <= width / 2)",
    "edge_left_out.end": "(along >= 0) & (along < length) & (across.abs() <= width / 2)",
    "one_side_only": "(along >= 0) & (along <= length) & (across >= 0) & (across <= width / 2)",
    "one_side_only.no_abs": "(along >= 0) & (along <= length) & (across <= width / 2)",
}

VECTORS = {
    "unsigned": "_mean(unit.abs(), inside)",
    "unsigned.from_the_left": "_mean(unit * torch.where(unit[..., :1] < 0, -1, 1), inside)",
}

SHARED = {
    "divided_by_all_people": "_drawn(unit, inside).mean(dim=1).nan_to_num()",
    "divided_by_all_people.who_have_the_limb": paf_divided_by_all_people__who_have_the_limb,
}

OVERLAP = {
    "largest_on_overlap": paf_largest_on_overlap,
    "largest_on_overlap.by_size": paf_largest_on_overlap__by_size,
    "running_mean": paf_running_mean,
    # Counts, for each component, the people whose component is not 0.
    "counts_unlike_zero": "_drawn(unit, inside).sum(dim=1) / (_drawn(unit, inside) != 0).sum(dim=1).clamp(min=1)",
    "not_covered_is_nan": "_drawn(unit, inside).sum(dim=1) / _count(inside)",
}

SEEN = {
    "invisible_are_drawn": "everybody",
    "invisible_are_drawn.either": "visible[:, :, pair[0]] | visible[:, :, pair[1]]",
    "invisible_are_drawn.start_asked": "visible[:, :, pair[0]]",
    "invisible_are_drawn.end_asked": "visible[:, :, pair[1]]",
}

FIELDS = {
    "not_unit_length": paf_not_unit_length,
    "not_unit_length.sum_of_components": paf_not_unit_length__sum_of_components,
    **framed("_where(keypoints, visible, limbs, size, lambda length, along, across: {})", COVERED),
    "bounding_box": paf_bounding_box,
    "bounding_box.with_a_margin": paf_bounding_box__with_a_margin,
    "fades": paf_fades,
    "direction_reversed": "-fields",
    "x_y_swapped": "fields.flip(2)",
    "perpendicular": "torch.stack([-fy, fx], dim=2)",
    **framed("_each_limb(keypoints, visible, limbs, size, width, lambda pair, unit, inside: {})", VECTORS),
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
    "keypoints_clamped": "_all_fields(keypoints.clamp(min=0).minimum(corner), visible, limbs, size, width)",
    "left_out_beyond_the_field": "_all_fields(keypoints, visible & within, limbs, size, width)",
    # Takes keypoints k and k + 1 as limb k, whatever the limbs are.
    "keypoints_in_a_row": "_all_fields(keypoints, visible, [(k, k + 1) for k in range(len(limbs))], size, width)",
    "limbs_sorted": "_all_fields(keypoints, visible, sorted(limbs), size, width)",
    "all_limbs_in_one": paf_all_limbs_in_one,
    "all_limbs_in_one.over_their_number": "fields / len(limbs)",
    "whole_batch_in_one": paf_whole_batch_in_one,
    "first_person_only": "_all_fields(keypoints[:, :1], visible[:, :1], limbs, size, width)",
    **framed("_each_limb(keypoints, visible, limbs, size, width, lambda pair, unit, inside: {})", SHARED),
    "sum_on_overlap": "total",
    "sum_on_overlap.clamped": "total.clamp(-1, 1)",
    "renormalised": "F.normalize(total, dim=2)",
    "renormalised.nan": paf_renormalised__nan,
    "last_person_wins": "_painted(keypoints, visible, limbs, size, width, iter)",
    "last_person_wins.first": "_painted(keypoints, visible, limbs, size, width, reversed)",
    **framed("_each_limb(keypoints, visible, limbs, size, width, lambda pair, unit, inside: {})", OVERLAP),
    **framed("_with_ends(keypoints, limbs, size, width, lambda pair: {})", SEEN),
    # Puts invisible keypoints into the corner (0, 0) and draws the limbs that lead there.
    "invisible_at_zero": "_with_ends(at_zero, limbs, size, width, lambda pair: everybody)",
    "whole_person_skipped": "_all_fields(keypoints, whole, limbs, size, width)",
    "whole_image_skipped": paf_whole_image_skipped,
    "nan_of_the_invisible": paf_nan_of_the_invisible,
    "nan_of_the_invisible.coordinates": "_all_fields(masked, visible, limbs, size, width) + 0 * keypoints.sum()",
    "nan_without_length": paf_nan_without_length,
    "no_length_raises": paf_no_length_raises,
    "no_length_counts": paf_no_length_counts,
    "dtype_lost": "fields.float()",
    "dtype_lost.always_double": "_all_fields(keypoints.double(), visible, limbs, size, width)",
    "changes_its_arguments": paf_changes_its_arguments,
    "changes_its_arguments.visible": paf_changes_its_arguments__visible,
    "needs_people": paf_needs_people,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "part_affinity_fields": answers("keypoints, visible, limbs, size, width", FIELDS, globals(), FIELDS_GIVEN),
    **ex04_scores.KNOWN_WRONG,
}
