"""Known wrong answers to exercise 4's `add_offsets`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers, framed

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


def _with_pixels(peaks, offsets, pixel):
    """Take `pixel(place)` for the pixel of a place, within the map."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = pixel(found[:, 0]).clamp(0, offset.shape[2] - 1), pixel(found[:, 1]).clamp(0, offset.shape[1] - 1)
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def _right_offsets(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dx, y + dy, p[:, 2]))


def offsets_rounded_down__and_guess_kept(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].long().clamp(0, offset.shape[2] - 1), found[:, 1].long().clamp(0, offset.shape[1] - 1)
        moved.append(_rows(found[:, 0] + offset[0, y, x], found[:, 1] + offset[1, y, x], found[:, 2]))
    return moved


def offsets_half_a_pixel_off(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + 0.5 + dx, y + 0.5 + dy, p[:, 2]))


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


def offsets_wraps_around(peaks, offsets):
    """Look at pixels that may not be there: index -1 is the other side, and beyond the last there is an error."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].round(), found[:, 1].round()
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def offsets_wraps_around__far_sides_clamped(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].round().clamp(max=offset.shape[2] - 1), found[:, 1].round().clamp(max=offset.shape[1] - 1)
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def offsets_wraps_around__all_sides(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].round() % offset.shape[2], found[:, 1].round() % offset.shape[1]
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


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


OFFSETS_GIVEN = {"height, width": "offsets.shape[2:]", "moved": "_right_offsets(peaks, offsets)"}

CHANGES = {
    "channels_swapped": "_rows(x + dy, y + dx, p[:, 2])",
    "subtracted": "_rows(x - dx, y - dy, p[:, 2])",
    "offset_only": "_rows(dx, dy, p[:, 2])",
    "only_x": "_rows(x + dx, y, p[:, 2])",
}

MORE_CHANGES = {
    "score_missing": "torch.stack([x + dx, y + dy], dim=1)",
    "score_missing.ones": "_rows(x + dx, y + dy, torch.ones_like(x))",
    "rounded_after": "_rows((x + dx).round(), (y + dy).round(), p[:, 2])",
    "multiplied_by_the_stride": "_rows(4 * (x + dx), 4 * (y + dy), p[:, 2])",
    "kept_in_the_map": "_rows((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1), p[:, 2])",
    # Take the offset at the border, and add it to the place outside.
    "outside_stays_outside": "_rows(p[:, 0].round() + dx, p[:, 1].round() + dy, p[:, 2])",
    "outside_dropped": "_rows(x + dx, y + dy, p[:, 2])[_inside(p, x, y)]",
    "outside_not_moved": "torch.where(_inside(p, x, y)[:, None], _rows(x + dx, y + dy, p[:, 2]), p)",
}

OFFSETS = {
    "guess_kept": "_each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(p[:, 0] + dx, p[:, 1] + dy, p[:, 2]))",
    "rounded_down": "_with_pixels(peaks, offsets, torch.floor)",
    "rounded_down.and_guess_kept": offsets_rounded_down__and_guess_kept,
    # Take the centre of pixel 2 to be at 2.5.
    "rounded_down.then_half": "[f + f.new_tensor([0.5, 0.5, 0]) for f in _with_pixels(peaks, offsets, torch.floor)]",
    "rounded_down.up": "_with_pixels(peaks, offsets, torch.ceil)",
    "half_a_pixel_off": offsets_half_a_pixel_off,
    "interpolated": offsets_interpolated,
    "interpolated.and_guess_kept": offsets_interpolated__and_guess_kept,
    "wraps_around": offsets_wraps_around,
    "wraps_around.far_sides_clamped": offsets_wraps_around__far_sides_clamped,
    "wraps_around.all_sides": offsets_wraps_around__all_sides,
    "x_y_swapped": offsets_x_y_swapped,
    "x_y_swapped.clamped": offsets_x_y_swapped__clamped,
    **framed("_each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: {})", CHANGES),
    "not_added": "[found.clone() for found in peaks]",
    "not_added.rounded": "_each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x, y, p[:, 2]))",
    "one_keypoint_for_all": "_right_offsets(peaks, offsets[:1].expand_as(offsets))",
    **framed("_each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: {})", MORE_CHANGES),
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
