"""Stand-ins for the answers to exercise 4."""

import heapq
import math

import torch


def boxes_to_crops(images, boxes_xyxy, crop_size, padding=1.25):
    rows, columns = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    crops, transforms = [images.new_zeros(0, 3, rows, columns)], [images.new_zeros(0, 2, 3)]
    for image, boxes in zip(images, boxes_xyxy, strict=True):
        for left, top, right, bottom in boxes.tolist():
            step = max(padding * max((right - left) / columns, (bottom - top) / rows), 1e-3)
            x = (left + right) / 2 - step * (columns - 1) / 2 + step * torch.arange(columns, dtype=torch.float64)
            y = (top + bottom) / 2 - step * (rows - 1) / 2 + step * torch.arange(rows, dtype=torch.float64)
            transforms.append(image.new_tensor([[[step, 0, float(x[0])], [0, step, float(y[0])]]]))
            crops.append(_sampled(image, x, y)[None])
    return torch.cat(crops), torch.cat(transforms)


def _sampled(image, x, y):
    """Return a map (C, rows, columns), bilinear between pixels, at columns `x` and rows `y`; 0 outside."""
    weights = []
    for places, count in ((y, image.shape[1]), (x, image.shape[2])):
        away = (places[:, None] - torch.arange(count, dtype=places.dtype)).abs()
        weights.append((1 - away).clamp(min=0).to(image.dtype))
    return weights[0] @ image @ weights[1].T


def crops_to_image(keypoints, transforms):
    whole = torch.cat([keypoints, torch.ones_like(keypoints[..., :1])], dim=2)
    return torch.einsum("nij,nkj->nki", transforms, whole)


def find_peaks(scoremaps, threshold):
    return [[_peaks(one, threshold) for one in maps] for maps in scoremaps]


def _peaks(scores, threshold):
    height, width = scores.shape
    table = [[-math.inf if math.isnan(s) else s for s in row] for row in scores.tolist()]

    def at(y, x):
        return table[y][x] if 0 <= y < height and 0 <= x < width else -math.inf

    def around(y, x):
        return [(y + v, x + u) for v in (-1, 0, 1) for u in (-1, 0, 1) if u or v]

    found, seen = [], set()
    for y, x in (scores > threshold).nonzero().tolist():
        if (y, x) in seen or any(at(*next_to) > at(y, x) for next_to in around(y, x)):
            continue
        plateau, summit, left = {(y, x)}, True, [(y, x)]
        while left:  # all pixels of the same height that hang together
            for next_to in around(*left.pop()):
                if at(*next_to) == at(y, x) and next_to not in plateau:
                    plateau.add(next_to)
                    left.append(next_to)
                    summit = summit and not any(at(*further) > at(y, x) for further in around(*next_to))
        seen |= plateau
        if summit:
            dx, dy = (_tip(at(y - b, x - a), at(y, x), at(y + b, x + a)) for a, b in ((1, 0), (0, 1)))
            found.append([x + dx, y + dy, at(y, x)])
    return scores.new_tensor(found).reshape(-1, 3)


def _tip(before, here, after):
    """Return where the parabola through three neighbours is highest, from the middle one."""
    bend = 2 * here - before - after
    return (after - before) / 2 / bend if math.isfinite(bend) and bend > 0 else 0.0


def part_affinity_fields(keypoints, visible, limbs, size, width):
    rows, columns = (torch.arange(n).to(keypoints) for n in size)
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for b, people in enumerate(keypoints):
        for index, (first, last) in enumerate(limbs):
            covered = keypoints.new_zeros(size)
            for person, seen in zip(people, visible[b], strict=True):
                length = float(torch.dist(person[first], person[last]))
                if not (seen[first] and seen[last] and length > 0):
                    continue
                ux, uy = ((person[last] - person[first]) / length).tolist()
                x, y = columns - person[first, 0], (rows - person[first, 1])[:, None]
                along, across = x * ux + y * uy, (x * uy - y * ux).abs()
                inside = (along >= 0) & (along <= length) & (across <= width / 2)
                covered += inside
                fields[b, index, 0] += ux * inside
                fields[b, index, 1] += uy * inside
            fields[b, index] /= covered.clamp(min=1)
    return fields


def affinity_score(field, start, end, num_samples=10):
    start, end = torch.broadcast_tensors(start, end)
    length = torch.hypot(end[..., 0] - start[..., 0], end[..., 1] - start[..., 1])
    total = torch.zeros_like(length)
    for number in range(num_samples):
        at = torch.lerp(start, end, number / max(num_samples - 1, 1)).round().long()
        x, y = at[..., 0].clamp(0, field.shape[2] - 1), at[..., 1].clamp(0, field.shape[1] - 1)
        total = total + field[0, y, x] * (end - start)[..., 0] + field[1, y, x] * (end - start)[..., 1]
    return torch.where(length > 0, total / num_samples / length.clamp(min=1e-12), 0).to(field.dtype)


def match_limbs(starts, ends, scores, threshold=0.0):
    left, pairs = scores.detach().clone(), []
    while left.numel() and float(left.nan_to_num(-math.inf).max()) > threshold:
        i, j = divmod(int(left.nan_to_num(-math.inf).argmax()), left.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -math.inf, -math.inf
    return pairs


def group_people(peaks, fields, limbs):
    edges = [[[] for _ in found] for found in peaks]  # of each peak: (minus the score, keypoint, number) of its links
    for field, (first, last) in zip(fields, limbs, strict=True):
        scores = affinity_score(field, peaks[first][:, None, :2], peaks[last][None, :, :2])
        for i, j in match_limbs(peaks[first], peaks[last], scores, 0.2):
            edges[first][i].append((-float(scores[i, j]), last, j))
            edges[last][j].append((-float(scores[i, j]), first, i))
    taken = [[False] * len(found) for found in peaks]
    order = sorted((-float(peak[2]), k, i) for k, found in enumerate(peaks) for i, peak in enumerate(found))
    rows = []
    for start in order:
        heap, row = [start], fields.new_zeros(len(peaks), 3, dtype=peaks[0].dtype)
        used = set()
        while heap:
            _, k, i = heapq.heappop(heap)
            if not taken[k][i] and k not in used:
                taken[k][i] = True
                used.add(k)
                row[k] = peaks[k][i]
                for edge in edges[k][i]:
                    heapq.heappush(heap, edge)
        rows += [row] if used else []
    return torch.stack(rows) if rows else fields.new_zeros(0, len(peaks), 3)


def add_offsets(peaks, offsets):
    moved = []
    for found, way in zip(peaks, offsets, strict=True):
        centres = found.clone()
        for centre in centres:
            column = min(max(round(float(centre[0])), 0), way.shape[2] - 1)
            row = min(max(round(float(centre[1])), 0), way.shape[1] - 1)
            centre[0], centre[1] = column + way[0, row, column], row + way[1, row, column]
        moved.append(centres)
    return moved
