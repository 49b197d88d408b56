"""Known wrong answers to exercise 4's questions about peaks."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from grading.known_wrong import ex04_offsets
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# find_peaks


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
FOUR = _within_a_map(ndimage.generate_binary_structure(2, 1))


def _beside(maps, top):
    """Return the pixels of tops that have a neighbour as high that is no top: the edge of a step."""
    return top & (_around(maps.masked_fill(top, -math.inf)) == maps)


def _one_each(maps, top, structure=EIGHT, steps=True):
    """Return `top` (bool, as the maps) with one pixel left of each plateau, and none of a step."""
    numbers = torch.from_numpy(ndimage.label(top.numpy(), structure)[0]).long()
    if steps:
        numbers = torch.where(torch.isin(numbers, numbers[_beside(maps, top)]), 0, numbers)
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


def _sign(before, after):
    return (after - before).sign().masked_fill(before.isinf() | after.isinf(), 0)


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


def _grown(maps, top, seeds):
    """Return the pixels of all plateaus in which a seed lies."""
    numbers = torch.from_numpy(ndimage.label(top.numpy(), EIGHT)[0])
    return torch.isin(numbers, numbers[seeds]) & top


def _rolled(maps):
    """Return the eight neighbours of every pixel, those of the other side beyond the border."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    return torch.stack([maps.roll(shift, dims=(2, 3)) for shift in shifts])


def each(changed):
    """Return the text of a right answer with each tensor p (N, 3) of peaks changed."""
    return f"_each(scoremaps, threshold, lambda p: {changed})"


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


def peaks_window_too_wide__greedy(scoremaps, threshold):
    """Take the highest peak, drop all within three pixels, and so on."""

    def sparse(peaks):
        peaks, kept = peaks[peaks[:, 2].argsort(descending=True)], []
        for peak in peaks:
            if all((peak[:2] - other[:2]).norm() > 3 for other in kept):
                kept.append(peak)
        return torch.stack(kept) if kept else peaks

    return _each(scoremaps, threshold, sparse)


def peaks_smoothed_first__score_kept(scoremaps, threshold):
    smoothed = torch.from_numpy(ndimage.gaussian_filter(scoremaps.numpy(), (0, 0, 1, 1)))
    b, k, rows = _refined(*_peaks(smoothed, threshold))
    y, x = rows[:, 1].round().long(), rows[:, 0].round().long()
    return _lists(scoremaps.shape, b, k, torch.cat([rows[:, :2], scoremaps[b, k, y, x][:, None]], dim=1))


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


def peaks_wraps_around__flat(scoremaps, threshold):
    """Look at the neighbours by their number in the flat map: left of a row's first pixel lies another row's last."""
    maps = _filled(scoremaps)
    width, flat = maps.shape[3], maps.flatten(2)
    padded = F.pad(flat, (width + 1, width + 1), value=-math.inf)
    starts = [width + 1 + i * width + j for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    top = torch.stack([flat >= padded[..., s : s + flat.shape[2]] for s in starts]).all(dim=0)
    return _answer(maps, _one_each(maps, top.view(maps.shape) & (maps > threshold)))


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


def peaks_divides_by_height(scoremaps, threshold):
    """Take the flat index apart with H."""
    maps, where = _peaks(scoremaps, threshold)
    height, width = maps.shape[2:]
    (b, k, y, x), (left, here, right, above, below) = _crosses(maps, where)
    index = y * width + x
    x, y = index % height + _tip(left, here, right), index // height + _tip(above, here, below)
    return _lists(maps.shape, b, k, torch.stack([x, y, here], dim=1))


def peaks_unrefined(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, y, x = where.nonzero(as_tuple=True)
    return _lists(maps.shape, b, k, torch.stack([x, y, maps[b, k, y, x]], dim=1))


def peaks_unrefined__only_x(scoremaps, threshold):
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    rows[:, 1] = where.nonzero()[:, 2]
    return _lists(maps.shape, b, k, rows)


def peaks_refined_crosswise(scoremaps, threshold):
    """Take the neighbours above and below for x, those to the left and right for y."""
    (b, k, y, x), (left, here, right, above, below) = _crosses(*_peaks(scoremaps, threshold))
    rows = torch.stack([x + _tip(above, here, below), y + _tip(left, here, right), here], dim=1)
    return _lists(scoremaps.shape, b, k, rows)


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


def _centroids(maps, where, reach):
    """Take the mean place of all pixels within `reach`, weighted by their scores, as far as these are positive."""
    b, k, rows = _refined(maps, where)
    positive = F.pad(maps.clamp(min=0), (reach,) * 4)
    steps = torch.arange(-reach, reach + 1).to(maps)
    for row, (i, j, y, x) in zip(rows, where.nonzero().tolist(), strict=True):
        weights = positive[i, j, y : y + 2 * reach + 1, x : x + 2 * reach + 1]
        weights = weights / weights.sum()
        row[:2] = torch.stack([x + (weights.sum(dim=0) * steps).sum(), y + (weights.sum(dim=1) * steps).sum()])
    return _lists(maps.shape, b, k, rows)


def peaks_softargmax_of_the_map(scoremaps, threshold):
    """Move every peak to the soft argmax of its map."""
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    weights = maps.flatten(2).softmax(dim=2).view(maps.shape)
    x = (weights.sum(dim=2) * torch.arange(maps.shape[3])).sum(dim=2)
    y = (weights.sum(dim=3) * torch.arange(maps.shape[2])).sum(dim=2)
    return _lists(maps.shape, b, k, torch.stack([x[b, k].to(rows), y[b, k].to(rows), rows[:, 2]], dim=1))


def peaks_refined_too_far__taylor(scoremaps, threshold):
    """Go to the tip of the paraboloid through all nine pixels, however far that is."""
    maps, where = _peaks(scoremaps, threshold)
    b, k, rows = _refined(maps, where)
    padded = F.pad(maps, (1, 1, 1, 1), value=-math.inf)
    for row, (i, j, y, x) in zip(rows, where.nonzero().tolist(), strict=True):
        (a, up, c), (left, here, right), (d, down, e) = padded[i, j, y : y + 3, x : x + 3].double().tolist()
        slope, cross = torch.tensor([right - left, down - up]).double() / 2, (a + e - c - d) / 4
        bend = torch.tensor([[left + right - 2 * here, cross], [cross, up + down - 2 * here]]).double()
        if bend.isfinite().all() and bend.det().abs() > 1e-12:
            row[:2] = torch.tensor([x, y]) - torch.linalg.solve(bend, slope)
    return _lists(maps.shape, b, k, rows)


def peaks_border_raises(scoremaps, threshold):
    """Compare each pixel with a slice around it, which is empty if it starts at -1."""
    maps = _filled(scoremaps)
    for scores in maps.flatten(0, 1):
        for y, x in (scores > threshold).nonzero().tolist():
            scores[y - 1 : y + 2, x - 1 : x + 2].max()
    return _right(scoremaps, threshold)


def peaks_border_raises__numpy(scoremaps, threshold):
    for scores in _filled(scoremaps).flatten(0, 1).numpy():
        for y, x in zip(*np.nonzero(scores > threshold), strict=True):
            scores[y - 1 : y + 2, x - 1 : x + 2].max()
    return _right(scoremaps, threshold)


def peaks_border_raises__beyond(scoremaps, threshold):
    """Ask all eight neighbours of every pixel by their indices."""
    maps = _filled(scoremaps)
    for scores in maps.flatten(0, 1):
        for y, x in np.ndindex(*scores.shape):
            [scores[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return _right(scoremaps, threshold)


def peaks_window_too_wide__lightweight(scoremaps, threshold):
    """Set what is low to 0, take what is higher than the four straight neighbours, and drop what is near another."""
    found = []
    for scores in scoremaps.flatten(0, 1).numpy().copy():
        scores[scores < threshold] = 0
        around = np.pad(scores, 1)
        top = np.stack([around[1:-1, 2:], around[1:-1, :-2], around[2:, 1:-1], around[:-2, 1:-1]]) < scores
        kept = []
        for x, y in sorted(zip(*np.nonzero(top.all(axis=0))[::-1], strict=True)):
            if all(math.hypot(x - other[0], y - other[1]) >= 6 for other in kept):
                kept.append((x, y, scores[y, x]))
        found.append(torch.tensor(np.array(kept).reshape(-1, 3), dtype=scoremaps.dtype))
    width = scoremaps.shape[1]
    return [found[b * width : (b + 1) * width] for b in range(len(scoremaps))]


def peaks_smoothed_first__openpose(scoremaps, threshold):
    """Smooth by three pixels, and take what is not lower than its four straight neighbours."""
    maps = torch.from_numpy(ndimage.gaussian_filter(scoremaps.numpy(), (0, 0, 3, 3)))
    around = _neighbours(maps, 0.0)[[1, 3, 4, 6]]
    b, k, y, x = ((maps >= around).all(dim=0) & (maps > threshold)).nonzero(as_tuple=True)
    return _lists(maps.shape, b, k, torch.stack([x, y, scoremaps[b, k, y, x]], dim=1))


def peaks_score_refined(scoremaps, threshold):
    """Take the height of the parabolas' tips."""
    (b, k, y, x), (left, here, right, above, below) = _crosses(*_peaks(scoremaps, threshold))
    dx, dy = _tip(left, here, right), _tip(above, here, below)
    gain = ((right - left) * dx / 4).nan_to_num(0, 0, 0) + ((below - above) * dy / 4).nan_to_num(0, 0, 0)
    return _lists(scoremaps.shape, b, k, torch.stack([x + dx, y + dy, here + gain], dim=1))


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


def peaks_nan_hides_neighbours__compared(scoremaps, threshold):
    top = (scoremaps >= _neighbours(scoremaps)).all(dim=0) & (scoremaps > threshold)
    return _answer(_filled(scoremaps), _one_each(scoremaps, top))


def peaks_changes_its_arguments(scoremaps, threshold):
    found = _right(scoremaps, threshold)
    scoremaps[scoremaps <= threshold] = 0
    return found


def peaks_changes_its_arguments__nan(scoremaps, threshold):
    scoremaps[scoremaps.isnan()] = -math.inf
    return _right(scoremaps, threshold)


PEAKS_GIVEN = {
    "maps": "_filled(scoremaps)",
    "around": "_neighbours(maps)",
    "before": "around[:4]",
    "after": "around[4:]",
    "straight": "around[[1, 3, 4, 6]]",
    "above": "maps > threshold",
    "tops": "maps == _around(maps)",
    "top": "tops & above",
    "uneven": "maps + 1e-6 * torch.arange(maps.shape[2] * maps.shape[3]).view(maps.shape[2:]).to(maps)",
    "where": "_one_each(maps, top)",
    "highest": "maps.amax(dim=(2, 3), keepdim=True)",
    "lowest": "scoremaps.nan_to_num(0).amin(dim=(2, 3), keepdim=True)",
    "share": "(maps - lowest) / (highest - lowest)",
    "of_all_keypoints": "maps.amax(dim=1, keepdim=True)",
    "sides": "torch.tensor([scoremaps.shape[3], scoremaps.shape[2], 1])",
    "raw_top": "(scoremaps == _around(scoremaps)) & (scoremaps > threshold)",
    "low": "scoremaps.nan_to_num(-1e9)",
    "kept": "torch.where(low > threshold, low, 0)",
    "tops_only": "low * _one_each(low, low == _around(low))",
    "smoothed": "torch.from_numpy(ndimage.gaussian_filter(scoremaps.numpy(), (0, 0, 1, 1)))",
    "numbers": "range(scoremaps.shape[1])",
    "found": "_right(scoremaps, threshold)",
}


PEAKS = {
    "nothing_found": "[[scoremaps.new_zeros(0, 3) for _ in image] for image in scoremaps]",
    # What is a peak.
    "no_suppression": "_answer(maps, above)",
    "plateaus_several_times": "_answer(maps, top)",
    # Compare strictly with the neighbours before, not strictly with those after.
    "plateaus_several_times.one_way": "_answer(maps, (maps > before).all(dim=0) & (maps >= after).all(dim=0) & above)",
    "plateaus_several_times.the_other_way": peaks_plateaus_several_times__the_other_way,
    "plateaus_several_times.first_nearby": peaks_plateaus_several_times__first_nearby,
    "plateaus_split_at_diagonals": "_answer(maps, _one_each(maps, top, FOUR))",
    "plateaus_lost": "_answer(maps, (maps > around).all(dim=0) & above)",
    "steps_count": "_answer(maps, _one_each(maps, top, steps=False))",
    # Drop the pixels beside the edge of a step, and keep the rest of it.
    "steps_count.but_for_their_edge": "_answer(maps, _one_each(maps, top & ~_beside(maps, top), steps=False))",
    "steps_count.where_straight": peaks_steps_count__where_straight,
    "equal_heights_merged": peaks_equal_heights_merged,
    # Number plateaus with neighbours in the next map and image.
    "maps_merged": "_answer(maps, _one_each(maps, top, np.ones((3, 3, 3, 3))))",
    "four_neighbours": "_answer(maps, _one_each(maps, (maps >= straight).all(dim=0) & above))",
    "four_neighbours.plateaus_too": "_answer(maps, _one_each(maps, (maps >= straight).all(dim=0) & above, FOUR))",
    "four_neighbours.rows_only": "_answer(maps, (maps >= around[[3, 4]]).all(dim=0) & above)",
    "window_too_wide": "_answer(maps, _one_each(maps, (maps == _around(maps, 5)) & above))",
    "window_too_wide.greedy": peaks_window_too_wide__greedy,
    # As high as its neighbours but for a little.
    "nearly_as_high": "_answer(maps, _one_each(maps, (maps >= _around(maps) - 1e-3) & above))",
    # A slope of a millionth a pixel, so that no two pixels are as high.
    "ties_broken": "_answer(uneven, (uneven == _around(uneven)) & (uneven > threshold))",
    "smoothed_first": "_right(smoothed, threshold)",
    "smoothed_first.score_kept": peaks_smoothed_first__score_kept,
    "smoothed_first.openpose": peaks_smoothed_first__openpose,
    # The border.
    "border_raises": peaks_border_raises,
    "border_raises.numpy": peaks_border_raises__numpy,
    "border_raises.beyond": peaks_border_raises__beyond,
    "border_left_out": peaks_border_left_out,
    "border_left_out.far_sides": peaks_border_left_out__far_sides,
    "border_left_out.corners": peaks_border_left_out__corners,
    "wraps_around": "_answer(maps, _one_each(maps, (maps >= _rolled(maps)).all(dim=0) & above))",
    "wraps_around.flat": peaks_wraps_around__flat,
    "padded_with_zeros": "_answer(maps, _one_each(maps, (maps >= _neighbours(maps, 0.0)).all(dim=0) & above))",
    "refined_at_the_border": "_answer(maps, where, fill=0.0)",
    "refined_at_the_border.repeated": peaks_refined_at_the_border__repeated,
    "refined_at_the_border.reflected": peaks_refined_at_the_border__reflected,
    # Pad with -inf and divide: inf / inf.
    "nan_place": "_answer(maps, where, lambda a, h, c: (c - a) / 2 / (2 * h - a - c))",
    "nan_place.logarithms": peaks_nan_place__logarithms,
    "nan_place.middle": peaks_nan_place__middle,
    # The place.
    "padding_shifts": each("p + p.new_tensor([1, 1, 0])"),
    "padding_shifts.half_and_a_quarter": "_answer(maps, where, lambda a, h, c: _sign(a, c) / 4 + 0.5)",
    "padding_shifts.half": each("p + p.new_tensor([0.5, 0.5, 0])"),
    "x_y_swapped": each("p[:, [1, 0, 2]]"),
    "score_first": each("p[:, [2, 0, 1]]"),
    "divides_by_height": peaks_divides_by_height,
    "normalised": each("p / sides"),
    "normalised.in_the_image": each("p * p.new_tensor([4, 4, 1]) + p.new_tensor([1.5, 1.5, 0])"),
    "normalised.multiplied": each("p * p.new_tensor([4, 4, 1])"),
    "unrefined": peaks_unrefined,
    "unrefined.only_x": peaks_unrefined__only_x,
    "refined_backwards": "_answer(maps, where, lambda a, h, c: -_tip(a, h, c))",
    "refined_crosswise": peaks_refined_crosswise,
    # Forget the half in the formula.
    "refined_too_far": "_answer(maps, where, lambda a, h, c: 2 * _tip(a, h, c))",
    # The same, cut off at half a pixel.
    "refined_too_far.cut_off": "_answer(maps, where, lambda a, h, c: (2 * _tip(a, h, c)).clamp(-0.5, 0.5))",
    "refined_too_far.taylor": peaks_refined_too_far__taylor,
    # Add the slope, not divided by the curvature.
    "refined_too_far.slope": "_answer(maps, where, lambda a, h, c: ((c - a) / 2).nan_to_num(0, 0, 0))",
    "fixed_step": "_answer(maps, where, lambda a, h, c: _sign(a, c) / 4)",
    "fixed_step.half": "_answer(maps, where, lambda a, h, c: _sign(a, c) / 2)",
    "refined_too_little": peaks_refined_too_little,
    "refined_too_little.window": "_centroids(maps, where, 1)",
    "refined_too_little.window_of_five": "_centroids(maps, where, 2)",
    # Guard the formula against 0 / 0 by a number that small scores do not reach.
    "refined_too_little.small_scores": (
        "_answer(maps, where, lambda a, h, c: ((c - a) / 2 / (2 * h - a - c + 1e-6)).nan_to_num(0))"
    ),
    "refined_too_little.softmax": peaks_refined_too_little__softmax,
    "softargmax_of_the_map": peaks_softargmax_of_the_map,
    # Several mistakes at once, as in public code.
    "window_too_wide.lightweight": peaks_window_too_wide__lightweight,
    # The score.
    "score_refined": peaks_score_refined,
    "score_squashed": each("torch.cat([p[:, :2], p[:, 2:].sigmoid()], dim=1)"),
    "score_squashed.softmax": peaks_score_squashed__softmax,
    "score_squashed.divided": peaks_score_squashed__divided,
    "score_missing": each("p[:, :2]"),
    "score_missing.ones": each("torch.cat([p[:, :2], p.new_ones(len(p), 1)], dim=1)"),
    "score_above_threshold": each("p - p.new_tensor([0, 0, threshold])"),
    # The threshold.
    "threshold_included": "_answer(maps, _one_each(maps, tops & (maps >= threshold)))",
    "threshold_of_the_maximum": "_answer(maps, _one_each(maps, tops & (maps > threshold * highest)))",
    "threshold_of_the_maximum.normalised": "_answer(maps, _one_each(maps, tops & (share > threshold)))",
    "threshold_unused": "_answer(maps, _one_each(maps, tops & maps.isfinite()))",
    "threshold_unused.zero": "_right(scoremaps, 0.0)",
    # Multiply the map by the mask of its tops: what is no top is 0, and above a negative threshold.
    "threshold_after_zeroing": "_answer(tops_only, tops_only > threshold)",
    # Set what is below the threshold to 0, and look for tops above 0.
    "threshold_after_zeroing.first": "_answer(kept, _one_each(kept, (kept == _around(kept)) & (kept > 0)))",
    # Which maps.
    "best_only": each("p[p[:, 2].argsort(descending=True)[:1]]"),
    "best_only.hundred": each("p[p[:, 2].argsort(descending=True)[:100]]"),
    "pooled_over_keypoints": "[torch.cat(image) for image in found]",
    # Let the other keypoints' maps suppress a peak.
    "pooled_over_keypoints.suppressed": "_answer(maps, _one_each(maps, (maps == _around(of_all_keypoints)) & above))",
    "pooled_over_images": "[torch.cat([image[k] for image in found]) for k in numbers]",
    "pooled_over_images.everywhere": "[[torch.cat([image[k] for image in found]) for k in numbers] for _ in found]",
    "first_image_only": "found[0]",
    "first_image_only.in_a_list": "_right(scoremaps[:1], threshold)",
    "one_flat_list": "[peaks for image in found for peaks in image]",
    "keypoints_before_images": "[list(keypoint) for keypoint in zip(*found, strict=True)]",
    "empty_without_columns": each("p if len(p) else torch.tensor([], dtype=p.dtype)"),
    "empty_without_columns.stack": each("torch.stack(list(p))"),
    "empty_without_columns.none": each("p if len(p) else None"),
    "empty_left_out": "[[peaks for peaks in image if len(peaks)] for image in found]",
    "rows_in_a_list": each("p.tolist()"),
    # NaN, dtypes, arguments.
    "nan_hides_neighbours": "_answer(maps, _one_each(scoremaps, raw_top))",
    "nan_hides_neighbours.compared": peaks_nan_hides_neighbours__compared,
    "nan_as_zero": "_right(scoremaps.nan_to_num(0), threshold)",
    "nan_as_zero.minus_one": "_right(scoremaps.nan_to_num(-1), threshold)",
    "nan_as_highest": "_right(scoremaps.nan_to_num(1e6), threshold)",
    "float32_only": "_each(scoremaps, threshold, torch.Tensor.float)",
    "float32_only.whole_numbers": each("p.round().long()"),
    "changes_its_arguments": peaks_changes_its_arguments,
    "changes_its_arguments.nan": peaks_changes_its_arguments__nan,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "find_peaks": answers("scoremaps, threshold", PEAKS, globals(), PEAKS_GIVEN),
    **ex04_offsets.KNOWN_WRONG,
}
