"""Right answers to exercise 5 in many styles: every one must pass every check."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]


# offset_targets


def offsets_loop(masks):
    height, width = masks.shape[1:]
    places = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")).float()
    offsets = torch.zeros(len(masks), 2, height, width)
    for mask, offset in zip(masks, offsets, strict=True):
        for person in mask[mask > 0].unique():
            own = mask == person
            offset[:, own] = places[:, own].mean(dim=1, keepdim=True) - places[:, own]
    return offsets


def offsets_indices(masks):
    offsets = torch.zeros(masks.shape[0], 2, *masks.shape[1:])
    for b in range(len(masks)):
        for number in set(masks[b].flatten().tolist()) - {0}:
            y, x = torch.where(masks[b] == number)
            offsets[b, 0, y, x] = x.float().mean() - x
            offsets[b, 1, y, x] = y.float().mean() - y
    return offsets


def offsets_one_hot(masks):
    """All images at once: numbers are made consecutive over the whole batch."""
    batch, height, width = masks.shape
    image = torch.arange(batch)[:, None, None] * (int(masks.max()) + 1)
    _, owner = (masks + image).unique(return_inverse=True)
    one_hot = F.one_hot(owner).double()  # (B, H, W, S)
    y, x = torch.arange(height, dtype=torch.float64)[:, None], torch.arange(width, dtype=torch.float64)
    places = torch.stack([x.expand(height, width), y.expand(height, width)])  # (2, H, W)
    centres = torch.einsum("bhws,chw->cs", one_hot, places) / one_hot.sum(dim=(0, 1, 2))
    ways = centres[:, owner].transpose(0, 1) - places  # (B, 2, H, W)
    return (ways * (masks > 0)[:, None]).float()


def offsets_numpy(masks):
    found = np.zeros((len(masks), 2, *masks.shape[1:]), np.float32)
    for mask, offset in zip(masks.numpy(), found, strict=True):
        for number in np.unique(mask):
            if number:
                rows, columns = np.nonzero(mask == number)
                offset[0, rows, columns] = columns.mean() - columns
                offset[1, rows, columns] = rows.mean() - rows
    return torch.from_numpy(found)


def offsets_scatter(masks):
    offsets = []
    for mask in masks:
        sums = torch.zeros(int(mask.max()) + 1, 3)
        y, x = mask.nonzero(as_tuple=True)
        who = mask[y, x]
        sums.index_add_(0, who, torch.stack([x, y, torch.ones_like(x)], dim=1).float())
        centres = sums[:, :2] / sums[:, 2:].clamp(min=1)
        offset = torch.zeros(2, *mask.shape)
        offset[:, y, x] = (centres[who] - torch.stack([x, y], dim=1)).T
        offsets.append(offset)
    return torch.stack(offsets)


def offsets_weighted_sums(masks):
    xs, ys = torch.arange(masks.shape[2]).float(), torch.arange(masks.shape[1]).float()[:, None]
    result = torch.zeros(len(masks), 2, *masks.shape[1:])
    for mask, (dx, dy) in zip(masks, result, strict=True):
        for number in mask.unique():
            if number == 0:
                continue
            own = (mask == number).float()
            dx += own * ((own * xs).sum() / own.sum() - xs)
            dy += own * ((own * ys).sum() / own.sum() - ys)
    return result


# group_pixels


def groups_argmin(offsets, person, centres):
    if centres.shape[0] == 0:
        return torch.zeros_like(person, dtype=torch.int64)
    rows, columns = torch.meshgrid(*map(torch.arange, person.shape), indexing="ij")
    aims = torch.stack([columns, rows]) + offsets
    apart = torch.linalg.vector_norm(aims - centres[:, :, None, None], dim=1)
    return torch.where(person, apart.argmin(dim=0) + 1, 0)


def groups_cdist(offsets, person, centres):
    result = torch.zeros(person.shape, dtype=torch.long)
    y, x = person.nonzero(as_tuple=True)
    if len(centres) and len(x):
        aims = torch.stack([x, y], dim=1) + offsets[:, y, x].T
        result[y, x] = torch.cdist(aims, centres).argmin(dim=1) + 1
    return result


def groups_loop_over_pixels(offsets, person, centres):
    ids = torch.zeros(person.shape, dtype=torch.int64)
    for row, column in person.nonzero().tolist():
        x, y = column + float(offsets[0, row, column]), row + float(offsets[1, row, column])
        apart = [math.dist((x, y), centre) for centre in centres.tolist()]
        if apart:
            ids[row, column] = 1 + apart.index(min(apart))
    return ids


def groups_best_so_far(offsets, person, centres):
    height, width = person.shape
    x = torch.arange(width) + offsets[0]
    y = torch.arange(height)[:, None] + offsets[1]
    best, ids = torch.full((height, width), math.inf), torch.zeros(height, width, dtype=torch.int64)
    for number, (cx, cy) in enumerate(centres, start=1):
        apart = torch.hypot(x - cx, y - cy)
        ids[person & (apart < best)] = number
        best = torch.minimum(best, apart.nan_to_num(math.inf))
    return ids


def groups_numpy(offsets, person, centres):
    ids = np.zeros(person.shape, np.int64)
    rows, columns = np.nonzero(person.numpy())
    if len(centres):
        aims = np.stack([columns, rows], 1) + offsets.numpy()[:, rows, columns].T
        apart = ((aims[:, None] - centres.numpy()[None]) ** 2).sum(-1)
        ids[rows, columns] = apart.argmin(1) + 1
    return torch.from_numpy(ids)


def groups_score(offsets, person, centres):
    """By the largest a . c - |c|^2 / 2, which is the nearest c."""
    if not len(centres):
        return torch.zeros(person.shape, dtype=torch.int64)
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in reversed(person.shape)), indexing="xy"))
    aims = (grid + offsets).double()
    centres = centres.double()
    score = torch.einsum("chw,nc->nhw", aims, centres) - centres.square().sum(dim=1)[:, None, None] / 2
    return (score.max(dim=0).indices + 1) * person


# panoptic_quality


def quality_pairs(pred, target):
    total, people = 0.0, 0
    for found, true in zip(pred, target, strict=True):
        ours, theirs = found[found > 0].unique(), true[true > 0].unique()
        people += len(ours) + len(theirs)
        for i in ours:
            for j in theirs:
                both = ((found == i) & (true == j)).sum()
                either = ((found == i) | (true == j)).sum()
                if 2 * both > either:
                    total += (both / either).item()
    return 2 * total / people if people else math.nan


def quality_counts(pred, target):
    tp, fp, fn, total = 0, 0, 0, 0.0
    for image in range(len(pred)):
        found, true = set(pred[image].unique().tolist()) - {0}, set(target[image].unique().tolist()) - {0}
        missed = set(true)
        for number in found:
            mine = pred[image] == number
            for other in true:
                theirs = target[image] == other
                iou = float((mine & theirs).sum()) / float((mine | theirs).sum())
                if iou > 0.5:
                    tp, total = tp + 1, total + iou
                    missed.discard(other)
                    break
            else:
                fp += 1
        fn += len(missed)
    return total / (tp + fp / 2 + fn / 2) if tp + fp + fn else float("nan")


def quality_counter(pred, target):
    """By how often each pair of numbers meets in a pixel."""
    total, people = 0.0, 0
    for found, true in zip(pred, target, strict=True):
        meets = Counter(zip(found.flatten().tolist(), true.flatten().tolist(), strict=True))
        ours, theirs = Counter(found.flatten().tolist()), Counter(true.flatten().tolist())
        people += len(ours.keys() - {0}) + len(theirs.keys() - {0})
        for (i, j), both in meets.items():
            iou = both / (ours[i] + theirs[j] - both)
            if i and j and iou > 0.5:
                total += iou
    return torch.tensor(total / (people / 2) if people else math.nan)


def quality_matrices(pred, target):
    total, people = pred.new_zeros((), dtype=torch.float64), 0
    for found, true in zip(pred, target, strict=True):
        a = found.flatten() == found.unique()[:, None]  # (N, H * W)
        b = true.flatten() == true.unique()[:, None]
        a, b = a[found.unique() > 0].double(), b[true.unique() > 0].double()
        both = a @ b.T
        iou = both / (a.sum(dim=1)[:, None] + b.sum(dim=1) - both)
        total += iou[iou > 0.5].sum()
        people += len(a) + len(b)
    return total / (0.5 * people)


def quality_as_a_product(pred, target):
    ious, sizes = [], []
    for found, true in zip(pred.numpy(), target.numpy(), strict=True):
        ours, theirs = (np.unique(mask[mask != 0]) for mask in (found, true))
        sizes.append(len(ours) + len(theirs))
        for i in ours:
            for j in np.unique(true[(found == i) & (true != 0)]):
                iou = np.mean((true == j)[(found == i) | (true == j)] & (found == i)[(found == i) | (true == j)])
                ious += [iou] * bool(iou > 0.5)
    if not sum(sizes):
        return math.nan
    return (sum(ious) / len(ious)) * (2 * len(ious) / sum(sizes)) if ious else 0.0


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "offset_targets": styles("offsets_", globals()),
    "group_pixels": styles("groups_", globals()),
    "panoptic_quality": styles("quality_", globals()),
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}
