"""Known wrong answers to exercise 3: ordinary code of ordinary mistakes, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong import ex03_decoders

__all__ = ["KNOWN_WRONG"]

NAN = float("nan")
NO_LABEL = -(10**6)  # as ignore_index: every pixel counts


# iou


def _overlap(pred, target):
    """Return the number of pixels in both masks, and in at least one."""
    return (pred & target).sum(), (pred | target).sum()


def iou_empty_is_zero(pred, target):
    both, either = _overlap(pred, target)
    return both / either if either > 0 else torch.tensor(0.0)


def iou_empty_is_zero__clamped(pred, target):
    both, either = _overlap(pred, target)
    return both / either.clamp(min=1)


def iou_empty_is_zero__epsilon(pred, target):
    both, either = _overlap(pred, target)
    return both / (either + 1e-8)


def iou_empty_is_one(pred, target):
    both, either = _overlap(pred, target)
    return both / either if either > 0 else torch.tensor(1.0)


def iou_empty_is_one__epsilon(pred, target):
    both, either = _overlap(pred, target)
    return (both + 1e-7) / (either + 1e-7)


def iou_empty_raises(pred, target):
    both, either = _overlap(pred, target)
    return both.item() / either.item()


def iou_one_empty_is_nan(pred, target):
    both, either = _overlap(pred, target)
    return both / either if pred.any() and target.any() else torch.tensor(NAN)


def iou_one_empty_is_nan__target(pred, target):
    both, either = _overlap(pred, target)
    return both / either if target.any() else torch.tensor(NAN)


def iou_disjoint_is_nan(pred, target):
    both, either = _overlap(pred, target)
    return both / either if both > 0 else torch.tensor(NAN)


def iou_smoothed(pred, target):
    both, either = _overlap(pred, target)
    return (both + 1) / (either + 1)


def iou_smoothed__below(pred, target):
    both, either = _overlap(pred, target)
    return both / (either + 1)


def iou_smoothed__a_little(pred, target):
    both, either = _overlap(pred, target)
    return (both + 0.1) / (either + 0.1)


def iou_over_pred(pred, target):
    return (pred & target).sum() / pred.sum()


def iou_over_target(pred, target):
    return (pred & target).sum() / target.sum()


def iou_dice(pred, target):
    return 2 * (pred & target).sum() / (pred.sum() + target.sum())


def iou_union_is_sum(pred, target):
    return (pred & target).sum() / (pred.sum() + target.sum())


def iou_union_is_xor(pred, target):
    return (pred & target).sum() / (pred ^ target).sum()


def iou_over_all_pixels(pred, target):
    return (pred & target).float().mean()


def iou_pixel_accuracy(pred, target):
    return (pred == target).float().mean()


def iou_equality_as_intersection(pred, target):
    return (pred == target).sum() / (pred | target).sum()


def iou_background(pred, target):
    return _iou(~pred, ~target)


def iou_background__and_foreground(pred, target):
    return (_iou(~pred, ~target) + _iou(pred, target)) / 2


def _iou(pred, target):
    return (pred & target).sum() / (pred | target).sum()


def iou_upside_down(pred, target):
    both, either = _overlap(pred, target)
    return either / both


def iou_integer_division(pred, target):
    both, either = _overlap(pred, target)
    return both // either if either > 0 else torch.tensor(NAN)


def iou_integer_division__truncated(pred, target):
    both, either = _overlap(pred, target)
    return (both / either).nan_to_num(NAN).trunc()


def iou_distance(pred, target):
    return 1 - _iou(pred, target)


def iou_percent(pred, target):
    return 100 * _iou(pred, target)


def iou_rounded(pred, target):
    return round(_iou(pred, target).item(), 2)


def iou_counts_only(pred, target):
    return (pred & target).sum()


def iou_mean_of_rows(pred, target):
    return ((pred & target).sum(dim=-1) / (pred | target).sum(dim=-1)).nanmean()


def iou_mean_of_rows__images(pred, target):
    pred, target = (mask.reshape(len(mask), -1) for mask in (pred, target))
    return ((pred & target).sum(dim=1) / (pred | target).sum(dim=1)).nanmean()


def iou_mean_of_rows__one_each(pred, target):
    return (pred & target).sum(dim=-1) / (pred | target).sum(dim=-1)


def iou_mean_of_rows__two_axes(pred, target):
    return ((pred & target).sum(dim=(-2, -1)) / (pred | target).sum(dim=(-2, -1))).mean()


def iou_python_and(pred, target):
    return (pred and target).sum() / (pred or target).sum()


def iou_changes_its_arguments(pred, target):
    either = (pred | target).sum()
    pred &= target
    return pred.sum() / either


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


def mean_absent_counts_as_zero(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index).nan_to_num()
    return per_class.mean(), per_class


def mean_absent_counts_as_zero__in_the_mean(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nansum() / num_classes, per_class


def mean_absent_counts_as_zero__epsilon(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted - hits + 1e-7)
    return per_class.mean(), per_class


def mean_absent_counts_as_one(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index).nan_to_num(nan=1.0)
    return per_class.mean(), per_class


def mean_absent_counts_as_one__epsilon(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = (hits + 1e-7) / (truth + predicted - hits + 1e-7)
    return per_class.mean(), per_class


def mean_plain_mean_of_nan(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.mean(), per_class


def mean_absent_not_nan(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class.nan_to_num()


def mean_absent_not_nan__minus_one(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class.nan_to_num(nan=-1.0)


def mean_absent_left_out(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class[~per_class.isnan()]


def mean_absent_left_out__classes_of_the_truth(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)[target[target != ignore_index].unique()]
    return per_class.nanmean(), per_class


def mean_skips_unseen_in_truth(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = torch.where(truth > 0, hits / (truth + predicted - hits), NAN)
    return per_class.nanmean(), per_class


def mean_skips_unseen_in_truth__in_the_mean(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted - hits)
    return per_class[truth > 0].mean(), per_class


def mean_skips_unpredicted(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = torch.where(predicted > 0, hits / (truth + predicted - hits), NAN)
    return per_class.nanmean(), per_class


def mean_skips_unpredicted__in_the_mean(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted - hits)
    return per_class[predicted > 0].mean(), per_class


def mean_skips_one_sided(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = torch.where((truth > 0) & (predicted > 0), hits / (truth + predicted - hits), NAN)
    return per_class.nanmean(), per_class


def mean_skips_zeros(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class[per_class > 0].mean(), per_class


def mean_skips_zeros__in_both(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = torch.where(hits > 0, hits / (truth + predicted - hits), NAN)
    return per_class.nanmean(), per_class


def _by_masks(pred, target, num_classes, counted):
    """Return the IoU of each class from masks over all pixels; `counted` are those whose target is looked at."""
    ious = []
    for c in range(num_classes):
        p, t = pred == c, (target == c) & counted
        ious.append((p & t).sum() / (p | t).sum())
    per_class = torch.stack(ious)
    return per_class.nanmean(), per_class


def mean_ignored_count_as_predicted(pred, target, num_classes, ignore_index=255):
    return _by_masks(pred, target, num_classes, target != ignore_index)


def mean_ignored_count_as_class(pred, target, num_classes, ignore_index=255):
    filled = torch.where(target == ignore_index, 0, target)
    per_class = _ious(pred, filled, num_classes, NO_LABEL)
    return per_class.nanmean(), per_class


def mean_ignored_count_as_class__clamped(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target.clamp(0, num_classes - 1), num_classes, NO_LABEL)
    return per_class.nanmean(), per_class


def mean_ignored_count_as_class__one_more(pred, target, num_classes, ignore_index=255):
    filled = torch.where(target == ignore_index, num_classes, target)
    per_class = _ious(pred, filled, num_classes + 1, NO_LABEL)
    return per_class.nanmean(), per_class[:num_classes]


def mean_ignored_count_as_right(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, torch.where(target == ignore_index, pred, target), num_classes, NO_LABEL)
    return per_class.nanmean(), per_class


def mean_ignore_index_unused(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, NO_LABEL)
    return per_class.nanmean(), per_class


def mean_other_ignore_index(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes)
    return per_class.nanmean(), per_class


def mean_other_ignore_index__by_masks(pred, target, num_classes, ignore_index=255):
    counted = target != 255
    return _by_masks(pred[counted], target[counted], num_classes, counted[counted])


def mean_other_ignore_index__below_num_classes(pred, target, num_classes, ignore_index=255):
    counted = target < num_classes
    per_class = _ious(pred[counted], target[counted], num_classes)
    return per_class.nanmean(), per_class


def mean_other_ignore_index__above_zero(pred, target, num_classes, ignore_index=255):
    counted = (target >= 0) & (target != 255)
    per_class = _ious(pred[counted], target[counted], num_classes)
    return per_class.nanmean(), per_class


def _per_image(pred, target, num_classes, ignore_index):
    images = pred.reshape(-1, pred.shape[-1] if pred.ndim < 3 else pred[0].numel())
    return torch.stack(
        [_ious(p, t, num_classes, ignore_index) for p, t in zip(images, target.reshape(images.shape), strict=True)]
    )


def mean_mean_of_images(pred, target, num_classes, ignore_index=255):
    per_image = _per_image(pred, target, num_classes, ignore_index)
    return per_image.nanmean(dim=1).nanmean(), per_image.nanmean(dim=0)


def mean_mean_of_images__then_of_classes(pred, target, num_classes, ignore_index=255):
    per_class = _per_image(pred, target, num_classes, ignore_index).nanmean(dim=0)
    return per_class.nanmean(), per_class


def mean_mean_of_images__mean_only(pred, target, num_classes, ignore_index=255):
    per_image = _per_image(pred, target, num_classes, ignore_index)
    return per_image.nanmean(dim=1).nanmean(), _ious(pred, target, num_classes, ignore_index)


def mean_over_truth(pred, target, num_classes, ignore_index=255):
    hits, truth, _ = _parts(pred, target, num_classes, ignore_index)
    return (hits / truth).nanmean(), hits / truth


def mean_over_predicted(pred, target, num_classes, ignore_index=255):
    hits, _, predicted = _parts(pred, target, num_classes, ignore_index)
    return (hits / predicted).nanmean(), hits / predicted


def mean_dice(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = 2 * hits / (truth + predicted)
    return per_class.nanmean(), per_class


def mean_union_is_sum(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted)
    return per_class.nanmean(), per_class


def mean_union_is_xor(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted - 2 * hits)
    return per_class.nanmean(), per_class


def mean_accuracy_of_each_class(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    pred, target = pred[counted], target[counted]
    per_class = torch.stack([((pred == c) == (target == c)).float().mean() for c in range(num_classes)])
    return per_class.nanmean(), per_class


def mean_pixel_accuracy(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    return (pred == target)[counted].float().mean(), _ious(pred, target, num_classes, ignore_index)


def mean_weighted_by_frequency(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = hits / (truth + predicted - hits)
    return (per_class * truth).nansum() / truth.sum(), per_class


def mean_one_ratio_for_all(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    union = truth + predicted - hits
    return hits.sum() / union.sum(), hits / union


def mean_background_left_out(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class[1:].nanmean(), per_class


def mean_background_left_out__in_both(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)[1:]
    return per_class.nanmean(), per_class


def mean_integer_division(pred, target, num_classes, ignore_index=255):
    hits, truth, predicted = _parts(pred, target, num_classes, ignore_index)
    per_class = torch.where(truth + predicted > 0, hits // (truth + predicted - hits).clamp(min=1), NAN)
    return per_class.nanmean(), per_class


def mean_only_the_mean(pred, target, num_classes, ignore_index=255):
    return _ious(pred, target, num_classes, ignore_index).nanmean()


def mean_only_the_classes(pred, target, num_classes, ignore_index=255):
    return _ious(pred, target, num_classes, ignore_index)


def mean_order_swapped(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class, per_class.nanmean()


def mean_classes_in_a_list(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class.tolist()


def mean_counts_too_short(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    confusion = torch.bincount(num_classes * target[counted] + pred[counted]).view(num_classes, num_classes)
    hits = confusion.diagonal()
    per_class = hits / (confusion.sum(dim=0) + confusion.sum(dim=1) - hits)
    return per_class.nanmean(), per_class


def mean_counts_too_short__classes_by_maximum(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    seen = int(max(pred[counted].max(), target[counted].max())) + 1 if counted.any() else num_classes
    per_class = _ious(pred, target, seen, ignore_index)
    return per_class.nanmean(), per_class


def mean_nothing_counts_as_zero(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean().nan_to_num(), per_class


def mean_nothing_counts_as_zero__in_both(pred, target, num_classes, ignore_index=255):
    if not (target != ignore_index).any():
        return 0.0, torch.zeros(num_classes)
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class


def mean_nothing_counts_raises(pred, target, num_classes, ignore_index=255):
    per_class = _ious(pred, target, num_classes, ignore_index)
    ious = [value for value in per_class.tolist() if value == value]
    return sum(ious) / len(ious), per_class


def mean_nothing_counts_raises__by_the_maximum(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    assert target[counted].max() < num_classes  # of nothing there is no maximum
    per_class = _ious(pred, target, num_classes, ignore_index)
    return per_class.nanmean(), per_class


def mean_changes_its_arguments(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    pred[~counted] = target[~counted] = num_classes
    per_class = _ious(pred, target, num_classes + 1, num_classes)[:num_classes]
    return per_class.nanmean(), per_class


def mean_changes_its_arguments__classes_merged(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    target *= num_classes
    target += pred
    confusion = torch.bincount(target[counted], minlength=num_classes**2).view(num_classes, num_classes)
    hits = confusion.diagonal()
    per_class = hits / (confusion.sum(dim=0) + confusion.sum(dim=1) - hits)
    return per_class.nanmean(), per_class


# convolution_matrix


def _matrix(kernel, input_size, stride=(1, 1), padding=(0, 0), dilation=1):
    """Return the matrix of a convolution: what it makes of each image that is 1 at one pixel."""
    height, width = input_size
    units = torch.eye(height * width, dtype=kernel.dtype).view(-1, 1, height, width)
    maps = F.conv2d(units, kernel[None, None], stride=stride, padding=padding, dilation=dilation)
    return maps.flatten(start_dim=1).T.contiguous()


def matrix_flipped_kernel(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.flip(0, 1), input_size, stride, padding)


def matrix_flipped_kernel__rows_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.flip(0), input_size, stride, padding)


def matrix_flipped_kernel__columns_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.flip(1), input_size, stride, padding)


def matrix_transposed_kernel(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.T, input_size, stride, padding)


def matrix_transposed_kernel__values_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.T.reshape(kernel.shape), input_size, stride, padding)


def matrix_transposed_matrix(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, stride, padding).T


def matrix_size_swapped(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size[::-1], stride, padding)


def _out_size(kernel, input_size, stride, padding):
    return [(n + 2 * padding - k) // stride + 1 for n, k in zip(input_size, kernel.shape, strict=True)]


def matrix_column_by_column(kernel, input_size, stride=1, padding=0):
    C = _matrix(kernel, input_size, stride, padding)
    C = C.view(*_out_size(kernel, input_size, stride, padding), *input_size)
    return C.permute(1, 0, 3, 2).reshape(C.shape[0] * C.shape[1], -1)


def matrix_column_by_column__image(kernel, input_size, stride=1, padding=0):
    C = _matrix(kernel, input_size, stride, padding)
    return C.view(len(C), *input_size).transpose(1, 2).reshape(len(C), -1)


def matrix_column_by_column__result(kernel, input_size, stride=1, padding=0):
    C = _matrix(kernel, input_size, stride, padding)
    out = _out_size(kernel, input_size, stride, padding)
    return C.view(*out, -1).transpose(0, 1).reshape(out[0] * out[1], -1)


def matrix_not_flattened(kernel, input_size, stride=1, padding=0):
    C = _matrix(kernel, input_size, stride, padding)
    return C.view(*_out_size(kernel, input_size, stride, padding), *input_size)


def matrix_stride_ignored(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, (1, 1), padding)


def matrix_stride_ignored__in_the_places(kernel, input_size, stride=1, padding=0):
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = _matrix(kernel, input_size, (1, 1), padding).view(
        *_out_size(kernel, input_size, 1, padding), height * width
    )  # the right number of rows, all from the upper left corner
    return C[:out_h, :out_w].reshape(out_h * out_w, -1)


def matrix_stride_one_way(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, (stride, 1), padding)


def matrix_stride_one_way__columns(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, (1, stride), padding)


def matrix_stride_as_dilation(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, (1, 1), padding, dilation=stride)


def matrix_padding_ignored(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, stride)


def matrix_padding_columns_kept(kernel, input_size, stride=1, padding=0):
    height, width = input_size
    return _matrix(kernel, (height + 2 * padding, width + 2 * padding), stride)


def matrix_padding_one_side(kernel, input_size, stride=1, padding=0):
    """Pad below and on the right only, 2 p of it."""
    (height, width), padded = input_size, [n + 2 * padding for n in input_size]
    C = _matrix(kernel, padded, stride)
    return C.view(len(C), *padded)[:, :height, :width].reshape(len(C), -1)


def matrix_padding_one_side__above(kernel, input_size, stride=1, padding=0):
    padded = [n + 2 * padding for n in input_size]
    C = _matrix(kernel, padded, stride)
    return C.view(len(C), *padded)[:, 2 * padding :, 2 * padding :].reshape(len(C), -1)


def matrix_padding_one_side__counted_once(kernel, input_size, stride=1, padding=0):
    padded = [n + padding for n in input_size]
    C = _matrix(kernel, padded, stride)
    return C.view(len(C), *padded)[:, padding:, padding:].reshape(len(C), -1)


def matrix_padding_one_side__rows_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, stride, (padding, 0))


def matrix_padding_one_side__columns_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, stride, (0, padding))


def _placed(kernel, input_size, out_size, stride, padding, place):
    """Return a matrix filled entry by entry: `place(y, x)` is the column, None for none, of a pixel (y, x)."""
    C = kernel.new_zeros(out_size[0] * out_size[1], input_size[0] * input_size[1])
    for i, j in np.ndindex(*out_size):
        for u, v in np.ndindex(*kernel.shape):
            column = place(i * stride + u - padding, j * stride + v - padding)
            if column is not None:
                C[i * out_size[1] + j, column] += kernel[u, v]
    return C


def matrix_wraps_around(kernel, input_size, stride=1, padding=0):
    """Take the pixel beyond a border from the other side."""
    (height, width), out_size = input_size, _out_size(kernel, input_size, stride, padding)
    return _placed(kernel, input_size, out_size, stride, padding, lambda y, x: y % height * width + x % width)


def matrix_wraps_around__into_the_next_row(kernel, input_size, stride=1, padding=0):
    (height, width), out_size = input_size, _out_size(kernel, input_size, stride, padding)
    return _placed(
        kernel,
        input_size,
        out_size,
        stride,
        padding,
        lambda y, x: y * width + x if 0 <= y * width + x < height * width else None,
    )


def matrix_wraps_around__nearest_pixel(kernel, input_size, stride=1, padding=0):
    (height, width), out_size = input_size, _out_size(kernel, input_size, stride, padding)
    return _placed(
        kernel,
        input_size,
        out_size,
        stride,
        padding,
        lambda y, x: min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1),
    )


def _inside(input_size):
    height, width = input_size
    return lambda y, x: y * width + x if 0 <= y < height and 0 <= x < width else None


def matrix_size_rounded_up(kernel, input_size, stride=1, padding=0):
    out_size = [-(-(n + 2 * padding - k) // stride) + 1 for n, k in zip(input_size, kernel.shape, strict=True)]
    return _placed(kernel, input_size, out_size, stride, padding, _inside(input_size))


def matrix_one_row_short(kernel, input_size, stride=1, padding=0):
    out_size = [max(n - 1, 0) for n in _out_size(kernel, input_size, stride, padding)]
    return _placed(kernel, input_size, out_size, stride, padding, _inside(input_size))


def matrix_one_row_short__last_window(kernel, input_size, stride=1, padding=0):
    out_size = [-(-(n + 2 * padding - k) // stride) for n, k in zip(input_size, kernel.shape, strict=True)]
    return _placed(kernel, input_size, out_size, stride, padding, _inside(input_size))


def matrix_result_as_large_as_the_image(kernel, input_size, stride=1, padding=0):
    out_size = [-(-n // stride) for n in input_size]
    return _placed(kernel, input_size, out_size, stride, padding, _inside(input_size))


def matrix_result_as_large_as_the_image__centred(kernel, input_size, stride=1, padding=0):
    kh, kw = kernel.shape
    inside, out_size = _inside(input_size), [-(-n // stride) for n in input_size]
    return _placed(kernel, input_size, out_size, stride, 0, lambda y, x: inside(y - (kh - 1) // 2, x - (kw - 1) // 2))


def matrix_full_overlap(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel, input_size, stride, [k - 1 for k in kernel.shape])


def matrix_kernel_in_one_run(kernel, input_size, stride=1, padding=0):
    """Put the kernel's rows one right after the other into a row of the matrix."""
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h * out_w, height * width)
    for i, j in np.ndindex(out_h, out_w):
        start = (i * stride - padding) * width + j * stride - padding
        for offset, value in enumerate(kernel.flatten()):
            if 0 <= start + offset < height * width:
                C[i * out_w + j, start + offset] = value
    return C


def matrix_one_kernel_for_all_rows(kernel, input_size, stride=1, padding=0):
    C = _matrix(kernel, input_size, stride, padding)
    return C[:1].expand_as(C)


def matrix_float32_only(kernel, input_size, stride=1, padding=0):
    return _matrix(kernel.float(), input_size, stride, padding)


def matrix_changes_its_arguments(kernel, input_size, stride=1, padding=0):
    kernel.copy_(kernel.flip(0, 1).clone())
    return _matrix(kernel.flip(0, 1), input_size, stride, padding)


# transposed_convolution


def _large(image, kernel, stride=1, padding=0):
    return [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]


def _spread(image, kernel, stride=1, padding=0):
    """Return the transposed convolution."""
    return F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def _convolved(image, kernel, stride=1, padding=0):
    return F.conv2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def _to_small(image, kernel, stride, padding):
    """Return the matrix of the convolution from the large map to the small one."""
    return _matrix(kernel, _large(image, kernel, stride, padding), stride, padding)


def spread_inverse(image, kernel, stride=1, padding=0):
    C = _to_small(image, kernel, stride, padding)
    return (torch.linalg.pinv(C) @ image.flatten()).view(_large(image, kernel, stride, padding))


def spread_inverse__least_squares(image, kernel, stride=1, padding=0):
    C = _to_small(image, kernel, stride, padding)
    solved = torch.linalg.lstsq(C, image.reshape(-1, 1), driver="gelsd").solution
    return solved.view(_large(image, kernel, stride, padding))


def spread_convolves(image, kernel, stride=1, padding=0):
    """Take the image to be the large map: C I, where C^T I is asked for."""
    return _convolved(image, kernel, stride, padding)


def spread_convolves__and_back(image, kernel, stride=1, padding=0):
    C = _matrix(kernel, image.shape, stride, padding)
    return (C.T @ (C @ image.flatten())).view(image.shape)


def spread_convolves__from_the_image(image, kernel, stride=1, padding=0):
    return (_matrix(kernel, image.shape, stride, padding).T @ image.flatten()).view(image.shape)


def spread_flipped_kernel(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.flip(0, 1), stride, padding)


def spread_flipped_kernel__rows_only(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.flip(0), stride, padding)


def spread_flipped_kernel__columns_only(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.flip(1), stride, padding)


def spread_flipped_kernel__zeros_put_between(image, kernel, stride=1, padding=0):
    stuffed = image.new_zeros([(n - 1) * stride + 1 for n in image.shape])
    stuffed[::stride, ::stride] = image
    rows, columns = (k - 1 - padding for k in kernel.shape)
    return _convolved(F.pad(stuffed, (columns, columns, rows, rows)), kernel)


def spread_flipped_kernel__full_convolution(image, kernel, stride=1, padding=0):
    padded = F.pad(image, [n - 1 for k in kernel.shape[::-1] for n in (k, k)])
    return _convolved(padded, kernel, stride)


def spread_transposed_kernel(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.T, stride, padding)


def spread_transposed_kernel__values_only(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.T.reshape(kernel.shape), stride, padding)


def spread_padding_enlarges(image, kernel, stride=1, padding=0):
    return F.pad(_spread(image, kernel, stride), (padding,) * 4)


def spread_padding_enlarges__the_image(image, kernel, stride=1, padding=0):
    return _spread(F.pad(image, (padding,) * 4), kernel, stride)


def spread_padding_ignored(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride)


def spread_padding_one_side(image, kernel, stride=1, padding=0):
    height, width = _large(image, kernel, stride, padding)
    return _spread(image, kernel, stride)[:height, :width]


def spread_padding_one_side__above(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride)[2 * padding :, 2 * padding :]


def spread_padding_one_side__once(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride)[padding:, padding:]


def spread_padding_one_side__once_below(image, kernel, stride=1, padding=0):
    whole = _spread(image, kernel, stride)
    return whole[: whole.shape[0] - padding, : whole.shape[1] - padding]


def spread_stride_ignored(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, 1, padding)


def spread_stride_one_way(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, (stride, 1), padding)


def spread_stride_one_way__columns(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, (1, stride), padding)


def spread_repeats_pixels(image, kernel, stride=1, padding=0):
    repeated = image.repeat_interleave(stride, dim=0).repeat_interleave(stride, dim=1)
    return _spread(repeated, kernel, 1, padding)


def spread_repeats_pixels__enlarges_the_result(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, 1, padding).repeat_interleave(stride, dim=0).repeat_interleave(stride, dim=1)


def spread_size_is_stride_times(image, kernel, stride=1, padding=0):
    """Zero-fill or cut to h * stride rows, w * stride columns."""
    result, (height, width) = image.new_zeros([n * stride for n in image.shape]), _large(image, kernel, stride, padding)
    common = tuple(slice(min(n, m)) for n, m in zip((height, width), result.shape, strict=True))
    result[common] = _spread(image, kernel, stride, padding)[common]
    return result


def spread_one_too_many(image, kernel, stride=1, padding=0):
    return F.pad(_spread(image, kernel, stride, padding), (0, 1, 0, 1))


def spread_one_too_many__by_the_stride(image, kernel, stride=1, padding=0):
    """h * stride - 2 p + k rows: a whole stride after the last pixel, too."""
    return F.pad(_spread(image, kernel, stride, padding), (0, stride, 0, stride))


def spread_one_too_many__minus(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride, padding)[:-1, :-1]


def _stamped(image, kernel, stride, padding, combine):
    """Return the kernel stamped at every pixel; `combine(there, stamp)` is what remains where stamps overlap."""
    canvas = image.new_zeros(_large(image, kernel, stride))
    kh, kw = kernel.shape
    for i, j in np.ndindex(*image.shape):
        window = canvas[i * stride : i * stride + kh, j * stride : j * stride + kw]
        window.copy_(combine(window, image[i, j] * kernel))
    return canvas[padding : len(canvas) - padding, padding : canvas.shape[1] - padding]


def spread_overwrites_overlaps(image, kernel, stride=1, padding=0):
    return _stamped(image, kernel, stride, padding, lambda there, stamp: stamp)


def spread_overwrites_overlaps__maximum(image, kernel, stride=1, padding=0):
    return _stamped(image, kernel, stride, padding, torch.maximum)


def spread_overwrites_overlaps__mean(image, kernel, stride=1, padding=0):
    times = _spread(torch.ones_like(image), torch.ones_like(kernel), stride, padding)
    return _spread(image, kernel, stride, padding) / times.clamp(min=1)


def spread_flat_result(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride, padding).flatten()


def spread_batch_axes_left(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride, padding)[None, None]


def spread_size_swapped(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride, padding).T


def spread_size_swapped__view(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride, padding).reshape(_large(image, kernel, stride, padding)[::-1])


def spread_returns_the_matrix(image, kernel, stride=1, padding=0):
    return _to_small(image, kernel, stride, padding).T


def spread_float32_only(image, kernel, stride=1, padding=0):
    return _spread(image.float(), kernel.float(), stride, padding)


def spread_changes_its_arguments(image, kernel, stride=1, padding=0):
    kernel *= image.abs().amax()
    return _spread(image / image.abs().amax(), kernel, stride, padding)


# unpool_with_indices


def _unpooled(features, indices, output_size):
    planes = features.new_zeros(*features.shape[:2], output_size[0] * output_size[1])
    planes = planes.scatter(2, indices.flatten(2), features.flatten(2))
    return planes.view(*features.shape[:2], *output_size)


def unpool_repeats_values(features, indices, output_size):
    return F.interpolate(features, size=tuple(output_size), mode="nearest")


def unpool_repeats_values__twice(features, indices, output_size):
    return features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def unpool_repeats_values__shared(features, indices, output_size):
    return F.interpolate(features, size=tuple(output_size), mode="nearest") / 4


def unpool_repeats_values__bilinear(features, indices, output_size):
    return F.interpolate(features, size=tuple(output_size), mode="bilinear")


def _in_corner(features, output_size, row, column):
    large = features.new_zeros(*features.shape[:2], *output_size)
    large[:, :, row : 2 * features.shape[2] : 2, column : 2 * features.shape[3] : 2] = features
    return large


def unpool_fixed_corner(features, indices, output_size):
    return _in_corner(features, output_size, 0, 0)


def unpool_fixed_corner__lower_right(features, indices, output_size):
    return _in_corner(features, output_size, 1, 1)


def unpool_across_planes(features, indices, output_size):
    """Count the indices through the whole tensor, so that all values land in the first plane."""
    large = features.new_zeros(*features.shape[:2], *output_size)
    return large.flatten().scatter_add(0, indices.flatten(), features.flatten()).view_as(large)


def unpool_across_planes__overwritten(features, indices, output_size):
    large = np.zeros(features.shape[:2] + tuple(output_size), dtype=features.detach().numpy().dtype)
    large.reshape(-1)[indices.flatten().numpy()] = features.detach().numpy().reshape(-1)  # the last one stays
    return torch.from_numpy(large)


def unpool_across_planes__of_an_image(features, indices, output_size):
    large = features.new_zeros(*features.shape[:2], *output_size)
    return large.flatten(1).scatter_add(1, indices.flatten(1), features.flatten(1)).view_as(large)


def unpool_one_plane_for_all(features, indices, output_size):
    """Use the first channel's indices for all of them."""
    return _unpooled(features, indices[:, :1].expand_as(indices).contiguous(), output_size)


def unpool_one_plane_for_all__first_image(features, indices, output_size):
    return _unpooled(features, indices[:1].expand_as(indices).contiguous(), output_size)


def _put(features, rows, columns, output_size):
    large = features.new_zeros(*features.shape[:2], *output_size)
    images = torch.arange(features.shape[0]).view(-1, 1, 1, 1)
    channels = torch.arange(features.shape[1]).view(-1, 1, 1)
    return large.index_put((images, channels, rows, columns), features, accumulate=True)


def unpool_divides_by_height(features, indices, output_size):
    height, width = output_size
    return _put(features, (indices // height) % height, (indices % height) % width, output_size)


def unpool_divides_by_height__unchecked(features, indices, output_size):
    return _put(features, indices // output_size[0], indices % output_size[0], output_size)


def unpool_x_y_swapped(features, indices, output_size):
    height, width = output_size
    return _put(features, (indices % width) % height, (indices // width) % width, output_size)


def unpool_x_y_swapped__unchecked(features, indices, output_size):
    return _put(features, indices % output_size[1], indices // output_size[1], output_size)


def unpool_x_y_swapped__column_by_column(features, indices, output_size):
    return _put(features, indices % output_size[0], indices // output_size[0], output_size)


def unpool_size_swapped(features, indices, output_size):
    return _unpooled(features, indices, output_size[::-1])


def unpool_size_swapped__transposed(features, indices, output_size):
    return _unpooled(features, indices, output_size).transpose(2, 3).contiguous()


def unpool_index_of_the_small_map(features, indices, output_size):
    """Take the index apart with the width of the small map."""
    (height, width), small = output_size, features.shape[3]
    return _put(features, (indices // small) % height, (indices % small) % width, output_size)


def unpool_index_of_the_small_map__in_the_window(features, indices, output_size):
    h, w = features.shape[2:]
    rows = 2 * torch.arange(h).view(-1, 1) + indices % 4 // 2
    return _put(features, rows, 2 * torch.arange(w) + indices % 2, output_size)


def unpool_output_size_ignored(features, indices, output_size):
    size = [2 * n for n in features.shape[2:]]
    return _put(features, indices // size[1], indices % size[1], size)


def unpool_output_size_ignored__max_unpool(features, indices, output_size):
    return F.max_unpool2d(features, indices, 2)


def unpool_output_size_ignored__filled_up(features, indices, output_size):
    height, width = [2 * n for n in features.shape[2:]]
    large = _put(features, (indices // width) % height, indices % width, (height, width))
    return F.pad(large, (0, output_size[1] - width, 0, output_size[0] - height))


def unpool_other_background(features, indices, output_size):
    large = _unpooled(features, indices, output_size)
    return torch.where(_unpooled(torch.ones_like(features), indices, output_size) > 0, large, -torch.inf)


def unpool_other_background__ones(features, indices, output_size):
    large = _unpooled(features, indices, output_size)
    return torch.where(_unpooled(torch.ones_like(features), indices, output_size) > 0, large, 1)


def unpool_other_background__minimum(features, indices, output_size):
    large = _unpooled(features, indices, output_size)
    return torch.where(_unpooled(torch.ones_like(features), indices, output_size) > 0, large, features.min())


def unpool_marks_only(features, indices, output_size):
    return _unpooled(torch.ones_like(features), indices, output_size)


def unpool_indices_instead_of_values(features, indices, output_size):
    return _unpooled(indices.to(features.dtype), indices, output_size)


def unpool_index_from_one(features, indices, output_size):
    return _unpooled(features, (indices - 1) % (output_size[0] * output_size[1]), output_size)


def unpool_not_unflattened(features, indices, output_size):
    return _unpooled(features, indices, output_size).flatten(2)


def unpool_not_attached(features, indices, output_size):
    return _unpooled(features.detach(), indices, output_size)


def unpool_refuses_gradient(features, indices, output_size):
    large = np.zeros((*features.shape[:2], output_size[0] * output_size[1]), dtype=features.numpy().dtype)
    np.put_along_axis(large, indices.flatten(2).numpy(), features.flatten(2).numpy(), axis=2)
    return torch.from_numpy(large).view(*features.shape[:2], *output_size)


def unpool_refuses_gradient__leaf(features, indices, output_size):
    """Give the zeros a gradient of their own, and write into them."""
    planes = torch.zeros(*features.shape[:2], output_size[0] * output_size[1], requires_grad=features.requires_grad)
    return planes.scatter_(2, indices.flatten(2), features.flatten(2)).view(*features.shape[:2], *output_size)


def unpool_float32_only(features, indices, output_size):
    return _unpooled(features.float(), indices, output_size)


def unpool_float32_only__refused(features, indices, output_size):
    planes = torch.zeros(*features.shape[:2], output_size[0] * output_size[1])
    return planes.scatter(2, indices.flatten(2), features.flatten(2)).view(*features.shape[:2], *output_size)


def unpool_changes_its_arguments(features, indices, output_size):
    pixels = output_size[0] * output_size[1]
    indices += pixels * torch.arange(indices.shape[0] * indices.shape[1]).view(*indices.shape[:2], 1, 1)
    large = features.new_zeros(indices.shape[0] * indices.shape[1] * pixels)
    return large.scatter(0, indices.flatten(), features.flatten()).view(*features.shape[:2], *output_size)


# segmentation_loss


def _nll(log_p, target, ignore_index=255):
    """Return the mean of -log p of the target over the pixels that count, 0 if there are none."""
    return F.nll_loss(log_p, target, ignore_index=ignore_index, reduction="sum") / _count(target, ignore_index)


def _count(target, ignore_index=255):
    return (target != ignore_index).sum().clamp(min=1)


def _each(logits, target, ignore_index=255):
    """Return the loss of each pixel, 0 where it does not count."""
    return F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")


def _right(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index).sum() / _count(target, ignore_index)


def loss_needs_numpy(logits, target, ignore_index=255):
    counted = target != ignore_index
    exp = np.exp(logits.numpy())
    p = torch.from_numpy(exp / exp.sum(axis=1, keepdims=True)).gather(1, (target * counted)[:, None])[:, 0]
    return (-p.log() * counted).sum() / _count(target, ignore_index)


def loss_softmax_first(logits, target, ignore_index=255):
    return _right(logits.softmax(dim=1), target, ignore_index)


def loss_softmax_first__sigmoid(logits, target, ignore_index=255):
    return _right(logits.sigmoid(), target, ignore_index)


def loss_no_softmax(logits, target, ignore_index=255):
    return _nll(logits, target, ignore_index)


def loss_no_logarithm(logits, target, ignore_index=255):
    return _nll(logits.softmax(dim=1), target, ignore_index)


def loss_no_logarithm__one_minus(logits, target, ignore_index=255):
    counted = target != ignore_index
    p = logits.softmax(dim=1).gather(1, (target * counted)[:, None])[:, 0]
    return ((1 - p) * counted).sum() / _count(target, ignore_index)


def loss_sign(logits, target, ignore_index=255):
    return -_right(logits, target, ignore_index)


def loss_other_axis(logits, target, ignore_index=255):
    return _nll(logits.log_softmax(dim=0), target, ignore_index)


def loss_other_axis__rows(logits, target, ignore_index=255):
    return _nll(logits.log_softmax(dim=2), target, ignore_index)


def loss_other_axis__columns(logits, target, ignore_index=255):
    return _nll(logits.log_softmax(dim=-1), target, ignore_index)


def loss_other_axis__all_pixels(logits, target, ignore_index=255):
    return _nll(logits.flatten(1).log_softmax(dim=1).view_as(logits), target, ignore_index)


def loss_other_axis__classes_last(logits, target, ignore_index=255):
    return F.cross_entropy(logits.permute(0, 2, 3, 1), target, ignore_index=ignore_index)


def loss_other_axis__reshaped(logits, target, ignore_index=255):
    """Flatten the pixels with the classes still on axis 1."""
    return _right(logits.reshape(-1, logits.shape[1]), target.flatten(), ignore_index)


def loss_mean_over_all_pixels(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index).mean()


def loss_ignored_as_class(logits, target, ignore_index=255):
    return F.cross_entropy(logits, torch.where(target == ignore_index, 0, target))


def loss_ignored_as_class__clamped(logits, target, ignore_index=255):
    return F.cross_entropy(logits, target.clamp(0, logits.shape[1] - 1))


def loss_ignore_index_unused(logits, target, ignore_index=255):
    return F.cross_entropy(logits, target)


def loss_other_ignore_index(logits, target, ignore_index=255):
    return _right(logits, target)


def loss_other_ignore_index__below_num_classes(logits, target, ignore_index=255):
    return _right(logits, torch.where(target < logits.shape[1], target, 255))


def loss_background_ignored(logits, target, ignore_index=255):
    return _right(logits, torch.where(target == 0, ignore_index, target), ignore_index)


def loss_sum(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index).sum()


def loss_sum__mean_over_the_batch(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index).sum() / len(logits)


def loss_sum__each_pixel(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index)


def loss_mean_of_images(logits, target, ignore_index=255):
    counts = (target != ignore_index).sum(dim=(1, 2)).clamp(min=1)
    return (_each(logits, target, ignore_index).sum(dim=(1, 2)) / counts).mean()


def loss_mean_of_classes(logits, target, ignore_index=255):
    each = _each(logits, target, ignore_index)
    classes = [each[target == c].mean() for c in range(logits.shape[1]) if (target == c).any()]
    return torch.stack(classes).mean() if classes else 0 * logits.sum()


def loss_mean_of_classes__weighted(logits, target, ignore_index=255):
    counted = target[target != ignore_index]
    weight = 1 / torch.bincount(counted, minlength=logits.shape[1]).clamp(min=1).to(logits.dtype)
    total = F.cross_entropy(logits, target, weight, ignore_index=ignore_index, reduction="sum")
    return total / weight[counted].sum().clamp(min=1e-9)


def loss_mean_of_classes__over_num_classes(logits, target, ignore_index=255):
    return _right(logits, target, ignore_index) / logits.shape[1]


def loss_binary(logits, target, ignore_index=255):
    counted = target != ignore_index
    truth = F.one_hot(target * counted, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(dim=1)
    return (each * counted).sum() / _count(target, ignore_index)


def loss_binary__mean(logits, target, ignore_index=255):
    return loss_binary(logits, target, ignore_index) / logits.shape[1]


def loss_binary__squared_errors(logits, target, ignore_index=255):
    counted = target != ignore_index
    truth = F.one_hot(target * counted, logits.shape[1]).movedim(-1, 1)
    each = (logits.softmax(dim=1) - truth).square().sum(dim=1)
    return (each * counted).sum() / _count(target, ignore_index)


def loss_error_rate(logits, target, ignore_index=255):
    counted = target != ignore_index
    return (logits.argmax(dim=1) != target)[counted].to(logits.dtype).mean()


def loss_nan_when_nothing_counts(logits, target, ignore_index=255):
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def loss_detached_zero(logits, target, ignore_index=255):
    if not (target != ignore_index).any():
        return torch.tensor(0.0)
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def loss_detached_zero__needs_gradient(logits, target, ignore_index=255):
    if not (target != ignore_index).any():
        return torch.zeros((), requires_grad=True)
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def loss_detached_zero__number(logits, target, ignore_index=255):
    if not (target != ignore_index).any():
        return 0.0
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def loss_not_attached(logits, target, ignore_index=255):
    return _right(logits.detach(), target, ignore_index)


def loss_not_attached__number(logits, target, ignore_index=255):
    return _right(logits, target, ignore_index).item()


def loss_float32_only(logits, target, ignore_index=255):
    return _right(logits.float(), target, ignore_index)


def loss_changes_its_arguments(logits, target, ignore_index=255):
    counted = target != ignore_index
    target[~counted] = 0
    each = F.cross_entropy(logits, target, reduction="none")
    return (each * counted).sum() / counted.sum().clamp(min=1)


def loss_changes_its_arguments__logits(logits, target, ignore_index=255):
    logits.data -= logits.data.amax(dim=1, keepdim=True)
    return _right(logits, target, ignore_index)


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "iou": _named("iou_"),
    "mean_iou": _named("mean_"),
    "convolution_matrix": _named("matrix_"),
    "transposed_convolution": _named("spread_"),
    "unpool_with_indices": _named("unpool_"),
    "segmentation_loss": _named("loss_"),
    **ex03_decoders.KNOWN_WRONG,
}
