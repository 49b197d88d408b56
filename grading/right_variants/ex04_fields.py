"""Right answers to exercise 4's questions about part affinity fields, in many styles: all must pass every check."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from grading.known_wrong.table import answers
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]


# part_affinity_fields


def paf_limb_by_limb(keypoints, visible, limbs, size, width):
    height, width_of_field = size
    x = torch.arange(width_of_field).to(keypoints)
    y = torch.arange(height).to(keypoints)[:, None]
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    for index, (a, b) in enumerate(limbs):
        there = (visible[:, :, a] & visible[:, :, b])[..., None]
        start, end = (torch.where(there, keypoints[:, :, k], 0) for k in (a, b))
        length = (end - start).norm(dim=-1)[..., None, None]
        ux, uy = F.normalize(end - start, dim=-1)[..., None, None].unbind(dim=2)
        dx, dy = x - start[..., 0, None, None], y - start[..., 1, None, None]
        along, across = dx * ux + dy * uy, dy * ux - dx * uy
        inside = (along >= 0) & (along <= length) & (across.abs() <= width / 2) & (length > 0)
        inside &= there[..., None]
        count = inside.sum(dim=1).clamp(min=1)
        fields[:, index, 0] = (inside * ux).sum(dim=1) / count
        fields[:, index, 1] = (inside * uy).sum(dim=1) / count
    return fields


def paf_loop_over_pixels(keypoints, visible, limbs, size, width):
    fields = torch.zeros(len(keypoints), len(limbs), 2, *size, dtype=torch.float64)
    for image in range(len(keypoints)):
        for index, (a, b) in enumerate(limbs):
            drawn = []
            for person, seen in zip(keypoints[image].tolist(), visible[image].tolist(), strict=True):
                if seen[a] and seen[b] and person[a] != person[b]:
                    drawn.append((person[a], person[b]))
            for row in range(size[0]):
                for column in range(size[1]):
                    found = []
                    for (ax, ay), (bx, by) in drawn:
                        length = math.hypot(bx - ax, by - ay)
                        ux, uy = (bx - ax) / length, (by - ay) / length
                        along = ux * (column - ax) + uy * (row - ay)
                        across = ux * (row - ay) - uy * (column - ax)
                        if 0 <= along <= length and -width / 2 <= across <= width / 2:
                            found.append((ux, uy))
                    for axis in range(2):
                        if found:
                            fields[image, index, axis, row, column] = sum(u[axis] for u in found) / len(found)
    return fields.to(keypoints.dtype)


def paf_person_by_person(keypoints, visible, limbs, size, width):
    y, x = torch.meshgrid(*(torch.arange(n, dtype=keypoints.dtype) for n in size), indexing="ij")
    images = []
    for people, seen in zip(keypoints, visible, strict=True):
        fields = []
        for a, b in limbs:
            total, count = torch.zeros(2, *size, dtype=keypoints.dtype), torch.zeros(size, dtype=keypoints.dtype)
            for person, there in zip(people, seen, strict=True):
                if not (there[a] and there[b]):
                    continue
                vector = person[b] - person[a]
                length = torch.linalg.vector_norm(vector)
                if length == 0:
                    continue
                u = vector / length
                along = u[0] * (x - person[a, 0]) + u[1] * (y - person[a, 1])
                across = torch.abs(u[0] * (y - person[a, 1]) - u[1] * (x - person[a, 0]))
                mask = (along >= 0) & (along <= length) & (across <= width / 2)
                total[:, mask] += u[:, None]
                count[mask] += 1
            fields.append(torch.where(count > 0, total / count, torch.zeros(())))
        images.append(torch.stack(fields))
    return torch.stack(images)


def paf_all_at_once(keypoints, visible, limbs, size, width):
    """One tensor (B, P, L, H, W) for everything."""
    a, b = torch.tensor(limbs).T
    there = visible[:, :, a] & visible[:, :, b]
    start = keypoints[:, :, a].masked_fill(~there[..., None], 0)
    vector = keypoints[:, :, b].masked_fill(~there[..., None], 0) - start
    length = vector.square().sum(dim=-1).sqrt()
    there = there & (length > 0)
    unit = vector / length.clamp(min=1e-9)[..., None]
    grid = torch.stack(torch.meshgrid(*(torch.arange(n).to(keypoints) for n in size), indexing="ij")[::-1], dim=-1)
    offset = grid - start[:, :, :, None, None]
    along = torch.einsum("bplhwc,bplc->bplhw", offset, unit)
    across = torch.einsum("bplhwc,bplc->bplhw", offset, torch.stack([-unit[..., 1], unit[..., 0]], dim=-1))
    length, there = length[..., None, None], there[..., None, None]
    inside = there & (along >= 0) & (along <= length) & (across.abs() <= width / 2)
    total = torch.einsum("bplhw,bplc->blchw", inside.to(unit), unit)
    return total / inside.sum(dim=1).clamp(min=1)[:, :, None]


def paf_share_of_the_way(keypoints, visible, limbs, size, width):
    """Where a pixel lies as a share of the limb, without a unit vector."""
    y, x = (torch.arange(n).to(keypoints).view(shape) for n, shape in zip(size, ((-1, 1), (1, -1)), strict=True))
    fields = []
    for a, b in limbs:
        there = (visible[..., a] & visible[..., b])[..., None, None]
        ax, ay = (keypoints[:, :, a, c, None, None] for c in (0, 1))
        vx, vy = (keypoints[:, :, b, c, None, None] for c in (0, 1))
        vx, vy = vx - ax, vy - ay
        squared = vx * vx + vy * vy
        share = ((x - ax) * vx + (y - ay) * vy) / squared
        cross = ((y - ay) * vx - (x - ax) * vy).abs()
        inside = there & (squared > 0) & (share >= 0) & (share <= 1) & (cross <= width / 2 * squared.sqrt())
        count = inside.sum(dim=1).clamp(min=1)
        parts = [torch.where(inside, v / squared.sqrt(), 0).sum(dim=1) / count for v in (vx, vy)]
        fields.append(torch.stack(parts, dim=1))
    return torch.stack(fields, dim=1)


def paf_numpy(keypoints, visible, limbs, size, width):
    points, seen = keypoints.numpy(), visible.numpy()
    y, x = np.indices(size)
    fields = np.zeros((len(points), len(limbs), 2, *size), dtype=points.dtype)
    for image in range(len(points)):
        for index, (a, b) in enumerate(limbs):
            count = np.zeros(size, dtype=int)
            for person in np.flatnonzero(seen[image, :, a] & seen[image, :, b]):
                start, end = points[image, person, [a, b]].astype(np.float64)
                length = np.linalg.norm(end - start)
                if length < 1e-9:
                    continue
                u = (end - start) / length
                along = (x - start[0]) * u[0] + (y - start[1]) * u[1]
                across = (x - start[0]) * u[1] - (y - start[1]) * u[0]
                mask = (along >= 0) & (along <= length) & (np.abs(across) <= width / 2)
                fields[image, index][:, mask] += u[:, None]
                count += mask
            fields[image, index] /= np.maximum(count, 1)
    return torch.from_numpy(fields)


def paf_from_the_middle(keypoints, visible, limbs, size, width):
    """A rectangle is what is near enough to its middle along both of its axes."""
    height, columns = size
    fields = []
    for a, b in limbs:
        there = visible[:, :, a] & visible[:, :, b]
        start, end = (keypoints[:, :, k].where(there[..., None], torch.zeros(())) for k in (a, b))
        there = there & (start != end).any(dim=-1)
        middle, length = (start + end) / 2, torch.dist(start, start) + (end - start).norm(dim=-1)
        u = (end - start) / length.where(there, torch.ones(()))[..., None]
        dx = torch.arange(columns).to(keypoints) - middle[..., 0, None]
        dy = torch.arange(height).to(keypoints) - middle[..., 1, None]
        along = (u[..., 0, None] * dx)[..., None, :] + (u[..., 1, None] * dy)[..., None]
        across = (u[..., 0, None] * dy)[..., None] - (u[..., 1, None] * dx)[..., None, :]
        inside = (along.abs() <= length[..., None, None] / 2) & (across.abs() <= width / 2) & there[..., None, None]
        drawn = inside[:, :, None] * u[..., None, None]
        fields.append(drawn.sum(dim=1) / inside.sum(dim=1, keepdim=True).clamp(min=1))
    return torch.stack(fields, dim=1)


def paf_half_planes(keypoints, visible, limbs, size, width):
    """Inside of four edges, with a little more for what lies on one."""
    y, x = torch.meshgrid(*(torch.arange(n).to(keypoints) for n in size), indexing="ij")
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    count = keypoints.new_zeros(len(keypoints), len(limbs), 1, *size)
    for index, (a, b) in enumerate(limbs):
        for image, person in (visible[:, :, a] & visible[:, :, b]).nonzero().tolist():
            start, end = keypoints[image, person, a], keypoints[image, person, b]
            if torch.equal(start, end):
                continue
            u = (end - start) / torch.linalg.norm(end - start)
            sides = []
            for corner, normal in (
                (start, u),
                (end, -u),
                (start + width / 2 * torch.stack([-u[1], u[0]]), torch.stack([u[1], -u[0]])),
                (start - width / 2 * torch.stack([-u[1], u[0]]), torch.stack([-u[1], u[0]])),
            ):
                sides.append((x - corner[0]) * normal[0] + (y - corner[1]) * normal[1] >= -1e-5)
            inside = torch.stack(sides).all(dim=0)
            fields[image, index] += u[:, None, None] * inside
            count[image, index] += inside
    return torch.where(count > 0, fields / count.clamp(min=1), fields)


def paf_complex_numbers(keypoints, visible, limbs, size, width):
    """Turned by its direction, a limb lies on the real axis."""
    pixels = torch.complex(
        torch.arange(size[1]).to(keypoints).expand(size), torch.arange(size[0]).to(keypoints)[:, None].expand(size)
    )
    places = torch.complex(keypoints[..., 0], keypoints[..., 1])
    fields = []
    for a, b in limbs:
        there = visible[:, :, a] & visible[:, :, b] & (places[:, :, a] != places[:, :, b])
        way = torch.where(there, places[:, :, b] - places[:, :, a], 1)
        unit = way / way.abs()
        turned = (pixels - places[:, :, a, None, None]) * unit.conj()[..., None, None]
        inside = (turned.real >= 0) & (turned.real <= way.abs()[..., None, None])
        inside &= (turned.imag.abs() <= width / 2) & there[..., None, None]
        total = torch.where(inside, unit[..., None, None], 0).sum(dim=1)
        total = total / inside.sum(dim=1).clamp(min=1)
        fields.append(torch.view_as_real(total).movedim(-1, 1))
    return torch.stack(fields, dim=1)


def paf_running_mean(keypoints, visible, limbs, size, width):
    """Person after person: the old mean and the new vector by their weights."""
    batch, people = visible.shape[:2]
    mean, count = keypoints.new_zeros(batch, len(limbs), 2, *size), keypoints.new_zeros(batch, len(limbs), 1, *size)
    for person in range(people):
        one = paf_limb_by_limb(keypoints[:, person : person + 1], visible[:, person : person + 1], limbs, size, width)
        covered = (one != 0).any(dim=2, keepdim=True)
        count += covered
        mean = torch.where(covered, mean + (one - mean) / count.clamp(min=1), mean)
    return mean


def paf_nanmean(keypoints, visible, limbs, size, width):
    """NaN where a limb is not, and the mean of what is left."""
    if keypoints.shape[1] == 0:
        return keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    alone = []
    for person in range(keypoints.shape[1]):
        one = paf_all_at_once(keypoints[:, person : person + 1], visible[:, person : person + 1], limbs, size, width)
        alone.append(torch.where((one == 0).all(dim=2, keepdim=True), math.nan, one))
    return torch.stack(alone).nanmean(dim=0).nan_to_num()


def paf_angles(keypoints, visible, limbs, size, width):
    y, x = torch.meshgrid(*(torch.arange(n).to(keypoints) for n in size), indexing="ij")
    safe = keypoints.nan_to_num()
    fields = []
    for a, b in limbs:
        vector = safe[:, :, b] - safe[:, :, a]
        angle = torch.atan2(vector[..., 1], vector[..., 0])[..., None, None]
        length = torch.hypot(vector[..., 0], vector[..., 1])[..., None, None]
        dx, dy = x - safe[:, :, a, 0, None, None], y - safe[:, :, a, 1, None, None]
        along, across = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
        inside = (visible[:, :, a] & visible[:, :, b])[..., None, None] & (length > 0)
        inside = inside & (along >= 0) & (along <= length) & (across.abs() <= width / 2)
        count = inside.sum(dim=1).clamp(min=1)
        fields.append(torch.stack([(inside * f(angle)).sum(dim=1) / count for f in (torch.cos, torch.sin)], dim=1))
    return torch.stack(fields, dim=1)


# affinity_score


def score_nearest(field, start, end, num_samples=10):
    height, width = field.shape[-2:]
    vector = end - start
    unit = F.normalize(vector, dim=-1)
    share = torch.linspace(0, 1, num_samples, dtype=start.dtype).view(-1, 1)
    x, y = (start[..., None, :] + share * vector[..., None, :]).unbind(dim=-1)
    column, row = x.round().long().clamp(0, width - 1), y.round().long().clamp(0, height - 1)
    return (field[0, row, column] * unit[..., :1] + field[1, row, column] * unit[..., 1:]).mean(dim=-1)


def _points(share, start, end):
    """Return points (..., S, 2)."""
    share = share.to(start)[:, None]
    return start[..., None, :] * (1 - share) + end[..., None, :] * share


def _dots(vectors, start, end):
    """Return the mean of the dot products of vectors (..., S, 2) with the unit vector of each segment."""
    vector = end - start
    length = vector.norm(dim=-1, keepdim=True)
    unit = torch.where(length > 0, vector / length.clamp(min=1e-9), torch.zeros_like(vector))
    return torch.einsum("...sc,...c->...", vectors, unit) / vectors.shape[-2]


def _at_pixels(field, points):
    height, width = field.shape[-2:]
    limit = torch.tensor([width - 1, height - 1]).to(points)
    column, row = torch.minimum(points.clamp(min=0), limit).round().long().unbind(dim=-1)
    return field[:, row, column].movedim(0, -1)


def _between_pixels(field, points):
    height, width = field.shape[-2:]
    x, y = points[..., 0].clamp(0, width - 1), points[..., 1].clamp(0, height - 1)
    x0, y0 = x.floor().long().clamp(max=width - 2), y.floor().long().clamp(max=height - 2)
    fx, fy = x - x0, y - y0
    top = field[:, y0, x0] * (1 - fx) + field[:, y0, x0 + 1] * fx
    bottom = field[:, y0 + 1, x0] * (1 - fx) + field[:, y0 + 1, x0 + 1] * fx
    return (top * (1 - fy) + bottom * fy).movedim(0, -1)


def _grid_sampled(field, points, **settings):
    height, width = field.shape[-2:]
    size = torch.tensor([width, height]).to(points)
    grid = 2 * points / (size - 1) - 1 if settings["align_corners"] else (2 * points + 1) / size - 1
    found = F.grid_sample(field[None], grid.reshape(1, 1, -1, 2), padding_mode="border", **settings)
    return found.view(2, -1).T.reshape(points.shape)


def _by(look, field, share, start, end, **settings):
    """Return scores whose samples `look(field, points)` takes at these shares of the way."""
    return _dots(look(field, _points(share, start, end), **settings), start, end)


SCORE = {
    "nearest_middles": "_by(_at_pixels, field, (torch.arange(num_samples) + 0.5) / num_samples, start, end)",
    "nearest_without_ends": "_by(_at_pixels, field, torch.linspace(0, 1, num_samples + 2)[1:-1], start, end)",
    "nearest_without_the_last": "_by(_at_pixels, field, torch.arange(num_samples) / num_samples, start, end)",
    "nearest_without_the_first": "_by(_at_pixels, field, torch.arange(1, num_samples + 1) / num_samples, start, end)",
    "nearest_half_up": (
        "_dots(_at_pixels(field, (_points(torch.linspace(0, 1, num_samples), start, end) + 0.5).floor()), start, end)"
    ),
    "bilinear": "_by(_between_pixels, field, torch.linspace(0, 1, num_samples), start, end)",
    "bilinear_middles": "_by(_between_pixels, field, (torch.arange(num_samples) + 0.5) / num_samples, start, end)",
    "bilinear_without_ends": "_by(_between_pixels, field, torch.linspace(0, 1, num_samples + 2)[1:-1], start, end)",
    "grid_sample": "_by(_grid_sampled, field, torch.linspace(0, 1, num_samples), start, end, align_corners=True)",
    "grid_sample_from_the_edges": (
        "_by(_grid_sampled, field, torch.linspace(0, 1, num_samples), start, end, align_corners=False)"
    ),
    "grid_sample_nearest": (
        "_by(_grid_sampled, field, torch.linspace(0, 1, num_samples), start, end, mode='nearest', align_corners=True)"
    ),
}


def score_scipy(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)
    start, end = (place.expand(shape) for place in (start, end))
    x, y = _points(torch.linspace(0, 1, num_samples), start, end).double().numpy().transpose(-1, *range(len(shape)))
    parts = [ndimage.map_coordinates(part, [y, x], order=1, mode="nearest") for part in field.double().numpy()]
    vectors = torch.from_numpy(np.stack(parts, axis=-1)).reshape(*shape[:-1], num_samples, 2)
    return _dots(vectors, start.double(), end.double()).to(field.dtype)


def score_loop(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)
    start, end = (place.expand(shape).reshape(-1, 2).tolist() for place in (start, end))
    height, width = field.shape[-2:]
    scores = []
    for (ax, ay), (bx, by) in zip(start, end, strict=True):
        length, total = math.hypot(bx - ax, by - ay), 0.0
        for i in range(num_samples):
            x, y = (a + (b - a) * i / (num_samples - 1) for a, b in ((ax, bx), (ay, by)))
            column, row = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
            fx, fy = field[:, row, column].tolist()
            if length > 0:
                total += (fx * (bx - ax) + fy * (by - ay)) / length
        scores.append(total / num_samples)
    return torch.tensor(scores, dtype=field.dtype).view(shape[:-1])


def score_numpy(field, start, end, num_samples=10):
    values, a, b = field.numpy(), start.numpy(), end.numpy()
    length = np.linalg.norm(b - a, axis=-1)
    total = 0
    for share in np.linspace(0, 1, num_samples):
        place = a + share * (b - a)
        column = np.clip(np.rint(place[..., 0]), 0, values.shape[2] - 1).astype(int)
        row = np.clip(np.rint(place[..., 1]), 0, values.shape[1] - 1).astype(int)
        total = total + values[0, row, column] * (b - a)[..., 0] + values[1, row, column] * (b - a)[..., 1]
    with np.errstate(invalid="ignore"):
        score = np.where(length > 0, total / num_samples / np.where(length > 0, length, 1), 0)
    return torch.from_numpy(np.asarray(score, dtype=values.dtype))


def score_flat_index(field, start, end, num_samples=10):
    """Index of a pixel in the flat map, one gather for both components, and a small number below the line."""
    height, width = field.shape[-2:]
    start, end = torch.broadcast_tensors(start, end)
    points = torch.lerp(start[..., None, :], end[..., None, :], torch.linspace(0, 1, num_samples).to(start)[:, None])
    index = points[..., 1].round().clamp(0, height - 1) * width + points[..., 0].round().clamp(0, width - 1)
    vectors = field.flatten(1)[:, index.long().flatten()].view(2, *index.shape)
    unit = (end - start) / ((end - start).norm(dim=-1, keepdim=True) + 1e-8)
    return (vectors.mean(dim=-1) * unit.movedim(-1, 0)).sum(dim=0)


def score_cosine_of_the_way(field, start, end, num_samples=10):
    """The mean vector's size by the cosine between it and the segment."""
    mean = _at_pixels(field, _points(torch.linspace(0, 1, num_samples), start, end)).mean(dim=-2)
    vector = (end - start).expand_as(mean)
    return mean.norm(dim=-1) * F.cosine_similarity(mean, vector, dim=-1)


def score_nan_to_num(field, start, end, num_samples=10):
    vectors = _at_pixels(field, _points(torch.linspace(0, 1, num_samples), start, end))
    unit = ((end - start) / torch.hypot(*(end - start).unbind(dim=-1))[..., None]).nan_to_num()
    return (vectors * unit[..., None, :]).sum(dim=-1).mean(dim=-1)


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "part_affinity_fields": styles("paf_", globals()),
    "affinity_score": answers("field, start, end, num_samples=10", {**styles("score_", globals()), **SCORE}, globals()),
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}
