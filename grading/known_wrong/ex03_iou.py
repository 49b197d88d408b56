"""Known wrong answers to exercise 3's questions about intersection over union."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]

NAN = float("nan")
NO_LABEL = -(10**6)  # as ignore_index: every pixel counts


# iou


def _overlap(pred, target):
    """Return the number of pixels in both masks, and in at least one."""
    return (pred & target).sum(), (pred | target).sum()


def _iou(pred, target):
    return (pred & target).sum() / (pred | target).sum()


def iou_mean_of_rows__images(pred, target):
    pred, target = (mask.reshape(len(mask), -1) for mask in (pred, target))
    return ((pred & target).sum(dim=1) / (pred | target).sum(dim=1)).nanmean()


def iou_changes_its_arguments(pred, target):
    either = (pred | target).sum()
    pred &= target
    return pred.sum() / either


IOU_GIVEN = {"both, either": "_overlap(pred, target)", "iou": "_iou(pred, target)"}

IOU = {
    "constant": "torch.tensor(0.0)",
    "constant.one": "1.0",
    "constant.nan": "NAN",
    "empty_is_zero": "both / either if either > 0 else torch.tensor(0.0)",
    "empty_is_zero.clamped": "both / either.clamp(min=1)",
    "empty_is_zero.epsilon": "both / (either + 1e-8)",
    "empty_is_one": "both / either if either > 0 else torch.tensor(1.0)",
    "empty_is_one.epsilon": "(both + 1e-7) / (either + 1e-7)",
    "empty_raises": "both.item() / either.item()",
    "one_empty_is_nan": "both / either if pred.any() and target.any() else torch.tensor(NAN)",
    "one_empty_is_nan.target": "both / either if target.any() else torch.tensor(NAN)",
    "disjoint_is_nan": "both / either if both > 0 else torch.tensor(NAN)",
    "smoothed": "(both + 1) / (either + 1)",
    "smoothed.below": "both / (either + 1)",
    "smoothed.a_little": "(both + 0.1) / (either + 0.1)",
    "over_pred": "(pred & target).sum() / pred.sum()",
    "over_target": "(pred & target).sum() / target.sum()",
    "dice": "2 * (pred & target).sum() / (pred.sum() + target.sum())",
    "union_is_sum": "(pred & target).sum() / (pred.sum() + target.sum())",
    "union_is_xor": "(pred & target).sum() / (pred ^ target).sum()",
    "over_all_pixels": "(pred & target).float().mean()",
    "pixel_accuracy": "(pred == target).float().mean()",
    "equality_as_intersection": "(pred == target).sum() / (pred | target).sum()",
    "background": "_iou(~pred, ~target)",
    "background.and_foreground": "(_iou(~pred, ~target) + iou) / 2",
    "upside_down": "either / both",
    "integer_division": "both // either if either > 0 else torch.tensor(NAN)",
    "integer_division.truncated": "(both / either).nan_to_num(NAN).trunc()",
    "distance": "1 - iou",
    "percent": "100 * iou",
    "rounded": "round(iou.item(), 2)",
    "rounded.to_three": "iou.round(decimals=3)",
    "rounded.to_one": "iou.round(decimals=1)",
    "counts_only": "(pred & target).sum()",
    "mean_of_rows": "((pred & target).sum(dim=-1) / (pred | target).sum(dim=-1)).nanmean()",
    "mean_of_rows.images": iou_mean_of_rows__images,
    "mean_of_rows.one_each": "(pred & target).sum(dim=-1) / (pred | target).sum(dim=-1)",
    "mean_of_rows.two_axes": "((pred & target).sum(dim=(-2, -1)) / (pred | target).sum(dim=(-2, -1))).mean()",
    "areas_only": "torch.minimum(pred.sum(), target.sum()) / torch.maximum(pred.sum(), target.sum())",
    "over_one_area": "both / torch.maximum(pred.sum(), target.sum())",
    "over_one_area.smaller": "both / torch.minimum(pred.sum(), target.sum())",
    "thresholded": "(iou > 0.5).float()",
    "thresholded.bool": "iou > 0.5",
    "empty_is_none": "iou if either > 0 else None",
    "bool_arithmetic": "(pred & target).mean() / (pred | target).mean()",
    "bool_arithmetic.minus": "both / (pred.sum() + (target - pred).sum())",
    "bool_arithmetic.one_minus": "both / (~((1 - pred) & (1 - target))).sum()",
    "python_and": "(pred and target).sum() / (pred or target).sum()",
    "changes_its_arguments": iou_changes_its_arguments,
}


# mean_iou


def _counts(pred, target, num_classes, ignore_index=255):
    """Return the confusion matrix: entry [i, j] counts the pixels of class i that were predicted to be j."""
    counted = target != ignore_index
    index = num_classes * target[counted] + pred[counted]
    return torch.bincount(index, minlength=num_classes**2).view(num_classes, num_classes)


def _parts(pred, target, num_classes, ignore_index=255):
    """Return hits, truth and predictions: three counts for each class."""
    confusion = _counts(pred, target, num_classes, ignore_index)
    return confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)


def _ious(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    return hits / (truth + predicted - hits)


def _with_mean(per_class):
    return per_class.nanmean(), per_class


def _with_plain_mean(per_class):
    return per_class.mean(), per_class


def _all_counted(pred, target, num_classes):
    return _with_mean(_ious(pred, target, num_classes, NO_LABEL))


def _of_confusion(confusion, num_classes):
    confusion = confusion.view(num_classes, num_classes)
    hits = confusion.diagonal()
    return _with_mean(hits / (confusion.sum(dim=0) + confusion.sum(dim=1) - hits))


def _by_masks(pred, target, num_classes, counted):
    """Return the IoU of each class from masks over all pixels; `counted` are those whose target is looked at."""
    ious = []
    for c in range(num_classes):
        p, t = pred == c, (target == c) & counted
        ious.append((p & t).sum() / (p | t).sum())
    return _with_mean(torch.stack(ious))


def _one_hot(pred, target, num_classes):
    p, t = (F.one_hot(labels.flatten(), num_classes).bool() for labels in (pred, target))
    return _with_mean((p & t).sum(dim=0) / (p | t).sum(dim=0))


def _per_image(pred, target, num_classes, ignore_index):
    images = pred.reshape(-1, pred.shape[-1] if pred.ndim < 3 else pred[0].numel())
    return torch.stack(
        [_ious(p, t, num_classes, ignore_index) for p, t in zip(images, target.reshape(images.shape), strict=True)]
    )


def mean_ignored_count_as_class__one_more(pred, target, num_classes, ignore_index=255):
    filled = torch.where(target == ignore_index, num_classes, target)
    per_class = _ious(pred, filled, num_classes + 1, NO_LABEL)
    return per_class.nanmean(), per_class[:num_classes]


def mean_other_ignore_index__by_masks(pred, target, num_classes, ignore_index=255):
    counted = target != 255
    return _by_masks(pred[counted], target[counted], num_classes, counted[counted])


def mean_other_ignore_index__by_bincount(pred, target, num_classes, ignore_index=255):
    counted = target.numpy() != 255
    pairs = num_classes * target.numpy()[counted] + pred.numpy()[counted]
    confusion = np.bincount(pairs, minlength=num_classes**2)[: num_classes**2].reshape(num_classes, num_classes)
    hits = torch.from_numpy(confusion).diagonal()
    return _with_mean(hits / (torch.from_numpy(confusion.sum(0) + confusion.sum(1)) - hits))


def mean_accuracy_of_each_class(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    pred, target = pred[counted], target[counted]
    return _with_mean(torch.stack([((pred == c) == (target == c)).float().mean() for c in range(num_classes)]))


def mean_counts_too_short__classes_by_maximum(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    seen = int(max(pred[counted].max(), target[counted].max())) + 1 if counted.any() else num_classes
    return _with_mean(_ious(pred, target, seen, ignore_index))


def mean_nothing_counts_raises(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    ious = [value for value in per_class.tolist() if value == value]
    return sum(ious) / len(ious), per_class


def mean_nothing_counts_raises__by_the_maximum(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    assert target[counted].max() < num_classes  # of nothing there is no maximum
    return _with_mean(_ious(pred, target, num_classes, ignore_index))


def mean_changes_its_arguments(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    pred[~counted] = target[~counted] = num_classes
    return _with_mean(_ious(pred, target, num_classes + 1, num_classes)[:num_classes])


def mean_changes_its_arguments__classes_merged(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    target *= num_classes
    target += pred
    return _of_confusion(torch.bincount(target[counted], minlength=num_classes**2), num_classes)


MEAN_IOU_GIVEN = {
    "counted": "target != ignore_index",
    "hits, truth, predicted": "_parts(pred, target, num_classes, ignore_index)",
    "union": "truth + predicted - hits",
    "ious": "hits / union",
    "per_image": "_per_image(pred, target, num_classes, ignore_index)",
    "small": "target < num_classes",
    "positive": "(target >= 0) & (target != 255)",
}

MEAN_IOU = {
    "constant": "(0.0, torch.zeros(num_classes))",
    "constant.ones": "(1.0, torch.ones(num_classes))",
    "constant.nan": "(NAN, torch.full((num_classes,), NAN))",
    "absent_counts_as_zero": "_with_plain_mean(ious.nan_to_num())",
    "absent_counts_as_zero.in_the_mean": "ious.nansum() / num_classes, ious",
    "absent_counts_as_zero.epsilon": "_with_plain_mean(hits / (union + 1e-7))",
    "absent_counts_as_one": "_with_plain_mean(ious.nan_to_num(nan=1.0))",
    "absent_counts_as_one.epsilon": "_with_plain_mean((hits + 1e-7) / (union + 1e-7))",
    "plain_mean_of_nan": "_with_plain_mean(ious)",
    "absent_not_nan": "ious.nanmean(), ious.nan_to_num()",
    "absent_not_nan.minus_one": "ious.nanmean(), ious.nan_to_num(nan=-1.0)",
    "absent_left_out": "ious.nanmean(), ious[~ious.isnan()]",
    "absent_left_out.classes_of_the_truth": "_with_mean(ious[target[counted].unique()])",
    "skips_unseen_in_truth": "_with_mean(torch.where(truth > 0, ious, NAN))",
    "skips_unseen_in_truth.in_the_mean": "ious[truth > 0].mean(), ious",
    "skips_unpredicted": "_with_mean(torch.where(predicted > 0, ious, NAN))",
    "skips_unpredicted.in_the_mean": "ious[predicted > 0].mean(), ious",
    "skips_one_sided": "_with_mean(torch.where((truth > 0) & (predicted > 0), ious, NAN))",
    "skips_zeros": "ious[ious > 0].mean(), ious",
    "skips_zeros.in_both": "_with_mean(torch.where(hits > 0, ious, NAN))",
    "ignored_count_as_predicted": "_by_masks(pred, target, num_classes, counted)",
    "ignored_count_as_class": "_all_counted(pred, torch.where(counted, target, 0), num_classes)",
    "ignored_count_as_class.clamped": "_all_counted(pred, target.clamp(0, num_classes - 1), num_classes)",
    "ignored_count_as_class.one_more": mean_ignored_count_as_class__one_more,
    "ignored_count_as_right.of_class_0": "_all_counted(pred * counted, target * counted, num_classes)",
    "ignored_count_as_right": "_all_counted(pred, torch.where(counted, target, pred), num_classes)",
    "ignore_index_unused": "_all_counted(pred, target, num_classes)",
    "ignore_index_unused.one_hot": "_one_hot(pred, target, num_classes)",
    "other_ignore_index": "_with_mean(_ious(pred, target, num_classes))",
    "other_ignore_index.by_masks": mean_other_ignore_index__by_masks,
    "other_ignore_index.by_bincount": mean_other_ignore_index__by_bincount,
    "other_ignore_index.below_num_classes": "_with_mean(_ious(pred[small], target[small], num_classes))",
    "other_ignore_index.above_zero": "_with_mean(_ious(pred[positive], target[positive], num_classes))",
    "mean_of_images": "per_image.nanmean(dim=1).nanmean(), per_image.nanmean(dim=0)",
    "mean_of_images.then_of_classes": "_with_mean(per_image.nanmean(dim=0))",
    "first_image_only": "_with_mean(_ious(pred[0], target[0], num_classes, ignore_index))",
    "first_image_only.last": "_with_mean(_ious(pred[-1], target[-1], num_classes, ignore_index))",
    "mean_of_images.mean_only": "per_image.nanmean(dim=1).nanmean(), ious",
    "over_truth": "_with_mean(hits / truth)",
    "over_predicted": "_with_mean(hits / predicted)",
    "dice": "_with_mean(2 * hits / (truth + predicted))",
    "union_is_sum": "_with_mean(hits / (truth + predicted))",
    "union_is_xor": "_with_mean(hits / (truth + predicted - 2 * hits))",
    "accuracy_of_each_class": mean_accuracy_of_each_class,
    "pixel_accuracy": "(pred == target)[counted].float().mean(), ious",
    "weighted_by_frequency": "(ious * truth).nansum() / truth.sum(), ious",
    "one_ratio_for_all": "hits.sum() / union.sum(), ious",
    "background_left_out": "ious[1:].nanmean(), ious",
    "background_left_out.in_both": "_with_mean(ious[1:])",
    "background_left_out.pixels": "_with_mean(_ious(pred[target > 0], target[target > 0], num_classes, ignore_index))",
    "last_class_left_out": "_with_mean(ious[:-1])",
    "last_class_left_out.in_the_mean": "ious[:-1].nanmean(), ious",
    "last_class_left_out.counted_from_one": "_with_mean(torch.cat([ious[1:], ious.new_tensor([NAN])]))",
    "integer_division": "_with_mean(torch.where(truth + predicted > 0, hits // union.clamp(min=1), NAN))",
    "only_the_mean": "ious.nanmean()",
    "only_the_classes": "ious",
    "order_swapped": "ious, ious.nanmean()",
    "classes_in_a_list": "ious.nanmean(), ious.tolist()",
    "not_flattened": "_of_confusion(torch.bincount(num_classes * target + pred), num_classes)",
    "counts_too_short": "_of_confusion(torch.bincount(num_classes * target[counted] + pred[counted]), num_classes)",
    "counts_too_short.classes_by_maximum": mean_counts_too_short__classes_by_maximum,
    "nothing_counts_as_zero": "ious.nanmean().nan_to_num(), ious",
    "nothing_counts_as_zero.in_both": "_with_mean(ious) if counted.any() else (0.0, torch.zeros(num_classes))",
    "nothing_counts_raises": mean_nothing_counts_raises,
    "nothing_counts_raises.by_the_maximum": mean_nothing_counts_raises__by_the_maximum,
    "changes_its_arguments": mean_changes_its_arguments,
    "changes_its_arguments.classes_merged": mean_changes_its_arguments__classes_merged,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "iou": answers("pred, target", IOU, globals(), IOU_GIVEN),
    "mean_iou": answers("pred, target, num_classes, ignore_index=255", MEAN_IOU, globals(), MEAN_IOU_GIVEN),
}
