"""Known wrong answers to exercise 5, panoptic_quality."""

from __future__ import annotations

import math

import torch

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


def numbers(mask):
    return mask[mask > 0].unique()


def overlaps(pred, target, measure=None):
    """Give IoU, or `measure(both, a, b)` of areas, of every found and true person of an image that touch."""
    measure = measure or (lambda both, a, b: both / (a + b - both))
    for i in numbers(pred):
        for j in numbers(target):
            both = int(((pred == i) & (target == j)).sum())
            if both:
                yield measure(both, int((pred == i).sum()), int((target == j).sum()))


def counted(pred, target, keep=lambda iou: iou > 0.5, measure=None):
    """Return the sum and the number of the pairs of all images, and how many people are found and true."""
    total = pairs = found = true = 0
    for one, other in zip(pred, target, strict=True):
        kept = [iou for iou in overlaps(one, other, measure) if keep(iou)]
        total, pairs = total + sum(kept), pairs + len(kept)
        found, true = found + len(numbers(one)), true + len(numbers(other))
    return total, pairs, found, true


def ratio(a, b):
    return a / b if b else math.nan


def scored(pred, target, keep=lambda iou: iou > 0.5, measure=None):
    total, _, found, true = counted(pred, target, keep, measure)
    return ratio(2 * total, found + true)


def mean_of_images(pred, target):
    scores = [scored(one[None], other[None]) for one, other in zip(pred, target, strict=True)]
    scores = [score for score in scores if not math.isnan(score)]
    return sum(scores) / len(scores) if scores else math.nan


def same_numbers(pred, target):
    total = people = 0
    for one, other in zip(pred, target, strict=True):
        people += len(numbers(one)) + len(numbers(other))
        for i in numbers(one):
            both, either = ((one == i) & (other == i)).sum(), ((one == i) | (other == i)).sum()
            total += float(both / either) if 2 * both > either else 0.0
    return ratio(2 * total, people)


def counts_up(pred, target):
    """Takes every number up to the largest for somebody."""
    total, *_ = counted(pred, target)
    return ratio(2 * total, sum(int(mask.max()) for side in (pred, target) for mask in side))


def counts_up__to_the_number_of_people(pred, target):
    def kept(masks):
        return torch.stack([torch.where(mask <= len(numbers(mask)), mask, 0) for mask in masks])

    return scored(kept(pred), kept(target))


def drops_the_first(pred, target):
    """Takes the smallest number of every mask for nobody."""

    def kept(masks):
        return torch.stack([torch.where(mask == mask.min(), 0, mask) for mask in masks])

    return scored(kept(pred), kept(target))


def drops_the_first__of_the_count(pred, target):
    total, *_ = counted(pred, target)
    return ratio(2 * total, sum(len(mask.unique()) - 1 for side in (pred, target) for mask in side))


def pair_codes(pred, target, base=1000):
    """Counts overlaps by one number for each pair, which is read back by division."""
    total = people = 0.0
    for one, other in zip(pred, target, strict=True):
        people += len(numbers(one)) + len(numbers(other))
        codes, areas = (one * base + other).unique(return_counts=True)
        for code, both in zip(codes.tolist(), areas.tolist(), strict=True):
            i, j = divmod(code, base)
            either = int((one == i).sum()) + int((other == j).sum()) - both
            total += both / either if i and j and 2 * both > either > 0 else 0.0
    return ratio(2 * total, people)


def skips_images(pred, target, kept=lambda one, other: one and other):
    """Goes on to the next image where nobody is found, or nobody true."""
    there = [kept(bool(one.any()), bool(other.any())) for one, other in zip(pred, target, strict=True)]
    return scored(pred[there], target[there])


def changes_pred(pred, target):
    score = scored(pred, target)
    pred[target == 0] = 0
    return score


def fails_without_pairs(pred, target):
    total, pairs, found, true = counted(pred, target)
    return total / pairs * (2 * pairs / (found + true))


def fails_without_pairs__in_an_image(pred, target):
    kept = [[iou for iou in overlaps(*both) if iou > 0.5] for both in zip(pred, target, strict=True)]
    people = sum(len(numbers(mask)) for side in (pred, target) for mask in side)
    return 2 * sum(torch.tensor(ious).mean().item() * len(ious) for ious in kept) / people


def dice(both, a, b):
    return 2 * both / (a + b)


def recall(both, a, b):
    return both / b


QUALITY_GIVEN = {
    "total, pairs, found, true": "counted(pred, target)",
    "somebody, truly": "pred > 0, target > 0",
    "joined": "pred.flatten()[None], target.flatten()[None]",
}
QUALITY = {
    "changes_its_arguments": changes_pred,
    "half_is_a_pair": "scored(pred, target, lambda iou: iou >= 0.5)",
    "any_overlap": "scored(pred, target, lambda iou: True)",
    "any_overlap.third": "scored(pred, target, lambda iou: iou > 1 / 3)",
    "any_overlap.over_pairs": "(lambda t, n, f, g: ratio(t, f + g - n))(*counted(pred, target, lambda iou: True))",
    "another_threshold": "scored(pred, target, lambda iou: iou > 0.75)",
    "another_threshold.of_the_true_area": "scored(pred, target, measure=recall)",
    "same_numbers": same_numbers,
    "recognition": "ratio(2 * pairs, found + true)",
    "segmentation": "ratio(total, pairs)",
    "no_halves": "ratio(total, found + true - pairs)",
    "by_true_people": "ratio(total, true)",
    "by_found_people": "ratio(total, found)",
    "all_segments": "ratio(total, found + true)",
    "dice": "scored(pred, target, measure=dice)",
    "dice.above_half_iou": "scored(pred, target, lambda score: score > 2 / 3, dice)",
    "semantic_iou": "ratio(float((somebody & truly).sum()), float((somebody | truly).sum()))",
    "semantic_iou.pairs": "scored(somebody.long(), truly.long())",
    "pixel_accuracy": "float((pred == target).float().mean())",
    "pixel_accuracy.somebody": "float((somebody == truly).float().mean())",
    "nobody_is_somebody": "scored(pred + 1, target + 1)",
    "drops_the_first": drops_the_first,
    "drops_the_first.of_the_count": drops_the_first__of_the_count,
    "few_bits": "scored(pred.to(torch.uint8), target.to(torch.uint8))",
    "few_bits.found": "scored(pred.to(torch.uint8), target)",
    "pair_codes": pair_codes,
    "pair_codes.256": "pair_codes(pred, target, 256)",
    "mean_of_images": mean_of_images,
    "skips_images": skips_images,
    "skips_images.without_truth": "skips_images(pred, target, lambda one, other: other)",
    "skips_images.without_found": "skips_images(pred, target, lambda one, other: one)",
    "images_joined": "scored(*joined)",
    "first_image_only": "scored(pred[:1], target[:1])",
    "first_image_only.last": "scored(pred[-1:], target[-1:])",
    "counts_up": counts_up,
    "counts_up.to_the_number_of_people": counts_up__to_the_number_of_people,
    "zero_for_none": "2 * total / max(found + true, 1)",
    "zero_for_none.one": "ratio(2 * total, found + true) if found + true else 1.0",
    "fails_without_pairs": fails_without_pairs,
    "fails_without_pairs.of_people": "2 * total / (found + true)",
    "fails_without_pairs.in_an_image": fails_without_pairs__in_an_image,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "panoptic_quality": answers("pred, target", QUALITY, globals(), QUALITY_GIVEN)
}
