"""Strangers to exercise 4's crops, peaks, fields and scores."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# boxes_to_crops


def _cut(images, boxes_xyxy, crop_size, change):
    """Cut crops as they are right, but for what `change(box)` gives: centre x, centre y, and the scale of x and y."""
    h, w = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    crops, transforms = [images.new_zeros(0, 3, h, w)], [images.new_zeros(0, 2, 3)]
    for image, boxes in zip(images, boxes_xyxy, strict=True):
        for box in boxes.tolist():
            cx, cy, sx, sy = change(box, h, w)
            A = images.new_tensor([[sx, 0, cx - sx * (w - 1) / 2], [0, sy, cy - sy * (h - 1) / 2]])
            crops.append(_look(image, A, h, w))
            transforms.append(A[None])
    return torch.cat(crops), torch.cat(transforms)


def _look(image, A, h, w, sides=None, **settings):
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = (A[i, 0] * xs + A[i, 1] * ys + A[i, 2] for i in (0, 1))
    height, width = sides or image.shape[1:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1).to(image)
    return F.grid_sample(image[None], grid[None], align_corners=False, **settings)


def _middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _scale(box, h, w, padding):
    return padding * max((box[2] - box[0]) / w, (box[3] - box[1]) / h, 1e-3)


def crops_width_plus_one__detectron(images, boxes_xyxy, crop_size, padding=1.25):
    def change(box, h, w):
        s = padding * max((box[2] - box[0] + 1) / w, (box[3] - box[1] + 1) / h)
        return *_middle(box), s, s

    return _cut(images, boxes_xyxy, crop_size, change)


def crops_normalised_by_the_other_side__grid(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    transforms = _cut(images, boxes_xyxy, crop_size, lambda b, h, w: (*_middle(b), *[_scale(b, h, w, padding)] * 2))[1]
    owners = [i for i, boxes in enumerate(boxes_xyxy) for _ in boxes]
    crops = [_look(images[i], A, h, w, images.shape[:1:-1]) for i, A in zip(owners, transforms, strict=True)]
    return torch.cat([images.new_zeros(0, 3, h, w), *crops]), transforms


def crops_unnamed__whole_centre(images, boxes_xyxy, crop_size, padding=1.25):
    def change(box, h, w):
        cx, cy = _middle(box)
        return round(cx) + 2, round(cy) + 2, *[_scale(box, h, w, padding)] * 2

    return _cut(images, boxes_xyxy, crop_size, change)


def crops_stretched__resize(images, boxes_xyxy, crop_size, padding=1.25):
    def change(box, h, w):
        sides = box[2] - box[0], box[3] - box[1]
        return *_middle(box), max(padding * sides[0] / w, 1e-3), max(padding * sides[1] / h, 1e-3)

    return _cut(images, boxes_xyxy, crop_size, change)


def crops_smaller_scale__min(images, boxes_xyxy, crop_size, padding=1.25):
    def change(box, h, w):
        s = max(padding * min((box[2] - box[0]) / w, (box[3] - box[1]) / h), 1e-3)
        return *_middle(box), s, s

    return _cut(images, boxes_xyxy, crop_size, change)


def crops_longest_sides__pixel_std(images, boxes_xyxy, crop_size, padding=1.25):
    def change(box, h, w):
        s = padding * max(box[2] - box[0], box[3] - box[1], 1e-3) / ((h + w) / 2)
        return *_middle(box), s, s

    return _cut(images, boxes_xyxy, crop_size, change)


def crops_clamped_to_image__clip(images, boxes_xyxy, crop_size, padding=1.25):
    height, width = images.shape[2:]
    clipped = [
        torch.stack(
            [b[:, 0].clamp(0, width), b[:, 1].clamp(0, height), b[:, 2].clamp(0, width), b[:, 3].clamp(0, height)], 1
        )
        for b in boxes_xyxy
    ]
    return _cut(images, clipped, crop_size, lambda b, h, w: (*_middle(b), *[_scale(b, h, w, padding)] * 2))


def crops_border_replicated__opencv(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    transforms = _cut(images, boxes_xyxy, crop_size, lambda b, h, w: (*_middle(b), *[_scale(b, h, w, padding)] * 2))[1]
    owners = [i for i, boxes in enumerate(boxes_xyxy) for _ in boxes]
    crops = [_look(images[i], A, h, w, padding_mode="border") for i, A in zip(owners, transforms, strict=True)]
    return torch.cat([images.new_zeros(0, 3, h, w), *crops]), transforms


# crops_to_image


def back_transposed_matrix__einsum(keypoints, transforms):
    return torch.einsum("nkj,nji->nki", keypoints, transforms[..., :2]) + transforms[:, None, :, 2]


def back_inverse__homogeneous(keypoints, transforms):
    last = transforms.new_tensor([[[0, 0, 1]]]).expand(len(transforms), -1, -1)
    inverse = torch.linalg.inv(torch.cat([transforms, last], dim=1))
    ones = torch.ones_like(keypoints[..., :1])
    return (torch.cat([keypoints, ones], dim=2) @ inverse.mT)[..., :2]


def back_scale_only__multiplied(keypoints, transforms):
    scale = transforms[:, [0, 1], [0, 1]]
    return keypoints * scale[:, None] + transforms[:, None, :, 2]


def back_shift_forgotten__loop(keypoints, transforms):
    moved = torch.zeros_like(keypoints)
    for n, A in enumerate(transforms):
        for k, point in enumerate(keypoints[n]):
            moved[n, k] = A[:, :2] @ point
    return moved


def back_x_y_swapped__rows_first(keypoints, transforms):
    y, x = keypoints.unbind(dim=-1)
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=1)
    return (transforms @ pixels).mT


def back_homogeneous__three_rows(keypoints, transforms):
    last = transforms.new_tensor([[[0, 0, 1]]]).expand(len(transforms), -1, -1)
    pixels = torch.cat([keypoints, torch.ones_like(keypoints[..., :1])], dim=2)
    return torch.einsum("nij,nkj->nki", torch.cat([transforms, last], dim=1), pixels)


# find_peaks


def _rows(y, x, score):
    return torch.stack([x, y, score], dim=1)


def _each_map(scoremaps, of_map):
    return [[of_map(one) for one in image] for image in scoremaps]


def _refined(one, y, x):
    """Return the rows of peaks of a map, refined by parabolas inside of it."""
    rows = [one.new_zeros(0, 3)]
    height, width = one.shape
    for i, j in zip(y.tolist(), x.tolist(), strict=True):
        dx = dy = 0.0
        if 0 < j < width - 1:
            a, b, c = one[i, [j - 1, j, j + 1]].tolist()
            dx = (c - a) / (2 * (2 * b - a - c)) if 2 * b != a + c and math.isfinite(a + c) else 0.0
        if 0 < i < height - 1:
            a, b, c = one[[i - 1, i, i + 1], j].tolist()
            dy = (c - a) / (2 * (2 * b - a - c)) if 2 * b != a + c and math.isfinite(a + c) else 0.0
        rows.append(one.new_tensor([[j + dx, i + dy, one[i, j]]]))
    return torch.cat(rows)


def peaks_four_neighbours_or_plateaus_lost__openpose(scoremaps, threshold):
    def of_map(one):
        p = F.pad(one.nan_to_num(-math.inf, neginf=-math.inf), (1, 1, 1, 1), value=-math.inf)
        here = p[1:-1, 1:-1]
        top = (here > threshold) & (here >= p[1:-1, :-2]) & (here > p[1:-1, 2:]) & (here >= p[:-2, 1:-1])
        top &= here > p[2:, 1:-1]
        return _refined(one, *top.nonzero(as_tuple=True))

    return _each_map(scoremaps, of_map)


def peaks_plateaus_several_times_or_steps_count__centernet(scoremaps, threshold):
    maps = scoremaps.nan_to_num(-math.inf, neginf=-math.inf)
    keep = (F.max_pool2d(maps, 3, 1, 1) == maps) & (maps > threshold)
    return [
        [_refined(one, *top.nonzero(as_tuple=True)) for one, top in zip(image, tops, strict=True)]
        for image, tops in zip(maps, keep, strict=True)
    ]


def peaks_window_too_wide_or_plateaus_several_times_or_steps_count__skimage(scoremaps, threshold):
    def of_map(one):
        values = one.nan_to_num(-math.inf, neginf=-math.inf).numpy()
        top = (ndimage.maximum_filter(values, size=5, mode="constant", cval=-np.inf) == values) & (values > threshold)
        return _refined(one, *torch.from_numpy(top).nonzero(as_tuple=True))

    return _each_map(scoremaps, of_map)


def _one_each(values, threshold):
    """Return one pixel of each plateau of an array that is a summit."""
    around = ndimage.maximum_filter(values, size=3, mode="constant", cval=-np.inf)
    top = (values == around) & (values > threshold)
    edge = values == ndimage.maximum_filter(np.where(top, -np.inf, values), size=3, mode="constant", cval=-np.inf)
    numbers, count = ndimage.label(top, np.ones((3, 3)))
    places = [np.argwhere(numbers == n)[0] for n in range(1, count + 1) if not (edge & (numbers == n)).any()]
    return torch.tensor(np.array(places, dtype=int).reshape(-1, 2)).T


def peaks_fixed_step__hrnet(scoremaps, threshold):
    def of_map(one):
        values = one.nan_to_num(-math.inf, neginf=-math.inf)
        y, x = _one_each(values.numpy(), threshold)
        p = F.pad(values[None], (1, 1, 1, 1), value=-math.inf)[0]
        dx = (p[y + 1, x + 2] - p[y + 1, x]).nan_to_num(0, 0, 0).sign() / 4
        dy = (p[y + 2, x + 1] - p[y, x + 1]).nan_to_num(0, 0, 0).sign() / 4
        return _rows(y + dy, x + dx, one[y, x])

    return _each_map(scoremaps, of_map)


def peaks_score_first__tuples(scoremaps, threshold):
    def of_map(one):
        y, x = _one_each(one.nan_to_num(-math.inf, neginf=-math.inf).numpy(), threshold)
        return _refined(one, y, x)[:, [2, 0, 1]]

    return _each_map(scoremaps, of_map)


def peaks_padded_with_zeros__scipy(scoremaps, threshold):
    def of_map(one):
        values = one.nan_to_num(-math.inf, neginf=-math.inf).numpy()
        padded = np.pad(values, 1)
        top = _one_each(padded, threshold)
        y, x = top - 1
        inside = (y >= 0) & (y < one.shape[0]) & (x >= 0) & (x < one.shape[1])
        return _refined(one, y[inside], x[inside])

    return _each_map(scoremaps, of_map)


def peaks_refined_too_far__no_half(scoremaps, threshold):
    def of_map(one):
        y, x = _one_each(one.nan_to_num(-math.inf, neginf=-math.inf).numpy(), threshold)
        rows = _refined(one, y, x)
        return torch.stack([x + 2 * (rows[:, 0] - x), y + 2 * (rows[:, 1] - y), rows[:, 2]], dim=1).to(one)

    return _each_map(scoremaps, of_map)


def peaks_nan_as_zero__cleaned(scoremaps, threshold):
    def of_map(one):
        clean = one.nan_to_num()
        return _refined(clean, *_one_each(clean.numpy(), threshold))

    return _each_map(scoremaps, of_map)


def peaks_threshold_after_zeroing_or_threshold_unused__heat_times_keep(scoremaps, threshold):
    """Simple baselines: `heat * keep`, and whatever is above the threshold then."""
    maps = scoremaps.nan_to_num(-1e6)
    kept = maps * (F.max_pool2d(maps, 3, 1, 1) == maps)
    return [[_refined(one, *(k > threshold).nonzero(as_tuple=True)) for one, k in zip(image, keep, strict=True)]
            for image, keep in zip(maps, kept, strict=True)]  # fmt: skip


def peaks_no_suppression__above_the_threshold(scoremaps, threshold):
    """Every pixel above the threshold, each moved by its own neighbours."""
    maps = scoremaps.nan_to_num(-math.inf, neginf=-math.inf)
    return [[_refined(one, *(one > threshold).nonzero(as_tuple=True)) for one in image] for image in maps]


# part_affinity_fields


def _fields(keypoints, visible, limbs, size, inside, width):
    """Return fields drawn person by person; `inside(dx, dy, vector, length, width)` says where one is."""
    H, W = size
    ys, xs = torch.meshgrid(torch.arange(H).to(keypoints), torch.arange(W).to(keypoints), indexing="ij")
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, H, W)
    for b in range(len(keypoints)):
        for n, (a, c) in enumerate(limbs):
            count = keypoints.new_zeros(H, W)
            for p in range(keypoints.shape[1]):
                if visible[b, p, a] and visible[b, p, c]:
                    start, end = keypoints[b, p, a], keypoints[b, p, c]
                    length = torch.norm(end - start)
                    if length > 0:
                        v = (end - start) / length
                        there = inside(xs - start[0], ys - start[1], v, length, width)
                        fields[b, n] += there * v[:, None, None]
                        count += there
            fields[b, n] /= count.clamp(min=1)
    return fields


def paf_width_as_half_width_or_whole_line__openpose(keypoints, visible, limbs, size, width):
    """The limb's box grown by the width, and at most a width across, as in many ports of OpenPose."""

    def inside(dx, dy, v, length, width):
        x, y = v * length
        box = (dx >= min(x, 0) - width) & (dx <= max(x, 0) + width)
        box &= (dy >= min(y, 0) - width) & (dy <= max(y, 0) + width)
        return box & ((dx * v[1] - dy * v[0]).abs() <= width)

    return _fields(keypoints, visible, limbs, size, inside, width)


def paf_edge_left_out__strict(keypoints, visible, limbs, size, width):
    def inside(dx, dy, v, length, width):
        along, across = dx * v[0] + dy * v[1], dx * v[1] - dy * v[0]
        return (along > 0) & (along < length) & (across.abs() < width / 2)

    return _fields(keypoints, visible, limbs, size, inside, width)


def paf_round_ends__distance_to_the_segment(keypoints, visible, limbs, size, width):
    def inside(dx, dy, v, length, width):
        along = (dx * v[0] + dy * v[1]).clamp(0).minimum(length)
        return torch.hypot(dx - along * v[0], dy - along * v[1]) <= width / 2

    return _fields(keypoints, visible, limbs, size, inside, width)


def paf_one_side_only__no_abs(keypoints, visible, limbs, size, width):
    def inside(dx, dy, v, length, width):
        along, across = dx * v[0] + dy * v[1], dx * v[1] - dy * v[0]
        return (along >= 0) & (along <= length) & (across <= width / 2)

    return _fields(keypoints, visible, limbs, size, inside, width)


def paf_one_side_only__no_abs_and_strict(keypoints, visible, limbs, size, width):
    def inside(dx, dy, v, length, width):
        along, across = dx * v[0] + dy * v[1], dx * v[1] - dy * v[0]
        return (along > 0) & (along < length) & (across < width / 2)

    return _fields(keypoints, visible, limbs, size, inside, width)


def paf_width_ignored__ceil(keypoints, visible, limbs, size, width):
    return _fields(keypoints, visible, limbs, size, _rectangle, math.ceil(width))


def paf_bounding_box__filled(keypoints, visible, limbs, size, width):
    def inside(dx, dy, v, length, width):
        x, y = v * length
        half = width / 2
        return (dx >= min(x, 0) - half) & (dx <= max(x, 0) + half) & (dy >= min(y, 0) - half) & (dy <= max(y, 0) + half)

    return _fields(keypoints, visible, limbs, size, inside, width)


def _rectangle(dx, dy, v, length, width):
    along, across = dx * v[0] + dy * v[1], dx * v[1] - dy * v[0]
    return (along >= 0) & (along <= length) & (across.abs() <= width / 2)


def paf_divided_by_all_people__of_the_image(keypoints, visible, limbs, size, width):
    fields = [
        _fields(keypoints[:, p : p + 1], visible[:, p : p + 1], limbs, size, _rectangle, width)
        for p in range(keypoints.shape[1])
    ]
    if not fields:
        return keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    return sum(fields) / len(fields)


def paf_direction_reversed__start_minus_end(keypoints, visible, limbs, size, width):
    return -_fields(keypoints, visible, limbs, size, _rectangle, width)


def paf_width_ignored__at_least_one_pixel(keypoints, visible, limbs, size, width):
    return _fields(keypoints, visible, limbs, size, _rectangle, max(round(width), 1))


# affinity_score


def _points(start, end, shares):
    return start[..., None, :] + shares.to(start)[:, None] * (end - start)[..., None, :]


def _looked_up(field, x, y):
    height, width = field.shape[1:]
    return field[:, y.round().long().clamp(0, height - 1), x.round().long().clamp(0, width - 1)]


def _along(field, start, end, points):
    v = F.normalize(end - start, dim=-1)[..., None, :]
    fx, fy = _looked_up(field, points[..., 0], points[..., 1])
    return fx * v[..., 0] + fy * v[..., 1]


def score_ten_points__numpy_style(field, start, end, num_samples=10):
    return _along(field, start, end, _points(start, end, torch.linspace(0, 1, 10))).mean(dim=-1)


def score_unsigned__share_above_then_mean(field, start, end, num_samples=10):
    """OpenPose's criterion: 80 % of the points above 0.05, else the pair is worth nothing."""
    along = _along(field, start, end, _points(start, end, torch.linspace(0, 1, num_samples)))
    good = (along > 0.05).to(along).mean(dim=-1) > 0.8
    return along.mean(dim=-1) * good


def score_distance_prior__openpose(field, start, end, num_samples=10):
    """Long limbs are punished, as in OpenPose: half the field's height over the length, less 1, if below 0."""
    along = _along(field, start, end, _points(start, end, torch.linspace(0, 1, num_samples))).mean(dim=-1)
    length = (end - start).norm(dim=-1).clamp(min=1e-6)
    return along + (0.5 * field.shape[1] / length - 1).clamp(max=0)


def score_cut_off__int(field, start, end, num_samples=10):
    points = _points(start, end, torch.linspace(0, 1, num_samples)).int().to(start)
    return _along(field, start, end, points).mean(dim=-1)


def score_rows_and_columns_swapped__indexed(field, start, end, num_samples=10):
    points = _points(start, end, torch.linspace(0, 1, num_samples)).flip(-1)
    return _along(field, start, end, points).mean(dim=-1)


def score_unsigned__squared(field, start, end, num_samples=10):
    along = _along(field, start, end, _points(start, end, torch.linspace(0, 1, num_samples)))
    return along.square().mean(dim=-1).sqrt()


def score_not_normalised__line_integral(field, start, end, num_samples=10):
    points = _points(start, end, (torch.arange(num_samples) + 0.5) / num_samples)
    fx, fy = _looked_up(field, points[..., 0], points[..., 1])
    dx, dy = ((end - start)[..., None, :]).unbind(dim=-1)
    return (fx * dx + fy * dy).mean(dim=-1)


def score_x_and_y_apart__there_and_back(field, start, end, num_samples=10):
    """y is walked from the end to the start, x from the start to the end."""
    shares = torch.linspace(0, 1, num_samples)
    there, back = _points(start, end, shares), _points(start, end, shares.flip(0))
    return _along(field, start, end, torch.stack([there[..., 0], back[..., 1]], dim=-1)).mean(dim=-1)


STRANGERS = {
    "boxes_to_crops": styles("crops_", globals()),
    "crops_to_image": styles("back_", globals()),
    "find_peaks": styles("peaks_", globals()),
    "part_affinity_fields": styles("paf_", globals()),
    "affinity_score": styles("score_", globals()),
}
