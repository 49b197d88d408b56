"""Right answers to exercise 4's questions about peaks in many styles: every one must pass every check."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from grading.known_wrong.table import answers
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]

INF = math.inf
EIGHT = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


# find_peaks

PEAKS = {
    "filling": "_filling(scoremaps, threshold)",
    "filling_last_pixel": "_filling(scoremaps, threshold, choose=lambda plateau: plateau[-1])",
    "filling_any_pixel": "_filling(scoremaps, threshold, choose=lambda plateau: plateau[len(plateau) // 2])",
    "logarithms": "_filling(scoremaps, threshold, _by_logarithms)",
    "newton": "_filling(scoremaps, threshold, _by_newton)",
    "newton_cut_off": "_filling(scoremaps, threshold, _by_newton_cut_off)",
    "newton_of_logarithms": "_filling(scoremaps, threshold, _by_newton_of_logarithms)",
}


def _parabola(left, here, right):
    """Return where the parabola through three numbers is highest; 0 where that is nowhere."""
    bend = 2 * here - left - right
    return (right - left) / 2 / bend if bend > 0 and math.isfinite(bend) else 0.0


def _at(scores, x, y):
    """Return the score of a pixel, -inf for one that is NaN or does not exist."""
    inside = 0 <= y < len(scores) and 0 <= x < len(scores[0])
    return scores[y][x] if inside and not math.isnan(scores[y][x]) else -INF


def _by_parabolas(scores, x, y):
    here = scores[y][x]
    dx = _parabola(_at(scores, x - 1, y), here, _at(scores, x + 1, y))
    return x + dx, y + _parabola(_at(scores, x, y - 1), here, _at(scores, x, y + 1))


def _by_logarithms(scores, x, y):
    """Put Gaussians through, above the lowest of the scores."""
    lowest = min(score for row in scores for score in row if math.isfinite(score))

    def log(x, y):
        score = _at(scores, x, y)
        return math.log(score - lowest + 1e-6) if score > -INF else -INF

    dx = _parabola(log(x - 1, y), log(x, y), log(x + 1, y))
    return x + dx, y + _parabola(log(x, y - 1), log(x, y), log(x, y + 1))


def _by_newton(scores, x, y):
    """Go to the tip of the paraboloid through all nine, if it has one within the pixel; else as parabolas do."""
    around = [[_at(scores, x + j, y + i) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    if all(math.isfinite(score) for row in around for score in row):
        (a, b, c), (d, e, f), (g, h, i) = around
        slope = np.array([f - d, h - b]) / 2
        cross = (a + i - c - g) / 4
        bend = np.array([[d + f - 2 * e, cross], [cross, b + h - 2 * e]])
        if np.linalg.det(bend) > 1e-9:
            step = -np.linalg.solve(bend, slope)
            if np.abs(step).max() <= 0.5:
                return x + step[0], y + step[1]
    return _by_parabolas(scores, x, y)


def _by_newton_cut_off(scores, x, y, change=lambda score: score):
    """Take one step of Newton's method through all nine, half a pixel at most; none at the border or beside NaN."""
    around = np.array([[_at(scores, x + j, y + i) for j in (-1, 0, 1)] for i in (-1, 0, 1)])
    if not np.isfinite(around).all():
        return _by_parabolas(scores, x, y)
    (a, b, c), (d, e, f), (g, h, i) = change(around)
    bend = np.array([[d + f - 2 * e, (a + i - c - g) / 4], [(a + i - c - g) / 4, b + h - 2 * e]])
    if abs(np.linalg.det(bend)) < 1e-15:
        return x, y
    dx, dy = np.clip(-np.linalg.solve(bend, np.array([f - d, h - b]) / 2), -0.5, 0.5)
    return x + dx, y + dy


def _by_newton_of_logarithms(scores, x, y):
    """As Zhang et al. 2020 decode Gaussians, on the logarithm of what is at least a little above 0."""
    return _by_newton_cut_off(scores, x, y, lambda around: np.log(np.maximum(around, 1e-10)))


def _plateaus(scores, threshold):
    """Give the pixels (x, y) of every summit of nested lists, found by filling from each pixel."""
    seen = set()
    for y, row in enumerate(scores):
        for x, height in enumerate(row):
            if (x, y) in seen or not height > threshold:
                continue
            plateau, summit, queue = [], True, deque([(x, y)])
            seen.add((x, y))
            while queue:
                px, py = queue.popleft()
                plateau.append((px, py))
                for i, j in EIGHT:
                    other = _at(scores, px + j, py + i)
                    summit &= other <= height
                    if other == height and (px + j, py + i) not in seen:
                        seen.add((px + j, py + i))
                        queue.append((px + j, py + i))
            if summit:
                yield plateau


def _filling(scoremaps, threshold, refine=_by_parabolas, choose=lambda plateau: plateau[0]):
    """Return the peaks by filling, refined at a chosen pixel of each plateau."""
    result = []
    for image in scoremaps:
        result.append([])
        for scores in image.tolist():
            rows = []
            for plateau in _plateaus(scores, threshold):
                x, y = choose(plateau)
                rows.append([*refine(scores, x, y), scores[y][x]])
            result[-1].append(torch.tensor(rows, dtype=scoremaps.dtype).reshape(-1, 3))
    return result


def peaks_best_first_in_tuples(scoremaps, threshold):
    found = _filling(scoremaps, threshold)
    return tuple(tuple(peaks[peaks[:, 2].argsort(descending=True)] for peaks in image) for image in found)


def peaks_middle_of_plateaus(scoremaps, threshold):
    """Take the mean place of a plateau, and refine single pixels only."""
    result = []
    for image in scoremaps:
        result.append([])
        for scores in image.tolist():
            rows = []
            for plateau in _plateaus(scores, threshold):
                (x, y), height = plateau[0], scores[plateau[0][1]][plateau[0][0]]
                middle = tuple(sum(axis) / len(plateau) for axis in zip(*plateau, strict=True))
                rows.append((*(middle if len(plateau) > 1 else _by_parabolas(scores, x, y)), height))
            result[-1].append(torch.tensor(rows, dtype=scoremaps.dtype) if rows else scoremaps.new_zeros(0, 3))
    return result


def peaks_middle_of_boxes(scoremaps, threshold):
    """Take the middle of the box around a plateau, in NumPy and SciPy."""
    maps = np.where(np.isnan(scoremaps.numpy()), -INF, scoremaps.numpy())
    result = [[[] for _ in image] for image in maps]
    for (b, k), scores in ((place, maps[place]) for place in np.ndindex(maps.shape[:2])):
        top = (scores == ndimage.maximum_filter(scores, 3, mode="constant", cval=-INF)) & (scores > threshold)
        numbers, _ = ndimage.label(top, np.ones((3, 3)))
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbers), 1):
            plateau = numbers == number
            height = scores[plateau][0]
            around = ndimage.binary_dilation(plateau, np.ones((3, 3)))
            if (around & (scores == height) & ~plateau).any():
                continue
            x, y = (columns.start + columns.stop - 1) / 2, (rows.start + rows.stop - 1) / 2
            if plateau.sum() == 1:
                x, y = _by_parabolas(scores.tolist(), int(x), int(y))
            result[b][k].append((x, y, height))
    return [[torch.tensor(p, dtype=scoremaps.dtype).view(-1, 3) for p in image] for image in result]


def peaks_spread_numbers(scoremaps, threshold):
    """Give every pixel of a plateau the highest number of its pixels, passed on from neighbour to neighbour."""
    maps = torch.where(scoremaps.isnan(), -INF, scoremaps)
    height, width = maps.shape[2:]
    number = torch.arange(1.0, height * width + 1, dtype=torch.float64).view(height, width).expand(maps.shape).clone()

    def neighbours(values, fill):
        padded = F.pad(values, (1, 1, 1, 1), value=fill)
        return torch.stack([padded[..., 1 + i : 1 + i + height, 1 + j : 1 + j + width] for i, j in EIGHT])

    higher = (neighbours(maps, -INF) > maps).any(dim=0)
    number[higher] = INF  # a step
    equal = neighbours(maps, math.nan) == maps
    while True:
        passed = torch.maximum(number, torch.where(equal, neighbours(number, 0.0), 0.0).amax(dim=0))
        if torch.equal(passed, number):
            break
        number = passed
    own = torch.arange(1.0, height * width + 1, dtype=torch.float64).view(height, width)
    b, k, y, x = ((number == own) & (maps > threshold)).nonzero(as_tuple=True)
    cross = F.pad(maps, (1, 1, 1, 1), value=math.nan)
    here = maps[b, k, y, x]

    def tip(before, after):
        found = (after - before) / 2 / (2 * here - before - after)
        return torch.where(found.isfinite(), found, 0)

    dx = tip(cross[b, k, y + 1, x], cross[b, k, y + 1, x + 2])
    dy = tip(cross[b, k, y, x + 1], cross[b, k, y + 2, x + 1])
    rows = torch.stack([x + dx, y + dy, here], dim=1)
    return [[rows[(b == i) & (k == j)] for j in range(maps.shape[1])] for i in range(len(maps))]


def peaks_reconstruction(scoremaps, threshold):
    """Let a map that is a little lower grow below the map: where it does not reach it, there are summits."""
    result = []
    for image in torch.nan_to_num(scoremaps, nan=-1e30).numpy().astype(np.float64):
        result.append([])
        for scores in image:
            grown = np.nextafter(scores, -INF)
            while True:
                larger = np.minimum(ndimage.maximum_filter(grown, 3, mode="nearest"), scores)
                if (larger == grown).all():
                    break
                grown = larger
            numbers, count = ndimage.label((scores > grown) & (scores > threshold), np.ones((3, 3)))
            rows = []
            for y, x in ndimage.maximum_position(scores, numbers, range(1, count + 1)):
                nested = np.where(scores == -1e30, -INF, scores).tolist()
                rows.append((*_by_parabolas(nested, int(x), int(y)), scores[y, x]))
            result[-1].append(torch.tensor(np.array(rows).reshape(-1, 3), dtype=scoremaps.dtype))
    return result


def peaks_water_level(scoremaps, threshold):
    """Go down from the highest pixel, join each with what is there already: what starts alone is a summit."""
    result = []
    for image in scoremaps:
        result.append([])
        for scores in image.tolist():
            pixels = [(s, x, y) for y, row in enumerate(scores) for x, s in enumerate(row) if s > threshold]
            summit_of, rows = {}, {}
            for s, x, y in sorted(pixels, reverse=True):
                beside = {summit_of[x + j, y + i] for i, j in EIGHT if (x + j, y + i) in summit_of}
                level = {name for name in beside if rows.get(name, (0, 0, INF))[2] == s}
                for name in level if beside - level else sorted(level)[1:]:
                    rows.pop(name)  # joined with another of the same height, or with something higher
                new = next(iter(beside - level), None) or (min(level) if level else (x, y))
                for place, name in list(summit_of.items()):
                    summit_of[place] = new if name in level else name
                summit_of[x, y] = new
                if not beside:
                    rows[x, y] = (*_by_parabolas(scores, x, y), s)
            result[-1].append(torch.tensor(list(rows.values()), dtype=scoremaps.dtype).reshape(-1, 3))
    return result


def peaks_pooled_with_gradient(scoremaps, threshold):
    """Work on maps that carry a gradient, one pixel of each plateau by the number of its label."""
    maps = torch.nan_to_num(scoremaps, nan=-INF).requires_grad_()
    result = []
    for image in maps:
        result.append([])
        for scores in image:
            with torch.no_grad():
                pooled = F.max_pool2d(scores[None], 3, stride=1, padding=1)[0]
                level = scores == pooled
                numbers = torch.from_numpy(ndimage.label(level.numpy(), np.ones((3, 3), int))[0])
                slope = (F.max_pool2d(torch.where(level, -INF, scores)[None], 3, 1, 1)[0] == scores) & level
            rows = [scores.new_zeros(0, 3)]
            for number in numbers.unique().tolist():
                on = numbers == number
                y, x = on.nonzero()[-1].tolist()
                if number == 0 or slope[on].any() or not scores[y, x] > threshold:
                    continue
                place = [torch.as_tensor(float(v)) for v in _by_parabolas(scores.detach().tolist(), x, y)]
                rows.append(torch.stack([*(v.to(scores.dtype) for v in place), scores[y, x]])[None])
            result[-1].append(torch.cat(rows))
    return result


# add_offsets


def offsets_gathered(peaks, offsets):
    K, _, H, W = offsets.shape
    result = []
    for k in range(K):
        x = peaks[k][:, 0].round().long().clamp(0, W - 1)
        y = peaks[k][:, 1].round().long().clamp(0, H - 1)
        vector = offsets[k].flatten(1)[:, y * W + x].T
        result.append(torch.cat([torch.stack([x, y], dim=1) + vector, peaks[k][:, 2:]], dim=1).to(peaks[k].dtype))
    return result


def offsets_loop(peaks, offsets):
    result = []
    for found, offset in zip(peaks, offsets, strict=True):
        rows = []
        for x, y, score in found.tolist():
            column = min(max(round(x), 0), offset.shape[2] - 1)
            row = min(max(round(y), 0), offset.shape[1] - 1)
            dx, dy = offset[:, row, column].tolist()
            rows.append((column + dx, row + dy, score))
        result.append(torch.tensor(rows, dtype=found.dtype).reshape(-1, 3))
    return result


def offsets_numpy(peaks, offsets):
    result = []
    for found, (dx, dy) in zip(peaks, offsets.numpy(), strict=True):
        moved = found.numpy().copy()
        x, y = np.rint(np.clip(moved[:, 0], 0, dx.shape[1] - 1)), np.rint(np.clip(moved[:, 1], 0, dx.shape[0] - 1))
        pixel = y.astype(int), x.astype(int)
        moved[:, 0], moved[:, 1] = x + dx[pixel], y + dy[pixel]
        result.append(torch.from_numpy(moved))
    return result


def offsets_floor_of_half_more(peaks, offsets):
    last = torch.tensor([offsets.shape[3] - 1, offsets.shape[2] - 1])

    def move(found, offset):
        pixel = (found[:, :2] + 0.5).floor().long().clamp(min=torch.zeros(2).long(), max=last)
        moved = found.clone()
        moved[:, :2] = pixel + offset[:, pixel[:, 1], pixel[:, 0]].T
        return moved

    return tuple(move(found, offset) for found, offset in zip(peaks, offsets, strict=True))


def offsets_sampled(peaks, offsets):
    height, width = offsets.shape[2:]
    result = []
    for found, offset in zip(peaks, offsets, strict=True):
        size = found.new_tensor([width, height])
        grid = ((2 * found[:, :2].round() + 1) / size - 1).view(1, 1, -1, 2)
        if len(found):
            vector = F.grid_sample(offset[None], grid, mode="nearest", padding_mode="border", align_corners=False)
            pixel = torch.minimum(found[:, :2].round().clamp(min=0), size - 1)
            found = torch.cat([pixel + vector[0, :, 0].T, found[:, 2:]], dim=1)
        result.append(found)
    return result


def offsets_all_at_once(peaks, offsets):
    counts = [len(found) for found in peaks]
    together = torch.cat(peaks)
    k = torch.repeat_interleave(torch.arange(len(peaks)), torch.tensor(counts))
    x = together[:, 0].round().clamp(0, offsets.shape[-1] - 1)
    y = together[:, 1].round().clamp(0, offsets.shape[-2] - 1)
    dx, dy = offsets[k, :, y.long(), x.long()].unbind(dim=1)
    return list(torch.stack([x + dx, y + dy, together[:, 2]], dim=1).split(counts))


def offsets_nearest_centre(peaks, offsets):
    """Search the nearest of all pixel centres."""
    height, width = offsets.shape[2:]
    centres = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(1).to(offsets.dtype)
    result = []
    for found, offset in zip(peaks, offsets, strict=True):
        nearest = torch.cdist(found[:, :2], centres).argmin(dim=1)
        result.append(torch.cat([centres[nearest] + offset.flatten(1).T[nearest], found[:, 2:]], dim=1))
    return result


def offsets_moved_maps(peaks, offsets):
    """Add the grid to the offsets first, and look up places then."""
    K, _, H, W = offsets.shape
    grid = torch.stack(torch.meshgrid(torch.arange(W), torch.arange(H), indexing="xy")).to(offsets.dtype)
    places = offsets + grid
    out = []
    for k in range(K):
        index = [p.round().long().clamp(0, n - 1) for p, n in ((peaks[k][:, 1], H), (peaks[k][:, 0], W))]
        out.append(torch.column_stack([places[k, 0][tuple(index)], places[k, 1][tuple(index)], peaks[k][:, 2]]))
    return out


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "find_peaks": answers("scoremaps, threshold", {**PEAKS, **styles("peaks_", globals())}, globals()),
    "add_offsets": styles("offsets_", globals()),
}
REFERENCES = {
    "find_peaks": RIGHT_VARIANTS["find_peaks"]["spread_numbers"],
    "add_offsets": RIGHT_VARIANTS["add_offsets"]["all_at_once"],
}
