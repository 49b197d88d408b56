"""Strangers to exercise 5."""

from __future__ import annotations

import math

import numpy as np
import torch

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# offset_targets


def offsets_away_from_the_centre__numpy(masks):
    result = np.zeros((len(masks), 2, *masks.shape[1:]), dtype=np.float32)
    for b, mask in enumerate(masks.numpy()):
        for number in np.unique(mask)[np.unique(mask) > 0]:
            rows, columns = np.where(mask == number)
            result[b, 0, rows, columns] = columns - columns.mean()
            result[b, 1, rows, columns] = rows - rows.mean()
    return torch.from_numpy(result)


def offsets_rows_first__nonzero(masks):
    result = torch.zeros(len(masks), 2, *masks.shape[1:])
    for b in range(len(masks)):
        for number in masks[b].unique().tolist():
            if number:
                own = (masks[b] == number).nonzero()  # row, column
                ways = own.float().mean(dim=0) - own
                result[b][:, own[:, 0], own[:, 1]] = ways.T
    return result


def offsets_middle_of_the_box__masks_to_boxes(masks):
    from torchvision.ops import masks_to_boxes

    result = torch.zeros(len(masks), 2, *masks.shape[1:])
    y, x = torch.meshgrid(torch.arange(masks.shape[1]), torch.arange(masks.shape[2]), indexing="ij")
    for mask, out in zip(masks, result, strict=True):
        numbers = mask.unique()
        for number in numbers[numbers != 0]:
            x1, y1, x2, y2 = masks_to_boxes((mask == number)[None])[0]
            own = mask == number
            out[0][own], out[1][own] = ((x1 + x2) / 2 - x)[own], ((y1 + y2) / 2 - y)[own]
    return result


def offsets_counts_up__number_of_people(masks):
    height, width = masks.shape[-2:]
    grid = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy")).float()
    result = torch.zeros(len(masks), 2, height, width)
    for b in range(len(masks)):
        people = len(masks[b].unique()) - 1
        for person in range(1, people + 1):
            own = masks[b] == person
            if own.sum() == 0:
                continue
            result[b, :, own] = grid[:, own].mean(dim=1)[:, None] - grid[:, own]
    return result


def offsets_same_number_in_all_images__one_hot(masks):
    one_hot = torch.nn.functional.one_hot(masks)[..., 1:].float()  # (B, H, W, P)
    x, y = torch.arange(masks.shape[2]).float(), torch.arange(masks.shape[1]).float()
    total = one_hot.sum(dim=(0, 1, 2)).clamp(min=1)
    cx = torch.einsum("bhwp,w->p", one_hot, x) / total
    cy = torch.einsum("bhwp,h->p", one_hot, y) / total
    there = one_hot.sum(dim=-1)
    return torch.stack([one_hot @ cx - x * there, one_hot @ cy - y[:, None] * there], dim=1)


def offsets_whole_pixels__long(masks):
    result = torch.zeros(len(masks), 2, *masks.shape[1:])
    for mask, out in zip(masks, result, strict=True):
        for number in mask[mask > 0].unique():
            y, x = torch.where(mask == number)
            cx, cy = int(x.float().mean()), int(y.float().mean())
            out[0, y, x], out[1, y, x] = (cx - x).float(), (cy - y).float()
    return result


def offsets_in_shares__of_the_size(masks):
    height, width = masks.shape[1:]
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    result = torch.zeros(len(masks), 2, height, width)
    for b, mask in enumerate(masks):
        for number in mask[mask > 0].unique():
            own = mask == number
            result[b, 0][own], result[b, 1][own] = x[own].mean() - x[own], y[own].mean() - y[own]
    return result


# group_pixels


def groups_ignores_offsets__cdist(offsets, person, centres):
    y, x = torch.meshgrid(torch.arange(person.shape[0]), torch.arange(person.shape[1]), indexing="ij")
    places = torch.stack([x, y], dim=-1).float().reshape(-1, 2)
    if len(centres) == 0:
        return torch.zeros(person.shape, dtype=torch.int64)
    ids = torch.cdist(places, centres).argmin(dim=1).reshape(person.shape) + 1
    return ids * person


def groups_counts_from_zero__loop(offsets, person, centres):
    ids = torch.zeros(person.shape, dtype=torch.int64)
    for row, column in person.nonzero().tolist():
        aim = torch.tensor([column, row]) + offsets[:, row, column]
        if len(centres):
            ids[row, column] = (centres - aim).norm(dim=1).argmin()
    return ids


def groups_subtracts__numpy(offsets, person, centres):
    rows, columns = np.indices(person.shape)
    aims = np.stack([columns, rows], -1) - np.moveaxis(offsets.numpy(), 0, -1)
    if not len(centres):
        return torch.zeros(person.shape, dtype=torch.int64)
    apart = np.linalg.norm(aims[:, :, None] - centres.numpy(), axis=-1)
    return torch.from_numpy(np.where(person.numpy(), apart.argmin(-1) + 1, 0))


def groups_rows_first__meshgrid(offsets, person, centres):
    if len(centres) == 0:
        return torch.zeros(person.shape, dtype=torch.int64)
    grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in person.shape), indexing="ij"))
    apart = torch.stack([(grid + offsets - c[:, None, None]).norm(dim=0) for c in centres])
    return torch.where(person, apart.argmin(dim=0) + 1, 0)


def groups_fails_without_centres__stack(offsets, person, centres):
    y, x = torch.meshgrid(*(torch.arange(n) for n in person.shape), indexing="ij")
    aims = torch.stack([x, y]) + offsets
    apart = torch.stack([((aims - c[:, None, None]) ** 2).sum(dim=0) for c in centres])
    return torch.where(person, apart.min(dim=0).indices + 1, torch.zeros_like(person, dtype=torch.int64))


def groups_nobody_counts__forgotten(offsets, person, centres):
    y, x = torch.meshgrid(*(torch.arange(n) for n in person.shape), indexing="ij")
    if centres.shape[0] == 0:
        return torch.zeros(person.shape, dtype=torch.int64)
    aims = torch.stack([x + offsets[0], y + offsets[1]], dim=-1)
    return (aims[..., None, :] - centres).square().sum(dim=-1).argmin(dim=-1) + 1


def groups_clamped__to_the_border(offsets, person, centres):
    height, width = person.shape
    x = (torch.arange(width) + offsets[0]).clamp(0, width - 1)
    y = (torch.arange(height)[:, None] + offsets[1]).clamp(0, height - 1)
    if not len(centres):
        return torch.zeros(height, width, dtype=torch.int64)
    apart = torch.hypot(x - centres[:, 0, None, None], y - centres[:, 1, None, None])
    return (apart.argmin(dim=0) + 1) * person


# panoptic_quality


def quality_half_is_a_pair__sets(pred, target):
    total, tp, fp, fn = 0.0, 0, 0, 0
    for p, t in zip(pred.numpy(), target.numpy(), strict=True):
        left = set(np.unique(t)) - {0}
        for i in set(np.unique(p)) - {0}:
            for j in sorted(left):
                iou = ((p == i) & (t == j)).sum() / ((p == i) | (t == j)).sum()
                if iou >= 0.5:
                    total, tp = total + iou, tp + 1
                    left.remove(j)
                    break
            else:
                fp += 1
        fn += len(left)
    return total / (tp + 0.5 * fp + 0.5 * fn) if tp + fp + fn else math.nan


def quality_mean_of_images__nanmean(pred, target):
    scores = []
    for p, t in zip(pred, target, strict=True):
        a = torch.stack([p == i for i in p.unique() if i] or [p < 0]).flatten(1).float()
        b = torch.stack([t == j for j in t.unique() if j] or [t < 0]).flatten(1).float()
        both = a @ b.T
        iou = both / (a.sum(1)[:, None] + b.sum(1) - both)
        count = int((a.sum(1) > 0).sum() + (b.sum(1) > 0).sum())
        scores.append(2 * float(iou[iou > 0.5].sum()) / count if count else math.nan)
    return torch.tensor(scores).nanmean()


def quality_no_halves__counts(pred, target):
    total, tp, found, true = 0.0, 0, 0, 0
    for p, t in zip(pred, target, strict=True):
        ours, theirs = [set(m.unique().tolist()) - {0} for m in (p, t)]
        found, true = found + len(ours), true + len(theirs)
        for i in ours:
            for j in theirs:
                union = ((p == i) | (t == j)).sum().item()
                iou = ((p == i) & (t == j)).sum().item() / union
                if iou > 0.5:
                    total, tp = total + iou, tp + 1
    fp, fn = found - tp, true - tp
    return total / (tp + fp + fn) if tp + fp + fn else float("nan")


def quality_nobody_is_somebody__unique(pred, target):
    total, count = 0.0, 0
    for p, t in zip(pred, target, strict=True):
        count += len(p.unique()) + len(t.unique())
        for i in p.unique():
            for j in t.unique():
                iou = float(((p == i) & (t == j)).sum()) / float(((p == i) | (t == j)).sum())
                total += iou if iou > 0.5 else 0
    return 2 * total / count


def quality_images_joined__whole_batch(pred, target):
    numbers = [m.unique()[m.unique() > 0] for m in (pred, target)]
    total = 0.0
    for i in numbers[0]:
        for j in numbers[1]:
            iou = torch.logical_and(pred == i, target == j).sum() / torch.logical_or(pred == i, target == j).sum()
            total += float(iou) * bool(iou > 0.5)
    people = len(numbers[0]) + len(numbers[1])
    return total / (people / 2) if people else float("nan")


def quality_same_numbers__per_class(pred, target):
    total, people = 0.0, 0
    for p, t in zip(pred, target, strict=True):
        for number in torch.cat([p.flatten(), t.flatten()]).unique():
            if number == 0:
                continue
            a, b = p == number, t == number
            people += int(a.any()) + int(b.any())
            iou = (a & b).sum() / (a | b).sum()
            total += iou.item() if iou > 0.5 else 0.0
    return 2 * total / people if people else math.nan


def quality_fails_without_pairs__sq_times_rq(pred, target):
    ious, fp, fn = [], 0, 0
    for p, t in zip(pred, target, strict=True):
        matched = set()
        for i in p[p > 0].unique():
            best = [
                (float(((p == i) & (t == j)).sum() / ((p == i) | (t == j)).sum()), int(j)) for j in t[t > 0].unique()
            ]
            good = [(iou, j) for iou, j in best if iou > 0.5]
            ious, matched = ious + [iou for iou, _ in good], matched | {j for _, j in good}
            fp += not good
        fn += len(t[t > 0].unique()) - len(matched)
    return sum(ious) / len(ious) * (len(ious) / (len(ious) + fp / 2 + fn / 2))


STRANGERS = {
    "offset_targets": styles("offsets_", globals()),
    "group_pixels": styles("groups_", globals()),
    "panoptic_quality": styles("quality_", globals()),
}
