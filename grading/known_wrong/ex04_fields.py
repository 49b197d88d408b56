"""Known wrong answers to exercise 4's questions about part affinity fields, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named (of scores the nearest). Several wrong versions
may make one mistake: its name is what stands before the dot.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

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


def _where(keypoints, visible, limbs, size, condition):
    """Return the fields of limbs that cover what `condition(length, along, across)` says."""

    def field(pair):
        unit, length, along, across = _frame(*_ends(keypoints, visible, pair), size)
        there = _there(visible, pair)[..., None, None] & (length > 0)
        return _mean(unit, condition(length, along, across) & there)

    return _fields(limbs, field)


def paf_whole_line(keypoints, visible, limbs, size, width):
    return _where(keypoints, visible, limbs, size, lambda length, along, across: across.abs() <= width / 2)


def paf_whole_line__beyond_the_end(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= 0) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_whole_line__before_the_start(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along <= length) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_round_ends(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        beyond = along - along.clamp(min=0).minimum(length)
        return torch.hypot(beyond, across) <= width / 2

    return _where(keypoints, visible, limbs, size, inside)


def paf_round_ends__square(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= -width / 2) & (along <= length + width / 2) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_width_as_half_width(keypoints, visible, limbs, size, width):
    return _where(keypoints, visible, limbs, size, lambda *parts: _inside(*parts, 2 * width))


def paf_half_of_half_width(keypoints, visible, limbs, size, width):
    return _where(keypoints, visible, limbs, size, lambda *parts: _inside(*parts, width / 2))


def paf_width_ignored(keypoints, visible, limbs, size, width):
    return _where(keypoints, visible, limbs, size, lambda *parts: _inside(*parts, 1))


def paf_width_ignored__whole_number(keypoints, visible, limbs, size, width):
    return _where(keypoints, visible, limbs, size, lambda *parts: _inside(*parts, 2 * (width // 2)))


def paf_edge_left_out(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along > 0) & (along < length) & (across.abs() < width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_edge_left_out__sides(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= 0) & (along <= length) & (across.abs() < width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_edge_left_out__ends(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along > 0) & (along < length) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_edge_left_out__start(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along > 0) & (along <= length) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_edge_left_out__end(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= 0) & (along < length) & (across.abs() <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_one_side_only(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= 0) & (along <= length) & (across >= 0) & (across <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


def paf_one_side_only__no_abs(keypoints, visible, limbs, size, width):
    def inside(length, along, across):
        return (along >= 0) & (along <= length) & (across <= width / 2)

    return _where(keypoints, visible, limbs, size, inside)


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


def _all_fields(keypoints, visible, limbs, size, width):
    return _fields(limbs, lambda pair: _mean(*_covered(keypoints, visible, pair, size, width)))


def paf_direction_reversed(keypoints, visible, limbs, size, width):
    return -_all_fields(keypoints, visible, limbs, size, width)


def paf_x_y_swapped(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).flip(2)


def paf_perpendicular(keypoints, visible, limbs, size, width):
    fx, fy = _all_fields(keypoints, visible, limbs, size, width).unbind(dim=2)
    return torch.stack([-fy, fx], dim=2)


def paf_unsigned(keypoints, visible, limbs, size, width):
    def field(pair):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        return _mean(unit.abs(), inside)

    return _fields(limbs, field)


def paf_unsigned__from_the_left(keypoints, visible, limbs, size, width):
    def field(pair):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        return _mean(unit * torch.where(unit[..., :1] < 0, -1, 1), inside)

    return _fields(limbs, field)


def paf_unsigned__from_the_lower_number(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, [sorted(pair) for pair in limbs], size, width)


def paf_row_and_column_swapped(keypoints, visible, limbs, size, width):
    """Takes the first coordinate of a keypoint as its row."""
    return _all_fields(keypoints.flip(-1), visible, limbs, size, width).flip(2)


def paf_row_and_column_swapped__channels_too(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints.flip(-1), visible, limbs, size, width)


def paf_map_transposed(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).transpose(-1, -2)


def paf_size_taken_as_width_height(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, (size[1], size[0]), width)


def paf_channels_elsewhere(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).movedim(2, -1)


def paf_channels_elsewhere__before_the_limbs(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).transpose(1, 2)


def paf_channels_elsewhere__flat(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).flatten(1, 2)


def paf_rounded_keypoints(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints.round(), visible, limbs, size, width)


def paf_rounded_keypoints__down(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints.floor(), visible, limbs, size, width)


def paf_half_a_pixel_off(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints - 0.5, visible, limbs, size, width)


def paf_keypoints_clamped(keypoints, visible, limbs, size, width):
    corner = torch.tensor([size[1] - 1, size[0] - 1]).to(keypoints)
    return _all_fields(keypoints.clamp(min=0).minimum(corner), visible, limbs, size, width)


def paf_left_out_beyond_the_field(keypoints, visible, limbs, size, width):
    corner = torch.tensor([size[1] - 1, size[0] - 1]).to(keypoints)
    within = ((keypoints >= 0) & (keypoints <= corner)).all(dim=-1)
    return _all_fields(keypoints, visible & within, limbs, size, width)


def paf_keypoints_in_a_row(keypoints, visible, limbs, size, width):
    """Takes keypoints k and k + 1 as limb k, whatever the limbs are."""
    return _all_fields(keypoints, visible, [(k, k + 1) for k in range(len(limbs))], size, width)


def paf_limbs_sorted(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, sorted(limbs), size, width)


def paf_all_limbs_in_one(keypoints, visible, limbs, size, width):
    """Divides by the number of all limbs, of any kind, that cover a pixel."""
    covered = [_covered(keypoints, visible, pair, size, width) for pair in limbs]
    count = sum(_count(inside) for _, inside in covered).clamp(min=1)
    return torch.stack([_drawn(unit, inside).sum(dim=1) / count for unit, inside in covered], dim=1)


def paf_all_limbs_in_one__over_their_number(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width) / len(limbs)


def paf_whole_batch_in_one(keypoints, visible, limbs, size, width):
    """Draws the people of all images into each."""
    images = len(keypoints)
    together = _all_fields(keypoints.flatten(0, 1)[None], visible.flatten(0, 1)[None], limbs, size, width)
    return together.repeat(images, 1, 1, 1, 1)


def paf_first_person_only(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints[:, :1], visible[:, :1], limbs, size, width)


def paf_divided_by_all_people(keypoints, visible, limbs, size, width):
    def field(pair):
        return _drawn(*_covered(keypoints, visible, pair, size, width)).mean(dim=1).nan_to_num()

    return _fields(limbs, field)


def paf_divided_by_all_people__who_have_the_limb(keypoints, visible, limbs, size, width):
    def field(pair):
        people = _there(visible, pair).sum(dim=1).clamp(min=1)
        return _drawn(*_covered(keypoints, visible, pair, size, width)).sum(dim=1) / people[:, None, None, None]

    return _fields(limbs, field)


def paf_sum_on_overlap(keypoints, visible, limbs, size, width):
    return _fields(limbs, lambda pair: _drawn(*_covered(keypoints, visible, pair, size, width)).sum(dim=1))


def paf_sum_on_overlap__clamped(keypoints, visible, limbs, size, width):
    return paf_sum_on_overlap(keypoints, visible, limbs, size, width).clamp(-1, 1)


def paf_renormalised(keypoints, visible, limbs, size, width):
    return F.normalize(paf_sum_on_overlap(keypoints, visible, limbs, size, width), dim=2)


def paf_renormalised__nan(keypoints, visible, limbs, size, width):
    total = paf_sum_on_overlap(keypoints, visible, limbs, size, width)
    covered = _fields(limbs, lambda pair: _count(_covered(keypoints, visible, pair, size, width)[1]))
    return torch.where(covered > 0, total / total.norm(dim=2, keepdim=True), 0.0)


def _painted(keypoints, visible, limbs, size, width, order):
    """Return fields in which people are painted over each other."""
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for index, pair in enumerate(limbs):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        for person in order(range(inside.shape[1])):
            here = inside[:, person, None]
            fields[:, index] = torch.where(here, unit[:, person, :, None, None], fields[:, index])
    return fields


def paf_last_person_wins(keypoints, visible, limbs, size, width):
    return _painted(keypoints, visible, limbs, size, width, iter)


def paf_last_person_wins__first(keypoints, visible, limbs, size, width):
    return _painted(keypoints, visible, limbs, size, width, reversed)


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


def paf_counts_unlike_zero(keypoints, visible, limbs, size, width):
    """Counts, for each component, the people whose component is not 0."""

    def field(pair):
        drawn = _drawn(*_covered(keypoints, visible, pair, size, width))
        return drawn.sum(dim=1) / (drawn != 0).sum(dim=1).clamp(min=1)

    return _fields(limbs, field)


def paf_not_covered_is_nan(keypoints, visible, limbs, size, width):
    def field(pair):
        unit, inside = _covered(keypoints, visible, pair, size, width)
        return _drawn(unit, inside).sum(dim=1) / _count(inside)

    return _fields(limbs, field)


def _with_ends(keypoints, limbs, size, width, seen):
    """Return the fields of the limbs for which `seen(pair)` says so, wherever their keypoints are."""

    def field(pair):
        start, end = (keypoints[:, :, k] for k in pair)
        unit, length, along, across = _frame(start, end, size)
        inside = _inside(length, along, across, width) & seen(pair)[..., None, None]
        return _drawn(unit.nan_to_num(), inside).sum(dim=1) / _count(inside).clamp(min=1)

    return _fields(limbs, field)


def paf_invisible_are_drawn(keypoints, visible, limbs, size, width):
    def seen(pair):
        return torch.ones_like(visible[:, :, 0])

    return _with_ends(keypoints, limbs, size, width, seen)


def paf_invisible_are_drawn__either(keypoints, visible, limbs, size, width):
    def seen(pair):
        return visible[:, :, pair[0]] | visible[:, :, pair[1]]

    return _with_ends(keypoints, limbs, size, width, seen)


def paf_invisible_are_drawn__start_asked(keypoints, visible, limbs, size, width):
    return _with_ends(keypoints, limbs, size, width, lambda pair: visible[:, :, pair[0]])


def paf_invisible_are_drawn__end_asked(keypoints, visible, limbs, size, width):
    return _with_ends(keypoints, limbs, size, width, lambda pair: visible[:, :, pair[1]])


def paf_invisible_at_zero(keypoints, visible, limbs, size, width):
    """Puts invisible keypoints into the corner (0, 0) and draws the limbs that lead there."""
    return _with_ends(
        torch.where(visible[..., None], keypoints, 0.0), limbs, size, width, lambda _: torch.ones_like(visible[:, :, 0])
    )


def paf_whole_person_skipped(keypoints, visible, limbs, size, width):
    whole = visible.all(dim=2, keepdim=True).expand_as(visible)
    return _all_fields(keypoints, whole, limbs, size, width)


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


def paf_nan_of_the_invisible__coordinates(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints * visible[..., None], visible, limbs, size, width) + 0 * keypoints.sum()


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


def paf_dtype_lost(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints, visible, limbs, size, width).float()


def paf_dtype_lost__always_double(keypoints, visible, limbs, size, width):
    return _all_fields(keypoints.double(), visible, limbs, size, width)


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


# affinity_score


def _points(start, end, num_samples):
    """Return x and y (..., S) of the points on each segment."""
    share = torch.linspace(0, 1, num_samples).to(start)[:, None]
    return (start[..., None, :] + share * (end - start)[..., None, :]).unbind(dim=-1)


def _nearest(field, x, y):
    """Return the field (2, ...) at the pixels nearest to points."""
    height, width = field.shape[1:]
    return field[:, y.round().long().clamp(0, height - 1), x.round().long().clamp(0, width - 1)]


def _unit(start, end):
    return F.normalize(end - start, dim=-1)


def _components(field, start, end, num_samples):
    """Return the component of the field along each segment at each of its points, (..., S)."""
    fx, fy = _nearest(field, *_points(start, end, num_samples))
    ux, uy = _unit(start, end).unbind(dim=-1)
    return fx * ux[..., None] + fy * uy[..., None]


def _against(vectors, start, end):
    """Return the component of the mean of vectors (2, ..., S) along each segment."""
    fx, fy = vectors.mean(dim=-1)
    ux, uy = _unit(start, end).unbind(dim=-1)
    return fx * ux + fy * uy


def score_ends_only(field, start, end, num_samples=10):
    return _components(field, start, end, 2).mean(dim=-1)


def score_ends_only__start(field, start, end, num_samples=10):
    return _components(field, start, end, 1).mean(dim=-1)


def score_ends_only__end(field, start, end, num_samples=10):
    return _against(_nearest(field, *end.unbind(dim=-1))[..., None], start, end)


def score_middle_only(field, start, end, num_samples=10):
    middle = (start + end) / 2
    return _against(_nearest(field, *middle.unbind(dim=-1))[..., None], start, end)


def score_middle_only__and_ends(field, start, end, num_samples=10):
    return _components(field, start, end, 3).mean(dim=-1)


def score_ten_points(field, start, end, num_samples=10):
    return _components(field, start, end, 10).mean(dim=-1)


def score_ten_points__middles(field, start, end, num_samples=10):
    share = ((torch.arange(10) + 0.5) / 10).to(start)[:, None]
    x, y = (start[..., None, :] + share * (end - start)[..., None, :]).unbind(dim=-1)
    return _against(_nearest(field, x, y), start, end)


def score_sum(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).sum(dim=-1)


def score_best_point(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).amax(dim=-1)


def score_best_point__worst(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).amin(dim=-1)


def score_share_of_good_points(field, start, end, num_samples=10):
    return (_components(field, start, end, num_samples) > 0).to(field).mean(dim=-1)


def score_steps_of_one_pixel(field, start, end, num_samples=10):
    """Walks one pixel for each point, whatever the length."""
    steps = torch.arange(num_samples).to(start)[:, None]
    x, y = (start[..., None, :] + steps * _unit(start, end)[..., None, :]).unbind(dim=-1)
    return _against(_nearest(field, x, y), start, end)


def score_not_normalised(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean(dim=-1) * (end - start).norm(dim=-1)


def score_not_normalised__squared(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    vx, vy = (end - start).unbind(dim=-1)
    return (fx * vx + fy * vy) / (vx**2 + vy**2).clamp(min=1e-9)


def score_not_normalised__sum_of_components(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    vx, vy = (end - start).unbind(dim=-1)
    return (fx * vx + fy * vy) / (vx.abs() + vy.abs()).clamp(min=1e-9)


def score_not_normalised__length_at_least_one(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    vx, vy = (end - start).unbind(dim=-1)
    return (fx * vx + fy * vy) / (end - start).norm(dim=-1).clamp(min=1)


def score_one_length_for_all(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    vector = end - start
    vx, vy = vector.unbind(dim=-1)
    return (fx * vx + fy * vy) / vector.norm().clamp(min=1e-9)


def score_cosine(field, start, end, num_samples=10):
    """Makes every vector of the field one of unit length."""
    vectors = F.normalize(_nearest(field, *_points(start, end, num_samples)), dim=0)
    return _against(vectors, start, end)


def score_cosine__of_the_mean(field, start, end, num_samples=10):
    mean = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1).movedim(0, -1)
    return F.cosine_similarity(mean, (end - start).expand_as(mean), dim=-1)


def score_unsigned(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).abs().mean(dim=-1)


def score_unsigned__of_the_mean(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean(dim=-1).abs()


def score_unsigned__no_negatives(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean(dim=-1).clamp(min=0)


def score_unsigned__no_negative_points(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).clamp(min=0).mean(dim=-1)


def score_unsigned__components(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    ux, uy = _unit(start, end).abs().unbind(dim=-1)
    return fx * ux + fy * uy


def score_direction_not_asked(field, start, end, num_samples=10):
    """Asks how strong the field is, not where it points."""
    return _nearest(field, *_points(start, end, num_samples)).norm(dim=0).mean(dim=-1) * (start != end).any(dim=-1)


def score_direction_not_asked__mean_of_components(field, start, end, num_samples=10):
    return _nearest(field, *_points(start, end, num_samples)).mean(dim=-1).mean(dim=0) * (start != end).any(dim=-1)


def score_reversed(field, start, end, num_samples=10):
    return -_components(field, start, end, num_samples).mean(dim=-1)


def score_perpendicular(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    ux, uy = _unit(start, end).unbind(dim=-1)
    return fx * uy - fy * ux


def score_channels_swapped(field, start, end, num_samples=10):
    return _components(field.flip(0), start, end, num_samples).mean(dim=-1)


def score_no_clamping(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(field[:, y.round().long(), x.round().long()], start, end)


def score_no_clamping__above_only(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    vectors = field[:, y.round().long().clamp(max=height - 1), x.round().long().clamp(max=width - 1)]
    return _against(vectors, start, end)


def score_no_clamping__below_only(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(field[:, y.round().long().clamp(min=0), x.round().long().clamp(min=0)], start, end)


def score_no_clamping__size(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    return _against(field[:, y.round().long().clamp(0, height), x.round().long().clamp(0, width)], start, end)


def score_no_clamping__wraps(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    return _against(field[:, y.round().long() % height, x.round().long() % width], start, end)


def score_rows_and_columns_swapped(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    vectors = field[:, x.round().long().clamp(0, height - 1), y.round().long().clamp(0, width - 1)]
    return _against(vectors, start, end)


def score_rows_and_columns_swapped__other_limits(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    vectors = field[:, x.round().long().clamp(0, width - 1), y.round().long().clamp(0, height - 1)]
    return _against(vectors, start, end)


def score_cut_off(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(_nearest(field, x.floor(), y.floor()), start, end)


def score_cut_off__to_zero(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(_nearest(field, x.trunc(), y.trunc()), start, end)


def score_cut_off__up(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(_nearest(field, x.ceil(), y.ceil()), start, end)


def _sampled(field, x, y, **settings):
    """Return the field (2, ...) at places x, y from -1 to 1."""
    grid = torch.stack([x, y], dim=-1).reshape(1, 1, -1, 2)
    return F.grid_sample(field[None], grid, **settings).reshape(2, *x.shape)


def score_half_a_pixel_off(field, start, end, num_samples=10):
    """Counts from the centres of the border pixels, but samples from their outer edges."""
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    x, y = 2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1
    return _against(_sampled(field, x, y, padding_mode="border", align_corners=False), start, end)


def score_half_a_pixel_off__size(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    x, y = 2 * x / width - 1, 2 * y / height - 1
    return _against(_sampled(field, x, y, padding_mode="border", align_corners=False), start, end)


def score_half_a_pixel_off__aligned_size(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    x, y = 2 * x / width - 1, 2 * y / height - 1
    return _against(_sampled(field, x, y, padding_mode="border", align_corners=True), start, end)


def score_limits_swapped(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    vectors = field[:, y.round().long().clamp(0, width - 1), x.round().long().clamp(0, height - 1)]
    return _against(vectors, start, end)


def _within(field, x, y):
    height, width = field.shape[1:]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def score_zero_outside(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    return _against(_nearest(field, x, y) * _within(field, x, y), start, end)


def score_zero_outside__grid_sample(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    height, width = field.shape[1:]
    x, y = (2 * x + 1) / width - 1, (2 * y + 1) / height - 1
    return _against(_sampled(field, x, y, align_corners=False), start, end)


def score_outside_left_out(field, start, end, num_samples=10):
    x, y = _points(start, end, num_samples)
    within = _within(field, x, y)
    return (_components(field, start, end, num_samples) * within).sum(dim=-1) / within.sum(dim=-1).clamp(min=1)


def score_outside_left_out__whole_segment(field, start, end, num_samples=10):
    within = _within(field, *_points(start, end, num_samples)).all(dim=-1)
    return _components(field, start, end, num_samples).mean(dim=-1) * within


def _moved_inside(field, place):
    height, width = field.shape[1:]
    return torch.stack([place[..., 0].clamp(0, width - 1), place[..., 1].clamp(0, height - 1)], dim=-1)


def score_ends_moved_inside(field, start, end, num_samples=10):
    return _components(field, _moved_inside(field, start), _moved_inside(field, end), num_samples).mean(dim=-1)


def score_ends_moved_inside__direction_kept(field, start, end, num_samples=10):
    points = _points(_moved_inside(field, start), _moved_inside(field, end), num_samples)
    return _against(_nearest(field, *points), start, end)


def score_nan_without_length(field, start, end, num_samples=10):
    fx, fy = _nearest(field, *_points(start, end, num_samples)).mean(dim=-1)
    ux, uy = ((end - start) / (end - start).norm(dim=-1, keepdim=True)).unbind(dim=-1)
    return fx * ux + fy * uy


def score_no_length_raises(field, start, end, num_samples=10):
    if (start == end).all(dim=-1).any():
        raise ZeroDivisionError("float division by zero")
    return _components(field, start, end, num_samples).mean(dim=-1)


def score_no_length_is_not_zero(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    return torch.where((start == end).all(dim=-1), torch.ones_like(score), score)


def score_no_length_is_not_zero__minus_one(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    return torch.where((start == end).all(dim=-1), -torch.ones_like(score), score)


def score_one_length_zero_spoils_all(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    return torch.zeros_like(score) if ((start == end).all(dim=-1)).any() else score


def score_mean_over_all(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean()


def score_mean_over_first_axis(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean(dim=0)


def score_not_averaged(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples)


def score_rows_only(field, start, end, num_samples=10):
    """Expects start and end of shape (n, 2)."""
    n, _ = start.shape
    share = torch.linspace(0, 1, num_samples).to(start).view(1, num_samples, 1)
    places = start.view(n, 1, 2) + share * (end - start).view(n, 1, 2)
    return _against(_nearest(field, *places.unbind(dim=-1)), start, end)


def score_rows_only__first_pair(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)[:-1]
    start, end = start.reshape(-1, 2), end.reshape(-1, 2)
    score = _components(field, start[:1], end[:1], num_samples).mean(dim=-1) if len(start) and len(end) else 0.0
    return field.new_zeros(shape) + score


def score_always_all_pairs(field, start, end, num_samples=10):
    start, end = start.reshape(-1, 1, 2), end.reshape(1, -1, 2)
    return _components(field, start, end, num_samples).mean(dim=-1)


def score_same_shapes_only(field, start, end, num_samples=10):
    ways = zip(start.reshape(-1, 2), end.reshape(-1, 2), strict=False)
    scores = [_components(field, a, b, num_samples).mean() for a, b in ways]
    return torch.stack(scores).view(start.shape[:-1]) if scores else field.new_zeros(start.shape[:-1])


def score_none_raises(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)
    ways = zip(start.expand(shape).reshape(-1, 2), end.expand(shape).reshape(-1, 2), strict=True)
    return torch.stack([_components(field, a, b, num_samples).mean() for a, b in ways]).view(shape[:-1])


def score_dtype_lost(field, start, end, num_samples=10):
    return _components(field, start, end, num_samples).mean(dim=-1).float()


def score_dtype_lost__always_double(field, start, end, num_samples=10):
    return _components(field.double(), start, end, num_samples).mean(dim=-1)


def score_changes_its_arguments(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    end -= start if start.shape == end.shape else 1
    return score


def score_changes_its_arguments__clamped(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    start[..., 0].clamp_(0, field.shape[2] - 1)
    end[..., 0].clamp_(0, field.shape[2] - 1)
    return score


def score_changes_its_arguments__field(field, start, end, num_samples=10):
    field /= field.norm(dim=0).clamp(min=1e-9)
    return _components(field, start, end, num_samples).mean(dim=-1)


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {"part_affinity_fields": _named("paf_"), "affinity_score": _named("score_")}
