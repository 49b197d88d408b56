"""Known wrong answers to exercise 4's `add_offsets`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# add_offsets


def _pixels(found, offset):
    """Return the x and y of each peak's pixel, whole numbers as float."""
    height, width = offset.shape[1:]
    return found[:, 0].round().clamp(0, width - 1), found[:, 1].round().clamp(0, height - 1)


def _each_keypoint(peaks, offsets, change):
    """Return `change(peaks, pixel's x, pixel's y, offset's x, offset's y)` for each keypoint."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = _pixels(found, offset)
        moved.append(change(found, x, y, *offset[:, y.long(), x.long()]))
    return moved


def _rows(x, y, score):
    return torch.stack([x, y, score], dim=1)


def _inside(p, x, y):
    return (p[:, 0].round() == x) & (p[:, 1].round() == y)


def _looked_up(peaks, offsets, pixel):
    """Return peaks moved to `pixel(found, offset)`, x and y, and on by the offset there."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = pixel(found, offset)
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def _with_pixels(peaks, offsets, pixel):
    """Take `pixel(place)` for the pixel of a place, within the map."""

    def within(found, offset):
        return pixel(found[:, 0]).clamp(0, offset.shape[2] - 1), pixel(found[:, 1]).clamp(0, offset.shape[1] - 1)

    return _looked_up(peaks, offsets, within)


def _within_the_other_sides(found, offset):
    height, width = offset.shape[1:]
    return found[:, 0].round().clamp(0, height - 1), found[:, 1].round().clamp(0, width - 1)


def _right_offsets(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dx, y + dy, p[:, 2]))


def at(changed):
    """Return the text of an answer from peaks p, their pixels x and y, and the offsets dx and dy there."""
    return f"_each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: {changed})"


def offsets_rounded_down__and_guess_kept(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].long().clamp(0, offset.shape[2] - 1), found[:, 1].long().clamp(0, offset.shape[1] - 1)
        moved.append(_rows(found[:, 0] + offset[0, y, x], found[:, 1] + offset[1, y, x], found[:, 2]))
    return moved


def offsets_interpolated(peaks, offsets):
    """Interpolate the offset at the refined place."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        height, width = offset.shape[1:]
        x, y = found[:, 0].clamp(0, width - 1), found[:, 1].clamp(0, height - 1)
        grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=1)[None, None]
        dx, dy = F.grid_sample(offset[None], grid, align_corners=True)[0, :, 0]
        moved.append(_rows(x.round() + dx, y.round() + dy, found[:, 2]))
    return moved


def offsets_interpolated__and_guess_kept(peaks, offsets):
    moved = offsets_interpolated(peaks, offsets)
    for found, new, offset in zip(peaks, moved, offsets, strict=True):
        x, y = found[:, 0].clamp(0, offset.shape[2] - 1), found[:, 1].clamp(0, offset.shape[1] - 1)
        new[:, 0] += x - x.round()
        new[:, 1] += y - y.round()
    return moved


def offsets_wraps_around__far_sides_clamped(peaks, offsets):
    def pixel(found, offset):
        return found[:, 0].round().clamp(max=offset.shape[2] - 1), found[:, 1].round().clamp(max=offset.shape[1] - 1)

    return _looked_up(peaks, offsets, pixel)


def offsets_x_y_swapped(peaks, offsets):
    """Look at [x, y]."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = _pixels(found, offset)
        dx, dy = offset[:, x.long(), y.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def offsets_x_y_swapped__clamped(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = _pixels(found, offset)
        dx, dy = offset[:, x.long().clamp(max=offset.shape[1] - 1), y.long().clamp(max=offset.shape[2] - 1)]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def offsets_changes_its_arguments(peaks, offsets):
    for found, new in zip(peaks, _right_offsets(peaks, offsets), strict=True):
        found[:] = new
    return peaks


def offsets_changes_its_arguments__the_list(peaks, offsets):
    peaks[:] = _right_offsets(peaks, offsets)
    return peaks


OFFSETS_GIVEN = {
    "height, width": "offsets.shape[2:]",
    "sides": "offsets.new_tensor([width, height])",
    "moved": "_right_offsets(peaks, offsets)",
}


OFFSETS = {
    "guess_kept": at("_rows(p[:, 0] + dx, p[:, 1] + dy, p[:, 2])"),
    "guess_kept.within_the_map": at(
        "_rows(p[:, 0].clamp(0, width - 1) + dx, p[:, 1].clamp(0, height - 1) + dy, p[:, 2])"
    ),
    "rounded_down": "_with_pixels(peaks, offsets, torch.floor)",
    "rounded_down.and_guess_kept": offsets_rounded_down__and_guess_kept,
    # Take the centre of pixel 2 to be at 2.5.
    "rounded_down.then_half": "[f + f.new_tensor([0.5, 0.5, 0]) for f in _with_pixels(peaks, offsets, torch.floor)]",
    "rounded_down.up": "_with_pixels(peaks, offsets, torch.ceil)",
    "half_a_pixel_off": at("_rows(x + 0.5 + dx, y + 0.5 + dy, p[:, 2])"),
    "half_a_pixel_off.before": "_with_pixels(peaks, offsets, lambda place: (place - 0.5).round())",
    "shared_with_the_guess": at("_rows((p[:, 0] + x + dx) / 2, (p[:, 1] + y + dy) / 2, p[:, 2])"),
    "offset_scaled": at("_rows(x + dx / 4, y + dy / 4, p[:, 2])"),
    "offset_scaled.multiplied": at("_rows(x + 4 * dx, y + 4 * dy, p[:, 2])"),
    "nothing_left": "[found[:0] for found in peaks]",
    "interpolated": offsets_interpolated,
    "interpolated.and_guess_kept": offsets_interpolated__and_guess_kept,
    # Look at pixels that may not be there: index -1 is the other side, and beyond the last there is an error.
    "wraps_around": "_looked_up(peaks, offsets, lambda found, _: found.round().T[:2])",
    "wraps_around.far_sides_clamped": offsets_wraps_around__far_sides_clamped,
    "wraps_around.all_sides": "_looked_up(peaks, offsets, lambda found, _: (found[:, :2].round() % sides).T)",
    "limits_swapped": "_looked_up(peaks, offsets, _within_the_other_sides)",
    "x_y_swapped": offsets_x_y_swapped,
    "x_y_swapped.clamped": offsets_x_y_swapped__clamped,
    "channels_swapped": at("_rows(x + dy, y + dx, p[:, 2])"),
    "subtracted": at("_rows(x - dx, y - dy, p[:, 2])"),
    "offset_only": at("_rows(dx, dy, p[:, 2])"),
    "only_x": at("_rows(x + dx, y, p[:, 2])"),
    "not_added": "[found.clone() for found in peaks]",
    "not_added.rounded": at("_rows(x, y, p[:, 2])"),
    "one_keypoint_for_all": "_right_offsets(peaks, offsets[:1].expand_as(offsets))",
    "score_missing": at("torch.stack([x + dx, y + dy], dim=1)"),
    "score_missing.ones": at("_rows(x + dx, y + dy, torch.ones_like(x))"),
    "rounded_after": at("_rows((x + dx).round(), (y + dy).round(), p[:, 2])"),
    "multiplied_by_the_stride": at("_rows(4 * (x + dx), 4 * (y + dy), p[:, 2])"),
    "kept_in_the_map": at("_rows((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1), p[:, 2])"),
    # Take the offset at the border, and add it to the place outside.
    "outside_stays_outside": at("_rows(p[:, 0].round() + dx, p[:, 1].round() + dy, p[:, 2])"),
    "outside_dropped": at("_rows(x + dx, y + dy, p[:, 2])[_inside(p, x, y)]"),
    "outside_not_moved": at("torch.where(_inside(p, x, y)[:, None], _rows(x + dx, y + dy, p[:, 2]), p)"),
    "empty_without_columns": "[f if len(f) else f.new_zeros(0) for f in moved]",
    "empty_without_columns.stack": "[torch.stack(list(f)) for f in moved]",
    "empty_left_out": "[f for f in moved if len(f)]",
    "one_tensor": "torch.cat(moved)",
    "float32_only": "[f.float() for f in moved]",
    "changes_its_arguments": offsets_changes_its_arguments,
    "changes_its_arguments.the_list": offsets_changes_its_arguments__the_list,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "add_offsets": answers("peaks, offsets", OFFSETS, globals(), OFFSETS_GIVEN)
}
