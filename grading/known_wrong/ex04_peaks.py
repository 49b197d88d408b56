"""Known wrong answers to exercise 4's questions about peaks.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

__all__ = ["KNOWN_WRONG"]


# find_peaks. The parts of a right answer, from which wrong ones are put together:


def _filled(scoremaps):
    return scoremaps.masked_fill(scoremaps.isnan(), -math.inf)


def _around(maps, size=3):
    """Return the highest value of each pixel's neighbourhood, itself included."""
    return F.max_pool2d(maps, size, stride=1, padding=size // 2)


def _neighbours(maps, fill=-math.inf):
    """Return the eight neighbours of every pixel, (8, B, K, H, W), as one reads; `fill` beyond the border."""
    height, width = maps.shape[2:]
    padded = F.pad(maps, (1, 1, 1, 1), value=fill)
    places = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    return torch.stack([padded[..., i : i + height, j : j + width] for i, j in places])


def _within_a_map(structure):
    return np.asarray(structure)[None, None] * np.eye(3)[1][:, None, None, None] * np.eye(3)[1][:, None, None]


EIGHT = _within_a_map(np.ones((3, 3)))


def _one_each(maps, top, structure=EIGHT, steps=True):
    """Return `top` (bool, as the maps) with one pixel left of each plateau, and none of a step."""
    numbers = torch.from_numpy(ndimage.label(top.numpy(), structure)[0]).long()
    if steps:
        beside = top & (_around(maps.masked_fill(top, -math.inf)) == maps)
        numbers = torch.where(torch.isin(numbers, numbers[beside]), 0, numbers)
    found, first = np.unique(numbers.flatten().numpy(), return_index=True)
    one = torch.zeros(top.numel(), dtype=torch.bool)
    one[first[found > 0]] = True
    return one.view(top.shape)


def _tops(scoremaps, threshold, size=3):
    """Return the maps without NaN, and which of their pixels are as high as all around and above the threshold."""
    maps = _filled(scoremaps)
    return maps, (maps == _around(maps, size)) & (maps > threshold)


def _peaks(scoremaps, threshold):
    """Return the maps without NaN, and one pixel of each of their peaks, as a mask."""
    maps, top = _tops(scoremaps, threshold)
    return maps, _one_each(maps, top)


def _tip(before, here, after):
    return ((after - before) / 2 / (2 * here - before - after)).nan_to_num(0)


def _crosses(maps, where, fill=-math.inf):
    """Return the image, keypoint, y, x of true pixels, and the scores left, here, right, above and below."""
    b, k, y, x = where.nonzero(as_tuple=True)
    padded = F.pad(maps, (1, 1, 1, 1), value=fill)
    left, right = padded[b, k, y + 1, x], padded[b, k, y + 1, x + 2]
    return (b, k, y, x), (left, maps[b, k, y, x], right, padded[b, k, y, x + 1], padded[b, k, y + 2, x + 1])


def _refined(maps, where, tip=_tip, fill=-math.inf):
    """Return the peaks at true pixels as image, keypoint and (N, 3)."""
    (b, k, y, x), (left, here, right, above, below) = _crosses(maps, where, fill)
    return b, k, torch.stack([x + tip(left, here, right), y + tip(above, here, below), here], dim=1)


def _lists(shape, b, k, rows):
    return [[rows[(b == i) & (k == j)] for j in range(shape[1])] for i in range(shape[0])]


def _answer(maps, where, tip=_tip, fill=-math.inf):
    return _lists(maps.shape, *_refined(maps, where, tip, fill))


def _each(scoremaps, threshold, change):
    """Return right peaks with each tensor (N, 3) changed."""
    return [[change(peaks) for peaks in image] for image in _right(scoremaps, threshold)]


def _right(scoremaps, threshold):
    return _answer(*_peaks(scoremaps, threshold))


# What is a peak.


def peaks_no_suppression(scoremaps, threshold):
    maps = _filled(scoremaps)
    return _answer(maps, maps > threshold)


def peaks_plateaus_several_times(scoremaps, threshold):
    return _answer(*_tops(scoremaps, threshold))


def peaks_plateaus_several_times__one_way(scoremaps, threshold):
    """Compare strictly with the neighbours before, not strictly with those after."""
    maps = _filled(scoremaps)
    around = _neighbours(maps)
    return _answer(maps, (maps > around[:4]).all(dim=0) & (maps >= around[4:]).all(dim=0) & (maps > threshold))


def peaks_plateaus_several_times__the_other_way(scoremaps, threshold):
    maps = _filled(scoremaps)
    around = _neighbours(maps)
    return _answer(maps, (maps >= around[:4]).all(dim=0) & (maps > around[4:]).all(dim=0) & (maps > threshold))


def peaks_plateaus_several_times__first_nearby(scoremaps, threshold):
    """Keep a top only if no earlier neighbour is one: a plateau in the shape of a V has two first pixels."""
    maps, top = _tops(scoremaps, threshold)
    steps = _one_each(maps, top) | (top & _grown(maps, top, _one_each(maps, top)))
    earlier = _neighbours(steps.to(maps.dtype), 0.0)[:4].amax(dim=0) > 0
    return _answer(maps, steps & ~earlier)


def _grown(maps, top, seeds):
    """Return the pixels of all plateaus in which a seed lies."""
    numbers = torch.from_numpy(ndimage.label(top.numpy(), EIGHT)[0])
    return torch.isin(numbers, numbers[seeds]) & top


def peaks_plateaus_split_at_diagonals(scoremaps, threshold):
    maps, top = _tops(scoremaps, threshold)
    return _answer(maps, _one_each(maps, top, _within_a_map(ndimage.generate_binary_structure(2, 1))))


def peaks_plateaus_lost(scoremaps, threshold):
    maps = _filled(scoremaps)
    return _answer(maps, (maps > _neighbours(maps)).all(dim=0) & (maps > threshold))


def peaks_steps_count(scoremaps, threshold):
    maps, top = _tops(scoremaps, threshold)
    return _answer(maps, _one_each(maps, top, steps=False))


def peaks_steps_count__but_for_their_edge(scoremaps, threshold):
    """Drop the pixels beside the edge of a step, and keep the rest of it."""
    maps, top = _tops(scoremaps, threshold)
    edge = top & (_around(maps.masked_fill(top, -math.inf)) == maps)
    return _answer(maps, _one_each(maps, top & ~edge, steps=False))


def peaks_steps_count__where_straight(scoremaps, threshold):
    """Look for higher ground beside a step with the four straight neighbours only."""
    maps = _filled(scoremaps)
    around = _neighbours(maps)
    top = (maps >= around[[1, 3, 4, 6]]).all(dim=0) & (maps > threshold)
    eight = _tops(scoremaps, threshold)[1]
    numbers = torch.from_numpy(ndimage.label((top & eight).numpy(), EIGHT)[0])
    straight = (around[[1, 3, 4, 6]] == maps) & (_neighbours((~eight).to(maps.dtype), 0.0)[[1, 3, 4, 6]] > 0)
    beside = (top & eight) & straight.any(dim=0)
    kept = (top & eight) & ~torch.isin(numbers, numbers[beside])
    return _answer(maps, _one_each(maps, kept, steps=False))


def peaks_equal_heights_merged(scoremaps, threshold):
    """Take each height once."""
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    seen, kept = set(), []
    for key in zip(b.tolist(), k.tolist(), rows[:, 2].tolist(), strict=True):
        kept.append(key not in seen)
        seen.add(key)
    kept = torch.tensor(kept, dtype=torch.bool)
    return _lists(maps.shape, b[kept], k[kept], rows[kept])


def peaks_maps_merged(scoremaps, threshold):
    """Number plateaus with neighbours in the next map and image."""
    maps, top = _tops(scoremaps, threshold)
    return _answer(maps, _one_each(maps, top, np.ones((3, 3, 3, 3))))


def peaks_four_neighbours(scoremaps, threshold):
    maps = _filled(scoremaps)
    top = (maps >= _neighbours(maps)[[1, 3, 4, 6]]).all(dim=0) & (maps > threshold)
    return _answer(maps, _one_each(maps, top))


def peaks_four_neighbours__plateaus_too(scoremaps, threshold):
    maps = _filled(scoremaps)
    top = (maps >= _neighbours(maps)[[1, 3, 4, 6]]).all(dim=0) & (maps > threshold)
    return _answer(maps, _one_each(maps, top, _within_a_map(ndimage.generate_binary_structure(2, 1))))


def peaks_four_neighbours__rows_only(scoremaps, threshold):
    maps = _filled(scoremaps)
    return _answer(maps, (maps >= _neighbours(maps)[[3, 4]]).all(dim=0) & (maps > threshold))


def peaks_window_too_wide(scoremaps, threshold):
    maps, top = _tops(scoremaps, threshold, 5)
    return _answer(maps, _one_each(maps, top))


def peaks_window_too_wide__greedy(scoremaps, threshold):
    """Take the highest peak, drop all within three pixels, and so on."""

    def sparse(peaks):
        peaks, kept = peaks[peaks[:, 2].argsort(descending=True)], []
        for peak in peaks:
            if all((peak[:2] - other[:2]).norm() > 3 for other in kept):
                kept.append(peak)
        return torch.stack(kept) if kept else peaks

    return _each(scoremaps, threshold, sparse)


def peaks_smoothed_first(scoremaps, threshold):
    smoothed = ndimage.gaussian_filter(scoremaps.numpy(), (0, 0, 1, 1))
    return _right(torch.from_numpy(smoothed), threshold)


def peaks_smoothed_first__score_kept(scoremaps, threshold):
    smoothed = torch.from_numpy(ndimage.gaussian_filter(scoremaps.numpy(), (0, 0, 1, 1)))
    b, k, rows = _refined(*_peaks(smoothed, threshold))
    y, x = rows[:, 1].round().long(), rows[:, 0].round().long()
    return _lists(scoremaps.shape, b, k, torch.cat([rows[:, :2], scoremaps[b, k, y, x][:, None]], dim=1))


# The border.


def peaks_border_left_out(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    where[..., [0, -1], :] = False
    where[..., [0, -1]] = False
    return _answer(maps, where)


def peaks_border_left_out__far_sides(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    where[..., -1, :] = False
    where[..., -1] = False
    return _answer(maps, where)


def peaks_border_left_out__corners(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    where[..., :: max(where.shape[2] - 1, 1), :: max(where.shape[3] - 1, 1)] = False
    return _answer(maps, where)


def peaks_wraps_around(scoremaps, threshold):
    maps = _filled(scoremaps)
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    top = torch.stack([maps >= maps.roll(shift, dims=(2, 3)) for shift in shifts]).all(dim=0) & (maps > threshold)
    return _answer(maps, _one_each(maps, top))


def peaks_wraps_around__flat(scoremaps, threshold):
    """Look at the neighbours by their number in the flat map: left of a row's first pixel lies another row's last."""
    maps = _filled(scoremaps)
    width, flat = maps.shape[3], maps.flatten(2)
    padded = F.pad(flat, (width + 1, width + 1), value=-math.inf)
    starts = [width + 1 + i * width + j for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    top = torch.stack([flat >= padded[..., s : s + flat.shape[2]] for s in starts]).all(dim=0)
    return _answer(maps, _one_each(maps, top.view(maps.shape) & (maps > threshold)))


def peaks_padded_with_zeros(scoremaps, threshold):
    maps = _filled(scoremaps)
    top = (maps >= _neighbours(maps, 0.0)).all(dim=0) & (maps > threshold)
    return _answer(maps, _one_each(maps, top))


def peaks_refined_at_the_border(scoremaps, threshold):
    return _answer(*_peaks(scoremaps, threshold), fill=0.0)


def peaks_refined_at_the_border__repeated(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, y, x = where.nonzero(as_tuple=True)
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    here = maps[b, k, y, x]
    dx = _tip(padded[b, k, y + 1, x], here, padded[b, k, y + 1, x + 2])
    dy = _tip(padded[b, k, y, x + 1], here, padded[b, k, y + 2, x + 1])
    return _lists(maps.shape, b, k, torch.stack([x + dx, y + dy, here], dim=1))


def peaks_refined_at_the_border__reflected(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    height, width = maps.shape[2:]
    (b, k, y, x), (_, here, _, _, _) = _crosses(maps, where)

    def score(y, x):
        return maps[b, k, y % height, x % width]

    dx, dy = _tip(score(y, x - 1), here, score(y, x + 1)), _tip(score(y - 1, x), here, score(y + 1, x))
    return _lists(maps.shape, b, k, torch.stack([x + dx, y + dy, here], dim=1))


def peaks_nan_place(scoremaps, threshold):
    """Pad with -inf and divide: inf / inf."""
    return _answer(*_peaks(scoremaps, threshold), tip=lambda a, h, c: (c - a) / 2 / (2 * h - a - c))


def peaks_nan_place__logarithms(scoremaps, threshold):
    """Put a Gaussian through scores that may be negative."""

    def tip(before, here, after):
        a, h, c = before.log(), here.log(), after.log()
        return (c - a) / 2 / (2 * h - a - c)

    return _answer(*_peaks(scoremaps, threshold), tip=tip, fill=1e-6)


def peaks_nan_place__middle(scoremaps, threshold):
    """Refine at the middle pixel of a plateau, where all three are equal."""
    maps, top = _tops(scoremaps, threshold)
    plateaus = _grown(maps, top, _one_each(maps, top))
    numbers, count = ndimage.label(plateaus.numpy(), EIGHT)
    middle = torch.zeros_like(top)
    for centre in ndimage.center_of_mass(plateaus.numpy(), numbers, range(1, count + 1)):
        middle[tuple(int(c) for c in centre)] = True

    def tip(before, here, after):
        missing = before.isinf() | after.isinf()
        return torch.where(missing, 0, (after - before) / 2 / (2 * here - before - after))

    return _answer(maps, middle, tip)


# The place.


def peaks_padding_shifts(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p + p.new_tensor([1, 1, 0]))


def peaks_padding_shifts__half(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p + p.new_tensor([0.5, 0.5, 0]))


def peaks_x_y_swapped(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p[:, [1, 0, 2]])


def peaks_score_first(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p[:, [2, 0, 1]])


def peaks_divides_by_height(scoremaps, threshold):
    """Take the flat index apart with H."""
    maps, where = _peaks(scoremaps, threshold)
    height, width = maps.shape[2:]
    (b, k, y, x), (left, here, right, above, below) = _crosses(maps, where)
    index = y * width + x
    x, y = index % height + _tip(left, here, right), index // height + _tip(above, here, below)
    return _lists(maps.shape, b, k, torch.stack([x, y, here], dim=1))


def peaks_normalised(scoremaps, threshold):
    height, width = scoremaps.shape[2:]
    return _each(scoremaps, threshold, lambda p: p / p.new_tensor([width, height, 1]))


def peaks_unrefined(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, y, x = where.nonzero(as_tuple=True)
    return _lists(maps.shape, b, k, torch.stack([x, y, maps[b, k, y, x]], dim=1))


def peaks_unrefined__only_x(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    rows[:, 1] = where.nonzero()[:, 2]
    return _lists(maps.shape, b, k, rows)


def peaks_refined_backwards(scoremaps, threshold):
    return _answer(*_peaks(scoremaps, threshold), tip=lambda a, h, c: -_tip(a, h, c))


def peaks_refined_crosswise(scoremaps, threshold):
    """Take the neighbours above and below for x, those to the left and right for y."""
    (b, k, y, x), (left, here, right, above, below) = _crosses(*_peaks(scoremaps, threshold))
    rows = torch.stack([x + _tip(above, here, below), y + _tip(left, here, right), here], dim=1)
    return _lists(scoremaps.shape, b, k, rows)


def peaks_refined_too_far(scoremaps, threshold):
    """Forget the half in the formula."""
    return _answer(*_peaks(scoremaps, threshold), tip=lambda a, h, c: 2 * _tip(a, h, c))


def peaks_refined_too_far__slope(scoremaps, threshold):
    """Add the slope, not divided by the curvature."""
    return _answer(*_peaks(scoremaps, threshold), tip=lambda a, h, c: ((c - a) / 2).nan_to_num(0, 0, 0))


def peaks_refined_too_little(scoremaps, threshold):
    """Take the mean place of three pixels, weighted by their scores."""

    def tip(before, here, after):
        a, h, c = (v.clamp(min=0) for v in (before, here, after))
        return ((c - a) / (a + h + c)).nan_to_num(0).masked_fill(before.isinf() | after.isinf(), 0)

    return _answer(*_peaks(scoremaps, threshold), tip=tip)


def peaks_refined_too_little__softmax(scoremaps, threshold):
    """Take the mean place of three pixels, weighted by the softmax of their scores."""

    def tip(before, here, after):
        weights = torch.stack([before, here, after]).softmax(dim=0)
        return (weights[2] - weights[0]).masked_fill(before.isinf() | after.isinf(), 0)

    return _answer(*_peaks(scoremaps, threshold), tip=tip)


def peaks_softargmax_of_the_map(scoremaps, threshold):
    """Move every peak to the soft argmax of its map."""
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    weights = maps.flatten(2).softmax(dim=2).view(maps.shape)
    x = (weights.sum(dim=2) * torch.arange(maps.shape[3])).sum(dim=2)
    y = (weights.sum(dim=3) * torch.arange(maps.shape[2])).sum(dim=2)
    return _lists(maps.shape, b, k, torch.stack([x[b, k].to(rows), y[b, k].to(rows), rows[:, 2]], dim=1))


# The score.


def peaks_score_refined(scoremaps, threshold):
    """Take the height of the parabolas' tips."""
    (b, k, y, x), (left, here, right, above, below) = _crosses(*_peaks(scoremaps, threshold))
    dx, dy = _tip(left, here, right), _tip(above, here, below)
    gain = ((right - left) * dx / 4).nan_to_num(0, 0, 0) + ((below - above) * dy / 4).nan_to_num(0, 0, 0)
    return _lists(scoremaps.shape, b, k, torch.stack([x + dx, y + dy, here + gain], dim=1))


def peaks_score_squashed(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: torch.cat([p[:, :2], p[:, 2:].sigmoid()], dim=1))


def peaks_score_squashed__softmax(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    y, x = where.nonzero(as_tuple=True)[2:]
    scores = maps.flatten(2).softmax(dim=2).view(maps.shape)[b, k, y, x]
    return _lists(maps.shape, b, k, torch.cat([rows[:, :2], scores[:, None]], dim=1))


def peaks_score_squashed__divided(scoremaps, threshold):
    highest = _filled(scoremaps).amax(dim=(2, 3))
    return [
        [torch.cat([peaks[:, :2], peaks[:, 2:] / highest[b, k]], dim=1) for k, peaks in enumerate(image)]
        for b, image in enumerate(_right(scoremaps, threshold))
    ]


def peaks_score_missing(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p[:, :2])


def peaks_score_missing__ones(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: torch.cat([p[:, :2], torch.ones_like(p[:, 2:])], dim=1))


def peaks_score_above_threshold(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p - p.new_tensor([0, 0, threshold]))


# The threshold.


def peaks_threshold_included(scoremaps, threshold):
    maps = _filled(scoremaps)
    return _answer(maps, _one_each(maps, (maps == _around(maps)) & (maps >= threshold)))


def peaks_threshold_of_the_maximum(scoremaps, threshold):
    maps = _filled(scoremaps)
    top = (maps == _around(maps)) & (maps > threshold * maps.amax(dim=(2, 3), keepdim=True))
    return _answer(maps, _one_each(maps, top))


def peaks_threshold_of_the_maximum__normalised(scoremaps, threshold):
    maps = _filled(scoremaps)
    lowest, highest = scoremaps.nan_to_num(0).amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    return _answer(maps, _one_each(maps, (maps == _around(maps)) & ((maps - lowest) / (highest - lowest) > threshold)))


def peaks_threshold_unused(scoremaps, threshold):
    maps = _filled(scoremaps)
    return _answer(maps, _one_each(maps, (maps == _around(maps)) & maps.isfinite()))


def peaks_threshold_unused__zero(scoremaps, threshold):
    return _answer(*_peaks(scoremaps, 0.0))


def peaks_threshold_after_zeroing(scoremaps, threshold):
    """Multiply the map by the mask of its tops: what is no top is 0, and above a negative threshold."""
    maps = scoremaps.nan_to_num(-1e9)
    top = _one_each(maps, maps == _around(maps))
    kept = maps * top
    return _answer(kept, kept > threshold)


def peaks_threshold_after_zeroing__first(scoremaps, threshold):
    """Set what is below the threshold to 0, and look for tops above 0."""
    maps = scoremaps.nan_to_num(-1e9)
    maps = torch.where(maps > threshold, maps, 0)
    return _answer(maps, _one_each(maps, (maps == _around(maps)) & (maps > 0)))


# Which maps.


def peaks_best_only(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p[p[:, 2].argsort(descending=True)[:1]])


def peaks_best_only__hundred(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p[p[:, 2].argsort(descending=True)[:100]])


def peaks_pooled_over_keypoints(scoremaps, threshold):
    return [torch.cat(image) for image in _right(scoremaps, threshold)]


def peaks_pooled_over_keypoints__suppressed(scoremaps, threshold):
    """Let the other keypoints' maps suppress a peak."""
    maps = _filled(scoremaps)
    around = _around(maps.amax(dim=1, keepdim=True))
    return _answer(maps, _one_each(maps, (maps == around) & (maps > threshold)))


def peaks_pooled_over_images(scoremaps, threshold):
    found = _right(scoremaps, threshold)
    return [torch.cat([image[k] for image in found]) for k in range(scoremaps.shape[1])]


def peaks_pooled_over_images__everywhere(scoremaps, threshold):
    found = _right(scoremaps, threshold)
    return [[torch.cat([image[k] for image in found]) for k in range(scoremaps.shape[1])] for _ in found]


def peaks_first_image_only(scoremaps, threshold):
    return _right(scoremaps, threshold)[0]


def peaks_first_image_only__in_a_list(scoremaps, threshold):
    return _right(scoremaps[:1], threshold)


def peaks_one_flat_list(scoremaps, threshold):
    return [peaks for image in _right(scoremaps, threshold) for peaks in image]


def peaks_keypoints_before_images(scoremaps, threshold):
    return [list(maps) for maps in zip(*_right(scoremaps, threshold), strict=True)]


def peaks_empty_without_columns(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p if len(p) else torch.tensor([], dtype=p.dtype))


def peaks_empty_without_columns__stack(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: torch.stack(list(p)))


def peaks_empty_without_columns__none(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p if len(p) else None)


def peaks_empty_left_out(scoremaps, threshold):
    return [[peaks for peaks in image if len(peaks)] for image in _right(scoremaps, threshold)]


def peaks_rows_in_a_list(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p.tolist())


# NaN, dtypes, arguments.


def peaks_nan_hides_neighbours(scoremaps, threshold):
    return _answer(
        _filled(scoremaps), _one_each(scoremaps, (scoremaps == _around(scoremaps)) & (scoremaps > threshold))
    )


def peaks_nan_hides_neighbours__compared(scoremaps, threshold):
    top = (scoremaps >= _neighbours(scoremaps)).all(dim=0) & (scoremaps > threshold)
    return _answer(_filled(scoremaps), _one_each(scoremaps, top))


def peaks_nan_as_zero(scoremaps, threshold):
    return _right(scoremaps.nan_to_num(0), threshold)


def peaks_nan_as_highest(scoremaps, threshold):
    return _right(scoremaps.nan_to_num(1e6), threshold)


def peaks_float32_only(scoremaps, threshold):
    return _each(scoremaps, threshold, torch.Tensor.float)


def peaks_float32_only__whole_numbers(scoremaps, threshold):
    return _each(scoremaps, threshold, lambda p: p.round().long())


def peaks_changes_its_arguments(scoremaps, threshold):
    found = _right(scoremaps, threshold)
    scoremaps[scoremaps <= threshold] = 0
    return found


def peaks_changes_its_arguments__nan(scoremaps, threshold):
    scoremaps[scoremaps.isnan()] = -math.inf
    return _right(scoremaps, threshold)


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


def offsets_guess_kept(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(p[:, 0] + dx, p[:, 1] + dy, p[:, 2]))


def _with_pixels(peaks, offsets, pixel):
    """Take `pixel(place)` for the pixel of a place, within the map."""
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = pixel(found[:, 0]).clamp(0, offset.shape[2] - 1), pixel(found[:, 1]).clamp(0, offset.shape[1] - 1)
        dx, dy = offset[:, y.long(), x.long()]
        moved.append(_rows(x + dx, y + dy, found[:, 2]))
    return moved


def offsets_rounded_down(peaks, offsets):
    return _with_pixels(peaks, offsets, torch.floor)


def offsets_rounded_down__and_guess_kept(peaks, offsets):
    moved = []
    for found, offset in zip(peaks, offsets, strict=True):
        x, y = found[:, 0].long().clamp(0, offset.shape[2] - 1), found[:, 1].long().clamp(0, offset.shape[1] - 1)
        moved.append(_rows(found[:, 0] + offset[0, y, x], found[:, 1] + offset[1, y, x], found[:, 2]))
    return moved


def offsets_rounded_down__then_half(peaks, offsets):
    """Take the centre of pixel 2 to be at 2.5."""
    moved = _with_pixels(peaks, offsets, torch.floor)
    return [found + found.new_tensor([0.5, 0.5, 0]) for found in moved]


def offsets_rounded_down__up(peaks, offsets):
    return _with_pixels(peaks, offsets, torch.ceil)


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


def offsets_channels_swapped(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dy, y + dx, p[:, 2]))


def offsets_subtracted(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x - dx, y - dy, p[:, 2]))


def offsets_offset_only(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(dx, dy, p[:, 2]))


def offsets_only_x(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dx, y, p[:, 2]))


def offsets_not_added(peaks, offsets):
    return [found.clone() for found in peaks]


def offsets_not_added__rounded(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x, y, p[:, 2]))


def offsets_one_keypoint_for_all(peaks, offsets):
    return _each_keypoint(peaks, offsets[:1].expand_as(offsets), lambda p, x, y, dx, dy: _rows(x + dx, y + dy, p[:, 2]))


def offsets_score_missing(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: torch.stack([x + dx, y + dy], dim=1))


def offsets_score_missing__ones(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dx, y + dy, torch.ones_like(x)))


def offsets_rounded_after(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows((x + dx).round(), (y + dy).round(), p[:, 2]))


def offsets_multiplied_by_the_stride(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(4 * (x + dx), 4 * (y + dy), p[:, 2]))


def offsets_kept_in_the_map(peaks, offsets):
    height, width = offsets.shape[2:]
    return _each_keypoint(
        peaks,
        offsets,
        lambda p, x, y, dx, dy: _rows((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1), p[:, 2]),
    )


def offsets_outside_stays_outside(peaks, offsets):
    """Take the offset at the border, and add it to the place outside."""
    return _each_keypoint(
        peaks, offsets, lambda p, x, y, dx, dy: _rows(p[:, 0].round() + dx, p[:, 1].round() + dy, p[:, 2])
    )


def offsets_outside_dropped(peaks, offsets):
    def inside(p, x, y, dx, dy):
        kept = (p[:, 0].round() == x) & (p[:, 1].round() == y)
        return _rows(x + dx, y + dy, p[:, 2])[kept]

    return _each_keypoint(peaks, offsets, inside)


def offsets_outside_not_moved(peaks, offsets):
    def only_inside(p, x, y, dx, dy):
        inside = (p[:, 0].round() == x) & (p[:, 1].round() == y)
        return torch.where(inside[:, None], _rows(x + dx, y + dy, p[:, 2]), p)

    return _each_keypoint(peaks, offsets, only_inside)


def offsets_empty_without_columns(peaks, offsets):
    return [f if len(f) else f.new_zeros(0) for f in _right_offsets(peaks, offsets)]


def offsets_empty_without_columns__stack(peaks, offsets):
    return [torch.stack(list(f)) for f in _right_offsets(peaks, offsets)]


def offsets_empty_left_out(peaks, offsets):
    return [f for f in _right_offsets(peaks, offsets) if len(f)]


def offsets_one_tensor(peaks, offsets):
    return torch.cat(_right_offsets(peaks, offsets))


def offsets_float32_only(peaks, offsets):
    return [f.float() for f in _right_offsets(peaks, offsets)]


def offsets_changes_its_arguments(peaks, offsets):
    for found, new in zip(peaks, _right_offsets(peaks, offsets), strict=True):
        found[:] = new
    return peaks


def offsets_changes_its_arguments__the_list(peaks, offsets):
    peaks[:] = _right_offsets(peaks, offsets)
    return peaks


def _right_offsets(peaks, offsets):
    return _each_keypoint(peaks, offsets, lambda p, x, y, dx, dy: _rows(x + dx, y + dy, p[:, 2]))


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {"find_peaks": _named("peaks_"), "add_offsets": _named("offsets_")}
